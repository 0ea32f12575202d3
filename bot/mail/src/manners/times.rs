//! Quiet hours, and how long to wait after a failure.

use std::time::Duration;

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// The part of each day in which nothing is sent, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// When it begins, in minutes since midnight.
    from: u16,
    /// When it ends, in minutes since midnight.
    to: u16,
}

impl QuietHours {
    /// From `22:00-06:30`; begin and end differ, and the end may be on the next day.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fault = || format!("'{text}' is no time of day: write 22:00-06:30");
        let (from, to) = text.split_once('-').ok_or_else(fault)?;
        let (from, to) = (minutes(from).ok_or_else(fault)?, minutes(to).ok_or_else(fault)?);
        if from == to {
            return Err(format!("'{text}' begins when it ends; leave quiet hours out to have none"));
        }
        Ok(Self { from, to })
    }

    /// When the quiet hours that `now` lies in end; none when it lies in none. Both in seconds
    /// since 1970 in UTC.
    pub fn until(self, now: i64) -> Option<i64> {
        let (from, to) = (i64::from(self.from) * 60, i64::from(self.to) * 60);
        let time = now.rem_euclid(DAY);
        let midnight = now - time;
        match from < to {
            true => (from..to).contains(&time).then_some(midnight + to),
            false if time < to => Some(midnight + to),
            false => (time >= from).then_some(midnight + DAY + to),
        }
    }
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let two = |text: &str| (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok());
    let (hours, minutes): (u16, u16) = (two(hours)??, two(minutes)??);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// How long to wait after the attempt of that number, from 1: a minute, doubled each time, six
/// hours at most.
pub fn backoff(attempt: u32) -> Duration {
    let doubled = 60_u64.checked_shl(attempt.saturating_sub(1).min(16)).unwrap_or(u64::MAX);
    Duration::from_secs(doubled.min(6 * 60 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A midnight.
    const MIDNIGHT: i64 = 1_700_006_400;

    #[test]
    fn quiet_hours() {
        assert_eq!(MIDNIGHT % DAY, 0);
        let night = QuietHours::parse("22:00-06:30").unwrap();
        let at = |hours: i64, minutes: i64| MIDNIGHT + hours * 3600 + minutes * 60;
        assert_eq!(night.until(at(12, 0)), None);
        assert_eq!(night.until(at(6, 30)), None);
        assert_eq!(night.until(at(6, 29)), Some(at(6, 30)));
        assert_eq!(night.until(at(22, 0)), Some(at(30, 30)));
        let noon = QuietHours::parse("12:00-13:00").unwrap();
        assert_eq!(noon.until(at(12, 59)), Some(at(13, 0)));
        assert_eq!(noon.until(at(13, 0)), None);
        assert_eq!(noon.until(-DAY / 2), Some(-DAY / 2 + 3600));
    }

    #[test]
    fn wrong_quiet_hours() {
        for text in ["", "22:00", "22-06", "24:00-06:00", "10:60-11:00", "1:00-2:00", "+1:00-02:00", "é0:00-02:00"] {
            assert!(QuietHours::parse(text).unwrap_err().contains("no time of day"), "{text}");
        }
        assert!(QuietHours::parse("10:00-10:00").is_err());
    }

    #[test]
    fn waits_grow() {
        assert_eq!(backoff(0), Duration::from_secs(60));
        assert_eq!(backoff(1), Duration::from_secs(60));
        assert_eq!(backoff(2), Duration::from_secs(120));
        assert_eq!(backoff(9), Duration::from_secs(15_360));
        assert_eq!(backoff(u32::MAX), Duration::from_secs(21_600));
    }
}
