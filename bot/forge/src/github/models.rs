//! What we read of GitHub's answers (<https://docs.github.com/en/rest>): the fields that are used, nothing more.

use serde::Deserialize;

/// `GET /app`.
#[derive(Debug, Deserialize)]
pub(super) struct App {
    pub(super) slug: String,
}

/// `GET /repos/{owner}/{repo}/installation`, and an entry of `GET /app/installations`.
#[derive(Debug, Deserialize)]
pub(super) struct Installation {
    pub(super) id: u64,
    /// Since when it may do nothing.
    #[serde(default)]
    pub(super) suspended_at: Option<String>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// Its name: `octocat`, `triage-bot[bot]`.
    pub login: String,
}

/// A comment of a pull request: in its conversation or at a line of its diff.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    /// Its number; a younger comment has a greater one.
    pub id: u64,
    /// Its name in GraphQL.
    #[serde(default)]
    pub node_id: String,
    /// Who wrote it; none when the account is gone.
    pub user: Option<User>,
    /// Its text, in Markdown.
    #[serde(default)]
    pub body: Option<String>,
    /// Where it can be read.
    #[serde(default)]
    pub html_url: String,
}

/// A check run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckRun {
    /// Its number.
    pub id: u64,
    /// The commit.
    #[serde(default)]
    pub head_sha: String,
    /// What we call it.
    #[serde(default)]
    pub external_id: Option<String>,
    /// How it ended.
    #[serde(default)]
    pub conclusion: Option<String>,
    /// Where it can be read.
    #[serde(default)]
    pub html_url: Option<String>,
    /// What it shows.
    pub output: CheckOutput,
}

/// What a check run shows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckOutput {
    /// Its title.
    #[serde(default)]
    pub title: Option<String>,
    /// Its text.
    #[serde(default)]
    pub summary: Option<String>,
    /// How many annotations it has.
    #[serde(default)]
    pub annotations_count: usize,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// `open` or `closed`.
    pub state: String,
    /// What is to be merged.
    pub head: Commit,
}

/// A commit of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Commit {
    /// Its hash.
    pub sha: String,
}

/// A file that a pull request changes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChangedFile {
    /// Its path.
    pub filename: String,
    /// Its hunks; none for binary files and large changes.
    #[serde(default)]
    pub patch: Option<String>,
}

/// `GET /repos/{owner}/{repo}/collaborators/{username}/permission`.
#[derive(Debug, Deserialize)]
pub(super) struct Permission {
    pub(super) permission: String,
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: u64,
    /// The name of the workflow.
    #[serde(default)]
    pub name: Option<String>,
    /// The commit that it built; of a pull request its head.
    pub head_sha: String,
    /// The branch of that commit.
    #[serde(default)]
    pub head_branch: Option<String>,
    /// The repository of that branch; none when a fork is gone.
    #[serde(default)]
    pub head_repository: Option<FullName>,
    /// `push`, `pull_request`, ….
    #[serde(default)]
    pub event: String,
    /// `queued`, `in_progress`, `completed`, ….
    #[serde(default)]
    pub status: Option<String>,
    /// `success`, `failure`, `cancelled`, ….
    #[serde(default)]
    pub conclusion: Option<String>,
    /// Which attempt it is, from 1.
    #[serde(default = "first")]
    pub run_attempt: u32,
    /// Where it can be read.
    #[serde(default)]
    pub html_url: String,
    /// The pull requests of its branch; empty for those of forks.
    #[serde(default)]
    pub pull_requests: Option<Vec<PullRequestOfRun>>,
}

fn first() -> u32 {
    1
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FullName {
    /// `owner/name`.
    pub full_name: String,
}

/// A pull request, as a run knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullRequestOfRun {
    /// Its number.
    pub number: u64,
    /// What it has now.
    pub head: Commit,
}

/// A job of a run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// The run that it is of.
    #[serde(default)]
    pub run_id: u64,
    /// Which attempt of the run, from 1.
    #[serde(default = "first")]
    pub run_attempt: u32,
    /// `build (ubuntu-latest, gcc-13)`, `checks / build (arm64)`.
    pub name: String,
    /// The commit.
    #[serde(default)]
    pub head_sha: String,
    /// `success`, `failure`, `cancelled`, `skipped`, `timed_out`, ….
    #[serde(default)]
    pub conclusion: Option<String>,
    /// Where it can be read.
    #[serde(default)]
    pub html_url: Option<String>,
    /// Its steps.
    #[serde(default)]
    pub steps: Option<Vec<Step>>,
}

/// A step of a job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// From 1.
    pub number: u64,
    /// `success`, `failure`, `skipped`, ….
    #[serde(default)]
    pub conclusion: Option<String>,
}
