//! Rule files on disk.

use std::fs;
use std::path::{Path, PathBuf};

use triage_rules::{RuleBook, RuleError};
use walkdir::WalkDir;

use crate::error::Error;

/// A rule file: its name as it is shown, and its text.
pub type RuleFile = (String, String);

/// The embedded rules, extended by those below the paths.
pub fn book(paths: &[PathBuf]) -> Result<RuleBook, Error> {
    let mut book = RuleBook::embedded();
    extend(&mut book, &read(paths)?)?;
    Ok(book)
}

/// Adds rule files to a book.
pub fn extend(book: &mut RuleBook, files: &[RuleFile]) -> Result<(), Error> {
    if files.is_empty() {
        return Ok(());
    }
    book.extend(files.iter().map(|(file, text)| (file.as_str(), text.as_str()))).map_err(Error::Rules)
}

/// All rule files below the paths, in order.
pub fn read(paths: &[PathBuf]) -> Result<Vec<RuleFile>, Error> {
    let mut files = Vec::new();
    for path in paths {
        let before = files.len();
        for entry in WalkDir::new(path).sort_by_file_name().follow_links(true) {
            let entry = entry.map_err(|error| {
                let at = error.path().unwrap_or(path).to_owned();
                Error::RulePath(at, error.into_io_error().unwrap_or_else(|| std::io::Error::other("a loop of links")))
            })?;
            if entry.file_type().is_file() && (entry.depth() == 0 || is_yaml(entry.path())) {
                files.push((entry.path().to_string_lossy().into_owned(), text(entry.path())?));
            }
        }
        if files.len() == before {
            return Err(Error::NoRules(path.clone()));
        }
    }
    Ok(files)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml" || end == "yml")
}

fn text(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(|error| Error::RulePath(path.to_owned(), error))?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|&&b| b == b'\n').count() as u64 + 1;
        let column = before.len() - before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1) + 1;
        let file = path.to_string_lossy().into_owned();
        Error::Rules(vec![RuleError { file, line, column: column as u64, message: "this is not UTF-8".into() }])
    })
}
