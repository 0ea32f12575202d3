//! What a file declares: which of some names, and as what.
//!
//! Over tokens, not over a syntax tree: headers are full of macros that a grammar of C trips over,
//! and all that is asked is what stands at file scope. Branches for other readers (`#if 0`, what
//! only user space sees of a kernel header) are left out.

use std::collections::HashMap;

use crate::lexer::{Token, TokenKind, lex};

/// What a name is declared as, the weaker first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `struct x;`: enough for a pointer, not for a member.
    Forward,
    /// A variable that is not `extern`: a definition, which no header should have.
    Definition,
    /// An `extern` variable, or one that a `DECLARE_…` macro declares.
    Variable,
    /// A constant of an enumeration.
    Enumerator,
    /// A prototype.
    Function,
    /// A function with its body.
    Inline,
    /// A macro.
    Macro,
    /// A typedef, or C++'s `using x =`.
    Typedef,
    /// A struct, union, enum or class with its body.
    Type,
}

/// The names of `wanted` that a text declares at file scope (in C++ also in namespaces), each with
/// the strongest kind. `kernel`: what stands under `#ifndef __KERNEL__` does not count.
pub fn declared<'n>(text: &str, wanted: &dyn Fn(&str) -> Option<&'n str>, kernel: bool) -> HashMap<&'n str, Kind> {
    let (tokens, _) = lex(text);
    let mut reader =
        Reader { text, wanted, found: HashMap::new(), statement: Vec::new(), depth: 0, opened: Vec::new() };
    let mut branches: Vec<Branch> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        if token.directive {
            let length = 1 + tokens[at + 1..].iter().take_while(|t| t.directive && !t.opens).count();
            let line = &tokens[at..at + length];
            if !conditional(text, line, &mut branches, kernel) && branches.iter().all(|b| b.read) {
                reader.directive(line);
            }
            at += length;
            continue;
        }
        if branches.iter().all(|b| b.read) {
            reader.token(token);
        }
        at += 1;
    }
    reader.found
}

/// A conditional that is open.
struct Branch {
    /// The branch at hand is read.
    read: bool,
    /// The `#else` of it is read.
    otherwise: bool,
}

/// Follows the conditionals; true for a line of one.
fn conditional(text: &str, line: &[Token], open: &mut Vec<Branch>, kernel: bool) -> bool {
    let word = |at: usize| line.get(at).and_then(|t: &Token| text.get(t.start..t.end)).unwrap_or_default();
    match word(1) {
        "if" | "ifdef" | "ifndef" => {
            let negated = word(1) == "ifndef" || word(2) == "!";
            let names = |name: &str| line[1..].iter().any(|t| text.get(t.start..t.end) == Some(name));
            let plain = line.len() <= 7;
            open.push(match () {
                () if word(1) == "if" && word(2) == "0" && line.len() == 3 => Branch { read: false, otherwise: true },
                () if kernel && plain && names("__KERNEL__") && negated => Branch { read: false, otherwise: true },
                () if kernel && plain && names("__KERNEL__") => Branch { read: true, otherwise: false },
                () => Branch { read: true, otherwise: true },
            });
        }
        "else" | "elif" | "elifdef" | "elifndef" => {
            if let Some(branch) = open.last_mut() {
                branch.read = branch.otherwise;
            }
        }
        "endif" => drop(open.pop()),
        _ => return false,
    }
    true
}

/// What a `{` at hand opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// A namespace or `extern "C"`: file scope goes on.
    Scope,
    /// An enumeration: its constants are of the file.
    Enum,
    /// Anything else.
    Body,
}

struct Reader<'t, 'w, 'n> {
    text: &'t str,
    wanted: &'w dyn Fn(&str) -> Option<&'n str>,
    found: HashMap<&'n str, Kind>,
    /// The tokens of the statement so far that stand outside of braces, with their depth of
    /// parentheses; `{}` stands for a body.
    statement: Vec<(&'t str, bool, u32)>,
    depth: u32,
    opened: Vec<Opened>,
}

/// Tokens of a statement that are looked at: tables of data are longer.
const STATEMENT: usize = 4096;

impl<'t, 'n> Reader<'t, '_, 'n> {
    fn note(&mut self, name: &str, kind: Kind) {
        if let Some(name) = (self.wanted)(name) {
            let known = self.found.entry(name).or_insert(kind);
            *known = (*known).max(kind);
        }
    }

    fn directive(&mut self, line: &[Token]) {
        let word = |at: usize| line.get(at).and_then(|t: &Token| self.text.get(t.start..t.end)).unwrap_or_default();
        if word(1) == "define" {
            self.note(word(2), Kind::Macro);
        }
    }

    fn token(&mut self, token: &Token) {
        let text: &'t str = self.text.get(token.start..token.end).unwrap_or_default();
        let word = token.kind == TokenKind::Identifier;
        match text {
            "{" => self.open(),
            "}" => self.close(),
            _ if self.opened.last() == Some(&Opened::Body) => {}
            _ if self.opened.last() == Some(&Opened::Enum) => self.constant(text, word),
            ";" if self.depth == 0 => self.end(),
            _ => {
                self.depth = match text {
                    "(" => self.depth + 1,
                    ")" => self.depth.saturating_sub(1),
                    _ => self.depth,
                };
                if self.statement.len() < STATEMENT {
                    self.statement.push((text, word, self.depth));
                }
            }
        }
    }

    fn open(&mut self) {
        if matches!(self.opened.last(), Some(Opened::Body | Opened::Enum)) {
            self.opened.push(Opened::Body);
            return;
        }
        let words = &self.statement;
        let first = words.first().map_or("", |w| w.0);
        let scope = words.iter().any(|w| w.0 == "namespace")
            || first == "extern" && words.len() == 2 && words[1].0.starts_with('"');
        if scope {
            self.statement.clear();
            self.opened.push(Opened::Scope);
            return;
        }
        let is_enum = words.iter().rev().take(6).any(|w| w.0 == "enum") && !words.iter().any(|w| w.0 == "(");
        if let Some((_, name)) = tag(words) {
            self.note(name, Kind::Type);
        }
        self.opened.push(if is_enum { Opened::Enum } else { Opened::Body });
        self.statement.push(("{}", false, self.depth));
        self.depth = 0;
    }

    fn close(&mut self) {
        match self.opened.pop() {
            Some(Opened::Scope) => self.statement.clear(),
            Some(_) if !matches!(self.opened.last(), Some(Opened::Body | Opened::Enum)) => {
                // A function has no `;` after its body.
                let function = self.statement.iter().rev().nth(1).is_some_and(|w| w.0 == ")")
                    && !self.statement.iter().any(|w| matches!(w.0, "=" | "typedef"));
                if function {
                    self.end();
                }
                self.depth = 0;
            }
            // One too many: brackets of branches that do not fit together.
            None => {
                self.statement.clear();
                self.depth = 0;
            }
            Some(_) => {}
        }
    }

    /// In the braces of an enumeration: what stands first or after a comma.
    fn constant(&mut self, text: &'t str, word: bool) {
        let first = self.statement.last().is_some_and(|w| matches!(w.0, "{}" | ","));
        if word && first {
            self.note(text, Kind::Enumerator);
        }
        if (text == "," || first)
            && let Some(last) = self.statement.last_mut()
        {
            last.0 = if text == "," { "," } else { "{}," };
        }
    }

    /// The end of a statement at file scope.
    fn end(&mut self) {
        let words = std::mem::take(&mut self.statement);
        let has = |word: &str| words.iter().any(|w| w.0 == word);
        let body = words.last().is_some_and(|w| w.0.starts_with("{}"));
        if words.first().is_some_and(|w| w.0 == "using") && words.get(2).is_some_and(|w| w.0 == "=") {
            self.note(words[1].0, Kind::Typedef);
            return;
        }
        if has("typedef") {
            for name in typedefs(&words) {
                self.note(name, Kind::Typedef);
            }
            return;
        }
        if let (2, Some((_, name))) = (words.len(), tag(&words)) {
            self.note(name, Kind::Forward);
            return;
        }
        // `DECLARE_PER_CPU(int, x)`: a macro that declares what stands in its brackets.
        if let Some((first, true, 0)) = words.first().copied()
            && (first.starts_with("DECLARE_") || first.starts_with("__DECLARE"))
        {
            let named: Vec<&str> = words.iter().filter(|w| w.1 && w.2 > 0).map(|w| w.0).collect();
            if let Some(name) = named.last() {
                self.note(name, Kind::Variable);
            }
            if let Some(name) = named.first() {
                self.note(name, Kind::Variable);
            }
        }
        if has("operator") {
            return;
        }
        self.declarators(&words, body, has("extern"));
    }

    /// Functions and variables: `type name(…)`, `type name, *other[2] = …`.
    fn declarators(&mut self, words: &[(&'t str, bool, u32)], body: bool, is_extern: bool) {
        let mut value = false;
        for (at, &(name, word, depth)) in words.iter().enumerate() {
            if depth != 0 {
                continue;
            }
            value = match name {
                "=" => true,
                "," => false,
                _ => value,
            };
            let Some(&(before, named, outside)) = at.checked_sub(1).and_then(|b| words.get(b)) else { continue };
            const QUALIFIERS: &[&str] = &["extern", "static", "inline", "const", "volatile", "register"];
            let typed = named && !is_tag_word(before) && !QUALIFIERS.contains(&before)
                || matches!(before, "*" | "&" | ">" | "," | ")") && outside == 0;
            // The bracket's own depth is that of what it holds; a closing one has the outer again.
            let next = words.get(at + 1).map_or(";", |w| w.0);
            if !word || value || !(typed || before.starts_with("{}")) {
                continue;
            }
            match next {
                "(" => self.note(name, if body { Kind::Inline } else { Kind::Function }),
                ";" | "," | "=" | "[" | "{}" => {
                    self.note(name, if is_extern { Kind::Variable } else { Kind::Definition });
                }
                // `int fill P((int level));`, for compilers without prototypes.
                _ if words.get(at + 1..at + 4).is_some_and(|w| w[0].1 && w[1].0 == "(" && w[2].0 == "(") => {
                    self.note(name, Kind::Function);
                }
                // An attribute after the name.
                _ if next.starts_with("__") && is_extern => self.note(name, Kind::Variable),
                _ => {}
            }
        }
    }
}

fn is_tag_word(word: &str) -> bool {
    matches!(word, "struct" | "union" | "enum" | "class")
}

/// The tokens of `template <…>` at the start of a statement.
fn template(words: &[(&str, bool, u32)]) -> usize {
    if words.first().is_none_or(|w| w.0 != "template") {
        return 0;
    }
    let mut open = 0_i32;
    let end = words.iter().position(|w| {
        open += i32::from(w.0 == "<") - i32::from(w.0 == ">");
        w.0 == ">" && open == 0
    });
    end.map_or(words.len(), |end| end + 1)
}

/// The tag that a statement declares: `struct attributes tag`.
fn tag<'t>(words: &[(&'t str, bool, u32)]) -> Option<(usize, &'t str)> {
    let start = template(words);
    let keyword = start + words[start..].iter().position(|w| is_tag_word(w.0) && w.2 == 0)?;
    let mut at = keyword + 1;
    while let Some(&(word, is_word, depth)) = words.get(at) {
        // `struct __packed x`, `class API x final : public y`
        let more = words.get(at + 1).is_some_and(|w| w.1 && w.0 != "final");
        if is_word && depth == 0 && !(word.starts_with("__attribute") || more && at < keyword + 4) {
            return (!matches!(word, "final")).then_some((at, word));
        }
        if word == ":" || word == "=" {
            return None;
        }
        at += 1;
    }
    None
}

/// The names that a typedef declares.
fn typedefs<'t>(words: &[(&'t str, bool, u32)]) -> Vec<&'t str> {
    // `typedef int (*name)(…)`, `typedef int (name)(…)`
    let pointer = words.windows(4).find_map(|w| match w {
        [("(", ..), ("*" | "^", ..), (name, true, _), (")", ..)] => Some(*name),
        [("(", _, 1), (name, true, _), (")", ..), ("(", ..)] => Some(*name),
        _ => None,
    });
    if let Some(name) = pointer {
        return vec![name];
    }
    let mut names = Vec::new();
    let mut last = None;
    for (at, &(text, word, depth)) in words.iter().enumerate() {
        if depth == 0 && word && !is_tag_word(text) && text != "typedef" && !text.starts_with("__attribute") {
            last = Some(text);
        }
        // `typedef int name(…)`: the brackets are the parameters.
        let opens = text == "(" && depth == 1 && at > 1;
        if opens && last.is_some_and(|name| !name.starts_with("__")) || text == "[" && depth == 0 {
            break;
        }
        if text == "," && depth == 0 {
            names.extend(last.take());
        }
    }
    names.extend(last);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, names: &[&'static str], kernel: bool) -> Vec<(&'static str, Kind)> {
        let wanted = |name: &str| names.iter().copied().find(|n| *n == name);
        let found = declared(text, &wanted, kernel);
        names.iter().filter_map(|n| found.get(n).map(|kind| (*n, *kind))).collect()
    }

    fn kind(text: &str, name: &'static str) -> Option<Kind> {
        all(text, &[name], false).first().map(|found| found.1)
    }

    #[test]
    fn one_declaration() {
        use Kind::*;
        for (text, expected) in [
            ("#define pump 1", Some(Macro)),
            ("# define pump(x) \\\n ((x) + 1)", Some(Macro)),
            ("#undef pump", None),
            ("int pump(void);", Some(Function)),
            ("extern struct tank *pump(int pump_arg) __must_check;", Some(Function)),
            ("static inline int __init pump(int a)\n{\n\treturn other(a);\n}", Some(Inline)),
            ("extern char *pump P((const char *name, ...));", Some(Function)),
            ("int other(int pump);", None),
            ("static inline int other(void) { int pump; pump(); return 0; }", None),
            ("struct pump;", Some(Forward)),
            ("struct pump { int a; };", Some(Type)),
            ("struct __packed pump { int a; };", Some(Type)),
            ("struct pump *tank(void);", None),
            ("struct tank { int pump; };", None),
            ("typedef struct pump { int a; } tank;", Some(Type)),
            ("typedef struct { int a; } pump;", Some(Typedef)),
            ("typedef struct { int a; } __attribute__((packed)) pump, *other;", Some(Typedef)),
            ("typedef unsigned int pump;", Some(Typedef)),
            ("typedef int (*pump)(int a, char b);", Some(Typedef)),
            ("typedef int pump(int a);", Some(Typedef)),
            ("typedef int (pump)(int a);", Some(Typedef)),
            ("typedef pump (other)(int a);", None),
            ("typedef char pump[8];", Some(Typedef)),
            ("enum { one, pump = 2, three };", Some(Enumerator)),
            ("enum tank {\n\tpump,\n};", Some(Enumerator)),
            ("enum tank { one = pump };", None),
            ("enum pump { one };", Some(Type)),
            ("extern int one, pump;", Some(Variable)),
            ("extern int *pump[];", Some(Variable)),
            ("extern int pump __read_mostly;", Some(Variable)),
            ("extern pump __tank(int a);", None),
            ("int pump = 1;", Some(Definition)),
            ("int one = pump;", None),
            ("DECLARE_PER_CPU(int, pump);", Some(Variable)),
            ("DECLARE_STATIC_KEY_FALSE(pump);", Some(Variable)),
            ("EXPORT_SYMBOL(pump);", None),
            ("extern \"C\" {\nint pump(void);\n}", Some(Function)),
            ("namespace a { namespace b { class API pump final : public x { }; } }", Some(Type)),
            ("template <class T> class pump { T t; };", Some(Type)),
            ("using pump = std::map<int, int>;", Some(Typedef)),
            ("#if 0\nint pump(void);\n#endif", None),
            ("#if 0\n#else\nint pump(void);\n#endif", Some(Function)),
            ("/* int pump(void); */ // int pump(void);", None),
            ("int x(void) { } } int pump(void);", Some(Function)),
        ] {
            assert_eq!(kind(text, "pump"), expected, "{text}");
        }
    }

    #[test]
    fn several_and_the_strongest() {
        let text =
            "struct a;\nint f(void);\nstruct a { int x; };\nstatic inline int g(int f)\n{ return f; }\nenum { E };";
        assert_eq!(
            all(text, &["a", "f", "g", "E", "x"], false),
            [("a", Kind::Type), ("f", Kind::Function), ("g", Kind::Inline), ("E", Kind::Enumerator)]
        );
    }

    #[test]
    fn what_only_user_space_sees() {
        let text = "#ifndef __KERNEL__\n#define kfree free\n#else\nvoid kfree(const void *);\n#endif\n\
                    #ifdef __KERNEL__\nint in(void);\n#else\nint out(void);\n#endif";
        assert_eq!(all(text, &["kfree", "in", "out"], true), [("kfree", Kind::Function), ("in", Kind::Function)]);
        assert_eq!(all(text, &["kfree"], false), [("kfree", Kind::Macro)]);
    }

    #[test]
    fn anything_is_read() {
        for text in ["", "}", "{", "struct", "struct {", "typedef", "enum {,", "(", "#if", "#else", "int (", "using"] {
            kind(text, "pump");
        }
    }
}
