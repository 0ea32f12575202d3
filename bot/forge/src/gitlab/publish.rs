//! An answer, said once on a merge request.
//!
//! ```text
//! current? ──► ours ──► tidy ──► note: make, edit or leave ──► suggestions ──► once more ours, tidy ──► status
//! ```
//!
//! Nothing is remembered here: what we said is found on the merge request, by the hidden marker of the answer's key among the
//! comments of the token's own account. So it does not matter where an earlier try broke off, and saying the same again
//! changes nothing.

use serde_json::json;

use super::discussions::{Ours, Place, marker, same};
use super::suggestions::{self, request};
use super::{Error, Gitlab, Project};
use crate::answer::{Answer, Outcome};
use crate::http;
use crate::webhook::notice::Sha;

pub use super::statuses::Status;

/// Characters of a comment (<https://docs.gitlab.com/administration/instance_limits/#size-of-comments-and-descriptions-of-issues-merge-requests-and-epics>).
pub const BODY_MAX: usize = 1_000_000;
/// How often all is looked up anew when another process deletes what we were about to change.
const ROUNDS_MAX: usize = 3;

/// What an answer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The project of the merge request.
    pub project: Project,
    /// Its number.
    pub merge_request: u64,
    /// The commit of its branch that was built.
    pub head_sha: Sha,
    /// The commit that the pipeline was for, which has the status: another one for merged results.
    pub built_sha: Sha,
}

/// A comment that is answered.
#[derive(Debug, Clone, Copy)]
pub struct Comment<'a> {
    /// The project of the merge request.
    pub project: &'a Project,
    /// Its number.
    pub merge_request: u64,
    /// The number of the comment.
    pub comment: u64,
    /// [`Answer::key`].
    pub key: &'a str,
}

/// How it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// A discussion that can be resolved, rather than a plain note. Projects can demand that all are resolved before merging.
    pub resolvable: bool,
    /// How many suggestions are made at most.
    pub suggestions_max: usize,
    /// Whether and how the commit gets a status.
    pub status: Option<Status>,
}

impl Default for Options {
    fn default() -> Self {
        Self { resolvable: false, suggestions_max: 20, status: None }
    }
}

/// What became of the comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// There is none, and none was needed.
    Nothing,
    /// It was made.
    Made,
    /// It was there and got another text.
    Edited,
    /// It was there as it is.
    Unchanged,
}

/// Why nothing was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skipped {
    /// The branch has another commit by now; none when GitLab does not know it.
    Superseded(Option<Sha>),
    /// The merge request is closed or merged.
    NotOpen,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The comment.
    pub comment: Done,
    /// Its page.
    pub url: Option<String>,
    /// Suggestions that stand there now.
    pub suggestions: usize,
    /// Suggestions that cannot be made: lines outside of the diff, or too many.
    pub left_out: usize,
    /// Whether the status was set; none when there is to be none.
    pub status: Option<bool>,
    /// Why there is no comment.
    pub skipped: Option<Skipped>,
}

impl Gitlab {
    /// Says an answer. Saying it again changes nothing; what another answer with the same key said is edited.
    ///
    /// # Errors
    /// When GitLab does not do it. What was said until then stays, and the next try goes on from there.
    pub async fn publish(&self, target: &Target, answer: &Answer, options: &Options) -> Result<Published, Error> {
        let key = checked(&answer.key)?;
        let body = sized(format!("{}\n{}", marker(key, ""), guarded(answer.comment.trim_end())))?;
        let mut published = self.comments(target, answer, options, &body).await?;
        if let Some(status) = &options.status {
            let said = (answer.outcome, answer.title.as_str());
            let set = self.status(&target.project, &target.built_sha, status, said).await;
            published.status = Some(self.said("set a commit's status", set)?);
        }
        Ok(published)
    }

    /// Answers a comment, once: a note of its own, so that it does not open a discussion that somebody has to resolve.
    ///
    /// # Errors
    /// When GitLab does not take it.
    pub async fn reply(&self, to: &Comment<'_>, text: &str) -> Result<(), Error> {
        let name = format!("reply={}", to.comment);
        let body = format!("{}\n{}", marker(checked(to.key)?, &name), guarded(text.trim_end()));
        let me = self.said("write comments", self.me_or_error().await)?;
        let at = Place { project: to.project, iid: to.merge_request, me: &me, key: to.key };
        let made = self.make(at, &name, &json!({ "body": sized(body)? }), false).await;
        self.said("write comments", made).map(|_| ())
    }

    /// The note and the suggestions.
    async fn comments(
        &self,
        target: &Target,
        answer: &Answer,
        options: &Options,
        body: &str,
    ) -> Result<Published, Error> {
        let mut published =
            Published { comment: Done::Nothing, url: None, suggestions: 0, left_out: 0, status: None, skipped: None };
        let change = self.merge_request(&target.project, target.merge_request).await?;
        if change.state != "opened" {
            published.skipped = Some(Skipped::NotOpen);
            return Ok(published);
        }
        if change.sha.as_ref() != Some(&target.head_sha) {
            published.skipped = Some(Skipped::Superseded(change.sha));
            return Ok(published);
        }
        let me = self.said("write comments", self.me_or_error().await)?;
        let at = Place { project: &target.project, iid: target.merge_request, me: &me, key: &answer.key };
        let mut round = 0;
        loop {
            round += 1;
            match self.round(at, target, answer, options, body, &mut published).await {
                // What was to be changed is gone: another process kept an older one.
                Err(error) if error.is_missing() && round < ROUNDS_MAX => {}
                result => {
                    let note = self.said("write comments", result)?;
                    published.url = note.map(|note| format!("{}#note_{note}", change.web_url));
                    return Ok(published);
                }
            }
        }
    }

    async fn round(
        &self,
        at: Place<'_>,
        target: &Target,
        answer: &Answer,
        options: &Options,
        body: &str,
        published: &mut Published,
    ) -> Result<Option<u64>, http::Error> {
        let ours = self.tidy(at, self.ours(at).await?).await?;
        let mut made = self.say(at, &ours, answer, options, body, published).await?;
        made |= self.suggest(at, &ours, target, answer, options, published).await?;
        if !made {
            return Ok(ours.into_iter().find(|it| it.name.is_empty()).map(|it| it.note));
        }
        // Another process may have made the same meanwhile. The oldest is kept, and it must say what we say.
        let ours = self.tidy(at, self.ours(at).await?).await?;
        let note = ours.into_iter().find(|it| it.name.is_empty());
        if let Some(note) = &note
            && !same(&note.body, body)
        {
            self.edit(at, note.note, body).await?;
        }
        Ok(note.map(|note| note.note))
    }

    /// The comment that tells all. True when it was made.
    async fn say(
        &self,
        at: Place<'_>,
        ours: &[Ours],
        answer: &Answer,
        options: &Options,
        body: &str,
        published: &mut Published,
    ) -> Result<bool, http::Error> {
        let passed = answer.outcome == Outcome::Passed;
        let Some(standing) = ours.iter().find(|it| it.name.is_empty()) else {
            if passed {
                return Ok(false);
            }
            let made = self.make(at, "", &json!({ "body": body }), options.resolvable).await?;
            published.comment = Done::Made;
            // Another process may have been faster, with other words.
            if !same(&made.body, body) {
                self.edit(at, made.note, body).await?;
            }
            return Ok(true);
        };
        if same(&standing.body, body) {
            if published.comment == Done::Nothing {
                published.comment = Done::Unchanged;
            }
        } else {
            self.edit(at, standing.note, body).await?;
            published.comment = Done::Edited;
        }
        self.resolve(at, standing, passed).await?;
        Ok(false)
    }

    /// The suggestions; those that no longer hold are resolved. True when one was made.
    async fn suggest(
        &self,
        at: Place<'_>,
        ours: &[Ours],
        target: &Target,
        answer: &Answer,
        options: &Options,
        published: &mut Published,
    ) -> Result<bool, http::Error> {
        let wanted = if answer.outcome == Outcome::Passed { &[][..] } else { &answer.suggestions[..] };
        let names: Vec<String> = wanted.iter().map(suggestions::name).collect();
        for old in ours.iter().filter(|it| suggestions::is_name(&it.name) && !names.contains(&it.name)) {
            self.resolve(at, old, true).await?;
        }
        (published.suggestions, published.left_out) = (0, 0);
        let (mut made, mut diff, mut seen) = (false, None, Vec::new());
        for (suggestion, name) in wanted.iter().zip(&names) {
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            if let Some(standing) = ours.iter().find(|it| it.name == *name) {
                // What a person resolved stays so; what we resolved when it held no more holds again.
                if !standing.resolved || standing.resolved_by_us {
                    self.resolve(at, standing, false).await?;
                    published.suggestions += 1;
                }
                continue;
            }
            if published.suggestions >= options.suggestions_max {
                published.left_out += 1;
                continue;
            }
            if diff.is_none() {
                diff = Some(self.diff(at.project, at.iid, &target.head_sha).await?);
            }
            let request = diff.as_ref().and_then(Option::as_ref).and_then(|diff| request(suggestion, at.key, diff));
            let Some(request) = request else {
                published.left_out += 1;
                continue;
            };
            match self.make(at, name, &request, true).await {
                Ok(_) => {
                    made = true;
                    published.suggestions += 1;
                }
                // GitLab knows better which lines can have a comment.
                Err(error) if error.kind == http::Kind::Refused => {
                    tracing::warn!(%error, "a suggestion was refused");
                    published.left_out += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(made)
    }
}

/// A key that can stand in a marker.
fn checked(key: &str) -> Result<&str, Error> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fits = !key.is_empty() && key.len() <= 60 && key.bytes().all(letter);
    if fits { Ok(key) } else { Err(Error::Key(key.chars().take(80).collect())) }
}

/// A comment that GitLab takes.
fn sized(body: String) -> Result<String, Error> {
    let length = body.chars().count();
    if length > BODY_MAX { Err(Error::TooLong(length)) } else { Ok(body) }
}

/// The text with nothing in it that GitLab carries out: a line `/close` in a comment closes the merge request, whoever's log
/// it comes from. It leaves code blocks alone, but not in all releases those with longer fences.
pub(super) fn guarded(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len() + 16);
    let mut fence: Option<(char, usize)> = None;
    for line in markdown.lines() {
        let text = line.trim_start_matches(' ');
        let mark = text.chars().next().filter(|it| matches!(it, '`' | '~'));
        let run = mark.map_or(0, |mark| text.chars().take_while(|it| *it == mark).count());
        let inside = fence.is_some();
        match (fence, mark) {
            (None, Some(mark)) if run >= 3 => fence = Some((mark, run)),
            (Some((open, many)), Some(mark)) if open == mark && run >= many && text.trim_end().len() == run => {
                fence = None
            }
            _ => {}
        }
        match line.find('/').filter(|_| is_quick_action(line)) {
            Some(at) if !inside => {
                out.push_str(&line[..at]);
                out.push('\\');
                out.push_str(&line[at..]);
            }
            Some(0) => {
                out.push(' ');
                out.push_str(line);
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out.truncate(out.trim_end_matches('\n').len());
    out
}

/// True for a line that GitLab may take for a command: `/close`, `/assign @x`.
pub(super) fn is_quick_action(line: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix('/') else { return false };
    let end = rest.find(|it: char| !(it.is_ascii_alphanumeric() || it == '_')).unwrap_or(rest.len());
    end > 0 && (end == rest.len() || rest[end..].starts_with(char::is_whitespace))
}
