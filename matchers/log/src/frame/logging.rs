//! What logging libraries and Zuul put between a stamp and the text.

use super::stamp::{after_blank, blanks};

/// Words for the importance of a record. In upper case only.
const LEVELS: &[&[u8]] =
    &[b"TRACE", b"DEBUG", b"INFO", b"NOTICE", b"NOTE", b"WARN", b"WARNING", b"ERROR", b"CRITICAL", b"FATAL"];

/// Takes off `INFO -  `, `- name - INFO - `, `[INFO] ` and, after a stamp of Python's `logging`
/// (`comma`), `INFO ` and `INFO: `. Tools print `ERROR: ` and `WARNING: ` themselves: those stay.
pub(super) fn level(text: &[u8], comma: bool) -> Option<&[u8]> {
    let text = &text[blanks(&text[..text.len().min(16)])..];
    if let Some(inner) = text.strip_prefix(b"[") {
        let word = leading(inner)?;
        return after_blank(inner[word..].strip_prefix(b"]")?, 0);
    }
    let text = text.strip_prefix(b"- ").unwrap_or(text);
    let Some(word) = leading(text) else {
        let name = text.iter().take(64).take_while(|&&byte| byte != b' ').count();
        let rest = text[name..].strip_prefix(b" - ").filter(|_| comma && name > 0)?;
        let word = leading(rest)?;
        return rest[word..].strip_prefix(b" - ");
    };
    let rest = &text[word..];
    let gap = blanks(&rest[..rest.len().min(16)]);
    if let Some(rest) = rest[gap..].strip_prefix(b"-")
        && gap > 0
    {
        let gap = blanks(&rest[..rest.len().min(2)]);
        return (gap > 0 || rest.is_empty()).then(|| &rest[gap..]);
    }
    if !comma {
        return None;
    }
    if let Some(rest) = rest.strip_prefix(b":") {
        return if matches!(&text[..word], b"DEBUG" | b"INFO") { after_blank(rest, 0) } else { None };
    }
    // `ERROR (name): ` and `FATAL ERROR: ` are a tool's own words.
    if gap == 0 || rest[gap..].starts_with(b"(") || text.starts_with(b"FATAL ERROR:") {
        return None;
    }
    // Levels are often padded to eight columns; blanks beyond that are the text's.
    let pad = 9usize.saturating_sub(word).max(1);
    Some(&rest[if gap >= pad { pad } else { 1 }..])
}

/// Length of the level that a text begins with.
fn leading(text: &[u8]) -> Option<usize> {
    let length = text.iter().take(9).take_while(|byte| byte.is_ascii_uppercase()).count();
    LEVELS.contains(&&text[..length]).then_some(length)
}

/// Zuul: `| node | text` after a stamp, `| text` for its own lines.
pub(super) fn zuul(text: &[u8]) -> Option<&[u8]> {
    let rest = after_blank(text.strip_prefix(b"|")?, 0)?;
    let node = rest.iter().take(64).take_while(|&&byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)).count();
    if rest.first().is_some_and(u8::is_ascii_alphabetic)
        && let Some(rest) = rest[node..].strip_prefix(b" |").and_then(|rest| after_blank(rest, 0))
    {
        return Some(rest);
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        for (text, comma, expected) in [
            ("INFO x", true, Some("x")),
            ("INFO     x", true, Some("x")),
            ("INFO       CC x", true, Some("  CC x")),
            ("DEBUG: x", true, Some("x")),
            ("ERROR: modpost: x", true, None),
            ("ERROR (phandle_references): x", true, None),
            ("FATAL ERROR: x", true, None),
            ("- build - INFO - x", true, Some("x")),
            ("- INFO - x", true, Some("x")),
            ("[INFO] x", false, Some("x")),
            ("    INFO -  x", false, Some("x")),
            ("ERROR - x", false, Some("x")),
            ("ERROR x", false, None),
            ("WARNING: x", false, None),
            ("Information x", true, None),
            ("a.c:3: x", true, None),
        ] {
            let found = level(text.as_bytes(), comma).map(|rest| String::from_utf8_lossy(rest).into_owned());
            assert_eq!(found.as_deref(), expected, "{text}");
            for end in 0..text.len() {
                let _ = (level(&text.as_bytes()[..end], true), level(&text.as_bytes()[..end], false));
            }
        }
    }

    #[test]
    fn zuul_lines() {
        for (text, expected) in [
            ("| ubuntu-jammy | a.c:3:5: error: x", Some("a.c:3:5: error: x")),
            ("| ubuntu-jammy |    10 |  x", Some("   10 |  x")),
            ("| TASK [make]", Some("TASK [make]")),
            ("| ubuntu-jammy |", Some("")),
            ("|", Some("")),
            ("x", None),
        ] {
            let found = zuul(text.as_bytes()).map(|rest| String::from_utf8_lossy(rest).into_owned());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
