//! GitLab's Code Quality: a list of places with what is wrong there.
//!
//! GitLab shows nothing without a file, so causes without a location are left out.

use std::io;

use serde::Serialize;
use triage_causes::report::{Cause, Report};
use triage_log::diagnostic::Severity;

use crate::json::pretty;
use crate::safe;
use crate::summary::{self, Label};

/// One entry of the list.
#[derive(Serialize)]
struct Entry {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Place,
}

#[derive(Serialize)]
struct Place {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// Writes the list.
pub fn render(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let entries: Vec<Entry> = summary::labelled(report).filter_map(|(label, cause)| entry(label, cause)).collect();
    pretty(&entries, out)
}

fn entry(label: Label, cause: &Cause) -> Option<Entry> {
    let (path, place) = summary::in_repository(cause)?;
    let mut description = safe::line(&cause.title);
    if let (_, Some(word)) = label.level() {
        description = format!("{word}: {description}");
    }
    Some(Entry {
        description,
        check_name: safe::line(&cause.rule),
        fingerprint: safe::line(&cause.fingerprint),
        severity: severity(label, cause),
        location: Place { path: safe::line(&path), lines: Lines { begin: place.line.unwrap_or(1).max(1) } },
    })
}

fn severity(label: Label, cause: &Cause) -> &'static str {
    match (label, cause.severity) {
        (Label::Warning, _) => "minor",
        (Label::Note, _) => "info",
        (_, Severity::Fatal) => "blocker",
        _ => "critical",
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::{self, rendered};
    use crate::{Format, Options};

    #[test]
    fn causes_with_a_place() {
        insta::assert_snapshot!(rendered(&fixture::mixed(), Format::CodeQuality, &Options::default()));
        assert_eq!(rendered(&fixture::report(vec![]), Format::CodeQuality, &Options::default()), "[]\n");
    }
}
