//! A run ended: what broke, recorded together with the reply about it.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use triage_forge::answer::Answer;
use triage_forge::webhook::Forge;
use triage_forge::webhook::notice::Ended;
use triage_report::comment::{self, Manner};
use triage_report::secrets::Masked;
use triage_store::{Audit, Job, NewReply, Recorded, SeriesRecord, Transaction};

use super::failure::Failure;
use super::publish::Said;
use super::reading::Log;
use super::remember::{self, Origin};
use super::task::{Task, Told};
use super::{Pool, now, proof};
use crate::forge;

/// Characters of a workflow's name in the key of its answers.
const NAME_MAX: usize = 50;

/// A run, as its forge has it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The name of the workflow; empty where there is one for all.
    pub workflow: String,
    /// The commit that was built, of a change its newest.
    pub head_sha: String,
    /// Another commit that GitLab built in its place: the result of merging it.
    pub built_sha: Option<String>,
    /// The pull request or merge request.
    pub change: Option<u64>,
    /// True when the change has another newest commit by now, so that nobody waits for an answer.
    pub is_superseded: bool,
}

/// The logs of what failed in a run.
#[derive(Default)]
pub struct Logs {
    /// Those that are there.
    pub found: Vec<Log>,
    /// Why others are not, in words.
    pub missing: Vec<String>,
}

/// Reads what failed in a run, and records what there is to say.
pub async fn answer(
    pool: &Arc<Pool>,
    job: &Job,
    told: &Told,
    run: u64,
    attempt: u64,
    ended: Ended,
) -> Result<(), Failure> {
    if !matches!(ended, Ended::Failed | Ended::Passed) {
        return done(pool, job, told, "it neither failed nor passed").await;
    }
    let seen = match told.forge {
        Forge::Github => super::github::seen(pool, told, run, attempt).await?,
        Forge::Gitlab => super::gitlab::seen(pool, told, run).await?,
    };
    if seen.is_superseded {
        return done(pool, job, told, "the change has another commit by now").await;
    }
    let subject = Subject {
        channel: told.forge.name(),
        thread: thread(&told.repository, seen.change, &seen.head_sha),
        version: version(&seen.head_sha),
    };
    // What was never said needs no taking back.
    if ended == Ended::Passed && !subject.is_known(pool).await? {
        return done(pool, job, told, "it passed, and nothing was said before").await;
    }
    let logs = match (ended, told.forge) {
        (Ended::Passed, _) => Logs::default(),
        (_, Forge::Github) => super::github::logs(pool, told, run, attempt).await?,
        (_, Forge::Gitlab) => super::gitlab::logs(pool, told, run).await?,
    };
    if logs.found.is_empty() && ended == Ended::Failed {
        let why = if logs.missing.is_empty() { "no job failed by itself".to_owned() } else { logs.missing.join(", ") };
        return done(pool, job, told, &format!("there are no logs: {why}")).await;
    }
    let report = proof::report(pool, told, &seen.head_sha, logs.found).await?;
    let id = digest(&["build", &job.key]);
    let config = pool.config();
    let link = config.server.url.as_ref().map(|url| format!("{url}/builds/{id}"));
    let (limits, commands) = match told.forge {
        Forge::Github => (comment::Limits::GITHUB, super::github::configured(&config)?.commands),
        Forge::Gitlab => (comment::Limits::GITLAB, super::gitlab::configured(&config)?.commands),
    };
    let said = Said {
        told: told.clone(),
        head_sha: seen.head_sha.clone(),
        built_sha: seen.built_sha.clone(),
        comment: None,
        change: seen.change,
        answer: compose(&report, &seen.workflow, link.as_deref(), commands, limits),
        comment_only: false,
    };
    record(pool, job, &subject, &report, &id, said).await
}

/// What a reply is about.
struct Subject {
    channel: &'static str,
    thread: String,
    version: i64,
}

impl Subject {
    /// Whether something was said about it, or is going to be.
    async fn is_known(&self, pool: &Pool) -> Result<bool, Failure> {
        let mut at = pool.store.read().await?;
        let ever = triage_store::Timestamp::from_millis(0);
        let replies = at.count(self.channel, triage_store::Counted::Thread(&self.thread), ever).await?;
        at.roll_back().await?;
        Ok(replies > 0)
    }
}

/// The build, its causes, the reply, the work to publish it, and the end of the job: all or nothing.
async fn record(
    pool: &Arc<Pool>,
    job: &Job,
    subject: &Subject,
    report: &Masked,
    id: &str,
    said: Said,
) -> Result<(), Failure> {
    let now = now();
    let reply = NewReply {
        key: digest(&["reply", &job.key]),
        channel: subject.channel.to_owned(),
        place: said.told.repository.clone(),
        thread: subject.thread.clone(),
        version: subject.version,
        purpose: "report".to_owned(),
        fingerprints: report.causes.iter().map(|cause| cause.fingerprint.clone()).collect(),
        recipients: Vec::new(),
        marker: format!("{}:{}", said.answer.key, digest(&["reply", &job.key])),
        content: serde_json::to_string(&said).map_err(|error| Failure::Never(error.to_string()))?,
        not_before: now,
    };
    let mut at = pool.store.begin().await?;
    // First, so that nothing is written for who has lost it.
    at.finish_job(job, now).await?;
    let series = SeriesRecord {
        channel: subject.channel.to_owned(),
        id: subject.thread.clone(),
        version: subject.version,
        place: said.told.repository.clone(),
        subject: said.change.map_or_else(|| said.head_sha.clone(), |number| format!("#{number}")),
        author: String::new(),
        base: Some(said.head_sha.clone()),
        messages: Vec::new(),
    };
    at.record_series(&series, now).await?;
    let origin = Origin { series: Some((&subject.thread, subject.version)), id };
    remember::report(&mut at, &origin, report, now).await?;
    let outcome = match at.record_reply(&reply, now).await? {
        Recorded::New => {
            let publish = Task::Publish { key: reply.key.clone(), thread: subject.thread.clone() };
            at.enqueue(&[publish.job(now)], now).await?;
            "recorded"
        }
        Recorded::Known => "recorded before",
        Recorded::Said => "all was told before",
    };
    note(&mut at, "result", &format!("{} {}", subject.thread, job.key), outcome).await?;
    at.commit().await?;
    Ok(())
}

/// Ends a job about which there is nothing to say.
pub async fn done(pool: &Pool, job: &Job, told: &Told, why: &str) -> Result<(), Failure> {
    let mut at = pool.store.begin().await?;
    at.finish_job(job, now()).await?;
    note(&mut at, "result", &format!("{} {}", told.repository, job.key), why).await?;
    at.commit().await?;
    Ok(())
}

/// A line of the audit trail.
pub async fn note(at: &mut Transaction, action: &str, subject: &str, detail: &str) -> Result<(), triage_store::Error> {
    let (action, subject, detail) = (action.to_owned(), subject.to_owned(), detail.to_owned());
    at.audit(&Audit { at: now(), actor: "bot".into(), action, subject, detail }).await
}

/// What is said about a report on a forge. Each workflow has a comment of its own: one that passes must not take back what
/// another one found.
pub fn compose(report: &Masked, workflow: &str, link: Option<&str>, commands: bool, limits: comment::Limits) -> Answer {
    let manner = Manner { limits, link, commands, source: None, is_known: None };
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = workflow.chars().take(NAME_MAX).map(word).collect();
    let key = if name.is_empty() { "triage".to_owned() } else { format!("triage.{name}") };
    forge::answer::of(report, &key, &manner)
}

/// The thread of a change, or of a commit without one.
pub fn thread(repository: &str, change: Option<u64>, head_sha: &str) -> String {
    let repository = repository.to_ascii_lowercase();
    match change {
        Some(number) => format!("{repository}#{number}"),
        None => format!("{repository}@{head_sha}"),
    }
}

/// A number for a commit: what was told about another head is told anew. Of 60 bits, since versions are numbers.
pub fn version(head_sha: &str) -> i64 {
    i64::from_str_radix(head_sha.get(..15).unwrap_or_default(), 16).unwrap_or(0)
}

/// A key that follows from some texts.
pub fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_have_numbers_and_texts_have_keys() {
        assert_eq!(version("ffffffffffffffffffff"), (1 << 60) - 1);
        assert_eq!(version(""), 0);
        assert_ne!(digest(&["a", "bc"]), digest(&["ab", "c"]));
        assert_eq!(thread("Valves/Pump", Some(7), "x"), "valves/pump#7");
    }
}
