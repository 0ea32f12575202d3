//! What a CI job is told by its environment.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A variable that is set and not empty.
pub fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that has to be there.
pub fn needed(name: &str, way_out: &str) -> Result<String, Error> {
    text(name).ok_or_else(|| Error::Usage(format!("{name} is not set: {way_out}")))
}

/// A number in a variable.
pub fn number(name: &str) -> Option<u64> {
    text(name)?.parse().ok()
}

/// The checkout of the repository, when the job has one.
#[derive(Debug)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The one in a folder.
    pub fn find(folder: Option<String>) -> Option<Self> {
        let root = PathBuf::from(folder?).canonicalize().ok()?;
        root.join(".git").exists().then_some(Self { root })
    }

    /// True for a file below it; what is linked from elsewhere is none.
    pub fn has(&self, path: &str) -> bool {
        let full = self.root.join(path).canonicalize();
        full.is_ok_and(|full| full.starts_with(&self.root) && full.is_file())
    }
}

/// Takes the folder of the checkout off the paths of a report, so that they are relative to the repository.
pub fn relocate(report: &mut triage_causes::Report, folder: Option<&str>) {
    let Some(folder) = folder.map(|folder| folder.trim_end_matches('/')).filter(|folder| folder.len() > 1) else {
        return;
    };
    let inside = |file: &mut String| {
        let rest = Path::new(file.as_str()).strip_prefix(folder).ok();
        if let Some(rest) = rest.and_then(Path::to_str).filter(|rest| !rest.is_empty()) {
            *file = rest.to_owned();
        }
    };
    for cause in report.causes.iter_mut().chain(&mut report.warnings) {
        let notes = cause.notes.iter_mut().filter_map(|note| note.location.as_mut());
        let places = cause.location.iter_mut().chain(&mut cause.places).chain(&mut cause.includes).chain(notes);
        places.for_each(|place| inside(&mut place.file));
    }
}
