//! The readers between the levels of containers.

use std::cell::Cell;
use std::io::{self, BufRead, ErrorKind, Read};

use super::{MIB, Shared, shown};

/// How much is read first: enough to tell what a stream is.
const FIRST: usize = 8 << 10;
/// How much is read at a time after that.
const BUFFER: usize = 256 << 10;

/// Reads into `buffer`, again when a signal came between.
fn read_retrying(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// The outermost reader; remembers that it failed.
pub(super) struct Source<'r> {
    inner: &'r mut dyn Read,
    shared: &'r Shared,
}

impl<'r> Source<'r> {
    pub(super) fn new(inner: &'r mut dyn Read, shared: &'r Shared) -> Self {
        Self { inner, shared }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = read_retrying(self.inner, buffer);
        if let Err(error) = &result {
            *self.shared.failure.borrow_mut() = Some((error.kind(), error.to_string()));
        }
        result
    }
}

/// A buffered reader whose first bytes can be looked at before they are read.
pub(super) struct Peek<'r> {
    inner: &'r mut dyn Read,
    buffer: Vec<u8>,
    position: usize,
    end: usize,
    ended: bool,
}

impl<'r> Peek<'r> {
    pub(super) fn new(inner: &'r mut dyn Read) -> Self {
        Self { inner, buffer: vec![0; FIRST], position: 0, end: 0, ended: false }
    }

    /// The bytes to be read next: at least `wanted` of them, fewer only at the end of the input.
    pub(super) fn head(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.buffer.len() - self.position < wanted {
            self.buffer.copy_within(self.position..self.end, 0);
            self.end -= self.position;
            self.position = 0;
            if self.buffer.len() < wanted {
                self.buffer.resize(wanted, 0);
            }
        }
        while self.end - self.position < wanted && !self.ended {
            let count = read_retrying(self.inner, &mut self.buffer[self.end..])?;
            self.ended = count == 0;
            self.end += count;
        }
        Ok(&self.buffer[self.position..self.end])
    }
}

impl BufRead for Peek<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position == self.end && !self.ended {
            if self.buffer.len() < BUFFER {
                self.buffer = vec![0; BUFFER];
            }
            self.position = 0;
            self.end = 0;
            self.end = read_retrying(self.inner, &mut self.buffer)?;
            self.ended = self.end == 0;
        }
        Ok(&self.buffer[self.position..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.position = (self.position + count).min(self.end);
    }
}

impl Read for Peek<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position == self.end && out.len() >= BUFFER && !self.ended {
            let count = read_retrying(self.inner, out)?;
            self.ended = count == 0;
            return Ok(count);
        }
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

/// Counts what is taken from a reader.
pub(super) struct Counted<'c, R> {
    inner: R,
    count: &'c Cell<u64>,
}

impl<'c, R> Counted<'c, R> {
    pub(super) fn new(inner: R, count: &'c Cell<u64>) -> Self {
        Self { inner, count }
    }
}

impl<R: BufRead> BufRead for Counted<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.count.set(self.count.get() + count as u64);
        self.inner.consume(count);
    }
}

impl<R: BufRead> Read for Counted<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.count.set(self.count.get() + count as u64);
        Ok(count)
    }
}

/// Below this much output any ratio of compression is allowed.
const RATIO_FROM: u64 = 64 * MIB;

/// Around a decoder: applies the limits, and turns an error in what it decodes into an early end
/// and a problem. Errors of the outermost reader go through.
pub(super) struct Guard<'g, R> {
    inner: R,
    shared: &'g Shared,
    name: &'g str,
    /// What is decoded, e.g. `gzip data`.
    what: &'static str,
    /// Compressed bytes taken so far, or in all.
    taken: &'g Cell<u64>,
    given: u64,
    done: bool,
}

impl<'g, R: Read> Guard<'g, R> {
    pub(super) fn new(inner: R, shared: &'g Shared, name: &'g str, what: &'static str, taken: &'g Cell<u64>) -> Self {
        Self { inner, shared, name, what, taken, given: 0, done: false }
    }

    /// Reads the rest away, as far as the limits allow, so that the decoder is at its end.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        let mut scrap = vec![0; FIRST];
        while self.read(&mut scrap)? > 0 {}
        Ok(())
    }

    fn stop(&mut self, message: String) -> io::Result<usize> {
        self.done = true;
        self.shared.problem(self.name, message);
        Ok(0)
    }
}

impl<R: Read> Read for Guard<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.done || self.shared.full.get() || buffer.is_empty() {
            return Ok(0);
        }
        let most = buffer.len().min(BUFFER);
        let count = match read_retrying(&mut self.inner, &mut buffer[..most]) {
            Ok(count) => count,
            Err(error) if self.shared.failed() => return Err(error),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return self.stop(format!("{} is cut off; what is there was read", self.what));
            }
            Err(error) => {
                let detail = shown(&error.to_string());
                return self.stop(format!("{} is damaged ({detail}); what comes before was read", self.what));
            }
        };
        self.done = count == 0;
        self.given += count as u64;
        let limits = &self.shared.limits;
        let left = limits.bytes.saturating_sub(self.shared.bytes.get());
        if count as u64 > left {
            self.shared.bytes.set(limits.bytes);
            self.shared.full.set(true);
            self.stop(format!("more than {} bytes come out of decompression; the rest was left out", limits.bytes))?;
            return Ok(usize::try_from(left).unwrap_or(count).min(count));
        }
        self.shared.bytes.set(self.shared.bytes.get() + count as u64);
        if self.given > RATIO_FROM && self.given / self.taken.get().max(1) > limits.ratio {
            self.stop(format!(
                "one byte becomes more than {} when decompressed; the rest after {} bytes was left out",
                limits.ratio, self.given
            ))?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;

    /// Gives one byte at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = out.len().min(1);
            self.0.read(&mut out[..count])
        }
    }

    #[test]
    fn a_look_ahead_takes_nothing() {
        let mut slow = Slow(b"0123456789");
        let mut peek = Peek::new(&mut slow);
        assert_eq!(peek.head(4).unwrap(), b"0123");
        peek.consume(2);
        assert_eq!(peek.head(100).unwrap(), b"23456789");
        let mut all = String::new();
        peek.read_to_string(&mut all).unwrap();
        assert_eq!(all, "23456789");
        assert_eq!(peek.head(1).unwrap(), b"");
    }

    #[test]
    fn a_look_ahead_may_be_larger_than_the_buffer() {
        let bytes: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
        let mut input = &bytes[..];
        let mut peek = Peek::new(&mut input);
        peek.head(10).unwrap();
        peek.consume(7);
        assert_eq!(peek.head(50_000).unwrap()[..50_000], bytes[7..50_007]);
        let mut rest = Vec::new();
        peek.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, bytes[7..]);
    }

    #[test]
    fn output_stops_at_the_limit() {
        let shared = Shared::new(Limits { bytes: 100, ..Limits::default() });
        let taken = Cell::new(10);
        let mut guard = Guard::new(io::repeat(b'x'), &shared, "n", "data", &taken);
        let mut out = Vec::new();
        guard.read_to_end(&mut out).unwrap();
        assert_eq!(out.len(), 100);
        assert_eq!(shared.problem_count(), 1);
        assert!(shared.full.get());
    }

    #[test]
    fn output_stops_at_the_ratio() {
        let shared = Shared::new(Limits::default());
        let taken = Cell::new(10);
        let mut guard = Guard::new(io::repeat(b'x'), &shared, "n", "data", &taken);
        guard.drain().unwrap();
        assert!(guard.given >= RATIO_FROM && guard.given < RATIO_FROM + MIB);
        assert!(!shared.full.get(), "other files may still be read");
        assert!(shared.problems.borrow()[0].message.contains("more than 1000"));
    }
}
