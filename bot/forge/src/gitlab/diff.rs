//! The lines of a merge request's diff, on which remarks can stand.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{Gitlab, Project};
use crate::http;
use crate::webhook::notice::Sha;

/// The newest version of a merge request's diff.
#[derive(Debug)]
pub(super) struct Diff {
    pub base: Sha,
    pub start: Sha,
    pub head: Sha,
    /// By the new path.
    pub files: HashMap<String, File>,
}

/// A file of a diff.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct File {
    pub old_path: String,
    /// What the new file has, by its line: added lines and those around them.
    pub lines: BTreeMap<u32, Line>,
}

/// A line of the new file that the diff shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it was in the old file, for one that was there.
    pub old: Option<u32>,
    pub text: String,
}

#[derive(Deserialize)]
struct Version {
    id: u64,
    base_commit_sha: Option<Sha>,
    start_commit_sha: Option<Sha>,
    head_commit_sha: Option<Sha>,
    #[serde(default)]
    diffs: Vec<RawFile>,
}

#[derive(Deserialize)]
struct RawFile {
    old_path: String,
    new_path: String,
    /// Empty for files that are binary, too large, or folded.
    #[serde(default)]
    diff: String,
}

impl Gitlab {
    /// The newest diff of a merge request; none when GitLab has not made the one of this head, or it is too large.
    pub(super) async fn diff(&self, project: &Project, iid: u64, head: &Sha) -> Result<Option<Diff>, http::Error> {
        let (project, iid) = (project.to_string(), iid.to_string());
        let path = ["projects", &project, "merge_requests", &iid, "versions"];
        let versions: Vec<Version> = self.send(self.get(&path, &[])).await?.json()?;
        let Some(newest) = versions.into_iter().max_by_key(|version| version.id) else { return Ok(None) };
        let (Some(base), Some(start), Some(newest_head)) =
            (newest.base_commit_sha, newest.start_commit_sha, newest.head_commit_sha)
        else {
            return Ok(None);
        };
        if newest_head != *head {
            return Ok(None);
        }
        let id = newest.id.to_string();
        let path = ["projects", &project, "merge_requests", &iid, "versions", &id];
        let version: Version = match self.send(self.get(&path, &[])).await {
            Ok(reply) => reply.json()?,
            Err(error) if matches!(error.kind, http::Kind::TooLarge { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let file = |raw: RawFile| (raw.new_path, File { old_path: raw.old_path, lines: lines(&raw.diff) });
        let files = version.diffs.into_iter().map(file).collect();
        Ok(Some(Diff { base, start, head: newest_head, files }))
    }
}

/// The new file's lines in the hunks of a unified diff without file headers, as GitLab gives it.
fn lines(diff: &str) -> BTreeMap<u32, Line> {
    let mut found = BTreeMap::new();
    // What is left of the hunk, so that a line of the file that looks like a hunk's header is none.
    let (mut old, mut new, mut old_left, mut new_left) = (0, 0, 0, 0);
    for line in diff.split('\n') {
        if old_left == 0 && new_left == 0 {
            if let Some(hunk) = hunk(line) {
                (old, old_left, new, new_left) = hunk;
            }
            continue;
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        match line.as_bytes().first() {
            Some(b'+') if new_left > 0 => {
                found.insert(new, Line { old: None, text: line[1..].to_owned() });
                (new, new_left) = (new.saturating_add(1), new_left - 1);
            }
            Some(b'-') if old_left > 0 => (old, old_left) = (old.saturating_add(1), old_left - 1),
            // Some programs in between take the blank off an empty line.
            Some(b' ') | None if old_left > 0 && new_left > 0 => {
                found.insert(new, Line { old: Some(old), text: line.get(1..).unwrap_or_default().to_owned() });
                (old, old_left) = (old.saturating_add(1), old_left - 1);
                (new, new_left) = (new.saturating_add(1), new_left - 1);
            }
            Some(b'\\') => {}
            // Not a diff: what comes is not known.
            _ => (old_left, new_left) = (0, 0),
        }
    }
    found
}

/// `@@ -14,7 +14,8 @@ text`: where the hunk begins and how many lines it has, old and new.
fn hunk(line: &str) -> Option<(u32, u32, u32, u32)> {
    let (ranges, _) = line.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let range = |text: &str| -> Option<(u32, u32)> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let ((old, old_count), (new, new_count)) = (range(old)?, range(new)?);
    Some((old, old_count, new, new_count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_are_read() {
        let diff = "@@ -1,3 +1,4 @@ int f(void)\n a\n-b\n+B\n+@@ -1 +1 @@\n c\n\\ No newline at end of file\n@@ -9 +10 @@\n-x\n+y\r\n";
        let lines = lines(diff);
        let shown: Vec<_> = lines.iter().map(|(at, line)| (*at, line.old, line.text.as_str())).collect();
        assert_eq!(
            shown,
            [(1, Some(1), "a"), (2, None, "B"), (3, None, "@@ -1 +1 @@"), (4, Some(3), "c"), (10, None, "y"),]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(@@ -[0-9]{0,11}(,[0-9]{0,11})? \\+[0-9]{0,11}(,[0-9]{0,3})? @@\n|[ +-]?\\PC{0,9}\n|\\PC{0,9}){0,20}") {
            let _ = lines(&text);
        }
    }
}
