//! Carries octocrab's requests over [`crate::http`].

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, HeaderName};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use octocrab::OctoBody;
use tower_service::Service;
use url::Url;

use crate::http::{Call, Client, Error, Kind, Repeat};

/// Sends requests whose addresses are relative to an API.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) http: Client,
}

/// What our requests carry through octocrab beside what HTTP knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) repeat: Repeat,
    pub(super) creates: bool,
}

impl Service<Request<OctoBody>> for Wire {
    type Response = Response<Full<Bytes>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OctoBody>) -> Self::Future {
        let http = self.http.clone();
        Box::pin(async move { carry(&http, request).await })
    }
}

async fn carry(http: &Client, request: Request<OctoBody>) -> Result<Response<Full<Bytes>>, Error> {
    let (parts, body) = request.into_parts();
    let broken = |reason: &str| Error::new(Kind::Refused, format!("{} {}", parts.method, parts.uri.path()), reason);
    if parts.uri.authority().is_some() {
        return Err(broken("the address is not one of the API"));
    }
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let url = address(&http.settings().api, path).ok_or_else(|| broken("no address"))?;
    let body = body.collect().await.map_err(|_| broken("no body"))?.to_bytes();
    let mut call = Call::new(parts.method.clone(), url)
        .header(ACCEPT, HeaderValue::from_static("application/vnd.github+json"))
        .header(HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"))
        .headers(parts.headers.clone())
        .body(body);
    match parts.extensions.get::<Manner>() {
        Some(manner) => call = call.repeat(manner.repeat).creates(manner.creates),
        // octocrab asks for a token: one more does no harm.
        None => call = call.repeat(Repeat::Harmless).creates(false),
    }
    let (status, headers, body, error) = match http.send(&call).await {
        Ok(reply) => (reply.status, reply.headers, reply.body, None),
        // octocrab gets another token when it sees this status.
        Err(error) if error.kind == Kind::Unauthorized => (
            StatusCode::UNAUTHORIZED,
            http::HeaderMap::new(),
            Bytes::from_static(b"{\"message\":\"401\"}"),
            Some(error),
        ),
        Err(error) => return Err(error),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if let Some(error) = error {
        response.extensions_mut().insert(std::sync::Arc::new(error));
    }
    Ok(response)
}

/// An address below the API's, whose own path (`/api/v3`) stays in front. `/graphql` is beside it
/// (<https://docs.github.com/en/enterprise-server@3.17/graphql/guides/managing-enterprise-accounts>: `/api/graphql`).
pub(super) fn address(api: &Url, path: &str) -> Option<Url> {
    let mut base = api.path().trim_end_matches('/');
    if path == "/graphql" {
        base = base.strip_suffix("/v3").unwrap_or(base);
    }
    let mut url = api.clone();
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let full = format!("{base}{path}");
    url.set_path(&full);
    url.set_query(query);
    // What a path segment may not hold would have been rewritten.
    (url.path() == full).then_some(url)
}
