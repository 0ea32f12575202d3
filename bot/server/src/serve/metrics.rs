//! What Prometheus is told.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use triage_store::{JobState, Timestamp};

use super::App;
use super::answer::Problem;

/// Bounds of the histograms of times, in seconds.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// Begins to count. The first call counts.
pub fn begin() {
    handle();
}

fn handle() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let made = HANDLE.get_or_init(|| {
        let builder =
            PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS).ok()?;
        let handle = builder.install_recorder().ok()?;
        metrics::describe_counter!("triage_http_requests_total", "Requests by method, route and status.");
        metrics::describe_histogram!("triage_http_request_seconds", "How long requests took.");
        metrics::describe_counter!("triage_deliveries_total", "Webhooks by forge and what was done about them.");
        metrics::describe_gauge!("triage_jobs", "Jobs in the queue by kind and state.");
        metrics::describe_gauge!("triage_oldest_ready_job_seconds", "For how long a job waits that could be done.");
        metrics::describe_counter!("triage_jobs_ended_total", "Attempts at jobs in this process by kind and outcome.");
        metrics::describe_histogram!("triage_job_seconds", "How long attempts at jobs took.");
        metrics::describe_gauge!("triage_replies", "Replies in the outbox by channel and state.");
        metrics::describe_gauge!("triage_build_info", "The version of the program.");
        metrics::gauge!("triage_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Some(handle)
    });
    made.as_ref()
}

/// Counts a request.
pub fn request(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let method = method.as_str().to_owned();
    let (route, status) = (route.to_owned(), status.as_u16().to_string());
    metrics::counter!("triage_http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("triage_http_request_seconds", "route" => route).record(took.as_secs_f64());
}

/// Counts a webhook.
pub fn delivery(forge: &'static str, outcome: &'static str) {
    metrics::counter!("triage_deliveries_total", "forge" => forge, "outcome" => outcome).increment(1);
}

/// Counts an attempt at a job.
pub fn job(kind: &str, outcome: &'static str, took: Duration) {
    let kind = kind.to_owned();
    metrics::counter!("triage_jobs_ended_total", "kind" => kind.clone(), "outcome" => outcome).increment(1);
    metrics::histogram!("triage_job_seconds", "kind" => kind).record(took.as_secs_f64());
}

/// `/metrics`.
pub async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let now = Timestamp::from(SystemTime::now());
    let mut at = app.store.read().await?;
    let mut oldest = Duration::ZERO;
    for count in at.count_jobs().await? {
        metrics::gauge!("triage_jobs", "kind" => count.kind, "state" => count.state.name()).set(count.jobs as f64);
        if count.state == JobState::Ready {
            oldest = oldest.max(now.since(count.oldest));
        }
    }
    metrics::gauge!("triage_oldest_ready_job_seconds").set(oldest.as_secs_f64());
    for (channel, state, replies) in at.count_replies().await? {
        metrics::gauge!("triage_replies", "channel" => channel, "state" => state).set(replies as f64);
    }
    at.roll_back().await?;
    let text = handle().map(PrometheusHandle::render).unwrap_or_default();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
