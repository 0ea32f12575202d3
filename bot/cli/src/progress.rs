//! How far the reading is: one line on standard error, when that is a terminal and it takes long.

use std::io::{self, IsTerminal, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Shorter work shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// Milliseconds between two states of the line.
const INTERVAL: u64 = 200;

/// Counts what was read and shows it; can also end the reading.
#[derive(Debug)]
pub struct Progress {
    start: Instant,
    shown: bool,
    total: Option<u64>,
    read: AtomicU64,
    next: AtomicU64,
    stopped: AtomicBool,
}

impl Progress {
    /// Nothing read yet. `total` is the number of bytes to come, where it is known.
    pub fn new(total: Option<u64>, quiet: bool) -> Self {
        Self {
            start: Instant::now(),
            shown: !quiet && io::stderr().is_terminal(),
            total,
            read: AtomicU64::new(0),
            next: AtomicU64::new(u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX)),
            stopped: AtomicBool::new(false),
        }
    }

    /// How long it takes so far.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Nobody wants the rest: every reading ends at once.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// True when it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// A reader whose bytes are counted.
    pub fn count<R: Read>(&self, inner: R) -> Counted<'_, R> {
        Counted { inner, progress: self }
    }

    /// Takes the line off the terminal.
    pub fn clear(&self) {
        if self.shown && self.elapsed() > PATIENCE {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn add(&self, bytes: usize) {
        let read = self.read.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if !self.shown {
            return;
        }
        let now = u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        let mine = now >= next
            && self.next.compare_exchange(next, now + INTERVAL, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if mine {
            let of = self.total.map(|total| format!(" of {}", size(total))).unwrap_or_default();
            let _ = write!(io::stderr(), "\r\x1b[Ktriage: {}{of} read", size(read));
        }
    }
}

/// A size for a person.
fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..1_000_000 => format!("{} kB", bytes / 1000),
        1_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

/// See [`Progress::count`].
#[derive(Debug)]
pub struct Counted<'p, R> {
    inner: R,
    progress: &'p Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_stopped() {
            return Ok(0);
        }
        let got = self.inner.read(into)?;
        self.progress.add(got);
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(
            [size(1), size(20_000), size(3_500_000), size(12_000_000_000)],
            ["1 bytes", "20 kB", "3 MB", "12 GB"]
        );
    }

    #[test]
    fn stopping_ends_the_reading() {
        let progress = Progress::new(None, true);
        let mut reader = progress.count(&b"abc"[..]);
        let mut into = [0; 2];
        assert_eq!(reader.read(&mut into).unwrap(), 2);
        progress.stop();
        assert_eq!(reader.read(&mut into).unwrap(), 0);
    }
}
