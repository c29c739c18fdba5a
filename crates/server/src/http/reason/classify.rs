//! `POST /reason/classify`: what messages mean, told while it is found out. Must not know who thinks.

use super::bodies::ClassifyRequestDto;
use super::dto::ClassificationDto;
use super::events::{ClassifyCompleteEventDto, ClassifyMetadataEventDto, data};
use super::stream;
use crate::http::caller::Caller;
use crate::http::idempotency::{Operation, Streamed};
use crate::http::json::JsonBody;
use crate::http::problem::Problem;
use crate::http::sse;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dispatch_classification::classifier::Listener as _;
use dispatch_pipeline::classify::{self, Audience, Classify};
use dispatch_pipeline::ports::classifications::KeptClassification;
use dispatch_pipeline::ports::streams::EventName;
use dispatch_pipeline::streams::{Failure, Streams, Teller};
use serde_json::{Map, json};
use std::time::Instant;

/// Tells what messages mean.
#[utoipa::path(
    post, path = "/reason/classify", operation_id = "classify", tag = "reason", summary = "Classify messages, as a stream",
    description = "Understands one message (`message`) or up to 50 (`messages`) and tells how it goes: `metadata` at once, `delta` while \
                   a model writes, a `classification` for each message, and exactly one `complete` or `error` (a Problem). Nothing is \
                   made of it. When the line is lost, go on with `GET /reason/stream/{stream_id}`; a repeat with the same \
                   `Idempotency-Key` follows the same stream, or begins anew what failed for the moment.",
    params(("Last-Event-ID" = Option<String>, Header, nullable = false, example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e:4",
        description = "With a repeat of the same `Idempotency-Key`: the `id` of the last event that you have")),
    request_body = ClassifyRequestDto,
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream",
            example = "retry: 2000\n\nid: 01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e:1\nevent: metadata\ndata: {\"stream_id\":\"01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e\"}\n\n"),
        (status = 204, description = "A repeat with `Last-Event-ID`, and you have all of it"),
        (status = 400, description = "`invalid_body`; `errors` points at what is wrong; or `last_event_id_invalid`"),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`stream_not_found`: a repeat with `Last-Event-ID`, of a request that is too long ago"),
        (status = 410, description = "`stream_gone`: a repeat with `Last-Event-ID`, and the events are no longer kept; its classifications are"),
        (status = 413, description = "`payload_too_large`: more than 1 MiB"),
        (status = 415, description = "`unsupported_media_type`: not JSON"),
        (status = 422, description = "`limit_exceeded`: a message of more than 16000 characters, or more than 50 messages"),
        (status = 429, description = "`too_many_streams`: 200 of yours are under way at this server; or `rate_limited`"),
        (status = 503, description = "`database_unavailable`, or `overloaded`: too many streams at the same time"),
    ),
    extensions(("x-sse-events" = json!({
        "metadata": "ClassifyMetadataEvent", "delta": "DeltaEvent", "classification": "Classification",
        "complete": "ClassifyCompleteEvent", "error": "Problem",
    }))),
)]
pub async fn classify(
    request: HttpRequest,
    caller: Caller,
    operation: Operation,
    streams: Data<Streams>,
    classify: Data<Classify>,
    JsonBody(body): JsonBody<ClassifyRequestDto>,
) -> Result<HttpResponse, Problem> {
    if let Some(begun) = operation.follows() {
        return stream::repeat(&request, &caller, &streams, begun).await;
    }
    let is_batch = body.is_batch();
    let questions = classify.take(caller.principal(), operation.id(), body.read()?);
    let ids: Vec<String> = questions.ids().map(|id| id.to_string()).collect();
    let (classification_ids, classifiers) = (ids, classify.minds().to_vec());
    let metadata = data(&ClassifyMetadataEventDto { stream_id: None, classification_ids, classifiers });
    let (classify, begun) = (classify.into_inner(), Instant::now());
    let work = async move |teller| {
        let kept = classify.answer(&questions, &Told { teller, is_batch }).await;
        kept.map(|kept| complete(&kept, begun)).map_err(|error| failure(&error.into()))
    };
    let followed = streams.begin(caller.principal(), metadata, work).await?;
    let streamed = Streamed(followed.stream_id().to_string());
    let mut answer = sse::answer(&request, followed);
    answer.extensions_mut().insert(streamed);
    Ok(answer)
}

/// Tells what is heard of questions.
struct Told {
    teller: Teller,
    is_batch: bool,
}

impl Audience for Told {
    fn delta(&self, index: usize, provider: &str, attempt: u32, text: &str) {
        let about = if self.is_batch { Map::from_iter([("index".to_owned(), json!(index))]) } else { Map::new() };
        self.teller.listener_about(about).delta(provider, attempt, text);
    }

    fn answered(&self, index: usize, answer: &KeptClassification) {
        let answer = ClassificationDto::from(answer.clone());
        let answer = if self.is_batch { answer.at(index) } else { answer };
        self.teller.tell(EventName::Classification, data(&answer));
    }
}

fn complete(kept: &[KeptClassification], begun: Instant) -> Map<String, serde_json::Value> {
    data(&ClassifyCompleteEventDto {
        status: "success".to_owned(),
        classification_ids: kept.iter().map(|kept| kept.classification_id.to_string()).collect(),
        latency_ms: (begun.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        usage: classify::usage(kept).map(Into::into),
    })
}

/// What is told of a problem in the middle of a stream. Its cause is logged here, once: the answer is no problem.
fn failure(problem: &Problem) -> Failure {
    problem.note();
    Failure::new(problem.kind().code, problem.kind().retryable)
}
