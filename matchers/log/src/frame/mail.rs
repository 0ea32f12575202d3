//! Quoting in mails, to any depth, and what only looks like it.

use super::stamp::blanks;

/// Takes off one `>` and the blank after it. Not from lld's continuation lines and Buildroot's
/// steps, which begin with three.
pub(super) fn unquote(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b">")?;
    if let Some(own) = text.strip_prefix(b">>> ")
        && (lld(own) || buildroot(own))
    {
        return None;
    }
    match rest.first() {
        Some(b'=') => None,
        Some(b' ') => Some(&rest[1..]),
        _ => Some(rest),
    }
}

/// What lld writes after `>>> `.
fn lld(text: &[u8]) -> bool {
    const STARTS: &[&[u8]] = &[
        b"referenced ",
        b"defined ",
        b"did you mean",
        b"the vtable symbol",
        b"output section ",
        b"prevailing definition",
    ];
    let head = &text[..text.len().min(512)];
    // Objects stand below the source files, ten columns in or more.
    if blanks(head) >= 4
        || STARTS.iter().any(|start| head.starts_with(start))
        || memchr::memmem::find(head, b" range is [0x").is_some()
    {
        return true;
    }
    let token = head.iter().take_while(|&&byte| byte != b' ').count();
    memchr::memmem::find(&head[..token], b":(").is_some_and(|at| at > 0)
}

/// `pkg 1.2 Building`, `  Finalizing target directory`.
fn buildroot(text: &[u8]) -> bool {
    const STEPS: &[&[u8]] = &[
        b"Autoreconfiguring",
        b"Building",
        b"Collecting",
        b"Configuring",
        b"Downloading",
        b"Executing",
        b"Extracting",
        b"Finalizing",
        b"Fixing",
        b"Installing",
        b"Patching",
        b"Rebuilding",
        b"Sanitizing",
        b"Syncing",
        b"Updating",
    ];
    let head = &text[..text.len().min(256)];
    head.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).take(3).any(|word| STEPS.contains(&word))
}

/// The header of a hunk in `diff`'s oldest format: `12c12`, `3,4d2`. The lines after it begin with
/// `> ` and `< ` and are no quotes.
pub(super) fn is_hunk(text: &[u8]) -> bool {
    if text.len() > 40 || !text.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let range = |text: &[u8]| {
        let mut numbers = text.split(|&byte| byte == b',');
        let good = |number: Option<&[u8]>| {
            number.is_none_or(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
        };
        good(numbers.next()) && good(numbers.next()) && numbers.next().is_none()
    };
    match text.iter().position(|byte| matches!(byte, b'a' | b'c' | b'd')) {
        Some(at) => range(&text[..at]) && range(&text[at + 1..]),
        None => false,
    }
}

/// True for the lines, other than those with `> `, that a hunk in the oldest format has.
pub(super) fn in_hunk(text: &[u8]) -> bool {
    text == b"---" || text.starts_with(b"< ") || text.starts_with(b"\\ ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> &str {
        let mut rest = text.as_bytes();
        while let Some(next) = unquote(rest) {
            rest = next;
        }
        std::str::from_utf8(rest).expect("cut at ASCII bytes")
    }

    #[test]
    fn quotes() {
        for (text, expected) in [
            ("> a.c:3:5: error: x", "a.c:3:5: error: x"),
            (">> drivers/a.c:1:2: error: x", "drivers/a.c:1:2: error: x"),
            ("> > >    10 |  flush();", "   10 |  flush();"),
            (">>> a.c:3: x", "a.c:3: x"),
            (">>>>> x", "x"),
            (">x", "x"),
            (">", ""),
            ("> >", ""),
            ("> ", ""),
            (">\tint x;", "\tint x;"),
            (">= 3.0", ">= 3.0"),
        ] {
            assert_eq!(all(text), expected, "{text}");
        }
    }

    #[test]
    fn lld_and_buildroot_are_not_quotes() {
        for text in [
            ">>> referenced by port.c:7",
            ">>> referenced 5 more times",
            ">>> defined at port.c:7",
            ">>> defined in port.o",
            ">>>               port.o:(vx_open)",
            ">>>            lib/ring.o:(ring_push) in archive libring.a",
            ">>> did you mean: foo",
            ">>> did you mean to declare foo(int) as extern \"C\"?",
            ">>> the vtable symbol may be undefined because the class is missing its key function",
            ">>> libring.a(ring.o):(.vx): SHT_PROGBITS",
            ">>> .text range is [0x1000, 0x2000]",
            ">>> output section .foo: 0x2",
            ">>> busybox 1.36.1 Building",
            ">>> host-tar  Extracting",
            ">>>   Finalizing target directory",
        ] {
            assert_eq!(all(text), text);
            assert_eq!(all(&format!("> {text}")), text);
            assert_eq!(all(&format!("> > {text}")), text);
            assert_eq!(all(&format!(">> {text}")), text);
            assert_eq!(all(&format!(">{text}")), text);
            for end in 0..text.len() {
                let _ = all(&text[..end]);
            }
        }
    }

    #[test]
    fn hunks() {
        for text in ["12c12", "3a4,5", "3,4d2"] {
            assert!(is_hunk(text.as_bytes()), "{text}");
        }
        for text in ["", "12", "12c", "c12", "12x12", "1,2,3c4", "3d graphics", "0a0b"] {
            assert!(!is_hunk(text.as_bytes()), "{text}");
        }
        assert!(
            in_hunk(b"< x") && in_hunk(b"---") && in_hunk(b"\\ No newline at end of file") && !in_hunk(b"<stdin>:1: x")
        );
    }
}
