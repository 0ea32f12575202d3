//! Which file an include means, and what a file gets through all its includes.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::index::{Index, folder, join};
use crate::tree::Tree;

/// Headers that one file is followed into.
const REACHED: usize = 4000;

/// An include line, as a search of a text finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The header, without brackets or quotes.
    pub path: String,
    /// With `<…>`.
    pub system: bool,
    /// Inside of a conditional other than an include guard.
    pub conditional: bool,
}

/// The include lines of a text, without making tokens of it: for files by the thousand.
pub fn lines(text: &[u8]) -> Vec<Line> {
    let mut found = Vec::new();
    let (mut depth, mut guard, mut first) = (0_u32, false, true);
    for start in memchr::memchr_iter(b'#', text) {
        let before = text[..start].iter().rev().take(64).take_while(|byte| **byte != b'\n');
        if !before.into_iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            continue;
        }
        let rest = text[start + 1..].trim_ascii_start();
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = &rest[..end];
        if line.starts_with(b"if") {
            depth += 1;
            // The first line of all, a negation: the guard.
            guard |= first && (line.starts_with(b"ifndef") || line.starts_with(b"if !defined"));
        } else if line.starts_with(b"endif") {
            depth = depth.saturating_sub(1);
        } else if let Some(rest) = line.strip_prefix(b"include") {
            let rest = rest.strip_prefix(b"_next").unwrap_or(rest).trim_ascii_start();
            let close = match rest.first() {
                Some(b'<') => b'>',
                Some(b'"') => b'"',
                _ => continue,
            };
            let Some(length) = memchr::memchr(close, &rest[1..]) else { continue };
            if let Ok(path) = std::str::from_utf8(&rest[1..=length]) {
                let conditional = depth > u32::from(guard);
                found.push(Line { path: path.to_owned(), system: close == b'>', conditional });
            }
        }
        first = false;
    }
    found
}

/// Include lines of files, kept with their tree.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashMap<String, Arc<Vec<Line>>>>);

impl Known {
    fn get(&self, file: &str) -> Option<Arc<Vec<Line>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(file).cloned()
    }

    /// Keeps the include lines of a file that was read anyway.
    pub(crate) fn remember(&self, file: &str, found: Arc<Vec<Line>>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned(), found);
    }
}

/// An include as it is resolved: the folder of who asks (where it matters), the path, `<…>`.
type Asked = (String, String, bool);

/// Follows includes in a tree.
pub struct Includes<'t> {
    tree: &'t Tree,
    index: Index<'t>,
    /// The kernel's folder of the architecture (`arm64`), in a kernel tree.
    arch: Option<String>,
    resolved: RefCell<HashMap<Asked, Option<String>>>,
}

impl<'t> Includes<'t> {
    /// Follows includes for one architecture of a kernel, or of any other tree.
    pub fn new(tree: &'t Tree, arch: Option<String>) -> Self {
        Self { tree, index: Index::new(tree), arch, resolved: RefCell::default() }
    }

    /// The include lines of a file of the tree.
    pub fn of(&self, file: &str) -> Arc<Vec<Line>> {
        self.tree.include_lines().get(file).unwrap_or_else(|| {
            let found = Arc::new(self.tree.load(file).map(|text| lines(&text)).unwrap_or_default());
            self.tree.include_lines().remember(file, Arc::clone(&found));
            found
        })
    }

    /// The file of the tree that an include of a path in `from` means.
    pub fn resolve(&self, from: &str, path: &str, system: bool) -> Option<String> {
        let near = if system && self.arch.is_some() { "" } else { folder(from) };
        let asked = (near.to_owned(), path.to_owned(), system);
        if let Some(known) = self.resolved.borrow().get(&asked) {
            return known.clone();
        }
        let found = self.look_up(from, path, system);
        self.resolved.borrow_mut().insert(asked, found.clone());
        found
    }

    fn look_up(&self, from: &str, path: &str, system: bool) -> Option<String> {
        let Some(arch) = &self.arch else {
            return self.index.resolve(from, path, system).map(str::to_owned);
        };
        if !system
            && let Some(beside) = join(folder(from), path)
            && self.tree.lists(&beside)
        {
            return Some(beside);
        }
        let mut places = vec![
            format!("arch/{arch}/include/{path}"),
            format!("arch/{arch}/include/uapi/{path}"),
            format!("include/{path}"),
            format!("include/uapi/{path}"),
        ];
        if let Some(name) = path.strip_prefix("asm/") {
            // What an architecture has not of its own comes from here.
            places.push(format!("include/asm-generic/{name}"));
            places.push(format!("include/uapi/asm-generic/{name}"));
        }
        if let Some(found) = places.into_iter().find(|place| self.tree.lists(place)) {
            return Some(found);
        }
        // `ccflags-y += -I …`
        if system { None } else { self.index.resolve(from, path, false).map(str::to_owned) }
    }

    /// The files of the tree that a file includes, with how many steps away they are, by what is
    /// not in a conditional; none further than `steps`.
    pub fn closure(&self, file: &str, steps: u32) -> HashMap<String, u32> {
        let mut found: HashMap<String, u32> = HashMap::new();
        let mut seen: HashSet<String> = HashSet::from([file.to_owned()]);
        let mut queue: VecDeque<(String, u32)> = VecDeque::from([(file.to_owned(), 0)]);
        while let Some((next, step)) = queue.pop_front() {
            if step == steps || found.len() >= REACHED {
                continue;
            }
            for line in self.of(&next).iter().filter(|line| !line.conditional) {
                if let Some(header) = self.resolve(&next, &line.path, line.system)
                    && seen.insert(header.clone())
                {
                    found.insert(header.clone(), step + 1);
                    queue.push_back((header, step + 1));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn include_lines_of_a_text() {
        let text = b"/* x */\n#ifndef TANK_H\n#define TANK_H\n#include <a.h>\n  #  include \"b/c.h\"\n#ifdef X\n\
            #include <d.h>\n#endif\n#include MACRO\n#include <open\nx #include <no.h>\n#endif\n";
        let found: Vec<_> = lines(text).into_iter().map(|l| (l.path, l.system, l.conditional)).collect();
        let expected = [("a.h", true, false), ("b/c.h", false, false), ("d.h", true, true)];
        assert_eq!(found, expected.map(|(path, system, conditional)| (path.to_owned(), system, conditional)));
        assert!(lines(b"#ifdef A\n#include <x.h>\n#endif")[0].conditional);
    }
}
