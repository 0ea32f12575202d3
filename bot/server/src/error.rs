//! What can go wrong for an operator, said in one line, with a way out.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use triage_report::words::reason;

/// Ends the program with status 2.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is wrong: `file:line:column: what`.
    #[error("{0}")]
    Config(String),
    /// A result of a build is wrong: `file:line:column: what`.
    #[error("{0}")]
    Result(String),
    /// An archive that could not be read, or not all of it.
    #[error("{0}")]
    Archive(String),
    /// Nothing to work on.
    #[error("{0}")]
    Usage(String),
    /// A file that cannot be read.
    #[error("{}: {}", .0.display(), reason(.1))]
    Read(PathBuf, io::Error),
    /// A source of mail that cannot be read.
    #[error(transparent)]
    Source(#[from] triage_mail::source::SourceError),
    /// A file that cannot be written.
    #[error("cannot write {}: {}", .0.display(), reason(.1))]
    Write(PathBuf, io::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {}: {}", .0, reason(.1))]
    Listen(SocketAddr, io::Error),
    /// Standard output cannot be written.
    #[error("cannot write the output: {}", reason(.0))]
    Output(#[from] io::Error),
    /// The bot's memory.
    #[error(transparent)]
    Store(#[from] triage_store::Error),
    /// Nothing was proved.
    #[error("not proved: {0}")]
    Unproved(#[from] crate::verify::Unproved),
    /// GitHub.
    #[error(transparent)]
    Github(#[from] triage_forge::http::Error),
    /// GitLab.
    #[error(transparent)]
    Gitlab(#[from] triage_forge::gitlab::Error),
    /// A mail cannot be written.
    #[error(transparent)]
    Reply(#[from] triage_mail::reply::Fault),
}

impl Error {
    /// What to do about it.
    pub fn way_out(&self) -> Option<&'static str> {
        match self {
            Self::Config(_) => Some("config/triage.example.yaml has every key; `triage-bot schema` prints the schema"),
            Self::Result(_) => {
                Some("`triage-bot mail --help` says what a result may have, `triage --format json` writes reports")
            }
            Self::Store(triage_store::Error::SenderIsRunning) => Some("wait for it, or give --dry-run"),
            _ => None,
        }
    }

    /// True when the reader of the output went away, as `head` does.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
