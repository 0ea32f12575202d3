//! Remarks at lines of files of the repository.

use triage_causes::report::{Cause, Report};
use triage_log::diagnostic::Location;

use crate::summary::{self, Label, Voice};
use crate::{paths, safe};

/// Most characters of a title; GitHub takes 255.
const TITLE: usize = 200;

/// Most bytes of a message; GitHub takes 64 KiB.
const MESSAGE: usize = 16 << 10;

/// A remark at lines of a file, as plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The file, relative to the root of the repository, with `/`.
    pub path: String,
    /// The first line, counted from 1.
    pub line: u32,
    /// The column, counted from 1, where it is known.
    pub column: Option<u32>,
    /// How it is headed.
    pub label: Label,
    /// One line.
    pub title: String,
    /// What else there is to say, a fact a line.
    pub message: String,
    /// [`Cause::fingerprint`].
    pub fingerprint: String,
}

/// Nothing is marked up in plain text; what hides is made visible when the whole is put together.
const VOICE: Voice = Voice { name: str::to_owned, prose: str::to_owned };

/// One for each cause that has a place in the repository.
pub fn of(report: &Report, is_known: Option<&dyn Fn(&str) -> bool>) -> Vec<Annotation> {
    summary::labelled(report).filter_map(|(label, cause)| annotation(report, label, cause, is_known)).collect()
}

fn annotation(
    report: &Report,
    label: Label,
    cause: &Cause,
    is_known: Option<&dyn Fn(&str) -> bool>,
) -> Option<Annotation> {
    let (path, place) = place(cause, is_known)?;
    let mut title = match label.level() {
        (_, Some(word)) => format!("{word}: {}", summary::title(cause)),
        _ => summary::title(cause),
    };
    if let Some((end, _)) = title.char_indices().nth(TITLE) {
        title.truncate(end);
        title.push_str("...");
    }
    Some(Annotation {
        path: safe::line(&path),
        line: place.line.unwrap_or(1).max(1),
        column: place.column.filter(|&column| column > 0),
        label,
        title: safe::line(&title),
        message: message(report, cause, 0),
        fingerprint: safe::line(&cause.fingerprint),
    })
}

/// The first place of a cause that is in the repository, for all that is known.
fn place<'c>(cause: &'c Cause, is_known: Option<&dyn Fn(&str) -> bool>) -> Option<(String, &'c Location)> {
    let mut all = cause.location.iter().chain(&cause.includes).chain(&cause.places);
    all.find_map(|place| {
        let path = paths::relative(&place.file)?;
        is_known.is_none_or(|is_known| is_known(&path)).then_some((path, place))
    })
}

/// What there is to say beside the title, a fact a line, as plain text.
pub fn message(report: &Report, cause: &Cause, verbose: u8) -> String {
    let mut lines = Vec::new();
    for fact in summary::facts(cause, report, VOICE, verbose, None) {
        // A text with line ends stays one fact.
        let text = safe::line(&fact.text);
        lines.push(if fact.head.is_empty() { text } else { format!("{}: {text}", fact.head) });
    }
    lines.push(format!("[{}]", safe::line(&cause.rule)));
    let mut message = lines.join("\n");
    if message.len() > MESSAGE {
        let end = (0..=MESSAGE).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0);
        message.truncate(end);
        message.push_str("...");
    }
    message
}
