//! Work to be done, shared by any number of processes.
//!
//! ```text
//!  enqueue ──► ready ──► running ──► done
//!                ^          │  │
//!                │ back-off │  └── fails for good, or too often ──► dead
//!                ├──────────┘                                        │
//!                └───────────────── an operator says so ─────────────┘
//! ```
//!
//! A job has a key that follows from what it is about: a second one is not written. What a job does to
//! the memory happens in the transaction that finishes it, so it is done once, however often it was begun.
//!
//! Whoever claims a job gets a *token*, which counts the claims. All later steps name it, and do
//! nothing when someone else has claimed the job since: a worker that was thought dead and comes back can
//! do no harm ([`Error::Lost`]).
//!
//! No clock decides whether a worker lives. It counts signs of life (`beat`), and every process
//! watches, by its own monotonic time, whether they still come ([`LeaseWatch`]). The wall clock only says when
//! something is tried again; a time that was set after now (the clock went back) has come.

mod operator;
mod wake;
mod watch;
mod work;

use std::collections::HashSet;

use sqlx::{QueryBuilder, Sqlite};

use crate::database::{Error, On, Transaction, on};
use crate::time::Timestamp;

pub use operator::{JobCount, JobFilter};
pub use wake::Wake;
pub use watch::{LeaseWatch, RunningJob};
pub use work::backoff;

/// Rows of one statement: each has some ten parameters, of which there are 32,766 at most.
const ROWS: usize = 500;
/// The channel of PostgreSQL on which is said that there is work.
pub(crate) const CHANNEL: &str = "triage_jobs";

/// A job to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// What is to be done, a word of the program.
    pub kind: String,
    /// What it is about. There is one job of a kind with a key.
    pub key: String,
    /// Jobs with the same lane run one after the other, in the order in which they were written down.
    pub lane: Option<String>,
    /// All that is needed for it, in JSON.
    pub payload: String,
    /// Higher ones come first; usually 0.
    pub priority: i64,
    /// Not begun earlier.
    pub not_before: Timestamp,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobState {
    /// It waits for a worker, or for its time.
    Ready,
    /// A worker has it.
    Running,
    /// It is done.
    Done,
    /// It failed for good, or too often; it waits for an operator.
    Dead,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Running, Self::Done, Self::Dead];

    /// As it stands in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }

    fn parse(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|state| state.name() == name);
        found.ok_or_else(|| Error::Content(format!("the state '{name}' of a job")))
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// See [`NewJob::kind`].
    pub kind: String,
    /// See [`NewJob::key`].
    pub key: String,
    /// See [`NewJob::lane`].
    pub lane: Option<String>,
    /// See [`NewJob::payload`].
    pub payload: String,
    /// See [`NewJob::priority`].
    pub priority: i64,
    /// Where it is.
    pub state: JobState,
    /// How often it was begun.
    pub attempts: i64,
    /// How often it was claimed; names this claim.
    pub token: i64,
    /// Who has it, or had it last.
    pub worker: Option<String>,
    /// When it may be begun.
    pub ready_at: Timestamp,
    /// When it came into its state.
    pub changed_at: Timestamp,
    /// When it was written down.
    pub created_at: Timestamp,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// The columns of [`Row`].
const COLUMNS: &str = "id, kind, key, lane, payload, priority, state, attempts, token, worker, ready_at, changed_at, \
                       created_at, last_error";

type Row =
    (i64, String, String, Option<String>, String, i64, String, i64, i64, Option<String>, i64, i64, i64, Option<String>);

fn job(row: Row) -> Result<Job, Error> {
    Ok(Job {
        id: row.0,
        kind: row.1,
        key: row.2,
        lane: row.3,
        payload: row.4,
        priority: row.5,
        state: JobState::parse(&row.6)?,
        attempts: row.7,
        token: row.8,
        worker: row.9,
        ready_at: Timestamp::from_millis(row.10),
        changed_at: Timestamp::from_millis(row.11),
        created_at: Timestamp::from_millis(row.12),
        last_error: row.13,
    })
}

impl Transaction {
    /// Writes jobs down, to be done once the transaction is committed. Gives how many of them are new.
    pub async fn enqueue(&mut self, jobs: &[NewJob], now: Timestamp) -> Result<u64, Error> {
        let mut new = 0;
        for jobs in jobs.chunks(ROWS) {
            new += match &mut self.on {
                On::Sqlite(at) => {
                    let mut query = QueryBuilder::<Sqlite>::new(
                        "INSERT INTO jobs (kind, key, lane, payload, priority, state, attempts, token, beat, ready_at, \
                         changed_at, created_at) ",
                    );
                    query.push_values(jobs, |mut row, job| {
                        row.push_bind(&job.kind)
                            .push_bind(&job.key)
                            .push_bind(&job.lane)
                            .push_bind(&job.payload)
                            .push_bind(job.priority)
                            .push("'ready', 0, 0, 0")
                            .push_bind(job.not_before.millis())
                            .push_bind(now.millis())
                            .push_bind(now.millis());
                    });
                    query.push(" ON CONFLICT DO NOTHING");
                    query.build().persistent(false).execute(&mut **at).await?.rows_affected()
                }
                // One statement for any number of rows, so that it is parsed and planned once.
                On::Postgres(at) => {
                    let texts = |part: fn(&NewJob) -> &str| jobs.iter().map(part).collect::<Vec<_>>();
                    sqlx::query(
                        "INSERT INTO jobs (kind, key, lane, payload, priority, state, attempts, token, beat, ready_at, \
                         changed_at, created_at) SELECT kind, key, lane, payload, priority, 'ready', 0, 0, 0, ready_at, \
                         $7, $7 FROM UNNEST($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[]) \
                         AS new (kind, key, lane, payload, priority, ready_at) ON CONFLICT DO NOTHING",
                    )
                    .bind(texts(|job| &job.kind))
                    .bind(texts(|job| &job.key))
                    .bind(jobs.iter().map(|job| job.lane.as_deref()).collect::<Vec<_>>())
                    .bind(texts(|job| &job.payload))
                    .bind(jobs.iter().map(|job| job.priority).collect::<Vec<_>>())
                    .bind(jobs.iter().map(|job| job.not_before.millis()).collect::<Vec<_>>())
                    .bind(now.millis())
                    .execute(&mut **at)
                    .await?
                    .rows_affected()
                }
            };
        }
        if new > 0 {
            self.wake().await?;
        }
        Ok(new)
    }

    /// Notes that messages (channel, id, verdict) were dealt with, as [`Transaction::see`] does. Says of each whether it had
    /// not been before; of two that are the same, the first.
    pub async fn see_all(&mut self, messages: &[(&str, &str, &str)], now: Timestamp) -> Result<Vec<bool>, Error> {
        let mut written: HashSet<(String, String)> = HashSet::new();
        for messages in messages.chunks(ROWS) {
            written.extend(match &mut self.on {
                On::Sqlite(at) => {
                    let mut query =
                        QueryBuilder::<Sqlite>::new("INSERT INTO inbox (channel, id, verdict, received_at) ");
                    query.push_values(messages, |mut row, (channel, id, verdict)| {
                        row.push_bind(*channel).push_bind(*id).push_bind(*verdict).push_bind(now.millis());
                    });
                    query.push(" ON CONFLICT DO NOTHING RETURNING channel, id");
                    query.build_query_as().persistent(false).fetch_all(&mut **at).await?
                }
                On::Postgres(at) => {
                    sqlx::query_as(
                        "INSERT INTO inbox (channel, id, verdict, received_at) SELECT channel, id, verdict, $4 \
                         FROM UNNEST($1::TEXT[], $2::TEXT[], $3::TEXT[]) AS new (channel, id, verdict) \
                         ON CONFLICT DO NOTHING RETURNING channel, id",
                    )
                    .bind(messages.iter().map(|message| message.0).collect::<Vec<_>>())
                    .bind(messages.iter().map(|message| message.1).collect::<Vec<_>>())
                    .bind(messages.iter().map(|message| message.2).collect::<Vec<_>>())
                    .bind(now.millis())
                    .fetch_all(&mut **at)
                    .await?
                }
            });
        }
        let new = messages.iter().map(|(channel, id, _)| written.remove(&((*channel).to_owned(), (*id).to_owned())));
        Ok(new.collect())
    }

    /// Tells the workers, when this is committed, that there is something to do.
    async fn wake(&mut self) -> Result<(), Error> {
        self.wakes = true;
        if self.is_postgres() {
            on!(self, at => sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(at).await?.rows_affected());
        }
        Ok(())
    }
}
