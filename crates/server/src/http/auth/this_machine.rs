//! Is it somebody at this very machine? The only proof that `dispatch dev` asks for. Must not know who that is.

use crate::http::problem::{Problem, kind};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use std::net::IpAddr;

/// Lets a request in that came over loopback, under a name of this machine, through no proxy, and from no page of another
/// site: a browser on this machine sends what any page tells it to, whether the page may read the answer or not.
pub(super) fn admit(headers: &HeaderMap, peer: Option<IpAddr>, is_listed: bool) -> Result<(), Problem> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let forwarded = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];
    let refused = if !peer.is_some_and(|peer| peer.is_loopback()) {
        "the request came from another machine"
    } else if !is_loopback_host(host) {
        "the Host header does not name this machine"
    } else if forwarded.iter().any(|name| headers.contains_key(*name)) {
        "the request was forwarded by a proxy"
    } else if !is_listed && headers.get_all(header::ORIGIN).any(|origin| !is_own_page(origin)) {
        "a page of another site sent it, which CORS_ALLOWED_ORIGINS does not list"
    } else {
        return Ok(());
    };
    Err(Problem::new(&kind::HOST_NOT_ALLOWED).detail(format!(
        "A development server has no authentication and serves this machine only: {refused}. \
         Use http://127.0.0.1 or http://localhost, or run `dispatch serve`."
    )))
}

/// Whether an Origin header names a page that this machine serves.
fn is_own_page(origin: &HeaderValue) -> bool {
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    authority.is_some_and(|(_, host)| is_loopback_host(host))
}

/// Whether a Host header names this machine: `localhost`, 127.0.0.0/8 or `[::1]`, with or without a port.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderName;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("valid"))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_development_server_knows_its_own_names_only() {
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "127.1.2.3"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in
            ["", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "[::2]:1", "10.0.0.1", "[::1"]
        {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn a_rebound_name_a_proxy_and_another_machine_are_refused() {
        let (here, there) = (Some(IpAddr::from([127, 0, 0, 1])), Some(IpAddr::from([10, 0, 0, 7])));
        let local = headers(&[("host", "127.0.0.1:8080")]);
        assert!(admit(&local, here, false).is_ok());
        for origin in ["http://localhost:3000", "http://127.0.0.1:8080", "http://[::1]"] {
            assert!(admit(&headers(&[("host", "localhost"), ("origin", origin)]), here, false).is_ok(), "{origin}");
        }
        let listed = headers(&[("host", "localhost"), ("origin", "https://app.example")]);
        assert!(admit(&listed, here, true).is_ok());
        for (headers, peer) in [
            (local, there),
            (headers(&[("host", "127.0.0.1:8080")]), None),
            (headers(&[("host", "evil.example")]), here),
            (headers(&[("host", "localhost"), ("x-forwarded-for", "203.0.113.7")]), here),
            (listed, here),
            (headers(&[("host", "localhost"), ("origin", "http://localhost.evil.example")]), here),
            (headers(&[("host", "localhost"), ("origin", "null")]), here),
        ] {
            let problem = admit(&headers, peer, false).expect_err("refused");
            assert_eq!(problem.kind(), &kind::HOST_NOT_ALLOWED);
        }
    }
}
