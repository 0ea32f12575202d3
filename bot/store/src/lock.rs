//! One process at a time sends from a database.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;
use sqlx::{Connection, Postgres};

use crate::database::Error;

/// The number under which PostgreSQL knows the lock.
const LOCK: i64 = 0x7472_6962;

/// Held by the process that sends. It goes away with the process, however that ends.
#[derive(Debug)]
pub struct SenderLock {
    _held: Held,
}

#[derive(Debug)]
enum Held {
    File { _file: File },
    Session(Option<PoolConnection<Postgres>>),
}

impl Drop for SenderLock {
    fn drop(&mut self) {
        if let Held::Session(connection) = &mut self._held
            && let Some(connection) = connection.take()
        {
            // Back in the pool it would keep the lock: the session ends with its connection.
            drop(connection.detach());
        }
    }
}

/// A lock on a file beside the database.
pub(crate) fn by_file(database: &Path) -> Result<SenderLock, Error> {
    let mut name = database.as_os_str().to_owned();
    name.push(".sender");
    let failed = |error| Error::File(name.clone().into(), error);
    let file = OpenOptions::new().append(true).create(true).open(&name).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(SenderLock { _held: Held::File { _file: file } }),
        Err(TryLockError::WouldBlock) => Err(Error::SenderIsRunning),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// A lock of a session, which PostgreSQL lets go when the connection ends.
pub(crate) async fn by_session(pool: &PgPool) -> Result<SenderLock, Error> {
    let mut connection = pool.acquire().await?;
    let (taken,): (bool,) =
        sqlx::query_as("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(&mut *connection).await?;
    if !taken {
        return Err(Error::SenderIsRunning);
    }
    connection.ping().await?;
    Ok(SenderLock { _held: Held::Session(Some(connection)) })
}
