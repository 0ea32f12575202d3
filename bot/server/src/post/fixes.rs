//! Patches for what broke, made and proved by `triage fix` in the checkout of the job.
//!
//! What is built is what the job has built already, so there is no sandbox around it.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use triage_causes::Report;

use super::args::TreeArgs;
use crate::config::beside_us;
use crate::error::{Error, reason};
use crate::verify::{adopt, is_about_code};

/// Logs as they are read, kept for `triage fix`.
pub struct Kept {
    folder: TempDir,
    files: Vec<PathBuf>,
}

impl Kept {
    /// None yet.
    pub fn new() -> Result<Self, Error> {
        Ok(Self { folder: tempfile::tempdir()?, files: Vec::new() })
    }

    /// Keeps a log, and gives it to be read.
    pub fn keep(&mut self, input: &mut dyn Read) -> io::Result<File> {
        let path = self.folder.path().join(self.files.len().to_string());
        io::copy(input, &mut File::create(&path)?)?;
        self.files.push(path.clone());
        File::open(path)
    }

    /// Gives the causes of a report their fixes. When they cannot be proved, they are as they are; when there are none, the
    /// causes keep what they have. Either is told.
    pub fn fix(&self, report: &mut Report, args: &TreeArgs) {
        if !is_about_code(report) {
            return;
        }
        let mut fixed = self.report(args, args.verify);
        if args.verify
            && let Err(why) = &fixed
        {
            crate::complain(&format!("triage fix: {why}: no patch is proved"));
            fixed = self.report(args, false);
        }
        match fixed {
            Ok(fixed) => adopt(report, fixed),
            Err(why) => crate::complain(&format!("triage fix: {why}: there are no patches")),
        }
    }

    fn report(&self, args: &TreeArgs, verify: bool) -> Result<Report, String> {
        let program = beside_us().ok_or("there is no 'triage' beside triage-bot and none in PATH")?;
        let mut command = Command::new(program);
        command.args(["fix", "--format", "json"]).stdin(Stdio::null()).stderr(Stdio::inherit());
        command.arg("--tree").args(&args.tree);
        if verify {
            command.arg("--verify").args(args.build_command.iter().map(|build| format!("--build-command={build}")));
        }
        let output = command.arg("--").args(&self.files).output().map_err(|error| reason(&error))?;
        // 1 is "causes are left", 2 a fault, which was told on standard error.
        serde_json::from_slice(&output.stdout).map_err(|_| format!("it gave no report ({})", output.status))
    }
}
