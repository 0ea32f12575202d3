//! Misspelt attribute macros. A compiler that does not know `__int` in `static int __int f(void)` takes
//! it for the name that is declared, and asks for a `;` or `=` beside it.

use std::collections::HashMap;

use super::spelling::slip;
use super::{Candidate, Context, Fixer};
use crate::code::Code;
use crate::index::{self, Index};
use crate::site::{candidate, sites};

/// See the module.
pub struct AttributeName;

/// Candidates that are handed on.
const BEST: usize = 3;

impl Fixer for AttributeName {
    fn name(&self) -> &'static str {
        "correct-attribute"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        // `static void __xeit f(void)` has a variable of type void.
        let variable = cx.cause.message.contains("incomplete type 'void'");
        matches!(cx.cause.class.as_str(), "syntax-error" | "implicit-int") || variable
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let all = sites(cx);
        let Some(site) = all.first() else { return Vec::new() };
        let code = Code::new(&site.source);
        let Some(point) = site.point() else { return Vec::new() };
        let Some(at) = beside(&code, point) else { return Vec::new() };
        let wrong = code.s(at);
        if index::is_declared(cx.tree, wrong) {
            return Vec::new();
        }
        let index = Index::new(cx.tree);
        let mut near: HashMap<String, (usize, usize)> = HashMap::new();
        let files = std::iter::once(site.file.as_str()).chain(index.headers(&site.file));
        for source in files.filter_map(|file| cx.tree.read(file)) {
            let words = source.text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| w.starts_with("__"));
            for word in words {
                if let Some(distance) = slip(wrong, word) {
                    near.entry(word.to_owned()).or_insert((distance, 0)).1 += 1;
                }
            }
        }
        let mut near: Vec<(String, (usize, usize))> = near.into_iter().collect();
        near.sort_by_key(|(name, (distance, count))| (*distance, std::cmp::Reverse(*count), name.clone()));
        let tok = code.toks[at];
        let one = |(name, (distance, _)): (String, (usize, usize))| {
            let title = format!("Rename '{wrong}' to '{name}'");
            let rank = 96 - 3 * distance.min(9) as u8;
            let mut made = candidate("rename", title, &site.file, tok.line, vec![(tok.start, tok.end, name)], rank);
            made.diagnosis = Some("identifier-typo");
            made
        };
        near.into_iter().take(BEST).map(one).collect()
    }
}

/// The word beside a gap that looks like an attribute macro: it stands in a declaration outside of
/// all functions' bodies, with another word or a declarator beside it.
pub(crate) fn beside(code: &Code<'_>, point: usize) -> Option<usize> {
    let next = code.toks.partition_point(|t| t.start < point && t.end <= point);
    let looks = |at: usize| code.is_word(at) && code.s(at).starts_with("__") && code.s(at).len() > 4;
    let at = [Some(next), next.checked_sub(1)].into_iter().flatten().find(|&at| looks(at))?;
    let line = code.toks[at].line;
    let beside = |other: Option<usize>| other.is_some_and(|o| code.toks.get(o).is_some_and(|t| t.line == line));
    let outside = code.function_at(code.toks[at].start).is_none_or(|function| at < function.name);
    let joined = at.checked_sub(1).is_some_and(|before| {
        beside(Some(before)) && (code.is_word(before) || matches!(code.s(before), "*" | ")" | "]" | "}"))
    });
    let followed = code.is_word(at + 1) || matches!(code.s(at + 1), "*" | ";" | "=" | "{" | "(");
    (outside && joined && followed).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, at, cause};
    use super::*;

    const HEADER: (&str, &str) =
        ("attr.h", "#define __init __attribute__((section(\"init\")))\n#define __read_mostly\n#define __exit\n");

    fn best(line: &str, message: &str, column: u32) -> String {
        let text = format!("#include \"attr.h\"\n{line}\n{{\n\treturn 0;\n}}\n");
        let bench = Bench::new(&[HEADER, ("a.c", &text)]);
        bench.best(&AttributeName, &at(cause("syntax-error", message, &[]), "a.c", 2, column))
    }

    #[test]
    fn a_slip_in_an_attribute() {
        // clang points behind the word, gcc at it.
        assert_eq!(
            best("static int __iinit start(void)", "expected ';' after top level declarator", 19),
            "-static int __iinit start(void)\n+static int __init start(void)\n"
        );
        let message = "expected '=', ',', ';', 'asm' or '__attribute__' before '__raed_mostly'";
        assert_eq!(
            best("static int level __raed_mostly;", message, 18),
            "-static int level __raed_mostly;\n+static int level __read_mostly;\n"
        );
    }

    #[test]
    fn known_words_and_statements_are_left_alone() {
        let message = "expected ';' before '__init'";
        assert_eq!(best("static int level __init;", message, 18), "");
        assert_eq!(best("static int f(void) { __iinit x; return 0; }", "expected ';'", 22), "");
        assert_eq!(best("static int far_away level;", "expected ';'", 20), "");
    }
}
