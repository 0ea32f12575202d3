//! The kernel's modpost: symbols, licences, sections and namespaces of modules.
//!
//! ```text
//! ERROR: modpost: "f" [drivers/q/q.ko] undefined!       5.8 and later
//! ERROR: "f" [drivers/q/q.ko] undefined!                before
//! WARNING: vmlinux.o(.text+0x12): Section mismatch in reference from the function f() to …
//! ```
//!
//! Source: scripts/mod/modpost.c, file2alias.c, sumversion.c.

use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Note, Severity, Tool};
use crate::line::Line;
use crate::text::normalise_quotes;

/// What only modpost says, for the old form without its name.
const OWN: &[&str] = &[
    "Section mismatch in reference",
    "section mismatch in reference",
    "Section mismatches detected",
    "missing MODULE_LICENSE() in ",
    "missing MODULE_DESCRIPTION() in ",
    "GPL-incompatible module ",
    "modpost: ",
    "exported twice. Previous export was in",
    "version generation failed, symbol will not be versioned",
    "parse error in symbol dump file",
    " uses symbol ",
];

/// The reader of modpost's messages.
#[derive(Debug, Default)]
pub struct Modpost {
    /// Number of the next line that may belong to the explanation of an old section mismatch.
    explained: u64,
}

impl ToolReader for Modpost {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim_start();
        if self.explained == line.number && self.explanation(line, sink, text) {
            return true;
        }
        let severity = match text.as_bytes().first() {
            Some(b'E') if text.starts_with("ERROR: ") => Severity::Error,
            Some(b'W') if text.starts_with("WARNING: ") => Severity::Warning,
            Some(b'F') if text.starts_with("FATAL: ") => Severity::Fatal,
            _ => return false,
        };
        let Some((_, rest)) = text.split_once(": ") else { return false };
        let rest = normalise_quotes(rest.trim());
        let named = rest.strip_prefix("modpost: ");
        let message = named.unwrap_or(&rest);
        let undefined = message.starts_with('"') && message.ends_with("undefined!");
        if named.is_none() && !undefined && !OWN.iter().any(|part| message.contains(part)) {
            return false;
        }
        if message.starts_with("suppressed ") && message.contains("unresolved symbol") {
            if let Some(last) = sink.last(line, Tool::Modpost) {
                last.notes.push(Note { location: None, message: message.trim_end_matches(')').to_owned() });
            }
            return true;
        }
        let mut diagnostic = Diagnostic::new(Tool::Modpost, severity, message);
        diagnostic.objects.extend(object(message).map(str::to_owned));
        if named.is_none() && message.contains("Section mismatch in reference from") {
            self.explained = line.number + 1;
        }
        sink.open(line, diagnostic);
        true
    }
}

impl Modpost {
    /// `The function f() references the function __init g().`, `This is often because …`.
    fn explanation(&mut self, line: &Line<'_>, sink: &mut Sink, text: &str) -> bool {
        const STARTS: &[&str] = &[
            "The function ",
            "The variable ",
            "the function ",
            "the variable ",
            "the (unknown reference)",
            "This is often ",
            "annotation of ",
            "If the reference is valid",
            "variable with __init",
            "*_template",
            "Fix ",
            "lacks a ",
        ];
        let belongs = STARTS.iter().any(|start| text.starts_with(start))
            || text.starts_with("The ") && text.contains("references");
        if belongs {
            self.explained = line.number + 1;
            sink.last(line, Tool::Modpost);
        }
        belongs
    }
}

/// The module or object that a message is about.
fn object(message: &str) -> Option<&str> {
    let word = |text: &str| text.split([' ', ',', ':', '(']).next().map_or(0, str::len);
    if let Some((_, rest)) = message.split_once(" [")
        && let Some((name, _)) = rest.split_once(']')
    {
        return Some(name);
    }
    for before in ["() in ", "GPL-incompatible module ", "module "] {
        if let Some(rest) = message.split_once(before).map(|(_, rest)| rest) {
            return rest.get(..word(rest)).filter(|name| !name.is_empty());
        }
    }
    let first = message.get(..word(message))?;
    [".o", ".ko", ".a", "vmlinux"].iter().any(|end| first.ends_with(end)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Modpost::default(), log, expect);
    }

    #[test]
    fn undefined() {
        check(
            "ERROR: modpost: \"ring_start\" [drivers/q/q.ko] undefined!",
            &["error \"ring_start\" [drivers/q/q.ko] undefined! obj=drivers/q/q.ko"],
        );
        check(
            "ERROR: \"ring_start\" [drivers/q/q.ko] undefined!",
            &["error \"ring_start\" [drivers/q/q.ko] undefined! obj=drivers/q/q.ko"],
        );
        check(
            "WARNING: modpost: \"ring_start\" [q.ko] undefined!\nWARNING: modpost: suppressed 3 unresolved symbol warnings because there were too many)",
            &[
                "warning \"ring_start\" [q.ko] undefined! obj=q.ko | suppressed 3 unresolved symbol warnings because there were too many",
            ],
        );
    }

    #[test]
    fn licences_sections_namespaces() {
        check(
            "ERROR: modpost: missing MODULE_LICENSE() in drivers/q/q.o",
            &["error missing MODULE_LICENSE() in drivers/q/q.o obj=drivers/q/q.o"],
        );
        check(
            "ERROR: modpost: GPL-incompatible module q.ko uses GPL-only symbol 'ring'",
            &["error GPL-incompatible module q.ko uses GPL-only symbol 'ring' obj=q.ko"],
        );
        check(
            "FATAL: modpost: GPL-incompatible module q.ko uses GPL-only symbol 'ring'",
            &["fatal GPL-incompatible module q.ko uses GPL-only symbol 'ring' obj=q.ko"],
        );
        check(
            "ERROR: modpost: module q uses symbol ring_start from namespace RING, but does not import it.",
            &["error module q uses symbol ring_start from namespace RING, but does not import it. obj=q"],
        );
        check(
            "WARNING: modpost: vmlinux.o: section mismatch in reference: f (section: .text) -> g (section: .init.text)\nERROR: modpost: Section mismatches detected.\nSet CONFIG_SECTION_MISMATCH_WARN_ONLY=y to allow them.",
            &[
                "warning vmlinux.o: section mismatch in reference: f (section: .text) -> g (section: .init.text) obj=vmlinux.o",
                "error Section mismatches detected.",
            ],
        );
        check(
            "WARNING: vmlinux.o(.text+0x12): Section mismatch in reference from the function f() to the function .init.text:g()\nThe function f() references\nthe function __init g().\nThis is often because f lacks a __init\nannotation or the annotation of g is wrong.",
            &[
                "warning vmlinux.o(.text+0x12): Section mismatch in reference from the function f() to the function .init.text:g() obj=vmlinux.o",
            ],
        );
    }

    #[test]
    fn near_misses() {
        for log in [
            "ERROR: something else",
            "WARNING: vmlinux.o is missing.",
            "  MODPOST Module.symvers",
            "ERROR: \"x\" is undefined",
            "make[2]: *** [scripts/Makefile.modpost:147: Module.symvers] Error 1",
        ] {
            check(log, &[]);
        }
    }

    #[test]
    fn never_panics() {
        testing::survives(
            || Box::<Modpost>::default(),
            "ERROR: modpost: ‘ä’ [ü] undefined!\nERROR: modpost: () in ä\nFATAL: modpost: module \nWARNING: modpost: ",
        );
    }
}
