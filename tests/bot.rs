//! `triage-bot` as the tests drive it: a configuration for the mail stack, and calls.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::{Answer, answer, built};

/// The program `triage-bot`, built once by each test program. A ready one can be named with
/// `TRIAGE_BOT`.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("TRIAGE_BOT") {
        Some(path) => path.into(),
        None => built("triage-server", "triage-bot"),
    })
}

/// A folder with a configuration, a database, and results of builds.
#[derive(Debug)]
pub struct Bot {
    folder: TempDir,
}

/// What differs from one configuration to the next; lines of YAML below `mail:`.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The port of the server that takes its mail, on this machine.
    pub port: u16,
    /// The domain of its Message-IDs.
    pub id_domain: &'a str,
    /// The Maildir in which its mails can be looked for.
    pub sent: Option<&'a Path>,
    /// More lines, each with its line end and two blanks in front.
    pub more: &'a str,
}

impl Bot {
    /// A bot that sends as `bot@example.test`, for the list of the mail stack.
    pub fn new(settings: Settings<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::create_dir(folder.path().join("results")).expect("a folder can be made");
        let bot = Self { folder };
        bot.configure(settings);
        bot
    }

    /// Writes the configuration.
    pub fn configure(&self, settings: Settings<'_>) {
        let Settings { port, id_domain, sent, more } = settings;
        let sent = sent.map(|path| format!("    maildir: {}\n    copy_to: bot@example.test\n", path.display()));
        let text = format!(
            "mail:\n  send: true\n  from: triage bot <bot@example.test>\n  id_domain: {id_domain}\n  results: results\n  \
             archive: https://archive.example.test/r/{{id}}\n  \
             relay: {{host: 127.0.0.1, port: {port}, security: plain, hello: bot.example.test}}\n  lists:\n    \
             - address: linux-triage@lists.example.test\n  sent:\n    settle_seconds: 2\n{}{more}",
            sent.unwrap_or_default()
        );
        fs::write(self.path("triage.yaml"), text).expect("a file can be written");
    }

    /// A file beside the configuration.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts down the result of a build: a log, and the mail that it is about.
    pub fn result(&self, name: &str, patch: &str, log: &str) {
        fs::write(self.path(&format!("results/{name}.log")), log).expect("a file can be written");
        let text = format!("patch: <{patch}>\nlogs: [{name}.log]\n");
        fs::write(self.path(&format!("results/{name}.yaml")), text).expect("a file can be written");
    }

    /// `triage-bot mail`, ready to be started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.any("mail");
        command.args(args);
        command
    }

    /// Another command of `triage-bot`, ready to be started.
    pub fn any(&self, word: &str) -> Command {
        let mut command = Command::new(program());
        command.arg(word).arg("--config").arg(self.path("triage.yaml")).stdin(Stdio::null());
        command
    }

    /// Runs `triage-bot mail`.
    pub fn mail(&self, args: &[&str]) -> Answer {
        answer(&mut self.command(args))
    }
}

/// A log in which a file fails for want of a declaration.
pub fn log(file: &str, name: &str) -> String {
    format!(
        "  CC      {file}\n{file}: In function 'start':\n{file}:4:9: error: '{name}' undeclared (first use in this function)\n    \
         4 |         {name} = 1;\n      |         ^~~~\nmake[1]: *** [Makefile:9: x.o] Error 1\n"
    )
}

/// A single patch as a mail.
pub fn patch(id: &str, from: &str, to: &str, subject: &str, file: &str) -> String {
    format!(
        "From: {from}\nTo: {to}\nDate: Thu, 26 Nov 2026 10:00:00 +0000\nMessage-ID: <{id}>\nSubject: {subject}\n\nText.\n\n\
         Signed-off-by: {from}\n---\n {file} | 1 +\n 1 file changed, 1 insertion(+)\n\ndiff --git a/{file} b/{file}\n\
         index 1234567..89abcde 100644\n--- a/{file}\n+++ b/{file}\n@@ -1,3 +1,4 @@\n a\n b\n c\n+level = 1;\n-- \n2.47.3\n"
    )
}
