//! `-fdiagnostics-format=json` of gcc 9 to 14: one array of objects on one line.
//!
//! Source: gcc/diagnostic-format-json.cc. Unknown members are ignored; a line that is cut gives the
//! diagnostics before the cut.

use serde::Deserialize;

use crate::diagnostic::{Diagnostic, FixIt, Flavor, Location, Note, Severity, Tool};
use crate::line::Line;
use crate::text::normalise_quotes;
use crate::tools::{Sink, ToolReader};

/// The reader of gcc's JSON.
#[derive(Debug, Default)]
pub struct CompilerJson;

impl ToolReader for CompilerJson {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim();
        if !text.starts_with("[{\"") || !text.contains("\"kind\"") {
            return false;
        }
        let mut any = false;
        for entry in entries(text) {
            if let Some(diagnostic) = entry.diagnostic() {
                sink.open(line, diagnostic);
                any = true;
            }
        }
        any
    }
}

/// The entries of an array, as many as are whole.
fn entries(text: &str) -> Vec<Entry> {
    if let Ok(all) = serde_json::from_str::<Vec<Entry>>(text) {
        return all;
    }
    let mut found = Vec::new();
    let mut rest = text.strip_prefix('[').unwrap_or(text);
    loop {
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Entry>();
        let Some(Ok(entry)) = stream.next() else { return found };
        found.push(entry);
        rest = rest.get(stream.byte_offset()..).unwrap_or("").trim_start_matches([',', ' ', ']', '[', '\n']);
    }
}

#[derive(Debug, Deserialize)]
struct Entry {
    kind: String,
    message: String,
    #[serde(default)]
    option: Option<String>,
    #[serde(default)]
    locations: Vec<Place>,
    #[serde(default)]
    children: Vec<Entry>,
    #[serde(default)]
    fixits: Vec<Edit>,
}

#[derive(Debug, Deserialize)]
struct Place {
    #[serde(default)]
    caret: Option<Point>,
}

#[derive(Debug, Deserialize)]
struct Point {
    file: String,
    line: u32,
    #[serde(default)]
    column: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Edit {
    #[serde(default)]
    string: String,
    #[serde(default)]
    start: Option<Point>,
}

impl From<Point> for Location {
    fn from(point: Point) -> Self {
        Self::new(point.file, Some(point.line), point.column)
    }
}

impl Entry {
    fn location(&mut self) -> Option<Location> {
        self.locations.first_mut().and_then(|place| place.caret.take()).map(Location::from)
    }

    fn diagnostic(mut self) -> Option<Diagnostic> {
        let severity = match self.kind.as_str() {
            "error" | "sorry, unimplemented" | "permerror" => Severity::Error,
            "fatal error" | "internal compiler error" | "ice" => Severity::Fatal,
            "warning" | "pedwarn" => Severity::Warning,
            "note" => Severity::Note,
            _ => return None,
        };
        let mut diagnostic = Diagnostic::new(Tool::Cc, severity, normalise_quotes(&self.message));
        diagnostic.flavor = Some(Flavor::Gnu);
        diagnostic.location = self.location();
        if let Some(option) = self.option.take() {
            diagnostic.werror = option.starts_with("-Werror=");
            let name = option
                .strip_prefix("-Werror=")
                .or_else(|| option.strip_prefix("-W"))
                .map_or(option.clone(), |name| format!("-W{name}"));
            diagnostic.option = Some(name.split('=').next().unwrap_or(&name).to_owned());
        }
        diagnostic.fixits = self
            .fixits
            .into_iter()
            .map(|edit| FixIt { location: edit.start.map(Location::from), text: edit.string })
            .collect();
        diagnostic.notes = self
            .children
            .into_iter()
            .filter(|child| !child.message.starts_with("each undeclared identifier"))
            .map(|mut child| Note {
                location: child.location(),
                message: normalise_quotes(&child.message).into_owned(),
            })
            .collect();
        Some(diagnostic)
    }
}
