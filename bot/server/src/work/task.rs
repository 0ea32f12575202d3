//! What there is to do, as it stands in the queue.

use serde::{Deserialize, Serialize};
use triage_forge::webhook::Forge;
use triage_forge::webhook::notice::{self, Ended};
use triage_store::{NewJob, Timestamp};

/// The kinds of jobs, as they stand in the database.
pub const KINDS: [&str; 4] = ["run", "command", "publish", "sweep"];
/// People wait for what they asked for.
const SOON: i64 = 10;

/// Where something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// On which forge.
    pub forge: Forge,
    /// `owner/name`, or `group/name`.
    pub repository: String,
    /// Its number, which stays when it is renamed.
    pub repository_id: u64,
    /// The installation of the GitHub App.
    pub installation: Option<u64>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "task")]
pub enum Task {
    /// A run or a pipeline ended: read its logs and say what broke.
    Run {
        /// Where.
        told: Told,
        /// Its number.
        run: u64,
        /// Which attempt.
        attempt: u64,
        /// How it ended, as far as is known.
        ended: Ended,
        /// The comment that asks to look again; else empty.
        #[serde(default)]
        again: String,
    },
    /// A person told the bot to do something.
    Command {
        /// Where.
        told: Told,
        /// What.
        comment: notice::Comment,
    },
    /// A reply of the outbox is to be said, by its key.
    Publish {
        /// Its key.
        key: String,
        /// The pull request or commit; replies about one are said one after the other.
        thread: String,
    },
    /// Look for runs that failed and whose webhook never came.
    Sweep {
        /// Of which forge.
        forge: Forge,
        /// Which time it is; counts up.
        slot: u64,
    },
}

impl Task {
    /// A run that ended.
    pub fn run(told: Told, run: &notice::Run) -> Self {
        Self::Run { told, run: run.id, attempt: run.attempt, ended: run.ended, again: String::new() }
    }

    /// A comment with commands.
    pub fn command(told: Told, comment: &notice::Comment) -> Self {
        Self::Command { told, comment: comment.clone() }
    }

    /// As it stands in the database.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Run { .. } => "run",
            Self::Command { .. } => "command",
            Self::Publish { .. } => "publish",
            Self::Sweep { .. } => "sweep",
        }
    }

    /// What it is about: the same for the same work, however often and by whom it is told.
    fn key(&self) -> String {
        match self {
            Self::Run { told, run, attempt, again, .. } => {
                let again = if again.is_empty() { String::new() } else { format!("/{again}") };
                format!("{}/{}/{run}/{attempt}{again}", told.forge.name(), told.repository_id)
            }
            Self::Command { told, comment } => {
                format!("{}/{}/{}", told.forge.name(), told.repository_id, comment.id)
            }
            Self::Publish { key, .. } => key.clone(),
            Self::Sweep { forge, slot } => format!("{}/{slot}", forge.name()),
        }
    }

    /// As a job for the queue.
    pub fn job(self, now: Timestamp) -> NewJob {
        NewJob {
            kind: self.kind().to_owned(),
            key: self.key(),
            lane: match &self {
                Self::Publish { thread, .. } => Some(thread.clone()),
                _ => None,
            },
            priority: match self {
                Self::Command { .. } | Self::Publish { .. } => SOON,
                _ => 0,
            },
            payload: serde_json::to_string(&self).unwrap_or_default(),
            not_before: now,
        }
    }
}
