//! Replays on the wire. What is absent is left out, never null.

use super::dto::DispatchedDeliveryDto;
use super::plan::{DestinationDto, PlannedDeliveryDto};
use super::words::{DeliveryStateDto, ReplayOutcomeDto, StageDto};
use crate::http::reason::MessageTypeDto;
use dispatch_classification::classifier::Classified;
use dispatch_pipeline::replay::Rehearsal;
use dispatch_routing::replay::{ReplayOutcome, Replayed, Skipped};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is to be done once more.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = ReplayRequest, example = json!({ "from": "deliver", "reason": "The channel is back" }))]
pub struct ReplayRequestDto {
    /// From where on. Unless said otherwise: `classify` for an event or a unit, `route` for a classification, `deliver` for a dispatch or a
    /// delivery.
    #[schema(nullable = false)]
    pub from: Option<StageDto>,
    /// Whether nothing is to be changed, only shown.
    #[schema(default = false)]
    pub dry_run: bool,
    /// Whether also what succeeded is done once more.
    #[schema(default = false)]
    pub force: bool,
    /// What there is to say about it: at most 500 characters; it stands in the story.
    #[schema(nullable = false, max_length = 500)]
    pub reason: Option<String>,
}

/// What a replay came to, or would come to.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = Replay, example = json!({
    "replay_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d70", "unit_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60", "from": "deliver", "forced": false,
    "dry_run": false, "outcome": "dispatched",
    "deliveries": [{
        "delivery_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d61", "state": "pending", "reason": "channel_not_found",
        "destination": { "type": "notification", "target": "slack", "channel_id": "C1", "thread_ts": "1763647387.000100" },
    }],
    "skipped": [{
        "delivery_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d6f", "state": "delivered",
        "destination": { "type": "storage", "target": "supabase", "table": "dispatch_agent_tasks" },
    }],
}))]
pub struct ReplayDto {
    /// Its record; none for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub replay_id: Option<String>,
    /// The unit of messages.
    pub unit_id: String,
    /// From where on.
    pub from: StageDto,
    /// Whether also what had succeeded.
    pub forced: bool,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// What was done, or would be.
    pub outcome: ReplayOutcomeDto,
    /// The dispatch that was made, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub dispatch_id: Option<String>,
    /// The deliveries that were made or are due again; of a dry run those that would be due again, as they stand.
    pub deliveries: Vec<DispatchedDeliveryDto>,
    /// What was left alone, or would be: it succeeded, is under way, waits for somebody, or is not wanted any more.
    pub skipped: Vec<SkippedDto>,
    /// What would be different; of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub difference: Option<DifferenceDto>,
}

/// A delivery that stands for what was wanted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Skipped, example = json!({
    "delivery_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d6f", "state": "delivered",
    "destination": { "type": "storage", "target": "supabase", "table": "dispatch_agent_tasks" },
}))]
pub struct SkippedDto {
    /// The delivery.
    pub delivery_id: String,
    /// Where it goes.
    pub destination: DestinationDto,
    /// Where it stands.
    pub state: DeliveryStateDto,
}

/// What a replay would make different.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = Difference, example = json!({
    "was": { "message_type": "STRAY", "key": "OPS_MISC_TASK", "confidence": 0.62 },
    "now": { "message_type": "STRAY", "key": "OPS_MISC_TASK", "confidence": 0.91 },
    "rule": "stray", "auto_dispatch": true, "reason": "Above 0.7 threshold",
    "planned": [{
        "destination": { "type": "storage", "target": "supabase", "table": "dispatch_agent_tasks" },
        "rows": [{ "table": "dispatch_agent_tasks", "title": "Order the lockbox", "mission_type": "ADMIN" }],
    }],
}))]
pub struct DifferenceDto {
    /// What the messages were understood to mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub was: Option<UnderstoodDto>,
    /// What they are understood to mean now; from `classify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub now: Option<UnderstoodDto>,
    /// The rule of the policy that would decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "stray")]
    pub rule: Option<String>,
    /// Whether without a person's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub auto_dispatch: Option<bool>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Above 0.7 threshold")]
    pub reason: Option<String>,
    /// Why it would wait for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "below_threshold")]
    pub held_for: Option<String>,
    /// What would be dispatched in addition to what there is.
    pub planned: Vec<PlannedDeliveryDto>,
}

/// What messages mean, in short.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = Understood, example = json!({ "message_type": "STRAY", "key": "OPS_MISC_TASK", "confidence": 0.91 }))]
pub struct UnderstoodDto {
    /// What sort of message.
    pub message_type: MessageTypeDto,
    /// The group or task key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "OPS_MISC_TASK")]
    pub key: Option<String>,
    /// How sure that is.
    #[schema(minimum = 0, maximum = 1, example = 0.91)]
    pub confidence: f64,
}

impl From<Replayed> for ReplayDto {
    fn from(replayed: Replayed) -> Self {
        Self {
            replay_id: Some(replayed.replay_id.to_string()),
            unit_id: replayed.unit_id.to_string(),
            from: replayed.stage.into(),
            forced: replayed.force,
            dry_run: false,
            outcome: replayed.outcome.into(),
            dispatch_id: replayed.dispatch_id.map(|id| id.to_string()),
            deliveries: replayed.deliveries.into_iter().map(Into::into).collect(),
            skipped: replayed.skipped.iter().map(Into::into).collect(),
            difference: None,
        }
    }
}

impl From<Rehearsal> for ReplayDto {
    fn from(rehearsal: Rehearsal) -> Self {
        let outcome = match &rehearsal {
            Rehearsal { held_for: Some(_), .. } => ReplayOutcome::Held,
            Rehearsal { planned, due, .. } if planned.is_empty() && due.is_empty() => ReplayOutcome::Nothing,
            _ => ReplayOutcome::Dispatched,
        };
        let (routing, rule) = rehearsal.decided.unzip();
        let difference = DifferenceDto {
            was: rehearsal.was.as_ref().map(Into::into),
            now: rehearsal.now.as_ref().map(Into::into),
            rule,
            auto_dispatch: routing.as_ref().map(|routing| routing.auto_dispatch),
            reason: routing.map(|routing| routing.reason),
            held_for: rehearsal.held_for,
            planned: rehearsal.planned.iter().map(Into::into).collect(),
        };
        Self {
            replay_id: None,
            unit_id: rehearsal.unit_id.to_string(),
            from: rehearsal.stage.into(),
            forced: rehearsal.force,
            dry_run: true,
            outcome: outcome.into(),
            dispatch_id: None,
            deliveries: rehearsal.due.into_iter().map(Into::into).collect(),
            skipped: rehearsal.skipped.iter().map(Into::into).collect(),
            difference: Some(difference),
        }
    }
}

impl From<&Skipped> for SkippedDto {
    fn from(skipped: &Skipped) -> Self {
        Self {
            delivery_id: skipped.delivery_id.to_string(),
            destination: (&skipped.destination).into(),
            state: skipped.state.into(),
        }
    }
}

impl From<&Classified> for UnderstoodDto {
    fn from(classified: &Classified) -> Self {
        let (meaning, confidence) = (&classified.classification.meaning, classified.classification.confidence.get());
        let group = meaning.group_key().map(|key| key.as_str());
        let key = group.or_else(|| meaning.task_key().map(|key| key.as_str()));
        Self {
            message_type: meaning.message_type().into(),
            key: key.map(str::to_owned),
            // As people write it, not as binary fractions widen it.
            confidence: (f64::from(confidence) * 10_000.0).round() / 10_000.0,
        }
    }
}
