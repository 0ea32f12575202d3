//! Lists of runs: what failed lately, and what was run for a commit.

use std::time::SystemTime;

use super::super::models::Run;
use super::super::{Repository, Session};
use crate::http::{Error, rfc3339};

impl Session {
    /// Runs of a repository that ended with a failure and were begun since then, in their latest attempts; of more than 5000
    /// the newest
    /// (<https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository>).
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked.
    pub async fn failed_runs(&self, repository: &Repository, since: SystemTime) -> Result<Vec<Run>, Error> {
        let path = repository.path(&["actions", "runs"]) + "?status=failure&created=%3E%3D" + &rfc3339(since);
        self.list(&path, Some("workflow_runs")).await
    }

    /// The number of a repository, which stays when it is renamed.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked.
    pub async fn repository_id(&self, repository: &Repository) -> Result<u64, Error> {
        #[derive(serde::Deserialize)]
        struct Numbered {
            id: u64,
        }
        Ok(self.get(&repository.path(&[])).await?.json::<Numbered>()?.id)
    }

    /// The runs for a commit, in their latest attempts.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked.
    pub async fn runs_of(&self, repository: &Repository, head_sha: &str) -> Result<Vec<Run>, Error> {
        let head: String = url::form_urlencoded::byte_serialize(head_sha.as_bytes()).collect();
        self.list(&(repository.path(&["actions", "runs"]) + "?head_sha=" + &head), Some("workflow_runs")).await
    }
}
