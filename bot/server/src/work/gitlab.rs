//! GitLab: with the token of the configuration, pipelines are read and replies said.

use std::io::Read;
use std::sync::Arc;

use triage_causes::matrix::axes;
use triage_forge::answer::Answer;
use triage_forge::gitlab::publish::{Options, Status, Target};
use triage_forge::gitlab::trace::TRACE_MAX;
use triage_forge::gitlab::{self, Gitlab, Project, Settings, Token, publish};
use triage_forge::webhook::notice::{Ended, Sha};
use triage_report::comment::{self, Manner};
use triage_report::secrets::Masked;
use triage_store::Job;

use super::Pool;
use super::failure::Failure;
use super::made::Made;
use super::proof;
use super::publish::Said;
use super::reading::Log;
use super::run::{Built, Finding, Place, Subject, done, record};
use super::task::Told;
use crate::config::{Config, GitlabConfig};
use crate::dashboard::{Link, permalink};
use crate::forge;

/// What ties the answers to one merge request together.
pub const KEY: &str = "triage";
/// Jobs of a pipeline that are read.
const JOBS_MAX: usize = 256;

/// The connection, made at the first use and anew when the configuration changes.
#[derive(Debug, Default)]
pub struct Connection {
    made: Made<Gitlab>,
}

impl Connection {
    /// With the token of the configuration.
    pub fn get(&self, config: &Arc<Config>) -> Result<Gitlab, Failure> {
        self.made.get(config, || {
            let configured = configured(config)?;
            // The operator wrote the address, with http or with https.
            let mut settings =
                Settings::new(&configured.url, true).map_err(|error| Failure::Never(format!("gitlab.url: {error}")))?;
            // What takes longer comes back from the queue.
            settings.http.patience = config.work.lease;
            settings.http.attempts = 3;
            let gitlab = Gitlab::new(settings, Token::Private(configured.token.clone()))?;
            Ok(gitlab)
        })
    }

    /// A project, if it is one that is answered.
    pub fn project(&self, config: &Arc<Config>, told: &Told) -> Result<(Gitlab, Project), Failure> {
        if !configured(config)?.projects.has(&told.repository) {
            return Err(Failure::Never(format!("{} is not configured any more", told.repository)));
        }
        Ok((self.get(config)?, Project::Id(told.repository_id)))
    }
}

/// What is configured for GitLab.
pub fn configured(config: &Config) -> Result<&GitlabConfig, Failure> {
    config.gitlab.as_ref().ok_or_else(|| Failure::Later("GitLab is not configured here".into(), None))
}

impl From<gitlab::Error> for Failure {
    fn from(error: gitlab::Error) -> Self {
        match error {
            gitlab::Error::Http(error) => error.into(),
            other => Self::Never(other.to_string()),
        }
    }
}

/// A pipeline that ended.
pub async fn read(pool: &Arc<Pool>, job: &Job, told: &Told, id: u64, ended: Ended) -> Result<(), Failure> {
    let config = pool.config();
    let (gitlab, project) = pool.gitlab.project(&config, told)?;
    let pipeline = gitlab.pipeline(&project, id).await?;
    let change = gitlab.merge_requests_of(&project, &pipeline).await?.into_iter().find(|change| !change.superseded);
    let head = change.as_ref().map_or(pipeline.sha.clone(), |change| change.head_sha.clone());
    let number = change.as_ref().map(|change| change.iid);
    let subject = Subject::new(told, number, head.as_str());
    let mut built = Built::new(job, told, number, head.as_str(), &pipeline.of, ended);
    built.checkout.url = Some(pipeline.web_url.clone()).filter(|url| !url.is_empty());
    if ended == Ended::Passed && !subject.is_known(pool).await? {
        return built.passed(pool, job).await;
    }
    let mut logs = Vec::new();
    if ended == Ended::Failed {
        let failed = gitlab.failed_jobs(&project, id).await?;
        for failed in failed.into_iter().filter(|job| !job.allow_failure).take(JOBS_MAX) {
            if let Some(trace) = gitlab.trace(&failed.project, failed.id, TRACE_MAX).await? {
                let axes = axes::from_name(&failed.name);
                let content: Box<dyn Read + Send> = Box::new(trace.file);
                logs.push(Log { name: failed.name, axes, content });
            }
        }
        if logs.is_empty() {
            return done(pool, job, told, "there are no logs").await;
        }
    }
    let report = proof::report(pool, told, pipeline.sha.as_str(), logs).await?;
    let link = config.server.url.as_ref().map(|url| permalink(url, Link::Build(&built.id)));
    let commands = configured(&config)?.commands;
    let place =
        Place { head_sha: head.as_str().to_owned(), built_sha: pipeline.sha.as_str().to_owned(), change: number };
    let compose = |report: &Masked| compose(report, link.as_deref(), commands);
    record(pool, job, told, Finding { subject: &subject, built: &built, report, place, compose: &compose }).await
}

/// What is said about a report on GitLab.
fn compose(report: &Masked, link: Option<&str>, commands: bool) -> Answer {
    let manner = Manner { limits: comment::Limits::GITLAB, link, commands, source: None, is_known: None };
    forge::answer::of(report, KEY, &manner)
}

/// Says a reply.
pub async fn publish(pool: &Arc<Pool>, said: &Said) -> Result<String, Failure> {
    let config = pool.config();
    let (gitlab, project) = pool.gitlab.project(&config, &said.told)?;
    let Some(merge_request) = said.change else { return Ok("there is no merge request".to_owned()) };
    if let Some(comment) = said.comment {
        let to = publish::Comment { project: &project, merge_request, comment, key: KEY };
        gitlab.reply(&to, &said.answer.comment).await?;
        return Ok(format!("answered comment {comment}"));
    }
    let sha = |text: &str| text.parse().map_err(|error| Failure::Never(format!("{text}: {error}")));
    let target = Target { project, merge_request, head_sha: sha(&said.head_sha)?, built_sha: sha(&said.built_sha)? };
    let status = configured(&config)?.status.then(|| Status {
        name: KEY.to_owned(),
        target_url: config.server.url.clone(),
        pipeline: None,
        blocks: false,
    });
    let options = Options { status, ..Options::default() };
    let published = gitlab.publish(&target, &said.answer, &options).await?;
    Ok(match (published.skipped, published.url) {
        (Some(why), _) => format!("not said: {why:?}"),
        (None, url) => url.unwrap_or_else(|| "nothing to say".to_owned()),
    })
}

/// Runs what failed for a commit once more. Gives how many pipelines there are, and why others are not run.
pub async fn rerun(gitlab: &Gitlab, project: &Project, head: &Sha) -> Result<(usize, Vec<String>), Failure> {
    let (mut many, mut refused) = (0, Vec::new());
    for pipeline in gitlab.pipelines_with(project, head).await? {
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
