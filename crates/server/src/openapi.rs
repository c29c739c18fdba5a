//! The OpenAPI document, made from the handlers and the DTOs. Must not need a database, a configuration or a network.
//!
//! Its rules (one tag for each operation, explicit operation ids, `$ref`s only, absent instead of null, a problem on
//! every error) are those that the Swift generators need; `cargo xtask spec lint` holds them.

mod finish;
mod object;
pub mod operations;
#[cfg(test)]
mod tests;

pub use object::JsonObject;

use crate::http::{intake, missions, observe, problem, reason, route};
use finish::Finish;
use utoipa::OpenApi;

/// The contract.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dispatch",
        description = "Messages come in, missions come out, and everyone can see why.\n\n\
            Every path of this document also answers below `/dispatch` (`/dispatch/missions` is `/missions`). Errors are RFC 9457 problems \
            (`application/problem+json`); branch on `code`. Timestamps are UTC with milliseconds. Values that do not exist are \
            left out, never null. Every answer names its trace in the header `Dispatch-Trace-Id`.",
        contact(name = "Dispatch"),
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "intake", description = "Receive messages"),
        (name = "missions", description = "The work that people do"),
        (name = "reason", description = "What messages mean, told as it is found out"),
        (name = "route", description = "What waits for a person, what a person says about it, and where it stands"),
        (name = "observe", description = "Is it well, and what happened"),
    ),
    paths(
        intake::slack::receive,
        intake::slack_interactions::receive,
        intake::sms::receive,
        intake::sms_status::receive,
        missions::list,
        missions::show,
        missions::changes::create,
        missions::changes::claim,
        missions::changes::unclaim,
        missions::changes::assign,
        missions::changes::complete,
        missions::changes::reopen,
        missions::changes::set_type,
        missions::changes::delete,
        reason::classify::classify,
        reason::classifications::create,
        reason::classifications::show,
        reason::query::query,
        reason::stream::follow,
        route::held::list,
        route::held::show,
        route::held::dismiss,
        route::dispatch::create,
        route::status::show,
        route::dead::list,
        route::replay::create,
        route::batches::create,
        route::batches::show,
        route::batches::cancel,
        route::policy::show,
        route::flag::show,
        route::flag::set,
        route::flag::history,
        observe::health,
        observe::agents,
        observe::story,
        observe::story_text,
        observe::live,
        observe::ready,
    ),
    components(schemas(
        problem::ProblemBody,
        missions::DeletedFilterDto,
        missions::MissionOrderDto,
        missions::MissionTypeFilterDto,
        route::DeadOrderDto,
        route::FaultClassDto,
        reason::ClassifyMetadataEventDto,
        reason::DeltaEventDto,
        reason::ClassifyCompleteEventDto,
        reason::StreamEventDto,
        reason::StreamCompleteEventDto,
        reason::QueryMetadataEventDto,
        reason::ToolCallEventDto,
        reason::ToolResultEventDto,
        reason::CitationsEventDto,
        reason::QueryCompleteEventDto,
    )),
    security(("bearer" = []), ("apiKey" = [])),
    modifiers(&Finish),
)]
struct Contract;

/// The document as JSON text, the same on every machine.
#[must_use]
pub fn json() -> String {
    let mut text = serde_json::to_string_pretty(&Contract::openapi()).unwrap_or_default();
    text.push('\n');
    text
}
