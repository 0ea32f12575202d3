//! Reads inputs and gives what is in them as [`Event`]s, in the order of the inputs.
//!
//! Several inputs are read by several threads. Each hands its events on through a channel of
//! bounded length, and the channels are emptied in the order of the inputs, so that the outcome
//! does not depend on who is faster and memory stays bounded.

use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;

use triage_causes::{Analyzer, Options, Report};
use triage_log::container::{self, Limits};
use triage_log::diagnostic::Diagnostic;
use triage_log::scan::LogSummary;
use triage_rules::RuleBook;

use crate::error::reason;
use crate::inputs::{Input, Unreadable};
use crate::matrix::timing::{self, ByLog};
use crate::matrix::{Notes, Noting};
use crate::progress::Progress;

/// Bytes from which threads are worth their while.
const WORTH_THREADS: u64 = 2 << 20;
/// Events that a thread may be ahead.
const AHEAD: usize = 4096;

/// What happens while inputs are read.
#[derive(Debug)]
pub enum Event {
    /// A log begins.
    Begin(String),
    /// A message in it.
    Diagnostic(Box<Diagnostic>),
    /// What was noted beside the messages, before the end; only where it was asked for.
    Noted(Box<Notes>),
    /// It ends.
    End(Box<LogSummary>),
    /// Something in a container is not a log.
    LeftOut(Unreadable),
    /// Something that was asked for could not be read, or not to its end.
    Unreadable(Unreadable),
}

/// Reads all inputs; gives the events in order.
pub fn read(inputs: &[Input], progress: &Progress, sink: &mut dyn FnMut(Event)) {
    read_by(inputs, progress, read_stream, sink);
}

/// The same, with [`Event::Noted`] for each log.
pub fn read_noting(inputs: &[Input], progress: &Progress, sink: &mut dyn FnMut(Event)) {
    read_by(inputs, progress, note_stream, sink);
}

/// How an opened input is read.
type ReadStream = fn(&Input, &mut dyn Read, &mut dyn FnMut(Event));

fn read_by(inputs: &[Input], progress: &Progress, stream: ReadStream, sink: &mut dyn FnMut(Event)) {
    let known: u64 = inputs.iter().filter_map(|input| input.size).sum();
    let threads = thread::available_parallelism().map_or(1, usize::from).min(inputs.len());
    if threads < 2 || known < WORTH_THREADS || inputs.iter().any(|input| input.path.is_none()) {
        for input in inputs {
            read_one(input, progress, stream, sink);
        }
        return;
    }
    let (announce, announced) = mpsc::channel();
    let queue = Queue { next: Mutex::new(Next { inputs: inputs.iter(), announce: Some(announce) }) };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((input, events)) = queue.take() {
                    // The receiver lives as long as this scope.
                    read_one(input, progress, stream, &mut |event| drop(events.send(event)));
                }
                queue.close();
            });
        }
        for events in announced {
            events.into_iter().for_each(&mut *sink);
        }
    });
}

/// The inputs that no thread has taken yet.
struct Queue<'i> {
    next: Mutex<Next<'i>>,
}

struct Next<'i> {
    inputs: std::slice::Iter<'i, Input>,
    /// None when all inputs were taken.
    announce: Option<Sender<Receiver<Event>>>,
}

impl<'i> Queue<'i> {
    /// Takes the next input; its events are announced under the same lock, hence in order.
    fn take(&self) -> Option<(&'i Input, SyncSender<Event>)> {
        let mut next = self.next.lock().ok()?;
        let input = next.inputs.next()?;
        let (sender, receiver) = mpsc::sync_channel(AHEAD);
        next.announce.as_ref()?.send(receiver).ok()?;
        Some((input, sender))
    }

    /// All are taken: nothing more will be announced.
    fn close(&self) {
        if let Ok(mut next) = self.next.lock() {
            next.announce = None;
        }
    }
}

/// Reads one input.
fn read_one(input: &Input, progress: &Progress, stream: ReadStream, sink: &mut dyn FnMut(Event)) {
    if progress.is_stopped() {
        return;
    }
    match input.open() {
        Ok(reader) => stream(input, &mut progress.count(reader), sink),
        Err(error) => sink(Event::Unreadable(Unreadable { name: input.name.clone(), reason: reason(&error) })),
    }
}

/// Reads what an input gives.
pub fn read_stream(input: &Input, reader: &mut dyn Read, sink: &mut dyn FnMut(Event)) {
    let mut logs = 0usize;
    let outcome = container::open(&input.name, reader, Limits::default(), &mut |member| {
        logs += 1;
        sink(Event::Begin(member.name));
        let reader: &mut dyn Read = member.reader;
        let summary = triage_log::read_log(reader, &mut |diagnostic| sink(Event::Diagnostic(Box::new(diagnostic))))?;
        sink(Event::End(Box::new(summary)));
        Ok(())
    });
    report_problems(input, logs, outcome, sink);
}

/// The same, noting what the messages do not tell.
fn note_stream(input: &Input, reader: &mut dyn Read, sink: &mut dyn FnMut(Event)) {
    let mut logs = 0usize;
    let outcome = container::open(&input.name, reader, Limits::default(), &mut |member| {
        logs += 1;
        let mut noting = Noting::new(&member.name, &mut *member.reader);
        sink(Event::Begin(member.name));
        let summary =
            triage_log::read_log(&mut noting, &mut |diagnostic| sink(Event::Diagnostic(Box::new(diagnostic))))?;
        sink(Event::Noted(Box::new(noting.finish())));
        sink(Event::End(Box::new(summary)));
        Ok(())
    });
    report_problems(input, logs, outcome, sink);
}

/// What was asked for must be readable; what was only found in a folder or container need not.
pub fn report_problems(
    input: &Input,
    logs: usize,
    outcome: io::Result<Vec<container::Problem>>,
    sink: &mut dyn FnMut(Event),
) {
    let problems = match outcome {
        Ok(problems) => problems,
        Err(error) => {
            sink(Event::Unreadable(Unreadable { name: input.name.clone(), reason: reason(&error) }));
            return;
        }
    };
    for problem in problems {
        let fault = Unreadable { name: problem.name, reason: problem.message };
        let asked_for = fault.name == input.name && !(input.found && logs == 0);
        if asked_for || (logs == 0 && !input.found) {
            sink(Event::Unreadable(fault));
        } else {
            sink(Event::LeftOut(fault));
        }
    }
}

/// The report over all inputs, and what could not be read of them.
pub fn analyze(
    book: &RuleBook,
    options: Options,
    unreadable: Vec<Unreadable>,
    source: impl FnOnce(&mut dyn FnMut(Event)),
) -> (Report, Vec<Unreadable>) {
    let mut analyzer = Analyzer::new(book, options);
    let mut faults = unreadable;
    let (mut log, mut measured) = (String::new(), ByLog::new());
    for fault in &faults {
        analyzer.problem(&fault.name, &fault.reason);
    }
    source(&mut |event| match event {
        Event::Begin(name) => {
            analyzer.begin(&name);
            log = name;
        }
        Event::Diagnostic(diagnostic) => analyzer.diagnostic(*diagnostic),
        Event::Noted(notes) if !notes.measured.is_empty() => drop(measured.insert(log.clone(), notes.measured)),
        Event::Noted(_) => {}
        Event::End(summary) => analyzer.end(&summary),
        Event::LeftOut(fault) => analyzer.problem(fault.name, fault.reason),
        Event::Unreadable(fault) => {
            analyzer.problem(&fault.name, &fault.reason);
            faults.push(fault);
        }
    });
    let mut report = analyzer.finish();
    report.times = timing::pairs(&report.builds, &measured, None);
    (report, faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_order_is_that_of_the_inputs() {
        let folder = tempfile::tempdir().unwrap();
        let inputs: Vec<Input> = (0..20)
            .map(|number| {
                let path = folder.path().join(format!("{number:02}.log"));
                // The first ones take longest.
                let mut text = "cc -c tank.c\n".repeat(60_000 / (number + 1) + 10_000);
                text.push_str(&format!("tank{number}.c:1:1: error: 'level' undeclared\n"));
                fs::write(&path, &text).unwrap();
                Input { name: format!("{number:02}"), path: Some(path), size: Some(text.len() as u64), found: false }
            })
            .collect();
        let mut seen = Vec::new();
        read(&inputs, &Progress::new(None, true), &mut |event| match event {
            Event::Begin(name) => seen.push(name),
            Event::Diagnostic(diagnostic) => seen.push(diagnostic.location.map_or_else(String::new, |l| l.file)),
            Event::Noted(_) => {}
            Event::End(_) => seen.push("end".into()),
            Event::LeftOut(fault) | Event::Unreadable(fault) => panic!("{fault:?}"),
        });
        let expected: Vec<String> =
            (0..20).flat_map(|n| [format!("{n:02}"), format!("tank{n}.c"), "end".to_owned()]).collect();
        assert_eq!(seen, expected);
    }
}
