//! What is done around every request: a name, a count, a time, an end, and headers that keep browsers careful.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use super::answer::Problem;
use super::{App, metrics};

/// The name of a request, in its answer and in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Headers of every answer that has not its own.
const CAREFUL: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Gives every request a name, logs it, counts it, and lets only so many in at once.
pub async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let id = name(&request);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), %method, route);
    let answered = async {
        // Whether it lives is asked of one that is busy, too.
        let turn = match route.as_str() {
            "/healthz" => None,
            _ => match tokio::time::timeout(PATIENCE, app.turns.acquire()).await {
                Ok(turn) => turn.ok(),
                Err(_) => return Problem::later("there are too many requests at once; try again").into_response(),
            },
        };
        let response = next.run(request).await;
        drop(turn);
        response
    };
    let mut response = answered.instrument(span.clone()).await;
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    for (name, value) in CAREFUL {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let took = begin.elapsed();
    metrics::request(&method, &route, response.status(), took);
    span.in_scope(|| {
        let (status, ms) = (response.status().as_u16(), took.as_millis());
        if response.status().is_server_error() {
            tracing::warn!(status, ms, "answered");
        } else {
            tracing::debug!(status, ms, "answered");
        }
    });
    response
}

/// What a handler that panicked answers. The panic itself is in the log.
pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this is a fault of the server; its log says more").into_response()
}

/// The name that the caller gave, when it can be one; else a new one.
fn name(request: &Request) -> HeaderValue {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let given = request.headers().get(REQUEST_ID).filter(|value| {
        (1..=64).contains(&value.len())
            && value.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    });
    given.cloned().unwrap_or_else(|| {
        let millis = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let text = format!("{millis:x}-{:x}-{count:x}", std::process::id());
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("none"))
    })
}
