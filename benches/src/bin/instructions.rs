//! Counts the instructions of triage on small logs, and compares with those that were saved.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use triage_bench::program;
use triage_bench::synthetic::{Kind, Log};

/// The logs: name, kind, bytes at most.
const LOGS: &[(&str, Kind, u64)] =
    &[("start-up", Kind::Dense, 10_000), ("quiet", Kind::Quiet, 4_000_000), ("dense", Kind::Dense, 4_000_000)];

/// Counts instructions with callgrind, and compares them with benches/instructions.json
#[derive(Debug, Parser)]
#[command(name = "instructions")]
struct Arguments {
    /// The program to measure; without, cargo builds it
    #[arg(long)]
    triage: Option<PathBuf>,
    /// Saves the counts as those to compare with
    #[arg(long)]
    save: bool,
    /// Ends with status 1 when a count grew by more than this many percent
    #[arg(long, value_name = "PERCENT")]
    limit: Option<f64>,
    /// How often each log is read: runs differ when something in them is random
    #[arg(long, default_value_t = 2)]
    runs: usize,
}

/// What was counted, and with what.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Counts {
    /// The version of valgrind.
    valgrind: String,
    /// The compiler's version.
    rustc: String,
    /// By the log's name.
    logs: BTreeMap<String, Count>,
}

/// What one log took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Count {
    /// Bytes of the log.
    bytes: u64,
    /// A sum over the log: counts of different logs are not compared.
    log: String,
    /// Instructions that were read (`Ir`): the least of the runs.
    instructions: u64,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let valgrind = program::version(Path::new("valgrind"))
        .ok_or("valgrind is not installed (Debian: apt install valgrind), nothing can be counted")?;
    let triage = program::triage(arguments.triage.as_deref())?;
    let baseline = program::repository().join("benches/instructions.json");
    let saved = load(&baseline)?;
    let folder = TempDir::with_prefix("triage-bench-").map_err(|error| error.to_string())?;
    let rustc = program::version(Path::new("rustc")).unwrap_or_default();
    let mut counts = Counts { valgrind, rustc, logs: BTreeMap::new() };
    println!(
        "{:10}{:>12}{:>16}{:>12}{:>16}{:>11}{:>11}",
        "log", "bytes", "Ir", "Ir/byte", "saved Ir", "change", "spread"
    );
    let mut grown = false;
    for (name, kind, size) in LOGS {
        let (count, most) = count(&triage, folder.path(), *kind, *size, arguments.runs.max(1))?;
        let before = saved.logs.get(*name).filter(|before| before.log == count.log);
        let change = before.map(|before| percent(before.instructions, count.instructions));
        println!(
            "{name:10}{:>12}{:>16}{:>12.2}{:>16}{:>11}{:>11}",
            count.bytes,
            count.instructions,
            count.instructions as f64 / count.bytes.max(1) as f64,
            before.map_or("-".to_owned(), |before| before.instructions.to_string()),
            change.map_or("-".to_owned(), |change| format!("{change:+.3} %")),
            format!("{:.3} %", percent(count.instructions, most)),
        );
        grown |= change.zip(arguments.limit).is_some_and(|(change, limit)| change > limit);
        counts.logs.insert((*name).to_owned(), count);
    }
    remarks(&saved, &counts);
    if arguments.save {
        let text = serde_json::to_string_pretty(&counts).map_err(|error| error.to_string())?;
        fs::write(&baseline, text + "\n").map_err(|error| format!("{}: {error}", baseline.display()))?;
        println!("saved as {}", baseline.display());
    }
    Ok(if grown { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Says what makes the numbers hard to compare.
fn remarks(saved: &Counts, counts: &Counts) {
    if saved.logs.is_empty() {
        println!("nothing was saved yet: --save does");
        return;
    }
    for (name, now, before) in [("valgrind", &counts.valgrind, &saved.valgrind), ("rustc", &counts.rustc, &saved.rustc)]
    {
        if now != before {
            println!("{name} is `{now}`, was `{before}`: part of a change may come from that");
        }
    }
    for (name, count) in &counts.logs {
        if saved.logs.get(name).is_some_and(|before| before.log != count.log) {
            println!("the log `{name}` is another one than that which was saved");
        }
    }
}

fn load(path: &Path) -> Result<Counts, String> {
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Counts::default()),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

fn percent(before: u64, now: u64) -> f64 {
    (now as f64 / before.max(1) as f64 - 1.0) * 100.0
}

/// Counts one log; returns the least, and the most of the runs.
fn count(triage: &Path, folder: &Path, kind: Kind, size: u64, runs: usize) -> Result<(Count, u64), String> {
    let mut log = Vec::new();
    Log::new(kind, 1).write(size, &mut log).map_err(|error| error.to_string())?;
    let written = File::create(folder.join("build.log")).and_then(|mut file| file.write_all(&log));
    written.map_err(|error| format!("{}: {error}", folder.display()))?;
    let counted = (0..runs).map(|_| callgrind(triage, folder)).collect::<Result<Vec<_>, _>>()?;
    let least = counted.iter().min().copied().unwrap_or(0);
    let most = counted.iter().max().copied().unwrap_or(0);
    let bytes = u64::try_from(log.len()).unwrap_or(u64::MAX);
    Ok((Count { bytes, log: format!("{:016x}", sum(&log)), instructions: least }, most))
}

/// A sum that changes with any byte and not with the version of Rust (FNV-1a).
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Runs triage once. Environment, folder and names are always the same: they are instructions too.
fn callgrind(triage: &Path, folder: &Path) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--callgrind-out-file=counts"])
        .arg(triage)
        .arg("build.log")
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    // 1: the log has causes. That is an answer.
    if !matches!(output.status.code(), Some(0 | 1)) {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("valgrind ended with {}: {}", output.status, complaint.trim()));
    }
    let counts = fs::read_to_string(folder.join("counts")).map_err(|error| format!("callgrind's counts: {error}"))?;
    total(&counts).ok_or_else(|| "callgrind wrote no total".to_owned())
}

/// The total of a file that callgrind wrote.
fn total(counts: &str) -> Option<u64> {
    let line = counts.lines().rev().find_map(|line| line.strip_prefix("totals:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals() {
        assert_eq!(total("version: 1\nsummary: 12\n\nfn=(1) x\n3 4\n\ntotals: 123456\n"), Some(123_456));
        assert_eq!(total("version: 1\n"), None);
        assert_eq!(sum(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(sum(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
