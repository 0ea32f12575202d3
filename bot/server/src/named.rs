//! What a build result says that it is about: a mail, a commit, or a change.

use std::collections::BTreeSet;
use std::path::Path;

use triage_causes::Report;
use triage_mail::MessageId;
use triage_mail::series::{Commit, CommitError};

/// How a result names the series that was built.
#[derive(Debug, Clone)]
pub enum Named {
    /// By the Message-ID of a mail of the thread.
    Message(MessageId),
    /// By a commit that was made of one of its patches, or that a pull request ends with.
    Commit(Box<Commit>),
    /// By b4's change-id, perhaps with a version.
    Change(String, Option<u32>),
}

impl Named {
    /// A commit, as the repository has it. Without one, nothing is known of it but its name.
    ///
    /// # Errors
    ///
    /// When the name is none, or the repository does not have it.
    pub fn commit(name: &str, repository: Option<&Path>) -> Result<Self, CommitError> {
        let commit = match repository {
            Some(repository) => Commit::read(repository, name)?,
            None => Commit::named(name)?,
        };
        Ok(Self::Commit(Box::new(commit)))
    }

    /// A change-id, with `:v2` behind it for a version, as b4 writes it.
    pub fn change(text: &str) -> Result<Self, String> {
        let (id, version) = match text.rsplit_once(":v") {
            Some((id, version)) => match version.parse() {
                Ok(version) => (id, Some(version)),
                Err(_) => return Err(format!("'{text}' is no change-id with a version: write ID:v2")),
            },
            None => (text, None),
        };
        if (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self::Change(id.to_owned(), version))
        } else {
            Err(format!("'{}' is no change-id", triage_report::safe::line(text)))
        }
    }

    /// The commit that the builds of a report say they are of, in `axes.commit`; none when they say nothing.
    ///
    /// # Errors
    ///
    /// When they are of several, or it cannot be read.
    pub fn of_report(report: &Report, repository: Option<&Path>) -> Result<Option<Self>, String> {
        let commits: BTreeSet<&String> = report.builds.iter().filter_map(|build| build.axes.get("commit")).collect();
        match commits.into_iter().collect::<Vec<_>>().as_slice() {
            [] => Ok(None),
            [only] => Self::commit(only, repository).map(Some).map_err(|error| error.to_string()),
            several => Err(format!("the report has builds of {} commits", several.len())),
        }
    }

    /// Message-IDs by which an archive can be asked for the thread.
    pub fn message_ids(&self) -> Vec<MessageId> {
        match self {
            Self::Message(id) => vec![id.clone()],
            Self::Commit(commit) => commit.links(),
            Self::Change(..) => Vec::new(),
        }
    }

    /// In words, for a person.
    pub fn words(&self) -> String {
        match self {
            Self::Message(id) => format!("mail {id}"),
            Self::Commit(commit) => {
                let id: String = commit.id.iter().flat_map(|id| id.chars()).take(12).collect();
                match triage_report::safe::line(&commit.title) {
                    title if title.is_empty() => format!("commit {id}"),
                    title => format!("commit {id} (\"{title}\")"),
                }
            }
            Self::Change(id, None) => format!("change-id {id}"),
            Self::Change(id, Some(version)) => format!("change-id {id} in version {version}"),
        }
    }
}
