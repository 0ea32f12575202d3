//! Logs from standard input, files and folders, or from a forge; all of them in one report.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use triage_causes::matrix::attribution::{attribute_all, by_status};
use triage_causes::matrix::axes::{self, Axes};
use triage_causes::report::{Build, Status};
use triage_causes::{Analyzer, Options, Report};
use triage_log::container::Limits;
use triage_rules::RuleBook;

use super::args::{PostArgs, TreeArgs};
use super::fixes::Kept;
use crate::builds;
use crate::error::{Error, reason};

/// Most files of folders.
const FILES_MAX: usize = 10_000;

/// Ends of files that lie beside logs and are none.
const BESIDE: &[&str] = &["json", "yaml", "yml", "html", "md", "xml", "sarif", "patch", "diff"];

/// A log that a forge gave.
pub struct Fetched {
    /// The name of its job.
    pub name: String,
    /// What is known of its build.
    pub axes: Axes,
    /// The log, or why there is none.
    pub content: Result<File, String>,
}

/// What was read.
pub struct Reading {
    /// The report, its secrets not masked yet.
    pub report: Report,
    /// False when something could not be read; what could be is in the report.
    pub sound: bool,
}

/// Reads what is typed.
pub fn typed(args: &PostArgs) -> Result<Reading, Error> {
    if let Some(path) = &args.report {
        return Ok(Reading { report: builds::read_report(path)?.into_report(), sound: true });
    }
    let mut reader = Reader::new(&args.tree)?;
    let logs: &[PathBuf] = if args.logs.is_empty() { &["-".into()] } else { &args.logs };
    for path in logs {
        if path.as_os_str() == "-" {
            reader.read("-", &Axes::new(), &mut io::stdin().lock());
        } else if path.is_dir() {
            let mut files = Vec::new();
            folder(path, &mut files).map_err(|error| Error::Read(path.clone(), error))?;
            files.sort();
            if files.is_empty() {
                reader.fault(&path.to_string_lossy(), "no log in this folder");
            }
            files.iter().for_each(|file| reader.file(file));
        } else {
            reader.file(path);
        }
    }
    Ok(reader.finish())
}

/// Reads what a forge gave: logs of jobs that failed.
pub fn fetched(logs: Vec<Fetched>, tree: &TreeArgs) -> Result<Reading, Error> {
    let mut reader = Reader::new(tree)?;
    let mut without = Vec::new();
    for log in logs {
        match log.content {
            Ok(mut file) => reader.read(&log.name, &log.axes, &mut file),
            Err(why) => {
                reader.analyzer.problem(&log.name, why);
                without.push((log.name, log.axes));
            }
        }
    }
    let mut reading = reader.finish();
    // That they failed is known, whatever their logs say.
    let (lines, bytes, diagnostics) = (0, 0, 0);
    let empty =
        without.into_iter().map(|(id, axes)| Build { id, axes, status: Status::Fail, lines, bytes, diagnostics });
    reading.report.builds.extend(empty);
    reading.report.builds.iter_mut().for_each(|build| build.status = Status::Fail);
    Ok(reading)
}

/// The files below a folder that may be logs.
fn folder(top: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(top)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let end = name.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase();
        let kind = entry.file_type()?;
        if name.starts_with('.') || files.len() >= FILES_MAX {
            continue;
        }
        if kind.is_dir() {
            folder(&entry.path(), files)?;
        } else if kind.is_file() && !BESIDE.contains(&end.as_str()) {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Puts logs into one report.
struct Reader<'a> {
    analyzer: Analyzer<'static>,
    axes: Vec<(String, Axes)>,
    sound: bool,
    /// What patches are made from, when there is a tree.
    kept: Option<(Kept, &'a TreeArgs)>,
}

impl<'a> Reader<'a> {
    fn new(tree: &'a TreeArgs) -> Result<Self, Error> {
        static BOOK: std::sync::LazyLock<RuleBook> = std::sync::LazyLock::new(RuleBook::embedded);
        let kept = if tree.tree.is_some() { Some((Kept::new()?, tree)) } else { None };
        Ok(Self { analyzer: Analyzer::new(&BOOK, Options::default()), axes: Vec::new(), sound: true, kept })
    }

    fn fault(&mut self, name: &str, why: &str) {
        crate::complain(&format!("{name}: {why}"));
        self.analyzer.problem(name, why);
        self.sound = false;
    }

    fn file(&mut self, path: &Path) {
        let name = path.to_string_lossy().into_owned();
        match File::open(path) {
            Ok(mut file) => self.read(&name, &axes::from_name(&name), &mut file),
            Err(error) => self.fault(&name, &reason(&error)),
        }
    }

    /// Reads a log, or all of an archive.
    fn read(&mut self, name: &str, known: &Axes, input: &mut dyn Read) {
        let Some((kept, _)) = &mut self.kept else { return self.read_through(name, known, input) };
        match kept.keep(input) {
            Ok(mut file) => self.read_through(name, known, &mut file),
            Err(error) => self.fault(name, &reason(&error)),
        }
    }

    fn read_through(&mut self, name: &str, known: &Axes, input: &mut dyn Read) {
        let of_members = &mut self.axes;
        let mut see = |member: &str| {
            let mut axes = known.clone();
            if member != name {
                axes::fill(&mut axes, &axes::from_name(member));
            }
            of_members.push((member.to_owned(), axes));
        };
        if let Err(error) = builds::read_into(&mut self.analyzer, name, input, Limits::default(), &mut see) {
            self.fault(name, &reason(&error));
        }
    }

    /// The report. What a log says of its build comes before what its name says.
    fn finish(self) -> Reading {
        let mut report = self.analyzer.finish();
        for (name, axes) in &self.axes {
            if let Some(build) = report.builds.iter_mut().find(|build| build.id == *name) {
                axes::fill(&mut build.axes, axes);
            }
        }
        if let Some((kept, tree)) = &self.kept {
            kept.fix(&mut report, tree);
        }
        let Report { builds, causes, warnings, .. } = &mut report;
        for list in [causes, warnings] {
            attribute_all(builds, list, |_, cause| by_status(builds, cause));
        }
        Reading { report, sound: self.sound }
    }
}
