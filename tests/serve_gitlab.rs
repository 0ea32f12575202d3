//! `triage-bot serve` and GitLab: from the webhook of a pipeline to a note that stays true.
#![cfg(unix)]

use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use triage_tests::bot;
use triage_tests::services::gitlab::{ANN, BOB, BOT, BOT_TOKEN, Fake, PATH, TRACE, sha};
use triage_tests::services::http::Request;
use triage_tests::services::{free_port, wait_for, wait_for_port};

const SECRET: &str = "a secret of sixteen";

/// The program, answering a GitLab.
struct Server {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Server {
    fn start(fake: &Fake) -> Self {
        Self::of(fake, PATH)
    }

    /// That answers these projects.
    fn of(fake: &Fake, projects: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("token"), BOT_TOKEN).unwrap();
        fs::write(folder.path().join("secret"), SECRET).unwrap();
        let config = format!(
            "database: triage.db\ngitlab:\n  url: {}\n  token_file: token\n  webhook_secrets: [{{file: secret}}]\n  projects: [{projects}]\n  \
             status: true\n  sweep_minutes: 1\nwork: {{poll_seconds: 1}}\n",
            fake.url
        );
        fs::write(folder.path().join("triage.yaml"), config).unwrap();
        let mut server = Self { folder, port: 0, process: None };
        server.run();
        server
    }

    fn run(&mut self) {
        self.port = free_port();
        let mut command = Command::new(bot::program());
        command.current_dir(self.folder.path()).args(["serve", "--config", "triage.yaml"]);
        command.arg("--listen").arg(format!("127.0.0.1:{}", self.port));
        command.stdin(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().expect("triage-bot starts"));
        wait_for_port("triage-bot serve", self.port);
    }

    /// Ends it as an operator does.
    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = Command::new("kill").arg(process.id().to_string()).status();
            assert!(process.wait().expect("it ends").success());
        }
    }

    /// Sends an event as GitLab does. Gives the status.
    fn hook(&self, kind: &str, id: &str, event: &Value) -> u16 {
        let headers = [
            ("content-type", "application/json"),
            ("x-gitlab-event", kind),
            ("x-gitlab-event-uuid", id),
            ("idempotency-key", id),
            ("x-gitlab-token", SECRET),
        ];
        let request = Request {
            method: "POST".into(),
            target: "/webhook/gitlab".into(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            body: event.to_string().into_bytes(),
        };
        request.forward(self.port).status
    }

    fn pipeline(&self, fake: &Fake, id: u64) -> u16 {
        let event = fake.state().pipeline_hook(id);
        self.hook("Pipeline Hook", &format!("pipeline-{id}"), &event)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn failed(fake: &Fake, trace: &str) -> u64 {
    let mut state = fake.state();
    let pipeline = state.pipeline("failed");
    state.job(pipeline, "gcc", "failed", trace);
    pipeline
}

/// What the bot has said, without its marker.
fn notes(fake: &Fake) -> Vec<String> {
    fake.state().notes_of(BOT).iter().map(|note| note.body.clone()).collect()
}

#[test]
fn from_the_webhook_to_green() {
    let fake = Fake::start();
    let mut server = Server::start(&fake);
    let first = failed(&fake, TRACE);
    assert_eq!(server.pipeline(&fake, first), 202);
    let note = wait_for("the note", || notes(&fake).into_iter().next());
    assert!(
        note.starts_with("<!-- triage:key=triage -->\n") && note.contains("imt") && note.contains("seat_t"),
        "{note}"
    );
    wait_for("the status", || fake.state().statuses.first().map(|it| it.name.clone()));

    // A delivery that comes twice is known.
    let changes = fake.state().changes.len();
    assert_eq!(server.pipeline(&fake, first), 200);

    // A second push breaks something else: the same note says so.
    fake.state().merge_request().heads.push(sha("head 2"));
    let second = failed(&fake, &TRACE.replace("imt", "itn"));
    assert_eq!(server.pipeline(&fake, second), 202);
    wait_for("the edit", || notes(&fake).first().filter(|note| note.contains("itn") && !note.contains("imt")).cloned());
    assert_eq!(notes(&fake).len(), 1);
    assert_eq!(fake.state().changes[changes..].iter().filter(|it| it.ends_with("/notes")).count(), 0);

    // Bob may not command, Ann may: what failed is run again.
    let event = |id, who, text| fake.state().note_hook(id, who, text);
    let hook = event(501, BOB, "/triage retest");
    assert_eq!(server.hook("Note Hook", "note-501", &hook), 202);
    let hook = event(502, ANN, "/triage retest");
    assert_eq!(server.hook("Note Hook", "note-502", &hook), 202);
    let retries = || fake.state().changes.iter().filter(|it| it.ends_with("/retry")).count();
    wait_for("the retry", || (retries() > 0).then_some(()));
    let hook = event(503, ANN, "/triage explain");
    assert_eq!(server.hook("Note Hook", "note-503", &hook), 202);
    let answer = wait_for("the answer", || notes(&fake).into_iter().nth(1));
    assert!(answer.contains("itn"), "{answer}");
    assert_eq!(retries(), 1);

    // Green: the note says that it is over.
    {
        let mut state = fake.state();
        let at = state.pipelines.iter().position(|it| it.id == second).unwrap();
        "success".clone_into(&mut state.pipelines[at].status);
        for job in state.jobs.iter_mut().filter(|job| job.pipeline == second) {
            job.retried = true;
        }
        state.job(second, "gcc", "success", "");
    }
    let hook = fake.state().pipeline_hook(second);
    assert_eq!(server.hook("Pipeline Hook", "again", &hook), 202);
    let over = wait_for("the end", || notes(&fake).into_iter().next().filter(|note| !note.contains("itn")));
    assert!(over.contains("No failure any more."), "{over}");
    assert_eq!(notes(&fake).len(), 2);
    server.stop();
}

/// A pipeline failed while nobody listened: it is answered when the program starts.
#[test]
fn what_was_missed_is_found() {
    let fake = Fake::start();
    let group = PATH.rsplit_once('/').unwrap().0;
    let mut server = Server::of(&fake, &format!("{group}/*"));
    server.stop();
    failed(&fake, TRACE);
    // Sweeps are counted by the minute, and the one of this minute may be over.
    server.run();
    wait_for("the note", || notes(&fake).into_iter().next());
    server.stop();
    assert_eq!(notes(&fake).len(), 1);
}

#[test]
fn who_does_not_know_the_secret_is_refused() {
    let fake = Fake::start();
    let server = Server::start(&fake);
    let pipeline = failed(&fake, TRACE);
    let body = fake.state().pipeline_hook(pipeline).to_string().into_bytes();
    for token in [None, Some("another secret here")] {
        let mut headers = vec![("x-gitlab-event".to_owned(), "Pipeline Hook".to_owned())];
        headers.extend(token.map(|token| ("x-gitlab-token".to_owned(), token.to_owned())));
        let request = Request { method: "POST".into(), target: "/webhook/gitlab".into(), headers, body: body.clone() };
        let answer = request.forward(server.port);
        assert!(matches!(answer.status, 401 | 403), "{}", answer.status);
    }
}
