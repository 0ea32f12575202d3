//! A build: of what, how it ended, and why.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::html;

use super::causes::{self, Shown};
use super::layout::{self, Part, clean, date, line_name, outside};
use super::respond::{Failure, Page, ready};
use super::session::Visitor;
use super::{Link, now, path};
use crate::serve::App;

/// Causes that are listed.
const CAUSES: usize = 200;
/// Axes in the order in which people say them.
const FIRST: [&str; 5] = ["arch", "config", "toolchain", "version", "target"];

/// `/build/ID`.
pub async fn page(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Page {
    let mut at = app.store.read().await?;
    let build = at.build(&id).await?.ok_or(Failure::Missing("Nothing is known of this build, or not any more."))?;
    let checkout = match build.checkout {
        Some(id) => at.checkout_by_id(id).await?,
        None => None,
    };
    let line = match &checkout {
        Some(checkout) => at.line_by_id(checkout.line).await?,
        None => None,
    };
    let causes = at.causes_of_build(&id, CAUSES).await?;
    let shown: Vec<Shown> = causes.into_iter().map(|cause| Shown { number: None, is_new: false, cause }).collect();
    let has_report = at.report_of_build(&id).await?.is_some();
    let named: Vec<&str> = FIRST.iter().filter_map(|axis| build.axes.get(*axis)).map(String::as_str).collect();
    let title = if named.is_empty() { clean(&build.name) } else { clean(&named.join(" ")) };
    let others = build.axes.iter().filter(|(axis, _)| !FIRST.contains(&axis.as_str()));
    let body = html! {
        nav.crumbs aria-label="Breadcrumbs" {
            a href="/" { "Trees" }
            @if let Some(line) = &line {
                " / " a href=(path(Link::Tree(&line.tree))) { (clean(&line.tree)) }
                " / " a href=(path(Link::Line(&line.tree, &line.name))) { (clean(&line.name)) }
            }
        }
        h1 { "Build: " (title) }
        dl.facts {
            dt { "Result" }
            dd {
                @match build.status.as_str() {
                    "pass" => span.ok { "passed" },
                    "fail" => span.fail { "failed" },
                    _ => span.dim { "nothing known" },
                }
            }
            @if let (Some(line), Some(checkout)) = (&line, &checkout) {
                dt { "Of" }
                dd {
                    a href=(path(Link::State(&line.tree, &line.name, &checkout.key))) {
                        (line_name(line.kind, &line.tree, &line.name)) " "
                        code { (layout::short(checkout.commit.as_deref().unwrap_or(&checkout.key))) }
                    }
                    " " (checkout.title.as_deref().map(clean).unwrap_or_default())
                }
            }
            dt { "Log" }
            dd {
                @match &build.url {
                    Some(url) => (outside(url, &build.name)),
                    None => code { (clean(&build.name)) },
                }
                @if has_report { " · " a href={ (path(Link::Build(&build.id))) "/report.json" } { "report in JSON" } }
            }
            dt { "Reported" }
            dd { (date(build.received_at)) }
            @for (axis, value) in others { dt { (clean(axis)) } dd { (clean(value)) } }
        }
        h2 { "Causes" }
        @if shown.is_empty() {
            p { @if build.status == "fail" { "It failed, but no cause is known." } @else { "None." } }
        } @else {
            (causes::table(&mut at, &shown, "Builds", now()).await?)
        }
    };
    ready(layout::page(&visitor, Part::None, &title, "", body))
}

/// `/build/ID/report.json`: the report in which it is the first build, as it came.
pub async fn report(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Failure> {
    let mut at = app.store.read().await?;
    let report = at.report_of_build(&id).await?.ok_or(Failure::Missing("No report is kept of this build."))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], report).into_response())
}
