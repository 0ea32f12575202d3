//! GitHub: with the credentials of the configuration, runs are read and replies said.

use std::io::Read;
use std::sync::Arc;

use triage_forge::answer::Answer;
use triage_forge::github::logs::{Content, JobLog, Limits};
use triage_forge::github::publish::{Target, Ways};
use triage_forge::github::{Credentials, Github, Repository, Session};
use triage_forge::http::Settings;
use triage_forge::webhook::notice::Ended;
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
use crate::config::{Config, GithubConfig};
use crate::dashboard::{Link, permalink};
use crate::forge;

/// Characters of a workflow's name in the key of its answers.
const NAME_MAX: usize = 50;

/// The connection, made at the first use and anew when the configuration changes.
#[derive(Debug, Default)]
pub struct Connection {
    made: Made<Github>,
}

impl Connection {
    /// With the credentials of the configuration.
    pub fn get(&self, config: &Arc<Config>) -> Result<Github, Failure> {
        self.made.get(config, || {
            let configured = configured(config)?;
            let api = configured.api.parse().map_err(|error| Failure::Never(format!("github.api: {error}")))?;
            let credentials = Credentials::App { id: configured.app_id, key: configured.key.clone() };
            let mut settings = Settings::new(api);
            // What takes longer comes back from the queue.
            settings.patience = config.work.lease;
            settings.attempts = 3;
            let github =
                Github::new(settings, &credentials).map_err(|error| Failure::Later(error.to_string(), None))?;
            Ok(github)
        })
    }

    /// What may be done in a repository, if it is one that is answered.
    pub async fn session(&self, config: &Arc<Config>, told: &Told) -> Result<(Session, Repository), Failure> {
        if !configured(config)?.repositories.has(&told.repository) {
            return Err(Failure::Never(format!("{} is not configured any more", told.repository)));
        }
        let repository = Repository::parse(&told.repository);
        let repository = repository.ok_or_else(|| Failure::Never("this is no repository of GitHub".into()))?;
        let github = self.get(config)?;
        let session = match told.installation {
            Some(id) => github.installation(id).await?,
            None => github.session(&repository).await?,
        };
        Ok((session, repository))
    }
}

/// What is configured for GitHub.
pub fn configured(config: &Config) -> Result<&GithubConfig, Failure> {
    config.github.as_ref().ok_or_else(|| Failure::Later("GitHub is not configured here".into(), None))
}

/// A run of a workflow that ended.
pub async fn read(
    pool: &Arc<Pool>,
    job: &Job,
    told: &Told,
    run: u64,
    attempt: u64,
    ended: Ended,
) -> Result<(), Failure> {
    let config = pool.config();
    let (session, repository) = pool.github.session(&config, told).await?;
    let run = session.run(&repository, run, u32::try_from(attempt).ok()).await?;
    let pull = session.pull_request_of(&repository, &run).await?;
    let subject = Subject::new(told, pull, &run.head_sha);
    let branch = run.head_branch.as_deref().unwrap_or_default();
    let mut built = Built::new(job, told, pull, &run.head_sha, branch, ended);
    built.checkout.url = Some(run.html_url.clone()).filter(|url| !url.is_empty());
    built.workflow = run.name.clone().unwrap_or_else(|| "workflow".to_owned());
    // What was never said needs no taking back.
    if ended == Ended::Passed && !subject.is_known(pool).await? {
        return built.passed(pool, job).await;
    }
    let logs = match ended {
        Ended::Passed => Vec::new(),
        _ => session.failed_logs(&repository, &run, Limits::default()).await?,
    };
    let (logs, missing) = readable(logs);
    if logs.is_empty() && ended == Ended::Failed {
        return done(pool, job, told, &format!("there are no logs: {missing}")).await;
    }
    let report = proof::report(pool, told, &run.head_sha, logs).await?;
    let link = config.server.url.as_ref().map(|url| permalink(url, Link::Build(&built.id)));
    let workflow = run.name.as_deref().unwrap_or_default();
    let commands = configured(&config)?.commands;
    let place = Place { head_sha: run.head_sha.clone(), built_sha: run.head_sha.clone(), change: pull };
    let compose = |report: &Masked| compose(report, workflow, link.as_deref(), commands);
    record(pool, job, told, Finding { subject: &subject, built: &built, report, place, compose: &compose }).await
}

/// What is said about a report on GitHub. Each workflow has a comment of its own: one that passes must not take back what
/// another one found.
fn compose(report: &Masked, workflow: &str, link: Option<&str>, commands: bool) -> Answer {
    let manner = Manner { limits: comment::Limits::GITHUB, link, commands, source: None, is_known: None };
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = workflow.chars().take(NAME_MAX).map(word).collect();
    let key = if name.is_empty() { "triage".to_owned() } else { format!("triage.{name}") };
    forge::answer::of(report, &key, &manner)
}

/// The logs that are there, and why others are not.
fn readable(logs: Vec<JobLog>) -> (Vec<Log>, String) {
    let mut missing = Vec::new();
    let mut found = Vec::new();
    for log in logs {
        let name = log.origin.name.clone();
        match log.content {
            Content::Log { file, .. } => {
                let content: Box<dyn Read + Send> = Box::new(file);
                found.push(Log { name, axes: log.origin.axes, content });
            }
            Content::Expired => missing.push(format!("{name}: deleted")),
            Content::Missing => missing.push(format!("{name}: none")),
        }
    }
    let missing = if missing.is_empty() { "no job failed by itself".to_owned() } else { missing.join(", ") };
    (found, missing)
}

/// Says a reply.
pub async fn publish(pool: &Arc<Pool>, said: &Said) -> Result<String, Failure> {
    let config = pool.config();
    let (session, repository) = pool.github.session(&config, &said.told).await?;
    let target = Target { repository, head_sha: said.head_sha.clone(), pull_request: said.change };
    let ways = match said.comment {
        Some(_) => Ways { check_run: false, comment: true, suggestions: false },
        None => Ways::default(),
    };
    let published = session.publish(&target, &said.answer, ways).await?;
    let parts = [published.check_run, published.comment].into_iter().flatten().chain(published.left_out);
    let remote = parts.collect::<Vec<_>>().join(" · ");
    Ok(if remote.is_empty() { "nothing to say".to_owned() } else { remote })
}

/// Runs what failed for a commit once more. Gives how many runs there are, and why others are not run.
pub async fn rerun(session: &Session, repository: &Repository, head: &str) -> Result<(usize, Vec<String>), Failure> {
    let (mut many, mut refused) = (0, Vec::new());
    for run in session.runs_of(repository, head).await? {
        match run.conclusion.as_deref() {
            Some("failure" | "timed_out") => match session.rerun(repository, &run).await {
                Ok(()) => many += 1,
                Err(error) if error.is_transient() => return Err(error.into()),
                Err(error) => refused.push(format!("run {}: {error}", run.id)),
            },
            // An earlier try at this command may have begun it.
            None => many += 1,
            Some(_) => {}
        }
    }
    Ok((many, refused))
}
