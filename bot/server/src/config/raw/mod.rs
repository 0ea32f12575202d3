//! The configuration as it is written: `triage.yaml`. `config/triage.example.yaml` has every key.

mod forge;
mod mail;
mod retention;
mod server;
mod verify;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_yaml::Spanned;

pub use forge::{RawGithub, RawGitlab};
pub use mail::{RawAbsent, RawImap, RawMail, RawRelay, RawSecurity};
pub use retention::RawRetention;
pub use server::{RawAccess, RawLogFormat, RawServer, RawServerLimits, RawToken, RawWork};
pub use verify::{RawVerify, RawVerifyTree};

/// A configuration file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "triage-bot configuration")]
pub struct RawConfig {
    /// What the bot remembers: a file for SQLite, relative to the configuration, or
    /// `postgres://…`.
    #[serde(default = "default_database")]
    pub database: String,
    /// A folder with templates of your own, by the names of those in `config/templates/mail`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub templates: Option<Spanned<PathBuf>>,
    /// How long and how much is remembered.
    #[serde(default)]
    pub retention: RawRetention,
    /// What `triage-bot serve` listens on, and to whom.
    #[serde(default)]
    pub server: RawServer,
    /// How the work is done, by `triage-bot serve` and `triage-bot work`.
    #[serde(default = "usual_work")]
    #[schemars(with = "RawWork")]
    pub work: Spanned<RawWork>,
    /// A GitHub App.
    #[serde(default)]
    #[schemars(with = "Option<RawGithub>")]
    pub github: Option<Spanned<RawGithub>>,
    /// A user of GitLab.
    #[serde(default)]
    #[schemars(with = "Option<RawGitlab>")]
    pub gitlab: Option<Spanned<RawGitlab>>,
    /// How fixes are proved before a reply goes out.
    #[serde(default)]
    #[schemars(with = "Option<RawVerify>")]
    pub verify: Option<Spanned<RawVerify>>,
    /// Mail.
    #[serde(default)]
    pub mail: Option<RawMail>,
}

/// A secret, by the one or the other.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSecret {
    /// A file with the secret as its first line.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub file: Option<Spanned<PathBuf>>,
    /// An environment variable with the secret.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub env: Option<Spanned<String>>,
}

/// What is not written has no place.
fn unplaced<T>(value: T) -> Spanned<T> {
    Spanned::new(value, serde_yaml::Location::UNKNOWN, serde_yaml::Location::UNKNOWN)
}

fn usual_work() -> Spanned<RawWork> {
    unplaced(RawWork::default())
}

fn default_database() -> String {
    "triage.db".to_owned()
}
