//! Reading an archive: ours, or one of KCIDB's.
//!
//! An object that is wrong is told with its line and skipped; all others are taken. What is known already
//! changes nothing, so that the same archive can be read again. Anything may stand in it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;
use triage_causes::Report;
use triage_causes::matrix::axes;
use triage_causes::report::Cause;
use triage_report::secrets::Masked;
use triage_store::{LineKind, NewBuild, NewCheckout, ProposedFix, SeenCause, Store, Timestamp, Transaction, Verdict};

use super::kcidb::{self, Document, Incident, Issue, OfIssue};
use crate::args::ImportArgs;
use crate::config::Config;
use crate::error::{Error, reason};

/// Bytes of a line; a longer one is skipped.
const LINE: u64 = 64 << 20;
/// Lines that are written at once.
const BATCH: usize = 200;
/// Faults that are told.
const TOLD: u64 = 50;

/// What came of an archive.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Objects that were read.
    pub taken: u64,
    /// Lines and objects that were wrong.
    pub skipped: u64,
}

/// `triage-bot import`.
pub async fn import(args: &ImportArgs, config: &Config) -> Result<(), Error> {
    let store = Store::open(&config.database).await?;
    let is_input = args.file == Path::new("-");
    let name = if is_input { "standard input".to_owned() } else { args.file.display().to_string() };
    let file: Box<dyn Read + Send> = match is_input {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(&args.file).map_err(|error| Error::Read(args.file.clone(), error))?),
    };
    let mut told = 0;
    let mut complain = |line: u64, why: &str| {
        told += 1;
        match told {
            1..=TOLD => crate::complain(&format!("{name}:{line}: {}; skipped", triage_report::safe::line(why))),
            51 => crate::complain("more faults are not told"),
            _ => {}
        }
    };
    let imported = read(&store, BufReader::new(file), &mut complain).await?;
    store.close().await;
    if imported.skipped > 0 {
        let Imported { taken, skipped } = imported;
        return Err(Error::Archive(format!("{name}: {taken} objects were taken, {skipped} were wrong and skipped")));
    }
    println!("{} objects were taken", imported.taken);
    Ok(())
}

/// Reads an archive into a store. What is wrong is told with the number of its line.
pub async fn read(
    store: &Store,
    mut input: impl BufRead,
    complain: &mut (dyn FnMut(u64, &str) + Send),
) -> Result<Imported, Error> {
    let mut reader = Reader::default();
    let mut imported = Imported::default();
    let mut line = Vec::new();
    let mut at = None;
    for number in 1.. {
        let Some(is_whole) = next_line(&mut input, &mut line).map_err(|error| Error::Archive(reason(&error)))? else {
            break;
        };
        if line.trim_ascii().is_empty() && is_whole {
            continue;
        }
        let mut fault = |why: String| {
            imported.skipped += 1;
            complain(number, &why);
        };
        if !is_whole {
            fault(format!("the line has more than {} MiB", LINE >> 20));
            continue;
        }
        let document: Document = match serde_json::from_slice(&line) {
            Ok(document) => document,
            Err(error) => {
                fault(format!("this is no document of KCIDB: {error}"));
                continue;
            }
        };
        if !(4..=5).contains(&document.version.major) {
            fault(format!("the document has version {}, this program knows 4 and 5", document.version.major));
            continue;
        }
        let mut transaction = match at.take() {
            Some(transaction) => transaction,
            None => store.begin().await?,
        };
        imported.taken += reader.document(document, &mut transaction, &mut fault).await?;
        if (number as usize).is_multiple_of(BATCH) {
            transaction.commit().await?;
        } else {
            at = Some(transaction);
        }
    }
    if let Some(transaction) = at {
        transaction.commit().await?;
    }
    Ok(imported)
}

/// Reads a line, without its end; false when it is too long, then it is empty. None at the end.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    if input.take(LINE).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') || (line.len() as u64) < LINE {
        return Ok(Some(true));
    }
    line.clear();
    line.shrink_to_fit();
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            return Ok(Some(false));
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(Some(false));
        }
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    /// Checkouts by their ids; none of those of which it is not known what was built.
    checkouts: HashMap<String, Option<i64>>,
}

/// Why an object is wrong, or what stops the import.
enum Fault {
    Object(String),
    Stop(Error),
}

impl<T: Into<Error>> From<T> for Fault {
    fn from(error: T) -> Self {
        Self::Stop(error.into())
    }
}

fn wrong<T>(why: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Object(why.into()))
}

impl Reader {
    /// Takes the objects of a line; gives how many were taken.
    async fn document(
        &mut self,
        document: Document,
        at: &mut Transaction,
        fault: &mut (dyn FnMut(String) + Send),
    ) -> Result<u64, Error> {
        let mut taken = 0;
        let parts = [
            ("checkouts", document.checkouts),
            ("builds", document.builds),
            ("issues", document.issues),
            ("incidents", document.incidents),
        ];
        for (part, objects) in parts {
            for (number, object) in objects.into_iter().enumerate() {
                let done = match part {
                    "checkouts" => self.checkout(object, at).await,
                    "builds" => self.build(object, at).await,
                    "issues" => self.issue(object, at).await,
                    _ => self.incident(object, at).await,
                };
                match done {
                    Ok(()) => taken += 1,
                    Err(Fault::Object(why)) => fault(format!("{part}[{number}]: {why}")),
                    Err(Fault::Stop(error)) => return Err(error),
                }
            }
        }
        Ok(taken)
    }

    async fn checkout(&mut self, object: Value, at: &mut Transaction) -> Result<(), Fault> {
        let checkout: kcidb::Checkout = parsed(object)?;
        let own = checkout.misc.triage;
        let since = match &checkout.start_time {
            Some(text) => time(text)?,
            None => Timestamp::from_millis(0),
        };
        let new = match own {
            Some(own) => NewCheckout {
                kind: if own.kind == "change" { LineKind::Change } else { LineKind::Branch },
                tree: own.tree,
                name: own.name,
                key: own.key,
                commit: own.commit.or(checkout.git_commit_hash),
                title: checkout.comment,
                url: own.url,
            },
            None => {
                let Some(tree) = checkout.tree_name.or(checkout.git_repository_url) else {
                    self.checkouts.insert(checkout.id, None);
                    return Ok(());
                };
                let patches = checkout.patchset_hash.filter(|hash| !hash.is_empty());
                let (kind, name) = match (patches.is_some(), checkout.message_id) {
                    (true, Some(id)) => (LineKind::Change, id),
                    _ => (LineKind::Branch, checkout.git_repository_branch.unwrap_or_default()),
                };
                let commit = checkout.git_commit_hash;
                let key = [commit.as_deref(), patches.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("+");
                let key = if key.is_empty() { checkout.id.clone() } else { key };
                NewCheckout { kind, tree, name, key, commit, title: checkout.comment, url: None }
            }
        };
        let id = at.record_checkout(&new, since).await?;
        self.checkouts.insert(checkout.id, Some(id));
        Ok(())
    }

    async fn build(&self, object: Value, at: &mut Transaction) -> Result<(), Fault> {
        let build: kcidb::Build = parsed(object)?;
        let Some(&checkout) = self.checkouts.get(&build.checkout_id) else {
            return wrong(format!("the checkout {} does not stand before it", build.checkout_id));
        };
        let status = match (build.status.as_deref(), build.valid) {
            (Some("PASS"), _) | (None, Some(true)) => "pass",
            (Some("FAIL"), _) | (None, Some(false)) => "fail",
            _ => "empty",
        };
        let id = own_id(&build.id, &build.origin, build.misc.triage.is_some())?;
        let own = build.misc.triage.unwrap_or_default();
        let mut known = own.axes;
        for (axis, value) in
            [("arch", &build.architecture), ("config", &build.config_name), ("toolchain", &build.compiler)]
        {
            axes::add(&mut known, axis, value.as_deref().unwrap_or_default());
        }
        let report = match own.report {
            Some(report) => {
                let read: Result<Report, _> = serde_json::from_value(report);
                let report = read.map_err(|error| Fault::Object(format!("its report is none: {error}")))?;
                // As when it came from a log.
                Some(serde_json::to_string(&*Masked::of(report)).map_err(io::Error::from)?)
            }
            None => None,
        };
        let new = NewBuild {
            name: if own.name.is_empty() { id.clone() } else { own.name },
            id,
            checkout,
            cell: own.cell,
            series: own.series,
            version: own.version,
            status: status.to_owned(),
            axes: known,
            url: build.log_url.or(own.url),
            report,
        };
        let seen = match &build.start_time {
            Some(text) => time(text)?,
            None => Timestamp::from_millis(0),
        };
        at.record_build(&new, seen).await?;
        Ok(())
    }

    async fn issue(&self, object: Value, at: &mut Transaction) -> Result<(), Fault> {
        let issue: Issue = parsed(object)?;
        let Some(own) = issue.misc.triage else { return wrong("it has no fingerprint: another program made it") };
        let fingerprint = fingerprint(&issue.id, &issue.origin)?;
        let (first, last) = (time(&own.first_seen)?, time(&own.last_seen)?);
        let detail = match &own.cause {
            Some(cause) => {
                let read: Result<Cause, _> = serde_json::from_value(cause.clone());
                let cause = read.map_err(|error| Fault::Object(format!("its cause is none: {error}")))?;
                let masked = Masked::of(Report { causes: vec![cause], ..Report::default() });
                masked.causes.first().and_then(|cause| serde_json::to_string(cause).ok())
            }
            None => None,
        };
        let kind = if issue.culprit.is_some_and(|culprit| culprit.harness) { "infrastructure" } else { "code" };
        let seen = SeenCause {
            fingerprint: fingerprint.clone(),
            class: own.class.clone(),
            kind: kind.to_owned(),
            title: issue.comment.unwrap_or_default(),
            place: own.place.clone(),
            words: own.words.clone(),
            detail,
            fix: None,
            builds: Vec::new(),
        };
        at.record_cause(&seen, first).await?;
        at.record_cause(&seen, last).await?;
        at.record_forgotten(&fingerprint, own.forgotten.into()).await?;
        self.said_of(&fingerprint, own, at).await
    }

    /// What was proposed and said.
    async fn said_of(&self, fingerprint: &str, own: OfIssue, at: &mut Transaction) -> Result<(), Fault> {
        for fix in own.fixes {
            let proposed = time(&fix.proposed)?;
            let worked = fix.worked.as_deref().map(time).transpose()?;
            let state = fix.worked_in.and_then(|id| self.checkouts.get(&id).copied().flatten());
            let fix =
                ProposedFix { kind: fix.kind, applicability: fix.applicability, title: fix.title, patch: fix.patch };
            at.record_fix(fingerprint, &fix, proposed).await?;
            if let Some(worked) = worked {
                at.record_worked(fingerprint, &fix, worked, state).await?;
            }
        }
        for said in own.verdicts.into_iter().rev() {
            let said_at = time(&said.at)?;
            let Some(verdict) = Verdict::parse(&said.verdict, said.detail) else {
                return wrong(format!("the verdict '{}' is none", said.verdict));
            };
            at.judge(fingerprint, &verdict, &said.by, said_at).await?;
        }
        Ok(())
    }

    async fn incident(&self, object: Value, at: &mut Transaction) -> Result<(), Fault> {
        let incident: Incident = parsed(object)?;
        let (Some(build), true) = (incident.build_id, incident.present.unwrap_or(true)) else { return Ok(()) };
        let fingerprint = fingerprint(&incident.issue_id, &incident.origin)?;
        let own = own_id(&build, &incident.origin, incident.misc.triage.is_some())?;
        match at.is_known(&fingerprint, &own).await? {
            (true, true) => {}
            (false, _) => return wrong(format!("the issue {} does not stand before it", incident.issue_id)),
            (_, false) => return wrong(format!("the build {build} does not stand before it")),
        }
        let seen = match &incident.misc.triage {
            Some(own) => time(&own.seen)?,
            None => Timestamp::from_millis(0),
        };
        at.record_occurrences(&fingerprint, &[own], seen).await?;
        Ok(())
    }
}

fn parsed<T: DeserializeOwned>(object: Value) -> Result<T, Fault> {
    serde_json::from_value(object).map_err(|error| Fault::Object(error.to_string()))
}

fn time(text: &str) -> Result<Timestamp, Fault> {
    Timestamp::parse(text).ok_or_else(|| Fault::Object(format!("'{text}' is no time as in RFC 3339")))
}

/// An id without the name of its origin, when it is ours; else the whole id, which no other origin has.
fn own_id(id: &str, origin: &str, is_ours: bool) -> Result<String, Fault> {
    let Some(rest) = id.strip_prefix(origin).and_then(|rest| rest.strip_prefix(':')) else {
        return wrong(format!("the id '{id}' does not begin with its origin '{origin}'"));
    };
    Ok(if is_ours { rest } else { id }.to_owned())
}

fn fingerprint(id: &str, origin: &str) -> Result<String, Fault> {
    let fingerprint = own_id(id, origin, true)?;
    let is_one = fingerprint.len() == 16 && fingerprint.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_one { Ok(fingerprint) } else { wrong(format!("'{fingerprint}' is no fingerprint of 16 digits")) }
}
