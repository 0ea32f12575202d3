//! The dashboard in a real browser: served by the real program, looked at by axe-core, at the widths of a telephone and of a
//! desk, light and dark, with the keyboard, without JavaScript.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use triage_causes::report::Cause;
use triage_store::{LineKind, NewBuild, NewCheckout, NewReply, ProposedFix, SeenCause, Store, Timestamp, Verdict};
use triage_tests::services::{free_port, packages, wait_for_port};
use triage_tests::{bot, folder, repository};

const TOKEN: &str = "a-token-that-nobody-guesses";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A name that no column was made for.
const LONG: &str = "a_name_that_is_much_longer_than_any_column_of_any_table_on_any_page_was_ever_made_for_0123456789";

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A real cause, out of a log.
fn cause() -> Cause {
    let log = triage_tests::report(&fs::read(triage_tests::log("quickstart.log")).unwrap()).json();
    serde_json::from_value(log["causes"][0].clone()).unwrap()
}

async fn fill(store: &Store) {
    let now = Timestamp::from(SystemTime::now());
    let mut at = store.begin().await.unwrap();
    let lines = [
        ("net-next", "main", LineKind::Branch),
        ("group/project", LONG, LineKind::Branch),
        (LONG, "", LineKind::Branch),
        ("net-next", "20261126.valves@example.org", LineKind::Change),
    ];
    for (number, (tree, name, kind)) in (0..).zip(lines) {
        for state in 0..4 {
            let then = now.before(DAY * (8 - 2 * state));
            let commit = format!("{:040x}", 0x1234_5678_9abc_u64 * u64::from(state + 1));
            let checkout = NewCheckout {
                kind,
                tree: tree.into(),
                name: name.into(),
                key: commit.clone(),
                commit: Some(commit),
                title: Some(format!("valve: reset the state {state} of tasks, {LONG}")),
                url: Some("https://git.example.org/c/1".into()),
            };
            let checkout = at.record_checkout(&checkout, then).await.unwrap();
            let mut failed = Vec::new();
            for (arch, config, toolchain) in [
                ("arm64", "defconfig", "gcc"),
                ("arm64", "defconfig", "clang"),
                ("arm64", "allmodconfig", "gcc"),
                ("x86_64", "defconfig", "gcc"),
                ("x86_64", LONG, "clang"),
            ] {
                let id = format!("{number}-{state}-{arch}-{config}-{toolchain}");
                let is_bad = arch == "arm64" && (state < 2 || toolchain == "clang");
                let axes =
                    [("arch", arch), ("config", config), ("toolchain", toolchain), ("version", "14.1"), ("host", LONG)];
                let build = NewBuild {
                    id: id.clone(),
                    name: format!("{arch}-{config}-{toolchain}.log"),
                    checkout: Some(checkout),
                    status: if is_bad { "fail" } else { "pass" }.into(),
                    axes: axes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                    url: Some("https://ci.example.org/1".into()),
                    report: Some("{}".into()),
                    ..NewBuild::default()
                };
                at.record_build(&build, then).await.unwrap();
                if is_bad {
                    failed.push(id);
                }
            }
            let mut detail = cause();
            detail.fixes[0].patch =
                Some("--- a/x.c\n+++ b/x.c\n@@ -1,2 +1,3 @@\n #include <a.h>\n+#include <b.h>\n-old\n".into());
            for (id, title) in [("0000000000000001", "'valve' is used but not declared"), ("0000000000000002", LONG)] {
                let builds = if id.ends_with('1') { failed.clone() } else { failed.iter().take(1).cloned().collect() };
                let seen = SeenCause {
                    fingerprint: id.into(),
                    class: "undeclared".into(),
                    kind: if id.ends_with('2') { "infrastructure" } else { "code" }.into(),
                    title: title.into(),
                    place: format!("drivers/{LONG}.c:26:13"),
                    words: vec!["valve".into()],
                    detail: Some(serde_json::to_string(&detail).unwrap()),
                    fix: Some(ProposedFix {
                        kind: "add_include".into(),
                        applicability: "verified".into(),
                        title: "include <b.h>".into(),
                        patch: Some("+".into()),
                    }),
                    builds,
                };
                at.record_cause(&seen, then).await.unwrap();
            }
        }
    }
    for (key, state) in [("waits", ""), ("is-dead", "dead")] {
        let reply = NewReply {
            key: key.into(),
            channel: "mail".into(),
            place: "linux-valves@lists.example.org".into(),
            thread: format!("{key}.{LONG}@example.org"),
            version: 1,
            purpose: "report".into(),
            fingerprints: vec!["0000000000000001".into()],
            recipients: vec!["alice@example.org".into()],
            marker: format!("{key}@bot.example.org"),
            content: "text".into(),
            not_before: now,
        };
        at.record_reply(&reply, now).await.unwrap();
        if state == "dead" {
            at.dead(key, "550 no such user here", now).await.unwrap();
        }
    }
    at.judge("0000000000000002", &Verdict::Duplicate("0000000000000001".into()), "bob@example.org", now).await.unwrap();
    at.commit().await.unwrap();
}

#[test]
fn the_pages_in_a_browser() {
    packages::need(&[
        ("chromium", "chromium"),
        ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "fonts-dejavu-core"),
    ]);
    let modules = packages::npm("browser", &["playwright-core@1.65.1", "axe-core@4.11.0"]);
    let folder = folder();
    fs::write(folder.path().join("token"), TOKEN).unwrap();
    let port = free_port();
    let text = format!(
        "server:\n  listen: 127.0.0.1:{port}\n  tokens:\n    - {{name: carol, file: token, may: [read, write, admin]}}\n"
    );
    let config = folder.path().join("triage.yaml");
    fs::write(&config, text).unwrap();
    let database = folder.path().join("triage.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { fill(&Store::open(database.to_str().unwrap()).await.unwrap()).await });
    let mut command = Command::new(bot::program());
    command.arg("serve").arg("--config").arg(&config).stdin(Stdio::null());
    let _server = Server(command.spawn().unwrap());
    wait_for_port("the dashboard", port);

    let long_line = format!("/tree/group%2Fproject/{LONG}");
    let paths = [
        "/",
        "/changes",
        "/tree/net-next",
        "/tree/net-next/main",
        &long_line,
        "/tree/net-next/20261126.valves@example.org",
        "/tree/net-next/main?list=states",
        "/causes",
        "/causes?state=fixed",
        "/cause/0000000000000001",
        "/cause/0000000000000002",
        "/build/0-3-arm64-defconfig-clang",
        "/search?q=valve",
        "/search",
        "/login",
        "/cause/0000000000000009",
    ];
    // TRIAGE_SCREENSHOTS=/tmp/shots keeps a picture of each.
    let shots = std::env::var("TRIAGE_SCREENSHOTS").unwrap_or_default();
    let script = repository().join("tests/services/dashboard.js");
    let output = Command::new("node")
        .arg(script)
        .arg(&modules)
        .args([&format!("http://127.0.0.1:{port}"), TOKEN, &serde_json::to_string(&paths).unwrap(), &shots])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let faults: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
