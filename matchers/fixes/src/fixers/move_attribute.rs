//! Attributes that have no effect where they stand: from before `struct` to behind its closing
//! brace, or behind the keyword where the neighbours have it so.

use super::{Candidate, Context, Fixer};
use crate::code::Code;
use crate::site::{Site, candidate, sites};

/// See the module.
pub struct MoveAttribute;

impl Fixer for MoveAttribute {
    fn name(&self) -> &'static str {
        "move-attribute"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "ignored-attribute"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        sites(cx).iter().map(at).find(|made| !made.is_empty()).unwrap_or_default()
    }
}

fn is_tag(word: &str) -> bool {
    matches!(word, "struct" | "union" | "enum" | "class")
}

fn at(site: &Site) -> Vec<Candidate> {
    let code = Code::new(&site.source);
    let Some(point) = site.point() else { return Vec::new() };
    let near = code.at(point);
    let Some(keyword) = (near..code.len().min(near + 40)).find(|&t| is_tag(code.s(t))) else { return Vec::new() };
    let Some(first) = attributes_before(&code, keyword) else { return Vec::new() };
    let attribute = code.span(first..keyword);
    let start = code.toks[first].start;
    let removal = (start, code.toks[keyword].start, String::new());
    let brace =
        (keyword + 1..code.len().min(keyword + 24)).take_while(|&t| code.s(t) != ";").find(|&t| code.s(t) == "{");
    let close = brace.and_then(|b| code.partner(b)).filter(|&c| c > keyword);
    let (behind, after) = habits(&code);
    let mut made = Vec::new();
    if let Some(close) = close {
        let end = code.toks[close].end;
        let title = format!("Move '{attribute}' behind the closing brace");
        let edits = vec![removal.clone(), (end, end, format!(" {attribute}"))];
        made.push(candidate(
            "move_attribute",
            title,
            &site.file,
            site.line,
            edits,
            if behind >= after { 94 } else { 88 },
        ));
    }
    let end = code.toks[keyword].end;
    let title = format!("Move '{attribute}' behind '{}'", code.s(keyword));
    let edits = vec![removal, (end, end, format!(" {attribute}"))];
    made.push(candidate("move_attribute", title, &site.file, site.line, edits, if after > behind { 94 } else { 86 }));
    made
}

/// The first token of the attributes that stand right before a keyword.
fn attributes_before(code: &Code<'_>, keyword: usize) -> Option<usize> {
    let mut first = keyword;
    while let Some(before) = first.checked_sub(1) {
        let word = match code.s(before) {
            ")" => code.partner(before)?.checked_sub(1)?,
            "]" if code.partner(before).is_some_and(|o| code.s(o + 1) == "[") => {
                first = code.partner(before)?;
                continue;
            }
            _ => before,
        };
        let name = code.s(word);
        let plain =
            matches!(name, "typedef" | "static" | "const" | "extern" | "volatile" | "inline" | "register" | "else");
        let apart = code.toks[first].line > code.toks[before].line + 1;
        if !code.is_word(word) || plain || apart || is_tag(name) {
            break;
        }
        first = word;
    }
    (first < keyword).then_some(first)
}

/// How often the file has attributes behind closing braces, and how often behind the keyword.
fn habits(code: &Code<'_>) -> (usize, usize) {
    let attribute = |t: usize| code.s(t).starts_with("__");
    let behind = (1..code.len()).filter(|&t| attribute(t) && code.s(t - 1) == "}").count();
    let after = (1..code.len()).filter(|&t| attribute(t) && is_tag(code.s(t - 1))).count();
    (behind, after)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, at, cause};
    use super::*;

    #[test]
    fn behind_the_brace_or_the_keyword() {
        let message = "attribute 'packed' is ignored, place it after \"struct\" to apply attribute to type declaration";
        for (head, column) in
            [("__packed", 1), ("__attribute__((packed))", 16), ("__aligned(2 * sizeof(int)) __packed", 30)]
        {
            let bench = Bench::new(&[("a.h", &format!("int x;\n{head} struct tank {{\n\tint level;\n}};\n"))]);
            let cause = at(cause("ignored-attribute", message, &["packed"]), "a.h", 2, column);
            let expected = [
                format!("-{head} struct tank {{\n+struct tank {{\n-}};\n+}} {head};\n"),
                format!("-{head} struct tank {{\n+struct {head} tank {{\n"),
            ];
            assert_eq!(bench.changes(&MoveAttribute, &cause), expected);
        }
    }

    #[test]
    fn words_of_storage_stay() {
        let bench = Bench::new(&[("a.h", "typedef __packed struct {\n\tint level;\n} tank;\n")]);
        let cause = at(cause("ignored-attribute", "attribute 'packed' is ignored", &["packed"]), "a.h", 1, 9);
        assert_eq!(
            bench.best(&MoveAttribute, &cause),
            "-typedef __packed struct {\n+typedef struct {\n-} tank;\n+} __packed tank;\n"
        );
    }
}
