//! A plain copy of the tree, where no mounts are allowed. File systems that can share blocks do.
//!
//! Only files that no absolute path leads to can be built elsewhere: see [`bound_to`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// Files that say where a build takes its sources from.
const MAPS: [&str; 8] = [
    "Makefile",
    "GNUmakefile",
    "makefile",
    "build.ninja",
    "CMakeCache.txt",
    "config.status",
    "compile_commands.json",
    ".config.mk",
];
/// How much of such a file is read.
const MAP_MAX: u64 = 64 << 20;

/// Pairs of an original folder and its copy.
#[derive(Debug, Default)]
pub struct Copies(Vec<(PathBuf, PathBuf)>);

impl Copies {
    /// Copies the folders below `store`.
    ///
    /// # Errors
    /// When something cannot be read, or there is no space.
    pub fn new(folders: &[PathBuf], store: &Path) -> io::Result<Self> {
        let mut tops: Vec<&PathBuf> = folders.iter().collect();
        tops.sort();
        tops.dedup();
        let mut copies = Self::default();
        for (number, top) in tops.into_iter().enumerate() {
            if copies.0.iter().any(|(from, _)| top.starts_with(from)) {
                continue;
            }
            let to = store.join(number.to_string()).join(top.file_name().unwrap_or("tree".as_ref()));
            copy(top, &to, store)?;
            copies.0.push((top.clone(), to));
        }
        Ok(copies)
    }

    /// Where a file of the original is in the copy.
    pub fn path(&self, original: &Path) -> PathBuf {
        let mapped = |(from, to): &(PathBuf, PathBuf)| Some(to.join(original.strip_prefix(from).ok()?));
        self.0.iter().find_map(mapped).unwrap_or_else(|| original.to_owned())
    }

    /// A command with the copy's paths instead of the original's.
    pub fn command(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (from, to) in &self.0 {
            line = replaced(&line, &from.to_string_lossy(), &to.to_string_lossy());
        }
        line
    }
}

/// Replaces a path where it stands as a whole, or at the start of a longer one.
fn replaced(line: &str, from: &str, to: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let whole = !after.starts_with(part) && !before.ends_with(|c: char| part(c) || c == '/');
        out.push_str(before);
        out.push_str(if whole { to } else { from });
        rest = after;
    }
    out + rest
}

fn copy(top: &Path, to: &Path, store: &Path) -> io::Result<()> {
    let walk = WalkDir::new(top).into_iter();
    // A scratch folder inside of the tree is not copied into itself.
    for entry in
        walk.filter_entry(|entry| entry.file_name() != ".git" && !store.starts_with(entry.path()) || entry.depth() == 0)
    {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(top).unwrap_or(entry.path()));
        let kind = entry.file_type();
        if kind.is_dir() {
            fs::create_dir_all(&target)?;
        } else if kind.is_symlink() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
            let data = entry.metadata()?;
            let file = fs::File::options().append(true).open(&target);
            // make compares the times.
            if let (Ok(file), Ok(time)) = (file, data.modified()) {
                file.set_modified(time)?;
            }
        }
    }
    Ok(())
}

/// The first file of the build that names one of the folders by its absolute path: a copy would
/// then not be what is built.
pub fn bound_to(folders: &[PathBuf]) -> Option<PathBuf> {
    let needles: Vec<_> = folders
        .iter()
        .map(|folder| memchr::memmem::Finder::new(folder.as_os_str().as_encoded_bytes()).into_owned())
        .collect();
    let names = |path: &Path| {
        let small = fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() <= MAP_MAX);
        small && fs::read(path).is_ok_and(|text| needles.iter().any(|needle| needle.find(&text).is_some()))
    };
    folders.iter().flat_map(|folder| MAPS.iter().map(move |map| folder.join(map))).find(|path| names(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_commands() {
        let line = replaced("make -C /src/a O=/src/a/b X=/src/ab Y=/x/src/a '/src/a'", "/src/a", "/t/0");
        assert_eq!(line, "make -C /t/0 O=/t/0/b X=/src/ab Y=/x/src/a '/t/0'");
    }

    #[test]
    fn a_copy_has_the_same_times() {
        let (from, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("sub")).unwrap();
        fs::write(from.path().join("sub/a.c"), "int a;\n").unwrap();
        let top = from.path().canonicalize().unwrap();
        let copies = Copies::new(&[top.clone(), top.join("sub")], store.path()).unwrap();
        let (a, b) = (top.join("sub/a.c"), copies.path(&top.join("sub/a.c")));
        assert_ne!(a, b);
        assert_eq!(fs::read(&b).unwrap(), b"int a;\n");
        assert_eq!(fs::metadata(a).unwrap().modified().unwrap(), fs::metadata(b).unwrap().modified().unwrap());
        assert_eq!(bound_to(std::slice::from_ref(&top)), None);
        fs::write(top.join("Makefile"), format!("S = {}\n", top.display())).unwrap();
        assert_eq!(bound_to(std::slice::from_ref(&top)), Some(top.join("Makefile")));
    }
}
