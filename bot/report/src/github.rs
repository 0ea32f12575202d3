//! For a step of GitHub Actions: workflow commands that annotate the change, then the report as
//! text for the log of the step.
//!
//! The runner keeps ten errors and ten warnings of a step; the rest is counted in a notice. The
//! text comes after `::stop-commands::`, so that nothing in it can be a command.

use std::io;

use triage_causes::report::{Cause, Report};

use crate::comment::annotations;
use crate::summary::{self, Label};
use crate::{Options, safe, text, words};

/// Annotations of a kind that GitHub shows for a step.
const LIMIT: usize = 10;

/// Writes the commands and the text.
pub fn render(report: &Report, options: &Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    for cause in report.causes.iter().take(LIMIT) {
        writeln!(out, "{}", command(report, Label::of_cause(cause), cause, options))?;
    }
    for cause in report.warnings.iter().take(LIMIT) {
        writeln!(out, "{}", command(report, Label::of_warning(cause), cause, options))?;
    }
    let more = report.causes.len().saturating_sub(LIMIT) as u64;
    if more > 0 {
        let title = safe::workflow_property(words::PROGRAM);
        writeln!(out, "::notice title={title}::{}", safe::workflow_message(&words::more_below(more)))?;
    }
    let mut log = Vec::new();
    text::render(report, options, &mut log)?;
    let token = token(&log);
    writeln!(out, "::stop-commands::{token}")?;
    out.write_all(&log)?;
    writeln!(out, "::{token}::")
}

fn command(report: &Report, label: Label, cause: &Cause, options: &Options<'_>) -> String {
    let name = match label {
        Label::Error | Label::Infrastructure => "error",
        Label::Warning => "warning",
        Label::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some((file, place)) = summary::in_repository(cause) {
        properties.push(format!("file={}", safe::workflow_property(&file)));
        if let Some(line) = place.line {
            properties.push(format!("line={line}"));
            if let Some(column) = place.column {
                properties.push(format!("col={column}"));
            }
        }
    }
    let title = match label.level() {
        (_, Some(word)) => format!("{word}: {}", summary::title(cause)),
        _ => summary::title(cause),
    };
    properties.push(format!("title={}", safe::workflow_property(&title)));
    let message = annotations::message(report, cause, options.verbose);
    format!("::{name} {}::{}", properties.join(","), safe::workflow_message(&message))
}

/// A word that is not in the text: nobody can write it into a log beforehand, since it comes from
/// the text as a whole.
fn token(text: &[u8]) -> String {
    // FNV-1a; that the word is not in the text is checked, so that it need not be stronger.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in text {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    let text = String::from_utf8_lossy(text);
    loop {
        let token = format!("{}-{hash:016x}", words::PROGRAM);
        if !text.contains(&token) {
            return token;
        }
        hash = hash.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::fixture::{self, rendered};

    #[test]
    fn commands_and_text() {
        insta::assert_snapshot!(rendered(&fixture::mixed(), Format::Github, &fixture::options()));
    }

    #[test]
    fn ten_annotations() {
        let report = fixture::report(vec![fixture::cause(); 13]);
        let text = rendered(&report, Format::Github, &fixture::options());
        assert_eq!(text.matches("::error file=").count(), 10);
        assert!(text.contains("\n::notice title=triage::3 more causes are in the log of this step\n"), "{text}");
    }

    #[test]
    fn hostile_text_gives_no_command() {
        let text = rendered(&fixture::hostile_report(), Format::Github, &fixture::options());
        let commands: Vec<&str> = text
            .lines()
            .filter(|line| line.trim_start().starts_with("::"))
            .map(|line| line.split([' ', '%']).next().unwrap_or_default())
            .collect();
        assert_eq!(commands.len(), 5, "{commands:?}");
        assert_eq!(commands[..3], ["::error", "::error", "::warning"]);
        assert!(commands[3].starts_with("::stop-commands::triage-"));
        assert_eq!(commands[4], commands[3].replace("stop-commands::", "") + "::");
    }

    #[test]
    fn the_token_is_not_in_the_text() {
        let first = token(b"x");
        let mut text = b"x".to_vec();
        text.extend(first.as_bytes());
        assert!(!String::from_utf8(text.clone()).unwrap().contains(&token(&text)));
    }
}
