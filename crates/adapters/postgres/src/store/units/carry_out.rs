//! What follows from a decision about a unit, whoever made it: the dispatch, its deliveries, and the storage effects that
//! succeed at once. Inside the caller's transaction.
//!
//! It must not classify, decide or send.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::DeliveryId;
use dispatch_routing::destination::Destination;
use dispatch_routing::plan::{Content, Decision, PlannedDelivery, Quota, Verdict};
use dispatch_routing::question::Ended;
use dispatch_routing::replay::Waits;
use dispatch_routing::storage::StorageItem;
use serde_json::json;
use uuid::Uuid;

use super::later;
use super::questions::{self, Said};
use super::records;
use crate::store::deliveries::hold_units;
use crate::store::deliveries::insert::{self, NewDelivery, Standing};
use crate::store::effects::{self, Job};
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};

const EARLIER: &str = "
SELECT delivery_id, state FROM dispatch.deliveries WHERE delivery_id = ANY ($1) ORDER BY delivery_id FOR SHARE";

#[derive(QueryableByName)]
struct Earlier {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = Text)]
    state: String,
}

/// One decided unit.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) unit: Uuid,
    pub(crate) classification: Uuid,
    /// Id of the dispatch, where there is one to write.
    pub(crate) dispatch: Uuid,
    pub(crate) decision: &'a Decision,
    /// The dispatch that it repeats, if it does.
    pub(crate) replay_of: Option<Uuid>,
    /// What of the plan waits for deliveries that there are already.
    pub(crate) waits: Option<&'a Waits>,
    /// Whether a question about it may stand in its thread already.
    pub(crate) asked_before: bool,
    /// What that question ends with, when nothing more is asked.
    pub(crate) ends: Ended<'a>,
}

/// Writes everything that follows, the story last: `entries` and what is added to them here.
pub(crate) async fn carry_out(
    connection: &mut AsyncPgConnection,
    orders: &[Order<'_>],
    mut entries: Vec<Entry>,
) -> Result<(), StoreError> {
    let dispatched: Vec<Order<'_>> =
        orders.iter().filter(|row| matches!(row.decision.verdict, Verdict::Dispatch(_))).copied().collect();
    records::dispatches(connection, &dispatched).await?;
    let mut deliveries = plan(connection, orders, &mut entries).await?;
    let unresolved = store(connection, orders, &mut deliveries, &mut entries).await?;
    later::keep(connection, orders, &deliveries, &unresolved).await?;
    let said = questions::follow(connection, orders, &unresolved, &mut entries).await?;
    deliveries.extend(said.iter().map(Said::delivery));
    insert::insert(connection, &deliveries).await?;
    timeline::append(connection, &entries).await?;
    if deliveries.iter().any(NewDelivery::is_due) {
        timeline::ring(connection).await?;
    }
    Ok(())
}

/// Whether what its author was about to be told still holds: the same kind of work goes on, and nothing else is said.
pub(super) fn keeps_receipts(verdict: &Verdict) -> bool {
    let Verdict::Dispatch(plan) = verdict else { return false };
    plan.iter().all(|one| match &one.content {
        Content::Storage(work) => !matches!(work.item, StorageItem::Withdraw),
        Content::Message { .. } | Content::Question(_) | Content::Closing { .. } | Content::Whisper { .. } => false,
        Content::Event(_) => true,
    })
}

fn planned<'a>(order: &Order<'a>) -> &'a [PlannedDelivery] {
    match &order.decision.verdict {
        Verdict::Dispatch(deliveries) => deliveries,
        Verdict::Hold(_) | Verdict::Nothing => &[],
    }
}

/// The deliveries of all plans, those left out that a quota forbids.
async fn plan<'a>(
    connection: &mut AsyncPgConnection,
    orders: &[Order<'a>],
    entries: &mut Vec<Entry>,
) -> Result<Vec<NewDelivery<'a>>, StoreError> {
    let wanted: Vec<&Quota> = orders.iter().flat_map(planned).filter_map(|one| one.quota.as_ref()).collect();
    let mut quotas = records::take_quotas(connection, &wanted).await?;
    let mut deliveries = Vec::new();
    for row in orders {
        let mut ids: Vec<Option<Uuid>> = Vec::new();
        for (index, one) in planned(row).iter().enumerate() {
            // The first one in the batch has it.
            let allowed = one.quota.as_ref().is_none_or(|quota| quotas.remove(&quota.key));
            let earlier = row.waits.and_then(|waits| waits.get(&index)).map(|id| Some(id.0));
            let after = one.after.and_then(|index| ids.get(index).copied()).or(earlier);
            let id = (allowed && after != Some(None)).then(|| DeliveryId::mint().0);
            ids.push(id);
            match id {
                Some(id) => deliveries.push(new_delivery(row, one, id, after.flatten())),
                None => entries.push(left_out(row, one)),
            }
        }
    }
    Ok(deliveries)
}

fn new_delivery<'a>(row: &Order<'_>, planned: &'a PlannedDelivery, id: Uuid, after: Option<Uuid>) -> NewDelivery<'a> {
    NewDelivery {
        id,
        dispatch: row.dispatch,
        unit: row.unit,
        destination: &planned.destination,
        content: Cow::Borrowed(&planned.content),
        after,
        standing: if after.is_some() { Standing::Waits } else { Standing::Due },
        attempts: 0,
    }
}

fn left_out(row: &Order<'_>, planned: &PlannedDelivery) -> Entry {
    let why = if planned.quota.is_some() { "quota" } else { "dependency_left_out" };
    Entry {
        step: "route",
        event: "delivery.left_out",
        unit: Some(row.unit),
        subject: Some(row.dispatch.to_string()),
        detail: json!({ "kind": planned.destination.kind().as_str(), "reason": why }),
        ..Entry::default()
    }
}

/// Where the deliveries stand that something waits for and that there were before. Under a lock: whoever settles one later
/// finds what waits for it.
async fn earlier(
    connection: &mut AsyncPgConnection,
    orders: &[Order<'_>],
) -> Result<HashMap<Uuid, Standing>, StoreError> {
    let ids: Vec<Uuid> = orders.iter().filter_map(|row| row.waits).flat_map(Waits::values).map(|id| id.0).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Earlier> = sql(EARLIER).bind::<Array<SqlUuid>, _>(ids).load(connection).await?;
    let standing = |row: Earlier| {
        let standing = match row.state.as_str() {
            "delivered" => Standing::Delivered,
            "pending" | "held" => Standing::Due,
            _ => Standing::Cancelled,
        };
        (row.delivery_id, standing)
    };
    Ok(rows.into_iter().map(standing).collect())
}

/// Applies what can be stored now, and lets the deliveries that wait for it know. Answers the units that now wait for somebody
/// who knows whose work it is.
async fn store(
    connection: &mut AsyncPgConnection,
    orders: &[Order<'_>],
    deliveries: &mut [NewDelivery<'_>],
    entries: &mut Vec<Entry>,
) -> Result<HashSet<Uuid>, StoreError> {
    let mut jobs = Vec::new();
    let mut places = Vec::new();
    for (place, delivery) in deliveries.iter().enumerate() {
        // Planned contents are borrowed; what is said instead of one is a message.
        let Cow::Borrowed(content) = delivery.content else { continue };
        let (Content::Storage(work), Destination::Storage(to)) = (content, delivery.destination) else { continue };
        let Some(row) = orders.iter().find(|row| row.unit == delivery.unit) else { continue };
        if delivery.after.is_none() {
            jobs.push(Job {
                delivery: delivery.id,
                unit: delivery.unit,
                classification: Some(row.classification),
                table: to.table,
                work,
            });
            places.push(place);
        }
    }
    let outcomes = effects::apply(connection, &jobs).await?;
    let mut unresolved = Vec::new();
    for ((place, outcome), job) in places.into_iter().zip(outcomes).zip(&jobs) {
        if let Some(text) = outcome.receipt(job.work) {
            let waits = |one: &&mut NewDelivery<'_>| one.after == Some(job.delivery);
            deliveries.iter_mut().filter(waits).for_each(|one| one.say(text));
        }
        let delivery = &mut deliveries[place];
        delivery.attempts = i32::from(outcome.was_tried());
        entries.push(effects::entry(delivery.id, delivery.unit, 1, &outcome));
        if outcome.needs_a_person() {
            unresolved.push(delivery.unit);
        }
        delivery.standing = Standing::of(outcome);
    }
    hold_units(connection, &unresolved).await?;
    let earlier = earlier(connection, orders).await?;
    entries.extend(insert::settle_dependents(deliveries, earlier));
    Ok(unresolved.into_iter().collect())
}
