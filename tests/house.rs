//! What must stay true of the house itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use triage_rules::{RuleBook, book, check};
use triage_tests::repository;
use walkdir::WalkDir;

/// Lines of a source file.
const LINES_MAX: usize = 600;

/// Which crate may use which; the tests may use all.
const ARROWS: &[(&str, &[&str])] = &[
    ("triage-log", &[]),
    ("triage-rules", &["triage-log"]),
    ("triage-causes", &["triage-log", "triage-rules"]),
    ("triage-fixes", &["triage-log", "triage-rules", "triage-causes"]),
    ("triage-report", &["triage-log", "triage-rules", "triage-causes"]),
    ("triage-mail", &["triage-log", "triage-rules", "triage-causes", "triage-report"]),
    ("triage-forge", &["triage-log", "triage-rules", "triage-causes", "triage-report"]),
    ("triage-store", &[]),
    (
        "triage-server",
        &[
            "triage-log",
            "triage-rules",
            "triage-causes",
            "triage-fixes",
            "triage-report",
            "triage-mail",
            "triage-forge",
            "triage-store",
        ],
    ),
    ("triage-bench", &["triage-store"]),
    ("triage-cli", &["triage-log", "triage-rules", "triage-causes", "triage-fixes", "triage-report"]),
];

/// Crates that talk to a network, or only make sense with one.
const NETWORK: &[&str] = &[
    "async-std",
    "curl",
    "h2",
    "hyper",
    "mio",
    "native-tls",
    "openssl",
    "openssl-sys",
    "quinn",
    "reqwest",
    "ring",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "ureq",
];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .current_dir(repository())
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn arrows_between_crates_point_down() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    for package in array(&metadata()["packages"]) {
        let name = package["name"].as_str().unwrap();
        if !name.starts_with("triage-") || name == "triage-tests" {
            continue;
        }
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("say what {name} may use"));
        for dependency in array(&package["dependencies"]) {
            let used = dependency["name"].as_str().unwrap();
            assert!(!used.starts_with("triage-") || allowed.contains(&used), "{name} -> {used}");
        }
    }
}

#[test]
fn the_pipe_has_no_network() {
    let metadata = metadata();
    let nodes = array(&metadata["resolve"]["nodes"]);
    let by_id: BTreeMap<&str, &Value> = nodes.iter().map(|node| (node["id"].as_str().unwrap(), node)).collect();
    let names: BTreeMap<&str, &str> = array(&metadata["packages"])
        .iter()
        .map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap()))
        .collect();
    let top = names.iter().find(|(_, name)| **name == "triage-cli").unwrap().0;
    let (mut seen, mut todo) = (BTreeSet::new(), vec![*top]);
    while let Some(id) = todo.pop() {
        if !seen.insert(id) {
            continue;
        }
        for dependency in array(&by_id[id]["deps"]) {
            let built = array(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev");
            if built {
                todo.push(dependency["pkg"].as_str().unwrap());
            }
        }
    }
    let bad: Vec<&str> = seen.iter().map(|id| names[id]).filter(|name| NETWORK.contains(name)).collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert!(seen.len() > 20, "the tree was not read");
}

fn files(end: &str) -> Vec<PathBuf> {
    let walk = WalkDir::new(repository()).sort_by_file_name().into_iter();
    walk.filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name == "target" || name.starts_with('.'))
    })
    .map(Result::unwrap)
    .filter(|entry| entry.file_type().is_file() && entry.path().extension().is_some_and(|e| e == end))
    .map(walkdir::DirEntry::into_path)
    .collect()
}

#[test]
fn files_are_short_and_named_for_what_they_do() {
    for path in files("rs") {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(!["util", "utils", "helper", "helpers", "misc", "common"].contains(&stem), "{}", path.display());
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    for path in files("rs") {
        let text = fs::read_to_string(&path).unwrap();
        let test_module = path.file_stem().is_some_and(|stem| stem == "tests");
        assert!(test_module || text.starts_with("//!"), "{} has no module documentation", path.display());
    }
}

fn rule_files() -> Vec<(String, String)> {
    let rules = repository().join("config/rules");
    let files = files("yaml").into_iter().filter(|path| path.starts_with(&rules));
    let name = |path: &Path| path.strip_prefix(&rules).unwrap().to_str().unwrap().replace('\\', "/");
    files.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn rules_are_sound() {
    let files = rule_files();
    assert!(files.len() >= 150, "{}", files.len());
    let faults: Vec<String> = files
        .iter()
        .filter_map(|(file, text)| check::load(file, text).err())
        .flatten()
        .map(|fault| fault.to_string())
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn rules_pass_their_examples() {
    let book = RuleBook::embedded();
    let mut faults = Vec::new();
    for (file, text) in rule_files() {
        if let Ok(raw) = check::load(&file, &text) {
            faults.extend(check::examples(&book, &file, &raw).iter().map(ToString::to_string));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn rule_files_are_named_by_law() {
    let tools = serde_json::from_str::<Value>(&triage_tests::call(["schema", "diagnostic"]).stdout).unwrap();
    let tools = tools["$defs"]["Tool"].to_string();
    let mut ids = BTreeMap::new();
    for (file, text) in rule_files() {
        let (folder, name) = file.split_once('/').unwrap_or_else(|| panic!("{file} is in no tool's folder"));
        assert!(tools.contains(&format!("\"{folder}\"")), "{file}: {folder} is no tool");
        let id = name.strip_suffix(".yaml").unwrap();
        assert!(text.contains(&format!("id: {id}\n")), "{file}: the id is not the file's name");
        if let Some(other) = ids.insert(id.to_owned(), file.clone()) {
            panic!("{file} and {other} have one id");
        }
        let names_the_fix = ["fix-", "add-", "install-"].iter().any(|word| id.starts_with(word));
        assert!(!names_the_fix, "{file}: the name must be the problem's, not the fix's");
    }
}

#[test]
fn the_embedded_book_is_that_of_the_folder() {
    let embedded: BTreeSet<String> = book::sources().into_keys().collect();
    let written: BTreeSet<String> = rule_files().into_iter().map(|(file, _)| file).collect();
    assert_eq!(embedded, written);
    assert_eq!(RuleBook::embedded().rules().len(), written.len());
}

#[test]
fn every_log_says_where_it_is_from() {
    let readme = fs::read_to_string(repository().join("tests/logs/README.md")).unwrap();
    for path in files("log").iter().filter(|path| path.starts_with(repository().join("tests/logs"))) {
        let name = path.strip_prefix(repository().join("tests/logs")).unwrap().display().to_string();
        assert!(readme.contains(&name), "tests/logs/README.md does not name {name}");
    }
}
