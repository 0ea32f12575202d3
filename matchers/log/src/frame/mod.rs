//! Takes off a line what CI systems, mail programs and terminals put around it.
//!
//! Frames nest in any order (a quoted line of a stamped log with colours), so they are taken off
//! one at a time for as long as one is found. What a tool itself printed must survive: source
//! snippets, lld's `>>> ` lines, `[12/340]`, `ERROR: `. Where a line alone does not tell,
//! [`Frames`] remembers what the lines before it were.
//!
//! To add a frame: write a function that takes it off the start of a text, in the file of the
//! system that makes it, and ask it in `Frames::one` under the byte that the frame begins with.

mod bracket;
mod docker;
mod github;
mod gitlab;
mod json;
mod label;
mod logging;
mod look;
mod mail;
mod stamp;
mod syslog;
mod terminal;
#[cfg(test)]
mod tests;
mod yocto;

use label::Labels;

/// Takes frames off the lines of one log, given in their order.
///
/// Remembers which of the frames that could be mistaken for text the log has.
#[derive(Debug, Default)]
pub struct Frames {
    /// The line before had a bar before its text.
    bar: bool,
    /// `act` wrote the log: a bar is always a frame.
    act: bool,
    /// BuildKit wrote the log: seconds at the start of a line are a frame.
    buildkit: bool,
    /// Blanks between a time of day and the text, 1 or 2; 0 when not known.
    gap: usize,
    /// Inside a hunk of a diff whose lines begin with `> `, below so many quote marks.
    hunk: Option<usize>,
    labels: Labels,
}

/// What was found on the current line.
#[derive(Debug, Default)]
struct Found {
    /// It has tabs.
    tabs: bool,
    /// Quote marks taken off.
    quotes: usize,
    /// A bar was taken off.
    bar: bool,
    /// A `> ` was left that is a diff's.
    kept: bool,
}

impl Frames {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the line's own text. `raw` has no line feed and may end in carriage returns.
    ///
    /// The text is a part of `raw` except where something was taken out of its middle; then it is
    /// in `scratch`, whose memory is used again. Takes time linear in the line. The text is never
    /// longer than the line.
    pub fn strip<'a>(&mut self, raw: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
        let line = terminal::without_returns(raw);
        let controls = terminal::controls(line);
        let mut returned = controls.cr || line.len() < raw.len();
        let record = matches!(line.first(), Some(b'{' | b'-')) && json::decode(line, scratch);
        let (text, tabs) = if record || controls.other {
            if !record {
                scratch.clear();
                scratch.extend_from_slice(line);
            }
            terminal::clean(scratch);
            returned |= terminal::has_return(scratch);
            (terminal::without_returns(scratch), true)
        } else {
            (line, controls.tab)
        };
        if returned { self.last_part(text, tabs) } else { self.take_off(text, tabs) }
    }

    /// Progress output: what a terminal shows in the end is the last part that is not blank.
    fn last_part<'t>(&mut self, text: &'t [u8], tabs: bool) -> &'t [u8] {
        let mut blank: &[u8] = &[];
        for part in text.rsplit(|&byte| byte == b'\r') {
            let part = gitlab::without_fold(self.take_off(part, tabs));
            if !is_blank(part) {
                return part;
            }
            if blank.is_empty() {
                blank = part;
            }
        }
        blank
    }

    /// Takes off everything that stands before the text.
    fn take_off<'t>(&mut self, text: &'t [u8], tabs: bool) -> &'t [u8] {
        let mut found = Found { tabs, ..Found::default() };
        let mut rest = text;
        while let Some(next) = self.one(rest, &mut found) {
            rest = next;
        }
        if !is_blank(rest) {
            self.remember(rest, &found);
        }
        rest
    }

    /// Takes off one frame. The first byte decides which come into question.
    fn one<'t>(&mut self, text: &'t [u8], found: &mut Found) -> Option<&'t [u8]> {
        let first = *text.first()?;
        if matches!(first, b' ' | b'\t') {
            return None;
        }
        if found.tabs
            && let Some(rest) = github::columns(text)
        {
            return Some(rest);
        }
        let rest = match first {
            b'>' => self.unquote(text, found),
            b'|' => self.unbar(text, found),
            b'[' => self.unbracket(text),
            b'0'..=b'9' => self.unstamp(text),
            b'#' => github::marker(text).or_else(|| {
                let rest = docker::step(text)?;
                self.buildkit = true;
                Some(rest)
            }),
            b':' => github::command(text),
            b'<' => syslog::priority(text),
            b's' | b't' => gitlab::is_fold(text).then(|| &text[text.len()..]),
            b'A'..=b'Z' => syslog::line(text).or_else(|| yocto::head(text)).or_else(|| docker::cloud_step(text)),
            0xef => text.strip_prefix(b"\xef\xbb\xbf"),
            _ => None,
        };
        if rest.is_none() && (first.is_ascii_alphabetic() || first == b'[') {
            return self.labels.take_off(text);
        }
        rest
    }

    fn unquote<'t>(&mut self, text: &'t [u8], found: &mut Found) -> Option<&'t [u8]> {
        if self.hunk.is_some_and(|depth| found.quotes >= depth) && text.starts_with(b"> ") {
            found.kept = true;
            return None;
        }
        let rest = mail::unquote(text)?;
        found.quotes += 1;
        Some(rest)
    }

    /// A bar is a frame when the lines before had one or when what follows is plain: collapsed
    /// gutters of snippets look alike.
    fn unbar<'t>(&mut self, text: &'t [u8], found: &mut Found) -> Option<&'t [u8]> {
        let rest = yocto::unbar(text)?;
        if !self.bar && !self.act && !look::built(rest) {
            return None;
        }
        self.bar = true;
        found.bar = true;
        Some(rest)
    }

    fn unbracket<'t>(&mut self, text: &'t [u8]) -> Option<&'t [u8]> {
        if let Some(taken) = bracket::take_off(text) {
            return Some(logging::level(taken.rest, taken.comma).unwrap_or(taken.rest));
        }
        let rest = github::act(text)?;
        self.act = true;
        Some(rest)
    }

    fn unstamp<'t>(&mut self, text: &'t [u8]) -> Option<&'t [u8]> {
        if let Some(moment) = stamp::date_time(text) {
            let rest = &text[moment.end..];
            if text[10] == b' '
                && let Some(rest) = rest.strip_prefix(b" ").and_then(logging::zuul)
            {
                return Some(rest);
            }
            let rest = stamp::after_blank(rest.strip_prefix(b":").unwrap_or(rest), 0)?;
            let inner = gitlab::stream(rest).or_else(|| docker::stream(rest)).or_else(|| syslog::origin(rest));
            return Some(inner.or_else(|| logging::level(rest, moment.comma)).unwrap_or(rest));
        }
        if let Some(end) = stamp::clock(text) {
            let rest = &text[end..];
            return match rest.first() {
                Some(b' ') => {
                    Some(logging::level(rest, text[8..end].starts_with(b",")).unwrap_or_else(|| self.after_gap(rest)))
                }
                _ => stamp::after_blank(rest, 0),
            };
        }
        let (rest, sure) = docker::seconds_alone(text)?;
        if !sure && !self.buildkit {
            self.buildkit = look::built(rest);
        }
        (sure || self.buildkit).then_some(rest)
    }

    /// Jenkins writes two blanks after the time, others one. Lines that are indented do not tell.
    fn after_gap<'t>(&mut self, rest: &'t [u8]) -> &'t [u8] {
        let blanks = stamp::blanks(&rest[..rest.len().min(3)]);
        if blanks < rest.len() && (blanks == 1 || (blanks == 2 && self.gap == 0)) {
            self.gap = blanks;
        }
        &rest[blanks.min(self.gap.max(1))..]
    }

    /// Remembers what helps with the lines after this one.
    fn remember(&mut self, text: &[u8], found: &Found) {
        if !found.bar {
            self.bar = yocto::announces_log(text);
        }
        if mail::is_hunk(text) {
            self.hunk = Some(found.quotes);
        } else if self.hunk.is_some() && !found.kept && !mail::in_hunk(text) {
            self.hunk = None;
        }
    }
}

fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|&byte| matches!(byte, b' ' | b'\t'))
}
