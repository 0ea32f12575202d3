//! Makes a synthetic build log of any size.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use triage_bench::size;
use triage_bench::synthetic::{Kind, Log};

/// Makes a synthetic build log; equal arguments make equal logs
#[derive(Debug, Parser)]
#[command(name = "make-log")]
struct Arguments {
    /// How many messages it has
    kind: Kind,
    /// At most this long: 10KB, 4MB, 1GB
    #[arg(value_parser = size::parse)]
    size: u64,
    /// Where to write it; standard output without
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Another log of the same kind
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut log = Log::new(arguments.kind, arguments.seed);
    let written = match &arguments.output {
        Some(path) => File::create(path).and_then(|mut file| log.write(arguments.size, &mut file)),
        None => log.write(arguments.size, &mut io::stdout().lock() as &mut dyn Write),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let place = arguments.output.map_or("standard output".into(), |path| path.display().to_string());
            eprintln!("make-log: {place}: {error}");
            ExitCode::from(2)
        }
    }
}
