//! What people tell the bot: `#triage …` at the start of a line.
//!
//! Quoted lines do not start with it, so nobody repeats a command by answering it. What stands
//! below a signature or in a mail that was forwarded whole is not read.

use std::fmt;

use crate::message::MessageId;

/// How a command begins.
pub const PREFIX: &str = "#triage";
/// Commands that are taken from one mail.
pub const COMMANDS_MAX: usize = 3;
/// Lines that are looked at: a person writes commands on top.
const LINES_MAX: usize = 5_000;
/// Bytes of a line that are looked at.
const LINE_MAX: usize = 400;

/// Something that the bot can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Say all that is known about the causes.
    Explain,
    /// Build it again.
    Retest,
    /// It is no fault of the code.
    Invalid,
    /// A commit repairs it: its id, 7 to 64 hexadecimal digits in lower case.
    Fix(String),
    /// It is the same as another cause.
    Duplicate(Original),
    /// Leave something alone.
    Stop(What),
}

/// What a cause is the same as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Original {
    /// A cause, by its fingerprint of 16 hexadecimal digits.
    Fingerprint(String),
    /// A reply that told it.
    Message(MessageId),
}

/// What is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The person who says so.
    Me,
    /// The thread.
    Thread,
    /// The list; for those whom the configuration names.
    List,
    /// The source tree; for those whom the configuration names.
    Tree,
}

/// A line that looks like a command and is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The line, at most 80 characters of it, without control characters.
    pub line: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// The commands of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commands {
    /// Those that are carried out, in their order, each once.
    pub taken: Vec<Command>,
    /// Those that are not.
    pub unknown: Vec<Unknown>,
    /// How many were beyond [`COMMANDS_MAX`].
    pub left_out: usize,
}

impl Commands {
    /// True when the mail tells the bot nothing.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.unknown.is_empty()
    }
}

impl Command {
    /// Its name, as it is typed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Explain => "explain",
            Self::Retest => "retest",
            Self::Invalid => "invalid",
            Self::Fix(_) => "fix",
            Self::Duplicate(_) => "dup",
            Self::Stop(_) => "stop",
        }
    }

    /// What stands behind its name.
    pub fn argument(&self) -> Option<String> {
        match self {
            Self::Fix(commit) => Some(commit.clone()),
            Self::Duplicate(Original::Fingerprint(id)) => Some(id.clone()),
            Self::Duplicate(Original::Message(id)) => Some(id.as_str().to_owned()),
            Self::Stop(what) => Some(what.name().to_owned()),
            Self::Explain | Self::Retest | Self::Invalid => None,
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.argument()) {
            (Self::Fix(_) | Self::Duplicate(_), Some(argument)) => write!(f, "{}: {argument}", self.name()),
            (_, Some(argument)) => write!(f, "{} {argument}", self.name()),
            (_, None) => f.write_str(self.name()),
        }
    }
}

impl What {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Me => "me",
            Self::Thread => "thread",
            Self::List => "list",
            Self::Tree => "tree",
        }
    }
}

/// Reads the commands of a mail's text. Takes any text; linear, and no more than the top of it.
pub fn parse(text: &str) -> Commands {
    let mut found = Commands::default();
    for line in text.lines().take(LINES_MAX) {
        let line = line.trim_end();
        if is_end(line) {
            break;
        }
        let Some(rest) = line.strip_prefix(PREFIX) else { continue };
        // `#triaged` is someone's word.
        if !rest.is_empty() && !rest.starts_with([' ', '\t', ':']) {
            continue;
        }
        let rest = crate::reply::guard::start(rest, LINE_MAX);
        match command(rest.trim_start_matches(':').trim()) {
            Ok(command) if found.taken.contains(&command) => {}
            _ if found.taken.len() + found.unknown.len() >= COMMANDS_MAX => found.left_out += 1,
            Ok(command) => found.taken.push(command),
            Err(why) => found.unknown.push(Unknown { line: crate::message::one_line(line, 80), why }),
        }
    }
    found
}

/// True where a person's text ends: a signature, or a mail that is forwarded whole.
fn is_end(line: &str) -> bool {
    line == "--" || line.starts_with("-----Original Message-----") || line.starts_with("---------- Forwarded message")
}

fn command(text: &str) -> Result<Command, &'static str> {
    let end = text.find(|c: char| c == ':' || c.is_whitespace()).unwrap_or(text.len());
    let (name, argument) = text.split_at(end);
    let argument = argument.trim_start_matches(':').trim();
    match (name.to_ascii_lowercase().as_str(), argument) {
        ("explain", "") => Ok(Command::Explain),
        ("retest", "") => Ok(Command::Retest),
        ("invalid", "") => Ok(Command::Invalid),
        ("explain" | "retest" | "invalid", _) => Err("it takes nothing behind its name"),
        ("fix", argument) => commit(argument).map(Command::Fix),
        ("dup", argument) => original(argument).map(Command::Duplicate),
        ("stop", "" | "me") => Ok(Command::Stop(What::Me)),
        ("stop", "thread") => Ok(Command::Stop(What::Thread)),
        ("stop", "list") => Ok(Command::Stop(What::List)),
        ("stop", "tree") => Ok(Command::Stop(What::Tree)),
        ("stop", _) => Err("I can stop for: me, thread, list, tree"),
        _ => Err("known are: explain, retest, invalid, fix: <commit>, dup: <id>, stop"),
    }
}

/// The id of a commit, perhaps with its title behind it: `1234abcd ("valve: open it")`.
fn commit(text: &str) -> Result<String, &'static str> {
    let id = text.split_whitespace().next().unwrap_or("");
    let valid = (7..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if valid { Ok(id.to_ascii_lowercase()) } else { Err("give a commit: 7 or more hexadecimal digits") }
}

fn original(text: &str) -> Result<Original, &'static str> {
    let id = text.split_whitespace().next().unwrap_or("");
    if id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Original::Fingerprint(id.to_ascii_lowercase()));
    }
    match MessageId::parse(id) {
        Ok(message) if message.as_str().contains('@') => Ok(Original::Message(message)),
        _ => Err("give the fingerprint of a cause, or the Message-ID of my mail about it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Vec<String> {
        let found = parse(text);
        assert_eq!((&found.unknown[..], found.left_out), (&[][..], 0), "{text}");
        found.taken.iter().map(ToString::to_string).collect()
    }

    fn refused(text: &str) -> &'static str {
        let found = parse(text);
        assert_eq!(found.taken, [], "{text}");
        found.unknown[0].why
    }

    #[test]
    fn commands_are_read() {
        assert_eq!(taken("#triage explain"), ["explain"]);
        assert_eq!(taken("Hi,\n#triage: retest\n#triage\tINVALID\r\nBye"), ["retest", "invalid"]);
        assert_eq!(taken("#triage fix: 1234ABCD (\"valve: open it\")"), ["fix: 1234abcd"]);
        assert_eq!(taken("#triage dup: 0123456789abcdef"), ["dup: 0123456789abcdef"]);
        assert_eq!(taken("#triage dup: <a.b@bot.example.org>"), ["dup: a.b@bot.example.org"]);
        assert_eq!(taken("#triage stop"), ["stop me"]);
        assert_eq!(taken("#triage stop thread\n#triage stop thread"), ["stop thread"]);
    }

    #[test]
    fn what_is_no_command() {
        for text in [
            "",
            "> #triage stop",
            " #triage stop",
            "| #triage stop",
            "+#triage stop",
            "#triaged it",
            "see #triage stop",
            "-- \n#triage stop",
            "-----Original Message-----\n#triage stop",
        ] {
            assert!(parse(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(refused("#triage").starts_with("known are"));
        assert!(refused("#triage rm -rf /").starts_with("known are"));
        assert!(refused("#triage fix: HEAD~1; reboot").starts_with("give a commit"));
        assert!(refused("#triage fix:").starts_with("give a commit"));
        assert!(refused("#triage dup: that one").starts_with("give the fingerprint"));
        assert!(refused("#triage stop the press").starts_with("I can stop"));
        assert!(refused("#triage explain please").starts_with("it takes nothing"));
        assert_eq!(parse("#triage \u{1b}[2Jx\u{202e}").unknown[0].line, "#triage [2Jx");
    }

    #[test]
    fn three_a_mail() {
        let found = parse("#triage explain\n#triage nonsense\n#triage stop\n#triage retest\n#triage fix: x\n");
        assert_eq!((found.taken.len(), found.unknown.len(), found.left_out), (2, 1, 2));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(#triage( |:|\\PC){0,40}\n|\\PC{0,40}\n|[\\x00-\\x20]){0,30}") {
            let found = parse(&text);
            proptest::prop_assert!(found.taken.len() + found.unknown.len() <= COMMANDS_MAX);
        }
    }
}
