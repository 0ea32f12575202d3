//! End-to-end tests drive the real programs; what they share is here.

#[cfg(unix)]
pub mod bot;
#[cfg(unix)]
pub mod services;
#[cfg(unix)]
pub mod serving;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The top of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the repository")
}

/// A log in `tests/logs`.
pub fn log(name: &str) -> PathBuf {
    repository().join("tests/logs").join(name)
}

/// The program `triage`, built once by each test program so that no old one is tested. A ready one
/// can be named with `TRIAGE`.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("TRIAGE") {
        Some(path) => path.into(),
        None => built("triage-cli", "triage"),
    })
}

/// Builds a package and gives the path of its program.
pub(crate) fn built(package: &str, program: &str) -> PathBuf {
    // target/<profile>/deps/<this test>
    let own = std::env::current_exe().expect("a running program has a path");
    let profile = own.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(repository()).args(["build", "--quiet", "--package", package]);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().expect("cargo runs").success(), "{package} does not build");
    profile.join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
}

/// A call of `triage` in surroundings that are the same everywhere.
pub fn triage<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program());
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "LC_ALL", "LC_CTYPE", "LANG"] {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// What a call gave.
#[derive(Debug)]
pub struct Answer {
    /// Exit status; none when a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Answer {
    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The classes of all causes, in order.
    pub fn classes(&self) -> Vec<String> {
        let json = self.json();
        let causes = json["causes"].as_array().expect("a report has causes");
        causes.iter().map(|cause| cause["class"].as_str().expect("a cause has a class").to_owned()).collect()
    }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("triage writes UTF-8");
        let answer = Self { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(!answer.stderr.contains("panicked"), "{answer:?}");
        answer
    }
}

/// Runs a call.
pub fn answer(command: &mut Command) -> Answer {
    command.output().expect("triage starts").into()
}

/// Calls `triage` with arguments.
pub fn call<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Answer {
    answer(&mut triage(args))
}

/// Calls `triage` with arguments and standard input.
pub fn pipe<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, input: &[u8]) -> Answer {
    pipe_into(&mut triage(args), input)
}

/// Runs a call with standard input.
pub fn pipe_into(command: &mut Command, input: &[u8]) -> Answer {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the writer ends");
    output.into()
}

/// The report over standard input.
pub fn report(input: &[u8]) -> Answer {
    pipe(["--format", "json"], input)
}

/// A folder that goes away.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}
