//! Where a symbol that the linker misses is defined: a scan for definitions at file scope of C,
//! C++ and assembly, that needs no complete parse.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;

use aho_corasick::AhoCorasick;

/// Files that are longer are not looked at.
const FILE_MAX: u64 = 8 << 20;

/// A definition with the symbol's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Definition {
    /// The file, as given to [`find`].
    pub file: String,
    /// The symbol.
    pub symbol: String,
    /// Where the name starts.
    pub start: usize,
    /// Line of the name, counted from 1.
    pub line: u32,
    /// Behind the closing brace of a function, or the semicolon of a variable.
    pub end: usize,
    /// True for functions.
    pub function: bool,
    /// True when it can be seen in this file only.
    pub private: bool,
}

/// The definitions of `symbols` in some files below `root`.
pub fn find<S: AsRef<str> + Sync>(root: &Path, files: &[S], symbols: &[&str]) -> Vec<Definition> {
    let symbols: Vec<&str> = symbols.iter().copied().filter(|s| is_name(s)).collect();
    let Ok(names) = AhoCorasick::new(&symbols) else { return Vec::new() };
    if symbols.is_empty() {
        return Vec::new();
    }
    let workers = thread::available_parallelism().map_or(1, |n| n.get().min(8));
    let part = files.len().div_ceil(workers).max(1);
    let search = |files: &[S]| {
        let mut found = Vec::new();
        for file in files {
            let path = root.join(file.as_ref());
            let small = fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= FILE_MAX);
            let Some(bytes) = small.then(|| fs::read(&path).ok()).flatten() else { continue };
            if !names.is_match(&bytes) {
                continue;
            }
            let text = String::from_utf8_lossy(&bytes);
            found.extend(in_text(file.as_ref(), &text, &symbols));
        }
        found
    };
    let mut found: Vec<Definition> = thread::scope(|scope| {
        let parts: Vec<_> = files.chunks(part).map(|files| scope.spawn(|| search(files))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    });
    found.sort();
    found
}

fn is_name(symbol: &str) -> bool {
    !symbol.is_empty() && symbol.len() < 512 && symbol.bytes().all(is_word)
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'$'
}

/// True for files that define what is linked.
pub fn is_source(file: &str) -> bool {
    let suffix = file.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    matches!(suffix, "c" | "S" | "s" | "cc" | "cpp" | "cxx" | "C" | "c++" | "m")
}

/// The definitions of `symbols` in one file.
pub fn in_text(file: &str, text: &str, symbols: &[&str]) -> Vec<Definition> {
    if file.ends_with(".S") || file.ends_with(".s") { assembly(file, text, symbols) } else { c(file, text, symbols) }
}

fn assembly(file: &str, text: &str, symbols: &[&str]) -> Vec<Definition> {
    const MACROS: &[&str] = &["SYM_FUNC_START", "SYM_CODE_START", "SYM_DATA", "SYM_FUNC_ALIAS", "ENTRY", "WEAK"];
    let mut found = Vec::new();
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let name = line.split_once(':').map(|(name, _)| name).filter(|name| symbols.contains(name)).or_else(|| {
            let (name, rest) = line.trim_start().split_once('(')?;
            let argument = rest.split([',', ')']).next()?.trim();
            (MACROS.iter().any(|m| name.starts_with(m)) && symbols.contains(&argument)).then_some(argument)
        });
        if let Some(name) = name {
            let at = start + line.find(name).unwrap_or(0);
            found.push(Definition {
                file: file.to_owned(),
                symbol: name.to_owned(),
                start: at,
                line: number as u32 + 1,
                end: start + line.trim_end().len(),
                function: true,
                private: line.contains("_LOCAL"),
            });
        }
        start += line.len();
    }
    found
}

/// A token of C: a word, a single sign; comments, literals and preprocessor lines are left out.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    line: u32,
    /// It stands at the start of its line.
    first: bool,
}

fn c(file: &str, text: &str, symbols: &[&str]) -> Vec<Definition> {
    let wanted: BTreeSet<&str> = symbols.iter().copied().collect();
    let pieces = pieces(text);
    let word = |i: usize| pieces.get(i).map_or("", |p: &Piece| &text[p.start..p.end]);
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut statement = 0;
    let mut i = 0;
    while i < pieces.len() {
        let piece = pieces[i];
        match word(i) {
            "{" => {
                // The braces of `extern "C" {` and `namespace x {` are no scope of their own.
                let open = (statement..i).any(|j| matches!(word(j), "namespace"))
                    || i == statement + 2 && word(statement) == "extern" && word(i - 1) == "\"";
                depth += usize::from(!open);
                if open {
                    statement = i + 1;
                }
            }
            "}" => {
                // At the start of a line it ends what is at file scope, however the branches of
                // #if above it counted.
                depth = if piece.first { 0 } else { depth.saturating_sub(1) };
                if depth == 0 {
                    statement = i + 1;
                }
            }
            ";" if depth == 0 => statement = i + 1,
            name if depth == 0 && wanted.contains(name) => {
                if let Some((end, function)) = definition(&word, &pieces, statement, i) {
                    let private = (statement..i).any(|j| word(j) == "static");
                    found.push(Definition {
                        file: file.to_owned(),
                        symbol: name.to_owned(),
                        start: piece.start,
                        line: piece.line,
                        end,
                        function,
                        private,
                    });
                }
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// Where the definition ends whose name is token `at`, and whether it is a function.
fn definition<'t>(
    word: &impl Fn(usize) -> &'t str,
    pieces: &[Piece],
    statement: usize,
    at: usize,
) -> Option<(usize, bool)> {
    if (statement..at).any(|j| matches!(word(j), "typedef" | "=" | "return" | "using")) {
        return None;
    }
    if at > statement + 1 && matches!(word(at - 1), "(" | ",") {
        // DEFINE_SPINLOCK(name); LIST_HEAD(name);
        let name = (statement..at).rev().find(|&j| word(j) == "(").and_then(|open| open.checked_sub(1)).map(word)?;
        let defines = name.starts_with("DEFINE_") || name.ends_with("_HEAD") || name.starts_with("SYSCALL_DEFINE");
        let end = (at..pieces.len()).take(64).find(|&j| matches!(word(j), ";" | "{"))?;
        return defines.then(|| (pieces[end].end, name.starts_with("SYSCALL_DEFINE")));
    }
    if word(at + 1) == "(" {
        if (statement..at).any(|j| matches!(word(j), "(" | "{") && !is_attribute(word, j)) {
            return None;
        }
        let mut next = closing(word, at + 1, pieces.len())? + 1;
        // Attributes and the parameters of old-style definitions stand before the body.
        for _ in 0..256 {
            match word(next) {
                "{" => return Some((body_end(word, pieces, next)?, true)),
                "(" => next = closing(word, next, pieces.len())? + 1,
                ";" if word(next + 1) == "{" || old_style(word, next + 1) => next += 1,
                "" | ";" | "=" | "," | "}" | ")" => return None,
                _ => next += 1,
            }
        }
        return None;
    }
    // A variable: a type stands before it.
    let typed = at > statement && at > 0 && (word(at - 1) == "*" || word(at - 1).bytes().all(is_word));
    let tag = at > 0 && matches!(word(at - 1), "struct" | "union" | "enum" | "goto" | "class");
    if !typed || tag || (statement..at).any(|j| word(j) == "extern") {
        return None;
    }
    let mut next = at + 1;
    for _ in 0..64 {
        match word(next) {
            "[" | "(" => next = closing(word, next, pieces.len())? + 1,
            "=" | ";" | "," => {
                let end = (next..pieces.len()).find(|&j| word(j) == ";")?;
                return Some((pieces[end].end, false));
            }
            name if !name.is_empty() && name.bytes().all(is_word) => next += 1,
            _ => return None,
        }
    }
    None
}

/// `__attribute__((x))`, `DEFINE(x)` and the like: the parenthesis follows a word.
fn is_attribute<'t>(word: &impl Fn(usize) -> &'t str, at: usize) -> bool {
    word(at) == "(" && at > 0 && (word(at - 1).starts_with("__") || word(at - 1) == "(")
}

/// After the parentheses: the declarations of an old-style definition.
fn old_style<'t>(word: &impl Fn(usize) -> &'t str, from: usize) -> bool {
    let mut at = from;
    let mut found = false;
    while at < from + 128 {
        match word(at) {
            "{" => return found,
            ";" => found = true,
            "*" | "," | "[" | "]" => {}
            name if !name.is_empty() && name.bytes().all(is_word) => {}
            _ => return false,
        }
        at += 1;
    }
    false
}

fn closing<'t>(word: &impl Fn(usize) -> &'t str, open: usize, count: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in open..count.min(open + 4096) {
        match word(at) {
            "(" | "[" => depth += 1,
            ")" | "]" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            ";" | "{" if word(open) == "(" => return None,
            _ => {}
        }
    }
    None
}

/// Behind the brace that closes a body.
fn body_end<'t>(word: &impl Fn(usize) -> &'t str, pieces: &[Piece], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, piece) in pieces.iter().enumerate().skip(open) {
        match word(at) {
            "{" => depth += 1,
            "}" => {
                depth = depth.checked_sub(1)?;
                // At the start of a line: see above.
                if depth == 0 || piece.first {
                    return Some(piece.end);
                }
            }
            _ => {}
        }
    }
    None
}

fn pieces(text: &str) -> Vec<Piece> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut line = 1;
    let mut fresh = true;
    while at < bytes.len() {
        let b = bytes[at];
        let start = at;
        match b {
            b'\n' => {
                line += 1;
                at += 1;
                fresh = true;
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\\' => {
                at += 1;
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = text[at + 2..].find("*/").map_or(bytes.len(), |end| at + 2 + end + 2);
                line += count(&bytes[start..at]);
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at = text[at..].find('\n').map_or(bytes.len(), |end| at + end);
                continue;
            }
            b'#' if fresh => {
                at = directive(bytes, at);
                line += count(&bytes[start..at]);
                continue;
            }
            b'"' | b'\'' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b && bytes[at] != b'\n' {
                    at += 1 + usize::from(bytes[at] == b'\\');
                }
                at = (at + 1).min(bytes.len());
                pieces.push(Piece { start, end: start + 1, line, first: false });
                line += count(&bytes[start..at]);
                fresh = false;
                continue;
            }
            b if is_word(b) => {
                while at < bytes.len() && is_word(bytes[at]) {
                    at += 1;
                }
            }
            b if b.is_ascii() => at += 1,
            _ => {
                at += text[at..].chars().next().map_or(1, char::len_utf8);
                continue;
            }
        }
        fresh = false;
        pieces.push(Piece { start, end: at, line, first: start == 0 || bytes[start - 1] == b'\n' });
    }
    pieces
}

fn count(bytes: &[u8]) -> u32 {
    bytes.iter().filter(|b| **b == b'\n').count() as u32
}

/// The end of a preprocessor line, its continuation lines and comments included.
fn directive(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'\n'
                if at > 0 && (bytes[at - 1] == b'\\' || bytes[at - 1] == b'\r' && at > 1 && bytes[at - 2] == b'\\') => {
            }
            b'\n' => return at,
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                while at < bytes.len() && !bytes[at..].starts_with(b"*/") {
                    at += 1;
                }
                at += 1;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                while at < bytes.len() && bytes[at] != b'\n' {
                    at += 1;
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defined(file: &str, text: &str, symbol: &str) -> Vec<(u32, bool, bool)> {
        in_text(file, text, &[symbol]).into_iter().map(|d| (d.line, d.function, d.private)).collect()
    }

    #[test]
    fn functions_at_file_scope() {
        let text = "int pump(int a);\nextern int pump(int a);\n#define X pump(1) \\\n {\n\
                    static int user(void)\n{\n\treturn pump(2);\n}\n/* pump() { */\n\
                    int __must_check pump(int a)\n{\n\tif (a) {\n\t}\n\treturn '}';\n}\nint after;\n";
        assert_eq!(defined("a.c", text, "pump"), [(10, true, false)]);
        let found = in_text("a.c", text, &["pump"]);
        assert!(text[..found[0].end].ends_with("return '}';\n}"));
        assert_eq!(defined("a.c", text, "user"), [(5, true, true)]);
        assert_eq!(defined("a.c", text, "after"), [(16, false, false)]);
    }

    #[test]
    fn branches_of_the_preprocessor_do_not_confuse() {
        let text = "#ifdef A\nint one(void) {\n#else\nint one(int a) {\n#endif\n\tint two;\n}\nint two(void)\n{\n}\n";
        assert_eq!(defined("a.c", text, "two"), [(8, true, false)]);
    }

    #[test]
    fn variables() {
        for (text, count) in [
            ("struct pump pump;\n", 1),
            ("struct pump;\n", 0),
            ("extern int pump;\n", 0),
            ("const char *const pump[] = {\n\t\"a;\",\n};\n", 1),
            ("typedef int pump;\n", 0),
            ("int x = pump;\n", 0),
            ("static DEFINE_MUTEX(pump);\n", 1),
            ("EXPORT_SYMBOL(pump);\n", 0),
            ("struct x y = { .a = pump, };\n", 0),
            ("int pump __read_mostly = 3;\n", 1),
            ("namespace a {\nint pump() { return 1; }\n}\n", 1),
            ("extern \"C\" {\nint pump() { return 1; }\n}\n", 1),
            ("int pump(a)\n\tint a;\n{\n}\n", 1),
            ("int other(void)\n{\n\tpump(1);\n\t{ }\n}\n", 0),
        ] {
            assert_eq!(defined("a.c", text, "pump").len(), count, "{text}");
        }
    }

    #[test]
    fn assembly_labels_and_macros() {
        let text = "\t.globl pump\npump:\n\tret\nSYM_FUNC_START(valve)\n";
        assert_eq!(defined("a.S", text, "pump"), [(2, true, false)]);
        assert_eq!(defined("a.S", text, "valve"), [(4, true, false)]);
    }

    #[test]
    fn files_below_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.c"), "int pump(void)\n{\n\treturn 0;\n}\n").unwrap();
        fs::write(folder.path().join("b.c"), "int pump(void);\n").unwrap();
        let found = find(folder.path(), &["a.c", "b.c", "none.c"], &["pump", "no name"]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file, "a.c");
    }

    #[test]
    fn odd_input_is_survived() {
        for text in ["pump", "pump(", "}pump{", "\"", "'\\", "/*", "#", "#\\\n", "{{{{", "int pump(é) {", "int pump"] {
            defined("a.c", text, "pump");
            defined("a.S", text, "pump");
        }
    }
}
