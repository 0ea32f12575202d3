//! GitHub Actions, its local runner `act`, and Azure Pipelines, whose agent it grew out of.

use memchr::{memchr, memmem};

use super::look;
use super::stamp::{blanks, date_time};

/// How long job and step name may be together.
const COLUMNS: usize = 512;

/// `gh run view --log`: `job<TAB>step<TAB>stamp text`. Gives the stamp and the text.
pub(super) fn columns(text: &[u8]) -> Option<&[u8]> {
    let head = &text[..text.len().min(COLUMNS)];
    let job = memchr(b'\t', head)?;
    let step = job + 1 + memchr(b'\t', &head[job + 1..])?;
    let rest = &text[step + 1..];
    let stamp = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
    date_time(stamp).map(|_| rest)
}

/// `##[error]text`, `##[group]text`, … and Azure's `##vso[task.logissue …]text`. The mark of an
/// error stays when the text after it does not show by itself where the error is.
pub(super) fn marker(text: &[u8]) -> Option<&[u8]> {
    let name = text.strip_prefix(b"##")?;
    if let Some(command) = name.strip_prefix(b"vso[") {
        let end = memchr(b']', &command[..command.len().min(1024)])?;
        return Some(&command[end + 1..]);
    }
    let name = name.strip_prefix(b"[")?;
    let end = memchr(b']', &name[..name.len().min(16)])?;
    let rest = &name[end + 1..];
    match &name[..end] {
        b"error" => look::message(rest).then_some(rest),
        b"warning" | b"notice" | b"debug" | b"group" | b"endgroup" | b"command" | b"section" => Some(rest),
        _ => None,
    }
}

/// `::error file=a.c,line=3::text`, `::group::text`, …
pub(super) fn command(text: &[u8]) -> Option<&[u8]> {
    const COMMANDS: &[&[u8]] = &[
        b"error",
        b"warning",
        b"notice",
        b"debug",
        b"group",
        b"endgroup",
        b"add-mask",
        b"add-matcher",
        b"remove-matcher",
        b"set-output",
        b"save-state",
        b"set-env",
        b"add-path",
        b"echo",
        b"stop-commands",
    ];
    let name = text.strip_prefix(b"::")?;
    let length = name.iter().take(16).take_while(|&&byte| byte.is_ascii_lowercase() || byte == b'-').count();
    if !COMMANDS.contains(&&name[..length]) {
        return None;
    }
    let rest = &name[length..];
    if let Some(rest) = rest.strip_prefix(b"::") {
        return Some(rest);
    }
    if rest.first() != Some(&b' ') {
        return None;
    }
    let end = memmem::find(&rest[..rest.len().min(4096)], b"::")?;
    Some(&rest[end + 2..])
}

/// `act`: `[workflow/job]   | text`, and the workflow commands that it shows behind a picture.
pub(super) fn act(text: &[u8]) -> Option<&[u8]> {
    let close = memchr(b']', &text[..text.len().min(160)])?;
    let rest = &text[close + 1..];
    let gap = blanks(&rest[..rest.len().min(16)]);
    if close < 2 || gap == 0 {
        return None;
    }
    let rest = &rest[gap..];
    match rest {
        [b'|'] => Some(&rest[1..]),
        [b'|', b' ', ..] => Some(&rest[2..]),
        [0x80..=0xff, ..] => {
            let picture = rest.iter().take(16).take_while(|&&byte| byte >= 0x80).count();
            let rest = rest[picture..].trim_ascii_start();
            rest.starts_with(b"::").then_some(rest)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Taker = fn(&[u8]) -> Option<&[u8]>;

    fn check(taker: Taker, cases: &[(&str, Option<&str>)]) {
        for (text, expected) in cases {
            let found = taker(text.as_bytes()).map(|rest| String::from_utf8_lossy(rest).into_owned());
            assert_eq!(found.as_deref(), *expected, "{text}");
            for end in 0..text.len() {
                let _ = taker(&text.as_bytes()[..end]);
            }
        }
    }

    #[test]
    fn columns_need_a_stamp() {
        check(
            columns,
            &[
                ("build\tRun make\t2026-08-20T10:11:12.1234567Z x", Some("2026-08-20T10:11:12.1234567Z x")),
                (
                    "a / b (gcc, 12)\tUNKNOWN STEP\t\u{feff}2026-08-20T10:11:12Z x",
                    Some("\u{feff}2026-08-20T10:11:12Z x"),
                ),
                ("a\tb\tc", None),
                ("a\t2026-08-20T10:11:12Z x", None),
                ("\tint x;\t/* 2026 */", None),
            ],
        );
    }

    #[test]
    fn markers() {
        check(
            marker,
            &[
                ("##[error]a.c:3:5: error: x", Some("a.c:3:5: error: x")),
                ("##[error]make: *** [Makefile:3: x] Error 2", Some("make: *** [Makefile:3: x] Error 2")),
                ("##[error]Process completed with exit code 2.", None),
                ("##[error]The operation was canceled.", None),
                ("##[warning]a.c:3: x", Some("a.c:3: x")),
                ("##[group]Run make", Some("Run make")),
                ("##[endgroup]", Some("")),
                ("##[command]/usr/bin/git version", Some("/usr/bin/git version")),
                ("##[section]Starting: Build", Some("Starting: Build")),
                ("##vso[task.logissue type=error;sourcepath=a.c;linenumber=3;]x", Some("x")),
                ("##[foo]x", None),
                ("## heading", None),
                ("##teamcity[message text='x']", None),
            ],
        );
    }

    #[test]
    fn commands() {
        check(
            command,
            &[
                ("::error file=a.c,line=3,col=5::x", Some("x")),
                ("::error::x", Some("x")),
                ("::warning title=a b::x::y", Some("x::y")),
                ("::group::Configure", Some("Configure")),
                ("::endgroup::", Some("")),
                ("::set-output name=x::y", Some("y")),
                ("::std::vector<int> x;", None),
                ("::error_code::x", None),
                ("::error file=a.c", None),
            ],
        );
    }

    #[test]
    fn act_lines() {
        check(
            act,
            &[
                ("[build/gcc]   | a.c:3:5: error: x", Some("a.c:3:5: error: x")),
                ("[CI/build (gcc, 12)  ]   |    10 |  flush();", Some("   10 |  flush();")),
                ("[build/gcc]   | ", Some("")),
                ("[build/gcc]   |", Some("")),
                ("[build/gcc]   ❗  ::error file=a.c::x", Some("::error file=a.c::x")),
                ("[build/gcc]   ❌  Failure - Main make", None),
                ("[12/340] Building x", None),
                ("[ 12%] Building x", None),
            ],
        );
    }
}
