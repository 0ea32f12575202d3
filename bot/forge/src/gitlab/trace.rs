//! What a job printed, as GitLab keeps it: with the runner's sections, stamps and colours, and `[MASKED]` in the place of
//! secrets. Reading all that is the business of `triage_log`.

use crate::http::Download;

use super::{Error, Gitlab, Project};

/// Bytes of a trace that are read. Runners end theirs at 4 MiB unless told otherwise, servers at 100 MiB.
pub const TRACE_MAX: u64 = 1 << 30;

impl Gitlab {
    /// The trace of a job, in a file that goes away with it; none when it is empty: erased, or it never began.
    ///
    /// # Errors
    /// When GitLab does not give it.
    pub async fn trace(&self, project: &Project, job: u64, limit: u64) -> Result<Option<Download>, Error> {
        let (project, job) = (project.to_string(), job.to_string());
        let call = self.get(&["projects", &project, "jobs", &job, "trace"], &[]);
        match self.client.download(&call, limit).await {
            Ok(trace) if trace.length == 0 => Ok(None),
            Ok(trace) => Ok(Some(trace)),
            Err(error) => self.said("read the logs of jobs", Err(error)),
        }
    }
}
