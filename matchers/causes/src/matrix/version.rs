//! Versions of tools, which are ordered by their numbers: 9.3 comes before 12.

use std::cmp::Ordering;

/// Compares two versions number by number; what is no number is compared as text.
///
/// `12` and `12.2` are equal as far as they go, and the shorter one comes first.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (parts(a), parts(b));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => {
                let order = match (a.parse::<u64>(), b.parse::<u64>()) {
                    (Ok(a), Ok(b)) => a.cmp(&b),
                    _ => a.cmp(b),
                };
                if order.is_ne() {
                    return order;
                }
            }
        }
    }
}

fn parts(version: &str) -> impl Iterator<Item = &str> {
    version.split(['.', '-', '_', '+', '~']).filter(|part| !part.is_empty())
}

/// The first number of a version that is enough to tell it from `other`: `13` for 13.2 beside
/// 12.2, `12.3` for 12.3 beside 12.2.
pub fn shortest_beside<'v>(version: &'v str, other: Option<&str>) -> &'v str {
    let Some(other) = other else { return version };
    let cuts = version.match_indices('.').map(|(at, _)| at).chain([version.len()]);
    for cut in cuts {
        let (short, same) = (&version[..cut], other.get(..cut));
        let differs = same != Some(short) || other[cut..].starts_with(|c: char| c.is_ascii_digit());
        // A cut version stands for its first release: all below it must be below.
        if differs && compare(other, short).is_lt() == compare(other, version).is_lt() {
            return short;
        }
    }
    version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_numbers() {
        let mut versions = ["14.0.6", "9.3", "12", "12.2.0", "19.1", "4.9.4"];
        versions.sort_by(|a, b| compare(a, b));
        assert_eq!(versions, ["4.9.4", "9.3", "12", "12.2.0", "14.0.6", "19.1"]);
    }

    #[test]
    fn as_short_as_tells() {
        assert_eq!(shortest_beside("13.2.0", Some("12.2.0")), "13");
        assert_eq!(shortest_beside("12.3.0", Some("12.2.0")), "12.3");
        assert_eq!(shortest_beside("9.3", Some("19.3")), "9");
        assert_eq!(shortest_beside("13.2.0", None), "13.2.0");
    }
}
