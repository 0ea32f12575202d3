//! The source tree that a log is about, as the report uses it: places relative to its top, source
//! lines for snippets, and paths for links.

use std::io;
use std::path::{Path, PathBuf};

use triage_causes::report::{Cause, Report};
use triage_log::diagnostic::Location;
use triage_report::Source;

/// A source tree.
#[derive(Debug)]
pub struct Tree(triage_fixes::Tree);

impl Tree {
    /// The tree below a folder.
    ///
    /// # Errors
    /// When it is no folder that can be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        triage_fixes::Tree::open(folder).map(Self)
    }

    /// The tree as the fixers see it.
    pub fn files(&self) -> &triage_fixes::Tree {
        &self.0
    }

    /// Gives all places of a report relative to the tree, where its files are known there.
    pub fn relocate(&self, report: &mut Report) {
        for cause in report.causes.iter_mut().chain(&mut report.warnings) {
            self.relocate_cause(cause);
        }
    }

    fn relocate_cause(&self, cause: &mut Cause) {
        let notes = cause.notes.iter_mut().filter_map(|note| note.location.as_mut());
        let own = cause.location.iter_mut().chain(&mut cause.places).chain(&mut cause.includes);
        own.chain(notes).for_each(|location: &mut Location| self.rename(&mut location.file));
        cause.fixes.iter_mut().filter_map(|fix| fix.file.as_mut()).for_each(|file| self.rename(file));
        if let Some(location) = &cause.location {
            let place = location.clone();
            cause.places.retain(|other| *other != place);
        }
        let mut seen = std::collections::HashSet::new();
        cause.places.retain(|place| seen.insert(place.clone()));
    }

    fn rename(&self, file: &mut String) {
        if let Some(found) = self.0.find(file) {
            *file = found;
        }
    }
}

impl Source for Tree {
    fn line_window(&self, file: &str, line: u32, around: u32) -> Option<(u32, String)> {
        let source = self.0.read(&self.0.find(file)?)?;
        let last = line.checked_add(around)?.min(source.line_count());
        let first = line.saturating_sub(around).max(1);
        // The line itself must be there; what follows it may be missing at the end of the file.
        let there = (1..=source.line_count()).contains(&line);
        there.then(|| (first, (first..=last).filter_map(|n| source.line_text(n)).collect::<Vec<_>>().join("\n")))
    }

    fn path(&self, file: &str) -> Option<PathBuf> {
        Some(self.0.root().join(self.0.find(file)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_lines() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("main.c"), "one\ntwo\nthree\n").unwrap();
        let tree = Tree::open(folder.path()).unwrap();
        assert_eq!(tree.line_window("/x/main.c", 2, 0), Some((2, "two".into())));
        assert_eq!(tree.line_window("main.c", 1, 1), Some((1, "one\ntwo".into())));
        assert_eq!(tree.line_window("main.c", 3, 9), Some((1, "one\ntwo\nthree".into())));
        assert_eq!(tree.line_window("main.c", 4, 1), None);
        assert_eq!(tree.line_window("main.c", 0, 0), None);
        assert_eq!(tree.line_window("main.c", u32::MAX, u32::MAX), None);
    }
}
