//! Held work on the wire. What is absent is left out, never null; an author is never a phone number.

use super::cursor;
use super::plan::{DestinationDto, PlannedDeliveryDto};
use super::replay_dto::SkippedDto;
use super::words::{DeliveryStateDto, DispatchStatusDto, PersonKindDto};
use crate::http::reason::{ClassificationDto, MessageSourceDto};
use crate::http::timestamp::Timestamp;
use dispatch_mission::mission::RoutingDecision;
use dispatch_mission::signal::Source;
use dispatch_pipeline::ports::classifications::{KeptClassification, Preview};
use dispatch_pipeline::route::{Waiting, WaitingPage};
use dispatch_routing::held_work::{Dismissed, Dispatched, DispatchedDelivery, HeldUnit};
use serde::Serialize;
use serde_json::Map;
use utoipa::ToSchema;

/// How much of the messages is shown.
const EXCERPT: usize = 280;

/// A unit of messages that waits for a person.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = HeldUnit, example = json!({
    "unit_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60", "reason": "below_threshold", "rule": "below_threshold",
    "held_since": "2026-11-20T14:03:07.120Z", "age_seconds": 5400, "source": "slack",
    "author": { "kind": "realtor", "id": "01JC8PZV0A4M8K2T6R3Y5W7Q", "name": "Maria Lopez", "slack_user_id": "U1" },
    "messages": 1, "excerpt": "could someone order the lockbox for elm",
    "classification": {
        "classification_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e", "schema_version": 1, "message_type": "STRAY",
        "task_key": "OPS_MISC_TASK", "listing": {}, "task_title": "Order the lockbox for elm", "confidence": 0.62,
        "explanations": ["asks for work: \"order\""],
        "provenance": { "provider": "local", "model": "local-2", "latency_ms": 0.4 },
        "routing_decision": { "auto_dispatch": false, "reason": "Below 0.7 threshold", "rule": "below_threshold" },
        "unit_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60", "created_at": "2026-11-20T14:03:07.120Z",
    },
    "suggested_plan": [{
        "destination": { "type": "storage", "target": "supabase", "table": "dispatch_agent_tasks" },
        "rows": [{ "table": "dispatch_agent_tasks", "title": "Order the lockbox for elm", "mission_type": "ADMIN" }],
    }],
}))]
pub struct HeldUnitDto {
    /// Its id.
    pub unit_id: String,
    /// Why it waits: `below_threshold`, `attachment_only`, `realtor_unresolved`, …
    #[schema(example = "below_threshold")]
    pub reason: String,
    /// The rule of the policy that said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "below_threshold")]
    pub rule: Option<String>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub held_since: Timestamp,
    /// How long that is.
    #[schema(format = Int64, example = 5400)]
    pub age_seconds: u64,
    /// When it lapses by itself, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub expires_at: Option<Timestamp>,
    /// Where it was written.
    pub source: MessageSourceDto,
    /// Who wrote it, as the brokerage or Slack knows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub author: Option<AuthorDto>,
    /// How many messages it is.
    #[schema(format = Int32, example = 1)]
    pub messages: usize,
    /// The beginning of what they say: at most 280 characters.
    #[schema(max_length = 280, example = "could someone order the lockbox for elm")]
    pub excerpt: String,
    /// What it was understood to mean.
    pub classification: ClassificationDto,
    /// What is done if somebody confirms it; empty for chatter, which is dismissed or sent to destinations of somebody's choice.
    pub suggested_plan: Vec<PlannedDeliveryDto>,
}

/// Who wrote a message.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
#[schema(as = Author, example = json!({ "kind": "realtor", "id": "01JC8PZV0A4M8K2T6R3Y5W7Q", "name": "Maria Lopez" }))]
pub struct AuthorDto {
    /// In which list of the brokerage.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub kind: Option<PersonKindDto>,
    /// The id there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<String>,
    /// The name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// The account; for messages of Slack.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub slack_user_id: Option<String>,
}

/// One page of what waits, what has waited longest first.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = HeldPage, example = json!({ "items": [{
        "unit_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60", "reason": "below_threshold", "rule": "below_threshold",
        "held_since": "2026-11-20T14:03:07.120Z", "age_seconds": 5400, "source": "slack",
        "author": { "kind": "realtor", "id": "01JC8PZV0A4M8K2T6R3Y5W7Q", "name": "Maria Lopez", "slack_user_id": "U1" },
        "messages": 1, "excerpt": "could someone order the lockbox for elm",
        "classification": {
            "classification_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e", "schema_version": 1, "message_type": "STRAY",
            "task_key": "OPS_MISC_TASK", "listing": {}, "task_title": "Order the lockbox for elm", "confidence": 0.62,
            "explanations": ["asks for work: \"order\""],
            "provenance": { "provider": "local", "model": "local-2", "latency_ms": 0.4 },
            "routing_decision": { "auto_dispatch": false, "reason": "Below 0.7 threshold", "rule": "below_threshold" },
            "unit_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60", "created_at": "2026-11-20T14:03:07.120Z",
        },
        "suggested_plan": [{
            "destination": { "type": "storage", "target": "supabase", "table": "dispatch_agent_tasks" },
            "rows": [{ "table": "dispatch_agent_tasks", "title": "Order the lockbox for elm", "mission_type": "ADMIN" }],
        }],
    }] }))]
pub struct HeldPageDto {
    /// The units.
    pub items: Vec<HeldUnitDto>,
    /// Pass it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
}

/// A dispatch that was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = DispatchReceipt, example = json!({
    "dispatch_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d62", "unit_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60", "status": "routed",
    "deliveries": [{
        "delivery_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d61", "state": "delivered",
        "destination": { "type": "storage", "target": "supabase", "table": "dispatch_agent_tasks" },
    }],
}))]
pub struct DispatchReceiptDto {
    /// The dispatch.
    pub dispatch_id: String,
    /// The unit that it is of.
    pub unit_id: String,
    /// Where it stands.
    pub status: DispatchStatusDto,
    /// Each destination.
    pub deliveries: Vec<DispatchedDeliveryDto>,
    /// What was left alone, for it is there or on its way: of a further dispatch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub skipped: Vec<SkippedDto>,
}

/// One delivery of a dispatch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = DispatchedDelivery, example = json!({
    "delivery_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d61", "state": "delivered",
    "destination": { "type": "storage", "target": "supabase", "table": "dispatch_agent_tasks" },
}))]
pub struct DispatchedDeliveryDto {
    /// The delivery.
    pub delivery_id: String,
    /// Where it goes.
    pub destination: DestinationDto,
    /// Where it stands.
    pub state: DeliveryStateDto,
    /// Why it is not delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "realtor_unresolved")]
    pub reason: Option<String>,
}

/// A unit that was dismissed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Dismissed, example = json!({
    "unit_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60", "state": "dismissed", "dismissed_at": "2026-11-20T15:03:07.120Z",
}))]
pub struct DismissedDto {
    /// The unit.
    pub unit_id: String,
    /// `dismissed`.
    #[schema(example = "dismissed")]
    pub state: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub dismissed_at: Timestamp,
}

impl From<Waiting> for HeldUnitDto {
    fn from(Waiting { held, plan }: Waiting) -> Self {
        Self {
            unit_id: held.unit.unit_id.to_string(),
            reason: held.reason.clone(),
            rule: held.decided.as_ref().map(|(_, rule)| rule.clone()),
            held_since: held.since.into(),
            age_seconds: held.age.as_secs(),
            expires_at: held.expires_at.map(Into::into),
            source: held.unit.conversation.source.into(),
            author: author(&held),
            messages: held.unit.members.len(),
            excerpt: excerpt(&held.unit.notes()),
            suggested_plan: plan.iter().map(Into::into).collect(),
            classification: classification(held),
        }
    }
}

fn author(held: &HeldUnit) -> Option<AuthorDto> {
    let slack_user_id = (held.unit.conversation.source == Source::Slack).then(|| held.unit.author.clone());
    let known = held.author.clone().map(|person| AuthorDto {
        kind: Some(person.kind.into()),
        id: Some(person.id),
        name: person.name,
        slack_user_id: None,
    });
    let author = AuthorDto { slack_user_id, ..known.unwrap_or_default() };
    (author != AuthorDto::default()).then_some(author)
}

fn excerpt(text: &str) -> String {
    if text.chars().count() <= EXCERPT {
        return text.to_owned();
    }
    text.chars().take(EXCERPT - 1).chain(['…']).collect()
}

fn classification(held: HeldUnit) -> ClassificationDto {
    let preview = |(routing, rule): (RoutingDecision, String)| Preview { routing, rule };
    ClassificationDto::from(KeptClassification {
        classification_id: held.classification_id,
        classified: held.classified,
        preview: held.decided.map(preview),
        unit_id: Some(held.unit.unit_id),
        principal: None,
        metadata: Map::new(),
        created_at: held.classified_at,
    })
}

impl From<WaitingPage> for HeldPageDto {
    fn from(page: WaitingPage) -> Self {
        Self {
            next_cursor: page.next.as_ref().map(cursor::encode),
            items: page.items.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Dispatched> for DispatchReceiptDto {
    fn from(dispatched: Dispatched) -> Self {
        Self {
            dispatch_id: dispatched.dispatch_id.to_string(),
            unit_id: dispatched.unit_id.to_string(),
            status: DispatchStatusDto::of(&dispatched.deliveries.iter().map(|one| one.state).collect::<Vec<_>>()),
            deliveries: dispatched.deliveries.into_iter().map(Into::into).collect(),
            skipped: dispatched.skipped.iter().map(Into::into).collect(),
        }
    }
}

impl From<DispatchedDelivery> for DispatchedDeliveryDto {
    fn from(delivery: DispatchedDelivery) -> Self {
        Self {
            delivery_id: delivery.delivery_id.to_string(),
            destination: (&delivery.destination).into(),
            state: delivery.state.into(),
            reason: delivery.reason,
        }
    }
}

impl From<Dismissed> for DismissedDto {
    fn from(dismissed: Dismissed) -> Self {
        Self {
            unit_id: dismissed.unit_id.to_string(),
            state: "dismissed".to_owned(),
            dismissed_at: dismissed.at.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_never_longer_than_it_may_be() {
        assert_eq!(excerpt("short"), "short");
        assert_eq!(excerpt(&"é".repeat(280)), "é".repeat(280));
        let cut = excerpt(&"é".repeat(281));
        assert_eq!((cut.chars().count(), cut.ends_with("é…")), (280, true));
    }
}
