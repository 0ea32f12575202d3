//! `triage-bot post`: one answer from inside of a CI job, with the token that the job has.
//!
//! ```text
//! logs | report ──► inputs ──► Masked ──► forge::answer ──┬─► github | gitlab   on the change
//!                   fixes                                 └─► workflow commands, summary, files
//! ```
//!
//! Nothing is remembered: what was said is found on the forge. What cannot be posted for want of rights is said where it can
//! be: in the job's own log and summary.

pub mod args;
mod fixes;
mod github;
mod gitlab;
mod inputs;
mod show;
mod surroundings;

use std::fs::File;
use std::io::{self, BufWriter, Write};

use triage_report::secrets::Masked;
use triage_report::{Options, render, safe};

use self::args::{OutputFile, PostCommand};
use crate::error::Error;

/// Nothing failed.
const NOTHING: u8 = 0;
/// Causes were found.
const CAUSES: u8 = 1;
/// Something could not be read or posted.
const FAULT: u8 = 2;

/// Said instead of an answer that all is well.
const NOT_READ: &str = "nothing is posted: not all logs could be read, so nobody knows whether all is well";

/// `triage-bot post`. Gives the exit status.
pub async fn run(command: &PostCommand) -> Result<u8, Error> {
    match command {
        PostCommand::Github(args) => github::run(args).await,
        PostCommand::Gitlab(args) => gitlab::run(args).await,
    }
}

/// The status that a report calls for; `sound` when all was read and posted.
fn status(report: &Masked, sound: bool) -> u8 {
    match (sound, report.causes.is_empty()) {
        (false, _) => FAULT,
        (true, false) => CAUSES,
        (true, true) => NOTHING,
    }
}

/// Writes the files that were asked for.
fn write_files(report: &Masked, outputs: &[OutputFile]) -> Result<(), Error> {
    for output in outputs {
        let file = File::create(&output.path).map_err(|error| Error::Write(output.path.clone(), error))?;
        let mut out = BufWriter::new(file);
        let options = Options { matrix: report.builds.len() > 1, ..Options::default() };
        render(report, output.format, &options, &mut out)
            .and_then(|()| out.flush())
            .map_err(|error| Error::Write(output.path.clone(), error))?;
    }
    Ok(())
}

/// One line of ours for the job's log, whatever is in it.
fn remark(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "triage: {}", safe::line(text))
}
