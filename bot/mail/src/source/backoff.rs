//! Waiting longer after each failure.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// Doubles the pause with each failure up to five minutes, and varies it by half so that many clients do not come at once.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
    not_before: Option<Instant>,
}

impl Backoff {
    /// It worked.
    pub fn success(&mut self) {
        *self = Self::default();
    }

    /// It did not.
    pub fn failure(&mut self) {
        let full = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        // A new RandomState has random keys: randomness without a crate of its own.
        let random = RandomState::new().build_hasher().finish() % 1024;
        let pause = full.mul_f64(0.5 + random as f64 / 2048.0);
        self.not_before = Some(Instant::now() + pause);
    }

    /// Waits until the next try.
    pub async fn pause(&self) {
        if let Some(time) = self.not_before {
            tokio::time::sleep_until(time.into()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let mut backoff = Backoff::default();
        let mut pause = || {
            backoff.failure();
            backoff.not_before.unwrap().saturating_duration_since(Instant::now())
        };
        let pauses: Vec<_> = (0..40).map(|_| pause()).collect();
        assert!(pauses[0] <= Duration::from_secs(1) && pauses[0] > Duration::from_millis(400));
        assert!(pauses[8] > Duration::from_secs(100) && pauses[39] <= LONGEST);
        assert_eq!(backoff.failures, 40);
        backoff.success();
        assert!(backoff.not_before.is_none());
    }
}
