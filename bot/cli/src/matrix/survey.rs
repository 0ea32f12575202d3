//! Reads the builds of a matrix: one report over all, each build with its axes.

use std::collections::HashMap;

use triage_causes::matrix::axes::{self, Axes};
use triage_causes::matrix::times::Measured;
use triage_causes::report::Build;
use triage_causes::{Analyzer, Options, Report};
use triage_log::diagnostic::{LogSpan, Severity};
use triage_rules::RuleBook;

use super::sources::Sources;
use crate::inputs::Unreadable;
use crate::pipeline::{self, Event};
use crate::progress::Progress;

/// Errors of a build whose place in the log is remembered.
const SPANS: usize = 2;
/// Bytes of a message that stands for an excerpt.
const MESSAGE_MAX: usize = 400;

/// What was read.
#[derive(Debug, Default)]
pub struct Survey {
    /// The report, without attribution by files.
    pub report: Option<Report>,
    /// What could not be read.
    pub faults: Vec<Unreadable>,
    /// Build times by log.
    pub measured: HashMap<String, Vec<Measured>>,
    /// The first errors of each failing log, with their messages.
    pub errors: HashMap<String, Vec<(LogSpan, String)>>,
}

/// Reads all logs.
pub fn read(sources: &Sources, book: &RuleBook, options: Options, progress: &Progress) -> Survey {
    let mut out = Survey::default();
    let mut analyzer = Analyzer::new(book, options);
    let mut log = String::new();
    let mut heads: HashMap<String, Axes> = HashMap::new();
    for fault in &sources.faults {
        analyzer.problem(&fault.name, &fault.reason);
    }
    out.faults.extend(sources.faults.iter().cloned());
    pipeline::read_noting(&sources.inputs, progress, &mut |event| match event {
        Event::Begin(name) => {
            analyzer.begin(&name);
            log = name;
        }
        Event::Diagnostic(diagnostic) => {
            if diagnostic.severity >= Severity::Error {
                let errors = out.errors.entry(log.clone()).or_default();
                if errors.len() < SPANS {
                    let message: String = diagnostic.message.chars().take(MESSAGE_MAX).collect();
                    errors.push((diagnostic.span, message));
                }
            }
            analyzer.diagnostic(*diagnostic);
        }
        Event::Noted(notes) => {
            if !notes.measured.is_empty() {
                out.measured.insert(log.clone(), notes.measured);
            }
            if !notes.axes.is_empty() {
                heads.insert(log.clone(), notes.axes);
            }
        }
        Event::End(summary) => analyzer.end(&summary),
        Event::LeftOut(fault) => analyzer.problem(fault.name, fault.reason),
        Event::Unreadable(fault) => {
            analyzer.problem(&fault.name, &fault.reason);
            out.faults.push(fault);
        }
    });
    let mut report = analyzer.finish();
    for build in &mut report.builds {
        build.axes = axes_of(build, sources, heads.get(&build.id));
    }
    share_versions(&mut report.builds);
    out.report = Some(report);
    out
}

/// Manifest, pattern and metadata before the log, and the log before a mere name.
fn axes_of(build: &Build, sources: &Sources, head: Option<&Axes>) -> Axes {
    let mut known = sources.of(&build.id);
    let mut own = Axes::new();
    for (name, value) in &build.axes {
        axes::add(&mut own, name, value);
    }
    // A command line says it better than the family of the first message.
    if let Some(head) = head {
        axes::fill(&mut known, head);
    }
    axes::fill(&mut known, &own);
    axes::fill(&mut known, &axes::from_name(&build.id));
    // A full version is better than `19`, when it is the same.
    if let (Some(short), Some(long)) = (known.get("version"), own.get("version"))
        && long.strip_prefix(short.as_str()).is_some_and(|rest| rest.starts_with('.'))
        && known.get("toolchain") == own.get("toolchain")
    {
        known.insert("version".into(), long.clone());
    }
    known
}

/// Logs that say `19.1.7` and others that say `19` are of one compiler, when there is but one that
/// fits: the shorter form is taken for all.
fn share_versions(builds: &mut [Build]) {
    let short: Vec<(String, String)> = builds
        .iter()
        .filter_map(|build| Some((build.axes.get("toolchain")?.clone(), build.axes.get("version")?.clone())))
        .filter(|(_, version)| !version.contains('.'))
        .collect();
    let short: std::collections::HashSet<(String, String)> = short.into_iter().collect();
    for build in builds {
        let (Some(tool), Some(version)) = (build.axes.get("toolchain"), build.axes.get("version")) else { continue };
        let major = version.split('.').next().unwrap_or(version).to_owned();
        if major != *version && short.contains(&(tool.clone(), major.clone())) {
            build.axes.insert("version".into(), major);
        }
    }
}
