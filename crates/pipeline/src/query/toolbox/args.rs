//! What the tools take: what a model writes and what the local mind asks for is read in one way, strictly. Must not know
//! who asks.

use super::ToolError;
use crate::ports::records::{DeliverySearch, ListingSearch, MissionSearch, Person, SignalSearch, Span};
use crate::query::wall::Wall;
use dispatch_mission::ids::{ListingId, RealtorId, StaffId, UnitId};
use dispatch_mission::mission::MissionKind;
use dispatch_mission::signal::Source;
use dispatch_mission::status::MissionStatus;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The longest text that an argument may have, in characters.
const MOST_CHARS: usize = 200;

/// A span of time. Each end is a local day (`2026-11-27`), a local time (`2026-11-27T17:00`) or an instant
/// (`2026-11-27T22:00:00Z`); a day is included whole.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpanArgs {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
}

/// Where a mission stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusArg {
    /// Open, and nobody's yet.
    Active,
    Claimed,
    InProgress,
    Done,
    Failed,
    Cancelled,
    /// Open, but a question must be answered first.
    NeedsInfo,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KindArg {
    /// Work on a listing.
    Activity,
    /// Work for a realtor.
    AgentTask,
}

/// Everything that is given must hold.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MissionArgs {
    /// Words of its title or description, such as `lockbox`; all must be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<String>,
    /// A street address or the beginning of one, such as `12 Elm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listing_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<KindArg>,
    /// None: in any.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(max = 7))]
    pub(crate) statuses: Vec<StatusArg>,
    /// A `staff_id` as `find_people` gives it, `me`, or `nobody`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assigned_to: Option<String>,
    /// As `find_people` gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) realtor_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<SpanArgs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) claimed: Option<SpanArgs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) completed: Option<SpanArgs>,
    /// When it is due. Overdue is: `to` now, and a status that is not done, failed or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<SpanArgs>,
    /// 1 to 50; 20 if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ListingStatusArg {
    New,
    InProgress,
    Completed,
}

/// Everything that is given must hold.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListingArgs {
    /// A street address or the beginning of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    /// As `find_people` gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) realtor_id: Option<String>,
    /// None: in any. A listing is active while it is `new` or `in_progress`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(max = 3))]
    pub(crate) statuses: Vec<ListingStatusArg>,
    /// 1 to 50; 20 if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u32>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeopleArgs {
    /// A name or the beginning of one.
    pub(crate) name: String,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourceArg {
    Slack,
    Sms,
}

/// Everything that is given must hold.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageArgs {
    /// Words of the message; all must be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<SourceArg>,
    /// The member of staff who wrote it, as `find_people` gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) author_staff_id: Option<String>,
    /// The realtor who wrote it, as `find_people` gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) author_realtor_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) received: Option<SpanArgs>,
    /// 1 to 50; 20 if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u32>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeldArgs {
    /// 1 to 50; 20 if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryStateArg {
    Pending,
    Delivered,
    Held,
    /// Every attempt failed.
    Exhausted,
    /// Refused for good.
    Failed,
    /// Nobody can tell whether it arrived.
    Unknown,
    Cancelled,
}

/// Everything that is given must hold.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryArgs {
    /// None: in any.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(length(max = 7))]
    pub(crate) states: Vec<DeliveryStateArg>,
    /// The unit that they serve, as `search_messages`, `held_work` and `tell_story` give it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unit_id: Option<String>,
    /// When it was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<SpanArgs>,
    /// 1 to 50; 20 if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u32>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoryArgs {
    /// Any id that a person may hold: of an event, unit, classification, dispatch, delivery, mission or listing, a Slack
    /// `ts` or event id, a Twilio `MessageSid`, a trace id.
    pub(crate) id: String,
}

/// The arguments as one of these; what is wrong is said so that a model can mend it.
pub(crate) fn read<'a, T: Deserialize<'a>>(arguments: &'a Value) -> Result<T, ToolError> {
    let nothing = arguments.is_null();
    let read = if nothing {
        T::deserialize(Value::Object(serde_json::Map::new())).map_err(|e| e.to_string())
    } else {
        T::deserialize(arguments).map_err(|e| e.to_string())
    };
    read.map_err(|error| ToolError::invalid(error.chars().take(300).collect::<String>()))
}

/// A text of a sensible length with something in it.
pub(crate) fn text(name: &str, given: &str) -> Result<String, ToolError> {
    let text = given.trim();
    if text.is_empty() {
        return Err(ToolError::invalid(format!("{name} is empty")));
    }
    if text.chars().count() > MOST_CHARS {
        return Err(ToolError::invalid(format!("{name} is longer than {MOST_CHARS} characters")));
    }
    Ok(text.to_owned())
}

fn some_text(name: &str, given: Option<&str>) -> Result<Option<String>, ToolError> {
    given.map(|given| text(name, given)).transpose()
}

fn span(name: &str, given: Option<&SpanArgs>, wall: Wall) -> Result<Option<Span>, ToolError> {
    let Some(given) = given else { return Ok(None) };
    let end = |text: Option<&String>, closes| {
        let Some(text) = text else { return Ok(None) };
        let read = wall.read(text, closes);
        read.map(Some).ok_or_else(|| {
            ToolError::invalid(format!("{name}: write 2026-11-27, 2026-11-27T17:00 or 2026-11-27T22:00:00Z"))
        })
    };
    Ok(Some(Span { from: end(given.from.as_ref(), false)?, to: end(given.to.as_ref(), true)? }))
}

fn unit(given: &str) -> Result<UnitId, ToolError> {
    Uuid::parse_str(given.trim()).map(UnitId).map_err(|_| ToolError::invalid("unit_id is no id of a unit"))
}

/// Each once, in one order: what is searched does not depend on how often a model repeats itself.
fn once<T: Copy + Ord>(given: &[T]) -> impl Iterator<Item = T> + use<T> {
    given.iter().copied().collect::<BTreeSet<T>>().into_iter()
}

impl MissionArgs {
    pub(crate) fn search(&self, wall: Wall, me: Option<&StaffId>) -> Result<MissionSearch, ToolError> {
        let assigned_to = match some_text("assigned_to", self.assigned_to.as_deref())?.as_deref() {
            None => None,
            Some("nobody") => Some(None),
            Some("me") => Some(Some(
                me.cloned()
                    .ok_or_else(|| ToolError::invalid("whoever asks is no member of staff: there is no `me`"))?,
            )),
            Some(id) => Some(Some(StaffId(id.to_owned()))),
        };
        Ok(MissionSearch {
            words: some_text("words", self.words.as_deref())?,
            address: some_text("address", self.address.as_deref())?,
            listing: some_text("listing_id", self.listing_id.as_deref())?.map(ListingId),
            kind: self.kind.map(|kind| match kind {
                KindArg::Activity => MissionKind::Activity,
                KindArg::AgentTask => MissionKind::AgentTask,
            }),
            statuses: once(&self.statuses).map(MissionStatus::from).collect(),
            assigned_to,
            realtor: some_text("realtor_id", self.realtor_id.as_deref())?.map(RealtorId),
            created: span("created", self.created.as_ref(), wall)?,
            claimed: span("claimed", self.claimed.as_ref(), wall)?,
            completed: span("completed", self.completed.as_ref(), wall)?,
            due: span("due", self.due.as_ref(), wall)?,
        })
    }
}

impl ListingArgs {
    pub(crate) fn search(&self) -> Result<ListingSearch, ToolError> {
        let word = |status: ListingStatusArg| match status {
            ListingStatusArg::New => "new",
            ListingStatusArg::InProgress => "in_progress",
            ListingStatusArg::Completed => "completed",
        };
        Ok(ListingSearch {
            address: some_text("address", self.address.as_deref())?,
            realtor: some_text("realtor_id", self.realtor_id.as_deref())?.map(RealtorId),
            statuses: once(&self.statuses).map(|status| word(status).to_owned()).collect(),
        })
    }
}

impl MessageArgs {
    pub(crate) fn search(&self, wall: Wall) -> Result<SignalSearch, ToolError> {
        let staff = some_text("author_staff_id", self.author_staff_id.as_deref())?;
        let realtor = some_text("author_realtor_id", self.author_realtor_id.as_deref())?;
        let author = match (staff, realtor) {
            (Some(_), Some(_)) => return Err(ToolError::invalid("a message has one author")),
            (Some(id), None) => Some(Person::Staff(StaffId(id))),
            (None, Some(id)) => Some(Person::Realtor(RealtorId(id))),
            (None, None) => None,
        };
        Ok(SignalSearch {
            words: some_text("words", self.words.as_deref())?,
            source: self.source.map(|source| match source {
                SourceArg::Slack => Source::Slack,
                SourceArg::Sms => Source::Sms,
            }),
            author,
            received: span("received", self.received.as_ref(), wall)?,
        })
    }
}

impl DeliveryArgs {
    pub(crate) fn search(&self, wall: Wall) -> Result<DeliverySearch, ToolError> {
        let word = |state: DeliveryStateArg| match state {
            DeliveryStateArg::Pending => "pending",
            DeliveryStateArg::Delivered => "delivered",
            DeliveryStateArg::Held => "held",
            DeliveryStateArg::Exhausted => "exhausted",
            DeliveryStateArg::Failed => "failed",
            DeliveryStateArg::Unknown => "unknown",
            DeliveryStateArg::Cancelled => "cancelled",
        };
        Ok(DeliverySearch {
            states: once(&self.states).map(|state| word(state).to_owned()).collect(),
            unit: self.unit_id.as_deref().map(unit).transpose()?,
            created: span("created", self.created.as_ref(), wall)?,
        })
    }
}

impl From<StatusArg> for MissionStatus {
    fn from(status: StatusArg) -> Self {
        match status {
            StatusArg::Active => Self::Active,
            StatusArg::Claimed => Self::Claimed,
            StatusArg::InProgress => Self::InProgress,
            StatusArg::Done => Self::Done,
            StatusArg::Failed => Self::Failed,
            StatusArg::Cancelled => Self::Cancelled,
            StatusArg::NeedsInfo => Self::NeedsInfo,
        }
    }
}
