//! Where mail comes from: a Maildir, an mbox, an IMAP mailbox, or an archive of public-inbox as git or over HTTP.
//!
//! All work alike. [`Source::read`] gives the mails behind a [`Cursor`] and the cursor to ask with next time; the caller keeps
//! it, so that nothing is read twice or lost over a restart. [`Source::wait`] returns when there may be more.
//! [`Source::done`] tells that the last mails are safe, and only then is anything in a mailbox changed, if at all.
//!
//! ```no_run
//! # async fn example() -> Result<(), triage_mail::source::SourceError> {
//! use std::time::Duration;
//! use triage_mail::source::{Maildir, Source};
//!
//! let mut source = Source::Maildir(Maildir::new("/var/mail/bot"));
//! let mut cursor = source.end().await?;
//! loop {
//!     source.wait(Duration::from_secs(600)).await?;
//!     let batch = source.read(Some(&cursor)).await?;
//!     // … handle batch.messages and store batch.cursor …
//!     cursor = batch.cursor;
//!     source.done().await?;
//! }
//! # }
//! ```

mod backoff;
mod imap;
mod maildir;
mod mbox;
mod public_inbox;

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::message::{Message, RAW_MAX};

pub use imap::{Imap, ImapConfig, ImapCursor, Password, Security};
pub use maildir::{AfterReading, Maildir, MaildirCursor};
pub use mbox::{Mbox, MboxCursor, MboxReader, Quoting};
pub use public_inbox::git::{GitArchive, GitCursor};
pub use public_inbox::http::{HttpArchive, HttpCursor};

/// Mails of one [`Source::read`].
pub const BATCH_MAX: usize = 200;
/// Bytes of mail of one [`Source::read`], beyond which no further mail is begun.
pub const BATCH_BYTES: u64 = 64 << 20;
/// How often files are looked at while waiting.
const LOOK: Duration = Duration::from_secs(1);

/// A place where mail comes from.
#[derive(Debug)]
pub enum Source {
    /// A Maildir on this machine.
    Maildir(Maildir),
    /// An mbox file on this machine.
    Mbox(Mbox),
    /// A mailbox of an IMAP server.
    Imap(Box<Imap>),
    /// A clone of a public-inbox archive on this machine.
    GitArchive(GitArchive),
    /// A public-inbox archive on the web.
    HttpArchive(Box<HttpArchive>),
}

/// How far a source was read. Plain data of the caller; meaningful only to a source of the same kind and place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum Cursor {
    /// Of a Maildir.
    Maildir(MaildirCursor),
    /// Of an mbox.
    Mbox(MboxCursor),
    /// Of an IMAP mailbox.
    Imap(ImapCursor),
    /// Of an archive in git.
    GitArchive(GitCursor),
    /// Of an archive on the web.
    HttpArchive(HttpCursor),
}

/// Mails, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// At most [`BATCH_MAX`], in the order of the source.
    pub messages: Vec<Message>,
    /// What to ask with next time.
    pub cursor: Cursor,
    /// There is more already.
    pub more: bool,
}

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or folder cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no mailbox or archive of the kind that was said.
    #[error("{}: {reason}", path.display())]
    Kind {
        /// What is none.
        path: PathBuf,
        /// Why, and what is expected.
        reason: &'static str,
    },
    /// A server cannot be reached, or the connection broke.
    #[error("{server}: {reason}")]
    Network {
        /// Host and port.
        server: String,
        /// What happened.
        reason: String,
    },
    /// A server refuses, or answers with something else than what its protocol says.
    #[error("{server}: {reason}")]
    Refused {
        /// Host and port.
        server: String,
        /// In the server's words, or ours.
        reason: String,
    },
    /// The configuration cannot work.
    #[error("{0}")]
    Config(String),
    /// git fails.
    #[error("git in {}: {reason}", path.display())]
    Git {
        /// The repository.
        path: PathBuf,
        /// git's words.
        reason: String,
    },
    /// The cursor is of another kind of source.
    #[error("the stored position is of another kind of source; remove it to begin anew")]
    Cursor,
}

impl SourceError {
    /// Whether trying again later may help. Sources on the network wait longer after each failure by themselves.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Network { .. } | Self::File { .. })
    }
}

/// Asks one of the five kinds.
macro_rules! each {
    ($self:expr, $source:ident => $call:expr) => {
        match $self {
            Self::Maildir($source) => $call,
            Self::Mbox($source) => $call,
            Self::Imap($source) => $call,
            Self::GitArchive($source) => $call,
            Self::HttpArchive($source) => $call,
        }
    };
}

impl Source {
    /// The mails behind a cursor, or from the beginning of the source. Mails that went away meanwhile are left out.
    ///
    /// # Errors
    ///
    /// When the source cannot be read at all. What was read before in this call is read again by the next one.
    pub async fn read(&mut self, cursor: Option<&Cursor>) -> Result<Batch, SourceError> {
        each!(self, source => source.read(cursor).await)
    }

    /// The cursor behind all that is there now: where a list is watched from that was not watched before.
    ///
    /// # Errors
    ///
    /// When the source cannot be read.
    pub async fn end(&mut self) -> Result<Cursor, SourceError> {
        each!(self, source => source.end().await)
    }

    /// Waits until there may be more than before the last [`Source::read`], or `longest` is over.
    ///
    /// # Errors
    ///
    /// When the source cannot be read.
    pub async fn wait(&mut self, longest: Duration) -> Result<(), SourceError> {
        each!(self, source => source.wait(longest).await)
    }

    /// The mails of the last [`Source::read`] are stored and will not be asked for again. A Maildir marks or moves them, if it
    /// is configured to.
    ///
    /// # Errors
    ///
    /// When a file cannot be moved.
    pub async fn done(&mut self) -> Result<(), SourceError> {
        match self {
            Self::Maildir(source) => source.done().await,
            _ => Ok(()),
        }
    }
}

/// A mail of which perhaps only the beginning was read.
fn message(raw: &[u8], size: u64) -> Message {
    let mut message = Message::parse(raw);
    if size > raw.len() as u64 {
        message.cut_from(size);
    }
    message
}

/// Bytes of a mail that are worth reading: one more than are parsed, to see that there are too many.
const READ_MAX: u64 = RAW_MAX as u64 + 1;

/// A batch that fills up.
#[derive(Debug, Default)]
struct Filling {
    messages: Vec<Message>,
    bytes: u64,
}

impl Filling {
    fn is_full(&self) -> bool {
        self.messages.len() >= BATCH_MAX || self.bytes >= BATCH_BYTES
    }

    fn push(&mut self, raw: &[u8], size: u64) {
        self.bytes += raw.len() as u64;
        self.messages.push(message(raw, size));
    }
}

/// Runs what reads files or programs where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Waits until files changed. `state` gives what is compared, mostly times of change.
async fn wait_for_change<S: PartialEq>(last: &S, longest: Duration, mut state: impl FnMut() -> S) {
    let end = Instant::now() + longest;
    while Instant::now() < end && state() == *last {
        tokio::time::sleep(LOOK.min(end.saturating_duration_since(Instant::now()))).await;
    }
}

/// When a file or folder changed last.
fn changed(path: &std::path::Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
