//! `triage rules`, and rule files that people write.

use std::fs;

use triage_tests::{Answer, answer, call, folder, pipe, triage};

const RULE: &str = r#"id: lost-widget
class: other-error
title: "the widget '{symbol}' is lost"
match:
  - message: "widget '(?P<symbol>[^']+)' is lost"
explanation: A widget is looked up that nobody made.
advice:
  default: make the widget {symbol}
matches:
  - log: "a.c:1:2: error: widget 'w1' is lost"
    symbol: w1
not:
  - "a.c:1:2: error: widget 'w1' is found"
"#;

fn rule_folder(text: &str) -> tempfile::TempDir {
    let folder = folder();
    fs::create_dir(folder.path().join("cc")).unwrap();
    fs::write(folder.path().join("cc/lost-widget.yaml"), text).unwrap();
    folder
}

fn in_folder(folder: &tempfile::TempDir, args: &[&str]) -> Answer {
    answer(triage(args).current_dir(folder.path()))
}

#[test]
fn a_rule_of_ones_own() {
    let folder = rule_folder(RULE);
    fs::write(folder.path().join("build.log"), "a.c:1:2: error: widget 'w9' is lost\n").unwrap();
    let answer = in_folder(&folder, &["--rules", ".", "--format", "json", "build.log"]);
    assert_eq!(answer.json()["causes"][0]["rule"], "lost-widget");
    assert_eq!(answer.json()["causes"][0]["title"], "the widget 'w9' is lost");
    assert_eq!(in_folder(&folder, &["rules", "test", "cc"]).stdout, "1 rule, 2 examples, 0 faults\n");
    assert_eq!(in_folder(&folder, &["rules", "check", "."]).stdout, "1 rule, 0 faults\n");
    assert!(in_folder(&folder, &["rules", "explain", "lost-widget", "--rules", "."]).stdout.contains("nobody made"));
    assert!(in_folder(&folder, &["rules", "list", "--rules", "."]).stdout.contains("lost-widget "));
}

#[test]
fn faults_have_their_places() {
    for (from, to, place, says) in [
        ("class: other-error", "class: other-eror", "cc/lost-widget.yaml:2:8: ", "there is no class 'other-eror'"),
        ("explanation:", "explanatoin:", "cc/lost-widget.yaml:", "explanatoin"),
        ("(?P<symbol>[^']+)", "(?P<symbol>[^']+", "cc/lost-widget.yaml:5:14: ", ""),
        ("id: lost-widget", "id: Lost", "cc/lost-widget.yaml:1:5: ", "lower case"),
        ("{symbol} is", "{other} is", "", ""),
        ("title: \"the", "title: \"the \\q", "cc/lost-widget.yaml:3:", ""),
    ] {
        let folder = rule_folder(&RULE.replace(from, to));
        if place.is_empty() {
            continue;
        }
        let answer = in_folder(&folder, &["--rules", "cc", "-"]);
        assert_eq!(answer.status, Some(2), "{to}: {answer:?}");
        assert!(
            answer.stderr.starts_with(&format!("triage: {place}")) && answer.stderr.contains(says),
            "{to}: {answer:?}"
        );
        let check = in_folder(&folder, &["rules", "check", "cc"]);
        assert_eq!(check.status, Some(1), "{to}: {check:?}");
        assert!(check.stdout.starts_with(place), "{to}: {check:?}");
    }
}

#[test]
fn all_faults_at_once() {
    let folder = rule_folder(&RULE.replace("id: lost-widget", "id: Lost").replace("other-error", "none"));
    fs::write(folder.path().join("cc/second.yaml"), "id: [\n").unwrap();
    let answer = in_folder(&folder, &["--rules", ".", "-"]);
    assert_eq!(answer.stderr.lines().filter(|line| line.starts_with("triage: ./cc/")).count(), 4, "{answer:?}");
    let missing = call(["--rules", "no-such-folder", "-"]);
    assert_eq!(missing.status, Some(2));
    assert!(missing.stderr.starts_with("triage: the rules no-such-folder: no such file or directory\n"), "{missing:?}");
}

#[test]
fn an_example_that_does_not_match() {
    let folder = rule_folder(&RULE.replace("symbol: w1", "symbol: w2"));
    let answer = in_folder(&folder, &["rules", "test", "cc"]);
    assert_eq!(answer.status, Some(1));
    assert!(
        answer.stdout.starts_with("cc/lost-widget.yaml:10:10: the symbol should be 'w2', but is 'w1'\n"),
        "{answer:?}"
    );
    assert!(answer.stdout.ends_with("1 rule, 2 examples, 1 fault\n"), "{answer:?}");
}

#[test]
fn a_new_rule_from_a_line() {
    let folder = folder();
    let dir = folder.path().to_str().unwrap();
    let line = "pump.c:7:3: error: the gasket ‘g3’ of ‘pump’ leaks (badly)\n";
    let made = pipe(["rules", "new", "cc/leaking-gasket", "--dir", dir], line.as_bytes());
    assert_eq!(made.status, Some(0), "{made:?}");
    let path = folder.path().join("cc/leaking-gasket.yaml");
    assert!(made.stdout.starts_with(path.to_str().unwrap()), "{made:?}");
    let tested = call(["rules".as_ref(), "test".as_ref(), path.as_os_str()]);
    assert_eq!(tested.stdout, "1 rule, 1 example, 0 faults\n");
    let again = call(["rules", "new", "cc/leaking-gasket", "--dir", dir]);
    assert_eq!(again.status, Some(2));
    assert!(again.stderr.contains("there already"), "{again:?}");
    assert_eq!(call(["rules", "new", "no-such-tool/x", "--dir", dir]).status, Some(2));
    assert_eq!(call(["rules", "new", "../x", "--dir", dir]).status, Some(2));
}

#[test]
fn lists_and_explanations() {
    let list = call(["rules", "list"]).stdout;
    assert!(list.lines().count() >= 150, "{}", list.lines().count());
    let json = call(["rules", "list", "--format", "json"]).json();
    assert_eq!(json.as_array().map(Vec::len), Some(list.lines().count()));
    for entry in json.as_array().unwrap() {
        let id = entry["id"].as_str().unwrap();
        assert!(list.contains(id));
    }
    assert!(call(["rules", "classes"]).stdout.contains("implicit-declaration"));
    let unknown = call(["rules", "explain", "implicit-function"]);
    assert_eq!(unknown.status, Some(2));
    assert!(unknown.stderr.contains("did you mean implicit-function-declaration"), "{unknown:?}");
}
