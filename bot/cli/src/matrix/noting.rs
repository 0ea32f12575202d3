//! What is picked up while a log is read, beside its messages: build times, and what its first
//! lines say of the build. The bytes pass through once; only around a hit are lines looked at.

use std::io::{self, Read};
use std::sync::LazyLock;

use memchr::{memchr, memrchr};
use triage_causes::matrix::axes::{self, Axes};
use triage_causes::matrix::times::{Measured, Reader, TRIGGERS};
use triage_log::frame::Frames;

use super::literals::Literals;

/// Bytes of a line that is carried over to the next piece.
const CARRIED: usize = 4 << 10;
/// Bytes around a hit whose lines are read: a head stands before the numbers, more numbers follow.
const AROUND: usize = 2 << 10;

/// What was noted of a log.
#[derive(Debug, Default)]
pub struct Notes {
    /// Build times that stand in it.
    pub measured: Vec<Measured>,
    /// What its start says.
    pub axes: Axes,
}

/// Passes a log on and takes notes.
pub struct Noting<'r> {
    inner: &'r mut dyn Read,
    head: Vec<u8>,
    /// The line that the last piece ended in.
    carried: Vec<u8>,
    /// Bytes after the last hit whose lines are still read.
    follow: usize,
    times: Reader,
    frames: Frames,
}

static SEARCH: LazyLock<Literals> =
    LazyLock::new(|| Literals::new(TRIGGERS).expect("a few short literals make an automaton"));

impl<'r> Noting<'r> {
    /// Notes of the log of that name.
    pub fn new(name: &str, inner: &'r mut dyn Read) -> Self {
        let (head, carried, frames) = (Vec::new(), Vec::new(), Frames::new());
        Self { inner, head, carried, follow: 0, times: Reader::new(name), frames }
    }

    /// What was found.
    pub fn finish(mut self) -> Notes {
        self.piece(b"\n");
        Notes { measured: self.times.finish(), axes: axes::from_log(&String::from_utf8_lossy(&self.head)) }
    }

    fn piece(&mut self, bytes: &[u8]) {
        if self.head.len() < axes::HEAD {
            self.head.extend_from_slice(&bytes[..bytes.len().min(axes::HEAD - self.head.len())]);
        }
        let mut from = 0;
        if !self.carried.is_empty() {
            // The line that was cut is read together with its rest.
            let end = memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
            let mut line = std::mem::take(&mut self.carried);
            line.extend_from_slice(&bytes[..end.min(CARRIED)]);
            if memchr(b'\n', bytes).is_none() && line.len() < CARRIED {
                self.carried = line;
                return;
            }
            self.search(&line);
            from = end;
        }
        let rest = &bytes[from.min(bytes.len())..];
        let last = memrchr(b'\n', rest).map_or(0, |at| at + 1);
        self.search(&rest[..last]);
        self.carried.extend_from_slice(&rest[last..rest.len().min(last + CARRIED)]);
    }

    /// Reads the lines around the hits in whole lines.
    fn search(&mut self, bytes: &[u8]) {
        let line_end = |at: usize| at + memchr(b'\n', &bytes[at..]).map_or(bytes.len() - at, |feed| feed + 1);
        let mut read = 0;
        if self.follow > 0 {
            read = line_end(self.follow.min(bytes.len()));
            self.follow = self.follow.saturating_sub(read);
            self.lines(&bytes[..read]);
        }
        let mut from = 0;
        while let Some((_, hit)) = SEARCH.find(bytes, from) {
            let start = hit.start.saturating_sub(AROUND);
            let start = memrchr(b'\n', &bytes[..start]).map_or(0, |at| at + 1).max(read);
            let end = line_end((hit.end + AROUND).min(bytes.len()));
            if end > read {
                self.lines(&bytes[start..end]);
                read = end;
            }
            self.follow = (hit.end + AROUND).saturating_sub(bytes.len());
            // Hits within what was read matter only where it ends.
            from = hit.end.max(read.saturating_sub(AROUND));
        }
    }

    fn lines(&mut self, bytes: &[u8]) {
        let mut scratch = Vec::new();
        for raw in bytes.split(|&b| b == b'\n').filter(|raw| raw.len() <= CARRIED) {
            let line = self.frames.strip(raw, &mut scratch);
            self.times.line(&String::from_utf8_lossy(line));
        }
    }
}

impl Read for Noting<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(into)?;
        self.piece(&into[..got]);
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads in pieces of a size.
    fn noted(log: &str, size: usize) -> Notes {
        let mut bytes = log.as_bytes();
        let mut noting = Noting::new("a.log", &mut bytes);
        let mut buffer = vec![0; size];
        while noting.read(&mut buffer).unwrap() > 0 {}
        noting.finish()
    }

    #[test]
    fn the_size_of_pieces_does_not_matter() {
        let log = format!(
            "+ make ARCH=arm64 LLVM=1\n{}> Benchmark 1: x86_64 defconfig\n> Time (mean ± σ): 2.0 s ± 0.1 s\n{}real\t0m1.5s\n\
             user\t0m1.0s\nsys\t0m0.5s",
            "  CC      fs/tank.o\n".repeat(400),
            "  CC      fs/meter.o\n".repeat(400)
        );
        for size in [7, 100, 4096, 100_000] {
            let notes = noted(&log, size);
            let seconds: Vec<f64> = notes.measured.iter().map(|measured| measured.timing.elapsed).collect();
            assert_eq!(seconds, [2.0, 1.5], "{size}");
            assert_eq!(notes.axes.get("toolchain").map(String::as_str), Some("clang"));
        }
    }

    #[test]
    fn long_lines_are_passed_over() {
        let log = format!("{}\nreal\t0m1.5s\nuser\t0m1.0s\nsys\t0m0.5s\n", "elapsed".repeat(10_000));
        assert_eq!(noted(&log, 1000).measured.len(), 1);
    }
}
