//! GNU as. (clang's assembler prints a compiler's form and is read with the compilers.)
//!
//! ```text
//! entry.S: Assembler messages:
//! entry.S:12: Error: no such instruction: `foo %eax'
//! entry.S:40:  Info: macro invoked from here
//! ```
//!
//! Errors without a place (`Error: can't open x.s`, `Fatal error: can't create x.o`) count only
//! below the heading. Source: gas/messages.c.

use super::parse;
use super::{Sink, ToolReader, system};
use crate::diagnostic::{Diagnostic, Flavor, Location, Note, Severity, Tool};
use crate::line::Line;
use crate::text::{has, split_colon, split_location};

/// How far below the heading its messages may be, in lines.
const NEAR: u64 = 400;

/// The reader of GNU as's messages.
#[derive(Debug, Default)]
pub struct Asm {
    /// Number of the last line that was a heading or a message below one; 0 when there was none.
    near: u64,
    /// Number of the last line of a group below a heading without a file; 0 when there was none.
    bare: u64,
}

impl ToolReader for Asm {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim_end();
        if text.ends_with("Assembler messages:") {
            self.near = line.number;
            if text == "Assembler messages:" {
                self.bare = line.number;
            }
            return true;
        }
        if let Some(rest) = own_name(text) {
            return self.open(line, sink, None, Severity::Error, rest);
        }
        // `Error: `, `Warning: `, `Fatal error: `, `Info: `, `Internal error`: all have one of these.
        if self.bare == 0 && !has(text, b':') {
            return false;
        }
        if !text.contains("rror")
            && !text.contains("arning: ")
            && !text.contains(": Info: ")
            && !text.contains(":  Info: ")
        {
            return false;
        }
        let below = self.near != 0 && line.number - self.near.min(line.number) < NEAR;
        if let Some(prefix) = split_location(text) {
            let file = prefix.file;
            if prefix.column.is_some() || !(is_assembly(file) || below && is_source(file)) {
                return false;
            }
            let location = Location::new(file, Some(prefix.line), None);
            return self.message(line, sink, Some(location), prefix.rest);
        }
        // `x.s: Error: open CFI at the end of file`, no line.
        if let Some((file, rest)) = split_colon(text)
            && (is_assembly(file) || below && is_source(file))
        {
            return self.message(line, sink, Some(Location::new(file, None, None)), rest);
        }
        // dtc writes `Error: file` too.
        if self.bare == 0 || line.number != self.bare + 1 || split_dotted(text) || !self.message(line, sink, None, text)
        {
            return false;
        }
        self.bare = line.number;
        true
    }
}

impl Asm {
    fn message(&mut self, line: &Line<'_>, sink: &mut Sink, location: Option<Location>, rest: &str) -> bool {
        let rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix("Info: ") {
            if let Some(last) = sink.last(line, Tool::As) {
                last.notes.push(Note { location, message: parse::message(rest) });
            }
            return true;
        }
        if rest.starts_with("Internal error") {
            return self.open(line, sink, location, Severity::Fatal, rest);
        }
        // Only the assembler's own capitals: `error:` is a compiler's.
        if !["Error: ", "Warning: ", "Fatal error: ", "FATAL: "].iter().any(|word| rest.starts_with(word)) {
            return false;
        }
        match parse::severity(rest) {
            (Some(severity), rest) => self.open(line, sink, location, severity, rest),
            (None, _) => false,
        }
    }

    fn open(
        &mut self,
        line: &Line<'_>,
        sink: &mut Sink,
        location: Option<Location>,
        severity: Severity,
        text: &str,
    ) -> bool {
        if system::is_machine(text) {
            return false;
        }
        if self.near != 0 {
            self.near = line.number;
        }
        let mut diagnostic = Diagnostic::new(Tool::As, severity, parse::message(text));
        diagnostic.flavor = Some(Flavor::Gnu);
        diagnostic.location = location;
        sink.open(line, diagnostic);
        true
    }
}

/// What follows the assembler's own name: `as: unrecognized option '-x'`.
fn own_name(text: &str) -> Option<&str> {
    const STARTS: &[&str] = &[
        "unrecognized option",
        "invalid option",
        "invalid listing option",
        "BFD ",
        "out of memory",
        "can't ",
        "bad ",
        "unknown ",
        "selected ",
    ];
    let (name, rest) = parse::program(text)?;
    ((name == "as" || name.ends_with("-as")) && STARTS.iter().any(|start| rest.starts_with(start))).then_some(rest)
}

/// True for `Error: q.dts:12.3-4 text`.
fn split_dotted(text: &str) -> bool {
    memchr::memchr_iter(b':', text.as_bytes())
        .any(|at| text.get(at + 1..).and_then(parse::number).is_some_and(|(_, rest)| rest.starts_with('.')))
}

/// True for files that only an assembler reads.
fn is_assembly(file: &str) -> bool {
    file == "{standard input}" || [".S", ".s", ".sx", ".asm"].iter().any(|end| file.ends_with(end))
}

/// True for files that `#line` marks in a compiler's output name.
fn is_source(file: &str) -> bool {
    !file.contains(' ')
        && [".c", ".h", ".cc", ".cpp", ".cxx", ".C", ".hpp", ".inc", ".i", ".ii", ".rs", ".go", ".f90", ".d"]
            .iter()
            .any(|end| file.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Asm::default(), log, expect);
    }

    #[test]
    fn messages_with_places() {
        check(
            "arch/q/entry.S: Assembler messages:\narch/q/entry.S:12: Error: no such instruction: `frob %eax'\narch/q/entry.S:14: Warning: value 0x1ff truncated\narch/q/entry.S:40:  Info: macro invoked from here",
            &[
                "error arch/q/entry.S:12: no such instruction: 'frob %eax'",
                "warning arch/q/entry.S:14: value 0x1ff truncated | arch/q/entry.S:40: macro invoked from here",
            ],
        );
        check(
            "ring.c: Assembler messages:\nring.c:1: Error: no such instruction: `frob %eax'",
            &["error ring.c:1: no such instruction: 'frob %eax'"],
        );
        check(
            "{standard input}:45: Error: unknown pseudo-op: `.frob'",
            &["error {standard input}:45: unknown pseudo-op: '.frob'"],
        );
        check(
            "/tmp/ccA.s: Error: open CFI at the end of file; missing .cfi_endproc directive",
            &["error /tmp/ccA.s: open CFI at the end of file; missing .cfi_endproc directive"],
        );
    }

    #[test]
    fn messages_without_places() {
        check(
            "Assembler messages:\nError: can't open q.s for reading: No such file or directory",
            &["error can't open q.s for reading: No such file or directory"],
        );
        check(
            "Assembler messages:\nFatal error: can't create q.o: No such file or directory",
            &["fatal can't create q.o: No such file or directory"],
        );
        check("aarch64-linux-gnu-as: unrecognized option '-mfrob'", &["error unrecognized option '-mfrob'"]);
        check(
            "q.s:3: Internal error in md_apply_fix at ../gas/x.c:3.",
            &["fatal q.s:3: Internal error in md_apply_fix at ../gas/x.c:3."],
        );
    }

    #[test]
    fn near_misses() {
        check("Error: ring.dts:12.3-4 syntax error", &[]);
        check("Assembler messages:\nError: ring.dts:12.3-4 syntax error", &[]);
        check("q.S: Assembler messages:\nERROR: Input tree has errors\nError: x", &[]);
        check("ring.c:1: Error: x", &[]);
        check("ring.S:1:2: error: invalid register name", &[]);
        check("ring.i:3: Error: Syntax error in input(1).", &[]);
        check("as: see the manual for Error: messages", &[]);
        check("/tmp/ccA.s: Fatal error: can't write 8 bytes to section .text of q.o: 'No space left on device'", &[]);
    }

    #[test]
    fn never_panics() {
        testing::survives(
            || Box::<Asm>::default(),
            "ä.S: Assembler messages:\nä.S:1: Error: ‘ü’\nä.S:1:  Info: ö\n: Error: \nFatal error: ä",
        );
    }
}
