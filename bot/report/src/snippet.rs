//! The source line to show for a cause: from the tree where there is one, else as the log has it.

use std::ops::Range;

use triage_causes::report::Cause;
use triage_log::diagnostic::{Flavor, Snippet};
use unicode_width::UnicodeWidthChar;

use crate::{Source, safe, summary, wrap};

/// Source text with the parts that are marked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// One or more lines, harmless for a terminal.
    pub text: String,
    /// Number of its first line, where that is known.
    pub first_line: Option<u32>,
    /// Byte range in `text` that the message points at.
    pub primary: Option<Range<usize>>,
    /// Other marked ranges.
    pub others: Vec<Range<usize>>,
}

/// Longest line that is looked at; a terminal shows far less, and generated code can be endless.
const MAX_LINE: usize = 4096;

/// The excerpt for a cause, with `around` lines before and after it when the tree is at hand.
pub fn excerpt(cause: &Cause, source: Option<&dyn Source>, around: u32) -> Option<Excerpt> {
    source
        .and_then(|source| from_tree(cause, source, around))
        .or_else(|| cause.snippet.as_ref().and_then(|snippet| from_log(cause, snippet)))
}

fn from_log(cause: &Cause, snippet: &Snippet) -> Option<Excerpt> {
    if snippet.text.trim().is_empty() {
        return None;
    }
    let shown = Shown::new(&snippet.text);
    let (primary, others) = marked(&shown, &snippet.marks, 0);
    let line = snippet.line.or_else(|| cause.location.as_ref().and_then(|place| place.line));
    Some(Excerpt { text: shown.text, first_line: line, primary, others })
}

fn from_tree(cause: &Cause, source: &dyn Source, around: u32) -> Option<Excerpt> {
    let place = cause.location.as_ref()?;
    let wanted = place.line?;
    let (first_line, window) = source.line_window(&place.file, wanted, around)?;
    let index = usize::try_from(wanted.checked_sub(first_line)?).ok()?;
    let mut found = Excerpt { first_line: Some(first_line), ..Excerpt::default() };
    let mut reached = false;
    for (number, line) in window.lines().enumerate() {
        if number > 0 {
            found.text.push('\n');
        }
        let shown = Shown::new(line);
        if number == index {
            reached = true;
            let (primary, others) = marks_in_tree(cause, line, &shown);
            let start = found.text.len();
            let moved = |range: Range<usize>| range.start + start..range.end + start;
            found.primary = primary.map(moved);
            found.others = others.into_iter().map(moved).collect();
        }
        found.text.push_str(&shown.text);
    }
    (reached && !found.text.trim().is_empty()).then_some(found)
}

/// The marks of the compiler when its line is the one in the tree; else the word at the column.
fn marks_in_tree(cause: &Cause, line: &str, shown: &Shown) -> (Option<Range<usize>>, Vec<Range<usize>>) {
    if let Some(snippet) = cause.snippet.as_ref().filter(|snippet| !snippet.marks.is_empty()) {
        let printed = snippet.text.trim_end();
        let bare = printed.trim_start();
        // The compiler expanded the tabs in front; from the first other character on they agree.
        if !bare.is_empty() && line.trim() == bare {
            let printed_indent = printed.chars().count() - bare.chars().count();
            let here = shown.pieces.iter().take_while(|piece| piece.blank).count();
            return marked(shown, &snippet.marks, here as isize - printed_indent as isize);
        }
    }
    let Some(column) = cause.location.as_ref().and_then(|place| place.column).filter(|&column| column > 0) else {
        return (None, Vec::new());
    };
    let column = usize::try_from(column).unwrap_or(usize::MAX) - 1;
    // gcc counts columns of the screen with tabs of eight, others bytes.
    let bytes = shown.pieces.iter().position(|piece| piece.source >= column);
    let screen = shown.pieces.iter().position(|piece| piece.screen >= column);
    let mut candidates = [bytes, screen];
    if cause.flavor == Some(Flavor::Gnu) {
        candidates.swap(0, 1);
    }
    let words: Vec<Range<usize>> = candidates.into_iter().flatten().map(|at| shown.word(at)).collect();
    let best = words
        .iter()
        .find(|range| cause.symbols.iter().any(|symbol| *symbol == shown.text[(*range).clone()]))
        .or(words.first())
        .cloned();
    (best, Vec::new())
}

/// The runs of marks as ranges of the text: the one with `^` and all others.
fn marked(shown: &Shown, marks: &str, shift: isize) -> (Option<Range<usize>>, Vec<Range<usize>>) {
    let mut primary = None;
    let mut others = Vec::new();
    let bytes = marks.as_bytes();
    let mut at = 0;
    while at < bytes.len().min(MAX_LINE) {
        if !matches!(bytes[at], b'^' | b'~') {
            at += 1;
            continue;
        }
        let length = bytes[at..].iter().take_while(|byte| matches!(byte, b'^' | b'~')).count();
        let run = &bytes[at..at + length];
        let column = |at: usize| usize::try_from(isize::try_from(at).unwrap_or(0) + shift).unwrap_or(0);
        let range = shown.range(column(at)..column(at + length));
        if let Some(range) = range {
            if primary.is_none() && run.contains(&b'^') {
                primary = Some(range);
            } else {
                others.push(range);
            }
        }
        at += length;
    }
    (primary, others)
}

/// A line made harmless, with the way back from columns to its bytes.
struct Shown {
    text: String,
    pieces: Vec<Piece>,
}

/// One character of the line.
struct Piece {
    /// First column, as the marks below a line count: one for each cell, also for a tab.
    column: usize,
    /// First column of the screen, with tabs of eight.
    screen: usize,
    /// Byte offset in the line as it was.
    source: usize,
    /// Byte offset in the harmless text.
    start: usize,
    /// It is white space.
    blank: bool,
    /// It can be part of a name.
    name: bool,
}

impl Shown {
    fn new(line: &str) -> Self {
        let mut shown = Self { text: String::new(), pieces: Vec::new() };
        let (mut column, mut screen) = (0, 0);
        for (source, c) in line.char_indices() {
            if source >= MAX_LINE || c == '\n' || c == '\r' {
                break;
            }
            let start = shown.text.len();
            let (blank, name) = (c.is_whitespace(), c.is_alphanumeric() || c == '_');
            shown.pieces.push(Piece { column, screen, source, start, blank, name });
            if c == '\t' {
                shown.text.push_str("    ");
                column += 1;
                screen += 8 - screen % 8;
            } else {
                shown.text.push_str(&safe::line(c.encode_utf8(&mut [0; 4])));
                let cells = c.width().unwrap_or(1);
                column += cells;
                screen += cells;
            }
        }
        shown
    }

    fn end(&self, piece: usize) -> usize {
        self.pieces.get(piece + 1).map_or(self.text.len(), |next| next.start)
    }

    /// The bytes below the columns; none when they are outside of the line.
    fn range(&self, columns: Range<usize>) -> Option<Range<usize>> {
        let first = self.pieces.partition_point(|piece| piece.column < columns.start);
        let last = self.pieces.partition_point(|piece| piece.column < columns.end);
        if first >= self.pieces.len() {
            // Compilers point just past the end for what is missing there.
            let at_end = self.pieces.last().is_some_and(|last| columns.start <= last.column + 2);
            return at_end.then_some(self.text.len()..self.text.len());
        }
        Some(self.pieces[first].start..self.end(last.max(first + 1) - 1))
    }

    /// The name that starts at a piece, or that piece alone.
    fn word(&self, at: usize) -> Range<usize> {
        let length = self.pieces[at..].iter().take_while(|piece| piece.name).count().max(1);
        self.pieces[at].start..self.end(at + length - 1)
    }
}

/// A line of `^` and `~` that goes below an excerpt of one line.
pub fn marks(excerpt: &Excerpt) -> Option<String> {
    let primary = excerpt.primary.as_ref()?;
    let mut cells: Vec<char> = Vec::new();
    let mut mark = |range: &Range<usize>, with: char| {
        let before = wrap::width(excerpt.text.get(..range.start).unwrap_or_default());
        let length = wrap::width(excerpt.text.get(range.clone()).unwrap_or_default()).max(1);
        if cells.len() < before + length {
            cells.resize(before + length, ' ');
        }
        cells[before..before + length].fill(with);
    };
    for other in &excerpt.others {
        mark(other, '~');
    }
    mark(primary, '^');
    Some(cells.into_iter().collect())
}

/// The label for the marked part: the macro, when it is the macro's name that is marked.
pub fn label(cause: &Cause, excerpt: &Excerpt) -> Option<String> {
    let marked = excerpt.text.get(excerpt.primary.clone()?)?;
    summary::macros(cause).into_iter().find(|name| *name == marked).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn parts(excerpt: &Excerpt) -> (Option<&str>, Vec<&str>) {
        (
            excerpt.primary.clone().map(|range| &excerpt.text[range]),
            excerpt.others.iter().map(|range| &excerpt.text[range.clone()]).collect(),
        )
    }

    fn log(text: &str, marks: &str) -> Excerpt {
        let snippet = Snippet { line: Some(7), text: text.into(), marks: marks.into() };
        from_log(&fixture::cause(), &snippet).unwrap()
    }

    #[test]
    fn marks_of_the_log() {
        let found = log("  a = foo(bar, b);", "      ^~~ ~~~   ^");
        assert_eq!(parts(&found), (Some("foo"), vec!["bar", ")"]));
        assert_eq!(parts(&log("日本 = x;", "       ^")), (Some("x"), vec![]));
        assert_eq!(parts(&log("int x", "     ^")), (Some(""), vec![]));
        assert_eq!(parts(&log("int x", "               ^")), (None, vec![]));
        assert_eq!(parts(&log("a\x1b[mb", "    ^")), (Some("b"), vec![]));
    }

    struct Tree(&'static str);

    impl Source for Tree {
        fn line_window(&self, _: &str, line: u32, around: u32) -> Option<(u32, String)> {
            let first = line.saturating_sub(around).max(1);
            let count = line + around - first + 1;
            let lines: Vec<&str> = self.0.lines().skip(first as usize - 1).take(count as usize).collect();
            Some((first, lines.join("\n")))
        }
    }

    #[test]
    fn marks_in_the_tree() {
        let mut cause = fixture::cause();
        cause.location = Some(triage_log::diagnostic::Location::new("a.c", Some(2), Some(2)));
        cause.snippet = None;
        let tree = Tree("one\n\tfoo(x);\nthree\n");
        let found = excerpt(&cause, Some(&tree), 1).unwrap();
        assert_eq!((found.text.as_str(), found.first_line), ("one\n    foo(x);\nthree", Some(1)));
        assert_eq!(parts(&found), (Some("foo"), vec![]));
        // gcc's columns of the screen.
        cause.flavor = Some(Flavor::Gnu);
        cause.location.as_mut().unwrap().column = Some(9);
        assert_eq!(parts(&excerpt(&cause, Some(&tree), 0).unwrap()), (Some("foo"), vec![]));
        // The line of the log with its tab expanded.
        cause.snippet = Some(Snippet { line: Some(2), text: "        foo(x);".into(), marks: "        ~~~ ^".into() });
        assert_eq!(parts(&excerpt(&cause, Some(&tree), 0).unwrap()), (Some("x"), vec!["foo"]));
        // A tree that has no such line.
        cause.location.as_mut().unwrap().line = Some(99);
        assert_eq!(excerpt(&cause, Some(&tree), 0).unwrap().text, "        foo(x);");
    }
}
