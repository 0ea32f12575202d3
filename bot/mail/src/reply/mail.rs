//! A reply as a mail: header, body, envelope.

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Body, Mailbox as LettreMailbox};

use super::guard::guard;
use super::recipients::Recipients;
use crate::manners::incoming::LOOP_HEADER;
use crate::message::{Address, Mailbox, Message, MessageId};

/// Ids that `References` holds: the first of the thread and the last ones.
const REFERENCES_MAX: usize = 20;
/// Characters of a subject, without `Re: `.
const SUBJECT_MAX: usize = 300;

/// Who the bot is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// `From`.
    pub from: Mailbox,
    /// Where bounces go: the sender on the envelope.
    pub bounces: Address,
    /// The domain of Message-IDs.
    pub id_domain: String,
}

/// The mail that is answered.
#[derive(Debug, Clone)]
pub struct Parent {
    /// Its Message-ID.
    pub id: MessageId,
    /// Its `References`, or its `In-Reply-To` when it has none.
    pub references: Vec<MessageId>,
    /// Its subject.
    pub subject: String,
}

impl Parent {
    /// Of a message; none when it has no Message-ID.
    pub fn of(message: &Message) -> Option<Self> {
        let references = match (message.references.as_slice(), message.in_reply_to.as_slice()) {
            ([], [one]) => vec![one.clone()],
            (references, _) => references.to_vec(),
        };
        Some(Self { id: message.message_id.clone()?, references, subject: message.subject.clone() })
    }

    /// `Re: ` and the subject, whatever number of them it has.
    fn answer_subject(&self) -> String {
        let mut rest = self.subject.trim();
        while let Some(head) = rest.get(..3).filter(|head| head.eq_ignore_ascii_case("re:")) {
            rest = rest[head.len()..].trim_start();
        }
        let short: String = rest.chars().take(SUBJECT_MAX).collect();
        format!("Re: {}", if short.is_empty() { "your mail" } else { &short })
    }

    /// `References` of an answer (RFC 5322 section 3.6.4), without the middle of a long thread.
    fn answer_references(&self) -> String {
        let mut ids: Vec<&MessageId> = self.references.iter().filter(|id| **id != self.id).collect();
        ids.push(&self.id);
        if ids.len() > REFERENCES_MAX {
            ids.drain(1..ids.len() - REFERENCES_MAX + 1);
        }
        ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// A mail that is ready to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The sender on the envelope.
    pub sender: Address,
    /// The recipients on the envelope, the author first.
    pub recipients: Vec<Address>,
    /// Its Message-ID.
    pub message_id: MessageId,
    /// All of it, lines ended by CR LF.
    pub content: String,
}

/// Why no mail can be written.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// An address that lettre does not take.
    #[error("the address {0} cannot be written into a mail")]
    Address(Address),
    /// The mail cannot be put together.
    #[error("the mail cannot be put together: {0}")]
    Build(#[from] lettre::error::Error),
    /// A template is wrong.
    #[error(transparent)]
    Template(#[from] super::text::TemplateFault),
}

/// Puts a mail together. `date` is in seconds since 1970 in UTC; `body` is guarded here.
pub fn write(
    identity: &Identity,
    parent: &Parent,
    recipients: &Recipients,
    message_id: MessageId,
    body: &str,
    date: i64,
) -> Result<Mail, Fault> {
    let date = UNIX_EPOCH + Duration::from_secs(u64::try_from(date).unwrap_or(0));
    let mut builder = lettre::Message::builder()
        .date(date)
        .from(mailbox(&identity.from)?)
        .to(mailbox(&recipients.to)?)
        .subject(parent.answer_subject())
        .message_id(Some(message_id.to_string()))
        .in_reply_to(parent.id.to_string())
        .references(parent.answer_references());
    for one in &recipients.cc {
        builder = builder.cc(mailbox(one)?);
    }
    // Asks vacation programs and mailers for quiet, and tells other bots of this kind.
    for (name, value) in [
        ("Auto-Submitted", "auto-replied".to_owned()),
        ("X-Auto-Response-Suppress", "All".to_owned()),
        (LOOP_HEADER, identity.from.address().to_string()),
    ] {
        let Ok(name) = HeaderName::new_from_ascii(name.to_owned()) else { continue };
        builder = builder.raw_header(HeaderValue::new(name, value));
    }
    let text = guard(body);
    let encoding = if text.is_ascii() { ContentTransferEncoding::SevenBit } else { ContentTransferEncoding::EightBit };
    let charset = if text.is_ascii() { "text/plain; charset=us-ascii" } else { "text/plain; charset=utf-8" };
    // A constant that parses; the fallback is the same type.
    let content_type = ContentType::parse(charset).unwrap_or(ContentType::TEXT_PLAIN);
    let text = text.trim_end_matches('\n').replace('\n', "\r\n");
    // The guard kept the lines short enough for both encodings; lettre would fold longer ones than
    // it likes into another encoding, and a patch must travel as it is.
    let body = Body::dangerous_pre_encoded(format!("{text}\r\n").into_bytes(), encoding);
    let message = builder.header(MIME_VERSION_1_0).header(content_type).body(body)?;
    let content = String::from_utf8_lossy(&message.formatted()).into_owned();
    Ok(Mail { sender: identity.bounces.clone(), recipients: recipients.addresses(), message_id, content })
}

fn mailbox(mailbox: &Mailbox) -> Result<LettreMailbox, Fault> {
    let address = mailbox.address().as_str().parse().map_err(|_| Fault::Address(mailbox.address().clone()))?;
    Ok(LettreMailbox::new(mailbox.name().map(str::to_owned), address))
}
