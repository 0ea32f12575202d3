//! SIGTERM and SIGINT end the program, SIGHUP reads the configuration again.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

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
