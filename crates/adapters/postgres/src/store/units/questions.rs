//! Questions about units that wait for a person: one is asked when they begin to wait, and closed when they no longer do.
//! Inside the caller's transaction. It must not know what is asked.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Jsonb, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::DeliveryId;
use dispatch_routing::destination::{Destination, NotificationDestination};
use dispatch_routing::plan::{Content, PlannedDelivery, Quota, Verdict};
use dispatch_routing::question::Ended;
use serde_json::{Value, json};
use uuid::Uuid;

use super::carry_out::Order;
use super::records;
use crate::store::deliveries::insert::{self, NewDelivery, Standing};
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};

// The last word about each unit: a question that stands in its thread, or what took its place.
const OPEN: &str = "
SELECT DISTINCT ON (p.unit_id) p.unit_id, d.dispatch_id, d.destination, coalesce(d.reference, '') AS reference,
    d.content ->> 'content' = 'question' AS open
FROM dispatch.dispatches AS p JOIN dispatch.deliveries AS d USING (dispatch_id)
WHERE p.unit_id = ANY ($1) AND (d.content ->> 'content' = 'closing' AND d.state <> 'cancelled'
    OR d.content ->> 'content' = 'question' AND d.state = 'delivered' AND d.reference IS NOT NULL)
ORDER BY p.unit_id, d.created_at DESC, d.delivery_id DESC";

#[derive(QueryableByName)]
struct OpenRow {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    dispatch_id: Uuid,
    #[diesel(sql_type = Jsonb)]
    destination: Value,
    #[diesel(sql_type = Text)]
    reference: String,
    #[diesel(sql_type = Bool)]
    open: bool,
}

/// A question that stands in a thread.
struct Open {
    dispatch: Uuid,
    destination: Destination,
    reference: String,
}

/// A delivery that comes of a question, as it will be inserted.
pub(super) struct Said {
    dispatch: Uuid,
    unit: Uuid,
    destination: Destination,
    content: Content,
}

/// What is to be said about questions now that these orders are carried out; `unresolved` are units that wait because nobody
/// can tell whose work they are. Writes a dispatch for those that have none to hang a question on.
pub(super) async fn follow(
    connection: &mut AsyncPgConnection,
    orders: &[Order<'_>],
    unresolved: &HashSet<Uuid>,
    entries: &mut Vec<Entry>,
) -> Result<Vec<Said>, StoreError> {
    let asked: Vec<Uuid> = orders.iter().filter(|row| row.asked_before).map(|row| row.unit).collect();
    let mut open = open(connection, &asked).await?;
    let wanting: Vec<(&Order<'_>, &PlannedDelivery)> =
        orders.iter().filter_map(|row| Some((row, wanted(row, unresolved)?))).collect();
    let quotas: Vec<&Quota> = wanting
        .iter()
        .filter(|(row, _)| !open.contains_key(&row.unit))
        .filter_map(|(_, one)| one.quota.as_ref())
        .collect();
    let mut quotas = records::take_quotas(connection, &quotas).await?;
    let (mut said, mut bare) = (Vec::new(), Vec::new());
    for (row, one) in wanting {
        let before = open.remove(&row.unit);
        if before.is_none() && one.quota.as_ref().is_some_and(|quota| !quotas.remove(&quota.key)) {
            entries.push(left_out(row.unit, one));
            continue;
        }
        if matches!(row.decision.verdict, Verdict::Hold(_)) {
            bare.push(*row);
        }
        let (unit, dispatch, destination) = (row.unit, row.dispatch, one.destination.clone());
        said.push(Said { dispatch, unit, destination, content: in_place_of(before, &one.content) });
    }
    records::dispatches(connection, &bare).await?;
    // What nothing more is asked about needs no answer any more.
    for row in orders {
        if let Some(before) = open.remove(&row.unit) {
            said.push(closing(row.unit, before, row.ends));
        }
    }
    Ok(said)
}

/// Asks about a unit that has come to wait, by a dispatch that there is; in the place of what is asked about it already, or within
/// the quota. Answers what the story says where nothing is asked.
pub(super) async fn ask(
    connection: &mut AsyncPgConnection,
    unit: Uuid,
    dispatch: Uuid,
    planned: &PlannedDelivery,
) -> Result<Vec<Entry>, StoreError> {
    let before = open(connection, &[unit]).await?.remove(&unit);
    if before.is_none()
        && let Some(quota) = planned.quota.as_ref()
        && records::take_quotas(connection, &[quota]).await?.is_empty()
    {
        return Ok(vec![left_out(unit, planned)]);
    }
    let said = Said {
        dispatch,
        unit,
        destination: planned.destination.clone(),
        content: in_place_of(before, &planned.content),
    };
    insert::insert(connection, &[said.delivery()]).await?;
    Ok(Vec::new())
}

/// Closes the open questions about these units, each with its end.
pub(in crate::store) async fn close(
    connection: &mut AsyncPgConnection,
    units: &[(Uuid, Ended<'_>)],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = units.iter().map(|(unit, _)| *unit).collect();
    let mut open = open(connection, &ids).await?;
    let said: Vec<Said> =
        units.iter().filter_map(|(unit, ended)| Some(closing(*unit, open.remove(unit)?, *ended))).collect();
    if said.is_empty() {
        return Ok(());
    }
    insert::insert(connection, &said.iter().map(Said::delivery).collect::<Vec<_>>()).await?;
    timeline::ring(connection).await
}

impl Said {
    /// Due at once.
    pub(super) fn delivery(&self) -> NewDelivery<'_> {
        NewDelivery {
            id: DeliveryId::mint().0,
            dispatch: self.dispatch,
            unit: self.unit,
            destination: &self.destination,
            content: Cow::Borrowed(&self.content),
            after: None,
            standing: Standing::Due,
            attempts: 0,
        }
    }
}

async fn open(connection: &mut AsyncPgConnection, units: &[Uuid]) -> Result<HashMap<Uuid, Open>, StoreError> {
    if units.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<OpenRow> = sql(OPEN).bind::<Array<SqlUuid>, _>(units).load(connection).await?;
    let mut open = HashMap::new();
    for row in rows.into_iter().filter(|row| row.open) {
        let destination = serde_json::from_value(row.destination)?;
        open.insert(row.unit_id, Open { dispatch: row.dispatch_id, destination, reference: row.reference });
    }
    Ok(open)
}

/// The question of a unit that waits now.
fn wanted<'a>(row: &Order<'a>, unresolved: &HashSet<Uuid>) -> Option<&'a PlannedDelivery> {
    let waits = matches!(row.decision.verdict, Verdict::Hold(_)) || unresolved.contains(&row.unit);
    row.decision.question.as_deref().filter(|_| waits)
}

fn in_place_of(before: Option<Open>, content: &Content) -> Content {
    let mut content = content.clone();
    if let Content::Question(question) = &mut content {
        question.replaces = before.map(|open| open.reference);
    }
    content
}

fn closing(unit: Uuid, before: Open, ended: Ended<'_>) -> Said {
    let workspace = match &before.destination {
        Destination::Notification(NotificationDestination::Slack(thread)) => thread.workspace.as_str(),
        _ => "",
    };
    let content = Content::Closing { remark: ended.remark(workspace), message_ref: before.reference };
    Said { dispatch: before.dispatch, unit, destination: before.destination, content }
}

fn left_out(unit: Uuid, planned: &PlannedDelivery) -> Entry {
    Entry {
        step: "route",
        event: "question.left_out",
        unit: Some(unit),
        subject: Some(unit.to_string()),
        detail: json!({ "kind": planned.destination.kind().as_str(), "reason": "quota" }),
        ..Entry::default()
    }
}
