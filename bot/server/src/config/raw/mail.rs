//! `mail:` as it is written.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_yaml::Spanned;

/// Mail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMail {
    /// Send. While it is false, `triage-bot mail` only shows what would go out.
    #[serde(default)]
    pub send: bool,
    /// Who the bot is: `name <address>`.
    #[schemars(with = "String")]
    pub from: Spanned<String>,
    /// Where bounces go; the address of `from` when missing.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub bounces: Option<Spanned<String>>,
    /// The domain of Message-IDs; that of `from` when missing. It must not change: ids follow from
    /// it, and a changed id is another mail.
    #[serde(default)]
    pub id_domain: Option<String>,
    /// Where a mail will be found, for the tag `Closes:`: an address with `{id}` for its
    /// Message-ID. Without it the tag is left out.
    #[serde(default)]
    pub archive: Option<String>,
    /// The server that takes our mail. DKIM is its business.
    #[schemars(with = "RawRelay")]
    pub relay: Spanned<RawRelay>,
    /// The lists that asked for the bot. It answers nothing that came over another one.
    pub lists: Vec<RawList>,
    /// Answer mail that was sent to the bot and to no list, too.
    #[serde(default)]
    pub direct: bool,
    /// Whom a mail goes to beside the author and the list.
    #[serde(default)]
    pub people: RawPeople,
    /// How much is sent.
    #[serde(default)]
    pub limits: RawLimits,
    /// What people may tell the bot.
    #[serde(default)]
    pub commands: RawCommands,
    /// Where patches come from.
    #[serde(default)]
    pub sources: RawSources,
    /// A folder into which CI puts results of builds, as `NAME.yaml`; see the example.
    #[serde(default)]
    pub results: Option<PathBuf>,
    /// A git repository in which the commits of results are looked up, to find the patches that they
    /// were made of.
    #[serde(default)]
    pub repository: Option<PathBuf>,
    /// How to find out whether a mail arrived, when a crash leaves a doubt.
    #[serde(default)]
    pub sent: RawSent,
}

/// The server that takes our mail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRelay {
    /// Its name.
    pub host: String,
    /// Its port; by default 465 for `tls`, 587 for `starttls`, 25 for `plain`.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: RawSecurity,
    /// Let `plain` leave this machine. Passwords are never sent so.
    #[serde(default)]
    pub allow_plain: bool,
    /// The name to log in with; no login without one.
    #[serde(default)]
    pub user: Option<String>,
    /// A file with the password as its first line.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password_file: Option<Spanned<PathBuf>>,
    /// An environment variable with the password.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password_env: Option<Spanned<String>>,
    /// Our name, said to the server; the domain of `from` when missing.
    #[serde(default)]
    pub hello: Option<String>,
    /// A file with certificates in PEM that are trusted beside the system's.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub ca_file: Option<Spanned<PathBuf>>,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS, or nothing is sent.
    #[default]
    Starttls,
    /// None: for a server on this machine.
    Plain,
}

/// A list that asked for the bot.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawList {
    /// Its address.
    #[schemars(with = "String")]
    pub address: Spanned<String>,
    /// Its `List-Id`, without brackets; the address with a dot for the @ when missing.
    #[serde(default)]
    pub list_id: Option<String>,
    /// The name of the tree that its patches are for, for `#triage stop tree`.
    #[serde(default)]
    pub tree: Option<String>,
}

/// Whom a mail goes to beside the author and the list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPeople {
    /// Addresses of a mail in all, the author's and the lists' counted in.
    pub max: usize,
    /// The maintainers whom the report names.
    pub maintainers: bool,
    /// All whom the patch was sent to.
    pub patch_recipients: bool,
    /// These.
    #[schemars(with = "Vec<String>")]
    pub always: Vec<Spanned<String>>,
}

impl Default for RawPeople {
    fn default() -> Self {
        Self { max: 10, maintainers: false, patch_recipients: false, always: Vec::new() }
    }
}

/// How much is sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawLimits {
    /// Mails in any hour.
    pub per_hour: u64,
    /// Mails to one author in any 24 hours.
    pub per_person_and_day: u64,
    /// Mails to a thread, ever.
    pub per_thread: u64,
    /// Mails about builds of one version of a series: the report, then summaries.
    pub per_version: u64,
    /// When nothing is sent, in UTC: `22:00-06:30`.
    #[schemars(with = "Option<String>")]
    pub quiet_hours: Option<Spanned<String>>,
    /// For how many hours a mail that the server does not take for now is tried again.
    pub give_up_hours: u32,
}

impl Default for RawLimits {
    fn default() -> Self {
        Self {
            per_hour: 30,
            per_person_and_day: 10,
            per_thread: 10,
            per_version: 2,
            quiet_hours: None,
            give_up_hours: 96,
        }
    }
}

/// What people may tell the bot.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCommands {
    /// Obey commands of the people in a thread.
    pub enabled: bool,
    /// Who may say `stop list` and `stop tree`: addresses.
    #[schemars(with = "Vec<String>")]
    pub administrators: Vec<Spanned<String>>,
    /// The name under which your mail server writes `Authentication-Results` (RFC 8601). With it,
    /// commands are taken only from mails that it found to be from their sender (DKIM or DMARC).
    pub authserv: Option<String>,
    /// A folder that gets a file `NAME.json` for each `retest`, for CI to fetch; without it, the
    /// command is declined.
    pub retests: Option<PathBuf>,
}

impl Default for RawCommands {
    fn default() -> Self {
        Self { enabled: true, administrators: Vec::new(), authserv: None, retests: None }
    }
}

/// Where patches come from.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawSources {
    /// Maildirs, which something delivers into.
    pub maildirs: Vec<PathBuf>,
    /// Files in the form of mbox.
    pub mboxes: Vec<PathBuf>,
    /// Mailboxes of IMAP servers.
    #[schemars(with = "Vec<RawImap>")]
    pub imap: Vec<Spanned<RawImap>>,
    /// Clones of public-inbox archives on this machine (v1 or v2), which something keeps up to date. Of
    /// each, the newest 50,000 mails are read.
    #[schemars(with = "Vec<String>")]
    pub git_archives: Vec<Spanned<String>>,
    /// Archives of public-inbox on the web, by the addresses of their inboxes: the thread of a result
    /// that is not in the mail above is asked for there.
    pub archives: Vec<String>,
}

/// A mailbox of an IMAP server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawImap {
    /// Its name.
    pub host: String,
    /// Its port; 993 when missing.
    #[serde(default)]
    pub port: Option<u16>,
    /// `tls`, or `plain` for a server on this machine.
    #[serde(default = "imap_security")]
    pub security: RawSecurity,
    /// The name to log in with.
    pub user: String,
    /// A file with the password as its first line.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password_file: Option<Spanned<PathBuf>>,
    /// An environment variable with the password.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password_env: Option<Spanned<String>>,
    /// The mailbox; `INBOX` when missing.
    #[serde(default)]
    pub mailbox: Option<String>,
    /// A file with certificates in PEM that are trusted beside the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn imap_security() -> RawSecurity {
    RawSecurity::Tls
}

/// How to find out whether a mail arrived.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawSent {
    /// A Maildir in which each of our mails arrives: that of an account that is on all lists, or of
    /// `copy_to`.
    pub maildir: Option<PathBuf>,
    /// A public-inbox archive of the lists, by its address: `https://lore.example.org/all`.
    pub archive: Option<String>,
    /// An address that gets a copy of each mail, unseen by the others. Delivered into `maildir`, it
    /// is the surest proof.
    #[schemars(with = "Option<String>")]
    pub copy_to: Option<Spanned<String>>,
    /// How long a mail may take to arrive there. Before, what is not there proves nothing.
    pub settle_seconds: u64,
    /// What to do with a mail that did not arrive.
    pub when_absent: RawAbsent,
}

impl Default for RawSent {
    fn default() -> Self {
        Self { maildir: None, archive: None, copy_to: None, settle_seconds: 900, when_absent: RawAbsent::Resend }
    }
}

/// What to do with a mail that was looked for and did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawAbsent {
    /// Send it, under the same Message-ID.
    Resend,
    /// Leave it to the operator.
    Hold,
}
