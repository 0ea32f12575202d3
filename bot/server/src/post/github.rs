//! Inside of GitHub Actions.
//!
//! The answer is a check run with annotations and a comment of the pull request. When the token may not make the check run,
//! its annotations are workflow commands of this step, of which GitHub keeps ten of a kind; never both, since people would
//! see each message twice. The text stands in the step's log, guarded so that no line of it is a command, and in the
//! step's summary.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use triage_causes::Report;
use triage_forge::answer::{Answer, Outcome};
use triage_forge::github::logs::{self, Content};
use triage_forge::github::models::Run;
use triage_forge::github::publish::{Published, Target, Ways};
use triage_forge::github::{Credentials, Github, Repository, Session};
use triage_forge::http::Settings;
use triage_report::comment::{self, Limits, Manner};
use triage_report::secrets::Masked;
use triage_report::{Options, github, safe, words};

use super::args::GithubArgs;
use super::inputs::{self, Fetched, Reading};
use super::surroundings::{self as around, Checkout};
use super::{show, status, write_files};
use crate::builds;
use crate::error::Error;
use crate::forge::answer;

/// What is to be done when a token may not write.
const RIGHTS: &str = "give the job `permissions:` `checks: write` and `pull-requests: write`; for pull requests from forks, \
                      run it in a workflow on `workflow_run`";

/// What the event that started the workflow says, as far as it matters.
#[derive(Debug, Default, Deserialize)]
struct Event {
    #[serde(default)]
    pull_request: Option<Pull>,
    #[serde(default)]
    workflow_run: Option<Run>,
}

#[derive(Debug, Deserialize)]
struct Pull {
    number: u64,
    head: Head,
}

#[derive(Debug, Deserialize)]
struct Head {
    sha: String,
}

/// What this is about.
struct Job {
    repository: Repository,
    event: Event,
    link: Option<String>,
}

/// `triage-bot post github`.
pub async fn run(args: &GithubArgs) -> Result<u8, Error> {
    let job = Job::new(args)?;
    let session = session(&job.repository).await?;
    let Reading { mut report, mut sound } = match args.post.jobs {
        None => inputs::typed(&args.post)?,
        Some(_) => fetch(&job, args, session.as_ref()).await?,
    };
    let workspace = around::text("GITHUB_WORKSPACE");
    around::relocate(&mut report, workspace.as_deref());
    let report = builds::masked(report);
    let checkout = Checkout::find(workspace);
    let is_known = |path: &str| checkout.as_ref().is_none_or(|checkout| checkout.has(path));
    let manner = Manner {
        limits: Limits::GITHUB,
        link: job.link.as_deref(),
        commands: false,
        source: None,
        is_known: Some(&is_known),
    };
    let said = answer::of(&report, &args.post.key, &manner);
    let target = target(&job, args, session.as_ref()).await;
    if args.post.dry_run {
        let place = match target.as_ref().ok().and_then(|target| target.pull_request) {
            Some(number) => format!("{}, pull request {number}", job.repository),
            None => job.repository.to_string(),
        };
        show::answer(&place, &said, &mut io::stdout().lock())?;
        return Ok(status(&report, sound));
    }
    write_files(&report, &args.post.output)?;
    let posted = match (session, target) {
        (None, _) => Posted::refused("there is no token: set GITHUB_TOKEN to `${{ github.token }}`"),
        (Some(_), Err(error)) => Posted::failed(&error),
        _ if !sound && said.outcome == Outcome::Passed => Posted::refused(super::NOT_READ),
        (Some(session), Ok(target)) => post(&session, &target, &said, args).await,
    };
    sound &= posted.sound;
    tell(&report, &posted)?;
    summarise(&report, &manner)?;
    set_outputs(&report, &posted)?;
    Ok(status(&report, sound))
}

impl Job {
    fn new(args: &GithubArgs) -> Result<Self, Error> {
        let name = around::needed(
            "GITHUB_REPOSITORY",
            "it is there inside of GitHub Actions; elsewhere set it to OWNER/NAME",
        )?;
        let repository = Repository::parse(&name)
            .ok_or_else(|| Error::Usage(format!("GITHUB_REPOSITORY is '{}', not OWNER/NAME", safe::line(&name))))?;
        let event = match around::text("GITHUB_EVENT_PATH").map(PathBuf::from) {
            None => Event::default(),
            Some(path) => {
                let text = fs::read(&path).map_err(|error| Error::Read(path.clone(), error))?;
                serde_json::from_slice(&text).map_err(|error| {
                    let (line, column) = (error.line(), error.column());
                    Error::Usage(format!("{}:{line}:{column}: this is no event: {error}", path.display()))
                })?
            }
        };
        let server = around::text("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".into());
        let run = event.workflow_run.as_ref().map(|run| run.id).or(around::number("GITHUB_RUN_ID"));
        let page = run.map(|run| format!("{}/{repository}/actions/runs/{run}", server.trim_end_matches('/')));
        Ok(Self { repository, event, link: args.post.link.clone().or(page) })
    }
}

/// Who we are; none without a token.
async fn session(repository: &Repository) -> Result<Option<Session>, Error> {
    let own = around::text("TRIAGE_GITHUB_TOKEN");
    let Some(token) = own.or_else(|| around::text("GITHUB_TOKEN")).or_else(|| around::text("GH_TOKEN")) else {
        return Ok(None);
    };
    let api = around::text("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".into());
    let api = api.parse().map_err(|error| Error::Usage(format!("GITHUB_API_URL: {}: {error}", safe::line(&api))))?;
    // A person's token has a prefix of its own; all others are those of workflows.
    let is_person = ["ghp_", "gho_", "ghu_", "github_pat_"].iter().any(|prefix| token.starts_with(prefix));
    let token = SecretString::from(token);
    let credentials = if is_person { Credentials::Token(token) } else { Credentials::Actions(token) };
    let github = Github::new(Settings::new(api), &credentials).map_err(|error| Error::Usage(error.to_string()))?;
    Ok(Some(github.session(repository).await?))
}

/// The logs of the jobs of a run that failed.
async fn fetch(job: &Job, args: &GithubArgs, session: Option<&Session>) -> Result<Reading, Error> {
    let session = session.ok_or_else(|| Error::Usage("--jobs needs a token: set GITHUB_TOKEN".into()))?;
    let run = args.run.or(job.event.workflow_run.as_ref().map(|run| run.id)).or(around::number("GITHUB_RUN_ID"));
    let run = run.ok_or_else(|| Error::Usage("say with --run which run's logs to take".into()))?;
    let run = session.run(&job.repository, run, None).await?;
    let logs = session.failed_logs(&job.repository, &run, logs::Limits::default()).await?;
    let fetched = logs.into_iter().map(|log| Fetched {
        name: log.origin.name,
        axes: log.origin.axes,
        content: match log.content {
            Content::Log { file, .. } => Ok(file),
            Content::Expired => Err("GitHub has deleted this log".into()),
            Content::Missing => Err("GitHub has no log of this job".into()),
        },
    });
    inputs::fetched(fetched.collect(), &args.post.tree)
}

/// The commit, and the pull request if there is one.
async fn target(job: &Job, args: &GithubArgs, session: Option<&Session>) -> Result<Target, Error> {
    let mut number = args.pull_request;
    let mut sha = args.post.commit.clone();
    if let Some(pull) = &job.event.pull_request {
        number = number.or(Some(pull.number));
        sha = sha.or_else(|| Some(pull.head.sha.clone()));
    }
    if let Some(run) = &job.event.workflow_run {
        sha = sha.or_else(|| Some(run.head_sha.clone()));
        if let (None, Some(session)) = (number, session) {
            number = session.pull_request_of(&job.repository, run).await?;
        }
    }
    if let (Some(number), None, Some(session)) = (number, &sha, session) {
        sha = Some(session.pull_request(&job.repository, number).await?.head.sha);
    }
    let sha = sha.or_else(|| around::text("GITHUB_SHA"));
    let sha = sha.ok_or_else(|| Error::Usage("GITHUB_SHA is not set: say with --commit what was built".into()))?;
    Ok(Target { repository: job.repository.clone(), head_sha: sha, pull_request: number })
}

/// What became of the answer.
#[derive(Default)]
struct Posted {
    published: Published,
    /// Why it does not stand on the change, for people.
    why: Option<String>,
    /// Nothing went wrong that should not.
    sound: bool,
}

impl Posted {
    /// That a token may not write is how forks work.
    fn refused(why: &str) -> Self {
        Self { why: Some(why.to_owned()), sound: true, ..Self::default() }
    }

    fn failed(error: &dyn std::fmt::Display) -> Self {
        Self { why: Some(error.to_string()), ..Self::default() }
    }
}

async fn post(session: &Session, target: &Target, said: &Answer, args: &GithubArgs) -> Posted {
    let ways = Ways { check_run: !args.no_check, comment: !args.post.no_comment, suggestions: !args.post.no_comment };
    match session.publish(target, said, ways).await {
        Ok(published) if published.left_out.is_empty() => Posted { published, sound: true, why: None },
        Ok(published) => {
            let why = format!("left out {}: {RIGHTS}", published.left_out.join("; "));
            Posted { published, why: Some(why), sound: true }
        }
        Err(error) => Posted::failed(&error),
    }
}

/// The step's log.
fn tell(report: &Report, posted: &Posted) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let options = Options { matrix: report.builds.len() > 1, ..Options::default() };
    if posted.published.check_run.is_none() {
        github::annotations(report, &options, &mut out)?;
    }
    let notice = |text: &str, out: &mut dyn Write| {
        let title = safe::workflow_property(words::PROGRAM);
        writeln!(out, "::notice title={title}::{}", safe::workflow_message(&safe::line(text)))
    };
    if let Some(why) = &posted.why {
        notice(&format!("the answer stands here and in the summary of this step: {why}"), &mut out)?;
    }
    github::guarded_text(report, &options, &mut out)
}

/// The summary of the step, in what room there is.
fn summarise(report: &Masked, manner: &Manner<'_>) -> Result<(), Error> {
    let Some(path) = around::text("GITHUB_STEP_SUMMARY").map(PathBuf::from) else { return Ok(()) };
    let used = fs::metadata(&path).map_or(0, |data| data.len());
    let room = (Limits::SUMMARY as u64).saturating_sub(used + 1);
    let text = comment::fitted(report, manner, usize::try_from(room).unwrap_or(0));
    if text.len() as u64 > room {
        crate::complain("the summary of this step is full");
        return Ok(());
    }
    append(&path, &text)
}

/// Values for the steps after this one.
fn set_outputs(report: &Report, posted: &Posted) -> Result<(), Error> {
    let Some(path) = around::text("GITHUB_OUTPUT").map(PathBuf::from) else { return Ok(()) };
    let mut text = format!("causes={}\n", report.causes.len());
    for (name, value) in [("check", &posted.published.check_run), ("comment", &posted.published.comment)] {
        text.push_str(&format!("{name}={}\n", safe::line(value.as_deref().unwrap_or_default())));
    }
    append(&path, &text)
}

fn append(path: &PathBuf, text: &str) -> Result<(), Error> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| Error::Write(path.clone(), error))
}
