//! The text of a part, as a person reads it.

use mail_parser::decoders::html::html_to_text;
use mail_parser::{MessagePart, MimeHeaders, PartType};

use super::TEXT_MAX;

/// Bytes of HTML that are looked at.
const HTML_MAX: usize = 1 << 20;

/// The text of a part with lines that end in `\n`. A `format=flowed` text (RFC 3676) is joined to paragraphs, unless it holds
/// a diff, whose lines stay lines.
pub fn of(part: &MessagePart<'_>) -> String {
    match &part.body {
        PartType::Text(text) => {
            let lines = unix_lines(text);
            let flowed = attribute_is(part, "format", "flowed");
            if flowed { unflow(&lines, attribute_is(part, "delsp", "yes")) } else { lines }
        }
        PartType::Html(html) => unix_lines(&html_to_text(prefix(html, HTML_MAX))),
        _ => String::new(),
    }
}

/// The first `max` bytes of a text, or a few less so that no character is cut.
pub fn prefix(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

/// Whether a text holds a unified diff: a file's header followed by a hunk, or git's line for a file.
pub fn has_diff(text: &str) -> bool {
    let mut before = ["", ""];
    for line in text.lines() {
        if line.starts_with("diff --git ")
            || (line.starts_with("@@ -") && before[0].starts_with("--- ") && before[1].starts_with("+++ "))
        {
            return true;
        }
        before = [before[1], line];
    }
    false
}

fn attribute_is(part: &MessagePart<'_>, name: &str, value: &str) -> bool {
    let of = part.content_type().and_then(|content_type| content_type.attribute(name));
    of.is_some_and(|of| of.eq_ignore_ascii_case(value))
}

/// `\r\n` and lone `\r` become `\n`; NUL, which databases refuse, becomes U+FFFD.
fn unix_lines(text: &str) -> String {
    prefix(text, 2 * TEXT_MAX).replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}")
}

/// Takes the blanks of `format=flowed` out.
fn unflow(text: &str, delete_space: bool) -> String {
    let join = !has_diff(text);
    let mut out = String::with_capacity(text.len());
    // The quote depth of a line that goes on.
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let content = line.trim_start_matches('>');
        let depth = line.len() - content.len();
        let content = content.strip_prefix(' ').unwrap_or(content);
        if open != Some(depth) || content == "-- " {
            if open.is_some() {
                out.push('\n');
            }
            out.extend(std::iter::repeat_n('>', depth));
            if depth > 0 && !content.is_empty() {
                out.push(' ');
            }
        }
        let flows = join && content.ends_with(' ') && content != "-- ";
        let shown = if flows && delete_space { &content[..content.len() - 1] } else { content };
        out.push_str(shown);
        open = flows.then_some(depth);
        if !flows {
            out.push('\n');
        }
    }
    if open.is_some() {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flowed_paragraphs_are_joined_at_their_depth() {
        let text = "a long \nline\n> quoted \n> text\n>> deeper \nplain\n #triage\n-- \nme\n";
        assert_eq!(unflow(text, false), "a long line\n> quoted text\n>> deeper \nplain\n#triage\n-- \nme\n");
        assert_eq!(unflow("aaa \nbbb", true), "aaabbb\n");
    }

    #[test]
    fn flowed_diffs_keep_their_lines() {
        let text = "text \nmore\ndiff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n  \n  x\n-y\n+z\n";
        let expected = "text \nmore\ndiff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n \n x\n-y\n+z\n";
        assert_eq!(unflow(text, false), expected);
    }

    #[test]
    fn diffs_are_told_from_prose() {
        assert!(has_diff("x\n--- a\n+++ b\n@@ -1 +1 @@\n"));
        assert!(has_diff("diff --git a/x b/x\nnew file mode 100644\n"));
        assert!(!has_diff("--- a\n+++ b\n\n@@ -1 +1 @@\n"));
        assert!(!has_diff("> diff --git a/x b/x\n"));
    }
}
