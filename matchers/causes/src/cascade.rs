//! Which findings are consequences of others.
//!
//! A compiler that met a missing type goes on and complains about all that is made of it. What is
//! known in general stands here; what is known of one message stands in its rule's
//! `consequence_of`.

use std::collections::{BTreeSet, HashMap, VecDeque};

use triage_log::diagnostic::{Flavor, Tool};
use triage_rules::RuleBook;

use crate::group::Group;
use crate::place;

/// Roots of one translation unit that a finding is compared with.
const ROOTS_MAX: usize = 64;
/// Roots before a message without a file that it is compared with.
const RECENT_MAX: usize = 16;
/// Names that must be missing from one file before they are taken for one missing include: two
/// can be two slips, three hardly ever are three.
pub(crate) const MANY_MISSING: usize = 3;
/// Lines around a broken one in which a message is likely to be about the same spot.
const NEAR: u32 = 2;

/// Classes that say: a name is used that nothing (or nothing complete) declares.
pub(crate) fn is_missing_name(class: &str) -> bool {
    matches!(
        class,
        "implicit-declaration"
            | "undeclared-identifier"
            | "unknown-type"
            | "incomplete-type"
            | "struct-in-parameter-list"
    )
}

/// Classes whose messages often are about what an earlier error left half declared.
fn is_weak(class: &str) -> bool {
    matches!(
        class,
        "incompatible-pointer"
            | "int-conversion"
            | "type-mismatch"
            | "conflicting-types"
            | "redefinition"
            | "static-assert"
            | "array-bounds"
            | "constant-expression"
            | "missing-return"
            | "uninitialized"
            | "implicit-int"
            | "control-flow"
            | "comparison"
            | "logic"
            | "const-discarded"
            | "ignored-qualifier"
            | "language-version"
            | "missing-prototype"
            | "unused"
            | "template"
            | "syntax-error"
            | "other-error"
            | "format"
            | "overflow"
            | "inline-assembly"
    )
}

/// For each of `members` (indices into `groups`, in the order of the log) the root that explains it.
pub(crate) fn explain(groups: &[Group], members: &[usize], book: &RuleBook) -> HashMap<usize, usize> {
    let mut explained: HashMap<usize, usize> = HashMap::new();
    let mut by_unit: HashMap<(usize, &str), Vec<usize>> = HashMap::new();
    // Of several builds one may have only the root's consequences in common with another.
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut recent: VecDeque<usize> = VecDeque::new();
    let missing = missing_by_file(groups, members);
    for &index in members {
        let group = &groups[index];
        let units: Vec<(usize, &str)> = keys(group);
        // A message that names no file is about what was printed before it.
        let near = if units.is_empty() { Some(&recent) } else { None };
        let near = near
            .into_iter()
            .flatten()
            .filter(|&&root| groups[root].builds.intersection(&group.builds).next().is_some());
        let root = units
            .iter()
            .filter_map(|unit| by_unit.get(unit))
            .flatten()
            .chain(near)
            .copied()
            .find(|&root| root != index && explains(&groups[root], group, book, &missing))
            .or_else(|| {
                let others = units.iter().filter_map(|(_, name)| by_name.get(name)).flatten().copied();
                others
                    .filter(|&root| root != index && !groups[root].builds.is_disjoint(&group.builds))
                    .find(|&root| explains(&groups[root], group, book, &missing))
            });
        if let Some(root) = root {
            explained.insert(index, *explained.get(&root).unwrap_or(&root));
            // A name that is missing only because of another takes its own users along.
            if !is_missing_name(&group.class) {
                continue;
            }
        }
        if recent.len() == RECENT_MAX {
            recent.pop_back();
        }
        recent.push_front(index);
        for unit in units {
            let of_name = by_name.entry(unit.1).or_default();
            if of_name.len() < ROOTS_MAX {
                of_name.push(index);
            }
            let roots = by_unit.entry(unit).or_default();
            if roots.len() < ROOTS_MAX {
                roots.push(index);
            }
        }
    }
    anywhere(groups, members, book, &mut explained);
    explained
}

/// The translation units and files of a group, by build.
fn keys(group: &Group) -> Vec<(usize, &str)> {
    let names: BTreeSet<&str> = group.units.iter().map(String::as_str).chain(group.file()).take(16).collect();
    let build = group.builds.first().copied().unwrap_or(0);
    names.into_iter().map(|name| (build, name)).collect()
}

/// How many names are missing from each file.
fn missing_by_file(groups: &[Group], members: &[usize]) -> HashMap<String, BTreeSet<String>> {
    let named = || members.iter().map(|&i| &groups[i]).filter(|g| is_missing_name(&g.class) && g.symbol.is_some());
    let mut broken: HashMap<&str, Vec<&Group>> = HashMap::new();
    for group in named().filter(|g| leaves_undeclared(&g.class)) {
        broken.entry(group.file().unwrap_or_default()).or_default().push(group);
    }
    let mut missing: HashMap<String, BTreeSet<String>> = HashMap::new();
    for group in named() {
        let (Some(file), Some(symbol)) = (group.file(), &group.symbol) else { continue };
        // What a broken line would have declared is not missing by itself.
        let declared = group.class == "undeclared-identifier"
            && broken.get(file).is_some_and(|roots| {
                roots.iter().take(ROOTS_MAX).any(|root| declares(root, symbol) || shares_line(root, group))
            });
        if !declared {
            missing.entry(file.to_owned()).or_default().insert(symbol.clone());
        }
    }
    missing
}

/// True when `root`, which came earlier in the same translation unit, explains `group`.
fn explains(root: &Group, group: &Group, book: &RuleBook, missing: &HashMap<String, BTreeSet<String>>) -> bool {
    let rule = book.rule(&group.finding);
    let root_rule = book.rule(&root.finding);
    if rule.consequence_of.iter().any(|of| of == "*" || *of == root.class || *of == root_rule.id)
        && root_rule.id != rule.id
    {
        return true;
    }
    if root.first.tool != group.first.tool && !(root.first.tool == Tool::Cc && group.first.tool == Tool::As) {
        return false;
    }
    let same_file = root.file().is_some() && root.file() == group.file();
    let same_symbol = root.symbol.is_some() && root.symbol == group.symbol;
    if root.class == "header-not-found" || is_error_directive(root) {
        return root.class != group.class;
    }
    if same_symbol && same_file {
        return true;
    }
    if breaks_declaration(root, group) || is_unreachable(root, group) {
        return true;
    }
    if root.class == "syntax-error" {
        return if same_file { after_syntax_error(root, group) } else { root.file().is_some_and(place::is_header) };
    }
    if !is_missing_name(&root.class) {
        return same_file && near(root, group) && is_weak(&group.class);
    }
    if is_cxx(group) && !is_missing_name(&group.class) && root.file().is_some_and(place::is_header) {
        // A class whose definition broke in a header takes all its users along.
        return true;
    }
    let many = root.file().and_then(|file| missing.get(file)).is_some_and(|names| names.len() >= MANY_MISSING);
    after_missing_name(root, group, many)
}

/// True when `root` is about a declaration with a missing or wrong type, and `group` about the
/// function that it declares: calls that do not fit, a body that returns nothing.
fn breaks_declaration(root: &Group, group: &Group) -> bool {
    let broken = leaves_undeclared(&root.class) || is_declaration(&root.class);
    let name = match group.class.as_str() {
        "missing-return" => group.first.function.as_deref(),
        "argument-count" | "other-error" | "type-mismatch" if group.first.message.contains("argument") => {
            group.symbol.as_deref().or_else(|| group.first.message.split('\'').nth(1))
        }
        _ => None,
    };
    broken && name.is_some_and(|name| !name.is_empty() && declares(root, name.trim_end_matches("()")))
}

/// Classes whose messages are about the form of a declaration.
pub(crate) fn is_declaration(class: &str) -> bool {
    matches!(class, "implicit-int" | "missing-prototype" | "deprecated" | "old-style-definition")
}

/// After an error clang no longer looks whether code can be reached, and reports what dead branches
/// would do. (`Sema::DiagRuntimeBehavior` and `AnalysisBasedWarnings` of its sources.)
fn is_unreachable(root: &Group, group: &Group) -> bool {
    const OPTIONS: &[&str] =
        &["-Warray-bounds", "-Wshift-count-overflow", "-Wshift-count-negative", "-Wdivision-by-zero"];
    group.first.flavor != Some(Flavor::Gnu)
        && root.first.flavor != Some(Flavor::Gnu)
        && !root.first.werror
        && group.first.option.as_deref().is_some_and(|option| OPTIONS.contains(&option))
}

/// An `#error` that was reached: what follows was compiled without what it asks for.
fn is_error_directive(group: &Group) -> bool {
    group.class == "preprocessor" && group.first.message.starts_with("#error")
}

fn is_cxx(group: &Group) -> bool {
    const ENDS: &[&str] = &[".cpp", ".cc", ".cxx", ".C", ".hpp", ".hh", ".inl", ".tcc"];
    group.units.iter().any(|unit| ENDS.iter().any(|end| unit.ends_with(end)))
}

/// A parser that lost its place finds fault with what follows.
fn after_syntax_error(root: &Group, group: &Group) -> bool {
    let (Some(at), Some(line)) = (line(root), line(group)) else { return true };
    match group.class.as_str() {
        "no-member"
        | "implicit-declaration"
        | "argument-count"
        | "incompatible-pointer"
        | "int-conversion"
        | "header-not-found" => at.abs_diff(line) <= NEAR,
        _ => line + NEAR >= at,
    }
}

/// Classes whose messages leave what the line declares undeclared.
fn leaves_undeclared(class: &str) -> bool {
    matches!(class, "incomplete-type" | "unknown-type" | "struct-in-parameter-list")
}

/// True when the two were reported of one line.
fn shares_line(root: &Group, group: &Group) -> bool {
    root.symbol != group.symbol
        && root.places.iter().any(|place| {
            group.location.as_ref().is_some_and(|l| l.file == place.file && l.line.is_some() && l.line == place.line)
        })
}

/// True when a line that `root` is about would have declared `name`.
fn declares(root: &Group, name: &str) -> bool {
    let name = name.rsplit("::").next().unwrap_or(name);
    root.symbol.as_deref() != Some(name) && root.shown.iter().any(|text| contains_word(text, name))
}

fn after_missing_name(root: &Group, group: &Group, many: bool) -> bool {
    let symbol = root.symbol.as_deref().unwrap_or_default();
    let mentions = !symbol.is_empty()
        && (group.shown.iter().any(|text| contains_word(text, symbol)) || contains_word(&group.first.message, symbol));
    let incomplete = leaves_undeclared(&root.class) || root.first.function.is_none();
    match group.class.as_str() {
        // What the broken line would have declared.
        "undeclared-identifier" => {
            incomplete
                && group.symbol.as_deref().is_some_and(|name| {
                    declares(root, name) || (leaves_undeclared(&root.class) && shares_line(root, group))
                })
        }
        "no-member" => (incomplete && group.first.message.starts_with("request for member")) || many,
        "unused" => incomplete || many,
        "argument-count" => mentions || (many && near(root, group)),
        // A definition in the style from before C89 is complete: no header is missing for it.
        "implicit-int" if !mentions && untyped_definition(group) => false,
        class if is_weak(class) => {
            many || mentions
                || near(root, group)
                || (incomplete
                    && matches!(
                        class,
                        "conflicting-types" | "incompatible-pointer" | "constant-expression" | "static-assert"
                    ))
        }
        _ => false,
    }
}

/// True when the line is the head of a function definition: `main(argc, argv)`.
fn untyped_definition(group: &Group) -> bool {
    group.shown.iter().any(|text| {
        let text = text.trim();
        let name = text.split('(').next().unwrap_or_default().trim_end();
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        plain && text.len() > name.len() && text.ends_with([')', '{'])
    })
}

fn line(group: &Group) -> Option<u32> {
    group.location.as_ref().and_then(|l| l.line)
}

fn near(a: &Group, b: &Group) -> bool {
    a.file() == b.file() && matches!((line(a), line(b)), (Some(a), Some(b)) if a.abs_diff(b) <= 1)
}

/// True when `word` stands in `text` as a whole identifier.
pub(crate) fn contains_word(text: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_name) && !text[at + word.len()..].starts_with(is_name))
}

/// Rules that are consequences of any error in the log: `make: *** Error 1`. When nothing else
/// failed, the most telling of them is the cause and explains the rest. A rule may also name
/// classes whose presence anywhere explains it better.
fn anywhere(groups: &[Group], members: &[usize], book: &RuleBook, explained: &mut HashMap<usize, usize>) {
    let echoes: Vec<usize> = members.iter().copied().filter(|&i| is_echo(&groups[i], book)).collect();
    if echoes.is_empty() {
        return;
    }
    // The first root of each build and class, those that are no echo before those that are.
    let mut first: HashMap<usize, usize> = HashMap::new();
    let mut by_class: HashMap<(usize, &str), usize> = HashMap::new();
    let (plain, echo): (Vec<usize>, Vec<usize>) =
        members.iter().copied().filter(|i| !explained.contains_key(i)).partition(|&i| !is_echo(&groups[i], book));
    for index in plain.into_iter().chain(echo) {
        for &build in &groups[index].builds {
            first.entry(build).or_insert(index);
            by_class.entry((build, groups[index].class.as_str())).or_insert(index);
        }
    }
    for index in echoes {
        let group = &groups[index];
        let Some(&build) = group.builds.first() else { continue };
        let rule = book.rule(&group.finding);
        let named = rule.consequence_of.iter().filter_map(|class| by_class.get(&(build, class.as_ref()))).copied();
        let root = named.chain(first.get(&build).copied()).find(|&root| root != index);
        if let Some(root) = root.filter(|_| first.get(&build) != Some(&index)) {
            explained.entry(index).or_insert(root);
        }
    }
}

fn is_echo(group: &Group, book: &RuleBook) -> bool {
    book.rule(&group.finding).consequence_of.iter().any(|of| of == "**")
}
