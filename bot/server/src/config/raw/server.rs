//! `server:` and `work:` as they are written.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_yaml::Spanned;

use super::{RawSecret, unplaced};

/// What `triage-bot serve` listens on, and to whom.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawServer {
    /// The address and port. TLS is the business of a proxy in front.
    #[schemars(with = "String")]
    pub listen: Spanned<String>,
    /// The address under which people reach it, `https://triage.example.org`: links in replies begin
    /// with it. Without one, replies have no links to the dashboard.
    #[schemars(with = "Option<String>")]
    pub url: Option<Spanned<String>>,
    /// How messages are written to standard error.
    pub log: RawLogFormat,
    /// Proxies in front, as addresses or networks: the source of a request is then what they say in
    /// `X-Forwarded-For`.
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<Spanned<String>>,
    /// Let everyone read builds and causes. Without it, that takes a token.
    pub open_reading: bool,
    /// Who may use the API, and for what.
    pub tokens: Vec<RawToken>,
    /// How much is taken in.
    #[schemars(with = "RawServerLimits")]
    pub limits: Spanned<RawServerLimits>,
}

impl Default for RawServer {
    fn default() -> Self {
        Self {
            listen: unplaced("127.0.0.1:8180".to_owned()),
            url: None,
            log: RawLogFormat::Text,
            trusted_proxies: Vec::new(),
            open_reading: true,
            tokens: Vec::new(),
            limits: unplaced(RawServerLimits::default()),
        }
    }
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawLogFormat {
    /// For people.
    Text,
    /// JSON Lines.
    Json,
}

/// A bearer token: `Authorization: Bearer …`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawToken {
    /// Who has it; stands in the audit trail.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// A file with the token as its first line.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub file: Option<Spanned<std::path::PathBuf>>,
    /// An environment variable with the token.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub env: Option<Spanned<String>>,
    /// What it opens.
    pub may: Vec<RawAccess>,
}

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawAccess {
    /// Reading builds and causes.
    Read,
    /// Sending builds.
    Write,
    /// What operators do on the dashboard.
    Admin,
}

/// How much is taken in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawServerLimits {
    /// Requests that are worked on at once; more wait for their turn, and get 503 when it takes long.
    pub requests: usize,
    /// Connections; more are not taken.
    pub connections: usize,
    /// For how many seconds a request may take, but for reading its log.
    pub request_seconds: u64,
    /// For how many seconds the reading of a log may take.
    pub reading_seconds: u64,
    /// Bytes of a webhook.
    pub webhook_bytes: usize,
    /// Bytes of a build that is sent, as they come.
    pub build_bytes: usize,
    /// Bytes of its logs, unpacked.
    pub unpacked_bytes: u64,
    /// Requests to the API from one source in a minute.
    pub per_minute: u32,
    /// Requests with a wrong signature or token from one source in a minute; more are not looked at.
    pub failures_per_minute: u32,
}

impl Default for RawServerLimits {
    fn default() -> Self {
        Self {
            requests: 512,
            connections: 4096,
            request_seconds: 30,
            reading_seconds: 120,
            webhook_bytes: 25 << 20,
            build_bytes: 64 << 20,
            unpacked_bytes: 1 << 30,
            per_minute: 600,
            failures_per_minute: 30,
        }
    }
}

/// How the work is done.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawWork {
    /// Jobs at once in one process; as many as there are processors when missing.
    pub jobs: Option<usize>,
    /// For how many seconds nothing may be heard of a worker before its jobs go to another one.
    pub lease_seconds: u64,
    /// How often a job is tried before it is dead.
    pub attempts: u32,
    /// For how many seconds jobs may go on after SIGTERM; then they are given back.
    pub stop_seconds: u64,
    /// How often the database is asked for work when nothing wakes the worker.
    pub poll_seconds: u64,
}

impl Default for RawWork {
    fn default() -> Self {
        Self { jobs: None, lease_seconds: 30, attempts: 12, stop_seconds: 20, poll_seconds: 2 }
    }
}

impl From<&RawToken> for RawSecret {
    fn from(token: &RawToken) -> Self {
        Self { file: token.file.clone(), env: token.env.clone() }
    }
}
