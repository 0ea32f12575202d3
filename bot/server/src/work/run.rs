//! A run ended: what broke, recorded together with the reply about it.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use triage_forge::answer::Answer;
use triage_forge::webhook::Forge;
use triage_forge::webhook::notice::Ended;
use triage_report::secrets::Masked;
use triage_store::{Audit, Job, LineKind, NewCheckout, NewReply, Recorded, SeriesRecord, Transaction};

use super::failure::Failure;
use super::publish::Said;
use super::task::{Task, Told};
use super::{Pool, now};
use crate::memory::{self, Origin};

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
    // Most runs pass, in repositories where nothing failed lately: that needs no question.
    if ended == Ended::Passed && !is_known_tree(pool, told).await? {
        return done(pool, job, told, "it passed, and nothing failed here before").await;
    }
    match told.forge {
        Forge::Github => super::github::read(pool, job, told, run, attempt, ended).await,
        Forge::Gitlab => super::gitlab::read(pool, job, told, run, ended).await,
    }
}

/// What was built, and what its logs say.
pub struct Finding<'a> {
    /// What the reply is about.
    pub subject: &'a Subject,
    /// What was built.
    pub built: &'a Built,
    /// The report.
    pub report: Masked,
    /// Where the answer belongs.
    pub place: Place,
    /// Has the report say its answer.
    pub compose: &'a (dyn Fn(&Masked) -> Answer + Sync),
}

/// Where the answer to a run belongs.
pub struct Place {
    /// About which commit: of a change its head.
    pub head_sha: String,
    /// The commit that was built.
    pub built_sha: String,
    /// In which pull request or merge request.
    pub change: Option<u64>,
}

/// What a reply is about.
#[derive(Debug)]
pub struct Subject {
    /// `github` or `gitlab`.
    pub channel: &'static str,
    /// The change, or the commit.
    pub thread: String,
    /// The head, as a number.
    pub version: i64,
}

impl Subject {
    /// Of a change, `repository#7`, or of a commit without one.
    pub fn new(told: &Told, change: Option<u64>, head_sha: &str) -> Self {
        let repository = told.repository.to_ascii_lowercase();
        let thread = match (change, told.forge) {
            (Some(number), Forge::Github) => format!("{repository}#{number}"),
            (Some(number), Forge::Gitlab) => format!("{repository}!{number}"),
            (None, _) => format!("{repository}@{head_sha}"),
        };
        Self { channel: told.forge.name(), thread, version: version(head_sha) }
    }

    /// Whether something was said about it, or is going to be.
    pub async fn is_known(&self, pool: &Pool) -> Result<bool, Failure> {
        let mut at = pool.store.read().await?;
        let ever = triage_store::Timestamp::from_millis(0);
        let replies = at.count(self.channel, triage_store::Counted::Thread(&self.thread), ever).await?;
        at.roll_back().await?;
        Ok(replies > 0)
    }
}

/// Whether something failed in a repository, as far as is remembered.
async fn is_known_tree(pool: &Pool, told: &Told) -> Result<bool, Failure> {
    let mut at = pool.store.read().await?;
    let known = at.knows_tree(&told.repository).await?;
    at.roll_back().await?;
    Ok(known)
}

/// What a run built. The jobs of a workflow stand for it together: only when all passed is it known that a cause of
/// one of them is gone.
pub struct Built {
    /// The line of development and its state.
    pub checkout: NewCheckout,
    /// The name of the workflow.
    pub workflow: String,
    /// What tells its builds from all others.
    pub id: String,
    /// How it ended.
    pub has_passed: bool,
}

impl Built {
    /// Of a change, or of a branch.
    pub fn new(job: &Job, told: &Told, change: Option<u64>, head_sha: &str, branch: &str, ended: Ended) -> Self {
        let name = match (change, told.forge) {
            (Some(number), Forge::Github) => format!("#{number}"),
            (Some(number), Forge::Gitlab) => format!("!{number}"),
            (None, _) => branch.to_owned(),
        };
        let checkout = NewCheckout {
            kind: if change.is_some() { LineKind::Change } else { LineKind::Branch },
            tree: told.repository.clone(),
            name,
            key: head_sha.to_owned(),
            commit: Some(head_sha.to_owned()),
            title: None,
            url: None,
        };
        let workflow = "pipeline".to_owned();
        Self { checkout, workflow, id: digest(&["build", &job.key]), has_passed: ended == Ended::Passed }
    }

    /// It passed, and nothing was said about it: that alone is remembered.
    pub async fn passed(&self, pool: &Pool, job: &Job) -> Result<(), Failure> {
        let mut at = pool.store.begin().await?;
        at.finish_job(job, now()).await?;
        self.remember(&mut at, None, None).await?;
        note(&mut at, "result", &format!("{} {}", self.checkout.tree, job.key), "it passed").await?;
        at.commit().await?;
        Ok(())
    }

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
pub async fn record(pool: &Arc<Pool>, job: &Job, told: &Told, finding: Finding<'_>) -> Result<(), Failure> {
    let Finding { subject, built, report, place, compose } = finding;
    let now = now();
    let mut at = pool.store.begin().await?;
    // First, so that nothing is written for who has lost it.
    at.finish_job(job, now).await?;
    let series = SeriesRecord {
        channel: subject.channel.to_owned(),
        id: subject.thread.clone(),
        version: subject.version,
        place: told.repository.clone(),
        subject: subject.thread.clone(),
        author: String::new(),
        base: Some(place.head_sha.clone()),
        messages: Vec::new(),
    };
    at.record_series(&series, now).await?;
    built.remember(&mut at, Some((&subject.thread, subject.version)), Some(&report)).await?;
    let report = memory::recall(&mut at, report, now).await?;
    let said = Said {
        told: told.clone(),
        head_sha: place.head_sha,
        built_sha: place.built_sha,
        change: place.change,
        answer: compose(&report),
        comment: None,
    };
    let reply = NewReply {
        key: digest(&["reply", &job.key]),
        channel: subject.channel.to_owned(),
        place: told.repository.clone(),
        thread: subject.thread.clone(),
        version: subject.version,
        purpose: "report".to_owned(),
        fingerprints: report.causes.iter().map(|cause| cause.fingerprint.clone()).collect(),
        recipients: Vec::new(),
        marker: format!("{}:{}", said.answer.key, digest(&["reply", &job.key])),
        content: serde_json::to_string(&said).map_err(|error| Failure::Never(error.to_string()))?,
        not_before: now,
    };
    // A commit of GitLab without a merge request has no place for an answer.
    let has_place = said.change.is_some() || told.forge == Forge::Github;
    let recorded = if has_place { Some(at.record_reply(&reply, now).await?) } else { None };
    let outcome = match recorded {
        None => "remembered; there is no merge request",
        Some(Recorded::New) => {
            let publish = Task::Publish { key: reply.key.clone(), thread: subject.thread.clone() };
            at.enqueue(&[publish.job(now)], now).await?;
            "recorded"
        }
        Some(Recorded::Known) => "recorded before",
        Some(Recorded::Said) => "all was told before",
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
        let told =
            Told { forge: Forge::Gitlab, repository: "Valves/Pump".into(), repository_id: 1, installation: None };
        assert_eq!(Subject::new(&told, Some(7), "x").thread, "valves/pump!7");
        assert_eq!(Subject::new(&told, None, "x").thread, "valves/pump@x");
    }
}
