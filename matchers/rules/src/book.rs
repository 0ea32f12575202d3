//! All rules together, and the search for the one that a diagnostic falls under.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use triage_log::diagnostic::{Diagnostic, Tool};

use crate::check;
use crate::compiled::{Captures, Rule};
use crate::error::RuleError;
use crate::search::Search;

/// The rules that come with triage, written by the build script.
mod embedded {
    use crate::compiled::{Embedded, EmbeddedMatcher};
    use crate::raw::Kind;
    use triage_log::diagnostic::{Severity, Tool};

    include!(concat!(env!("OUT_DIR"), "/rules.rs"));
}

static SOURCES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/sources.json"));
static CLASSES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/classes.json"));

/// A rule that matched a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Index of the rule, for [`RuleBook::rule`].
    pub rule: usize,
    /// The names that it caught.
    pub captures: Captures,
}

/// The rules in use.
#[derive(Debug)]
pub struct RuleBook {
    rules: Vec<Rule>,
    search: OnceLock<Search>,
}

/// The rule that is ahead in a search.
struct Best {
    rank: (i32, bool, usize),
    rule: usize,
    alternative: u32,
    captures: Captures,
}

impl RuleBook {
    /// The rules that come with triage.
    pub fn embedded() -> Self {
        let rules = embedded::RULES.iter().map(Rule::from_embedded).collect();
        Self { rules, search: OnceLock::new() }
    }

    /// Adds rules; one with an id that is there already takes its place. All faults of all files
    /// are reported, and then nothing is added.
    ///
    /// # Errors
    /// Every fault found, in the order of the files.
    pub fn extend<'a>(&mut self, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<(), Vec<RuleError>> {
        let mut faults = Vec::new();
        let mut new: Vec<Rule> = Vec::new();
        for (file, text) in files {
            match check::load(file, text) {
                Ok(raw) => {
                    let rule = Rule::from_raw(raw, file, folder_tool(file));
                    if let Some(other) = new.iter().find(|r| r.id == rule.id) {
                        faults.push(RuleError {
                            file: file.to_owned(),
                            line: 0,
                            column: 0,
                            message: format!("the id '{}' is taken by {}", rule.id, other.file),
                        });
                    }
                    new.push(rule);
                }
                Err(mut found) => faults.append(&mut found),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        for rule in new {
            match self.rules.iter_mut().find(|r| r.id == rule.id) {
                Some(old) => *old = rule,
                None => self.rules.push(rule),
            }
        }
        self.search = OnceLock::new();
        Ok(())
    }

    /// All rules, in the order of their files.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A rule by its index in a [`Finding`].
    pub fn rule(&self, finding: &Finding) -> &Rule {
        &self.rules[finding.rule]
    }

    /// A rule by its id.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The rule that a diagnostic falls under.
    pub fn find(&self, diagnostic: &Diagnostic) -> Option<Finding> {
        let search = self.search.get_or_init(|| Search::new(&self.rules));
        let mut best: Option<Best> = None;
        search.candidates(diagnostic, |(rule, alternative), literal| {
            let (index, rule) = (rule as usize, &self.rules[rule as usize]);
            let matcher = &rule.matchers[alternative as usize];
            let rank = (rule.priority, matcher.message.is_some(), literal);
            // Among rules the first of equals wins (they are in the order of their files), among
            // a rule's own alternatives the first that matches.
            let wins = best.as_ref().is_none_or(|best| {
                if best.rule == index { alternative < best.alternative } else { (rank, best.rule) > (best.rank, index) }
            });
            if !wins {
                return;
            }
            if let Some(captures) = matcher.matches(diagnostic) {
                let rank = best.take().filter(|best| best.rule == index).map_or(rank, |best| best.rank.max(rank));
                best = Some(Best { rank, rule: index, alternative, captures });
            }
        });
        best.map(|best| Finding { rule: best.rule, captures: best.captures })
    }
}

/// The tool that a rule's folder is named for.
pub(crate) fn folder_tool(file: &str) -> Option<Tool> {
    let folder = file.rsplit(['/', '\\']).nth(1)?;
    serde_json::from_value(serde_json::Value::String(folder.to_owned())).ok()
}

/// The closed list of classes, with what each means.
pub fn classes() -> &'static BTreeMap<String, String> {
    static PARSED: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    PARSED.get_or_init(|| serde_json::from_slice(CLASSES).expect("the build script wrote it, a test reads it"))
}

/// The YAML of the embedded rules, by file: with comments and examples.
pub fn sources() -> BTreeMap<String, String> {
    serde_json::from_slice(SOURCES).expect("the build script wrote it, a test reads it")
}
