//! All that is remembered, in the order of its keys, for an export; and what only an import writes.

use sqlx::AssertSqlSafe;

use crate::builds::{LineKind, NewCheckout};
use crate::causes::ProposedFix;
use crate::database::{Error, Transaction, on};
use crate::history::{Said, count};
use crate::pages::{Build, ListedCause};
use crate::time::Timestamp;

/// A state of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedCheckout {
    /// Its number in this database.
    pub id: i64,
    /// What was recorded.
    pub checkout: NewCheckout,
    /// When the first build came in.
    pub first_seen_at: Timestamp,
}

/// A cause with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedCause {
    /// The cause.
    pub cause: ListedCause,
    /// How many of its builds are forgotten.
    pub forgotten: u64,
    /// All that is known of it, in JSON.
    pub detail: Option<String>,
    /// By what it is looked for.
    pub words: Vec<String>,
    /// What was proposed.
    pub fixes: Vec<ArchivedFix>,
    /// What people said, the last first.
    pub verdicts: Vec<Said>,
}

/// What was proposed to do about a cause, and whether the cause went away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedFix {
    /// What was proposed.
    pub fix: ProposedFix,
    /// When.
    pub proposed_at: Timestamp,
    /// When the cause was gone.
    pub worked_at: Option<Timestamp>,
    /// In which state, by its number.
    pub worked_in: Option<i64>,
}

/// That a build has a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The cause.
    pub fingerprint: String,
    /// The build.
    pub build: String,
    /// When it was seen; the beginning of time when that is not known.
    pub seen_at: Timestamp,
}

impl Transaction {
    /// States after the one with the number `after`, in the order in which they became known.
    pub async fn archived_checkouts(&mut self, after: i64, limit: i64) -> Result<Vec<ArchivedCheckout>, Error> {
        type Text = Option<String>;
        type Row = (i64, String, String, String, String, Text, Text, Text, i64);
        let rows: Vec<Row> = on!(self, at => sqlx::query_as(
                "SELECT c.id, b.kind, b.tree, b.name, c.key, c.commit_id, c.title, c.url, c.first_seen_at \
                 FROM checkouts AS c JOIN branches AS b ON b.id = c.branch WHERE c.id > $1 ORDER BY c.id LIMIT $2",
            )
            .bind(after).bind(limit).fetch_all(at).await?);
        let archived = |row: Row| {
            Ok(ArchivedCheckout {
                id: row.0,
                checkout: NewCheckout {
                    kind: LineKind::parse(&row.1)?,
                    tree: row.2,
                    name: row.3,
                    key: row.4,
                    commit: row.5,
                    title: row.6,
                    url: row.7,
                },
                first_seen_at: Timestamp::from_millis(row.8),
            })
        };
        rows.into_iter().map(archived).collect()
    }

    /// Builds after the id `after`, with their reports.
    pub async fn archived_builds(&mut self, after: &str, limit: i64) -> Result<Vec<(Build, Option<String>)>, Error> {
        let ids: Vec<(String, Option<String>)> = on!(self, at => sqlx::query_as(
                "SELECT id, report FROM builds WHERE id > $1 ORDER BY id LIMIT $2",
            )
            .bind(after).bind(limit).fetch_all(at).await?);
        let mut builds = Vec::new();
        for (id, report) in ids {
            builds.extend(self.build(&id).await?.map(|build| (build, report)));
        }
        Ok(builds)
    }

    /// Causes after the fingerprint `after`.
    pub async fn archived_causes(&mut self, after: &str, limit: i64) -> Result<Vec<ArchivedCause>, Error> {
        let ids: Vec<(String,)> = on!(self, at => sqlx::query_as(
                "SELECT fingerprint FROM causes WHERE fingerprint > $1 ORDER BY fingerprint LIMIT $2",
            )
            .bind(after).bind(limit).fetch_all(at).await?);
        let ids: Vec<String> = ids.into_iter().map(|row| row.0).collect();
        let mut causes = Vec::new();
        for cause in self.causes_by_id(&ids).await? {
            let id = cause.fingerprint.clone();
            let words: Vec<(String,)> = on!(self, at => sqlx::query_as(
                    "SELECT word FROM cause_words WHERE fingerprint = $1 ORDER BY word",
                )
                .bind(&id).fetch_all(at).await?);
            let (known,): (i64,) = on!(self, at => sqlx::query_as(
                "SELECT COUNT(*) FROM cause_builds WHERE fingerprint = $1",
            )
            .bind(&id)
            .fetch_one(at)
            .await?);
            causes.push(ArchivedCause {
                forgotten: cause.builds.saturating_sub(count(known)),
                cause,
                detail: self.cause_detail(&id).await?,
                words: words.into_iter().map(|row| row.0).collect(),
                fixes: self.fixes(&id).await?,
                verdicts: self.verdicts(&id).await?,
            });
        }
        Ok(causes)
    }

    /// What was proposed to do about a cause, the first first.
    pub async fn fixes(&mut self, fingerprint: &str) -> Result<Vec<ArchivedFix>, Error> {
        type Row = (String, String, String, Option<String>, i64, Option<i64>, Option<i64>);
        let rows: Vec<Row> = on!(self, at => sqlx::query_as(
                "SELECT kind, applicability, title, patch, proposed_at, worked_at, worked_in FROM cause_fixes \
                 WHERE fingerprint = $1 ORDER BY proposed_at, digest",
            )
            .bind(fingerprint).fetch_all(at).await?);
        let fix = |row: Row| ArchivedFix {
            fix: ProposedFix { kind: row.0, applicability: row.1, title: row.2, patch: row.3 },
            proposed_at: Timestamp::from_millis(row.4),
            worked_at: row.5.map(Timestamp::from_millis),
            worked_in: row.6,
        };
        Ok(rows.into_iter().map(fix).collect())
    }

    /// Which builds have which causes, after a pair of cause and build.
    pub async fn archived_occurrences(&mut self, after: (&str, &str), limit: i64) -> Result<Vec<Occurrence>, Error> {
        let rows: Vec<(String, String, i64)> = on!(self, at => sqlx::query_as(
                "SELECT fingerprint, build, seen_at FROM cause_builds WHERE (fingerprint, build) > ($1, $2) \
                 ORDER BY fingerprint, build LIMIT $3",
            )
            .bind(after.0).bind(after.1).bind(limit).fetch_all(at).await?);
        let occurrence =
            |(fingerprint, build, seen_at)| Occurrence { fingerprint, build, seen_at: Timestamp::from_millis(seen_at) };
        Ok(rows.into_iter().map(occurrence).collect())
    }

    /// Writes down that a cause went away after a fix that is recorded, as an archive tells it.
    pub async fn record_worked(
        &mut self,
        fingerprint: &str,
        fix: &ProposedFix,
        at_time: Timestamp,
        state: Option<i64>,
    ) -> Result<(), Error> {
        let sql = "UPDATE cause_fixes SET worked_at = $2, worked_in = $3 WHERE fingerprint = $1 AND title = $4 \
                   AND worked_at IS NULL";
        on!(self, at => sqlx::query(AssertSqlSafe(sql))
            .bind(fingerprint).bind(at_time.millis()).bind(state).bind(&fix.title).execute(at).await?.rows_affected());
        Ok(())
    }

    /// Counts builds of a cause that are forgotten, when the cause has no build yet.
    pub async fn record_forgotten(&mut self, fingerprint: &str, builds: u64) -> Result<(), Error> {
        on!(self, at => sqlx::query("UPDATE causes SET builds = $2 WHERE fingerprint = $1 AND builds = 0")
            .bind(fingerprint)
            .bind(i64::try_from(builds).unwrap_or(i64::MAX / 2))
            .execute(at)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Whether a cause is known, and whether a build is.
    pub async fn is_known(&mut self, fingerprint: &str, build: &str) -> Result<(bool, bool), Error> {
        let (cause, build): (Option<(i64,)>, Option<(i64,)>) = on!(self, at => (
            sqlx::query_as("SELECT builds FROM causes WHERE fingerprint = $1")
                .bind(fingerprint).fetch_optional(&mut *at).await?,
            sqlx::query_as("SELECT version FROM builds WHERE id = $1").bind(build).fetch_optional(&mut *at).await?,
        ));
        Ok((cause.is_some(), build.is_some()))
    }
}
