//! The headers that a file could include for the names that it lacks, best first.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use triage_causes::headers as tables;
use triage_causes::place::is_header;

use crate::index::{self, folder, name};
use crate::symbols::declared::Kind;
use crate::symbols::includes::Includes;
use crate::symbols::scope::{self, Side};
use crate::symbols::survey::{Survey, survey};
use crate::tree::Tree;

/// Headers that are weighed.
const WEIGHED: usize = 60;
/// How far from a header that is included the declaration may stand.
const STEPS: u32 = 3;
/// What it is worth that a header of the tree includes the standard's.
const BROUGHT: f32 = 0.6;
/// Users of a name whose includes are counted.
const USERS: usize = 120;

/// What a file lacks.
#[derive(Debug, Clone)]
pub struct Search<'a> {
    /// The file that lacks it, relative to the tree.
    pub file: &'a str,
    /// The names, the main one first.
    pub names: Vec<&'a str>,
    /// C++ is compiled.
    pub cxx: bool,
    /// A declaration without body (`struct x;`) is not enough.
    pub complete: bool,
    /// What the log says of the architecture.
    pub arch: Option<&'a str>,
    /// A Linux tree.
    pub kernel: bool,
    /// Other files that lack names, and those names: one search serves them all.
    pub others: Vec<(&'a str, &'a str)>,
}

/// A header that could be included.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// As it is written, without brackets or quotes.
    pub path: String,
    /// With `<…>`.
    pub system: bool,
    /// The file of the tree; none for one of the system's.
    pub file: Option<String>,
    /// The names that it declares, by itself or through what it includes.
    pub gives: Vec<String>,
    /// How good it is, about 0 to 150.
    pub score: f32,
    /// The file includes it already, or gets it through another.
    pub visible: bool,
    /// Other files that include it and use the names.
    pub peers: Vec<String>,
}

/// What was found for a search.
pub struct Answer<'t> {
    /// The headers, best first.
    pub headers: Vec<Header>,
    /// What the files of the tree say of the names.
    pub survey: Arc<Survey>,
    /// How includes of the file are followed.
    pub includes: Includes<'t>,
}

/// The headers for a search.
pub fn headers<'t>(tree: &'t Tree, search: &Search<'_>) -> Answer<'t> {
    let side = scope::side(search.kernel, search.file);
    let arch = scope::arch(tree, search.file, search.arch);
    let kernel = side == Side::Kernel;
    let includes = Includes::new(tree, kernel.then(|| arch.clone()));
    // One pass for all that is asked on this side.
    let alike = search.others.iter().filter(|(file, _)| scope::side(search.kernel, file) == side);
    let mut names: BTreeSet<&str> = search.names.iter().copied().chain(alike.clone().map(|(_, name)| *name)).collect();
    names.retain(|name| !name.is_empty());
    let names: Vec<&str> =
        search.names.iter().copied().chain(names.into_iter().filter(|n| !search.names.contains(n))).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let lacking: BTreeSet<&str> = std::iter::once(search.file).chain(alike.map(|(file, _)| *file)).collect();
    let lacking: Vec<&str> = lacking.into_iter().collect();
    let key = format!("{side:?} {arch} {sorted:?} {lacking:?}");
    let mut seen = tree.survey(&key, || {
        let files = scope::files(tree, side, &arch, &lacking);
        survey(tree, &files, &names, kernel)
    });
    let unknown = search
        .names
        .iter()
        .all(|name| !seen.declared.contains_key(*name) && (kernel || standard(search.cxx, name).is_empty()));
    if search.kernel && unknown {
        seen = tree.survey(&format!("all {key}"), || survey(tree, &scope::headers(tree, side), &names, kernel));
    }
    let ranking = Ranking { tree, search, side, arch: &arch, includes: &includes, seen: &seen };
    Answer { headers: ranking.headers(), survey: seen, includes }
}

/// The standard headers that declare a name.
fn standard(cxx: bool, name: &str) -> Vec<&'static str> {
    if cxx { tables::all_cxx(name) } else { tables::all_c(name) }
}

struct Ranking<'a> {
    tree: &'a Tree,
    search: &'a Search<'a>,
    side: Side,
    arch: &'a str,
    includes: &'a Includes<'a>,
    seen: &'a Survey,
}

impl Ranking<'_> {
    fn headers(&self) -> Vec<Header> {
        let declaring = self.declaring();
        let users = self.users();
        let peers = self.peers(&users);
        let visible = self.includes.closure(self.search.file, 64);
        let known: usize = self
            .search
            .names
            .iter()
            .filter(|name| declaring.values().any(|of| of.contains_key(**name)) || !self.table(name).is_empty())
            .count();
        if known == 0 {
            return Vec::new();
        }
        let mut found: Vec<Header> = Vec::new();
        for file in self.weighed(&declaring, &peers) {
            if file == self.search.file || !is_header(&file) {
                continue;
            }
            let Some((path, system)) = self.written(&file) else { continue };
            let gives = self.gives(&file, &declaring);
            if gives.is_empty() {
                continue;
            }
            // What the file gets already is not what it lacks: a configuration hides it, or the tree is
            // another version.
            let declares = declaring.contains_key(file.as_str());
            let reached = self.includes.closure(&file, STEPS);
            let brings = !visible.contains_key(&file) && gives.keys().any(|name| !self.table(name).is_empty());
            let fresh = brings
                || declaring.keys().any(|from| {
                    (*from == file || reached.contains_key(*from))
                        && !visible.contains_key(*from)
                        && *from != self.search.file
                });
            if !declares && !fresh {
                continue;
            }
            let own = peers.get(&file).cloned().unwrap_or_default();
            let cover: f32 = gives.values().sum::<f32>() / known as f32;
            let main = gives.contains_key(self.search.names[0]);
            // What uses the names includes this.
            let share = own.len() as f32 / (users.len() as f32 + 2.0);
            let score = 100.0 * cover
                + 40.0 * share
                + self.custom(&file, &path)
                + self.replaces(&file, &own)
                + if main { 10.0 } else { 0.0 };
            let seen = visible.contains_key(&file) || self.search.file == file;
            found.push(Header {
                path,
                system,
                file: Some(file),
                gives: gives.keys().map(|name| (*name).to_owned()).collect(),
                score: score - if seen { 60.0 } else { 0.0 },
                visible: seen,
                peers: own,
            });
        }
        if self.side != Side::Kernel {
            self.standard_headers(&mut found, known, &users);
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.path.cmp(&b.path)));
        let mut told = HashSet::new();
        found.retain(|header| told.insert((header.path.clone(), header.system)));
        found
    }

    fn table(&self, name: &str) -> Vec<&'static str> {
        if self.side == Side::Kernel { Vec::new() } else { standard(self.search.cxx, name) }
    }

    /// By header: the names that it declares by itself, and how much of an answer that is.
    fn declaring(&self) -> BTreeMap<&str, BTreeMap<&str, f32>> {
        let mut found: BTreeMap<&str, BTreeMap<&str, f32>> = BTreeMap::new();
        for name in &self.search.names {
            let Some((name, all)) = self.seen.declared.get_key_value(*name) else { continue };
            for (file, kind) in all {
                let worth = match kind {
                    Kind::Forward if self.search.complete => continue,
                    Kind::Forward => 0.2,
                    Kind::Definition => 0.3,
                    _ => 1.0,
                };
                found.entry(file).or_default().insert(name, worth);
            }
        }
        found
    }

    /// Other files that use one of the names, the nearest first.
    fn users(&self) -> Vec<&str> {
        let mut all: BTreeSet<&str> = BTreeSet::new();
        for name in &self.search.names {
            all.extend(self.seen.users.get(*name).into_iter().flatten().map(String::as_str));
        }
        let mut all: Vec<&str> = all.into_iter().filter(|file| *file != self.search.file && !is_header(file)).collect();
        all.sort_by_key(|file| std::cmp::Reverse(index::common(file, self.search.file)));
        all.truncate(USERS);
        all
    }

    /// By header of the tree: the users that include it by a line of their own.
    fn peers(&self, users: &[&str]) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for user in users {
            for line in self.includes.of(user).iter() {
                if let Some(header) = self.includes.resolve(user, &line.path, line.system) {
                    let of = found.entry(header).or_default();
                    if of.last().is_none_or(|last| last != user) {
                        of.push((*user).to_owned());
                    }
                }
            }
        }
        found
    }

    /// The headers that are worth a closer look: those that declare, their fronts, those that
    /// the users include.
    fn weighed(
        &self,
        declaring: &BTreeMap<&str, BTreeMap<&str, f32>>,
        peers: &BTreeMap<String, Vec<String>>,
    ) -> Vec<String> {
        let mut by_cover: Vec<(&str, f32)> =
            declaring.iter().map(|(file, of)| (*file, of.values().sum::<f32>())).collect();
        by_cover.sort_by(|a, b| {
            let near = |file: &str| (index::common(file, self.search.file), self.reachable(file));
            b.1.total_cmp(&a.1).then_with(|| near(b.0).cmp(&near(a.0))).then_with(|| a.0.cmp(b.0))
        });
        let mut list: Vec<String> = by_cover.iter().take(WEIGHED / 2).map(|(file, _)| (*file).to_owned()).collect();
        if self.side == Side::Kernel {
            let fronts: Vec<String> = list.iter().flat_map(|file| self.fronts(file)).collect();
            list.extend(fronts);
        }
        let mut by_peers: Vec<(&String, usize)> = peers.iter().map(|(file, of)| (file, of.len())).collect();
        by_peers.sort_by_key(|(file, count)| (std::cmp::Reverse(*count), (*file).clone()));
        list.extend(by_peers.into_iter().take(WEIGHED / 2).map(|(file, _)| file.clone()));
        let mut told = HashSet::new();
        list.retain(|file| told.insert(file.clone()));
        list
    }

    /// The headers that stand before one that nobody is to include.
    fn fronts(&self, file: &str) -> Vec<String> {
        let Some(rest) = ["include/asm-generic/", "include/vdso/", "include/uapi/asm-generic/", "include/uapi/linux/"]
            .iter()
            .find_map(|top| file.strip_prefix(top))
            .or_else(|| file.strip_prefix(&format!("arch/{}/include/asm/", self.arch)))
            .or_else(|| file.strip_prefix("include/linux/").filter(|rest| rest.ends_with("_types.h")))
        else {
            return Vec::new();
        };
        let plain = rest.strip_suffix("_types.h").map(|stem| format!("{stem}.h"));
        let names = std::iter::once(rest.to_owned()).chain(plain);
        let places = names.flat_map(|rest| {
            [
                format!("include/linux/{rest}"),
                format!("arch/{}/include/asm/{rest}", self.arch),
                format!("include/asm-generic/{rest}"),
            ]
        });
        places.filter(|place| place != file && self.tree.exists(place)).collect()
    }

    /// The names that a header gives, by itself (1) or through what it includes (less).
    fn gives<'d>(
        &'d self,
        file: &str,
        declaring: &'d BTreeMap<&'d str, BTreeMap<&'d str, f32>>,
    ) -> BTreeMap<&'d str, f32> {
        let mut found: BTreeMap<&str, f32> = BTreeMap::new();
        let mut add = |of: &BTreeMap<&'d str, f32>, part: f32| {
            for (name, worth) in of {
                let known = found.entry(name).or_insert(0.0);
                *known = known.max(worth * part);
            }
        };
        if let Some(of) = declaring.get(file) {
            add(of, 1.0);
        }
        let reached = self.includes.closure(file, STEPS);
        for (header, step) in &reached {
            if let Some(of) = declaring.get(header.as_str()) {
                add(of, [1.0, 0.75, 0.55, 0.4][(*step).min(STEPS) as usize]);
            }
        }
        // A program's header for all may include the standard's.
        let standard: Vec<(&str, Vec<&'static str>)> =
            self.search.names.iter().map(|name| (*name, self.table(name))).filter(|(_, of)| !of.is_empty()).collect();
        if !standard.is_empty() {
            let files = std::iter::once(file).chain(reached.keys().map(String::as_str));
            for line in files.flat_map(|file| self.includes.of(file).to_vec()).filter(|line| line.system) {
                for (name, _) in standard.iter().filter(|(_, of)| of.contains(&line.path.as_str())) {
                    let known = found.entry(name).or_insert(0.0);
                    *known = known.max(BROUGHT);
                }
            }
        }
        found
    }

    /// What the project's own rules say of a header, in points.
    fn custom(&self, file: &str, path: &str) -> f32 {
        let near = 3.0 * index::common(file, self.search.file).min(4) as f32;
        let reach = if self.reachable(file) { 0.0 } else { -70.0 };
        let place = match self.side {
            Side::Kernel if path.starts_with("linux/") && path.ends_with("_types.h") => -8.0,
            Side::Kernel if path.starts_with("linux/") => 12.0,
            Side::Kernel if path.starts_with("asm/") => 0.0,
            Side::Kernel if ["asm-generic/", "uapi/", "vdso/"].iter().any(|top| path.starts_with(top)) => -35.0,
            Side::KernelTools if path.starts_with("asm-generic/") || path.starts_with("uapi/") => -35.0,
            _ if path.split('/').any(|part| matches!(part, "bits" | "detail" | "internal" | "impl")) => -10.0,
            _ => 0.0,
        };
        near + reach + place
    }

    /// Points for a header by which a program replaces a standard name with a macro of its own: the
    /// standard's would build, and mean another thing. Stand-ins for standard headers do not count.
    fn replaces(&self, file: &str, peers: &[String]) -> f32 {
        let own = |name: &&str| {
            let found = self.seen.declared.get(*name);
            !self.table(name).is_empty()
                && found.into_iter().flatten().any(|(from, kind)| from == file && *kind == Kind::Macro)
        };
        let stands_in = || tables::names().contains(name(file)) || file.ends_with(".in.h");
        if !peers.is_empty() && self.search.names.iter().any(own) && !stands_in() { 70.0 } else { 0.0 }
    }

    /// True when the file can include it: by the kernel's folders, or because it lies near, or in a
    /// folder for headers, or since a file near includes it.
    fn reachable(&self, file: &str) -> bool {
        let own = folder(self.search.file);
        let of = folder(file);
        let kernel = self.side == Side::Kernel;
        if kernel && (file.starts_with("include/") || file.starts_with(&format!("arch/{}/include/", self.arch))) {
            return true;
        }
        own.starts_with(of) || of.starts_with(own) && kernel || !kernel && !file.starts_with("test")
    }

    /// How the file would write an include of a header: as the nearest others do, else by the
    /// project's folders.
    fn written(&self, file: &str) -> Option<(String, bool)> {
        if self.side == Side::Kernel {
            let roots = [
                "include/uapi/".to_owned(),
                "include/".to_owned(),
                format!("arch/{}/include/uapi/", self.arch),
                format!("arch/{}/include/", self.arch),
            ];
            if let Some(path) = roots.iter().find_map(|root| file.strip_prefix(root.as_str())) {
                let path = match path.strip_prefix("asm-generic/") {
                    // Without one of its own, an architecture gets the generic one by this name.
                    Some(name) if !self.tree.exists(&format!("arch/{}/include/asm/{name}", self.arch)) => {
                        format!("asm/{name}")
                    }
                    _ => path.to_owned(),
                };
                let meant = self.includes.resolve(self.search.file, &path, true);
                // The kernel's own header of that name is this file: then only the long way leads there.
                if file.starts_with("include/uapi/") && meant.as_deref() == Some(self.search.file) {
                    return Some((format!("uapi/{path}"), true));
                }
                return Some((path, true));
            }
        }
        if folder(file) == folder(self.search.file) {
            return Some((name(file).to_owned(), self.brackets(file)));
        }
        self.precedent(file).or_else(|| Some((self.constructed(file), false)))
    }

    /// True when the files near write `<x.h>` for a header beside them.
    fn brackets(&self, file: &str) -> bool {
        self.forms(file).first().is_some_and(|((_, system), _)| *system)
    }

    fn precedent(&self, file: &str) -> Option<(String, bool)> {
        let own = folder(self.search.file);
        self.forms(file)
            .into_iter()
            .map(|(form, _)| form)
            // `../x.h` is right only for who is in the same folder.
            .find(|(path, system)| {
                !path.starts_with("..")
                    && (*system
                        || path.contains('/')
                        || folder(file) == own
                        || !self.tree.exists(&format!("{own}/{path}")))
            })
    }

    /// The ways in which a header is included in the files that were seen, the nearest and most
    /// frequent first.
    fn forms(&self, file: &str) -> Vec<((String, bool), usize)> {
        let mut counted: HashMap<(String, bool), usize> = HashMap::new();
        let base = name(file);
        for user in self.seen.users.values().flatten() {
            for line in self.includes.of(user).iter().filter(|line| name(&line.path) == base) {
                if self.includes.resolve(user, &line.path, line.system).as_deref() == Some(file) {
                    let near = 1 + 4 * usize::from(folder(user) == folder(self.search.file));
                    *counted.entry((line.path.clone(), line.system)).or_insert(0) += near;
                }
            }
        }
        let mut all: Vec<_> = counted.into_iter().collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all
    }

    /// From a folder for headers on, or from the file's own folder.
    fn constructed(&self, file: &str) -> String {
        if let Some(at) = file.rfind("include/").filter(|at| *at == 0 || file.as_bytes()[at - 1] == b'/') {
            return file[at + "include/".len()..].to_owned();
        }
        let (own, of) = (folder(self.search.file), folder(file));
        let shared = index::common(file, self.search.file);
        let up = own.split('/').filter(|p| !p.is_empty()).count()
            - shared.min(own.split('/').filter(|p| !p.is_empty()).count());
        let down: Vec<&str> = of.split('/').filter(|p| !p.is_empty()).skip(shared).collect();
        let mut parts = vec![".."; up];
        parts.extend(down);
        parts.push(name(file));
        parts.join("/")
    }

    /// The headers of C, POSIX and C++ that the tables have.
    fn standard_headers(&self, found: &mut Vec<Header>, known: usize, users: &[&str]) {
        let mut gives: BTreeMap<&'static str, Vec<(&str, usize)>> = BTreeMap::new();
        for name in &self.search.names {
            for (place, header) in self.table(name).into_iter().enumerate() {
                gives.entry(header).or_default().push((name, place));
            }
        }
        let included = self.includes.of(self.search.file);
        for (header, names) in gives {
            let with = |file: &&&str| self.includes.of(file).iter().any(|line| line.system && line.path == header);
            let peers: Vec<String> = users.iter().filter(with).map(|file| (**file).to_owned()).collect();
            let share = peers.len() as f32 / (users.len() as f32 + 2.0);
            let best = names.iter().map(|(_, place)| *place).min().unwrap_or(0) as f32;
            let main = names.iter().any(|(name, _)| *name == self.search.names[0]);
            let visible = included.iter().any(|line| line.path == header && !line.conditional);
            let score = 100.0 * names.len() as f32 / known as f32 + 40.0 * share - 4.0 * best.min(5.0)
                + if main { 18.0 } else { 8.0 }
                - if visible { 60.0 } else { 0.0 };
            found.push(Header {
                path: header.to_owned(),
                system: true,
                file: None,
                gives: names.iter().map(|(name, _)| (*name).to_owned()).collect(),
                score,
                visible,
                peers,
            });
        }
    }
}
