//! The shell that runs the commands of a build, and programs that start others for it (`env`,
//! `make` without a shell, `xargs`): what they say when a program cannot be started, or a script
//! cannot be read.
//!
//! ```text
//! /bin/sh: 1: bison: not found                      dash
//! bash: line 1: bison: command not found            bash
//! ./gen.sh: line 12: bison: command not found
//! make[1]: bison: No such file or directory
//! env: 'python3': No such file or directory
//! ```
//!
//! All give `bison: …`. Source: dash's exec.c and error.c, bash's error.c and execute_cmd.c.

use super::parse;
use super::{Sink, ToolReader, make, system};
use crate::diagnostic::{Diagnostic, Location, Severity, Tool};
use crate::line::Line;
use crate::text::{has, normalise_quotes};

/// How a statement ends.
const REASONS: &[&str] = &[
    "not found",
    "No such file or directory",
    "No such file",
    "Permission denied",
    "Exec format error",
    "Argument list too long",
    "Is a directory",
    "Text file busy",
    "unbound variable",
    "parameter not set",
    "ad substitution",
    "irectory nonexistent",
    "unexpected end of file",
];

/// Shells, by name.
const SHELLS: &[&str] = &["sh", "bash", "-bash", "dash", "ash", "zsh", "ksh", "mksh", "rbash"];

/// Programs that run the program they are given.
const RUNNERS: &[&str] = &[
    "env", "nohup", "timeout", "nice", "xargs", "sudo", "doas", "stdbuf", "setsid", "time", "strace", "distcc",
    "fakeroot", "chroot",
];

/// The reader of what shells say.
#[derive(Debug, Default)]
pub struct Shell;

impl ToolReader for Shell {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        if !has(line.text, b':') {
            return false;
        }
        let text = line.text.trim();
        let syntax = text.contains("yntax error") || text.contains("unexpected EOF while looking for");
        if !syntax && !REASONS.iter().any(|reason| text.ends_with(reason)) && !is_plain_start(text) {
            return false;
        }
        if system::is_machine(text) {
            return false;
        }
        let text = normalise_quotes(text);
        let Some(statement) = read(&text, syntax) else { return false };
        let Some(message) = statement.message else { return true };
        let severity = if statement.configure && !syntax { Severity::Warning } else { Severity::Error };
        let mut diagnostic = Diagnostic::new(Tool::Shell, severity, message);
        diagnostic.location = statement.location;
        sink.open(line, diagnostic);
        true
    }
}

/// Forms without a reason at their end: zsh's, and dash's about a script.
fn is_plain_start(text: &str) -> bool {
    text.starts_with("zsh:") && text.contains("command not found: ")
        || text.contains(": 0: Can't open ")
        || text.contains(": line ") && text.ends_with('\'') && text.contains(": `")
}

struct Statement {
    location: Option<Location>,
    /// None for a line that only repeats the command.
    message: Option<String>,
    configure: bool,
}

fn read(text: &str, syntax: bool) -> Option<Statement> {
    let (head, rest) = text.split_once(": ")?;
    if head.is_empty() || head.contains(' ') || rest.is_empty() {
        return None;
    }
    if make::is_make(head) {
        let rest = rest.strip_prefix("execvp: ").or_else(|| rest.strip_prefix("exec: ")).unwrap_or(rest);
        let (name, reason) = rest.rsplit_once(": ")?;
        let known = !name.contains(' ')
            && !name.contains(['*', '['])
            && (reason == "Command not found" || REASONS.contains(&reason));
        return known.then(|| Statement {
            location: None,
            message: Some(format!("{}: {reason}", plain(name))),
            configure: false,
        });
    }
    let program = parse::basename(head);
    if RUNNERS.contains(&program) {
        let rest =
            rest.strip_prefix("failed to run command ").or_else(|| rest.strip_prefix("cannot run ")).unwrap_or(rest);
        let (name, reason) = rest.rsplit_once(": ")?;
        let known = !name.contains(' ') && (reason == "command not found" || REASONS.contains(&reason));
        return known.then(|| Statement {
            location: None,
            message: Some(format!("{}: {reason}", plain(parse::unquoted(name)))),
            configure: false,
        });
    }
    let (program, number) = match program.split_once(':') {
        Some(("zsh", number)) => ("zsh", Some(number)),
        _ => (program, None),
    };
    let is_shell = SHELLS.contains(&program);
    let mut rest = rest.strip_prefix("-c: ").unwrap_or(rest);
    let mut at = number.and_then(|number| number.parse().ok());
    if let Some((found, after)) = rest.strip_prefix("line ").or(Some(rest)).and_then(parse::number)
        && let Some(after) = after.strip_prefix(": ")
    {
        at = Some(found);
        rest = after;
    }
    // A script is known by its number, or by its name.
    if !is_shell && (at.is_none() || !is_script(program) && !is_plain_path(head)) {
        return None;
    }
    // dash repeats the script's name after the number.
    rest = rest.strip_prefix(head).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(rest);
    let location = match at {
        Some(number) if !is_shell && number > 0 => Some(Location::new(head, Some(number), None)),
        _ => None,
    };
    let message = if rest.starts_with('\'') && rest.ends_with('\'') && at.is_some() {
        None
    } else if syntax {
        let start = rest.find("yntax error").or_else(|| rest.find("unexpected EOF"))?;
        // `eval: line 3: syntax error …` keeps what is in front out.
        Some(
            rest.get(if start > 0 && rest.as_bytes().get(start) == Some(&b'y') { start - 1 } else { start }..)?
                .to_owned(),
        )
    } else if let Some(name) = rest.strip_prefix("command not found: ") {
        Some(format!("{name}: command not found"))
    } else if let Some(name) = rest.strip_prefix("Can't open ") {
        Some(format!("{}: No such file", plain(name)))
    } else if let Some((name, reason)) = rest.strip_prefix("cannot open ").and_then(|rest| rest.rsplit_once(": ")) {
        Some(format!("{}: {reason}", plain(name)))
    } else {
        let rest = rest.strip_prefix("exec: ").unwrap_or(rest);
        let (name, reason) = rest.rsplit_once(": ").unwrap_or(("", rest));
        // The name of a program or a file, not prose; assignments and substitutions may have blanks.
        let short = name.len() < 512 && (name.split(' ').count() <= 8);
        if !short
            || name.is_empty()
                && !reason.ends_with("ad substitution")
                && reason != "Argument list too long"
                && reason != "Permission denied"
        {
            return None;
        }
        if name.is_empty() { Some(reason.to_owned()) } else { Some(format!("{}: {reason}", plain(name))) }
    };
    Some(Statement { location, message, configure: program.starts_with("configure") || program == "config.status" })
}

/// A name without `./` in front.
fn plain(name: &str) -> &str {
    name.strip_prefix("./").filter(|name| !name.is_empty()).unwrap_or(name)
}

fn is_script(name: &str) -> bool {
    [".sh", ".bash", ".ksh", ".zsh"].iter().any(|end| name.ends_with(end))
        || matches!(
            name,
            "configure"
                | "config.status"
                | "libtool"
                | "autogen"
                | "bootstrap"
                | "install-sh"
                | "eval"
                | "main"
                | "environment"
        )
}

/// A path without an extension, as scripts are often named.
fn is_plain_path(path: &str) -> bool {
    path.contains('/') && !parse::basename(path).contains(['.', ':'])
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Shell, log, expect);
    }

    #[test]
    fn programs_not_found() {
        check("/bin/sh: 1: bison: not found", &["error bison: not found"]);
        check("/bin/sh: bison: command not found", &["error bison: command not found"]);
        check("bash: line 1: bison: command not found", &["error bison: command not found"]);
        check("./gen.sh: line 12: bison: command not found", &["error ./gen.sh:12: bison: command not found"]);
        check("./gen.sh: 12: ./gen.sh: bison: not found", &["error ./gen.sh:12: bison: not found"]);
        check(
            "zsh: command not found: bison\nzsh:1: command not found: flex",
            &["error bison: command not found", "error flex: command not found"],
        );
        check(
            "make[1]: flex: No such file or directory\nmake: flex: Command not found\nmake: ./gen: Permission denied\nmake: execvp: ./gen: Permission denied",
            &[
                "error flex: No such file or directory",
                "error flex: Command not found",
                "error gen: Permission denied",
                "error gen: Permission denied",
            ],
        );
        check(
            "env: ‘python3’: No such file or directory\n/usr/bin/env: 'bash\\r': No such file or directory\nenv: python: No such file or directory",
            &[
                "error python3: No such file or directory",
                "error bash\\r: No such file or directory",
                "error python: No such file or directory",
            ],
        );
        check(
            "./configure: line 2345: PKG_PROG_PKG_CONFIG: command not found",
            &["warning ./configure:2345: PKG_PROG_PKG_CONFIG: command not found"],
        );
        check("/bin/sh: 1: scripts/mod/modpost: not found", &["error scripts/mod/modpost: not found"]);
        check(
            "timeout: failed to run command 'gen': No such file or directory",
            &["error gen: No such file or directory"],
        );
    }

    #[test]
    fn files_and_scripts() {
        check("/bin/sh: 1: ./gen.sh: Permission denied", &["error gen.sh: Permission denied"]);
        check("sh: 0: cannot open gen.sh: No such file", &["error gen.sh: No such file"]);
        check("sh: 0: Can't open gen.sh", &["error gen.sh: No such file"]);
        check("bash: gen.sh: No such file or directory", &["error gen.sh: No such file or directory"]);
        check(
            "/bin/sh: 1: cannot create out/q: Directory nonexistent",
            &["error cannot create out/q: Directory nonexistent"],
        );
        check(
            "bash: ./gen: cannot execute binary file: Exec format error",
            &["error gen: cannot execute binary file: Exec format error"],
        );
        check(
            "/bin/sh: ./gen.sh: /bin/sh^M: bad interpreter: No such file or directory",
            &["error gen.sh: /bin/sh^M: bad interpreter: No such file or directory"],
        );
        check(
            "/bin/sh: 1: Syntax error: Unterminated quoted string",
            &["error Syntax error: Unterminated quoted string"],
        );
        check(
            "/bin/sh: -c: line 0: syntax error near unexpected token `('\n/bin/sh: -c: line 0: `echo a(b'",
            &["error syntax error near unexpected token '('"],
        );
        check("gen.sh: line 3: OUT: unbound variable", &["error gen.sh:3: OUT: unbound variable"]);
        check("/bin/sh: Argument list too long", &["error Argument list too long"]);
    }

    #[test]
    fn near_misses() {
        for log in [
            "checking for bison... not found",
            "-- Looking for bison - not found",
            "a.c:1:10: fatal error: x.h: No such file or directory",
            "echo 'bison: not found' >&2; exit 1",
            "  if ! command -v bison; then echo bison: not found",
            "ring: not found",
            "q.c:12: ring: not found",
            "make[1]: *** [Makefile:3: x] Permission denied",
            "bash: fork: Cannot allocate memory",
            "sh: 1",
            "fatal: pathspec 'x' did not match any files: not found",
        ] {
            check(log, &[]);
        }
    }

    #[test]
    fn never_panics() {
        testing::survives(
            || Box::new(Shell),
            "sh: 1: ä: not found\n/bin/sh: -c: line 0: syntax error ‘ü’\nzsh:ä: command not found: ö\nsh: 0: Can't open é\nx.sh: line 3: y: ä: not found\nsh: éyntax error",
        );
    }
}
