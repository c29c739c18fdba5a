//! Which listing each job's work is on: one that is there, or one that is to be made.
//!
//! It must not write anything but the minds of those who wait: the listings that are meant are locked.

use std::collections::{BTreeSet, HashMap};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::address::Address;
use dispatch_mission::ids::ListingId;
use dispatch_routing::storage::StorageItem;

use super::Job;
use super::ground::Ground;
use super::made::{self, Made};
use super::shared::Shared;
use super::tables::{LISTINGS, Tables};
use crate::store::error::StoreError;
use crate::store::sql::sql;

// As JSON, for a column that a real database lacks is then simply absent. Sorted, like whoever else locks listings.
const LOCK: &str = "
SELECT l ->> 'listing_id' AS listing_id, l ->> 'address_string' AS address, l ->> 'deleted_at' IS NULL AS live,
    coalesce(l ->> 'status', 'new') <> 'completed' AS open, coalesce(l ->> 'status', 'new') = 'new' AS fresh
FROM (SELECT to_jsonb(listings) AS l FROM public.listings WHERE listing_id = ANY ($1)
    ORDER BY listing_id FOR NO KEY UPDATE) AS rows";

/// The listing of one job's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) listing: String,
    /// Whether others made it.
    pub(super) joined: bool,
    /// Where the unit's work was before, if that was elsewhere.
    pub(super) moved_from: Option<String>,
    /// Whether the unit has said there what it has to say, and does it once more: one place has one listing, whoever wants another.
    pub(super) again: bool,
}

#[derive(QueryableByName)]
struct Standing {
    #[diesel(sql_type = Text)]
    listing_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    address: Option<String>,
    #[diesel(sql_type = Bool)]
    live: bool,
    #[diesel(sql_type = Bool)]
    open: bool,
    #[diesel(sql_type = Bool)]
    fresh: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Choice {
    /// Where it was before.
    Stay,
    /// A listing that is there.
    Join(String),
    /// A new one.
    Make,
}

/// What is known when homes are chosen.
struct Known<'a> {
    made: &'a [Made],
    standings: HashMap<String, Standing>,
    shared: Shared,
}

/// A home for each job that needs one, in order; and who shares what the revised units have made.
///
/// What `made` says of units' listings is locked with those that are meant, in one order.
pub(super) async fn choose(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    jobs: &[(&Job<'_>, Option<Address>)],
    made: &[Made],
    ground: &mut Ground,
) -> Result<(Vec<Option<Home>>, Shared), StoreError> {
    let before: Vec<&Made> = made.iter().filter(|effect| effect.is_listing()).collect();
    let listed: BTreeSet<&str> = before.iter().filter_map(|effect| effect.listing_id.as_deref()).collect();
    let mut known = Known { made, standings: HashMap::new(), shared: Shared::default() };
    let mut missing: BTreeSet<String> = listed.iter().map(|id| (*id).to_owned()).collect();
    // The first turn locks all at once. Another one is needed where a listing was finished at the last moment.
    let mut first = true;
    loop {
        missing.extend(jobs.iter().filter_map(|(job, place)| match known.choice(job, place.as_ref(), ground)? {
            Choice::Join(listing) => Some(listing),
            Choice::Stay | Choice::Make => None,
        }));
        missing.retain(|id| !known.standings.contains_key(id));
        if missing.is_empty() && !first {
            break;
        }
        known.lock(connection, tables, std::mem::take(&mut missing), ground).await?;
        if std::mem::take(&mut first) {
            known.shared = Shared::read(connection, &listed.iter().copied().collect::<Vec<_>>()).await?;
        }
    }
    let homes = jobs.iter().map(|(job, place)| known.home(job, place.as_ref(), ground)).collect();
    Ok((homes, known.shared))
}

impl Known<'_> {
    async fn lock(
        &mut self,
        connection: &mut AsyncPgConnection,
        tables: &Tables,
        listings: BTreeSet<String>,
        ground: &mut Ground,
    ) -> Result<(), StoreError> {
        if listings.is_empty() || !tables.has(LISTINGS) {
            return Ok(());
        }
        let ids: Vec<&String> = listings.iter().collect();
        let rows: Vec<Standing> = sql(LOCK).bind::<Array<Text>, _>(ids).load(connection).await?;
        let mut rows: HashMap<String, Standing> = rows.into_iter().map(|row| (row.listing_id.clone(), row)).collect();
        for listing_id in listings {
            let gone =
                |listing_id: String| Standing { listing_id, address: None, live: false, open: false, fresh: false };
            let standing = rows.remove(&listing_id).unwrap_or_else(|| gone(listing_id.clone()));
            if !(standing.live && standing.open) {
                ground.close(&listing_id, !standing.live);
            }
            self.standings.insert(listing_id, standing);
        }
        Ok(())
    }

    /// The listing that the unit's work is on already. What is done once more looks for a home as if for the first time.
    fn before(&self, job: &Job<'_>) -> Option<&Made> {
        let is_first = job.work.nonce.is_none();
        self.made.iter().find(|effect| is_first && effect.is_listing() && effect.is_of(job.unit))
    }

    fn has_been_on(&self, job: &Job<'_>, listing: &str) -> bool {
        let is_it = |effect: &&Made| effect.listing_id.as_deref() == Some(listing) && effect.is_of(job.unit);
        job.work.nonce.is_some() && self.made.iter().filter(is_it).any(Made::is_listing)
    }

    /// None for a job that is about no listing of its own.
    fn choice(&self, job: &Job<'_>, place: Option<&Address>, ground: &Ground) -> Option<Choice> {
        let join = |place: &Address| ground.open_at(place).map(|listing| Choice::Join(listing.to_owned()));
        match &job.work.item {
            StorageItem::Listing(_) => {}
            // On one that is there, or nowhere.
            StorageItem::Activity(_) => return place.and_then(join),
            _ => return None,
        }
        let Some(before) = self.before(job) else {
            return Some(place.and_then(join).unwrap_or(Choice::Make));
        };
        let listing = before.listing_id.as_deref().unwrap_or_default();
        let (Some(place), Some(here)) = (place, self.standings.get(listing)) else { return Some(Choice::Stay) };
        let is_there = here.address.as_deref().and_then(Address::read).is_some_and(|address| address.is_same(place));
        // An older revision moves nothing; what somebody took up, or put away, is theirs.
        let stays = revision(job) <= before.revision
            || if here.live { is_there || (!before.joined && !here.fresh) } else { !before.withdrawn };
        if stays {
            return Some(Choice::Stay);
        }
        let alone = self.shared.is_alone(before, job.unit);
        Some(join(place).unwrap_or(if alone { Choice::Stay } else { Choice::Make }))
    }

    fn home(&self, job: &Job<'_>, place: Option<&Address>, ground: &mut Ground) -> Option<Home> {
        let choice = self.choice(job, place, ground)?;
        if matches!(job.work.item, StorageItem::Activity(_)) {
            let Choice::Join(listing) = choice else { return None };
            return Some(Home { listing, joined: true, moved_from: None, again: false });
        }
        let before = self.before(job);
        let moved_from = before.and_then(|before| before.listing_id.clone());
        let home = match choice {
            Choice::Stay => {
                let before = before?;
                Home { listing: before.listing_id.clone()?, joined: before.joined, moved_from: None, again: false }
            }
            Choice::Join(listing) => {
                let again = self.has_been_on(job, &listing);
                Home { listing, joined: true, moved_from, again }
            }
            Choice::Make => Home { listing: ListingId::mint().0, joined: false, moved_from, again: false },
        };
        // One that a person put away is nobody's home.
        let is_away = |before: &Made| {
            let standing = self.standings.get(&home.listing);
            !before.withdrawn && standing.is_some_and(|standing| !(standing.live && standing.open))
        };
        match place {
            Some(place) if home.joined => ground.call(&home.listing, place),
            Some(place) if home.moved_from.is_some() || !before.is_some_and(is_away) => {
                ground.add(&home.listing, place);
            }
            _ => {}
        }
        Some(home)
    }
}

pub(super) fn revision(job: &Job<'_>) -> i32 {
    i32::try_from(job.work.revision).unwrap_or(i32::MAX)
}

/// What the units of these jobs have made: all of it for a later revision; and their listings, so that a repeat finds its own.
pub(super) async fn made_before(connection: &mut AsyncPgConnection, jobs: &[Job<'_>]) -> Result<Vec<Made>, StoreError> {
    let asks = |job: &&Job<'_>| {
        job.work.revision > 0 || matches!(job.work.item, StorageItem::Listing(_) | StorageItem::Activity(_))
    };
    let units: Vec<_> = jobs.iter().filter(asks).map(|job| job.unit).collect();
    made::lock(connection, &units).await
}
