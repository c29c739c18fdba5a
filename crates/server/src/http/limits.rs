//! How many requests are let through: so many for each caller, and so many for each address of those that are anonymous
//! or fail to prove who they are. Must not know what a request is about.
//!
//! Whoever proves who he is never pays for a stranger at the same address, and a validly signed webhook is never refused
//! for its number: what is signed is looked at first and charged only when it turns out forged.

mod address;
mod buckets;

use super::auth::API_KEY;
use super::caller::Caller;
use super::problem::{Problem, kind};
use crate::config;
use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use address::Source;
use buckets::{Buckets, Key};
use ipnet::IpNet;
use std::net::IpAddr;
use std::time::Duration;

/// The buckets of this process. Each replica has its own.
pub struct Limits {
    callers: Option<Buckets<String>>,
    sources: Option<Buckets<Source>>,
    proxies: Vec<IpNet>,
}

impl Key for String {
    fn coarse(&self) -> Self {
        Self::new()
    }
}

/// By what a request wants to be let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// A load balancer's question; never refused.
    Probe,
    /// A signature, looked at by the handler.
    Webhook,
    /// A bearer token, or an API key.
    Token,
    /// Nothing.
    None,
}

impl Claim {
    /// Of a request for the route `pattern`, which is none for a path that nobody answers.
    #[must_use]
    pub fn of(pattern: Option<&str>, headers: &HeaderMap) -> Self {
        let route = pattern.map(|pattern| pattern.strip_prefix("/dispatch").unwrap_or(pattern));
        match route {
            Some("/livez" | "/readyz" | "/observe/health") => Self::Probe,
            Some(route) if route.starts_with("/intake/") || route.starts_with("/operations/webhooks/") => Self::Webhook,
            _ if headers.contains_key(header::AUTHORIZATION) || headers.contains_key(API_KEY) => Self::Token,
            _ => Self::None,
        }
    }
}

impl Limits {
    /// As configured.
    #[must_use]
    pub fn new(config: &config::Limits) -> Self {
        Self {
            callers: config.per_caller.map(Buckets::new),
            sources: config.per_address.map(Buckets::new),
            proxies: config.proxies.clone(),
        }
    }

    /// Nothing is limited.
    #[must_use]
    pub fn off() -> Self {
        Self { callers: None, sources: None, proxies: Vec::new() }
    }

    /// Which source pays for a request, if any could.
    #[must_use]
    pub fn source(&self, request: &ServiceRequest) -> Option<Source> {
        self.sources.as_ref()?;
        let peer: IpAddr = request.peer_addr()?.ip();
        Some(Source::of(address::client(peer, request.headers(), &self.proxies)))
    }

    /// Before anything is done for a request.
    ///
    /// # Errors
    /// A stranger came too often.
    pub fn before(&self, source: Option<&Source>, claim: Claim) -> Result<(), Problem> {
        if claim == Claim::None { self.charge(source) } else { Ok(()) }
    }

    /// When the answer is known.
    ///
    /// # Errors
    /// Whoever claimed to be somebody is nobody, and came too often.
    pub fn after(
        &self,
        source: Option<&Source>,
        claim: Claim,
        status: StatusCode,
        is_somebody: bool,
    ) -> Result<(), Problem> {
        let failed = match claim {
            Claim::Probe | Claim::None => false,
            // Nobody could be known, for what knows them is away: that is our failure.
            Claim::Token if status.is_server_error() => false,
            // A known caller pays from his own bucket, unless this is not for him: then he is probing.
            Claim::Token => !is_somebody || status == StatusCode::FORBIDDEN,
            // What is refused before or because of its signature. Whatever else happens, the signature was good.
            Claim::Webhook => matches!(status.as_u16(), 401 | 403 | 404 | 405 | 408 | 413 | 415),
        };
        if failed { self.charge(source) } else { Ok(()) }
    }

    /// A request of an authenticated caller.
    ///
    /// # Errors
    /// He came too often.
    pub fn caller(&self, caller: &Caller) -> Result<(), Problem> {
        let Some(callers) = &self.callers else { return Ok(()) };
        callers.take(&caller.principal().to_owned()).map_err(too_often)
    }

    fn charge(&self, source: Option<&Source>) -> Result<(), Problem> {
        let (Some(sources), Some(source)) = (&self.sources, source) else { return Ok(()) };
        sources.take(source).map_err(too_often)
    }
}

/// Whether the guard let somebody in.
#[must_use]
pub fn is_somebody(message: &impl HttpMessage) -> bool {
    message.extensions().contains::<Caller>()
}

fn too_often(wait: Duration) -> Problem {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Problem::new(&kind::RATE_LIMITED)
        .detail(format!("Come again in {seconds} s."))
        .header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderName;

    #[test]
    fn what_a_request_claims_is_told_by_its_route_and_its_token() {
        let bare = HeaderMap::new();
        let token: HeaderMap = [
            (header::AUTHORIZATION, HeaderValue::from_static("Bearer x")),
            (HeaderName::from_static("x"), HeaderValue::from_static("y")),
        ]
        .into_iter()
        .collect();
        for (pattern, headers, claim) in [
            (Some("/readyz"), &bare, Claim::Probe),
            (Some("/dispatch/livez"), &bare, Claim::Probe),
            (Some("/intake/slack"), &token, Claim::Webhook),
            (Some("/dispatch/intake/sms"), &bare, Claim::Webhook),
            (Some("/missions"), &token, Claim::Token),
            (Some("/missions"), &bare, Claim::None),
            (None, &bare, Claim::None),
            (None, &token, Claim::Token),
        ] {
            assert_eq!(Claim::of(pattern, headers), claim, "{pattern:?}");
        }
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_rounded_up() {
        for (wait, told) in [(1, "1"), (1000, "1"), (1001, "2"), (59_000, "59")] {
            let problem = too_often(Duration::from_millis(wait));
            let answer = actix_web::ResponseError::error_response(&problem);
            assert_eq!(answer.headers().get("retry-after").expect("set"), told, "{wait}");
        }
    }
}
