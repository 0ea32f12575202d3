//! Which jobs of a pipeline failed, and which merge request it is about.

use std::collections::{HashSet, VecDeque};
use std::time::SystemTime;

use serde::Deserialize;

use super::{Error, Gitlab, Project};
use crate::http::rfc3339;
use crate::webhook::notice::Sha;

/// Pipelines that are looked into, with those that jobs start.
const PIPELINES_MAX: usize = 50;
/// How deep pipelines start others: GitLab allows two levels of child pipelines, and any of other projects.
const DEPTH_MAX: usize = 5;

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pipeline {
    /// Its number.
    pub id: u64,
    /// What was built: the branch's commit, or the result of merging it that GitLab made.
    pub sha: Sha,
    /// The branch, the tag, or `refs/merge-requests/7/head` (`merge`, `train`).
    #[serde(rename = "ref", default)]
    pub of: String,
    /// GitLab's word: `failed`, `success`, `running`, …
    pub status: String,
    /// Its page.
    #[serde(default)]
    pub web_url: String,
}

/// A job that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedJob {
    /// Its project; another one's for pipelines that a job started there.
    pub project: Project,
    /// Its pipeline.
    pub pipeline: u64,
    /// Its number.
    pub id: u64,
    /// Its name: `build: [gcc, arm64]`.
    pub name: String,
    /// Its stage.
    pub stage: String,
    /// GitLab's word for why: `script_failure`, `runner_system_failure`, `stuck_or_timeout_failure`, …
    pub reason: Option<String>,
    /// True when its failure does not fail the pipeline.
    pub allow_failure: bool,
    /// Its page.
    pub url: String,
    /// The jobs that started its pipeline, from the outermost.
    pub within: Vec<String>,
}

/// The merge request that a pipeline is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRequest {
    /// Its number in the project.
    pub iid: u64,
    /// The commit of its branch that was built.
    pub head_sha: Sha,
    /// True when the branch has other commits by now.
    pub superseded: bool,
}

#[derive(Deserialize)]
struct RawJob {
    id: u64,
    name: String,
    #[serde(default)]
    stage: String,
    status: String,
    #[serde(default)]
    failure_reason: Option<String>,
    #[serde(default)]
    allow_failure: bool,
    #[serde(default)]
    web_url: String,
    /// Of bridges.
    #[serde(default)]
    downstream_pipeline: Option<Downstream>,
}

#[derive(Deserialize)]
struct Downstream {
    id: u64,
    /// Missing before 14.4: then it is the same project's.
    #[serde(default)]
    project_id: Option<u64>,
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
pub(super) struct RawMergeRequest {
    pub iid: u64,
    #[serde(default)]
    pub state: String,
    /// None while GitLab has not looked at the branch, and when that is gone.
    pub sha: Option<Sha>,
    #[serde(default)]
    pub web_url: String,
}

#[derive(Deserialize)]
struct Commit {
    #[serde(default)]
    parent_ids: Vec<Sha>,
}

/// A pipeline to be looked into.
struct Todo {
    project: Project,
    pipeline: u64,
    allow_failure: bool,
    within: Vec<String>,
}

impl Gitlab {
    /// A pipeline.
    ///
    /// # Errors
    /// When GitLab does not give it.
    pub async fn pipeline(&self, project: &Project, id: u64) -> Result<Pipeline, Error> {
        let (project, id) = (project.to_string(), id.to_string());
        let reply = self.send(self.get(&["projects", &project, "pipelines", &id], &[])).await;
        Ok(self.said("read pipelines", reply)?.json()?)
    }

    /// Pipelines that failed and that changed after a time, the newest first.
    ///
    /// # Errors
    /// When GitLab cannot be asked.
    pub async fn failed_pipelines(&self, project: &Project, after: SystemTime) -> Result<Vec<Pipeline>, Error> {
        let project = project.to_string();
        let after = rfc3339(after);
        let query = [("status", "failed"), ("updated_after", after.as_str())];
        self.said("read pipelines", self.list(&["projects", &project, "pipelines"], &query, Some::<Pipeline>).await)
    }

    /// The pipelines of a commit, the newest first.
    ///
    /// # Errors
    /// When GitLab does not give them.
    pub async fn pipelines_with(&self, project: &Project, sha: &Sha) -> Result<Vec<Pipeline>, Error> {
        let project = project.to_string();
        let path = ["projects", &project, "pipelines"];
        self.said("read pipelines", self.list(&path, &[("sha", sha.as_str())], Some::<Pipeline>).await)
    }

    /// Runs the failed jobs of a pipeline once more (<https://docs.gitlab.com/api/pipelines/#retry-jobs-in-a-pipeline>);
    /// nothing happens when it runs already.
    ///
    /// # Errors
    /// When GitLab does not do it.
    pub async fn retry(&self, project: &Project, pipeline: u64) -> Result<(), Error> {
        let look = || async {
            match self.pipeline(project, pipeline).await {
                Ok(now) => Ok((now.status != "failed").then_some(())),
                Err(Error::Http(error)) => Err(error),
                Err(_) => Ok(None),
            }
        };
        let (path, number) = (project.to_string(), pipeline.to_string());
        let call = self.call(::http::Method::POST, &["projects", &path, "pipelines", &number, "retry"], &[]);
        let make = || async { self.send(call.clone()).await.map(drop) };
        self.said("retry pipelines", self.client.create(look, make).await)
    }

    /// The number of a project, which stays when it is renamed.
    ///
    /// # Errors
    /// When GitLab cannot be asked.
    pub async fn project_id(&self, project: &Project) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct Numbered {
            id: u64,
        }
        let reply = self.send(self.get(&["projects", &project.to_string()], &[])).await;
        Ok(self.said("read projects", reply)?.json::<Numbered>()?.id)
    }

    /// The projects that the token's account is a member of and in which something happened since then, with their numbers
    /// (<https://docs.gitlab.com/api/projects/#list-all-projects>).
    ///
    /// # Errors
    /// When GitLab does not give them.
    pub async fn projects(&self, since: SystemTime) -> Result<Vec<(u64, String)>, Error> {
        #[derive(Deserialize)]
        struct Listed {
            id: u64,
            path_with_namespace: String,
        }
        let since = rfc3339(since);
        let query = [
            ("membership", "true"),
            ("simple", "true"),
            ("archived", "false"),
            ("last_activity_after", since.as_str()),
        ];
        let named = |it: Listed| Some((it.id, it.path_with_namespace));
        self.said("list projects", self.list(&["projects"], &query, named).await)
    }

    /// The jobs that failed, in this pipeline and in those that its jobs started, here and in other projects that the token
    /// may see. A job that was retried counts with its last try. The jobs whose failure is allowed come last.
    ///
    /// A pipeline can fail without any: another system's status did it, or its configuration is wrong.
    ///
    /// # Errors
    /// When GitLab does not give the jobs of the pipeline itself.
    pub async fn failed_jobs(&self, project: &Project, pipeline: u64) -> Result<Vec<FailedJob>, Error> {
        let first = Todo { project: project.clone(), pipeline, allow_failure: false, within: Vec::new() };
        let (mut todo, mut seen) = (VecDeque::from([first]), HashSet::from([pipeline]));
        let mut failed = Vec::new();
        while let Some(at) = todo.pop_front() {
            match self.look_into(&at, &mut failed).await {
                Ok(started) => {
                    for next in started {
                        if seen.len() < PIPELINES_MAX && next.within.len() <= DEPTH_MAX && seen.insert(next.pipeline) {
                            todo.push_back(next);
                        }
                    }
                }
                // Another project may be closed to us; what is known is said.
                Err(Error::Http(error)) if !at.within.is_empty() && !error.is_transient() => {
                    tracing::warn!(%error, "a pipeline that this one started cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        failed.sort_by_key(|job: &FailedJob| (job.allow_failure, job.within.len(), job.id));
        Ok(failed)
    }

    /// The failed jobs of one pipeline, and the failed pipelines that it started.
    async fn look_into(&self, at: &Todo, failed: &mut Vec<FailedJob>) -> Result<Vec<Todo>, Error> {
        let (project, pipeline) = (at.project.to_string(), at.pipeline.to_string());
        let path = |what| ["projects", &project, "pipelines", &pipeline, what];
        let jobs = self.list(&path("jobs"), &[("scope[]", "failed")], Some::<RawJob>).await;
        let jobs = self.said("read jobs", jobs)?;
        failed.extend(jobs.into_iter().filter(|job| job.status == "failed").map(|job| FailedJob {
            project: at.project.clone(),
            pipeline: at.pipeline,
            id: job.id,
            name: job.name,
            stage: job.stage,
            reason: job.failure_reason,
            allow_failure: at.allow_failure || job.allow_failure,
            url: job.web_url,
            within: at.within.clone(),
        }));
        let bridges = self.list(&path("bridges"), &[], Some::<RawJob>).await;
        let bridges = self.said("read jobs", bridges)?;
        let started = bridges.into_iter().filter_map(|bridge| {
            let downstream = bridge.downstream_pipeline.filter(|it| it.status == "failed")?;
            // A bridge that does not wait for its pipeline passes whatever becomes of that.
            let allow_failure = at.allow_failure || bridge.allow_failure || bridge.status == "success";
            let project = downstream.project_id.map_or_else(|| at.project.clone(), Project::Id);
            let within = at.within.iter().cloned().chain([bridge.name]).collect();
            Some(Todo { project, pipeline: downstream.id, allow_failure, within })
        });
        Ok(started.collect())
    }

    /// The open merge requests that a pipeline is about: by its ref where GitLab made the pipeline for one, else by its
    /// commit. For merged results, the commit of the branch is the second parent of what was built.
    ///
    /// # Errors
    /// When GitLab does not say.
    pub async fn merge_requests_of(&self, project: &Project, pipeline: &Pipeline) -> Result<Vec<MergeRequest>, Error> {
        let Some((iid, kind)) = of_merge_request(&pipeline.of) else {
            return self.merge_requests_with(project, &pipeline.sha).await;
        };
        let head_sha = if kind == "head" { pipeline.sha.clone() } else { self.merged(project, &pipeline.sha).await? };
        let raw = self.merge_request(project, iid).await?;
        if raw.state != "opened" {
            return Ok(Vec::new());
        }
        let superseded = raw.sha.as_ref() != Some(&head_sha);
        Ok(vec![MergeRequest { iid, head_sha, superseded }])
    }

    /// The open merge requests that have a commit.
    ///
    /// # Errors
    /// When GitLab does not say.
    pub async fn merge_requests_with(&self, project: &Project, sha: &Sha) -> Result<Vec<MergeRequest>, Error> {
        let project = project.to_string();
        let path = ["projects", &project, "repository", "commits", sha.as_str(), "merge_requests"];
        let open = |it: RawMergeRequest| {
            let superseded = it.sha.as_ref() != Some(sha);
            (it.state == "opened").then(|| MergeRequest { iid: it.iid, head_sha: sha.clone(), superseded })
        };
        self.said("read merge requests", self.list(&path, &[], open).await)
    }

    pub(super) async fn merge_request(&self, project: &Project, iid: u64) -> Result<RawMergeRequest, Error> {
        let (project, iid) = (project.to_string(), iid.to_string());
        let reply = self.send(self.get(&["projects", &project, "merge_requests", &iid], &[])).await;
        Ok(self.said("read merge requests", reply)?.json()?)
    }

    /// The commit of a branch that was merged into this one for trying it; the commit itself where there was nothing to merge.
    async fn merged(&self, project: &Project, sha: &Sha) -> Result<Sha, Error> {
        let project = project.to_string();
        let reply = self.send(self.get(&["projects", &project, "repository", "commits", sha.as_str()], &[])).await;
        let commit: Commit = self.said("read commits", reply)?.json()?;
        Ok(commit.parent_ids.get(1).unwrap_or(sha).clone())
    }
}

/// `refs/merge-requests/7/merge`: the number and the kind.
fn of_merge_request(of: &str) -> Option<(u64, &str)> {
    let (iid, kind) = of.strip_prefix("refs/merge-requests/")?.split_once('/')?;
    matches!(kind, "head" | "merge" | "train").then_some((iid.parse().ok()?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_of_merge_requests() {
        assert_eq!(of_merge_request("refs/merge-requests/7/merge"), Some((7, "merge")));
        assert_eq!(of_merge_request("refs/merge-requests/12/head"), Some((12, "head")));
        for of in ["main", "refs/merge-requests/x/head", "refs/merge-requests/7/heads", "merge-requests/7/head"] {
            assert_eq!(of_merge_request(of), None, "{of}");
        }
    }
}
