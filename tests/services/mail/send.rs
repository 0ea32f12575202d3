//! Mail into the stack: SMTP by hand, so that any bytes can be sent, and `git send-email`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;

use super::super::{PATIENCE, packages};
use super::{LIST, MailStack, tool};

impl MailStack {
    /// Hands a mail to postfix, whatever its bytes are; line feeds become CR LF. An empty sender is the null path.
    ///
    /// # Panics
    ///
    /// When postfix refuses it.
    pub fn send(&self, from: &str, to: &[&str], raw: &[u8]) {
        if let Err(refusal) = self.try_send(from, to, raw) {
            panic!("postfix refuses a mail from {from:?} to {to:?}: {refusal}");
        }
    }

    /// The same, with postfix's words when it refuses.
    ///
    /// # Errors
    ///
    /// The answer that did not begin with 2 or 3.
    pub fn try_send(&self, from: &str, to: &[&str], raw: &[u8]) -> Result<(), String> {
        let stream = TcpStream::connect(("127.0.0.1", self.smtp_port())).expect("postfix listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit can be set");
        let mut dialogue =
            Dialogue { reader: BufReader::new(stream.try_clone().expect("a socket can be shared")), stream };
        dialogue.answer()?;
        dialogue.say("EHLO tests.example.test")?;
        dialogue.say(&format!("MAIL FROM:<{from}> BODY=8BITMIME"))?;
        for recipient in to {
            dialogue.say(&format!("RCPT TO:<{recipient}>"))?;
        }
        dialogue.say("DATA")?;
        let mut data = Vec::with_capacity(raw.len() + raw.len() / 32);
        for line in raw.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.starts_with(b".") {
                data.push(b'.');
            }
            data.extend_from_slice(line);
            data.extend_from_slice(b"\r\n");
        }
        if raw.ends_with(b"\n") {
            data.truncate(data.len() - 2);
        }
        dialogue.stream.write_all(&data).map_err(|error| error.to_string())?;
        dialogue.say(".")?;
        dialogue.say("QUIT")
    }

    /// `git send-email` of a folder of patches to the list, from the repository `repository`, as kernel developers do: the
    /// cover letter first, the patches in answer to it. The repository has `user.name` and `user.email`; `more` are arguments.
    ///
    /// # Panics
    ///
    /// When git fails.
    pub fn send_email(&self, repository: &Path, patches: &Path, more: &[&str]) {
        let programs = tool("git").arg("--exec-path").output().expect("git starts").stdout;
        let programs = String::from_utf8_lossy(&programs).trim().to_owned();
        packages::need(&[(&format!("{programs}/git-send-email"), "git-email")]);
        let mut git = tool("git");
        git.arg("-C").arg(repository).args(["send-email", "--quiet", "--confirm=never", "--suppress-cc=all"]);
        git.args(["--thread", "--no-chain-reply-to", "--smtp-server=127.0.0.1", "--smtp-domain=tests.example.test"]);
        git.arg(format!("--smtp-server-port={}", self.smtp_port())).arg(format!("--to={LIST}")).args(more).arg(patches);
        git.env("HOME", self.top().join("home")).env("GIT_CONFIG_NOSYSTEM", "1");
        let output = git.output().expect("git starts");
        let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "git send-email failed: {told:?}");
    }
}

/// A conversation in SMTP.
struct Dialogue {
    reader: BufReader<TcpStream>,
    stream: TcpStream,
}

impl Dialogue {
    fn say(&mut self, line: &str) -> Result<(), String> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).map_err(|error| error.to_string())?;
        self.answer()
    }

    fn answer(&mut self) -> Result<(), String> {
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).map_err(|error| error.to_string())?;
            if line.as_bytes().get(3) == Some(&b'-') {
                continue;
            }
            return if line.starts_with(['2', '3']) { Ok(()) } else { Err(line.trim().to_owned()) };
        }
    }
}
