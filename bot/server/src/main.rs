//! `triage-bot`: answers failed builds where people talk about them.
//!
//! [`args`] is what was typed, [`config`] what is configured. [`threads`] puts mails together to
//! series, [`builds`] reads what came of them, [`named`] is how that names its series, [`mail`] says it. [`post`] says it on
//! forges from inside of a CI job, [`forge`] has what is said there. [`serve`] is the program that stays and listens, [`work`]
//! does what came in, [`verify`] proves fixes.

mod archive;
mod args;
mod builds;
mod config;
mod dashboard;
mod error;
mod forge;
mod mail;
mod memory;
mod named;
mod post;
mod queue;
mod serve;
mod threads;
mod verify;
mod work;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;

use crate::args::{Cli, Command};
use crate::error::Error;

/// All is well.
const DONE: u8 = 0;
/// What was asked for health has none.
const SICK: u8 = 1;
/// Usage, configuration, or a database that does not answer.
const FAULT: u8 = 2;

fn main() -> ExitCode {
    let mut status = DONE;
    let done = match Cli::parse().command {
        Command::Serve(args) => wait(serve::run(&args)),
        Command::Work(args) => wait(serve::work(&args)),
        Command::Jobs(args) => config::load(&args.config.config).and_then(|config| wait(queue::run(&args, &config))),
        Command::Post(command) => wait(async {
            status = post::run(&command).await?;
            Ok(())
        }),
        Command::Mail(args) => config::load(&args.config.config).and_then(|config| wait(mail::run(&args, &config))),
        Command::Outbox(args) => {
            config::load(&args.config.config).and_then(|config| wait(mail::outbox::run(&args, &config)))
        }
        Command::Stops(args) => {
            config::load(&args.config.config).and_then(|config| wait(mail::outbox::stops(&args, &config)))
        }
        Command::Prove(args) => config::load(&args.config.config).and_then(|config| wait(verify::run(&args, &config))),
        Command::Export(args) => {
            config::load(&args.config.config).and_then(|config| wait(archive::export(&args, &config)))
        }
        Command::Import(args) => {
            config::load(&args.config.config).and_then(|config| wait(archive::import(&args, &config)))
        }
        Command::Health(args) => serve::probe::run(&args).map(|healthy| status = if healthy { DONE } else { SICK }),
        Command::CheckConfig { config } => config::load(&config.config)
            .and_then(|_| Ok(writeln!(io::stdout(), "{}: no faults", config.config.display())?)),
        Command::Schema => print_schema(),
    };
    match done {
        Ok(()) => ExitCode::from(status),
        Err(error) if error.is_broken_pipe() => ExitCode::from(DONE),
        Err(error) => {
            complain(&error.to_string());
            if let Some(way_out) = error.way_out() {
                let _ = writeln!(io::stderr(), "            {way_out}");
            }
            ExitCode::from(FAULT)
        }
    }
}

fn wait(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(work)
}

fn print_schema() -> Result<(), Error> {
    let schema = schemars::schema_for!(config::raw::RawConfig);
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &schema).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

/// Whether what is said goes through `tracing`.
pub static LOGGING: AtomicBool = AtomicBool::new(false);

/// Says something on standard error, where nothing in it is a command of a CI system; in the log, when there is one.
pub fn complain(text: &str) {
    if LOGGING.load(Ordering::Relaxed) {
        tracing::warn!("{text}");
        return;
    }
    // Nobody is left to be told when that fails.
    let _ = writeln!(io::stderr(), "triage-bot: {}", triage_report::safe::block(text));
}
