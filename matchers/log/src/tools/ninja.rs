//! ninja and samurai.
//!
//! ```text
//! FAILED: lib/q.o            1.12 and later: FAILED: [code=1] lib/q.o
//! cc -c -o lib/q.o q.c       the command
//! ninja: build stopped: subcommand failed.
//! ```
//!
//! Source: src/status_printer.cc, src/ninja.cc; samurai's build.c.

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Severity, Tool};
use crate::line::Line;

/// The reader of ninja's messages.
#[derive(Debug, Default)]
pub struct Ninja {
    /// Number of the line on which the failed command stands.
    command: u64,
}

impl ToolReader for Ninja {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim_end();
        if self.command == line.number {
            self.command = 0;
            // A whole command line; a compiler's message would have been claimed before.
            if text.contains(' ') && sink.last(line, Tool::Ninja).is_some() {
                return true;
            }
        }
        if let Some(rest) = text.strip_prefix("FAILED: ") {
            return self.failed(line, sink, rest.trim());
        }
        let Some(rest) = text.strip_prefix("ninja: ").or_else(|| text.strip_prefix("samu: ")) else { return false };
        let (severity, message) = parse::severity(rest);
        let mut diagnostic = if severity.is_none() && rest.starts_with("build stopped: ") {
            Diagnostic::new(Tool::Ninja, Severity::Error, parse::message(rest.trim_end_matches('.')))
        } else if let Some(severity) = severity {
            Diagnostic::new(Tool::Ninja, severity, parse::message(message))
        } else if text.starts_with("samu: ")
            && ["job failed", "subcommand failed", "file is missing", "dependency cycle", "open ", "unable "]
                .iter()
                .any(|start| rest.starts_with(start))
        {
            Diagnostic::new(Tool::Ninja, Severity::Error, parse::message(rest))
        } else {
            // `Entering directory`, `no work to do.`, explanations.
            return rest.starts_with("no work to do") || rest.starts_with("Entering directory");
        };
        if let Some((target, rest)) = message.strip_prefix('\'').and_then(|rest| rest.split_once('\''))
            && rest.contains("missing and no known rule")
        {
            diagnostic.objects.push(target.to_owned());
            diagnostic.objects.extend(parse::quoted(rest).map(str::to_owned));
        }
        sink.open(line, diagnostic);
        true
    }
}

impl Ninja {
    /// The targets after `FAILED: `. Tests write the word too: a target is a path.
    fn failed(&mut self, line: &Line<'_>, sink: &mut Sink, rest: &str) -> bool {
        let targets = match rest.strip_prefix("[code=") {
            Some(rest) => match rest.split_once("] ") {
                Some((_, targets)) => targets,
                None => return false,
            },
            None => rest,
        };
        let mut names = targets.split(' ').filter(|name| !name.is_empty()).map(|name| name.trim_matches('"'));
        let Some(first) = names.next() else { return false };
        if !first.contains(['/', '.'])
            || first.contains("::")
            || first.ends_with([':', ',', '.', ')'])
            || targets.contains(" - ")
        {
            return false;
        }
        if names.clone().any(|name| !name.contains(['/', '.']) || name.ends_with(':')) {
            return false;
        }
        let mut diagnostic = Diagnostic::new(Tool::Ninja, Severity::Error, format!("failed: {targets}"));
        diagnostic.objects = std::iter::once(first).chain(names).map(str::to_owned).take(32).collect();
        sink.open(line, diagnostic);
        self.command = line.number + 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Ninja::default(), log, expect);
    }

    #[test]
    fn messages() {
        check(
            "FAILED: lib/q.o \n/usr/bin/cc -Werror -c q.c -o lib/q.o\nninja: build stopped: subcommand failed.",
            &["error failed: lib/q.o obj=lib/q.o", "error build stopped: subcommand failed"],
        );
        check("FAILED: [code=1] lib/q.o lib/q.d", &["error failed: lib/q.o lib/q.d obj=lib/q.o,lib/q.d"]);
        check(
            "ninja: error: 'q.c', needed by 'q.o', missing and no known rule to make it",
            &["error 'q.c', needed by 'q.o', missing and no known rule to make it obj=q.c,q.o"],
        );
        check(
            "ninja: error: loading 'build.ninja': No such file or directory",
            &["error loading 'build.ninja': No such file or directory"],
        );
        check(
            "ninja: fatal: posix_spawn: Resource temporarily unavailable",
            &["fatal posix_spawn: Resource temporarily unavailable"],
        );
        check("samu: job failed: cc -c q.c", &["error job failed: cc -c q.c"]);
    }

    #[test]
    fn near_misses() {
        for log in [
            "FAILED: test_ring",
            "FAILED: tests/q.py::test_a - AssertionError",
            "FAILED: 3 of 12 tests.",
            "ninja: no work to do.",
            "[1/2] ninja: x",
            "FAILED: load BTF from vmlinux: x",
            "FAILED: ",
        ] {
            check(log, &[]);
        }
        testing::survives(
            || Box::<Ninja>::default(),
            "FAILED: [code=ä] ü/ö.o\nä b\nninja: error: ‘ä’, needed by ‘ü’, missing and no known rule",
        );
    }
}
