//! States of a tree, each built once in the scratch copy, and what they say of the causes that are
//! looked for.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use triage_causes::report::Cause;
use triage_fixes::verify::judge::{self, Run};
use triage_fixes::verify::{Bench, Scratch, Trouble};
use triage_report::summary;

use super::history::History;
use crate::error::Error;
use crate::state_line::StateLine;

/// Files that are written must be newer than what was built before, for make to see it.
const TICK: Duration = Duration::from_millis(20);

/// What a state of the tree says about a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Good,
    Bad,
    /// With the reason.
    Skipped(String),
}

/// Why it goes no further.
pub enum Stop {
    /// The time is up.
    Late,
    /// Something does not work, or someone asked to stop.
    Fault(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Fault(told(trouble))
    }
}

/// Builds states of the tree, each once.
pub struct Builder<'b> {
    pub history: &'b History,
    pub bench: Bench<'b>,
    pub scratch: Scratch<'b>,
    pub stop: &'b AtomicBool,
    pub line: StateLine,
    /// Where objects may be: the build's folder, the tree.
    pub folders: Vec<PathBuf>,
    pub limit: Duration,
    pub budget: Duration,
    pub start: Instant,
    /// The causes as these commands show them, where they do.
    pub local: Vec<Option<Cause>>,
    /// For each cause the objects that it keeps from being made, each with the places where it may be.
    pub objects: Vec<Vec<Vec<PathBuf>>>,
    /// The tree that the scratch copy has.
    pub at: Option<String>,
    /// The one that it goes back to.
    pub kept: Option<String>,
    /// By tree: what it says of each cause, and how long the commands took.
    pub known: HashMap<String, (Vec<State>, u64)>,
    pub submodules: BTreeSet<String>,
}

impl Builder<'_> {
    /// Builds the end of the range, which shows what is looked for.
    pub fn end(&mut self, tip: &str, causes: &[&Cause]) -> Result<(), Error> {
        let tree = self.history.tree_of(tip)?;
        self.line.say(&format!("building {}", self.history.short(tip)));
        let fault = |stop| match stop {
            Stop::Fault(error) => error,
            Stop::Late => Error::Bisect("the time was up before anything was built; --budget gives more".to_owned()),
        };
        self.go_to(&tree).map_err(fault)?;
        let mut run = self.bench.run(&mut self.scratch, self.limit).map_err(told)?;
        // Objects of another time may keep make from seeing that something is to be done.
        if run.passed {
            let units = causes.iter().flat_map(|cause| sources(cause)).map(|file| Path::new(file).with_extension("o"));
            let stale = units.flat_map(|object| self.places(None, &object.to_string_lossy()));
            let stale: Vec<PathBuf> = stale.chain(self.bench.plan.objects.iter().cloned()).collect();
            let stale: Vec<PathBuf> = stale.into_iter().filter(|path| is_object(path)).collect();
            self.scratch.remove(&stale).map_err(told)?;
            run = self.bench.run(&mut self.scratch, self.limit).map_err(told)?;
        }
        let name = self.history.short(tip);
        self.local = causes.iter().map(|cause| judge::counterpart(&run.report, cause).cloned()).collect();
        if self.local.iter().all(Option::is_none) {
            let says = match (run.passed, run.late) {
                (_, true) => format!("took longer than {} s", self.limit.as_secs()),
                (true, _) => "do not fail".to_owned(),
                _ => format!("fail for another reason ({})", other(&run)),
            };
            self.line.clear();
            return Err(Error::Bisect(format!("at {name}, the end of the range, the commands {says}")));
        }
        self.objects = self.local.iter().map(|cause| self.objects_of(cause.as_ref(), &run)).collect();
        let states = self.states(&run, &[]);
        self.known.insert(tree.clone(), (states, run.took));
        self.scratch.keep().map_err(told)?;
        self.kept = Some(tree);
        Ok(())
    }

    /// What a tree says of a cause; builds it when that is not known. Also the time it took.
    pub fn state(&mut self, tree: &str, cause: usize) -> Result<(State, u64), Stop> {
        if let Some((states, _)) = self.known.get(tree) {
            return Ok((states[cause].clone(), 0));
        }
        let left = self.budget.saturating_sub(self.start.elapsed());
        if left.is_zero() {
            return Err(Stop::Late);
        }
        self.go_to(tree)?;
        let objects: Vec<PathBuf> = self.objects.iter().flatten().flatten().cloned().collect();
        self.scratch.remove(&objects)?;
        let run = self.bench.run(&mut self.scratch, self.limit.min(left))?;
        if run.late {
            // What was killed may have left half a file.
            self.scratch.reset()?;
            self.at = self.kept.clone();
            if left < self.limit {
                return Err(Stop::Late);
            }
        }
        let found = if run.late { Vec::new() } else { self.scratch.look(&objects)? };
        let there: Vec<PathBuf> =
            objects.into_iter().zip(found).filter_map(|(path, found)| found.map(|_| path)).collect();
        let states = self.states(&run, &there);
        let state = states[cause].clone();
        let took = run.took;
        self.known.insert(tree.to_owned(), (states, took));
        Ok((state, took))
    }

    /// What a run says of each cause. Of the objects in `there`, which had been taken away before, it
    /// is known that they were made.
    fn states(&self, run: &Run, there: &[PathBuf]) -> Vec<State> {
        let state = |(number, local): (usize, &Option<Cause>)| {
            let Some(local) = local else { return State::Skipped("the commands do not show it".to_owned()) };
            let objects = self.objects.get(number).map_or(&[][..], Vec::as_slice);
            let made = |places: &Vec<PathBuf>| places.iter().any(|path| there.contains(path));
            let made = !objects.is_empty() && objects.iter().all(made);
            if run.late {
                State::Skipped(format!("a command took longer than {} s", self.limit.as_secs()))
            } else if run.report.causes.iter().any(|cause| cause.fingerprint == local.fingerprint) {
                State::Bad
            } else if (run.passed && run.report.causes.is_empty()) || made {
                State::Good
            } else {
                State::Skipped(format!("it fails for another reason: {}", other(run)))
            }
        };
        self.local.iter().enumerate().map(state).collect()
    }

    /// Makes the scratch copy's tree another one.
    fn go_to(&mut self, tree: &str) -> Result<(), Stop> {
        if self.at.as_deref() == Some(tree) {
            return Ok(());
        }
        let changes = self.history.changes(self.at.as_deref(), tree)?;
        thread::sleep(TICK);
        for change in &changes.files {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Stop::Fault(Error::Stopped));
            }
            self.scratch.put(&change.file, change.form, &change.bytes)?;
        }
        self.submodules.extend(changes.submodules);
        self.at = Some(tree.to_owned());
        Ok(())
    }

    /// The objects of the files that a cause broke.
    fn objects_of(&self, cause: Option<&Cause>, run: &Run) -> Vec<Vec<PathBuf>> {
        let Some(cause) = cause else { return Vec::new() };
        let stems: BTreeSet<String> = sources(cause).filter_map(|file| stem(Path::new(file))).collect();
        let mine = |path: &Path| is_object(path) && stem(path).is_some_and(|stem| stems.contains(&stem));
        let planned = self.bench.plan.objects.iter().filter(|path| mine(path)).map(|path| vec![path.clone()]);
        let failed = run.targets.iter().filter(|(_, name)| mine(Path::new(name)));
        let failed = failed.map(|(directory, name)| self.places(directory.as_deref(), name));
        let all: BTreeSet<Vec<PathBuf>> = planned.chain(failed).filter(|places| !places.is_empty()).collect();
        all.into_iter().collect()
    }

    /// Where something that is built may be: in its own folder, a command's, the build's, the tree.
    fn places(&self, directory: Option<&str>, name: &str) -> Vec<PathBuf> {
        let commands = self.bench.plan.commands.iter().map(|(_, folder)| folder);
        let known: Vec<&PathBuf> = commands.chain(&self.folders).collect();
        let own = directory.map(PathBuf::from).into_iter();
        let all = own.chain(known.iter().map(|&folder| folder.clone())).map(|folder| folder.join(name));
        let inside = |path: &PathBuf| {
            let plain = !path.components().any(|part| part == std::path::Component::ParentDir);
            plain && known.iter().any(|top| path.starts_with(top))
        };
        all.filter(inside).collect()
    }
}

/// The files that a cause is about.
fn sources(cause: &Cause) -> impl Iterator<Item = &String> {
    cause.units.iter().chain(cause.location.iter().map(|at| &at.file)).chain(&cause.objects)
}

/// Why a run failed when it was not the cause.
fn other(run: &Run) -> String {
    match run.report.causes.first() {
        Some(cause) => {
            let place = cause.location.as_ref().map(|at| format!("{}: ", summary::place(at))).unwrap_or_default();
            format!("{place}{}", cause.title)
        }
        None if run.passed => "the commands pass".to_owned(),
        None => "the commands fail without a message that is known".to_owned(),
    }
}

fn is_object(path: &Path) -> bool {
    path.extension().is_some_and(|end| ["o", "lo", "obj"].iter().any(|known| end == *known))
}

/// A file's name without its ending: `tank` for `fs/tank.c`, `tank.o` and CMake's `tank.c.o`.
fn stem(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let end = name.find('.').filter(|&at| at > 0).unwrap_or(name.len());
    Some(name[..end].to_owned())
}

/// Trouble with the scratch copy, for a person.
pub fn told(trouble: Trouble) -> Error {
    match trouble {
        Trouble::Stopped => Error::Stopped,
        Trouble::Failed(words) => Error::Bisect(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_endings() {
        let of = |path: &str| stem(Path::new(path)).unwrap_or_default();
        assert_eq!([of("fs/tank.c"), of("CMakeFiles/x.dir/tank.c.o"), of(".tank")], ["tank", "tank", ".tank"]);
        assert!(is_object(Path::new("a/tank.c.o")) && !is_object(Path::new("tank.c")) && !is_object(Path::new("all")));
    }
}
