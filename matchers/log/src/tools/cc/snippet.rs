//! The source line below a message, in the new form with a gutter (`   10 |  bar();`, gcc ≥ 9,
//! clang ≥ 16) and the old one without.

use crate::diagnostic::{Diagnostic, FixIt, Location, Snippet, Tool};
use crate::line::Line;
use crate::tools::Sink;

/// Text longer than this is not kept: nobody reads it on a terminal.
const TEXT_MAX: usize = 400;

/// Which lines may belong to a snippet.
#[derive(Debug, Default)]
pub(super) struct Snippets {
    /// Number of the newest message's line: an old-style snippet comes directly after.
    after: u64,
    /// The line after the message, waiting for marks.
    plain: Option<(u64, String)>,
    /// A note's location was printed last: its snippet is not the message's.
    note: Option<(u64, Location)>,
    /// Line number of the gutter snippet that was attached last.
    current: Option<(u32, bool)>,
}

impl Snippets {
    /// A message stands in log line `number`.
    pub(super) fn expect(&mut self, number: u64) {
        self.after = number;
        self.plain = None;
        self.note = None;
        self.current = None;
    }

    /// A note stands in log line `number`.
    pub(super) fn note(&mut self, number: u64, location: &Location) {
        self.note = Some((number, location.clone()));
        self.after = 0;
        self.plain = None;
        self.current = None;
    }

    /// True when the line is a part of a snippet.
    pub(super) fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        match gutter(line.text) {
            Some((number, text)) => self.with_gutter(line, number, text, sink),
            None => self.without_gutter(line, sink),
        }
    }

    fn with_gutter(&mut self, line: &Line<'_>, number: Option<u32>, text: &str, sink: &mut Sink) -> bool {
        let Some(number) = number else {
            let Some((current, _)) = self.current else { return sink.has(has_snippet) };
            self.below(line, current, text, sink);
            return true;
        };
        let wants = |d: &Diagnostic| {
            is_ours(d) && d.snippet.is_none() && d.location.as_ref().and_then(|l| l.line) == Some(number)
        };
        let noted = self.note.as_ref().is_some_and(|(_, l)| l.line.is_some_and(|at| at.abs_diff(number) <= 2));
        if !noted && let Some(diagnostic) = sink.find(line, wants) {
            diagnostic.snippet = Some(Snippet { line: Some(number), text: clip(text), marks: String::new() });
            self.current = Some((number, true));
            return true;
        }
        self.current = Some((number, false));
        sink.find(line, is_ours).is_some()
    }

    /// A gutter line without number: marks, or the text that the compiler proposes.
    fn below(&mut self, line: &Line<'_>, current: u32, text: &str, sink: &mut Sink) {
        let attached = self.current.is_some_and(|(_, attached)| attached);
        let Some(diagnostic) =
            sink.find(line, |d| is_ours(d) && d.snippet.as_ref().and_then(|s| s.line) == Some(current))
        else {
            return;
        };
        if !attached {
            return;
        }
        let Some(snippet) = &mut diagnostic.snippet else { return };
        if is_marks(text) {
            if snippet.marks.is_empty() {
                snippet.marks = clip(text.trim_end());
            }
        } else if !text.trim().is_empty() && !snippet.marks.is_empty() && diagnostic.fixits.len() < 8 {
            let location = diagnostic.location.clone();
            diagnostic.fixits.push(FixIt { location, text: clip(text.trim()) });
        }
    }

    fn without_gutter(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        if self.after > 0 && line.number == self.after + 1 {
            if !line.text.trim().is_empty() && !is_marks(line.text) {
                self.plain = Some((line.number, clip(line.text)));
            }
            return false;
        }
        let Some((at, text)) = self.plain.take() else { return false };
        if line.number != at + 1 {
            // The text that clang proposes stands below the marks.
            return false;
        }
        if !is_marks(line.text) || !line.text.contains('^') {
            return false;
        }
        let Some(diagnostic) = sink.find(line, |d| is_ours(d) && d.span.line + 1 == at) else { return false };
        if diagnostic.snippet.is_none() {
            let number = diagnostic.location.as_ref().and_then(|l| l.line);
            diagnostic.snippet = Some(Snippet { line: number, text, marks: clip(line.text.trim_end()) });
        }
        true
    }
}

fn is_ours(diagnostic: &Diagnostic) -> bool {
    matches!(diagnostic.tool, Tool::Cc | Tool::As)
}

fn has_snippet(diagnostic: &Diagnostic) -> bool {
    is_ours(diagnostic) && diagnostic.snippet.is_some()
}

/// Splits `   10 | text`, `      | text`, `  +++ |+text`.
fn gutter(text: &str) -> Option<(Option<u32>, &str)> {
    let bytes = text.as_bytes();
    let blank = bytes.iter().take_while(|b| **b == b' ').count();
    let digits = bytes[blank..].iter().take(9).take_while(|b| b.is_ascii_digit()).count();
    let mut at = blank + digits;
    if bytes[at..].starts_with(b"+++ |+") {
        return Some((None, text.get(at + 6..)?));
    }
    if bytes.get(at) == Some(&b' ') {
        at += 1;
    }
    if bytes.get(at) != Some(&b'|') || (blank == 0 && digits == 0) {
        return None;
    }
    let number = if digits == 0 { None } else { Some(text.get(blank..blank + digits)?.parse().ok()?) };
    let rest = text.get(at + 1..)?;
    Some((number, rest.strip_prefix(' ').unwrap_or(rest)))
}

/// True for a line of nothing but `^`, `~`, `-`, `|` and blanks, with something in it.
fn is_marks(text: &str) -> bool {
    let mut any = false;
    for byte in text.bytes() {
        match byte {
            b'^' | b'~' => any = true,
            b' ' | b'-' | b'|' | b'\t' | b'.' => {}
            _ => return false,
        }
    }
    any
}

fn clip(text: &str) -> String {
    if text.len() <= TEXT_MAX {
        return text.to_owned();
    }
    match text.char_indices().nth(TEXT_MAX) {
        Some((at, _)) => text[..at].to_owned(),
        None => text.to_owned(),
    }
}
