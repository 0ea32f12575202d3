//! SARIF 2.1.0 as gcc (≥ 13) and clang (≥ 15) print it on one line.
//!
//! Source: the OASIS standard; gcc/diagnostic-format-sarif.cc; clang/lib/Frontend/SARIFDiagnostic.cpp.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, FixIt, Flavor, Location, Note, Severity, Tool};
use crate::line::Line;
use crate::text::normalise_quotes;
use crate::tools::{Sink, ToolReader};

/// The reader of SARIF lines.
#[derive(Debug, Default)]
pub struct Sarif;

impl ToolReader for Sarif {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim();
        if !text.starts_with('{') || !text.contains("\"runs\"") {
            return false;
        }
        // Text of other programs may follow on the line: only the first value counts.
        let Some(Ok(document)) = serde_json::Deserializer::from_str(text).into_iter::<Value>().next() else {
            return false;
        };
        let Some(runs) = document.get("runs").and_then(Value::as_array) else { return false };
        for run in runs {
            let name = run.pointer("/tool/driver/name").and_then(Value::as_str).unwrap_or_default();
            let flavor = if name.contains("clang") {
                Some(Flavor::Llvm)
            } else if name.contains("GNU") || name.contains("gcc") {
                Some(Flavor::Gnu)
            } else {
                None
            };
            for result in run.get("results").and_then(Value::as_array).into_iter().flatten() {
                add(line, sink, result, run, flavor);
            }
        }
        true
    }
}

fn add(line: &Line<'_>, sink: &mut Sink, result: &Value, run: &Value, flavor: Option<Flavor>) {
    let message = normalise_quotes(text_of(result)).into_owned();
    let level = result.get("level").and_then(Value::as_str).unwrap_or("warning");
    let places: Vec<Location> = places(result.get("locations"), run);
    let severity = match level {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        _ => Severity::Note,
    };
    if severity == Severity::Note {
        // clang gives the notes of a message as results of their own, after it.
        if let Some(owner) = sink.last(line, Tool::Cc) {
            if owner.notes.len() < 64 {
                owner.notes.push(Note { location: places.into_iter().next(), message });
            }
            return;
        }
    }
    let mut diagnostic = Diagnostic::new(Tool::Cc, severity, message);
    diagnostic.flavor = flavor;
    diagnostic.location = places.into_iter().next();
    let rule = result.get("ruleId").and_then(Value::as_str).unwrap_or_default();
    if let Some(name) = rule.strip_prefix("-Werror=").or_else(|| rule.strip_prefix("-W")) {
        diagnostic.option = Some(format!("-W{}", name.split('=').next().unwrap_or(name)));
        diagnostic.werror = rule.starts_with("-Werror=");
    }
    for place in result.get("relatedLocations").and_then(Value::as_array).into_iter().flatten() {
        let message = normalise_quotes(text_of(place)).into_owned();
        if !message.is_empty() && !message.starts_with("each undeclared identifier") {
            diagnostic.notes.push(Note { location: location(place, run), message });
        }
    }
    for fix in result.get("fixes").and_then(Value::as_array).into_iter().flatten() {
        let text = fix.pointer("/artifactChanges/0/replacements/0/insertedContent/text").and_then(Value::as_str);
        if let Some(text) = text {
            diagnostic.fixits.push(FixIt { location: diagnostic.location.clone(), text: text.to_owned() });
        }
    }
    sink.open(line, diagnostic);
}

fn text_of(value: &Value) -> &str {
    value.pointer("/message/text").and_then(Value::as_str).unwrap_or_default()
}

fn places(value: Option<&Value>, run: &Value) -> Vec<Location> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(|place| location(place, run)).collect()
}

/// A location; an index into the run's artifacts stands for a missing URI.
fn location(place: &Value, run: &Value) -> Option<Location> {
    let physical = place.get("physicalLocation")?;
    let uri = physical.pointer("/artifactLocation/uri").and_then(Value::as_str).or_else(|| {
        let index = physical.pointer("/artifactLocation/index")?.as_u64()?;
        run.pointer(&format!("/artifacts/{index}/location/uri"))?.as_str()
    })?;
    let number = |key: &str| physical.pointer(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let file = uri.strip_prefix("file://").unwrap_or(uri);
    Some(Location::new(file, number("/region/startLine"), number("/region/startColumn")))
}
