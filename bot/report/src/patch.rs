//! Unified diffs, read just far enough to say which lines are replaced by what.

/// The changes of one file.
#[derive(Debug, PartialEq, Eq)]
pub struct FileChange {
    /// Path of the file, without `a/`.
    pub path: String,
    /// What changes, from top to bottom.
    pub edits: Vec<Edit>,
}

/// Some lines that are replaced by others.
#[derive(Debug, PartialEq, Eq)]
pub struct Edit {
    /// The first old line that goes away, or before which the new ones come; counted from 1.
    pub line: u64,
    /// How many old lines go away.
    pub removed: u64,
    /// The new lines, each with its line end.
    pub inserted: String,
    /// The old lines that go away, without line ends.
    pub old: Vec<String>,
    /// The line above in the same hunk, where it stays.
    pub above: Option<String>,
    /// The line below.
    pub below: Option<String>,
}

impl Edit {
    /// An edit that does nothing yet.
    pub(crate) fn at(line: u64, above: Option<String>) -> Self {
        Self { line, removed: 0, inserted: String::new(), old: Vec::new(), above, below: None }
    }
}

/// Reads a diff. What is no diff gives nothing.
pub fn parse(diff: &str) -> Vec<FileChange> {
    let mut files: Vec<FileChange> = Vec::new();
    let mut old_path = None;
    let mut old_line = 0;
    // Lines that the hunk header promised and that are still to come.
    let (mut old_left, mut new_left) = (0_u64, 0_u64);
    let mut edit: Option<Edit> = None;
    let mut above: Option<String> = None;
    for line in diff.lines() {
        if old_left > 0 || new_left > 0 {
            match line.as_bytes().first() {
                Some(b'-') => {
                    let edit = edit.get_or_insert_with(|| Edit::at(old_line, above.take()));
                    edit.removed += 1;
                    edit.old.push(line[1..].to_owned());
                    old_left = old_left.saturating_sub(1);
                    old_line += 1;
                }
                Some(b'+') => {
                    let edit = edit.get_or_insert_with(|| Edit::at(old_line, above.take()));
                    edit.inserted.push_str(&line[1..]);
                    edit.inserted.push('\n');
                    new_left = new_left.saturating_sub(1);
                }
                Some(b'\\') => {}
                _ => {
                    let stays = line.get(1..).unwrap_or_default().to_owned();
                    if let Some(edit) = &mut edit {
                        edit.below = Some(stays.clone());
                    }
                    above = Some(stays);
                    finish(&mut files, &mut edit);
                    old_left = old_left.saturating_sub(1);
                    new_left = new_left.saturating_sub(1);
                    old_line += 1;
                }
            }
            continue;
        }
        finish(&mut files, &mut edit);
        if let Some(path) = line.strip_prefix("--- ") {
            old_path = file_name(path);
        } else if let Some(path) = line.strip_prefix("+++ ") {
            if let Some(path) = old_path.take().or_else(|| file_name(path)) {
                files.push(FileChange { path, edits: Vec::new() });
            }
        } else if let Some((start, old, new)) = hunk(line) {
            // A hunk without old lines names the line after which it goes.
            old_line = if old == 0 { start.saturating_add(1) } else { start };
            (old_left, new_left) = (old, new);
            above = None;
        }
    }
    finish(&mut files, &mut edit);
    files.retain(|file| !file.edits.is_empty());
    files
}

fn finish(files: &mut [FileChange], edit: &mut Option<Edit>) {
    if let (Some(edit), Some(file)) = (edit.take(), files.last_mut()) {
        file.edits.push(edit);
    }
}

fn file_name(path: &str) -> Option<String> {
    let path = path.split('\t').next().unwrap_or_default().trim_end();
    if path.is_empty() || path == "/dev/null" {
        return None;
    }
    let plain = path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path);
    Some(plain.to_owned())
}

/// `@@ -start,old +start,new @@`.
fn hunk(line: &str) -> Option<(u64, u64, u64)> {
    let rest = line.strip_prefix("@@ -")?;
    let (old, rest) = rest.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| -> Option<(u64, u64)> {
        match text.split_once(',') {
            Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
            None => Some((text.parse().ok()?, 1)),
        }
    };
    let ((start, old), (_, new)) = (range(old)?, range(new)?);
    // Line numbers beyond this are no line numbers.
    (start < u64::from(u32::MAX)).then_some((start, old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits() {
        let diff = "--- a/x.c\n+++ b/x.c\n@@ -9,4 +9,5 @@ f\n one\n two\n+new\n three\n-four\n+vier\n\
                    --- a/y.c\n+++ b/y.c\n@@ -0,0 +1 @@\n+only\n\\ No newline at end of file\n";
        assert_eq!(
            parse(diff),
            [
                FileChange {
                    path: "x.c".into(),
                    edits: vec![
                        Edit {
                            inserted: "new\n".into(),
                            below: Some("three".into()),
                            ..Edit::at(11, Some("two".into()))
                        },
                        Edit {
                            removed: 1,
                            old: vec!["four".into()],
                            inserted: "vier\n".into(),
                            ..Edit::at(12, Some("three".into()))
                        },
                    ],
                },
                FileChange { path: "y.c".into(), edits: vec![Edit { inserted: "only\n".into(), ..Edit::at(1, None) }] },
            ]
        );
    }

    #[test]
    fn what_is_no_diff() {
        assert_eq!(parse(""), []);
        assert_eq!(parse("hello\n@@ -x,1 +1 @@\n+y\n"), []);
        assert_eq!(parse("@@ -1 +1 @@\n-a\n+b\n"), []);
        assert_eq!(parse("--- a/x\n+++ b/x\n@@ -1,99999999999999999999 +1 @@\n+y\n"), []);
    }
}
