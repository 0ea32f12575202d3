//! Not more content in a time than a forge takes.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// How much content may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Requests in any minute.
    pub per_minute: usize,
    /// Requests in any hour.
    pub per_hour: usize,
}

impl Pace {
    /// "In general, no more than 80 content-generating requests per minute and no more than 500 content-generating requests
    /// per hour are allowed"
    /// (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>).
    pub const GITHUB: Self = Self { per_minute: 80, per_hour: 500 };
}

/// When content was made. A bucket that refills would let through twice the limit in its first minute, so the times are kept.
#[derive(Debug)]
pub(super) struct Pacer {
    pace: Pace,
    made: Mutex<VecDeque<SystemTime>>,
}

impl Pacer {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, made: Mutex::default() }
    }

    /// Takes a place, or says how long to wait before asking again.
    pub(super) fn take(&self, now: SystemTime) -> Result<(), Duration> {
        let mut made = self.made.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while made.front().is_some_and(|first| now.duration_since(*first).is_ok_and(|age| age >= HOUR)) {
            made.pop_front();
        }
        for (window, most) in [(MINUTE, self.pace.per_minute), (HOUR, self.pace.per_hour)] {
            // The request that has to leave the window before another fits.
            let Some(oldest) = made.len().checked_sub(most.max(1)).and_then(|at| made.get(at)) else { continue };
            let age = now.duration_since(*oldest).unwrap_or_default();
            if age < window {
                return Err(window - age);
            }
        }
        made.push_back(now);
        Ok(())
    }
}
