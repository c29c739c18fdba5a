//! Who may ask: a protected route needs a caller. Must not know which routes there are.

use super::bearer;
use super::caller::Caller;
use super::problem::{Problem, kind};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use dispatch_mission::clock::Clock;
use secrecy::SecretString;
use std::net::IpAddr;
use std::sync::Arc;

/// How protected routes are guarded.
pub enum Access {
    /// `dispatch dev`: whoever sits at this machine. Requests that arrived from elsewhere, or under a name that is not
    /// this machine's (a web page that rebinds its DNS name), are refused.
    ThisMachine,
    /// Bearer tokens signed with Supabase's shared secret.
    Bearer {
        /// The secret.
        secret: SecretString,
        /// What time it is, for expiry.
        clock: Arc<dyn Clock>,
    },
    /// Tokens are expected, but they cannot be checked here: nobody gets in.
    Unavailable,
}

impl Access {
    fn admit(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<Caller, Problem> {
        match self {
            Self::ThisMachine => on_this_machine(headers, peer).map(|()| Caller::developer()),
            Self::Bearer { secret, clock } => {
                let token = bearer_token(headers)
                    .ok_or_else(|| unauthenticated("Bearer", "Send `Authorization: Bearer <token>`."))?;
                bearer::check(token, secret, clock.now())
                    .map(|told| Caller::of_token(told.subject.as_deref(), &told.role))
                    .map_err(|error| unauthenticated("Bearer error=\"invalid_token\"", error.told()))
            }
            Self::Unavailable => Err(Problem::new(&kind::AUTHENTICATION_UNAVAILABLE).detail(
                "JWKS_URL is set, but tokens with asymmetric keys cannot be checked by this version. \
                 Set SUPABASE_JWT_SECRET.",
            )),
        }
    }
}

fn unauthenticated(challenge: &'static str, detail: &str) -> Problem {
    let challenge = HeaderValue::from_static(challenge);
    Problem::new(&kind::AUTHENTICATION_REQUIRED).detail(detail).header(header::WWW_AUTHENTICATE, challenge)
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn on_this_machine(headers: &HeaderMap, peer: Option<IpAddr>) -> Result<(), Problem> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let forwarded = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];
    let refused = if !peer.is_some_and(|peer| peer.is_loopback()) {
        "the request came from another machine"
    } else if !is_loopback_host(host) {
        "the Host header does not name this machine"
    } else if forwarded.iter().any(|name| headers.contains_key(*name)) {
        "the request was forwarded by a proxy"
    } else {
        return Ok(());
    };
    Err(Problem::new(&kind::HOST_NOT_ALLOWED).detail(format!(
        "A development server has no authentication and serves this machine only: {refused}. \
         Use http://127.0.0.1 or http://localhost, or run `dispatch serve`."
    )))
}

/// Whether a Host header names this machine: `localhost`, 127.0.0.0/8 or `[::1]`, with or without a port.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The middleware of a protected resource: asks [`Access`] before anything else. It stands on the resource itself, behind
/// the router, for a router may read a path otherwise than a list of paths would (`/%6dissions`).
///
/// # Errors
/// Only what an inner service failed with.
pub async fn guard<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let peer = request.peer_addr().map(|address| address.ip());
    let admitted = match request.app_data::<web::Data<Access>>() {
        Some(access) => access.admit(request.headers(), peer),
        None => Err(Problem::new(&kind::INTERNAL).because("no access rule is wired")),
    };
    match admitted {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
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
        assert!(Access::ThisMachine.admit(&local, here).is_ok());
        for (headers, peer) in [
            (local, there),
            (headers(&[("host", "127.0.0.1:8080")]), None),
            (headers(&[("host", "evil.example")]), here),
            (headers(&[("host", "localhost"), ("x-forwarded-for", "203.0.113.7")]), here),
        ] {
            let problem = Access::ThisMachine.admit(&headers, peer).expect_err("refused");
            assert_eq!(problem.kind(), &kind::HOST_NOT_ALLOWED);
        }
    }

    #[test]
    fn keys_that_cannot_be_checked_open_nothing() {
        let problem =
            Access::Unavailable.admit(&headers(&[("authorization", "Bearer x.y.z")]), None).expect_err("closed");
        assert_eq!(problem.kind(), &kind::AUTHENTICATION_UNAVAILABLE);
    }
}
