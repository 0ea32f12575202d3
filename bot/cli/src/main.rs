//! `triage`: build logs in, causes out.
//!
//! [`args`] is what was typed, [`plan`] what it means on this terminal. [`inputs`] finds the files,
//! [`pipeline`] reads them and lets the causes be found, [`output`] writes the report; [`stages`]
//! prints what is in between. [`run`] does the same for a command that it starts, and
//! [`fix`] makes and proves patches; [`matrix`] compares many builds. What belongs to rules as files is in [`rules_command`].

mod args;
mod error;
mod fix;
mod generate;
mod inputs;
mod judge;
mod matrix;
mod output;
mod patch_message;
mod pipeline;
mod plan;
mod progress;
mod proof;
mod rule_files;
mod rule_stub;
mod rules_command;
mod run;
mod signals;
mod stages;
mod state_line;
mod suggest;
mod tree;

use std::io::{self, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::process::ExitCode;

use clap::Parser;
use triage_causes::Report;
use triage_report::{Format, Source};

use crate::args::{Args, Command, ReadArgs, RulesCommand, Stage};
use crate::error::Error;
use crate::inputs::Unreadable;
use crate::output::{Outputs, buffered, complain, name_unreadable};
use crate::plan::{OutputPlan, Surroundings};
use crate::progress::Progress;

/// Nothing failed.
const NOTHING: u8 = 0;
/// Causes were found; in rules, faults.
const CAUSES: u8 = 1;
/// Usage, configuration, or input that cannot be read.
const FAULT: u8 = 2;
/// Ended by Ctrl-C, as shells say it.
const STOPPED: u8 = 130;

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.command {
        None => read(&args.read),
        Some(Command::Run(args)) => run::run(args),
        Some(Command::Fix(args)) => fix::run(args),
        Some(Command::Matrix(args)) => matrix::run(args),
        Some(Command::ScratchCopy) => triage_fixes::verify::serve().map(|()| NOTHING).map_err(Error::from),
        Some(Command::Rules(command)) => rules(command),
        Some(Command::Schema { of }) => print(|out| generate::schema(*of, out)),
        Some(Command::Completions { shell }) => print(|out| generate::completions(*shell, out)),
        Some(Command::Man { dir }) => print(|out| generate::man(dir.as_deref(), out)),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        // Who reads the output has enough of it.
        Err(error) if error.is_broken_pipe() => ExitCode::from(NOTHING),
        Err(error) => {
            complain(&error.to_string());
            if let Some(way_out) = error.way_out() {
                let _ = writeln!(io::stderr(), "        {way_out}");
            }
            ExitCode::from(if matches!(error, Error::Stopped) { STOPPED } else { FAULT })
        }
    }
}

/// Writes to standard output.
fn print(write: impl FnOnce(&mut dyn Write) -> Result<(), Error>) -> Result<u8, Error> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    write(&mut out)?;
    out.flush()?;
    Ok(NOTHING)
}

/// Says which rules there are, or tries them: 1 when they have faults.
fn rules(command: &RulesCommand) -> Result<u8, Error> {
    let mut sound = true;
    print(|out| {
        sound = rules_command::run(command, out)?;
        Ok(())
    })?;
    Ok(if sound { NOTHING } else { CAUSES })
}

/// Reads logs and reports.
fn read(args: &ReadArgs) -> Result<u8, Error> {
    let plan = OutputPlan::new(&args.output, &Surroundings::of_stdout());
    let (inputs, unreadable) = inputs::expand(&args.paths);
    if !args.output.quiet && inputs.iter().any(|input| input.path.is_none()) && io::stdin().is_terminal() {
        complain("reading a log from the terminal; Ctrl-D ends it, `triage --help` says what else can be read");
    }
    let total: Option<u64> = inputs.iter().map(|input| input.size).sum();
    let progress = Progress::new(total, args.output.quiet);
    match args.stage {
        Some(Stage::Lines) => return print_stage(unreadable, &progress, |out| stages::lines(&inputs, &progress, out)),
        Some(Stage::Diagnostics) => {
            return print_stage(unreadable, &progress, |out| stages::diagnostics(&inputs, None, &progress, out));
        }
        _ => {}
    }
    let (book, tree) = judge::load(&args.judge)?;
    // The process ends with its use: thousands of small pieces need not be given back one by one.
    let book = ManuallyDrop::new(book);
    if args.stage == Some(Stage::Findings) {
        return print_stage(unreadable, &progress, |out| stages::diagnostics(&inputs, Some(&book), &progress, out));
    }
    let outputs = if args.patch || args.stage.is_some() { None } else { Some(Outputs::open(&plan)?) };
    let options = judge::options(&args.judge);
    // Build times are for programs: people who want to compare them have `triage matrix`.
    let json = plan.outputs.iter().any(|output| output.format == Format::Json) || args.stage == Some(Stage::Report);
    let read = if json { pipeline::read_noting } else { pipeline::read };
    let (report, faults) = pipeline::analyze(&book, options, unreadable, |sink| read(&inputs, &progress, sink));
    let report = judge::suggested(report, tree.as_ref(), &book);
    progress.clear();
    name_unreadable(&faults, plan.seen && outputs.is_some());
    let mut stdout = io::stdout().lock();
    let written = match (outputs, args.stage) {
        (Some(outputs), _) => {
            let source = tree.as_ref().map(|tree| tree as &dyn Source);
            outputs.write(&report, source, progress.elapsed(), &mut stdout)
        }
        (None, None) => print_patch(&report, &mut stdout),
        (None, Some(stage)) => buffered(stdout, |out| stages::report(&report, stage, out)).map_err(Error::from),
    };
    match written {
        Err(error) if !error.is_broken_pipe() => Err(error),
        _ => Ok(status(&report, &faults)),
    }
}

/// Only the patch, for `git apply`.
fn print_patch(report: &Report, out: &mut dyn Write) -> Result<(), Error> {
    match &report.patch {
        Some(patch) => Ok(out.write_all(patch.as_bytes())?),
        None => {
            complain("there is no patch for what was found; `triage` without --patch says what is known");
            Ok(())
        }
    }
}

/// Prints an intermediate form that is there before the report.
fn print_stage(
    mut faults: Vec<Unreadable>,
    progress: &Progress,
    write: impl FnOnce(&mut dyn Write) -> io::Result<Vec<Unreadable>>,
) -> Result<u8, Error> {
    let written = buffered(io::stdout().lock(), |out| {
        faults.extend(write(out)?);
        Ok(())
    });
    progress.clear();
    name_unreadable(&faults, false);
    written?;
    Ok(if faults.is_empty() { NOTHING } else { FAULT })
}

/// The status that the outcome calls for.
fn status(report: &Report, faults: &[Unreadable]) -> u8 {
    match (faults.is_empty(), report.causes.is_empty()) {
        (false, _) => FAULT,
        (true, false) => CAUSES,
        (true, true) => NOTHING,
    }
}
