//! GitHub's events: <https://docs.github.com/en/webhooks/webhook-events-and-payloads>.
//!
//! Only the fields that are used are named here, and what we can do without may be missing, so that
//! a change at GitHub's breaks nothing that we do not need.

use serde::Deserialize;

use super::notice::{
    Account, Became, Change, Check, CheckKind, Comment, Ended, Event, Job, Notice, Repository, Rerequested, Run, Sha,
};
use super::{Delivery, NotUnderstood};
use crate::commands;

/// Failed steps, labels and pull requests that are named.
const LIST_MAX: usize = 50;

const ACTION: Event = Event::nothing("an action that is not used");
const NO_RESULT: Event = Event::nothing("it has no result");

/// What the delivery says.
pub(super) fn notice(delivery: &Delivery) -> Result<Notice, NotUnderstood> {
    let event = match delivery.event() {
        "ping" => Event::Ping,
        "workflow_run" => workflow_run(delivery.parse()?),
        "workflow_job" => workflow_job(delivery.parse()?),
        "check_suite" => check_suite(delivery.parse()?),
        "check_run" => check_run(delivery.parse()?),
        "status" => status(delivery.parse()?),
        "pull_request" => pull_request(delivery.parse()?),
        "issue_comment" => issue_comment(delivery.parse()?),
        _ => Event::nothing("an event that is not used"),
    };
    let around: Around = match event {
        Event::Nothing(_) | Event::Ping => delivery.parse().unwrap_or_default(),
        _ => delivery.parse()?,
    };
    Ok(Notice {
        repository: around.repository.map(|it| Repository { id: it.id, path: it.full_name, url: it.html_url }),
        installation: around.installation.map(|it| it.id),
        sender: around.sender.map(Account::from),
        event,
    })
}

/// What all events have.
#[derive(Deserialize, Default)]
struct Around {
    repository: Option<RawRepository>,
    installation: Option<Numbered>,
    sender: Option<User>,
}

#[derive(Deserialize)]
struct RawRepository {
    id: u64,
    full_name: String,
    html_url: String,
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    #[serde(default)]
    r#type: String,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        // Apps are called `name[bot]`, which nobody else can be.
        let bot = user.r#type == "Bot" || user.login.ends_with("[bot]");
        Self { id: user.id, name: user.login, bot }
    }
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
}

fn numbers(pulls: Vec<Pull>) -> Vec<u64> {
    pulls.into_iter().take(LIST_MAX).map(|pull| pull.number).collect()
}

/// GitHub's conclusions; those that wait for a person, and none, are no end.
fn ended(conclusion: Option<&str>) -> Option<Ended> {
    match conclusion? {
        "success" => Some(Ended::Passed),
        "failure" | "timed_out" | "startup_failure" => Some(Ended::Failed),
        "cancelled" | "stale" => Some(Ended::Cancelled),
        "skipped" | "neutral" => Some(Ended::Skipped),
        _ => None,
    }
}

#[derive(Deserialize)]
struct WorkflowRunEvent {
    action: String,
    workflow_run: WorkflowRun,
}

#[derive(Deserialize)]
struct WorkflowRun {
    id: u64,
    /// Since 2021.
    #[serde(default = "first")]
    run_attempt: u64,
    #[serde(default)]
    name: Option<String>,
    head_sha: Sha,
    head_branch: Option<String>,
    conclusion: Option<String>,
    check_suite_id: Option<u64>,
    html_url: Option<String>,
    #[serde(default)]
    pull_requests: Vec<Pull>,
    /// None when the fork is gone.
    head_repository: Option<Numbered>,
    repository: Option<Numbered>,
}

fn first() -> u64 {
    1
}

fn workflow_run(event: WorkflowRunEvent) -> Event {
    if event.action != "completed" {
        return ACTION;
    }
    let run = event.workflow_run;
    let Some(ended) = ended(run.conclusion.as_deref()) else { return NO_RESULT };
    let from_fork = match (&run.head_repository, &run.repository) {
        (Some(head), Some(base)) => head.id != base.id,
        (None, Some(_)) => true,
        _ => false,
    };
    Event::Run(Run {
        id: run.id,
        attempt: run.run_attempt,
        name: run.name.unwrap_or_default(),
        head_sha: run.head_sha,
        head_ref: run.head_branch,
        ended,
        changes: numbers(run.pull_requests),
        from_fork,
        check_suite: run.check_suite_id,
        parent: None,
        jobs: Vec::new(),
        url: run.html_url,
    })
}

#[derive(Deserialize)]
struct WorkflowJobEvent {
    action: String,
    workflow_job: WorkflowJob,
}

#[derive(Deserialize)]
struct WorkflowJob {
    id: u64,
    run_id: u64,
    name: String,
    head_sha: Sha,
    conclusion: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    name: String,
    conclusion: Option<String>,
}

fn workflow_job(event: WorkflowJobEvent) -> Event {
    if event.action != "completed" {
        return ACTION;
    }
    let job = event.workflow_job;
    let Some(how) = ended(job.conclusion.as_deref()) else { return NO_RESULT };
    let failed = job.steps.into_iter().filter(|step| ended(step.conclusion.as_deref()) == Some(Ended::Failed));
    Event::Job(Job {
        id: job.id,
        run: job.run_id,
        name: job.name,
        stage: None,
        head_sha: Some(job.head_sha),
        ended: how,
        allow_failure: false,
        reason: None,
        failed_steps: failed.take(LIST_MAX).map(|step| step.name).collect(),
        runner: job.labels.into_iter().take(LIST_MAX).collect(),
    })
}

#[derive(Deserialize)]
struct CheckSuiteEvent {
    action: String,
    check_suite: CheckSuite,
}

#[derive(Deserialize)]
struct CheckSuite {
    id: u64,
    head_sha: Sha,
    conclusion: Option<String>,
    app: Option<App>,
    #[serde(default)]
    pull_requests: Vec<Pull>,
}

#[derive(Deserialize)]
struct App {
    id: u64,
    #[serde(default)]
    slug: Option<String>,
    #[serde(default)]
    name: String,
}

impl App {
    fn named(self) -> (u64, String) {
        (self.id, self.slug.unwrap_or(self.name))
    }
}

fn check_suite(event: CheckSuiteEvent) -> Event {
    let suite = event.check_suite;
    let (id, head_sha, changes) = (suite.id, suite.head_sha, numbers(suite.pull_requests));
    let app = suite.app.map(App::named);
    match event.action.as_str() {
        "rerequested" => Event::Rerequested(Rerequested { kind: CheckKind::Suite, id, app, head_sha, changes }),
        "completed" => {
            let Some(ended) = ended(suite.conclusion.as_deref()) else { return NO_RESULT };
            let name = app.as_ref().map(|(_, name)| name.clone()).unwrap_or_default();
            Event::Check(Check { kind: CheckKind::Suite, id, name, app, head_sha, ended, changes, url: None })
        }
        _ => ACTION,
    }
}

#[derive(Deserialize)]
struct CheckRunEvent {
    /// Enterprise Server before 3.3 leaves it out for some.
    #[serde(default)]
    action: String,
    check_run: CheckRun,
}

#[derive(Deserialize)]
struct CheckRun {
    id: u64,
    name: String,
    head_sha: Sha,
    conclusion: Option<String>,
    details_url: Option<String>,
    app: Option<App>,
    #[serde(default)]
    pull_requests: Vec<Pull>,
}

fn check_run(event: CheckRunEvent) -> Event {
    let run = event.check_run;
    let (id, head_sha, changes) = (run.id, run.head_sha, numbers(run.pull_requests));
    let app = run.app.map(App::named);
    match event.action.as_str() {
        "rerequested" => Event::Rerequested(Rerequested { kind: CheckKind::Run, id, app, head_sha, changes }),
        "completed" => {
            let Some(ended) = ended(run.conclusion.as_deref()) else { return NO_RESULT };
            let (name, url) = (run.name, run.details_url);
            Event::Check(Check { kind: CheckKind::Run, id, name, app, head_sha, ended, changes, url })
        }
        _ => ACTION,
    }
}

#[derive(Deserialize)]
struct StatusEvent {
    id: u64,
    sha: Sha,
    context: String,
    state: String,
    target_url: Option<String>,
}

fn status(event: StatusEvent) -> Event {
    let ended = match event.state.as_str() {
        "success" => Ended::Passed,
        "failure" | "error" => Ended::Failed,
        _ => return NO_RESULT,
    };
    Event::Check(Check {
        kind: CheckKind::Status,
        id: event.id,
        name: event.context,
        app: None,
        head_sha: event.sha,
        ended,
        changes: Vec::new(),
        url: event.target_url,
    })
}

#[derive(Deserialize)]
struct PullRequestEvent {
    action: String,
    pull_request: PullRequest,
}

#[derive(Deserialize)]
struct PullRequest {
    number: u64,
    #[serde(default)]
    draft: Option<bool>,
    head: Side,
    base: Side,
}

#[derive(Deserialize)]
struct Side {
    sha: Sha,
    /// None when the fork is gone.
    repo: Option<Numbered>,
}

fn pull_request(event: PullRequestEvent) -> Event {
    let became = match event.action.as_str() {
        "opened" | "reopened" | "ready_for_review" => Became::Opened,
        "synchronize" => Became::Pushed,
        "closed" => Became::Closed,
        _ => return ACTION,
    };
    let pull = event.pull_request;
    let from_fork = pull.head.repo.as_ref().map(|it| it.id) != pull.base.repo.as_ref().map(|it| it.id);
    let draft = pull.draft.unwrap_or_default();
    Event::Change(Change { number: pull.number, head_sha: pull.head.sha, became, draft, from_fork })
}

#[derive(Deserialize)]
struct IssueCommentEvent {
    action: String,
    issue: Issue,
    comment: RawComment,
}

#[derive(Deserialize)]
struct Issue {
    number: u64,
    /// There when the issue is a pull request.
    pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct RawComment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    /// None when the account is gone.
    user: Option<User>,
}

fn issue_comment(event: IssueCommentEvent) -> Event {
    // An edit would carry a command out a second time.
    if event.action != "created" {
        return ACTION;
    }
    if event.issue.pull_request.is_none() {
        return Event::nothing("a comment on an issue");
    }
    let Some(author) = event.comment.user.map(Account::from) else {
        return Event::nothing("a comment without an author");
    };
    if author.bot {
        return Event::nothing("a comment of a program");
    }
    let commands = commands::parse(&event.comment.body.unwrap_or_default());
    if commands.is_empty() {
        return Event::nothing("a comment without a command");
    }
    Event::Comment(Comment {
        id: event.comment.id,
        change: event.issue.number,
        discussion: None,
        author,
        commands,
        head_sha: None,
    })
}
