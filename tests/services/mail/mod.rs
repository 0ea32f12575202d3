//! A mailing list as kernel developers have it: postfix, mlmmj, dovecot and public-inbox, on loopback, in a folder that goes
//! away.
//!
//! ```text
//! SMTP ──► postfix ─┬─ list ──► mlmmj ──► postfix ─┬──► dovecot (LMTP) ──► Maildirs of bot, dev, archive
//!                   │                              │
//!                   ├─ bouncer ─► a DSN            └─ archive's Maildir ──► public-inbox-watch ──► v2 and v1 inbox ──► HTTP
//!                   └─ bot, dev, alice, owner ──► dovecot; alice is on vacation (Sieve)
//! ```
//!
//! [`MailStack::start`] takes two to five seconds and needs root: the servers change users. Several stacks can run at
//! once. Dropping one stops its servers, also when a test panics.
//!
//! ```no_run
//! use triage_tests::services::mail::{LIST, MailStack};
//!
//! let stack = MailStack::start();
//! let mail = format!("From: a@example.test\r\nTo: {LIST}\r\nSubject: x\r\nMessage-ID: <1@a>\r\n\r\nhi\r\n");
//! stack.send("a@example.test", &[LIST], mail.as_bytes());
//! assert!(stack.wait_archived("1@a").contains("List-Id: "));
//! ```
//!
//! * Sending: [`MailStack::smtp_port`] takes mail for the domains `example.test` and `lists.example.test` and relays nothing;
//!   [`MailStack::submission_port`] asks for STARTTLS and for AUTH with [`ACCOUNTS`] and [`PASSWORD`]. [`MailStack::send`] and
//!   [`MailStack::send_email`] (git) use the former.
//! * Reading back: `archived`, `thread_page`, `imap_thread`, `mblaze_thread`, `b4_am`, `mailbox`, and `log` for postfix's own log.
//! * TLS certificates are for `localhost` and 127.0.0.1, by the authority in [`MailStack::ca_file`].

mod config;
mod read;
mod send;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{free_port, packages, wait_for, wait_for_port};

pub use read::Applied;

/// The list's address.
pub const LIST: &str = "linux-triage@lists.example.test";
/// The list's id (RFC 2919).
pub const LIST_ID: &str = "linux-triage.lists.example.test";
/// Who has a Maildir, an IMAP login, and `name@example.test`. `alice` answers that she is on vacation; `archive`, `bot` and
/// `dev` are on the list. `bouncer@example.test` has none of it: mail to it comes back.
pub const ACCOUNTS: [&str; 5] = ["alice", "archive", "bot", "dev", "owner"];
/// Everybody's password.
pub const PASSWORD: &str = "secret";

/// Programs and the Debian packages that have them.
const PROGRAMS: [(&str, &str); 9] = [
    ("postfix", "postfix"),
    ("dovecot", "dovecot-imapd"),
    ("/usr/lib/dovecot/lmtp", "dovecot-lmtpd"),
    ("/usr/lib/dovecot/modules/lib90_sieve_plugin.so", "dovecot-sieve"),
    ("mlmmj-receive", "mlmmj"),
    ("public-inbox-httpd", "public-inbox"),
    ("mthread", "mblaze"),
    ("openssl", "openssl"),
    ("git", "git"),
];

/// The running servers.
pub struct MailStack {
    folder: TempDir,
    ports: Ports,
    children: Vec<Child>,
}

/// Where the servers listen, all on 127.0.0.1.
struct Ports {
    smtp: u16,
    submission: u16,
    lmtp: u16,
    auth: u16,
    imap: u16,
    imaps: u16,
    http: u16,
}

impl MailStack {
    /// Installs what is missing, starts the servers and waits until they listen.
    ///
    /// # Panics
    ///
    /// Without root, when a package cannot be installed, or when a server does not start.
    pub fn start() -> Self {
        packages::need(&PROGRAMS);
        let folder = tempfile::Builder::new().prefix("mail-").tempdir().expect("a temporary folder can be made");
        let ports = Ports {
            smtp: free_port(),
            submission: free_port(),
            lmtp: free_port(),
            auth: free_port(),
            imap: free_port(),
            imaps: free_port(),
            http: free_port(),
        };
        let mut stack = Self { folder, ports, children: Vec::new() };
        let user = User::of("list");
        stack.write_config(&user);
        stack.make_archive(&user);
        stack.start_servers(&user);
        stack
    }

    fn start_servers(&mut self, user: &User) {
        let top = self.top();
        let dovecot = tool("dovecot").arg("-c").arg(top.join("dovecot/dovecot.conf")).status();
        assert!(dovecot.expect("dovecot starts").success(), "dovecot does not start: {}", self.log("dovecot/log"));
        self.postfix("start");
        let listen = format!("http://127.0.0.1:{}", self.ports.http);
        self.daemon(user, "public-inbox-httpd", &["-W0", "-l", &listen]);
        self.daemon(user, "public-inbox-watch", &[]);
        wait_for_port("postfix's submission", self.ports.submission);
        wait_for_port("dovecot's IMAP", self.ports.imap);
        wait_for_port("dovecot's LMTP", self.ports.lmtp);
        wait_for_port("public-inbox-httpd", self.ports.http);
        wait_for("public-inbox-watch", || self.log("public-inbox-watch.log").contains("scanning").then_some(()));
    }

    /// Ends the server that takes mail, in the middle of whatever it does.
    pub fn stop_smtp(&self) {
        self.postfix("abort");
        wait_for("postfix's end", || std::net::TcpStream::connect(("127.0.0.1", self.ports.smtp)).err());
    }

    /// Starts it again.
    pub fn start_smtp(&self) {
        self.postfix("start");
    }

    /// Panics when it cannot be done.
    fn postfix(&self, word: &str) {
        let done = tool("postfix").arg("-c").arg(self.top().join("postfix/etc")).arg(word).output();
        let done = done.expect("postfix starts");
        assert!(done.status.success(), "{}\n{}", String::from_utf8_lossy(&done.stderr), self.log("postfix/maillog"));
        if word == "start" {
            wait_for_port("postfix", self.ports.smtp);
        }
    }

    fn daemon(&mut self, user: &User, program: &str, args: &[&str]) {
        let log = fs::File::create(self.top().join(format!("{program}.log"))).expect("a log can be made");
        let errors = log.try_clone().expect("a file can be opened twice");
        let mut command = self.public_inbox(user, program);
        let child = command.args(args).stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        self.children.push(child.unwrap_or_else(|error| panic!("{program} does not start: {error}")));
    }

    /// The inboxes `triage` (v2) and `old` (v1), both filled from the Maildir of `archive`.
    fn make_archive(&self, user: &User) {
        let top = self.top();
        let init = |version: &str, name: &str, address: &str| {
            let mut command = self.public_inbox(user, "public-inbox-init");
            let url = format!("http://127.0.0.1:{}/{name}", self.ports.http);
            command.args([version, "-L", "full", name]).arg(top.join("archive").join(name)).args([&url, address]);
            let output = command.output().expect("public-inbox-init starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        init("-V2", "triage", LIST);
        init("-V1", "old", "old@lists.example.test");
        let watch = format!("maildir:{}/", top.join("maildirs/archive").display());
        for (key, value) in [
            ("publicinboxwatch.spamcheck", "none"),
            ("publicinbox.triage.listid", LIST_ID),
            ("publicinbox.triage.watch", &watch),
            ("publicinbox.old.watch", &watch),
        ] {
            let mut git = tool("git");
            git.args(["config", "-f"]).arg(top.join("archive/config")).args([key, value]);
            assert!(git.status().expect("git starts").success());
        }
        user.owns(&top.join("archive/config"));
    }

    /// A program of public-inbox with the stack's configuration, run by the user of the archive.
    fn public_inbox(&self, user: &User, program: &str) -> Command {
        let mut command = tool(program);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", self.top().join("home"));
        command.env("PI_CONFIG", self.top().join("archive/config")).current_dir(self.top());
        command.uid(user.uid).gid(user.gid);
        command
    }

    fn top(&self) -> &Path {
        self.folder.path()
    }

    /// Takes mail for the local domains, without TLS and AUTH.
    pub fn smtp_port(&self) -> u16 {
        self.ports.smtp
    }

    /// Takes mail after STARTTLS and AUTH only.
    pub fn submission_port(&self) -> u16 {
        self.ports.submission
    }

    /// IMAP without TLS.
    pub fn imap_port(&self) -> u16 {
        self.ports.imap
    }

    /// IMAP over TLS.
    pub fn imaps_port(&self) -> u16 {
        self.ports.imaps
    }

    /// The archive's web pages: `http://127.0.0.1:PORT/triage`.
    pub fn archive_url(&self) -> String {
        format!("http://127.0.0.1:{}/triage", self.ports.http)
    }

    /// The folder of the v2 inbox: `git/0.git` is its first epoch.
    pub fn archive_folder(&self) -> PathBuf {
        self.top().join("archive/triage")
    }

    /// The folder of the v1 inbox with the same mails: a bare repository.
    pub fn old_archive_folder(&self) -> PathBuf {
        self.top().join("archive/old")
    }

    /// The Maildir of an account.
    pub fn maildir(&self, account: &str) -> PathBuf {
        self.top().join("maildirs").join(account)
    }

    /// PEM file with the authority that signed the servers' certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.top().join("tls/ca.pem")
    }

    /// A log of the servers: `postfix/maillog`, `dovecot/log`, `public-inbox-watch.log`, `public-inbox-httpd.log`.
    pub fn log(&self, name: &str) -> String {
        fs::read(self.top().join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for MailStack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in ["postfix/maillog", "dovecot/log", "public-inbox-watch.log", "public-inbox-httpd.log"] {
                eprintln!("--- {name}\n{}", self.log(name));
            }
        }
        let quiet = |command: &mut Command| drop(command.stdout(Stdio::null()).stderr(Stdio::null()).status());
        quiet(tool("postfix").arg("-c").arg(self.top().join("postfix/etc")).arg("stop"));
        quiet(tool("dovecot").arg("-c").arg(self.top().join("dovecot/dovecot.conf")).arg("stop"));
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A user of the machine.
struct User {
    uid: u32,
    gid: u32,
}

impl User {
    fn of(name: &str) -> Self {
        let id = |flag: &str| {
            let output = Command::new("id").args([flag, name]).output().expect("id starts");
            String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| panic!("there is no user {name}"))
        };
        Self { uid: id("-u"), gid: id("-g") }
    }

    /// Makes a file, or a folder with all in it, the user's own.
    fn owns(&self, path: &Path) {
        let change = |path: &Path| {
            chown(path, Some(self.uid), Some(self.gid)).unwrap_or_else(|error| {
                panic!("the mail servers need root, to run each as its own user: {}: {error}", path.display())
            });
        };
        change(path);
        if path.is_dir() {
            for entry in fs::read_dir(path).expect("the folder can be read") {
                self.owns(&entry.expect("the folder can be read").path());
            }
        }
    }
}

fn tool(program: &str) -> Command {
    Command::new(packages::find(program).unwrap_or_else(|| panic!("{program} is not installed")))
}

/// Makes a folder that all may enter.
fn folder(path: &Path) {
    fs::create_dir_all(path).expect("a folder can be made");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("rights can be set");
}
