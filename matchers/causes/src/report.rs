//! The report: what triage says about one or more builds, as plain data.
//!
//! This is the interface to other programs (`--format json`). Its schema is
//! `config/schema/report.schema.json`; [`FORMAT_VERSION`] grows when a field changes its meaning
//! or goes away, not when one is added.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use triage_log::diagnostic::{Flavor, Location, LogSpan, Note, Severity, Snippet, Tool};
pub use triage_rules::raw::Kind;

pub use crate::matrix::data::{
    Attribution, AttributionCounts, Baseline, Bisection, BuiltCommit, Explains, How, Meter, Past, Proved, State,
    StepResult, Suspect, TimePair, Timing,
};

/// Version of the JSON form.
pub const FORMAT_VERSION: u32 = 1;

/// Everything that triage has to say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "triage report")]
pub struct Report {
    /// [`FORMAT_VERSION`].
    pub version: u32,
    /// The independent causes of failure, the first to repair first. Empty when nothing failed.
    pub causes: Vec<Cause>,
    /// Warnings that failed nothing; filled only when asked for (`--warnings`).
    pub warnings: Vec<Cause>,
    /// The logs that were read.
    pub builds: Vec<Build>,
    /// Totals.
    pub summary: Summary,
    /// The combined unified diff of the first fix of every cause; null when there is none.
    pub patch: Option<String>,
    /// What could not be read or was cut off, in words for a person.
    pub problems: Vec<Problem>,
    /// What became of the causes of an earlier report (`triage matrix --baseline`).
    #[serde(default)]
    pub baseline: Option<Baseline>,
    /// Build times that stand in the logs, with `triage matrix` also those beside them, compared.
    #[serde(default)]
    pub times: Vec<TimePair>,
}

/// What one human change would repair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// Id of the rule that named it.
    pub rule: String,
    /// The symptom: what the log says. One of the closed list in `config/classes.yaml`; for
    /// rustc errors with a code `rust-` and the code.
    pub class: String,
    /// What it comes from, where that is known: `missing-include`, `missing-include-cascade`,
    /// `identifier-typo`, `attr-macro-undefined`, …; else null.
    pub diagnosis: Option<String>,
    /// Whose fault it is.
    pub kind: Kind,
    /// One line for a person.
    pub title: String,
    /// The message of the tool that is most to the point, names in `'…'`.
    pub message: String,
    /// Who printed it.
    pub tool: Tool,
    /// The family of compiler or linker, where it can be told.
    pub flavor: Option<Flavor>,
    /// How bad the tool said it is.
    pub severity: Severity,
    /// The place to look at, as in the log (or in the tree, with `--tree`); null when the log
    /// names none.
    pub location: Option<Location>,
    /// The function that the tool named as context.
    pub function: Option<String>,
    /// What it is about: symbols, headers, members, types, targets; the main one first.
    pub symbols: Vec<String>,
    /// The warning option in its plain form (`-Wunused-variable`), or rustc's code or lint.
    pub option: Option<String>,
    /// True when `-Werror` made an error of a warning.
    pub werror: bool,
    /// Equal for the same cause in another build: other compiler, `-j` order, build directory,
    /// line numbers, `-Werror` or not. 16 hexadecimal digits.
    pub fingerprint: String,
    /// Ids of the builds in which it was seen (see [`Build::id`]).
    pub builds: Vec<String>,
    /// How often and how far.
    pub counts: Counts,
    /// Other places that the same cause was reported at, at most 20.
    pub places: Vec<Location>,
    /// How the compiler got to `location`: the including file first, the source file last.
    pub includes: Vec<Location>,
    /// Object files, archives, modules or targets that the messages name, at most 20.
    pub objects: Vec<String>,
    /// Notes that the tool gave with the message, at most 20.
    pub notes: Vec<Note>,
    /// The source line as printed in the log.
    pub snippet: Option<Snippet>,
    /// What the compiler proposed by itself, as words.
    pub hint: Option<String>,
    /// What the message means.
    pub explanation: String,
    /// What to do about it, best first; at least one entry.
    pub fixes: Vec<Fix>,
    /// Where the first message stands in the log.
    pub log: LogSpan,
    /// References for further reading.
    pub references: Vec<String>,
    /// Source files that it broke, at most 20.
    #[serde(default)]
    pub units: Vec<String>,
    /// What the builds that have it share and the others do not.
    #[serde(default)]
    pub attribution: Attribution,
    /// Configuration symbols that the failing line depends on, as far as the source tree tells.
    #[serde(default)]
    pub guards: Vec<String>,
    /// What it is beside the baseline; null without one.
    #[serde(default)]
    pub state: Option<State>,
    /// Commits that could have done it, the likeliest first.
    #[serde(default)]
    pub suspects: Vec<Suspect>,
    /// The commit that did it, when building proved it.
    #[serde(default)]
    pub proved: Option<Proved>,
    /// What was built to prove it; null without `--bisect`.
    #[serde(default)]
    pub bisection: Option<Bisection>,
    /// Who takes care of the file, with roles, from the tree's `MAINTAINERS`.
    #[serde(default)]
    pub maintainers: Vec<String>,
    /// What is known of it from builds before, in one line: since when, where, which fix worked, who
    /// said what. Only who keeps builds knows; else it is empty and left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub history: String,
}

/// How often and how far a cause was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Messages that say it.
    pub findings: u64,
    /// Translation units, targets or objects that it broke.
    pub files: u64,
    /// Messages that would go away with it, the findings not counted.
    pub consequences: u64,
}

/// How far a fix can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Applicability {
    /// Compiled here, with the failing command, in a scratch copy.
    Verified,
    /// A concrete change that was not compiled.
    Unverified,
    /// Words.
    Advice,
}

/// What to do about a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fix {
    /// How far it can be relied on.
    pub applicability: Applicability,
    /// The kind of change: `add_include`, `install_package`, …, or `advice`.
    pub kind: String,
    /// One line for a person.
    pub title: String,
    /// For includes: the header, without brackets or quotes.
    pub header: Option<String>,
    /// The file to change.
    pub file: Option<String>,
    /// The line to change, counted from 1.
    pub line: Option<u32>,
    /// For `install_package`: the package (Debian's name).
    pub package: Option<String>,
    /// A unified diff that `git apply` takes.
    pub patch: Option<String>,
}

/// One log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Build {
    /// Name of the log as given (`-` for standard input, `logs.zip/1_build.txt` for a member).
    pub id: String,
    /// What is known about it: `arch`, `config`, `toolchain`, `version`, `target`, …
    pub axes: BTreeMap<String, String>,
    /// How it ended.
    pub status: Status,
    /// Lines read.
    pub lines: u64,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Diagnostics of all severities.
    pub diagnostics: u64,
}

/// How a build ended, as far as its log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Something failed.
    Fail,
    /// Nothing failed.
    Pass,
    /// The log is empty.
    Empty,
}

/// Totals over all builds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Independent causes.
    pub causes: u64,
    /// Error messages of all kinds.
    pub errors: u64,
    /// Warning messages.
    pub warnings: u64,
    /// Lines read.
    pub lines: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// Something that could not be read, or was cut off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The log, or the file in it.
    pub name: String,
    /// Why, in words.
    pub message: String,
}
