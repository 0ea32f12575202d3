//! mbox files: `From ` lines between mails, read as a stream however large the file is.
//!
//! A line `From ` at the beginning or after an empty line begins a mail. Both ways to quote such lines in a text are read
//! ([`Quoting`]); `Content-Length` (mboxcl) is not looked at.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Batch, Cursor, Filling, READ_MAX, SourceError, blocking, changed, wait_for_change};

/// Bytes before the cursor that must be the same, or the file is another.
const TAIL: u64 = 64;
/// A file that was written to this recently may end within a mail.
const SETTLED: Duration = Duration::from_secs(2);

/// How a line of a text that looks like the beginning of a mail is kept from being one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quoting {
    /// mboxrd: a `>` before `From `, and before `>From ` and so on. public-inbox and `b4` write it.
    #[default]
    Rd,
    /// mboxo: a `>` before `From ` only.
    O,
}

/// An mbox file.
#[derive(Debug, Clone)]
pub struct Mbox {
    path: PathBuf,
    quoting: Quoting,
    /// How the file stood before it was read last.
    read: Option<(Option<SystemTime>, u64)>,
}

/// How far an mbox was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MboxCursor {
    /// Bytes.
    offset: u64,
    /// The bytes just before, to tell when the file was replaced.
    before: Vec<u8>,
}

impl Mbox {
    /// An mbox that is only read.
    pub fn new(path: impl Into<PathBuf>, quoting: Quoting) -> Self {
        Self { path: path.into(), quoting, read: None }
    }

    pub(super) async fn read(&mut self, cursor: Option<&Cursor>) -> Result<Batch, SourceError> {
        let cursor = match cursor {
            None => MboxCursor::default(),
            Some(Cursor::Mbox(cursor)) => cursor.clone(),
            Some(_) => return Err(SourceError::Cursor),
        };
        self.read = Some(state(&self.path));
        let (path, quoting) = (self.path.clone(), self.quoting);
        blocking(move || read_file(&path, quoting, &cursor).map_err(|error| SourceError::File { path, error })).await
    }

    pub(super) async fn end(&mut self) -> Result<Cursor, SourceError> {
        self.read = Some(state(&self.path));
        let path = self.path.clone();
        let end = move || {
            let mut file = File::open(&path)?;
            let offset = file.seek(SeekFrom::End(0))?;
            Ok(Cursor::Mbox(MboxCursor { offset, before: tail(&mut file, offset)? }))
        };
        let path = self.path.clone();
        blocking(end).await.map_err(|error| SourceError::File { path, error })
    }

    pub(super) async fn wait(&mut self, longest: Duration) -> Result<(), SourceError> {
        // The last mail of a file that was still being written waits for the file to settle.
        let settles =
            self.read.and_then(|(time, _)| time).and_then(|time| time.elapsed().ok()).is_some_and(|age| age < SETTLED);
        let longest = if settles { longest.min(SETTLED) } else { longest };
        let last = self.read.unwrap_or_else(|| state(&self.path));
        wait_for_change(&last, longest, || state(&self.path)).await;
        Ok(())
    }
}

fn state(path: &Path) -> (Option<SystemTime>, u64) {
    (changed(path), std::fs::metadata(path).map_or(0, |metadata| metadata.len()))
}

fn read_file(path: &Path, quoting: Quoting, cursor: &MboxCursor) -> std::io::Result<Batch> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let settled = metadata.modified().ok().and_then(|time| time.elapsed().ok()).is_none_or(|age| age >= SETTLED);
    let same = metadata.len() >= cursor.offset && tail(&mut file, cursor.offset)? == cursor.before;
    let start = if same { cursor.offset } else { 0 };
    file.seek(SeekFrom::Start(start))?;
    let mut reader = MboxReader::new(BufReader::new(&file), quoting);
    let (mut filling, mut offset, mut more) = (Filling::default(), start, false);
    while let Some((raw, size)) = reader.next()? {
        let complete = reader.is_at_next() || settled;
        if filling.is_full() || !complete {
            more = filling.is_full();
            break;
        }
        filling.push(&raw, size);
        offset = start + reader.position();
    }
    let before = tail(&mut file, offset)?;
    Ok(Batch { messages: filling.messages, cursor: Cursor::Mbox(MboxCursor { offset, before }), more })
}

fn tail(file: &mut File, offset: u64) -> std::io::Result<Vec<u8>> {
    let start = offset.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut before = Vec::new();
    file.take(offset - start).read_to_end(&mut before)?;
    Ok(before)
}

/// Takes mails off a stream in mbox form, one in memory at a time and of that only what is worth reading.
#[derive(Debug)]
pub struct MboxReader<R> {
    inner: R,
    quoting: Quoting,
    /// Bytes that belong to mails which were given.
    position: u64,
    /// The `From ` line of the next mail was read already; its length.
    next: Option<u64>,
}

impl<R: BufRead> MboxReader<R> {
    /// Begins at a `From ` line; what stands before the first one is skipped.
    pub fn new(inner: R, quoting: Quoting) -> Self {
        Self { inner, quoting, position: 0, next: None }
    }

    /// The next mail, at most 16 MiB of it, and how large it is.
    ///
    /// # Errors
    ///
    /// Those of the stream underneath.
    #[expect(clippy::should_implement_trait, reason = "an error of the stream is none of a mail")]
    pub fn next(&mut self) -> std::io::Result<Option<(Vec<u8>, u64)>> {
        let mut line = Vec::new();
        let mut consumed = self.next.take();
        while consumed.is_none() {
            let length = self.line(&mut line)?;
            if length == 0 {
                return Ok(None);
            }
            if line.starts_with(b"From ") {
                consumed = Some(length);
            } else {
                self.position += length;
            }
        }
        let (mut mail, mut size, mut consumed) = (Vec::new(), 0, consumed.unwrap_or_default());
        // Behind the `From ` line comes a header: none of its lines begins a mail.
        let mut empty = false;
        loop {
            let length = self.line(&mut line)?;
            if length == 0 {
                break;
            }
            if empty && line.starts_with(b"From ") {
                self.next = Some(length);
                break;
            }
            consumed += length;
            empty = matches!(line.as_slice(), b"\n" | b"\r\n");
            let quoted = self.is_quoted(&line);
            let text = if quoted { &line[1..] } else { &line[..] };
            size += length - u64::from(quoted);
            let room = (READ_MAX as usize).saturating_sub(mail.len());
            mail.extend_from_slice(&text[..text.len().min(room)]);
        }
        // The empty line before the next mail is none of this one.
        if empty && size == mail.len() as u64 {
            mail.truncate(mail.len() - line_end(&mail));
            size = mail.len() as u64;
        }
        self.position += consumed;
        Ok(Some((mail, size)))
    }

    /// Whether another mail begins behind the last one.
    fn is_at_next(&self) -> bool {
        self.next.is_some()
    }

    /// Bytes of the stream up to the end of the last mail.
    fn position(&self) -> u64 {
        self.position
    }

    /// Reads a line, of which at most [`READ_MAX`] bytes are kept, and gives its whole length.
    fn line(&mut self, line: &mut Vec<u8>) -> std::io::Result<u64> {
        line.clear();
        let mut length = 0;
        loop {
            let available = self.inner.fill_buf()?;
            if available.is_empty() {
                return Ok(length);
            }
            let end = memchr::memchr(b'\n', available);
            let taken = end.map_or(available.len(), |end| end + 1);
            let room = (READ_MAX as usize).saturating_sub(line.len());
            line.extend_from_slice(&available[..taken.min(room)]);
            self.inner.consume(taken);
            length += taken as u64;
            if end.is_some() {
                return Ok(length);
            }
        }
    }

    fn is_quoted(&self, line: &[u8]) -> bool {
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        let deep = match self.quoting {
            Quoting::Rd => quotes >= 1,
            Quoting::O => quotes == 1,
        };
        deep && line[quotes..].starts_with(b"From ")
    }
}

fn line_end(mail: &[u8]) -> usize {
    if mail.ends_with(b"\r\n") { 2 } else { usize::from(mail.ends_with(b"\n")) }
}

#[cfg(test)]
#[path = "mbox_tests.rs"]
mod tests;
