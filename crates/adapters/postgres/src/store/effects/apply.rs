//! One batch of jobs, whole or not at all: claim the effects' keys, then make the rows of those that are new.
//!
//! It must not handle errors: a savepoint stands around it.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Float, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ListingId, MissionId};
use dispatch_mission::mission::MissionKind;
use dispatch_routing::storage::{StorageItem, StorageWork};
use uuid::Uuid;

use super::tables::{ACTIVITIES, AGENT_TASKS, LISTINGS, Tables};
use super::{Job, Outcome, REALTOR_UNRESOLVED, address, people, rows};
use crate::store::error::StoreError;
use crate::store::sql::sql;

// Sorted, so that two batches with the same effects wait for each other and do not deadlock.
const CLAIM: &str = "
INSERT INTO dispatch.effects (effect_key, delivery_id, listing_id, mission_id)
SELECT * FROM unnest($1, $2, $3, $4) AS new (effect_key, delivery_id, listing_id, mission_id)
ORDER BY effect_key COLLATE \"C\"
ON CONFLICT (effect_key) DO NOTHING
RETURNING effect_key, listing_id, mission_id";

const KNOWN: &str = "SELECT effect_key, listing_id, mission_id FROM dispatch.effects WHERE effect_key = ANY ($1)";

const FACTS: &str = "
INSERT INTO dispatch.mission_facts AS facts (
    mission_id, kind, unit_id, classification_id, group_key, task_key, confidence, auto_dispatch, reason, needs_info)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (mission_id) DO NOTHING";

/// An effect that is wanted, or one that is known.
#[derive(Clone, Debug, QueryableByName)]
struct Effect {
    #[diesel(sql_type = Text)]
    effect_key: String,
    #[diesel(sql_type = Nullable<Text>)]
    listing_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    mission_id: Option<String>,
}

/// A job with what it needs to know and the effects it wants, in the order of its items.
struct Plan<'a> {
    job: &'a Job<'a>,
    realtor: Option<&'a str>,
    listing: Option<&'a str>,
    effects: Vec<Effect>,
}

pub(super) async fn apply(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    jobs: &[Job<'_>],
) -> Result<Vec<Outcome>, StoreError> {
    let realtors = people::read(connection, tables).await?;
    let addresses: Vec<&str> = jobs.iter().filter_map(|job| spoken_of(job)).collect();
    let listings = address::similar(connection, tables, &addresses).await?;
    let plans: Vec<Option<Plan<'_>>> = jobs
        .iter()
        .map(|job| {
            let realtor = people::resolve(&realtors, job.work.assignee_hint.as_deref(), &job.work.author);
            let homeless = realtor.is_none() && tables.realtor_required();
            if homeless && matches!(job.work.item, StorageItem::AgentTask(_)) {
                return None;
            }
            let listing = spoken_of(job).and_then(|wanted| address::find(&listings, wanted));
            Some(Plan { job, realtor, listing, effects: effects(job) })
        })
        .collect();
    let known = claim(connection, plans.iter().flatten()).await?;
    write(connection, tables, plans.iter().flatten(), &known).await?;
    Ok(plans
        .iter()
        .map(|plan| plan.as_ref().map_or(Outcome::Held(REALTOR_UNRESOLVED), |plan| done(plan, &known)))
        .collect())
}

/// The address that an agent task speaks of.
fn spoken_of<'a>(job: &Job<'a>) -> Option<&'a str> {
    match &job.work.item {
        StorageItem::AgentTask(work) => work.address.as_deref(),
        StorageItem::Listing(_) | StorageItem::Reword(_) | StorageItem::Withdraw => None,
    }
}

/// The effects of a job: unit, table, item. The same work gives the same keys, whoever does it and however often.
fn effects(job: &Job<'_>) -> Vec<Effect> {
    let key = |table: &str, item: usize| format!("{}/{table}/{item}", job.unit);
    match &job.work.item {
        StorageItem::AgentTask(_) => {
            vec![Effect { effect_key: key(AGENT_TASKS, 0), listing_id: None, mission_id: Some(MissionId::mint().0) }]
        }
        StorageItem::Listing(work) => {
            let listing = ListingId::mint().0;
            let activity = |item| Effect {
                effect_key: key(ACTIVITIES, item),
                listing_id: Some(listing.clone()),
                mission_id: Some(MissionId::mint().0),
            };
            let itself = Effect { effect_key: key(LISTINGS, 0), listing_id: Some(listing.clone()), mission_id: None };
            std::iter::once(itself).chain((0..work.activities.len()).map(activity)).collect()
        }
        StorageItem::Reword(_) | StorageItem::Withdraw => Vec::new(),
    }
}

/// Every wanted effect as it stands now: ours to make (`true`), or made before.
async fn claim<'a>(
    connection: &mut AsyncPgConnection,
    plans: impl Iterator<Item = &'a Plan<'a>> + Clone,
) -> Result<HashMap<String, (Effect, bool)>, StoreError> {
    let wanted: Vec<(&Effect, Uuid)> =
        plans.flat_map(|plan| plan.effects.iter().map(|effect| (effect, plan.job.delivery))).collect();
    let ours: Vec<Effect> = sql(CLAIM)
        .bind::<Array<Text>, _>(wanted.iter().map(|(effect, _)| effect.effect_key.as_str()).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(wanted.iter().map(|(_, delivery)| *delivery).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(
            wanted.iter().map(|(effect, _)| effect.listing_id.as_deref()).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(
            wanted.iter().map(|(effect, _)| effect.mission_id.as_deref()).collect::<Vec<_>>(),
        )
        .load(connection)
        .await?;
    let mut known: HashMap<String, (Effect, bool)> =
        ours.into_iter().map(|effect| (effect.effect_key.clone(), (effect, true))).collect();
    let missing: Vec<&str> =
        wanted.iter().map(|(effect, _)| effect.effect_key.as_str()).filter(|key| !known.contains_key(*key)).collect();
    if !missing.is_empty() {
        let before: Vec<Effect> = sql(KNOWN).bind::<Array<Text>, _>(missing).load(connection).await?;
        known.extend(before.into_iter().map(|effect| (effect.effect_key.clone(), (effect, false))));
    }
    Ok(known)
}

/// Makes the rows of the effects that are ours.
async fn write<'a>(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    plans: impl Iterator<Item = &'a Plan<'a>>,
    known: &HashMap<String, (Effect, bool)>,
) -> Result<(), StoreError> {
    let (mut listings, mut activities, mut tasks, mut facts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for plan in plans {
        let ours = |item: usize| known.get(&plan.effects[item].effect_key).filter(|(_, ours)| *ours).map(|(e, _)| e);
        match &plan.job.work.item {
            StorageItem::AgentTask(work) => {
                let Some(id) = ours(0).and_then(|effect| effect.mission_id.as_deref()) else { continue };
                tasks.push(rows::agent_task(id, plan.realtor, plan.listing, work));
                facts.push(Fact { mission: id.to_owned(), kind: MissionKind::AgentTask, plan });
            }
            StorageItem::Listing(work) => {
                // A listing that was made before gets the activities that are still missing.
                let there = known.get(&plan.effects[0].effect_key).and_then(|(effect, _)| effect.listing_id.as_deref());
                let Some(listing) = there else { continue };
                if ours(0).is_some() {
                    listings.push(rows::listing(listing, plan.realtor, work));
                }
                for (place, template) in work.activities.iter().enumerate() {
                    let Some(id) = ours(place + 1).and_then(|effect| effect.mission_id.as_deref()) else { continue };
                    activities.push(rows::activity(id, listing, plan.realtor, place, template));
                    facts.push(Fact { mission: id.to_owned(), kind: MissionKind::Activity, plan });
                }
            }
            StorageItem::Reword(_) | StorageItem::Withdraw => {}
        }
    }
    rows::insert(connection, tables, LISTINGS, &rows::LISTING, listings).await?;
    rows::insert(connection, tables, ACTIVITIES, &rows::ACTIVITY, activities).await?;
    rows::insert(connection, tables, AGENT_TASKS, &rows::AGENT_TASK, tasks).await?;
    note(connection, &facts).await
}

/// A mission that was made, and what it came from.
struct Fact<'a> {
    mission: String,
    kind: MissionKind,
    plan: &'a Plan<'a>,
}

impl Fact<'_> {
    fn keys(&self) -> (Option<&'static str>, Option<&'static str>, Option<&str>) {
        match &self.plan.job.work.item {
            StorageItem::Listing(work) => (Some(work.group_key.as_str()), None, None),
            StorageItem::AgentTask(work) => (None, work.task_key.map(|key| key.as_str()), work.needs_info.as_deref()),
            StorageItem::Reword(_) | StorageItem::Withdraw => (None, None, None),
        }
    }
}

/// What Dispatch knows about the new missions, beside the brokerage's own columns.
async fn note(connection: &mut AsyncPgConnection, facts: &[Fact<'_>]) -> Result<(), StoreError> {
    if facts.is_empty() {
        return Ok(());
    }
    let works: Vec<&StorageWork> = facts.iter().map(|fact| fact.plan.job.work).collect();
    sql(FACTS)
        .bind::<Array<Text>, _>(facts.iter().map(|fact| fact.mission.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(facts.iter().map(|fact| fact.kind.as_str()).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(facts.iter().map(|fact| fact.plan.job.unit).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(facts.iter().map(|fact| fact.plan.job.classification).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(facts.iter().map(|fact| fact.keys().0).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(facts.iter().map(|fact| fact.keys().1).collect::<Vec<_>>())
        .bind::<Array<Float>, _>(works.iter().map(|work| work.confidence).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(works.iter().map(|work| work.routing_decision.auto_dispatch).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(works.iter().map(|work| work.routing_decision.reason.as_str()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(facts.iter().map(|fact| fact.keys().2).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

fn done(plan: &Plan<'_>, known: &HashMap<String, (Effect, bool)>) -> Outcome {
    let all: Vec<&(Effect, bool)> = plan.effects.iter().filter_map(|effect| known.get(&effect.effect_key)).collect();
    Outcome::Done {
        listing: all.iter().find_map(|(effect, _)| effect.listing_id.clone()),
        missions: all.iter().filter_map(|(effect, _)| effect.mission_id.clone()).collect(),
        skipped: all.iter().filter(|(_, ours)| !ours).count(),
    }
}
