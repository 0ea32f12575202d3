//! Does a text look like what a build prints? Used where a frame alone is not proof enough: a
//! label or a bar before such a text is a frame, before anything else it may be the text's own.

use super::stamp::digits;

/// How far into a text is looked.
const WINDOW: usize = 512;

/// What follows `: ` in a message of a compiler, linker or make.
const SEVERITIES: &[&[u8]] = &[
    b"error: ",
    b"fatal error: ",
    b"warning: ",
    b"note: ",
    b"Error: ",
    b"Warning: ",
    b"internal compiler error: ",
    b"error C",
    b"fatal error C",
    b"warning C",
    b"*** ",
];

/// Other things that follow `: `.
const CONTEXT: &[&[u8]] = &[
    b"In function ",
    b"In member function ",
    b"At top level:",
    b"in function ",
    b"undefined reference to ",
    b"multiple definition of ",
];

/// Starts of lines.
const STARTS: &[&[u8]] = &[
    b"make[",
    b"make: ",
    b"gmake[",
    b"gmake: ",
    b"ninja: ",
    b"FAILED: ",
    b"In file included from ",
    b"collect2: ",
    b"cc1: ",
    b"cc1plus: ",
    b"ld: ",
    b"ld.lld: ",
    b"/usr/bin/ld: ",
    b"CMake Error",
    b"CMake Warning",
    b"configure: ",
    b"checking ",
    b"DEBUG: ",
    b"NOTE: ",
    b"ERROR: ",
    b"WARNING: ",
    b"error[E",
    b"compilation terminated.",
];

/// True for lines that builds print and that little else looks like.
pub(super) fn built(text: &[u8]) -> bool {
    let head = &text[..text.len().min(WINDOW)];
    STARTS.iter().any(|start| head.starts_with(start))
        || step(head)
        || location(head).is_some_and(|found| found.column)
        || {
            memchr::memchr_iter(b':', head).any(|colon| {
                let rest = head[colon + 1..].strip_prefix(b" ");
                rest.is_some_and(|rest| SEVERITIES.iter().chain(CONTEXT).any(|word| rest.starts_with(word)))
            })
        }
}

/// True for a message that begins with a file location or the name of a program.
pub(super) fn message(text: &[u8]) -> bool {
    let head = &text[..text.len().min(WINDOW)];
    location(head).is_some() || {
        let Some(colon) = head.windows(2).position(|pair| pair == b": ") else { return false };
        let rest = &head[colon + 2..];
        colon > 0
            && !head[..colon].contains(&b' ')
            && SEVERITIES.iter().chain(CONTEXT).any(|word| rest.starts_with(word))
    }
}

/// True for a location with a severity in lower case after it: a compiler's own message.
pub(super) fn diagnostic(text: &[u8]) -> bool {
    let head = &text[..text.len().min(WINDOW)];
    location(head).and_then(|found| head.get(found.end..)).and_then(|rest| rest.strip_prefix(b" ")).is_some_and(
        |rest| {
            [b"error: ".as_slice(), b"fatal error: ", b"warning: ", b"note: "].iter().any(|word| rest.starts_with(word))
        },
    )
}

struct Found {
    /// Offset just past the location's last colon.
    end: usize,
    /// It has a column.
    column: bool,
}

/// `file:line:` or `file:line:column:` at the start.
fn location(head: &[u8]) -> Option<Found> {
    for colon in memchr::memchr_iter(b':', head) {
        let line = digits(head, colon + 1, 9);
        if line == colon + 1 || head.get(line) != Some(&b':') {
            continue;
        }
        let named = head[..colon].iter().any(|&byte| byte.is_ascii_alphabetic() || byte >= 0x80 || byte == b'<');
        let column = digits(head, line + 1, 9);
        let column = (column > line + 1 && head.get(column) == Some(&b':')).then_some(column);
        return named.then_some(Found { end: column.unwrap_or(line) + 1, column: column.is_some() });
    }
    None
}

/// `  CC      a.o`, `  LD [M]  a.ko`, `[12/340] Building`, `[ 12%] Building`.
fn step(head: &[u8]) -> bool {
    if let Some(rest) = head.strip_prefix(b"  ") {
        let word = rest.iter().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).count();
        let rest = &rest[word..];
        return word >= 2 && (rest.starts_with(b"  ") || rest.starts_with(b" [M]  "));
    }
    let Some(rest) = head.strip_prefix(b"[") else { return false };
    let rest = rest.trim_ascii_start();
    let number = digits(rest, 0, 6);
    match rest.get(number) {
        Some(b'%') => number > 0 && rest[number..].starts_with(b"%] "),
        Some(b'/') => {
            let end = digits(rest, number + 1, 6);
            number > 0 && end > number + 1 && rest[end..].starts_with(b"] ")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_print() {
        for text in [
            "a.c:3:5: error: x",
            "a.c:3:5: Fehler: x",
            "C:\\src\\a.c:3: warning: x",
            "a.c: In function 'f':",
            "make[2]: *** [a.o] Error 1",
            "  CC      a.o",
            "  LD [M]  a.ko",
            "[12/340] Building x",
            "[ 12%] Building x",
            "gcc: error: x",
            "a.o: in function `f':",
            "DEBUG: Executing shell function do_compile",
        ] {
            assert!(built(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "^~~~",
            "3 +++",
            "static int f(void)",
            "12:34:56: x",
            "foo: bar",
            "  indented",
            "[-Wfoo]",
            "[M] x",
            ";",
            "#include <x.h>",
        ] {
            assert!(!built(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn messages() {
        for text in
            ["a.c:3:5: x", "a.c:3: x", "make: *** [x] Error 2", "gcc: fatal error: x", "x.c(3,5): error C2065: y"]
        {
            assert!(message(text.as_bytes()), "{text}");
        }
        for text in
            ["Process completed with exit code 2.", "The operation was canceled.", "Error: x", "a b: error: x", ""]
        {
            assert!(!message(text.as_bytes()), "{text}");
        }
        assert!(diagnostic(b"a.c:3:5: error: x") && !diagnostic(b"/x/BUILD:3:10: Compiling a.cc failed"));
    }
}
