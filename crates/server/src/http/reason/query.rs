//! `POST /reason/query`: questions about the brokerage's own data, answered while one watches. Must not know who answers, nor how
//! the records are searched.

use super::query_dto::{QueryRequestDto, asker};
use super::stream;
use crate::http::caller::Caller;
use crate::http::idempotency::{Operation, Streamed};
use crate::http::json::JsonBody;
use crate::http::problem::Problem;
use crate::http::sse;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dispatch_pipeline::query::Query;
use dispatch_pipeline::streams::Streams;

/// Answers a question.
#[utoipa::path(
    post, path = "/reason/query", operation_id = "query", tag = "reason", summary = "Ask a question, answered as a stream",
    description = "Answers a question about missions, listings, people, messages, held work and deliveries from the brokerage's own data, \
                   with your rights: what you may not see is neither told nor counted. Tells how it goes: `metadata` at once, a `tool_call` \
                   and a `tool_result` for each search, `delta` while the answer is written, `citations` with the ids that the answer rests \
                   on, and exactly one `complete` or `error` (a Problem). With a language model it converses: send what was said before as \
                   `history`. Without one, or when it fails, a local mind answers what people really ask, exactly, and says what it cannot. \
                   It only reads. When the line is lost, go on with `GET /reason/stream/{stream_id}`; a repeat with the same \
                   `Idempotency-Key` follows the same stream, or begins anew what failed for the moment.",
    params(("Last-Event-ID" = Option<String>, Header, nullable = false, example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e:4",
        description = "With a repeat of the same `Idempotency-Key`: the `id` of the last event that you have")),
    request_body = QueryRequestDto,
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream",
            example = "retry: 2000\n\nid: 01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e:1\nevent: metadata\ndata: {\"mind\":\"local\",\"stream_id\":\"01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e\"}\n\n"),
        (status = 204, description = "A repeat with `Last-Event-ID`, and you have all of it"),
        (status = 400, description = "`invalid_body`; `errors` points at what is wrong; or `last_event_id_invalid`"),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`stream_not_found`: a repeat with `Last-Event-ID`, of a request that is too long ago"),
        (status = 410, description = "`stream_gone`: a repeat with `Last-Event-ID`, and the events are no longer kept"),
        (status = 413, description = "`payload_too_large`: more than 1 MiB"),
        (status = 415, description = "`unsupported_media_type`: not JSON"),
        (status = 422, description = "`limit_exceeded`: a question of more than 2000 characters, or too much history"),
        (status = 429, description = "`too_many_streams`: 200 of yours are under way at this server; or `rate_limited`"),
        (status = 503, description = "`database_unavailable`, or `overloaded`: too many streams at the same time"),
    ),
    extensions(("x-sse-events" = json!({
        "metadata": "QueryMetadataEvent", "tool_call": "ToolCallEvent", "tool_result": "ToolResultEvent", "delta": "DeltaEvent",
        "citations": "CitationsEvent", "complete": "QueryCompleteEvent", "error": "Problem",
    }))),
)]
pub async fn query(
    request: HttpRequest,
    caller: Caller,
    operation: Operation,
    streams: Data<Streams>,
    query: Data<Query>,
    JsonBody(body): JsonBody<QueryRequestDto>,
) -> Result<HttpResponse, Problem> {
    if let Some(begun) = operation.follows() {
        return stream::repeat(&request, &caller, &streams, begun).await;
    }
    let followed = query.ask(caller.principal(), asker(&caller), body.read()?).await?;
    let streamed = Streamed(followed.stream_id().to_string());
    let mut answer = sse::answer(&request, followed);
    answer.extensions_mut().insert(streamed);
    Ok(answer)
}
