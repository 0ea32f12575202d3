//! A clone of an archive (public-inbox-v1-format(5), public-inbox-v2-format(5)).
//!
//! A v2 archive is a folder with `git/0.git`, `git/1.git` and so on, its epochs; each commit of one has the mail as the file
//! `m`, or removes it as the file `d`. A v1 archive is one repository in which each mail is a file named by a hash. Whoever
//! keeps the clone up to date (`public-inbox-fetch`, grokmirror) is not our concern. git is its own program with arguments that
//! nothing from a mail gets into.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::super::{Batch, Cursor, Filling, READ_MAX, SourceError, blocking, changed, wait_for_change};

/// Epochs that an archive may have; lore's largest has a few dozen.
const EPOCHS_MAX: u32 = 10_000;

/// An archive in git.
#[derive(Debug, Clone)]
pub struct GitArchive {
    folder: PathBuf,
    /// How its newest repository stood before it was read last.
    read: Option<State>,
}

/// The newest epoch, and when its branch moved last.
type State = (u32, [Option<SystemTime>; 3]);

/// How far an archive was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitCursor {
    /// The epoch; 0 for v1.
    epoch: u32,
    /// The last commit of it that was read.
    commit: Option<String>,
}

impl GitArchive {
    /// An archive's folder, of either format.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), read: None }
    }

    /// Says what is wrong with the folder, before anything is read.
    ///
    /// # Errors
    ///
    /// When it is no archive.
    pub fn check(&self) -> Result<(), SourceError> {
        Layout::of(&self.folder).map(drop)
    }

    /// The cursor in front of the newest mails, about as many as said: archives hold decades.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read.
    pub async fn newest(&self, mails: usize) -> Result<Cursor, SourceError> {
        let folder = self.folder.clone();
        blocking(move || Ok(Cursor::GitArchive(Layout::of(&folder)?.before_the_newest(mails)?))).await
    }

    pub(in super::super) async fn read(&mut self, cursor: Option<&Cursor>) -> Result<Batch, SourceError> {
        let cursor = match cursor {
            None => GitCursor::default(),
            Some(Cursor::GitArchive(cursor)) => cursor.clone(),
            Some(_) => return Err(SourceError::Cursor),
        };
        let folder = self.folder.clone();
        let (state, batch) = blocking(move || {
            let layout = Layout::of(&folder)?;
            let state = layout.state();
            Ok((state, layout.read(cursor)?))
        })
        .await?;
        self.read = Some(state);
        Ok(batch)
    }

    pub(in super::super) async fn end(&mut self) -> Result<Cursor, SourceError> {
        let folder = self.folder.clone();
        let (state, cursor) = blocking(move || {
            let layout = Layout::of(&folder)?;
            let state = layout.state();
            let epoch = layout.newest();
            Ok((state, GitCursor { epoch, commit: tip(&layout.repository(epoch))? }))
        })
        .await?;
        self.read = Some(state);
        Ok(Cursor::GitArchive(cursor))
    }

    pub(in super::super) async fn wait(&mut self, longest: Duration) -> Result<(), SourceError> {
        let layout = Layout::of(&self.folder)?;
        let last = *self.read.get_or_insert_with(|| layout.state());
        wait_for_change(&last, longest, || layout.state()).await;
        Ok(())
    }
}

/// Where an archive has its repositories.
#[derive(Debug)]
struct Layout {
    folder: PathBuf,
    v2: bool,
}

impl Layout {
    fn of(folder: &Path) -> Result<Self, SourceError> {
        // Of a partial clone the first epochs may be missing.
        let epochs = std::fs::read_dir(folder.join("git")).into_iter().flatten().filter_map(Result::ok);
        let v2 = epochs.filter_map(|entry| epoch_of(&entry.path())).next().is_some();
        if v2 || folder.join("HEAD").is_file() && folder.join("objects").is_dir() {
            Ok(Self { folder: folder.to_owned(), v2 })
        } else {
            let reason = "no archive of public-inbox: it needs git/0.git (v2), or to be a bare repository (v1)";
            Err(SourceError::Kind { path: folder.to_owned(), reason })
        }
    }

    fn repository(&self, epoch: u32) -> PathBuf {
        if self.v2 { self.folder.join(format!("git/{epoch}.git")) } else { self.folder.clone() }
    }

    /// Epochs that are there, in order.
    fn epochs(&self) -> Vec<u32> {
        if !self.v2 {
            return vec![0];
        }
        let entries = std::fs::read_dir(self.folder.join("git")).into_iter().flatten().filter_map(Result::ok);
        let mut epochs: Vec<u32> = entries.filter_map(|entry| epoch_of(&entry.path())).collect();
        epochs.sort_unstable();
        epochs
    }

    fn newest(&self) -> u32 {
        self.epochs().last().copied().unwrap_or(0)
    }

    /// Each commit has one mail, or removes one.
    fn before_the_newest(&self, mails: usize) -> Result<GitCursor, SourceError> {
        let mut left = mails;
        for epoch in self.epochs().into_iter().rev() {
            let repository = self.repository(epoch);
            if tip(&repository)?.is_none() {
                continue;
            }
            let skip = format!("--skip={left}");
            let commit = answer(&repository, &["rev-list", "--first-parent", "--max-count=1", &skip, "HEAD"])?;
            if !commit.is_empty() {
                return Ok(GitCursor { epoch, commit: Some(commit) });
            }
            let count = answer(&repository, &["rev-list", "--first-parent", "--count", "HEAD"])?;
            left = left.saturating_sub(count.parse().unwrap_or(left));
        }
        // All of them; a partial clone begins later.
        Ok(GitCursor::default())
    }

    /// A branch moves by a new file in its folder, or within `packed-refs`.
    fn state(&self) -> State {
        let epoch = self.newest();
        let repository = self.repository(epoch);
        (epoch, ["refs/heads", "refs/heads/master", "packed-refs"].map(|file| changed(&repository.join(file))))
    }

    fn read(&self, mut cursor: GitCursor) -> Result<Batch, SourceError> {
        let mut filling = Filling::default();
        let mut more = false;
        let first = cursor.epoch;
        for epoch in self.epochs().into_iter().filter(|epoch| *epoch >= first) {
            if epoch > cursor.epoch {
                cursor = GitCursor { epoch, commit: None };
            }
            more = self.read_epoch(&mut cursor, &mut filling)?;
            if more {
                break;
            }
        }
        Ok(Batch { messages: filling.messages, cursor: Cursor::GitArchive(cursor), more })
    }

    /// Reads an epoch from the cursor on and moves it; true when the batch is full before the end.
    fn read_epoch(&self, cursor: &mut GitCursor, filling: &mut Filling) -> Result<bool, SourceError> {
        let repository = self.repository(cursor.epoch);
        let Some(tip) = tip(&repository)? else { return Ok(false) };
        if cursor.commit.as_ref() == Some(&tip) {
            return Ok(false);
        }
        // Purging rewrites history: what came after is read again, and Message-IDs tell what is known.
        let known = cursor.commit.clone().filter(|commit| is_ancestor(&repository, commit, &tip));
        let range = known.map_or_else(|| tip.clone(), |commit| format!("{commit}..{tip}"));
        let mut log = Running::start(
            &repository,
            &[
                "log",
                "--reverse",
                "--first-parent",
                "--root",
                "--no-abbrev",
                "--no-renames",
                "--diff-filter=AM",
                "--raw",
                "--no-show-signature",
                "--no-color",
                "--format=commit %H",
                &range,
                "--",
            ],
        )?;
        let mut objects = Running::start(&repository, &["cat-file", "--batch"])?;
        for line in log.output.by_ref().lines() {
            let line = line.map_err(|error| failed(&repository, &error.to_string()))?;
            if let Some(commit) = line.strip_prefix("commit ") {
                if filling.is_full() {
                    return Ok(true);
                }
                cursor.commit = Some(commit.to_owned());
            } else if let Some(blob) = self.mail_of(&line)
                && let Some((raw, size)) =
                    objects.object(blob).map_err(|error| failed(&repository, &error.to_string()))?
            {
                filling.push(&raw, size);
            }
        }
        log.end(&repository)?;
        cursor.commit = Some(tip);
        Ok(false)
    }

    /// The blob of a mail in a line `:000000 100644 0000… BLOB A\tpath`.
    fn mail_of<'a>(&self, line: &'a str) -> Option<&'a str> {
        let (fields, path) = line.strip_prefix(':')?.split_once('\t')?;
        let blob = fields.split(' ').nth(3).filter(|blob| blob.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fits = if self.v2 {
            path == "m"
        } else {
            path.split_once('/').is_some_and(|(a, b)| (a.len(), b.len()) == (2, 38) && hex(a) && hex(b))
        };
        fits.then_some(blob)
    }
}

fn epoch_of(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?.strip_suffix(".git")?;
    name.parse().ok().filter(|epoch| *epoch < EPOCHS_MAX)
}

/// The newest commit; none in an empty repository.
fn tip(repository: &Path) -> Result<Option<String>, SourceError> {
    let output = git(repository, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).output();
    let output = output.map_err(|error| failed(repository, &error.to_string()))?;
    match output.status.code() {
        Some(0) => Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())),
        Some(1) => Ok(None),
        _ => Err(failed(repository, &String::from_utf8_lossy(&output.stderr))),
    }
}

/// What git prints, as one line.
fn answer(repository: &Path, args: &[&str]) -> Result<String, SourceError> {
    let output = git(repository, args).output().map_err(|error| failed(repository, &error.to_string()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(failed(repository, &String::from_utf8_lossy(&output.stderr)))
    }
}

/// Whether a commit of an older run still leads to the newest one. It comes from the stored cursor, so it is checked first.
fn is_ancestor(repository: &Path, commit: &str, tip: &str) -> bool {
    let hex = (40..=64).contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut git = git(repository, &["merge-base", "--is-ancestor", commit, tip]);
    hex && git.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// git on one repository, whoever owns it, and without the surroundings' ideas of where it is.
fn git(repository: &Path, args: &[&str]) -> Command {
    let mut git = Command::new("git");
    for name in
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"]
    {
        git.env_remove(name);
    }
    git.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C").stdin(Stdio::null());
    git.arg("-c").arg("safe.directory=*").arg("-c").arg("core.quotePath=true");
    git.arg("--git-dir").arg(repository).args(args);
    git
}

fn failed(repository: &Path, reason: &str) -> SourceError {
    SourceError::Git { path: repository.to_owned(), reason: reason.trim().chars().take(300).collect() }
}

/// A git that is being read from; it ends with its owner.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(repository: &Path, args: &[&str]) -> Result<Self, SourceError> {
        let mut git = git(repository, args);
        git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = git.spawn().map_err(|error| failed(repository, &error.to_string()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let output = output.ok_or_else(|| failed(repository, "it has no output"))?;
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// Asks `cat-file --batch` for a blob: at most [`READ_MAX`] bytes, and its size.
    fn object(&mut self, blob: &str) -> std::io::Result<Option<(Vec<u8>, u64)>> {
        if let Some(input) = &mut self.input {
            writeln!(input, "{blob}")?;
            input.flush()?;
        }
        let mut header = String::new();
        self.output.read_line(&mut header)?;
        let mut fields = header.trim_end().split(' ').skip(1);
        let (Some("blob"), Some(Ok(size))) = (fields.next(), fields.next().map(str::parse::<u64>)) else {
            return Ok(None);
        };
        let mut raw = Vec::new();
        (&mut self.output).take(size.min(READ_MAX)).read_to_end(&mut raw)?;
        let rest = size - size.min(READ_MAX) + 1;
        std::io::copy(&mut (&mut self.output).take(rest), &mut std::io::sink())?;
        Ok(Some((raw, size)))
    }

    fn end(&mut self, repository: &Path) -> Result<(), SourceError> {
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(failed(repository, &format!("reading the history ended with {status}"))),
            Err(error) => Err(failed(repository, &error.to_string())),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
#[path = "git_tests.rs"]
mod tests;
