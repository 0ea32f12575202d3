//! Patches on their way from `git send-email` through a real list into all sources.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use std::time::{Duration, Instant};

use triage_mail::series::{Name, SeriesKey, Shelf};
use triage_mail::source::{
    Cursor, GitArchive, HttpArchive, HttpCursor, Imap, ImapConfig, Maildir, Mbox, Password, Quoting, Security, Source,
};
use triage_mail::{Message, MessageId};
use triage_tests::folder;
use triage_tests::services::mail::{LIST, LIST_ID, MailStack, PASSWORD};

/// A repository with a base commit, whose patches are sent.
struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self { folder: folder() };
        fs::create_dir(repository.tree()).unwrap();
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.git(&["config", "user.name", "Zoë Dev"]);
        repository.git(&["config", "user.email", "zoe@example.test"]);
        repository
            .commit("base", &[("foo.c", "int foo_init(void)\n{\n\treturn 0;\n}\n"), ("bar.h", "int bar(void);\n")]);
        repository
    }

    /// The first commit.
    fn base(&self) -> String {
        self.git(&["rev-list", "--max-parents=0", "HEAD"])
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    fn git(&self, args: &[&str]) -> String {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.tree()).args(args).env("HOME", self.folder.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        let output = git.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, subject: &str, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            fs::write(self.tree().join(name), text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", subject]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// `git format-patch` of all commits since `since` with a cover letter, into a folder.
    fn format(&self, since: &str, cover: &str, more: &[&str]) -> PathBuf {
        let out = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let base = format!("--base={since}");
        let mut args =
            vec!["format-patch", "--quiet", "--thread", "--cover-letter", &base, "-o", out.to_str().unwrap()];
        args.extend(more);
        args.push(since);
        self.git(&args);
        let letter = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
        let letter = letter.into_iter().find(|path| path.to_string_lossy().contains("0000-cover")).unwrap();
        let text = fs::read_to_string(&letter).unwrap();
        let text = text.replace("*** SUBJECT HERE ***", cover).replace("*** BLURB HERE ***", "Please test.");
        fs::write(&letter, text).unwrap();
        out
    }
}

/// The Message-IDs of a folder of patches, in order.
fn ids(patches: &Path) -> Vec<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(patches).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let id = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Message-ID: <")).unwrap();
        line.trim_end_matches('>').to_owned()
    };
    files.iter().map(id).collect()
}

/// A series of two patches with its cover letter, sent to the list; the Message-IDs of all three.
fn sent_series(stack: &MailStack) -> (Repository, Vec<String>) {
    let repository = Repository::new();
    let base = repository.base();
    repository.commit("foo: add state", &[("foo.c", "int foo_init(void)\n{\n\tint state;\n\treturn 0;\n}\n")]);
    repository.commit("bar: declare baz()", &[("bar.h", "int bar(void);\nint baz(int);\n")]);
    let patches = repository.format(&base, "foo: two fixes", &[]);
    stack.send_email(&repository.tree(), &patches, &[]);
    (repository, ids(&patches))
}

#[test]
fn a_list_of_real_programs_carries_a_series() {
    let stack = MailStack::start();
    let (_repository, ids) = sent_series(&stack);
    for id in &ids {
        let raw = stack.wait_archived(id);
        assert!(raw.contains(&format!("List-Id: <{LIST_ID}>")) && raw.contains("Precedence: bulk"), "{raw}");
    }

    let page = stack.thread_page(&ids[0]);
    assert!(page.contains("[PATCH 0/2] foo: two fixes") && page.contains("` [PATCH 2/2] bar: declare baz()"), "{page}");
    assert_eq!(stack.wait_mailbox("dev", 3).len(), 3);
    assert_eq!(stack.imap_thread("dev"), "(1 (2)(3))");
    let threads = stack.mblaze_thread("dev");
    let depths: Vec<usize> = threads.iter().map(|(depth, _)| *depth).collect();
    assert_eq!(depths, [0, 1, 1], "{threads:?}");

    let out = folder();
    let applied = stack.b4_am(&ids[0], out.path());
    assert_eq!(applied.patches, 2, "{}", applied.output);
    assert!(applied.mailbox.is_some(), "{}", applied.output);

    // Mail that cannot be delivered comes back; who is on vacation says so to a person, and not to a list.
    let mail =
        |id: &str| format!("From: dev@example.test\nTo: x@example.test\nSubject: hi\nMessage-ID: <{id}>\n\nhi\n");
    stack.send("dev@example.test", &["bouncer@example.test"], mail("1@dev").as_bytes());
    let returned = String::from_utf8(stack.wait_mailbox("dev", 4).pop().unwrap()).unwrap();
    assert!(returned.starts_with("Return-Path: <>") && returned.contains("report-type=delivery-status"), "{returned}");
    let to_alice = mail("2@dev").replace("x@example.test", "alice@example.test");
    stack.send("dev@example.test", &["alice@example.test"], to_alice.as_bytes());
    let answer = String::from_utf8(stack.wait_mailbox("dev", 5).pop().unwrap()).unwrap();
    assert!(answer.contains("Auto-Submitted: auto-replied (vacation)") && answer.contains("I am away."), "{answer}");

    let refusal = stack.try_send("dev@example.test", &["someone@elsewhere.example"], b"x\n").unwrap_err();
    assert!(refusal.starts_with("554"), "{refusal}");
    assert!(stack.try_send("dev@example.test", &[LIST, "nobody@example.test"], b"x\n").unwrap_err().starts_with("550"));
}

/// Reads a source until it has no more.
async fn drain(source: &mut Source, cursor: &mut Option<Cursor>) -> Vec<Message> {
    let mut messages = Vec::new();
    loop {
        let batch = source.read(cursor.as_ref()).await.unwrap();
        messages.extend(batch.messages);
        *cursor = Some(batch.cursor);
        if !batch.more {
            return messages;
        }
    }
}

/// What a shelf knows of each of its series: version, title, base, and id, title, patch-id and files of the patches.
fn told(shelf: &Shelf) -> Vec<String> {
    let patch = |patch: &triage_mail::series::Patch| {
        let files: Vec<&str> = patch.files.iter().map(|file| file.path.as_str()).collect();
        let author = patch.author.as_ref().unwrap();
        format!("{} {} {author} {:?} {files:?} {}", patch.id, patch.subject.title, patch.patch_id, patch.diff())
    };
    let series = shelf.series().map(|(_, series)| {
        let patches: Vec<String> = series.patches.values().map(patch).collect();
        assert!(series.is_complete() && series.cover.is_some(), "{series:?}");
        format!("v{} {} {:?} {}", series.version, series.title(), series.base(), patches.join("\n"))
    });
    series.collect()
}

fn imap(stack: &MailStack, security: Security) -> Source {
    let (host, port) = match security {
        Security::Tls => ("localhost", stack.imaps_port()),
        Security::Plain => ("127.0.0.1", stack.imap_port()),
    };
    Source::Imap(Box::new(Imap::new(ImapConfig {
        host: host.to_owned(),
        port,
        security,
        user: "bot".to_owned(),
        password: Password::new(PASSWORD),
        mailbox: "INBOX".to_owned(),
        authorities: Some(stack.ca_file()),
    })))
}

/// All sources, named.
fn sources(stack: &MailStack) -> Vec<(&'static str, Source)> {
    let http = HttpArchive::new(&stack.archive_url(), Duration::from_secs(1)).unwrap();
    vec![
        ("Maildir", Source::Maildir(Maildir::new(stack.maildir("bot")))),
        ("IMAP over TLS", imap(stack, Security::Tls)),
        ("IMAP", imap(stack, Security::Plain)),
        ("git, v2", Source::GitArchive(GitArchive::new(stack.archive_folder()))),
        ("git, v1", Source::GitArchive(GitArchive::new(stack.old_archive_folder()))),
        ("HTTP", Source::HttpArchive(Box::new(http))),
    ]
}

/// Waits, in the source's own way, until so many mails came.
async fn wait_for(name: &str, source: &mut Source, cursor: &mut Option<Cursor>, count: usize) -> Vec<Message> {
    let end = Instant::now() + Duration::from_secs(180);
    let mut messages = drain(source, cursor).await;
    while messages.len() < count {
        assert!(Instant::now() < end, "{name} has {} of {count} mails", messages.len());
        source.wait(Duration::from_secs(5)).await.unwrap();
        messages.extend(drain(source, cursor).await);
    }
    assert_eq!(messages.len(), count, "{name}");
    messages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_sources_see_the_same_series_and_its_next_version() {
    let stack = MailStack::start();
    let (repository, first) = sent_series(&stack);
    let mut shelves: Vec<(&str, Source, Option<Cursor>, Shelf)> = Vec::new();
    for (name, mut source) in sources(&stack) {
        let (mut cursor, mut shelf) = (None, Shelf::new());
        for message in wait_for(name, &mut source, &mut cursor, 3).await {
            shelf.add(message);
        }
        shelves.push((name, source, cursor, shelf));
    }
    let one = told(&shelves[0].3);
    assert_eq!(one.len(), 1);
    assert!(one[0].contains("Zoë Dev <zoe@example.test>") && one[0].contains(&repository.base()), "{one:?}");
    for (name, .., shelf) in &shelves {
        assert_eq!(told(shelf), one, "{name}");
    }

    // The next version answers the first one.
    repository.git(&["reset", "--quiet", "--hard", &repository.base()]);
    repository.commit("foo: add state", &[("foo.c", "int foo_init(void)\n{\n\tlong state;\n\treturn 0;\n}\n")]);
    repository.commit("bar: declare baz()", &[("bar.h", "int bar(void);\nint baz(long);\n")]);
    let patches =
        repository.format(&repository.base(), "foo: two fixes", &["-v2", &format!("--in-reply-to={}", first[0])]);
    stack.send_email(&repository.tree(), &patches, &[]);
    let second = ids(&patches);
    for (name, source, cursor, shelf) in &mut shelves {
        for message in wait_for(name, source, cursor, 3).await {
            shelf.add(message);
        }
    }
    let two = told(&shelves[0].3);
    assert_eq!((two.len(), &two[0]), (2, &one[0]));
    for (name, source, cursor, shelf) in &mut shelves {
        assert_eq!(told(shelf), two, "{name}");
        let keys: Vec<SeriesKey> = shelf.series().map(|(key, _)| key).collect();
        assert_eq!(shelf.superseded_by(keys[0]), Some(keys[1]), "{name}");
        assert!(drain(source, cursor).await.is_empty(), "{name} gives a mail twice");
        let end = source.end().await.unwrap();
        assert!(source.read(Some(&end)).await.unwrap().messages.is_empty(), "{name} has mail behind its end");
    }

    // The thread from the archive, as a file and at once.
    let id = MessageId::parse(&first[1]).unwrap();
    let mut archive = HttpArchive::new(&stack.archive_url(), Duration::from_secs(1)).unwrap();
    let mut shelf = Shelf::new();
    for message in archive.thread(&id).await.unwrap() {
        shelf.add(message);
    }
    assert_eq!(told(&shelf), two);
    assert!(archive.thread(&MessageId::parse("nobody@example.test").unwrap()).await.unwrap().is_empty());
    let out = folder();
    let file = out.path().join("t.mbox");
    let packed = stack.archive(&format!("/{id}/t.mbox.gz").replace(['<', '>'], "")).unwrap();
    let mut mails = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(packed.as_slice()), &mut mails).unwrap();
    fs::write(&file, mails).unwrap();
    let mut mbox = Source::Mbox(Mbox::new(&file, Quoting::Rd));
    let (mut cursor, mut shelf) = (None, Shelf::new());
    for message in wait_for("mbox", &mut mbox, &mut cursor, 6).await {
        shelf.add(message);
    }
    assert_eq!(told(&shelf), two);

    b4_agrees(&stack, &shelf, &first[0], 1);
    b4_agrees(&stack, &shelf, &second[0], 2);
}

/// b4 takes the same patches out of the thread: as many, with the same changes, in the same order.
fn b4_agrees(stack: &MailStack, shelf: &Shelf, id: &str, version: u32) {
    let found = shelf.find(&Name::Message(&MessageId::parse(id).unwrap())).unwrap();
    let series = shelf.get(found.series).unwrap();
    assert_eq!((series.version, found.number), (version, 0));
    let out = folder();
    let applied = stack.b4_am(id, out.path());
    // b4 takes the newest version of the thread, unless it is told.
    let newest = shelf.superseded_by(found.series).and_then(|key| shelf.get(key)).unwrap_or(series);
    assert_eq!(applied.patches, newest.total as usize, "{}", applied.output);
    let mailbox = fs::File::open(applied.mailbox.expect(&applied.output)).unwrap();
    let output = Command::new("git").args(["patch-id", "--stable"]).stdin(mailbox).output().unwrap();
    let theirs = String::from_utf8(output.stdout).unwrap();
    let theirs: Vec<&str> = theirs.lines().filter_map(|line| line.split(' ').next()).collect();
    let ours: Vec<&str> = newest.patches.values().filter_map(|patch| patch.patch_id.as_deref()).collect();
    assert_eq!(ours, theirs, "{}", applied.output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_wakes_up_and_a_broken_connection_comes_back() {
    let stack = MailStack::start();
    let mut source = imap(&stack, Security::Tls);
    let mut cursor = source.end().await.unwrap();
    let mail =
        |id: &str| format!("From: dev@example.test\nTo: bot@example.test\nSubject: {id}\nMessage-ID: <{id}>\n\nhi\n");

    let begin = Instant::now();
    let waiting = tokio::spawn(async move {
        source.wait(Duration::from_secs(300)).await.unwrap();
        source
    });
    // IDLE has begun by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    stack.send("dev@example.test", &["bot@example.test"], mail("1@dev").as_bytes());
    let mut source = waiting.await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(150), "woken after {:?}", begin.elapsed());
    let batch = source.read(Some(&cursor)).await.unwrap();
    assert_eq!(batch.messages[0].message_id.as_ref().unwrap().as_str(), "1@dev");
    cursor = batch.cursor;
    // Nothing was marked as read.
    let answers = stack.imap("bot", &["SELECT INBOX", "FETCH 1 FLAGS"]);
    let flags = answers.lines().find(|line| line.contains("FETCH (FLAGS")).unwrap();
    assert!(!flags.contains("Seen"), "reading a mail marks it: {flags}");

    stack.end_imap_sessions();
    stack.send("dev@example.test", &["bot@example.test"], mail("2@dev").as_bytes());
    let end = Instant::now() + Duration::from_secs(180);
    let mut failures = 0;
    let messages = loop {
        match source.read(Some(&cursor)).await {
            Ok(batch) if batch.messages.is_empty() => source.wait(Duration::from_secs(5)).await.unwrap_or(()),
            Ok(batch) => break batch.messages,
            Err(error) => {
                assert!(error.is_temporary(), "{error}");
                failures += 1;
            }
        }
        assert!(Instant::now() < end, "the connection does not come back");
    };
    assert_eq!(messages[0].subject, "2@dev");
    assert!(failures > 0, "the connection did not break");

    let mut wrong = Source::Imap(Box::new(Imap::new(ImapConfig {
        host: "localhost".to_owned(),
        port: stack.imaps_port(),
        security: Security::Tls,
        user: "bot".to_owned(),
        password: Password::new("wrong"),
        mailbox: "INBOX".to_owned(),
        authorities: Some(stack.ca_file()),
    })));
    let error = wrong.read(None).await.unwrap_err();
    assert!(!error.is_temporary() && error.to_string().contains("uthentication failed"), "{error}");
}

#[tokio::test]
async fn an_unknown_authority_is_refused() {
    let stack = MailStack::start();
    let mut source = Source::Imap(Box::new(Imap::new(ImapConfig {
        host: "localhost".to_owned(),
        port: stack.imaps_port(),
        security: Security::Tls,
        user: "bot".to_owned(),
        password: Password::new(PASSWORD),
        mailbox: "INBOX".to_owned(),
        authorities: None,
    })));
    let error = source.read(None).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn the_archive_is_asked_from_a_time_on() {
    let stack = MailStack::start();
    let mail = |id: &str| format!("From: dev@example.test\nTo: {LIST}\nSubject: {id}\nMessage-ID: <{id}>\n\nhi\n");
    stack.send("dev@example.test", &[LIST], mail("1/..%41@dev").as_bytes());
    stack.wait_archived("1/..%41@dev");
    let mut source =
        Source::HttpArchive(Box::new(HttpArchive::new(&stack.archive_url(), Duration::from_secs(1)).unwrap()));
    let mut past = Some(Cursor::HttpArchive(HttpCursor::since(1_000_000_000)));
    assert_eq!(wait_for("HTTP", &mut source, &mut past, 1).await.len(), 1);
    let future = Cursor::HttpArchive(HttpCursor::since(4_000_000_000));
    assert!(source.read(Some(&future)).await.unwrap().messages.is_empty());
    let mut archive = HttpArchive::new(&stack.archive_url(), Duration::from_secs(1)).unwrap();
    assert_eq!(archive.thread(&MessageId::parse("1/..%41@dev").unwrap()).await.unwrap().len(), 1);
}
