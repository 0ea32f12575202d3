//! Results of builds: reports, or logs that a report is made of.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_yaml::Spanned;
use triage_causes::report::FORMAT_VERSION;
use triage_causes::{Analyzer, Options, Report};
use triage_log::container::{self, Limits};
use triage_mail::MessageId;
use triage_rules::RuleBook;

use crate::error::{Error, reason};

/// What was built and what came of it.
#[derive(Debug)]
pub struct BuildResult {
    /// What it is known by; the same result has the same name.
    pub name: String,
    /// A mail of the series; none when there is one series only.
    pub patch: Option<MessageId>,
    /// The report.
    pub report: Report,
    /// The commit on which the patches were built.
    pub base: Option<String>,
    /// Where the logs are.
    pub url: Option<String>,
    /// Commands that build it again.
    pub reproduce: Vec<String>,
}

/// A result as CI writes it, `NAME.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawResult {
    /// The Message-ID of a mail of the series.
    patch: Spanned<String>,
    /// A report in JSON, relative to the file.
    #[serde(default)]
    report: Option<PathBuf>,
    /// Logs, relative to the file.
    #[serde(default)]
    logs: Vec<PathBuf>,
    /// The commit on which the patches were built.
    #[serde(default)]
    base: Option<String>,
    /// Where the logs are.
    #[serde(default)]
    url: Option<String>,
    /// Commands that build it again.
    #[serde(default)]
    reproduce: Vec<String>,
}

/// The results in a folder, by name; with what is wrong with the others.
pub fn in_folder(folder: &Path, book: &RuleBook) -> Result<(Vec<BuildResult>, Vec<Error>), Error> {
    let entries = fs::read_dir(folder).map_err(|error| Error::Read(folder.to_owned(), error))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Error::Read(folder.to_owned(), error))?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            paths.push(path);
        }
    }
    paths.sort();
    let (mut results, mut faults) = (Vec::new(), Vec::new());
    for path in paths {
        match from_file(&path, book) {
            Ok(result) => results.push(result),
            Err(fault) => faults.push(fault),
        }
    }
    Ok((results, faults))
}

fn from_file(path: &Path, book: &RuleBook) -> Result<BuildResult, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::Read(path.to_owned(), error))?;
    let fault = |line: u64, column: u64, why: &str| Error::Result(format!("{}:{line}:{column}: {why}", path.display()));
    let raw: RawResult = serde_yaml::from_str(&text).map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        fault(line, column, error.without_snippet().to_string().lines().next().unwrap_or_default())
    })?;
    let at = raw.patch.referenced;
    let patch =
        MessageId::parse(&raw.patch.value).map_err(|error| fault(at.line(), at.column(), &error.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let report = match (&raw.report, raw.logs.as_slice()) {
        (Some(report), []) => read_report(&folder.join(report))?,
        (None, [_, ..]) => {
            let logs: Vec<PathBuf> = raw.logs.iter().map(|log| folder.join(log)).collect();
            read_logs(&logs, book)?
        }
        _ => return Err(fault(1, 1, "give either 'report' or 'logs'")),
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(BuildResult { name, patch: Some(patch), report, base: raw.base, url: raw.url, reproduce: raw.reproduce })
}

/// A report that `--format json` wrote.
pub fn read_report(path: &Path) -> Result<Report, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::Read(path.to_owned(), error))?;
    let report: Report = serde_json::from_str(&text).map_err(|error| {
        Error::Result(format!("{}:{}:{}: this is no report: {error}", path.display(), error.line(), error.column()))
    })?;
    if report.version != FORMAT_VERSION {
        let why = format!("the report has version {}, this program knows {FORMAT_VERSION}", report.version);
        return Err(Error::Result(format!("{}:1:1: {why}", path.display())));
    }
    Ok(report)
}

/// The report on some logs.
pub fn read_logs(paths: &[PathBuf], book: &RuleBook) -> Result<Report, Error> {
    let mut analyzer = Analyzer::new(book, Options::default());
    for path in paths {
        let mut file = File::open(path).map_err(|error| Error::Read(path.clone(), error))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let outcome = container::open(&name, &mut file, Limits::default(), &mut |member| {
            analyzer.begin(&member.name);
            let summary = triage_log::read_log(&mut *member.reader, &mut |diagnostic| analyzer.diagnostic(diagnostic))?;
            analyzer.end(&summary);
            Ok(())
        });
        match outcome {
            Ok(problems) => problems.into_iter().for_each(|problem| analyzer.problem(problem.name, problem.message)),
            Err(error) => analyzer.problem(name, reason(&error)),
        }
    }
    Ok(analyzer.finish())
}
