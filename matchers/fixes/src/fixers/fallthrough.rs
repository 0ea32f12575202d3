//! A case that runs into the next: `break;` when its neighbours end so, else the project's way to
//! say that it is meant.

use super::{Candidate, Context, Fixer};
use crate::code::Code;
use crate::site::{Site, candidate, sites};
use crate::units;

/// See the module.
pub struct Fallthrough;

impl Fixer for Fallthrough {
    fn name(&self) -> &'static str {
        "add-fallthrough"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "fallthrough"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        // gcc points at the statement and notes the label, clang points at the label.
        let noted = cx.cause.notes.iter().filter(|n| n.message == "here").filter_map(|n| n.location.as_ref());
        let noted = noted.filter_map(|location| Site::of(cx, location));
        let all: Vec<Site> = noted.chain(sites(cx)).collect();
        all.iter().find_map(|site| at(cx, site)).unwrap_or_default()
    }
}

fn at(cx: &Context<'_>, site: &Site) -> Option<Vec<Candidate>> {
    let code = Code::new(&site.source);
    let label = code.on_line(site.line).find(|&at| matches!(code.s(at), "case" | "default"))?;
    let before = label.checked_sub(1).filter(|&b| matches!(code.s(b), ";" | "}"))?;
    let switch = (0..label).rev().find(|&at| code.s(at) == "{" && code.partner(at).is_some_and(|p| p > label))?;
    let end = code.partner(switch)?;
    let (breaks, meant) = endings(&code, switch, end);
    let last = code.toks[before];
    let between = &site.source.text[last.end..code.toks[label].start].to_ascii_lowercase();
    let said = between.contains("fall") && (between.contains("/*") || between.contains("//"));
    let indent = inside(&code, switch, label);
    let newline = code.newline();
    let word = spelling(cx, site);
    let line = last.line + 1;
    let rank = |wanted: bool, usual: usize, other: usize| match () {
        () if wanted => 94,
        () if usual >= other => 88,
        () => 76,
    };
    let mut made = Vec::new();
    for (text, kind, rank) in [
        ("break;".to_owned(), "End the case with 'break;'", if said { 40 } else { rank(false, breaks + 1, meant) }),
        (
            word.clone(),
            "Say that the case falls through",
            if said { 94 } else { rank(false, meant, breaks + 1).min(84) },
        ),
    ] {
        let edit = (last.end, last.end, format!("{newline}{indent}{text}"));
        made.push(candidate("insert_line", kind.to_owned(), &site.file, line, vec![edit], rank));
    }
    Some(made)
}

/// How many cases of a switch end with a jump, and how many say that they fall through.
fn endings(code: &Code<'_>, switch: usize, end: usize) -> (usize, usize) {
    let (mut breaks, mut meant) = (0, 0);
    let mut at = switch + 1;
    while at < end {
        match code.s(at) {
            "{" if !matches!(code.s(at - 1), ":") => at = code.partner(at).unwrap_or(at),
            "break" => breaks += 1,
            "fallthrough" => meant += 1,
            _ => {}
        }
        at += 1;
    }
    (breaks, meant)
}

/// The indentation of the statements of a switch's cases.
fn inside(code: &Code<'_>, switch: usize, label: usize) -> String {
    let mut at = switch + 1;
    let mut found = None;
    while at < label {
        match code.s(at) {
            ":" if !matches!(code.s(at + 1), "case" | "default" | "{")
                && code.toks[at + 1].line > code.toks[at].line
                && at + 1 < label =>
            {
                found = Some(code.indent(code.toks[at + 1].start).to_owned());
            }
            "{" => at = code.partner(at).filter(|&p| p < label).unwrap_or(at),
            _ => {}
        }
        at += 1;
    }
    let outer = code.indent(code.toks[label].start);
    let unit = if outer.starts_with(' ') || outer.is_empty() && !code.text.contains("\n\t") { "    " } else { "\t" };
    found.unwrap_or_else(|| format!("{outer}{unit}"))
}

/// How the project says that a fall is meant.
fn spelling(cx: &Context<'_>, site: &Site) -> String {
    let text = &site.source.text;
    let cxx = units::is_cxx(&site.file);
    if cx.kernel || text.contains("\tfallthrough;") || text.contains(" fallthrough;") {
        "fallthrough;".into()
    } else if text.contains("FALLTHROUGH;") {
        "FALLTHROUGH;".into()
    } else if cxx {
        "[[fallthrough]];".into()
    } else {
        "__attribute__((fallthrough));".into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, at, cause, noted};
    use super::*;

    const TEXT: &str = "void f(int a)\n{\n\tswitch (a) {\n\tcase 1:\n\t\tg();\n\t\tbreak;\n\tcase 2:\n\t\th();\n\tdefault:\n\t\tk();\n\t}\n}\n";

    #[test]
    fn a_break_as_the_others() {
        let bench = Bench::new(&[("a.c", TEXT)]);
        let clang = at(cause("fallthrough", "unannotated fall-through between switch labels", &[]), "a.c", 9, 2);
        let gcc = at(cause("fallthrough", "this statement may fall through", &[]), "a.c", 8, 3);
        for cause in [clang, noted(gcc, "here", "a.c", 9)] {
            assert_eq!(bench.changes(&Fallthrough, &cause), ["+\t\tbreak;\n", "+\t\t__attribute__((fallthrough));\n"]);
        }
    }

    #[test]
    fn a_fall_that_is_meant() {
        let said = TEXT.replace("\th();\n", "\th();\n\t\t/* fall through */\n");
        let bench = Bench::new(&[("a.c", &said)]).kernel();
        let cause = at(cause("fallthrough", "unannotated fall-through between switch labels", &[]), "a.c", 10, 2);
        assert_eq!(bench.best(&Fallthrough, &cause), "+\t\tfallthrough;\n");
        let cxx = Bench::new(&[("a.cc", &said)]);
        let cause = at(cause, "a.cc", 10, 2);
        assert_eq!(cxx.best(&Fallthrough, &cause), "+\t\t[[fallthrough]];\n");
    }
}
