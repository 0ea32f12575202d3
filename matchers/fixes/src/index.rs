//! What the files of a tree declare, as far as one cause needs it: the headers that a file includes,
//! and the definitions of structs and functions in them.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use crate::code::Code;
use crate::lexer::is_name;
use crate::source::SourceFile;
use crate::tree::Tree;

/// Headers that are looked at for one file.
const HEADERS: usize = 500;

/// Finds files of a tree by how they are included.
pub(crate) struct Index<'t> {
    tree: &'t Tree,
}

impl<'t> Index<'t> {
    pub(crate) fn new(tree: &'t Tree) -> Self {
        Self { tree }
    }

    /// The file of the tree that `#include` of a path in `from` means.
    pub(crate) fn resolve(&self, from: &str, path: &str, system: bool) -> Option<&'t str> {
        let all: Vec<&'t str> = self.tree.named(name(path)).collect();
        let has = |wanted: &str| all.iter().copied().find(|file| *file == wanted);
        if !system && let Some(beside) = join(folder(from), path).and_then(|beside| has(&beside)) {
            return Some(beside);
        }
        let mut above = Some(folder(from));
        while let Some(at) = above {
            for sub in ["include", ""] {
                let wanted = [at, sub, path].iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join("/");
                if let Some(found) = has(&wanted) {
                    return Some(found);
                }
            }
            above = (!at.is_empty()).then(|| folder(at));
        }
        let end = format!("/{}", path.trim_start_matches("./").trim_start_matches("../"));
        let near = |file: &&str| (common(file, from), std::cmp::Reverse(file.len()));
        all.iter().copied().filter(|file| file.ends_with(&end)).max_by_key(near)
    }

    /// The headers of the tree that a file includes, directly or through others, the nearest first.
    pub(crate) fn headers(&self, file: &str) -> Vec<&'t str> {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut found = Vec::new();
        let mut queue: VecDeque<String> = VecDeque::from([file.to_owned()]);
        while let Some(next) = queue.pop_front() {
            let Some(source) = self.tree.read(&next) else { continue };
            for include in source.includes() {
                if let Some(header) = self.resolve(&next, &include.path, include.system)
                    && found.len() < HEADERS
                    && seen.insert(header)
                {
                    found.push(header);
                    queue.push_back(header.to_owned());
                }
            }
        }
        found
    }

    /// The files of the tree with this last name.
    pub(crate) fn named(&self, name: &str) -> Vec<&'t str> {
        self.tree.named(name).collect()
    }

    /// The definition of a struct, union, class or enum: its file and the bytes between its braces.
    pub(crate) fn body(&self, files: &[&str], tag: &str) -> Option<(String, Range<usize>)> {
        files.iter().find_map(|file| {
            let source = self.tree.read(file)?;
            body(&source, tag).map(|range| ((*file).to_owned(), range))
        })
    }

    /// The text of a file.
    pub(crate) fn read(&self, file: &str) -> Option<Arc<SourceFile>> {
        self.tree.read(file)
    }
}

/// The bytes between the braces of a type that the file defines: by its tag, or the name that a
/// typedef gives it.
pub(crate) fn body(source: &SourceFile, tag: &str) -> Option<Range<usize>> {
    if !source.text.contains(tag) {
        return None;
    }
    let code = Code::new(source);
    code.words(tag).find_map(|at| {
        let before = at.checked_sub(1).map_or("", |b| code.s(b));
        // Attributes stand before the tag; a C++ class may name its bases behind it.
        let open = match code.s(at + 1) {
            "{" => Some(at + 1),
            ":" | "final" => (at + 2..code.len().min(at + 24)).find(|&o| matches!(code.s(o), "{" | ";" | ")")),
            _ => None,
        };
        let tagged = matches!(before, "struct" | "union" | "class" | "enum" | ")") || before.starts_with("__");
        let braces = match open.filter(|&open| tagged && code.s(open) == "{") {
            Some(open) => (open, code.partner(open)?),
            // `typedef struct { … } name;`
            _ if before == "}" => (code.partner(at - 1)?, at - 1),
            _ => return None,
        };
        Some(code.toks[braces.0].end..code.toks[braces.1].start)
    })
}

/// The last name of a path.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder of a path; empty at the top.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// How many leading folders two paths have in common.
pub(crate) fn common(a: &str, b: &str) -> usize {
    folder(a).split('/').zip(folder(b).split('/')).take_while(|(a, b)| a == b && !a.is_empty()).count()
}

/// A path in a folder, `..` folded; none when it leads out of the tree.
pub(crate) fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The files of the tree with code that name a symbol, sorted.
pub(crate) fn users(tree: &Tree, symbol: &str) -> Vec<String> {
    const ENDS: &[&str] = &[".c", ".h", ".S", ".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx", ".inc"];
    naming(tree, symbol, ENDS)
}

/// True when a header of the tree names a symbol.
pub(crate) fn is_declared(tree: &Tree, symbol: &str) -> bool {
    tree.names_once(symbol, || !naming(tree, symbol, &[".h", ".hpp", ".hh", ".hxx", ".inc"]).is_empty())
}

/// The files with one of these ends that have a symbol as a word.
fn naming(tree: &Tree, symbol: &str, ends: &[&str]) -> Vec<String> {
    if symbol.is_empty() {
        return Vec::new();
    }
    let finder = memchr::memmem::Finder::new(symbol.as_bytes());
    let files: Vec<&String> = tree.files().iter().filter(|file| ends.iter().any(|end| file.ends_with(end))).collect();
    let workers = thread::available_parallelism().map_or(1, usize::from).min(8);
    let part = files.len().div_ceil(workers).max(1);
    let names = |file: &str| {
        // Every file of the list lies in the tree and is no link.
        fs::read(tree.root().join(file)).is_ok_and(|bytes| {
            finder.find_iter(&bytes).any(|at| {
                let before = at.checked_sub(1).and_then(|b| bytes.get(b));
                let after = bytes.get(at + symbol.len());
                ![before, after].into_iter().flatten().any(|byte| is_name(*byte))
            })
        })
    };
    thread::scope(|scope| {
        let search = |part: &[&String]| part.iter().filter(|f| names(f)).map(|f| (*f).clone()).collect::<Vec<_>>();
        let parts: Vec<_> = files.chunks(part).map(|part| scope.spawn(move || search(part))).collect();
        parts.into_iter().filter_map(|part| part.join().ok()).flatten().collect()
    })
}
