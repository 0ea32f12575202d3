//! `triage run`: the command's output, its exit status, signals.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use triage_tests::{Answer, answer, call, folder, triage};

fn run(script: &str) -> Answer {
    call(["run", "--", "sh", "-c", script])
}

#[test]
fn output_passes_through_unchanged() {
    let script = r"printf 'a\r\033[1mb\000\377'; printf 'warn\n' >&2; exit 0";
    let output = triage(["run", "-q", "--", "sh", "-c", script]).output().unwrap();
    assert_eq!(output.stdout, b"a\r\x1b[1mb\x00\xff");
    assert_eq!(output.stderr, b"warn\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn exit_statuses_are_the_commands() {
    assert_eq!(run("exit 0").status, Some(0));
    assert_eq!(run("exit 7").status, Some(7));
    assert_eq!(run("kill -9 $$").status, Some(137));
    assert_eq!(run("kill -TERM $$").status, Some(143));
    let answer = call(["run", "--", "/no/such/command"]);
    assert_eq!(
        (answer.status, answer.stderr.as_str()),
        (Some(127), "triage: /no/such/command: no such file or directory\n")
    );
    assert_eq!(call(["run", "--", "/"]).status, Some(126));
    assert_eq!(call(["run"]).status, Some(2));
}

#[test]
fn both_streams_are_read_and_the_report_comes_last() {
    let answer =
        run("echo 'a.c:1:2: error: unknown type name '\\''u8'\\'; echo \"b.c:3:4: error: 'x' undeclared\" >&2; exit 2");
    assert_eq!(answer.status, Some(2));
    assert_eq!(answer.stdout, "a.c:1:2: error: unknown type name 'u8'\n");
    let (log, report) = answer.stderr.split_once('\n').unwrap();
    assert_eq!(log, "b.c:3:4: error: 'x' undeclared");
    assert!(report.contains("a.c:1:2") && report.contains("b.c:3:4"), "{report}");
}

#[test]
fn a_failure_without_a_cause_is_said() {
    let answer = run("echo nothing to see; exit 3");
    assert!(answer.stderr.contains("no cause was found"), "{answer:?}");
}

#[test]
fn one_place_keeps_the_order() {
    // Both outputs are one file: the order is the command's own.
    let folder = folder();
    let path = folder.path().join("both");
    let file = std::fs::File::create(&path).unwrap();
    let script = "for i in 1 2 3 4 5 6 7 8 9; do echo out$i; echo err$i >&2; done";
    let status = triage(["run", "-q", "--", "sh", "-c", script])
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .status()
        .unwrap();
    assert!(status.success());
    let expected: String = (1..10).map(|i| format!("out{i}\nerr{i}\n")).collect();
    assert_eq!(std::fs::read_to_string(path).unwrap(), expected);
}

#[test]
fn output_is_live() {
    let mut child = triage(["run", "-q", "--", "sh", "-c", "echo first; sleep 5; echo second"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "first\n");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    out.read_to_string(&mut line).unwrap();
    child.wait().unwrap();
    assert_eq!(line, "first\nsecond\n");
}

#[test]
fn an_interrupt_reaches_the_command_and_the_report_comes() {
    let script = "echo \"a.c:1:2: error: unknown type name 'u8'\"; trap 'echo stopping; exit 9' INT; echo ready; \
                  i=0; while [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done";
    let mut child =
        triage(["run", "--", "sh", "-c", script]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while line != "ready\n" {
        line.clear();
        out.read_line(&mut line).unwrap();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    line.clear();
    out.read_to_string(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(line, "stopping\n");
    assert_eq!(output.status.code(), Some(9));
    assert!(String::from_utf8_lossy(&output.stderr).contains("'u8'"));
}

#[test]
fn a_daemon_that_keeps_the_output_open_is_not_waited_for() {
    let start = Instant::now();
    let mut child = triage(["run", "-q", "--", "sh", "-c", "sleep 30 & echo $!"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The daemon has our pipe too: read its number only.
    let mut pid = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut pid).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let took = start.elapsed();
    let _ = Command::new("kill").arg(pid.trim()).status();
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_report_in_a_file_and_no_reader() {
    let folder = folder();
    let path = folder.path().join("r.json");
    let option = format!("json:{}", path.display());
    let mut command =
        triage(["run", "-o", &option, "--", "sh", "-c", "echo \"a.c:1:2: error: unknown type name 'u8'\"; exit 1"]);
    let answer = answer(&mut command);
    assert_eq!((answer.status, answer.stderr.as_str()), (Some(1), ""));
    let report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(report["causes"][0]["class"], "unknown-type");
}
