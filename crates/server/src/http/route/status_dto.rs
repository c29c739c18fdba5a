//! Where a dispatch stands, on the wire. What is absent is left out, never null.

use super::plan::DestinationDto;
use super::words::{DeliveryStateDto, DispatchStatusDto};
use crate::http::timestamp::Timestamp;
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::dispatch_status::{Attempt, DeliveryStatus, DispatchStatus};
use serde::Serialize;
use utoipa::ToSchema;

/// A dispatch as it stands. Of a delivery that was asked for by its own id, that one alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = DispatchReport, example = json!({
    "dispatch_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d62", "unit_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60",
    "classification_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e", "state": "routed", "rule": "stray", "auto_dispatch": true,
    "reason": "Above 0.7 threshold", "created_at": "2026-11-20T14:03:07.120Z",
    "progress": { "total": 1, "pending": 1, "delivered": 0, "held": 0, "exhausted": 0, "failed": 0, "unknown": 0, "cancelled": 0 },
    "deliveries": [{
        "delivery_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d61", "state": "pending", "reason": "http_503", "in_hand": false,
        "destination": { "type": "notification", "target": "slack", "channel_id": "C1", "thread_ts": "1763647387.000100" },
        "next_attempt_at": "2026-11-20T14:03:12.120Z",
        "attempts": [{
            "number": 1, "at": "2026-11-20T14:03:07.350Z", "outcome": "retryable", "code": "http_503", "took_ms": 230,
            "next_at": "2026-11-20T14:03:12.120Z",
        }],
    }],
}))]
pub struct DispatchReportDto {
    /// The dispatch.
    pub dispatch_id: String,
    /// The unit of messages that it is about.
    pub unit_id: String,
    /// What they were understood to mean.
    pub classification_id: String,
    /// Where it stands.
    pub state: DispatchStatusDto,
    /// The rule that made it.
    #[schema(example = "stray")]
    pub rule: String,
    /// Whether without a person's word.
    pub auto_dispatch: bool,
    /// Why.
    #[schema(example = "Above 0.7 threshold")]
    pub reason: String,
    /// The dispatch that it replays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub replay_of: Option<String>,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// How many deliveries stand where.
    pub progress: ProgressDto,
    /// Each of them.
    pub deliveries: Vec<DeliveryReportDto>,
}

/// How many deliveries stand where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
#[schema(as = DispatchProgress, example = json!({
    "total": 2, "pending": 1, "delivered": 1, "held": 0, "exhausted": 0, "failed": 0, "unknown": 0, "cancelled": 0,
}))]
#[allow(missing_docs)] // they are the states of deliveries
pub struct ProgressDto {
    #[schema(format = Int32)]
    pub total: u32,
    #[schema(format = Int32)]
    pub pending: u32,
    #[schema(format = Int32)]
    pub delivered: u32,
    #[schema(format = Int32)]
    pub held: u32,
    #[schema(format = Int32)]
    pub exhausted: u32,
    #[schema(format = Int32)]
    pub failed: u32,
    #[schema(format = Int32)]
    pub unknown: u32,
    #[schema(format = Int32)]
    pub cancelled: u32,
}

/// One delivery as it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = DeliveryReport, example = json!({
    "delivery_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d61", "state": "delivered", "in_hand": false,
    "destination": { "type": "notification", "target": "slack", "channel_id": "C1", "thread_ts": "1763647387.000100" },
    "settled_at": "2026-11-20T14:03:07.350Z",
    "attempts": [{ "number": 1, "at": "2026-11-20T14:03:07.350Z", "outcome": "delivered", "took_ms": 230 }],
}))]
pub struct DeliveryReportDto {
    /// The delivery.
    pub delivery_id: String,
    /// Where it goes.
    pub destination: DestinationDto,
    /// Where it stands.
    pub state: DeliveryStateDto,
    /// Why it is not delivered, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "http_503")]
    pub reason: Option<String>,
    /// Whether it is being tried right now.
    pub in_hand: bool,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub next_attempt_at: Option<Timestamp>,
    /// Until when its destination is left alone, or its channel has had its share; `reason` is `breaker_open` or `rate_limited` then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub held_until: Option<Timestamp>,
    /// The delivery that has to arrive first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub after: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub settled_at: Option<Timestamp>,
    /// Each attempt, the first one first.
    pub attempts: Vec<AttemptDto>,
    /// Missions and listings that it made and that are in the brokerage's tables no more. A replay with `force` makes them anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d80"]))]
    pub gone: Vec<String>,
}

/// One attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Attempt, example = json!({
    "number": 1, "at": "2026-11-20T14:03:07.350Z", "outcome": "retryable", "code": "http_503", "took_ms": 230,
    "next_at": "2026-11-20T14:03:12.120Z",
}))]
pub struct AttemptDto {
    /// Counts from 1; it goes on when a delivery that had ended is tried anew.
    #[schema(format = Int32, example = 1)]
    pub number: u32,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `delivered`, `retryable`, `permanent`, `unwanted`, `ambiguous` (it may have arrived), or `unknown` (nobody can tell).
    #[schema(example = "retryable")]
    pub outcome: String,
    /// Why it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "http_503")]
    pub code: Option<String>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Int64, nullable = false, example = 230)]
    pub took_ms: Option<u64>,
    /// When the next one was to follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub next_at: Option<Timestamp>,
}

impl From<DispatchStatus> for DispatchReportDto {
    fn from(status: DispatchStatus) -> Self {
        let states: Vec<DeliveryState> = status.deliveries.iter().map(|one| one.state).collect();
        Self {
            dispatch_id: status.dispatch_id.to_string(),
            unit_id: status.unit_id.to_string(),
            classification_id: status.classification_id.to_string(),
            state: DispatchStatusDto::of(&states),
            rule: status.rule,
            auto_dispatch: status.routing.auto_dispatch,
            reason: status.routing.reason,
            replay_of: status.replay_of.map(|id| id.to_string()),
            created_at: status.created_at.into(),
            progress: ProgressDto::of(&states),
            deliveries: status.deliveries.into_iter().map(Into::into).collect(),
        }
    }
}

impl ProgressDto {
    fn of(states: &[DeliveryState]) -> Self {
        let mut progress = Self::default();
        for state in states {
            progress.total += 1;
            *match state {
                DeliveryState::Pending => &mut progress.pending,
                DeliveryState::Delivered => &mut progress.delivered,
                DeliveryState::Held => &mut progress.held,
                DeliveryState::Exhausted => &mut progress.exhausted,
                DeliveryState::Failed => &mut progress.failed,
                DeliveryState::Unknown => &mut progress.unknown,
                DeliveryState::Cancelled => &mut progress.cancelled,
            } += 1;
        }
        progress
    }
}

impl From<DeliveryStatus> for DeliveryReportDto {
    fn from(delivery: DeliveryStatus) -> Self {
        Self {
            delivery_id: delivery.delivery_id.to_string(),
            destination: (&delivery.destination).into(),
            state: delivery.state.into(),
            reason: delivery.reason,
            in_hand: delivery.in_hand,
            next_attempt_at: delivery.next_attempt_at.map(Into::into),
            held_until: delivery.held_until.map(Into::into),
            after: delivery.after.map(|id| id.to_string()),
            settled_at: delivery.settled_at.map(Into::into),
            attempts: delivery.attempts.into_iter().map(Into::into).collect(),
            gone: delivery.gone,
        }
    }
}

impl From<Attempt> for AttemptDto {
    fn from(attempt: Attempt) -> Self {
        Self {
            number: attempt.number,
            at: attempt.at.into(),
            outcome: attempt.outcome,
            code: attempt.code,
            took_ms: attempt.took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            next_at: attempt.next_at.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_counted_once() {
        let progress = serde_json::to_value(ProgressDto::of(&DeliveryState::ALL)).expect("JSON");
        for state in DeliveryState::ALL {
            assert_eq!(progress[state.as_str()], 1, "{progress}");
        }
        assert_eq!(progress["total"], DeliveryState::ALL.len());
    }
}
