//! The shape of a C or C++ file: its tokens without comments and preprocessor lines, which bracket
//! closes which, and where its functions are.
//!
//! No parser: source that does not compile is the normal case here. Brackets that a missing one or
//! an `#else` branch unbalanced are brought back in step at each `}` that stands at the start of a
//! line.

use std::ops::Range;

use crate::source::{SourceFile, Token, TokenKind};

/// A token that is code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tok {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) line: u32,
    pub(crate) word: bool,
}

impl Tok {
    fn of(token: &Token) -> Self {
        Self { start: token.start, end: token.end, line: token.line, word: token.kind == TokenKind::Identifier }
    }
}

/// A function that is defined in the file. All fields are indices of tokens.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    /// The first token of its declaration.
    pub(crate) first: usize,
    /// Its name.
    pub(crate) name: usize,
    /// The brackets around its parameters.
    pub(crate) params: (usize, usize),
    /// The braces around its body.
    pub(crate) body: (usize, usize),
}

/// The code of one file.
pub(crate) struct Code<'a> {
    pub(crate) text: &'a str,
    pub(crate) toks: Vec<Tok>,
    partner: Vec<Option<usize>>,
    pub(crate) functions: Vec<Function>,
}

impl<'a> Code<'a> {
    pub(crate) fn new(file: &'a SourceFile) -> Self {
        let toks = file.tokens().iter().filter(|token| !token.directive).map(Tok::of).collect();
        let text = file.text.as_str();
        let mut code = Self { text, toks, partner: Vec::new(), functions: Vec::new() };
        code.partner = code.match_brackets();
        code.functions = code.find_functions();
        code
    }

    /// The text of a token; empty past the end.
    pub(crate) fn s(&self, at: usize) -> &'a str {
        self.toks.get(at).and_then(|t| self.text.get(t.start..t.end)).unwrap_or("")
    }

    /// The text from the first of these tokens to the last.
    pub(crate) fn span(&self, tokens: Range<usize>) -> &'a str {
        let (Some(first), Some(last)) = (self.toks.get(tokens.start), tokens.end.checked_sub(1)) else { return "" };
        let Some(last) = self.toks.get(last) else { return "" };
        self.text.get(first.start..last.end).unwrap_or("")
    }

    pub(crate) fn len(&self) -> usize {
        self.toks.len()
    }

    pub(crate) fn is_word(&self, at: usize) -> bool {
        self.toks.get(at).is_some_and(|t| t.word)
    }

    /// The first token that ends after an offset.
    pub(crate) fn at(&self, offset: usize) -> usize {
        self.toks.partition_point(|t| t.end <= offset)
    }

    /// The tokens of a line.
    pub(crate) fn on_line(&self, line: u32) -> Range<usize> {
        self.toks.partition_point(|t| t.line < line)..self.toks.partition_point(|t| t.line <= line)
    }

    /// The bracket that belongs to this one.
    pub(crate) fn partner(&self, at: usize) -> Option<usize> {
        self.partner.get(at).copied().flatten()
    }

    /// The function whose definition covers an offset.
    pub(crate) fn function_at(&self, offset: usize) -> Option<&Function> {
        let after = self.functions.partition_point(|f| self.toks[f.first].start <= offset);
        let function = self.functions.get(after.checked_sub(1)?)?;
        (offset <= self.toks[function.body.1].end).then_some(function)
    }

    /// All tokens that are this word.
    pub(crate) fn words<'s>(&'s self, name: &'s str) -> impl Iterator<Item = usize> + 's {
        (0..self.len()).filter(move |&at| self.is_word(at) && self.s(at) == name)
    }

    /// The arguments between a pair of brackets: ranges of tokens, commas left out.
    pub(crate) fn arguments(&self, open: usize) -> Vec<Range<usize>> {
        let Some(close) = self.partner(open) else { return Vec::new() };
        let mut arguments = Vec::new();
        let (mut from, mut at) = (open + 1, open + 1);
        while at < close {
            match self.s(at) {
                "," => {
                    arguments.push(from..at);
                    from = at + 1;
                }
                "(" | "[" | "{" => at = self.partner(at).filter(|&p| p > at && p < close).unwrap_or(at),
                _ => {}
            }
            at += 1;
        }
        if from < close || !arguments.is_empty() {
            arguments.push(from..close);
        }
        arguments
    }

    /// The first token of the statement or declaration that a token is in.
    pub(crate) fn statement_start(&self, at: usize) -> usize {
        let mut at = at;
        while let Some(before) = at.checked_sub(1) {
            match self.s(before) {
                ";" | "{" | "}" | ":" => break,
                ")" | "]" => at = self.partner(before).filter(|&p| p < before).unwrap_or(before),
                _ => at = before,
            }
        }
        at
    }

    /// The blank text before the first thing on the line of an offset.
    pub(crate) fn indent(&self, offset: usize) -> &'a str {
        let start = self.line_start(offset);
        let line = &self.text[start..];
        let width = line.bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
        &line[..width]
    }

    /// Where the line of an offset starts.
    pub(crate) fn line_start(&self, offset: usize) -> usize {
        self.text.as_bytes()[..offset].iter().rposition(|&b| b == b'\n').map_or(0, |feed| feed + 1)
    }

    /// Where the line of an offset ends, its line feed included.
    pub(crate) fn line_end(&self, offset: usize) -> usize {
        self.text.as_bytes()[offset..]
            .iter()
            .position(|&b| b == b'\n')
            .map_or(self.text.len(), |feed| offset + feed + 1)
    }

    /// The line ending of the file.
    pub(crate) fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    fn match_brackets(&self) -> Vec<Option<usize>> {
        let mut partner = vec![None; self.len()];
        let mut open: Vec<usize> = Vec::new();
        for at in 0..self.len() {
            let opening = match self.s(at) {
                "(" | "[" | "{" => {
                    open.push(at);
                    continue;
                }
                ")" => "(",
                "]" => "[",
                "}" => "{",
                _ => continue,
            };
            let start = self.toks[at].start;
            let found = if opening == "{" && self.line_start(start) == start {
                open.iter().rposition(|&o| self.s(o) == "{" && self.indent(self.toks[o].start).is_empty())
            } else {
                // A round bracket never reaches over a brace.
                let from =
                    if opening == "{" { 0 } else { open.iter().rposition(|&o| self.s(o) == "{").map_or(0, |o| o + 1) };
                open[from..].iter().rposition(|&o| self.s(o) == opening).map(|nth| from + nth)
            };
            if let Some(nth) = found {
                partner[at] = Some(open[nth]);
                partner[open[nth]] = Some(at);
                open.truncate(nth);
            }
        }
        partner
    }

    fn find_functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        let (mut first, mut at) = (0, 0);
        while at < self.len() {
            match self.s(at) {
                // The parameters of an old-style definition end so, too.
                ";" if !self.is_old_style(first, at) => first = at + 1,
                "(" | "[" => at = self.partner(at).filter(|&p| p > at).unwrap_or(at),
                "{" => {
                    let close = self.partner(at).filter(|&p| p > at);
                    if self.is_scope(first, at) {
                        first = at + 1;
                    } else if let Some(close) = close {
                        if let Some((name, params)) = self.declarator(first, at) {
                            functions.push(Function { first, name, params, body: (at, close) });
                            first = close + 1;
                        } else if first == at {
                            // The body of what has another head in an `#else` branch.
                            first = close + 1;
                        }
                        at = close;
                    }
                }
                "}" => first = at + 1,
                _ => {}
            }
            at += 1;
        }
        functions
    }

    /// True for the braces of a namespace, of `extern "C"` and of a class.
    fn is_scope(&self, first: usize, brace: usize) -> bool {
        let words = || (first..brace).map(|at| self.s(at));
        let plain = !words().any(|w| w == "=" || w == "(" && !self.is_attributed(first, brace));
        plain
            && (words().any(|w| matches!(w, "namespace" | "class"))
                || (self.s(first) == "extern" && brace == first + 2))
    }

    fn is_attributed(&self, first: usize, brace: usize) -> bool {
        (first..brace).any(|at| matches!(self.s(at), "class" | "namespace"))
    }

    /// The name and the parameter brackets of what is declared by these tokens, when it is a function.
    pub(crate) fn declarator(&self, first: usize, end: usize) -> Option<(usize, (usize, usize))> {
        let mut found = None;
        let mut at = first;
        while at < end {
            match self.s(at) {
                "=" => return None,
                "(" => {
                    let close = self.partner(at).filter(|&p| p > at && p < end)?;
                    let name = at.checked_sub(1).filter(|&n| n >= first && self.is_word(n) && !is_attribute(self.s(n)));
                    // A macro that stands alone before the declaration is not its name.
                    if let Some(name) = name
                        && found.is_none_or(|(earlier, _)| earlier == first && name > first)
                    {
                        found = Some((name, (at, close)));
                    }
                    at = close;
                }
                "struct" | "union" | "enum" if found.is_none() && self.s(end) == "{" && end <= at + 2 => return None,
                _ => {}
            }
            at += 1;
        }
        found.filter(|&(name, _)| !is_keyword(self.s(name)))
    }

    /// True when a `;` ends the declaration of an old-style parameter.
    fn is_old_style(&self, first: usize, semicolon: usize) -> bool {
        let Some((_, (open, close))) = self.declarator(first, semicolon) else { return false };
        let names = self.arguments(open);
        let plain = !names.is_empty() && names.iter().all(|n| n.len() == 1 && self.is_word(n.start));
        plain
            && close + 2 < semicolon
            && self.is_word(close + 1)
            && !is_attribute(self.s(close + 1))
            && (close + 1..semicolon).any(|at| names.iter().any(|n| self.s(n.start) == self.s(at)))
    }
}

/// Words before or after a function's name that take brackets of their own.
fn is_attribute(word: &str) -> bool {
    matches!(
        word,
        "__attribute__"
            | "__attribute"
            | "__declspec"
            | "alignas"
            | "_Alignas"
            | "asm"
            | "__asm__"
            | "__printf"
            | "__scanf"
            | "__aligned"
            | "__section"
            | "__malloc"
            | "__alloc_size"
            | "noexcept"
            | "throw"
            | "decltype"
            | "__releases"
            | "__acquires"
            | "__must_hold"
            | "__typeof__"
            | "typeof"
            | "defined"
            | "requires"
    )
}

/// Words of the language that are no names.
pub(crate) fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "if" | "else"
            | "for"
            | "while"
            | "do"
            | "switch"
            | "case"
            | "default"
            | "break"
            | "continue"
            | "return"
            | "goto"
            | "sizeof"
            | "struct"
            | "union"
            | "enum"
            | "typedef"
            | "static"
            | "extern"
            | "inline"
            | "const"
            | "volatile"
            | "register"
            | "auto"
            | "void"
            | "char"
            | "short"
            | "int"
            | "long"
            | "float"
            | "double"
            | "signed"
            | "unsigned"
            | "_Bool"
            | "restrict"
            | "typeof"
            | "__typeof__"
            | "alignof"
            | "_Alignof"
            | "class"
            | "namespace"
            | "template"
            | "typename"
            | "public"
            | "private"
            | "protected"
            | "virtual"
            | "new"
            | "delete"
            | "this"
            | "using"
            | "operator"
            | "try"
            | "catch"
            | "throw"
            | "true"
            | "false"
            | "nullptr"
            | "bool"
            | "asm"
            | "__asm__"
            | "__attribute__"
    )
}
