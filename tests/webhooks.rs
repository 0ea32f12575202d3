//! Webhooks read from the payloads that GitHub's own libraries are tested with (`@octokit/webhooks-examples`), and from
//! failures made of them that GitHub's schema accepts.

#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use triage_forge::webhook::notice::{Ended, Event};
use triage_forge::webhook::signature::GithubSecrets;
use triage_forge::webhook::{Delivery, Notice};
use triage_tests::services::packages;

const SECRET: &str = "a secret";

fn packages() -> PathBuf {
    let packages = ["@octokit/webhooks-examples@7.6.1", "@octokit/webhooks-schemas@7.6.1"];
    packages::npm("webhooks", &packages).join("@octokit")
}

fn read(path: PathBuf) -> Value {
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// Event and payload, of github.com and of all Enterprise Servers in the package.
fn examples() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let folder = packages().join("webhooks-examples");
    for server in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).filter(|it| it.is_dir()) {
        let Value::Array(events) = read(server.join("index.json")) else { panic!("{}", server.display()) };
        for mut event in events {
            let Value::Array(examples) = event["examples"].take() else { panic!("{event}") };
            let name = event["name"].as_str().unwrap();
            found.extend(examples.into_iter().map(|example| (name.to_owned(), example)));
        }
    }
    found
}

fn delivery(event: &str, payload: &Value) -> Delivery {
    let body = payload.to_string();
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let mut headers = http::HeaderMap::new();
    for (name, value) in [
        ("x-github-event", event),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("x-hub-signature-256", &signature),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let secrets = GithubSecrets::new(vec![SecretString::from(SECRET)]).unwrap();
    secrets.verify(&headers, body.into()).unwrap()
}

fn notice(event: &str, payload: &Value) -> Notice {
    delivery(event, payload).notice().unwrap_or_else(|error| panic!("{error}\n{payload}"))
}

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Ping => "ping",
        Event::Nothing(_) => "nothing",
        Event::Run(_) => "run",
        Event::Job(_) => "job",
        Event::Check(_) => "check",
        Event::Rerequested(_) => "rerequested",
        Event::Change(_) => "change",
        Event::Comment(_) => "comment",
    }
}

#[test]
fn all_official_examples_are_understood() {
    let (mut kinds, mut repositories) = (BTreeMap::<_, BTreeSet<_>>::new(), 0);
    let examples = examples();
    for (event, payload) in &examples {
        let told = notice(event, payload);
        if let (Some(repository), false) = (&told.repository, matches!(told.event, Event::Nothing(_))) {
            assert_eq!(repository.path, payload["repository"]["full_name"], "{event}");
            repositories += 1;
        }
        assert_eq!(told.installation, payload["installation"]["id"].as_u64(), "{event}");
        kinds.entry(event.as_str()).or_default().insert(kind(&told.event));
    }
    assert!(examples.len() > 300 && repositories > 50, "{} {repositories}", examples.len());
    let used: Vec<_> = kinds.iter().filter(|(_, kinds)| **kinds != BTreeSet::from(["nothing"])).collect();
    insta::assert_snapshot!(
        used.iter().map(|(event, kinds)| format!("{event}: {kinds:?}")).collect::<Vec<_>>().join("\n")
    );
}

/// The package has few failures: they are made of its successes, and GitHub's schema says whether they are right.
#[test]
fn failures_that_the_schema_accepts() {
    let schema = read(packages().join("webhooks-schemas/schema.json"));
    let valid = |event: &str, payload: &Value| {
        let mut one = schema.clone();
        one.as_object_mut().unwrap().remove("oneOf");
        one["$ref"] = json!(format!(
            "#/definitions/{}",
            if event == "status" { "status$event".to_owned() } else { format!("{event}_event") }
        ));
        jsonschema::validator_for(&one).unwrap().is_valid(payload)
    };
    let mut seen = BTreeMap::<_, usize>::new();
    for (event, payload) in examples() {
        let (pointer, how) = match (event.as_str(), payload["action"].as_str()) {
            ("workflow_run" | "workflow_job" | "check_suite" | "check_run", Some("completed")) => {
                (format!("/{event}/conclusion"), &["failure", "timed_out"][..])
            }
            ("status", _) => ("/state".to_owned(), &["failure", "error"][..]),
            _ => continue,
        };
        // GitHub's own examples do not all fit its schema; what does is changed and must fit again.
        let fits = valid(&event, &payload);
        for how in how {
            let mut payload = payload.clone();
            *payload.pointer_mut(&pointer).unwrap() = json!(how);
            if fits {
                if *how == "timed_out" && !valid(&event, &payload) {
                    continue;
                }
                assert!(valid(&event, &payload), "{event} {how}");
            }
            let ended = match notice(&event, &payload).event {
                Event::Run(run) => run.ended,
                Event::Job(job) => job.ended,
                Event::Check(check) => check.ended,
                other => panic!("{event}: {other:?}"),
            };
            assert_eq!(ended, Ended::Failed, "{event} {how}");
            *seen.entry((event.clone(), fits)).or_default() += 1;
        }
    }
    for event in ["workflow_run", "workflow_job", "check_suite", "check_run", "status"] {
        assert!(seen.contains_key(&(event.to_owned(), true)), "{event} was not tried: {seen:?}");
    }
}

/// Each of the examples of used events with any one of its fields missing: an error that names a field, or something said.
#[test]
fn a_field_may_be_missing() {
    let used = ["workflow_run", "workflow_job", "check_suite", "check_run", "status", "pull_request", "issue_comment"];
    let mut refused = BTreeSet::new();
    for (event, payload) in examples().into_iter().filter(|(event, _)| used.contains(&event.as_str())) {
        let object = event.strip_prefix("issue_").unwrap_or(&event);
        for pointer in ["", &format!("/{object}")] {
            let Some(fields) = payload.pointer(pointer).and_then(Value::as_object) else { continue };
            for field in fields.keys() {
                let mut less = payload.clone();
                less.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field);
                if let Err(error) = delivery(&event, &less).notice() {
                    assert!(error.message.contains("missing field"), "{error}");
                    refused.insert(format!("{event} {pointer}/{field}"));
                }
            }
        }
    }
    insta::assert_snapshot!(refused.into_iter().collect::<Vec<_>>().join("\n"));
}
