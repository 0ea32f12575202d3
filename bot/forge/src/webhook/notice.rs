//! What happened on a forge, in our words.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::commands::Commands;

/// What happened, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The repository; none for what is about an organization.
    pub repository: Option<Repository>,
    /// The installation of the GitHub App, whose token answers.
    pub installation: Option<u64>,
    /// Who did it.
    pub sender: Option<Account>,
    /// What happened.
    pub event: Event,
}

/// A repository; GitLab calls it a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Its number, which stays the same when it is renamed.
    pub id: u64,
    /// `owner/name`, on GitLab with all its groups.
    pub path: String,
    /// Its page.
    pub url: String,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its number, which stays the same when it is renamed.
    pub id: u64,
    /// Its name, without `@`.
    pub name: String,
    /// True for a program: an App, or the user of a project's or group's access token.
    pub bot: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The webhook was set up.
    Ping,
    /// Nothing that we act on: why.
    Nothing(Cow<'static, str>),
    /// A workflow run or a pipeline ended.
    Run(Run),
    /// A job ended, its run may go on.
    Job(Job),
    /// Another system said how a commit did.
    Check(Check),
    /// A person wants our check to be made again.
    Rerequested(Rerequested),
    /// A pull request or merge request came, got commits, or went.
    Change(Change),
    /// A person told us to do something.
    Comment(Comment),
}

impl Event {
    /// [`Event::Nothing`].
    pub(super) const fn nothing(why: &'static str) -> Self {
        Self::Nothing(Cow::Borrowed(why))
    }
}

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// All went well.
    Passed,
    /// Something failed, or took too long.
    Failed,
    /// Somebody stopped it, or something newer came.
    Cancelled,
    /// There was nothing to do.
    Skipped,
}

/// A workflow run or a pipeline that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: u64,
    /// GitHub's attempt, from 1. On GitLab, which counts none, the number of the youngest job: it grows when jobs are
    /// retried.
    pub attempt: u64,
    /// The workflow's or the pipeline's name; may be empty.
    pub name: String,
    /// What was built.
    pub head_sha: Sha,
    /// The branch or tag.
    pub head_ref: Option<String>,
    /// How it ended.
    pub ended: Ended,
    /// The pull requests or the merge request it is known to belong to, by number. GitHub leaves out those from forks:
    /// ask for the commit's then.
    pub changes: Vec<u64>,
    /// True when what was built comes from a fork.
    pub from_fork: bool,
    /// GitHub's check suite.
    pub check_suite: Option<u64>,
    /// The project and the pipeline that started this one, on GitLab.
    pub parent: Option<(u64, u64)>,
    /// The jobs, where the event has them (GitLab).
    pub jobs: Vec<Job>,
    /// Its page.
    pub url: Option<String>,
}

/// A job that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// Its run or pipeline.
    pub run: u64,
    /// Its name.
    pub name: String,
    /// GitLab's stage.
    pub stage: Option<String>,
    /// What was built.
    pub head_sha: Option<Sha>,
    /// How it ended.
    pub ended: Ended,
    /// True when its failure does not fail the pipeline.
    pub allow_failure: bool,
    /// GitLab's word for why it failed: `script_failure`, `runner_system_failure`, …
    pub reason: Option<String>,
    /// The steps that failed, by name (GitHub).
    pub failed_steps: Vec<String>,
    /// The labels or tags of its runner.
    pub runner: Vec<String>,
}

/// What told how a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    /// All check runs of one App.
    Suite,
    /// One check run.
    Run,
    /// A commit status.
    Status,
}

/// What another system said about a commit. GitHub sends these also for its own workflows (`app` is `github-actions`),
/// and for our own checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What told it.
    pub kind: CheckKind,
    /// Its number.
    pub id: u64,
    /// Its name; the App's for a suite.
    pub name: String,
    /// The App: number and short name.
    pub app: Option<(u64, String)>,
    /// The commit.
    pub head_sha: Sha,
    /// How it ended.
    pub ended: Ended,
    /// The pull requests it is known to belong to, none from forks.
    pub changes: Vec<u64>,
    /// Where the system tells more.
    pub url: Option<String>,
}

/// A check of ours that a person wants to be made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerequested {
    /// [`CheckKind::Suite`] or [`CheckKind::Run`].
    pub kind: CheckKind,
    /// Its number.
    pub id: u64,
    /// The App: number and short name.
    pub app: Option<(u64, String)>,
    /// The commit.
    pub head_sha: Sha,
    /// The pull requests it is known to belong to, none from forks.
    pub changes: Vec<u64>,
}

/// What became of a pull request or merge request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// It came, or came back.
    Opened,
    /// It has other commits.
    Pushed,
    /// It was closed or merged.
    Closed,
}

/// A pull request or merge request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its number in the repository.
    pub number: u64,
    /// Its newest commit.
    pub head_sha: Sha,
    /// What became of it.
    pub became: Became,
    /// True for a draft.
    pub draft: bool,
    /// True when it comes from a fork.
    pub from_fork: bool,
}

/// A comment with a command on a pull request or merge request. Whether its author may say so is asked of the forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Its number.
    pub id: u64,
    /// The pull request or merge request.
    pub change: u64,
    /// GitLab's discussion, in which an answer belongs.
    pub discussion: Option<String>,
    /// Who wrote it; never a program.
    pub author: Account,
    /// What it tells.
    pub commands: Commands,
    /// The newest commit, where the event has it (GitLab).
    pub head_sha: Option<Sha>,
}

/// A commit: 40 or 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha(String);

/// A text that is no commit id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a commit id has 40 or 64 hexadecimal digits")]
pub struct NotSha;

impl Sha {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sha {
    type Error = NotSha;

    fn try_from(text: String) -> Result<Self, NotSha> {
        let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if matches!(text.len(), 40 | 64) && text.bytes().all(digits) { Ok(Self(text)) } else { Err(NotSha) }
    }
}

impl std::str::FromStr for Sha {
    type Err = NotSha;

    fn from_str(text: &str) -> Result<Self, NotSha> {
        text.to_owned().try_into()
    }
}

impl From<Sha> for String {
    fn from(sha: Sha) -> Self {
        sha.0
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
