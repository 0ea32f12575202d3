//! Text from a log is not trusted: here it is made harmless for each channel.
//!
//! A log can hold anything that the author of a change, or of a file name, wants it to hold. No
//! escape sequence, hidden character, mention, link, markup or command may get from there into
//! what triage prints. There is one function for each place that text can go to, and the
//! renderers put all text through one of them at the place of use.

use std::fmt::Write as _;

use serde_json::ser::Formatter;

/// True for characters that a terminal or a browser obeys, or hides, rather than shows: control
/// characters, overrides of the writing direction, characters without width.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Writes a hidden character as its code, which stays readable and does nothing.
fn push_code(out: &mut String, c: char) {
    let code = u32::from(c);
    // Writing to a string cannot fail.
    let _ = if code < 0x100 { write!(out, "\\x{code:02x}") } else { write!(out, "\\u{{{code:x}}}") };
}

/// One line for a terminal or a plain text file: no line ends, no hidden characters, no commands
/// of CI systems. White space of any kind becomes blanks.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim_end_matches(['\n', '\r']).chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\t' => out.push(' '),
            c if is_hidden(c) => push_code(&mut out, c),
            c => out.push(c),
        }
    }
    break_commands(out)
}

/// Several lines for a terminal or a plain text file: as [`line`], but line ends and tabs stay,
/// since patches need them.
pub fn block(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\t' => out.push(c),
            c if is_hidden(c) => push_code(&mut out, c),
            c => out.push(c),
        }
    }
    break_commands(out)
}

/// The workflow commands that GitHub's runner knows.
const COMMANDS: [&str; 16] = [
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "internal-set-repo-path",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
];

/// Breaks what a CI system would take for a command when it sees it in the log of a step:
/// `::error …` (GitHub), `##[error]`, `##vso[…]` (GitHub's old form, Azure), `##teamcity[…]`.
pub fn break_commands(text: String) -> String {
    if !text.contains("::") && !text.contains("##") {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 4);
    let mut before = None;
    for (at, c) in text.char_indices() {
        // Nothing that starts here is broken twice: the blank is put after the first character.
        let rest = &text[at..];
        out.push(c);
        let starts = match c {
            ':' => before.is_none_or(char::is_whitespace) && is_colon_command(rest),
            '#' => is_hash_command(rest),
            _ => false,
        };
        if starts {
            out.push(' ');
        }
        before = Some(c);
    }
    out
}

/// True for `::name` with a name that GitHub's runner obeys.
fn is_colon_command(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix("::") else { return false };
    let end = rest.find(|c: char| !c.is_ascii_alphabetic() && c != '-').unwrap_or(rest.len());
    COMMANDS.iter().any(|name| rest[..end].eq_ignore_ascii_case(name))
}

/// True for `##name[`, where the name may be empty.
fn is_hash_command(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix("##") else { return false };
    // The longest name is short; looking no further keeps this linear.
    let name = rest.bytes().take(16).take_while(u8::is_ascii_alphanumeric).count();
    rest.as_bytes().get(name) == Some(&b'[')
}

/// Comes between two characters that would be a mention or a link together, and is not seen.
const JOINT: char = '\u{200b}';

/// One line of Markdown that shows the text as it is: no markup, HTML, mention, reference, link,
/// image, mathematics or command (`/close`) of GitHub and GitLab is left in it.
pub fn markdown(text: &str) -> String {
    let text = line(text);
    let mut out = String::with_capacity(text.len() + 16);
    for (number, word) in text.split_whitespace().enumerate() {
        if number > 0 {
            out.push(' ');
        }
        push_word(&mut out, word, number == 0);
    }
    out
}

/// So many hexadecimal digits are no hash of a commit yet.
const HASH_MAX: usize = 6;

/// One word of [`markdown`]. Runs of it that a forge takes for the hash of a commit are broken.
fn push_word(out: &mut String, word: &str, first: bool) {
    let is_inner = |c: char| c.is_alphanumeric() || c == '_';
    let mut breaks = Vec::new();
    let mut start = None;
    for (at, c) in word.char_indices().chain([(word.len(), ' ')]) {
        match (start, is_inner(c)) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                if is_commit(&word[from..at]) {
                    breaks.extend((from + HASH_MAX..at).step_by(HASH_MAX));
                }
                start = None;
            }
            _ => {}
        }
    }
    push_escaped(out, word, first, &breaks);
}

/// True for what GitHub and GitLab would take for the hash of a commit.
fn is_commit(word: &str) -> bool {
    (7..=64).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The word with all that acts taken from it, and with a [`JOINT`] at each of `breaks`.
fn push_escaped(out: &mut String, word: &str, first: bool, breaks: &[usize]) {
    let mut before: Option<char> = None;
    let mut breaks = breaks.iter().peekable();
    let mut chars = word.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|&(_, c)| c);
        if breaks.next_if(|&&here| here == at).is_some() {
            out.push(JOINT);
        }
        let follows = |is: fn(char) -> bool| next.is_some_and(is);
        match c {
            '<' => out.push_str("&lt;"),
            // `group/project>` is GitLab's reference to a project.
            '>' => {
                if before.is_some_and(char::is_alphanumeric) {
                    out.push(JOINT);
                }
                out.push_str("&gt;");
            }
            '&' => {
                out.push_str("&amp;");
                if follows(char::is_alphanumeric) {
                    out.push(JOINT);
                }
            }
            // `[vulnerability:1]`, `[[page]]` and `*iteration:1` are GitLab's references, whatever is escaped.
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '{' | '}' => {
                out.push('\\');
                out.push(c);
                if matches!(c, '*' | '[') && follows(|c| c.is_alphanumeric() || c == '[') {
                    out.push(JOINT);
                }
            }
            // Mathematics, also around code.
            '$' => {
                out.push(JOINT);
                out.push_str("\\$");
                out.push(JOINT);
            }
            // Mentions, issues, merge requests, labels, milestones, epics, alerts.
            '@' | '#' | '!' | '~' | '%' | '^' => {
                if !matches!(c, '@' | '%') {
                    out.push('\\');
                }
                out.push(c);
                if next.is_some() {
                    out.push(JOINT);
                }
            }
            // Lists, headings, rules, quick actions.
            '-' | '+' | '=' if first && at == 0 => {
                out.push('\\');
                out.push(c);
            }
            '/' if first && at == 0 => {
                out.push(JOINT);
                out.push(c);
            }
            '.' | ')' if first && at > 0 && word[..at].bytes().all(|b| b.is_ascii_digit()) => {
                out.push('\\');
                out.push(c);
            }
            // GH-123 and PROJ-123.
            '-' if before.is_some_and(char::is_alphanumeric) && follows(|c| c.is_ascii_digit()) => {
                out.push(c);
                out.push(JOINT);
            }
            // Addresses of any scheme, those without one, and emoji.
            ':' if next == Some('/') || is_emoji(&word[at + 1..]) => {
                out.push(c);
                out.push(JOINT);
            }
            '.' if at >= 3 && word.as_bytes()[at - 3..at].eq_ignore_ascii_case(b"www") => {
                out.push(JOINT);
                out.push(c);
            }
            c => out.push(c),
        }
        before = Some(c);
    }
}

/// True for what is left of `:name:` behind its first colon.
fn is_emoji(rest: &str) -> bool {
    let end = rest.bytes().take(64).take_while(|&b| b.is_ascii_alphanumeric() || b"_+-".contains(&b)).count();
    // Places have numbers there: `a.c:12:5`.
    let is_number = rest[..end].bytes().all(|b| b.is_ascii_digit()) && !matches!(&rest[..end], "100" | "1234");
    end > 0 && !is_number && rest.as_bytes().get(end) == Some(&b':')
}

/// Breaks what looks like the mark by which a comment of ours is found again, which a log may hold, too.
fn without_marks(text: String) -> String {
    if text.contains("<!--") { text.replace("<!-- triage", &format!("<!-{JOINT}- triage")) } else { text }
}

/// A code span that holds the text, whatever backticks are in it.
pub fn markdown_code(text: &str) -> String {
    let text = without_marks(line(text));
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Words with names in `'…'` in them: the names become code spans, and so do paths, headers and
/// options; the rest is as [`markdown`].
pub fn markdown_prose(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.trim();
    while let Some((start, end)) = next_quoted(rest) {
        push_words(&mut out, &rest[..start]);
        out.push_str(&markdown_code(&rest[start + 1..end]));
        rest = &rest[end + 1..];
    }
    push_words(&mut out, rest);
    out
}

/// Words of [`markdown_prose`] without quoted names; blanks at both ends stay, as one.
fn push_words(out: &mut String, text: &str) {
    let text = line(text);
    for word in text.split_inclusive(' ') {
        let bare = word.trim_end_matches(' ');
        let name = bare.trim_start_matches('(').trim_end_matches(['.', ',', ';', ':', ')']);
        let before = bare.len() - bare.trim_start_matches('(').len();
        if is_code(name) {
            out.push_str(&bare[..before]);
            out.push_str(&markdown_code(name));
            out.push_str(&bare[before + name.len()..]);
        } else {
            push_word(out, bare, out.is_empty());
        }
        if bare.len() < word.len() && !out.ends_with(' ') && !out.is_empty() {
            out.push(' ');
        }
    }
}

/// True for words that are names, not language: `<linux/io.h>`, `src/a.c`, `N::f`, `-Wall`, `a_b`.
fn is_code(word: &str) -> bool {
    let option = word.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    let header = word.len() > 2 && word.starts_with('<') && word.ends_with('>');
    let name = word.contains("::") || word.contains('_') || (word.contains('/') && word.contains('.'));
    (option || header || name) && !word.contains("//") && word.is_ascii()
}

/// The first name in `'…'`: the offsets of its quotation marks. An apostrophe inside of a word is
/// none.
fn next_quoted(text: &str) -> Option<(usize, usize)> {
    let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut open = None;
    let mut before = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\'' {
            let next = chars.peek().map(|&(_, c)| c);
            match open {
                Some(start) if at == start + 1 => open = None,
                Some(start) if !joins(next) => return Some((start, at)),
                None if !joins(before) && next.is_some_and(|c| !c.is_whitespace()) => open = Some(at),
                _ => {}
            }
        }
        before = Some(c);
    }
    None
}

/// A fenced block that holds the text, whatever fences are in it. `info` is a word of ours.
///
/// GitLab looks for quick actions in what it takes for text by a pattern, to which three backticks on a line end any block, be
/// its fence longer. So none stand at the start of a line in it.
pub fn markdown_fence(info: &str, text: &str) -> String {
    let mut text = without_marks(block(text));
    if text.starts_with("```") || text.contains("\n```") {
        let lines: Vec<String> = text
            .split('\n')
            .map(|line| if line.starts_with("```") { format!(" {line}") } else { line.to_owned() })
            .collect();
        text = lines.join("\n");
    }
    let fence = "`".repeat((longest_run(&text, '`') + 1).max(3));
    format!("{fence}{info}\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

/// A link that Markdown shows, when the address is a plain one; else its text.
pub fn markdown_link(address: &str) -> String {
    if is_plain_address(address) { format!("<{address}>") } else { markdown(address) }
}

/// A link with a name, when the address is a plain one. `name` is ours.
pub fn markdown_named_link(name: &str, address: &str) -> Option<String> {
    is_plain_address(address).then(|| format!("[{name}](<{address}>)"))
}

fn is_plain_address(address: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#=&%+,".contains(c);
    let web = address.starts_with("https://") || address.starts_with("http://");
    web && address.chars().all(plain)
}

fn longest_run(text: &str, wanted: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Text between two XML tags. XML 1.0 has no way to write most control characters, so those are
/// shown as their codes.
pub fn xml_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in block(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

/// The value of an XML attribute, in `"`.
pub fn xml_attribute(text: &str) -> String {
    xml_text(&line(text)).replace('"', "&quot;").replace('\'', "&apos;")
}

/// The message of a SARIF result: viewers make links of `[text](place)` and look for arguments in
/// `{0}`.
pub fn sarif(text: &str) -> String {
    let text = block(text).replace("](", "] (");
    if !text.contains('{') {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 4);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '{' && chars.peek().is_some_and(char::is_ascii_digit) {
            out.push(' ');
        }
    }
    out
}

/// The message of a workflow command of GitHub Actions.
pub fn workflow_message(text: &str) -> String {
    block(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a workflow command of GitHub Actions.
pub fn workflow_property(text: &str) -> String {
    workflow_message(&line(text)).replace(':', "%3A").replace(',', "%2C")
}

/// Writes JSON in which hidden characters, and `##[` (which some CI systems obey anywhere in a
/// line), are written as `\u…`: nothing is lost, and nothing acts when the JSON is shown.
pub struct SafeJson<F>(pub F);

impl<F: Formatter> Formatter for SafeJson<F> {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> std::io::Result<()>
    where
        W: ?Sized + std::io::Write,
    {
        let mut done = 0;
        let mut units = [0; 2];
        for (at, c) in fragment.char_indices() {
            if is_hidden(c) || (c == '#' && is_hash_command(&fragment[at..])) {
                self.0.write_string_fragment(writer, &fragment[done..at])?;
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
                done = at + c.len_utf8();
            }
        }
        self.0.write_string_fragment(writer, &fragment[done..])
    }

    fn begin_array<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_text_cannot_act() {
        assert_eq!(line("a\x1b[31mred\u{9b}0m"), "a\\x1b[31mred\\x9b0m");
        assert_eq!(line("x\u{202e}y\u{2066}z\u{feff}"), "x\\u{202e}y\\u{2066}z\\u{feff}");
        assert_eq!(line("one\ntwo\tthree\r\n"), "one two three");
        assert_eq!(line("a\rb"), "a\\x0db");
        assert_eq!(block("+\tint x;\r\n+\x07\n"), "+\tint x;\n+\\x07\n");
    }

    #[test]
    fn commands_of_ci_systems_are_broken() {
        assert_eq!(line("::set-env name=X::y"), ": :set-env name=X::y");
        assert_eq!(line("x ::ERROR::y"), "x : :ERROR::y");
        assert_eq!(block("a\n  ::add-mask::b"), "a\n  : :add-mask::b");
        assert_eq!(line("x##[group]y"), "x# #[group]y");
        assert_eq!(line("##vso[task.setvariable]"), "# #vso[task.setvariable]");
        // C++ and the preprocessor stay as they are.
        assert_eq!(line("no member 'f' in ::ns::error, a ## b"), "no member 'f' in ::ns::error, a ## b");
    }

    #[test]
    fn markdown_shows_text_as_it_is() {
        let check = |text: &str, expected: &str| {
            assert_eq!(markdown(text).replace(JOINT, "^"), expected, "{text}");
        };
        check("@all and a@b.c", "@^all and a@^b.c");
        check("fixes #12, o/r#3, !4, GH-5", "fixes \\#^12, o/r\\#^3, \\!^4, GH-^5");
        check("<script>&amp;</script>", "&lt;script^&gt;&amp;^amp;&lt;/script^&gt;");
        check("![x](https://evil.example/x.png)", "\\!^\\[^x\\](https:^//evil.example/x.png)");
        check("see www.example.org", "see www^.example.org");
        check("/close", "^/close");
        check("# heading", "\\# heading");
        check("1. item", "1\\. item");
        check("- item\n    code", "\\- item code");
        check("**b** _i_ ~~s~~ `c` $x$", "\\*\\*^b\\*\\* \\_i\\_ \\~^\\~^s\\~^\\~ \\`c\\` ^\\$^x^\\$^");
        check("commit 0123456789abcdef", "commit 012345^6789ab^cdef");
        check("abc1234...def5678 o/r@0123456789", "abc123^4...def567^8 o/r@^012345^6789");
        check("[vulnerability:1] [[wiki]] *iteration:3", "\\[^vulnerability:1\\] \\[^\\[^wiki\\]\\] \\*^iteration:3");
        check(":smile: a:b:c std::vector:x", ":^smile: a:^b:c std::^vector:x");
        check("g/p> ^alert#1", "g/p^&gt; \\^^alert\\#^1");
        check("\u{2028}", "\\\\u\\{2028\\}");
    }

    #[test]
    fn code_in_markdown_cannot_be_left() {
        assert_eq!(markdown_code("a`b``c"), "```a`b``c```");
        assert_eq!(markdown_code("`"), "`` ` ``");
        assert_eq!(markdown_code("a\n\n# b"), "`a  # b`");
        assert_eq!(markdown_fence("c", "x\n```\n@all\n"), "````c\nx\n ```\n@all\n````\n");
    }

    #[test]
    fn names_in_prose_become_code() {
        assert_eq!(markdown_prose("'f_x' is used but not declared"), "`f_x` is used but not declared");
        assert_eq!(markdown_prose("don't pass 'a' and 'b c'."), "don't pass `a` and `b c`.");
        assert_eq!(markdown_prose("'@all` #1'x 'y"), "'@\u{200b}all\\` \\#\u{200b}1'x 'y");
        assert_eq!(markdown_prose("'' and '"), "'' and '");
        assert_eq!(
            markdown_prose("include <a/b.h> (in x_y.c), with -Wall"),
            "include `<a/b.h>` (in `x_y.c`), with `-Wall`"
        );
        assert_eq!(markdown_prose("/close"), "\u{200b}/close");
    }

    #[test]
    fn other_channels() {
        assert_eq!(xml_text("</a>\x00\u{fffe}&"), "&lt;/a&gt;\\x00\\u{fffe}&amp;");
        assert_eq!(xml_attribute("\"'\n"), "&quot;&apos;");
        assert_eq!(sarif("int[3](x) {0} {}"), "int[3] (x) { 0} {}");
        assert_eq!(workflow_message("50%\nx"), "50%25%0Ax");
        assert_eq!(workflow_property("a:b,c%"), "a%3Ab%2Cc%25");
        assert_eq!(markdown_link("https://example.org/a?b=c"), "<https://example.org/a?b=c>");
        assert!(!markdown_link("https://example.org/>@all").contains("@all"));
    }

    #[test]
    fn json_is_lossless_and_harmless() {
        let text = "a\x1b\u{9b}\u{202e}\u{e0041}\"##[x]";
        let mut out = Vec::new();
        let mut writer = serde_json::Serializer::with_formatter(&mut out, SafeJson(serde_json::ser::CompactFormatter));
        serde::Serialize::serialize(text, &mut writer).unwrap();
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written, r#""a\u001b\u009b\u202e\udb40\udc41\"\u0023#[x]""#);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
