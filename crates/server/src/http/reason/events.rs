//! The data of events. Each is a component of its own: a stream has no schema, and clients get types all the same.

use super::dto::UsageDto;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The first event of every stream, as far as all streams have it alike.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = StreamEvent, example = json!({ "stream_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e" }))]
pub struct StreamEventDto {
    /// The stream, for `GET /reason/stream/{stream_id}`.
    pub stream_id: String,
}

/// The last event of a stream that succeeded, as far as all streams have it alike.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = StreamCompleteEvent, example = json!({ "status": "success", "latency_ms": 3.2 }))]
pub struct StreamCompleteEventDto {
    /// Always `success`: a stream that fails ends with `error` instead.
    pub status: String,
    /// How long it took.
    pub latency_ms: f64,
    /// What all calls to models came to, where any provider says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub usage: Option<UsageDto>,
}

/// The first event of a classification: what will come. `stream_id` is in it too.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = ClassifyMetadataEvent, example = json!({
    "stream_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e", "classification_ids": ["01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5f"],
    "classifiers": ["classifier.local"],
}))]
pub struct ClassifyMetadataEventDto {
    /// The stream, for `GET /reason/stream/{stream_id}`; the stream itself adds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = true, nullable = false)]
    pub stream_id: Option<String>,
    /// The ids that the classifications will have, in the order of the messages.
    pub classification_ids: Vec<String>,
    /// The agents that may be asked, in order; `GET /observe/agents` says more about them.
    pub classifiers: Vec<String>,
}

/// A piece of what a model writes, as it writes it; for showing that something happens. The `classification` counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = DeltaEvent, example = json!({ "provider": "openai", "attempt": 1, "text": "{\"message_type\":" }))]
pub struct DeltaEventDto {
    /// The message that it is about, from 0; only where several were asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = Int32)]
    pub index: Option<i32>,
    /// Who writes.
    pub provider: String,
    /// Counts from 1 over all providers. A higher one begins anew: what lower ones wrote is void.
    #[schema(format = Int32)]
    pub attempt: i32,
    /// What comes next.
    pub text: String,
}

/// The last event of a classification that succeeded.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = ClassifyCompleteEvent, example = json!({
    "status": "success", "latency_ms": 3.2, "classification_ids": ["01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5f"],
}))]
pub struct ClassifyCompleteEventDto {
    /// Always `success`: a stream that fails ends with `error` instead.
    pub status: String,
    /// How long it took.
    pub latency_ms: f64,
    /// The ids of the classifications, in the order of the messages.
    pub classification_ids: Vec<String>,
    /// What all calls to models came to, where any provider says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub usage: Option<UsageDto>,
}

/// As the data of an event. A DTO is an object.
pub(super) fn data(dto: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(dto) {
        Ok(Value::Object(data)) => data,
        _ => Map::new(),
    }
}
