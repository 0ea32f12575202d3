//! Builds and causes: what failed, since when, and what people said of it.

use crate::database::{Error, Transaction, on};
use crate::outbox::json;
use crate::time::Timestamp;

/// A build that was reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBuild {
    /// Its id, unique over all that report builds.
    pub id: String,
    /// The series that it built, by its id.
    pub series: Option<String>,
    /// The version of the series; 0 without one.
    pub version: i64,
    /// `pass`, `fail` or `empty`.
    pub status: String,
    /// What it is a build of, by name.
    pub axes: std::collections::BTreeMap<String, String>,
    /// The report in JSON.
    pub report: Option<String>,
}

/// A cause in a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenCause {
    /// Its fingerprint.
    pub fingerprint: String,
    /// Its class.
    pub class: String,
    /// One line for a person.
    pub title: String,
    /// Ids of the builds that have it.
    pub builds: Vec<String>,
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
}

impl Verdict {
    fn name(&self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Duplicate(_) => "dup",
            Self::Fixed(_) => "fix",
        }
    }

    fn detail(&self) -> &str {
        match self {
            Self::Invalid => "",
            Self::Duplicate(detail) | Self::Fixed(detail) => detail,
        }
    }
}

/// A cause with its history.
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
    /// Writes a build down; false when it is known already.
    pub async fn record_build(&mut self, build: &NewBuild, now: Timestamp) -> Result<bool, Error> {
        let written = on!(self, at => sqlx::query(
                "INSERT INTO builds (id, series, version, status, axes, report, received_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            )
            .bind(&build.id)
            .bind(&build.series)
            .bind(build.version)
            .bind(&build.status)
            .bind(json(&build.axes))
            .bind(&build.report)
            .bind(now.millis())
            .execute(at)
            .await?
            .rows_affected());
        Ok(written > 0)
    }

    /// Writes down that a cause was seen in its builds. The same build is counted once.
    pub async fn record_cause(&mut self, cause: &SeenCause, now: Timestamp) -> Result<(), Error> {
        on!(self, at => {
            let mut builds = 0_i64;
            for build in &cause.builds {
                let new = sqlx::query(
                    "INSERT INTO cause_builds (fingerprint, build) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                )
                .bind(&cause.fingerprint).bind(build).execute(&mut *at).await?.rows_affected();
                builds += i64::from(new > 0);
            }
            sqlx::query(
                "INSERT INTO causes (fingerprint, class, title, builds, first_seen_at, last_seen_at) \
                 VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (fingerprint) DO UPDATE SET \
                 builds = causes.builds + excluded.builds, last_seen_at = excluded.last_seen_at, \
                 title = excluded.title",
            )
            .bind(&cause.fingerprint)
            .bind(&cause.class)
            .bind(&cause.title)
            .bind(builds)
            .bind(now.millis())
            .execute(&mut *at)
            .await?;
        });
        Ok(())
    }

    /// Writes down what someone said of a cause; false when the cause is not known.
    pub async fn judge(
        &mut self,
        fingerprint: &str,
        verdict: &Verdict,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let changed = on!(self, at => sqlx::query(
                "UPDATE causes SET verdict = $2, verdict_detail = $3, verdict_by = $4, verdict_at = $5 \
                 WHERE fingerprint = $1",
            )
            .bind(fingerprint)
            .bind(verdict.name())
            .bind(verdict.detail())
            .bind(by)
            .bind(now.millis())
            .execute(at)
            .await?
            .rows_affected());
        Ok(changed > 0)
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
        let verdict = match row.6.as_deref() {
            None => None,
            Some("invalid") => Some(Verdict::Invalid),
            Some("dup") => Some(Verdict::Duplicate(detail)),
            Some("fix") => Some(Verdict::Fixed(detail)),
            Some(other) => return Err(Error::Content(format!("the verdict '{other}'"))),
        };
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
