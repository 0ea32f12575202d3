//! Fills the bot's memory with builds and causes that are made up.
//!
//! A store takes one build at a time; a million of them would take an hour. Here the rows are computed by the
//! database itself, some ten thousand in a transaction, and the counts beside them are worked out of the rows at the
//! end. A test compares them with what the store counts.

use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::postgres::PgPool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, raw_sql};

/// Branches of trees; the rest of the lines are changes.
const BRANCHES: u64 = 400;
/// Architectures, and configurations; a state of a branch is built for all pairs.
const ARCHES: u64 = 20;
const CONFIGS: u64 = 11;
/// Builds of a change.
const OF_CHANGE: u64 = 40;
/// Rows of a transaction.
const CHUNK: u64 = 50_000;
/// Over how many days the builds are spread.
const DAYS: u64 = 180;
/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// Builds.
    pub builds: u64,
    /// Causes.
    pub causes: u64,
}

/// A database that has its tables and no rows.
#[derive(Debug)]
pub enum Database {
    /// A file.
    Sqlite(SqlitePool),
    /// An address.
    Postgres(PgPool),
}

impl Database {
    /// Opens a file, or `postgres://…`, which [`triage_store::Store::open`] made ready.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn open(address: &str) -> Result<Self, sqlx::Error> {
        if address.starts_with("postgres://") {
            return Ok(Self::Postgres(PgPool::connect(address).await?));
        }
        // What is lost when the machine stops is made again.
        let options = SqliteConnectOptions::new().filename(address).synchronous(sqlx::sqlite::SqliteSynchronous::Off);
        Ok(Self::Sqlite(SqlitePool::connect_with(options).await?))
    }

    async fn run(&self, sql: String) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(pool) => raw_sql(AssertSqlSafe(sql)).execute(pool).await.map(drop),
            Self::Postgres(pool) => raw_sql(AssertSqlSafe(sql)).execute(pool).await.map(drop),
        }
    }

    fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// 16 hexadecimal digits of a number.
    fn hex(&self, number: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("printf('%016x', {number})"),
            Self::Postgres(_) => format!("lpad(to_hex(({number})::BIGINT), 16, '0')"),
        }
    }

    /// Where the key counts by itself, unless it is told not to.
    fn own_key(&self) -> &'static str {
        if self.is_postgres() { "OVERRIDING SYSTEM VALUE" } else { "" }
    }

    /// Rows of a table for the numbers from 0 to `count`, a chunk a transaction. `n` is the number.
    async fn rows(&self, head: &str, values: &str, condition: &str, count: u64) -> Result<(), sqlx::Error> {
        for start in (0..count).step_by(usize::try_from(CHUNK).unwrap_or(usize::MAX)) {
            let end = (start + CHUNK).min(count) - 1;
            self.run(format!(
                "INSERT INTO {head} WITH RECURSIVE numbers(n) AS (SELECT CAST({start} AS BIGINT) UNION ALL \
                 SELECT n + 1 FROM numbers WHERE n < {end}) SELECT {values} FROM numbers WHERE {condition}"
            ))
            .await?;
        }
        Ok(())
    }

    /// Fills it. Equal amounts give equal rows, but for the time.
    ///
    /// # Errors
    /// When the database says no.
    pub async fn fill(&self, amount: Amount) -> Result<(), sqlx::Error> {
        let Amount { builds, causes } = amount;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
        let per_state = ARCHES * CONFIGS;
        let of_branches = builds / per_state * 9 / 10 * per_state;
        let states = of_branches / per_state;
        let branches = BRANCHES.min(states.max(1));
        let changes = (builds - of_branches).div_ceil(OF_CHANGE);
        let begin = now - DAYS * DAY;
        let time = format!("({begin} + n * {DAYS} * {DAY} / {builds})");
        let own = self.own_key();

        self.rows(
            &format!("branches (id, kind, tree, name, checkout, open_causes, last_seen_at) {own}"),
            &format!(
                "n + 1, CASE WHEN n < {branches} THEN 'branch' ELSE 'change' END, 'tree-' || (n % 80), \
                 CASE WHEN n < {branches} THEN 'branch-' || (n / 80) ELSE '#' || n END, 0, 0, 0"
            ),
            "true",
            branches + changes,
        )
        .await?;
        let commit = format!("{0} || {0} || substr({0}, 1, 8)", self.hex("n * 2654435761 + 12345678"));
        self.rows(
            &format!(
                "checkouts (id, branch, key, commit_id, title, passed, failed, empty, first_seen_at, last_seen_at) {own}"
            ),
            &format!(
                "n + 1, CASE WHEN n < {states} THEN n % {branches} + 1 ELSE n - {states} + {branches} + 1 END, \
                 {commit}, {commit}, 'subsystem: change number ' || n || ' of those that are made up', 0, 0, 0, 0, 0"
            ),
            "true",
            states + changes,
        )
        .await?;
        let checkout = format!(
            "CASE WHEN n < {of_branches} THEN n / {per_state} + 1 ELSE {states} + (n - {of_branches}) / {OF_CHANGE} + 1 END"
        );
        let report = format!("'{{\"padding\":\"{}\"}}'", "report ".repeat(300));
        self.rows(
            "builds (id, name, series, version, status, axes, report, received_at, checkout, cell)",
            &format!(
                "{id}, 'arch' || (n % {ARCHES}) || '.log', NULL, 0, CASE WHEN (n * 7919 + n / 88000 * 41) % 100 < 30 THEN 'fail' ELSE 'pass' END, \
                 '{{\"arch\":\"arch' || (n % {ARCHES}) || '\",\"config\":\"config' || (n / {ARCHES} % {CONFIGS}) \
                 || '\",\"toolchain\":\"gcc\",\"version\":\"12.2\"}}', \
                 CASE WHEN n % {per_state} = 0 THEN {report} END, {time}, {checkout}, \
                 'arch' || (n % {ARCHES}) || '|config' || (n / {ARCHES} % {CONFIGS}) || '|gcc|12.2|'",
                id = self.hex("n")
            ),
            "true",
            builds,
        )
        .await?;
        self.causes(causes).await?;
        // Each build that failed has three causes, one in three the first cause of all.
        for (turn, cause) in [
            format!("CASE WHEN n % 3 = 0 THEN 0 ELSE n * 31 % {causes} END"),
            format!("(n * 17 + 5) % {causes}"),
            format!("n / 50 * 13 % {causes}"),
        ]
        .iter()
        .enumerate()
        {
            let distinct = if turn == 0 { "" } else { " ON CONFLICT DO NOTHING" };
            let fingerprint = self.hex(cause);
            for start in (0..builds).step_by(usize::try_from(CHUNK).unwrap_or(usize::MAX)) {
                let end = (start + CHUNK).min(builds) - 1;
                self.run(format!(
                    "INSERT INTO cause_builds (fingerprint, build, seen_at) WITH RECURSIVE numbers(n) AS (SELECT \
                     CAST({start} AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < {end}) \
                     SELECT {fingerprint}, {id}, {time} FROM numbers WHERE (n * 7919 + n / 88000 * 41) % 100 < 30{distinct}",
                    id = self.hex("n")
                ))
                .await?;
            }
        }
        self.counts(now).await
    }

    async fn causes(&self, causes: u64) -> Result<(), sqlx::Error> {
        let id = self.hex("n");
        self.rows(
            "causes (fingerprint, class, title, place, builds, first_seen_at, last_seen_at)",
            &format!(
                "{id}, 'class-' || (n % 40), '''symbol_' || n || ''' is used but not declared', \
                 'drivers/part' || (n % 500) || '/file' || n || '.c:12:3', 0, 0, 0"
            ),
            "true",
            causes,
        )
        .await?;
        let detail = include_str!("cause.json").trim().replace('\'', "''");
        self.rows("cause_details (fingerprint, detail)", &format!("{id}, '{detail}'"), "true", causes).await?;
        let reply = "'[]'";
        self.rows(
            "outbox (key, channel, place, thread, version, purpose, recipients, marker, content, state, attempts, \
             state_since, created_at)",
            &format!(
                "{id}, 'mail', 'list@example.org', 'thread-' || n, 1, 'report', {reply}, 'marker-' || n, 'text', 'sent', 1, \
                 1700000000000 + n, 1700000000000 + n"
            ),
            "true",
            causes / 4,
        )
        .await?;
        self.rows(
            "said (channel, thread, version, fingerprint, reply)",
            &format!("'mail', 'thread-' || n, 1, {}, {id}", self.hex("n % 2000")),
            "true",
            causes / 4,
        )
        .await
    }

    /// What the store counts when it records: here it follows from the rows.
    async fn counts(&self, now: u64) -> Result<(), sqlx::Error> {
        let largest = if self.is_postgres() { "GREATEST" } else { "MAX" };
        let mut steps = vec![
            "CREATE TEMPORARY TABLE of_checkout AS SELECT checkout AS id, SUM(CASE WHEN status = 'pass' THEN 1 ELSE 0 END) AS \
             passed, SUM(CASE WHEN status = 'fail' THEN 1 ELSE 0 END) AS failed, MIN(received_at) AS first, \
             MAX(received_at) AS last FROM builds GROUP BY checkout"
                .to_owned(),
            "UPDATE checkouts SET passed = o.passed, failed = o.failed, first_seen_at = o.first, last_seen_at = o.last \
             FROM of_checkout AS o WHERE o.id = checkouts.id"
                .to_owned(),
            "UPDATE branches SET checkout = c.id, last_seen_at = c.last FROM (SELECT branch, MAX(id) AS id, \
             MAX(last_seen_at) AS last FROM checkouts GROUP BY branch) AS c WHERE c.branch = branches.id"
                .to_owned(),
            format!(
                "INSERT INTO branch_days (branch, day, builds, failed) SELECT c.branch, b.received_at / {DAY}, COUNT(*), \
                 SUM(CASE WHEN b.status = 'fail' THEN 1 ELSE 0 END) FROM builds AS b JOIN checkouts AS c ON c.id = b.checkout \
                 GROUP BY c.branch, b.received_at / {DAY}"
            ),
            format!(
                "INSERT INTO cause_days (fingerprint, day, builds) SELECT fingerprint, seen_at / {DAY}, COUNT(*) \
                 FROM cause_builds GROUP BY fingerprint, seen_at / {DAY}"
            ),
            "INSERT INTO cells (branch, cell, passed) SELECT c.branch, b.cell, MAX(c.id) FROM builds AS b \
             JOIN checkouts AS c ON c.id = b.checkout WHERE b.status = 'pass' GROUP BY c.branch, b.cell"
                .to_owned(),
            "INSERT INTO cause_cells (branch, cell, fingerprint, checkout, is_open) SELECT c.branch, b.cell, x.fingerprint, \
             MAX(c.id), 1 FROM cause_builds AS x JOIN builds AS b ON b.id = x.build JOIN checkouts AS c ON c.id = b.checkout \
             GROUP BY c.branch, b.cell, x.fingerprint"
                .to_owned(),
            "UPDATE cause_cells SET is_open = 0 WHERE EXISTS (SELECT 1 FROM cells WHERE cells.branch = cause_cells.branch \
             AND cells.cell = cause_cells.cell AND cells.passed > cause_cells.checkout)"
                .to_owned(),
            "INSERT INTO cause_branches (fingerprint, branch, state, builds, open_cells, first_checkout, last_checkout, \
             first_seen_at, last_seen_at) SELECT x.fingerprint, c.branch, 'fixed', COUNT(*), 0, MIN(c.id), MAX(c.id), \
             MIN(x.seen_at), MAX(x.seen_at) FROM cause_builds AS x JOIN builds AS b ON b.id = x.build \
             JOIN checkouts AS c ON c.id = b.checkout GROUP BY x.fingerprint, c.branch"
                .to_owned(),
            "CREATE TEMPORARY TABLE open_on AS SELECT fingerprint, branch, COUNT(*) AS cells FROM cause_cells \
             WHERE is_open = 1 GROUP BY fingerprint, branch"
                .to_owned(),
            "UPDATE cause_branches SET state = 'open', open_cells = o.cells FROM open_on AS o \
             WHERE o.fingerprint = cause_branches.fingerprint AND o.branch = cause_branches.branch"
                .to_owned(),
            format!(
                "UPDATE cause_branches SET fixed_at = {largest}(last_seen_at, {now} - {DAY}) WHERE state = 'fixed'"
            ),
            "UPDATE branches SET open_causes = o.causes FROM (SELECT branch, COUNT(*) AS causes FROM open_on \
             GROUP BY branch) AS o WHERE o.branch = branches.id"
                .to_owned(),
            "CREATE TEMPORARY TABLE of_cause AS SELECT fingerprint, SUM(builds) AS builds, COUNT(*) AS branches, \
             SUM(CASE WHEN state = 'open' THEN 1 ELSE 0 END) AS open, MIN(first_seen_at) AS first, MAX(last_seen_at) AS last \
             FROM cause_branches GROUP BY fingerprint"
                .to_owned(),
            "UPDATE causes SET builds = o.builds, branches = o.branches, open_branches = o.open, first_seen_at = o.first, \
             last_seen_at = o.last, state = CASE WHEN o.open > 0 THEN 'open' ELSE 'fixed' END FROM of_cause AS o \
             WHERE o.fingerprint = causes.fingerprint"
                .to_owned(),
        ];
        // The number of the cause is in its place: file123.c.
        for word in
            ["class", "'common'", "substr(title, 2, 12)", "'drivers/shared.h'", "'part' || substr(fingerprint, 15, 2)"]
        {
            steps.push(format!(
                "INSERT INTO cause_words (word, first_seen_at, fingerprint) SELECT {word}, first_seen_at, fingerprint \
                 FROM causes WHERE builds > 0 ON CONFLICT DO NOTHING"
            ));
        }
        steps.push("INSERT INTO words (word) SELECT DISTINCT word FROM cause_words".to_owned());
        if self.is_postgres() {
            // As it does by itself after a while; SQLite does not.
            steps.push("ANALYZE".to_owned());
            for table in ["branches", "checkouts"] {
                steps.push(format!(
                    "SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))"
                ));
            }
        }
        match self {
            // Temporary tables belong to a connection.
            Self::Sqlite(pool) => {
                let mut connection = pool.acquire().await?;
                for sql in steps {
                    raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await?;
                }
            }
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                for sql in steps {
                    raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await?;
                }
            }
        }
        Ok(())
    }

    /// Ends the connection.
    pub async fn close(self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use triage_store::{Cursor, LineKind, Store, Which};

    use super::*;

    #[test]
    fn what_is_filled_is_what_the_store_would_have_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("triage.db");
        let address = path.to_str().unwrap();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let store = Store::open(address).await.unwrap();
            let database = Database::open(address).await.unwrap();
            database.fill(Amount { builds: 5000, causes: 300 }).await.unwrap();
            let mut at = store.read().await.unwrap();
            let lines = at.lines(LineKind::Branch, &Cursor::start(), 1000).await.unwrap();
            assert!(lines.len() >= 10, "{}", lines.len());
            let line = &lines[0];
            let latest = line.latest.as_ref().unwrap();
            assert_eq!(latest.passed + latest.failed, 220);
            assert_eq!(at.builds_of(latest.id, 1000).await.unwrap().len(), 220);
            let open = at.causes_on(line.id, true, &Cursor::start(), 10_000).await.unwrap();
            assert_eq!(line.open_causes, open.len() as u64);
            let all = at.causes(Which::New, &Cursor::start(), 1000).await.unwrap();
            assert_eq!(all.len(), 300);
            for cause in all.iter().filter(|cause| cause.builds > 0).step_by(20) {
                let builds = at.builds_with(&cause.fingerprint, &Cursor::start(), 100_000).await.unwrap();
                assert_eq!(builds.len() as u64, cause.builds);
                let reach = at.reach(&cause.fingerprint, 100_000).await.unwrap();
                assert_eq!(reach.len() as u64, cause.lines);
                assert_eq!(reach.iter().any(|one| one.is_open), cause.is_open);
            }
            let seen = all.iter().filter(|cause| cause.builds > 0).count();
            assert!(seen > 100, "{seen}");
            assert_eq!(at.search("common", &Cursor::start(), 1000).await.unwrap().len(), seen);
            assert!(!at.told_in(&format!("{:016x}", 1), 9).await.unwrap().is_empty());
            let symbol = at.search("symbol_1", &Cursor::start(), 1000).await.unwrap();
            assert!(!symbol.is_empty());
        });
    }
}
