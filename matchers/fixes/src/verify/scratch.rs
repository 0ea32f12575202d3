//! The scratch copy, seen from the program: a helper process in which files can be replaced and
//! commands run, and whose writes never reach the user's tree.

use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::objects::Symbols;
use super::protocol::{End, Form, Job, Reply, Request, Setup, Way, receive, receive_bytes, send};

/// How long the helper may take to end.
const GOODBYE: Duration = Duration::from_secs(5);
/// How often a wish to stop is looked for.
const GLANCE: Duration = Duration::from_millis(50);
/// Memory is used for what the build writes when so much of it is free, and then half of that.
const ROOMY: u64 = 3 << 30;

/// Where and how a scratch copy is made.
#[derive(Debug, Clone)]
pub struct Place {
    /// The program and its arguments that call [`super::serve`].
    pub helper: Vec<std::ffi::OsString>,
    /// The top of the tree, without links.
    pub tree: PathBuf,
    /// Other folders that the build writes to: its own, the current one.
    pub others: Vec<PathBuf>,
    /// Where to keep what is written; none to choose memory or the folder of temporary files.
    pub store: Option<PathBuf>,
}

/// Why there is no scratch copy, or none any more.
#[derive(Debug)]
pub enum Trouble {
    /// Someone asked to stop.
    Stopped,
    /// It cannot be made or used; in words.
    Failed(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A scratch copy; it goes when this is dropped.
#[derive(Debug)]
pub struct Scratch<'s> {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<(Reply, Vec<u8>)>,
    store: PathBuf,
    stop: &'s AtomicBool,
    way: Way,
    notes: Vec<String>,
}

impl<'s> Scratch<'s> {
    /// Makes one in the cheapest way that the system allows. It stops soon after `stop` is set.
    ///
    /// # Errors
    /// When none of the ways works.
    pub fn new(place: &Place, stop: &'s AtomicBool) -> Result<Self, Trouble> {
        let mut reasons = Vec::new();
        for (way, namespace) in ways() {
            match Self::start(place, way, &namespace, stop) {
                Ok(scratch) => return Ok(scratch),
                Err(Trouble::Stopped) => return Err(Trouble::Stopped),
                Err(Trouble::Failed(reason)) if !reasons.contains(&reason) => reasons.push(reason),
                Err(Trouble::Failed(_)) => {}
            }
        }
        Err(Trouble::Failed(format!("no scratch copy of the tree can be made: {}", reasons.join("; "))))
    }

    fn start(place: &Place, way: Way, namespace: &[&str], stop: &'s AtomicBool) -> Result<Self, Trouble> {
        let top = place.store.clone().unwrap_or_else(std::env::temp_dir);
        let store = tempfile::Builder::new().prefix("triage-").tempdir_in(&top);
        let store = store.map_err(|error| Trouble::Failed(format!("{}: {error}", top.display())))?.keep();
        let memory = if place.store.is_none() && way == Way::Overlay { memory(namespace) } else { None };
        let mut copied = vec![place.tree.clone()];
        copied.extend(place.others.iter().filter(|path| path.parent().is_some()).cloned());
        let setup = Setup { tree: place.tree.clone(), copied, loose: loose(), way, store: store.clone(), memory };
        let mut line = namespace.iter().map(std::ffi::OsString::from).chain(place.helper.iter().cloned());
        let mut command = Command::new(line.next().unwrap_or_default());
        command.args(line).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A Ctrl-C is for the program, which then ends the helper.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn();
        let mut child = child.map_err(|error| {
            let _ = fs::remove_dir(&store);
            Trouble::Failed(format!("{}: {error}", namespace.first().unwrap_or(&"the helper")))
        })?;
        let (sender, answers) = mpsc::sync_channel(16);
        let input = child.stdin.take();
        if let Some(output) = child.stdout.take() {
            thread::spawn(move || {
                let mut output = BufReader::new(output);
                while let Ok(Some(reply)) = receive::<Reply>(&mut output) {
                    let bytes = match &reply {
                        Reply::Ended { length, .. } => receive_bytes(&mut output, *length),
                        _ => Ok(Vec::new()),
                    };
                    if !bytes.is_ok_and(|bytes| sender.send((reply, bytes)).is_ok()) {
                        return;
                    }
                }
            });
        }
        let mut scratch = Self { child, input, answers, store, stop, way, notes: Vec::new() };
        match scratch.ask(&setup, b"")? {
            (Reply::Ready { notes }, _) => {
                scratch.notes = notes;
                Ok(scratch)
            }
            _ => Err(Trouble::Failed("the helper does not answer".to_owned())),
        }
    }

    /// How it was made.
    pub fn way(&self) -> Way {
        self.way
    }

    /// What a person should know about it.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn ask(&mut self, request: &impl serde::Serialize, bytes: &[u8]) -> Result<(Reply, Vec<u8>), Trouble> {
        let sent = self.input.as_mut().map(|input| send(input, request, bytes));
        match sent {
            Some(Ok(())) => self.answer(),
            _ => Err(self.lost()),
        }
    }

    fn answer(&mut self) -> Result<(Reply, Vec<u8>), Trouble> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Trouble::Stopped);
            }
            match self.answers.recv_timeout(GLANCE) {
                Ok((Reply::Failed(reason), _)) => return Err(Trouble::Failed(reason)),
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(self.lost()),
            }
        }
    }

    /// The helper has gone: what it said last.
    fn lost(&mut self) -> Trouble {
        self.input = None;
        let mut said = String::new();
        if let Some(stderr) = self.child.stderr.take() {
            let _ = io::Read::read_to_string(&mut io::Read::take(stderr, 4096), &mut said);
        }
        let said = said.trim();
        Trouble::Failed(if said.is_empty() { "the helper process was lost".to_owned() } else { said.to_owned() })
    }

    fn done(&mut self, request: &Request, bytes: &[u8]) -> Result<(), Trouble> {
        match self.ask(request, bytes)? {
            (Reply::Done, _) => Ok(()),
            _ => Err(Trouble::Failed("the helper answered something else".to_owned())),
        }
    }

    /// Replaces a file of the tree.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, file: &str, bytes: &[u8]) -> Result<(), Trouble> {
        self.put(file, Form::Same, bytes)
    }

    /// Makes a file of the tree what it is to be.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&mut self, file: &str, form: Form, bytes: &[u8]) -> Result<(), Trouble> {
        self.done(&Request::Write { file: file.to_owned(), form, length: bytes.len() as u64 }, bytes)
    }

    /// What was written and built so far stays.
    ///
    /// # Errors
    /// When the copy is lost.
    pub fn keep(&mut self) -> Result<(), Trouble> {
        self.done(&Request::Keep, b"")
    }

    /// Back to what was kept last.
    ///
    /// # Errors
    /// When the copy is lost.
    pub fn reset(&mut self) -> Result<(), Trouble> {
        self.done(&Request::Reset, b"")
    }

    /// Takes files away that are there.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn remove(&mut self, files: &[PathBuf]) -> Result<(), Trouble> {
        self.done(&Request::Remove { files: files.to_vec() }, b"")
    }

    /// Which files are there, and which names those have that are objects.
    ///
    /// # Errors
    /// When the copy is lost.
    pub fn look(&mut self, files: &[PathBuf]) -> Result<Vec<Option<Symbols>>, Trouble> {
        match self.ask(&Request::Look { files: files.to_vec() }, b"")? {
            (Reply::Files(found), _) if found.len() == files.len() => Ok(found),
            _ => Err(Trouble::Failed("the helper answered something else".to_owned())),
        }
    }

    /// Runs commands, at most `parallel` at the same time; gives their ends and outputs in order.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn run(
        &mut self,
        jobs: Vec<Job>,
        parallel: usize,
        more: &[(String, String)],
    ) -> Result<Vec<(End, Vec<u8>)>, Trouble> {
        let (mut set, unset) = environment();
        set.extend_from_slice(more);
        let count = jobs.len();
        let mut answer = self.ask(&Request::Run { jobs, parallel, set, unset }, b"")?;
        let mut ends = Vec::with_capacity(count);
        loop {
            match answer {
                (Reply::Ended { end, .. }, output) => ends.push((end, output)),
                _ if ends.len() == count => return Ok(ends),
                _ => return Err(Trouble::Failed("a command was lost".to_owned())),
            }
            answer = self.answer()?;
        }
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        // Without input the helper ends, and all that it started.
        self.input = None;
        let mut waited = Duration::ZERO;
        while waited < GOODBYE && matches!(self.child.try_wait(), Ok(None)) {
            // What it still has to say must not keep it.
            while self.answers.try_recv().is_ok() {}
            thread::sleep(Duration::from_millis(5));
            waited += Duration::from_millis(5);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if fs::remove_dir_all(&self.store).is_err() {
            // Overlays leave folders that nobody may enter.
            open_up(&self.store);
            let _ = fs::remove_dir_all(&self.store);
        }
    }
}

/// Lets the owner enter all folders below.
fn open_up(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

/// The ways to try, the best first, and the command that makes the namespaces for each.
fn ways() -> Vec<(Way, Vec<&'static str>)> {
    let mut ways = Vec::new();
    if cfg!(target_os = "linux") {
        let unshare = ["/usr/bin/unshare", "/bin/unshare"].into_iter().find(|path| Path::new(path).exists());
        let unshare = unshare.unwrap_or("unshare");
        #[cfg(unix)]
        if rustix::process::geteuid().is_root() {
            ways.push((Way::Overlay, vec![unshare, "-m", "-p", "-f"]));
            ways.push((Way::Overlay, vec![unshare, "-m"]));
        }
        ways.push((Way::Overlay, vec![unshare, "-U", "-r", "-m", "-p", "-f"]));
        ways.push((Way::Overlay, vec![unshare, "-U", "-r", "-m"]));
    }
    ways.push((Way::Copy, Vec::new()));
    ways
}

/// The memory to use for what is written, when there is plenty.
fn memory(namespace: &[&str]) -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let free = line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10;
    // Older kernels keep no attributes of users in memory, which overlays of users need.
    let able = !namespace.contains(&"-U") || release() >= (6, 6);
    (able && free >= ROOMY).then_some(free / 2)
}

/// The kernel's version.
fn release() -> (u32, u32) {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Folders outside of the tree that builds write to.
fn loose() -> Vec<PathBuf> {
    let named =
        ["HOME", "TMPDIR", "XDG_CACHE_HOME", "CCACHE_DIR", "SCCACHE_DIR"].into_iter().filter_map(std::env::var_os);
    let all = ["/tmp", "/var/tmp"].into_iter().map(PathBuf::from).chain(named.map(PathBuf::from));
    let mut folders: Vec<PathBuf> = all.filter_map(|path| path.canonicalize().ok()).collect();
    folders.retain(|path| path.is_dir() && path.parent().is_some());
    folders.sort();
    folders.dedup();
    folders
}

/// Messages in English, and nothing of a make that may have started this program.
fn environment() -> (Vec<(String, String)>, Vec<String>) {
    let mut set = vec![("LC_MESSAGES".to_owned(), "C".to_owned())];
    if let Ok(all) = std::env::var("LC_ALL") {
        set.push(("LC_CTYPE".to_owned(), all));
    }
    let unset =
        ["LC_ALL", "LANGUAGE", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "GNUMAKEFLAGS", "CLICOLOR_FORCE", "GCC_COLORS"];
    (set, unset.map(str::to_owned).to_vec())
}
