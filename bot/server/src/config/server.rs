//! `server:` and `work:`, read and checked.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde_yaml::Spanned;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::Reader;
use super::raw::{RawLogFormat, RawServer, RawServerLimits, RawToken, RawWork};
use crate::error::Error;

/// The least length of a token, in bytes: shorter ones can be guessed.
const TOKEN_MIN: usize = 16;

/// What `triage-bot serve` listens on, and to whom.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The address and port.
    pub listen: SocketAddr,
    /// The address under which people reach it, without `/` at its end.
    pub url: Option<String>,
    /// Whether messages are JSON Lines.
    pub log_json: bool,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether builds and causes are read without a token.
    pub open_reading: bool,
    /// Who may use the API.
    pub tokens: Vec<Token>,
    /// How much is taken in.
    pub limits: RawServerLimits,
}

/// What a token opens.
pub use super::raw::RawAccess as Access;

/// A bearer token.
#[derive(Debug, Clone)]
pub struct Token {
    /// Who has it.
    pub name: String,
    secret: SecretString,
    may: Vec<Access>,
}

impl ServerConfig {
    /// The token with that text. All are compared, each in the same time whatever it differs in.
    pub fn token(&self, given: &str) -> Option<&Token> {
        let hash = |text: &str| Sha256::digest(text.as_bytes());
        let given = hash(given);
        let mut found = None;
        for token in &self.tokens {
            let is_it: Choice = hash(token.secret.expose_secret()).as_slice().ct_eq(given.as_slice());
            if bool::from(is_it) {
                found = Some(token);
            }
        }
        found
    }

    /// True when requests of that peer say whom they come from.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&peer))
    }
}

impl Token {
    /// A signature by the token over a text with what it is for, as hexadecimal digits: only who has the
    /// token can make it, and it tells nothing of the token.
    pub fn sign(&self, purpose: &str, text: &str) -> String {
        let key = self.secret.expose_secret().as_bytes();
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
        for part in [purpose, "\0", text] {
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether it opens that.
    pub fn may(&self, access: Access) -> bool {
        self.may.contains(&access)
    }
}

/// How the work is done.
#[derive(Debug, Clone)]
pub struct WorkConfig {
    /// Jobs at once.
    pub jobs: usize,
    /// How long nothing may be heard of a worker.
    pub lease: Duration,
    /// How often a job is tried.
    pub attempts: u32,
    /// How long jobs may go on after SIGTERM.
    pub stop: Duration,
    /// How often the database is asked.
    pub poll: Duration,
}

impl Reader<'_> {
    pub(super) fn server(&self, raw: RawServer) -> Result<ServerConfig, Error> {
        let listen = raw.listen.value.parse().map_err(|_| {
            self.fault(&raw.listen.referenced, &format!("'{}' is no address: write 127.0.0.1:8180", raw.listen.value))
        })?;
        let url = raw.url.as_ref().map(|url| self.web_address(url)).transpose()?;
        let mut trusted_proxies = Vec::new();
        for text in &raw.trusted_proxies {
            let network = text.value.parse().or_else(|_| text.value.parse::<IpAddr>().map(IpNet::from));
            let why = || format!("'{}' is no address and no network: write 10.0.0.0/8", text.value);
            trusted_proxies.push(network.map_err(|_| self.fault(&text.referenced, &why()))?);
        }
        let mut tokens: Vec<Token> = Vec::new();
        for raw in &raw.tokens {
            let token = self.token(raw)?;
            if tokens.iter().any(|other| other.name == token.name) {
                return Err(self.fault(&raw.name.referenced, &format!("there are two tokens '{}'", token.name)));
            }
            tokens.push(token);
        }
        let (limits, place) = (&raw.limits.value, &raw.limits.referenced);
        for (name, value) in [("requests", limits.requests), ("connections", limits.connections)] {
            if value == 0 {
                return Err(self.fault(place, &format!("server.limits: '{name}' must be 1 or more")));
            }
        }
        if limits.per_minute == 0 || limits.failures_per_minute == 0 {
            return Err(self.fault(place, "server.limits: 'per_minute' and 'failures_per_minute' must be 1 or more"));
        }
        Ok(ServerConfig {
            listen,
            url,
            log_json: raw.log == RawLogFormat::Json,
            trusted_proxies,
            open_reading: raw.open_reading,
            tokens,
            limits: raw.limits.value,
        })
    }

    fn token(&self, raw: &RawToken) -> Result<Token, Error> {
        let name = raw.name.value.clone();
        if name.is_empty() || name.len() > 60 || !name.chars().all(|c| c.is_ascii_graphic()) {
            return Err(self.fault(&raw.name.referenced, "a name has 1 to 60 letters, digits and signs"));
        }
        let secret = self.secret(&raw.into(), &raw.name.value, &raw.name.referenced)?;
        if secret.expose_secret().len() < TOKEN_MIN {
            let why = format!("the token '{name}' is shorter than {TOKEN_MIN} bytes: `openssl rand -hex 32` makes one");
            return Err(self.fault(&raw.name.referenced, &why));
        }
        Ok(Token { name, secret, may: raw.may.clone() })
    }

    pub(super) fn work(&self, raw: &Spanned<RawWork>) -> Result<WorkConfig, Error> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let fault = |why: &str| Err(self.fault(&raw.referenced, &format!("work: {why}")));
        let raw = &raw.value;
        match () {
            () if raw.jobs == Some(0) => fault("'jobs' must be 1 or more"),
            () if raw.lease_seconds == 0 => fault("'lease_seconds' must be 1 or more"),
            () if raw.attempts == 0 => fault("'attempts' must be 1 or more"),
            () if raw.poll_seconds == 0 => fault("'poll_seconds' must be 1 or more"),
            () => Ok(WorkConfig {
                jobs: raw.jobs.unwrap_or(cores),
                lease: Duration::from_secs(raw.lease_seconds),
                attempts: raw.attempts,
                stop: Duration::from_secs(raw.stop_seconds),
                poll: Duration::from_secs(raw.poll_seconds),
            }),
        }
    }

    /// An address with http or https, without `/` at its end.
    pub(super) fn web_address(&self, text: &Spanned<String>) -> Result<String, Error> {
        let address = text.value.trim_end_matches('/');
        let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
        match rest {
            Some(rest) if !rest.is_empty() && !rest.contains(['@', '?', '#', ' ']) => Ok(address.to_owned()),
            _ => {
                let why = format!("'{}' is no address: write https://triage.example.org", text.value);
                Err(self.fault(&text.referenced, &why))
            }
        }
    }
}
