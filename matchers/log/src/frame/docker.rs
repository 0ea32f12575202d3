//! Container builds and runtimes: BuildKit, Google Cloud Build, the Kubernetes runtime's log files.

use super::stamp::{after_blank, digits, seconds};

/// BuildKit: `#12 34.56 text`. Gives the text.
pub(super) fn step(text: &[u8]) -> Option<&[u8]> {
    let number = text.strip_prefix(b"#")?;
    let end = digits(number, 0, 5);
    let rest = number[end..].strip_prefix(b" ").filter(|_| end > 0)?;
    if rest.starts_with(b"ERROR: ") {
        return Some(rest);
    }
    after_blank(rest, seconds(rest)?.0)
}

/// `34.56 text` in BuildKit's summary of the step that failed; also `1790000000.123 text`, seconds
/// since 1970. Gives the text, and whether the number can be nothing else.
pub(super) fn seconds_alone(text: &[u8]) -> Option<(&[u8], bool)> {
    let (end, whole, _) = seconds(text)?;
    let epoch = whole == 10 && text.first() == Some(&b'1');
    (whole <= 6 || epoch).then(|| after_blank(text, end).map(|rest| (rest, epoch)))?
}

/// Google Cloud Build: `Step #1 - "name": text`, `Step #1: text`.
pub(super) fn cloud_step(text: &[u8]) -> Option<&[u8]> {
    let number = text.strip_prefix(b"Step #")?;
    let end = digits(number, 0, 4);
    let mut rest = &number[end..];
    if end == 0 {
        return None;
    }
    if let Some(name) = rest.strip_prefix(b" - \"") {
        let end = memchr::memchr(b'"', &name[..name.len().min(128)])?;
        rest = &name[end + 1..];
    }
    after_blank(rest.strip_prefix(b":")?, 0)
}

/// After a stamp: `stderr F text`.
pub(super) fn stream(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"stdout ").or_else(|| text.strip_prefix(b"stderr "))?;
    after_blank(rest.strip_prefix(b"F").or_else(|| rest.strip_prefix(b"P"))?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        type Taker = fn(&[u8]) -> Option<&[u8]>;
        let cases: &[(Taker, &str, Option<&str>)] = &[
            (step, "#12 34.56 a.c:3:5: error: x", Some("a.c:3:5: error: x")),
            (step, "#12 0.123   CC      a.o", Some("  CC      a.o")),
            (step, "#12 0.123", Some("")),
            (step, "#12 ERROR: process \"make\" did not complete", Some("ERROR: process \"make\" did not complete")),
            (step, "#12 DONE 3.2s", None),
            (step, "#12 [build 3/5] RUN make", None),
            (step, "# 12 \"a.c\"", None),
            (step, "#define X", None),
            (cloud_step, "Step #1 - \"build\": x", Some("x")),
            (cloud_step, "Step #1: x", Some("x")),
            (cloud_step, "Step 1/3 : RUN make", None),
            (stream, "stderr F x", Some("x")),
            (stream, "stdout P x", Some("x")),
            (stream, "stdout x", None),
        ];
        for (taker, text, expected) in cases {
            let found = taker(text.as_bytes()).map(|rest| String::from_utf8_lossy(rest).into_owned());
            assert_eq!(found.as_deref(), *expected, "{text}");
            for end in 0..text.len() {
                let _ = taker(&text.as_bytes()[..end]);
            }
        }
    }

    #[test]
    fn bare_seconds() {
        assert_eq!(seconds_alone(b"34.56 x"), Some((b"x".as_slice(), false)));
        assert_eq!(seconds_alone(b"1790000000.123456 x"), Some((b"x".as_slice(), true)));
        assert_eq!(seconds_alone(b"12345678.5 x"), None);
        assert_eq!(seconds_alone(b"1.2x"), None);
        assert_eq!(seconds_alone(b"1.2.3 x"), None);
    }
}
