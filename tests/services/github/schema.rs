//! Prism with GitHub's OpenAPI description, as a proxy that says in `sl-violations` what of a request or an answer is not as
//! documented.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::super::http::{Request, Server};
use super::super::{free_port, packages, wait_for_port};
use super::node;

/// The version of the package with the description.
const VERSION: &str = "23.0.2";

/// What a bot calls, below `/repos/{owner}/{repo}`. All 800 paths would take Prism half a minute to read.
const PATHS: &[&str] = &[
    "/installation",
    "/check-runs",
    "/check-runs/{check_run_id}",
    "/commits/{ref}/check-runs",
    "/commits/{commit_sha}/pulls",
    "/issues/{issue_number}/comments",
    "/issues/comments/{comment_id}",
    "/pulls",
    "/pulls/{pull_number}",
    "/pulls/{pull_number}/files",
    "/pulls/{pull_number}/comments",
    "/pulls/comments/{comment_id}",
    "/actions/runs/{run_id}",
    "/actions/runs/{run_id}/attempts/{attempt_number}",
    "/actions/runs/{run_id}/attempts/{attempt_number}/jobs",
    "/actions/runs/{run_id}/attempts/{attempt_number}/logs",
    "/actions/jobs/{job_id}/logs",
    "/collaborators/{username}/permission",
];

/// What it calls elsewhere.
const OTHER_PATHS: &[&str] = &["/app", "/app/installations/{installation_id}/access_tokens", "/user"];

/// A validating proxy, and a recorder in front of it. Dropping it stops it.
#[derive(Debug)]
pub struct Schema {
    recorder: Server,
    child: Child,
    seen: Arc<Mutex<Vec<Seen>>>,
    _folder: TempDir,
}

/// What was asked, and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `POST /repos/o/r/check-runs`.
    pub request: String,
    /// The status of the answer.
    pub status: u16,
    /// What of the request is not as documented.
    pub violations: Vec<String>,
}

impl Schema {
    /// Starts one in front of a server on loopback.
    ///
    /// # Panics
    ///
    /// When it cannot be installed or does not start.
    pub fn start(server: u16) -> Self {
        let description = description();
        let modules = packages::npm("prism", &["@stoplight/prism-cli@5.14.2"]);
        let folder = tempfile::Builder::new().prefix("prism-").tempdir().expect("a temporary folder can be made");
        let port = free_port();
        let log = File::create(folder.path().join("log")).expect("a log can be made");
        let child = Command::new(node())
            .arg(modules.join("@stoplight/prism-cli/dist/index.js"))
            .args(["proxy", "-h", "127.0.0.1", "-p", &port.to_string()])
            .arg(description)
            .arg(format!("http://127.0.0.1:{server}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn()
            .expect("node starts");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = seen.clone();
        let recorder = Server::start(move |request: Request| {
            let answer = request.forward(port);
            let violations = answer.header("sl-violations").map(violations).unwrap_or_default();
            let request = format!("{} {}", request.method, request.path());
            notes.lock().unwrap_or_else(PoisonError::into_inner).push(Seen {
                request,
                status: answer.status,
                violations,
            });
            answer
        });
        let schema = Self { recorder, child, seen, _folder: folder };
        wait_for_port("Prism", port);
        schema
    }

    /// Where it listens on loopback.
    pub fn port(&self) -> u16 {
        self.recorder.port
    }

    /// What was asked since the last time.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The entries of `sl-violations` that are not about the answer: those are the emulator's faults. Prism has those about the
/// request first, and cuts what is longer than a header may be.
fn violations(header: &str) -> Vec<String> {
    let entries = header.strip_prefix("Too many violations! ").unwrap_or(header);
    let entries = entries.trim_start_matches('[').split_inclusive("},");
    entries.filter(|entry| entry.starts_with("{\"location\":[\"request\"")).map(str::to_owned).collect()
}

/// GitHub's description with the paths that matter, made once: of the package of 385 MB only this is kept.
fn description() -> PathBuf {
    let folder = packages::installed(&format!("github-openapi-{VERSION}"), |folder| {
        fs::create_dir(folder).expect("target can be written");
        packages::need(&[("npm", "npm"), ("tar", "tar")]);
        let call = |program: &str, args: &[&str]| {
            let output = Command::new(program).args(args).current_dir(folder).output().expect("it starts");
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        };
        call("npm", &["pack", "--silent", &format!("@octokit/openapi@{VERSION}")]);
        let (archive, member) = (format!("octokit-openapi-{VERSION}.tgz"), "package/generated/api.github.com.json");
        call("tar", &["-xzf", &archive, member]);
        let whole = fs::read(folder.join(member)).expect("the package has the description");
        let whole: Value = serde_json::from_slice(&whole).expect("the description is JSON");
        fs::write(folder.join("github.json"), trimmed(&whole).to_string()).expect("target can be written");
        fs::remove_dir_all(folder.join("package")).expect("target can be written");
        fs::remove_file(folder.join(archive)).expect("target can be written");
    });
    folder.join("github.json")
}

/// The paths that matter, and the components that they refer to.
fn trimmed(whole: &Value) -> Value {
    let mut paths = Map::new();
    let below = PATHS.iter().map(|path| format!("/repos/{{owner}}/{{repo}}{path}"));
    for path in below.chain(OTHER_PATHS.iter().map(|path| (*path).to_owned())) {
        let known = whole["paths"].get(&path).unwrap_or_else(|| panic!("GitHub does not document {path}"));
        paths.insert(path, known.clone());
    }
    let mut components = Map::new();
    let mut todo = references(&Value::Object(paths.clone()));
    let mut done = BTreeSet::new();
    while let Some(reference) = todo.pop_first() {
        let mut parts = reference.trim_start_matches("#/components/").splitn(2, '/');
        let (kind, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let component = &whole["components"][kind][name];
        components.entry(kind).or_insert_with(|| json!({}))[name] = component.clone();
        todo.extend(references(component).into_iter().filter(|it| !done.contains(it) && *it != reference));
        done.insert(reference);
    }
    // GraphQL is described elsewhere: a query is text, with variables.
    paths.insert("/graphql".to_owned(), graphql());
    let (openapi, info) = (&whole["openapi"], &whole["info"]);
    json!({ "openapi": openapi, "info": info, "paths": paths, "components": components })
}

fn references(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(references).collect(),
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).filter(|it| it.starts_with("#/components/"));
            own.map(str::to_owned).into_iter().chain(fields.values().flat_map(references)).collect()
        }
        _ => BTreeSet::new(),
    }
}

fn graphql() -> Value {
    let schema = json!({
        "type": "object",
        "required": ["query"],
        "additionalProperties": false,
        "properties": { "query": { "type": "string" }, "variables": { "type": "object" } },
    });
    let answer =
        json!({ "description": "data", "content": { "application/json": { "schema": { "type": "object" } } } });
    json!({ "post": {
        "requestBody": { "required": true, "content": { "application/json": { "schema": schema } } },
        "responses": { "200": answer },
    } })
}
