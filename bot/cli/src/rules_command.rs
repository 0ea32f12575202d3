//! `triage rules`: what is in the rule book, and whether it is sound.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use triage_rules::raw::{Kind, RawRule};
use triage_rules::{Rule, RuleBook, RuleError, book, check};

use crate::args::{ListFormat, RulesCommand, SchemaOf};
use crate::error::Error;
use crate::rule_files::{self, RuleFile};
use crate::{generate, rule_stub};

/// Columns of explained text.
const WIDTH: usize = 80;

/// Runs a command; false when rules have faults.
pub fn run(command: &RulesCommand, out: &mut dyn Write) -> Result<bool, Error> {
    match command {
        RulesCommand::List { rules, format } => list(rules, *format, out).map(|()| true),
        RulesCommand::Explain { id, rules } => explain(id, rules, out).map(|()| true),
        RulesCommand::Classes => classes(out).map(|()| true),
        RulesCommand::Check { paths } => check_files(paths, out),
        RulesCommand::Test { paths, rules } => test(paths, rules, out),
        RulesCommand::New { name, from, dir } => rule_stub::make(name, from.as_deref(), dir, out).map(|()| true),
        RulesCommand::Schema => generate::schema(SchemaOf::Rule, out).map(|()| true),
    }
}

/// A line of the list.
#[derive(Serialize)]
struct Listed<'a> {
    id: &'a str,
    class: &'a str,
    tool: String,
    kind: Kind,
    title: &'a str,
    file: &'a str,
}

fn list(rules: &[PathBuf], format: ListFormat, out: &mut dyn Write) -> Result<(), Error> {
    let book = rule_files::book(rules)?;
    let listed: Vec<Listed<'_>> = book.rules().iter().map(listed).collect();
    if format == ListFormat::Json {
        serde_json::to_writer_pretty(&mut *out, &listed).map_err(std::io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    let width = |of: fn(&Listed<'_>) -> usize| listed.iter().map(of).max().unwrap_or(0);
    let (id, class, tool) = (width(|l| l.id.len()), width(|l| l.class.len()), width(|l| l.tool.len()));
    for l in &listed {
        writeln!(out, "{:id$}  {:class$}  {:tool$}  {}", l.id, l.class, l.tool, l.title)?;
    }
    Ok(())
}

fn listed(rule: &Rule) -> Listed<'_> {
    Listed {
        id: &rule.id,
        class: &rule.class,
        tool: folder(&rule.file).to_owned(),
        kind: rule.kind,
        title: &rule.prose().title,
        file: &rule.file,
    }
}

/// The folder of a rule file, which is named for the tool.
fn folder(file: &str) -> &str {
    file.rsplit(['/', '\\']).nth(1).unwrap_or("")
}

fn classes(out: &mut dyn Write) -> Result<(), Error> {
    let classes = book::classes();
    let width = classes.keys().map(String::len).max().unwrap_or(0);
    for (class, meaning) in classes {
        writeln!(out, "{class:width$}  {meaning}")?;
    }
    Ok(())
}

fn explain(id: &str, rules: &[PathBuf], out: &mut dyn Write) -> Result<(), Error> {
    let files = rule_files::read(rules)?;
    let mut known = RuleBook::embedded();
    rule_files::extend(&mut known, &files)?;
    let Some(rule) = known.get(id) else {
        return Err(Error::UnknownRule { id: id.to_owned(), near: near(id, &known) });
    };
    let sources = book::sources();
    let text = files
        .iter()
        .find(|(file, _)| *file == rule.file)
        .map(|(_, text)| text)
        .or_else(|| sources.get(rule.file.as_ref()));
    let raw = text.map(|text| check::load(&rule.file, text)).transpose().map_err(Error::Rules)?;
    document(rule, raw.as_ref(), out)
}

/// The documentation of a rule, under headings that are always the same.
fn document(rule: &Rule, raw: Option<&RawRule>, out: &mut dyn Write) -> Result<(), Error> {
    writeln!(out, "{}: {}", rule.id, rule.prose().title)?;
    heading("What it says", out)?;
    let meaning = book::classes().get(rule.class.as_ref()).map_or("", String::as_str);
    paragraph("", &format!("Class {}: {meaning}.", rule.class), out)?;
    let whose = match rule.kind {
        Kind::Code => "The fault is in the code, its Makefiles or its configuration.",
        Kind::Infrastructure => "The fault is the machine's: its tools, its memory, its disk, its network.",
    };
    paragraph("", whose, out)?;
    if !rule.consequence_of.is_empty() {
        let of: Vec<&str> = rule.consequence_of.iter().map(|of| described(of)).collect();
        paragraph("", &format!("Not a cause where there is {}.", of.join(", or ")), out)?;
    }
    heading("Why", out)?;
    paragraph("", &rule.prose().explanation, out)?;
    heading("What to do", out)?;
    let advice = &rule.prose().advice;
    paragraph("", &advice.default, out)?;
    let others = [
        ("In the kernel: ", &advice.kernel),
        ("In the kernel's tools: ", &advice.kernel_tools),
        ("In C++: ", &advice.cxx),
    ];
    for (head, text) in others {
        if let Some(text) = text {
            writeln!(out)?;
            paragraph(head, text, out)?;
        }
    }
    heading("Examples", out)?;
    for example in raw.iter().flat_map(|raw| &raw.matches) {
        for line in example.log.value.lines() {
            writeln!(out, "    {line}")?;
        }
        writeln!(out)?;
    }
    if !rule.prose().references.is_empty() {
        heading("References", out)?;
        for reference in &rule.prose().references {
            writeln!(out, "- {reference}")?;
        }
    }
    Ok(())
}

fn described(of: &str) -> &str {
    match of {
        "*" => "any error in the same translation unit",
        "**" => "any error in the log",
        other => other,
    }
}

fn heading(text: &str, out: &mut dyn Write) -> Result<(), Error> {
    Ok(writeln!(out, "\n{text}\n{}\n", "-".repeat(text.len()))?)
}

/// Text in lines that are not too long.
fn paragraph(head: &str, text: &str, out: &mut dyn Write) -> Result<(), Error> {
    let mut line = head.trim_end().to_owned();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    Ok(writeln!(out, "{line}")?)
}

/// Ids that share most with what was typed.
fn near(id: &str, book: &RuleBook) -> Vec<String> {
    let wanted: Vec<&str> = id.split(['-', '_', ' ']).filter(|word| word.len() > 2).collect();
    let score = |other: &str| -> usize {
        let whole = usize::from(!id.is_empty() && other.contains(id)) * 3;
        whole
            + wanted
                .iter()
                .filter(|word| other.split('-').any(|o| o.starts_with(**word) || word.starts_with(o)))
                .count()
    };
    let mut scored: Vec<(usize, &str)> = book.rules().iter().map(|rule| (score(&rule.id), rule.id.as_ref())).collect();
    scored.retain(|(score, _)| *score > 0);
    scored.sort_by_key(|(score, id)| (std::cmp::Reverse(*score), id.len()));
    scored.into_iter().take(3).map(|(_, id)| id.to_owned()).collect()
}

/// The given files, or those that come with triage.
fn files(paths: &[PathBuf]) -> Result<Vec<RuleFile>, Error> {
    if paths.is_empty() { Ok(book::sources().into_iter().collect()) } else { rule_files::read(paths) }
}

fn check_files(paths: &[PathBuf], out: &mut dyn Write) -> Result<bool, Error> {
    let files = files(paths)?;
    let mut faults: Vec<RuleError> = Vec::new();
    let mut ids: BTreeMap<String, &str> = BTreeMap::new();
    for (file, text) in &files {
        match check::load(file, text) {
            Ok(raw) => {
                if let Some(other) = ids.insert(raw.id.value.clone(), file) {
                    let message = format!("the id '{}' is taken by {other}", raw.id.value);
                    faults.push(RuleError::at(file, raw.id.referenced, message));
                }
            }
            Err(mut found) => faults.append(&mut found),
        }
    }
    faults.iter().try_for_each(|fault| writeln!(out, "{fault}"))?;
    writeln!(out, "{}, {}", count(files.len(), "rule"), count(faults.len(), "fault"))?;
    Ok(faults.is_empty())
}

fn test(paths: &[PathBuf], rules: &[PathBuf], out: &mut dyn Write) -> Result<bool, Error> {
    let mut book = rule_files::book(rules)?;
    let files = files(paths)?;
    if !paths.is_empty() {
        rule_files::extend(&mut book, &files)?;
    }
    let (mut examples, mut faults) = (0, 0);
    for (file, text) in &files {
        let raw = match check::load(file, text) {
            Ok(raw) => raw,
            Err(found) => {
                faults += found.len();
                found.iter().try_for_each(|fault| writeln!(out, "{fault}"))?;
                continue;
            }
        };
        // A rule that another file overrides is not in the book any more.
        if book.get(&raw.id.value).is_none_or(|rule| rule.file != *file) {
            continue;
        }
        examples += raw.matches.len() + raw.not.len();
        for fault in check::examples(&book, file, &raw) {
            faults += 1;
            writeln!(out, "{fault}")?;
        }
    }
    writeln!(out, "{}, {}, {}", count(files.len(), "rule"), count(examples, "example"), count(faults, "fault"))?;
    Ok(faults == 0)
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(command: &RulesCommand) -> String {
        let mut out = Vec::new();
        run(command, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn headings_are_fixed() {
        let id = "implicit-function-declaration".to_owned();
        let text = output(&RulesCommand::Explain { id, rules: vec![] });
        let mut rest = text.as_str();
        for heading in ["What it says", "Why", "What to do", "Examples", "References"] {
            let at = rest.find(&format!("\n{heading}\n---")).unwrap_or_else(|| panic!("{heading} in {text}"));
            rest = &rest[at + 1..];
        }
    }

    #[test]
    fn an_unknown_rule_has_neighbours() {
        let command = RulesCommand::Explain { id: "implicit-function".into(), rules: vec![] };
        let error = run(&command, &mut Vec::new()).unwrap_err();
        assert!(error.way_out().unwrap().contains("implicit-function-declaration"));
    }
}
