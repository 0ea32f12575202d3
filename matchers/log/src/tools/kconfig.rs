//! The kernel's Kconfig, also as busybox, buildroot, U-Boot and others have it.
//!
//! ```text
//! drivers/q/Kconfig:38: invalid statement
//! drivers/q/Kconfig:15:warning: ignoring unsupported character '['
//! drivers/q/Kconfig:3:error: recursive dependency detected!
//! drivers/q/Kconfig:3:    symbol A depends on B
//! WARNING: unmet direct dependencies detected for A
//!   Depends on [n]: B [=n]
//! ```
//!
//! Sources: scripts/kconfig/{lexer.l,parser.y,menu.c,symbol.c,preprocess.c,confdata.c,conf.c}.

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Location, Note, Severity, Tool};
use crate::line::Line;
use crate::text::split_location;

/// What the parser says, for files whose name does not tell.
const SYNTAX: &[&str] = &[
    "syntax error",
    "invalid statement",
    "invalid option",
    "unknown statement ",
    "unknown option ",
    "unexpected option ",
    "unexpected end statement",
    "unexpected 'if' ",
    "unexpected 'menu' ",
    "unexpected 'choice' ",
    "missing end statement",
    "can't open file ",
    "can't find file ",
    "recursive inclusion detected",
    "recursive dependency detected!",
];

/// Statements without a place.
const PLAIN: &[&str] = &[
    "*** Can't find default configuration ",
    "*** Error during ",
    "*** Configuration file ",
    "*** End of the configuration",
    "Console input/output is redirected",
    "Error in reading or end of file",
    "recursive dependency detected!",
    "can't find file ",
    "can't open file ",
];

/// The reader of Kconfig's messages.
#[derive(Debug, Default)]
pub struct Kconfig {
    /// Number of the next line that may go on with a list of symbols.
    list: u64,
}

impl ToolReader for Kconfig {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text;
        if self.list == line.number && self.list_goes_on(line, sink) {
            return true;
        }
        if let Some(prefix) = split_location(text) {
            return self.place(line, sink, prefix.file, prefix.line, prefix.column.is_some());
        }
        let trimmed = text.trim();
        if let Some(rest) = trimmed.strip_prefix("WARNING: ").or_else(|| trimmed.strip_prefix("ERROR: "))
            && rest.starts_with("unmet direct dependencies detected for ")
        {
            let severity = if trimmed.starts_with('E') { Severity::Error } else { Severity::Warning };
            self.list = line.number + 1;
            return open(line, sink, severity, None, rest);
        }
        if let Some(rest) = trimmed.strip_prefix("warning: (")
            && rest.contains(") selects ")
            && rest.contains("which has unmet direct dependencies")
        {
            return open(line, sink, Severity::Warning, None, trimmed.strip_prefix("warning: ").unwrap_or(trimmed));
        }
        let rest = trimmed.strip_prefix("error: ").unwrap_or(trimmed);
        if PLAIN.iter().any(|start| rest.starts_with(start)) {
            let rest = rest.strip_prefix("*** ").unwrap_or(rest);
            if rest.starts_with("End of the configuration") {
                return false;
            }
            if rest.starts_with("recursive") {
                self.list = line.number + 1;
            }
            return open(line, sink, Severity::Error, None, rest);
        }
        false
    }
}

impl Kconfig {
    /// A line that starts `file:line:`.
    fn place(&mut self, line: &Line<'_>, sink: &mut Sink, file: &str, number: u32, column: bool) -> bool {
        if column {
            return false;
        }
        let own = is_kconfig_file(file);
        // The text with its blanks: `:12: text` is a message, `:12:text` and `:12:\ttext` are grep's.
        let head = format!("{file}:{number}:");
        let Some(rest) = line.text.trim_start().strip_prefix(head.as_str()) else { return false };
        let location = || Some(Location::new(file, Some(number), None));
        let (severity, message) = match rest.strip_prefix("warning: ").or_else(|| rest.strip_prefix(" warning: ")) {
            Some(message) => (Severity::Warning, message),
            None => match rest.strip_prefix("error: ").or_else(|| rest.strip_prefix(" error: ")) {
                Some(message) => (Severity::Error, message),
                None => match rest.strip_prefix(' ').filter(|rest| !rest.starts_with([' ', '\t'])) {
                    Some(message) => (Severity::Error, message),
                    None => {
                        // `Kconfig:3:	symbol A depends on B`
                        let entry = rest.trim();
                        if own && (entry.starts_with("symbol ") || entry.starts_with("choice ")) {
                            return note(line, sink, location(), entry);
                        }
                        return false;
                    }
                },
            },
        };
        if !own && !SYNTAX.iter().any(|start| message.starts_with(start)) || message.is_empty() {
            return false;
        }
        if !own && message.starts_with("syntax error") && !file.starts_with('<') {
            return false;
        }
        if message.starts_with("location of the ") || message.starts_with("symbol ") && message.contains(" depends on ")
        {
            return note(line, sink, location(), message);
        }
        if message.starts_with("recursive dependency detected!") {
            self.list = line.number + 1;
        }
        open(line, sink, severity, location(), message)
    }

    /// The indented lines below an unmet or a recursive dependency.
    fn list_goes_on(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text;
        let entry = text.trim();
        let belongs = entry.starts_with("For a resolution refer to")
            || entry.starts_with("subsection \"Kconfig recursive")
            || text.starts_with("  ")
                && (entry.contains(" [=") || entry.starts_with("Selected by ") || entry.starts_with("Depends on "))
            || text.starts_with('\t') && entry.starts_with("symbol ");
        if belongs {
            self.list = line.number + 1;
            note(line, sink, None, entry);
        }
        belongs
    }
}

fn open(line: &Line<'_>, sink: &mut Sink, severity: Severity, location: Option<Location>, text: &str) -> bool {
    let mut diagnostic = Diagnostic::new(Tool::Kconfig, severity, parse::message(text));
    diagnostic.location = location;
    sink.open(line, diagnostic);
    true
}

fn note(line: &Line<'_>, sink: &mut Sink, location: Option<Location>, text: &str) -> bool {
    let Some(last) = sink.last(line, Tool::Kconfig) else { return false };
    if last.notes.len() < 64 {
        last.notes.push(Note { location, message: parse::message(text) });
    }
    true
}

/// True for the names of files that Kconfig reads.
pub fn is_kconfig_file(path: &str) -> bool {
    let name = parse::basename(path);
    name.starts_with("Kconfig")
        || name.starts_with("Config.in")
        || name.starts_with(".config")
        || name.ends_with(".config")
        || name.ends_with("_defconfig")
        || name == "<none>"
        || name == "defconfig"
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Kconfig::default(), log, expect);
    }

    #[test]
    fn syntax() {
        check(
            "drivers/q/Kconfig:39: syntax error\ndrivers/q/Kconfig:38: invalid statement\ndrivers/q/Kconfig:10: unknown statement \"depend\"\n<none>:34: syntax error\ndrivers/q/Kconfig:2: missing end statement for this entry\ndrivers/Kconfig:242: unexpected 'menu' within if block",
            &[
                "error drivers/q/Kconfig:39: syntax error",
                "error drivers/q/Kconfig:38: invalid statement",
                "error drivers/q/Kconfig:10: unknown statement \"depend\"",
                "error <none>:34: syntax error",
                "error drivers/q/Kconfig:2: missing end statement for this entry",
                "error drivers/Kconfig:242: unexpected 'menu' within if block",
            ],
        );
        check(
            "drivers/q/Kconfig:15:warning: ignoring unsupported character '['",
            &["warning drivers/q/Kconfig:15: ignoring unsupported character '['"],
        );
        check(
            "drivers/Kconfig:9: can't open file \"drivers/q/Kconfig\"",
            &["error drivers/Kconfig:9: can't open file \"drivers/q/Kconfig\""],
        );
        check(
            ".config:12:warning: symbol value 'x' invalid for Q",
            &["warning .config:12: symbol value 'x' invalid for Q"],
        );
        check(
            "arch/q/configs/q_defconfig:3:warning: override: reassigning to symbol Q",
            &["warning arch/q/configs/q_defconfig:3: override: reassigning to symbol Q"],
        );
    }

    #[test]
    fn scripts_in_kconfig() {
        check(
            "scripts/Kconfig.include:39: C compiler 'riscv64-linux-gnu-gcc' not found",
            &["error scripts/Kconfig.include:39: C compiler 'riscv64-linux-gnu-gcc' not found"],
        );
        check(
            "scripts/Kconfig.include:47: Sorry, this assembler is not supported.",
            &["error scripts/Kconfig.include:47: Sorry, this assembler is not supported."],
        );
    }

    #[test]
    fn dependencies() {
        check(
            "drivers/q/Kconfig:3:error: recursive dependency detected!\ndrivers/q/Kconfig:3:\tsymbol Q depends on R\ndrivers/q/Kconfig:9:\tsymbol R is selected by Q\nFor a resolution refer to Documentation/kbuild/kconfig-language.rst",
            &[
                "error drivers/q/Kconfig:3: recursive dependency detected! | drivers/q/Kconfig:3: symbol Q depends on R | drivers/q/Kconfig:9: symbol R is selected by Q",
            ],
        );
        check(
            "WARNING: unmet direct dependencies detected for Q\n  Depends on [n]: R [=n]\n  Selected by [y]:\n  - S [=y]",
            &[
                "warning unmet direct dependencies detected for Q | Depends on [n]: R [=n] | Selected by [y]: | - S [=y]",
            ],
        );
        check(
            "warning: (S) selects Q which has unmet direct dependencies (R)",
            &["warning (S) selects Q which has unmet direct dependencies (R)"],
        );
    }

    #[test]
    fn without_place() {
        check(
            "***\n*** Can't find default configuration \"arch/x86/configs/q_defconfig\"!\n***",
            &["error Can't find default configuration \"arch/x86/configs/q_defconfig\"!"],
        );
        check(
            "aborted!\n\nConsole input/output is redirected. Run 'make oldconfig' to update configuration.",
            &["error Console input/output is redirected. Run 'make oldconfig' to update configuration."],
        );
    }

    #[test]
    fn near_misses() {
        for log in [
            "drivers/q/Kconfig:12:\tdepends on R",
            "drivers/q/Kconfig:12:config Q",
            "a.c:3: syntax error",
            "a.c:3:5: error: recursive dependency detected!",
            "  scripts/kconfig/conf  --oldconfig Kconfig",
            "*** End of the configuration.",
            "WARNING: something else",
        ] {
            check(log, &[]);
        }
    }

    #[test]
    fn never_panics() {
        testing::survives(
            || Box::<Kconfig>::default(),
            "Kconfig.ä:3:error: recursive dependency detected!\nKconfig:3:\tsymbol ä\n  ä [=y]\nWARNING: unmet direct dependencies detected for ü\n  Depends on ö",
        );
    }
}
