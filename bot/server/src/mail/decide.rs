//! Whether a result is worth a mail, and which.
//!
//! One mail a version of a series, to the patch that did it; when several did, to the cover
//! letter. What comes to light later goes into summaries, of which there are few.

use triage_causes::report::{Cause, Report, State as Novelty};
use triage_mail::reply::{self, About, Blame, Certainty, Facts, Parent, Recipients, facts};
use triage_mail::{Address, Message};
use triage_store::{
    Audit, Counted, LineKind, NewCheckout, NewReply, Recorded, SeriesRecord, StopKind, Timestamp, Transaction, Verdict,
};

use super::CHANNEL;
use crate::builds::BuildResult;
use crate::config::{List, MailConfig};
use crate::dashboard::{Link, permalink};
use crate::error::Error;
use crate::memory::{self, Origin};
use crate::threads::{Built, Thread};

/// Seconds of a day, for the limit to a person.
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// Records a result of a build and the mail about it, when there is something to say.
pub async fn result(
    config: &MailConfig,
    thread: &Thread,
    built: Built,
    result: &BuildResult,
    at: &mut Transaction,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(head) = thread.head() else { return Ok(()) };
    let list = list_of(config, thread);
    let done = result_id(thread, result);
    remember(config, thread, result, list, head, at, now).await?;
    if !at.see("result", &done, "read", now).await? {
        return Ok(());
    }
    let outcome = match silence(config, thread, list, at, now).await? {
        Some(why) => why,
        None => match told(thread, &result.report, at).await?.as_slice() {
            [] => "there is nothing new to tell the author".to_owned(),
            causes => match compose(config, thread, built, result, causes, at, now).await? {
                Ok(reply) => recorded(at.record_reply(&reply, now).await?).to_owned(),
                Err(why) => why,
            },
        },
    };
    note(at, "result", &format!("{}: {}", thread.id, result.name), &outcome, now).await
}

fn recorded(outcome: Recorded) -> &'static str {
    match outcome {
        Recorded::New => "recorded",
        Recorded::Known => "recorded before",
        Recorded::Said => "all was told before",
    }
}

/// The same for the same result: what it says, not where it was found.
fn result_id(thread: &Thread, result: &BuildResult) -> String {
    let builds = result.report.builds.iter().map(|build| format!("{} {}", build.id, build.bytes));
    let causes = result.report.causes.iter().map(|cause| cause.fingerprint.clone());
    let all: Vec<String> = builds.chain(causes).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    About { series: thread.id.as_str(), version: thread.version, purpose: "result", causes: &all }.key()
}

/// Writes down the series, its builds and their causes.
async fn remember(
    config: &MailConfig,
    thread: &Thread,
    result: &BuildResult,
    list: Option<&List>,
    head: &Message,
    at: &mut Transaction,
    now: Timestamp,
) -> Result<(), Error> {
    let address = |message: &Message| message.from.as_ref().map(|from| from.address().to_string()).unwrap_or_default();
    let series = SeriesRecord {
        channel: CHANNEL.into(),
        id: thread.id.as_str().to_owned(),
        version: thread.version.into(),
        place: list.map(|list| list.address.to_string()).unwrap_or_default(),
        subject: head.subject.clone(),
        author: address(head),
        base: thread.base(),
        messages: thread
            .messages()
            .filter_map(|message| Some(message.message_id.as_ref()?.as_str().to_owned()))
            .collect(),
    };
    at.record_series(&series, now).await?;
    let id = |build: &str| {
        About { series: thread.id.as_str(), version: thread.version, purpose: "build", causes: &[build] }.key()
    };
    let tree = list.map(|list| list.tree.clone().unwrap_or_else(|| list.address.to_string()));
    let id_of_head = head.message_id.as_ref().map(|id| id.as_str()).unwrap_or_default();
    let checkout = NewCheckout {
        kind: LineKind::Change,
        tree: tree.unwrap_or_default(),
        name: thread.id.as_str().to_owned(),
        key: format!("v{}", thread.version),
        commit: None,
        title: Some(head.subject.clone()),
        url: config.archive.as_ref().map(|archive| archive.replace("{id}", id_of_head)),
    };
    let origin = Origin {
        checkout: Some(&checkout),
        cell: None,
        series: Some((thread.id.as_str(), thread.version.into())),
        url: result.url.as_deref(),
        id: &id,
    };
    memory::remember(at, &origin, &result.report, now).await
}

/// Why nothing is said in the thread, whatever there is to say.
async fn silence(
    config: &MailConfig,
    thread: &Thread,
    list: Option<&List>,
    at: &mut Transaction,
    now: Timestamp,
) -> Result<Option<String>, Error> {
    let Some(head) = thread.head() else { return Ok(Some("the thread is empty".into())) };
    if let Some(why) = config.judge.silence(head) {
        return Ok(Some(why.to_string()));
    }
    let Some(author) = head.from.as_ref().map(|from| from.address().as_str().to_ascii_lowercase()) else {
        return Ok(Some("the author is not known".into()));
    };
    let mut stops = vec![(StopKind::Person, author.clone()), (StopKind::Thread, thread.id.as_str().to_owned())];
    if let Some(list) = list {
        stops.push((StopKind::List, list.address.as_str().to_ascii_lowercase()));
        stops.extend(list.tree.clone().map(|tree| (StopKind::Tree, tree)));
    }
    for (kind, subject) in stops {
        if at.is_stopped(kind, &subject).await? {
            return Ok(Some(format!("{subject} asked to be left alone")));
        }
    }

    let ever = Timestamp::from_millis(0);
    if at.count(CHANNEL, Counted::Thread(thread.id.as_str()), ever).await? >= config.per_thread {
        return Ok(Some("the thread had its share of mails".into()));
    }
    if at.count(CHANNEL, Counted::Person(&author), now.before(DAY)).await? >= config.per_person_and_day {
        return Ok(Some("the author had enough mails today".into()));
    }
    Ok(None)
}

/// The causes that the author has not been told and that are the patches' own.
async fn told<'r>(thread: &Thread, report: &'r Report, at: &mut Transaction) -> Result<Vec<&'r Cause>, Error> {
    let said = at.said(CHANNEL, thread.id.as_str(), thread.version.into()).await?;
    let mut causes = Vec::new();
    for cause in facts::tellable(report) {
        // What failed before the patches is no matter of theirs.
        let old = matches!(cause.state, Some(Novelty::StillFailing));
        let known = at.known_cause(&cause.fingerprint).await?;
        let judged = known.and_then(|known| known.verdict).map(|(verdict, _)| verdict);
        let dropped = matches!(judged, Some(Verdict::Invalid | Verdict::Duplicate(_)));
        if !old && !dropped && !said.contains(&cause.fingerprint) {
            causes.push(cause);
        }
    }
    Ok(causes)
}

/// The mail about some causes, or why there is none.
async fn compose(
    config: &MailConfig,
    thread: &Thread,
    built: Built,
    result: &BuildResult,
    causes: &[&Cause],
    at: &mut Transaction,
    now: Timestamp,
) -> Result<Result<NewReply, String>, Error> {
    let ever = Timestamp::from_millis(0);
    let version = i64::from(thread.version);
    let mut earlier = 0;
    for purpose in ["report", "summary"] {
        earlier += at.count(CHANNEL, Counted::Purpose(thread.id.as_str(), version, purpose), ever).await?;
    }
    if earlier >= config.per_version {
        return Ok(Err("this version had its share of mails".into()));
    }
    let purpose = if earlier == 0 { "report" } else { "summary" };
    let blames: Vec<Blame> = causes.iter().map(|cause| thread.blame(cause, built)).collect();
    let (parent, blame) = place(thread, &blames);
    let Some(parent) = parent else { return Ok(Err("there is no mail to answer".into())) };
    let fingerprints: Vec<&str> = causes.iter().map(|cause| cause.fingerprint.as_str()).collect();
    let about = About { series: thread.id.as_str(), version: thread.version, purpose, causes: &fingerprints };

    let mut facts = facts::of_report(&result.report, causes, blame);
    several(&mut facts, &blames);
    facts.earlier = at.said(CHANNEL, thread.id.as_str(), version).await?.len();
    facts.base = result.base.as_deref().map(triage_report::safe::line).or_else(|| thread.base()).unwrap_or_default();
    facts.logs = result.url.as_deref().map(triage_report::safe::line).unwrap_or_default();
    if !result.reproduce.is_empty() {
        facts.reproduce = result.reproduce.iter().map(|line| triage_report::safe::line(line)).collect();
    }
    for (told, cause) in facts.causes.iter_mut().zip(causes) {
        told.history = history(config, cause, at, now).await?;
    }
    let maintainers: Vec<String> = causes.iter().flat_map(|cause| cause.maintainers.clone()).collect();
    write(config, parent, &about, purpose, &mut facts, &maintainers, at, now).await
}

/// Which mail is answered: the patch that did all of it, else the one that stands for the series.
fn place<'t>(thread: &'t Thread, blames: &[Blame]) -> (Option<&'t Message>, Blame) {
    let first = blames.first().cloned();
    let same = blames.iter().all(|blame| Some(blame.number) == first.as_ref().map(|first| first.number));
    let whole = |thread: &Thread| Blame {
        number: 0,
        total: thread.total(),
        title: String::new(),
        certainty: Certainty::Series,
        reason: String::new(),
    };
    match first.filter(|first| same && first.number > 0) {
        Some(blame) => (thread.series.mail(blame.number), blame),
        None => (thread.head(), whole(thread)),
    }
}

/// When several patches did it, each cause says which.
fn several(facts: &mut Facts, blames: &[Blame]) {
    if facts.blame.number > 0 {
        return;
    }
    for (cause, blame) in facts.causes.iter_mut().zip(blames).filter(|(_, blame)| blame.number > 0) {
        let sure = if blame.certainty == Certainty::Proved { "since" } else { "most likely by" };
        let why = if blame.reason.is_empty() { String::new() } else { format!(": {}", blame.reason) };
        cause.facts.insert(0, format!("{sure} patch {}/{}{why}", blame.number, blame.total));
    }
}

/// What is known of a cause from other builds, when it is worth saying, and where there is more.
async fn history(config: &MailConfig, cause: &Cause, at: &mut Transaction, now: Timestamp) -> Result<String, Error> {
    let Some(words) = memory::history(at, &cause.fingerprint, now).await? else { return Ok(String::new()) };
    Ok(match &config.dashboard {
        Some(base) => format!("{words}; {}", permalink(base, Link::Cause(&cause.fingerprint))),
        None => words,
    })
}

/// Puts a mail together and says to whom it goes.
#[expect(clippy::too_many_arguments, reason = "each is another thing, and there are two callers")]
pub async fn write(
    config: &MailConfig,
    parent: &Message,
    about: &About<'_>,
    template: &str,
    facts: &mut Facts,
    maintainers: &[String],
    at: &mut Transaction,
    now: Timestamp,
) -> Result<Result<NewReply, String>, Error> {
    let Some(answered) = Parent::of(parent) else { return Ok(Err("the mail to answer has no Message-ID".into())) };
    let list = config.judge.list_of(parent).cloned();
    let lists: Vec<Address> = list.iter().cloned().collect();
    let mut alone = Vec::new();
    let people = &config.people;
    let asked = parent.from.iter().chain(&parent.to).chain(&parent.cc).chain(&people.always);
    for mailbox in asked {
        let address = mailbox.address();
        let is_own = config.judge.own.iter().any(|own| own.is(address));
        if is_own || at.is_stopped(StopKind::Person, &address.as_str().to_ascii_lowercase()).await? {
            alone.push(address.clone());
        }
    }
    let left_alone = |address: &Address| alone.iter().any(|one| one.is(address));
    let Some(recipients) = Recipients::of(parent, &lists, maintainers, people, &left_alone) else {
        return Ok(Err("the author asked to be left alone, or is not known".into()));
    };
    let domain = &config.identity.id_domain;
    let message_id = about.message_id(domain).map_err(|error| Error::Config(format!("mail.id_domain: {error}")))?;
    facts.name = first_name(parent);
    facts.bot = config.identity.from.address().to_string();
    facts.reported_by = triage_report::safe::line(&config.identity.from.to_string());
    if let Some(archive) = &config.archive {
        facts.closes = archive.replace("{id}", message_id.as_str());
    }
    let body = config.templates.render(template, facts).map_err(reply::Fault::from)?;
    let mut mail = reply::write(&config.identity, &answered, &recipients, message_id, &body, now.seconds())?;
    mail.recipients.extend(config.sent.copy_to.clone());
    let quiet = config.quiet_hours.and_then(|hours| hours.until(now.seconds()));
    let new = NewReply {
        key: about.key(),
        channel: CHANNEL.into(),
        place: list.map(|list| list.to_string()).unwrap_or_default(),
        thread: about.series.to_owned(),
        version: about.version.into(),
        purpose: about.purpose.to_owned(),
        fingerprints: match about.purpose {
            "answer" => Vec::new(),
            _ => about.causes.iter().map(|cause| (*cause).to_owned()).collect(),
        },
        recipients: mail.recipients.iter().map(ToString::to_string).collect(),
        marker: mail.message_id.as_str().to_owned(),
        content: mail.content,
        not_before: quiet.map_or(now, Timestamp::from_seconds),
    };
    Ok(Ok(new))
}

/// The name by which a person is greeted; empty when it is none that one would write.
fn first_name(parent: &Message) -> String {
    let name = parent.from.as_ref().and_then(|from| from.name()).unwrap_or_default();
    let name = name.split([',', ' ', '(']).next().unwrap_or_default();
    let plain = name.chars().all(|c| c.is_alphabetic() || c == '-' || c == '\'' || c == '.');
    if plain && name.chars().count() <= 30 { name.trim_end_matches('.').to_owned() } else { String::new() }
}

/// The list that a thread is on.
pub fn list_of<'c>(config: &'c MailConfig, thread: &Thread) -> Option<&'c List> {
    let address = config.judge.list_of(thread.head()?)?;
    config.lists.iter().find(|list| list.address.is(address))
}

/// Writes into the audit what was done.
pub async fn note(
    at: &mut Transaction,
    action: &str,
    subject: &str,
    detail: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let entry = Audit {
        at: now,
        actor: "bot".into(),
        action: action.into(),
        subject: subject.into(),
        detail: triage_report::safe::line(detail),
    };
    Ok(at.audit(&entry).await?)
}
