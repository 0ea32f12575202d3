//! What GitHub documents and the emulator does not do, as a proxy in front of it. Each rule cites its source.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::super::http::{Request, Response, Server};
use super::OWNER;

/// Content that may be made in a minute.
const CONTENT_PER_MINUTE: usize = 80;

/// What is known beside the emulator's state.
#[derive(Default)]
pub struct State {
    /// Runs by number: what `GET /actions/runs/{id}` gives.
    pub runs: BTreeMap<u64, Value>,
    /// Jobs by run.
    pub jobs: BTreeMap<u64, Vec<Value>>,
    /// Logs of jobs by number, and archives of runs.
    pub logs: BTreeMap<u64, Vec<u8>>,
    /// Logs that were deleted.
    pub expired: BTreeSet<u64>,
    /// Files that pull requests change: what `GET /pulls/{n}/files` gives.
    pub files: BTreeMap<u64, Vec<Value>>,
    /// Annotations of check runs by number.
    pub annotations: BTreeMap<u64, Vec<Value>>,
    /// Comments that are folded, by their names in GraphQL.
    pub folded: BTreeSet<String>,
    /// Times of requests that made content.
    made: VecDeque<SystemTime>,
    /// Answers of 304.
    pub not_modified: usize,
    /// Requests that broke a limit.
    pub refused: Vec<String>,
    /// Requests to the storage that brought a token along.
    pub leaked: Vec<String>,
    /// How many downloads are cut before one is whole.
    pub cuts: usize,
}

/// A running proxy.
pub struct Platform {
    server: Server,
    _storage: Server,
    state: Arc<Mutex<State>>,
}

impl Platform {
    /// Starts one in front of an emulator. `now` is its clock.
    pub fn start(emulator: u16, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let storage = Server::start(move |request| store(&mut locked(&shared), &request));
        let (shared, place) = (state.clone(), storage.port);
        let server = Server::start(move |request| {
            let own = before(&mut locked(&shared), &request, place, now());
            if let Some(answer) = own {
                return conditional(&mut locked(&shared), &request, answer);
            }
            let request = with_all_annotations(&locked(&shared), request);
            let answer = request.forward(emulator);
            let answer = after(&mut locked(&shared), &request, answer, emulator);
            conditional(&mut locked(&shared), &request, answer)
        });
        Self { server, _storage: storage, state }
    }

    /// Where it listens on loopback.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// What it knows.
    pub fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is answered without the emulator.
fn before(state: &mut State, request: &Request, storage: u16, now: SystemTime) -> Option<Response> {
    let path: Vec<&str> = request.path().trim_matches('/').split('/').collect();
    let (method, below) = (request.method.as_str(), path.get(3..).unwrap_or_default());
    let refusal = limit(state, method, below, request, now);
    if let Some(refusal) = refusal {
        state.refused.push(format!("{method} {}: {}", request.path(), refusal.value()["message"]));
        return Some(refusal);
    }
    let number = |at: usize| below.get(at).and_then(|number| number.parse::<u64>().ok());
    let found = |value: Option<&Value>| value.map_or_else(not_found, |value| Response::json(200, value));
    match (method, path.first().copied(), below) {
        ("POST", Some("graphql"), _) => Some(fold(state, &request.json())),
        ("GET", _, ["actions", "runs", _] | ["actions", "runs", _, "attempts", _]) => {
            Some(found(state.runs.get(&number(2)?)))
        }
        ("GET", _, ["actions", "runs", _, "attempts", _, "jobs"]) => {
            let jobs = state.jobs.get(&number(2)?)?;
            Some(page(request, jobs, |jobs| json!({ "total_count": jobs.len(), "jobs": jobs })))
        }
        ("GET", _, ["actions", "runs", _, "attempts", _, "logs"] | ["actions", "jobs", _, "logs"]) => {
            let id = number(2)?;
            // "410 Gone" once the retention is over; "302: Look for Location: in the response header to find the URL for the
            // download" (docs.github.com/en/rest/actions/workflow-jobs).
            Some(match state.logs.get(&id) {
                _ if state.expired.contains(&id) => Response::json(410, &json!({ "message": "Server Error" })),
                Some(_) => Response { status: 302, ..Response::default() }
                    .with("location", format!("http://127.0.0.1:{storage}/logs/{id}?sig=secret-signature")),
                None => not_found(),
            })
        }
        ("GET", _, ["pulls", _, "files"]) => {
            let files = state.files.get(&number(1)?).cloned().unwrap_or_default();
            Some(page(request, &files, |files| json!(files)))
        }
        _ => None,
    }
}

/// What is refused.
fn limit(state: &mut State, method: &str, below: &[&str], request: &Request, now: SystemTime) -> Option<Response> {
    let writes = matches!(method, "POST" | "PATCH");
    let body = if writes { request.json() } else { Value::Null };
    let characters = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    if writes && below.first() == Some(&"check-runs") {
        let output = &body["output"];
        // docs.github.com/en/rest/checks/runs: "a maximum of 50 per API request", "Maximum length: 65535 characters".
        if output["annotations"].as_array().is_some_and(|it| it.len() > 50) {
            return Some(invalid("No more than 50 annotations per request"));
        }
        if [&output["summary"], &output["text"]].iter().any(|it| characters(it) > 65_535) {
            return Some(invalid("Only 65535 characters are allowed"));
        }
        // "Only GitHub Apps can create check runs."
        if method == "POST" && request.header("authorization").is_some_and(|it| it.ends_with(super::PERSON)) {
            let message = "You must authenticate via a GitHub App.";
            return Some(Response::json(403, &json!({ "message": message })));
        }
    }
    let comment = writes && matches!(below.first(), Some(&("issues" | "pulls")));
    if comment && characters(&body["body"]) > 65_536 {
        return Some(invalid("body is too long (maximum is 65536 characters)"));
    }
    if let ("POST", ["pulls", number, "comments"]) = (method, below) {
        let lines = number.parse().ok().and_then(|number| state.files.get(&number)).cloned().unwrap_or_default();
        let shown = lines.iter().find(|file| file["filename"] == body["path"]).is_some_and(|file| {
            let (first, last) = (body["start_line"].as_u64(), body["line"].as_u64().unwrap_or(0));
            let shown = right_lines(file["patch"].as_str().unwrap_or_default());
            (first.unwrap_or(last)..=last).all(|line| shown.contains(&line))
        });
        if !shown {
            return Some(invalid("pull_request_review_thread.line must be part of the diff"));
        }
    }
    // docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api: "no more than 80 content-generating requests per
    // minute". It answers without `retry-after`, so a client waits for a minute.
    if method == "POST" && matches!(below, ["issues" | "pulls", _, "comments"] | ["check-runs"]) {
        while state
            .made
            .front()
            .is_some_and(|at| now.duration_since(*at).is_ok_and(|age| age >= Duration::from_secs(60)))
        {
            state.made.pop_front();
        }
        if state.made.len() >= CONTENT_PER_MINUTE {
            let message =
                "You have exceeded a secondary rate limit and have been temporarily blocked from content creation.";
            return Some(Response::json(403, &json!({ "message": message })));
        }
        state.made.push_back(now);
    }
    None
}

/// "Each time you update the check run, annotations are appended to the list of existing annotations." The emulator puts new
/// ones in place of the old, so it gets all.
fn with_all_annotations(state: &State, mut request: Request) -> Request {
    if let ("PATCH", Some(id)) = (request.method.as_str(), check_run(request.path())) {
        let mut body = request.json();
        if body["output"].is_object() {
            let mut all = state.annotations.get(&id).cloned().unwrap_or_default();
            all.extend(body["output"]["annotations"].as_array().cloned().unwrap_or_default());
            body["output"]["annotations"] = all.into();
            request.body = body.to_string().into_bytes();
        }
    }
    request
}

/// What is noted and changed after the emulator answered.
fn after(state: &mut State, request: &Request, mut answer: Response, emulator: u16) -> Response {
    let path: Vec<&str> = request.path().trim_matches('/').split('/').collect();
    let below = path.get(3..).unwrap_or_default();
    let sent = || request.json()["output"]["annotations"].as_array().cloned();
    match (request.method.as_str(), below, answer.status) {
        ("POST", ["check-runs"], 201) => {
            let id = answer.value()["id"].as_u64().unwrap_or_default();
            state.annotations.insert(id, sent().unwrap_or_default());
        }
        ("PATCH", ["check-runs", id], 200) => {
            if let (Ok(id), Some(all)) = (id.parse(), sent()) {
                state.annotations.insert(id, all);
            }
        }
        // The head of a pull request follows its branch.
        ("GET", ["pulls", _], 200) => {
            let mut pull = answer.value();
            let branch = pull["head"]["ref"].as_str().unwrap_or_default();
            let name = path.get(2).copied().unwrap_or_default();
            let asked = super::person("GET", &format!("/repos/{OWNER}/{name}/git/ref/heads/{branch}"), &Value::Null);
            let branch = asked.forward(emulator).value();
            pull["head"]["sha"] = branch["object"]["sha"].clone();
            answer.body = pull.to_string().into_bytes();
        }
        _ => {}
    }
    answer
}

/// docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api: "Most endpoints return an etag header […]
/// If the data has not changed, you will receive a 304 Not Modified".
fn conditional(state: &mut State, request: &Request, answer: Response) -> Response {
    if request.method != "GET" || answer.status != 200 {
        return answer;
    }
    let mut hash = DefaultHasher::new();
    answer.body.hash(&mut hash);
    request.header("authorization").hash(&mut hash);
    let tag = format!("W/\"{:016x}\"", hash.finish());
    if request.header("if-none-match") == Some(&tag) {
        state.not_modified += 1;
        return Response { status: 304, ..Response::default() }.with("etag", tag);
    }
    answer.with("etag", tag)
}

/// `minimizeComment` and `unminimizeComment` (docs.github.com/en/graphql/reference/mutations).
fn fold(state: &mut State, body: &Value) -> Response {
    let (query, id) =
        (body["query"].as_str().unwrap_or_default(), body["variables"]["id"].as_str().unwrap_or_default());
    let name = if query.contains("unminimizeComment") {
        state.folded.remove(id);
        "unminimizeComment"
    } else if query.contains("minimizeComment") && query.contains("classifier: RESOLVED") {
        state.folded.insert(id.to_owned());
        "minimizeComment"
    } else {
        return Response::json(200, &json!({ "errors": [{ "message": "Something went wrong" }] }));
    };
    Response::json(200, &json!({ "data": { name: { "clientMutationId": null } } }))
}

/// The storage that logs lie in: another host for GitHub, which takes no token of the API's.
fn store(state: &mut State, request: &Request) -> Response {
    if request.header("authorization").is_some() {
        state.leaked.push(request.target.clone());
    }
    let id = request.path().trim_start_matches("/logs/").parse().unwrap_or(0);
    let Some(log) = state.logs.get(&id) else { return not_found() };
    let answer = Response { status: 200, body: log.clone(), ..Response::default() };
    if state.cuts > 0 {
        state.cuts -= 1;
        let half = log.len() / 2;
        // It promises more than it sends.
        let promised = log.len().to_string();
        return Response { body: log[..half].to_vec(), ..answer }.with("content-length", promised);
    }
    answer.with("content-type", "text/plain; charset=utf-8")
}

/// A page of a list, with the link to the next (docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api).
fn page(request: &Request, all: &[Value], form: impl Fn(&[Value]) -> Value) -> Response {
    let query = |name: &str| {
        let pairs = request.target.split_once('?').map_or("", |(_, query)| query).split('&');
        pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?.1.parse::<usize>().ok()
    };
    let (size, number) = (query("per_page").unwrap_or(30).min(100), query("page").unwrap_or(1).max(1));
    let start = all.len().min((number - 1) * size);
    let end = all.len().min(start + size);
    let answer = Response::json(200, &form(&all[start..end]));
    if end == all.len() {
        return answer;
    }
    let next = format!("<https://api.github.com{}?per_page={size}&page={}>; rel=\"next\"", request.path(), number + 1);
    answer.with("link", next)
}

/// Lines of the right side that hunks show.
fn right_lines(patch: &str) -> BTreeSet<u64> {
    let (mut lines, mut next) = (BTreeSet::new(), 0);
    for line in patch.lines() {
        if let Some(start) = line.strip_prefix("@@ ").and_then(|it| it.split('+').nth(1)) {
            next = start.split([',', ' ']).next().and_then(|start| start.parse().ok()).unwrap_or(0);
        } else if line.starts_with(['+', ' ']) {
            lines.insert(next);
            next += 1;
        }
    }
    lines
}

/// The number in `/repos/o/r/check-runs/7`.
fn check_run(path: &str) -> Option<u64> {
    path.split_once("/check-runs/")?.1.parse().ok()
}

fn invalid(message: &str) -> Response {
    Response::json(422, &json!({ "message": message }))
}

fn not_found() -> Response {
    Response::json(404, &json!({ "message": "Not Found" }))
}
