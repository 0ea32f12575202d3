//! Says a reply of the outbox on its forge, once.
//!
//! The forge is asked for what stands there already (see `triage_forge`), so that a crash between saying it and writing
//! that down ends in the same one comment. Replies about one change are in one lane: two are never said at once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use triage_forge::answer::Answer;
use triage_forge::webhook::Forge;
use triage_store::{Job, Outgoing, State};

use super::failure::Failure;
use super::run::note;
use super::task::Told;
use super::{Pool, now};

/// What a reply on a forge says, as it stands in the outbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Said {
    /// Where.
    pub told: Told,
    /// About which commit: of a change its head.
    pub head_sha: String,
    /// The commit that was built: perhaps the head merged into its target.
    pub built_sha: String,
    /// In which pull request or merge request.
    pub change: Option<u64>,
    /// What.
    pub answer: Answer,
    /// The comment that it answers, when it is no report: then it is a comment alone, without a check and suggestions.
    pub comment: Option<u64>,
}

/// Says a reply.
pub async fn reply(pool: &Arc<Pool>, job: &Job, key: &str) -> Result<(), Failure> {
    let Some(reply) = begin(pool, job, key).await? else { return Ok(()) };
    let said: Said = serde_json::from_str(&reply.content)
        .map_err(|error| Failure::Never(format!("the reply is of another version of the program: {error}")))?;
    let done = match said.told.forge {
        Forge::Github => super::github::publish(pool, &said).await,
        Forge::Gitlab => super::gitlab::publish(pool, &said).await,
    };
    let mut at = pool.store.begin().await?;
    match done {
        Ok(remote) => {
            at.finish_job(job, now()).await?;
            at.sent(key, &remote, now()).await?;
            note(&mut at, "sent", &reply.thread, &remote).await?;
            at.commit().await?;
            Ok(())
        }
        Err(failure) => {
            let is_last = job.attempts >= i64::from(pool.config().work.attempts);
            if !at.has_job(job).await? {
                return Err(triage_store::Error::Lost(job.id).into());
            }
            if is_last || matches!(failure, Failure::Never(_)) {
                at.dead(key, &failure.to_string(), now()).await?;
                note(&mut at, "not sent", &reply.thread, &failure.to_string()).await?;
            } else {
                at.retry(key, &failure.to_string(), std::time::Duration::ZERO, now()).await?;
            }
            at.commit().await?;
            Err(failure)
        }
    }
}

/// Marks the reply as being sent, if it is to be; else the job is done.
async fn begin(pool: &Arc<Pool>, job: &Job, key: &str) -> Result<Option<Outgoing>, Failure> {
    let mut at = pool.store.begin().await?;
    if !at.has_job(job).await? {
        return Err(triage_store::Error::Lost(job.id).into());
    }
    let Some(reply) = at.reply(key).await? else {
        return Err(Failure::Never("the reply is not in the outbox any more".into()));
    };
    // A dead one is said again when an operator requeues its job.
    if reply.state == State::Sent {
        at.finish_job(job, now()).await?;
        at.commit().await?;
        return Ok(None);
    }
    at.begin_reply(key, now()).await?;
    at.commit().await?;
    Ok(Some(reply))
}
