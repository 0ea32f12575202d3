//! Variables that are read before they are set: an initialiser of the variable's kind.

use super::{Candidate, Context, Fixer};
use crate::code::Code;
use crate::site::{Site, candidate, sites};
use crate::units;

/// See the module.
pub struct Initializer;

impl Fixer for Initializer {
    fn name(&self) -> &'static str {
        "add-initializer"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "uninitialized"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let Some(symbol) =
            cx.cause.symbols.first().and_then(|s| s.split(['.', '[', '-', '*', '(']).find(|p| !p.is_empty()))
        else {
            return Vec::new();
        };
        let signs = ["declared here", "initialize the variable"];
        let noted = cx.cause.notes.iter().filter(|n| signs.iter().any(|sign| n.message.contains(sign)));
        let noted = noted.filter_map(|n| Site::of(cx, n.location.as_ref()?));
        let all: Vec<Site> = noted.chain(sites(cx)).collect();
        all.iter().find_map(|site| at(site, symbol)).unwrap_or_default()
    }
}

fn at(site: &Site, symbol: &str) -> Option<Vec<Candidate>> {
    let code = Code::new(&site.source);
    let point = site.point()?;
    let function = code.function_at(point)?.clone();
    let mut declared =
        code.words(symbol).filter(|&at| function.body.0 < at && at < function.body.1 && declares(&code, at));
    // The nearest declaration before the place, for a name that several blocks declare.
    let on_line = |at: &usize| code.toks[*at].line == site.line;
    let all: Vec<usize> = declared.by_ref().collect();
    let name = all
        .iter()
        .copied()
        .find(on_line)
        .or_else(|| all.iter().copied().rfind(|&at| code.toks[at].start <= point))
        .or(all.first().copied())?;
    let array = code.s(name + 1) == "[";
    let mut end = name;
    while code.s(end + 1) == "[" {
        end = code.partner(end + 1)?;
    }
    if !matches!(code.s(end + 1), ";" | ",") {
        return None;
    }
    let cxx = units::is_cxx(&site.file);
    let first = code.statement_start(name);
    let kind: Vec<&str> = (first..name).map(|t| code.s(t)).collect();
    let used =
        |sign: &str| code.words(symbol).any(|t| function.body.0 < t && t < function.body.1 && code.s(t + 1) == sign);
    let pointer = code.s(name - 1) == "*";
    let list = if cxx || site.source.text.contains("= {}") { "{}" } else { "{ 0 }" };
    let values: Vec<(&str, u8)> = match () {
        () if array => vec![(list, 86)],
        () if pointer || used("->") => vec![(if cxx { "nullptr" } else { "NULL" }, 90)],
        () if kind.iter().any(|w| matches!(*w, "struct" | "union")) || used(".") => vec![(list, 86)],
        () if kind.iter().any(|w| matches!(*w, "bool" | "_Bool")) => vec![("false", 88), ("true", 60)],
        () => vec![("0", 88), ("-1", 40)],
    };
    let offset = code.toks[end].end;
    let line = code.toks[name].line;
    let one = |(value, rank): (&str, u8)| {
        let title = format!("Initialise '{symbol}' with {value}");
        candidate("add_init", title, &site.file, line, vec![(offset, offset, format!(" = {value}"))], rank)
    };
    Some(values.into_iter().map(one).collect())
}

/// True where a name is declared: a type, a `*` or a comma of the same declaration stands before it.
fn declares(code: &Code<'_>, at: usize) -> bool {
    let first = code.statement_start(at);
    let typed = first < at && code.is_word(first) && (code.is_word(first + 1) || code.s(first + 1) == "*");
    let plain = (first..at).all(|t| {
        code.is_word(t)
            || matches!(code.s(t), "*" | "," | "=" | "[" | "]" | "&")
            || code.s(t).starts_with(|c: char| c.is_ascii_digit())
    });
    let ends = matches!(code.s(at + 1), ";" | "," | "=" | "[");
    typed
        && plain
        && ends
        && matches!(code.s(at - 1), "*" | ",") | code.is_word(at - 1)
        && !matches!(code.s(first), "return" | "goto" | "case" | "else")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, at, cause, noted};
    use super::*;

    #[test]
    fn by_the_kind_of_the_variable() {
        for (declaration, name, expected) in [
            ("int a, ret;", "ret", "int a, ret = 0;"),
            ("struct tank *t, *u;", "t", "struct tank *t = NULL, *u;"),
            ("struct tank t;", "t", "struct tank t = { 0 };"),
            ("bool full;", "full", "bool full = false;"),
            ("char name[16];", "name", "char name[16] = { 0 };"),
        ] {
            let bench =
                Bench::new(&[("a.c", &format!("int f(int x)\n{{\n\t{declaration}\n\n\treturn use({name});\n}}\n"))]);
            let message = format!("'{name}' may be used uninitialized");
            let cause = at(cause("uninitialized", &message, &[name]), "a.c", 5, 9);
            let cause = noted(cause, &format!("'{name}' was declared here"), "a.c", 3);
            assert_eq!(bench.best(&Initializer, &cause), format!("-\t{declaration}\n+\t{expected}\n"));
        }
    }

    #[test]
    fn without_a_note() {
        let bench = Bench::new(&[("a.cc", "int f()\n{\n    int *p;\n    return *p;\n}\n")]);
        let cause = at(cause("uninitialized", "variable 'p' is uninitialized when used here", &["p"]), "a.cc", 4, 13);
        assert_eq!(bench.best(&Initializer, &cause), "-    int *p;\n+    int *p = nullptr;\n");
    }
}
