//! `/api/v1/builds`: a log comes in, its causes go out.
//!
//! The log is read while the client waits, on one of a bounded number of threads. Under an `Idempotency-Key` the same
//! request is done once, whatever breaks on the way: a client that got no answer sends it again.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use triage_causes::Report;
use triage_report::secrets::Masked;
use triage_store::{Audit, DoneRequest, LineKind, NewCheckout, StoredBuild, Timestamp, Transaction};

use super::answer::Problem;
use super::{App, body, source};
use crate::config::Access;
use crate::memory::{self, Origin};
use crate::work::reading::Log;
use crate::work::run::digest;

/// A request that is done once.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the answer is that of an earlier request with the key.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Bytes of a key.
const KEY_MAX: usize = 255;
/// Axes of a build, and characters of their names and values.
const AXES_MAX: usize = 32;
const NAME_MAX: usize = 40;
const VALUE_MAX: usize = 200;

/// A build in JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    /// The log.
    log: String,
    /// What it is called.
    #[serde(default)]
    name: Option<String>,
    /// What it is a build of.
    #[serde(default)]
    axes: BTreeMap<String, String>,
}

/// `POST /api/v1/builds`.
pub async fn post(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(query): Query<BTreeMap<String, String>>,
    request: Request,
) -> Result<Response, Problem> {
    let config = app.config();
    let (head, content) = request.into_parts();
    let from = source::of(&config.server, peer, &head.headers);
    let token = source::admit(&config.server, &app.sources, from, &head.headers, Access::Write)?;
    app.sources.request(from)?;
    let key = key_of(&head.headers)?;
    let content = body::read(content, config.server.limits.build_bytes).await?;
    if content.is_empty() {
        return Err(Problem::bad("the body is empty: send a log"));
    }
    let sent = understand(&head.headers, query, content)?;
    let fingerprint = sent.digest();
    if let Some(key) = &key
        && let Some(done) = earlier(&app, &token, key).await?
    {
        return replay(&app, &done, &fingerprint).await;
    }
    let id = match &key {
        Some(key) => digest(&["api", &token, key]),
        None => digest(&["api", &token, &fingerprint, &moment()]),
    };
    let axes = sent.axes.clone();
    let log = Log { name: sent.name, axes: sent.axes, content: Box::new(Cursor::new(sent.log)) };
    let patience = Duration::from_secs(config.server.limits.reading_seconds);
    let report = match tokio::time::timeout(patience, app.reading.report(vec![log])).await {
        Ok(Ok(report)) => report,
        Ok(Err(_)) => return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the log could not be read")),
        Err(_) => return Err(Problem::later("reading the log takes too long, or others are read before it")),
    };
    if report.builds.is_empty() {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "there is no log in what was sent"));
    }
    let now = Timestamp::from(SystemTime::now());
    let mut at = app.store.begin().await?;
    if let Some(key) = &key {
        let done = DoneRequest { digest: fingerprint.clone(), build: id.clone() };
        if !at.record_request(&token, key, &done, now).await? {
            // The same request came twice at once, and the other was faster.
            at.roll_back().await?;
            let done = earlier(&app, &token, key).await?;
            let done = done.ok_or_else(|| Problem::later("the same request is being done; try again"))?;
            return replay(&app, &done, &fingerprint).await;
        }
    }
    let checkout = checkout_of(&axes, &id);
    let numbered = memory::numbered(&id, &report);
    let origin = Origin { checkout: checkout.as_ref(), cell: None, series: None, url: None, id: &numbered };
    memory::remember(&mut at, &origin, &report, now).await.map_err(|error| match error {
        crate::error::Error::Store(error) => error.into(),
        other => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, other.to_string()),
    })?;
    let report = memory::recall(&mut at, report, now).await?;
    let detail = format!("{} causes, {}", report.causes.len(), shown(from, &axes));
    at.audit(&Audit { at: now, actor: token, action: "build".into(), subject: id.clone(), detail }).await?;
    at.commit().await?;
    let report = serde_json::to_value(&*report).unwrap_or_default();
    let status = report["builds"][0]["status"].clone();
    let axes = report["builds"][0]["axes"].clone();
    let answer = json!({ "id": id, "status": status, "axes": axes, "received_at": now.millis(), "report": report });
    let location = HeaderValue::from_str(&format!("/api/v1/builds/{id}"));
    let location = location.unwrap_or(HeaderValue::from_static("/api/v1/builds"));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(answer)).into_response())
}

/// `GET /api/v1/builds/{id}`.
pub async fn get(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let config = app.config();
    let from = source::of(&config.server, peer, &headers);
    source::admit(&config.server, &app.sources, from, &headers, Access::Read)?;
    app.sources.request(from)?;
    let mut at = app.store.read().await?;
    let build = at.stored_build(&id).await?;
    let none = || Problem::new(StatusCode::NOT_FOUND, "there is no build with that id");
    let answer = of_build(&mut at, &build.ok_or_else(none)?).await?;
    at.roll_back().await?;
    Ok(Json(answer))
}

/// A build with what is known today of its causes.
async fn of_build(at: &mut Transaction, build: &StoredBuild) -> Result<Value, Problem> {
    let report: Option<Report> = build.report.as_deref().and_then(|report| serde_json::from_str(report).ok());
    let report = match report {
        Some(report) => {
            Some(memory::recall(at, Masked::of(report), Timestamp::from(SystemTime::now())).await?.into_report())
        }
        None => None,
    };
    Ok(json!({
        "id": build.id,
        "status": build.status,
        "axes": build.axes,
        "received_at": build.received_at.millis(),
        "report": report,
    }))
}

/// What was sent, whatever its form.
struct Understood {
    log: Bytes,
    name: String,
    axes: BTreeMap<String, String>,
}

impl Understood {
    fn digest(&self) -> String {
        use sha2::{Digest, Sha256};
        let axes = serde_json::to_string(&(&self.name, &self.axes)).unwrap_or_default();
        let log = hex::encode(Sha256::digest(&self.log));
        digest(&[&axes, &log])
    }
}

fn understand(headers: &HeaderMap, mut query: BTreeMap<String, String>, content: Bytes) -> Result<Understood, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    let name = query.remove("name");
    let (log, name, more) = match is_json {
        true => {
            let sent: Sent = serde_json::from_slice(&content)
                .map_err(|error| Problem::bad(format!("the JSON is wrong: {error}")))?;
            (Bytes::from(sent.log), name.or(sent.name), sent.axes)
        }
        // Packed or not: what it is, its first bytes say.
        false => (content, name, BTreeMap::new()),
    };
    let name = name.unwrap_or_else(|| "log".to_owned());
    if name.is_empty() || name.chars().count() > VALUE_MAX || name.chars().any(char::is_control) {
        return Err(Problem::bad(format!("'name' has 1 to {VALUE_MAX} characters, none of them for control")));
    }
    let mut axes = more;
    axes.extend(query);
    check(&axes)?;
    Ok(Understood { log, name, axes })
}

fn check(axes: &BTreeMap<String, String>) -> Result<(), Problem> {
    if axes.len() > AXES_MAX {
        return Err(Problem::bad(format!("a build has at most {AXES_MAX} axes")));
    }
    for (name, value) in axes {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(plain) {
            return Err(Problem::bad(format!(
                "the name of an axis has 1 to {NAME_MAX} letters, digits and any of -_. ('arch', 'config', 'toolchain')"
            )));
        }
        if value.is_empty() || value.chars().count() > VALUE_MAX || value.chars().any(char::is_control) {
            return Err(Problem::bad(format!(
                "the axis '{name}' needs a value of 1 to {VALUE_MAX} characters, none of them for control"
            )));
        }
    }
    Ok(())
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim_matches('"');
    if key.is_empty() || key.len() > KEY_MAX {
        return Err(Problem::bad(format!("an Idempotency-Key has 1 to {KEY_MAX} visible ASCII characters")));
    }
    Ok(Some(key.to_owned()))
}

async fn earlier(app: &App, token: &str, key: &str) -> Result<Option<DoneRequest>, Problem> {
    let mut at = app.store.read().await?;
    let done = at.request(token, key).await?;
    at.roll_back().await?;
    Ok(done)
}

/// The answer of an earlier request with the same key.
async fn replay(app: &App, done: &DoneRequest, fingerprint: &str) -> Result<Response, Problem> {
    if done.digest != fingerprint {
        let why = "another build was sent with this Idempotency-Key: take a new one for each build";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why));
    }
    let mut at = app.store.read().await?;
    let build = at.stored_build(&done.build).await?;
    let build = build.ok_or_else(|| Problem::new(StatusCode::GONE, "the build was forgotten by now"))?;
    let answer = of_build(&mut at, &build).await?;
    at.roll_back().await?;
    let replayed = [(REPLAYED, HeaderValue::from_static("true"))];
    Ok((StatusCode::OK, replayed, Json(answer)).into_response())
}

/// Never the same twice.
fn moment() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{} {} {}", since.as_nanos(), std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// What was built, when the sender says of which tree it is. Builds of a commit belong together.
fn checkout_of(axes: &BTreeMap<String, String>, id: &str) -> Option<NewCheckout> {
    let axis = |name: &str| axes.get(name).filter(|value| !value.is_empty()).cloned();
    Some(NewCheckout {
        kind: LineKind::Branch,
        tree: axis("tree")?,
        name: axis("branch").unwrap_or_default(),
        key: axis("commit").unwrap_or_else(|| id.to_owned()),
        commit: axis("commit"),
        title: None,
        url: None,
    })
}

fn shown(from: IpAddr, axes: &BTreeMap<String, String>) -> String {
    let axes: Vec<String> = axes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("from {from} {}", axes.join(" "))
}
