//! The tables, and how they come up to date.
//!
//! sqlx has a migrator, but it takes no lock on SQLite. Here all steps that are missing run in one
//! transaction which only one process can be in.

use sqlx::AssertSqlSafe;

use crate::database::{Error, Store, on};

/// The steps in their order. A step that was released is never changed; a new one is added.
const STEPS: &[&str] = &[
    include_str!("../migrations/0001_start.sql"),
    include_str!("../migrations/0002_jobs.sql"),
    include_str!("../migrations/0003_memory.sql"),
];

/// The number under which PostgreSQL knows the lock: the first letters of the name.
const LOCK: i64 = 0x7472_6961;

/// Brings the tables up to date. Processes that do so at once wait for each other.
pub(crate) async fn migrate(store: &Store) -> Result<(), Error> {
    let mut transaction = store.begin().await?;
    let postgres = transaction.is_postgres();
    on!(transaction, at => {
        if postgres {
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *at).await?;
        }
        sqlx::query("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)").execute(&mut *at).await?;
        let (found,): (Option<i64>,) =
            sqlx::query_as("SELECT MAX(version) FROM schema_version").fetch_one(&mut *at).await?;
        let (found, known) = (found.unwrap_or(0), STEPS.len() as i64);
        if found > known {
            return Err(Error::TooNew { found, known });
        }
        for (number, step) in (1_i64..).zip(STEPS).skip(usize::try_from(found).unwrap_or(0)) {
            let text = step.replace("{{identity}}", identity(postgres)).replace("{{exact}}", exact(postgres));
            sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *at).await?;
            sqlx::query("INSERT INTO schema_version (version) VALUES ($1)").bind(number).execute(&mut *at).await?;
        }
    });
    transaction.commit().await
}

/// The order of texts by their bytes, in which a range holds what begins alike.
fn exact(postgres: bool) -> &'static str {
    if postgres { "COLLATE \"C\"" } else { "COLLATE BINARY" }
}

/// A key that counts by itself.
fn identity(postgres: bool) -> &'static str {
    if postgres { "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY" } else { "INTEGER PRIMARY KEY AUTOINCREMENT" }
}
