//! Roots that one change repairs, joined.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use triage_rules::RuleBook;
use triage_rules::raw::Kind;

use crate::cascade::{MANY_MISSING, is_declaration, is_missing_name};
use crate::group::Group;
use crate::headers;
use crate::place;

/// Joins roots; gives the sets, each in the order of the log, the sets in the order of their first.
pub(crate) fn join(groups: &[Group], roots: &[usize], book: &RuleBook) -> Vec<Vec<usize>> {
    let mut sets = Sets::new(roots.len());
    let of = |at: usize| &groups[roots[at]];
    same_symbol(roots.len(), of, &mut sets);
    missing_names(roots.len(), of, &mut sets);
    links(roots.len(), of, &mut sets);
    whole_classes(roots.len(), of, book, &mut sets);
    other_words(roots.len(), of, &mut sets);
    let mut joined: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, &root) in roots.iter().enumerate() {
        joined.entry(sets.find(at)).or_default().push(root);
    }
    let mut joined: Vec<Vec<usize>> = joined.into_values().collect();
    joined.sort_by_key(|set| groups[set[0]].order);
    joined
}

/// Classes that are about a symbol wherever it is used: one declaration, definition, member,
/// header or tool is missing or changed.
fn about_symbol(class: &str) -> Option<&'static str> {
    Some(match class {
        _ if is_missing_name(class) => "name",
        "no-member" => "member",
        "argument-count" => "arguments",
        "undefined-reference" => "reference",
        "multiple-definition" => "definition",
        "header-not-found" => "header",
        "modpost-undefined" => "export",
        "command-not-found" => "command",
        "library-not-found" => "library",
        "btf-unresolved-symbol" => "btf",
        "dependency-missing" => "dependency",
        _ => return None,
    })
}

fn same_symbol<'g>(count: usize, of: impl Fn(usize) -> &'g Group, sets: &mut Sets) {
    let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
    for at in 0..count {
        let group = of(at);
        if let (Some(about), Some(symbol)) = (about_symbol(&group.class), &group.symbol) {
            match seen.get(&(about, symbol.as_str())) {
                Some(&first) => sets.union(first, at),
                None => {
                    seen.insert((about, symbol), at);
                }
            }
        }
    }
}

/// Names that miss one include: many in one file, names of one family, names of one header.
fn missing_names<'g>(count: usize, of: impl Fn(usize) -> &'g Group, sets: &mut Sets) {
    let mut by_file: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut by_header: HashMap<&str, usize> = HashMap::new();
    let mut by_family: HashMap<String, usize> = HashMap::new();
    for at in 0..count {
        let group = of(at);
        let (true, Some(file), Some(symbol)) = (is_missing_name(&group.class), group.file(), group.symbol.as_deref())
        else {
            continue;
        };
        by_file.entry(file).or_default().push(at);
        if let Some(header) = headers::standard(symbol) {
            let first = *by_header.entry(header).or_insert(at);
            sets.union(first, at);
        }
        if let Some(family) = family(symbol) {
            let first = *by_family.entry(family).or_insert(at);
            if in_the_same_builds(of(first), group) {
                sets.union(first, at);
            }
        }
        if let Some(kind) = symbol.rsplit('_').next().filter(|kind| kind.len() >= 6 && kind.len() < symbol.len()) {
            let first = *by_family.entry(format!("{file}:{kind}")).or_insert(at);
            sets.union(first, at);
        }
    }
    headers_and_users(&by_file, &of, sets);
    for members in by_file.values() {
        let symbols: BTreeSet<&str> = members.iter().filter_map(|&at| of(at).symbol.as_deref()).collect();
        let one_guess = members
            .iter()
            .filter(|&&at| of(at).first.fixits.is_empty() && !of(at).first.message.contains("did you mean"))
            .count();
        if symbols.len() >= MANY_MISSING && one_guess + 1 >= symbols.len().div_ceil(2) {
            members.windows(2).for_each(|pair| sets.union(pair[0], pair[1]));
        }
    }
}

/// True when the builds of one have the other too: what fails in other builds has another cause.
fn in_the_same_builds(a: &Group, b: &Group) -> bool {
    a.builds.is_subset(&b.builds) || b.builds.is_subset(&a.builds)
}

/// A header that misses a name, and what is missing in the files that break through it: the
/// header lost an include that they relied on.
fn headers_and_users<'g>(by_file: &BTreeMap<&str, Vec<usize>>, of: &impl Fn(usize) -> &'g Group, sets: &mut Sets) {
    let sources = |at: usize| of(at).units.iter().filter(|unit| !place::is_header(unit)).collect::<BTreeSet<_>>();
    let all: Vec<(usize, BTreeSet<&String>)> = by_file.values().flatten().map(|&at| (at, sources(at))).collect();
    for (at, units) in
        all.iter().filter(|(at, units)| !units.is_empty() && of(*at).file().is_some_and(place::is_header)).take(200)
    {
        for (other, theirs) in &all {
            if !theirs.is_empty() && theirs.is_subset(units) {
                sets.union(*at, *other);
            }
        }
    }
}

/// The first word of a compound name: `clk` of `clk_hw_register`, when it is long enough to mean
/// something. Keywords of the type (`struct x_y`) are left out.
fn family(symbol: &str) -> Option<String> {
    let name = symbol.rsplit([' ', ':']).next()?;
    let name = name.trim_start_matches('_').to_ascii_lowercase();
    let (first, rest) = name.split_once('_')?;
    const COMMON: &[&str] = &[
        "get", "set", "is", "has", "do", "to", "of", "in", "str", "mem", "max", "min", "init", "dev", "test", "the",
        "print", "pr", "read", "write", "linux", "config", "std", "list",
    ];
    (first.len() >= 3 && rest.len() >= 2 && !COMMON.contains(&first) && !rest.eq("t")).then(|| first.to_owned())
}

/// Symbols that the linker misses or has twice because of one object, library or header.
fn links<'g>(count: usize, of: impl Fn(usize) -> &'g Group, sets: &mut Sets) {
    let doubled: Vec<usize> = (0..count).filter(|&at| of(at).class == "multiple-definition").collect();
    for (nth, &at) in doubled.iter().enumerate() {
        for &other in doubled[..nth].iter().rev().take(200) {
            let shared = of(at).objects.intersection(&of(other).objects).count();
            if shared >= 2 {
                sets.union(other, at);
                break;
            }
        }
    }
    for class in ["undefined-reference", "modpost-undefined"] {
        let mut by_builds: BTreeMap<(Vec<usize>, Vec<&String>), Vec<usize>> = BTreeMap::new();
        let mut by_family: HashMap<String, usize> = HashMap::new();
        for at in (0..count).filter(|&at| of(at).class == class) {
            let group = of(at);
            // modpost names the module; a linker's objects are those of one program.
            let module = if class == "modpost-undefined" { group.objects.iter().take(1).collect() } else { Vec::new() };
            by_builds.entry((group.builds.iter().copied().collect(), module)).or_default().push(at);
            if let Some(family) = group.symbol.as_deref().and_then(family) {
                let first = *by_family.entry(family).or_insert(at);
                sets.union(first, at);
            }
        }
        for members in by_builds.values().filter(|members| members.len() >= MANY_MISSING) {
            members.windows(2).for_each(|pair| sets.union(pair[0], pair[1]));
        }
    }
}

/// Findings of which there is one cause by their nature: what the machine lacks, a file that its
/// parser lost its way in, a list that is one warning.
fn whole_classes<'g>(count: usize, of: impl Fn(usize) -> &'g Group, book: &RuleBook, sets: &mut Sets) {
    let mut seen: HashMap<(String, Option<String>), usize> = HashMap::new();
    for at in 0..count {
        let group = of(at);
        let class = group.class.as_str();
        let key = match class {
            "out-of-memory" | "disk-full" | "timeout" | "killed" | "crash" | "network" | "machine" => {
                (class.to_owned(), None)
            }
            "btf-multiple-ids" | "truncated" | "command-failed" | "kconfig-syntax" => (class.to_owned(), None),
            "implicit-int" => (class.to_owned(), group.file().map(str::to_owned)),
            "missing-prototype" | "unused" | "ignored-attribute" => continue,
            _ if book.rule(&group.finding).kind == Kind::Infrastructure && group.symbol.is_none() => {
                (class.to_owned(), Some(group.first.message.clone()))
            }
            _ => continue,
        };
        let first = *seen.entry(key).or_insert(at);
        sets.union(first, at);
    }
}

/// What two compilers, or two checks of one, say of one line: of a declaration without a type that
/// it has none and that it is no prototype; of one variable in two wordings, which are two rules.
fn other_words<'g>(count: usize, of: impl Fn(usize) -> &'g Group, sets: &mut Sets) {
    let mut lines: HashMap<(&str, u32), usize> = HashMap::new();
    let mut names: HashMap<(&str, &str, &str), usize> = HashMap::new();
    for at in 0..count {
        let group = of(at);
        let Some(file) = group.file() else { continue };
        let line = group.location.as_ref().and_then(|at| at.line);
        if let (true, Some(line)) = (is_declaration(&group.class), line) {
            let first = *lines.entry((file, line)).or_insert(at);
            sets.union(first, at);
        }
        if let Some(symbol) = &group.symbol {
            let first = *names.entry((&group.class, symbol, file)).or_insert(at);
            if of(first).first.flavor != group.first.flavor && of(first).builds.is_disjoint(&group.builds) {
                sets.union(first, at);
            }
        }
    }
}

/// Disjoint sets.
struct Sets {
    parent: Vec<usize>,
}

impl Sets {
    fn new(count: usize) -> Self {
        Self { parent: (0..count).collect() }
    }

    fn find(&mut self, mut at: usize) -> usize {
        while self.parent[at] != at {
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }

    fn union(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high] = low;
    }
}
