//! Times as forges take them in queries.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};

/// The time so long before another one, as `2026-11-26T15:04:05Z` (RFC 3339).
pub(crate) fn before(now: SystemTime, age: Duration) -> String {
    let time = now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let at = |seconds| before(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), Duration::ZERO);
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_795_705_445), "2026-11-26T15:04:05Z");
        assert_eq!(before(SystemTime::UNIX_EPOCH, Duration::from_secs(1)), "1969-12-31T23:59:59Z");
    }
}
