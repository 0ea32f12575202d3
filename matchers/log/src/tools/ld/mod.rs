//! Linkers: GNU ld, gold, lld, mold, Apple's, and what `collect2` and clang's driver say of them.
//!
//! ```text
//! /usr/bin/ld: lib/a.o: in function `start':              object and function, once for a group
//! a.c:(.text+0x13): undefined reference to `stop'         place and message
//! ld: b.o:(.bss+0x0): multiple definition of `x'; a.o:(.bss+0x0): first defined here
//! ld.lld: error: undefined symbol: stop                   message, then places
//! >>> referenced by a.c:12 (/src/lib/a.c:12)
//! >>>               lib/a.o:(start)
//! ```
//!
//! Sources: ld/ldmain.c, ld/ldmisc.c (`%H`), gold/errors.cc, lld/ELF/Relocations.cpp and
//! SymbolTable.cpp, mold's common/ and elf/ passes.

mod place;
mod symbols;

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::parse;
use super::{Sink, ToolReader, system};
use crate::diagnostic::{Diagnostic, Flavor, Note, Severity, Tool};
use crate::line::Line;
use crate::text::{has, normalise_quotes};
pub use place::is_object;
use place::{Place, join, object_prefix};

/// Phrases that only a linker prints, for lines that do not name one. Order: index into `Phrase`.
const PHRASES: &[(&str, Phrase)] = &[
    ("more undefined references to ", Phrase::More),
    ("undefined reference to ", Phrase::Undefined),
    ("multiple definition of ", Phrase::Multiple),
    (": first defined here", Phrase::First),
    (": previous definition here", Phrase::First),
    (": In function '", Phrase::Context),
    (": in function '", Phrase::Context),
    ("relocation truncated to fit", Phrase::General),
    ("additional relocation overflows omitted", Phrase::Nothing),
    ("file not recognized: ", Phrase::General),
    ("error adding symbols: ", Phrase::General),
    (" referenced in section ", Phrase::Discarded),
    ("linker command failed ", Phrase::Driver),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phrase {
    More,
    Undefined,
    Multiple,
    First,
    Context,
    General,
    Nothing,
    Discarded,
    Driver,
}

static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(PHRASES.iter().map(|(text, _)| *text)).ok()
});

/// How many objects with their last function are remembered (lines of several links may mix).
const CONTEXTS: usize = 8;

/// The reader of linker messages.
#[derive(Debug, Default)]
pub struct Ld {
    /// `object: in function 'f':` lines, the newest last.
    contexts: Vec<(String, String)>,
    symbols: symbols::Symbols,
}

impl ToolReader for Ld {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text;
        if text.starts_with(">>> ") {
            return symbols::place_line(line, sink);
        }
        if self.symbols.line(line, sink) {
            return true;
        }
        if !has(text, b':') {
            return false;
        }
        if let Some((name, rest)) = linker(text) {
            return self.named(line, sink, name, rest);
        }
        // Without a linker's name: a place, a colon, and a phrase of a linker's.
        let text = normalise_quotes(text);
        let Some((phrase, start, end)) = phrase(&text) else { return false };
        self.phrased(line, sink, &text, Printed { phrase, start, end, severity: None, flavor: None, named: false })
    }
}

/// A phrase of a linker in a line, and what is known of the line.
#[derive(Debug, Clone, Copy)]
struct Printed {
    phrase: Phrase,
    start: usize,
    end: usize,
    severity: Option<Severity>,
    flavor: Option<Flavor>,
    named: bool,
}

fn phrase(text: &str) -> Option<(Phrase, usize, usize)> {
    let found = SEARCH.as_ref()?.find(text)?;
    Some((PHRASES.get(found.pattern().as_usize())?.1, found.start(), found.end()))
}

/// `/usr/bin/ld: rest`, `ld:script.lds:3: rest`: the linker's name and the rest.
fn linker(text: &str) -> Option<(&str, &str)> {
    if let Some((name, rest)) = parse::program(text)
        && is_linker(name)
    {
        return Some((name, rest));
    }
    let rest = text.strip_prefix("/usr/bin/").unwrap_or(text);
    let (name, rest) = rest.split_once(':')?;
    (is_linker(name) && !rest.starts_with(['/', '\\', ' ']) || is_linker(name) && rest.contains(".lds:"))
        .then_some((name, rest))
}

/// True for the names under which linkers are installed: `ld`, `ld.lld-19`, `aarch64-linux-gnu-ld.bfd`.
fn is_linker(name: &str) -> bool {
    let name = match name.rfind('-') {
        Some(at)
            if name
                .get(at + 1..)
                .is_some_and(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit() || b == b'.')) =>
        {
            name.get(..at).unwrap_or(name)
        }
        _ => name,
    };
    const NAMES: &[&str] = &[
        "ld",
        "ld.bfd",
        "ld.gold",
        "gold",
        "ld.lld",
        "lld",
        "lld-link",
        "ld64",
        "ld64.lld",
        "wasm-ld",
        "mold",
        "ld.mold",
        "ld-new",
        "real-ld",
        "collect2",
        "lto-wrapper",
    ];
    NAMES.contains(&name)
        || ["-ld", "-ld.bfd", "-ld.gold", "-ld.lld", "-ld.mold", "-ld.real"].iter().any(|end| name.ends_with(end))
}

/// True when a message of a compiler's form (`a.c:12: error: undefined reference to 'f'`) is
/// gold's: it prints linker errors at places in sources just as compilers do.
pub fn is_gold_wording(message: &str) -> bool {
    message.starts_with("undefined reference to ")
        || message.starts_with("hidden symbol ")
        || message.starts_with("linker command failed ")
}

impl Ld {
    /// A line that starts with a linker's name.
    fn named(&mut self, line: &Line<'_>, sink: &mut Sink, name: &str, rest: &str) -> bool {
        let flavor = if name.contains("lld") || name.contains("wasm-ld") {
            Some(Flavor::Llvm)
        } else if name.contains("mold") {
            None
        } else {
            Some(Flavor::Gnu)
        };
        let (severity, rest) = parse::severity(rest);
        let needs_word = matches!(name, "gold" | "lld" | "mold" | "lto-wrapper") && severity.is_none();
        if needs_word || rest.is_empty() || system::is_machine(rest) {
            return false;
        }
        if is_chatter(rest) {
            return true;
        }
        let text = normalise_quotes(rest);
        if let Some((phrase, start, end)) = phrase(&text) {
            return self.phrased(line, sink, &text, Printed { phrase, start, end, severity, flavor, named: true });
        }
        if severity == Some(Severity::Note) || text.starts_with("NOTE: ") {
            if let Some(last) = sink.last(line, Tool::Ld) {
                last.notes.push(Note { location: None, message: text.trim().to_owned() });
            }
            return true;
        }
        if let Some(diagnostic) = symbols::start(&text, severity.unwrap_or(Severity::Error), flavor) {
            sink.open(line, diagnostic);
            return true;
        }
        self.general(line, sink, &text, severity, flavor);
        true
    }

    /// A line with one of the phrases: what is before it is the place.
    fn phrased(&mut self, line: &Line<'_>, sink: &mut Sink, text: &str, printed: Printed) -> bool {
        let before = text.get(..printed.start).unwrap_or("");
        let message = text.get(printed.start..).unwrap_or("");
        match printed.phrase {
            Phrase::Context => return self.context(line, sink, text, printed),
            Phrase::Nothing => return true,
            Phrase::Driver => {
                let Some(name) = before.strip_suffix(": error: ") else { return false };
                if name.contains(' ') && !name.contains('/') {
                    return false;
                }
                let mut diagnostic = Diagnostic::new(Tool::Ld, Severity::Error, message.trim_end());
                diagnostic.flavor = Some(Flavor::Llvm);
                sink.open(line, diagnostic);
                return true;
            }
            Phrase::Discarded => return self.discarded(line, sink, text, printed),
            Phrase::First => {
                let Some(place) = Place::parse(before) else { return false };
                self.first_defined(line, sink, &place, message.trim_start_matches(": "));
                return true;
            }
            _ => {}
        }
        // Compilers speak of multiple definitions too, at places of their own; gold's have its name.
        if printed.phrase == Phrase::Multiple && !printed.named && before.trim_end().ends_with("error:") {
            return false;
        }
        let (before, severity) = match before.trim_end() {
            b if b.ends_with("error:") => (b.trim_end_matches("error:"), Some(Severity::Error)),
            b if b.ends_with("warning:") => (b.trim_end_matches("warning:"), Some(Severity::Warning)),
            b => (b, printed.severity),
        };
        let place = match Place::parse(before) {
            Some(place) => place,
            None if printed.named && before.trim().is_empty() => Place::default(),
            // Named, but the text before is no place: prose of the linker's own.
            None if printed.named => {
                self.general(line, sink, text, printed.severity, printed.flavor);
                return true;
            }
            None => return false,
        };
        // gold says `error:` and never names objects on lines of their own.
        let gold = !printed.named && severity.is_some();
        let place = self.complete(place, !gold);
        if printed.phrase == Phrase::More {
            let symbol = parse::quoted(message).unwrap_or_default();
            let wanted = format!("undefined reference to '{symbol}'");
            if sink.find(line, |d| d.tool == Tool::Ld && d.message == wanted).is_none() {
                self.open(line, sink, &place, wanted, severity, printed.flavor);
            }
            return true;
        }
        if message.starts_with("error adding symbols: DSO missing")
            && let Some(last) =
                sink.find(line, |d| d.tool == Tool::Ld && d.message.starts_with("undefined reference to symbol"))
        {
            last.notes.push(Note { location: None, message: message.trim_end().to_owned() });
            last.objects.extend(place.object);
            return true;
        }
        let (message, first) = match message.find("'; ") {
            Some(at) if printed.phrase == Phrase::Multiple => {
                (message.get(..=at).unwrap_or(message), message.get(at + 3..))
            }
            _ => (message, None),
        };
        self.open(line, sink, &place, message.trim_end().to_owned(), severity, printed.flavor.or(Some(Flavor::Gnu)));
        if let Some(first) = first {
            let words = if first.contains("previous definition here") {
                "previous definition here"
            } else {
                "first defined here"
            };
            if let Some(at) = first.find(": first defined here").or_else(|| first.find(": previous definition here"))
                && let Some(place) = first.get(..at).and_then(Place::parse)
            {
                self.first_defined(line, sink, &place, words);
            }
        }
        true
    }

    /// `lib/a.o: in function 'f':`, alone or with the place on the same line.
    fn context(&mut self, line: &Line<'_>, sink: &mut Sink, text: &str, printed: Printed) -> bool {
        let object = text.get(..printed.start).unwrap_or("").trim();
        // gcc prints the same words after a source file.
        let object = object
            .find('(')
            .filter(|_| object.ends_with(')') && !is_object(object))
            .and_then(|at| object.get(..at))
            .unwrap_or(object);
        if !is_object(object) && !printed.named {
            return false;
        }
        let rest = text.get(printed.end..).unwrap_or("");
        let (function, rest) = rest.rsplit_once("':").unwrap_or((rest, ""));
        let (function, rest) = match function.split_once("': ") {
            // The rest is a place and a message, in which the same words may stand again.
            Some((function, _)) => (function, text.get(printed.end + function.len() + 2..).unwrap_or("")),
            None => (function, rest),
        };
        self.contexts.retain(|(known, _)| known != object);
        if self.contexts.len() == CONTEXTS {
            self.contexts.remove(0);
        }
        self.contexts.push((object.to_owned(), function.to_owned()));
        let rest = rest.trim_start();
        if let Some((phrase, start, end)) = phrase(rest)
            && phrase != Phrase::Context
        {
            return self.phrased(line, sink, rest, Printed { phrase, start, end, ..printed });
        }
        true
    }

    /// `'f' referenced in section '.text' of a.o: defined in discarded section '.exit.text' of b.o`.
    fn discarded(&mut self, line: &Line<'_>, sink: &mut Sink, text: &str, printed: Printed) -> bool {
        if !text.contains("discarded section ") {
            if printed.named {
                self.general(line, sink, text, printed.severity, printed.flavor);
            }
            return printed.named;
        }
        let before = text.get(..printed.start).unwrap_or("");
        let start = before.strip_suffix('\'').and_then(|name| name.rfind('\'')).unwrap_or(0);
        let message = text.get(start..).unwrap_or(text).trim_end();
        let mut place = text.get(..start).and_then(Place::parse).unwrap_or_default();
        let mut objects = message
            .split(" of ")
            .skip(1)
            .map(|part| part.split([' ', ',']).next().unwrap_or(part).trim_end_matches(':'));
        if place.object.is_none() {
            place.object = objects.next().filter(|object| is_object(object)).map(str::to_owned);
        }
        let second = message.rsplit(" of ").next().filter(|object| is_object(object)).map(str::to_owned);
        self.open(line, sink, &place, message.to_owned(), printed.severity, printed.flavor.or(Some(Flavor::Gnu)));
        if let Some(second) = second
            && let Some(last) = sink.last(line, Tool::Ld)
            && !last.objects.contains(&second)
        {
            last.objects.push(second);
        }
        true
    }

    /// Any other message: an object or a place may stand before it.
    fn general(
        &mut self,
        line: &Line<'_>,
        sink: &mut Sink,
        text: &str,
        severity: Option<Severity>,
        flavor: Option<Flavor>,
    ) {
        let (mut rest, mut severity, mut place) = (text, severity, Place::default());
        for _ in 0..2 {
            let Some((found, after)) = object_prefix(rest) else { break };
            place.object = found.object.or(place.object);
            if found.source.is_some() {
                (place.source, place.line) = (found.source, found.line);
            }
            let (word, after) = parse::severity(after);
            severity = word.or(severity);
            rest = after;
        }
        if system::is_machine(rest) {
            severity = Some(Severity::Error);
        }
        let place = if place.source.is_some() && place.line.is_none() { self.complete(place, true) } else { place };
        let severity = severity.or_else(|| rest.starts_with("skipping incompatible ").then_some(Severity::Warning));
        self.open(line, sink, &place, rest.trim_end().to_owned(), severity, flavor);
    }

    fn first_defined(&self, line: &Line<'_>, sink: &mut Sink, place: &Place, words: &str) {
        let Some(last) = sink.find(line, |d| d.tool == Tool::Ld && d.message.starts_with("multiple definition of "))
        else {
            return;
        };
        last.notes.push(Note { location: place.location(), message: words.trim_end().to_owned() });
        last.objects.extend(place.object.clone().filter(|object| !last.objects.contains(object)));
    }

    /// Fills in object and function from the newest fitting `in function` line.
    /// With `newest`, the newest line serves when none names an object of the source's name.
    fn complete(&self, mut place: Place, newest: bool) -> Place {
        if place.object.is_none()
            && let Some(source) = &place.source
        {
            let fits = |object: &str| place::stem(object) == place::stem(source);
            let known =
                self.contexts.iter().rev().find(|(object, _)| fits(object)).or(self.contexts.last().filter(|_| newest));
            if let Some((object, function)) = known {
                place.object = Some(object.clone());
                place.function = place.function.or_else(|| Some(function.clone()));
            }
        }
        place
    }

    fn open(
        &self,
        line: &Line<'_>,
        sink: &mut Sink,
        place: &Place,
        message: String,
        severity: Option<Severity>,
        flavor: Option<Flavor>,
    ) {
        let mut diagnostic = Diagnostic::new(Tool::Ld, severity.unwrap_or(Severity::Error), message);
        diagnostic.flavor = flavor;
        diagnostic.location = place.location();
        diagnostic.function = place.function.clone();
        diagnostic.objects.extend(place.object.clone());
        sink.open(line, diagnostic);
    }
}

/// What linkers say beside messages.
fn is_chatter(text: &str) -> bool {
    const CHATTER: &[&str] = &[
        "use the --help option",
        "supported targets:",
        "supported emulations:",
        "total time in link",
        "too many errors emitted",
        "too many undefined symbol errors",
        "Disabling relaxation",
        "mode ",
        "warning: NOTE",
    ];
    CHATTER.iter().any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests;
