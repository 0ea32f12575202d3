//! `triage-bot serve`: webhooks and builds in over HTTP.
//!
//! [`router`] is the table of all addresses; a part that has pages of its own gives a `Router<App>` that is merged
//! there. [`App`] is what every handler sees.

mod forget;
mod health;
mod listen;
mod logging;
mod signals;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use triage_store::Store;

use crate::args::ServeArgs;
use crate::config::{self, Config};
use crate::dashboard;
use crate::error::Error;

/// What every handler sees. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// The bot's memory.
    pub store: Store,
    config: watch::Receiver<Arc<Config>>,
}

impl App {
    /// With a configuration that does not change.
    #[cfg(test)]
    pub fn fixed(store: Store, config: Config) -> Self {
        Self { store, config: watch::channel(Arc::new(config)).1 }
    }

    /// The configuration as it is now; it changes with SIGHUP.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.borrow())
    }
}

/// All addresses.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .merge(dashboard::router(&app))
        .with_state(app)
}

/// `triage-bot serve`.
pub async fn run(args: &ServeArgs) -> Result<(), Error> {
    let config = load(&args.config.config, args)?;
    logging::begin(config.server.log_json);
    let store = Store::open(&config.database).await?;
    let address = config.server.listen;
    let listener = TcpListener::bind(address).await.map_err(|error| Error::Listen(address, error))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let (connections, patience) = (config.server.limits.connections, config.work.stop);
    let (_changes, config) = watch::channel(Arc::new(config));
    let app = App { store, config };
    let stop = signals::stop()?;
    tokio::spawn(forget::now_and_then(app.clone(), stop.clone()));
    listen::serve(listener, router(app), connections, stop, patience).await;
    Ok(())
}

/// The configuration, with what was typed in place of what is written.
fn load(path: &Path, args: &ServeArgs) -> Result<Config, Error> {
    let mut config = config::load(path)?;
    config.replace(args.database.as_deref(), args.listen);
    Ok(config)
}
