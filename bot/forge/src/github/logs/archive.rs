//! The zip archive of a run.
//!
//! It has a file for each job, `N_JOB.txt`, and mostly a folder for each with a file for each step, `JOB/K_STEP.txt`. What
//! stands for the job's name changed over the years: `/` and `:` were left out and long names cut, and since 2025 they
//! became `_`. So names are compared by their letters and digits, and what fits two jobs is not taken for either.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use zip::ZipArchive;

use super::super::models::Job;
use super::Content;

/// Files of an archive.
const FILES_MAX: usize = 100_000;
/// A name is never cut to fewer letters.
const CUT_MIN: usize = 20;

/// An archive that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ArchiveError(String);

/// The logs of all jobs of a run.
#[derive(Debug)]
pub struct Archive {
    zip: Arc<Mutex<ZipArchive<File>>>,
    names: Vec<String>,
}

impl Archive {
    /// Opens an archive.
    ///
    /// # Errors
    ///
    /// When it is none, or not whole.
    pub async fn open(file: File) -> Result<Self, ArchiveError> {
        let opened = tokio::task::spawn_blocking(|| ZipArchive::new(file)).await;
        let zip = opened.map_err(|error| ArchiveError(error.to_string()))?;
        let zip = zip.map_err(|error| ArchiveError(error.to_string()))?;
        if zip.len() > FILES_MAX {
            return Err(ArchiveError(format!("it has more than {FILES_MAX} files")));
        }
        let names = zip.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
        Ok(Self { zip: Arc::new(Mutex::new(zip)), names })
    }

    /// The names of its files.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The log of a job, of all jobs of the run; none when the archive does not surely have it.
    pub async fn log(&mut self, job: &str, jobs: &[Job], limit: u64) -> Option<Content> {
        let files = find(&self.names, job, jobs)?;
        let zip = self.zip.clone();
        let unpacked = tokio::task::spawn_blocking(move || {
            let mut zip = zip.lock().unwrap_or_else(PoisonError::into_inner);
            unpack(&mut zip, &files, limit)
        });
        let (file, length, truncated) = unpacked.await.ok()?.ok()?;
        Some(Content::Log { file, length, truncated })
    }
}

/// The files of a job: the one for all of it, or those of its steps in their order.
fn find(names: &[String], job: &str, jobs: &[Job]) -> Option<Vec<String>> {
    // Another job with the same letters could be meant as well.
    let wanted = letters(job);
    if wanted.is_empty() || jobs.iter().filter(|other| letters(&other.name) == wanted).count() > 1 {
        return None;
    }
    let is_other = |stem: &str| {
        let stem = letters(stem);
        stem != wanted
            && jobs.iter().any(|other| letters(&other.name) != wanted && stands_for(&stem, &letters(&other.name)))
    };
    let fits = |stem: &str| stands_for(&letters(stem), &wanted) && !is_other(stem);
    let whole: Vec<&String> =
        names.iter().filter(|name| numbered(name).is_some_and(|(_, stem)| !stem.contains('/') && fits(stem))).collect();
    if let [only] = whole.as_slice() {
        return Some(vec![(*only).clone()]);
    }
    if !whole.is_empty() {
        return None;
    }
    let mut steps: Vec<(u64, &str, &String)> = names
        .iter()
        .filter_map(|name| {
            let (folder, file) = name.split_once('/')?;
            let (number, _) = numbered(file)?;
            fits(folder).then_some((number, folder, name))
        })
        .collect();
    steps.sort_unstable();
    let one_folder = steps.windows(2).all(|pair| pair[0].1 == pair[1].1);
    (one_folder && !steps.is_empty()).then(|| steps.into_iter().map(|(_, _, name)| name.clone()).collect())
}

/// `12` and `build` of `12_build.txt`. Numbers of old archives may be negative.
fn numbered(name: &str) -> Option<(u64, &str)> {
    let (number, stem) = name.strip_suffix(".txt")?.split_once('_')?;
    Some((number.trim_start_matches('-').parse().ok()?, stem))
}

/// Whether the letters of a file's name are those of a job's, or were cut off.
fn stands_for(stem: &str, job: &str) -> bool {
    stem == job || (stem.len() >= CUT_MIN && job.starts_with(stem))
}

/// What no version of the archive changes.
fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Files of an archive, one after the other, in a temporary file.
fn unpack(zip: &mut ZipArchive<File>, files: &[String], limit: u64) -> io::Result<(File, u64, bool)> {
    let mut to = tempfile::tempfile()?;
    let mut length = 0;
    let mut truncated = false;
    for name in files {
        // One more than allowed tells that there is more.
        let mut from = zip.by_name(name)?.take(limit - length + 1);
        let taken = io::copy(&mut from, &mut to)?;
        length += taken;
        if length > limit {
            (length, truncated) = (limit, true);
            to.set_len(limit)?;
            break;
        }
    }
    to.flush()?;
    to.seek(SeekFrom::Start(0))?;
    Ok((to, length, truncated))
}
