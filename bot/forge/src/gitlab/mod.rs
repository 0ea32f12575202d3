//! GitLab, gitlab.com or self-managed, through its REST API, version 4.
//!
//! ```text
//! pipelines.rs   which jobs failed, which merge request it is about
//! trace.rs       what a job printed
//! publish.rs     an answer, said once: discussions.rs (note), suggestions.rs with diff.rs, statuses.rs
//! ```
//!
//! What is repeated and how long is waited is the business of [`crate::http`]; here is what is asked for, and what is looked
//! up before a request that makes something. Endpoints are those of GitLab 13.0 and above, unless it is said.

mod diff;
mod discussions;
pub mod pipelines;
pub mod publish;
mod statuses;
mod suggestions;
#[cfg(test)]
mod tests;
pub mod trace;

use std::fmt;

use ::http::header::{AUTHORIZATION, HeaderName};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::commands::Access;
use crate::http::{self, Call, Client, Kind, Reply};
use crate::webhook::notice::Account;

/// What an API's address ends with.
const API: &str = "api/v4";
/// Entries of a list that are asked for. A merge request has at most 5,000 comments
/// (<https://docs.gitlab.com/administration/instance_limits/#max-number-of-comments-per-merge-request-issue-or-epic>).
const THINGS_MAX: usize = 6_000;
/// Entries of a page: the most that GitLab gives, and fewer where they are large.
const PAGES: [&str; 3] = ["100", "10", "2"];

/// Where a GitLab is, and how it is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How requests are sent; its `api` ends with `/api/v4/`.
    pub http: http::Settings,
}

/// An address that is no GitLab's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It is not an address of the web.
    #[error("`{0}` is no address; give the server's, as `https://gitlab.example.org` or `https://example.org/gitlab`")]
    NotWeb(String),
    /// It has a user, a query or a fragment.
    #[error("the address of a GitLab has no user, `?` or `#`; a token is given apart")]
    TooMuch,
    /// Tokens would go over the network for everybody to read.
    #[error("`{0}` is not encrypted; use https, or allow plain HTTP in the configuration")]
    Plain(String),
}

impl Settings {
    /// For a server by its address, with or without `/api/v4` (CI has it in `CI_API_V4_URL`), with a path in front where the
    /// server has one. Plain HTTP is for this machine, unless `allow_plain`.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(address: &str, allow_plain: bool) -> Result<Self, BadAddress> {
        let mut url = Url::parse(address.trim()).map_err(|_| BadAddress::NotWeb(address.to_owned()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadAddress::NotWeb(address.to_owned()));
        }
        let alone = url.username().is_empty() && url.password().is_none();
        if !alone || url.query().is_some() || url.fragment().is_some() {
            return Err(BadAddress::TooMuch);
        }
        let local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if url.scheme() == "http" && !local && !allow_plain {
            return Err(BadAddress::Plain(address.to_owned()));
        }
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix(API).unwrap_or(path).trim_end_matches('/');
        let path = format!("{path}/{API}/");
        url.set_path(&path);
        Ok(Self { http: http::Settings::new(url) })
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Token {
    /// `CI_JOB_TOKEN`. It may read what its own project lets jobs read, and may not write comments.
    Job(SecretString),
    /// A personal, project or group access token.
    Private(SecretString),
    /// An access token of OAuth 2.0.
    OAuth(SecretString),
}

impl Token {
    fn on(&self, call: Call) -> Call {
        match self {
            Self::Job(token) => call.secret(HeaderName::from_static("job-token"), "", token),
            Self::Private(token) => call.secret(HeaderName::from_static("private-token"), "", token),
            Self::OAuth(token) => call.secret(AUTHORIZATION, "Bearer ", token),
        }
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request failed.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// A job's token was used for what it may not do.
    #[error(
        "GitLab does not let a CI_JOB_TOKEN {what}; make a project access token with the role Developer and the scope \
         `api`, and give it in a masked CI/CD variable ({source})"
    )]
    JobToken {
        /// `write comments`.
        what: &'static str,
        /// What GitLab said.
        source: Box<http::Error>,
    },
    /// A text is longer than GitLab takes: its characters.
    #[error("the comment has {0} characters, GitLab takes {max}", max = publish::BODY_MAX)]
    TooLong(usize),
    /// An answer's key is not one.
    #[error("`{0}` is no key for comments: 1 to 60 letters, digits, `-`, `_` and `.`")]
    Key(String),
}

impl Error {
    /// Whether the same may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            _ => false,
        }
    }
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Project {
    /// By its number.
    Id(u64),
    /// By its path with all groups: `group/subgroup/name`.
    Path(String),
}

impl fmt::Display for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Path(path) => path.fmt(f),
        }
    }
}

/// A GitLab, asked with one token. Clones share connections and limits.
#[derive(Debug, Clone)]
pub struct Gitlab {
    client: Client,
    token: Token,
}

/// An account as the API has it.
#[derive(Debug, Clone, Deserialize)]
struct User {
    id: u64,
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
struct Member {
    access_level: u64,
}

/// Developer: the least who may push. (<https://docs.gitlab.com/api/members/#roles>)
const DEVELOPER: u64 = 30;

impl Gitlab {
    /// A GitLab at the address of the settings.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub fn new(settings: Settings, token: Token) -> Result<Self, Error> {
        Ok(Self { client: Client::new(settings.http)?, token })
    }

    /// Whose token it is. Comments of others are never touched.
    ///
    /// # Errors
    /// When GitLab does not say.
    pub async fn me(&self) -> Result<Account, Error> {
        self.said("read who it is", self.me_or_error().await)
    }

    async fn me_or_error(&self) -> Result<Account, http::Error> {
        let user: User = self.send(self.get(&["user"], &[])).await?.json()?;
        Ok(Account { id: user.id, bot: true, name: user.username })
    }

    /// What an account may do in a project, by its role there, inherited ones included.
    ///
    /// # Errors
    /// When GitLab does not say.
    pub async fn access(&self, project: &Project, account: u64) -> Result<Access, Error> {
        let (project, account) = (project.to_string(), account.to_string());
        let call = self.get(&["projects", &project, "members", "all", &account], &[]);
        match self.send(call).await {
            Ok(reply) if reply.json::<Member>()?.access_level >= DEVELOPER => Ok(Access::Write),
            Ok(_) => Ok(Access::Read),
            Err(error) if error.is_missing() => Ok(Access::None),
            Err(error) => self.said("read who is a member", Err(error)),
        }
    }

    fn get(&self, segments: &[&str], query: &[(&str, &str)]) -> Call {
        self.call(::http::Method::GET, segments, query)
    }

    /// A request to an address below the API's; each segment is encoded, `/` included, as GitLab wants paths of projects.
    fn call(&self, method: ::http::Method, segments: &[&str], query: &[(&str, &str)]) -> Call {
        let mut url = self.client.settings().api.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.token.on(Call::new(method, url))
    }

    async fn send(&self, call: Call) -> Result<Reply, http::Error> {
        self.client.send(&call).await
    }

    /// What a list has that is wanted, page by page; smaller ones when a page has more than an answer may.
    async fn list<T: DeserializeOwned, U>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        want: impl Fn(T) -> Option<U>,
    ) -> Result<Vec<U>, http::Error> {
        let mut sizes = PAGES.iter();
        loop {
            let size = sizes.next().expect("the last size returns");
            match self.pages(segments, query, size, &want).await {
                Err(error) if matches!(error.kind, Kind::TooLarge { .. }) && sizes.len() > 0 => {}
                result => return result,
            }
        }
    }

    async fn pages<T: DeserializeOwned, U>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        size: &str,
        want: &impl Fn(T) -> Option<U>,
    ) -> Result<Vec<U>, http::Error> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut query: Vec<(String, String)> = query.iter().chain(&[("per_page", size)]).map(owned).collect();
        let (mut all, mut seen) = (Vec::new(), 0);
        while seen < THINGS_MAX {
            let pairs: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let reply = self.send(self.get(segments, &pairs)).await?;
            let page = reply.json::<Vec<T>>()?;
            // An empty page that leads on is no end of a list, and counts so that there is one.
            seen += page.len().max(1);
            all.extend(page.into_iter().filter_map(want));
            // Only the query is taken: behind a proxy, a server may give addresses that lead elsewhere.
            let Some(next) = reply.next_page() else { return Ok(all) };
            query = next.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        }
        let message = format!("the list has more than {THINGS_MAX} entries");
        Err(http::Error::new(Kind::Refused, segments.join("/"), message))
    }

    /// Says in plain words when it is the kind of the token that is at fault.
    fn said<T>(&self, what: &'static str, result: Result<T, http::Error>) -> Result<T, Error> {
        result.map_err(|error| {
            let refused = matches!(error.kind, Kind::Unauthorized | Kind::Forbidden | Kind::NotFound);
            match self.token {
                Token::Job(_) if refused => Error::JobToken { what, source: Box::new(error) },
                _ => Error::Http(error),
            }
        })
    }
}
