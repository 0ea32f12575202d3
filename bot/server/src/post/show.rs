//! What would be posted, for people.

use std::io::{self, Write};

use triage_forge::answer::{Answer, Level, Outcome};
use triage_report::safe;

/// Prints an answer. `place` says where it would go.
pub fn answer(place: &str, answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let outcome = match answer.outcome {
        Outcome::Failed => "failed",
        Outcome::Infrastructure => "infrastructure",
        Outcome::Passed => "passed",
    };
    writeln!(out, "would answer {} as {}: {outcome}: {}\n", safe::line(place), answer.key, answer.title)?;
    match answer.outcome {
        Outcome::Passed => writeln!(out, "comment, if there is one already:\n")?,
        _ => writeln!(out, "comment:\n")?,
    }
    out.write_all(safe::block(&answer.comment).as_bytes())?;
    if !answer.annotations.is_empty() {
        writeln!(out, "\nannotations:\n")?;
    }
    for it in &answer.annotations {
        let level = match it.level {
            Level::Failure => "failure",
            Level::Warning => "warning",
            Level::Notice => "notice",
        };
        writeln!(out, "{}:{}: {level}: {}", it.path, it.start_line, it.title)?;
    }
    for it in &answer.suggestions {
        writeln!(out, "\nsuggestion at {}:{}-{}:\n", it.path, it.start_line, it.end_line)?;
        for (mark, lines) in [('-', &it.old), ('+', &it.new)] {
            for line in lines {
                writeln!(out, "{mark}{}", safe::block(line))?;
            }
        }
    }
    Ok(())
}
