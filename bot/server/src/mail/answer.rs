//! Mails of people below a patch: commands, and bounces of ours.
//!
//! A command is taken from people in the thread only, and only when the mail is a person's. What
//! was carried out and needs no words gets none: an answer to "leave me alone" would be no answer.

use std::path::Path;

use triage_causes::Report;
use triage_causes::report::Cause;
use triage_mail::commands::{self, Command, Commands, Original, What};
use triage_mail::manners::authentic;
use triage_mail::reply::{About, Blame, Certainty, facts};
use triage_mail::{Address, Message, MessageId};
use triage_store::{RecordedCommand, Stop, StopKind, Timestamp, Transaction, Verdict};

use super::{CHANNEL, decide};
use crate::config::MailConfig;
use crate::error::Error;
use crate::threads::Thread;

/// The record of a build that was asked for.
const ASKED: &str = "asked for";

/// Deals with a mail that was not dealt with before.
pub async fn message(
    config: &MailConfig,
    thread: &Thread,
    message: &Message,
    at: &mut Transaction,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(id) = &message.message_id else { return Ok(()) };
    if config.judge.silence(message).is_some() {
        return Ok(());
    }
    let found = commands::parse(&message.text);
    let Some(from) = message.from.as_ref().map(|from| from.address()).filter(|_| !found.is_empty()) else {
        return Ok(());
    };
    if !at.see(CHANNEL, id.as_str(), "commands", now).await? {
        return Ok(());
    }
    let is_administrator = config.administrators.iter().any(|one| one.is(from));
    let authserv = config.authserv.as_deref();
    let is_proved = |message: &Message| authserv.is_some_and(|name| authentic::is_from_sender(message, name));
    let refusal = match () {
        () if authserv.is_some() && !is_proved(message) => Some("the sender is not proved"),
        () if !config.commands => Some("commands are switched off"),
        () if !is_administrator && !thread.knows(from, &is_proved) => Some("the sender is not in the thread"),
        () => None,
    };
    if let Some(why) = refusal {
        // No answer: whoever is not in the thread must not make the bot write.
        return decide::note(at, "command refused", id.as_str(), &format!("{from}: {why}"), now).await;
    }
    let told = Told { config, thread, message, id, from, is_administrator };
    told.carry_out(&found, at, now).await
}

/// A mail of ours that came back: for the operator to see.
pub async fn bounce(message: &Message, about: &[MessageId], at: &mut Transaction, now: Timestamp) -> Result<(), Error> {
    let Some(id) = &message.message_id else { return Ok(()) };
    if !at.see(CHANNEL, id.as_str(), "bounce", now).await? {
        return Ok(());
    }
    let mut whose = "it names no mail of ours".to_owned();
    for known in about {
        if let Some(reply) = at.reply_by_marker(known.as_str()).await? {
            whose = format!("<{}> to {}", reply.marker, reply.recipients.join(", "));
        }
    }
    crate::complain(&format!("a mail came back: {whose}"));
    decide::note(at, "bounce", id.as_str(), &whose, now).await
}

/// A mail with commands.
struct Told<'a> {
    config: &'a MailConfig,
    thread: &'a Thread,
    message: &'a Message,
    id: &'a MessageId,
    from: &'a Address,
    is_administrator: bool,
}

/// What became of a command.
struct Outcome {
    /// For the records.
    record: String,
    /// For the person; none when there is nothing to say.
    answer: Option<String>,
}

impl Told<'_> {
    async fn carry_out(&self, found: &Commands, at: &mut Transaction, now: Timestamp) -> Result<(), Error> {
        let mut answers = Vec::new();
        for (position, command) in (0..).zip(&found.taken) {
            let outcome = self.command(command, at, now).await?;
            let record = RecordedCommand {
                message: self.id.as_str().to_owned(),
                position,
                name: command.name().to_owned(),
                argument: command.argument(),
                said_by: self.from.to_string(),
                thread: self.thread.id.as_str().to_owned(),
                outcome: outcome.record,
            };
            at.record_command(&record, now).await?;
            answers.extend(outcome.answer.map(|answer| format!("{command}: {answer}")));
        }
        for unknown in &found.unknown {
            answers.push(format!("\"{}\": {}", triage_report::safe::line(&unknown.line), unknown.why));
        }
        if found.left_out > 0 && !answers.is_empty() {
            answers.push(format!("I take {} commands a mail and left {} out", commands::COMMANDS_MAX, found.left_out));
        }
        if answers.is_empty() {
            return Ok(());
        }
        self.answer(answers, found.taken.contains(&Command::Explain), at, now).await
    }

    async fn command(&self, command: &Command, at: &mut Transaction, now: Timestamp) -> Result<Outcome, Error> {
        match command {
            Command::Explain => Ok(Outcome { record: "explained".into(), answer: Some("see below".into()) }),
            Command::Retest => self.retest(at).await,
            Command::Invalid => self.judge(Verdict::Invalid, at, now).await,
            Command::Fix(commit) => self.judge(Verdict::Fixed(commit.clone()), at, now).await,
            Command::Duplicate(original) => {
                let id = match original {
                    Original::Fingerprint(id) => id.clone(),
                    Original::Message(id) => id.as_str().to_owned(),
                };
                self.judge(Verdict::Duplicate(id), at, now).await
            }
            Command::Stop(what) => self.stop(*what, at, now).await,
        }
    }

    async fn retest(&self, at: &mut Transaction) -> Result<Outcome, Error> {
        let Some(folder) = &self.config.retests else {
            let answer = "no builds are started by mail here".to_owned();
            return Ok(Outcome { record: "declined".into(), answer: Some(answer) });
        };
        let earlier = at.commands(self.thread.id.as_str()).await?;
        let asked = earlier.iter().filter(|command| command.outcome == ASKED).count() as u64;
        if asked >= self.config.per_thread {
            let answer = "this thread had its share of builds".to_owned();
            return Ok(Outcome { record: "declined".into(), answer: Some(answer) });
        }
        self.ask_for_build(folder).map_err(|error| Error::Write(folder.clone(), error))?;
        Ok(Outcome { record: ASKED.into(), answer: None })
    }

    /// Leaves a file for CI. Its name follows from the mail, so that it is the same file again after
    /// a crash; nothing that a person wrote becomes part of a path.
    fn ask_for_build(&self, folder: &Path) -> std::io::Result<()> {
        let about = About { series: self.id.as_str(), version: 0, purpose: "retest", causes: &[] };
        let patches: Vec<_> = self.thread.series.patches.values().map(|patch| &patch.id).collect();
        let pull = self.thread.pull.as_ref().map(
            |pull| serde_json::json!({ "repository": pull.repository, "reference": pull.reference, "head": pull.head }),
        );
        let text = serde_json::json!({
            "series": self.thread.id,
            "version": self.thread.version,
            "patches": patches,
            "pull": pull,
            "asked_by": self.from,
            "asked_in": self.id,
        });
        std::fs::create_dir_all(folder)?;
        let name = about.key();
        let unfinished = folder.join(format!(".{name}"));
        std::fs::write(&unfinished, format!("{text:#}\n"))?;
        std::fs::rename(unfinished, folder.join(format!("{name}.json")))
    }

    /// Writes down what the person says of the causes in the thread.
    async fn judge(&self, verdict: Verdict, at: &mut Transaction, now: Timestamp) -> Result<Outcome, Error> {
        let causes = at.said(CHANNEL, self.thread.id.as_str(), self.thread.version.into()).await?;
        let mut known = 0;
        for cause in &causes {
            known += u64::from(at.judge(cause, &verdict, self.from.as_str(), now).await?);
        }
        Ok(match known {
            0 => {
                let answer = "I have said nothing about this series that it could be about".to_owned();
                Outcome { record: "nothing known".into(), answer: Some(answer) }
            }
            _ => Outcome { record: "noted".into(), answer: None },
        })
    }

    async fn stop(&self, what: What, at: &mut Transaction, now: Timestamp) -> Result<Outcome, Error> {
        let list = decide::list_of(self.config, self.thread);
        let stopped = match what {
            What::Me => Some((StopKind::Person, self.from.as_str().to_ascii_lowercase())),
            What::Thread => Some((StopKind::Thread, self.thread.id.as_str().to_owned())),
            _ if !self.is_administrator => {
                let answer = "only those who run the list can say that; \"stop\" and \"stop thread\" work for you";
                return Ok(Outcome { record: "refused".into(), answer: Some(answer.into()) });
            }
            What::List => list.map(|list| (StopKind::List, list.address.as_str().to_ascii_lowercase())),
            What::Tree => list.and_then(|list| list.tree.clone()).map(|tree| (StopKind::Tree, tree)),
        };
        let Some((kind, subject)) = stopped else {
            return Ok(Outcome { record: "nothing to stop".into(), answer: Some("I know of none".into()) });
        };
        let (said_by, said_in) = (self.from.to_string(), self.id.as_str().to_owned());
        at.stop(&Stop { kind, subject, said_by, said_in }, now).await?;
        Ok(Outcome { record: "stopped".into(), answer: None })
    }

    async fn answer(
        &self,
        answers: Vec<String>,
        explain: bool,
        at: &mut Transaction,
        now: Timestamp,
    ) -> Result<(), Error> {
        let ever = Timestamp::from_millis(0);
        let mails = at.count(CHANNEL, triage_store::Counted::Thread(self.thread.id.as_str()), ever).await?;
        let is_stopped = at.is_stopped(StopKind::Thread, self.thread.id.as_str()).await?;
        if mails >= self.config.per_thread || is_stopped {
            return decide::note(at, "answer withheld", self.id.as_str(), "the thread had its share of mails", now)
                .await;
        }
        let report = self.last_report(at).await?;
        let causes: Vec<&Cause> = if explain { facts::tellable(&report) } else { Vec::new() };
        let nothing =
            Blame { number: 0, total: 1, title: String::new(), certainty: Certainty::Series, reason: String::new() };
        let mut said = facts::of_report(&report, &causes, nothing);
        said.answers = answers;
        let about = About {
            series: self.thread.id.as_str(),
            version: self.thread.version,
            purpose: "answer",
            causes: &[self.id.as_str()],
        };
        match decide::write(self.config, self.message, &about, "answer", &mut said, &[], at, now).await? {
            Ok(reply) => drop(at.record_reply(&reply, now).await?),
            Err(why) => decide::note(at, "answer withheld", self.id.as_str(), &why, now).await?,
        }
        Ok(())
    }

    async fn last_report(&self, at: &mut Transaction) -> Result<Report, Error> {
        let text = at.last_report(self.thread.id.as_str(), self.thread.version.into()).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }
}
