//! A rule as it is matched with.

use std::borrow::Cow;
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

/// Text of an embedded rule, or of one that was loaded.
pub type Text = Cow<'static, str>;

/// One rule, without its examples.
#[derive(Debug)]
pub struct Rule {
    /// The file that it comes from, relative to its rule folder.
    pub file: Text,
    /// Name of the problem.
    pub id: Text,
    /// The symptom class.
    pub class: Text,
    /// The alternatives.
    pub matchers: Vec<Matcher>,
    /// Whose fault.
    pub kind: Kind,
    /// What explains it away.
    pub consequence_of: Vec<Text>,
    /// Rank among rules that match.
    pub priority: i32,
    /// Where the prose of an embedded rule stands.
    prose_at: (usize, usize),
    prose: OnceLock<Prose>,
}

/// An embedded rule, as the build script writes it.
pub(crate) struct Embedded {
    pub(crate) file: &'static str,
    pub(crate) id: &'static str,
    pub(crate) class: &'static str,
    pub(crate) kind: Kind,
    pub(crate) priority: i32,
    pub(crate) consequence_of: &'static [&'static str],
    pub(crate) prose: (usize, usize),
    pub(crate) matchers: &'static [EmbeddedMatcher],
}

/// An alternative of an embedded rule.
pub(crate) struct EmbeddedMatcher {
    pub(crate) tools: &'static [Tool],
    pub(crate) severity: &'static [Severity],
    pub(crate) option: &'static [&'static str],
    pub(crate) message: Option<&'static str>,
    pub(crate) file: Option<&'static str>,
    pub(crate) note: Option<&'static str>,
    /// With the offset of their rarest four bytes.
    pub(crate) literals: &'static [(&'static str, usize)],
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
#[derive(Debug)]
pub struct Matcher {
    pub(crate) tools: Cow<'static, [Tool]>,
    pub(crate) severity: Cow<'static, [Severity]>,
    pub(crate) option: Vec<Text>,
    pub(crate) message: Option<Text>,
    pub(crate) file: Option<Text>,
    pub(crate) note: Option<Text>,
    /// One of these is in every message that matches; with the offset of four bytes of it that
    /// it is looked up by.
    pub(crate) literals: Vec<(Text, usize)>,
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
            && (self.option.is_empty()
                || diagnostic.option.as_ref().is_some_and(|option| self.option.iter().any(|own| own == option)))
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
        let one = |pattern: &Option<Text>| pattern.as_deref().map(compile_pattern).transpose();
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
        let cow = |s: serde_yaml::Spanned<String>| Text::Owned(s.value);
        let cows = |list: Vec<String>| list.into_iter().map(Text::Owned).collect::<Vec<_>>();
        let matchers = raw
            .matchers
            .into_iter()
            .map(|m| {
                let literals = m.message.as_ref().and_then(|m| crate::literal::required(&m.value)).unwrap_or_default();
                Matcher {
                    tools: if m.tools.is_empty() { folder.into_iter().collect() } else { m.tools.into() },
                    severity: m.severity.into(),
                    option: cows(m.option),
                    message: m.message.map(cow),
                    file: m.file.map(cow),
                    note: m.note.map(cow),
                    literals: literals.into_iter().map(|literal| (Text::Owned(literal), 0)).collect(),
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
            file: Text::Owned(file.to_owned()),
            id: cow(raw.id),
            class: cow(raw.class),
            matchers,
            kind: raw.kind,
            consequence_of: raw.consequence_of.into_iter().map(cow).collect(),
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

    /// From what the build script wrote.
    pub(crate) fn from_embedded(embedded: &Embedded) -> Self {
        let texts = |list: &[&'static str]| list.iter().copied().map(Cow::Borrowed).collect::<Vec<Text>>();
        let matchers = embedded.matchers.iter().map(|m| Matcher {
            tools: Cow::Borrowed(m.tools),
            severity: Cow::Borrowed(m.severity),
            option: texts(m.option),
            message: m.message.map(Cow::Borrowed),
            file: m.file.map(Cow::Borrowed),
            note: m.note.map(Cow::Borrowed),
            literals: m.literals.iter().map(|(literal, at)| (Cow::Borrowed(*literal), *at)).collect(),
            compiled: OnceLock::new(),
        });
        Self {
            file: Cow::Borrowed(embedded.file),
            id: Cow::Borrowed(embedded.id),
            class: Cow::Borrowed(embedded.class),
            matchers: matchers.collect(),
            kind: embedded.kind,
            consequence_of: texts(embedded.consequence_of),
            priority: embedded.priority,
            prose_at: embedded.prose,
            prose: OnceLock::new(),
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
