//! Requests to the API that came with a key, and builds by their ids.

use std::collections::BTreeMap;

use crate::database::{Error, Transaction, on};
use crate::time::Timestamp;

/// A request that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoneRequest {
    /// What was sent, as a hash.
    pub digest: String,
    /// The build that came of it.
    pub build: String,
}

/// A build as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBuild {
    /// Its id.
    pub id: String,
    /// `pass`, `fail` or `empty`.
    pub status: String,
    /// What it is a build of, by name.
    pub axes: BTreeMap<String, String>,
    /// The report in JSON; none for all but the first of a report's builds, and when it was forgotten.
    pub report: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
}

impl Transaction {
    /// Writes down what a client did under a key of its own; false when the key is known.
    pub async fn record_request(
        &mut self,
        source: &str,
        key: &str,
        done: &DoneRequest,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let written = on!(self, at => sqlx::query(
                "INSERT INTO requests (source, key, digest, build, received_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(source).bind(key).bind(&done.digest).bind(&done.build).bind(now.millis())
            .execute(at).await?.rows_affected());
        Ok(written > 0)
    }

    /// What a client did under a key.
    pub async fn request(&mut self, source: &str, key: &str) -> Result<Option<DoneRequest>, Error> {
        let row: Option<(String, String)> = on!(self, at => sqlx::query_as(
                "SELECT digest, build FROM requests WHERE source = $1 AND key = $2",
            )
            .bind(source).bind(key).fetch_optional(at).await?);
        Ok(row.map(|(digest, build)| DoneRequest { digest, build }))
    }

    /// Forgets requests that came before that time; gives how many.
    pub async fn forget_requests(&mut self, before: Timestamp) -> Result<u64, Error> {
        Ok(on!(self, at => sqlx::query("DELETE FROM requests WHERE received_at < $1")
            .bind(before.millis()).execute(at).await?.rows_affected()))
    }

    /// The build with that id.
    pub async fn stored_build(&mut self, id: &str) -> Result<Option<StoredBuild>, Error> {
        let row: Option<(String, String, String, Option<String>, i64)> = on!(self, at => sqlx::query_as(
                "SELECT id, status, axes, report, received_at FROM builds WHERE id = $1",
            )
            .bind(id).fetch_optional(at).await?);
        row.map(|(id, status, axes, report, received_at)| {
            let axes = serde_json::from_str(&axes)
                .map_err(|error| Error::Content(format!("axes that are no object: {error}")))?;
            Ok(StoredBuild { id, status, axes, report, received_at: Timestamp::from_millis(received_at) })
        })
        .transpose()
    }
}
