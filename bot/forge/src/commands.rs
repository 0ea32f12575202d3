//! What people tell the bot in a comment: `/triage …` at the start of a line.
//!
//! Only what the author says counts: lines of code blocks, quotes and hidden HTML comments are not
//! read. Whether the author may say it is asked of the forge, see [`Access`].

use serde::{Deserialize, Serialize};

/// How a command begins.
pub const PREFIX: &str = "/triage";
/// Commands that are taken from one comment.
pub const COMMANDS_MAX: usize = 3;
/// Lines that are looked at.
const LINES_MAX: usize = 5_000;
/// Characters of a line that are shown again.
const SHOWN_MAX: usize = 80;

/// Something that the bot can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "command", content = "cause")]
pub enum Command {
    /// Say all that is known about the causes, or about one.
    Explain(Option<Fingerprint>),
    /// Look again, or build again.
    Retest,
    /// Stop telling the causes, or one: it is known, or no fault of the change.
    Dismiss(Option<Fingerprint>),
    /// Say how the bot came to what it says.
    Why(Option<Fingerprint>),
}

/// A cause: [`triage_causes::report::Cause::fingerprint`], 16 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

/// A line that looks like a command and is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    /// The line, at most 80 characters of it, printable ASCII only. It is a stranger's text: show it as code.
    pub line: String,
    /// What is wrong with it.
    pub why: String,
}

/// The commands of a comment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commands {
    /// Those that are carried out, in their order, each once.
    pub taken: Vec<Command>,
    /// Those that are not.
    pub unknown: Vec<Unknown>,
    /// How many were beyond [`COMMANDS_MAX`].
    pub left_out: usize,
}

/// What somebody may do in a repository, as the forge says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Nothing, or the forge does not know the person.
    None,
    /// Read, comment, open changes; GitLab's guests, planners and reporters, GitHub's read and triage.
    Read,
    /// Push; GitLab's developers and above, GitHub's write, maintain and admin.
    Write,
}

impl Access {
    /// True when the person's commands are carried out.
    pub fn may_command(self) -> bool {
        self >= Self::Write
    }
}

impl Commands {
    /// True when the comment tells the bot nothing.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.unknown.is_empty()
    }
}

impl Command {
    /// Its name, as it is typed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Explain(_) => "explain",
            Self::Retest => "retest",
            Self::Dismiss(_) => "dismiss",
            Self::Why(_) => "why",
        }
    }

    /// The cause it is about; none for all of them.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Explain(cause) | Self::Dismiss(cause) | Self::Why(cause) => cause.as_ref().map(Fingerprint::as_str),
            Self::Retest => None,
        }
    }
}

/// A text that is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cause's id has 16 hexadecimal digits")]
pub struct NotFingerprint;

impl Fingerprint {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = NotFingerprint;

    fn try_from(text: String) -> Result<Self, NotFingerprint> {
        let valid = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if valid { Ok(Self(text.to_ascii_lowercase())) } else { Err(NotFingerprint) }
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.0
    }
}

/// Reads the commands of a comment in Markdown. Takes any text; linear, and no more than the top of it.
pub fn parse(markdown: &str) -> Commands {
    let mut found = Commands::default();
    let mut block = Block::Text;
    for line in markdown.lines().take(LINES_MAX) {
        let before = block;
        block = block.after(line);
        if before != Block::Text || block != Block::Text {
            continue;
        }
        let Some(rest) = line.strip_prefix(PREFIX) else { continue };
        // `/triage-bot` and `/triages` are someone else's.
        if !rest.is_empty() && !rest.starts_with([' ', '\t', '\r']) {
            continue;
        }
        match command(rest) {
            Ok(command) if found.taken.contains(&command) => {}
            _ if found.taken.len() + found.unknown.len() >= COMMANDS_MAX => found.left_out += 1,
            Ok(command) => found.taken.push(command),
            Err(why) => found.unknown.push(Unknown { line: shown(line), why: why.to_owned() }),
        }
    }
    found
}

/// What a line of Markdown stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// What the author says.
    Text,
    /// A code block between fences of this character, at least so many.
    Fence(u8, usize),
    /// An HTML comment.
    Comment,
    /// Text between tags that show it as it is.
    Raw,
    /// GitLab's quote of several lines, between `>>>`; at least so many.
    Quote(usize),
}

impl Block {
    /// What stands after this line. Lists and quotes are not followed: a command in them does not begin its line.
    fn after(self, line: &str) -> Self {
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        let text = text.trim_end();
        match self {
            Self::Text if indent < 4 => Self::opened(text),
            Self::Text => Self::Text,
            Self::Fence(mark, many) => {
                let run = run(text, mark);
                if indent < 4 && run >= many && run == text.len() { Self::Text } else { self }
            }
            Self::Quote(many) => {
                let run = run(text, b'>');
                if run >= many && run == text.len() { Self::Text } else { self }
            }
            Self::Comment => Self::closed(self, text, "-->"),
            Self::Raw => {
                let text = text.to_ascii_lowercase();
                RAW.iter().map(|(_, end)| Self::closed(self, &text, end)).find(|it| *it != self).unwrap_or(self)
            }
        }
    }

    fn opened(text: &str) -> Self {
        for mark in [b'`', b'~'] {
            let many = run(text, mark);
            // What stands behind a fence of backticks may have none: that is code within a line.
            if many >= 3 && (mark == b'~' || !text[many..].contains('`')) {
                return Self::Fence(mark, many);
            }
        }
        let many = run(text, b'>');
        if many >= 3 && many == text.len() {
            return Self::Quote(many);
        }
        // An HTML comment may begin behind text.
        if let Some(at) = text.rfind("<!--") {
            return Self::closed(Self::Comment, &text[at + 4..], "-->");
        }
        let lower = text.to_ascii_lowercase();
        for (start, end) in RAW {
            if let Some(at) = lower.find(start) {
                return Self::closed(Self::Raw, &lower[at..], end);
            }
        }
        Self::Text
    }

    fn closed(block: Self, text: &str, end: &str) -> Self {
        if text.contains(end) { Self::Text } else { block }
    }
}

/// Tags whose content is shown as it is.
const RAW: &[(&str, &str)] = &[("<pre", "</pre>"), ("<code", "</code>"), ("<blockquote", "</blockquote>")];

/// How often a character stands at the start.
fn run(text: &str, mark: u8) -> usize {
    text.bytes().take_while(|byte| *byte == mark).count()
}

fn command(text: &str) -> Result<Command, &'static str> {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap_or_default().to_ascii_lowercase();
    let argument = words.next();
    if words.next().is_some() && matches!(name.as_str(), "explain" | "retest" | "dismiss" | "why") {
        return Err("nothing but the id of a cause may follow");
    }
    let cause = || match argument {
        Some(text) => {
            let cause = Fingerprint::try_from(text.trim_matches('`').to_owned());
            cause.map(Some).map_err(|_| "the id of a cause has 16 hexadecimal digits")
        }
        None => Ok(None),
    };
    match name.as_str() {
        "explain" => Ok(Command::Explain(cause()?)),
        "dismiss" => Ok(Command::Dismiss(cause()?)),
        "why" => Ok(Command::Why(cause()?)),
        "retest" if argument.is_none() => Ok(Command::Retest),
        "retest" => Err("nothing may follow it"),
        _ => Err("known are: explain, retest, dismiss, why"),
    }
}

fn shown(line: &str) -> String {
    line.trim_end().chars().map(|it| if matches!(it, ' '..='~') { it } else { '?' }).take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Vec<String> {
        let found = parse(text);
        assert_eq!((&found.unknown[..], found.left_out), (&[][..], 0), "{text}");
        let one = |it: &Command| format!("{} {}", it.name(), it.cause().unwrap_or("-"));
        found.taken.iter().map(one).collect()
    }

    fn refused(text: &str) -> String {
        let found = parse(text);
        assert_eq!(found.taken, [], "{text}");
        found.unknown[0].why.clone()
    }

    #[test]
    fn commands_are_read() {
        assert_eq!(taken("/triage explain"), ["explain -"]);
        assert_eq!(
            taken("Thanks!\r\n/triage RETEST\r\n/triage\twhy 0123456789ABCDEF \r\n"),
            ["retest -", "why 0123456789abcdef"]
        );
        assert_eq!(
            taken("/triage dismiss `0123456789abcdef`\n/triage dismiss `0123456789abcdef`"),
            ["dismiss 0123456789abcdef"]
        );
        assert_eq!(taken("> what broke?\n\n/triage explain"), ["explain -"]);
        assert_eq!(taken("```c\nint x;\n```\n/triage explain"), ["explain -"]);
        assert_eq!(taken("<!-- a hint -->\n/triage explain"), ["explain -"]);
        assert_eq!(taken("Use ```x``` here\n/triage explain"), ["explain -"]);
        assert_eq!(taken("<details>\n/triage explain\n</details>"), ["explain -"]);
        assert_eq!(taken(">>>\nold\n>>>\n/triage explain"), ["explain -"]);
    }

    #[test]
    fn what_is_no_command() {
        for text in [
            "",
            "> /triage retest",
            ">/triage retest",
            " /triage retest",
            "    /triage retest",
            "- /triage retest",
            "/triages",
            "/triage-bot retest",
            "see /triage retest",
            "`/triage retest`",
            "```\n/triage retest\n```",
            "```\n/triage retest",
            "````\n```\n/triage retest\n````",
            "~~~ text\n/triage retest\n```\n/triage retest\n~~~",
            "```text\n/triage retest\n~~~\n/triage retest\n``` x\n/triage retest",
            "<!--\n/triage retest\n-->",
            "Text <!-- hidden\n/triage retest\n-->",
            "<PRE>\n/triage retest\n</pre>",
            "<pre><code>\n/triage retest\n</code></pre>",
            ">>>\n/triage retest\n>>>",
            "  ```\n/triage retest\n  ```",
        ] {
            assert!(parse(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(refused("/triage").starts_with("known are"));
        assert!(refused("/triage rm -rf /").starts_with("known are"));
        assert!(refused("/triage retest now").starts_with("nothing may"));
        assert!(refused("/triage explain it please").starts_with("nothing but"));
        assert!(refused("/triage why HEAD").starts_with("the id of a cause"));
        assert_eq!(parse("/triage \u{1b}[2J@x\u{202e}").unknown[0].line, "/triage ?[2J@x?");
    }

    #[test]
    fn three_a_comment() {
        let found = parse("/triage explain\n/triage nonsense\n/triage why\n/triage retest\n/triage explain\n/triage x");
        assert_eq!((found.taken.len(), found.unknown.len(), found.left_out), (2, 1, 2));
    }

    #[test]
    fn who_may() {
        assert!(Access::Write.may_command());
        assert!(!Access::Read.may_command() && !Access::None.may_command());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(/triage( |:|\\PC){0,40}\n|(```|~~~|>>>|<!--|-->|<pre>)?\\PC{0,40}\n|[\\x00-\\x20]){0,30}") {
            let found = parse(&text);
            proptest::prop_assert!(found.taken.len() + found.unknown.len() <= COMMANDS_MAX);
        }

        #[test]
        fn nothing_in_a_fence(text in "(/triage explain\n|\\PC{0,40}\n|``\n|~~~~\n){0,20}") {
            let fenced = format!("`````\n{}\n", text.replace("`````", "x"));
            proptest::prop_assert!(parse(&fenced).is_empty());
        }
    }
}
