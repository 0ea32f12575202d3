//! One mail as plain data, whatever its bytes are.
//!
//! [`Message::parse`] never fails. MIME, charsets and encoded words are read by the crate `mail-parser`; here is what a bot
//! that answers strangers needs on top: limits before anything is parsed ([`limits`]), addresses and ids that are safe to
//! write into another mail ([`Mailbox`], [`MessageId`]), and one text that a person would take for the mail's text.

mod address;
mod limits;
mod text;

use mail_parser::{HeaderName, HeaderValue, MessageParser, MimeHeaders, PartType};
use serde::{Deserialize, Serialize};

pub use address::{Address, Invalid, Mailbox, MessageId, one_line};
pub use limits::{ADDRESSES_MAX, HEADER_MAX, HEADERS_MAX, PARTS_MAX, RAW_MAX, REFERENCES_MAX, SUBJECT_MAX, TEXT_MAX};

/// One mail. All texts are decoded; ids and addresses that are not valid are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Message {
    /// `Message-ID`.
    pub message_id: Option<MessageId>,
    /// `In-Reply-To`: mostly one.
    pub in_reply_to: Vec<MessageId>,
    /// `References`: from the first mail of the thread to the parent, at most the last [`REFERENCES_MAX`].
    pub references: Vec<MessageId>,
    /// The first valid mailbox of `From`.
    pub from: Option<Mailbox>,
    /// `Sender`.
    pub sender: Option<Mailbox>,
    /// `Reply-To`.
    pub reply_to: Vec<Mailbox>,
    /// `To`.
    pub to: Vec<Mailbox>,
    /// `Cc`.
    pub cc: Vec<Mailbox>,
    /// The envelope sender, when delivery noted it.
    pub return_path: Option<ReturnPath>,
    /// `List-Id` (RFC 2919): the ids without brackets and descriptions, in lower case. Several when a list feeds another.
    pub list_ids: Vec<String>,
    /// `List-Post` (RFC 2369): where to post to the lists.
    pub list_posts: Vec<Address>,
    /// `Subject` as one line, encoded words decoded.
    pub subject: String,
    /// `Date`, in seconds since 1970 UTC. The sender's clock said so.
    pub date: Option<i64>,
    /// All header fields in order.
    pub headers: Vec<Field>,
    /// What a person would take for the text of the mail, lines ended by `\n`: the plain text, else what the HTML says.
    pub text: String,
    /// The text was made of HTML, because there was no plain one.
    pub text_is_html: bool,
    /// An attached text that holds a diff when `text` holds none. `b4` takes it for the patch then.
    pub attached_patch: Option<String>,
    /// All parts that hold something and are not `text`.
    pub parts: Vec<Part>,
    /// Bytes of the whole mail.
    pub size: u64,
    /// What is left out or wrong with the mail.
    pub problems: Vec<Problem>,
}

/// The envelope's sender (RFC 5321 section 4.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnPath {
    /// `<>`: a bounce or an automatic answer, to which nobody may answer.
    Null,
    /// An address that takes bounces.
    Address(Address),
    /// Neither of both.
    Invalid,
}

/// A header field as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The name, as written.
    pub name: String,
    /// The value as one line: unfolded, not decoded, at most [`HEADER_MAX`] characters.
    pub value: String,
}

/// A part of a mail that is not its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// `type/subtype` in lower case.
    pub content_type: String,
    /// The file name that the sender gave: one line, and nothing to make a path of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Bytes after decoding.
    pub size: u64,
}

/// What is left out or wrong with a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// There was no header at all.
    NoHeader,
    /// What is beyond [`RAW_MAX`] bytes was not read.
    TooLong,
    /// What is beyond [`PARTS_MAX`] parts was not read.
    TooManyParts,
    /// What is beyond [`HEADERS_MAX`] header fields was left out.
    TooManyHeaders,
    /// What is beyond [`TEXT_MAX`] bytes of text was left out.
    TextCut,
    /// A header that may be there once (RFC 5322 section 3.6) is there several times; the first one counts.
    RepeatedHeader,
    /// A part's transfer encoding is broken; it was taken as it is.
    BadEncoding,
}

impl Message {
    /// Reads a mail. Any bytes give a message; time and memory are linear in at most [`RAW_MAX`] of them.
    pub fn parse(raw: &[u8]) -> Self {
        let mut message = Self { size: raw.len() as u64, ..Self::default() };
        let (readable, problems) = limits::cut(raw);
        message.problems = problems;
        let parsed = MessageParser::default().parse(readable);
        if let Some(parsed) = parsed {
            message.read_header(&parsed);
            message.read_body(&parsed);
        }
        if message.headers.is_empty() {
            message.problem(Problem::NoHeader);
        }
        message
    }

    /// The value of the first header field of a name, whatever the case of its letters.
    pub fn header<'a>(&'a self, name: &str) -> Option<&'a str> {
        self.fields_named(name).next().map(|field| field.value.as_str())
    }

    /// The values of all header fields of a name, in order.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields_named(name).map(|field| field.value.as_str())
    }

    fn fields_named<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a Field> + use<'a, 'n> {
        self.headers.iter().filter(move |field| field.name.eq_ignore_ascii_case(name))
    }

    /// The message that this one answers: `In-Reply-To` if it is one id, else the last of `References` (RFC 5322 section
    /// 3.6.4; mailers put other things into `In-Reply-To`).
    pub fn parent(&self) -> Option<&MessageId> {
        match self.in_reply_to.as_slice() {
            [parent] => Some(parent),
            several => self.references.last().or(several.first()),
        }
    }

    /// Who sent it: `From`, but a list that puts its own address there (for DMARC) keeps the person in `Reply-To`.
    pub fn person(&self) -> Option<&Mailbox> {
        let is_list = |mailbox: &&Mailbox| self.list_posts.iter().any(|list| list.is(mailbox.address()));
        let replaced =
            self.from.as_ref().filter(is_list).and_then(|_| self.reply_to.iter().find(|other| !is_list(other)));
        replaced.or(self.from.as_ref())
    }

    /// The text to look for a patch in: an attached one when the mail's own text has none.
    pub fn patch_text(&self) -> &str {
        self.attached_patch.as_deref().unwrap_or(&self.text)
    }

    /// Only the beginning of a mail of this many bytes was read.
    pub(crate) fn cut_from(&mut self, size: u64) {
        self.size = size;
        self.problem(Problem::TooLong);
    }

    fn problem(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn read_header(&mut self, parsed: &mail_parser::Message<'_>) {
        let headers = parsed.headers().iter().filter(|header| is_field_name(header.name()));
        for header in headers {
            if self.headers.len() >= HEADERS_MAX {
                self.problem(Problem::TooManyHeaders);
                break;
            }
            let range = header.offset_start() as usize..header.offset_end() as usize;
            let value = String::from_utf8_lossy(parsed.raw_message().get(range).unwrap_or_default());
            let field = Field { name: header.name().to_owned(), value: one_line(&value, HEADER_MAX) };
            self.headers.push(field);
            match &header.name {
                HeaderName::MessageId => {
                    let id = ids(&value, 1).pop().or_else(|| MessageId::parse(value.trim()).ok());
                    self.once(|message| &mut message.message_id, id);
                }
                HeaderName::InReplyTo => self.in_reply_to.extend(ids(&value, 8)),
                HeaderName::References => self.references.extend(ids(&value, HEADERS_MAX)),
                HeaderName::From => self.once(|message| &mut message.from, mailboxes(&header.value).into_iter().next()),
                HeaderName::Sender => {
                    self.once(|message| &mut message.sender, mailboxes(&header.value).into_iter().next());
                }
                HeaderName::ReplyTo => self.reply_to.extend(mailboxes(&header.value)),
                HeaderName::To => self.to.extend(mailboxes(&header.value)),
                HeaderName::Cc => self.cc.extend(mailboxes(&header.value)),
                HeaderName::ReturnPath if self.return_path.is_none() => self.return_path = Some(return_path(&value)),
                HeaderName::ListId => self.list_ids.extend(list_id(&value)),
                HeaderName::ListPost => self.list_posts.extend(list_post(&value)),
                HeaderName::Subject => {
                    let subject = header.value.as_text().map(|text| one_line(text, SUBJECT_MAX)).unwrap_or_default();
                    if self.subject.is_empty() {
                        self.subject = subject;
                    } else {
                        self.problem(Problem::RepeatedHeader);
                    }
                }
                HeaderName::Date if self.date.is_none() => {
                    let date = header.value.as_datetime().filter(|date| date.is_valid());
                    self.date = date.map(mail_parser::DateTime::to_timestamp);
                }
                _ => {}
            }
        }
        for list in [&mut self.reply_to, &mut self.to, &mut self.cc] {
            list.truncate(ADDRESSES_MAX);
        }
        self.in_reply_to.truncate(8);
        self.references.drain(..self.references.len().saturating_sub(REFERENCES_MAX));
        self.list_ids.truncate(16);
        self.list_posts.truncate(16);
    }

    /// Sets a field that may be there once.
    fn once<T>(&mut self, field: impl FnOnce(&mut Self) -> &mut Option<T>, value: Option<T>) {
        let field = field(self);
        if field.is_none() {
            *field = value;
        } else {
            self.problem(Problem::RepeatedHeader);
        }
    }

    fn read_body(&mut self, parsed: &mail_parser::Message<'_>) {
        let main = parsed
            .text_body
            .iter()
            .copied()
            .find(|id| {
                parsed
                    .part(*id)
                    .is_some_and(|part| matches!(&part.body, PartType::Text(text) if !text.trim().is_empty()))
            })
            .or_else(|| parsed.text_body.first().copied());
        if let Some(part) = main.and_then(|id| parsed.part(id)) {
            self.text_is_html = matches!(part.body, PartType::Html(_));
            self.text = self.bounded(text::of(part));
        }
        let own_patch = text::has_diff(&self.text) && !self.text_is_html;
        for (id, part) in parsed.parts.iter().enumerate() {
            if part.is_encoding_problem && part.encoding != mail_parser::Encoding::None {
                self.problem(Problem::BadEncoding);
            }
            if matches!(part.body, PartType::Multipart(_)) || Some(id as u32) == main {
                continue;
            }
            if self.parts.len() >= PARTS_MAX {
                self.problem(Problem::TooManyParts);
                break;
            }
            self.parts.push(describe(part));
            if !own_patch
                && self.attached_patch.is_none()
                && matches!(&part.body, PartType::Text(text) if text::has_diff(text))
            {
                self.attached_patch = Some(self.bounded(text::of(part)));
            }
        }
    }

    fn bounded(&mut self, mut text: String) -> String {
        if text.len() > TEXT_MAX {
            text.truncate(text::prefix(&text, TEXT_MAX).len());
            self.problem(Problem::TextCut);
        }
        text
    }
}

/// Visible ASCII without a colon (RFC 5322 section 2.2).
fn is_field_name(name: &str) -> bool {
    (1..=80).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}

fn ids(value: &str, max: usize) -> Vec<MessageId> {
    MessageId::find_all(value, max)
}

fn mailboxes(value: &HeaderValue<'_>) -> Vec<Mailbox> {
    let Some(list) = value.as_address() else { return Vec::new() };
    let valid = list.iter().filter_map(|entry| {
        let address = Address::parse(entry.address.as_deref()?).ok()?;
        Some(Mailbox::new(entry.name.as_deref(), address))
    });
    valid.take(ADDRESSES_MAX).collect()
}

fn return_path(value: &str) -> ReturnPath {
    let value = value.trim();
    let path = value.strip_prefix('<').and_then(|value| value.strip_suffix('>')).unwrap_or(value);
    match Address::parse(path) {
        Ok(address) => ReturnPath::Address(address),
        Err(_) if path.trim().is_empty() => ReturnPath::Null,
        Err(_) => ReturnPath::Invalid,
    }
}

/// `Description <list-id>`; some lists leave the brackets out.
fn list_id(value: &str) -> Option<String> {
    let value = value.trim();
    let id = value.rsplit_once('<').and_then(|(_, id)| id.strip_suffix('>')).unwrap_or(value);
    let valid =
        (1..=255).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>()".contains(&byte));
    valid.then(|| id.to_ascii_lowercase())
}

/// `<mailto:list@host>`, perhaps with `?…` behind it; `NO` for lists to which nobody may post.
fn list_post(value: &str) -> Option<Address> {
    let (_, uri) = value.split_once("<mailto:")?;
    let (uri, _) = uri.split_once('>')?;
    Address::parse(uri.split('?').next().unwrap_or(uri)).ok()
}

fn describe(part: &mail_parser::MessagePart<'_>) -> Part {
    let content_type = part.content_type().map_or_else(
        || "text/plain".to_owned(),
        |of| one_line(&format!("{}/{}", of.ctype(), of.subtype().unwrap_or("")), 120).to_ascii_lowercase(),
    );
    let size = match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.len(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.len(),
        PartType::Message(_) | PartType::Multipart(_) => (part.offset_end.saturating_sub(part.offset_body)) as usize,
    };
    let safe = |name: &str| one_line(&name.replace(['/', '\\', '\0'], "_"), 200);
    let name = part.attachment_name().map(safe).filter(|name| !name.is_empty());
    Part { content_type, name, size: size as u64 }
}

#[cfg(test)]
mod tests;
