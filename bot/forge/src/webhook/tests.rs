//! Deliveries as forges send them, and as others may.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;

use super::notice::{Became, Ended, Event, Sha};
use super::signature::{BODY_MAX, BadSecret, GithubSecrets, GitlabSecrets, Refused};
use super::{Delivery, Notice};

const NOW: u64 = 1_790_000_000;
const HEAD: &str = "0123456789abcdef0123456789abcdef01234567";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn secrets(texts: &[&str]) -> Vec<SecretString> {
    texts.iter().map(|text| SecretString::from(*text)).collect()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| -> (HeaderName, HeaderValue) {
        (name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    pairs.iter().map(pair).collect()
}

fn sign(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap();
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

fn github_headers(event: &str, secret: &str, body: &[u8]) -> HeaderMap {
    let signature = format!("sha256={}", hex::encode(sign(secret.as_bytes(), body)));
    headers(&[("X-GitHub-Event", event), ("X-GitHub-Delivery", "d-1"), ("X-Hub-Signature-256", &signature)])
}

fn github(event: &str, body: impl Into<Bytes>) -> Delivery {
    let body = body.into();
    let headers = github_headers(event, "old", &body);
    GithubSecrets::new(secrets(&["new", "old"])).unwrap().verify(&headers, body).unwrap()
}

fn gitlab(event: &str, body: &Value) -> Delivery {
    let headers = headers(&[("X-Gitlab-Event", event), ("X-Gitlab-Token", "t"), ("Idempotency-Key", "k-1")]);
    let secrets = GitlabSecrets::new(secrets(&["t"]), &[]).unwrap();
    secrets.verify(&headers, body.to_string().into(), now()).unwrap()
}

#[track_caller]
fn notice(delivery: &Delivery) -> Notice {
    delivery.notice().unwrap_or_else(|error| panic!("{error}"))
}

/// The example of <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.
#[test]
fn the_signature_is_the_documented_one() {
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let headers =
        headers(&[("X-GitHub-Event", "ping"), ("X-GitHub-Delivery", "d"), ("X-Hub-Signature-256", signature)]);
    let secrets = GithubSecrets::new(secrets(&["It's a Secret to Everybody"])).unwrap();
    secrets.verify(&headers, Bytes::from_static(b"Hello, World!")).unwrap();
}

#[test]
fn github_takes_what_is_signed_with_any_secret() {
    let body = Bytes::from_static(b"{}");
    let both = GithubSecrets::new(secrets(&["new", "old"])).unwrap();
    for secret in ["new", "old"] {
        let delivery = both.verify(&github_headers("ping", secret, &body), body.clone()).unwrap();
        assert_eq!(notice(&delivery).event, Event::Ping);
        assert_eq!(delivery.keys()[0], "github:id:d-1");
        assert!(delivery.keys()[1].starts_with("github:sha256:44136fa355b3678a"), "{:?}", delivery.keys());
    }
    assert_eq!(both.verify(&github_headers("ping", "other", &body), body.clone()).unwrap_err().status(), 403);
    let mut changed = github_headers("ping", "new", &body);
    changed.insert("X-Hub-Signature-256", HeaderValue::from_static("sha1=00"));
    assert_eq!(both.verify(&changed, body.clone()).unwrap_err().status(), 400);
    changed.remove("X-Hub-Signature-256");
    assert_eq!(both.verify(&changed, body.clone()).unwrap_err().status(), 401);
    let mut nameless = github_headers("ping", "new", &body);
    nameless.remove("X-GitHub-Delivery");
    assert_eq!(both.verify(&nameless, body).unwrap_err(), Refused::Malformed("X-GitHub-Delivery"));
    let large = Bytes::from(vec![b' '; BODY_MAX + 1]);
    let error = both.verify(&github_headers("ping", "new", &large), large).unwrap_err();
    assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn a_secret_must_be_one() {
    assert_eq!(GithubSecrets::new(Vec::new()).unwrap_err(), BadSecret::None);
    assert_eq!(GithubSecrets::new(secrets(&["x", " "])).unwrap_err(), BadSecret::Empty);
    assert_eq!(GitlabSecrets::new(Vec::new(), &[]).unwrap_err(), BadSecret::None);
    assert_eq!(GitlabSecrets::new(secrets(&[""]), &[]).unwrap_err(), BadSecret::Empty);
    assert_eq!(GitlabSecrets::new(Vec::new(), &secrets(&["whsec_!"])).unwrap_err(), BadSecret::Key);
    assert_eq!(GitlabSecrets::new(Vec::new(), &secrets(&["whsec_"])).unwrap_err(), BadSecret::Key);
    let debug = format!("{:?}", GitlabSecrets::new(secrets(&["hush"]), &secrets(&["whsec_aGVsbG8="])).unwrap());
    assert!(!debug.contains("hush") && !debug.contains("hello"), "{debug}");
}

#[test]
fn gitlab_takes_a_token() {
    let secrets = GitlabSecrets::new(secrets(&["new", "old"]), &[]).unwrap();
    let base = [("X-Gitlab-Event", "Job Hook"), ("X-Gitlab-Event-UUID", "e-1")];
    let with = |token| headers(&[base[0], base[1], ("X-Gitlab-Token", token)]);
    for token in ["new", "old"] {
        assert_eq!(secrets.verify(&with(token), Bytes::new(), now()).unwrap().id(), "e-1");
    }
    for token in ["", "ne", "newer", "NEW", "new\u{e9}"] {
        assert_eq!(secrets.verify(&with(token), Bytes::new(), now()).unwrap_err().status(), 403, "{token}");
    }
    assert_eq!(secrets.verify(&headers(&base), Bytes::new(), now()).unwrap_err().status(), 401);
    // Old servers send no id.
    let old = headers(&[("X-Gitlab-Event", "Job Hook"), ("X-Gitlab-Token", "new")]);
    assert_eq!(secrets.verify(&old, Bytes::from_static(b"{}"), now()).unwrap().id().len(), 64);
}

fn signed(key: &[u8], id: &str, time: u64, body: &[u8]) -> HeaderMap {
    let content = [format!("{id}.{time}.").as_bytes(), body].concat();
    let signature = format!("v1,AAAA v1a,x v1,{}", STANDARD.encode(sign(key, &content)));
    headers(&[
        ("X-Gitlab-Event", "Job Hook"),
        ("webhook-id", id),
        ("webhook-timestamp", &time.to_string()),
        ("webhook-signature", &signature),
        ("Idempotency-Key", "not signed"),
    ])
}

/// The example of the specification of Standard Webhooks, with its key and its signature.
#[test]
fn the_signed_form_is_the_specified_one() {
    let key = secrets(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
    let secrets = GitlabSecrets::new(Vec::new(), &key).unwrap();
    let headers = headers(&[
        ("X-Gitlab-Event", "Job Hook"),
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ]);
    let time = UNIX_EPOCH + Duration::from_secs(1_614_265_330);
    let delivery = secrets.verify(&headers, Bytes::from_static(b"{\"test\": 2432232314}"), time).unwrap();
    assert_eq!(delivery.id(), "msg_p5jXN8AQM9LWM0D4loKWxJek");
}

#[test]
fn gitlab_takes_what_is_signed_and_fresh() {
    let (key, body) = (b"0123456789abcdef0123456789abcdef", Bytes::from_static(b"{}"));
    let signing = secrets(&["whsec_b2xkIG9uZQ==", &format!("whsec_{}", STANDARD.encode(key))]);
    let only = GitlabSecrets::new(Vec::new(), &signing).unwrap();
    let both = GitlabSecrets::new(secrets(&["t"]), &signing).unwrap();
    for away in [0, 299, 300] {
        for time in [NOW - away, NOW + away] {
            assert_eq!(only.verify(&signed(key, "m-1", time, &body), body.clone(), now()).unwrap().id(), "m-1");
        }
    }
    for time in [0, NOW - 301, NOW + 301, 999_999_999_999] {
        let error = only.verify(&signed(key, "m-1", time, &body), body.clone(), now()).unwrap_err();
        assert!(matches!(error, Refused::Stale(away) if away > 300), "{error}");
    }
    let fresh = signed(key, "m-1", NOW, &body);
    assert!(both.verify(&fresh, body.clone(), now()).is_ok());
    // Another time, id or body is not what was signed; a token does not make up for a wrong signature.
    for (name, value) in [("webhook-timestamp", "1790000001"), ("webhook-id", "m-2"), ("webhook-signature", "v1,AAAA")]
    {
        let mut changed = fresh.clone();
        changed.insert(name, HeaderValue::from_static(value));
        changed.insert("X-Gitlab-Token", HeaderValue::from_static("t"));
        assert_eq!(both.verify(&changed, body.clone(), now()).unwrap_err().status(), 403, "{name}");
    }
    assert_eq!(only.verify(&fresh, Bytes::from_static(b"{ }"), now()).unwrap_err().status(), 403);
    for (name, value) in [("webhook-timestamp", "-1"), ("webhook-timestamp", "1e9"), ("webhook-id", "")] {
        let mut changed = fresh.clone();
        changed.insert(name, HeaderValue::from_static(value));
        assert_eq!(only.verify(&changed, body.clone(), now()).unwrap_err(), Refused::Malformed(name));
    }
    // Not signed: only where a token is configured too.
    let plain = headers(&[("X-Gitlab-Event", "Job Hook"), ("X-Gitlab-Token", "t")]);
    assert_eq!(only.verify(&plain, body.clone(), now()).unwrap_err().status(), 401);
    assert!(both.verify(&plain, body, now()).is_ok());
}

fn run_event(conclusion: &str) -> Value {
    json!({
        "action": "completed",
        "workflow_run": {
            "id": 7, "run_attempt": 2, "name": "CI", "head_sha": HEAD, "head_branch": "topic",
            "conclusion": conclusion, "check_suite_id": 5, "html_url": "https://example.org/run/7",
            "pull_requests": [{"number": 3}], "head_repository": {"id": 9}, "repository": {"id": 1},
        },
        "repository": {"id": 1, "full_name": "o/r", "html_url": "https://example.org/o/r"},
        "installation": {"id": 77},
        "sender": {"id": 2, "login": "ann", "type": "User"},
    })
}

#[test]
fn github_runs() {
    let told = notice(&github("workflow_run", run_event("failure").to_string()));
    assert_eq!(told.repository.unwrap().path, "o/r");
    assert_eq!(told.installation, Some(77));
    let Event::Run(run) = told.event else { panic!("{:?}", told.event) };
    assert_eq!((run.id, run.attempt, run.ended, run.from_fork), (7, 2, Ended::Failed, true));
    assert_eq!((run.head_sha.as_str(), &run.changes[..]), (HEAD, &[3][..]));
    for (conclusion, ended) in [
        ("success", Some(Ended::Passed)),
        ("timed_out", Some(Ended::Failed)),
        ("startup_failure", Some(Ended::Failed)),
        ("cancelled", Some(Ended::Cancelled)),
        ("skipped", Some(Ended::Skipped)),
        ("action_required", None),
        ("something new", None),
    ] {
        let event = notice(&github("workflow_run", run_event(conclusion).to_string())).event;
        match ended {
            Some(ended) => assert!(matches!(event, Event::Run(run) if run.ended == ended), "{conclusion}"),
            None => assert!(matches!(event, Event::Nothing(_)), "{conclusion}"),
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    let mut event = run_event("failure");
    event["workflow_run"]["head_sha"] = json!("../../etc");
    let error = github("workflow_run", event.to_string()).notice().unwrap_err();
    assert_eq!(error.path, "workflow_run.head_sha");
    let text = error.to_string();
    assert!(text.starts_with("github webhook `workflow_run`: workflow_run.head_sha: a commit id has"), "{text}");
    let error = github("workflow_run", "").notice().unwrap_err();
    assert!(error.message.starts_with("EOF"), "{error}");
    let error = github("workflow_run", format!("{} x", run_event("failure"))).notice().unwrap_err();
    assert!(error.message.starts_with("trailing characters"), "{error}");
    let deep = format!("{{\"workflow_run\": {}", "[".repeat(1_000_000));
    assert!(github("workflow_run", deep).notice().is_err());
}

#[test]
fn what_is_not_used_is_no_error() {
    for event in ["push", "made_up_in_2031", "security_advisory"] {
        for body in ["{}", "not even JSON", "{\"repository\": 7}"] {
            assert!(matches!(notice(&github(event, body)).event, Event::Nothing(_)), "{event} {body}");
        }
    }
    for event in ["Push Hook", "Feature Flag Hook", "Hook of 2031"] {
        assert!(matches!(notice(&gitlab(event, &json!({}))).event, Event::Nothing(_)), "{event}");
    }
}

/// What GitHub sends when the webhook was left at its default content type.
#[test]
fn a_form_is_read_too() {
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &run_event("failure").to_string())
        .finish();
    assert!(matches!(notice(&github("workflow_run", form)).event, Event::Run(_)));
}

fn comment_event(body: &str) -> Value {
    json!({
        "action": "created",
        "issue": {"number": 4, "pull_request": {}},
        "comment": {"id": 11, "body": body, "user": {"id": 2, "login": "ann", "type": "User"}},
    })
}

#[test]
fn github_comments() {
    let Event::Comment(comment) = notice(&github("issue_comment", comment_event("/triage why").to_string())).event
    else {
        panic!("a command is a comment")
    };
    assert_eq!((comment.id, comment.change, comment.author.name.as_str()), (11, 4, "ann"));
    assert_eq!(comment.commands.taken.len(), 1);
    let mut others = vec![comment_event("Thanks"), comment_event("> /triage why"), comment_event("/triage why")];
    others[2]["action"] = json!("edited");
    for (pointer, value) in [
        ("/comment/user/type", json!("Bot")),
        ("/comment/user/login", json!("triage[bot]")),
        ("/comment/user", Value::Null),
        ("/comment/body", Value::Null),
        ("/issue/pull_request", Value::Null),
    ] {
        let mut other = comment_event("/triage why");
        *other.pointer_mut(pointer).unwrap() = value;
        others.push(other);
    }
    for other in others {
        assert!(matches!(notice(&github("issue_comment", other.to_string())).event, Event::Nothing(_)), "{other}");
    }
}

fn project() -> Value {
    json!({"id": 12, "path_with_namespace": "g/s/p", "web_url": "https://example.org/g/s/p"})
}

fn pipeline_event() -> Value {
    json!({
        "object_kind": "pipeline",
        "object_attributes": {"id": 31, "iid": 3, "name": null, "ref": "topic", "sha": HEAD, "status": "failed"},
        "merge_request": {"id": 1, "iid": 1, "source_project_id": 12, "target_project_id": 12},
        "user": {"id": 1, "name": "Ann", "username": "ann"},
        "project": project(),
        "source_pipeline": {"project": {"id": 41}, "pipeline_id": 30, "job_id": 3401},
        "builds": [
            {"id": 380, "stage": "build", "name": "gcc", "status": "failed", "allow_failure": false,
             "failure_reason": "script_failure", "runner": {"id": 1, "tags": ["linux"]}},
            {"id": 377, "stage": "build", "name": "clang", "status": "success", "failure_reason": "unknown_failure",
             "runner": null},
            {"id": 381, "stage": "deploy", "name": "deploy", "status": "manual"},
        ],
    })
}

#[test]
fn gitlab_pipelines() {
    let told = notice(&gitlab("Pipeline Hook", &pipeline_event()));
    assert_eq!(told.repository.unwrap().path, "g/s/p");
    let Event::Run(run) = told.event else { panic!("{:?}", told.event) };
    assert_eq!((run.id, run.attempt, run.ended, run.from_fork), (31, 381, Ended::Failed, false));
    assert_eq!((run.parent, &run.changes[..]), (Some((41, 30)), &[1][..]));
    assert_eq!(run.url.as_deref(), Some("https://example.org/g/s/p/-/pipelines/31"));
    let jobs: Vec<_> = run.jobs.iter().map(|job| (job.name.as_str(), job.ended, job.reason.as_deref())).collect();
    assert_eq!(jobs, [("gcc", Ended::Failed, Some("script_failure")), ("clang", Ended::Passed, None)]);
    for status in ["created", "pending", "running", "manual", "scheduled", "new in 2031"] {
        let mut event = pipeline_event();
        event["object_attributes"]["status"] = json!(status);
        assert!(matches!(notice(&gitlab("Pipeline Hook", &event)).event, Event::Nothing(_)), "{status}");
    }
    let mut fork = pipeline_event();
    fork["merge_request"]["source_project_id"] = json!(99);
    assert!(matches!(notice(&gitlab("System Hook", &fork)).event, Event::Run(run) if run.from_fork));
}

#[test]
fn gitlab_jobs() {
    let event = json!({
        "object_kind": "build", "ref": "topic", "sha": HEAD, "build_id": 380, "build_name": "gcc",
        "build_stage": "build", "build_status": "failed", "build_allow_failure": true,
        "build_failure_reason": "runner_system_failure", "pipeline_id": 31, "project_id": 12,
        "user": {"id": null, "name": "Ann"}, "commit": {"id": 31, "sha": HEAD}, "project": project(),
    });
    let Event::Job(job) = notice(&gitlab("Job Hook", &event)).event else { panic!("a job ended") };
    assert_eq!((job.id, job.run, job.allow_failure), (380, 31, true));
    assert_eq!(job.reason.as_deref(), Some("runner_system_failure"));
}

#[test]
fn gitlab_merge_requests() {
    let event = |action: Value, oldrev: Value| {
        json!({
            "object_kind": "merge_request", "project": project(), "user": {"id": 1, "username": "ann"},
            "object_attributes": {
                "iid": 5, "action": action, "oldrev": oldrev, "draft": true, "source_project_id": 12,
                "target_project_id": 12, "last_commit": {"id": HEAD},
            },
        })
    };
    for (action, oldrev, became) in [
        (json!("open"), Value::Null, Some(Became::Opened)),
        (json!("update"), json!(HEAD), Some(Became::Pushed)),
        (json!("update"), Value::Null, None),
        (json!("merge"), Value::Null, Some(Became::Closed)),
        (json!("approved"), Value::Null, None),
        (Value::Null, Value::Null, None),
    ] {
        let told = notice(&gitlab("Merge Request Hook", &event(action.clone(), oldrev))).event;
        match became {
            Some(became) => assert!(matches!(told, Event::Change(it) if it.became == became && it.draft), "{action}"),
            None => assert!(matches!(told, Event::Nothing(_)), "{action}"),
        }
    }
}

#[test]
fn gitlab_comments() {
    let event = json!({
        "object_kind": "note", "event_type": "note", "project": project(), "user": {"id": 1, "username": "ann"},
        "object_attributes": {
            "id": 1244, "note": "/triage retest", "noteable_type": "MergeRequest", "discussion_id": "6f1c",
            "action": "create", "system": false, "internal": false,
        },
        "merge_request": {"id": 7, "iid": 1, "last_commit": {"id": HEAD}},
    });
    let Event::Comment(comment) = notice(&gitlab("Note Hook", &event)).event else { panic!("a command") };
    assert_eq!((comment.change, comment.discussion.as_deref()), (1, Some("6f1c")));
    assert_eq!(comment.head_sha.as_ref().map(Sha::as_str), Some(HEAD));
    for (pointer, value) in [
        ("/object_attributes/action", json!("update")),
        ("/object_attributes/system", json!(true)),
        ("/object_attributes/internal", json!(true)),
        ("/object_attributes/note", json!("fine")),
        ("/event_type", json!("confidential_note")),
        ("/merge_request", Value::Null),
        ("/user/username", json!("project_12_bot_0a1b2c")),
        ("/user/username", json!("group_3_bot")),
    ] {
        let mut other = event.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        assert!(matches!(notice(&gitlab("Note Hook", &other)).event, Event::Nothing(_)), "{other}");
    }
    let mut empty = event.clone();
    empty["merge_request"]["last_commit"]["id"] = json!("");
    assert!(matches!(notice(&gitlab("Note Hook", &empty)).event, Event::Comment(it) if it.head_sha.is_none()));
    let mut person = event;
    person["user"]["username"] = json!("project_manager_bot_fan");
    assert!(matches!(notice(&gitlab("Note Hook", &person)).event, Event::Comment(_)));
}

const GITHUB: &[&str] = &[
    "ping",
    "workflow_run",
    "workflow_job",
    "check_suite",
    "check_run",
    "status",
    "pull_request",
    "issue_comment",
    "push",
];
const GITLAB: &[&str] =
    &["Pipeline Hook", "Job Hook", "Note Hook", "Merge Request Hook", "System Hook", "Confidential Note Hook"];

proptest! {
    #[test]
    fn any_bytes_are_read(body in prop::collection::vec(any::<u8>(), 0..200), event in 0..GITHUB.len(), other in 0..GITLAB.len()) {
        let _ = github(GITHUB[event], body.clone()).notice();
        let body = String::from_utf8_lossy(&body);
        let _ = gitlab(GITLAB[other], &json!(body)).notice();
    }

    /// One value of a payload replaced by any other: an error with a path, or something said; no panic.
    #[test]
    fn any_value_is_read(at in 0usize..60, with in 0usize..9, event in 0..GITLAB.len()) {
        let values = [
            Value::Null, json!(-1), json!(1e300), json!(""), json!("x"), json!([]), json!({}), json!(true),
            json!(u64::MAX),
        ];
        let (mut pipeline, mut run) = (pipeline_event(), run_event("failure"));
        replace(&mut pipeline, at, &values[with]);
        replace(&mut run, at, &values[with]);
        let _ = gitlab(GITLAB[event], &pipeline).notice();
        if let Err(error) = github("workflow_run", run.to_string()).notice() {
            prop_assert!(!error.path.is_empty());
        }
    }

    /// Whatever stands in the headers, nothing passes without the right signature.
    #[test]
    fn nothing_passes_unsigned(
        signature in "(sha256=)?[0-9a-fA-F]{0,70}|\\PC{0,40}|v1,[A-Za-z0-9+/=]{0,50}",
        token in "\\PC{0,20}", id in "\\PC{0,20}", time in "[0-9]{0,12}|\\PC{0,12}",
    ) {
        let body = Bytes::from_static(b"{}");
        let mut map = HeaderMap::new();
        for (name, value) in [
            ("x-github-event", "ping"), ("x-gitlab-event", "Job Hook"), ("x-github-delivery", id.as_str()),
            ("x-hub-signature-256", &signature), ("x-gitlab-token", &token), ("webhook-id", &id),
            ("webhook-timestamp", &time), ("webhook-signature", &signature),
        ] {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                map.insert(name, value);
            }
        }
        let secret = secrets(&["a secret that no test makes up"]);
        prop_assert!(GithubSecrets::new(secret.clone()).unwrap().verify(&map, body.clone()).is_err());
        for (tokens, keys) in [(secret.clone(), Vec::new()), (Vec::new(), secret.clone()), (secret.clone(), secret)] {
            let verified = GitlabSecrets::new(tokens, &keys).unwrap().verify(&map, body.clone(), now());
            prop_assert!(verified.is_err());
        }
    }
}

/// Replaces the value with this number, counted as they come.
fn replace(value: &mut Value, at: usize, with: &Value) {
    fn walk(value: &mut Value, left: &mut usize, with: &Value) -> bool {
        if *left == 0 {
            *value = with.clone();
            return true;
        }
        *left -= 1;
        match value {
            Value::Array(items) => items.iter_mut().any(|item| walk(item, left, with)),
            Value::Object(fields) => fields.values_mut().any(|field| walk(field, left, with)),
            _ => false,
        }
    }
    let mut left = at;
    walk(value, &mut left, with);
}
