//! `GET /observe/*` and the probes: is it well, and what happened. Must not know how either is found out.

mod agents;
mod dto;
mod text;

pub use agents::{__path_agents, AgentHealthDto, AgentKindDto, agents};
pub use dto::{
    CheckStatusDto, HealthCheck, HealthDto, HealthStatusDto, ProbeDto, ProbeStatusDto, QueueDto, StoryDto,
    StoryEntryDto,
};

use super::front::Front;
use super::problem::{Problem, kind};
use crate::http::path_id::PathId;
use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Data, Json};
use dispatch_pipeline::helm::Helm;
use dispatch_pipeline::observe::{CheckStatus, Observe};

/// Probes everything, or tells what a probe of the last second found.
#[utoipa::path(
    get, path = "/observe/health", operation_id = "getHealth", tag = "observe", summary = "Is Dispatch well?",
    description = "Probes database, migrations and workers, within two seconds, and shows how much waits in each queue. All who \
                   ask within a second share one probe. \
                   A failed check makes it 503, with the same checks in the problem.",
    responses(
        (status = 200, description = "Every check passed, or only warns", body = HealthDto),
        (status = 503, description = "`not_ready`: a check failed; `checks` says which"),
    ),
    security(()),
)]
pub async fn health(observe: Data<Observe>, helm: Data<Helm>) -> Result<Json<HealthDto>, Problem> {
    let mut health = observe.health().await;
    health.checks.push(helm.bearing().check());
    if health.is_ready() {
        return Ok(Json(HealthDto::of(health, helm.replica())));
    }
    Err(not_ready(health.checks.into_iter().map(Into::into).collect()))
}

/// Tells the whole story.
#[utoipa::path(
    get, path = "/observe/logs/{id}", operation_id = "getStory", tag = "observe", summary = "What happened?",
    description = "The whole story of one message, or of the burst it belongs to, in order: received, understood, decided, each \
                   delivery with its attempts, and what people did to its missions. A mission that people made has a story of its own. \
                   Any id will do: of the event, unit, classification, dispatch, delivery, mission or \
                   trace, Slack's `ts` or event id, Twilio's `MessageSid`. It never contains a message's text.",
    params(("id" = String, Path, description = "Any id that you hold", example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e")),
    responses(
        (status = 200, description = "The story", body = StoryDto),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`story_not_found`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn story(id: PathId, observe: Data<Observe>) -> Result<Json<StoryDto>, Problem> {
    let story = observe.story(&id.0).await?.ok_or_else(|| Problem::new(&kind::STORY_NOT_FOUND))?;
    Ok(Json(story.into()))
}

/// Tells the whole story in plain text.
#[utoipa::path(
    get, path = "/observe/logs/{id}/text", operation_id = "getStoryText", tag = "observe",
    summary = "What happened, for people",
    description = "The same story as `GET /observe/logs/{id}`, one line for each step. For reading, not for parsing.",
    params(("id" = String, Path, description = "Any id that you hold", example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e")),
    responses(
        (status = 200, description = "The story", body = String, content_type = "text/plain",
            example = "2026-11-20T14:03:07.120Z  intake   signal.received"),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`story_not_found`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn story_text(id: PathId, observe: Data<Observe>) -> Result<HttpResponse, Problem> {
    let story = observe.story(&id.0).await?.ok_or_else(|| Problem::new(&kind::STORY_NOT_FOUND))?;
    Ok(HttpResponse::Ok().content_type(ContentType::plaintext()).body(text::render(&story)))
}

/// Says that the process answers.
#[utoipa::path(
    get, path = "/livez", operation_id = "getLiveness", tag = "observe", summary = "Does the process answer?",
    description = "For a supervisor that restarts a process. It depends on nothing but the process itself.",
    responses((status = 200, description = "It does", body = ProbeDto)),
    security(()),
)]
pub async fn live() -> Json<ProbeDto> {
    Json(ProbeDto { status: ProbeStatusDto::Alive })
}

/// Says whether requests may be sent here.
#[utoipa::path(
    get, path = "/readyz", operation_id = "getReadiness", tag = "observe", summary = "May requests be sent here?",
    description = "For a load balancer. Needs the database, migrated; not the workers, which may run elsewhere.",
    responses(
        (status = 200, description = "They may", body = ProbeDto),
        (status = 503, description = "`not_ready`: the database does not answer or is not migrated, or the server is stopping; comes with `Retry-After`"),
    ),
    security(()),
)]
pub async fn ready(observe: Data<Observe>, front: Data<Front>) -> Result<Json<ProbeDto>, Problem> {
    if front.is_leaving() {
        return Err(Problem::new(&kind::NOT_READY).detail("The server is stopping.").retry_later());
    }
    let checks = observe.health().await.checks.into_iter();
    let failed = |check: &dispatch_pipeline::observe::Check| check.status == CheckStatus::Fail;
    let own: Vec<_> = checks.filter(|check| check.name != "workers" && failed(check)).map(Into::into).collect();
    if own.is_empty() { Ok(Json(ProbeDto { status: ProbeStatusDto::Ready })) } else { Err(not_ready(own)) }
}

fn not_ready(checks: Vec<HealthCheck>) -> Problem {
    let failed: Vec<_> = checks.iter().filter(|check| check.status == CheckStatusDto::Fail).map(|c| c.name).collect();
    Problem::new(&kind::NOT_READY).detail(format!("Failed: {}.", failed.join(", "))).checks(checks).retry_later()
}
