use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::message::MessageId;

/// A server that says lines of a script: what it answers to the command that begins so. The default
/// is to agree. `!` closes the connection. Gives its port and, in the end, what it heard.
async fn server(script: &'static [(&'static str, &'static str)]) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let mut heard = Vec::new();
        let mut content = false;
        let say = |event: &str| script.iter().find(|(start, _)| event.starts_with(start)).map(|(_, answer)| *answer);
        writer.write_all(b"220 x ESMTP\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            heard.push(line.clone());
            let event = if content && line == "." { "content" } else { &line };
            if content && line != "." {
                continue;
            }
            let usual = match event {
                "content" => "250 2.0.0 queued as 7",
                "DATA" => "354 go on",
                line if line.starts_with("EHLO") => "250-x\r\n250 8BITMIME",
                _ => "250 ok",
            };
            let answer = say(event).unwrap_or(usual);
            content = event == "DATA" && answer.starts_with("354");
            if answer == "!" {
                break;
            }
            if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                break;
            }
        }
        heard
    });
    (port, heard)
}

fn relay(port: u16) -> Relay {
    Relay {
        host: "127.0.0.1".into(),
        port,
        security: Security::Plain,
        allow_plain: false,
        login: None,
        hello: "bot.example.org".into(),
        authorities: Vec::new(),
    }
}

fn mail(content: &str) -> Mail {
    let address = |text: &str| Address::parse(text).unwrap();
    Mail {
        sender: address("bounces@bot.example.org"),
        recipients: vec![address("alice@example.org"), address("list@example.org")],
        message_id: MessageId::parse("1@bot.example.org").unwrap(),
        content: content.replace('\n', "\r\n"),
    }
}

async fn sent(
    script: &'static [(&'static str, &'static str)],
    content: &str,
) -> (Result<Receipt, SendError>, Vec<String>) {
    let (port, heard) = server(script).await;
    let outcome = match relay(port).prepare(&mail(content)).await {
        Ok(ready) => ready.hand_over().await,
        Err(error) => Err(error),
    };
    (outcome, heard.await.unwrap())
}

#[tokio::test]
async fn a_mail_is_sent_as_it_is() {
    let (outcome, heard) = sent(&[], "Subject: x\n\n.dot\nä\n-- \n").await;
    assert_eq!(outcome.unwrap().answer, "2.0.0 queued as 7");
    assert_eq!(
        heard,
        [
            "EHLO bot.example.org",
            "MAIL FROM:<bounces@bot.example.org> BODY=8BITMIME",
            "RCPT TO:<alice@example.org>",
            "RCPT TO:<list@example.org>",
            "DATA",
            "Subject: x",
            "",
            "..dot",
            "ä",
            "-- ",
            ".",
            "QUIT",
        ]
    );
}

#[tokio::test]
async fn before_the_content_nothing_is_in_doubt() {
    for (script, permanent) in [
        (&[("MAIL", "451 4.3.0 later")][..], false),
        (&[("MAIL", "550 5.7.1 no")], true),
        (&[("RCPT TO:<alice", "450 4.2.1 greylisted")], false),
        (&[("RCPT", "550 5.1.1 unknown")], true),
        (&[("DATA", "421 4.3.2 closing")], false),
        (&[("DATA", "!")], false),
        (&[("EHLO", "!")], false),
    ] {
        let error = sent(script, "x\n\ny\n").await.0.unwrap_err();
        let as_expected = match error {
            SendError::Permanent(_) => permanent,
            SendError::Transient(_) => !permanent,
            SendError::Unsure(_) => false,
        };
        assert!(as_expected, "{script:?}: {error:?}");
    }
}

#[tokio::test]
async fn after_the_content_only_an_answer_tells() {
    let outcome = sent(&[("content", "452 4.3.1 full")], "x\n\ny\n").await.0;
    assert!(matches!(outcome, Err(SendError::Transient(_))), "{outcome:?}");
    let outcome = sent(&[("content", "554 5.7.1 spam")], "x\n\ny\n").await.0;
    assert!(matches!(outcome, Err(SendError::Permanent(_))), "{outcome:?}");
    let outcome = sent(&[("content", "!")], "x\n\ny\n").await.0;
    assert!(matches!(outcome, Err(SendError::Unsure(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_recipient_that_is_gone_does_not_stop_the_others() {
    let (port, heard) = server(&[("RCPT TO:<list", "550 5.1.1 unknown\u{1b}[2J")]).await;
    let ready = relay(port).prepare(&mail("x\n\ny\n")).await.unwrap();
    assert_eq!(ready.refused.len(), 1);
    assert_eq!(ready.refused[0].0.as_str(), "list@example.org");
    assert!(!ready.refused[0].1.contains('\u{1b}'), "{:?}", ready.refused);
    ready.hand_over().await.unwrap();
    assert!(heard.await.unwrap().contains(&".".to_owned()));
}

#[tokio::test]
async fn giving_up_sends_nothing() {
    let (port, heard) = server(&[]).await;
    relay(port).prepare(&mail("x\n\nsecret\n")).await.unwrap().give_up();
    let heard = heard.await.unwrap();
    assert_eq!(heard.last().unwrap(), "DATA");
}

#[tokio::test]
async fn what_is_not_sent() {
    let elsewhere = Relay { host: "mx.example.org".into(), ..relay(25) };
    let error = elsewhere.prepare(&mail("x\n\ny\n")).await.err().unwrap();
    assert!(matches!(&error, SendError::Permanent(why) if why.contains("without TLS")), "{error:?}");

    let (port, _heard) = server(&[]).await;
    let starttls = Relay { security: Security::StartTls, ..relay(port) };
    let error = starttls.prepare(&mail("x\n\ny\n")).await.err().unwrap();
    assert!(matches!(&error, SendError::Permanent(why) if why.contains("offers no STARTTLS")), "{error:?}");

    let error = sent(&[("EHLO", "250 x")], "x\n\nä\n").await.0.unwrap_err();
    assert!(matches!(&error, SendError::Permanent(why) if why.contains("8BITMIME")), "{error:?}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = relay(port).prepare(&mail("x\n\ny\n")).await.err().unwrap();
    assert!(matches!(error, SendError::Transient(_)), "{error:?}");
}

#[test]
fn passwords_are_not_shown() {
    let relay = Relay { login: Some(("bot".into(), "secret".into())), ..relay(25) };
    assert!(!format!("{relay:?}").contains("secret"));
    assert!(is_loopback("127.0.0.1") && is_loopback("[::1]") && is_loopback("localhost"));
    assert!(!is_loopback("localhost.example.org") && !is_loopback("10.0.0.1"));
}
