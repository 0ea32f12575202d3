//! The store on both databases, by several processes' worth of connections.

use std::time::Duration;

use triage_store::{
    Audit, Counted, Error, Lookup, NewBuild, NewReply, Recorded, RecordedCommand, Recovered, SeenCause, SeriesRecord,
    State, Stop, StopKind, Store, Timestamp, Verdict,
};
#[cfg(target_os = "linux")]
use triage_tests::services::postgres::Postgres;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(work);
}

fn reply(key: &str) -> NewReply {
    NewReply {
        key: key.into(),
        channel: "mail".into(),
        place: "list@example.org".into(),
        thread: "series@example.org".into(),
        version: 1,
        purpose: "report".into(),
        fingerprints: vec![format!("cause of {key}")],
        recipients: vec!["alice@example.org".into(), "list@example.org".into()],
        marker: format!("{key}@bot.example.org"),
        content: "Subject: ä\r\n\r\n\tx\r\n".into(),
        not_before: NOW,
    }
}

/// Everything that the store can do, once.
async fn everything(address: &str) {
    let store = Store::open(address).await.unwrap();
    let mut at = store.begin().await.unwrap();
    assert!(at.see("mail", "m", "patch", NOW).await.unwrap());
    assert!(!at.see("mail", "m", "patch", NOW).await.unwrap());
    let series = SeriesRecord {
        channel: "mail".into(),
        id: "s".into(),
        version: 2,
        place: "list".into(),
        subject: "[PATCH] x".into(),
        author: "alice@example.org".into(),
        base: None,
        messages: vec!["m".into()],
    };
    at.record_series(&series, NOW).await.unwrap();
    at.record_series(&SeriesRecord { subject: "[PATCH v2] x".into(), ..series }, NOW).await.unwrap();
    assert_eq!(at.series("mail", "s").await.unwrap()[0].series.subject, "[PATCH v2] x");
    let build = NewBuild {
        id: "b".into(),
        series: Some("s".into()),
        version: 2,
        status: "fail".into(),
        axes: [("arch".to_owned(), "arm64".to_owned())].into(),
        report: Some("{}".into()),
        ..NewBuild::default()
    };
    assert!(at.record_build(&build, NOW).await.unwrap());
    assert!(!at.record_build(&build, NOW).await.unwrap());
    assert_eq!(at.last_report("s", 2).await.unwrap().as_deref(), Some("{}"));
    let cause = SeenCause {
        fingerprint: "f".into(),
        class: "c".into(),
        title: "t".into(),
        builds: vec!["b".into(), "b2".into()],
        ..SeenCause::default()
    };
    at.record_cause(&cause, NOW).await.unwrap();
    at.record_cause(&cause, NOW).await.unwrap();
    assert!(at.judge("f", &Verdict::Duplicate("g".into()), "bob", NOW).await.unwrap());
    let known = at.known_cause("f").await.unwrap().unwrap();
    assert_eq!((known.builds, known.verdict), (2, Some((Verdict::Duplicate("g".into()), "bob".into()))));

    let stop = Stop { kind: StopKind::List, subject: "l".into(), said_by: "bob".into(), said_in: "m".into() };
    at.stop(&stop, NOW).await.unwrap();
    assert!(at.is_stopped(StopKind::List, "l").await.unwrap());
    assert_eq!(at.stops().await.unwrap(), [stop]);
    assert!(at.resume(StopKind::List, "l").await.unwrap());
    let command = RecordedCommand {
        message: "m".into(),
        position: 0,
        name: "explain".into(),
        argument: None,
        said_by: "bob".into(),
        thread: "s".into(),
        outcome: "explained".into(),
    };
    assert!(at.record_command(&command, NOW).await.unwrap());
    assert_eq!(at.commands("s").await.unwrap(), [command]);
    let entry = Audit { at: NOW, actor: "bot".into(), action: "a".into(), subject: "s".into(), detail: "d".into() };
    at.audit(&entry).await.unwrap();
    assert_eq!(at.audit_since(NOW, 9).await.unwrap(), [entry]);

    for key in ["r1", "r2", "r3"] {
        assert_eq!(at.record_reply(&reply(key), NOW).await.unwrap(), Recorded::New);
        assert_eq!(at.record_reply(&reply(key), NOW).await.unwrap(), Recorded::Known);
    }
    let same = NewReply { fingerprints: vec!["cause of r1".into()], ..reply("r4") };
    assert_eq!(at.record_reply(&same, NOW).await.unwrap(), Recorded::Said);
    assert_eq!(at.said("mail", "series@example.org", 1).await.unwrap().len(), 3);
    for (which, count) in [
        (Counted::All, 3),
        (Counted::Place("list@example.org"), 3),
        (Counted::Thread("series@example.org"), 3),
        (Counted::Purpose("series@example.org", 1, "report"), 3),
        (Counted::Person("ALICE@example.org"), 3),
        (Counted::Person("al_ce@example.org"), 0),
    ] {
        assert_eq!(at.count("mail", which, NOW).await.unwrap(), count, "{which:?}");
    }
    at.commit().await.unwrap();

    let mut at = store.begin().await.unwrap();
    for key in ["r1", "r2", "r3"] {
        let claimed = at.claim("mail", NOW).await.unwrap().unwrap();
        assert_eq!((claimed.key.as_str(), claimed.content.as_str()), (key, "Subject: ä\r\n\r\n\tx\r\n"));
    }
    assert_eq!(at.claim("mail", NOW).await.unwrap(), None);
    at.hand_over("r1", NOW).await.unwrap();
    at.hand_over("r2", NOW).await.unwrap();
    at.sent("r1", "250", NOW).await.unwrap();
    assert!(matches!(at.hand_over("r1", NOW).await, Err(Error::State { .. })));
    let recovered = at.recover("mail", Duration::ZERO, Duration::ZERO, NOW).await.unwrap();
    assert_eq!(recovered, Recovered { pending: 1, unsure: 1 });
    assert_eq!(at.to_look_up("mail", NOW).await.unwrap().len(), 1);
    at.look_later("r2", "no archive", Duration::from_secs(5), NOW).await.unwrap();
    assert_eq!(at.to_look_up("mail", NOW).await.unwrap().len(), 0);
    at.settle("r2", Lookup::Found, NOW).await.unwrap();
    at.postpone("r3", NOW.after(Duration::from_secs(9)), "quiet", NOW).await.unwrap();
    assert_eq!(at.reply("r3").await.unwrap().unwrap().attempts, 0, "nothing was tried");
    assert_eq!(at.next_due("mail").await.unwrap(), Some(NOW.after(Duration::from_secs(9))));
    assert_eq!(at.left_since("mail", NOW).await.unwrap(), 2);
    at.dead("r3", "no", NOW).await.unwrap();
    at.requeue("r3", NOW).await.unwrap();
    assert_eq!(at.replies("mail", State::Sent, 9).await.unwrap().len(), 2);
    assert_eq!(at.reply_by_marker("r3@bot.example.org").await.unwrap().unwrap().state, State::Pending);
    at.commit().await.unwrap();

    let lock = store.sender_lock().await.unwrap();
    let other = Store::open(address).await.unwrap();
    assert!(matches!(other.sender_lock().await, Err(Error::SenderIsRunning)));
    drop(lock);
    // The end of a session takes its time to be noticed.
    let mut taken = other.sender_lock().await;
    for _ in 0..100 {
        if taken.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        taken = other.sender_lock().await;
    }
    taken.unwrap();
}

/// Twelve that open an empty database at once, and then share the work.
async fn together(address: &str) {
    let open: Vec<_> = (0..12).map(|_| tokio::spawn(Store::open(address.to_owned().leak()))).collect();
    let mut stores = Vec::new();
    for store in open {
        stores.push(store.await.unwrap().unwrap());
    }
    let mut at = stores[0].begin().await.unwrap();
    for number in 0..120 {
        at.record_reply(&reply(&format!("r{number:03}")), NOW).await.unwrap();
    }
    at.commit().await.unwrap();
    let workers: Vec<_> = stores
        .into_iter()
        .map(|store| {
            tokio::spawn(async move {
                let mut keys = Vec::new();
                loop {
                    let mut at = store.begin().await.unwrap();
                    let Some(reply) = at.claim("mail", NOW).await.unwrap() else { return keys };
                    at.commit().await.unwrap();
                    keys.push(reply.key);
                }
            })
        })
        .collect();
    let mut keys = Vec::new();
    for worker in workers {
        keys.extend(worker.await.unwrap());
    }
    keys.sort();
    assert_eq!(keys.len(), 120, "each is claimed once");
    keys.dedup();
    assert_eq!(keys.len(), 120, "each is claimed once");
}

#[test]
fn sqlite() {
    let folder = triage_tests::folder();
    let address = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    run(async {
        everything(&address("one.db")).await;
        together(&address("two.db")).await;
    });
}

#[cfg(target_os = "linux")]
#[test]
fn postgresql() {
    let server = Postgres::start();
    run(everything(&server.address()));
    let server = Postgres::start();
    run(together(&server.address()));
}
