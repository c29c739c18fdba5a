//! Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header): a repeat of a request is answered and not done again.
//! The routes' helpers put this around every POST, PATCH and DELETE that is no webhook. Must not know what a handler does.
//!
//! The claim is committed before the handler runs and the answer is stored after it, on the way out and also when the
//! client has hung up. Whoever dies between the two leaves a claim that runs out; then a repeat goes on under the same
//! operation id, by which the use case finds what was done.

mod anew;
mod answer;
mod fingerprint;
mod key;
mod operation;

pub use operation::{Operation, Streamed};

use super::caller::Caller;
use super::problem::{self, Problem, kind};
use super::trace::TraceContext;
use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage};
use dispatch_mission::ids::OperationId;
use dispatch_pipeline::failpoint;
use dispatch_pipeline::ports::idempotency::{Claim, Fingerprint, IdempotencyStore, ScopeKey, StoredAnswer};
use futures_util::FutureExt as _;
use key::Key;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// The header of a request.
pub const KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that was given before.
pub const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What a repeat is told to wait, in seconds: requests take milliseconds, whatever their lease.
const COME_AGAIN: &str = "1";

/// Whether an operation works without a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// It makes something, and a repeat would make it twice.
    Required,
    /// A repeat does no harm; with a key it also gets the same answer.
    Optional,
}

/// The records of keys, and how long a claim holds.
pub struct Keys {
    store: Arc<dyn IdempotencyStore>,
    lease: Duration,
}

impl Keys {
    /// Over this store; after `lease` a repeat may go on in a request's place.
    #[must_use]
    pub fn new(store: Arc<dyn IdempotencyStore>, lease: Duration) -> Self {
        Self { store, lease }
    }
}

/// The middleware of one route, inside the guard.
///
/// # Errors
/// Only what an inner service failed with.
pub async fn protect(
    need: Need,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match (Key::of(request.headers()), need) {
        (Ok(Some(key)), _) => match record(&mut request, &key).await {
            Ok(record) => protected(record, request, next).await,
            Err(problem) => Ok(request.error_response(problem)),
        },
        (Ok(None), Need::Optional) => next.call(request).await,
        (Ok(None), Need::Required) => {
            let detail =
                "Send `Idempotency-Key: \"<a UUID of your own>\"`, and the same one when you send the request again.";
            Ok(request.error_response(Problem::new(&kind::IDEMPOTENCY_KEY_REQUIRED).detail(detail)))
        }
        (Err(wrong), _) => {
            Ok(request.error_response(Problem::new(&kind::IDEMPOTENCY_KEY_INVALID).detail(wrong.to_string())))
        }
    }
}

/// Which record a request is about, and where it is kept.
struct Record {
    keys: Data<Keys>,
    scope: ScopeKey,
    asked: Fingerprint,
}

/// Reads the body and gives it back: what is asked is part of the record.
async fn record(request: &mut ServiceRequest, key: &Key) -> Result<Record, Problem> {
    let unwired = |what: &'static str| Problem::new(&kind::INTERNAL).because(what);
    let keys = request.app_data::<Data<Keys>>().cloned().ok_or_else(|| unwired("no idempotency store is wired"))?;
    let caller = request.extensions().get::<Caller>().cloned().ok_or_else(|| unwired("this route has no guard"))?;
    let unread = |error: Error| {
        Problem::new(&kind::BAD_REQUEST).detail("The body did not arrive in whole.").because(error.to_string())
    };
    let body = request.extract::<Bytes>().await.map_err(unread)?;
    let asked = Fingerprint(fingerprint::of(request.content_type(), request.query_string(), &body));
    request.set_payload(Payload::from(body));
    let pattern = request.match_pattern().unwrap_or_default();
    let scope = key.scope(caller.principal(), request.method().as_str(), &pattern, request.match_info().iter());
    Ok(Record { keys, scope, asked })
}

/// The claim and all that follows, in a task of its own: a client that hangs up drops everything that waits for its
/// connection, and a claim that nobody works on would keep him waiting when he comes again.
async fn protected(
    record: Record,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let asked = request.request().clone();
    let whole = async move {
        match anew::claim(&record, &request).await {
            Ok(claim) => go_on(&record, claim, request, next).await,
            Err(down) => Ok(request.error_response(Problem::from(down))),
        }
    };
    match actix_web::rt::spawn(whole.in_current_span()).await {
        Ok(answer) => answer,
        Err(_panic) => {
            let problem = Problem::new(&kind::INTERNAL).because("the protection of an operation panicked");
            Ok(ServiceResponse::from_err(problem, asked))
        }
    }
}

async fn go_on(
    record: &Record,
    claim: Claim,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match claim {
        Claim::Claimed(id) => run(record, id, request, next).await,
        Claim::Resumed(id) => {
            tracing::info!(operation_id = %id, "an operation is resumed");
            run(record, id, request, next).await
        }
        Claim::Finished(StoredAnswer::Whole { status, headers, body }) => {
            Ok(request.into_response(answer::again(status, &headers, body)))
        }
        Claim::Finished(StoredAnswer::Stream(id)) => {
            request.extensions_mut().insert(Operation::follow(id));
            let mut answer = next.call(request).await?;
            answer.headers_mut().insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
            Ok(answer)
        }
        Claim::Running(_) => {
            let wait = HeaderValue::from_static(COME_AGAIN);
            let detail = "The first request with this key is still being worked on; send it again to get its answer.";
            let problem = Problem::new(&kind::IDEMPOTENCY_IN_PROGRESS).detail(detail);
            Ok(request.error_response(problem.header(header::RETRY_AFTER, wait)))
        }
        Claim::Mismatch => {
            let detail = "This key was sent before with another body. Send the same body, or a key of its own.";
            Ok(request.error_response(Problem::new(&kind::IDEMPOTENCY_KEY_REUSED).detail(detail)))
        }
    }
}

/// The handler, and the end of its claim, whatever comes of it: an answer, an error or a panic.
async fn run(
    record: &Record,
    id: OperationId,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let asked = request.request().clone();
    request.extensions_mut().insert(Operation::new(id));
    // Nothing that a panic leaves half-done is looked at again.
    let failed: Error = match AssertUnwindSafe(answered(id, request, next)).catch_unwind().await {
        Ok(Ok((answer, kept))) => {
            settle(record, id, kept.as_ref()).await;
            return Ok(answer);
        }
        Ok(Err(error)) => error,
        Err(_panic) => Problem::new(&kind::INTERNAL).because("the operation panicked").into(),
    };
    settle(record, id, None).await;
    Ok(ServiceResponse::from_err(failed, asked))
}

/// The handler's answer as it goes out, so that a repeat gets the same bytes; and what is kept of it.
async fn answered(
    id: OperationId,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<(ServiceResponse<BoxBody>, Option<StoredAnswer>), Error> {
    let trace = request.extensions().get::<TraceContext>().cloned().unwrap_or_else(TraceContext::fresh);
    let answer = next.call(request).await?;
    failpoint::pass("operation.applied", || id.to_string());
    let answer = problem::finish(answer, &trace).map_body(|_, body: EitherBody<BoxBody>| BoxBody::new(body));
    answer::keep(answer).await
}

/// Keeps the answer, or else gives the claim back.
async fn settle(Record { keys, scope, .. }: &Record, id: OperationId, kept: Option<&StoredAnswer>) {
    let settled = match kept {
        Some(kept) => keys.store.finish(scope, id, kept).await.map(|_first| ()),
        None => keys.store.release(scope, id).await,
    };
    if let Err(error) = settled {
        // What was done is done; a repeat waits for the lease to end, and finds it.
        tracing::warn!(operation_id = %id, %error, "an operation could not be settled");
    }
}
