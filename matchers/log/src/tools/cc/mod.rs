//! gcc and clang, versions gcc ≥ 4 and clang ≥ 3.4, text form.
//!
//! A message is put together from, in the order printed:
//!
//! ```text
//! In file included from ./include/linux/list.h:11,      include stack (gcc: nearest first;
//!                  from drivers/net/foo.c:13:            clang: outermost first, one line each)
//! drivers/net/foo.c: In function 'foo_start':            function context (gcc)
//! drivers/net/foo.c:10:2: error: … [-Werror=…]           the message
//!    10 |  bar();                                        snippet, marks, proposed text
//!       |  ^~~
//! drivers/net/foo.c:10:2: note: …                        notes, macro expansions
//! ```
//!
//! Sources: gcc/diagnostic*.cc (text output), clang/lib/Frontend/TextDiagnostic.cpp.

mod context;
mod message;
mod snippet;

use crate::diagnostic::{Diagnostic, Expansion, Flavor, Location, Note, Severity, Tool};
use crate::line::Line;
use crate::text::{Prefix, has, normalise_quotes, split_location};
use crate::tools::{Sink, ToolReader, parse, sparse};

use context::Context;
use message::{Head, NOWHERE, is_assembly, located, program_message, split_option};
use snippet::Snippets;

/// The reader of compiler messages.
#[derive(Debug, Default)]
pub struct Cc {
    context: Context,
    snippets: Snippets,
    /// Errors seen for which no `N errors generated.` came yet.
    errors_open: u64,
}

impl ToolReader for Cc {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text;
        if self.snippets.line(line, sink) {
            return true;
        }
        if !has(text, b':') {
            return has(text, b'.') && (self.context.included(text) || self.summary_line(line, sink));
        }
        if self.context.line(text) {
            return true;
        }
        if let Some(prefix) = split_location(text)
            && self.located(line, &prefix, sink)
        {
            return true;
        }
        self.program(line, sink) || self.summary_line(line, sink)
    }
}

impl Cc {
    /// `file:line:col: severity: message`.
    fn located(&mut self, line: &Line<'_>, prefix: &Prefix<'_>, sink: &mut Sink) -> bool {
        let file = prefix.file;
        let location = || Location::new(file, Some(prefix.line), prefix.column);
        match located(prefix.rest) {
            Head::None => {
                let backtrace = message::is_backtrace(prefix.rest);
                if backtrace {
                    self.context.backtrace(Note {
                        location: Some(location()),
                        message: normalise_quotes(prefix.rest).into_owned(),
                    });
                }
                backtrace
            }
            Head::Note(rest) => {
                self.note(line, location(), rest, sink);
                true
            }
            Head::Message(severity, rest) => {
                if sparse::is_sparse_wording(rest) || parse::belongs_elsewhere(file, rest) || file.contains('"') {
                    return false;
                }
                if rest.starts_with("(Each undeclared identifier")
                    || rest.starts_with("(Near initialization")
                    || rest.starts_with("for each function it appears in")
                {
                    return true;
                }
                let mut diagnostic = self.start(severity, rest);
                if is_assembly(file, &diagnostic) {
                    diagnostic.tool = Tool::As;
                }
                self.context.give(&mut diagnostic, file);
                diagnostic.location = Some(location());
                self.open(line, diagnostic, sink);
                true
            }
        }
    }

    /// `cc1: error: …`, `gcc: fatal error: …`, `clang-19: error: …`, and clang's bare `error: …`.
    fn program(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let Some(found) = program_message(line.text) else { return false };
        if message::is_summary(found.rest) {
            return true;
        }
        let mut diagnostic = self.start(found.severity, found.rest);
        diagnostic.flavor = found.flavor.or(diagnostic.flavor);
        if line.text.starts_with(NOWHERE) && diagnostic.option.is_none() {
            diagnostic.tool = Tool::As;
        }
        self.open(line, diagnostic, sink);
        true
    }

    fn start(&mut self, severity: Severity, rest: &str) -> Diagnostic {
        let (message, option) = split_option(rest);
        let mut diagnostic = Diagnostic::new(Tool::Cc, severity, normalise_quotes(message.trim_end()).into_owned());
        diagnostic.option = option.name;
        diagnostic.werror = option.werror;
        diagnostic.flavor = option.flavor;
        diagnostic
    }

    fn open(&mut self, line: &Line<'_>, diagnostic: Diagnostic, sink: &mut Sink) {
        if diagnostic.severity >= Severity::Error {
            self.errors_open += 1;
        }
        sink.open(line, diagnostic);
        self.snippets.expect(line.number);
    }

    /// A note: to the message it belongs to, or alone when there is none.
    fn note(&mut self, line: &Line<'_>, location: Location, text: &str, sink: &mut Sink) {
        let (text, _) = split_option(text);
        let text = normalise_quotes(text.trim_end());
        if text.starts_with("each undeclared identifier is reported only once") {
            sink.find(line, is_compiler);
            return;
        }
        self.snippets.note(line.number, &location);
        let stack = self.context.drop_stack();
        let Some(diagnostic) = newest_for(line, &location, sink) else { return };
        // gcc repeats the include stack above a note in another file: that is the note's, not the message's.
        let _ = stack;
        if let Some(expansion) = expansion(&text, &location) {
            diagnostic.flavor =
                diagnostic.flavor.or(Some(if text.starts_with("expanded") { Flavor::Llvm } else { Flavor::Gnu }));
            diagnostic.expansions.push(expansion);
        } else if diagnostic.notes.len() < 64 {
            diagnostic.notes.push(Note { location: Some(location), message: text.into_owned() });
        }
    }

    /// `3 errors generated.`, `compilation terminated.`, `cc1: all warnings being treated as errors`.
    fn summary_line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim();
        if !text.ends_with(['.', ':']) && !text.starts_with("PLEASE ") {
            return false;
        }
        if let Some(count) = message::errors_generated(text) {
            if self.errors_open == 0 && count > 0 && !sink.has(|d| is_compiler(d) && d.severity >= Severity::Error) {
                let mut diagnostic = Diagnostic::new(Tool::Cc, Severity::Error, text);
                diagnostic.flavor = Some(Flavor::Llvm);
                sink.open(line, diagnostic);
            } else if let Some(last) = sink.last(line, Tool::Cc) {
                last.flavor = last.flavor.or(Some(Flavor::Llvm));
            }
            self.errors_open = self.errors_open.saturating_sub(count);
            return true;
        }
        if text.starts_with("PLEASE submit a bug report") || text == "Stack dump:" {
            if sink.last(line, Tool::Cc).is_none_or(|d| d.message != "clang crashed") {
                let mut diagnostic = Diagnostic::new(Tool::Cc, Severity::Fatal, "clang crashed");
                diagnostic.flavor = Some(Flavor::Llvm);
                sink.open(line, diagnostic);
            }
            return true;
        }
        text == "compilation terminated." || text == "compilation terminated due to -Wfatal-errors."
    }
}

fn is_compiler(diagnostic: &Diagnostic) -> bool {
    matches!(diagnostic.tool, Tool::Cc | Tool::As)
}

/// The open message that a note belongs to: the newest, unless another one in the note's own file
/// got lines after the newest began, which shows that the output of two jobs is interleaved.
fn newest_for<'s>(line: &Line<'_>, location: &Location, sink: &'s mut Sink) -> Option<&'s mut Diagnostic> {
    let in_file = |d: &Diagnostic| d.location.as_ref().is_some_and(|l| l.file == location.file);
    let newest = sink.newest(is_compiler)?;
    let began = newest.span.start;
    if in_file(newest)
        || newest.includes.iter().any(|i| i.file == location.file)
        || !sink.has(|d| is_compiler(d) && in_file(d) && d.span.end > began)
    {
        sink.find(line, is_compiler)
    } else {
        sink.find(line, |d| is_compiler(d) && in_file(d) && d.span.end > began)
    }
}

/// gcc's and clang's notes about macros.
fn expansion(text: &str, location: &Location) -> Option<Expansion> {
    let (name, is_use) = if let Some(rest) = text.strip_prefix("in expansion of macro ") {
        (rest, true)
    } else if let Some(rest) =
        text.strip_prefix("expanded from macro ").or_else(|| text.strip_prefix("in definition of macro "))
    {
        (rest, false)
    } else {
        return None;
    };
    Some(Expansion { name: name.trim_matches('\'').to_owned(), location: location.clone(), is_use })
}
