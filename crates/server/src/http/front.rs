//! The front door: what every request passes before it is routed, and every answer on its way out. Must not know routes
//! beyond what it takes to tell probes and webhooks from the rest.

use super::body_limit::{self, Watch};
use super::caller::Caller;
use super::cors::Cors;
use super::limits::{Claim, Limits, is_somebody};
use super::problem::{Problem, kind};
use super::socket::Connection;
use crate::config::Config;
use actix_http::ConnectionType;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest path with query.
const URI_BYTES: usize = 8 * 1024;
/// All header names and values together.
const HEADER_BYTES: usize = 32 * 1024;

/// The rules of the front door, and whether it is closing.
pub struct Front {
    /// How often whom.
    pub limits: Limits,
    /// Whose pages.
    pub cors: Cors,
    /// Whether the world reaches this server by https.
    pub https: bool,
    /// Connections open at the same time.
    pub max_connections: usize,
    /// How long load balancers have to hear that nobody should be sent here.
    pub drain_delay: Duration,
    leaving: CancellationToken,
}

impl Front {
    /// As configured.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            limits: Limits::new(&config.limits),
            cors: Cors::new(&config.limits.origins),
            https: config.http.public_url.as_ref().is_some_and(|url| url.scheme() == "https"),
            max_connections: config.limits.max_connections as usize,
            drain_delay: config.limits.drain_delay,
            leaving: CancellationToken::new(),
        }
    }

    /// From now on nobody should be sent here: `/readyz` says so, and connections end with the answer that they wait for.
    pub fn leave(&self) {
        self.leaving.cancel();
    }

    /// Whether the server is about to stop.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_cancelled()
    }
}

/// The middleware around the router.
///
/// # Errors
/// Only what an inner middleware failed with before there was an answer.
pub async fn pass<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let _in_hand = request.conn_data::<Connection>().map(Connection::take_in_hand);
    let Some(front) = request.app_data::<Data<Front>>().cloned() else {
        let problem = Problem::new(&kind::INTERNAL).because("no front door is wired");
        return Ok(request.error_response(problem).map_into_right_body());
    };
    let claim = Claim::of(request.match_pattern().as_deref(), request.headers());
    let source = front.limits.source(&request);
    let longest = body_limit::of(request.match_pattern().as_deref(), claim);
    let body = Watch::over(&mut request, longest);
    let admitted = front.limits.before(source.as_ref(), claim);
    let admitted = admitted.and_then(|()| fits(&request)).and_then(|()| body.announced(&request));
    let mut answer = match admitted {
        Ok(()) => next.call(request).await?.map_into_left_body(),
        Err(problem) => request.error_response(problem).map_into_right_body(),
    };
    if let Some(fault) = body.fault().filter(|_| answer.status().is_client_error()) {
        answer = instead(answer, fault);
    }
    let somebody = is_somebody(answer.request());
    if let Err(too_often) = front.limits.after(source.as_ref(), claim, answer.status(), somebody) {
        answer = instead(answer, too_often);
    }
    Ok(answer)
}

/// The middleware of a guarded resource, inside the guard: a caller has a bucket of his own.
///
/// # Errors
/// Only what an inner middleware failed with before there was an answer.
pub async fn per_caller<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let caller = request.extensions().get::<Caller>().cloned();
    let front = request.app_data::<Data<Front>>();
    let admitted = match (front, caller) {
        (Some(front), Some(caller)) => front.limits.caller(&caller),
        _ => Err(Problem::new(&kind::INTERNAL).because("this route has no guard or no front door")),
    };
    match admitted {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

/// The outermost middleware: headers for browsers, and a polite end of the connection when the server is leaving.
///
/// # Errors
/// What an inner middleware failed with before there was an answer.
pub async fn frame<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let Some(front) = request.app_data::<Data<Front>>().cloned() else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let asked = front.cors.asked(&request);
    let mut answer = match front.cors.preflight(&request, asked.as_ref()) {
        Some(answer) => request.into_response(answer).map_into_right_body(),
        None => next.call(request).await?.map_into_left_body(),
    };
    front.cors.label(answer.headers_mut(), asked.as_ref());
    if front.is_leaving() {
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(answer)
}

/// The head is bounded here and not only by the parser's buffer, which ends connections without a word.
fn fits(request: &ServiceRequest) -> Result<(), Problem> {
    let uri = request.uri();
    let length = uri.path().len() + uri.query().map_or(0, str::len);
    if length > URI_BYTES {
        return Err(Problem::new(&kind::URI_TOO_LONG).detail(format!("At most {URI_BYTES} bytes; these are {length}.")));
    }
    let bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > HEADER_BYTES {
        let detail = format!("At most {HEADER_BYTES} bytes; these are {bytes}.");
        return Err(Problem::new(&kind::HEADERS_TOO_LARGE).detail(detail));
    }
    Ok(())
}

fn instead<B>(answer: ServiceResponse<EitherBody<B>>, problem: Problem) -> ServiceResponse<EitherBody<B>> {
    let (request, _) = answer.into_parts();
    ServiceResponse::from_err(problem, request).map_into_right_body()
}
