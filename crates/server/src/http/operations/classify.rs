//! `POST /operations/classify`: one event with the classification, and `[DONE]`. Must not know which mind gave it.

use super::body::{Mistakes, object, refused};
use super::contract::{ClassifyRequest, Refused};
use super::shadow::{Old, Shadow};
use super::{told, untold};
use crate::http::caller::Caller;
use crate::http::idempotency::Operation;
use crate::http::trace::TraceContext;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use dispatch_classification::classification::Classification;
use dispatch_mission::signal::Source;
use dispatch_pipeline::classify::{Asked, Classify};
use dispatch_pipeline::helm::Helm;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

/// As for the new contract.
const MOST_CHARS: usize = 16_000;

/// Classifies one message.
#[utoipa::path(
    post, path = "/operations/classify", operation_id = "legacyClassify", tag = "operations", summary = "Classify one message",
    description = "One `data:` line with the classification (see schema Classification), then `data: [DONE]`; `data: {\"error\": …}` \
                   alone when nothing came of it.",
    request_body = ClassifyRequest,
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream",
            example = "data: {\"schema_version\":1,\"message_type\":\"IGNORE\", …}\n\ndata: [DONE]\n\n"),
        Refused,
    ),
)]
pub async fn classify(
    request: HttpRequest,
    caller: Caller,
    operation: Operation,
    classify: Data<Classify>,
    helm: Data<Helm>,
    trace: TraceContext,
    body: Bytes,
) -> HttpResponse {
    let shadow = helm.steering().shadow.then(|| Shadow::cast(&request, &body, classify.clone(), helm, trace));
    let asked = match object(&body).and_then(|body| read(&body)) {
        Ok(asked) => asked,
        Err(wrong) => {
            let answer = refused(&wrong);
            Shadow::compare(shadow, Old::Refused(answer.status()));
            return answer;
        }
    };
    let questions = classify.take(caller.principal(), operation.id(), vec![asked]);
    let answered = Data::clone(&classify).into_inner().answer_at_home(questions).await;
    match answered.map(|kept| kept.into_iter().next()) {
        Ok(Some(kept)) => {
            let shown = shown(&kept.classified.classification);
            Shadow::compare(shadow, Old::Told(shown.clone()));
            told(&shown)
        }
        Ok(None) => untold("nothing was classified"),
        Err(error) => {
            tracing::error!(%error, "a text was not classified");
            Shadow::compare(shadow, Old::Untold);
            untold("classification failed")
        }
    }
}

fn read(body: &Map<String, Value>) -> Result<Asked, Value> {
    let mut mistakes = Mistakes::default();
    let text = mistakes.text(body, &["message"]);
    if text.as_ref().is_some_and(|text| text.chars().count() > MOST_CHARS) {
        mistakes.wrong(&["message"], "Value error, at most 16000 characters");
    }
    let source = match mistakes.text_if_any(body, "source").as_deref() {
        Some("sms") => Some(Source::Sms),
        _ => Some(Source::Slack),
    };
    let metadata = mistakes.object_if_any(body, "metadata").unwrap_or_default();
    let said_at = metadata.get("ts").and_then(seconds);
    mistakes.or(text.map(|text| Asked { text, source, said_at, metadata }))
}

/// Slack's `ts`: seconds since 1970, as text or as a number.
fn seconds(ts: &Value) -> Option<OffsetDateTime> {
    let whole = match ts {
        Value::String(text) => text.split('.').next()?.parse().ok()?,
        Value::Number(number) => number.as_f64()?.trunc() as i64,
        _ => return None,
    };
    OffsetDateTime::from_unix_timestamp(whole).ok().filter(|at| (1970..=9998).contains(&at.year()))
}

/// The old shape: every member there, null where there is nothing.
fn shown(meaning: &Classification) -> Value {
    let due =
        meaning.due_date.and_then(|due| due.format(format_description!("[year]-[month]-[day]T[hour]:[minute]")).ok());
    json!({
        "schema_version": 1,
        "message_type": meaning.meaning.message_type().as_str(),
        "task_key": meaning.meaning.task_key().map(|key| key.as_str()),
        "group_key": meaning.meaning.group_key().map(|key| key.as_str()),
        "listing": {
            "type": meaning.listing.kind.map(|kind| kind.as_str()),
            "address": meaning.listing.address,
        },
        "assignee_hint": meaning.assignee_hint,
        "due_date": due,
        "task_title": meaning.task_title.as_ref().map(ToString::to_string),
        "confidence": (f64::from(meaning.confidence.get()) * 10_000.0).round() / 10_000.0,
        "explanations": (!meaning.explanations.is_empty()).then_some(&meaning.explanations),
    })
}
