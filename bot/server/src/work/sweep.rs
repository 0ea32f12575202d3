//! Failed runs whose webhook never came: a server that was down, a delivery that got lost.
//!
//! One process does it at a time: the work is a job whose key counts the intervals since 1970.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use triage_forge::webhook::Forge;
use triage_forge::webhook::notice::Ended;
use triage_store::Job;

use super::failure::Failure;
use super::run::note;
use super::task::{Task, Told};
use super::{Pool, now};

/// How old a run may be that is still answered.
const AGE: Duration = Duration::from_secs(24 * 60 * 60);
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
    if forge == Forge::Gitlab {
        return Err(Failure::Never("this version of the program does not sweep GitLab".into()));
    }
    let config = pool.config();
    let github = pool.github.get(&config)?;
    let mut tasks = Vec::new();
    for name in super::github::configured(&config)?.repositories.named() {
        let Some(repository) = triage_forge::github::Repository::parse(name) else { continue };
        let session = github.session(&repository).await?;
        let id = session.repository_id(&repository).await?;
        for run in session.failed_runs(&repository, AGE, SystemTime::now()).await? {
            let told = Told { forge, repository: repository.to_string(), repository_id: id, installation: None };
            let (run, attempt) = (run.id, run.run_attempt.into());
            tasks.push(Task::Run { told, run, attempt, ended: Ended::Failed, again: String::new() });
        }
    }
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
