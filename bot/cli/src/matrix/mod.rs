//! `triage matrix`: many builds, one answer.
//!
//! [`sources`] finds the logs and what is known of them ([`manifest`], [`pattern`], [`metadata`]),
//! [`survey`] reads them into one report, [`noting`] what stands beside the messages. [`seen`] reads
//! once more which files each build compiled, so that a build which never met a cause is not called
//! one that passes. [`who`] ranks commits, [`guards`] names configuration symbols; [`timing`] pairs build times and [`excerpts`] cuts out log lines for the page.

mod excerpts;
mod guards;
mod literals;
mod manifest;
mod metadata;
mod noting;
mod pattern;
mod seen;
mod sources;
mod survey;
pub mod timing;
mod who;

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::ValueHint;
use tempfile::TempDir;
use triage_causes::matrix::baseline;
use triage_causes::{Options, Report};
use triage_report::{Format, Source};
use triage_rules::RuleBook;

use crate::args::{JudgeArgs, OutputArgs, ProofArgs};
use crate::error::{Error, reason};
use crate::inputs::Input;
use crate::output::{Extra, Outputs, complain, name_unreadable};
use crate::plan::{OutputPlan, Surroundings};
use crate::progress::Progress;
use crate::tree::Tree;
use crate::{FAULT, judge, status};
use sources::Sources;
use survey::Survey;
use who::maintainers::Maintainers;
use who::{Commits, bisect};

pub use manifest::Manifest;
pub use noting::{Notes, Noting};

/// `triage matrix [OPTIONS] PATH…`.
#[derive(Debug, clap::Args)]
#[command(mut_group("ProofArgs", |group| group.requires("bisect")))]
#[command(after_help = "\
Axes (arch, config, toolchain, version, target, branch, commit, your own) come from the manifest, then
--pattern, then metadata beside a log (tuxmake, KernelCI, kcidb, job names), then the log itself, then
its name.

With --bisect, commands are taken from --build-command, else from the build's folder (--build, or the
tree); never from a log. They run in a scratch copy: neither the tree nor its repository is written.

Exit status: 0 nothing failed; 1 causes were found; 2 wrong usage, a faulty manifest, or something
could not be read or bisected (what could be read is reported); 130 stopped by Ctrl-C.")]
pub struct MatrixArgs {
    /// Folders or globs of logs, archives, or a manifest (.yaml); `-` for standard input
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// Axes in the paths of the logs, as in '{arch}/{config}/{toolchain}.log'
    #[arg(long, value_name = "PATTERN", help_heading = "Builds")]
    pub pattern: Option<String>,

    /// Compares with an earlier state: a folder, a manifest, or a report in JSON
    #[arg(long, value_name = "PATH", help_heading = "Builds", value_hint = ValueHint::AnyPath)]
    pub baseline: Option<PathBuf>,

    /// With --tree: ranks the commits of this range of git's that could have done it
    #[arg(long, value_name = "A..B", help_heading = "Who", requires = "tree", group = "commits")]
    pub range: Option<String>,

    /// With --tree: ranks the patches of a series, an mbox, instead
    #[arg(long, value_name = "MBOX", help_heading = "Who", requires = "tree", group = "commits")]
    #[arg(value_hint = ValueHint::FilePath)]
    pub series: Option<PathBuf>,

    /// Builds commits of the range, or patches of the series, until one is proved to have done it
    #[arg(long, help_heading = "Who", requires = "tree", requires = "commits")]
    pub bisect: bool,

    /// How to build.
    #[command(flatten)]
    pub proof: ProofArgs,

    /// How to judge.
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// How to say it.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Compares builds.
pub fn run(args: &MatrixArgs) -> Result<u8, Error> {
    let plan = OutputPlan::new(&args.output, &Surroundings::of_stdout());
    let mut sources = sources::find(&args.paths, args.pattern.as_deref())?;
    if !args.output.quiet && sources.inputs.iter().any(|input| input.path.is_none()) && io::stdin().is_terminal() {
        complain("reading a log from the terminal; Ctrl-D ends it");
    }
    let (book, tree) = judge::load(&args.judge)?;
    let options = judge::options(&args.judge);
    let past = args.baseline.as_deref().or(sources.baseline.as_deref());
    let past = past.map(|path| Past::read(path, args, &book, options)).transpose()?;
    let outputs = Outputs::open(&plan)?;
    let _kept = keep_standard_input(&mut sources.inputs)?;

    let total: Option<u64> = sources.inputs.iter().map(|input| input.size).sum();
    let progress = Progress::new(total, args.output.quiet);
    let mut survey = survey::read(&sources, &book, options, &progress);
    let mut report = survey.report.take().unwrap_or_default();
    tell_equal_builds(&mut report);
    if let Some(tree) = &tree {
        guards::name(&mut report, tree.files());
        guards::add_axes(&mut report, &sources.configs);
    }
    seen::attribute(&mut report, &sources.inputs, &progress);
    timing::beside(&sources.inputs, &mut survey.measured);
    report.times = timing::pairs(
        &report.builds,
        &survey.measured,
        past.as_ref().map(|past| (past.report.builds.as_slice(), &past.measured)),
    );
    let mut report = judge::suggested(report, tree.as_ref(), &book);
    let sound = match &tree {
        Some(tree) => accuse(&mut report, args, tree, &book, &progress)?,
        None => true,
    };
    let mut faults = survey.faults;
    if let Some(past) = past {
        let compared = baseline::compare(&mut report, &judge::relocated(past.report, tree.as_ref()), &past.name);
        report.baseline = Some(compared);
        faults.extend(past.faults);
    }
    let wants_excerpts = plan.outputs.iter().any(|output| output.format == Format::Html);
    let excerpts = if wants_excerpts { excerpts::all(&sources.inputs, &survey.errors) } else { Vec::new() };
    progress.clear();
    name_unreadable(&faults, plan.seen);
    let source = tree.as_ref().map(|tree| tree as &dyn Source);
    let extra = Extra { matrix: true, excerpts: &excerpts };
    match outputs.write_with(&report, source, extra, progress.elapsed(), &mut io::stdout().lock()) {
        Err(error) if !error.is_broken_pipe() => Err(error),
        _ if !sound => Ok(FAULT),
        _ => Ok(status(&report, &faults)),
    }
}

/// Keeps standard input in a file, since logs are read twice; it goes when the folder is dropped.
fn keep_standard_input(inputs: &mut [Input]) -> Result<Option<TempDir>, Error> {
    let Some(input) = inputs.iter_mut().find(|input| input.path.is_none()) else { return Ok(None) };
    // A folder of its own: what lies beside a log may say something of it.
    let folder = tempfile::Builder::new().prefix("triage-").tempdir().map_err(Error::Output)?;
    let path = folder.path().join("input");
    let copied = fs::File::create(&path).and_then(|mut file| io::copy(&mut io::stdin().lock(), &mut file));
    let size = copied.map_err(|error| Error::Write(path.clone(), error))?;
    (input.path, input.size) = (Some(path), Some(size));
    Ok(Some(folder))
}

/// Names commits and maintainers; false when what was asked for could not be proved at all.
fn accuse(
    report: &mut Report,
    args: &MatrixArgs,
    tree: &Tree,
    book: &RuleBook,
    progress: &Progress,
) -> Result<bool, Error> {
    let root = tree.files().root().to_owned();
    let range = args.range.as_deref().map(Commits::Range);
    let commits = range.or(args.series.as_deref().map(Commits::Series));
    let mut sound = true;
    if let Some(commits) = commits {
        who::suspect(report, &root, commits)?;
        if args.bisect && !report.causes.is_empty() {
            progress.clear();
            sound = match bisect::prove(report, tree, book, commits, &args.proof, args.output.quiet) {
                // What was found by reading is worth its report.
                Err(error @ Error::Bisect(_)) => {
                    bisect::remark(report, &error.to_string());
                    false
                }
                done => done?,
            };
        }
    }
    let Ok(text) = fs::read(root.join("MAINTAINERS")) else { return Ok(sound) };
    let known = Maintainers::parse(&String::from_utf8_lossy(&text));
    for cause in &mut report.causes {
        if let Some(at) = &cause.location {
            cause.maintainers = known.of(&at.file);
        }
    }
    Ok(sound)
}

/// What is compared with.
struct Past {
    name: String,
    report: Report,
    measured: std::collections::HashMap<String, Vec<triage_causes::matrix::times::Measured>>,
    faults: Vec<crate::inputs::Unreadable>,
}

impl Past {
    fn read(path: &Path, args: &MatrixArgs, book: &RuleBook, options: Options) -> Result<Self, Error> {
        let name = path.to_string_lossy().into_owned();
        if path.extension().is_some_and(|end| end == "json") {
            let text = fs::read(path).map_err(|error| Error::Read(path.to_owned(), error))?;
            let report = serde_json::from_slice(&text).map_err(|error| {
                let what = format!("{name}:{}:{}: this is no report of triage", error.line(), error.column());
                Error::Baseline(what)
            })?;
            return Ok(Self { name, report, measured: Default::default(), faults: Vec::new() });
        }
        if let Err(error) = fs::metadata(path) {
            return Err(Error::Baseline(format!("{name}: {}", reason(&error))));
        }
        let sources: Sources = sources::find(&[path.to_owned()], args.pattern.as_deref())?;
        let progress = Progress::new(sources.inputs.iter().map(|input| input.size).sum(), args.output.quiet);
        let Survey { report, faults, mut measured, .. } = survey::read(&sources, book, options, &progress);
        timing::beside(&sources.inputs, &mut measured);
        progress.clear();
        Ok(Self { name, report: report.unwrap_or_default(), measured, faults })
    }
}

/// Names builds that no axis tells apart, of which one fails and another passes.
fn tell_equal_builds(report: &mut Report) {
    use std::collections::BTreeMap;
    use triage_causes::report::{Problem, Status};
    let mut equal: BTreeMap<&BTreeMap<String, String>, Vec<usize>> = BTreeMap::new();
    for (number, build) in report.builds.iter().enumerate().filter(|(_, build)| !build.axes.is_empty()) {
        equal.entry(&build.axes).or_default().push(number);
    }
    let mut problems = Vec::new();
    for numbers in equal.values().filter(|numbers| numbers.len() > 1) {
        let of = |status: Status| numbers.iter().find(|&&number| report.builds[number].status == status);
        if let (Some(&failing), Some(&passing)) = (of(Status::Fail), of(Status::Pass)) {
            let (failing, passing) = (&report.builds[failing].id, &report.builds[passing].id);
            let message = format!("it fails and {passing} passes, and both have the same axes: name what differs");
            problems.push(Problem { name: failing.clone(), message });
        }
    }
    if report.builds.len() > 1 && report.builds.iter().all(|build| build.axes.is_empty()) {
        let message = "no axes are known of these builds: give --pattern or a manifest".to_owned();
        problems.push(Problem { name: String::new(), message });
    }
    problems.truncate(EQUAL_MAX);
    report.problems.append(&mut problems);
}

/// Pairs of equal builds that are named.
const EQUAL_MAX: usize = 5;
