//! `GET /reason/stream/{stream_id}`: goes on where a client lost the line, at any replica. Must not know what is told.

use crate::http::caller::Caller;
use crate::http::path_id::PathId;
use crate::http::problem::{Problem, kind};
use crate::http::sse;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use dispatch_mission::ids::StreamId;
use dispatch_pipeline::streams::{FollowError, Streams};
use serde::Deserialize;
use uuid::Uuid;

/// Where to go on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    after: Option<String>,
}

/// Goes on with a stream.
#[utoipa::path(
    get, path = "/reason/stream/{stream_id}", operation_id = "followStream", tag = "reason", summary = "Go on with a stream",
    description = "The events of a stream of yours after the one that you have: all that were told meanwhile at once, then the others \
                   as they come, from any replica. Its events are kept for ten minutes after its end. A stream that nobody follows for \
                   20 seconds is given up: it ends with the error `reader_gone`.",
    params(
        ("stream_id" = String, Path, description = "As in the event `metadata`", example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that you have; without it you get all of them",
            example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e:4", nullable = false),
        ("after" = Option<String>, Query, description = "The same, for clients that cannot send the header, which wins",
            example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e:4", nullable = false),
    ),
    responses(
        (status = 200, description = "The events that remain, up to one `complete` or `error`", body = String,
            content_type = "text/event-stream",
            example = "retry: 2000\n\nid: 01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e:5\nevent: complete\ndata: {\"status\":\"success\",\"latency_ms\":3.2}\n\n"),
        (status = 204, description = "You have all of it: do not come back"),
        (status = 400, description = "`last_event_id_invalid`: that is no event of this stream; or `invalid_parameters`"),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`stream_not_found`"),
        (status = 410, description = "`stream_gone`: its events are no longer kept"),
        (status = 503, description = "`database_unavailable`"),
    ),
    extensions(("x-sse-events" = json!({
        "metadata": "StreamEvent", "delta": "DeltaEvent", "classification": "Classification", "tool_call": "ToolCallEvent",
        "tool_result": "ToolResultEvent", "citations": "CitationsEvent", "complete": "StreamCompleteEvent",
        "error": "Problem",
    }))),
)]
pub async fn follow(
    request: HttpRequest,
    caller: Caller,
    id: PathId,
    place: Query<Place>,
    streams: Data<Streams>,
) -> Result<HttpResponse, Problem> {
    let stream = Uuid::try_parse(&id.0).map(StreamId).map_err(|_| Problem::new(&kind::STREAM_NOT_FOUND))?;
    let after = sse::last_event(&request, stream, place.after.as_deref())?;
    go_on(&request, &caller, &streams, stream, after).await
}

/// Follows a stream of the caller's after event number `after`.
pub(in crate::http) async fn go_on(
    request: &HttpRequest,
    caller: &Caller,
    streams: &Streams,
    stream: StreamId,
    after: u32,
) -> Result<HttpResponse, Problem> {
    match streams.follow(caller.principal(), stream, after).await {
        Ok(followed) => Ok(sse::answer(request, followed)),
        Err(FollowError::NothingLeft) => Ok(HttpResponse::NoContent().finish()),
        Err(FollowError::Unknown) => Err(Problem::new(&kind::STREAM_NOT_FOUND)),
        Err(FollowError::Gone) => Err(Problem::new(&kind::STREAM_GONE)),
        Err(FollowError::Unavailable(down)) => Err(down.into()),
    }
}

/// The repeat of a request that was answered by this stream: follows it from its beginning, or from where the client says.
pub(in crate::http) async fn repeat(
    request: &HttpRequest,
    caller: &Caller,
    streams: &Streams,
    stream: &str,
) -> Result<HttpResponse, Problem> {
    let stream = Uuid::try_parse(stream).map(StreamId).map_err(|_| Problem::new(&kind::STREAM_NOT_FOUND))?;
    let after = sse::last_event(request, stream, None)?;
    go_on(request, caller, streams, stream, after).await
}
