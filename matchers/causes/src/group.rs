//! One group for all diagnostics that say the same of the same place.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use triage_log::diagnostic::{Diagnostic, Location, Severity};
use triage_rules::{Finding, RuleBook};

use crate::place;

/// Groups that are kept of one report: beyond it messages are only counted. A group is about a
/// kilobyte.
const GROUPS_MAX: usize = 12_000;
/// Translation units, objects and places that are remembered of one group.
const REACH_MAX: usize = 512;

/// Different diagnostics that are recognised at once.
const SAME_MAX: usize = 100_000;
/// Source lines that are remembered of one group.
const SHOWN_MAX: usize = 32;

/// What is known of one finding, over all the times it was printed.
#[derive(Debug)]
pub(crate) struct Group {
    /// The first diagnostic, whole.
    pub first: Diagnostic,
    pub finding: Arc<Finding>,
    /// The class, rustc's with its code.
    pub class: String,
    pub symbol: Option<String>,
    /// Where to look.
    pub location: Option<Location>,
    pub severity: Severity,
    pub count: u64,
    /// Position of the first one among all diagnostics.
    pub order: u64,
    /// Source files that were compiled when it was printed.
    pub units: BTreeSet<String>,
    pub objects: BTreeSet<String>,
    pub places: BTreeSet<Location>,
    pub builds: BTreeSet<usize>,
    /// Source lines that were printed with it.
    pub shown: BTreeSet<String>,
    /// Hashes of the diagnostics that were looked into: the same again is only counted.
    seen: FxHashSet<u64>,
}

impl Group {
    pub(crate) fn is_error(&self) -> bool {
        self.severity >= Severity::Error
    }

    pub(crate) fn file(&self) -> Option<&str> {
        self.location.as_ref().map(|l| l.file.as_str())
    }
}

/// What the rules say of a message.
#[derive(Debug, Clone)]
enum Found {
    /// Nothing.
    Unknown,
    /// Something that is not asked for.
    LeftOut,
    /// Rule and captures.
    Kept(Arc<Finding>),
}

/// All groups of a report.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub list: Vec<Group>,
    by_key: FxHashMap<u64, usize>,
    /// What the rules say by [`wording`]: most messages of a broken build are repetitions.
    found: FxHashMap<u64, Found>,
    /// Groups by what [`same`] says of their diagnostics.
    known: FxHashMap<u64, usize>,
    /// Diagnostics that came when no more groups could be kept.
    pub overflow: u64,
    order: u64,
}

impl Groups {
    /// Adds a diagnostic of a build; false when no rule knows it or the groups are full. What is not
    /// to be kept, by its class and severity, is dropped.
    pub(crate) fn add(
        &mut self,
        book: &RuleBook,
        diagnostic: Diagnostic,
        build: usize,
        keep: impl Fn(&str, Severity) -> bool,
    ) -> bool {
        self.order += 1;
        let wording = wording(&diagnostic);
        // Most warnings end here.
        if diagnostic.severity < Severity::Error && matches!(self.found.get(&wording), Some(Found::LeftOut)) {
            return true;
        }
        let same = same(&diagnostic);
        if let Some(&index) = self.known.get(&same) {
            let group = &mut self.list[index];
            if group.seen.contains(&reach(&diagnostic, build)) {
                group.count += 1;
                return true;
            }
        }
        let finding = match self.find(book, &diagnostic, wording, keep) {
            Found::Unknown => return false,
            Found::LeftOut => return true,
            Found::Kept(finding) => finding,
        };
        let rule = book.rule(&finding);
        let (location, other) = place::primary(&diagnostic);
        let location = location.map(|l| Location { file: place::clean(&l.file), ..l });
        if location.as_ref().is_some_and(|l| place::is_probe(&l.file)) {
            return true;
        }
        let symbol = finding.captures.get("symbol").cloned();
        let key = key(&rule.id, symbol.as_deref(), &diagnostic, location.as_ref());
        let index = match self.by_key.get(&key) {
            Some(index) => *index,
            None if self.list.len() >= GROUPS_MAX => {
                self.overflow += 1;
                return false;
            }
            None => {
                let class = match &diagnostic.option {
                    Some(code) if rule.class == "rust-error" && is_rust_code(code) => format!("rust-{code}"),
                    _ => rule.class.to_string(),
                };
                self.by_key.insert(key, self.list.len());
                self.list.push(Group {
                    class,
                    symbol,
                    location: location.clone(),
                    severity: diagnostic.severity,
                    count: 0,
                    order: self.order,
                    units: BTreeSet::new(),
                    objects: BTreeSet::new(),
                    places: BTreeSet::new(),
                    builds: BTreeSet::new(),
                    shown: BTreeSet::new(),
                    seen: FxHashSet::default(),
                    first: diagnostic.clone(),
                    finding,
                });
                self.list.len() - 1
            }
        };
        if self.known.len() < SAME_MAX {
            self.known.insert(same, index);
        }
        self.list[index].take(diagnostic, location, other, build);
        true
    }

    fn find(
        &mut self,
        book: &RuleBook,
        diagnostic: &Diagnostic,
        wording: u64,
        keep: impl Fn(&str, Severity) -> bool,
    ) -> Found {
        if let Some(known) = self.found.get(&wording) {
            return known.clone();
        }
        let found = match book.find(diagnostic) {
            None => Found::Unknown,
            Some(finding) if keep(&book.rule(&finding).class, diagnostic.severity) => Found::Kept(Arc::new(finding)),
            Some(_) => Found::LeftOut,
        };
        if self.found.len() < GROUPS_MAX {
            self.found.insert(wording, found.clone());
        }
        found
    }
}

impl Group {
    fn take(&mut self, diagnostic: Diagnostic, location: Option<Location>, other: Option<Location>, build: usize) {
        self.count += 1;
        self.severity = self.severity.max(diagnostic.severity);
        if self.seen.len() < REACH_MAX && !self.seen.insert(reach(&diagnostic, build)) {
            return;
        }
        self.builds.insert(build);
        if let Some(unit) = place::unit(&diagnostic) {
            insert(&mut self.units, place::clean(unit));
        }
        if let (None, Some(file)) = (place::unit(&diagnostic), diagnostic.objects.first()) {
            insert(&mut self.units, file.clone());
        }
        for object in &diagnostic.objects {
            insert(&mut self.objects, object.clone());
        }
        for place in [location, other].into_iter().flatten() {
            insert(&mut self.places, place);
        }
        if let Some(snippet) = &diagnostic.snippet
            && self.shown.len() < SHOWN_MAX
            && !self.shown.contains(&snippet.text)
        {
            self.shown.insert(snippet.text.clone());
        }
        if self.first.snippet.is_none() {
            self.first.snippet = diagnostic.snippet;
        }
        if self.first.flavor.is_none() {
            self.first.flavor = diagnostic.flavor;
        }
        if self.first.includes.is_empty() {
            self.first.includes = diagnostic.includes;
        }
    }
}

/// A hash of all that rules look at. Patterns may also look at the file and the notes; those of the
/// first message stand for the rest.
fn wording(diagnostic: &Diagnostic) -> u64 {
    let mut hasher = FxHasher::default();
    (diagnostic.tool, diagnostic.severity, &diagnostic.option, &diagnostic.message).hash(&mut hasher);
    (diagnostic.location.as_ref().map(|l| &l.file), diagnostic.notes.len()).hash(&mut hasher);
    hasher.finish()
}

/// A hash of all that decides which group a diagnostic belongs to.
fn same(diagnostic: &Diagnostic) -> u64 {
    let mut hasher = FxHasher::default();
    let Diagnostic { tool, severity, message, option, location, function_file, expansions, .. } = diagnostic;
    (tool, severity, message, option, location, function_file, expansions, diagnostic.notes.len()).hash(&mut hasher);
    (diagnostic.includes.first(), diagnostic.objects.first()).hash(&mut hasher);
    hasher.finish()
}

/// A hash of what a diagnostic adds to its group.
fn reach(diagnostic: &Diagnostic, build: usize) -> u64 {
    let mut hasher = FxHasher::default();
    let Diagnostic { location, objects, includes, expansions, .. } = diagnostic;
    (build, location, objects, includes.last(), expansions).hash(&mut hasher);
    hasher.finish()
}

fn insert<T: Ord>(set: &mut BTreeSet<T>, value: T) {
    if set.len() < REACH_MAX {
        set.insert(value);
    }
}

/// What makes two diagnostics one finding: the rule, and what it is about in which file. With a
/// symbol the line does not matter: the same name is missing wherever it is used.
fn key(rule: &str, symbol: Option<&str>, diagnostic: &Diagnostic, location: Option<&Location>) -> u64 {
    let mut hasher = FxHasher::default();
    rule.hash(&mut hasher);
    location.map(|l| &l.file).hash(&mut hasher);
    match symbol {
        Some(symbol) => symbol.hash(&mut hasher),
        None => {
            diagnostic.message.hash(&mut hasher);
            location.map(|l| l.line).hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn is_rust_code(code: &str) -> bool {
    code.len() == 5 && code.starts_with('E') && code[1..].bytes().all(|b| b.is_ascii_digit())
}
