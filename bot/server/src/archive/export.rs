//! Writing the archive: one object a line, in the order in which an import needs them.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};
use triage_store::{ArchivedCause, ArchivedCheckout, Build, LineKind, Occurrence, Store, Transaction};

use super::kcidb::{
    self, Culprit, Document, Incident, Issue, Misc, OfBuild, OfCheckout, OfFix, OfIncident, OfIssue, OfVerdict,
};
use crate::args::ExportArgs;
use crate::config::Config;
use crate::error::Error;

/// Rows that are read at once.
const PAGE: i64 = 500;
/// The id of the checkout of builds of which it is not known what was built.
const UNKNOWN: &str = "unknown";

/// `triage-bot export`.
pub async fn export(args: &ExportArgs, config: &Config) -> Result<(), Error> {
    let store = Store::open(&config.database).await?;
    let file = match &args.output {
        Some(path) => {
            let failed = |error| Error::Write(path.clone(), error);
            let file = std::fs::File::create(path).map_err(failed)?;
            Box::new(file) as Box<dyn Write + Send>
        }
        None => Box::new(io::stdout()),
    };
    let mut writer = Writer { origin: &args.origin, reports: !args.no_reports, out: BufWriter::new(file) };
    let mut at = store.read().await?;
    writer.all(&mut at).await?;
    writer.out.flush().map_err(|error| match &args.output {
        Some(path) => Error::Write(path.clone(), error),
        None => Error::Output(error),
    })?;
    drop(at);
    store.close().await;
    Ok(())
}

struct Writer<'a> {
    origin: &'a str,
    reports: bool,
    out: BufWriter<Box<dyn Write + Send>>,
}

impl Writer<'_> {
    async fn all(&mut self, at: &mut Transaction) -> Result<(), Error> {
        self.checkouts(at).await?;
        self.builds(at).await?;
        self.issues(at).await?;
        self.incidents(at).await
    }

    async fn checkouts(&mut self, at: &mut Transaction) -> Result<(), Error> {
        self.line(
            |line| &mut line.checkouts,
            &kcidb::Checkout { id: self.id(UNKNOWN), origin: self.origin.to_owned(), ..kcidb::Checkout::default() },
        )?;
        let mut after = 0;
        loop {
            let page = at.archived_checkouts(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for row in &page {
                self.line(|line| &mut line.checkouts, &self.checkout(row))?;
            }
        }
    }

    fn checkout(&self, row: &ArchivedCheckout) -> kcidb::Checkout {
        let checkout = &row.checkout;
        let commit = checkout.commit.clone();
        let is_full = |commit: &String| {
            commit.len() == 40 && commit.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_change = checkout.kind == LineKind::Change;
        let is_mail = is_change && checkout.name.contains('@');
        kcidb::Checkout {
            id: self.checkout_id(row),
            origin: self.origin.to_owned(),
            tree_name: Some(checkout.tree.clone()),
            git_repository_branch: (!is_change).then(|| checkout.name.clone()),
            git_commit_hash: commit.clone().filter(is_full),
            message_id: is_mail.then(|| checkout.name.clone()),
            comment: checkout.title.clone(),
            start_time: Some(row.first_seen_at.rfc3339()),
            misc: Misc {
                triage: Some(OfCheckout {
                    kind: checkout.kind.name().to_owned(),
                    tree: checkout.tree.clone(),
                    name: checkout.name.clone(),
                    key: checkout.key.clone(),
                    commit: commit.filter(|commit| !is_full(commit)),
                    url: checkout.url.clone(),
                }),
            },
            ..kcidb::Checkout::default()
        }
    }

    async fn builds(&mut self, at: &mut Transaction) -> Result<(), Error> {
        let mut after = String::new();
        // Builds of a state mostly follow each other.
        let mut known: Option<(i64, String)> = None;
        loop {
            let page = at.archived_builds(&after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after.clone_from(&last.id);
            for (build, report) in page {
                let checkout = match build.checkout {
                    None => self.id(UNKNOWN),
                    Some(id) => match &known {
                        Some((known, text)) if *known == id => text.clone(),
                        _ => {
                            let text = self.checkout_of(id, at).await?;
                            known = Some((id, text.clone()));
                            text
                        }
                    },
                };
                self.line(|line| &mut line.builds, &self.build(build, report, checkout))?;
            }
        }
    }

    fn build(&self, build: Build, report: Option<String>, checkout_id: String) -> kcidb::Build {
        let axis = |name: &str| build.axes.get(name).cloned();
        let compiler = [axis("toolchain"), axis("version")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let status = match build.status.as_str() {
            "pass" => "PASS",
            "fail" => "FAIL",
            _ => "MISS",
        };
        let architecture =
            axis("arch").filter(|arch| arch.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')));
        let (series, version) = build.series.unzip();
        kcidb::Build {
            id: self.id(&build.id),
            origin: self.origin.to_owned(),
            checkout_id,
            start_time: Some(build.received_at.rfc3339()),
            architecture,
            compiler: Some(compiler).filter(|compiler| !compiler.is_empty()),
            config_name: axis("config"),
            log_url: build.url.clone().filter(|url| is_address(url)),
            status: Some(status.to_owned()),
            valid: None,
            misc: Misc {
                triage: Some(OfBuild {
                    name: build.name,
                    cell: build.cell,
                    url: build.url.filter(|url| !is_address(url)),
                    series,
                    version: version.unwrap_or(0),
                    report: report.filter(|_| self.reports).and_then(|text| serde_json::from_str(&text).ok()),
                    axes: build.axes,
                }),
            },
        }
    }

    async fn issues(&mut self, at: &mut Transaction) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let page = at.archived_causes(&after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.cause.fingerprint);
            for row in page {
                let mut fixes = Vec::new();
                for fix in &row.fixes {
                    let worked_in = match fix.worked_in {
                        Some(id) => Some(self.checkout_of(id, at).await?),
                        None => None,
                    };
                    fixes.push(OfFix {
                        kind: fix.fix.kind.clone(),
                        applicability: fix.fix.applicability.clone(),
                        title: fix.fix.title.clone(),
                        patch: fix.fix.patch.clone(),
                        proposed: fix.proposed_at.rfc3339(),
                        worked: fix.worked_at.map(|at| at.rfc3339()),
                        worked_in,
                    });
                }
                self.line(|line| &mut line.issues, &self.issue(row, fixes))?;
            }
        }
    }

    fn issue(&self, row: ArchivedCause, fixes: Vec<OfFix>) -> Issue {
        let cause = row.cause;
        let said = row.verdicts.first().map(|said| said.at);
        let changed = cause.last_seen_at.max(said.unwrap_or(cause.last_seen_at));
        let is_invalid = matches!(cause.verdict, Some(triage_store::Verdict::Invalid));
        let is_code = cause.kind == "code";
        Issue {
            id: self.id(&cause.fingerprint),
            version: u64::try_from(changed.seconds()).unwrap_or(0),
            origin: self.origin.to_owned(),
            report_url: None,
            culprit: Some(Culprit { code: is_code && !is_invalid, tool: false, harness: !is_code && !is_invalid }),
            comment: Some(cause.title.clone()),
            misc: Misc {
                triage: Some(OfIssue {
                    class: cause.class,
                    place: cause.place,
                    forgotten: u32::try_from(row.forgotten).unwrap_or(u32::MAX),
                    first_seen: cause.first_seen_at.rfc3339(),
                    last_seen: cause.last_seen_at.rfc3339(),
                    words: row.words,
                    cause: row.detail.and_then(|text| serde_json::from_str(&text).ok()),
                    fixes,
                    verdicts: row
                        .verdicts
                        .iter()
                        .map(|said| OfVerdict {
                            verdict: said.verdict.name().to_owned(),
                            detail: said.verdict.detail().to_owned(),
                            by: said.by.clone(),
                            at: said.at.rfc3339(),
                        })
                        .collect(),
                }),
            },
        }
    }

    async fn incidents(&mut self, at: &mut Transaction) -> Result<(), Error> {
        let (mut fingerprint, mut build) = (String::new(), String::new());
        let mut versions: Option<(String, u64)> = None;
        loop {
            let page = at.archived_occurrences((&fingerprint, &build), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            fingerprint.clone_from(&last.fingerprint);
            build.clone_from(&last.build);
            for row in page {
                let version = match &versions {
                    Some((known, version)) if *known == row.fingerprint => *version,
                    _ => {
                        let history = at.history(&row.fingerprint).await?;
                        // As the issue has it.
                        let changed = history.map_or(0, |it| {
                            let said = it.verdicts.first().map_or(it.last_seen_at, |said| said.at);
                            u64::try_from(it.last_seen_at.max(said).seconds()).unwrap_or(0)
                        });
                        versions = Some((row.fingerprint.clone(), changed));
                        changed
                    }
                };
                self.line(|line| &mut line.incidents, &self.incident(&row, version))?;
            }
        }
    }

    fn incident(&self, row: &Occurrence, issue_version: u64) -> Incident {
        Incident {
            id: self.id(&format!("{}:{}", row.fingerprint, row.build)),
            origin: self.origin.to_owned(),
            issue_id: self.id(&row.fingerprint),
            issue_version,
            build_id: Some(self.id(&row.build)),
            present: Some(true),
            misc: Misc { triage: Some(OfIncident { seen: row.seen_at.rfc3339() }) },
        }
    }

    async fn checkout_of(&self, id: i64, at: &mut Transaction) -> Result<String, Error> {
        let rows = at.archived_checkouts(id - 1, 1).await?;
        Ok(rows.first().filter(|row| row.id == id).map_or_else(|| self.id(UNKNOWN), |row| self.checkout_id(row)))
    }

    /// The same for the same state of the same line, in every database.
    fn checkout_id(&self, row: &ArchivedCheckout) -> String {
        let checkout = &row.checkout;
        let hash = Sha256::digest(format!("{}\0{}\0{}", checkout.tree, checkout.name, checkout.key));
        self.id(&hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect::<String>())
    }

    fn id(&self, id: &str) -> String {
        format!("{}:{id}", self.origin)
    }

    fn line(
        &mut self,
        part: impl FnOnce(&mut Document) -> &mut Vec<serde_json::Value>,
        object: &impl Serialize,
    ) -> Result<(), Error> {
        let mut line = Document { version: kcidb::VERSION, ..Document::default() };
        part(&mut line).push(serde_json::to_value(object).map_err(io::Error::from)?);
        serde_json::to_writer(&mut self.out, &line).map_err(io::Error::from)?;
        Ok(self.out.write_all(b"\n")?)
    }
}

/// True for an address on the web, as the form wants it (RFC 3986).
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte))
    })
}
