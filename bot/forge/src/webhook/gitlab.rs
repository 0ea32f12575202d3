//! GitLab's events: <https://docs.gitlab.com/user/project/integrations/webhook_events/>.
//!
//! Only the fields that are used are named here, and what we can do without may be missing: the
//! events have grown over the releases, and self-managed servers are of any age.

use serde::{Deserialize, Deserializer};

use super::notice::{Account, Became, Change, Comment, Ended, Event, Job, Notice, Repository, Run, Sha};
use super::{Delivery, NotUnderstood};
use crate::commands;

/// Jobs of a pipeline that are named.
const JOBS_MAX: usize = 2_000;
/// Tags of a runner that are named.
const TAGS_MAX: usize = 50;

const ACTION: Event = Event::nothing("an action that is not used");
const NOT_ENDED: Event = Event::nothing("it has not ended");

/// What the delivery says.
pub(super) fn notice(delivery: &Delivery) -> Result<Notice, NotUnderstood> {
    // A hook for a whole server says `System Hook` for all, and the body tells which it is.
    let named = match delivery.event() {
        "System Hook" => delivery.parse::<Kind>().ok().map(|kind| kind.object_kind),
        _ => None,
    };
    let event = match (delivery.event(), named.as_deref()) {
        ("Pipeline Hook", _) | (_, Some("pipeline")) => pipeline(delivery.parse()?),
        ("Job Hook", _) | (_, Some("build")) => job(delivery.parse()?),
        ("Merge Request Hook", _) | (_, Some("merge_request")) => merge_request(delivery.parse()?),
        ("Note Hook", _) | (_, Some("note")) => note(delivery.parse()?),
        // An answer would tell everybody what was said among some.
        ("Confidential Note Hook", _) => Event::nothing("an internal comment"),
        _ => Event::nothing("an event that is not used"),
    };
    let around: Around = match event {
        Event::Nothing(_) => delivery.parse().unwrap_or_default(),
        _ => delivery.parse()?,
    };
    let repository = around.project.map(|it| Repository { id: it.id, path: it.path_with_namespace, url: it.web_url });
    Ok(Notice { repository, installation: None, sender: around.user.map(Account::from), event })
}

#[derive(Deserialize)]
struct Kind {
    object_kind: String,
}

/// What all events have; a job's has no `project` before 16.0, then the number alone is known.
#[derive(Deserialize, Default)]
struct Around {
    project: Option<Project>,
    user: Option<User>,
}

#[derive(Deserialize)]
struct Project {
    #[serde(default)]
    id: u64,
    path_with_namespace: String,
    web_url: String,
}

#[derive(Deserialize)]
struct User {
    /// Missing before 13.0, and null for who may not be seen.
    #[serde(default)]
    id: Option<u64>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    name: String,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        let name = user.username.unwrap_or(user.name);
        Self { id: user.id.unwrap_or_default(), bot: is_bot(&name), name }
    }
}

/// `project_12_bot_0a1b…`, `group_12_bot_…`: the user of an access token. Nobody else gets such a name.
fn is_bot(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("project_").or_else(|| name.strip_prefix("group_")) else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && (rest[digits..].starts_with("_bot_") || &rest[digits..] == "_bot")
}

/// GitLab's states; all others are on the way.
fn ended(status: &str) -> Option<Ended> {
    match status {
        "success" => Some(Ended::Passed),
        "failed" => Some(Ended::Failed),
        "canceled" => Some(Ended::Cancelled),
        "skipped" => Some(Ended::Skipped),
        _ => None,
    }
}

/// `""` stands for none in places.
fn sha<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Sha>, D::Error> {
    match Option::<String>::deserialize(deserializer)? {
        Some(text) if !text.is_empty() => text.try_into().map(Some).map_err(serde::de::Error::custom),
        _ => Ok(None),
    }
}

#[derive(Deserialize)]
struct PipelineEvent {
    object_attributes: Pipeline,
    #[serde(default)]
    merge_request: Option<MergeRequest>,
    project: Option<Project>,
    #[serde(default)]
    source_pipeline: Option<SourcePipeline>,
    #[serde(default)]
    builds: Vec<Build>,
}

#[derive(Deserialize)]
struct Pipeline {
    id: u64,
    #[serde(default)]
    name: Option<String>,
    r#ref: Option<String>,
    sha: Sha,
    status: String,
    #[serde(default)]
    url: Option<String>,
}

#[derive(Deserialize)]
struct MergeRequest {
    iid: u64,
    #[serde(default)]
    source_project_id: Option<u64>,
    #[serde(default)]
    target_project_id: Option<u64>,
    #[serde(default)]
    last_commit: Option<Commit>,
}

/// Whether a change comes from another project than it goes to. Older servers do not say from where.
fn is_from_fork(source: Option<u64>, target: Option<u64>) -> bool {
    source.is_some() && source != target
}

#[derive(Deserialize)]
struct Commit {
    #[serde(default, deserialize_with = "sha")]
    id: Option<Sha>,
}

#[derive(Deserialize)]
struct SourcePipeline {
    project: Numbered,
    pipeline_id: u64,
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

#[derive(Deserialize)]
struct Build {
    id: u64,
    name: String,
    #[serde(default)]
    stage: Option<String>,
    status: String,
    #[serde(default)]
    allow_failure: bool,
    #[serde(default)]
    failure_reason: Option<String>,
    #[serde(default)]
    runner: Option<Runner>,
}

#[derive(Deserialize)]
struct Runner {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

fn tags(runner: Option<Runner>) -> Vec<String> {
    runner.and_then(|runner| runner.tags).unwrap_or_default().into_iter().take(TAGS_MAX).collect()
}

/// GitLab says `unknown_failure` for jobs that did not fail.
fn reason(reason: Option<String>, ended: Ended) -> Option<String> {
    reason.filter(|reason| ended == Ended::Failed && !reason.is_empty())
}

fn pipeline(event: PipelineEvent) -> Event {
    let pipeline = event.object_attributes;
    let Some(how) = ended(&pipeline.status) else { return NOT_ENDED };
    let attempt = event.builds.iter().map(|build| build.id).max().unwrap_or_default();
    let jobs = event.builds.into_iter().take(JOBS_MAX).filter_map(|build| {
        let ended = ended(&build.status)?;
        Some(Job {
            id: build.id,
            run: pipeline.id,
            name: build.name,
            stage: build.stage,
            head_sha: Some(pipeline.sha.clone()),
            ended,
            allow_failure: build.allow_failure,
            reason: reason(build.failure_reason, ended),
            failed_steps: Vec::new(),
            runner: tags(build.runner),
        })
    });
    let jobs = jobs.collect();
    // Before 15.1 there is no address, and the project's leads to it.
    let page = |project: &Project| format!("{}/-/pipelines/{}", project.web_url, pipeline.id);
    Event::Run(Run {
        id: pipeline.id,
        attempt,
        name: pipeline.name.unwrap_or_default(),
        head_sha: pipeline.sha,
        head_ref: pipeline.r#ref,
        ended: how,
        from_fork: event
            .merge_request
            .as_ref()
            .is_some_and(|it| is_from_fork(it.source_project_id, it.target_project_id)),
        changes: event.merge_request.iter().map(|it| it.iid).collect(),
        check_suite: None,
        parent: event.source_pipeline.map(|it| (it.project.id, it.pipeline_id)),
        jobs,
        url: pipeline.url.or_else(|| event.project.as_ref().map(page)),
    })
}

/// A job's event has fields of its own; its `commit.id` is the pipeline's.
#[derive(Deserialize)]
struct JobEvent {
    build_id: u64,
    build_name: String,
    #[serde(default)]
    build_stage: Option<String>,
    build_status: String,
    #[serde(default)]
    build_allow_failure: bool,
    #[serde(default)]
    build_failure_reason: Option<String>,
    pipeline_id: u64,
    sha: Sha,
    #[serde(default)]
    runner: Option<Runner>,
}

fn job(event: JobEvent) -> Event {
    let Some(ended) = ended(&event.build_status) else { return NOT_ENDED };
    Event::Job(Job {
        id: event.build_id,
        run: event.pipeline_id,
        name: event.build_name,
        stage: event.build_stage,
        head_sha: Some(event.sha),
        ended,
        allow_failure: event.build_allow_failure,
        reason: reason(event.build_failure_reason, ended),
        failed_steps: Vec::new(),
        runner: tags(event.runner),
    })
}

#[derive(Deserialize)]
struct MergeRequestEvent {
    object_attributes: MergeRequestAttributes,
}

#[derive(Deserialize)]
struct MergeRequestAttributes {
    iid: u64,
    /// Missing for events that no action of a person caused.
    #[serde(default)]
    action: Option<String>,
    /// There when commits were pushed: the head before.
    #[serde(default)]
    oldrev: Option<String>,
    #[serde(default)]
    draft: Option<bool>,
    /// The name of `draft` before 14.0.
    #[serde(default)]
    work_in_progress: Option<bool>,
    #[serde(default)]
    source_project_id: Option<u64>,
    #[serde(default)]
    target_project_id: Option<u64>,
    #[serde(default)]
    last_commit: Option<Commit>,
}

fn merge_request(event: MergeRequestEvent) -> Event {
    let change = event.object_attributes;
    let became = match (change.action.as_deref(), &change.oldrev) {
        (Some("open" | "reopen"), _) => Became::Opened,
        (Some("update"), Some(_)) => Became::Pushed,
        (Some("close" | "merge"), _) => Became::Closed,
        _ => return ACTION,
    };
    let Some(head_sha) = change.last_commit.and_then(|commit| commit.id) else {
        return Event::nothing("a merge request without commits");
    };
    let from_fork = is_from_fork(change.source_project_id, change.target_project_id);
    let draft = change.draft.or(change.work_in_progress).unwrap_or_default();
    Event::Change(Change { number: change.iid, head_sha, became, draft, from_fork })
}

#[derive(Deserialize)]
struct NoteEvent {
    #[serde(default)]
    event_type: Option<String>,
    user: User,
    object_attributes: Note,
    #[serde(default)]
    merge_request: Option<MergeRequest>,
}

#[derive(Deserialize)]
struct Note {
    id: u64,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    discussion_id: Option<String>,
    /// Since 16.11; before, edits were not told.
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    system: Option<bool>,
    #[serde(default)]
    internal: Option<bool>,
}

fn note(event: NoteEvent) -> Event {
    let note = event.object_attributes;
    // An edit would carry a command out a second time.
    if note.action.as_deref().is_some_and(|action| action != "create") {
        return ACTION;
    }
    if event.event_type.as_deref() == Some("confidential_note") || note.internal == Some(true) {
        return Event::nothing("an internal comment");
    }
    if note.system == Some(true) {
        return Event::nothing("a remark of GitLab's own");
    }
    let Some(change) = event.merge_request else { return Event::nothing("a comment on no merge request") };
    let author = Account::from(event.user);
    if author.bot {
        return Event::nothing("a comment of a program");
    }
    let commands = commands::parse(&note.note.unwrap_or_default());
    if commands.is_empty() {
        return Event::nothing("a comment without a command");
    }
    Event::Comment(Comment {
        id: note.id,
        change: change.iid,
        discussion: note.discussion_id,
        author,
        commands,
        head_sha: change.last_commit.and_then(|commit| commit.id),
    })
}
