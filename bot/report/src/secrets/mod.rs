//! Secrets that a log shows by mistake are masked: tokens, passwords, private keys.
//!
//! A log is read by fewer people than what is posted about it, and is kept for a shorter time. So
//! whatever leaves the place of the log goes through [`Masked`], which is the only way to make one: the
//! bot holds reports in no other form, and [`crate::render`] masks for the formats that are made to
//! be shown elsewhere ([`crate::Format::is_published`]). On the terminal of whoever has the log, nothing is hidden.
//!
//! What is a secret is told by its form ([`tokens`]: forges, clouds and registries give theirs prefixes for
//! this purpose) or by what stands before it ([`contexts`]: `Authorization:`, `password=`,
//! `https://user:`). Nothing is looked at before one search for all their literals has hit.

mod contexts;
mod texts;
mod tokens;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::{Deref, Range};
use std::path::PathBuf;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use triage_causes::report::{Applicability, Report};

use crate::Source;

/// What stands in the place of a secret.
pub const MASK: &str = "[masked]";

/// A report without secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Masked {
    report: Report,
    found: BTreeMap<&'static str, u64>,
}

impl Masked {
    /// Masks all texts of a report. A patch that would have to be changed for that is dropped, since it would not
    /// apply any more.
    pub fn of(mut report: Report) -> Self {
        let mut found = BTreeMap::new();
        drop_patches(&mut report, &mut found);
        texts::visit(&mut report, &mut |text| {
            if let Cow::Owned(masked) = masked(text, &mut found) {
                *text = masked;
            }
        });
        Self { report, found }
    }

    /// What was masked and how often, by kind: `GitHub token`.
    pub fn found(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.found.iter().map(|(&kind, &times)| (kind, times))
    }

    /// The report.
    pub fn into_report(self) -> Report {
        self.report
    }
}

impl Deref for Masked {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.report
    }
}

fn drop_patches(report: &mut Report, found: &mut BTreeMap<&'static str, u64>) {
    let is_bad = |patch: &str, found: &mut _| matches!(masked(patch, found), Cow::Owned(_));
    let fixes = report.causes.iter_mut().chain(&mut report.warnings).flat_map(|cause| &mut cause.fixes);
    for fix in fixes {
        if fix.patch.as_deref().is_some_and(|patch| is_bad(patch, found)) {
            fix.patch = None;
            fix.applicability = Applicability::Advice;
        }
    }
    // It is the same text once more.
    if report.patch.as_deref().is_some_and(|patch| is_bad(patch, &mut BTreeMap::new())) {
        report.patch = None;
    }
}

/// A source tree whose lines show no secrets.
pub struct MaskedSource<'s>(pub &'s dyn Source);

impl Source for MaskedSource<'_> {
    fn line_window(&self, file: &str, line: u32, around: u32) -> Option<(u32, String)> {
        let (first, text) = self.0.line_window(file, line, around)?;
        Some((first, mask(&text).into_owned()))
    }

    fn path(&self, file: &str) -> Option<PathBuf> {
        self.0.path(file)
    }
}

/// The text without secrets.
pub fn mask(text: &str) -> Cow<'_, str> {
    masked(text, &mut BTreeMap::new())
}

fn masked<'t>(text: &'t str, found: &mut BTreeMap<&'static str, u64>) -> Cow<'t, str> {
    let secrets = all(text);
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for secret in secrets {
        *found.entry(secret.kind).or_default() += 1;
        out.push_str(&text[done..secret.range.start]);
        out.push_str(MASK);
        done = secret.range.end;
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// A part of a text that nobody else may see.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Secret {
    range: Range<usize>,
    kind: &'static str,
}

/// All secrets of a text from front to back; they do not overlap.
fn all(text: &str) -> Vec<Secret> {
    let bytes = text.as_bytes();
    let mut found: Vec<Secret> = Vec::new();
    let mut at = 0;
    while let Some(hit) = SEARCH.find(Input::new(bytes).span(at..bytes.len())) {
        let number = hit.pattern().as_usize();
        let secret = match tokens::ALL.get(number) {
            Some(token) => token.at(bytes, hit.start()),
            None => contexts::ALL[number - tokens::ALL.len()].at(bytes, hit.range()),
        };
        let free = found.last().map_or(0, |last| last.range.end);
        match secret.filter(|it| it.range.start >= free && is_cut(text, &it.range)) {
            Some(secret) => {
                at = secret.range.end.max(hit.start() + 1);
                found.push(secret);
            }
            None => at = hit.start() + 1,
        }
    }
    found
}

/// True where the text can be cut. Secrets begin and end at ASCII, but what is between quotation marks need not.
fn is_cut(text: &str, range: &Range<usize>) -> bool {
    !range.is_empty() && text.is_char_boundary(range.start) && text.is_char_boundary(range.end)
}

/// All literals, in the order of their tables.
static SEARCH: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let literals = tokens::ALL.iter().map(|token| token.literal).chain(contexts::ALL.iter().map(|it| it.literal));
    let mut search = AhoCorasick::builder();
    search.ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest);
    search.build(literals).expect("a few short literals make an automaton")
});

#[cfg(test)]
mod tests;
