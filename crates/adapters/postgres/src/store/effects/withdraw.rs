//! Takes back what a unit has made: missions that nobody took are cancelled, and a listing with no other work on it goes.
//!
//! It must not know why it is not wanted any more.

use std::collections::{HashMap, HashSet};

use diesel_async::{AsyncConnection, AsyncPgConnection};
use uuid::Uuid;

use super::change::{self, Place};
use super::facts;
use super::made::{self, Made};
use super::notes;
use super::shared::Shared;
use super::tables::{self, ACTIVITIES, AGENT_TASKS, LISTINGS, Tables};
use crate::store::error::StoreError;

/// What became of everything that a unit had made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retraction {
    /// It is gone, or there was nothing.
    Done,
    /// Somebody took a mission of it up, so that all of it stays.
    Taken,
    /// It cannot be done now; nothing was changed.
    Later,
}

/// Takes these effects back, whose rows are locked and nobody's. Answers the keys of those that are gone.
pub(super) async fn take_back(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    effects: &[&Made],
) -> Result<HashSet<String>, StoreError> {
    let rows = |table: &'static str| -> Vec<&str> {
        effects.iter().filter(|effect| effect.table() == Some(table)).filter_map(|effect| effect.row()).collect()
    };
    for table in [ACTIVITIES, AGENT_TASKS] {
        let missions = rows(table);
        change::cancel(connection, tables, table, &missions).await?;
        facts::close(connection, &missions).await?;
    }
    let deleted = change::delete_listings(connection, tables, &rows(LISTINGS)).await?;
    let is_gone = |effect: &&&Made| {
        effect.table() != Some(LISTINGS) || effect.row().is_some_and(|row| deleted.iter().any(|one| one == row))
    };
    Ok(effects.iter().filter(is_gone).map(|effect| effect.effect_key.clone()).collect())
}

/// Takes back everything that each of these units has made, under this revision; of one whose work somebody has taken up,
/// nothing.
///
/// # Errors
///
/// Only when the connection is gone.
pub(crate) async fn retract(
    connection: &mut AsyncPgConnection,
    units: &[(Uuid, i32)],
) -> Result<HashMap<Uuid, Retraction>, StoreError> {
    let mut outcomes = HashMap::with_capacity(units.len());
    if units.is_empty() {
        return Ok(outcomes);
    }
    super::mind_manners(connection).await?;
    for (unit, revision) in units {
        let outcome = connection.transaction(async |connection| one(connection, *unit, *revision).await).await;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => {
                tracing::warn!(unit_id = %unit, %error, "what a deleted message had made was not taken back yet");
                Retraction::Later
            }
        };
        outcomes.insert(*unit, outcome);
    }
    Ok(outcomes)
}

async fn one(connection: &mut AsyncPgConnection, unit: Uuid, revision: i32) -> Result<Retraction, StoreError> {
    let made = made::lock(connection, &[unit]).await?;
    if made.is_empty() {
        return Ok(Retraction::Done);
    }
    // While the tables do not answer to their new names, whatever is in them waits with them.
    let Some(tables) = tables::read(connection).await? else { return Ok(Retraction::Later) };
    let earlier: Vec<&Made> = made.iter().filter(|effect| effect.revision < revision).collect();
    let on = |table: &'static str| earlier.iter().copied().filter(move |effect| effect.table() == Some(table));
    // The listings first: whoever else asks for one, or stops to, waits here.
    let listed: Vec<&str> = on(LISTINGS).filter_map(|effect| effect.row()).collect();
    let mut places = change::places(connection, LISTINGS, &listed).await?;
    let shared = Shared::read(connection, &listed).await?;
    for table in [ACTIVITIES, AGENT_TASKS] {
        let ids: Vec<&str> = on(table).filter_map(|effect| effect.row()).collect();
        places.extend(change::places(connection, table, &ids).await?);
    }
    let place = |effect: &Made| effect.row().and_then(|row| places.get(row)).copied();
    let is_taken = |effect: &&Made| !effect.is_listing() && !effect.joined && place(effect) == Some(Place::Taken);
    if earlier.iter().copied().any(|effect| is_taken(&effect)) {
        return Ok(Retraction::Taken);
    }
    // What others ask for as well stays theirs.
    let (alone, others): (Vec<&Made>, Vec<&Made>) =
        earlier.iter().copied().partition(|effect| shared.is_alone(effect, unit));
    let open: Vec<&Made> = alone.into_iter().filter(|effect| place(effect) == Some(Place::Open)).collect();
    let gone = take_back(connection, &tables, &open).await?;
    if earlier.iter().any(|effect| effect.is_listing() && effect.joined) {
        notes::take_back(connection, &tables, &[unit]).await?;
    }
    let is_dropped = |effect: &Made| others.iter().any(|other| other.effect_key == effect.effect_key);
    let notes: Vec<(&Made, bool)> = made
        .iter()
        .map(|effect| (effect, effect.withdrawn || gone.contains(&effect.effect_key) || is_dropped(effect)))
        .collect();
    made::note(connection, &notes, revision).await?;
    Ok(Retraction::Done)
}
