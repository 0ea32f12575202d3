//! `triage-bot serve` and mail: what is to be sent is sent once, whatever the server that takes it does.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::{Command, Stdio};

use triage_tests::answer;
use triage_tests::bot::{self, Bot, Settings};
use triage_tests::services::clock::Clock;
use triage_tests::services::mail::MailStack;
use triage_tests::services::{free_port, wait_for, wait_for_port};

const DEV: &str = "dev@example.test";

/// Down when the first reply is ready, gone again for the second, and the clock steps meanwhile.
#[test]
fn a_mail_server_that_comes_and_goes() {
    let stack = MailStack::start();
    stack.stop_smtp();
    let maildir = stack.maildir("bot");
    let more = "  direct: true\n  sources:\n    mboxes: [patches.mbox]\n";
    let port = stack.smtp_port();
    let bot = Bot::new(Settings { port, id_domain: "serve.example.test", sent: Some(&maildir), more });
    let arrives = |number: u32| {
        let (id, file) = (format!("{number}@dev"), format!("src/pump{number}.c"));
        let mails: String = (1..=number)
            .map(|number| {
                let (id, file) = (format!("{number}@dev"), format!("src/pump{number}.c"));
                let patch = bot::patch(&id, DEV, "bot@example.test", "[PATCH] pump", &file);
                format!("From mboxrd@z Thu Nov 26 10:00:00 2026\n{patch}\n")
            })
            .collect();
        fs::write(bot.path("patches.mbox"), mails).unwrap();
        bot.result(&number.to_string(), &id, &bot::log(&file, "level"));
    };
    let waiting = || answer(bot.any("outbox").stderr(Stdio::piped())).stdout;
    let clock = Clock::new(bot.path("triage.yaml").parent().unwrap());
    let port = free_port();
    let mut command = bot.any("serve");
    command.arg("--listen").arg(format!("127.0.0.1:{port}"));
    clock.show(&mut command);
    arrives(1);
    let mut server = command.stderr(fs::File::create(bot.path("serve.log")).unwrap()).spawn().unwrap();
    wait_for_port("triage-bot serve", port);
    let why = wait_for("the first try", || Some(waiting()).filter(|line| line.contains("refused")));
    assert!(why.contains("pending to dev@example.test"), "{why}");

    // It comes back; when the time of the next try has come, the mail goes out with the next round.
    stack.start_smtp();
    clock.set(3600);
    arrives(2);
    stack.wait_mailbox("dev", 2);
    stack.stop_smtp();
    arrives(3);
    wait_for("the third one to wait", || waiting().contains("refused").then_some(()));
    stack.start_smtp();
    clock.set(7200);
    arrives(4);
    stack.wait_mailbox("dev", 4);
    wait_for("the outbox to be empty", || waiting().is_empty().then_some(()));

    let kill = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert!(server.wait().unwrap().success());
    let mut answered: Vec<String> = Vec::new();
    for mail in stack.mailbox("dev") {
        let mail = String::from_utf8_lossy(&mail).into_owned();
        answered.extend(mail.lines().find_map(|line| line.strip_prefix("In-Reply-To: ")).map(str::to_owned));
    }
    answered.sort();
    assert_eq!(answered, ["<1@dev>", "<2@dev>", "<3@dev>", "<4@dev>"], "each once");
}
