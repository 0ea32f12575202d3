//! Slips in Kconfig files: misspelt keywords, missing quotes and parentheses, blocks without end.

use std::collections::BTreeSet;

use super::{Candidate, Context, Fixer};
use crate::edit::Edit;

/// Words that start a statement.
const KEYWORDS: &[&str] = &[
    "bool",
    "choice",
    "comment",
    "config",
    "def_bool",
    "def_tristate",
    "default",
    "depends on",
    "endchoice",
    "endif",
    "endmenu",
    "help",
    "hex",
    "if",
    "imply",
    "int",
    "mainmenu",
    "menu",
    "menuconfig",
    "modules",
    "option",
    "optional",
    "prompt",
    "range",
    "select",
    "source",
    "string",
    "tristate",
    "visible if",
];

/// How many files a search for a block without end reads.
const FILES: usize = 4000;

/// Repairs what the Kconfig parser stumbles over.
#[derive(Debug)]
pub struct Kconfig;

impl Fixer for Kconfig {
    fn name(&self) -> &'static str {
        "fix-kconfig"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "kconfig-syntax" || unread(cx).is_some()
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        let mut found = Vec::new();
        if let Some(path) = unread(cx) {
            return misspelt_path(cx, path);
        }
        for (file, line) in suspects(cx) {
            let Some(source) = cx.tree.read(&file) else { continue };
            for (slip, rank) in slips(&source.text, line) {
                found.push(slip.candidate(&file, rank));
            }
        }
        // Blocks: in any file that is read with those of the messages.
        for (file, text) in read_with(cx) {
            for (number, slip) in open_blocks(&text).into_iter().enumerate() {
                found.push(slip.candidate(&file, 88_u8.saturating_sub(number as u8 * 4)));
            }
        }
        found
    }
}

/// A change of one file.
#[derive(Debug, PartialEq, Eq)]
struct Slip {
    title: String,
    kind: &'static str,
    line: u32,
    start: usize,
    end: usize,
    text: String,
}

impl Slip {
    fn candidate(self, file: &str, rank: u8) -> Candidate {
        let edit = Edit { file: file.to_owned(), start: self.start, end: self.end, text: self.text };
        Candidate {
            kind: self.kind,
            title: self.title,
            file: Some(file.to_owned()),
            line: Some(self.line),
            edits: vec![edit],
            rank,
            ..Candidate::default()
        }
    }
}

/// The files and lines that the messages name, the first lines first.
fn suspects(cx: &Context<'_>) -> Vec<(String, u32)> {
    let own = cx.cause.location.iter().chain(&cx.cause.places);
    let named: BTreeSet<(String, u32)> =
        own.filter_map(|place| Some((cx.tree.find(&place.file)?, place.line?))).collect();
    let mut lines = Vec::new();
    for (file, line) in named.into_iter().take(20) {
        for line in [line, line.saturating_sub(1), line.saturating_sub(2)] {
            let suspect = (file.clone(), line);
            if line > 0 && !lines.contains(&suspect) {
                lines.push(suspect);
            }
        }
    }
    lines
}

/// The file that a `source` line names and that is not there.
fn unread<'c>(cx: &Context<'c>) -> Option<&'c str> {
    let (_, rest) = cx.cause.message.split_once("can't open file")?;
    rest.split(['"', '\'']).nth(1).filter(|path| !path.is_empty())
}

/// The nearest Kconfig file that is there, in place of one that is not.
fn misspelt_path(cx: &Context<'_>, path: &str) -> Vec<Candidate> {
    let Some((file, line)) = suspects(cx).into_iter().next() else { return Vec::new() };
    let Some(source) = cx.tree.read(&file) else { return Vec::new() };
    let Some((start, end)) = line_range(&source.text, line) else { return Vec::new() };
    let Some(at) = source.text[start..end].find(path).map(|at| start + at) else { return Vec::new() };
    let named = cx.tree.files().iter().filter(|name| name.contains("Kconfig") && name.len().abs_diff(path.len()) <= 3);
    let mut near: Vec<(usize, &String)> = named.map(|name| (strsim::osa_distance(path, name), name)).collect();
    near.retain(|(distance, name)| *distance <= 3 && !source.text.contains(&format!("\"{name}\"")));
    near.sort();
    let one = |(distance, name): (usize, &String)| {
        let title = format!("read {name}, which is there, for {path}");
        let (start, end) = (at, at + path.len());
        let slip = Slip { title, kind: "rename", line, start, end, text: name.clone() };
        let mut made = slip.candidate(&file, 94 - 3 * distance as u8);
        made.diagnosis = Some("kconfig-syntax");
        made
    };
    near.into_iter().take(3).map(one).collect()
}

/// True for a line of a help text: the nearest lines above that are less far to the right end at
/// `help`.
fn in_help(text: &str, start: usize) -> bool {
    let mut depth = column(&text[start..]);
    for line in text[..start].lines().rev().take(400) {
        let (body, indent) = (line.trim(), column(line));
        if body.is_empty() || indent >= depth {
            continue;
        }
        if matches!(body, "help" | "---help---") {
            return true;
        }
        if is_keyword(body.split_whitespace().next().unwrap_or_default()) {
            return false;
        }
        depth = indent;
    }
    false
}

/// A help text that lacks its `help`: words that are further to the right than the statement above.
fn lost_help(text: &str, start: usize) -> Option<(usize, String)> {
    let above = text[..start].lines().rev().find(|line| !line.trim().is_empty())?;
    let word = above.split_whitespace().next()?;
    let inside = column(above) > 0 && is_keyword(word) && !above.trim_end().ends_with('\\') && word != "help";
    let indent = &above[..above.len() - above.trim_start().len()];
    (inside && column(&text[start..]) > column(above)).then(|| (start, format!("{indent}help\n")))
}

fn line_range(text: &str, line: u32) -> Option<(usize, usize)> {
    let mut start = 0;
    for _ in 1..line {
        start += text[start..].find('\n')? + 1;
    }
    let end = text[start..].find('\n').map_or(text.len(), |feed| start + feed);
    Some((start, start + text[start..end].trim_end_matches('\r').len()))
}

/// What may be wrong in a line.
fn slips(text: &str, number: u32) -> Vec<(Slip, u8)> {
    let Some((start, end)) = line_range(text, number) else { return Vec::new() };
    let line = &text[start..end];
    let indent = line.len() - line.trim_start().len();
    let body = line.trim_start();
    let word = body.split(|c: char| c.is_whitespace() || c == '"' || c == '(').next().unwrap_or_default();
    if word.is_empty() || word.starts_with('#') || in_help(text, start) {
        return Vec::new();
    }
    let rest = body[word.len()..].trim();
    let at = start + indent;
    let slip = |title: String, kind, start, end, text: String| Slip { title, kind, line: number, start, end, text };
    let mut found = Vec::new();
    if !is_keyword(word)
        && !rest.is_empty()
        && let Some((at, help)) = lost_help(text, start)
    {
        found.push((slip("begin the help text".into(), "restore_line", at, at, help), 93));
    }
    if !is_keyword(word) {
        for (keyword, rank) in nearest(word, rest) {
            let title = format!("write '{keyword}' for '{word}'");
            found.push((slip(title, "rename", at, at + word.len(), keyword.to_owned()), rank));
        }
    }
    for (keyword, second) in [("depends", "on"), ("visible", "if")] {
        let next = rest.split_whitespace().next().unwrap_or_default();
        if word == keyword && next != second && !next.is_empty() {
            let after = at + word.len();
            let near = strsim::osa_distance(next, second) == 1
                && next.len() <= 3
                && !next.bytes().all(|b| b.is_ascii_uppercase());
            let title = format!("write '{keyword} {second}'");
            if near {
                let next_start = after + text[after..end].find(next).unwrap_or(0);
                found.push((slip(title, "rename", next_start, next_start + next.len(), second.to_owned()), 90));
            } else {
                found.push((slip(title, "insert_token", after, after, format!(" {second}")), 90));
            }
        }
    }
    found.extend(quotes(body, word, rest).map(|(offset, title)| {
        (slip(title.to_owned(), "insert_token", at + offset, at + offset, "\"".to_owned()), 90)
    }));
    let code = outside_quotes(rest);
    let count = |sign| code.chars().filter(|c| *c == sign).count();
    if is_keyword(word) && word != "help" && count('(') > count(')') && !body.ends_with('\\') {
        found.push((slip("close the parenthesis".into(), "insert_token", end, end, ")".into()), 85));
    }
    for (single, double) in [('&', "&&"), ('|', "||")] {
        let lone = code.match_indices(single).map(|(i, _)| i).find(|&i| {
            let sign = single as u8;
            let bytes = code.as_bytes();
            bytes.get(i + 1) != Some(&sign) && (i == 0 || bytes[i - 1] != sign)
        });
        if let Some(lone) = lone.filter(|_| matches!(word, "depends" | "if" | "default" | "select" | "visible")) {
            let rest_start = at + word.len() + (body[word.len()..].len() - body[word.len()..].trim_start().len());
            let at = rest_start + lone;
            found.push((slip(format!("write '{double}'"), "rename", at, at + 1, double.to_owned()), 88));
        }
    }
    found
}

fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|k| k.split(' ').next() == Some(word)) || matches!(word, "---help---" | "osource" | "rsource")
}

/// The keywords that a word may be a slip of.
fn nearest(word: &str, rest: &str) -> Vec<(&'static str, u8)> {
    if word.len() > 32 {
        return Vec::new();
    }
    let mut near: Vec<(usize, &'static str)> = KEYWORDS
        .iter()
        .map(|keyword| (strsim::osa_distance(word, keyword.split(' ').next().unwrap_or(keyword)), *keyword))
        .filter(|(distance, keyword)| *distance <= 2 && *distance * 3 <= keyword.len().max(3))
        .collect();
    near.sort();
    let least = near.first().map_or(0, |(distance, _)| *distance);
    near.into_iter()
        .filter(|(distance, _)| *distance == least)
        .map(|(distance, keyword)| {
            let first = keyword.split(' ').next().unwrap_or(keyword);
            // `depend on X`: the second word is there already.
            let whole =
                keyword.split_once(' ').is_some_and(|(_, second)| rest.split_whitespace().next() != Some(second));
            (if whole { keyword } else { first }, 94 - distance as u8 * 4)
        })
        .collect()
}

/// The quote that is missing, by its place in the line.
fn quotes(body: &str, word: &str, rest: &str) -> Option<(usize, &'static str)> {
    let quoted = matches!(
        word,
        "bool" | "tristate" | "string" | "int" | "hex" | "prompt" | "menu" | "comment" | "mainmenu" | "source"
    );
    if !quoted || rest.matches('"').count().is_multiple_of(2) {
        return None;
    }
    let end = body.trim_end().len();
    if rest.starts_with('"') {
        let condition = body
            .rfind(" if ")
            .filter(|at| !body[at + 4..].contains(' ') && body[at + 4..] == body[at + 4..].to_uppercase());
        return Some((condition.unwrap_or(end), "close the quotes"));
    }
    let start = body.len() - body[word.len()..].trim_start().len();
    Some((start, "open the quotes"))
}

/// The text with what stands in quotes blanked out.
fn outside_quotes(text: &str) -> String {
    let mut quoted = false;
    text.chars()
        .map(|c| {
            if c == '"' {
                quoted = !quoted;
            }
            if quoted || !c.is_ascii() { ' ' } else { c }
        })
        .collect()
}

/// The files of the messages, and those that they read in.
fn read_with(cx: &Context<'_>) -> Vec<(String, String)> {
    let places = cx.cause.location.iter().chain(&cx.cause.places);
    let mut queue: Vec<String> = places.filter_map(|place| cx.tree.find(&place.file)).collect();
    let mut seen: BTreeSet<String> = queue.iter().cloned().collect();
    let mut read = Vec::new();
    let mut next = 0;
    while next < queue.len() && read.len() < FILES {
        let file = queue[next].clone();
        next += 1;
        let Some(source) = cx.tree.read(&file) else { continue };
        for line in source.text.lines() {
            let Some(path) = line.trim_start().strip_prefix("source").map(|p| p.trim().trim_matches('"')) else {
                continue;
            };
            // Paths with variables in them are those of other architectures.
            let known = !path.contains('$') && !path.contains("..") && !path.starts_with('/');
            if known && seen.insert(path.to_owned()) && cx.tree.exists(path) {
                queue.push(path.to_owned());
            }
        }
        read.push((file, source.text.clone()));
    }
    read
}

/// Ends of blocks that the file lacks. A block ends in the file that it starts in.
fn open_blocks(text: &str) -> Vec<Slip> {
    let mut stack: Vec<(&str, String)> = Vec::new();
    let mut found = Vec::new();
    let mut help: Option<Option<usize>> = None;
    let mut start = 0;
    let mut continued = false;
    let style = text.contains("endif #");
    let end_of = |block: &(&str, String)| match block.0 {
        "if" if style && !block.1.is_empty() => format!("endif # {}\n", block.1),
        name => format!("end{name}\n"),
    };
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let body = line.trim();
        let indent = column(line);
        let here = start;
        start += line.len();
        if body.is_empty() {
            continue;
        }
        match help {
            Some(None) => {
                help = (indent > 0).then_some(Some(indent));
                if help.is_some() {
                    continue;
                }
            }
            Some(Some(depth)) if indent >= depth => continue,
            _ => help = None,
        }
        let was_continued = continued;
        continued = body.ends_with('\\');
        if was_continued || body.starts_with('#') {
            continue;
        }
        let (word, rest) = body.split_once(|c: char| c.is_whitespace() || c == '"').unwrap_or((body, ""));
        match word {
            "help" | "---help---" => help = Some(None),
            "choice" => {
                // What cannot be in a choice shows where it ended.
                let end = choice_end(text, start);
                let number = text[..end.unwrap_or(here)].matches('\n').count() as u32 + 1;
                let slip = end.map(|end| Slip {
                    title: "end the choice block".to_owned(),
                    kind: "restore_line",
                    line: number,
                    start: end,
                    end,
                    text: "endchoice\n".to_owned(),
                });
                match slip {
                    Some(slip) => found.push(slip),
                    None => stack.push(("choice", String::new())),
                }
            }
            "menu" | "if" => stack.push((word, rest.split('#').next().unwrap_or_default().trim().to_owned())),
            "endmenu" | "endif" | "endchoice" => {
                let name = &word[3..];
                let Some(depth) = stack.iter().rposition(|(open, _)| *open == name) else { continue };
                while stack.len() > depth + 1 {
                    let Some(block) = stack.pop() else { break };
                    let title = format!("end the {} block", block.0);
                    let text = format!("{}\n", end_of(&block));
                    found.push(Slip {
                        title,
                        kind: "restore_line",
                        line: number as u32 + 1,
                        start: here,
                        end: here,
                        text,
                    });
                }
                stack.pop();
            }
            _ => {}
        }
    }
    let lines = text.lines().count() as u32 + 1;
    let feed = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    if !stack.is_empty() {
        let title = format!("end the {} block", stack[stack.len() - 1].0);
        let ends: String = stack.iter().rev().map(end_of).collect();
        let text_end = text.len();
        found.push(Slip {
            title,
            kind: "restore_line",
            line: lines,
            start: text_end,
            end: text_end,
            text: format!("{feed}{ends}"),
        });
    }
    found
}

/// Where a choice that has no end must have ended: before the first entry behind it (`after`) that
/// cannot be one of its options. None when it has an end before that, or all could be options.
///
/// Options have a prompt and are `bool` or `tristate` (Documentation/kbuild/kconfig-language.rst).
fn choice_end(text: &str, after: usize) -> Option<usize> {
    let next = |word: &str| text[after..].find(&format!("\n{word}")).unwrap_or(usize::MAX);
    if next("endchoice") < next("choice") {
        return None;
    }
    let mut entry: Option<(usize, bool)> = None;
    let mut last = after;
    let mut at = after;
    for line in text[after..].split_inclusive('\n') {
        let (here, body) = (at, line.trim());
        at += line.len();
        let word = body.split(|c: char| c.is_whitespace() || c == '"').next().unwrap_or_default();
        let rest = body[word.len()..].trim_start();
        if column(line) > 0 || body.is_empty() || body.starts_with('#') {
            if let Some((_, option)) = &mut entry {
                *option |= matches!(word, "bool" | "tristate") && !rest.is_empty() || word == "prompt";
            }
            if !body.is_empty() && !body.starts_with('#') {
                last = at;
            }
            continue;
        }
        if let Some((start, false)) = entry {
            return Some(start);
        }
        entry = match word {
            "config" => Some((last, false)),
            "menuconfig" | "menu" | "source" | "mainmenu" | "endmenu" => return Some(last),
            "comment" | "if" | "endif" => None,
            _ => return None,
        };
        last = at.max(here);
    }
    entry.filter(|(_, option)| !option).map(|(start, _)| start)
}

/// How far a line is indented, tabs to the next eighth column.
fn column(line: &str) -> usize {
    line.bytes()
        .take_while(|b| matches!(b, b' ' | b'\t'))
        .fold(0, |at, b| if b == b'\t' { (at / 8 + 1) * 8 } else { at + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{best, kernel};

    fn fixed(text: &str, line: u32) -> Vec<String> {
        slips(text, line)
            .into_iter()
            .map(|(slip, _)| format!("{}{}{}", &text[..slip.start], slip.text, &text[slip.end..]))
            .collect()
    }

    #[test]
    fn misspelt_keywords() {
        for (line, expected) in [
            ("\tdepend on NET\n", "\tdepends on NET\n"),
            ("\tdepnds NET\n", "\tdepends on NET\n"),
            ("\tdepends NET && PCI\n", "\tdepends on NET && PCI\n"),
            ("\tdepends om NET\n", "\tdepends on NET\n"),
            ("\ttristat \"Tank\"\n", "\ttristate \"Tank\"\n"),
            ("\tselects CRC32\n", "\tselect CRC32\n"),
            ("\thepl\n", "\thelp\n"),
            ("cofnig TANK\n", "config TANK\n"),
            ("endmneu\n", "endmenu\n"),
        ] {
            assert_eq!(fixed(line, 1).first().map(String::as_str), Some(expected), "{line}");
        }
        assert_eq!(fixed("\tdepends on NET\n", 1), Vec::<String>::new());
        assert_eq!(fixed("\tThis driver is for tanks.\n", 1), Vec::<String>::new());
    }

    #[test]
    fn help_texts_are_prose() {
        let text = "config TANK\n\tbool \"Tank\"\n\tdepends on PCI\n\thelp\n\t  A tank.\n\n\t  If unsure, say N.\n";
        assert_eq!(fixed(text, 7), Vec::<String>::new());
        let lost = text.replace("\thelp\n", "");
        assert_eq!(fixed(&lost, 4), [text.to_owned()]);
        assert!(fixed("config A\n\tbool \"A\"\n\tdepnd on PCI\n", 3)[0].contains("depends on PCI"));
    }

    #[test]
    fn a_file_of_another_name() {
        let files = kernel(&[
            ("drivers/Kconfig", "source \"drivers/tank/Kconfg\"\nsource \"drivers/tonk/Kconfig\"\n"),
            ("drivers/tank/Kconfig", "config TANK\n\tbool\n"),
            ("drivers/tonk/Kconfig", ""),
        ]);
        let changed = best(&Kconfig, &files, "drivers/Kconfig:1: can't open file \"drivers/tank/Kconfg\"\n");
        assert!(changed[0].1.starts_with("source \"drivers/tank/Kconfig\"\n"), "{changed:?}");
    }

    #[test]
    fn quotes_parentheses_and_operators() {
        for (line, expected) in [
            ("\tbool \"Tank\n", "\tbool \"Tank\"\n"),
            ("\tbool \"Tank if EXPERT\n", "\tbool \"Tank\" if EXPERT\n"),
            ("\tbool Tank\"\n", "\tbool \"Tank\"\n"),
            ("\tdepends on (A || B\n", "\tdepends on (A || B)\n"),
            ("\tdepends on A & B\n", "\tdepends on A && B\n"),
            ("source \"lib/Kconfig\n", "source \"lib/Kconfig\"\n"),
        ] {
            assert_eq!(fixed(line, 1).first().map(String::as_str), Some(expected), "{line}");
        }
    }

    #[test]
    fn blocks_without_end() {
        let apply = |text: &str| {
            let mut changed = text.to_owned();
            for slip in open_blocks(text).into_iter().rev() {
                changed.insert_str(slip.start, &slip.text);
            }
            changed
        };
        let text = "menu \"Tanks\"\nconfig TANK\n\tbool \"Tank\"\n\thelp\n\t  if you have\n\t  menu\n\nendmenu\n";
        assert_eq!(apply(text), text);
        assert_eq!(apply("if NET\nconfig A\n\tbool\n"), "if NET\nconfig A\n\tbool\nendif\n");
        assert_eq!(apply("menu \"a\"\nif NET\nendmenu\n"), "menu \"a\"\nif NET\nendif\n\nendmenu\n");
        assert_eq!(
            apply("if A\nendif # A\nif NET # all\nmenu \"x\""),
            "if A\nendif # A\nif NET # all\nmenu \"x\"\nendmenu\nendif # NET\n"
        );
        let text = "choice\n\tprompt \"a\"\nconfig A\n\tbool \"A\"\n\nconfig B\n\tbool\n\tprompt \"B\"\n\n# c\nconfig C\n\tbool\n";
        assert_eq!(apply(text), text.replace("\"B\"\n\n", "\"B\"\nendchoice\n\n"));
        let text = "choice\n\tprompt \"a\"\nconfig A\n\tbool \"A\"\nendchoice\nconfig C\n\tint\n";
        assert_eq!(apply(text), text);
        assert_eq!(open_blocks(""), []);
        assert_eq!(open_blocks("endif\n"), []);
    }

    #[test]
    fn from_log_to_patch() {
        let files = kernel(&[
            ("drivers/Kconfig", "menu \"Drivers\"\nsource \"drivers/tank/Kconfig\"\nendmenu\n"),
            ("drivers/tank/Kconfig", "if NET\nconfig TANK\n\ttristate \"Tank\"\n\tdepend on PCI\n"),
        ]);
        let log = "drivers/tank/Kconfig:5: syntax error\ndrivers/tank/Kconfig:4: unknown statement \"depend\"\n";
        let changed = best(&Kconfig, &files, log);
        assert_eq!(changed[0].1, "if NET\nconfig TANK\n\ttristate \"Tank\"\n\tdepends on PCI\n");
        let log = "drivers/Kconfig:3: unexpected 'endmenu' within if block\n";
        let changed = best(&Kconfig, &files, log);
        assert_eq!(changed[0].0, "drivers/tank/Kconfig");
        assert!(changed[0].1.ends_with("depend on PCI\nendif\n"));
    }
}
