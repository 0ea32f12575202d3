//! Compares what a build said before and after a change.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use triage_causes::report::Cause;
use triage_causes::{Analyzer, Options, Report};
use triage_log::diagnostic::{Diagnostic, Severity, Tool};
use triage_rules::RuleBook;

use super::protocol::End;

/// Different messages that are kept of one run.
const MESSAGES: usize = 50_000;
/// Lines around a change that belong to it.
const NEAR: u32 = 2;

/// A message as far as it must not be new: without its place in the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    rule: String,
    file: String,
    message: String,
}

/// The rest of a message.
#[derive(Debug, Clone)]
struct Seen {
    severity: Severity,
    lines: Vec<u32>,
}

/// A target that could not be built: the folder that it is relative to, if that is known, and its
/// name.
pub type Target = (Option<String>, String);

/// What a run of all commands gave.
#[derive(Debug)]
pub struct Run {
    /// Every command exits with 0, in time.
    pub passed: bool,
    /// One took too long.
    pub late: bool,
    /// The causes that the output has.
    pub report: Report,
    /// Targets that make or ninja could not build.
    pub targets: BTreeSet<Target>,
    /// How long the commands took, in milliseconds.
    pub took: u64,
    messages: BTreeMap<Key, Seen>,
}

/// Reads the outputs of all commands as one log. `find` gives the tree's name of a file.
pub fn read(book: &RuleBook, ends: &[(End, Vec<u8>)], find: &dyn Fn(&str) -> Option<String>) -> io::Result<Run> {
    let mut analyzer = Analyzer::new(book, Options { warnings: true });
    let mut messages = BTreeMap::new();
    let mut targets = BTreeSet::new();
    analyzer.begin("verification");
    let mut all: Box<dyn Read + '_> = Box::new(io::empty());
    for (_, output) in ends {
        let feed: &[u8] = if output.last().is_none_or(|&b| b == b'\n') { b"" } else { b"\n" };
        all = Box::new(all.chain(&output[..]).chain(feed));
    }
    let summary = triage_log::read_log(&mut all, &mut |diagnostic: Diagnostic| {
        targets.extend(failed_target(&diagnostic));
        if diagnostic.severity >= Severity::Warning && messages.len() < MESSAGES {
            let seen = messages.entry(key(book, &diagnostic, find));
            let seen = seen.or_insert_with(|| Seen { severity: diagnostic.severity, lines: Vec::new() });
            seen.severity = seen.severity.max(diagnostic.severity);
            seen.lines.extend(diagnostic.location.as_ref().and_then(|place| place.line));
        }
        analyzer.diagnostic(diagnostic);
    })?;
    analyzer.end(&summary);
    Ok(Run {
        passed: ends.iter().all(|(end, _)| end.status == Some(0)),
        late: ends.iter().any(|(end, _)| end.late),
        report: analyzer.finish(),
        targets,
        took: ends.iter().map(|(end, _)| end.took).sum(),
        messages,
    })
}

/// The target that make or ninja could not build, when a message says so: `recipe for target 'x.o'
/// failed: Error 1` or `failed: x.o`.
pub fn failed_target(diagnostic: &Diagnostic) -> Option<Target> {
    let target = match diagnostic.message.strip_prefix("recipe for target '") {
        Some(rest) => rest.split_once('\'').map(|(target, _)| target),
        None => diagnostic.message.strip_prefix("failed: ").and_then(|rest| rest.split_whitespace().next()),
    };
    let by_make = matches!(diagnostic.tool, Tool::Make | Tool::Ninja);
    target.filter(|_| by_make).map(|target| (diagnostic.directory.clone(), target.to_owned()))
}

fn key(book: &RuleBook, diagnostic: &Diagnostic, find: &dyn Fn(&str) -> Option<String>) -> Key {
    let file = diagnostic.location.as_ref().map(|place| find(&place.file).unwrap_or_else(|| place.file.clone()));
    let rule = book.find(diagnostic).map(|found| book.rule(&found).id.to_string());
    let (file, rule) = (file.unwrap_or_default(), rule.unwrap_or_default());
    Key { rule, file, message: without_lines(&diagnostic.message) }
}

/// A message without the numbers of lines that it names (`a.c:12`, `line 12`).
fn without_lines(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for c in message.chars() {
        let after_place = out.ends_with(':') || out.ends_with("line ") || out.ends_with('#');
        if c.is_ascii_digit() && (after_place || out.ends_with(":#") || out.ends_with("line #")) {
            if !out.ends_with('#') {
                out.push('#');
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// What a change is about, to tell its own warnings from those that were there all the time but
/// not reached.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Files that it touches, and the lines in their new form.
    pub lines: Vec<(String, u32, u32)>,
    /// Names of the cause and of the change.
    pub names: Vec<String>,
}

/// What is to be said about a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It repairs the cause and breaks nothing.
    Good,
    /// It builds, but something about it is not right.
    Doubtful(String),
    /// It does not repair the cause, or breaks something else.
    Bad(String),
}

/// Compares two runs around a change that is to repair a cause (the one of the run before).
/// `known` are the fingerprints of causes that may come up: a build that stops at the first error
/// shows the next one when that is repaired.
pub fn compare(before: &Run, after: &Run, cause: &Cause, change: &Change, known: &[&str]) -> Verdict {
    if after.late {
        return Verdict::Bad("a command took too long".to_owned());
    }
    let fresh: Vec<(&Key, &Seen)> =
        after.messages.iter().filter(|(key, _)| !before.messages.contains_key(key)).collect();
    let told = |(key, seen): &(&Key, &Seen)| {
        let line = seen.lines.first().map(|line| format!(":{line}")).unwrap_or_default();
        let place = if key.file.is_empty() { String::new() } else { format!("{}{line}: ", key.file) };
        format!("{place}{}", key.message)
    };
    let error = fresh.iter().find(|(_, seen)| seen.severity >= Severity::Error);
    if !after.passed {
        if after.report.causes.iter().any(|other| other.fingerprint == cause.fingerprint) {
            return Verdict::Bad("the cause is still there".to_owned());
        }
        let old = |other: &Cause| before.report.causes.iter().any(|cause| cause.fingerprint == other.fingerprint);
        let mut fresh = after.report.causes.iter().filter(|other| !old(other)).peekable();
        let next = fresh.peek().is_some();
        if let Some(other) = fresh.find(|other| !known.contains(&other.fingerprint.as_str())) {
            return Verdict::Bad(format!("brings {}", other.title));
        }
        if let Some(error) = error.filter(|_| !next) {
            return Verdict::Bad(format!("brings {}", told(error)));
        }
        // A build that fails without a word has not been understood.
        if after.report.causes.is_empty() {
            return Verdict::Bad("the build still fails".to_owned());
        }
    } else if let Some(error) = error {
        return Verdict::Doubtful(format!("brings {}", told(error)));
    }
    match fresh.iter().find(|(key, seen)| concerns(key, seen, before, change)) {
        Some(warning) => Verdict::Doubtful(format!("brings {}", told(warning))),
        None => Verdict::Good,
    }
}

/// True when a new warning is the change's own: it is about it, or in a file that had been
/// compiled to its end before.
fn concerns(key: &Key, seen: &Seen, before: &Run, change: &Change) -> bool {
    let mut parts = change.lines.iter().filter(|(file, ..)| *file == key.file);
    let near = parts.any(|(_, first, last)| {
        seen.lines.iter().any(|&line| line + NEAR >= *first && line <= last.saturating_add(NEAR))
    });
    let named = change.names.iter().any(|name| key.message.contains(&format!("'{name}'")));
    let doubled = key.message.contains("redefined") || key.message.contains("redeclar");
    // Errors hide the warnings of what comes after them.
    let reached = before.targets.is_empty()
        && !before.messages.iter().any(|(other, seen)| other.file == key.file && seen.severity >= Severity::Error);
    near || named || doubled || (reached && before.passed)
}

/// The cause of a run that is the same as one of another report.
pub fn counterpart<'r>(report: &'r Report, cause: &Cause) -> Option<&'r Cause> {
    let same = report.causes.iter().find(|other| other.fingerprint == cause.fingerprint);
    same.or_else(|| {
        let name = |cause: &Cause| cause.symbols.first().cloned();
        let file =
            |cause: &Cause| cause.location.as_ref().and_then(|place| place.file.rsplit('/').next().map(str::to_owned));
        let alike = |other: &&Cause| {
            let about = name(other).is_some() && name(other) == name(cause);
            (about && (other.class == cause.class || file(other) == file(cause)))
                || (other.rule == cause.rule
                    && file(other).is_some()
                    && file(other) == file(cause)
                    && other.message == cause.message)
        };
        let mut alike = report.causes.iter().filter(alike);
        match (alike.next(), alike.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(status: i32, output: &str) -> Run {
        let end = End { status: Some(status), late: false, took: 1, dropped: 0 };
        let book = RuleBook::embedded();
        read(&book, &[(end, output.as_bytes().to_vec())], &|_| None).unwrap()
    }

    const TWO: &str = "pump.c:3:5: error: 'LEVEL' undeclared (first use in this function)\n\
                       tank.c:9:5: error: implicit declaration of function 'drain' [-Werror=implicit-function-declaration]\n\
                       make: *** [Makefile:4: pump.o] Error 1\n\
                       make: *** [Makefile:4: tank.o] Error 1\n";

    #[test]
    fn one_of_two_causes() {
        let before = run(2, TWO);
        assert_eq!(before.report.causes.len(), 2);
        assert_eq!(before.targets.len(), 2);
        let cause = before.report.causes.iter().find(|cause| cause.symbols == ["LEVEL"]).unwrap();
        let change = Change { lines: vec![("pump.c".into(), 1, 1)], names: vec!["LEVEL".into()] };
        let judged = |status, output: &str| compare(&before, &run(status, output), cause, &change, &[]);
        assert_eq!(judged(0, ""), Verdict::Good);
        assert_eq!(judged(2, TWO), Verdict::Bad("the cause is still there".into()));
        let other =
            "tank.c:12:1: error: implicit declaration of function 'drain' [-Werror=implicit-function-declaration]\n";
        assert_eq!(judged(2, other), Verdict::Good);
        assert!(matches!(judged(2, &format!("{other}pump.c:3:5: error: expected ';' before 'x'\n")), Verdict::Bad(_)));
        assert!(matches!(judged(2, "Segmentation fault\n"), Verdict::Bad(_)));
        assert!(matches!(judged(0, "pump.h:1:9: warning: 'LEVEL' redefined\n"), Verdict::Doubtful(_)));
        assert!(matches!(
            judged(0, "pump.c:2:9: warning: unused variable 'x' [-Wunused-variable]\n"),
            Verdict::Doubtful(_)
        ));
        assert_eq!(judged(0, "pump.c:99:9: warning: unused variable 'x' [-Wunused-variable]\n"), Verdict::Good);
    }

    #[test]
    fn numbers_of_lines_do_not_count() {
        assert_eq!(
            without_lines("first seen at a.c:12:3 on line 7, 8 bytes"),
            "first seen at a.c:#:# on line #, 8 bytes"
        );
    }
}
