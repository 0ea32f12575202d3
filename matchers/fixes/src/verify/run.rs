//! Runs commands in the scratch copy: with a time limit, a bounded part of the output, and without
//! leaving a process behind.

use std::collections::HashSet;
use std::io::{self, PipeReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::protocol::{End, Job};

/// What is kept of the output: so much of its start, and so much of its end.
const HEAD: usize = 12 << 20;
/// See [`HEAD`].
const TAIL: usize = 4 << 20;
/// How long an output is read after its command ended, when something keeps it open.
const GRACE: Duration = Duration::from_millis(500);
/// How often a running command is looked at.
const GLANCE: Duration = Duration::from_millis(4);

/// The groups of processes that run; all of them are killed when the program wants to end.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Groups>);

#[derive(Debug, Default)]
struct Groups {
    ids: Mutex<HashSet<u32>>,
    closed: AtomicBool,
}

impl Running {
    /// Kills what runs; nothing is started any more.
    pub fn kill_all(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        if let Ok(ids) = self.0.ids.lock() {
            ids.iter().for_each(|&id| kill_group(id));
        }
    }

    /// Starts a command as the leader of a group of its own.
    fn start(&self, command: &mut Command) -> io::Result<Child> {
        let mut ids = self.0.ids.lock().map_err(|_| io::Error::other("a thread failed"))?;
        if self.0.closed.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let child = command.spawn()?;
        ids.insert(child.id());
        Ok(child)
    }

    /// The leader has ended: what it left in its group ends too.
    fn ended(&self, id: u32) {
        kill_group(id);
        if let Ok(mut ids) = self.0.ids.lock() {
            ids.remove(&id);
        }
    }
}

/// Kills a group of processes.
fn kill_group(id: u32) {
    #[cfg(unix)]
    if let Some(pid) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = id;
}

/// Variables of the commands' environment.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// To set.
    pub set: Vec<(String, String)>,
    /// To take away.
    pub unset: Vec<String>,
}

/// A command's end and its output.
pub type Outcome = io::Result<(End, Vec<u8>)>;

/// Runs jobs, at most `parallel` at the same time; gives their outcomes in order, each as soon as
/// those before it are there.
pub fn run_all(
    jobs: &[Job],
    parallel: usize,
    environment: &Environment,
    running: &Running,
    sink: &mut dyn FnMut(Outcome) -> io::Result<()>,
) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..parallel.clamp(1, jobs.len().max(1)) {
            let (next, sender) = (&next, sender.clone());
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(job) = jobs.get(at) else { return };
                    if sender.send((at, run_one(job, environment, running))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting: Vec<Option<Outcome>> = jobs.iter().map(|_| None).collect();
        let mut at = 0;
        for (number, outcome) in outcomes {
            waiting[number] = Some(outcome);
            while let Some(outcome) = waiting.get_mut(at).and_then(Option::take) {
                at += 1;
                if let Err(error) = sink(outcome) {
                    running.kill_all();
                    return Err(error);
                }
            }
        }
        Ok(())
    })
}

fn run_one(job: &Job, environment: &Environment, running: &Running) -> Outcome {
    let start = Instant::now();
    let (reader, writer) = io::pipe()?;
    let mut command = shell(&job.command, &job.directory);
    for name in &environment.unset {
        command.env_remove(name);
    }
    command.envs(environment.set.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stderr(Stdio::from(writer.try_clone()?)).stdout(Stdio::from(writer));
    let mut child = running.start(&mut command)?;
    // The command has the writing ends; those that are left here must go.
    drop(command);
    let kept = Arc::new(Mutex::new(Kept::default()));
    let (ended, end_of_output) = mpsc::channel::<()>();
    let collector = {
        let kept = Arc::clone(&kept);
        thread::spawn(move || {
            collect(reader, &kept);
            drop(ended);
        })
    };
    let limit = Duration::from_millis(job.limit);
    let mut late = false;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if start.elapsed() > limit => {
                late = true;
                kill_group(child.id());
                break child.wait()?;
            }
            None => {
                // Short commands are common: the first glances come quickly.
                let glance = GLANCE.min(start.elapsed() / 4 + Duration::from_micros(200));
                thread::sleep(if start.elapsed() > Duration::from_secs(2) { GLANCE * 5 } else { glance });
            }
        }
    };
    running.ended(child.id());
    if end_of_output.recv_timeout(GRACE) == Err(mpsc::RecvTimeoutError::Disconnected) {
        let _ = collector.join();
    }
    let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let kept = kept.lock().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default();
    let (output, dropped) = kept.text();
    Ok((End { status: status.code(), late, took, dropped }, output))
}

/// A command line, run by the system's shell.
fn shell(line: &str, directory: &Path) -> Command {
    let mut command = if cfg!(windows) { Command::new("cmd") } else { Command::new("/bin/sh") };
    command.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(line).current_dir(directory);
    command
}

/// The start and the end of an output.
#[derive(Debug, Default)]
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    dropped: u64,
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(HEAD - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend_from_slice(rest);
        if self.tail.len() > 2 * TAIL {
            let over = self.tail.len() - TAIL;
            self.tail.drain(..over);
            self.dropped += over as u64;
        }
    }

    /// All that was kept, from the start of a line after what was left out.
    fn text(mut self) -> (Vec<u8>, u64) {
        let whole =
            if self.dropped == 0 { 0 } else { self.tail.iter().position(|&b| b == b'\n').map_or(0, |at| at + 1) };
        if self.dropped > 0 && self.head.last() != Some(&b'\n') {
            self.head.push(b'\n');
        }
        self.head.extend_from_slice(&self.tail[whole..]);
        (self.head, self.dropped + whole as u64)
    }
}

fn collect(mut from: PipeReader, kept: &Mutex<Kept>) {
    let mut block = vec![0; 64 << 10];
    loop {
        match from.read(&mut block) {
            Ok(0) => return,
            Ok(count) => match kept.lock() {
                Ok(mut kept) => kept.add(&block[..count]),
                Err(_) => return,
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn run(commands: &[&str], parallel: usize, limit: u64) -> Vec<(End, String)> {
        let job = |line: &&str| Job { command: (*line).to_owned(), directory: "/".into(), limit };
        let jobs: Vec<Job> = commands.iter().map(job).collect();
        let mut ends = Vec::new();
        run_all(&jobs, parallel, &Environment::default(), &Running::default(), &mut |outcome| {
            let (end, output) = outcome?;
            ends.push((end, String::from_utf8(output).unwrap()));
            Ok(())
        })
        .unwrap();
        ends
    }

    #[test]
    fn outcomes_come_in_order() {
        let ends = run(&["sleep 0.2; echo a; echo b >&2; exit 3", "echo c", "kill -9 $$"], 3, 10_000);
        assert_eq!((ends[0].0.status, ends[0].1.as_str()), (Some(3), "a\nb\n"));
        assert_eq!((ends[1].0.status, ends[1].1.as_str()), (Some(0), "c\n"));
        assert_eq!(ends[2].0.status, None);
    }

    #[test]
    fn what_is_late_is_killed_with_all_it_started() {
        let start = Instant::now();
        let ends = run(&["echo early; sleep 60 & sleep 60; echo never"], 1, 200);
        assert!(ends[0].0.late && ends[0].1 == "early\n", "{ends:?}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_long_output_keeps_its_ends() {
        let ends = run(&["echo first; yes 0123456789 | head -c 40000000; echo; echo last"], 1, 60_000);
        assert!(ends[0].1.starts_with("first\n") && ends[0].1.ends_with("\nlast\n"));
        assert!(ends[0].1.len() <= HEAD + 2 * TAIL + 1 && ends[0].0.dropped > 20_000_000);
    }
}
