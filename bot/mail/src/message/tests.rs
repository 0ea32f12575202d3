use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const PATCH: &str = "Return-Path: <alice@example.org>\r
Received: from x by y; Mon, 23 Nov 2026 06:01:00 +0000\r
From: =?utf-8?q?Zo=C3=AB?= Dev <alice@example.org>\r
To: linux-kernel@vger.kernel.org, \"Bob, the builder\" <bob@example.org>\r
Cc: broken@@example.org, Carol <carol@example.org>\r
Subject: [PATCH v2 1/2] foo:\r
\tadd =?utf-8?b?w7Y=?=\r
Date: Mon, 23 Nov 2026 06:01:00 +0100\r
Message-ID: <20261123-foo-v2-1-abc@example.org>\r
In-Reply-To: <20261123-foo-v2-0-abc@example.org>\r
References: <20261101-foo-v1-0-abc@example.org>\r
 <20261123-foo-v2-0-abc@example.org>\r
List-Id: Kernel <Linux-Kernel.vger.kernel.org>\r
List-Post: <mailto:linux-kernel@vger.kernel.org>\r
Content-Type: text/plain; charset=iso-8859-1\r
Content-Transfer-Encoding: quoted-printable\r
\r
caf=E9\r
---\r
 a b=20\r
";

fn parse(text: &str) -> Message {
    Message::parse(text.as_bytes())
}

fn addresses(list: &[Mailbox]) -> Vec<&str> {
    list.iter().map(|mailbox| mailbox.address().as_str()).collect()
}

#[test]
fn reads_a_patch() {
    let message = parse(PATCH);
    let from = message.from.as_ref().unwrap();
    assert_eq!((from.name(), from.address().as_str()), (Some("Zoë Dev"), "alice@example.org"));
    assert_eq!(addresses(&message.to), ["linux-kernel@vger.kernel.org", "bob@example.org"]);
    assert_eq!(message.to[1].name(), Some("Bob, the builder"));
    assert_eq!(addresses(&message.cc), ["carol@example.org"]);
    assert_eq!(message.subject, "[PATCH v2 1/2] foo: add ö");
    assert_eq!(message.date, Some(1_795_410_060));
    assert_eq!(message.message_id.as_ref().unwrap().as_str(), "20261123-foo-v2-1-abc@example.org");
    assert_eq!(message.parent().unwrap().as_str(), "20261123-foo-v2-0-abc@example.org");
    assert_eq!(message.references.len(), 2);
    assert_eq!(message.list_ids, ["linux-kernel.vger.kernel.org"]);
    assert_eq!(message.list_posts[0].as_str(), "linux-kernel@vger.kernel.org");
    assert_eq!(message.return_path, Some(ReturnPath::Address(Address::parse("alice@example.org").unwrap())));
    assert_eq!(message.text, "café\n---\n a b \n");
    assert_eq!(message.header("CONTENT-type"), Some("text/plain; charset=iso-8859-1"));
    assert_eq!(message.headers[1].name, "Received");
    assert_eq!((message.parts.len(), message.problems.len()), (0, 0));
    assert_eq!(message.size, PATCH.len() as u64);
    let stored = serde_json::to_string(&message).unwrap();
    assert_eq!(serde_json::from_str::<Message>(&stored).unwrap(), message);
}

#[test]
fn the_automatic_is_told_by_its_headers() {
    let message = parse(
        "Return-Path: <>\nAuto-Submitted: auto-replied\n (vacation)\nPrecedence: bulk\nX-Loop: a\nx-loop: b\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n\
         --x\n\nIt failed.\n--x\nContent-Type: message/delivery-status\n\nStatus: 5.1.1\n\n\
         --x\nContent-Type: message/rfc822\n\nSubject: [PATCH] own\nMessage-ID: <other@x>\n\ninner\n--x--\n",
    );
    assert_eq!(message.return_path, Some(ReturnPath::Null));
    assert_eq!(message.header("auto-submitted"), Some("auto-replied (vacation)"));
    assert_eq!(message.headers_named("X-Loop").collect::<Vec<_>>(), ["a", "b"]);
    assert!(message.header("Content-Type").unwrap().contains("report-type=delivery-status"));
    assert_eq!(message.text, "It failed.");
    let types: Vec<_> = message.parts.iter().map(|part| part.content_type.as_str()).collect();
    assert_eq!(types, ["message/delivery-status", "message/rfc822"]);
    assert_eq!((message.message_id, message.subject.as_str()), (None, ""));
}

#[test]
fn an_attached_patch_is_found() {
    let diff = "--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n";
    let message = parse(&format!(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nSee there.\n\
         --x\nContent-Type: text/x-patch; name=\"../0001.patch\"\nContent-Disposition: attachment\n\n{diff}\n--x--\n"
    ));
    assert_eq!(message.text, "See there.");
    assert_eq!(message.patch_text(), diff);
    assert_eq!(message.parts.len(), 1);
    assert_eq!(message.parts[0].name.as_deref(), Some(".._0001.patch"));
}

#[test]
fn html_is_read_where_there_is_nothing_else() {
    let html = "Content-Type: text/html\n\n<p>one</p><p>&lt;two&gt;</p>";
    assert_eq!((parse(html).text.trim(), parse(html).text_is_html), ("one\n<two>", true));
    let both = parse(
        "Content-Type: multipart/alternative; boundary=x\n\n--x\n\nplain\n--x\nContent-Type: text/html\n\n<b>no</b>\n--x--\n",
    );
    assert_eq!((both.text.as_str(), both.text_is_html), ("plain", false));
}

#[test]
fn headers_cannot_be_injected() {
    // "\r\nBcc: x@y.z" in encoded words, a name, an address, an id.
    let message = parse(
        "From: =?utf-8?q?a=0D=0ABcc:_x=40y.z?= <a@b.c>\nTo: \"a\\\r\nb\" <=?utf-8?q?x=0A?=@b.c>, <c@d.e\0>\n\
         Subject: =?utf-8?b?eA0KQmNjOiB4QHkueg0KDQpib2R5?=\nMessage-ID: <a\u{1}@b>\nReferences: <a\r\n b@c> <d\u{7f}@e>\n\nx",
    );
    assert_eq!(message.from.as_ref().unwrap().name(), Some("a Bcc: x@y.z"));
    assert_eq!(message.subject, "x Bcc: x@y.z body");
    assert_eq!(message.message_id, None);
    let references: Vec<_> = message.references.iter().map(MessageId::as_str).collect();
    assert_eq!(references, ["ab@c"]);
    check(&message);
}

#[test]
fn repeated_headers_are_told() {
    let message = parse("From: a@b.c\nFrom: evil@b.c\nSubject: one\nSubject: two\n\n");
    assert_eq!(message.from.unwrap().address().as_str(), "a@b.c");
    assert_eq!((message.subject.as_str(), message.problems), ("one", vec![Problem::RepeatedHeader]));
}

#[test]
fn a_list_in_place_of_the_sender_is_looked_through() {
    let munged = "From: Zoe via List <list@x.y>\nReply-To: list@x.y, Zoe <zoe@x.y>\nList-Post: <mailto:list@x.y>\n\n";
    let person = |text: &str| parse(text).person().map(|person| person.address().to_string());
    assert_eq!(person(munged).as_deref(), Some("zoe@x.y"));
    assert_eq!(person(&munged.replace(", Zoe <zoe@x.y>", "")).as_deref(), Some("list@x.y"));
    assert_eq!(
        person("From: zoe@x.y\nReply-To: other@x.y\nList-Post: <mailto:list@x.y>\n\n").as_deref(),
        Some("zoe@x.y")
    );
    assert_eq!(person("To: a@b.c\n\n"), None);
}

#[test]
fn what_is_no_mail_is_an_empty_message() {
    for raw in [&b""[..], b"\n", b"\n\n\n", b"no colon", b"\0\0\0", b"\xff\xfe"] {
        let message = Message::parse(raw);
        assert_eq!(message.problems, [Problem::NoHeader], "{raw:?}");
    }
}

/// Nothing that leaves is longer or other than promised.
fn check(message: &Message) {
    let lines = message.headers.iter().flat_map(|field| [&field.name, &field.value]).chain([&message.subject]);
    for line in lines {
        assert!(!line.chars().any(char::is_control) && line.chars().count() <= HEADER_MAX + 1, "{line:?}");
    }
    assert!(message.text.len() <= TEXT_MAX && !message.text.contains(['\r', '\0']));
    assert!(message.parts.len() <= PARTS_MAX && message.headers.len() <= HEADERS_MAX);
    assert!(message.references.len() <= REFERENCES_MAX && message.to.len() <= ADDRESSES_MAX);
    for mailbox in message.to.iter().chain(&message.from) {
        assert!(mailbox.to_string().chars().all(|character| !character.is_control()));
    }
}

/// Parses within a time that only a linear reader keeps, even in a debug build on a busy machine.
fn quick(name: &str, raw: &[u8]) -> Message {
    let start = Instant::now();
    let message = Message::parse(raw);
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_secs(10), "{name}: {elapsed:?} for {} bytes", raw.len());
    check(&message);
    message
}

#[test]
fn bombs_are_cut() {
    let nested = |of: &str| {
        let level = |n: usize| format!("Content-Type: {of}; boundary=b{n}\n\n--b{n}\n");
        (0..20_000).map(level).collect::<String>()
    };
    assert!(quick("nested", nested("multipart/mixed").as_bytes()).problems.contains(&Problem::TooManyParts));
    quick("digests", nested("multipart/digest").as_bytes());
    quick("messages", "Content-Type: message/rfc822\n\n".repeat(100_000).as_bytes());

    let head = "Content-Type: multipart/mixed; boundary=x\n\n";
    let parts = format!("{head}{}", "--x\nContent-Type: text/plain\n\nhello\n".repeat(1000));
    let message = quick("a thousand parts", parts.as_bytes());
    assert!(message.problems.contains(&Problem::TooManyParts) && message.text == "hello");
    let digest = head.replace("mixed", "digest");
    quick("silent parts", format!("{digest}{}", "--x\n\n\n".repeat(1_000_000)).as_bytes());
    quick("dashes", format!("{}{}", head.replace("=x", "=\"- \""), "--- \n\na\n".repeat(1_000_000)).as_bytes());
    let endless = format!("{head}{}", "--x\nContent-Type: multipart/mixed; boundary=never\n\n".repeat(200_000));
    quick("boundaries that never come", endless.as_bytes());

    quick("a long header", format!("Subject: {}\n\n", "a".repeat(20 << 20)).as_bytes());
    quick("many headers", "X: y\n".repeat(3_000_000).as_bytes());
    quick("folded headers", format!("References:{}\n\n", "\n <a@b>".repeat(2_000_000)).as_bytes());
    quick("addresses", format!("To: {}\n\n", "a@b.c, ".repeat(140_000)).as_bytes());
    quick("open comments", format!("To: {}\n\n", "(".repeat(1_000_000)).as_bytes());
    quick("open quotes", format!("To: {}\n\n", "\"<".repeat(500_000)).as_bytes());
    quick("groups", format!("To: {}\n\n", "a:".repeat(500_000)).as_bytes());
    quick("encoded words", format!("Subject: {}\n\n", "=?utf-8?q?=41?= ".repeat(60_000)).as_bytes());
    quick("begun words", format!("Subject: {}\n\n", "=?utf-8?q?".repeat(100_000)).as_bytes());
    quick("parameters", format!("Content-Type: a/b; {}\n\n", "a*0*=b; ".repeat(100_000)).as_bytes());
    quick("tags", format!("Content-Type: text/html\n\n{}", "<a <".repeat(2_000_000)).as_bytes());
    quick("entities", format!("Content-Type: text/html\n\n{}", "&am".repeat(3_000_000)).as_bytes());
}

#[test]
fn fifty_megabytes_are_read_to_a_limit() {
    let line = "all work and no play makes a dull mail\n";
    let body = line.repeat((50 << 20) / line.len());
    let message = quick("text", format!("Subject: big\n\n{body}").as_bytes());
    assert!(message.problems.contains(&Problem::TooLong) && message.problems.contains(&Problem::TextCut));
    assert_eq!(message.subject, "big");
    let base64 = format!("Content-Transfer-Encoding: base64\n\n{}", "QUJDREVGR0hJSktM\n".repeat(3_000_000));
    quick("base64", base64.as_bytes());
    quick(
        "quoted",
        format!("Content-Transfer-Encoding: quoted-printable\n\n{}", "=41=\n".repeat(10_000_000)).as_bytes(),
    );
    quick("noise", &vec![0xff; 50 << 20]);
    quick("line feeds", &vec![b'\n'; 50 << 20]);
}

#[test]
fn bad_charsets_are_read_somehow() {
    for charset in ["utf-7", "x-nothing", "utf-16", "iso-2022-jp", "\"\"", "utf-8*", "gb18030", "hz-gb-2312"] {
        let raw = format!("Subject: =?{charset}?b?/9j+/w==?=\nContent-Type: text/plain; charset={charset}\n\n");
        let mut raw = raw.into_bytes();
        raw.extend((0..=255_u8).cycle().take(2000));
        check(&Message::parse(&raw));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_message(raw in proptest::collection::vec(any::<u8>(), 0..2000)) {
        check(&Message::parse(&raw));
    }

    #[test]
    fn any_header_values_are_harmless(value in "(\\PC|[\r\n\t\0<>@:;,\"()=?]){0,200}", index in 0_usize..12) {
        let name = ["From", "To", "Subject", "Date", "Message-ID", "References", "Return-Path", "List-Id", "List-Post",
            "Content-Type", "Content-Transfer-Encoding", "Content-Disposition"][index];
        check(&Message::parse(format!("{name}: {value}\n\nbody").as_bytes()));
    }

    #[test]
    fn any_cut_of_a_mail_is_a_message(at in 0..PATCH.len(), byte in any::<u8>()) {
        let mut raw = PATCH.as_bytes().to_vec();
        raw[at] = byte;
        check(&Message::parse(&raw));
        check(&Message::parse(&raw[..at]));
    }

    #[test]
    fn any_date_is_a_date(date in "[A-Z][a-z]{2}, [0-9]{1,3} (Jan|Feb|Dec|Foo) [0-9]{1,6} [0-9]{1,3}:[0-9]{1,3}:[0-9]{1,4} [+-][0-9]{1,6}") {
        Message::parse(format!("Date: {date}\n\n").as_bytes());
    }
}
