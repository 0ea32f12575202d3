//! Reads mails: Maildirs, mailboxes, single mails, IMAP, archives in git, and threads from archives on the web.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use triage_mail::manners::incoming;
use triage_mail::message::RAW_MAX;
use triage_mail::source::{Cursor, HttpArchive, Imap, MboxReader, Quoting, Source};
use triage_mail::{Message, MessageId};

use crate::args::MailArgs;
use crate::builds::BuildResult;
use crate::config::MailConfig;
use crate::error::Error;
use crate::named::Named;

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
/// Mails of one mailbox that are read, and of an archive the newest.
const MAILS_MAX: usize = 50_000;

/// All mails that are named or configured.
pub async fn read(args: &MailArgs, config: &MailConfig) -> Result<Mailbag, Error> {
    let configured = config.maildirs.iter().chain(&config.mboxes);
    let paths: Vec<&PathBuf> = if args.series.is_empty() { configured.collect() } else { args.series.iter().collect() };
    let mut bag = Mailbag::default();
    let mut add = |raw: &[u8]| {
        let message = Message::parse(raw);
        if incoming::is_delivery_report(&message) {
            // The mail that came back is a part of the report, whatever form that has.
            let text = String::from_utf8_lossy(&raw[..raw.len().min(1 << 20)]);
            let mut ids = MessageId::find_all(&text, IDS_MAX);
            ids.retain(|id| config.judge.is_own_id(id.as_str()));
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
            mailbox(path, &mut add).map_err(|error| Error::Read(path.clone(), error))?;
        }
    }
    if args.series.is_empty() {
        for mailbox in &config.imap {
            let source = Source::Imap(Box::new(Imap::new(mailbox.clone())));
            all_of(source, None, &mut bag).await?;
        }
        for archive in &config.git_archives {
            let cursor = archive.newest(MAILS_MAX).await?;
            all_of(Source::GitArchive(archive.clone()), Some(cursor), &mut bag).await?;
        }
    }
    Ok(bag)
}

/// A Maildir, or a folder with a mail in each file.
fn folder(path: &Path, add: &mut impl FnMut(&[u8])) -> Result<(), Error> {
    let parts: Vec<PathBuf> = ["cur", "new"].iter().map(|part| path.join(part)).filter(|part| part.is_dir()).collect();
    let parts = if parts.is_empty() { vec![path.to_owned()] } else { parts };
    for part in parts {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&part).map_err(|error| Error::Read(part.clone(), error))? {
            files.push(entry.map_err(|error| Error::Read(part.clone(), error))?.path());
        }
        files.sort();
        for file in files.into_iter().filter(|file| file.is_file()) {
            match mailbox(&file, add) {
                Ok(()) => {}
                // Moved from `new` to `cur` by its reader: it is read next time.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::Read(file, error)),
            }
        }
    }
    Ok(())
}

/// A file in the form of mbox, or one mail. `git format-patch` begins its mails as an mbox does.
fn mailbox(path: &Path, add: &mut impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut file = BufReader::new(File::open(path)?);
    if !file.fill_buf()?.starts_with(b"From ") {
        let mut raw = Vec::new();
        file.take(RAW_MAX as u64 + 1).read_to_end(&mut raw)?;
        add(&raw);
        return Ok(());
    }
    let mut mails = MboxReader::new(file, Quoting::Rd);
    while let Some((raw, _)) = mails.next()? {
        add(&raw);
    }
    Ok(())
}

/// Adds the threads of results that are in no mail that was read, from the archives.
pub async fn look_up(config: &MailConfig, results: &[BuildResult], bag: &mut Mailbag) -> Result<(), Error> {
    let known: BTreeSet<MessageId> = bag.messages.iter().filter_map(|message| message.message_id.clone()).collect();
    let wanted: BTreeSet<MessageId> =
        results.iter().filter_map(|result| result.about.as_ref()).flat_map(Named::message_ids).collect();
    for archive in &config.archives {
        let mut archive = HttpArchive::new(archive, Duration::ZERO)?;
        for id in wanted.iter().filter(|id| !known.contains(*id)) {
            bag.messages.extend(archive.thread(id).await?);
        }
    }
    Ok(())
}

/// All of a mailbox or archive behind a cursor; its mails are left as they are.
async fn all_of(mut source: Source, mut cursor: Option<Cursor>, bag: &mut Mailbag) -> Result<(), Error> {
    let mut read = 0;
    loop {
        let batch = source.read(cursor.as_ref()).await?;
        read += batch.messages.len();
        for message in batch.messages {
            if incoming::is_delivery_report(&message) {
                let about = message.references.iter().chain(&message.in_reply_to).cloned().collect();
                bag.bounces.push((message, about));
            } else {
                bag.messages.push(message);
            }
        }
        cursor = Some(batch.cursor);
        if !batch.more || read >= MAILS_MAX {
            return Ok(());
        }
    }
}
