//! What is forgotten, and when: by age, and by the size of the database.
//!
//! It is deleted in small batches, each a transaction of its own with a pause behind it, so that writers
//! get in between. Reports are large and go first; a build goes with what is known of it; a cause goes with
//! its last build, unless someone said something of it. Of what was sent the text is forgotten, never that it
//! was sent, nor what came in: that keeps a reply from being sent twice.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::AssertSqlSafe;

use crate::database::{Error, Store, Transaction, on};
use crate::history::count;
use crate::time::Timestamp;

/// Builds of a batch.
const BATCH: usize = 200;
/// Between two batches.
const PAUSE: Duration = Duration::from_millis(20);
/// What is younger is kept, whatever the size is.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Below the limit to which it is deleted, so that not each new build deletes an old one: a twentieth.
const ROOM: u64 = 20;
/// Bytes of a build without its report, with its causes and indexes (PostgreSQL; measured).
const BUILD: u64 = 1500;

/// How long and how much is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// How old a build may become; none: any age.
    pub builds: Option<Duration>,
    /// How old a report may become; none: as old as its build.
    pub reports: Option<Duration>,
    /// For how long the text of a reply is kept after it was sent; none: for ever.
    pub texts: Option<Duration>,
    /// How old an entry of the audit may become; none: any age.
    pub audit: Option<Duration>,
    /// Bytes of the database; none: any size. PostgreSQL uses what was deleted again and does not give it
    /// back to the disk: there it is an estimate of what is in use.
    pub max_bytes: Option<u64>,
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Reports.
    pub reports: u64,
    /// Builds.
    pub builds: u64,
    /// Causes.
    pub causes: u64,
    /// Texts of replies.
    pub texts: u64,
    /// Entries of the audit.
    pub audit: u64,
    /// Transactions that it took.
    pub batches: u64,
    /// Bytes in use at the end; 0 when there is no limit.
    pub bytes: u64,
    /// The limit is exceeded by what came in within a day.
    pub is_over: bool,
}

impl Store {
    /// Forgets what is too old, and the oldest of what is too much. To be called every now and then; two
    /// at once do no harm.
    pub async fn sweep(&self, retention: &Retention, now: Timestamp) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        let by_age = [
            (Part::Reports, retention.reports),
            (Part::Builds, retention.builds),
            (Part::Texts, retention.texts),
            (Part::Audit, retention.audit),
        ];
        for (part, age) in by_age {
            let Some(age) = age else { continue };
            while self.batch(part, now.before(age), &mut swept).await?.is_some() {}
        }
        if let Some(max) = retention.max_bytes {
            self.shrink(max, now.before(KEPT), &mut swept).await?;
        }
        if swept.batches > 0 {
            self.give_back().await?;
        }
        Ok(swept)
    }

    async fn shrink(&self, max: u64, before: Timestamp, swept: &mut Swept) -> Result<(), Error> {
        swept.bytes = self.bytes_in_use(max).await?;
        if swept.bytes <= max {
            return Ok(());
        }
        let target = max - max / ROOM;
        for part in [Part::Reports, Part::Builds] {
            while swept.bytes > target {
                let Some(freed) = self.batch(part, before, swept).await? else { break };
                // SQLite knows; of PostgreSQL it is reckoned.
                swept.bytes = match self.measured().await? {
                    Some(bytes) => bytes,
                    None => swept.bytes.saturating_sub(freed),
                };
            }
        }
        swept.is_over = swept.bytes > max;
        Ok(())
    }

    /// Deletes a batch of what is older; gives the bytes that it had, or none when there was nothing.
    async fn batch(&self, part: Part, before: Timestamp, swept: &mut Swept) -> Result<Option<u64>, Error> {
        let mut at = self.begin().await?;
        let freed = match part {
            Part::Reports => at.forget_reports(before, swept).await?,
            Part::Builds => at.forget_builds(before, swept).await?,
            Part::Texts => at.forget_texts(before, swept).await?,
            Part::Audit => at.forget_audit(before, swept).await?,
        };
        at.commit().await?;
        swept.batches += u64::from(freed.is_some());
        tokio::time::sleep(PAUSE).await;
        Ok(freed)
    }

    /// Bytes that hold something. Of PostgreSQL only an estimate, and only above `max`: below, the size on
    /// the disk is answer enough.
    async fn bytes_in_use(&self, max: u64) -> Result<u64, Error> {
        if let Some(bytes) = self.measured().await? {
            return Ok(bytes);
        }
        let mut transaction = self.read().await?;
        let (disk,): (i64,) = transaction.one("SELECT pg_database_size(current_database())").await?;
        if count(disk) <= max {
            return Ok(count(disk));
        }
        let (reports, builds, others): (i64, i64, i64) = transaction
            .one(
                "SELECT (SELECT COALESCE(SUM(pg_column_size(report)), 0)::BIGINT FROM builds WHERE report IS NOT NULL), \
                 (SELECT COUNT(*) FROM builds), \
                 (SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0)::BIGINT FROM pg_class AS c \
                  WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace \
                  AND c.relname NOT IN ('builds', 'cause_builds'))",
            )
            .await?;
        Ok(count(disk).min(count(reports) + count(builds) * BUILD + count(others)))
    }

    /// Bytes of the pages that hold something; none for PostgreSQL.
    async fn measured(&self) -> Result<Option<u64>, Error> {
        let mut transaction = self.read().await?;
        if transaction.is_postgres() {
            return Ok(None);
        }
        let (pages,): (i64,) = transaction.one("PRAGMA page_count").await?;
        let (free,): (i64,) = transaction.one("PRAGMA freelist_count").await?;
        let (size,): (i64,) = transaction.one("PRAGMA page_size").await?;
        Ok(Some(count(pages - free) * count(size)))
    }
}

/// What a batch is of.
#[derive(Debug, Clone, Copy)]
enum Part {
    Reports,
    Builds,
    Texts,
    Audit,
}

impl Transaction {
    async fn one<T>(&mut self, sql: &'static str) -> Result<T, Error>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>
            + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>
            + Send
            + Unpin,
    {
        on!(self, at => Ok(sqlx::query_as(sql).fetch_one(at).await?))
    }

    async fn forget_reports(&mut self, before: Timestamp, swept: &mut Swept) -> Result<Option<u64>, Error> {
        let size = if self.is_postgres() { "pg_column_size(report)" } else { "LENGTH(report)" };
        let sql = format!(
            "SELECT id, CAST({size} AS BIGINT) FROM builds WHERE report IS NOT NULL AND received_at < $1 \
             ORDER BY received_at, id LIMIT $2"
        );
        let rows: Vec<(String, i64)> = on!(self, at => sqlx::query_as(AssertSqlSafe(sql))
            .bind(before.millis()).bind(BATCH as i64).fetch_all(at).await?);
        if rows.is_empty() {
            return Ok(None);
        }
        for (id, _) in &rows {
            on!(self, at => sqlx::query("UPDATE builds SET report = NULL WHERE id = $1")
                .bind(id).execute(at).await?.rows_affected());
        }
        swept.reports += rows.len() as u64;
        Ok(Some(rows.iter().map(|(_, size)| count(*size)).sum()))
    }

    async fn forget_texts(&mut self, before: Timestamp, swept: &mut Swept) -> Result<Option<u64>, Error> {
        let rows: Vec<(String, i64)> = on!(self, at => sqlx::query_as(
                "SELECT key, CAST(LENGTH(content) AS BIGINT) FROM outbox \
                 WHERE state = 'sent' AND content <> '' AND state_since < $1 LIMIT $2",
            )
            .bind(before.millis()).bind(BATCH as i64).fetch_all(at).await?);
        if rows.is_empty() {
            return Ok(None);
        }
        for (key, _) in &rows {
            on!(self, at => sqlx::query("UPDATE outbox SET content = '' WHERE key = $1").bind(key).execute(at).await?
                .rows_affected());
        }
        swept.texts += rows.len() as u64;
        Ok(Some(rows.iter().map(|(_, size)| count(*size)).sum()))
    }

    async fn forget_audit(&mut self, before: Timestamp, swept: &mut Swept) -> Result<Option<u64>, Error> {
        let deleted = on!(self, at => sqlx::query(
                "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 ORDER BY at, id LIMIT $2)",
            )
            .bind(before.millis()).bind(BATCH as i64).execute(at).await?.rows_affected());
        swept.audit += deleted;
        Ok((deleted > 0).then_some(0))
    }

    async fn forget_builds(&mut self, before: Timestamp, swept: &mut Swept) -> Result<Option<u64>, Error> {
        let rows: Vec<(String, Option<i64>)> = on!(self, at => sqlx::query_as(
                "SELECT id, checkout FROM builds WHERE received_at < $1 ORDER BY received_at, id LIMIT $2",
            )
            .bind(before.millis()).bind(BATCH as i64).fetch_all(at).await?);
        if rows.is_empty() {
            return Ok(None);
        }
        let mut causes = BTreeSet::new();
        for (id, _) in &rows {
            let of_build: Vec<(String,)> = on!(self, at => {
                let of_build = sqlx::query_as("DELETE FROM cause_builds WHERE build = $1 RETURNING fingerprint")
                    .bind(id).fetch_all(&mut *at).await?;
                sqlx::query("DELETE FROM builds WHERE id = $1").bind(id).execute(&mut *at).await?;
                of_build
            });
            causes.extend(of_build.into_iter().map(|row| row.0));
        }
        for cause in &causes {
            swept.causes += u64::from(self.forget_cause(cause, before.day()).await?);
        }
        let checkouts: BTreeSet<i64> = rows.iter().filter_map(|row| row.1).collect();
        for checkout in checkouts {
            self.forget_checkout(checkout, before.day()).await?;
        }
        swept.builds += rows.len() as u64;
        Ok(Some(rows.len() as u64 * BUILD))
    }

    /// Forgets a cause that no build has any more and of which nobody said anything; of another one, the
    /// days that are over.
    async fn forget_cause(&mut self, fingerprint: &str, day: i64) -> Result<bool, Error> {
        let gone = on!(self, at => sqlx::query(
                "DELETE FROM causes WHERE fingerprint = $1 AND verdict IS NULL \
                 AND NOT EXISTS (SELECT 1 FROM cause_builds WHERE fingerprint = $1)",
            )
            .bind(fingerprint).execute(at).await?.rows_affected())
            > 0;
        on!(self, at => {
            if !gone {
                sqlx::query("DELETE FROM cause_days WHERE fingerprint = $1 AND day < $2")
                    .bind(fingerprint).bind(day).execute(&mut *at).await?;
                return Ok(false);
            }
            sqlx::query(
                "UPDATE branches SET open_causes = open_causes - 1 WHERE id IN \
                 (SELECT branch FROM cause_branches WHERE fingerprint = $1 AND state = 'open')",
            )
            .bind(fingerprint).execute(&mut *at).await?;
            let words: Vec<(String,)> = sqlx::query_as("DELETE FROM cause_words WHERE fingerprint = $1 RETURNING word")
                .bind(fingerprint).fetch_all(&mut *at).await?;
            for (word,) in words {
                sqlx::query(
                    "DELETE FROM words WHERE word = $1 AND NOT EXISTS (SELECT 1 FROM cause_words WHERE word = $1)",
                )
                .bind(word).execute(&mut *at).await?;
            }
            for sql in [
                "DELETE FROM cause_details WHERE fingerprint = $1",
                "DELETE FROM cause_days WHERE fingerprint = $1",
                "DELETE FROM cause_branches WHERE fingerprint = $1",
                "DELETE FROM cause_cells WHERE fingerprint = $1",
                "DELETE FROM cause_fixes WHERE fingerprint = $1",
                "DELETE FROM cause_verdicts WHERE fingerprint = $1",
            ] {
                sqlx::query(sql).bind(fingerprint).execute(&mut *at).await?;
            }
        });
        Ok(true)
    }

    /// Forgets a state without builds, and with the last one its line.
    async fn forget_checkout(&mut self, checkout: i64, day: i64) -> Result<(), Error> {
        let row: Option<(i64,)> = on!(self, at => sqlx::query_as(
                "DELETE FROM checkouts WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM builds WHERE checkout = $1) \
                 RETURNING branch",
            )
            .bind(checkout).fetch_optional(at).await?);
        let Some((branch,)) = row else { return Ok(()) };
        on!(self, at => {
            let gone = sqlx::query(
                "DELETE FROM branches WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM checkouts WHERE branch = $1)",
            )
            .bind(branch).execute(&mut *at).await?.rows_affected();
            if gone == 0 {
                sqlx::query("DELETE FROM branch_days WHERE branch = $1 AND day < $2")
                    .bind(branch).bind(day).execute(&mut *at).await?;
                return Ok(());
            }
            // What stays has a verdict, or was seen elsewhere.
            sqlx::query(
                "UPDATE causes SET branches = branches - 1, open_branches = open_branches - \
                 (SELECT COUNT(*) FROM cause_branches AS x WHERE x.fingerprint = causes.fingerprint \
                 AND x.branch = $1 AND x.state = 'open') \
                 WHERE fingerprint IN (SELECT fingerprint FROM cause_branches WHERE branch = $1)",
            )
            .bind(branch).execute(&mut *at).await?;
            for sql in [
                "DELETE FROM cause_branches WHERE branch = $1",
                "DELETE FROM cause_cells WHERE branch = $1",
                "DELETE FROM cells WHERE branch = $1",
                "DELETE FROM branch_days WHERE branch = $1",
            ] {
                sqlx::query(sql).bind(branch).execute(&mut *at).await?;
            }
        });
        Ok(())
    }
}
