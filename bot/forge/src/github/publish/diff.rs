//! Which lines of a file a pull request shows: only they can carry a comment with a suggestion.

use std::collections::BTreeMap;

use crate::hunks::{self, Line};

/// The right side of a file's diff: lines of the head of the pull request that are in its hunks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// By their numbers, from 1.
    lines: BTreeMap<u32, Line>,
}

impl Diff {
    /// Reads `files[].patch` of the API: hunks of a unified diff without the lines that name the files
    /// (<https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files>). What cannot be read is left
    /// out.
    pub fn parse(patch: &str) -> Self {
        Self { lines: hunks::lines(patch) }
    }

    /// Whether lines `start` to `end` are in one hunk, and are these.
    pub fn shows(&self, start: u32, end: u32, text: &[String]) -> bool {
        let expected = end.checked_sub(start).and_then(|more| usize::try_from(more).ok()?.checked_add(1));
        if expected != Some(text.len()) || !self.lines.contains_key(&start) {
            return false;
        }
        let mut shown = self.lines.range(start..=end).map(|(_, line)| line);
        let hunk = self.lines.get(&start).map(|line| line.hunk);
        let same =
            |(line, text): (&Line, &String)| Some(line.hunk) == hunk && line.text == *text.trim_end_matches('\r');
        self.lines.range(start..=end).count() == text.len() && shown.by_ref().zip(text).all(same)
    }
}
