//! Format strings that do not fit their arguments: the conversion takes the argument's type.

use super::{Candidate, Context, Fixer};
use crate::code::Code;
use crate::site::{Site, candidate, quoted, sites};

/// See the module.
pub struct Format;

impl Fixer for Format {
    fn name(&self) -> &'static str {
        "fix-format"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "format"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let message = &cx.cause.message;
        let Some((told, kind)) = types(message) else { return Vec::new() };
        let defined = cx.cause.notes.iter().filter(|n| n.message.contains("format string is defined here"));
        let defined = defined.filter_map(|n| Site::of(cx, n.location.as_ref()?));
        let all: Vec<Site> = sites(cx).into_iter().take(1).chain(defined).collect();
        let made = all.iter().map(|site| at(cx, site, told, &kind)).find(|made| !made.is_empty());
        made.unwrap_or_default()
    }
}

/// What the message says of the directive (`%d`, when it is given) and of the argument's type.
fn types(message: &str) -> Option<(Option<&str>, Kind<'_>)> {
    let has = ["has type", "argument has type", "underlying type"].iter().find_map(|w| quoted(message, w))?;
    let told = message.split('\'').nth(1).filter(|t| t.starts_with('%'));
    let aka = [" (aka '", "{aka '", "aka '"].iter().find_map(|open| {
        let rest = &message[message.find("has type")?..];
        rest.split_once(open)?.1.split('\'').next()
    });
    Some((told, Kind { name: has, plain: aka.unwrap_or(has) }))
}

/// The type of an argument: as it is written, and what it stands for.
struct Kind<'m> {
    name: &'m str,
    plain: &'m str,
}

/// A conversion in a string: its bytes in the file, and its letters.
#[derive(Debug, Clone)]
struct Directive {
    start: usize,
    end: usize,
    /// `ll`, `z`, …
    length: (usize, usize),
    letter: char,
    /// Arguments that a `*` takes before the value.
    stars: usize,
}

fn at(cx: &Context<'_>, site: &Site, told: Option<&str>, kind: &Kind<'_>) -> Vec<Candidate> {
    let code = Code::new(&site.source);
    let Some(point) = site.point() else { return Vec::new() };
    // The strings of the statement that the place is in.
    let near = code.at(point).min(code.len().saturating_sub(1));
    let first = code.statement_start(near);
    let end = (near..code.len()).find(|&t| code.s(t) == ";").unwrap_or(code.len());
    let all: Vec<(usize, Directive)> = (first..end)
        .filter(|&t| code.s(t).ends_with('"'))
        .flat_map(|t| directives(code.text, code.toks[t].start, code.toks[t].end).into_iter().map(move |d| (t, d)))
        .collect();
    let written = |d: &Directive| &code.text[d.start..d.end];
    let exact = |d: &&(usize, Directive)| match told {
        Some(told) => without_flags(written(&d.1)) == without_flags(told),
        None => true,
    };
    let number = argument_number(&cx.cause.message);
    let mut ranked: Vec<(&Directive, u8)> = Vec::new();
    for (nth, (string, directive)) in all.iter().enumerate().filter(|(_, d)| exact(d)) {
        let Some((place, arguments)) = arguments(&code, *string) else { continue };
        // The value that this conversion prints.
        let before: usize = all[..nth].iter().map(|(_, d)| 1 + d.stars).sum::<usize>() + directive.stars;
        let argument = arguments.get(place + 1 + before).cloned();
        let pointed = argument.as_ref().is_some_and(|a| {
            let (from, to) = (code.toks[a.start].start, code.toks[a.end - 1].end);
            from <= point && point <= to
        });
        let on_directive = directive.start <= point && point < directive.end;
        // gcc counts the arguments of the function at the bottom of the macros.
        let direct = number == Some(place + 2 + before);
        let rank = match () {
            () if pointed || on_directive => 94,
            () if direct => 90,
            () if number.is_some_and(|n| n > place + 2 + before) => 82,
            () => 74,
        };
        ranked.push((directive, rank));
    }
    ranked.sort_by_key(|r| std::cmp::Reverse(r.1));
    let alone = ranked.len() == 1;
    let mut made = Vec::new();
    for (directive, rank) in ranked.into_iter().take(4) {
        let Some((length, letter)) = conversion(kind, directive.letter, cx.kernel) else { continue };
        let text = format!("{length}{letter}");
        let (start, end) = (directive.length.0, directive.end);
        if code.text[start..end] == text {
            continue;
        }
        let old = written(directive);
        let new = format!("{}{text}", &code.text[directive.start..start]);
        let line = site.source.text[..start].matches('\n').count() as u32 + 1;
        let title = format!("Print with '{new}' instead of '{old}'");
        let rank = if alone { rank.max(90) } else { rank };
        made.push(candidate("fix_format", title, &site.file, line, vec![(start, end, text)], rank));
    }
    made
}

/// The call that a string is an argument of: its place among them, and all of them.
fn arguments(code: &Code<'_>, string: usize) -> Option<(usize, Vec<std::ops::Range<usize>>)> {
    let open =
        (0..string).rev().take(400).find(|&o| code.s(o) == "(" && code.partner(o).is_some_and(|p| p > string))?;
    let all = code.arguments(open);
    let place = all.iter().position(|a| a.contains(&string))?;
    Some((place, all))
}

fn argument_number(message: &str) -> Option<usize> {
    message.split_once("but argument ")?.1.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The conversions of a string literal.
fn directives(text: &str, start: usize, end: usize) -> Vec<Directive> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = start;
    while at < end {
        if bytes[at] != b'%' {
            at += 1;
            continue;
        }
        let from = at;
        at += 1;
        let mut stars = 0;
        while at < end && matches!(bytes[at], b'-' | b'+' | b' ' | b'#' | b'0'..=b'9' | b'.' | b'*' | b'\'' | b'$') {
            stars += usize::from(bytes[at] == b'*');
            at += 1;
        }
        let length = at;
        while at < end && matches!(bytes[at], b'h' | b'l' | b'j' | b'z' | b't' | b'L' | b'q') {
            at += 1;
        }
        if at < end && bytes[at].is_ascii_alphabetic() {
            let letter = char::from(bytes[at]);
            found.push(Directive { start: from, end: at + 1, length: (length, at), letter, stars });
        }
        at += 1;
    }
    found
}

fn without_flags(directive: &str) -> String {
    directive.chars().filter(|c| c.is_ascii_alphabetic() || *c == '%').collect()
}

/// The length and the letter that print a type. Hexadecimal and octal stay what they are.
fn conversion(kind: &Kind<'_>, letter: char, kernel: bool) -> Option<(&'static str, char)> {
    let strip = |t: &str| t.replace("const ", "").replace("volatile ", "").trim().to_owned();
    let (name, plain) = (strip(kind.name), strip(kind.plain));
    if plain.ends_with('*') || plain.ends_with(']') {
        let text = plain.trim_end_matches(|c: char| c == '*' || c == ' ' || c == ']' || c == '[' || c.is_ascii_digit());
        let single = plain.matches('*').count() + plain.matches('[').count() == 1;
        let text = single && matches!(text, "char" | "signed char" | "unsigned char");
        return Some(("", if text { 's' } else { 'p' }));
    }
    let keep = matches!(letter, 'x' | 'X' | 'o');
    let number = |signed: bool| {
        if keep {
            letter
        } else if signed {
            if letter == 'i' { 'i' } else { 'd' }
        } else {
            'u'
        }
    };
    match name.as_str() {
        "size_t" | "std::size_t" => return Some(("z", number(false))),
        "ssize_t" => return Some(("z", number(true))),
        "ptrdiff_t" => return Some(("t", number(true))),
        "intmax_t" => return Some(("j", number(true))),
        "uintmax_t" => return Some(("j", number(false))),
        _ => {}
    }
    let words: Vec<&str> = plain.split(' ').collect();
    let longs = words.iter().filter(|w| **w == "long").count();
    let signed = !words.contains(&"unsigned");
    if words.iter().any(|w| matches!(*w, "float" | "double")) {
        let letter = if matches!(letter, 'f' | 'e' | 'g' | 'a' | 'E' | 'G' | 'F') { letter } else { 'f' };
        return (!kernel).then_some((if longs > 0 { "L" } else { "" }, letter));
    }
    let integer = ["int", "long", "short", "char", "unsigned", "signed", "_Bool", "bool", "enum"];
    if !words.iter().any(|w| integer.contains(w)) {
        return None;
    }
    Some(match () {
        () if longs >= 2 => ("ll", number(signed)),
        () if longs == 1 => ("l", number(signed)),
        () if words.contains(&"enum") => ("", number(false)),
        () => ("", number(signed)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, at, cause};
    use super::*;

    fn best(call: &str, message: &str, column: u32) -> String {
        let bench = Bench::new(&[("a.c", &format!("void f(void)\n{{\n    {call};\n}}\n"))]);
        let change = bench.best(&Format, &at(cause("format", message, &[]), "a.c", 3, column));
        change
            .lines()
            .nth(1)
            .map(|l| l.trim_start_matches("+    ").trim_end_matches(';').to_owned())
            .unwrap_or_default()
    }

    #[test]
    fn by_the_type() {
        for (message, from, to) in [
            (
                "format '%d' expects argument of type 'int', but argument 2 has type 'size_t' {aka 'long unsigned int'}",
                "%d",
                "%zu",
            ),
            ("format '%d' expects argument of type 'int', but argument 2 has type 'const char *'", "%d", "%s"),
            ("format '%ld' expects argument of type 'long int', but argument 2 has type 'int'", "%-8ld", "%-8d"),
            ("format specifies type 'int' but the argument has type 'u64' (aka 'unsigned long long')", "%d", "%llu"),
            (
                "format '%x' expects argument of type 'unsigned int', but argument 2 has type 'long unsigned int'",
                "0x%08x",
                "0x%08lx",
            ),
            ("format '%s' expects argument of type 'char *', but argument 2 has type 'void *'", "%s", "%p"),
            ("format specifies type 'char *' but the argument has type 'int'", "%s", "%d"),
        ] {
            let expected = format!("printf(\"a {to}\\n\", x)");
            assert_eq!(best(&format!("printf(\"a {from}\\n\", x)"), message, 5), expected, "{message}");
        }
    }

    #[test]
    fn the_right_one_of_several() {
        let call = "log(dev, \"%d of %d\", a, name)";
        let clang = "format specifies type 'int' but the argument has type 'char *'";
        assert_eq!(best(call, clang, 29), "log(dev, \"%d of %s\", a, name)");
        let gcc = "format '%d' expects argument of type 'int', but argument 4 has type 'char *'";
        assert_eq!(best(call, gcc, 5), "log(dev, \"%d of %s\", a, name)");
    }

    #[test]
    fn types_without_a_conversion() {
        assert_eq!(
            best("printf(\"%d\", x)", "format specifies type 'int' but the argument has type 'struct tank'", 18),
            ""
        );
        assert_eq!(best("printf(\"%d\", x)", "too many arguments for format", 5), "");
    }
}
