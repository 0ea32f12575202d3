//! The builds of a matrix: their logs, and what is known of them before they are read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use triage_causes::matrix::axes::{self, Axes};

use super::manifest::{self, Loaded};
use super::metadata::Metadata;
use super::pattern::Pattern;
use crate::error::Error;
use crate::inputs::{self, Input, Unreadable};

/// Ends of files that stand beside logs and are none.
const BESIDE: &[&str] = &["json", "yaml", "yml", "html", "config", "md", "patch", "diff", "mbox", "time", "perf"];

/// What to read.
#[derive(Debug, Default)]
pub struct Sources {
    /// The logs.
    pub inputs: Vec<Input>,
    /// By a log's name, what was known of it before it was read.
    pub axes: HashMap<String, Axes>,
    /// By a log's name, its `.config`.
    pub configs: HashMap<String, PathBuf>,
    /// What cannot be read.
    pub faults: Vec<Unreadable>,
    /// What a manifest compares with.
    pub baseline: Option<PathBuf>,
}

/// Finds the builds that the paths name.
pub fn find(paths: &[PathBuf], pattern: Option<&str>) -> Result<Sources, Error> {
    let mut out = Sources::default();
    let mut pattern_text = pattern.map(str::to_owned);
    let mut plain = Vec::new();
    for path in paths {
        if is_manifest(path) {
            let loaded = manifest::load(path)?;
            pattern_text = pattern_text.or_else(|| loaded.pattern.clone());
            out.add_manifest(loaded);
        } else {
            plain.push(path.clone());
        }
    }
    let pattern = pattern_text.as_deref().map(Pattern::new).transpose()?;
    if !plain.is_empty() {
        let (inputs, faults) = inputs::expand(&plain);
        out.inputs.extend(inputs.into_iter().filter(|input| !(input.found && is_beside(&input.name))));
        // A folder of which nothing is left has been named by its files.
        out.faults.extend(faults);
    }
    let mut metadata = Metadata::default();
    for input in &out.inputs {
        let Some(path) = &input.path else { continue };
        let known = out.axes.entry(input.name.clone()).or_default();
        if let Some(found) = pattern.as_ref().and_then(|pattern| pattern.axes(&input.name.replace('\\', "/"))) {
            axes::fill(known, &found);
        }
        axes::fill(known, &metadata.axes(path));
        if let Some(config) = config_beside(path).filter(|_| !out.configs.contains_key(&input.name)) {
            out.configs.insert(input.name.clone(), config);
        }
    }
    Ok(out)
}

impl Sources {
    fn add_manifest(&mut self, loaded: Loaded) {
        self.baseline = self.baseline.take().or(loaded.baseline);
        for build in loaded.builds {
            let (inputs, faults) = inputs::expand(std::slice::from_ref(&build.log));
            for fault in faults {
                let name = format!("{}: {}", build.place, fault.name);
                self.faults.push(Unreadable { name, reason: fault.reason });
            }
            for input in inputs {
                self.axes.insert(input.name.clone(), build.axes.clone());
                if let Some(config) = &build.config_file {
                    self.configs.insert(input.name.clone(), config.clone());
                }
                self.inputs.push(input);
            }
        }
    }

    /// What is known of a log, which may be a member of an archive that is known.
    pub fn of(&self, log: &str) -> Axes {
        let mut name = log;
        loop {
            if let Some(known) = self.axes.get(name) {
                return known.clone();
            }
            match name.rfind('/') {
                Some(at) => name = &name[..at],
                None => return Axes::new(),
            }
        }
    }
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml" || end == "yml") && !path.to_string_lossy().contains('*')
}

fn is_beside(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let end = file.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase();
    BESIDE.contains(&end.as_str())
}

/// The kernel's configuration beside a log: `x.config` beside `x.log`, or `.config`, `config`.
fn config_beside(log: &Path) -> Option<PathBuf> {
    let own = log.with_extension("config");
    let folder = log.parent()?;
    [own, folder.join(".config"), folder.join("config")].into_iter().find(|path| path.is_file())
}
