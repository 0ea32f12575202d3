//! The last look at a body: nothing in it is a command, an mbox separator, or a trailer that tag
//! scrapers take.
//!
//! Text from logs has lost its control characters and line ends before (`triage_report::safe`), so
//! it cannot begin a line by itself; but a line that is wrapped can begin anywhere. Here each line
//! is looked at as it will stand in the mail.

use crate::commands::PREFIX;

/// Columns of prose (RFC 5322 recommends fewer than 78; kernel developers quote, so 72).
pub const COLUMNS: usize = 72;
/// Bytes of any line, without its end: RFC 5322 allows 998.
pub const LINE_MAX: usize = 990;

/// The body with every line made harmless. Lines of diffs pass unchanged when the diff is one that
/// [`is_safe_patch`] takes.
pub fn guard(body: &str) -> String {
    let mut out = String::with_capacity(body.len() + 16);
    for line in body.lines() {
        if line.starts_with("From ") || line.starts_with(PREFIX) || line.starts_with(">From ") {
            out.push(' ');
        } else if is_trailer(line) {
            out.push_str("| ");
        }
        out.push_str(start(line, LINE_MAX));
        out.push('\n');
    }
    out
}

/// The first `max` bytes of the text, or less where a character would be cut.
pub(crate) fn start(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

/// True for what tag scrapers (b4, patchwork, git interpret-trailers) may take for a trailer:
/// `Reported-by: …`, `Closes: …`, with blanks in front or not.
pub fn is_trailer(line: &str) -> bool {
    let Some((name, value)) = line.trim_start().split_once(':') else { return false };
    let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !named || !value.starts_with([' ', '\t']) || value.trim().is_empty() {
        return false;
    }
    let name = name.to_ascii_lowercase();
    const NAMES: &[&str] = &[
        "fixes",
        "closes",
        "link",
        "buglink",
        "bugzilla",
        "bug",
        "cc",
        "change-id",
        "message-id",
        "based-on",
        "base-commit",
        "obsoleted-by",
        "prerequisite-message-id",
        "prerequisite-patch-id",
        "prerequisite-change-id",
        "depends-on",
        "references",
        "patchwork-bot",
    ];
    name.ends_with("-by") || name.ends_with("-to") || name.ends_with("-from") || NAMES.contains(&name.as_str())
}

/// Whether a patch can stand in a mail as it is, so that `git apply` takes it from there and no one
/// else takes anything from it: no hidden characters, no carriage returns, no line that is too long
/// for a mail or that a scraper or the bot itself would obey, and the form of a diff.
pub fn is_safe_patch(patch: &str) -> bool {
    let mut hunks = false;
    let harmless = |line: &str| {
        line.len() <= LINE_MAX
            && !is_trailer(line)
            && !line.starts_with("From ")
            && !line.starts_with(PREFIX)
            && !line.chars().any(|c| c != '\t' && triage_report::safe::is_hidden(c))
    };
    for line in patch.split('\n') {
        hunks |= line.starts_with("@@ -");
        let known = line.is_empty()
            || line.starts_with([' ', '+', '-', '@', '\\'])
            || line.starts_with("diff --git ")
            || line.starts_with("index ");
        if !known || !harmless(line) || line == "-- " {
            return false;
        }
    }
    hunks && patch.starts_with("--- ") | patch.starts_with("diff --git ")
}

/// Prose in lines of `columns`, the first behind `first`, the others behind `rest`.
pub fn wrapped(text: &str, columns: usize, first: &str, rest: &str) -> String {
    let indent = first.len().max(rest.len());
    let lines = triage_report::wrap::wrap(text, columns.saturating_sub(indent).max(20));
    let mut out = String::with_capacity(text.len() + lines.len() * indent);
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        out.push_str(if number == 0 { first } else { rest });
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lose_their_teeth() {
        let body = "From here on\n>From me\n#triage stop\nReported-by: x <x@y>\n  Closes: https://x\n\
                    see: this\nhttps://x\nerror: 'a': b\n-- \n x  \n";
        assert_eq!(
            guard(body),
            " From here on\n >From me\n #triage stop\n| Reported-by: x <x@y>\n|   Closes: https://x\n\
             see: this\nhttps://x\nerror: 'a': b\n-- \n x  \n"
        );
        assert_eq!(guard(&"ä".repeat(2000)).len(), LINE_MAX + 1);
    }

    #[test]
    fn trailers() {
        for line in
            ["Reviewed-by: A <a@b>", "\tfixes: 1234", "Cc: a@b", "Link: https://x", "X-Y-by: z", "In-reply-to: <x>"]
        {
            assert!(is_trailer(line), "{line}");
        }
        for line in ["Fixes", "Fixes:", "| Fixes: 12", "a b-by: x", "config: x", "file.c:12: error", "::", ": x"] {
            assert!(!is_trailer(line), "{line}");
        }
    }

    #[test]
    fn patches_that_may_stand_in_a_mail() {
        let patch = "--- a/x.c\n+++ b/x.c\n@@ -1,2 +1,3 @@\n #include <a.h>\n+#include <ä.h>\n \tint x;\n";
        assert!(is_safe_patch(patch));
        assert!(guard(patch).eq(patch));
        for bad in [
            "",
            "+x\n",
            &patch.replace('\n', "\r\n"),
            &patch.replace('ä', "\u{202e}"),
            &patch.replace('ä', &"x".repeat(1000)),
            &patch.replace(" \tint x;", " Acked-by: a <b@c>"),
            &patch.replace(" \tint x;", "From x"),
            &patch.replace(" \tint x;", "-- "),
            &format!("{patch}#triage stop\n"),
            &format!("{patch}Subject: x\n"),
        ] {
            assert!(!is_safe_patch(bad), "{bad}");
        }
    }

    #[test]
    fn prose_is_wrapped() {
        assert_eq!(wrapped("one two three four five six", 25, "- ", "  "), "- one two three four five\n  six");
    }
}
