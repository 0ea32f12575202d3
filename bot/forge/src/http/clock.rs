//! Time as the layer sees it, so that a test need not wait for it.

use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// Where the time comes from, and how to wait.
pub trait Clock: std::fmt::Debug + Send + Sync {
    /// Now, by the wall: forges say when a limit ends in seconds since 1970.
    fn now(&self) -> SystemTime;

    /// Waits.
    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(time))
    }
}
