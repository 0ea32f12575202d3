//! What operators see of jobs, and do with them.

use sqlx::AssertSqlSafe;

use super::{COLUMNS, Job, JobState, Row, job};
use crate::database::{Error, Transaction, on};
use crate::time::Timestamp;

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub struct JobFilter<'a> {
    /// Those in this state.
    pub state: Option<JobState>,
    /// Those of this kind.
    pub kind: Option<&'a str>,
    /// At most so many, the last ones first.
    pub limit: u32,
}

/// How many jobs there are of a kind in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCount {
    /// The kind.
    pub kind: String,
    /// The state.
    pub state: JobState,
    /// How many.
    pub jobs: u64,
    /// Since when the one is in it that is in it longest.
    pub oldest: Timestamp,
}

impl Transaction {
    /// Jobs, the last ones first.
    pub async fn jobs(&mut self, filter: &JobFilter<'_>) -> Result<Vec<Job>, Error> {
        let state = filter.state.map(JobState::name);
        let sql = format!(
            "SELECT {COLUMNS} FROM jobs WHERE (CAST($1 AS TEXT) IS NULL OR state = $1) \
             AND (CAST($2 AS TEXT) IS NULL OR kind = $2) ORDER BY id DESC LIMIT $3"
        );
        let rows: Vec<Row> = on!(self, at => sqlx::query_as(AssertSqlSafe(sql))
            .bind(state).bind(filter.kind).bind(i64::from(filter.limit)).fetch_all(at).await?);
        rows.into_iter().map(job).collect()
    }

    /// The job of that number.
    pub async fn job(&mut self, id: i64) -> Result<Option<Job>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1");
        let row: Option<Row> = on!(self, at => sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(at).await?);
        row.map(job).transpose()
    }

    /// Whether there is a job of a kind whose key begins so, whatever became of it. The start may have no `%` and `_`.
    pub async fn has_job_like(&mut self, kind: &str, start: &str) -> Result<bool, Error> {
        let row: Option<(i64,)> = on!(self, at => sqlx::query_as(
                "SELECT id FROM jobs WHERE kind = $1 AND key >= $2 AND key LIKE $3 LIMIT 1",
            )
            .bind(kind).bind(start).bind(format!("{start}%")).fetch_optional(at).await?);
        Ok(row.is_some())
    }

    /// How many jobs there are of each kind in each state.
    pub async fn count_jobs(&mut self) -> Result<Vec<JobCount>, Error> {
        let rows: Vec<(String, String, i64, i64)> = on!(self, at => sqlx::query_as(
                "SELECT kind, state, COUNT(*), MIN(changed_at) FROM jobs GROUP BY kind, state ORDER BY kind, state",
            )
            .fetch_all(at).await?);
        rows.into_iter()
            .map(|(kind, state, jobs, oldest)| {
                let (state, oldest) = (JobState::parse(&state)?, Timestamp::from_millis(oldest));
                Ok(JobCount { kind, state, jobs: u64::try_from(jobs).unwrap_or(0), oldest })
            })
            .collect()
    }

    /// Begins a dead job anew, with all its attempts; false when it is not dead.
    pub async fn requeue_job(&mut self, id: i64, now: Timestamp) -> Result<bool, Error> {
        let changed = on!(self, at => sqlx::query(
                "UPDATE jobs SET state = 'ready', attempts = 0, ready_at = $2, changed_at = $2 \
                 WHERE id = $1 AND state = 'dead'",
            )
            .bind(id).bind(now.millis()).execute(at).await?.rows_affected());
        if changed > 0 {
            self.wake().await?;
        }
        Ok(changed > 0)
    }

    /// Gives a job up that waits or is dead; false when it is at work or done. It stays known, so that what it
    /// is about is not begun anew.
    pub async fn drop_job(&mut self, id: i64, why: &str, now: Timestamp) -> Result<bool, Error> {
        let changed = on!(self, at => sqlx::query(
                "UPDATE jobs SET state = 'done', last_error = $2, changed_at = $3 \
                 WHERE id = $1 AND state IN ('ready', 'dead')",
            )
            .bind(id).bind(why).bind(now.millis()).execute(at).await?.rows_affected());
        Ok(changed > 0)
    }

    /// Forgets jobs that were done before that time; gives how many.
    pub async fn forget_jobs(&mut self, before: Timestamp) -> Result<u64, Error> {
        Ok(on!(self, at => sqlx::query("DELETE FROM jobs WHERE state = 'done' AND changed_at < $1")
            .bind(before.millis()).execute(at).await?.rows_affected()))
    }
}
