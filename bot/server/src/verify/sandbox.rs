//! The sandbox: bubblewrap, with namespaces of its own for everything.
//!
//! What runs in it sees the system's programs, the checkout, and nothing else: no network, no processes, no files of ours, no
//! environment. `prlimit` (util-linux) limits each process; what all together may use of memory and processors is the
//! business of the service's own limits (`MemoryMax=`, a container's).

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::checkout::Checkout;
use super::word;
use crate::config::Limits;

/// Bytes of a report; more is no report of ours.
const OUTPUT_MAX: u64 = 64 << 20;
/// Bytes of complaints that are kept.
const WORDS_MAX: usize = 64 << 10;

/// A way to run what strangers wrote.
#[derive(Debug, Clone)]
pub struct Sandbox(());

/// What is there inside.
#[derive(Debug, Clone, Copy)]
pub struct Inside<'a> {
    /// The checkout, as `/src`, and its scratch as `/scratch`.
    pub checkout: &'a Checkout,
    /// Folders that can be read at their own paths.
    pub readable: &'a [PathBuf],
    /// What each process may use.
    pub limits: Limits,
}

/// The sandbox of one command.
#[derive(Debug)]
pub struct Walls {
    words: Vec<OsString>,
}

/// What a command gave.
#[derive(Debug)]
pub struct Output {
    /// It said that it succeeded.
    pub success: bool,
    /// What it printed.
    pub stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Output {
    /// The last line of its complaints; what is indented explains the one before.
    pub fn last_words(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let last = text.lines().rev().find(|line| !line.starts_with([' ', '\t']) && !line.is_empty());
        triage_report::safe::line(last.unwrap_or("it said nothing")).chars().take(200).collect()
    }
}

impl Sandbox {
    /// Tries it.
    ///
    /// # Errors
    ///
    /// What to do when there is none, in words.
    pub async fn find() -> Result<Self, String> {
        let mut command = Command::new("bwrap");
        command.args(system()).args(["prlimit", "--nofile=64", "true"]).stdin(Stdio::null()).kill_on_drop(true);
        match command.output().await {
            Ok(output) if output.status.success() => Ok(Self(())),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                Err(format!("bubblewrap does not work here ({why}); it needs user namespaces, or root"))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err("bubblewrap (bwrap) is not installed".to_owned())
            }
            Err(error) => Err(format!("bwrap: {}", crate::error::reason(&error))),
        }
    }

    /// Runs a command in it. Dropping the future ends everything that it started.
    pub async fn run(&self, walls: &Walls, words: &[OsString]) -> io::Result<Output> {
        let mut command = Command::new("bwrap");
        command.args(&walls.words).args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = tokio::join!(first(out), last(err));
        let status = child.wait().await?;
        Ok(Output { success: status.success(), stdout: stdout?, stderr: stderr? })
    }
}

impl Inside<'_> {
    /// For commands that make the checkout ready.
    pub fn may_write(&self) -> Walls {
        self.walls("--bind", &[])
    }

    /// For `triage fix`, which changes no file of the checkout.
    pub fn with_logs(&self, triage: &Path, logs: &[PathBuf]) -> Walls {
        let mut more = vec![(triage.to_owned(), "/run/triage/triage".to_owned())];
        more.extend(logs.iter().enumerate().map(|(at, log)| (log.clone(), format!("/run/logs/{at}"))));
        self.walls("--ro-bind", &more)
    }

    fn walls(&self, bind: &str, more: &[(PathBuf, String)]) -> Walls {
        let mut words: Vec<OsString> = system().into_iter().map(Into::into).collect();
        for folder in self.readable {
            words.extend(["--ro-bind".into(), word(folder), word(folder)]);
        }
        words.extend([bind.into(), word(&self.checkout.files()), "/src".into()]);
        words.extend(["--bind".into(), word(&self.checkout.scratch()), "/scratch".into()]);
        for (from, to) in more {
            words.extend(["--ro-bind".into(), word(from), to.into()]);
        }
        words.extend(["--chdir".into(), "/src".into(), "prlimit".into(), "--core=0".into()]);
        let Limits { time, memory, processes, disk, .. } = self.limits;
        for (name, most) in [("cpu", time.as_secs()), ("as", memory), ("nproc", processes), ("fsize", disk)] {
            words.push(format!("--{name}={most}").into());
        }
        Walls { words }
    }
}

/// The system's programs, and walls around them.
fn system() -> Vec<&'static str> {
    let walls = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"];
    let env = ["PATH", "/usr/local/bin:/usr/bin:/bin", "HOME", "/tmp", "LC_ALL", "C.UTF-8", "TMPDIR", "/scratch"];
    let mut words = walls.to_vec();
    for pair in env.chunks(2) {
        words.extend(["--setenv", pair[0], pair[1]]);
    }
    words.extend(["--ro-bind", "/usr", "/usr", "--ro-bind-try", "/etc/alternatives", "/etc/alternatives"]);
    for (root, target) in LINKS {
        // Where /usr is not merged, they are folders.
        if Path::new(root).is_symlink() {
            words.extend(["--symlink", target, root]);
        } else {
            words.extend(["--ro-bind-try", root, root]);
        }
    }
    words.extend(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]);
    words
}

/// Where the system's programs and libraries are, beside `/usr`.
const LINKS: [(&str, &str); 5] =
    [("/bin", "usr/bin"), ("/sbin", "usr/sbin"), ("/lib", "usr/lib"), ("/lib32", "usr/lib32"), ("/lib64", "usr/lib64")];

/// All of a stream, up to a limit; the rest is read and forgotten.
async fn first(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let Some(mut stream) = stream else { return Ok(Vec::new()) };
    let mut kept = Vec::new();
    (&mut stream).take(OUTPUT_MAX).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(kept)
}

/// The end of a stream.
async fn last(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let Some(mut stream) = stream else { return Ok(Vec::new()) };
    let (mut kept, mut chunk) = (Vec::new(), vec![0; 16 << 10]);
    loop {
        match stream.read(&mut chunk).await? {
            0 => return Ok(kept),
            n => kept.extend_from_slice(&chunk[..n]),
        }
        if kept.len() > WORDS_MAX {
            kept.drain(..kept.len() - WORDS_MAX / 2);
        }
    }
}
