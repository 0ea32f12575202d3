//! Names of jobs and services before each line: `[gcc-12] text` (Jenkins' parallel branches, Tekton),
//! `service_1  | text` (Docker Compose), `pkg-1.0> text` (Nix).
//!
//! A name is believed when a line that only builds print follows it; from then on it is taken off
//! every line.

use super::look;
use super::stamp::blanks;

/// How long a name may be.
const LONGEST: usize = 64;
/// How many names are remembered.
const KEPT: usize = 32;

/// How a name is set off from the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bracket,
    Bar,
    Angle,
}

/// The names that were believed.
#[derive(Debug, Default)]
pub(super) struct Labels {
    known: Vec<(Form, Vec<u8>)>,
}

impl Labels {
    /// Takes off a label.
    pub fn take_off<'t>(&mut self, text: &'t [u8]) -> Option<&'t [u8]> {
        let (form, name, rest) = parse(text)?;
        if self.known.iter().any(|(known, known_name)| *known == form && known_name == name) {
            return Some(rest);
        }
        if !look::built(rest) {
            return None;
        }
        // `[ERROR]` says something by itself: off only where the text says the same.
        let level =
            form == Form::Bracket && matches!(name, b"ERROR" | b"WARNING" | b"INFO" | b"DEBUG" | b"error" | b"warning");
        if self.known.len() < KEPT && !level {
            self.known.push((form, name.to_vec()));
        }
        Some(rest)
    }
}

/// Splits a label from the text.
fn parse(text: &[u8]) -> Option<(Form, &[u8], &[u8])> {
    // Nearly no line has one of these marks near its start, and to look for them is quick.
    if text.first() != Some(&b'[') && memchr::memchr2(b'>', b'|', &text[..text.len().min(2 * LONGEST + 1)]).is_none() {
        return None;
    }
    let word = |text: &[u8]| {
        let name = text.iter().take(LONGEST + 1);
        let length = name.take_while(|&&byte| byte.is_ascii_alphanumeric() || b"_.-+/:@#".contains(&byte)).count();
        (text.first().is_some_and(u8::is_ascii_alphabetic) && length <= LONGEST).then_some(length)
    };
    if let Some(inner) = text.strip_prefix(b"[") {
        let length = word(inner)?;
        let rest = inner[length..].strip_prefix(b"]")?.strip_prefix(b" ")?;
        return Some((Form::Bracket, &inner[..length], rest));
    }
    let length = word(text)?;
    let (name, rest) = text.split_at(length);
    if name.iter().any(|byte| b"/:@#".contains(byte)) {
        return None;
    }
    match rest {
        [b'>'] => Some((Form::Angle, name, &[])),
        [b'>', b' ', rest @ ..] => Some((Form::Angle, name, rest)),
        [b' ', ..] => match &rest[blanks(&rest[..rest.len().min(LONGEST)])..] {
            [b'|'] => Some((Form::Bar, name, &[])),
            [b'|', b' ', rest @ ..] => Some((Form::Bar, name, rest)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(lines: &[(&str, Option<&str>)]) {
        let mut labels = Labels::default();
        for (text, expected) in lines {
            let found = labels.take_off(text.as_bytes()).map(|rest| String::from_utf8_lossy(rest).into_owned());
            assert_eq!(found.as_deref(), *expected, "{text}");
            for end in 0..text.len() {
                let _ = Labels::default().take_off(&text.as_bytes()[..end]);
            }
        }
    }

    #[test]
    fn labels_are_learned() {
        run(&[
            ("service_1  |    10 |  x", None),
            ("service_1  | a.c:3:5: error: x", Some("a.c:3:5: error: x")),
            ("service_1  |    10 |  x", Some("   10 |  x")),
            ("service_1  |", Some("")),
            ("other_1    |    10 |  x", None),
        ]);
        run(&[
            ("[gcc-12] + x", None),
            ("[gcc-12] make[1]: *** [x] Error 1", Some("make[1]: *** [x] Error 1")),
            ("[gcc-12] + x", Some("+ x")),
        ]);
        run(&[
            ("linux-6.6> make: *** [x] Error 2", Some("make: *** [x] Error 2")),
            ("linux-6.6>    10 | x", Some("   10 | x")),
            ("linux-6.6>", Some("")),
        ]);
    }

    #[test]
    fn levels_are_not_learned() {
        run(&[("[ERROR] a.c:3:5: error: x", Some("a.c:3:5: error: x")), ("[ERROR] Failed", None)]);
    }

    #[test]
    fn other_text_stays() {
        run(&[
            ("include/vx/port.h | 3 +++", None),
            ("init.c | 1 +", None),
            ("[12/340] a.c:3:5: error: x", None),
            ("[-Wfoo] a.c:3:5: error: x", None),
            ("D>", None),
            ("a || b", None),
            ("a > b", None),
            ("make[1]: *** [x] Error 1", None),
        ]);
    }

    #[test]
    fn no_more_than_some_are_remembered() {
        let mut labels = Labels::default();
        for number in 0..100 {
            labels.take_off(format!("s{number} | make: *** [x] Error 2").as_bytes());
        }
        assert_eq!(labels.known.len(), KEPT);
    }
}
