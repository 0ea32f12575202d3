//! Which patch a build result is about.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::patch::{commit_id, trailers};
use super::{Patch, SeriesKey, Shelf, diff};
use crate::message::{Address, Message, MessageId};

/// How a build names what it built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name<'a> {
    /// By the Message-ID of a patch, a cover letter or a pull request.
    Message(&'a MessageId),
    /// By the commit that was made of a patch.
    Commit(&'a Commit),
    /// By b4's `change-id`, perhaps with a version; without one the newest counts.
    Change(&'a str, Option<u32>),
}

/// A place on the shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The series or pull request.
    pub series: SeriesKey,
    /// The patch's number, 0 for the whole.
    pub number: u32,
    /// What gave it away.
    pub how: How,
}

/// Why it is not known what a build is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// Nothing on the shelf fits.
    #[error("no mail fits")]
    Nothing,
    /// Different changes, or changes of different people, fit alike.
    #[error("several series fit")]
    Several(Vec<SeriesKey>),
}

/// What told that a patch is meant, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Its Message-ID was given.
    MessageId,
    /// The commit message has its Message-ID, in `Link:` or `Message-ID:`.
    Trailer,
    /// The diff is the same.
    PatchId,
    /// Title and author are the same.
    Title,
    /// Its change-id was given.
    ChangeId,
    /// The pull request ends with the commit.
    Head,
}

/// What a commit says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its name in hexadecimal, when known: a pull request ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The first line of its message.
    pub title: String,
    /// The author's address.
    pub author: Option<Address>,
    /// The whole message.
    pub message: String,
    /// `git patch-id --stable`; none for a merge.
    pub patch_id: Option<String>,
}

/// Why a commit could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Not a name of a commit.
    #[error("{0:?} is no commit; give 7 to 64 hexadecimal digits")]
    Name(String),
    /// git does not run.
    #[error("git does not start: {0}")]
    Start(#[from] std::io::Error),
    /// The text is no patch.
    #[error("this is no commit as `git format-patch -1 --stdout` writes it")]
    Text,
    /// git refuses.
    #[error("git does not know the commit {0}: {1}")]
    Unknown(String, String),
}

impl Commit {
    /// Asks git for a commit of a repository. Nothing of the repository is run: no diff driver, no text filter, no hook.
    ///
    /// # Errors
    ///
    /// When the name is not one of a commit, or git does not know it.
    pub fn read(repository: &Path, name: &str) -> Result<Self, CommitError> {
        let name =
            commit_id(name).filter(|id| id.len() == name.len()).ok_or_else(|| CommitError::Name(name.to_owned()))?;
        let mut git = Command::new("git");
        git.arg("-C").arg(repository).args(["-c", "core.fsmonitor=false", "show", "--no-ext-diff", "--no-textconv"]);
        git.args([
            "--no-color",
            "--no-show-signature",
            "--full-index",
            "--no-renames",
            "--format=%ae%x00%B%x00",
            "--patch",
        ]);
        git.arg(&name).arg("--").stdin(Stdio::null());
        let output = git.output()?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr).trim().chars().take(200).collect();
            return Err(CommitError::Unknown(name, words));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let mut parts = text.splitn(3, '\0');
        let (author, message) = (parts.next().unwrap_or(""), parts.next().unwrap_or("").trim().to_owned());
        let title = message.lines().next().unwrap_or("").to_owned();
        let patch_id = diff::patch_id(parts.next().unwrap_or(""));
        Ok(Self { id: Some(name), title, author: Address::parse(author.trim()).ok(), message, patch_id })
    }

    /// Reads what `git format-patch -1 --stdout` wrote of a commit, where there is no repository.
    ///
    /// # Errors
    ///
    /// When there is no subject or no diff in it.
    pub fn from_patch(raw: &[u8]) -> Result<Self, CommitError> {
        let end = raw.iter().position(|byte| *byte == b'\n').unwrap_or(raw.len());
        let line = String::from_utf8_lossy(&raw[..end]);
        let id = line.strip_prefix("From ").and_then(|rest| commit_id(rest.split(' ').next()?));
        let mut mail = Message::parse(if raw.starts_with(b"From ") { &raw[end..] } else { raw }.trim_ascii_start());
        // It was not sent, so it has none.
        let placeholder = MessageId::parse("<commit@localhost>").ok();
        mail.message_id = mail.message_id.or(placeholder);
        let patch = Patch::read(mail).map_err(|_| CommitError::Text)?;
        let title = patch.subject.title.clone();
        let message = format!("{title}\n\n{}", patch.message().trim());
        let author = patch.author.as_ref().map(|author| author.address().clone());
        Ok(Self { id, title, author, message, patch_id: patch.patch_id })
    }

    /// A commit of which nothing but its name is known: a pull request may end with it.
    ///
    /// # Errors
    ///
    /// When the name is none.
    pub fn named(name: &str) -> Result<Self, CommitError> {
        let id =
            commit_id(name).filter(|id| id.len() == name.len()).ok_or_else(|| CommitError::Name(name.to_owned()))?;
        Ok(Self { id: Some(id), title: String::new(), author: None, message: String::new(), patch_id: None })
    }

    /// Message-IDs in the trailers, the last first: whoever applied the patch wrote there where it is from.
    pub fn links(&self) -> Vec<MessageId> {
        let links = trailers(&self.message).into_iter().rev().filter_map(|trailer| {
            if trailer.name.eq_ignore_ascii_case("message-id") {
                return MessageId::parse(&trailer.value).ok();
            }
            let is_link = trailer.name.eq_ignore_ascii_case("link");
            is_link.then(|| id_of_url(trailer.value.split_whitespace().next()?))?
        });
        links.collect()
    }
}

/// The Message-ID in an archive's URL (`https://lore.kernel.org/all/ID/T/#u`): the part of the path with an `@`.
fn id_of_url(url: &str) -> Option<MessageId> {
    let (_, path) = url.split_once("://")?.1.split_once('/')?;
    let path = path.split(['#', '?']).next()?;
    path.split('/')
        .rev()
        .find_map(|part| MessageId::parse(&unescaped(part)?).ok().filter(|id| id.as_str().contains('@')))
}

/// A part of a URL without `%` escapes.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

impl Shelf {
    /// Finds what a build is about. Of several versions of one change that fit alike, the newest is meant.
    ///
    /// # Errors
    ///
    /// When nothing fits, or several changes do.
    pub fn find(&self, name: &Name<'_>) -> Result<Found, NotFound> {
        match name {
            Name::Message(id) => {
                let (series, number) = *self.parts.get(id).ok_or(NotFound::Nothing)?;
                Ok(Found { series, number, how: How::MessageId })
            }
            Name::Commit(commit) => self.find_commit(commit),
            Name::Change(id, version) => {
                let fits = |series: &super::Series| {
                    series.change_id().as_deref() == Some(id) && version.is_none_or(|version| version == series.version)
                };
                let all = self.series().filter(|(_, series)| fits(series)).map(|(key, _)| (key, 0));
                self.newest(all, How::ChangeId)
            }
        }
    }

    fn find_commit(&self, commit: &Commit) -> Result<Found, NotFound> {
        // An abbreviated name is one of at least 12 digits.
        let same =
            |head: &str, id: &str| head.len().min(id.len()) >= 12 && (head.starts_with(id) || id.starts_with(head));
        let heads = |head: Option<&str>| head.zip(commit.id.as_deref()).is_some_and(|(head, id)| same(head, id));
        if let Some((series, _)) = self.pulls().rev().find(|(_, pull)| heads(pull.head.as_deref())) {
            return Ok(Found { series, number: 0, how: How::Head });
        }
        for id in commit.links() {
            let Some((series, number)) = self.parts.get(&id).copied() else { continue };
            // A link to the cover letter: the title tells the patch.
            let named = self.get(series).filter(|_| number == 0).and_then(|series| {
                let same = |title: &str| same_title(title, &commit.title);
                series.patches.iter().find(|(_, patch)| same(&patch.subject.title)).map(|(number, _)| *number)
            });
            return Ok(Found { series, number: named.unwrap_or(number), how: How::Trailer });
        }
        let by_diff = |patch: &Patch| patch.patch_id.is_some() && patch.patch_id == commit.patch_id;
        let by_title = |patch: &Patch| {
            let same_author = match (&patch.author, &commit.author) {
                (Some(author), Some(other)) => author.address().is(other),
                _ => false,
            };
            same_author && same_title(&patch.subject.title, &commit.title)
        };
        match self.newest_patch(by_diff, How::PatchId) {
            Err(NotFound::Nothing) => self.newest_patch(by_title, How::Title),
            found => found,
        }
    }

    fn newest_patch(&self, fits: impl Fn(&Patch) -> bool, how: How) -> Result<Found, NotFound> {
        let all = self.series().flat_map(|(key, series)| series.patches.iter().map(move |part| (key, part)));
        self.newest(all.filter(|(_, (_, patch))| fits(patch)).map(|(key, (number, _))| (key, *number)), how)
    }

    /// The newest version of a change. Other changes that fit too leave it open which is meant, and so does the same change
    /// from another sender: anyone can send a patch again, or write a change-id.
    fn newest(&self, all: impl Iterator<Item = (SeriesKey, u32)>, how: How) -> Result<Found, NotFound> {
        let all: Vec<(SeriesKey, u32)> = all.collect();
        let version = |key: SeriesKey| self.get(key).map(|series| series.version);
        let newest = all.iter().copied().max_by_key(|(key, _)| (version(*key), *key));
        let (series, number) = newest.ok_or(NotFound::Nothing)?;
        let sender = |key: SeriesKey| self.get(key)?.sender.as_ref().map(|sender| sender.address());
        let same_sender = |key: SeriesKey| match (sender(key), sender(series)) {
            (Some(one), Some(other)) => one.is(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let versions = self.versions(series);
        let mut several: Vec<SeriesKey> = all.iter().map(|(key, _)| *key).collect();
        several.dedup();
        if several.iter().all(|key| *key == series || versions.contains(key) && same_sender(*key)) {
            Ok(Found { series, number, how })
        } else {
            Err(NotFound::Several(several))
        }
    }
}

/// Titles are the same but for blanks and the case of letters, which maintainers touch up.
fn same_title(a: &str, b: &str) -> bool {
    let key = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    !a.trim().is_empty() && key(a) == key(b)
}
