//! `GET /missions`, `GET /missions/{id}`; `changes` has what people do to them. Must not know tables: a handler asks one use case and shows the answer.

mod actor;
mod bodies;
pub mod changes;
mod cursor;
mod dto;
mod query;
mod words;

pub use dto::{MissionDto, MissionPageDto, RoutingDecisionDto};
pub use query::{DeletedFilterDto, ListQuery, MissionOrderDto, MissionTypeFilterDto};
pub(in crate::http) use words::mirror;
pub use words::{MissionKindDto, MissionStatusDto, MissionTypeDto, VisibilityDto};

use super::caller::Caller;
use super::problem::{Problem, kind};
use crate::http::path_id::PathId;
use actix_web::web::{self, Json};
use dispatch_mission::ids::MissionId;
use dispatch_pipeline::missions::Missions;

/// Lists missions, newest first. Deleted ones are left out unless asked for.
#[utoipa::path(
    get, path = "/missions", operation_id = "listMissions", tag = "missions", summary = "List missions",
    description = "One page of missions of both kinds. Filters narrow each other; a repeated filter (`status=active&status=claimed`, \
                   or `status=active,claimed`) widens. Take the next page by passing `next_cursor` as `cursor` with otherwise \
                   the same parameters; no `next_cursor` means that this was the last page. Activities of the groups AGENT and \
                   MARKETING are listed for members of staff of that group, admins, services and keys.",
    params(query::MissionParameters),
    responses(
        (status = 200, description = "One page, in the order asked for", body = MissionPageDto),
        (status = 400, description = "`invalid_parameters`; `errors` names each"),
        (status = 401, description = "`authentication_required`"),
        (status = 503, description = "`database_unavailable`, or `cutover_expand_due` while the tables have their old names"),
    ),
)]
pub async fn list(
    caller: Caller,
    query: ListQuery,
    missions: web::Data<Missions>,
) -> Result<Json<MissionPageDto>, Problem> {
    let page = missions.list(caller.sight(), &query.filter, query.order, query.after.as_ref(), query.limit).await?;
    Ok(Json(MissionPageDto::of(page, query.order)))
}

/// Shows one mission, deleted or not.
#[utoipa::path(
    get, path = "/missions/{mission_id}", operation_id = "getMission", tag = "missions", summary = "Show one mission",
    description = "One mission by its id, also when it is deleted.",
    params(("mission_id" = String, Path, description = "Opaque id of the mission", example = "01JC8Q5W3N4X0V7Y2Z6B9D1F")),
    responses(
        (status = 200, description = "The mission", body = MissionDto),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`mission_not_found`"),
        (status = 503, description = "`database_unavailable`, or `cutover_expand_due` while the tables have their old names"),
    ),
)]
pub async fn show(caller: Caller, id: PathId, missions: web::Data<Missions>) -> Result<Json<MissionDto>, Problem> {
    let found = missions.find(caller.sight(), &MissionId(id.0)).await?;
    found.map(|mission| Json(mission.into())).ok_or_else(|| Problem::new(&kind::MISSION_NOT_FOUND))
}
