//! A report as an [`Answer`]: [`triage_report::comment`] has the words, [`triage_forge`] says them.

use triage_forge::answer::{self, Answer, Level};
use triage_report::comment::{self, Manner};
use triage_report::secrets::Masked;
use triage_report::summary::Label;

/// What is said about a report. `key` ties the answers to one change together.
pub fn of(report: &Masked, key: &str, manner: &Manner<'_>) -> Answer {
    let said = comment::of(report, manner);
    Answer {
        key: key.to_owned(),
        outcome: outcome(said.outcome),
        title: said.title,
        comment: said.comment,
        summary: said.check,
        annotations: said.annotations.into_iter().map(annotation).collect(),
        suggestions: said.suggestions.into_iter().map(suggestion).collect(),
    }
}

fn outcome(outcome: comment::Outcome) -> answer::Outcome {
    match outcome {
        comment::Outcome::Failed => answer::Outcome::Failed,
        comment::Outcome::Infrastructure => answer::Outcome::Infrastructure,
        comment::Outcome::Passed => answer::Outcome::Passed,
    }
}

fn annotation(it: comment::Annotation) -> answer::Annotation {
    answer::Annotation {
        path: it.path,
        start_line: it.line,
        end_line: it.line,
        columns: it.column.map(|column| (column, column)),
        level: match it.label {
            Label::Error | Label::Infrastructure => Level::Failure,
            Label::Warning => Level::Warning,
            Label::Note => Level::Notice,
        },
        title: it.title,
        message: it.message,
        fingerprint: it.fingerprint,
    }
}

fn suggestion(it: comment::Suggestion) -> answer::Suggestion {
    answer::Suggestion {
        path: it.path,
        start_line: it.start_line,
        end_line: it.end_line,
        old: it.old,
        new: it.new,
        text: it.text,
        fingerprint: it.fingerprint,
    }
}
