//! What can go wrong for a user, said in one line, with a way out.

use std::io;
use std::path::PathBuf;

pub use triage_report::words::reason;
use triage_rules::RuleError;

/// Ends the program with status 2.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `--tree` is no folder that can be read.
    #[error("the source tree {}: {}", .0.display(), reason(.1))]
    Tree(PathBuf, io::Error),
    /// `triage fix` without a tree.
    #[error("there is nothing to fix without the source tree")]
    NoTree,
    /// `--build` is no folder that can be read.
    #[error("the build's folder {}: {}", .0.display(), reason(.1))]
    Build(PathBuf, io::Error),
    /// There is nothing to prove a patch with.
    #[error("{0}")]
    Unproved(String),
    /// Someone pressed Ctrl-C.
    #[error("stopped; nothing was changed")]
    Stopped,
    /// Files that `--apply` leaves alone.
    #[error("{}: not applied, there are changes that are not committed", .0.join(", "))]
    Dirty(Vec<String>),
    /// A file or folder of rules cannot be read.
    #[error("the rules {}: {}", .0.display(), reason(.1))]
    RulePath(PathBuf, io::Error),
    /// There is nothing in a folder of rules.
    #[error("the rules {}: no file there ends in .yaml", .0.display())]
    NoRules(PathBuf),
    /// Rule files with faults.
    #[error("{}", lines(.0))]
    Rules(Vec<RuleError>),
    /// A rule that is not in the book.
    #[error("there is no rule '{id}'")]
    UnknownRule {
        /// What was asked for.
        id: String,
        /// Ids that look alike.
        near: Vec<String>,
    },
    /// A folder name that is no tool.
    #[error("there is no tool '{0}'")]
    UnknownTool(String, String),
    /// A rule file that is there already.
    #[error("{}: the file is there already", .0.display())]
    RuleExists(PathBuf),
    /// A manifest of builds that is wrong: `file:line:column: what`.
    #[error("{0}")]
    Manifest(String),
    /// What cannot be compared with.
    #[error("the baseline {0}")]
    Baseline(String),
    /// git says no.
    #[error("git: {0}")]
    Git(String),
    /// Nothing can be bisected.
    #[error("{0}")]
    Bisect(String),
    /// A pattern of paths that is wrong.
    #[error("the pattern '{0}': {1}")]
    Pattern(String, String),
    /// A file that cannot be read.
    #[error("{}: {}", .0.display(), reason(.1))]
    Read(PathBuf, io::Error),
    /// A file that cannot be written.
    #[error("cannot write {}: {}", .0.display(), reason(.1))]
    Write(PathBuf, io::Error),
    /// Standard output cannot be written.
    #[error("cannot write the output: {}", reason(.0))]
    Output(#[from] io::Error),
}

impl Error {
    /// What to do about it.
    pub fn way_out(&self) -> Option<String> {
        Some(match self {
            Self::Tree(..) => "give the top folder of the sources that were built".into(),
            Self::NoTree => "name it with --tree DIR".into(),
            Self::Build(..) => "give the folder that the build writes to".into(),
            Self::Unproved(_) => "without --verify the patches are shown as they are".into(),
            Self::Dirty(_) => "commit or stash them, or give --force; --patch prints the patch".into(),
            Self::RulePath(..) | Self::NoRules(_) => "give a folder with files like cc/some-problem.yaml".into(),
            Self::Rules(_) => "`triage rules schema` says what a rule may have, `triage rules check` tries it".into(),
            Self::UnknownRule { near, .. } if near.is_empty() => "`triage rules list` lists them".into(),
            Self::UnknownRule { near, .. } => {
                format!("did you mean {}? `triage rules list` lists them", near.join(", "))
            }
            Self::UnknownTool(_, known) => format!("known are {known}"),
            Self::RuleExists(_) => "give it another id, or edit the file".into(),
            Self::Manifest(_) => "`triage schema matrix` says what a manifest may have".into(),
            Self::Baseline(_) => "give a folder of logs, a manifest, or what --format json wrote".into(),
            Self::Git(_) => "--tree must be a git tree that has both ends of the range".into(),
            Self::Pattern(..) => "write axes in braces, as in {arch}/{config}/{toolchain}.log".into(),
            _ => return None,
        })
    }

    /// True when the reader of the output went away, as `head` does.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// One fault a line; `triage: ` stands before the first.
fn lines(faults: &[RuleError]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\ntriage: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_words() {
        assert_eq!(reason(&io::Error::from_raw_os_error(2)), "no such file or directory");
        assert_eq!(reason(&io::Error::other("XML is no log")), "XML is no log");
    }
}
