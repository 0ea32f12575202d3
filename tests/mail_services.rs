//! Patches on their way from `git send-email` through a real list into all sources.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use triage_tests::folder;
use triage_tests::services::mail::{LIST, LIST_ID, MailStack};

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

/// A series of two patches with its cover letter, sent to the list.
fn sent_series(stack: &MailStack) -> (Repository, Vec<String>) {
    let repository = Repository::new();
    let base = repository.git(&["rev-parse", "HEAD"]);
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
