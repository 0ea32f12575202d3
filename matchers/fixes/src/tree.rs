//! A source tree: which of its files a path in a log means, and what is in them.
//!
//! A log has paths as the compiler was given them: relative to a folder that nobody knows,
//! absolute on another machine, with `../` from an `O=` build. They are mapped to files of the
//! tree here and never to anything outside of it: what is found is resolved (symbolic links
//! included) and must lie below the tree's top.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use triage_causes::place::is_system;
use walkdir::WalkDir;

use crate::source::SourceFile;
use crate::symbols::includes::Known;
use crate::symbols::survey::Survey;

/// Files of a tree that are looked at.
const INDEXED: usize = 400_000;
/// The longest source file that is read.
const FILE_MAX: u64 = 32 << 20;
/// Bytes of source files that are kept.
const KEPT: usize = 256 << 20;
/// Parts of a path in a log that are looked at.
const PARTS: usize = 64;
/// Ends of the names of files that a build writes.
const OUTPUT: &[&str] = &[
    ".o", ".ko", ".a", ".so", ".lo", ".la", ".obj", ".cmd", ".d", ".dtb", ".mod", ".gcno", ".gcda", ".pyc", ".gch",
    ".pch", ".dwo", ".symvers", ".order",
];

/// A source tree that is only read.
#[derive(Debug)]
pub struct Tree {
    /// The top, all links resolved.
    root: PathBuf,
    /// The top as given, made absolute: logs written here may have it.
    given: PathBuf,
    found: Mutex<HashMap<String, Option<String>>>,
    files: OnceLock<Vec<String>>,
    /// Numbers of all files by their last name.
    names: OnceLock<HashMap<String, Vec<u32>>>,
    read: Mutex<Kept>,
    kernel: OnceLock<bool>,
    include_lines: Known,
    surveys: Mutex<HashMap<String, Arc<Survey>>>,
    /// Whether a header names a symbol: several fixers ask it of the same one.
    declared: Mutex<HashMap<String, bool>>,
}

/// The files that were read.
#[derive(Debug, Default)]
struct Kept {
    files: HashMap<String, Option<Arc<SourceFile>>>,
    bytes: usize,
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
        Ok(Self {
            root,
            given,
            found: Mutex::default(),
            files: OnceLock::new(),
            names: OnceLock::new(),
            read: Mutex::default(),
            kernel: OnceLock::new(),
            include_lines: Known::default(),
            surveys: Mutex::default(),
            declared: Mutex::default(),
        })
    }

    /// The top, all links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file of the tree that a path in a log means, relative to the top, with `/`.
    pub fn find(&self, logged: &str) -> Option<String> {
        if let Some(known) = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(logged) {
            return known.clone();
        }
        let found = self.search(logged);
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(logged.to_owned(), found.clone());
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
        let wanted = format!("/{}", parts.join("/"));
        let mut same = self.named(parts.last()?).filter(|path| path.ends_with(&wanted));
        match (same.next(), same.next()) {
            (Some(only), None) => Some(only.to_owned()),
            _ => None,
        }
    }

    /// The files with this last name.
    pub fn named<'t>(&'t self, name: &str) -> impl Iterator<Item = &'t str> + use<'t> {
        let files = self.files();
        let names = self.names.get_or_init(|| {
            let mut names: HashMap<String, Vec<u32>> = HashMap::new();
            for (number, file) in (0..).zip(files) {
                let name = file.rsplit('/').next().unwrap_or(file);
                names.entry(name.to_owned()).or_default().push(number);
            }
            names
        });
        names.get(name).into_iter().flatten().filter_map(|&number| files.get(number as usize).map(String::as_str))
    }

    /// All files, relative to the top, sorted. Version control's, hidden ones, links and what a
    /// build writes are left out.
    pub fn files(&self) -> &[String] {
        self.files.get_or_init(|| {
            let walk = WalkDir::new(&self.root).into_iter();
            let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
            let entries = walk
                .filter_entry(|entry| entry.depth() == 0 || !hidden(entry.file_name()))
                .filter_map(Result::ok)
                .filter(|entry| entry.file_type().is_file());
            let mut files = Vec::new();
            for entry in entries.take(INDEXED) {
                let inside = entry.path().strip_prefix(&self.root).unwrap_or(entry.path());
                // A name that is no UTF-8 cannot be named in a report.
                let Some(path) = inside.to_str() else { continue };
                if !OUTPUT.iter().any(|end| path.ends_with(end)) {
                    files.push(if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() });
                }
            }
            files.sort_unstable();
            files
        })
    }

    /// True for a file of [`Self::files`]: nothing on the disk is asked again.
    pub fn lists(&self, file: &str) -> bool {
        self.files().binary_search_by(|known| known.as_str().cmp(file)).is_ok()
    }

    /// The include lines of the files that were looked at.
    pub(crate) fn include_lines(&self) -> &Known {
        &self.include_lines
    }

    /// Whether a header names a symbol, searched for once.
    pub(crate) fn names_once(&self, symbol: &str, search: impl FnOnce() -> bool) -> bool {
        let mut known = self.declared.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(symbol.to_owned()).or_insert_with(search)
    }

    /// What a search of the files found, made once for each key.
    pub(crate) fn survey(&self, key: &str, make: impl FnOnce() -> Survey) -> Arc<Survey> {
        let mut known = self.surveys.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(key.to_owned()).or_insert_with(|| Arc::new(make())))
    }

    /// True when there is such a file (or folder) in the tree.
    pub fn exists(&self, file: &str) -> bool {
        self.inside(file).is_some()
    }

    /// The absolute path of what lies in the tree; none for what leads out of it.
    pub fn inside(&self, file: &str) -> Option<PathBuf> {
        if file.starts_with('/') || file.contains(['\0', '\n']) || file.split('/').any(|part| part == "..") {
            return None;
        }
        let real = self.root.join(file).canonicalize().ok()?;
        real.starts_with(&self.root).then_some(real)
    }

    /// True when there is no such file, but a folder of the tree that it would be in.
    pub fn can_make(&self, file: &str) -> bool {
        let (folder, name) = file.rsplit_once('/').unwrap_or((".", file));
        let named = !matches!(name, "" | "." | "..");
        named
            && self.root.join(file).symlink_metadata().is_err()
            && self.inside(folder).is_some_and(|path| path.is_dir())
    }

    /// A file of the tree; none for what is not there, too long or outside.
    pub fn read(&self, file: &str) -> Option<Arc<SourceFile>> {
        if let Some(known) = self.read.lock().unwrap_or_else(PoisonError::into_inner).files.get(file) {
            return known.clone();
        }
        let source = self.load(file).map(|bytes| Arc::new(SourceFile::new(bytes)));
        let mut kept = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let length = source.as_ref().map_or(0, |source| source.text.len()) + file.len() + 64;
        if kept.bytes + length > KEPT {
            *kept = Kept::default();
        }
        kept.bytes += length;
        kept.files.insert(file.to_owned(), source.clone());
        source
    }

    /// The bytes of a file, which are not kept; none for what is not there, too long or outside.
    pub fn load(&self, file: &str) -> Option<Vec<u8>> {
        let path = self.inside(file)?;
        let data = fs::metadata(&path).ok()?;
        (data.is_file() && data.len() <= FILE_MAX).then(|| fs::read(path).ok())?
    }

    /// True for a Linux tree.
    pub fn is_kernel(&self) -> bool {
        *self.kernel.get_or_init(|| {
            ["Kbuild", "Kconfig", "include/linux/kernel.h", "scripts/Kbuild.include"]
                .iter()
                .all(|file| self.exists(file))
        })
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
            assert!(tree.read(logged).is_none(), "{logged}");
        }
        assert_eq!(tree.find("inner.c").as_deref(), Some("inner.c"));
        assert!(tree.read("./../main.c").is_none());
        assert_eq!(tree.files(), ["main.c"]);
    }

    #[test]
    fn files_of_a_build_are_left_out() {
        let (_folder, tree) = tree(&["b/x.c", "b/x.o", "b/.x.o.cmd", ".git/config", "a.h", "c.so"]);
        assert_eq!(tree.files(), ["a.h", "b/x.c"]);
        assert_eq!(tree.named("x.c").collect::<Vec<_>>(), ["b/x.c"]);
        assert!(!tree.is_kernel());
    }
}
