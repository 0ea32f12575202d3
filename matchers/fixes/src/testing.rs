//! For tests: a small tree, a log of its build, and what a fixer makes of both.

use std::fs;

use triage_causes::{Analyzer, Options};
use triage_rules::RuleBook;

use crate::edit;
use crate::fixers::{Candidate, Context, Fixer};
use crate::tree::Tree;

/// The candidates of one fixer for the first cause of a log, the best first, with the files that
/// each changes as they are afterwards.
pub(crate) fn fixed(fixer: &dyn Fixer, files: &[(&str, &str)], log: &str) -> Vec<(Candidate, Vec<(String, String)>)> {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let tree = Tree::open(folder.path()).expect("a tree");
    let book = RuleBook::embedded();
    let mut analyzer = Analyzer::new(&book, Options::default());
    analyzer.begin("log");
    let summary = triage_log::scan::read_log(&mut log.as_bytes(), &mut |d| analyzer.diagnostic(d)).expect("a log");
    analyzer.end(&summary);
    let report = analyzer.finish();
    let cause = report.causes.first().expect("a cause");
    let rule = book.get(&cause.rule).and_then(|rule| rule.prose().fixer.as_ref());
    let cx = Context { tree: &tree, cause, kernel: tree.is_kernel(), rule, all: &report };
    assert!(fixer.wants(&cx), "{} does not want {}", fixer.name(), cause.class);
    let mut candidates = fixer.candidates(&cx);
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.rank));
    candidates
        .into_iter()
        .map(|candidate| {
            let changed = edit::changed(&tree, &candidate.edits).expect("edits that fit");
            let text = |bytes| String::from_utf8(bytes).expect("text");
            let changed = changed.into_iter().map(|(file, bytes)| (file, text(bytes))).collect();
            (candidate, changed)
        })
        .collect()
}

/// The files that the best candidate changes.
pub(crate) fn best(fixer: &dyn Fixer, files: &[(&str, &str)], log: &str) -> Vec<(String, String)> {
    fixed(fixer, files, log).into_iter().next().map(|(_, changed)| changed).unwrap_or_default()
}

/// What makes a tree look like the kernel's.
pub(crate) const KERNEL: [(&str, &str); 4] =
    [("Kbuild", ""), ("Kconfig", ""), ("include/linux/kernel.h", ""), ("scripts/Kbuild.include", "")];

/// A small kernel tree with these files.
pub(crate) fn kernel<'f>(files: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    KERNEL.iter().chain(files).copied().collect()
}
