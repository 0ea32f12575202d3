//! Forgets what the configuration does not keep, now and then.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use triage_store::Timestamp;

use super::App;
use super::listen::stopped;

/// Between two sweeps. The first comes after a tenth of it: a start is busy enough.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How long it is known what was done: forges send a delivery again for some days, clients sooner.
const DONE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Sweeps until the program is to end.
pub async fn now_and_then(app: App, mut stop: watch::Receiver<bool>) {
    let mut wait = EVERY / 10;
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = EVERY;
        if let Err(error) = forget_done(&app).await {
            tracing::warn!(%error, "what was done long ago could not be forgotten; it will be tried again");
        }
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

/// Forgets jobs and requests that were done long ago.
async fn forget_done(app: &App) -> Result<(), triage_store::Error> {
    let before = Timestamp::from(SystemTime::now()).before(DONE);
    let mut at = app.store.begin().await?;
    at.forget_jobs(before).await?;
    at.forget_requests(before).await?;
    at.commit().await
}
