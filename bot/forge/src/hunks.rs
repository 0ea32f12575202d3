//! The hunks of a unified diff: the lines of the new file that a change shows, on which remarks can stand.

use std::collections::BTreeMap;

/// A line of the new file that a diff shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// In which hunk, counted from 1.
    pub(crate) hunk: u32,
    /// Where it was in the old file, for one that was there.
    pub(crate) old: Option<u32>,
    /// Without its line end.
    pub(crate) text: String,
}

/// The new file's lines in the hunks of a unified diff without the lines that name the files, as forges give it. What is
/// no diff is left out.
pub(crate) fn lines(diff: &str) -> BTreeMap<u32, Line> {
    let mut found = BTreeMap::new();
    // What is left of the hunk, so that a line of the file that looks like a hunk's header is none.
    let (mut old, mut new, mut old_left, mut new_left) = (0, 0, 0, 0);
    let mut number = 0;
    for line in diff.split('\n') {
        if old_left == 0 && new_left == 0 {
            if let Some(hunk) = hunk(line) {
                (old, old_left, new, new_left) = hunk;
                number += 1;
            }
            continue;
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        match line.as_bytes().first() {
            Some(b'+') if new_left > 0 => {
                found.insert(new, Line { hunk: number, old: None, text: line[1..].to_owned() });
                (new, new_left) = (new.saturating_add(1), new_left - 1);
            }
            Some(b'-') if old_left > 0 => (old, old_left) = (old.saturating_add(1), old_left - 1),
            // Some programs in between take the blank off an empty line.
            Some(b' ') | None if old_left > 0 && new_left > 0 => {
                found.insert(
                    new,
                    Line { hunk: number, old: Some(old), text: line.get(1..).unwrap_or_default().to_owned() },
                );
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
        let shown: Vec<_> = lines.iter().map(|(at, line)| (*at, line.hunk, line.old, line.text.as_str())).collect();
        let first = [(1, 1, Some(1), "a"), (2, 1, None, "B"), (3, 1, None, "@@ -1 +1 @@"), (4, 1, Some(3), "c")];
        assert_eq!(shown[..4], first);
        assert_eq!(shown[4..], [(10, 2, None, "y")]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(@@ -[0-9]{0,11}(,[0-9]{0,11})? \\+[0-9]{0,11}(,[0-9]{0,3})? @@\n|[ +-]?\\PC{0,9}\n|\\PC{0,9}){0,20}") {
            let _ = lines(&text);
        }
    }
}
