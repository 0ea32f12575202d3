//! Definitions in the style from before C89: without a type, with the parameters' types behind the
//! list. Newer compilers refuse them.

use super::{Candidate, Context, Fixer, add_includes};
use crate::code::{Code, Function};
use crate::site::{Site, candidate, sites};

/// See the module.
pub struct OldStyle;

/// Columns of a line.
const WIDTH: usize = 80;

impl Fixer for OldStyle {
    fn name(&self) -> &'static str {
        "modernise-definition"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "implicit-int"
            || cx.rule.is_some_and(|rule| rule.name == "modernise-definition")
            || matches!(cx.cause.class.as_str(), "unknown-type" | "syntax-error")
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let all = sites(cx);
        let Some(site) = all.first() else { return Vec::new() };
        let code = Code::new(&site.source);
        let mut made = Vec::new();
        if cx.cause.class == "implicit-int" {
            made.extend(implicit(&all, &code));
        }
        let old: Vec<&Function> = code.functions.iter().filter(|f| names(&code, f).is_some()).collect();
        let head = |f: &&Function| all.iter().any(|s| s.file == site.file && within(&code, f, s));
        let touched = old.iter().any(head);
        let refused = cx.cause.class != "implicit-int";
        if touched && refused {
            let edits: Vec<_> = old.iter().filter_map(|f| converted(&code, f)).flatten().collect();
            if !edits.is_empty() {
                let title = "Give the definitions their parameters' types".to_owned();
                let mut one = candidate("patch", title, &site.file, site.line, edits, 92);
                one.diagnosis = Some("old-style-definition");
                made.extend(with_includes(cx, site, &one));
                made.push(one);
            }
        }
        made.extend(empty_list(cx, &all, &code));
        made
    }
}

/// The same change with the headers that the file did without, too: a compiler that refuses such
/// definitions refuses calls of what nothing declares, as soon as it can read that far.
fn with_includes(cx: &Context<'_>, site: &Site, change: &Candidate) -> Option<Candidate> {
    let names = add_includes::called(cx, &site.file, &site.source);
    let more = add_includes::headers(cx, &site.file, &names)?;
    let mut both = change.clone();
    both.title = format!("{}, include {}", change.title, add_includes::listed(&more.written));
    // The includes first: in a file that begins with a definition both go to one place.
    both.edits.splice(0..0, more.edits);
    both.rank = change.rank + 1;
    Some(both)
}

/// True when a place is in the head of a function.
fn within(code: &Code<'_>, function: &Function, site: &Site) -> bool {
    (code.toks[function.first].line..=code.toks[function.body.0].line).contains(&site.line)
}

/// The parameters' names of an old-style definition.
fn names<'a>(code: &Code<'a>, function: &Function) -> Option<Vec<&'a str>> {
    let list = code.arguments(function.params.0);
    // `SYSCALL_DEFINE1(close, int, fd)` is a macro's.
    let name = code.s(function.name);
    if !name.contains(|c: char| c.is_ascii_lowercase()) && name.len() > 2 {
        return None;
    }
    let plain = !list.is_empty() && list.iter().all(|p| p.len() == 1 && code.is_word(p.start));
    let names: Vec<&str> = list.iter().map(|p| code.s(p.start)).collect();
    let declares = code.s(function.body.0 - 1) == ";";
    // `(a)` alone could be a type's name; a definition without any type cannot.
    let untyped = function.first == function.name && !names.contains(&"void");
    (plain && (declares || untyped)).then_some(names)
}

/// The edits that give one definition its types.
fn converted(code: &Code<'_>, function: &Function) -> Option<Vec<(usize, usize, String)>> {
    let names = names(code, function)?;
    let mut kinds: Vec<(String, String)> = Vec::new();
    let mut at = function.params.1 + 1;
    while at < function.body.0 {
        let end = (at..function.body.0).find(|&t| code.s(t) == ";")?;
        let mut from = at;
        // The type ends where the first declarator begins.
        let first = (at..end).find(|&t| code.s(t) == "*" || code.s(t) == "(" || names.contains(&code.s(t)))?;
        let base = code.span(at..first).to_owned();
        let mut t = first;
        from = from.max(first);
        while t <= end {
            match code.s(t) {
                "(" | "[" => t = code.partner(t)?,
                "," | ";" => {
                    let name = (from..t).find(|&n| names.contains(&code.s(n)))?;
                    kinds.push((code.s(name).to_owned(), format!("{base} {}", code.span(from..t))));
                    from = t + 1;
                }
                _ => {}
            }
            t += 1;
        }
        at = end + 1;
    }
    let typed = names.iter().map(|name| {
        let found = kinds.iter().find(|(own, _)| own == name);
        found.map_or_else(|| format!("int {name}"), |(_, text)| text.clone())
    });
    let (open, brace) = (code.toks[function.params.0], code.toks[function.body.0]);
    let mut edits = Vec::new();
    let storage = |t| matches!(code.s(t), "static" | "extern" | "inline" | "register");
    let untyped = (function.first..function.name).all(storage);
    let kind = match (untyped, gives_nothing(code, function)) {
        (false, _) => "",
        (true, false) => "int ",
        (true, true) => "void ",
    };
    if untyped {
        let start = code.toks[function.name].start;
        edits.push((start, start, kind.to_owned()));
    }
    let column = code.text[code.line_start(open.start)..open.end].chars().count() + kind.len();
    let list = filled(&typed.collect::<Vec<_>>(), column, code.newline());
    let gap = if code.toks[function.params.1].line == brace.line { " ".to_owned() } else { code.newline().to_owned() };
    // Comments behind the declarations stay where they are told apart: only plain ones are joined.
    let between = &code.text[code.toks[function.params.1].end..brace.start];
    if between.contains("/*") || between.contains("//") || between.contains('#') {
        return commented(code, function, &list, edits);
    }
    edits.push((open.end, brace.start, format!("{list}){gap}")));
    Some(edits)
}

/// True for a function without a type that returns no value, as far as this file shows: there was no
/// `void` when it was written.
fn gives_nothing(code: &Code<'_>, function: &Function) -> bool {
    let name = code.s(function.name);
    let value = (function.body.0..function.body.1).any(|at| code.s(at) == "return" && code.s(at + 1) != ";");
    let mut others = code.words(name).filter(|&at| at != function.name);
    // Called for what it does only, and declared nowhere else.
    let called = |at: usize| {
        let alone = matches!(code.s(at - 1), ";" | "{" | "}" | ")" | "else" | "do");
        let ends = code.partner(at + 1).is_some_and(|close| code.s(close + 1) == ";");
        code.s(at + 1) == "(" && alone && ends && code.function_at(code.toks[at].start).is_some()
    };
    name != "main" && !value && others.all(|at| at > 0 && called(at))
}

/// Parameters in lines of at most 80 columns, those after the first below the start of the list.
fn filled(parameters: &[String], column: usize, newline: &str) -> String {
    let (mut list, mut at) = (String::new(), column);
    for (number, parameter) in parameters.iter().enumerate() {
        let width = parameter.chars().count() + 1;
        match number {
            0 => {}
            _ if at + 1 + width > WIDTH => {
                list += &format!(",{newline}{}", " ".repeat(column));
                at = column;
            }
            _ => {
                list += ", ";
                at += 1;
            }
        }
        list += parameter;
        at += width;
    }
    list
}

/// The same where comments stand between: the declarations go one by one.
fn commented(
    code: &Code<'_>,
    function: &Function,
    list: &str,
    mut edits: Vec<(usize, usize, String)>,
) -> Option<Vec<(usize, usize, String)>> {
    edits.push((code.toks[function.params.0].end, code.toks[function.params.1].start, list.to_owned()));
    let mut at = function.params.1 + 1;
    while at < function.body.0 {
        let end = (at..function.body.0).find(|&t| code.s(t) == ";")?;
        edits.push((code.toks[at].start, code.toks[end].end, String::new()));
        at = end + 1;
    }
    Some(edits)
}

/// Declarations without a type: `int`, at all places that were named.
fn implicit(all: &[Site], code: &Code<'_>) -> Option<Candidate> {
    let site = all.first()?;
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    for place in all.iter().filter(|s| s.file == site.file) {
        let at = code.at(place.point()?);
        let name = code.s(at);
        if code.s(at + 1) == "(" && name.len() > 2 && !name.contains(|c: char| c.is_ascii_lowercase()) {
            continue;
        }
        // An old-style parameter that has no declaration gets one before the body.
        let lists = |f: &&Function| {
            f.params.0 < at && at < f.params.1 && code.arguments(f.params.0).iter().all(|p| p.len() == 1)
        };
        if let Some(function) = code.functions.iter().find(lists) {
            let brace = code.toks[function.body.0].start;
            let start = code.line_start(brace);
            edits.push((start, start, format!("  int {};{}", code.s(at), code.newline())));
            continue;
        }
        // Behind the words of storage, before the name.
        let mut first = code.statement_start(at);
        while matches!(code.s(first), "static" | "extern" | "register" | "const" | "volatile" | "inline" | "auto") {
            first += 1;
        }
        let start = code.toks[if first <= at { first } else { at }].start;
        edits.push((start, start, "int ".to_owned()));
    }
    edits.sort();
    edits.dedup();
    if edits.is_empty() {
        return None;
    }
    let title = "Give the declarations their type 'int'".to_owned();
    let mut made = candidate("patch", title, &site.file, site.line, edits, 92);
    made.diagnosis = Some("implicit-int");
    Some(made)
}

/// `()` of a declaration that a newer standard reads as "anything": `(void)`.
fn empty_list(cx: &Context<'_>, all: &[Site], code: &Code<'_>) -> Option<Candidate> {
    if !matches!(
        cx.cause.option.as_deref(),
        Some("-Wstrict-prototypes" | "-Wold-style-definition" | "-Wdeprecated-non-prototype")
    ) {
        return None;
    }
    let site = all.first()?;
    let open = code.on_line(site.line).find(|&t| code.s(t) == "(" && code.s(t + 1) == ")")?;
    let at = code.toks[open].end;
    let title = "Say that the function takes nothing: '(void)'".to_owned();
    Some(candidate("patch", title, &site.file, site.line, vec![(at, at, "void".to_owned())], 92))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, at, cause};
    use super::*;

    const TEXT: &str = "static count;\nfill (name, level, flags)\n  char *name, **flags;\n  int level;\n{\n  return 0;\n}\nchar *pour(a)\n  int a;\n{\n  return 0;\n}\n";

    #[test]
    fn types_that_are_implied() {
        let bench = Bench::new(&[("a.c", TEXT)]);
        let cause = at(cause("implicit-int", "type defaults to 'int' in declaration of 'count'", &[]), "a.c", 1, 8);
        assert_eq!(bench.best(&OldStyle, &cause), "-static count;\n+static int count;\n");
        let cause = at(cause, "a.c", 2, 1);
        assert_eq!(bench.best(&OldStyle, &cause), "-fill (name, level, flags)\n+int fill (name, level, flags)\n");
    }

    #[test]
    fn parameters_that_nothing_declares() {
        let bench = Bench::new(&[("a.c", "int fill(name, level)\n{\n  return level;\n}\n")]);
        let cause = cause("implicit-int", "parameter 'name' was not declared, defaults to 'int'", &[]);
        assert_eq!(bench.best(&OldStyle, &at(cause, "a.c", 1, 10)), "+  int name;\n");
    }

    #[test]
    fn parameters_behind_the_list() {
        let cause = at(cause("unknown-type", "unknown type name 'name'", &["name", "level"]), "a.c", 2, 7);
        let expected = concat!(
            "-fill (name, level, flags)\n-  char *name, **flags;\n-  int level;\n",
            "+int fill (char *name, int level, char **flags)\n",
            "-char *pour(a)\n-  int a;\n+char *pour(int a)\n"
        );
        assert_eq!(Bench::new(&[("a.c", TEXT)]).best(&OldStyle, &cause), expected);
    }

    #[test]
    fn what_is_called_without_a_declaration() {
        let text = "#include <stdio.h>\nextern char *getenv();\nstatic level() { return 1; }\n#ifdef X\nint none() { sleep(1); }\n\
                    #endif\nfill (name)\n  char *name;\n{\n  puts(getenv(name));\n  exit(level(strlen(name)));\n}\n";
        let cause = at(cause("unknown-type", "unknown type name 'name'", &["name"]), "a.c", 7, 7);
        let expected = concat!(
            "+#include <stdlib.h>\n+#include <string.h>\n",
            "-fill (name)\n-  char *name;\n+void fill (char *name)\n"
        );
        assert_eq!(Bench::new(&[("a.c", text)]).best(&OldStyle, &cause), expected);
    }

    #[test]
    fn functions_that_give_nothing() {
        let text = "fill(name) char *name;\n{\n  puts(name);\n}\npour(name) char *name;\n{\n  if (drain(name)) \
                    fill(name);\n}\ndrain(name) char *name;\n{\n}\n";
        let cause = at(cause("unknown-type", "unknown type name 'name'", &["name"]), "a.c", 1, 6);
        let changed = Bench::new(&[("a.c", text)]).best(&OldStyle, &cause);
        let heads: Vec<&str> = changed.lines().filter(|line| line.contains("(char *name)")).collect();
        assert_eq!(heads, ["+void fill(char *name)", "+void pour(char *name)", "+int drain(char *name)"]);
    }

    #[test]
    fn long_lists_are_filled() {
        let text = "static int fill (pressure, temperature, owner)\n     struct measured_pressure *pressure;\n     \
                    struct measured_temperature *temperature;\n     char *owner;\n{\n  return 0;\n}\n";
        let cause = at(cause("unknown-type", "unknown type name 'pressure'", &["pressure"]), "a.c", 1, 18);
        let changed = Bench::new(&[("a.c", text)]).best(&OldStyle, &cause);
        let added: Vec<&str> = changed.lines().filter(|line| line.starts_with('+')).collect();
        let expected = [
            "+static int fill (struct measured_pressure *pressure,",
            "+                 struct measured_temperature *temperature, char *owner)",
        ];
        assert_eq!(added, expected);
    }

    #[test]
    fn behind_a_definition_with_two_heads() {
        let text = "#ifdef __STDC__\nint f(int a)\n#else\nint f(a)\nint a;\n#endif\n{\n  return g(a);\n  }\n\
                    int fill(name)\nchar *name;\n{\n  return 0;\n  }\n";
        let cause = at(cause("unknown-type", "unknown type name 'name'", &["name"]), "a.c", 10, 10);
        let expected = "-int fill(name)\n-char *name;\n+int fill(char *name)\n";
        assert_eq!(Bench::new(&[("a.c", text)]).best(&OldStyle, &cause), expected);
    }

    #[test]
    fn other_unknown_types() {
        let bench = Bench::new(&[("a.c", "tank_t t;\nint f(tank_t t)\n{\n\treturn 0;\n}\n")]);
        let cause = at(cause("unknown-type", "unknown type name 'tank_t'", &["tank_t"]), "a.c", 2, 7);
        assert!(bench.changes(&OldStyle, &cause).is_empty());
    }
}
