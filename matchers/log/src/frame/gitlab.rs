//! GitLab CI and Travis CI: lines that fold the log, and the columns of GitLab's stamps.

use memchr::{memmem, memrchr};

use super::stamp::digits;

/// How long a fold line may be.
const LONGEST: usize = 320;

/// After a stamp: `01O text`, `01E text`, `00O+text` (stream, its kind, whether it goes on with
/// the line before).
pub(super) fn stream(text: &[u8]) -> Option<&[u8]> {
    match text {
        [high, low, b'O' | b'E', rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => match rest {
            [] => Some(rest),
            [b' ' | b'+', rest @ ..] => Some(rest),
            _ => None,
        },
        _ => None,
    }
}

/// Cuts off a fold line that is the end of `text`: programs that do not end their last line have
/// one behind their text.
pub(super) fn without_fold(text: &[u8]) -> &[u8] {
    // It has no blank in it, so that only the last word is looked at.
    let from = text.len().saturating_sub(LONGEST);
    let from = memrchr(b' ', &text[from..]).map_or(from, |blank| from + blank + 1);
    let mut end = text.len();
    if memrchr(b':', &text[from..]).is_none() {
        return text;
    }
    for name in [b"section_".as_slice(), b"travis_time:", b"travis_fold:"] {
        if let Some(at) = memmem::rfind(&text[from..], name).map(|at| from + at)
            && at < end
            && is_fold(&text[at..])
        {
            end = at;
        }
    }
    &text[..end]
}

/// True when the whole text is a fold line: `section_start:1790000000:build[collapsed=true]`,
/// `section_end:…`, `travis_time:end:1a2b:start=…,finish=…`, `travis_fold:start:build`.
pub(super) fn is_fold(text: &[u8]) -> bool {
    if text.len() > LONGEST {
        return false;
    }
    let name = |rest: &[u8]| {
        !rest.is_empty() && rest.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"_-.=,[]:/".contains(&byte))
    };
    if let Some(rest) = text.strip_prefix(b"section_") {
        let rest = rest.strip_prefix(b"start:").or_else(|| rest.strip_prefix(b"end:")).unwrap_or_default();
        let end = digits(rest, 0, 20);
        return end > 0 && rest.get(end) == Some(&b':') && name(&rest[end + 1..]);
    }
    let rest = text.strip_prefix(b"travis_time:").or_else(|| text.strip_prefix(b"travis_fold:")).unwrap_or_default();
    let rest = rest.strip_prefix(b"start:").or_else(|| rest.strip_prefix(b"end:")).unwrap_or_default();
    name(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams() {
        assert_eq!(stream(b"01O   CC a.o"), Some(b"  CC a.o".as_slice()));
        assert_eq!(stream(b"01E x"), Some(b"x".as_slice()));
        assert_eq!(stream(b"00O+x"), Some(b"x".as_slice()));
        assert_eq!(stream(b"00O"), Some(b"".as_slice()));
        for none in ["", "0", "00", "01X x", "01Ox", "gcc x"] {
            assert_eq!(stream(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn folds() {
        for text in [
            "section_start:1790000000:build_script",
            "section_start:1790000000:build[collapsed=true,hide_duration=true]",
            "section_end:1790000000:build_script",
            "travis_fold:start:build.1",
            "travis_time:end:1a2b3c4d:start=100,finish=333,duration=233",
        ] {
            assert!(is_fold(text.as_bytes()), "{text}");
            assert_eq!(without_fold(format!("some text{text}").as_bytes()), b"some text");
            for end in 0..text.len() {
                let _ = without_fold(&text.as_bytes()[..end]);
            }
        }
        for text in
            ["section_start", "section_start:x:y", "section_data:1:x", "travis_wait 30 make", "section_end:1:", "x"]
        {
            assert!(!is_fold(text.as_bytes()), "{text}");
            assert_eq!(without_fold(text.as_bytes()), text.as_bytes());
        }
    }
}
