//! `triage-bot prove`: what strangers sent is built, and cannot do anything else.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use triage_tests::services::packages;
use triage_tests::{bot, program};

/// A repository with a commit that does not build, its log, and a configuration that can build it.
struct Setup {
    folder: TempDir,
    commit: String,
}

impl Setup {
    /// `more` stands below `verify:`, `tree` below the tree, `prepare` are its commands.
    fn new(more: &str, tree: &str, prepare: &[&str]) -> Self {
        packages::need(&[("bwrap", "bubblewrap"), ("git", "git"), ("make", "make"), ("gcc", "gcc")]);
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let source = folder.path().join("source");
        fs::create_dir(&source).unwrap();
        fs::write(source.join("greet.c"), "int greet(void)\n{\n\tputs(\"hello\");\n\treturn 0;\n}\n").unwrap();
        let recipe = "all: greet.o\ngreet.o: greet.c\n\tgcc -Werror=implicit-function-declaration -c greet.c\n";
        fs::write(source.join("Makefile"), recipe).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", source.join("link")).unwrap();
        git(&source, &["init", "--quiet", "--initial-branch=main"]);
        git(&source, &["add", "."]);
        git(&source, &["commit", "--quiet", "--message=Greet"]);
        let commit = git(&source, &["rev-parse", "HEAD"]);
        let build = Command::new("make").current_dir(&source).env("LC_ALL", "C").output().expect("make starts");
        assert!(!build.status.success());
        fs::write(folder.path().join("log"), build.stderr).unwrap();
        let commands: String = prepare.iter().map(|it| format!("            - {}\n", quoted(it))).collect();
        let prepare = if commands.is_empty() { String::new() } else { format!("          prepare:\n{commands}") };
        let config = format!(
            "verify:\n  checkouts: checkouts\n  triage: {}\n{more}  trees:\n    - name: Valves/Pump\n      clone: source\n{tree}      builds:\n        \
             - axes: {{toolchain: clang}}\n          build: ['false']\n        - axes: {{toolchain: gcc}}\n          build: [make]\n{prepare}",
            program().display(),
        );
        fs::write(folder.path().join("triage.yaml"), config).unwrap();
        Self { folder, commit }
    }

    fn prove(&self, commit: &str) -> Output {
        self.command(commit).output().expect("triage-bot starts")
    }

    fn command(&self, commit: &str) -> Command {
        let mut command = Command::new(bot::program());
        command.current_dir(self.folder.path()).args(["prove", "--tree", "valves/pump", "--commit", commit, "log"]);
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn git(folder: &Path, words: &[&str]) -> String {
    let identity = ["-c", "user.name=A Person", "-c", "user.email=person@example.org", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").arg("-C").arg(folder).args(identity).args(words).output().expect("git starts");
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn told(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_fix_is_proved() {
    let setup = Setup::new("", "", &["echo > ready"]);
    for _ in 0..2 {
        let output = setup.prove(&setup.commit);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            text.contains("= verified fix: include <stdio.h> in greet.c"),
            "{text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    // What was proved stays out of the clone.
    assert_eq!(git(&setup.path("source"), &["status", "--porcelain"]), "");
    assert!(!fs::read_to_string(setup.path("source/greet.c")).unwrap().contains("#include"));
}

#[test]
fn nothing_gets_out() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let call = format!("! bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'");
    let secret = tempfile::NamedTempFile::new_in("/var/tmp").unwrap();
    let see = format!("! cat {}", secret.path().display());
    let commands = [
        call.as_str(),
        see.as_str(),
        "! cat link",
        "! ls /root /home /var /srv",
        "! touch /usr/x",
        "test -z \"$SECRET\"",
        "test ! -e .git",
        "test $(ls /proc | grep -c '^[0-9]') -lt 10",
        "! mount -t tmpfs none /mnt",
        // For a next proof.
        "mkdir -p .git/hooks sub && touch sub/x && chmod 500 sub && echo '[core]' > .git/config && ln -s / root",
    ];
    let setup = Setup::new("", "", &commands);
    for _ in 0..2 {
        let output = setup.command(&setup.commit).env("SECRET", "x").output().expect("triage-bot starts");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("= verified fix"), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "somebody called");
}

#[test]
fn limits_end_it() {
    let limits = "  limits: {seconds: 20, disk_megabytes: 64, processes: 64, memory_megabytes: 512}\n";
    let told_of = |command: &str| {
        let setup = Setup::new(limits, "", &[command]);
        told(&setup.prove(&setup.commit))
    };
    let many = "for i in $(seq 200); do head -c 4000000 /dev/zero > f$i; sleep 0.05; done";
    assert!(told_of(many).contains("not proved: it wrote more than 64 megabytes"));
    let big = told_of("head -c 100000000 /dev/zero > big");
    assert!(big.contains("failed:"), "{big}");
    let memory = told_of("head -c 1000000000 /dev/zero | tail -c 900000000 > /dev/null");
    assert!(memory.contains("failed:"), "{memory}");
    assert!(told_of("sleep 1000").contains("not proved: it took longer than 20 seconds"));
}

#[test]
fn what_cannot_be_built_is_said() {
    let setup = Setup::new("", "", &[]);
    let missing = "0123456789012345678901234567890123456789";
    assert!(
        told(&setup.prove(missing))
            .contains("the commit 0123456789012345678901234567890123456789 is not in the clone, and it has no 'fetch'")
    );
    assert!(told(&setup.prove("HEAD")).contains("'HEAD' is no commit"));
    let other = setup.command(&setup.commit).args(["--tree", "other/tree"]).output().unwrap();
    assert_eq!(other.status.code(), Some(2));
    let setup = Setup::new("", "", &["echo no such compiler >&2; exit 3"]);
    assert!(told(&setup.prove(&setup.commit)).contains("failed: no such compiler"));
    // Without a sandbox nothing is built.
    let without = setup.command(&setup.commit).env("PATH", "/nowhere").output().unwrap();
    assert!(told(&without).contains("not proved: no sandbox: bubblewrap (bwrap) is not installed"));
}

#[test]
fn a_missing_commit_is_fetched() {
    let setup = Setup::new("", "      fetch: origin\n", &[]);
    let origin = setup.path("origin");
    fs::rename(setup.path("source"), &origin).unwrap();
    // A clone that is behind.
    git(setup.folder.path(), &["init", "--quiet", "source"]);
    git(&setup.path("source"), &["remote", "add", "origin", origin.to_str().unwrap()]);
    let output = setup.prove(&setup.commit);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("= verified fix"), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let none = told(&setup.prove("0123456789012345678901234567890123456789"));
    assert!(none.contains("is not in the clone, and git fetch origin: "), "{none}");
}
