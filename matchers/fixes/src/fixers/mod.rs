//! The fixers: each turns a cause into changes that may repair it. One file each.

mod add_include;
mod add_includes;
mod add_return;
mod arguments;
mod assembler;
mod attribute_name;
mod define_attribute;
mod devicetree;
mod devicetree_constant;
mod export;
mod fallthrough;
mod fix_include;
mod format;
mod guard_config;
mod initializer;
mod kconfig;
mod license;
mod link_library;
mod link_object;
mod linkage;
mod move_attribute;
mod old_style;
mod package;
mod prototype;
mod renamed;
mod spelling;
mod stray_header;
mod target;
#[cfg(test)]
mod testing;
mod token;
mod unused;

use std::collections::HashSet;

use triage_causes::report::{Cause, Report};
use triage_rules::raw::RawFixer;

use crate::edit::Edit;
use crate::tree::Tree;

/// A change that may repair a cause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidate {
    /// The kind of change: `add_include`, `insert_token`, …
    pub kind: &'static str,
    /// One line for a person.
    pub title: String,
    /// For includes: the header, without brackets or quotes.
    pub header: Option<String>,
    /// The file that is changed, relative to the tree.
    pub file: Option<String>,
    /// The line that is changed, counted from 1.
    pub line: Option<u32>,
    /// For `install_package`: the package (Debian's name).
    pub package: Option<String>,
    /// The change itself; empty when it is no change of the tree.
    pub edits: Vec<Edit>,
    /// What the cause comes from if this is what repairs it.
    pub diagnosis: Option<&'static str>,
    /// How sure it is, 0 to 100: what is more sure is tried first.
    pub rank: u8,
}

/// What a fixer may look at.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The source tree.
    pub tree: &'a Tree,
    /// What is to be repaired.
    pub cause: &'a Cause,
    /// The tree is a Linux tree.
    pub kernel: bool,
    /// What the cause's rule says about its repair.
    pub rule: Option<&'a RawFixer>,
    /// All that the log says.
    pub all: &'a Report,
}

impl<'a> Context<'a> {
    /// What the log of the cause says of the architecture.
    pub(crate) fn arch(&self) -> Option<&'a str> {
        let build = self.all.builds.iter().find(|build| self.cause.builds.first() == Some(&build.id));
        build.or(self.all.builds.first()).and_then(|build| build.axes.get("arch")).map(String::as_str)
    }
}

/// Turns causes of one sort into changes.
pub trait Fixer: Sync {
    /// Its name in the rules.
    fn name(&self) -> &'static str;

    /// True when it can do something about the cause.
    fn wants(&self, cx: &Context<'_>) -> bool;

    /// The changes that may repair it.
    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate>;
}

/// All fixers.
pub fn all() -> &'static [&'static dyn Fixer] {
    &[
        // One line each, in the order of the names.
        &assembler::Assembler,
        &devicetree::Devicetree,
        &devicetree_constant::DevicetreeConstant,
        &export::Export,
        &guard_config::GuardConfig,
        &kconfig::Kconfig,
        &license::License,
        &link_library::LinkLibrary,
        &link_object::LinkObject,
        &package::InstallPackage,
        &target::Target,
        &add_include::AddInclude,
        &add_includes::AddIncludes,
        &add_return::AddReturn,
        &arguments::Arguments,
        &attribute_name::AttributeName,
        &define_attribute::DefineAttribute,
        &fallthrough::Fallthrough,
        &fix_include::FixInclude,
        &format::Format,
        &initializer::Initializer,
        &linkage::Linkage,
        &move_attribute::MoveAttribute,
        &old_style::OldStyle,
        &prototype::Prototype,
        &renamed::Renamed,
        &spelling::Spelling,
        &stray_header::StrayHeader,
        &token::Token,
        &unused::Unused,
    ]
}

/// False when the log shows another line at the place of the cause than the tree has.
pub fn same_line(cx: &Context<'_>) -> bool {
    let (Some(place), Some(snippet)) = (&cx.cause.location, &cx.cause.snippet) else { return true };
    let own = snippet.line.is_none_or(|number| Some(number) == place.line);
    let file = cx.tree.find(&place.file);
    let (true, Some(line), Some(source)) = (own, place.line, file.and_then(|file| cx.tree.read(&file))) else {
        return true;
    };
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = words(&snippet.text);
    let same = source.line_text(line).is_some_and(|text| words(text).contains(&shown));
    same || shown.is_empty() || snippet.text.contains('\u{fffd}')
}

/// The changes that may repair a cause, the most promising first, none twice.
pub fn candidates(cx: &Context<'_>) -> Vec<Candidate> {
    let wanting = all().iter().filter(|fixer| fixer.wants(cx));
    let mut found: Vec<Candidate> = wanting.flat_map(|fixer| fixer.candidates(cx)).collect();
    if !same_line(cx) {
        // In another version of the file, only what needs no line of it can be right.
        found.retain(|candidate| candidate.edits.is_empty() || matches!(candidate.kind, "add_include" | "fix_include"));
    }
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.rank));
    let mut seen = HashSet::new();
    found.retain(|candidate| {
        let other = candidate.edits.is_empty().then(|| (candidate.kind, candidate.title.clone()));
        seen.insert((candidate.edits.clone(), other))
    });
    found
}
