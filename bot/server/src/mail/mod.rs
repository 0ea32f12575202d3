//! Mail: what came in, what is said, and sending it.
//!
//! ```text
//!  sources ──► threads ──┬─ results of builds ──► decide ──┐
//!                        └─ commands of people ─► answer ──┴─► outbox ──► deliver ──► relay
//! ```
//!
//! Each result and each mail is dealt with in one transaction: that it was seen, what is known by
//! it, and the reply. With `--dry-run` there is one transaction over all, which is never committed.

mod answer;
mod decide;
mod deliver;
mod inputs;
pub mod outbox;
mod show;
pub mod watch;

use std::path::Path;
use std::time::{Duration, SystemTime};

use triage_causes::Report;
use triage_mail::{Message, MessageId};
use triage_report::secrets::Masked;
use triage_rules::RuleBook;
use triage_store::{Store, Timestamp, Transaction};

use crate::args::MailArgs;
use crate::builds::{self, BuildResult};
use crate::config::{Config, MailConfig};
use crate::error::Error;
use crate::named::Named;
use crate::threads::{Thread, Threads};

/// The channel's name in the store.
pub const CHANNEL: &str = "mail";
/// How long `--wait` sleeps at most before it looks again.
const NAP: Duration = Duration::from_secs(30);

/// `triage-bot mail`.
pub async fn run(args: &MailArgs, config: &Config) -> Result<(), Error> {
    let config = config.mail()?;
    if args.watch { watch::stay(args, config).await } else { round(args, config, None).await }
}

/// Reads all there is, deals with what is new, and sends what is due.
///
/// With a store that is open already, another process may be the one that sends.
async fn round(args: &MailArgs, config: &MailConfig, shared: Option<&Store>) -> Result<(), Error> {
    let book = RuleBook::embedded();
    let mut bag = inputs::read(args, config).await?;
    let mut results = results(args, config, &book)?;
    inputs::look_up(config, &results, &mut bag).await?;
    let threads = Threads::assemble(bag.messages);
    let repository = args.tree.as_deref().or(config.repository.as_deref());
    name_the_only(&mut results, &threads, repository)?;
    // Somebody waits for the answer to these.
    for result in results.iter().filter(|result| result.is_typed) {
        threads.about(result).map_err(Error::Usage)?;
    }
    let now = Timestamp::from(SystemTime::now());
    let work = Work { config, threads: &threads, bounces: &bag.bounces };
    if args.dry_run || !config.send {
        return show_only(args, config, &work, results, now).await;
    }
    let store = match shared {
        Some(store) => store.clone(),
        None => Store::open(&config.database).await?,
    };
    for result in &results {
        let mut transaction = store.begin().await?;
        work.result(&mut transaction, result, now).await?;
        transaction.commit().await?;
    }
    for (thread, message) in work.mails() {
        let mut transaction = store.begin().await?;
        work.message(&mut transaction, thread, message, now).await?;
        transaction.commit().await?;
    }
    for (message, about) in work.bounces {
        let mut transaction = store.begin().await?;
        answer::bounce(message, about, &mut transaction, now).await?;
        transaction.commit().await?;
    }
    if shared.is_some() {
        return send_or_leave(args, config, &store).await;
    }
    send(args, config, &store).await?;
    store.close().await;
    Ok(())
}

/// Sends, unless another process of the same database does.
async fn send_or_leave(args: &MailArgs, config: &MailConfig, store: &Store) -> Result<(), Error> {
    match send(args, config, store).await {
        Err(Error::Store(triage_store::Error::SenderIsRunning)) => Ok(()),
        done => done,
    }
}

/// All of it in one transaction that is thrown away, and what would be sent.
async fn show_only(
    args: &MailArgs,
    config: &MailConfig,
    work: &Work<'_>,
    results: Vec<BuildResult>,
    now: Timestamp,
) -> Result<(), Error> {
    let is_new = !config.database.contains("://") && !Path::new(&config.database).exists();
    let store = if is_new { Store::in_memory().await? } else { Store::open(&config.database).await? };
    let mut transaction = store.begin().await?;
    for result in &results {
        work.result(&mut transaction, result, now).await?;
    }
    for (thread, message) in work.mails() {
        work.message(&mut transaction, thread, message, now).await?;
    }
    let replies = transaction.replies(CHANNEL, triage_store::State::Pending, 10_000).await?;
    show::replies(&replies, config, args, now)?;
    transaction.roll_back().await?;
    store.close().await;
    Ok(())
}

/// Sends what became due since the last round.
async fn deliver_due(args: &MailArgs, config: &MailConfig, shared: Option<&Store>) -> Result<(), Error> {
    if let Some(store) = shared {
        let due = store.read().await?.next_due(CHANNEL).await?;
        return if due.is_some() { send_or_leave(args, config, store).await } else { Ok(()) };
    }
    let store = Store::open(&config.database).await?;
    if store.begin().await?.next_due(CHANNEL).await?.is_some() {
        send(args, config, &store).await?;
    }
    store.close().await;
    Ok(())
}

/// Sends what is due; with `--wait`, until nothing waits any more.
async fn send(args: &MailArgs, config: &MailConfig, store: &Store) -> Result<(), Error> {
    let _lock = store.sender_lock().await?;
    let now = || Timestamp::from(SystemTime::now());
    let mut transaction = store.begin().await?;
    // Nobody else sends: what is being sent was left by a crash.
    transaction.recover(CHANNEL, Duration::ZERO, config.sent.settle, now()).await?;
    transaction.commit().await?;
    loop {
        deliver::due(config, store, &now).await?;
        let next = store.begin().await?.next_due(CHANNEL).await?;
        let Some(next) = next.filter(|_| args.wait) else { break };
        tokio::time::sleep(next.since(now()).clamp(Duration::from_millis(50), NAP)).await;
    }
    outbox::complain_of_stuck(&mut store.begin().await?).await
}

/// The results to answer: those named on the command line, and those in the folder.
fn results(args: &MailArgs, config: &MailConfig, book: &RuleBook) -> Result<Vec<BuildResult>, Error> {
    let mut results = Vec::new();
    let report: Option<Masked> = match (&args.report, args.logs.as_slice()) {
        (Some(report), _) => Some(builds::read_report(report)?),
        (None, []) => None,
        (None, logs) => Some(builds::read_logs(logs, book)?),
    };
    let repository = args.tree.as_deref().or(config.repository.as_deref());
    let is_named =
        args.patch.is_some() || args.commit.is_some() || args.commit_patch.is_some() || args.change.is_some();
    if is_named && report.is_none() {
        return Err(Error::Usage(
            "it is said what was built, but not what came of it: give its --report or its logs, too".into(),
        ));
    }
    if let Some(report) = report {
        results.push(BuildResult {
            name: "command line".into(),
            about: typed(args, &report, repository)?,
            is_typed: true,
            report,
            base: args.base.clone(),
            url: None,
            reproduce: Vec::new(),
        });
    }
    if let Some(folder) = &config.results {
        let (found, faults) = builds::in_folder(folder, repository, book)?;
        for fault in faults {
            crate::complain(&fault.to_string());
        }
        results.extend(found);
    }
    Ok(results)
}

/// What the command line, or else the report, says that it is about. With `--series` it may be left open.
fn typed(args: &MailArgs, report: &Report, repository: Option<&Path>) -> Result<Option<Named>, Error> {
    Ok(Some(match (&args.patch, &args.commit, &args.commit_patch, &args.change) {
        (Some(id), ..) => Named::Message(id.clone()),
        (_, Some(commit), ..) => {
            Named::commit(commit, repository).map_err(|error| Error::Usage(format!("--commit: {error}")))?
        }
        (_, _, Some(file), _) => builds::read_commit(file)?,
        (.., Some(change)) => Named::change(change).map_err(|why| Error::Usage(format!("--change: {why}")))?,
        _ if !args.series.is_empty() => return Ok(None),
        _ => {
            let named = Named::of_report(report, repository);
            return named.map_err(|why| Error::Usage(format!("{why}: say with --for which series was built")));
        }
    }))
}

/// A result that says nothing is about the only series. Of several, its builds may name the commit.
fn name_the_only(results: &mut [BuildResult], threads: &Threads, repository: Option<&Path>) -> Result<(), Error> {
    for result in results.iter_mut().filter(|result| result.about.is_none()) {
        result.about = Some(match threads.all.as_slice() {
            [only] => Named::Message(only.id.clone()),
            [] => return Err(Error::Usage("there is no series: name its mails with --series".into())),
            several => {
                let why = || format!("there are {} series: say with --for which one was built", several.len());
                let named = Named::of_report(&result.report, repository)
                    .map_err(|fault| Error::Usage(format!("{fault}; {}", why())))?;
                named.ok_or_else(|| Error::Usage(why()))?
            }
        });
    }
    Ok(())
}

/// What there is to deal with.
pub struct Work<'a> {
    /// The configuration.
    pub config: &'a MailConfig,
    /// The series.
    pub threads: &'a Threads,
    /// Reports that mails were not delivered.
    pub bounces: &'a [(Message, Vec<MessageId>)],
}

impl Work<'_> {
    /// Mails below patches, which may hold commands.
    fn mails(&self) -> impl Iterator<Item = (&Thread, &Message)> {
        self.threads.all.iter().flat_map(|thread| thread.others.iter().map(move |message| (thread, message)))
    }

    async fn result(&self, at: &mut Transaction, result: &BuildResult, now: Timestamp) -> Result<(), Error> {
        match self.threads.about(result) {
            Ok((thread, built)) => decide::result(self.config, thread, built, result, at, now).await,
            Err(why) => {
                crate::complain(&format!("{}: {why}; it will be looked for again", result.name));
                Ok(())
            }
        }
    }

    async fn message(
        &self,
        at: &mut Transaction,
        thread: &Thread,
        message: &Message,
        now: Timestamp,
    ) -> Result<(), Error> {
        answer::message(self.config, thread, message, at, now).await
    }
}
