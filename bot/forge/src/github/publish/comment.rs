//! The one comment of a pull request.
//!
//! Minimising comes before the text that tells it, so that after a crash in between the text is still the old one and both
//! are done again.

use serde_json::json;
use tracing::debug;

use super::super::Session;
use super::super::models::Comment;
use super::Target;
use super::marker::{Marker, is_resolved, same_text};
use crate::answer::{Answer, Outcome};
use crate::http::{Error, Kind};

impl Session {
    /// Writes or edits the comment of a key; with `fresh` false only what is there is edited. Gives its address.
    pub(super) async fn publish_comment(
        &self,
        target: &Target,
        number: u64,
        answer: &Answer,
        fresh: bool,
    ) -> Result<Option<String>, Error> {
        let marker = Marker::comment(&answer.key);
        let resolved = answer.outcome == Outcome::Passed;
        let text = if resolved { marker.resolved(&over(target, answer)) } else { marker.with(&answer.comment) };
        let list = target.repository.path(&["issues", &number.to_string(), "comments"]);
        let mut ours = self.ours(&list, &marker).await?;
        if ours.is_empty() {
            if !fresh {
                return Ok(None);
            }
            // The one that is made, or was made by a request whose answer was lost.
            let look = || async { Ok(self.ours(&list, &marker).await?.into_iter().next()) };
            let make = || async { self.post(&list, &json!({ "body": text })).await?.json::<Comment>() };
            let made = self.http.create(look, make).await?;
            // Another process may have done the same in the meantime.
            ours = self.ours(&list, &marker).await?;
            if !ours.iter().any(|comment| comment.id == made.id) {
                ours.push(made);
            }
        }
        ours.sort_by_key(|comment| comment.id);
        let mut ours = ours.into_iter();
        let Some(kept) = ours.next() else { return Ok(None) };
        for double in ours {
            self.delete(&target.repository.path(&["issues", "comments", &double.id.to_string()])).await?;
        }
        let path = target.repository.path(&["issues", "comments", &kept.id.to_string()]);
        self.keep_true(&path, &kept, &text, resolved).await?;
        Ok(Some(kept.html_url))
    }

    /// Edits a comment when its text is another, and hides it or shows it again.
    pub(super) async fn keep_true(&self, path: &str, kept: &Comment, text: &str, over: bool) -> Result<(), Error> {
        if same_text(kept.body.as_deref(), text) {
            return Ok(());
        }
        if over != is_resolved(kept) && !kept.node_id.is_empty() {
            self.minimize(&kept.node_id, over).await?;
        }
        self.patch(path, &json!({ "body": text })).await.map(drop)
    }

    /// Our comments in a list.
    async fn ours(&self, list: &str, marker: &Marker) -> Result<Vec<Comment>, Error> {
        let login = self.login().await?;
        let all: Vec<Comment> = self.list(list, None).await?;
        Ok(all.into_iter().filter(|comment| marker.marks(comment, login)).collect())
    }

    /// Folds a comment as resolved, or unfolds it
    /// (<https://docs.github.com/en/graphql/reference/mutations#minimizecomment>). Only GraphQL can, and not every token
    /// may; the text says the same.
    async fn minimize(&self, node: &str, minimized: bool) -> Result<(), Error> {
        let query = if minimized {
            "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: RESOLVED}) \
             { minimizedComment { isMinimized } } }"
        } else {
            "mutation($id: ID!) { unminimizeComment(input: {subjectId: $id}) { unminimizedComment { isMinimized } } }"
        };
        match self.graphql(query, json!({ "id": node })).await {
            Err(error) if error.is_transient() || error.kind == Kind::Unauthorized => Err(error),
            Err(error) => {
                debug!(%error, "not folded");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }
}

/// What stands there when all is well again.
fn over(target: &Target, answer: &Answer) -> String {
    if answer.comment.is_empty() {
        format!("**Resolved:** nothing fails in {}.", target.head_sha)
    } else {
        answer.comment.clone()
    }
}
