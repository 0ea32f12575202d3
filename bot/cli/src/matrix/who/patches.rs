//! Commits of a range, and patches of a series: who, what, and the lines that changed.
//!
//! git is asked by its own program, with options that run nothing of the tree. A series is an mbox as
//! `git format-patch` and mail archives write it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use mail_parser::MessageParser;
use mail_parser::mailbox::mbox::MessageIterator;

use crate::error::Error;

/// Bytes of a line that are looked at.
const LINE_MAX: usize = 4096;
/// Changed lines of one patch.
const LINES_MAX: usize = 200_000;
/// Bytes that are read in all.
const BYTES_MAX: u64 = 1 << 30;
/// Marks the head of a commit in git's output; no line of a diff begins so.
const HEAD: char = '\u{1}';

/// A commit or a mailed patch.
#[derive(Debug, Default, Clone)]
pub struct Patch {
    /// The commit's full id; of a mail its place in the series, `3/7`.
    pub id: String,
    /// True for a commit.
    pub committed: bool,
    /// Who wrote it.
    pub author: String,
    /// The first line of the message.
    pub title: String,
    /// What it changes.
    pub files: Vec<FileDiff>,
    /// How many of them, all files taken together.
    pub lines: usize,
}

/// The changed lines of a file.
#[derive(Debug, Default, Clone)]
pub struct FileDiff {
    /// Its path after the patch, or before when it is gone.
    pub path: String,
    /// Lines taken away.
    pub removed: Vec<String>,
    /// Lines added, with their numbers.
    pub added: Vec<(u32, String)>,
}

/// Gives each commit of `range` to `visit`.
pub fn of_range(tree: &Path, range: &str, visit: &mut dyn FnMut(Patch)) -> Result<(), Error> {
    let fault = |text: &str| Error::Git(text.trim().lines().next().unwrap_or("it failed").to_owned());
    if range.starts_with('-') {
        return Err(fault("a range is two commits with '..' between"));
    }
    let mut child = Command::new("git")
        .arg("-C")
        .arg(tree)
        .args([
            "-c",
            "core.quotepath=off",
            "-c",
            "core.fsmonitor=false",
            "--no-pager",
            "log",
            "--no-merges",
            "--no-color",
        ])
        .args([
            "--no-ext-diff",
            "--no-textconv",
            "--no-show-signature",
            "--format=%x01%H%x00%an <%ae>%x00%s",
            "--unified=0",
            "-p",
        ])
        .args(["--end-of-options", range, "--"])
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| fault(&format!("it cannot be run: {}", crate::error::reason(&error))))?;
    if let Some(out) = child.stdout.take() {
        let mut diff = Diff::default();
        each_line(out, &mut |line| {
            if let Some(head) = line.strip_prefix(HEAD) {
                diff.finish(visit);
                let mut parts = head.splitn(3, '\0').map(str::to_owned);
                let mut next = || parts.next().unwrap_or_default();
                diff.patch =
                    Some(Patch { id: next(), author: next(), title: next(), committed: true, ..Patch::default() });
            } else {
                diff.line(line);
            }
        });
        diff.finish(visit);
    }
    let done = child.wait_with_output().map_err(|error| fault(&error.to_string()))?;
    if !done.status.success() {
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        return Err(fault(text.trim_start_matches("fatal: ")));
    }
    Ok(())
}

/// Gives each patch of an mbox to `visit`, in whatever encoding its mail came.
pub fn of_series(path: &Path, visit: &mut dyn FnMut(Patch)) -> Result<(), Error> {
    let file = File::open(path).map_err(|error| Error::Read(path.to_owned(), error))?;
    let mails = MessageIterator::new(BufReader::new(file.take(BYTES_MAX)));
    for (number, mail) in mails.map_while(Result::ok).enumerate() {
        let Some(mail) = MessageParser::default().parse(mail.contents()) else { continue };
        let author = mail.from().and_then(|from| from.first()).map(|from| match (from.name(), from.address()) {
            (Some(name), Some(address)) => format!("{name} <{address}>"),
            (one, other) => one.or(other).unwrap_or_default().to_owned(),
        });
        let patch = Patch {
            id: (number + 1).to_string(),
            author: author.unwrap_or_default(),
            title: mail.subject().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "),
            ..Patch::default()
        };
        let mut diff = Diff { patch: Some(patch), ..Diff::default() };
        let text = mail.body_text(0).unwrap_or_default();
        each_line(text.as_bytes(), &mut |line| diff.line(line));
        diff.finish(visit);
    }
    Ok(())
}

/// `[PATCH v2 3/7] fs: title`, as place and title.
pub fn without_tag(patch: &mut Patch) {
    if let Some((tag, title)) = patch.title.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        if let Some(place) =
            tag.split(' ').find(|word| word.contains('/') && word.starts_with(|c: char| c.is_ascii_digit()))
        {
            patch.id = place.to_owned();
        }
        patch.title = title.trim().to_owned();
    }
}

fn each_line(from: impl Read, take: &mut dyn FnMut(&str)) {
    let mut reader = BufReader::new(from.take(BYTES_MAX));
    let mut raw = Vec::new();
    loop {
        raw.clear();
        // A line without end is read in pieces, of which the first counts.
        match (&mut reader).take(1 << 20).read_until(b'\n', &mut raw) {
            Ok(0) | Err(_) => return,
            Ok(_) => take(String::from_utf8_lossy(&raw[..raw.len().min(LINE_MAX)]).trim_end_matches(['\n', '\r'])),
        }
    }
}

/// Reads a unified diff.
#[derive(Debug, Default)]
struct Diff {
    patch: Option<Patch>,
    /// Lines of the hunk that are still to come, old and new.
    left: (u32, u32),
    at: u32,
}

impl Diff {
    fn line(&mut self, line: &str) {
        let Some(patch) = &mut self.patch else { return };
        if self.left.0 > 0 || self.left.1 > 0 {
            let Some(file) = patch.files.last_mut() else { return };
            patch.lines += 1;
            let keep = patch.lines < LINES_MAX;
            match line.as_bytes().first() {
                Some(b'-') => {
                    self.left.0 = self.left.0.saturating_sub(1);
                    if keep {
                        file.removed.push(line[1..].to_owned());
                    }
                }
                Some(b'+') => {
                    self.left.1 = self.left.1.saturating_sub(1);
                    if keep {
                        file.added.push((self.at, line[1..].to_owned()));
                    }
                    self.at = self.at.saturating_add(1);
                }
                Some(b'\\') => {}
                _ => {
                    self.left = (self.left.0.saturating_sub(1), self.left.1.saturating_sub(1));
                    self.at = self.at.saturating_add(1);
                }
            }
        } else if let Some(path) = line.strip_prefix("--- ").or_else(|| line.strip_prefix("+++ ")) {
            let path = path.split('\t').next().unwrap_or(path);
            let name = path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path);
            if line.starts_with("---") {
                patch.files.push(FileDiff { path: name.to_owned(), ..FileDiff::default() });
            } else if name != "/dev/null"
                && let Some(file) = patch.files.last_mut()
            {
                name.clone_into(&mut file.path);
            }
        } else if let Some((old, new)) = line.strip_prefix("@@ -").and_then(hunk) {
            self.left = (old, new.1);
            self.at = new.0;
        }
    }

    fn finish(&mut self, visit: &mut dyn FnMut(Patch)) {
        self.left = (0, 0);
        if let Some(mut patch) = self.patch.take() {
            if !patch.committed {
                without_tag(&mut patch);
            }
            if !patch.files.is_empty() {
                visit(patch);
            }
        }
    }
}

/// `12,3 +14,5 @@ …`: old lines, and where and how many new ones.
fn hunk(text: &str) -> Option<(u32, (u32, u32))> {
    let mut words = text.split(' ');
    let range = |word: &str| {
        let (start, count) = word.split_once(',').unwrap_or((word, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let old: (u32, u32) = range(words.next()?)?;
    let new = range(words.next()?.strip_prefix('+')?)?;
    Some((old.1, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_of_mails() {
        let folder = tempfile::tempdir().unwrap();
        let mbox = folder.path().join("series.mbox");
        let text = "From 0123 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: [PATCH v2 2/3] tank: make\n the level long\n\n\
            body\n---\n a.c | 2 +-\n\ndiff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -4,2 +4,3 @@ int f()\n-int level;\n same\n+long level;\n+--- x\n-- \n2.1\n\n\
            From 0124 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: [PATCH v2 0/3] nothing\n\ntext\n";
        std::fs::write(&mbox, text).unwrap();
        let packed = "From 0125 Mon Sep 17 00:00:00 2001\nFrom: =?utf-8?q?B=C3=A4r?= <b@example.org>\nSubject: =?utf-8?q?=5BPATCH_3/3=5D_tank?=\n\
            Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n--- a/b.c\n+++ b/b.c\n\
            @@ -1 +1 @@\n-int a =3D 1;\n+int a =3D =\n2;\n\n";
        std::fs::write(&mbox, format!("{text}\n{packed}")).unwrap();
        let mut found = Vec::new();
        of_series(&mbox, &mut |patch| found.push(patch)).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].id.as_str(), found[1].title.as_str()), ("3/3", "tank"));
        assert_eq!(found[1].author, "B\u{e4}r <b@example.org>");
        assert_eq!(found[1].files[0].added, [(1, "int a = 2;".to_owned())]);
        let patch = &found[0];
        assert_eq!((patch.id.as_str(), patch.title.as_str()), ("2/3", "tank: make the level long"));
        assert_eq!(patch.files[0].removed, ["int level;"]);
        assert_eq!(patch.files[0].added, [(5, "long level;".to_owned()), (6, "--- x".to_owned())]);
    }
}
