//! Who may ask: a protected route needs a caller, and the caller a scope. Must not know which routes there are.

mod credentials;
mod this_machine;

pub(super) use credentials::API_KEY;
pub use credentials::Credentials;

use super::caller::Caller;
use super::front::Front;
use super::problem::{Problem, kind};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use dispatch_pipeline::ports::identity::Scope;
use std::net::IpAddr;

/// How protected routes are guarded.
pub enum Access {
    /// `dispatch dev`: whoever sits at this machine. Requests that arrived from elsewhere, under a name that is not this
    /// machine's (a web page that rebinds its DNS name), or from a page of another site are refused. Credentials are not
    /// looked at.
    ThisMachine,
    /// Whoever proves who he is.
    Proved(Credentials),
}

impl Access {
    async fn admit(&self, headers: &HeaderMap, peer: Option<IpAddr>, front: &Front) -> Result<Caller, Problem> {
        match self {
            Self::ThisMachine => {
                this_machine::admit(headers, peer, front.cors.lists(headers)).map(|()| Caller::developer())
            }
            Self::Proved(credentials) => credentials.admit(headers).await,
        }
    }
}

/// The middleware of a protected resource: asks [`Access`] before anything else. It stands on the resource itself, behind
/// the router, for a router may read a path otherwise than a list of paths would (`/%6dissions`).
///
/// # Errors
/// Only what an inner service failed with.
pub async fn guard<B: MessageBody + 'static>(
    scope: Scope,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match admitted(scope, &request).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

async fn admitted(scope: Scope, request: &ServiceRequest) -> Result<Caller, Problem> {
    let peer = request.peer_addr().map(|address| address.ip());
    let access = request.app_data::<web::Data<Access>>().cloned();
    let access = access.ok_or_else(|| Problem::new(&kind::INTERNAL).because("no access rule is wired"))?;
    let front = request.app_data::<web::Data<Front>>().cloned();
    let front = front.ok_or_else(|| Problem::new(&kind::INTERNAL).because("no front door is wired"))?;
    let caller = access.admit(request.headers(), peer, &front).await?;
    if !caller.may(scope) {
        return Err(scope_missing(scope));
    }
    if !caller.may_change() && !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::new(&kind::FORBIDDEN).detail("Only active members of staff may change something."));
    }
    Ok(caller)
}

/// RFC 6750 §3.1: the caller is known, and this is not for him.
fn scope_missing(scope: Scope) -> Problem {
    let scope = scope.as_str();
    let problem = Problem::new(&kind::SCOPE_MISSING).detail(format!("This operation needs the scope {scope}."));
    match HeaderValue::from_str(&format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"")) {
        Ok(challenge) => problem.header(header::WWW_AUTHENTICATE, challenge),
        Err(_) => problem,
    }
}
