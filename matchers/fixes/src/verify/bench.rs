//! One run of all commands in the scratch copy, and what they say.

use std::path::PathBuf;
use std::time::Duration;

use triage_rules::RuleBook;

use super::commands::Plan;
use super::judge::{self, Run};
use super::protocol::Job;
use super::scratch::{Scratch, Trouble};
use crate::tree::Tree;

/// How commands are run and read.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'b> {
    /// To find the tree's names of files.
    pub tree: &'b Tree,
    /// To read the messages.
    pub book: &'b RuleBook,
    /// What is run.
    pub plan: &'b Plan,
    /// How many independent commands run at the same time; for make when it was asked for.
    pub jobs: Option<usize>,
}

impl Bench<'_> {
    /// Runs all commands, each for `limit` at most.
    ///
    /// # Errors
    /// When the copy is lost or full, or someone asked to stop.
    pub fn run(&self, scratch: &mut Scratch<'_>, limit: Duration) -> Result<Run, Trouble> {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let job = |(command, directory): &(String, PathBuf)| Job {
            command: command.clone(),
            directory: directory.clone(),
            limit,
        };
        // One error must not keep make from showing the others.
        let flags = self.jobs.map_or("-k".to_owned(), |jobs| format!("-k -j{jobs}"));
        let parallel = if self.plan.independent { self.jobs.unwrap_or_else(cores) } else { 1 };
        let set = [("MAKEFLAGS".to_owned(), flags)];
        let ends = scratch.run(self.plan.commands.iter().map(job).collect(), parallel, &set)?;
        let run = judge::read(self.book, &ends, &|file| self.tree.find(file))?;
        if run.report.causes.iter().any(|cause| cause.class == "disk-full") {
            let words = "the scratch copy has no space left; --scratch DIR puts it elsewhere";
            return Err(Trouble::Failed(words.to_owned()));
        }
        Ok(run)
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
