//! Breaking text into lines of a width.

use unicode_width::UnicodeWidthStr;

/// Columns that the text takes on a terminal.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The words of `text` in lines of at most `columns`. A longer word has a line of its own.
/// Runs of blanks inside of a line stay. At least one line.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut used = 0;
    let mut blanks = 0;
    for word in text.trim().split(' ') {
        if word.is_empty() {
            blanks += 1;
            continue;
        }
        let needed = width(word);
        if current.is_empty() {
            used = 0;
        } else if used + blanks + needed > columns {
            lines.push(std::mem::take(&mut current));
            used = 0;
        } else {
            current.push_str(&" ".repeat(blanks));
            used += blanks;
        }
        current.push_str(word);
        used += needed;
        blanks = 1;
    }
    lines.push(current);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a   b", 10), ["a   b"]);
        assert_eq!(wrap("muchtoolong x", 4), ["muchtoolong", "x"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("日本 語", 4), ["日本", "語"]);
    }
}
