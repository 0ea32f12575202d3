//! One line on the terminal that says what is being built, for as long as it takes.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Characters that are shown.
const SHOWN: usize = 100;

/// The line; nothing where standard error is no terminal.
#[derive(Debug)]
pub struct StateLine {
    shown: bool,
    start: Instant,
}

impl StateLine {
    /// Nothing said yet.
    pub fn new(quiet: bool) -> Self {
        Self { shown: !quiet && io::stderr().is_terminal(), start: Instant::now() }
    }

    /// Says it instead of what stood there.
    pub fn say(&self, text: &str) {
        if self.shown {
            let text: String = text.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
            let _ = write!(io::stderr(), "\r\x1b[Ktriage: {text} ({} s)", self.start.elapsed().as_secs());
        }
    }

    /// Takes the line off the terminal.
    pub fn clear(&self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// How long it takes so far.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
