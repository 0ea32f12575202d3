//! One request and its answer.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::error::{Error, Kind, shown};

/// Whether a request may be sent again when nobody knows what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Doing it twice is as doing it once.
    Harmless,
    /// Only when the forge surely did not do it. Else the caller looks first ([`super::Client::create`]).
    LookFirst,
}

/// A request.
///
/// A header whose value is marked as sensitive is a credential: it is never shown and never follows a redirect to another
/// host.
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) repeat: Repeat,
    pub(super) creates: bool,
}

impl Call {
    /// A request, to be repeated as its method allows: `POST` is not, all others are (RFC 9110, section 9.2.2; `PATCH` of
    /// the forges sets fields to what is given).
    pub fn new(method: Method, url: Url) -> Self {
        let post = method == Method::POST;
        let repeat = if post { Repeat::LookFirst } else { Repeat::Harmless };
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), repeat, creates: post }
    }

    /// Says otherwise about repeating it.
    #[must_use]
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// Says whether it makes content that people are told of, of which forges take only so much a minute. By itself a
    /// `POST` does.
    #[must_use]
    pub fn creates(mut self, creates: bool) -> Self {
        self.creates = creates;
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With headers.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// With a credential: `Authorization: Bearer …` or `PRIVATE-TOKEN: …`. A secret that no header can hold is left out, and
    /// the forge will say that there is none.
    #[must_use]
    pub fn secret(self, name: HeaderName, prefix: &str, secret: &SecretString) -> Self {
        let Ok(mut value) = HeaderValue::from_str(&format!("{prefix}{}", secret.expose_secret())) else { return self };
        value.set_sensitive(true);
        self.header(name, value)
    }

    /// With a body of JSON.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body.into())
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// As it stands in errors.
    pub(super) fn shown(&self) -> String {
        shown(&self.method, &self.url)
    }
}

/// An answer with a status below 400, whole.
#[derive(Debug, Clone)]
pub struct Reply {
    /// What was asked, for errors.
    pub request: String,
    /// 2xx, or 3xx that leads elsewhere.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Reply {
    /// Its JSON.
    ///
    /// # Errors
    ///
    /// [`Kind::Malformed`], with the path to what does not fit.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        serde_path_to_error::deserialize(&mut json)
            .map_err(|error| Error::new(Kind::Malformed, self.request.clone(), error.to_string()))
    }

    /// Where the next page is: the target of `rel="next"` in `Link` (RFC 8288), as both forges give it.
    pub fn next_page(&self) -> Option<Url> {
        let links = self.headers.get_all(http::header::LINK).iter().filter_map(|value| value.to_str().ok());
        let mut links = links.flat_map(|value| value.split(','));
        links.find_map(|link| {
            let (target, parameters) = link.split_once(';')?;
            let next = parameters.split(';').any(|it| matches!(it.trim(), "rel=\"next\"" | "rel=next"));
            let target = target.trim().strip_prefix('<')?.strip_suffix('>')?;
            if next { Url::parse(target).ok() } else { None }
        })
    }
}
