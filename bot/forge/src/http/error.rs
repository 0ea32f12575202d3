//! What can go wrong between us and a forge, typed by what to do about it, and without a secret in any form of it.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, StatusCode};
use url::Url;

/// Bytes of a forge's own words that an error keeps.
const WORDS_MAX: usize = 500;

/// A request that failed.
///
/// Its texts hold no header and no query of an address, since both may carry tokens.
#[derive(Debug)]
pub struct Error {
    /// What to do about it.
    pub kind: Kind,
    /// What was asked: `POST https://api.github.com/repos/o/r/issues/1/comments`.
    pub request: String,
    /// What the forge answered.
    pub status: Option<StatusCode>,
    /// What is known beyond that: the forge's own words, or those of the network, in one line.
    pub message: String,
    /// The name of the request in the forge's own logs (`x-github-request-id`, `x-request-id`): its support asks for it.
    pub request_id: Option<String>,
    /// How long a forge with a fault of its own wants to be left alone (503 with `retry-after`).
    pub(super) after: Option<Duration>,
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// No connection came about, so the forge does not know of the request. Transient.
    Unreachable,
    /// It was sent, and no whole answer came: time-outs, connections that broke. The forge may have done it. Transient.
    Interrupted,
    /// The forge had a fault (5xx). It may have done it. Transient.
    Server,
    /// Too many requests: refused, and not to be repeated before `until`. Transient.
    RateLimited {
        /// When the forge takes requests again.
        until: SystemTime,
    },
    /// The token is unknown or over (401).
    Unauthorized,
    /// The token may not do this (403).
    Forbidden,
    /// There is no such thing, or the token may not see it (404).
    NotFound,
    /// It was there and is not any more (410): logs after their retention, for one.
    Gone,
    /// The forge refuses what was asked (400, 409, 422 and all that is left of 4xx).
    Refused,
    /// It leads where we do not go: to another host with a token, to an address of the inner network, round in circles.
    Redirect,
    /// The answer has more bytes than this.
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The answer is not what the forge's documentation says.
    Malformed,
}

impl Error {
    pub(crate) fn new(kind: Kind, request: String, message: impl Into<String>) -> Self {
        Self { kind, request, status: None, message: one_line(&message.into()), request_id: None, after: None }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, Kind::Unreachable | Kind::Interrupted | Kind::Server | Kind::RateLimited { .. })
    }

    /// Whether the forge may have done what was asked all the same, so that a repetition could do it twice.
    pub fn may_be_done(&self) -> bool {
        matches!(self.kind, Kind::Interrupted | Kind::Server | Kind::TooLarge { .. } | Kind::Malformed)
    }

    /// Whether there is no such thing (404, 410).
    pub fn is_missing(&self) -> bool {
        matches!(self.kind, Kind::NotFound | Kind::Gone)
    }

    /// How long the forge wants to be left alone from `now`.
    pub fn wait(&self, now: SystemTime) -> Option<Duration> {
        match self.kind {
            Kind::RateLimited { until } => Some(until.duration_since(now).unwrap_or_default()),
            _ => None,
        }
    }

    /// From an answer with a status of 400 or more. `limited` is when its rate limit ends, if it is one that refused.
    pub(super) fn answered(
        request: String,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        limited: Option<SystemTime>,
    ) -> Self {
        let kind = match (limited, status.as_u16()) {
            (Some(until), _) => Kind::RateLimited { until },
            (_, 401) => Kind::Unauthorized,
            (_, 403) => Kind::Forbidden,
            (_, 404) => Kind::NotFound,
            (_, 410) => Kind::Gone,
            (_, 408) => Kind::Interrupted,
            (_, 500..) => Kind::Server,
            _ => Kind::Refused,
        };
        let mut error = Self::new(kind, request, words_of(body));
        error.status = Some(status);
        error.request_id = request_id(headers);
        error
    }

    /// From what the HTTP library says, whose texts may hold whole addresses.
    pub(super) fn network(request: String, error: reqwest::Error) -> Self {
        let kind = if error.is_connect() {
            Kind::Unreachable
        } else if error.is_builder() {
            Kind::Refused
        } else {
            Kind::Interrupted
        };
        let timed_out = error.is_timeout();
        let error = error.without_url();
        let mut words = if timed_out { "timed out".to_owned() } else { String::new() };
        let mut next: Option<&dyn std::error::Error> = Some(&error);
        while let Some(it) = next {
            let text = it.to_string();
            if !text.contains("://") && !words.contains(&text) {
                let join = if words.is_empty() { "" } else { ": " };
                words = format!("{words}{join}{text}");
            }
            next = it.source();
        }
        Self::new(kind, request, words)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.request)?;
        match (&self.kind, self.status) {
            (Kind::RateLimited { .. }, _) => write!(out, "too many requests")?,
            (Kind::TooLarge { limit }, _) => write!(out, "the answer is larger than {limit} bytes")?,
            (_, Some(status)) => write!(out, "{status}")?,
            (Kind::Unreachable, _) => write!(out, "no connection")?,
            (Kind::Interrupted, _) => write!(out, "no answer")?,
            (Kind::Redirect, _) => write!(out, "a redirect that is not followed")?,
            (Kind::Malformed, _) => write!(out, "the answer is not as documented")?,
            _ => write!(out, "refused")?,
        }
        if !self.message.is_empty() {
            write!(out, ": {}", self.message)?;
        }
        if let Some(id) = &self.request_id {
            write!(out, " (request {id})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// A request as it stands in errors and logs: without user, query and fragment, in which secrets travel.
pub(super) fn shown(method: &Method, url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    one_line(&format!("{method} {}://{host}{port}{}", url.scheme(), url.path()))
}

/// The forge's name for a request.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = ["x-github-request-id", "x-request-id"].iter().find_map(|name| headers.get(*name))?;
    Some(one_line(id.to_str().ok()?)).filter(|id| !id.is_empty() && id.len() <= 100)
}

/// What a forge says in the body of an error: `message` with the `errors` of GitHub, `message` or `error` of GitLab.
fn words_of(body: &[u8]) -> String {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) else {
        let text = String::from_utf8_lossy(&body[..body.len().min(4 * WORDS_MAX)]).into_owned();
        // A page of HTML from a proxy in between says nothing in its first lines.
        return if text.trim_start().starts_with('<') { String::new() } else { text };
    };
    let plain = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let parts = ["message", "error", "error_description", "errors"].iter().filter_map(|key| json.get(*key));
    parts.filter(|it| !it.is_null()).map(plain).collect::<Vec<_>>().join(": ")
}

/// Text without control characters, of a length that fits into a message.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()) {
        if line.len() + word.len() > WORDS_MAX {
            line.extend(word.chars().take(WORDS_MAX.saturating_sub(line.len())).chain(['…']));
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}
