//! Tests of archives in git, with git alone; public-inbox itself writes one in the end-to-end tests.

use std::fs;

use super::super::super::Source;
use super::*;

/// A repository to which mails are added as public-inbox does.
struct Inbox {
    repository: PathBuf,
}

impl Inbox {
    fn new(repository: PathBuf) -> Self {
        fs::create_dir_all(&repository).unwrap();
        let inbox = Self { repository };
        inbox.git(&["init", "--quiet", "--bare", "--initial-branch=master"], "");
        inbox
    }

    fn git(&self, args: &[&str], input: &str) -> String {
        let mut git = git(&self.repository, args);
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "a").env(format!("GIT_{role}_EMAIL"), "a@b.c");
        }
        let mut child = git.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{args:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits a tree of one file.
    fn add(&self, path: &str, mail: &str) {
        let blob = self.git(&["hash-object", "-w", "--stdin"], mail);
        let (name, inner) = match path.split_once('/') {
            Some((folder, file)) => (folder, Some(file)),
            None => (path, None),
        };
        let entry = match inner {
            Some(file) => {
                format!("040000 tree {}\t{name}\n", self.git(&["mktree"], &format!("100644 blob {blob}\t{file}\n")))
            }
            None => format!("100644 blob {blob}\t{name}\n"),
        };
        let tree = self.git(&["mktree"], &entry);
        let parent = tip(&self.repository).unwrap();
        let mut args = vec!["commit-tree", "-m", "x", &tree];
        if let Some(parent) = &parent {
            args.extend(["-p", parent]);
        }
        let commit = self.git(&args, "");
        self.git(&["update-ref", "refs/heads/master", &commit], "");
    }
}

fn mail(number: u32) -> String {
    format!("Subject: {number}\nMessage-ID: <{number}@x>\n\nx\n")
}

async fn subjects(source: &mut Source, cursor: &mut Option<Cursor>) -> Vec<String> {
    let batch = source.read(cursor.as_ref()).await.unwrap();
    *cursor = Some(batch.cursor);
    batch.messages.into_iter().map(|message| message.subject).collect()
}

#[tokio::test]
async fn epochs_are_read_one_after_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = Source::GitArchive(GitArchive::new(folder.path()));
    assert!(matches!(source.read(None).await, Err(SourceError::Kind { .. })));
    let first = Inbox::new(folder.path().join("git/0.git"));
    let mut cursor = None;
    assert!(subjects(&mut source, &mut cursor).await.is_empty());
    first.add("m", &mail(1));
    first.add("m", &mail(2));
    assert_eq!(subjects(&mut source, &mut cursor).await, ["1", "2"]);
    first.add("d", &mail(1));
    first.add("m", &mail(3));
    let second = Inbox::new(folder.path().join("git/1.git"));
    second.add("m", &mail(4));
    assert_eq!(subjects(&mut source, &mut cursor).await, ["3", "4"]);
    assert!(subjects(&mut source, &mut cursor).await.is_empty());
    assert_eq!(Some(source.end().await.unwrap()), cursor);

    // History that was rewritten is read again.
    second.git(&["update-ref", "-d", "refs/heads/master"], "");
    second.add("m", &mail(5));
    assert_eq!(subjects(&mut source, &mut cursor).await, ["5"]);
    // A cursor is data that may be damaged; nothing of it becomes an argument.
    let bad = r#"{"source":"git-archive","epoch":1,"commit":"--output=/tmp/x"}"#;
    assert_eq!(subjects(&mut source, &mut Some(serde_json::from_str(bad).unwrap())).await, ["5"]);
}

#[tokio::test]
async fn an_archive_of_the_first_format_is_one_repository() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = Inbox::new(folder.path().to_owned());
    let mut source = Source::GitArchive(GitArchive::new(folder.path()));
    inbox.add(&format!("ab/{}", "c".repeat(38)), &mail(1));
    inbox.add("description", "no mail");
    inbox.add(&format!("cd/{}", "e".repeat(38)), &mail(2));
    let mut cursor = None;
    assert_eq!(subjects(&mut source, &mut cursor).await, ["1", "2"]);
    assert!(subjects(&mut source, &mut cursor).await.is_empty());
}

#[tokio::test]
async fn many_mails_come_in_batches_and_waiting_ends_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = Inbox::new(folder.path().join("git/0.git"));
    let mut import = String::new();
    for number in 0..450 {
        let mail = mail(number);
        import.push_str(&format!("commit refs/heads/master\ncommitter a <a@b.c> {number} +0000\ndata 1\nx\nM 644 inline m\ndata {}\n{mail}\n", mail.len()));
    }
    inbox.git(&["fast-import", "--quiet"], &import);
    let mut source = Source::GitArchive(GitArchive::new(folder.path()));
    let (mut cursor, mut all) = (None, Vec::new());
    for _ in 0..3 {
        all.extend(subjects(&mut source, &mut cursor).await);
    }
    assert_eq!(all, (0..450).map(|number| number.to_string()).collect::<Vec<_>>());
    let path = folder.path().to_owned();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(1500));
        Inbox { repository: path.join("git/0.git") }.add("m", &mail(999));
    });
    source.wait(Duration::from_secs(60)).await.unwrap();
    assert_eq!(subjects(&mut source, &mut cursor).await, ["999"]);
    writer.join().unwrap();
}

#[tokio::test]
async fn reading_can_begin_with_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let archive = GitArchive::new(folder.path());
    assert!(archive.check().is_err());
    let old = Inbox::new(folder.path().join("git/0.git"));
    (1..=4).for_each(|number| old.add("m", &mail(number)));
    let new = Inbox::new(folder.path().join("git/1.git"));
    (5..=6).for_each(|number| new.add("m", &mail(number)));
    archive.check().unwrap();
    let mut source = Source::GitArchive(archive.clone());
    for (mails, expected) in
        [(0, &[][..]), (1, &["6"]), (2, &["5", "6"]), (3, &["4", "5", "6"]), (9, &["1", "2", "3", "4", "5", "6"])]
    {
        let mut cursor = Some(archive.newest(mails).await.unwrap());
        assert_eq!(subjects(&mut source, &mut cursor).await, expected, "{mails}");
    }
}
