//! The dashboard: what is remembered, as pages.
//!
//! Pages are made here, on the server, from queries that read an index; there is no script and no build
//! step. Everything that is shown goes through `maud`, which escapes by type, and through [`layout::clean`],
//! which makes hidden characters visible. A policy forbids whatever a log could smuggle in. Reading is all
//! that can be done without a token.

mod admin;
mod build;
mod cause;
mod causes;
mod home;
mod layout;
mod respond;
mod session;
mod spark;
#[cfg(test)]
mod tests;
mod tree;

use std::time::SystemTime;

use axum::Router;
use axum::http::header;
use axum::middleware;
use axum::routing::{get, post};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use triage_store::{Cursor, Timestamp};

use crate::serve::App;

/// Rows of a list on a page.
const ROWS: usize = 50;

/// All pages.
pub fn router(app: &App) -> Router<App> {
    let pages = Router::new()
        .route("/", get(home::trees))
        .route("/changes", get(home::changes))
        .route("/tree/{tree}", get(home::tree))
        .route("/tree/{tree}/{branch}", get(tree::page))
        .route("/causes", get(causes::list))
        .route("/cause/{fingerprint}", get(cause::page))
        .route("/cause/{fingerprint}/verdict", post(admin::judge))
        .route("/build/{id}", get(build::page))
        .route("/build/{id}/report.json", get(build::report))
        .route("/search", get(causes::search))
        .route("/outbox", get(admin::outbox))
        .route("/outbox/{key}", post(admin::decide))
        .route("/jobs/{id}", post(admin::decide_job))
        .route_layer(middleware::from_fn_with_state(app.clone(), session::may_read))
        .route("/login", get(session::form).post(session::log_in))
        .route("/logout", post(session::log_out))
        .layer(middleware::from_fn(respond::finish));
    Router::new().route(layout::style_path(), get(style)).merge(pages)
}

async fn style() -> ([(header::HeaderName, &'static str); 3], &'static str) {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        // Its name changes with its text.
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, layout::STYLE)
}

/// What a permanent link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link<'a> {
    /// A cause, by its fingerprint.
    Cause(&'a str),
    /// A build, by its id.
    Build(&'a str),
    /// A tree.
    Tree(&'a str),
    /// A branch or change of a tree, as it is now.
    Line(&'a str, &'a str),
    /// A state of a branch or change, by its key.
    State(&'a str, &'a str, &'a str),
}

/// The address of a page below `base`, the address of the dashboard (`https://triage.example.org`). It stays
/// the same for as long as what it shows is remembered.
pub fn permalink(base: &str, link: Link<'_>) -> String {
    format!("{}{}", base.trim_end_matches('/'), path(link))
}

/// What stays as it is in a part of a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'@');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A link within the dashboard.
fn path(link: Link<'_>) -> String {
    match link {
        Link::Cause(fingerprint) => format!("/cause/{}", encoded(fingerprint)),
        Link::Build(id) => format!("/build/{}", encoded(id)),
        Link::Tree(tree) => format!("/tree/{}", segment(tree)),
        Link::Line(tree, name) => format!("/tree/{}/{}", segment(tree), segment(name)),
        Link::State(tree, name, key) => format!("{}?state={}", path(Link::Line(tree, name)), encoded(key)),
    }
}

/// A name as a part of a path. No name of a branch has a tilde (git-check-ref-format).
fn segment(name: &str) -> String {
    match name {
        "" => "~".to_owned(),
        // A browser takes these for steps in the path.
        "." | ".." => name.replace('.', "~2E"),
        name => encoded(name),
    }
}

/// The name that [`segment`] was made of, after decoding.
fn named(segment: &str) -> String {
    match segment {
        "~" => String::new(),
        "~2E" | "~2E~2E" => segment.replace("~2E", "."),
        name => name.to_owned(),
    }
}

/// Where a list goes on: `1700000000000.key`.
fn cursor(text: Option<&str>) -> Cursor {
    let parsed = text.and_then(|text| {
        let (at, key) = text.split_once('.')?;
        Some(Cursor { at: at.parse().ok()?, key: key.to_owned() })
    });
    parsed.unwrap_or_else(Cursor::start)
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}
