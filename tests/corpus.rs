//! All rules over all logs.
//!
//! The logs of `tests/logs` give one reviewed snapshot of what every rule hits. A bigger corpus of
//! real logs with what is right for each is read where it lies beside the checkout (or where
//! `TRIAGE_CORPUS` says): its tests say that they did nothing when it is not there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use triage_tests::{repository, triage};

/// The corpus of real logs; none when it is not there.
fn corpus(part: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("TRIAGE_CORPUS") {
        Some(folder) => PathBuf::from(folder),
        None => repository().parent()?.join("shared/corpus"),
    };
    let part = folder.join(part);
    if part.is_dir() {
        return Some(part);
    }
    eprintln!("{} is not there: nothing was compared", part.display());
    None
}

fn report(log: &Path, more: &[&str]) -> Value {
    let output = triage(["--format", "json"]).args(more).arg(log).output().expect("triage runs");
    serde_json::from_slice(&output.stdout).expect("a report")
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// A path without `./` and leading `../`.
fn plain(path: &str) -> &str {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./").or_else(|| path.strip_prefix("../")) {
        path = rest;
    }
    path
}

fn same_file(found: &Value, wanted: &str) -> bool {
    let found = plain(found.as_str().unwrap_or_default());
    found == wanted || found.ends_with(&format!("/{wanted}"))
}

/// What is wrong with a cause, in words.
fn difference(cause: &Value, wanted: &Value, kind: &Value) -> Option<String> {
    let place = &cause["location"];
    if cause["class"] != wanted["symptom"] {
        return Some(format!("class {} instead of {}", cause["class"], wanted["symptom"]));
    }
    if cause["kind"] != *kind {
        return Some(format!("kind {} instead of {kind}", cause["kind"]));
    }
    if wanted["file"].as_str().is_some_and(|file| !same_file(&place["file"], file)) {
        return Some(format!("file {} instead of {}", place["file"], wanted["file"]));
    }
    if wanted["line"].is_u64() && place["line"] != wanted["line"] {
        return Some(format!("line {} instead of {}", place["line"], wanted["line"]));
    }
    let symbol = &wanted["symbol"];
    (symbol.is_string() && !list(cause, "symbols").contains(symbol))
        .then(|| format!("symbols {} without {symbol}", cause["symbols"]))
}

#[test]
fn every_rule_over_every_log() {
    let mut hits = String::new();
    let mut logs: Vec<PathBuf> = fs::read_dir(repository().join("tests/logs"))
        .expect("the logs are there")
        .map(|entry| entry.expect("a folder can be read").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "log"))
        .collect();
    logs.sort();
    for log in logs {
        let output = triage(["--stage", "findings"]).arg(&log).output().expect("triage runs");
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let finding: Value = serde_json::from_str(line).expect("a finding a line");
            let rule = finding["rule"].as_str().unwrap_or("(no rule)");
            *counts.entry(rule.to_owned()).or_default() += 1;
        }
        hits += &format!("{}\n", log.file_name().expect("a file has a name").to_string_lossy());
        for (rule, count) in counts {
            hits += &format!("  {count:4} {rule}\n");
        }
    }
    insta::assert_snapshot!("rule_hits", hits);
}

#[test]
fn hard_inputs_give_what_is_right() {
    let Some(folder) = corpus("hard") else { return };
    let expected = fs::read_to_string(folder.join("expected.jsonl")).expect("the corpus says what is right");
    let mut wrong = Vec::new();
    for line in expected.lines() {
        let wanted: Value = serde_json::from_str(line).expect("JSON Lines");
        let name = wanted["log"].as_str().expect("a log");
        let report = report(&folder.join(name), &[]);
        let (found, right) = (list(&report, "causes"), list(&wanted, "causes"));
        if found.len() != right.len() {
            wrong.push(format!("{name}: {} causes instead of {}", found.len(), right.len()));
        }
        for (found, right) in found.iter().zip(right) {
            wrong.extend(difference(found, right, &wanted["kind"]).map(|text| format!("{name}: {text}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_mail_that_a_person_wrote_gives_its_failures() {
    let Some(folder) = corpus("lkml") else { return };
    let mail = fs::read_dir(&folder)
        .expect("a folder")
        .filter_map(Result::ok)
        .map(|e| e.path())
        .find(|path| path.extension().is_some_and(|ext| ext == "txt"));
    let report = report(&mail.expect("the mail"), &["--warnings"]);
    let expected = fs::read_to_string(folder.join("expected.jsonl")).expect("the corpus says what is right");
    let mut left: Vec<&Value> = list(&report, "causes").iter().collect();
    for line in expected.lines() {
        let wanted: Value = serde_json::from_str(line).expect("JSON Lines");
        let matches = |cause: &&Value| {
            let symbols: Vec<&str> = match &wanted["symbol"] {
                Value::String(symbol) => vec![symbol],
                Value::Array(symbols) => symbols.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            // A missing token is not about a name: there the macro is in the snippet.
            let named = |symbol: &&str| {
                cause["symbols"].to_string().contains(*symbol) || cause["snippet"].to_string().contains(*symbol)
            };
            cause["class"] == wanted["symptom"]
                && wanted["file"].as_str().is_none_or(|file| same_file(&cause["location"]["file"], file))
                && symbols.iter().all(named)
        };
        let found = if wanted["severity"] == "warning" {
            list(&report, "warnings").iter().find(matches)
        } else {
            let at = left.iter().position(matches);
            at.map(|at| left.remove(at))
        };
        assert!(found.is_some() || wanted["required"] == false, "not found: {line}");
    }
    assert!(left.is_empty(), "called a cause and is none: {left:#?}");
}
