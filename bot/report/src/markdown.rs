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
        writeln!(out, "<sub>{}</sub>", effort(report, options).join(" · "))?;
    }
    Ok(())
}

/// What was read, for the footer.
pub(crate) fn effort(report: &Report, options: &Options<'_>) -> Vec<String> {
    let parts = [safe::markdown(&summary::builds(report)), summary::effort(report, options.elapsed)];
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

pub(crate) fn title(report: &Report) -> String {
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
        let number = numbered.then_some(at + 1);
        let block = Block { report, label: label(cause), number, fold_above: SHORT_PATCH, is_brief: false };
        out.write_all(block.render(cause, options).as_bytes())?;
    }
    let rest = &causes[full..];
    if rest.is_empty() {
        return Ok(());
    }
    if full > 0 {
        writeln!(out, "{}\n", words::more_causes(rest.len() as u64))?;
    }
    for cause in rest {
        writeln!(out, "{}", item(label(cause), cause))?;
    }
    writeln!(out)
}

/// `**error:** title (rule)`.
pub(crate) fn heading(label: Label, cause: &Cause) -> String {
    let rule = safe::markdown_code(&cause.rule);
    let new = if summary::is_new(cause) { "**new** " } else { "" };
    format!("{new}**{}:** {} ({rule})", label.word(), safe::markdown_prose(&summary::title(cause)))
}

/// A cause as one line of a list.
pub(crate) fn item(label: Label, cause: &Cause) -> String {
    let place = cause.location.as_ref().map(|at| format!(", {}", safe::markdown_code(&summary::place(at))));
    format!("- {}{}", heading(label, cause), place.unwrap_or_default())
}

/// How a cause is told in full.
pub(crate) struct Block<'r> {
    /// What it is part of.
    pub report: &'r Report,
    /// How it is headed.
    pub label: Label,
    /// Its number, where a grid names it by that.
    pub number: Option<usize>,
    /// Lines of a patch above which it is folded.
    pub fold_above: usize,
    /// Without source line and patch.
    pub is_brief: bool,
}

impl Block<'_> {
    /// First what, where, why, since when and the fix, each in a line; then what else there is.
    pub fn render(&self, cause: &Cause, options: &Options<'_>) -> String {
        let mut out = String::new();
        if let Some(number) = self.number {
            out.push_str(&format!("{number}\\. "));
        }
        out.push_str(&heading(self.label, cause));
        out.push_str("\n\n");
        let lines = self.lines(cause, options);
        for line in &lines {
            out.push_str(&format!("- {line}\n"));
        }
        if !lines.is_empty() {
            out.push('\n');
        }
        if self.is_brief {
            return out;
        }
        if let Some(excerpt) = snippet::excerpt(cause, options.source, 0) {
            // Forges have no marks of their own, so the line of marks comes along.
            let mut text = excerpt.text.lines().next().unwrap_or_default().to_owned();
            if let Some(marks) = snippet::marks(&excerpt) {
                text.push('\n');
                text.push_str(&marks);
            }
            out.push_str(&safe::markdown_fence("c", &text));
            out.push('\n');
        }
        if let Some(patch) = cause.fixes.first().and_then(|fix| fix.patch.as_deref()) {
            let fence = safe::markdown_fence("diff", patch);
            if patch.lines().count() <= self.fold_above {
                out.push_str(&fence);
            } else {
                out.push_str(&folded(words::PATCH, &fence));
            }
            out.push('\n');
        }
        out
    }

    /// The facts as lines, the most wanted first.
    fn lines(&self, cause: &Cause, options: &Options<'_>) -> Vec<String> {
        let (place, told) = place(cause);
        let mut facts = summary::facts(cause, self.report, VOICE, options.verbose, None);
        facts.retain(|fact| !told.contains(&fact.text));
        // The sort is stable: what has the same rank stays in its order.
        facts.sort_by_key(|fact| match fact.head {
            words::MESSAGE => 0,
            words::AXES | words::HISTORY => 1,
            words::SUSPECT | words::PROVED | words::FIXES => 2,
            words::VERIFIED_FIX | words::FIX | words::HELP => 3,
            _ => 4,
        });
        // A fix for which there is no patch is unverified by nature.
        let mark = match cause.fixes.first() {
            Some(Fix { patch: Some(_), applicability: Applicability::Unverified | Applicability::Advice, .. }) => {
                format!(" ({})", words::UNVERIFIED)
            }
            _ => String::new(),
        };
        let mut mark = Some(mark);
        let mut lines: Vec<String> = place.into_iter().collect();
        for fact in &facts {
            lines.push(match fact.head {
                "" => fact.text.clone(),
                head @ (words::VERIFIED_FIX | words::FIX | words::HELP) => {
                    format!("**{head}:** {}{}", fact.text, mark.take().unwrap_or_default())
                }
                words::SEE => continue,
                head => format!("{head}: {}", fact.text),
            });
        }
        if options.verbose > 0 {
            let references = cause.references.iter();
            lines.extend(references.map(|address| format!("{}: {}", words::SEE, safe::markdown_link(address))));
        }
        lines
    }
}

/// The line that says where, and the facts that it has told.
fn place(cause: &Cause) -> (Option<String>, Vec<String>) {
    let Some(location) = &cause.location else {
        let place = words::in_log(&summary::log_place(cause, safe::markdown_code));
        return ((cause.log.line > 0).then_some(place), Vec::new());
    };
    let mut line = safe::markdown_code(&summary::place(location));
    if let Some(function) = &cause.function {
        line.push_str(&words::in_function(&safe::markdown_code(&words::call(function))));
    }
    let mut told: Vec<String> =
        summary::macros(cause).iter().take(1).map(|name| words::through_macro(&safe::markdown_code(name))).collect();
    let from = cause.includes.first().map(|from| words::included_from(&safe::markdown_code(&summary::place(from))));
    told.extend(from);
    for part in &told {
        line.push_str(", ");
        line.push_str(part);
    }
    (Some(line), told)
}

/// Markdown that is shown when it is asked for. `summary` is ours.
pub(crate) fn folded(summary: &str, text: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{text}\n</details>\n")
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
