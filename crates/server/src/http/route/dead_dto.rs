//! Dead letters on the wire. What is absent is left out, never null; an owner is never a phone number.

use super::cursor;
use super::plan::DestinationDto;
use super::words::{DeliveryStateDto, FaultClassDto, OwnerKindDto};
use crate::http::timestamp::Timestamp;
use dispatch_routing::dead_letters::{Dead, DeadLetter, DeadPage, FaultClass};
use serde::Serialize;
use utoipa::ToSchema;

/// What ended without success.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter, example = json!({
    "id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d61", "kind": "slack", "unit_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60",
    "dispatch_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d62", "state": "failed", "reason": "channel_not_found", "class": "target",
    "destination": { "type": "notification", "target": "slack", "channel_id": "C1", "thread_ts": "1763647387.000100" },
    "owner": { "kind": "destination", "name": "slack C1" },
    "attempts": 1, "dead_since": "2026-11-20T14:03:07.120Z", "age_seconds": 5400,
}))]
pub struct DeadLetterDto {
    /// The unit or the delivery; what a replay is asked for by.
    pub id: String,
    /// `unit` for messages that nobody could understand; else the kind of destination: `storage`, `slack`, `sms`, …
    #[schema(example = "slack")]
    pub kind: String,
    /// The unit of messages that it is or belongs to.
    pub unit_id: String,
    /// Its dispatch; for deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub dispatch_id: Option<String>,
    /// How it ended; for deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub state: Option<DeliveryStateDto>,
    /// Why: a stable code.
    #[schema(example = "channel_not_found")]
    pub reason: String,
    /// Whose fault it is.
    pub class: FaultClassDto,
    /// Where it was to go; for deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub destination: Option<DestinationDto>,
    /// Who should look at it.
    pub owner: OwnerDto,
    /// Attempts since it last became due.
    #[schema(format = Int32, example = 1)]
    pub attempts: u32,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub dead_since: Timestamp,
    /// How long ago that is.
    #[schema(format = Int64, example = 5400)]
    pub age_seconds: u64,
}

/// Who should look at it: whose message it is where Dispatch is at fault, else who keeps the destination.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Owner, example = json!({ "kind": "realtor", "id": "01JC8PZV0A4M8K2T6R3Y5W7Q", "name": "Maria Lopez" }))]
pub struct OwnerDto {
    /// In which list they stand.
    pub kind: OwnerKindDto,
    /// The id there; for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<String>,
    /// The name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
}

/// One page of dead letters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = DeadPage, example = json!({ "items": [{
    "id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60", "kind": "unit", "unit_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60",
    "reason": "attempts_exhausted", "class": "pipeline", "owner": { "kind": "operator" },
    "attempts": 5, "dead_since": "2026-11-20T14:03:07.120Z", "age_seconds": 5400,
}] }))]
pub struct DeadPageDto {
    /// The dead letters.
    pub items: Vec<DeadLetterDto>,
    /// Pass it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
}

impl From<DeadLetter> for DeadLetterDto {
    fn from(letter: DeadLetter) -> Self {
        let (kind, class) = (letter.kind().as_str().to_owned(), letter.class());
        let (dispatch_id, destination, state) = match &letter.what {
            Dead::Unit => (None, None, None),
            Dead::Delivery { dispatch_id, destination, state, .. } => {
                (Some(dispatch_id.to_string()), Some(destination.into()), Some((*state).into()))
            }
        };
        Self {
            id: letter.id.to_string(),
            kind,
            unit_id: letter.unit_id.to_string(),
            dispatch_id,
            state,
            reason: letter.reason.clone(),
            class: class.into(),
            owner: owner(&letter, class, destination.as_ref()),
            destination,
            attempts: letter.attempts,
            dead_since: letter.since.into(),
            age_seconds: letter.age.as_secs(),
        }
    }
}

fn owner(letter: &DeadLetter, class: FaultClass, destination: Option<&DestinationDto>) -> OwnerDto {
    match (class, destination, &letter.author) {
        (FaultClass::Target, Some(to), _) => {
            let place = to.channel_id.as_ref().map_or_else(|| to.target.clone(), |id| format!("{} {id}", to.target));
            OwnerDto { kind: OwnerKindDto::Destination, id: None, name: Some(place) }
        }
        (_, _, Some(person)) => {
            OwnerDto { kind: person.kind.into(), id: Some(person.id.clone()), name: person.name.clone() }
        }
        _ => OwnerDto { kind: OwnerKindDto::Operator, id: None, name: None },
    }
}

impl From<DeadPage> for DeadPageDto {
    fn from(page: DeadPage) -> Self {
        Self {
            next_cursor: page.next.as_ref().map(cursor::encode_dead),
            items: page.items.into_iter().map(Into::into).collect(),
        }
    }
}
