//! From the paths that were typed to the files to read, in order.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use globset::GlobBuilder;
use walkdir::{DirEntry, WalkDir};

use crate::error::reason;

/// One file to read, or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name in the report: as typed, `-` for standard input.
    pub name: String,
    /// The file; none for standard input.
    pub path: Option<PathBuf>,
    /// Its size, where that is known.
    pub size: Option<u64>,
    /// Found in a folder, not named by the user: it need not be a log.
    pub found: bool,
}

impl Input {
    /// Standard input.
    pub fn standard() -> Self {
        Self { name: "-".into(), path: None, size: None, found: false }
    }

    fn file(path: PathBuf, found: bool) -> Self {
        let size = fs::metadata(&path).ok().filter(fs::Metadata::is_file).map(|data| data.len());
        Self { name: path.to_string_lossy().into_owned(), path: Some(path), size, found }
    }

    /// Opens it.
    pub fn open(&self) -> io::Result<Box<dyn Read>> {
        Ok(match &self.path {
            None => Box::new(io::stdin()),
            Some(path) => Box::new(File::open(path)?),
        })
    }
}

/// What cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// As typed.
    pub name: String,
    /// In words that can follow the name and a colon.
    pub reason: String,
}

/// The files of all paths, in the order typed, those of a folder by name.
pub fn expand(paths: &[PathBuf]) -> (Vec<Input>, Vec<Unreadable>) {
    let (mut inputs, mut faults) = (Vec::new(), Vec::new());
    if paths.is_empty() {
        inputs.push(Input::standard());
    }
    for path in paths {
        let name = path.to_string_lossy();
        let mut fault = |reason: String| faults.push(Unreadable { name: name.clone().into_owned(), reason });
        if name == "-" {
            inputs.push(Input::standard());
            continue;
        }
        match fs::metadata(path) {
            Ok(data) if data.is_dir() => {
                let before = inputs.len();
                folder(path, &mut inputs, &mut faults);
                if inputs.len() == before {
                    faults.push(Unreadable { name: name.into_owned(), reason: "no log in this folder".into() });
                }
            }
            Ok(_) => inputs.push(Input::file(path.clone(), false)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_glob(&name) => match glob(&name) {
                Ok(found) if found.is_empty() => fault("no file matches".into()),
                Ok(found) => inputs.extend(found),
                Err(error) => fault(format!("this is not a glob: {error}")),
            },
            Err(error) => fault(reason(&error)),
        }
    }
    (inputs, faults)
}

/// The logs below a folder: no hidden files, nothing that is obviously binary.
fn folder(top: &Path, inputs: &mut Vec<Input>, faults: &mut Vec<Unreadable>) {
    let walk = WalkDir::new(top).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry)) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                if !is_binary(entry.path()) {
                    inputs.push(Input::file(entry.into_path(), true));
                }
            }
            Ok(_) => {}
            Err(error) => faults.push(Unreadable {
                name: error.path().unwrap_or(top).to_string_lossy().into_owned(),
                reason: error.io_error().map_or_else(|| "a loop of links".into(), reason),
            }),
        }
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
}

/// True for a file with zero bytes that is no container of logs and no UTF-16.
fn is_binary(path: &Path) -> bool {
    const CONTAINERS: &[&[u8]] =
        &[b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK", b"LZIP", b"\x5d\0\0", b"\xff\xfe", b"\xfe\xff"];
    let mut head = Vec::new();
    // What cannot be opened is left to the reading, which says why.
    let Ok(file) = File::open(path) else { return false };
    if file.take(1024).read_to_end(&mut head).is_err() || !head.contains(&0) {
        return false;
    }
    let utf16 = [0, 1].into_iter().any(|odd| head.iter().skip(odd).step_by(2).all(|&b| b == 0));
    let tar = head.get(257..262).is_some_and(|magic| magic == b"ustar");
    !utf16 && !tar && !CONTAINERS.iter().any(|magic| head.starts_with(magic))
}

fn is_glob(name: &str) -> bool {
    name.contains(['*', '?', '[', '{'])
}

/// The files that a glob names, sorted.
fn glob(pattern: &str) -> Result<Vec<Input>, globset::Error> {
    let matcher = GlobBuilder::new(pattern).literal_separator(true).build()?.compile_matcher();
    let mut base = PathBuf::new();
    let (mut depth, mut hidden) = (0, false);
    for part in Path::new(pattern).components() {
        let name = part.as_os_str().to_string_lossy();
        if depth == 0 && !is_glob(&name) {
            base.push(part);
        } else {
            depth += 1;
            hidden |= name.starts_with('.');
        }
    }
    let bare = base.as_os_str().is_empty();
    if pattern.contains("**") {
        depth = usize::MAX;
    }
    let top = if bare { Path::new(".") } else { &base };
    let walk = WalkDir::new(top).max_depth(depth).sort_by_file_name().into_iter();
    let files =
        walk.filter_entry(|entry| entry.depth() == 0 || hidden || !is_hidden(entry))
            .filter_map(Result::ok)
            .filter(|entry| !entry.path().is_dir())
            .map(|entry| {
                if bare { entry.path().strip_prefix(".").unwrap_or(entry.path()).to_owned() } else { entry.into_path() }
            })
            .filter(|path| matcher.is_match(path));
    Ok(files.map(|path| Input::file(path, false)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[PathBuf]) -> (Vec<String>, Vec<String>) {
        let (inputs, faults) = expand(paths);
        let short = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
        (
            inputs.iter().map(|input| short(&input.name)).collect(),
            faults.iter().map(|fault| format!("{}: {}", short(&fault.name), fault.reason)).collect(),
        )
    }

    #[test]
    fn nothing_and_dash_are_standard_input() {
        assert_eq!(names(&[]).0, ["-"]);
        assert_eq!(names(&["-".into()]).0, ["-"]);
    }

    #[test]
    fn folders_and_globs() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        fs::create_dir_all(top.join("sub/.git")).unwrap();
        for (name, bytes) in [
            ("b.log", &b"x"[..]),
            ("a.txt", b""),
            ("sub/c.log", b"x"),
            ("sub/.git/d.log", b"x"),
            (".hidden.log", b"x"),
            ("main.o", b"\x7fELF\x02\x01\x01\0\0\0"),
            ("wide.log", b"o\0k\0\n\0"),
            ("old.log.gz", b"\x1f\x8b\x08\0\0"),
        ] {
            fs::write(top.join(name), bytes).unwrap();
        }
        let all = ["a.txt", "b.log", "old.log.gz", "c.log", "wide.log"];
        assert_eq!(names(&[top.to_owned()]), (all.map(str::to_owned).to_vec(), vec![]));
        assert_eq!(names(&[top.join("*.log")]).0, ["b.log", "wide.log"]);
        assert_eq!(names(&[top.join("**/*.log")]).0, ["b.log", "c.log", "wide.log"]);
        assert_eq!(names(&[top.join(".*.log")]).0, [".hidden.log"]);
        assert_eq!(names(&[top.join("*.xml")]).1, ["*.xml: no file matches"]);
        assert_eq!(names(&[top.join("none")]).1, ["none: no such file or directory"]);
        assert_eq!(names(&[top.join("sub/.git")]).0, ["d.log"]);
    }
}
