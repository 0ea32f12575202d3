//! Functions that end without their value: the `return` that the rest of the function, and its
//! neighbours of the same type, lead one to expect.

use std::collections::HashMap;
use std::ops::Range;

use super::{Candidate, Context, Fixer};
use crate::code::{Code, Function, is_keyword};
use crate::index;
use crate::site::{Site, candidate, sites};

/// See the module.
pub struct AddReturn;

impl Fixer for AddReturn {
    fn name(&self) -> &'static str {
        "add-return"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "missing-return"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let known = |name: &str| index::is_declared(cx.tree, name);
        sites(cx).into_iter().take(1).flat_map(|site| at(&site, &known)).collect()
    }
}

fn at(site: &Site, known: &dyn Fn(&str) -> bool) -> Vec<Candidate> {
    let code = Code::new(&site.source);
    let Some(point) = site.point() else { return Vec::new() };
    let function =
        code.functions.iter().find(|f| code.toks[f.body.1].line == site.line).or_else(|| code.function_at(point));
    let Some(function) = function else { return Vec::new() };
    let token = code.at(point);
    let bare = code.s(token) == "return" && code.s(token + 1) == ";";
    let mut made: Vec<Candidate> = Vec::new();
    for (value, rank) in values(&code, function, known) {
        let edit = if bare {
            (code.toks[token].end, code.toks[token].end, format!(" {value}"))
        } else {
            // Before the line of the closing brace, as deep as the statements around it.
            let close = code.toks[function.body.1];
            let start = code.line_start(close.start);
            let newline = code.newline();
            if code.text[start..close.start].trim().is_empty() {
                (start, start, format!("{}return {value};{newline}", depth(&code, function)))
            } else {
                (close.start, close.start, format!("return {value}; "))
            }
        };
        let title = format!("Return {value} at the end of '{}'", code.s(function.name));
        made.push(candidate("insert_line", title, &site.file, code.toks[function.body.1].line, vec![edit], rank));
    }
    made
}

/// The indentation of the statements of a function's outer block.
fn depth(code: &Code<'_>, function: &Function) -> String {
    let first = code.toks[function.body.0 + 1];
    let outer = code.indent(code.toks[function.body.1].start);
    let own = code.indent(first.start);
    if own.len() > outer.len() { own.to_owned() } else { format!("{outer}\t") }
}

/// The type that a function returns: its words without storage and attributes.
fn return_type<'a>(code: &Code<'a>, function: &Function) -> Vec<&'a str> {
    let skip = [
        "static",
        "inline",
        "extern",
        "__inline",
        "__inline__",
        "__always_inline",
        "noinline",
        "public",
        "virtual",
        "constexpr",
    ];
    let words = (function.first..function.name).map(|at| code.s(at));
    words.filter(|w| !skip.contains(w) && (!w.starts_with("__") || w.trim_start_matches('_').len() <= 4)).collect()
}

/// What is returned by each `return` of a function.
fn returns(code: &Code<'_>, function: &Function) -> Vec<Range<usize>> {
    let body = function.body.0 + 1..function.body.1;
    let at = body.clone().filter(|&at| code.s(at) == "return");
    at.filter_map(|at| {
        let end = (at..function.body.1).find(|&e| code.s(e) == ";")?;
        (end > at + 1).then_some(at + 1..end)
    })
    .collect()
}

/// Variables of the outer block and the parameters, with the words before them: their type.
fn variables<'a>(code: &Code<'a>, function: &Function) -> Vec<(usize, Vec<&'a str>)> {
    let mut found = Vec::new();
    for parameter in code.arguments(function.params.0) {
        let Some(name) = parameter.clone().rev().find(|&at| code.is_word(at)) else { continue };
        found.push((name, (parameter.start..name).map(|at| code.s(at)).collect()));
    }
    let mut at = function.body.0 + 1;
    while at < function.body.1 {
        let end = (at..function.body.1).find(|&e| matches!(code.s(e), ";" | "{" | "(")).unwrap_or(function.body.1);
        let stop = (at..end).find(|&e| code.s(e) == "=").unwrap_or(end);
        let declares =
            code.is_word(at) && stop > at + 1 && !matches!(code.s(at), "return" | "goto" | "else" | "case" | "if");
        let names = (at..stop).filter(|&n| code.is_word(n) && matches!(code.s(n + 1), ";" | "," | "=" | "["));
        if declares && code.s(end) != "{" && (code.is_word(at + 1) || code.s(at + 1) == "*") {
            for name in names.filter(|&n| n > at) {
                let kind = (at..name).filter(|&t| code.s(t) != ",").map(|t| code.s(t));
                found.push((name, kind.collect()));
            }
        }
        at = match code.s(end) {
            "{" | "(" => code.partner(end).filter(|&p| p > end).unwrap_or(end) + 1,
            _ => end + 1,
        };
    }
    found
}

/// The name of a function without a number at its end; for a macro that defines one, the macro's
/// first word.
fn own_name<'a>(code: &Code<'a>, function: &Function) -> Option<&'a str> {
    let name = code.s(function.name);
    let made = !name.contains(|c: char| c.is_ascii_lowercase());
    let name = if made { code.s(function.params.0 + 1) } else { name };
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (name.len() >= 4).then_some(name)
}

fn values(code: &Code<'_>, function: &Function, declared: &dyn Fn(&str) -> bool) -> Vec<(String, u8)> {
    let kind = return_type(code, function);
    let pointer = kind.contains(&"*");
    let told: Vec<&str> = returns(code, function).into_iter().map(|r| code.span(r)).collect();
    let variables = variables(code, function);
    let same: Vec<usize> = variables
        .iter()
        .filter(|(name, of)| {
            let of: Vec<&str> =
                of.iter().copied().filter(|w| !matches!(*w, "register" | "static" | "__user")).collect();
            of == kind && !code.s(name + 1).starts_with('[')
        })
        .map(|(name, _)| *name)
        .collect();
    let mut found: HashMap<String, u8> = HashMap::new();
    let mut offer = |value: String, rank: u8| {
        let entry = found.entry(value).or_insert(rank);
        *entry = (*entry).max(rank);
    };
    // A result that was computed and is not handed out.
    for &name in &same {
        let word = code.s(name);
        let assigned = (name + 1..function.body.1).filter(|&at| code.s(at) == word && is_set(code, at)).count();
        let usual = matches!(
            word.trim_start_matches('_'),
            "ret"
                | "err"
                | "error"
                | "rc"
                | "res"
                | "result"
                | "retval"
                | "rv"
                | "status"
                | "r"
                | "count"
                | "total"
                | "sum"
        );
        let last = last_set(code, function).is_some_and(|at| code.s(at) == word);
        let already = told.contains(&word);
        let rank = match () {
            () if last => 94,
            () if usual && assigned > 0 && !already => 90,
            () if assigned > 0 && pointer => 86,
            () if usual && assigned > 0 => 82,
            () if assigned > 0 => 76,
            () => 50,
        };
        offer(word.to_owned(), rank);
    }
    // What neighbours of the same type end with, when its names mean something here.
    for other in code.functions.iter().filter(|f| f.first != function.first && return_type(code, f) == kind) {
        let Some(last) = returns(code, other).pop() else { continue };
        let mut names = last.clone().filter(|&at| code.is_word(at));
        let known = |at: usize| {
            let word = code.s(at);
            is_keyword(word)
                || word.chars().any(|c| c.is_ascii_uppercase()) && !word.chars().any(|c| c.is_ascii_lowercase())
                || word.starts_with(|c: char| c.is_ascii_digit())
                || code.s(at + 1) == "(" && last.contains(&(at + 1))
                || kind.contains(&word)
                || variables.iter().any(|(name, _)| code.s(*name) == word)
        };
        // What a neighbour ends with may be a call of this very function: it would never end.
        let endless = last.clone().any(|at| code.s(at) == code.s(function.name));
        if names.all(known) && last.len() <= 12 && !endless {
            let changed = last.clone().any(|at| {
                variables.iter().any(|(name, _)| {
                    code.s(*name) == code.s(at)
                        && (name + 1..function.body.1).any(|t| code.s(t) == code.s(at) && is_set(code, t))
                })
            });
            let simple = last.len() > 1 && !code.span(last.clone()).starts_with('-');
            let text = code.span(last.clone()).to_owned();
            let callee = last.clone().find(|&at| code.s(at + 1) == "(").map(|at| code.s(at));
            match callee.zip(own_name(code, other)).filter(|(callee, theirs)| callee.contains(theirs)) {
                // `return __fill_tank(t)` is what fill_tank() ends with: drain_tank() has its own.
                Some((callee, theirs)) => {
                    let own = own_name(code, function).map(|name| callee.replace(theirs, name));
                    if let Some(own) = own.filter(|own| code.words(own).next().is_some() || declared(own)) {
                        offer(text.replacen(callee, &own, 1), 92);
                    }
                }
                None => offer(text, if changed && simple { 88 } else { 62 }),
            }
        }
    }
    let words = kind.join(" ");
    let failures = told.iter().all(|t| {
        t.starts_with('-')
            || matches!(*t, "NULL" | "nullptr" | "false" | "0")
            || t.contains("ERR_PTR")
            || t.contains("NULL")
            || matches!(*t, "err" | "ret" | "rc" | "error" | "res" | "retval")
    });
    match () {
        () if pointer => {
            offer("NULL".into(), if told.iter().any(|t| *t != "NULL") { 80 } else { 66 });
        }
        () if words.ends_with("bool") || words.ends_with("_Bool") => {
            let negative = told.iter().filter(|t| **t == "false").count();
            let positive = told.iter().filter(|t| **t == "true").count();
            offer("true".into(), if negative > positive { 86 } else { 70 });
            offer("false".into(), if negative > positive { 70 } else { 84 });
        }
        () if is_integer(&kind) => {
            let zero_told = told.contains(&"0");
            offer(
                "0".into(),
                if failures && !zero_told {
                    88
                } else if zero_told {
                    80
                } else {
                    84
                },
            );
            if zero_told && !told.contains(&"1") && told.iter().all(|t| *t == "0") {
                offer("1".into(), 81);
            }
            if told.contains(&"1") && !zero_told {
                offer("0".into(), 87);
            }
        }
        () => {}
    }
    // A call at the end whose value is the result.
    for value in told.iter().filter(|t| t.len() < 40) {
        offer((*value).to_owned(), 45);
    }
    let mut found: Vec<(String, u8)> = found.into_iter().collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    found.truncate(5);
    found
}

fn is_integer(kind: &[&str]) -> bool {
    const WORDS: &[&str] = &[
        "int",
        "unsigned",
        "signed",
        "long",
        "short",
        "char",
        "size_t",
        "ssize_t",
        "u8",
        "u16",
        "u32",
        "u64",
        "s8",
        "s16",
        "s32",
        "s64",
        "loff_t",
        "off_t",
        "const",
        "__init",
        "__exit",
        "acpi_status",
        "vm_fault_t",
        "double",
        "float",
    ];
    !kind.is_empty()
        && kind.iter().all(|w| WORDS.contains(w) || w.starts_with("int") && w.ends_with("_t") || w.starts_with("uint"))
}

/// True where a variable is assigned, counted up or filled through its address.
fn is_set(code: &Code<'_>, at: usize) -> bool {
    let assigns = matches!(code.s(at + 1), "=" | "+=" | "-=" | "|=" | "&=" | "*=" | "^=" | "<<=" | ">>=" | "++" | "--");
    assigns || at > 0 && matches!(code.s(at - 1), "++" | "--")
}

/// The variable that the last statement of the outer block assigns.
fn last_set(code: &Code<'_>, function: &Function) -> Option<usize> {
    let end = function.body.1.checked_sub(1).filter(|&e| code.s(e) == ";")?;
    let first = code.statement_start(end);
    (code.is_word(first) && is_set(code, first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, at, cause};
    use super::*;

    fn best(text: &str, line: u32) -> String {
        let bench = Bench::new(&[("a.c", text)]);
        bench.best(
            &AddReturn,
            &at(cause("missing-return", "control reaches end of non-void function", &[]), "a.c", line, 1),
        )
    }

    #[test]
    fn what_the_function_computed() {
        assert_eq!(best("int f(int a)\n{\n\tint ret = 0;\n\n\tret = g(a);\n}\n", 6), "+\treturn ret;\n");
        assert_eq!(
            best(
                "static struct tank *f(int a)\n{\n\tstruct tank *t;\n\tt = make(a);\n\tif (!t)\n\t\treturn NULL;\n\tfill(t);\n}\n",
                8
            ),
            "+\treturn t;\n"
        );
    }

    #[test]
    fn success_after_failures() {
        assert_eq!(best("int f(int a)\n{\n\tif (a)\n\t\treturn -EINVAL;\n\tg();\n}\n", 6), "+\treturn 0;\n");
        assert_eq!(best("bool f(int a)\n{\n\tif (a)\n\t\treturn false;\n\tg();\n}\n", 6), "+\treturn true;\n");
        assert_eq!(best("bool f(int a)\n{\n    if (a)\n        return true;\n}\n", 5), "+    return false;\n");
    }

    #[test]
    fn as_the_neighbours_do() {
        let text = "char *f(const char *s)\n{\n\twhile (*s)\n\t\ts++;\n\treturn (char *)s;\n}\n\nchar *g(const char *s)\n{\n\twhile (*s != 2)\n\t\ts++;\n}\n";
        assert_eq!(best(text, 12), "+\treturn (char *)s;\n");
    }

    #[test]
    fn the_call_of_a_neighbour_is_its_own() {
        let text = "int __fill(int a);\nint __empty(int a);\n\nint fill16(int a)\n{\n\treturn __fill(low(a));\n}\n\nint empty16(int a)\n{\n}\n";
        assert_eq!(best(text, 11), "+\treturn __empty(low(a));\n");
        let text = text.replace("int __empty(int a);\n", "");
        assert_eq!(best(&text, 10), "+\treturn 0;\n");
    }

    #[test]
    fn a_return_without_value() {
        assert_eq!(
            best("int f(int a)\n{\n\tif (a)\n\t\treturn;\n\treturn 1;\n}\n", 4),
            "-\t\treturn;\n+\t\treturn 0;\n"
        );
    }
}
