//! `github:` and `gitlab:` as they are written.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_yaml::Spanned;

use super::{RawSecret, unplaced};

/// A GitHub App.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawGithub {
    /// The address of the API. All requests go there, whatever a webhook says.
    #[serde(default = "github_api")]
    #[schemars(with = "String")]
    pub api: Spanned<String>,
    /// The number of the App.
    pub app_id: u64,
    /// A file with its private key in PEM.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub key_file: Option<Spanned<PathBuf>>,
    /// An environment variable with its private key in PEM.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub key_env: Option<Spanned<String>>,
    /// Secrets of the webhook; one of them must have signed. Two while they change.
    pub webhook_secrets: Vec<RawSecret>,
    /// Repositories that are answered: `owner/name`, or `owner/*`.
    #[schemars(with = "Vec<String>")]
    pub repositories: Vec<Spanned<String>>,
    /// Obey `/triage` of people who may write to the repository.
    #[serde(default = "yes")]
    pub commands: bool,
    /// How often failed runs are looked for whose webhook never came, in minutes; 0: never.
    #[serde(default = "sweep_minutes")]
    pub sweep_minutes: u32,
}

/// A user of GitLab.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawGitlab {
    /// The address of the server. All requests go there, whatever a webhook says.
    #[serde(default = "gitlab_url")]
    #[schemars(with = "String")]
    pub url: Spanned<String>,
    /// A file with a token (scope `api`) as its first line.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub token_file: Option<Spanned<PathBuf>>,
    /// An environment variable with the token.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub token_env: Option<Spanned<String>>,
    /// Secrets of the webhook; one of them must be given. Two while they change.
    pub webhook_secrets: Vec<RawSecret>,
    /// Projects that are answered: `group/name`, or `group/*`.
    #[schemars(with = "Vec<String>")]
    pub projects: Vec<Spanned<String>>,
    /// Give the commit a status, too, which GitLab shows as a job of the pipeline and which never fails it.
    #[serde(default)]
    pub status: bool,
    /// Obey `/triage` of people who may write to the project.
    #[serde(default = "yes")]
    pub commands: bool,
    /// How often failed pipelines are looked for whose webhook never came, in minutes; 0: never.
    #[serde(default = "sweep_minutes")]
    pub sweep_minutes: u32,
}

fn github_api() -> Spanned<String> {
    unplaced("https://api.github.com".to_owned())
}

fn gitlab_url() -> Spanned<String> {
    unplaced("https://gitlab.com".to_owned())
}

fn yes() -> bool {
    true
}

fn sweep_minutes() -> u32 {
    30
}
