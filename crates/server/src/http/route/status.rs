//! `GET /route/status/{id}`: where a dispatch or a delivery stands. Must not change anything.

use super::status_dto::DispatchReportDto;
use crate::http::path_id::PathId;
use crate::http::problem::{Problem, kind};
use actix_web::web::{Data, Json};
use dispatch_pipeline::track::Track;
use uuid::Uuid;

/// Shows where a dispatch stands.
#[utoipa::path(
    get, path = "/route/status/{id}", operation_id = "getDispatchStatus", tag = "route", summary = "Show where a dispatch stands",
    description = "A dispatch with its deliveries, or one delivery of it: state, reason, when it is tried next, and each attempt with what it came to.",
    params(("id" = String, Path, description = "The id of a dispatch or of a delivery", example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d62")),
    responses(
        (status = 200, description = "Where it stands", body = DispatchReportDto),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`dispatch_not_found`: neither a dispatch nor a delivery has this id"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn show(id: PathId, track: Data<Track>) -> Result<Json<DispatchReportDto>, Problem> {
    let unknown = || Problem::new(&kind::DISPATCH_NOT_FOUND);
    let id = Uuid::try_parse(&id.0).map_err(|_| unknown())?;
    track.status(id).await?.map(|status| Json(status.into())).ok_or_else(unknown)
}
