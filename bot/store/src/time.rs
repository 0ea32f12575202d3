//! A point in time, as it stands in the database.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Milliseconds since 1970 in UTC. Times before 1970 are negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970 in UTC.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since 1970 in UTC.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since 1970 in UTC.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Seconds since 1970 in UTC, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// From a date and time as RFC 3339 has it (`2026-11-26T10:00:00.5+01:00`); none when it is no such.
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Self(time.timestamp_millis()))
    }

    /// As RFC 3339 has it, in UTC: `2026-11-26T09:00:00.500Z`. What is beyond the calendar is its end.
    pub fn rfc3339(self) -> String {
        let time = DateTime::<Utc>::from_timestamp_millis(self.0);
        time.unwrap_or(if self.0 < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC })
            .to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    /// The day in UTC: `2026-11-26`.
    pub fn date(self) -> String {
        self.rfc3339().split('T').next().unwrap_or_default().to_owned()
    }

    /// Days since 1970 in UTC.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }

    /// Later by `duration`; the end of time at most.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Earlier by `duration`.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long it is from `earlier` until here; nothing when it is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)),
            Err(before) => Self(i64::try_from(before.duration().as_millis()).map_or(i64::MIN, i64::wrapping_neg)),
        }
    }
}
