//! Clients that were not written for our small GitLab take it for GitLab.

#![cfg(unix)]

use std::process::Command;

use gitlab::api::projects::jobs::{JobScope, JobTrace};
use gitlab::api::projects::merge_requests::MergeRequest;
use gitlab::api::projects::merge_requests::discussions::{
    CreateMergeRequestDiscussion, MergeRequestDiscussions, Position, TextPosition,
};
use gitlab::api::projects::merge_requests::notes::{CreateMergeRequestNote, EditMergeRequestNote};
use gitlab::api::projects::pipelines::{Pipeline, PipelineBridges, PipelineJobs};
use gitlab::api::projects::repository::commits::{CommitStatusState, CommitStatuses, CreateCommitStatus};
use gitlab::api::{Pagination, Query, paged, raw};
use serde_json::Value;
use triage_tests::services::gitlab::{BOT_TOKEN, Fake, MR, PATH, PROJECT, TRACE};
use triage_tests::services::packages;

/// A client that was not written for the fake takes it for GitLab.
#[test]
fn python_gitlab_takes_the_fake_for_gitlab() {
    let fake = Fake::start();
    let pipeline = fake.state().pipeline("failed");
    let job = fake.state().job(pipeline, "gcc", "failed", TRACE);
    let script = include_str!("services/gitlab/client.py");
    let python = packages::python("python-gitlab==8.6.0", "python");
    let mut command = Command::new(python);
    command.args(["-c", script, &fake.url, BOT_TOKEN, PATH]).args([MR, pipeline, job].map(|it| it.to_string()));
    let output = command.env("no_proxy", "*").output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.ends_with("all fine\n"), "{text}");
}

/// And another client, made of types for the whole API.
#[test]
fn the_gitlab_crate_takes_the_fake_for_gitlab() {
    let fake = Fake::start();
    let pipeline = fake.state().pipeline("failed");
    let job = fake.state().job(pipeline, "gcc", "failed", TRACE);
    let client = gitlab::Gitlab::new_insecure(format!("127.0.0.1:{}/gitlab", fake.port), BOT_TOKEN).unwrap();

    let one: Value = Pipeline::builder().project(PATH).pipeline(pipeline).build().unwrap().query(&client).unwrap();
    assert_eq!(one["status"], "failed");
    let jobs = PipelineJobs::builder().project(PATH).pipeline(pipeline).scope(JobScope::Failed).build().unwrap();
    let jobs: Vec<Value> = jobs.query(&client).unwrap();
    assert_eq!((jobs.len(), &jobs[0]["id"]), (1, &job.into()));
    let bridges: Vec<Value> =
        PipelineBridges::builder().project(PATH).pipeline(pipeline).build().unwrap().query(&client).unwrap();
    assert!(bridges.is_empty());
    let trace = raw(JobTrace::builder().project(PROJECT).job(job).build().unwrap()).query(&client).unwrap();
    assert_eq!(trace, TRACE.as_bytes());

    let change: Value =
        MergeRequest::builder().project(PATH).merge_request(MR).build().unwrap().query(&client).unwrap();
    let refs = &change["diff_refs"];
    let text = |name: &str| refs[name].as_str().unwrap();
    let note = CreateMergeRequestNote::builder().project(PATH).merge_request(MR).body("One").build().unwrap();
    let note: Value = note.query(&client).unwrap();
    let id = note["id"].as_u64().unwrap();
    let edit = EditMergeRequestNote::builder().project(PATH).merge_request(MR).note(id).body("Two").build().unwrap();
    let note: Value = edit.query(&client).unwrap();
    assert_eq!(note["body"], "Two");
    let position = |line: u64| {
        let at =
            TextPosition::builder().new_path("src/valve.c").old_path("src/valve.c").new_line(line).build().unwrap();
        let mut position = Position::builder();
        position.base_sha(text("base_sha")).start_sha(text("start_sha")).head_sha(text("head_sha"));
        position.text_position(at).build().unwrap()
    };
    let create = |line| {
        let mut create = CreateMergeRequestDiscussion::builder();
        create.project(PATH).merge_request(MR).body("Here").position(position(line)).build().unwrap()
    };
    let made: Value = create(4).query(&client).unwrap();
    assert_eq!((&made["notes"][0]["type"], &made["notes"][0]["position"]["new_line"]), (&"DiffNote".into(), &4.into()));
    let refused: Result<Value, _> = create(40).query(&client);
    assert!(refused.unwrap_err().to_string().contains("line_code"));
    for at in 0..150 {
        let note = CreateMergeRequestNote::builder().project(PATH).merge_request(MR).body(format!("N {at}")).build();
        let _: Value = note.unwrap().query(&client).unwrap();
    }
    let all = MergeRequestDiscussions::builder().project(PATH).merge_request(MR).build().unwrap();
    let all: Vec<Value> = paged(all, Pagination::All).query(&client).unwrap();
    assert_eq!(all.len(), 152);

    let head = fake.state().head();
    for state in [CommitStatusState::Failed, CommitStatusState::Failed, CommitStatusState::Success] {
        let status =
            CreateCommitStatus::builder().project(PATH).commit(head.as_str()).state(state).name("triage").build();
        let _: Value = status.unwrap().query(&client).unwrap();
    }
    let statuses: Vec<Value> =
        CommitStatuses::builder().project(PATH).commit(head.as_str()).build().unwrap().query(&client).unwrap();
    assert_eq!((statuses.len(), &statuses[0]["status"]), (1, &"success".into()));
    assert!(gitlab::Gitlab::new_insecure(format!("127.0.0.1:{}/gitlab", fake.port), "wrong").is_err());
}
