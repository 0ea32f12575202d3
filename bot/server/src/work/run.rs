//! A run ended: what broke, recorded together with the reply about it.

use std::io::Read;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use triage_forge::answer::Answer;
use triage_forge::github::Repository;
use triage_forge::github::logs::{Content, JobLog, Limits};
use triage_forge::github::publish::Target;
use triage_forge::webhook::Forge;
use triage_forge::webhook::notice::Ended;
use triage_report::comment::{self, Manner};
use triage_report::secrets::Masked;
use triage_store::{Audit, Job, LineKind, NewCheckout, NewReply, Recorded, SeriesRecord, Transaction};

use super::failure::Failure;
use super::publish::Said;
use super::reading::Log;
use super::task::{Task, Told};
use super::{Pool, now};
use crate::dashboard::{Link, permalink};
use crate::forge;
use crate::memory::{self, Origin};

/// Characters of a workflow's name in the key of its answers.
const NAME_MAX: usize = 50;

/// Reads what failed in a run, and records what there is to say.
pub async fn answer(
    pool: &Arc<Pool>,
    job: &Job,
    told: &Told,
    run: u64,
    attempt: u64,
    ended: Ended,
) -> Result<(), Failure> {
    match told.forge {
        Forge::Github => github(pool, job, told, run, attempt, ended).await,
        Forge::Gitlab => Err(Failure::Never("this version of the program does not read pipelines of GitLab".into())),
    }
}

async fn github(pool: &Arc<Pool>, job: &Job, told: &Told, run: u64, attempt: u64, ended: Ended) -> Result<(), Failure> {
    if !matches!(ended, Ended::Failed | Ended::Passed) {
        return done(pool, job, told, "it neither failed nor passed").await;
    }
    let config = pool.config();
    let (session, repository) = pool.github.session(&config, told).await?;
    let run = session.run(&repository, run, u32::try_from(attempt).ok()).await?;
    let pull = session.pull_request_of(&repository, &run).await?;
    let subject = Subject {
        channel: told.forge.name(),
        thread: thread(&repository, pull, &run.head_sha),
        version: version(&run.head_sha),
    };
    let built = Built {
        checkout: NewCheckout {
            kind: if pull.is_some() { LineKind::Change } else { LineKind::Branch },
            tree: told.repository.clone(),
            name: pull.map_or_else(|| run.head_branch.clone().unwrap_or_default(), |number| format!("#{number}")),
            key: run.head_sha.clone(),
            commit: Some(run.head_sha.clone()),
            title: None,
            url: Some(run.html_url.clone()).filter(|url| !url.is_empty()),
        },
        workflow: run.name.clone().unwrap_or_else(|| "workflow".to_owned()),
        id: digest(&["build", &job.key]),
        has_passed: ended == Ended::Passed,
    };
    // What was never said needs no taking back.
    if ended == Ended::Passed && !subject.is_known(pool).await? {
        let mut at = pool.store.begin().await?;
        built.remember(&mut at, None, None).await?;
        at.commit().await?;
        return done(pool, job, told, "it passed, and nothing was said before").await;
    }
    let logs = match ended {
        Ended::Passed => Vec::new(),
        _ => session.failed_logs(&repository, &run, Limits::default()).await?,
    };
    let (logs, missing) = readable(logs);
    if logs.is_empty() && ended == Ended::Failed {
        return done(pool, job, told, &format!("there are no logs: {missing}")).await;
    }
    let report = pool.reading.report(logs).await.map_err(|error| Failure::Later(error.to_string(), None))?;
    let link = config.server.url.as_ref().map(|url| permalink(url, Link::Build(&built.id)));
    let workflow = run.name.clone().unwrap_or_default();
    let said = Said {
        told: told.clone(),
        head_sha: run.head_sha.clone(),
        change: pull,
        answer: compose(&report, &workflow, link.as_deref(), super::github::configured(&config)?.commands),
        comment_only: false,
    };
    let target = Target { repository, head_sha: run.head_sha.clone(), pull_request: pull };
    record(pool, job, &subject, &target, &report, &built, said).await
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

/// What a run built. The jobs of a workflow stand for it together: only when all passed is it known that a cause of
/// one of them is gone.
struct Built {
    checkout: NewCheckout,
    workflow: String,
    id: String,
    has_passed: bool,
}

impl Built {
    async fn remember(
        &self,
        at: &mut Transaction,
        series: Option<(&str, i64)>,
        report: Option<&Masked>,
    ) -> Result<(), Failure> {
        match report {
            Some(report) if !self.has_passed => {
                let id = memory::numbered(&self.id, report);
                let origin = Origin {
                    checkout: Some(&self.checkout),
                    cell: Some(&self.workflow),
                    series,
                    url: self.checkout.url.as_deref(),
                    id: &id,
                };
                memory::remember(at, &origin, report, now()).await?;
            }
            _ => memory::passed(at, &self.checkout, &self.workflow, &self.id, now()).await?,
        }
        Ok(())
    }
}

/// The build, its causes, the reply, the work to publish it, and the end of the job: all or nothing.
async fn record(
    pool: &Arc<Pool>,
    job: &Job,
    subject: &Subject,
    target: &Target,
    report: &Masked,
    built: &Built,
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
        subject: target.pull_request.map_or_else(|| target.head_sha.clone(), |number| format!("#{number}")),
        author: String::new(),
        base: Some(target.head_sha.clone()),
        messages: Vec::new(),
    };
    at.record_series(&series, now).await?;
    built.remember(&mut at, Some((&subject.thread, subject.version)), Some(report)).await?;
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

/// What is said about a report on GitHub. Each workflow has a comment of its own: one that passes must not take back what
/// another one found.
pub fn compose(report: &Masked, workflow: &str, link: Option<&str>, commands: bool) -> Answer {
    let manner = Manner { limits: comment::Limits::GITHUB, link, commands, source: None, is_known: None };
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = workflow.chars().take(NAME_MAX).map(word).collect();
    let key = if name.is_empty() { "triage".to_owned() } else { format!("triage.{name}") };
    forge::answer::of(report, &key, &manner)
}

/// The thread of a pull request, or of a commit without one.
pub fn thread(repository: &Repository, pull: Option<u64>, head_sha: &str) -> String {
    let repository = repository.to_string().to_ascii_lowercase();
    match pull {
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

/// The logs that are there, and why others are not.
fn readable(logs: Vec<JobLog>) -> (Vec<Log>, String) {
    let mut missing = Vec::new();
    let mut found = Vec::new();
    for log in logs {
        let name = log.origin.name.clone();
        match log.content {
            Content::Log { file, .. } => {
                let content: Box<dyn Read + Send> = Box::new(file);
                found.push(Log { name, axes: log.origin.axes, content });
            }
            Content::Expired => missing.push(format!("{name}: deleted")),
            Content::Missing => missing.push(format!("{name}: none")),
        }
    }
    let missing = if missing.is_empty() { "no job failed by itself".to_owned() } else { missing.join(", ") };
    (found, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_have_numbers_and_texts_have_keys() {
        assert_eq!(version("ffffffffffffffffffff"), (1 << 60) - 1);
        assert_eq!(version(""), 0);
        assert_ne!(digest(&["a", "bc"]), digest(&["ab", "c"]));
        let repository = Repository::parse("Valves/Pump").unwrap();
        assert_eq!(thread(&repository, Some(7), "x"), "valves/pump#7");
    }
}
