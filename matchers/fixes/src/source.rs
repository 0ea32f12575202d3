//! A source file: its lines, its includes, and its tokens.

use std::ops::Range;
use std::sync::OnceLock;

use crate::edit::{self, Edit};
use crate::lexer;
pub use crate::lexer::{Token, TokenKind};

/// A file of the tree.
#[derive(Debug)]
pub struct SourceFile {
    /// Its text; what is no UTF-8 is replaced by U+FFFD.
    pub text: String,
    /// The bytes, when they are not those of the text.
    raw: Option<Vec<u8>>,
    /// Where the lines start.
    lines: OnceLock<Vec<usize>>,
    lexed: OnceLock<(Vec<Token>, Vec<Range<usize>>)>,
    includes: OnceLock<Vec<Include>>,
}

/// An include line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// Its line, counted from 1.
    pub line: u32,
    /// The header, without brackets or quotes.
    pub path: String,
    /// With `<…>`.
    pub system: bool,
    /// Inside of a conditional other than the file's include guard.
    pub conditional: bool,
    /// The first byte of its line.
    pub start: usize,
    /// The first byte after its line, the line feed included.
    pub end: usize,
}

impl SourceFile {
    /// The file with these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        let (text, raw) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(error.into_bytes())),
        };
        Self { text, raw, lines: OnceLock::new(), lexed: OnceLock::new(), includes: OnceLock::new() }
    }

    /// True when the file has bytes that are no UTF-8.
    pub fn is_lossy(&self) -> bool {
        self.raw.is_some()
    }

    /// The bytes after the edits; none when they overlap or lie outside.
    pub fn apply(&self, edits: &[Edit]) -> Option<Vec<u8>> {
        let new = edit::apply(&self.text, edits)?;
        let Some(raw) = &self.raw else { return Some(new.into_bytes()) };
        let mut sorted: Vec<&Edit> = edits.iter().collect();
        sorted.sort_by_key(|edit| (edit.start, edit.end));
        let (mut bytes, mut at) = (Vec::with_capacity(new.len()), 0);
        for edit in sorted {
            bytes.extend_from_slice(raw.get(at..raw_offset(raw, edit.start))?);
            bytes.extend_from_slice(edit.text.as_bytes());
            at = raw_offset(raw, edit.end);
        }
        bytes.extend_from_slice(raw.get(at..)?);
        Some(bytes)
    }

    fn starts(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', self.text.as_bytes()).map(|feed| feed + 1)).collect()
        })
    }

    /// Number of lines.
    pub fn line_count(&self) -> u32 {
        let starts = self.starts();
        let open = starts.last().is_some_and(|&start| start < self.text.len());
        u32::try_from(starts.len() - usize::from(!open)).unwrap_or(u32::MAX)
    }

    /// The bytes of a line (counted from 1), its line feed not included.
    pub fn line(&self, number: u32) -> Option<(usize, usize)> {
        let index = (number as usize).checked_sub(1)?;
        let start = *self.starts().get(index)?;
        let end = self.starts().get(index + 1).map_or(self.text.len(), |next| next - 1);
        (number <= self.line_count()).then_some((start, end))
    }

    /// The text of a line (counted from 1), without its line feed and carriage return.
    pub fn line_text(&self, number: u32) -> Option<&str> {
        let (start, end) = self.line(number)?;
        self.text.get(start..end).map(|line| line.strip_suffix('\r').unwrap_or(line))
    }

    /// The line (counted from 1) that a byte is of.
    pub fn line_of(&self, offset: usize) -> u32 {
        u32::try_from(self.starts().partition_point(|&start| start <= offset)).unwrap_or(u32::MAX)
    }

    /// How the lines end: `\r\n` when the first does, else `\n`.
    pub fn newline(&self) -> &'static str {
        match memchr::memchr(b'\n', self.text.as_bytes()) {
            Some(feed) if self.text[..feed].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// The tokens, comments left out; those of preprocessor lines are marked.
    pub fn tokens(&self) -> &[Token] {
        &self.lexed().0
    }

    /// The comments.
    pub fn comments(&self) -> &[Range<usize>] {
        &self.lexed().1
    }

    fn lexed(&self) -> &(Vec<Token>, Vec<Range<usize>>) {
        self.lexed.get_or_init(|| lexer::lex(&self.text))
    }

    /// The text of a token.
    pub fn token_text(&self, token: &Token) -> &str {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    /// The tokens of a line (counted from 1).
    pub fn line_tokens(&self, line: u32) -> &[Token] {
        let tokens = self.tokens();
        let first = tokens.partition_point(|token| token.line < line);
        let last = tokens.partition_point(|token| token.line <= line);
        &tokens[first..last]
    }

    /// The includes, from the top.
    pub fn includes(&self) -> &[Include] {
        self.includes.get_or_init(|| self.find_includes())
    }

    fn find_includes(&self) -> Vec<Include> {
        let guarded = self.guard().is_some();
        let mut depth = 0_u32;
        let mut found = Vec::new();
        for (words, _) in self.directives() {
            let text = |at: usize| words.get(at).map(|token| self.token_text(token)).unwrap_or_default();
            match text(1) {
                "if" | "ifdef" | "ifndef" => depth += 1,
                "endif" => depth = depth.saturating_sub(1),
                "include" | "include_next" | "import" => {
                    let quoted = text(2);
                    let system = quoted.starts_with('<');
                    let path = quoted.strip_prefix(['<', '"']).and_then(|path| path.strip_suffix(['>', '"']));
                    let (Some(path), Some((start, end))) = (path, self.line(words[0].line)) else { continue };
                    found.push(Include {
                        line: words[0].line,
                        path: path.to_owned(),
                        system,
                        conditional: depth > u32::from(guarded),
                        start,
                        end: (end + 1).min(self.text.len()),
                    });
                }
                _ => {}
            }
        }
        found
    }

    /// The tokens of each preprocessor line, with the position of the first in [`Self::tokens`].
    pub fn directives(&self) -> impl Iterator<Item = (&[Token], usize)> {
        let tokens = self.tokens();
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = at + tokens[at..].iter().position(|token| token.directive)?;
            let hash = &tokens[start];
            // A `#` that starts a directive is the only token with this mark and no directive before it.
            let length = tokens[start + 1..].iter().take_while(|token| token.directive && !token.opens).count() + 1;
            debug_assert!(hash.opens);
            at = start + length;
            Some((&tokens[start..at], start))
        })
    }

    /// The include guard's bytes: from its `#ifndef` line to the end of its `#define` line.
    pub fn guard(&self) -> Option<Range<usize>> {
        let tokens = self.tokens();
        let mut lines = self.directives();
        let ((first, at), (second, _)) = (lines.next()?, lines.next()?);
        let word = |words: &[Token], index: usize| words.get(index).map(|token| self.token_text(token).to_owned());
        // Nothing but comments before it, and its end is the last directive.
        let opens = at == 0 && matches!(word(first, 1)?.as_str(), "ifndef" | "if");
        let name = word(second, 2)?;
        let same = word(second, 1)? == "define" && first.iter().any(|token| self.token_text(token) == name);
        let adjoining = tokens.get(first.len()).is_some_and(|token| token.opens);
        if !(opens && same && adjoining) {
            return None;
        }
        let (start, _) = self.line(first[0].line)?;
        let (_, end) = self.line(second[0].line)?;
        Some(start..(end + 1).min(self.text.len()))
    }
}

/// The offset in bytes that are no UTF-8 of one in their lossy text.
fn raw_offset(raw: &[u8], offset: usize) -> usize {
    let (mut text, mut bytes) = (0, 0);
    for chunk in raw.utf8_chunks() {
        let valid = chunk.valid().len();
        if offset <= text + valid {
            return bytes + (offset - text);
        }
        (text, bytes) = (text + valid + '\u{fffd}'.len_utf8(), bytes + valid + chunk.invalid().len());
        if offset <= text {
            return bytes;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile::new(text.as_bytes().to_vec())
    }

    #[test]
    fn lines() {
        let source = file("one\r\ntwo\n\nfour");
        assert_eq!(source.line_count(), 4);
        assert_eq!(source.line(1), Some((0, 4)));
        assert_eq!(source.line_text(1), Some("one"));
        assert_eq!(source.line(4), Some((10, 14)));
        assert_eq!((source.line(0), source.line(5)), (None, None));
        assert_eq!([0, 4, 5, 13].map(|at| source.line_of(at)), [1, 1, 2, 4]);
        assert_eq!((source.newline(), file("x").newline(), file("").line_count()), ("\r\n", "\n", 0));
        assert_eq!(file("a\n").line_count(), 1);
    }

    #[test]
    fn includes_and_guards() {
        let source = file(concat!(
            "/* Tanks */\n#ifndef TANK_H\n#define TANK_H\n#include <a.h>\n# include \"b/c.h\" // why\n",
            "/* #include <no.h> */\n#ifdef X\n#include <d.h>\n#endif\n#include MACRO\n",
            "const char *s = \"\\\n#include <no.h>\";\n#endif"
        ));
        let includes: Vec<_> = source.includes().iter().map(|i| (i.line, &*i.path, i.system, i.conditional)).collect();
        assert_eq!(includes, [(4, "a.h", true, false), (5, "b/c.h", false, false), (8, "d.h", true, true)]);
        assert_eq!(&source.text[source.guard().unwrap()], "#ifndef TANK_H\n#define TANK_H\n");
        assert_eq!(file("int x;\n#ifndef A\n#define A\n#endif\n").guard(), None);
        assert!(file("#ifdef A\n#include <x.h>\n#endif\n").includes()[0].conditional);
    }

    #[test]
    fn bytes_that_are_no_text() {
        let source = SourceFile::new(b"a\xe9\xffb\xc3\xa9c".to_vec());
        let at = source.text.find('b').unwrap();
        let edits = [Edit::replace("x", at..at + 1, "B"), Edit::insert("x", source.text.len(), "!")];
        assert_eq!(source.apply(&edits).unwrap(), b"a\xe9\xffB\xc3\xa9c!");
    }
}
