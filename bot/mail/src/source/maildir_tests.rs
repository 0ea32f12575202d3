//! Tests of Maildirs.

use super::super::Source;
use super::*;

fn maildir() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["new", "cur", "tmp"] {
        fs::create_dir(folder.path().join(part)).unwrap();
    }
    folder
}

fn put(folder: &Path, name: &str, subject: &str) {
    fs::write(folder.join(name), format!("Subject: {subject}\n\nx\n")).unwrap();
}

async fn subjects(source: &mut Source, cursor: &mut Option<Cursor>) -> Vec<String> {
    let batch = source.read(cursor.as_ref()).await.unwrap();
    *cursor = Some(batch.cursor);
    batch.messages.into_iter().map(|message| message.subject).collect()
}

#[tokio::test]
async fn each_mail_is_read_once_whatever_happens_to_its_flags() {
    let folder = maildir();
    let mut source = Source::Maildir(Maildir::new(folder.path()));
    put(folder.path(), "new/1.a.host", "one");
    put(folder.path(), "cur/2.b.host:2,RS", "two");
    put(folder.path(), "new/.hidden", "no");
    fs::create_dir(folder.path().join("cur/folder")).unwrap();
    let mut cursor = None;
    let mut first = subjects(&mut source, &mut cursor).await;
    first.sort();
    assert_eq!(first, ["one", "two"]);
    source.done().await.unwrap();
    assert!(folder.path().join("new/1.a.host").exists(), "a source that only reads changes nothing");
    fs::rename(folder.path().join("new/1.a.host"), folder.path().join("cur/1.a.host:2,S")).unwrap();
    put(folder.path(), "new/3.c.host", "three");
    assert_eq!(subjects(&mut source, &mut cursor).await, ["three"]);
    assert!(subjects(&mut source, &mut cursor).await.is_empty());
    let stored = serde_json::to_string(&cursor).unwrap();
    assert_eq!(serde_json::from_str::<Option<Cursor>>(&stored).unwrap(), cursor);
}

#[tokio::test]
async fn mails_are_put_away_only_once_they_are_stored() {
    let (folder, other) = (maildir(), maildir());
    put(folder.path(), "new/1.a", "one");
    put(folder.path(), "cur/2.b:2,FR", "two");
    let mut source = Source::Maildir(Maildir::new(folder.path()).after_reading(AfterReading::MarkSeen));
    assert_eq!(source.read(None).await.unwrap().messages.len(), 2);
    assert!(folder.path().join("new/1.a").exists());
    source.done().await.unwrap();
    assert!(folder.path().join("cur/1.a:2,S").exists() && folder.path().join("cur/2.b:2,FRS").exists());

    let mut source =
        Source::Maildir(Maildir::new(folder.path()).after_reading(AfterReading::MoveTo(other.path().into())));
    let batch = source.read(None).await.unwrap();
    // One vanishes in between.
    fs::remove_file(folder.path().join("cur/2.b:2,FRS")).unwrap();
    source.done().await.unwrap();
    assert!(other.path().join("cur/1.a:2,S").exists() && !folder.path().join("cur/1.a:2,S").exists());
    assert!(source.read(Some(&batch.cursor)).await.unwrap().messages.is_empty());
}

#[test]
fn a_mail_that_moves_while_it_is_read_is_found() {
    let folder = maildir();
    put(folder.path(), "new/1.a", "one");
    put(folder.path(), "new/2.b", "two");
    let entries = list(folder.path()).unwrap();
    fs::rename(folder.path().join("new/1.a"), folder.path().join("cur/1.a:2,S")).unwrap();
    fs::remove_file(folder.path().join("new/2.b")).unwrap();
    let found: Vec<_> = entries.iter().filter_map(|entry| open(folder.path(), entry).unwrap()).collect();
    assert_eq!(found.len(), 1);
    assert!(found[0].0.ends_with("cur/1.a:2,S"));
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_large_mails_do_no_harm() {
    let folder = maildir();
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("new/link")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("new/zero")).unwrap();
    let file = File::create(folder.path().join("new/large")).unwrap();
    file.set_len(1 << 40).unwrap();
    let mut source = Source::Maildir(Maildir::new(folder.path()));
    let batch = source.read(None).await.unwrap();
    assert_eq!(batch.messages.len(), 1);
    assert_eq!(batch.messages[0].size, 1 << 40);
    assert!(batch.messages[0].problems.contains(&crate::message::Problem::TooLong));
}

#[tokio::test]
async fn many_mails_come_in_batches() {
    let folder = maildir();
    for number in 0..450 {
        put(folder.path(), &format!("new/{number:03}.a"), &number.to_string());
    }
    let mut source = Source::Maildir(Maildir::new(folder.path()));
    let (mut cursor, mut total, mut rounds) = (None, 0, 0);
    loop {
        let batch = source.read(cursor.as_ref()).await.unwrap();
        total += batch.messages.len();
        rounds += 1;
        cursor = Some(batch.cursor);
        if !batch.more {
            break;
        }
    }
    assert_eq!((total, rounds), (450, 3));
    let end = source.end().await.unwrap();
    assert_eq!(Some(&end), cursor.as_ref());
}

#[tokio::test]
async fn waiting_ends_when_a_mail_comes() {
    let folder = maildir();
    let mut source = Source::Maildir(Maildir::new(folder.path()));
    let cursor = source.end().await.unwrap();
    let path = folder.path().to_owned();
    let writer = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        put(&path, "new/1.a", "late");
    });
    let mut cursor = Some(cursor);
    loop {
        source.wait(Duration::from_secs(60)).await.unwrap();
        if subjects(&mut source, &mut cursor).await == ["late"] {
            break;
        }
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn what_is_no_maildir_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = Source::Maildir(Maildir::new(folder.path()));
    let error = source.read(None).await.unwrap_err();
    assert!(matches!(error, SourceError::Kind { .. }) && error.to_string().contains("new and cur"), "{error}");
    let foreign: Cursor = serde_json::from_str(r#"{"source":"imap","uid_validity":1,"uid":2}"#).unwrap();
    assert!(matches!(source.read(Some(&foreign)).await, Err(SourceError::Cursor)));
}
