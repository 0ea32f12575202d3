//! What CI systems leave beside a log: tuxmake's and KernelCI's JSON, kcidb's, GitHub's jobs.
//!
//! Only files beside the log are looked at (its own name with `.json`, and some known names), and
//! only keys that name an axis. Files that are no JSON, or too big, are passed over: they are no
//! part of what was asked for.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use triage_causes::matrix::axes::{self, Axes};

/// Names that CI systems give.
const NAMES: &[&str] = &["metadata.json", "bmeta.json", "build.json", "kcidb.json", "job.json"];
/// Bytes of a file that may be metadata.
const SIZE_MAX: u64 = 16 << 20;

/// A key anywhere in the first levels, and the axis that it names.
const KEYS: &[(&[&str], &str)] = &[
    (&["arch"], "arch"),
    (&["architecture"], "arch"),
    (&["build", "target_arch"], "arch"),
    (&["target_arch"], "arch"),
    (&["compiler", "name"], "toolchain"),
    (&["compiler", "version"], "version"),
    (&["build", "toolchain"], "toolchain"),
    (&["toolchain"], "toolchain"),
    (&["compiler"], "toolchain"),
    (&["build_environment"], "toolchain"),
    (&["config_name"], "config"),
    (&["defconfig_full"], "config"),
    (&["defconfig"], "config"),
    (&["kconfig"], "config"),
    (&["build", "kconfig"], "config"),
    (&["git_branch"], "branch"),
    (&["git_repository_branch"], "branch"),
    (&["branch"], "branch"),
    (&["head_branch"], "branch"),
    (&["git_commit"], "commit"),
    (&["git_commit_hash"], "commit"),
    (&["git", "sha"], "commit"),
    (&["commit"], "commit"),
    (&["head_sha"], "commit"),
    (&["CI_COMMIT_SHA"], "commit"),
    (&["CI_COMMIT_BRANCH"], "branch"),
];

/// Keys of a job's name.
const JOB_NAMES: &[&str] = &["name", "job_name", "CI_JOB_NAME"];

/// Looks files up, each read once.
#[derive(Debug, Default)]
pub struct Metadata {
    known: HashMap<PathBuf, Option<Value>>,
}

impl Metadata {
    /// The axes that the files beside a log tell.
    pub fn axes(&mut self, log: &Path) -> Axes {
        let mut out = Axes::new();
        let Some(folder) = log.parent() else { return out };
        let name = log.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = name.split('.').next().unwrap_or_default();
        let own = [format!("{name}.json"), format!("{stem}.json")];
        let names = own.iter().map(String::as_str).chain(NAMES.iter().copied());
        for file in names {
            if let Some(value) = self.json(&folder.join(file)) {
                add_all(&mut out, value, &name);
            }
        }
        // kcidb's file lists the builds of many folders.
        if let Some(value) = folder.parent().and_then(|above| self.json(&above.join("kcidb.json"))) {
            add_all(&mut out, value, &name);
        }
        out
    }

    fn json(&mut self, path: &Path) -> Option<&Value> {
        let read = || {
            let file = File::open(path).ok()?;
            let mut text = Vec::new();
            file.take(SIZE_MAX + 1).read_to_end(&mut text).ok()?;
            if text.len() as u64 > SIZE_MAX { None } else { serde_json::from_slice(&text).ok() }
        };
        self.known.entry(path.to_owned()).or_insert_with(read).as_ref()
    }
}

/// The axes of a file that may list several builds.
fn add_all(out: &mut Axes, value: &Value, log: &str) {
    let Some(builds) = value.get("builds").or_else(|| value.get("jobs")).and_then(Value::as_array) else {
        add(out, value);
        return;
    };
    let named = |build: &&Value| {
        let own = ["log_url", "log", "log_file"].iter().filter_map(|key| build.get(key)?.as_str());
        let files = build.get("output_files").and_then(Value::as_array).into_iter().flatten();
        let files = files.filter_map(|file| file.get("name")?.as_str().or(file.get("url")?.as_str()));
        own.chain(files).any(|name| name.rsplit('/').next() == Some(log))
    };
    if let Some(build) = builds.iter().find(named) {
        add(out, build);
        let id = build.get("checkout_id").or_else(|| build.get("revision_id"));
        let lists = value.get("checkouts").or_else(|| value.get("revisions")).and_then(Value::as_array);
        if let Some(checkout) = lists.into_iter().flatten().find(|checkout| id.is_some() && checkout.get("id") == id) {
            add(out, checkout);
        }
    }
}

fn add(out: &mut Axes, value: &Value) {
    for (path, axis) in KEYS {
        let found = path.iter().try_fold(value, |value, key| value.get(key));
        let text = match found {
            Some(Value::String(text)) => text.clone(),
            // tuxmake: the configuration and its additions.
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("+"),
            Some(Value::Number(number)) => number.to_string(),
            _ => continue,
        };
        axes::add(out, axis, &text);
    }
    for name in JOB_NAMES.iter().filter_map(|key| value.get(key)?.as_str()) {
        axes::fill(out, &axes::from_name(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(file: &str, json: &str, log: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(file), json).unwrap();
        let axes = Metadata::default().axes(&folder.path().join(log));
        axes.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn forms_of_ci_systems() {
        let tuxmake = r#"{"build": {"target_arch": "arm64", "toolchain": "clang-19", "kconfig": ["defconfig"]},
                          "compiler": {"name": "clang", "version": "19.1.7"}}"#;
        assert_eq!(
            shown("metadata.json", tuxmake, "build.log"),
            "arch=arm64 config=defconfig toolchain=clang version=19.1.7"
        );
        let kernelci = r#"{"arch": "riscv", "build_environment": "gcc-12", "defconfig_full": "rv32_defconfig", "git_branch": "next"}"#;
        assert_eq!(
            shown("bmeta.json", kernelci, "build.log"),
            "arch=riscv branch=next config=rv32_defconfig toolchain=gcc version=12"
        );
        let kcidb = r#"{"checkouts": [{"id": "c:1", "git_commit_hash": "abc"}], "builds": [
            {"checkout_id": "c:1", "architecture": "s390", "log_url": "https://x/other.log"},
            {"checkout_id": "c:1", "architecture": "x86_64", "compiler": "gcc-13", "log_url": "https://x/own.log"}]}"#;
        assert_eq!(shown("kcidb.json", kcidb, "own.log"), "arch=x86_64 commit=abc toolchain=gcc version=13");
        assert_eq!(
            shown("7.json", r#"{"name": "build (arm64, gcc-12)"}"#, "7.log"),
            "arch=arm64 toolchain=gcc version=12"
        );
        assert_eq!(shown("metadata.json", "no JSON", "build.log"), "");
    }
}
