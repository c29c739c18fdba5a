//! What people do to missions. Must not know the rules: the desk says who may do what.

use super::actor::request;
use super::bodies::{AssignmentDto, ChangeDto, ClaimDto, NewMissionDto, TypeChangeDto, staff_id};
use super::dto::MissionDto;
use crate::http::caller::Caller;
use crate::http::idempotency::Operation;
use crate::http::json::{JsonBody, OptionalJsonBody};
use crate::http::path_id::PathId;
use crate::http::problem::Problem;
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json};
use dispatch_mission::ids::MissionId;
use dispatch_mission::mission_desk::MissionAction;
use dispatch_pipeline::desk::Desk;
use utoipa::IntoResponses;

/// How every change may be refused.
#[derive(IntoResponses)]
#[allow(dead_code)] // only its description is used
pub enum Refused {
    /// `invalid_body`; `errors` points at what is wrong
    #[response(status = 400)]
    Invalid,
    /// `authentication_required`
    #[response(status = 401)]
    Stranger,
    /// `forbidden`: it is for others
    #[response(status = 403)]
    NotAllowed,
    /// `mission_not_found`
    #[response(status = 404)]
    NotFound,
    /// `mission_claimed`: somebody else has it; `mission_status_conflict`: not from where it stands; `mission_deleted`; `mission_changed`: not at the version that was seen; `mission_type_fixed`: it is an activity
    #[response(status = 409)]
    Conflict,
    /// `payload_too_large`: more than 64 KiB
    #[response(status = 413)]
    TooLarge,
    /// `unsupported_media_type`: not JSON
    #[response(status = 415)]
    NoJson,
    /// `database_unavailable`, or `cutover_expand_due` while the tables have their old names
    #[response(status = 503)]
    Unavailable,
}

/// Makes a mission.
#[utoipa::path(
    post, path = "/missions", operation_id = "createMission", tag = "missions", summary = "Make a mission",
    description = "Makes one mission. An agent task may point at a realtor and a listing; an activity belongs to a listing. \
                   Nobody has it until somebody claims it. `Idempotency-Key` is required: a repeat gets the first answer.",
    request_body = NewMissionDto,
    responses(
        (status = 201, description = "Made; `Location` is its path", body = MissionDto,
            headers(("Location" = String, description = "The path of the mission"))),
        (status = 400, description = "`invalid_body`; `errors` points at what is wrong; or `idempotency_key_required`"),
        (status = 401, description = "`authentication_required`"),
        (status = 403, description = "`forbidden`: the caller only reads"),
        (status = 413, description = "`payload_too_large`: more than 64 KiB"),
        (status = 415, description = "`unsupported_media_type`: not JSON"),
        (status = 503, description = "`database_unavailable`, or `cutover_expand_due` while the tables have their old names"),
    ),
)]
pub async fn create(
    caller: Caller,
    operation: Operation,
    desk: Data<Desk>,
    JsonBody(body): JsonBody<NewMissionDto>,
) -> Result<HttpResponse, Problem> {
    let made = desk.create(&body.read()?, &request(&caller, &operation, None)?).await?;
    let location = format!("/missions/{}", made.mission_id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(MissionDto::from(made)))
}

/// Takes a mission.
#[utoipa::path(
    post, path = "/missions/{mission_id}/claim", operation_id = "claimMission", tag = "missions", summary = "Claim a mission",
    description = "From now on the caller, or the staff member named, has this mission. Claiming what one has already changes nothing; \
                   what somebody else has is refused. A mission that waits for an answer (`needs_info`) may be claimed.",
    params(("mission_id" = String, Path, description = "Opaque id of the mission", example = "01JC8Q5W3N4X0V7Y2Z6B9D1F")),
    request_body(content = ClaimDto, description = "May be left out"),
    responses((status = 200, description = "The mission, as it is now", body = MissionDto), Refused),
)]
pub async fn claim(
    caller: Caller,
    operation: Operation,
    id: PathId,
    desk: Data<Desk>,
    OptionalJsonBody(body): OptionalJsonBody<ClaimDto>,
) -> Result<Json<MissionDto>, Problem> {
    act(&caller, &operation, id, &desk, MissionAction::Claim(body.who()?), body.version).await
}

/// Gives a mission back.
#[utoipa::path(
    post, path = "/missions/{mission_id}/unclaim", operation_id = "unclaimMission", tag = "missions", summary = "Give a mission back",
    description = "Nobody has this mission any more. For the person who has it, and for admins.",
    params(("mission_id" = String, Path, description = "Opaque id of the mission", example = "01JC8Q5W3N4X0V7Y2Z6B9D1F")),
    request_body(content = ChangeDto, description = "May be left out"),
    responses((status = 200, description = "The mission, as it is now", body = MissionDto), Refused),
)]
pub async fn unclaim(
    caller: Caller,
    operation: Operation,
    id: PathId,
    desk: Data<Desk>,
    OptionalJsonBody(body): OptionalJsonBody<ChangeDto>,
) -> Result<Json<MissionDto>, Problem> {
    act(&caller, &operation, id, &desk, MissionAction::Unclaim, body.version).await
}

/// Gives a mission to somebody.
#[utoipa::path(
    post, path = "/missions/{mission_id}/assign", operation_id = "assignMission", tag = "missions", summary = "Assign a mission",
    description = "From now on this staff member has the mission. For admins, and for the person who has it and hands it over.",
    params(("mission_id" = String, Path, description = "Opaque id of the mission", example = "01JC8Q5W3N4X0V7Y2Z6B9D1F")),
    request_body = AssignmentDto,
    responses((status = 200, description = "The mission, as it is now", body = MissionDto), Refused),
)]
pub async fn assign(
    caller: Caller,
    operation: Operation,
    id: PathId,
    desk: Data<Desk>,
    JsonBody(body): JsonBody<AssignmentDto>,
) -> Result<Json<MissionDto>, Problem> {
    act(&caller, &operation, id, &desk, MissionAction::Assign(staff_id(body.staff_id)?), body.version).await
}

/// Finishes a mission.
#[utoipa::path(
    post, path = "/missions/{mission_id}/complete", operation_id = "completeMission", tag = "missions", summary = "Complete a mission",
    description = "The mission is done. For the person who has it. When all activities of a listing are done, the listing moves to the \
                   logbook: it is `completed`.",
    params(("mission_id" = String, Path, description = "Opaque id of the mission", example = "01JC8Q5W3N4X0V7Y2Z6B9D1F")),
    request_body(content = ChangeDto, description = "May be left out"),
    responses((status = 200, description = "The mission, as it is now", body = MissionDto), Refused),
)]
pub async fn complete(
    caller: Caller,
    operation: Operation,
    id: PathId,
    desk: Data<Desk>,
    OptionalJsonBody(body): OptionalJsonBody<ChangeDto>,
) -> Result<Json<MissionDto>, Problem> {
    act(&caller, &operation, id, &desk, MissionAction::Complete, body.version).await
}

/// Opens a finished mission.
#[utoipa::path(
    post, path = "/missions/{mission_id}/reopen", operation_id = "reopenMission", tag = "missions", summary = "Reopen a mission",
    description = "The mission is open again, and nobody has it. For the person who had it, and for admins. Its listing comes back from the logbook.",
    params(("mission_id" = String, Path, description = "Opaque id of the mission", example = "01JC8Q5W3N4X0V7Y2Z6B9D1F")),
    request_body(content = ChangeDto, description = "May be left out"),
    responses((status = 200, description = "The mission, as it is now", body = MissionDto), Refused),
)]
pub async fn reopen(
    caller: Caller,
    operation: Operation,
    id: PathId,
    desk: Data<Desk>,
    OptionalJsonBody(body): OptionalJsonBody<ChangeDto>,
) -> Result<Json<MissionDto>, Problem> {
    act(&caller, &operation, id, &desk, MissionAction::Reopen, body.version).await
}

/// Sets the type of an agent task.
#[utoipa::path(
    put, path = "/missions/{mission_id}/type", operation_id = "setMissionType", tag = "missions", summary = "Set a mission's type",
    description = "Agent tasks are ADMIN, MARKETING or of no type. Activities keep the type of their template.",
    params(("mission_id" = String, Path, description = "Opaque id of the mission", example = "01JC8Q5W3N4X0V7Y2Z6B9D1F")),
    request_body = TypeChangeDto,
    responses((status = 200, description = "The mission, as it is now", body = MissionDto), Refused),
)]
pub async fn set_type(
    caller: Caller,
    operation: Operation,
    id: PathId,
    desk: Data<Desk>,
    JsonBody(body): JsonBody<TypeChangeDto>,
) -> Result<Json<MissionDto>, Problem> {
    let action = MissionAction::SetType(body.mission_type.map(Into::into));
    act(&caller, &operation, id, &desk, action, body.version).await
}

/// Deletes a mission.
#[utoipa::path(
    delete, path = "/missions/{mission_id}", operation_id = "deleteMission", tag = "missions", summary = "Delete a mission",
    description = "The mission is not listed any more; it can still be shown by its id. For admins.",
    params(("mission_id" = String, Path, description = "Opaque id of the mission", example = "01JC8Q5W3N4X0V7Y2Z6B9D1F")),
    responses((status = 204, description = "Deleted"), Refused),
)]
pub async fn delete(
    caller: Caller,
    operation: Operation,
    id: PathId,
    desk: Data<Desk>,
) -> Result<HttpResponse, Problem> {
    act(&caller, &operation, id, &desk, MissionAction::Delete, None).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn act(
    caller: &Caller,
    operation: &Operation,
    id: PathId,
    desk: &Desk,
    action: MissionAction,
    seen: Option<i64>,
) -> Result<Json<MissionDto>, Problem> {
    let request = request(caller, operation, seen)?;
    Ok(Json(desk.act(&MissionId(id.0), &action, &request).await?.into()))
}
