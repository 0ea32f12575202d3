//! Causes: what failed, where and since when, what was proposed, and what people said of it.

use sha2::{Digest, Sha256};

use crate::builds::{NAME, TITLE};
use crate::database::{Error, Transaction, on, storable};
use crate::history::count;
use crate::time::Timestamp;

/// Bytes of a cause as JSON; a larger one is not kept.
const DETAIL: usize = 256 << 10;
/// Bytes of a patch; a larger one is kept as its title.
const PATCH: usize = 64 << 10;

/// A cause in a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenCause {
    /// Its fingerprint.
    pub fingerprint: String,
    /// Its class.
    pub class: String,
    /// Whose fault it is: `code` or `infrastructure`.
    pub kind: String,
    /// One line for a person.
    pub title: String,
    /// `file:line:column`; empty when the log names none.
    pub place: String,
    /// By what it is looked for: symbols, files, the class, the tree.
    pub words: Vec<String>,
    /// All that is known of it, in JSON; the last one is kept.
    pub detail: Option<String>,
    /// What to do about it first.
    pub fix: Option<ProposedFix>,
    /// Ids of the builds that have it.
    pub builds: Vec<String>,
}

/// What was proposed to do about a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedFix {
    /// The kind of change: `add_include`, …
    pub kind: String,
    /// `verified`, `unverified` or `advice`.
    pub applicability: String,
    /// One line for a person.
    pub title: String,
    /// A unified diff.
    pub patch: Option<String>,
}

/// What people said of a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is no fault of the code.
    Invalid,
    /// It is the same as another one, by fingerprint or in words.
    Duplicate(String),
    /// A commit repairs it.
    Fixed(String),
    /// What was said before does not count any more.
    Withdrawn,
}

impl Verdict {
    /// As it stands in the database, and as people say it: `invalid`, `dup`, `fix`, `withdrawn`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Duplicate(_) => "dup",
            Self::Fixed(_) => "fix",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What stood behind it: the other cause, the commit.
    pub fn detail(&self) -> &str {
        match self {
            Self::Invalid | Self::Withdrawn => "",
            Self::Duplicate(detail) | Self::Fixed(detail) => detail,
        }
    }

    /// From its name and what stood behind it; none for another name.
    pub fn parse(name: &str, detail: String) -> Option<Self> {
        match name {
            "invalid" => Some(Self::Invalid),
            "dup" => Some(Self::Duplicate(detail)),
            "fix" => Some(Self::Fixed(detail)),
            "withdrawn" => Some(Self::Withdrawn),
            _ => None,
        }
    }

    pub(crate) fn read(name: &str, detail: String) -> Result<Self, Error> {
        Self::parse(name, detail).ok_or_else(|| Error::Content(format!("the verdict '{name}'")))
    }
}

/// A cause with what is known of it at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCause {
    /// Its fingerprint.
    pub fingerprint: String,
    /// Its class.
    pub class: String,
    /// One line for a person.
    pub title: String,
    /// In how many builds it was seen.
    pub builds: i64,
    /// When it was seen first.
    pub first_seen_at: Timestamp,
    /// When it was seen last.
    pub last_seen_at: Timestamp,
    /// What people said of it, and who.
    pub verdict: Option<(Verdict, String)>,
}

type Row = (String, String, String, i64, i64, i64, Option<String>, Option<String>, Option<String>);

impl Transaction {
    /// Writes down that a cause was seen in its builds, which are recorded already. The same build is
    /// counted once. To be called in the order of the fingerprints: processes that record the same causes at
    /// once wait for each other then, and do not lock each other out.
    pub async fn record_cause(&mut self, cause: &SeenCause, now: Timestamp) -> Result<(), Error> {
        self.write_cause(cause, now).await?;
        let fingerprint = cause.fingerprint.as_str();
        self.record_occurrences(fingerprint, &cause.builds, now).await?;
        if let Some(detail) = cause.detail.as_deref().filter(|detail| detail.len() <= DETAIL) {
            on!(self, at => sqlx::query(
                    "INSERT INTO cause_details (fingerprint, detail) VALUES ($1, $2) \
                     ON CONFLICT (fingerprint) DO UPDATE SET detail = excluded.detail",
                )
                .bind(fingerprint).bind(storable(detail, DETAIL)).execute(at).await?.rows_affected());
        }
        if let Some(fix) = &cause.fix {
            self.record_fix(fingerprint, fix, now).await?;
        }
        self.record_words(fingerprint, &cause.words).await
    }

    /// Writes down that builds have a cause that is known; gives how many of them were not known to.
    pub async fn record_occurrences(
        &mut self,
        fingerprint: &str,
        builds: &[String],
        now: Timestamp,
    ) -> Result<u64, Error> {
        let mut new = 0;
        for build in builds {
            new += i64::from(self.record_occurrence(fingerprint, build, now).await?);
        }
        if new == 0 {
            return Ok(0);
        }
        on!(self, at => {
            // Where a newer state passed already, nothing was opened.
            sqlx::query(
                "UPDATE causes SET builds = builds + $2, \
                 last_seen_at = CASE WHEN $3 > last_seen_at THEN $3 ELSE last_seen_at END, \
                 state = CASE WHEN branches > 0 AND open_branches = 0 THEN 'fixed' ELSE 'open' END \
                 WHERE fingerprint = $1",
            )
            .bind(fingerprint).bind(new).bind(now.millis()).execute(&mut *at).await?;
            sqlx::query(
                "INSERT INTO cause_days (fingerprint, day, builds) VALUES ($1, $2, $3) \
                 ON CONFLICT (fingerprint, day) DO UPDATE SET builds = cause_days.builds + excluded.builds",
            )
            .bind(fingerprint).bind(now.day()).bind(new).execute(&mut *at).await?;
        });
        Ok(count(new))
    }

    async fn write_cause(&mut self, cause: &SeenCause, now: Timestamp) -> Result<(), Error> {
        let known: Option<(i64,)> = on!(self, at => {
            let known = sqlx::query_as("SELECT first_seen_at FROM causes WHERE fingerprint = $1")
                .bind(&cause.fingerprint).fetch_optional(&mut *at).await?;
            sqlx::query(
                "INSERT INTO causes (fingerprint, class, kind, title, place, builds, first_seen_at, last_seen_at) \
                 VALUES ($1, $2, $3, $4, $5, 0, $6, $6) ON CONFLICT (fingerprint) DO UPDATE SET \
                 title = CASE WHEN excluded.last_seen_at < causes.last_seen_at THEN causes.title ELSE excluded.title END, \
                 place = CASE WHEN excluded.last_seen_at < causes.last_seen_at THEN causes.place ELSE excluded.place END, \
                 first_seen_at = CASE WHEN excluded.first_seen_at < causes.first_seen_at \
                 THEN excluded.first_seen_at ELSE causes.first_seen_at END, \
                 last_seen_at = CASE WHEN excluded.last_seen_at > causes.last_seen_at \
                 THEN excluded.last_seen_at ELSE causes.last_seen_at END",
            )
            .bind(&cause.fingerprint)
            .bind(storable(&cause.class, NAME))
            .bind(if cause.kind == "infrastructure" { "infrastructure" } else { "code" })
            .bind(storable(&cause.title, TITLE))
            .bind(storable(&cause.place, NAME))
            .bind(now.millis())
            .execute(&mut *at)
            .await?;
            known
        });
        // The words stand in the order of the causes' birth, which turned out to be earlier.
        if known.is_some_and(|(first,)| now.millis() < first) {
            on!(self, at => sqlx::query("UPDATE cause_words SET first_seen_at = $2 WHERE fingerprint = $1")
                .bind(&cause.fingerprint).bind(now.millis()).execute(at).await?.rows_affected());
        }
        Ok(())
    }

    /// True when the build was not known to have the cause.
    async fn record_occurrence(&mut self, fingerprint: &str, build: &str, now: Timestamp) -> Result<bool, Error> {
        let build = storable(build, NAME);
        type Built = Option<(Option<i64>, Option<String>, Option<i64>)>;
        let row: Built = on!(self, at => {
            let new = sqlx::query(
                "INSERT INTO cause_builds (fingerprint, build, seen_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            )
            .bind(fingerprint).bind(&build).bind(now.millis()).execute(&mut *at).await?.rows_affected();
            if new == 0 {
                return Ok(false);
            }
            sqlx::query_as(
                "SELECT builds.checkout, builds.cell, checkouts.branch FROM builds \
                 LEFT JOIN checkouts ON checkouts.id = builds.checkout WHERE builds.id = $1",
            )
            .bind(&build).fetch_optional(&mut *at).await?
        });
        if let Some((Some(checkout), Some(cell), Some(branch))) = row {
            self.open_cell(fingerprint, branch, &cell, checkout, now).await?;
        }
        Ok(true)
    }

    /// Writes down what was proposed to do about a cause.
    pub async fn record_fix(&mut self, fingerprint: &str, fix: &ProposedFix, now: Timestamp) -> Result<(), Error> {
        let patch = fix.patch.as_deref().filter(|patch| patch.len() <= PATCH).map(|patch| storable(patch, PATCH));
        let said = patch.as_deref().unwrap_or(&fix.title);
        let hash = Sha256::digest(said.as_bytes());
        let digest: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        on!(self, at => sqlx::query(
                "INSERT INTO cause_fixes (fingerprint, digest, kind, applicability, title, patch, proposed_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (fingerprint, digest) DO UPDATE SET \
                 applicability = excluded.applicability",
            )
            .bind(fingerprint)
            .bind(digest)
            .bind(storable(&fix.kind, NAME))
            .bind(&fix.applicability)
            .bind(storable(&fix.title, TITLE))
            .bind(patch)
            .bind(now.millis())
            .execute(at)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Writes down what someone said of a cause; false when the cause is not known. The last word
    /// counts; the earlier ones stay in its history.
    pub async fn judge(
        &mut self,
        fingerprint: &str,
        verdict: &Verdict,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (detail, by) = (storable(verdict.detail(), NAME), storable(by, NAME));
        let changed = on!(self, at => {
            let changed = sqlx::query(
                "UPDATE causes SET verdict = $2, verdict_detail = $3, verdict_by = $4, verdict_at = $5 \
                 WHERE fingerprint = $1 AND (verdict_at IS NULL OR verdict_at <= $5)",
            )
            .bind(fingerprint)
            .bind(verdict.name())
            .bind(&detail)
            .bind(&by)
            .bind(now.millis())
            .execute(&mut *at)
            .await?
            .rows_affected();
            let known: Option<(i64,)> = sqlx::query_as("SELECT builds FROM causes WHERE fingerprint = $1")
                .bind(fingerprint).fetch_optional(&mut *at).await?;
            if known.is_some() {
                sqlx::query(
                    "INSERT INTO cause_verdicts (fingerprint, said_at, said_by, verdict, detail) \
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                )
                .bind(fingerprint)
                .bind(now.millis())
                .bind(&by)
                .bind(verdict.name())
                .bind(&detail)
                .execute(&mut *at)
                .await?;
            }
            changed > 0 || known.is_some()
        });
        Ok(changed)
    }

    /// What is known of a cause.
    pub async fn known_cause(&mut self, fingerprint: &str) -> Result<Option<KnownCause>, Error> {
        let row: Option<Row> = on!(self, at => sqlx::query_as(
                "SELECT fingerprint, class, title, builds, first_seen_at, last_seen_at, verdict, verdict_detail, \
                 verdict_by FROM causes WHERE fingerprint = $1",
            )
            .bind(fingerprint).fetch_optional(at).await?);
        let Some(row) = row else { return Ok(None) };
        let detail = row.7.unwrap_or_default();
        let verdict = row.6.map(|name| Verdict::read(&name, detail)).transpose()?;
        let verdict = verdict.filter(|verdict| *verdict != Verdict::Withdrawn);
        Ok(Some(KnownCause {
            fingerprint: row.0,
            class: row.1,
            title: row.2,
            builds: row.3,
            first_seen_at: Timestamp::from_millis(row.4),
            last_seen_at: Timestamp::from_millis(row.5),
            verdict: verdict.map(|verdict| (verdict, row.8.unwrap_or_default())),
        }))
    }

    /// The last report of a series in a version, in JSON.
    pub async fn last_report(&mut self, series: &str, version: i64) -> Result<Option<String>, Error> {
        let row: Option<(Option<String>,)> = on!(self, at => sqlx::query_as(
                "SELECT report FROM builds WHERE series = $1 AND version = $2 AND report IS NOT NULL \
                 ORDER BY received_at DESC, id LIMIT 1",
            )
            .bind(series).bind(version).fetch_optional(at).await?);
        Ok(row.and_then(|row| row.0))
    }
}
