//! `triage run -- CMD`: the command's output passes through as it comes, and is read on its way.
//!
//! The command gets pipes for its output, one thread each copies what comes to where it belongs
//! and hands whole lines on to the reader. Where both outputs are the same place (a terminal,
//! `2>&1`) the command gets one pipe for both, so that their order is exactly its own.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use triage_causes::report::Status;
use triage_rules::RuleBook;

use crate::args::RunArgs;
use crate::error::{Error, reason};
use crate::inputs::Input;
use crate::output::{Outputs, complain};
use crate::plan::{OutputPlan, Surroundings};
use crate::{judge, pipeline, signals};

/// The longest line that is kept together; a longer one is handed on in pieces.
const LINE_MAX: usize = 1 << 20;
/// Pieces of output that may wait for the reader.
const WAITING: usize = 256;
/// How long the outputs are still read when the command has ended and something it started, a
/// daemon for instance, keeps them open without writing.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the command; gives the status to exit with.
pub fn run(args: &RunArgs) -> Result<u8, Error> {
    let plan = OutputPlan::new(&args.output, &Surroundings::of_stderr());
    let (book, tree) = judge::load(&args.judge)?;
    let outputs = Outputs::open(&plan)?;
    let start = Instant::now();
    let started = match start_command(args) {
        Ok(started) => started,
        Err(error) => {
            let name = args.command[0].to_string_lossy();
            complain(&format!("{name}: {}", reason(&error)));
            let missing = error.kind() == io::ErrorKind::NotFound;
            return Ok(if missing { 127 } else { 126 });
        }
    };
    let name = args.command.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let (report, status) = read(&book, args, started, &name);
    let mut report = judge::suggested(report, tree.as_ref(), &book);
    let status = status?;
    if !status.success() {
        report.builds.iter_mut().for_each(|build| build.status = Status::Fail);
    }
    if status.success() && report.causes.is_empty() && plan.quiet {
        return Ok(0);
    }
    let source = tree.as_ref().map(|tree| tree as &dyn triage_report::Source);
    let written = outputs.write(&report, source, start.elapsed(), &mut io::stderr());
    if let Err(error) = written
        && !error.is_broken_pipe()
    {
        complain(&error.to_string());
    }
    Ok(exit_code(status))
}

/// A command that runs.
struct Started {
    child: std::process::Child,
    copies: Vec<JoinHandle<()>>,
    chunks: Receiver<Vec<u8>>,
}

fn start_command(args: &RunArgs) -> io::Result<Started> {
    let mut command = Command::new(&args.command[0]);
    command.args(&args.command[1..]);
    let (sender, chunks) = sync_channel(WAITING);
    let mut outputs: Vec<(PipeReader, Box<dyn Write + Send>)> = Vec::new();
    let (reader, writer) = io::pipe()?;
    outputs.push((reader, Box::new(io::stdout())));
    if same_place() {
        command.stderr(Stdio::from(writer.try_clone()?));
    } else {
        let (reader, writer) = io::pipe()?;
        outputs.push((reader, Box::new(io::stderr())));
        command.stderr(Stdio::from(writer));
    }
    command.stdout(Stdio::from(writer));
    let child = command.spawn()?;
    // The command has the other ends of the pipes; those that are left here must go.
    drop(command);
    let copies = outputs
        .into_iter()
        .map(|(from, to)| {
            let sender = sender.clone();
            thread::spawn(move || copy(from, to, &sender))
        })
        .collect();
    Ok(Started { child, copies, chunks })
}

/// True when standard output and standard error are the same file.
#[cfg(unix)]
fn same_place() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let id = |fd: std::os::fd::BorrowedFd<'_>| {
        let file = File::from(fd.try_clone_to_owned().ok()?);
        let data = file.metadata().ok()?;
        Some((data.dev(), data.ino()))
    };
    let (out, err) = (id(io::stdout().as_fd()), id(io::stderr().as_fd()));
    out.is_some() && out == err
}

#[cfg(not(unix))]
fn same_place() -> bool {
    false
}

/// Passes on what comes, at once, and hands whole lines to the reader.
fn copy(mut from: PipeReader, mut to: Box<dyn Write + Send>, lines: &SyncSender<Vec<u8>>) {
    let mut block = vec![0; 64 << 10];
    let mut kept = Vec::new();
    let (mut open, mut wanted) = (true, true);
    loop {
        let got = match from.read(&mut block) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let new = &block[..got];
        // Nobody looks any more: the command need not know, its log is still read.
        open = open && to.write_all(new).and_then(|()| to.flush()).is_ok();
        if !wanted {
            continue;
        }
        let whole = match new.iter().rposition(|&b| b == b'\n') {
            Some(feed) => feed + 1,
            None if kept.len() + new.len() > LINE_MAX => new.len(),
            None => 0,
        };
        if whole > 0 {
            kept.extend_from_slice(&new[..whole]);
            wanted = lines.send(std::mem::take(&mut kept)).is_ok();
        }
        kept.extend_from_slice(&new[whole..]);
    }
    if !kept.is_empty() {
        let _ = lines.send(kept);
    }
}

/// What the copies hand on, as a reader that ends with the command.
struct Lines {
    chunks: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
    ended: Arc<AtomicBool>,
}

impl Read for Lines {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut quiet_since: Option<Instant> = None;
        while self.at == self.chunk.len() {
            match self.chunks.recv_timeout(Duration::from_millis(100)) {
                Ok(chunk) => (self.chunk, self.at) = (chunk, 0),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) if self.ended.load(Ordering::Acquire) => {
                    if quiet_since.get_or_insert_with(Instant::now).elapsed() > GRACE {
                        return Ok(0);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        let count = into.len().min(self.chunk.len() - self.at);
        into[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Reads the output to its end and waits for the command.
fn read(
    book: &RuleBook,
    args: &RunArgs,
    started: Started,
    name: &str,
) -> (triage_causes::Report, Result<ExitStatus, Error>) {
    let Started { mut child, copies, chunks } = started;
    let ended = Arc::new(AtomicBool::new(false));
    let guard = signals::pass_on_to(child.id());
    let waiting = {
        let ended = Arc::clone(&ended);
        thread::spawn(move || {
            let status = child.wait();
            ended.store(true, Ordering::Release);
            status
        })
    };
    let mut lines = Lines { chunks, chunk: Vec::new(), at: 0, ended };
    let input = Input { name: name.to_owned(), ..Input::standard() };
    let (report, _) = pipeline::analyze(book, judge::options(&args.judge), Vec::new(), |sink| {
        pipeline::read_stream(&input, &mut lines, sink);
        // What the reader had no use for must not keep the command waiting.
        let _ = io::copy(&mut lines, &mut io::sink());
    });
    let status = waiting.join().unwrap_or_else(|_| Err(io::Error::other("the command was lost")));
    drop(guard);
    for copy in copies {
        if copy.is_finished() {
            let _ = copy.join();
        }
    }
    (report, status.map_err(Error::Output))
}

/// The status that a shell would give.
fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(255);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255)
}
