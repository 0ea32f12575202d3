//! A cause: what, where, why, what to do; where it was seen, what was said.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use triage_causes::report::{Applicability, Cause, Fix};
use triage_report::{snippet, summary, words};
use triage_store::{
    Build, Cursor, Day, History, Line, LineKind, ListedCause, Reach, Timestamp, ToldIn, Transaction, Verdict,
};

use super::layout::{self, Part, age, ago, clean, counted, csrf, date, line_name, outside};
use super::respond::{Failure, Page, ready};
use super::session::Visitor;
use super::{Link, cursor, encoded, now, path, spark};
use crate::serve::App;

/// Builds on a page.
const BUILDS: usize = 25;
/// Lines of development that are listed.
const LINES: usize = 50;
/// Replies that are listed.
const REPLIES: usize = 50;
/// Places, notes and names that are listed.
const LISTED: usize = 8;

/// Where the list of builds goes on.
#[derive(Debug, Default, Deserialize)]
pub struct After {
    after: Option<String>,
}

/// All that is shown.
struct Known {
    cause: ListedCause,
    detail: Option<Cause>,
    history: History,
    reach: Vec<Reach>,
    builds: Vec<Build>,
    lines: BTreeMap<i64, Line>,
    replies: Vec<ToldIn>,
    days: Vec<Day>,
    more: Option<String>,
}

/// `/cause/FINGERPRINT`.
pub async fn page(
    State(app): State<App>,
    visitor: Visitor,
    Path(fingerprint): Path<String>,
    Query(after): Query<After>,
) -> Page {
    let now = now();
    let mut at = app.store.read().await?;
    let known = read(&mut at, &fingerprint, &cursor(after.after.as_deref()), now).await?;
    let archive = app.config().mail.as_ref().and_then(|mail| mail.archive.clone());
    drop(at);
    let Known { cause, detail, history, .. } = &known;
    let title = clean(&cause.title);
    let address = path(Link::Cause(&fingerprint));
    let body = html! {
        nav.crumbs aria-label="Breadcrumbs" {
            a href="/causes" { "Causes" } " / "
            a href={ "/causes?class=" (encoded(&cause.class)) } { (clean(&cause.class)) }
        }
        h1 { (layout::labels(cause, false)) (title) }
        (facts(cause, detail.as_ref(), history, &known.days, now))
        @if let Some(detail) = detail { (excerpt(detail)) (explained(detail)) }
        (fixes(detail.as_ref(), history))
        (seen_on(&known.reach, history.lines, now))
        h2 #builds { "Builds" }
        (build_table(&known.builds, &known.lines, now))
        (layout::pager(&address, after.after.is_none(), known.more.clone()))
        (replies(&known.replies, archive.as_deref(), now))
        (said(history, now))
        @if visitor.is_admin() { (judge(&visitor, &address)) }
    };
    ready(layout::page(&visitor, Part::Causes, &title, "", body))
}

async fn read(at: &mut Transaction, fingerprint: &str, from: &Cursor, now: Timestamp) -> Result<Known, Failure> {
    const MISSING: Failure = Failure::Missing("Nothing is known of this cause, or not any more.");
    let ids = [fingerprint.to_owned()];
    let cause = at.causes_by_id(&ids).await?.pop().ok_or(MISSING)?;
    let history = at.history(fingerprint).await?.ok_or(MISSING)?;
    let detail = at.cause_detail(fingerprint).await?.and_then(|text| serde_json::from_str(&text).ok());
    let mut builds = at.builds_with(fingerprint, from, BUILDS + 1).await?;
    let has_more = builds.len() > BUILDS;
    builds.truncate(BUILDS);
    let more = builds.last().filter(|_| has_more).map(|build| format!("{}.{}", build.received_at.millis(), build.id));
    // By the number of the state.
    let mut lines = BTreeMap::new();
    for id in builds.iter().filter_map(|build| build.checkout) {
        if !lines.contains_key(&id)
            && let Some(checkout) = at.checkout_by_id(id).await?
            && let Some(line) = at.line_by_id(checkout.line).await?
        {
            lines.insert(id, line);
        }
    }
    let mut days = at.cause_days(&ids, now.day() - spark::DAYS + 1).await?;
    Ok(Known {
        cause,
        detail,
        history,
        reach: at.reach(fingerprint, LINES).await?,
        builds,
        lines,
        replies: at.told_in(fingerprint, REPLIES).await?,
        days: days.remove(fingerprint).unwrap_or_default(),
        more,
    })
}

fn facts(cause: &ListedCause, detail: Option<&Cause>, history: &History, days: &[Day], now: Timestamp) -> Markup {
    let function = detail.and_then(|detail| detail.function.as_deref()).map(words::call);
    html! {
        dl.facts {
            @if !cause.place.is_empty() {
                dt { "Where" }
                dd { code { (clean(&cause.place)) } @if let Some(function) = function { " in " code { (clean(&function)) } } }
            }
            dt { "State" }
            dd {
                @if cause.is_open {
                    span.fail { "open" }
                    @if history.lines > 0 { " on " (history.open_lines) " of " (counted(history.lines, "branch", "branches")) }
                } @else {
                    span.ok { "fixed" }
                    @if let Some(fixed) = cause.fixed_at { " since " (date(fixed)) }
                }
            }
            dt { "Seen" }
            dd {
                "since " (date(history.first_seen_at)) " (" (age(now.since(history.first_seen_at))) "), last "
                (layout::long_ago(history.last_seen_at, now)) ", in " (counted(history.builds, "build", "builds")) " "
                (spark::bars(days, now.day(), "Builds with it", |day| day.1))
            }
            @if let Some(statement) = detail.map(|detail| &detail.attribution.statement).filter(|text| !text.is_empty()) {
                dt { "Breaks" }
                dd { (clean(statement)) }
            }
            dt { "Id" }
            dd { code { (clean(&cause.fingerprint)) } }
        }
    }
}

fn excerpt(cause: &Cause) -> Markup {
    let Some(excerpt) = snippet::excerpt(cause, None, 0) else { return html! {} };
    let line = excerpt.text.lines().next().unwrap_or_default();
    let number = excerpt.first_line.map(|number| number.to_string()).unwrap_or_default();
    let blank = " ".repeat(number.len());
    html! {
        pre tabindex="0" role="region" aria-label="Source line" {
            @if number.is_empty() { (line) } @else { (number) " | " (line) }
            @if let Some(marks) = snippet::marks(&excerpt) {
                "\n" @if number.is_empty() { (marks) } @else { (blank) " | " (marks) }
            }
        }
    }
}

fn explained(cause: &Cause) -> Markup {
    let voice = summary::Voice { name: clean, prose: clean };
    let names = |list: &[String]| list.iter().take(LISTED).map(|name| clean(name)).collect::<Vec<_>>().join(", ");
    let suspects: Vec<String> = cause.suspects.iter().take(3).map(|one| summary::suspected(one, voice)).collect();
    html! {
        @if summary::message_adds(cause) { p { "The compiler says: " code { (clean(&cause.message)) } } }
        @if !cause.explanation.is_empty() { p { (clean(&cause.explanation)) } }
        @let extent = summary::extent(cause, voice);
        @let macros = summary::macros(cause);
        @if extent.is_some() || !macros.is_empty() || !cause.guards.is_empty() || !suspects.is_empty()
            || !cause.maintainers.is_empty() {
            ul.plain {
                @for name in macros.iter().take(2) { li { "through the macro " code { (clean(name)) } } }
                @if let Some(extent) = extent { li { (extent) } }
                @if !cause.guards.is_empty() { li { "depends on " code { (names(&cause.guards)) } } }
                @for suspect in &suspects { li { "suspect: " (suspect) } }
                @if !cause.maintainers.is_empty() { li { "maintainers: " (names(&cause.maintainers)) } }
            }
        }
    }
}

fn fixes(detail: Option<&Cause>, history: &History) -> Markup {
    let fixes = detail.map_or(&[][..], |detail| detail.fixes.as_slice());
    html! {
        @if !fixes.is_empty() || history.worked.is_some() {
            h2 #fix { "Fix" }
            @for fix in fixes.iter().take(LISTED) { (fix_of(fix)) }
            @if let Some(worked) = &history.worked {
                p {
                    "It was gone" @if !worked.tree.is_empty() { " on " (clean(&worked.tree)) " in " code { (layout::short(&worked.state)) } }
                    " after this was proposed: " (clean(&worked.title)) "."
                }
            }
        }
    }
}

fn fix_of(fix: &Fix) -> Markup {
    let head = match fix.applicability {
        Applicability::Verified => layout::label("good", "verified"),
        Applicability::Unverified => layout::label("quiet", "not compiled"),
        Applicability::Advice => layout::label("quiet", "advice"),
    };
    html! {
        p { (head) " " (clean(&fix.title)) }
        @if let Some(patch) = &fix.patch { (layout::diff(patch)) }
    }
}

fn seen_on(reach: &[Reach], lines: u64, now: Timestamp) -> Markup {
    html! {
        @if !reach.is_empty() {
            h2 #reach { "Seen on" }
            table.list {
                thead {
                    tr {
                        th scope="col" { "Branch" }
                        th scope="col" { "State" }
                        th.number scope="col" { "Builds" }
                        th.number.wide scope="col" { "First seen" }
                        th.number scope="col" { "Last seen" }
                    }
                }
                tbody {
                    @for line in reach {
                        tr {
                            th scope="row" {
                                a href=(path(Link::Line(&line.tree, &line.name))) { (line_name(line.kind, &line.tree, &line.name)) }
                                @if line.kind == LineKind::Change { span.below { "patch series or pull request" } }
                            }
                            td {
                                @match (line.is_open, line.fixed_at) {
                                    (true, _) => { span.fail { "open" } }
                                    (false, Some(fixed)) => { span.ok { "fixed" } " " (layout::long_ago(fixed, now)) }
                                    (false, None) => { span.ok { "fixed" } }
                                }
                            }
                            td.number { (layout::grouped(line.builds)) }
                            td.number.wide { (date(line.first_seen_at)) }
                            td.number { (ago(line.last_seen_at, now)) }
                        }
                    }
                }
            }
            @if lines > reach.len() as u64 { p.dim { "and " (counted(lines - reach.len() as u64, "other", "others")) } }
        }
    }
}

fn build_table(builds: &[Build], lines: &BTreeMap<i64, Line>, now: Timestamp) -> Markup {
    let axis = |build: &Build, name: &str| build.axes.get(name).map(|value| clean(value)).unwrap_or_default();
    html! {
        @if builds.is_empty() {
            p { "No build of it is kept." }
        } @else {
            table.list {
                thead {
                    tr {
                        th scope="col" { "Log" }
                        th scope="col" { "arch" }
                        th scope="col" { "config" }
                        th.wide scope="col" { "toolchain" }
                        th.number scope="col" { "Seen" }
                    }
                }
                tbody {
                    @for build in builds {
                        tr {
                            th scope="row" {
                                a href=(path(Link::Build(&build.id))) { (clean(&build.name)) }
                                @if let Some(line) = build.checkout.and_then(|id| lines.get(&id)) {
                                    span.below { (line_name(line.kind, &line.tree, &line.name)) }
                                }
                            }
                            td { (axis(build, "arch")) }
                            td { (axis(build, "config")) }
                            td.wide { (axis(build, "toolchain")) " " (axis(build, "version")) }
                            td.number { (ago(build.received_at, now)) }
                        }
                    }
                }
            }
        }
    }
}

fn replies(replies: &[ToldIn], archive: Option<&str>, now: Timestamp) -> Markup {
    html! {
        @if !replies.is_empty() {
            h2 #replies { "Told in" }
            table.list {
                thead {
                    tr {
                        th scope="col" { "Thread" }
                        th scope="col" { "Place" }
                        th scope="col" { "Reply" }
                        th.number scope="col" { "When" }
                    }
                }
                tbody {
                    @for reply in replies {
                        tr {
                            th scope="row" {
                                @match (reply.channel.as_str(), archive) {
                                    ("mail", Some(archive)) => (outside(&archive.replace("{id}", &reply.marker), &reply.thread)),
                                    _ => (clean(&reply.thread)),
                                }
                            }
                            td { (clean(&reply.place)) }
                            td { (clean(&reply.channel)) ": " (clean(&reply.state)) }
                            td.number { (ago(reply.created_at, now)) }
                        }
                    }
                }
            }
        }
    }
}

fn said(history: &History, now: Timestamp) -> Markup {
    html! {
        @if !history.verdicts.is_empty() {
            h2 #said { "Said of it" }
            ul.plain {
                @for said in &history.verdicts {
                    li {
                        (clean(&said.by)) ": "
                        @match &said.verdict {
                            Verdict::Invalid => "it is invalid",
                            Verdict::Fixed(commit) => { "it is fixed by " code { (clean(commit)) } },
                            Verdict::Withdrawn => "what was said does not count any more",
                            Verdict::Duplicate(other) => {
                                "it is a duplicate of "
                                @if other.len() == 16 { a href=(path(Link::Cause(other))) { (clean(other)) } } @else { (clean(other)) }
                            },
                        }
                        ", " (layout::long_ago(said.at, now))
                    }
                }
            }
        }
    }
}

fn judge(visitor: &Visitor, address: &str) -> Markup {
    html! {
        h2 #judge { "Say what it is" }
        form.stack method="post" action={ (address) "/verdict" } {
            (csrf(visitor))
            label for="verdict" { "Verdict" }
            select #verdict name="verdict" {
                option value="invalid" { "invalid: no fault of the code; it is told to nobody any more" }
                option value="dup" { "duplicate of another cause" }
                option value="fix" { "fixed by a commit" }
                option value="withdrawn" { "take back what was said" }
            }
            label for="detail" { "The other cause, or the commit" }
            input #detail name="detail" maxlength="200" autocomplete="off";
            button type="submit" { "Say so" }
        }
    }
}
