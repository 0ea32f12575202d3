//! `triage-bot health`: asks a running program whether it can work.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::args::HealthArgs;
use crate::config;
use crate::error::Error;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// True when it says that it can; what else it says, or that it does not answer, goes to standard error.
pub fn run(args: &HealthArgs) -> Result<bool, Error> {
    let address = match args.listen {
        Some(address) => address,
        None if args.config.config.exists() => config::load(&args.config.config)?.server.listen,
        None => SocketAddr::from((Ipv4Addr::LOCALHOST, 8180)),
    };
    let said = ask(near(address)).unwrap_or_else(|error| crate::error::reason(&error));
    let healthy = said.starts_with("HTTP/1.1 200");
    if !healthy {
        crate::complain(&format!("{address}: {}", said.lines().last().unwrap_or("no answer")));
    }
    Ok(healthy)
}

/// An address that reaches who listens on all.
fn near(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(64 << 10).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
