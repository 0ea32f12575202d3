//! rustc, clippy and cargo in their usual text form, and Rust programs that panic in a build.
//!
//! ```text
//! error[E0599]: no method named `data` found for struct `Q` in the current scope
//!   --> rust/q.rs:92:34
//!    |
//! 92 |     q.data();
//!    |       ^^^^ method not found in `Q`
//!    = note: …
//! ```
//!
//! A bare `error: text` is rustc's only if the next line is a place: other programs write so too.
//!
//! Source: compiler/rustc_errors/src/emitter.rs; cargo's src/cargo/core/compiler.

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Location, Note, Severity, Snippet, Tool};
use crate::line::Line;
use crate::text::normalise_quotes;

/// What rustc and cargo say without a place.
const PLAIN: &[&str] = &[
    "could not compile ",
    "linking with ",
    "linker `",
    "failed to run custom build command for ",
    "no matching package ",
    "failed to select a version for ",
    "failed to parse manifest at ",
    "failed to parse lock file",
    "failed to get `",
    "failed to load source for dependency",
    "failed to download ",
    "failed to read `",
    "rustc ",
    "package `",
    "cannot install package `",
    "process didn't exit successfully: `",
    "the lock file ",
    "couldn't read ",
    "can't find crate for ",
    "internal compiler error: ",
    "the compiler unexpectedly panicked",
    "the compiled `",
    "failed to find tool. Is `",
    "failed to compile `",
    "toolchain '",
    "component '",
    "no such command: `",
    "could not find `Cargo.toml`",
    "the package `",
    "unresolved import",
    "Unable to find libclang",
];

/// The reader of Rust's messages.
#[derive(Debug, Default)]
pub struct Rustc {
    /// A first line that waits for its place.
    waiting: Option<Waiting>,
    /// Number of the newest line of the message that is open.
    last: u64,
    /// True when that message has a snippet with marks.
    marked: bool,
    /// True when a note without a place was the newest part: its place may follow.
    note: bool,
    /// Line of a panic whose text is on the next line.
    panic: u64,
}

#[derive(Debug)]
struct Waiting {
    diagnostic: Diagnostic,
    number: u64,
    start: u64,
}

impl ToolReader for Rustc {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text;
        if let Some(waiting) = self.waiting.take()
            && line.number == waiting.number + 1
            && let Some(location) = arrow(text)
        {
            let mut diagnostic = waiting.diagnostic;
            diagnostic.location = Some(location);
            self.open(
                &Line { text, number: waiting.number, start: waiting.start, end: line.end },
                line.number,
                diagnostic,
                sink,
            );
            return true;
        }
        if self.panic != 0 && line.number == self.panic + 1 {
            self.panic = 0;
            if let Some(last) = sink.find(line, |d| d.tool == Tool::Rustc && d.message.starts_with("panicked at")) {
                last.message = format!("panicked at {}", parse::message(text));
                return true;
            }
        }
        if self.last != 0 && line.number <= self.last + 2 && self.part(line, sink) {
            self.last = line.number;
            return true;
        }
        self.first(line, sink)
    }
}

impl Rustc {
    fn open(&mut self, line: &Line<'_>, newest: u64, diagnostic: Diagnostic, sink: &mut Sink) {
        sink.open(line, diagnostic);
        self.last = newest;
        self.marked = false;
        self.note = false;
    }

    /// `error[E0599]: text`, `error: text`, `warning: text`, `thread 'main' panicked at …`.
    fn first(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim_end();
        let (severity, rest) = match text.as_bytes().first() {
            Some(b'e') => match text.strip_prefix("error") {
                Some(rest) => (Severity::Error, rest),
                None => return false,
            },
            Some(b'w') => match text.strip_prefix("warning") {
                Some(rest) => (Severity::Warning, rest),
                None => return false,
            },
            Some(b't') => return self.panicked(line, sink),
            Some(b'F') => return text.starts_with("For more information about this error, try `rustc "),
            Some(b'S') => return text.starts_with("Some errors have detailed explanations: E0"),
            _ => return false,
        };
        let (code, message) = match rest.strip_prefix('[') {
            Some(rest) => match rest.split_once("]: ") {
                Some((code, message)) if is_code(code) => (Some(code), message),
                _ => return false,
            },
            None => match rest.strip_prefix(": ") {
                Some(message) => (None, message),
                None => return false,
            },
        };
        if is_summary(message) {
            return true;
        }
        let plain = code.is_none() && PLAIN.iter().any(|start| message.starts_with(start));
        let severity = if message.starts_with("internal compiler error: ")
            || message.starts_with("the compiler unexpectedly panicked")
        {
            Severity::Fatal
        } else {
            severity
        };
        let mut diagnostic = Diagnostic::new(Tool::Rustc, severity, parse::message(message));
        diagnostic.option = code.map(str::to_owned);
        if code.is_some() || plain {
            if severity != Severity::Warning || code.is_some() {
                self.open(line, line.number, diagnostic, sink);
                return true;
            }
            return false;
        }
        // Not known yet whose it is: the next line tells. Others may have it until then.
        self.waiting = Some(Waiting { diagnostic, number: line.number, start: line.start });
        false
    }

    fn panicked(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim_end();
        if !text.starts_with("thread '") {
            return false;
        }
        let Some((_, rest)) = text.split_once("panicked at ") else { return false };
        let mut diagnostic = Diagnostic::new(Tool::Rustc, Severity::Fatal, String::new());
        if let Some(place) = rest.strip_suffix(':') {
            // 1.73 and later: the text is on the next line.
            diagnostic.message = "panicked at".to_owned();
            diagnostic.location = position(place);
            self.panic = line.number;
        } else {
            let (text, place) = rest.rsplit_once(", ").unwrap_or((rest, ""));
            diagnostic.message = format!("panicked at {}", parse::message(parse::unquoted(text)));
            diagnostic.location = position(place);
        }
        self.open(line, line.number, diagnostic, sink);
        self.last = 0;
        true
    }

    /// A line below the first one of a message.
    fn part(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim_end();
        let trimmed = text.trim_start();
        if trimmed.is_empty() {
            return false;
        }
        let Some(open) = sink.last(line, Tool::Rustc) else { return false };
        if let Some(location) = arrow(text) {
            if self.note
                && let Some(note) = open.notes.last_mut().filter(|note| note.location.is_none())
            {
                note.location = Some(location);
            } else if open.location.is_none() {
                open.location = Some(location);
            }
            self.note = false;
            return true;
        }
        if trimmed == "..." {
            return true;
        }
        if let Some(rest) = trimmed.strip_prefix("= ") {
            let rest = normalise_quotes(rest);
            lint(open, &rest);
            let text = ["note: ", "help: "].iter().find_map(|word| rest.strip_prefix(*word)).unwrap_or(&rest);
            push(open, text);
            return true;
        }
        for word in ["note: ", "help: "] {
            if let Some(rest) = text.strip_prefix(word) {
                push(open, &normalise_quotes(rest));
                self.note = true;
                return true;
            }
        }
        if text.starts_with("Caused by:") {
            return true;
        }
        // The gutter: `92 | text`, `   | marks`.
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let Some(after) = trimmed.get(digits..).map(str::trim_start) else { return false };
        if let Some(source) = after.strip_prefix(['|', '+', '-', '~']) {
            if after.starts_with('|') && !self.note {
                self.snippet(open, trimmed.get(..digits).unwrap_or(""), source);
            }
            return digits > 0 || after.starts_with('|');
        }
        // cargo's indented causes.
        if text.starts_with("  ")
            && open.notes.len() < 16
            && PLAIN.iter().any(|start| open.message.starts_with(start.trim_end_matches('`')))
        {
            push(open, &normalise_quotes(trimmed));
            return true;
        }
        false
    }

    fn snippet(&mut self, open: &mut Diagnostic, number: &str, source: &str) {
        if self.marked {
            return;
        }
        let source = source.strip_prefix(' ').unwrap_or(source);
        if !number.is_empty() {
            open.snippet = Some(Snippet { line: number.parse().ok(), text: source.to_owned(), marks: String::new() });
        } else if let Some(snippet) = &mut open.snippet {
            let end = source.find(|c: char| !matches!(c, ' ' | '^' | '-' | '~')).unwrap_or(source.len());
            let marks = source.get(..end).unwrap_or("").trim_end();
            if marks.contains('^') {
                snippet.marks = marks.to_owned();
                self.marked = true;
            }
        }
    }
}

fn push(open: &mut Diagnostic, text: &str) {
    if open.notes.len() < 32 {
        open.notes.push(Note { location: None, message: text.trim().to_owned() });
    }
}

/// `#[warn(unused_variables)] on by default`, `-D warnings implies …`: which lint it is.
fn lint(open: &mut Diagnostic, note: &str) {
    if note.contains("-D warnings") || note.contains("#[deny(warnings)]") {
        open.werror = true;
    }
    if open.option.is_some() {
        return;
    }
    for level in ["#[warn(", "#[deny(", "#[forbid("] {
        if let Some((_, rest)) = note.split_once(level)
            && let Some((name, _)) = rest.split_once(")]")
            && name != "warnings"
        {
            open.option = Some(name.to_owned());
            return;
        }
    }
    // `-D unused-variables` implied by `-D warnings`
    for level in ["'-D ", "'-W ", "'-F "] {
        if let Some((_, rest)) = note.split_once(level)
            && let Some((name, _)) = rest.split_once('\'')
            && name != "warnings"
        {
            open.option = Some(name.replace('-', "_"));
            return;
        }
    }
}

/// `  --> rust/q.rs:92:34`, `   ::: rust/q.rs:1:1`.
fn arrow(text: &str) -> Option<Location> {
    let text = text.trim();
    let place = text.strip_prefix("--> ").or_else(|| text.strip_prefix("::: "))?;
    position(place)
}

/// `file:line:column`.
fn position(place: &str) -> Option<Location> {
    let (head, column) = place.trim().rsplit_once(':')?;
    let (file, line) = head.rsplit_once(':')?;
    Some(Location::new(file, Some(line.parse().ok()?), Some(column.parse().ok()?)))
}

/// `E0599`, a lint's name, `clippy::x`.
fn is_code(code: &str) -> bool {
    code.strip_prefix('E').is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// What rustc and cargo print at the end: nothing new.
fn is_summary(message: &str) -> bool {
    message.starts_with("aborting due to ")
        || message.starts_with("build failed, waiting for other jobs")
        || message.ends_with(" warnings emitted")
        || message.ends_with(" warning emitted")
        || message.starts_with('`') && message.contains(" generated ") && message.contains(" warning")
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Rustc::default(), log, expect);
    }

    const NO_METHOD: &str = "error[E0599]: no method named `data` found for struct `Ring` in the current scope
  --> rust/ring.rs:92:34
   |
92 |         Ring::stop(data.data());
   |                         ^^^^ method not found in `Ring`

error: aborting due to 1 previous error

For more information about this error, try `rustc --explain E0599`.";

    #[test]
    fn with_code() {
        check(
            NO_METHOD,
            &["error rust/ring.rs:92:34: no method named 'data' found for struct 'Ring' in the current scope [E0599]"],
        );
        let found = testing::read(&mut Rustc::default(), NO_METHOD);
        let snippet = found[0].snippet.as_ref().expect("a snippet");
        assert_eq!(
            (snippet.line, snippet.text.as_str(), snippet.marks.as_str()),
            (Some(92), "        Ring::stop(data.data());", "                        ^^^^")
        );
        assert_eq!(found[0].span.line, 1);
    }

    #[test]
    fn lints_and_notes() {
        check(
            "error: unused variable: `q`\n --> src/a.rs:3:9\n  |\n3 |     let q = 1;\n  |         ^ help: if this is intentional, prefix it with an underscore: `_q`\n  |\n  = note: `-D unused-variables` implied by `-D warnings`\n\nnote: the lint level is defined here\n --> src/a.rs:1:9",
            &[
                "error src/a.rs:3:9: unused variable: 'q' [unused_variables] werror | '-D unused-variables' implied by '-D warnings' | src/a.rs:1:9: the lint level is defined here",
            ],
        );
        check(
            "warning: unused import: `q`\n --> src/a.rs:3:5\n  |\n  = note: `#[warn(unused_imports)]` on by default",
            &["warning src/a.rs:3:5: unused import: 'q' [unused_imports] | '#[warn(unused_imports)]' on by default"],
        );
    }

    #[test]
    fn cargo_and_panics() {
        check(
            "error: could not compile `ring` (lib) due to 1 previous error",
            &["error could not compile 'ring' (lib) due to 1 previous error"],
        );
        check("error: no matching package named `ring` found", &["error no matching package named 'ring' found"]);
        check("thread 'main' panicked at build.rs:3:5:\nno compiler", &["fatal build.rs:3:5: panicked at no compiler"]);
        check(
            "thread 'main' panicked at 'no compiler', build.rs:3:5",
            &["fatal build.rs:3:5: panicked at no compiler"],
        );
    }

    #[test]
    fn near_misses() {
        for log in [
            "error: patch failed: a.c:3",
            "error: something\n  CC  a.o",
            "warning: ignoring x",
            "errors: 0",
            "error[1]: x",
            "  --> a.rs:1:1",
            "thread 'x' joined",
        ] {
            check(log, &[]);
        }
    }

    #[test]
    fn never_panics() {
        testing::survives(
            || Box::<Rustc>::default(),
            &format!(
                "{NO_METHOD}\nerror: ä\n --> ü.rs:1:1\n  |\n1 | ‘ö\n  |  ^ ä\n  = note: '#[warn(ä\nthread 'ä' panicked at ö:\nü"
            ),
        );
    }
}
