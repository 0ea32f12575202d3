//! What is said about a change on a forge: one comment, the text of a check, remarks at lines, and suggestions.
//!
//! All of it is plain text or Markdown that is ready to be shown: within the forge's limits, and with
//! nothing of a log in it that acts. Causes are told by [`crate::markdown`], as in the format of that name; here they are
//! put together so that they fit. What does not fit is cut off from the end, by whole causes, with a count and a
//! link, so that no fence is ever left open.

pub mod annotations;
mod suggestions;

use triage_causes::report::{Kind, Report, Status};

pub use annotations::Annotation;
pub use suggestions::Suggestion;

use crate::matrix::grid::Grid;
use crate::secrets::{Masked, MaskedSource};
use crate::summary;
use crate::{Options, Source, markdown, matrix, safe, words};

/// Causes that are told in full; those after them get a line each.
const FULL: usize = 20;

/// Rows of a grid above which it is folded.
const ROWS: usize = 12;

/// How long texts may be, in bytes. Forges count characters, of which no text has more than bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The comment.
    pub comment: usize,
    /// The text of a check.
    pub check: usize,
}

impl Limits {
    /// GitHub takes 65,536 characters in a comment and 65,535 in a check run. Some are left for the marker by which
    /// the comment is found again.
    pub const GITHUB: Self = Self { comment: 65_000, check: 65_535 };
    /// GitLab takes 1,000,000 characters, with its marker.
    pub const GITLAB: Self = Self { comment: 999_000, check: 999_000 };
    /// A step's summary on GitHub: 1024 KiB.
    pub const SUMMARY: usize = 1024 * 1024;
}

/// How it is said.
#[derive(Clone, Copy)]
pub struct Manner<'a> {
    /// How long it may be.
    pub limits: Limits,
    /// Where all of it can be read: the page of the builds. An `https` or `http` address.
    pub link: Option<&'a str>,
    /// Somebody listens to commands in answers, so that they are named.
    pub commands: bool,
    /// The source tree, for snippets.
    pub source: Option<&'a dyn Source>,
    /// True for files that are in the repository, where that can be told.
    pub is_known: Option<&'a dyn Fn(&str) -> bool>,
}

/// How builds ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Something failed that a change of the code repairs.
    Failed,
    /// Only the machine, its tools or its network failed.
    Infrastructure,
    /// Nothing failed.
    Passed,
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// How the builds ended.
    pub outcome: Outcome,
    /// One line of plain text: `2 causes, 1 verified fix`.
    pub title: String,
    /// The comment, in Markdown. One sentence when nothing failed.
    pub comment: String,
    /// The text of a check, in Markdown, with explanations.
    pub check: String,
    /// Remarks at lines of files of the repository, in the order of the causes.
    pub annotations: Vec<Annotation>,
    /// Verified fixes that can be taken with a click.
    pub suggestions: Vec<Suggestion>,
}

/// Says a report.
pub fn of(report: &Masked, manner: &Manner<'_>) -> Comment {
    let source = manner.source.map(MaskedSource);
    let options = Options { source: source.as_ref().map(|source| source as &dyn Source), ..Options::default() };
    Comment {
        outcome: outcome(report),
        title: safe::line(&markdown::title(report)),
        comment: text(report, manner, &options, manner.limits.comment),
        check: text(report, manner, &Options { verbose: 1, ..options }, manner.limits.check),
        annotations: annotations::of(report, manner.is_known),
        suggestions: suggestions::of(report, manner.is_known),
    }
}

/// The report as Markdown in so many bytes, for a step's summary.
pub fn fitted(report: &Masked, manner: &Manner<'_>, limit: usize) -> String {
    let source = manner.source.map(MaskedSource);
    let source = source.as_ref().map(|source| source as &dyn Source);
    text(report, manner, &Options { verbose: 1, source, ..Options::default() }, limit)
}

/// How the builds of a report ended.
pub fn outcome(report: &Report) -> Outcome {
    let failed = report.builds.iter().any(|build| build.status == Status::Fail);
    if report.causes.is_empty() {
        return if failed { Outcome::Failed } else { Outcome::Passed };
    }
    let machine = report.causes.iter().all(|cause| cause.kind == Kind::Infrastructure);
    if machine { Outcome::Infrastructure } else { Outcome::Failed }
}

fn text(report: &Report, manner: &Manner<'_>, options: &Options<'_>, limit: usize) -> String {
    let outcome = outcome(report);
    let mut out = match outcome {
        Outcome::Passed => return format!("{}\n", words::resolved(report.builds.len() as u64, report.summary.lines)),
        _ => format!("### {}\n\n", safe::markdown(&markdown::title(report))),
    };
    if outcome == Outcome::Infrastructure {
        out.push_str(words::NOT_THE_CHANGE);
        out.push_str("\n\n");
    }
    let footer = footer(report, manner, options);
    let mut room = Room { left: limit.saturating_sub(out.len() + footer.len()) };
    // The grid is worth less than the causes that it names.
    let grid = grid(report).filter(|grid| grid.len() <= room.left / 4).unwrap_or_default();
    room.left -= grid.len();
    causes(report, manner, options, &mut room, &mut out);
    out.push_str(&grid);
    for problem in &report.problems {
        let line = format!("- {}: {}\n", words::NOTE, safe::markdown(&words::problem(&problem.name, &problem.message)));
        if !room.take(line.len() + 1) {
            break;
        }
        out.push_str(&line);
    }
    if !report.problems.is_empty() {
        out.push('\n');
    }
    out.push_str(&footer);
    out
}

/// Bytes that are left.
struct Room {
    left: usize,
}

impl Room {
    /// Takes some, if there are as many.
    fn take(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.left;
        self.left -= if fits { bytes } else { 0 };
        fits
    }
}

fn causes(report: &Report, manner: &Manner<'_>, options: &Options<'_>, room: &mut Room, out: &mut String) {
    let all: Vec<_> = summary::labelled(report).collect();
    // What is said when not all fit is paid for beforehand.
    let link = manner.link.map(safe::markdown_link).filter(|link| link.starts_with('<'));
    let cut = |left: usize| words::causes_left(left as u64, link.as_deref());
    let paid = room.take(cut(all.len()).len() + 2);
    let mut told = 0;
    let numbered = Grid::new(report).is_some();
    for (label, cause) in all.iter().take(FULL) {
        let number = (numbered && told < report.causes.len()).then_some(told + 1);
        let block = markdown::Block { report, label: *label, number, fold_above: 0, is_brief: false };
        let mut text = block.render(cause, options);
        if told == 0 && text.len() > room.left {
            // Something has to be said, be its patch ever so long.
            let brief = markdown::Block { is_brief: true, ..block };
            text = brief.render(cause, &Options { verbose: 0, ..*options });
        }
        if !room.take(text.len()) {
            break;
        }
        out.push_str(&text);
        told += 1;
    }
    let head = format!("{}\n\n", words::more_causes((all.len() - told) as u64));
    if told == FULL && all.len() > told && room.take(head.len() + 1) {
        out.push_str(&head);
        for (label, cause) in &all[told..] {
            let line = markdown::item(*label, cause) + "\n";
            if !room.take(line.len()) {
                break;
            }
            out.push_str(&line);
            told += 1;
        }
        out.push('\n');
    }
    if told < all.len() && paid {
        out.push_str(&cut(all.len() - told));
        out.push_str("\n\n");
    }
}

/// The builds by their axes, when there is more than one, and what became of the baseline.
fn grid(report: &Report) -> Option<String> {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    matrix::markdown::render(report, &mut text).ok()?;
    let text = String::from_utf8(text).ok().filter(|text| !text.is_empty())?;
    let rows = Grid::new(report).map_or(0, |grid| grid.rows.len());
    Some(if rows > ROWS { format!("{}\n", markdown::folded(words::BUILDS, &text)) } else { text })
}

fn footer(report: &Report, manner: &Manner<'_>, options: &Options<'_>) -> String {
    let mut parts = markdown::effort(report, options);
    if let Some(link) = manner.link.and_then(|link| safe::markdown_named_link(words::LOGS, link)) {
        parts.push(link);
    }
    if manner.commands {
        parts.push(words::ask(words::COMMANDS));
    }
    format!("<sub>{}</sub>\n", parts.join(" · "))
}

#[cfg(test)]
mod tests;
