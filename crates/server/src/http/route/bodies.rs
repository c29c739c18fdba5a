//! What clients decide. Every destination is looked at before any is planned, and every mistake is named at once.

use super::words::DestinationTypeDto;
use crate::http::problem::{Problem, ProblemField, kind};
use dispatch_mission::ids::{ClassificationId, RealtorId};
use dispatch_routing::destination::StorageTable;
use dispatch_routing::policy::{Choice, Wanted};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Most destinations of one dispatch.
const MOST: usize = 20;
/// Longest note.
const LONGEST_NOTE: usize = 500;

/// What is to be dispatched.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DispatchRequest, example = json!({ "classification_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e" }))]
pub struct DispatchRequestDto {
    /// What the messages were understood to mean, as you were shown it.
    pub classification_id: String,
    /// Whose work it is; needed where `realtor_unresolved` is why it waits.
    #[schema(nullable = false)]
    pub realtor_id: Option<String>,
    /// What there is to say about it: at most 500 characters; it stands in the story.
    #[schema(nullable = false, max_length = 500)]
    pub note: Option<String>,
    /// Where it goes; where the suggested plan says unless there are any. At most 20.
    #[schema(nullable = false, max_items = 20)]
    pub destinations: Option<Vec<DestinationRequestDto>>,
}

/// A destination. `type` and `target` say which members there are: `storage` to `supabase` has a `table` (`listings`,
/// `dispatch_agent_tasks`, `dispatch_activities` for one activity on the listing at the message's address, or `messages` for the
/// record of Slack messages); `notification` to `slack` has a `channel_id`, for a text that came from nowhere a `workspace` too, and
/// may have a `thread_ts`: without one it goes to the message's own thread, and in another channel to the channel itself;
/// `notification` to `sms` has `to`. `webhook` names an endpoint of the policy file; `agent` names one of its agents, or
/// `task_orchestrator`, which makes the rows that the message leads to.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DestinationRequest, example = json!({ "type": "storage", "target": "supabase", "table": "dispatch_agent_tasks" }))]
pub struct DestinationRequestDto {
    /// What sort of destination it is.
    #[serde(rename = "type")]
    pub kind: DestinationTypeDto,
    /// `supabase`; `slack` or `sms`; the name of an endpoint or of an agent.
    pub target: String,
    /// The table; for storage.
    #[schema(nullable = false)]
    pub table: Option<String>,
    /// The workspace (`T…`); for Slack, where the text was asked about over HTTP.
    #[schema(nullable = false)]
    pub workspace: Option<String>,
    /// The channel; for Slack.
    #[schema(nullable = false)]
    pub channel_id: Option<String>,
    /// `ts` of the message that the thread hangs on; for Slack.
    #[schema(nullable = false)]
    pub thread_ts: Option<String>,
    /// The number, E.164; for SMS.
    #[schema(nullable = false)]
    pub to: Option<String>,
}

/// Why nothing is done.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Dismissal, example = json!({ "reason": "Already done by phone" }))]
pub struct DismissalDto {
    /// What there is to say about it: at most 500 characters; it stands in the story.
    #[schema(nullable = false, max_length = 500)]
    pub reason: Option<String>,
}

impl DispatchRequestDto {
    pub(super) fn read(&self) -> Result<(ClassificationId, Choice), Problem> {
        let classification = Uuid::try_parse(&self.classification_id).map(ClassificationId);
        let classification = classification.map_err(|_| Problem::new(&kind::CLASSIFICATION_NOT_FOUND))?;
        let is_id = |id: &String| (1..=255).contains(&id.len()) && !id.contains(char::is_control);
        if self.realtor_id.as_ref().is_some_and(|id| !is_id(id)) {
            return Err(invalid("/realtor_id", "must have 1 to 255 characters, and none that cannot be seen"));
        }
        let destinations = self.destinations.as_deref().map(destinations).transpose()?;
        Ok((classification, Choice { realtor: self.realtor_id.clone().map(RealtorId), destinations, meaning: None }))
    }
}

/// A note without anything in it is none.
pub(super) fn note(note: Option<String>) -> Result<Option<String>, Problem> {
    let note = note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
    match &note {
        Some(words) if words.chars().count() > LONGEST_NOTE => {
            Err(Problem::new(&kind::LIMIT_EXCEEDED).detail("A note has at most 500 characters."))
        }
        _ => Ok(note),
    }
}

fn invalid(pointer: &str, detail: &str) -> Problem {
    Problem::new(&kind::INVALID_BODY).errors(vec![ProblemField::pointer(pointer, detail)])
}

fn destinations(all: &[DestinationRequestDto]) -> Result<Vec<Wanted>, Problem> {
    if all.is_empty() || all.len() > MOST {
        return Err(Problem::new(&kind::LIMIT_EXCEEDED).detail("Name 1 to 20 destinations, or leave them out."));
    }
    let mut errors = Vec::new();
    let read = all.iter().enumerate().filter_map(|(index, one)| match one.read() {
        Ok(wanted) => Some(wanted),
        Err((member, detail)) => {
            errors.push(ProblemField::pointer(&format!("/destinations/{index}/{member}"), detail));
            None
        }
    });
    let read: Vec<Wanted> = read.collect();
    if errors.is_empty() { Ok(read) } else { Err(Problem::new(&kind::DESTINATION_INVALID).errors(errors)) }
}

/// Which member is wrong, and how.
type Wrong = (&'static str, &'static str);

impl DestinationRequestDto {
    fn read(&self) -> Result<Wanted, Wrong> {
        match (self.kind, self.target.as_str()) {
            (DestinationTypeDto::Storage, "supabase") => {
                self.has_only(&["table"])?;
                match self.table.as_deref() {
                    Some("listings") => Ok(Wanted::Storage(StorageTable::Listings)),
                    Some("dispatch_agent_tasks") => Ok(Wanted::Storage(StorageTable::DispatchAgentTasks)),
                    Some("dispatch_activities") => Ok(Wanted::Storage(StorageTable::DispatchActivities)),
                    Some("messages") => Ok(Wanted::Storage(StorageTable::Messages)),
                    _ => Err(("table", "must be messages, listings, dispatch_activities or dispatch_agent_tasks")),
                }
            }
            (DestinationTypeDto::Notification, "slack") => {
                self.has_only(&["workspace", "channel_id", "thread_ts"])?;
                let channel_id = self.channel_id.clone().filter(|id| is_channel(id));
                let channel_id = channel_id.ok_or(("channel_id", "must be the id of a Slack channel"))?;
                if self.thread_ts.as_deref().is_some_and(|ts| !is_ts(ts)) {
                    return Err(("thread_ts", "must be the ts of a Slack message"));
                }
                if self.workspace.as_deref().is_some_and(|id| !is_workspace(id)) {
                    return Err(("workspace", "must be the id of a Slack workspace"));
                }
                Ok(Wanted::Slack { workspace: self.workspace.clone(), channel_id, thread_ts: self.thread_ts.clone() })
            }
            (DestinationTypeDto::Notification, "sms") => {
                self.has_only(&["to"])?;
                let to = self.to.clone().filter(|to| is_number(to));
                Ok(Wanted::Sms { to: to.ok_or(("to", "must be a phone number as +14165550101"))? })
            }
            (DestinationTypeDto::Storage, _) => Err(("target", "must be supabase")),
            (DestinationTypeDto::Notification, _) => Err(("target", "must be slack or sms")),
            (DestinationTypeDto::Agent, target) => {
                self.has_only(&[])?;
                Ok(Wanted::Agent { target: target.to_owned() })
            }
            (DestinationTypeDto::Webhook, target) => {
                self.has_only(&[])?;
                Ok(Wanted::Webhook { target: target.to_owned() })
            }
        }
    }

    /// A member of another sort of destination is a slip of the pen.
    fn has_only(&self, known: &[&str]) -> Result<(), Wrong> {
        let members = [
            ("table", &self.table),
            ("workspace", &self.workspace),
            ("channel_id", &self.channel_id),
            ("thread_ts", &self.thread_ts),
            ("to", &self.to),
        ];
        let stray = members.into_iter().find(|(name, value)| value.is_some() && !known.contains(name));
        stray.map_or(Ok(()), |(name, _)| Err((name, "is no member of this sort of destination")))
    }
}

fn is_channel(id: &str) -> bool {
    (2..=32).contains(&id.len())
        && id.starts_with(['C', 'G', 'D'])
        && id.bytes().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
}

fn is_workspace(id: &str) -> bool {
    (2..=32).contains(&id.len())
        && id.starts_with(['T', 'E'])
        && id.bytes().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
}

fn is_ts(ts: &str) -> bool {
    let digits = |part: &str| (1..=16).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit());
    ts.split_once('.').is_some_and(|(seconds, rest)| digits(seconds) && digits(rest))
}

fn is_number(to: &str) -> bool {
    to.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(destination: Value) -> Result<Wanted, Wrong> {
        serde_json::from_value::<DestinationRequestDto>(destination).expect("its shape").read()
    }

    #[test]
    fn every_sort_of_destination_has_its_own_members() {
        let storage = |table: &str| read(json!({"type": "storage", "target": "supabase", "table": table}));
        assert_eq!(storage("listings"), Ok(Wanted::Storage(StorageTable::Listings)));
        assert_eq!(storage("dispatch_agent_tasks"), Ok(Wanted::Storage(StorageTable::DispatchAgentTasks)));
        assert_eq!(storage("dispatch_activities"), Ok(Wanted::Storage(StorageTable::DispatchActivities)));
        assert_eq!(storage("messages"), Ok(Wanted::Storage(StorageTable::Messages)));
        let slack = json!({"type": "notification", "target": "slack", "channel_id": "C1", "thread_ts": "1.000001"});
        let wanted = Wanted::Slack { workspace: None, channel_id: "C1".into(), thread_ts: Some("1.000001".into()) };
        assert_eq!(read(slack), Ok(wanted));
        let sms = json!({"type": "notification", "target": "sms", "to": "+14165550101"});
        assert_eq!(read(sms), Ok(Wanted::Sms { to: "+14165550101".into() }));
        let agent = json!({"type": "agent", "target": "task_orchestrator"});
        assert_eq!(read(agent), Ok(Wanted::Agent { target: "task_orchestrator".into() }));
        assert_eq!(read(json!({"type": "webhook", "target": "crm"})), Ok(Wanted::Webhook { target: "crm".into() }));
        for (destination, member) in [
            (json!({"type": "storage", "target": "supabase", "table": "users"}), "table"),
            (json!({"type": "storage", "target": "supabase", "table": "slack_messages"}), "table"),
            (json!({"type": "storage", "target": "mysql", "table": "listings"}), "target"),
            (json!({"type": "storage", "target": "supabase", "table": "listings", "to": "x"}), "to"),
            (json!({"type": "notification", "target": "slack"}), "channel_id"),
            (json!({"type": "notification", "target": "slack", "channel_id": "#general"}), "channel_id"),
            (json!({"type": "notification", "target": "slack", "channel_id": "C1", "thread_ts": "now"}), "thread_ts"),
            (json!({"type": "notification", "target": "slack", "channel_id": "C1", "workspace": "acme"}), "workspace"),
            (json!({"type": "notification", "target": "sms", "to": "416 555 0101"}), "to"),
            (json!({"type": "notification", "target": "pigeon"}), "target"),
            (json!({"type": "agent", "target": "task_orchestrator", "table": "listings"}), "table"),
            (json!({"type": "webhook", "target": "crm", "to": "x"}), "to"),
        ] {
            assert_eq!(read(destination.clone()).expect_err("refused").0, member, "{destination}");
        }
    }
}
