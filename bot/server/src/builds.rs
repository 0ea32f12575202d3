//! Results of builds: reports, or logs that a report is made of.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_yaml::Spanned;
use triage_causes::report::FORMAT_VERSION;
use triage_causes::{Analyzer, Options, Report};
use triage_log::container::{self, Limits};
use triage_mail::MessageId;
use triage_mail::series::Commit;
use triage_report::secrets::{self, Masked};
use triage_rules::RuleBook;

use crate::error::{Error, reason};
use crate::named::Named;

/// What was built and what came of it.
#[derive(Debug)]
pub struct BuildResult {
    /// What it is known by; the same result has the same name.
    pub name: String,
    /// Which series it is about; none when there is one series only.
    pub about: Option<Named>,
    /// It was given on the command line, so that somebody waits for an answer.
    pub is_typed: bool,
    /// The report. Nothing of it can be sent or stored with a secret in it.
    pub report: Masked,
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
    #[serde(default)]
    patch: Option<Spanned<String>>,
    /// A commit that was made of one of its patches, or that a pull request ends with.
    #[serde(default)]
    commit: Option<Spanned<String>>,
    /// That commit as `git format-patch -1 --stdout` writes it, relative to the file.
    #[serde(default)]
    commit_patch: Option<PathBuf>,
    /// Its change-id, perhaps with `:v2`.
    #[serde(default)]
    change: Option<Spanned<String>>,
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

/// The results in a folder, by name; with what is wrong with the others. Commits are looked up in the
/// repository, when there is one.
pub fn in_folder(
    folder: &Path,
    repository: Option<&Path>,
    book: &RuleBook,
) -> Result<(Vec<BuildResult>, Vec<Error>), Error> {
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
        match from_file(&path, repository, book) {
            Ok(result) => results.push(result),
            Err(fault) => faults.push(fault),
        }
    }
    Ok((results, faults))
}

fn from_file(path: &Path, repository: Option<&Path>, book: &RuleBook) -> Result<BuildResult, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::Read(path.to_owned(), error))?;
    let fault = |line: u64, column: u64, why: &str| Error::Result(format!("{}:{line}:{column}: {why}", path.display()));
    let raw: RawResult = serde_yaml::from_str(&text).map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        fault(line, column, error.without_snippet().to_string().lines().next().unwrap_or_default())
    })?;
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
    let wrong = |text: &Spanned<String>, why: String| fault(text.referenced.line(), text.referenced.column(), &why);
    let about = match (&raw.patch, &raw.commit, &raw.commit_patch, &raw.change) {
        (Some(id), None, None, None) => {
            Named::Message(MessageId::parse(&id.value).map_err(|error| wrong(id, error.to_string()))?)
        }
        (None, Some(commit), None, None) => {
            Named::commit(&commit.value, repository).map_err(|error| wrong(commit, error.to_string()))?
        }
        (None, None, Some(file), None) => read_commit(&folder.join(file))?,
        (None, None, None, Some(change)) => Named::change(&change.value).map_err(|why| wrong(change, why))?,
        (None, None, None, None) => {
            let named = Named::of_report(&report, repository).map_err(|why| fault(1, 1, &why))?;
            named
                .ok_or_else(|| fault(1, 1, "say what was built: give 'patch', 'commit', 'commit_patch' or 'change'"))?
        }
        _ => return Err(fault(1, 1, "give one of 'patch', 'commit', 'commit_patch' and 'change'")),
    };
    Ok(BuildResult {
        name,
        about: Some(about),
        is_typed: false,
        report,
        base: raw.base,
        url: raw.url.map(|url| secrets::mask(&url).into_owned()),
        reproduce: raw.reproduce.iter().map(|line| secrets::mask(line).into_owned()).collect(),
    })
}

/// A commit that `git format-patch -1 --stdout` wrote.
pub fn read_commit(path: &Path) -> Result<Named, Error> {
    let raw = fs::read(path).map_err(|error| Error::Read(path.to_owned(), error))?;
    let commit = Commit::from_patch(&raw);
    commit
        .map(|commit| Named::Commit(Box::new(commit)))
        .map_err(|error| Error::Result(format!("{}:1:1: {error}", path.display())))
}

/// A report that `--format json` wrote.
pub fn read_report(path: &Path) -> Result<Masked, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::Read(path.to_owned(), error))?;
    let report: Report = serde_json::from_str(&text).map_err(|error| {
        Error::Result(format!("{}:{}:{}: this is no report: {error}", path.display(), error.line(), error.column()))
    })?;
    if report.version != FORMAT_VERSION {
        let why = format!("the report has version {}, this program knows {FORMAT_VERSION}", report.version);
        return Err(Error::Result(format!("{}:1:1: {why}", path.display())));
    }
    Ok(masked(report))
}

/// Masks what the logs leak, and tells the operator that they do.
pub fn masked(report: Report) -> Masked {
    let report = Masked::of(report);
    for (kind, times) in report.found() {
        let times = triage_report::words::count(times, "time", "times");
        crate::complain(&format!("the logs show a secret ({kind}, {times}): it is masked in what I say; revoke it"));
    }
    report
}

/// The report on some logs.
pub fn read_logs(paths: &[PathBuf], book: &RuleBook) -> Result<Masked, Error> {
    let mut analyzer = Analyzer::new(book, Options::default());
    for path in paths {
        let mut file = File::open(path).map_err(|error| Error::Read(path.clone(), error))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Err(error) = read_into(&mut analyzer, &name, &mut file, Limits::default(), &mut |_| {}) {
            analyzer.problem(name, reason(&error));
        }
    }
    Ok(masked(analyzer.finish()))
}

/// Reads a log, or all of an archive, into a report; `see` is told the name of each log that is read.
pub fn read_into(
    analyzer: &mut Analyzer<'_>,
    name: &str,
    input: &mut dyn Read,
    limits: Limits,
    see: &mut dyn FnMut(&str),
) -> io::Result<()> {
    let problems = container::open(name, input, limits, &mut |member| {
        see(&member.name);
        analyzer.begin(&member.name);
        let summary = triage_log::read_log(&mut *member.reader, &mut |diagnostic| analyzer.diagnostic(diagnostic))?;
        analyzer.end(&summary);
        Ok(())
    })?;
    problems.into_iter().for_each(|problem| analyzer.problem(problem.name, problem.message));
    Ok(())
}
