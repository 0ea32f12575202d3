//! One pass over the files of a tree for some names: which headers declare them, which files use
//! them.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::thread;

use aho_corasick::{AhoCorasick, MatchKind};
use triage_causes::place::is_header;

use crate::lexer::is_name;
use crate::symbols::declared::{Kind, declared};
use crate::symbols::includes::lines;
use crate::tree::Tree;

/// Names that are looked for at once.
pub const NAMES: usize = 512;
/// Files that use a name that are kept.
const USERS: usize = 5_000;
/// The longest file that is searched.
const LONGEST: u64 = 16 << 20;

/// What the files of a scope say of some names.
#[derive(Debug, Default)]
pub struct Survey {
    /// By name: the headers that declare it, and as what. Sorted by path.
    pub declared: HashMap<String, Vec<(String, Kind)>>,
    /// By name: the files that have it as a word. Sorted by path.
    pub users: HashMap<String, Vec<String>>,
}

/// What one file has of the names: their numbers, and what it declares.
struct Hit {
    file: usize,
    names: Vec<usize>,
    declared: Vec<(usize, Kind)>,
}

/// Searches files of a tree for names. `kernel`: what only user space sees of a header does not count.
pub fn survey(tree: &Tree, files: &[&str], names: &[&str], kernel: bool) -> Survey {
    let names = &names[..names.len().min(NAMES)];
    let Ok(searcher) = AhoCorasick::builder().match_kind(MatchKind::Standard).build(names) else {
        return Survey::default();
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(8);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let search = || {
        let mut hits = Vec::new();
        let mut bytes = Vec::new();
        loop {
            let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(file) = files.get(number) else { return hits };
            if !read(tree, file, &mut bytes) {
                continue;
            }
            let found = words(&searcher, names, &bytes);
            if found.is_empty() {
                continue;
            }
            tree.include_lines().remember(file, Arc::new(lines(&bytes)));
            let mut hit = Hit { file: number, names: found, declared: Vec::new() };
            if is_header(file) {
                let text = String::from_utf8_lossy(&bytes);
                let wanted = |name: &str| names.iter().copied().find(|n| *n == name);
                for (name, kind) in declared(&text, &wanted, kernel) {
                    hit.declared.extend(names.iter().position(|n| *n == name).map(|at| (at, kind)));
                }
            }
            hits.push(hit);
        }
    };
    let mut hits: Vec<Hit> = thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(search)).collect();
        running.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect()
    });
    hits.sort_unstable_by_key(|hit| hit.file);
    let mut survey = Survey::default();
    for hit in hits {
        let file = files[hit.file];
        for name in hit.names {
            let users = survey.users.entry(names[name].to_owned()).or_default();
            if users.len() < USERS {
                users.push(file.to_owned());
            }
        }
        for (name, kind) in hit.declared {
            survey.declared.entry(names[name].to_owned()).or_default().push((file.to_owned(), kind));
        }
    }
    survey
}

/// Reads a file of the tree's list: it lies in the tree and is no link.
fn read(tree: &Tree, file: &str, bytes: &mut Vec<u8>) -> bool {
    use std::io::Read;
    bytes.clear();
    fs::File::open(tree.root().join(file)).is_ok_and(|file| file.take(LONGEST).read_to_end(bytes).is_ok())
}

/// The numbers of the names that a text has as words.
fn words(searcher: &AhoCorasick, names: &[&str], text: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    for hit in searcher.find_overlapping_iter(text) {
        let before = hit.start().checked_sub(1).and_then(|at| text.get(at));
        if ![before, text.get(hit.end())].into_iter().flatten().any(|byte| is_name(*byte)) {
            let number = hit.pattern().as_usize();
            if !found.contains(&number) {
                found.push(number);
                if found.len() == names.len() {
                    return found;
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::includes::Includes;

    #[test]
    fn one_pass_for_all_names() {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("a.h", "#include <x.h>\nint pump(void);\nint pumps;\n"),
            ("b.h", "/* pump */\nstruct tank { int a; };"),
            ("c.c", "int main(void) { return pump() + xpump + tank_; }"),
        ] {
            fs::write(folder.path().join(file), text).unwrap();
        }
        let tree = Tree::open(folder.path()).unwrap();
        let found = survey(&tree, &["a.h", "b.h", "c.c", "none.c"], &["pump", "tank", "valve"], false);
        assert_eq!(found.declared["pump"], [("a.h".to_owned(), Kind::Function)]);
        assert_eq!(found.declared["tank"], [("b.h".to_owned(), Kind::Type)]);
        assert_eq!(found.users["pump"], ["a.h", "b.h", "c.c"]);
        assert_eq!(found.users["tank"], ["b.h"]);
        assert!(!found.users.contains_key("valve"));
        assert_eq!(Includes::new(&tree, None).of("a.h")[0].path, "x.h");
    }
}
