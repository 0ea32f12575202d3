//! Who may do more than read: a token, given in a header, or once in a form and then kept as a cookie.
//!
//! The cookie holds a name and a time, and a signature by the token of that name: nothing is stored, it ends
//! by itself, and a token that is taken out of the configuration ends it. Only this program can read the
//! token out of nothing that it sends. A form that changes something carries a second signature over the
//! cookie, which no other site can know.

use axum::Form;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use triage_store::Timestamp;

use super::layout::{self, Part};
use super::now;
use super::respond::{Failure, Page, ready};
use crate::config::{Access, ServerConfig, Token};
use crate::serve::App;

/// The cookie.
const COOKIE: &str = "triage";
/// Seconds for which a login holds.
const HOLDS: i64 = 12 * 60 * 60;

/// Who looks at a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Who it is, when a token was shown.
    pub name: Option<String>,
    is_admin: bool,
    may_read: bool,
    /// What forms must carry; empty for a visitor without a cookie.
    pub csrf: String,
}

impl Visitor {
    /// Someone who showed nothing.
    pub fn nobody() -> Self {
        Self { name: None, is_admin: false, may_read: false, csrf: String::new() }
    }

    fn with(token: &Token, csrf: String) -> Self {
        let is_admin = token.may(Access::Admin);
        Self { name: Some(token.name.clone()), is_admin, may_read: is_admin || token.may(Access::Read), csrf }
    }

    /// Whether it is an operator.
    pub fn is_admin(&self) -> bool {
        self.is_admin
    }

    /// An operator whose form came from a page of ours, or who showed a token with the request.
    pub fn may_write(&self, csrf: &str) -> Result<&str, Failure> {
        let (Some(name), true) = (&self.name, self.is_admin()) else {
            return Err(Failure::Wrong(StatusCode::FORBIDDEN, "This takes a token of an operator. Log in first."));
        };
        // Nobody but a program sends the header, so no other site can have made a browser do it.
        if !self.csrf.is_empty() && !is_equal(self.csrf.as_bytes(), csrf.as_bytes()) {
            return Err(Failure::Wrong(StatusCode::FORBIDDEN, "The form is too old. Go back, reload, and try again."));
        }
        Ok(name)
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(visitor(&parts.headers, &app.config().server, now()))
    }
}

/// Who sent these headers.
fn visitor(headers: &HeaderMap, server: &ServerConfig, now: Timestamp) -> Visitor {
    if let Some(shown) = bearer(headers) {
        return server.token(shown).map_or_else(Visitor::nobody, |token| Visitor::with(token, String::new()));
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let Some(value) = cookies.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value).next_back() else {
        return Visitor::nobody();
    };
    let mut parts = value.splitn(3, '.');
    let (Some(name), Some(until), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
        return Visitor::nobody();
    };
    let is_over = until.parse::<i64>().map_or(true, |until| until < now.seconds());
    let token = server.tokens.iter().find(|token| hex_of(token.name.as_bytes()) == name);
    let Some(token) = token.filter(|token| {
        !is_over && is_equal(token.sign("session", &format!("{name}.{until}")).as_bytes(), signature.as_bytes())
    }) else {
        return Visitor::nobody();
    };
    Visitor::with(token, token.sign("form", value))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

/// Compares hashes of both, so that neither the content nor the length is told by the time.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    Sha256::digest(one).ct_eq(&Sha256::digest(other)).into()
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where reading is not open, only those with a token get a page.
pub async fn may_read(State(app): State<App>, visitor: Visitor, request: Request, next: Next) -> Response {
    match app.config().server.open_reading || visitor.may_read {
        true => next.run(request).await,
        false => Redirect::to("/login").into_response(),
    }
}

/// The form in which a token is shown.
pub async fn form(visitor: Visitor) -> Page {
    ready(layout::page(&visitor, Part::None, "Log in", "", asked(None)))
}

fn asked(fault: Option<&str>) -> Markup {
    html! {
        h1 { "Log in" }
        p { "Reading takes no login where it is open to all. To say what is to become of a cause or a reply, show the \
             token that the configuration has for you." }
        form.stack method="post" action="/login" {
            label for="token" { "Token" }
            input #token type="password" name="token" required autocomplete="current-password"
                aria-describedby=[fault.map(|_| "fault")] aria-invalid=[fault.map(|_| "true")];
            @if let Some(fault) = fault { p #fault .fail role="alert" { (fault) } }
            button type="submit" { "Log in" }
        }
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub struct Shown {
    token: String,
}

/// Takes a token, and gives a cookie for it.
pub async fn log_in(State(app): State<App>, Form(shown): Form<Shown>) -> Response {
    let config = app.config();
    let Some(token) = config.server.token(shown.token.trim()) else {
        let body = asked(Some("This is no token of anyone here."));
        let page = layout::page(&Visitor::nobody(), Part::None, "Log in", "", body);
        return (StatusCode::FORBIDDEN, Html(page.into_string())).into_response();
    };
    let text = format!("{}.{}", hex_of(token.name.as_bytes()), now().seconds() + HOLDS);
    let value = format!("{text}.{}", token.sign("session", &text));
    with_cookie(&config.server, &value, HOLDS)
}

/// Takes the cookie back.
pub async fn log_out(State(app): State<App>, visitor: Visitor, Form(form): Form<LogOut>) -> Response {
    let config = app.config();
    if !is_equal(visitor.csrf.as_bytes(), form.csrf.as_bytes()) {
        return Redirect::to("/").into_response();
    }
    with_cookie(&config.server, "", 0)
}

/// What the form sends.
#[derive(Deserialize)]
pub struct LogOut {
    #[serde(default)]
    csrf: String,
}

fn with_cookie(server: &ServerConfig, value: &str, seconds: i64) -> Response {
    // Over TLS, it is sent over nothing else.
    let is_secure = server.url.as_deref().is_some_and(|url| url.starts_with("https://"));
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut response = Redirect::to("/").into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
