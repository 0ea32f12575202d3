//! How a page goes out: with a policy, a tag by which an unchanged page is not sent again, the time that it
//! took; and what is said when it cannot be made.

use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use maud::{Markup, html};
use sha2::{Digest, Sha256};

use super::layout::{self, Part};
use super::session::Visitor;

/// Nothing but our style, and forms to ourselves.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
/// Bytes of a page.
const PAGE: usize = 32 << 20;

/// Why there is no page.
#[derive(Debug)]
pub enum Failure {
    /// There is nothing at this address.
    Missing(&'static str),
    /// The request is wrong.
    Wrong(StatusCode, &'static str),
    /// The memory does not answer.
    Store(triage_store::Error),
}

impl From<triage_store::Error> for Failure {
    fn from(error: triage_store::Error) -> Self {
        Self::Store(error)
    }
}

/// What a handler gives.
pub type Page = Result<Html<String>, Failure>;

/// A page that is ready.
pub fn ready(markup: Markup) -> Page {
    Ok(Html(markup.into_string()))
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, said) = match &self {
            Self::Missing(what) => (StatusCode::NOT_FOUND, *what),
            Self::Wrong(status, what) => (*status, *what),
            Self::Store(error) => {
                tracing::error!(%error, "a page could not be made");
                let status = if error.is_transient() {
                    StatusCode::SERVICE_UNAVAILABLE
                } else {
                    StatusCode::INTERNAL_SERVER_ERROR
                };
                (status, "The memory does not answer. Try again in a minute.")
            }
        };
        let title = status.canonical_reason().unwrap_or("Failure");
        let body = html! {
            h1 { (title) }
            p { (said) }
            p { a href="/" { "All trees" } }
        };
        let page = layout::page(&Visitor::nobody(), Part::None, title, "", body);
        (status, Html(page.into_string())).into_response()
    }
}

/// Around all pages.
pub async fn finish(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    // PostgreSQL takes no NUL, so nothing has one in its name.
    let mut response = match request.uri().to_string().contains("%00") {
        true => Failure::Wrong(StatusCode::BAD_REQUEST, "There is nothing with such a name.").into_response(),
        false => next.run(request).await,
    };
    secure(response.headers_mut());
    if !is_read || response.status() != StatusCode::OK {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return timed(response, begun);
    }
    let (mut parts, body) = response.into_parts();
    // A page is in memory already; this takes it out of its wrapping.
    let Ok(bytes) = to_bytes(body, PAGE).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let hash = Sha256::digest(&bytes);
    let tag = format!("W/\"{}\"", hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect::<String>());
    // It may be kept, but is asked for anew: what is known changes.
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    parts.headers.insert(header::VARY, HeaderValue::from_static("Cookie, Authorization"));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, value);
    }
    let is_known = known
        .as_ref()
        .and_then(|known| known.to_str().ok())
        .is_some_and(|known| known.split(',').any(|one| one.trim() == tag || one.trim() == "*"));
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        return timed(Response::from_parts(parts, Body::empty()), begun);
    }
    timed(Response::from_parts(parts, Body::from(bytes)), begun)
}

fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
}

/// How long the server took, in milliseconds, where browsers show it (W3C Server Timing).
fn timed(mut response: Response, begun: Instant) -> Response {
    let time = format!("page;dur={:.1}", begun.elapsed().as_secs_f64() * 1000.0);
    if let Ok(value) = HeaderValue::from_str(&time) {
        response.headers_mut().insert("server-timing", value);
    }
    response
}
