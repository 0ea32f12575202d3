//! What workers do with jobs.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use super::{COLUMNS, Job, Row, RunningJob, job};
use crate::database::{Error, Store, Transaction, on};
use crate::time::Timestamp;

/// The first wait after a failure.
const FIRST: Duration = Duration::from_secs(2);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// How long to wait before attempt `attempts + 1`: twice as long each time, up to a quarter of an hour. `random`, any
/// number, takes up to a half off, so that jobs that failed together do not come back together.
pub fn backoff(attempts: i64, random: u64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
    let full = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    full - full.mul_f64((random % 1024) as f64 / 2048.0)
}

impl Store {
    /// Takes up to `limit` jobs of these kinds, those that come first, for the worker of that name. Jobs
    /// that others take at the same moment are passed over.
    pub async fn claim_jobs(
        &self,
        kinds: &[&'static str],
        worker: &str,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Job>, Error> {
        if kinds.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let mut transaction = self.begin().await?;
        let skip = if transaction.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" };
        let kinds = kinds.iter().map(|kind| format!("'{kind}'")).collect::<Vec<_>>().join(", ");
        // Of a lane only the first that waits is taken, when none is at work.
        let sql = format!(
            "WITH chosen AS MATERIALIZED (SELECT id FROM jobs AS job WHERE state = 'ready' \
             AND (ready_at <= $1 OR changed_at > $1) AND kind IN ({kinds}) AND (lane IS NULL OR (\
             NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.lane = job.lane AND other.state = 'running') \
             AND id = (SELECT MIN(id) FROM jobs AS other WHERE other.lane = job.lane AND other.state = 'ready'))) \
             ORDER BY priority DESC, id LIMIT $3{skip}) \
             UPDATE jobs SET state = 'running', attempts = attempts + 1, token = token + 1, beat = beat + 1, \
             worker = $2, changed_at = $1 WHERE id IN (SELECT id FROM chosen) RETURNING {COLUMNS}"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Result<Vec<Row>, sqlx::Error> = on!(transaction, at => sqlx::query_as(AssertSqlSafe(sql))
            .bind(now.millis()).bind(worker).bind(limit).fetch_all(at).await);
        let rows = match rows {
            Ok(rows) => rows,
            // Another worker took a job of the same lane in the same moment.
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        transaction.commit().await?;
        let mut jobs = rows.into_iter().map(job).collect::<Result<Vec<_>, _>>()?;
        jobs.sort_by_key(|job| (std::cmp::Reverse(job.priority), job.id));
        Ok(jobs)
    }

    /// Gives a sign of life for jobs at work. Gives those back that are not this worker's any more.
    pub async fn beat(&self, jobs: &[(i64, i64)]) -> Result<Vec<i64>, Error> {
        let mut transaction = self.begin().await?;
        let mut lost = Vec::new();
        on!(transaction, at => for (id, token) in jobs {
            let beaten = sqlx::query(
                "UPDATE jobs SET beat = beat + 1 WHERE id = $1 AND token = $2 AND state = 'running'",
            )
            .bind(id).bind(token).execute(&mut *at).await?.rows_affected();
            if beaten == 0 {
                lost.push(*id);
            }
        });
        transaction.commit().await?;
        Ok(lost)
    }
}

impl Transaction {
    /// It is done. To be called in the transaction that writes down what it did.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`] when another worker has it by now; then the transaction must not be committed.
    pub async fn finish_job(&mut self, job: &Job, now: Timestamp) -> Result<(), Error> {
        self.leave(job, "state = 'done'", now, None, now).await
    }

    /// It failed; it is tried again after `wait`. [`Error::Lost`] as in [`Transaction::finish_job`].
    pub async fn retry_job(&mut self, job: &Job, error: &str, wait: Duration, now: Timestamp) -> Result<(), Error> {
        self.leave(job, "state = 'ready'", now.after(wait), Some(error), now).await
    }

    /// It failed, and is not tried again. [`Error::Lost`] as in [`Transaction::finish_job`].
    pub async fn bury_job(&mut self, job: &Job, error: &str, now: Timestamp) -> Result<(), Error> {
        self.leave(job, "state = 'dead'", now, Some(error), now).await
    }

    /// It is given back as it was: the worker ends. [`Error::Lost`] as in [`Transaction::finish_job`].
    pub async fn release_job(&mut self, job: &Job, now: Timestamp) -> Result<(), Error> {
        self.leave(job, "state = 'ready', attempts = attempts - 1", now, None, now).await?;
        self.wake().await
    }

    /// Whether it is still this worker's: to be asked before something is done that cannot be taken back.
    pub async fn has_job(&mut self, job: &Job) -> Result<bool, Error> {
        let row: Option<(i64,)> = on!(self, at => sqlx::query_as(
                "SELECT id FROM jobs WHERE id = $1 AND token = $2 AND state = 'running'",
            )
            .bind(job.id).bind(job.token).fetch_optional(at).await?);
        Ok(row.is_some())
    }

    async fn leave(
        &mut self,
        job: &Job,
        change: &'static str,
        ready_at: Timestamp,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let sql = format!(
            "UPDATE jobs SET {change}, ready_at = $3, last_error = $4, changed_at = $5 \
             WHERE id = $1 AND token = $2 AND state = 'running'"
        );
        let changed = on!(self, at => sqlx::query(AssertSqlSafe(sql))
            .bind(job.id).bind(job.token).bind(ready_at.millis()).bind(error).bind(now.millis())
            .execute(at).await?.rows_affected());
        if changed == 0 { Err(Error::Lost(job.id)) } else { Ok(()) }
    }

    /// The jobs at work, with what tells whether their workers live.
    pub async fn running_jobs(&mut self) -> Result<Vec<RunningJob>, Error> {
        let rows: Vec<(i64, i64, i64)> = on!(self, at => sqlx::query_as(
                "SELECT id, token, beat FROM jobs WHERE state = 'running'",
            )
            .fetch_all(at).await?);
        Ok(rows.into_iter().map(|(id, token, beat)| RunningJob { id, token, beat }).collect())
    }

    /// Takes a job from a worker that is not heard of any more; false when it was heard of in the
    /// meantime. After `attempts` of them it is dead: it may be what ends the workers.
    pub async fn take_job_back(&mut self, job: RunningJob, attempts: u32, now: Timestamp) -> Result<bool, Error> {
        let changed = on!(self, at => sqlx::query(
                "UPDATE jobs SET state = CASE WHEN attempts >= $4 THEN 'dead' ELSE 'ready' END, ready_at = $5, \
                 changed_at = $5, last_error = 'nothing was heard of its worker any more' \
                 WHERE id = $1 AND token = $2 AND beat = $3 AND state = 'running'",
            )
            .bind(job.id).bind(job.token).bind(job.beat).bind(i64::from(attempts)).bind(now.millis())
            .execute(at).await?.rows_affected());
        if changed > 0 {
            self.wake().await?;
        }
        Ok(changed > 0)
    }
}
