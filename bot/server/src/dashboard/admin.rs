//! What operators do: say what is to become of a cause, or of a reply that is stuck.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Deserialize;
use triage_store::{Audit, Job, JobFilter, JobState, Outgoing, State as Way, Verdict};

use super::layout::{self, Part, ago, clean, csrf};
use super::respond::{Failure, Page, ready};
use super::session::Visitor;
use super::{Link, encoded, now, path};
use crate::serve::App;

/// Where replies go.
const CHANNELS: [&str; 3] = ["mail", "github", "gitlab"];
/// Replies of a state and channel that are listed.
const LISTED: u32 = 100;
/// Bytes of what stands behind a verdict.
const DETAIL: usize = 200;

/// What the form on a cause's page sends.
#[derive(Deserialize)]
pub struct Judged {
    #[serde(default)]
    csrf: String,
    verdict: String,
    #[serde(default)]
    detail: String,
}

/// Writes down what an operator says of a cause.
pub async fn judge(
    State(app): State<App>,
    visitor: Visitor,
    Path(fingerprint): Path<String>,
    Form(form): Form<Judged>,
) -> Result<Redirect, Failure> {
    let name = visitor.may_write(&form.csrf)?;
    let detail = form.detail.trim().to_owned();
    if detail.len() > DETAIL {
        return Err(Failure::Wrong(StatusCode::UNPROCESSABLE_ENTITY, "That is too long for a commit or a cause."));
    }
    let verdict = Verdict::parse(&form.verdict, detail.clone());
    let verdict = verdict.ok_or(Failure::Wrong(StatusCode::UNPROCESSABLE_ENTITY, "There is no such verdict."))?;
    if matches!(verdict, Verdict::Duplicate(_) | Verdict::Fixed(_)) && detail.is_empty() {
        let why = "Say of which cause it is a duplicate, or which commit repairs it.";
        return Err(Failure::Wrong(StatusCode::UNPROCESSABLE_ENTITY, why));
    }
    let mut at = app.store.begin().await?;
    if !at.judge(&fingerprint, &verdict, name, now()).await? {
        return Err(Failure::Missing("Nothing is known of this cause."));
    }
    let entry = Audit {
        at: now(),
        actor: name.to_owned(),
        action: "verdict".into(),
        subject: fingerprint.clone(),
        detail: format!("{} {detail}", verdict.name()).trim_end().to_owned(),
    };
    at.audit(&entry).await?;
    at.commit().await?;
    Ok(Redirect::to(&path(Link::Cause(&fingerprint))))
}

/// `/outbox`: replies that wait for an operator, with what to do about them.
pub async fn outbox(State(app): State<App>, visitor: Visitor) -> Page {
    if !visitor.is_admin() {
        return Err(Failure::Wrong(StatusCode::FORBIDDEN, "This takes a token of an operator. Log in first."));
    }
    let mut at = app.store.read().await?;
    let mut parts = Vec::new();
    for (state, title, what) in [
        (Way::Unsure, "Unsure", "It is not known whether they arrived."),
        (Way::Dead, "Given up", "The other side does not take them, or they were dismissed."),
        (Way::Pending, "Waiting", "They are sent when their time has come."),
    ] {
        let mut replies = Vec::new();
        for channel in CHANNELS {
            replies.extend(at.replies(channel, state, LISTED).await?);
        }
        parts.push((title, what, replies));
    }
    let jobs = at.jobs(&JobFilter { state: Some(JobState::Dead), kind: None, limit: LISTED }).await?;
    let body = html! {
        h1 { "Outbox" }
        h2 { "Jobs that failed" }
        @if jobs.is_empty() { p.dim { "None." } } @else { p.dim { "They were tried too often, or failed for good." } (job_table(&visitor, &jobs)) }
        @for (title, what, replies) in &parts {
            h2 { (title) }
            @if replies.is_empty() { p.dim { "None." } } @else { p.dim { (what) } (table(&visitor, replies)) }
        }
    };
    ready(layout::page(&visitor, Part::Outbox, "Outbox", "", body))
}

fn table(visitor: &Visitor, replies: &[Outgoing]) -> Markup {
    let now = now();
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Reply" }
                    th.wide scope="col" { "To" }
                    th scope="col" { span.wide { "What went wrong" } span.narrow { "Fault" } }
                    th.number.wide scope="col" { "Since" }
                    th scope="col" { "Decide" }
                }
            }
            tbody {
                @for reply in replies {
                    tr {
                        th scope="row" {
                            (clean(&reply.channel)) " " (clean(&reply.purpose))
                            span.below { (clean(&reply.thread)) }
                        }
                        td.wide { (clean(&reply.place)) }
                        td { (reply.last_error.as_deref().map(clean).unwrap_or_default()) }
                        td.number.wide { (ago(reply.state_since, now)) }
                        td {
                            form.row method="post" action={ "/outbox/" (encoded(&reply.key)) } {
                                (csrf(visitor))
                                @if reply.state != Way::Pending { button type="submit" name="do" value="requeue" { "Send again" } }
                                @if reply.state != Way::Dead { button type="submit" name="do" value="dismiss" { "Dismiss" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn job_table(visitor: &Visitor, jobs: &[Job]) -> Markup {
    let now = now();
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Job" }
                    th scope="col" { span.wide { "What went wrong" } span.narrow { "Fault" } }
                    th.number.wide scope="col" { "Tried" }
                    th.number.wide scope="col" { "Since" }
                    th scope="col" { "Decide" }
                }
            }
            tbody {
                @for job in jobs {
                    tr {
                        th scope="row" { (clean(&job.kind)) span.below { (clean(&job.key)) } }
                        td { (job.last_error.as_deref().map(clean).unwrap_or_default()) }
                        td.number.wide { (job.attempts) }
                        td.number.wide { (ago(job.changed_at, now)) }
                        td {
                            form.row method="post" action={ "/jobs/" (job.id) } {
                                (csrf(visitor))
                                button type="submit" name="do" value="requeue" { "Try again" }
                                button type="submit" name="do" value="dismiss" { "Dismiss" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Begins a dead job anew, or gives it up.
pub async fn decide_job(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(form): Form<Decided>,
) -> Result<Redirect, Failure> {
    let name = visitor.may_write(&form.csrf)?;
    let mut at = app.store.begin().await?;
    let is_done = match form.what.as_str() {
        "requeue" => at.requeue_job(id, now()).await?,
        "dismiss" => at.drop_job(id, &format!("dismissed by {name}"), now()).await?,
        _ => return Err(Failure::Wrong(StatusCode::UNPROCESSABLE_ENTITY, "There is no such decision.")),
    };
    if !is_done {
        return Err(Failure::Wrong(StatusCode::CONFLICT, "The job is not in that state any more. Look again."));
    }
    let (actor, action) = (name.to_owned(), form.what);
    at.audit(&Audit { at: now(), actor, action, subject: format!("job {id}"), detail: "by the dashboard".into() })
        .await?;
    at.commit().await?;
    Ok(Redirect::to("/outbox"))
}

/// What a button in the outbox sends.
#[derive(Deserialize)]
pub struct Decided {
    #[serde(default)]
    csrf: String,
    #[serde(rename = "do")]
    what: String,
}

/// Sends a reply again, or dismisses it.
pub async fn decide(
    State(app): State<App>,
    visitor: Visitor,
    Path(key): Path<String>,
    Form(form): Form<Decided>,
) -> Result<Redirect, Failure> {
    let name = visitor.may_write(&form.csrf)?;
    let mut at = app.store.begin().await?;
    let done = match form.what.as_str() {
        "requeue" => at.requeue(&key, now()).await,
        "dismiss" => at.dead(&key, &format!("dismissed by {name}"), now()).await,
        _ => return Err(Failure::Wrong(StatusCode::UNPROCESSABLE_ENTITY, "There is no such decision.")),
    };
    match done {
        Err(triage_store::Error::State { .. }) => {
            return Err(Failure::Wrong(StatusCode::CONFLICT, "The reply is not in that state any more. Look again."));
        }
        done => done?,
    }
    let (actor, action) = (name.to_owned(), form.what);
    at.audit(&Audit { at: now(), actor, action, subject: key, detail: "by the dashboard".into() }).await?;
    at.commit().await?;
    Ok(Redirect::to("/outbox"))
}
