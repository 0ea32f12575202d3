//! The bot on a real list: its replies stand in the thread where they belong, do no harm to the
//! tools of maintainers, and it talks with no machine.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use triage_tests::bot::{self, Bot, Settings};
use triage_tests::services::mail::{LIST, MailStack, PASSWORD};
use triage_tests::services::wait_for;
use triage_tests::{call, folder};

fn git(tree: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.arg("-C").arg(tree).args(args).env("HOME", tree.parent().unwrap()).env("GIT_CONFIG_NOSYSTEM", "1");
    let output = git.output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A tree with two commits of Alice's on top of a base; the first one does not compile.
fn tree(folder: &Path) -> PathBuf {
    let tree = folder.join("tree");
    fs::create_dir(&tree).unwrap();
    git(&tree, &["init", "--quiet", "--initial-branch=main"]);
    git(&tree, &["config", "user.name", "Alice Dev"]);
    git(&tree, &["config", "user.email", "alice@example.test"]);
    let commit = |subject: &str, file: &str, text: &str| {
        fs::write(tree.join(file), text).unwrap();
        git(&tree, &["add", "--all"]);
        git(&tree, &["commit", "--quiet", "--message", subject]);
    };
    commit("base", "pump.c", "#include <stdio.h>\n#include <stdlib.h>\n\nint pump(void)\n{\n\treturn 0;\n}\n");
    let pump =
        "#include <stdio.h>\n#include <stdlib.h>\n\nint pump(const char *name)\n{\n\treturn strlen(name) > 3;\n}\n";
    commit("pump: look at the name", "pump.c", pump);
    commit("valve: declare it", "valve.h", "int valve(void);\n");
    tree
}

const LOG: &str = "gcc -c -o pump.o pump.c\npump.c: In function 'pump':\n\
                   pump.c:6:16: error: implicit declaration of function 'strlen' [-Wimplicit-function-declaration]\n    \
                   6 |         return strlen(name) > 3;\n      |                ^~~~~~\n\
                   pump.c:3:1: note: include '<string.h>' or provide a declaration of 'strlen'\n\
                   make: *** [Makefile:2: pump.o] Error 1\n";

/// The report on [`LOG`] with the patch that `triage` makes for the tree, as one that was verified.
fn report(folder: &Path, tree: &Path) -> (Value, String) {
    let log = folder.join("build.log");
    fs::write(&log, LOG).unwrap();
    let mut report = call(["--format", "json", "--tree", tree.to_str().unwrap(), log.to_str().unwrap()]).json();
    let fix = &mut report["causes"][0]["fixes"][0];
    fix["applicability"] = json!("verified");
    let patch = fix["patch"].as_str().expect("there is a patch").to_owned();
    report["builds"][0]["axes"] = json!({"arch": "x86_64", "toolchain": "gcc", "version": "12.2"});
    (report, patch)
}

/// The mails of the bot in a mailbox, each once: one that came directly and over the list is one.
fn of_bot(mails: &[Vec<u8>]) -> Vec<String> {
    let texts = mails.iter().map(|mail| String::from_utf8_lossy(mail).replace("\r\n", "\n"));
    let mut own: Vec<String> = texts.filter(|text| text.contains("\nX-Triage-Loop: bot@example.test\n")).collect();
    let mut seen = BTreeSet::new();
    own.retain(|mail| seen.insert(header(mail, "Message-ID").to_owned()));
    own
}

fn header<'m>(mail: &'m str, name: &str) -> &'m str {
    mail.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .unwrap_or_else(|| panic!("{name}: {mail}"))
}

#[test]
fn a_reply_on_a_real_list() {
    let stack = MailStack::start();
    let home = folder();
    let tree = tree(home.path());
    let out = home.path().join("out");
    git(&tree, &["format-patch", "--quiet", "--cover-letter", "--thread", "-2", "-o", out.to_str().unwrap()]);
    let cover = out.join("0000-cover-letter.patch");
    let text = fs::read_to_string(&cover).unwrap().replace("*** SUBJECT HERE ***", "pump: two changes");
    fs::write(&cover, text).unwrap();
    let id_of = |name: &str| {
        let text = fs::read_to_string(out.join(name)).unwrap();
        header(&text, "Message-ID").trim_matches(['<', '>']).to_owned()
    };
    let ids = ["0000-cover-letter.patch", "0001-pump-look-at-the-name.patch", "0002-valve-declare-it.patch"].map(id_of);
    stack.send_email(&tree, &out, &["--cc=dev@example.test"]);
    for id in &ids {
        stack.wait_archived(id);
    }
    stack.wait_mailbox("bot", 3);

    // The reply.
    let maildir = stack.maildir("bot");
    let more = format!("  sources:\n    maildirs: [{}]\n", maildir.display());
    let bot = Bot::new(Settings {
        port: stack.smtp_port(),
        id_domain: "bot.example.test",
        sent: Some(&maildir),
        more: &more,
    });
    let (report, patch) = report(home.path(), &tree);
    fs::write(bot.path("results/1.json"), report.to_string()).unwrap();
    fs::write(bot.path("results/1.yaml"), format!("patch: <{}>\nreport: 1.json\n", ids[0])).unwrap();
    let dry = bot.mail(&["--dry-run"]);
    assert_eq!(dry.status, Some(0), "{dry:?}");
    assert!(!bot.path("triage.db").exists(), "a dry run leaves nothing behind");
    let told = bot.mail(&[]);
    assert_eq!((told.status, told.stdout.as_str()), (Some(0), ""), "{told:?}");
    let find = || of_bot(&stack.mailbox("dev")).pop();
    let reply = wait_for("the reply", find);
    let reply_id = header(&reply, "Message-ID").trim_matches(['<', '>']);
    let raw = stack.wait_archived(reply_id);

    // What was shown is what was sent.
    let shown = dry.stdout.split_once("\n\n").unwrap().1.trim_end();
    assert_eq!(raw.replace("\r\n", "\n").split_once("\n\n").unwrap().1.trim_end(), shown);
    assert_eq!(header(&raw, "Subject"), "Re: [PATCH 1/2] pump: look at the name");
    assert_eq!(header(&raw, "In-Reply-To").trim_matches(['<', '>']), ids[1]);
    let flowing = raw.replace('\n', " ");
    assert!(flowing.contains("Most likely this patch (1/2) does it: it wrote line 6 of pump.c."), "{raw}");

    // Where it stands.
    let page = stack.thread_page(&ids[0]);
    let page = page.rsplit_once("Thread overview").expect("the page has an overview").1;
    let line = |what: &str| page.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {page}"));
    let depth = |line: &str| line.find('`').unwrap_or(0);
    let (parent, child) = (line("` [PATCH 1/2] pump: look at the name"), line("` triage bot"));
    assert!(depth(child) > depth(parent), "{page}");
    assert!(page.find(parent) < page.find(child) && page.find(child) < page.find("` [PATCH 2/2]"), "{page}");
    stack.wait_mailbox("archive", 4);
    assert_eq!(stack.imap_thread("archive"), "(1 (2 4)(3))");
    let depths: Vec<usize> = stack.mblaze_thread("archive").iter().map(|(depth, _)| *depth).collect();
    assert_eq!(depths, [0, 1, 2, 1]);

    // What tools make of it.
    let series = folder();
    let applied = stack.b4_am(&ids[0], series.path());
    assert_eq!(applied.patches, 2, "{}", applied.output);
    let mailbox = fs::read_to_string(applied.mailbox.expect("b4 writes a mailbox")).unwrap();
    assert!(!mailbox.contains("bot@example.test") && !mailbox.contains("Closes:"), "{mailbox}");
    assert!(raw.replace("\r\n", "\n").contains(&patch), "{raw}");
    fs::write(home.path().join("raw"), &raw).unwrap();
    git(&tree, &["apply", "--check", home.path().join("raw").to_str().unwrap()]);

    // Once.
    let again = bot.mail(&[]);
    assert_eq!((again.status, again.stderr.as_str()), (Some(0), ""), "{again:?}");
    commands(&stack, &bot, &ids[1], reply_id);
    bounces(&stack, &bot);
}

/// Commands of a person are answered, those of machines and strangers are not.
fn commands(stack: &MailStack, bot: &Bot, patch: &str, reply: &str) {
    let mail = |id: &str, from: &str, more: &str| {
        format!(
            "From: {from}\nTo: bot@example.test\nCc: {LIST}\nMessage-ID: <{id}>\nIn-Reply-To: <{reply}>\n\
             References: <{patch}> <{reply}>\nSubject: Re: [PATCH 1/2] pump: look at the name\n{more}\n\
             > #triage stop thread\n#triage explain\n"
        )
    };
    let automatic = "Auto-Submitted: auto-replied (vacation)\n";
    for (id, from, more) in [
        ("away@dev", "dev@example.test", automatic),
        ("stranger@x", "owner@example.test", ""),
        ("person@dev", "Dev Person <dev@example.test>", ""),
    ] {
        stack.send(
            from.trim_start_matches("Dev Person <").trim_end_matches('>'),
            &[LIST],
            mail(id, from, more).as_bytes(),
        );
        stack.wait_archived(id);
    }
    let in_maildir = |id: &str| stack.mailbox("bot").iter().any(|mail| String::from_utf8_lossy(mail).contains(id));
    for id in ["away@dev", "stranger@x", "person@dev"] {
        wait_for(id, || in_maildir(id).then_some(()));
    }
    let told = bot.mail(&[]);
    assert_eq!(told.status, Some(0), "{told:?}");
    let answers = wait_for("the answer", || {
        let mails = of_bot(&stack.mailbox("dev"));
        (mails.len() >= 2).then_some(mails)
    });
    assert!(
        answers.iter().any(|mail| header(mail, "In-Reply-To") == "<person@dev>" && mail.contains("explain: see below"))
    );
    assert_eq!(bot.mail(&[]).stderr, "");

    // Alice is on vacation: she says so to a person who writes to her, and never to the bot.
    wait_for("the reply to alice", || (!of_bot(&stack.mailbox("alice")).is_empty()).then_some(()));
    let control = "From: owner@example.test\nTo: alice@example.test\nSubject: x\nMessage-ID: <control@x>\n\nx\n";
    stack.send("owner@example.test", &["alice@example.test"], control.as_bytes());
    let away = |account: &str| {
        let mails = stack.mailbox(account);
        mails.iter().filter(|mail| String::from_utf8_lossy(mail).contains("I am away.")).count()
    };
    wait_for("alice's vacation", || (away("owner") == 1).then_some(()));
    assert_eq!(away("bot"), 0);

    // A vacation reply in the thread, as the bot would get it: it is not answered.
    let bait = format!(
        "From: bot@example.test\nTo: alice@example.test\nSubject: Re: x\nMessage-ID: <bait@bot.example.test>\n\
         In-Reply-To: <{patch}>\n\n#triage explain\n"
    );
    stack.send("bot@example.test", &["alice@example.test"], bait.as_bytes());
    wait_for("her vacation for the bot", || (away("bot") == 1).then_some(()));
    assert_eq!(bot.mail(&[]).stderr, "");
    assert_eq!(of_bot(&stack.mailbox("dev")).len(), 2);
}

/// A mail that comes back is told to the operator, and not answered.
fn bounces(stack: &MailStack, bot: &Bot) {
    let id = "gone@example.test";
    let patch = bot::patch(id, "bouncer@example.test", LIST, "[PATCH] valve: open", "valve.c");
    stack.send("bouncer@example.test", &[LIST], patch.as_bytes());
    stack.wait_archived(id);
    wait_for("the patch", || {
        stack.mailbox("bot").iter().any(|mail| String::from_utf8_lossy(mail).contains(id)).then_some(())
    });
    bot.result("2", id, &bot::log("valve.c", "level"));
    assert_eq!(bot.mail(&[]).status, Some(0));
    let is_report = |mail: &Vec<u8>| String::from_utf8_lossy(mail).contains("report-type=delivery-status");
    wait_for("the DSN", || stack.mailbox("bot").iter().any(is_report).then_some(()));
    let told = bot.mail(&[]);
    assert_eq!(told.status, Some(0));
    assert!(
        told.stderr.contains("a mail came back: <triage.") && told.stderr.contains("to bouncer@example.test"),
        "{told:?}"
    );
    assert_eq!(bot.mail(&[]).stderr, "");
}

#[test]
fn over_tls_with_a_login_from_imap_and_an_archive() {
    let stack = MailStack::start();
    let (dev, id) = ("dev@example.test", "tls@dev");
    stack.send(dev, &[LIST], bot::patch(id, dev, LIST, "[PATCH] pump: it", "src/pump.c").as_bytes());
    stack.wait_archived(id);
    stack.wait_mailbox("bot", 1);
    let bot = Bot::new(Settings { port: 9, id_domain: "bot.example.test", sent: None, more: "" });
    bot.result("1", id, &bot::log("src/pump.c", "level"));
    fs::write(bot.path("password"), format!("{PASSWORD}\n")).unwrap();
    let ca = stack.ca_file();
    let configure = |relay: &str, sources: &str| {
        let text = format!(
            "mail:\n  send: true\n  from: triage bot <bot@example.test>\n  results: results\n  relay: {{{relay}}}\n  lists:\n    \
             - address: {LIST}\n  sources: {{{sources}}}\n"
        );
        fs::write(bot.path("triage.yaml"), text).unwrap();
    };
    let login = format!("user: bot, password_file: password, ca_file: {}", ca.display());
    let submission = stack.submission_port();
    let imap = format!("imap: [{{host: localhost, port: {}, {login}}}]", stack.imaps_port());

    // What must not work: a certificate of nobody, a wrong password, TLS that is not there.
    let stranger =
        format!("host: localhost, port: {submission}, security: starttls, user: bot, password_file: password");
    configure(&stranger, &imap);
    let told = bot.mail(&[]);
    assert_eq!(told.status, Some(0), "{told:?}");
    assert!(told.stderr.contains(" pending to ") && told.stderr.contains("invalid peer certificate"), "{told:?}");
    fs::remove_file(bot.path("triage.db")).unwrap();
    fs::write(bot.path("wrong"), "wrong\n").unwrap();
    let wrong =
        format!("host: localhost, port: {submission}, user: bot, password_file: wrong, ca_file: {}", ca.display());
    configure(&wrong, &imap);
    let told = bot.mail(&[]);
    assert!(told.stderr.contains("535") || told.stderr.to_lowercase().contains("authentication failed"), "{told:?}");
    assert!(!told.stderr.contains("wrong\n"), "{told:?}");
    fs::remove_file(bot.path("triage.db")).unwrap();

    // What must.
    configure(&format!("host: localhost, port: {submission}, {login}"), &imap);
    let told = bot.mail(&[]);
    assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    wait_for("the reply", || (of_bot(&stack.mailbox("dev")).len() == 1).then_some(()));

    // The same patch from the archive alone, for another bot.
    let archive = format!("archives: [\"{}\"]", stack.archive_url());
    configure(&format!("host: localhost, port: {submission}, {login}"), &archive);
    fs::remove_file(bot.path("triage.db")).unwrap();
    let told = bot.mail(&["--dry-run"]);
    assert!(told.stdout.contains("\nIn-Reply-To: <tls@dev>\n"), "{told:?}");
}

#[test]
fn it_stays_and_answers_what_comes() {
    let stack = MailStack::start();
    let bot = Bot::new(Settings { port: stack.smtp_port(), id_domain: "bot.example.test", sent: None, more: "" });
    fs::write(bot.path("password"), format!("{PASSWORD}\n")).unwrap();
    let imap = format!(
        "  sources:\n    imap: [{{host: localhost, port: {}, user: bot, password_file: password, ca_file: {}}}]\n",
        stack.imaps_port(),
        stack.ca_file().display()
    );
    bot.configure(Settings { port: stack.smtp_port(), id_domain: "bot.example.test", sent: None, more: &imap });
    let mut child = bot.command(&["--watch"]).stderr(Stdio::piped()).spawn().unwrap();
    let (dev, id) = ("dev@example.test", "watched@dev");

    // A result, before the patch has arrived.
    wait_for("the first round", || bot.path("triage.db").exists().then_some(()));
    bot.result("1", id, &bot::log("src/pump.c", "level"));
    stack.send(dev, &[LIST], bot::patch(id, dev, LIST, "[PATCH] pump: it", "src/pump.c").as_bytes());
    let reply = wait_for("the reply", || of_bot(&stack.mailbox("dev")).pop());
    assert_eq!(header(&reply, "In-Reply-To"), format!("<{id}>"));

    // A question.
    let question = format!(
        "From: {dev}\nTo: bot@example.test\nCc: {LIST}\nMessage-ID: <why@dev>\nIn-Reply-To: {}\nReferences: <{id}> {}\n\
         Subject: Re: [PATCH] pump: it\n\n#triage explain\n",
        header(&reply, "Message-ID"),
        header(&reply, "Message-ID")
    );
    stack.send(dev, &[LIST], question.as_bytes());
    wait_for("the answer", || (of_bot(&stack.mailbox("dev")).len() == 2).then_some(()));

    assert!(child.try_wait().unwrap().is_none(), "it has ended by itself");
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let end = child.wait_with_output().unwrap();
    assert_eq!(end.status.code(), Some(0), "{end:?}");
    assert_eq!(of_bot(&stack.mailbox("dev")).len(), 2);
}
