//! Real programs that the tests start, on loopback and in folders that go away.

pub mod clock;
pub mod docker;
pub mod faults;
pub mod github;
pub mod gitlab;
pub mod http;
pub mod hub;
pub mod mail;
pub mod packages;
pub mod postgres;

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How long anything real may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// A TCP port on loopback that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().expect("a listener has an address").port()
}

/// Asks again and again until there is an answer. Panics with `what` when [`PATIENCE`] is over.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until somebody listens on a port.
pub fn wait_for_port(what: &str, port: u16) {
    wait_for(what, || TcpStream::connect(("127.0.0.1", port)).ok());
}
