//! Symbols that several objects define: `static inline` or `extern` that a header lost, or a second
//! definition in another source file.

use super::{Candidate, Context, Fixer};
use crate::code::Code;
use crate::edit::Edit;
use crate::index::{self, Index};
use crate::site::candidate;
use crate::source::SourceFile;
use crate::units::{self, is_cxx};

/// See the module.
pub struct Linkage;

impl Fixer for Linkage {
    fn name(&self) -> &'static str {
        "restore-linkage"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "multiple-definition"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let index = Index::new(cx.tree);
        let sources = units::sources(cx, &index);
        let headers = units::common_headers(&index, &sources);
        let mut made = Vec::new();
        for symbol in &cx.cause.symbols {
            let symbol = symbol.split('(').next().and_then(|s| s.rsplit(':').next()).unwrap_or(symbol);
            let found = headers.iter().find_map(|header| in_header(cx, &index, header, symbol, &sources));
            made.extend(found.unwrap_or_else(|| in_sources(&index, &sources, symbol)));
        }
        // One header may have lost it for several symbols.
        if cx.cause.symbols.len() > 1 && made.iter().all(|c| c.rank >= 90) && made.len() == cx.cause.symbols.len() {
            let mut all = made[0].clone();
            all.edits = made.iter().flat_map(|c| c.edits.clone()).collect();
            made.insert(0, all);
        }
        made
    }
}

/// What a file defines under a name.
enum Definition {
    /// The byte where the declaration starts, and its first words.
    Function { start: usize, inline: Option<usize>, external: Option<(usize, usize)> },
    /// The bytes of the declaration up to its `;`, and where its `=` is.
    Variable { start: usize, end: usize, value: Option<usize>, alone: bool },
}

/// True where a name can mean the file's variable: not a parameter, nor inside of a function that
/// has a parameter of this name.
fn is_of_file(code: &Code<'_>, at: usize) -> bool {
    match code.function_at(code.toks[at].start) {
        Some(f) => at > f.body.0 && !(f.params.0..f.body.0).any(|t| code.s(t) == code.s(at)),
        None => {
            let first = code.statement_start(at);
            !(first..at).any(|t| code.s(t) == "(" && code.partner(t).is_some_and(|p| p > at))
        }
    }
}

/// The last name of a path without its end.
fn stem(file: &str) -> &str {
    let name = index::name(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The definition of a name that other files can see.
fn definition(code: &Code<'_>, symbol: &str) -> Option<Definition> {
    if let Some(function) = code.functions.iter().find(|f| code.s(f.name) == symbol) {
        let words = || function.first..function.name;
        if words().any(|t| code.s(t) == "static") {
            return None;
        }
        return Some(Definition::Function {
            start: code.toks[function.first].start,
            inline: words()
                .find(|&t| matches!(code.s(t), "inline" | "__inline" | "__inline__" | "__always_inline"))
                .map(|t| code.toks[t].start),
            external: words().find(|&t| code.s(t) == "extern").map(|t| (code.toks[t].start, code.toks[t].end)),
        });
    }
    code.words(symbol).find_map(|at| {
        let outside = code.function_at(code.toks[at].start).is_none();
        let ends = matches!(code.s(at + 1), ";" | "=" | "[" | ",") || code.s(at + 1).starts_with("__");
        let begins = at > 0 && (code.is_word(at - 1) || matches!(code.s(at - 1), "*" | "," | "}"));
        if !outside || !ends || !begins {
            return None;
        }
        let first = declaration_start(code, at)?;
        let kind: Vec<&str> = (first..at).map(|t| code.s(t)).collect();
        // `} __name;` is an attribute that nothing defines.
        if symbol.starts_with("__") && code.s(at - 1) == "}" {
            return None;
        }
        if first == at || kind.iter().any(|w| matches!(*w, "extern" | "static" | "typedef" | "(" | "return")) {
            return None;
        }
        let end = (at..code.len()).find(|&t| code.s(t) == ";")?;
        let value = (at..end).find(|&t| code.s(t) == "=").map(|t| code.toks[t].start);
        let alone = !(first..end).any(|t| code.s(t) == "," && code.partner(t).is_none() && value.is_none());
        Some(Definition::Variable { start: code.toks[first].start, end: code.toks[end].end, value, alone })
    })
}

/// The first token of the declaration at file level that a token is in; none inside of braces.
fn declaration_start(code: &Code<'_>, at: usize) -> Option<usize> {
    let mut first = at;
    while let Some(before) = first.checked_sub(1) {
        match code.s(before) {
            ";" | "{" => break,
            "}" => {
                // The body of a type that the same declaration defines, or the end of another.
                let open = code.partner(before)?;
                let typed = (open.saturating_sub(2)..open).any(|t| matches!(code.s(t), "struct" | "union" | "enum"));
                if !typed {
                    break;
                }
                first = open;
            }
            ")" | "]" => first = code.partner(before).filter(|&p| p < before)?,
            _ => first = before,
        }
        if code.toks[first].line + 40 < code.toks[at].line {
            return None;
        }
    }
    // Inside of braces that are open here it is a member or a local variable.
    let open = (0..first).rev().find(|&t| code.s(t) == "{" && code.partner(t).is_some_and(|p| p > at));
    let linkage = open.is_none_or(|o| {
        o >= 2 && code.s(o - 2) == "extern"
            || o >= 1 && code.s(o - 1) == "namespace"
            || o >= 2 && code.s(o - 2) == "namespace"
    });
    linkage.then_some(first)
}

fn in_header(
    cx: &Context<'_>,
    index: &Index<'_>,
    header: &str,
    symbol: &str,
    sources: &[String],
) -> Option<Vec<Candidate>> {
    let source = index.read(header).filter(|s| s.text.contains(symbol))?;
    let code = Code::new(&source);
    let line_of = |offset: usize| source.text[..offset].matches('\n').count() as u32 + 1;
    match definition(&code, symbol)? {
        Definition::Function { start, inline, external } => {
            let cxx = is_cxx(header) || sources.iter().all(|s| is_cxx(s));
            let edit = match (inline, external) {
                _ if cxx => (start, start, "inline ".to_owned()),
                (Some(_), Some((from, to))) => (from, to, "static".to_owned()),
                (Some(_), None) => (start, start, "static ".to_owned()),
                (None, Some((from, to))) => (from, to, "static inline".to_owned()),
                (None, None) => (start, start, "static inline ".to_owned()),
            };
            let title = format!("Make '{symbol}' {} in the header", if cxx { "inline" } else { "static inline" });
            Some(vec![candidate("restore_static_inline", title, header, line_of(start), vec![edit], 95)])
        }
        Definition::Variable { start, end, value, alone } => {
            let own = others(cx, index, header, sources, symbol);
            let title = format!("Declare '{symbol}' in the header only: 'extern'");
            let mut edits = vec![(start, start, "extern ".to_owned())];
            let declared = value.unwrap_or(end - 1);
            if let Some(value) = value {
                edits.push((value, end - 1, String::new()));
            }
            let mut made = candidate("restore_extern", title, header, line_of(start), edits, 95);
            if own.is_none() || value.is_some() {
                // It needs a home: the source that is named like the header, else the first object's.
                let home = home(index, header, sources)?;
                let text = source.text[start..end].to_owned();
                let into = index.read(&home)?;
                let at = after_includes(&into)?;
                let _ = declared;
                made.edits.push(Edit { file: home, start: at, end: at, text: format!("\n{text}\n") });
                made.rank = if alone { 82 } else { 60 };
            }
            Some(vec![made])
        }
    }
}

/// Another file that defines the variable.
fn others(cx: &Context<'_>, index: &Index<'_>, header: &str, sources: &[String], symbol: &str) -> Option<String> {
    let folders: Vec<&str> = sources.iter().map(|s| index::folder(s)).chain([index::folder(header)]).collect();
    let near = |file: &&String| folders.contains(&index::folder(file));
    let source = |file: &&String| [".c", ".cc", ".cpp", ".cxx"].iter().any(|end| file.ends_with(end));
    let all = cx.tree.files().iter().filter(source);
    let defines = |file: &&String| {
        index
            .read(file)
            .filter(|s| s.text.contains(symbol))
            .is_some_and(|s| definition(&Code::new(&s), symbol).is_some())
    };
    let close = sources.iter().filter(|f| !f.ends_with(".h")).find(defines).cloned();
    close.or_else(|| all.clone().filter(near).find(defines).cloned()).or_else(|| {
        // Headers for the whole tree have their variables anywhere.
        let shared = header.starts_with("include/") || folders.iter().any(|f| f.matches('/').count() == 0);
        all.filter(|f| shared && !near(f)).find(defines).cloned()
    })
}

fn home(index: &Index<'_>, header: &str, sources: &[String]) -> Option<String> {
    let stem = index::name(header).rsplit_once('.')?.0;
    let named = sources.iter().find(|s| index::name(s).rsplit_once('.').is_some_and(|(own, _)| own == stem));
    named.or_else(|| sources.iter().find(|s| index.read(s).is_some())).cloned()
}

fn after_includes(source: &SourceFile) -> Option<usize> {
    let last = source.includes().iter().map(|i| i.end).max()?;
    Some(source.text[last..].find('\n').map_or(source.text.len(), |feed| last + feed + 1))
}

/// Two source files that define the same: the one that does not need its own gives way.
fn in_sources(index: &Index<'_>, sources: &[String], symbol: &str) -> Vec<Candidate> {
    let mut made = Vec::new();
    for file in sources {
        let Some(source) = index.read(file) else { continue };
        let code = Code::new(&source);
        let line_of = |offset: usize| source.text[..offset].matches('\n').count() as u32 + 1;
        match definition(&code, symbol) {
            Some(Definition::Variable { start, end, value, alone }) => {
                let uses = code.words(symbol).filter(|&t| is_of_file(&code, t)).count();
                let names = |h: &&&str| {
                    index.read(h).filter(|s| s.text.contains(symbol)).is_some_and(|s| {
                        let code = Code::new(&s);
                        code.words(symbol).any(|t| is_of_file(&code, t))
                    })
                };
                let headers = index.headers(file);
                let declaring: Vec<&&str> = headers.iter().filter(names).collect();
                let declared = !declaring.is_empty();
                // The source that is named like the header has the definition.
                let home = declaring.iter().any(|h| stem(h) == stem(file));
                let whole = (code.line_start(start), code.line_end(end), String::new());
                if alone && (uses == 1 || declared && value.is_none()) {
                    let title = format!("Remove the second definition of '{symbol}'");
                    let rank = 84 + 8 * u8::from(uses == 1) + 2 * u8::from(value.is_none()) - 10 * u8::from(home);
                    made.push(candidate("delete_line", title, file, line_of(start), vec![whole], rank));
                }
                if value.is_none() && uses > 1 {
                    let title = format!("Declare '{symbol}' here: 'extern'");
                    made.push(candidate(
                        "restore_extern",
                        title,
                        file,
                        line_of(start),
                        vec![(start, start, "extern ".into())],
                        80,
                    ));
                }
                if !declared && uses > 1 {
                    let title = format!("Keep '{symbol}' to this file: 'static'");
                    let rank = if value.is_some() { 78 } else { 70 };
                    made.push(candidate(
                        "restore_static",
                        title,
                        file,
                        line_of(start),
                        vec![(start, start, "static ".into())],
                        rank,
                    ));
                }
            }
            Some(Definition::Function { start, .. }) => {
                let declared =
                    index.headers(file).iter().any(|h| index.read(h).is_some_and(|s| s.text.contains(symbol)));
                if !declared {
                    let title = format!("Keep '{symbol}' to this file: 'static'");
                    made.push(candidate(
                        "restore_static",
                        title,
                        file,
                        line_of(start),
                        vec![(start, start, "static ".into())],
                        78,
                    ));
                }
            }
            None => {}
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cause};
    use super::*;

    fn doubled(symbol: &str) -> triage_causes::report::Cause {
        let mut cause = cause("multiple-definition", &format!("multiple definition of '{symbol}'"), &[symbol]);
        cause.objects = vec!["d/a.o".to_owned(), "d/b.o".to_owned()];
        cause
    }

    fn best(header: &str, a: &str, b: &str, symbol: &str) -> String {
        let (a, b) = (format!("#include \"t.h\"\n{a}"), format!("#include \"t.h\"\n{b}"));
        Bench::new(&[("d/a.c", &a), ("d/b.c", &b), ("d/t.h", header)]).best(&Linkage, &doubled(symbol))
    }

    #[test]
    fn functions_in_headers() {
        for (from, to) in [
            ("int", "static inline int"),
            ("inline int", "static inline int"),
            ("extern inline int", "static inline int"),
        ] {
            let header = format!("#ifdef X\n{from} fill(int a)\n{{\n\treturn a;\n}}\n#endif\n");
            assert_eq!(best(&header, "", "", "fill"), format!("-{from} fill(int a)\n+{to} fill(int a)\n"));
        }
    }

    #[test]
    fn variables_in_headers() {
        assert_eq!(
            best("int level; /* full */\n", "int level = 2;\n", "", "level"),
            "-int level; /* full */\n+extern int level; /* full */\n"
        );
        assert_eq!(
            best("struct tank *top;\n", "", "", "top"),
            "+\n+struct tank *top;\n-struct tank *top;\n+extern struct tank *top;\n"
        );
        let table = best("int sizes[2] = { 1, 2 };\n", "", "", "sizes");
        assert_eq!(table, "+\n+int sizes[2] = { 1, 2 };\n-int sizes[2] = { 1, 2 };\n+extern int sizes[2] ;\n");
    }

    #[test]
    fn two_sources() {
        let unused = best("", "char *name = 0;\n", "char *name = 0;\nchar *g(void) { return name; }\n", "name");
        assert_eq!(unused, "-char *name = 0;\n");
        let declared = best(
            "extern char *name;\n",
            "char *name = 0;\nchar *f(void) { return name; }\n",
            "char *name;\nchar *g(void) { return name; }\n",
            "name",
        );
        assert_eq!(declared, "-char *name;\n");
    }
}
