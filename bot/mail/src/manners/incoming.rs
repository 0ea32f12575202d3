//! Which mails are not answered: the rules against loops and noise.
//!
//! From RFC 3834 (automatic responses), RFC 5436 (`auto-notified`), RFC 3464 (delivery reports),
//! RFC 2919 and 2369 (lists), and from what vacation programs and mailers do: Pigeonhole's
//! `vacation` answers with `Auto-Submitted: auto-replied (vacation)`, a comment in the value.

use std::fmt;

use crate::message::{Address, Message, ReturnPath};

/// The header that every mail of a bot of this kind bears, with the bot's address.
pub const LOOP_HEADER: &str = "X-Triage-Loop";

/// Why a mail is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// It has no Message-ID: nothing can be tied to it.
    NoMessageId,
    /// It has no sender that could be answered.
    NoSender,
    /// The bot wrote it.
    OwnMail,
    /// It bears the mark of a bot of this kind.
    LoopHeader,
    /// `Auto-Submitted` says something other than `no`: the value.
    AutoSubmitted(String),
    /// The envelope's sender is null: a bounce or an automatic answer.
    NullReturnPath,
    /// It is a report about deliveries.
    DeliveryReport,
    /// It is another automatic report: a receipt, a complaint.
    Report,
    /// Its sender is a program: `mailer-daemon`, `postmaster`, `no-reply`, …: the address.
    ProgramAddress(String),
    /// `Precedence` says bulk, junk or list, and it comes over none of the configured lists.
    Precedence(String),
    /// A vacation program wrote it, or asks not to be answered.
    Vacation,
    /// It comes over a list that did not ask for the bot: the list.
    UnknownList(String),
    /// It comes over no list, and only lists are served.
    NoList,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMessageId => f.write_str("it has no Message-ID"),
            Self::NoSender => f.write_str("it has no sender"),
            Self::OwnMail => f.write_str("it is our own"),
            Self::LoopHeader => write!(f, "it bears {LOOP_HEADER}"),
            Self::AutoSubmitted(value) => write!(f, "Auto-Submitted is {value}"),
            Self::NullReturnPath => f.write_str("the envelope sender is <>"),
            Self::DeliveryReport => f.write_str("it is a delivery report"),
            Self::Report => f.write_str("it is an automatic report"),
            Self::ProgramAddress(address) => write!(f, "{address} is a program"),
            Self::Precedence(value) => write!(f, "Precedence is {value}"),
            Self::Vacation => f.write_str("it is a vacation reply"),
            Self::UnknownList(list) => write!(f, "the list {list} is not configured"),
            Self::NoList => f.write_str("it came over no list"),
        }
    }
}

/// Whom the bot knows.
#[derive(Debug, Clone, Default)]
pub struct Judge {
    /// The bot's own addresses.
    pub own: Vec<Address>,
    /// The domain of the bot's Message-IDs.
    pub id_domain: String,
    /// The lists that asked for it: by address.
    pub lists: Vec<Address>,
    /// The same lists by `List-Id`, in lower case.
    pub list_ids: Vec<String>,
    /// Whether mail that came over no list is answered.
    pub direct: bool,
}

impl Judge {
    /// Why the mail is not answered; none when it may be.
    pub fn silence(&self, message: &Message) -> Option<Silence> {
        self.machine(message).or_else(|| self.list(message))
    }

    /// Why the mail is no person's.
    pub fn machine(&self, message: &Message) -> Option<Silence> {
        if message.header(LOOP_HEADER).is_some() {
            return Some(Silence::LoopHeader);
        }
        if self.is_own(message) {
            return Some(Silence::OwnMail);
        }
        if is_delivery_report(message) {
            return Some(Silence::DeliveryReport);
        }
        if content_type(message).starts_with("multipart/report") {
            return Some(Silence::Report);
        }
        if message.return_path == Some(ReturnPath::Null) {
            return Some(Silence::NullReturnPath);
        }
        if let Some(value) = message.headers_named("Auto-Submitted").map(first_token).find(|value| value != "no") {
            return Some(Silence::AutoSubmitted(value));
        }
        if is_vacation(message) {
            return Some(Silence::Vacation);
        }
        if message.message_id.is_none() {
            return Some(Silence::NoMessageId);
        }
        let Some(from) = &message.from else { return Some(Silence::NoSender) };
        let senders = [Some(from.address()), message.sender.as_ref().map(|sender| sender.address())];
        // A list may put its own address into Sender, which is a program's and says nothing of the author.
        senders
            .into_iter()
            .flatten()
            .take(1)
            .find(|address| is_program(address))
            .map(|address| Silence::ProgramAddress(address.to_string()))
    }

    /// Why the mail's way here is none that asked for answers.
    fn list(&self, message: &Message) -> Option<Silence> {
        if self.list_of(message).is_some() {
            return None;
        }
        if let Some(list) = message.list_ids.first() {
            return Some(Silence::UnknownList(list.clone()));
        }
        if let Some(list) = message.list_posts.first() {
            return Some(Silence::UnknownList(list.to_string()));
        }
        let precedence = message.headers_named("Precedence").map(first_token);
        if let Some(value) = precedence.into_iter().find(|value| ["bulk", "junk", "list"].contains(&value.as_str())) {
            return Some(Silence::Precedence(value));
        }
        (!self.direct).then_some(Silence::NoList)
    }

    /// The configured list that the mail came over: by `List-Id`, `List-Post`, or, since archives
    /// drop them, by its recipients.
    pub fn list_of(&self, message: &Message) -> Option<&Address> {
        let by_id = self.list_ids.iter().position(|id| message.list_ids.contains(id));
        let by_id = by_id.and_then(|at| self.lists.get(at));
        let named = || {
            let posts = message.list_posts.iter();
            let people = message.to.iter().chain(&message.cc).map(|mailbox| mailbox.address());
            let mut all = posts.chain(people);
            all.find_map(|address| self.lists.iter().find(|list| list.is(address)))
        };
        by_id.or_else(named)
    }

    fn is_own(&self, message: &Message) -> bool {
        let from = message.from.iter().chain(&message.sender);
        let by_address = from.into_iter().any(|mailbox| self.own.iter().any(|own| own.is(mailbox.address())));
        let by_id = message.message_id.as_ref().is_some_and(|id| self.is_own_id(id.as_str()));
        by_address || by_id
    }

    /// True for a Message-ID that the bot made.
    pub fn is_own_id(&self, id: &str) -> bool {
        let domain = id.rsplit_once('@').map(|(_, domain)| domain);
        !self.id_domain.is_empty() && domain.is_some_and(|domain| domain.eq_ignore_ascii_case(&self.id_domain))
    }
}

/// The value of a header up to its parameters or comment, in lower case, short.
fn first_token(value: &str) -> String {
    let value = value.trim_start();
    let end = value.find(|c: char| c == ';' || c == '(' || c.is_whitespace()).unwrap_or(value.len());
    value[..end].chars().take(40).collect::<String>().to_ascii_lowercase()
}

fn content_type(message: &Message) -> String {
    message.header("Content-Type").unwrap_or_default().trim_start().to_ascii_lowercase()
}

/// A report about deliveries (RFC 3464), or what older mailers send instead.
pub fn is_delivery_report(message: &Message) -> bool {
    let kind = content_type(message);
    let by_type = kind.starts_with("multipart/report") && kind.contains("delivery-status");
    let by_part = message
        .parts
        .iter()
        .any(|part| matches!(part.content_type.as_str(), "message/delivery-status" | "message/global-delivery-status"));
    let by_header = message.header("X-Failed-Recipients").is_some();
    let daemon = message.from.as_ref().is_some_and(|from| local_part(from.address()) == "mailer-daemon");
    by_type || by_part || by_header || (daemon && message.return_path.as_ref().is_none_or(|p| *p == ReturnPath::Null))
}

/// Programs that answer while someone is away, from before RFC 3834 or beside it.
fn is_vacation(message: &Message) -> bool {
    let marks = ["X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Vacation", "X-AutoReply-From"];
    let marked = marks.iter().any(|name| message.header(name).is_some());
    let auto_reply = message.headers_named("Precedence").map(first_token).any(|value| value == "auto_reply");
    // `All`, or a list with what an answer would be: `OOF, AutoReply`.
    let suppressed = message.headers_named("X-Auto-Response-Suppress").any(|value| {
        value.split(',').any(|part| ["all", "autoreply", "oof"].contains(&part.trim().to_ascii_lowercase().as_str()))
    });
    marked || auto_reply || suppressed
}

fn local_part(address: &Address) -> String {
    let text = address.as_str();
    text.rsplit_once('@').map_or(text, |(local, _)| local).to_ascii_lowercase()
}

/// Local parts behind which there is no person (RFC 2142, and habit).
fn is_program(address: &Address) -> bool {
    let local = local_part(address);
    let local = local.split('+').next().unwrap_or_default();
    let plain: String = local.chars().filter(|c| !matches!(c, '-' | '_' | '.')).collect();
    const NAMES: &[&str] = &[
        "mailerdaemon",
        "postmaster",
        "noreply",
        "donotreply",
        "nobody",
        "listserv",
        "majordomo",
        "mlmmj",
        "root",
        "daemon",
        "abuse",
        "bounce",
        "bounces",
        "autoreply",
    ];
    NAMES.contains(&plain.as_str())
        || plain.starts_with("noreply")
        || plain.ends_with("noreply")
        || local.ends_with("-bounces")
        || local.ends_with("-request")
        || (local.starts_with("owner-") || local.ends_with("-owner"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge() -> Judge {
        Judge {
            own: vec![Address::parse("triage@bot.example.org").unwrap()],
            id_domain: "bot.example.org".into(),
            lists: vec![Address::parse("linux-valves@lists.example.org").unwrap()],
            list_ids: vec!["linux-valves.lists.example.org".into()],
            direct: false,
        }
    }

    /// A patch over the list, with header lines added or, by the same name, replaced.
    fn mail(extra: &str) -> Message {
        let names: Vec<&str> = extra.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
        let base = "Return-Path: <linux-valves+bounces-7@lists.example.org>\nFrom: Alice <alice@example.org>\n\
                    To: linux-valves@lists.example.org\nMessage-ID: <1@example.org>\nSubject: [PATCH] x\n\
                    List-Id: Valves <linux-valves.lists.example.org>\nPrecedence: bulk\n";
        let kept = base.lines().filter(|line| !names.contains(&line.split_once(':').unwrap().0));
        let header: String = kept.chain(extra.lines()).map(|line| format!("{line}\n")).collect();
        Message::parse(format!("{header}\nbody\n").as_bytes())
    }

    fn silence(extra: &str) -> String {
        judge().silence(&mail(extra)).map_or_else(|| "answer".to_owned(), |why| why.to_string())
    }

    #[test]
    fn what_is_answered() {
        assert_eq!(silence(""), "answer");
        assert_eq!(silence("Auto-Submitted: no"), "answer");
        assert_eq!(silence("Auto-Submitted: No (a person)"), "answer");
        assert_eq!(silence("List-Id: <LINUX-VALVES.lists.example.org>"), "answer");
        // Archives drop List-Id; the recipient tells.
        assert_eq!(silence("List-Id:\nPrecedence:"), "answer");
        assert_eq!(silence("From: Bounty <bounty@example.org>"), "answer");
        assert_eq!(silence("Content-Type: multipart/mixed; boundary=report"), "answer");
    }

    #[test]
    fn what_is_not_answered() {
        for (extra, why) in [
            ("Auto-Submitted: auto-replied (vacation)", "Auto-Submitted is auto-replied"),
            ("Auto-Submitted: auto-generated; owner-email=x", "Auto-Submitted is auto-generated"),
            ("Auto-Submitted: auto-notified", "Auto-Submitted is auto-notified"),
            ("Auto-Submitted: no\nAuto-Submitted: auto-replied", "Auto-Submitted is auto-replied"),
            ("Return-Path: <>", "the envelope sender is <>"),
            ("From: TRIAGE@bot.example.org", "it is our own"),
            ("Sender: triage@bot.example.org", "it is our own"),
            ("Message-ID: <triage.12@BOT.example.org>", "it is our own"),
            ("X-Triage-Loop: other@bot.example.net", "it bears X-Triage-Loop"),
            ("Content-Type: multipart/report; report-type=delivery-status; boundary=x", "it is a delivery report"),
            (
                "Content-Type: multipart/report; report-type=disposition-notification; boundary=x",
                "it is an automatic report",
            ),
            ("From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\nReturn-Path: <>", "it is a delivery report"),
            ("From: MAILER-DAEMON@mx.example.org\nReturn-Path: <x@y.z>", "MAILER-DAEMON@mx.example.org is a program"),
            ("X-Failed-Recipients: x@y.z", "it is a delivery report"),
            ("From: no-reply@example.org", "no-reply@example.org is a program"),
            ("From: do_not_reply+7@example.org", "do_not_reply+7@example.org is a program"),
            ("From: notifications-noreply@example.org", "notifications-noreply@example.org is a program"),
            ("From: linux-valves-owner@lists.example.org", "linux-valves-owner@lists.example.org is a program"),
            ("From: linux-valves-bounces@lists.example.org", "linux-valves-bounces@lists.example.org is a program"),
            ("X-Auto-Response-Suppress: DR, AutoReply", "it is a vacation reply"),
            ("X-Autoreply: yes", "it is a vacation reply"),
            ("Precedence: auto_reply", "it is a vacation reply"),
            ("Message-ID: ", "it has no Message-ID"),
            ("From: nobody in particular", "it has no sender"),
            ("List-Id: <other.example.net>\nTo: other@example.net", "the list other.example.net is not configured"),
            ("List-Id:\nTo: x@example.net", "Precedence is bulk"),
            ("List-Id:\nTo: x@example.net\nPrecedence: junk", "Precedence is junk"),
            ("List-Id:\nTo: x@example.net\nPrecedence:", "it came over no list"),
        ] {
            assert_eq!(silence(extra), why, "{extra}");
        }
        let direct = Judge { direct: true, ..judge() };
        assert_eq!(direct.silence(&mail("List-Id:\nTo: x@example.net\nPrecedence:")), None);
    }

    #[test]
    fn delivery_reports() {
        let report = |text: &str| is_delivery_report(&Message::parse(text.as_bytes()));
        assert!(report(
            "Return-Path: <>\nFrom: x@y.z\nContent-Type: multipart/report; boundary=b\n\n--b\n\nno\n--b\n\
             Content-Type: message/delivery-status\n\nStatus: 5.1.1\n--b--\n"
        ));
        assert!(!report("From: alice@example.org\nSubject: delivery-status\n\nmessage/delivery-status\n"));
    }
}
