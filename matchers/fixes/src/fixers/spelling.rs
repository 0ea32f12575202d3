//! Misspelt names: the place of use takes the nearest name that is declared where the compiler
//! looked for it, or a declaration that alone is misspelt takes the name that is used.

use std::collections::HashMap;

use triage_causes::headers;

use super::{Candidate, Context, Fixer};
use crate::code::{Code, is_keyword};
use crate::index::{self, Index};
use crate::site::{Site, candidate, quoted, sites};
use crate::source::SourceFile;

/// See the module.
pub struct Spelling;

/// Candidates that are handed on.
const BEST: usize = 4;

impl Fixer for Spelling {
    fn name(&self) -> &'static str {
        "correct-spelling"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        matches!(
            cx.cause.class.as_str(),
            "undeclared-identifier" | "implicit-declaration" | "unknown-type" | "no-member"
        ) && !cx.cause.symbols.is_empty()
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let Some(symbol) = cx.cause.symbols.first().map(|s| bare(s)).filter(|s| s.len() >= 2) else {
            return Vec::new();
        };
        let Some(site) = sites(cx).into_iter().find(|site| site.source.text.contains(symbol)) else {
            return Vec::new();
        };
        if cx.cause.class == "no-member" { members(cx, &site, symbol) } else { names(cx, &site, symbol) }
    }
}

/// A name without `struct`, `std::`, arguments and the like.
pub(super) fn bare(symbol: &str) -> &str {
    let plain = symbol.split(['(', '<']).next().unwrap_or(symbol);
    plain.rsplit([' ', ':', '.']).next().unwrap_or(plain)
}

/// How far apart two spellings are, when a slip explains it: 0 for case and underscores alone.
pub(crate) fn slip(wrong: &str, right: &str) -> Option<usize> {
    let longer = wrong.len().max(right.len());
    if wrong == right || longer > 128 || right.len() < 2 || wrong.len().abs_diff(right.len()) > 3 {
        return None;
    }
    let plain = |s: &str| s.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect::<String>();
    let stripped = plain(wrong);
    if stripped.len() >= 3 && stripped == plain(right) {
        return Some(0);
    }
    // A swap of neighbours counts as one edit.
    let distance = strsim::osa_distance(wrong, right);
    let allowed = |length: usize| match length {
        0..=2 => 0,
        3..=7 => 1,
        8..=13 => 2,
        _ => 3,
    };
    // Where one word of the name differs, it must be like the other by itself.
    let mut words = wrong.split('_').zip(right.split('_')).filter(|(a, b)| a != b);
    let alone = wrong.matches('_').count() == right.matches('_').count();
    let part = match (words.next(), words.next()) {
        (Some((a, b)), None) if alone => a.len().max(b.len()),
        _ => longer,
    };
    let allowed = allowed(longer).min(allowed(part).max(1));
    (distance <= allowed && !only_digits_differ(wrong, right) && !opposite(wrong, right)).then_some(distance)
}

/// `pump_init` is no misspelt `pump_fini`: two names that differ in one word, each of which is right.
fn opposite(a: &str, b: &str) -> bool {
    const WORDS: &[&[&str]] = &[
        &["init", "exit", "fini"],
        &["get", "set", "put", "let"],
        &["rx", "tx"],
        &["in", "out"],
        &["on", "off"],
        &["min", "max"],
        &["lock", "unlock"],
        &["read", "write", "load"],
        &["inc", "dec"],
        &["src", "dst"],
        &["lo", "hi"],
        &["add", "del"],
    ];
    let mut differing = a.split('_').zip(b.split('_')).filter(|(a, b)| a != b);
    match (differing.next(), differing.next()) {
        (Some((a, b)), None) => WORDS.iter().any(|words| words.contains(&a) && words.contains(&b)),
        _ => false,
    }
}

/// `reg1` is no misspelt `reg2`.
fn only_digits_differ(a: &str, b: &str) -> bool {
    let plain = |s: &str| s.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    a.chars().any(|c| c.is_ascii_digit()) && b.chars().any(|c| c.is_ascii_digit()) && plain(a) == plain(b)
}

/// The names that the compiler proposes.
fn hints<'c>(cx: &Context<'c>) -> Vec<&'c str> {
    let notes = cx.cause.notes.iter().map(|n| n.message.as_str());
    let told = std::iter::once(cx.cause.message.as_str()).chain(notes);
    cx.cause.hint.as_deref().into_iter().chain(told.filter_map(|m| quoted(m, "did you mean"))).collect()
}

/// True when the name is one that a header could give: then an include is missing, no letter.
fn is_known(cx: &Context<'_>, symbol: &str) -> bool {
    let listed = headers::standard(symbol).is_some() || headers::cxx(symbol).is_some();
    // The table saves most searches of the tree.
    listed || cx.kernel && headers::kernel(symbol).is_some() || index::is_declared(cx.tree, symbol)
}

fn names(cx: &Context<'_>, site: &Site, symbol: &str) -> Vec<Candidate> {
    let code = Code::new(&site.source);
    let uses: Vec<usize> = code.words(symbol).filter(|&at| !is_member(&code, at)).collect();
    let Some(&first) = uses.first() else { return Vec::new() };
    if cx.cause.symbols.len() > 3 {
        return Vec::new();
    }
    let at = site.offset.map(|o| code.at(o)).filter(|at| uses.contains(at)).unwrap_or(first);
    let is_call = code.s(at + 1) == "(";
    let mut found: HashMap<&str, (usize, u8)> = HashMap::new();
    let mut offer = |name, rank: u8| {
        if let Some(distance) = slip(symbol, name)
            && !is_keyword(name)
        {
            let entry = found.entry(name).or_insert((distance, rank));
            entry.1 = entry.1.max(rank);
        }
    };
    let hints = hints(cx);
    hints.iter().for_each(|hint| offer(hint, 92));
    if let Some(made) = keyword(site, &code, at, symbol).filter(|_| !is_known(cx, symbol)) {
        return vec![made];
    }
    let function = code.function_at(code.toks[at].start).cloned();
    for t in (0..code.len()).filter(|&t| code.is_word(t) && !is_member(&code, t)) {
        let inside = function.as_ref().is_some_and(|f| f.first <= t && t <= f.body.1);
        let alike = (code.s(t + 1) == "(") == is_call;
        offer(code.s(t), if inside { 84 } else { 76 } + if alike { 4 } else { 0 });
    }
    let index = Index::new(cx.tree);
    let mut texts = Vec::new();
    if found.is_empty() || found.values().all(|f| f.1 < 80) {
        texts = index.headers(&site.file).into_iter().filter_map(|header| cx.tree.read(header)).collect();
    }
    let mut wide: HashMap<&str, (usize, u8)> = HashMap::new();
    for source in &texts {
        for word in words(source) {
            if let Some(distance) = slip(symbol, word)
                && !is_keyword(word)
            {
                wide.entry(word).or_insert((distance, 72));
            }
        }
    }
    let all = found.into_iter().chain(wide).map(|(name, (distance, rank))| (name, distance, rank));
    let mut renames = renames(&site.file, &code, &uses, at, symbol, all.collect());
    renames.extend(declaration(&site.file, &code, symbol, &uses));
    // Asked last: it may search the whole tree.
    if renames.is_empty() || is_known(cx, symbol) { Vec::new() } else { renames }
}

/// A statement that is a misspelt keyword: `contiune;`.
fn keyword(site: &Site, code: &Code<'_>, at: usize, wrong: &str) -> Option<Candidate> {
    let alone = at > 0 && matches!(code.s(at - 1), ";" | "{" | "}" | ")" | ":") && code.s(at + 1) == ";";
    let name = ["continue", "break", "return"].into_iter().find(|word| alone && slip(wrong, word).is_some())?;
    let tok = code.toks[at];
    let title = format!("Rename '{wrong}' to '{name}'");
    let mut made = candidate("rename", title, &site.file, tok.line, vec![(tok.start, tok.end, name.to_owned())], 94);
    made.diagnosis = Some("identifier-typo");
    Some(made)
}

/// The words of a header, preprocessor lines included: macros are names, too.
fn words(source: &SourceFile) -> impl Iterator<Item = &str> {
    source.text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| w.len() >= 3)
}

/// True for a name after `.` or `->`, and for the name of a designated initialiser.
fn is_member(code: &Code<'_>, at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| matches!(code.s(before), "." | "->"))
}

/// The renames of one name to each of several, the nearest first.
fn renames(
    file: &str,
    code: &Code<'_>,
    uses: &[usize],
    at: usize,
    from: &str,
    mut all: Vec<(&str, usize, u8)>,
) -> Vec<Candidate> {
    all.sort_by_key(|&(name, distance, rank)| {
        (std::cmp::Reverse(rank.saturating_sub(4 * distance as u8)), name.to_owned())
    });
    all.dedup_by(|a, b| a.0 == b.0);
    let line = code.toks[at].line;
    let one = |(name, distance, rank): (&str, usize, u8)| {
        let edits = uses.iter().map(|&t| (code.toks[t].start, code.toks[t].end, name.to_owned())).collect();
        let rank = rank.saturating_sub(2 * distance as u8);
        let mut made = candidate("rename", format!("Rename '{from}' to '{name}'"), file, line, edits, rank);
        made.diagnosis = Some("identifier-typo");
        made
    };
    all.into_iter().take(BEST).map(one).collect()
}

/// A variable whose declaration is misspelt and whose uses are right: it is named once only.
fn declaration(file: &str, code: &Code<'_>, symbol: &str, uses: &[usize]) -> Option<Candidate> {
    let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
    for t in (0..code.len()).filter(|&t| code.is_word(t)) {
        counts.entry(code.s(t)).or_insert((t, 0)).1 += 1;
    }
    let mut near = counts.iter().filter_map(|(name, &(at, count))| {
        let declares = count == 1
            && at > 0
            && (code.is_word(at - 1) && !matches!(code.s(at - 1), "return" | "case" | "goto") || code.s(at - 1) == "*")
            && !is_member(code, at);
        (declares && !is_keyword(name)).then(|| slip(symbol, name).map(|d| (d, at, *name)))?
    });
    let (_, at, name) = near.next().filter(|_| uses.len() >= 2)?;
    if near.next().is_some() {
        return None;
    }
    let tok = code.toks[at];
    let title = format!("Rename the declaration of '{name}' to '{symbol}'");
    let mut made = candidate("rename", title, file, tok.line, vec![(tok.start, tok.end, symbol.to_owned())], 93);
    made.diagnosis = Some("identifier-typo");
    Some(made)
}

fn members(cx: &Context<'_>, site: &Site, symbol: &str) -> Vec<Candidate> {
    let code = Code::new(&site.source);
    let uses: Vec<usize> = code.words(symbol).filter(|&at| is_member(&code, at)).collect();
    let Some(&first) = uses.first() else { return Vec::new() };
    let at = site.offset.map(|o| code.at(o)).filter(|at| uses.contains(at)).unwrap_or(first);
    let index = Index::new(cx.tree);
    let body = type_body(cx, &index, site);
    let source = body.as_ref().and_then(|(file, _)| index.read(file));
    let inside: Vec<&str> = match (&body, &source) {
        (Some((_, range)), Some(source)) => {
            let text = source.text.get(range.clone()).unwrap_or("");
            text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty() && !is_keyword(w)).collect()
        }
        _ => Vec::new(),
    };
    let mut all: HashMap<&str, (usize, u8)> = HashMap::new();
    let mut offer = |name, rank: u8| {
        if let Some(distance) = slip(symbol, name) {
            let entry = all.entry(name).or_insert((distance, rank));
            entry.1 = entry.1.max(rank);
        }
    };
    hints(cx).into_iter().for_each(|hint| offer(hint, 93));
    inside.iter().for_each(|name| offer(name, 90));
    if inside.is_empty() {
        (0..code.len()).filter(|&t| is_member(&code, t)).for_each(|t| offer(code.s(t), 80));
    }
    // The same member of another type may be spelt right elsewhere in the file.
    let here: Vec<usize> = if uses.len() > 1 && !cx.cause.places.is_empty() { uses.clone() } else { vec![at] };
    let all = all.into_iter().map(|(name, (distance, rank))| (name, distance, rank)).collect();
    let mut made = renames(&site.file, &code, &here, at, symbol, all);
    made.iter_mut().for_each(|m| m.diagnosis = Some("member-typo"));
    if let (Some((file, range)), Some(source)) = (body, source) {
        made.extend(misspelt_member(cx, &index, &file, &source, range, symbol));
    }
    made
}

/// The definition of the type that lacks the member.
fn type_body(cx: &Context<'_>, index: &Index<'_>, site: &Site) -> Option<(String, std::ops::Range<usize>)> {
    let message = &cx.cause.message;
    let named = quoted(message, "aka").or_else(|| quoted(message, "' in ")).or_else(|| {
        let first = quoted(message, "")?;
        (!message.starts_with("no member")).then_some(first)
    })?;
    let tag = bare(named.trim_end_matches(['*', ' ', '&']));
    let noted = cx.cause.notes.iter().filter_map(|n| cx.tree.find(&n.location.as_ref()?.file)).collect::<Vec<_>>();
    let headers = index.headers(&site.file);
    let files: Vec<&str> =
        std::iter::once(site.file.as_str()).chain(noted.iter().map(String::as_str)).chain(headers).collect();
    index.body(&files, tag)
}

/// A member that is misspelt where it is declared: nothing uses it, and several places use the
/// name that is missing.
fn misspelt_member(
    cx: &Context<'_>,
    index: &Index<'_>,
    file: &str,
    source: &SourceFile,
    range: std::ops::Range<usize>,
    symbol: &str,
) -> Option<Candidate> {
    if cx.cause.counts.findings < 2 && cx.cause.places.is_empty() {
        return None;
    }
    let code = Code::new(source);
    let (from, to) = (code.at(range.start), code.at(range.end));
    let mut near = (from..to).filter(|&t| {
        let ends = matches!(code.s(t + 1), ";" | "," | "[" | ":" | ")");
        code.is_word(t) && ends && slip(symbol, code.s(t)).is_some()
    });
    let at = near.next().filter(|_| near.next().is_none())?;
    let name = code.s(at);
    let users = sites(cx);
    let used = users.iter().any(|site| site.file != file && site.source.text.contains(name));
    if used || code.words(name).count() > 1 || index.named(index::name(file)).is_empty() {
        return None;
    }
    let tok = code.toks[at];
    let title = format!("Rename the member '{name}' to '{symbol}'");
    let mut made = candidate("rename", title, file, tok.line, vec![(tok.start, tok.end, symbol.to_owned())], 91);
    made.diagnosis = Some("member-typo");
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, at, cause, noted};
    use super::*;

    #[test]
    fn slips_and_other_names() {
        for (wrong, right) in
            [("recieve", "receive"), ("lnegth", "length"), ("bufSize", "buf_size"), ("tank_fil", "tank_fill")]
        {
            assert!(slip(wrong, right).is_some(), "{wrong}");
        }
        for (wrong, right) in [("bar", "baz_x"), ("reg1", "reg2"), ("i", "j"), ("read", "write"), ("same", "same")] {
            assert_eq!(slip(wrong, right), None, "{wrong}");
        }
    }

    #[test]
    fn opposites_are_no_slips() {
        for (a, b) in [
            ("pump_level_write", "pump_level_free"),
            ("pump_init", "pump_fini"),
            ("get_level", "set_level"),
            ("rx_ring", "tx_ring"),
        ] {
            assert_eq!(slip(a, b), None, "{a} {b}");
        }
        assert_eq!(slip("pump_iint", "pump_init"), Some(1));
    }

    #[test]
    fn a_keyword_that_stands_alone() {
        let text = "int f(int a)\n{\n\twhile (a) {\n\t\tif (a == 2)\n\t\t\tcontiune;\n\t\ta--;\n\t}\n\treturn Continue(a);\n}\n";
        let bench = Bench::new(&[("a.c", text)]);
        let cause = at(cause("undeclared-identifier", "'contiune' undeclared", &["contiune"]), "a.c", 5, 25);
        assert_eq!(bench.best(&Spelling, &cause), "-\t\t\tcontiune;\n+\t\t\tcontinue;\n");
    }

    #[test]
    fn a_variable_of_the_function() {
        let bench = Bench::new(&[("tank.c", "int f(void)\n{\n\tint level = 0;\n\tlevel = 2;\n\treturn levle;\n}\n")]);
        let cause = at(
            cause("undeclared-identifier", "'levle' undeclared (first use in this function)", &["levle"]),
            "tank.c",
            5,
            16,
        );
        assert_eq!(bench.best(&Spelling, &cause), "-\treturn levle;\n+\treturn level;\n");
        assert_eq!(bench.candidates(&Spelling, &cause)[0].diagnosis, Some("identifier-typo"));
    }

    #[test]
    fn a_declaration_that_is_misspelt() {
        let bench = Bench::new(&[("tank.c", "int f(void)\n{\n\tint lveel;\n\tlevel = 2;\n\treturn level;\n}\n")]);
        let cause = at(
            cause("undeclared-identifier", "'level' undeclared (first use in this function)", &["level"]),
            "tank.c",
            4,
            9,
        );
        assert_eq!(bench.best(&Spelling, &cause), "-\tint lveel;\n+\tint level;\n");
    }

    #[test]
    fn names_that_headers_have_are_not_misspelt() {
        let bench = Bench::new(&[
            ("tank.c", "int f(void)\n{\n\treturn close(3) + pipe_in(1);\n}\nint pclose(int);\n"),
            ("pipe.h", "int pipe_in(int);\n"),
        ]);
        for name in ["close", "pipe_in"] {
            let message = format!("implicit declaration of function '{name}'; did you mean 'pclose'?");
            let cause = at(cause("implicit-declaration", &message, &[name]), "tank.c", 3, 9);
            assert!(bench.changes(&Spelling, &cause).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_function_of_a_header() {
        let files = [
            ("src/tank.c", "#include \"tank.h\"\nint f(void) { return tank_fill_al(1); }\n"),
            ("src/tank.h", "#include \"pump.h\"\n"),
            ("src/pump.h", "int tank_fill_all(int);\n"),
        ];
        let cause = at(
            cause("implicit-declaration", "implicit declaration of function 'tank_fill_al'", &["tank_fill_al"]),
            "tank.c",
            2,
            22,
        );
        assert!(Bench::new(&files).best(&Spelling, &cause).contains("+int f(void) { return tank_fill_all(1); }"));
    }

    #[test]
    fn members() {
        let files = [
            ("a.c", "#include \"a.h\"\nint f(struct tank *t)\n{\n\treturn t->levle + t->pump->levle;\n}\n"),
            ("a.h", "struct tank {\n\tint level, label;\n\tstruct tank *pump;\n};\n"),
        ];
        let plain = at(cause("no-member", "'struct tank' has no member named 'levle'", &["levle"]), "a.c", 4, 19);
        let best = Bench::new(&files).best(&Spelling, &plain);
        assert!(best.contains("+\treturn t->level + t->pump->levle;"), "{best}");
        let hinted = cause("no-member", "no member named 'levle' in 'struct tank'; did you mean 'label'?", &["levle"]);
        let hinted = noted(at(hinted, "a.c", 4, 12), "'label' declared here", "a.h", 2);
        assert!(Bench::new(&files).best(&Spelling, &hinted).contains("t->level"));
    }
}
