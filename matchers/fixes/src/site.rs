//! The places that a cause names, as bytes of files of the tree.

use std::sync::Arc;

use triage_causes::report::Cause;
use triage_log::diagnostic::{Flavor, Location, Snippet};

use crate::edit::Edit;
use crate::fixers::{Candidate, Context};
use crate::source::SourceFile;

/// Places of one cause that are looked at.
const SITES: usize = 20;

/// A place in a file of the tree.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) file: String,
    pub(crate) source: Arc<SourceFile>,
    /// Counted from 1; 0 when only the file is known.
    pub(crate) line: u32,
    /// The byte that the message points at, where that can be told.
    pub(crate) offset: Option<usize>,
}

impl Site {
    /// The place of a location.
    pub(crate) fn of(cx: &Context<'_>, location: &Location) -> Option<Self> {
        let file = cx.tree.find(&location.file)?;
        let source = cx.tree.read(&file)?;
        let line = location.line.unwrap_or(0);
        let offset = offset(&source, location, cx.cause);
        Some(Self { file, source, line, offset })
    }

    /// The bytes of the line.
    pub(crate) fn line_bytes(&self) -> Option<(usize, usize)> {
        line(&self.source, self.line)
    }

    /// The byte that is pointed at, or where the line's text starts.
    pub(crate) fn point(&self) -> Option<usize> {
        self.offset.or_else(|| {
            let (start, end) = self.line_bytes()?;
            let text = self.source.text.get(start..end)?;
            Some(start + text.len() - text.trim_start().len())
        })
    }
}

/// The places of a cause that are in the tree, the main one first.
pub(crate) fn sites(cx: &Context<'_>) -> Vec<Site> {
    let all = cx.cause.location.iter().chain(&cx.cause.places).take(SITES);
    all.filter_map(|location| Site::of(cx, location)).collect()
}

/// The bytes of a line counted from 1, its ending left out.
pub(crate) fn line(source: &SourceFile, number: u32) -> Option<(usize, usize)> {
    let (start, _) = source.line(number)?;
    Some((start, start + source.line_text(number)?.len()))
}

/// The byte of a location. gcc counts a tab as the columns that it fills, clang and older gcc as
/// one; the source line that was printed settles it.
fn offset(source: &SourceFile, location: &Location, cause: &Cause) -> Option<usize> {
    let (start, end) = line(source, location.line?)?;
    let text = source.text.get(start..end)?;
    let column = location.column? as usize;
    if cause.location.as_ref() == Some(location)
        && let Some(inside) = cause.snippet.as_ref().and_then(|snippet| by_snippet(text, location, snippet))
    {
        return Some(start + inside);
    }
    let inside = if cause.flavor == Some(Flavor::Llvm) { column.checked_sub(1)? } else { displayed(text, column)? };
    (inside <= text.len() && text.is_char_boundary(inside)).then_some(start + inside)
}

/// The byte of a line whose mark is under the same printed thing, blanks not counted.
fn by_snippet(text: &str, location: &Location, snippet: &Snippet) -> Option<usize> {
    if snippet.line.is_some_and(|line| Some(line) != location.line) {
        return None;
    }
    let caret = snippet.marks.find('^')?;
    let printed: String = snippet.text.chars().take(caret).collect();
    let squeezed = |t: &str| t.split_whitespace().collect::<String>();
    if squeezed(&snippet.text) != squeezed(text) {
        return None;
    }
    let before = printed.chars().filter(|c| !c.is_whitespace()).count();
    let past = caret >= snippet.text.trim_end().chars().count();
    let mut seen = text.char_indices().filter(|(_, c)| !c.is_whitespace());
    // Past the last character, the end of the text is meant.
    if past { Some(text.trim_end().len()) } else { seen.nth(before).map(|(at, _)| at) }
}

fn displayed(text: &str, column: usize) -> Option<usize> {
    let mut shown = 1;
    for (at, c) in text.char_indices() {
        if shown >= column {
            return Some(at);
        }
        shown = if c == '\t' { (shown - 1) / 8 * 8 + 9 } else { shown + 1 };
    }
    Some(text.len())
}

/// The name between the first quotes after these words of a message.
pub(crate) fn quoted<'m>(message: &'m str, after: &str) -> Option<&'m str> {
    let rest = &message[message.find(after)? + after.len()..];
    let rest = &rest[rest.find('\'')? + 1..];
    rest.find('\'').map(|end| &rest[..end])
}

/// A candidate that changes one file.
pub(crate) fn candidate(
    kind: &'static str,
    title: String,
    file: &str,
    line: u32,
    edits: Vec<(usize, usize, String)>,
    rank: u8,
) -> Candidate {
    let edits = edits.into_iter().map(|(start, end, text)| Edit { file: file.to_owned(), start, end, text }).collect();
    Candidate {
        kind,
        title,
        header: None,
        file: Some(file.to_owned()),
        line: Some(line),
        package: None,
        edits,
        diagnosis: None,
        rank,
    }
}
