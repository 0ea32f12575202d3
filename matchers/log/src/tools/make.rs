//! GNU make of any age, and BSD make's form of the same statements.
//!
//! ```text
//! make[2]: *** No rule to make target 'x', needed by 'y'.  Stop.
//! make[3]: *** [Makefile:12: foo.o] Error 1        4.2 and later
//! make[2]: *** [foo.o] Error 1                     before; 4.0 and 4.1 print `Makefile:12: recipe
//!                                                  for target 'foo.o' failed` in front
//! Makefile:12: *** missing separator.  Stop.
//! *** [foo.o] Error code 1                         BSD
//! ```
//!
//! Source: job.c, remake.c, read.c, output.c of GNU make. Programs that make could not run
//! (`make: flex: No such file or directory`) are left to the shell's reader.

use super::parse;
use super::{Sink, ToolReader};
use crate::diagnostic::{Diagnostic, Location, Severity, Tool};
use crate::line::Line;
use crate::text::{has, normalise_quotes, split_colon, split_location};

/// Lines above `(ignored)` that may be of the command that failed.
const FORGIVEN: u64 = 4;
/// How many `recipe for target` places are remembered.
const RECIPES: usize = 16;

/// The reader of make's messages.
#[derive(Debug, Default)]
pub struct Make {
    /// Targets whose recipes failed, with the place of the recipe (4.0, 4.1).
    recipes: Vec<(String, Location)>,
    /// Number of the line on which the text of a `$(error …)` may go on.
    more: u64,
}

impl ToolReader for Make {
    fn line(&mut self, line: &Line<'_>, sink: &mut Sink) -> bool {
        let text = line.text.trim_end();
        if self.more == line.number && self.error_goes_on(line, sink, text) {
            return true;
        }
        if let Some(at) = stars(text) {
            let (head, rest) = (text.get(..at).unwrap_or(""), text.get(at + 4..).unwrap_or(""));
            return self.stars(line, sink, head, rest);
        }
        if text.ends_with(": ***") {
            let head = text.get(..text.len() - 3).unwrap_or("");
            return split_location(text).is_some() && self.stars(line, sink, head, "");
        }
        if let Some(rest) = after_make(text) {
            return statement(line, sink, rest);
        }
        if let Some(prefix) = split_location(text) {
            return self.place(line, sink, prefix.file, prefix.line, prefix.rest);
        }
        false
    }
}

/// What follows `make: `, `make[3]: `, `/usr/bin/gmake[1]: `.
fn after_make(text: &str) -> Option<&str> {
    let (head, rest) = split_colon(text.trim_start())?;
    (is_make(head) && (head.len() <= 256 || head.find("make")? <= 256)).then_some(rest)
}

/// Offset of `*** `.
fn stars(text: &str) -> Option<usize> {
    memchr::memchr_iter(b'*', text.as_bytes()).find(|at| text.as_bytes()[*at..].starts_with(b"*** "))
}

/// The command was told that it may fail: what it said last is no failure.
fn forgive(line: &Line<'_>, sink: &mut Sink) {
    let said = |d: &Diagnostic| d.tool != Tool::Make && d.span.line + FORGIVEN >= line.number;
    if let Some(diagnostic) = sink.find(line, said) {
        diagnostic.severity = diagnostic.severity.min(Severity::Warning);
    }
}

/// True for `make`, `gmake[2]`, `/usr/bin/make-4.3`, `mingw32-make.exe[1]`.
pub(super) fn is_make(head: &str) -> bool {
    if has(head, b' ') {
        return false;
    }
    let head = match head.strip_suffix(']') {
        Some(open) => match open.rsplit_once('[') {
            Some((name, level)) if !level.is_empty() && level.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => return false,
        },
        None => head,
    };
    let name = parse::basename(head);
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let name = has(name, b'-')
        .then(|| name.split_once("make-"))
        .flatten()
        .filter(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit()))
        .map_or(name, |(before, _)| name.get(..before.len() + 4).unwrap_or(name));
    matches!(name, "make" | "gmake" | "bmake" | "pmake" | "remake" | "mingw32-make" | "colormake")
}

/// True for the names of makefiles.
pub fn is_makefile(path: &str) -> bool {
    let name = parse::basename(path);
    name.starts_with("Makefile")
        || name.starts_with("makefile")
        || name.starts_with("GNUmakefile")
        || name.starts_with("Kbuild")
        || name.ends_with(".mk")
        || name.ends_with(".mak")
        || name.ends_with(".make")
}

/// True for a warning `file:line: warning: message` of make's.
pub(super) fn is_make_warning(file: &str, message: &str) -> bool {
    const STARTS: &[&str] = &[
        "overriding recipe for target",
        "overriding commands for target",
        "ignoring old recipe for target",
        "ignoring old commands for target",
        "undefined variable '",
    ];
    is_makefile(file) || STARTS.iter().any(|start| message.starts_with(start))
}

impl Make {
    /// A line with `*** `: `head` is what stands before it.
    fn stars(&mut self, line: &Line<'_>, sink: &mut Sink, head: &str, rest: &str) -> bool {
        let head = head.trim_end();
        if head.is_empty() {
            return bsd(line, sink, rest);
        }
        let Some(name) = head.strip_suffix(':') else { return false };
        if !is_make(name.trim_start()) {
            let Some(prefix) = split_location(head).filter(|prefix| prefix.column.is_none() && prefix.rest.is_empty())
            else {
                return false;
            };
            let stop = rest.ends_with("Stop.");
            let text = without_stop(rest);
            let mut diagnostic = Diagnostic::new(Tool::Make, Severity::Fatal, parse::message(text));
            diagnostic.location = Some(Location::new(prefix.file, Some(prefix.line), None));
            sink.open(line, diagnostic);
            self.more = if stop { 0 } else { line.number + 1 };
            return true;
        }
        let rest = normalise_quotes(rest);
        if let Some(bracket) = rest.strip_prefix('[') {
            return self.failed(line, sink, bracket);
        }
        if ["Deleting ", "Waiting for ", "Archive "].iter().any(|start| rest.starts_with(start)) {
            return true;
        }
        let text = without_stop(&rest).trim_end();
        let mut diagnostic = Diagnostic::new(Tool::Make, Severity::Fatal, text);
        if let Some(names) = text.strip_prefix("No rule to make target ") {
            let (target, by) = match names.split_once(", needed by ") {
                Some((target, by)) => (target, Some(by)),
                None => (names, None),
            };
            diagnostic.message = match by {
                Some(by) => format!("No rule to make target {target}, needed by {by}"),
                None => format!("No rule to make target {target}"),
            };
            diagnostic.objects.push(parse::unquoted(target).to_owned());
            diagnostic.objects.extend(by.map(|by| parse::unquoted(by).to_owned()));
        }
        sink.open(line, diagnostic);
        true
    }

    /// `Makefile:12: foo.o] Error 1`, after the opening bracket.
    fn failed(&mut self, line: &Line<'_>, sink: &mut Sink, bracket: &str) -> bool {
        let Some((inside, how)) = bracket.rsplit_once("] ") else { return true };
        let how = how.trim();
        if how.ends_with("(ignored)") || how.starts_with("Deleting ") {
            if how.ends_with("(ignored)") {
                forgive(line, sink);
            }
            return true;
        }
        // `file:line: target`, or the target alone.
        let (location, target) = match split_location(inside) {
            Some(prefix) if prefix.column.is_none() && !prefix.rest.is_empty() => {
                (Some(Location::new(prefix.file, Some(prefix.line), None)), prefix.rest)
            }
            _ => (None, inside),
        };
        let location = location.or_else(|| {
            let at = self.recipes.iter().rposition(|(known, _)| known == target)?;
            Some(self.recipes.remove(at).1)
        });
        let mut diagnostic = Diagnostic::new(
            Tool::Make,
            Severity::Error,
            ["recipe for target '", target, "' failed: ", &in_english(how)].concat(),
        );
        diagnostic.location = location;
        diagnostic.objects.push(target.to_owned());
        sink.open(line, diagnostic);
        true
    }

    /// `file:line: text` without stars.
    fn place(&mut self, line: &Line<'_>, sink: &mut Sink, file: &str, number: u32, rest: &str) -> bool {
        if rest.starts_with("recipe for target ") {
            let text = normalise_quotes(rest);
            if let Some(target) = parse::quoted(&text).filter(|_| text.ends_with("failed")) {
                if self.recipes.len() == RECIPES {
                    self.recipes.remove(0);
                }
                self.recipes.push((target.to_owned(), Location::new(file, Some(number), None)));
                return true;
            }
            return false;
        }
        let (severity, message) = parse::severity(rest);
        let known = match severity {
            Some(Severity::Warning) => is_make_warning(file, message),
            // `include x.mk`
            None => message
                .strip_suffix(": No such file or directory")
                .is_some_and(|name| !name.contains(' ') && (is_makefile(file) || is_makefile(name))),
            _ => false,
        };
        if !known {
            return false;
        }
        let mut diagnostic = Diagnostic::new(Tool::Make, severity.unwrap_or(Severity::Error), parse::message(message));
        if severity.is_none() {
            diagnostic.objects.extend(message.split(": ").next().map(str::to_owned));
        }
        diagnostic.location = Some(Location::new(file, Some(number), None));
        sink.open(line, diagnostic);
        true
    }

    /// Further lines of `$(error …)`, up to the one that ends in `Stop.`.
    fn error_goes_on(&mut self, line: &Line<'_>, sink: &mut Sink, text: &str) -> bool {
        self.more = 0;
        if after_make(text).is_some() {
            return false;
        }
        let Some(open) = sink
            .find(line, |d| d.tool == Tool::Make && d.severity == Severity::Fatal && d.span.line + 12 > line.number)
        else {
            return false;
        };
        let part = parse::message(without_stop(text.trim_start_matches(['*', ' '])));
        if !part.is_empty() {
            if !open.message.is_empty() {
                open.message.push(' ');
            }
            open.message.push_str(&part);
        }
        if !text.ends_with("Stop.") {
            self.more = line.number + 1;
        }
        true
    }
}

/// `make: text` without stars.
fn statement(line: &Line<'_>, sink: &mut Sink, rest: &str) -> bool {
    let text = normalise_quotes(rest);
    let (severity, message) = parse::severity(&text);
    if severity == Some(Severity::Warning) {
        sink.open(line, Diagnostic::new(Tool::Make, Severity::Warning, message.trim()));
        return true;
    }
    if text.starts_with("Circular ") && text.ends_with("dependency dropped.") {
        sink.open(line, Diagnostic::new(Tool::Make, Severity::Warning, text.trim_end_matches('.')));
        return true;
    }
    if let Some(target) = text.strip_prefix("don't know how to make ") {
        let target = target.split(". Stop").next().unwrap_or(target);
        let mut diagnostic = Diagnostic::new(Tool::Make, Severity::Fatal, format!("don't know how to make {target}"));
        diagnostic.objects.push(target.to_owned());
        sink.open(line, diagnostic);
        return true;
    }
    // A makefile that is not there; any other name is a command.
    if let Some(name) = text.strip_suffix(": No such file or directory")
        && is_makefile(name)
        && !name.contains(' ')
    {
        let mut diagnostic = Diagnostic::new(Tool::Make, Severity::Error, text.trim());
        diagnostic.objects.push(name.to_owned());
        sink.open(line, diagnostic);
        return true;
    }
    if text.starts_with('[') && text.ends_with("(ignored)") {
        forgive(line, sink);
        return true;
    }
    text.starts_with("Target '")
        || text.starts_with("Failed to remake makefile ")
        || text.starts_with("Nothing to be done for ")
        || text.starts_with("Entering directory ")
        || text.starts_with("Leaving directory ")
        || text.starts_with("stopped in ")
        || text.starts_with("stopped making ")
        || text.ends_with(" is up to date.")
}

/// BSD make: `*** [foo.o] Error code 1`, `*** Error code 1`.
fn bsd(line: &Line<'_>, sink: &mut Sink, rest: &str) -> bool {
    let (target, how) = match rest.strip_prefix('[').and_then(|rest| rest.rsplit_once("] ")) {
        Some((target, how)) => (Some(target), how),
        None => (None, rest),
    };
    let how = how.trim();
    if !(how.starts_with("Error code ") || how.starts_with("Signal ")) || how.ends_with("(ignored)") {
        return false;
    }
    let mut diagnostic = match target {
        Some(target) => {
            Diagnostic::new(Tool::Make, Severity::Error, format!("recipe for target '{target}' failed: {how}"))
        }
        None => Diagnostic::new(Tool::Make, Severity::Error, format!("recipe failed: {how}")),
    };
    diagnostic.objects.extend(target.map(str::to_owned));
    sink.open(line, diagnostic);
    true
}

fn without_stop(text: &str) -> &str {
    let text = text.trim_end();
    match text.strip_suffix("Stop.") {
        Some(text) => {
            let text = text.trim_end();
            text.strip_suffix('.').unwrap_or(text)
        }
        // With -k: `No rule to make target 'x', needed by 'y'.`
        None => text.strip_suffix("'.").map_or(text, |_| text.strip_suffix('.').unwrap_or(text)),
    }
}

/// `Fehler 1`, `エラー 1`, `错误 1`: the word for "Error" in make's own translations.
fn in_english(how: &str) -> String {
    match how.rsplit_once(' ') {
        Some((word, code))
            if !word.contains(' ')
                && !code.is_empty()
                && code.bytes().all(|b| b.is_ascii_digit())
                && word != "Signal" =>
        {
            format!("Error {code}")
        }
        _ => how.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[track_caller]
    fn check(log: &str, expect: &[&str]) {
        testing::check(&mut Make::default(), log, expect);
    }

    #[test]
    fn no_rule() {
        check(
            "make[2]: *** No rule to make target 'lib/q.o', needed by 'lib/built-in.a'.  Stop.",
            &["fatal No rule to make target 'lib/q.o', needed by 'lib/built-in.a' obj=lib/q.o,lib/built-in.a"],
        );
        check(
            "make[4]: *** No rule to make target `q.c', needed by `q.o'.",
            &["fatal No rule to make target 'q.c', needed by 'q.o' obj=q.c,q.o"],
        );
        check("gmake: *** No rule to make target 'all'.  Stop.", &["fatal No rule to make target 'all' obj=all"]);
        check("make: don't know how to make all. Stop", &["fatal don't know how to make all obj=all"]);
    }

    #[test]
    fn recipes() {
        check(
            "make[3]: *** [scripts/Makefile.build:12: lib/q.o] Error 1",
            &["error scripts/Makefile.build:12: recipe for target 'lib/q.o' failed: Error 1 obj=lib/q.o"],
        );
        check("make[2]: *** [q.o] Error 127", &["error recipe for target 'q.o' failed: Error 127 obj=q.o"]);
        check(
            "Makefile:7: recipe for target 'q.o' failed\nmake: *** [q.o] Error 1",
            &["error Makefile:7: recipe for target 'q.o' failed: Error 1 obj=q.o"],
        );
        check(
            "make: *** [Makefile:7: a] Killed\nmake: *** [Makefile:8: b] Segmentation fault (core dumped)",
            &[
                "error Makefile:7: recipe for target 'a' failed: Killed obj=a",
                "error Makefile:8: recipe for target 'b' failed: Segmentation fault (core dumped) obj=b",
            ],
        );
        check(
            "make: *** [Makefile:3: all] Fehler 2",
            &["error Makefile:3: recipe for target 'all' failed: Error 2 obj=all"],
        );
        check(
            "*** [q.o] Error code 1\n*** Error code 1",
            &["error recipe for target 'q.o' failed: Error code 1 obj=q.o", "error recipe failed: Error code 1"],
        );
        check(
            "mingw32-make.exe[1]: *** [Makefile:2: C:/q/a.o] Error 1",
            &["error Makefile:2: recipe for target 'C:/q/a.o' failed: Error 1 obj=C:/q/a.o"],
        );
    }

    #[test]
    fn makefiles() {
        check("Makefile:12: *** missing separator.  Stop.", &["fatal Makefile:12: missing separator"]);
        check(
            "rules.mk:3: *** missing separator (did you mean TAB instead of 8 spaces?).  Stop.",
            &["fatal rules.mk:3: missing separator (did you mean TAB instead of 8 spaces?)"],
        );
        check("/q/arch/Makefile:3: *** set ARCH first.  Stop.", &["fatal /q/arch/Makefile:3: set ARCH first"]);
        check("/q/Makefile:3: *** \n*** set ARCH first\n***.  Stop.", &["fatal /q/Makefile:3: set ARCH first"]);
        check(
            "Makefile:5: extra.mk: No such file or directory\nmake: *** No rule to make target 'extra.mk'.  Stop.",
            &[
                "error Makefile:5: extra.mk: No such file or directory obj=extra.mk",
                "fatal No rule to make target 'extra.mk' obj=extra.mk",
            ],
        );
        check(
            "m5:5: warning: overriding recipe for target 'all'",
            &["warning m5:5: overriding recipe for target 'all'"],
        );
    }

    #[test]
    fn other_statements() {
        check(
            "make: *** No targets specified and no makefile found.  Stop.",
            &["fatal No targets specified and no makefile found"],
        );
        check("make: *** /q: No such file or directory.  Stop.", &["fatal /q: No such file or directory"]);
        check(
            "make[1]: *** read jobs pipe: Resource temporarily unavailable.  Stop.",
            &["fatal read jobs pipe: Resource temporarily unavailable"],
        );
        check("make: *** virtual memory exhausted.  Stop.", &["fatal virtual memory exhausted"]);
        check(
            "make: warning:  Clock skew detected.  Your build may be incomplete.",
            &["warning Clock skew detected.  Your build may be incomplete."],
        );
        check(
            "make[1]: warning: jobserver unavailable: using -j1.  Add '+' to parent make rule.",
            &["warning jobserver unavailable: using -j1.  Add '+' to parent make rule."],
        );
        check("make: Makefile: No such file or directory", &["error Makefile: No such file or directory obj=Makefile"]);
    }

    #[test]
    fn near_misses() {
        for log in [
            "make[1]: [Makefile:44: optional] Error 1 (ignored)",
            "make: *** [Makefile:44: optional] Error 1 (ignored)",
            "make[2]: *** Deleting file 'vmlinux'",
            "make[1]: *** [include/config/auto.conf.cmd] Deleting file 'include/generated/rustc_cfg'",
            "make[3]: *** Waiting for unfinished jobs....",
            "make: Target 'all' not remade because of errors.",
            "make: flex: No such file or directory",
            "*** BUILD FAILED ***",
            "***",
            "echo \"*** something\"; exit 1",
            "  CC      make.o",
            "src/a.c:12: x.h: No such file or directory",
            "cmake: *** [q] Error 1",
        ] {
            check(log, &[]);
        }
    }

    #[test]
    fn never_panics() {
        testing::survives(
            || Box::<Make>::default(),
            "make[ä]: *** [ö:1: ü] Error 1\nÄ:3: *** é\nmake: *** No rule to make target “ä”, needed by\n*** [ä] \nmake: *** []\nMakefile:1: ä: No such file or directory",
        );
    }
}
