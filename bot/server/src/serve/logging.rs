//! What the program says of itself while it serves: on standard error, for people or as JSON Lines.
//!
//! `RUST_LOG` says how much (`triage_bot=debug`).

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Begins to log. The first call counts.
pub fn begin(json: bool) {
    let filter = match std::env::var_os(EnvFilter::DEFAULT_ENV) {
        Some(_) => EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy(),
        // PostgreSQL tells at each start that the tables are there.
        None => EnvFilter::new("info,sqlx::postgres::notice=warn"),
    };
    let logger = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let begun = if json {
        logger.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    } else {
        logger.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init()
    };
    if begun.is_ok() {
        crate::LOGGING.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}
