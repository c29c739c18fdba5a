//! Which address a request comes from: its peer's, or what listed proxies say. Must not know what it is asked for.

use super::buckets::Key;
use actix_web::http::header::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Whoever pays for an IPv6 address has a /64 of them at the least; counted one by one he would have no limit.
const V6_PREFIX: u32 = 64;

/// An address as it is counted: an IPv4 address, or a /64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Source(IpAddr);

impl Source {
    /// As `address` is counted.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(prefix(address, V6_PREFIX)),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

fn prefix(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & u128::MAX << (128 - bits))
}

impl Key for Source {
    /// Its /8, or its /12: a few hundred networks that hold everybody.
    fn coarse(&self) -> Self {
        Self(match self.0 {
            IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::new(address.octets()[0], 0, 0, 0)),
            IpAddr::V6(address) => IpAddr::V6(prefix(address, 12)),
        })
    }
}

/// Where a request comes from. A proxy appends the address it was reached from to `X-Forwarded-For`, so the list is read
/// from its end, and only as far as the proxies are ours: the first that is not says of the rest what it likes.
#[must_use]
pub fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let ours = |address: IpAddr| proxies.iter().any(|network| network.contains(&address));
    let mut nearest = peer.to_canonical();
    let lines: Vec<_> = headers.get_all("x-forwarded-for").collect();
    let told = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
    for entry in told {
        if !ours(nearest) {
            break;
        }
        // What cannot be read was not written by a proxy of ours; the nearest that was is who it comes from.
        let Some(address) = address(entry.trim()) else { break };
        nearest = address;
    }
    nearest
}

/// `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7`, `[2001:db8::7]` or `[2001:db8::7]:4711`.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let found = bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(IpAddr::to_canonical(&found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    fn seen(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let proxies: Vec<IpNet> = proxies.iter().map(|network| network.parse().expect("a network")).collect();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            let value = HeaderValue::from_bytes(line.as_bytes()).expect("a value");
            headers.append(HeaderName::from_static("x-forwarded-for"), value);
        }
        client(peer.parse().expect("an address"), &headers, &proxies).to_string()
    }

    #[test]
    fn only_listed_proxies_are_believed() {
        let ours: &[&str] = &["10.0.0.0/8", "2001:db8::/32"];
        for (peer, forwarded, proxies, expected) in [
            ("203.0.113.9", &["198.51.100.1"][..], &[][..], "203.0.113.9"),
            ("203.0.113.9", &["198.51.100.1"], ours, "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1"], ours, "198.51.100.1"),
            // What the client wrote itself stands to the left of what our proxy wrote.
            ("10.0.0.1", &["10.9.9.9, 1.1.1.1, 198.51.100.1"], ours, "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"], ours, "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.1", "10.0.0.2"], ours, "198.51.100.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], ours, "10.0.0.3"),
            ("10.0.0.1", &[], ours, "10.0.0.1"),
            ("10.0.0.1", &[""], ours, "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1, unknown"], ours, "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1, \u{e9}"], ours, "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1:4711"], ours, "198.51.100.1"),
            ("10.0.0.1", &["[2001:db9::7]:4711"], ours, "2001:db9::7"),
            ("10.0.0.1", &["[2001:db9::7]"], ours, "2001:db9::7"),
            ("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], ours, "198.51.100.1"),
            ("2001:db8::1", &["198.51.100.1"], ours, "198.51.100.1"),
        ] {
            assert_eq!(seen(peer, forwarded, proxies), expected, "{peer} {forwarded:?} {proxies:?}");
        }
    }

    #[test]
    fn a_v6_network_is_one_source() {
        let source = |text: &str| Source::of(text.parse().expect("an address"));
        assert_eq!(source("2001:db8:0:1::1"), source("2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert_ne!(source("2001:db8:0:1::1"), source("2001:db8:0:2::1"));
        assert_eq!(source("::ffff:192.0.2.7"), source("192.0.2.7"));
        assert_ne!(source("192.0.2.7"), source("192.0.2.8"));
        assert_eq!(source("192.0.2.7").coarse(), source("192.200.0.1").coarse());
    }

    proptest! {
        #[test]
        fn nobody_else_is_believed_whatever_is_written(line in "[ -~]{0,40}") {
            prop_assert_eq!(seen("203.0.113.9", &[&line], &["10.0.0.0/8"]), "203.0.113.9");
        }

        #[test]
        fn what_the_client_writes_never_matters(line in "[ -~]{0,40}") {
            let line = format!("{line}, 198.51.100.1");
            prop_assert_eq!(seen("10.0.0.1", &[&line], &["10.0.0.0/8"]), "198.51.100.1");
        }
    }
}
