//! A branch or change: the matrix of a state, its causes, and what else is open or was fixed.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use triage_causes::report::{Build, Status};
use triage_report::matrix::grid::{Cell, Grid};
use triage_store::{Build as Known, Checkout, Cursor, Line, LineKind, ListedCause, Timestamp, Transaction};

use super::causes::{self, Shown};
use super::layout::{self, Part, ago, clean, counted, date, line_name, outcome, outside};
use super::respond::{Failure, Page, ready};
use super::session::Visitor;
use super::{Link, ROWS, cursor, named, now, path};
use crate::serve::App;

/// Builds of a state that are shown.
const BUILDS: usize = 5000;
/// Pairs of a build and a cause that are read.
const PAIRS: usize = 20_000;
/// Causes of a state that are listed.
const CAUSES: usize = 200;
/// Causes that are listed below.
const BELOW: usize = 30;
/// Earlier states that are listed.
const EARLIER: usize = 15;

/// Which state, and where a list goes on.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    state: Option<String>,
    list: Option<String>,
    after: Option<String>,
}

/// `/tree/TREE/BRANCH`.
pub async fn page(
    State(app): State<App>,
    visitor: Visitor,
    Path((tree, branch)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Page {
    let mut at = app.store.read().await?;
    let line = at.line(&named(&tree), &named(&branch)).await?;
    let line = line.ok_or(Failure::Missing("Nothing is known of this branch."))?;
    let title = line_name(line.kind, &line.tree, &line.name);
    let content = match asked.list.as_deref() {
        Some(list @ ("open" | "fixed" | "states")) => listed(&mut at, &line, list, asked.after.as_deref()).await?,
        _ => stated(&mut at, &line, asked.state.as_deref()).await?,
    };
    let body = html! {
        nav.crumbs aria-label="Breadcrumbs" {
            a href="/" { "Trees" } " / "
            a href=(path(Link::Tree(&line.tree))) { @if line.tree.is_empty() { "without a tree" } @else { (clean(&line.tree)) } }
        }
        (content)
    };
    let part = if line.kind == LineKind::Change { Part::Changes } else { Part::Trees };
    ready(layout::page(&visitor, part, &title, "", body))
}

/// What is shown of a line: a state, the last one when none was asked for, and what stands below.
async fn stated(at: &mut Transaction, line: &Line, key: Option<&str>) -> Result<Markup, Failure> {
    let now = now();
    let checkout = match key {
        Some(key) => at.checkout(line.id, key).await?.ok_or(Failure::Missing("Nothing is known of this state."))?,
        None => line.latest.clone().ok_or(Failure::Missing("Nothing of this branch is known any more."))?,
    };
    let is_latest = line.latest.as_ref().is_some_and(|latest| latest.id == checkout.id);
    let builds = at.builds_of(checkout.id, BUILDS).await?;
    let pairs = at.causes_of(checkout.id, PAIRS).await?;
    let mut of_cause: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (build, fingerprint) in pairs {
        of_cause.entry(fingerprint).or_default().push(build);
    }
    // What breaks most stands first.
    let mut order: Vec<(String, Vec<String>)> = of_cause.into_iter().collect();
    order.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
    order.truncate(CAUSES);
    let ids: Vec<String> = order.iter().map(|(id, _)| id.clone()).collect();
    let mut known: BTreeMap<String, ListedCause> =
        at.causes_by_id(&ids).await?.into_iter().map(|cause| (cause.fingerprint.clone(), cause)).collect();
    let open = at.causes_on(line.id, true, &Cursor::start(), BELOW + CAUSES + 1).await?;
    let on_line: BTreeMap<&str, &ListedCause> = open.iter().map(|cause| (cause.fingerprint.as_str(), cause)).collect();
    let is_new = |id: &str| on_line.get(id).is_some_and(|cause| cause.first_checkout == Some(checkout.id));
    let mut here = Vec::new();
    for (id, builds) in &order {
        if let Some(mut cause) = known.remove(id) {
            cause.builds = builds.len() as u64;
            // On this line; that it is open on another one is no matter here.
            cause.is_open = on_line.contains_key(id.as_str()) || !is_latest;
            here.push(Shown { number: Some(here.len() + 1), is_new: is_new(id), cause });
        }
    }
    let grid = grid(&builds, &order, &is_new);
    let elsewhere: Vec<Shown> = open
        .iter()
        .filter(|cause| !ids.contains(&cause.fingerprint))
        .take(BELOW + 1)
        .map(|cause| Shown { number: None, is_new: false, cause: cause.clone() })
        .collect();
    let fixed = at.causes_on(line.id, false, &Cursor::start(), BELOW + 1).await?;
    let fixed: Vec<Shown> = fixed.into_iter().map(|cause| Shown { number: None, is_new: false, cause }).collect();
    let address = path(Link::Line(&line.tree, &line.name));
    Ok(html! {
        (heading(line, &checkout, is_latest, now))
        h2 #causes { "Causes" }
        @if here.is_empty() {
            p { @if checkout.failed == 0 { "Nothing failed." } @else { "No cause is known." } }
        } @else {
            (causes::table(at, &here, "In builds", now).await?)
        }
        h2 #builds { "Builds" }
        @if builds.len() == BUILDS { p { "Only the first " (BUILDS) " builds are shown." } }
        (table(&grid, &builds, !here.is_empty()))
        @if !elsewhere.is_empty() {
            h2 #open { "Open since before" }
            p.dim { "Seen in earlier states; what had them has not passed since." }
            (causes::table(at, some(&elsewhere), "In builds", now).await?)
            @if elsewhere.len() > BELOW { p { a href={ (address) "?list=open" } { "All open causes" } } }
        }
        @if !fixed.is_empty() {
            h2 #fixed { "Fixed" }
            (causes::table(at, some(&fixed), "In builds", now).await?)
            @if fixed.len() > BELOW { p { a href={ (address) "?list=fixed" } { "All fixed causes" } } }
        }
        (earlier(at, line, checkout.id, now).await?)
    })
}

fn some(shown: &[Shown]) -> &[Shown] {
    &shown[..shown.len().min(BELOW)]
}

/// A list of its own: all that is open, all that was fixed, all states.
async fn listed(at: &mut Transaction, line: &Line, list: &str, after: Option<&str>) -> Result<Markup, Failure> {
    let now = now();
    let from = cursor(after);
    let address = format!("{}?list={list}", path(Link::Line(&line.tree, &line.name)));
    let name = line_name(line.kind, &line.tree, &line.name);
    if list == "states" {
        let before = from.key.parse().unwrap_or(i64::MAX);
        let mut states = at.checkouts(line.id, before, ROWS + 1).await?;
        let has_more = states.len() > ROWS;
        states.truncate(ROWS);
        let next = states.last().filter(|_| has_more).map(|state| format!("0.{}", state.id));
        return Ok(html! {
            h1 { "States of " (name) }
            (state_table(line, &states, now))
            (layout::pager(&address, after.is_none(), next))
        });
    }
    let is_open = list == "open";
    let mut causes = at.causes_on(line.id, is_open, &from, ROWS + 1).await?;
    let has_more = causes.len() > ROWS;
    causes.truncate(ROWS);
    let next = causes.last().filter(|_| has_more).map(|cause| {
        let time = if is_open { cause.last_seen_at } else { cause.fixed_at.unwrap_or(cause.last_seen_at) };
        format!("{}.{}", time.millis(), cause.fingerprint)
    });
    let shown: Vec<Shown> = causes.into_iter().map(|cause| Shown { number: None, is_new: false, cause }).collect();
    Ok(html! {
        h1 { (if is_open { "Open causes of " } else { "Fixed causes of " }) (name) }
        @if shown.is_empty() { p { "There is none." } } @else { (causes::table(at, &shown, "In builds", now).await?) }
        (layout::pager(&address, after.is_none(), next))
    })
}

fn heading(line: &Line, checkout: &Checkout, is_latest: bool, now: Timestamp) -> Markup {
    let title = checkout.title.as_deref().map(clean).unwrap_or_default();
    let address = path(Link::Line(&line.tree, &line.name));
    html! {
        h1 {
            @if line.kind == LineKind::Change && !title.is_empty() { (title) } @else {
                (line_name(line.kind, &line.tree, &line.name))
            }
        }
        dl.facts {
            dt { "State" }
            dd {
                a href=(path(Link::State(&line.tree, &line.name, &checkout.key))) {
                    code { (layout::short(checkout.commit.as_deref().unwrap_or(&checkout.key))) }
                }
                @if line.kind == LineKind::Branch && !title.is_empty() { " " (title) }
                @if let Some(url) = &checkout.url { " " (outside(url, "source")) }
                @if !is_latest { " — " a href=(address) { "go to the latest" } }
            }
            @if line.kind == LineKind::Change { dt { "Change" } dd { (clean(&line.name)) } }
            dt { span.wide { "Builds" } span.narrow { "Failed" } }
            dd { (outcome(checkout.passed, checkout.failed, checkout.empty)) }
            dt { "Built" }
            dd { (date(checkout.first_seen_at)) ", last build " (layout::long_ago(checkout.last_seen_at, now)) }
        }
    }
}

fn grid(builds: &[Known], causes: &[(String, Vec<String>)], is_new: &dyn Fn(&str) -> bool) -> Grid {
    let builds: Vec<Build> = builds
        .iter()
        .map(|build| Build {
            id: build.id.clone(),
            axes: build.axes.clone(),
            status: status(&build.status),
            lines: 0,
            bytes: 0,
            diagnostics: 0,
        })
        .collect();
    Grid::of(&builds, causes.iter().map(|(id, builds)| (builds.as_slice(), is_new(id))))
}

fn status(name: &str) -> Status {
    match name {
        "pass" => Status::Pass,
        "fail" => Status::Fail,
        _ => Status::Empty,
    }
}

/// Architecture and toolchain down, the configuration across; a cell leads to its first build that failed.
fn table(grid: &Grid, builds: &[Known], is_numbered: bool) -> Markup {
    if builds.is_empty() {
        return html! { p { "No builds are known any more." } };
    }
    let axis = clean(grid.axis.as_deref().unwrap_or("build"));
    html! {
        div.scroll role="region" aria-labelledby="builds" tabindex="0" {
            table.grid {
                caption { "Architecture and toolchain by " (axis) @if is_numbered { "; numbers are those of the causes above" } "." }
                thead {
                    tr {
                        th scope="col" { "arch" }
                        th scope="col" { "toolchain" }
                        @for column in &grid.columns {
                            th scope="col" { @if column.is_empty() { "build" } @else { (clean(column)) } }
                        }
                    }
                }
                tbody {
                    @for rows in grid.rows.chunk_by(|one, next| one.arch == next.arch) {
                        @for (number, row) in rows.iter().enumerate() {
                            tr {
                                @if number == 0 { th scope="rowgroup" rowspan=(rows.len()) { (clean(&row.arch)) } }
                                th scope="row" { (clean(&row.toolchain)) }
                                @for cell in &row.cells { (self::cell(cell, builds)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(cell: &Cell, builds: &[Known]) -> Markup {
    let Some(&first) = cell.builds.first() else { return html! { td {} } };
    let failed = cell.builds.iter().copied().find(|&number| builds[number].status == "fail");
    let kind = match (failed, cell.empty == cell.builds.len()) {
        (Some(_), _) => "bad",
        (None, true) => "void",
        (None, false) => "fine",
    };
    html! {
        td.(kind) {
            a href=(path(Link::Build(&builds[failed.unwrap_or(first)].id))) { (cell.text()) }
        }
    }
}

async fn earlier(at: &mut Transaction, line: &Line, before: i64, now: Timestamp) -> Result<Markup, Failure> {
    let states = at.checkouts(line.id, before, EARLIER + 1).await?;
    let address = path(Link::Line(&line.tree, &line.name));
    Ok(html! {
        @if !states.is_empty() {
            h2 #earlier { "Earlier states" }
            (state_table(line, &states[..states.len().min(EARLIER)], now))
            @if states.len() > EARLIER { p { a href={ (address) "?list=states" } { "All states" } } }
        }
    })
}

fn state_table(line: &Line, states: &[Checkout], now: Timestamp) -> Markup {
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "State" }
                    th scope="col" { span.wide { "Builds" } span.narrow { "Failed" } }
                    th.number scope="col" { "Built" }
                }
            }
            tbody {
                @for state in states {
                    tr {
                        th scope="row" {
                            a href=(path(Link::State(&line.tree, &line.name, &state.key))) {
                                code { (layout::short(state.commit.as_deref().unwrap_or(&state.key))) }
                            }
                            span.below { (state.title.as_deref().map(clean).unwrap_or_default()) }
                        }
                        td { (outcome(state.passed, state.failed, state.empty)) }
                        td.number { (ago(state.first_seen_at, now)) }
                    }
                }
            }
        }
        p.hidden { (counted(states.len() as u64, "state", "states")) }
    }
}
