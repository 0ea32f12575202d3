//! Tests of mbox files.

use std::fs;
use std::io::Write;

use proptest::prelude::*;

use super::super::Source;
use super::*;

fn all(bytes: &[u8], quoting: Quoting) -> Vec<String> {
    let mut reader = MboxReader::new(bytes, quoting);
    let mut mails = Vec::new();
    while let Some((raw, size)) = reader.next().unwrap() {
        assert_eq!(raw.len() as u64, size);
        mails.push(String::from_utf8_lossy(&raw).into_owned());
    }
    assert_eq!(reader.position(), bytes.len() as u64);
    mails
}

#[test]
fn both_ways_of_quoting_are_read() {
    let file = b"From a@b Mon Nov 23 06:01:00 2026\nSubject: 1\n\n>From x\n>>From y\n> From z\nFrom here on\n\nFrom mboxrd@z\nSubject: 2\n\nend\n";
    assert_eq!(
        all(file, Quoting::Rd),
        ["Subject: 1\n\nFrom x\n>From y\n> From z\nFrom here on\n", "Subject: 2\n\nend\n"]
    );
    assert_eq!(all(file, Quoting::O)[0], "Subject: 1\n\nFrom x\n>>From y\n> From z\nFrom here on\n");
    let crlf = b"From a\r\nSubject: 1\r\n\r\n>From x\r\n\r\nFrom b\r\nSubject: 2\r\n\r\n";
    assert_eq!(all(crlf, Quoting::Rd), ["Subject: 1\r\n\r\nFrom x\r\n", "Subject: 2\r\n"]);
}

#[test]
fn odd_files_are_read_somehow() {
    assert!(all(b"", Quoting::Rd).is_empty());
    assert!(all(b"no mail\n", Quoting::Rd).is_empty());
    assert_eq!(all(b"junk\nFrom a\nS: 1", Quoting::Rd), ["S: 1"]);
    assert_eq!(all(b"From a\nFrom b\n\nFrom c\n", Quoting::Rd), ["From b\n", ""]);
}

fn settle(path: &Path) {
    let past = SystemTime::now() - Duration::from_secs(60);
    File::options().write(true).open(path).unwrap().set_modified(past).unwrap();
}

#[tokio::test]
async fn a_growing_file_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mbox");
    fs::write(&path, "From a\nSubject: 1\n\nx\n\nFrom a\nSubject: 2\n\nx\n").unwrap();
    settle(&path);
    let mut source = Source::Mbox(Mbox::new(&path, Quoting::Rd));
    let first = source.read(None).await.unwrap();
    assert_eq!(first.messages.len(), 2);
    assert_eq!(source.end().await.unwrap(), first.cursor);
    assert!(source.read(Some(&first.cursor)).await.unwrap().messages.is_empty());

    // While a mail is being written only what stands before it is read.
    let mut file = File::options().append(true).open(&path).unwrap();
    file.write_all(b"\nFrom a\nSubject: 3\n\nx\n\nFrom a\nSubject: 4\n\nx").unwrap();
    let second = source.read(Some(&first.cursor)).await.unwrap();
    assert_eq!(second.messages.iter().map(|mail| mail.subject.as_str()).collect::<Vec<_>>(), ["3"]);
    file.write_all(b"yz\n").unwrap();
    settle(&path);
    let third = source.read(Some(&second.cursor)).await.unwrap();
    assert_eq!((third.messages.len(), third.messages[0].text.as_str()), (1, "xyz\n"));

    // A file that was replaced is read from its beginning.
    fs::write(&path, "From a\nSubject: new\n\nx\n".repeat(10)).unwrap();
    settle(&path);
    let fourth = source.read(Some(&third.cursor)).await.unwrap();
    assert_eq!(fourth.messages[0].subject, "new");
    let missing = Source::Mbox(Mbox::new(folder.path().join("none"), Quoting::Rd)).read(None).await.unwrap_err();
    assert!(missing.to_string().contains("none"), "{missing}");
}

/// A reader of endless text.
struct Endless {
    left: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(usize::try_from(self.left).unwrap());
        buffer[..count].fill(b'a');
        self.left -= count as u64;
        Ok(count)
    }
}

#[test]
fn a_huge_mail_is_held_in_part() {
    let head: &[u8] = b"From a\nSubject: huge\n\n";
    let stream = head.chain(Endless { left: 1 << 30 }).chain(&b"\n\nFrom b\nSubject: next\n\n"[..]);
    let mut reader = MboxReader::new(BufReader::new(stream), Quoting::Rd);
    let (raw, size) = reader.next().unwrap().unwrap();
    assert_eq!((raw.len() as u64, size > 1 << 30), (READ_MAX, true));
    assert_eq!(reader.next().unwrap().unwrap().0, b"Subject: next\n");
    assert!(reader.next().unwrap().is_none());
}

proptest! {
    #[test]
    fn any_bytes_are_an_mbox(parts in proptest::collection::vec("(From |>From |>>|\n|\r\n|a: b|\\PC){0,6}", 0..20), rd in any::<bool>()) {
        all(parts.concat().as_bytes(), if rd { Quoting::Rd } else { Quoting::O });
    }
}
