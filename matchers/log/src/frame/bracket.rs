//! Frames in square brackets: stamps of Jenkins and others, seconds of the Open Build Service and
//! of the kernel, TeamCity, Jenkins' `[Pipeline]`. `[12/340]` and `[ 12%]` are no frames.

use memchr::memchr;

use super::stamp::{after_blank, blanks, clock, ctime, date_time, digits, seconds};

/// What was taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken<'t> {
    /// The text after it.
    pub rest: &'t [u8],
    /// It was a stamp with a comma before the fraction.
    pub comma: bool,
}

/// Takes off one frame in brackets.
pub(super) fn take_off(text: &[u8]) -> Option<Taken<'_>> {
    let inner = text.strip_prefix(b"[")?;
    let plain = |rest| Some(Taken { rest, comma: false });
    match inner.first()? {
        b' ' | b'0'..=b'9' => stamp(inner).or_else(|| since(inner).and_then(plain)),
        _ => named(inner).or_else(|| word(inner).and_then(plain)),
    }
}

/// `2026-08-20T10:11:12.345Z] text`, `10:11:12] text`.
fn stamp(inner: &[u8]) -> Option<Taken<'_>> {
    if let Some(moment) = date_time(inner) {
        let rest = groups(inner[moment.end..].strip_prefix(b"]")?)?;
        return Some(Taken { rest, comma: moment.comma });
    }
    let rest = inner[clock(inner)?..].strip_prefix(b"]")?;
    Some(Taken { rest: team_city(rest).or_else(|| groups(rest))?, comma: false })
}

/// Taskcluster's `task 2026-08-20T10:11:12.345Z] text`, the kernel's `Thu Aug 20 10:11:12 2026] `.
fn named(inner: &[u8]) -> Option<Taken<'_>> {
    if let Some(end) = ctime(inner) {
        return Some(Taken { rest: after_blank(inner[end..].strip_prefix(b"]")?, 0)?, comma: false });
    }
    let name =
        inner.iter().take(24).take_while(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b':')).count();
    if name == 0 || inner.get(name) != Some(&b' ') {
        return None;
    }
    let moment = &inner[name + 1..];
    let found = date_time(moment)?;
    Some(Taken { rest: after_blank(moment[found.end..].strip_prefix(b"]")?, 0)?, comma: found.comma })
}

/// `  28s] text` of the Open Build Service, `   12.345678] text` of the kernel, to which a task or
/// processor may be added: `[   12.345678][   T12] text`.
fn since(inner: &[u8]) -> Option<&[u8]> {
    let pad = blanks(&inner[..inner.len().min(12)]);
    let number = &inner[pad..];
    let whole = digits(number, 0, 9);
    if whole > 0
        && let Some(rest) = number[whole..].strip_prefix(b"s]")
    {
        return after_blank(rest, 0);
    }
    let (end, _, fraction) = seconds(number)?;
    let rest = number[end..].strip_prefix(b"]")?;
    if fraction < 3 {
        return None;
    }
    if let Some(caller) = rest.strip_prefix(b"[") {
        let pad = blanks(&caller[..caller.len().min(12)]);
        let end = digits(caller, pad + 1, 9);
        if matches!(caller.get(pad), Some(b'T' | b'C')) && caller.get(end) == Some(&b']') {
            return after_blank(caller, end + 1);
        }
    }
    after_blank(rest, 0)
}

/// `Pipeline] text`, `command]text`.
fn word(inner: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = inner.strip_prefix(b"command]") {
        return Some(rest);
    }
    let rest = inner.strip_prefix(b"Pipeline]").or_else(|| inner.strip_prefix(b"pipeline]"))?;
    after_blank(rest, 0)
}

/// Further groups that stand directly against the stamp, `[go] text` after `[10:11:12]`, then the
/// blank before the text.
fn groups(mut rest: &[u8]) -> Option<&[u8]> {
    for _ in 0..4 {
        if rest.first() != Some(&b'[') {
            break;
        }
        rest = &rest[memchr(b']', &rest[..rest.len().min(128)])? + 1..];
    }
    after_blank(rest, 0)
}

/// TeamCity's `W:<TAB> [Step 1/3] text` and ` :<TAB> [Step 1/3] text`.
fn team_city(rest: &[u8]) -> Option<&[u8]> {
    let rest = match rest {
        [b' ' | b'A'..=b'Z' | b'a'..=b'z', b':', rest @ ..] => rest,
        _ => return None,
    };
    after_blank(rest, 0)?;
    let rest = &rest[rest.iter().take(32).take_while(|byte| matches!(byte, b' ' | b'\t')).count()..];
    if rest.starts_with(b"[Step ")
        && let Some(end) = memchr(b']', &rest[..rest.len().min(32)])
    {
        return after_blank(rest, end + 1);
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_in_brackets() {
        for (text, expected) in [
            ("[2026-08-20T10:11:12.345Z]   CC      a.o", Some("  CC      a.o")),
            ("[2026-08-20 10:11:12] x", Some("x")),
            ("[2026/08/20 10:11:12.345] x", Some("x")),
            ("[10:11:12] x", Some("x")),
            ("[00:01:23.456] x", Some("x")),
            ("[10:11:12]", Some("")),
            ("[10:11:12][go] x", Some("x")),
            ("[10:11:12]W:\t [Step 1/3] x", Some("x")),
            ("[10:11:12] :\t [Step 1/3]    10 | x", Some("   10 | x")),
            ("[10:11:12] ::error::x", Some("::error::x")),
            ("[  28s] x", Some("x")),
            ("[1234s]   CC  x", Some("  CC  x")),
            ("[   12.345678] x", Some("x")),
            ("[   12.345678][   T12] x", Some("x")),
            ("[   12.345678][    C0] x", Some("x")),
            ("[Thu Aug 20 10:11:12 2026] x", Some("x")),
            ("[task 2026-08-20T10:11:12.345Z] x", Some("x")),
            ("[taskcluster:error] x", None),
            ("[Pipeline] sh", Some("sh")),
            ("[pipeline] x", Some("x")),
            ("[command]/usr/bin/git version", Some("/usr/bin/git version")),
            ("[12/340] Building x", None),
            ("[ 12%] Building x", None),
            ("[100%] Built x", None),
            ("[0] = 1,", None),
            ("[1.2] x", None),
            ("[-Wunused]", None),
            ("[10:11:12]x", None),
            ("[2026-08-20] x", None),
        ] {
            let found = take_off(text.as_bytes()).map(|taken| String::from_utf8_lossy(taken.rest).into_owned());
            assert_eq!(found.as_deref(), expected, "{text}");
            for end in 0..text.len() {
                let _ = take_off(&text.as_bytes()[..end]);
            }
        }
    }
}
