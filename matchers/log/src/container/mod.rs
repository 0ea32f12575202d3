//! From a byte stream of unknown kind to the plain logs in it.
//!
//! What a stream is, its content tells, never its name: a log, a compressed log, an archive of
//! logs (also from a pipe), a mail or a mailbox, and any of these inside another. Nothing is
//! unpacked to disk; names from archives are shown and never used as paths. [`Limits`] stop
//! input that is built to exhaust memory or time.

mod archive;
mod compress;
mod encoding;
mod mail;
mod reader;
mod sniff;

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, ErrorKind, Read};

use encoding::Transcoder;
use reader::{Peek, Source};
use sniff::Kind;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Limits against hostile input.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many containers may be inside one another; each compression, archive and mail counts.
    pub depth: u8,
    /// How many files may be read in all.
    pub members: usize,
    /// How many bytes may come out of decompression in all.
    pub bytes: u64,
    /// How many bytes one compressed byte may become on average, above 64 MiB of output.
    pub ratio: u64,
    /// How many bytes may be held in memory for a format that needs seeking.
    pub buffered: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 4, members: 10_000, bytes: 16 * GIB, ratio: 1000, buffered: 256 * MIB }
    }
}

/// One plain log found in a container.
pub struct Member<'a> {
    /// Where it was found, e.g. `logs.zip/2_build.txt`, or the given name.
    pub name: String,
    /// Its bytes: UTF-8 or any other encoding in which ASCII is ASCII. Fails only where the
    /// reader given to [`open`] fails; what is damaged or cut off ends early and is reported as
    /// a [`Problem`]. It need not be read to its end.
    pub reader: &'a mut dyn BufRead,
}

/// What could not be read, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which file, named as a [`Member`] is.
    pub name: String,
    /// Why, as a phrase that can follow the name and a colon.
    pub message: String,
}

/// Finds the plain logs in `input` and gives each to `visit` in order; returns what was left out
/// and why.
///
/// Plain input is given through as one member with `name` itself, also when it is empty.
///
/// # Errors
///
/// Only those of `input` and of `visit`. Damaged, truncated and hostile content is no error.
pub fn open(
    name: &str,
    input: &mut dyn Read,
    limits: Limits,
    visit: &mut dyn FnMut(Member<'_>) -> io::Result<()>,
) -> io::Result<Vec<Problem>> {
    let shared = Shared::new(limits);
    let mut source = Source::new(input, &shared);
    let mut walk = Walk { limits, shared: &shared, visit, members: 0 };
    walk.stream(name, &mut source, 0)?;
    if let Some((kind, message)) = shared.failure.take() {
        return Err(io::Error::new(kind, message));
    }
    Ok(shared.problems.take())
}

/// What the readers of all levels share.
struct Shared {
    limits: Limits,
    /// The error of the outermost reader, once there was one. Tells it from damaged content.
    failure: RefCell<Option<(ErrorKind, String)>>,
    /// Bytes that came out of decompression so far.
    bytes: Cell<u64>,
    /// A limit on the whole was reached: nothing more is read.
    full: Cell<bool>,
    problems: RefCell<Vec<Problem>>,
}

impl Shared {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            failure: RefCell::default(),
            bytes: Cell::new(0),
            full: Cell::new(false),
            problems: RefCell::default(),
        }
    }

    fn failed(&self) -> bool {
        self.failure.borrow().is_some()
    }

    fn problem(&self, name: &str, message: impl Into<String>) {
        let mut problems = self.problems.borrow_mut();
        // Containers that hold nothing but damage are not counted as files.
        if problems.len() > self.limits.members {
            self.full.set(true);
        } else {
            problems.push(Problem { name: name.to_owned(), message: message.into() });
        }
    }

    fn problem_count(&self) -> usize {
        self.problems.borrow().len()
    }
}

/// The descent through one input.
struct Walk<'w> {
    limits: Limits,
    shared: &'w Shared,
    visit: &'w mut dyn FnMut(Member<'_>) -> io::Result<()>,
    members: usize,
}

impl Walk<'_> {
    /// Finds out what `input` is and gives on what is in it. `depth` containers are around it.
    fn stream(&mut self, name: &str, input: &mut dyn Read, depth: u8) -> io::Result<()> {
        if self.shared.full.get() {
            return Ok(());
        }
        let problems = self.shared.problem_count();
        let mut input = Peek::new(input);
        let kind = sniff::kind(&mut input)?;
        if kind.is_container() && depth >= self.limits.depth {
            return self.leave_out(name, format!("is inside more than {depth} other containers"));
        }
        match kind {
            // What is empty because nothing of it could be decoded was reported as such.
            Kind::Empty if self.shared.problem_count() > problems || self.shared.full.get() => Ok(()),
            Kind::Empty | Kind::Plain => self.plain(name, &mut input),
            Kind::Utf8Bom => {
                input.consume(3);
                self.plain(name, &mut input)
            }
            Kind::Utf16(endian) => self.plain(name, &mut Transcoder::utf16(&mut input, endian)),
            Kind::Gzip | Kind::Xz | Kind::Lzma | Kind::Lzip | Kind::Zstd => {
                self.compressed(kind, name, &mut input, depth)
            }
            Kind::Zip => self.zip(name, &mut input, depth),
            Kind::Tar => self.tar(name, &mut input, depth),
            Kind::Mbox => self.mail(name, &mut input, true, depth),
            Kind::Mail => self.mail(name, &mut input, false, depth),
            Kind::Unsupported(what) => self.leave_out(name, format!("is {what}, which is not supported")),
            Kind::Binary(what) => self.leave_out(name, format!("is not text ({what})")),
        }
    }

    /// Gives a plain log to the caller.
    fn plain(&mut self, name: &str, reader: &mut dyn BufRead) -> io::Result<()> {
        if self.counts(name) { (self.visit)(Member { name: name.to_owned(), reader }) } else { Ok(()) }
    }

    /// Notes that a file was not read.
    fn leave_out(&mut self, name: &str, message: impl Into<String>) -> io::Result<()> {
        if self.counts(name) {
            self.shared.problem(name, message);
        }
        Ok(())
    }

    /// Counts a file; false when it is one too many.
    fn counts(&mut self, name: &str) -> bool {
        if self.members >= self.limits.members {
            if !self.shared.full.replace(true) {
                let most = self.limits.members;
                self.shared.problem(
                    name,
                    format!("is one file more than the limit of {most}; it and all after it were left out"),
                );
            }
            return false;
        }
        self.members += 1;
        true
    }
}

/// The longest name from a container that is shown, in characters.
const NAME_MAX: usize = 240;

/// A name from a container as it may be shown: control characters and those that change the
/// direction of text are replaced, an overlong one is shortened.
fn shown(raw: &str) -> String {
    let hidden = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut name: String = raw.chars().take(NAME_MAX).map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect();
    if raw.chars().nth(NAME_MAX).is_some() {
        name.push('…');
    }
    name
}

/// The name of something in a container, after the container's own.
fn inside(container: &str, raw: &str) -> String {
    format!("{container}/{}", shown(raw.strip_prefix("./").unwrap_or(raw)))
}

#[cfg(test)]
mod tests;
