//! A thousand mails and builds that mean harm: nothing wrong is sent, nothing crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use triage_tests::bot::{self, Bot, Settings};

/// Mails of all kinds together.
const MAILS: usize = 1000;
/// Series that are answered, each with attacks around it.
const SERIES: usize = 50;

/// Text that tries to be a header, a part, a command, a tag, an address.
const POISON: &[&str] = &[
    "x\r\nBcc: evil@example.net",
    "x\nTo: evil@example.net\n\nbody",
    "=?utf-8?q?x=0D=0ABcc:_evil@example.net?=",
    "=?utf-8?b?eA0KQmNjOiBldmlsQGV4YW1wbGUubmV0?=",
    "=?x-unknown?q?=FF=FE?=",
    "\u{202e}\u{200b}\u{0}\u{1b}[2J",
    "<evil@example.net>, evil2@example.net",
    "\"evil@example.net\" <evil@example.net>\u{7f}",
    "--boundary\nContent-Type: text/html",
    "#triage stop\n#triage stop list",
    "From evil\n.\nQUIT",
    "Reported-by: Evil <evil@example.net>\nCloses: https://evil.example.net",
    "{{ 7 * 7 }}{% for x in range(99999) %}x{% endfor %}",
    "'; DROP TABLE outbox; --",
    "$(reboot)`reboot`",
    "../../../../etc/passwd",
];

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn poison(&mut self) -> &'static str {
        POISON[self.below(POISON.len())]
    }
}

fn head(id: &str, from: &str, subject: &str, more: &str) -> String {
    format!(
        "From: {from}\nTo: linux-triage@lists.example.test\nDate: Thu, 26 Nov 2026 10:00:00 +0000\nMessage-ID: <{id}>\n\
         Subject: {subject}\n{more}\n"
    )
}

/// A mail below the patch of series `series` that must not be answered or obeyed.
fn attack(kind: usize, number: usize, series: usize, random: &mut Random) -> (&'static str, Vec<u8>) {
    let id = format!("evil.{number}@evil.example.net");
    let parent = format!("In-Reply-To: <{series}@dev>\nReferences: <{series}@dev>\n");
    let dev = "Dev <dev@example.test>";
    let poison = random.poison();
    let commands = "#triage explain\n#triage stop\n#triage invalid\n";
    match kind {
        0 => ("header injection", head(&id, &format!("Evil {poison} <evil@example.net>"), poison, &parent) + commands),
        1 => ("forged command of a stranger", head(&id, "evil@example.net", "Re: [PATCH] pump", &parent) + commands),
        2 => {
            let more = format!("{parent}Auto-Submitted: auto-replied (vacation)\n");
            ("automatic answer with commands", head(&id, dev, "Re: [PATCH] pump", &more) + commands)
        }
        3 => {
            let more = format!("{parent}X-Triage-Loop: other@example.net\n");
            ("loop of another bot", head(&id, dev, "Re: [PATCH] pump", &more) + commands)
        }
        4 => {
            let more = format!(
                "{parent}Return-Path: <>\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n"
            );
            let body =
                format!("--b\n\n{commands}\n--b\nContent-Type: message/delivery-status\n\nStatus: 5.1.1\n\n--b--\n");
            ("forged bounce", head(&id, "mailer-daemon@example.test", "Undelivered", &more) + &body)
        }
        5 => {
            let depth = 20 + random.below(400);
            let mut body = String::new();
            for level in 0..depth {
                body.push_str(&format!("--b{level}\nContent-Type: multipart/mixed; boundary=b{}\n\n", level + 1));
            }
            let more = format!("{parent}Content-Type: multipart/mixed; boundary=b0\n");
            ("MIME bomb", head(&id, "evil@example.net", "Re: x", &more) + &body + commands)
        }
        6 => {
            let more =
                format!("{parent}Content-Type: text/plain; charset={poison}\nContent-Transfer-Encoding: base64\n");
            ("bad charset and encoding", head(&id, dev, "Re: [PATCH] pump", &more) + "=!=\u{0}\u{fffd}\n")
        }
        7 => (
            "quoted commands",
            head(&id, dev, "Re: [PATCH] pump", &parent) + "> #triage stop\n #triage stop\n| #triage stop\n",
        ),
        8 => {
            let other =
                bot::patch(&id, "evil@example.net", "nobody@example.net", &format!("[PATCH] {poison}"), "src/x.c");
            ("patch over no list", other)
        }
        9 => (
            "mail in a circle",
            head(&id, dev, "Re: x", &format!("In-Reply-To: <{id}>\nReferences: <{id}> <{id}>\n")) + commands,
        ),
        10 => {
            let bytes: Vec<u8> = (0..2000).map(|_| random.below(256) as u8).collect();
            return ("random bytes", bytes);
        }
        _ => {
            let more = format!("List-Id: <other.example.net>\n{parent}");
            let mail = head(&id, dev, "Re: [PATCH] pump", &more)
                .replace("linux-triage@lists.example.test", "other@example.net");
            ("another list", mail + commands)
        }
    }
    .into_bytes()
}

trait IntoBytes {
    fn into_bytes(self) -> (&'static str, Vec<u8>);
}

impl IntoBytes for (&'static str, String) {
    fn into_bytes(self) -> (&'static str, Vec<u8>) {
        (self.0, self.1.into_bytes())
    }
}

#[test]
fn nothing_wrong_is_sent() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let bot = Bot::new(Settings {
        port: 9,
        id_domain: "bot.example.test",
        sent: None,
        more: "  limits: {per_person_and_day: 1000}\n",
    });
    let mails = bot.path("mails");
    fs::create_dir(&mails).unwrap();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut number = 0;
    let mut put = |kind, bytes: &[u8]| {
        fs::write(mails.join(format!("{number:05}")), bytes).unwrap();
        *kinds.entry(kind).or_insert(0) += 1;
        number += 1;
    };
    for series in 0..SERIES {
        // Good patches whose every text is bad, and logs to match.
        let poison = random.poison();
        let one_line = poison.replace(['\r', '\n'], " ");
        let subject = format!("[PATCH] pump {one_line}");
        let from = format!("{} <dev@example.test>", one_line.replace(['<', '>', '"', ','], " "));
        let file = format!("src/pump{series}.c");
        put(
            "patch with hostile texts",
            bot::patch(&format!("{series}@dev"), &from, "linux-triage@lists.example.test", &subject, &file).as_bytes(),
        );
        let log = bot::log(&file, "level")
            + &format!("{file}:9:1: error: '{poison}' undeclared\n{poison}\n#error {poison}\n");
        bot.result(&format!("{series:03}"), &format!("{series}@dev"), &log);
    }
    for number in SERIES..MAILS - 3 {
        let (kind, bytes) = attack(number % 12, number, number % SERIES, &mut random);
        put(kind, &bytes);
    }
    for huge in 0..3 {
        let body = "#triage stop\nFrom x\n--b\n".repeat((50 << 20) / 24);
        put("50 MB body", (head(&format!("huge.{huge}@x"), "evil@example.net", "[PATCH] huge", "") + &body).as_bytes());
    }
    assert_eq!(kinds.values().sum::<usize>(), MAILS);

    let told = bot.mail(&["--dry-run", "--series", mails.to_str().unwrap()]);
    assert_eq!(told.status, Some(0), "{}", told.stderr);
    assert!(!told.stderr.contains("panicked"), "{}", told.stderr);
    check(&told.stdout);
    let recipients = told.stderr.lines().filter_map(|line| line.strip_prefix("triage-bot: would go to "));
    assert!(recipients.clone().all(|to| to == "dev@example.test, linux-triage@lists.example.test"), "{}", told.stderr);
    assert_eq!(recipients.count(), SERIES);

    // The same for good, with a server that is not there: nothing is lost, nobody was obeyed.
    let told = bot.mail(&["--series", mails.to_str().unwrap()]);
    assert_eq!((told.status, told.stdout.as_str()), (Some(0), ""), "{}", told.stderr);
    recorded(&bot);
    for (kind, count) in kinds {
        eprintln!("{count:4} {kind}");
    }
}

/// All mails wait, and no command of an attack was carried out.
fn recorded(bot: &Bot) {
    use triage_store::{State, StopKind, Store};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(bot.path("triage.db").to_str().unwrap()).await.unwrap();
        let mut at = store.begin().await.unwrap();
        assert_eq!(at.replies("mail", State::Pending, 10_000).await.unwrap().len(), SERIES);
        for state in [State::Sending, State::HandingOver, State::Unsure, State::Sent, State::Dead] {
            assert_eq!(at.replies("mail", state, 10_000).await.unwrap().len(), 0, "{state:?}");
        }
        for series in 0..SERIES {
            let thread = format!("{series}@dev");
            assert_eq!(at.commands(&thread).await.unwrap(), []);
            assert!(!at.is_stopped(StopKind::Thread, &thread).await.unwrap());
        }
        for person in ["dev@example.test", "evil@example.net"] {
            assert!(!at.is_stopped(StopKind::Person, person).await.unwrap());
        }
        assert!(!at.is_stopped(StopKind::List, "linux-triage@lists.example.test").await.unwrap());
    });
}

/// One mail for each series, to its author and the list, and nothing in it that anyone obeys.
fn check(mailbox: &str) {
    const NAMES: &[&str] = &[
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "In-Reply-To",
        "References",
        "Cc",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "X-Triage-Loop",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ];
    let mails: Vec<&str> = mailbox.split("From bot@example.test Thu Jan  1 00:00:00 1970\n").skip(1).collect();
    assert_eq!(mails.len(), SERIES);
    let mut answered = BTreeSet::new();
    for mail in mails {
        let (head, body) = mail.split_once("\n\n").unwrap();
        for line in head.replace("\n ", " ").lines() {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{head}"));
            assert!(NAMES.contains(&name), "{head}");
            match name {
                "Subject" => assert!(value.starts_with("Re: "), "{head}"),
                "Cc" => assert_eq!(value, "linux-triage@lists.example.test"),
                "To" => assert!(value.ends_with("<dev@example.test>"), "{head}"),
                "Content-Type" => assert!(value.starts_with("text/plain; charset="), "{head}"),
                "In-Reply-To" => assert!(answered.insert(value.to_owned()), "two mails to {value}"),
                _ => {}
            }
        }
        for line in body.lines() {
            assert!(!line.starts_with("#triage") && !line.starts_with("From "), "{body}");
            let lower = line.trim_start().to_lowercase();
            assert!(!lower.starts_with("reported-by:") && !lower.starts_with("closes:"), "{body}");
            assert!(!line.contains(['\u{0}', '\u{1b}', '\r', '\u{202e}', '\u{200b}']), "{body}");
            assert!(line.chars().count() <= 990, "{body}");
        }
    }
}
