//! Says an [`Answer`] on GitHub, so that saying it again changes nothing.
//!
//! ```text
//! Answer ──► check run      of the commit      annotations in requests of 50, taken up where they broke off
//!        ──► suggestions    at lines of the diff, each once; withdrawn when they no longer hold
//!        ──► comment        one of the pull request, found by a marker among our own, edited in place
//! ```
//!
//! Each of the three looks first at what is there. So a crash at any point, a lost answer or a second process ends in the
//! same state, and text that did not change costs no request.

mod check;
mod comment;
mod diff;
mod marker;
mod review;
#[cfg(test)]
mod tests;

use tracing::{info, warn};

pub use diff::Diff;

use super::models::PullRequest;
use super::session::path;
use super::{Repository, Session};
use crate::answer::{Answer, Outcome};
use crate::http::{Error, Kind};

/// What an answer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The repository of the pull request: for one from a fork, the one that it is to be merged into.
    pub repository: Repository,
    /// The commit that was built; of a pull request its head.
    pub head_sha: String,
    /// The number of the pull request, if there is one.
    pub pull_request: Option<u64>,
}

/// What to say an answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// A check run; for Apps and workflows only.
    pub check_run: bool,
    /// A comment of the pull request.
    pub comment: bool,
    /// Suggestions at lines of the pull request.
    pub suggestions: bool,
}

impl Default for Ways {
    fn default() -> Self {
        Self { check_run: true, comment: true, suggestions: true }
    }
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Where the check run can be seen.
    pub check_run: Option<String>,
    /// Where the comment can be seen.
    pub comment: Option<String>,
    /// How many suggestions stand at lines of the diff.
    pub suggestions: usize,
    /// What was not said, and why, in words for the operator's log.
    pub left_out: Vec<String>,
}

impl Session {
    /// Says an answer.
    ///
    /// The comment and the suggestions are about the pull request as it is now, so they are left out when its head moved on:
    /// the answer to the new head will come. What the token has no right to is left out, too, and told in
    /// [`Published::left_out`].
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked or refuses what it should not. Saying it again later takes up what is missing.
    pub async fn publish(&self, target: &Target, answer: &Answer, ways: Ways) -> Result<Published, Error> {
        let mut published = Published::default();
        if ways.check_run {
            let run = self.publish_check(target, answer).await;
            published.check_run = allowed("the check run", run, &mut published.left_out)?.flatten();
        }
        let Some(number) = target.pull_request.filter(|_| ways.comment || ways.suggestions) else {
            return Ok(published);
        };
        let pull = self.pull_request(&target.repository, number).await?;
        if pull.head.sha != target.head_sha {
            info!(%target.repository, number, "the head moved on");
            published.left_out.push("the comment: the pull request has another head by now".to_owned());
            return Ok(published);
        }
        if ways.suggestions {
            let open = if pull.state == "open" { answer.suggestions.as_slice() } else { &[] };
            let said = self.publish_suggestions(target, number, &answer.key, open).await;
            published.suggestions = allowed("the suggestions", said, &mut published.left_out)?.unwrap_or_default();
        }
        if ways.comment {
            let fresh = pull.state == "open" && answer.outcome != Outcome::Passed;
            let said = self.publish_comment(target, number, answer, fresh).await;
            published.comment = allowed("the comment", said, &mut published.left_out)?.flatten();
        }
        Ok(published)
    }

    /// A pull request.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked or there is none.
    pub async fn pull_request(&self, repository: &Repository, number: u64) -> Result<PullRequest, Error> {
        self.get(&repository.path(&["pulls", &number.to_string()])).await?.json()
    }
}

impl Repository {
    /// A path of the API below the repository.
    pub(super) fn path(&self, rest: &[&str]) -> String {
        path(&[&["repos", self.owner.as_str(), self.name.as_str()], rest].concat())
    }
}

/// What the token may not do is no reason to leave out what it may.
fn allowed<T>(what: &str, result: Result<T, Error>, left_out: &mut Vec<String>) -> Result<Option<T>, Error> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error) if matches!(error.kind, Kind::Forbidden) => {
            warn!(%error, what, "left out");
            left_out.push(format!("{what}: {error}"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
