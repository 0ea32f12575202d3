//! What is remembered of builds and causes, on both databases: states, history, search, what is forgotten.

use std::time::Duration;

use triage_store::{
    Audit, Cursor, LineKind, NewBuild, NewCheckout, NewReply, ProposedFix, Recorded, Retention, SeenCause, Store,
    Timestamp, Verdict, Which,
};
#[cfg(target_os = "linux")]
use triage_tests::services::postgres::Postgres;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// 2023-11-14.
const START: Timestamp = Timestamp::from_seconds(1_700_000_000);
const CAUSE: &str = "0123456789abcdef";

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work);
}

/// Runs a test on SQLite, and where there is one on PostgreSQL.
fn on_both<F: Future<Output = ()>>(test: impl Fn(Store) -> F) {
    let folder = triage_tests::folder();
    let address = folder.path().join("triage.db");
    run(async { test(Store::open(address.to_str().unwrap()).await.unwrap()).await });
    #[cfg(target_os = "linux")]
    {
        let server = Postgres::start();
        run(async { test(Store::open(&server.address()).await.unwrap()).await });
    }
}

fn day(number: u32) -> Timestamp {
    START.after(DAY * number)
}

fn cause(builds: &[&str]) -> SeenCause {
    SeenCause {
        fingerprint: CAUSE.into(),
        class: "undeclared".into(),
        title: "'task_stack' is used but not declared\0".into(),
        place: "kernel/stack.c:26:13".into(),
        words: ["task_stack", "kernel/stack.c", "stack.c", "undeclared", "net-next"].map(String::from).into(),
        detail: Some("{}".into()),
        fix: Some(ProposedFix {
            kind: "add_include".into(),
            applicability: "verified".into(),
            title: "include <linux/sched.h>".into(),
            patch: Some("--- a\n+++ b\n".into()),
        }),
        builds: builds.iter().map(|build| (*build).to_owned()).collect(),
        ..SeenCause::default()
    }
}

/// Builds of a commit of a line, each with the architecture and how it ended; those that failed have the cause.
async fn built(store: &Store, line: (&str, &str), commit: &str, builds: &[(&str, &str)], now: Timestamp) {
    let mut at = store.begin().await.unwrap();
    let checkout = NewCheckout {
        tree: line.0.into(),
        name: line.1.into(),
        key: commit.into(),
        commit: Some(commit.into()),
        title: Some(format!("the commit {commit}")),
        ..NewCheckout::default()
    };
    let checkout = at.record_checkout(&checkout, now).await.unwrap();
    let mut failed = Vec::new();
    for (arch, status) in builds {
        let id = format!("{}-{}-{commit}-{arch}", line.0, line.1);
        let build = NewBuild {
            id: id.clone(),
            name: format!("{arch}.log"),
            checkout: Some(checkout),
            status: (*status).to_owned(),
            axes: [("arch", *arch), ("run", commit)].map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            report: Some(format!("{{\"of\": \"{commit}\", \"padding\": \"{}\"}}", "x".repeat(2000))),
            ..NewBuild::default()
        };
        at.record_build(&build, now).await.unwrap();
        if *status == "fail" {
            failed.push(id);
        }
    }
    if !failed.is_empty() {
        let failed: Vec<&str> = failed.iter().map(String::as_str).collect();
        at.record_cause(&cause(&failed), now).await.unwrap();
    }
    at.commit().await.unwrap();
}

async fn words(store: &Store) -> String {
    store.read().await.unwrap().history(CAUSE).await.unwrap().unwrap().words()
}

/// Whether the cause is open on a line, and on how many cells… as the lists have it.
async fn is_open_on(store: &Store, line: (&str, &str)) -> bool {
    let mut at = store.read().await.unwrap();
    let line = at.line(line.0, line.1).await.unwrap().unwrap();
    let open = at.causes_on(line.id, true, &Cursor::start(), 9).await.unwrap();
    let fixed = at.causes_on(line.id, false, &Cursor::start(), 9).await.unwrap();
    assert_eq!(open.len() + fixed.len(), 1, "{open:?} {fixed:?}");
    assert_eq!(line.open_causes, open.len() as u64);
    !open.is_empty()
}

const MASTER: (&str, &str) = ("net-next", "master");

#[test]
fn a_cause_is_open_until_what_had_it_passes() {
    on_both(|store| async move {
        let store = &store;
        built(store, MASTER, "c1", &[("arm64", "fail"), ("x86", "fail")], day(0)).await;
        assert_eq!(words(store).await, "seen since 2023-11-14 on net-next master, 2 builds");
        assert!(is_open_on(store, MASTER).await);
        // One of the two is not enough, and a build that says nothing is none.
        built(store, MASTER, "c2", &[("arm64", "pass"), ("x86", "empty")], day(1)).await;
        assert!(is_open_on(store, MASTER).await);
        // What is built for the first time says nothing of the others.
        built(store, MASTER, "c2", &[("riscv", "pass")], day(1)).await;
        assert!(is_open_on(store, MASTER).await);
        built(store, MASTER, "c3", &[("x86", "pass")], day(2)).await;
        assert!(!is_open_on(store, MASTER).await);
        assert_eq!(
            words(store).await,
            "seen since 2023-11-14 on net-next master, 2 builds; gone on net-next in c3 after the proposed fix \
             \"include <linux/sched.h>\""
        );
        let mut at = store.read().await.unwrap();
        let fixed = at.causes(Which::Fixed, &Cursor::start(), 9).await.unwrap();
        assert_eq!((fixed.len(), fixed[0].fixed_at), (1, Some(day(2))));
        assert_eq!(fixed[0].title, "'task_stack' is used but not declared\u{fffd}");
        assert_eq!(at.causes(Which::Open, &Cursor::start(), 9).await.unwrap(), []);
        drop(at);
        // A late result of an old state changes nothing, a new one does.
        built(store, MASTER, "c1", &[("riscv", "fail")], day(3)).await;
        assert!(!is_open_on(store, MASTER).await);
        built(store, MASTER, "c4", &[("riscv", "fail")], day(4)).await;
        assert!(is_open_on(store, MASTER).await);
        // A state that both passes and fails proves nothing.
        built(store, MASTER, "c4", &[("riscv", "fail"), ("arm64", "pass")], day(4)).await;
        assert!(is_open_on(store, MASTER).await);
        assert!(store.read().await.unwrap().history("unknown").await.unwrap().is_none());
    });
}

#[test]
fn what_is_said_when_a_result_of_an_old_state_is_the_first() {
    on_both(|store| async move {
        let store = &store;
        built(store, MASTER, "c1", &[("x86", "pass")], day(0)).await;
        built(store, MASTER, "c2", &[("x86", "pass"), ("arm64", "pass")], day(1)).await;
        built(store, MASTER, "c1", &[("arm64", "fail")], day(2)).await;
        assert!(!is_open_on(store, MASTER).await);
        let mut at = store.read().await.unwrap();
        assert_eq!(at.causes(Which::Open, &Cursor::start(), 9).await.unwrap(), []);
        let fixed = at.causes(Which::Fixed, &Cursor::start(), 9).await.unwrap();
        assert_eq!(fixed[0].fixed_at, Some(day(1)), "when the state was heard of that passed");
    });
}

#[test]
fn what_people_said_and_where_it_was_seen() {
    on_both(|store| async move {
        let store = &store;
        built(store, MASTER, "c1", &[("arm64", "fail")], day(0)).await;
        let history = store.read().await.unwrap().history(CAUSE).await.unwrap().unwrap();
        assert!(!history.is_worth_saying(day(0)), "that it is here is no news");
        assert!(history.is_worth_saying(day(1)));
        for (number, tree) in (1..).zip(["mainline", "linux-next", "stable"]) {
            built(store, (tree, "main"), "c1", &[("arm64", "fail")], day(number)).await;
        }
        let mut at = store.begin().await.unwrap();
        assert!(at.judge(CAUSE, &Verdict::Invalid, "bob@example.org", day(4)).await.unwrap());
        at.commit().await.unwrap();
        assert_eq!(
            words(store).await,
            "seen since 2023-11-14 on stable main, linux-next main, mainline main and 1 more, 4 builds; \
             bob@example.org said invalid"
        );
        let mut at = store.begin().await.unwrap();
        let fixed = Verdict::Fixed("1234abcd".into());
        assert!(at.judge(CAUSE, &fixed, "eve@example.org", day(5)).await.unwrap());
        assert!(words_of(&mut at).await.ends_with("; fixed by 1234abcd, says eve@example.org"));
        at.judge(CAUSE, &Verdict::Withdrawn, "eve@example.org", day(6)).await.unwrap();
        assert!(words_of(&mut at).await.ends_with("4 builds"));
        assert_eq!(at.known_cause(CAUSE).await.unwrap().unwrap().verdict, None);
        let said: Vec<&str> = at.verdicts(CAUSE).await.unwrap().iter().map(|said| said.verdict.name()).collect();
        assert_eq!(said, ["withdrawn", "fix", "invalid"]);
    });
}

async fn words_of(at: &mut triage_store::Transaction) -> String {
    at.history(CAUSE).await.unwrap().unwrap().words()
}

#[test]
fn lists_go_on_where_they_ended() {
    on_both(|store| async move {
        let mut at = store.begin().await.unwrap();
        for number in 0..25 {
            let checkout = NewCheckout {
                kind: if number % 5 == 0 { LineKind::Change } else { LineKind::Branch },
                tree: "tree".into(),
                name: format!("b{number}"),
                key: "c".into(),
                ..NewCheckout::default()
            };
            // Several at the same moment.
            at.record_checkout(&checkout, day(number / 4)).await.unwrap();
            let cause = SeenCause {
                fingerprint: format!("{number:016x}"),
                class: "undeclared".into(),
                words: vec!["common".into(), format!("sym_{number}"), format!("Mod{}", number % 2)],
                ..SeenCause::default()
            };
            at.record_cause(&cause, day(number / 4)).await.unwrap();
        }
        let mut names = Vec::new();
        let mut from = Cursor::start();
        loop {
            let page = at.lines(LineKind::Branch, &from, 6).await.unwrap();
            let Some(last) = page.last() else { break };
            from = Cursor { at: last.last_seen_at.millis(), key: last.id.to_string() };
            names.extend(page.into_iter().map(|line| line.name));
        }
        assert_eq!(names.len(), 20);
        assert_eq!((names[0].as_str(), names[19].as_str()), ("b24", "b1"));
        for which in [Which::New, Which::Open, Which::Class("undeclared")] {
            let (mut from, mut found) = (Cursor::start(), Vec::new());
            loop {
                let page = at.causes(which, &from, 7).await.unwrap();
                let Some(last) = page.last() else { break };
                from = Cursor { at: last.last_seen_at.millis(), key: last.fingerprint.clone() };
                found.extend(page.into_iter().map(|cause| cause.fingerprint));
            }
            assert_eq!(found.len(), 25, "{which:?}");
            assert!(found.is_sorted_by(|a, b| a > b), "{which:?}");
        }
        for (text, count) in [
            ("common", 25),
            ("COMMON mod1", 12),
            ("mod", 25),
            ("sym_1", 1),
            ("sym_1 mod1", 1),
            ("sym_1 mod0", 0),
            ("sym_", 20),
            ("'sym_7'", 1),
            ("nothing", 0),
            ("", 0),
            ("%", 0),
            ("common common sym_2 mod0", 1),
        ] {
            let (mut from, mut found) = (Cursor::start(), 0);
            loop {
                let page = at.search(text, &from, 4).await.unwrap();
                let Some((id, born)) = page.last() else { break };
                from = Cursor { at: *born, key: id.clone() };
                found += page.len();
            }
            assert_eq!(found, count, "{text}");
        }
    });
}

#[test]
fn days_are_counted_once() {
    on_both(|store| async move {
        for _ in 0..2 {
            built(&store, MASTER, "c1", &[("arm64", "fail"), ("x86", "pass")], day(0)).await;
        }
        built(&store, MASTER, "c2", &[("arm64", "fail")], day(2)).await;
        let mut at = store.read().await.unwrap();
        let line = at.line("net-next", "master").await.unwrap().unwrap();
        let first = START.day();
        let days = at.line_days(&[line.id], first).await.unwrap();
        assert_eq!(days[&line.id], [(first, 2, 1), (first + 2, 1, 1)]);
        let days = at.cause_days(&[CAUSE.to_owned(), "other".to_owned()], first + 1).await.unwrap();
        assert_eq!(days[CAUSE], [(first + 2, 1, 1)]);
        assert_eq!(days.len(), 1);
        let latest = line.latest.unwrap();
        assert_eq!((latest.key.as_str(), latest.passed, latest.failed), ("c2", 0, 1));
        assert_eq!(at.checkouts(line.id, i64::MAX, 9).await.unwrap().len(), 2);
        assert_eq!(at.builds_with(CAUSE, &Cursor::start(), 9).await.unwrap().len(), 2);
        assert_eq!(at.causes_of(latest.id, 9).await.unwrap(), [("net-next-master-c2-arm64".into(), CAUSE.into())]);
    });
}

#[test]
fn what_is_old_is_forgotten_and_writers_get_in_between() {
    on_both(|store| async move {
        let old: Vec<(String, &str)> = (0..1500).map(|number| (format!("arch{number}"), "fail")).collect();
        let old: Vec<(&str, &str)> = old.iter().map(|(arch, status)| (arch.as_str(), *status)).collect();
        built(&store, ("old", "tree"), "c1", &old, day(0)).await;
        built(&store, MASTER, "c1", &[("arm64", "pass")], day(90)).await;

        let nothing = store.sweep(&Retention::default(), day(100)).await.unwrap();
        assert_eq!(nothing, triage_store::Swept::default());
        let reports = Retention { reports: Some(DAY * 50), ..Retention::default() };
        let swept = store.sweep(&reports, day(100)).await.unwrap();
        assert_eq!((swept.reports, swept.builds), (1500, 0));
        assert!(swept.batches >= 7, "{swept:?}");

        let writer = tokio::spawn({
            let store = store.clone();
            async move {
                let mut longest = Duration::ZERO;
                for number in 0..20 {
                    let begun = std::time::Instant::now();
                    built(&store, ("new", "tree"), &format!("c{number}"), &[("arm64", "pass")], day(99)).await;
                    longest = longest.max(begun.elapsed());
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                longest
            }
        });
        let builds = Retention { builds: Some(DAY * 50), ..Retention::default() };
        let begun = std::time::Instant::now();
        let swept = store.sweep(&builds, day(100)).await.unwrap();
        let all = begun.elapsed();
        let longest = writer.await.unwrap();
        assert_eq!((swept.builds, swept.causes), (1500, 1));
        assert!(longest < all, "a writer waited {longest:?} for all of it ({all:?})");

        let mut at = store.read().await.unwrap();
        assert!(at.history(CAUSE).await.unwrap().is_none());
        assert!(at.line("old", "tree").await.unwrap().is_none(), "a line goes with its builds");
        assert_eq!(at.search("task_stack", &Cursor::start(), 9).await.unwrap(), []);
        assert!(at.line("net-next", "master").await.unwrap().is_some());
        assert_eq!(at.line("new", "tree").await.unwrap().unwrap().latest.unwrap().key, "c19");
        drop(at);
        let again = store.sweep(&builds, day(100)).await.unwrap();
        assert_eq!(again.batches, 0);
    });
}

#[test]
fn a_cause_of_which_something_was_said_stays() {
    on_both(|store| async move {
        built(&store, ("old", "tree"), "c1", &[("arm64", "fail")], day(0)).await;
        let mut at = store.begin().await.unwrap();
        at.judge(CAUSE, &Verdict::Invalid, "bob", day(1)).await.unwrap();
        at.commit().await.unwrap();
        let retention = Retention { builds: Some(DAY), ..Retention::default() };
        let swept = store.sweep(&retention, day(9)).await.unwrap();
        assert_eq!((swept.builds, swept.causes), (1, 0));
        assert_eq!(words(&store).await, "seen since 2023-11-14, 1 build; bob said invalid");
    });
}

#[test]
fn what_was_said_loses_its_text_and_stays_said() {
    on_both(|store| async move {
        let reply = |key: &str| NewReply {
            key: key.into(),
            channel: "mail".into(),
            place: "list@example.org".into(),
            thread: "series@example.org".into(),
            version: 1,
            purpose: "report".into(),
            fingerprints: vec![format!("cause of {key}")],
            recipients: vec!["alice@example.org".into()],
            marker: format!("{key}@bot.example.org"),
            content: "a text".into(),
            not_before: day(0),
        };
        let mut at = store.begin().await.unwrap();
        for (key, sent) in [("old", 1), ("new", 60), ("waiting", 0)] {
            assert_eq!(at.record_reply(&reply(key), day(0)).await.unwrap(), Recorded::New);
            if sent > 0 {
                at.begin_reply(key, day(sent)).await.unwrap();
                at.sent(key, "250 ok", day(sent)).await.unwrap();
            }
            let entry = |action: &str, at| Audit {
                at,
                actor: "bot".into(),
                action: action.into(),
                subject: key.into(),
                detail: String::new(),
            };
            at.audit(&entry("sent", day(sent))).await.unwrap();
        }
        at.commit().await.unwrap();
        let retention = Retention { texts: Some(DAY * 50), audit: Some(DAY * 50), ..Retention::default() };
        let swept = store.sweep(&retention, day(90)).await.unwrap();
        assert_eq!((swept.texts, swept.audit), (1, 2));
        assert_eq!(store.sweep(&retention, day(90)).await.unwrap().batches, 0);
        let mut at = store.begin().await.unwrap();
        for (key, text) in [("old", ""), ("new", "a text"), ("waiting", "a text")] {
            assert_eq!(at.reply(key).await.unwrap().unwrap().content, text, "{key}");
        }
        let left = at.audit_since(day(0), 9).await.unwrap();
        assert_eq!(left.iter().map(|entry| entry.subject.as_str()).collect::<Vec<_>>(), ["new"]);
        // It is not said again.
        assert_eq!(at.record_reply(&reply("old"), day(91)).await.unwrap(), Recorded::Known);
        let again = NewReply { fingerprints: vec!["cause of old".into()], ..reply("once more") };
        assert_eq!(at.record_reply(&again, day(91)).await.unwrap(), Recorded::Said);
    });
}

#[test]
fn a_database_stays_below_its_size() {
    on_both(|store| async move {
        for number in 0..40 {
            let archs: Vec<String> = (0..25).map(|arch| format!("a{arch}-{number}")).collect();
            let builds: Vec<(&str, &str)> = archs.iter().map(|arch| (arch.as_str(), "pass")).collect();
            built(&store, MASTER, &format!("c{number}"), &builds, day(number)).await;
        }
        let size = |max| Retention { max_bytes: Some(max), ..Retention::default() };
        let all = store.sweep(&size(u64::MAX), day(60)).await.unwrap();
        assert_eq!((all.batches, all.is_over), (0, false));
        // All is of the last day: nothing goes, and what is in use is told.
        let all = store.sweep(&size(1), day(0)).await.unwrap();
        assert_eq!((all.batches, all.is_over), (0, true));
        assert!(all.bytes > 1_500_000, "{all:?}");
        let max = all.bytes * 3 / 4;
        let swept = store.sweep(&size(max), day(60)).await.unwrap();
        assert!(swept.bytes <= max && !swept.is_over, "{swept:?} of {all:?}");
        assert!(swept.reports > 0, "{swept:?}");
        let mut at = store.read().await.unwrap();
        let line = at.line("net-next", "master").await.unwrap().unwrap();
        assert_eq!(line.latest.unwrap().key, "c39", "the newest stays");
        drop(at);
        // Nothing of the last day goes.
        let swept = store.sweep(&size(1000), day(39)).await.unwrap();
        assert!(swept.is_over, "{swept:?}");
        let mut at = store.read().await.unwrap();
        let line = at.line("net-next", "master").await.unwrap().unwrap();
        assert_eq!(at.checkouts(line.id, i64::MAX, 99).await.unwrap().len(), 2);
    });
}
