//! Sizes as people write them.

/// Reads `10KB`, `4MB`, `1GB` (powers of 1000) or a plain count of bytes.
///
/// # Errors
/// When it is no such size.
pub fn parse(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" => 1_000,
        "M" | "MB" => 1_000_000,
        "G" | "GB" => 1_000_000_000,
        unit => return Err(format!("`{unit}` is no unit: write KB, MB or GB")),
    };
    let count: u64 = digits.trim().parse().map_err(|_| format!("`{text}` is no size: write for example 1GB"))?;
    count.checked_mul(unit).ok_or_else(|| format!("`{text}` is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!(parse("10KB"), Ok(10_000));
        assert_eq!(parse("1g"), Ok(1_000_000_000));
        assert_eq!(parse("17"), Ok(17));
        assert!(parse("").is_err());
        assert!(parse("3 apples").is_err());
        assert!(parse("99999999999GB").is_err());
    }
}
