//! What the bot says and what it keeps to itself, from the outside: series and logs in, mails out.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use triage_tests::bot::{self, Bot, Settings};

const LIST: &str = "linux-triage@lists.example.test";

/// A bot that has no server to send to: what it wants to send waits in its outbox, and a dry run shows it.
struct Quiet {
    bot: Bot,
}

impl Quiet {
    fn new(more: &str) -> Self {
        let bot = Bot::new(Settings { port: 9, id_domain: "bot.example.test", sent: None, more });
        fs::create_dir(bot.path("mails")).unwrap();
        Self { bot }
    }

    fn mail(&self, name: &str, text: &str) {
        fs::write(self.mails().join(name), text).unwrap();
    }

    fn mails(&self) -> PathBuf {
        self.bot.path("mails")
    }

    /// A series of two patches with a cover letter.
    fn series(&self) {
        let dev = "Dev Person <dev@example.test>";
        let head = |id: &str, subject: &str, more: &str| {
            format!(
                "From: {dev}\nTo: {LIST}\nDate: Thu, 26 Nov 2026 10:00:00 +0000\nMessage-ID: <{id}>\n{more}Subject: {subject}\n"
            )
        };
        self.mail("0", &(head("0@dev", "[PATCH 0/2] pump: two", "") + "\nPlease test.\n"));
        for (number, file) in [(1, "src/pump.c"), (2, "src/valve.c")] {
            let subject = format!("[PATCH {number}/2] pump: part {number}");
            let patch = bot::patch(&format!("{number}@dev"), dev, LIST, &subject, file);
            let patch = patch.replacen('\n', "\nIn-Reply-To: <0@dev>\nReferences: <0@dev>\n", 1);
            self.mail(&number.to_string(), &patch);
        }
    }

    /// Mails that would go out, as they are.
    fn shown(&self) -> Vec<String> {
        let told = self.bot.mail(&["--dry-run", "--series", self.mails().to_str().unwrap()]);
        assert_eq!(told.status, Some(0), "{told:?}");
        let mails = told.stdout.split("From bot@example.test Thu Jan  1 00:00:00 1970\n").skip(1);
        mails.map(str::to_owned).collect()
    }

    /// Records what there is to say.
    fn record(&self) -> String {
        let told = self.bot.mail(&["--series", self.mails().to_str().unwrap()]);
        assert_eq!(told.status, Some(0), "{told:?}");
        told.stderr
    }
}

/// A repository with a file of three lines, to which a commit adds the line of [`bot::patch`]; the commit's name.
fn commit(folder: &Path, file: &str, message: &str) -> String {
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(folder).args(["-c", "user.name=Maintainer", "-c", "user.email=m@example.test"]).args(args);
        let output = git.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
    git(&["init", "-q"]);
    fs::write(folder.join(file), "a\nb\nc\n").unwrap();
    git(&["add", "."]);
    git(&["commit", "-qm", "base"]);
    fs::write(folder.join(file), "a\nb\nc\nlevel = 1;\n").unwrap();
    git(&["commit", "-qam", message]);
    git(&["rev-parse", "HEAD"])
}

/// What `triage --format json` writes of a log, with an axis of its build.
fn report(log: &str, axis: &str, value: &str) -> String {
    let book = triage_rules::RuleBook::embedded();
    let mut analyzer = triage_causes::Analyzer::new(&book, triage_causes::Options::default());
    analyzer.begin("x.log");
    let summary = triage_log::read_log(&mut log.as_bytes(), &mut |diagnostic| analyzer.diagnostic(diagnostic)).unwrap();
    analyzer.end(&summary);
    let mut report = analyzer.finish();
    report.builds[0].axes.insert(axis.to_owned(), value.to_owned());
    serde_json::to_string(&report).unwrap()
}

fn answers(mail: &str) -> &str {
    mail.lines().find_map(|line| line.strip_prefix("In-Reply-To: ")).unwrap()
}

#[test]
fn one_patch_is_answered_where_it_is_to_blame() {
    let quiet = Quiet::new("");
    quiet.series();
    quiet.bot.result("a", "0@dev", &bot::log("src/valve.c", "level"));
    let shown = quiet.shown();
    assert_eq!(shown.len(), 1);
    assert_eq!(answers(&shown[0]), "<2@dev>");
    assert!(shown[0].contains("Subject: Re: [PATCH 2/2] pump: part 2\n"), "{}", shown[0]);
    assert!(shown[0].contains("it wrote line 4 of src/valve.c"), "{}", shown[0]);
}

#[test]
fn what_a_log_leaks_is_neither_mailed_nor_stored() {
    let quiet = Quiet::new("");
    quiet.series();
    let secret = "ghp_Q7xTz2LmP0aVb9RkYc4WnJ5dHs8GfE1uKo3i";
    let log = bot::log("src/valve.c", "level").replace("level = 1;", &format!("level = push({secret});"));
    quiet.bot.result("a", "0@dev", &log);
    let said = quiet.record();
    assert!(said.contains("the logs show a secret (GitHub token, 1 time)"), "{said}");
    let shown = quiet.shown();
    assert!(shown[0].contains("level = push([masked]);"), "{}", shown[0]);
    let mut stored = 0;
    for file in fs::read_dir(quiet.bot.path(".")).unwrap().map(|entry| entry.unwrap().path()).filter(|it| it.is_file())
    {
        let bytes = fs::read(&file).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{}", file.display());
        stored += bytes.len();
    }
    assert!(stored > 10_000, "there is a database");
}

#[test]
fn several_patches_are_answered_at_the_cover_letter() {
    let quiet = Quiet::new("");
    quiet.series();
    let both = bot::log("src/valve.c", "level") + &bot::log("src/pump.c", "depth");
    quiet.bot.result("a", "2@dev", &both);
    let shown = quiet.shown();
    assert_eq!(shown.len(), 1);
    assert_eq!(answers(&shown[0]), "<0@dev>");
    assert!(shown[0].contains("- most likely by patch 1/2: it wrote line 4 of src/pump.c"), "{}", shown[0]);
    assert!(shown[0].contains("- most likely by patch 2/2: it wrote line 4 of src/valve.c"), "{}", shown[0]);
}

#[test]
fn a_summary_instead_of_a_second_mail_and_then_nothing() {
    let quiet = Quiet::new("");
    quiet.series();
    quiet.bot.result("a", "0@dev", &bot::log("src/valve.c", "level"));
    quiet.record();
    assert_eq!(quiet.shown().len(), 1, "it waits in the outbox");
    // The same again, and the same from another build.
    quiet.bot.result("b", "0@dev", &format!("\n{}", bot::log("src/valve.c", "level")));
    quiet.record();
    assert_eq!(quiet.shown().len(), 1);
    // Something new beside it.
    quiet.bot.result("c", "0@dev", &(bot::log("src/valve.c", "level") + &bot::log("src/valve.c", "depth")));
    quiet.record();
    let shown = quiet.shown();
    assert_eq!(shown.len(), 2);
    let summary = shown.iter().find(|mail| mail.contains("Besides what I wrote")).unwrap();
    assert!(summary.contains("'depth'") && !summary.contains("'level'"), "{summary}");
    // A third mail about this version is one too many.
    quiet.bot.result("d", "0@dev", &bot::log("src/pump.c", "width"));
    quiet.record();
    assert_eq!(quiet.shown().len(), 2);
}

#[test]
fn the_next_version_is_told_again() {
    let quiet = Quiet::new("");
    let dev = "dev@example.test";
    for version in 1..=2 {
        let id = format!("v{version}@dev");
        quiet.mail(&id, &bot::patch(&id, dev, LIST, &format!("[PATCH v{version}] pump: it"), "src/pump.c"));
        quiet.bot.result(&id, &id, &bot::log("src/pump.c", "level"));
    }
    quiet.record();
    let shown = quiet.shown();
    assert_eq!(shown.iter().map(|mail| answers(mail)).collect::<Vec<_>>(), ["<v1@dev>", "<v2@dev>"]);
}

#[test]
fn what_is_not_said() {
    // The machine's faults, builds that passed, other lists, automatic mail.
    let quiet = Quiet::new("");
    let dev = "dev@example.test";
    let patch = |id: &str, to: &str| bot::patch(id, dev, to, "[PATCH] pump: it", "src/pump.c");
    quiet.mail("memory", &patch("memory@dev", LIST));
    quiet.bot.result("memory", "memory@dev", "cc1: out of memory allocating 65536 bytes\nmake: *** [x.o] Error 1\n");
    quiet.mail("passed", &patch("passed@dev", LIST));
    quiet.bot.result("passed", "passed@dev", "  CC      src/pump.o\n  LD      vmlinux\n");
    quiet.mail("elsewhere", &patch("elsewhere@dev", "other@example.net"));
    quiet.bot.result("elsewhere", "elsewhere@dev", &bot::log("src/pump.c", "level"));
    let automatic = patch("automatic@dev", LIST).replacen('\n', "\nAuto-Submitted: auto-generated\n", 1);
    quiet.mail("automatic", &automatic);
    quiet.bot.result("automatic", "automatic@dev", &bot::log("src/pump.c", "level"));
    assert_eq!(quiet.shown(), [] as [String; 0]);
    assert_eq!(quiet.record(), "");
    assert_eq!(quiet.shown(), [] as [String; 0]);
    // A result whose patch has not come yet is kept for later.
    quiet.bot.result("early", "early@dev", &bot::log("src/pump.c", "level"));
    assert!(quiet.record().contains("no mail <early@dev> was found; it will be looked for again"));
    quiet.mail("early", &patch("early@dev", LIST));
    assert_eq!(quiet.shown().len(), 1);
}

fn command(id: &str, from: &str, parent: &str, text: &str) -> String {
    format!(
        "From: {from}\nTo: bot@example.test\nCc: {LIST}\nMessage-ID: <{id}>\nIn-Reply-To: <{parent}>\nSubject: Re: x\n\n{text}\n"
    )
}

#[test]
fn people_are_left_alone_who_say_so() {
    let quiet = Quiet::new("");
    quiet.series();
    quiet.bot.result("a", "0@dev", &bot::log("src/valve.c", "level"));
    quiet.record();
    quiet.mail("stop", &command("stop@dev", "dev@example.test", "2@dev", "#triage stop"));
    quiet.record();
    // Nothing more is said to them, in this thread or another.
    quiet.mail("next", &bot::patch("next@dev", "DEV@example.test", LIST, "[PATCH] valve: it", "src/v.c"));
    quiet.bot.result("next", "next@dev", &bot::log("src/v.c", "level"));
    quiet.record();
    let shown = quiet.shown();
    assert!(!shown.iter().any(|mail| answers(mail) == "<next@dev>"), "{shown:?}");
    let stops = |args: &[&str]| {
        let mut command = Command::new(bot::program());
        triage_tests::answer(command.arg("stops").arg("--config").arg(quiet.bot.path("triage.yaml")).args(args))
    };
    assert_eq!(stops(&[]).stdout, "person dev@example.test (said dev@example.test in <stop@dev>)\n");
    // Others are written to.
    quiet.mail("other", &bot::patch("other@dev", "owner@example.test", LIST, "[PATCH] valve: it", "src/v.c"));
    quiet.bot.result("other", "other@dev", &bot::log("src/v.c", "depth"));
    assert!(quiet.shown().iter().any(|mail| answers(mail) == "<other@dev>"));
    // The operator can take it back.
    assert_eq!(stops(&["--resume", "nobody@example.test"]).status, Some(2));
    assert_eq!(stops(&["--resume", "DEV@example.test"]).status, Some(0));
    quiet.mail("later", &bot::patch("later@dev", "dev@example.test", LIST, "[PATCH] valve: it", "src/w.c"));
    quiet.bot.result("later", "later@dev", &bot::log("src/w.c", "width"));
    assert!(quiet.shown().iter().any(|mail| answers(mail) == "<later@dev>"));
}

#[test]
fn commands_are_answered_or_carried_out() {
    let quiet = Quiet::new("  commands:\n    administrators: [boss@example.test]\n    retests: retests\n");
    quiet.series();
    quiet.bot.result("a", "0@dev", &bot::log("src/valve.c", "level"));
    quiet.record();
    let of = |id: &str| -> Option<String> {
        let parent = format!("<{id}>");
        quiet.shown().into_iter().find(|mail| answers(mail) == parent)
    };
    quiet.mail(
        "c1",
        &command("c1@dev", "dev@example.test", "2@dev", "#triage explain\n#triage nonsense\n#triage stop list"),
    );
    let answer = of("c1@dev").unwrap();
    assert!(answer.contains(" - explain: see below\n") && answer.contains("'level' is not declared"), "{answer}");
    assert!(answer.contains("known are: explain,") && answer.contains("only those who run the list"), "{answer}");

    quiet.mail("c2", &command("c2@dev", "dev@example.test", "2@dev", "#triage retest"));
    assert_eq!(of("c2@dev"), None);
    quiet.record();
    let asked: Vec<_> = fs::read_dir(quiet.bot.path("retests")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(asked.len(), 1);
    let text = fs::read_to_string(&asked[0]).unwrap();
    assert!(text.contains("\"1@dev\"") && text.contains("\"asked_by\": \"dev@example.test\""), "{text}");

    // What a person called invalid is not told to others.
    quiet.mail("c3", &command("c3@dev", "dev@example.test", "2@dev", "#triage invalid"));
    quiet.record();
    quiet.mail("again", &bot::patch("again@dev", "owner@example.test", LIST, "[PATCH] valve: it", "src/valve.c"));
    quiet.bot.result("again", "again@dev", &bot::log("src/valve.c", "level"));
    assert_eq!(of("again@dev"), None);

    // A stranger is not heard; who runs the list is.
    quiet.mail("c4", &command("c4@x", "stranger@example.net", "2@dev", "#triage explain"));
    assert_eq!(of("c4@x"), None);
    quiet.mail("c5", &command("c5@x", "boss@example.test", "2@dev", "#triage stop list"));
    quiet.record();
    quiet.mail("last", &bot::patch("last@dev", "owner@example.test", LIST, "[PATCH] valve: it", "src/w.c"));
    quiet.bot.result("last", "last@dev", &bot::log("src/w.c", "width"));
    assert_eq!(of("last@dev"), None);
}

#[test]
fn limits_and_usage() {
    let quiet = Quiet::new("  limits: {quiet_hours: \"00:00-23:59\"}\n  people: {max: 1}\n");
    quiet.series();
    quiet.bot.result("a", "0@dev", &bot::log("src/valve.c", "level"));
    let told = quiet.bot.mail(&["--dry-run", "--series", quiet.mails().to_str().unwrap()]);
    assert!(
        told.stderr.contains("would go to dev@example.test, in ")
            || told.stderr.contains("would go to dev@example.test\n"),
        "{told:?}"
    );
    quiet.mail("other", &bot::patch("other@dev", "owner@example.test", LIST, "[PATCH] valve: it", "src/v.c"));
    let log = quiet.bot.path("x.log");
    fs::write(&log, bot::log("src/v.c", "level")).unwrap();
    let told = quiet.bot.mail(&["--dry-run", "--series", quiet.mails().to_str().unwrap(), log.to_str().unwrap()]);
    assert_eq!(told.status, Some(2));
    assert!(told.stderr.contains("there are 2 series: say with --for which one was built"), "{told:?}");
    fs::write(quiet.bot.path("triage.yaml"), "mail: {nonsense: 1}\n").unwrap();
    let told = quiet.bot.mail(&[]);
    assert_eq!(told.status, Some(2));
    assert!(told.stderr.contains("triage.yaml:1:8: unknown field `nonsense`"), "{told:?}");
}

/// A server that hears a mail to its end and says nothing then, as often as asked; afterwards it answers.
fn forgetful(times: usize) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().map(Result::unwrap).enumerate() {
            let mut say = stream.try_clone().unwrap();
            say.write_all(b"220 x\r\n").unwrap();
            let mut content = false;
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let answer = match line.as_str() {
                    "." if number < times => break,
                    "." => "250 taken",
                    _ if content => continue,
                    "DATA" => "354 go on",
                    _ => "250 ok",
                };
                content = line == "DATA";
                if say.write_all(format!("{answer}\r\n").as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    port
}

#[test]
fn what_is_in_doubt_waits_for_the_operator() {
    let quiet = Quiet::new("");
    quiet.bot.configure(Settings { port: forgetful(1), id_domain: "bot.example.test", sent: None, more: "" });
    quiet.series();
    quiet.bot.result("a", "0@dev", &bot::log("src/valve.c", "level"));
    let outbox = |args: &[&str]| {
        let mut command = Command::new(bot::program());
        let output =
            command.arg("outbox").arg("--config").arg(quiet.bot.path("triage.yaml")).args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let told = quiet.bot.mail(&["--wait", "--series", quiet.mails().to_str().unwrap()]);
    assert_eq!(told.status, Some(0), "{told:?}");
    let listed = outbox(&[]);
    assert!(
        listed.contains(" unsure to dev@example.test, ") && listed.contains("send it again or drop it by hand"),
        "{listed}"
    );
    assert!(told.stderr.contains(listed.trim_end()), "{told:?}");
    // It is not sent again by itself.
    quiet.record();
    assert_eq!(outbox(&[]), listed);
    let key = listed.split(' ').next().unwrap();
    outbox(&["--resend", key]);
    assert_eq!(quiet.record(), "");
    assert_eq!(outbox(&[]), "");
}

#[test]
fn commands_need_a_proved_sender_where_that_is_asked() {
    let quiet = Quiet::new("  commands: {authserv: mx.example.test}\n");
    quiet.series();
    quiet.bot.result("a", "0@dev", &bot::log("src/valve.c", "level"));
    quiet.record();
    let explain = command("c1@dev", "dev@example.test", "2@dev", "#triage explain");
    quiet.mail("c1", &explain);
    quiet.mail(
        "c2",
        &format!(
            "Authentication-Results: mx.evil.net; dkim=pass header.d=example.test\n{}",
            explain.replace("c1@", "c2@")
        ),
    );
    assert_eq!(quiet.shown().len(), 1);
    let proved = "Authentication-Results: mx.example.test; dkim=pass header.d=example.test\n";
    quiet.mail("c3", &format!("{proved}{}", explain.replace("c1@", "c3@")));
    let shown = quiet.shown();
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().any(|mail| answers(mail) == "<c3@dev>"), "{shown:?}");
}

#[test]
fn a_commit_finds_the_patch_that_it_was_made_of() {
    let quiet = Quiet::new("  repository: tree\n");
    quiet.series();
    // The maintainer edited the title; the diff tells.
    let id = commit(&quiet.bot.path("tree"), "src/valve.c", "valve: reworded");
    fs::write(quiet.bot.path("results/a.log"), bot::log("src/valve.c", "level")).unwrap();
    fs::write(quiet.bot.path("results/a.yaml"), format!("commit: {id}\nlogs: [a.log]\n")).unwrap();
    let shown = quiet.shown();
    assert_eq!(shown.iter().map(|mail| answers(mail)).collect::<Vec<_>>(), ["<2@dev>"]);
    // As `git format-patch` writes it, without a repository.
    let mut git = Command::new("git");
    let written = git.arg("-C").arg(quiet.bot.path("tree")).args(["format-patch", "-1", "--stdout"]).output().unwrap();
    fs::write(quiet.bot.path("results/a.patch"), written.stdout).unwrap();
    fs::write(quiet.bot.path("results/a.yaml"), "commit_patch: a.patch\nlogs: [a.log]\n").unwrap();
    assert_eq!(quiet.shown(), shown);
    // The report's builds say it.
    fs::write(quiet.bot.path("results/a.json"), report(&bot::log("src/valve.c", "level"), "commit", &id)).unwrap();
    fs::write(quiet.bot.path("results/a.yaml"), "report: a.json\n").unwrap();
    assert_eq!(quiet.shown().len(), 1);
    assert_eq!(answers(&quiet.shown()[0]), "<2@dev>");
    // What is unknown to git is kept, and said with its place.
    fs::write(quiet.bot.path("results/a.yaml"), "logs: [a.log]\ncommit: 0123456789abcdef\n").unwrap();
    assert!(quiet.record().contains("a.yaml:2:9: git does not know the commit 0123456789abcdef"));
    fs::write(quiet.bot.path("results/a.yaml"), "logs: [a.log]\n").unwrap();
    assert!(quiet.record().contains("a.yaml:1:1: say what was built: give 'patch', 'commit',"));
}

#[test]
fn later_patches_are_not_blamed_for_an_earlier_commit() {
    let quiet = Quiet::new("  repository: tree\n");
    quiet.series();
    let id = commit(&quiet.bot.path("tree"), "src/pump.c", "pump: part 1\n\nLink: https://lore.kernel.org/r/1@dev");
    fs::write(quiet.bot.path("results/a.log"), bot::log("src/valve.c", "level")).unwrap();
    fs::write(quiet.bot.path("results/a.yaml"), format!("commit: {id}\nlogs: [a.log]\n")).unwrap();
    let shown = quiet.shown();
    assert_eq!(shown.iter().map(|mail| answers(mail)).collect::<Vec<_>>(), ["<1@dev>"], "patch 2 was not built");
}

#[test]
fn a_change_finds_its_newest_version() {
    let quiet = Quiet::new("");
    let change = |id: &str, from: &str, subject: &str| {
        let patch = bot::patch(id, from, LIST, subject, "src/pump.c");
        quiet.mail(id, &patch.replacen("Text.\n", "Text.\n\nchange-id: 20261123-pump\n", 1));
    };
    change("v1@dev", "dev@example.test", "[PATCH] pump: it");
    change("v2@dev", "dev@example.test", "[PATCH v2] pump: it");
    let log = quiet.bot.path("x.log");
    fs::write(&log, bot::log("src/pump.c", "level")).unwrap();
    let told = |name: &[&str]| {
        let mut args = vec!["--dry-run", "--series", quiet.bot.path("mails").to_str().unwrap().to_owned().leak()];
        args.extend(name);
        args.push(log.to_str().unwrap());
        quiet.bot.mail(&args)
    };
    assert_eq!(answers(&told(&["--change", "20261123-pump"]).stdout), "<v2@dev>");
    assert_eq!(answers(&told(&["--change", "20261123-pump:v1"]).stdout), "<v1@dev>");
    let unused = quiet.bot.mail(&["--dry-run", "--change", "20261123-pump"]);
    assert!(unused.status == Some(2) && unused.stderr.contains("give its --report or its logs, too"), "{unused:?}");
    let missing = told(&["--change", "20261123-other"]);
    assert_eq!(missing.status, Some(2), "{missing:?}");
    assert!(missing.stderr.contains("no mail was found for change-id 20261123-other"), "{missing:?}");
    let bare = told(&["--commit", "0123456789ab"]);
    assert_eq!(bare.status, Some(2), "{bare:?}");
    assert!(bare.stderr.contains("a git repository is needed (--tree, or 'repository'"), "{bare:?}");
    assert!(told(&["--commit", "HEAD"]).stderr.contains("\"HEAD\" is no commit; give 7 to 64 hexadecimal digits"));
    let both = told(&["--commit", "0123456789ab", "--change", "x"]);
    assert!(both.status == Some(2) && both.stderr.contains("cannot be used with"), "{both:?}");
    // Anyone can write a change-id into a mail.
    change("v3@evil", "mallory@example.net", "[PATCH v3] pump: it");
    let several = told(&["--change", "20261123-pump"]);
    assert_eq!((several.status, several.stdout.as_str()), (Some(2), ""), "{several:?}");
    assert!(
        several.stderr.contains("series fit change-id 20261123-pump: <v1@dev>, <v2@dev>, <v3@evil>"),
        "{several:?}"
    );
    assert_eq!(answers(&told(&["--change", "20261123-pump:v2"]).stdout), "<v2@dev>");
}

#[test]
fn a_pull_request_is_answered_like_a_patch() {
    let quiet = Quiet::new("  commands: {retests: retests}\n");
    let head = "fedcba9876543210fedcba9876543210fedcba98";
    let text = format!(
        "Linus,\n\nThe following changes since commit 0123456789abcdef0123456789abcdef01234567:\n\n  Linux 6.1\n\n\
         are available in the Git repository at:\n\n  https://git.example.test/pump.git tags/pump-1\n\n\
         for you to fetch changes up to {head}:\n\n  pump: it\n"
    );
    quiet.mail(
        "pull",
        &format!(
            "From: Dev Person <dev@example.test>\nTo: {LIST}\nDate: Thu, 26 Nov 2026 10:00:00 +0000\n\
             Message-ID: <pull@dev>\nSubject: [GIT PULL] pump fixes\n\n{text}"
        ),
    );
    quiet.series();
    // CI builds what the request ends with; no repository is needed to know it again.
    fs::write(quiet.bot.path("results/a.log"), bot::log("src/pump.c", "level")).unwrap();
    fs::write(quiet.bot.path("results/a.yaml"), format!("commit: {head}\nlogs: [a.log]\n")).unwrap();
    let shown = quiet.shown();
    assert_eq!(shown.iter().map(|mail| answers(mail)).collect::<Vec<_>>(), ["<pull@dev>"]);
    assert!(shown[0].contains("Subject: Re: [GIT PULL] pump fixes\n"), "{}", shown[0]);
    assert!(shown[0].contains("With this pull request the build fails"), "{}", shown[0]);
    assert!(shown[0].contains("base:      0123456789ab\n"), "{}", shown[0]);
    quiet.record();
    // It is named by its Message-ID, too, and said once.
    quiet.bot.result("b", "pull@dev", &format!("\n{}", bot::log("src/pump.c", "level")));
    quiet.record();
    assert_eq!(quiet.shown().len(), 1);
    quiet.bot.result("c", "pull@dev", &bot::log("src/pump.c", "depth"));
    quiet.record();
    assert!(quiet.shown().iter().any(|mail| mail.contains("about this pull request already")), "{:?}", quiet.shown());
    // Commands in its thread are obeyed.
    quiet.mail("c1", &command("c1@dev", "dev@example.test", "pull@dev", "#triage retest"));
    quiet.record();
    let asked = fs::read_dir(quiet.bot.path("retests")).unwrap().next().unwrap().unwrap().path();
    let asked = fs::read_to_string(asked).unwrap();
    assert!(asked.contains(head) && asked.contains("https://git.example.test/pump.git"), "{asked}");
}

#[test]
fn a_clone_of_an_archive_is_read() {
    let quiet = Quiet::new("  sources: {git_archives: [archive]}\n");
    let epoch = quiet.bot.path("archive/git/0.git");
    fs::create_dir_all(&epoch).unwrap();
    quiet.series();
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(&epoch).args(["-c", "user.name=P", "-c", "user.email=p@example.test"]).args(args);
        let output = git.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    // As public-inbox-v2-format(5) has it: each commit has its mail as the file `m`.
    git(&["init", "-q"]);
    for number in 0..=2 {
        fs::copy(quiet.mails().join(number.to_string()), epoch.join("m")).unwrap();
        git(&["add", "m"]);
        git(&["commit", "-qm", "x"]);
    }
    let bare = quiet.bot.path("archive/git/1.git");
    fs::rename(epoch.join(".git"), &bare).unwrap();
    fs::remove_dir_all(&epoch).unwrap();
    quiet.bot.result("a", "0@dev", &bot::log("src/valve.c", "level"));
    let told = quiet.bot.mail(&["--dry-run"]);
    assert_eq!((told.status, answers(&told.stdout)), (Some(0), "<2@dev>"), "{told:?}");
    fs::rename(&bare, quiet.bot.path("archive/elsewhere")).unwrap();
    let told = quiet.bot.mail(&["--dry-run"]);
    assert_eq!(told.status, Some(2));
    assert!(told.stderr.contains("archive: no archive of public-inbox"), "{told:?}");
}
