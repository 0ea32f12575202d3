//! Whether a build that does not have a cause could have had it.
//!
//! A log names the files that it compiles (`CC fs/a.o`, `gcc -c -o a.o src/a.c`, `[3/9] Building …`).
//! A passing build that names a file which the cause broke has met the cause; one that names files
//! but none of these does not compile them. Whoever reads the log again looks for [`Wanted::names`],
//! shows [`Seen::line`] the lines that have one, and gets the answer from [`Seen::met`].

use std::collections::HashMap;

use triage_log::diagnostic::Tool;

use super::attribution::Met;
use crate::place;
use crate::report::{Cause, Status};

/// Texts of which a log that names what it compiles has one.
pub const COMMANDS: &[&str] = &["  CC ", " -c ", "] Building ", " CC [M] ", "Compiling "];

/// Parts of a path that must be equal for two files to be one.
const PARTS_MAX: usize = 3;
/// Files of one cause that are looked for.
const FILES_MAX: usize = 20;

/// What to look for.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Ends of paths without their extension, but with the dot: `net/tank.`. Each once.
    pub names: Vec<String>,
    /// The files, with the number of their name.
    files: Vec<(usize, String)>,
    /// For each cause the numbers of its files.
    causes: Vec<Of>,
}

#[derive(Debug)]
struct Of {
    files: Vec<usize>,
    compiled: bool,
}

impl Wanted {
    /// The files of all causes.
    pub fn new(causes: &[Cause]) -> Self {
        let mut wanted = Self::default();
        let (mut names, mut stems) = (HashMap::new(), HashMap::new());
        for cause in causes {
            let mut files = Vec::new();
            for file in files_of(cause) {
                let Some(name) = name(&file) else { continue };
                let name_at = *names.entry(name).or_insert_with_key(|name| {
                    wanted.names.push(name.clone());
                    wanted.names.len() - 1
                });
                let at = *stems.entry(stem(&file).to_owned()).or_insert_with_key(|stem| {
                    wanted.files.push((name_at, stem.clone()));
                    wanted.files.len() - 1
                });
                if !files.contains(&at) {
                    files.push(at);
                }
            }
            let compiled = matches!(cause.tool, Tool::Cc | Tool::As | Tool::Rustc | Tool::Sparse | Tool::Smatch);
            wanted.causes.push(Of { files, compiled });
        }
        wanted
    }
}

/// The source and object files that a cause broke.
fn files_of(cause: &Cause) -> Vec<String> {
    let source = cause.location.iter().chain(cause.includes.last()).map(|at| &at.file);
    let files = cause.units.iter().chain(source).chain(&cause.objects);
    let fit = files.filter(|file| is_compiled(file) && !place::is_header(file));
    fit.map(|file| place::clean(file)).take(FILES_MAX).collect()
}

fn is_compiled(file: &str) -> bool {
    const ENDS: &[&str] =
        &["c", "cc", "cpp", "cxx", "C", "m", "mm", "s", "S", "rs", "o", "lo", "obj", "dts", "dtso", "dtb", "i"];
    file.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end))
}

fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// The last two parts of a path, to be found in a log.
fn name(file: &str) -> Option<String> {
    let stem = stem(file);
    let last = stem.rsplit('/').next().filter(|last| !last.is_empty())?;
    let parts: Vec<&str> = stem.rsplit('/').take(2).collect();
    let name = if parts.len() == 2 && !parts[1].is_empty() { format!("{}/{last}", parts[1]) } else { last.to_owned() };
    Some(format!("{name}."))
}

/// What a log was seen to compile.
#[derive(Debug, Clone)]
pub struct Seen {
    compiled: Vec<bool>,
    failed: Vec<bool>,
    commands: bool,
}

impl Seen {
    /// Nothing yet.
    pub fn new(wanted: &Wanted) -> Self {
        Self { compiled: vec![false; wanted.files.len()], failed: vec![false; wanted.files.len()], commands: false }
    }

    /// The log names what it compiles.
    pub fn commands(&mut self) {
        self.commands = true;
    }

    /// Takes a line in which the name of the number ends at byte `end`.
    pub fn line(&mut self, wanted: &Wanted, name: usize, line: &[u8], end: usize) {
        // `foo.config` is no `foo.c`, `foo.o.d` only a list of its dependencies.
        let after = &line[end.min(line.len())..];
        let word = after.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        let extension = String::from_utf8_lossy(&after[..word]);
        if !is_compiled(&format!("x.{extension}")) {
            return;
        }
        let stop = end.saturating_sub(1);
        let start = line[..stop].iter().rposition(|&b| !is_path(b)).map_or(0, |at| at + 1);
        let path = String::from_utf8_lossy(&line[start..stop]);
        let text = String::from_utf8_lossy(line);
        if text.contains("not remade") {
            return;
        }
        let failed = text.contains("*** [") || text.contains("FAILED: ");
        for (at, (of, file)) in wanted.files.iter().enumerate() {
            if *of == name && same_file(&path, file) {
                if failed {
                    self.failed[at] = true;
                } else {
                    self.compiled[at] = true;
                }
            }
        }
    }

    /// True when nothing more can be learnt about any file.
    pub fn is_complete(&self) -> bool {
        self.commands && self.compiled.iter().all(|&seen| seen)
    }

    /// What the build says about a cause that it does not have.
    pub fn met(&self, wanted: &Wanted, cause: usize, status: Status) -> Met {
        let of = &wanted.causes[cause];
        let any = |list: &[bool]| of.files.iter().any(|&file| list[file]);
        match status {
            Status::Empty => Met::Blocked,
            // What links or checks comes after everything that can fail.
            Status::Fail if !of.compiled || any(&self.failed) => Met::Blocked,
            Status::Fail if any(&self.compiled) => Met::Passed,
            Status::Fail => Met::Blocked,
            Status::Pass if of.files.is_empty() || !self.commands || any(&self.compiled) => Met::Passed,
            Status::Pass => Met::Absent,
        }
    }
}

fn is_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+~@".contains(&byte) || byte >= 0x80
}

/// True when two paths without extension end alike: in all of the shorter one, or in three parts
/// when both are absolute, since build directories differ.
fn same_file(a: &str, b: &str) -> bool {
    let parts = |path: &str| -> Vec<String> {
        place::clean(path).split('/').filter(|part| !part.is_empty()).rev().map(str::to_owned).collect()
    };
    let absolute = a.starts_with('/') && b.starts_with('/');
    let (a, b) = (parts(a), parts(b));
    let shorter = a.len().min(b.len());
    let equal = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    shorter > 0 && (equal == shorter || (absolute && equal >= PARTS_MAX.min(shorter.saturating_sub(1)).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_ends() {
        assert!(same_file("fs/select", "/build/linux/fs/select"));
        assert!(same_file("/a/linux/fs/ext/inode", "/b/linux/fs/ext/inode"));
        assert!(!same_file("arch/arm/kernel/head", "/b/arch/x86/kernel/head"));
        assert!(!same_file("/a/linux/arch/arm/kernel/head", "/a/linux/arch/x86/kernel/head"));
        assert!(same_file("main", "src/main"));
        assert!(!same_file("xfs/select", "/b/fs/select"));
    }

    #[test]
    fn names_to_look_for() {
        assert_eq!(name("/b/linux/fs/select.c").as_deref(), Some("fs/select."));
        assert_eq!(name("main.c").as_deref(), Some("main."));
        assert_eq!(name(".c"), None);
    }

    #[test]
    fn lines_that_compile() {
        let wanted = Wanted {
            names: vec!["fs/select.".into()],
            files: vec![(0, "/b/fs/select".into())],
            causes: vec![Of { files: vec![0], compiled: true }],
        };
        let met = |lines: &[&str], status| {
            let mut seen = Seen::new(&wanted);
            seen.commands();
            for line in lines {
                let at = line.find("fs/select.").unwrap();
                seen.line(&wanted, 0, line.as_bytes(), at + "fs/select.".len());
            }
            seen.met(&wanted, 0, status)
        };
        assert_eq!(met(&["  CC      fs/select.o"], Status::Pass), Met::Passed);
        assert_eq!(met(&["  CC      fs/select.o"], Status::Fail), Met::Passed);
        assert_eq!(met(&[], Status::Pass), Met::Absent);
        assert_eq!(met(&[], Status::Fail), Met::Blocked);
        assert_eq!(met(&["  CC      ufs/select.o"], Status::Pass), Met::Absent);
        assert_eq!(met(&["  CP      fs/select.config"], Status::Pass), Met::Absent);
        assert_eq!(met(&["make: Target 'fs/select.o' not remade because of errors."], Status::Fail), Met::Blocked);
        let both = ["  CC      fs/select.o", "make[1]: *** [Makefile:8: fs/select.o] Error 1"];
        assert_eq!(met(&both, Status::Fail), Met::Blocked);
    }
}
