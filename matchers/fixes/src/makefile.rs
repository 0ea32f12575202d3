//! Makefiles, read just far enough to change a list: assignments, their words and where they stand.

use std::ops::Range;

use crate::tree::Tree;

/// Names of the Makefiles of a folder: the one that is read first, then those it is made from.
const NAMES: [&str; 6] = ["Kbuild", "GNUmakefile", "makefile", "Makefile", "Makefile.in", "Makefile.am"];

/// The Makefiles in a folder of the tree.
pub fn of_folder(tree: &Tree, folder: &str) -> Vec<String> {
    let path = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    NAMES.iter().map(|name| path(name)).filter(|path| tree.read(path).is_some()).collect()
}

/// The folder of a file, without the slash; empty at the top.
pub fn folder(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The last part of a path.
pub fn base(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// The name of a file without its folder and its last suffix; of `x.$(OBJEXT)` it is `x`.
pub fn stem(file: &str) -> &str {
    let name = match file.find("$(") {
        Some(at) if at > 0 && file[..at].ends_with('.') => &file[..at - 1],
        _ => file.rsplit_once('.').map_or(file, |(stem, _)| stem),
    };
    base(name)
}

/// True for words that stand for an object file.
pub fn is_object(word: &str) -> bool {
    [".o", ".lo", ".obj", ".$(OBJEXT)", ".$(O)", ".${OBJEXT}", ".${O}"].iter().any(|end| word.ends_with(end))
}

/// A word of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word as written.
    pub text: String,
    /// Its bytes in the file.
    pub range: Range<usize>,
}

/// `NAME = words`, in any of make's forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Line of the assignment, counted from 1.
    pub line: u32,
    /// The bytes after the operator, up to the end of the (continued) line or a comment.
    pub value: Range<usize>,
    /// The words of the value.
    pub words: Vec<Word>,
}

impl Assignment {
    /// True when one of the words is `word`.
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|w| w.text == word)
    }
}

/// `targets: prerequisites` and the recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The names before the colon.
    pub targets: Vec<Word>,
    /// The names after it.
    pub prerequisites: Vec<Word>,
    /// The bytes of each recipe line, without the tab and the line's end.
    pub recipe: Vec<Range<usize>>,
}

/// What a Makefile says.
#[derive(Debug, Clone, Default)]
pub struct Makefile {
    /// Its assignments, in order.
    pub assignments: Vec<Assignment>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

/// Reads a Makefile.
pub fn parse(text: &str) -> Makefile {
    let mut makefile = Makefile::default();
    let mut in_rule = false;
    let mut start = 0;
    let mut line = 1;
    while start < text.len() {
        let end = logical_end(text, start);
        let body = &text[start..end];
        if in_rule && body.starts_with('\t') {
            if let Some(rule) = makefile.rules.last_mut() {
                rule.recipe.push(start + 1..end);
            }
        } else if let Some((name, value)) = assignment(body) {
            let value = start + value..comment(text, start + value, end);
            let words = words(text, value.clone());
            makefile.assignments.push(Assignment { name, line, value, words });
            in_rule = false;
        } else if let Some(colon) = rule_colon(body) {
            let targets = words(text, start..start + colon);
            let after = start + colon + 1;
            let stop = comment(text, after, end);
            let stop = text[after..stop].find(';').map_or(stop, |semicolon| after + semicolon);
            makefile.rules.push(Rule { targets, prerequisites: words(text, after..stop), recipe: Vec::new() });
            in_rule = true;
        } else if !body.trim().is_empty() && !body.trim_start().starts_with('#') && !is_conditional(body) {
            in_rule = false;
        }
        line += 1 + body.bytes().filter(|b| *b == b'\n').count() as u32;
        start = end + 1;
    }
    makefile
}

/// The end of the line that starts at `start`, with its continuation lines.
fn logical_end(text: &str, start: usize) -> usize {
    let mut from = start;
    loop {
        let Some(feed) = text[from..].find('\n').map(|feed| from + feed) else { return text.len() };
        let line = text[from..feed].trim_end_matches('\r');
        let slashes = line.bytes().rev().take_while(|b| *b == b'\\').count();
        if slashes % 2 == 0 {
            return feed;
        }
        from = feed + 1;
    }
}

/// The name of the variable and where its value starts.
fn assignment(body: &str) -> Option<(String, usize)> {
    let equals = body.find('=')?;
    let before = &body[..equals];
    if before.contains(['\n', '#', '\'', '"']) || before.starts_with('\t') && before.contains("$@") {
        return None;
    }
    let name = before.trim_end_matches([':', '+', '?', '!']).trim();
    let name = name.rsplit_once(' ').map_or(name, |(words, name)| {
        if words.split(' ').all(|w| matches!(w, "export" | "override" | "private" | "")) { name } else { "" }
    });
    // `target: NAME = value` and recipes are none.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.$(){}@%/+".contains(&b);
    (!name.is_empty() && name.bytes().all(plain)).then(|| (name.to_owned(), equals + 1))
}

fn is_conditional(body: &str) -> bool {
    let word = body.trim_start().split([' ', '(', '\t']).next().unwrap_or_default();
    matches!(word, "ifeq" | "ifneq" | "ifdef" | "ifndef" | "else" | "endif" | "include" | "-include")
}

/// Where the colon of a rule stands.
fn rule_colon(body: &str) -> Option<usize> {
    if body.starts_with(['\t', '#']) || is_conditional(body) || body.starts_with("define ") {
        return None;
    }
    let mut depth = 0_usize;
    for (at, b) in body.bytes().enumerate() {
        match b {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            b':' if depth == 0 => return Some(at),
            b'#' | b'\n' => return None,
            _ => {}
        }
    }
    None
}

/// Where a comment starts in the value, or its end.
fn comment(text: &str, start: usize, end: usize) -> usize {
    let bytes = text.as_bytes();
    (start..end).find(|&at| bytes[at] == b'#' && (at == 0 || bytes[at - 1] != b'\\')).unwrap_or(end)
}

/// The words in a part of the text; `$(a b)` is one word, the backslash of a continued line none.
pub fn words(text: &str, range: Range<usize>) -> Vec<Word> {
    let bytes = text.as_bytes();
    let mut words = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let line_end = bytes[at] == b'\\' && matches!(bytes.get(at + 1), Some(b'\n' | b'\r'));
        if bytes[at].is_ascii_whitespace() || line_end {
            at += 1;
            continue;
        }
        let start = at;
        let mut depth = 0_usize;
        while at < range.end {
            match bytes[at] {
                b'(' | b'{' => depth += 1,
                b')' | b'}' => depth = depth.saturating_sub(1),
                b'\\' if matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) => break,
                b if b.is_ascii_whitespace() && depth == 0 => break,
                _ => {}
            }
            at += 1;
        }
        words.push(Word { text: text[start..at].to_owned(), range: start..at });
    }
    words
}

/// Where to put a word into a list, and the text to put there: in order when the list is sorted,
/// on a line of its own when its neighbours have such, else at the end.
pub fn insertion(text: &str, list: &Assignment, word: &str) -> (usize, String) {
    let suffix = word.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    let like = |w: &&Word| w.text.rsplit_once('.').is_some_and(|(_, s)| s == suffix);
    let alike: Vec<&Word> = list.words.iter().filter(like).collect();
    let sorted = alike.len() >= 3 && alike.windows(2).all(|pair| pair[0].text <= pair[1].text);
    let before = if sorted { alike.iter().rev().find(|w| w.text.as_str() < word).copied() } else { None };
    match before.or(alike.last().copied()).or(list.words.last()) {
        Some(_) if sorted && before.is_none() => {
            let first = alike[0];
            match own_line(text, first) {
                Some(indent) => (first.range.start, format!("{word} \\\n{indent}")),
                None => (first.range.start, format!("{word} ")),
            }
        }
        Some(before) => after(text, before, word),
        None => {
            let gap = text[..list.value.end].ends_with([' ', '\t']) && !list.value.is_empty();
            let at = if gap { list.value.end } else { list.value.start };
            (at, if gap { word.to_owned() } else { format!(" {word}") })
        }
    }
}

/// Where to put a word behind another, and the text to put there.
pub fn after(text: &str, before: &Word, word: &str) -> (usize, String) {
    match own_line(text, before) {
        Some(indent) => (before.range.end, format!(" \\\n{indent}{word}")),
        None => (before.range.end, format!(" {word}")),
    }
}

/// The white space before a word that stands alone on a continuation line.
fn own_line<'t>(text: &'t str, word: &Word) -> Option<&'t str> {
    let start = text[..word.range.start].rfind('\n').map(|feed| feed + 1)?;
    let indent = &text[start..word.range.start];
    let end = text[word.range.end..].find('\n').map_or(text.len(), |feed| word.range.end + feed);
    let rest = text[word.range.end..end].trim_matches(['\\', ' ', '\t', '\r']);
    (!indent.is_empty() && indent.trim().is_empty() && rest.is_empty()).then_some(indent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[Word]) -> Vec<&str> {
        words.iter().map(|w| w.text.as_str()).collect()
    }

    #[test]
    fn assignments_of_all_forms() {
        let text = "# top\nobj-$(CONFIG_TANK) += tank.o\ntank-y := a.o \\\n\tb.o # last\nexport CC ?= gcc\n\
                    ifeq ($(X),y)\n  OBJS += c.o $(addprefix d/, e.o)\nendif\nEMPTY =\n";
        let makefile = parse(text);
        let found: Vec<(&str, u32, Vec<&str>)> =
            makefile.assignments.iter().map(|a| (a.name.as_str(), a.line, names(&a.words))).collect();
        assert_eq!(
            found,
            [
                ("obj-$(CONFIG_TANK)", 2, vec!["tank.o"]),
                ("tank-y", 3, vec!["a.o", "b.o"]),
                ("CC", 5, vec!["gcc"]),
                ("OBJS", 7, vec!["c.o", "$(addprefix d/, e.o)"]),
                ("EMPTY", 9, vec![]),
            ]
        );
        assert!(makefile.assignments[1].has("b.o"));
    }

    #[test]
    fn rules_and_recipes() {
        let text = "prog: a.o b.o | dir\n\t$(CC) -o $@ X=1 a.o b.o\n\n.c.o:\n\tcc -c $<\nnext:\n";
        let makefile = parse(text);
        assert_eq!(makefile.assignments, []);
        assert_eq!(makefile.rules.len(), 3);
        assert_eq!(names(&makefile.rules[0].prerequisites), ["a.o", "b.o", "|", "dir"]);
        assert_eq!(&text[makefile.rules[0].recipe[0].clone()], "$(CC) -o $@ X=1 a.o b.o");
    }

    #[test]
    fn words_go_where_the_list_wants_them() {
        for (text, expected) in [
            ("x-y := b.o a.o\n", "x-y := b.o a.o m.o\n"),
            ("x-y := a.o n.o z.o\n", "x-y := a.o m.o n.o z.o\n"),
            ("x-y := n.o y.o z.o\n", "x-y := m.o n.o y.o z.o\n"),
            ("x-y := z.o \\\n\ta.o\n", "x-y := z.o \\\n\ta.o \\\n\tm.o\n"),
            ("x-y := \\\n\ta.o \\\n\tn.o \\\n\tz.o\n", "x-y := \\\n\ta.o \\\n\tm.o \\\n\tn.o \\\n\tz.o\n"),
            ("x-y +=\n", "x-y += m.o\n"),
            ("x-y += \n", "x-y += m.o\n"),
            ("x-y +=", "x-y += m.o"),
        ] {
            let makefile = parse(text);
            let (at, insert) = insertion(text, &makefile.assignments[0], "m.o");
            let mut changed = text.to_owned();
            changed.insert_str(at, &insert);
            assert_eq!(changed, expected);
        }
    }

    #[test]
    fn odd_input_is_survived() {
        for text in ["", "\\", "a\\\n", "=", ":", "x=(\n", "\t", "a = b\\", "é := ü.o\r\n", "$(("] {
            parse(text);
        }
    }
}
