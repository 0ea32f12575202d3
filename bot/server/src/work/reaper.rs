//! Signs of life, and what is done when they do not come any more.

use std::sync::Arc;
use std::time::Instant;

use triage_store::LeaseWatch;

use super::{Pool, now};

/// Gives signs of life for the jobs at work, several in a lease, for ever. What another worker has by now is
/// broken off.
pub async fn beat(pool: Arc<Pool>) {
    loop {
        tokio::time::sleep(pool.config().work.lease / 5).await;
        let jobs: Vec<(i64, i64)> = pool.active().values().map(|active| (active.job.id, active.job.token)).collect();
        if jobs.is_empty() {
            continue;
        }
        match pool.store.beat(&jobs).await {
            Ok(lost) => {
                for id in lost {
                    // One that ended in the meantime is no longer here.
                    if let Some(active) = pool.active().remove(&id) {
                        tracing::warn!(job = id, "broken off: another worker has it");
                        active.abort.abort();
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "no sign of life could be given"),
        }
    }
}

/// Takes jobs from workers that are not heard of any more, for ever.
pub async fn take_back(pool: Arc<Pool>) {
    let mut watch = LeaseWatch::default();
    loop {
        let work = pool.config().work.clone();
        tokio::time::sleep(work.lease / 4).await;
        let looked = async {
            let mut at = pool.store.read().await?;
            let running = at.running_jobs().await?;
            at.roll_back().await?;
            let silent = watch.expired(&running, work.lease, Instant::now());
            if silent.is_empty() {
                return Ok(());
            }
            let mut at = pool.store.begin().await?;
            for job in silent {
                if at.take_job_back(job, work.attempts, now()).await? {
                    tracing::warn!(job = job.id, "taken back: nothing was heard of its worker");
                }
            }
            at.commit().await
        };
        let looked: Result<(), triage_store::Error> = looked.await;
        if let Err(error) = looked {
            tracing::warn!(%error, "jobs of dead workers cannot be looked for");
        }
    }
}
