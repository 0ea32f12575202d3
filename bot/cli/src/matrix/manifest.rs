//! A manifest: the builds of a matrix, written down. `config/matrix.example.yaml` has every key.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_yaml::Spanned;
use triage_causes::matrix::axes::{self, Axes};
use triage_rules::error::place_of;

use crate::error::{Error, reason};

/// A manifest as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "triage matrix manifest")]
pub struct Manifest {
    /// Axes that all builds share, unless a build says otherwise: `branch: next`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub axes: BTreeMap<String, String>,
    /// Axes in the paths of the logs, as with `--pattern`: `{arch}/{config}/{toolchain}.log`.
    #[serde(default)]
    pub pattern: Option<String>,
    /// What to compare with, as with `--baseline`: a folder, a manifest, or a report in JSON.
    #[serde(default)]
    pub baseline: Option<PathBuf>,
    /// The builds, passing and failing; at least one.
    #[schemars(with = "Vec<RawBuild>")]
    pub builds: Vec<Spanned<RawBuild>>,
}

/// One build.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBuild {
    /// Its log: a file, relative to the manifest. It may be compressed.
    #[schemars(with = "PathBuf")]
    pub log: Spanned<PathBuf>,
    /// What it is a build of: `arch`, `config`, `toolchain` (`clang-19` is clang of version 19),
    /// `version`, `target`, `branch`, `commit`, and axes of your own.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub axes: BTreeMap<String, String>,
    /// The kernel's `.config` that was built, relative to the manifest.
    #[serde(default)]
    pub config_file: Option<PathBuf>,
}

/// A build of a manifest, with its paths from here.
#[derive(Debug)]
pub struct ManifestBuild {
    /// Its log.
    pub log: PathBuf,
    /// Where the manifest names it: `file:line:column`.
    pub place: String,
    /// Its axes.
    pub axes: Axes,
    /// Its configuration.
    pub config_file: Option<PathBuf>,
}

/// A manifest that was read.
#[derive(Debug)]
pub struct Loaded {
    /// The builds in the order of the file.
    pub builds: Vec<ManifestBuild>,
    /// Axes in the paths of the logs.
    pub pattern: Option<String>,
    /// What to compare with, from here.
    pub baseline: Option<PathBuf>,
}

/// Reads a manifest.
pub fn load(path: &Path) -> Result<Loaded, Error> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::Manifest(format!("{}: this is not UTF-8", path.display())),
        _ => Error::Manifest(format!("{}: {}", path.display(), reason(&error))),
    })?;
    let fault = |line: u64, column: u64, message: &str| {
        Error::Manifest(format!("{}:{line}:{column}: {message}", path.display()))
    };
    let raw: Manifest = serde_yaml::from_str(&text).map_err(|error| {
        let (line, column, message) = place_of(&error);
        fault(line, column, &message)
    })?;
    if raw.builds.is_empty() {
        return Err(fault(1, 1, "'builds' is empty"));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut builds = Vec::new();
    for build in raw.builds {
        let mut known = Axes::new();
        let build = build.value;
        for (name, value) in build.axes.iter().chain(&raw.axes) {
            axes::add(&mut known, name, value);
        }
        let at = build.log.referenced;
        builds.push(ManifestBuild {
            log: folder.join(&build.log.value),
            place: format!("{}:{}:{}", path.display(), at.line(), at.column()),
            axes: known,
            config_file: build.config_file.map(|file| folder.join(file)),
        });
    }
    Ok(Loaded { builds, pattern: raw.pattern, baseline: raw.baseline.map(|path| folder.join(path)) })
}
