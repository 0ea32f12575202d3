//! Unused variables, functions and labels: a declaration without effect goes; a function that lost
//! its place in a table gets it back; what only some configurations use is marked so.

use super::{Candidate, Context, Fixer};
use crate::code::{Code, Function};
use crate::index::{self, Index};
use crate::site::{Site, candidate, sites};

/// See the module.
pub struct Unused;

impl Fixer for Unused {
    fn name(&self) -> &'static str {
        "remove-unused"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "unused"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let Some(symbol) = cx.cause.symbols.first() else { return Vec::new() };
        let Some(site) = sites(cx).into_iter().next() else { return Vec::new() };
        let code = Code::new(&site.source);
        let Some(at) = code.on_line(site.line).find(|&t| code.s(t) == symbol) else { return Vec::new() };
        let option = cx.cause.option.as_deref().unwrap_or("");
        let function = code.functions.iter().find(|f| f.name == at);
        if let Some(function) = function {
            return restore(cx, &site, &code, function).into_iter().chain(mark(cx, &site, &code, function)).collect();
        }
        if option == "-Wunused-label" || code.s(at + 1) == ":" {
            return label(&site, &code, at).into_iter().collect();
        }
        if option == "-Wunused-function" {
            return Vec::new();
        }
        variable(&site, &code, at)
    }
}

fn label(site: &Site, code: &Code<'_>, at: usize) -> Option<Candidate> {
    let (start, end) = (code.toks[at].start, code.toks[at + 1].end);
    let alone = code.text[code.line_start(start)..code.line_end(end)].trim() == &code.text[start..end];
    let edit = if alone { (code.line_start(start), code.line_end(end)) } else { (start, end) };
    let title = format!("Remove the unused label '{}'", code.s(at));
    Some(candidate("delete_line", title, &site.file, site.line, vec![(edit.0, edit.1, String::new())], 84))
}

/// A local variable: alone in its declaration the line goes, else its declarator. Assignments keep
/// their right side when it does something.
fn variable(site: &Site, code: &Code<'_>, at: usize) -> Vec<Candidate> {
    let name = code.s(at);
    let first = code.statement_start(at);
    let Some(end) = statement_end(code, at) else { return Vec::new() };
    let title = format!("Remove the unused variable '{name}'");
    let scope = code.function_at(code.toks[at].start).map_or(0..code.len(), |f| f.body.0..f.body.1);
    let other: Vec<usize> =
        code.words(name).filter(|&t| t != at && scope.contains(&t) && !matches!(code.s(t - 1), "." | "->")).collect();
    let assignments: Option<Vec<(usize, usize)>> = other.iter().map(|&t| assignment(code, t)).collect();
    let Some(assignments) = assignments else { return Vec::new() };
    // The declarators between the commas.
    let mut commas: Vec<usize> = Vec::new();
    let mut t = first;
    while t < end {
        match code.s(t) {
            "," => commas.push(t),
            "(" | "[" | "{" => t = code.partner(t).unwrap_or(t),
            _ => {}
        }
        t += 1;
    }
    let before = commas.iter().copied().rfind(|&c| c < at);
    let after = commas.iter().copied().find(|&c| c > at);
    let value = (at..after.unwrap_or(end)).find(|&t| code.s(t) == "=");
    if let Some(equals) = value
        && commas.is_empty()
        && is_effect(code, equals + 1, end)
    {
        // The value is computed for what it does.
        let mut edits = vec![(code.toks[first].start, code.toks[equals + 1].start, String::new())];
        edits.extend(assignments.iter().map(|&(s, e)| (s, e, String::new())));
        return vec![candidate("delete_line", title, &site.file, site.line, edits, 60)];
    }
    let mut edits = match (before, after) {
        (None, None) => vec![whole_lines(code, code.toks[first].start, code.toks[end].end)],
        (Some(comma), _) => vec![(code.toks[comma].start, code.toks[after.unwrap_or(end) - 1].end, String::new())],
        (None, Some(comma)) => {
            let from =
                (first..=at).rev().find(|&t| t == first || !matches!(code.s(t), "*") && t != at).map_or(at, |t| t + 1);
            vec![(code.toks[from.max(first + 1)].start, code.toks[comma + 1].start, String::new())]
        }
    };
    edits.extend(assignments.iter().map(|&(s, e)| whole_lines(code, s, e)));
    vec![candidate("delete_line", title, &site.file, site.line, edits, 90)]
}

/// The bytes of a statement that only sets the variable; none when the name is used in another way.
fn assignment(code: &Code<'_>, at: usize) -> Option<(usize, usize)> {
    let starts = matches!(code.s(at.checked_sub(1)?), ";" | "{" | "}") && code.s(at + 1) == "=";
    let end = statement_end(code, at)?;
    (starts && !is_effect(code, at + 2, end)).then(|| (code.toks[at].start, code.toks[end].end))
}

/// True when computing these tokens may do something: a call, a change.
fn is_effect(code: &Code<'_>, from: usize, to: usize) -> bool {
    (from..to).any(|t| {
        let call = code.s(t) == "(" && t > from && code.is_word(t - 1) && code.s(t - 1) != "sizeof";
        let capital = call && code.s(t - 1).chars().all(|c| !c.is_ascii_lowercase());
        call && !capital && code.s(t - 1) != "container_of"
            || matches!(code.s(t), "++" | "--" | "=" | "+=" | "-=" | "|=")
    })
}

fn statement_end(code: &Code<'_>, at: usize) -> Option<usize> {
    let mut t = at;
    while t < code.len() {
        match code.s(t) {
            ";" => return Some(t),
            "(" | "[" | "{" => t = code.partner(t)?,
            "}" => return None,
            _ => {}
        }
        t += 1;
    }
    None
}

/// The lines of these bytes, when nothing else stands on them; the blank line behind stays.
fn whole_lines(code: &Code<'_>, start: usize, end: usize) -> (usize, usize, String) {
    let (from, to) = (code.line_start(start), code.line_end(end));
    if code.text[from..start].trim().is_empty() && code.text[end..to].trim().is_empty() {
        (from, to, String::new())
    } else {
        (start, end, String::new())
    }
}

/// A static function that fits a member of a table in the same file which has none.
fn restore(cx: &Context<'_>, site: &Site, code: &Code<'_>, function: &Function) -> Vec<Candidate> {
    let name = code.s(function.name);
    let mut made = Vec::new();
    made.extend(module_line(site, code, function));
    let index = Index::new(cx.tree);
    let headers = index.headers(&site.file);
    let files: Vec<&str> = std::iter::once(site.file.as_str()).chain(headers).collect();
    for (open, tag) in tables(code) {
        let Some(close) = code.partner(open) else { continue };
        let set: Vec<usize> =
            (open..close).filter(|&t| code.s(t) == "." && code.is_word(t + 1) && code.s(t + 2) == "=").collect();
        let Some(&model) = set.last() else { continue };
        let Some((file, range)) = index.body(&files, tag) else { continue };
        let Some(source) = index.read(&file) else { continue };
        let declared = Code::new(&source);
        let (from, to) = (declared.at(range.start), declared.at(range.end));
        let parameters = code.arguments(function.params.0).len();
        for t in from..to {
            // `int (*member)(…)`
            let member = declared.s(t) == "("
                && declared.s(t + 1) == "*"
                && declared.s(t + 3) == ")"
                && declared.s(t + 4) == "(";
            if !member {
                continue;
            }
            let word = declared.s(t + 2);
            if set.iter().any(|&s| code.s(s + 1) == word) {
                continue;
            }
            let rank = match () {
                () if name == word || name.ends_with(&format!("_{word}")) => 86,
                () if name.contains(word) && word.len() >= 4 => 72,
                () => continue,
            };
            let counts = declared.arguments(t + 4).len() == parameters;
            let relative = shared_stem(code, open, &set, name);
            let rank = rank + 4 * u8::from(counts) + 4 * u8::from(relative);
            // In the order of the struct, as far as the table keeps it.
            let order = |m: &str| (from..to).find(|&d| declared.s(d) == m && declared.s(d + 1) == ")");
            let behind = set.iter().copied().rfind(|&s| order(code.s(s + 1)).is_some_and(|o| o < t)).unwrap_or(model);
            let line_at = code.toks[behind].start;
            let indent = code.indent(line_at);
            let mut last = behind;
            while last + 1 < close && code.s(last + 1) != "," {
                last = code.partner(last + 1).filter(|&p| p > last && p < close).unwrap_or(last + 1);
            }
            let comma = code.s(last + 1) == ",";
            let insert = if comma { code.toks[last + 1].end } else { code.toks[last].end };
            let text = format!(
                "{}{}{indent}.{word}{}= {name},",
                if comma { "" } else { "," },
                code.newline(),
                gap(code, behind, word)
            );
            let line = code.toks[last].line + 1;
            let title = format!("Put '{name}' back into the table as '.{word}'");
            made.push(candidate("restore_use", title, &site.file, line, vec![(insert, insert, text)], rank));
        }
    }
    made.sort_by_key(|c| std::cmp::Reverse(c.rank));
    made.truncate(4);
    made
}

/// The blanks before `=` as a neighbour has them.
fn gap(code: &Code<'_>, member: usize, word: &str) -> String {
    let (end, equals) = (code.toks[member + 1].end, code.toks[member + 2].start);
    let blanks = &code.text[end..equals];
    if blanks.contains('\t') {
        let width = |name: usize, tabs: usize| (name + 1) / 8 + tabs;
        let column = width(code.s(member + 1).len(), blanks.len());
        let own = (word.len() + 1) / 8;
        "\t".repeat(column.saturating_sub(own).max(1))
    } else if blanks.len() > 1 {
        " ".repeat((code.s(member + 1).len() + blanks.len()).saturating_sub(word.len()).max(1))
    } else {
        " ".to_owned()
    }
}

/// True when another member of the table begins like the function.
fn shared_stem(code: &Code<'_>, open: usize, set: &[usize], name: &str) -> bool {
    let stem = name.split('_').find(|p| !p.is_empty()).unwrap_or(name);
    let variable = (0..open).rev().take(6).any(|t| code.s(t).contains(stem));
    stem.len() >= 2 && (variable || set.iter().any(|&s| code.s(s + 3).starts_with(stem)))
}

/// Tables of the file: the opening brace and the struct's tag of `struct tag name = {`.
fn tables<'a>(code: &Code<'a>) -> Vec<(usize, &'a str)> {
    let opens = (3..code.len()).filter(|&t| code.s(t) == "{" && code.s(t - 1) == "=");
    opens
        .filter_map(|open| {
            let first = code.statement_start(open - 1);
            let tag = (first..open).find(|&t| code.s(t) == "struct")? + 1;
            Some((open, code.s(tag)))
        })
        .collect()
}

/// `module_init(f)` and the like that were lost: a function that is marked for it.
fn module_line(site: &Site, code: &Code<'_>, function: &Function) -> Option<Candidate> {
    let name = code.s(function.name);
    let marks: Vec<&str> = (function.first..function.name).map(|t| code.s(t)).collect();
    let macros: &[&str] = match () {
        () if marks.contains(&"__init") => &["module_init", "device_initcall", "subsys_initcall"],
        () if marks.contains(&"__exit") => &["module_exit"],
        () => return None,
    };
    if macros.iter().any(|m| code.words(m).next().is_some()) {
        return None;
    }
    let at = code.toks[function.body.1].end;
    let text = format!("{0}{1}({name});", code.newline(), macros[0]);
    let title = format!("Register '{name}' with {}()", macros[0]);
    let line = code.toks[function.body.1].line + 1;
    Some(candidate("restore_use", title, &site.file, line, vec![(at, at, text)], 82))
}

/// The mark of what not all configurations use. Only where some lines of the file depend on one:
/// elsewhere it would hide that a use was lost.
fn mark(cx: &Context<'_>, site: &Site, code: &Code<'_>, function: &Function) -> Option<Candidate> {
    let name = code.s(function.name);
    let conditional = code.words(name).count() > 1
        || site.source.text.contains("SIMPLE_DEV_PM_OPS")
        || site.source.text.contains("of_match_ptr");
    let used = site.source.text.matches(name).count() > 1;
    if !cx.kernel || !conditional || !used || index::name(&site.file).ends_with(".h") {
        return None;
    }
    let at = code.toks[function.name].start;
    let title = format!("Say that not all configurations use '{name}'");
    Some(candidate("silence_unused", title, &site.file, site.line, vec![(at, at, "__maybe_unused ".to_owned())], 40))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, at, cause};
    use super::*;

    fn changes(text: &str, message: &str, name: &str, line: u32) -> Vec<String> {
        Bench::new(&[("a.c", text)]).kernel().changes(&Unused, &at(cause("unused", message, &[name]), "a.c", line, 1))
    }

    #[test]
    fn variables() {
        for (line, expected) in [
            ("\tint old;", "-\tint old;\n"),
            ("\tint a, old;", "-\tint a, old;\n+\tint a;\n"),
            ("\tint old, a;", "-\tint old, a;\n+\tint a;\n"),
            ("\tint a, *old, b;", "-\tint a, *old, b;\n+\tint a, b;\n"),
            ("\tint old = 2 * 3;", "-\tint old = 2 * 3;\n"),
            ("\tint old = take();", "-\tint old = take();\n+\ttake();\n"),
        ] {
            let text = format!("void f(void)\n{{\n{line}\n\tg();\n}}\n");
            assert_eq!(changes(&text, "unused variable 'old'", "old", 3), [expected], "{line}");
        }
        let text = "void f(int n)\n{\n\tint old;\n\told = n;\n\tg();\n}\n";
        assert_eq!(changes(text, "variable 'old' set but not used", "old", 3), ["-\tint old;\n-\told = n;\n"]);
        let text = "void f(int n)\n{\n\tint old;\n\told = take(n);\n}\n";
        assert!(changes(text, "variable 'old' set but not used", "old", 3).is_empty());
    }

    #[test]
    fn a_label() {
        assert_eq!(
            changes("void f(void)\n{\n\tg();\nout:\n\th();\n}\n", "label 'out' defined but not used", "out", 4),
            ["-out:\n"]
        );
    }

    #[test]
    fn a_member_of_a_table() {
        let text = "struct ops {\n\tint (*open)(int);\n\tint (*close)(int);\n};\n\nstatic int tank_open(int a) { return a; }\nstatic int tank_close(int a) { return a; }\nstatic const struct ops tank_ops = {\n\t.open = tank_open,\n};\n";
        assert_eq!(changes(text, "'tank_close' defined but not used", "tank_close", 7)[0], "+\t.close = tank_close,\n");
    }

    #[test]
    fn functions_are_not_removed() {
        let text = "static int tank_close(int a) { return a; }\n";
        assert!(changes(text, "'tank_close' defined but not used", "tank_close", 1).is_empty());
    }

    #[test]
    fn a_module_without_its_start() {
        let text = "static int __init tank_init(void)\n{\n\treturn 0;\n}\nMODULE_LICENSE(\"GPL\");\n";
        assert_eq!(changes(text, "'tank_init' defined but not used", "tank_init", 1)[0], "+module_init(tank_init);\n");
    }
}
