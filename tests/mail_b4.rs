//! Series as b4 sees them: the same threads are given to b4, and to the shelf of series.
#![cfg(target_os = "linux")]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use triage_mail::series::{Name, Series, Shelf};
use triage_mail::source::{MboxReader, Quoting};
use triage_mail::{Message, MessageId};
use triage_tests::folder;
use triage_tests::services::packages;

/// A mail of a thread: its id, those it answers, subject, and the rest from the header's end on.
struct Mail {
    id: String,
    parents: Vec<String>,
    subject: String,
    from: &'static str,
    rest: String,
}

const ZOE: &str = "Zoe Dev <zoe@example.test>";

impl Mail {
    fn new(id: &str, parents: &[&str], subject: &str, rest: String) -> Self {
        let parents = parents.iter().map(|parent| (*parent).to_owned()).collect();
        Self { id: id.to_owned(), parents, subject: subject.to_owned(), from: ZOE, rest }
    }

    /// A patch whose diff is its own.
    fn patch(id: &str, parents: &[&str], subject: &str) -> Self {
        Self::new(id, parents, subject, format!("\nBecause {id}.\n\nSigned-off-by: {ZOE}\n---\n{}", diff(id)))
    }

    fn cover(id: &str, parents: &[&str], subject: &str) -> Self {
        Self::new(id, parents, subject, "\nA letter.\n\nZoe Dev (2):\n  one\n  two\n".to_owned())
    }

    fn mbox(&self, number: usize) -> String {
        let mut text = format!("From mboxrd@z Thu Jan  1 00:00:00 1970\nFrom: {}\nTo: list@example.test\n", self.from);
        let _ = writeln!(text, "Subject: {}\nMessage-ID: <{}@x>", self.subject, self.id);
        let _ = writeln!(text, "Date: Mon, 23 Nov 2026 06:{number:02}:00 +0000");
        if let Some(parent) = self.parents.last() {
            let all: Vec<String> = self.parents.iter().map(|parent| format!("<{parent}@x>")).collect();
            let _ = writeln!(text, "In-Reply-To: <{parent}@x>\nReferences: {}", all.join("\n "));
        }
        text + &self.rest + "\n"
    }
}

fn diff(id: &str) -> String {
    format!(
        " {id}.c | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\ndiff --git a/{id}.c b/{id}.c\n\
         index 1111111..2222222 100644\n--- a/{id}.c\n+++ b/{id}.c\n@@ -1,3 +1,3 @@\n int {id};\n-int old;\n+int fresh;\n \n-- \n2.43.0\n"
    )
}

fn threads() -> Vec<(&'static str, Vec<Mail>)> {
    let two = |tag: &str, of: &str, parents: &[&str]| {
        let ids = [format!("{of}c"), format!("{of}a"), format!("{of}b")];
        let mut below = parents.to_vec();
        below.push(&ids[0]);
        vec![
            Mail::cover(&ids[0], parents, &format!("[PATCH{tag} 0/2] pump: two fixes")),
            Mail::patch(&ids[1], &below, &format!("[PATCH{tag} 1/2] pump: one")),
            Mail::patch(&ids[2], &below, &format!("[PATCH{tag} 2/2] pump: two")),
        ]
    };
    let with = |mut mails: Vec<Mail>, more: Vec<Mail>| {
        mails.extend(more);
        mails
    };
    let attached = format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=zzz\n\n--zzz\nContent-Type: text/plain\n\nSee the patch.\n\n\
         --zzz\nContent-Type: text/x-patch; name=a.patch\nContent-Disposition: attachment; filename=a.patch\n\n{}\n--zzz--\n",
        diff("att")
    );
    let quoted = format!(
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nBecause =C3=A4.\n\n---\n{}",
        diff("qp").replace('=', "=3D")
    );
    let twelve = (1..=12)
        .map(|number| Mail::patch(&format!("t{number}"), &["tc"], &format!("[PATCH {number:02}/12] pump: {number}")));
    vec![
        ("a series", two("", "p", &[])),
        ("two digits", with(vec![Mail::cover("tc", &[], "[PATCH 00/12] pump: many")], twelve.collect())),
        ("a tree and a version", two(" net-next v4", "n", &[])),
        ("a version without a blank", two("v2", "w", &[])),
        ("an RFC", vec![Mail::patch("r", &[], "[RFC PATCH v3 1/1] pump: one")]),
        ("a single patch", vec![Mail::patch("s", &[], "[PATCH] pump: one")]),
        ("no word but a number", two(" RESEND", "e", &[])),
        (
            "without a letter, shallow",
            vec![
                Mail::patch("sa", &[], "[PATCH 1/3] a"),
                Mail::patch("sb", &["sa"], "[PATCH 2/3] b"),
                Mail::patch("sc", &["sa"], "[PATCH 3/3] c"),
            ],
        ),
        (
            "without a letter, deep",
            vec![
                Mail::patch("da", &[], "[PATCH 1/3] a"),
                Mail::patch("db", &["da"], "[PATCH 2/3] b"),
                Mail::patch("dc", &["da", "db"], "[PATCH 3/3] c"),
            ],
        ),
        ("in another order", two("", "o", &[]).into_iter().rev().collect()),
        ("twice", with(two("", "d", &[]), two("", "d", &[]))),
        ("the next version answers", with(two("", "f", &[]), two(" v2", "g", &["fc"]))),
        ("three versions", with(two("", "x", &[]), with(two(" v2", "y", &["xc"]), two(" v3", "z", &["yc"])))),
        (
            "a new version of one patch",
            with(two("", "l", &[]), vec![Mail::patch("lv", &["lc", "lb"], "[PATCH v2 2/2] pump: two")]),
        ),
        (
            "a reply with a diff",
            with(
                two("", "q", &[]),
                vec![Mail::new(
                    "qr",
                    &["qc", "qa"],
                    "Re: [PATCH 1/2] pump: one",
                    format!("\n> x\n\nRather:\n\n{}", diff("other")),
                )],
            ),
        ),
        (
            "a reply with a trailer",
            with(
                two("", "k", &[]),
                vec![Mail::new("kr", &["kc", "kb"], "Re: [PATCH 2/2] pump: two", "\n> x\n\nThanks.\n".to_owned())],
            ),
        ),
        ("attached", vec![Mail::new("att", &[], "[PATCH] pump: one", attached)]),
        ("encoded", vec![Mail::new("qp", &[], "[PATCH] pump: one", quoted)]),
        ("an encoded subject", vec![Mail::patch("enc", &[], "=?utf-8?q?=5BPATCH_v2=5D_pump=3A_=C3=A4?=")]),
        (
            "by another author",
            vec![Mail::new(
                "au",
                &[],
                "[PATCH] pump: one",
                format!("\nFrom: Al Author <al@example.test>\n\nBecause.\n---\n{}", diff("au")),
            )],
        ),
        ("a patch is missing", two("", "m", &[]).into_iter().take(2).collect()),
    ]
}

/// `git patch-id` of each patch that b4 would apply, in order, and their authors.
fn b4(mbox: &Path, id: &str) -> (Vec<String>, Vec<String>) {
    let program = packages::python("b4==0.16.0", "b4");
    let home = folder();
    fs::write(home.path().join(".gitconfig"), "[user]\n\tname = T\n\temail = t@example.test\n").unwrap();
    let tree = home.path().join("tree");
    let out = home.path().join("out");
    fs::create_dir(&out).unwrap();
    let quiet = |command: &mut Command| {
        command.env("HOME", home.path()).env("GIT_CONFIG_NOSYSTEM", "1").stdin(Stdio::null()).output().unwrap()
    };
    quiet(Command::new("git").args(["init", "--quiet"]).arg(&tree));
    let said = quiet(
        Command::new(program)
            .args(["--no-interactive", "--offline-mode", "am", "--no-cache", "--no-add-trailers", "-m"])
            .arg(mbox)
            .arg("-o")
            .arg(&out)
            .arg(id)
            .current_dir(&tree),
    );
    let said = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    let written = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
    let mailbox = written.into_iter().find(|path| path.extension().is_some_and(|end| end == "mbx"));
    let mailbox = mailbox.unwrap_or_else(|| panic!("b4 finds no patches: {said}"));
    let ids =
        Command::new("git").args(["patch-id", "--stable"]).stdin(fs::File::open(&mailbox).unwrap()).output().unwrap();
    let ids = String::from_utf8(ids.stdout).unwrap();
    let ids = ids.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    let text = fs::read_to_string(&mailbox).unwrap();
    let authors = text.lines().filter_map(|line| line.strip_prefix("From: ")).map(str::to_owned).collect();
    (ids, authors)
}

fn newest<'a>(shelf: &'a Shelf, id: &str) -> Cow<'a, Series> {
    let found = shelf.find(&Name::Message(&MessageId::parse(id).unwrap())).expect("the mail is on the shelf");
    let last = shelf.versions(found.series).pop().unwrap();
    shelf.whole(last).unwrap()
}

#[test]
fn threads_give_the_same_patches() {
    let folder = folder();
    let mbox = folder.path().join("thread.mbox");
    for (name, mails) in threads() {
        let text: String = mails.iter().enumerate().map(|(number, mail)| mail.mbox(number)).collect();
        fs::write(&mbox, &text).unwrap();
        let mut reader = MboxReader::new(text.as_bytes(), Quoting::Rd);
        let mut shelf = Shelf::new();
        while let Some((raw, _)) = reader.next().unwrap() {
            shelf.add(Message::parse(&raw));
        }
        let first = mails.iter().find(|mail| mail.parents.is_empty()).unwrap();
        let id = format!("{}@x", first.id);
        let (ids, authors) = b4(&mbox, &id);
        assert!(!ids.is_empty(), "{name}: b4 finds no patches");
        let series = newest(&shelf, &id);
        let ours: Vec<String> = series.patches.values().filter_map(|patch| patch.patch_id.clone()).collect();
        assert_eq!(ours, ids, "{name}: {:?}", series.patches.keys());
        let our_authors: Vec<String> =
            series.patches.values().filter_map(|patch| patch.author.as_ref()).map(ToString::to_string).collect();
        assert_eq!(our_authors, authors, "{name}");
    }
}
