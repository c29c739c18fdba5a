//! Inserts deliveries, some of them settled already. It must not apply effects nor know a courier.

use std::borrow::Cow;
use std::collections::HashMap;

use diesel::sql_types::{Array, Int4, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_routing::destination::Destination;
use dispatch_routing::lane::Lane;
use dispatch_routing::plan::Content;
use serde_json::json;
use uuid::Uuid;

use crate::store::effects::{LOOK_AGAIN, Outcome};
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::Entry;
use crate::store::{clean, jsonb};

/// A delivery that is about to be inserted.
pub(crate) struct NewDelivery<'a> {
    pub(crate) id: Uuid,
    pub(crate) dispatch: Uuid,
    pub(crate) unit: Uuid,
    pub(crate) destination: &'a Destination,
    pub(crate) content: Cow<'a, Content>,
    pub(crate) after: Option<Uuid>,
    pub(crate) standing: Standing,
    pub(crate) attempts: i32,
}

/// Where it stands when it is inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Due at once.
    Due,
    /// Due when the one before it has arrived.
    Waits,
    /// Tried, and to be tried again for this reason.
    Again(&'static str),
    /// To be tried again when somebody may have set the database right.
    Later(&'static str),
    Delivered,
    Held(String),
    Failed(String),
    /// What it depends on did not happen.
    Cancelled,
}

impl Standing {
    pub(crate) fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done { .. } => Self::Delivered,
            Outcome::Held(reason) => Self::Held(reason.to_owned()),
            Outcome::Failed(code) => Self::Failed(code),
            Outcome::Later(code) => Self::Again(code),
            Outcome::Waits(code) => Self::Later(code),
        }
    }

    /// Whether nothing will come of it any more that has not come of it now.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self, Self::Delivered | Self::Failed(_) | Self::Cancelled)
    }

    fn state(&self) -> &'static str {
        match self {
            Self::Due | Self::Waits | Self::Again(_) | Self::Later(_) => "pending",
            Self::Delivered => "delivered",
            Self::Held(_) => "held",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Again(reason) | Self::Later(reason) => Some(reason),
            Self::Held(reason) | Self::Failed(reason) => Some(reason),
            Self::Cancelled => Some("dependency_failed"),
            Self::Due | Self::Waits | Self::Delivered => None,
        }
    }

    /// Seconds until it is due; none for a delivery that waits for another.
    fn due_in(&self) -> Option<i32> {
        match self {
            Self::Waits => None,
            Self::Again(_) => Some(1),
            Self::Later(_) => Some(i32::try_from(LOOK_AGAIN.as_secs()).unwrap_or(i32::MAX)),
            _ => Some(0),
        }
    }
}

impl NewDelivery<'_> {
    /// Says something else, where it is a message.
    pub(crate) fn say(&mut self, text: &str) {
        if let Content::Message { .. } = *self.content {
            self.content = Cow::Owned(Content::Message { text: text.to_owned() });
        }
    }

    /// Whether rows are made of it.
    pub(crate) fn is_stored(&self) -> bool {
        matches!(*self.content, Content::Storage(_))
    }

    /// Whether a worker should look at it soon.
    pub(crate) fn is_due(&self) -> bool {
        matches!(self.standing, Standing::Due | Standing::Again(_))
    }
}

const INSERT: &str = "
INSERT INTO dispatch.deliveries (
    delivery_id, dispatch_id, unit_id, kind, destination, content, state, reason, attempts, next_attempt_at,
    after_delivery, lane, channel, line, settled_at)
SELECT delivery_id, dispatch_id, unit_id, kind, destination::jsonb, content::jsonb, state, reason, attempts,
    coalesce(now() + due_in * interval '1 second', 'infinity'), after_delivery, lane, channel, line,
    CASE WHEN state NOT IN ('pending', 'held') THEN now() END
FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) WITH ORDINALITY AS new (
    delivery_id, dispatch_id, unit_id, kind, destination, content, state, reason, attempts, due_in, after_delivery, lane,
    channel, line, n)
ORDER BY n";

pub(crate) async fn insert(connection: &mut AsyncPgConnection, rows: &[NewDelivery<'_>]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let destinations = rows.iter().map(|row| jsonb(row.destination)).collect::<Result<Vec<_>, _>>()?;
    let lanes: Vec<Lane> = rows.iter().map(|row| row.destination.lane_of(&row.content)).collect();
    let contents = rows.iter().map(|row| jsonb(row.content.as_ref())).collect::<Result<Vec<_>, _>>()?;
    sql(INSERT)
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.id).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.dispatch).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.unit).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| row.destination.kind().as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(destinations)
        .bind::<Array<Text>, _>(contents)
        .bind::<Array<Text>, _>(rows.iter().map(|row| row.standing.state()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.standing.reason()).collect::<Vec<_>>())
        .bind::<Array<Int4>, _>(rows.iter().map(|row| row.attempts).collect::<Vec<_>>())
        .bind::<Array<Nullable<Int4>>, _>(rows.iter().map(|row| row.standing.due_in()).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(rows.iter().map(|row| row.after).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(lanes.iter().map(|lane| clean(&lane.destination)).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(lanes.iter().map(|lane| clean(lane.channel_text())).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(
            rows.iter().map(|row| row.destination.line().map(|line| clean(&line).into_owned())).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes those due whose predecessor has arrived, and cancels those whose predecessor never will. Predecessors stand
/// before their dependents in a plan, or there were there before, as `standings` says.
pub(crate) fn settle_dependents(rows: &mut [NewDelivery<'_>], mut standings: HashMap<Uuid, Standing>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for row in rows {
        if row.standing == Standing::Waits {
            match row.after.and_then(|before| standings.get(&before)) {
                Some(Standing::Delivered) => row.standing = Standing::Due,
                Some(Standing::Failed(_) | Standing::Cancelled) => {
                    row.standing = Standing::Cancelled;
                    entries.push(cancelled(row.id, row.unit));
                }
                _ => {}
            }
        }
        standings.insert(row.id, row.standing.clone());
    }
    entries
}

/// The story's line about a delivery that is not wanted any more.
pub(crate) fn cancelled(delivery: Uuid, unit: Uuid) -> Entry {
    Entry {
        step: "deliver",
        event: "delivery.cancelled",
        unit: Some(unit),
        delivery: Some(delivery),
        subject: Some(delivery.to_string()),
        detail: json!({ "reason": "dependency_failed" }),
        ..Entry::default()
    }
}
