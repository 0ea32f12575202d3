//! What a rule is held to: its form, its patterns, its examples.

use std::collections::BTreeSet;

use serde_yaml::Spanned;
use triage_log::diagnostic::Diagnostic;

use crate::book::{RuleBook, classes, folder_tool};
use crate::compiled::{CATCH_ALL, compile_pattern};
use crate::error::RuleError;
use crate::literal;
use crate::raw::RawRule;

/// Reads and checks one rule file; the file is named as the person gave it.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn load(file: &str, text: &str) -> Result<RawRule, Vec<RuleError>> {
    let raw: RawRule = serde_yaml::from_str(text).map_err(|error| {
        let location = error.location();
        vec![RuleError {
            file: file.to_owned(),
            line: location.map_or(0, |l| l.line()),
            column: location.map_or(0, |l| l.column()),
            message: first_line(&error.to_string()),
        }]
    })?;
    let mut faults = Vec::new();
    check_names(file, &raw, &mut faults);
    check_patterns(file, &raw, &mut faults);
    if faults.is_empty() { Ok(raw) } else { Err(faults) }
}

/// The reader's errors come with a picture of the file: the first line says it.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or("cannot be read");
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn check_names(file: &str, raw: &RawRule, faults: &mut Vec<RuleError>) {
    let mut fault = |at: &Spanned<String>, message: String| faults.push(RuleError::at(file, at.referenced, message));
    let id = &raw.id.value;
    let well_formed = !id.is_empty()
        && id
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    if !well_formed {
        fault(&raw.id, format!("the id '{id}' must be lower case words joined by '-'"));
    }
    let stem = file.rsplit(['/', '\\']).next().unwrap_or(file).trim_end_matches(".yaml").trim_end_matches(".yml");
    if stem != id {
        fault(&raw.id, format!("the id '{id}' must be the file's name, '{stem}'"));
    }
    if !classes().contains_key(&raw.class.value) {
        fault(&raw.class, format!("there is no class '{}'; `triage rules classes` lists them", raw.class.value));
    }
    if raw.title.value.trim().is_empty() || raw.title.value.contains('\n') || raw.title.value.ends_with('.') {
        fault(&raw.title, "the title must be one line without a full stop".into());
    }
}

fn check_patterns(file: &str, raw: &RawRule, faults: &mut Vec<RuleError>) {
    let mut names: Option<BTreeSet<String>> = None;
    for matcher in &raw.matchers {
        if matcher.tools.is_empty() && folder_tool(file).is_none() {
            faults.push(RuleError::at(
                file,
                raw.id.referenced,
                "no tool: put the file into a folder named for one, or list `tools:`",
            ));
        }
        let mut own = BTreeSet::new();
        for pattern in [&matcher.message, &matcher.file, &matcher.note].into_iter().flatten() {
            match compile_pattern(&pattern.value) {
                Ok(regex) => own.extend(regex.capture_names().flatten().map(str::to_owned)),
                Err(error) => faults.push(RuleError::at(
                    file,
                    pattern.referenced,
                    first_line(&error.to_string().replace('\n', " ")),
                )),
            }
        }
        match &matcher.message {
            Some(message)
                if literal::required(&message.value).is_none()
                    && matcher.option.is_empty()
                    && raw.priority > CATCH_ALL =>
            {
                let text = format!(
                    "every match must contain a literal of {} or more bytes, or the alternative needs an `option:`",
                    literal::MIN_LEN
                );
                faults.push(RuleError::at(file, message.referenced, text));
            }
            None if matcher.option.is_empty() => {
                faults.push(RuleError::at(file, raw.id.referenced, "an alternative needs `message:` or `option:`"))
            }
            _ => {}
        }
        if matcher.message.is_some() {
            names = Some(match names {
                Some(known) => known.intersection(&own).cloned().collect(),
                None => own,
            });
        }
    }
    let names = names.unwrap_or_default();
    let advice = &raw.advice;
    let texts = [
        Some(&raw.title),
        Some(&advice.default),
        advice.kernel.as_ref(),
        advice.kernel_tools.as_ref(),
        advice.cxx.as_ref(),
    ];
    for text in texts.into_iter().flatten() {
        for name in placeholders(&text.value).filter(|name| !names.contains(*name)) {
            faults.push(RuleError::at(
                file,
                text.referenced,
                format!("{{{name}}} is not captured by every `message:` of this rule"),
            ));
        }
    }
}

/// The names in `{…}` of a template.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

/// Runs a rule's examples against a book; gives what did not come out as written.
pub fn examples(book: &RuleBook, file: &str, raw: &RawRule) -> Vec<RuleError> {
    let mut faults = Vec::new();
    for example in &raw.matches {
        let found: Vec<_> = diagnostics(&example.log.value).into_iter().map(|d| book.find(&d)).collect();
        let own: Vec<_> = found.iter().flatten().filter(|f| book.rule(f).id == raw.id.value).collect();
        if own.is_empty() {
            let winners: Vec<&str> = found.iter().flatten().map(|f| book.rule(f).id.as_ref()).collect();
            let instead = match (found.len(), winners.is_empty()) {
                (0, _) => "the line was not understood as a message of any tool".to_owned(),
                (_, true) => "no rule matches".to_owned(),
                (_, false) => format!("it falls under {}", winners.join(", ")),
            };
            faults.push(RuleError::at(file, example.log.referenced, format!("this example does not match: {instead}")));
        } else if let Some(symbol) = &example.symbol
            && !own.iter().any(|f| f.captures.get("symbol") == Some(symbol))
        {
            let got = own[0].captures.get("symbol").map_or("nothing", String::as_str);
            faults.push(RuleError::at(
                file,
                example.log.referenced,
                format!("the symbol should be '{symbol}', but is '{got}'"),
            ));
        }
    }
    for example in &raw.not {
        if diagnostics(&example.value).iter().any(|d| book.find(d).is_some_and(|f| book.rule(&f).id == raw.id.value)) {
            faults.push(RuleError::at(file, example.referenced, "this example must not match, but does"));
        }
    }
    faults
}

fn diagnostics(log: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // Reading from memory cannot fail.
    let _ = triage_log::read_log(&mut log.as_bytes(), &mut |diagnostic| found.push(diagnostic));
    found
}
