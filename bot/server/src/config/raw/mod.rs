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
    pub templates: Option<PathBuf>,
    /// How long and how much is remembered.
    #[serde(default)]
    pub retention: RawRetention,
    /// What `triage-bot serve` listens on, and to whom.
    #[serde(default)]
    pub server: RawServer,
    /// How the work is done, by `triage-bot serve` and `triage-bot work`.
    #[serde(default)]
    pub work: RawWork,
    /// A GitHub App.
    #[serde(default)]
    pub github: Option<RawGithub>,
    /// A user of GitLab.
    #[serde(default)]
    pub gitlab: Option<RawGitlab>,
    /// How fixes are proved before a reply goes out.
    #[serde(default)]
    pub verify: Option<RawVerify>,
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
    pub file: Option<PathBuf>,
    /// An environment variable with the secret.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub env: Option<Spanned<String>>,
}

fn default_database() -> String {
    "triage.db".to_owned()
}
