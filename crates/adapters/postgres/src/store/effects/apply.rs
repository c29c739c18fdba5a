//! One batch of jobs, whole or not at all: claim the effects' keys, then make the rows of those that are new.
//!
//! It must not handle errors: a savepoint stands around it.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Int4, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ListingId, MissionId};
use dispatch_mission::mission::MissionKind;
use dispatch_routing::storage::StorageItem;
use uuid::Uuid;

use super::change::{self, Place};
use super::facts::{self, Fact};
use super::revise::{self, Later, Revised};
use super::tables::{ACTIVITIES, AGENT_TASKS, LISTINGS, Tables};
use super::{Job, Outcome, REALTOR_UNRESOLVED, address, made, people, rows};
use crate::store::error::StoreError;
use crate::store::sql::sql;

// Sorted, so that two batches with the same effects wait for each other and do not deadlock.
const CLAIM: &str = "
INSERT INTO dispatch.effects (effect_key, delivery_id, listing_id, mission_id, revision)
SELECT * FROM unnest($1, $2, $3, $4, $5) AS new (effect_key, delivery_id, listing_id, mission_id, revision)
ORDER BY effect_key COLLATE \"C\"
ON CONFLICT (effect_key) DO NOTHING
RETURNING effect_key, listing_id, mission_id, revision";

const KNOWN: &str =
    "SELECT effect_key, listing_id, mission_id, revision FROM dispatch.effects WHERE effect_key = ANY ($1)";

/// An effect that is wanted, or one that is known.
#[derive(Clone, Debug, QueryableByName)]
struct Effect {
    #[diesel(sql_type = Text)]
    effect_key: String,
    #[diesel(sql_type = Nullable<Text>)]
    listing_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    mission_id: Option<String>,
    #[diesel(sql_type = Int4)]
    revision: i32,
}

/// A job with what it needs to know and the effects it wants, in the order of its items.
struct Plan<'a> {
    job: &'a Job<'a>,
    realtor: Option<&'a str>,
    listing: Option<&'a str>,
    effects: Vec<Effect>,
    revised: Revised,
}

impl Plan<'_> {
    fn revision(&self) -> i32 {
        i32::try_from(self.job.work.revision).unwrap_or(i32::MAX)
    }
}

pub(super) async fn apply(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    jobs: &[Job<'_>],
) -> Result<Vec<Outcome>, StoreError> {
    let realtors = people::read(connection, tables).await?;
    let addresses: Vec<&str> = jobs.iter().filter_map(|job| spoken_of(job)).collect();
    let listings = address::similar(connection, tables, &addresses).await?;
    let made = made::lock(connection, &revised_units(jobs)).await?;
    let mut plans: Vec<Option<Plan<'_>>> = jobs
        .iter()
        .map(|job| {
            let said = job.work.realtor_id.as_ref().map(|id| id.0.as_str());
            let realtor =
                said.or_else(|| people::resolve(&realtors, job.work.assignee_hint.as_deref(), &job.work.author));
            let effects = effects(job);
            let homeless = realtor.is_none() && tables.realtor_required();
            // One that is there already keeps the realtor it has.
            let is_there = || made.iter().any(|made| effects.iter().any(|one| one.effect_key == made.effect_key));
            if homeless && matches!(job.work.item, StorageItem::AgentTask(_)) && !is_there() {
                return None;
            }
            let listing = spoken_of(job).and_then(|wanted| address::find(&listings, wanted));
            Some(Plan { job, realtor, listing, effects, revised: Revised::default() })
        })
        .collect();
    let mut known = claim(connection, plans.iter().flatten()).await?;
    give_up(connection, plans.iter().flatten(), &mut known).await?;
    write(connection, tables, plans.iter().flatten(), &known).await?;
    for plan in plans.iter_mut().flatten().filter(|plan| plan.job.work.revision > 0) {
        let later = Later { job: plan.job, realtor: plan.realtor, listing: plan.listing };
        plan.revised = revise::apply(connection, tables, &later, &made).await?;
    }
    Ok(plans
        .iter()
        .map(|plan| plan.as_ref().map_or(Outcome::Held(REALTOR_UNRESOLVED), |plan| done(plan, &known)))
        .collect())
}

fn revised_units(jobs: &[Job<'_>]) -> Vec<Uuid> {
    jobs.iter().filter(|job| job.work.revision > 0).map(|job| job.unit).collect()
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
    let revision = i32::try_from(job.work.revision).unwrap_or(i32::MAX);
    match &job.work.item {
        StorageItem::AgentTask(_) => {
            let mission_id = Some(MissionId::mint().0);
            let effect_key = match &job.work.answer {
                Some(of) => format!("{}/{AGENT_TASKS}/{}-{}", job.unit, of.delivery_id, of.place),
                None => key(AGENT_TASKS, 0),
            };
            vec![Effect { effect_key, listing_id: None, mission_id, revision }]
        }
        StorageItem::Listing(work) => {
            let listing = ListingId::mint().0;
            let activity = |item| Effect {
                effect_key: key(ACTIVITIES, item),
                listing_id: Some(listing.clone()),
                mission_id: Some(MissionId::mint().0),
                revision,
            };
            let listing_id = Some(listing.clone());
            let itself = Effect { effect_key: key(LISTINGS, 0), listing_id, mission_id: None, revision };
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
        .bind::<Array<Int4>, _>(wanted.iter().map(|(effect, _)| effect.revision).collect::<Vec<_>>())
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

/// Gives the keys back of rows that must not be added: to a listing that says a later revision already, or that somebody
/// took up or put away meanwhile.
async fn give_up<'a>(
    connection: &mut AsyncPgConnection,
    plans: impl Iterator<Item = &'a Plan<'a>> + Clone,
    known: &mut HashMap<String, (Effect, bool)>,
) -> Result<(), StoreError> {
    let first = |plan: &Plan<'_>| {
        let (effect, ours) = known.get(&plan.effects.as_slice().first()?.effect_key)?;
        (!ours).then(|| (effect.revision, effect.listing_id.clone()))
    };
    let is_later = |plan: &&Plan<'_>| plan.job.work.revision > 0;
    let revised: Vec<String> = plans.clone().filter(is_later).filter_map(|plan| first(plan)?.1).collect();
    let ids: Vec<&str> = revised.iter().map(String::as_str).collect();
    let places = change::places(connection, LISTINGS, &ids).await?;
    let mut keys: Vec<String> = Vec::new();
    for plan in plans {
        let Some((revision, listing)) = first(plan) else { continue };
        let place = listing.and_then(|listing| places.get(&listing).copied());
        if revision > plan.revision() || matches!(place, Some(Place::Taken | Place::Closed)) {
            keys.extend(plan.effects.iter().map(|effect| effect.effect_key.clone()));
        }
    }
    keys.retain(|key| known.get(key).is_some_and(|(_, ours)| *ours));
    made::forget(connection, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    known.retain(|key, _| !keys.contains(key));
    Ok(())
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
                facts.push(Fact { mission: id.to_owned(), kind: MissionKind::AgentTask, job: plan.job });
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
                    facts.push(Fact { mission: id.to_owned(), kind: MissionKind::Activity, job: plan.job });
                }
            }
            StorageItem::Reword(_) | StorageItem::Withdraw => {}
        }
    }
    rows::insert(connection, tables, LISTINGS, &rows::LISTING, listings).await?;
    rows::insert(connection, tables, ACTIVITIES, &rows::ACTIVITY, activities).await?;
    rows::insert(connection, tables, AGENT_TASKS, &rows::AGENT_TASK, tasks).await?;
    facts::insert(connection, &facts).await
}

fn done(plan: &Plan<'_>, known: &HashMap<String, (Effect, bool)>) -> Outcome {
    let all: Vec<&(Effect, bool)> = plan.effects.iter().filter_map(|effect| known.get(&effect.effect_key)).collect();
    Outcome::Done {
        listing: all.iter().find_map(|(effect, _)| effect.listing_id.clone()),
        missions: all.iter().filter_map(|(effect, _)| effect.mission_id.clone()).collect(),
        skipped: all.iter().filter(|(effect, ours)| !ours && effect.revision >= plan.revision()).count(),
        revised: plan.revised,
    }
}
