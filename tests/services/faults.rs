//! A proxy that breaks requests on purpose: the one with a certain number, in a certain way.
//!
//! It speaks HTTP/1.1 with one request a connection, so that what is broken is that request and no other.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How a request is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answered with this status, and this header beside; the server never sees it.
    Refused(u16, Option<(&'static str, &'static str)>),
    /// The server does it, and its answer is replaced by this status.
    DoneBut(u16),
    /// The proxy's side of the connection is closed before the server sees the request.
    ClosedBefore,
    /// The server does it, and the proxy's side of the connection is closed without an answer.
    ClosedAfter,
    /// The server does it, and the connection is closed in the middle of its answer.
    Cut,
    /// The server never sees it, and no answer comes for this many milliseconds.
    SilentBefore(u64),
    /// The server does it, and no answer comes for this many milliseconds.
    SilentAfter(u64),
}

/// A proxy in front of a server on loopback, until it is dropped.
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    faults: Vec<(usize, Fault)>,
    seen: Vec<String>,
    over: bool,
}

impl Proxy {
    /// Starts one in front of a port.
    pub fn start(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let shared = Arc::clone(&plan);
        thread::spawn(move || {
            for client in listener.incoming() {
                if shared.lock().unwrap_or_else(PoisonError::into_inner).over {
                    return;
                }
                let (Ok(client), plan) = (client, Arc::clone(&shared)) else { continue };
                thread::spawn(move || {
                    // A client that goes away is no fault of the proxy's.
                    let _ = serve(client, server, &plan);
                });
            }
        });
        Self { port, plan }
    }

    /// Breaks the requests with these numbers from now on, the next one being 0, and forgets those that were seen.
    pub fn plan(&self, faults: &[(usize, Fault)]) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Plan { faults: faults.to_vec(), ..Plan::default() };
    }

    /// The first lines of the requests since [`Proxy::plan`], broken ones included: `GET /x HTTP/1.1`.
    pub fn seen(&self) -> Vec<String> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).seen.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        // Wakes the listener.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(mut client: TcpStream, server: u16, plan: &Mutex<Plan>) -> std::io::Result<()> {
    let Some((head, body)) = request(&mut client)? else { return Ok(()) };
    let fault = {
        let mut plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
        let number = plan.seen.len();
        plan.seen.push(head.lines().next().unwrap_or_default().to_owned());
        plan.faults.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault)
    };
    match fault {
        Some(Fault::Refused(status, header)) => return client.write_all(answer(status, header).as_bytes()),
        Some(Fault::ClosedBefore) => return half_close(&client),
        Some(Fault::SilentBefore(time)) => {
            thread::sleep(Duration::from_millis(time));
            return Ok(());
        }
        _ => {}
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", server))?;
    upstream.write_all(head.as_bytes())?;
    upstream.write_all(&body)?;
    let mut whole = Vec::new();
    upstream.read_to_end(&mut whole)?;
    match fault {
        Some(Fault::DoneBut(status)) => client.write_all(answer(status, None).as_bytes()),
        Some(Fault::ClosedAfter) => half_close(&client),
        Some(Fault::Cut) => client.write_all(&whole[..whole.len() / 2]),
        Some(Fault::SilentAfter(time)) => {
            thread::sleep(Duration::from_millis(time));
            Ok(())
        }
        _ => client.write_all(&whole),
    }
}

/// Says that nothing more comes, and waits for the other side to go.
fn half_close(client: &TcpStream) -> std::io::Result<()> {
    client.shutdown(Shutdown::Write)?;
    client.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut rest = client;
    rest.read(&mut [0; 64]).map(|_| ())
}

/// A request: its head, told to close the connection, and its body.
fn request(client: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 16 << 10]);
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
        match client.read(&mut chunk)? {
            0 => return Ok(None),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    let length = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok()).flatten()
    });
    while body.len() < length.unwrap_or_default() {
        match client.read(&mut chunk)? {
            0 => break,
            count => body.extend_from_slice(&chunk[..count]),
        }
    }
    lines.retain(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    Ok(Some((format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n")), body)))
}

fn answer(status: u16, header: Option<(&str, &str)>) -> String {
    let header = header.map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
    let body = format!("{{\"message\":\"{status} on purpose\"}}");
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Fault\r\nContent-Type: application/json\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
