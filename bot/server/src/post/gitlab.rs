//! Inside of GitLab CI.
//!
//! The answer is one comment of the merge request. A job's own token may not write it, so that it takes an access token; without
//! one, and where there is no merge request, the answer stands in the job's log and in the files of `--output`.

use std::io;

use secrecy::SecretString;
use triage_forge::answer::{Answer, Outcome};
use triage_forge::gitlab::publish::{Options as Ways, Published, Skipped, Status, Target};
use triage_forge::gitlab::trace::TRACE_MAX;
use triage_forge::gitlab::{self, Gitlab, Project, Settings, Token};
use triage_forge::http::Kind;
use triage_forge::webhook::notice::Sha;
use triage_report::comment::{Limits, Manner};
use triage_report::{Format, Options, render};

use super::args::GitlabArgs;
use super::inputs::{self, Fetched, Reading};
use super::surroundings::{self as around, Checkout};
use super::{remark, show, status, write_files};
use crate::builds;
use crate::error::Error;
use crate::forge::answer;

/// What is to be done when a token may not write.
const RIGHTS: &str = "set TRIAGE_GITLAB_TOKEN to an access token of the project with the scope `api` and the role Developer, in \
                      a masked variable";

/// `triage-bot post gitlab`.
pub async fn run(args: &GitlabArgs) -> Result<u8, Error> {
    let gitlab = client()?;
    let project = around::number("CI_PROJECT_ID").map(Project::Id);
    let Reading { mut report, mut sound } = match args.post.jobs {
        None => inputs::typed(&args.post)?,
        Some(_) => fetch(args, &gitlab.client, project.as_ref()).await?,
    };
    let folder = around::text("CI_PROJECT_DIR");
    around::relocate(&mut report, folder.as_deref());
    let report = builds::masked(report);
    let checkout = Checkout::find(folder);
    let is_known = |path: &str| checkout.as_ref().is_none_or(|checkout| checkout.has(path));
    let page = around::text("CI_PIPELINE_URL").or_else(|| around::text("CI_JOB_URL"));
    let link = args.post.link.clone().or(page);
    let manner = Manner {
        limits: Limits::GITLAB,
        link: link.as_deref(),
        commands: false,
        source: None,
        is_known: Some(&is_known),
    };
    let said = answer::of(&report, &args.post.key, &manner);
    let target = target(args, project)?;
    if args.post.dry_run {
        let place = target.as_ref().map_or_else(
            || "no merge request".to_owned(),
            |target| format!("project {}, merge request {}", target.project, target.merge_request),
        );
        show::answer(&place, &said, &mut io::stdout().lock())?;
        return Ok(status(&report, sound));
    }
    write_files(&report, &args.post.output)?;
    let options = Options { matrix: report.builds.len() > 1, ..Options::default() };
    render(&report, Format::Text, &options, &mut io::stdout().lock())?;
    if !sound && said.outcome == Outcome::Passed {
        remark(super::NOT_READ)?;
        return Ok(status(&report, sound));
    }
    match target {
        None => remark("there is no merge request to comment on; the answer stands here")?,
        Some(_) if !gitlab.may_write => {
            remark(&format!("the answer stands here: a job's own token may not comment; {RIGHTS}"))?
        }
        Some(_) if args.post.no_comment => {}
        Some(target) => sound &= post(&gitlab.client, &target, &said, args, link).await?,
    }
    Ok(status(&report, sound))
}

/// GitLab, and whether its token may write at all.
struct Access {
    client: Gitlab,
    may_write: bool,
}

fn client() -> Result<Access, Error> {
    let api =
        around::needed("CI_API_V4_URL", "it is there inside of GitLab CI; elsewhere set it to https://HOST/api/v4")?;
    let usage = |error: &dyn std::fmt::Display| Error::Usage(format!("CI_API_V4_URL: {error}"));
    let settings = Settings::new(&api, false).map_err(|error| usage(&error))?;
    let own = around::text("TRIAGE_GITLAB_TOKEN").or_else(|| around::text("GITLAB_TOKEN"));
    let (token, may_write) = match own {
        Some(token) => (Token::Private(SecretString::from(token)), true),
        None => (Token::Job(SecretString::from(around::text("CI_JOB_TOKEN").unwrap_or_default())), false),
    };
    Ok(Access { client: Gitlab::new(settings, token)?, may_write })
}

/// The traces of the jobs of a pipeline that failed.
async fn fetch(args: &GitlabArgs, gitlab: &Gitlab, project: Option<&Project>) -> Result<Reading, Error> {
    let project =
        project.ok_or_else(|| Error::Usage("CI_PROJECT_ID is not set: set it to the project's number".into()))?;
    let pipeline = args.pipeline.or(around::number("CI_PIPELINE_ID"));
    let pipeline = pipeline.ok_or_else(|| Error::Usage("say with --pipeline which pipeline's logs to take".into()))?;
    let mut logs = Vec::new();
    for job in gitlab.failed_jobs(project, pipeline).await? {
        let content = match gitlab.trace(&job.project, job.id, TRACE_MAX).await? {
            Some(trace) => Ok(trace.file),
            None => Err("GitLab has no log of this job".to_owned()),
        };
        logs.push(Fetched { axes: triage_causes::matrix::axes::from_name(&job.name), name: job.name, content });
    }
    inputs::fetched(logs, &args.post.tree)
}

/// The merge request; that of the pipeline, or the first open one of the branch.
fn target(args: &GitlabArgs, project: Option<Project>) -> Result<Option<Target>, Error> {
    let of_pipeline = around::number("CI_MERGE_REQUEST_IID");
    let (project, number) = match (args.merge_request, of_pipeline) {
        (Some(number), _) => (project, number),
        // For one from a fork, the project that it is to be merged into.
        (None, Some(number)) => (around::number("CI_MERGE_REQUEST_PROJECT_ID").map(Project::Id).or(project), number),
        (None, None) => {
            let Some(open) = around::text("CI_OPEN_MERGE_REQUESTS") else { return Ok(None) };
            let first = open.split(',').next().and_then(|first| first.rsplit_once('!'));
            let Some((path, number)) = first.and_then(|(path, number)| Some((path, number.parse().ok()?))) else {
                return Ok(None);
            };
            (Some(Project::Path(path.to_owned())), number)
        }
    };
    let project =
        project.ok_or_else(|| Error::Usage("CI_PROJECT_ID is not set: set it to the project's number".into()))?;
    let sha = |text: String| -> Result<Sha, Error> {
        text.parse()
            .map_err(|_| Error::Usage(format!("'{}' is no commit's whole id", triage_report::safe::line(&text))))
    };
    let built = match around::text("CI_COMMIT_SHA").or_else(|| args.post.commit.clone()) {
        Some(built) => sha(built)?,
        None => return Err(Error::Usage("CI_COMMIT_SHA is not set: say with --commit what was built".into())),
    };
    // In pipelines for merged results, what was built is a commit that GitLab made.
    let head = args.post.commit.clone().or_else(|| around::text("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"));
    let head = head.map_or_else(|| Ok(built.clone()), sha)?;
    Ok(Some(Target { project, merge_request: number, head_sha: head, built_sha: built }))
}

/// Says it; false when it could not be said for another reason than that the token may not.
async fn post(
    gitlab: &Gitlab,
    target: &Target,
    said: &Answer,
    args: &GitlabArgs,
    link: Option<String>,
) -> io::Result<bool> {
    let status = args.status.clone().map(|name| Status {
        name,
        target_url: link,
        pipeline: around::number("CI_PIPELINE_ID"),
        blocks: false,
    });
    let ways = Ways { status, ..Ways::default() };
    match gitlab.publish(target, said, &ways).await {
        Ok(published) => tell(&published).map(|()| true),
        Err(error @ gitlab::Error::JobToken { .. }) => {
            remark(&format!("the answer stands here: {error}")).map(|()| true)
        }
        Err(gitlab::Error::Http(error)) if error.kind == Kind::Forbidden => {
            remark(&format!("the answer stands here: {error}; {RIGHTS}")).map(|()| true)
        }
        Err(error) => remark(&format!("the answer stands here, since it could not be posted: {error}")).map(|()| false),
    }
}

fn tell(published: &Published) -> io::Result<()> {
    match (&published.skipped, &published.url) {
        (Some(Skipped::Superseded(_)), _) => {
            remark("the merge request has other commits by now; nothing was said there")
        }
        (Some(Skipped::NotOpen), _) => remark("the merge request is closed; nothing was said there"),
        (None, Some(url)) => remark(&format!("the answer stands at {url}")),
        (None, None) => Ok(()),
    }
}
