//! A small lexer for C and C++: it knows comments, strings, and preprocessor lines.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A name or a keyword.
    Identifier,
    /// A number.
    Number,
    /// A string, with its prefix and quotes; raw strings too.
    String,
    /// A character, with its prefix and quotes.
    Char,
    /// The `<…>` or `"…"` of an include line.
    Header,
    /// An operator or other sign. `<` and `>` always stand alone (`>>` are two) except in `->`,
    /// `<=` and `>=`.
    Punctuation,
}

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its first byte.
    pub start: usize,
    /// The first byte after it.
    pub end: usize,
    /// Its line, counted from 1.
    pub line: u32,
    /// It belongs to a preprocessor line.
    pub directive: bool,
    /// It is the `#` that starts a preprocessor line.
    pub opens: bool,
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
    /// Nothing but blanks and comments stood on this line so far.
    fresh: bool,
    /// Tokens of the preprocessor line so far; none outside of one.
    directive: Option<u32>,
    /// The next token of the directive is a header's name.
    header: bool,
    tokens: Vec<Token>,
    comments: Vec<Range<usize>>,
}

/// The tokens and the comments of a text. Never fails: what is no C is signs.
pub fn lex(text: &str) -> (Vec<Token>, Vec<Range<usize>>) {
    let mut lexer = Lexer {
        text: text.as_bytes(),
        at: 0,
        line: 1,
        fresh: true,
        directive: None,
        header: false,
        tokens: Vec::with_capacity(text.len() / 5),
        comments: Vec::new(),
    };
    while lexer.step() {}
    (lexer.tokens, lexer.comments)
}

/// True for bytes of names. Bytes beyond ASCII count: names may have them.
pub fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn step(&mut self) -> bool {
        let Some(&byte) = self.text.get(self.at) else { return false };
        match byte {
            b'\n' => {
                (self.at, self.line) = (self.at + 1, self.line + 1);
                (self.fresh, self.directive, self.header) = (true, None, false);
            }
            b'\\' if self.peek(1) == b'\n' => (self.at, self.line) = (self.at + 2, self.line + 1),
            b'\\' if self.peek(1) == b'\r' && self.peek(2) == b'\n' => {
                (self.at, self.line) = (self.at + 3, self.line + 1)
            }
            b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.at += 1,
            b'/' if matches!(self.peek(1), b'/' | b'*') => self.comment(),
            _ => self.token(byte),
        }
        true
    }

    fn comment(&mut self) {
        let start = self.at;
        let rest = &self.text[start..];
        let length = if self.peek(1) == b'*' {
            memchr::memmem::find(&rest[2..], b"*/").map_or(rest.len(), |end| end + 4)
        } else {
            // A backslash at the end of the line continues the comment.
            let continued = |feed: &usize| {
                let line = &rest[..*feed];
                line.strip_suffix(b"\r").unwrap_or(line).ends_with(b"\\")
            };
            memchr::memchr_iter(b'\n', rest).find(|feed| !continued(feed)).unwrap_or(rest.len())
        };
        self.skip(length);
        self.comments.push(start..self.at);
    }

    /// Goes on, and counts lines.
    fn skip(&mut self, length: usize) {
        let end = (self.at + length).min(self.text.len());
        let feeds = memchr::memchr_iter(b'\n', &self.text[self.at..end]).count();
        self.line = self.line.saturating_add(u32::try_from(feeds).unwrap_or(u32::MAX));
        self.at = end;
    }

    fn token(&mut self, byte: u8) {
        let (start, line) = (self.at, self.line);
        let opens = byte == b'#' && self.fresh;
        if opens {
            self.directive = Some(0);
        }
        let kind = self.measure(byte);
        self.fresh = false;
        let directive = self.directive.is_some();
        if let Some(count) = &mut self.directive {
            let word = &self.text[start..self.at];
            self.header = *count == 1 && matches!(word, b"include" | b"include_next" | b"import");
            *count += 1;
        }
        self.tokens.push(Token { kind, start, end: self.at, line, directive, opens });
    }

    /// Goes to the end of the token.
    fn measure(&mut self, byte: u8) -> TokenKind {
        if self.header && matches!(byte, b'<' | b'"') {
            let close = if byte == b'<' { b'>' } else { b'"' };
            let rest = &self.text[self.at + 1..];
            let length = memchr::memchr2(close, b'\n', rest).filter(|&end| rest[end] == close);
            if let Some(length) = length {
                self.at += length + 2;
                return TokenKind::Header;
            }
        }
        match byte {
            b'"' => self.quoted(b'"', TokenKind::String),
            b'\'' => self.quoted(b'\'', TokenKind::Char),
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_ascii_digit() => self.number(),
            byte if is_name(byte) => self.name(),
            _ => self.sign(byte),
        }
    }

    fn quoted(&mut self, quote: u8, kind: TokenKind) -> TokenKind {
        self.at += 1;
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'\\' => self.skip(2),
                // Not closed on its line: an apostrophe in an #error line, or a slip.
                b'\n' => break,
                byte => {
                    self.at += 1;
                    if byte == quote {
                        break;
                    }
                }
            }
        }
        kind
    }

    fn number(&mut self) -> TokenKind {
        let mut last = 0;
        while let Some(&byte) = self.text.get(self.at) {
            let exponent = matches!(byte, b'+' | b'-') && matches!(last, b'e' | b'E' | b'p' | b'P');
            let separator = byte == b'\'' && self.peek(1).is_ascii_alphanumeric();
            if !(is_name(byte) || byte == b'.' || exponent || separator) {
                break;
            }
            (self.at, last) = (self.at + 1, byte);
        }
        TokenKind::Number
    }

    fn name(&mut self) -> TokenKind {
        let start = self.at;
        while self.text.get(self.at).is_some_and(|&byte| is_name(byte)) {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        match self.peek(0) {
            b'"' if matches!(word, b"R" | b"LR" | b"uR" | b"UR" | b"u8R") => self.raw_string(),
            b'"' if matches!(word, b"L" | b"u" | b"U" | b"u8") => self.quoted(b'"', TokenKind::String),
            b'\'' if matches!(word, b"L" | b"u" | b"U" | b"u8") => self.quoted(b'\'', TokenKind::Char),
            _ => TokenKind::Identifier,
        }
    }

    fn raw_string(&mut self) -> TokenKind {
        let rest = &self.text[self.at + 1..];
        let Some(open) = rest.iter().take(17).position(|&byte| byte == b'(') else {
            return self.quoted(b'"', TokenKind::String);
        };
        let close = [b")", &rest[..open], b"\""].concat();
        let end = memchr::memmem::find(&rest[open..], &close).map_or(rest.len(), |end| open + end + close.len());
        self.skip(end + 1);
        TokenKind::String
    }

    fn sign(&mut self, byte: u8) -> TokenKind {
        const PAIRS: &[&[u8; 2]] = &[
            b"->", b"::", b"##", b"==", b"!=", b"<=", b">=", b"&&", b"||", b"++", b"--", b"+=", b"-=", b"*=", b"/=",
            b"%=", b"&=", b"|=", b"^=",
        ];
        let pair = [byte, self.peek(1)];
        self.at += if pair == *b".." && self.peek(2) == b'.' {
            3
        } else if PAIRS.contains(&&pair) {
            2
        } else {
            1
        };
        TokenKind::Punctuation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        lex(text).0.iter().map(|token| &text[token.start..token.end]).collect()
    }

    #[test]
    fn tokens() {
        assert_eq!(
            texts("a->b += L\"x\\\"y\" /* no \"*/ 'c' 1.5e-3f // no\n, x>>2 ... 0x1'000"),
            ["a", "->", "b", "+=", "L\"x\\\"y\"", "'c'", "1.5e-3f", ",", "x", ">", ">", "2", "...", "0x1'000"]
        );
        assert_eq!(texts("R\"-(a\")\n)-\" b"), ["R\"-(a\")\n)-\"", "b"]);
        assert_eq!(texts("// on \\\n and on\nx"), ["x"]);
        assert_eq!(texts("\"open\nx"), ["\"open", "x"]);
    }

    #[test]
    fn preprocessor_lines() {
        let text = "#define A(x) \\\n  x # x\nb #c\n # include <d.h> \n";
        let (tokens, _) = lex(text);
        let told: Vec<_> = tokens.iter().map(|t| (&text[t.start..t.end], t.line, t.directive, t.opens)).collect();
        assert_eq!(told[0], ("#", 1, true, true));
        assert_eq!(told[6], ("x", 2, true, false));
        assert_eq!(told[7], ("#", 2, true, false));
        assert_eq!(told[9], ("b", 3, false, false));
        assert_eq!(told[10], ("#", 3, false, false));
        assert_eq!(told[12..], [("#", 4, true, true), ("include", 4, true, false), ("<d.h>", 4, true, false)]);
        assert_eq!(tokens.last().unwrap().kind, TokenKind::Header);
    }

    #[test]
    fn anything_is_lexed() {
        for text in [
            "",
            "\\",
            "/*",
            "/",
            "'",
            "\"\\",
            "R\"(",
            "#",
            "#include <",
            "#include \"\n",
            "é$\u{0}\u{fffd}",
            "..",
            "1'",
        ] {
            let (tokens, _) = lex(text);
            assert!(tokens.iter().all(|token| text.get(token.start..token.end).is_some()), "{text:?}");
        }
    }
}
