//! `verify:`, read and checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_yaml::Location;

use super::Reader;
use super::raw::{RawVerify, RawVerifyTree};
use crate::error::Error;

/// How fixes are proved.
#[derive(Debug, Clone)]
pub struct VerifyConfig {
    /// A folder for checkouts.
    pub checkouts: PathBuf,
    /// The program `triage`.
    pub triage: PathBuf,
    /// Proofs at the same time.
    pub workers: usize,
    /// What a proof may use.
    pub limits: Limits,
    /// Folders that builds may read beside the system's.
    pub readable: Vec<PathBuf>,
    /// The trees, by name in small letters.
    pub trees: BTreeMap<String, Tree>,
}

/// What a proof may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time in all.
    pub time: Duration,
    /// Processors.
    pub jobs: usize,
    /// Bytes of address space of each process.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Bytes that it writes.
    pub disk: u64,
}

/// A tree whose builds can be done here.
#[derive(Debug, Clone)]
pub struct Tree {
    /// A clone on this machine.
    pub clone: PathBuf,
    /// The remote from which missing commits are fetched.
    pub fetch: Option<String>,
    /// How it is built.
    pub builds: Vec<Build>,
}

/// A way to build a tree.
#[derive(Debug, Clone)]
pub struct Build {
    /// The axes of the builds that it can do.
    pub axes: BTreeMap<String, String>,
    /// Commands that make a checkout ready.
    pub prepare: Vec<String>,
    /// Commands that build.
    pub build: Vec<String>,
}

impl Tree {
    /// The first way to build that no axis of the failed build speaks against.
    pub fn build_of(&self, axes: &BTreeMap<String, String>) -> Option<&Build> {
        let agrees =
            |build: &&Build| build.axes.iter().all(|(axis, value)| axes.get(axis).is_none_or(|it| it == value));
        self.builds.iter().find(agrees)
    }
}

impl Reader<'_> {
    pub(super) fn verify(&self, raw: RawVerify, place: &Location) -> Result<VerifyConfig, Error> {
        let limits = &raw.limits;
        let all =
            [limits.seconds, limits.jobs as u64, limits.memory_megabytes, limits.processes, limits.disk_megabytes];
        if all.contains(&0) || raw.workers == 0 {
            return Err(self.fault(place, "verify: a limit and 'workers' must be 1 or more"));
        }
        let triage = match raw.triage {
            Some(path) => self.folder.join(path),
            None => beside_us().ok_or_else(|| {
                self.fault(
                    place,
                    "verify: there is no 'triage' beside triage-bot and none in PATH: say where, with 'triage'",
                )
            })?,
        };
        let mut trees = BTreeMap::new();
        for raw in raw.trees {
            let name = raw.name.value.to_ascii_lowercase();
            let place = raw.name.referenced;
            let tree = self.verify_tree(raw)?;
            if trees.insert(name.clone(), tree).is_some() {
                return Err(self.fault(&place, &format!("there are two trees '{name}'")));
            }
        }
        Ok(VerifyConfig {
            checkouts: self.folder.join(raw.checkouts),
            triage,
            workers: raw.workers,
            limits: Limits {
                time: Duration::from_secs(limits.seconds),
                jobs: limits.jobs,
                memory: limits.memory_megabytes << 20,
                processes: limits.processes,
                disk: limits.disk_megabytes << 20,
            },
            readable: raw.readable.into_iter().map(|path| self.folder.join(path)).collect(),
            trees,
        })
    }

    fn verify_tree(&self, raw: RawVerifyTree) -> Result<Tree, Error> {
        let place = &raw.name.referenced;
        let clone = self.folder.join(raw.clone);
        if !clone.join("HEAD").is_file() && !clone.join(".git").exists() {
            return Err(self.fault(place, &format!("{} is no git repository", clone.display())));
        }
        if let Some(remote) = &raw.fetch
            && (remote.is_empty() || remote.starts_with('-') || !remote.chars().all(|c| c.is_ascii_graphic()))
        {
            return Err(self.fault(place, &format!("'{remote}' is no name of a remote")));
        }
        if raw.builds.is_empty() {
            return Err(self.fault(place, "say with 'builds' how it is built"));
        }
        let builds = raw.builds.into_iter();
        let builds = builds.map(|raw| Build { axes: raw.axes, prepare: raw.prepare, build: raw.build }).collect();
        Ok(Tree { clone, fetch: raw.fetch, builds })
    }
}

/// `triage` beside this program, or in PATH.
pub fn beside_us() -> Option<PathBuf> {
    let own = std::env::current_exe().ok();
    let own = own.as_deref().and_then(Path::parent).map(Path::to_owned);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = own.into_iter().chain(std::env::split_paths(&path)).collect();
    folders.into_iter().map(|folder| folder.join("triage")).find(|file| file.is_file())
}
