//! What the bot does on GitHub: against an emulator with its state, GitHub's own description of the requests, its documented
//! limits, and connections that fail.

#![cfg(unix)]

use std::io::Read;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use secrecy::SecretString;
use serde_json::{Value, json};
use triage_forge::answer::{Annotation, Answer, Level, Outcome, Suggestion};
use triage_forge::github::logs::{Content, JobLog, Limits};
use triage_forge::github::publish::{Target, Ways};
use triage_forge::github::{Credentials, Github, Repository, Session};
use triage_forge::http::{Clock, Error, Pace, Settings};
use triage_tests::services::faults::{Fault, Proxy};
use triage_tests::services::github::platform::Platform;
use triage_tests::services::github::schema::Schema;
use triage_tests::services::github::{APP, BOT, Emulator, OWNER, PERSON, Pull, person};
use triage_tests::services::http::Server;

/// A clock that moves when somebody sleeps, and by a little each time that it is looked at.
#[derive(Debug)]
struct Quick {
    now: Mutex<SystemTime>,
    slept: Mutex<Duration>,
}

impl Quick {
    fn new() -> Arc<Self> {
        Arc::new(Self { now: Mutex::new(SystemTime::now()), slept: Mutex::default() })
    }

    fn slept(&self) -> Duration {
        *self.slept.lock().unwrap()
    }
}

impl Clock for Quick {
    fn now(&self) -> SystemTime {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        *self.now.lock().unwrap() += time;
        *self.slept.lock().unwrap() += time;
        Box::pin(std::future::ready(()))
    }
}

/// A GitHub with its rules.
struct Bench {
    emulator: Emulator,
    platform: Platform,
    clock: Arc<Quick>,
}

impl Bench {
    fn start() -> Self {
        let (emulator, clock) = (Emulator::start(), Quick::new());
        let shared = clock.clone();
        let platform = Platform::start(emulator.port, move || shared.now());
        Self { emulator, platform, clock }
    }

    fn settings(&self, port: u16) -> Settings {
        let mut settings = Settings::new(format!("http://127.0.0.1:{port}").parse().unwrap());
        settings.clock = self.clock.clone();
        settings
    }

    fn app(&self) -> Credentials {
        Credentials::App { id: APP, key: SecretString::from(self.emulator.key.clone()) }
    }

    /// The App, in the repository, by a port.
    async fn session(&self, port: u16) -> Session {
        let github = Github::new(self.settings(port), &self.app()).unwrap();
        github.session(&repository()).await.unwrap()
    }

    /// A pull request whose diff shows lines 10 to 13 of a file.
    fn pull(&self, branch: &str) -> Pull {
        let pull = self.emulator.pull(branch);
        let patch = "@@ -10,3 +10,4 @@ int f(void)\n int a;\n-int b;\n+int c;\n+int d;\n int e;";
        let files = vec![json!({ "filename": "drivers/foo.c", "status": "modified", "patch": patch })];
        self.platform.state().files.insert(pull.number, files);
        pull
    }

    /// A run that failed at the head of a pull request.
    fn run(&self, pull: &Pull, id: u64) {
        let run = json!({
            "id": id, "name": "Build", "head_sha": pull.head, "head_branch": pull.branch, "event": "pull_request",
            "status": "completed", "conclusion": "failure", "run_attempt": 2, "html_url": "https://github.com/run",
            "head_repository": { "full_name": format!("{OWNER}/kernel") }, "pull_requests": [],
        });
        let job = |id: u64, name: &str, conclusion: &str| json!({ "id": id, "run_id": 1, "run_attempt": 2, "name": name, "conclusion": conclusion, "steps": [] });
        let jobs = vec![job(id, "build (gcc-13, arm64)", "failure"), job(id + 1, "lint", "success")];
        let mut state = self.platform.state();
        state.runs.insert(id, run);
        state.jobs.insert(id, jobs);
        state.logs.insert(id, LOG.as_bytes().to_vec());
    }

    /// What stands on GitHub about a pull request, without what differs from one to the next.
    fn stands(&self, pull: &Pull) -> Value {
        let repository = format!("/repos/{OWNER}/kernel");
        let ask = |rest: String| self.emulator.ask("GET", &format!("{repository}{rest}"), &Value::Null);
        let state = self.platform.state();
        let comment = |it: &Value| {
            let folded = state.folded.contains(it["node_id"].as_str().unwrap());
            json!({ "by": it["user"]["login"], "body": it["body"], "at": it["path"], "line": it["line"], "folded": folded })
        };
        let comments = ask(format!("/issues/{}/comments?per_page=100", pull.number));
        let suggestions = ask(format!("/pulls/{}/comments?per_page=100", pull.number));
        let checks = ask(format!("/commits/{}/check-runs?filter=all&per_page=100", pull.head));
        let checks: Vec<Value> = checks["check_runs"].as_array().unwrap().iter().map(|run| {
            let annotations = &state.annotations[&run["id"].as_u64().unwrap()];
            let titles: Vec<&Value> = annotations.iter().map(|it| &it["title"]).collect();
            json!({ "name": run["name"], "conclusion": run["conclusion"], "summary": run["output"]["summary"], "annotations": titles })
        }).collect();
        let all = |list: &Value| list.as_array().unwrap().iter().map(comment).collect::<Vec<_>>();
        let stands = json!({ "comments": all(&comments), "suggestions": all(&suggestions), "checks": checks });
        serde_json::from_str(&stands.to_string().replace(&pull.head, "HEAD")).unwrap()
    }

    fn comments(&self, pull: &Pull) -> Vec<String> {
        let stands = self.stands(pull);
        let comments = stands["comments"].as_array().unwrap().iter();
        comments.map(|it| it["body"].as_str().unwrap().to_owned()).collect()
    }
}

/// A log as GitHub gives it.
const LOG: &str = "\u{feff}2026-08-20T10:11:12.1234567Z ##[group]Run make\n\
    2026-08-20T10:11:13.1234567Z drivers/foo.c:11:5: error: 'jiffies' undeclared (first use in this function)\n\
    2026-08-20T10:11:14.1234567Z ##[error]Process completed with exit code 2.\n";

fn repository() -> Repository {
    Repository::parse(&format!("{OWNER}/kernel")).unwrap()
}

fn target(pull: &Pull) -> Target {
    Target { repository: repository(), head_sha: pull.head.clone(), pull_request: Some(pull.number) }
}

fn suggestion(line: u32, old: &str, new: &str) -> Suggestion {
    Suggestion {
        path: "drivers/foo.c".to_owned(),
        start_line: line,
        end_line: line,
        old: vec![old.to_owned()],
        new: vec![new.to_owned()],
        text: "This compiles:".to_owned(),
        fingerprint: "f".to_owned(),
    }
}

/// An answer to builds that failed.
fn failed(comment: &str, annotations: usize) -> Answer {
    let annotation = |number: usize| Annotation {
        path: "drivers/foo.c".to_owned(),
        start_line: u32::try_from(number).unwrap() + 1,
        end_line: u32::try_from(number).unwrap() + 1,
        columns: Some((3, 7)),
        level: Level::Failure,
        title: format!("error {number}"),
        message: "'x' undeclared".to_owned(),
        fingerprint: "f".to_owned(),
    };
    Answer {
        key: "triage".to_owned(),
        outcome: Outcome::Failed,
        title: "1 cause".to_owned(),
        comment: comment.to_owned(),
        summary: format!("Summary: {comment}"),
        annotations: (0..annotations).map(annotation).collect(),
        suggestions: vec![suggestion(11, "int c;", "long c;")],
    }
}

fn passed() -> Answer {
    let (annotations, suggestions) = (Vec::new(), Vec::new());
    Answer { outcome: Outcome::Passed, title: "nothing failed".to_owned(), annotations, suggestions, ..failed("", 0) }
}

fn text_of(log: &mut JobLog) -> String {
    let Content::Log { file, length, .. } = &mut log.content else { panic!("there is no log") };
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text.len() as u64, *length);
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_flow_is_as_github_documents_it() {
    let bench = Bench::start();
    let schema = Schema::start(bench.platform.port());
    let mut pull = bench.pull("flow");
    bench.run(&pull, 7000);
    let session = bench.session(schema.port()).await;

    let run = session.run(&repository(), 7000, None).await.unwrap();
    let number = session.pull_request_of(&repository(), &run).await.unwrap();
    assert_eq!(number, Some(pull.number));
    let mut logs = session.failed_logs(&repository(), &run, Limits::default()).await.unwrap();
    assert_eq!((logs.len(), text_of(&mut logs[0]).as_str()), (1, LOG));
    let origin = &logs[0].origin;
    assert_eq!((origin.attempt, origin.head_sha.as_str(), origin.axes["toolchain"].as_str()), (2, &*pull.head, "gcc"));
    assert!(session.may_write(&repository(), "octocat").await.unwrap());
    assert!(!session.may_write(&repository(), "nobody").await.unwrap());

    let published = session.publish(&target(&pull), &failed("Broken.", 120), Ways::default()).await.unwrap();
    assert_eq!((published.suggestions, published.left_out.len()), (1, 0), "{published:?}");
    assert!(published.check_run.is_some() && published.comment.is_some());
    let first = bench.stands(&pull);
    assert_eq!(first["checks"][0]["annotations"].as_array().unwrap().len(), 120);
    let made = schema.take_seen();
    let requests = |rest: &str| made.iter().filter(|it| it.request.starts_with(rest) && it.status < 300).count();
    assert_eq!(requests(&format!("POST /repos/{OWNER}/kernel/check-runs")), 1);
    assert_eq!(requests(&format!("PATCH /repos/{OWNER}/kernel/check-runs")), 2);

    // The second push: the same comment says something else.
    bench.emulator.push(&mut pull, "second");
    session.publish(&target(&pull), &failed("Still broken.", 3), Ways::default()).await.unwrap();
    assert_eq!(bench.comments(&pull), ["<!-- triage:key=triage -->\nStill broken."]);

    // All is well: it says so and is folded, the suggestion is withdrawn.
    bench.emulator.push(&mut pull, "third");
    session.publish(&target(&pull), &passed(), Ways::default()).await.unwrap();
    let last = bench.stands(&pull);
    let comment = &last["comments"][0];
    assert!(comment["body"].as_str().unwrap().contains("**Resolved:**") && comment["folded"] == true, "{last:#}");
    let withdrawn = &last["suggestions"][0];
    assert!(!withdrawn["body"].as_str().unwrap().contains("long c;") && withdrawn["folded"] == true, "{last:#}");
    assert_eq!(last["checks"][0]["conclusion"], "success");

    // Broken again: it is unfolded.
    bench.emulator.push(&mut pull, "fourth");
    session.publish(&target(&pull), &failed("Broken anew.", 1), Ways::default()).await.unwrap();
    let last = bench.stands(&pull);
    assert_eq!((last["comments"].as_array().unwrap().len(), &last["comments"][0]["folded"]), (1, &json!(false)));
    assert_eq!((last["suggestions"].as_array().unwrap().len(), &last["suggestions"][0]["folded"]), (1, &json!(false)));

    let seen = [made, schema.take_seen()].concat();
    assert!(seen.len() > 40, "{}", seen.len());
    let wrong: Vec<_> = seen.iter().filter(|it| !it.violations.is_empty()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Prism follows the redirects to the storage itself, so it is not here that they are looked at.
    assert_eq!(bench.platform.state().refused, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn prism_would_have_told() {
    let bench = Bench::start();
    let schema = Schema::start(bench.platform.port());
    let pull = bench.pull("told");
    let annotation = json!({
        "path": "a.c", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m",
    });
    let output = json!({ "title": "t", "summary": "s", "annotations": vec![annotation; 51] });
    let body = json!({ "name": "x", "head_sha": pull.head, "output": output });
    let mut request = person("POST", &format!("/repos/{OWNER}/kernel/check-runs"), &body);
    request.forward(schema.port());
    request.target = format!("/repos/{OWNER}/kernel/no-such-thing");
    request.forward(schema.port());
    let seen = schema.take_seen();
    assert!(seen[0].violations.iter().any(|it| it.contains("50 items")), "{seen:#?}");
    assert!(!seen[1].violations.is_empty() || seen[1].status == 404, "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn saying_it_again_changes_nothing_and_costs_nothing() {
    let bench = Bench::start();
    let pull = bench.pull("again");
    let proxy = Proxy::start(bench.platform.port());
    let session = bench.session(proxy.port).await;
    session.publish(&target(&pull), &failed("Broken.", 70), Ways::default()).await.unwrap();
    // What one publishing makes: the lists are known by their tags only after it.
    session.publish(&target(&pull), &failed("Broken.", 70), Ways::default()).await.unwrap();
    let before = bench.stands(&pull);
    let known = bench.platform.state().not_modified;
    proxy.plan(&[]);
    session.publish(&target(&pull), &failed("Broken.", 70), Ways::default()).await.unwrap();
    let seen = proxy.seen();
    assert!(seen.iter().all(|it| it.starts_with("GET ")), "{seen:#?}");
    assert_eq!(bench.platform.state().not_modified - known, seen.len(), "all answers were known: {seen:#?}");
    assert_eq!(bench.stands(&pull), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_are_too_long_are_cut_to_what_github_takes() {
    let bench = Bench::start();
    let pull = bench.pull("long");
    let session = bench.session(bench.platform.port()).await;
    let long = format!("Broken.\n```\n{}", "ä very long line\n".repeat(8000));
    session.publish(&target(&pull), &failed(&long, 1), Ways::default()).await.unwrap();
    let comment = bench.comments(&pull).remove(0);
    assert!(comment.len() <= 65_536 && comment.len() > 65_000, "{}", comment.len());
    assert!(comment.contains("line\n```\n\n\n*The rest is too long"), "the fence is closed");
    assert!(bench.platform.state().refused.is_empty());
    // The platform does refuse what is longer.
    let path = format!("/repos/{OWNER}/kernel/issues/{}/comments", pull.number);
    for (length, status) in [(65_536, 201), (65_537, 422)] {
        let request = person("POST", &path, &json!({ "body": "x".repeat(length) }));
        assert_eq!(request.forward(bench.platform.port()).status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_go_in_fifties() {
    let bench = Bench::start();
    let session = bench.session(bench.platform.port()).await;
    for (at, count) in [0, 1, 50, 51, 100, 120].into_iter().enumerate() {
        let pull = bench.pull(&format!("fifties-{at}"));
        let ways = Ways { comment: false, suggestions: false, ..Ways::default() };
        session.publish(&target(&pull), &failed("Broken.", count), ways).await.unwrap();
        let stands = bench.stands(&pull);
        let titles: Vec<String> = (0..count).map(|number| format!("error {number}")).collect();
        assert_eq!(stands["checks"][0]["annotations"], json!(titles));
        assert_eq!(stands["checks"].as_array().unwrap().len(), 1);
    }
    assert!(bench.platform.state().refused.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_made_no_faster_than_github_allows() {
    let bench = Bench::start();
    let pull = bench.pull("fast");
    let ways = Ways { check_run: false, suggestions: false, ..Ways::default() };
    let many = |session: Session, name: &'static str| {
        let (target, answer) = (target(&pull), failed("Broken.", 0));
        async move {
            for number in 0..85 {
                let answer = Answer { key: format!("{name}-{number}"), ..answer.clone() };
                session.publish(&target, &answer, ways).await.unwrap();
            }
        }
    };
    many(bench.session(bench.platform.port()).await, "paced").await;
    assert!(bench.platform.state().refused.is_empty() && bench.clock.slept() >= Duration::from_secs(60));
    // Without the pace GitHub refuses, says nothing of when to come back, and is left alone for a minute.
    let mut settings = bench.settings(bench.platform.port());
    settings.pace = Some(Pace { per_minute: 1000, per_hour: 1000 });
    let hasty = Github::new(settings, &bench.app()).unwrap().session(&repository()).await.unwrap();
    let slept = bench.clock.slept();
    many(hasty, "hasty").await;
    assert!(!bench.platform.state().refused.is_empty() && bench.clock.slept() - slept >= Duration::from_secs(60));
    let page = format!("/repos/{OWNER}/kernel/issues/{}/comments?per_page=100&page=2", pull.number);
    assert_eq!(bench.emulator.ask("GET", &page, &Value::Null).as_array().unwrap().len(), 70);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_come_from_elsewhere_without_our_token() {
    let bench = Bench::start();
    let pull = bench.pull("logs");
    bench.run(&pull, 7000);
    let session = bench.session(bench.platform.port()).await;
    let run = session.run(&repository(), 7000, Some(2)).await.unwrap();
    // Two downloads break off, the third is whole.
    bench.platform.state().cuts = 2;
    let mut logs = session.failed_logs(&repository(), &run, Limits::default()).await.unwrap();
    assert_eq!(text_of(&mut logs[0]), LOG);
    // The reader of logs takes mark and stamps off.
    let mut found = Vec::new();
    triage_log::read_log(&mut LOG.as_bytes(), &mut |diagnostic| found.push(diagnostic)).unwrap();
    assert!(
        found[0].message.contains("'jiffies'") && found[0].location.as_ref().unwrap().line == Some(11),
        "{found:?}"
    );

    let short = session.job_log(&repository(), 7000, 10).await.unwrap();
    assert!(matches!(short, Content::Log { length: 10, truncated: true, .. }), "{short:?}");
    assert!(matches!(session.job_log(&repository(), 9, 10).await.unwrap(), Content::Missing));
    bench.platform.state().expired.insert(7000);
    assert!(matches!(session.job_log(&repository(), 7000, 10).await.unwrap(), Content::Expired));
    assert_eq!(bench.platform.state().leaked, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_are_read_from_the_archive_of_their_run() {
    let bench = Bench::start();
    let pull = bench.pull("archive");
    bench.run(&pull, 7000);
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut jobs = Vec::new();
    for number in 0..150 {
        let name = format!("build / kernel (config-{number})");
        jobs.push(json!({ "id": 8000 + number, "name": name, "conclusion": "failure" }));
        // One is missing in the archive, and asked for by itself.
        if number != 149 {
            zip.start_file(
                format!("{number}_build _ kernel (config-{number}).txt"),
                zip::write::SimpleFileOptions::default(),
            )
            .unwrap();
            std::io::Write::write_all(&mut zip, format!("log {number}").as_bytes()).unwrap();
        }
    }
    let archive = zip.finish().unwrap().into_inner();
    {
        let mut state = bench.platform.state();
        state.jobs.insert(7000, jobs);
        state.logs.insert(7000, archive);
        state.logs.insert(8149, b"log 149".to_vec());
    }
    let proxy = Proxy::start(bench.platform.port());
    let session = bench.session(proxy.port).await;
    let run = session.run(&repository(), 7000, None).await.unwrap();
    let mut logs = session.failed_logs(&repository(), &run, Limits::default()).await.unwrap();
    let texts: Vec<String> = logs.iter_mut().map(text_of).collect();
    assert_eq!(texts, (0..150).map(|number| format!("log {number}")).collect::<Vec<_>>());
    let asked = proxy.seen().iter().filter(|it| it.contains("/logs")).count();
    assert_eq!(asked, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn suggestions_stand_only_where_the_diff_shows_their_lines() {
    let bench = Bench::start();
    let pull = bench.pull("suggest");
    let session = bench.session(bench.platform.port()).await;
    let mut answer = failed("Broken.", 0);
    answer.suggestions = vec![
        suggestion(11, "int c;", "long c;"),
        // Outside, other text, another file, and the same once more.
        suggestion(20, "int z;", "long z;"),
        suggestion(12, "int b;", "long b;"),
        Suggestion { path: "elsewhere.c".to_owned(), ..suggestion(11, "int c;", "long c;") },
        suggestion(11, "int c;", "long c;"),
        Suggestion {
            end_line: 13,
            old: vec!["int c;".to_owned(), "int d;".to_owned(), "int e;".to_owned()],
            new: vec!["```".to_owned()],
            ..suggestion(11, "", "")
        },
    ];
    for _ in 0..2 {
        let published = session.publish(&target(&pull), &answer, Ways::default()).await.unwrap();
        assert_eq!(published.suggestions, 2);
    }
    let stands = bench.stands(&pull);
    let bodies: Vec<&str> =
        stands["suggestions"].as_array().unwrap().iter().map(|it| it["body"].as_str().unwrap()).collect();
    assert_eq!(bodies.len(), 2, "{bodies:#?}");
    assert!(bodies[0].ends_with("This compiles:\n\n```suggestion\nlong c;\n```\n"), "{}", bodies[0]);
    assert!(bodies[1].ends_with("````suggestion\n```\n````\n"), "{}", bodies[1]);
    assert!(bench.platform.state().refused.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_of_others_are_left_alone() {
    let bench = Bench::start();
    let mut pull = bench.pull("others");
    let marker = "<!-- triage:key=triage -->\nI quote the bot.";
    let path = format!("/repos/{OWNER}/kernel/issues/{}/comments", pull.number);
    bench.emulator.ask("POST", &path, &json!({ "body": marker }));
    // The list has more than one page before ours.
    for number in 0..130 {
        bench.emulator.ask("POST", &path, &json!({ "body": format!("chatter {number}") }));
    }
    let session = bench.session(bench.platform.port()).await;
    for text in ["Broken.", "Broken otherwise."] {
        session.publish(&target(&pull), &failed(text, 0), Ways::default()).await.unwrap();
    }
    let all = bench.emulator.ask("GET", &format!("{path}?per_page=100&page=2"), &Value::Null);
    let ours: Vec<&Value> = all.as_array().unwrap().iter().filter(|it| it["user"]["login"] == BOT).collect();
    assert_eq!(ours.len(), 1);
    assert_eq!(ours[0]["body"], "<!-- triage:key=triage -->\nBroken otherwise.");
    assert_eq!(bench.comments(&pull)[0], marker);
    // Another head by now: nothing is said about the old one.
    let old = target(&pull);
    bench.emulator.push(&mut pull, "newer");
    let published = session.publish(&old, &failed("Too late.", 0), Ways::default()).await.unwrap();
    assert!(published.comment.is_none() && published.left_out[0].contains("another head"), "{published:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_at_once_write_one_comment() {
    let bench = Bench::start();
    for round in 0..8 {
        let pull = bench.pull(&format!("race-{round}"));
        let (one, other) = (bench.session(bench.platform.port()).await, bench.session(bench.platform.port()).await);
        let (target, answer) = (target(&pull), failed("Broken.", 60));
        let ways = Ways { check_run: false, ..Ways::default() };
        let (first, second) = tokio::join!(one.publish(&target, &answer, ways), other.publish(&target, &answer, ways));
        first.unwrap();
        second.unwrap();
        let stands = bench.stands(&pull);
        assert_eq!(stands["comments"].as_array().unwrap().len(), 1, "{stands:#}");
        assert_eq!(stands["suggestions"].as_array().unwrap().len(), 1, "{stands:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_s_token_does_what_it_may() {
    let bench = Bench::start();
    let pull = bench.pull("person");
    // An Enterprise Server has its API below a path, and GraphQL beside it.
    let platform = bench.platform.port();
    let server = Server::start(move |mut request| {
        let target = request.target.clone();
        let rest = target
            .strip_prefix("/api/v3")
            .or_else(|| target.strip_prefix("/api").filter(|it| it.starts_with("/graphql")));
        request.target = rest.unwrap_or("/wrong").to_owned();
        request.forward(platform)
    });
    let mut settings = bench.settings(server.port);
    settings.api.set_path("/api/v3");
    let github = Github::new(settings, &Credentials::Token(SecretString::from(PERSON))).unwrap();
    let session = github.session(&repository()).await.unwrap();
    let published = session.publish(&target(&pull), &failed("Broken.", 3), Ways::default()).await.unwrap();
    assert!(published.check_run.is_none() && published.left_out[0].contains("GitHub App"), "{published:?}");
    session.publish(&target(&pull), &passed(), Ways::default()).await.unwrap();
    let stands = bench.stands(&pull);
    assert_eq!((&stands["comments"][0]["by"], &stands["comments"][0]["folded"]), (&json!("octocat"), &json!(true)));
    assert_eq!(stands["comments"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ended_early_is_got_anew() {
    let bench = Bench::start();
    let pull = bench.pull("revoked");
    bench.run(&pull, 7000);
    let proxy = Proxy::start(bench.platform.port());
    let session = bench.session(proxy.port).await;
    session.run(&repository(), 7000, None).await.unwrap();
    let tokens = || proxy.seen().iter().filter(|it| it.contains("/access_tokens")).count();
    proxy.plan(&[(0, Fault::Refused(401, None))]);
    session.publish(&target(&pull), &failed("Broken.", 0), Ways::default()).await.unwrap();
    assert_eq!(tokens(), 1);
    proxy.plan(&[(0, Fault::Refused(401, None))]);
    session.job_log(&repository(), 7000, 1000).await.unwrap();
    assert_eq!(tokens(), 1);
}

/// What a worker does when a build failed, and when it is well again.
async fn work(bench: &Bench, port: u16, pull: &Pull, run: u64) -> Result<(), Error> {
    let mut settings = bench.settings(port);
    settings.timeout = Duration::from_millis(800);
    settings.idle = settings.timeout;
    let session = Github::new(settings, &bench.app()).unwrap().session(&repository()).await?;
    let run = session.run(&repository(), run, None).await?;
    let mut logs = session.failed_logs(&repository(), &run, Limits::default()).await?;
    assert_eq!(text_of(&mut logs[0]), LOG);
    assert_eq!(session.pull_request_of(&repository(), &run).await?, Some(pull.number));
    session.publish(&target(pull), &failed("Broken.", 120), Ways::default()).await?;
    session.publish(&target(pull), &failed("Broken otherwise.", 120), Ways::default()).await?;
    session.publish(&target(pull), &passed(), Ways::default()).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_at_any_call_nothing_is_said_twice() {
    let bench = Arc::new(Bench::start());
    let proxy = Proxy::start(bench.platform.port());
    let pull = bench.pull("well");
    bench.run(&pull, 10_000);
    work(&bench, proxy.port, &pull, 10_000).await.unwrap();
    let (expected, calls) = (bench.stands(&pull), proxy.seen());
    assert_eq!(expected["checks"].as_array().unwrap().len(), 2, "{expected:#}");
    assert!(calls.len() > 30, "{calls:#?}");

    let silence = 1500;
    let faults = [
        Fault::Refused(429, Some(("retry-after", "3"))),
        Fault::Refused(403, Some(("retry-after", "60"))),
        Fault::Refused(500, None),
        Fault::Refused(502, None),
        Fault::DoneBut(500),
        Fault::ClosedBefore,
        Fault::ClosedAfter,
        Fault::Cut,
        Fault::SilentBefore(silence),
        Fault::SilentAfter(silence),
    ];
    for fault in faults {
        for (at, call) in calls.iter().enumerate() {
            let run = 20_000 + 2 * u64::try_from(at).unwrap();
            let pull =
                bench.pull(&format!("{fault:?}-{at}").to_lowercase().replace(|c: char| !c.is_alphanumeric(), "-"));
            bench.run(&pull, run);
            let proxy = Proxy::start(bench.platform.port());
            proxy.plan(&[(at, fault)]);
            let done = work(&bench, proxy.port, &pull, run).await;
            assert!(done.is_ok(), "{fault:?} at {at} {call}: {done:?}");
            assert_eq!(bench.stands(&pull), expected, "{fault:?} at {at} {call}");
            // GitHub would count content by the minute; the clock of this test hardly moves.
            bench.clock.sleep(Duration::from_secs(60)).await;
        }
    }
}
