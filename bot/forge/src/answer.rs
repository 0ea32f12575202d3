//! What is to be said about the builds of a change, as plain data that has no log text left to be
//! escaped: every text in it is ready to be shown, and within the limits of the forge.

use serde::{Deserialize, Serialize};

/// What is to be said about the builds of one commit, once.
///
/// Saying it twice changes nothing: what stands there already is found by [`Answer::key`] and edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What ties the answers to one change together: `triage` or a name that the operator chose, when
    /// several bots or workflows answer the same change. Letters, digits, `-`, `_`, `.`; at most 60.
    pub key: String,
    /// How the builds ended.
    pub outcome: Outcome,
    /// One line, as plain text: `2 causes, 1 verified fix`.
    pub title: String,
    /// The comment, in Markdown, without the hidden marker.
    pub comment: String,
    /// The text of the check run, in Markdown.
    pub summary: String,
    /// What to show at lines of files of the repository, the most important first.
    pub annotations: Vec<Annotation>,
    /// Changes that a person can take with a click, where the forge can show them.
    pub suggestions: Vec<Suggestion>,
}

/// How the builds ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Something failed that a change of the code repairs.
    Failed,
    /// Something failed that the author cannot help: the network, the machine.
    Infrastructure,
    /// Nothing failed. A comment that stands there is marked as resolved; none is written.
    Passed,
}

/// A remark at lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// The file, relative to the root of the repository, with `/`.
    pub path: String,
    /// The first line, counted from 1.
    pub start_line: u32,
    /// The last line.
    pub end_line: u32,
    /// The columns, counted from 1; only when both lines are the same.
    pub columns: Option<(u32, u32)>,
    /// How bad it is.
    pub level: Level,
    /// One line, as plain text.
    pub title: String,
    /// Plain text.
    pub message: String,
    /// [`triage_causes::report::Cause::fingerprint`].
    pub fingerprint: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It breaks the build.
    Failure,
    /// It does not.
    Warning,
    /// By the way.
    Notice,
}

/// Lines of a file and what is to stand there instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The file, relative to the root of the repository, with `/`.
    pub path: String,
    /// The first line that is replaced, in the head of the change, counted from 1.
    pub start_line: u32,
    /// The last line that is replaced.
    pub end_line: u32,
    /// Those lines as they are, without line ends.
    pub old: Vec<String>,
    /// What they become, without line ends.
    pub new: Vec<String>,
    /// What stands above the suggestion, in Markdown.
    pub text: String,
    /// [`triage_causes::report::Cause::fingerprint`].
    pub fingerprint: String,
}
