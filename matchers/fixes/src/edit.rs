//! Changes of files, and unified diffs of them.

use std::collections::BTreeMap;
use std::io;

use similar::TextDiff;

use crate::source::SourceFile;
use crate::tree::Tree;

/// Lines around a change in a diff.
const AROUND: usize = 3;

/// Replacement of the bytes `start..end` of a file of the tree by `text`.
///
/// Offsets are those of [`SourceFile::text`]. A file that is not there yet is made by an edit of
/// its bytes 0 to 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edit {
    /// The file, relative to the top of the tree.
    pub file: String,
    /// The first byte that goes.
    pub start: usize,
    /// The first byte that stays.
    pub end: usize,
    /// What comes instead.
    pub text: String,
}

impl Edit {
    /// Puts text in before a byte.
    pub fn insert(file: impl Into<String>, at: usize, text: impl Into<String>) -> Self {
        Self { file: file.into(), start: at, end: at, text: text.into() }
    }

    /// Puts text in the place of other.
    pub fn replace(file: impl Into<String>, range: std::ops::Range<usize>, text: impl Into<String>) -> Self {
        Self { file: file.into(), start: range.start, end: range.end, text: text.into() }
    }
}

/// The text after the edits, which are all of one file; none when they overlap or lie outside.
pub fn apply(text: &str, edits: &[Edit]) -> Option<String> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    // Stable: of two insertions at one place the one given first comes first.
    sorted.sort_by_key(|edit| (edit.start, edit.end));
    let mut new = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for edit in sorted {
        if edit.start < at || edit.end < edit.start {
            return None;
        }
        new.push_str(text.get(at..edit.start)?);
        text.get(edit.start..edit.end)?;
        new.push_str(&edit.text);
        at = edit.end;
    }
    new.push_str(text.get(at..)?);
    Some(new)
}

/// The files that the edits change, with their new bytes.
///
/// # Errors
/// When a file cannot be read or the edits do not fit.
pub fn changed(tree: &Tree, edits: &[Edit]) -> io::Result<Vec<(String, Vec<u8>)>> {
    by_file(edits)
        .into_iter()
        .map(|(file, edits)| {
            let source = source(tree, file, &edits)?;
            let new = source.apply(&edits).ok_or_else(|| misfit(file))?;
            Ok((file.to_owned(), new))
        })
        .collect()
}

/// The edits as a unified diff that `git apply` and `patch -p1` take.
///
/// # Errors
/// When a file cannot be read, the edits do not fit, or a changed place has bytes that are no
/// UTF-8: a diff as text cannot have them.
pub fn diff(tree: &Tree, edits: &[Edit]) -> io::Result<String> {
    let mut out = String::new();
    for (file, edits) in by_file(edits) {
        let source = source(tree, file, &edits)?;
        let new = apply(&source.text, &edits).ok_or_else(|| misfit(file))?;
        let fresh = source.text.is_empty() && tree.read(file).is_none();
        let part = unified(file, &source.text, &new, fresh);
        if source.is_lossy() && part.contains('\u{fffd}') {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{file}: not UTF-8 at the place of change"),
            ));
        }
        out.push_str(&part);
    }
    Ok(out)
}

fn source(tree: &Tree, file: &str, edits: &[Edit]) -> io::Result<std::sync::Arc<SourceFile>> {
    match tree.read(file) {
        Some(source) => Ok(source),
        None if edits.iter().all(|edit| edit.start == 0 && edit.end == 0) && tree.can_make(file) => {
            Ok(std::sync::Arc::new(SourceFile::new(Vec::new())))
        }
        None => Err(io::Error::new(io::ErrorKind::NotFound, format!("{file}: cannot be read"))),
    }
}

fn misfit(file: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{file}: the changes do not fit the file"))
}

fn by_file(edits: &[Edit]) -> BTreeMap<&str, Vec<Edit>> {
    let mut files: BTreeMap<&str, Vec<Edit>> = BTreeMap::new();
    for edit in edits {
        files.entry(edit.file.as_str()).or_default().push(edit.clone());
    }
    files
}

/// One file's part of a diff; empty when nothing changes.
fn unified(file: &str, old: &str, new: &str, fresh: bool) -> String {
    if old == new {
        return String::new();
    }
    let lines = |text| -> Vec<&str> { str::split_inclusive(text, '\n').collect() };
    let (old, new) = (lines(old), lines(new));
    let diff = TextDiff::configure().newline_terminated(true).diff_slices(&old, &new);
    let (from, to) = (quoted("a/", file), quoted("b/", file));
    let mut unified = diff.unified_diff();
    let from = if fresh { "/dev/null" } else { &from };
    let head =
        if fresh { format!("diff --git {} {to}\nnew file mode 100644\n", quoted("a/", file)) } else { String::new() };
    format!("{head}{}", unified.context_radius(AROUND).header(from, &to))
}

/// A path as `git` writes it in the head of a diff.
fn quoted(side: &str, file: &str) -> String {
    if file.bytes().any(|b| matches!(b, b'"' | b'\\') || b < b' ' || b == 0x7f) {
        let mut text = format!("\"{side}");
        for c in file.chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                '\t' => text.push_str("\\t"),
                '\n' => text.push_str("\\n"),
                c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => text.push_str(&format!("\\{:03o}", u32::from(c))),
                c => text.push(c),
            }
        }
        text.push('"');
        return text;
    }
    // The tab ends a name with blanks.
    format!("{side}{file}{}", if file.contains(' ') { "\t" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let tree = Tree::open(folder.path()).unwrap();
        (folder, tree)
    }

    #[test]
    fn edits_of_one_file() {
        let edit = |start, end, text| Edit::replace("x", start..end, text);
        let given = [edit(4, 5, "E"), edit(1, 1, "+"), edit(1, 1, "-")];
        assert_eq!(apply("abcde", &given).unwrap(), "a+-bcdE");
        for bad in
            [vec![edit(0, 3, ""), edit(2, 4, "")], vec![edit(4, 9, "")], vec![Edit { start: 3, ..edit(0, 1, "") }]]
        {
            assert_eq!(apply("abcde", &bad), None);
        }
        assert_eq!(apply("aéb", &[edit(2, 3, "")]), None);
    }

    #[test]
    fn git_takes_the_diffs() {
        let (folder, tree) = tree(&[
            ("src/pump.c", b"one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine"),
            ("crlf.c", b"one\r\ntwo\r\nthree\r\n"),
            ("my tank.c", b"a\rb\nc\n"),
            ("latin.c", b"one\ntwo\nthree\nfour\nfive\nsix\n/* \xe9 */\n"),
        ]);
        let edits = [
            Edit::replace("src/pump.c", 4..7, "2"),
            Edit::insert("src/pump.c", 44, "!"),
            Edit::insert("crlf.c", 5, "new\r\n"),
            Edit::replace("my tank.c", 0..1, "A"),
            Edit::insert("latin.c", 0, "zero\n"),
            Edit::insert("new.c", 0, "fresh\n"),
        ];
        let diff = diff(&tree, &edits).unwrap();
        std::fs::write(folder.path().join("p.patch"), &diff).unwrap();
        let status = std::process::Command::new("git").args(["apply", "p.patch"]).current_dir(folder.path()).status();
        if !status.is_ok_and(|status| status.success()) {
            panic!("git apply refuses\n{diff}");
        }
        for (file, bytes) in changed(&tree, &edits[..5]).unwrap() {
            assert_eq!(std::fs::read(folder.path().join(&file)).unwrap(), bytes, "{file}");
        }
        assert_eq!(std::fs::read(folder.path().join("new.c")).unwrap(), b"fresh\n");
        assert!(diff.contains("\\ No newline at end of file"));
    }

    #[test]
    fn what_no_text_can_say() {
        let (_folder, tree) = tree(&[("latin.c", b"/* \xe9 */\nint x\n")]);
        let end = tree.read("latin.c").unwrap().text.find("int x").unwrap() + 5;
        let edit = [Edit::insert("latin.c", end, ";")];
        assert!(diff(&tree, &edit).is_err());
        assert_eq!(changed(&tree, &edit).unwrap()[0].1, b"/* \xe9 */\nint x;\n");
        assert!(diff(&tree, &[Edit::replace("none.c", 1..2, "")]).is_err());
        assert!(diff(&tree, &[Edit::insert("../x.c", 0, "")]).is_err());
    }
}
