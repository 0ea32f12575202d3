//! The place of a new include: where other files have it in relation to what this one includes,
//! else the sorted place in the block of its kind.

use crate::source::{Include, SourceFile};
use crate::symbols::includes::Includes;

/// Where a line is put in, and the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The byte before which it goes.
    pub(crate) at: usize,
    /// The line, with its line feed, and blank lines where it stands alone.
    pub(crate) text: String,
    /// The line that it will be, counted from 1.
    pub(crate) line: u32,
}

/// The place for `#include <path>` in a file; `before` is a line (counted from 1) that it has to
/// stand above.
pub(crate) fn place(
    source: &SourceFile,
    path: &str,
    system: bool,
    peers: &[String],
    known: &Includes<'_>,
    before: Option<u32>,
) -> Place {
    let newline = source.newline();
    let written = if system { format!("<{path}>") } else { format!("\"{path}\"") };
    let line = format!("#include {written}{newline}");
    let all = source.includes();
    let usable: Vec<&Include> =
        all.iter().filter(|i| !i.conditional && before.is_none_or(|line| i.line < line)).collect();
    if usable.is_empty() {
        return alone(source, all, &line, newline);
    }
    // Slots: before each include, and after the last.
    let votes = votes(&usable, path, system, peers, known);
    let best = votes.iter().copied().max().unwrap_or(0);
    let slot = (0..=usable.len())
        .filter(|slot| votes[*slot] == best)
        .max_by_key(|slot| (style(&usable, *slot, path, system), *slot))
        .unwrap_or(usable.len());
    let joins = |include: &Include| kind(&include.path, include.system) == kind(path, system);
    let above = slot.checked_sub(1).map(|at| usable[at]);
    let below = usable.get(slot).copied();
    match (above, below) {
        (Some(above), Some(below)) if joins(below) && !joins(above) => at_start(below, line),
        (None, Some(below)) => at_start(below, line),
        (Some(above), _) => {
            let feed = source.text[..above.end].ends_with('\n');
            let text = if feed { line } else { format!("{newline}{}", line.trim_end()) };
            Place { at: above.end, text, line: above.line + 1 }
        }
        (None, None) => alone(source, all, &line, newline),
    }
}

fn at_start(below: &Include, text: String) -> Place {
    Place { at: below.start, text, line: below.line }
}

/// In a file that includes nothing: after the guard, or after the comments at its top.
fn alone(source: &SourceFile, all: &[Include], line: &str, newline: &str) -> Place {
    let at = match (source.guard(), all.first()) {
        (Some(guard), _) => guard.end,
        // Only conditional includes: above the first conditional.
        (None, Some(_)) => source.directives().next().map_or(0, |(tokens, _)| line_start(source, tokens[0].start)),
        (None, None) => first_code(source),
    };
    let rest = &source.text[at..];
    let open = !source.text[..at].is_empty() && !source.text[..at].ends_with('\n');
    let above = if open {
        newline.repeat(2)
    } else if at > 0 && !source.text[..at].ends_with(&newline.repeat(2)) {
        newline.to_owned()
    } else {
        String::new()
    };
    let below = if rest.is_empty() || rest.starts_with(newline) { "" } else { newline };
    let feeds = above.matches('\n').count() as u32;
    Place { at, text: format!("{above}{line}{below}"), line: source.line_of(at) + feeds }
}

/// The start of the first line that is no comment and no `#define` of a feature macro.
fn first_code(source: &SourceFile) -> usize {
    let feature = |line: &str| {
        let mut words = line.trim_start_matches('#').split_whitespace();
        line.starts_with('#')
            && words.next() == Some("define")
            && words.next().is_some_and(|name| name.starts_with('_') || name == "pr_fmt(fmt)")
    };
    let tokens = source.tokens();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let Some(text) = source.line_text(token.line) else { break };
        if !feature(text.trim_start()) {
            return line_start(source, token.start);
        }
        at += tokens[at..].iter().take_while(|next| next.line == token.line).count();
    }
    source.text.len()
}

fn line_start(source: &SourceFile, offset: usize) -> usize {
    source.text[..offset].rfind('\n').map_or(0, |feed| feed + 1)
}

/// For each slot, how many times other files have the header on that side of what this file includes.
fn votes(usable: &[&Include], path: &str, system: bool, peers: &[String], known: &Includes<'_>) -> Vec<i32> {
    // Votes for standing before (+) or after (-) each include.
    let mut before = vec![0_i32; usable.len()];
    for peer in peers.iter().take(40) {
        let lines = known.of(peer);
        let Some(own) = lines.iter().position(|line| line.path == path && line.system == system) else { continue };
        for (at, include) in usable.iter().enumerate() {
            let same =
                |line: &crate::symbols::includes::Line| line.path == include.path && line.system == include.system;
            if let Some(other) = lines.iter().position(same) {
                before[at] += if own < other { 1 } else { -1 };
            }
        }
    }
    // Where a header is sorted in, order means nothing: only what nearly all agree on counts.
    let strong = |vote: &i32| vote.abs() >= 2 && (peers.len() as i32) < vote.abs() * 4;
    (0..=usable.len())
        .map(|slot| {
            let side = |(at, vote): (usize, &i32)| if at >= slot { *vote } else { -*vote };
            before.iter().enumerate().filter(|(_, vote)| strong(vote)).map(side).map(i32::signum).sum()
        })
        .collect()
}

/// How well a header fits between two others: in the block of its kind, in the sorted place.
fn style(usable: &[&Include], slot: usize, path: &str, system: bool) -> (i32, bool) {
    let above = slot.checked_sub(1).map(|at| usable[at]);
    let below = usable.get(slot).copied();
    // A program's configuration comes before all else.
    if below.is_some_and(|b| is_config(&b.path)) {
        return (-4, false);
    }
    if is_config(path) {
        return (if slot == 0 { 9 } else { 0 }, true);
    }
    let alike = |include: &&Include| {
        let same = kind(&include.path, include.system);
        let wanted = kind(path, system);
        if same == wanted { 3 } else { i32::from(same.0 == wanted.0) }
    };
    let fits = above.as_ref().map_or(0, alike).max(below.as_ref().map_or(0, alike));
    let wanted = kind(path, system);
    let member = |include: &Include| kind(&include.path, include.system) == wanted;
    let sorted = usable.iter().filter(|i| member(i)).map(|i| i.path.as_str()).is_sorted();
    let after = above.is_none_or(|a| !member(a) || a.path.as_str() <= path);
    let ahead = below.is_none_or(|b| !member(b) || path <= b.path.as_str());
    // In a list that is not sorted a new one comes last.
    let place = if sorted { after && ahead } else { above.is_some_and(member) && below.is_none_or(|b| !member(b)) };
    (fits * 2 + i32::from(place), place)
}

/// What a block has in common: brackets or quotes, and the first folder.
fn kind(path: &str, system: bool) -> (bool, &str) {
    (system, path.split_once('/').map_or("", |(top, _)| top))
}

/// `config.h` and the like.
pub(crate) fn is_config(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("config.h" | "autoconf.h" | "kconfig.h"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;

    /// The file with the include.
    fn with(text: &str, header: &str, peers: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in peers {
            std::fs::write(folder.path().join(file), text).unwrap();
        }
        let tree = Tree::open(folder.path()).unwrap();
        let known = Includes::new(&tree, None);
        let source = SourceFile::new(text.as_bytes().to_vec());
        let names: Vec<String> = peers.iter().map(|(file, _)| (*file).to_owned()).collect();
        let system = header.starts_with('<');
        let place = place(&source, header.trim_matches(['<', '>', '"']), system, &names, &known, None);
        let mut new = text.to_owned();
        new.insert_str(place.at, &place.text);
        let line = new.lines().nth(place.line as usize - 1).unwrap();
        assert_eq!(line, format!("#include {header}"), "line {} of\n{new}", place.line);
        new
    }

    #[test]
    fn sorted_in_its_block() {
        for (text, header, expected) in [
            (
                "#include <linux/a.h>\n#include <linux/c.h>\n\n#include <asm/x.h>\n",
                "<linux/b.h>",
                "#include <linux/a.h>\n#include <linux/b.h>\n#include <linux/c.h>\n\n#include <asm/x.h>\n",
            ),
            (
                "#include <linux/a.h>\n\n#include <asm/x.h>\n#include \"y.h\"\n",
                "<linux/z.h>",
                "#include <linux/a.h>\n#include <linux/z.h>\n\n#include <asm/x.h>\n#include \"y.h\"\n",
            ),
            (
                "#include <linux/z.h>\n#include <linux/a.h>\n\nint x;\n",
                "<linux/b.h>",
                "#include <linux/z.h>\n#include <linux/a.h>\n#include <linux/b.h>\n\nint x;\n",
            ),
            (
                "#include <linux/b.h>\n#include \"own.h\"\n",
                "<linux/a.h>",
                "#include <linux/a.h>\n#include <linux/b.h>\n#include \"own.h\"\n",
            ),
            (
                "#include <a.h>\n\n#include \"b.h\"\n",
                "\"a.h\"",
                "#include <a.h>\n\n#include \"a.h\"\n#include \"b.h\"\n",
            ),
            (
                "#include \"config.h\"\n#include <z.h>\n",
                "<a.h>",
                "#include \"config.h\"\n#include <a.h>\n#include <z.h>\n",
            ),
            ("/* x */\n#include <z.h>\n", "<config.h>", "/* x */\n#include <config.h>\n#include <z.h>\n"),
            ("#include <a.h>", "<b.h>", "#include <a.h>\n#include <b.h>"),
            ("#include <a.h>\r\nint x;\r\n", "<b.h>", "#include <a.h>\r\n#include <b.h>\r\nint x;\r\n"),
        ] {
            assert_eq!(with(text, header, &[]), expected);
        }
    }

    #[test]
    fn in_a_file_without_includes() {
        for (text, expected) in [
            ("/* Tanks */\nint x;\n", "/* Tanks */\n\n#include <a.h>\n\nint x;\n"),
            ("/* Tanks */\n\nint x;\n", "/* Tanks */\n\n#include <a.h>\n\nint x;\n"),
            ("int x;\n", "#include <a.h>\n\nint x;\n"),
            ("", "#include <a.h>\n"),
            ("#define _GNU_SOURCE\nint x;\n", "#define _GNU_SOURCE\n\n#include <a.h>\n\nint x;\n"),
            (
                "/* T */\n#ifndef T_H\n#define T_H\n\nint x;\n#endif\n",
                "/* T */\n#ifndef T_H\n#define T_H\n\n#include <a.h>\n\nint x;\n#endif\n",
            ),
        ] {
            assert_eq!(with(text, "<a.h>", &[]), expected);
        }
    }

    #[test]
    fn where_others_have_it() {
        let peers = [
            ("p.c", "#include \"shell.h\"\n#include \"a.h\"\n#include \"b.h\"\n"),
            ("q.c", "#include \"shell.h\"\n#include \"a.h\"\n"),
            ("r.c", "#include \"shell.h\"\n#include \"b.h\"\n#include \"a.h\"\n"),
        ];
        let text = "#include <stdio.h>\n\n#include \"a.h\"\n#include \"b.h\"\n";
        let expected = "#include <stdio.h>\n\n#include \"shell.h\"\n#include \"a.h\"\n#include \"b.h\"\n";
        assert_eq!(with(text, "\"shell.h\"", &peers), expected);
    }
}
