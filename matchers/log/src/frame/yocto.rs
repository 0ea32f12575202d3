//! BitBake: the bar before the lines of a task's log, and the heads of its own messages.

use super::look;

/// Takes off `| `, the bar that BitBake puts before a failed task's log (and some people before
/// what they quote).
pub(super) fn unbar(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"|")?;
    match rest.first() {
        None | Some(b'\t') => Some(rest),
        Some(b' ') => Some(&rest[1..]),
        Some(_) => None,
    }
}

/// True for the line after which the bars begin.
pub(super) fn announces_log(text: &[u8]) -> bool {
    text == b"Log data follows:"
}

/// Takes off `ERROR: `, `DEBUG: ERROR: pkg-1.0-r0 do_compile: `, … when a compiler's own message
/// follows. Such a head alone says something and stays.
pub(super) fn head(text: &[u8]) -> Option<&[u8]> {
    const LEVELS: &[&[u8]] = &[b"ERROR: ", b"WARNING: ", b"NOTE: ", b"DEBUG: ", b"INFO: "];
    let rest = LEVELS.iter().find_map(|level| text.strip_prefix(*level))?;
    let rest = task(rest).unwrap_or(rest);
    (look::diagnostic(rest) || LEVELS.iter().any(|level| rest.starts_with(level) && head_end(rest))).then_some(rest)
}

/// A head after a head: only the last decides, and it is looked at once, not recursively.
fn head_end(text: &[u8]) -> bool {
    let colon = memchr::memchr(b':', text).unwrap_or(text.len());
    let rest = text.get(colon + 2..).unwrap_or_default();
    look::diagnostic(task(rest).unwrap_or(rest))
}

/// `pkg-1.0-r0 do_compile: text`.
fn task(text: &[u8]) -> Option<&[u8]> {
    let recipe = text.iter().take(128).take_while(|byte| !matches!(byte, b' ' | b':')).count();
    let rest = text[recipe..].strip_prefix(b" do_").filter(|_| recipe > 0)?;
    let name = rest.iter().take(64).take_while(|&&byte| byte.is_ascii_lowercase() || byte == b'_').count();
    rest[name..].strip_prefix(b": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars() {
        assert_eq!(unbar(b"| x"), Some(b"x".as_slice()));
        assert_eq!(unbar(b"|    10 |  x"), Some(b"   10 |  x".as_slice()));
        assert_eq!(unbar(b"|"), Some(b"".as_slice()));
        assert_eq!(unbar(b"|| x"), None);
        assert_eq!(unbar(b"x"), None);
    }

    #[test]
    fn heads() {
        for (text, expected) in [
            ("ERROR: a.c:3:5: error: x", Some("a.c:3:5: error: x")),
            ("DEBUG: a.c:3: warning: x", Some("a.c:3: warning: x")),
            ("ERROR: busybox-1.36.1-r0 do_compile: a.c:3:5: error: x", Some("a.c:3:5: error: x")),
            ("DEBUG: ERROR: a.c:3:5: error: x", Some("ERROR: a.c:3:5: error: x")),
            ("ERROR: /x/BUILD:3:10: Compiling a.cc failed: (Exit 1): gcc failed", None),
            ("ERROR: busybox-1.36.1-r0 do_compile: oe_runmake failed", None),
            ("ERROR: modpost: \"x\" [a.ko] undefined!", None),
            ("DEBUG: Executing shell function do_compile", None),
            ("ERROR: ", None),
        ] {
            let found = head(text.as_bytes()).map(|rest| String::from_utf8_lossy(rest).into_owned());
            assert_eq!(found.as_deref(), expected, "{text}");
            for end in 0..text.len() {
                let _ = head(&text.as_bytes()[..end]);
            }
        }
    }
}
