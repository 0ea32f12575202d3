use std::time::Duration;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const MINUTE: Duration = Duration::from_secs(60);

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("triage.db").to_str().unwrap()).await.unwrap();
    (folder, store)
}

fn reply(key: &str) -> NewReply {
    NewReply {
        key: key.into(),
        channel: "mail".into(),
        place: "linux-valves@example.org".into(),
        thread: "20261126.series@example.org".into(),
        version: 1,
        purpose: "report".into(),
        fingerprints: vec![format!("{key}-cause")],
        recipients: vec!["alice@example.org".into(), "linux-valves@example.org".into()],
        marker: format!("{key}@bot.example.org"),
        content: "Subject: Re: [PATCH] valve\n\nBody with an umlaut: ä\n".into(),
        not_before: NOW,
    }
}

async fn record(store: &Store, reply: &NewReply) -> Recorded {
    let mut transaction = store.begin().await.unwrap();
    let recorded = transaction.record_reply(reply, NOW).await.unwrap();
    transaction.commit().await.unwrap();
    recorded
}

async fn claim(store: &Store, now: Timestamp) -> Option<Outgoing> {
    let mut transaction = store.begin().await.unwrap();
    let claimed = transaction.claim("mail", now).await.unwrap();
    transaction.commit().await.unwrap();
    claimed
}

async fn state(store: &Store, key: &str) -> State {
    store.begin().await.unwrap().reply(key).await.unwrap().unwrap().state
}

#[tokio::test]
async fn a_reply_is_recorded_once_and_a_cause_is_told_once() {
    let (_folder, store) = store().await;
    assert_eq!(record(&store, &reply("a")).await, Recorded::New);
    assert_eq!(record(&store, &reply("a")).await, Recorded::Known);
    // Another reply that tells the same cause alone, and one that tells one more.
    let same = NewReply { fingerprints: vec!["a-cause".into()], ..reply("b") };
    assert_eq!(record(&store, &same).await, Recorded::Said);
    let more = NewReply { fingerprints: vec!["a-cause".into(), "c-cause".into()], ..reply("c") };
    assert_eq!(record(&store, &more).await, Recorded::New);
    // The next version is told again.
    assert_eq!(record(&store, &NewReply { version: 2, ..same }).await, Recorded::New);
    let mut transaction = store.begin().await.unwrap();
    let said = transaction.said("mail", "20261126.series@example.org", 1).await.unwrap();
    assert_eq!(said, ["a-cause", "c-cause"]);
}

#[tokio::test]
async fn nothing_is_written_without_a_commit() {
    let (_folder, store) = store().await;
    let mut transaction = store.begin().await.unwrap();
    assert!(transaction.see("mail", "m@example.org", "patch", NOW).await.unwrap());
    assert_eq!(transaction.record_reply(&reply("a"), NOW).await.unwrap(), Recorded::New);
    drop(transaction);
    let mut transaction = store.begin().await.unwrap();
    assert!(transaction.see("mail", "m@example.org", "patch", NOW).await.unwrap());
    assert!(!transaction.see("mail", "m@example.org", "other", NOW).await.unwrap());
    assert_eq!(transaction.seen("mail", "m@example.org").await.unwrap().as_deref(), Some("patch"));
    assert_eq!(transaction.reply("a").await.unwrap(), None);
}

#[tokio::test]
async fn the_way_of_a_reply() {
    let (_folder, store) = store().await;
    record(&store, &reply("a")).await;
    let claimed = claim(&store, NOW).await.unwrap();
    assert_eq!((claimed.attempts, claimed.state, claimed.content), (1, State::Sending, reply("a").content));
    assert_eq!(claimed.recipients, reply("a").recipients);
    assert_eq!(claim(&store, NOW).await, None);

    let mut transaction = store.begin().await.unwrap();
    transaction.retry("a", "451 later", MINUTE, NOW).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(claim(&store, NOW).await, None, "not before its time");
    let again = claim(&store, NOW.after(MINUTE)).await.unwrap();
    assert_eq!((again.attempts, again.last_error.as_deref()), (2, Some("451 later")));

    let mut transaction = store.begin().await.unwrap();
    transaction.hand_over("a", NOW).await.unwrap();
    transaction.sent("a", "250 queued as 7", NOW).await.unwrap();
    let error = transaction.sent("a", "again", NOW).await.unwrap_err();
    assert_eq!(error.to_string(), "the reply a is not sending");
    assert!(transaction.dead("a", "too late", NOW).await.is_err());
    let sent = transaction.reply_by_marker("a@bot.example.org").await.unwrap().unwrap();
    assert_eq!((sent.state, sent.remote.as_deref()), (State::Sent, Some("250 queued as 7")));
}

#[tokio::test]
async fn what_a_crash_leaves() {
    let (_folder, store) = store().await;
    for key in ["a", "b", "c"] {
        record(&store, &reply(key)).await;
        claim(&store, NOW).await.unwrap();
    }
    let mut transaction = store.begin().await.unwrap();
    transaction.hand_over("b", NOW).await.unwrap();
    transaction.hand_over("c", NOW).await.unwrap();
    transaction.sent("c", "250", NOW).await.unwrap();
    // Within the lease they may be someone else's.
    let found = transaction.recover("mail", MINUTE, MINUTE, NOW).await.unwrap();
    assert_eq!(found, Recovered::default());
    let found = transaction.recover("mail", Duration::ZERO, MINUTE, NOW).await.unwrap();
    assert_eq!(found, Recovered { pending: 1, unsure: 1 });
    assert_eq!(transaction.to_look_up("mail", NOW).await.unwrap(), []);
    let due = transaction.to_look_up("mail", NOW.after(MINUTE)).await.unwrap();
    assert_eq!(due.iter().map(|reply| reply.key.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(transaction.next_due("mail").await.unwrap(), Some(NOW));
    transaction.settle("b", Lookup::Unknown, NOW).await.unwrap();
    assert_eq!(transaction.to_look_up("mail", NOW.after(MINUTE)).await.unwrap(), []);
    transaction.settle("b", Lookup::Absent, NOW).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(state(&store, "a").await, State::Pending);
    assert_eq!(state(&store, "b").await, State::Pending);
    assert_eq!(state(&store, "c").await, State::Sent);
}

#[tokio::test]
async fn counts_for_the_limits() {
    let (_folder, store) = store().await;
    record(&store, &reply("a")).await;
    record(&store, &NewReply { thread: "other".into(), recipients: vec!["bob_x@example.org".into()], ..reply("b") })
        .await;
    let mut transaction = store.begin().await.unwrap();
    let thread = "20261126.series@example.org";
    for (which, expected) in [
        (Counted::All, 2),
        (Counted::Place("linux-valves@example.org"), 2),
        (Counted::Place("elsewhere"), 0),
        (Counted::Thread("other"), 1),
        (Counted::Purpose(thread, 1, "report"), 1),
        (Counted::Purpose(thread, 2, "report"), 0),
        (Counted::Person("alice@example.org"), 1),
        (Counted::Person("bob_x@example.org"), 1),
        (Counted::Person("bobax@example.org"), 0),
        (Counted::Person("alice"), 0),
    ] {
        assert_eq!(transaction.count("mail", which, NOW).await.unwrap(), expected, "{which:?}");
    }
    assert_eq!(transaction.count("mail", Counted::All, NOW.after(MINUTE)).await.unwrap(), 0);
    assert_eq!(transaction.left_since("mail", NOW).await.unwrap(), 0);
}

#[tokio::test]
async fn causes_have_a_history() {
    let (_folder, store) = store().await;
    let mut transaction = store.begin().await.unwrap();
    let cause = SeenCause {
        fingerprint: "0123456789abcdef".into(),
        class: "unknown-type-name".into(),
        title: "the type 'valve_t' is not declared".into(),
        builds: vec!["one".into(), "two".into()],
        ..SeenCause::default()
    };
    transaction.record_cause(&cause, NOW).await.unwrap();
    transaction.record_cause(&cause, NOW.after(MINUTE)).await.unwrap();
    assert!(transaction.judge("0123456789abcdef", &Verdict::Fixed("1234abcd".into()), "bob", NOW).await.unwrap());
    assert!(!transaction.judge("unknown", &Verdict::Invalid, "bob", NOW).await.unwrap());
    let known = transaction.known_cause("0123456789abcdef").await.unwrap().unwrap();
    assert_eq!((known.builds, known.first_seen_at, known.last_seen_at), (2, NOW, NOW.after(MINUTE)));
    assert_eq!(known.verdict, Some((Verdict::Fixed("1234abcd".into()), "bob".into())));
}

#[tokio::test]
async fn stops_commands_and_the_audit() {
    let (_folder, store) = store().await;
    let mut transaction = store.begin().await.unwrap();
    let stop = Stop {
        kind: StopKind::Person,
        subject: "alice@example.org".into(),
        said_by: "alice@example.org".into(),
        said_in: "m@example.org".into(),
    };
    transaction.stop(&stop, NOW).await.unwrap();
    transaction.stop(&stop, NOW).await.unwrap();
    assert!(transaction.is_stopped(StopKind::Person, "alice@example.org").await.unwrap());
    assert!(!transaction.is_stopped(StopKind::List, "alice@example.org").await.unwrap());
    assert!(transaction.resume(StopKind::Person, "alice@example.org").await.unwrap());
    assert!(!transaction.is_stopped(StopKind::Person, "alice@example.org").await.unwrap());

    let command = RecordedCommand {
        message: "m@example.org".into(),
        position: 0,
        name: "fix".into(),
        argument: Some("1234abcd".into()),
        said_by: "alice@example.org".into(),
        thread: "t".into(),
        outcome: "recorded".into(),
    };
    assert!(transaction.record_command(&command, NOW).await.unwrap());
    assert!(!transaction.record_command(&command, NOW).await.unwrap());
    assert_eq!(transaction.commands("t").await.unwrap(), [command]);

    let entry = Audit {
        at: NOW,
        actor: "bot".into(),
        action: "sent".into(),
        subject: "alice@example.org".into(),
        detail: "Re: [PATCH] valve".into(),
    };
    transaction.audit(&entry).await.unwrap();
    assert_eq!(transaction.audit_since(NOW, 10).await.unwrap(), [entry]);
    assert_eq!(transaction.audit_since(NOW.after(MINUTE), 10).await.unwrap(), []);
}

#[tokio::test]
async fn one_sends_and_a_later_database_is_refused() {
    let (folder, store) = store().await;
    let lock = store.sender_lock().await.unwrap();
    assert!(matches!(store.sender_lock().await, Err(Error::SenderIsRunning)));
    drop(lock);
    store.sender_lock().await.unwrap();

    let path = folder.path().join("triage.db");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let mut transaction = store.begin().await.unwrap();
    database::on!(transaction, at => {
        sqlx::query("INSERT INTO schema_version (version) VALUES (99)").execute(at).await.unwrap().rows_affected()
    });
    transaction.commit().await.unwrap();
    let error = Store::open(path.to_str().unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::TooNew { found: 99, known: 3 }), "{error}");
    assert!(matches!(Store::open("mysql://x/y").await, Err(Error::Address(_))));
}
