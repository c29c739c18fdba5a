//! Makes the rows of the effects that are ours, and adds to listings of others what is new about them.
//!
//! It must not decide which those are.

use std::collections::BTreeMap;

use diesel_async::AsyncPgConnection;
use dispatch_mission::mission::MissionKind;
use dispatch_routing::storage::{ListingWork, StorageItem};
use serde_json::{Value, json};
use uuid::Uuid;

use super::apply::{Effect, Effects, Plan};
use super::change::{self, Columns};
use super::facts::{self, Fact};
use super::messages;
use super::notes::{self, Note};
use super::rows::{self, stamp};
use super::tables::{ACTIVITIES, AGENT_TASKS, LISTINGS, Tables};
use crate::store::error::StoreError;

/// What a later message may fill in where nobody said anything.
pub(super) const FILLED: Columns =
    Columns { key: "listing_id", written: &[], kept: &[], filled: &["type", "due_date"] };

/// Rows by table.
#[derive(Default)]
struct Rows<'a> {
    listings: Vec<Value>,
    activities: Vec<Value>,
    requests: Vec<Value>,
    tasks: Vec<Value>,
    messages: Vec<(Uuid, Option<Uuid>)>,
    facts: Vec<Fact<'a>>,
    /// Of listings that others made.
    notes: Vec<Note<'a>>,
    filled: BTreeMap<&'a str, Value>,
}

pub(super) async fn write<'a>(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    plans: impl Iterator<Item = &'a Plan<'a>>,
    known: &'a Effects,
) -> Result<(), StoreError> {
    let mut rows = Rows::default();
    for plan in plans {
        match &plan.job.work.item {
            StorageItem::AgentTask(work) => {
                let Some(id) = ours(plan, known, 0).and_then(|effect| effect.mission_id.as_deref()) else { continue };
                rows.tasks.push(rows::agent_task(id, plan.realtor, plan.listing.as_deref(), work));
                rows.facts.push(Fact { mission: id.to_owned(), kind: MissionKind::AgentTask, job: plan.job });
            }
            StorageItem::Listing(work) => rows.of_listing(plan, known, work),
            StorageItem::Activity(work) => {
                let Some(effect) = ours(plan, known, 0) else { continue };
                let (Some(id), Some(listing)) = (effect.mission_id.as_deref(), effect.listing_id.as_deref()) else {
                    continue;
                };
                rows.requests.push(rows::request(id, listing, plan.realtor, work));
                rows.facts.push(Fact { mission: id.to_owned(), kind: MissionKind::Activity, job: plan.job });
            }
            StorageItem::Messages if ours(plan, known, 0).is_some() => {
                rows.messages.push((plan.job.unit, plan.job.classification));
            }
            StorageItem::Messages | StorageItem::Reword(_) | StorageItem::Withdraw => {}
        }
    }
    rows::insert(connection, tables, LISTINGS, &rows::LISTING, rows.listings).await?;
    rows::insert(connection, tables, ACTIVITIES, &rows::ACTIVITY, rows.activities).await?;
    rows::insert(connection, tables, ACTIVITIES, &rows::REQUEST, rows.requests).await?;
    rows::insert(connection, tables, AGENT_TASKS, &rows::AGENT_TASK, rows.tasks).await?;
    facts::insert(connection, &rows.facts).await?;
    notes::write(connection, tables, &rows.notes).await?;
    messages::record(connection, tables, &rows.messages).await?;
    change::update(connection, tables, LISTINGS, FILLED, rows.filled.into_values().collect()).await
}

/// The `place`-th effect of a plan, where it is ours to make.
fn ours<'a>(plan: &Plan<'_>, known: &'a Effects, place: usize) -> Option<&'a Effect> {
    known.get(&plan.effects.get(place)?.effect_key).filter(|(_, ours)| *ours).map(|(effect, _)| effect)
}

impl<'a> Rows<'a> {
    fn of_listing(&mut self, plan: &'a Plan<'a>, known: &'a Effects, work: &'a ListingWork) {
        // A listing that was made before gets the activities that are still missing.
        let first = plan.effects.first().and_then(|effect| known.get(&effect.effect_key));
        let moved = plan.home.as_ref().filter(|home| home.moved_from.is_some());
        let there = moved.map(|home| home.listing.as_str());
        let Some(listing) = there.or_else(|| first?.0.listing_id.as_deref()) else { return };
        match ours(plan, known, 0) {
            Some(effect) if effect.joined && plan.home.as_ref().is_some_and(|home| home.again) => {}
            Some(effect) if effect.joined => self.add_to(plan, listing, work),
            Some(_) => self.listings.push(rows::listing(listing, plan.realtor, work)),
            // Its new home, if nobody has made that.
            None if moved.is_some_and(|home| !home.joined) => {
                self.listings.push(rows::listing(listing, plan.realtor, work));
            }
            None => {}
        }
        for (place, template) in work.activities.iter().enumerate() {
            let Some(effect) = ours(plan, known, place + 1).filter(|effect| !effect.joined) else { continue };
            let Some(id) = effect.mission_id.as_deref() else { continue };
            self.activities.push(rows::activity(id, listing, plan.realtor, place, template));
            self.facts.push(Fact { mission: id.to_owned(), kind: MissionKind::Activity, job: plan.job });
        }
    }

    /// What a message adds to a listing of others.
    fn add_to(&mut self, plan: &Plan<'_>, listing: &'a str, work: &'a ListingWork) {
        self.notes.push(Note { unit: plan.job.unit, listing, words: &work.notes });
        let Some(new) = filling(listing, work) else { return };
        let filled = self.filled.entry(listing).or_insert_with(|| json!({ "listing_id": listing }));
        for column in FILLED.filled {
            // The first that says it is the first to have come.
            if filled[*column].is_null() {
                filled[*column] = new[*column].clone();
            }
        }
    }
}

/// What may be filled in; nothing where the message says nothing of it.
pub(super) fn filling(listing: &str, work: &ListingWork) -> Option<Value> {
    let (kind, due) = (work.listing_type.map(|kind| kind.as_str()), stamp(work.due_at));
    (kind.is_some() || due.is_some()).then(|| json!({ "listing_id": listing, "type": kind, "due_date": due }))
}
