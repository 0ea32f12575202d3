//! Slips in assembly: a register or an instruction that is misspelt, commas and parentheses too
//! many or too few. What is right is told by the rest of the file and by its neighbours.

use std::collections::BTreeMap;

use triage_causes::report::Cause;
use triage_log::diagnostic::Location;

use super::{Candidate, Context, Fixer};
use crate::edit::Edit;
use crate::index::Index;
use crate::makefile::folder;
use crate::site::candidate;
use crate::units;

/// Files next to it that are read for words.
const NEIGHBOURS: usize = 60;

/// Repairs what the assembler stumbles over.
#[derive(Debug)]
pub struct Assembler;

impl Fixer for Assembler {
    fn name(&self) -> &'static str {
        "fix-assembly"
    }

    fn wants(&self, cx: &Context<'_>) -> bool {
        cx.cause.class == "assembler-error"
    }

    fn candidates(&self, cx: &Context<'_>) -> Vec<Candidate> {
        for place in places(cx.cause) {
            let Some(file) = cx.tree.find(&place.file) else { continue };
            let Some(source) = cx.tree.read(&file).filter(|_| is_assembly(&file)) else { continue };
            let Some((start, end)) = place.line.and_then(|line| source.line(line)) else { continue };
            let known = Known::of(cx, &file, &source.text, start..end);
            let slips = slips(source.text[start..end].trim_end_matches(['\r', '\n']), &cx.cause.message, &known);
            if !slips.is_empty() {
                return slips
                    .into_iter()
                    .map(|slip| Candidate {
                        kind: "restore_line",
                        title: slip.title,
                        file: Some(file.clone()),
                        line: place.line,
                        edits: vec![Edit {
                            file: file.clone(),
                            start: start + slip.start,
                            end: start + slip.end,
                            text: slip.text,
                        }],
                        rank: slip.rank,
                        ..Candidate::default()
                    })
                    .collect();
            }
        }
        let whole = |file: String| Some((cx.tree.read(&file)?, file)).filter(|(_, file)| is_assembly(file));
        let named = places(cx.cause).into_iter().filter_map(|place| cx.tree.find(&place.file)).take(1);
        let built = units::sources(cx, &Index::new(cx.tree));
        let files = named.chain(built).filter_map(whole).take(2);
        files
            .flat_map(|(source, file)| [labels(cx, &file, &source.text), macro_end(cx, &file, &source.text)].concat())
            .collect()
    }
}

/// A label that nothing defines, where the file has one of nearly the same name.
fn labels(cx: &Context<'_>, file: &str, text: &str) -> Vec<Candidate> {
    let Some(wrong) = cx.cause.symbols.first().filter(|name| name.len() > 2) else { return Vec::new() };
    let mut defined: BTreeMap<String, u32> = BTreeMap::new();
    let mut uses: Vec<(usize, usize)> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let (label, body) = split(line);
        if let Some(name) = label.trim().strip_suffix(':') {
            *defined.entry(name.to_owned()).or_default() += 1;
        }
        let here = start + label.len();
        uses.extend(words(body).filter(|word| body[word.clone()] == **wrong).map(|w| (here + w.start, here + w.end)));
        start += line.len();
    }
    if uses.is_empty() || defined.contains_key(wrong) {
        return Vec::new();
    }
    let one = |(rank, right): (u8, &str)| {
        let edits = uses.iter().map(|&(start, end)| (start, end, right.to_owned())).collect();
        let line = text[..uses[0].0].matches('\n').count() as u32 + 1;
        candidate("restore_line", format!("write {right} for {wrong}"), file, line, edits, rank)
    };
    nearest(wrong, &defined, 2).into_iter().take(3).map(one).collect()
}

/// `.endm` of a macro that has none: before the first blank line behind its head, or before the next
/// macro.
fn macro_end(cx: &Context<'_>, file: &str, text: &str) -> Vec<Candidate> {
    if !(cx.cause.message.contains("macro") && cx.cause.message.contains("end of file")
        || cx.cause.message.contains("no matching '.endm"))
    {
        return Vec::new();
    }
    let (mut open, mut start): (Option<Vec<usize>>, usize) = (None, 0);
    for line in text.split_inclusive('\n') {
        let body = line.trim();
        match body.split_whitespace().next() {
            Some(".macro") => {
                if let Some(ends) = &mut open {
                    ends.push(start);
                    break;
                }
                open = Some(Vec::new());
            }
            Some(".endm" | ".endmacro") => open = None,
            None => open.iter_mut().filter(|ends| ends.is_empty()).for_each(|ends| ends.push(start)),
            _ => {}
        }
        start += line.len();
    }
    let one = |(at, rank): (usize, u8)| {
        let line = text[..at].matches('\n').count() as u32 + 1;
        candidate("restore_line", "end the macro".to_owned(), file, line, vec![(at, at, ".endm\n".to_owned())], rank)
    };
    open.unwrap_or_default().into_iter().zip([90, 82]).map(one).collect()
}

fn is_assembly(file: &str) -> bool {
    [".S", ".s", ".asm", ".h", ".inc"].iter().any(|end| file.ends_with(end))
}

/// The place of the message, and those of its notes: a macro is expanded somewhere.
fn places(cause: &Cause) -> Vec<&Location> {
    let notes = cause.notes.iter().filter_map(|note| note.location.as_ref());
    cause.location.iter().chain(&cause.places).chain(notes).filter(|place| place.line.is_some()).take(12).collect()
}

/// A change of one line; offsets in the line.
#[derive(Debug, PartialEq, Eq)]
struct Slip {
    title: String,
    start: usize,
    end: usize,
    text: String,
    rank: u8,
}

/// Words that are right, and how often they were seen.
#[derive(Debug, Default)]
struct Known {
    registers: BTreeMap<String, u32>,
    mnemonics: BTreeMap<String, u32>,
    words: BTreeMap<String, u32>,
    percent: bool,
}

impl Known {
    /// The words of the file and of the assembly next to it, the broken line left out.
    fn of(cx: &Context<'_>, file: &str, text: &str, line: std::ops::Range<usize>) -> Self {
        let mut known = Self::default();
        known.add(&text[..line.start]);
        known.add(&text[line.end.min(text.len())..]);
        let place = folder(file);
        let beside = |name: &&String| folder(name) == place && is_assembly(name) && name.as_str() != file;
        for name in cx.tree.files().iter().filter(beside).filter(|n| !n.ends_with(".h")).take(NEIGHBOURS) {
            if let Some(source) = cx.tree.read(name) {
                known.add(&source.text);
            }
        }
        known.percent = text.matches('%').count() > 2;
        for register in registers(known.percent) {
            known.registers.entry(register).or_default();
        }
        known
    }

    fn add(&mut self, text: &str) {
        for line in text.lines() {
            let (_, body) = split(line);
            for (number, word) in words(body).enumerate() {
                let text = &body[word.clone()];
                *self.words.entry(text.to_owned()).or_default() += 1;
                if number == 0 {
                    *self.mnemonics.entry(text.to_owned()).or_default() += 1;
                } else if body[..word.start].ends_with('%') {
                    *self.registers.entry(text.to_owned()).or_default() += 1;
                }
            }
        }
    }
}

/// Names of registers: with `%` those of x86, else those of Arm and RISC-V.
fn registers(percent: bool) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if percent {
        for old in ["ax", "bx", "cx", "dx", "si", "di", "bp", "sp"] {
            names.extend([old.to_owned(), format!("e{old}"), format!("r{old}")]);
        }
        names.extend(
            ["al", "bl", "cl", "dl", "ah", "bh", "ch", "dh", "sil", "dil", "bpl", "spl", "rip"].map(String::from),
        );
        names.extend(["cs", "ds", "es", "fs", "gs", "ss", "cr0", "cr2", "cr3", "cr4", "cr8", "dr7"].map(String::from));
        for number in 8..16 {
            names.extend(["", "d", "w", "b"].map(|end| format!("r{number}{end}")));
        }
        for number in 0..16 {
            names.extend(["xmm", "ymm", "zmm"].map(|start| format!("{start}{number}")));
        }
        names.extend((0..8).flat_map(|n| [format!("mm{n}"), format!("k{n}")]));
    } else {
        for number in 0..31 {
            names.extend(["x", "w", "v", "q", "d", "s"].map(|start| format!("{start}{number}")));
        }
        names.extend((0..13).map(|n| format!("r{n}")));
        names.extend((0..12).map(|n| format!("s{n}")));
        names.extend((0..8).flat_map(|n| [format!("a{n}"), format!("t{n}")]));
        names.extend(["sp", "lr", "pc", "fp", "ip", "xzr", "wzr", "ra", "gp", "tp", "zero"].map(String::from));
    }
    names
}

/// A line without its comment, and its label apart.
fn split(line: &str) -> (&str, &str) {
    let end =
        ["//", "/*", " # ", "\t# ", "\t@", " @ "].iter().filter_map(|sign| line.find(sign)).min().unwrap_or(line.len());
    let line = &line[..end];
    match line.find(':') {
        Some(colon) if line[..colon].trim().bytes().all(is_word) => line.split_at(colon + 1),
        _ => ("", line),
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_.".contains(&b)
}

/// The words of a line, by their places in it.
fn words(line: &str) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let bytes = line.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() && !is_word(bytes[at]) {
            at += 1;
        }
        let start = at;
        while at < bytes.len() && is_word(bytes[at]) {
            at += 1;
        }
        (start < at).then_some(start..at)
    })
}

/// What may be wrong in a line, the likeliest first.
fn slips(line: &str, message: &str, known: &Known) -> Vec<Slip> {
    let (label, body) = split(line);
    let from = label.len();
    let body_end = from + body.trim_end().len();
    let mut found = Vec::new();
    found.extend(commas(body, from));
    found.extend(parentheses(body, from, body_end));
    let all: Vec<_> = words(body).collect();
    for (number, word) in all.iter().enumerate() {
        let text = &body[word.clone()];
        let at = from + word.start..from + word.end;
        let sign = body[..word.start].bytes().next_back();
        let quoted = message.contains(&format!("'{text}'"))
            || message.contains(&format!("'%{text}'"))
            || message.contains(&format!("'{text} "));
        if number == 0 {
            if known.mnemonics.contains_key(text) && !quoted || text.starts_with("__") {
                continue;
            }
            let says =
                ["instruction", "mnemonic", "pseudo-op", "directive", "opcode"].iter().any(|w| message.contains(w));
            for (rank, right) in nearest(text, &known.mnemonics, 2).into_iter().take(3) {
                let rank = if says || quoted { rank } else { rank.saturating_sub(25) };
                found.push(rename(at.clone(), text, right, rank));
            }
            continue;
        }
        let is_register = known.registers.contains_key(text);
        if sign == Some(b'%') || !known.percent && !is_register && known.words.get(text).is_none_or(|n| *n == 0) {
            if !is_register {
                for (rank, right) in nearest(text, &known.registers, 2).into_iter().take(3) {
                    found.push(rename(at.clone(), text, right, rank));
                }
            }
        } else if known.percent && is_register && !matches!(sign, Some(b'%' | b'$' | b'.' | b'_' | b'\\')) {
            found.push(Slip {
                title: format!("{text} is a register: %{text}"),
                start: at.start,
                end: at.start,
                text: "%".into(),
                rank: 82,
            });
        } else if !is_register && sign != Some(b'$') && known.words.get(text).is_none_or(|n| *n == 0) {
            for (rank, right) in nearest(text, &known.words, 1).into_iter().take(2) {
                found.push(rename(at.clone(), text, right, rank.saturating_sub(25)));
            }
        }
    }
    found.extend(missing_comma(body, from, &all, known));
    found.extend(sizes(body, from, message));
    found.sort_by_key(|slip| std::cmp::Reverse(slip.rank));
    found.truncate(8);
    found
}

fn rename(at: std::ops::Range<usize>, wrong: &str, right: &str, rank: u8) -> Slip {
    Slip { title: format!("write {right} for {wrong}"), start: at.start, end: at.end, text: right.to_owned(), rank }
}

/// Words near to one, the nearest and most used first.
fn nearest<'k>(word: &str, known: &'k BTreeMap<String, u32>, limit: usize) -> Vec<(u8, &'k str)> {
    if word.len() > 40 || word.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Vec::new();
    }
    let mut near: Vec<(usize, u32, &str)> = known
        .iter()
        .filter(|(other, _)| other.len().abs_diff(word.len()) <= limit && other.as_str() != word)
        .map(|(other, count)| (strsim::osa_distance(word, other), *count, other.as_str()))
        .filter(|(distance, _, other)| *distance <= limit && *distance < other.len().max(2))
        .collect();
    // A doubled letter is the commonest slip, then what is used most.
    let doubled = |other: &str| {
        word.len() == other.len() + 1
            && (1..word.len()).any(|i| {
                word.as_bytes()[i] == word.as_bytes()[i - 1] && format!("{}{}", &word[..i], &word[i + 1..]) == other
            })
    };
    near.sort_by_key(|(distance, count, other)| (*distance, !doubled(other), std::cmp::Reverse(*count)));
    near.into_iter()
        .enumerate()
        .map(|(number, (distance, _, other))| (96_u8.saturating_sub(distance as u8 * 6 + number as u8 * 3), other))
        .collect()
}

/// Operands that are empty: commas at the end, or two in a row.
fn commas(body: &str, from: usize) -> Option<Slip> {
    let trimmed = body.trim_end();
    let kept = trimmed.trim_end_matches([',', ' ', '\t']);
    if kept.len() < trimmed.len() && trimmed.ends_with(',') {
        let (start, end) = (from + kept.len(), from + trimmed.len());
        return Some(Slip { title: "drop the empty operand".into(), start, end, text: String::new(), rank: 93 });
    }
    let bytes = trimmed.as_bytes();
    let mut comma: Option<usize> = None;
    let mut depth = 0_i32;
    for (at, b) in bytes.iter().enumerate() {
        match b {
            b'(' | b'[' | b'"' => (comma, depth) = (None, depth + 1),
            b',' if depth == 0 || comma.is_some() => {
                if let Some(before) = comma {
                    let (start, end) = (from + before, from + at);
                    return Some(Slip {
                        title: "drop the empty operand".into(),
                        start,
                        end,
                        text: String::new(),
                        rank: 92,
                    });
                }
                comma = Some(at);
            }
            b' ' | b'\t' => {}
            _ => comma = None,
        }
    }
    None
}

fn parentheses(body: &str, from: usize, end: usize) -> Vec<Slip> {
    let mut found = Vec::new();
    for (open, close) in [('(', ')'), ('[', ']')] {
        let opened = body.matches(open).count();
        let closed = body.matches(close).count();
        if opened > closed {
            let mut push = |at: usize, rank| {
                found.push(Slip {
                    title: format!("add the missing '{close}'"),
                    start: at,
                    end: at,
                    text: close.into(),
                    rank,
                });
            };
            // An instruction that takes two operands has a comma outside of the brackets.
            let name = body.split_whitespace().next().unwrap_or_default();
            let single =
                ["inc", "dec", "neg", "not", "call", "jmp", "push", "pop", "mul", "div", "prefetch", "set", "clflush"];
            let first = body.find(open).is_some_and(|at| body[..at].contains(','));
            let two = open == '(' && !first && !single.iter().any(|start| name.starts_with(start));
            // `(%rsi, %rax` at the end, `(%rsi, %rax` before the next operand.
            push(end, if two { 82 } else { 88 });
            if let Some(last) = body.rfind(open) {
                for (comma, _) in body[last..].match_indices(',') {
                    push(from + last + comma, 84);
                }
            }
        } else if closed > opened
            && let Some(last) = body.rfind(close)
        {
            let start = body[..last].rfind([' ', '\t', ',']).map_or(0, |at| at + 1);
            let title = format!("add the missing '{open}'");
            found.push(Slip { title, start: from + start, end: from + start, text: open.into(), rank: 80 });
        }
    }
    found
}

/// Two operands with nothing but space between them.
fn missing_comma(body: &str, from: usize, words: &[std::ops::Range<usize>], known: &Known) -> Vec<Slip> {
    let mut found = Vec::new();
    for pair in words.windows(2).skip(1) {
        let between = &body[pair[0].end..pair[1].start];
        let register = |word: &std::ops::Range<usize>| known.registers.contains_key(&body[word.clone()]);
        // `%eax%ecx`: two registers have a sign between them, but no comma.
        let glued = between == "%" && register(&pair[0]) && register(&pair[1]);
        if glued {
            let at = from + pair[0].end;
            found.push(Slip { title: "add the missing ','".into(), start: at, end: at, text: ",".into(), rank: 90 });
        }
        let gap = between.trim_matches(['%', '$', '(', '[', ')', ']', '#', '-']);
        if !gap.is_empty() && gap.trim().is_empty() && (register(&pair[0]) || register(&pair[1])) {
            let close = between.len() - between.trim_start_matches([')', ']']).len();
            let at = from + pair[0].end + close;
            found.push(Slip { title: "add the missing ','".into(), start: at, end: at, text: ",".into(), rank: 86 });
        }
    }
    found
}

/// `incorrect register '%eax' used with 'q' suffix`: the register of that size.
fn sizes(body: &str, from: usize, message: &str) -> Option<Slip> {
    let rest = message.strip_prefix("incorrect register '%")?;
    let (register, rest) = rest.split_once('\'')?;
    let suffix = rest.split_once(" used with '")?.1.chars().next()?;
    let core = register.trim_start_matches(['e', 'r']).trim_end_matches(['d', 'w', 'b']);
    let right = if core.bytes().all(|b| b.is_ascii_digit()) && !core.is_empty() {
        let end = match suffix {
            'q' => "",
            'l' => "d",
            'w' => "w",
            _ => "b",
        };
        format!("r{core}{end}")
    } else {
        let core = &register[register.len().saturating_sub(2)..];
        match suffix {
            'q' => format!("r{core}"),
            'l' => format!("e{core}"),
            'w' => core.to_owned(),
            _ => return None,
        }
    };
    let at = body.find(&format!("%{register}"))? + 1 + from;
    Some(rename(at..at + register.len(), register, &right, 84))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn known(text: &str, percent: bool) -> Known {
        let mut known = Known { percent, ..Known::default() };
        known.add(text);
        for register in registers(percent) {
            known.registers.entry(register).or_default();
        }
        known
    }

    fn best(line: &str, message: &str, known: &Known) -> String {
        let slip = slips(line, message, known).into_iter().next().expect("a candidate");
        format!("{}{}{}", &line[..slip.start], slip.text, &line[slip.end..])
    }

    #[test]
    fn a_label_that_nothing_defines() {
        let text = "fill:\n\tb.ne\t.Lrefil\n.Lrefill:\n\tb\t.Lrefill\n";
        let files = testing::kernel(&[("arch/arm64/lib/tank.S", text)]);
        let log = "  AS      arch/arm64/lib/tank.o\n<unknown>:0: error: Undefined temporary symbol .Lrefil\n\
                   make[3]: *** [scripts/Makefile.build:390: arch/arm64/lib/tank.o] Error 1\n";
        let changed = testing::best(&Assembler, &files, log);
        assert_eq!(changed[0].1, text.replace(".Lrefil\n", ".Lrefill\n"));
    }

    #[test]
    fn a_macro_without_end() {
        let text = ".macro fill a\n\tmov \\a, 1\n.endm\n.macro pour a\n\tmov \\a, 2\n\n.macro drain a\n.endm\n";
        let files = [("tank.S", text)];
        let log = "tank.S: Assembler messages:\ntank.S:4: Error: unexpected end of file in macro `pour' definition\n";
        let changed = testing::best(&Assembler, &files, log);
        assert_eq!(changed[0].1, text.replace(", 2\n\n", ", 2\n.endm\n\n"));
    }

    #[test]
    fn registers_side_by_side() {
        let known = known("\tmovl %edx, %ecx\n\tmovl %eax, %ecx\n", true);
        assert_eq!(best("\tmovl %edx%ecx", "too few operands for instruction", &known), "\tmovl %edx,%ecx");
    }

    #[test]
    fn slips_on_x86() {
        let known = known("\tmovq %r9, 8(%rdi)\n\taddq $8, %rdi\n\tjmp .Lend\n.Lend:\n\tret\n", true);
        for (line, message, expected) in [
            ("\tmovq %rr9, 8(%rdi)", "bad register name '%rr9'", "\tmovq %r9, 8(%rdi)"),
            ("\tmovq %rxa, %rdi", "invalid register name", "\tmovq %rax, %rdi"),
            ("\tmovqq %r9, %rdi", "no such instruction: 'movqq %r9, %rdi'", "\tmovq %r9, %rdi"),
            ("\tmovq %r9, 8(%rdi), ,", "expecting operand after ','; got nothing", "\tmovq %r9, 8(%rdi)"),
            ("\tmovq %r9,, %rdi", "unknown token in expression", "\tmovq %r9, %rdi"),
            ("\tmovq %r9, 8(%rdi", "missing ')'", "\tmovq %r9, 8(%rdi)"),
            ("1:\tmovq 8(%rdi, %r9", "unbalanced parenthesis", "1:\tmovq 8(%rdi), %r9"),
            ("\tmovq %r9 %rdi", "junk at end of line", "\tmovq %r9, %rdi"),
            ("\tmovq r9, %rdi", "too many memory references for 'mov'", "\tmovq %r9, %rdi"),
            ("\tmovq %eax, %rdi", "incorrect register '%eax' used with 'q' suffix", "\tmovq %rax, %rdi"),
        ] {
            let all: Vec<String> = slips(line, message, &known)
                .into_iter()
                .map(|slip| format!("{}{}{}", &line[..slip.start], slip.text, &line[slip.end..]))
                .collect();
            assert!(all.contains(&expected.to_owned()), "{line}: {all:?}");
        }
        assert_eq!(best("\tmovq %rr15, %rdi", "bad register name '%rr15'", &known), "\tmovq %r15, %rdi");
        assert_eq!(slips("\tmovq %r9, %rdi", "something else", &known), []);
    }

    #[test]
    fn slips_on_arm() {
        let known = known("\tldr x0, [x1]\n\tadd x2, x2, #1\n\tb.ne 1b\n\tret\n", false);
        for (line, message, expected) in [
            ("\tldrr x0, [x1]", "unknown mnemonic 'ldrr' -- 'ldrr x0,[x1]'", "\tldr x0, [x1]"),
            ("\tadd xx2, x2, #1", "operand 1 must be an integer or stack pointer register", "\tadd x2, x2, #1"),
            ("\tldr x0, [x1", "']' expected", "\tldr x0, [x1]"),
        ] {
            assert_eq!(best(line, message, &known), expected, "{line}");
        }
    }

    #[test]
    fn odd_input_is_survived() {
        let known = known("", true);
        for line in ["", ",", "(", ")", "%", ":", "é %é", "\t\t", "/*", "a:b:c"] {
            slips(line, "incorrect register '%é' used with 'q' suffix", &known);
        }
    }

    #[test]
    fn from_log_to_patch() {
        let files = [("lib/fill.S", "fill:\n\tmovq %rdi, %rax\n\tmovq %rax, %rr8\n\tret\n")];
        let log = "lib/fill.S: Assembler messages:\nlib/fill.S:3: Error: bad register name `%rr8'\n";
        assert_eq!(testing::best(&Assembler, &files, log)[0].1, files[0].1.replace("%rr8", "%r8"));
    }
}
