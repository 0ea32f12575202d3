//! Measures how long the headers of all missing names of a log take to find in a source tree, beside
//! a plain search for the same names.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use triage_bench::measure::{Job, Sample, child, measure};
use triage_bench::program;

/// Measures `triage --tree` on a log with missing names beside `rg -l -w` for these names
///
/// Both read the tree anew each time; the first round shows the cost with cold caches.
#[derive(Debug, Parser)]
#[command(name = "headers")]
struct Arguments {
    /// The program to measure; without, cargo builds it
    #[arg(long)]
    triage: Option<PathBuf>,
    /// The source tree
    #[arg(long)]
    tree: PathBuf,
    /// How often both programs run in turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The log of a build of the tree that failed
    log: PathBuf,
}

fn main() -> ExitCode {
    if let Some(status) = child() {
        return status;
    }
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headers: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let triage = program::triage(arguments.triage.as_deref())?;
    let ours = job(
        &triage,
        &["--tree".as_ref(), arguments.tree.as_os_str(), "--format".as_ref(), "json".as_ref()],
        &arguments.log,
    );
    let report: serde_json::Value = serde_json::from_str(&measure(&ours)?.output)?;
    let (names, found) = names(&report);
    if names.is_empty() {
        return Err("the log misses no names".into());
    }
    let pattern = names.join("|");
    let search = ["-l", "-w", "-g", "*.h", &pattern].map(OsString::from);
    let search: Vec<&std::ffi::OsStr> = search.iter().map(OsString::as_os_str).collect();
    let plain = job(Path::new("rg"), &search, &arguments.tree);
    println!("{} names, a header for {found} of the causes", names.len());
    for round in 1..=arguments.rounds.max(1) {
        let (a, b) = (measure(&ours)?, measure(&plain)?);
        let seconds = |sample: &Sample| (sample.wall.as_secs_f64(), sample.cpu.as_secs_f64());
        let ((wall, cpu), (other_wall, other_cpu)) = (seconds(&a), seconds(&b));
        println!(
            "{round}: triage {wall:.2} s ({cpu:.2} s CPU), rg {other_wall:.2} s ({other_cpu:.2} s CPU), ratio {:.2} ({:.2} CPU)",
            wall / other_wall,
            cpu / other_cpu
        );
    }
    Ok(())
}

fn job(program: &Path, arguments: &[&std::ffi::OsStr], last: &Path) -> Job {
    let arguments = arguments.iter().copied().chain([last.as_os_str()]).map(ToOwned::to_owned).collect();
    Job { program: program.to_owned(), arguments, piped: None }
}

/// The plain names that the causes miss, and the number of causes with a header to include.
fn names(report: &serde_json::Value) -> (Vec<String>, usize) {
    let causes = report["causes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let missing = |cause: &&serde_json::Value| {
        cause["diagnosis"].as_str().is_some_and(|diagnosis| diagnosis.starts_with("missing-include"))
    };
    let plain = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let of = |cause: &serde_json::Value| {
        let symbols = cause["symbols"].as_array().map(Vec::as_slice).unwrap_or_default();
        symbols.iter().filter_map(|symbol| symbol.as_str()).filter(plain).map(str::to_owned).collect::<Vec<_>>()
    };
    let has = |cause: &&serde_json::Value| {
        cause["fixes"].as_array().is_some_and(|fixes| fixes.iter().any(|fix| fix["kind"] == "add_include"))
    };
    let mut names: Vec<String> = causes.iter().filter(missing).flat_map(of).collect();
    names.sort_unstable();
    names.dedup();
    (names, causes.iter().filter(missing).filter(has).count())
}
