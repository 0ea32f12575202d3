//! The sliding window over a log.

use std::io::{self, Read};

use memchr::memchr;

use super::{JSON_KEPT, Scanner, looks_like_json};

/// Bytes read at a time.
const BLOCK: usize = 1 << 20;
/// Bytes of the block before that stay in memory, to look back at.
const KEPT: usize = 128 << 10;

/// The part of the log that is in memory: `buffer[..start]` was read and is kept to look back at,
/// `buffer[start..end]` is new.
pub(super) struct Window {
    pub(super) buffer: Vec<u8>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// True inside the rest of a line that was too long.
    pub(super) skipping: bool,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0u8; KEPT + BLOCK], start: 0, end: 0, skipping: false }
    }

    /// Reads until the buffer is full; false at the end of the input.
    pub(super) fn fill(&mut self, input: &mut dyn Read, scanner: &mut Scanner<'_>) -> io::Result<bool> {
        self.make_room(scanner);
        while self.end < self.buffer.len() {
            let got = match input.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            scanner.summary.bytes += got as u64;
            if self.skipping {
                self.skip(got, scanner);
            } else {
                self.end += got;
            }
        }
        Ok(true)
    }

    /// Drops what need not be kept; a line that fills the buffer is read by its head alone.
    fn make_room(&mut self, scanner: &mut Scanner<'_>) {
        let drop = self.start.saturating_sub(KEPT);
        if drop > 0 {
            self.buffer.copy_within(drop..self.end, 0);
            self.start -= drop;
            self.end -= drop;
            scanner.base += drop as u64;
            scanner.floor = scanner.floor.saturating_sub(drop);
        }
        if self.end < self.buffer.len() || memchr(b'\n', &self.buffer[self.start..self.end]).is_some() {
            if self.end == self.buffer.len() {
                self.buffer.resize(self.buffer.len() + BLOCK, 0);
            }
            return;
        }
        if self.buffer.len() < JSON_KEPT && looks_like_json(&self.buffer[self.start..self.end]) {
            self.buffer.resize(self.buffer.len() * 2, 0);
            return;
        }
        scanner.long_line(&self.buffer[..self.end], self.start);
        self.skipping = true;
        scanner.base += (self.end - self.start) as u64;
        self.end = self.start;
    }

    /// Passes over the rest of an over-long line.
    fn skip(&mut self, got: usize, scanner: &mut Scanner<'_>) {
        match memchr(b'\n', &self.buffer[self.end..self.end + got]) {
            None => scanner.base += got as u64,
            Some(at) => {
                self.skipping = false;
                scanner.base += at as u64 + 1;
                scanner.number += 1;
                self.buffer.copy_within(self.end + at + 1..self.end + got, self.end);
                self.end += got - at - 1;
            }
        }
    }
}
