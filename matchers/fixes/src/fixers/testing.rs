//! What the tests of the fixers share: small trees, and causes as a log gives them.

use triage_causes::report::{Cause, Report};
use triage_log::diagnostic::{Location, Note, Snippet};

use super::{Candidate, Context, Fixer};
use crate::edit;
use crate::tree::Tree;

/// A tree in a temporary folder, and the causes to try on it.
pub(crate) struct Bench {
    _folder: tempfile::TempDir,
    tree: Tree,
    kernel: bool,
}

/// A cause with a class, a message and its main symbol.
pub(crate) fn cause(class: &str, message: &str, symbols: &[&str]) -> Cause {
    let value = serde_json::json!({
        "rule": "test", "class": class, "kind": "code", "title": message, "message": message, "tool": "cc",
        "severity": "error", "symbols": symbols, "werror": false, "fingerprint": "0", "builds": [],
        "counts": {"findings": 1, "files": 1, "consequences": 0}, "places": [], "includes": [], "objects": [],
        "notes": [], "explanation": "", "fixes": [], "log": {"line": 1, "start": 0, "end": 0}, "references": [],
    });
    serde_json::from_value(value).unwrap()
}

/// The cause at a place.
pub(crate) fn at(mut cause: Cause, file: &str, line: u32, column: u32) -> Cause {
    cause.location = Some(Location::new(file, Some(line), Some(column)));
    cause
}

/// The cause with a note.
pub(crate) fn noted(mut cause: Cause, message: &str, file: &str, line: u32) -> Cause {
    let location = Some(Location::new(file, Some(line), Some(1)));
    cause.notes.push(Note { location, message: message.to_owned() });
    cause
}

/// The cause with the source line as the compiler printed it, a caret below.
pub(crate) fn printed(mut cause: Cause, text: &str, marks: &str) -> Cause {
    let line = cause.location.as_ref().and_then(|l| l.line);
    cause.snippet = Some(Snippet { line, text: text.to_owned(), marks: marks.to_owned() });
    cause
}

impl Bench {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let tree = Tree::open(folder.path()).unwrap();
        Self { _folder: folder, tree, kernel: false }
    }

    pub(crate) fn kernel(mut self) -> Self {
        self.kernel = true;
        self
    }

    /// The candidates, the best first.
    pub(crate) fn candidates(&self, fixer: &dyn Fixer, cause: &Cause) -> Vec<Candidate> {
        let empty = serde_json::json!({
            "version": 1, "causes": [], "warnings": [], "builds": [], "problems": [],
            "summary": {"causes": 0, "errors": 0, "warnings": 0, "lines": 0, "bytes": 0},
        });
        let all: Report = serde_json::from_value(empty).unwrap();
        let cx = Context { tree: &self.tree, cause, kernel: self.kernel, rule: None, all: &all };
        let mut made = if fixer.wants(&cx) { fixer.candidates(&cx) } else { Vec::new() };
        made.sort_by_key(|c| std::cmp::Reverse(c.rank));
        made
    }

    /// The lines that the best candidate takes away (`-`) and adds (`+`).
    pub(crate) fn best(&self, fixer: &dyn Fixer, cause: &Cause) -> String {
        self.changes(fixer, cause).into_iter().next().unwrap_or_default()
    }

    /// The same for all candidates.
    pub(crate) fn changes(&self, fixer: &dyn Fixer, cause: &Cause) -> Vec<String> {
        let made = self.candidates(fixer, cause);
        made.iter()
            .map(|candidate| {
                let diff = edit::diff(&self.tree, &candidate.edits).unwrap();
                let changed = |l: &&str| {
                    (l.starts_with('+') || l.starts_with('-')) && !l.starts_with("+++") && !l.starts_with("---")
                };
                diff.lines().filter(changed).map(|l| format!("{l}\n")).collect()
            })
            .collect()
    }
}
