//! `--stage`: the intermediate forms, as JSON Lines.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use serde::Serialize;
use triage_causes::Report;
use triage_log::container::{self, Limits};
use triage_log::diagnostic::Diagnostic;
use triage_log::frame::Frames;
use triage_rules::RuleBook;

use crate::args::Stage;
use crate::inputs::{Input, Unreadable};
use crate::pipeline::{self, Event};
use crate::progress::Progress;

/// How much of a line is shown: as much as is looked at.
const LINE_KEPT: usize = 64 << 10;

/// A line as the tool readers see it.
#[derive(Serialize)]
struct Line<'a> {
    log: &'a str,
    number: u64,
    start: u64,
    end: u64,
    text: &'a str,
}

/// A message of a log.
#[derive(Serialize)]
struct Message<'a> {
    log: &'a str,
    #[serde(flatten)]
    diagnostic: &'a Diagnostic,
}

/// A message and its rule; both rule and class are null when none matches.
#[derive(Serialize)]
struct Finding<'a> {
    log: &'a str,
    rule: Option<&'a str>,
    class: Option<&'a str>,
    captures: BTreeMap<String, String>,
    diagnostic: &'a Diagnostic,
}

/// Writes one value in a line.
fn line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Prints all lines, without their frames.
pub fn lines(inputs: &[Input], progress: &Progress, out: &mut dyn Write) -> io::Result<Vec<Unreadable>> {
    let mut faults = Vec::new();
    for input in inputs {
        let reader = match input.open() {
            Ok(reader) => reader,
            Err(error) => {
                faults.push(Unreadable { name: input.name.clone(), reason: crate::error::reason(&error) });
                continue;
            }
        };
        let mut logs = 0;
        let mut written = Ok(());
        let outcome = container::open(&input.name, &mut progress.count(reader), Limits::default(), &mut |member| {
            logs += 1;
            if written.is_ok() {
                match lines_of(&member.name, member.reader, out)? {
                    Ok(()) => {}
                    failed => {
                        progress.stop();
                        written = failed;
                    }
                }
            }
            Ok(())
        });
        written?;
        pipeline::report_problems(input, logs, outcome, &mut |event| {
            if let Event::Unreadable(fault) = event {
                faults.push(fault);
            }
        });
    }
    Ok(faults)
}

/// The outer result is that of reading, the inner one that of writing.
fn lines_of(log: &str, reader: &mut dyn BufRead, out: &mut dyn Write) -> io::Result<io::Result<()>> {
    let mut frames = Frames::new();
    let (mut raw, mut scratch) = (Vec::new(), Vec::new());
    let (mut number, mut start) = (0, 0);
    loop {
        raw.clear();
        let length = read_line(reader, &mut raw)?;
        if length == 0 {
            return Ok(Ok(()));
        }
        number += 1;
        let end = start + length;
        let text = String::from_utf8_lossy(frames.strip(&raw, &mut scratch));
        if let Err(error) = line(&Line { log, number, start, end, text: &text }, out) {
            return Ok(Err(error));
        }
        start = end;
    }
}

/// Reads a line without its line feed, at most [`LINE_KEPT`] of it; gives the length of all of it.
fn read_line(reader: &mut dyn BufRead, into: &mut Vec<u8>) -> io::Result<u64> {
    let mut length = 0;
    loop {
        let block = match reader.fill_buf() {
            Ok(block) => block,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let feed = block.iter().position(|&b| b == b'\n');
        let taken = feed.map_or(block.len(), |at| at + 1);
        let text = &block[..feed.unwrap_or(block.len())];
        into.extend_from_slice(&text[..text.len().min(LINE_KEPT - into.len())]);
        length += taken as u64;
        reader.consume(taken);
        if taken == 0 || feed.is_some() {
            return Ok(length);
        }
    }
}

/// Prints all diagnostics; with a book, the findings.
pub fn diagnostics(
    inputs: &[Input],
    book: Option<&RuleBook>,
    progress: &Progress,
    out: &mut dyn Write,
) -> io::Result<Vec<Unreadable>> {
    let mut faults = Vec::new();
    let mut log = String::new();
    let mut written = Ok(());
    pipeline::read(inputs, progress, &mut |event| match event {
        Event::Begin(name) => log = name,
        Event::Diagnostic(diagnostic) if written.is_ok() => {
            written = match book {
                None => line(&Message { log: &log, diagnostic: &diagnostic }, out),
                Some(book) => line(&finding(book, &log, &diagnostic), out),
            };
            if written.is_err() {
                progress.stop();
            }
        }
        Event::Unreadable(fault) => faults.push(fault),
        Event::Diagnostic(_) | Event::Noted(_) | Event::End(_) | Event::LeftOut(_) => {}
    });
    written.map(|()| faults)
}

/// Prints the causes, and the warnings where they were asked for, or the whole report.
pub fn report(report: &Report, stage: Stage, out: &mut dyn Write) -> io::Result<()> {
    if stage == Stage::Report {
        return line(report, out);
    }
    report.causes.iter().chain(&report.warnings).try_for_each(|cause| line(cause, out))
}

fn finding<'a>(book: &'a RuleBook, log: &'a str, diagnostic: &'a Diagnostic) -> Finding<'a> {
    match book.find(diagnostic) {
        Some(found) => {
            let rule = book.rule(&found);
            Finding { log, rule: Some(&rule.id), class: Some(&rule.class), captures: found.captures, diagnostic }
        }
        None => Finding { log, rule: None, class: None, captures: BTreeMap::new(), diagnostic },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_place_in_the_log() {
        let mut out = Vec::new();
        let log = b"> \x1b[1ma.c:1:\x1b[0m x\r\n\nlast";
        lines_of("mail", &mut &log[..], &mut out).unwrap().unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"log\":\"mail\",\"number\":1,\"start\":0,\"end\":20,\"text\":\"a.c:1: x\"}\n\
             {\"log\":\"mail\",\"number\":2,\"start\":20,\"end\":21,\"text\":\"\"}\n\
             {\"log\":\"mail\",\"number\":3,\"start\":21,\"end\":25,\"text\":\"last\"}\n"
        );
    }

    #[test]
    fn a_long_line_is_cut_but_counted() {
        let mut into = Vec::new();
        let long = [b'x'; LINE_KEPT * 3];
        let mut reader = io::BufReader::new(&long[..]);
        assert_eq!(read_line(&mut reader, &mut into).unwrap(), long.len() as u64);
        assert_eq!(into.len(), LINE_KEPT);
    }
}
