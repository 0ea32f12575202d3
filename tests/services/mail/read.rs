//! What arrived, as its readers see it: public-inbox's pages, Dovecot's threads, mblaze, b4.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::{PATIENCE, packages, wait_for};
use super::{MailStack, PASSWORD, tool};

/// What `b4 am` made of a thread.
#[derive(Debug)]
pub struct Applied {
    /// What it said.
    pub output: String,
    /// The mailbox for `git am` that it wrote; none when it found no patches.
    pub mailbox: Option<PathBuf>,
    /// "Total patches" of its output.
    pub patches: usize,
}

impl MailStack {
    /// `GET` below the archive, such as `/<id>/raw`; none when the answer is not 200.
    pub fn archive(&self, path: &str) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports.http)).expect("public-inbox listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit can be set");
        // With HTTP 1.0 the answer ends with the connection.
        let request = format!("GET /triage{path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\n\r\n", self.ports.http);
        stream.write_all(request.as_bytes()).expect("public-inbox reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("public-inbox answers");
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let status = String::from_utf8_lossy(&answer[..head]).into_owned();
        status.lines().next().is_some_and(|line| line.contains(" 200 ")).then(|| answer.split_off(head + 4))
    }

    /// A mail as the archive has it, by its Message-ID without brackets.
    pub fn archived(&self, id: &str) -> Option<String> {
        self.archive(&format!("/{}/raw", escaped(id))).map(|raw| String::from_utf8_lossy(&raw).into_owned())
    }

    /// The same, once it is there.
    pub fn wait_archived(&self, id: &str) -> String {
        wait_for(&format!("<{id}> in the archive"), || self.archived(id))
    }

    /// The page of a thread without its markup. Its overview shows by indentation who answers whom.
    pub fn thread_page(&self, id: &str) -> String {
        let page = self.archive(&format!("/{}/t/", escaped(id))).unwrap_or_default();
        let page = String::from_utf8_lossy(&page).into_owned();
        let (mut text, mut tag) = (String::new(), false);
        for character in page.chars() {
            match character {
                '<' => tag = true,
                '>' => tag = false,
                _ if !tag => text.push(character),
                _ => {}
            }
        }
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#34;", "\""), ("&amp;", "&")]
            .iter()
            .fold(text, |text, (entity, character)| text.replace(entity, character))
    }

    /// All mails of an account, in the order of their delivery.
    pub fn mailbox(&self, account: &str) -> Vec<Vec<u8>> {
        let mut files: Vec<PathBuf> = ["new", "cur"]
            .iter()
            .filter_map(|folder| fs::read_dir(self.maildir(account).join(folder)).ok())
            .flatten()
            .map(|entry| entry.expect("the Maildir can be read").path())
            .collect();
        // Dovecot's names begin with seconds, then M and microseconds without leading zeros.
        files.sort_by_key(|path| delivery_time(path));
        files.iter().filter_map(|path| fs::read(path).ok()).collect()
    }

    /// The same, once there are `count` of them.
    pub fn wait_mailbox(&self, account: &str, count: usize) -> Vec<Vec<u8>> {
        wait_for(&format!("{count} mails for {account}"), || {
            let mails = self.mailbox(account);
            (mails.len() >= count).then_some(mails)
        })
    }

    /// Dovecot's `THREAD REFERENCES` of an account's inbox (RFC 5256), such as `(1 (2 4)(3))`.
    pub fn imap_thread(&self, account: &str) -> String {
        let answer = self.imap(account, &["SELECT INBOX", "THREAD REFERENCES UTF-8 ALL"]);
        let thread = answer.lines().find_map(|line| line.strip_prefix("* THREAD"));
        thread.unwrap_or_default().trim().to_owned()
    }

    /// Says some IMAP commands as an account and gives all answers.
    pub fn imap(&self, account: &str, commands: &[&str]) -> String {
        let stream = TcpStream::connect(("127.0.0.1", self.imap_port())).expect("dovecot listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit can be set");
        let mut reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
        let mut answers = String::new();
        let login = format!("LOGIN {account} {PASSWORD}");
        for (number, command) in [login.as_str()].iter().chain(commands).chain(&["LOGOUT"]).enumerate() {
            (&stream).write_all(format!("t{number} {command}\r\n").as_bytes()).expect("dovecot reads");
            let end = format!("t{number} ");
            loop {
                let mut line = Vec::new();
                let read = reader.read_until(b'\n', &mut line).expect("dovecot answers");
                let line = String::from_utf8_lossy(&line);
                answers.push_str(&line);
                if read == 0 || line.starts_with(&end) {
                    break;
                }
            }
        }
        answers
    }

    /// Ends all IMAP sessions, as a server does that is restarted.
    pub fn end_imap_sessions(&self) {
        let config = self.top().join("dovecot/dovecot.conf");
        let mut kick = tool("doveadm");
        let output = kick.arg("-c").arg(config).args(["kick", "*"]).output().expect("doveadm starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// What mblaze makes of an account's mails: how deep each stands, and its subject.
    pub fn mblaze_thread(&self, account: &str) -> Vec<(usize, String)> {
        let script = "mlist \"$1\" | mthread | mscan -f '%i|%S'";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).arg(self.maildir(account));
        shell.env("HOME", self.top().join("home")).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        let output = shell.output().expect("sh starts");
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let depth = |line: &str| line.split_once('|').map(|(indent, subject)| (indent.len(), subject.to_owned()));
        lines.lines().filter_map(depth).collect()
    }

    /// `b4 am` of the thread of a Message-ID; what it writes goes to `folder`.
    pub fn b4_am(&self, id: &str, folder: &Path) -> Applied {
        let b4 = packages::python("b4==0.16.0", "b4");
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let url = format!("{}/%s", self.archive_url());
        let mut config =
            format!("[b4]\n\tmidmask = {url}\n\tlinkmask = {url}\n\tsearchmask = {}/\n", self.archive_url());
        config.push_str("[user]\n\tname = Tester\n\temail = tester@example.test\n");
        fs::write(home.path().join(".gitconfig"), config).expect("a file can be written");
        let mut git = tool("git");
        git.args(["init", "--quiet"]).arg(home.path().join("tree")).env("HOME", home.path());
        assert!(git.status().expect("git starts").success());
        let mut b4 = Command::new(b4);
        b4.args(["--no-interactive", "am", "--no-cache", "-o"]).arg(folder).arg(id);
        b4.env("HOME", home.path()).env("GIT_CONFIG_NOSYSTEM", "1").current_dir(home.path().join("tree"));
        let output = b4.stdin(Stdio::null()).output().expect("b4 starts");
        let output = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let entries =
            fs::read_dir(folder).expect("the folder can be read").map(|entry| entry.expect("an entry").path());
        let mailbox = entries.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "mbx"));
        let total = output.lines().find_map(|line| line.trim().strip_prefix("Total patches: "));
        let patches = total.and_then(|total| total.split(' ').next()?.parse().ok()).unwrap_or(0);
        Applied { output, mailbox, patches }
    }
}

fn delivery_time(path: &Path) -> (u64, u64) {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let number = |text: &str| -> u64 {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    };
    let micros = name.split_once(".M").map_or(0, |(_, rest)| number(rest));
    (number(&name), micros)
}

/// A Message-ID in a path of a URL.
fn escaped(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@.-_+=~".contains(&byte);
    id.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
