//! `POST /route/dispatch`: a person's yes. Must not plan.

use super::bodies::DispatchRequestDto;
use super::decider;
use super::dto::DispatchReceiptDto;
use crate::http::caller::Caller;
use crate::http::idempotency::Operation;
use crate::http::json::JsonBody;
use crate::http::problem::Problem;
use actix_web::HttpResponse;
use actix_web::web::Data;
use dispatch_pipeline::route::Route;

/// Dispatches what was held.
#[utoipa::path(
    post, path = "/route/dispatch", operation_id = "createDispatch", tag = "route", summary = "Say yes",
    description = "Dispatches a held unit of messages, or a text that was asked about (`POST /reason/classify`), as it is understood: by its \
                   suggested plan, or to `destinations`, which are all looked at before any is served. What a unit has made before is not made again, whoever asks and however often. What was routed already goes \
                   further only to `destinations`: what is there or on its way is named in `skipped`. A repeat with the \
                   same `Idempotency-Key` is answered with the same dispatch.",
    request_body = DispatchRequestDto,
    responses(
        (status = 202, description = "Dispatched; what could be done at once is done", body = DispatchReceiptDto),
        (status = 400, description = "`invalid_body`; `errors` points at what is wrong, also at a realtor that is not known"),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`classification_not_found`: nothing was understood that way"),
        (status = 409, description = "`already_routed`: `detail` names the dispatch; `not_held`: it waits for nobody any more; \
                                      `classification_superseded`: its messages have changed, look at it again"),
        (status = 413, description = "`payload_too_large`: more than 64 KiB"),
        (status = 415, description = "`unsupported_media_type`: not JSON"),
        (status = 422, description = "`nothing_to_dispatch`: it is chatter, and no destinations are named; `destination_invalid`: `errors` points at \
                                      each; `limit_exceeded`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn create(
    caller: Caller,
    operation: Operation,
    route: Data<Route>,
    JsonBody(body): JsonBody<DispatchRequestDto>,
) -> Result<HttpResponse, Problem> {
    let (classification, choice) = body.read()?;
    let by = decider(&caller, &operation, body.note)?;
    let dispatched = route.confirm(classification, &choice, &by).await?;
    Ok(HttpResponse::Accepted().json(DispatchReceiptDto::from(dispatched)))
}
