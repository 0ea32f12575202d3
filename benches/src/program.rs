//! Finds the programs that are measured.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The repository's root.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The program to measure: what was typed, or what cargo builds.
///
/// # Errors
/// When there is no such file or the build fails.
pub fn triage(typed: Option<&Path>) -> Result<PathBuf, String> {
    found(typed, "triage-cli")
}

/// The same for `triage-bot`.
///
/// # Errors
/// When there is no such file or the build fails.
pub fn bot(typed: Option<&Path>) -> Result<PathBuf, String> {
    found(typed, "triage-server")
}

fn found(typed: Option<&Path>, package: &str) -> Result<PathBuf, String> {
    let path = match typed {
        Some(path) => path.to_owned(),
        None => build(package)?,
    };
    path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))
}

fn build(package: &str) -> Result<PathBuf, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(repository())
        .args(["build", "--release", "-p", package, "--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err("the build failed".to_owned());
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .ok_or_else(|| "cargo built no program".to_owned())
}

/// The first line that a program prints with `--version`; none when it is not installed.
#[must_use]
pub fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}
