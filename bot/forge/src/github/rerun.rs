//! Runs what failed once more
//! (<https://docs.github.com/en/rest/actions/workflow-runs#re-run-failed-jobs-from-a-workflow-run>).

use serde_json::json;

use super::models::Run;
use super::{Repository, Session};
use crate::http::Error;

impl Session {
    /// Runs the failed jobs of a run once more; nothing happens when that was done since this attempt. The App needs the
    /// right to write actions.
    ///
    /// # Errors
    ///
    /// When GitHub does not do it: a run older than a month, or no right.
    pub async fn rerun(&self, repository: &Repository, run: &Run) -> Result<(), Error> {
        let number = run.id.to_string();
        let look = || async {
            let now = self.run(repository, run.id, None).await?;
            Ok((now.run_attempt > run.run_attempt || now.status.as_deref() != Some("completed")).then_some(()))
        };
        let path = repository.path(&["actions", "runs", &number, "rerun-failed-jobs"]);
        let make = || async { self.post(&path, &json!({})).await.map(drop) };
        self.http.create(look, make).await
    }
}
