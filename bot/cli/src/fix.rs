//! `triage fix`: patches for the causes, and the proof that they build.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use triage_causes::Report;
use triage_causes::report::{Applicability, Problem};
use triage_fixes::fixers::same_line;
use triage_fixes::verify::{Outcome, Settings, Step, Target, Trial, Trouble, Verdict, failed_target, trial};
use triage_fixes::{Candidate, Context, Edit, Tree, edit};
use triage_report::Source;
use triage_rules::RuleBook;

use crate::args::FixArgs;
use crate::error::Error;
use crate::output::{Outputs, complain, name_unreadable};
use crate::pipeline::{self, Event};
use crate::plan::{OutputPlan, Surroundings};
use crate::progress::Progress;
use crate::proof::{self, Commands};
use crate::state_line::StateLine;
use crate::{inputs, judge, patch_message, signals, suggest};

/// Makes the patches; gives the status to exit with.
pub fn run(args: &FixArgs) -> Result<u8, Error> {
    let build = args.proof.build.as_ref().map(|path| proof::folder_of(path)).transpose()?;
    let plan = OutputPlan::new(&args.output, &Surroundings::of_stdout());
    let (inputs, unreadable) = inputs::expand(&args.paths);
    let quiet = args.output.quiet;
    let progress = Progress::new(inputs.iter().map(|input| input.size).sum(), quiet);
    let (book, source) = judge::load(&args.judge)?;
    let Some(source) = source else { return Err(Error::NoTree) };
    let tree = source.files();
    let outputs = if args.patch { None } else { Some(Outputs::open(&plan)?) };
    let options = judge::options(&args.judge);
    let mut broken = BTreeSet::new();
    let (report, faults) = pipeline::analyze(&book, options, unreadable, |sink| {
        pipeline::read(&inputs, &progress, &mut |event| {
            if let Event::Diagnostic(diagnostic) = &event {
                broken.extend(failed_target(diagnostic));
            }
            sink(event);
        });
    });
    let mut report = judge::relocated(report, Some(&source));
    progress.clear();
    name_unreadable(&faults, plan.seen && outputs.is_some());
    for words in other_version(&report, tree) {
        complain(&words);
        report.problems.push(Problem { name: tree.root().display().to_string(), message: words });
    }
    let candidates = suggest::all(&report, tree, &book);
    let trial = match args.verify && !report.causes.is_empty() {
        true => Some(prove(args, tree, (build, broken), &book, &report, &candidates)?),
        false => None,
    };
    if let Some(trial) = &trial {
        remark(trial, &mut report);
    }
    let edits = suggest::tell(&mut report, &candidates, trial.as_ref(), tree);
    if let Some(trial) = trial.as_ref().filter(|_| args.apply) {
        apply(tree, &trial.edits, args.force, quiet)?;
    }
    let mut stdout = io::stdout().lock();
    let written = match outputs {
        Some(outputs) => outputs.write(&report, Some(&source as &dyn Source), progress.elapsed(), &mut stdout),
        None => print_patch(&report, tree, &edits, &mut stdout),
    };
    match written {
        Err(error) if !error.is_broken_pipe() => Err(error),
        _ => Ok(status(&report, !faults.is_empty())),
    }
}

fn status(report: &Report, faults: bool) -> u8 {
    let first = |cause: &triage_causes::report::Cause| cause.fixes.first().map(|fix| fix.applicability);
    let proved = report.causes.iter().all(|cause| first(cause) == Some(Applicability::Verified));
    match (faults, proved) {
        (true, _) => crate::FAULT,
        (false, true) => crate::NOTHING,
        (false, false) => crate::CAUSES,
    }
}

/// Says of files whose lines are not those that the log shows.
fn other_version(report: &Report, tree: &Tree) -> Vec<String> {
    let mut said = Vec::new();
    let mut files = BTreeSet::new();
    for cause in &report.causes {
        let cx = Context { tree, cause, kernel: false, rule: None, all: report };
        if let (false, Some(place)) = (same_line(&cx), &cause.location)
            && files.insert(&place.file)
        {
            said.push(format!(
                "{}:{} is not the line that the log shows: the tree may be another version than the one that was built",
                place.file,
                place.line.unwrap_or_default()
            ));
        }
    }
    said
}

/// Tries the candidates.
fn prove(
    args: &FixArgs,
    tree: &Tree,
    (build, broken): (Option<PathBuf>, BTreeSet<Target>),
    book: &RuleBook,
    report: &Report,
    candidates: &[Vec<Candidate>],
) -> Result<Trial, Error> {
    let quiet = args.output.quiet;
    let commands = Commands::find(&args.proof, build.as_deref(), tree, report).map_err(Error::Unproved)?;
    let place = commands.place(&args.proof, tree.root(), build.as_deref())?;
    if !quiet {
        commands.announce(tree.root());
    }
    let settings = Settings {
        place,
        plan: commands.plan,
        build,
        broken,
        jobs: args.proof.jobs.map(usize::from),
        limit: Duration::from_secs(args.proof.timeout.into()),
        budget: Duration::from_secs(args.proof.budget.into()),
        tries: args.tries.into(),
    };
    let stop = signals::stop_flag();
    let line = StateLine::new(quiet);
    let causes = report.causes.len();
    let watch = &mut |step: Step<'_>| show(&line, step, causes, quiet);
    let done = trial::run(tree, book, report, candidates, &settings, &stop, watch);
    line.clear();
    if let (Ok(trial), true) = (&done, args.output.verbose > 0) {
        let seconds = |millis: u64| Duration::from_millis(millis).as_secs_f64();
        let (own, all) = (seconds(trial.commands_took), line.elapsed().as_secs_f64());
        complain(&format!("{} runs; the commands took {own:.2} s of {all:.2} s", trial.runs));
    }
    done.map_err(|trouble| match trouble {
        Trouble::Stopped => Error::Stopped,
        Trouble::Failed(words) => Error::Unproved(words),
    })
}

/// Says what is being tried.
fn show(line: &StateLine, step: Step<'_>, causes: usize, quiet: bool) {
    match step {
        Step::Ready(notes) => notes.iter().filter(|_| !quiet).for_each(|note| complain(note)),
        Step::Unchanged => line.say("building without a change"),
        Step::Trying { cause, candidate, title } => {
            line.say(&format!("cause {} of {causes}, try {}: {title}", cause + 1, candidate + 1));
        }
        Step::Judged(Verdict::Good) => line.say("it builds"),
        Step::Judged(Verdict::Doubtful(why) | Verdict::Bad(why)) => line.say(why),
    }
}

/// Puts what the proof lacks into the report.
fn remark(trial: &Trial, report: &mut Report) {
    let mut say = |message: &str| {
        complain(message);
        report.problems.push(Problem { name: "verification".to_owned(), message: message.to_owned() });
    };
    if !trial.fails {
        say("the commands do not fail here: nothing could be verified");
    } else if trial.outcomes.contains(&Outcome::Absent) {
        say("the commands do not show every cause of the log: what they do not show could not be verified");
    }
    if trial.out_of_time {
        say("the time was up before all patches were tried; --budget gives more");
    }
}

/// Makes the edits in the tree.
fn apply(tree: &Tree, edits: &[Edit], force: bool, quiet: bool) -> Result<(), Error> {
    if edits.is_empty() {
        complain("no fix was verified: the tree stays as it is");
        return Ok(());
    }
    let files = edit::changed(tree, edits)?;
    let dirty: Vec<String> = files.iter().map(|(file, _)| file).filter(|file| is_dirty(tree, file)).cloned().collect();
    if !dirty.is_empty() && !force {
        return Err(Error::Dirty(dirty));
    }
    let mut written = Vec::new();
    for (file, text) in &files {
        let path = tree.inside(file).unwrap_or_else(|| tree.root().join(file));
        write_whole(&path, text).map_err(|error| Error::Write(path, error))?;
        written.push(file.as_str());
    }
    if !quiet {
        complain(&format!("changed {}", written.join(", ")));
    }
    Ok(())
}

/// True when git knows of changes in a file that are not committed. Without git there is nothing to ask.
fn is_dirty(tree: &Tree, file: &str) -> bool {
    patch_message::git(tree.root(), &["status", "--porcelain", "--", file]).is_some_and(|text| !text.is_empty())
}

/// Writes a file so that it is either the old or the new one, with its rights.
fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".triage-{}", std::process::id()));
    let fresh = folder.join(name);
    let done = (|| {
        fs::write(&fresh, text)?;
        if let Ok(data) = fs::metadata(path) {
            fs::set_permissions(&fresh, data.permissions())?;
        }
        fs::rename(&fresh, path)
    })();
    if done.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    done
}

/// Only the patch, with a message where there is a project to take its style from.
fn print_patch(report: &Report, tree: &Tree, edits: &[Edit], out: &mut dyn Write) -> Result<(), Error> {
    let Some(patch) = &report.patch else {
        complain("there is no patch for what was found; `triage fix` without --patch says what is known");
        return Ok(());
    };
    let files: BTreeSet<&str> = edits.iter().map(|edit| edit.file.as_str()).collect();
    let message = patch_message::of(report, tree, &files.into_iter().collect::<Vec<_>>());
    out.write_all(message.unwrap_or_default().as_bytes())?;
    Ok(out.write_all(patch.as_bytes())?)
}

/// A program that only reads, without a terminal.
pub fn quiet_command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}
