//! Changes that a person can take with a click, at lines of the diff.
//!
//! <https://docs.gitlab.com/user/project/merge_requests/reviews/suggestions/>: a block ```` ```suggestion:-0+2 ```` replaces the
//! line that the comment stands on and two below; 100 at most in each direction.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::diff::Diff;
use super::discussions::marker;
use super::publish::guarded;
use crate::answer::Suggestion;
use crate::hunks::Line;

/// How their names begin.
const NAME: &str = "suggestion=";
/// Lines below the first that one suggestion may replace.
const LINES_MAX: u32 = 100;

/// The name of a suggestion in its marker. It has no line numbers: those change with every push.
pub(super) fn name(suggestion: &Suggestion) -> String {
    let mut hash = Sha256::new();
    for text in [&suggestion.path, &suggestion.fingerprint] {
        hash.update(text);
        hash.update([0]);
    }
    for lines in [&suggestion.old, &suggestion.new] {
        for line in lines {
            hash.update(line);
            hash.update(b"\n");
        }
        hash.update([0]);
    }
    format!("{NAME}{}", hex::encode(&hash.finalize()[..8]))
}

/// Whether a marker's name is one of a suggestion.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(NAME)
}

/// The discussion to be made, when all lines are in the diff, are what the suggestion says, and can be replaced.
pub(super) fn request(suggestion: &Suggestion, key: &str, diff: &Diff) -> Option<Value> {
    let file = diff.files.get(&suggestion.path)?;
    let more = suggestion.end_line.checked_sub(suggestion.start_line).filter(|more| *more <= LINES_MAX)?;
    if suggestion.old.len() != more as usize + 1 {
        return None;
    }
    let numbers = suggestion.start_line..=suggestion.end_line;
    let lines: Vec<&Line> = numbers.map(|number| file.lines.get(&number)).collect::<Option<_>>()?;
    if lines.iter().zip(&suggestion.old).any(|(line, old)| line.text != *old) {
        return None;
    }
    let mut position = json!({
        "position_type": "text",
        "base_sha": diff.base,
        "start_sha": diff.start,
        "head_sha": diff.head,
        "old_path": file.old_path,
        "new_path": suggestion.path,
        "new_line": suggestion.start_line,
    });
    // A line that was there before is named by both numbers.
    if let Some(old) = lines.first()?.old {
        position["old_line"] = json!(old);
    }
    Some(json!({ "body": body(suggestion, key, more)?, "position": position }))
}

/// The comment; none when a line cannot stand in it.
fn body(suggestion: &Suggestion, key: &str, more: u32) -> Option<String> {
    // GitLab has taken such lines for its commands within longer fences.
    if suggestion.new.iter().any(|line| line.contains(['\n', '\r']) || super::publish::is_quick_action(line)) {
        return None;
    }
    let longest = suggestion.new.iter().map(|line| longest_run(line)).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let marker = marker(key, &name(suggestion));
    let mut body = format!("{marker}\n{}\n\n{fence}suggestion:-0+{more}\n", guarded(suggestion.text.trim()));
    for line in &suggestion.new {
        body.push_str(line);
        body.push('\n');
    }
    body.push_str(&fence);
    Some(body)
}

/// The most backticks in a row.
fn longest_run(line: &str) -> usize {
    line.split(|it| it != '`').map(str::len).max().unwrap_or_default()
}
