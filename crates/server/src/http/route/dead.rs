//! `GET /route/dead-letters`: what ended without success. Must not change anything.

use super::dead_dto::DeadPageDto;
use super::dead_query::{DeadParameters, DeadQuery};
use crate::http::problem::Problem;
use actix_web::web::{Data, Json};
use dispatch_pipeline::track::Track;

/// Lists dead letters.
#[utoipa::path(
    get, path = "/route/dead-letters", operation_id = "listDeadLetters", tag = "route", summary = "List what ended without success",
    description = "One page of the units that nobody could understand and of the deliveries that are exhausted, failed, or of which nobody can tell \
                   whether they arrived; what ended last first, unless `order` says otherwise. `class` tells a fault of the pipeline from a bad \
                   target. Take the next page by passing `next_cursor` as `cursor`, with the same filters and order.",
    params(DeadParameters),
    responses(
        (status = 200, description = "One page", body = DeadPageDto),
        (status = 400, description = "`invalid_parameters`; `errors` names each"),
        (status = 401, description = "`authentication_required`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn list(query: DeadQuery, track: Data<Track>) -> Result<Json<DeadPageDto>, Problem> {
    Ok(Json(track.dead(&query.filter, query.after.as_ref(), query.limit).await?.into()))
}
