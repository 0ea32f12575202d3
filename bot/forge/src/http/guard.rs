//! Where a redirect may lead.
//!
//! Logs lie with other hosts than the API, and it is the API that names them. A forge that was taken over, or whose answer
//! was forged, must not make us ask our own network: its cloud's metadata service, its databases, this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Whether a redirect may be followed from a forge whose API is at `api`: to that host by any scheme that it was configured
/// with, to all others by `https` and not to an address of an inner network. Names are looked at again when they are
/// resolved ([`PublicOnly`]).
pub(super) fn may_follow(api: &Url, target: &Url) -> Result<(), &'static str> {
    if !target.username().is_empty() || target.password().is_some() {
        return Err("its target names a user");
    }
    if target.host().is_some() && target.host() == api.host() {
        let fits = target.scheme() == "https" || target.scheme() == api.scheme();
        return if fits { Ok(()) } else { Err("its target is not encrypted") };
    }
    if target.scheme() != "https" {
        return Err("its target is not https");
    }
    match target.host() {
        Some(Host::Domain(_)) => Ok(()),
        Some(Host::Ipv4(ip)) if is_public(ip.into()) => Ok(()),
        Some(Host::Ipv6(ip)) if is_public(ip.into()) => Ok(()),
        _ => Err("its target is an address of an inner network"),
    }
}

/// Whether two addresses are of one origin, which a credential is for.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// Finds addresses of names: all for the configured host, only public ones for others.
#[derive(Debug)]
pub(super) struct PublicOnly {
    trusted: Vec<String>,
}

impl PublicOnly {
    /// Trusts the host of the API, and the proxies that the environment names.
    pub(super) fn trusting(api: Option<&str>) -> Self {
        let names = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
        let proxies = names.iter().filter_map(|name| Url::parse(&std::env::var(name).ok()?).ok());
        let proxies = proxies.filter_map(|proxy| Some(proxy.host_str()?.to_owned()));
        Self { trusted: api.map(str::to_owned).into_iter().chain(proxies).collect() }
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let trusted = self.trusted.iter().any(|host| host.eq_ignore_ascii_case(name.as_str()));
        let name = Arc::new(name.as_str().to_owned());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.filter(|address| trusted || is_public(address.ip())).collect();
            if found.is_empty() {
                return Err("the name has no public address".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is of the public internet, by the registries of special addresses
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>, `…/iana-ipv6-special-registry`).
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240;
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let [a, b, ..] = ip.segments();
    match (a, b) {
        // IPv4 within IPv6: NAT64 and 6to4.
        (0x64, 0xff9b) => {
            let [.., high, low] = ip.segments();
            is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        (0x2002, _) => false,
        (0x2001, 0x0db8 | 0..0x200) => false,
        // Global unicast is 2000::/3; all else is special.
        _ => (0x2000..0x4000).contains(&a),
    }
}
