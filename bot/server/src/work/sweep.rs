//! Failed runs whose webhook never came: a server that was down, a delivery that got lost.
//!
//! One process does it at a time: the work is a job whose key counts the intervals since 1970.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use triage_forge::github::{Repository, Session};
use triage_forge::gitlab::Project;
use triage_forge::webhook::Forge;
use triage_forge::webhook::notice::Ended;
use triage_store::Job;

use super::failure::Failure;
use super::run::note;
use super::task::{Task, Told};
use super::{Pool, now};

/// How old a run may be that is still answered.
const AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Of the repositories that fit a pattern, those are asked for in which something happened lately: each costs a request.
const ACTIVE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How often it is looked whether it is time.
const LOOK: Duration = Duration::from_secs(20);

/// Puts a sweep into the queue when it is time, for ever.
pub async fn now_and_then(pool: Arc<Pool>) {
    loop {
        let config = pool.config();
        let every = [
            (Forge::Github, config.github.as_ref().and_then(|it| it.sweep)),
            (Forge::Gitlab, config.gitlab.as_ref().and_then(|it| it.sweep)),
        ];
        for (forge, every) in every {
            let Some(every) = every else { continue };
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let slot = since.as_secs() / every.as_secs().max(1);
            let put = async {
                let mut at = pool.store.begin().await?;
                at.enqueue(&[Task::Sweep { forge, slot }.job(now())], now()).await?;
                at.commit().await
            };
            let put: Result<(), triage_store::Error> = put.await;
            if let Err(error) = put {
                tracing::warn!(%error, "the next sweep could not be put into the queue");
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Puts runs into the queue that failed lately. Those that are known already are not done twice: their jobs have the
/// same keys.
pub async fn look(pool: &Arc<Pool>, job: &Job, forge: Forge) -> Result<(), Failure> {
    let tasks = match forge {
        Forge::Github => github(pool).await?,
        Forge::Gitlab => gitlab(pool).await?,
    };
    let jobs: Vec<_> = tasks.into_iter().map(|task| task.job(now())).collect();
    let mut at = pool.store.begin().await?;
    at.finish_job(job, now()).await?;
    let new = at.enqueue(&jobs, now()).await?;
    if new > 0 {
        note(&mut at, "sweep", forge.name(), &format!("{new} failed runs whose webhook did not come")).await?;
        tracing::info!(new, "failed runs were found whose webhook did not come");
    }
    at.commit().await?;
    Ok(())
}

async fn github(pool: &Arc<Pool>) -> Result<Vec<Task>, Failure> {
    let config = pool.config();
    let github = pool.github.get(&config)?;
    let allowed = &super::github::configured(&config)?.repositories;
    let mut swept: Vec<(Session, u64, String)> = Vec::new();
    for name in allowed.named() {
        let Some(repository) = Repository::parse(name) else { continue };
        let session = github.session(&repository).await?;
        let id = session.repository_id(&repository).await?;
        swept.push((session, id, name.to_owned()));
    }
    if allowed.has_patterns() {
        for session in github.installations().await? {
            let installed = session.repositories(ago(ACTIVE)).await?;
            let wanted = installed.into_iter().filter(|it| allowed.has(&it.full_name));
            swept.extend(wanted.map(|it| (session.clone(), it.id, it.full_name)));
        }
    }
    let mut tasks = Vec::new();
    for (session, id, name) in once(swept, |swept| swept.1) {
        let Some(repository) = Repository::parse(&name) else { continue };
        for run in session.failed_runs(&repository, ago(AGE)).await? {
            tasks.push(missed(Forge::Github, &name, id, run.id, run.run_attempt.into()));
        }
    }
    Ok(tasks)
}

/// GitLab's lists do not tell the attempt that webhooks have: a pipeline that was read already is left.
async fn gitlab(pool: &Arc<Pool>) -> Result<Vec<Task>, Failure> {
    let config = pool.config();
    let gitlab = pool.gitlab.get(&config)?;
    let allowed = &super::gitlab::configured(&config)?.projects;
    let mut swept: Vec<(u64, String)> = Vec::new();
    for name in allowed.named() {
        swept.push((gitlab.project_id(&Project::Path(name.to_owned())).await?, name.to_owned()));
    }
    if allowed.has_patterns() {
        swept.extend(gitlab.projects(ago(ACTIVE)).await?.into_iter().filter(|(_, name)| allowed.has(name)));
    }
    let mut tasks = Vec::new();
    for (id, name) in once(swept, |swept| swept.0) {
        for pipeline in gitlab.failed_pipelines(&Project::Id(id), ago(AGE)).await? {
            let mut at = pool.store.read().await?;
            let known = at.has_job_like("run", &format!("gitlab/{id}/{}/", pipeline.id)).await?;
            at.roll_back().await?;
            if !known {
                tasks.push(missed(Forge::Gitlab, &name, id, pipeline.id, 0));
            }
        }
    }
    Ok(tasks)
}

fn ago(age: Duration) -> SystemTime {
    SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Each repository once: it may be named and fit a pattern.
fn once<T>(mut all: Vec<T>, id: impl Fn(&T) -> u64) -> Vec<T> {
    let mut seen = HashSet::new();
    all.retain(|it| seen.insert(id(it)));
    all
}

fn missed(forge: Forge, repository: &str, repository_id: u64, run: u64, attempt: u64) -> Task {
    let told = Told { forge, repository: repository.to_owned(), repository_id, installation: None };
    Task::Run { told, run, attempt, ended: Ended::Failed }
}
