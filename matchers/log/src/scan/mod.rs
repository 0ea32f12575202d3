//! From bytes to diagnostics, streaming, without looking at most of the bytes twice.
//!
//! Almost all lines of a build log say that something went well. So the log is searched, block by
//! block, for the literals in [`triggers`], one of which every first line of a message has. Around
//! a hit a *region* is read line by line: some lines back (include stacks, `In function`), then
//! forward for as long as a tool reader claims lines. Frames are taken off only there.
//!
//! Memory: one block (1 MiB) and what is kept in front of it to look back at (128 KiB). A longer
//! line is read up to [`LINE_KEPT`] and its rest skipped; a line of JSON may be longer.

mod triggers;
mod window;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::LazyLock;

use memchr::{memchr, memchr_iter, memchr3, memmem, memrchr};

use crate::diagnostic::{Diagnostic, Severity};
use crate::facts::Facts;
use crate::frame::Frames;
use crate::line::Line;
use crate::search::Search;
use crate::tools::{self, Sink, ToolReader};
use window::Window;

/// Bytes at the end of a log that are searched for `TAIL_TRIGGERS` too, at least.
const TAIL: usize = 64 << 10;
/// How much of an over-long line is looked at.
const LINE_KEPT: usize = 64 << 10;
/// How long a line of compiler JSON may be.
const JSON_KEPT: usize = 24 << 20;
/// Lines without context after which looking back from a hit stops.
const BACK_PLAIN: usize = 6;
/// Directories that make may be in at once, as far as they are followed.
const DIRECTORIES: usize = 256;
/// Lines that are read above such a word.
const BACK_FAILED: usize = 5;
/// Bytes of a line above it that may be a program's words; longer ones are commands.
const WORDS_MAX: usize = 240;
/// Bytes above a hit that are searched at once.
const ONE_LOOK: usize = 2048;
/// Lines looked back at, at most: the deepest include stacks are some 60 lines.
const BACK_MAX: usize = 250;
/// Bytes above which a line below a message is a command and none of its own lines.
const LONG: usize = 500;
/// Unclaimed lines in a row after which a region ends.
const IDLE_MAX: usize = 4;

/// What was read, apart from the diagnostics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogSummary {
    /// Lines, a last one without line feed included.
    pub lines: u64,
    /// Bytes.
    pub bytes: u64,
    /// Diagnostics with severity error or fatal.
    pub errors: u64,
    /// Diagnostics with severity warning.
    pub warnings: u64,
    /// Lines that were longer than is looked at.
    pub long_lines: u64,
    /// What the log says about the build itself.
    pub facts: Facts,
}

/// Reads a plain log to its end and gives each diagnostic to `visit`, in the order of the log.
///
/// # Errors
/// Only those of `input`.
pub fn read_log(input: &mut dyn Read, visit: &mut dyn FnMut(Diagnostic)) -> io::Result<LogSummary> {
    let mut scanner = Scanner::new(visit);
    let mut window = Window::new();
    while window.fill(input, &mut scanner)? {
        // The tail stays for the next turn: should nothing follow, it is the end of the log.
        let until = window.end - TAIL.min(window.end - window.start);
        if let Some(last) = memrchr(b'\n', &window.buffer[window.start..until]) {
            let upto = window.start + last + 1;
            scanner.block(&window.buffer[..upto], window.start);
            window.start = upto;
        }
    }
    if window.end > window.start {
        scanner.search = triggers::tail();
        scanner.block(&window.buffer[..window.end], window.start);
    }
    if window.skipping || (window.end > 0 && window.buffer[window.end - 1] != b'\n') {
        scanner.number += 1;
    }
    Ok(scanner.finish())
}

/// True when a line that does not fit is worth a bigger buffer.
fn looks_like_json(line: &[u8]) -> bool {
    let head = &line[..line.len().min(4096)];
    let body = head.trim_ascii_start();
    body.starts_with(b"[{\"") || (body.starts_with(b"{\"") && memmem::find(head, b"sarif").is_some())
}

/// The state of one log being read.
struct Scanner<'v> {
    search: Search,
    frames: Frames,
    readers: Vec<Box<dyn ToolReader>>,
    sink: Sink,
    visit: &'v mut dyn FnMut(Diagnostic),
    summary: LogSummary,
    /// Offset in the log of the buffer's first byte.
    base: u64,
    /// Number of line feeds before `floor`.
    number: u64,
    /// Offset in the buffer up to which lines were counted and shown to the readers.
    floor: usize,
    scratch: Vec<u8>,
    /// A bit for each reader that claimed a line of this region.
    active: u64,
    directories: VecDeque<(u32, String)>,
}

impl<'v> Scanner<'v> {
    fn new(visit: &'v mut dyn FnMut(Diagnostic)) -> Self {
        Self {
            search: triggers::search(),
            frames: Frames::new(),
            readers: tools::all(),
            sink: Sink::default(),
            visit,
            summary: LogSummary::default(),
            base: 0,
            number: 0,
            floor: 0,
            scratch: Vec::new(),
            active: 0,
            directories: VecDeque::new(),
        }
    }

    /// Reads whole lines: `buffer[from..]` is new, what is before may be looked back at.
    fn block(&mut self, buffer: &[u8], from: usize) {
        if self.summary.facts.wants_head() {
            self.summary.facts.head(&buffer[from..]);
        }
        let mut next = self.search.find(buffer, from.max(self.floor));
        while let Some(hit) = next {
            let line = memrchr(b'\n', &buffer[..hit]).map_or(0, |feed| feed + 1);
            next = self.region(buffer, line);
        }
        self.count_to(buffer, buffer.len());
    }

    /// The head of a line that does not fit into memory.
    fn long_line(&mut self, buffer: &[u8], from: usize) {
        self.summary.long_lines += 1;
        let head = &buffer[..buffer.len().min(from + LINE_KEPT)];
        if self.search.find(head, from).is_some() {
            self.count_to(buffer, from);
            self.show(&buffer[from..head.len()], from, head.len(), true);
            self.end_region();
        }
        self.floor = from;
    }

    /// Reads the lines around the line at `hit`; gives the next hit below them.
    fn region(&mut self, buffer: &[u8], hit: usize) -> Option<usize> {
        let end = memchr(b'\n', &buffer[hit..]).map_or(buffer.len(), |feed| hit + feed + 1);
        let mut next = self.search.find(buffer, end);
        if DIRECTORY.find(&buffer[hit..end]).is_some() {
            // A directory line has no neighbours.
            self.count_to(buffer, hit);
            self.show(&buffer[hit..end], hit, end, true);
            self.count_to(buffer, end);
            return next;
        }
        let mut at = self.look_back(buffer, hit);
        self.count_to(buffer, at);
        let mut idle = 0;
        while at < buffer.len() && (at <= hit || idle < IDLE_MAX) {
            let end = memchr(b'\n', &buffer[at..]).map_or(buffer.len(), |feed| at + feed + 1);
            // Above the hit lines may be context of any tool. Below it a line without a trigger of
            // its own can only go on with what a reader has begun, or be context of the next hit.
            let text = &buffer[at..end];
            let triggered = next.is_some_and(|next| next < end);
            if triggered {
                next = self.search.find(buffer, end);
            }
            let any = at <= hit
                || triggered
                || text.starts_with(b"  --> ")
                || text.ends_with(b"(ignored)\n")
                || is_context(text);
            let long = text.len() > LONG && NOTE.find(text).is_none();
            let passed = if at < hit {
                self.active == 0 && is_compilation(text)
            } else {
                !any && (long || (idle > 0 && self.is_nobodys(text)))
            };
            let claimed = !passed && self.show(text, at, end, any);
            if end > at && buffer[end - 1] == b'\n' {
                self.number += 1;
            }
            self.floor = end;
            idle = if claimed { 0 } else { idle + 1 };
            at = end;
        }
        if at < buffer.len() {
            self.end_region();
        } else {
            // The next block may go on with the same message: leave it open.
            self.hand_out();
        }
        next
    }

    /// True for lines that a compiler and make do not go on with, where nobody else is at work.
    fn is_nobodys(&self, raw: &[u8]) -> bool {
        self.active == 1 << tools::CC && !goes_on(raw)
            || self.active == 1 << tools::CC | 1 << tools::MAKE && is_command(raw)
    }

    /// Start of the context of a hit: include stacks and function lines before it.
    ///
    /// Above a line of make's that says that a command failed, the command's own words are read
    /// even when they have no trigger.
    fn look_back(&self, buffer: &[u8], hit: usize) -> usize {
        let line = &buffer[hit..buffer.len().min(hit + 256)];
        let failed = FAILURES.find(line, 0).is_some();
        if !failed && !self.has_context(buffer, hit) {
            return hit;
        }
        let mut start = hit;
        let mut at = hit;
        let mut plain = 0;
        for _ in 0..BACK_MAX {
            if at <= self.floor || plain > BACK_PLAIN {
                break;
            }
            let before = memrchr(b'\n', &buffer[..at - 1]).map_or(0, |feed| feed + 1).max(self.floor);
            if is_context(&buffer[before..at]) {
                plain = 0;
                start = before;
            } else if failed && plain < BACK_FAILED && at - before < WORDS_MAX {
                plain += 1;
                start = before;
            } else {
                plain += 1;
            }
            at = before;
        }
        start
    }

    /// False when one look at the lines above a hit tells that none of them is context.
    fn has_context(&self, buffer: &[u8], hit: usize) -> bool {
        let mut above = hit;
        for _ in 0..=BACK_PLAIN {
            if above <= self.floor {
                break;
            }
            above = memrchr(b'\n', &buffer[..above - 1]).map_or(0, |feed| feed + 1).max(self.floor);
        }
        hit - above > ONE_LOOK || CONTEXT.find(&buffer[above..hit], 0).is_some()
    }

    /// Counts line feeds up to `to`.
    fn count_to(&mut self, buffer: &[u8], to: usize) {
        if to > self.floor {
            self.number += memchr_iter(b'\n', &buffer[self.floor..to]).count() as u64;
            self.floor = to;
        }
    }

    /// Shows one line (its line feed included) to the readers, to all or to those that are at work
    /// in this region; true when one claimed it.
    fn show(&mut self, raw: &[u8], from: usize, to: usize, all: bool) -> bool {
        let mut raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        if raw.len() > LINE_KEPT && !looks_like_json(raw) {
            raw = &raw[..LINE_KEPT];
            self.summary.long_lines += 1;
        }
        let text = self.frames.strip(raw, &mut self.scratch);
        let text = std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed);
        let line =
            Line { text: &text, number: self.number + 1, start: self.base + from as u64, end: self.base + to as u64 };
        if make_directory(&line, &mut self.directories) {
            return true;
        }
        // make's own lines are many and look like nobody else's.
        let first = if line.text.starts_with("make") || line.text.starts_with("gmake") { tools::MAKE } else { 0 };
        let asked = if all { (1 << self.readers.len()) - 1 } else { self.active };
        let before = (1 << first) - 1;
        let claimed = [asked & !before, asked & before]
            .into_iter()
            .find_map(|asked| ask(&mut self.readers, asked, &line, &mut self.sink))
            .inspect(|index| self.active |= 1 << index)
            .is_some();
        if claimed {
            self.sink.set_directory(self.directories.back().map(|(_, directory)| directory.as_str()));
        }
        claimed
    }

    fn end_region(&mut self) {
        self.active = 0;
        self.sink.close();
        self.hand_out();
    }

    fn hand_out(&mut self) {
        for diagnostic in self.sink.drain() {
            match diagnostic.severity {
                Severity::Error | Severity::Fatal => self.summary.errors += 1,
                Severity::Warning => self.summary.warnings += 1,
                Severity::Note => {}
            }
            self.summary.facts.diagnostic(&diagnostic);
            (self.visit)(diagnostic);
        }
    }

    fn finish(mut self) -> LogSummary {
        self.end_region();
        self.summary.lines = self.number;
        self.summary
    }
}

/// Shows a line to readers, a bit for each, until one claims it; gives its index.
fn ask(readers: &mut [Box<dyn ToolReader>], mut asked: u64, line: &Line<'_>, sink: &mut Sink) -> Option<usize> {
    while asked != 0 {
        let index = asked.trailing_zeros() as usize;
        if readers[index].line(line, sink) {
            return Some(index);
        }
        asked &= asked - 1;
    }
    None
}

/// What programs say that ran a command which failed.
static FAILURES: LazyLock<Search> =
    LazyLock::new(|| Search::of(&["*** ", "ld returned", "configure: error", "linker command failed"]));
/// In make's lines about directories.
static DIRECTORY: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("ing directory "));
/// In notes, whose lines may be long.
static NOTE: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("note:"));

/// Words of lines that may be context of a message further down.
static CONTEXT: LazyLock<Search> = LazyLock::new(|| {
    Search::of(&[
        "from ",
        "In f",
        ": In ",
        "At top",
        "At global",
        "equired ",
        "instantiat",
        "in function",
        "ssembler messages",
        "Traceback",
        "File \"",
        ">>> ",
    ])
});

/// True for lines that may be context of a message further down. Judged on raw bytes, so that
/// frames need not be taken off; a wrong yes costs a line of reading.
fn is_context(raw: &[u8]) -> bool {
    CONTEXT.find(&raw[..raw.len().min(400)], 0).is_some()
}

/// True for lines that may belong to a compiler's message above: snippets, marks and notes.
fn goes_on(raw: &[u8]) -> bool {
    memchr::memchr2(b'|', b'^', &raw[..raw.len().min(80)]).is_some() || NOTE.find(raw).is_some()
}

/// True for the command of a compiler, and for make's short form of any command: `  CC      a.o`.
fn is_compilation(raw: &[u8]) -> bool {
    const COMPILERS: [&[u8]; 4] = [b"gcc", b"g++", b"clang", b"clang++"];
    let text = raw.trim_ascii();
    let Some(blank) = memchr(b' ', text) else { return false };
    let (word, rest) = text.split_at(blank);
    let rest = rest.trim_ascii_start();
    let is = if raw.starts_with(b"  ") && word.iter().all(u8::is_ascii_uppercase) {
        // sparse's reader wants to know of `CHECK`.
        let path = rest.strip_prefix(b"[M]").unwrap_or(rest).trim_ascii_start();
        word.len() > 1 && word != b"CHECK" && memchr(b' ', path).is_none()
    } else {
        rest.starts_with(b"-") && COMPILERS.iter().any(|name| word.ends_with(name))
    };
    is && is_command(raw)
}

/// True for lines without any of the marks that messages of a compiler or of make have.
fn is_command(raw: &[u8]) -> bool {
    let end = raw.trim_ascii_end();
    !end.ends_with(b".") && memchr3(b':', b'^', 0x1b, end).is_none() && memchr(b'|', end).is_none()
}

/// Follows `make[1]: Entering directory '/x'`.
fn make_directory(line: &Line<'_>, stack: &mut VecDeque<(u32, String)>) -> bool {
    if !line.text.ends_with(['\'', '’', '"']) {
        return false;
    }
    let Some(at) = DIRECTORY.find(line.text.as_bytes()) else { return false };
    let (head, rest) = (&line.text[..at], &line.text[at + DIRECTORY.needle().len()..]);
    let entering = head.ends_with(": Enter");
    if !entering && !head.ends_with(": Leav") {
        return false;
    }
    let level = head
        .split_once('[')
        .and_then(|(_, level)| level.split_once(']'))
        .and_then(|(level, _)| level.parse::<u32>().ok())
        .unwrap_or(0);
    let name = rest.trim_matches(['\'', '`', '‘', '’', '"']);
    if entering {
        if stack.len() >= DIRECTORIES {
            stack.pop_front();
        }
        stack.push_back((level, name.to_owned()));
    } else if let Some(at) = stack.iter().rposition(|(l, n)| *l == level && n == name) {
        stack.remove(at);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_compilation;

    #[test]
    fn commands_of_compilers_are_nobodys() {
        for command in [
            "  CC      tank.o\n",
            "  CC [M]  pumps/valve.o\n",
            "gcc -O2 -c -o tank.o tank.c\n",
            "  /usr/bin/x86_64-linux-gnu-gcc -Wp,-MMD,.tank.o.d -c -o tank.o tank.c\r\n",
        ] {
            assert!(is_compilation(command.as_bytes()), "{command}");
        }
        for other in [
            "  CHECK   tank.c\n",
            "  KILLED by the valve\n",
            "gcc: fatal error: no input files\n",
            "gcc -c tank.ctank.c:1:1: error: expected ';'\n",
            "gcc says that compilation terminated.\n",
            "No package 'tank' found\n",
            "Killed\n",
            "",
        ] {
            assert!(!is_compilation(other.as_bytes()), "{other}");
        }
    }
}
