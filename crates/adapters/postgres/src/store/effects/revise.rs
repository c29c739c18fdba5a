//! One storage delivery of a later revision: rows of earlier ones that nobody took up say what the unit says now.
//!
//! It must not handle errors: a savepoint stands around it.

use std::collections::HashSet;

use diesel_async::AsyncPgConnection;
use dispatch_mission::mission::MissionKind;
use dispatch_routing::storage::StorageItem;
use serde_json::Value;

use super::apply::Effect;
use super::change::{self, Columns, Place};
use super::facts::{self, Fact};
use super::fate::{Fate, Later};
use super::homes::revision;
use super::made::{self, Made, Turned};
use super::notes;
use super::rows;
use super::tables::{ACTIVITIES, AGENT_TASKS, LISTINGS, Tables};
use super::withdraw;
use super::write::{FILLED, filling};
use crate::store::error::StoreError;

/// What a revision came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Revised {
    /// Rows that say something else now.
    pub(crate) changed: usize,
    /// Rows that were taken back.
    pub(crate) withdrawn: usize,
    /// Rows that somebody took up meanwhile: they are that person's.
    pub(crate) left: usize,
}

/// Effects by what is to be done with them.
#[derive(Default)]
struct Sorted<'a> {
    changed: Vec<(&'static str, &'a Made, Place, Columns, Value)>,
    turned: Vec<(&'a Made, &'a Effect)>,
    gone: Vec<&'a Made>,
    dropped: HashSet<&'a str>,
    kept: HashSet<&'a str>,
    left: usize,
}

/// Applies `later` to what its unit has made in this destination.
pub(super) async fn apply(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    later: &Later<'_>,
    made: &[Made],
) -> Result<Revised, StoreError> {
    let unit = later.job.unit;
    let number = revision(later.job);
    let is_meant = |effect: &&Made| {
        effect.is_of(unit)
            && effect.revision < number
            && effect.destination() == Some(later.job.table)
            // What an agent answered does not change with the words it was asked about; it goes with them.
            && (!effect.is_answer() || matches!(later.job.work.item, StorageItem::Withdraw))
    };
    let effects: Vec<&Made> = made.iter().filter(is_meant).collect();
    let mut sorted = Sorted::default();
    for table in [LISTINGS, ACTIVITIES, AGENT_TASKS] {
        let here: Vec<&Made> = effects.iter().copied().filter(|effect| effect.table() == Some(table)).collect();
        sort(connection, tables, later, table, &here, &mut sorted).await?;
    }
    let changed = write(connection, tables, later, &sorted.changed).await?;
    turn(connection, tables, later, &sorted.turned).await?;
    let gone = withdraw::take_back(connection, tables, &sorted.gone).await?;
    leave(connection, tables, later, &sorted.turned).await?;
    rewrite_note(connection, tables, later, &effects).await?;
    let is_turned = |effect: &Made| sorted.turned.iter().any(|(turned, _)| turned.effect_key == effect.effect_key);
    let withdrawn = |effect: &Made| {
        let key = effect.effect_key.as_str();
        gone.contains(key)
            || sorted.dropped.contains(key)
            || (effect.withdrawn && !changed.contains(key) && !sorted.kept.contains(key))
    };
    let notes: Vec<(&Made, bool)> =
        effects.iter().filter(|effect| !is_turned(effect)).map(|effect| (*effect, withdrawn(effect))).collect();
    made::note(connection, &notes, number).await?;
    Ok(Revised {
        changed: changed.len() + sorted.turned.len(),
        withdrawn: gone.len() + sorted.dropped.len(),
        left: sorted.left,
    })
}

async fn sort<'a>(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    later: &'a Later<'_>,
    table: &'static str,
    effects: &[&'a Made],
    sorted: &mut Sorted<'a>,
) -> Result<(), StoreError> {
    let ids: Vec<&str> = effects.iter().filter_map(|effect| effect.row()).collect();
    let places = change::places(connection, table, &ids).await?;
    for effect in effects {
        let place = effect.row().and_then(|row| places.get(row)).copied().unwrap_or(Place::Closed);
        match later.fate(effect, place, tables) {
            Fate::Change(place, columns, row) => sorted.changed.push((table, effect, place, columns, row)),
            Fate::Turn(wanted) => sorted.turned.push((effect, wanted)),
            Fate::Gone => sorted.gone.push(effect),
            Fate::Dropped => {
                sorted.dropped.insert(&effect.effect_key);
            }
            Fate::Kept => {
                sorted.kept.insert(&effect.effect_key);
            }
            Fate::Left => sorted.left += 1,
            Fate::Nothing => {}
        }
    }
    Ok(())
}

/// Writes what is said now. Answers which effects say it.
async fn write(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    later: &Later<'_>,
    changed: &[(&'static str, &Made, Place, Columns, Value)],
) -> Result<HashSet<String>, StoreError> {
    let keys = changed.iter().map(|(_, effect, ..)| effect.effect_key.clone()).collect();
    let missions: Vec<&str> = changed.iter().filter_map(|(_, effect, ..)| effect.mission_id.as_deref()).collect();
    if !later.only_rewords() {
        facts::update(connection, later.job, &missions).await?;
    }
    for (_, effect, place, ..) in changed {
        if let (Place::Back, None, Some(listing)) = (place, &effect.mission_id, &effect.listing_id) {
            change::restore_listing(connection, listing).await?;
        }
    }
    for table in [LISTINGS, ACTIVITIES, AGENT_TASKS] {
        // All rows of a table change in the same columns.
        let here = || changed.iter().filter(move |(here, ..)| *here == table);
        let Some((.., columns, _)) = here().next() else { continue };
        let rows = here().map(|(.., row)| row.clone()).collect();
        change::update(connection, tables, table, *columns, rows).await?;
    }
    if let (StorageItem::Listing(work), Some(home)) = (&later.job.work.item, later.home)
        && home.joined
        && let Some(row) = filling(&home.listing, work)
    {
        change::update(connection, tables, LISTINGS, FILLED, vec![row]).await?;
    }
    Ok(keys)
}

/// Makes the missions of those that have none to turn to, and turns all. A listing to turn to is there already.
async fn turn(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    later: &Later<'_>,
    turned: &[(&Made, &Effect)],
) -> Result<(), StoreError> {
    let StorageItem::Listing(work) = &later.job.work.item else { return Ok(()) };
    let (mut activities, mut facts) = (Vec::new(), Vec::new());
    for (effect, wanted) in turned.iter().filter(|(_, wanted)| !wanted.joined) {
        let (Some(id), Some(listing)) = (wanted.mission_id.as_deref(), wanted.listing_id.as_deref()) else { continue };
        let Some((item, template)) = effect.item().and_then(|item| Some((item, work.activities.get(item)?))) else {
            continue;
        };
        activities.push(rows::activity(id, listing, later.realtor, item, template));
        facts.push(Fact { mission: id.to_owned(), kind: MissionKind::Activity, job: later.job });
    }
    rows::insert(connection, tables, ACTIVITIES, &rows::ACTIVITY, activities).await?;
    facts::insert(connection, &facts).await?;
    let turns: Vec<Turned<'_>> = turned
        .iter()
        .map(|(effect, wanted)| Turned {
            effect_key: &effect.effect_key,
            listing_id: wanted.listing_id.as_deref(),
            mission_id: wanted.mission_id.as_deref(),
            joined: wanted.joined,
        })
        .collect();
    made::turn(connection, &turns, revision(later.job)).await
}

/// Takes back what the unit alone had and has turned away from.
async fn leave(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    later: &Later<'_>,
    turned: &[(&Made, &Effect)],
) -> Result<(), StoreError> {
    let left: Vec<&Made> =
        turned.iter().map(|(effect, _)| *effect).filter(|effect| later.is_alone(effect) && !effect.withdrawn).collect();
    let ids: Vec<&str> = left.iter().filter_map(|effect| effect.mission_id.as_deref()).collect();
    let mut places = change::places(connection, ACTIVITIES, &ids).await?;
    let listed: Vec<&str> =
        left.iter().filter(|effect| effect.is_listing()).filter_map(|effect| effect.row()).collect();
    places.extend(change::places(connection, LISTINGS, &listed).await?);
    let is_open = |effect: &&Made| effect.row().and_then(|row| places.get(row)) == Some(&Place::Open);
    let left: Vec<&Made> = left.into_iter().filter(is_open).collect();
    withdraw::take_back(connection, tables, &left).await?;
    Ok(())
}

/// The unit's note on a listing of others says what the unit says, and goes when the listing is the unit's own.
async fn rewrite_note(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    later: &Later<'_>,
    effects: &[&Made],
) -> Result<(), StoreError> {
    if let Some(note) = later.note(effects, tables) {
        return notes::write(connection, tables, &[note]).await;
    }
    let had_one = effects.iter().any(|effect| effect.is_listing() && effect.joined);
    if had_one && !later.only_rewords() {
        notes::take_back(connection, tables, &[later.job.unit]).await?;
    }
    Ok(())
}
