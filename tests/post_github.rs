//! `triage-bot post github` inside of a job: what it prints, writes and asks GitHub for.

#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;
use triage_tests::bot;
use triage_tests::{Answer, folder, pipe_into};

const SHA: &str = "1234567890abcdef1234567890abcdef12345678";

/// A job of GitHub Actions for a pull request.
struct Job {
    folder: TempDir,
}

impl Job {
    fn new() -> Self {
        let folder = folder();
        let event = json!({ "pull_request": { "number": 7, "head": { "sha": SHA } } });
        fs::write(folder.path().join("event.json"), event.to_string()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        self.path(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn github(&self, args: &[&str], more: &[(&str, &str)], input: &str) -> Answer {
        let mut command = Command::new(bot::program());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("GITHUB_ACTIONS", "true");
        command.env("GITHUB_REPOSITORY", "o/r").env("GITHUB_EVENT_PATH", self.path("event.json"));
        command
            .env("GITHUB_SHA", "f".repeat(40))
            .env("GITHUB_RUN_ID", "99")
            .env("GITHUB_SERVER_URL", "https://gh.example");
        command.env("GITHUB_STEP_SUMMARY", self.path("summary.md")).env("GITHUB_OUTPUT", self.path("output"));
        command.env("GITHUB_WORKSPACE", self.path("checkout")).envs(more.iter().copied());
        pipe_into(command.args(["post", "github"]).args(args), input.as_bytes())
    }
}

/// A request that a server got.
#[derive(Debug, Clone)]
struct Request {
    method: String,
    path: String,
    body: Value,
}

/// A server that answers with a function and keeps what it was asked.
fn server(reply: impl Fn(&Request) -> (u16, Value) + Send + 'static) -> (String, Arc<Mutex<Vec<Request>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut line, mut length) = (String::new(), 0);
            reader.read_line(&mut line).unwrap();
            let mut words = line.split(' ').map(str::to_owned);
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            loop {
                let mut head = String::new();
                reader.read_line(&mut head).unwrap();
                if let Some(value) = head.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if head.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let request = Request { method, path, body: serde_json::from_slice(&body).unwrap_or_default() };
            let (status, answer) = reply(&request);
            keep.lock().unwrap().push(request);
            // A text is a log, not JSON.
            let answer = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                answer.len()
            );
            let _ = reader.get_mut().write_all((head + &answer).as_bytes());
        }
    });
    (address, seen)
}

/// GitHub, as far as one answer needs it. What would be written is refused where `may_write` is false.
fn github(may_write: bool) -> (String, Arc<Mutex<Vec<Request>>>) {
    server(move |request| reply(request, may_write))
}

fn reply(request: &Request, may_write: bool) -> (u16, Value) {
    let path = request.path.split('?').next().unwrap();
    match (request.method.as_str(), path) {
        ("GET", "/repos/o/r/pulls/7") => (200, json!({ "number": 7, "state": "open", "head": { "sha": SHA } })),
        ("GET", "/repos/o/r/check-runs/5") => {
            let output = json!({ "annotations_count": 1 });
            (200, json!({ "id": 5, "head_sha": SHA, "html_url": "https://gh.example/check/5", "output": output }))
        }
        ("GET", path) if path.ends_with("/check-runs") => (200, json!({ "total_count": 0, "check_runs": [] })),
        ("GET", _) => (200, json!([])),
        _ if !may_write => (403, json!({ "message": "Resource not accessible by integration" })),
        ("POST", path) if path.ends_with("/check-runs") => {
            (201, json!({ "id": 5, "head_sha": SHA, "html_url": "https://gh.example/check/5", "output": {} }))
        }
        ("POST", path) if path.ends_with("/issues/7/comments") => {
            let user = json!({ "login": "github-actions[bot]" });
            (201, json!({ "id": 6, "node_id": "x", "user": user, "html_url": "https://gh.example/comment/6" }))
        }
        _ => (201, json!({ "id": 9 })),
    }
}

#[test]
fn a_dry_run_shows_the_answer() {
    let job = Job::new();
    let told = job.github(&["--dry-run"], &[], &bot::log("src/pump.c", "level"));
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(
        told.stdout.starts_with("would answer o/r, pull request 7 as triage: failed: 1 cause\n"),
        "{}",
        told.stdout
    );
    assert!(told.stdout.contains("\nsrc/pump.c:4: failure: "), "{}", told.stdout);
    assert!(told.stdout.contains("[logs](<https://gh.example/o/r/actions/runs/99>)"), "{}", told.stdout);
    assert!(!Path::new(&job.path("summary.md")).exists());
    let green = job.github(&["--dry-run"], &[], "  CC      a.o\n");
    assert_eq!((green.status, green.stdout.contains("No failure any more in 1 line.")), (Some(0), true), "{green:?}");
}

#[test]
fn without_a_token_it_stands_in_the_step() {
    let job = Job::new();
    let log = bot::log("src/pump.c", "level") + "::set-env name=PATH::x\nsrc/a.c:1:1: error: ::add-mask::x\n";
    let told = job.github(&[], &[], &log);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(told.stdout.starts_with("::error file=src/pump.c,line=4,col=9,title="), "{}", told.stdout);
    assert_eq!(
        told.stdout.matches("\n::notice title=triage::the answer stands here and").count(),
        1,
        "{}",
        told.stdout
    );
    assert!(
        told.stdout.contains("::stop-commands::triage-") && !told.stdout.contains("\n::set-env"),
        "{}",
        told.stdout
    );
    assert!(job.read("summary.md").starts_with("### 2 causes\n"), "{}", job.read("summary.md"));
    assert_eq!(job.read("output"), "causes=2\ncheck=\ncomment=\n");
}

#[test]
fn a_token_that_may_not_write_is_no_fault() {
    let job = Job::new();
    let (api, seen) = github(false);
    let told =
        job.github(&[], &[("GITHUB_API_URL", &api), ("GITHUB_TOKEN", "ghs_x")], &bot::log("src/pump.c", "level"));
    assert_eq!(told.status, Some(1), "{told:?}");
    let notices: Vec<&str> = told.stdout.lines().filter(|line| line.starts_with("::notice")).collect();
    assert_eq!(notices.len(), 1, "{told:?}");
    assert!(
        notices[0].contains("Resource not accessible") && notices[0].contains("pull-requests: write"),
        "{notices:?}"
    );
    assert!(told.stdout.starts_with("::error file=src/pump.c"), "{}", told.stdout);
    assert!(job.read("summary.md").contains("'level'") || job.read("summary.md").contains("`level`"));
    assert!(seen.lock().unwrap().iter().any(|request| request.method == "POST"), "it was tried");
}

#[test]
fn many_logs_are_answered_once() {
    let job = Job::new();
    job.write("checkout/.git/HEAD", "ref: refs/heads/main\n");
    job.write("checkout/src/pump.c", "\n\n\n    level = 1;\n");
    for (number, name) in ["gcc-12-arm64", "gcc-13-arm64", "clang-19-x86_64"].iter().enumerate() {
        for config in ["defconfig", "allmodconfig", "tinyconfig", "randconfig", "kvmconfig"] {
            // Where the compiler names the whole path, and where not.
            let file = if number == 1 { job.path("checkout/src/pump.c") } else { "src/pump.c".to_owned() };
            let log = if number < 2 { bot::log(&file, "level") } else { "  CC      src/pump.o\n".to_owned() };
            job.write(&format!("logs/log-{name}-{config}/build.log"), &log);
        }
    }
    job.write("logs/notes.json", "{}");
    let (api, seen) = github(true);
    let token = [("GITHUB_API_URL", api.as_str()), ("GITHUB_TOKEN", "ghs_x")];
    let told = job.github(&[&job.path("logs")], &token, "");
    assert_eq!(told.status, Some(1), "{told:?}");
    let seen = seen.lock().unwrap().clone();
    // What is there is edited, when this GitHub does not keep it as it was sent.
    let writes: Vec<&Request> = seen.iter().filter(|request| request.method == "POST").collect();
    let paths: Vec<&str> = writes.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/repos/o/r/check-runs", "/repos/o/r/issues/7/comments"]);
    let check = &writes[0].body;
    assert_eq!((check["head_sha"].as_str(), check["conclusion"].as_str()), (Some(SHA), Some("failure")));
    let annotations = check["output"]["annotations"].as_array().unwrap();
    assert_eq!(annotations.len(), 1, "{annotations:?}");
    assert_eq!((&annotations[0]["path"], &annotations[0]["start_line"]), (&json!("src/pump.c"), &json!(4)));
    let comment = writes[1].body["body"].as_str().unwrap();
    assert!(comment.contains("- axes: arm64 only: 10 builds fail, 5 pass\n"), "{comment}");
    assert!(comment.contains("| arm64 | gcc 12 | **FAIL 1** | **FAIL 1** |"), "{comment}");
    // What stands on the change is not said twice.
    assert!(!told.stdout.contains("::error") && !told.stdout.contains("::notice"), "{}", told.stdout);
    assert!(job.read("output").contains("check=https://gh.example/check/5\ncomment=https://gh.example/comment/6\n"));
}

#[test]
fn a_report_with_a_proved_fix() {
    let job = Job::new();
    let tree = folder();
    fs::write(
        tree.path().join("a.c"),
        "#include <stdio.h>\n\nint f(void)\n{\n\tputs(\"x\");\n\treturn strlen(\"x\");\n}\n",
    )
    .unwrap();
    let make =
        Command::new("gcc").args(["-Werror=implicit-function-declaration", "-c", "a.c"]).current_dir(&tree).output();
    let log = String::from_utf8(make.unwrap().stderr).unwrap();
    let log = job.write("build.log", &log);
    let mut fix = triage_tests::triage(["fix", "--verify", "--format", "json", "--tree", "."]);
    fix.current_dir(&tree).args(["--build-command", "gcc -Werror=implicit-function-declaration -c a.c", &log]);
    let fixed = triage_tests::answer(&mut fix);
    assert_eq!(fixed.json()["causes"][0]["fixes"][0]["applicability"], "verified", "{fixed:?}");
    let report = job.write("report.json", &fixed.stdout);
    let told = job.github(&["--dry-run", "--report", &report], &[], "");
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(told.stdout.contains("1 cause, 1 verified fix\n"), "{}", told.stdout);
    assert!(
        told.stdout
            .ends_with("suggestion at a.c:1-1:\n\n-#include <stdio.h>\n+#include <stdio.h>\n+#include <string.h>\n")
    );
}

/// With the checkout, the fix is made and proved on the way.
#[test]
fn a_checkout_gives_proved_fixes() {
    let job = Job::new();
    job.write("checkout/a.c", "#include <stdio.h>\n\nint f(void)\n{\n\tputs(\"x\");\n\treturn strlen(\"x\");\n}\n");
    let tree = job.path("checkout");
    let build = "gcc -Werror=implicit-function-declaration -c a.c";
    let make = Command::new("sh").args(["-c", build]).current_dir(&tree).output().unwrap();
    let log = String::from_utf8(make.stderr).unwrap();
    job.write("logs/gcc.log", &log);
    let build = format!("cd {tree} && {build}");
    // `triage` lies beside `triage-bot`.
    triage_tests::program();
    let words = ["--dry-run", "--tree", &tree, "--verify", "--build-command", &build];
    let told = job.github(&words, &[], &log);
    assert_eq!(told.status, Some(1), "{told:?}");
    assert!(told.stdout.contains("1 cause, 1 verified fix\n"), "{}\n{}", told.stdout, told.stderr);
    assert!(told.stdout.contains("+#include <string.h>\n"), "{}", told.stdout);
    let folder = job.github(&[&words[..3], &[&job.path("logs")]].concat(), &[], "");
    assert!(folder.stdout.contains("+#include <string.h>\n"), "{}\n{}", folder.stdout, folder.stderr);
    assert!(folder.stdout.contains("1 cause, 1 unverified fix\n"), "nothing was built: {}", folder.stdout);
    // Nothing tells how it is built: the patch is there, and it is said that it is not proved.
    let unknown = job.github(&["--dry-run", "--tree", &tree, "--verify"], &[], &log);
    assert!(unknown.stdout.contains("1 cause, 1 unverified fix\n"), "{unknown:?}");
    assert!(unknown.stderr.contains("no patch is proved"), "{unknown:?}");
    // Where nothing failed there is nothing to prove, and nothing to complain of.
    let green = job.github(&["--dry-run", "--tree", &tree, "--verify"], &[], "  CC      a.o\n");
    assert_eq!((green.status, green.stderr.as_str()), (Some(0), ""));
    // Without a tree that is one, the answer is as it was.
    let none = job.github(&["--dry-run", "--tree", &job.path("none")], &[], &log);
    assert!(none.stdout.contains("1 cause") && none.stderr.contains("triage fix: "), "{none:?}");
    assert_eq!(job.github(&["--verify"], &[], &log).status, Some(2));
}

/// The logs of the jobs that failed come from GitHub; what passed is not asked for.
#[test]
fn logs_of_failed_jobs_are_fetched() {
    let job = Job::new();
    let (api, seen) = server(|request| {
        let (path, _) = request.path.split_once('?').unwrap_or((&request.path, ""));
        match (request.method.as_str(), path) {
            ("GET", "/repos/o/r/actions/runs/98") => {
                let run = json!({ "id": 98, "head_sha": SHA, "run_attempt": 2, "event": "pull_request",
                                  "status": "completed", "conclusion": "failure", "name": "CI" });
                (200, run)
            }
            ("GET", "/repos/o/r/actions/runs/98/attempts/2/jobs") => {
                let job =
                    |id: u64, name: &str, end: &str| json!({ "id": id, "run_id": 98, "name": name, "conclusion": end });
                let jobs = [
                    job(1, "build (arm64, defconfig, gcc-13)", "failure"),
                    job(2, "build (x86_64, defconfig, gcc-13)", "success"),
                    job(3, "build (riscv, defconfig, gcc-13)", "failure"),
                ];
                (200, json!({ "total_count": 3, "jobs": jobs }))
            }
            ("GET", "/repos/o/r/actions/jobs/1/logs") => {
                let log = bot::log("src/pump.c", "level");
                let stamped: String =
                    log.lines().map(|line| format!("2026-11-26T10:00:00.0000000Z {line}\n")).collect();
                (200, Value::String(stamped))
            }
            ("GET", "/repos/o/r/actions/jobs/3/logs") => (410, json!({ "message": "Gone" })),
            _ => reply(request, true),
        }
    });
    let token = [("GITHUB_API_URL", api.as_str()), ("GITHUB_TOKEN", "ghs_x")];
    let told = job.github(&["--jobs", "failed", "--run", "98"], &token, "");
    assert_eq!(told.status, Some(1), "{told:?}");
    let seen = seen.lock().unwrap().clone();
    assert!(!seen.iter().any(|request| request.path.contains("/jobs/2/")), "what passed has no say");
    let comments: Vec<&Request> =
        seen.iter().filter(|it| it.method == "POST" && it.path.ends_with("/comments")).collect();
    assert_eq!(comments.len(), 1);
    let comment = comments[0].body["body"].as_str().unwrap();
    assert!(
        comment.contains("`level`") && comment.contains("arm64") && comment.contains("GitHub has deleted this log"),
        "{comment}"
    );
    // Without a token there is nobody to ask.
    assert_eq!(job.github(&["--jobs", "failed", "--run", "98"], &[], "").status, Some(2));
}

#[test]
fn what_is_wrong_is_said() {
    let job = Job::new();
    let check = |args: &[&str], more: &[(&str, &str)], expected: &str| {
        let told = job.github(args, more, "");
        assert_eq!(told.status, Some(2), "{told:?}");
        assert!(told.stderr.contains(expected), "{expected} in {}", told.stderr);
    };
    check(&[], &[("GITHUB_REPOSITORY", "")], "GITHUB_REPOSITORY is not set");
    check(&[], &[("GITHUB_REPOSITORY", "x")], "GITHUB_REPOSITORY is 'x', not OWNER/NAME");
    let event = job.write("bad.json", "{\n  \"pull_request\": 3\n}");
    check(&[], &[("GITHUB_EVENT_PATH", &event)], "bad.json:2:19: this is no event");
    check(&["--key", "a b"], &[], "letters, digits");
    check(&["--jobs", "failed"], &[], "--jobs needs a token");
    check(&["--report", &event], &[], "bad.json:3:1: this is no report");
    check(&["-o", "pdf:x"], &[], "unknown format 'pdf'");
    // What can be read is told, and nothing is said to be well.
    let (api, seen) = github(true);
    let green = job.write("green.log", "  CC a.o\n");
    let token = [("GITHUB_API_URL", api.as_str()), ("GITHUB_TOKEN", "ghs_x")];
    let told = job.github(&[&green, &job.path("missing.log")], &token, "");
    assert_eq!(told.status, Some(2), "{told:?}");
    assert!(told.stdout.contains("not all logs could be read"), "{}", told.stdout);
    assert!(seen.lock().unwrap().iter().all(|request| request.method == "GET"));
}

#[test]
fn what_leaks_is_masked() {
    let job = Job::new();
    let secret = "ghp_Q7xTz2LmP0aVb9RkYc4WnJ5dHs8GfE1uKo3i";
    let log = bot::log("src/pump.c", "level").replace("level = 1", &format!("level = f(\"{secret}\")"));
    let told = job.github(&["-o", &format!("codequality:{}", job.path("q.json"))], &[], &log);
    let everything = told.stdout + &told.stderr + &job.read("summary.md") + &job.read("q.json");
    assert!(everything.contains("[masked]") && !everything.contains(secret), "{everything}");
}
