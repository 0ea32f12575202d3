//! Slips in devicetree sources: the sign that is missing where dtc loses its way, and labels that
//! nothing has.

use std::collections::{BTreeMap, BTreeSet};

use super::{Candidate, Context, Fixer};
use crate::edit::Edit;

/// How deep includes are followed for labels.
const DEPTH: usize = 8;

/// Repairs what dtc stumbles over.
#[derive(Debug)]
pub struct Devicetree;

impl Fixer for Devicetree {
    fn name(&self) -> &'static str {
        "fix-devicetree"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "devicetree-error"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let Some(location) = &cx.cause.location else { return Vec::new() };
        let Some(file) = cx.tree.find(&location.file) else { return Vec::new() };
        let Some(source) = cx.tree.read(&file) else { return Vec::new() };
        if let Some(label) = missing_label(&cx.cause.message) {
            return rename_label(cx, &file, label);
        }
        let line = location.line.unwrap_or(u32::MAX);
        let order = cx.cause.message.contains("must precede subnodes");
        let inserts =
            if order { open_nodes(&source.text) } else { syntax(&source.text, line, location.column.unwrap_or(1)) };
        inserts
            .into_iter()
            .map(|insert| Candidate {
                kind: "insert_token",
                title: format!("add the missing '{}'", insert.text.trim()),
                file: Some(file.clone()),
                line: Some(insert.line),
                edits: vec![Edit { file: file.clone(), start: insert.at, end: insert.at, text: insert.text }],
                rank: insert.rank,
                ..Candidate::default()
            })
            .collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Names, numbers, references, macros.
    Word,
    Text,
    Sign,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
    line: u32,
    column: u32,
}

/// Text to insert.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Insert {
    at: usize,
    line: u32,
    text: String,
    rank: u8,
}

fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut line, mut line_start) = (0, 1, 0);
    while at < bytes.len() {
        let start = at;
        let (first_line, column) = (line, (start - line_start) as u32 + 1);
        let kind = match bytes[at] {
            b if b.is_ascii_whitespace() => {
                at += 1;
                None
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at = text[at..].find('\n').map_or(bytes.len(), |end| at + end);
                None
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = text[at + 2..].find("*/").map_or(bytes.len(), |end| at + end + 4);
                None
            }
            b'#' if text[line_start..at].trim().is_empty() && is_directive(&text[at..]) => {
                loop {
                    at = text[at..].find('\n').map_or(bytes.len(), |end| at + end);
                    if at == bytes.len() || bytes[at - 1] != b'\\' {
                        break;
                    }
                    at += 1;
                }
                None
            }
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += 1 + usize::from(bytes[at] == b'\\');
                }
                at = (at + 1).min(bytes.len());
                Some(Kind::Text)
            }
            b if is_word(b) || b == b'&' && bytes.get(at + 1).is_some_and(|b| is_word(*b) || *b == b'{') => {
                at += 1;
                // A comma is part of a name, as in `vendor,name`.
                let comma = |at: usize| bytes[at] == b',' && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
                while at < bytes.len() && (is_word(bytes[at]) || comma(at)) {
                    at += 1;
                }
                Some(Kind::Word)
            }
            // `/delete-node/` and its like are one word.
            b'/' if directive_end(&text[at..]).is_some() => {
                at += directive_end(&text[at..]).unwrap_or(1);
                Some(Kind::Word)
            }
            _ => {
                at += text[at..].chars().next().map_or(1, char::len_utf8);
                Some(Kind::Sign)
            }
        };
        while !text.is_char_boundary(at) {
            at += 1;
        }
        if let Some(kind) = kind {
            tokens.push(Token { kind, start, end: at, line: first_line, column });
        }
        for (offset, _) in text[start..at].match_indices('\n') {
            line += 1;
            line_start = start + offset + 1;
        }
    }
    tokens
}

/// A line of the C preprocessor; `#address-cells` is a property.
fn is_directive(text: &str) -> bool {
    let word: String = text[1..].trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    let names = ["include", "define", "undef", "if", "ifdef", "ifndef", "else", "elif", "endif", "error", "line"];
    let rest = text[1..].trim_start().get(word.len()..).and_then(|rest| rest.chars().next());
    names.contains(&word.as_str()) && !matches!(rest, Some('-' | ','))
}

fn directive_end(text: &str) -> Option<usize> {
    let end = text[1..].find('/')? + 1;
    let name = &text[1..end];
    let known = ["dts-v1", "plugin", "include", "incbin", "bits", "delete-node", "delete-property", "memreserve"];
    (known.contains(&name) || name == "omit-if-no-ref").then_some(end + 1)
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_-.+?#@".contains(&b)
}

/// What is missing where dtc complains, the likeliest first.
fn syntax(text: &str, line: u32, column: u32) -> Vec<Insert> {
    let tokens = tokens(text);
    let sign = |i: usize| tokens.get(i).map_or("", |t: &Token| &text[t.start..t.end]);
    let at = tokens.iter().position(|t| t.line > line || t.line == line && t.column >= column).unwrap_or(tokens.len());
    let mut found = Vec::new();
    let mut push = |token: usize, text: &str, rank: u8| {
        if let Some(token) = token.checked_sub(1).and_then(|before| tokens.get(before)) {
            found.push(Insert { at: token.end, line: token.line, text: text.to_owned(), rank });
        }
    };
    let mut cells = None;
    let mut depth = 0_i32;
    let mut statement = 0;
    for i in 0..at {
        match sign(i) {
            "<" => cells = Some(i),
            ">" => cells = None,
            "{" => (depth, cells, statement) = (depth + 1, None, i + 1),
            "}" => (depth, cells) = (depth - 1, None),
            ";" => (cells, statement) = (None, i + 1),
            _ => {}
        }
    }
    // dtc reads one token ahead, and counts columns of the preprocessed text: the neighbours of the
    // place are looked at too.
    let before = at.saturating_sub(1);
    if let Some(open) = cells {
        let stop = (open..tokens.len()).find(|&i| matches!(sign(i), ";" | "{" | "}" | "=" | ">")).unwrap_or(at);
        match sign(stop) {
            ";" => push(stop, ">", 92),
            "=" => push(stop.saturating_sub(1), ">;", 92),
            _ => push(at, ">", 80),
        }
        push(at, ">;", 70);
        push(at, ">", 68);
    }
    let text_at = |i: usize| tokens.get(i).is_some_and(|t| t.kind == Kind::Text);
    let is_word = |i: usize| tokens.get(i).is_some_and(|t| t.kind == Kind::Word);
    let balance: i32 = (0..tokens.len()).map(|i| i32::from(sign(i) == "{") - i32::from(sign(i) == "}")).sum();
    if at > 0 && cells.is_none() {
        let ended = text_at(before) || matches!(sign(before), ">" | "]");
        if ended && (text_at(at) || matches!(sign(at), "<" | "[")) {
            push(at, ",", 90);
        }
        let same_line = tokens.get(at).is_some_and(|t| t.line == tokens[before].line);
        let spaced = tokens.get(at).is_some_and(|t| text[..t.start].ends_with([' ', '\t']));
        let equals = if spaced { " =" } else { " = " };
        match (sign(before), sign(at)) {
            ("}", next) if next != ";" => push(at, ";", 92),
            (_, "<" | "[") if is_word(before) => push(at, equals, 92),
            _ if is_word(before) && text_at(at) => push(at, equals, 92),
            _ if same_line && is_word(before) && before == statement && is_word(at) => push(at, equals, 93),
            ("{" | ";" | "," | "=", _) => {}
            (_, ";" | "{" | "," | "=") => {}
            _ => {
                push(at, ";", 90);
                // A node has deeper lines below it, and leaves a closing brace over.
                let named = (statement..at).all(|i| is_word(i) || matches!(sign(i), ":" | "/" | "@" | "&"));
                let deeper = tokens.get(at).zip(tokens.get(statement)).is_some_and(|(a, b)| a.column > b.column);
                if named {
                    push(at, " {", if balance < 0 && deeper { 95 } else { 86 });
                }
            }
        }
    }
    found.extend(openings(text, &tokens, line));
    // A quote that was not closed swallows the lines up to the next one.
    for token in tokens.iter().take(at + 1).filter(|t| t.kind == Kind::Text && text[t.start..t.end].contains('\n')) {
        let end = text[token.start..].find('\n').map_or(text.len(), |feed| token.start + feed);
        let body = text[token.start..end].trim_end();
        let inside = body.trim_end_matches([';', ',']).len();
        found.push(Insert { at: token.start + inside, line: token.line, text: "\"".into(), rank: 94 });
    }
    // A slip of the line that the tokens did not show.
    let last = tokens.iter().take(at).rposition(|t| t.line < line).map(|i| i + 1);
    if let Some(next) = last.filter(|next| !matches!(sign(next - 1), ";" | "{" | ",")) {
        let token = &tokens[next - 1];
        found.push(Insert { at: token.end, line: token.line, text: ";".into(), rank: 60 });
    }
    if balance > 0 {
        let ends = open_nodes(text);
        let strong = at + 1 >= tokens.len();
        found.extend(ends.into_iter().map(|end| Insert { rank: if strong { end.rank } else { end.rank - 20 }, ..end }));
    } else if balance < 0 {
        found.extend(unopened(&tokens));
    }
    let mut seen = BTreeSet::new();
    found.retain(|insert| seen.insert((insert.at, insert.text.clone())));
    found.sort_by_key(|insert| std::cmp::Reverse(insert.rank));
    found.truncate(8);
    found
}

/// Cells in a property near a line that are closed but not opened.
fn openings(text: &str, tokens: &[Token], line: u32) -> Vec<Insert> {
    let sign = |t: &Token| &text[t.start..t.end];
    let mut found = Vec::new();
    let (mut start, mut open) = (None, false);
    for (i, token) in tokens.iter().enumerate().take_while(|(_, token)| token.line <= line.saturating_add(8)) {
        match sign(token) {
            ";" | "{" | "}" => (start, open) = (None, false),
            "<" => open = true,
            "=" if start.is_none() => start = Some(i + 1),
            "," if !open => start = Some(i + 1),
            ">" if open => open = false,
            ">" => {
                if let Some(first) =
                    start.and_then(|first| tokens.get(first)).filter(|t| t.line.saturating_add(8) >= line)
                {
                    found.push(Insert { at: first.start, line: first.line, text: "<".into(), rank: 96 });
                }
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// The node that is not closed, as the indentation shows it.
fn open_nodes(text: &str) -> Vec<Insert> {
    let tokens = tokens(text);
    let sign = |t: &Token| &text[t.start..t.end];
    let indent = |t: &Token| {
        let start = text[..t.start].rfind('\n').map_or(0, |feed| feed + 1);
        let line = &text[start..];
        line[..line.len() - line.trim_start_matches([' ', '\t']).len()].to_owned()
    };
    let first = |i: usize| i == 0 || tokens[i - 1].line < tokens[i].line;
    let mut stack: Vec<String> = Vec::new();
    let mut line_first = 0;
    for (i, token) in tokens.iter().enumerate() {
        if first(i) {
            line_first = i;
        }
        let close = |at: &Token, indent: &str, rank| {
            let start = text[..at.start].rfind('\n').map_or(0, |feed| feed + 1);
            // Blank lines stay between the nodes.
            let body = text[..start].trim_end().len();
            let line = text[..body].matches('\n').count() as u32 + 2;
            Insert { at: body, line, text: format!("\n{indent}}};"), rank }
        };
        match sign(token) {
            "{" => {
                let own = indent(&tokens[line_first]);
                if let Some(open) =
                    stack.last().filter(|open| own.len() <= open.len() && !text[..token.start].is_empty())
                {
                    return vec![close(&tokens[line_first], open, 90)];
                }
                stack.push(own);
            }
            "}" => {
                let own = indent(token);
                match stack.pop() {
                    Some(open) if first(i) && own.len() < open.len() => return vec![close(token, &open, 90)],
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let Some(open) = stack.last() else { return Vec::new() };
    let body = text.trim_end().len();
    let line = text[..body].matches('\n').count() as u32 + 2;
    vec![Insert { at: body, line, text: format!("\n{open}}};"), rank: 88 }]
}

/// A node whose opening brace is missing: a name alone on its line, and deeper lines below it.
fn unopened(tokens: &[Token]) -> Vec<Insert> {
    let mut found = Vec::new();
    for (i, token) in tokens.iter().enumerate().skip(1) {
        let before = &tokens[i - 1];
        let plain = before.kind == Kind::Word && token.kind == Kind::Word && token.line > before.line;
        if plain && token.column > before.column {
            found.push(Insert { at: before.end, line: before.line, text: " {".into(), rank: 85 });
        }
    }
    found.truncate(3);
    found
}

/// The label that the message misses.
fn missing_label(message: &str) -> Option<&str> {
    let name = if let Some((_, rest)) = message.split_once("non-existent node or label ") {
        rest.trim_matches(['"', '\'']).split(['"', '\'']).next()
    } else {
        let rest = message.strip_prefix("Label or path ")?;
        rest.split(' ').next().map(|name| name.trim_matches(['"', '\'']))
    };
    name.map(|name| name.trim_start_matches('&')).filter(|name| !name.is_empty() && name.len() < 128)
}

fn rename_label(cx: &Context<'_>, file: &str, wrong: &str) -> Vec<Candidate> {
    let mut labels: BTreeMap<String, (String, u32, usize)> = BTreeMap::new();
    let mut uses: BTreeSet<(String, u32, usize)> = BTreeSet::new();
    for root in roots(cx, file, wrong) {
        let mut own = BTreeMap::new();
        let mut here = Vec::new();
        for name in closure(cx, &root) {
            let Some(source) = cx.tree.read(&name) else { continue };
            let tokens = tokens(&source.text);
            for pair in tokens.windows(2) {
                let word = &source.text[pair[0].start..pair[0].end];
                if pair[0].kind == Kind::Word && &source.text[pair[1].start..pair[1].end] == ":" {
                    own.entry(word.to_owned()).or_insert_with(|| (name.clone(), pair[0].line, pair[0].start));
                }
            }
            let user = |token: &&Token| source.text[token.start..token.end].strip_prefix('&') == Some(wrong);
            here.extend(tokens.iter().filter(user).map(|token| (name.clone(), token.line, token.start + 1)));
        }
        // The same name may be right in another file.
        if !own.contains_key(wrong) {
            labels.extend(own);
            uses.extend(here);
        }
    }
    let limit = 2.max(wrong.len() / 4);
    let mut near: Vec<(usize, &String)> =
        labels.keys().map(|label| (strsim::osa_distance(wrong, label), label)).filter(|(d, _)| *d <= limit).collect();
    near.sort();
    let mut found = Vec::new();
    for (number, (distance, label)) in near.into_iter().take(3).enumerate() {
        let rank = 92_u8.saturating_sub(distance as u8 * 4 + number as u8 * 4);
        let Some((place, line, _)) = uses.first() else { break };
        let edits = uses
            .iter()
            .map(|(file, _, at)| Edit { file: file.clone(), start: *at, end: at + wrong.len(), text: label.clone() })
            .collect();
        found.push(Candidate {
            kind: "rename",
            title: format!("refer to &{label}, not &{wrong}"),
            file: Some(place.clone()),
            line: Some(*line),
            edits,
            rank,
            ..Candidate::default()
        });
        // With several users it is the label that is misspelt.
        if uses.len() > 1
            && let Some((place, line, at)) = labels.get(label)
        {
            found.push(Candidate {
                kind: "rename",
                title: format!("name the node {wrong}, not {label}"),
                file: Some(place.clone()),
                line: Some(*line),
                edits: vec![Edit { file: place.clone(), start: *at, end: at + label.len(), text: wrong.to_owned() }],
                rank: rank + 2,
                ..Candidate::default()
            });
        }
    }
    found
}

/// The file of the message, and those next to it that use the label: dtc names the node, which
/// may stand in a file that the user's includes.
fn roots(cx: &Context<'_>, file: &str, label: &str) -> Vec<String> {
    let mut roots = vec![file.to_owned()];
    let places = cx.cause.places.iter().chain(cx.cause.notes.iter().filter_map(|note| note.location.as_ref()));
    roots.extend(places.filter_map(|place| cx.tree.find(&place.file)));
    let place = file.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let user = format!("&{label}");
    if let Some(entries) = cx.tree.inside(place).and_then(|path| std::fs::read_dir(path).ok()) {
        let mut users: Vec<String> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.ends_with(".dts") || name.ends_with(".dtsi"))
            .map(|name| if place == "." { name } else { format!("{place}/{name}") })
            .filter(|name| {
                cx.tree.load(name).is_some_and(|bytes| memchr::memmem::find(&bytes, user.as_bytes()).is_some())
            })
            .take(32)
            .collect();
        users.sort();
        roots.extend(users);
    }
    roots
}

/// The file and what it includes, as far as that lies in the tree.
pub(super) fn closure(cx: &Context<'_>, file: &str) -> Vec<String> {
    let mut queue = vec![(file.to_owned(), 0)];
    let mut seen: BTreeSet<String> = std::iter::once(file.to_owned()).collect();
    let mut files = Vec::new();
    while let Some((name, depth)) = queue.pop() {
        if let Some(source) = cx.tree.read(&name).filter(|_| depth < DEPTH) {
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let dts = folder.find("/dts").map(|at| &folder[..at + 4]);
            for line in source.text.lines() {
                let line = line.trim();
                let Some(rest) = line.strip_prefix("#include").or_else(|| line.strip_prefix("/include/")) else {
                    continue;
                };
                let path = rest.trim().trim_matches(['"', '<', '>']).trim_end_matches("\";");
                let places = [Some(folder), dts, Some("include")];
                let found =
                    places.iter().flatten().map(|place| join(place, path)).find(|path| cx.tree.read(path).is_some());
                if let Some(found) = found.filter(|found| seen.insert(found.clone())) {
                    queue.push((found, depth + 1));
                }
            }
        }
        files.push(name);
    }
    files
}

/// A path below a folder, `..` resolved.
fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn best(text: &str, line: u32, column: u32) -> String {
        let insert = syntax(text, line, column).into_iter().next().expect("a candidate");
        format!("{}{}{}", &text[..insert.at], insert.text, &text[insert.at..])
    }

    /// Breaks a good file by taking `lost` away, and expects it back.
    fn mends(good: &str, bad: &str, line: u32, column: u32) {
        assert_eq!(best(bad, line, column), good);
    }

    #[test]
    fn missing_signs() {
        let node = |body: &str| format!("/dts-v1/;\n/ {{\n{body}\n\tpump@1 {{\n\t\treg = <1>;\n\t}};\n}};\n");
        let good = node("\tmodel = \"tank\";");
        mends(&good, &node("\tmodel = \"tank\""), 4, 2);
        mends(&good, &node("\tmodel \"tank\";"), 3, 8);
        mends(&good, &node("\tmodel = \"tank;"), 5, 20);
        let cells = node("\tx = <1 2>;");
        mends(&cells, &node("\tx = <1 2;"), 3, 10);
        mends(&cells, &node("\tx <1 2>;"), 3, 4);
        let two = node("\tx = <1>;\n\ty = <2>;");
        mends(&two, &node("\tx = <1>\n\ty = <2>;"), 4, 2);
        mends(&two, &node("\tx = <1\n\ty = <2>;"), 4, 2);
        mends(&node("\tx = \"a\", \"b\";"), &node("\tx = \"a\" \"b\";"), 3, 10);
        mends(&node("\tx;"), &node("\tx"), 4, 8);
    }

    #[test]
    fn nodes_without_end() {
        let good = "/ {\n\ta {\n\t\tx;\n\t};\n\n\tb {\n\t\ty;\n\t};\n};\n";
        mends(good, "/ {\n\ta {\n\t\tx;\n\n\tb {\n\t\ty;\n\t};\n};\n", 8, 3);
        mends(good, "/ {\n\ta {\n\t\tx;\n\t}\n\n\tb {\n\t\ty;\n\t};\n};\n", 6, 2);
        mends("/ {\n\tx;\n};\n", "/ {\n\tx;\n", 2, 4);
    }

    #[test]
    fn labels_in_messages() {
        let message = "phandle_references: /a: Reference to non-existent node or label \"pmup\"";
        assert_eq!(missing_label(message), Some("pmup"));
        assert_eq!(missing_label("Label or path pmup not found"), Some("pmup"));
        assert_eq!(missing_label("syntax error"), None);
    }

    #[test]
    fn odd_input_is_survived() {
        for text in ["", "\"", "<", "/*", "#", "&", "é", "{", "}", "/", "a \\\n"] {
            for column in 0..3 {
                syntax(text, 1, column);
            }
        }
    }

    #[test]
    fn from_log_to_patch() {
        let dts = "#include \"base.dtsi\"\n&pmup {\n\tx = <1>\n\ty;\n};\n";
        let files =
            [("arch/a/boot/dts/tank.dts", dts), ("arch/a/boot/dts/base.dtsi", "/ {\n\tpump: pump {\n\t};\n};\n")];
        let log = "Error: arch/a/boot/dts/tank.dts:4.2-3 syntax error\nFATAL ERROR: Unable to parse input tree\n";
        assert_eq!(testing::best(&Devicetree, &files, log)[0].1, dts.replace("<1>", "<1>;"));
        let log = "Error: arch/a/boot/dts/tank.dts:2.1-6 Label or path pmup not found\n";
        assert_eq!(testing::best(&Devicetree, &files, log)[0].1, dts.replace("&pmup", "&pump"));
    }
}
