//! Measures triage beside a plain search for the words of failures, on logs of 1 GB.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tempfile::TempDir;
use triage_bench::figures::{Figures, Reading, Spread, Startup, Way};
use triage_bench::measure::{Job, Sample, child, measure};
use triage_bench::program;
use triage_bench::size;
use triage_bench::synthetic::{Kind, Log};

/// What the search looks for.
const PATTERN: &str = "error:|warning:|undefined reference|multiple definition";

/// Bytes of the small log.
const SMALL: u64 = 10_000;

/// Measures triage beside `rg -a -c` on synthetic logs, from a file and from a pipe
///
/// Says what it measured; judges only with --check.
#[derive(Debug, Parser)]
#[command(name = "throughput")]
struct Arguments {
    /// The program to measure; without, cargo builds it
    #[arg(long)]
    triage: Option<PathBuf>,
    /// Length of the logs
    #[arg(long, default_value = "1GB", value_parser = size::parse)]
    size: u64,
    /// How often each log is read by both programs in turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How often the small log is read
    #[arg(long, default_value_t = 50)]
    starts: usize,
    /// Kinds of logs
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Quiet, Kind::Dense])]
    kinds: Vec<Kind>,
    /// Where the logs are made for the time of the run; the system's temporary folder without
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
    /// Ends with status 1 when a figure misses what is asked of it
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    if let Some(status) = child() {
        return status;
    }
    let arguments = Arguments::parse();
    let figures = match run(&arguments) {
        Ok(figures) => figures,
        Err(error) => {
            eprintln!("throughput: {error}");
            return ExitCode::from(2);
        }
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&figures).unwrap_or_default());
    } else {
        print!("{figures}");
    }
    let missed = figures.missed();
    if !arguments.check || missed.is_empty() {
        return ExitCode::SUCCESS;
    }
    for miss in missed {
        eprintln!("missed: {miss}");
    }
    ExitCode::FAILURE
}

fn run(arguments: &Arguments) -> Result<Figures, String> {
    let search = Path::new("rg");
    let search_version =
        program::version(search).ok_or("rg (ripgrep) is not installed, there is nothing to compare with")?;
    let triage = program::triage(arguments.triage.as_deref())?;
    let triage_version = program::version(&triage).ok_or_else(|| format!("{} does not run", triage.display()))?;
    let parent = arguments.dir.clone().unwrap_or_else(env::temp_dir);
    let folder = TempDir::with_prefix_in("triage-bench-", &parent).map_err(|e| format!("{}: {e}", parent.display()))?;
    let programs = Programs { triage, search: search.to_owned() };
    let mut readings = Vec::new();
    for &kind in &arguments.kinds {
        eprintln!("making {} of kind {}", display_size(arguments.size), kind.name());
        let log = make(kind, arguments.size, folder.path())?;
        for way in [Way::File, Way::Pipe] {
            readings.push(programs.compare(kind, way, &log, arguments.rounds)?);
        }
        fs::remove_file(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    }
    let small = make(Kind::Dense, SMALL, folder.path())?;
    let startup = programs.startup(&small, arguments.starts)?;
    Ok(Figures { triage: triage_version, search: search_version, rounds: arguments.rounds, readings, startup })
}

fn display_size(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

fn make(kind: Kind, size: u64, folder: &Path) -> Result<PathBuf, String> {
    let path = folder.join(format!("{}-{size}.log", kind.name()));
    File::create(&path)
        .and_then(|mut file| Log::new(kind, 1).write(size, &mut file))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

fn length(path: &Path) -> Result<u64, String> {
    fs::metadata(path).map(|data| data.len()).map_err(|error| format!("{}: {error}", path.display()))
}

/// The two programs that are compared.
struct Programs {
    triage: PathBuf,
    search: PathBuf,
}

impl Programs {
    fn triage(&self, log: &Path, way: Way) -> Result<Sample, String> {
        let (input, piped) = input(log, way);
        // 1: the log has causes. That is an answer.
        sample(&Job { program: self.triage.clone(), arguments: vec![input], piped }, &[0, 1])
    }

    fn search(&self, log: &Path, way: Way) -> Result<Sample, String> {
        let (input, piped) = input(log, way);
        let arguments = vec!["-a".into(), "-c".into(), PATTERN.into(), input];
        // 1: no line has the words.
        sample(&Job { program: self.search.clone(), arguments, piped }, &[0, 1])
    }

    /// Both read the log, in turn; who begins changes from round to round.
    fn compare(&self, kind: Kind, way: Way, log: &Path, rounds: usize) -> Result<Reading, String> {
        let (mut triage, mut search) = (Vec::new(), Vec::new());
        // Once unmeasured, so that the log is in memory for both.
        self.search(log, way)?;
        for round in 0..rounds {
            eprintln!("{} from a {way:?}, round {} of {rounds}", kind.name(), round + 1);
            if round % 2 == 0 {
                triage.push(self.triage(log, way)?);
                search.push(self.search(log, way)?);
            } else {
                search.push(self.search(log, way)?);
                triage.push(self.triage(log, way)?);
            }
        }
        Ok(Reading::of(kind, way, length(log)?, &triage, &search))
    }

    fn startup(&self, log: &Path, runs: usize) -> Result<Startup, String> {
        self.triage(log, Way::File)?;
        let samples = (0..runs).map(|_| self.triage(log, Way::File)).collect::<Result<Vec<_>, _>>()?;
        Ok(Startup {
            bytes: length(log)?,
            runs,
            wall: Spread::of(samples.iter().map(|sample| sample.wall.as_secs_f64() * 1e3)),
            cpu: Spread::of(samples.iter().map(|sample| sample.cpu.as_secs_f64() * 1e3)),
        })
    }
}

fn input(log: &Path, way: Way) -> (OsString, Option<PathBuf>) {
    match way {
        Way::File => (log.into(), None),
        Way::Pipe => ("-".into(), Some(log.to_owned())),
    }
}

fn sample(job: &Job, good: &[i32]) -> Result<Sample, String> {
    let sample = measure(job).map_err(|error| error.to_string())?;
    if sample.status.is_some_and(|status| good.contains(&status)) {
        return Ok(sample);
    }
    let status = sample.status.map_or("by a signal".to_owned(), |status| format!("with status {status}"));
    Err(format!("{} ended {status}: {}", job.program.display(), sample.complaints.trim()))
}
