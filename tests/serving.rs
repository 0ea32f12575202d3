//! `triage-bot serve` and `work` as the tests drive them: a configuration, processes that can be killed, webhooks and
//! plain HTTP.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bot;
use crate::services::hub::{Hub, head};
use crate::services::{free_port, wait_for};

/// The secret of webhooks.
pub const SECRET: &str = "the secret of the webhooks";
/// The token of the API.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A folder with a configuration for a server.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
    /// The port that `serve` listens on.
    pub port: u16,
    database: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The head, in lower case.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl Place {
    /// For a GitHub, with a database of its own or a given one; `more` are further lines of the configuration.
    ///
    /// # Panics
    ///
    /// When no key can be made.
    pub fn new(hub: &Hub, database: Option<&str>, more: &str) -> Self {
        let folder = crate::folder();
        let place = Self { port: free_port(), database: database.unwrap_or("triage.db").to_owned(), folder };
        let key = place.path("key.pem");
        let made = Command::new("openssl").args(["genrsa", "-traditional", "-out"]).arg(key).arg("2048").output();
        assert!(made.expect("this test needs openssl").status.success(), "no key was made");
        fs::write(place.path("hook"), SECRET).expect("a file can be written");
        fs::write(place.path("token"), TOKEN).expect("a file can be written");
        place.configure(hub, more);
        place
    }

    /// Writes the configuration.
    pub fn configure(&self, hub: &Hub, more: &str) {
        let text = format!(
            "database: {}\nserver:\n  listen: 127.0.0.1:{}\n  tokens:\n    - {{name: ci, file: token, may: [read, write]}}\n  \
             limits: {{per_minute: 100000}}\ngithub:\n  api: {}\n  app_id: 1\n  key_file: key.pem\n  \
             webhook_secrets: [{{file: hook}}]\n  repositories: [o/*]\n  sweep_minutes: 0\n{more}",
            self.database,
            self.port,
            hub.address()
        );
        fs::write(self.path("triage.yaml"), text).expect("a file can be written");
    }

    /// Where the configuration is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file beside the configuration.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The address of the database.
    pub fn database(&self) -> String {
        match self.database.contains("://") {
            true => self.database.clone(),
            false => self.path(&self.database).to_str().expect("the path is text").to_owned(),
        }
    }

    /// `triage-bot WORD`, ready to be started; what it says goes to a file.
    ///
    /// # Panics
    ///
    /// When the file cannot be made.
    pub fn command(&self, word: &str) -> Command {
        let log = fs::OpenOptions::new().append(true).create(true).open(self.path(&format!("{word}.log")));
        let mut command = Command::new(bot::program());
        command.arg(word).arg("--config").arg(self.path("triage.yaml")).stdin(Stdio::null());
        command.stderr(log.expect("a file can be made"));
        command
    }

    /// Starts `serve` and waits until it listens.
    pub fn serve(&self) -> Running {
        let running = Running::start(self.command("serve"));
        self.wait();
        running
    }

    /// Waits until it answers.
    pub fn wait(&self) {
        wait_for("the server", || self.get("/healthz").ok().filter(|answer| answer.status == 200));
    }

    /// What it said so far.
    pub fn said(&self, word: &str) -> String {
        fs::read_to_string(self.path(&format!("{word}.log"))).unwrap_or_default()
    }

    /// `GET`, on a connection of its own.
    pub fn get(&self, path: &str) -> io::Result<Response> {
        get(self.port, path)
    }

    /// Sends a build.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
        let authorization = format!("Bearer {TOKEN}");
        let mut all = vec![("authorization", authorization.as_str())];
        all.extend(headers);
        Connection::open(self.port)?.ask("POST", path, &all, body)
    }

    /// Calls `triage-bot jobs`.
    pub fn jobs(&self, args: &[&str]) -> crate::Answer {
        crate::answer(self.command("jobs").args(args).stderr(Stdio::piped()))
    }
}

/// `GET` from a server on that port, on a connection of its own.
///
/// # Errors
///
/// When nobody listens.
pub fn get(port: u16, path: &str) -> io::Result<Response> {
    let mut connection = Connection::open(port)?;
    connection.ask("GET", path, &[("authorization", &format!("Bearer {TOKEN}"))], &[])
}

/// A process that is killed when it goes away.
#[derive(Debug)]
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start(mut command: Command) -> Self {
        Self { child: command.spawn().expect("triage-bot starts") }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by its name.
    ///
    /// # Panics
    ///
    /// When there is no `kill`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill starts").success());
    }

    /// Waits for its end; gives the exit status.
    ///
    /// # Panics
    ///
    /// When it does not end.
    pub fn end(mut self) -> Option<i32> {
        wait_for("the end of the program", || self.child.try_wait().expect("it can be waited for")).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    ///
    /// When the connection ends before.
    pub fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend(body);
        self.stream.get_mut().write_all(&bytes)?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Response> {
        let broken = || io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended");
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(broken());
            }
            if line.trim().is_empty() {
                break;
            }
            let line = line.to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(|_| broken())?;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let status = head.split_whitespace().nth(1).and_then(|text| text.parse().ok()).ok_or_else(broken)?;
        Ok(Response { status, head, body })
    }
}

/// A webhook, ready to be sent.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    event: &'static str,
    body: Vec<u8>,
    signature: String,
}

impl Webhook {
    /// Says that a run ended. Each run is of an installation of its own, since GitHub has limits for each.
    pub fn run(number: u64, conclusion: &str) -> Self {
        let run = json!({
            "id": number, "name": "CI", "head_sha": head(number), "head_branch": "topic", "run_attempt": 1,
            "status": "completed", "conclusion": conclusion, "event": "pull_request", "check_suite_id": number,
            "html_url": "https://github.example/run",
            "pull_requests": [{ "number": number }],
            "head_repository": { "id": 7, "full_name": "o/r", "html_url": "https://github.example/o/r" },
            "repository": { "id": 7, "full_name": "o/r", "html_url": "https://github.example/o/r" },
        });
        let body = json!({
            "action": "completed",
            "workflow_run": run,
            "repository": { "id": 7, "full_name": "o/r", "html_url": "https://github.example/o/r" },
            // Replies are paced by GitHub's limits, for each installation.
            "installation": { "id": if conclusion == "success" { 1 } else { number } },
            "sender": { "id": 1, "login": "alice", "type": "User" },
            // As large as those of GitHub are.
            "padding": "x".repeat(8000),
        });
        Self::new(format!("delivery-{number}"), "workflow_run", &body)
    }

    /// Signs a body.
    pub fn new(id: String, event: &'static str, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        let signature = format!("sha256={}", hmac(SECRET.as_bytes(), &body));
        Self { id, event, body, signature }
    }

    /// Sends it.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub fn send(&self, connection: &mut Connection) -> io::Result<Response> {
        let headers = [
            ("x-github-event", self.event),
            ("x-github-delivery", self.id.as_str()),
            ("x-hub-signature-256", self.signature.as_str()),
            ("content-type", "application/json"),
        ];
        connection.ask("POST", "/webhook/github", &headers, &self.body)
    }
}

/// HMAC-SHA256 in hexadecimal digits.
fn hmac(key: &[u8], text: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("any key will do");
    mac.update(text);
    hex::encode(mac.finalize().into_bytes())
}
