//! Tests of the archive on the web with a host that lies; a real one is asked in the end-to-end tests.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers one request after another with the given bytes; the address it listens on.
async fn host(answers: Vec<Vec<u8>>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            requests.push(String::from_utf8_lossy(&request[..read]).lines().next().unwrap().to_owned());
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
        requests
    });
    (format!("http://{address}/list"), task)
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nDate: Mon, 23 Nov 2026 06:01:00 GMT\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn packed(mails: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(mails.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn archive(url: &str) -> HttpArchive {
    HttpArchive::new(url, Duration::from_secs(1)).unwrap()
}

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

#[tokio::test]
async fn what_is_new_is_asked_for_once() {
    let one = "From mboxrd@z\nMessage-ID: <1@x>\nSubject: one\n\nx\n\n";
    let two = "From mboxrd@z\nMessage-ID: <2@x>\nSubject: two\n\nx\n";
    let both = packed(&format!("{one}{one}{two}"));
    let (url, task) =
        host(vec![answer("200 OK", "", &packed(one)), answer("200 OK", "", &both), answer("404 Not Found", "", b"")])
            .await;
    let mut archive = archive(&url);
    let subjects = |batch: &Batch| batch.messages.iter().map(|mail| mail.subject.clone()).collect::<Vec<_>>();
    let first = archive.read(Some(&Cursor::HttpArchive(HttpCursor::since(1_700_000_000)))).await.unwrap();
    assert_eq!(subjects(&first), ["one"]);
    let second = archive.read(Some(&first.cursor)).await.unwrap();
    assert_eq!(subjects(&second), ["two"]);
    assert!(archive.read(Some(&second.cursor)).await.unwrap().messages.is_empty());
    let requests = task.await.unwrap();
    assert_eq!(requests[0], "POST /list/?q=rt%3A1699999100..&x=m HTTP/1.1");
    // The archive's clock, less the overlap.
    assert_eq!(requests[1], "POST /list/?q=rt%3A1795412760..&x=m HTTP/1.1");
}

#[tokio::test]
async fn redirects_stay_on_the_host() {
    let elsewhere = answer("302 Found", "Location: http://192.0.2.1/secret\r\n", b"");
    let (url, _task) = host(vec![elsewhere]).await;
    let error = archive(&url).thread(&id("1@x")).await.unwrap_err();
    assert!(error.to_string().contains("another host"), "{error}");
    let file = answer("302 Found", "Location: file:///etc/passwd\r\n", b"");
    let (url, _task) = host(vec![file]).await;
    assert!(archive(&url).thread(&id("1@x")).await.is_err());
    let mails = packed("From mboxrd@z\nMessage-ID: <1@x>\n\nx\n");
    let (url, task) =
        host(vec![answer("301 Moved", "Location: /list/1@x/t.mbox.gz?again\r\n", b""), answer("200 OK", "", &mails)])
            .await;
    assert_eq!(archive(&url).thread(&id("1@x")).await.unwrap().len(), 1);
    assert_eq!(task.await.unwrap(), ["GET /list/1@x/t.mbox.gz HTTP/1.1", "GET /list/1@x/t.mbox.gz?again HTTP/1.1"]);
}

#[tokio::test]
async fn bombs_and_nonsense_end_soon() {
    let bomb = packed(&format!("From a\nMessage-ID: <b@x>\n\n{}", "\0".repeat(300 << 20)));
    assert!(bomb.len() < 1 << 20);
    let (url, _task) = host(vec![answer("200 OK", "", &bomb)]).await;
    let thread = archive(&url).thread(&id("b@x")).await.unwrap();
    assert_eq!((thread.len(), thread[0].size > 300 << 20), (1, true));
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; DOWNLOAD_MAX + 100]].concat();
    let (url, _task) = host(vec![endless]).await;
    let error = archive(&url).thread(&id("b@x")).await.unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
    for body in [&b"no gzip"[..], &bomb[..100]] {
        let (url, _task) = host(vec![answer("200 OK", "", body)]).await;
        assert!(archive(&url).thread(&id("b@x")).await.is_err());
    }
    let (url, _task) = host(vec![answer("503 Busy", "", b"")]).await;
    assert!(archive(&url).end().await.unwrap_err().is_temporary());
    let (url, _task) = host(vec![answer("403 No", "", b"")]).await;
    assert!(!archive(&url).end().await.unwrap_err().is_temporary());
}

#[test]
fn addresses_are_checked_and_ids_escaped() {
    for bad in ["", "lore.kernel.org", "ftp://x/y", "file:///x", "https://u:p@x/", "https://x/?q=1", "https://x/#a"] {
        assert!(matches!(HttpArchive::new(bad, Duration::ZERO), Err(SourceError::Config(_))), "{bad}");
    }
    let archive = archive("https://lore.kernel.org/linux-usb");
    assert_eq!(archive.link(&id("a@b")).unwrap(), "https://lore.kernel.org/linux-usb/a@b/");
    assert_eq!(
        archive.link(&id("../../a?b#c%@d/e")).unwrap(),
        "https://lore.kernel.org/linux-usb/..%2F..%2Fa%3Fb%23c%25@d%2Fe/"
    );
    assert_eq!((archive.link(&id("..")), archive.link(&id("."))), (None, None));
}
