//! Small HTTP servers on loopback, in threads: one request a connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// A request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// `200`.
    pub status: u16,
    /// Names in lower case. A length is for an answer that is to break off.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// A server until it is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens on loopback.
    pub port: u16,
    over: Arc<AtomicBool>,
}

impl Server {
    /// Starts one, which answers each request in a thread of its own.
    pub fn start(handler: impl Fn(Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let over = Arc::new(AtomicBool::new(false));
        let (stop, handler) = (over.clone(), Arc::new(handler));
        thread::spawn(move || {
            for client in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(mut client), handler) = (client, handler.clone()) else { continue };
                thread::spawn(move || {
                    if let Some(request) = Request::read(&mut client) {
                        // A client that goes away is no fault of the server's.
                        let _ = client.write_all(&handler(request).bytes());
                    }
                });
            }
        });
        Self { port, over }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Request {
    /// Reads one.
    fn read(client: &mut TcpStream) -> Option<Self> {
        client.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        let (head, mut body) = read_head(client)?;
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers = headers(lines);
        let length = find(&headers, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut chunk = [0; 16 << 10];
        while body.len() < length {
            match client.read(&mut chunk) {
                Ok(0) | Err(_) => return None,
                Ok(count) => body.extend_from_slice(&chunk[..count]),
            }
        }
        Some(Self { method, target, headers, body })
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Its body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Sends it to a server on loopback.
    pub fn forward(&self, port: u16) -> Response {
        let answer = self.try_forward(port);
        answer.unwrap_or_else(|| Response::json(502, &serde_json::json!({ "message": "no answer from upstream" })))
    }

    fn try_forward(&self, port: u16) -> Option<Response> {
        let mut upstream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        let mut head =
            format!("{} {} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n", self.method, self.target);
        let own = ["host", "connection", "content-length", "accept-encoding", "transfer-encoding"];
        for (name, value) in self.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() || self.method != "GET" {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        upstream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
        upstream.write_all(&self.body).ok()?;
        let (head, mut body) = read_head(&mut upstream)?;
        upstream.read_to_end(&mut body).ok()?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = headers(lines);
        if find(&headers, "transfer-encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked")) {
            body = unchunked(&body);
        }
        headers.retain(|(name, _)| {
            !["content-length", "transfer-encoding", "connection", "keep-alive"].contains(&&**name)
        });
        Some(Response { status, headers, body })
    }
}

impl Response {
    /// An answer of JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Its body as JSON.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Answer\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !matches!(self.status, 204 | 304) && self.header("content-length").is_none() {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        [format!("{head}\r\n").as_bytes(), &self.body].concat()
    }
}

/// Reads up to the empty line; what came after it is given, too.
fn read_head(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 16 << 10]);
    loop {
        if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            let rest = bytes.split_off(at + 4);
            return Some((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    let pairs = lines.filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect()
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(at) = body.windows(2).position(|it| it == b"\r\n") {
        let size = std::str::from_utf8(&body[..at]).ok().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let Some(size) = size.filter(|size| *size > 0 && at + 2 + size <= body.len()) else { break };
        whole.extend_from_slice(&body[at + 2..at + 2 + size]);
        body = body.get(at + 2 + size + 2..).unwrap_or_default();
    }
    whole
}
