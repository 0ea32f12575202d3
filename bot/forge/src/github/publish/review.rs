//! Suggestions at lines of the diff, which a person takes with a click
//! (<https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/incorporating-feedback-in-your-pull-request>).
//!
//! Each is a comment of its own, so that one that GitHub refuses does not take the others with it. What no longer holds loses
//! its suggestion, which somebody could still take, and is folded.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tracing::warn;

use super::super::Session;
use super::super::models::{ChangedFile, Comment};
use super::marker::{Marker, suggestion_id};
use super::{Diff, Target};
use crate::answer::Suggestion;
use crate::http::{Error, Kind};

/// Suggestions that stand at a time. More is noise: each is a mail to those who watch.
const SUGGESTIONS_MAX: usize = 10;

impl Session {
    /// Makes the comments of suggestions that the diff shows, and withdraws others of the key. Gives how many stand there.
    pub(super) async fn publish_suggestions(
        &self,
        target: &Target,
        number: u64,
        key: &str,
        suggestions: &[Suggestion],
    ) -> Result<usize, Error> {
        let list = target.repository.path(&["pulls", &number.to_string(), "comments"]);
        let wanted = self.shown(target, number, suggestions).await?;
        let mut there = self.our_suggestions(&list, key).await?;
        let (mut standing, mut made) = (0, false);
        for (id, suggestion) in &wanted {
            let text = Marker::suggestion(key, id).with(&text(suggestion));
            if let Some(found) = there.remove(id) {
                self.keep_suggestion(target, &found, &text, false).await?;
                standing += 1;
                continue;
            }
            let body = place(target, suggestion, &text);
            let look = || async { Ok(self.our_suggestions(&list, key).await?.remove(id).map(drop)) };
            let make = || async { self.post(&list, &body).await.map(drop) };
            match self.http.create(look, make).await {
                Ok(()) => (standing, made) = (standing + 1, true),
                // The diff moved between our looking and our writing: the comment has the patch, too.
                Err(error) if error.kind == Kind::Refused => warn!(%error, "a suggestion is left out"),
                Err(error) => return Err(error),
            }
        }
        // Another process may have done the same in the meantime.
        let again = if made { self.our_suggestions(&list, key).await? } else { BTreeMap::new() };
        for double in again.values().flat_map(|found| &found[1..]) {
            self.delete(&target.repository.path(&["pulls", "comments", &double.id.to_string()])).await?;
        }
        for (id, found) in there {
            let over = Marker::suggestion(key, &id).resolved("This suggestion does not hold any more.");
            self.keep_suggestion(target, &found, &over, true).await?;
        }
        Ok(standing)
    }

    /// Keeps the oldest comment of a suggestion true, and deletes doubles.
    async fn keep_suggestion(&self, target: &Target, found: &[Comment], text: &str, over: bool) -> Result<(), Error> {
        let path = |comment: &Comment| target.repository.path(&["pulls", "comments", &comment.id.to_string()]);
        let Some((kept, doubles)) = found.split_first() else { return Ok(()) };
        for double in doubles {
            self.delete(&path(double)).await?;
        }
        self.keep_true(&path(kept), kept, text, over).await
    }

    /// The suggestions whose lines the diff shows as they are, by id, in their order.
    async fn shown<'a>(
        &self,
        target: &Target,
        number: u64,
        suggestions: &'a [Suggestion],
    ) -> Result<Vec<(String, &'a Suggestion)>, Error> {
        if suggestions.is_empty() {
            return Ok(Vec::new());
        }
        let files: Vec<ChangedFile> =
            self.list(&target.repository.path(&["pulls", &number.to_string(), "files"]), None).await?;
        let mut wanted: Vec<(String, &Suggestion)> = Vec::new();
        for suggestion in suggestions {
            let file = files.iter().find(|file| file.filename == suggestion.path);
            let diff = file.and_then(|file| file.patch.as_deref()).map(Diff::parse).unwrap_or_default();
            let id = id(suggestion);
            let known = wanted.iter().any(|(other, _)| *other == id);
            if !known && diff.shows(suggestion.start_line, suggestion.end_line, &suggestion.old) {
                wanted.push((id, suggestion));
            }
        }
        wanted.truncate(SUGGESTIONS_MAX);
        Ok(wanted)
    }

    /// Our comments with suggestions of a key, by the suggestions' ids, the oldest first.
    async fn our_suggestions(&self, list: &str, key: &str) -> Result<BTreeMap<String, Vec<Comment>>, Error> {
        let login = self.login().await?;
        let mut all: Vec<Comment> = self.list(list, None).await?;
        all.sort_by_key(|comment| comment.id);
        let mut ours = BTreeMap::<String, Vec<Comment>>::new();
        for comment in all {
            if let Some(id) = suggestion_id(&comment, key, login).map(str::to_owned) {
                ours.entry(id).or_default().push(comment);
            }
        }
        Ok(ours)
    }
}

/// What a suggestion is known by: what it changes into what, wherever that stands by now.
fn id(suggestion: &Suggestion) -> String {
    let Suggestion { path, old, new, .. } = suggestion;
    let hash = Sha256::digest(serde_json::to_vec(&(path, old, new)).unwrap_or_default());
    hex::encode(&hash[..12])
}

/// A comment at lines of the head.
fn place(target: &Target, suggestion: &Suggestion, text: &str) -> Value {
    let mut body = json!({
        "body": text,
        "commit_id": target.head_sha,
        "path": suggestion.path,
        "line": suggestion.end_line,
        "side": "RIGHT",
    });
    if suggestion.start_line < suggestion.end_line {
        body["start_line"] = json!(suggestion.start_line);
        body["start_side"] = json!("RIGHT");
    }
    body
}

/// The text with its fence, which is longer than any in the lines.
fn text(suggestion: &Suggestion) -> String {
    let longest =
        suggestion.new.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let lines: String = suggestion.new.iter().map(|line| format!("{line}\n")).collect();
    format!("{}\n\n{fence}suggestion\n{lines}{fence}\n", suggestion.text.trim_end())
}
