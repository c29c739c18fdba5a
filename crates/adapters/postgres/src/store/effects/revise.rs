//! One storage delivery of a later revision: rows of earlier ones that nobody took up say what the unit says now.
//!
//! It must not add rows, nor handle errors: a savepoint stands around it.

use std::collections::HashSet;

use diesel_async::AsyncPgConnection;
use dispatch_routing::storage::StorageItem;
use serde_json::{Value, json};

use super::Job;
use super::change::{self, Columns, Place};
use super::facts;
use super::made::{self, Made};
use super::rows;
use super::tables::{ACTIVITIES, AGENT_TASKS, LISTINGS, Tables};
use super::withdraw;
use crate::store::error::StoreError;

/// What a person may have filled in stays where the message does not say otherwise.
const LISTING: Columns =
    Columns { key: "listing_id", written: &["due_date", "notes"], kept: &["address_string", "realtor_id", "type"] };
const ACTIVITY: Columns = Columns {
    key: "mission_id",
    written: &["name", "mission_type", "priority", "visibility_group"],
    kept: &["realtor_id", "mission_status"],
};
const AGENT_TASK: Columns = Columns {
    key: "mission_id",
    written: &["name", "description", "mission_type", "due_date"],
    kept: &["realtor_id", "listing_id", "mission_status"],
};
const TASK_WORDS: Columns = Columns { key: "mission_id", written: &["description"], kept: &[] };
const LISTING_WORDS: Columns = Columns { key: "listing_id", written: &["notes"], kept: &[] };

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

/// A job of a later revision, with whom and which listing it speaks of.
pub(super) struct Later<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) realtor: Option<&'a str>,
    pub(super) listing: Option<&'a str>,
}

impl Later<'_> {
    fn revision(&self) -> i32 {
        i32::try_from(self.job.work.revision).unwrap_or(i32::MAX)
    }

    /// What the row of this effect says from now on; `None` where the unit does not want it any more.
    fn row(&self, effect: &Made, place: Place) -> Option<Value> {
        let (id, item) = (effect.row()?, effect.item()?);
        let mut row = match &self.job.work.item {
            StorageItem::AgentTask(work) => rows::agent_task(id, self.realtor, self.listing, work),
            StorageItem::Listing(work) if effect.mission_id.is_none() => {
                let mut row = rows::listing(id, self.realtor, work);
                if work.address.is_none() {
                    row["address_string"] = Value::Null;
                }
                row
            }
            StorageItem::Listing(work) => {
                let listing = effect.listing_id.as_deref()?;
                rows::activity(id, listing, self.realtor, item, work.activities.get(item)?)
            }
            StorageItem::Reword(words) if effect.mission_id.is_none() => {
                json!({ "listing_id": id, "notes": words.text })
            }
            StorageItem::Reword(words) => json!({ "mission_id": id, "description": words.text }),
            StorageItem::Withdraw => return None,
        };
        if place == Place::Open {
            row["mission_status"] = Value::Null;
        }
        Some(row)
    }

    fn only_rewords(&self) -> bool {
        matches!(self.job.work.item, StorageItem::Reword(_))
    }

    fn columns(&self, table: &str) -> Option<Columns> {
        let rewords = self.only_rewords();
        match table {
            LISTINGS => Some(if rewords { LISTING_WORDS } else { LISTING }),
            AGENT_TASKS => Some(if rewords { TASK_WORDS } else { AGENT_TASK }),
            // Their words are the template's.
            ACTIVITIES => (!rewords).then_some(ACTIVITY),
            _ => None,
        }
    }
}

/// Applies `later` to what its unit has made in this destination.
pub(super) async fn apply(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    later: &Later<'_>,
    made: &[Made],
) -> Result<Revised, StoreError> {
    let unit = later.job.unit;
    let is_meant = |effect: &&Made| {
        effect.is_of(unit)
            && effect.revision < later.revision()
            && effect.table().and_then(made::table_of) == Some(later.job.table)
            // What an agent answered does not change with the words it was asked about; it goes with them.
            && (effect.item().is_some() || matches!(later.job.work.item, StorageItem::Withdraw))
    };
    let effects: Vec<&Made> = made.iter().filter(is_meant).collect();
    let mut sorted = Sorted::default();
    for table in [LISTINGS, ACTIVITIES, AGENT_TASKS] {
        let here: Vec<&Made> = effects.iter().copied().filter(|effect| effect.table() == Some(table)).collect();
        sort(connection, later, table, &here, &mut sorted).await?;
    }
    let changed = write(connection, tables, later, sorted.changed).await?;
    let gone = withdraw::take_back(connection, tables, &sorted.gone).await?;
    let withdrawn = |effect: &Made| {
        gone.contains(&effect.effect_key) || (effect.withdrawn && !changed.contains(&effect.effect_key))
    };
    let notes: Vec<(&Made, bool)> = effects.iter().map(|effect| (*effect, withdrawn(effect))).collect();
    made::note(connection, &notes, later.revision()).await?;
    Ok(Revised { changed: changed.len(), withdrawn: gone.len(), left: sorted.left })
}

/// Effects by what is to be done with them.
#[derive(Default)]
struct Sorted<'a> {
    changed: Vec<(&'static str, &'a Made, Place, Value)>,
    gone: Vec<&'a Made>,
    left: usize,
}

async fn sort<'a>(
    connection: &mut AsyncPgConnection,
    later: &Later<'_>,
    table: &'static str,
    effects: &[&'a Made],
    sorted: &mut Sorted<'a>,
) -> Result<(), StoreError> {
    let ids: Vec<&str> = effects.iter().filter_map(|effect| effect.row()).collect();
    let places = change::places(connection, table, &ids).await?;
    for effect in effects {
        let place = effect.row().and_then(|row| places.get(row)).copied().unwrap_or(Place::Closed);
        let is_ours = place == Place::Open || (place == Place::Back && effect.withdrawn && !later.only_rewords());
        match later.row(effect, place) {
            _ if place == Place::Taken => sorted.left += 1,
            Some(row) if is_ours && later.columns(table).is_some() => sorted.changed.push((table, effect, place, row)),
            None if place == Place::Open => sorted.gone.push(effect),
            _ => {}
        }
    }
    Ok(())
}

/// Writes what is said now. Answers which effects say it.
async fn write(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    later: &Later<'_>,
    changed: Vec<(&'static str, &Made, Place, Value)>,
) -> Result<HashSet<String>, StoreError> {
    let keys = changed.iter().map(|(_, effect, ..)| effect.effect_key.clone()).collect();
    let missions: Vec<&str> = changed.iter().filter_map(|(_, effect, ..)| effect.mission_id.as_deref()).collect();
    if !later.only_rewords() {
        facts::update(connection, later.job, &missions).await?;
    }
    for (_, effect, place, _) in &changed {
        if let (Place::Back, None, Some(listing)) = (place, &effect.mission_id, &effect.listing_id) {
            change::restore_listing(connection, listing).await?;
        }
    }
    for table in [LISTINGS, ACTIVITIES, AGENT_TASKS] {
        let rows = changed.iter().filter(|(here, ..)| *here == table).map(|(.., row)| row.clone()).collect();
        if let Some(columns) = later.columns(table) {
            change::update(connection, tables, table, columns, rows).await?;
        }
    }
    Ok(keys)
}
