//! Lists of runs: what failed lately, and what was run for a commit.

use std::time::{Duration, SystemTime};

use super::super::models::Run;
use super::super::{Repository, Session};
use crate::http::Error;

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

impl Session {
    /// Runs of a repository that ended with a failure and were begun at most `age` before `now`, in their latest attempts; of
    /// more than 5000 the newest
    /// (<https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository>).
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked.
    pub async fn failed_runs(
        &self,
        repository: &Repository,
        age: Duration,
        now: SystemTime,
    ) -> Result<Vec<Run>, Error> {
        let since = now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        let since = date(since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs());
        let path = repository.path(&["actions", "runs"]) + "?status=failure&created=%3E%3D" + &since;
        self.list(&path, Some("workflow_runs")).await
    }

    /// The number of a repository, which stays when it is renamed.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked.
    pub async fn repository_id(&self, repository: &Repository) -> Result<u64, Error> {
        #[derive(serde::Deserialize)]
        struct Numbered {
            id: u64,
        }
        Ok(self.get(&repository.path(&[])).await?.json::<Numbered>()?.id)
    }

    /// The runs for a commit, in their latest attempts.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be asked.
    pub async fn runs_of(&self, repository: &Repository, head_sha: &str) -> Result<Vec<Run>, Error> {
        let head: String = url::form_urlencoded::byte_serialize(head_sha.as_bytes()).collect();
        self.list(&(repository.path(&["actions", "runs"]) + "?head_sha=" + &head), Some("workflow_runs")).await
    }
}

/// Seconds since 1970 as `2026-11-26T15:04:05Z`. The calendar is computed as Howard Hinnant's `civil_from_days` does
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / DAY + 719_468, seconds % DAY);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (month, day) = ((shifted + 2) % 12 + 1, of_year - (153 * shifted + 2) / 5 + 1);
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(date(1_795_705_445), "2026-11-26T15:04:05Z");
        assert_eq!(date(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
