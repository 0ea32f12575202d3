//! Patches that make an error go away without repairing anything: they are not even tried.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;
use triage_causes::report::Cause;

/// Text that no patch may add, and why.
static ADDED: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let list = [
        (r"^\s*#\s*if\s+0\b|^\s*#\s*ifdef\s+NEVER|^\s*#\s*if\s+!?\s*defined\s*\(?\s*NEVER", "compiles code out"),
        (
            r"#\s*pragma\s+(?:GCC|clang)\s+(?:diagnostic|system_header)|_Pragma\s*\(|__diag_(?:ignore|push)",
            "turns a diagnostic off",
        ),
        (
            r"(?:^|[\s'=])-W(?:no-|error=?\s*0)|(?:^|[\s'=])-w(?:\s|$)|-fpermissive|-fsyntax-only",
            "turns a diagnostic off",
        ),
        (
            r"-fcommon\b|muldefs|allow-multiple-definition|unresolved-symbols|warn-unresolved|KBUILD_MODPOST_WARN",
            "turns a diagnostic off",
        ),
        (r"-std=(?:gnu|c)(?:89|90)\b|CONFIG_WERROR|-ansi\b", "turns a diagnostic off"),
        (r"\b__weak\b|__attribute__\s*\(\(\s*_*weak_*|#\s*pragma\s+weak", "makes a symbol weak"),
        (r"\(void\)\s*&?\s*\w[\w.>-]*\s*;", "casts a value away"),
        (r"\b(?:ignore|exit\s+0|true)\b\s*\|\|\s*true|\|\|\s*:\s*$", "hides a failure"),
    ];
    list.into_iter().filter_map(|(pattern, why)| Some((Regex::new(pattern).ok()?, why))).collect()
});

/// A cast to a pointer type or an integer type.
static CAST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\(\s*(?:const\s+|unsigned\s+|struct\s+|void|char|long|u?int\w*)[\w\s]*\*+\s*\)\s*[\w&(]|\(\s*(?:__force|uintptr_t|unsigned long)\b[^)]*\)\s*[\w&(]").ok()
});

/// Kinds of change that take lines away, as the cause asks for.
const REMOVING: [&str; 8] = [
    "delete_line",
    "remove_line",
    "remove_unused",
    "remove_include",
    "drop_include",
    "remove_definition",
    "remove_duplicate",
    "move_definition",
];
/// So much of a line is compared.
const LINE_MAX: usize = 240;
/// Lines that such a change may take away.
const REMOVED_MAX: usize = 40;

/// Why a patch is not acceptable, if it is not. `kind` is the kind of the candidate.
pub fn cheat(diff: &str, kind: &str, cause: &Cause) -> Option<String> {
    let (removed, added) = lines(diff);
    if removed.is_empty() && added.is_empty() {
        return Some("changes nothing".to_owned());
    }
    for line in &added {
        // What was there already is not the patch's.
        let moved = removed.contains(line);
        if let Some((_, why)) = ADDED.iter().filter(|_| !moved).find(|(pattern, _)| pattern.is_match(line)) {
            let same = removed.iter().any(|old| ADDED.iter().any(|(p, w)| w == why && p.is_match(old)));
            if !same {
                return Some((*why).to_owned());
            }
        }
    }
    let count = |lines: &[&str], word: &str| lines.iter().filter(|line| line.contains(word)).count();
    for (word, why) in [
        ("-Werror", "turns a diagnostic off"),
        ("EXPORT_SYMBOL", "changes what is exported"),
        ("EXPORT_SYMBOL_GPL", "changes what is exported"),
    ] {
        if count(&removed, word) > count(&added, word) {
            return Some(why.to_owned());
        }
    }
    if cause.class.starts_with("unused-function") && added.iter().any(|line| line.contains("unused")) {
        return Some("silences a function that is not called".to_owned());
    }
    if let Some(cast) = &*CAST {
        let casts = |lines: &[&str]| lines.iter().map(|line| cast.find_iter(line).count()).sum::<usize>();
        if casts(&added) > casts(&removed) && cause.class.contains("incompatible") {
            return Some("hides a mismatch by a cast".to_owned());
        }
    }
    let lost = lost(&removed, &added);
    if lost.is_empty() {
        return None;
    }
    let allowed = REMOVING.contains(&kind) && lost.len() <= REMOVED_MAX;
    let unused_function = cause.class.starts_with("unused-function");
    (!allowed || unused_function).then(|| format!("deletes code: {}", lost[0].trim()))
}

/// The lines of code that a diff takes away and adds.
fn lines(diff: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let mut in_hunk = false;
    for line in diff.lines() {
        match line.as_bytes().first() {
            Some(b'@') => in_hunk = true,
            Some(b'-') if in_hunk && !line.starts_with("--- ") => removed.push(&line[1..]),
            Some(b'+') if in_hunk && !line.starts_with("+++ ") => added.push(&line[1..]),
            Some(b'd') => in_hunk = false,
            _ => {}
        }
    }
    removed.retain(|line| is_code(line));
    added.retain(|line| is_code(line));
    (removed, added)
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    let comment = line.starts_with("//")
        || line.starts_with("* ")
        || line == "*"
        || line == "*/"
        || (line.starts_with("/*") && line.ends_with("*/"));
    !(line.is_empty() || comment || ["{", "}", "};"].contains(&line))
}

/// The lines that have no successor among those that were added.
fn lost<'d>(removed: &[&'d str], added: &[&str]) -> Vec<&'d str> {
    let all: Vec<&str> = added.iter().flat_map(|line| words(line)).collect();
    let mut free: Vec<String> = added.iter().map(|line| squeezed(line)).collect();
    let mut lost = Vec::new();
    for line in removed {
        let own = squeezed(line);
        let near = free.iter().map(|other| likeness(other.as_bytes(), own.as_bytes())).enumerate();
        match near.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, near)| *near >= 0.6) {
            Some((at, _)) => drop(free.remove(at)),
            // An old-style definition whose parameters went between the parentheses.
            None if is_declaration(line) && taken_up(line, &all) || is_head(line) && extended(line, &all) => {}
            None => lost.push(*line),
        }
    }
    lost
}

/// A line without the comments that end it.
fn bare(line: &str) -> &str {
    line.split("/*").next().unwrap_or(line).trim()
}

/// `int level;`, `int (*pump)();` and the like.
fn is_declaration(line: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "_ *[](),\t".contains(c);
    bare(line).strip_suffix(';').is_some_and(|line| {
        let name = line.trim_end_matches([')', '(', ']', '[']).trim_end();
        line.chars().all(plain) && words(line).len() > 1 && name.contains([' ', '\t', '*'])
    })
}

/// `fill (tank, level)`: names in parentheses, and nothing else that would be lost.
fn is_head(line: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "_ *,()\t".contains(c);
    let line = bare(line).trim_end_matches('{').trim_end();
    line.ends_with([')', ',']) && line.chars().all(plain) && !words(line).is_empty()
}

fn words(line: &str) -> Vec<&str> {
    let words = bare(line).split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.filter(|word| !word.is_empty()).collect()
}

/// True when all words of a declaration stand in what was added, in any order.
fn taken_up(line: &str, added: &[&str]) -> bool {
    let own: HashSet<&str> = words(line).into_iter().filter(|word| *word != "register").collect();
    own.iter().all(|word| added.contains(word))
}

/// True when the words of a line stand in what was added in the same order.
fn extended(line: &str, added: &[&str]) -> bool {
    let own = words(line);
    (0..added.len()).filter(|&at| added[at] == own[0]).any(|at| {
        let window = &added[at..(at + own.len() * 8).min(added.len())];
        let mut rest = window.iter();
        own.iter().all(|word| rest.any(|other| other == word))
    })
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How much of two texts is the same, 0 to 1: twice the length of what they share, piece by piece
/// from the longest on, of their lengths together.
fn likeness(a: &[u8], b: &[u8]) -> f64 {
    let (a, b) = (&a[..a.len().min(LINE_MAX)], &b[..b.len().min(LINE_MAX)]);
    let total = a.len() + b.len();
    if total == 0 { 1.0 } else { 2.0 * shared(a, b) as f64 / total as f64 }
}

fn shared(a: &[u8], b: &[u8]) -> usize {
    let (mut best, mut end) = (0, (0, 0));
    let mut before = vec![0; b.len() + 1];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![0; b.len() + 1];
        for (j, y) in b.iter().enumerate() {
            if x == y {
                row[j + 1] = before[j] + 1;
                if row[j + 1] > best {
                    (best, end) = (row[j + 1], (i + 1, j + 1));
                }
            }
        }
        before = row;
    }
    match best {
        0 => 0,
        _ => best + shared(&a[..end.0 - best], &b[..end.1 - best]) + shared(&a[end.0..], &b[end.1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use triage_log::diagnostic::{Severity, Tool};

    fn cause(class: &str) -> Cause {
        let book = triage_rules::RuleBook::embedded();
        let mut analyzer = triage_causes::Analyzer::new(&book, triage_causes::Options::default());
        analyzer.begin("x");
        let mut diagnostic = triage_log::Diagnostic::new(Tool::Cc, Severity::Error, "'LEVEL' undeclared");
        diagnostic.location = Some(triage_log::Location::new("a.c", Some(1), None));
        analyzer.diagnostic(diagnostic);
        let mut cause = analyzer.finish().causes.remove(0);
        cause.class = class.to_owned();
        cause
    }

    fn diff(lines: &[&str]) -> String {
        format!("--- a/a.c\n+++ b/a.c\n@@ -1,3 +1,3 @@\n{}\n", lines.join("\n"))
    }

    #[test]
    fn what_is_refused() {
        for (lines, kind, class, why) in [
            (&["-\tfill(tank);"][..], "patch", "undeclared-identifier", "deletes code"),
            (&["-\tfill(tank);"], "delete_line", "unused-function", "deletes code"),
            (&["-\tfill(tank);", "+\tint n;"], "patch", "x", "deletes code"),
            (&["-\tfill(tank);", "+\tint fill, of, the, n, m, o, p, q, r, s, tank;"], "patch", "x", "deletes code"),
            (
                &["-fill(tank, level)", "+int level, tank, fill, a, b, c, d, e, f, g, h, i;"],
                "patch",
                "x",
                "deletes code",
            ),
            (&["+#if 0"], "patch", "x", "compiles code out"),
            (&["+#pragma GCC diagnostic ignored \"-Wx\""], "patch", "x", "turns a diagnostic off"),
            (&["-CFLAGS = -O2", "+CFLAGS = -O2 -Wno-unused"], "patch", "x", "turns a diagnostic off"),
            (&["-CFLAGS = -O2 -Werror", "+CFLAGS = -O2"], "patch", "x", "turns a diagnostic off"),
            (&["-void fill(void)", "+__weak void fill(void)"], "patch", "x", "makes a symbol weak"),
            (&["+\t(void)level;"], "patch", "unused-variable", "casts a value away"),
            (&["-static void f(void)", "+static void __maybe_unused f(void)"], "patch", "unused-function", "silences"),
            (
                &["-\tfill(tank);", "+\tfill((struct pump *)tank);"],
                "fix_args",
                "incompatible-pointer",
                "hides a mismatch",
            ),
            (&["-EXPORT_SYMBOL(fill);"], "delete_line", "x", "changes what is exported"),
            (&["-\tfill(tank);", "+\t/* fill(tank); */"], "patch", "x", "deletes code"),
            (&[" int x;"], "patch", "x", "changes nothing"),
        ] {
            let judged = cheat(&diff(lines), kind, &cause(class));
            assert!(judged.as_ref().is_some_and(|said| said.starts_with(why)), "{lines:?}: {judged:?}");
        }
    }

    #[test]
    fn what_is_tried() {
        for (lines, kind, class) in [
            (&["+#include <stdio.h>"][..], "add_include", "implicit-declaration"),
            (&["-\tfil(tank);", "+\tfill(tank);"], "rename", "implicit-declaration"),
            (&["-\tint unused;"], "delete_line", "unused-variable"),
            (&["-#include <linux/tank.h>"], "remove_include", "header-not-found"),
            (&["-\tprintf(\"%d\", (int *)x);", "+\tprintf(\"%zu\", (int *)x);"], "fix_format", "format-mismatch"),
            (&["-\tfill(tank);", "+\tfill(tank, level);"], "fix_args", "wrong-arg-count"),
            (
                &[
                    "-fill (tank, level)",
                    "-  struct tank *tank;",
                    "-  int level;",
                    "+int fill (struct tank *tank, int level)",
                ],
                "patch",
                "x",
            ),
            (
                &[
                    "-main(argc, argv)",
                    "-  int argc;\t/* how many */",
                    "-  register char *argv[];",
                    "-  int (*fill)();",
                    "+int main(int argc,",
                    "+         char *argv[], int (*fill)())",
                ],
                "patch",
                "x",
            ),
            (
                &["-struct __packed tank {", "+struct tank {", "-};", "+} __packed;"],
                "move_attribute",
                "ignored-attribute",
            ),
        ] {
            assert_eq!(cheat(&diff(lines), kind, &cause(class)), None, "{lines:?}");
        }
    }
}
