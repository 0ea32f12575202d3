//! Mails and mailboxes: the text parts decoded, the attachments opened.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, BufRead, Read};
use std::panic;
use std::sync::LazyLock;

use mail_parser::decoders::html::html_to_text;
use mail_parser::{HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType};
use memchr::{memchr, memchr_iter};

use super::reader::Peek;
use super::{MIB, Walk, inside, shown};

/// The most that the headers of a mail may take.
pub(super) const HEADERS_MAX: usize = 64 << 10;
/// A larger message is read as plain text.
const MESSAGE_MAX: u64 = 64 * MIB;
/// A message of more lines is read as plain text: each could be a part or a header, and takes much
/// more memory as such.
const LINES_MAX: usize = 1_000_000;
/// A longer line is read in pieces.
const LINE_MAX: usize = 64 << 10;
/// A message of more parts is read as plain text; a large one of fewer.
const PARTS_MAX: usize = 100;
const LARGE_PARTS_MAX: usize = 16;
/// How many bytes may be gone through to find the ends of all parts.
const PARTS_WORK_MAX: usize = 1 << 30;

/// Decodes the headers that are needed and skips the others.
static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .with_mime_headers()
        .header_id(HeaderName::MessageId)
        .header_text(HeaderName::Subject)
        .default_header_ignore()
});

/// Headers that a mail has; those that no other text begins with first.
const HEADERS: [&str; 24] = [
    "from",
    "subject",
    "message-id",
    "received",
    "return-path",
    "delivered-to",
    "to",
    "cc",
    "date",
    "reply-to",
    "sender",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-id",
    "list-archive",
    "user-agent",
    "precedence",
    "dkim-signature",
    "authentication-results",
    "arc-seal",
    "envelope-to",
];
/// How many of [`HEADERS`] are such that a mail has at least one of them.
const STRONG: usize = 6;

/// Which of [`HEADERS`] a line is: its place there, or `None` inside for another header. None for
/// a line that is no header.
fn header(line: &[u8]) -> Option<Option<usize>> {
    let colon = memchr(b':', &line[..line.len().min(80)])?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let named = name.first()?.is_ascii_alphabetic() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    let known = HEADERS.iter().position(|header| header.as_bytes().eq_ignore_ascii_case(name));
    // `make: …` and `error: …` are no headers.
    let spaced = matches!(value.first(), None | Some(b' ' | b'\t' | b'\r'));
    let usual = known.is_some() || name.contains(&b'-') || (spaced && name[0].is_ascii_uppercase());
    (named && usual).then_some(known)
}

/// A cheap look at the first line: could this be a mail or a mailbox?
pub(super) fn may_begin(head: &[u8]) -> bool {
    let line = &head[..memchr(b'\n', head).unwrap_or(head.len())];
    line.starts_with(b"From ")
        || header(line).is_some_and(|known| {
            known.is_some() || line.starts_with(b"X-") || line.starts_with(b"ARC-") || line.starts_with(b"List-")
        })
}

/// True where a line that begins with `From ` and then a mail's headers stand.
pub(super) fn begins_mbox(head: &[u8]) -> bool {
    head.starts_with(b"From ") && memchr(b'\n', head).is_some_and(|end| begins_message(&head[end + 1..]))
}

/// True where there are the headers of a mail and nothing else, up to an empty line.
pub(super) fn begins_message(head: &[u8]) -> bool {
    let mut seen = [false; HEADERS.len()];
    let mut lines = head.split_inclusive(|&b| b == b'\n').enumerate();
    let ended = lines.find_map(|(number, line)| match line {
        b"\n" | b"\r\n" => Some(true),
        [b' ' | b'\t', ..] if number > 0 => None,
        _ => match header(line.strip_suffix(b"\n").unwrap_or(line)) {
            Some(Some(known)) => {
                seen[known] = true;
                None
            }
            Some(None) => None,
            None => Some(false),
        },
    });
    ended == Some(true) && seen[..STRONG].contains(&true) && seen.iter().filter(|seen| **seen).count() >= 2
}

/// The line between two messages of a mailbox: `From someone Thu Jan  1 00:00:00 1970`.
fn is_separator(line: &[u8]) -> bool {
    if !line.starts_with(b"From ") || line.len() > 512 {
        return false;
    }
    let digits = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    let (mut time, mut year) = (false, false);
    for word in line.split(u8::is_ascii_whitespace).skip(2) {
        time |= word.contains(&b':') && word.split(|&b| b == b':').all(digits);
        year |= word.len() == 4 && digits(word);
    }
    time && year
}

/// The lines of one message after another.
struct Lines<'m, 'r> {
    input: &'m mut Peek<'r>,
    /// True for a mailbox, false for a single message.
    split: bool,
    /// The line, or a piece of a long one, with its ending.
    line: Vec<u8>,
    line_start: bool,
    after_blank: bool,
    /// The message is at its end.
    ended: bool,
    /// Another message follows.
    more: bool,
}

impl<'m, 'r> Lines<'m, 'r> {
    fn new(input: &'m mut Peek<'r>, split: bool) -> Self {
        Self { input, split, line: Vec::new(), line_start: true, after_blank: false, ended: false, more: false }
    }

    /// Reads the next line of the message; false at its end.
    fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        if self.ended {
            return Ok(false);
        }
        let is_start = self.line_start;
        loop {
            let bytes = self.input.fill_buf()?;
            let bytes = &bytes[..bytes.len().min(LINE_MAX - self.line.len())];
            let newline = memchr(b'\n', bytes);
            let count = newline.map_or(bytes.len(), |at| at + 1);
            self.line.extend_from_slice(&bytes[..count]);
            self.input.consume(count);
            self.line_start = newline.is_some();
            if self.line_start || count == 0 {
                break;
            }
        }
        if self.line.is_empty() {
            self.ended = true;
            return Ok(false);
        }
        if is_start && self.split {
            if self.after_blank && is_separator(&self.line) {
                self.line.clear();
                self.ended = true;
                self.more = true;
                return Ok(false);
            }
            let quotes = self.line.iter().take_while(|b| **b == b'>').count();
            if quotes > 0 && self.line[quotes..].starts_with(b"From ") {
                self.line.remove(0);
            }
        }
        self.after_blank = is_start && matches!(&self.line[..], b"\n" | b"\r\n");
        Ok(true)
    }

    /// Goes on with the next message.
    fn begin(&mut self) {
        self.ended = false;
        self.more = false;
        self.after_blank = false;
    }
}

/// What was read of a message, and then the rest of it.
struct Whole<'w, 'm, 'r> {
    read: &'w [u8],
    position: usize,
    lines: &'w mut Lines<'m, 'r>,
}

impl BufRead for Whole<'_, '_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.read.is_empty() {
            return Ok(self.read);
        }
        if self.position >= self.lines.line.len() {
            self.position = 0;
            self.lines.advance()?;
        }
        Ok(&self.lines.line[self.position..])
    }

    fn consume(&mut self, count: usize) {
        if self.read.is_empty() {
            self.position = (self.position + count).min(self.lines.line.len());
        } else {
            self.read = &self.read[count.min(self.read.len())..];
        }
    }
}

impl Read for Whole<'_, '_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

impl Walk<'_> {
    /// Gives on the text and the attachments of a mail, or of each mail of a mailbox.
    pub(super) fn mail(&mut self, name: &str, input: &mut Peek<'_>, mailbox: bool, depth: u8) -> io::Result<()> {
        let most = usize::try_from(MESSAGE_MAX.min(self.limits.buffered)).unwrap_or(usize::MAX);
        let mut lines = Lines::new(input, mailbox);
        if mailbox {
            lines.advance()?;
            lines.begin();
        }
        let mut number = 0;
        loop {
            number += 1;
            let plain_name = if mailbox { format!("{name} (message {number})") } else { name.to_owned() };
            let mut message = Vec::new();
            while message.len() <= most && lines.advance()? {
                message.extend_from_slice(&lines.line);
            }
            if message.len() > most {
                self.shared
                    .problem(&plain_name, format!("is a mail of more than {most} bytes; it was read as plain text"));
                lines.line.clear();
                let mut whole = Whole { read: &message, position: 0, lines: &mut lines };
                self.plain(&plain_name, &mut whole)?;
                while lines.advance()? {}
            } else if !message.is_empty() {
                self.message(name, &plain_name, &message, depth)?;
            }
            if !lines.more || self.shared.full.get() {
                return Ok(());
            }
            lines.begin();
        }
    }

    fn message(&mut self, name: &str, plain_name: &str, bytes: &[u8], depth: u8) -> io::Result<()> {
        let parts_max = (PARTS_WORK_MAX / bytes.len().max(1)).clamp(LARGE_PARTS_MAX, PARTS_MAX);
        let unlikely = if has_more_parts(bytes, parts_max) {
            Some(format!("more than {parts_max} parts"))
        } else if memchr_iter(b'\n', bytes).nth(LINES_MAX).is_some() {
            Some(format!("more than {LINES_MAX} lines"))
        } else {
            None
        };
        if let Some(what) = unlikely {
            self.shared.problem(plain_name, format!("is a mail with {what}; it was read as plain text"));
            return self.plain(plain_name, &mut &*bytes);
        }
        // The parser checks itself with assertions where tests are built, and hostile mails can
        // break them.
        match panic::catch_unwind(|| PARSER.parse(bytes)).ok().flatten() {
            Some(message) => self.parts(name, plain_name, &message, depth),
            None => self.plain(plain_name, &mut &*bytes),
        }
    }

    fn parts(&mut self, name: &str, plain_name: &str, message: &Message<'_>, depth: u8) -> io::Result<()> {
        let id = message.message_id().or_else(|| message.subject()).map(shown);
        let id = id.as_deref().unwrap_or("no message-id");
        let parts = |ids: &[u32]| -> Vec<_> { ids.iter().filter_map(|id| message.part(*id)).collect() };
        // An image that is shown between the text is in both lists.
        let mut bodies = parts(&message.text_body);
        bodies.retain(|part| matches!(part.body, PartType::Text(_) | PartType::Html(_)));
        let attachments = parts(&message.attachments);
        let alone = bodies.len() + attachments.len() == 1;
        let mut number = 0;
        let mut given = false;
        for (is_attachment, part) in
            bodies.into_iter().map(|part| (false, part)).chain(attachments.into_iter().map(|part| (true, part)))
        {
            number += 1;
            let mut label = format!("{name} ({id}, part {number})");
            if let Some(file) = part.attachment_name().filter(|_| is_attachment) {
                label = inside(&label, file);
            }
            let text = match &part.body {
                PartType::Text(text) => Cow::Borrowed(text.as_ref()),
                PartType::Html(html) => Cow::Owned(html_lines(html)),
                PartType::Binary(_) | PartType::InlineBinary(_) if is_signature(part) => continue,
                PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                    given = true;
                    self.stream(&label, &mut bytes.as_ref(), depth + 1)?;
                    continue;
                }
                PartType::Message(inner) if depth + 1 < self.limits.depth => {
                    given = true;
                    self.parts(&label, &label, inner, depth + 1)?;
                    continue;
                }
                PartType::Message(_) => {
                    given = true;
                    self.leave_out(&label, format!("is inside more than {depth} other containers"))?;
                    continue;
                }
                PartType::Multipart(_) => continue,
            };
            if alone || !text.trim_ascii().is_empty() {
                given = true;
                self.plain(&label, &mut text.as_bytes())?;
            }
        }
        // Parts that are announced and not there: what is there instead is given as it is.
        if given { Ok(()) } else { self.plain(plain_name, &mut raw_body(message)) }
    }
}

/// True for more parts than a mail has: the parser looks for the end of each in all that follows,
/// and what frees nested messages goes down into them one by one. A nested part cannot do without
/// this header.
fn has_more_parts(bytes: &[u8], most: usize) -> bool {
    let is_header = |dash: &usize| {
        bytes[..*dash].last_chunk::<7>().is_some_and(|word| word.eq_ignore_ascii_case(b"content"))
            && bytes[dash + 1..].first_chunk::<4>().is_some_and(|word| word.eq_ignore_ascii_case(b"type"))
    };
    memchr_iter(b'-', bytes).filter(is_header).nth(most).is_some()
}

/// All below the headers of a message, not decoded.
fn raw_body<'m>(message: &'m Message<'_>) -> &'m [u8] {
    let range = message.parts.first().map(|part| part.raw_body_offset() as usize..part.raw_end_offset() as usize);
    range.and_then(|range| message.raw_message.get(range)).unwrap_or_default()
}

/// True for the signature of a signed mail: no log, and no loss.
fn is_signature(part: &MessagePart<'_>) -> bool {
    ["pgp-signature", "pkcs7-signature", "x-pkcs7-signature"]
        .iter()
        .any(|kind| part.is_content_type("application", kind))
}

/// The text of a web page; unlike the parser's own, with the lines of `<pre>` and of blocks kept.
fn html_lines(html: &str) -> String {
    let mut out = String::with_capacity(html.len() + html.len() / 8);
    let mut is_preformatted = false;
    let mut rest = html;
    while let Some(open) = memchr(b'<', rest.as_bytes()) {
        push_text(&mut out, &rest[..open], is_preformatted);
        rest = &rest[open..];
        let Some(close) = memchr(b'>', rest.as_bytes()) else { break };
        let tag = &rest[..=close];
        rest = &rest[close + 1..];
        let name = tag[1..close].split(|c: char| c.is_ascii_whitespace()).next().unwrap_or("").to_ascii_lowercase();
        out.push_str(tag);
        match name.as_str() {
            "pre" => is_preformatted = true,
            "/pre" => {
                is_preformatted = false;
                out.push_str("<br>");
            }
            "/div" | "/tr" | "/li" | "/h1" | "/h2" | "/h3" | "/h4" => out.push_str("<br>"),
            _ => {}
        }
    }
    push_text(&mut out, rest, is_preformatted);
    html_to_text(&out)
}

fn push_text(out: &mut String, text: &str, is_preformatted: bool) {
    if !is_preformatted {
        out.push_str(text);
        return;
    }
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(line) => {
                let _ = write!(out, "{line}<br>");
            }
            None => out.push_str(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, read_with};
    use super::super::{Limits, Problem};
    use super::*;

    const SIMPLE: &str = "Received: from a by b;\n\tThu, 1 Jan 2026 00:00:00 +0000\nFrom: A <a@example.org>\n\
        Subject: build failed\nMessage-ID: <1@example.org>\n\na.c:1:2: error: x\n";

    #[test]
    fn told_from_logs() {
        assert!(begins_message(SIMPLE.as_bytes()));
        assert!(begins_message(SIMPLE.replace('\n', "\r\n").as_bytes()));
        for log in [
            "Re: [PATCH] x\n\nFrom: A\nDate: today\n\ntext\n",
            "Date: today\nTo: nobody\n\ntext\n",
            "Subject: x\ncc -c a.c\nFrom: y\n\n",
            "From: a\nSubject: b\n",
            "make: Entering directory 'x'\nFrom: a\nSubject: b\n\n",
            "Subject: x\na-b:12: y\nsed:1: z\nFrom: y\n\n",
            "From https://example.org/x\n * branch master -> FETCH_HEAD\n\n",
        ] {
            assert!(!begins_message(log.as_bytes()) && !begins_mbox(log.as_bytes()), "{log}");
            assert_eq!(read("log", log.as_bytes()).0, [("log".to_owned(), log.to_owned())]);
        }
    }

    #[test]
    fn single() {
        let (members, problems) = read("m.eml", SIMPLE.as_bytes());
        assert_eq!(members, [("m.eml (1@example.org, part 1)".to_owned(), "a.c:1:2: error: x\n".to_owned())]);
        assert_eq!(problems, []);
    }

    #[test]
    fn headers_longer_than_the_first_look() {
        let mail = format!("X-Spam: {}{SIMPLE}", "word\n ".repeat(3000) + "end\n");
        assert_eq!(read("m", mail.as_bytes()).0[0].1, "a.c:1:2: error: x\n");
    }

    #[test]
    fn parts_are_decoded_and_attachments_opened() {
        let packed = super::super::tests::gzip(b"ld: cannot find -lfoo\n");
        let base64 = encode_base64(&packed);
        let mail = format!(
            "From: a@example.org\nSubject: =?utf-8?q?fehl=C3=A9?=\nMIME-Version: 1.0\n\
             Content-Type: multipart/mixed; boundary=\"b\"\n\n\
             --b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n\
             gr=F6=DFe.c:1: error: a=\nb\n\n\
             --b\nContent-Type: application/gzip; name=\"x.gz\"\nContent-Transfer-Encoding: base64\n\n{base64}\n\
             --b\nContent-Type: text/x-log\nContent-Disposition: attachment; filename=\"../b\u{1b}.log\"\n\ncc1: error\n\
             --b\nContent-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----\n\
             --b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n\
             --b--\n"
        );
        let (members, problems) = read("m", mail.as_bytes());
        assert_eq!(
            members,
            [
                ("m (fehlé, part 1)".to_owned(), "größe.c:1: error: ab\n".to_owned()),
                ("m (fehlé, part 2)/x.gz".to_owned(), "ld: cannot find -lfoo\n".to_owned()),
                ("m (fehlé, part 3)/../b\u{fffd}.log".to_owned(), "cc1: error".to_owned()),
            ]
        );
        let image = Problem { name: "m (fehlé, part 5)".into(), message: "is not text (a PNG image)".into() };
        assert_eq!(problems, [image]);
    }

    #[test]
    fn forwarded_and_html_only() {
        let mail = "From: a@example.org\nMessage-ID: <o@x>\nContent-Type: multipart/mixed; boundary=q\n\n\
             --q\nContent-Type: message/rfc822\n\nFrom: b@example.org\nMessage-ID: <i@x>\nContent-Type: text/html\n\n\
             <html><body><p>It fails:</p><pre>a.c:1: error: &lt;x&gt;\nmake: *** [a.o] Error 1\n</pre>\n--q--\n";
        let (members, _) = read("m", mail.as_bytes());
        assert_eq!(members.len(), 1);
        assert_eq!(members[0].0, "m (o@x, part 1) (i@x, part 1)");
        let lines: Vec<_> = members[0].1.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, ["It fails:", "a.c:1: error: <x>", "make: *** [a.o] Error 1"]);
    }

    #[test]
    fn mailbox() {
        let separator = "From mboxrd@z Thu Jan  1 00:00:00 1970\n";
        let second = SIMPLE.replace("<1@", "<2@");
        let mbox =
            format!("{separator}{SIMPLE}\n>From here\n>>From there\n> From far\nFrom now on\n\n{separator}{second}");
        let (members, problems) = read("l.mbox", mbox.as_bytes());
        assert_eq!(problems, []);
        let body = "a.c:1:2: error: x\n";
        assert_eq!(
            members,
            [
                (
                    "l.mbox (1@example.org, part 1)".to_owned(),
                    format!("{body}\nFrom here\n>From there\n> From far\nFrom now on\n\n")
                ),
                ("l.mbox (2@example.org, part 1)".to_owned(), body.to_owned()),
            ]
        );
    }

    #[test]
    fn a_large_message_is_plain_text() {
        let separator = "From a@example.org Thu Jan  1 00:00:00 2026\n";
        let large = format!("{SIMPLE}{}", "cc -c a.c\n".repeat(300));
        let mbox = format!("{separator}{large}\n{separator}{SIMPLE}");
        let limits = Limits { buffered: 2000, ..Limits::default() };
        let (members, problems) = read_with("m", mbox.as_bytes(), limits);
        assert_eq!(members[0], ("m (message 1)".to_owned(), format!("{large}\n")));
        assert_eq!(members[1].0, "m (1@example.org, part 1)");
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn deep_nesting_is_plain_text() {
        let level = "From: a\nContent-type: message / rfc822\n\n";
        let mail = level.repeat(100_000);
        let (members, problems) = read("m", mail.as_bytes());
        assert_eq!(members, [("m".to_owned(), mail)]);
        assert_eq!(problems.len(), 1);
        let (members, problems) = read("m", level.repeat(PARTS_MAX).as_bytes());
        assert_eq!((members.len(), problems.len()), (0, 1), "too deep, and nothing in it");
    }

    #[test]
    fn parts_that_end_too_soon() {
        let mail = "From: a@example.org\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\
            Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\n\n--b--\n";
        read("m", mail.as_bytes());
    }

    #[test]
    fn parts_that_are_not_there() {
        let log = "a.c:1: error: x\n".repeat(3);
        let mail = format!("From: a@example.org\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n{log}");
        assert_eq!(read("m", mail.as_bytes()).0, [("m (x, part 1)".to_owned(), log.clone())]);
        let mail = mail.replace("\n\n", "\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n");
        let (members, _) = read("m", mail.as_bytes());
        assert!(members.len() == 1 && members[0].1.ends_with(&log), "{members:?}");
    }

    #[test]
    fn a_message_of_very_many_lines_is_plain_text() {
        let mail = format!("{SIMPLE}{}", "x\n".repeat(LINES_MAX));
        let (members, problems) = read("m", mail.as_bytes());
        assert!(members[0].0 == "m" && members[0].1 == mail && problems.len() == 1);
    }

    fn encode_base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = String::new();
        for three in bytes.chunks(3) {
            let bits = three.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - three.len()));
            for digit in 0..4 {
                let at = (bits >> (18 - 6 * digit)) & 63;
                out.push(if digit <= three.len() { char::from(DIGITS[at as usize]) } else { '=' });
            }
        }
        out
    }
}
