//! What is said between the program and the helper process that lives in the scratch copy.
//!
//! Each message is one line of JSON; where it announces bytes, they follow at once. The helper is
//! the program itself, started anew; nobody else speaks to it.

use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The longest line of a message.
const LINE_MAX: u64 = 64 << 20;

/// What the scratch copy is to be; the first message to the helper.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    /// The top of the tree, without links.
    pub tree: PathBuf,
    /// The folders that must be copied: the tree, the build's folder, the current folder.
    pub copied: Vec<PathBuf>,
    /// Folders that commands may write to as well, when it can be arranged: home, temporary files.
    pub loose: Vec<PathBuf>,
    /// How.
    pub way: Way,
    /// An empty folder for what is written.
    pub store: PathBuf,
    /// Bytes of memory to use instead of the store's disk; none to use the disk.
    pub memory: Option<u64>,
}

/// How the scratch copy is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Overlays at the original paths, in a mount namespace.
    Overlay,
    /// A copy of all files elsewhere.
    Copy,
}

/// One command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// For `sh -c`.
    pub command: String,
    /// Where it runs.
    pub directory: PathBuf,
    /// How long it may take, in milliseconds.
    pub limit: u64,
}

/// What a file of the tree is to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A file with the rights of the one that is there.
    #[default]
    Same,
    /// A file that is not run.
    Plain,
    /// A program or script.
    Executable,
    /// A symbolic link; the bytes are where it leads.
    Link,
    /// Nothing: it is taken away, and folders that are empty then.
    Gone,
}

/// What the helper is told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Replace a file of the tree by the bytes that follow.
    Write {
        /// Relative to the top.
        file: String,
        /// What it is to be.
        form: Form,
        /// Bytes that follow.
        length: u64,
    },
    /// What was written so far is what a reset goes back to.
    Keep,
    /// Forget what was written since the last [`Request::Keep`].
    Reset,
    /// Run commands, some of them at the same time; the answers are [`Reply::Ended`] in the order
    /// of the jobs, then [`Reply::Done`].
    Run {
        /// The commands.
        jobs: Vec<Job>,
        /// How many run at the same time.
        parallel: usize,
        /// Variables to set.
        set: Vec<(String, String)>,
        /// Variables to take away.
        unset: Vec<String>,
    },
    /// Take files away, absolute as in the original place.
    Remove {
        /// Which.
        files: Vec<PathBuf>,
    },
    /// Look at files, absolute as in the original place; the answer is [`Reply::Files`].
    Look {
        /// Which.
        files: Vec<PathBuf>,
    },
}

/// What the helper answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It is done, without anything else to say.
    Done,
    /// It could not be done.
    Failed(String),
    /// The scratch copy is there.
    Ready {
        /// Things a person should know about it.
        notes: Vec<String>,
    },
    /// A command ended; its output follows.
    Ended {
        /// How.
        end: End,
        /// Bytes that follow.
        length: u64,
    },
    /// What files are.
    Files(Vec<Option<crate::verify::objects::Symbols>>),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The exit status; none when a signal ended it.
    pub status: Option<i32>,
    /// It took longer than it may.
    pub late: bool,
    /// Milliseconds.
    pub took: u64,
    /// Bytes of its output that were left out.
    pub dropped: u64,
}

/// Sends a message and the bytes that it announces.
pub fn send(to: &mut impl Write, message: &impl Serialize, bytes: &[u8]) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.write_all(bytes)?;
    to.flush()
}

/// Receives a message; none when the other side has gone.
pub fn receive<M: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<M>> {
    let mut line = Vec::new();
    from.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
    match line.last() {
        Some(b'\n') => Ok(Some(serde_json::from_slice(&line)?)),
        None => Ok(None),
        Some(_) => Err(io::Error::other("a message was cut off")),
    }
}

/// Receives the bytes that a message announced.
pub fn receive_bytes(from: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_with_bytes_between() {
        let mut wire = Vec::new();
        send(&mut wire, &Request::Write { file: "a.c".into(), form: Form::Same, length: 4 }, b"a\n\0b").unwrap();
        send(&mut wire, &Request::Reset, b"").unwrap();
        let mut from = &wire[..];
        let Some(Request::Write { file, length, .. }) = receive(&mut from).unwrap() else { panic!() };
        assert_eq!((file.as_str(), receive_bytes(&mut from, length).unwrap()), ("a.c", b"a\n\0b".to_vec()));
        assert!(matches!(receive(&mut from).unwrap(), Some(Request::Reset)));
        assert!(receive::<Request>(&mut from).unwrap().is_none());
        assert!(receive::<Request>(&mut &b"\"res"[..]).is_err());
    }
}
