//! `DISPATCH_ADDR`, `PUBLIC_URL`: where the server listens, and how the world calls it.

use super::Role;
use super::reader::Reader;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use url::Url;

/// Where the server listens.
#[derive(Clone, Debug)]
pub struct Http {
    /// `DISPATCH_ADDR`.
    pub address: SocketAddr,
    /// `PUBLIC_URL`: under which people and providers reach it.
    pub public_url: Option<Url>,
    /// Further ones there, after commas: what providers may call as well, while they are moved from one to the other.
    pub other_urls: Vec<Url>,
}

impl Http {
    pub(super) fn read(reader: &mut Reader<'_>, role: Role) -> Self {
        let cure = "Set it to an http(s) URL, such as https://dispatch.example.";
        let address = address(reader, role);
        let mut urls = reader.http_urls("PUBLIC_URL", cure).into_iter();
        Self { address, public_url: urls.next(), other_urls: urls.collect() }
    }
}

fn address(reader: &mut Reader<'_>, role: Role) -> SocketAddr {
    const NAME: &str = "DISPATCH_ADDR";
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    let Some(text) = reader.text(NAME) else { return default };
    // `localhost:8080` is a name; the resolver of this machine knows it without a network.
    let Some(address) = text.parse().ok().or_else(|| text.to_socket_addrs().ok()?.next()) else {
        reader.problem(NAME, format!("is {text:?}"), "Set it to address:port, such as 127.0.0.1:8080 or 0.0.0.0:8080.");
        return default;
    };
    if role == Role::Dev && !address.ip().is_loopback() {
        reader.problem(
            NAME,
            format!("is {text:?}, which other machines can reach"),
            "`dispatch dev` has no authentication and serves this machine only: use 127.0.0.1, or `dispatch serve`.",
        );
    }
    address
}
