//! A folder with the files of a commit, for one proof at a time.
//!
//! It has no `.git`: what is built in it must not be able to leave a configuration there that git would obey outside of the
//! sandbox. It is made anew for each proof, so that no build can leave anything for the next one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::{Unproved, is_commit};
use crate::config::Tree;
use crate::error::reason;

/// A folder with the files of a commit. Dropping it lets another proof have it.
#[derive(Debug)]
pub struct Checkout {
    folder: PathBuf,
    _lock: File,
}

impl Checkout {
    /// One that nobody works in, not even another process.
    pub async fn take(folder: &Path, tree: &str, many: usize) -> Result<Self, Unproved> {
        let name: String = tree.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        fs::create_dir_all(folder).map_err(|error| fault(folder, &error))?;
        let folder = fs::canonicalize(folder).map_err(|error| fault(folder, &error))?;
        // Other processes on this machine may use the same folder.
        loop {
            for at in 0..many.saturating_mul(4) {
                let path = folder.join(format!("{name}-{at}"));
                let lock = path.with_extension("lock");
                let lock = File::create(&lock).map_err(|error| fault(&lock, &error))?;
                if lock.try_lock().is_ok() {
                    return Ok(Self { folder: path, _lock: lock });
                }
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }

    /// Where the files are.
    pub fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    /// Where a build may write what is not of the files.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// All that a proof writes lies in it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts the files of a commit there, and nothing else.
    pub async fn fill(&self, tree: &Tree, commit: &str) -> Result<(), Unproved> {
        if !is_commit(commit) {
            return Err(Unproved::Commit(commit.to_owned()));
        }
        self.empty().await?;
        for folder in [self.files(), self.scratch()] {
            fs::create_dir_all(&folder).map_err(|error| fault(&folder, &error))?;
        }
        self.have(tree, commit).await?;
        let index = self.folder.join("index");
        let prefix = format!("--prefix={}/", self.files().display());
        for words in [&["read-tree", commit][..], &["checkout-index", "--all", "--force", "--quiet", &prefix]] {
            git(tree, &index, words).await.map_err(|why| Unproved::Checkout(format!("git {}", words[0]), why))?;
        }
        Ok(())
    }

    /// Makes sure that the clone has the commit.
    async fn have(&self, tree: &Tree, commit: &str) -> Result<(), Unproved> {
        let index = self.folder.join("index");
        let name = format!("{commit}^{{commit}}");
        let look = ["cat-file", "-e", name.as_str()];
        if git(tree, &index, &look).await.is_ok() {
            return Ok(());
        }
        let Some(remote) = &tree.fetch else {
            return Err(Unproved::Missing(commit.to_owned(), ", and it has no 'fetch'".to_owned()));
        };
        let words =
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", remote, commit];
        let missing = |why: String| Unproved::Missing(commit.to_owned(), format!(", and git fetch {remote}: {why}"));
        git(tree, &index, &words).await.map_err(missing)?;
        git(tree, &index, &look).await.map_err(|why| Unproved::Missing(commit.to_owned(), format!(": {why}")))
    }

    /// Removes what an earlier proof left, whatever rights it gave to it.
    async fn empty(&self) -> Result<(), Unproved> {
        if !self.folder.exists() {
            return Ok(());
        }
        for (program, words) in [("chmod", &["-R", "u+rwX"][..]), ("rm", &["-rf"][..])] {
            let mut command = Command::new(program);
            command.args(words).arg("--").arg(&self.folder).stdin(Stdio::null()).kill_on_drop(true);
            let output = command.output().await.map_err(|error| fault(Path::new(program), &error))?;
            if program == "rm" && !output.status.success() {
                let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                return Err(Unproved::Checkout(program.to_owned(), why));
            }
        }
        Ok(())
    }
}

/// Runs git in the clone. Nothing that came with a commit configures it.
async fn git(tree: &Tree, index: &Path, words: &[&str]) -> Result<(), String> {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(&tree.clone)
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never"])
        .args(words)
        .env("GIT_INDEX_FILE", index)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command.output().await.map_err(|error| reason(&error))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(text.lines().last().unwrap_or("it failed").trim().to_owned())
}

fn fault(path: &Path, error: &std::io::Error) -> Unproved {
    Unproved::Checkout(path.display().to_string(), reason(error))
}
