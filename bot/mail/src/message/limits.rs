//! How much of a mail is read at all.
//!
//! MIME invites bombs: parts within parts, thousands of them, boundaries that never come. A parser looks for the end of each
//! part to the end of the mail, so the number of parts that declare something is what time and memory grow with. It is
//! counted before the mail is parsed, and the mail is cut where there are too many.

use memchr::{memchr_iter, memmem};

use super::Problem;

/// Bytes of a mail that are read. Lists refuse a hundredth of it.
pub const RAW_MAX: usize = 16 << 20;
/// Parts of a mail.
pub const PARTS_MAX: usize = 100;
/// Header fields of a mail.
pub const HEADERS_MAX: usize = 1000;
/// Characters of the value of a header field.
pub const HEADER_MAX: usize = 4000;
/// Characters of a subject.
pub const SUBJECT_MAX: usize = 998;
/// Mailboxes of a header field.
pub const ADDRESSES_MAX: usize = 200;
/// Message-IDs of `References`.
pub const REFERENCES_MAX: usize = 100;
/// Bytes of the text.
pub const TEXT_MAX: usize = 4 << 20;

/// Lines that may be a boundary between parts. `---` begins files in a patch, so there may be many.
const DELIMITERS_MAX: usize = 20_000;
/// Bytes of the header of the mail itself.
const HEAD_MAX: usize = 1 << 20;

/// The beginning of a mail that is safe to parse, and what was wrong with the rest.
pub fn cut(raw: &[u8]) -> (&[u8], Vec<Problem>) {
    let mut problems = Vec::new();
    let mut end = raw.len();
    if end > RAW_MAX {
        problems.push(Problem::TooLong);
        end = RAW_MAX;
    }
    let head = head_len(&raw[..end]);
    if head > HEAD_MAX {
        problems.push(Problem::TooManyHeaders);
        return (&raw[..HEAD_MAX], problems);
    }
    let parts = parts_end(&raw[..end]);
    if parts < end {
        problems.push(Problem::TooManyParts);
        end = parts;
    }
    (&raw[..end], problems)
}

/// Bytes before the first empty line.
fn head_len(raw: &[u8]) -> usize {
    let lf = memmem::find(raw, b"\n\n").unwrap_or(raw.len());
    memmem::find(&raw[..lf], b"\n\r\n").unwrap_or(lf)
}

/// Where there are too many declarations of parts, or too many lines that may part them.
fn parts_end(raw: &[u8]) -> usize {
    let (mut types, mut delimiters) = (0, 0);
    let starts = std::iter::once(0).chain(memchr_iter(b'\n', raw).map(|at| at + 1));
    for start in starts {
        let blanks = raw[start..].iter().take_while(|byte| b" \t\r\x0c".contains(byte)).count();
        let line = &raw[start + blanks..];
        if line.starts_with(b"--") {
            delimiters += 1;
        } else if starts_like(line, b"content-type") {
            types += 1;
        }
        if types > PARTS_MAX || delimiters > DELIMITERS_MAX {
            return start;
        }
    }
    raw.len()
}

fn starts_like(line: &[u8], name: &[u8]) -> bool {
    line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
}
