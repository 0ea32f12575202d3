//! Small parsers that several tool readers share. All are linear and never panic.

use crate::diagnostic::Severity;
use crate::text::normalise_quotes;

/// The longest path of a program in front of its message.
const PATH_MAX: usize = 256;

/// The text of a message as it is stored: quotes normalised, blanks at both ends taken off.
pub(crate) fn message(text: &str) -> String {
    normalise_quotes(text.trim()).into_owned()
}

/// A path's last component.
pub(crate) fn basename(path: &str) -> &str {
    memchr::memrchr2(b'/', b'\\', path.as_bytes()).and_then(|at| path.get(at + 1..)).unwrap_or(path)
}

/// A path up to and with its last separator; empty when it has none.
pub(crate) fn directory(path: &str) -> &str {
    path.rfind(['/', '\\']).and_then(|at| path.get(..=at)).unwrap_or("")
}

/// True when `file:line: severity: message`, though of a compiler's form, is another tool's: of
/// Kconfig, make, autoconf, or gold.
pub(crate) fn belongs_elsewhere(file: &str, message: &str) -> bool {
    use super::{autoconf, kconfig, ld, make};
    kconfig::is_kconfig_file(file)
        || make::is_make_warning(file, message)
        || autoconf::is_autotools_file(file)
        || ld::is_object(file)
        || ld::is_gold_wording(message)
}

/// Offset of the first `: ` within the length that a program's path may have.
pub(crate) fn colon(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let head = &bytes[..bytes.len().min(PATH_MAX)];
    memchr::memchr_iter(b':', head).find(|at| bytes.get(at + 1) == Some(&b' '))
}

/// Splits `/usr/bin/prog: rest` into `prog` (no directory, no `.exe`) and `rest`. The program's
/// path has no blanks, unless it starts with a drive letter.
pub(crate) fn program(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let at = colon(text)?;
    let (path, rest) = (text.get(..at)?, text.get(at + 2..)?);
    if path.is_empty() || (path.as_bytes().contains(&b' ') && path.as_bytes().get(1) != Some(&b':')) {
        return None;
    }
    let name = basename(path);
    Some((name.strip_suffix(".exe").unwrap_or(name), rest.trim_start()))
}

/// Takes a severity word off the start: `error: `, `warning: `, `fatal error: `, `note: `, in any
/// capitalisation that tools use.
pub(crate) fn severity(text: &str) -> (Option<Severity>, &str) {
    const WORDS: &[(&str, Severity)] = &[
        ("error: ", Severity::Error),
        ("warning: ", Severity::Warning),
        ("fatal error: ", Severity::Fatal),
        ("fatal: ", Severity::Fatal),
        ("note: ", Severity::Note),
        ("Error: ", Severity::Error),
        ("Warning: ", Severity::Warning),
        ("ERROR: ", Severity::Error),
        ("WARNING: ", Severity::Warning),
        ("WARN: ", Severity::Warning),
        ("FATAL: ", Severity::Fatal),
        ("Fatal error: ", Severity::Fatal),
    ];
    for (word, severity) in WORDS {
        if let Some(rest) = text.strip_prefix(word) {
            return (Some(*severity), rest.trim_start());
        }
    }
    (None, text)
}

/// A decimal number at the start, and what follows.
pub(crate) fn number(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let value = text.get(..digits)?.parse().ok()?;
    Some((value, text.get(digits..)?))
}

/// What stands between the first pair of `'` (after normalisation) or `"`.
pub(crate) fn quoted(text: &str) -> Option<&str> {
    let open = text.find(['\'', '"'])?;
    let mark = *text.as_bytes().get(open)?;
    let inner = text.get(open + 1..)?;
    let close = memchr::memchr(mark, inner.as_bytes())?;
    inner.get(..close)
}

/// Takes one pair of quotation marks of any kind off both ends.
pub(crate) fn unquoted(text: &str) -> &str {
    text.trim_matches(['\'', '`', '"', '‘', '’', '“', '”'])
}
