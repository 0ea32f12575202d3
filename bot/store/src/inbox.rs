//! What came in.

use crate::database::{Error, Transaction, on};
use crate::outbox::json;
use crate::time::Timestamp;

/// A series in one version, or a pull request at one head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRecord {
    /// `mail`, `github` or `gitlab`.
    pub channel: String,
    /// What its versions share.
    pub id: String,
    /// The version, from 1.
    pub version: i64,
    /// The list or repository.
    pub place: String,
    /// Subject of the cover letter, or of the first patch.
    pub subject: String,
    /// Who sent it: an address.
    pub author: String,
    /// The commit that it applies to.
    pub base: Option<String>,
    /// Its mails by Message-ID, the cover letter first.
    pub messages: Vec<String>,
}

/// A recorded series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesVersion {
    /// What was recorded.
    pub series: SeriesRecord,
    /// When it came.
    pub received_at: Timestamp,
}

type Row = (String, String, i64, String, String, String, Option<String>, String, i64);

impl Transaction {
    /// Notes that a message was dealt with and how; false when it had been before. The first
    /// verdict stays.
    pub async fn see(&mut self, channel: &str, id: &str, verdict: &str, now: Timestamp) -> Result<bool, Error> {
        let written = on!(self, at => sqlx::query(
                "INSERT INTO inbox (channel, id, verdict, received_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            )
            .bind(channel).bind(id).bind(verdict).bind(now.millis()).execute(at).await?.rows_affected());
        Ok(written > 0)
    }

    /// How a message was dealt with; none when it was not yet.
    pub async fn seen(&mut self, channel: &str, id: &str) -> Result<Option<String>, Error> {
        let row: Option<(String,)> = on!(self, at => sqlx::query_as(
                "SELECT verdict FROM inbox WHERE channel = $1 AND id = $2",
            )
            .bind(channel).bind(id).fetch_optional(at).await?);
        Ok(row.map(|row| row.0))
    }

    /// Writes a series down, or replaces what is known of it: mails of a series come one by one.
    pub async fn record_series(&mut self, series: &SeriesRecord, now: Timestamp) -> Result<(), Error> {
        on!(self, at => sqlx::query(
                "INSERT INTO series (channel, id, version, place, subject, author, base, messages, received_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (channel, id, version) DO UPDATE SET \
                 place = excluded.place, subject = excluded.subject, author = excluded.author, \
                 base = excluded.base, messages = excluded.messages",
            )
            .bind(&series.channel)
            .bind(&series.id)
            .bind(series.version)
            .bind(&series.place)
            .bind(&series.subject)
            .bind(&series.author)
            .bind(&series.base)
            .bind(json(&series.messages))
            .bind(now.millis())
            .execute(at)
            .await?
            .rows_affected());
        Ok(())
    }

    /// All versions of a series, the last first.
    pub async fn series(&mut self, channel: &str, id: &str) -> Result<Vec<SeriesVersion>, Error> {
        let rows: Vec<Row> = on!(self, at => sqlx::query_as(
                "SELECT channel, id, version, place, subject, author, base, messages, received_at FROM series \
                 WHERE channel = $1 AND id = $2 ORDER BY version DESC",
            )
            .bind(channel).bind(id).fetch_all(at).await?);
        rows.into_iter()
            .map(|row| {
                let messages = serde_json::from_str(&row.7)
                    .map_err(|error| Error::Content(format!("a series whose mails are no list: {error}")))?;
                Ok(SeriesVersion {
                    series: SeriesRecord {
                        channel: row.0,
                        id: row.1,
                        version: row.2,
                        place: row.3,
                        subject: row.4,
                        author: row.5,
                        base: row.6,
                        messages,
                    },
                    received_at: Timestamp::from_millis(row.8),
                })
            })
            .collect()
    }
}
