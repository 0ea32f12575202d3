//! GitHub as the configuration has it.

use std::sync::{Arc, Mutex, PoisonError};

use triage_forge::github::logs::{Content, Limits};
use triage_forge::github::{Credentials, Github, Repository, Session};
use triage_forge::http::Settings;

use super::Pool;
use super::failure::Failure;
use super::reading::Log;
use super::run::{Logs, Seen};
use super::task::Told;
use crate::config::{Config, GithubConfig};

/// The connection, made at the first use and anew when the configuration changes.
#[derive(Debug, Default)]
pub struct Connection {
    made: Mutex<Option<(Arc<Config>, Github)>>,
}

impl Connection {
    /// With the credentials of the configuration.
    pub fn get(&self, config: &Arc<Config>) -> Result<Github, Failure> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, github)) = &*made
            && Arc::ptr_eq(of, config)
        {
            return Ok(github.clone());
        }
        let configured = configured(config)?;
        let api = configured.api.parse().map_err(|error| Failure::Never(format!("github.api: {error}")))?;
        let credentials = Credentials::App { id: configured.app_id, key: configured.key.clone() };
        let mut settings = Settings::new(api);
        // What takes longer comes back from the queue.
        settings.patience = config.work.lease;
        settings.attempts = 3;
        let github = Github::new(settings, &credentials).map_err(|error| Failure::Later(error.to_string(), None))?;
        *made = Some((Arc::clone(config), github.clone()));
        Ok(github)
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

/// A run.
pub async fn seen(pool: &Pool, told: &Told, run: u64, attempt: u64) -> Result<Seen, Failure> {
    let config = pool.config();
    let (session, repository) = pool.github.session(&config, told).await?;
    let run = session.run(&repository, run, u32::try_from(attempt).ok()).await?;
    let change = session.pull_request_of(&repository, &run).await?;
    let workflow = run.name.unwrap_or_default();
    Ok(Seen { workflow, head_sha: run.head_sha, built_sha: None, change, is_superseded: false })
}

/// The logs of the jobs that failed in a run.
pub async fn logs(pool: &Pool, told: &Told, run: u64, attempt: u64) -> Result<Logs, Failure> {
    let config = pool.config();
    let (session, repository) = pool.github.session(&config, told).await?;
    let run = session.run(&repository, run, u32::try_from(attempt).ok()).await?;
    let mut logs = Logs::default();
    for log in session.failed_logs(&repository, &run, Limits::default()).await? {
        let name = log.origin.name.clone();
        match log.content {
            Content::Log { file, .. } => logs.found.push(Log { name, axes: log.origin.axes, content: Box::new(file) }),
            Content::Expired => logs.missing.push(format!("{name}: deleted")),
            Content::Missing => logs.missing.push(format!("{name}: none")),
        }
    }
    Ok(logs)
}

/// Runs what failed for a commit once more. Gives how many runs there are, and why others are not run.
pub async fn rerun(
    session: &Session,
    repository: &Repository,
    head_sha: &str,
) -> Result<(usize, Vec<String>), Failure> {
    let (mut many, mut refused) = (0, Vec::new());
    for run in session.runs_of(repository, head_sha).await? {
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
