//! The form of KCIDB, as far as it is needed: <https://github.com/kernelci/kcidb-io>, schema 5.3.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version that is written.
pub const VERSION: Version = Version { major: 5, minor: 3 };

/// One line: objects of any kinds. They refer to each other by their ids.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Document {
    /// Of the form.
    pub version: Version,
    /// What was built.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checkouts: Vec<Value>,
    /// Builds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builds: Vec<Value>,
    /// Causes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<Value>,
    /// Which builds have which causes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Value>,
}

/// Of the form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Grows when something is not as it was.
    pub major: u32,
    /// Grows when something is added.
    #[serde(default)]
    pub minor: u32,
}

/// A source tree in a state.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Checkout {
    /// `origin:…`, as all ids.
    pub id: String,
    /// The system that it comes from.
    pub origin: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_repository_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_repository_branch: Option<String>,
    /// 40 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patchset_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    #[serde(default, skip_serializing_if = "Misc::is_empty")]
    pub misc: Misc<OfCheckout>,
}

/// A build of a checkout.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Build {
    pub id: String,
    pub origin: String,
    pub checkout_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compiler: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_url: Option<String>,
    /// `PASS`, `FAIL`, `ERROR`, `MISS`, `DONE`, `SKIP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// In version 4 in place of `status`.
    #[serde(default, skip_serializing)]
    pub valid: Option<bool>,
    #[serde(default, skip_serializing_if = "Misc::is_empty")]
    pub misc: Misc<OfBuild>,
}

/// What can be wrong with builds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Issue {
    pub id: String,
    /// A later one takes the place of an earlier one.
    pub version: u64,
    pub origin: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub culprit: Option<Culprit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    #[serde(default, skip_serializing_if = "Misc::is_empty")]
    pub misc: Misc<OfIssue>,
}

/// Whose fault it is.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Culprit {
    #[serde(default)]
    pub code: bool,
    #[serde(default)]
    pub tool: bool,
    #[serde(default)]
    pub harness: bool,
}

/// That a build has an issue.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Incident {
    pub id: String,
    pub origin: String,
    pub issue_id: String,
    pub issue_version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<bool>,
    #[serde(default, skip_serializing_if = "Misc::is_empty")]
    pub misc: Misc<OfIncident>,
}

/// What the form has no field for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Misc<T> {
    /// Ours; other programs have other keys, which are ignored.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub triage: Option<T>,
}

impl<T> Default for Misc<T> {
    fn default() -> Self {
        Self { triage: None }
    }
}

impl<T> Misc<T> {
    fn is_empty(&self) -> bool {
        self.triage.is_none()
    }
}

/// Of a checkout.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct OfCheckout {
    /// `branch` or `change`.
    pub kind: String,
    /// The tree.
    pub tree: String,
    /// The branch or change.
    pub name: String,
    /// What tells its states apart.
    pub key: String,
    /// The commit, when it has not 40 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Where a person finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Of a build.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct OfBuild {
    /// What its log is called.
    pub name: String,
    /// All axes.
    pub axes: BTreeMap<String, String>,
    /// Where its log is, when that is no address on the web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What follows each other on its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// The series that it built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Its version.
    #[serde(default)]
    pub version: i64,
    /// The report in which it is the first build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Value>,
}

/// Of an issue.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct OfIssue {
    pub class: String,
    #[serde(default)]
    pub place: String,
    /// Builds that had it and are forgotten: they have no incident.
    #[serde(default)]
    pub forgotten: u32,
    /// RFC 3339.
    pub first_seen: String,
    /// RFC 3339.
    pub last_seen: String,
    #[serde(default)]
    pub words: Vec<String>,
    /// The cause as in a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Value>,
    #[serde(default)]
    pub fixes: Vec<OfFix>,
    #[serde(default)]
    pub verdicts: Vec<OfVerdict>,
}

/// What was proposed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct OfFix {
    pub kind: String,
    pub applicability: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    pub proposed: String,
    /// When the cause was gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worked: Option<String>,
    /// In which checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worked_in: Option<String>,
}

/// What someone said.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct OfVerdict {
    pub verdict: String,
    #[serde(default)]
    pub detail: String,
    pub by: String,
    pub at: String,
}

/// Of an incident.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct OfIncident {
    /// RFC 3339.
    pub seen: String,
}
