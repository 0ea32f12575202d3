//! Whether workers are still heard of, by a clock that nobody can set.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A job at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningJob {
    /// Its number.
    pub id: i64,
    /// The claim.
    pub token: i64,
    /// Signs of life so far.
    pub beat: i64,
}

/// Since when this process has seen no sign of life of each job at work.
///
/// The times are of this process alone, so that neither a clock that is set nor the clocks of other machines matter.
/// The price: a process that starts waits for a whole lease before it takes over what a crash left.
#[derive(Debug, Default)]
pub struct LeaseWatch {
    seen: HashMap<i64, (RunningJob, Instant)>,
}

impl LeaseWatch {
    /// Looks at the jobs that are at work now. Gives those of which nothing was heard for `lease`.
    pub fn expired(&mut self, running: &[RunningJob], lease: Duration, now: Instant) -> Vec<RunningJob> {
        let before = std::mem::take(&mut self.seen);
        self.seen = running
            .iter()
            .map(|job| match before.get(&job.id) {
                Some((seen, since)) if seen == job => (job.id, (*job, *since)),
                _ => (job.id, (*job, now)),
            })
            .collect();
        let silent = running.iter().filter(|job| {
            self.seen.get(&job.id).is_some_and(|(_, since)| now.saturating_duration_since(*since) >= lease)
        });
        silent.copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_silence_counts() {
        const LEASE: Duration = Duration::from_secs(30);
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let (mut one, two) = (RunningJob { id: 1, token: 1, beat: 1 }, RunningJob { id: 2, token: 1, beat: 1 });
        let mut watch = LeaseWatch::default();
        assert_eq!(watch.expired(&[one, two], LEASE, at(0)), []);
        one.beat += 1;
        assert_eq!(watch.expired(&[one, two], LEASE, at(29)), []);
        assert_eq!(watch.expired(&[one, two], LEASE, at(30)), [two]);
        // Claimed anew, by whoever.
        let again = RunningJob { token: 2, ..two };
        assert_eq!(watch.expired(&[one, again], LEASE, at(58)), []);
        assert_eq!(watch.expired(&[one, again], LEASE, at(59)), [one]);
        assert_eq!(watch.expired(&[], LEASE, at(100)), []);
        assert_eq!(watch.expired(&[again], LEASE, at(101)), [], "what was gone is seen anew");
    }
}
