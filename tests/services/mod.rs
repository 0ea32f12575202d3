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
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long anything real may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Ports that are given to servers: below those that the system takes for connections, one of which may be made before the
/// server listens.
const PORTS: std::ops::Range<u32> = 10_000..30_000;

/// A TCP port on loopback that nobody listens on; no test of this program gets it again.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    // Test programs that run side by side begin far from each other.
    let first = std::process::id().wrapping_mul(101);
    let next = || PORTS.start + first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % count;
    let ports = (0..count).filter_map(|_| u16::try_from(next()).ok());
    ports.into_iter().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("loopback has a free port")
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
