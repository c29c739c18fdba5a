//! A plan on the wire: where it goes, and what would be there. Never whom a text message goes to: that is a phone number.

use super::words::DestinationTypeDto;
use crate::http::missions::MissionTypeDto;
use crate::http::timestamp::Timestamp;
use dispatch_routing::destination::{Destination, NotificationDestination, StorageTable};
use dispatch_routing::plan::{Content, PlannedDelivery};
use dispatch_routing::storage::{ActivityTemplate, AgentTaskWork, ListingWork, StorageItem};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a delivery goes. `type` says which members there are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Destination, example = json!({ "type": "storage", "target": "supabase", "table": "dispatch_agent_tasks" }))]
pub struct DestinationDto {
    /// What sort of destination it is.
    #[serde(rename = "type")]
    pub kind: DestinationTypeDto,
    /// `supabase`; `slack` or `sms`; the name of an endpoint or of an agent.
    pub target: String,
    /// The table; for storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub table: Option<String>,
    /// The channel; for Slack.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub channel_id: Option<String>,
    /// `ts` of the message that the thread hangs on; for Slack.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub thread_ts: Option<String>,
}

/// One delivery of a plan, and what it would leave there.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = PlannedDelivery, example = json!({
    "destination": { "type": "storage", "target": "supabase", "table": "dispatch_agent_tasks" },
    "rows": [{ "table": "dispatch_agent_tasks", "title": "Order the lockbox", "mission_type": "ADMIN" }],
}))]
pub struct PlannedDeliveryDto {
    /// Where it goes.
    pub destination: DestinationDto,
    /// The rows; for storage.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub rows: Vec<PlannedRowDto>,
    /// What people are told; for notifications.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub text: Option<String>,
}

/// A row that would be written.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = PlannedRow, example = json!({ "table": "dispatch_agent_tasks", "title": "Order the lockbox", "mission_type": "ADMIN" }))]
pub struct PlannedRowDto {
    /// The table.
    pub table: String,
    /// What it would say, or what becomes of the rows that are there.
    pub title: String,
    /// What sort of work it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub mission_type: Option<MissionTypeDto>,
    /// When it would be due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub due_at: Option<Timestamp>,
    /// What would be asked for first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub needs_info: Option<String>,
}

impl From<&Destination> for DestinationDto {
    fn from(destination: &Destination) -> Self {
        let bare = |kind, target: &str| Self {
            kind,
            target: target.to_owned(),
            table: None,
            channel_id: None,
            thread_ts: None,
        };
        match destination {
            Destination::Storage(storage) => Self {
                table: Some(table_name(storage.table).to_owned()),
                ..bare(DestinationTypeDto::Storage, "supabase")
            },
            Destination::Notification(NotificationDestination::Slack(slack)) => Self {
                channel_id: Some(slack.channel_id.clone()),
                thread_ts: slack.thread_ts.clone(),
                ..bare(DestinationTypeDto::Notification, "slack")
            },
            Destination::Notification(NotificationDestination::Sms(_)) => bare(DestinationTypeDto::Notification, "sms"),
            Destination::Webhook(webhook) => bare(DestinationTypeDto::Webhook, &webhook.target),
            Destination::Agent(agent) => bare(DestinationTypeDto::Agent, &agent.target),
        }
    }
}

impl From<&PlannedDelivery> for PlannedDeliveryDto {
    fn from(planned: &PlannedDelivery) -> Self {
        let destination = DestinationDto::from(&planned.destination);
        match &planned.content {
            Content::Storage(work) => {
                let table = destination.table.clone().unwrap_or_default();
                Self { destination, rows: rows(&table, &work.item), text: None }
            }
            spoken => Self { destination, rows: Vec::new(), text: spoken.text().map(str::to_owned) },
        }
    }
}

pub(super) fn table_name(table: StorageTable) -> &'static str {
    match table {
        StorageTable::Listings => "listings",
        StorageTable::DispatchAgentTasks => "dispatch_agent_tasks",
        StorageTable::DispatchActivities => "dispatch_activities",
        StorageTable::Messages => "messages",
    }
}

fn rows(table: &str, item: &StorageItem) -> Vec<PlannedRowDto> {
    match item {
        StorageItem::Listing(work) => {
            std::iter::once(listing(work)).chain(work.activities.iter().map(activity)).collect()
        }
        StorageItem::AgentTask(work) | StorageItem::Activity(work) => vec![task(table, work)],
        StorageItem::Messages => vec![row(table, "Each message, with what was made of it".to_owned())],
        StorageItem::Reword(_) => vec![row(table, "The words change, and nothing else".to_owned())],
        StorageItem::Withdraw => vec![row(table, "What nobody took up is taken back".to_owned())],
    }
}

fn row(table: &str, title: String) -> PlannedRowDto {
    PlannedRowDto { table: table.to_owned(), title, mission_type: None, due_at: None, needs_info: None }
}

fn listing(work: &ListingWork) -> PlannedRowDto {
    let title = work.address.clone().unwrap_or_else(|| "A listing without an address".to_owned());
    PlannedRowDto { due_at: work.due_at.map(Into::into), ..row("listings", title) }
}

fn activity(template: &ActivityTemplate) -> PlannedRowDto {
    let mission_type = Some(template.mission_type.into());
    PlannedRowDto { mission_type, ..row("dispatch_activities", template.name.clone()) }
}

fn task(table: &str, work: &AgentTaskWork) -> PlannedRowDto {
    PlannedRowDto {
        mission_type: Some(work.mission_type.into()),
        due_at: work.due_at.map(Into::into),
        needs_info: work.needs_info.clone(),
        ..row(table, work.title.clone())
    }
}
