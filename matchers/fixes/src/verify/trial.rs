//! Tries the candidates of each cause in the scratch copy, the best first, until one repairs it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use triage_causes::Report;
use triage_causes::report::Cause;
use triage_rules::RuleBook;

use super::bench;
use super::cheats::cheat;
use super::commands::Plan;
use super::judge::{self, Change, Run, Target, Verdict};
use super::objects::{self, Symbols};
use super::scratch::{Place, Scratch, Trouble};
use crate::code::is_keyword;
use crate::edit::Edit;
use crate::fixers::Candidate;
use crate::tree::Tree;

/// How to try.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The scratch copy.
    pub place: Place,
    /// What is run.
    pub plan: Plan,
    /// The folder of the build, when it is known.
    pub build: Option<PathBuf>,
    /// Targets that the log says could not be built. Where an old one is there, make may see nothing
    /// to do.
    pub broken: BTreeSet<Target>,
    /// How many independent commands run at the same time; for make when it was asked for.
    pub jobs: Option<usize>,
    /// How long a command may take.
    pub limit: Duration,
    /// How long everything may take.
    pub budget: Duration,
    /// How many candidates of a cause are tried.
    pub tries: usize,
}

/// What happens, for a person who waits.
#[derive(Debug, Clone, Copy)]
pub enum Step<'s> {
    /// The scratch copy is there; what there is to say about it.
    Ready(&'s [String]),
    /// The commands run without any change.
    Unchanged,
    /// A candidate is tried.
    Trying {
        /// Number of the cause, from 0.
        cause: usize,
        /// Number of the candidate, from 0.
        candidate: usize,
        /// What it does.
        title: &'s str,
    },
    /// It was tried.
    Judged(&'s Verdict),
}

/// What came out for a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The commands do not show it here.
    Absent,
    /// It went with the fix of another cause (its number).
    Gone(usize),
    /// A candidate repairs it.
    Verified {
        /// Its number.
        candidate: usize,
        /// Of the files that could not be built, how many are there now.
        objects: (usize, usize),
    },
    /// None does; what was said about those that were tried.
    Unverified,
}

/// What came out for all.
#[derive(Debug, Default)]
pub struct Trial {
    /// One for each cause.
    pub outcomes: Vec<Outcome>,
    /// What is to be said about candidates: cause, candidate, verdict.
    pub verdicts: BTreeMap<(usize, usize), Verdict>,
    /// The edits of all verified candidates.
    pub edits: Vec<Edit>,
    /// The commands fail without a change, as they should.
    pub fails: bool,
    /// Milliseconds that the commands took.
    pub commands_took: u64,
    /// Runs of all commands.
    pub runs: usize,
    /// The time was up before all was tried.
    pub out_of_time: bool,
}

/// Tries candidates: one list for each cause of the report.
///
/// # Errors
/// When there can be no scratch copy, it is lost, or someone asked to stop.
pub fn run(
    tree: &Tree,
    book: &RuleBook,
    report: &Report,
    candidates: &[Vec<Candidate>],
    settings: &Settings,
    stop: &AtomicBool,
    watch: &mut dyn FnMut(Step<'_>),
) -> Result<Trial, Trouble> {
    let scratch = Scratch::new(&settings.place, stop)?;
    watch(Step::Ready(scratch.notes()));
    let mut bench = Bench { tree, book, settings, scratch, start: Instant::now(), trial: Trial::default() };
    watch(Step::Unchanged);
    let mut before = bench.run()?;
    if before.passed && bench.remove_stale()? {
        before = bench.run()?;
    }
    bench.trial.fails = !before.passed;
    bench.scratch.keep()?;
    let known: Vec<&str> = report.causes.iter().map(|cause| cause.fingerprint.as_str()).collect();
    let mut last_fixed = None;
    for (number, cause) in report.causes.iter().enumerate() {
        let Some(here) = judge::counterpart(&before.report, cause).cloned() else {
            bench.trial.outcomes.push(last_fixed.map_or(Outcome::Absent, Outcome::Gone));
            continue;
        };
        let mut outcome = Outcome::Unverified;
        let list = candidates.get(number).map_or(&[][..], Vec::as_slice);
        let mut tried = 0;
        for (at, candidate) in list.iter().enumerate().filter(|(_, candidate)| !candidate.edits.is_empty()) {
            if tried == settings.tries {
                break;
            }
            if bench.start.elapsed() >= settings.budget {
                bench.trial.out_of_time = true;
                break;
            }
            watch(Step::Trying { cause: number, candidate: at, title: &candidate.title });
            let (verdict, after, objects) = bench.try_one(&before, &here, candidate, &known)?;
            watch(Step::Judged(&verdict));
            tried += usize::from(after.is_some());
            let good = verdict == Verdict::Good;
            bench.trial.verdicts.insert((number, at), verdict);
            if let (true, Some(after)) = (good, after) {
                bench.scratch.keep()?;
                bench.trial.edits.extend(candidate.edits.iter().cloned());
                outcome = Outcome::Verified { candidate: at, objects };
                last_fixed = Some(number);
                before = after;
                break;
            }
        }
        bench.trial.outcomes.push(outcome);
    }
    Ok(bench.trial)
}

/// What is said of a candidate, the run with it if there was one, and of the files that could not be
/// built how many are there.
type Tried = (Verdict, Option<Run>, (usize, usize));

struct Bench<'b> {
    tree: &'b Tree,
    book: &'b RuleBook,
    settings: &'b Settings,
    scratch: Scratch<'b>,
    start: Instant,
    trial: Trial,
}

impl Bench<'_> {
    /// Runs all commands.
    fn run(&mut self) -> Result<Run, Trouble> {
        let left = self.settings.budget.saturating_sub(self.start.elapsed()).max(Duration::from_secs(1));
        let Settings { plan, jobs, limit, .. } = self.settings;
        let bench = bench::Bench { tree: self.tree, book: self.book, plan, jobs: *jobs };
        let run = bench.run(&mut self.scratch, left.min(*limit))?;
        self.trial.commands_took += run.took;
        self.trial.runs += 1;
        Ok(run)
    }

    /// Takes away what the log says could not be built; false when none of it is there.
    fn remove_stale(&mut self) -> Result<bool, Trouble> {
        let tops: Vec<&Path> = self.settings.build.as_deref().into_iter().chain([self.tree.root()]).collect();
        let places = self.settings.broken.iter().flat_map(|target| self.places(target));
        let inside = |path: &PathBuf| {
            let plain = !path.components().any(|part| part == std::path::Component::ParentDir);
            plain && tops.iter().any(|top| path.starts_with(top)) && path.is_file()
        };
        // A source cannot be built again.
        let made = |path: &PathBuf| is_object(path) || path.extension().is_none();
        let files: Vec<PathBuf> = places.filter(inside).filter(made).collect();
        if !files.is_empty() {
            self.scratch.remove(&files)?;
        }
        Ok(!files.is_empty())
    }

    /// Where a target may be.
    fn places(&self, (directory, name): &Target) -> Vec<PathBuf> {
        let own = directory.as_deref().map(Path::new).into_iter();
        let folders = self.settings.plan.commands.iter().map(|(_, folder)| folder.as_path());
        let tops = own.chain(self.settings.build.as_deref()).chain(folders).chain([self.tree.root()]);
        tops.filter(|top| top.is_absolute()).map(|top| top.join(name)).collect()
    }

    /// Tries one candidate; the run after it is given when there was one. Unless the verdict is
    /// good, the copy is as before.
    fn try_one(
        &mut self,
        before: &Run,
        cause: &Cause,
        candidate: &Candidate,
        known: &[&str],
    ) -> Result<Tried, Trouble> {
        let refused = |why: String| Ok((Verdict::Bad(why), None, (0, 0)));
        let diff = match crate::edit::diff(self.tree, &candidate.edits) {
            Ok(diff) => diff,
            Err(error) => return refused(error.to_string()),
        };
        if let Some(why) = cheat(&diff, candidate.kind, cause) {
            return refused(why);
        }
        let mut all = self.trial.edits.clone();
        all.extend(candidate.edits.iter().cloned());
        let files = match crate::edit::changed(self.tree, &all) {
            Ok(files) => files,
            Err(error) => return refused(error.to_string()),
        };
        for (file, text) in &files {
            if candidate.edits.iter().any(|edit| edit.file == *file) {
                self.scratch.write(file, text)?;
            }
        }
        let after = self.run()?;
        let change = change(self.tree, &candidate.edits, cause);
        let mut verdict = judge::compare(before, &after, cause, &change, known);
        let mut objects = (0, 0);
        if verdict != Verdict::Good {
            self.scratch.reset()?;
            return Ok((verdict, Some(after), objects));
        }
        let wanted = self.made(before);
        let paths: Vec<PathBuf> = wanted.iter().flatten().cloned().collect();
        let mut found: BTreeMap<PathBuf, Symbols> = BTreeMap::new();
        for (path, symbols) in paths.iter().zip(self.scratch.look(&paths)?) {
            found.extend(symbols.map(|symbols| (path.clone(), symbols)));
        }
        for choices in &wanted {
            let there = choices.iter().find_map(|path| Some((path, found.get(path)?)));
            // A folder or a goal without a file is no loss, an object is.
            objects.1 += usize::from(there.is_some() || choices.iter().any(|path| is_object(path)));
            let Some((path, symbols)) = there else { continue };
            objects.0 += 1;
            let Some(old) = objects::symbols(path) else { continue };
            let text = self.source_of(path);
            let excused = |name: &str| text.as_ref().is_some_and(|text| !has_word(text, name.trim_start_matches('_')));
            if let Some(loss) = objects::loss(&old, symbols, &excused) {
                verdict = Verdict::Doubtful(format!("{} {} {}", path.display(), loss.words, loss.name));
            }
        }
        if after.passed && objects.0 < objects.1 {
            verdict = Verdict::Doubtful(format!("only {} of {} objects are there", objects.0, objects.1));
        }
        if verdict != Verdict::Good {
            self.scratch.reset()?;
        }
        Ok((verdict, Some(after), objects))
    }

    /// Files that could not be built before: for each, the places where it may be.
    fn made(&self, before: &Run) -> Vec<Vec<PathBuf>> {
        let mut made: Vec<Vec<PathBuf>> = self.settings.plan.objects.iter().map(|path| vec![path.clone()]).collect();
        for target in &before.targets {
            let places = self.places(target);
            // `net/tank.dtb` may be a goal's short name of `boot/dts/net/tank.dtb`.
            let end = format!("/{}", target.1);
            let short = before.targets.iter().any(|(_, other)| other.ends_with(&end));
            if !short && !made.iter().flatten().any(|path| places.contains(path)) {
                made.push(places);
            }
        }
        made
    }

    /// The text of the file that an object is made of.
    fn source_of(&self, object: &Path) -> Option<String> {
        let tops = self.settings.build.as_deref().into_iter().chain([self.tree.root()]);
        let inside = tops.filter_map(|top| object.strip_prefix(top).ok()).next()?;
        let source = ["c", "cc", "cpp", "cxx", "S"].into_iter().find_map(|end| {
            let path = self.tree.root().join(inside.with_extension(end));
            path.is_file().then_some(path)
        })?;
        std::fs::read(source).ok().map(|text| String::from_utf8_lossy(&text).into_owned())
    }
}

fn is_object(path: &Path) -> bool {
    let end = path.extension().unwrap_or_default();
    ["o", "lo", "obj", "ko", "a", "so", "dtb", "dtbo", "elf"].iter().any(|known| end == *known)
}

fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

/// What a candidate changes, for the judge.
fn change(tree: &Tree, edits: &[Edit], cause: &Cause) -> Change {
    let mut change = Change { lines: Vec::new(), names: cause.symbols.clone() };
    for edit in edits {
        let first = tree.read(&edit.file).map_or(1, |source| source.line_of(edit.start));
        let more = u32::try_from(edit.text.lines().count()).unwrap_or(u32::MAX);
        change.lines.push((edit.file.clone(), first, first.saturating_add(more)));
        let words = edit.text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        // Types stand in messages about much else.
        let named = |word: &&str| word.len() > 2 && !word.ends_with("_t") && !is_keyword(word);
        change.names.extend(words.filter(named).map(str::to_owned));
    }
    change
}
