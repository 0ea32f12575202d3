//! GitLab: a pipeline fails, its logs are read, the answer is said once and stays true, whatever breaks on the way.

#![cfg(unix)]

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use secrecy::SecretString;
use triage_causes::{Analyzer, Options as AnalyzerOptions, Report};
use triage_forge::answer::{Answer, Outcome, Suggestion};
use triage_forge::commands::Access;
use triage_forge::gitlab::publish::{Comment, Done, Options, Published, Skipped, Status, Target};
use triage_forge::gitlab::trace::TRACE_MAX;
use triage_forge::gitlab::{Error, Gitlab, Project, Settings, Token};
use triage_forge::http::Clock;
use triage_forge::webhook::notice::{Ended, Event, Run, Sha};
use triage_forge::webhook::signature::GitlabSecrets;
use triage_rules::RuleBook;
use triage_tests::services::faults::{Fault, Proxy};
use triage_tests::services::gitlab::{
    ANN, ANN_TOKEN, BOB, BOT, BOT_TOKEN, Fake, JOB_TOKEN, MR, Note, OAUTH_TOKEN, PATH, PROJECT, TRACE, sha,
};

/// A clock that does not wait.
#[derive(Debug)]
struct Hurry(Mutex<SystemTime>);

impl Clock for Hurry {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        *self.0.lock().unwrap() += time;
        Box::pin(std::future::ready(()))
    }
}

fn client(port: u16, token: Token) -> Gitlab {
    let mut settings = Settings::new(&format!("http://127.0.0.1:{port}/gitlab"), false).unwrap();
    settings.http.clock = Arc::new(Hurry(Mutex::new(SystemTime::now())));
    settings.http.timeout = Duration::from_millis(700);
    settings.http.idle = Duration::from_millis(700);
    Gitlab::new(settings, token).unwrap()
}

fn bot(port: u16) -> Gitlab {
    client(port, Token::Private(SecretString::from(BOT_TOKEN)))
}

fn project() -> Project {
    Project::Id(PROJECT)
}

fn suggestion(start: u32, old: &[&str], new: &[&str]) -> Suggestion {
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    Suggestion {
        path: "src/valve.c".to_owned(),
        start_line: start,
        end_line: start + u32::try_from(old.len()).unwrap() - 1,
        old: lines(old),
        new: lines(new),
        text: "Verified: compiled with the command that failed.".to_owned(),
        fingerprint: "0123456789abcdef".to_owned(),
    }
}

fn failed() -> Answer {
    Answer {
        key: "triage".to_owned(),
        outcome: Outcome::Failed,
        title: "2 causes, 1 verified fix".to_owned(),
        comment: "### 2 causes\n\nunknown type name `imt`\n".to_owned(),
        summary: String::new(),
        annotations: Vec::new(),
        suggestions: vec![
            suggestion(4, &["imt opne(void);"], &["int open(void);"]),
            suggestion(5, &["int clos(void);", "int seat(void);"], &["int close(void);", "int seat(void);", "```"]),
            suggestion(1, &["#include \"valve.h\""], &["#include <stddef.h>", "#include \"valve.h\""]),
            // Outside of the diff; other text than the diff has; a command for GitLab.
            suggestion(40, &["x"], &["y"]),
            suggestion(4, &["int opne(void);"], &["int open(void);"]),
            suggestion(4, &["imt opne(void);"], &["/close"]),
        ],
    }
}

fn passed() -> Answer {
    let comment = "### Resolved\n\nAll builds pass.".to_owned();
    Answer {
        outcome: Outcome::Passed,
        title: "all builds pass".to_owned(),
        comment,
        suggestions: Vec::new(),
        ..failed()
    }
}

fn options() -> Options {
    let status = Status { name: "triage".to_owned(), target_url: None, pipeline: None, blocks: true };
    Options { status: Some(status), ..Options::default() }
}

fn target(fake: &Fake) -> Target {
    let head: Sha = fake.state().head().parse().unwrap();
    Target { project: project(), merge_request: MR, head_sha: head.clone(), built_sha: head }
}

/// A pipeline that failed, as the webhook tells it.
fn hook(fake: &Fake, pipeline: u64) -> Run {
    let body = fake.state().pipeline_hook(pipeline).to_string();
    let mut headers = http::HeaderMap::new();
    for (name, value) in [("x-gitlab-event", "Pipeline Hook"), ("x-gitlab-token", "secret"), ("idempotency-key", "k")] {
        headers.insert(name, value.parse().unwrap());
    }
    let secrets = GitlabSecrets::new(vec![SecretString::from("secret")], &[]).unwrap();
    let delivery = secrets.verify(&headers, body.into(), SystemTime::now()).unwrap();
    let notice = delivery.notice().unwrap();
    assert_eq!(notice.repository.unwrap().path, PATH);
    match notice.event {
        Event::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

fn read(book: &RuleBook, logs: Vec<std::fs::File>) -> Report {
    let mut analyzer = Analyzer::new(book, AnalyzerOptions::default());
    for mut log in logs {
        analyzer.begin("trace");
        let summary = triage_log::read_log(&mut log, &mut |diagnostic| analyzer.diagnostic(diagnostic)).unwrap();
        analyzer.end(&summary);
    }
    analyzer.finish()
}

fn bodies(fake: &Fake) -> Vec<String> {
    fake.state().notes_of(BOT).iter().map(|note| note.body.clone()).collect()
}

/// What people see: the bot's comments without their numbers, and the statuses that stand.
fn seen(fake: &Fake) -> (Vec<(String, bool)>, Vec<String>) {
    let state = fake.state();
    let mut notes: Vec<_> =
        state.notes_of(BOT).iter().map(|note| (note.body.clone(), note.resolved_by.is_some())).collect();
    notes.sort();
    let statuses = state.statuses.iter().filter(|it| !it.retried).map(|it| format!("{} {}", it.name, it.state));
    (notes, statuses.collect())
}

#[tokio::test]
async fn from_the_hook_to_green() {
    let fake = Fake::start();
    let gitlab = bot(fake.port);
    let pipeline = {
        let mut state = fake.state();
        let pipeline = state.pipeline("failed");
        state.job(pipeline, "gcc", "failed", TRACE);
        state.job(pipeline, "clang", "success", "");
        pipeline
    };
    // The hook, the jobs, the logs.
    let run = hook(&fake, pipeline);
    assert_eq!((run.ended, &run.changes[..]), (Ended::Failed, &[MR][..]));
    let jobs = gitlab.failed_jobs(&project(), run.id).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>(), ["gcc"]);
    let trace = gitlab.trace(&jobs[0].project, jobs[0].id, TRACE_MAX).await.unwrap().unwrap();
    assert!(!trace.truncated);
    let report = read(&RuleBook::embedded(), vec![trace.file]);
    let symbols: Vec<_> = report.causes.iter().flat_map(|cause| &cause.symbols).collect();
    assert_eq!(symbols, ["imt", "seat_t"], "{report:?}");
    let change =
        gitlab.merge_requests_of(&project(), &gitlab.pipeline(&project(), run.id).await.unwrap()).await.unwrap();
    assert_eq!((change[0].iid, change[0].superseded), (MR, false));

    // The answer: a note, three suggestions, a status.
    let done = gitlab.publish(&target(&fake), &failed(), &options()).await.unwrap();
    assert_eq!((done.comment, done.suggestions, done.left_out, done.status), (Done::Made, 3, 3, Some(true)));
    let first = bodies(&fake);
    assert_eq!(first.len(), 4);
    assert_eq!(first[0], "<!-- triage:key=triage -->\n### 2 causes\n\nunknown type name `imt`");
    assert!(first[1].ends_with("```suggestion:-0+0\nint open(void);\n```"), "{}", first[1]);
    assert!(first[2].ends_with("````suggestion:-0+1\nint close(void);\nint seat(void);\n```\n````"), "{}", first[2]);
    let url = done.url.unwrap();
    assert!(url.ends_with(&format!("/{PATH}/-/merge_requests/{MR}#note_{}", fake.state().notes[0].id)), "{url}");
    assert_eq!(seen(&fake).1, ["triage failed"]);

    // The same again: nothing changes.
    let changes = fake.state().changes.len();
    let done = gitlab.publish(&target(&fake), &failed(), &options()).await.unwrap();
    assert_eq!((done.comment, done.suggestions, done.status), (Done::Unchanged, 3, Some(false)));
    assert_eq!(fake.state().changes.len(), changes);

    // A second push that takes one of the suggestions: the same note, what is done is resolved.
    fake.state().merge_request().heads.push(sha("head 2"));
    let mut second = failed();
    second.comment = "### 1 cause".to_owned();
    second.suggestions.remove(0);
    let done = gitlab.publish(&target(&fake), &second, &options()).await.unwrap();
    assert_eq!((done.comment, done.suggestions), (Done::Edited, 2));
    let (notes, _) = seen(&fake);
    assert_eq!(notes.len(), 4);
    assert_eq!(notes[0].0, "<!-- triage:key=triage -->\n### 1 cause");
    assert_eq!(notes.iter().filter(|(_, resolved)| *resolved).count(), 1);

    // An answer about the first push comes late: nothing is said.
    let late = Target { head_sha: sha("head 1").parse().unwrap(), ..target(&fake) };
    let done = gitlab.publish(&late, &failed(), &Options::default()).await.unwrap();
    assert_eq!(done.skipped, Some(Skipped::Superseded(Some(sha("head 2").parse().unwrap()))));
    assert_eq!(seen(&fake).0, notes);

    // Green: the note says so, the suggestions are resolved, the status passes.
    let done = gitlab.publish(&target(&fake), &passed(), &options()).await.unwrap();
    assert_eq!((done.comment, done.suggestions, done.status), (Done::Edited, 0, Some(true)));
    let (notes, statuses) = seen(&fake);
    assert!(notes[0].0.contains("All builds pass"));
    assert_eq!(notes.iter().filter(|(_, resolved)| *resolved).count(), 3);
    assert_eq!(statuses, ["triage failed", "triage success"], "one a commit");

    // Red again: what we resolved holds again.
    let done = gitlab.publish(&target(&fake), &second, &options()).await.unwrap();
    assert_eq!((done.comment, done.suggestions), (Done::Edited, 2));
    assert_eq!(seen(&fake).0.iter().filter(|(_, resolved)| *resolved).count(), 1);
}

#[tokio::test]
async fn nothing_is_said_when_nothing_failed() {
    let fake = Fake::start();
    let done = bot(fake.port).publish(&target(&fake), &passed(), &Options::default()).await.unwrap();
    assert_eq!((done.comment, done.url), (Done::Nothing, None));
    assert!(fake.state().changes.is_empty());
    fake.state().merge_request().state = "merged".to_owned();
    let done = bot(fake.port).publish(&target(&fake), &failed(), &Options::default()).await.unwrap();
    assert_eq!(done.skipped, Some(Skipped::NotOpen));
    assert!(fake.state().changes.is_empty());
}

#[tokio::test]
async fn a_discussion_can_be_resolved() {
    let fake = Fake::start();
    let gitlab = bot(fake.port);
    let options = Options { resolvable: true, ..Options::default() };
    gitlab.publish(&target(&fake), &failed(), &options).await.unwrap();
    assert_eq!(fake.state().notes[0].kind, Some("DiscussionNote"));
    gitlab.publish(&target(&fake), &passed(), &options).await.unwrap();
    assert!(fake.state().notes.iter().all(|note| note.resolved_by == Some(BOT)));
    // A person resolves a suggestion: it stays so.
    gitlab.publish(&target(&fake), &failed(), &options).await.unwrap();
    assert!(fake.state().notes.iter().all(|note| note.resolved_by.is_none()));
    fake.state().notes[1].resolved_by = Some(ANN);
    let done = gitlab.publish(&target(&fake), &failed(), &options).await.unwrap();
    assert_eq!(done.suggestions, 2);
    assert_eq!(fake.state().notes[1].resolved_by, Some(ANN));
}

/// Comments of others are left alone, also those that bear our marker, and more than a page of them hides nothing.
#[tokio::test]
async fn only_our_own_comments_are_touched() {
    let fake = Fake::start();
    let ann = client(fake.port, Token::OAuth(SecretString::from(ANN_TOKEN)));
    let mut quoted = failed();
    quoted.suggestions.clear();
    ann.publish(&target(&fake), &quoted, &Options::default()).await.unwrap();
    let anns = fake.state().notes[0].clone();
    for at in 0..230 {
        let mut note = anns.clone();
        (note.id, note.discussion, note.body) = (10 + at, sha(&format!("d {at}")), "Looks fine".to_owned());
        fake.state().notes.push(note);
    }
    let gitlab = client(fake.port, Token::OAuth(SecretString::from(OAUTH_TOKEN)));
    for _ in 0..2 {
        gitlab.publish(&target(&fake), &failed(), &Options::default()).await.unwrap();
    }
    let mut other = failed();
    (other.key, other.comment) = ("other".to_owned(), "Another bot".to_owned());
    other.suggestions.clear();
    gitlab.publish(&target(&fake), &other, &Options::default()).await.unwrap();
    assert_eq!(bodies(&fake).len(), 5);
    assert_eq!(fake.state().notes[0].body, anns.body);
    assert_eq!(fake.state().notes_of(ANN).len(), 231);
}

/// GitLab carries out lines of comments: a log must not close a merge request.
#[tokio::test]
async fn no_command_of_gitlab_is_in_a_comment() {
    let fake = Fake::start();
    let mut answer = failed();
    answer.comment = "Log:\n/close\n\n```text\n/merge\n```\n\n````text\n/close\n````\n".to_owned();
    answer.suggestions[0].text = "/merge".to_owned();
    for _ in 0..2 {
        bot(fake.port).publish(&target(&fake), &answer, &Options::default()).await.unwrap();
    }
    assert_eq!(fake.state().merge_request().state, "opened");
    assert_eq!(bodies(&fake).len(), 4);
    assert!(bodies(&fake)[0].contains("\n\\/close\n"), "{}", bodies(&fake)[0]);
}

#[tokio::test]
async fn what_a_token_may_not_do_is_said() {
    let fake = Fake::start();
    let pipeline = fake.state().pipeline("failed");
    let job = fake.state().job(pipeline, "gcc", "failed", TRACE);
    let gitlab = client(fake.port, Token::Job(SecretString::from(JOB_TOKEN)));
    let error = gitlab.publish(&target(&fake), &failed(), &options()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("GitLab does not let a CI_JOB_TOKEN ") && text.contains("project access token"), "{text}");
    assert!(!text.contains(JOB_TOKEN));
    let error = gitlab.trace(&project(), job, TRACE_MAX).await.unwrap_err();
    assert!(matches!(&error, Error::JobToken { what: "read the logs of jobs", .. }), "{error}");
    let error = client(fake.port, Token::Private(SecretString::from("wrong"))).me().await.unwrap_err();
    assert!(matches!(&error, Error::Http(error) if error.status.unwrap() == 401), "{error}");
    assert!(fake.state().changes.is_empty());
}

#[tokio::test]
async fn who_may_command() {
    let fake = Fake::start();
    let gitlab = bot(fake.port);
    let path = Project::Path(PATH.to_owned());
    for (who, access) in [(ANN, Access::Write), (BOB, Access::Read), (99, Access::None)] {
        assert_eq!(gitlab.access(&path, who).await.unwrap(), access);
    }
}

#[tokio::test]
async fn pipelines_within_pipelines() {
    let fake = Fake::start();
    let gitlab = bot(fake.port);
    let parent = {
        let mut state = fake.state();
        let parent = state.pipeline("failed");
        let child = state.pipeline("failed");
        let other = state.pipeline("failed");
        state.pipelines.last_mut().unwrap().project = 77;
        let fine = state.pipeline("success");
        for (name, of, started, allow) in [
            ("children", parent, child, false),
            ("others", child, other, true),
            ("fine", parent, fine, false),
            ("round", other, parent, false),
        ] {
            state.job(of, name, "failed", "");
            let bridge = state.jobs.last_mut().unwrap();
            (bridge.downstream, bridge.allow_failure) = (Some(started), allow);
        }
        state.job(parent, "lint", "failed", "");
        state.jobs.last_mut().unwrap().allow_failure = true;
        state.job(parent, "gcc", "failed", "");
        state.jobs.last_mut().unwrap().retried = true;
        state.job(parent, "gcc", "success", "");
        state.job(child, "clang", "failed", "");
        state.job(other, "arm", "failed", "");
        parent
    };
    let jobs = gitlab.failed_jobs(&project(), parent).await.unwrap();
    let shown: Vec<_> = jobs.iter().map(|it| (it.name.as_str(), it.allow_failure, it.within.join("/"))).collect();
    assert_eq!(
        shown,
        [
            ("clang", false, "children".to_owned()),
            ("lint", true, String::new()),
            ("arm", true, "children/others".to_owned()),
        ]
    );
    assert_eq!(jobs[2].project, Project::Id(77));
    assert_eq!(jobs[0].reason.as_deref(), Some("script_failure"));
}

/// For a merged result, the commit that was built is none of the branch's.
#[tokio::test]
async fn merged_results_belong_to_the_branch() {
    let fake = Fake::start();
    let gitlab = bot(fake.port);
    let pipeline = fake.state().pipeline("failed");
    {
        let mut state = fake.state();
        let raw = state.pipelines.last_mut().unwrap();
        (raw.sha, raw.of) = (sha("merged"), format!("refs/merge-requests/{MR}/merge"));
    }
    let pipeline = gitlab.pipeline(&project(), pipeline).await.unwrap();
    let found = gitlab.merge_requests_of(&project(), &pipeline).await.unwrap();
    assert_eq!((found[0].head_sha.as_str(), found[0].superseded), (fake.state().head().as_str(), false));
    let target = Target { built_sha: pipeline.sha, ..target(&fake) };
    gitlab.publish(&target, &failed(), &options()).await.unwrap();
    assert_eq!(fake.state().statuses[0].sha, sha("merged"));
}

/// Two processes say the same at once, many times over: one note, three suggestions, one status.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_once_end_in_one() {
    for _ in 0..15 {
        let fake = Fake::start();
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let (gitlab, target) = (bot(fake.port), target(&fake));
                tokio::spawn(async move { gitlab.publish(&target, &failed(), &options()).await.map(|_| ()) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let (notes, statuses) = seen(&fake);
        assert_eq!(notes.len(), 4, "{notes:#?}");
        assert_eq!(statuses.len(), 1);
    }
}

const FAULTS: &[Fault] = &[
    Fault::Refused(429, Some(("Retry-After", "30"))),
    Fault::Refused(429, Some(("RateLimit-Reset", "4000000000"))),
    Fault::Refused(500, None),
    Fault::Refused(502, None),
    Fault::DoneBut(500),
    Fault::DoneBut(502),
    Fault::ClosedBefore,
    Fault::ClosedAfter,
    Fault::Cut,
];

/// Publishes with faults, and once more without when it gave up, as a queue would.
async fn through(proxy: &Proxy, target: &Target, answer: &Answer, faults: &[(usize, Fault)]) -> Published {
    let gitlab = bot(proxy.port);
    proxy.plan(faults);
    // What is forbidden stays so by itself; here somebody gives the token its rights.
    let forbidden = faults.iter().any(|(_, fault)| matches!(fault, Fault::Refused(403, _)));
    match gitlab.publish(target, answer, &options()).await {
        Ok(done) if !forbidden => done,
        Err(error) if !forbidden && !error.is_transient() => panic!("{error}"),
        _ => {
            proxy.plan(&[]);
            bot(proxy.port).publish(target, answer, &options()).await.unwrap()
        }
    }
}

/// Every request of the whole way breaks in every way: the end is always the same, and nothing is there twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_may_break() {
    let calm = Fake::start();
    let proxy = Proxy::start(calm.port);
    let mut second = failed();
    second.comment = "### 1 cause".to_owned();
    let (mut wanted, mut requests) = (Vec::new(), Vec::new());
    for answer in [&failed(), &second, &passed()] {
        through(&proxy, &target(&calm), answer, &[]).await;
        requests.push(proxy.seen().len());
        wanted.push(seen(&calm));
    }
    let mut tried = 0;
    let slow = [Fault::Refused(403, None), Fault::SilentBefore(1500), Fault::SilentAfter(1500)];
    for fault in FAULTS.iter().chain(&slow) {
        for (step, answer) in [&failed(), &second, &passed()].into_iter().enumerate() {
            for at in 0..requests[step] {
                // Time-outs take their time: one in three.
                if matches!(fault, Fault::SilentBefore(_) | Fault::SilentAfter(_)) && at % 3 != step {
                    continue;
                }
                let fake = Fake::start();
                let proxy = Proxy::start(fake.port);
                for before in &[failed(), second.clone()][..step] {
                    bot(fake.port).publish(&target(&fake), before, &options()).await.unwrap();
                }
                through(&proxy, &target(&fake), answer, &[(at, *fault)]).await;
                assert_eq!(seen(&fake), wanted[step], "{fault:?} at request {at} of step {step}: {:?}", proxy.seen());
                tried += 1;
            }
        }
    }
    println!("{requests:?} requests, {tried} faults");
    assert!(tried > 200, "{tried}");
}

/// Two faults in one go, at random places.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_requests_may_break() {
    let calm = Fake::start();
    let proxy = Proxy::start(calm.port);
    through(&proxy, &target(&calm), &failed(), &[]).await;
    let (requests, wanted) = (proxy.seen().len(), seen(&calm));
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % below
    };
    for _ in 0..100 {
        let faults = [(next(requests), FAULTS[next(FAULTS.len())]), (next(requests), FAULTS[next(FAULTS.len())])];
        let fake = Fake::start();
        let proxy = Proxy::start(fake.port);
        through(&proxy, &target(&fake), &failed(), &faults).await;
        assert_eq!(seen(&fake), wanted, "{faults:?}");
    }
}

/// A comment is answered once, and the answer is no suggestion that goes away.
#[tokio::test]
async fn a_comment_is_answered_once() {
    let fake = Fake::start();
    let gitlab = bot(fake.port);
    let project = project();
    let comment = Comment { project: &project, merge_request: MR, comment: 77, key: "triage" };
    for _ in 0..2 {
        gitlab.reply(&comment, "Because.\n/close").await.unwrap();
    }
    gitlab.publish(&target(&fake), &passed(), &Options::default()).await.unwrap();
    assert_eq!(bodies(&fake), ["<!-- triage:key=triage reply=77 -->\nBecause.\n\\/close"]);
    assert_eq!(fake.state().merge_request().state, "opened");
}

/// Pages of comments that are larger than an answer may be are asked for in smaller ones.
#[tokio::test]
async fn large_comments_are_read() {
    let fake = Fake::start();
    for at in 0..40 {
        let mut state = fake.state();
        let (id, discussion) = (10 + at, sha(&format!("d {at}")));
        let body = "x".repeat(900_000);
        let note = Note { id, iid: MR, discussion, author: ANN, body, kind: None, resolved_by: None, position: None };
        state.notes.push(note);
    }
    for _ in 0..2 {
        bot(fake.port).publish(&target(&fake), &failed(), &Options::default()).await.unwrap();
    }
    assert_eq!(bodies(&fake).len(), 4);
}

#[tokio::test]
async fn what_is_wrong_is_refused_before_anything_is_sent() {
    let fake = Fake::start();
    let gitlab = bot(fake.port);
    for key in ["", "a b", "x-->", &"k".repeat(61)] {
        let answer = Answer { key: key.to_owned(), ..failed() };
        let error = gitlab.publish(&target(&fake), &answer, &Options::default()).await.unwrap_err();
        assert!(matches!(error, Error::Key(_)), "{error}");
    }
    let answer = Answer { comment: "é".repeat(1_000_000), ..failed() };
    let error = gitlab.publish(&target(&fake), &answer, &Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::TooLong(1_000_027)), "{error}");
    assert!(fake.state().changes.is_empty());
    let answer = Answer { comment: "é".repeat(1_000_000 - 27), ..failed() };
    gitlab.publish(&target(&fake), &answer, &Options::default()).await.unwrap();
    assert_eq!(bodies(&fake).len(), 4);
}
