//! The lines of a merge request's diff, on which remarks can stand.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{Gitlab, Project};
use crate::http;
use crate::hunks::{self, Line};
use crate::webhook::notice::Sha;

/// The newest version of a merge request's diff.
#[derive(Debug)]
pub(super) struct Diff {
    pub base: Sha,
    pub start: Sha,
    pub head: Sha,
    /// By the new path.
    pub files: HashMap<String, File>,
}

/// A file of a diff.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct File {
    pub old_path: String,
    /// What the new file has, by its line: added lines and those around them.
    pub lines: BTreeMap<u32, Line>,
}

#[derive(Deserialize)]
struct Version {
    id: u64,
    base_commit_sha: Option<Sha>,
    start_commit_sha: Option<Sha>,
    head_commit_sha: Option<Sha>,
    #[serde(default)]
    diffs: Vec<RawFile>,
}

#[derive(Deserialize)]
struct RawFile {
    old_path: String,
    new_path: String,
    /// Empty for files that are binary, too large, or folded.
    #[serde(default)]
    diff: String,
}

impl Gitlab {
    /// The newest diff of a merge request; none when GitLab has not made the one of this head, or it is too large.
    pub(super) async fn diff(&self, project: &Project, iid: u64, head: &Sha) -> Result<Option<Diff>, http::Error> {
        let (project, iid) = (project.to_string(), iid.to_string());
        let path = ["projects", &project, "merge_requests", &iid, "versions"];
        let versions: Vec<Version> = self.send(self.get(&path, &[])).await?.json()?;
        let Some(newest) = versions.into_iter().max_by_key(|version| version.id) else { return Ok(None) };
        let (Some(base), Some(start), Some(newest_head)) =
            (newest.base_commit_sha, newest.start_commit_sha, newest.head_commit_sha)
        else {
            return Ok(None);
        };
        if newest_head != *head {
            return Ok(None);
        }
        let id = newest.id.to_string();
        let path = ["projects", &project, "merge_requests", &iid, "versions", &id];
        let version: Version = match self.send(self.get(&path, &[])).await {
            Ok(reply) => reply.json()?,
            Err(error) if matches!(error.kind, http::Kind::TooLarge { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let file = |raw: RawFile| (raw.new_path, File { old_path: raw.old_path, lines: hunks::lines(&raw.diff) });
        let files = version.diffs.into_iter().map(file).collect();
        Ok(Some(Diff { base, start, head: newest_head, files }))
    }
}
