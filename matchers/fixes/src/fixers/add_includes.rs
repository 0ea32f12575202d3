//! Names that no one header declares: all the headers that they need, included in one change.
//! Files from before C99 lack several, since they could do without any.

use std::collections::BTreeSet;

use triage_causes::headers as tables;

use super::add_include::{self, include};
use super::{Candidate, Context, Fixer};
use crate::code::{Code, is_keyword};
use crate::edit::Edit;
use crate::source::SourceFile;
use crate::symbols::includes::Includes;
use crate::symbols::{self, Header, Search};

/// See the module.
pub struct AddIncludes;

/// Headers of one change.
const HEADERS: usize = 8;
/// Names that are looked for.
const NAMES: usize = 32;
/// What a header must be worth to be included unasked.
const SURE: f32 = 40.0;

impl Fixer for AddIncludes {
    fn name(&self) -> &'static str {
        "add-includes"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        matches!(cx.cause.class.as_str(), "implicit-declaration" | "undeclared-identifier" | "unknown-type")
            && cx.cause.symbols.len() > 1
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let Some(file) = add_include::file(cx) else { return Vec::new() };
        let one_file = cx.cause.places.iter().filter_map(|place| cx.tree.find(&place.file)).all(|other| other == file);
        if !one_file {
            return Vec::new();
        }
        let names = add_include::own_names(cx);
        let Some(made) = headers(cx, &file, &names).filter(|made| made.written.len() > 1) else { return Vec::new() };
        vec![Candidate {
            kind: "add_include",
            title: format!("include {} in {file}", listed(&made.written)),
            header: Some(made.first),
            line: made.line,
            diagnosis: Some("missing-include"),
            file: Some(file),
            package: None,
            edits: made.edits,
            // One header is tried first where it has nearly all: the rest may follow from it.
            rank: 95,
        }]
    }
}

/// The includes that a file needs.
pub(super) struct Includable {
    /// The headers as they are written: `<a.h>`, `"b.h"`.
    pub(super) written: Vec<String>,
    /// The first of them, without brackets or quotes.
    pub(super) first: String,
    /// The line of the first, counted from 1.
    pub(super) line: Option<u32>,
    /// The lines that are put in.
    pub(super) edits: Vec<Edit>,
}

/// The headers for some names of a file: for what the best one lacks the next best. None when there
/// is none.
pub(super) fn headers(cx: &Context<'_>, file: &str, names: &[String]) -> Option<Includable> {
    let others = add_include::others(cx);
    let mut left: Vec<&str> = names.iter().map(String::as_str).take(NAMES).collect();
    let (mut paths, mut edits, mut first) = (Vec::new(), Vec::new(), None);
    while !left.is_empty() && paths.len() < HEADERS {
        let search = Search {
            file,
            names: left.clone(),
            cxx: add_include::is_cxx(cx),
            complete: false,
            arch: cx.arch(),
            kernel: cx.kernel,
            others: others.iter().map(|(file, name)| (file.as_str(), name.as_str())).collect(),
        };
        let answer = symbols::headers(cx.tree, &search);
        let mut good = answer.headers.iter().filter(|header| !header.visible && header.score > SURE);
        let whole = |header: &&Header| left.iter().all(|name| header.gives.iter().any(|given| given == name));
        let best = good.clone().find(whole).or_else(|| good.next());
        let made = best.and_then(|best| Some((best, include(cx, &[file.to_owned()], best, &answer, 0)?)));
        match made {
            Some((best, one)) => {
                first = first.min(one.line).or(first).or(one.line);
                edits.extend(one.edits);
                let written = if best.system { format!("<{}>", best.path) } else { format!("\"{}\"", best.path) };
                paths.push((best.path.clone(), written));
                left.retain(|name| !best.gives.iter().any(|given| given == name));
            }
            // What no header has is another matter.
            None => break,
        }
    }
    paths.sort();
    let first_path = paths.first()?.0.clone();
    let written = paths.into_iter().map(|(_, written)| written).collect();
    Some(Includable { written, first: first_path, line: first, edits: joined(edits) })
}

/// Insertions at one place as one, sorted as lists of includes are.
fn joined(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_by(|a, b| (&a.file, a.start, &a.text).cmp(&(&b.file, b.start, &b.text)));
    let mut all: Vec<Edit> = Vec::new();
    for edit in edits {
        match all.last_mut().filter(|last| last.file == edit.file && last.start == edit.start) {
            Some(last) => {
                // Blank lines around the first stay around all.
                let line = edit.text.trim_matches(['\r', '\n']);
                let end = last.text.trim_end_matches(['\r', '\n']).len();
                let feed = if last.text.contains("\r\n") { "\r\n" } else { "\n" };
                last.text.insert_str(end, &format!("{feed}{line}"));
            }
            None => all.push(edit),
        }
    }
    all
}

/// Headers in words: `<a.h>, <b.h> and "c.h"`.
pub(super) fn listed(written: &[String]) -> String {
    match written.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => written.concat(),
    }
}

/// The standard functions that a C file calls and nothing declares, as far as can be seen: where a
/// parser gave up, the compiler has not come to say so. What stands in a conditional is left out.
pub(super) fn called(cx: &Context<'_>, file: &str, source: &SourceFile) -> Vec<String> {
    let code = Code::new(source);
    let conditional = conditional_lines(source);
    let includes = Includes::new(cx.tree, None);
    let mut included: BTreeSet<String> = includes.of(file).iter().map(|line| line.path.clone()).collect();
    for header in includes.closure(file, 64).keys() {
        included.extend(includes.of(header).iter().map(|line| line.path.clone()));
    }
    let macros: BTreeSet<&str> = source
        .directives()
        .filter(|(words, _)| words.get(1).is_some_and(|word| source.token_text(word) == "define"))
        .filter_map(|(words, _)| words.get(2).map(|word| source.token_text(word)))
        .collect();
    let mut found: Vec<String> = Vec::new();
    let mut declared: BTreeSet<&str> = code.functions.iter().map(|function| code.s(function.name)).collect();
    for at in 0..code.len() {
        let name = code.s(at);
        if !code.is_word(at) || code.s(at + 1) != "(" || is_keyword(name) || found.iter().any(|f| f == name) {
            continue;
        }
        let body = code.function_at(code.toks[at].start).is_some_and(|function| at > function.body.0);
        let before = at.checked_sub(1).map_or("", |before| code.s(before));
        // `int f(…)`, `char *f(…)`: a declaration, also one inside of a function.
        let typed = at > 0 && (code.is_word(at - 1) && !matches!(before, "return" | "else" | "do"));
        if !body || typed || (before == "*" && declares(&code, at)) {
            declared.insert(name);
            continue;
        }
        let member = matches!(before, "." | "->" | "~");
        let hidden = conditional.iter().any(|range| range.contains(&code.toks[at].line));
        if member || hidden || declared.contains(name) || macros.contains(name) {
            continue;
        }
        let standard = tables::all_c(name);
        if !standard.is_empty() && !standard.iter().any(|header| included.contains(*header)) && found.len() < NAMES {
            found.push(name.to_owned());
        }
    }
    found
}

/// True when the statement of a name is a declaration: it starts with a type.
fn declares(code: &Code<'_>, at: usize) -> bool {
    let first = code.statement_start(at);
    matches!(
        code.s(first),
        "char" | "int" | "long" | "short" | "unsigned" | "signed" | "void" | "double" | "float" | "struct" | "extern"
    )
}

/// The lines in conditionals other than the include guard.
fn conditional_lines(source: &SourceFile) -> Vec<std::ops::Range<u32>> {
    let base = usize::from(source.guard().is_some());
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for (words, _) in source.directives() {
        match words.get(1).map(|word| source.token_text(word)) {
            Some("if" | "ifdef" | "ifndef") => open.push(words[0].line),
            Some("endif") => {
                if let Some(first) = open.pop()
                    && open.len() == base
                {
                    found.push(first..words[0].line);
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::AddIncludes;
    use crate::testing::best;

    fn undeclared(line: u32, name: &str) -> String {
        format!("a.c:{line}:2: error: implicit declaration of function '{name}' [-Wimplicit-function-declaration]\n")
    }

    #[test]
    fn all_headers_at_once() {
        let files = [(
            "a.c",
            "#include <stdio.h>\n\nint f(int fd, char *to)\n{\n\tmemset(to, 0, 9);\n\tclose(fd);\n\texit(1);\n}\n",
        )];
        let log = format!("{}{}{}", undeclared(5, "memset"), undeclared(6, "close"), undeclared(7, "exit"));
        let text = &best(&AddIncludes, &files, &log)[0].1;
        let expected = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n\nint f";
        assert!(text.starts_with(expected), "{text}");
        let files =
            [("a.c", "/* Pump */\nint f(int fd, char *to)\n{\n\tmemset(to, 0, 9);\n\tclose(fd);\n\texit(1);\n}\n")];
        let log = format!("{}{}{}", undeclared(4, "memset"), undeclared(5, "close"), undeclared(6, "exit"));
        let text = &best(&AddIncludes, &files, &log)[0].1;
        let expected = "/* Pump */\n\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n\nint f";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn one_header_is_not_this_ones_matter() {
        let files =
            [("a.c", "#include <stdio.h>\n\nint f(char *to)\n{\n\tmemset(to, 0, 9);\n\treturn strlen(to);\n}\n")];
        let log = format!("{}{}", undeclared(5, "memset"), undeclared(6, "strlen"));
        assert!(best(&AddIncludes, &files, &log).is_empty());
    }
}
