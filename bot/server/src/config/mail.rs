//! `mail:`, read and checked.

use std::path::PathBuf;
use std::time::Duration;

use serde_yaml::Spanned;
use triage_mail::manners::{Judge, QuietHours};
use triage_mail::reply::{Identity, People, Templates};
use triage_mail::send::{Relay, Security};
use triage_mail::source::{self, GitArchive, ImapConfig, Password};
use triage_mail::{Address, Mailbox};

use super::Reader;
use super::raw::{RawAbsent, RawImap, RawMail, RawRelay, RawSecurity};
use crate::error::Error;

/// Mail.
#[derive(Debug)]
pub struct MailConfig {
    /// What the bot remembers: a file or an address.
    pub database: String,
    /// The address of the dashboard, for links.
    pub dashboard: Option<String>,
    /// The words of mails.
    pub templates: Templates,
    /// Whether anything is sent.
    pub send: bool,
    /// Who the bot is.
    pub identity: Identity,
    /// Where a mail will be found, with `{id}`.
    pub archive: Option<String>,
    /// The server that takes our mail.
    pub relay: Relay,
    /// The lists.
    pub lists: Vec<List>,
    /// Who is answered.
    pub judge: Judge,
    /// Whom a mail goes to.
    pub people: People,
    /// Mails in any hour.
    pub per_hour: u64,
    /// Mails to one author in a day.
    pub per_person_and_day: u64,
    /// Mails to a thread.
    pub per_thread: u64,
    /// Mails about builds of a version.
    pub per_version: u64,
    /// When nothing is sent.
    pub quiet_hours: Option<QuietHours>,
    /// How long to try.
    pub give_up: Duration,
    /// Whether commands are obeyed.
    pub commands: bool,
    /// Who may stop lists and trees.
    pub administrators: Vec<Address>,
    /// Who says whether a sender is proved; none when that is not asked.
    pub authserv: Option<String>,
    /// Where retests are asked for.
    pub retests: Option<PathBuf>,
    /// Maildirs to read.
    pub maildirs: Vec<PathBuf>,
    /// Mailboxes to read.
    pub mboxes: Vec<PathBuf>,
    /// Mailboxes of IMAP servers to read.
    pub imap: Vec<ImapConfig>,
    /// Clones of archives to read.
    pub git_archives: Vec<GitArchive>,
    /// Archives in which threads are looked up.
    pub archives: Vec<String>,
    /// Where results of builds come in.
    pub results: Option<PathBuf>,
    /// Where commits of results are looked up.
    pub repository: Option<PathBuf>,
    /// How to find out whether a mail arrived.
    pub sent: SentConfig,
}

/// A list that asked for the bot.
#[derive(Debug, Clone)]
pub struct List {
    /// Its address.
    pub address: Address,
    /// The tree that its patches are for.
    pub tree: Option<String>,
}

/// How to find out whether a mail arrived.
#[derive(Debug)]
pub struct SentConfig {
    /// Where each of our mails arrives.
    pub place: Option<triage_mail::sent::Place>,
    /// Who gets a copy.
    pub copy_to: Option<Address>,
    /// How long a mail may take.
    pub settle: Duration,
    /// Whether what did not arrive is sent again.
    pub resend: bool,
}

impl Reader<'_> {
    pub(super) fn mail(&self, raw: RawMail, database: &str, templates: Templates) -> Result<MailConfig, Error> {
        let from = self.mailbox(&raw.from)?;
        let domain = from.address().as_str().rsplit_once('@').map(|(_, domain)| domain.to_owned()).unwrap_or_default();
        let bounces = raw.bounces.as_ref().map(|text| self.address(text)).transpose()?;
        let bounces = bounces.unwrap_or_else(|| from.address().clone());
        let id_domain = raw.id_domain.unwrap_or_else(|| domain.clone());
        let mut lists = Vec::new();
        let mut list_ids = Vec::new();
        for list in &raw.lists {
            let address = self.address(&list.address)?;
            let id = list.list_id.clone().unwrap_or_else(|| address.as_str().replace('@', "."));
            list_ids.push(id.trim_matches(['<', '>']).to_ascii_lowercase());
            lists.push(List { address, tree: list.tree.clone() });
        }
        let mut always = Vec::new();
        for text in &raw.people.always {
            always.push(self.mailbox(text)?);
        }
        let mut administrators = Vec::new();
        for text in &raw.commands.administrators {
            administrators.push(self.address(text)?);
        }
        let quiet_hours = raw
            .limits
            .quiet_hours
            .as_ref()
            .map(|text| QuietHours::parse(&text.value).map_err(|why| self.fault(&text.referenced, &why)));
        let copy_to = raw.sent.copy_to.as_ref().map(|text| self.address(text)).transpose()?;
        let place = match (raw.sent.maildir, raw.sent.archive) {
            (Some(folder), _) => Some(triage_mail::sent::Place::Maildir(self.folder.join(folder))),
            (None, Some(address)) => Some(triage_mail::sent::Place::PublicInbox(address)),
            (None, None) => None,
        };
        let mut own = vec![from.address().clone(), bounces.clone()];
        own.extend(copy_to.clone());
        let judge = Judge {
            own,
            id_domain: id_domain.clone(),
            lists: lists.iter().map(|list| list.address.clone()).collect(),
            list_ids,
            direct: raw.direct,
        };
        Ok(MailConfig {
            database: database.to_owned(),
            dashboard: None,
            templates,
            send: raw.send,
            identity: Identity { from, bounces, id_domain },
            archive: raw.archive,
            relay: self.relay(raw.relay, &domain)?,
            lists,
            judge,
            people: People {
                max: raw.people.max.max(1),
                patch_recipients: raw.people.patch_recipients,
                maintainers: raw.people.maintainers,
                always,
            },
            per_hour: raw.limits.per_hour,
            per_person_and_day: raw.limits.per_person_and_day,
            per_thread: raw.limits.per_thread,
            per_version: raw.limits.per_version,
            quiet_hours: quiet_hours.transpose()?,
            give_up: Duration::from_secs(u64::from(raw.limits.give_up_hours) * 3600),
            commands: raw.commands.enabled,
            administrators,
            authserv: raw.commands.authserv,
            retests: raw.commands.retests.map(|folder| self.folder.join(folder)),
            maildirs: raw.sources.maildirs.iter().map(|path| self.folder.join(path)).collect(),
            mboxes: raw.sources.mboxes.iter().map(|path| self.folder.join(path)).collect(),
            imap: raw.sources.imap.into_iter().map(|imap| self.imap(imap)).collect::<Result<_, _>>()?,
            git_archives: raw
                .sources
                .git_archives
                .iter()
                .map(|path| self.git_archive(path))
                .collect::<Result<_, _>>()?,
            archives: raw.sources.archives,
            results: raw.results.map(|folder| self.folder.join(folder)),
            repository: raw.repository.map(|folder| self.folder.join(folder)),
            sent: SentConfig {
                place,
                copy_to,
                settle: Duration::from_secs(raw.sent.settle_seconds),
                resend: raw.sent.when_absent == RawAbsent::Resend,
            },
        })
    }

    fn relay(&self, raw: Spanned<RawRelay>, domain: &str) -> Result<Relay, Error> {
        let (raw, place) = (raw.value, &raw.referenced);
        let security = match raw.security {
            RawSecurity::Tls => Security::Tls,
            RawSecurity::Starttls => Security::StartTls,
            RawSecurity::Plain => Security::Plain,
        };
        let usual = match security {
            Security::Tls => 465,
            Security::StartTls => 587,
            Security::Plain => 25,
        };
        let password = self.password(raw.password_file.as_ref(), raw.password_env.as_ref())?;
        let login = match (raw.user, password) {
            (None, None) => None,
            (Some(user), Some(password)) if security != Security::Plain => Some((user, password)),
            (Some(_), Some(_)) => {
                return Err(self.fault(place, "mail.relay: a password is not sent without TLS: set 'security'"));
            }
            (Some(_), None) => {
                return Err(self.fault(place, "mail.relay: 'user' needs 'password_file' or 'password_env'"));
            }
            (None, Some(_)) => return Err(self.fault(place, "mail.relay: the password needs 'user'")),
        };
        let authorities = match raw.ca_file {
            None => Vec::new(),
            Some(file) => self.file(&file)?,
        };
        Ok(Relay {
            host: raw.host,
            port: raw.port.unwrap_or(usual),
            security,
            allow_plain: raw.allow_plain,
            login,
            hello: raw.hello.unwrap_or_else(|| domain.to_owned()),
            authorities,
        })
    }

    fn imap(&self, raw: Spanned<RawImap>) -> Result<ImapConfig, Error> {
        let (raw, place) = (raw.value, &raw.referenced);
        let security = match raw.security {
            RawSecurity::Tls => source::Security::Tls,
            RawSecurity::Plain => source::Security::Plain,
            RawSecurity::Starttls => {
                return Err(self.fault(place, "mail.sources.imap: 'security' is tls or plain here"));
            }
        };
        let password = self.password(raw.password_file.as_ref(), raw.password_env.as_ref())?;
        let missing = || self.fault(place, "mail.sources.imap: give 'password_file' or 'password_env'");
        Ok(ImapConfig {
            host: raw.host,
            port: raw.port.unwrap_or(993),
            security,
            user: raw.user,
            password: Password::new(password.ok_or_else(missing)?),
            mailbox: raw.mailbox.unwrap_or_else(|| "INBOX".to_owned()),
            authorities: raw.ca_file.map(|file| self.folder.join(file)),
        })
    }

    fn git_archive(&self, path: &Spanned<String>) -> Result<GitArchive, Error> {
        let archive = GitArchive::new(self.folder.join(&path.value));
        archive.check().map_err(|error| self.fault(&path.referenced, &error.to_string()))?;
        Ok(archive)
    }

    fn address(&self, text: &Spanned<String>) -> Result<Address, Error> {
        Address::parse(&text.value).map_err(|error| self.fault(&text.referenced, &error.to_string()))
    }

    /// `name <address>`, or an address.
    fn mailbox(&self, text: &Spanned<String>) -> Result<Mailbox, Error> {
        let (name, address) = match text.value.split_once('<') {
            Some((name, rest)) => (name.trim(), rest.trim_end().trim_end_matches('>')),
            None => ("", text.value.as_str()),
        };
        let address = Address::parse(address).map_err(|error| self.fault(&text.referenced, &error.to_string()))?;
        Ok(Mailbox::new(Some(name.trim_matches('"')).filter(|name| !name.is_empty()), address))
    }
}
