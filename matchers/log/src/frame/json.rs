//! Logs of which each line is a record: LAVA's `- {"dt": …, "lvl": …, "msg": "text"}` and Docker's
//! `{"log":"text\n","stream":…}`.

use memchr::memmem;

/// Reads the text of a record into `text`. False, and `text` of no meaning, when `raw` is none.
pub(super) fn decode(raw: &[u8], text: &mut Vec<u8>) -> bool {
    text.clear();
    if let Some(value) = raw.strip_prefix(b"{\"log\":\"") {
        let known = string(value, text)
            .is_some_and(|rest| rest.starts_with(b",\"stream\":") || rest.starts_with(b",\"time\":"));
        if text.last() == Some(&b'\n') {
            text.pop();
        }
        return known;
    }
    let record = raw.strip_prefix(b"- ").unwrap_or(raw);
    if !record.starts_with(b"{\"dt\": ") && !record.starts_with(b"{dt: ") {
        return false;
    }
    let head = &record[..record.len().min(256)];
    if let Some(at) = memmem::find(head, b"\"msg\": \"") {
        return string(&record[at + 8..], text) == Some(b"}");
    }
    let Some(at) = memmem::find(head, b", msg: ") else { return false };
    let Some(value) = record[at + 7..].strip_suffix(b"}") else { return false };
    match value {
        [b'"', value @ ..] => string(value, text) == Some(b""),
        [b'\'', value @ .., b'\''] => {
            let mut quoted = false;
            for &byte in value {
                quoted = byte == b'\'' && !quoted;
                if !quoted {
                    text.push(byte);
                }
            }
            true
        }
        [b'[' | b'{', ..] => false,
        _ => {
            text.extend_from_slice(value);
            true
        }
    }
}

/// Reads a JSON string whose opening quote is gone; gives what follows its closing quote.
fn string<'t>(value: &'t [u8], text: &mut Vec<u8>) -> Option<&'t [u8]> {
    let mut at = 0;
    loop {
        let next = at + memchr::memchr2(b'"', b'\\', &value[at..])?;
        text.extend_from_slice(&value[at..next]);
        if value[next] == b'"' {
            return Some(&value[next + 1..]);
        }
        at = next + 2;
        match value.get(next + 1)? {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(0x08),
            b'f' => {}
            b'u' => {
                let mut code = unit(value, at)?;
                at += 4;
                if (0xd800..0xdc00).contains(&code)
                    && value.get(at..at + 2) == Some(b"\\u")
                    && let Some(low @ 0xdc00..0xe000) = unit(value, at + 2)
                {
                    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    at += 6;
                }
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            // YAML's double-quoted strings have it too.
            b'e' => text.push(0x1b),
            &other => text.push(other),
        }
    }
}

/// The four hexadecimal digits at `at`.
fn unit(value: &[u8], at: usize) -> Option<u32> {
    value.get(at..at + 4)?.iter().try_fold(0, |code, &digit| Some(code * 16 + char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records() {
        let cases: &[(&str, Option<&str>)] = &[
            (
                r#"- {"dt": "2026-08-20T10:11:12.123456", "lvl": "target", "msg": "a.c:3:5: error: \"x\""}"#,
                Some("a.c:3:5: error: \"x\""),
            ),
            (
                r#"{"dt": "2026-08-20T10:11:12.123456", "lvl": "target", "msg": "\u00e9\ud83d\ude00\ud83d\u001b[0m\\ \t"}"#,
                Some("é😀\u{fffd}\x1b[0m\\ \t"),
            ),
            (r#"- {"dt": "2026-08-20T10:11:12.123456", "lvl": "results", "msg": {"case": "x"}}"#, None),
            (r#"- {dt: '2026-08-20T10:11:12.123456', lvl: target, msg: 'it''s'}"#, Some("it's")),
            (r#"- {dt: 2026-08-20T10:11:12.123456, lvl: target, msg: "x\ey"}"#, Some("x\x1by")),
            (r#"- {dt: 2026-08-20T10:11:12.123456, lvl: target, msg: plain text}"#, Some("plain text")),
            (r#"- {dt: 2026-08-20T10:11:12.123456, lvl: results, msg: {case: x}}"#, None),
            (r#"{"log":"  CC      a.o\n","stream":"stdout","time":"2026-08-20T10:11:12Z"}"#, Some("  CC      a.o")),
            (r#"{"log":"x"}"#, None),
            (r#"{"kind": "error", "message": "x"}"#, None),
            (r#"[{"kind": "error"}]"#, None),
        ];
        let mut text = Vec::new();
        for (raw, expected) in cases {
            let found = decode(raw.as_bytes(), &mut text).then(|| String::from_utf8_lossy(&text).into_owned());
            assert_eq!(found.as_deref(), *expected, "{raw}");
            for end in 0..raw.len() {
                decode(&raw.as_bytes()[..end], &mut text);
                assert!(text.len() <= end);
            }
        }
    }
}
