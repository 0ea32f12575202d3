//! Which patch a build result is about.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::patch::{commit_id, trailers};
use super::{SeriesKey, Shelf, diff};
use crate::message::{Address, MessageId};

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

    /// Message-IDs in the trailers, the last first: whoever applied the patch wrote there where it is from.
    fn links(&self) -> Vec<MessageId> {
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
    /// Finds what a build is about. Of several versions that fit alike, the newest is meant.
    pub fn find(&self, name: &Name<'_>) -> Option<Found> {
        match name {
            Name::Message(id) => {
                let (series, number) = *self.parts.get(id)?;
                Some(Found { series, number, how: How::MessageId })
            }
            Name::Commit(commit) => self.find_commit(commit),
            Name::Change(id, version) => {
                let fits = |series: &super::Series| {
                    series.change_id().as_deref() == Some(id) && version.is_none_or(|version| version == series.version)
                };
                let all = self.series().filter(|(_, series)| fits(series));
                let (key, _) = all.max_by_key(|(key, series)| (series.version, *key))?;
                Some(Found { series: key, number: 0, how: How::ChangeId })
            }
        }
    }

    fn find_commit(&self, commit: &Commit) -> Option<Found> {
        // An abbreviated name is one of at least 12 digits.
        let same =
            |head: &str, id: &str| head.len().min(id.len()) >= 12 && (head.starts_with(id) || id.starts_with(head));
        let heads = |head: Option<&str>| head.zip(commit.id.as_deref()).is_some_and(|(head, id)| same(head, id));
        if let Some((series, _)) = self.pulls().rev().find(|(_, pull)| heads(pull.head.as_deref())) {
            return Some(Found { series, number: 0, how: How::Head });
        }
        for id in commit.links() {
            let Some((series, number)) = self.parts.get(&id).copied() else { continue };
            // A link to the cover letter: the title tells the patch.
            let named = self.get(series).filter(|_| number == 0).and_then(|series| {
                let same = |title: &str| same_title(title, &commit.title);
                series.patches.iter().find(|(_, patch)| same(&patch.subject.title)).map(|(number, _)| *number)
            });
            return Some(Found { series, number: named.unwrap_or(number), how: How::Trailer });
        }
        let by_diff = |patch: &super::Patch| patch.patch_id.is_some() && patch.patch_id == commit.patch_id;
        let by_title = |patch: &super::Patch| {
            let same_author = match (&patch.author, &commit.author) {
                (Some(author), Some(other)) => author.address().is(other),
                _ => false,
            };
            same_author && same_title(&patch.subject.title, &commit.title)
        };
        self.newest_patch(by_diff, How::PatchId).or_else(|| self.newest_patch(by_title, How::Title))
    }

    fn newest_patch(&self, fits: impl Fn(&super::Patch) -> bool, how: How) -> Option<Found> {
        let all = self.series().flat_map(|(key, series)| series.patches.iter().map(move |part| (key, series, part)));
        let found = all.filter(|(_, _, (_, patch))| fits(patch)).max_by_key(|(key, series, _)| (series.version, *key));
        found.map(|(series, _, (number, _))| Found { series, number: *number, how })
    }
}

/// Titles are the same but for blanks and the case of letters, which maintainers touch up.
fn same_title(a: &str, b: &str) -> bool {
    let key = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    !a.trim().is_empty() && key(a) == key(b)
}
