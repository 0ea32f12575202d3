//! Programs that builds run: Python, Perl, awk, sed, and the file tools (install, cp, tar, …).
//!
//! ```text
//! Traceback (most recent call last):
//!   File "gen.py", line 3, in <module>
//!     import yaml
//! ModuleNotFoundError: No module named 'yaml'
//! Can't locate Foo/Bar.pm in @INC (you may need to install the Foo::Bar module) (@INC …) at q.pl line 3.
//! install: cannot stat 'q': No such file or directory
//! ```
//!
//! The diagnostic's place is the innermost frame of a traceback.

use std::sync::LazyLock;

use super::parse;
use super::{Sink, ToolReader, system};
use crate::diagnostic::{Diagnostic, Location, Note, Severity, Tool};
use crate::line::Line;
use crate::text::{has, normalise_quotes, split_location};

/// Programs whose failures stop a build.
const PROGRAMS: &[&str] = &[
    "ar",
    "awk",
    "bc",
    "bison",
    "bzip2",
    "chmod",
    "chown",
    "cp",
    "cpio",
    "dd",
    "flex",
    "gawk",
    "ginstall",
    "gzip",
    "install",
    "ld.so",
    "ln",
    "lzma",
    "lzop",
    "m4",
    "makeinfo",
    "mawk",
    "mkdir",
    "mknod",
    "mktemp",
    "mv",
    "nawk",
    "objcopy",
    "objdump",
    "openssl",
    "patch",
    "perl",
    "pod2man",
    "python",
    "python2",
    "python3",
    "ranlib",
    "rsync",
    "ruby",
    "sed",
    "gsed",
    "sort",
    "split",
    "strip",
    "tar",
    "touch",
    "tr",
    "unzip",
    "xsltproc",
    "xz",
    "yacc",
    "zip",
    "zstd",
    "msgfmt",
    "xgettext",
    "gperf",
    "swig",
    "protoc",
    "gtar",
    "bsdtar",
    "realpath",
    "ccache",
    "help2man",
    "asciidoc",
    "xmlto",
    "llvm-objcopy",
    "llvm-strip",
    "llvm-ar",
    "llvm-ranlib",
];

/// Programs whose complaints are as often harmless.
const HARMLESS: &[&str] = &[
    "cat",
    "cmp",
    "diff",
    "du",
    "expr",
    "file",
    "find",
    "grep",
    "head",
    "ls",
    "nm",
    "readelf",
    "readlink",
    "rm",
    "rmdir",
    "stat",
    "tail",
    "wc",
    "which",
    "llvm-nm",
    "llvm-readelf",
];

/// What one of these words in a message says: it is one.
const COMPLAINTS: &[&str] = &[
    "cannot ",
    "Cannot ",
    "can't ",
    "Can't ",
    "could not ",
    "unable to ",
    "No such file",
    "Permission denied",
    "not permitted",
    "File exists",
    "Is a directory",
    "Not a directory",
    "not found",
    "fatal: ",
    "error: ",
    "Error: ",
    "yntax error",
    "unterminated ",
    "unknown option",
    "unknown command",
    "unrecognized option",
    "invalid option",
    "illegal option",
    "nvalid ",
    "missing ",
    "failed",
    "corrupt",
    "unexpected ",
    "nterminated",
    "not recognized",
    "same file",
    "**** ",
    "too many ",
    "extra operand",
    "omitting directory",
];

/// The reader of what programs and scripts say.
#[derive(Debug, Default)]
pub struct Script {
    trace: Option<Trace>,
    /// True after `During handling of the above exception, another exception occurred:`.
    chained: bool,
}

/// A Python traceback that is being read.
#[derive(Debug)]
struct Trace {
    /// Place of the innermost frame so far.
    location: Option<Location>,
    /// Number of the newest line that belonged to it.
    last: u64,
    /// True when there was no heading: only syntax errors are printed so.
    bare: bool,
    start: (u64, u64, u64),
}

impl ToolReader for Script {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text;
        if self.trace.is_some() && self.traceback_goes_on(line, sink) {
            return true;
        }
        if text.trim_start().starts_with("Traceback (most recent call last):") {
            self.trace = Some(Trace {
                location: None,
                last: line.number,
                bare: false,
                start: (line.number, line.start, line.end),
            });
            return true;
        }
        if let Some(location) = frame(text) {
            self.trace = Some(Trace {
                location: Some(location),
                last: line.number,
                bare: true,
                start: (line.number, line.start, line.end),
            });
            return true;
        }
        if text.starts_with("During handling of the above exception")
            || text.starts_with("The above exception was the direct cause")
        {
            self.chained = true;
            return true;
        }
        python_warning(line, sink) || perl(line, sink) || program(line, sink)
    }
}

/// `  File "gen.py", line 3, in f`.
fn frame(text: &str) -> Option<Location> {
    let rest = text.trim_start().strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let (number, _) = parse::number(rest)?;
    Some(Location::new(file, Some(number), None))
}

impl Script {
    fn traceback_goes_on(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let Some(trace) = &mut self.trace else { return false };
        if line.number > trace.last + 8 {
            self.trace = None;
            return false;
        }
        let text = line.text;
        if let Some(location) = frame(text) {
            trace.location = Some(location);
            trace.last = line.number;
            return true;
        }
        if text.starts_with("    ")
            || text.starts_with("  [Previous line repeated")
            || text.starts_with("  + ")
            || text.starts_with("  | ")
        {
            trace.last = line.number;
            return true;
        }
        let Some(name) = exception(text) else { return false };
        if trace.bare && !matches!(name, "SyntaxError" | "IndentationError" | "TabError") {
            return false;
        }
        let mut diagnostic = Diagnostic::new(Tool::Shell, Severity::Error, parse::message(text));
        diagnostic.location = trace.location.take();
        // The diagnostic begins with the traceback.
        let (number, start, _) = trace.start;
        let whole = Line { text, number, start, end: line.end };
        self.trace = None;
        if std::mem::take(&mut self.chained)
            && let Some(first) = sink.retract(|d| d.tool == Tool::Shell && exception(&d.message).is_some())
        {
            diagnostic.notes.push(Note { location: first.location, message: first.message });
            diagnostic.notes.extend(first.notes);
            diagnostic.notes.truncate(16);
        }
        sink.open(&whole, diagnostic);
        true
    }
}

/// The name of an exception that a line starts with: `pkg.mod.SomeError: text`, `KeyboardInterrupt`.
fn exception(text: &str) -> Option<&str> {
    let name = text.split([':', ' ']).next()?;
    if name.is_empty()
        || text.get(name.len()..).is_some_and(|rest| !rest.is_empty() && !rest.starts_with(": ") && rest != ":")
    {
        return None;
    }
    let identifier = |part: &str| {
        part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    };
    let last = name.rsplit('.').next()?;
    (name.len() < 120 && name.split('.').all(identifier) && last.starts_with(|c: char| c.is_ascii_uppercase()))
        .then_some(last)
}

/// `gen.py:12: SyntaxWarning: invalid escape sequence '\d'`.
fn python_warning(line: &Line<'_>, sink: &mut Sink) -> bool {
    let text = line.text;
    if !has(text, b':') || !text.contains("Warning: ") {
        return false;
    }
    let Some(prefix) = split_location(text).filter(|prefix| prefix.column.is_none() && prefix.file.ends_with(".py"))
    else {
        return false;
    };
    if !exception(prefix.rest).is_some_and(|name| name.ends_with("Warning")) {
        return false;
    }
    let mut diagnostic = Diagnostic::new(Tool::Shell, Severity::Warning, parse::message(prefix.rest));
    diagnostic.location = Some(Location::new(prefix.file, Some(prefix.line), None));
    sink.open(line, diagnostic);
    true
}

/// What perl writes before the number of a line.
static LINE: LazyLock<memchr::memmem::Finder<'static>> = LazyLock::new(|| memchr::memmem::Finder::new(" line "));

/// Perl's messages end in ` at file.pl line 12.`
fn perl(line: &Line<'_>, sink: &mut Sink) -> bool {
    let text = line.text.trim();
    let locate = text.starts_with("Can't locate ") && text.contains("@INC");
    if !locate && LINE.find(text.as_bytes()).is_none() {
        return false;
    }
    let (message, location) = match perl_place(text) {
        Some((message, location)) => (message, Some(location)),
        None if locate => (text, None),
        None => return false,
    };
    let script = location.as_ref().is_some_and(|at| {
        at.file == "-e"
            || [".pl", ".pm", ".PL", ".pod"].iter().any(|end| at.file.ends_with(end))
            || at.file.starts_with("/usr/bin/")
    });
    let words =
        ["Can't ", "syntax error", "Global symbol ", "Bareword ", "Cannot ", "Undefined subroutine", "Unable to "]
            .iter()
            .any(|start| message.starts_with(start));
    if !script && !words {
        return false;
    }
    if message.starts_with("BEGIN failed--")
        || message.starts_with("Compilation failed in require")
        || text.contains(" had compilation errors")
    {
        return true;
    }
    let message = message.split(" (@INC ").next().unwrap_or(message);
    let soft = ["Use of uninitialized value", "Unescaped left brace", "Useless use of", "Subroutine "]
        .iter()
        .any(|start| message.starts_with(start))
        || message.contains(" is deprecated");
    let mut diagnostic =
        Diagnostic::new(Tool::Shell, if soft { Severity::Warning } else { Severity::Error }, parse::message(message));
    diagnostic.location = location;
    sink.open(line, diagnostic);
    true
}

/// Splits `text at q.pl line 3.` (also `…, <FH> line 9.`, `…, near "x"`).
fn perl_place(text: &str) -> Option<(&str, Location)> {
    let at = text.rfind(" line ").and_then(|end| {
        // With a file handle the place is in front of it.
        let end = match text.get(..end) {
            Some(head) if head.ends_with('>') => head.rfind(" line ")?,
            _ => end,
        };
        Some(end)
    })?;
    let (number, rest) = parse::number(text.get(at + 6..)?)?;
    if !(rest == "."
        || rest.starts_with(", near ")
        || rest.starts_with(", <")
        || rest.starts_with(", at ")
        || rest.is_empty())
    {
        return None;
    }
    let head = text.get(..at)?;
    let (message, file) = head.rsplit_once(" at ")?;
    if file.contains(' ') || file.is_empty() || message.is_empty() {
        return None;
    }
    Some((message, Location::new(file, Some(number), None)))
}

/// `install: cannot stat 'q': No such file or directory`.
fn program(line: &Line<'_>, sink: &mut Sink) -> bool {
    let text = line.text;
    let Some((name, rest)) = parse::program(text) else { return false };
    let fatal = PROGRAMS.contains(&name) || is_cross(name);
    if !fatal && !HARMLESS.contains(&name) {
        return false;
    }
    if rest.is_empty() || system::is_machine(text) || text.trim_end().ends_with(['\\', '{']) {
        return false;
    }
    let (severity, message) = parse::severity(rest);
    let rest = normalise_quotes(rest.trim_end());
    if severity.is_none()
        && !COMPLAINTS.iter().any(|words| rest.contains(words))
        && !awk(name, &rest)
        && !sed(name, &rest)
    {
        return false;
    }
    // The last words of a failure that was told above.
    if rest.starts_with("Error is not recoverable")
        || rest.starts_with("Exiting with failure status")
        || rest.starts_with("Error exit delayed from previous errors")
    {
        return true;
    }
    let soft = severity == Some(Severity::Warning)
        || !fatal
        || message.starts_with("warning")
        || rest.starts_with("Removing leading ");
    let severity = if soft { Severity::Warning } else { Severity::Error };
    sink.open(line, Diagnostic::new(Tool::Shell, severity, format!("{name}: {rest}")));
    true
}

fn awk(name: &str, rest: &str) -> bool {
    name.ends_with("awk") && (rest.starts_with("line ") || rest.starts_with("cmd. line:"))
}

fn sed(name: &str, rest: &str) -> bool {
    name.ends_with("sed") && (rest.starts_with("-e expression #") || rest.contains(": line "))
}

/// `aarch64-linux-gnu-objcopy`.
fn is_cross(name: &str) -> bool {
    ["-ar", "-objcopy", "-objdump", "-ranlib", "-strip"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Script::default(), log, expect);
    }

    #[test]
    fn tracebacks() {
        check(
            "Traceback (most recent call last):\n  File \"/q/gen.py\", line 30, in <module>\n    main()\n  File \"/q/lib.py\", line 4, in main\n    import yaml\n    ^^^^^^^^^^^\nModuleNotFoundError: No module named 'yaml'",
            &["error /q/lib.py:4: ModuleNotFoundError: No module named 'yaml'"],
        );
        check(
            "  File \"gen.py\", line 7\n    print x\n          ^\nSyntaxError: Missing parentheses in call to 'print'. Did you mean print(x)?",
            &["error gen.py:7: SyntaxError: Missing parentheses in call to 'print'. Did you mean print(x)?"],
        );
        check(
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nKeyError: 'q'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nq.RingError",
            &["error a.py:3: q.RingError | a.py:1: KeyError: 'q'"],
        );
        check(
            "scripts/gen.py:12: SyntaxWarning: invalid escape sequence '\\d'",
            &["warning scripts/gen.py:12: SyntaxWarning: invalid escape sequence '\\d'"],
        );
    }

    #[test]
    fn traceback_between_other_lines() {
        check(
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n  CC      q.o\nmake[1]: Nothing to be done for 'all'.\n    g()\nOSError: bad",
            &["error a.py:1: OSError: bad"],
        );
    }

    #[test]
    fn perl_messages() {
        check(
            "Can't locate Foo/Bar.pm in @INC (you may need to install the Foo::Bar module) (@INC contains: /etc/perl /usr/share/perl5) at gen.pl line 3.\nBEGIN failed--compilation aborted at gen.pl line 3.",
            &["error gen.pl:3: Can't locate Foo/Bar.pm in @INC (you may need to install the Foo::Bar module)"],
        );
        check(
            "Can't open q.h: No such file or directory at scripts/gen.pl line 12, <IN> line 3.",
            &["error scripts/gen.pl:12: Can't open q.h: No such file or directory"],
        );
        check("syntax error at gen.pl line 3, near \"my\"", &["error gen.pl:3: syntax error"]);
        check(
            "Use of uninitialized value $x in print at gen.pl line 9.",
            &["warning gen.pl:9: Use of uninitialized value $x in print"],
        );
    }

    #[test]
    fn programs() {
        check(
            "install: cannot stat 'q': No such file or directory\n/bin/cp: cannot create regular file 'x': Permission denied",
            &[
                "error install: cannot stat 'q': No such file or directory",
                "error cp: cannot create regular file 'x': Permission denied",
            ],
        );
        check(
            "sed: -e expression #1, char 3: unterminated `s' command",
            &["error sed: -e expression #1, char 3: unterminated 's' command"],
        );
        check(
            "awk: line 1: missing ) near }\ngawk: cmd. line:1: fatal: cannot open file `q' for reading: No such file or directory",
            &[
                "error awk: line 1: missing ) near }",
                "error gawk: cmd. line:1: fatal: cannot open file 'q' for reading: No such file or directory",
            ],
        );
        check(
            "tar: q: Cannot open: No such file or directory\ntar: Error is not recoverable: exiting now",
            &["error tar: q: Cannot open: No such file or directory"],
        );
        check(
            "rm: cannot remove 'q': No such file or directory",
            &["warning rm: cannot remove 'q': No such file or directory"],
        );
        check(
            "aarch64-linux-gnu-objcopy: 'vmlinux': No such file",
            &["error aarch64-linux-gnu-objcopy: 'vmlinux': No such file"],
        );
        check(
            "gawk: warning: escape sequence `\\#' is not a known regexp operator",
            &["warning gawk: warning: escape sequence '\\#' is not a known regexp operator"],
        );
    }

    #[test]
    fn near_misses() {
        for log in [
            "install: all missing-part \\",
            "install: all",
            "ar: creating libq.a",
            "cp -f a b || echo cp: cannot copy",
            "    return \"Can't open\" at some line 3 of it",
            "tar: q: Cannot write: No space left on device",
            "the error is at q line 3.",
            "  File \"gen.py\", line 7\nValueError: x",
            "patch: applying q",
            "ld: cannot find -lq",
            "Error: x",
        ] {
            check(log, &[]);
        }
    }

    #[test]
    fn never_panics() {
        testing::survives(
            || Box::<Script>::default(),
            "Traceback (most recent call last):\n  File \"ä\", line 3\n    ü\nÖError: ‘x’\nä at ö.pl line 3, <É> line 4.\ncp: cannot ‘ä’\n at  line 1.\nCan't locate ä @INC (@INC",
        );
    }
}
