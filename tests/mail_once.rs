//! Each mail arrives once, whenever the program is killed.
//!
//! `TRIAGE_KILLS` says how often it is killed; 20 times when it does not. The answers of the server
//! are delayed by a random time, so that many kills come between its taking of a mail and our
//! knowing of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use triage_tests::bot::{self, Bot, Settings};
use triage_tests::services::mail::MailStack;

/// Mails that a run has to send.
const MAILS: usize = 20;
/// How often one run is killed.
const KILLS_A_RUN: usize = 10;

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

static RANDOM: Mutex<Random> = Mutex::new(Random(0));

fn random(end: u64) -> u64 {
    RANDOM.lock().unwrap().below(end)
}

/// A way to the server on which its answers take their time.
fn slow(server: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().map(Result::unwrap) {
            let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(from, to, 0));
            thread::spawn(move || pass(server, client, 25));
        }
    });
    port
}

/// What was read is passed on even when its sender is dead by then, as a network does.
fn pass(mut from: TcpStream, mut to: TcpStream, delay: u64) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        thread::sleep(Duration::from_millis(random(delay)));
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn message_ids(mails: &[Vec<u8>]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for mail in mails {
        let text = String::from_utf8_lossy(mail);
        let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).expect("a mail has an id");
        *counts.entry(id.to_owned()).or_insert(0) += 1;
    }
    counts
}

#[test]
fn kill_at_random_moments() {
    let kills: usize = std::env::var("TRIAGE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    RANDOM.lock().unwrap().0 = seed;
    eprintln!("seed {seed}");
    let stack = MailStack::start();
    let port = slow(stack.smtp_port());
    let maildir = stack.maildir("bot");
    let (mut done, mut unsure, mut found, mut round) = (0, 0, 0, 0);
    let mut usual = Duration::from_secs(2);
    while done < kills {
        round += 1;
        let domain = format!("round{round}.example.test");
        let more = "  direct: true\n  limits: {per_hour: 1000, per_person_and_day: 1000}\n";
        let bot = Bot::new(Settings { port, id_domain: &domain, sent: Some(&maildir), more });
        let mails = bot.path("patches");
        fs::create_dir(&mails).unwrap();
        for number in 0..MAILS {
            let (id, file) = (format!("{round}.{number}@dev"), format!("src/pump{number}.c"));
            let patch = bot::patch(&id, "dev@example.test", "bot@example.test", "[PATCH] pump", &file);
            fs::write(mails.join(number.to_string()), patch).unwrap();
            bot.result(&format!("{number:02}"), &id, &bot::log(&file, "level"));
        }
        let run = |last: bool| {
            let mut command = bot.command(&["--wait", "--series", mails.to_str().unwrap()]);
            let stderr = if last { Stdio::inherit() } else { Stdio::null() };
            command.stderr(stderr).spawn().unwrap()
        };
        for _ in 0..KILLS_A_RUN.min(kills - done) {
            let mut child = run(false);
            thread::sleep(Duration::from_micros(random(usual.as_micros() as u64)));
            child.kill().unwrap();
            child.wait().unwrap();
            done += 1;
        }
        let begin = Instant::now();
        assert!(run(true).wait().unwrap().success());
        if round == 1 {
            usual = begin.elapsed().max(Duration::from_millis(500)).min(Duration::from_secs(3));
        }
        let (looked, there) = audit(&bot);
        unsure += looked;
        found += there;
    }
    let expected = MAILS * round;
    stack.wait_mailbox("dev", expected);
    // What would be a second copy has time to come.
    thread::sleep(Duration::from_secs(3));
    let counts = message_ids(&stack.mailbox("dev"));
    let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
    assert_eq!(counts.len(), expected);
    eprintln!("{done} kills in {round} runs of {MAILS} mails: {expected} arrived, each once");
    eprintln!("{unsure} times it was in doubt whether a mail had arrived; {found} had");
}

/// How often a mail was in doubt, and how often it was found then.
fn audit(bot: &Bot) -> (usize, usize) {
    let database = bot.path("triage.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = triage_store::Store::open(database.to_str().unwrap()).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        let entries = transaction.audit_since(triage_store::Timestamp::from_millis(0), 10_000).await.unwrap();
        let looked: Vec<_> = entries.iter().filter(|entry| entry.action == "looked up").collect();
        (looked.len(), looked.iter().filter(|entry| entry.detail == "Found").count())
    })
}
