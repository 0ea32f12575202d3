//! Markdown for comments on forges: short enough for a thread, the long parts folded.

use std::io;

use triage_causes::report::{Applicability, Cause, Fix, Report};

use crate::summary::{self, Label, Voice};
use crate::{Options, matrix, safe, snippet, words};

/// Causes that are shown in full; those after them get a line each.
const SHOWN: usize = 20;

/// Lines of a patch that are shown unfolded.
const SHORT_PATCH: usize = 25;

const VOICE: Voice = Voice { name: safe::markdown_code, prose: safe::markdown_prose };

/// Writes the report.
pub fn render(report: &Report, options: &Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "### {}\n", title(report))?;
    if options.matrix {
        matrix::markdown::render(report, out)?;
    }
    list(report, &report.causes, Label::of_cause, options, out)?;
    list(report, &report.warnings, Label::of_warning, options, out)?;
    for problem in &report.problems {
        let text = safe::markdown(&words::problem(&problem.name, &problem.message));
        writeln!(out, "- {}: {text}", words::NOTE)?;
    }
    if !report.problems.is_empty() {
        writeln!(out)?;
    }
    if !report.causes.is_empty() {
        let parts = [safe::markdown(&summary::builds(report)), summary::effort(report, options.elapsed)];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        writeln!(out, "<sub>{}</sub>", parts.join(" · "))?;
    }
    Ok(())
}

fn title(report: &Report) -> String {
    if !report.causes.is_empty() {
        return summary::totals(report);
    }
    let mut title = summary::verdict(report);
    if report.summary.warnings > 0 && report.warnings.is_empty() {
        title.push(' ');
        title.push_str(&words::hidden_warnings(report.summary.warnings));
    }
    title
}

fn list(
    report: &Report,
    causes: &[Cause],
    label: fn(&Cause) -> Label,
    options: &Options<'_>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let full = if options.quiet { 0 } else { causes.len().min(SHOWN) };
    let numbered = options.matrix && report.builds.len() > 1 && std::ptr::eq(causes, &*report.causes);
    for (at, cause) in causes[..full].iter().enumerate() {
        if numbered {
            write!(out, "{}\\. ", at + 1)?;
        }
        block(report, label(cause), cause, options, out)?;
    }
    let rest = &causes[full..];
    if rest.is_empty() {
        return Ok(());
    }
    if full > 0 {
        writeln!(out, "{}\n", words::more_causes(rest.len() as u64))?;
    }
    for cause in rest {
        writeln!(out, "- {}{}", heading(label(cause), cause), after_place(cause))?;
    }
    writeln!(out)
}

/// `**error:** title (rule)`.
fn heading(label: Label, cause: &Cause) -> String {
    let rule = safe::markdown_code(&cause.rule);
    let new = if summary::is_new(cause) { "**new** " } else { "" };
    format!("{new}**{}:** {} ({rule})", label.word(), safe::markdown_prose(&summary::title(cause)))
}

/// ` at place` for lists.
fn after_place(cause: &Cause) -> String {
    cause.location.as_ref().map(|at| format!(", {}", safe::markdown_code(&summary::place(at)))).unwrap_or_default()
}

fn block(
    report: &Report,
    label: Label,
    cause: &Cause,
    options: &Options<'_>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out, "{}\n", heading(label, cause))?;
    if let Some(location) = &cause.location {
        let mut place = safe::markdown_code(&summary::place(location));
        if let Some(function) = &cause.function {
            place.push_str(&words::in_function(&safe::markdown_code(&words::call(function))));
        }
        writeln!(out, "{place}\n")?;
    } else if cause.log.line > 0 {
        writeln!(out, "{}\n", words::in_log(&summary::log_place(cause, safe::markdown_code)))?;
    }
    if let Some(excerpt) = snippet::excerpt(cause, options.source, 0) {
        // Forges have no marks of their own, so the line of marks comes along.
        let mut text = excerpt.text.lines().next().unwrap_or_default().to_owned();
        if let Some(marks) = snippet::marks(&excerpt) {
            text.push('\n');
            text.push_str(&marks);
        }
        writeln!(out, "{}", safe::markdown_fence("c", &text))?;
    }
    // The first fix stands below the list with its patch.
    let mut shown = cause.clone();
    let first = (!shown.fixes.is_empty()).then(|| shown.fixes.remove(0));
    let references = std::mem::take(&mut shown.references);
    if options.verbose == 0 {
        shown.fixes.clear();
    }
    let facts = summary::facts(&shown, report, VOICE, options.verbose, None);
    for fact in &facts {
        let head = if fact.head.is_empty() { String::new() } else { format!("{}: ", fact.head) };
        writeln!(out, "- {head}{}", fact.text)?;
    }
    if options.verbose > 0 {
        for reference in &references {
            writeln!(out, "- {}: {}", words::SEE, safe::markdown_link(reference))?;
        }
    }
    if !facts.is_empty() {
        writeln!(out)?;
    }
    match first {
        Some(first) => fix(&first, out),
        None => Ok(()),
    }
}

fn fix(fix: &Fix, out: &mut dyn io::Write) -> io::Result<()> {
    let mark = match (&fix.patch, fix.applicability) {
        (Some(_), Applicability::Unverified | Applicability::Advice) => format!(" ({})", words::UNVERIFIED),
        _ => String::new(),
    };
    writeln!(out, "**{}:** {}{mark}\n", summary::fix_head(fix), safe::markdown_prose(&fix.title))?;
    let Some(patch) = fix.patch.as_deref() else { return Ok(()) };
    let fence = safe::markdown_fence("diff", patch);
    if patch.lines().count() <= SHORT_PATCH {
        writeln!(out, "{fence}")
    } else {
        writeln!(out, "<details><summary>{}</summary>\n\n{fence}\n</details>\n", words::PATCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::fixture::{self, rendered};
    use triage_causes::report::Status;

    fn markdown(report: &Report, verbose: u8) -> String {
        rendered(report, Format::Markdown, &Options { verbose, ..fixture::options() })
    }

    #[test]
    fn brief_and_verbose() {
        insta::assert_snapshot!("brief", markdown(&fixture::mixed(), 0));
        insta::assert_snapshot!("verbose", markdown(&fixture::mixed(), 1));
    }

    #[test]
    fn no_causes() {
        let mut report = fixture::report(vec![]);
        assert_eq!(markdown(&report, 0), "### no failure found in 2 412 lines\n\n");
        report.builds[0].status = Status::Empty;
        report.summary.lines = 0;
        assert_eq!(markdown(&report, 0), "### the log is empty\n\n");
    }

    /// Takes fenced blocks and code spans out, as a reader of Markdown would.
    fn outside_of_code(text: &str) -> String {
        let mut out = String::new();
        let mut fence: Option<String> = None;
        for line in text.lines() {
            let ticks: String = line.chars().take_while(|&c| c == '`').collect();
            match &fence {
                Some(open) if line.trim_end() == *open => fence = None,
                Some(_) => {}
                None if ticks.len() >= 3 && !line[ticks.len()..].contains('`') => fence = Some(ticks),
                None => out.push_str(&without_spans(line)),
            }
            out.push('\n');
        }
        assert_eq!(fence, None, "an open fence");
        out
    }

    fn without_spans(line: &str) -> String {
        let mut out = String::new();
        let mut rest = line;
        while let Some(at) = rest.find('`') {
            if rest[..at].ends_with('\\') {
                out.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
                continue;
            }
            out.push_str(&rest[..at]);
            let ticks = rest[at..].len() - rest[at..].trim_start_matches('`').len();
            let body = &rest[at + ticks..];
            // The next run of as many backticks.
            let mut end = 0;
            loop {
                let next = body[end..].find('`').expect("a span is closed") + end;
                let run = body[next..].len() - body[next..].trim_start_matches('`').len();
                end = next + run;
                if run == ticks {
                    break;
                }
            }
            rest = &body[end..];
        }
        out + rest
    }

    #[test]
    fn hostile_text_is_only_text() {
        for verbose in 0..3 {
            let text = outside_of_code(&markdown(&fixture::hostile_report(), verbose));
            for bad in ["@all", "#12", "GH-4", "!5", "<img", "![", "](", "https://evil", "</testcase>", "`"] {
                let text = text.replace("\\`", "").replace("\\]", "");
                assert!(!text.contains(bad), "{bad} in {text}");
            }
            assert!(!text.lines().any(|line| line.trim_start().starts_with('/')), "{text}");
        }
    }
}
