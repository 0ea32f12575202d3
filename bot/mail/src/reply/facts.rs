//! What a reply says, as data for its template. Every text is one line and harmless.

use serde::Serialize;
use triage_causes::report::{Applicability, Build, Cause, Fix, Kind, Report, Status};
use triage_report::summary::{self, Voice};
use triage_report::{matrix, safe, snippet, words};

use super::guard::is_safe_patch;
use super::reproduce;

/// Causes that are told in full.
const FULL: usize = 3;
/// Causes that get a line each after those.
const LISTED: usize = 20;
/// Builds that are listed.
const BUILDS: usize = 6;
/// Lines of a patch that a mail shows; a longer one is only named.
const PATCH_LINES: usize = 150;
/// Characters of a source line.
const SOURCE_COLUMNS: usize = 160;

/// How a mail writes what comes from a log.
const VOICE: Voice = Voice { name: safe::line, prose: safe::line };

/// How sure it is that a patch did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// Builds without and with it proved it.
    Proved,
    /// What it changes speaks for it.
    Likely,
    /// The series as a whole was built.
    Series,
}

/// Which patch did it, as far as known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blame {
    /// Its number in the series, from 1; 0 for the cover letter.
    pub number: u32,
    /// How many the series has; 0 for a pull request, of which no patch is known.
    pub total: u32,
    /// Its subject without the tag in brackets.
    pub title: String,
    /// How sure that is.
    pub certainty: Certainty,
    /// Why it is taken for the one, in words; empty when proved.
    pub reason: String,
}

/// What a reply says.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// The first name of who is answered; empty when it is none that can be written.
    pub name: String,
    /// The patch that is answered.
    pub blame: Blame,
    /// Which builds fail, in short: `arm64 with clang (2 of 4 builds)`.
    pub axis: String,
    /// The causes in full.
    pub causes: Vec<CauseFacts>,
    /// More causes, one line each.
    pub more: Vec<String>,
    /// Causes beyond those.
    pub left_out: usize,
    /// Causes in all.
    pub total: usize,
    /// What is known of the failing builds, one each.
    pub failing: Vec<String>,
    /// Failing builds beyond those.
    pub failing_more: usize,
    /// How many builds failed.
    pub failed: usize,
    /// How many builds there are.
    pub builds: usize,
    /// The grid of the builds, when there are several.
    pub grid: Vec<String>,
    /// Commands that build it again.
    pub reproduce: Vec<String>,
    /// The commit on which the patches were built.
    pub base: String,
    /// What the failures are compared with; empty without a baseline.
    pub baseline: String,
    /// The tag `Fixes:` with its text, when a commit is proved; else empty.
    pub fixes: String,
    /// The bot, for the tag `Reported-by:`.
    pub reported_by: String,
    /// Where this mail will be found, for the tag `Closes:`; empty when there is no archive.
    pub closes: String,
    /// Where the logs are; empty when nowhere.
    pub logs: String,
    /// Causes that an earlier mail to this version told.
    pub earlier: usize,
    /// Lines of an answer to commands.
    pub answers: Vec<String>,
    /// The version of the program.
    pub version: String,
    /// The address to which commands go.
    pub bot: String,
}

/// A cause.
#[derive(Debug, Clone, Serialize)]
pub struct CauseFacts {
    /// `>> ` for what is new beside a baseline, and its number when there is a grid.
    pub mark: String,
    /// `file:line:column`, or where in the log.
    pub place: String,
    /// One line for a person.
    pub title: String,
    /// The function, as a call.
    pub function: String,
    /// The source line and its marks, as the compiler shows them.
    pub source: Vec<String>,
    /// What else there is to know, a line each.
    pub facts: Vec<String>,
    /// Whether the fix was compiled: `verified`, `unverified`, or `advice`.
    pub fix_kind: String,
    /// What to do, in words.
    pub fix: String,
    /// The diff, when it is to be shown.
    pub patch: String,
    /// True when there is a diff that is too long or too odd to be shown.
    pub patch_hidden: bool,
    /// What the message means: for those who ask.
    pub explanation: String,
    /// Its history, in words; empty when it is not known.
    pub history: String,
    /// 16 hexadecimal digits.
    pub fingerprint: String,
}

/// The causes that are worth a mail: faults of the code. What the builder did to itself is no
/// author's business.
pub fn tellable(report: &Report) -> Vec<&Cause> {
    report.causes.iter().filter(|cause| cause.kind == Kind::Code && !says_nothing(cause)).collect()
}

/// True for what stands for a failure whose message is missing: nobody can repair that.
fn says_nothing(cause: &Cause) -> bool {
    matches!(cause.class.as_str(), "command-failed" | "truncated") && cause.location.is_none()
}

/// What the causes and builds of a report come to. What depends on the mail around them is left
/// empty.
pub fn of_report(report: &Report, causes: &[&Cause], blame: Blame) -> Facts {
    let full = if causes.len() == FULL + 1 { FULL + 1 } else { FULL };
    let listed = causes.iter().skip(full);
    let failing: Vec<&Build> = report
        .builds
        .iter()
        .filter(|build| build.status == Status::Fail && causes.iter().any(|cause| cause.builds.contains(&build.id)))
        .collect();
    let first = causes.first().copied();
    let grid = grid(report, causes);
    // The grid names causes by their numbers.
    let number = |at: usize| (!grid.is_empty()).then_some(at);
    let reproduce = first.and_then(|cause| {
        let build = report.builds.iter().find(|build| cause.builds.contains(&build.id))?;
        Some(reproduce::kernel(build, cause))
    });
    let proved = first.and_then(|cause| cause.proved.as_ref());
    let fixes = proved.and_then(|proved| proved.fixes.as_deref()).map(fixes_value).unwrap_or_default();
    Facts {
        name: String::new(),
        blame,
        axis: axis(report, first, &failing),
        causes: (1..).zip(causes.iter().take(full)).map(|(at, cause)| cause_facts(cause, report, number(at))).collect(),
        more: (full + 1..).zip(listed.clone().take(LISTED)).map(|(at, cause)| one_line(cause, number(at))).collect(),
        left_out: listed.count().saturating_sub(LISTED),
        total: causes.len(),
        failing: failing.iter().take(BUILDS).map(|build| build_name(build)).collect(),
        failing_more: failing.len().saturating_sub(BUILDS),
        failed: report.builds.iter().filter(|build| build.status == Status::Fail).count(),
        builds: report.builds.len(),
        grid: grid.clone(),
        reproduce: reproduce.unwrap_or_default(),
        base: String::new(),
        baseline: report.baseline.as_ref().map(|baseline| safe::line(&baseline.name)).unwrap_or_default(),
        fixes,
        reported_by: String::new(),
        closes: String::new(),
        logs: String::new(),
        earlier: 0,
        answers: Vec::new(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        bot: String::new(),
    }
}

/// The text behind `Fixes:`.
fn fixes_value(line: &str) -> String {
    let line = safe::line(line);
    line.strip_prefix("Fixes:").unwrap_or(&line).trim().to_owned()
}

/// Which builds fail, for the first sentence.
fn axis(report: &Report, first: Option<&Cause>, failing: &[&Build]) -> String {
    let count = format!("{} of {} builds", failing.len(), report.builds.len());
    let statement = first.and_then(|cause| summary::attributed(cause, report, VOICE));
    match (statement, failing) {
        (Some(_), _) => {
            let statement = first.map(|cause| safe::line(&cause.attribution.statement)).unwrap_or_default();
            format!("{} ({count})", shorten(&statement))
        }
        (None, [one]) => build_name(one),
        (None, _) => count,
    }
}

fn cause_facts(cause: &Cause, report: &Report, number: Option<usize>) -> CauseFacts {
    let place = match &cause.location {
        Some(location) => safe::line(summary::place(location).trim_start_matches("./")),
        None => summary::log_place(cause, safe::line),
    };
    let best = cause.fixes.first();
    let patch = best.and_then(|fix| fix.patch.as_deref());
    let shown = patch.filter(|patch| is_safe_patch(patch) && patch.lines().count() <= PATCH_LINES);
    CauseFacts {
        mark: summary::mark(cause, number),
        place,
        title: safe::line(&summary::title(cause)),
        function: cause.function.as_deref().map(|name| safe::line(&words::call(name))).unwrap_or_default(),
        source: source_lines(cause),
        facts: more_facts(cause, report),
        fix_kind: best.map_or("advice", kind_of).to_owned(),
        fix: best.map(|fix| safe::line(&fix.title)).unwrap_or_default(),
        patch: shown.unwrap_or_default().to_owned(),
        patch_hidden: patch.is_some() && shown.is_none(),
        explanation: safe::line(&cause.explanation),
        history: String::new(),
        fingerprint: safe::line(&cause.fingerprint),
    }
}

/// A patch that was not shown to be one is words.
fn kind_of(fix: &Fix) -> &'static str {
    match fix.applicability {
        Applicability::Verified => "verified",
        Applicability::Unverified => "unverified",
        Applicability::Advice => "advice",
    }
}

/// What helps to judge the cause, most to the point first.
fn more_facts(cause: &Cause, report: &Report) -> Vec<String> {
    let mut facts = Vec::new();
    if summary::message_adds(cause) {
        facts.push(format!("the message: {}", safe::line(&shorten(&cause.message))));
    }
    facts.extend(summary::macros(cause).into_iter().take(2).map(|name| words::through_macro(&safe::line(name))));
    if let Some(from) = cause.includes.last() {
        facts.push(words::included_from(&safe::line(&summary::place(from))));
    }
    facts.extend(summary::extent(cause, VOICE));
    facts.extend(summary::attributed(cause, report, VOICE));
    if !cause.guards.is_empty() {
        let guards: Vec<String> = cause.guards.iter().take(4).map(|guard| safe::line(guard)).collect();
        facts.push(format!("{} {}", words::GUARDS, guards.join(", ")));
    }
    facts
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// `  26 |   source` and `     |   ^~~~`.
fn source_lines(cause: &Cause) -> Vec<String> {
    let Some(excerpt) = snippet::excerpt(cause, None, 0) else { return Vec::new() };
    let Some(line) = excerpt.text.lines().next().map(str::trim_end) else { return Vec::new() };
    if line.chars().count() > SOURCE_COLUMNS {
        return Vec::new();
    }
    let number = excerpt.first_line.map(|number| number.to_string()).unwrap_or_default();
    let mut out = vec![format!("{number:>6} | {line}")];
    if let Some(range) = excerpt.primary
        && let (Some(before), Some(marked)) =
            (line.get(..range.start), line.get(range.start..range.end.min(line.len())))
    {
        let columns = triage_report::wrap::width;
        out.push(format!("{:>6} | {}{}", "", " ".repeat(columns(before)), "^".repeat(columns(marked).max(1))));
    }
    out
}

/// `file:line: title`.
fn one_line(cause: &Cause, number: Option<usize>) -> String {
    let place = match &cause.location {
        Some(_) => safe::line(&summary::place_of(cause)),
        None => summary::log_place(cause, safe::line),
    };
    format!("{}{place}: {}", summary::mark(cause, number), safe::line(&summary::title(cause)))
}

/// `arm64 defconfig, clang 19.1`.
fn build_name(build: &Build) -> String {
    let axis = |name: &str| build.axes.get(name).map(String::as_str).unwrap_or_default();
    let joined = |names: [&str; 2]| {
        names.iter().map(|name| axis(name)).filter(|value| !value.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let parts = [joined(["arch", "config"]), joined(["toolchain", "version"])];
    let known: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    safe::line(&if known.is_empty() { build.id.clone() } else { known.join(", ") })
}

/// The grid with the causes that are told, when there is one that fits.
fn grid(report: &Report, causes: &[&Cause]) -> Vec<String> {
    let causes = causes.iter().map(|cause| (*cause).clone()).collect();
    let report = &Report { causes, builds: report.builds.clone(), ..Report::default() };
    let mut out = Vec::new();
    // Writing to memory cannot fail; without a grid nothing is written.
    let _ = matrix::table::grid(report, super::guard::COLUMNS, &mut out);
    let text = String::from_utf8_lossy(&out);
    let lines: Vec<String> = text.trim_end().lines().map(str::to_owned).collect();
    if lines.len() > 30 { Vec::new() } else { lines }
}
