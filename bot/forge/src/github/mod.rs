//! GitHub and GitHub Enterprise Server.
//!
//! ```text
//! Github ── session ──► Session ──► logs/        what a run said, and what it belongs to
//!    │ App or token        │        publish/     an Answer: check run, comment, suggestions
//!    ▼                     ▼        permission   who may give commands
//! octocrab (JWT, installation tokens) ──► wire ──► crate::http
//! ```
//!
//! octocrab knows how to prove who we are; its own client is not used, since it repeats what must not be repeated. The
//! answers are read into small types of ours ([`models`]): a server of another version leaves out fields which octocrab's
//! types need.

mod auth;
pub mod logs;
pub mod models;
pub mod permission;
pub mod publish;
mod repositories;
mod rerun;
mod session;
mod wire;

use std::fmt;

pub use auth::{Credentials, CredentialsError, Github};
pub use session::Session;

/// A repository: `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository {
    /// The user or organisation.
    pub owner: String,
    /// Its name.
    pub name: String,
}

impl Repository {
    /// Reads `owner/name`, as `GITHUB_REPOSITORY` and `full_name` have it.
    pub fn parse(text: &str) -> Option<Self> {
        let (owner, name) = text.split_once('/')?;
        let fits = |part: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && part.len() <= 100 && part.chars().all(plain) && !matches!(part, "." | "..")
        };
        (fits(owner) && fits(name)).then(|| Self { owner: owner.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.owner, self.name)
    }
}
