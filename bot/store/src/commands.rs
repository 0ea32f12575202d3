//! What people told the bot, whom it leaves alone, and what it did.

use crate::database::{Error, Transaction, on};
use crate::time::Timestamp;

/// What is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopKind {
    /// A person, by address.
    Person,
    /// A source tree, by name.
    Tree,
    /// A list, by address.
    List,
    /// A thread, by the id of its series.
    Thread,
}

impl StopKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Person, Self::Tree, Self::List, Self::Thread];

    /// As it stands in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Tree => "tree",
            Self::List => "list",
            Self::Thread => "thread",
        }
    }
}

/// Someone's wish to be left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What is left alone.
    pub kind: StopKind,
    /// Which: an address in lower case, a name, an id.
    pub subject: String,
    /// Who said so.
    pub said_by: String,
    /// In which message.
    pub said_in: String,
}

/// A command of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCommand {
    /// The Message-ID, or the comment's id.
    pub message: String,
    /// Which of the message's commands, from 0.
    pub position: i64,
    /// `explain`, `retest`, …
    pub name: String,
    /// What stood behind it.
    pub argument: Option<String>,
    /// Who said so.
    pub said_by: String,
    /// The series or pull request.
    pub thread: String,
    /// What became of it.
    pub outcome: String,
}

/// What the bot did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// When.
    pub at: Timestamp,
    /// On whose word: an address, or `bot`.
    pub actor: String,
    /// `sent`, `refused`, `stopped`, …
    pub action: String,
    /// To whom or what.
    pub subject: String,
    /// In words.
    pub detail: String,
}

impl Transaction {
    /// Writes down that something is left alone from now on.
    pub async fn stop(&mut self, stop: &Stop, now: Timestamp) -> Result<(), Error> {
        on!(self, at => sqlx::query(
                "INSERT INTO stops (kind, subject, said_by, said_in, said_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(stop.kind.name())
            .bind(&stop.subject)
            .bind(&stop.said_by)
            .bind(&stop.said_in)
            .bind(now.millis())
            .execute(at)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Takes a stop back; false when there was none.
    pub async fn resume(&mut self, kind: StopKind, subject: &str) -> Result<bool, Error> {
        let gone = on!(self, at => sqlx::query("DELETE FROM stops WHERE kind = $1 AND subject = $2")
            .bind(kind.name()).bind(subject).execute(at).await?.rows_affected());
        Ok(gone > 0)
    }

    /// Everything that is left alone, the first first.
    pub async fn stops(&mut self) -> Result<Vec<Stop>, Error> {
        let rows: Vec<(String, String, String, String)> = on!(self, at => sqlx::query_as(
                "SELECT kind, subject, said_by, said_in FROM stops ORDER BY said_at, kind, subject",
            )
            .fetch_all(at).await?);
        let stop = |(kind, subject, said_by, said_in): (String, String, String, String)| {
            let known = StopKind::ALL.into_iter().find(|known| known.name() == kind);
            let kind = known.ok_or_else(|| Error::Content(format!("a stop of the kind '{kind}'")))?;
            Ok(Stop { kind, subject, said_by, said_in })
        };
        rows.into_iter().map(stop).collect()
    }

    /// Whether it is left alone.
    pub async fn is_stopped(&mut self, kind: StopKind, subject: &str) -> Result<bool, Error> {
        let row: Option<(String,)> = on!(self, at => sqlx::query_as(
                "SELECT said_by FROM stops WHERE kind = $1 AND subject = $2",
            )
            .bind(kind.name()).bind(subject).fetch_optional(at).await?);
        Ok(row.is_some())
    }

    /// Writes a command down; false when it had been before.
    pub async fn record_command(&mut self, command: &RecordedCommand, now: Timestamp) -> Result<bool, Error> {
        let written = on!(self, at => sqlx::query(
                "INSERT INTO commands (message, position, name, argument, said_by, thread, outcome, said_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            )
            .bind(&command.message)
            .bind(command.position)
            .bind(&command.name)
            .bind(&command.argument)
            .bind(&command.said_by)
            .bind(&command.thread)
            .bind(&command.outcome)
            .bind(now.millis())
            .execute(at)
            .await?
            .rows_affected());
        Ok(written > 0)
    }

    /// The commands of a thread with what became of them, the first first.
    pub async fn commands(&mut self, thread: &str) -> Result<Vec<RecordedCommand>, Error> {
        type Row = (String, i64, String, Option<String>, String, String, String);
        let rows: Vec<Row> = on!(self, at => sqlx::query_as(
                "SELECT message, position, name, argument, said_by, thread, outcome FROM commands WHERE thread = $1 \
                 ORDER BY said_at, message, position",
            )
            .bind(thread).fetch_all(at).await?);
        let command = |row: Row| RecordedCommand {
            message: row.0,
            position: row.1,
            name: row.2,
            argument: row.3,
            said_by: row.4,
            thread: row.5,
            outcome: row.6,
        };
        Ok(rows.into_iter().map(command).collect())
    }

    /// Writes down what was done.
    pub async fn audit(&mut self, entry: &Audit) -> Result<(), Error> {
        on!(self, at => sqlx::query(
                "INSERT INTO audit (at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(entry.at.millis())
            .bind(&entry.actor)
            .bind(&entry.action)
            .bind(&entry.subject)
            .bind(&entry.detail)
            .execute(at)
            .await?
            .rows_affected());
        Ok(())
    }

    /// What was done since `since`, the first first; at most `limit`.
    pub async fn audit_since(&mut self, since: Timestamp, limit: i64) -> Result<Vec<Audit>, Error> {
        let rows: Vec<(i64, String, String, String, String)> = on!(self, at => sqlx::query_as(
                "SELECT at, actor, action, subject, detail FROM audit WHERE at >= $1 ORDER BY id LIMIT $2",
            )
            .bind(since.millis()).bind(limit).fetch_all(at).await?);
        let entry = |(at, actor, action, subject, detail)| Audit {
            at: Timestamp::from_millis(at),
            actor,
            action,
            subject,
            detail,
        };
        Ok(rows.into_iter().map(entry).collect())
    }
}
