//! `/triage …` of a person in a pull request.

use std::sync::Arc;

use triage_causes::Report;
use triage_forge::answer::{Answer, Outcome};
use triage_forge::commands::Command;
use triage_forge::webhook::Forge;
use triage_forge::webhook::notice::Comment;
use triage_report::comment::{self, Manner};
use triage_report::secrets::Masked;
use triage_store::{Job, NewReply, Transaction, Verdict};

use super::failure::Failure;
use super::publish::Said;
use super::run::{Subject, digest, done, note};
use super::task::{Task, Told};
use super::{Pool, now};
use crate::{forge, memory};

/// Carries out the commands of a comment.
pub async fn obey(pool: &Arc<Pool>, job: &Job, told: &Told, comment: &Comment) -> Result<(), Failure> {
    let asked = match told.forge {
        Forge::Github => github(pool, told, comment).await?,
        Forge::Gitlab => gitlab(pool, told, comment).await?,
    };
    let Asked { head, again, refused } = match asked {
        Ok(asked) => asked,
        // No answer: whoever may not must not make the bot write.
        Err(why) => return done(pool, job, told, &why).await,
    };
    let subject = Subject::new(told, Some(comment.change), &head);
    let mut at = pool.store.begin().await?;
    at.finish_job(job, now()).await?;
    let mut answers = Vec::new();
    let mut explains = false;
    for command in &comment.commands.taken {
        let outcome = match command {
            Command::Explain(_) | Command::Why(_) => {
                explains = true;
                "explained".to_owned()
            }
            Command::Retest => {
                answers.extend(refused.iter().map(|why| format!("`retest`: {}", triage_report::safe::markdown(why))));
                if again == 0 && refused.is_empty() {
                    answers.push("`retest`: nothing of this commit failed".to_owned());
                }
                format!("{again} run again")
            }
            Command::Dismiss(cause) => {
                let known =
                    dismiss(&mut at, &subject, cause.as_ref().map(|it| it.as_str()), &comment.author.name).await?;
                match known {
                    0 => answers.push("`dismiss`: I have said nothing here that it could be about".to_owned()),
                    _ => answers.push("`dismiss`: noted".to_owned()),
                }
                format!("{known} causes")
            }
        };
        let what = format!("{} {} by {}", subject.thread, command.name(), comment.author.name);
        note(&mut at, "command", &what, &outcome).await?;
    }
    for unknown in &comment.commands.unknown {
        answers.push(format!("`{}`: {}", unknown.line.replace('`', "'"), unknown.why));
    }
    if explains || !answers.is_empty() {
        let report = match explains {
            true => last_report(&mut at, &subject).await?,
            false => None,
        };
        if explains && report.is_none() {
            answers.push("I have read no build of this commit yet".to_owned());
        }
        let answer = compose(comment, &answers, report.as_ref());
        let said = Said {
            told: told.clone(),
            built_sha: head.clone(),
            head_sha: head,
            change: Some(comment.change),
            answer,
            comment: Some(comment.id),
        };
        record(&mut at, job, &subject, said).await?;
    }
    at.commit().await?;
    Ok(())
}

/// What the forge says of a comment whose author may command.
struct Asked {
    /// The newest commit of the change.
    head: String,
    /// How many runs are run again.
    again: usize,
    /// Why others are not.
    refused: Vec<String>,
}

async fn github(pool: &Arc<Pool>, told: &Told, comment: &Comment) -> Result<Result<Asked, String>, Failure> {
    let config = pool.config();
    if !super::github::configured(&config)?.commands {
        return Ok(Err("commands are switched off".to_owned()));
    }
    let (session, repository) = pool.github.session(&config, told).await?;
    if !session.may_write(&repository, &comment.author.name).await? {
        return Ok(Err(format!("command refused: {} may not write", comment.author.name)));
    }
    let head = session.pull_request(&repository, comment.change).await?.head.sha;
    let (again, refused) = match comment.commands.taken.contains(&Command::Retest) {
        true => super::github::rerun(&session, &repository, &head).await?,
        false => (0, Vec::new()),
    };
    Ok(Ok(Asked { head, again, refused }))
}

async fn gitlab(pool: &Arc<Pool>, told: &Told, comment: &Comment) -> Result<Result<Asked, String>, Failure> {
    let config = pool.config();
    if !super::gitlab::configured(&config)?.commands {
        return Ok(Err("commands are switched off".to_owned()));
    }
    let (gitlab, project) = pool.gitlab.project(&config, told)?;
    if !gitlab.access(&project, comment.author.id).await?.may_command() {
        return Ok(Err(format!("command refused: {} may not write", comment.author.name)));
    }
    let Some(head) = &comment.head_sha else { return Ok(Err("the webhook names no commit".to_owned())) };
    let (again, refused) = match comment.commands.taken.contains(&Command::Retest) {
        true => super::gitlab::rerun(&gitlab, &project, head).await?,
        false => (0, Vec::new()),
    };
    Ok(Ok(Asked { head: head.as_str().to_owned(), again, refused }))
}

/// Writes down that causes are no fault of the change; gives how many.
async fn dismiss(at: &mut Transaction, subject: &Subject, cause: Option<&str>, by: &str) -> Result<u64, Failure> {
    let said = at.said(subject.channel, &subject.thread, subject.version).await?;
    let mut known = 0;
    for fingerprint in said.iter().filter(|said| cause.is_none_or(|cause| cause == *said)) {
        known += u64::from(at.judge(fingerprint, &Verdict::Invalid, by, now()).await?);
    }
    Ok(known)
}

async fn last_report(at: &mut Transaction, subject: &Subject) -> Result<Option<Masked>, Failure> {
    let text = at.last_report(&subject.thread, subject.version).await?;
    let report: Option<Report> = text.and_then(|text| serde_json::from_str(&text).ok());
    Ok(match report {
        Some(report) => Some(memory::recall(at, Masked::of(report), now()).await?),
        None => None,
    })
}

/// The answer to a comment: a comment of its own, which is edited when the command is carried out again.
fn compose(comment: &Comment, answers: &[String], report: Option<&Masked>) -> Answer {
    let manner = Manner { limits: comment::Limits::GITHUB, link: None, commands: true, source: None, is_known: None };
    let key = format!("triage.answer-{}", comment.id);
    let mut text: String = answers.iter().map(|answer| format!("- {answer}\n")).collect();
    if let Some(report) = report {
        let said = forge::answer::of(report, &key, &manner);
        text.push_str(&said.summary);
    }
    Answer {
        key,
        // It is written whatever the builds did.
        outcome: Outcome::Failed,
        title: "answer".to_owned(),
        comment: text,
        summary: String::new(),
        annotations: Vec::new(),
        suggestions: Vec::new(),
    }
}

async fn record(at: &mut Transaction, job: &Job, subject: &Subject, said: Said) -> Result<(), Failure> {
    let key = digest(&["answer", &job.key]);
    let reply = NewReply {
        key: key.clone(),
        channel: said.told.forge.name().to_owned(),
        place: said.told.repository.clone(),
        thread: subject.thread.clone(),
        version: subject.version,
        purpose: "answer".to_owned(),
        fingerprints: Vec::new(),
        recipients: Vec::new(),
        marker: format!("{}:{key}", said.answer.key),
        content: serde_json::to_string(&said).map_err(|error| Failure::Never(error.to_string()))?,
        not_before: now(),
    };
    at.record_reply(&reply, now()).await?;
    let publish = Task::Publish { key, thread: subject.thread.clone() };
    at.enqueue(&[publish.job(now())], now()).await?;
    Ok(())
}
