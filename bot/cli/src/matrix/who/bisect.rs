//! The one commit that did it, shown by building: the likeliest suspects are taken out of the end of
//! the range first, which is cheap; then the range is halved as `git bisect` does it.
//!
//! All builds run in the scratch copy of [`triage_fixes::verify`], whose files follow the commits. A
//! build is judged for all causes at once, and none is made twice.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use triage_causes::report::{Bisection, BuiltCommit, Cause, How, Kind, Problem, Proved, Report, StepResult, Suspect};
use triage_fixes::verify::{Bench, Scratch};
use triage_rules::RuleBook;

use super::Commits;
use super::builder::{Builder, State, Stop, told};
use super::history::{Ends, History};
use crate::args::ProofArgs;
use crate::error::Error;
use crate::output::complain;
use crate::proof::{self, Commands};
use crate::signals;
use crate::state_line::StateLine;
use crate::tree::Tree;

/// Causes of one report that are bisected.
const CAUSES: usize = 20;
/// Suspects of a cause that are taken out.
const REVERTS: usize = 2;
/// What must speak for such a suspect: that it did something which breaks just this.
const STRONG: u32 = 60;
/// Commits that are listed when it was not narrowed down to one.
const LEFT: usize = 100;
/// Classes that say too little: another failure looks the same.
const VAGUE: [&str; 2] = ["command-failed", "truncated"];

/// Proves who did it, for all causes that the commands show; false when that was not possible
/// because the range's start does not build.
pub fn prove(
    report: &mut Report,
    tree: &Tree,
    book: &RuleBook,
    commits: Commits<'_>,
    args: &ProofArgs,
    quiet: bool,
) -> Result<bool, Error> {
    let mut wanted: Vec<usize> = (0..report.causes.len()).filter(|&at| can_be(&report.causes[at])).collect();
    if let Some(more) = wanted.len().checked_sub(CAUSES).filter(|more| *more > 0) {
        remark(report, &format!("only the first {CAUSES} causes are looked for, {more} are left out"));
        wanted.truncate(CAUSES);
    }
    if wanted.is_empty() {
        remark(report, "there is no cause that a commit could have brought");
        return Ok(true);
    }
    let mut history = History::open(tree.files().root())?;
    let ends = match commits {
        Commits::Range(range) => history.ends(range)?,
        Commits::Series(mbox) => history.series(mbox)?,
    };
    let build = args.build.as_ref().map(|path| proof::folder_of(path)).transpose()?;
    let commands = Commands::find(args, build.as_deref(), tree.files(), report).map_err(Error::Bisect)?;
    let place = commands.place(args, history.top(), build.as_deref())?;
    if !quiet {
        commands.announce(history.top());
        if history.is_dirty() {
            complain("changes that are not committed are left out");
        }
    }
    let stop = signals::stop_flag();
    let line = StateLine::new(quiet);
    line.say("making a scratch copy");
    let scratch = Scratch::new(&place, &stop).map_err(told)?;
    scratch.notes().iter().filter(|_| !quiet).for_each(|note| complain(note));
    let bench = Bench { tree: tree.files(), book, plan: &commands.plan, jobs: args.jobs.map(usize::from) };
    let folders = build.into_iter().chain([history.top().to_owned()]).collect();
    let (limit, budget) = (Duration::from_secs(args.timeout.into()), Duration::from_secs(args.budget.into()));
    let mut builder = Builder {
        history: &history,
        bench,
        scratch,
        stop: &stop,
        line,
        folders,
        limit,
        budget,
        start: Instant::now(),
        local: Vec::new(),
        objects: Vec::new(),
        at: None,
        kept: None,
        known: HashMap::new(),
        submodules: BTreeSet::new(),
    };
    let causes: Vec<&Cause> = wanted.iter().map(|&at| &report.causes[at]).collect();
    builder.end(&ends.tip, &causes)?;
    let mut sound = true;
    let mut outcomes = Vec::new();
    for (number, cause) in causes.iter().enumerate() {
        let mut search = Search {
            ends: &ends,
            number,
            all: causes.len(),
            builder: &mut builder,
            steps: Vec::new(),
            left: Vec::new(),
        };
        let outcome = search.run(&cause.suspects)?;
        let steps = std::mem::take(&mut search.steps);
        sound &= !outcome.unsound;
        outcomes.push((outcome, steps));
    }
    builder.line.clear();
    let submodules = std::mem::take(&mut builder.submodules);
    drop(builder);
    for name in submodules {
        remark(report, &format!("the submodule {name} stays as it is: its commits are not followed"));
    }
    for (at, (outcome, steps)) in wanted.into_iter().zip(outcomes) {
        if let Some(reason) = outcome.reason.as_ref().filter(|_| outcome.unsound) {
            complain(&format!("{}: {reason}", report.causes[at].title));
        }
        outcome.tell(&mut report.causes[at], steps, &history);
    }
    Ok(sound)
}

/// True for what a commit can bring, and what is told apart from other failures.
fn can_be(cause: &Cause) -> bool {
    cause.kind != Kind::Infrastructure && !VAGUE.contains(&cause.class.as_str())
}

/// Says something about the bisection, at once and in the report.
pub fn remark(report: &mut Report, message: &str) {
    complain(message);
    report.problems.push(Problem { name: "bisection".to_owned(), message: message.to_owned() });
}

/// The search for one cause.
struct Search<'s, 'b> {
    ends: &'s Ends,
    number: usize,
    all: usize,
    builder: &'s mut Builder<'b>,
    steps: Vec<BuiltCommit>,
    /// Commits that could have done it still, as soon as the range is halved.
    left: Vec<String>,
}

/// What came out for a cause.
#[derive(Debug, Default)]
struct Outcome {
    proved: Option<(String, How)>,
    left: Vec<String>,
    reason: Option<String>,
    /// The start of the range cannot be built.
    unsound: bool,
}

impl Outcome {
    fn open(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::default() }
    }
}

impl Search<'_, '_> {
    fn run(&mut self, suspects: &[Suspect]) -> Result<Outcome, Error> {
        if self.builder.local[self.number].is_none() {
            let tip = self.name(&self.ends.tip);
            return Ok(Outcome::open(format!("the commands do not show it at {tip}, the end of the range")));
        }
        match self.search(suspects) {
            Ok(outcome) => Ok(outcome),
            Err(Stop::Late) => {
                let reason = match self.left.len() {
                    0 => "the time was up; --budget gives more".to_owned(),
                    count => format!("one of {count} commits; the time was up, --budget gives more"),
                };
                Ok(Outcome { left: self.names(&self.left), ..Outcome::open(reason) })
            }
            Err(Stop::Fault(error)) => {
                self.builder.line.clear();
                Err(error)
            }
        }
    }

    fn search(&mut self, suspects: &[Suspect]) -> Result<Outcome, Stop> {
        let tip = self.ends.tip.clone();
        self.ask(&tip)?;
        let mut good = Vec::new();
        let mut skipped = Vec::new();
        for suspect in suspects.iter().filter(|suspect| suspect.score >= STRONG).take(REVERTS) {
            let Ok(commit) = self.builder.history.commit(&suspect.commit) else { continue };
            if self.ask_without(&commit)? != Some(State::Good) {
                continue;
            }
            // One that came before what breaks it has no part in it but that of a victim.
            match self.ask(&commit)? {
                State::Bad => return Ok(Outcome { proved: Some((commit, How::Revert)), ..Outcome::default() }),
                State::Good => good.push(commit),
                State::Skipped(_) => skipped.push(commit),
            }
        }
        let base = self.ends.base.clone();
        match self.ask(&base)? {
            State::Good => good.push(base),
            State::Bad => {
                let name = self.name(&base);
                return Ok(Outcome::open(format!("it is older than the range: {name}, which it begins after, has it")));
            }
            State::Skipped(why) => {
                let name = self.name(&base);
                let reason = format!("{name}, which the range begins after, must build, and {why}");
                return Ok(Outcome { unsound: true, ..Outcome::open(reason) });
            }
        }
        self.halve(tip, good, skipped)
    }

    /// Halves what is left until one commit is.
    fn halve(&mut self, mut bad: String, mut good: Vec<String>, mut skipped: Vec<String>) -> Result<Outcome, Stop> {
        let mut in_a_row = 0;
        let left = loop {
            let all = self.builder.history.halves(&bad, &good)?;
            self.left.clone_from(&all);
            let open: Vec<&String> = all.iter().filter(|id| **id != bad && !skipped.contains(id)).collect();
            if open.is_empty() {
                break all;
            }
            // Away from commits that cannot be built, as their neighbours often cannot either.
            let away = [0, 4, 2, 6, 1, 5, 3, 7][in_a_row % 8] * open.len() / 8;
            let next = open[away].clone();
            match self.ask(&next)? {
                State::Good => good.push(next),
                State::Bad => bad = next,
                State::Skipped(_) => {
                    skipped.push(next);
                    in_a_row += 1;
                    continue;
                }
            }
            in_a_row = 0;
        };
        if left.len() > 1 {
            let names = self.names(&left);
            let reason = format!("one of {} commits: what lies between them could not be judged", left.len());
            return Ok(Outcome { left: names, ..Outcome::open(reason) });
        }
        // Where histories join, a parent may be known only by what came after it.
        for parent in self.builder.history.parents(&bad)? {
            match self.ask(&parent)? {
                State::Good => {}
                State::Bad => return Ok(Outcome::open("the history is not good first and then bad: it came and went")),
                State::Skipped(why) => {
                    let (bad, parent) = (self.name(&bad), self.name(&parent));
                    let reason = format!("{bad} has it, but of its parent {parent} it is not known: {why}");
                    return Ok(Outcome { left: vec![bad], ..Outcome::open(reason) });
                }
            }
        }
        Ok(Outcome { proved: Some((bad, How::Bisect)), ..Outcome::default() })
    }

    /// What a commit says.
    fn ask(&mut self, commit: &str) -> Result<State, Stop> {
        let tree = self.builder.history.tree_of(commit)?;
        self.step(commit, &tree, false)
    }

    /// What the end of the range says without a commit; none when it cannot be taken out.
    fn ask_without(&mut self, commit: &str) -> Result<Option<State>, Stop> {
        match self.builder.history.without(commit, &self.ends.tip) {
            Some(tree) => self.step(commit, &tree, true).map(Some),
            None => Ok(None),
        }
    }

    fn step(&mut self, commit: &str, tree: &str, reverted: bool) -> Result<State, Stop> {
        let name = self.name(commit);
        let title = self.builder.history.patch(commit).title;
        let known = self.steps.iter().any(|step| step.commit == name && step.reverted == reverted);
        let what = if reverted { "the end of the range without " } else { "" };
        let (number, all) = (self.number + 1, self.all);
        let left = match self.left.len() {
            0 => String::new(),
            count => format!(", {count} commits left"),
        };
        self.builder.line.say(&format!("cause {number} of {all}{left}: building {what}{name} (\"{title}\")"));
        let (state, took) = self.builder.state(tree, self.number)?;
        if !known {
            let (result, reason) = match &state {
                State::Good => (StepResult::Good, None),
                State::Bad => (StepResult::Bad, None),
                State::Skipped(why) => (StepResult::Skipped, Some(why.clone())),
            };
            self.steps.push(BuiltCommit { commit: name, title, reverted, result, reason, took });
        }
        Ok(state)
    }

    fn names(&self, commits: &[String]) -> Vec<String> {
        commits.iter().take(LEFT).map(|id| self.name(id)).collect()
    }

    fn name(&self, commit: &str) -> String {
        self.builder.history.short(commit)
    }
}

impl Outcome {
    /// Puts it into the report.
    fn tell(self, cause: &mut Cause, steps: Vec<BuiltCommit>, history: &History) {
        let skipped = steps.iter().filter(|step| step.result == StepResult::Skipped).count() as u64;
        let built = steps.len() as u64 - skipped;
        if let Some((commit, how)) = self.proved {
            let (name, patch) = (history.short(&commit), history.patch(&commit));
            let suspect = match cause.suspects.iter().position(|suspect| suspect.commit == name) {
                Some(at) => cause.suspects.remove(at),
                None => super::suspect_of(&patch, 0, Vec::new()),
            };
            let suspect = Suspect { proved: true, ..suspect };
            let (title, author, fixes) = (suspect.title.clone(), suspect.author.clone(), suspect.fixes.clone());
            cause.suspects.insert(0, suspect);
            cause.proved = Some(Proved { how, commit: name, title, author, fixes });
        }
        cause.bisection = Some(Bisection { built, skipped, steps, left: self.left, reason: self.reason });
    }
}
