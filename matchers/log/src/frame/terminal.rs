//! What is meant for a terminal: colours, hyperlinks, titles, overstrikes, progress output.

use memchr::memchr;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// Which control characters a line has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Controls {
    /// Carriage returns.
    pub cr: bool,
    /// Tabs.
    pub tab: bool,
    /// Any other.
    pub other: bool,
}

/// Looks for control characters. Written so that the compiler can vectorise it.
pub(super) fn controls(line: &[u8]) -> Controls {
    let mut found = Controls::default();
    for block in line.chunks(64) {
        // Most have none.
        if !block.iter().fold(false, |any, &byte| any | (byte < b' ') | (byte == 0x7f)) {
            continue;
        }
        let (mut cr, mut tab, mut other) = (false, false, false);
        for &byte in block {
            cr |= byte == b'\r';
            tab |= byte == b'\t';
            other |= (byte < b' ' && byte != b'\r' && byte != b'\t') || byte == 0x7f;
        }
        found.cr |= cr;
        found.tab |= tab;
        found.other |= other;
    }
    found
}

/// Takes out escape sequences and control characters, and does what backspaces ask for. Tabs and
/// carriage returns stay; sequences that move to the first column become carriage returns.
pub(super) fn clean(text: &mut Vec<u8>) {
    // Everything before `write` is done, everything from `read` is still to do; write <= read.
    let (mut read, mut write) = (0, 0);
    // Start of the current part (after a carriage return), and columns to go back in it.
    let (mut floor, mut back) = (0, 0);
    while let Some(&byte) = text.get(read) {
        match byte {
            ESC => {
                let escape = escape(text, read);
                match escape.acts {
                    Acts::Not => {}
                    Acts::Return => {
                        text[write] = b'\r';
                        write += 1;
                        (floor, back) = (write, 0);
                    }
                    Acts::Forward(columns) => {
                        let columns = columns.min(escape.end - read);
                        text[write..write + columns].fill(b' ');
                        write += columns;
                    }
                }
                read = escape.end;
                continue;
            }
            0x08 => back += 1,
            b'\r' => {
                text[write] = byte;
                write += 1;
                (floor, back) = (write, 0);
            }
            // Only decoded JSON has any.
            b'\n' => {
                text[write] = b' ';
                write += 1;
            }
            b'\t' | b' '..=0x7e | 0x80..=0xff => {
                if back > 0 {
                    write = go_back(text, floor, write, back);
                    back = 0;
                }
                text[write] = byte;
                write += 1;
            }
            _ => {}
        }
        read += 1;
    }
    text.truncate(write);
}

/// Offset of the `columns`-th character before `from`, not before `floor`.
fn go_back(text: &[u8], floor: usize, mut from: usize, columns: usize) -> usize {
    for _ in 0..columns {
        if from == floor {
            break;
        }
        from -= 1;
        while from > floor && text[from] & 0xc0 == 0x80 {
            from -= 1;
        }
    }
    from
}

struct Escape {
    end: usize,
    acts: Acts,
}

enum Acts {
    Not,
    /// Goes to the first column.
    Return,
    /// Goes some columns to the right.
    Forward(usize),
}

/// The escape sequence at `at`. One that is cut off or broken ends where it stops making sense.
fn escape(text: &[u8], at: usize) -> Escape {
    let skip = |end: usize| Escape { end, acts: Acts::Not };
    match text.get(at + 1) {
        Some(b'[') => control_sequence(text, at),
        // OSC, DCS, SOS, PM, APC: a text up to BEL or ESC \. Without an end nothing but the
        // introducer is dropped, or a broken line would lose what follows.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let from = at + 2;
            let stop = text[from..].iter().position(|&byte| byte < b' ' && byte != b'\t').map(|offset| from + offset);
            match stop.map(|stop| (stop, text[stop], text.get(stop + 1))) {
                Some((stop, BEL, _)) => skip(stop + 1),
                Some((stop, ESC, Some(b'\\'))) => skip(stop + 2),
                _ => skip(from),
            }
        }
        Some(b' '..=b'/') => {
            let end = at + 1 + text[at + 1..].iter().take_while(|byte| matches!(byte, b' '..=b'/')).count();
            skip(if matches!(text.get(end), Some(b'0'..=b'~')) { end + 1 } else { end })
        }
        Some(b'0'..=b'~') => skip(at + 2),
        _ => skip(at + 1),
    }
}

/// The sequence that `ESC [` at `at` begins.
fn control_sequence(text: &[u8], at: usize) -> Escape {
    let from = at + 2;
    let run = |from: usize, low: u8, high: u8| {
        from + text[from..].iter().take_while(|&&byte| (low..=high).contains(&byte)).count()
    };
    let parameters = run(from, b'0', b'?');
    let last = run(parameters, b' ', b'/');
    let Some(&kind @ b'@'..=b'~') = text.get(last) else { return Escape { end: last, acts: Acts::Not } };
    let mut end = last + 1;
    let parameters = &text[from..parameters];
    let acts = match kind {
        b'G' if matches!(parameters, b"" | b"0" | b"1") => Acts::Return,
        b'C' => Acts::Forward(columns(parameters)),
        // Jenkins hides a serialised object in invisible text.
        b'm' if parameters == b"8" && text[end..].starts_with(b"ha:") => {
            end += 3;
            end += text[end..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)).count();
            Acts::Not
        }
        _ => Acts::Not,
    };
    Escape { end, acts }
}

fn columns(parameters: &[u8]) -> usize {
    if parameters.is_empty() {
        return 1;
    }
    let digits = parameters.iter().take(3).take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |value, digit| value * 10 + usize::from(digit - b'0'))
}

/// Without the carriage returns at the end.
pub(super) fn without_returns(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r'] = line {
        line = rest;
    }
    line
}

/// True when a carriage return is in it.
pub(super) fn has_return(line: &[u8]) -> bool {
    memchr(b'\r', line).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        clean(&mut bytes);
        String::from_utf8(bytes).expect("sequences are cut at character boundaries")
    }

    #[test]
    fn colours_and_other_sequences() {
        assert_eq!(
            cleaned("\x1b[01m\x1b[Ka.c:7:12:\x1b[m\x1b[K \x1b[01;35m\x1b[Kwarning: \x1b[m\x1b[Kx"),
            "a.c:7:12: warning: x"
        );
        assert_eq!(cleaned("\x1b[38;2;1;2;3mx\x1b[0m\x1b[?25l\x1b[2K\x1b(B\x1b=\x1b7y"), "xy");
        assert_eq!(cleaned("x\x1b[1Cy\x1b[4Cz\x1b[900Cw"), "x y    z      w");
        assert_eq!(cleaned("50%\x1b[Gdone\x1b[1G"), "50%\rdone\r");
    }

    #[test]
    fn strings_with_an_end() {
        assert_eq!(cleaned("[\x1b]8;;https://example.org/x\x1b\\-Wfoo\x1b]8;;\x1b\\]"), "[-Wfoo]");
        assert_eq!(cleaned("[\x1b]8;;https://example.org/x\x07-Wfoo\x1b]8;;\x07]"), "[-Wfoo]");
        assert_eq!(cleaned("\x1b]0;title\x07a.c"), "a.c");
        assert_eq!(cleaned("\x1b_bk;t=1790000000123\x07a.c"), "a.c");
        assert_eq!(cleaned("Started by \x1b[8mha:////4H+abc=\x1b[0madmin"), "Started by admin");
    }

    #[test]
    fn broken_sequences_lose_nothing_else() {
        assert_eq!(cleaned("x\x1b]8;;y"), "x8;;y");
        assert_eq!(cleaned("x\x1b]8;;y\x1b[0mz"), "x8;;yz");
        assert_eq!(cleaned("x\x1b"), "x");
        assert_eq!(cleaned("x\x1b[01;3"), "x");
        assert_eq!(cleaned("x\x1b[1é"), "xé");
        assert_eq!(cleaned("x\x1bé"), "xé");
    }

    #[test]
    fn overstrikes() {
        assert_eq!(cleaned("b\x08bo\x08ol\x08ld"), "bold");
        assert_eq!(cleaned("_\x08u_\x08n"), "un");
        assert_eq!(cleaned("é\x08éx"), "éx");
        assert_eq!(cleaned(" 10%\x08\x08\x08\x08 20%\x08"), " 20%");
        assert_eq!(cleaned("\x08\x08x"), "x");
        assert_eq!(cleaned("ab\r\x08c"), "ab\rc");
        assert_eq!(cleaned("a\x00b\x0cc\x7fd\te"), "abcd\te");
    }

    #[test]
    fn controls_are_told_apart() {
        assert_eq!(controls(b"abc"), Controls::default());
        assert!(controls(b"a\tb").tab);
        assert!(controls(b"a\rb").cr);
        assert!(controls(&[b'x'; 200]) == Controls::default());
        assert!(controls(b"a\x1bb").other && controls(b"\x7f").other && controls(b"\x00").other);
        assert!(!controls("é".as_bytes()).other);
    }

    #[test]
    fn a_long_line_of_unfinished_strings_is_linear() {
        let mut text = b"\x1b]".repeat(200_000);
        clean(&mut text);
        assert!(text.is_empty());
        let mut text = b"x\x08".repeat(200_000);
        clean(&mut text);
        assert_eq!(text, b"x");
    }
}
