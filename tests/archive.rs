//! `triage-bot export` and `import`: the same memory again, in a form that KCIDB's own library takes, and
//! whatever else an archive may hold.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use triage_store::{Cursor, LineKind, NewBuild, NewCheckout, ProposedFix, SeenCause, Store, Timestamp, Verdict};
use triage_tests::{Answer, answer, bot, folder, services::packages};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A configuration beside an empty database.
fn configured() -> tempfile::TempDir {
    let folder = folder();
    let text = "mail:\n  from: bot@example.test\n  relay: {host: 127.0.0.1}\n  lists: [{address: l@example.test}]\n";
    fs::write(folder.path().join("triage.yaml"), text).unwrap();
    folder
}

fn call(folder: &Path, args: &[&str]) -> Answer {
    let config = folder.join("triage.yaml");
    answer(Command::new(bot::program()).args(args).arg("--config").arg(config).current_dir(folder))
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn open(folder: &Path) -> Store {
    Store::open(folder.join("triage.db").to_str().unwrap()).await.unwrap()
}

/// A memory with all that there can be in it.
async fn fill(store: &Store) {
    let mut at = store.begin().await.unwrap();
    let lines = [
        (LineKind::Branch, "net-next", "master", "0123456789abcdef0123456789abcdef01234567"),
        (LineKind::Branch, "net-next", "master", "fedcba9876543210fedcba9876543210fedcba98"),
        (LineKind::Change, "valves", "20261126.series@example.org", "v2"),
        (LineKind::Change, "group/pröject", "#12", "abc\"123"),
    ];
    for (number, (kind, tree, name, key)) in (0..).zip(lines) {
        let now = NOW.after(DAY * number);
        let checkout = NewCheckout {
            kind,
            tree: tree.into(),
            name: name.into(),
            key: key.into(),
            commit: Some(key.into()),
            title: Some(format!("title {number} \u{202e}<b>")),
            url: Some("https://example.org/x".into()),
        };
        let checkout = at.record_checkout(&checkout, now).await.unwrap();
        for arch in ["arm64", "x86_64", "Power PC"] {
            let build = NewBuild {
                id: format!("{number}-{arch}"),
                name: format!("{arch}.log"),
                checkout: Some(checkout),
                series: (kind == LineKind::Change).then(|| name.to_owned()),
                version: 2,
                status: if number == 1 { "pass" } else { "fail" }.into(),
                axes: [("arch", arch), ("toolchain", "gcc"), ("version", "12.2"), ("config", "defconfig")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
                url: Some(if arch == "arm64" { "https://ci.example.org/1?x=[y]".into() } else { "ftp:no url".into() }),
                cell: None,
                report: None,
            };
            at.record_build(&build, now).await.unwrap();
        }
        if number != 1 {
            let cause = SeenCause {
                fingerprint: format!("{:016x}", number % 3),
                class: "undeclared".into(),
                kind: if number == 2 { "infrastructure" } else { "code" }.into(),
                title: "'x' is not declared \0 \u{1b}[2J".into(),
                place: "a/b.c:1:2".into(),
                words: vec!["x".into(), "b.c".into()],
                fix: Some(ProposedFix {
                    kind: "add_include".into(),
                    applicability: "verified".into(),
                    title: "include <x.h>".into(),
                    patch: Some("--- a/x\n+++ b/x\n".into()),
                }),
                builds: vec![format!("{number}-arm64"), format!("{number}-x86_64")],
                detail: None,
            };
            at.record_cause(&cause, now).await.unwrap();
        }
    }
    at.judge("0000000000000002", &Verdict::Invalid, "bob@example.org", NOW).await.unwrap();
    at.judge("0000000000000002", &Verdict::Duplicate("else".into()), "eve", NOW.after(DAY)).await.unwrap();
    // Builds of which it is not known what was built, from before there were checkouts.
    let build = NewBuild { id: "alone".into(), status: "empty".into(), ..NewBuild::default() };
    at.record_build(&build, NOW).await.unwrap();
    at.commit().await.unwrap();
}

#[test]
fn an_archive_gives_the_same_memory_again_and_is_read_by_kcidb() {
    let (one, two) = (configured(), configured());
    run(async { fill(&open(one.path()).await).await });
    let exported = call(one.path(), &["export"]);
    assert_eq!(exported.status, Some(0), "{exported:?}");
    let archive = one.path().join("archive.jsonl");
    fs::write(&archive, &exported.stdout).unwrap();
    assert_eq!(exported.stdout.lines().count(), 1 + 4 + 13 + 2 + 6);

    let python = packages::python("kcidb-io==141", "python");
    let check = "import json, sys, kcidb_io\n\
                 for line in open(sys.argv[1]):\n    kcidb_io.schema.LATEST.validate_exactly(json.loads(line))\nprint('valid')";
    let output = Command::new(python).args(["-c", check]).arg(&archive).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "valid", "{said}");

    let archive = archive.to_str().unwrap();
    for round in 0..2 {
        let imported = call(two.path(), &["import", archive]);
        assert_eq!((imported.status, imported.stderr.as_str()), (Some(0), ""), "round {round}: {imported:?}");
        assert_eq!(imported.stdout, "26 objects were taken\n");
    }
    let again = call(two.path(), &["export"]);
    for (line, expected) in again.stdout.lines().zip(exported.stdout.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(again.stdout.len(), exported.stdout.len());
    run(async {
        let mut histories = Vec::new();
        for folder in [&one, &two] {
            let store = open(folder.path()).await;
            let mut at = store.read().await.unwrap();
            let history = at.history("0000000000000000").await.unwrap().unwrap();
            let line = at.line("net-next", "master").await.unwrap().unwrap();
            let fixed = at.causes_on(line.id, false, &Cursor::start(), 9).await.unwrap();
            assert_eq!(fixed.len(), 1);
            assert_eq!(at.search("b.c", &Cursor::start(), 9).await.unwrap().len(), 2);
            histories.push((history, fixed[0].fixed_at, line.open_causes, line.last_seen_at));
        }
        assert_eq!(histories[0], histories[1]);
        assert!(histories[0].0.worked.is_some(), "{histories:?}");
    });
}

#[test]
fn documents_of_others_are_read() {
    let folder = configured();
    let archive = folder.path().join("others.jsonl");
    let text = concat!(
        r#"{"version":{"major":4,"minor":3},"checkouts":[{"id":"x:1","origin":"x","tree_name":"mainline","#,
        r#""git_repository_branch":"master","git_commit_hash":"0123456789abcdef0123456789abcdef01234567"}],"#,
        r#""builds":[{"id":"x:b","origin":"x","checkout_id":"x:1","architecture":"aarch64","valid":false,"#,
        r#""compiler":"gcc-12","misc":{"kernel_type":"Image"}}],"#,
        r#""tests":[{"id":"x:t","origin":"x","build_id":"x:b"}]}"#,
        "\n"
    );
    fs::write(&archive, text).unwrap();
    let imported = call(folder.path(), &["import", archive.to_str().unwrap()]);
    assert_eq!(imported.status, Some(0), "{imported:?}");
    run(async {
        let store = open(folder.path()).await;
        let build = store.read().await.unwrap().build("x:b").await.unwrap().unwrap();
        assert_eq!((build.status.as_str(), build.axes["arch"].as_str()), ("fail", "arm64"));
        assert_eq!(build.axes["toolchain"], "gcc");
    });
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_skipped() {
    let folder = configured();
    let archive = folder.path().join("bad.jsonl");
    let good = r#"{"version":{"major":5,"minor":3},"checkouts":[{"id":"triage:1","origin":"triage","tree_name":"t"}]}"#;
    let lines: &[(&str, &str)] = &[
        (good, ""),
        ("{", "this is no document of KCIDB: EOF while parsing"),
        (r#"{"version":{"major":7}}"#, "the document has version 7, this program knows 4 and 5"),
        ("", ""),
        ("\u{1b}[2J<script>", "this is no document of KCIDB: expected value"),
        (
            r#"{"version":{"major":5},"builds":[{"id":"triage:b","origin":"triage"}]}"#,
            "builds[0]: missing field `checkout_id`",
        ),
        (
            r#"{"version":{"major":5},"builds":[{"id":"triage:b","origin":"triage","checkout_id":"triage:9"}]}"#,
            "builds[0]: the checkout triage:9 does not stand before it",
        ),
        (
            r#"{"version":{"major":5},"builds":[{"id":"triage:b","origin":"other","checkout_id":"triage:1"}]}"#,
            "builds[0]: the id 'triage:b' does not begin with its origin 'other'",
        ),
        (
            r#"{"version":{"major":5},"issues":[{"id":"triage:../../x","origin":"triage","version":1,"misc":{"triage":{"class":"c","first_seen":"2026-11-26T00:00:00Z","last_seen":"2026-11-26T00:00:00Z"}}}]}"#,
            "issues[0]: '../../x' is no fingerprint of 16 digits",
        ),
        (
            r#"{"version":{"major":5},"issues":[{"id":"maestro:1","origin":"maestro","version":1}]}"#,
            "issues[0]: it has no fingerprint: another program made it",
        ),
        (
            r#"{"version":{"major":5},"issues":[{"id":"triage:0000000000000001","origin":"triage","version":1,"misc":{"triage":{"class":"c","first_seen":"yesterday","last_seen":"2026-11-26T00:00:00Z"}}}]}"#,
            "issues[0]: 'yesterday' is no time as in RFC 3339",
        ),
        (
            r#"{"version":{"major":5},"issues":[{"id":"triage:0000000000000001","origin":"triage","version":1,"misc":{"triage":{"class":"c","first_seen":"2026-11-26T00:00:00Z","last_seen":"2026-11-26T00:00:00Z","cause":{"no":1}}}}]}"#,
            "issues[0]: its cause is none: missing field",
        ),
        (
            r#"{"version":{"major":5},"incidents":[{"id":"triage:i","origin":"triage","issue_id":"triage:00000000000000aa","issue_version":1,"build_id":"triage:b"}]}"#,
            "incidents[0]: the issue triage:00000000000000aa does not stand before it",
        ),
        (good, ""),
    ];
    let mut text: Vec<u8> = lines.iter().flat_map(|(line, _)| [line.as_bytes(), b"\n"].concat()).collect();
    // A list that is nested deeper than any reader should follow, bytes that are no text, and an end without a line end.
    text.extend(b"[".repeat(200_000));
    text.extend(b"\n\xff\xfe\x00\n");
    text.extend(good.as_bytes());
    fs::write(&archive, text).unwrap();
    let imported = call(folder.path(), &["import", archive.to_str().unwrap()]);
    assert_eq!(imported.status, Some(2), "{imported:?}");
    assert_eq!(imported.stdout, "");
    let mut said = imported.stderr.lines();
    for (number, (_, expected)) in (1..).zip(lines).filter(|(_, (_, expected))| !expected.is_empty()) {
        let line = said.next().unwrap();
        assert!(line.starts_with(&format!("triage-bot: {}:{number}: {expected}", archive.display())), "{line}");
        assert!(line.ends_with("; skipped") && !line.contains('\u{1b}'), "{line}");
    }
    for number in [15, 16] {
        let line = said.next().unwrap();
        assert!(line.contains(&format!(":{number}: this is no document of KCIDB")), "{line}");
    }
    assert!(said.next().unwrap().ends_with("3 objects were taken, 13 were wrong and skipped"), "{imported:?}");
    assert_eq!(said.next(), None);
}

#[test]
fn faults_of_usage() {
    let folder = configured();
    for (args, expected) in [
        (["import", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["export", "--origin=Not Allowed"], "use letters in lower case, digits and '_'"),
        (["export", "--output=nowhere/x"], "cannot write nowhere/x: no such file"),
    ] {
        let answer = call(folder.path(), &args);
        assert_eq!(answer.status, Some(2), "{answer:?}");
        assert!(answer.stderr.contains(expected), "{answer:?}");
    }
    assert_eq!(call(folder.path(), &["import", "/dev/null"]).stdout, "0 objects were taken\n");
}
