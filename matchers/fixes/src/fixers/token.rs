//! Missing punctuation: `;`, `)`, `}`, `,`, a quote. The compiler notices at the token after the
//! gap; the new one goes behind the token before it. Missing braces are noticed far away: the
//! indentation shows where they were.

use super::{Candidate, Context, Fixer, attribute_name};
use crate::code::{Code, is_keyword};
use crate::index::Index;
use crate::site::{Site, candidate, quoted, sites};

/// See the module.
pub struct Token;

impl Fixer for Token {
    fn name(&self) -> &'static str {
        "add-token"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "syntax-error" || unbalanced(cx) || cx.rule.is_some_and(|rule| rule.name == "add-token")
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let mut made = Vec::new();
        for site in sites(cx).into_iter().take(2) {
            let code = Code::new(&site.source);
            if unbalanced(cx) {
                braces(cx, &site, &code, &mut made);
                continue;
            }
            unterminated(cx, &site, &code, &mut made);
            let Some(point) = site.point() else { continue };
            if let Some(word) = cx.rule.and_then(|rule| rule.with.get("token")).map(|w| w.trim())
                && matches!(word, "typename" | "template")
            {
                made.push(insertion(&site, site.line, point, &format!("{word} "), word, 88));
            }
            expected(cx, &site, &code, point, &mut made);
            quotes(cx, &site, &mut made);
            braces(cx, &site, &code, &mut made);
        }
        made
    }
}

/// Classes of messages that a brace may be missing behind, though they speak of something else: the
/// indentation tells.
fn unbalanced(cx: &Context<'_>) -> bool {
    const SIGNS: &[(&str, &str)] = &[
        ("control-flow", "indentation"),
        ("control-flow", "does not guard"),
        ("control-flow", "within a loop"),
        ("control-flow", "within loop"),
        ("control-flow", "not in a loop"),
        ("conflicting-types", "non-static declaration"),
        ("implicit-int", "parameter list without types"),
        ("implicit-int", "data definition has no type"),
        ("implicit-int", "type specifier missing"),
        ("unused", "defined but not used"),
    ];
    SIGNS.iter().any(|(class, words)| cx.cause.class == *class && cx.cause.message.contains(words))
}

/// The call of a macro whose bracket is not closed: it swallows all that comes after it.
fn unterminated(cx: &Context<'_>, site: &Site, code: &Code<'_>, made: &mut Vec<Candidate>) {
    if !cx.cause.message.contains("unterminated") {
        return;
    }
    let named = quoted(&cx.cause.message.replace('"', "'"), "macro")
        .map(str::to_owned)
        .or_else(|| cx.cause.symbols.first().cloned());
    let open = (0..code.len()).find(|&at| {
        let called = at > 0 && code.s(at) == "(" && code.partner(at).is_none() && code.is_word(at - 1);
        called && named.as_ref().map_or(code.toks[at].line == site.line, |name| code.s(at - 1) == name)
    });
    let Some(open) = open else { return };
    let Some(mut last) = code.on_line(code.toks[open].line).last() else { return };
    while last > open && matches!(code.s(last), ";" | "{" | ",") {
        last -= 1;
    }
    let tok = code.toks[last];
    made.push(insertion(site, tok.line, tok.end, ")", ")", 93));
}

fn insertion(site: &Site, line: u32, at: usize, text: &str, token: &str, rank: u8) -> Candidate {
    let title = format!("Insert the missing '{token}'");
    let mut made = candidate("insert_token", title, &site.file, line, vec![(at, at, text.to_owned())], rank);
    made.diagnosis = Some("syntax-error");
    made
}

/// The tokens that the message asks for, in its order.
fn asked(message: &str) -> Vec<&str> {
    let Some(rest) = message.split_once("expected ").map(|(_, rest)| rest) else { return Vec::new() };
    let ends = [" before ", " after ", " at ", " to ", " in ", " on "].iter().filter_map(|w| rest.find(w)).min();
    let list = &rest[..ends.unwrap_or(rest.len())];
    let quoted = list.split('\'').skip(1).step_by(2);
    quoted.filter(|t| matches!(*t, ";" | ")" | "}" | "," | "]" | "(" | "{" | ":" | "=" | ">")).collect()
}

fn expected(cx: &Context<'_>, site: &Site, code: &Code<'_>, point: usize, made: &mut Vec<Candidate>) {
    let message = &cx.cause.message;
    let mut tokens = asked(message);
    if message.contains("expected function body") {
        tokens.push("{");
    }
    // What is pointed at is either behind the gap or the gap itself.
    let next = code.toks.partition_point(|t| t.start < point && t.end <= point);
    let Some(before) = next.checked_sub(1) else {
        return header_end(cx, site, made);
    };
    if includes_between(site, code.toks[before].line, site.line) {
        header_end(cx, site, made);
    }
    let vague = ["expected expression", "expected identifier", "expected declaration", "expected unqualified-id"];
    if vague.iter().any(|words| message.contains(words)) && !matches!(code.s(before), ";" | "{" | "}") {
        tokens.push(";");
    }
    let (end, line) = (code.toks[before].end, code.toks[before].line);
    let apart = code.toks.get(next).is_none_or(|t| t.line > line);
    let starts_value = |at: usize| {
        code.is_word(at)
            || code.s(at).starts_with(|c: char| c == '"' || c == '\'' || c.is_ascii_digit())
            || matches!(code.s(at), "." | "&" | "{")
    };
    let ends_value = !matches!(code.s(before), ";" | "{" | "," | "(" | "=" | ":") && !is_keyword(code.s(next));
    let in_list = ends_value && tokens.iter().any(|t| matches!(*t, ")" | "}" | ",")) && starts_value(next);
    if !apart && attribute_name::beside(code, point).is_some() {
        // An attribute macro that is not known stands in a gap that no token closes.
        return;
    }
    // `} static int f(void)`: what stands between still fits, so the compiler went on to `int`.
    let storage = |at: usize| matches!(code.s(at), "static" | "extern" | "const" | "inline" | "typedef" | "register");
    if tokens.contains(&";") && storage(before) {
        let gap = (0..before).rev().find(|&at| !storage(at));
        if let Some(tok) =
            gap.filter(|&at| matches!(code.s(at), "}" | ")" | "]") || code.is_word(at)).map(|at| code.toks[at])
        {
            made.push(insertion(site, tok.line, tok.end, ";", ";", 94));
            return;
        }
    }
    for (nth, token) in tokens.iter().enumerate() {
        let likely = match *token {
            // A control line has no end of its own.
            ";" if controls(code, before) => 40,
            "(" if matches!(code.s(before), "}" | "{" | ";") => 30,
            ";" if apart => 92,
            "," if in_list && !apart => 90,
            ";" => 84,
            ")" => 90,
            "}" | "," => 78,
            "=" => 60,
            _ => 82,
        };
        let text = match *token {
            "{" if apart => format!("{}{}{{", code.newline(), code.indent(code.toks[before].start)),
            "{" => " {".to_owned(),
            "}" => continue,
            other => other.to_owned(),
        };
        made.push(insertion(site, line, end, &text, token, likely - nth.min(9) as u8));
    }
    if in_list && !tokens.contains(&",") {
        let rank = if tokens.contains(&"}") || follows_in_list(code, next) { 91 } else { 80 };
        made.push(insertion(site, line, end, ",", ",", rank));
    }
    if tokens.contains(&")") && code.is_word(before) && starts_type(code.s(next)) && !apart {
        made.push(insertion(site, line, end, ",", ",", 92));
    }
    if tokens.contains(&")") {
        // The bracket may be missing further to the front: at the end of that line, before what
        // ends the statement.
        for at in open_bracket_ends(code, before) {
            made.push(insertion(site, code.toks[at].line, code.toks[at].end, ")", ")", 74));
        }
    }
    if code.s(next) == ")" && code.partner(next).is_none() {
        let tok = code.toks[next];
        let title = "Remove the ')' that closes nothing".to_owned();
        made.push(candidate(
            "insert_token",
            title,
            &site.file,
            tok.line,
            vec![(tok.start, tok.end, String::new())],
            86,
        ));
    }
}

/// True for the `)` of `if (…)`, `while (…)` and the like.
fn controls(code: &Code<'_>, at: usize) -> bool {
    let head = code.partner(at).filter(|_| code.s(at) == ")").and_then(|open| open.checked_sub(1));
    head.is_some_and(|head| matches!(code.s(head), "if" | "while" | "for" | "switch"))
}

/// True for words that the next parameter begins with.
fn starts_type(word: &str) -> bool {
    const WORDS: &[&str] =
        &["struct", "union", "enum", "const", "unsigned", "signed", "int", "char", "long", "short", "void", "bool"];
    WORDS.contains(&word)
}

/// True when what stands here goes on like the next element of a list.
fn follows_in_list(code: &Code<'_>, at: usize) -> bool {
    let mut at = at + 1;
    while matches!(code.s(at), "." | "->" | "[" | "(") {
        at = if matches!(code.s(at), "[" | "(") { code.partner(at).unwrap_or(at) + 1 } else { at + 2 };
    }
    matches!(code.s(at), "," | ")" | "}")
}

/// Ends of lines between the last `(` that nothing closes and a token.
fn open_bracket_ends(code: &Code<'_>, last: usize) -> Vec<usize> {
    let Some(open) = (0..=last).rev().take(400).find(|&at| code.s(at) == "(" && code.partner(at).is_none()) else {
        return Vec::new();
    };
    let line = code.toks[open].line;
    let mut ends = Vec::new();
    if let Some(at) = code.on_line(line).last().filter(|&at| at < last) {
        ends.push(at);
        if matches!(code.s(at), "{" | ";") {
            ends.push(at - 1);
        }
    }
    ends
}

fn includes_between(site: &Site, from: u32, to: u32) -> bool {
    site.source.includes().iter().any(|include| from < include.line && include.line < to)
}

/// A `;` that is missing at the end of the header that was included just before.
fn header_end(cx: &Context<'_>, site: &Site, made: &mut Vec<Candidate>) {
    let includes = site.source.includes();
    let Some(last) = includes.iter().filter(|i| i.line < site.line).max_by_key(|i| i.line) else { return };
    let index = Index::new(cx.tree);
    let Some(header) = index.resolve(&site.file, &last.path, last.system) else { return };
    let Some(source) = index.read(header) else { return };
    let code = Code::new(&source);
    let Some(tok) = code.toks.last().filter(|_| code.s(code.len() - 1) != ";") else { return };
    let title = format!("Insert the missing ';' at the end of {header}");
    made.push(candidate("insert_token", title, header, tok.line, vec![(tok.end, tok.end, ";".to_owned())], 85));
}

/// A string that its line does not close.
fn quotes(cx: &Context<'_>, site: &Site, made: &mut Vec<Candidate>) {
    if !cx.cause.message.contains("missing terminating") {
        return;
    }
    let quote = if cx.cause.message.contains("terminating '")
        || cx.cause.message.contains("' character") && !cx.cause.message.contains('"')
    {
        "'"
    } else {
        "\""
    };
    let Some((start, end)) = site.line_bytes() else { return };
    let text = site.source.text[start..end].trim_end();
    let tail = text.trim_end_matches([')', ';', ',', ' ', '{', '}']);
    for (length, rank) in [(tail.len(), 88), (text.len(), 70)] {
        made.push(insertion(site, site.line, start + length, quote, quote, rank));
    }
    // `"text, value);`: the string may end before the arguments.
    if let Some(comma) = text.rfind("\\n,").map(|at| at + 2) {
        made.push(insertion(site, site.line, start + comma, quote, quote, 90));
    }
}

/// Braces that are missing, by the indentation of what is around them.
fn braces(cx: &Context<'_>, site: &Site, code: &Code<'_>, made: &mut Vec<Candidate>) {
    let message = &cx.cause.message;
    let far = [
        "end of input",
        "'}'",
        "identifier or '('",
        "closing brace",
        "external declaration",
        "'else'",
        "without a previous",
        "expected expression",
        "expected declaration",
        "function body",
        "unqualified-id",
        "expected statement",
        "'while'",
        "storage class",
        "function definition is not allowed",
        "specifiers",
    ];
    let vague = unbalanced(cx);
    if !vague && !far.iter().any(|sign| message.contains(sign)) {
        return;
    }
    let lines = Lines::new(code);
    let focus = site.line;
    if let Some((at, text, line)) = lines.unclosed(code, focus) {
        made.push(insertion(site, line, at, &text, "}", if vague { 82 } else { 88 }));
    }
    if let Some((at, line)) = lines.unopened(code, focus).filter(|_| cx.cause.class != "unused") {
        made.push(insertion(site, line, at, " {", "{", 87));
    }
}

/// Lines with code: number, width of the indentation, first and last token.
struct Lines {
    all: Vec<(u32, usize, usize, usize)>,
}

impl Lines {
    fn new(code: &Code<'_>) -> Self {
        let mut all: Vec<(u32, usize, usize, usize)> = Vec::new();
        for (at, tok) in code.toks.iter().enumerate() {
            match all.last_mut() {
                Some(last) if last.0 == tok.line => last.3 = at,
                _ => all.push((tok.line, width(code.indent(tok.start)), at, at)),
            }
        }
        Self { all }
    }

    /// Where a `}` is missing: a line that is as far left as one whose `{` is still open, and does not
    /// close it. The last such place before the message, for each function has its own.
    fn unclosed(&self, code: &Code<'_>, focus: u32) -> Option<(usize, String, u32)> {
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut found = None;
        for &(line, width, first, last) in &self.all {
            if line > focus + 400 || found.is_some() && line > focus + 1 {
                break;
            }
            let head = code.s(first);
            let label =
                matches!(head, "case" | "default" | "public" | "private" | "protected") || code.s(first + 1) == ":";
            if let Some(&(outer, brace)) = open.last()
                && width < outer
                && !label
                && !matches!(head, "}" | "{" | ")" | "#")
                && code.toks[brace].line < line
            {
                let offset = code.toks[first].start;
                if matches!(head, "else" | "while" | "catch") && width + 1 == outer {
                    found = Some((offset, "} ".to_owned(), line));
                } else {
                    // Behind the last line of the block, before blank lines and comments.
                    let before = code.toks[first - 1];
                    let text = format!("{}}}{}", code.indent(self.start(code, brace)), code.newline());
                    found = Some((code.line_end(before.end), text, before.line + 1));
                }
                open.clear();
            }
            if let Some(&(outer, brace)) = open.last().filter(|_| width == 0 && head == "}") {
                // The end of a function, and a block in it that is still open.
                if outer > 1 && code.toks[brace].line < line && open.len() > 1 {
                    let before = code.toks[first - 1];
                    let text = format!("{}}}{}", code.indent(self.start(code, brace)), code.newline());
                    found = Some((code.line_end(before.end), text, before.line + 1));
                }
                open.clear();
            }
            for at in first..=last {
                match code.s(at) {
                    // What such a block has inside is not indented.
                    "{" if matches!(head, "namespace" | "extern" | "inline") && width == 0 && at > first => {
                        let text = code.span(first..at);
                        let scope = text.starts_with("namespace")
                            || text.contains(" namespace")
                            || code.s(at - 1).starts_with('"');
                        open.push((usize::from(!scope), at));
                    }
                    "{" => {
                        let start = code.indent(self.start(code, at));
                        open.push((self::width(start).min(width) + 1, at));
                    }
                    "}" => drop(open.pop()),
                    _ => {}
                }
            }
        }
        found
    }

    /// The offset of the statement that a `{` belongs to: its line has the indentation of the block.
    fn start(&self, code: &Code<'_>, brace: usize) -> usize {
        let start = code.toks[code.statement_start(brace)].start;
        if width(code.indent(start)) < width(code.indent(code.toks[brace].start)) {
            start
        } else {
            code.toks[brace].start
        }
    }

    /// The end of a control line without `{`, when a `}` closes what it starts.
    fn unopened(&self, code: &Code<'_>, focus: u32) -> Option<(usize, u32)> {
        let nth = self.all.partition_point(|l| l.0 <= focus);
        for window in (0..nth.min(self.all.len())).rev().take(400) {
            let (line, width, first, last) = self.all[window];
            let each = code.s(first).contains("for_each") || code.s(first).contains("foreach");
            let control = each
                || matches!(code.s(first), "if" | "for" | "while" | "else" | "switch" | "do")
                || code.s(first) == "}" && code.s(first + 1) == "else";
            let whole = code.s(last) == ")" && code.partner(last).is_some_and(|open| open <= first + 4);
            let plain = whole || matches!(code.s(last), "else" | "do");
            if control && plain {
                // More than one statement inside, then a `}` as far left as the line itself.
                let inner: Vec<_> = self.all[window + 1..].iter().take_while(|l| l.1 > width).collect();
                let close = self.all.get(window + 1 + inner.len());
                let ends = inner.iter().filter(|l| matches!(code.s(l.3), ";" | "}")).count();
                if ends >= 2 && close.is_some_and(|c| code.s(c.2) == "}" && c.1 == width) {
                    return Some((code.toks[last].end, line));
                }
            }
        }
        None
    }
}

fn width(indent: &str) -> usize {
    indent.bytes().fold(0, |w, b| if b == b'\t' { w / 8 * 8 + 8 } else { w + 1 })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, at, cause, printed};
    use super::*;

    fn of_class(class: &str, text: &str, message: &str, line: u32, column: u32) -> String {
        let bench = Bench::new(&[("a.cc", text)]);
        bench.best(&Token, &at(cause(class, message, &[]), "a.cc", line, column))
    }

    #[test]
    fn braces_that_other_messages_give_away() {
        let text =
            "int f(int a)\n{\n\tfor (; a; a--)\n\t\tif (a == 2)\n\t\t\tcontinue;\n\t\tg(a);\n\t}\n\treturn 0;\n}\n";
        let message = "this 'for' clause does not guard...";
        let opened = "-\tfor (; a; a--)\n+\tfor (; a; a--) {\n";
        assert_eq!(of_class("control-flow", text, message, 3, 2), opened);
        assert_eq!(of_class("control-flow", text, "continue statement not within a loop", 5, 4), opened);
        let honest = "int f(int a)\n{\n\tif (a)\n\t\tg(a);\n\t\th(a);\n\treturn 0;\n}\n";
        assert_eq!(of_class("control-flow", honest, "misleading indentation", 5, 3), "");
        let text = "static int f(int a)\n{\n\tif (a) {\n\t\tg(a);\n\treturn 0;\n}\n\nint h(int a)\n{\n\treturn a;\n}\n";
        let message = "non-static declaration of 'h' follows static declaration";
        assert_eq!(of_class("conflicting-types", text, message, 8, 5), "+\t}\n");
        let closed = text.replace("g(a);", "g(a);\n\t}");
        assert_eq!(of_class("conflicting-types", &closed, message, 9, 5), "");
    }

    #[test]
    fn the_block_that_is_not_closed() {
        let table = "static const int t\n\t\t[2]\n\t\t[2] = {\n\t[0] = {\n\t\t1,\n\t},\n};\n";
        let text = format!("{table}int f(int a)\n{{\n\tif (a) {{\n\t\tg(a);\n}}\n\nint h(void)\n{{\n\treturn 0;\n}}\n");
        assert_eq!(of_class("syntax-error", &text, "function definition is not allowed here", 15, 1), "+\t}\n");
        let text = "void f(int a)\n{\n\tif (a)\n\t\tint b = a;\n\t\tg(b);\n\t}\n}\n";
        let fixed = "-\tif (a)\n+\tif (a) {\n";
        assert_eq!(of_class("syntax-error", text, "expected expression", 4, 3), fixed);
    }

    #[test]
    fn what_the_compiler_passed_over() {
        let text = "struct a {\n\tint b;\n}\n\nstatic int f(void)\n{\n\treturn 0;\n}\n";
        let message = "expected ';', identifier or '(' before 'int'";
        assert_eq!(best(text, message, 5, 8), "-}\n+};\n");
        let text = "void f(int a)\n{\n\tlist_for_each(p, l)\n\t\tg(p);\n\t\tif (p)\n\t\t\tbreak;\n\t}\n}\n";
        let fixed = "-\tlist_for_each(p, l)\n+\tlist_for_each(p, l) {\n";
        assert_eq!(of_class("control-flow", text, "break statement not within loop or switch", 6, 4), fixed);
    }

    #[test]
    fn a_comma_between_parameters() {
        let text = "static int f(struct a *one struct b *two,\n\t     int c)\n{\n}\n";
        let fixed = "-static int f(struct a *one struct b *two,\n+static int f(struct a *one, struct b *two,\n";
        assert_eq!(best(text, "expected ')'", 1, 28), fixed);
    }

    #[test]
    fn the_inside_of_a_namespace_is_not_indented() {
        let text = "namespace a {\nint b;\nextern \"C\" {\nint c;\n}\nint d\n}\n";
        assert_eq!(of_class("syntax-error", text, "expected '}' at end of input", 7, 2), "");
    }

    #[test]
    fn the_call_of_a_macro_without_its_end() {
        let text = "#define STEP(a, b) f(a, b)\nint g(void)\n{\n\tSTEP(1, 2;\n\treturn h(3);\n}\n";
        let fixed = "-\tSTEP(1, 2;\n+\tSTEP(1, 2);\n";
        assert_eq!(best(text, "unterminated argument list invoking macro \"STEP\"", 6, 1), fixed);
        assert_eq!(best(text, "unterminated function-like macro invocation", 4, 2), fixed);
    }

    fn best(text: &str, message: &str, line: u32, column: u32) -> String {
        let bench = Bench::new(&[("a.c", text)]);
        bench.best(&Token, &at(cause("syntax-error", message, &[]), "a.c", line, column))
    }

    #[test]
    fn a_semicolon() {
        let text = "int f(int a)\n{\n    int b = a\n\n    return b;\n}\n";
        for (message, line, column) in
            [("expected ',' or ';' before 'return'", 5, 5), ("expected ';' at end of declaration", 3, 14)]
        {
            assert_eq!(best(text, message, line, column), "-    int b = a\n+    int b = a;\n", "{message}");
        }
        assert_eq!(
            best("struct a { int x; }\nint y;\n", "expected ';' before 'int'", 2, 1),
            "-struct a { int x; }\n+struct a { int x; };\n"
        );
    }

    #[test]
    fn tabs_in_columns() {
        let bench = Bench::new(&[("a.c", "void f(void)\n{\n\tg()\n\th();\n}\n")]);
        let plain = at(cause("syntax-error", "expected ';' before 'h'", &[]), "a.c", 3, 12);
        assert_eq!(bench.best(&Token, &plain), "-\tg()\n+\tg();\n");
        let shown = printed(plain, "        g()", "           ^");
        assert_eq!(bench.best(&Token, &shown), "-\tg()\n+\tg();\n");
    }

    #[test]
    fn brackets() {
        assert_eq!(
            best("void f(int a)\n{\n    if (g(a)\n        h();\n}\n", "expected ')' before 'h'", 3, 13),
            "-    if (g(a)\n+    if (g(a))\n"
        );
        assert_eq!(
            best("void f(int a)\n{\n    h(a));\n}\n", "expected ';' before ')' token", 3, 9),
            "-    h(a));\n+    h(a);\n"
        );
    }

    #[test]
    fn a_comma() {
        let text = "struct t x = {\n    .a = 1\n    .b = 2,\n};\n";
        assert_eq!(best(text, "expected '}' before '.' token", 3, 5), "-    .a = 1\n+    .a = 1,\n");
        assert_eq!(
            best("void f(void)\n{\n    g(1 2);\n}\n", "expected ')' before numeric constant", 3, 9),
            "-    g(1 2);\n+    g(1, 2);\n"
        );
    }

    #[test]
    fn braces_by_indentation() {
        let text =
            "int f(int a)\n{\n\tif (a) {\n\t\tg();\n\t\th();\n\treturn 1;\n}\n\nint k(void)\n{\n\treturn 2;\n}\n";
        assert_eq!(best(text, "expected declaration or statement at end of input", 12, 1), "+\t}\n");
        let text = "int f(int a)\n{\n\tif (a) {\n\t\tg();\n\telse {\n\t\th();\n\t}\n\treturn 1;\n}\n";
        assert_eq!(best(text, "expected '}' before 'else'", 5, 9), "-\telse {\n+\t} else {\n");
        let text = "int f(int a)\n{\n\tif (a)\n\t\tg();\n\t\th();\n\t}\n\treturn 1;\n}\n";
        assert_eq!(best(text, "expected identifier or '(' before 'return'", 7, 9), "-\tif (a)\n+\tif (a) {\n");
    }

    #[test]
    fn a_header_without_its_end() {
        let bench = Bench::new(&[("a.c", "#include \"a.h\"\nint y;\n"), ("a.h", "struct a { int x; }\n")]);
        let cause = at(cause("syntax-error", "expected ';' before 'int'", &[]), "a.c", 2, 1);
        assert_eq!(bench.best(&Token, &cause), "-struct a { int x; }\n+struct a { int x; };\n");
    }

    #[test]
    fn strings() {
        assert_eq!(
            best("void f(void)\n{\n    g(\"x);\n}\n", "missing terminating \" character", 3, 7),
            "-    g(\"x);\n+    g(\"x\");\n"
        );
    }
}
