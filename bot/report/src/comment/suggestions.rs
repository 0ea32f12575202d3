//! Verified fixes as lines that replace others: what a forge shows with a button.
//!
//! Only small ones in one file: a suggestion that has to be taken together with others elsewhere would break the
//! build anew. Forges replace lines by lines, so that an insertion replaces the line above it by itself and
//! what is new.

use triage_causes::report::{Applicability, Cause, Fix, Report};

use crate::patch::{self, Edit};
use crate::summary;
use crate::{markdown, paths, safe, words};

/// Most suggestions of one fix.
const PARTS: usize = 3;

/// Most lines of one, old or new.
const LINES: usize = 12;

/// Lines of a file and what is to stand there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The file, relative to the root of the repository, with `/`.
    pub path: String,
    /// The first line that is replaced, counted from 1.
    pub start_line: u32,
    /// The last line that is replaced.
    pub end_line: u32,
    /// Those lines as they are, without line ends.
    pub old: Vec<String>,
    /// What they become, without line ends. Not made harmless: it is source.
    pub new: Vec<String>,
    /// What stands above it, in Markdown.
    pub text: String,
    /// [`Cause::fingerprint`].
    pub fingerprint: String,
}

/// Those of all causes.
pub fn of(report: &Report, is_known: Option<&dyn Fn(&str) -> bool>) -> Vec<Suggestion> {
    report.causes.iter().flat_map(|cause| of_cause(cause, is_known).unwrap_or_default()).collect()
}

fn of_cause(cause: &Cause, is_known: Option<&dyn Fn(&str) -> bool>) -> Option<Vec<Suggestion>> {
    let fix = cause.fixes.first().filter(|fix| fix.applicability == Applicability::Verified)?;
    let files = patch::parse(fix.patch.as_deref()?);
    let [file] = files.as_slice() else { return None };
    let path = paths::relative(&file.path)?;
    // What has to be shown differently is not what would be written.
    let is_plain = |edit: &Edit| {
        let lines = edit.old.iter().chain(&edit.above).chain(&edit.below).map(String::as_str);
        lines.chain(edit.inserted.lines()).all(|line| line.chars().all(|c| c == '\t' || !safe::is_hidden(c)))
    };
    if file.edits.len() > PARTS || safe::line(&path) != path || !file.edits.iter().all(is_plain) {
        return None;
    }
    if is_known.is_some_and(|is_known| !is_known(&path)) {
        return None;
    }
    let total = file.edits.len();
    let mut suggestions = Vec::new();
    for (number, edit) in file.edits.iter().enumerate() {
        let (start, old, new) = replacement(edit)?;
        let start_line = u32::try_from(start).ok()?;
        suggestions.push(Suggestion {
            path: path.clone(),
            start_line,
            end_line: start_line + u32::try_from(old.len()).ok()? - 1,
            old,
            new,
            text: text(cause, fix, number + 1, total),
            fingerprint: safe::line(&cause.fingerprint),
        });
    }
    Some(suggestions)
}

/// The first line that is replaced, the lines there, and the new ones.
fn replacement(edit: &Edit) -> Option<(u64, Vec<String>, Vec<String>)> {
    let inserted: Vec<String> = edit.inserted.lines().map(str::to_owned).collect();
    if edit.old.len() > LINES || inserted.len() > LINES {
        return None;
    }
    match (edit.old.as_slice(), &edit.above, &edit.below) {
        ([_, ..], ..) => Some((edit.line, edit.old.clone(), inserted)),
        ([], Some(above), _) => {
            let new = std::iter::once(above.clone()).chain(inserted).collect();
            Some((edit.line.checked_sub(1).filter(|&line| line > 0)?, vec![above.clone()], new))
        }
        ([], None, Some(below)) => {
            let new = inserted.into_iter().chain([below.clone()]).collect();
            Some((edit.line, vec![below.clone()], new))
        }
        // A file that is new.
        ([], None, None) => None,
    }
}

fn text(cause: &Cause, fix: &Fix, number: usize, total: usize) -> String {
    let part = if total > 1 { words::part(number as u64, total as u64) } else { String::new() };
    let head = markdown::heading(summary::Label::of_cause(cause), cause);
    let title = safe::markdown_prose(&fix.title);
    format!("{head}\n\n**{}:** {title}{part}", summary::fix_head(fix))
}
