//! SIGTERM and SIGINT end the program, SIGHUP reads the configuration again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::Config;
use crate::error::Error;

/// Becomes true with the first SIGTERM or SIGINT.
pub fn stop() -> Result<watch::Receiver<bool>, Error> {
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (say, stop) = watch::channel(false);
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminated.recv() => "SIGTERM",
            _ = interrupted.recv() => "SIGINT",
        };
        tracing::info!("{name}: ending what was begun");
        say.send_replace(true);
        // Kept, so that nobody believes that the sender is gone.
        say.closed().await;
    });
    Ok(stop)
}

/// Reads the configuration again with each SIGHUP. One with a fault changes nothing; what a running program cannot
/// change is said.
pub fn reload(
    path: PathBuf,
    changes: watch::Sender<Arc<Config>>,
    load: impl Fn(&Path) -> Result<Config, Error> + Send + 'static,
) -> Result<(), Error> {
    let mut hung_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hung_up.recv().await.is_some() {
            match load(&path) {
                Ok(config) => {
                    for what in fixed(&changes.borrow(), &config) {
                        tracing::warn!("SIGHUP: '{what}' changed; that takes a new start of the program");
                    }
                    changes.send_replace(Arc::new(config));
                    tracing::info!("SIGHUP: the configuration was read again");
                }
                Err(error) => tracing::error!("SIGHUP: the old configuration stays: {error}"),
            }
        }
    });
    Ok(())
}

/// What differs and cannot be changed while the program runs.
fn fixed(old: &Config, new: &Config) -> Vec<&'static str> {
    let (a, b) = (&old.server, &new.server);
    let changed = [
        ("database", old.database != new.database),
        ("server.listen", a.listen != b.listen),
        ("server.log", a.log_json != b.log_json),
        ("server.limits.requests", a.limits.requests != b.limits.requests),
        ("server.limits.connections", a.limits.connections != b.limits.connections),
        ("server.limits.per_minute", a.limits.per_minute != b.limits.per_minute),
        ("server.limits.failures_per_minute", a.limits.failures_per_minute != b.limits.failures_per_minute),
        ("server.limits.request_seconds", a.limits.request_seconds != b.limits.request_seconds),
        ("server.limits.unpacked_bytes", a.limits.unpacked_bytes != b.limits.unpacked_bytes),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(what, _)| what).collect()
}
