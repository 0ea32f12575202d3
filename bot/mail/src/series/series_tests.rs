//! Tests of series.

use std::fs;
use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::message::{Address, Mailbox};

/// A mail of a made-up developer.
fn mail(id: &str, parents: &[&str], subject: &str, text: &str) -> Message {
    let references: Vec<String> = parents.iter().map(|id| format!("<{id}>")).collect();
    let reply = match references.last() {
        Some(parent) => format!("In-Reply-To: {parent}\nReferences: {}\n", references.join(" ")),
        None => String::new(),
    };
    let head = "From: Zoë <zoe@example.org>\nDate: Mon, 23 Nov 2026 06:01:00 +0100\nList-Id: <a.example.org>\n";
    Message::parse(format!("{head}Message-ID: <{id}>\n{reply}Subject: {subject}\n\n{text}").as_bytes())
}

fn diff_of(path: &str, line: u32) -> String {
    format!(
        "---\n {path} | 1 +\n\ndiff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -{line},0 +{line} @@\n+new\n-- \n2.1\n"
    )
}

fn patch(id: &str, parents: &[&str], subject: &str) -> Message {
    let path = format!("{}.c", id.split('@').next().unwrap());
    mail(
        id,
        parents,
        subject,
        &format!("Why.\n\nFixes: 123456789abc (\"x\")\nSigned-off-by: Zoë <zoe@example.org>\n{}", diff_of(&path, 5)),
    )
}

/// Cover letter and two patches as git sends them.
fn two(version: u32, parents: &[&str]) -> Vec<Message> {
    let tag = if version == 1 { String::new() } else { format!(" v{version}") };
    let id = |number: u32| format!("v{version}-{number}@x");
    let cover = id(0);
    let mut below = parents.to_vec();
    below.push(&cover);
    vec![
        mail(
            &cover,
            parents,
            &format!("[PATCH{tag} 0/2] pump: two fixes"),
            "Blurb.\n\nbase-commit: 0123456789abcdef0123456789abcdef01234567\n",
        ),
        patch(&id(1), &below, &format!("[PATCH{tag} 1/2] pump: first")),
        patch(&id(2), &below, &format!("[PATCH{tag} 2/2] pump: second")),
    ]
}

fn shelf(mails: impl IntoIterator<Item = Message>) -> Shelf {
    let mut shelf = Shelf::new();
    for mail in mails {
        shelf.add(mail);
    }
    shelf
}

/// Version, total, whether there is a cover letter, and numbers of each series.
fn told(shelf: &Shelf) -> Vec<(u32, u32, bool, Vec<u32>)> {
    let numbers = |series: &Series| series.patches.keys().copied().collect();
    shelf.series().map(|(_, series)| (series.version, series.total, series.cover.is_some(), numbers(series))).collect()
}

#[test]
fn a_patch_is_taken_apart() {
    let text = format!(
        "From: \"Al Author\" <al@example.org>\n\nIt was wrong.\n\n--- a word\n\nReviewed-by: B <b@x.y>\n{}",
        diff_of("a/b.c", 1)
    );
    let patch = Patch::read(mail("1@x", &[], "[PATCH] a: b", &text)).unwrap();
    assert_eq!(patch.author.as_ref().unwrap().to_string(), "Al Author <al@example.org>");
    assert_eq!(patch.mail.from.as_ref().unwrap().address().as_str(), "zoe@example.org");
    assert_eq!(patch.message().trim(), "It was wrong.\n\n--- a word\n\nReviewed-by: B <b@x.y>");
    assert_eq!(patch.trailers, [Trailer { name: "Reviewed-by".into(), value: "B <b@x.y>".into() }]);
    assert!(patch.diff().starts_with("diff --git a/a/b.c") && patch.diff().ends_with("+new\n"));
    assert_eq!((patch.files[0].path.as_str(), patch.file("a/b.c").is_some()), ("a/b.c", true));
    let stored = serde_json::to_string(&patch).unwrap();
    assert_eq!(serde_json::from_str::<Patch>(&stored).unwrap(), patch);
}

#[test]
fn what_it_builds_on_is_read() {
    let text = "base-commit: 0123456789ABCDEF0123456789abcdef01234567\nprerequisite-patch-id: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\
                prerequisite-patch-id: nonsense\nchange-id: 20261123-pump-abc\nprerequisite-message-id: <1@x>\n\
                prerequisite-change-id: 20261101-tank-def:v2\n> base-commit: ffffffff\nbase-commit: $(reboot)\n";
    let base = Base::read(text);
    assert_eq!(base.commit.as_deref(), Some("0123456789abcdef0123456789abcdef01234567"));
    assert_eq!(base.prerequisites, ["a".repeat(40)]);
    assert_eq!(base.change_id.as_deref(), Some("20261123-pump-abc"));
    assert_eq!(base.prerequisite_messages[0].as_str(), "1@x");
    assert_eq!(base.prerequisite_changes, ["20261101-tank-def:v2"]);
}

#[test]
fn mails_come_in_any_order() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let mails = two(1, &[]);
        let shelf = shelf(order.iter().map(|at| mails[*at].clone()));
        assert_eq!(told(&shelf), [(1, 2, true, vec![1, 2])], "{order:?}");
        let (_, series) = shelf.series().next().unwrap();
        assert!(series.is_complete() && series.title() == "pump: two fixes");
        assert_eq!(series.root().unwrap().as_str(), "v1-0@x");
        assert_eq!(series.base().commit.as_deref(), Some("0123456789abcdef0123456789abcdef01234567"));
    }
}

#[test]
fn a_lost_cover_letter_still_names_the_series() {
    let mails = two(1, &[]);
    let partial = shelf(mails[1..].to_vec());
    let series = partial.series().next().unwrap().1;
    assert_eq!((series.root().unwrap().as_str(), series.is_complete()), ("v1-0@x", true));
    let second = shelf(mails[2..].to_vec());
    let series = second.series().next().unwrap().1;
    assert_eq!((series.root().unwrap().as_str(), series.missing()), ("v1-0@x", vec![1]));
}

#[test]
fn without_a_cover_letter_the_first_patch_names_it() {
    let shallow = [
        patch("a@x", &[], "[PATCH 1/3] a"),
        patch("b@x", &["a@x"], "[PATCH 2/3] b"),
        patch("c@x", &["a@x"], "[PATCH 3/3] c"),
    ];
    let deep = [
        patch("a@x", &["old@x"], "[PATCH 1/3] a"),
        patch("b@x", &["old@x", "a@x"], "[PATCH 2/3] b"),
        patch("c@x", &["old@x", "a@x", "b@x"], "[PATCH 3/3] c"),
    ];
    for mails in [shallow, deep] {
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let shelf = shelf(order.iter().map(|at| mails[*at].clone()));
            assert_eq!(told(&shelf), [(1, 3, false, vec![1, 2, 3])], "{order:?}");
            assert_eq!(shelf.series().next().unwrap().1.root().unwrap().as_str(), "a@x");
        }
    }
}

#[test]
fn rerolls_find_their_versions() {
    // In answer to the first version; alone with the same titles; alone with other titles and a change-id.
    let standalone = two(2, &[]);
    let answering = two(2, &["v1-0@x"]);
    for second in [standalone, answering] {
        let shelf = shelf(two(1, &[]).into_iter().chain(second));
        assert_eq!(told(&shelf), [(1, 2, true, vec![1, 2]), (2, 2, true, vec![1, 2])]);
        let keys: Vec<_> = shelf.series().map(|(key, _)| key).collect();
        assert_eq!(shelf.versions(keys[1]), keys);
        assert_eq!((shelf.superseded_by(keys[0]), shelf.superseded_by(keys[1])), (Some(keys[1]), None));
    }
    let with_id =
        |id: &str, subject: &str| mail(id, &[], subject, &format!("change-id: 20261123-x\n{}", diff_of("x.c", 1)));
    let shelf = shelf([
        with_id("3@x", "[PATCH v3] third"),
        with_id("1@x", "[PATCH] first"),
        patch("9@x", &[], "[PATCH v2] other"),
    ]);
    let keys: Vec<_> = shelf.series().map(|(key, _)| key).collect();
    assert_eq!(shelf.versions(keys[0]), [keys[1], keys[0]]);
    assert_eq!(shelf.versions(keys[2]), [keys[2]]);
    let found = shelf.find(&Name::Change("20261123-x", None)).unwrap();
    assert_eq!((found.series, found.how), (keys[0], How::ChangeId));
    assert_eq!(shelf.find(&Name::Change("20261123-x", Some(1))).unwrap().series, keys[1]);
}

#[test]
fn a_new_version_of_one_patch_is_filled_up() {
    let third = patch("w@x", &["v1-0@x", "v1-2@x", "v2-2@x"], "[PATCH v3 2/2] pump: second, again");
    let lone = patch("v2-2@x", &["v1-0@x", "v1-2@x"], "[PATCH v2 2/2] pump: second");
    let shelf = shelf(two(1, &[]).into_iter().chain([lone, third]));
    let keys: Vec<_> = shelf.series().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), 3);
    for (key, ids) in [(keys[0], ["v1-1@x", "v1-2@x"]), (keys[1], ["v1-1@x", "v2-2@x"]), (keys[2], ["v1-1@x", "w@x"])] {
        let whole = shelf.whole(key).unwrap();
        assert_eq!(whole.patches.values().map(|patch| patch.id.as_str()).collect::<Vec<_>>(), ids);
    }
    // A gap that nobody meant stays.
    let shelf = self::shelf(two(1, &[]).into_iter().chain(two(2, &["v1-0@x"]).into_iter().take(2)));
    let last = shelf.series().last().unwrap().0;
    assert_eq!(shelf.whole(last).unwrap().missing(), [2]);
}

#[test]
fn a_duplicate_counts_once_and_keeps_both_lists() {
    let mut shelf = shelf(two(1, &[]));
    let mut again = two(1, &[]).remove(1);
    again.list_ids = vec!["b.example.org".to_owned()];
    let Added::Duplicate(key) = shelf.add(again) else { panic!() };
    assert_eq!(told(&shelf), [(1, 2, true, vec![1, 2])]);
    assert_eq!(shelf.get(key).unwrap().patches[&1].mail.list_ids, ["a.example.org", "b.example.org"]);
}

#[test]
fn strangers_and_repeats_do_not_enter_a_series() {
    let mut shelf = shelf(two(1, &[]));
    // A numbered patch of somebody else in the thread, a suggestion, a taken number, and a resend.
    let mut stranger = patch("s@x", &["v1-0@x"], "[PATCH 2/2] pump: second");
    stranger.from = Some(Mailbox::new(None, Address::parse("mallory@example.org").unwrap()));
    shelf.add(stranger);
    shelf.add(patch("f@x", &["v1-0@x", "v1-2@x"], "[PATCH] pump: fix"));
    shelf.add(patch("t@x", &["v1-0@x"], "[PATCH 2/2] pump: second"));
    shelf.add(patch("r@x", &["v1-0@x"], "[PATCH RESEND 2/2] pump: second"));
    shelf.add(patch("o@x", &["v1-0@x"], "[PATCH 3/2] pump: third"));
    assert_eq!(
        told(&shelf),
        [
            (1, 2, true, vec![1, 2]),
            (1, 2, false, vec![2]),
            (1, 1, false, vec![1]),
            (1, 2, false, vec![2]),
            (1, 2, false, vec![2]),
            (1, 1, false, vec![1])
        ]
    );
}

#[test]
fn replies_know_their_patch() {
    let mut shelf = shelf(two(1, &[]));
    let diff = diff_of("x.c", 1);
    let reply =
        mail("re@x", &["v1-0@x", "v1-2@x"], "Re: [PATCH 2/2] pump: second", &format!("> a\n\nHow about this?\n{diff}"));
    let Added::Reply(key, 2, _) = shelf.add(reply) else { panic!("a reply is no patch even with a diff") };
    let deep = mail("deep@x", &["v1-0@x", "v1-2@x", "re@x", "gone@x"], "Re: something", "#triage stop");
    assert!(matches!(shelf.add(deep), Added::Reply(of, 2, _) if of == key));
    assert!(matches!(shelf.add(mail("n@x", &["nobody@x"], "Re: lunch", "x")), Added::Other(_)));
    assert!(matches!(shelf.add(mail("d@x", &["nobody@x"], "lunch", &diff)), Added::Other(_)));
    assert_eq!(told(&shelf).len(), 1);
}

#[test]
fn mails_without_threads_are_joined_by_time() {
    let at = |id: &str, subject: &str, minute: i64| {
        let mut mail = patch(id, &[], subject);
        mail.date = Some(minute * 60);
        mail
    };
    let shelf = shelf([
        at("a@x", "[PATCH 1/2] a", 0),
        at("b@x", "[PATCH 2/2] b", 1),
        at("c@x", "[PATCH 2/2] c", 2),
        at("d@x", "[PATCH 1/2] d", 300),
    ]);
    assert_eq!(told(&shelf), [(1, 2, false, vec![1, 2]), (1, 2, false, vec![2]), (1, 2, false, vec![1])]);
}

#[test]
fn pull_requests_are_read() {
    let text = "Linus,\n\nThe following changes since commit 0123456789abcdef0123456789abcdef01234567:\n\n  Linux 6.1 (2026)\n\n\
                are available in the Git repository at:\n\n  https://git.example.org/x.git tags/fixes-1\n\n\
                for you to fetch changes up to fedcba9876543210fedcba9876543210fedcba98:\n\n  one\n";
    let mut shelf = Shelf::new();
    let Added::Pull(key) = shelf.add(mail("p@x", &[], "[GIT PULL] fixes", text)) else { panic!() };
    let pull = shelf.pull(key).unwrap();
    assert_eq!(pull.since.as_deref(), Some("0123456789abcdef0123456789abcdef01234567"));
    assert_eq!(pull.repository.as_deref(), Some("https://git.example.org/x.git"));
    assert_eq!(pull.reference.as_deref(), Some("tags/fixes-1"));
    assert_eq!(pull.head.as_deref(), Some("fedcba9876543210fedcba9876543210fedcba98"));
    assert!(
        matches!(shelf.add(mail("q@x", &["p@x"], "Re: [GIT PULL] fixes", text)), Added::Reply(of, 0, _) if of == key)
    );
    let mut commit = Commit {
        id: Some("fedcba987654".into()),
        title: "x".into(),
        author: None,
        message: "x".into(),
        patch_id: None,
    };
    let found = shelf.find(&Name::Commit(&commit)).unwrap();
    assert_eq!((found.series, found.number, found.how), (key, 0, How::Head));
    commit.id = Some("fedcba9".into());
    assert_eq!(shelf.find(&Name::Commit(&commit)), Err(NotFound::Nothing));
    for bad in ["--upload-pack=x", "ext::sh -c x", "file:///etc", "/tmp/x", "-x@y:z"] {
        let mail = mail("b@x", &[], "[GIT PULL] x", &text.replace("https://git.example.org/x.git", bad));
        let pull = PullRequest::read(mail).unwrap();
        assert_eq!((pull.repository, pull.reference), (None, None), "{bad}");
    }
}

#[test]
fn lines_are_followed_to_the_patch_that_wrote_them() {
    let change = |hunk: &str| format!("---\ndiff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n{hunk}");
    let patches = [
        mail("1@x", &[], "[PATCH 1/3] a", &change("@@ -10,2 +10,3 @@\n x\n+one\n y\n")),
        mail("2@x", &["1@x"], "[PATCH 2/3] b", &change("@@ -1,2 +1,4 @@\n p\n+two\n+two\n q\n")),
        mail("3@x", &["1@x"], "[PATCH 3/3] c", &change("@@ -30,3 +30,2 @@\n r\n-s\n t\n")),
    ];
    let shelf = shelf(patches);
    let series = shelf.series().next().unwrap().1;
    let origin = |line, last| series.origin("f.c", line, last).map(|origin| (origin.number, origin.wrote));
    assert_eq!(origin(Some(13), 3), Some((1, true)));
    assert_eq!(origin(Some(11), 1), Some((1, true)));
    assert_eq!(origin(Some(3), 3), Some((2, true)));
    assert_eq!(origin(Some(12), 3), Some((3, false)));
    assert_eq!(origin(Some(3), 1), Some((1, false)));
    assert_eq!(origin(None, 2), Some((2, false)));
    assert_eq!(series.origin("g.c", None, 3), None);
    assert_eq!(series.touching("f.c"), [1, 2, 3]);
}

#[test]
fn commits_find_their_patch() {
    let shelf = shelf(two(1, &[]).into_iter().chain(two(2, &["v1-0@x"])));
    let keys: Vec<_> = shelf.series().map(|(key, _)| key).collect();
    let commit = |title: &str, message: &str| Commit {
        id: None,
        title: title.to_owned(),
        author: Some(Address::parse("Zoe@example.org").unwrap()),
        message: format!("{title}\n\n{message}"),
        patch_id: None,
    };
    let find =
        |commit: &Commit| shelf.find(&Name::Commit(commit)).ok().map(|found| (found.series, found.number, found.how));
    let linked = commit(
        "x",
        "Link: https://bugs.example.org/1\nSigned-off-by: M <m@x.y>\nLink: https://lore.kernel.org/r/v1-2%40x",
    );
    assert_eq!(find(&linked), Some((keys[0], 2, How::Trailer)));
    assert_eq!(find(&commit("x", "Link: https://lore.kernel.org/all/v1-1@x/T/#u\n")), Some((keys[0], 1, How::Trailer)));
    assert_eq!(
        find(&commit("Pump: second", "Link: https://patch.msgid.link/v1-0@x\n")),
        Some((keys[0], 2, How::Trailer))
    );
    assert_eq!(find(&commit("x", "Message-ID: <v2-1@x>\n")), Some((keys[1], 1, How::Trailer)));
    assert_eq!(find(&commit("pump:  First", "")), Some((keys[1], 1, How::Title)));
    let mut by_diff = commit("edited", "");
    by_diff.patch_id = shelf.get(keys[0]).unwrap().patches[&2].patch_id.clone();
    assert_eq!(find(&by_diff), Some((keys[0], 2, How::PatchId)));
    let mut stranger = commit("pump: first", "");
    stranger.author = None;
    assert_eq!(find(&stranger), None);
}

#[test]
fn commits_are_read_from_git() {
    let folder = tempfile::tempdir().unwrap();
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(folder.path()).args(["-c", "user.name=Z", "-c", "user.email=zoe@example.org"]).args(args);
        let output = git.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["init", "-q"]);
    fs::write(folder.path().join("a.c"), "a\n").unwrap();
    git(&["add", "."]);
    git(&["commit", "-qm", "base"]);
    fs::write(folder.path().join("a.c"), "a\nb\n").unwrap();
    git(&["commit", "-qam", "a: add b\n\nLink: https://x.y/1@z\n"]);
    let id = git(&["rev-parse", "HEAD"]);
    let commit = Commit::read(folder.path(), id.trim()).unwrap();
    assert_eq!((commit.title.as_str(), commit.author.as_ref().unwrap().as_str()), ("a: add b", "zoe@example.org"));
    let mail = Message::parse(git(&["format-patch", "-1", "--stdout", "--add-header=Message-ID: <1@z>"]).as_bytes());
    let mut shelf = Shelf::new();
    assert!(matches!(shelf.add(mail), Added::Part(_, 1)));
    assert_eq!(shelf.find(&Name::Commit(&commit)).unwrap().how, How::Trailer);
    let without = Commit { message: String::new(), title: "other".to_owned(), ..commit };
    assert_eq!(shelf.find(&Name::Commit(&without)).unwrap().how, How::PatchId);
    for bad in ["HEAD", "--help", "", "12345", "0123456 --output=x"] {
        assert!(matches!(Commit::read(folder.path(), bad), Err(CommitError::Name(_))), "{bad}");
    }
    assert!(matches!(Commit::read(folder.path(), "0123456789"), Err(CommitError::Unknown(..))));
    let written = Commit::from_patch(git(&["format-patch", "-1", "--stdout"]).as_bytes()).unwrap();
    assert_eq!((written.id.as_deref(), written.title.as_str()), (Some(id.trim()), "a: add b"));
    assert_eq!(shelf.find(&Name::Commit(&written)).unwrap().how, How::Trailer);
    assert_eq!(written.patch_id, without.patch_id);
    assert!(matches!(Commit::from_patch(b"From 0123456789\n\nnothing"), Err(CommitError::Text)));
}

#[test]
fn what_fits_several_changes_is_left_open() {
    let again = |id: &str, from: &str, change: &str| {
        let mut mail = mail(id, &[], "[PATCH] pump: first", &format!("{change}{}", diff_of("a.c", 1)));
        mail.from = Some(Mailbox::new(None, Address::parse(from).unwrap()));
        mail
    };
    let change = "change-id: 20261123-y\n";
    let shelf = shelf([again("1@x", "zoe@example.org", change), again("2@x", "mallory@example.org", change)]);
    let keys: Vec<_> = shelf.series().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), 2);
    let several = Err(NotFound::Several(keys));
    assert_eq!(shelf.find(&Name::Change("20261123-y", None)), several);
    let patch_id = shelf.series().next().unwrap().1.patches[&1].patch_id.clone();
    let commit = Commit { id: None, title: "other".into(), author: None, message: String::new(), patch_id };
    assert_eq!(shelf.find(&Name::Commit(&commit)), several);
}

#[test]
fn a_full_shelf_forgets_the_oldest() {
    let mut shelf = Shelf::new();
    for number in 0..5100 {
        shelf.add(mail(&format!("{number}@x"), &[], &format!("[PATCH v{}] same", number % 9 + 1), &diff_of("a.c", 1)));
    }
    assert_eq!(shelf.series().count(), 5000);
    let id = |number: u32| MessageId::parse(&format!("{number}@x")).unwrap();
    assert_eq!(shelf.find(&Name::Message(&id(99))), Err(NotFound::Nothing));
    assert!(shelf.find(&Name::Message(&id(100))).is_ok());
    let large = format!("{}\n", "x".repeat(1023)).repeat(3 << 10);
    for number in 0..120 {
        shelf.add(mail(&format!("l{number}@x"), &[], "[PATCH] large", &format!("{large}{}", diff_of("a.c", 1))));
    }
    assert!(shelf.series().count() < 100, "{}", shelf.series().count());
}

/// Three versions with titles of their own, of which each answers the one before, and a reply.
fn long_thread() -> Vec<Message> {
    let mut second = two(2, &["v1-0@x"]);
    for (number, mail) in second.iter_mut().enumerate() {
        mail.subject = format!("[PATCH v2 {number}/2] renamed {number}");
    }
    let reply = mail("re@x", &["v1-0@x", "v1-2@x"], "Re: [PATCH 2/2] pump: second", "no");
    let third = patch("v3-1@x", &["v1-0@x", "v2-0@x"], "[PATCH v3] all in one");
    two(1, &[]).into_iter().chain(second).chain([reply, third]).collect()
}

proptest! {
    #[test]
    fn no_order_of_arrival_makes_a_difference(order in Just((0..8).collect::<Vec<usize>>()).prop_shuffle()) {
        let mails = long_thread();
        let shelf = shelf(order.iter().map(|at| mails[*at].clone()));
        let mut all = told(&shelf);
        all.sort();
        prop_assert_eq!(all, [(1, 2, true, vec![1, 2]), (2, 2, true, vec![1, 2]), (3, 1, false, vec![1])]);
        let any = shelf.series().next().unwrap().0;
        let versions: Vec<u32> = shelf.versions(any).into_iter().map(|key| shelf.get(key).unwrap().version).collect();
        prop_assert_eq!(versions, [1, 2, 3]);
    }

    #[test]
    fn any_mails_make_some_series(order in proptest::collection::vec((0_usize..12, 0_usize..12, 0_u32..4, 0_u32..4, 0_u32..3, any::<bool>()), 0..40)) {
        let mut shelf = Shelf::new();
        for (id, parent, number, total, version, reply) in order {
            let parents = [format!("{parent}@x")];
            let parents: Vec<&str> = if parent == id { Vec::new() } else { vec![&parents[0]] };
            let re = if reply { "Re: " } else { "" };
            shelf.add(patch(&format!("{id}@x"), &parents, &format!("{re}[PATCH v{version} {number}/{total}] t{}", id % 3)));
        }
        for (key, series) in shelf.series() {
            prop_assert!(series.root().is_some());
            prop_assert!(shelf.versions(key).contains(&key));
            for mail in series.mails() {
                let found = shelf.find(&Name::Message(mail.message_id.as_ref().unwrap()));
                prop_assert_eq!(found.map(|found| found.series), Ok(key));
            }
        }
    }
}
