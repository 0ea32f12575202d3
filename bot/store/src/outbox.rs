//! The outbox: what goes out, recorded before it is sent, and sent once.
//!
//! ```text
//!                        ┌──────────────── no, for now: back-off ────────────────┐
//!                        v                                                       │
//!  record ──► pending ──► sending ──► handing-over ──► sent                      │
//!                ^           │  │          │                                     │
//!                │  crash    │  │          │ crash, or the connection broke      │
//!                └───────────┘  │          v                                     │
//!                ^              │       unsure ── looked up: it is there ──► sent │
//!                │              └──────────│────────────────────────────────────┘
//!                └── it is not there ──────┤
//!                                          └── cannot be looked up: waits for the operator
//!  any ── no, for good ──► dead
//! ```
//!
//! A reply has a key that follows from what it is about, so that recording it again is no new
//! reply. The other side knows it by a *marker*, which follows from the key too: the Message-ID of
//! a mail, a hidden mark in a comment.
//!
//! `sending` means that the other side is being talked to and cannot have the content yet.
//! `handing-over` is committed just before the last part of the content leaves. So a crash in
//! `sending` is repeated without a question, and only a crash in `handing-over` leaves a doubt.
//! SMTP has no way to ask for what became of a mail; it is resolved by looking for the marker
//! where the reply would have arrived.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use crate::database::{Error, Transaction, on};
use crate::time::Timestamp;

/// A reply to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReply {
    /// Follows from what the reply is about; equal for the same reply.
    pub key: String,
    /// `mail`, `github` or `gitlab`.
    pub channel: String,
    /// The list or repository.
    pub place: String,
    /// The series or pull request.
    pub thread: String,
    /// Its version.
    pub version: i64,
    /// What kind of reply: `report`, `summary`, `answer`.
    pub purpose: String,
    /// Fingerprints of the causes that it tells.
    pub fingerprints: Vec<String>,
    /// Whom it goes to, in the form of the channel; the first is the person who is answered.
    pub recipients: Vec<String>,
    /// What the other side knows it by.
    pub marker: String,
    /// What is sent, byte by byte the same at each attempt.
    pub content: String,
    /// Not sent earlier.
    pub not_before: Timestamp,
}

/// What became of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is in the outbox now.
    New,
    /// The same reply was recorded earlier; nothing was written.
    Known,
    /// All that it tells was told in this thread and version; nothing was written.
    Said,
}

/// Where a reply is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Waits for its time.
    Pending,
    /// The other side is being talked to and cannot have it yet.
    Sending,
    /// The other side may have it.
    HandingOver,
    /// Whether the other side has it is not known.
    Unsure,
    /// The other side took it.
    Sent,
    /// It will not be sent.
    Dead,
}

impl State {
    /// All states.
    pub const ALL: [Self; 6] = [Self::Pending, Self::Sending, Self::HandingOver, Self::Unsure, Self::Sent, Self::Dead];

    /// As it stands in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::HandingOver => "handing-over",
            Self::Unsure => "unsure",
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }

    fn parse(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|state| state.name() == name);
        found.ok_or_else(|| Error::Content(format!("the state '{name}'")))
    }
}

/// A reply in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// See [`NewReply::key`].
    pub key: String,
    /// See [`NewReply::channel`].
    pub channel: String,
    /// See [`NewReply::place`].
    pub place: String,
    /// See [`NewReply::thread`].
    pub thread: String,
    /// See [`NewReply::version`].
    pub version: i64,
    /// See [`NewReply::purpose`].
    pub purpose: String,
    /// See [`NewReply::recipients`].
    pub recipients: Vec<String>,
    /// See [`NewReply::marker`].
    pub marker: String,
    /// See [`NewReply::content`].
    pub content: String,
    /// Where it is on its way.
    pub state: State,
    /// How often sending began.
    pub attempts: i64,
    /// When something is to be done about it; none when it waits for a person, or for nothing.
    pub next_attempt_at: Option<Timestamp>,
    /// When it came into its state.
    pub state_since: Timestamp,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// What the other side answered: its queue's id, the comment's id.
    pub remote: Option<String>,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// What was left by a crash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Cannot have arrived; pending again.
    pub pending: u64,
    /// May have arrived; unsure.
    pub unsure: u64,
}

/// What looking for a reply found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// It arrived.
    Found,
    /// It did not arrive and will not any more: send it.
    Absent,
    /// It cannot be told: a person decides.
    Unknown,
}

/// Which replies to count.
#[derive(Debug, Clone, Copy)]
pub enum Counted<'a> {
    /// All of a channel.
    All,
    /// Those of a list or repository.
    Place(&'a str),
    /// Those of a thread in all versions.
    Thread(&'a str),
    /// Those of a thread in one version with a purpose.
    Purpose(&'a str, i64, &'a str),
    /// Those whose first recipient is this one, whatever the case of its letters.
    Person(&'a str),
}

/// The columns of [`Row`].
const COLUMNS: &str = "key, channel, place, thread, version, purpose, recipients, marker, content, state, attempts, \
                       next_attempt_at, state_since, last_error, remote, created_at";

type Row = (
    String,
    String,
    String,
    String,
    i64,
    String,
    String,
    String,
    String,
    String,
    i64,
    Option<i64>,
    i64,
    Option<String>,
    Option<String>,
    i64,
);

fn outgoing(row: Row) -> Result<Outgoing, Error> {
    let recipients = serde_json::from_str(&row.6)
        .map_err(|error| Error::Content(format!("recipients that are no list: {error}")))?;
    Ok(Outgoing {
        key: row.0,
        channel: row.1,
        place: row.2,
        thread: row.3,
        version: row.4,
        purpose: row.5,
        recipients,
        marker: row.7,
        content: row.8,
        state: State::parse(&row.9)?,
        attempts: row.10,
        next_attempt_at: row.11.map(Timestamp::from_millis),
        state_since: Timestamp::from_millis(row.12),
        last_error: row.13,
        remote: row.14,
        created_at: Timestamp::from_millis(row.15),
    })
}

impl Transaction {
    /// Records a reply. Of its causes, those that were told in this thread and version already
    /// are no reason to send: when all were, nothing is written. To be called in the transaction
    /// that marks what it answers as seen.
    pub async fn record_reply(&mut self, reply: &NewReply, now: Timestamp) -> Result<Recorded, Error> {
        let recipients = json(&reply.recipients);
        on!(self, at => {
            let known: Option<(String,)> = sqlx::query_as("SELECT key FROM outbox WHERE key = $1")
                .bind(&reply.key)
                .fetch_optional(&mut *at)
                .await?;
            if known.is_some() {
                return Ok(Recorded::Known);
            }
            let mut told = 0;
            for fingerprint in &reply.fingerprints {
                told += sqlx::query(
                    "INSERT INTO said (channel, thread, version, fingerprint, reply) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT DO NOTHING",
                )
                .bind(&reply.channel)
                .bind(&reply.thread)
                .bind(reply.version)
                .bind(fingerprint)
                .bind(&reply.key)
                .execute(&mut *at)
                .await?
                .rows_affected();
            }
            if told == 0 && !reply.fingerprints.is_empty() {
                return Ok(Recorded::Said);
            }
            let written = sqlx::query(
                "INSERT INTO outbox (key, channel, place, thread, version, purpose, recipients, marker, content, \
                 state, attempts, next_attempt_at, state_since, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', 0, $10, $11, $11) ON CONFLICT DO NOTHING",
            )
            .bind(&reply.key)
            .bind(&reply.channel)
            .bind(&reply.place)
            .bind(&reply.thread)
            .bind(reply.version)
            .bind(&reply.purpose)
            .bind(recipients)
            .bind(&reply.marker)
            .bind(&reply.content)
            .bind(reply.not_before.millis())
            .bind(now.millis())
            .execute(&mut *at)
            .await?
            .rows_affected();
            Ok(if written == 0 { Recorded::Known } else { Recorded::New })
        })
    }

    /// Which of these causes were told in the thread and version.
    pub async fn said(&mut self, channel: &str, thread: &str, version: i64) -> Result<Vec<String>, Error> {
        let rows: Vec<(String,)> = on!(self, at => sqlx::query_as(
                "SELECT fingerprint FROM said WHERE channel = $1 AND thread = $2 AND version = $3 ORDER BY fingerprint",
            )
            .bind(channel).bind(thread).bind(version).fetch_all(at).await?);
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Takes the reply that has waited longest, and makes it [`State::Sending`]. The transaction
    /// must be committed before the other side is talked to.
    pub async fn claim(&mut self, channel: &str, now: Timestamp) -> Result<Option<Outgoing>, Error> {
        let skip = if self.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "UPDATE outbox SET state = 'sending', attempts = attempts + 1, state_since = $2 WHERE key = (SELECT key \
             FROM outbox WHERE channel = $1 AND state = 'pending' AND next_attempt_at <= $2 \
             ORDER BY next_attempt_at, created_at, key LIMIT 1{skip}) RETURNING {COLUMNS}"
        );
        let row: Option<Row> = on!(self, at => sqlx::query_as(AssertSqlSafe(sql))
            .bind(channel).bind(now.millis()).fetch_optional(at).await?);
        row.map(outgoing).transpose()
    }

    /// Makes the reply with that key [`State::Sending`], whether it waits, is dead, or was left so by a crash: for a
    /// channel whose other side can be asked what it has, and whose replies are sent by jobs. The transaction must be
    /// committed before the other side is talked to.
    pub async fn begin_reply(&mut self, key: &str, now: Timestamp) -> Result<(), Error> {
        let from = [State::Pending, State::Sending, State::Dead];
        self.step(key, &from, State::Sending, None, None, now).await?;
        on!(self, at => sqlx::query("UPDATE outbox SET attempts = attempts + 1 WHERE key = $1")
            .bind(key).execute(at).await?.rows_affected());
        Ok(())
    }

    /// How many replies there are of each channel in each state.
    pub async fn count_replies(&mut self) -> Result<Vec<(String, String, u64)>, Error> {
        let rows: Vec<(String, String, i64)> = on!(self, at => sqlx::query_as(
                "SELECT channel, state, COUNT(*) FROM outbox GROUP BY channel, state ORDER BY channel, state",
            )
            .fetch_all(at).await?);
        Ok(rows.into_iter().map(|(channel, state, many)| (channel, state, u64::try_from(many).unwrap_or(0))).collect())
    }

    /// From [`State::Sending`] to [`State::HandingOver`]. The transaction must be committed before
    /// the last part of the content leaves.
    pub async fn hand_over(&mut self, key: &str, now: Timestamp) -> Result<(), Error> {
        self.step(key, &[State::Sending], State::HandingOver, None, None, now).await
    }

    /// The other side took it; `remote` is what it answered.
    pub async fn sent(&mut self, key: &str, remote: &str, now: Timestamp) -> Result<(), Error> {
        let from = [State::Sending, State::HandingOver, State::Unsure];
        self.step(key, &from, State::Sent, None, None, now).await?;
        on!(self, at => sqlx::query("UPDATE outbox SET remote = $2, last_error = NULL WHERE key = $1")
            .bind(key).bind(remote).execute(at).await?.rows_affected());
        Ok(())
    }

    /// The other side said no for now, and certainly does not have it.
    pub async fn retry(&mut self, key: &str, error: &str, wait: Duration, now: Timestamp) -> Result<(), Error> {
        let from = [State::Sending, State::HandingOver];
        self.step(key, &from, State::Pending, Some(now.after(wait)), Some(error), now).await
    }

    /// The connection broke when the other side may have had it: look for it after `settle`.
    pub async fn unsure(&mut self, key: &str, error: &str, settle: Duration, now: Timestamp) -> Result<(), Error> {
        self.step(key, &[State::HandingOver], State::Unsure, Some(now.after(settle)), Some(error), now).await
    }

    /// It will not be sent: the other side said no for good, or an operator did.
    pub async fn dead(&mut self, key: &str, error: &str, now: Timestamp) -> Result<(), Error> {
        let from = [State::Pending, State::Sending, State::HandingOver, State::Unsure];
        self.step(key, &from, State::Dead, None, Some(error), now).await
    }

    /// Tries a dead or unsure reply again: an operator's word that it did not arrive.
    pub async fn requeue(&mut self, key: &str, now: Timestamp) -> Result<(), Error> {
        self.step(key, &[State::Dead, State::Unsure], State::Pending, Some(now), None, now).await
    }

    /// What was found out about an unsure reply.
    pub async fn settle(&mut self, key: &str, found: Lookup, now: Timestamp) -> Result<(), Error> {
        match found {
            Lookup::Found => self.sent(key, "found where it should arrive", now).await,
            Lookup::Absent => {
                let why = "it was looked for and did not arrive";
                self.step(key, &[State::Unsure], State::Pending, Some(now), Some(why), now).await
            }
            Lookup::Unknown => {
                let why = "it may have arrived; send it again or drop it by hand";
                self.step(key, &[State::Unsure], State::Unsure, None, Some(why), now).await
            }
        }
    }

    /// The place where an unsure reply would be found cannot be asked now: ask again after `wait`.
    pub async fn look_later(&mut self, key: &str, error: &str, wait: Duration, now: Timestamp) -> Result<(), Error> {
        self.step(key, &[State::Unsure], State::Unsure, Some(now.after(wait)), Some(error), now).await
    }

    /// Puts away what a crash left: all that is being sent for `lease` or longer. A process that
    /// holds the [`crate::SenderLock`] gives no lease, since no one else can be at it.
    pub async fn recover(
        &mut self,
        channel: &str,
        lease: Duration,
        settle: Duration,
        now: Timestamp,
    ) -> Result<Recovered, Error> {
        let before = now.before(lease).millis();
        on!(self, at => {
            let pending = sqlx::query(
                "UPDATE outbox SET state = 'pending', next_attempt_at = $3, state_since = $3 \
                 WHERE channel = $1 AND state = 'sending' AND state_since <= $2",
            )
            .bind(channel).bind(before).bind(now.millis()).execute(&mut *at).await?.rows_affected();
            // The wait counts from now: a clock that went back would else shorten it.
            let unsure = sqlx::query(
                "UPDATE outbox SET state = 'unsure', next_attempt_at = $3, state_since = $4, \
                 last_error = 'the program ended while it was handed over' \
                 WHERE channel = $1 AND state = 'handing-over' AND state_since <= $2",
            )
            .bind(channel).bind(before).bind(now.after(settle).millis()).bind(now.millis())
            .execute(&mut *at).await?.rows_affected();
            Ok(Recovered { pending, unsure })
        })
    }

    /// Unsure replies whose time has come to be looked for.
    pub async fn to_look_up(&mut self, channel: &str, now: Timestamp) -> Result<Vec<Outgoing>, Error> {
        self.select("WHERE channel = $1 AND state = 'unsure' AND next_attempt_at <= $2", channel, now.millis()).await
    }

    /// Replies in a state, the oldest first; at most `limit`.
    pub async fn replies(&mut self, channel: &str, state: State, limit: u32) -> Result<Vec<Outgoing>, Error> {
        let part = format!("WHERE channel = $1 AND $2 = $2 AND state = '{}'", state.name());
        let mut found = self.select(&part, channel, 0).await?;
        found.truncate(limit as usize);
        Ok(found)
    }

    /// The reply with that key.
    pub async fn reply(&mut self, key: &str) -> Result<Option<Outgoing>, Error> {
        Ok(self.select("WHERE key = $1 AND $2 = $2", key, 0).await?.pop())
    }

    /// The reply that the other side knows by that marker.
    pub async fn reply_by_marker(&mut self, marker: &str) -> Result<Option<Outgoing>, Error> {
        Ok(self.select("WHERE marker = $1 AND $2 = $2", marker, 0).await?.pop())
    }

    /// When something is to be done next.
    pub async fn next_due(&mut self, channel: &str) -> Result<Option<Timestamp>, Error> {
        let (due,): (Option<i64>,) = on!(self, at => sqlx::query_as(
                "SELECT MIN(next_attempt_at) FROM outbox WHERE channel = $1 AND state IN ('pending', 'unsure')",
            )
            .bind(channel).fetch_one(at).await?);
        Ok(due.map(Timestamp::from_millis))
    }

    /// Puts a pending reply off: quiet hours, a limit.
    pub async fn postpone(&mut self, key: &str, until: Timestamp, why: &str, now: Timestamp) -> Result<(), Error> {
        self.step(key, &[State::Pending, State::Sending], State::Pending, Some(until), Some(why), now).await?;
        // Nothing was tried.
        on!(self, at => sqlx::query("UPDATE outbox SET attempts = attempts - 1 WHERE key = $1 AND attempts > 0")
            .bind(key).execute(at).await?.rows_affected());
        Ok(())
    }

    /// How many replies were recorded since `since` and are not dead.
    pub async fn count(&mut self, channel: &str, which: Counted<'_>, since: Timestamp) -> Result<u64, Error> {
        let (part, text, version, purpose) = match which {
            Counted::All => ("$3 = $3 AND $4 = $4 AND $5 = $5", "", 0, ""),
            Counted::Place(place) => ("place = $3 AND $4 = $4 AND $5 = $5", place, 0, ""),
            Counted::Thread(thread) => ("thread = $3 AND $4 = $4 AND $5 = $5", thread, 0, ""),
            Counted::Purpose(thread, version, purpose) => {
                ("thread = $3 AND version = $4 AND purpose = $5", thread, version, purpose)
            }
            // The first entry of a JSON list of texts.
            Counted::Person(_) => ("LOWER(recipients) LIKE $3 ESCAPE '!' AND $4 = $4 AND $5 = $5", "", 0, ""),
        };
        let text = match which {
            Counted::Person(who) => format!("[{}%", like(&json(who)).to_lowercase()),
            _ => text.to_owned(),
        };
        let sql = format!(
            "SELECT COUNT(*) FROM outbox WHERE channel = $1 AND created_at >= $2 AND state <> 'dead' AND {part}"
        );
        let (count,): (i64,) = on!(self, at => sqlx::query_as(AssertSqlSafe(sql))
            .bind(channel).bind(since.millis()).bind(text).bind(version).bind(purpose).fetch_one(at).await?);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// How many replies left since `since`, or may have.
    pub async fn left_since(&mut self, channel: &str, since: Timestamp) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self, at => sqlx::query_as(
                "SELECT COUNT(*) FROM outbox WHERE channel = $1 AND state_since >= $2 \
                 AND state IN ('sent', 'unsure', 'handing-over')",
            )
            .bind(channel).bind(since.millis()).fetch_one(at).await?);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn select(&mut self, part: &str, text: &str, number: i64) -> Result<Vec<Outgoing>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM outbox {part} ORDER BY created_at, key");
        let rows: Vec<Row> = on!(self, at => sqlx::query_as(AssertSqlSafe(sql))
            .bind(text).bind(number).fetch_all(at).await?);
        rows.into_iter().map(outgoing).collect()
    }

    /// From one of `from` to `to`; an error when it is in none of them.
    async fn step(
        &mut self,
        key: &str,
        from: &[State],
        to: State,
        next: Option<Timestamp>,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let names: Vec<String> = from.iter().map(|state| format!("'{}'", state.name())).collect();
        let sql = format!(
            "UPDATE outbox SET state = $2, next_attempt_at = $3, last_error = COALESCE($4, last_error), \
             state_since = $5 WHERE key = $1 AND state IN ({})",
            names.join(", ")
        );
        let changed = on!(self, at => sqlx::query(AssertSqlSafe(sql))
            .bind(key)
            .bind(to.name())
            .bind(next.map(Timestamp::millis))
            .bind(error)
            .bind(now.millis())
            .execute(at)
            .await?
            .rows_affected());
        match changed {
            0 => Err(Error::State { key: key.to_owned(), expected: from[0].name() }),
            _ => Ok(()),
        }
    }
}

/// As JSON. Texts and lists of texts have a form in it always.
pub(crate) fn json(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The text for a pattern of LIKE, escaped by `!`.
fn like(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}
