//! A classification on the wire. What is absent is left out, never null.

use super::words::{GroupKeyDto, ListingTypeDto, MessageTypeDto, TaskKeyDto};
use crate::http::timestamp::Timestamp;
use crate::openapi::JsonObject;
use dispatch_classification::classification::{ListingHint, SCHEMA_VERSION};
use dispatch_classification::classifier::{Provenance, Usage};
use dispatch_pipeline::classify;
use dispatch_pipeline::ports::classifications::{KeptClassification, Preview};
use serde::Serialize;
use time::macros::format_description;
use utoipa::ToSchema;

/// What a message means, who says so, and what would be done about it.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = Classification, example = json!({
    "classification_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e", "schema_version": 1, "message_type": "STRAY",
    "task_key": "OPS_MISC_TASK", "listing": { "address": "12 Elm St" }, "due_date": "2026-11-27T17:00",
    "task_title": "Order the lockbox for 12 Elm St", "confidence": 0.92, "explanations": ["asks for work: \"order\""],
    "provenance": { "provider": "local", "model": "local-2", "latency_ms": 0.4 },
    "routing_decision": { "auto_dispatch": true, "reason": "Above 0.7 threshold", "rule": "stray" },
    "created_at": "2026-11-20T14:03:07.120Z",
}))]
pub struct ClassificationDto {
    /// Its place among the messages of the request, from 0; absent in the stream about one `message`, and where it is shown alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = Int32)]
    pub index: Option<i32>,
    /// Its id.
    pub classification_id: String,
    /// Version of the shape of a classification.
    #[schema(format = Int32)]
    pub schema_version: i32,
    /// What sort of message it is.
    pub message_type: MessageTypeDto,
    /// What is declared; for GROUP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub group_key: Option<GroupKeyDto>,
    /// What is to be done; for STRAY.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub task_key: Option<TaskKeyDto>,
    /// The listing that it speaks of.
    pub listing: ListingHintDto,
    /// Somebody who is named to do the work, as typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub assignee_hint: Option<String>,
    /// When the work is due: local wall time of the brokerage, `YYYY-MM-DDTHH:MM`; no instant, so without a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub due_date: Option<String>,
    /// What to call the work: at most 80 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub task_title: Option<String>,
    /// How sure the classifier is of type and key, 0 to 1.
    pub confidence: f64,
    /// The evidence, or what is missing; short phrases for people.
    pub explanations: Vec<String>,
    /// Who says so.
    pub provenance: ProvenanceDto,
    /// What the policy would do; for a unit, what it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub routing_decision: Option<RoutingPreviewDto>,
    /// The unit of messages that it is the meaning of; absent for a text that somebody asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unit_id: Option<String>,
    /// What came with the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub metadata: Option<JsonObject>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// What a message says about a listing.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = ListingHint, example = json!({ "type": "SALE", "address": "12 Elm St" }))]
pub struct ListingHintDto {
    /// Sale or lease, when explicit or clearly implied.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub kind: Option<ListingTypeDto>,
    /// The address as typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
}

/// Who classified, and how.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = Provenance, example = json!({ "provider": "local", "model": "local-2", "latency_ms": 0.4 }))]
pub struct ProvenanceDto {
    /// `local`, or the model provider's name.
    pub provider: String,
    /// The rule set's or the model's name and version.
    pub model: String,
    /// Version of the prompt, where one was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub prompt_version: Option<String>,
    /// How long it took, with everybody who was asked before.
    pub latency_ms: f64,
    /// What the calls came to, where a provider says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub usage: Option<UsageDto>,
    /// Why better minds were not asked or not heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub fallback_reason: Option<String>,
}

/// What calls to a model came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Usage, example = json!({ "input_tokens": 812, "output_tokens": 64, "cost_micros": 42 }))]
pub struct UsageDto {
    /// Tokens that were sent.
    #[schema(format = Int64)]
    pub input_tokens: u64,
    /// Tokens that were written.
    #[schema(format = Int64)]
    pub output_tokens: u64,
    /// In millionths of a US dollar, where prices are configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = Int64)]
    pub cost_micros: Option<u64>,
}

/// What the policy would do, had the message come in by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = RoutingPreview, example = json!({
    "auto_dispatch": true, "reason": "Above 0.7 threshold", "rule": "stray",
}))]
pub struct RoutingPreviewDto {
    /// Whether Dispatch acts without a person's word.
    pub auto_dispatch: bool,
    /// One sentence.
    pub reason: String,
    /// The rule that decides, by its name in the policy file.
    pub rule: String,
}

/// The meanings of several messages, in their order.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = ClassificationList, example = json!({ "items": [{
    "index": 0, "classification_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e", "schema_version": 1, "message_type": "IGNORE",
    "listing": {}, "confidence": 0.97, "explanations": ["chatter: \"lol\""],
    "provenance": { "provider": "local", "model": "local-2", "latency_ms": 0.4 },
    "routing_decision": { "auto_dispatch": true, "reason": "Chatter: nothing to do", "rule": "ignore" },
    "created_at": "2026-11-20T14:03:07.120Z",
}] }))]
pub struct ClassificationListDto {
    /// One for each message.
    pub items: Vec<ClassificationDto>,
    /// What all calls to models came to, where any provider says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub usage: Option<UsageDto>,
}

impl ClassificationDto {
    /// The same, at this place of a request.
    pub(super) fn at(self, index: usize) -> Self {
        Self { index: i32::try_from(index).ok(), ..self }
    }
}

impl From<KeptClassification> for ClassificationDto {
    fn from(kept: KeptClassification) -> Self {
        let meaning = kept.classified.classification;
        let minutes = format_description!("[year]-[month]-[day]T[hour]:[minute]");
        Self {
            index: None,
            classification_id: kept.classification_id.to_string(),
            schema_version: i32::from(SCHEMA_VERSION),
            message_type: meaning.meaning.message_type().into(),
            group_key: meaning.meaning.group_key().map(Into::into),
            task_key: meaning.meaning.task_key().map(Into::into),
            listing: meaning.listing.into(),
            assignee_hint: meaning.assignee_hint,
            due_date: meaning.due_date.and_then(|at| at.format(minutes).ok()),
            task_title: meaning.task_title.map(|title| title.to_string()),
            confidence: rounded(f64::from(meaning.confidence.get())),
            explanations: meaning.explanations,
            provenance: kept.classified.provenance.into(),
            routing_decision: kept.preview.map(Into::into),
            unit_id: kept.unit_id.map(|unit| unit.to_string()),
            metadata: (!kept.metadata.is_empty()).then_some(JsonObject(kept.metadata)),
            created_at: kept.created_at.into(),
        }
    }
}

impl From<Vec<KeptClassification>> for ClassificationListDto {
    fn from(kept: Vec<KeptClassification>) -> Self {
        let usage = classify::usage(&kept).map(Into::into);
        let items = kept.into_iter().enumerate().map(|(index, kept)| ClassificationDto::from(kept).at(index));
        Self { items: items.collect(), usage }
    }
}

impl From<ListingHint> for ListingHintDto {
    fn from(hint: ListingHint) -> Self {
        Self { kind: hint.kind.map(Into::into), address: hint.address }
    }
}

impl From<Provenance> for ProvenanceDto {
    fn from(said: Provenance) -> Self {
        Self {
            provider: said.provider,
            model: said.model,
            prompt_version: said.prompt_version,
            latency_ms: said.latency_us as f64 / 1000.0,
            usage: said.usage.map(Into::into),
            fallback_reason: said.fallback_reason,
        }
    }
}

impl From<Usage> for UsageDto {
    fn from(usage: Usage) -> Self {
        Self { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens, cost_micros: usage.cost_micros }
    }
}

impl From<Preview> for RoutingPreviewDto {
    fn from(preview: Preview) -> Self {
        let Preview { routing, rule } = preview;
        Self { auto_dispatch: routing.auto_dispatch, reason: routing.reason, rule }
    }
}

/// As people write it, not as binary fractions widen it.
fn rounded(confidence: f64) -> f64 {
    (confidence * 10_000.0).round() / 10_000.0
}
