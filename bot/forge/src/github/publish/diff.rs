//! Which lines of a file a pull request shows: only they can carry a comment with a suggestion.

use std::collections::BTreeMap;

/// The right side of a file's diff: lines of the head of the pull request that are in its hunks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Line number, from 1, to its hunk and its text.
    lines: BTreeMap<u32, (usize, String)>,
}

impl Diff {
    /// Reads `files[].patch` of the API: hunks of a unified diff without the lines that name the files
    /// (<https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files>). What cannot be read ends it.
    pub fn parse(patch: &str) -> Self {
        let mut lines = BTreeMap::new();
        let (mut hunk, mut next, mut left) = (0, 0_u32, 0_u32);
        for line in patch.split('\n') {
            if let Some((start, count)) = line.strip_prefix("@@ ").and_then(right_side) {
                (hunk, next, left) = (hunk + 1, start, count);
                continue;
            }
            match line.bytes().next() {
                // Taken out, and "\ No newline at end of file".
                Some(b'-' | b'\\') => {}
                Some(b'+' | b' ') if left > 0 => {
                    lines.insert(next, (hunk, line[1..].trim_end_matches('\r').to_owned()));
                    (next, left) = (next.saturating_add(1), left - 1);
                }
                // An empty line of context that lost its space.
                None if left > 0 => {
                    lines.insert(next, (hunk, String::new()));
                    (next, left) = (next.saturating_add(1), left - 1);
                }
                None => {}
                _ => break,
            }
        }
        Self { lines }
    }

    /// Whether lines `start` to `end` are in one hunk, and are these.
    pub fn shows(&self, start: u32, end: u32, text: &[String]) -> bool {
        let expected = end.checked_sub(start).and_then(|more| usize::try_from(more).ok()?.checked_add(1));
        if expected != Some(text.len()) || !self.lines.contains_key(&start) {
            return false;
        }
        let mut shown = self.lines.range(start..=end).map(|(_, line)| line);
        let hunk = self.lines.get(&start).map(|line| line.0);
        let same =
            |(line, text): (&(usize, String), &String)| Some(line.0) == hunk && line.1 == *text.trim_end_matches('\r');
        self.lines.range(start..=end).count() == text.len() && shown.by_ref().zip(text).all(same)
    }
}

/// The start and the count of the right side in `-1,2 +3,4 @@ …`.
fn right_side(header: &str) -> Option<(u32, u32)> {
    let (ranges, _) = header.split_once(" @@")?;
    let right = ranges.split(' ').find_map(|range| range.strip_prefix('+'))?;
    let (start, count) = right.split_once(',').unwrap_or((right, "1"));
    Some((start.parse().ok()?, count.parse().ok()?))
}
