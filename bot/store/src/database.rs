//! The connection: SQLite in a file, or PostgreSQL, behind one type.
//!
//! `sqlx::Any` knows too few types, so the two are an enum, and [`on!`] writes a query once for
//! both: the body is compiled for each.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, Postgres, Sqlite};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::lock::{self, SenderLock};
use crate::schema;

/// How long a writer waits for another one (SQLite).
const BUSY: Duration = Duration::from_secs(30);
/// Connections that are kept.
const CONNECTIONS: u32 = 8;

/// What goes wrong between the bot and its memory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is neither a file nor PostgreSQL's.
    #[error("the database '{0}' is no file and no postgres:// address")]
    Address(String),
    /// The file cannot be made.
    #[error("the database {path}: {error}", path = .0.display(), error = .1)]
    File(PathBuf, std::io::Error),
    /// The database was made by a later program.
    #[error(
        "the database has version {found}, this program knows {known}; use the program that made it, or a later one"
    )]
    TooNew {
        /// The version in the database.
        found: i64,
        /// The last version that this program knows.
        known: i64,
    },
    /// Another process sends already.
    #[error("another process sends from this database already")]
    SenderIsRunning,
    /// A reply is not in the state that the caller believes.
    #[error("the reply {key} is not {expected}")]
    State {
        /// Its key.
        key: String,
        /// The state that it had to be in.
        expected: &'static str,
    },
    /// A job was claimed by another worker since.
    #[error("another worker has job {0} by now")]
    Lost(i64),
    /// What stands in the database is not what the bot writes.
    #[error("the database holds {0}")]
    Content(String),
    /// The database says no.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// True when the same may well succeed a little later: the connection broke, or another
    /// process was in the way.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed) => true,
            Self::Database(sqlx::Error::Database(error)) => {
                let code = error.code().unwrap_or_default();
                match code.parse::<u32>() {
                    // SQLite, without what is added above the first byte: busy, locked, input and output, full.
                    Ok(number) if code.len() < 5 => matches!(number & 0xff, 5 | 6 | 10 | 13),
                    // PostgreSQL: connection, serialization and deadlock, resources, shutdown and start-up.
                    _ => ["08", "40", "53", "57P"].iter().any(|class| code.starts_with(class)),
                }
            }
            _ => false,
        }
    }
}

#[derive(Debug, Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// The bot's memory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    file: Option<PathBuf>,
    /// SQLite has one writer at a time. They queue up here: SQLite itself lets them try again and again.
    turn: Arc<Semaphore>,
    /// Told when work was written down.
    woken: Arc<Notify>,
}

/// What is written together or not at all. Without [`Transaction::commit`] nothing was written.
#[derive(Debug)]
pub struct Transaction {
    pub(crate) on: On,
    /// Whether there is work for others when it is committed.
    pub(crate) wakes: bool,
    woken: Arc<Notify>,
    _turn: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
pub(crate) enum On {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// Runs `$body` with `$at` being the connection of the transaction, whichever it is of.
macro_rules! on {
    ($transaction:expr, $at:ident => $body:expr) => {
        match &mut $transaction.on {
            $crate::database::On::Sqlite($at) => {
                let $at = &mut **$at;
                $body
            }
            $crate::database::On::Postgres($at) => {
                let $at = &mut **$at;
                $body
            }
        }
    };
}
pub(crate) use on;

impl Store {
    /// Opens `postgres://…`, or else the file of that name, which is made when it is missing, and
    /// brings the tables up to date. Safe when several processes do so at once.
    pub async fn open(address: &str) -> Result<Self, Error> {
        let store = if is_postgres(address) {
            let options = PgConnectOptions::from_str(address).map_err(|_| Error::Address(without_password(address)))?;
            // What `pg_stat_activity` shows, unless the operator says otherwise.
            let options = match options.get_application_name() {
                Some(_) => options,
                None => options.application_name("triage-bot"),
            };
            let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?;
            Self::new(Pool::Postgres(pool), None)
        } else if address.is_empty() || address.contains("://") {
            return Err(Error::Address(without_password(address)));
        } else {
            Self::open_file(Path::new(address)).await?
        };
        schema::migrate(&store).await?;
        Ok(store)
    }

    fn new(pool: Pool, file: Option<PathBuf>) -> Self {
        Self { pool, file, turn: Arc::new(Semaphore::new(1)), woken: Arc::default() }
    }

    async fn open_file(path: &Path) -> Result<Self, Error> {
        make_private(path).map_err(|error| Error::File(path.to_owned(), error))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // What was deleted goes back to the disk when it is asked for. Only a new file takes this.
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            // A commit is on the disk when it returns: the outbox depends on it.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            .foreign_keys(true);
        // When the disk is full, SQLite ends a transaction by itself, and sqlx takes the connection for one that is in
        // a transaction for ever. A new one takes its place.
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(options)
            .await?;
        Ok(Self::new(Pool::Sqlite(pool), Some(path.to_owned())))
    }

    /// A database that goes away with the program.
    pub async fn in_memory() -> Result<Self, Error> {
        // Each connection would be a database of its own.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(SqliteConnectOptions::new().in_memory(true))
            .await?;
        let store = Self::new(Pool::Sqlite(pool), None);
        schema::migrate(&store).await?;
        Ok(store)
    }

    /// Begins to write. With SQLite there is one writer at a time; the others wait up to half a
    /// minute.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        let (on, turn) = match &self.pool {
            Pool::Sqlite(pool) => {
                let turn = Arc::clone(&self.turn).acquire_owned().await.ok();
                (On::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?), turn)
            }
            Pool::Postgres(pool) => (On::Postgres(pool.begin().await?), None),
        };
        Ok(self.transaction(on, turn))
    }

    fn transaction(&self, on: On, turn: Option<OwnedSemaphorePermit>) -> Transaction {
        Transaction { on, wakes: false, woken: Arc::clone(&self.woken), _turn: turn }
    }

    /// Begins to read: no writer is waited for, and nothing can be written. All that is read is of one moment.
    pub async fn read(&self) -> Result<Transaction, Error> {
        let on = match &self.pool {
            Pool::Sqlite(pool) => On::Sqlite(pool.begin_with("BEGIN DEFERRED").await?),
            Pool::Postgres(pool) => {
                On::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        };
        Ok(self.transaction(on, None))
    }

    pub(crate) fn postgres(&self) -> Option<&PgPool> {
        match &self.pool {
            Pool::Sqlite(_) => None,
            Pool::Postgres(pool) => Some(pool),
        }
    }

    pub(crate) fn woken(&self) -> Arc<Notify> {
        Arc::clone(&self.woken)
    }

    /// Asks the database for an answer.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut at = self.read().await?;
        on!(at, at => sqlx::query("SELECT 1").execute(at).await?.rows_affected());
        at.roll_back().await
    }

    /// Makes this process the one that sends, for as long as the answer lives. Rows that are
    /// being sent and are found by it were left by a crash.
    pub async fn sender_lock(&self) -> Result<SenderLock, Error> {
        match (&self.pool, &self.file) {
            (Pool::Sqlite(_), Some(file)) => lock::by_file(file),
            (Pool::Sqlite(_), None) => Err(Error::SenderIsRunning),
            (Pool::Postgres(pool), _) => lock::by_session(pool).await,
        }
    }

    /// Gives pages of what was deleted back to the disk, a few megabytes at a time (SQLite).
    pub(crate) async fn give_back(&self) -> Result<(), Error> {
        let Pool::Sqlite(pool) = &self.pool else { return Ok(()) };
        loop {
            let (before,): (i64,) = sqlx::query_as("PRAGMA freelist_count").fetch_one(pool).await?;
            sqlx::query("PRAGMA incremental_vacuum(2000)").execute(pool).await?;
            let (after,): (i64,) = sqlx::query_as("PRAGMA freelist_count").fetch_one(pool).await?;
            if after == 0 || after >= before {
                return Ok(());
            }
        }
    }

    /// Ends all connections; SQLite's log is written back into its file.
    pub async fn close(self) {
        match self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

impl Transaction {
    /// Writes all of it.
    pub async fn commit(self) -> Result<(), Error> {
        match self.on {
            On::Sqlite(transaction) => transaction.commit().await?,
            On::Postgres(transaction) => transaction.commit().await?,
        }
        if self.wakes {
            self.woken.notify_one();
        }
        Ok(())
    }

    /// Writes nothing of it.
    pub async fn roll_back(self) -> Result<(), Error> {
        match self.on {
            On::Sqlite(transaction) => transaction.rollback().await?,
            On::Postgres(transaction) => transaction.rollback().await?,
        }
        Ok(())
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.on, On::Postgres(_))
    }
}

/// A text as both databases take it: PostgreSQL knows no NUL. Cut after `max` bytes.
pub(crate) fn storable(text: &str, max: usize) -> String {
    let end = text.floor_char_boundary(max);
    text[..end].replace('\0', "\u{fffd}")
}

/// True for what [`Store::open`] takes for an address of PostgreSQL.
fn is_postgres(address: &str) -> bool {
    address.starts_with("postgres://") || address.starts_with("postgresql://")
}

/// The address as it may be shown.
fn without_password(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://…{}", &address[..scheme], &address[at..]),
        _ => address.to_owned(),
    }
}

/// Makes the file, readable by its owner only: it holds addresses of people.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("postgres://bot:secret@db:x/y"), "postgres://…@db:x/y");
        assert_eq!(without_password("mysql://db/y"), "mysql://db/y");
        assert!(is_postgres("postgresql:///triage"));
        assert!(!is_postgres("postgres.db"));
    }
}
