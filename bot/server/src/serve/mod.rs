//! `triage-bot serve`: webhooks and builds in over HTTP, the work on them, and mail.
//!
//! [`router`] is the table of all addresses; a part that has pages of its own gives a `Router<App>` that is merged
//! there. [`App`] is what every handler sees.

mod answer;
mod api;
mod body;
mod forget;
mod health;
mod intake;
mod layers;
pub mod listen;
mod logging;
pub mod metrics;
mod openapi;
mod signals;
mod source;
mod webhook;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use triage_store::Store;

use self::answer::Problem;
use self::intake::Intake;
use self::source::Sources;
use crate::args::{ServeArgs, WorkArgs};
use crate::config::{self, Config};
use crate::dashboard;
use crate::error::Error;
use crate::mail;
use crate::work::Pool;
use crate::work::reading::Reading;

/// What every handler sees. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// The bot's memory.
    pub store: Store,
    config: watch::Receiver<Arc<Config>>,
    intake: Intake,
    reading: Reading,
    sources: Sources,
    /// Requests that may be worked on at once.
    turns: Arc<Semaphore>,
}

impl App {
    fn new(store: Store, config: watch::Receiver<Arc<Config>>, reading: Reading) -> Self {
        let now = Arc::clone(&config.borrow());
        Self {
            intake: Intake::new(store.clone()),
            sources: Sources::new(&now.server),
            turns: Arc::new(Semaphore::new(now.server.limits.requests)),
            store,
            config,
            reading,
        }
    }

    /// With a configuration that does not change.
    #[cfg(test)]
    pub fn fixed(store: Store, config: Config) -> Self {
        let reading = Reading::new(1, config.server.limits.unpacked_bytes);
        Self::new(store, watch::channel(Arc::new(config)).1, reading)
    }

    /// The configuration as it is now; it changes with SIGHUP.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.borrow())
    }
}

/// All addresses.
pub fn router(app: App) -> Router {
    let limits = app.config().server.limits.clone();
    let short =
        TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(limits.request_seconds));
    // A log may be long in coming and in being read.
    let long = Duration::from_secs(limits.request_seconds + limits.reading_seconds);
    let long = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, long);
    Router::new()
        .route("/webhook/github", post(webhook::github))
        .route("/webhook/gitlab", post(webhook::gitlab))
        .route("/api/v1/builds/{id}", get(api::get))
        .route("/api/v1/openapi.json", get(openapi::show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .merge(dashboard::router(&app))
        .route_layer(short)
        .merge(Router::new().route("/api/v1/builds", post(api::post)).route_layer(long))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is nothing here"))
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(middleware::from_fn_with_state(app.clone(), layers::around))
        .with_state(app)
}

/// `triage-bot serve`.
pub async fn run(args: &ServeArgs) -> Result<(), Error> {
    let path = &args.config.config;
    let config = load(path, args)?;
    logging::begin(config.server.log_json);
    metrics::begin();
    let store = Store::open(&config.database).await?;
    let address = config.server.listen;
    let listener = TcpListener::bind(address).await.map_err(|error| Error::Listen(address, error))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let reading = Reading::new(config.work.jobs, config.server.limits.unpacked_bytes);
    let (connections, patience) = (config.server.limits.connections, config.work.stop);
    let (changes, config) = watch::channel(Arc::new(config));
    let stop = signals::stop()?;
    signals::reload(path.clone(), changes, {
        let args = args.clone();
        move |path: &Path| load(path, &args)
    })?;
    let work = tokio::spawn(Pool::new(store.clone(), config.clone(), reading.clone()).run(stop.clone()));
    let mails = mail::watch::within(store.clone(), config.clone(), stop.clone());
    let app = App::new(store.clone(), config, reading);
    tokio::spawn(forget::now_and_then(app.clone(), stop.clone()));
    listen::serve(listener, router(app), connections, stop, patience).await;
    drop(work.await);
    drop(mails.await);
    store.close().await;
    tracing::info!("ended");
    Ok(())
}

/// `triage-bot work`.
pub async fn work(args: &WorkArgs) -> Result<(), Error> {
    let path = &args.config.config;
    let load = {
        let args = args.clone();
        move |path: &Path| {
            let mut config = config::load(path)?;
            config.replace(args.database.as_deref(), None);
            config.work.jobs = args.jobs.unwrap_or(config.work.jobs);
            Ok(config)
        }
    };
    let config = load(path)?;
    logging::begin(config.server.log_json);
    let store = Store::open(&config.database).await?;
    let reading = Reading::new(config.work.jobs, config.server.limits.unpacked_bytes);
    let (changes, config) = watch::channel(Arc::new(config));
    let stop = signals::stop()?;
    signals::reload(path.clone(), changes, load)?;
    tracing::info!("working");
    Pool::new(store.clone(), config, reading).run(stop).await;
    store.close().await;
    tracing::info!("ended");
    Ok(())
}

/// The configuration, with what was typed in place of what is written.
fn load(path: &Path, args: &ServeArgs) -> Result<Config, Error> {
    let mut config = config::load(path)?;
    config.replace(args.database.as_deref(), args.listen);
    Ok(config)
}
