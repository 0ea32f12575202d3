//! A commit's status, which GitLab shows as a job of the pipeline.
//!
//! <https://docs.gitlab.com/api/commits/#set-commit-pipeline-status>. Each `POST` makes one more once the last has ended, so it
//! is looked up first.

use ::http::Method;
use serde::{Deserialize, Serialize};

use super::{Gitlab, Project};
use crate::answer::Outcome;
use crate::http;
use crate::webhook::notice::Sha;

/// Characters of a description.
const DESCRIPTION_MAX: usize = 255;

/// How an answer becomes a commit's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its name among the jobs: `triage`.
    pub name: String,
    /// Where it leads.
    pub target_url: Option<String>,
    /// The pipeline that shows it; without one, the newest of the commit.
    pub pipeline: Option<u64>,
    /// Whether it fails when the answer tells a failure. It then fails the pipeline, also when the jobs that failed are retried
    /// and pass, until an answer says that all passed. Otherwise it always passes, and its description tells.
    pub blocks: bool,
}

#[derive(Serialize)]
struct Request<'a> {
    state: &'static str,
    name: &'a str,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline_id: Option<u64>,
}

#[derive(Deserialize)]
struct Standing {
    id: u64,
    status: String,
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    target_url: Option<String>,
    #[serde(default)]
    pipeline_id: Option<u64>,
}

impl Gitlab {
    /// Sets the status, unless it stands there already. True when it was set.
    pub(super) async fn status(
        &self,
        project: &Project,
        sha: &Sha,
        status: &Status,
        (outcome, title): (Outcome, &str),
    ) -> Result<bool, http::Error> {
        let state = if status.blocks && outcome != Outcome::Passed { "failed" } else { "success" };
        let request = Request {
            state,
            name: &status.name,
            description: title.chars().take(DESCRIPTION_MAX).collect(),
            target_url: status.target_url.as_deref(),
            pipeline_id: status.pipeline,
        };
        let project = project.to_string();
        let path = ["projects", &project, "statuses", sha.as_str()];
        let look = || async {
            let newest = self.newest_status(&project, sha, status).await?;
            Ok(newest.filter(|it| is(it, &request)).map(|_| false))
        };
        let make = || async {
            let call = self.call(Method::POST, &path, &[]).creates(false).json(&request);
            match self.send(call).await {
                Ok(_) => Ok(true),
                // "Cannot transition status": another process was faster.
                Err(error) if error.kind == http::Kind::Refused => match look().await? {
                    Some(standing) => Ok(standing),
                    None => Err(error),
                },
                Err(error) => Err(error),
            }
        };
        self.client.create(look, make).await
    }

    async fn newest_status(&self, project: &str, sha: &Sha, status: &Status) -> Result<Option<Standing>, http::Error> {
        let path = ["projects", project, "repository", "commits", sha.as_str(), "statuses"];
        let wanted = |it: Standing| {
            let here = status.pipeline.is_none() || it.pipeline_id.is_none() || it.pipeline_id == status.pipeline;
            (here && it.name == status.name).then_some(it)
        };
        let all = self.list(&path, &[("name", status.name.as_str())], wanted).await?;
        Ok(all.into_iter().max_by_key(|it| it.id))
    }
}

fn is(standing: &Standing, request: &Request<'_>) -> bool {
    standing.status == request.state
        && standing.description.as_deref().unwrap_or_default() == request.description
        && standing.target_url.as_deref().filter(|url| !url.is_empty()) == request.target_url
}
