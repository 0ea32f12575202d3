//! Maildirs: `new/` and `cur/`, as Dovecot, postfix, mbsync, offlineimap and public-inbox fill them.
//!
//! Nothing is changed unless [`AfterReading`] says so. Files come, get other flags and go at any time; what vanishes between
//! two looks is left out. A mail is known by the part of its name before the flags, which stays the same.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Batch, Cursor, Filling, LOOK, READ_MAX, SourceError, blocking, changed, wait_for_change};

/// What stands between the name of a mail and its flags.
const FLAGS: &str = ":2,";

/// A Maildir.
#[derive(Debug, Clone)]
pub struct Maildir {
    folder: PathBuf,
    after: AfterReading,
    /// Files of the last batch.
    read: Vec<PathBuf>,
    /// How the folders stood before they were listed last.
    listed: [Option<SystemTime>; 2],
}

/// What happens to a mail once it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterReading {
    /// Nothing.
    #[default]
    Leave,
    /// It goes to `cur/` and is marked as seen.
    MarkSeen,
    /// It goes to `cur/` of this Maildir, which must be on the same file system.
    MoveTo(PathBuf),
}

/// Which mails of a Maildir were read: hashes of the names of all that are still there, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaildirCursor {
    seen: Vec<u64>,
}

/// A mail in the folder.
struct Entry {
    path: PathBuf,
    name: u64,
    time: SystemTime,
    size: u64,
}

impl Maildir {
    /// A Maildir that is only read.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), after: AfterReading::Leave, read: Vec::new(), listed: [None; 2] }
    }

    /// The same, with something to do afterwards.
    #[must_use]
    pub fn after_reading(self, after: AfterReading) -> Self {
        Self { after, ..self }
    }

    pub(super) async fn read(&mut self, cursor: Option<&Cursor>) -> Result<Batch, SourceError> {
        let seen = match cursor {
            None => MaildirCursor::default(),
            Some(Cursor::Maildir(cursor)) => cursor.clone(),
            Some(_) => return Err(SourceError::Cursor),
        };
        self.listed = state(&self.folder);
        let folder = self.folder.clone();
        let (batch, read) = blocking(move || read_folder(&folder, &seen)).await?;
        self.read = read;
        Ok(batch)
    }

    pub(super) async fn end(&mut self) -> Result<Cursor, SourceError> {
        self.listed = state(&self.folder);
        let folder = self.folder.clone();
        let entries = blocking(move || list(&folder)).await?;
        Ok(cursor_of(entries.iter().map(|entry| entry.name)))
    }

    pub(super) async fn wait(&mut self, longest: Duration) -> Result<(), SourceError> {
        // A mail that came in the same tick of the clock as the last look leaves the time as it was.
        let young = |time: &SystemTime| time.elapsed().is_ok_and(|age| age < LOOK);
        let longest = if self.listed.iter().flatten().any(young) { longest.min(LOOK) } else { longest };
        wait_for_change(&self.listed, longest, || state(&self.folder)).await;
        Ok(())
    }

    pub(super) async fn done(&mut self) -> Result<(), SourceError> {
        let (read, after, folder) = (std::mem::take(&mut self.read), self.after.clone(), self.folder.clone());
        blocking(move || match after {
            AfterReading::Leave => Ok(()),
            AfterReading::MarkSeen => put_away(&read, &folder),
            AfterReading::MoveTo(other) => put_away(&read, &other),
        })
        .await
    }
}

/// A folder's time changes when a file in it comes, goes or gets another name.
fn state(folder: &Path) -> [Option<SystemTime>; 2] {
    ["new", "cur"].map(|part| changed(&folder.join(part)))
}

fn read_folder(folder: &Path, cursor: &MaildirCursor) -> Result<(Batch, Vec<PathBuf>), SourceError> {
    let entries = list(folder)?;
    let seen: HashSet<u64> = cursor.seen.iter().copied().collect();
    let mut still_seen: Vec<u64> = entries.iter().map(|entry| entry.name).filter(|name| seen.contains(name)).collect();
    let (mut filling, mut files, mut more) = (Filling::default(), Vec::new(), false);
    for entry in entries.into_iter().filter(|entry| !seen.contains(&entry.name)) {
        if filling.is_full() {
            more = true;
            break;
        }
        if let Some((path, raw)) = open(folder, &entry)? {
            filling.push(&raw, entry.size.max(raw.len() as u64));
            files.push(path);
        }
        still_seen.push(entry.name);
    }
    Ok((Batch { messages: filling.messages, cursor: cursor_of(still_seen.into_iter()), more }, files))
}

fn cursor_of(names: impl Iterator<Item = u64>) -> Cursor {
    let mut seen: Vec<u64> = names.collect();
    seen.sort_unstable();
    seen.dedup();
    Cursor::Maildir(MaildirCursor { seen })
}

/// All mails, the oldest first. Regular files only: a link may lead anywhere.
fn list(folder: &Path) -> Result<Vec<Entry>, SourceError> {
    let mut entries = Vec::new();
    // `cur` after `new`: a mail that is moved in between is seen twice rather than not at all.
    for part in ["new", "cur"] {
        let path = folder.join(part);
        let listing = fs::read_dir(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                SourceError::Kind { path: folder.to_owned(), reason: "no Maildir: it needs the folders new and cur" }
            }
            _ => SourceError::File { path: path.clone(), error },
        })?;
        for entry in listing {
            let entry = entry.map_err(|error| SourceError::File { path: path.clone(), error })?;
            let name = entry.file_name();
            let Some(metadata) = entry.metadata().ok().filter(fs::Metadata::is_file) else { continue };
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            entries.push(Entry {
                path: entry.path(),
                name: hash(base(&name.to_string_lossy())),
                time: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                size: metadata.len(),
            });
        }
    }
    entries.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| a.path.file_name().cmp(&b.path.file_name())));
    let mut names = HashSet::new();
    entries.retain(|entry| names.insert(entry.name));
    Ok(entries)
}

/// The mail's bytes and where it lies now; none when it went away.
fn open(folder: &Path, entry: &Entry) -> Result<Option<(PathBuf, Vec<u8>)>, SourceError> {
    if let Some(raw) = read_file(&entry.path)? {
        return Ok(Some((entry.path.clone(), raw)));
    }
    // It was marked or moved to `cur` since the folder was listed.
    let moved = fs::read_dir(folder.join("cur")).into_iter().flatten().filter_map(Result::ok);
    let mut moved = moved.filter(|other| hash(base(&other.file_name().to_string_lossy())) == entry.name);
    let Some(path) = moved.next().map(|other| other.path()) else { return Ok(None) };
    Ok(read_file(&path)?.map(|raw| (path, raw)))
}

/// A file's beginning; none when there is no such file. One that may not be read is a fault that somebody has to repair.
fn read_file(path: &Path) -> Result<Option<Vec<u8>>, SourceError> {
    let mut raw = Vec::new();
    match File::open(path).and_then(|file| file.take(READ_MAX).read_to_end(&mut raw)) {
        Ok(_) => Ok(Some(raw)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SourceError::File { path: path.to_owned(), error }),
    }
}

/// Moves mails to `cur` of a Maildir and marks them as seen. What is gone is gone.
fn put_away(files: &[PathBuf], maildir: &Path) -> Result<(), SourceError> {
    let cur = maildir.join("cur");
    for path in files {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let target = cur.join(seen_name(&name));
        match fs::rename(path, &target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound || !cur.is_dir() => {
                return Err(SourceError::File { path: target, error });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The name of a file with the flag S (seen), flags in the order of the alphabet.
fn seen_name(name: &str) -> String {
    let mut flags: Vec<char> = name.split_once(FLAGS).map_or("", |(_, flags)| flags).chars().collect();
    if !flags.contains(&'S') {
        flags.push('S');
        flags.sort_unstable();
    }
    format!("{}{FLAGS}{}", base(name), flags.into_iter().collect::<String>())
}

fn base(name: &str) -> &str {
    name.split_once(FLAGS).map_or(name, |(base, _)| base)
}

/// FNV-1a, 64 bits: the same on every machine and in every version.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
#[path = "maildir_tests.rs"]
mod tests;
