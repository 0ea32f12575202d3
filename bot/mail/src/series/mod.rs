//! Patch series, put together from single mails as `b4` sees them.
//!
//! [`Shelf`] takes mails in any order, also twice, and holds the series that they make: cover letter, patches by number,
//! versions of one change. [`Patch`] and [`PullRequest`] are mails that were understood, [`Subject`] and [`diff`] their parts.
//! Which patch a build result is about is answered by [`Shelf::find`], and which patch a line of a file is from by
//! [`Series::origin`].

pub mod diff;
mod find;
mod patch;
mod shelf;
mod subject;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::message::{Mailbox, Message, MessageId};

pub use find::{Commit, CommitError, Found, How, Name, NotFound};
pub use patch::{Base, Patch, PullRequest, Trailer};
pub use shelf::{Added, SeriesKey, Shelf};
pub use subject::Subject;

/// One version of a change: a cover letter and its patches, or a single patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// The version, 1 when none is said.
    pub version: u32,
    /// Patches that it should have.
    pub total: u32,
    /// `RFC`.
    pub rfc: bool,
    /// `RESEND`.
    pub resend: bool,
    /// What else the brackets say: mostly the tree.
    pub tags: Vec<String>,
    /// Who sent it. A relay is the same for all of a series, and the author of a patch may be another.
    pub sender: Option<Mailbox>,
    /// The cover letter.
    pub cover: Option<Cover>,
    /// The patches by number, from 1.
    pub patches: BTreeMap<u32, Patch>,
}

/// `0/m`: a cover letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// The mail.
    pub mail: Message,
    /// Its Message-ID.
    pub id: MessageId,
    /// Its subject.
    pub subject: Subject,
    /// What the series builds on.
    pub base: Base,
}

/// Which patch of a series a line is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Number of the patch.
    pub number: u32,
    /// It wrote the line itself. Otherwise it is the last that touched the file.
    pub wrote: bool,
}

impl Series {
    /// Whether all patches are there. The cover letter is not needed: many series have none.
    pub fn is_complete(&self) -> bool {
        self.patches.len() == self.total as usize
    }

    /// Numbers of the patches that are not there.
    pub fn missing(&self) -> Vec<u32> {
        (1..=self.total).filter(|number| !self.patches.contains_key(number)).collect()
    }

    /// What it is called: the title of the cover letter, else of the first patch.
    pub fn title(&self) -> &str {
        let cover = self.cover.as_ref().map(|cover| &cover.subject);
        cover.or_else(|| self.patches.values().next().map(|patch| &patch.subject)).map_or("", |subject| &subject.title)
    }

    /// What it builds on, taken from the cover letter and the patches; the cover letter goes first.
    pub fn base(&self) -> Base {
        let mut all = Base::default();
        let parts = self.cover.iter().map(|cover| &cover.base).chain(self.patches.values().map(|patch| &patch.base));
        for base in parts {
            all.commit = all.commit.or_else(|| base.commit.clone());
            all.change_id = all.change_id.or_else(|| base.change_id.clone());
            if all.prerequisites.is_empty() {
                all.prerequisites.clone_from(&base.prerequisites);
            }
            if all.prerequisite_messages.is_empty() {
                all.prerequisite_messages.clone_from(&base.prerequisite_messages);
            }
            if all.prerequisite_changes.is_empty() {
                all.prerequisite_changes.clone_from(&base.prerequisite_changes);
            }
        }
        all
    }

    /// `change-id:` of b4, the same in all versions.
    pub fn change_id(&self) -> Option<String> {
        self.base().change_id
    }

    /// The Message-ID that names this version, also when its mail did not arrive: of the cover letter, which all patches
    /// answer, else of the first patch. It no longer changes once the series is complete.
    pub fn root(&self) -> Option<&MessageId> {
        if let Some(cover) = &self.cover {
            return Some(&cover.id);
        }
        let first = self.patches.values().next()?;
        let others = || self.patches.values().skip(1);
        let known = |id: &MessageId| self.patches.values().any(|patch| patch.id == *id);
        let parent = first.mail.parent().filter(|parent| !known(parent));
        let is_cover = |parent: &MessageId| others().any(|other| other.mail.parent() == Some(parent));
        match parent {
            Some(parent) if is_cover(parent) || self.patches.keys().next() != Some(&1) => Some(parent),
            _ => Some(&first.id),
        }
    }

    /// The cover letter (0) or a patch (1 and up) as a mail.
    pub fn mail(&self, number: u32) -> Option<&Message> {
        match number {
            0 => self.cover.as_ref().map(|cover| &cover.mail),
            _ => self.patches.get(&number).map(|patch| &patch.mail),
        }
    }

    /// All its mails, the cover letter first.
    pub fn mails(&self) -> impl Iterator<Item = &Message> {
        self.cover.iter().map(|cover| &cover.mail).chain(self.patches.values().map(|patch| &patch.mail))
    }

    /// Numbers of the patches that change a file, by any of its names, in order.
    pub fn touching(&self, path: &str) -> Vec<u32> {
        self.patches.iter().filter(|(_, patch)| patch.file(path).is_some()).map(|(number, _)| *number).collect()
    }

    /// Which patch a line of a file is from, in the tree with the patches up to `last` applied: the one that wrote the line,
    /// followed back through those behind it; else the last of them that touched the file. None when no patch did.
    pub fn origin(&self, path: &str, line: Option<u32>, last: u32) -> Option<Origin> {
        let (mut path, mut line, mut touched) = (path, line, None);
        for (number, patch) in self.patches.range(..=last).rev() {
            let Some(file) = patch.files.iter().find(|file| file.path == path) else { continue };
            touched = touched.or(Some(Origin { number: *number, wrote: false }));
            match line.map(|line| file.before(line)) {
                Some(diff::Before::New) => return Some(Origin { number: *number, wrote: true }),
                Some(diff::Before::Line(before)) => line = Some(before),
                None => {}
            }
            path = file.old_path.as_deref().unwrap_or(path);
        }
        touched
    }
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
