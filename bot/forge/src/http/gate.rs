//! Closed while a limit lasts, for all requests of an identity.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Closed until a time.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    until: Option<SystemTime>,
    refusals: u32,
}

impl Gate {
    /// How long it stays closed.
    pub(super) fn closed(&self, now: SystemTime) -> Option<Duration> {
        let wait = self.state().until?.duration_since(now).ok()?;
        Some(wait).filter(|wait| !wait.is_zero())
    }

    /// Closes it.
    pub(super) fn close(&self, until: SystemTime) {
        let mut state = self.state();
        state.until = state.until.max(Some(until));
        state.refusals = state.refusals.saturating_add(1);
    }

    /// Refusals since the last request that passed.
    pub(super) fn refusals(&self) -> u32 {
        self.state().refusals
    }

    /// A request passed.
    pub(super) fn passed(&self) {
        self.state().refusals = 0;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
