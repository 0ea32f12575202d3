//! SARIF 2.1.0, as GitHub code scanning and other viewers read it.
//!
//! Every cause and warning is a result; the rules that named them are described once. Nothing is
//! suppressed: whether a cause is old or new, the fingerprint tells the viewer.

use std::collections::BTreeMap;
use std::io;

use serde_json::{Map, Value, json};
use triage_causes::report::{Applicability, Cause, Fix, Report};
use triage_log::diagnostic::Location;

use crate::json::pretty;
use crate::summary::{self, Label, Voice};
use crate::{patch, paths, safe, words};

/// Where the schema of the format is found.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Name of our fingerprint. Its number grows when fingerprints are computed in another way.
const FINGERPRINT: &str = "triageCause/v1";

/// What relative paths are relative to: the root of the repository.
const ROOT: &str = "%SRCROOT%";

/// Viewers make links of brackets; see [`safe::sarif`].
const VOICE: Voice = Voice { name: safe::sarif, prose: safe::sarif };

/// Most lines that a fix may replace in one file to be given as edits, too.
const MAX_EDITS: usize = 1000;

/// Writes the report.
pub fn render(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    pretty(&document(report), out)
}

fn document(report: &Report) -> Value {
    let mut rules = Rules::default();
    let results: Vec<Value> =
        summary::labelled(report).map(|(label, cause)| result(report, label, cause, &mut rules)).collect();
    let problems: Vec<Value> = report
        .problems
        .iter()
        .map(|problem| {
            let text = safe::sarif(&words::problem(&problem.name, &problem.message));
            json!({ "level": "note", "message": { "text": text } })
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": words::PROGRAM,
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.described,
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": problems }],
            "results": results,
        }],
    })
}

/// The rules that were met, in order.
#[derive(Default)]
struct Rules<'a> {
    known: BTreeMap<&'a str, usize>,
    described: Vec<Value>,
}

impl<'a> Rules<'a> {
    /// The number of the cause's rule.
    fn index(&mut self, label: Label, cause: &'a Cause) -> usize {
        *self.known.entry(&cause.rule).or_insert_with(|| {
            self.described.push(rule(label, cause));
            self.described.len() - 1
        })
    }
}

fn rule(label: Label, cause: &Cause) -> Value {
    let id = safe::line(&cause.rule);
    let explanation = safe::sarif(&cause.explanation);
    let mut help = explanation.clone();
    let mut markdown = safe::markdown_prose(&cause.explanation);
    for reference in &cause.references {
        help.push_str(&format!("\n\n{}: {}", words::SEE, safe::sarif(reference)));
        markdown.push_str(&format!("\n\n{}: {}", words::SEE, safe::markdown_link(reference)));
    }
    if help.is_empty() {
        help.clone_from(&id);
        markdown = safe::markdown(&id);
    }
    let mut rule = json!({
        "id": id,
        "shortDescription": { "text": id.replace('-', " ") },
        "help": { "text": help, "markdown": markdown },
        "defaultConfiguration": { "level": level(label) },
        "properties": { "tags": tags(cause) },
    });
    if !explanation.is_empty() {
        rule["fullDescription"] = json!({ "text": explanation });
    }
    rule
}

/// Each once, as the format wants it.
fn tags(cause: &Cause) -> Vec<String> {
    let mut tags = vec![summary::json_name(cause.kind)];
    let class = safe::line(&cause.class);
    if !tags.contains(&class) {
        tags.push(class);
    }
    tags
}

fn level(label: Label) -> &'static str {
    match label {
        Label::Error | Label::Infrastructure => "error",
        Label::Warning => "warning",
        Label::Note => "note",
    }
}

fn result<'a>(report: &Report, label: Label, cause: &'a Cause, rules: &mut Rules<'a>) -> Value {
    let mut result = json!({
        "ruleId": safe::line(&cause.rule),
        "ruleIndex": rules.index(label, cause),
        "level": level(label),
        "message": { "text": message(report, label, cause) },
        "partialFingerprints": { FINGERPRINT: safe::line(&cause.fingerprint) },
        "properties": properties(cause),
    });
    if cause.counts.findings > 0 {
        result["occurrenceCount"] = json!(cause.counts.findings);
    }
    if let Some(place) = &cause.location {
        let mut location = location(place);
        let shown = cause.snippet.as_ref().filter(|snippet| snippet.line.is_none_or(|line| Some(line) == place.line));
        if let (Some(snippet), Some(region)) = (shown, location.pointer_mut("/physicalLocation/region")) {
            region["snippet"] = json!({ "text": safe::block(&snippet.text) });
        }
        if let Some(function) = &cause.function {
            location["logicalLocations"] = json!([{ "name": safe::line(function), "kind": "function" }]);
        }
        result["locations"] = json!([location]);
    }
    let related = related(cause);
    if !related.is_empty() {
        result["relatedLocations"] = Value::Array(related);
    }
    let fixes: Vec<Value> = cause.fixes.iter().filter_map(fix).collect();
    if !fixes.is_empty() {
        result["fixes"] = Value::Array(fixes);
    }
    result
}

/// The title and the facts, one a line.
fn message(report: &Report, label: Label, cause: &Cause) -> String {
    let mut text = String::new();
    if let (_, Some(word)) = label.level() {
        text = format!("{word}: ");
    }
    text.push_str(&safe::sarif(&safe::line(&cause.title)));
    for fact in summary::facts(cause, report, VOICE, 0, None) {
        text.push('\n');
        if !fact.head.is_empty() {
            text.push_str(fact.head);
            text.push_str(": ");
        }
        text.push_str(&fact.text);
    }
    if cause.location.is_none() && cause.log.line > 0 {
        text.push('\n');
        text.push_str(&words::in_log(&summary::log_place(cause, safe::sarif)));
    }
    text
}

fn location(place: &Location) -> Value {
    let mut physical = Map::new();
    physical.insert("artifactLocation".into(), artifact(&place.file));
    if let Some(line) = place.line.filter(|&line| line > 0) {
        let mut region = json!({ "startLine": line });
        if let Some(column) = place.column.filter(|&column| column > 0) {
            region["startColumn"] = json!(column);
        }
        physical.insert("region".into(), region);
    }
    json!({ "physicalLocation": physical })
}

fn artifact(file: &str) -> Value {
    match paths::relative(file) {
        Some(path) => json!({ "uri": paths::encoded(&path), "uriBaseId": ROOT }),
        None => json!({ "uri": paths::uri(file) }),
    }
}

/// Includes, notes and other places, each with what it is.
fn related(cause: &Cause) -> Vec<Value> {
    let says = |place: &Location, text: String| {
        let mut location = location(place);
        location["message"] = json!({ "text": text });
        location
    };
    let mut related = Vec::new();
    for from in &cause.includes {
        related.push(says(from, words::included_from(&safe::sarif(&safe::line(&summary::place(from))))));
    }
    for note in &cause.notes {
        if let Some(place) = &note.location {
            related.push(says(place, safe::sarif(&safe::line(&note.message))));
        }
    }
    for place in &cause.places {
        related.push(says(place, safe::sarif(&safe::line(&cause.title))));
    }
    for (id, location) in related.iter_mut().enumerate() {
        location["id"] = json!(id + 1);
    }
    related
}

/// A fix that changes something, as edits.
fn fix(fix: &Fix) -> Option<Value> {
    let changes = patch::parse(fix.patch.as_deref()?);
    if changes.is_empty() || changes.iter().map(|file| file.edits.len()).sum::<usize>() > MAX_EDITS {
        return None;
    }
    let changes: Vec<Value> = changes
        .iter()
        .map(|file| {
            let edits: Vec<Value> = file.edits.iter().map(replacement).collect();
            json!({ "artifactLocation": artifact(&file.path), "replacements": edits })
        })
        .collect();
    let mut text = safe::sarif(&safe::line(&fix.title));
    if fix.applicability != Applicability::Verified {
        text = format!("{text} ({})", words::UNVERIFIED);
    }
    Some(json!({ "description": { "text": text }, "artifactChanges": changes }))
}

/// The lines from start to end, the line end of the last one included when nothing takes their
/// place.
fn replacement(edit: &patch::Edit) -> Value {
    let start = edit.line.max(1);
    if edit.removed > 0 && !edit.inserted.is_empty() {
        let text = edit.inserted.strip_suffix('\n').unwrap_or(&edit.inserted);
        return json!({
            "deletedRegion": { "startLine": start, "endLine": start + (edit.removed - 1) },
            "insertedContent": { "text": text },
        });
    }
    let region = json!({
        "startLine": start, "startColumn": 1, "endLine": start + edit.removed, "endColumn": 1,
    });
    if edit.inserted.is_empty() {
        json!({ "deletedRegion": region })
    } else {
        json!({ "deletedRegion": region, "insertedContent": { "text": edit.inserted } })
    }
}

/// What has no place in the format.
fn properties(cause: &Cause) -> Value {
    let lines = |texts: &[String]| texts.iter().map(|text| safe::line(text)).collect::<Vec<_>>();
    let mut properties = json!({
        "class": safe::line(&cause.class),
        "kind": summary::json_name(cause.kind),
        "tool": summary::json_name(cause.tool),
        "symbols": lines(&cause.symbols),
        "builds": lines(&cause.builds),
        "files": cause.counts.files,
        "consequences": cause.counts.consequences,
        "logLine": cause.log.line,
    });
    if let Some(diagnosis) = &cause.diagnosis {
        properties["diagnosis"] = json!(safe::line(diagnosis));
    }
    if let Some(option) = &cause.option {
        properties["option"] = json!(safe::line(option));
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, rendered};
    use crate::{Format, Options};

    fn valid(report: &Report) -> Value {
        let schema = include_str!("../../../tests/schemas/sarif-2.1.0.json");
        // The published pattern has an unbalanced bracket, at which strict validators stop.
        let schema = schema.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$");
        let schema: Value = serde_json::from_str(&schema).unwrap();
        let schema = jsonschema::draft7::options().should_validate_formats(true).build(&schema).unwrap();
        let text = rendered(report, Format::Sarif, &Options::default());
        let value: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> =
            schema.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new());
        value
    }

    #[test]
    fn all_reports_are_valid() {
        valid(&fixture::report(vec![]));
        valid(&fixture::hostile_report());
        let value = valid(&fixture::mixed());
        insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!(value) });
    }

    #[test]
    fn a_rule_is_described_once() {
        let value = valid(&fixture::report(vec![fixture::cause(), fixture::infrastructure(), fixture::cause()]));
        let run = &value["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 2);
        let indexes: Vec<_> = run["results"].as_array().unwrap().iter().map(|result| &result["ruleIndex"]).collect();
        assert_eq!(indexes, [0, 1, 0]);
    }

    #[test]
    fn edits() {
        let edit = |removed, inserted: &str| {
            let inserted = inserted.into();
            replacement(&patch::Edit { removed, inserted, ..patch::Edit::at(5, None) })
        };
        let region = json!({ "startLine": 5, "startColumn": 1, "endLine": 5, "endColumn": 1 });
        assert_eq!(edit(0, "a\n"), json!({ "deletedRegion": region, "insertedContent": { "text": "a\n" } }));
        let region = json!({ "startLine": 5, "endLine": 6 });
        assert_eq!(edit(2, "a\n"), json!({ "deletedRegion": region, "insertedContent": { "text": "a" } }));
        let region = json!({ "startLine": 5, "startColumn": 1, "endLine": 7, "endColumn": 1 });
        assert_eq!(edit(2, ""), json!({ "deletedRegion": region }));
    }
}
