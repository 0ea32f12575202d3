//! The diagnostics of a log: some thousand sites, each printed whenever its file is compiled again.

use crate::random::Random;
use crate::words::{CLANG, ENDS, FOLDERS, GCC, HEADERS, MEMBERS, NOUNS, STEMS, Severity, VERBS, Wording};

/// Sites of each compiler.
pub const SITES: usize = 2048;

/// Whose words a part of the log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// gcc: function lines, curly quotes.
    Gcc,
    /// clang: straight quotes, counts of errors.
    Clang,
}

impl Compiler {
    /// The program's name.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Gcc => "gcc",
            Self::Clang => "clang",
        }
    }
}

/// A place in the source about which a compiler complains, as it is printed.
#[derive(Debug)]
pub struct Site {
    /// Function line, diagnostic, snippet, marks and note: all but the include stack.
    pub text: Vec<u8>,
    /// Lines of the text.
    pub lines: usize,
    /// Whether the object is not made.
    pub fails: bool,
    /// The object that is made from the file, or one whose source includes it.
    pub object: String,
    /// Set when the place is in a header: the source file whose include stack comes first.
    pub included_from: Option<String>,
}

/// A path without its ending.
pub fn path(random: &mut Random, out: &mut Vec<u8>) {
    for part in [random.pick(FOLDERS), "/", random.pick(STEMS), random.pick(ENDS)] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// All sites of a compiler.
#[must_use]
pub fn sites(compiler: Compiler, random: &mut Random) -> Vec<Site> {
    (0..SITES).map(|number| site(compiler, number, random)).collect()
}

/// Names for the placeholders of a wording.
struct Names {
    function: String,
    variable: String,
    tag: String,
    member: &'static str,
    header: &'static str,
}

impl Names {
    fn new(number: usize, random: &mut Random) -> Self {
        let function = format!("{}_{}_{}{number}", random.pick(NOUNS), random.pick(VERBS), random.pick(NOUNS));
        let variable = format!("{}_{}", random.pick(NOUNS), number % 97);
        let tag = format!("{}_{}", random.pick(NOUNS), random.pick(NOUNS));
        // As `#include` names it.
        let header = random.pick(HEADERS).trim_start_matches("include/").trim_start_matches("uapi/");
        Self { function, variable, tag, member: random.pick(MEMBERS), header }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("$f", &self.function)
            .replace("$v", &self.variable)
            .replace("$s", &self.tag)
            .replace("$m", self.member)
            .replace("$h", self.header)
    }
}

fn site(compiler: Compiler, number: usize, random: &mut Random) -> Site {
    let wordings = match compiler {
        Compiler::Gcc => GCC,
        Compiler::Clang => CLANG,
    };
    let wording = &wordings[number % wordings.len()];
    let names = Names::new(number, random);
    let mut source = Vec::new();
    path(random, &mut source);
    let source = String::from_utf8_lossy(&source).into_owned();
    let in_header = wording.severity != Severity::Fatal && random.once_in(8);
    let file = if in_header { random.pick(HEADERS).to_owned() } else { format!("{source}.c") };
    let text = render(compiler, wording, &names, &file, random);
    Site {
        lines: text.lines().count(),
        text: text.into_bytes(),
        fails: wording.severity != Severity::Warning,
        object: format!("{source}.o"),
        included_from: in_header.then(|| format!("{source}.c")),
    }
}

fn render(compiler: Compiler, wording: &Wording, names: &Names, file: &str, random: &mut Random) -> String {
    let (code, mark) = (names.fill(wording.code), names.fill(wording.mark));
    let fatal = wording.severity == Severity::Fatal;
    let indent = if fatal { 0 } else { 8 };
    let line = if fatal { 3 + random.below(40) } else { 20 + random.below(3000) };
    let column = indent + code.find(&mark).unwrap_or(0) + 1;
    let severity = match wording.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
        Severity::Fatal => "fatal error",
    };
    let mut out = String::new();
    if compiler == Compiler::Gcc && !fatal {
        out += &format!("{file}: In function ‘{}_{}’:\n", random.pick(NOUNS), random.pick(VERBS));
    }
    let option = match (wording.option, wording.severity, compiler) {
        ("", _, _) => String::new(),
        (option, Severity::Error, Compiler::Clang) => format!(" [-Werror,{option}]"),
        (option, _, _) => format!(" [{option}]"),
    };
    out += &format!("{file}:{line}:{column}: {severity}: {}{option}\n", names.fill(wording.message));
    let marks = format!("^{}", "~".repeat(mark.len().saturating_sub(1)));
    snippet(compiler, line, &code, column, &marks, &mut out);
    if !wording.note.is_empty() {
        let note_line = line.saturating_sub(random.below(200)).max(1);
        out += &format!("{file}:{note_line}:{column}: note: {}\n", names.fill(wording.note));
        snippet(compiler, note_line, &code, column, &marks, &mut out);
    }
    out
}

fn snippet(compiler: Compiler, line: usize, code: &str, column: usize, marks: &str, out: &mut String) {
    let number = line.to_string();
    let width = match compiler {
        Compiler::Gcc => number.len().max(5),
        Compiler::Clang => number.len() + 1,
    };
    let indent = if code.starts_with('#') { 0 } else { 8 };
    *out += &format!("{number:>width$} | {:indent$}{code}\n{:width$} | {:>column$}{}\n", "", "", "^", &marks[1..]);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn marks_stand_under_what_they_mark() {
        let mut out = String::new();
        snippet(Compiler::Gcc, 12, "ret = sum(a);", 15, "^~~", &mut out);
        assert_eq!(out, "   12 |         ret = sum(a);\n      |               ^~~\n");
    }

    #[test]
    fn thousands_of_messages_that_differ() {
        let mut random = Random::new(1);
        let mut seen = BTreeSet::new();
        for compiler in [Compiler::Gcc, Compiler::Clang] {
            for site in sites(compiler, &mut random) {
                let text = String::from_utf8(site.text).unwrap();
                assert!(text.ends_with('\n') && !text.contains('$'), "{text}");
                assert!(seen.insert(text));
            }
        }
        assert_eq!(seen.len(), 2 * SITES);
    }
}
