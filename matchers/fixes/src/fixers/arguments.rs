//! Calls that do not fit their function: an argument too many, one that is missing, one of another
//! type. The prototype says what is expected; other calls of the function show what is usual.

use std::collections::HashMap;
use std::ops::Range;

use super::{Candidate, Context, Fixer};
use crate::calls::{
    Call, OtherCall, Prototype, Scope, call_around, call_at, fit, goes_along, last_named, other_calls, prototype,
    similarity, walks,
};
use crate::code::{Code, is_keyword};
use crate::index::Index;
use crate::site::{Site, candidate, quoted, sites};

/// See the module.
pub struct Arguments;

/// Candidates for one call.
const BEST: usize = 5;

impl Fixer for Arguments {
    fn name(&self) -> &'static str {
        "fix-arguments"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        matches!(
            cx.cause.class.as_str(),
            "argument-count" | "incompatible-pointer" | "int-conversion" | "type-mismatch"
        )
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let all = sites(cx);
        let Some(site) = all.first() else { return Vec::new() };
        let code = Code::new(&site.source);
        if cx.cause.class == "argument-count" { count(cx, site, &code) } else { kind(cx, site, &code) }
    }
}

fn count(cx: &Context<'_>, site: &Site, code: &Code<'_>) -> Vec<Candidate> {
    let symbol = cx.cause.symbols.first().map_or("", String::as_str);
    let function = symbol.rsplit([':', '.', '>']).next().unwrap_or(symbol);
    // A pointer has no name, and a macro may be another's alias: then the place tells.
    let Some(call) = call_at(code, site, function).or_else(|| call_around(code, site)) else { return Vec::new() };
    let function = code.s(call.name);
    let index = Index::new(cx.tree);
    let arguments = code.arguments(call.open);
    let prototype = prototype(cx, &index, site, function);
    let expected = prototype.as_ref().map(|p| p.parameters.len()).or_else(|| expected_count(&cx.cause.message));
    let many = cx.cause.message.contains("too many") || cx.cause.message.contains("passed");
    let expected = expected.unwrap_or(if many { arguments.len().saturating_sub(1) } else { arguments.len() + 1 });
    if many && arguments.len() > expected {
        drop_arguments(site, code, call, &arguments, arguments.len() - expected, prototype.as_ref())
    } else if !many && arguments.len() < expected {
        add_argument(cx, &index, site, code, call, &arguments, prototype.as_ref(), expected)
    } else {
        Vec::new()
    }
}

fn expected_count(message: &str) -> Option<usize> {
    let rest = ["expected ", "requires ", "takes just ", "takes "].iter().find_map(|w| message.split_once(w))?.1;
    let rest = rest.trim_start_matches("at least ").trim_start_matches("at most ");
    if rest.starts_with("single") || rest.starts_with("no ") {
        return Some(usize::from(rest.starts_with("single")));
    }
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn made(site: &Site, line: u32, title: String, edits: Vec<(usize, usize, String)>, rank: u8) -> Candidate {
    candidate("fix_args", title, &site.file, line, edits, rank)
}

fn drop_arguments(
    site: &Site,
    code: &Code<'_>,
    call: Call,
    arguments: &[Range<usize>],
    extra: usize,
    prototype: Option<&Prototype>,
) -> Vec<Candidate> {
    let mut all = Vec::new();
    for first in (0..=arguments.len() - extra).rev() {
        let gone = first..first + extra;
        let kept: Vec<&Range<usize>> =
            arguments.iter().enumerate().filter(|(n, _)| !gone.contains(n)).map(|(_, a)| a).collect();
        let fits = prototype.map_or(0, |p| {
            kept.iter().zip(&p.parameters).map(|(a, p)| similarity(code.span((*a).clone()), &p.1)).sum::<usize>()
        });
        let (start, end) = if first > 0 {
            (code.toks[arguments[first - 1].end - 1].end, code.toks[arguments[gone.end - 1].end - 1].end)
        } else {
            let next = arguments.get(gone.end).map_or(code.toks[call.close].start, |a| code.toks[a.start].start);
            (code.toks[call.open].end, next)
        };
        let text = code.text[start..end].trim_start_matches([',', ' ']).trim_end_matches([',', ' ']);
        let title = format!("Drop the argument '{text}' of '{}'", code.s(call.name));
        let literal = arguments[gone.start].len() == 1 && !code.is_word(arguments[gone.start].start) || text == "NULL";
        let last = gone.end == arguments.len();
        let rank = 64 + 16 * u8::from(last) + 6 * u8::from(literal) + (2 * fits.min(4)) as u8;
        all.push(made(site, code.toks[call.name].line, title, vec![(start, end, String::new())], rank));
    }
    all.sort_by_key(|c| std::cmp::Reverse(c.rank));
    all.truncate(BEST);
    all
}

#[expect(clippy::too_many_arguments, reason = "one call and all that is known about it")]
fn add_argument(
    cx: &Context<'_>,
    index: &Index<'_>,
    site: &Site,
    code: &Code<'_>,
    call: Call,
    arguments: &[Range<usize>],
    prototype: Option<&Prototype>,
    expected: usize,
) -> Vec<Candidate> {
    let function = code.s(call.name);
    // Two names side by side: the comma between them is missing.
    let side_by_side = |at: &usize| code.is_word(*at) && code.is_word(at - 1) && !is_keyword(code.s(at - 1));
    if let Some(at) = arguments.iter().flat_map(|a| a.start + 1..a.end).find(side_by_side) {
        let end = code.toks[at - 1].end;
        let title = format!("Insert the missing ',' between the arguments of '{function}'");
        return vec![made(site, code.toks[at].line, title, vec![(end, end, ",".to_owned())], 95)];
    }
    let around = code.function_at(code.toks[call.name].start).cloned();
    let mut values: HashMap<(usize, String), u8> = HashMap::new();
    let mut offer = |place: usize, value: String, rank: u8| {
        let entry = values.entry((place, value)).or_insert(rank);
        *entry = (*entry).max(rank);
    };
    let scope = around.as_ref().map(|f| Scope::of(code, f)).unwrap_or_default();
    if function == "va_start"
        && let Some(last) = around.as_ref().and_then(|f| last_named(code, f))
    {
        offer(1, last, 96);
    }
    let given: Vec<&str> = arguments.iter().map(|a| code.span(a.clone())).collect();
    let missing = expected - arguments.len();
    // Which parameter is missing: the place that leaves the others fitting best.
    let places: Vec<(usize, usize)> = (0..expected)
        .map(|place| {
            let fit = prototype.map_or(0, |p| {
                let rest = p.parameters.iter().enumerate().filter(|(n, _)| !(place..place + missing).contains(n));
                rest.zip(&given).map(|((_, p), a)| similarity(a, &p.1)).sum()
            });
            (place, fit)
        })
        .filter(|(place, _)| place + missing <= expected)
        .collect();
    let best = places.iter().map(|p| p.1).max().unwrap_or(0);
    let penalty = |place: usize| {
        let fit = places.iter().find(|p| p.0 == place).map_or(0, |p| p.1);
        (4 * (best - fit).min(6)) as u8 + if place + missing == expected { 0 } else { 4 }
    };
    let others = other_calls(cx, index, site, code, call, function, expected);
    for other in &others {
        for &(place, _) in places.iter().filter(|_| missing == 1) {
            let Some(value) = other.arguments.get(place) else { continue };
            let rest: Vec<&String> =
                other.arguments.iter().enumerate().filter(|(n, _)| *n != place).map(|(_, a)| a).collect();
            let same = rest.iter().zip(&given).filter(|(a, b)| a.as_str() == **b).count();
            // `next(misc, misc_ids)` and `next(root)`: `root_ids`.
            for (theirs, ours) in rest.iter().zip(&given) {
                if theirs.as_str() != *ours
                    && theirs.len() >= 2
                    && value.contains(theirs.as_str())
                    && ours.chars().all(|c| c.is_alphanumeric() || c == '_')
                {
                    let changed = value.replace(theirs.as_str(), ours);
                    if changed.split(|c: char| !c.is_alphanumeric() && c != '_').all(|w| {
                        w.is_empty() || code.words(w).next().is_some() || w.starts_with(|c: char| c.is_ascii_digit())
                    }) {
                        offer(place, changed, 95 - penalty(place));
                    }
                }
            }
            let known = scope.knows(value, code);
            let near = if other.near { 8 } else { 0 };
            if known {
                offer(place, value.clone(), (70 + near + 4 * same.min(3) as u8).saturating_sub(penalty(place)));
            }
        }
    }
    if let Some(prototype) = prototype.filter(|_| missing == 1) {
        for &(place, _) in &places {
            let Some((kind, name)) = prototype.parameters.get(place) else { continue };
            for variable in &scope.variables {
                if given.contains(&variable.name.as_str()) {
                    continue;
                }
                let rank = match fit(kind, name, variable) {
                    0 => continue,
                    fit => (50 + 8 * fit).min(93),
                };
                let goes_along = around.as_ref().is_some_and(|f| goes_along(code, f, call, &given, &variable.name));
                let inside = given.iter().any(|g| g.contains(&variable.name) && variable.name.len() > 2);
                let rank =
                    (rank + 12 * u8::from(goes_along)).min(94).saturating_sub(penalty(place) + 8 * u8::from(inside));
                offer(place, variable.name.clone(), rank);
                if kind.contains('*')
                    && goes_along
                    && around.as_ref().is_some_and(|f| walks(code, f, call, &variable.name))
                {
                    offer(place, format!("{}++", variable.name), (rank + 1).min(95));
                }
            }
        }
    }
    for (place, value) in family(code, call, &others, missing, expected) {
        values.entry((place, value)).or_insert(88);
    }
    let mut all: Vec<((usize, String), u8)> = values.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(BEST);
    let one = |((place, value), rank): ((usize, String), u8)| {
        let edit = match arguments.get(place) {
            _ if arguments.is_empty() => (code.toks[call.open].end, code.toks[call.open].end, value.clone()),
            Some(next) => (code.toks[next.start].start, code.toks[next.start].start, format!("{value}, ")),
            None => {
                let end = code.toks[arguments[arguments.len() - 1].end - 1].end;
                (end, end, format!(", {value}"))
            }
        };
        made(site, code.toks[call.name].line, format!("Pass '{value}' to '{function}'"), vec![edit], rank)
    };
    all.into_iter().map(one).collect()
}

/// Constants of one family, `R_OK` and `W_OK`: the one that only this `case` can mean, when the
/// others go to their own. `case FILEX:` takes `X_OK`.
fn family(code: &Code<'_>, own: Call, others: &[OtherCall], missing: usize, expected: usize) -> Vec<(usize, String)> {
    let label = |at: usize| {
        let colon = (at.saturating_sub(12)..at).rev().find(|&t| code.s(t) == ":")?;
        code.is_word(colon - 1).then(|| code.s(colon - 1))
    };
    let place = expected - 1;
    let values: Vec<&str> =
        others.iter().filter(|o| o.near).filter_map(|o| o.arguments.get(place)).map(String::as_str).collect();
    let mut distinct = values.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let Some(tail) = distinct.first().and_then(|v| v.get(1..)).filter(|t| t.starts_with('_')) else {
        return Vec::new();
    };
    let one_letter =
        distinct.iter().all(|v| v.get(1..) == Some(tail) && v.starts_with(|c: char| c.is_ascii_uppercase()));
    if missing != 1 || !one_letter || distinct.len() < 2 || distinct.len() != values.len() {
        return Vec::new();
    }
    let Some(mine) = label(own.name) else { return Vec::new() };
    let theirs: String = code.words(code.s(own.name)).filter(|&t| t != own.name).filter_map(label).collect();
    let letters = mine.chars().filter(|c| !theirs.contains(*c));
    let known = |value: &String| triage_causes::headers::c(value).is_some() || code.words(value).next().is_some();
    letters.map(|letter| format!("{letter}{tail}")).filter(known).map(|value| (place, value)).collect()
}

/// An argument or a value of another type than is expected.
fn kind(cx: &Context<'_>, site: &Site, code: &Code<'_>) -> Vec<Candidate> {
    let Some(point) = site.point() else { return Vec::new() };
    let at = code.at(point);
    if cx.cause.message.contains("cast ") {
        // Inside of a macro: what it was given is an address.
        return inner_addresses(cx, site, code);
    }
    let Some((value, call, place)) = value_at(cx, site, code, at) else { return Vec::new() };
    let text = code.span(value.clone());
    let (start, end) = (code.toks[value.start].start, code.toks[value.end - 1].end);
    let line = code.toks[value.start].line;
    let types = types(cx);
    let depth = types.as_ref().map(|(has, wants)| stars(has) as i32 - stars(wants) as i32);
    let message = &cx.cause.message;
    let mut all = Vec::new();
    let mut offer = |text: String, rank: u8| {
        let title = format!("Pass '{text}' instead");
        all.push(made(site, line, title, vec![(start, end, text)], rank));
    };
    let simple = value.len() == 1
        || !text.contains(|c: char| " +-*/?<&|".contains(c))
        || text.contains("->") && !text.contains(' ');
    let address = code.s(value.start) == "&" && code.s(value.start + 1) != "&";
    if address && (depth.is_none_or(|d| d >= 1) || message.contains("remove &")) {
        offer(text[1..].trim_start().to_owned(), 94);
    }
    if code.s(value.start) == "*" && depth.is_none_or(|d| d <= -1) {
        offer(text[1..].trim_start().to_owned(), 93);
    }
    if !address && simple && (depth == Some(-1) || message.contains("take the address")) {
        offer(format!("&{text}"), 91);
    }
    if !address && simple && (depth == Some(1) || message.contains("dereference with")) {
        // `*tank` is no number, whatever its depth.
        let kin = types.as_ref().is_none_or(|(has, wants)| pointee(has) == pointee(wants));
        offer(format!("*{text}"), if kin { 86 } else { 60 });
    }
    if let (Some(call), Some(place)) = (call, place) {
        let arguments = code.arguments(call.open);
        // A macro at file scope that defines something is no call.
        let inside = code.function_at(point).is_some();
        for (other, argument) in arguments.iter().enumerate().filter(|(n, _)| *n != place && inside) {
            let near = other.abs_diff(place) == 1;
            let (a, b) = (&arguments[place.min(other)], &arguments[place.max(other)]);
            let edits = vec![
                (code.toks[a.start].start, code.toks[a.end - 1].end, code.span(b.clone()).to_owned()),
                (code.toks[b.start].start, code.toks[b.end - 1].end, code.span(a.clone()).to_owned()),
            ];
            let title = format!("Swap the arguments '{text}' and '{}'", code.span(argument.clone()));
            all.push(made(site, line, title, edits, if near { 74 } else { 66 }));
        }
    }
    if let (Some((_, wants)), Some(function)) = (&types, code.function_at(point)) {
        let scope = Scope::of(code, function);
        for variable in scope.variables.iter().filter(|v| v.name != text) {
            let rank = match fit(wants, "", variable) {
                3.. => 72,
                _ => continue,
            };
            let title = format!("Pass '{}' instead", variable.name);
            all.push(made(site, line, title, vec![(start, end, variable.name.clone())], rank));
        }
    }
    all.sort_by_key(|c| std::cmp::Reverse(c.rank));
    all.truncate(BEST);
    all
}

/// A type without its stars and qualifiers.
fn pointee(kind: &str) -> String {
    let words = kind.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| !matches!(*word, "" | "const" | "volatile")).collect::<Vec<_>>().join(" ")
}

/// Arguments on the line of a macro's use that are addresses where a value is cast.
fn inner_addresses(cx: &Context<'_>, site: &Site, code: &Code<'_>) -> Vec<Candidate> {
    if !cx.cause.message.contains("pointer to integer") && !cx.cause.message.contains("to smaller integer type") {
        return Vec::new();
    }
    let given = |at: &usize| code.s(*at) == "&" && matches!(code.s(at - 1), "(" | ",") && code.is_word(at + 1);
    let ands: Vec<usize> = code.on_line(site.line).filter(|&at| at > 0).filter(given).collect();
    let one = |at: usize| {
        let tok = code.toks[at];
        let title = format!("Pass '{}' instead of its address", code.s(at + 1));
        made(site, tok.line, title, vec![(tok.start, tok.end, String::new())], 80)
    };
    ands.into_iter().take(BEST).map(one).collect()
}

fn stars(kind: &str) -> usize {
    kind.matches('*').count() + kind.matches('[').count()
}

/// What the value is, and what is wanted, by the message and its notes.
fn types(cx: &Context<'_>) -> Option<(String, String)> {
    let message = cx.cause.message.as_str();
    for text in std::iter::once(message).chain(cx.cause.notes.iter().map(|n| n.message.as_str())) {
        let pairs = [
            ("but argument is of type", "expected"),
            ("passing", "to parameter of type"),
            ("passing", "incompatible type"),
            ("from incompatible pointer type", "assignment to"),
            ("from incompatible pointer type", "initialization of"),
            ("from", "assigning to"),
            ("with an expression of type", "initializing"),
            ("from", "initialization of"),
            ("from", "assignment to"),
            ("returning", "return type"),
        ];
        for (has, wants) in pairs {
            if text.contains(has)
                && text.contains(wants)
                && let (Some(has), Some(wants)) = (quoted(text, has), quoted(text, wants))
            {
                return Some((has.to_owned(), wants.to_owned()));
            }
        }
    }
    None
}

/// The expression that is of the wrong type; for an argument its call and its place.
fn value_at(
    cx: &Context<'_>,
    site: &Site,
    code: &Code<'_>,
    at: usize,
) -> Option<(Range<usize>, Option<Call>, Option<usize>)> {
    let message = &cx.cause.message;
    let numbered = message.split_once("argument ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<usize>().ok());
    if let (Some(number), Some(function)) = (numbered, quoted(message, " of ")) {
        let function = function.split('(').next().and_then(|f| f.rsplit([' ', ':', '*']).next()).unwrap_or(function);
        if let Some(call) = call_at(code, site, function) {
            let argument = code.arguments(call.open).get(number - 1).cloned().filter(|a| !a.is_empty())?;
            return Some((argument, Some(call), Some(number - 1)));
        }
    }
    if message.contains("passing") || message.contains("argument") {
        let open = (at.saturating_sub(400)..at)
            .rev()
            .find(|&o| code.s(o) == "(" && code.partner(o).is_some_and(|p| p > at))?;
        let arguments = code.arguments(open);
        let place = arguments.iter().position(|a| a.contains(&at))?;
        let call = Call { name: open.checked_sub(1)?, open, close: code.partner(open)? };
        return Some((arguments[place].clone(), Some(call), Some(place)));
    }
    // A value that is assigned, initialises or is returned: up to the end of the statement.
    let first = code.statement_start(at);
    let equals =
        (first..code.len().min(at + 40)).find(|&t| code.s(t) == "=" || code.s(t) == ";" || code.s(t) == "return")?;
    if code.s(equals) == ";" {
        return None;
    }
    let mut end = equals + 1;
    while end < code.len() && !matches!(code.s(end), ";" | "," | "}") {
        end = if matches!(code.s(end), "(" | "[" | "{") { code.partner(end)? } else { end } + 1;
    }
    (end > equals + 1).then_some((equals + 1..end, None, None))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, at, cause, noted};
    use super::*;

    fn body(call: &str) -> String {
        format!("#include \"a.h\"\nint g(struct tank *t, int level)\n{{\n\tfill(t, level);\n\t{call};\n}}\n")
    }

    #[test]
    fn one_too_many() {
        let bench =
            Bench::new(&[("a.c", &body("fill(t, level, 0)")), ("a.h", "int fill(struct tank *t, int level);\n")]);
        let cause = at(cause("argument-count", "too many arguments to function 'fill'", &["fill"]), "a.c", 5, 9);
        assert_eq!(
            bench.best(&Arguments, &noted(cause, "declared here", "a.h", 1)),
            "-\tfill(t, level, 0);\n+\tfill(t, level);\n"
        );
    }

    #[test]
    fn one_that_is_missing() {
        for (call, expected) in [("fill(t)", "fill(t, level)"), ("fill(level)", "fill(t, level)")] {
            let bench = Bench::new(&[("a.c", &body(call)), ("a.h", "int fill(struct tank *t, int level);\n")]);
            let cause = at(
                cause("argument-count", "too few arguments to function call, expected 2, have 1", &["fill"]),
                "a.c",
                5,
                2,
            );
            let cause = noted(cause, "'fill' declared here", "a.h", 1);
            assert_eq!(bench.best(&Arguments, &cause), format!("-\t{call};\n+\t{expected};\n"));
        }
    }

    #[test]
    fn calls_without_a_name_of_their_own() {
        let header = "struct ops {\n\tint (*fill)(struct tank *t, int level);\n};\n";
        let bench = Bench::new(&[("a.c", &body("o->fill(t)")), ("a.h", header)]);
        let cause = cause("argument-count", "too few arguments to function call, expected 2, have 1", &[]);
        assert_eq!(bench.best(&Arguments, &at(cause, "a.c", 5, 18)), "-\to->fill(t);\n+\to->fill(t, level);\n");
    }

    #[test]
    fn a_comma_between_arguments() {
        let bench = Bench::new(&[("a.c", &body("fill(t level)"))]);
        let message = "too few arguments provided to function-like macro invocation";
        let cause = at(cause("argument-count", message, &["fill"]), "a.c", 5, 14);
        assert_eq!(bench.best(&Arguments, &cause), "-\tfill(t level);\n+\tfill(t, level);\n");
    }

    #[test]
    fn addresses_in_macros() {
        let bench = Bench::new(&[("a.c", &body("x = to_le(&level)"))]);
        let cast = |message| at(cause("int-conversion", message, &[]), "a.c", 5, 6);
        let fixed = "-\tx = to_le(&level);\n+\tx = to_le(level);\n";
        assert_eq!(bench.best(&Arguments, &cast("cast from pointer to integer of different size")), fixed);
        assert_eq!(bench.best(&Arguments, &cast("cast to pointer from integer of different size")), "");
    }

    #[test]
    fn by_the_pattern_of_other_calls() {
        let text = "void g(void)\n{\n\tnext(left, left_ids);\n\tnext(right);\n}\nint right_ids;\n";
        let cause = at(cause("argument-count", "too few arguments to function 'next'", &["next"]), "a.c", 4, 2);
        assert_eq!(
            Bench::new(&[("a.c", text)]).best(&Arguments, &cause),
            "-\tnext(right);\n+\tnext(right, right_ids);\n"
        );
        let text = "void g(const char *fmt, ...)\n{\n\tva_list ap;\n\tva_start(ap);\n}\n";
        let cause = super::super::testing::cause(
            "argument-count",
            "macro \"va_start\" requires 2 arguments, but only 1 given",
            &["va_start"],
        );
        assert_eq!(
            Bench::new(&[("a.c", text)]).best(&Arguments, &at(cause, "a.c", 4, 13)),
            "-\tva_start(ap);\n+\tva_start(ap, fmt);\n"
        );
    }

    #[test]
    fn addresses() {
        for (call, note, expected) in [
            ("fill(&t, level)", "expected 'struct tank *' but argument is of type 'struct tank **'", "fill(t, level)"),
            ("fill(u, level)", "expected 'struct tank *' but argument is of type 'struct tank'", "fill(&u, level)"),
            ("fill(p, level)", "expected 'struct tank *' but argument is of type 'struct tank **'", "fill(*p, level)"),
        ] {
            let bench = Bench::new(&[("a.c", &body(call)), ("a.h", "int fill(struct tank *t, int level);\n")]);
            let message = "passing argument 1 of 'fill' from incompatible pointer type";
            let cause = noted(at(cause("incompatible-pointer", message, &[]), "a.c", 5, 14), note, "a.h", 1);
            assert_eq!(bench.best(&Arguments, &cause), format!("-\t{call};\n+\t{expected};\n"));
        }
    }

    #[test]
    fn an_assignment() {
        let bench = Bench::new(&[("a.c", "void f(struct tank *t)\n{\n\tstruct tank *u = &t;\n}\n")]);
        let message = "initialization of 'struct tank *' from incompatible pointer type 'struct tank **'";
        let cause = at(cause("incompatible-pointer", message, &[]), "a.c", 3, 26);
        assert_eq!(bench.best(&Arguments, &cause), "-\tstruct tank *u = &t;\n+\tstruct tank *u = t;\n");
    }
}
