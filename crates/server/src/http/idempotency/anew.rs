//! The claim of a key whose answer was a stream: when nothing is to be had of that any more, the operation is tried again.
//! Must not know what is told.

use super::Record;
use crate::http::caller::Caller;
use crate::http::sse::LAST_EVENT_ID;
use actix_web::HttpMessage as _;
use actix_web::dev::ServiceRequest;
use actix_web::web::Data;
use dispatch_mission::ids::StreamId;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::idempotency::{Claim, StoredAnswer};
use dispatch_pipeline::streams::Streams;
use uuid::Uuid;

/// Claims the record. A stream that is spent is no answer: like 429 and 5xx it says nothing about the request.
///
/// # Errors
/// [`StoreUnavailable`].
pub(super) async fn claim(record: &Record, request: &ServiceRequest) -> Result<Claim, StoreUnavailable> {
    let Record { keys, scope, asked } = record;
    let claim = keys.store.claim(scope, asked, keys.lease).await?;
    let Claim::Finished(StoredAnswer::Stream(stream)) = &claim else { return Ok(claim) };
    if !is_spent(request, stream).await? {
        return Ok(claim);
    }
    keys.store.reopen(scope, stream).await?;
    keys.store.claim(scope, asked, keys.lease).await
}

/// Whoever names an event of the stream wants the rest of it, whatever that is.
async fn is_spent(request: &ServiceRequest, stream: &str) -> Result<bool, StoreUnavailable> {
    if request.headers().get(LAST_EVENT_ID).is_some_and(|last| !last.is_empty()) {
        return Ok(false);
    }
    let caller = request.extensions().get::<Caller>().cloned();
    let (Some(streams), Some(caller), Ok(stream)) =
        (request.app_data::<Data<Streams>>(), caller, Uuid::try_parse(stream))
    else {
        return Ok(false);
    };
    streams.is_spent(caller.principal(), StreamId(stream)).await
}
