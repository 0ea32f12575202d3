//! Small questions about the text of a line that several tool readers ask.

use std::borrow::Cow;

/// Turns the quotation marks that compilers and linkers put around names into `'`:
/// `‘x’` (gcc in UTF-8), `` `x' `` (old gcc, GNU ld, gas), `“x”`, `«x»`, `„x“` (localised), `"x"`
/// is left alone (make and modpost use it as is).
pub fn normalise_quotes(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if memchr::memchr(b'`', text.as_bytes()).is_none() {
            return Cow::Borrowed(text);
        }
        return Cow::Owned(text.replace('`', "'"));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte == b'`' || !byte.is_ascii()) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = from.chars();
        out.extend(chars.next().map(|c| match c {
            '`' | '‘' | '’' | '‚' | '‛' | '“' | '”' | '„' | '«' | '»' | '‹' | '›' | '「' | '」' | '『' | '』' => {
                '\''
            }
            other => other,
        }));
        rest = chars.as_str();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What stands before and after the first `: `.
pub(crate) fn split_colon(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let at = memchr::memchr_iter(b':', bytes).find(|at| bytes.get(at + 1) == Some(&b' '))?;
    Some((&text[..at], &text[at + 2..]))
}

/// True when a text has a byte, an ASCII one.
pub(crate) fn has(text: &str, byte: u8) -> bool {
    memchr::memchr(byte, text.as_bytes()).is_some()
}

/// A location at the start of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix<'a> {
    /// The path as printed.
    pub file: &'a str,
    /// Line, counted from 1.
    pub line: u32,
    /// Column, when printed.
    pub column: Option<u32>,
    /// What follows the colon after the location, leading blanks taken off.
    pub rest: &'a str,
}

/// Splits `file:line: rest` or `file:line:column: rest` (also MSVC's `file(line,col): rest`).
///
/// A path may hold blanks, brackets and colons (`C:\x.c`); the first `:DIGITS:` decides. Takes time
/// linear in the line. None when the line does not begin so.
pub fn split_location(text: &str) -> Option<Prefix<'_>> {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(offset) = memchr::memchr(b':', &bytes[from..]) {
        let colon = from + offset;
        if let Some((line, after)) = number(bytes, colon + 1)
            && bytes.get(after) == Some(&b':')
            && colon > 0
            && line > 0
        {
            let file = text[..colon].trim_start();
            if file.is_empty() || file.len() > 4096 {
                return None;
            }
            let (column, end) = match number(bytes, after + 1) {
                Some((column, end)) if bytes.get(end) == Some(&b':') => (Some(column), end),
                _ => (None, after),
            };
            return Some(Prefix { file, line, column, rest: text[end + 1..].trim_start_matches([' ', '\t']) });
        }
        from = colon + 1;
    }
    None
}

/// Reads a decimal number at `at`; gives it and the offset after it.
fn number(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let mut end = at;
    let mut value: u32 = 0;
    while end < bytes.len() && bytes[end].is_ascii_digit() {
        value = value.checked_mul(10)?.checked_add(u32::from(bytes[end] - b'0'))?;
        end += 1;
    }
    (end > at).then_some((value, end))
}
