//! Lists of causes: all that are open, new or fixed, those of a class, and what a search finds.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use triage_store::{ListedCause, Timestamp, Transaction, Which};

use super::layout::{self, Part, ago, cause_name, clean, grouped, pager};
use super::respond::{Failure, Page, ready};
use super::session::Visitor;
use super::{Link, ROWS, cursor, encoded, now, path, spark};
use crate::serve::App;

/// A cause in a list.
pub struct Shown {
    /// Its number in the grid.
    pub number: Option<usize>,
    /// Whether it is marked as new.
    pub is_new: bool,
    /// The cause.
    pub cause: ListedCause,
}

/// A table of causes.
pub async fn table(at: &mut Transaction, causes: &[Shown], builds: &str, now: Timestamp) -> Result<Markup, Failure> {
    let ids: Vec<String> = causes.iter().map(|shown| shown.cause.fingerprint.clone()).collect();
    let days = at.cause_days(&ids, now.day() - spark::DAYS + 1).await?;
    let is_numbered = causes.iter().any(|shown| shown.number.is_some());
    Ok(html! {
        table.list {
            thead {
                tr {
                    @if is_numbered { th.number scope="col" { abbr title="Number in the table of builds" { "No." } } }
                    th scope="col" { "Cause" }
                    th.number scope="col" { (builds) }
                    th.wide.number scope="col" { "Branches" }
                    th.wide scope="col" { "Builds, 30 days" }
                    th.number scope="col" { "Age" }
                    th.number scope="col" { "Last seen" }
                }
            }
            tbody {
                @for Shown { number, is_new, cause } in causes {
                    tr id=[number.map(|number| format!("c{number}"))] {
                        @if is_numbered { td.number { @if let Some(number) = number { (number) } } }
                        th scope="row" { (cause_name(cause, *is_new)) }
                        td.number { (grouped(cause.builds)) }
                        td.wide.number { (grouped(cause.lines)) }
                        td.wide {
                            (spark::bars(days.get(&cause.fingerprint).map_or(&[], Vec::as_slice), now.day(), "Builds with it", |day| day.1))
                        }
                        td.number { (ago(cause.first_seen_at, now)) }
                        td.number { (ago(cause.last_seen_at, now)) }
                    }
                }
            }
        }
    })
}

/// Which list.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    state: Option<String>,
    class: Option<String>,
    after: Option<String>,
}

/// `/causes`.
pub async fn list(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Page {
    let now = now();
    let (which, name) = match (&asked.class, asked.state.as_deref()) {
        (Some(class), _) => (Which::Class(class), "class"),
        (None, Some("new")) => (Which::New, "new"),
        (None, Some("fixed")) => (Which::Fixed, "fixed"),
        (None, _) => (Which::Open, "open"),
    };
    let address = match which {
        Which::Class(class) => format!("/causes?class={}", encoded(class)),
        _ => format!("/causes?state={name}"),
    };
    let mut at = app.store.read().await?;
    let mut causes = at.causes(which, &cursor(asked.after.as_deref()), ROWS + 1).await?;
    let has_more = causes.len() > ROWS;
    causes.truncate(ROWS);
    let next = causes.last().filter(|_| has_more).map(|cause| {
        let time = if which == Which::New { cause.first_seen_at } else { cause.last_seen_at };
        format!("{}.{}", time.millis(), cause.fingerprint)
    });
    let shown: Vec<Shown> = causes.into_iter().map(|cause| Shown { number: None, is_new: false, cause }).collect();
    let tabs = [("open", "Open"), ("new", "Newest"), ("fixed", "Fixed")];
    let body = html! {
        h1 { "Causes" @if let Some(class) = &asked.class { " of the class " (clean(class)) } }
        nav.tabs aria-label="Lists" {
            @for (state, word) in tabs {
                a href={ "/causes?state=" (state) } aria-current=[(state == name).then_some("page")] { (word) }
            }
        }
        @if shown.is_empty() { p { "There is none." } } @else { (table(&mut at, &shown, "Builds", now).await?) }
        (pager(&address, asked.after.is_none(), next))
    };
    ready(layout::page(&visitor, Part::Causes, "Causes", "", body))
}

/// What is searched for.
#[derive(Debug, Default, Deserialize)]
pub struct Searched {
    #[serde(default)]
    q: String,
    after: Option<String>,
}

/// `/search`.
pub async fn search(
    State(app): State<App>,
    visitor: Visitor,
    Query(asked): Query<Searched>,
) -> Result<Response, Failure> {
    let now = now();
    let text: String = asked.q.chars().take(400).collect();
    let mut at = app.store.read().await?;
    // An id that was copied from a reply.
    let id = text.trim();
    if id.len() == 16 && !at.causes_by_id(&[id.to_lowercase()]).await?.is_empty() {
        return Ok(Redirect::to(&path(Link::Cause(&id.to_lowercase()))).into_response());
    }
    let mut found = at.search(&text, &cursor(asked.after.as_deref()), ROWS + 1).await?;
    let has_more = found.len() > ROWS;
    found.truncate(ROWS);
    let next = found.last().filter(|_| has_more).map(|(id, born)| format!("{born}.{id}"));
    let ids: Vec<String> = found.iter().map(|(id, _)| id.clone()).collect();
    let mut causes = at.causes_by_id(&ids).await?;
    causes.sort_by_key(|cause| ids.iter().position(|id| *id == cause.fingerprint));
    let shown: Vec<Shown> = causes.into_iter().map(|cause| Shown { number: None, is_new: false, cause }).collect();
    let address = format!("/search?q={}", encoded(&text));
    let body = html! {
        h1 { @if text.trim().is_empty() { "Search" } @else { "Causes with " (clean(&text)) } }
        @if text.trim().is_empty() {
            (hint())
        } @else if shown.is_empty() {
            p { "Nothing was found." }
            (hint())
        } @else {
            (table(&mut at, &shown, "Builds", now).await?)
        }
        (pager(&address, asked.after.is_none(), next))
    };
    let page: Page = ready(layout::page(&visitor, Part::Causes, "Search", &text, body));
    page.map(IntoResponse::into_response)
}

fn hint() -> Markup {
    html! {
        p { "Causes are found by symbols, files (with or without their folders), classes, rules, warning options and \
             trees, or by how these begin; by several words when they have all of them. An id from a reply leads to \
             its cause." }
    }
}
