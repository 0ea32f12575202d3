//! One file a tool. Each reader sees the lines around anything that looks like a message, frames
//! (stamps, quoting, colour) already taken off, and says whether a line is its own.
//!
//! To add a tool: add a file here, implement [`ToolReader`], add it to [`all`].

pub mod asm;
pub mod autoconf;
pub mod bazel;
pub mod btf;
pub mod cc;
pub mod cmake;
pub mod dtc;
pub mod json;
pub mod kbuild;
pub mod kconfig;
pub mod ld;
pub mod make;
pub mod meson;
pub mod modpost;
pub mod ninja;
pub mod objtool;
mod parse;
pub mod rustc;
pub mod sarif;
pub mod script;
pub mod shell;
pub mod smatch;
pub mod sparse;
pub mod system;
#[cfg(test)]
mod testing;

use crate::diagnostic::{Diagnostic, Tool};
use crate::line::Line;

/// What a tool reader does with lines.
///
/// Readers keep state between lines (an open message, the function a linker named). Lines of
/// several jobs may be interleaved, so state is keyed by what the lines themselves say (file,
/// object, line number) wherever they say it.
pub trait ToolReader {
    /// Looks at one line. Returns true when the line is this tool's: it started a diagnostic,
    /// belongs to one that is open, or is context that only this tool prints. A claimed line is
    /// not shown to the readers after this one.
    ///
    /// Must not panic on any input and must take time linear in the line.
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool;
}

/// All readers, in the order in which they are asked. The compilers come first: theirs are most
/// of the messages in any log.
pub fn all() -> Vec<Box<dyn ToolReader>> {
    vec![
        Box::new(json::CompilerJson),
        Box::new(sarif::Sarif),
        Box::<cc::Cc>::default(),
        Box::<rustc::Rustc>::default(),
        Box::<ld::Ld>::default(),
        Box::<asm::Asm>::default(),
        Box::<kconfig::Kconfig>::default(),
        Box::<modpost::Modpost>::default(),
        Box::new(objtool::Objtool),
        Box::new(btf::Btf),
        Box::new(dtc::Dtc),
        Box::<kbuild::Kbuild>::default(),
        Box::<sparse::Sparse>::default(),
        Box::new(smatch::Smatch),
        Box::<make::Make>::default(),
        Box::<ninja::Ninja>::default(),
        Box::<cmake::Cmake>::default(),
        Box::<autoconf::Autoconf>::default(),
        Box::new(meson::Meson),
        Box::new(bazel::Bazel),
        Box::<script::Script>::default(),
        Box::new(shell::Shell),
        Box::new(system::System),
    ]
}

/// Where the compilers' reader stands in [`all`].
pub(crate) const CC: usize = 2;
/// Where make's reader stands in [`all`].
pub(crate) const MAKE: usize = 14;

/// Where readers put what they find: the diagnostics that may still grow.
#[derive(Debug, Default)]
pub struct Sink {
    open: Vec<Diagnostic>,
    done: Vec<Diagnostic>,
}

/// How many diagnostics may be open (still growing) at once. `make -j64` interleaves lines of many
/// jobs, but a message's own lines come within a few of each other.
const OPEN_MAX: usize = 16;

impl Sink {
    /// Adds a diagnostic; it stays open for notes and snippets that follow. `span` is set here.
    pub fn open(&mut self, line: &Line<'_>, mut diagnostic: Diagnostic) {
        diagnostic.span.line = line.number;
        diagnostic.span.start = line.start;
        diagnostic.span.end = line.end;
        if self.open.len() == OPEN_MAX {
            self.done.push(self.open.remove(0));
        }
        self.open.push(diagnostic);
    }

    /// The newest open diagnostic of a tool, to add the line to it; its span grows to the line.
    pub fn last(&mut self, line: &Line<'_>, tool: Tool) -> Option<&mut Diagnostic> {
        self.find(line, |d| d.tool == tool)
    }

    /// The newest open diagnostic for which `wanted` is true; its span grows to the line.
    pub fn find(&mut self, line: &Line<'_>, wanted: impl Fn(&Diagnostic) -> bool) -> Option<&mut Diagnostic> {
        let found = self.open.iter_mut().rev().find(|d| wanted(d))?;
        found.span.end = found.span.end.max(line.end);
        Some(found)
    }

    /// The newest open diagnostic for which `wanted` is true, to look at.
    pub fn newest(&self, wanted: impl Fn(&Diagnostic) -> bool) -> Option<&Diagnostic> {
        self.open.iter().rev().find(|d| wanted(d))
    }

    /// True when an open diagnostic is so.
    pub fn has(&self, wanted: impl Fn(&Diagnostic) -> bool) -> bool {
        self.open.iter().any(wanted)
    }

    /// Notes the directory that make was in for the diagnostics that have none yet.
    pub fn set_directory(&mut self, directory: Option<&str>) {
        let Some(directory) = directory else { return };
        for diagnostic in self.open.iter_mut().rev().take_while(|d| d.directory.is_none()) {
            diagnostic.directory = Some(directory.to_owned());
        }
    }

    /// Takes back the newest open diagnostic of a tool: for messages that a later line disproves.
    pub fn retract(&mut self, wanted: impl Fn(&Diagnostic) -> bool) -> Option<Diagnostic> {
        let at = self.open.iter().rposition(wanted)?;
        Some(self.open.remove(at))
    }

    /// Closes all that is open: nothing more can follow.
    pub fn close(&mut self) {
        self.done.append(&mut self.open);
    }

    /// Hands out what is closed, in the order in which the messages began.
    pub fn drain(&mut self) -> impl Iterator<Item = Diagnostic> + '_ {
        self.done.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_stand_where_the_scanner_looks_for_them() {
        let text = "make: *** [Makefile:2: a.o] Error 1";
        let line = Line { text, number: 1, start: 0, end: text.len() as u64 };
        let mut sink = Sink::default();
        assert!(all()[MAKE].line(&line, &mut sink));
        sink.close();
        assert_eq!(sink.drain().next().map(|diagnostic| diagnostic.tool), Some(Tool::Make));
        let text = "a.c:1:2: error: expected ';' before '}' token";
        let line = Line { text, number: 2, start: 36, end: 36 + text.len() as u64 };
        assert!(all()[CC].line(&line, &mut sink));
    }
}
