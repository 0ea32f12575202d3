//! Requests as one identity.

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use octocrab::models::InstallationId;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use super::models::User;
use super::wire::{Manner, Wire, address};
use crate::http::{Call, Client, Download, Error, Kind, Repeat, Reply};

/// Pages of a list that are read, of 100 entries each.
const PAGES_MAX: u32 = 50;

/// What one identity may do: an installation of an App, or a token.
#[derive(Debug, Clone)]
pub struct Session {
    pub(super) http: Client,
    octocrab: Octocrab,
    /// The token, when it is one that does not change.
    secret: Option<SecretString>,
    /// The account that comments are written by.
    login: Arc<OnceCell<String>>,
}

impl Session {
    pub(super) fn new(http: Client, state: AuthState, login: Option<String>) -> Self {
        let wire = Wire { http: http.clone() };
        let Ok(octocrab) = OctocrabBuilder::new_empty().with_service(wire).with_auth(state).build();
        Self { http, octocrab, secret: None, login: Arc::new(OnceCell::new_with(login)) }
    }

    pub(super) fn with_secret(self, secret: SecretString) -> Self {
        Self { secret: Some(secret), ..self }
    }

    /// An installation of the App that this session is of.
    pub(super) fn installation(self, id: InstallationId) -> Result<Self, Error> {
        let octocrab = self.octocrab.installation(id).map_err(|error| from_octocrab(error, "the App"))?;
        Ok(Self { octocrab, ..self })
    }

    /// The account that our comments are written by: `triage-bot[bot]` for an App, the user for a token.
    ///
    /// # Errors
    ///
    /// When GitHub does not tell.
    pub async fn login(&self) -> Result<&str, Error> {
        let login = self.login.get_or_try_init(|| async {
            match self.get("/user").await {
                Ok(reply) => Ok(reply.json::<User>()?.login),
                // The token of an installation has no user, but a viewer.
                Err(error) if error.kind == Kind::Forbidden => {
                    let data = self.graphql("query { viewer { login } }", json!({})).await?;
                    let login = data.pointer("/viewer/login").and_then(Value::as_str);
                    login.map(str::to_owned).ok_or(error)
                }
                Err(error) => Err(error),
            }
        });
        login.await.map(String::as_str)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Reply, Error> {
        self.send(Method::GET, path, None, Manner { repeat: Repeat::Harmless, creates: false }).await
    }

    /// Makes something: repeated only when GitHub surely did not do it. See [`Client::create`].
    pub(super) async fn post(&self, path: &str, body: &impl Serialize) -> Result<Reply, Error> {
        let manner = Manner { repeat: Repeat::LookFirst, creates: true };
        self.send(Method::POST, path, Some(bytes(body)), manner).await
    }

    /// Sets fields to what is given.
    pub(super) async fn patch(&self, path: &str, body: &impl Serialize) -> Result<Reply, Error> {
        let manner = Manner { repeat: Repeat::Harmless, creates: false };
        self.send(Method::PATCH, path, Some(bytes(body)), manner).await
    }

    /// A PATCH that adds.
    pub(super) async fn append(&self, path: &str, body: &impl Serialize) -> Result<Reply, Error> {
        let manner = Manner { repeat: Repeat::LookFirst, creates: false };
        self.send(Method::PATCH, path, Some(bytes(body)), manner).await
    }

    /// Deletes something; what is gone already is all right.
    pub(super) async fn delete(&self, path: &str) -> Result<(), Error> {
        let manner = Manner { repeat: Repeat::Harmless, creates: false };
        match self.send(Method::DELETE, path, None, manner).await {
            Err(error) if !error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }

    /// All of a list, whose entries are the answer itself or its field `field`.
    ///
    /// Pages are counted rather than followed: the addresses of the next page are those of a server behind proxies.
    pub(super) async fn list<T: DeserializeOwned>(&self, path: &str, field: Option<&str>) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let join = if path.contains('?') { '&' } else { '?' };
        for page in 1..=PAGES_MAX {
            let reply = self.get(&format!("{path}{join}per_page=100&page={page}")).await?;
            let last = reply.next_page().is_none();
            let entries: Vec<T> = match field {
                None => reply.json()?,
                Some(field) => {
                    let mut object: serde_json::Map<String, Value> = reply.json()?;
                    let entries = object.remove(field).unwrap_or_default();
                    serde_path_to_error::deserialize(entries).map_err(|error| {
                        Error::new(Kind::Malformed, reply.request.clone(), format!("{field}: {error}"))
                    })?
                }
            };
            let none = entries.is_empty();
            all.extend(entries);
            if last || none {
                break;
            }
        }
        Ok(all)
    }

    /// A query, or a mutation that may be repeated.
    pub(super) async fn graphql(&self, query: &str, variables: Value) -> Result<Value, Error> {
        let body = bytes(&json!({ "query": query, "variables": variables }));
        let manner = Manner { repeat: Repeat::Harmless, creates: false };
        let reply = self.send(Method::POST, "/graphql", Some(body), manner).await?;
        let mut answer: serde_json::Map<String, Value> = reply.json()?;
        match answer.get("errors").and_then(Value::as_array).and_then(|errors| errors.first()) {
            Some(first) => {
                let words = first.get("message").and_then(Value::as_str).unwrap_or("refused");
                Err(Error::new(Kind::Refused, reply.request, words))
            }
            None => Ok(answer.remove("data").unwrap_or_default()),
        }
    }

    /// Downloads from the API, which mostly leads to a storage elsewhere.
    pub(super) async fn download(&self, path: &str, limit: u64) -> Result<Download, Error> {
        match self.download_once(path, limit, chrono::Duration::seconds(60)).await {
            // The token may have been revoked before its time; only an installation can get another.
            Err(error) if error.kind == Kind::Unauthorized && self.secret.is_none() => {
                self.download_once(path, limit, chrono::Duration::days(1)).await
            }
            done => done,
        }
    }

    async fn download_once(&self, path: &str, limit: u64, left: chrono::Duration) -> Result<Download, Error> {
        let token = match &self.secret {
            Some(secret) => secret.clone(),
            None => {
                let token = self.octocrab.installation_token_with_buffer(left).await;
                token.map_err(|error| from_octocrab(error, "POST /app/installations/…/access_tokens"))?
            }
        };
        let call = Call::new(Method::GET, self.address(path)?).secret(AUTHORIZATION, "Bearer ", &token);
        self.http.download(&call, limit).await
    }

    fn address(&self, path: &str) -> Result<Url, Error> {
        let url = address(&self.http.settings().api, path);
        url.ok_or_else(|| Error::new(Kind::Refused, path.to_owned(), "no address"))
    }

    async fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>, manner: Manner) -> Result<Reply, Error> {
        let shown = format!("{method} {}", path.split('?').next().unwrap_or_default());
        let mut request = Request::builder().method(method).uri(path).extension(manner);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let request = request.body(body.unwrap_or_default());
        let request = request.map_err(|error| Error::new(Kind::Refused, shown.clone(), error.to_string()))?;
        let answer = self.octocrab.execute(request).await.map_err(|error| from_octocrab(error, &shown))?;
        let (mut parts, body) = answer.into_parts();
        if parts.status == StatusCode::UNAUTHORIZED {
            let error = parts.extensions.remove::<Arc<Error>>().and_then(Arc::into_inner);
            return Err(error.unwrap_or_else(|| Error::new(Kind::Unauthorized, shown, "")));
        }
        let body = body.collect().await.map_err(|error| from_octocrab(error, &shown))?.to_bytes();
        if !parts.status.is_success() {
            return Err(Error::new(Kind::Redirect, shown, format!("answered with {}", parts.status)));
        }
        let headers: HeaderMap = parts.headers;
        Ok(Reply { request: shown, status: parts.status, headers, body })
    }
}

/// Our own error inside of octocrab's, or what octocrab says itself.
fn from_octocrab(error: octocrab::Error, shown: &str) -> Error {
    match error {
        octocrab::Error::Service { source, .. } => match source.downcast::<Error>() {
            Ok(own) => *own,
            Err(source) => Error::new(Kind::Refused, shown.to_owned(), source.to_string()),
        },
        octocrab::Error::GitHub { source, .. } if source.status_code == StatusCode::UNAUTHORIZED => {
            Error::new(Kind::Unauthorized, shown.to_owned(), "GitHub does not accept our App's key")
        }
        error => Error::new(Kind::Malformed, shown.to_owned(), error.to_string()),
    }
}

/// A path of the API from its segments, which may hold anything.
pub(super) fn path(segments: &[&str]) -> String {
    let mut url = Url::parse("http://x/").unwrap_or_else(|_| unreachable!("it is an address"));
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(segments);
    }
    url.path().to_owned()
}

fn bytes(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}
