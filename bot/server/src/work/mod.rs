//! Workers: they take jobs from the queue, and do them.
//!
//! ```text
//!  claim ──► run / command ──► report, reply and publish job, in one transaction ──► publish ──► forge
//!    ▲ wake, or the time        heart-beats meanwhile; what is lost to another is broken off
//! ```

mod command;
mod failure;
mod github;
mod gitlab;
mod made;
mod proof;
mod publish;
pub mod reading;
mod reaper;
pub mod run;
mod sweep;
pub mod task;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use triage_store::{Job, Store, Timestamp, backoff};

use self::failure::Failure;
use self::reading::Reading;
use self::task::{KINDS, Task};
use crate::config::Config;
use crate::serve::{listen::stopped, metrics};

/// How long a database that fails is left alone.
const BREAK: Duration = Duration::from_secs(1);

/// A pool of workers.
#[derive(Debug)]
pub struct Pool {
    store: Store,
    config: watch::Receiver<Arc<Config>>,
    reading: Reading,
    github: github::Connection,
    gitlab: gitlab::Connection,
    provers: proof::Provers,
    /// Who has a job, for the operator to see.
    name: String,
    active: Mutex<HashMap<i64, Active>>,
}

/// A job at work.
#[derive(Debug)]
struct Active {
    job: Job,
    abort: AbortHandle,
}

impl Pool {
    /// A pool that works on the jobs of a store.
    pub fn new(store: Store, config: watch::Receiver<Arc<Config>>, reading: Reading) -> Arc<Self> {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = format!("{}:{}", host.trim(), std::process::id());
        let (github, gitlab, provers) = Default::default();
        Arc::new(Self { store, config, reading, github, gitlab, provers, name, active: Mutex::default() })
    }

    /// The configuration as it is now.
    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.borrow())
    }

    fn active(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until `stop` is true; then ends what was begun, or gives it back.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let beats = tokio::spawn(reaper::beat(Arc::clone(&self)));
        let takes_back = tokio::spawn(reaper::take_back(Arc::clone(&self)));
        let sweeps = tokio::spawn(sweep::now_and_then(Arc::clone(&self)));
        let mut tasks = JoinSet::new();
        tokio::select! {
            () = self.take_jobs(&mut tasks) => {}
            () = stopped(&mut stop) => {}
        }
        sweeps.abort();
        takes_back.abort();
        let rest = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.config().work.stop, rest).await.is_err() {
            self.give_back().await;
        }
        beats.abort();
    }

    /// Takes jobs for as long as there are hands for them, for ever.
    async fn take_jobs(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        let mut wake = None;
        loop {
            if wake.is_none() {
                wake = self.store.listen().await.inspect_err(|error| tracing::warn!(%error, "not listening")).ok();
            }
            let work = self.config().work.clone();
            let free = work.jobs.saturating_sub(tasks.len());
            let claimed = self.store.claim_jobs(&KINDS, &self.name, free, now()).await;
            let many = match claimed {
                Ok(jobs) => {
                    let many = jobs.len();
                    for job in jobs {
                        self.begin(job, tasks);
                    }
                    many
                }
                Err(error) => {
                    tracing::warn!(%error, "no jobs can be taken");
                    tokio::time::sleep(BREAK).await;
                    0
                }
            };
            if many > 0 && many == free {
                // There may be more.
                tasks.join_next().await;
                while tasks.try_join_next().is_some() {}
                continue;
            }
            let wait = async {
                match &mut wake {
                    Some(wake) => wake.wait(work.poll).await,
                    None => tokio::time::sleep(work.poll).await,
                }
            };
            tokio::select! {
                () = wait => {}
                Some(_) = tasks.join_next() => {}
            }
        }
    }

    fn begin(self: &Arc<Self>, job: Job, tasks: &mut JoinSet<()>) {
        let (pool, id) = (Arc::clone(self), job.id);
        let taken = job.clone();
        // It begins when it is known as active: else its end could come before.
        let (go, begun) = tokio::sync::oneshot::channel::<()>();
        let abort = tasks.spawn(async move {
            if begun.await.is_ok() {
                pool.attempt(&job).await;
                pool.active().remove(&job.id);
            }
        });
        self.active().insert(id, Active { job: taken, abort });
        let _ = go.send(());
    }

    /// One attempt at a job, and what its end means for it.
    async fn attempt(self: &Arc<Self>, job: &Job) {
        let begin = Instant::now();
        let (pool, own) = (Arc::clone(self), job.clone());
        // On its own, so that a panic ends the attempt and not the worker.
        let mut doing = JoinSet::new();
        doing.spawn(async move { pool.work(&own).await });
        let done = doing.join_next().await.unwrap_or(Ok(Ok(())));
        let done = done.unwrap_or_else(|error| match error.is_panic() {
            true => Err(Failure::Later("the program has a fault here; its log says more".into(), None)),
            false => Err(Failure::Later("it was broken off".into(), None)),
        });
        let outcome = match &done {
            Ok(()) => "done",
            Err(Failure::Store(triage_store::Error::Lost(_))) => "lost",
            Err(Failure::Never(_)) => "dead",
            Err(_) => "failed",
        };
        metrics::job(&job.kind, outcome, begin.elapsed());
        match done {
            Ok(()) => tracing::info!(job = job.id, kind = job.kind, key = job.key, "done"),
            Err(failure) => {
                tracing::warn!(job = job.id, kind = job.kind, key = job.key, attempt = job.attempts, %failure, outcome);
                if outcome != "lost"
                    && let Err(error) = self.failed(job, failure).await
                {
                    // Its worker is silent from now on, and it will be taken back.
                    tracing::warn!(job = job.id, %error, "the failure could not be written down");
                }
            }
        }
    }

    async fn work(self: &Arc<Self>, job: &Job) -> Result<(), Failure> {
        let task: Task = serde_json::from_str(&job.payload)
            .map_err(|error| Failure::Never(format!("the job is of another version of the program: {error}")))?;
        match &task {
            Task::Run { told, run, attempt, ended, .. } => run::answer(self, job, told, *run, *attempt, *ended).await,
            Task::Command { told, comment } => command::obey(self, job, told, comment).await,
            Task::Publish { key, .. } => publish::reply(self, job, key).await,
            Task::Sweep { forge, .. } => sweep::look(self, job, *forge).await,
        }
    }

    /// Back into the queue with a wait, or among the dead.
    async fn failed(&self, job: &Job, failure: Failure) -> Result<(), triage_store::Error> {
        let most = i64::from(self.config().work.attempts);
        let mut at = self.store.begin().await?;
        let why = failure.to_string();
        match failure {
            Failure::Never(_) => at.bury_job(job, &why, now()).await?,
            Failure::Later(..) | Failure::Store(_) if job.attempts >= most => {
                at.bury_job(job, &format!("{why} (attempt {most} of {most})"), now()).await?;
            }
            Failure::Later(_, Some(wait)) => at.retry_job(job, &why, wait, now()).await?,
            _ => {
                let noise = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_nanos();
                at.retry_job(job, &why, backoff(job.attempts, u64::from(noise / 7)), now()).await?;
            }
        }
        at.commit().await
    }

    /// Breaks off what is at work, and gives it back to the queue.
    async fn give_back(&self) {
        let left: Vec<Active> = self.active().drain().map(|(_, active)| active).collect();
        tracing::warn!(jobs = left.len(), "jobs are given back: the program ends");
        for Active { job, abort } in left {
            abort.abort();
            let given = async {
                let mut at = self.store.begin().await?;
                at.release_job(&job, now()).await?;
                at.commit().await
            };
            if let Err(error) = given.await {
                tracing::warn!(job = job.id, %error, "a job could not be given back; it will be taken");
            }
        }
    }
}

/// The time, as it stands in the database.
fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}
