//! `triage-bot serve`, by HTTP and signals.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};
use triage_tests::bot;
use triage_tests::services::hub::{Hub, head};
use triage_tests::services::{packages, wait_for};
use triage_tests::serving::{Connection, Place, TOKEN, Webhook};

const BUILDS: &str = "/api/v1/builds";

fn quiet() -> (Hub, Place) {
    let hub = Hub::start();
    let place = Place::new(&hub, None, "work: {lease_seconds: 2}\n");
    (hub, place)
}

#[test]
fn a_failed_run_is_answered_once() {
    let (hub, place) = quiet();
    let server = place.serve();
    let mut connection = Connection::open(place.port).unwrap();
    let webhook = Webhook::run(42, "failure");
    assert_eq!(webhook.send(&mut connection).unwrap().status, 202);
    assert_eq!(webhook.send(&mut connection).unwrap().status, 200, "a delivery seen twice");
    let comment = wait_for("the comment", || hub.comment(42));
    assert!(comment.contains("level42") && comment.contains("drivers/pump42.c"), "{comment}");
    wait_for("the check", || (hub.checks().get(&42) == Some(&1)).then_some(()));
    // The same run under another delivery, as GitHub's pages send it again.
    let again = Webhook::new("another".into(), "workflow_run", &json!({"action": "requested"}));
    assert_eq!(again.send(&mut connection).unwrap().status, 200);

    // Commands of one who may write.
    hub.failed(42);
    let asked = asked(42, 99, "/triage explain\n/triage retest\n/triage dismiss").send(&mut connection).unwrap();
    assert_eq!(asked.status, 202, "{}", String::from_utf8_lossy(&asked.body));
    wait_for("the answer", || (hub.comments().get(&42) == Some(&2)).then_some(()));
    assert_eq!(hub.rerun(), [42]);

    // A run, its reply, the command, its reply.
    wait_for("four jobs to be done", || (place.jobs(&["--state", "done"]).stdout.lines().count() == 4).then_some(()));
    assert_eq!(place.jobs(&[]).stdout, "");
    server.signal("TERM");
    assert_eq!(server.end(), Some(0));
    let said = place.said("serve");
    assert!(!said.contains("ERROR") && !said.contains("panicked"), "{said}");
    assert!(!said.contains(TOKEN) && !said.contains("the secret"), "{said}");
}

/// What a person writes into a pull request.
fn asked(pull: u64, id: u64, text: &str) -> Webhook {
    let comment = json!({
        "action": "created",
        "issue": { "number": pull, "state": "open", "pull_request": { "url": "https://github.example/o/r/pull/1" } },
        "comment": { "id": id, "body": text, "user": { "id": 1, "login": "alice", "type": "User" },
                     "html_url": "https://github.example/c" },
        "repository": { "id": 7, "full_name": "o/r", "html_url": "https://github.example/o/r" },
        "installation": { "id": 42 },
        "sender": { "id": 1, "login": "alice", "type": "User" },
    });
    Webhook::new(format!("comment-{id}"), "issue_comment", &comment)
}

/// Runs failed while nobody listened, in a repository that only fits a pattern: they are found, and said once.
#[test]
fn what_was_missed_is_found() {
    let hub = Hub::start();
    let place = Place::new(&hub, None, "work: {lease_seconds: 2}\n");
    let text = fs::read_to_string(place.path("triage.yaml")).unwrap();
    fs::write(place.path("triage.yaml"), text.replace("sweep_minutes: 0", "sweep_minutes: 1")).unwrap();
    hub.failed(3);
    hub.failed(4);
    let server = place.serve();
    wait_for("the comments", || (hub.comments() == BTreeMap::from([(3, 1), (4, 1)])).then_some(()));
    // Its webhook comes late.
    let late = Webhook::run(3, "failure").send(&mut Connection::open(place.port).unwrap()).unwrap();
    assert_eq!(late.status, 202);
    wait_for("all jobs to be done", || place.jobs(&[]).stdout.is_empty().then_some(()));
    server.signal("TERM");
    assert_eq!(server.end(), Some(0));
    assert_eq!(hub.comments(), BTreeMap::from([(3, 1), (4, 1)]));
    assert!(place.said("serve").contains("failed runs were found"), "{}", place.said("serve"));
}

/// What broke elsewhere before is told with that.
#[test]
fn a_known_cause_is_answered_with_its_history() {
    let (hub, place) = quiet();
    let server = place.serve();
    let log = bot::log("drivers/pump8.c", "level8");
    let at = |branch: &str| format!("{BUILDS}?tree=pumps&branch={branch}&commit=1234567890");
    let alone = place.post(&at("main"), &[], log.as_bytes()).unwrap().json();
    assert!(alone["report"]["causes"][0].get("history").is_none(), "there is nothing to tell yet");
    let known = place.post(&at("next"), &[], log.as_bytes()).unwrap().json();
    let history = known["report"]["causes"][0]["history"].as_str().unwrap();
    assert!(history.starts_with("seen since 20") && history.contains("pumps main"), "{history}");
    // `/triage dismiss` is remembered, too.
    let mut connection = Connection::open(place.port).unwrap();
    Webhook::run(8, "failure").send(&mut connection).unwrap();
    let first = wait_for("the comment", || hub.comment(8));
    assert!(first.contains("- history: seen since 20") && first.contains(", 3 builds"), "{first}");
    asked(8, 1, "/triage dismiss").send(&mut connection).unwrap();
    wait_for("the answer", || (hub.comments().get(&8) == Some(&2)).then_some(()));
    asked(8, 2, "/triage explain").send(&mut connection).unwrap();
    let explained = wait_for("the explanation", || hub.last_comment(8).filter(|text| text.contains("history")));
    assert!(explained.contains("alice said invalid"), "{explained}");
    server.signal("TERM");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn who_has_not_signed_is_refused_unread() {
    let (_hub, place) = quiet();
    let server = place.serve();
    let mut connection = Connection::open(place.port).unwrap();
    let body = br#"{"action": "completed"}"#;
    let event = [("x-github-event", "workflow_run"), ("x-github-delivery", "1")];
    let mut ask = |more: &[(&str, &str)]| {
        let headers = [&event, more].concat();
        connection.ask("POST", "/webhook/github", &headers, body).unwrap()
    };
    let unsigned = ask(&[]);
    assert_eq!(unsigned.status, 401);
    assert!(unsigned.head.contains("application/problem+json") && unsigned.head.contains("x-request-id"));
    assert_eq!(ask(&[("x-hub-signature-256", &format!("sha256={}", "0".repeat(64)))]).status, 403);
    assert_eq!(place.get("/webhook/github").unwrap().status, 405);
    let large = vec![b'x'; (25 << 20) + 1];
    let answer = Connection::open(place.port).unwrap().ask("POST", "/webhook/github", &event, &large);
    // The connection may end while it is still sent.
    assert!(answer.map_or(true, |answer| answer.status == 413));
    // Who guesses is not looked at any more.
    let last = (0..40).map(|_| ask(&[("x-hub-signature-256", &format!("sha256={}", "1".repeat(64)))]).status).last();
    assert_eq!(last, Some(429));
    drop(server);
}

#[test]
fn builds_come_in_and_causes_go_out() {
    let (_hub, place) = quiet();
    let _server = place.serve();
    let log = bot::log("drivers/pump.c", "level");
    let sent = place.post(&format!("{BUILDS}?arch=arm64&config=defconfig"), &[], log.as_bytes()).unwrap();
    assert_eq!(sent.status, 201, "{sent:?}");
    let build = sent.json();
    assert_eq!(build["axes"]["config"], "defconfig");
    assert_eq!(build["report"]["causes"][0]["class"], "undeclared-identifier");
    let id = build["id"].as_str().unwrap();
    assert!(sent.head.contains(&format!("location: {BUILDS}/{id}")));
    let kept = place.get(&format!("{BUILDS}/{id}")).unwrap().json();
    assert_eq!((&kept["report"], &kept["status"]), (&build["report"], &json!("fail")));
    assert_eq!(place.get(&format!("{BUILDS}/none")).unwrap().status, 404);

    // The pipe says the same.
    let piped = triage_tests::report(log.as_bytes()).json();
    let causes = |report: &Value| report["causes"][0]["fingerprint"].clone();
    assert_eq!(causes(&piped), causes(&build["report"]));

    // Packed, in JSON, and again under its key.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(log.as_bytes()).unwrap();
    let key = [("idempotency-key", "build-7")];
    let first = place.post(BUILDS, &key, &packed.finish().unwrap()).unwrap();
    assert_eq!(first.json()["report"]["causes"][0]["class"], "undeclared-identifier");
    let json = json!({ "log": log, "name": "x.log", "axes": { "arch": "riscv" } }).to_string();
    let kind = ("content-type", "application/json");
    let in_json = place.post(BUILDS, &[kind, ("idempotency-key", "build-8")], json.as_bytes()).unwrap();
    assert_eq!(in_json.json()["report"]["builds"][0]["id"], "x.log");
    let again = place.post(BUILDS, &[kind, ("idempotency-key", "build-8")], json.as_bytes()).unwrap();
    assert_eq!((again.status, again.json()["id"].clone()), (200, in_json.json()["id"].clone()));
    assert!(again.head.contains("idempotency-replayed: true"));
    assert_eq!(place.post(BUILDS, &key, log.as_bytes()).unwrap().status, 422, "another build under the same key");

    // What is wrong, and who may not.
    for (path, headers, body, status) in [
        (BUILDS, &[][..], &b""[..], 400),
        ("/api/v1/builds?a/b=c", &[], b"x", 400),
        (BUILDS, &[kind], b"{\"lag\": 1}", 400),
        (BUILDS, &[("idempotency-key", "")], b"x", 400),
        ("/api/v1/nothing", &[], b"x", 404),
    ] {
        let answer = place.post(path, headers, body).unwrap();
        assert_eq!(answer.status, status, "{path} {headers:?}");
        assert_eq!(answer.json()["status"], status);
    }
    let mut connection = Connection::open(place.port).unwrap();
    assert_eq!(connection.ask("POST", BUILDS, &[], b"x").unwrap().status, 401);
    assert_eq!(connection.ask("POST", BUILDS, &[("authorization", "Bearer no")], b"x").unwrap().status, 401);

    // A bomb: a gigabyte and more of nothing in some kilobytes.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..300 {
        bomb.write_all(&vec![b'\n'; 4 << 20]).unwrap();
    }
    let bomb = place.post(BUILDS, &[], &bomb.finish().unwrap()).unwrap();
    assert!(!bomb.json()["report"]["problems"].as_array().unwrap().is_empty(), "it is said that it was cut");
}

#[test]
fn the_description_is_true() {
    let (_hub, place) = quiet();
    let _server = place.serve();
    let document = place.get("/api/v1/openapi.json").unwrap().json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let schema = |name: &str| {
        let mut schema = document.clone();
        schema["$ref"] = json!(format!("#/components/schemas/{name}"));
        jsonschema::validator_for(&schema).unwrap()
    };
    let valid = |name: &str, value: &Value| {
        let errors: Vec<String> = schema(name).iter_errors(value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    };
    let build = place.post(BUILDS, &[], bot::log("a.c", "x").as_bytes()).unwrap();
    valid("StoredBuild", &build.json());
    valid("StoredBuild", &place.get(&format!("{BUILDS}/{}", build.json()["id"].as_str().unwrap())).unwrap().json());
    valid("Problem", &place.get(&format!("{BUILDS}/none")).unwrap().json());
    assert!(!schema("StoredBuild").is_valid(&json!({})), "the schema says no, too");
    // By the people of OpenAPI themselves.
    let described = place.path("openapi.json");
    fs::write(&described, document.to_string()).unwrap();
    let validator = packages::python("openapi-spec-validator==0.9.0", "openapi-spec-validator");
    let judged = std::process::Command::new(validator).arg(&described).output().unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
    // Every reference leads somewhere, and every status that was seen is told.
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operation["operationId"].is_string() && operation["responses"].is_object(), "{method} {path}");
        }
    }
    for status in ["200", "201", "400", "401", "413", "422"] {
        assert!(document["paths"][BUILDS]["post"]["responses"][status].is_object(), "{status}");
    }
}

#[test]
fn health_metrics_and_signals() {
    let (hub, place) = quiet();
    let server = place.serve();
    assert_eq!(place.get("/readyz").unwrap().status, 200);
    let answer = place.get("/nowhere").unwrap();
    assert_eq!(answer.status, 404);
    for header in ["x-content-type-options: nosniff", "x-frame-options: deny", "content-security-policy: "] {
        assert!(answer.head.contains(header), "{}", answer.head);
    }
    let metrics = String::from_utf8(place.get("/metrics").unwrap().body).unwrap();
    for metric in ["triage_http_requests_total{", "triage_http_request_seconds_bucket{", "triage_build_info{"] {
        assert!(metrics.contains(metric), "{metrics}");
    }

    // A configuration with a fault changes nothing, and a good one does.
    fs::write(place.path("triage.yaml"), "server: [").unwrap();
    server.signal("HUP");
    wait_for("the complaint", || place.said("serve").contains("the old configuration stays").then_some(()));
    let refused = Webhook::run(1, "failure");
    assert_eq!(refused.send(&mut Connection::open(place.port).unwrap()).unwrap().status, 202);
    place.configure(&hub, "work: {jobs: 1}\n");
    fs::write(place.path("hook"), "another secret").unwrap();
    server.signal("HUP");
    wait_for("the new configuration", || place.said("serve").contains("was read again").then_some(()));
    let signed_before = Webhook::run(2, "failure").send(&mut Connection::open(place.port).unwrap()).unwrap();
    assert_eq!(signed_before.status, 403, "the secret is another one");
    server.signal("INT");
    assert_eq!(server.end(), Some(0));
    assert_eq!(head(1).len(), 40);
}

#[test]
fn a_dead_job_is_begun_anew_by_the_operator() {
    let hub = Hub::start();
    let place = Place::new(&hub, None, "work: {attempts: 1, lease_seconds: 2}\n");
    hub.fail(100);
    let _server = place.serve();
    Webhook::run(5, "failure").send(&mut Connection::open(place.port).unwrap()).unwrap();
    let dead = wait_for("the job to die", || {
        let listed = place.jobs(&["--state", "dead"]).stdout;
        std::thread::sleep(Duration::from_millis(100));
        (!listed.is_empty()).then_some(listed)
    });
    assert!(dead.contains("dead run github/7/5/1 (1 attempt)"), "{dead}");
    let id = dead.split_whitespace().next().unwrap();
    assert!(place.jobs(&["--show", id]).stdout.contains("\"task\":\"run\""));
    hub.fail(0);
    assert_eq!(place.jobs(&["--requeue", id]).status, Some(0));
    wait_for("the comment", || hub.comment(5));
    assert_eq!(place.jobs(&["--requeue", "77"]).status, Some(2));
}
