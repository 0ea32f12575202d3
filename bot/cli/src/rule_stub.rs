//! `triage rules new`: a rule file to start from, made of a log excerpt.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use triage_log::Tool;
use triage_log::diagnostic::{Diagnostic, Severity};

use crate::args::RuleName;
use crate::error::Error;

/// How much of an excerpt is taken.
const EXCERPT_MAX: u64 = 64 << 10;

/// Makes the file and says what to do with it.
pub fn make(name: &RuleName, from: Option<&Path>, folder: &Path, out: &mut dyn Write) -> Result<(), Error> {
    let value = serde_json::Value::String(name.tool.clone());
    let tool: Tool = serde_json::from_value(value).map_err(|_| Error::UnknownTool(name.tool.clone(), known_tools()))?;
    let excerpt = excerpt(from)?;
    let text = stub(name, tool, &excerpt);
    let folder = folder.join(&name.tool);
    let path = folder.join(format!("{}.yaml", name.id));
    fs::create_dir_all(&folder).map_err(|error| Error::Write(folder.clone(), error))?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::RuleExists(path.clone()),
        _ => Error::Write(path.clone(), error),
    })?;
    file.write_all(text.as_bytes()).map_err(|error| Error::Write(path.clone(), error))?;
    writeln!(out, "{}", path.display())?;
    Ok(writeln!(out, "fill it in, then try it: triage rules test {}", path.display())?)
}

/// The tools, as the schema lists them.
fn known_tools() -> String {
    let schema = serde_json::to_value(schemars::schema_for!(Tool)).unwrap_or_default();
    let mut names = Vec::new();
    collect_names(&schema, &mut names);
    names.join(", ")
}

fn collect_names(schema: &serde_json::Value, names: &mut Vec<String>) {
    for key in ["enum", "oneOf"] {
        for value in schema[key].as_array().into_iter().flatten() {
            match value.as_str().or_else(|| value["const"].as_str()) {
                Some(name) => names.push(name.to_owned()),
                None => collect_names(value, names),
            }
        }
    }
}

fn excerpt(from: Option<&Path>) -> Result<String, Error> {
    let mut bytes = Vec::new();
    match from {
        Some(path) => {
            let file = fs::File::open(path).and_then(|file| file.take(EXCERPT_MAX).read_to_end(&mut bytes));
            file.map_err(|error| Error::Read(path.to_owned(), error))?;
        }
        None if io::stdin().is_terminal() => {}
        None => {
            let read = io::stdin().take(EXCERPT_MAX).read_to_end(&mut bytes);
            read.map_err(|error| Error::Read("-".into(), error))?;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// The text of the file. It can be loaded as it is; what is to be filled in says TODO.
fn stub(name: &RuleName, tool: Tool, excerpt: &str) -> String {
    let mut found: Vec<Diagnostic> = Vec::new();
    // Reading from memory cannot fail.
    let _ = triage_log::read_log(&mut excerpt.as_bytes(), &mut |diagnostic| found.push(diagnostic));
    let message = found
        .iter()
        .find(|d| d.tool == tool && d.severity != Severity::Note)
        .or(found.first())
        .map_or("TODO the message, with the name in '…' as '(?P<symbol>[^']+)'", |d| d.message.as_str());
    let (pattern, symbol) = if found.is_empty() { (message.to_owned(), None) } else { pattern(message) };
    let title = if symbol.is_some() { "TODO what is wrong with '{symbol}'" } else { "TODO what is wrong" };
    let example = if excerpt.is_empty() { "TODO the lines, as the tool printed them" } else { excerpt };
    let symbol = symbol.map(|symbol| format!("    symbol: {}\n", quoted(&symbol))).unwrap_or_default();
    format!(
        "\
# One problem, one file. `triage rules schema` has every key; `triage rules test` tries the examples.
id: {id}
class: other-error # the symptom; `triage rules classes` lists them
title: {title} # one line, no full stop; {{symbol}} and other captures are replaced
match: # the message only: no location, no severity, no option; names are always in '…'
  - message: {pattern}
# kind: infrastructure # when the machine is at fault, not the code
# consequence_of: [] # ids or classes that explain this one away
explanation: |
  TODO what the message means and how it comes about, in two or three sentences.
advice:
  default: TODO what to do
  # kernel: where kernel code needs other advice
  # kernel_tools: the user-space programs in a kernel tree
  # cxx: C++
references: []
matches:
  - log: {example}
{symbol}not: [] # lines that look alike and mean something else
",
        id = name.id,
        title = quoted(title),
        pattern = quoted(&pattern),
        example = quoted(example),
    )
}

/// A string in double quotes: JSON's are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// A pattern for the message in which the first quoted name is captured and the others are free.
fn pattern(message: &str) -> (String, Option<String>) {
    let mut pattern = String::new();
    let mut symbol = None;
    let mut rest = message;
    while let Some((before, name, after)) = quoted_name(rest) {
        escape(before, &mut pattern);
        pattern.push_str(if symbol.is_none() { "'(?P<symbol>[^']+)'" } else { "'[^']+'" });
        symbol.get_or_insert_with(|| name.to_owned());
        rest = after;
    }
    escape(rest, &mut pattern);
    (pattern, symbol)
}

/// The text before the first `'name'`, the name, and the text after it.
fn quoted_name(text: &str) -> Option<(&str, &str, &str)> {
    let (before, from) = text.split_once('\'')?;
    let (name, after) = from.split_once('\'')?;
    (!name.is_empty()).then_some((before, name, after))
}

fn escape(text: &str, into: &mut String) {
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            into.push('\\');
        }
        into.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use triage_rules::{RuleBook, check};

    fn name() -> RuleName {
        "cc/lost-thing".parse().unwrap()
    }

    #[test]
    fn a_stub_passes_its_own_test() {
        let text = stub(&name(), Tool::Cc, "tank.c:3:4: error: the widget ‘level’ (of ‘tank’) is lost [-Wwidget]");
        assert!(text.contains("message: \"the widget '(?P<symbol>[^']+)' \\\\(of '[^']+'\\\\) is lost\""), "{text}");
        let raw = check::load("cc/lost-thing.yaml", &text).unwrap();
        let mut book = RuleBook::embedded();
        book.extend([("cc/lost-thing.yaml", text.as_str())]).unwrap();
        assert_eq!(check::examples(&book, "cc/lost-thing.yaml", &raw), []);
        assert_eq!(raw.matches[0].symbol.as_deref(), Some("level"));
    }

    #[test]
    fn a_stub_without_an_excerpt_loads() {
        check::load("cc/lost-thing.yaml", &stub(&name(), Tool::Cc, "")).unwrap();
    }

    #[test]
    fn all_tools_are_known() {
        assert!(
            known_tools().contains("cc, ld") || known_tools().split(", ").any(|tool| tool == "cc"),
            "{}",
            known_tools()
        );
    }
}
