//! Whether the program lives, and whether it can work.

use axum::extract::State;
use axum::http::StatusCode;

use super::App;

/// `/healthz`: it answers, so it lives. Nothing else is asked: a restart repairs no database.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: the database takes what comes in.
pub async fn ready(State(app): State<App>) -> (StatusCode, String) {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n".into()),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n".into())
        }
    }
}
