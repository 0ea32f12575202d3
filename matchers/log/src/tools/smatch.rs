//! smatch: `a.c:12 f() error: uninitialized symbol 'x'.` A blank, not a colon, follows the line number.
//!
//! Source: smatch.h and smatch_helper.c (`sm_prefix`).

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Location, Severity, Tool};
use crate::line::Line;
use crate::text::has;

/// The reader of smatch's messages.
#[derive(Debug, Default)]
pub struct Smatch;

impl ToolReader for Smatch {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        if !has(line.text, b':') || !has(line.text, b'(') {
            return false;
        }
        let text = line.text.trim();
        let Some(at) = text.find("() ") else { return false };
        let (head, rest) = (text.get(..at).unwrap_or(""), text.get(at + 3..).unwrap_or(""));
        let (severity, message) = if let Some(rest) = rest.strip_prefix("error: ") {
            (Severity::Error, rest)
        } else if let Some(rest) = rest.strip_prefix("warn: ") {
            (Severity::Warning, rest)
        } else {
            return false;
        };
        let Some((place, function)) = head.rsplit_once(' ') else { return false };
        let Some((file, number)) = place.rsplit_once(':') else { return false };
        let Some((number, "")) = parse::number(number) else { return false };
        if file.is_empty() || file.contains(' ') || function.is_empty() {
            return false;
        }
        let mut diagnostic = Diagnostic::new(Tool::Smatch, severity, parse::message(message));
        diagnostic.location = Some(Location::new(file, Some(number), None));
        diagnostic.function = Some(function.to_owned());
        sink.open(line, diagnostic);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Smatch, log, expect);
    }

    #[test]
    fn messages() {
        check(
            "drivers/q/q.c:12 q_probe() error: uninitialized symbol 'ret'.",
            &["error drivers/q/q.c:12: uninitialized symbol 'ret'. fn=q_probe"],
        );
        check(
            "drivers/q/q.c:40 q_stop() warn: inconsistent returns '&q->lock'.",
            &["warning drivers/q/q.c:40: inconsistent returns '&q->lock'. fn=q_stop"],
        );
    }

    #[test]
    fn near_misses() {
        for log in ["a.c:3: f() error: x", "calling f() error: x", "q() warn: x", "a.c:x f() warn: y", "() warn: "] {
            check(log, &[]);
        }
        testing::survives(|| Box::new(Smatch), "ä.c:1 ü() error: ö\n:1 () warn: ");
    }
}
