//! syslog, the systemd journal, and the kernel's own log.

use super::stamp::{after_blank, digits, month_day};

/// `Aug 20 10:11:12 host prog[12]: text`; the part with host and program need not be there.
pub(super) fn line(text: &[u8]) -> Option<&[u8]> {
    let rest = after_blank(text, month_day(text)?)?;
    Some(origin(rest).unwrap_or(rest))
}

/// `host prog[12]: text` and `host kernel: text`.
pub(super) fn origin(text: &[u8]) -> Option<&[u8]> {
    let token = |text: &[u8]| {
        let length =
            text.iter().take(65).take_while(|byte| !matches!(byte, b' ' | b'\t' | b':' | b'[' | b'/' | b'(')).count();
        (1..=64).contains(&length).then_some(length)
    };
    let host = token(text)?;
    let program = text[host..].strip_prefix(b" ")?;
    let name = token(program)?;
    let rest = &program[name..];
    let rest = match rest.strip_prefix(b"[") {
        Some(number) => {
            let end = digits(number, 0, 10);
            number.get(..end).filter(|number| !number.is_empty())?;
            number[end..].strip_prefix(b"]:")?
        }
        None if &program[..name] == b"kernel" => rest.strip_prefix(b":")?,
        None => return None,
    };
    after_blank(rest, 0)
}

/// `<6>[   12.345678] text`: the kernel's priority before its stamp.
pub(super) fn priority(text: &[u8]) -> Option<&[u8]> {
    let number = text.strip_prefix(b"<")?;
    let end = digits(number, 0, 3);
    let rest = number[end..].strip_prefix(b">")?;
    let inner = rest.strip_prefix(b"[")?;
    (end > 0 && matches!(inner.first(), Some(b' ' | b'0'..=b'9'))).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (text, expected) in [
            ("Aug 20 10:11:12 host prog[12]: x", Some("x")),
            ("Aug  2 10:11:12 host make[12]:   CC      a.o", Some("  CC      a.o")),
            (
                "Aug 20 10:11:12 host kernel: Out of memory: Killed process 12 (cc1)",
                Some("Out of memory: Killed process 12 (cc1)"),
            ),
            ("Aug 20 10:11:12 a.c:3:5: error: x", Some("a.c:3:5: error: x")),
            ("Aug 20 10:11:12 make[2]: Entering directory 'x'", Some("make[2]: Entering directory 'x'")),
            ("Aug 20 10:11:12 gcc error: x", Some("gcc error: x")),
            ("Aug 20 10:11:12 host prog[]: x", Some("host prog[]: x")),
            ("Aug 20 10:11:12", Some("")),
            ("Aug 20 10:11:12x", None),
            ("August", None),
        ] {
            let found = line(text.as_bytes()).map(|rest| String::from_utf8_lossy(rest).into_owned());
            assert_eq!(found.as_deref(), expected, "{text}");
            for end in 0..text.len() {
                let _ = (line(&text.as_bytes()[..end]), origin(&text.as_bytes()[end..]));
            }
        }
    }

    #[test]
    fn priorities() {
        assert_eq!(priority(b"<6>[   12.345678] x"), Some(b"[   12.345678] x".as_slice()));
        for none in ["<stdin>:1: x", "<6>", "<6>x", "<>[ 1", "<"] {
            assert_eq!(priority(none.as_bytes()), None, "{none}");
        }
    }
}
