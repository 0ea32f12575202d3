//! Forgets what the configuration does not keep, now and then.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use triage_store::Timestamp;

use super::App;
use super::listen::stopped;

/// Between two sweeps. The first comes after a tenth of it: a start is busy enough.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Sweeps until the program is to end.
pub async fn now_and_then(app: App, mut stop: watch::Receiver<bool>) {
    let mut wait = EVERY / 10;
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = EVERY;
        let retention = app.config().retention;
        match app.store.sweep(&retention, Timestamp::from(SystemTime::now())).await {
            Ok(swept) if swept.is_over => {
                tracing::warn!(?swept, "the database is larger than 'max_database_mb', with what came in within a day");
            }
            Ok(swept) if swept.batches > 0 => tracing::info!(?swept, "what is old was forgotten"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "what is old could not be forgotten; it will be tried again"),
        }
    }
}
