//! A GitHub of few routes that remembers what is written to it, quick enough for load, and can fail at will.
//!
//! The emulator in the tests of the forge knows more of GitHub; this one counts. Run N is of pull request N, whose head is N
//! as a commit; its one job fails for want of a name of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

/// A GitHub on loopback, until the program ends.
#[derive(Debug, Clone)]
pub struct Hub {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Of every pull request, its comments by number.
    comments: Mutex<BTreeMap<u64, BTreeMap<u64, String>>>,
    /// Of every commit, its check runs.
    checks: Mutex<BTreeMap<String, Vec<Value>>>,
    /// The next number.
    next: AtomicU64,
    /// Of a hundred requests, so many are answered with 500: half of them after they were done.
    faults: AtomicU32,
    /// Requests so far.
    requests: AtomicU64,
    /// Lines that the log of a job has before its error.
    padding: AtomicU32,
    /// Runs that failed lately, by their numbers, and whether they were run again since.
    failed: Mutex<BTreeMap<u64, bool>>,
}

/// A request.
struct Asked {
    method: String,
    path: String,
    body: Value,
}

impl Asked {
    /// A value of the query, which has none that is encoded.
    fn query(&self, name: &str) -> Option<&str> {
        let pairs = self.path.split_once('?')?.1.split('&');
        pairs.filter_map(|pair| pair.split_once('=')).find(|pair| pair.0 == name).map(|pair| pair.1)
    }
}

impl Hub {
    /// Begins to answer.
    ///
    /// # Panics
    ///
    /// When loopback has no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let state = Arc::new(State { next: AtomicU64::new(1), ..State::default() });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(&state, client));
            }
        });
        Self { port, state }
    }

    /// Its address, for `github.api`.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Of a hundred requests so many fail from now on.
    pub fn fail(&self, percent: u32) {
        self.state.faults.store(percent, Ordering::Relaxed);
    }

    /// Logs have so many lines from now on, so that reading them takes time.
    pub fn pad(&self, lines: u32) {
        self.state.padding.store(lines, Ordering::Relaxed);
    }

    /// A run failed of which the lists of runs tell.
    pub fn failed(&self, number: u64) {
        lock(&self.state.failed).insert(number, false);
    }

    /// The runs that were run again.
    pub fn rerun(&self) -> Vec<u64> {
        let failed = lock(&self.state.failed);
        failed.iter().filter(|(_, rerun)| **rerun).map(|(number, _)| *number).collect()
    }

    /// How many comments there are in each pull request that has one.
    pub fn comments(&self) -> BTreeMap<u64, usize> {
        let comments = lock(&self.state.comments);
        comments.iter().filter(|(_, all)| !all.is_empty()).map(|(pull, all)| (*pull, all.len())).collect()
    }

    /// The first comment of a pull request.
    pub fn comment(&self, pull: u64) -> Option<String> {
        lock(&self.state.comments).get(&pull)?.values().next().cloned()
    }

    /// The last comment of a pull request.
    pub fn last_comment(&self, pull: u64) -> Option<String> {
        lock(&self.state.comments).get(&pull)?.values().next_back().cloned()
    }

    /// How many check runs there are of each commit, by its number.
    pub fn checks(&self) -> BTreeMap<u64, usize> {
        let checks = lock(&self.state.checks);
        let number = |sha: &String| u64::from_str_radix(sha.trim_start_matches('0'), 16).unwrap_or(0);
        checks.iter().map(|(sha, all)| (number(sha), all.len())).collect()
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::Relaxed)
    }
}

/// The head of a pull request.
pub fn head(number: u64) -> String {
    format!("{number:040x}")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(state: &State, client: TcpStream) {
    let Ok(mut out) = client.try_clone() else { return };
    let mut input = BufReader::new(client);
    while let Some(asked) = read(&mut input) {
        let count = state.requests.fetch_add(1, Ordering::Relaxed);
        let faults = state.faults.load(Ordering::Relaxed);
        // Spread over all requests, and the same for none.
        let fails = u32::try_from(count.wrapping_mul(2_654_435_761) >> 8 & 0xffff).unwrap_or(0) % 100 < faults;
        let (status, body) = match fails && count.is_multiple_of(2) {
            true => (500, "{}".to_owned()),
            false => answer(state, &asked),
        };
        let (status, body) = if fails { (500, "{}".to_owned()) } else { (status, body) };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            if status == 204 { 0 } else { body.len() }
        );
        if out.write_all(head.as_bytes()).and_then(|()| out.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

fn read(input: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    input.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut length = 0;
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    Some(Asked { method, path, body: serde_json::from_slice(&body).unwrap_or_default() })
}

fn answer(state: &State, asked: &Asked) -> (u16, String) {
    let path = asked.path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let ok = |value: Value| (200, value.to_string());
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["app"]) => ok(json!({ "slug": "triage-bot" })),
        ("POST", ["app", "installations", _, "access_tokens"]) => {
            let token = json!({ "token": "ghs_x", "expires_at": "2099-01-01T00:00:00Z", "permissions": {} });
            (201, token.to_string())
        }
        ("POST", ["graphql"]) => ok(json!({ "data": {} })),
        ("GET", ["repos", _, _]) => ok(json!({ "id": 7 })),
        ("GET", ["repos", _, _, "installation"]) => ok(json!({ "id": 1 })),
        ("GET", ["repos", _, _, "collaborators", _, "permission"]) => ok(json!({ "permission": "write" })),
        ("GET", ["repos", _, _, "actions", "runs", id, "attempts", _]) => ok(run(number(id))),
        ("GET", ["repos", _, _, "actions", "runs", id, "attempts", _, "jobs"]) => {
            let id = number(id);
            let job = json!({ "id": id, "run_id": id, "name": "build (arm64)", "conclusion": "failure" });
            ok(json!({ "total_count": 1, "jobs": [job] }))
        }
        ("GET", ["repos", _, _, "actions", "jobs", id, "logs"]) => (200, log(state, number(id))),
        ("GET", ["app", "installations"]) => ok(json!([
            { "id": 5, "suspended_at": null }, { "id": 6, "suspended_at": "2020-01-01T00:00:00Z" }
        ])),
        ("GET", ["installation", "repositories"]) => ok(json!({ "total_count": 4, "repositories": [
            { "id": 7, "full_name": "o/r", "archived": false, "pushed_at": "2099-01-01T00:00:00Z" },
            { "id": 8, "full_name": "o/quiet", "archived": false, "pushed_at": "2001-01-01T00:00:00Z" },
            { "id": 9, "full_name": "o/over", "archived": true, "pushed_at": "2099-01-01T00:00:00Z" },
            { "id": 10, "full_name": "other/r", "archived": false, "pushed_at": "2099-01-01T00:00:00Z" },
        ] })),
        ("GET", ["repos", "o", "r", "actions", "runs"]) => {
            let failed = lock(&state.failed);
            let wanted = |id: &u64| match asked.query("head_sha") {
                Some(sha) => head(*id) == sha,
                None => asked.query("status") == Some("failure"),
            };
            let runs: Vec<Value> = failed
                .iter()
                .filter(|(id, _)| wanted(id))
                .map(|(id, rerun)| {
                    let mut run = run(*id);
                    if *rerun {
                        run["run_attempt"] = json!(2);
                        run["status"] = json!("queued");
                        run["conclusion"] = Value::Null;
                    }
                    run
                })
                .collect();
            ok(json!({ "total_count": runs.len(), "workflow_runs": runs }))
        }
        ("GET", ["repos", _, _, "actions", "runs", id]) => ok(run(number(id))),
        ("POST", ["repos", "o", "r", "actions", "runs", id, "rerun-failed-jobs"]) => {
            match lock(&state.failed).get_mut(&number(id)) {
                Some(rerun) if !*rerun => {
                    *rerun = true;
                    (201, "{}".to_owned())
                }
                _ => (403, json!({ "message": "This workflow is already running" }).to_string()),
            }
        }
        ("GET", ["repos", _, _, "pulls", id]) => ok(pull(number(id))),
        ("GET", ["repos", _, _, "pulls", _, _]) => ok(json!([])),
        ("GET", ["repos", _, _, "commits", sha, "check-runs"]) => {
            let checks = lock(&state.checks).get(*sha).cloned().unwrap_or_default();
            ok(json!({ "total_count": checks.len(), "check_runs": checks }))
        }
        ("POST", ["repos", _, _, "check-runs"]) => {
            let mut check = asked.body.clone();
            check["id"] = json!(state.next.fetch_add(1, Ordering::Relaxed));
            let annotations = check["output"]["annotations"].as_array().map_or(0, Vec::len);
            check["output"]["annotations_count"] = json!(annotations);
            let sha = check["head_sha"].as_str().unwrap_or_default().to_owned();
            lock(&state.checks).entry(sha).or_default().push(check.clone());
            (201, check.to_string())
        }
        ("GET", ["repos", _, _, "issues", id, "comments"]) => {
            let comments = lock(&state.comments).get(&number(id)).cloned().unwrap_or_default();
            ok(comments.into_iter().map(|(id, body)| comment(id, &body)).collect())
        }
        ("POST", ["repos", _, _, "issues", pull, "comments"]) => {
            let id = state.next.fetch_add(1, Ordering::Relaxed);
            let body = asked.body["body"].as_str().unwrap_or_default();
            lock(&state.comments).entry(number(pull)).or_default().insert(id, body.to_owned());
            (201, comment(id, body).to_string())
        }
        ("PATCH", ["repos", _, _, "issues", "comments", id]) => {
            let body = asked.body["body"].as_str().unwrap_or_default();
            for comments in lock(&state.comments).values_mut() {
                if let Some(kept) = comments.get_mut(&number(id)) {
                    body.clone_into(kept);
                }
            }
            ok(comment(number(id), body))
        }
        ("DELETE", ["repos", _, _, "issues", "comments", id]) => {
            lock(&state.comments).values_mut().for_each(|comments| drop(comments.remove(&number(id))));
            (204, String::new())
        }
        _ => (404, json!({ "message": format!("{} {path} is not known here", asked.method) }).to_string()),
    }
}

fn run(id: u64) -> Value {
    json!({
        "id": id,
        "name": "CI",
        "head_sha": head(id),
        "head_branch": "topic",
        "event": "pull_request",
        "status": "completed",
        "conclusion": "failure",
        "run_attempt": 1,
        "html_url": format!("https://github.example/o/r/actions/runs/{id}"),
        "pull_requests": [{ "number": id, "head": { "sha": head(id) } }],
    })
}

fn pull(number: u64) -> Value {
    json!({ "number": number, "state": "open", "head": { "sha": head(number) } })
}

fn comment(id: u64, body: &str) -> Value {
    json!({
        "id": id,
        "node_id": format!("IC_{id}"),
        "user": { "login": "triage-bot[bot]" },
        "body": body,
        "html_url": format!("https://github.example/o/r/pull/1#issuecomment-{id}"),
    })
}

fn log(state: &State, id: u64) -> String {
    let mut log = String::new();
    for line in 0..state.padding.load(Ordering::Relaxed) {
        let warning = "warning: unused variable 'x' [-Wunused-variable]";
        log.push_str(&format!("  CC      lib/part{line}.o\nlib/part{line}.c:{line}:7: {warning}\n"));
    }
    log + &crate::bot::log(&format!("drivers/pump{id}.c"), &format!("level{id}"))
}
