//! What a report says about many builds, as plain data; a part of [`crate::report`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the builds that have a cause share and the others do not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attribution {
    /// Axis to values: a build meets the statement when for every axis its value is listed. Empty
    /// when every build fails, or when no statement fits.
    pub axes: BTreeMap<String, Vec<String>>,
    /// How well the statement tells failing from passing builds.
    pub explains: Explains,
    /// The statement for a person: `clang only`, `gcc >= 13`, `no single axis explains it`. Empty
    /// when there is one build.
    pub statement: String,
    /// Other statements that fit as well, at most 3: the builds do not tell them apart.
    pub alternatives: Vec<BTreeMap<String, Vec<String>>>,
    /// Ids of the builds that have it.
    pub failing: Vec<String>,
    /// Ids of the builds that met it and passed.
    pub passing: Vec<String>,
    /// Ids of the builds that say nothing about it: they failed earlier or do not compile the file.
    pub not_reached: Vec<String>,
    /// How many there are of each; the lists are cut short in reports of very many causes.
    pub counts: AttributionCounts,
}

/// How many builds are in the lists of an [`Attribution`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttributionCounts {
    /// Builds that have the cause.
    pub failing: u64,
    /// Builds that met it and passed.
    pub passing: u64,
    /// Builds that say nothing about it.
    pub not_reached: u64,
}

/// How well a statement about the axes tells failing from passing builds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Explains {
    /// It is true of all failing and of no passing build.
    All,
    /// No statement tells them apart.
    #[default]
    None,
    /// It is true of all failing builds, and of some that pass.
    Partly,
}

/// What a cause is beside the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The baseline does not have it.
    New,
    /// The baseline has it too, perhaps at another line or in other words.
    StillFailing,
    /// The baseline has another failure of the same thing at the same place.
    Changed,
}

/// An earlier report, beside this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Baseline {
    /// Where it was read.
    pub name: String,
    /// Builds that it has.
    pub builds: u64,
    /// Causes that are new.
    pub new: u64,
    /// Causes that both have.
    pub still_failing: u64,
    /// Causes that became others.
    pub changed: u64,
    /// Causes that are gone, and whose builds were built again.
    pub fixed: Vec<Past>,
    /// Causes that are not seen again, while none of this report's builds could have met them.
    pub unknown: Vec<Past>,
}

/// A cause of the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Past {
    /// Its fingerprint.
    pub fingerprint: String,
    /// Its class.
    pub class: String,
    /// Its title.
    pub title: String,
    /// Its place, `file:line`.
    pub place: Option<String>,
    /// How many builds had it.
    pub builds: u64,
}

/// A commit that could have done it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suspect {
    /// The commit's id with 12 digits, or `n/m` for a patch of a series.
    pub commit: String,
    /// The first line of its message.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// Why it is listed, the weightiest reason first.
    pub reasons: Vec<String>,
    /// How much speaks for it: the sum of the reasons' weights.
    pub score: u32,
    /// The line for a commit message that repairs it.
    pub fixes: Option<String>,
    /// True when builds without and with it proved it.
    #[serde(default)]
    pub proved: bool,
}

/// The one commit that did it, shown by building.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proved {
    /// How.
    pub how: How,
    /// The commit's id with 12 digits, or `n/m` for a patch of a series.
    pub commit: String,
    /// The first line of its message.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// The line for a commit message that repairs it; null for a patch that is not committed.
    pub fixes: Option<String>,
}

/// How a commit is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It has the cause, and the end of the range without it has not.
    Revert,
    /// It has the cause, and its parents have not.
    Bisect,
}

/// What the builds of a range told about a cause.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bisection {
    /// How many states of the tree were looked at and could be judged.
    pub built: u64,
    /// How many could not.
    pub skipped: u64,
    /// All of them, in the order in which they were asked for. Builds are shared between causes.
    pub steps: Vec<BuiltCommit>,
    /// Commits of which one did it, when it was not narrowed down to one; at most 100.
    pub left: Vec<String>,
    /// Why there is no proof, for a person; null when there is one.
    pub reason: Option<String>,
}

/// A state of the tree that was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuiltCommit {
    /// The commit's id with 12 digits, or `n/m` for a patch of a series.
    pub commit: String,
    /// The first line of its message.
    pub title: String,
    /// True when the end of the range was built without it, instead of it.
    pub reverted: bool,
    /// What came out.
    pub result: StepResult,
    /// Why it was skipped, for a person.
    pub reason: Option<String>,
    /// Milliseconds that the commands took; 0 when the state had been built before.
    pub took: u64,
}

/// What a build says about a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepResult {
    /// It does not have it.
    Good,
    /// It has it.
    Bad,
    /// It fails for another reason, or could not be built.
    Skipped,
}

/// A measured build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// What measured it.
    pub source: Meter,
    /// What was measured, as it stands there.
    pub name: String,
    /// The log it stands in.
    pub build: String,
    /// Seconds from start to end; the mean when there were several runs.
    pub elapsed: f64,
    /// Standard deviation of `elapsed`.
    pub deviation: Option<f64>,
    /// Seconds in user mode, over all processors.
    pub user: Option<f64>,
    /// Seconds in the system, over all processors.
    pub system: Option<f64>,
    /// Seconds of processors, where only the sum is known.
    pub cpu: Option<f64>,
    /// How many runs.
    pub runs: Option<u32>,
}

impl Timing {
    /// Seconds of processors.
    pub fn cpu_seconds(&self) -> Option<f64> {
        match (self.user, self.system) {
            (Some(user), Some(system)) => Some(user + system),
            _ => self.cpu,
        }
    }
}

/// What measures build times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Meter {
    /// `hyperfine`.
    Hyperfine,
    /// `perf stat`.
    PerfStat,
    /// A shell's or GNU `time`.
    Time,
}

/// Two measurements of the same build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimePair {
    /// What is known of the build: `arch`, `config`, `toolchain`, …
    pub axes: BTreeMap<String, String>,
    /// What it is compared with.
    pub base: Timing,
    /// What is compared.
    pub new: Timing,
    /// Elapsed time of `base` by that of `new`: above 1 when `new` is faster.
    pub elapsed_ratio: f64,
    /// The same for the processors' time.
    pub cpu_ratio: Option<f64>,
    /// Whether the difference of the elapsed times is more than twice their joint standard
    /// deviation; null when none is known.
    pub exceeds_noise: Option<bool>,
}
