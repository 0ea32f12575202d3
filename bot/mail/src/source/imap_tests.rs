//! Tests of IMAP without a server; the real one is asked in the end-to-end tests.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

use super::*;

fn config(host: &str, security: Security) -> ImapConfig {
    ImapConfig {
        host: host.to_owned(),
        port: 1,
        security,
        user: "bot".to_owned(),
        password: Password::new("hunter2"),
        mailbox: "INBOX".to_owned(),
        authorities: None,
    }
}

#[test]
fn plain_is_for_this_machine_only() {
    let config = config("mail.example.org", Security::Plain);
    assert!(allow_plain("127.0.0.1:143".parse().unwrap(), &config).is_ok());
    assert!(allow_plain("[::1]:143".parse().unwrap(), &config).is_ok());
    let refusal = allow_plain("192.0.2.1:143".parse().unwrap(), &config).unwrap_err();
    assert!(refusal.to_string().contains("use TLS") && !refusal.is_temporary());
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_server_that_is_away_is_a_temporary_fault() {
    let mut imap = Imap::new(config("127.0.0.1", Security::Plain));
    let error = imap.read(None).await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    let before = Instant::now();
    assert!(imap.end().await.unwrap_err().is_temporary());
    assert!(before.elapsed() >= Duration::from_millis(400), "the second try comes after a pause");
}

/// A server that idles: it gives signs of life every two minutes, a mail after `minutes`, and logs off who idles for half an
/// hour. It gives how often IDLE was begun.
async fn serve(stream: DuplexStream, minutes: u64) -> u32 {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"* OK ready\r\n").await.unwrap();
    let begin = Instant::now();
    let (mut idles, mut since, mut told) = (0, None::<(Instant, String)>, false);
    loop {
        let line = match timeout(Duration::from_secs(120), lines.next_line()).await {
            Ok(line) => line.unwrap(),
            Err(_) => {
                let (time, _) = since.as_ref().unwrap();
                if time.elapsed() >= Duration::from_secs(30 * 60) {
                    return idles;
                }
                if begin.elapsed() >= Duration::from_secs(minutes * 60) && !told {
                    told = true;
                    writer.write_all(b"* 4 EXISTS\r\n").await.unwrap();
                }
                writer.write_all(b"* OK Still here\r\n").await.unwrap();
                continue;
            }
        };
        let Some(line) = line else { return idles };
        let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match command.split(' ').next().unwrap() {
            "LOGIN" => format!("{tag} OK [CAPABILITY IMAP4rev1 IDLE] in\r\n"),
            "EXAMINE" => {
                format!("* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 9] x\r\n{tag} OK [READ-ONLY] open\r\n")
            }
            "NOOP" => format!("{tag} OK nothing\r\n"),
            "UID" => format!("* SEARCH\r\n* 4 EXISTS\r\n{tag} OK found\r\n"),
            "IDLE" => {
                idles += 1;
                since = Some((Instant::now(), tag.to_owned()));
                "+ idling\r\n".to_owned()
            }
            _ if line == "DONE" => format!("{} OK done\r\n", since.take().unwrap().1),
            other => panic!("{other}"),
        };
        writer.write_all(answer.as_bytes()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn idle_is_begun_again_before_the_server_hangs_up() {
    let (ours, theirs) = tokio::io::duplex(4096);
    let server = tokio::spawn(serve(theirs, 100));
    let mut imap = Imap::new(config("localhost", Security::Plain));
    imap.connection = Some(log_in(&imap.config, Box::new(ours)).await.unwrap());
    let begin = Instant::now();
    imap.wait(Duration::from_secs(24 * 3600)).await.unwrap();
    let waited = begin.elapsed().as_secs() / 60;
    assert!((100..=103).contains(&waited), "woken after {waited} minutes");
    let begin = Instant::now();
    imap.wait(Duration::from_secs(600)).await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 600);
    drop(imap);
    assert_eq!(server.await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_along_with_an_answer_is_not_lost() {
    let (ours, theirs) = tokio::io::duplex(4096);
    let server = tokio::spawn(serve(theirs, 1000));
    let mut imap = Imap::new(config("localhost", Security::Plain));
    imap.connection = Some(log_in(&imap.config, Box::new(ours)).await.unwrap());
    // The mail came while the server searched; it will not say so again.
    assert!(imap.read(None).await.unwrap().messages.is_empty());
    let begin = Instant::now();
    imap.wait(Duration::from_secs(3600)).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    drop(imap);
    assert_eq!(server.await.unwrap(), 0);
}
