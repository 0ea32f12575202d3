//! The command line: exit statuses, options, streams.

use std::fs;
use std::process::Stdio;

use triage_tests::{answer, call, folder, log, pipe, triage};

const FAILED: &[u8] =
    b"tank.c: In function 'fill':\ntank.c:3:5: error: 'level' undeclared (first use in this function)\n";
const PASSED: &[u8] = b"cc -c tank.c\ncc -o tank tank.o\n";

#[test]
fn exit_statuses() {
    assert_eq!(pipe(["-"], PASSED).status, Some(0));
    assert_eq!(pipe(["-"], FAILED).status, Some(1));
    assert_eq!(call([log("warnings-only.log")]).status, Some(0));
    assert_eq!(call(["--no-such-option"]).status, Some(2));
    assert_eq!(call(["no-such.log"]).status, Some(2));
    assert_eq!(call(["--tree", "no-such-folder", "x.log"]).status, Some(2));
}

#[test]
fn what_can_be_read_is_reported() {
    let quickstart = log("quickstart.log");
    let answer = call([quickstart.as_os_str(), "no-such.log".as_ref()]);
    assert_eq!(answer.status, Some(2));
    assert!(answer.stdout.contains("'uint32_t'"), "{answer:?}");
    assert_eq!(answer.stderr, "triage: no-such.log: no such file or directory\n");
}

#[test]
fn the_first_lines_say_it() {
    let answer = call([log("quickstart.log")]);
    assert_eq!(answer.status, Some(1));
    let head: Vec<&str> = answer.stdout.lines().take(5).collect();
    let head = head.join("\n");
    for part in ["uint32_t", "unknown-type-name", "include/tank.h:5:9", "uint32_t capacity;"] {
        assert!(head.contains(part), "{part} in {head}");
    }
    assert!(answer.stdout.contains("include <stdint.h>"), "{answer:?}");
    assert!(answer.stdout.contains("'meter_average'"), "{answer:?}");
    assert!(answer.stdout.is_ascii(), "a pipe gets ASCII: {answer:?}");
    assert_eq!(answer.stderr, "");
}

#[test]
fn an_unknown_format_gets_the_list() {
    let answer = call(["--format", "xml", "x.log"]);
    assert_eq!(answer.status, Some(2));
    assert!(answer.stderr.contains("'xml'") && answer.stderr.contains("terminal, text, markdown, json"), "{answer:?}");
    let answer = call(["-o", "sarfi:x", "x.log"]);
    assert_eq!(answer.status, Some(2));
    assert!(answer.stderr.contains("known are terminal, text"), "{answer:?}");
}

#[test]
fn colour_is_for_who_wants_it() {
    let colored = |args: &[&str], env: &[(&str, &str)]| {
        let mut command = triage(args);
        command.arg(log("quickstart.log")).envs(env.iter().copied());
        answer(&mut command).stdout.contains('\x1b')
    };
    assert!(!colored(&[], &[]), "no terminal");
    assert!(colored(&["--color", "always"], &[]));
    assert!(colored(&["--color", "always"], &[("NO_COLOR", "1")]), "the option decides");
    assert!(colored(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&[], &[("CLICOLOR_FORCE", "0")]));
    assert!(!colored(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colored(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&["--format", "json"], &[("CLICOLOR_FORCE", "1")]), "data has no colour");
}

#[test]
fn quiet_is_one_line_a_cause() {
    let path = log("clang-two-errors.log");
    let answer = call(["-q".as_ref(), path.as_os_str()]);
    assert_eq!(answer.stdout.lines().count(), 2, "{answer:?}");
    assert!(answer.stdout.contains("whistle.c:5:2") && answer.stdout.contains("heat.c:5:12"), "{answer:?}");
    assert_eq!(answer.status, Some(1));
}

#[test]
fn verbose_says_more() {
    let path = log("clang-two-errors.log");
    let length = |option: &[&str]| call(option.iter().map(AsRef::as_ref).chain([path.as_os_str()])).stdout.len();
    assert!(length(&["-v"]) > length(&[]));
    assert!(length(&["-vv"]) > length(&["-v"]));
}

#[test]
fn warnings_when_asked_for() {
    let path = log("warnings-only.log");
    let without = call(["--format".as_ref(), "json".as_ref(), path.as_os_str()]).json();
    assert_eq!(without["warnings"], serde_json::json!([]));
    let with = call(["--warnings".as_ref(), "--format".as_ref(), "json".as_ref(), path.as_os_str()]);
    assert_eq!(with.status, Some(0), "warnings are no causes");
    assert_eq!(with.json()["warnings"].as_array().map(Vec::len), Some(3));
}

#[test]
fn stages_are_json_lines() {
    let path = log("clang-two-errors.log");
    for (stage, expected) in [("lines", 22), ("causes", 2), ("report", 1)] {
        let answer = call(["--stage".as_ref(), stage.as_ref(), path.as_os_str()]);
        assert_eq!(answer.stdout.lines().count(), expected, "{stage}");
        for line in answer.stdout.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
    let diagnostics = call(["--stage".as_ref(), "diagnostics".as_ref(), path.as_os_str()]).stdout;
    let findings = call(["--stage".as_ref(), "findings".as_ref(), path.as_os_str()]).stdout;
    assert_eq!(diagnostics.lines().count(), findings.lines().count());
    assert!(findings.contains(r#""rule":"implicit-function-declaration""#), "{findings}");
}

#[test]
fn output_goes_where_it_is_told() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("text"), "x".repeat(100_000)).unwrap();
    let mut command = triage(["-o", "text", "-o", "json:report.json", "-o", "sarif:report.sarif", "-o", "jsonl:-"]);
    let answer = answer(command.arg(log("quickstart.log")).current_dir(folder.path()));
    assert_eq!(answer.status, Some(1));
    assert!(answer.stdout.starts_with(r#"{"type":"cause""#), "{answer:?}");
    let text = fs::read_to_string(at("text")).unwrap();
    assert!(text.starts_with("error: ") && text.len() < 50_000, "what was in the file is gone");
    for name in ["report.json", "report.sarif"] {
        serde_json::from_str::<serde_json::Value>(&fs::read_to_string(at(name)).unwrap()).unwrap();
    }
    let answer = call(["-o", "no-such-folder/x", "-"]);
    assert_eq!(answer.status, Some(2));
    assert_eq!(answer.stderr, "triage: cannot write no-such-folder/x: no such file or directory\n");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut log = Vec::new();
    for number in 0..20_000 {
        log.extend_from_slice(format!("a{number}.c:1:1: error: 'x{number}' undeclared\n").as_bytes());
    }
    let folder = folder();
    let path = folder.path().join("long.log");
    fs::write(&path, log).unwrap();
    for option in ["--format=json", "--format=text", "--stage=lines", "--stage=diagnostics", "--stage=causes"] {
        let mut child = triage([option]).arg(&path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{option}");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{option}: {:?}", output.status);
    }
}

#[test]
fn a_patch_or_a_word_about_it() {
    let path = log("quickstart.log");
    let answer = call(["--patch".as_ref(), path.as_os_str()]);
    assert_eq!(answer.status, Some(1));
    assert!(answer.stdout.starts_with("--- ") || answer.stderr.contains("no patch"), "{answer:?}");
}

#[test]
fn the_tree_gives_snippets_and_places() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("drivers/sluice")).unwrap();
    fs::write(folder.path().join("drivers/sluice/gate.c"), "// 1\n\n\n\n\n\n\n\n\t.start = gate_start,\n").unwrap();
    let mut command = triage(["--format", "json", "--tree"]);
    let report = answer(command.arg(folder.path()).arg(log("out-of-tree.log"))).json();
    let files: Vec<&str> =
        report["causes"].as_array().unwrap().iter().filter_map(|cause| cause["location"]["file"].as_str()).collect();
    assert!(files.contains(&"drivers/sluice/gate.c"), "{files:?}");
}

#[test]
fn help_completions_and_manual() {
    for args in [&["--help"][..], &["-h"], &["run", "--help"], &["rules", "--help"], &["rules", "new", "--help"]] {
        let answer = call(args);
        assert_eq!(answer.status, Some(0), "{args:?}");
        assert!(answer.stdout.contains("Usage: "), "{args:?}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(call(["completions", shell]).stdout.contains("triage"), "{shell}");
    }
    assert!(call(["man"]).stdout.contains(".TH triage 1"));
    let folder = folder();
    let mut command = triage(["man", "--dir"]);
    assert_eq!(answer(command.arg(folder.path())).status, Some(0));
    assert!(folder.path().join("triage-run.1").is_file());
}
