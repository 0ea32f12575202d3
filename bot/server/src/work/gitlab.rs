//! GitLab as the configuration has it.

use std::sync::{Arc, Mutex, PoisonError};

use triage_causes::matrix::axes::Axes;
use triage_forge::gitlab::publish::{Options, Status, Target};
use triage_forge::gitlab::trace::TRACE_MAX;
use triage_forge::gitlab::{Error, Gitlab, Project, Settings, Token};
use triage_forge::webhook::notice::Sha;

use super::Pool;
use super::failure::Failure;
use super::publish::Said;
use super::reading::Log;
use super::run::{Logs, Seen};
use super::task::Told;
use crate::config::{Config, GitlabConfig};

/// The connection, made at the first use and anew when the configuration changes.
#[derive(Debug, Default)]
pub struct Connection {
    made: Mutex<Option<(Arc<Config>, Gitlab)>>,
}

impl Connection {
    /// With the token of the configuration.
    pub fn get(&self, config: &Arc<Config>) -> Result<Gitlab, Failure> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, gitlab)) = &*made
            && Arc::ptr_eq(of, config)
        {
            return Ok(gitlab.clone());
        }
        let configured = configured(config)?;
        let settings = Settings::new(&configured.url, false);
        let mut settings = settings.map_err(|error| Failure::Never(format!("gitlab.url: {error}")))?;
        // What takes longer comes back from the queue.
        settings.http.patience = config.work.lease;
        settings.http.attempts = 3;
        let gitlab = Gitlab::new(settings, Token::Private(configured.token.clone()))?;
        *made = Some((Arc::clone(config), gitlab.clone()));
        Ok(gitlab)
    }

    /// The connection and a project, if it is one that is answered.
    pub fn project(&self, config: &Arc<Config>, told: &Told) -> Result<(Gitlab, Project), Failure> {
        if !configured(config)?.projects.has(&told.repository) {
            return Err(Failure::Never(format!("{} is not configured any more", told.repository)));
        }
        Ok((self.get(config)?, Project::Id(told.repository_id)))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Http(error) => error.into(),
            other => Self::Never(other.to_string()),
        }
    }
}

/// What is configured for GitLab.
pub fn configured(config: &Config) -> Result<&GitlabConfig, Failure> {
    config.gitlab.as_ref().ok_or_else(|| Failure::Later("GitLab is not configured here".into(), None))
}

/// A pipeline.
pub async fn seen(pool: &Pool, told: &Told, pipeline: u64) -> Result<Seen, Failure> {
    let (gitlab, project) = pool.gitlab.project(&pool.config(), told)?;
    let pipeline = gitlab.pipeline(&project, pipeline).await?;
    let changes = gitlab.merge_requests_of(&project, &pipeline).await?;
    let sha = &pipeline.sha;
    let change = changes.iter().find(|change| !change.superseded).or(changes.first());
    let head = change.map_or(sha, |change| &change.head_sha);
    Ok(Seen {
        workflow: String::new(),
        head_sha: head.as_str().to_owned(),
        built_sha: (head != sha).then(|| sha.as_str().to_owned()),
        change: change.map(|change| change.iid),
        is_superseded: change.is_some_and(|change| change.superseded),
    })
}

/// The logs of the jobs that failed in a pipeline.
pub async fn logs(pool: &Pool, told: &Told, pipeline: u64) -> Result<Logs, Failure> {
    let (gitlab, project) = pool.gitlab.project(&pool.config(), told)?;
    let mut logs = Logs::default();
    for job in gitlab.failed_jobs(&project, pipeline).await? {
        let name = job.within.iter().chain([&job.name]).cloned().collect::<Vec<_>>().join(" / ");
        // Nobody waits for a job that may fail, unless nothing else did.
        if job.allow_failure && !logs.found.is_empty() {
            continue;
        }
        match gitlab.trace(&job.project, job.id, TRACE_MAX).await? {
            Some(trace) => logs.found.push(Log { name, axes: Axes::new(), content: Box::new(trace.file) }),
            None => logs.missing.push(format!("{name}: none")),
        }
    }
    Ok(logs)
}

/// Says a reply. Without a merge request there is no place for one but the commit's status.
pub async fn publish(pool: &Pool, said: &Said) -> Result<String, Failure> {
    let config = pool.config();
    let (gitlab, project) = pool.gitlab.project(&config, &said.told)?;
    let Some(merge_request) = said.change else { return Ok("there is no merge request".to_owned()) };
    if said.comment_only {
        let comment = said.comment.unwrap_or_default();
        let to = triage_forge::gitlab::publish::Comment { project: &project, merge_request, comment, key: "triage" };
        gitlab.reply(&to, &said.answer.comment).await?;
        return Ok(format!("an answer to comment {comment}"));
    }
    let sha = |text: &str| Sha::try_from(text.to_owned()).map_err(|error| Failure::Never(error.to_string()));
    let head_sha = sha(&said.head_sha)?;
    let built_sha = said.built_sha.as_deref().map(sha).transpose()?.unwrap_or_else(|| head_sha.clone());
    let target = Target { project, merge_request, head_sha, built_sha };
    let status = configured(&config)?.status.then(|| Status {
        name: said.answer.key.clone(),
        target_url: config.server.url.clone(),
        pipeline: None,
        blocks: false,
    });
    let options = Options { status, ..Options::default() };
    let published = gitlab.publish(&target, &said.answer, &options).await?;
    Ok(match (published.url, published.skipped) {
        (Some(url), _) => url,
        (None, Some(why)) => format!("not said: {why:?}"),
        (None, None) => "nothing to say".to_owned(),
    })
}

/// Runs what failed for a commit once more. Gives how many pipelines there are, and why others are not run.
pub async fn rerun(gitlab: &Gitlab, project: &Project, head_sha: &str) -> Result<(usize, Vec<String>), Failure> {
    let sha = Sha::try_from(head_sha.to_owned()).map_err(|error| Failure::Never(error.to_string()))?;
    let (mut many, mut refused) = (0, Vec::new());
    for pipeline in gitlab.pipelines_with(project, &sha).await? {
        match pipeline.status.as_str() {
            "failed" => match gitlab.retry(project, pipeline.id).await {
                Ok(()) => many += 1,
                Err(error) if error.is_transient() => return Err(error.into()),
                Err(error) => refused.push(format!("pipeline {}: {error}", pipeline.id)),
            },
            // An earlier try at this command may have begun it.
            "running" | "pending" | "created" | "preparing" | "waiting_for_resource" => many += 1,
            _ => {}
        }
    }
    Ok((many, refused))
}
