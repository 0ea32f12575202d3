//! What is typed behind `post`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use triage_report::Format;

/// Where to answer.
#[derive(Debug, Subcommand)]
pub enum PostCommand {
    /// Answer a run of GitHub Actions: check run, comment, suggestions, summary of the step
    ///
    /// Everything is known from the environment of the job (GITHUB_REPOSITORY, GITHUB_EVENT_PATH, …). The token is
    /// that of TRIAGE_GITHUB_TOKEN, GITHUB_TOKEN or GH_TOKEN; the job needs `permissions:` `checks: write` and
    /// `pull-requests: write`, and `actions: read` for --jobs. A token that may not write (as in pull requests from forks) is no
    /// error: the answer then stands in annotations and in the summary of the step.
    Github(GithubArgs),
    /// Answer a pipeline of GitLab: comment of the merge request, suggestions, Code Quality
    ///
    /// Everything is known from the variables of the job (CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID, …). A job's own
    /// token may not write comments: give TRIAGE_GITLAB_TOKEN, an access token of the project with the scope `api` and the
    /// role Developer. Without it, the answer stands in the log of the job, and in the files of --output.
    Gitlab(GitlabArgs),
}

/// What is the same on all forges.
#[derive(Debug, Args)]
pub struct PostArgs {
    /// Logs: files, folders, archives; `-` or nothing for standard input. All of them are answered once, together
    #[arg(value_name = "LOG")]
    pub logs: Vec<PathBuf>,
    /// A report in JSON (of triage, triage fix or triage matrix) instead of logs
    #[arg(long, value_name = "FILE", conflicts_with = "logs")]
    pub report: Option<PathBuf>,
    /// Takes the logs of the jobs that failed from the forge: `failed`
    #[arg(long, value_name = "WHICH", conflicts_with_all = ["logs", "report"])]
    pub jobs: Option<Jobs>,
    /// Where patches come from.
    #[command(flatten)]
    pub tree: TreeArgs,
    /// Prints what would be posted, and posts nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The name of the answer, when several workflows answer the same change: letters, digits, `-`, `_`, `.`
    #[arg(long, value_name = "NAME", default_value = "triage", value_parser = parse_key)]
    pub key: String,
    /// Where all of it can be read; the page of the run when missing
    #[arg(long, value_name = "URL")]
    pub link: Option<String>,
    /// The commit that was built; of a pull or merge request its head
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
    /// Writes no comment and no suggestions
    #[arg(long)]
    pub no_comment: bool,
    /// Also writes the report into a file, in a format of `triage`: `codequality:gl-code-quality.json`
    #[arg(long, short, value_name = "FORMAT:FILE")]
    pub output: Vec<OutputFile>,
}

/// What is typed to get patches.
#[derive(Debug, Args)]
pub struct TreeArgs {
    /// The checkout that was built: causes get patches there, by `triage fix`
    #[arg(long, value_name = "DIR", conflicts_with = "report")]
    pub tree: Option<PathBuf>,
    /// With --tree: proves the patches by building in a scratch copy, as `triage fix --verify` does
    #[arg(long, requires = "tree")]
    pub verify: bool,
    /// With --verify: a command that fails and must not, run in the current folder; repeatable. Without it, those of
    /// Kbuild's .cmd files, compile_commands.json or build.ninja in the tree; never those of a log
    #[arg(long, value_name = "COMMAND", requires = "verify")]
    pub build_command: Vec<String>,
}

/// What is typed behind `post github`.
#[derive(Debug, Args)]
pub struct GithubArgs {
    #[command(flatten)]
    pub post: PostArgs,
    /// The run whose logs are taken; of the event `workflow_run` that run, else this one
    #[arg(long, value_name = "ID", requires = "jobs")]
    pub run: Option<u64>,
    /// The number of the pull request
    #[arg(long, value_name = "N")]
    pub pull_request: Option<u64>,
    /// Makes no check run
    #[arg(long)]
    pub no_check: bool,
}

/// What is typed behind `post gitlab`.
#[derive(Debug, Args)]
pub struct GitlabArgs {
    #[command(flatten)]
    pub post: PostArgs,
    /// The pipeline whose logs are taken; this one when missing
    #[arg(long, value_name = "ID", requires = "jobs")]
    pub pipeline: Option<u64>,
    /// The number of the merge request
    #[arg(long, value_name = "N")]
    pub merge_request: Option<u64>,
    /// Sets a status of the commit under this name
    #[arg(long, value_name = "NAME")]
    pub status: Option<String>,
}

/// Which jobs' logs are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Jobs {
    /// Those that failed.
    Failed,
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// The form.
    pub format: Format,
    /// Where to.
    pub path: PathBuf,
}

impl FromStr for OutputFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, path) =
            text.split_once(':').filter(|(_, path)| !path.is_empty()).ok_or("give a format and a file: FORMAT:FILE")?;
        let format = format.parse().map_err(|error: triage_report::UnknownFormat| error.to_string())?;
        Ok(Self { format, path: path.into() })
    }
}

fn parse_key(text: &str) -> Result<String, String> {
    let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if fits && (1..=60).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("a name has 1 to 60 letters, digits, `-`, `_` and `.`".into())
    }
}
