//! Measures `triage matrix` on the logs of a made-up farm beside the pipe on the same bytes, and
//! checks that each fault is put down to its axes.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use triage_bench::measure::{Job, Sample, child, measure};
use triage_bench::{farm, program, size};

/// Measures and checks `triage matrix` on many logs that are made up
#[derive(Debug, Parser)]
#[command(name = "matrix")]
struct Arguments {
    /// How many builds
    #[arg(long, default_value_t = 2000)]
    builds: usize,
    /// How long each log is: 10KB, 1MB
    #[arg(long, value_parser = size::parse, default_value = "1MB")]
    size: u64,
    /// Keep the logs and the page in this folder
    #[arg(long)]
    keep: Option<PathBuf>,
    /// The program; without it cargo builds one
    #[arg(long)]
    triage: Option<PathBuf>,
    /// How often each is run; the fastest counts
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

fn main() -> ExitCode {
    if let Some(code) = child() {
        return code;
    }
    match run(&Arguments::parse()) {
        Ok(sound) => ExitCode::from(u8::from(!sound)),
        Err(message) => {
            eprintln!("matrix: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, String> {
    let triage = program::triage(arguments.triage.as_deref())?;
    let temporary = tempfile::tempdir().map_err(|error| error.to_string())?;
    let top = arguments.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    let logs = top.join("logs");
    let builds = farm::builds(arguments.builds);
    farm::write(&logs, &builds, arguments.size).map_err(|error| format!("{}: {error}", logs.display()))?;
    let best = |name: &str, args: &[&str]| -> Result<Sample, String> {
        let mut arguments_of: Vec<OsString> = args.iter().map(OsString::from).collect();
        arguments_of.push(logs.clone().into_os_string());
        let job = Job { program: triage.clone(), arguments: arguments_of, piped: None };
        let mut best: Option<Sample> = None;
        for _ in 0..arguments.runs.max(1) {
            let sample = measure(&job).map_err(|error| error.to_string())?;
            if sample.status != Some(1) {
                return Err(format!("{name} ended with {:?}: {}", sample.status, sample.complaints));
            }
            if best.as_ref().is_none_or(|best| sample.wall < best.wall) {
                best = Some(sample);
            }
        }
        let best = best.ok_or("nothing was run")?;
        let bytes = arguments.builds as u64 * arguments.size;
        println!(
            "{name:8} {:8.2} s {:8.2} s CPU {:6.0} MB/s {:6.0} MB",
            best.wall.as_secs_f64(),
            best.cpu.as_secs_f64(),
            bytes as f64 / 1e6 / best.wall.as_secs_f64(),
            best.peak as f64 / 1e6
        );
        Ok(best)
    };
    let pattern = "--pattern={arch}/{config}/{toolchain}.log";
    let pipe = best("pipe", &["--format=json"])?;
    let matrix = best("matrix", &["matrix", "--format=json", pattern])?;
    let page = best("page", &["matrix", "--format=html", pattern])?;
    println!("matrix by pipe: {:.2}", matrix.wall.as_secs_f64() / pipe.wall.as_secs_f64());
    if let Some(folder) = &arguments.keep {
        fs::write(folder.join("matrix.html"), &page.output).map_err(|error| error.to_string())?;
    }
    let report = serde_json::from_str(&matrix.output).map_err(|error| error.to_string())?;
    let wrong = farm::faults_of(&report, &builds);
    println!("{} of the answers are wrong", wrong.len());
    wrong.iter().for_each(|fault| println!("  {fault}"));
    Ok(wrong.is_empty())
}
