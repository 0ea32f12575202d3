//! A mail as a patch: commit message, diff, trailers, what it builds on.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::diff::{self, FileChange};
use super::subject::Subject;
use crate::message::{Address, Mailbox, Message, MessageId, one_line};

/// Trailers of a mail that are kept.
const TRAILERS_MAX: usize = 200;
/// Prerequisites of a series that are kept.
const PREREQUISITES_MAX: usize = 1000;

/// A patch, with the mail that brought it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// The mail.
    pub mail: Message,
    /// Its Message-ID: a mail without one is no patch that anybody can answer.
    pub id: MessageId,
    /// Its subject.
    pub subject: Subject,
    /// Who wrote the patch: the `From:` at the beginning of the text, else the sender.
    pub author: Option<Mailbox>,
    /// The files that it changes.
    pub files: Vec<FileChange>,
    /// `git patch-id --stable` of its diff.
    pub patch_id: Option<String>,
    /// Trailers of the commit message, in order.
    pub trailers: Vec<Trailer>,
    /// What it builds on.
    pub base: Base,
    /// Bytes of [`Message::patch_text`]: the commit message.
    message: Range<usize>,
    /// Bytes of [`Message::patch_text`]: the diff.
    diff: Range<usize>,
}

/// `Name: value` at the end of a commit message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trailer {
    /// Such as `Signed-off-by`, as written.
    pub name: String,
    /// The rest of the line.
    pub value: String,
}

/// What a series says that it builds on: `git format-patch --base` (git-format-patch(1)) and `b4 prep`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Base {
    /// `base-commit:`, in lower case hexadecimal.
    pub commit: Option<String>,
    /// `prerequisite-patch-id:` (git), in order.
    pub prerequisites: Vec<String>,
    /// `prerequisite-message-id:` (b4).
    pub prerequisite_messages: Vec<MessageId>,
    /// `prerequisite-change-id:` (b4): the id, and after `:v` the version.
    pub prerequisite_changes: Vec<String>,
    /// `change-id:` (b4): the same for all versions of a series.
    pub change_id: Option<String>,
}

impl Patch {
    /// Takes a mail for a patch: its subject says so or it begins a thread, it is no reply, and it holds a diff. What is none
    /// comes back.
    ///
    /// # Errors
    ///
    /// The mail, when it is no patch.
    pub fn read(mail: Message) -> Result<Self, Box<Message>> {
        let subject = Subject::parse(&mail.subject);
        let Some(id) = mail.message_id.clone() else { return Err(Box::new(mail)) };
        if subject.reply || subject.pull || !(subject.is_patch() || mail.parent().is_none()) {
            return Err(Box::new(mail));
        }
        let text = mail.patch_text();
        let diff = diff::read(text);
        if diff.files.is_empty() {
            return Err(Box::new(mail));
        }
        let message = commit_message(text, diff.range.start);
        let (author, message) = in_body_author(text, message);
        let author = author.or_else(|| mail.person().cloned());
        let trailers = trailers(&text[message.clone()]);
        let patch_id = diff::patch_id(&text[diff.range.clone()]);
        let base = Base::read(text);
        Ok(Self { id, subject, author, files: diff.files, patch_id, trailers, base, message, diff: diff.range, mail })
    }

    /// The commit message behind the title, without the `From:` line and what stands below `---`.
    pub fn message(&self) -> &str {
        self.mail.patch_text().get(self.message.clone()).unwrap_or_default()
    }

    /// The diff, as it stands in the mail.
    pub fn diff(&self) -> &str {
        self.mail.patch_text().get(self.diff.clone()).unwrap_or_default()
    }

    /// The change of a file, by its path before or after.
    pub fn file(&self, path: &str) -> Option<&FileChange> {
        self.files.iter().find(|file| file.path == path || file.old_path.as_deref() == Some(path))
    }
}

impl Base {
    /// Finds the lines of a cover letter or patch that say what it builds on. The last of a kind counts: git writes them below
    /// everything else.
    pub fn read(text: &str) -> Self {
        let mut base = Self::default();
        for line in text.lines() {
            let Some((name, value)) = line.split_once(':').filter(|(name, _)| name.len() < 40) else { continue };
            let value = value.trim();
            match name {
                "base-commit" => base.commit = commit_id(value).or(base.commit),
                "change-id" => base.change_id = word(value).or(base.change_id),
                "prerequisite-patch-id" if base.prerequisites.len() < PREREQUISITES_MAX => {
                    base.prerequisites.extend(commit_id(value));
                }
                "prerequisite-message-id" if base.prerequisite_messages.len() < PREREQUISITES_MAX => {
                    base.prerequisite_messages.extend(MessageId::parse(value));
                }
                "prerequisite-change-id" if base.prerequisite_changes.len() < PREREQUISITES_MAX => {
                    base.prerequisite_changes.extend(word(value));
                }
                _ => {}
            }
        }
        base
    }
}

/// 7 to 64 hexadecimal digits, in lower case.
pub(super) fn commit_id(text: &str) -> Option<String> {
    let digits = text.split([' ', '(']).next().unwrap_or("");
    let valid = (7..=64).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| digits.to_ascii_lowercase())
}

fn word(text: &str) -> Option<String> {
    let valid = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    valid.then(|| text.to_owned())
}

/// From the beginning of the text to the line `---` or the diff (git-mailinfo(1), git-am(1)).
fn commit_message(text: &str, diff: usize) -> Range<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at >= diff || line.trim_end() == "---" || line.starts_with("diff -") || line.starts_with("Index: ") {
            break;
        }
        at += line.len();
    }
    0..at.min(diff)
}

/// The author whom `From:` at the beginning of the text names, and the message without such header lines.
fn in_body_author(text: &str, message: Range<usize>) -> (Option<Mailbox>, Range<usize>) {
    let (mut author, mut start) = (None, message.start);
    let mut at = message.start;
    for line in text[message.clone()].split_inclusive('\n') {
        at += line.len();
        let line = line.trim_end();
        if let Some(value) = line.strip_prefix("From: ") {
            author = author.or_else(|| mailbox(value));
        } else if !(line.is_empty() || ["Date: ", "Subject: "].iter().any(|name| line.starts_with(name))) {
            break;
        }
        // Blank lines alone are none of a header.
        if author.is_some() {
            start = at;
        }
    }
    (author, start..message.end)
}

fn mailbox(value: &str) -> Option<Mailbox> {
    let (name, address) = value.rsplit_once('<').unwrap_or(("", value));
    let address = Address::parse(address.trim_end_matches('>')).ok()?;
    Some(Mailbox::new(Some(name.trim().trim_matches('"')), address))
}

/// The lines of the last paragraph that look like trailers, with `Name:` in front (git-interpret-trailers(1)); of mixed paragraphs
/// only those.
pub(super) fn trailers(message: &str) -> Vec<Trailer> {
    let last = message.trim_end().rsplit("\n\n").next().unwrap_or("");
    let read = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let valid = (1..=60).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && value.starts_with(' ');
        valid.then(|| Trailer { name: name.to_owned(), value: one_line(value, 500) })
    };
    last.lines().filter_map(read).take(TRAILERS_MAX).collect()
}

/// What a pull request asks for: data of a stranger, to be shown and compared. Whether to fetch from there is for the
/// configuration to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// The mail.
    pub mail: Message,
    /// Its Message-ID.
    pub id: MessageId,
    /// Its subject.
    pub subject: Subject,
    /// The commit that it starts from.
    pub since: Option<String>,
    /// Where the repository is: an `https`, `http`, `git` or `ssh` address, or `user@host:path`.
    pub repository: Option<String>,
    /// Branch or tag.
    pub reference: Option<String>,
    /// The commit that it ends with.
    pub head: Option<String>,
}

impl PullRequest {
    /// Takes a mail for a pull request: what `git request-pull` writes, or a subject that says so.
    ///
    /// # Errors
    ///
    /// The mail, when it is none.
    pub fn read(mail: Message) -> Result<Self, Box<Message>> {
        let subject = Subject::parse(&mail.subject);
        let (mut since, mut head, mut place) = (None, None, None);
        let mut lines = mail.text.lines();
        while let Some(line) = lines.next() {
            if let Some((_, commit)) = line.split_once("changes since commit ") {
                since = since.or_else(|| commit_id(commit.trim_end_matches(':')));
            } else if let Some((_, commit)) = line.split_once("fetch changes up to ") {
                head = head.or_else(|| commit_id(commit.trim_end_matches(':')));
            } else if line.trim_end().ends_with("in the Git repository at:")
                || line.trim_end().ends_with("in the git repository at:")
            {
                place = place.or_else(|| lines.by_ref().find(|line| !line.trim().is_empty()).map(str::to_owned));
            }
        }
        let complete = since.is_some() && place.is_some();
        match mail.message_id.clone() {
            Some(id) if !subject.reply && (subject.pull || complete) => {
                let (repository, reference) = place.as_deref().map(repository).unwrap_or_default();
                Ok(Self { mail, id, subject, since, repository, reference, head })
            }
            _ => Err(Box::new(mail)),
        }
    }
}

/// `  url branch`.
fn repository(line: &str) -> (Option<String>, Option<String>) {
    let mut words = line.split_whitespace();
    let url = words.next().filter(|url| {
        let known = ["https://", "http://", "git://", "ssh://"].iter().any(|scheme| url.starts_with(scheme));
        let short = url.split_once('@').is_some_and(|(user, rest)| !user.is_empty() && rest.contains(':'));
        (known || short) && url.len() <= 500 && !url.starts_with('-') && url.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let reference = words.next().filter(|name| {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte);
        name.len() <= 200 && !name.starts_with('-') && !name.contains("..") && name.bytes().all(fine)
    });
    (url.map(str::to_owned), reference.filter(|_| url.is_some()).map(str::to_owned))
}
