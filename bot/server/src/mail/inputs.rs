//! Reads mails from files: Maildirs, mailboxes, single mails.

use std::path::PathBuf;

use triage_mail::manners::incoming;
use triage_mail::{Message, MessageId};

use crate::args::MailArgs;
use crate::config::Config;
use crate::error::Error;

/// What was read.
#[derive(Default)]
pub struct Mailbag {
    /// All mails.
    pub messages: Vec<Message>,
    /// Reports that a mail was not delivered, with the mails of ours that they are about.
    pub bounces: Vec<(Message, Vec<MessageId>)>,
}

/// Ids of a bounce that are looked at.
const IDS_MAX: usize = 100;

/// All mails that are named or configured.
pub fn read(args: &MailArgs, config: &Config) -> Result<Mailbag, Error> {
    let configured = config.mail.maildirs.iter().chain(&config.mail.mboxes);
    let paths: Vec<&PathBuf> = if args.series.is_empty() { configured.collect() } else { args.series.iter().collect() };
    let mut bag = Mailbag::default();
    let mut add = |raw: &[u8]| {
        let message = Message::parse(raw);
        if incoming::is_delivery_report(&message) {
            // The mail that came back is a part of the report, whatever form that has.
            let text = String::from_utf8_lossy(&raw[..raw.len().min(1 << 20)]);
            let mut ids = MessageId::find_all(&text, IDS_MAX);
            ids.retain(|id| config.mail.judge.is_own_id(id.as_str()));
            ids.dedup();
            bag.bounces.push((message, ids));
        } else {
            bag.messages.push(message);
        }
    };
    for path in paths {
        if path.is_dir() {
            folder(path, &mut add)?;
        } else {
            let raw = std::fs::read(path).map_err(|error| Error::Read(path.clone(), error))?;
            mailbox(&raw, &mut add);
        }
    }
    Ok(bag)
}

/// A Maildir, or a folder with a mail in each file.
fn folder(path: &std::path::Path, add: &mut impl FnMut(&[u8])) -> Result<(), Error> {
    let parts: Vec<PathBuf> = ["cur", "new"].iter().map(|part| path.join(part)).filter(|part| part.is_dir()).collect();
    let parts = if parts.is_empty() { vec![path.to_owned()] } else { parts };
    for part in parts {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&part).map_err(|error| Error::Read(part.clone(), error))? {
            files.push(entry.map_err(|error| Error::Read(part.clone(), error))?.path());
        }
        files.sort();
        for file in files.into_iter().filter(|file| file.is_file()) {
            match std::fs::read(&file) {
                Ok(raw) => add(&raw),
                // Moved from `new` to `cur` by its reader: it is read next time.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::Read(file, error)),
            }
        }
    }
    Ok(())
}

/// A file in the form of mbox, or one mail.
fn mailbox(raw: &[u8], add: &mut impl FnMut(&[u8])) {
    let mut start = 0;
    let mut blank = true;
    let mut at = 0;
    for line in raw.split_inclusive(|&byte| byte == b'\n') {
        if blank && line.starts_with(b"From ") && at > start {
            add(&mail_of(&raw[start..at]));
            start = at;
        }
        blank = line == b"\n" || line == b"\r\n";
        at += line.len();
    }
    if start < raw.len() {
        add(&mail_of(&raw[start..]));
    }
}

/// Without the separator, and with `From ` unquoted where mboxrd quoted it.
fn mail_of(raw: &[u8]) -> Vec<u8> {
    let body = match raw.starts_with(b"From ") {
        true => raw.iter().position(|&byte| byte == b'\n').map_or(&raw[..0], |end| &raw[end + 1..]),
        false => raw,
    };
    let mut out = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        let quotes = line.iter().take_while(|&&byte| byte == b'>').count();
        let quoted = raw.len() != body.len() && quotes > 0 && line[quotes..].starts_with(b"From ");
        out.extend_from_slice(if quoted { &line[1..] } else { line });
    }
    out
}
