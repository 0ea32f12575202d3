//! The source tree that a log is about: which of its files a path in the log means.
//!
//! A log has paths as the compiler was given them: relative to a folder that nobody knows,
//! absolute on another machine, with `../` from an `O=` build. They are mapped to files of the
//! tree here and never to anything outside of it: what is found is resolved (symbolic links
//! included) and must lie below the tree's top.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use triage_causes::place::is_system;
use triage_causes::report::{Cause, Report};
use triage_log::diagnostic::Location;
use triage_report::Source;
use walkdir::WalkDir;

/// Files of a tree that are looked at when a path is not where the log says.
const INDEXED: usize = 400_000;
/// The longest source file that is read for a snippet.
const FILE_MAX: u64 = 32 << 20;
/// Parts of a path in a log that are looked at.
const PARTS: usize = 64;

/// A source tree.
#[derive(Debug)]
pub struct Tree {
    /// The top, all links resolved.
    root: PathBuf,
    /// The top as given, made absolute: logs written here may have it.
    given: PathBuf,
    found: RefCell<HashMap<String, Option<String>>>,
    /// All files by their last name, relative to the top.
    index: OnceCell<HashMap<String, Vec<String>>>,
    /// The file that was read last.
    last: RefCell<Option<(String, Rc<str>)>>,
}

impl Tree {
    /// The tree below a folder.
    ///
    /// # Errors
    /// When it is no folder that can be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let root = folder.canonicalize()?;
        fs::read_dir(&root)?;
        let given = std::path::absolute(folder)?;
        Ok(Self { root, given, found: RefCell::default(), index: OnceCell::new(), last: RefCell::default() })
    }

    /// The file of the tree that a path in a log means, relative to the top, with `/`.
    pub fn find(&self, logged: &str) -> Option<String> {
        if let Some(known) = self.found.borrow().get(logged) {
            return known.clone();
        }
        let found = self.search(logged);
        self.found.borrow_mut().insert(logged.to_owned(), found.clone());
        found
    }

    fn search(&self, logged: &str) -> Option<String> {
        if logged.is_empty() || logged.contains(['\0', '\n']) || logged.len() > 4096 {
            return None;
        }
        let slashed = logged.replace('\\', "/");
        if slashed.starts_with('/') {
            let path = Path::new(&slashed);
            let inside = path.strip_prefix(&self.root).or_else(|_| path.strip_prefix(&self.given)).ok();
            if let Some(inside) = inside {
                return self.file(&parts(&inside.to_string_lossy()));
            }
        }
        if is_system(&slashed) {
            return None;
        }
        let parts = parts(&slashed);
        if parts.is_empty() || parts.len() > PARTS {
            return None;
        }
        let suffixes = (0..parts.len()).filter(|&from| parts.len() - from > 1 || from == 0);
        let certain = suffixes.map(|from| &parts[from..]).find_map(|suffix| self.file(suffix));
        certain.or_else(|| self.unique(&parts)).or_else(|| self.file(&parts[parts.len() - 1..]))
    }

    /// The path, when it is a file of the tree.
    fn file(&self, parts: &[&str]) -> Option<String> {
        let path = self.root.join(parts.join("/"));
        let real = path.canonicalize().ok()?;
        (real.starts_with(&self.root) && real.is_file()).then(|| parts.join("/"))
    }

    /// The only file of the tree that ends as the path does: compilers that were started in a
    /// subfolder print paths without it.
    fn unique(&self, parts: &[&str]) -> Option<String> {
        let index = self.index.get_or_init(|| self.index());
        let candidates = index.get(*parts.last()?)?;
        let wanted = format!("/{}", parts.join("/"));
        let mut same = candidates.iter().filter(|path| path.ends_with(&wanted));
        match (same.next(), same.next()) {
            (Some(only), None) => Some(only.clone()),
            _ => None,
        }
    }

    fn index(&self) -> HashMap<String, Vec<String>> {
        let mut index: HashMap<String, Vec<String>> = HashMap::new();
        let walk = WalkDir::new(&self.root).into_iter();
        let entries = walk
            .filter_entry(|entry| entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.'))
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file());
        for entry in entries.take(INDEXED) {
            let inside = entry.path().strip_prefix(&self.root).unwrap_or(entry.path());
            let path = inside.to_string_lossy().replace('\\', "/");
            index.entry(entry.file_name().to_string_lossy().into_owned()).or_default().push(path);
        }
        index
    }

    /// The text of a file of the tree.
    fn text(&self, file: &str) -> Option<Rc<str>> {
        if let Some((name, text)) = &*self.last.borrow()
            && name == file
        {
            return Some(Rc::clone(text));
        }
        let path = self.root.join(file);
        if fs::metadata(&path).ok()?.len() > FILE_MAX {
            return None;
        }
        let text: Rc<str> = String::from_utf8_lossy(&fs::read(path).ok()?).into();
        *self.last.borrow_mut() = Some((file.to_owned(), Rc::clone(&text)));
        Some(text)
    }

    /// Gives all places of a report relative to the tree, where its files are known there.
    pub fn relocate(&self, report: &mut Report) {
        for cause in report.causes.iter_mut().chain(&mut report.warnings) {
            self.relocate_cause(cause);
        }
    }

    fn relocate_cause(&self, cause: &mut Cause) {
        let notes = cause.notes.iter_mut().filter_map(|note| note.location.as_mut());
        let own = cause.location.iter_mut().chain(&mut cause.places).chain(&mut cause.includes);
        own.chain(notes).for_each(|location: &mut Location| self.rename(&mut location.file));
        cause.fixes.iter_mut().filter_map(|fix| fix.file.as_mut()).for_each(|file| self.rename(file));
        if let Some(location) = &cause.location {
            let place = location.clone();
            cause.places.retain(|other| *other != place);
        }
        let mut seen = std::collections::HashSet::new();
        cause.places.retain(|place| seen.insert(place.clone()));
    }

    fn rename(&self, file: &mut String) {
        if let Some(found) = self.find(file) {
            *file = found;
        }
    }
}

impl Source for Tree {
    fn line_window(&self, file: &str, line: u32, around: u32) -> Option<(u32, String)> {
        let text = self.text(&self.find(file)?)?;
        let first = line.checked_sub(around).unwrap_or(1).max(1);
        let count = line.saturating_add(around).checked_sub(first)? as usize + 1;
        let lines: Vec<&str> = text.lines().skip(first as usize - 1).take(count).collect();
        // The line itself must be there; what follows it may be missing at the end of the file.
        (line > 0 && lines.len() > (line - first) as usize).then(|| (first, lines.join("\n")))
    }

    fn path(&self, file: &str) -> Option<PathBuf> {
        Some(self.root.join(self.find(file)?))
    }
}

/// The parts of a path; `..` takes the one before away, at the start it goes.
fn parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "one\ntwo\nthree\n").unwrap();
        }
        let tree = Tree::open(folder.path()).unwrap();
        (folder, tree)
    }

    #[test]
    fn paths_of_a_log() {
        let (folder, tree) = tree(&[
            "drivers/net/tank.c",
            "include/linux/tank.h",
            "src/pump.c",
            "lib/a/x.c",
            "lib/b/x.c",
            "main.c",
            "include/stdio.h",
        ]);
        let top = folder.path().canonicalize().unwrap();
        for (logged, expected) in [
            ("drivers/net/tank.c", Some("drivers/net/tank.c")),
            ("./include//linux/tank.h", Some("include/linux/tank.h")),
            ("../drivers/net/tank.c", Some("drivers/net/tank.c")),
            ("../../drivers/net/../net/tank.c", Some("drivers/net/tank.c")),
            ("/builds/42/linux/drivers/net/tank.c", Some("drivers/net/tank.c")),
            ("linux-6.1\\drivers\\net\\tank.c", Some("drivers/net/tank.c")),
            ("/builds/42/main.c", Some("main.c")),
            ("pump.c", Some("src/pump.c")),
            ("x.c", None),
            ("a/x.c", Some("lib/a/x.c")),
            ("/usr/include/stdio.h", None),
            ("<built-in>", None),
            ("none.c", None),
            ("", None),
            ("..", None),
            ("drivers", None),
        ] {
            assert_eq!(tree.find(logged).as_deref(), expected, "{logged}");
        }
        let absolute = top.join("src/pump.c");
        assert_eq!(tree.find(&absolute.to_string_lossy()).as_deref(), Some("src/pump.c"));
    }

    #[cfg(unix)]
    #[test]
    fn nothing_outside_of_the_tree() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.c"), "key\n").unwrap();
        let (folder, tree) = tree(&["main.c"]);
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.c"), folder.path().join("file.c")).unwrap();
        std::os::unix::fs::symlink("main.c", folder.path().join("inner.c")).unwrap();
        let secret = outside.path().join("secret.c");
        for logged in ["link/secret.c", "file.c", "secret.c", &secret.to_string_lossy(), "../../../etc/passwd"] {
            assert_eq!(tree.find(logged), None, "{logged}");
            assert_eq!(tree.line_window(logged, 1, 0), None, "{logged}");
        }
        assert_eq!(tree.find("inner.c").as_deref(), Some("inner.c"));
    }

    #[test]
    fn windows_of_lines() {
        let (_folder, tree) = tree(&["main.c"]);
        assert_eq!(tree.line_window("/x/main.c", 2, 0), Some((2, "two".into())));
        assert_eq!(tree.line_window("main.c", 1, 1), Some((1, "one\ntwo".into())));
        assert_eq!(tree.line_window("main.c", 3, 9), Some((1, "one\ntwo\nthree".into())));
        assert_eq!(tree.line_window("main.c", 4, 1), None);
        assert_eq!(tree.line_window("main.c", 0, 0), None);
        assert_eq!(tree.line_window("main.c", u32::MAX, u32::MAX), None);
    }
}
