//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use triage_mail::MessageId;

use crate::post::args::PostCommand;

/// Answers failed builds where people talk about them.
#[derive(Debug, Parser)]
#[command(name = "triage-bot", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the bot can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer failed builds of GitHub, GitLab, mailing lists and the API, until SIGINT or SIGTERM
    ///
    /// Listens for webhooks and builds, works on them, and says what came of them where they came from.
    /// SIGHUP reads the configuration again; when it has a fault, the old one stays.
    Serve(ServeArgs),
    /// Work on the jobs of a PostgreSQL database, beside `serve` and on other machines
    Work(WorkArgs),
    /// List the jobs in the queue, and decide about those that are dead
    ///
    /// Without an option, jobs that are not done are listed. A dead job failed for good, or too often; it
    /// is left alone until you say what to do.
    Jobs(JobsArgs),
    /// Answer patches on mailing lists whose builds failed, and obey commands in their threads
    ///
    /// Reads the configured mail, results of builds (`results` in the configuration, or --report, or
    /// logs), records what is to be said, and sends it. Without `send: true` in the configuration,
    /// or with --dry-run, the mails are printed as a mailbox, and nothing is sent or recorded.
    ///
    /// A result is a file NAME.yaml with `report:` (a report in JSON) or `logs:` (a list), and with the
    /// series that was built: `patch:` (the Message-ID of one of its mails), `commit:`, `commit_patch:`
    /// (a file of `git format-patch -1 --stdout`) or `change:` (a change-id); without one of them the
    /// commit that the builds of the report name counts. Perhaps with `base:`, `url:`, `reproduce:`.
    Mail(MailArgs),
    /// List the mails that wait, and decide about those that are stuck
    ///
    /// `unsure` is a mail of which is not known whether it arrived, `dead` one that the server does not
    /// take. Both are left alone until you say what to do.
    Outbox(OutboxArgs),
    /// List who and what asked to be left alone, and take that back
    Stops(StopsArgs),
    /// Build a commit with the fixes of its failed build, as `verify` in the configuration has it
    ///
    /// Prints the report on the logs with the fixes that hold. The bot does the same before it replies.
    Prove(ProveArgs),
    /// Answer a build from inside of its CI job, once, with the token that the job has
    ///
    /// Exit status: 0 nothing failed in the logs; 1 causes were found; 2 wrong usage, or something could not be read or
    /// posted (what could be is reported). A token that may not write is no fault.
    #[command(subcommand)]
    Post(PostCommand),
    /// Write all that is remembered of builds and causes as JSON Lines
    ///
    /// Each line is a document in the form of KCIDB, version 5.3: checkouts, builds, issues (causes) and
    /// incidents (which build has which cause). What that form has no field for stands below `misc.triage`.
    Export(ExportArgs),
    /// Read what `export` wrote, or documents of KCIDB
    ///
    /// What is known already changes nothing. An object that is wrong is told with the number of its line
    /// and skipped; all others are taken, and the exit status is 2.
    Import(ImportArgs),
    /// Ask a `serve` on this machine whether it can work; exit status 1 when it cannot
    ///
    /// For health checks of containers and services, which have no other client at hand.
    Health(HealthArgs),
    /// Say what is wrong with a configuration
    CheckConfig {
        #[command(flatten)]
        config: ConfigArg,
    },
    /// Print the JSON Schema of the configuration
    Schema,
}

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub struct ConfigArg {
    /// The configuration
    #[arg(long, short, value_name = "FILE", default_value = "triage.yaml", env = "TRIAGE_CONFIG")]
    pub config: PathBuf,
}

/// What is typed behind `serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// In place of `database`: a file, or postgres://user@host/database
    #[arg(long, value_name = "ADDRESS", env = "TRIAGE_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// In place of `server.listen`
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
}

/// What is typed behind `work`.
#[derive(Debug, Clone, Args)]
pub struct WorkArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// In place of `database`: a file, or postgres://user@host/database
    #[arg(long, value_name = "ADDRESS", env = "TRIAGE_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// In place of `work.jobs`: jobs at once
    #[arg(long, value_name = "NUMBER", value_parser = parse_jobs)]
    pub jobs: Option<usize>,
}

/// What is typed behind `jobs`.
#[derive(Debug, Args)]
pub struct JobsArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// In place of `database`: a file, or postgres://user@host/database
    #[arg(long, value_name = "ADDRESS", env = "TRIAGE_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// List those in this state alone
    #[arg(long, value_name = "STATE", value_parser = ["ready", "running", "done", "dead"])]
    pub state: Option<String>,
    /// Show all of one, by its number
    #[arg(long, value_name = "ID", group = "what")]
    pub show: Option<i64>,
    /// Begin a dead one anew, by its number
    #[arg(long, value_name = "ID", group = "what")]
    pub requeue: Option<i64>,
    /// Begin all dead ones anew
    #[arg(long, group = "what")]
    pub requeue_all: bool,
    /// Give one up that waits or is dead, by its number
    #[arg(long, value_name = "ID", group = "what")]
    pub drop: Option<i64>,
}

/// What is typed behind `health`.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Where it listens; as in the configuration when missing, else 127.0.0.1:8180
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// What is typed behind `outbox`.
#[derive(Debug, Args)]
pub struct OutboxArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// Send this one again, under the same Message-ID: it did not arrive
    #[arg(long, value_name = "KEY", conflicts_with = "drop")]
    pub resend: Option<String>,
    /// Do not send this one, or not again
    #[arg(long, value_name = "KEY")]
    pub drop: Option<String>,
}

/// What is typed behind `stops`.
#[derive(Debug, Args)]
pub struct StopsArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// Write to this person, list, tree or thread again, as it is listed
    #[arg(long, value_name = "WHO")]
    pub resume: Option<String>,
}

/// What is typed behind `prove`.
#[derive(Debug, Args)]
pub struct ProveArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// The tree, as `verify.trees` names it
    #[arg(long, value_name = "NAME")]
    pub tree: String,
    /// The commit that failed to build: all its digits
    #[arg(long, value_name = "SHA")]
    pub commit: String,
    /// The form of the report
    #[arg(long, short, value_name = "FORMAT", default_value_t = triage_report::Format::Text)]
    pub format: triage_report::Format,
    /// Logs of the build
    #[arg(value_name = "LOG", required = true)]
    pub logs: Vec<PathBuf>,
}

/// What is typed behind `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// Write into this file
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The name of this system in all ids: letters in lower case, digits, `_`
    #[arg(long, value_name = "NAME", default_value = "triage", value_parser = parse_origin)]
    pub origin: String,
    /// Leave out the reports, which are the most of it
    #[arg(long)]
    pub no_reports: bool,
}

/// What is typed behind `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// The archive; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// What is typed behind `mail`.
#[derive(Debug, Args)]
pub struct MailArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// Print what would go out, and send and record nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Stay until everything was sent or given up
    #[arg(long, conflicts_with = "dry_run")]
    pub wait: bool,
    /// Stay, and answer whenever mail or a result comes, until SIGINT or SIGTERM
    #[arg(long, conflicts_with_all = ["dry_run", "wait", "series", "named", "report", "logs"])]
    pub watch: bool,
    /// Mails of a series: a mailbox, a Maildir, a folder or a mail; instead of the configured ones
    #[arg(long, value_name = "PATH")]
    pub series: Vec<PathBuf>,
    /// The Message-ID of a mail of the series that was built
    #[arg(long = "for", value_name = "ID", value_parser = parse_id, group = "named")]
    pub patch: Option<MessageId>,
    /// The commit that was built: of a patch of the series (see --tree), or the last of a pull request
    #[arg(long, value_name = "SHA", group = "named")]
    pub commit: Option<String>,
    /// The commit that was built, as `git format-patch -1 --stdout` writes it
    #[arg(long, value_name = "FILE", group = "named")]
    pub commit_patch: Option<PathBuf>,
    /// The change-id of the series that was built; the newest version, or ID:v2
    #[arg(long, value_name = "ID", group = "named")]
    pub change: Option<String>,
    /// A git repository with the commit; `repository` of the configuration when missing
    #[arg(long, value_name = "DIR")]
    pub tree: Option<PathBuf>,
    /// The report on its builds, in JSON (of triage, triage fix or triage matrix)
    #[arg(long, value_name = "FILE", conflicts_with = "logs")]
    pub report: Option<PathBuf>,
    /// The commit on which it was built
    #[arg(long, value_name = "COMMIT")]
    pub base: Option<String>,
    /// Logs of its builds, in place of a report
    #[arg(value_name = "LOG")]
    pub logs: Vec<PathBuf>,
}

impl MailArgs {
    /// As `triage-bot serve` calls it.
    pub fn watching() -> Self {
        Self {
            config: ConfigArg { config: PathBuf::new() },
            dry_run: false,
            wait: false,
            watch: true,
            series: Vec::new(),
            patch: None,
            commit: None,
            commit_patch: None,
            change: None,
            tree: None,
            report: None,
            base: None,
            logs: Vec::new(),
        }
    }
}

fn parse_id(text: &str) -> Result<MessageId, String> {
    MessageId::parse(text).map_err(|error| error.to_string())
}

fn parse_jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs) if jobs > 0 => Ok(jobs),
        _ => Err("a number of 1 or more".into()),
    }
}

fn parse_origin(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if is_name { Ok(text.to_owned()) } else { Err("use letters in lower case, digits and '_'".to_owned()) }
}
