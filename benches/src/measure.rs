//! What one program costs.
//!
//! The kernel adds up the costs of all children that were waited for, so each program is run by a
//! process of its own: the benchmark starts itself again with [`WORD`] as its first argument, and
//! that process ([`child`]) starts the program, waits, and prints the sums.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

/// The first argument of the process that measures.
pub const WORD: &str = "measure-one";

/// A program to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// A file that comes to it through a pipe; else standard input is empty.
    pub piped: Option<PathBuf>,
}

/// What it cost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sample {
    /// From before the start to after the end.
    pub wall: Duration,
    /// Processor time in user and kernel mode, all threads.
    pub cpu: Duration,
    /// The most memory that was resident, in bytes.
    pub peak: u64,
    /// The exit status; none after a signal.
    pub status: Option<i32>,
    /// What it printed.
    pub output: String,
    /// What it complained about.
    pub complaints: String,
}

/// Runs a program in a process of its own that measures it.
///
/// # Errors
/// When a process cannot be started or does not answer.
pub fn measure(job: &Job) -> io::Result<Sample> {
    let answer = Command::new(env::current_exe()?)
        .arg(WORD)
        .arg(serde_json::to_string(job)?)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !answer.status.success() {
        return Err(io::Error::other(format!("cannot run {}", job.program.display())));
    }
    Ok(serde_json::from_slice(&answer.stdout)?)
}

/// If this process was started by [`measure`], does what it is for and returns its exit status.
#[must_use]
pub fn child() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != WORD {
        return None;
    }
    let job = arguments.next().and_then(|job| serde_json::from_str(job.to_str()?).ok());
    Some(match job.ok_or_else(|| io::Error::other("no job")).and_then(|job| run(&job)) {
        Ok(sample) => {
            println!("{}", serde_json::to_string(&sample).unwrap_or_default());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    })
}

fn run(job: &Job) -> io::Result<Sample> {
    let started = Instant::now();
    let mut child = Command::new(&job.program)
        .args(&job.arguments)
        .env_remove("RIPGREP_CONFIG_PATH")
        .stdin(if job.piped.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let feeder = match (&job.piped, child.stdin.take()) {
        (Some(path), Some(pipe)) => {
            let file = File::open(path)?;
            Some(thread::spawn(move || feed(file, pipe)))
        }
        _ => None,
    };
    let mut complaints = child.stderr.take();
    let listener = thread::spawn(move || text(complaints.as_mut()));
    let output = text(child.stdout.as_mut())?;
    let status = child.wait()?;
    let wall = started.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let complaints = listener.join().map_err(|_| io::Error::other("reading failed"))??;
    if let Some(feeder) = feeder {
        // A program that ends before it has read all is seen by its status.
        let _ = feeder.join();
    }
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Sample {
        wall,
        cpu: Duration::from_micros(u64::try_from(microseconds).unwrap_or(0)),
        peak: u64::try_from(usage.max_rss()).unwrap_or(0) * 1024,
        status: status.code(),
        output,
        complaints,
    })
}

fn feed(mut from: File, mut to: impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..count])?;
    }
}

fn text(from: Option<&mut impl Read>) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
