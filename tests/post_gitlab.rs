//! `triage-bot post gitlab` inside of a job, against a small GitLab.

#![cfg(unix)]

use std::fs;
use std::process::Command;

use triage_tests::services::gitlab::{BOT, BOT_TOKEN, Fake, JOB_TOKEN, MR, PATH, PROJECT, TRACE, sha};
use triage_tests::{Answer, bot, folder, pipe_into};

/// Calls it as a job of the merge request's pipeline.
fn post(fake: &Fake, args: &[&str], more: &[(&str, &str)], log: &str) -> Answer {
    let mut command = Command::new(bot::program());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("CI_API_V4_URL", format!("{}/api/v4", fake.url));
    command.env("CI_PROJECT_ID", PROJECT.to_string()).env("CI_MERGE_REQUEST_IID", MR.to_string());
    command.env("CI_COMMIT_SHA", sha("head 1")).env("CI_JOB_TOKEN", JOB_TOKEN);
    command.env("CI_PIPELINE_URL", "https://gitlab.example.org/p/7").envs(more.iter().copied());
    pipe_into(command.args(["post", "gitlab"]).args(args), log.as_bytes())
}

const TOKEN: (&str, &str) = ("TRIAGE_GITLAB_TOKEN", BOT_TOKEN);

#[test]
fn one_comment_is_edited_and_resolved() {
    let fake = Fake::start();
    let first = post(&fake, &[], &[TOKEN], &bot::log("src/valve.c", "level"));
    assert_eq!(first.status, Some(1), "{first:?}");
    assert!(first.stdout.contains("error: 'level' is not declared"), "{}", first.stdout);
    assert_eq!(first.stdout.matches("\ntriage: the answer stands at http").count(), 1, "{}", first.stdout);
    let bodies = || fake.state().notes_of(BOT).iter().map(|note| note.body.clone()).collect::<Vec<_>>();
    assert!(bodies()[0].contains("**error:** `level` is not declared"), "{:?}", bodies());
    assert!(bodies()[0].contains("[logs](<https://gitlab.example.org/p/7>)"), "{:?}", bodies());
    post(&fake, &[], &[TOKEN], &bot::log("src/valve.c", "depth"));
    assert_eq!((bodies().len(), bodies()[0].contains("`depth`")), (1, true), "{:?}", bodies());
    let green = post(&fake, &[], &[TOKEN], "  CC      src/valve.o\n");
    assert_eq!(green.status, Some(0), "{green:?}");
    assert_eq!((bodies().len(), bodies()[0].contains("`depth`")), (1, false), "{:?}", bodies());
}

#[test]
fn without_a_token_it_stands_in_the_job() {
    let fake = Fake::start();
    let top = folder();
    let quality = top.path().join("q.json");
    let told =
        post(&fake, &["-o", &format!("codequality:{}", quality.display())], &[], &bot::log("src/valve.c", "level"));
    assert_eq!(told.status, Some(1), "{told:?}");
    let lines: Vec<&str> = told.stdout.lines().filter(|line| line.starts_with("triage: ")).collect();
    assert_eq!(lines.len(), 1, "{told:?}");
    assert!(lines[0].contains("a job's own token may not comment; set TRIAGE_GITLAB_TOKEN"), "{lines:?}");
    assert!(fs::read_to_string(quality).unwrap().contains("\"path\": \"src/valve.c\""));
    assert!(fake.state().changes.is_empty());
}

#[test]
fn logs_of_failed_jobs_are_taken_from_gitlab() {
    let fake = Fake::start();
    let pipeline = {
        let mut state = fake.state();
        let pipeline = state.pipeline("failed");
        for name in ["build: [gcc, arm64]", "build: [gcc, x86_64]"] {
            state.job(pipeline, name, "failed", TRACE);
        }
        state.job(pipeline, "build: [clang, arm64]", "success", "");
        state.job(pipeline, "erased", "failed", "");
        pipeline.to_string()
    };
    let args = ["--jobs", "failed", "--pipeline", &pipeline];
    let told = post(&fake, &args, &[TOKEN], "");
    assert_eq!(told.status, Some(1), "{told:?}");
    let notes: Vec<String> = fake.state().notes_of(BOT).iter().map(|note| note.body.clone()).collect();
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("the type `imt` is not declared") || notes[0].contains("`imt`"), "{}", notes[0]);
    assert!(notes[0].contains("in 2 of 3 builds"), "{}", notes[0]);
    assert!(notes[0].contains("- note: erased: GitLab has no log of this job"), "{}", notes[0]);
    assert!(!notes[0].contains("clang"), "{}", notes[0]);
}

#[test]
fn where_it_goes() {
    let fake = Fake::start();
    let shown = |more: &[(&str, &str)]| {
        let told = post(&fake, &["--dry-run"], more, "");
        told.stdout.lines().next().unwrap_or(&told.stderr).split(" as ").next().unwrap().to_owned()
    };
    assert_eq!(shown(&[]), format!("would answer project {PROJECT}, merge request {MR}"));
    assert_eq!(shown(&[("CI_MERGE_REQUEST_PROJECT_ID", "77")]), format!("would answer project 77, merge request {MR}"));
    let branch = format!("{PATH}!9,other/project!1");
    let of_branch = [("CI_MERGE_REQUEST_IID", ""), ("CI_OPEN_MERGE_REQUESTS", branch.as_str())];
    assert_eq!(shown(&of_branch), format!("would answer project {PATH}, merge request 9"));
    assert_eq!(shown(&[("CI_MERGE_REQUEST_IID", "")]), "would answer no merge request");
    assert!(fake.state().changes.is_empty());
    let check = |more: &[(&str, &str)], expected: &str| {
        let told = post(&fake, &[], more, "");
        assert_eq!((told.status, told.stderr.contains(expected)), (Some(2), true), "{expected}: {told:?}");
    };
    check(&[("CI_API_V4_URL", "")], "CI_API_V4_URL is not set");
    check(&[("CI_API_V4_URL", "http://gitlab.example.org/api/v4")], "CI_API_V4_URL: ");
    check(&[("CI_COMMIT_SHA", "abc")], "'abc' is no commit's whole id");
}
