//! The diff of a patch: which files and lines it changes, and its patch-id.

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

/// Files of one patch that are kept.
const FILES_MAX: usize = 20_000;
/// Hunks of one patch that are kept.
const HUNKS_MAX: usize = 100_000;

/// What happens to one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Its path from the top of the tree: the new one, or the old one of a file that goes away. Not checked: it may hold `..`.
    pub path: String,
    /// The path before a rename or copy, when it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_path: Option<String>,
    /// What is done.
    pub kind: ChangeKind,
    /// Where lines change, in order.
    pub hunks: Vec<Hunk>,
}

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Lines, mode or binary content change.
    Changed,
    /// It is new.
    Added,
    /// It goes away.
    Deleted,
    /// It has another name.
    Renamed,
    /// It is a copy of another.
    Copied,
}

/// `@@ -old_start,… +new_start,… @@` and its lines as runs. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// First line before.
    pub old_start: u32,
    /// First line after.
    pub new_start: u32,
    /// What follows, as kind and number of lines.
    pub runs: Vec<(Run, u32)>,
}

/// Kind of lines of a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Run {
    /// In both.
    Kept,
    /// Only before.
    Removed,
    /// Only after.
    Added,
}

/// Where a line stood before a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// At this line.
    Line(u32),
    /// Nowhere: the patch adds it.
    New,
}

impl FileChange {
    /// Where a line of the file after the patch stood before it.
    pub fn before(&self, line: u32) -> Before {
        let mut shift = 0_i64;
        for hunk in &self.hunks {
            let (mut old, mut new) = (hunk.old_start, hunk.new_start);
            for (run, count) in &hunk.runs {
                if line < new {
                    break;
                }
                match run {
                    Run::Removed => old = old.saturating_add(*count),
                    Run::Added if line - new < *count => return Before::New,
                    Run::Added => new = new.saturating_add(*count),
                    Run::Kept if line - new < *count => return Before::Line(old.saturating_add(line - new)),
                    Run::Kept => (old, new) = (old.saturating_add(*count), new.saturating_add(*count)),
                }
            }
            if line < new {
                break;
            }
            shift = i64::from(old) - i64::from(new);
        }
        Before::Line(u32::try_from(i64::from(line) + shift).unwrap_or(1))
    }
}

/// A diff within a text, as [`read`] finds it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Bytes of the text: from the first file's header to the end of the last hunk.
    pub range: std::ops::Range<usize>,
    /// The files.
    pub files: Vec<FileChange>,
}

/// Finds the diff in the text of a patch. What stands around its files (statistics, notes, a signature) is skipped; quoted
/// lines are none of it.
pub fn read(text: &str) -> Diff {
    let mut diff = Diff { range: text.len()..text.len(), files: Vec::new() };
    let mut reader = Reader { left_old: 0, left_new: 0, hunks: 0, file: None, header: Header::default() };
    let (mut at, mut begin) = (0, None);
    for line in text.split_inclusive('\n') {
        let belongs = reader.line(line.trim_end_matches(['\n', '\r']), &mut diff.files);
        // "--- " may be prose as long as no hunk follows.
        begin = if belongs { begin.or(Some(at)) } else { begin.filter(|_| reader.is_sure(&diff.files)) };
        at += line.len();
        if belongs && reader.is_sure(&diff.files) {
            diff.range.start = diff.range.start.min(begin.unwrap_or(at));
            diff.range.end = at;
        }
    }
    reader.close(&mut diff.files);
    if diff.files.is_empty() { Diff { range: text.len()..text.len(), files: Vec::new() } } else { diff }
}

/// Header lines of a file that come before its first hunk.
#[derive(Default)]
struct Header {
    /// A `diff --git` line opened it.
    git: bool,
    old: Option<String>,
    new: Option<String>,
    kind: Option<ChangeKind>,
}

struct Reader {
    left_old: u32,
    left_new: u32,
    hunks: usize,
    file: Option<FileChange>,
    header: Header,
}

impl Reader {
    /// Whether a file was found.
    fn is_sure(&self, files: &[FileChange]) -> bool {
        self.header.git || self.file.is_some() || !files.is_empty()
    }

    /// Takes a line; says whether it belongs to the diff.
    fn line(&mut self, line: &str, files: &mut Vec<FileChange>) -> bool {
        if self.left_old > 0 || self.left_new > 0 {
            if let Some(run) = self.hunk_line(line) {
                self.count(run);
                return true;
            }
            // A mailer wrapped or cut it.
            (self.left_old, self.left_new) = (0, 0);
        }
        if let Some(paths) = line.strip_prefix("diff --git ") {
            self.close(files);
            let (old, new) = git_paths(paths);
            self.header = Header { git: true, old, new, kind: None };
            return true;
        }
        if line.starts_with("@@ -")
            && let Some((old_start, old, new_start, new)) = hunk_header(line)
            && self.open_hunk(old_start, new_start)
        {
            (self.left_old, self.left_new) = (old, new);
            return true;
        }
        self.header_line(line, files)
    }

    fn header_line(&mut self, line: &str, files: &mut Vec<FileChange>) -> bool {
        if let Some(path) = line.strip_prefix("--- ") {
            if !self.header.git || self.file.is_some() {
                self.close(files);
            }
            self.header.old = file_path(path);
            if path.starts_with("/dev/null") {
                self.header.kind = Some(ChangeKind::Added);
            }
            return true;
        }
        if let Some(path) = line.strip_prefix("+++ ").filter(|_| self.file.is_none()) {
            self.header.new = file_path(path);
            if path.starts_with("/dev/null") {
                self.header.kind = Some(ChangeKind::Deleted);
            }
            return true;
        }
        if !self.header.git {
            if self.file.is_none() {
                self.header = Header::default();
            }
            return line.starts_with("\\ ") && self.file.is_some();
        }
        let (kind, path) = [
            ("new file mode ", ChangeKind::Added),
            ("deleted file mode ", ChangeKind::Deleted),
            ("rename from ", ChangeKind::Renamed),
            ("rename to ", ChangeKind::Renamed),
            ("copy from ", ChangeKind::Copied),
            ("copy to ", ChangeKind::Copied),
        ]
        .iter()
        .find_map(|(mark, kind)| line.strip_prefix(mark).map(|path| (Some(*kind), path)))
        .unwrap_or((None, ""));
        if kind.is_some() {
            self.header.kind = kind;
            if line.contains(" from ") {
                self.header.old = Some(unquoted(path));
            } else if line.contains(" to ") {
                self.header.new = Some(unquoted(path));
            }
            return true;
        }
        let others = [
            "index ",
            "old mode ",
            "new mode ",
            "similarity ",
            "dissimilarity ",
            "Binary files ",
            "GIT binary patch",
            "\\ ",
        ];
        others.iter().any(|mark| line.starts_with(mark))
    }

    fn hunk_line(&self, line: &str) -> Option<Option<Run>> {
        match line.as_bytes().first() {
            Some(b'+') if self.left_new > 0 => Some(Some(Run::Added)),
            Some(b'-') if self.left_old > 0 => Some(Some(Run::Removed)),
            // Mailers strip the blank of an empty line.
            Some(b' ' | b'\t') | None if self.left_old > 0 && self.left_new > 0 => Some(Some(Run::Kept)),
            Some(b'\\') => Some(None),
            _ => None,
        }
    }

    fn count(&mut self, run: Option<Run>) {
        let Some(run) = run else { return };
        if run != Run::Added {
            self.left_old -= 1;
        }
        if run != Run::Removed {
            self.left_new -= 1;
        }
        let hunk = self.file.as_mut().and_then(|file| file.hunks.last_mut());
        if let Some(hunk) = hunk {
            match hunk.runs.last_mut() {
                Some((last, count)) if *last == run => *count += 1,
                _ => hunk.runs.push((run, 1)),
            }
        }
    }

    /// Begins a hunk, and its file with it; false when no file was named.
    fn open_hunk(&mut self, old_start: u32, new_start: u32) -> bool {
        if self.file.is_none() {
            self.file = self.header.change();
            self.header = Header::default();
        }
        let Some(file) = &mut self.file else { return false };
        self.hunks += 1;
        if self.hunks <= HUNKS_MAX {
            file.hunks.push(Hunk { old_start, new_start, runs: Vec::new() });
        }
        true
    }

    /// Ends a file.
    fn close(&mut self, files: &mut Vec<FileChange>) {
        let header = std::mem::take(&mut self.header);
        let without_hunks = if header.git { header.change() } else { None };
        if let Some(file) = self.file.take().or(without_hunks)
            && files.len() < FILES_MAX
        {
            files.push(file);
        }
    }
}

impl Header {
    fn change(&self) -> Option<FileChange> {
        let kind = self.kind.unwrap_or(ChangeKind::Changed);
        let (path, old) = match kind {
            ChangeKind::Deleted => (self.old.clone()?, None),
            ChangeKind::Added => (self.new.clone()?, None),
            _ => (self.new.clone().or_else(|| self.old.clone())?, self.old.clone()),
        };
        let old_path = old.filter(|old| *old != path && matches!(kind, ChangeKind::Renamed | ChangeKind::Copied));
        Some(FileChange { path, old_path, kind, hunks: Vec::new() })
    }
}

/// Old start, old lines, new start, new lines.
fn hunk_header(line: &str) -> Option<(u32, u32, u32, u32)> {
    let (ranges, _) = line.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let range = |text: &str| -> Option<(u32, u32)> {
        match text.split_once(',') {
            Some((start, lines)) => Some((start.parse().ok()?, lines.parse().ok()?)),
            None => Some((text.parse().ok()?, 1)),
        }
    };
    let ((old_start, old), (new_start, new)) = (range(old)?, range(new)?);
    // "-5,0" is behind line 5, and the first line after it is meant.
    let after = |start: u32, lines: u32| if lines == 0 { start.saturating_add(1) } else { start };
    Some((after(old_start, old), old, after(new_start, new), new))
}

/// `a/x b/x` of a `diff --git` line; both sides are the same unless other lines say more.
fn git_paths(paths: &str) -> (Option<String>, Option<String>) {
    if let Some((old, new)) = paths.split_once(" \"").filter(|_| paths.starts_with('"')) {
        return (strip_level(&unquoted(old)), strip_level(&unquoted(&format!("\"{new}"))));
    }
    // A name may hold " b/", but both halves are of one length then.
    let half = paths.len() / 2;
    let (old, new) = match (paths.get(..half), paths.get(half + 1..)) {
        (Some(old), Some(new)) if paths.as_bytes()[half] == b' ' && strip_level(old) == strip_level(new) => (old, new),
        _ => paths.split_once(' ').unwrap_or((paths, paths)),
    };
    (strip_level(old), strip_level(new))
}

/// The path of a `---` or `+++` line, without the time that other diffs have behind a tab.
fn file_path(text: &str) -> Option<String> {
    let path = unquoted(text.split('\t').next().unwrap_or(text).trim_end());
    if path == "/dev/null" { None } else { strip_level(&path) }
}

/// The path without its first part (`a/`), as `patch -p1` has it.
fn strip_level(path: &str) -> Option<String> {
    let path = path.trim_start_matches("./");
    let path = path.split_once('/').map_or(path, |(_, path)| path);
    (!path.is_empty()).then(|| path.to_owned())
}

/// git puts unusual names into quotes with C escapes.
fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return text.to_owned() };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    if let Some(next) = rest.next_if(|next| (b'0'..=b'7').contains(next)) {
                        value = value * 8 + u32::from(next - b'0');
                    }
                }
                bytes.push((value & 0xff) as u8);
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What `git patch-id --stable` says of a diff, in 40 hexadecimal digits; none without a `diff ` line. Line numbers and blanks
/// do not count, so it stays the same when a patch is applied elsewhere. `prerequisite-patch-id:` is of this kind.
///
/// It is the sum of one SHA-1 a file: over the header without its `index` line, then the lines of the hunks, all without blanks;
/// of a binary file over its header and the names of both blobs.
pub fn patch_id(diff: &str) -> Option<String> {
    let mut sum = Sum { total: [0; 20], file: Sha1::new() };
    let mut part = Part::Outside;
    let mut blobs = "";
    for line in diff.split_inclusive('\n') {
        // "\ No newline at end of file", in whatever language; a line of a file cannot begin like this.
        if line.starts_with("\\ ") && line.len() > 12 {
            continue;
        }
        let file_begins = line.starts_with("diff ");
        match &mut part {
            Part::Outside if !file_begins => continue,
            Part::Outside => part = Part::Header,
            Part::Header => {
                if line.starts_with("GIT binary patch") || line.starts_with("Binary files") {
                    sum.add(&blobs.replacen("..", "", 1));
                    sum.end_file();
                    part = Part::Binary;
                    continue;
                } else if let Some(rest) = line.strip_prefix("index ") {
                    blobs = rest.split([' ', '\n']).next().unwrap_or(rest);
                    continue;
                } else if line.starts_with("--- ") {
                    part = Part::Hunks { old: 0, new: 1 };
                } else if !line.starts_with(|first: char| first.is_ascii_alphabetic()) {
                    break;
                }
            }
            // git leaves the first line of the file behind a binary one out, so it must be here, too.
            Part::Binary => {
                if file_begins {
                    part = Part::Header;
                }
                continue;
            }
            Part::Hunks { old: 0, new: 0 } if line.starts_with("@@ -") => {
                let (_, old, _, new) = hunk_header(line).unwrap_or_default();
                part = Part::Hunks { old: i64::from(old), new: i64::from(new) };
                continue;
            }
            Part::Hunks { old: 0, new: 0 } if file_begins => {
                sum.end_file();
                part = Part::Header;
            }
            Part::Hunks { old: 0, new: 0 } => break,
            Part::Hunks { old, new } => match line.as_bytes()[0] {
                b'-' => *old -= 1,
                b'+' => *new -= 1,
                b' ' => (*old, *new) = (*old - 1, *new - 1),
                _ => {}
            },
        }
        sum.add(line);
    }
    sum.end_file();
    (!matches!(part, Part::Outside)).then(|| sum.total.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Where [`patch_id`] is in a diff.
enum Part {
    /// Before the first file.
    Outside,
    /// In the header of a file.
    Header,
    /// In hunks, with lines that are still to come.
    Hunks { old: i64, new: i64 },
    /// In a binary file.
    Binary,
}

/// The sum of the hashes of the files, in which their order does not count.
struct Sum {
    total: [u8; 20],
    file: Sha1,
}

impl Sum {
    fn add(&mut self, line: &str) {
        let text: Vec<u8> = line.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != 0x0b).collect();
        self.file.update(&text);
    }

    fn end_file(&mut self) {
        let mut carry = 0_u16;
        for (total, byte) in self.total.iter_mut().zip(self.file.finalize_reset()) {
            carry += u16::from(*total) + u16::from(byte);
            *total = (carry & 0xff) as u8;
            carry >>= 8;
        }
    }
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
