//! Messages that name a symbol first and places on lines of their own: lld's and mold's `>>>`
//! lines, and those of Apple's linker.

use super::{is_object, join, parse};
use crate::diagnostic::{Diagnostic, Flavor, Location, Note, Severity, Tool};
use crate::line::Line;
use crate::text::normalise_quotes;
use crate::tools::Sink;

/// How many places of one message are kept.
const PLACES: usize = 32;

/// mold's `duplicate symbol: a.o: b.o: name`; everything else is left to the general form.
pub(super) fn start(text: &str, severity: Severity, flavor: Option<Flavor>) -> Option<Diagnostic> {
    if let Some(rest) = text.strip_prefix("duplicate symbol: ")
        && let Some((first, rest)) = rest.split_once(": ")
        && let Some((second, symbol)) = rest.split_once(": ")
        && is_object(first)
        && is_object(second)
    {
        let mut diagnostic = Diagnostic::new(Tool::Ld, severity, format!("duplicate symbol: {}", symbol.trim_end()));
        diagnostic.objects = vec![first.to_owned(), second.to_owned()];
        return Some(diagnostic);
    }
    // lld before 5: `undefined symbol 'f'`; now `undefined symbol: f`, `undefined hidden symbol: f`.
    if text.starts_with("undefined ") || text.starts_with("duplicate symbol") {
        let mut diagnostic = Diagnostic::new(Tool::Ld, severity, text.trim_end());
        diagnostic.flavor = flavor;
        return Some(diagnostic);
    }
    None
}

/// A `>>>` line: a place of the newest message, or a remark on it.
pub(super) fn place_line(line: &Line<'_>, sink: &mut Sink) -> bool {
    let Some(rest) = line.text.strip_prefix(">>> ") else { return false };
    let Some(open) = sink.last(line, Tool::Ld) else { return false };
    let text = normalise_quotes(rest);
    let trimmed = text.trim();
    if text.starts_with("  ") {
        object_line(open, trimmed);
        return true;
    }
    let Some((words, place)) = ["referenced by ", "defined at ", "defined in: ", "defined in "]
        .iter()
        .find_map(|words| trimmed.strip_prefix(*words).map(|place| (words.trim_end().trim_end_matches(':'), place)))
    else {
        // `referenced 3 more times`, `did you mean: x`, a quoted line of a script.
        if open.notes.len() < PLACES {
            open.notes.push(Note { location: None, message: trimmed.to_owned() });
        }
        return true;
    };
    if open.notes.len() >= PLACES {
        return true;
    }
    let location = source(place);
    open.notes.push(Note { location: location.clone(), message: format!("{words} {place}") });
    match location {
        Some(location) => {
            if open.location.is_none() && open.notes.len() == 1 {
                open.location = Some(location);
            }
        }
        None => object_line(open, place),
    }
    true
}

/// `lib/a.o:(function)`: the object of the place on the line before.
fn object_line(open: &mut Diagnostic, text: &str) {
    let text = text.split_once(" in archive ").map_or(text, |(text, _)| text);
    let (object, inside) = match text.rsplit_once(":(") {
        Some((object, inside)) => (object, inside.strip_suffix(')').unwrap_or(inside)),
        None => (text, ""),
    };
    if !is_object(object) {
        return;
    }
    let first = open.notes.len() == 1;
    if !open.objects.iter().any(|known| known == object) {
        open.objects.push(object.to_owned());
    }
    let Some(note) = open.notes.last_mut() else { return };
    let words = if note.message.starts_with("referenced by") { "referenced by" } else { "defined in" };
    note.message = format!("{words} {text}");
    if let Some(location) = &mut note.location
        && first
        && open.location.as_ref() == Some(location)
    {
        location.file = join(object, &location.file);
        open.location = Some(location.clone());
    } else if let Some(location) = &mut note.location {
        location.file = join(object, &location.file);
    }
    let function =
        inside.strip_prefix("function ").map_or(inside, |inside| inside.split(": ").next().unwrap_or(inside));
    if first
        && words == "referenced by"
        && open.function.is_none()
        && !function.is_empty()
        && !function.starts_with('.')
        && !function.contains("+0x")
    {
        open.function = Some(function.to_owned());
    }
}

/// `a.c:12 (/src/a.c:12)`, `a.c:12`, `a.c`.
fn source(text: &str) -> Option<Location> {
    let text = text.trim();
    let text = match text.split_once(" (") {
        Some((_, path)) => path.strip_suffix(')')?,
        None => text,
    };
    if text.ends_with(')') || is_object(text) || text.is_empty() {
        return None;
    }
    if let Some((file, line)) = text.rsplit_once(':')
        && let Ok(line) = line.parse::<u32>()
    {
        return Some(Location::new(file, Some(line), None));
    }
    // A bare name must look like a file.
    parse::basename(text).contains('.').then(|| Location::new(text, None, None))
}

/// Apple's linker: `Undefined symbols for architecture x:` and `duplicate symbol '_f' in:`.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    /// Number of the line up to which lines belong to such a message; 0 when there is none.
    until: u64,
}

impl Symbols {
    pub(super) fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text;
        if text.starts_with("Undefined symbols for architecture ") {
            self.until = line.number + 1;
            return true;
        }
        if let Some(rest) = text.strip_prefix("duplicate symbol ")
            && let Some(name) = rest.trim_end().strip_suffix(" in:")
        {
            sink.open(
                line,
                Diagnostic::new(Tool::Ld, Severity::Error, format!("duplicate symbol: {}", parse::unquoted(name))),
            );
            self.until = line.number + 1;
            return true;
        }
        if line.number > self.until || !text.starts_with("  ") {
            return false;
        }
        self.until = line.number + 1;
        if let Some(name) = text.trim().strip_suffix(", referenced from:") {
            sink.open(
                line,
                Diagnostic::new(Tool::Ld, Severity::Error, format!("undefined symbol: {}", parse::unquoted(name))),
            );
            return true;
        }
        let Some(open) = sink.last(line, Tool::Ld) else { return true };
        let text = text.trim();
        let (function, object) =
            text.rsplit_once(" in ").map_or((None, text), |(function, object)| (Some(function), object));
        if is_object(object) && open.objects.len() < PLACES {
            open.function = open.function.take().or_else(|| function.map(str::to_owned));
            open.objects.push(object.to_owned());
        }
        true
    }
}
