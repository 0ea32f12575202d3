//! The machine that builds: killed processes, full disks, the network, time limits of CI systems.
//!
//! Asked last: a line that a tool has claimed is that tool's. What a shell says of a child that a
//! signal ended stands alone on a line (`Killed`) or after a process id
//! (`x.sh: line 3:  4711 Killed    ld -r …`). The texts of errno values count only where a program
//! ends its message with them, not in the middle of prose or code.

use std::sync::LazyLock;

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Severity, Tool};
use crate::line::Line;
use crate::search::Search;
use crate::text::split_colon;

/// What a shell prints alone on a line when a signal ended a command.
const SIGNALS: &[&str] = &[
    "Killed",
    "Terminated",
    "Segmentation fault",
    "Bus error",
    "Illegal instruction",
    "Aborted",
    "Floating point exception",
    "Trace/breakpoint trap",
];

/// errno texts that mean that the machine is at fault.
const ERRNO: &[&str] = &[
    "No space left on device",
    "Cannot allocate memory",
    "Disk quota exceeded",
    "Input/output error",
    "Read-only file system",
    "Too many open files",
    "Too many open files in system",
    "Stale file handle",
    "Stale NFS file handle",
    "Resource temporarily unavailable",
    "Temporary failure in name resolution",
];

/// What may stand anywhere in a line; each is a whole statement.
const ANYWHERE: &[&str] = &[
    "invoked oom-killer",
    "oom-kill:",
    "Out of memory: Kill",
    "Memory cgroup out of memory: Kill",
    ": out of memory allocating ",
    "has exceeded the maximum execution time",
    "The runner has received a shutdown signal",
    "The hosted runner lost communication with the server",
    "The self-hosted runner lost communication with the server",
    "The hosted runner encountered an error",
    "fetch-pack: unexpected disconnect while reading sideband packet",
    "DUE TO TIME LIMIT",
];

/// How a line starts.
const STARTS: &[&str] = &[
    "virtual memory exhausted",
    "##[error]The operation was canceled",
    "##[error]The action ",
    "ERROR: Job failed: execution took longer",
    "ERROR: Job failed (system failure)",
    "Build timed out (after ",
    "timeout: sending signal ",
    "timeout: the monitored command dumped core",
    "fatal: unable to access 'http",
    "fatal: unable to connect to ",
    "fatal: early EOF",
    "fatal: the remote end hung up unexpectedly",
    "fatal: could not read Username for ",
    "fatal: could not read from remote repository",
    "fatal: Could not read from remote repository",
    "error: RPC failed; ",
    "ssh: connect to host ",
    "ssh: Could not resolve hostname ",
    "wget: unable to resolve host address ",
    "E: Failed to fetch ",
    "E: Unable to fetch some archives",
    "E: Unable to locate package ",
];

/// What a CI system prints after any failure: claimed, but nothing new.
const TAILS: &[&str] = &[
    "##[error]Process completed with exit code ",
    "ERROR: Job failed: exit ",
    "ERROR: Job failed: command terminated with exit code",
    "Cleaning up project directory",
];

/// True when a message of whatever program ends with an error of the machine (full disk, no
/// memory, input/output error). Readers of other tools leave such lines to this one.
pub fn is_machine(text: &str) -> bool {
    let text = text.trim_end_matches([' ', '.', '\'', '"', ')', '!', ',', ';']).trim_end_matches("  Stop");
    let Some(errno) = ERRNO.iter().find(|errno| text.ends_with(**errno)) else {
        return false;
    };
    let head = text.get(..text.len() - errno.len()).unwrap_or("");
    head.is_empty()
        || head.ends_with([' ', '\'', '"', '(', ':'])
            && (head.trim_end().ends_with([':', ']', '(', '\'', '"', '`', '-']) || head.ends_with("failed with "))
}

/// [`ANYWHERE`], to be found in one pass.
static SEARCH: LazyLock<Search> = LazyLock::new(|| Search::of(ANYWHERE));

/// The reader of what the machine and the CI system say.
#[derive(Debug, Default)]
pub struct System;

impl ToolReader for System {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim();
        if text.len() < 6 || text.len() > 2048 {
            return false;
        }
        let byte = text.as_bytes()[0];
        let begins = |start: &&str| start.as_bytes()[0] == byte && text.starts_with(start);
        if TAILS.iter().any(begins) {
            return true;
        }
        let found = is_signal(text)
            || job_line(text)
            || is_machine(text) && !is_code(text)
            || STARTS.iter().any(begins)
            || is_download(text)
            || SEARCH.is_in(text) && !is_code(text);
        if found {
            // The same statement again (each job of a killed build says it) adds nothing.
            let message = parse::message(text);
            sink.open(line, Diagnostic::new(Tool::System, Severity::Error, message));
        }
        found
    }
}

/// `Killed`, `Segmentation fault (core dumped)`.
fn is_signal(text: &str) -> bool {
    let name = text.strip_suffix(" (core dumped)").unwrap_or(text);
    SIGNALS.contains(&name)
}

/// bash's `x.sh: line 3:  4711 Killed    command`, `bash: line 1: 4711 Segmentation fault  (core dumped) cc`.
fn job_line(text: &str) -> bool {
    let Some((_, mut rest)) = split_colon(text) else { return false };
    if let Some(after) = rest.strip_prefix("line ")
        && let Some((_, after)) = parse::number(after)
    {
        rest = after.trim_start_matches(':');
    }
    let Some((_, rest)) = parse::number(rest.trim_start()) else { return false };
    let Some(rest) = rest.strip_prefix(' ') else { return false };
    SIGNALS.iter().any(|name| {
        rest.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with("  ") || rest.starts_with(" (core dumped)") || rest.is_empty())
    })
}

/// `curl: (6) Could not resolve host: x`.
fn is_download(text: &str) -> bool {
    text.strip_prefix("curl: (").and_then(parse::number).is_some_and(|(_, rest)| rest.starts_with(')'))
}

/// Lines of scripts and programs that a verbose build or a diff prints.
fn is_code(text: &str) -> bool {
    text.starts_with(['+', '#', '*', '"', '\'', '$']) && !text.starts_with("##[")
        || text.starts_with("//")
        || text.starts_with("/*")
        || text.ends_with(['{', ';', '\\'])
        || ["echo ", "printf(", "fprintf(", "pr_err(", "checking ", "case "].iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut System, log, expect);
    }

    #[test]
    fn signals() {
        check(
            "Killed\nTerminated\nSegmentation fault (core dumped)\nBus error",
            &["error Killed", "error Terminated", "error Segmentation fault (core dumped)", "error Bus error"],
        );
        check(
            "scripts/link.sh: line 61: 4711 Killed                  ld -r -o a.o",
            &["error scripts/link.sh: line 61: 4711 Killed                  ld -r -o a.o"],
        );
        check(
            "bash: 26769 Killed                  ( sleep 1 )",
            &["error bash: 26769 Killed                  ( sleep 1 )"],
        );
        check("Killed process names are listed below\n3 Killed\nTerminated early: yes\nTest Killed", &[]);
    }

    #[test]
    fn errno_at_the_end_of_a_message() {
        for text in [
            "tar: ring.c: Cannot write: No space left on device",
            "write error: No space left on device",
            "OSError: [Errno 28] No space left on device",
            "/usr/bin/ld: final link failed: No space left on device",
            "/tmp/ccA.s: Fatal error: can't write 8 bytes to section .text of a.o: 'No space left on device'",
            "{standard input}: Fatal error: can't write 8 bytes to section .text of a.o: 'No space left on device'",
            "bash: fork: retry: Resource temporarily unavailable",
            "cp: error reading 'a': Input/output error",
            "mkdir: cannot create directory 'x': Read-only file system",
            "virtual memory exhausted: Cannot allocate memory",
            "Could not open a: Too many open files",
        ] {
            check(text, &[&format!("error {}", parse::message(text))]);
        }
        for text in [
            "checking for the text of ENOSPC... No space left on device",
            "ok 3 - returns No space left on device when full",
            "  echo \"x: No space left on device\" >&2; exit 1",
            "fs: fix Input/output error on resume",
            "This is a Read-only file system",
            "+    pr_err(\"%s: No space left on device\\n\");",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn memory_network_and_time() {
        for text in [
            "Out of memory: Killed process 4711 (cc1plus) total-vm:1kB",
            "cc1 invoked oom-killer: gfp_mask=0x1",
            "cc1plus: out of memory allocating 65536 bytes after a total of 1 bytes",
            "curl: (6) Could not resolve host: example.org",
            "fatal: unable to access 'https://example.org/q.git/': Could not resolve host: example.org",
            "##[error]The operation was canceled.",
            "ERROR: Job failed: execution took longer than 1h0m0s seconds",
            "The job running on runner r 3 has exceeded the maximum execution time of 360 minutes.",
        ] {
            check(text, &[&format!("error {text}")]);
        }
        check("##[error]Process completed with exit code 2.\nERROR: Job failed: exit code 1\ncurl: (x) y", &[]);
    }

    #[test]
    fn never_panics() {
        testing::survives(|| Box::new(System), "ä: line ö: Killed\n: 1 Killed\n‘No space left on device’\ncurl: (");
    }
}
