//! Our comments on a merge request: found by their hidden marker, made once, edited, resolved.

use ::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Gitlab, Project, User};
use crate::http;
use crate::webhook::notice::Account;

/// Where a comment stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub project: &'a Project,
    pub iid: u64,
    pub me: &'a Account,
    /// [`crate::answer::Answer::key`].
    pub key: &'a str,
}

/// A comment of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ours {
    pub discussion: String,
    pub note: u64,
    pub body: String,
    /// The marker's name: empty for the one that tells all, else a suggestion's.
    pub name: String,
    pub resolvable: bool,
    pub resolved: bool,
    /// By us; what a person resolved stays so.
    pub resolved_by_us: bool,
}

#[derive(Deserialize)]
struct Discussion {
    id: String,
    #[serde(default)]
    notes: Vec<Note>,
}

#[derive(Deserialize)]
struct Note {
    id: u64,
    #[serde(default)]
    body: String,
    author: User,
    #[serde(default)]
    system: bool,
    #[serde(default)]
    resolvable: bool,
    #[serde(default)]
    resolved: Option<bool>,
    #[serde(default)]
    resolved_by: Option<User>,
}

/// The hidden line with which a comment of ours begins. HTML comments are kept by GitLab and shown to nobody.
pub(super) fn marker(key: &str, name: &str) -> String {
    if name.is_empty() { format!("<!-- triage:key={key} -->") } else { format!("<!-- triage:key={key} {name} -->") }
}

/// The name in the marker that a comment begins with, if it is one of this key.
fn name_of<'a>(body: &'a str, key: &str) -> Option<&'a str> {
    let line = body.trim_start().lines().next()?.trim_end();
    let inner = line.strip_prefix("<!-- triage:key=")?.strip_suffix(" -->")?;
    match inner.split_once(' ') {
        Some((found, name)) => (found == key && !name.is_empty()).then_some(name),
        None => (inner == key).then_some(""),
    }
}

/// The same text as GitLab keeps it.
pub(super) fn same(one: &str, other: &str) -> bool {
    let lines = |text: &str| text.trim().replace("\r\n", "\n");
    lines(one) == lines(other)
}

impl Gitlab {
    /// All comments of ours with this key, by age.
    pub(super) async fn ours(&self, at: Place<'_>) -> Result<Vec<Ours>, http::Error> {
        let (project, iid) = (at.project.to_string(), at.iid.to_string());
        let path = ["projects", &project, "merge_requests", &iid, "discussions"];
        let ours = |discussion: Discussion| {
            let first = discussion.notes.into_iter().next()?;
            if first.author.id != at.me.id || first.system {
                return None;
            }
            let name = name_of(&first.body, at.key)?.to_owned();
            Some(Ours {
                discussion: discussion.id,
                note: first.id,
                name,
                resolvable: first.resolvable,
                resolved: first.resolved == Some(true),
                resolved_by_us: first.resolved_by.is_some_and(|by| by.id == at.me.id),
                body: first.body,
            })
        };
        let mut all = self.list(&path, &[], ours).await?;
        all.sort_by_key(|it| it.note);
        Ok(all)
    }

    /// Deletes all but the oldest of each name, and gives what is left. Two processes that made one each at the same time
    /// both keep the same one.
    pub(super) async fn tidy(&self, at: Place<'_>, all: Vec<Ours>) -> Result<Vec<Ours>, http::Error> {
        let mut kept: Vec<Ours> = Vec::with_capacity(all.len());
        for one in all {
            if !kept.iter().any(|it| it.name == one.name) {
                kept.push(one);
                continue;
            }
            match self.send(self.note(at, Method::DELETE, one.note)).await {
                Ok(_) => {}
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(kept)
    }

    /// Makes a comment, unless there is one of its name already: also when the answer to an earlier try was lost.
    pub(super) async fn make(
        &self,
        at: Place<'_>,
        name: &str,
        body: &Value,
        thread: bool,
    ) -> Result<Ours, http::Error> {
        let (project, iid) = (at.project.to_string(), at.iid.to_string());
        let what = if thread { "discussions" } else { "notes" };
        let path = ["projects", &project, "merge_requests", &iid, what];
        let look = || async move { Ok(self.ours(at).await?.into_iter().find(|it| it.name == name)) };
        let make = || async {
            self.send(self.call(Method::POST, &path, &[]).json(body)).await?;
            // What was made is looked up, so that both kinds of comments are told alike.
            match look().await? {
                Some(made) => Ok(made),
                None => {
                    let message = "the comment that was made is not among ours";
                    Err(http::Error::new(http::Kind::Refused, path.join("/"), message))
                }
            }
        };
        self.client.create(look, make).await
    }

    /// Gives a comment another text.
    pub(super) async fn edit(&self, at: Place<'_>, note: u64, body: &str) -> Result<(), http::Error> {
        let call = self.note(at, Method::PUT, note).json(&json!({ "body": body }));
        self.send(call).await.map(|_| ())
    }

    /// Resolves a discussion or opens it again. False when the token may not.
    pub(super) async fn resolve(&self, at: Place<'_>, one: &Ours, resolved: bool) -> Result<bool, http::Error> {
        if !one.resolvable || one.resolved == resolved {
            return Ok(true);
        }
        let (project, iid) = (at.project.to_string(), at.iid.to_string());
        let path = ["projects", &project, "merge_requests", &iid, "discussions", &one.discussion];
        let call = self.call(Method::PUT, &path, &[]).json(&json!({ "resolved": resolved }));
        match self.send(call).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == http::Kind::Forbidden => {
                tracing::warn!(%error, "a discussion cannot be resolved; the token needs the role Developer");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn note(&self, at: Place<'_>, method: Method, note: u64) -> http::Call {
        let (project, iid, note) = (at.project.to_string(), at.iid.to_string(), note.to_string());
        self.call(method, &["projects", &project, "merge_requests", &iid, "notes", &note], &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers() {
        for name in ["", "suggestion=0123456789abcdef"] {
            let body = format!("{}\nText\n", marker("a.b-c_1", name));
            assert_eq!(name_of(&body, "a.b-c_1"), Some(name));
            assert_eq!(name_of(&body, "a.b-c_"), None);
            assert_eq!(name_of(&format!("> {body}"), "a.b-c_1"), None);
            assert_eq!(name_of(&format!("Text\n{body}"), "a.b-c_1"), None);
        }
        assert_eq!(name_of("<!-- triage:key=x  -->", "x"), None);
        assert_eq!(name_of("<!-- triage:key=x", "x"), None);
        assert_eq!(name_of("", "x"), None);
    }

    #[test]
    fn what_gitlab_makes_of_ends() {
        assert!(same("a\nb\n", "a\r\nb"));
        assert!(!same("a\nb", "a b"));
    }
}
