//! A rule as it is matched with.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use triage_log::diagnostic::{Diagnostic, Severity, Tool};

use crate::raw::{Kind, RawFixer, RawRule};

/// Bytes that the program of one pattern may take. A rule of the book needs some ten thousand.
const PATTERN_SIZE: usize = 1 << 20;
/// The priority of the rules that take what no other rule knows.
pub const CATCH_ALL: i32 = -100;

/// One rule, without its examples.
#[derive(Debug, Deserialize)]
pub struct Rule {
    /// The file that it comes from, relative to its rule folder.
    #[serde(skip)]
    pub file: String,
    /// Name of the problem.
    pub id: String,
    /// The symptom class.
    pub class: String,
    /// The alternatives.
    #[serde(rename = "match")]
    pub matchers: Vec<Matcher>,
    /// Whose fault.
    #[serde(default)]
    pub kind: Kind,
    /// What explains it away.
    #[serde(default)]
    pub consequence_of: Vec<String>,
    /// Rank among rules that match.
    #[serde(default)]
    pub priority: i32,
    /// Where the prose of an embedded rule stands.
    #[serde(default)]
    prose_at: (usize, usize),
    #[serde(skip)]
    prose: OnceLock<Prose>,
}

/// What a person reads of a rule.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Prose {
    /// One line, with placeholders.
    pub title: String,
    /// What it means.
    pub explanation: String,
    /// What to do.
    pub advice: Advice,
    /// Which fixer.
    #[serde(default)]
    pub fixer: Option<RawFixer>,
    /// Further reading.
    #[serde(default)]
    pub references: Vec<String>,
}

static PROSE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prose.json"));

/// What to do, by project kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Advice {
    /// For all that has no text below.
    pub default: String,
    /// For kernel code.
    #[serde(default)]
    pub kernel: Option<String>,
    /// For the user-space parts of a kernel tree.
    #[serde(default)]
    pub kernel_tools: Option<String>,
    /// For user-space C++.
    #[serde(default)]
    pub cxx: Option<String>,
}

/// One alternative of a rule.
#[derive(Debug, Deserialize)]
pub struct Matcher {
    #[serde(default)]
    pub(crate) tools: Vec<Tool>,
    #[serde(default)]
    pub(crate) severity: Vec<Severity>,
    #[serde(default)]
    pub(crate) option: Vec<String>,
    #[serde(default)]
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) file: Option<String>,
    #[serde(default)]
    pub(crate) note: Option<String>,
    /// One of these is in every message that matches.
    #[serde(default)]
    pub(crate) literals: Vec<String>,
    #[serde(skip)]
    compiled: OnceLock<Patterns>,
}

#[derive(Debug, Default)]
struct Patterns {
    message: Option<Regex>,
    file: Option<Regex>,
    note: Option<Regex>,
}

/// The names that a rule's patterns caught.
pub type Captures = BTreeMap<String, String>;

impl Matcher {
    /// The tools, severities and options, without any pattern.
    pub(crate) fn may_match(&self, diagnostic: &Diagnostic) -> bool {
        self.tools.contains(&diagnostic.tool)
            && if self.severity.is_empty() {
                diagnostic.severity != Severity::Note
            } else {
                self.severity.contains(&diagnostic.severity)
            }
            && (self.option.is_empty() || diagnostic.option.as_ref().is_some_and(|option| self.option.contains(option)))
    }

    /// All that is given must match; gives the captures.
    pub(crate) fn matches(&self, diagnostic: &Diagnostic) -> Option<Captures> {
        if !self.may_match(diagnostic) {
            return None;
        }
        // Patterns of the embedded book are compiled by its test, those of others when loaded: a
        // pattern that does not compile never gets here, and would match nothing.
        let patterns = self.compiled.get_or_init(|| self.compile().unwrap_or_default());
        let mut captures = Captures::new();
        if self.message.is_some() {
            capture(patterns.message.as_ref()?, &diagnostic.message, &mut captures)?;
        }
        if self.file.is_some() {
            capture(patterns.file.as_ref()?, &diagnostic.location.as_ref()?.file, &mut captures)?;
        }
        if self.note.is_some() {
            let note = patterns.note.as_ref()?;
            diagnostic.notes.iter().find_map(|n| capture(note, &n.message, &mut captures))?;
        }
        Some(captures)
    }

    fn compile(&self) -> Result<Patterns, regex::Error> {
        let one = |pattern: &Option<String>| pattern.as_deref().map(compile_pattern).transpose();
        Ok(Patterns { message: one(&self.message)?, file: one(&self.file)?, note: one(&self.note)? })
    }
}

/// Compiles a pattern as rules use them: bytes, ASCII classes, bounded size.
pub fn compile_pattern(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).size_limit(PATTERN_SIZE).build()
}

fn capture(pattern: &Regex, text: &str, into: &mut Captures) -> Option<()> {
    let found = pattern.captures(text.as_bytes())?;
    for name in pattern.capture_names().flatten() {
        if let Some(value) = found.name(name) {
            into.insert(name.to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned());
        }
    }
    Some(())
}

impl Rule {
    /// From what was written; the folder names the tool where the rule does not.
    pub(crate) fn from_raw(raw: RawRule, file: &str, folder: Option<Tool>) -> Self {
        let text = |s: serde_yaml::Spanned<String>| s.value;
        let matchers = raw
            .matchers
            .into_iter()
            .map(|m| {
                let message = m.message.map(text);
                Matcher {
                    tools: if m.tools.is_empty() { folder.into_iter().collect() } else { m.tools },
                    severity: m.severity,
                    option: m.option,
                    literals: message.as_deref().and_then(crate::literal::required).unwrap_or_default(),
                    message,
                    file: m.file.map(text),
                    note: m.note.map(text),
                    compiled: OnceLock::new(),
                }
            })
            .collect();
        let advice = Advice {
            default: text(raw.advice.default),
            kernel: raw.advice.kernel.map(text),
            kernel_tools: raw.advice.kernel_tools.map(text),
            cxx: raw.advice.cxx.map(text),
        };
        let prose = Prose {
            title: text(raw.title),
            explanation: raw.explanation,
            advice,
            fixer: raw.fixer,
            references: raw.references,
        };
        Self {
            file: file.to_owned(),
            id: text(raw.id),
            class: text(raw.class),
            matchers,
            kind: raw.kind,
            consequence_of: raw.consequence_of.into_iter().map(text).collect(),
            priority: raw.priority,
            prose_at: (0, 0),
            prose: OnceLock::from(prose),
        }
    }

    /// What a person reads of it.
    pub fn prose(&self) -> &Prose {
        // The build script wrote the bytes, and a test reads all of them.
        self.prose.get_or_init(|| serde_json::from_slice(&PROSE[self.prose_at.0..self.prose_at.1]).unwrap_or_default())
    }

    /// Sets the folder's tool where an alternative names none.
    pub(crate) fn default_tool(&mut self, folder: Option<Tool>) {
        for matcher in &mut self.matchers {
            if matcher.tools.is_empty() {
                matcher.tools.extend(folder);
            }
        }
    }

    /// True for the rules that take what no other rule knows.
    pub fn is_catch_all(&self) -> bool {
        self.priority <= CATCH_ALL
    }
}

/// Replaces `{name}` by captures, and by `…` where a match that went by its option alone has none.
pub fn fill_loosely(template: &str, captures: &Captures) -> String {
    fill_with(template, |name| Some(captures.get(name).map_or("…", String::as_str))).unwrap_or_default()
}

/// Replaces `{name}` by captures. None when a placeholder has no capture.
pub fn fill(template: &str, captures: &Captures) -> Option<String> {
    fill_with(template, |name| captures.get(name).map(String::as_str))
}

fn fill_with<'c>(template: &str, get: impl Fn(&str) -> Option<&'c str>) -> Option<String> {
    let mut out = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        out.push_str(before);
        let name = from[1..].split('}').next().unwrap_or_default();
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name || !from[1 + name.len()..].starts_with('}') {
            out.push('{');
            rest = &from[1..];
            continue;
        }
        out.push_str(get(name)?);
        rest = &from[name.len() + 2..];
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_names_in_braces() {
        let captures = Captures::from([("symbol".to_owned(), "foo".to_owned())]);
        assert_eq!(fill("'{symbol}' is used", &captures).as_deref(), Some("'foo' is used"));
        assert_eq!(fill("a {} b { c {symbol", &captures).as_deref(), Some("a {} b { c {symbol"));
        assert_eq!(fill("{header}", &captures), None);
        assert_eq!(fill_loosely("{header} of {symbol}", &captures), "… of foo");
    }

    #[test]
    fn all_embedded_prose_can_be_read() {
        for rule in crate::RuleBook::embedded().rules() {
            assert!(!rule.prose().title.is_empty(), "{}", rule.id);
            assert!(!rule.prose().advice.default.is_empty(), "{}", rule.id);
        }
    }
}
