//! Runs a log through one reader and shows what came out, one line of text a diagnostic.

use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Location};
use crate::line::Line;

/// Asserts that `log`, read by `reader` alone, gives exactly the diagnostics `expect`.
///
/// A diagnostic is shown as `severity file:line:column: message [option] fn=… obj=a,b | note`.
#[track_caller]
pub(crate) fn check(reader: &mut dyn ToolReader, log: &str, expect: &[&str]) {
    let found: Vec<String> = read(reader, log).iter().map(show).collect();
    assert_eq!(found, expect, "log: {log}");
}

/// The diagnostics in `log` as `reader` sees them.
pub(crate) fn read(reader: &mut dyn ToolReader, log: &str) -> Vec<Diagnostic> {
    let mut sink = Sink::default();
    let mut start = 0;
    for (at, text) in log.split('\n').enumerate() {
        let end = start + text.len() as u64 + 1;
        reader.line(&Line { text, number: at as u64 + 1, start, end }, &mut sink);
        start = end;
    }
    sink.close();
    sink.drain().collect()
}

/// Every prefix and every cut in the middle of `log` must be survived.
pub(crate) fn survives(mut reader: impl FnMut() -> Box<dyn ToolReader>, log: &str) {
    for (at, _) in log.char_indices() {
        read(reader().as_mut(), &log[..at]);
        read(reader().as_mut(), &log[at..]);
    }
}

fn show(diagnostic: &Diagnostic) -> String {
    let mut out = format!("{:?}", diagnostic.severity).to_lowercase();
    if let Some(location) = &diagnostic.location {
        out += &format!(" {}:", place(location));
    }
    out += &format!(" {}", diagnostic.message);
    if let Some(option) = &diagnostic.option {
        out += &format!(" [{option}]");
    }
    if diagnostic.werror {
        out += " werror";
    }
    if let Some(function) = &diagnostic.function {
        out += &format!(" fn={function}");
    }
    if !diagnostic.objects.is_empty() {
        out += &format!(" obj={}", diagnostic.objects.join(","));
    }
    for note in &diagnostic.notes {
        out += " | ";
        if let Some(location) = &note.location {
            out += &format!("{}: ", place(location));
        }
        out += &note.message;
    }
    out
}

fn place(location: &Location) -> String {
    let mut out = location.file.clone();
    for part in [location.line, location.column].into_iter().flatten() {
        out += &format!(":{part}");
    }
    out
}
