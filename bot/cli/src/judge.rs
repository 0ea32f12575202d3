//! What is needed to judge: the rule book with its extensions, and the tree.

use triage_causes::{Options, Report};
use triage_rules::RuleBook;

use crate::args::JudgeArgs;
use crate::error::Error;
use crate::rule_files;
use crate::suggest;
use crate::tree::Tree;

/// Loads what the options name.
pub fn load(args: &JudgeArgs) -> Result<(RuleBook, Option<Tree>), Error> {
    let tree = args.tree.as_ref().map(|path| Tree::open(path).map_err(|error| Error::Tree(path.clone(), error)));
    Ok((rule_files::book(&args.rules)?, tree.transpose()?))
}

/// The analyzer's options.
pub fn options(args: &JudgeArgs) -> Options {
    Options { warnings: args.warnings }
}

/// The report with places in the tree, when there is one.
pub fn relocated(mut report: Report, tree: Option<&Tree>) -> Report {
    if let Some(tree) = tree {
        tree.relocate(&mut report);
    }
    report
}

/// The same with the fixes that can be made in the tree, none of them tried.
pub fn suggested(report: Report, tree: Option<&Tree>, book: &RuleBook) -> Report {
    let mut report = relocated(report, tree);
    if let Some(tree) = tree {
        let candidates = suggest::all(&report, tree.files(), book);
        suggest::tell(&mut report, &candidates, None, tree.files());
    }
    report
}
