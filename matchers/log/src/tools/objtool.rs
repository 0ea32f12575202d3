//! The kernel's objtool: `q.o: warning: objtool: f+0x12: unreachable instruction`, as an error with
//! `CONFIG_OBJTOOL_WERROR`.
//!
//! Source: tools/objtool/include/objtool/warn.h, check.c, elf.c.

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Note, Severity, Tool};
use crate::line::Line;
use crate::text::has;

/// The reader of objtool's messages.
#[derive(Debug, Default)]
pub struct Objtool;

impl ToolReader for Objtool {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        if !has(line.text, b':') {
            return false;
        }
        let text = line.text.trim();
        let Some(at) = text.find("objtool: ") else { return false };
        let (head, rest) = (text.get(..at).unwrap_or(""), text.get(at + "objtool: ".len()..).unwrap_or(""));
        let (object, severity) = if head.is_empty() || head.ends_with('/') && !head.contains(' ') {
            // Problems with its own arguments; anything else is prose.
            let (severity, after) = parse::severity(rest);
            if severity.is_none()
                && !["can't ", "failed ", "unknown ", "unable "].iter().any(|start| after.starts_with(start))
            {
                return false;
            }
            (None, severity.unwrap_or(Severity::Error))
        } else if let Some(object) = head.strip_suffix("warning: ") {
            (Some(object), Severity::Warning)
        } else if let Some(object) = head.strip_suffix("error: ") {
            (Some(object), Severity::Error)
        } else {
            return false;
        };
        let object = object.map(|object| object.trim_end().trim_end_matches(':')).filter(|object| !object.is_empty());
        if object.is_some_and(|object| object.contains(' ')) {
            return false;
        }
        let message = parse::message(parse::severity(rest).1);
        // Lines with more blanks are the backtrace and the disassembly of the message above.
        if rest.starts_with(' ') {
            if let Some(last) = sink.find(line, |d| {
                d.tool == Tool::Objtool && object.is_none_or(|o| d.objects.iter().any(|known| known == o))
            }) && last.notes.len() < 64
            {
                last.notes.push(Note { location: None, message });
            }
            return true;
        }
        let mut diagnostic = Diagnostic::new(Tool::Objtool, severity, message);
        diagnostic.function = function(&diagnostic.message).map(str::to_owned);
        diagnostic.objects.extend(object.map(str::to_owned));
        sink.open(line, diagnostic);
        true
    }
}

/// The function in front: `f() falls …`, `f+0x12: …`, `f()+0x12: …`.
fn function(message: &str) -> Option<&str> {
    let word = message.split([' ', ':']).next()?;
    let end = word.find("()").or_else(|| word.find("+0x"))?;
    word.get(..end).filter(|name| !name.is_empty() && !name.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Objtool, log, expect);
    }

    #[test]
    fn messages() {
        check(
            "drivers/q/q.o: error: objtool: q_probe() falls through to next function q_remove()",
            &["error q_probe() falls through to next function q_remove() fn=q_probe obj=drivers/q/q.o"],
        );
        check(
            "vmlinux.o: warning: objtool: q_start+0x12: call to printk() leaves .noinstr.text section",
            &["warning q_start+0x12: call to printk() leaves .noinstr.text section fn=q_start obj=vmlinux.o"],
        );
        check(
            "q.o: warning: objtool: q_start()+0x12: unreachable instruction",
            &["warning q_start()+0x12: unreachable instruction fn=q_start obj=q.o"],
        );
        check(
            "q.o: warning: objtool: .text+0x4: unreachable instruction",
            &["warning .text+0x4: unreachable instruction obj=q.o"],
        );
        check("error: objtool: --noinstr requires --link", &["error --noinstr requires --link"]);
        check(
            "q.o: warning: objtool: f+0x1: bad\nq.o: warning: objtool:   f+0x0: (branch)",
            &["warning f+0x1: bad fn=f obj=q.o | f+0x0: (branch)"],
        );
    }

    #[test]
    fn near_misses() {
        for log in [
            "    objtool: fix a warning: objtool: x",
            "  DESCEND objtool",
            "make[2]: *** [tools/objtool: all] Error 2",
            "objtool: the validator",
        ] {
            check(log, &[]);
        }
    }

    #[test]
    fn never_panics() {
        testing::survives(
            || Box::new(Objtool),
            "ä.o: error: objtool: ä() ö\nä.o: warning: objtool:  ü\nobjtool: error: ‘",
        );
    }
}
