//! How a forge is asked: once more where that is harmless, no faster than it allows, and never telling others our secrets.
//!
//! ```text
//! Call ──► gate ──► pace ──► ask ──► redirects ──► Reply      download ──► temporary file
//!            ▲                │ Error                          create: look, make, look again
//!            └── wait ◄── retry.rs
//! ```
//!
//! * A request is repeated when its failure may pass and doing it twice does no harm: all methods but `POST`. A `POST` is
//!   repeated by itself only when the forge surely did not do it (no connection, refused by a limit); else
//!   [`Client::create`] looks first whether what it makes is there.
//! * A limit that refused one request closes the gate for all of that identity until it ends: those who go on asking get
//!   banned (GitHub, "Best practices for using the REST API").
//! * Errors keep the forge's name for the request, and never a header or a query.

mod cache;
mod call;
mod clock;
mod download;
mod error;
mod gate;
mod guard;
mod limits;
mod pace;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use http::header::{IF_NONE_MATCH, LOCATION};
use http::{Method, StatusCode};
use tokio::sync::Semaphore;
use tracing::{debug, warn};
use url::Url;

use cache::Cache;
use gate::Gate;
use pace::Pacer;

pub use call::{Call, Repeat, Reply};
pub(crate) use clock::rfc3339;
pub use clock::{Clock, SystemClock};
pub use download::Download;
pub use error::{Error, Kind};
pub use pace::Pace;

/// Redirects that are followed for one request.
const HOPS_MAX: usize = 5;

/// How a forge is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where its API is: `https://api.github.com`, `https://ghe.example/api/v3`, `https://gitlab.example/api/v4`. Its host is
    /// the one that may be in an inner network.
    pub api: Url,
    /// How long a connection may take.
    pub connect: Duration,
    /// How long a request may take in all, downloads aside.
    pub timeout: Duration,
    /// How long nothing may come.
    pub idle: Duration,
    /// How long a download may take in all.
    pub download: Duration,
    /// Bytes of an answer that is no download, unpacked.
    pub reply_max: u64,
    /// How often a request is sent at most.
    pub attempts: usize,
    /// How long all waiting for one request may take together; what needs longer fails at once, for a queue to take up later.
    pub patience: Duration,
    /// How much content may be made.
    pub pace: Option<Pace>,
    /// Requests at a time. GitHub allows 100 for all that use the token.
    pub concurrent: usize,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Settings {
    /// For the API at an address.
    pub fn new(api: Url) -> Self {
        Self {
            api,
            connect: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            download: Duration::from_secs(1800),
            reply_max: 16 << 20,
            attempts: 6,
            patience: Duration::from_secs(900),
            pace: None,
            concurrent: 16,
            clock: Arc::new(SystemClock),
        }
    }
}

/// Asks one forge as one identity. Clones share all of it.
#[derive(Debug, Clone)]
pub struct Client {
    settings: Arc<Settings>,
    engine: reqwest::Client,
    cache: Arc<Cache>,
    places: Arc<Semaphore>,
    gate: Arc<Gate>,
    pacer: Option<Arc<Pacer>>,
}

impl Client {
    /// A client.
    ///
    /// # Errors
    ///
    /// When the system's certificates cannot be read.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let resolver = guard::PublicOnly::trusting(settings.api.host_str());
        let engine = reqwest::Client::builder()
            .user_agent(concat!("triage-bot/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(settings.connect)
            .read_timeout(settings.idle)
            .dns_resolver(Arc::new(resolver))
            .build()
            .map_err(|error| Error::network("the HTTP client".to_owned(), error))?;
        Ok(Self {
            engine,
            cache: Arc::default(),
            places: Arc::new(Semaphore::new(settings.concurrent.max(1))),
            gate: Arc::default(),
            pacer: settings.pace.map(|pace| Arc::new(Pacer::new(pace))),
            settings: Arc::new(settings),
        })
    }

    /// The same for another identity (another installation, another token): with connections and answers shared, and limits
    /// of its own, since forges count by identity.
    #[must_use]
    pub fn for_another(&self) -> Self {
        let pacer = self.settings.pace.map(|pace| Arc::new(Pacer::new(pace)));
        Self { gate: Arc::default(), pacer, ..self.clone() }
    }

    /// How it asks.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sends a request until it is done, refused, or [`Settings::attempts`] or [`Settings::patience`] are over.
    ///
    /// An answer of 3xx that leads to another host is given as it is, since the credentials are not for it.
    ///
    /// # Errors
    ///
    /// As [`Kind`] says; any status of 400 and more is an error.
    pub async fn send(&self, call: &Call) -> Result<Reply, Error> {
        let mut retry = self.retry();
        loop {
            self.wait_for_gate(call, &mut retry).await?;
            match self.once(call).await {
                Ok(reply) => {
                    self.gate.passed();
                    return Ok(reply);
                }
                Err(error) => self.wait_after(call.repeat, error, &mut retry).await?,
            }
        }
    }

    /// Makes what may be there already, once: looks, makes it when there is none, and looks again when nobody knows what
    /// became of the request. `make` sends a [`Repeat::LookFirst`].
    ///
    /// # Errors
    ///
    /// Those of `look` and `make`.
    pub async fn create<T, Look, Make>(
        &self,
        mut look: impl FnMut() -> Look,
        mut make: impl FnMut() -> Make,
    ) -> Result<T, Error>
    where
        Look: Future<Output = Result<Option<T>, Error>>,
        Make: Future<Output = Result<T, Error>>,
    {
        let mut retry = self.retry();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            match make().await {
                Err(error) if error.may_be_done() => self.wait_after(Repeat::Harmless, error, &mut retry).await?,
                done => return done,
            }
        }
    }

    /// Waits as long as the gate is closed or too much content was made of late.
    async fn wait_for_gate(&self, call: &Call, retry: &mut Retry) -> Result<(), Error> {
        loop {
            let now = self.settings.clock.now();
            let closed = self.gate.closed(now);
            let paced = || self.pacer.as_ref().filter(|_| call.creates).and_then(|pacer| pacer.take(now).err());
            let Some(wait) = closed.or_else(paced) else { return Ok(()) };
            if !retry.fits(wait) {
                let kind = Kind::RateLimited { until: now + wait };
                return Err(Error::new(kind, call.shown(), "an earlier request met a limit; this one was not sent"));
            }
            debug!(request = call.shown(), ?wait, "waits for a limit to end");
            retry.waited += wait;
            self.settings.clock.sleep(wait).await;
        }
    }

    /// Waits for the next attempt after an error, or gives the error back when there is to be none.
    async fn wait_after(&self, repeat: Repeat, error: Error, retry: &mut Retry) -> Result<(), Error> {
        let again = error.is_transient() || (repeat == Repeat::Harmless && error.kind == Kind::Malformed);
        if !again || (repeat == Repeat::LookFirst && error.may_be_done()) {
            return Err(error);
        }
        let Some(pause) = retry.pauses.next() else { return Err(error) };
        let wait = error.wait(self.settings.clock.now()).unwrap_or_else(|| pause.max(error.after.unwrap_or_default()));
        if !retry.fits(wait) {
            return Err(error);
        }
        warn!(%error, ?wait, "tries again");
        retry.waited += wait;
        self.settings.clock.sleep(wait).await;
        Ok(())
    }

    fn retry(&self) -> Retry {
        let pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(Duration::from_secs(1))
            .with_max_delay(Duration::from_secs(60))
            .with_max_times(self.settings.attempts.saturating_sub(1))
            .build();
        Retry { pauses, waited: Duration::ZERO, patience: self.settings.patience }
    }

    /// Sends a request once, and follows it within its host.
    async fn once(&self, call: &Call) -> Result<Reply, Error> {
        let _place = self.places.acquire().await;
        let key = (call.method == Method::GET).then(|| Cache::key(&call.url, &call.headers));
        let tag = key.as_ref().and_then(|key| self.cache.tag(key));
        let mut url = call.url.clone();
        for _ in 0..=HOPS_MAX {
            let mut request = self.request(call, &url).timeout(self.settings.timeout);
            if let Some(tag) = &tag {
                request = request.header(IF_NONE_MATCH, tag);
            }
            let response = self.answer(call, &url, request).await?;
            if response.status() == StatusCode::NOT_MODIFIED
                && let Some(known) = key.as_ref().and_then(|key| self.cache.get(key))
            {
                return Ok(known);
            }
            if let Some(target) = redirect(call, &url, &response)? {
                let same = guard::same_origin(&call.url, &target);
                if same && (call.method == Method::GET || matches!(response.status().as_u16(), 307 | 308)) {
                    url = target;
                    continue;
                }
            }
            let (status, headers) = (response.status(), response.headers().clone());
            let body = self.body(call, response).await?;
            let reply = Reply { request: call.shown(), status, headers, body };
            if let Some(key) = key {
                self.cache.put(key, &reply);
            }
            return Ok(reply);
        }
        Err(Error::new(Kind::Redirect, call.shown(), "there is no end to its redirects"))
    }

    /// A request to an address, with credentials only for the origin that they are for.
    fn request(&self, call: &Call, url: &Url) -> reqwest::RequestBuilder {
        let mut headers = call.headers.clone();
        if !guard::same_origin(&call.url, url) {
            let secrets: Vec<_> = headers.iter().filter(|it| it.1.is_sensitive()).map(|it| it.0.clone()).collect();
            for name in secrets {
                headers.remove(name);
            }
        }
        let request = self.engine.request(call.method.clone(), url.clone()).headers(headers);
        if call.body.is_empty() && call.method == Method::GET { request } else { request.body(call.body.clone()) }
    }

    /// The head of an answer; a status of 400 and more is an error with the forge's words.
    async fn answer(
        &self,
        call: &Call,
        url: &Url,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, Error> {
        let response = request.send().await.map_err(|error| Error::network(call.shown(), error))?;
        let status = response.status();
        debug!(request = call.shown(), %status, "answered");
        if status.as_u16() < 400 {
            return Ok(response);
        }
        let headers = response.headers().clone();
        // What it says is a help; that it could not be read is no other error.
        let body = read(response, 64 << 10).await.unwrap_or_default();
        let now = self.settings.clock.now();
        let limited = limits::refused(status, &headers, &body, now, self.gate.refusals());
        if let Some(until) = limited.filter(|_| guard::same_origin(&call.url, url)) {
            self.gate.close(until);
        }
        let mut error = Error::answered(call.shown(), status, &headers, &body, limited);
        error.after = limits::retry_after(&headers, now);
        Err(error)
    }

    /// The body of an answer.
    async fn body(&self, call: &Call, response: reqwest::Response) -> Result<bytes::Bytes, Error> {
        let limit = self.settings.reply_max;
        match read(response, limit).await {
            Ok(body) if body.len() as u64 > limit => Err(Error::new(Kind::TooLarge { limit }, call.shown(), "")),
            Ok(body) => Ok(body.into()),
            Err(error) => Err(Error::network(call.shown(), error)),
        }
    }
}

/// How long a request was tried, and how long it still may be.
struct Retry {
    pauses: ExponentialBackoff,
    waited: Duration,
    patience: Duration,
}

impl Retry {
    fn fits(&self, wait: Duration) -> bool {
        self.waited + wait <= self.patience
    }
}

/// Where an answer leads, if it does.
fn redirect(call: &Call, from: &Url, response: &reqwest::Response) -> Result<Option<Url>, Error> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    match target.map(|target| from.join(target)) {
        Some(Ok(target)) => Ok(Some(target)),
        _ => Err(Error::new(Kind::Redirect, call.shown(), "it does not say where to")),
    }
}

/// A body, read until it is over or has more bytes than the limit.
async fn read(mut response: reqwest::Response, limit: u64) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() as u64 > limit {
            break;
        }
    }
    Ok(body)
}
