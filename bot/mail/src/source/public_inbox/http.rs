//! An archive on the web (public-inbox-httpd, lore.kernel.org): what came since, by its search, and whole threads.
//!
//! Only the configured host is asked, redirects must stay on it, and downloads have limits before and after decompression.
//! The archive needs a search index (`public-inbox-index -L medium` or `full`); all public ones have it.

use std::collections::HashSet;
use std::io::BufReader;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use mail_parser::DateTime;
use reqwest::{Client, StatusCode, Url, redirect};
use serde::{Deserialize, Serialize};

use super::super::backoff::Backoff;
use super::super::mbox::{MboxReader, Quoting};
use super::super::{Batch, Cursor, Filling, SourceError, blocking, message};
use crate::message::{Message, MessageId};

/// Bytes of a download.
const DOWNLOAD_MAX: usize = 64 << 20;
/// Bytes of a download when it is unpacked.
const UNPACKED_MAX: u64 = 512 << 20;
/// Mails of a thread.
const THREAD_MAX: usize = 1000;
/// Seconds that are asked for again: mails wait for the index, and clocks differ.
const OVERLAP: i64 = 15 * 60;
/// The search takes times as git's approxidate does, to which smaller numbers are no seconds since 1970. No mail is as old.
const EARLIEST: i64 = 200_000_000;
/// Message-IDs that the cursor remembers.
const SEEN_MAX: usize = 200_000;
/// How long a host may take to connect, to send anything, and for all.
const PATIENCE: (Duration, Duration, Duration) =
    (Duration::from_secs(20), Duration::from_secs(60), Duration::from_secs(600));

/// An archive on the web.
#[derive(Debug)]
pub struct HttpArchive {
    /// Ends with a slash.
    url: Url,
    /// How often it is asked.
    interval: Duration,
    client: Client,
    backoff: Backoff,
}

/// How far an archive was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpCursor {
    /// All that the archive got before this time was read: seconds since 1970 by the archive's clock.
    since: i64,
    /// What was read of the time that is asked for again.
    seen: Vec<MessageId>,
}

impl HttpCursor {
    /// Where to begin: what the archive got since a time, in seconds since 1970. All of a large archive is more than it gives
    /// in one answer.
    pub fn since(seconds: i64) -> Self {
        Self { since: seconds, seen: Vec::new() }
    }
}

impl HttpArchive {
    /// An archive by the address of its inbox (`https://lore.kernel.org/linux-usb/`), asked at most once in `interval`.
    ///
    /// # Errors
    ///
    /// When the address is no `https:` one, or `http:` one of this machine or of a network that the operator trusts, or the
    /// system's certificates cannot be read.
    pub fn new(url: &str, interval: Duration) -> Result<Self, SourceError> {
        let config = |reason: String| SourceError::Config(format!("{url:?}: {reason}"));
        let mut parsed = Url::parse(url).map_err(|error| config(error.to_string()))?;
        let fits =
            matches!(parsed.scheme(), "https" | "http") && parsed.host().is_some() && parsed.username().is_empty();
        if !fits || parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(config("give the address of an inbox, such as https://lore.kernel.org/linux-usb/".to_owned()));
        }
        if !parsed.path().ends_with('/') {
            parsed.set_path(&format!("{}/", parsed.path()));
        }
        let client = Client::builder()
            .user_agent(concat!("triage-bot/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::custom(same_host))
            .connect_timeout(PATIENCE.0)
            .read_timeout(PATIENCE.1)
            .timeout(PATIENCE.2)
            .build()
            .map_err(|error| config(words(&error)))?;
        Ok(Self { url: parsed, interval, client, backoff: Backoff::default() })
    }

    pub(in super::super) async fn read(&mut self, cursor: Option<&Cursor>) -> Result<Batch, SourceError> {
        let cursor = match cursor {
            None => HttpCursor::default(),
            Some(Cursor::HttpArchive(cursor)) => cursor.clone(),
            Some(_) => return Err(SourceError::Cursor),
        };
        let from = cursor.since.saturating_sub(OVERLAP).max(EARLIEST);
        let query = [("q", format!("rt:{from}..")), ("x", "m".to_owned())];
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(&query);
        let answer = self.ask(reqwest::Method::POST, url).await?;
        // 404 is what public-inbox says to a search without results.
        let body = if answer.status == StatusCode::NOT_FOUND {
            Vec::new()
        } else {
            self.expect_ok(answer.status, answer.body)?
        };
        blocking(move || new_mails(&body, cursor, answer.now)).await.map_err(|error| self.network(&error.to_string()))
    }

    pub(in super::super) async fn end(&mut self) -> Result<Cursor, SourceError> {
        let mut cursor = Cursor::HttpArchive(HttpCursor::since(own_clock()));
        loop {
            let batch = self.read(Some(&cursor)).await?;
            cursor = batch.cursor;
            if !batch.more {
                return Ok(cursor);
            }
        }
    }

    pub(in super::super) async fn wait(&mut self, longest: Duration) -> Result<(), SourceError> {
        tokio::time::sleep(longest.min(self.interval)).await;
        Ok(())
    }

    /// The whole thread of a mail, oldest first, at most 1000; none when the archive does not have it. So the thread of a
    /// build result is found when its mails came before the bot did.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read.
    pub async fn thread(&mut self, id: &MessageId) -> Result<Vec<Message>, SourceError> {
        let Some(url) = self.url_of(id, "t.mbox.gz") else { return Ok(Vec::new()) };
        let answer = self.ask(reqwest::Method::GET, url).await?;
        if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::MULTIPLE_CHOICES) {
            return Ok(Vec::new());
        }
        let body = self.expect_ok(answer.status, answer.body)?;
        let mut messages = blocking(move || {
            let mut messages = Vec::new();
            let mut mails = unpack(&body);
            while let Some((raw, size)) = mails.next()? {
                messages.push(message(&raw, size));
                if messages.len() >= THREAD_MAX {
                    break;
                }
            }
            Ok::<_, std::io::Error>(messages)
        })
        .await
        .map_err(|error| self.network(&error.to_string()))?;
        messages.sort_by_key(|message| message.date);
        Ok(messages)
    }

    /// The address of a mail in the archive, for people: `<inbox>/<Message-ID>/`.
    pub fn link(&self, id: &MessageId) -> Option<String> {
        self.url_of(id, "").map(String::from)
    }

    fn url_of(&self, id: &MessageId, page: &str) -> Option<Url> {
        // A part of a path that browsers take for "here" and "up".
        if matches!(id.as_str(), "." | "..") {
            return None;
        }
        let mut url = self.url.clone();
        url.path_segments_mut().ok()?.pop_if_empty().push(id.as_str()).push(page);
        Some(url)
    }

    /// Asks, with a pause after failures, and gives what came within the limit.
    async fn ask(&mut self, method: reqwest::Method, url: Url) -> Result<Answer, SourceError> {
        self.backoff.pause().await;
        match self.ask_once(method, url).await {
            Ok(answer) if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS => {
                self.backoff.failure();
                Err(self.network(&format!("the archive answers {}", answer.status)))
            }
            Ok(answer) => {
                self.backoff.success();
                Ok(answer)
            }
            Err(reason) => {
                self.backoff.failure();
                Err(self.network(&reason))
            }
        }
    }

    async fn ask_once(&self, method: reqwest::Method, url: Url) -> Result<Answer, String> {
        let mut request = self.client.request(method.clone(), url);
        if method == reqwest::Method::POST {
            // Some servers insist on the length of a body that is not there.
            request = request.header("Content-Length", "0");
        }
        let mut response = request.send().await.map_err(|error| words(&error))?;
        let date = response.headers().get("Date").and_then(|date| date.to_str().ok()).and_then(DateTime::parse_rfc822);
        let now = date.filter(DateTime::is_valid).map_or_else(own_clock, |date| date.to_timestamp());
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| words(&error))? {
            if body.len() + chunk.len() > DOWNLOAD_MAX {
                return Err(format!("the answer has more than {DOWNLOAD_MAX} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, now, body })
    }

    fn expect_ok(&self, status: StatusCode, body: Vec<u8>) -> Result<Vec<u8>, SourceError> {
        if status.is_success() {
            return Ok(body);
        }
        let reason = format!("the archive answers {status}; it must be an inbox of public-inbox with a search index");
        Err(SourceError::Refused { server: self.server(), reason })
    }

    fn network(&self, reason: &str) -> SourceError {
        SourceError::Network { server: self.server(), reason: reason.to_owned() }
    }

    fn server(&self) -> String {
        self.url.as_str().to_owned()
    }
}

/// An answer, and what time the archive has.
struct Answer {
    status: StatusCode,
    now: i64,
    body: Vec<u8>,
}

/// Follows a redirect only to the host that was asked, and never from `https` to `http`.
fn same_host(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let Some(first) = attempt.previous().first() else { return attempt.stop() };
    let next = attempt.url();
    let same = first.host() == next.host()
        && (first.port_or_known_default() == next.port_or_known_default()
            || first.port().is_none() && next.port().is_none())
        && (next.scheme() == "https" || first.scheme() == "http");
    if !same {
        return attempt.error("the archive sends us to another host");
    }
    if attempt.previous().len() > 5 { attempt.error("too many redirects") } else { attempt.follow() }
}

/// Mails of an answer that the cursor does not know.
fn new_mails(body: &[u8], cursor: HttpCursor, now: i64) -> std::io::Result<Batch> {
    let mut filling = Filling::default();
    let seen: HashSet<&MessageId> = cursor.seen.iter().collect();
    let (mut known, mut fresh, mut more) = (Vec::new(), HashSet::new(), false);
    let mut mails = unpack(body);
    while !body.is_empty()
        && let Some((raw, size)) = mails.next()?
    {
        let mail = message(&raw, size);
        let Some(id) = mail.message_id.clone() else { continue };
        if fresh.contains(&id) {
            continue;
        }
        if seen.contains(&id) {
            known.push(id);
        } else if filling.is_full() {
            more = true;
        } else {
            filling.bytes += raw.len() as u64;
            filling.messages.push(mail);
            fresh.insert(id);
        }
    }
    known.extend(fresh);
    known.truncate(SEEN_MAX);
    filling.messages.sort_by_key(|message| message.date);
    // As long as there is more, the same time is asked for again.
    let since = if more { cursor.since } else { now.max(cursor.since) };
    let cursor = Cursor::HttpArchive(HttpCursor { since, seen: known });
    Ok(Batch { messages: filling.messages, cursor, more })
}

/// Mails of a compressed mbox, unpacked while they are read.
fn unpack(body: &[u8]) -> MboxReader<BufReader<std::io::Take<MultiGzDecoder<&[u8]>>>> {
    use std::io::Read;
    MboxReader::new(BufReader::new(MultiGzDecoder::new(body).take(UNPACKED_MAX)), Quoting::Rd)
}

fn own_clock() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}

/// An error of reqwest with what is behind it, without the address, which is said elsewhere.
fn words(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        next = error.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
