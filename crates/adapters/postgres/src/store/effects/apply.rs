//! One batch of jobs, whole or not at all: claim the effects' keys, then make the rows of those that are new.
//!
//! It must not handle errors: a savepoint stands around it.

use std::collections::{HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Int4, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::address::Address;
use dispatch_mission::ids::MissionId;
use dispatch_routing::storage::{ListingWork, StorageItem};
use uuid::Uuid;

use super::change::{self, Place};
use super::fate::Later;
use super::ground::{self, Ground};
use super::homes::{self, Home, revision};
use super::made::{self, Made};
use super::names::Names;
use super::revise::{self, Revised};
use super::shared::Shared;
use super::tables::{ACTIVITIES, AGENT_TASKS, LISTINGS, SLACK_MESSAGES, Tables};
use super::{Job, LISTING_UNKNOWN, NO_MESSAGES_TABLE, Outcome, REALTOR_UNRESOLVED, messages, people, write};
use crate::store::error::StoreError;
use crate::store::sql::sql;

// Sorted, so that two batches with the same effects wait for each other and do not deadlock.
const CLAIM: &str = "
INSERT INTO dispatch.effects (effect_key, delivery_id, listing_id, mission_id, revision, joined)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6) AS new (effect_key, delivery_id, listing_id, mission_id, revision, joined)
ORDER BY effect_key COLLATE \"C\"
ON CONFLICT (effect_key) DO NOTHING
RETURNING effect_key, listing_id, mission_id, revision, joined";

const KNOWN: &str =
    "SELECT effect_key, listing_id, mission_id, revision, joined FROM dispatch.effects WHERE effect_key = ANY ($1)";

/// An effect that is wanted, or one that is known.
#[derive(Clone, Debug, QueryableByName)]
pub(super) struct Effect {
    #[diesel(sql_type = Text)]
    pub(super) effect_key: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) listing_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) mission_id: Option<String>,
    #[diesel(sql_type = Int4)]
    pub(super) revision: i32,
    /// Whether its row is there already, made by others.
    #[diesel(sql_type = Bool)]
    pub(super) joined: bool,
}

/// Every effect as it stands now, by key: ours to make (`true`), or made before.
pub(super) type Effects = HashMap<String, (Effect, bool)>;

/// A job with what it needs to know and the effects it wants, in the order of its items.
pub(super) struct Plan<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) realtor: Option<&'a str>,
    /// The listing that an agent task speaks of.
    pub(super) listing: Option<String>,
    pub(super) home: Option<Home>,
    place: Option<Address>,
    pub(super) effects: Vec<Effect>,
    revised: Revised,
}

pub(super) async fn apply(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    jobs: &[Job<'_>],
) -> Result<Vec<Outcome>, StoreError> {
    let realtors = people::read(connection, tables).await?;
    let placed: Vec<(&Job<'_>, Option<Address>)> =
        jobs.iter().map(|job| (job, super::address_of(job).and_then(Address::read))).collect();
    let wanted: Vec<&Address> = placed.iter().filter_map(|(_, place)| place.as_ref()).collect();
    let making = placed.iter().filter(|(job, _)| matches!(job.work.item, StorageItem::Listing(_)));
    ground::hold(connection, &making.filter_map(|(_, place)| place.as_ref()).collect::<Vec<_>>()).await?;
    let made = homes::made_before(connection, jobs).await?;
    let mut ground = Ground::read(connection, tables, &wanted).await?;
    let (homes, shared) = homes::choose(connection, tables, &placed, &made, &mut ground).await?;
    let mut plans: Vec<Result<Plan<'_>, Outcome>> = Vec::with_capacity(jobs.len());
    for ((job, place), home) in placed.into_iter().zip(homes) {
        let said = job.work.realtor_id.as_ref().map(|id| id.0.as_str());
        let realtor = said.or_else(|| people::resolve(&realtors, job.work.assignee_hint.as_deref(), &job.work.author));
        // One that is there already keeps the realtor it has.
        let is_there = |key: String| made.iter().any(|made| made.effect_key == key);
        let homeless = realtor.is_none() && tables.realtor_required();
        let refused = match &job.work.item {
            StorageItem::AgentTask(_) if homeless && !is_there(task_key(job)) => {
                Some(Outcome::Held(REALTOR_UNRESOLVED))
            }
            StorageItem::Activity(_) if home.is_none() && !is_there(request(job)) => {
                Some(Outcome::Failed(LISTING_UNKNOWN.to_owned()))
            }
            StorageItem::Messages if !messages::are_kept(tables) => Some(Outcome::Failed(NO_MESSAGES_TABLE.to_owned())),
            _ => None,
        };
        if let Some(refused) = refused {
            plans.push(Err(refused));
            continue;
        }
        let listing = place.as_ref().and_then(|place| ground.any_at(place)).map(str::to_owned);
        plans.push(Ok(Plan { job, realtor, listing, home, place, effects: Vec::new(), revised: Revised::default() }));
    }
    want(connection, tables, &mut plans, &made, &shared).await?;
    let mut known = claim(connection, plans.iter().flatten()).await?;
    give_up(connection, plans.iter().flatten(), &mut known).await?;
    write::write(connection, tables, plans.iter().flatten(), &known).await?;
    for plan in plans.iter_mut().flatten().filter(|plan| is_revision(plan.job)) {
        let later = Later {
            job: plan.job,
            realtor: plan.realtor,
            listing: plan.listing.as_deref(),
            home: plan.home.as_ref(),
            wanted: &plan.effects,
            shared: &shared,
        };
        plan.revised = revise::apply(connection, tables, &later, &made).await?;
    }
    // Only of streets that are held: whoever has a listing's row must not wait for a street.
    let declares = |plan: &&Plan<'_>| matches!(plan.job.work.item, StorageItem::Listing(_));
    let declared = plans.iter().flatten().filter(declares);
    let homes = declared.filter_map(|plan| Some((plan.place.as_ref()?, plan.home.as_ref()?)));
    ground::remember(connection, homes.map(|(place, home)| (place, home.listing.as_str()))).await?;
    Ok(plans.iter().map(|plan| plan.as_ref().map_or_else(Clone::clone, |plan| done(plan, &known))).collect())
}

/// Whether it changes rows that there are. What is done once more changes none.
fn is_revision(job: &Job<'_>) -> bool {
    job.work.revision > 0 && job.work.nonce.is_none()
}

/// What is to be done once more has keys of its own.
fn nonce(job: &Job<'_>) -> String {
    job.work.nonce.map(|nonce| format!("/{nonce}")).unwrap_or_default()
}

fn key(job: &Job<'_>, table: &str, item: usize) -> String {
    format!("{}/{table}/{item}{}", job.unit, nonce(job))
}

/// A task that an agent answered with is one of several.
fn task_key(job: &Job<'_>) -> String {
    match &job.work.answer {
        Some(of) => format!("{}/{AGENT_TASKS}/{}-{}{}", job.unit, of.delivery_id, of.place, nonce(job)),
        None => key(job, AGENT_TASKS, 0),
    }
}

fn request(job: &Job<'_>) -> String {
    format!("{}/{ACTIVITIES}/{}{}", job.unit, made::REQUEST, nonce(job))
}

/// Sets down the effects of all jobs: unit, table, item. The same work gives the same keys, whoever does it and however often.
async fn want(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    plans: &mut [Result<Plan<'_>, Outcome>],
    made: &[Made],
    shared: &Shared,
) -> Result<(), StoreError> {
    // A listing that is about to be made has no activities yet.
    let is_there = |plan: &Plan<'_>, home: &Home| home.joined || made.iter().any(|effect| effect.is_of(plan.job.unit));
    let is_listing = |plan: &&Plan<'_>| matches!(plan.job.work.item, StorageItem::Listing(_));
    let homes = plans.iter().flatten().filter(is_listing).filter_map(|plan| Some((plan, plan.home.as_ref()?)));
    let listings: HashSet<&str> =
        homes.filter(|(plan, home)| is_there(plan, home)).map(|(_, home)| home.listing.as_str()).collect();
    let mut names = Names::read(connection, tables, &listings).await?;
    for plan in plans.iter_mut().flatten() {
        let revision = revision(plan.job);
        let effects = match (&plan.job.work.item, &plan.home) {
            (StorageItem::AgentTask(_), _) => {
                let mission_id = Some(MissionId::mint().0);
                let effect_key = task_key(plan.job);
                vec![Effect { effect_key, listing_id: None, mission_id, revision, joined: false }]
            }
            (StorageItem::Listing(work), Some(home)) => of_listing(plan.job, work, home, made, shared, &mut names),
            (StorageItem::Activity(_), home) => {
                let listing_id = home.as_ref().map(|home| home.listing.clone());
                let mission_id = Some(MissionId::mint().0);
                vec![Effect { effect_key: request(plan.job), listing_id, mission_id, revision, joined: false }]
            }
            (StorageItem::Messages, _) => {
                let effect_key = key(plan.job, SLACK_MESSAGES, 0);
                vec![Effect { effect_key, listing_id: None, mission_id: None, revision, joined: false }]
            }
            _ => Vec::new(),
        };
        plan.effects = effects;
    }
    Ok(())
}

/// A listing and its activities; of those that are there by name, the ones that are there.
fn of_listing(
    job: &Job<'_>,
    work: &ListingWork,
    home: &Home,
    made: &[Made],
    shared: &Shared,
    names: &mut Names,
) -> Vec<Effect> {
    let revision = revision(job);
    let listing_id = Some(home.listing.clone());
    let itself = Effect {
        effect_key: key(job, LISTINGS, 0),
        listing_id: listing_id.clone(),
        mission_id: None,
        revision,
        joined: home.joined,
    };
    let before: Vec<&Made> = made.iter().filter(|effect| effect.is_of(job.unit)).collect();
    // What it may change itself is changed, not found; what is done once more finds what it did.
    let is_first = job.work.nonce.is_none();
    let own = before.iter().filter(|effect| is_first && shared.is_alone(effect, job.unit));
    let own: HashSet<&str> = own.filter_map(|effect| effect.mission_id.as_deref()).collect();
    let looks = home.joined || !before.is_empty();
    let mut effects = vec![itself];
    let mut minted = Vec::new();
    for (item, template) in work.activities.iter().enumerate() {
        let there = if looks { names.find(&home.listing, &template.name, &own) } else { None }.map(str::to_owned);
        let joined = there.is_some();
        let mission = there.unwrap_or_else(|| MissionId::mint().0);
        if !joined {
            minted.push((template.name.as_str(), mission.clone()));
        }
        effects.push(Effect {
            effect_key: key(job, ACTIVITIES, item),
            listing_id: listing_id.clone(),
            mission_id: Some(mission),
            revision,
            joined,
        });
    }
    for (name, mission) in minted {
        names.add(&home.listing, name, mission);
    }
    effects
}

/// Claims every effect that is wanted.
async fn claim<'a>(
    connection: &mut AsyncPgConnection,
    plans: impl Iterator<Item = &'a Plan<'a>> + Clone,
) -> Result<Effects, StoreError> {
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
        .bind::<Array<Bool>, _>(wanted.iter().map(|(effect, _)| effect.joined).collect::<Vec<_>>())
        .load(connection)
        .await?;
    let mut known: Effects = ours.into_iter().map(|effect| (effect.effect_key.clone(), (effect, true))).collect();
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
    known: &mut Effects,
) -> Result<(), StoreError> {
    let first = |plan: &Plan<'_>| {
        let (effect, ours) = known.get(&plan.effects.as_slice().first()?.effect_key)?;
        // What others made, others may have taken up: it is added to all the same.
        let listing = if effect.joined { None } else { effect.listing_id.clone() };
        let has_moved = plan.home.as_ref().is_some_and(|home| home.moved_from.is_some());
        (!ours).then_some((effect.revision, listing.filter(|_| !has_moved)))
    };
    let is_later = |plan: &&Plan<'_>| is_revision(plan.job);
    let revised: Vec<String> = plans.clone().filter(is_later).filter_map(|plan| first(plan)?.1).collect();
    let ids: Vec<&str> = revised.iter().map(String::as_str).collect();
    let places = change::places(connection, LISTINGS, &ids).await?;
    let mut keys: Vec<String> = Vec::new();
    for plan in plans {
        let Some((before, listing)) = first(plan) else { continue };
        let place = listing.and_then(|listing| places.get(&listing).copied());
        if before > revision(plan.job) || matches!(place, Some(Place::Taken | Place::Closed)) {
            keys.extend(plan.effects.iter().map(|effect| effect.effect_key.clone()));
        }
    }
    keys.retain(|key| known.get(key).is_some_and(|(_, ours)| *ours));
    made::forget(connection, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    known.retain(|key, _| !keys.contains(key));
    Ok(())
}

fn done(plan: &Plan<'_>, known: &Effects) -> Outcome {
    let all: Vec<&(Effect, bool)> = plan.effects.iter().filter_map(|effect| known.get(&effect.effect_key)).collect();
    Outcome::Done {
        listing: all.iter().find_map(|(effect, _)| effect.listing_id.clone()),
        missions: all
            .iter()
            .filter(|(effect, _)| !effect.joined)
            .filter_map(|(effect, _)| effect.mission_id.clone())
            .collect(),
        skipped: all.iter().filter(|(effect, ours)| !ours && effect.revision >= revision(plan.job)).count(),
        joined: matches!(plan.job.work.item, StorageItem::Listing(_))
            && all.iter().any(|(effect, _)| effect.mission_id.is_none() && effect.joined),
        revised: plan.revised,
    }
}
