//! Trees and branches, and changes, with how they stand.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use triage_store::{Cursor, Line, LineKind, Timestamp, Transaction};

use super::layout::{self, Part, ago, clean, counted, grouped, outcome, pager};
use super::respond::{Failure, Page, ready};
use super::session::Visitor;
use super::{Link, ROWS, cursor, named, now, path, spark};
use crate::serve::App;

/// Changes on the first page.
const CHANGES: usize = 10;

/// Where a list goes on.
#[derive(Debug, Default, Deserialize)]
pub struct After {
    after: Option<String>,
}

/// `/`: all branches, the last built first.
pub async fn trees(State(app): State<App>, visitor: Visitor, Query(after): Query<After>) -> Page {
    let now = now();
    let mut at = app.store.read().await?;
    let from = cursor(after.after.as_deref());
    let lines = at.lines(LineKind::Branch, &from, ROWS + 1).await?;
    let is_first = after.after.is_none();
    let table = list(&mut at, lines, "/", is_first, now, "No branch was built yet.").await?;
    let changes = match is_first {
        true => at.lines(LineKind::Change, &Cursor::start(), CHANGES).await?,
        false => Vec::new(),
    };
    let body = html! {
        h1 { "Trees" }
        (table)
        @if !changes.is_empty() {
            h2 { "Latest changes" }
            (rows(&mut at, &changes, now).await?)
            p { a href="/changes" { "All changes" } }
        }
    };
    ready(layout::page(&visitor, Part::Trees, "Trees", "", body))
}

/// `/changes`: patch series and pull requests.
pub async fn changes(State(app): State<App>, visitor: Visitor, Query(after): Query<After>) -> Page {
    let mut at = app.store.read().await?;
    let lines = at.lines(LineKind::Change, &cursor(after.after.as_deref()), ROWS + 1).await?;
    let is_first = after.after.is_none();
    let body = html! {
        h1 { "Changes" }
        p.dim { "Patch series and pull requests." }
        (list(&mut at, lines, "/changes", is_first, now(), "No change was built yet.").await?)
    };
    ready(layout::page(&visitor, Part::Changes, "Changes", "", body))
}

/// `/tree/…`: the branches and changes of a tree.
pub async fn tree(
    State(app): State<App>,
    visitor: Visitor,
    Path(tree): Path<String>,
    Query(after): Query<After>,
) -> Page {
    let tree = named(&tree);
    let mut at = app.store.read().await?;
    let lines = at.lines_of(&tree, &cursor(after.after.as_deref()), ROWS + 1).await?;
    let is_first = after.after.is_none();
    if is_first && lines.is_empty() {
        return Err(Failure::Missing("Nothing is known of this tree."));
    }
    let shown = clean(&tree);
    let address = path(Link::Tree(&tree));
    let body = html! {
        nav.crumbs aria-label="Breadcrumbs" { a href="/" { "Trees" } }
        h1 { (if shown.is_empty() { "Without a tree" } else { shown.as_str() }) }
        (list(&mut at, lines, &address, is_first, now(), "There is nothing more.").await?)
    };
    ready(layout::page(&visitor, Part::Trees, &shown, "", body))
}

/// A page of lines, of which one more than are shown was read.
async fn list(
    at: &mut Transaction,
    mut lines: Vec<Line>,
    address: &str,
    is_first: bool,
    now: Timestamp,
    nothing: &str,
) -> Result<Markup, Failure> {
    let has_more = lines.len() > ROWS;
    lines.truncate(ROWS);
    let next = lines.last().filter(|_| has_more).map(|line| format!("{}.{}", line.last_seen_at.millis(), line.id));
    Ok(html! {
        @if lines.is_empty() {
            p { (nothing) }
        } @else {
            (rows(at, &lines, now).await?)
        }
        (pager(address, is_first, next))
    })
}

async fn rows(at: &mut Transaction, lines: &[Line], now: Timestamp) -> Result<Markup, Failure> {
    let ids: Vec<i64> = lines.iter().map(|line| line.id).collect();
    let days = at.line_days(&ids, now.day() - spark::DAYS + 1).await?;
    Ok(html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Name" }
                    th scope="col" { span.wide { "Latest builds" } span.narrow { "Failed" } }
                    th.number scope="col" { span.wide { "Open causes" } span.narrow { "Open" } }
                    th.wide scope="col" { "Failed, 30 days" }
                    th.number scope="col" { "Built" }
                }
            }
            tbody {
                @for line in lines {
                    tr {
                        th scope="row" { (name(line)) }
                        td {
                            @if let Some(latest) = &line.latest {
                                (outcome(latest.passed, latest.failed, latest.empty))
                            }
                        }
                        td.number { @if line.open_causes > 0 { (grouped(line.open_causes)) } @else { span.dim { "none" } } }
                        td.wide {
                            (spark::bars(days.get(&line.id).map_or(&[], Vec::as_slice), now.day(), "Failed builds", |day| day.2))
                        }
                        td.number { (ago(line.last_seen_at, now)) }
                    }
                }
            }
        }
        p.hidden { (counted(lines.len() as u64, "row", "rows")) }
    })
}

/// A line as a link, and what was built of it last.
fn name(line: &Line) -> Markup {
    let title = line.latest.as_ref().and_then(|latest| latest.title.as_deref()).map(clean).unwrap_or_default();
    let commit = line.latest.as_ref().and_then(|latest| latest.commit.as_deref()).map(layout::short);
    let link = path(Link::Line(&line.tree, &line.name));
    html! {
        @match line.kind {
            LineKind::Branch => {
                @if line.name.is_empty() {
                    a href=(link) { (clean(&line.tree)) }
                } @else {
                    a.quiet href=(path(Link::Tree(&line.tree))) { (clean(&line.tree)) }
                    span.dim { " / " }
                    a href=(link) { (clean(&line.name)) }
                }
                span.below { @if let Some(commit) = &commit { code { (commit) } " " } (title) }
            }
            LineKind::Change => {
                a href=(link) { @if title.is_empty() { (clean(&line.name)) } @else { (title) } }
                span.below {
                    a.quiet href=(path(Link::Tree(&line.tree))) { (clean(&line.tree)) }
                    " · " (clean(&line.name))
                }
            }
        }
    }
}
