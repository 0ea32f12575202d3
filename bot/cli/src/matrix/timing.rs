//! Build times of all builds, in the logs or in files beside them, and what they are compared with.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use serde_json::Value;
use triage_causes::matrix::axes::Axes;
use triage_causes::matrix::times::{self, Measured, Reader};
use triage_causes::report::{Build, Meter, TimePair, Timing};

use crate::inputs::Input;

/// Names of files that hold the times of the builds in their folder.
const NAMES: &[&str] = &["hyperfine.json", "hyperfine.txt", "perf.txt", "perf-stat.txt", "time.txt"];
/// Ends of files that hold the times of the log of the same name.
const ENDS: &[&str] = &["hyperfine.json", "time", "perf", "time.txt"];
/// Bytes of such a file.
const SIZE_MAX: u64 = 4 << 20;
/// What may differ between two builds that are compared with each other.
const SIDES: &[&str] = &["branch", "commit", "tree", "variant"];

/// Measurements by log.
pub type ByLog = HashMap<String, Vec<Measured>>;

/// Adds what stands beside the logs.
pub fn beside(inputs: &[Input], measured: &mut ByLog) {
    for input in inputs {
        let Some(path) = &input.path else { continue };
        let Some(folder) = path.parent() else { continue };
        let own = ENDS.iter().map(|end| path.with_extension(end)).find(|path| path.is_file());
        // A file of the folder is that of its only log.
        let alone = || {
            inputs.iter().filter(|other| other.path.as_ref().is_some_and(|p| p.parent() == Some(folder))).count() == 1
        };
        let shared = || NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file()).filter(|_| alone());
        if let Some(found) = own.or_else(shared) {
            let list = read(&found, &input.name);
            if !list.is_empty() {
                measured.entry(input.name.clone()).or_default().extend(list);
            }
        }
    }
}

fn read(path: &Path, log: &str) -> Vec<Measured> {
    let small = fs::metadata(path).is_ok_and(|data| data.len() <= SIZE_MAX);
    let Some(text) = small.then(|| fs::read(path).ok()).flatten() else { return Vec::new() };
    let text = String::from_utf8_lossy(&text);
    if let Ok(value) = serde_json::from_str::<Value>(&text) {
        return exported(&value, log);
    }
    let mut reader = Reader::new(log);
    text.lines().for_each(|line| reader.line(line));
    reader.finish()
}

/// `hyperfine --export-json`.
fn exported(value: &Value, log: &str) -> Vec<Measured> {
    let results = value.get("results").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut out = Vec::new();
    for (number, result) in results.iter().enumerate() {
        let get = |key: &str| result.get(key).and_then(Value::as_f64);
        let (Some(elapsed), Some(name)) = (get("mean"), result.get("command").and_then(Value::as_str)) else {
            continue;
        };
        let runs = result.get("times").and_then(Value::as_array).and_then(|times| u32::try_from(times.len()).ok());
        let timing = Timing {
            source: Meter::Hyperfine,
            name: name.to_owned(),
            build: log.to_owned(),
            elapsed,
            deviation: get("stddev"),
            user: get("user"),
            system: get("system"),
            cpu: None,
            runs,
        };
        out.push(Measured { timing, number: u32::try_from(number + 1).unwrap_or(u32::MAX), heading: None });
    }
    out
}

/// Pairs within each log, and of each build with its counterpart: the baseline's, or the first one
/// that differs only in what was built.
pub fn pairs(builds: &[Build], measured: &ByLog, baseline: Option<(&[Build], &ByLog)>) -> Vec<TimePair> {
    let mut out = Vec::new();
    let mut firsts: HashMap<(Axes, Meter), (usize, &Timing)> = HashMap::new();
    let olds = baseline.map(|(builds, measured)| by_axes(builds, measured));
    for (number, build) in builds.iter().enumerate() {
        let Some(list) = measured.get(&build.id) else { continue };
        out.extend(times::pairs(list, &build.axes));
        let [only] = list.as_slice() else { continue };
        let sides = sides(&build.axes);
        let source = only.timing.source;
        let base = match &olds {
            Some(olds) => olds.get(&(sides.clone(), source)).copied(),
            None => {
                let first = firsts.entry((sides.clone(), source)).or_insert((number, &only.timing));
                (first.0 != number && builds[first.0].axes != build.axes).then_some(first.1)
            }
        };
        if let Some(base) = base {
            out.push(times::pair(build.axes.clone(), base.clone(), only.timing.clone()));
        }
    }
    out
}

fn by_axes<'m>(builds: &[Build], measured: &'m ByLog) -> BTreeMap<(Axes, Meter), &'m Timing> {
    let mut out = BTreeMap::new();
    for build in builds {
        if let Some([only]) = measured.get(&build.id).map(Vec::as_slice) {
            out.entry((sides(&build.axes), only.timing.source)).or_insert(&only.timing);
        }
    }
    out
}

/// The axes without those that may differ.
fn sides(axes: &Axes) -> Axes {
    axes.iter().filter(|(name, _)| !SIDES.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect()
}
