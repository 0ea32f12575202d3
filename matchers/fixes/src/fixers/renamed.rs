//! Undefined references that are slips: a definition whose name is not the one that its header
//! declares, or a use of a name that nobody defines and a near one is.

use std::collections::HashMap;

use super::spelling::slip;
use super::{Candidate, Context, Fixer};
use crate::code::{Code, is_keyword};
use crate::index::{self, Index};
use crate::site::candidate;
use crate::units;

/// See the module.
pub struct Renamed;

impl Fixer for Renamed {
    fn name(&self) -> &'static str {
        "declare-symbol"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        matches!(cx.cause.class.as_str(), "undefined-reference" | "modpost-undefined") && !cx.cause.symbols.is_empty()
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        if cx.cause.symbols.len() > 2 {
            return Vec::new();
        }
        let index = Index::new(cx.tree);
        let sources = units::sources(cx, &index);
        cx.cause.symbols.iter().flat_map(|symbol| one(cx, &index, &sources, symbol)).collect()
    }
}

/// The files with C code that a slip is looked for in: beside the users, and where the core of the
/// name occurs at all.
fn files(cx: &Context<'_>, sources: &[String], symbol: &str) -> Vec<String> {
    let users = index::users(cx.tree, symbol.trim_matches('_'));
    let folders: Vec<&str> =
        sources.iter().map(String::as_str).chain(users.iter().map(String::as_str)).map(index::folder).collect();
    let near = cx.tree.files().iter().filter(|f| f.ends_with(".c") && folders.contains(&index::folder(f))).take(2000);
    let mut all: Vec<String> = users.iter().filter(|f| f.ends_with(".c")).chain(near).cloned().collect();
    let mut seen = std::collections::HashSet::new();
    all.retain(|f| seen.insert(f.clone()));
    all
}

fn one(cx: &Context<'_>, index: &Index<'_>, sources: &[String], symbol: &str) -> Vec<Candidate> {
    let mut made = Vec::new();
    let mut defined: Vec<(String, String)> = Vec::new();
    let all = files(cx, sources, symbol);
    for file in &all {
        let Some(source) = index.read(file) else { continue };
        // Cheap enough for whole folders: only words that are near are looked at further.
        let near: Vec<&str> = near_words(&source.text, symbol);
        if near.is_empty() && !source.text.contains(symbol) {
            continue;
        }
        let code = Code::new(&source);
        for function in &code.functions {
            let name = code.s(function.name);
            let hidden = (function.first..function.name).any(|t| code.s(t) == "static");
            if hidden {
                continue;
            }
            if name == symbol {
                // It is defined; that its object is not linked is another matter.
                return Vec::new();
            }
            if near.contains(&name) {
                defined.push((file.clone(), name.to_owned()));
            }
        }
    }
    for (file, name) in defined {
        let Some(source) = index.read(&file) else { continue };
        let code = Code::new(&source);
        let users = index::users(cx.tree, &name);
        let orphan = users.iter().all(|u| *u == file) && code.words(&name).count() <= 2;
        if orphan {
            let edits = code.words(&name).map(|t| (code.toks[t].start, code.toks[t].end, symbol.to_owned())).collect();
            let line = code.words(&name).next().map_or(1, |t| code.toks[t].line);
            let title = format!("Rename the definition of '{name}' to '{symbol}'");
            made.push(candidate("rename", title, &file, line, edits, 94));
        } else {
            // The use is misspelt, when one file alone names it.
            let naming = index::users(cx.tree, symbol);
            let [user] = naming.as_slice() else { continue };
            let Some(source) = index.read(user) else { continue };
            let code = Code::new(&source);
            let uses: Vec<usize> = code.words(symbol).collect();
            let Some(&first) = uses.first() else { continue };
            let edits = uses.iter().map(|&t| (code.toks[t].start, code.toks[t].end, name.clone())).collect();
            let title = format!("Rename '{symbol}' to '{name}'");
            let mut one = candidate("rename", title, user, code.toks[first].line, edits, 90);
            one.diagnosis = Some("identifier-typo");
            made.push(one);
        }
    }
    made.truncate(4);
    made
}

/// Words that a slip or an added end could have made of a name.
fn near_words<'t>(text: &'t str, symbol: &str) -> Vec<&'t str> {
    let core = symbol.trim_matches('_');
    let mut found: HashMap<&str, ()> = HashMap::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| w.len() >= 4 && *w != symbol) {
        let ends = ["_new", "_old", "_tmp", "2", "_orig", "_"];
        let longer = word.trim_matches('_').starts_with(core)
            && ends.iter().any(|e| word.strip_suffix(e).is_some_and(|w| w.trim_matches('_') == core));
        if word.len().abs_diff(symbol.len()) <= 4
            && !found.contains_key(word)
            && (longer || slip(symbol, word).is_some())
            && !is_keyword(word)
        {
            found.insert(word, ());
        }
    }
    found.into_keys().collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cause};
    use super::*;

    fn missing(symbol: &str) -> triage_causes::report::Cause {
        let mut cause = cause("undefined-reference", &format!("undefined reference to '{symbol}'"), &[symbol]);
        cause.objects = vec!["d/a.o".to_owned()];
        cause
    }

    #[test]
    fn a_definition_of_another_name() {
        for other in ["__tank_fill", "tank_fill_new", "tank_fil"] {
            let bench = Bench::new(&[
                ("d/a.c", "#include \"t.h\"\nint g(void) { return tank_fill(1); }\n"),
                ("d/t.h", "int tank_fill(int a);\n"),
                ("d/b.c", &format!("int {other}(int a)\n{{\n\treturn a;\n}}\n")),
            ]);
            assert_eq!(
                bench.best(&Renamed, &missing("tank_fill")),
                format!("-int {other}(int a)\n+int tank_fill(int a)\n")
            );
        }
    }

    #[test]
    fn a_use_of_another_name() {
        let bench = Bench::new(&[
            ("d/a.c", "int tank_fill(int);\nint g(void) { return tank_fil(1); }\n"),
            ("d/b.c", "int tank_fill(int a)\n{\n\treturn a;\n}\n"),
        ]);
        let best = bench.best(&Renamed, &missing("tank_fil"));
        assert!(best.ends_with("+int g(void) { return tank_fill(1); }\n"), "{best}");
    }

    #[test]
    fn what_is_defined_is_not_renamed() {
        let bench = Bench::new(&[
            ("d/a.c", "int g(void) { return tank_fill(1); }\n"),
            ("d/b.c", "int tank_fill(int a) { return a; }\nint tank_fil(int a) { return a; }\n"),
        ]);
        assert!(bench.changes(&Renamed, &missing("tank_fill")).is_empty());
    }
}
