//! The logs of workflow runs, and what they belong to.
//!
//! GitHub answers a request for logs with a redirect to a storage elsewhere, good for one minute: a zip archive of a run
//! (<https://docs.github.com/en/rest/actions/workflow-runs#download-workflow-run-logs>) or the plain text of a job
//! (<https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run>), which begins with a
//! byte order mark and has a time stamp in front of each line; `triage_log` takes both off. Logs go to temporary files,
//! since some have hundreds of megabytes.

mod archive;
mod origin;
mod runs;
#[cfg(test)]
mod tests;

use std::fs::File;

use tracing::{debug, warn};

use super::models::{Job, PullRequest, Run};
use super::{Repository, Session};
use crate::http::{Error, Kind};

pub use archive::{Archive, ArchiveError};
pub use origin::{Origin, axes};

/// With so many jobs, their logs are asked for one by one rather than with those of all jobs that passed.
const ONE_BY_ONE: usize = 8;

/// How much is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the archive of a run. A larger one is left, and the jobs are asked for one by one.
    pub archive: u64,
    /// Bytes of the log of a job. Of a longer one the beginning is taken.
    pub log: u64,
    /// Jobs of a run.
    pub jobs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { archive: 1 << 30, log: 512 << 20, jobs: 256 }
    }
}

/// The log of a job.
#[derive(Debug)]
pub struct JobLog {
    /// What it belongs to.
    pub origin: Origin,
    /// The log.
    pub content: Content,
}

/// A log, or why there is none.
#[derive(Debug)]
pub enum Content {
    /// It is there.
    Log {
        /// A file without a name, at its beginning.
        file: File,
        /// Its bytes.
        length: u64,
        /// Whether there is more than the limit allowed.
        truncated: bool,
    },
    /// GitHub deleted it: after 90 days, or what the repository says (410).
    Expired,
    /// There is none (404): the job never ran, or its runner was lost.
    Missing,
}

impl Session {
    /// A run, in its latest attempt or in one by number.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked or there is none.
    pub async fn run(&self, repository: &Repository, run: u64, attempt: Option<u32>) -> Result<Run, Error> {
        let run = run.to_string();
        let path = match attempt {
            Some(attempt) => repository.path(&["actions", "runs", &run, "attempts", &attempt.to_string()]),
            None => repository.path(&["actions", "runs", &run]),
        };
        self.get(&path).await?.json()
    }

    /// The jobs of an attempt of a run.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked or there is no such run.
    pub async fn jobs(&self, repository: &Repository, run: &Run) -> Result<Vec<Job>, Error> {
        self.list(&attempt(repository, run, "jobs"), Some("jobs")).await
    }

    /// The open pull request that has the commit of a run as its head. GitHub names it in the run only when it is not from a
    /// fork.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked.
    pub async fn pull_request_of(&self, repository: &Repository, run: &Run) -> Result<Option<u64>, Error> {
        let named = run.pull_requests.iter().flatten().find(|pull| pull.head.sha == run.head_sha);
        if let Some(named) = named {
            return Ok(Some(named.number));
        }
        let from = run.head_repository.as_ref().and_then(|it| Repository::parse(&it.full_name));
        let list = match (from, &run.head_branch) {
            (Some(from), Some(branch)) => {
                let head = format!("{}:{branch}", from.owner);
                let head: String = url::form_urlencoded::byte_serialize(head.as_bytes()).collect();
                repository.path(&["pulls"]) + "?state=open&head=" + &head
            }
            _ => repository.path(&["commits", &run.head_sha, "pulls"]),
        };
        let pulls: Vec<PullRequest> = self.list(&list, None).await?;
        let fits = |pull: &PullRequest| pull.state == "open" && pull.head.sha == run.head_sha;
        Ok(pulls.into_iter().find(fits).map(|pull| pull.number))
    }

    /// The logs of the jobs of a run that failed.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked. That there is no log is none.
    pub async fn failed_logs(&self, repository: &Repository, run: &Run, limits: Limits) -> Result<Vec<JobLog>, Error> {
        let jobs = self.jobs(repository, run).await?;
        let mut failed: Vec<&Job> = jobs.iter().filter(|job| has_failed(job)).collect();
        failed.truncate(limits.jobs);
        let mut archive = None;
        if failed.len() > ONE_BY_ONE {
            archive = self.run_archive(repository, run, limits).await?;
        }
        let mut logs = Vec::new();
        for job in failed {
            let from_archive = match &mut archive {
                Some(archive) => archive.log(&job.name, &jobs, limits.log).await,
                None => None,
            };
            let content = match from_archive {
                Some(content) => content,
                None => self.job_log(repository, job.id, limits.log).await?,
            };
            logs.push(JobLog { origin: Origin::new(repository, run, job), content });
        }
        Ok(logs)
    }

    /// The log of a job.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked.
    pub async fn job_log(&self, repository: &Repository, job: u64, limit: u64) -> Result<Content, Error> {
        let path = repository.path(&["actions", "jobs", &job.to_string(), "logs"]);
        match self.download(&path, limit).await {
            Ok(download) => {
                let (length, truncated) = (download.length, download.truncated);
                Ok(Content::Log { file: download.file, length, truncated })
            }
            Err(error) if error.kind == Kind::Gone => Ok(Content::Expired),
            Err(error) if error.kind == Kind::NotFound => Ok(Content::Missing),
            Err(error) => Err(error),
        }
    }

    /// The archive with the logs of all jobs of an attempt; none when there is none of use.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked.
    pub async fn run_archive(
        &self,
        repository: &Repository,
        run: &Run,
        limits: Limits,
    ) -> Result<Option<Archive>, Error> {
        let download = match self.download(&attempt(repository, run, "logs"), limits.archive).await {
            Ok(download) if download.truncated => {
                warn!(run = run.id, "the archive of the logs is too large");
                return Ok(None);
            }
            Ok(download) => download,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error),
        };
        let opened = Archive::open(download.file).await;
        Ok(opened.inspect_err(|error| debug!(run = run.id, %error, "the archive of the logs cannot be read")).ok())
    }
}

fn attempt(repository: &Repository, run: &Run, rest: &str) -> String {
    let (id, attempt) = (run.id.to_string(), run.run_attempt.to_string());
    repository.path(&["actions", "runs", &id, "attempts", &attempt, rest])
}

/// Whether a job failed by itself: one that was cancelled says nothing.
fn has_failed(job: &Job) -> bool {
    matches!(job.conclusion.as_deref(), Some("failure" | "timed_out" | "startup_failure"))
}
