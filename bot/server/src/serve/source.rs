//! Who asks, how often, and whether they may.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::answer::Problem;
use crate::config::{Access, ServerConfig};

/// Addresses of which is known how often they asked; beyond, those that are quiet are forgotten.
const SOURCES: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

type Limiter = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>;

/// How often each source asks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sources {
    requests: Arc<Limiter>,
    /// Since when a minute runs, and how many failures there were in it.
    failures: Arc<Mutex<HashMap<IpAddr, (Instant, u32)>>>,
    failures_max: u32,
}

impl Sources {
    /// With the limits of the configuration, which hold until the program starts anew.
    pub fn new(config: &ServerConfig) -> Self {
        let per_minute = NonZeroU32::new(config.limits.per_minute).unwrap_or(NonZeroU32::MIN);
        Self {
            requests: Arc::new(Limiter::hashmap(Quota::per_minute(per_minute))),
            failures: Arc::default(),
            failures_max: config.limits.failures_per_minute,
        }
    }

    /// Counts a request to the API.
    pub fn request(&self, source: IpAddr) -> Result<(), Problem> {
        if self.requests.len() > SOURCES {
            self.requests.retain_recent();
        }
        let counted = self.requests.check_key(&network(source));
        counted.map_err(|_| Problem::too_many("too many requests; try again in a minute"))
    }

    /// Counts a wrong signature or token.
    pub fn failure(&self, source: IpAddr) {
        let now = Instant::now();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() > SOURCES {
            failures.retain(|_, (since, _)| now.duration_since(*since) < MINUTE);
        }
        let (since, count) = failures.entry(network(source)).or_insert((now, 0));
        if now.duration_since(*since) >= MINUTE {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    }

    /// Refuses to look at what comes from a source that guesses secrets.
    pub fn refuse_guesses(&self, source: IpAddr) -> Result<(), Problem> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        match failures.get(&network(source)) {
            Some((since, count)) if *count >= self.failures_max && since.elapsed() < MINUTE => {
                Err(Problem::too_many("too many wrong signatures or tokens; try again in a minute"))
            }
            _ => Ok(()),
        }
    }
}

/// Of IPv6 the network counts: each has more addresses than can be counted.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

/// Whom a request comes from: the peer, or behind trusted proxies the last address that is none of them.
pub fn of(config: &ServerConfig, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
    let mut source = peer.ip().to_canonical();
    let named = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let named: Vec<&str> = named.flat_map(|value| value.split(',')).collect();
    for text in named.iter().rev() {
        if !config.trusts(source) {
            break;
        }
        let Ok(address) = text.trim().parse::<IpAddr>() else { break };
        source = address.to_canonical();
    }
    source
}

/// Lets in who has a token for that; gives its name.
pub fn admit(
    config: &ServerConfig,
    sources: &Sources,
    source: IpAddr,
    headers: &HeaderMap,
    access: Access,
) -> Result<String, Problem> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    sources.refuse_guesses(source)?;
    match given {
        None if access == Access::Read && config.open_reading => Ok(String::new()),
        None => Err(Problem::unauthorized("this takes a token: `Authorization: Bearer …`")),
        Some(token) => match config.token(token) {
            Some(token) if token.may(access) || (access == Access::Read && config.open_reading) => {
                Ok(token.name.clone())
            }
            Some(_) => Err(Problem::forbidden("the token does not open this")),
            None => {
                sources.failure(source);
                Err(Problem::unauthorized("the token is not known"))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ipv6_the_network_counts() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9") && !same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1") && !same("192.0.2.1", "192.0.2.2"));
    }
}
