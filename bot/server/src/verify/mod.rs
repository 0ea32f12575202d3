//! Proves fixes before a reply goes out: builds the commit that failed, here, with each of them.
//!
//! ```text
//! wanted ──► checkout ──► prepare (sandbox) ──► triage fix --verify (sandbox) ──► report
//!            commit of a clone, without .git     commands of the configuration, never of a log
//! ```
//!
//! What is built is what strangers sent, so all that runs of it runs in [`sandbox`]: without network, without our files,
//! within limits. A proof that cannot be had is no error for who waits for the answer: the fixes stay unverified.

mod checkout;
mod sandbox;
mod usage;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use triage_causes::Report;
use triage_causes::report::Kind;
use triage_report::secrets::Masked;
use triage_rules::RuleBook;

use crate::args::ProveArgs;
use crate::builds;
use crate::config::{Config, Tree, VerifyConfig};
use crate::error::Error;
use checkout::Checkout;
pub use sandbox::Sandbox;

/// What is to be proved.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The tree, as the configuration names it.
    pub tree: String,
    /// The commit that was built: all 40 or 64 digits.
    pub commit: String,
    /// What the failed builds were builds of.
    pub axes: BTreeMap<String, String>,
    /// Their logs.
    pub logs: Vec<PathBuf>,
}

/// Why nothing was proved.
#[derive(Debug, thiserror::Error)]
pub enum Unproved {
    /// The tree is not one of those that are built here.
    #[error("the tree '{0}' is not in 'verify.trees'")]
    Tree(String),
    /// No way to build it has these axes.
    #[error("none of the builds of '{0}' in 'verify.trees' has the axes of the failed one")]
    Axes(String),
    /// The name of the commit is none.
    #[error("'{0}' is no commit: give all 40 or 64 digits")]
    Commit(String),
    /// The clone does not have the commit.
    #[error("the commit {0} is not in the clone{1}")]
    Missing(String, String),
    /// There is no sandbox, so nothing is built.
    #[error("no sandbox: {0}")]
    Sandbox(String),
    /// Git, or the file system.
    #[error("{0}: {1}")]
    Checkout(String, String),
    /// A command that makes the checkout ready.
    #[error("'{0}' failed: {1}")]
    Prepare(String, String),
    /// The time was over.
    #[error("it took longer than {0} seconds")]
    Time(u64),
    /// It wrote too much.
    #[error("it wrote more than {0} megabytes")]
    Disk(u64),
    /// `triage fix` did not come to an end.
    #[error("triage fix: {0}")]
    Fix(String),
}

/// Those who prove. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pool {
    config: Arc<VerifyConfig>,
    sandbox: Sandbox,
    places: Arc<Semaphore>,
}

impl Pool {
    /// Looks for the sandbox.
    ///
    /// # Errors
    ///
    /// When there is none: without one, nothing that strangers sent is built.
    pub async fn new(config: VerifyConfig) -> Result<Self, Unproved> {
        let sandbox = Sandbox::find().await.map_err(Unproved::Sandbox)?;
        let places = Arc::new(Semaphore::new(config.workers));
        Ok(Self { config: Arc::new(config), sandbox, places })
    }

    /// Whether a tree can be built here.
    pub fn knows(&self, tree: &str) -> bool {
        self.config.trees.contains_key(&tree.to_ascii_lowercase())
    }

    /// Builds, and gives the report of the logs with the fixes that hold. Waits for a free place first.
    ///
    /// # Errors
    ///
    /// When it cannot be built here, or not within the limits.
    pub async fn prove(&self, wanted: &Wanted) -> Result<Report, Unproved> {
        let name = wanted.tree.to_ascii_lowercase();
        let tree = self.config.trees.get(&name).ok_or_else(|| Unproved::Tree(wanted.tree.clone()))?;
        let _place = self.places.acquire().await;
        let begin = Instant::now();
        let limit = self.config.limits.time;
        match tokio::time::timeout(limit, self.build(&name, tree, wanted, begin)).await {
            Ok(done) => done,
            Err(_) => Err(Unproved::Time(limit.as_secs())),
        }
    }

    async fn build(&self, name: &str, tree: &Tree, wanted: &Wanted, begin: Instant) -> Result<Report, Unproved> {
        let build = tree.build_of(&wanted.axes).ok_or_else(|| Unproved::Axes(wanted.tree.clone()))?;
        let checkout = Checkout::take(&self.config.checkouts, name, self.config.workers).await?;
        checkout.fill(tree, &wanted.commit).await?;
        let limits = self.config.limits;
        let inside = sandbox::Inside { checkout: &checkout, readable: &self.config.readable, limits };
        for command in &build.prepare {
            let (walls, words) = (inside.may_write(), ["sh".into(), "-c".into(), command.into()]);
            let run = self.sandbox.run(&walls, &words);
            let output = usage::within(&checkout, limits.disk, run).await?.map_err(|error| spoken(command, &error))?;
            if !output.success {
                return Err(Unproved::Prepare(command.clone(), output.last_words()));
            }
        }
        let left = limits.time.saturating_sub(begin.elapsed()).as_secs().max(1);
        let words = fix_command(wanted, &build.build, limits.jobs, left);
        let walls = inside.with_logs(&self.config.triage, &wanted.logs);
        let run = self.sandbox.run(&walls, &words);
        let output = usage::within(&checkout, limits.disk, run).await?.map_err(|error| spoken("triage fix", &error))?;
        let report: Result<Report, _> = serde_json::from_slice(&output.stdout);
        // 1 is "causes are left", which have no proof.
        report.map_err(|_| Unproved::Fix(output.last_words()))
    }
}

/// Whether something broke that a change of the code repairs: else there is nothing to prove.
pub fn is_about_code(report: &Report) -> bool {
    report.causes.iter().any(|cause| cause.kind == Kind::Code)
}

/// Takes the fixes, and the places in the tree, that a proof found for the causes of a report.
pub fn adopt(report: &mut Report, proof: Report) {
    for proved in proof.causes {
        if let Some(cause) = report.causes.iter_mut().find(|cause| cause.fingerprint == proved.fingerprint) {
            cause.fixes = proved.fixes;
            cause.location = proved.location.or(cause.location.take());
        }
    }
    report.patch = proof.patch;
}

/// `triage-bot prove`: a proof as the configuration has it, for who sets it up.
pub async fn run(args: &ProveArgs, config: &Config) -> Result<(), Error> {
    let verify = config.verify.clone().ok_or_else(|| Error::Config("the configuration has no 'verify:'".into()))?;
    let mut report = builds::read_logs(&args.logs, &RuleBook::embedded())?.into_report();
    let axes = report.builds.first().map(|build| build.axes.clone()).unwrap_or_default();
    let logs = args.logs.iter().map(std::path::absolute).collect::<io::Result<_>>()?;
    let wanted = Wanted { tree: args.tree.clone(), commit: args.commit.clone(), axes, logs };
    let pool = Pool::new(verify).await?;
    adopt(&mut report, pool.prove(&wanted).await?);
    let mut text = Vec::new();
    triage_report::render(&Masked::of(report), args.format, &triage_report::Options::default(), &mut text)?;
    Ok(io::stdout().write_all(&text)?)
}

/// `triage fix` as it runs in the sandbox.
fn fix_command(wanted: &Wanted, commands: &[String], jobs: usize, seconds: u64) -> Vec<std::ffi::OsString> {
    let mut words: Vec<String> =
        ["/run/triage/triage", "fix", "--verify", "--format", "json", "--tree", ".", "--scratch", "/scratch"]
            .map(str::to_owned)
            .into();
    words.extend(["--jobs".to_owned(), jobs.to_string()]);
    words.extend(["--timeout".to_owned(), seconds.to_string(), "--budget".to_owned(), seconds.to_string()]);
    for command in commands {
        words.push(format!("--build-command={command}"));
    }
    words.push("--".to_owned());
    words.extend((0..wanted.logs.len()).map(|at| format!("/run/logs/{at}")));
    words.into_iter().map(Into::into).collect()
}

/// An error of the machine, not of what was built.
fn spoken(what: &str, error: &io::Error) -> Unproved {
    Unproved::Checkout(what.to_owned(), crate::error::reason(error))
}

/// True for the full name of a commit.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|c| c.is_ascii_hexdigit())
}

/// A path as a word of a command.
fn word(path: &Path) -> std::ffi::OsString {
    path.as_os_str().to_owned()
}
