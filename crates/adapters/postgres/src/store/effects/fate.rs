//! What becomes of each row that a unit has made, now that its messages say something else. What nobody took up changes; what
//! other units ask for as well does not: the unit gets rows of its own instead.
//!
//! It must not write.

use dispatch_routing::storage::{ListingWork, StorageItem};
use serde_json::{Value, json};

use super::Job;
use super::apply::Effect;
use super::change::{Columns, Place};
use super::homes::Home;
use super::made::Made;
use super::notes::{self, Note};
use super::rows;
use super::shared::Shared;
use super::tables::{ACTIVITIES, AGENT_TASKS, LISTINGS, Tables};

/// What a person may have filled in stays where the message does not say otherwise.
const LISTING: Columns = Columns {
    key: "listing_id",
    written: &["due_date", "notes"],
    kept: &["address_string", "realtor_id", "type"],
    filled: &[],
};
/// Of a listing whose words are another unit's, which is gone.
const LISTING_PLACE: Columns =
    Columns { key: "listing_id", written: &[], kept: &["address_string", "due_date", "type"], filled: &[] };
/// Of a listing that other units write about as well, in notes of their own.
const SHARED_LISTING: Columns =
    Columns { key: "listing_id", written: &["notes"], kept: &[], filled: &["type", "due_date"] };
const ACTIVITY: Columns = Columns {
    key: "mission_id",
    written: &["listing_id", "name", "mission_type", "priority", "visibility_group"],
    kept: &["realtor_id", "mission_status"],
    filled: &[],
};
const REQUEST: Columns = Columns {
    key: "mission_id",
    written: &["listing_id", "name", "description", "mission_type", "due_date"],
    kept: &["realtor_id", "mission_status"],
    filled: &[],
};
const AGENT_TASK: Columns = Columns {
    key: "mission_id",
    written: &["name", "description", "mission_type", "due_date"],
    kept: &["realtor_id", "listing_id", "mission_status"],
    filled: &[],
};
const TASK_WORDS: Columns = Columns { key: "mission_id", written: &["description"], kept: &[], filled: &[] };
const LISTING_WORDS: Columns = Columns { key: "listing_id", written: &["notes"], kept: &[], filled: &[] };

/// A job of a later revision, with whom and which listing it speaks of.
pub(super) struct Later<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) realtor: Option<&'a str>,
    pub(super) listing: Option<&'a str>,
    /// Where a listing's work is from now on.
    pub(super) home: Option<&'a Home>,
    /// What a new unit would have, in the order of the items.
    pub(super) wanted: &'a [Effect],
    pub(super) shared: &'a Shared,
}

/// What is to be done with one effect.
pub(super) enum Fate<'a> {
    /// Its row says this from now on.
    Change(Place, Columns, Value),
    /// It has another row from now on, which may have to be made.
    Turn(&'a Effect),
    /// Its row is taken back.
    Gone,
    /// The unit asks for its row no longer; others do.
    Dropped,
    /// The unit asks for its row as before.
    Kept,
    /// Somebody took it up.
    Left,
    Nothing,
}

impl Later<'_> {
    pub(super) fn only_rewords(&self) -> bool {
        matches!(self.job.work.item, StorageItem::Reword(_))
    }

    pub(super) fn is_alone(&self, effect: &Made) -> bool {
        self.shared.is_alone(effect, self.job.unit)
    }

    /// Its row may be changed, or brought back.
    fn is_free(&self, effect: &Made, place: Place) -> bool {
        place == Place::Open || (place == Place::Back && effect.withdrawn && !self.only_rewords())
    }

    /// What becomes of a row that is the unit's alone.
    fn change(&self, effect: &Made, place: Place, columns: Columns, mut row: Value) -> Fate<'static> {
        match place {
            Place::Taken => Fate::Left,
            _ if self.is_free(effect, place) => {
                if place == Place::Open {
                    row["mission_status"] = Value::Null;
                }
                Fate::Change(place, columns, row)
            }
            _ => Fate::Nothing,
        }
    }

    fn gone(&self, effect: &Made, place: Place) -> Fate<'static> {
        match place {
            _ if !self.is_alone(effect) => Fate::Dropped,
            Place::Taken => Fate::Left,
            Place::Open => Fate::Gone,
            _ => Fate::Nothing,
        }
    }

    pub(super) fn fate(&self, effect: &Made, place: Place, tables: &Tables) -> Fate<'_> {
        let Some(id) = effect.row() else { return Fate::Nothing };
        match (&self.job.work.item, effect.table()) {
            (StorageItem::Withdraw, _) => self.gone(effect, place),
            (StorageItem::AgentTask(work), Some(AGENT_TASKS)) => {
                self.change(effect, place, AGENT_TASK, rows::agent_task(id, self.realtor, self.listing, work))
            }
            (StorageItem::Listing(work), Some(LISTINGS)) => self.listing(effect, place, work),
            (StorageItem::Listing(work), Some(ACTIVITIES)) => self.activity(effect, place, work),
            (StorageItem::Activity(work), Some(ACTIVITIES)) => {
                let listing = self.home.map(|home| home.listing.as_str()).or(effect.listing_id.as_deref());
                let row = rows::request(id, listing.unwrap_or_default(), self.realtor, work);
                self.change(effect, place, REQUEST, row)
            }
            (StorageItem::Reword(words), Some(ACTIVITIES)) if effect.item().is_none() => {
                self.change(effect, place, TASK_WORDS, json!({ "mission_id": id, "description": words.text }))
            }
            (StorageItem::Reword(words), Some(AGENT_TASKS)) => {
                self.change(effect, place, TASK_WORDS, json!({ "mission_id": id, "description": words.text }))
            }
            // The words of all the others stand in the same place.
            (StorageItem::Reword(_), Some(LISTINGS)) if effect.joined || self.must_append(effect, tables) => Fate::Kept,
            (StorageItem::Reword(words), Some(LISTINGS)) => {
                self.change(effect, place, LISTING_WORDS, json!({ "listing_id": id, "notes": words.text }))
            }
            _ => Fate::Nothing,
        }
    }

    fn must_append(&self, effect: &Made, tables: &Tables) -> bool {
        !self.is_alone(effect) && !notes::have_a_table(tables)
    }

    fn listing(&self, effect: &Made, place: Place, work: &ListingWork) -> Fate<'_> {
        let (Some(home), Some(wanted)) = (self.home, self.wanted.first()) else { return Fate::Nothing };
        if home.moved_from.is_some() {
            return Fate::Turn(wanted);
        }
        let mut row = rows::listing(&home.listing, self.realtor, work);
        if work.address.is_none() {
            row["address_string"] = Value::Null;
        }
        match (self.is_alone(effect), effect.joined) {
            (true, false) => self.change(effect, place, LISTING, row),
            (true, true) => self.change(effect, place, LISTING_PLACE, row),
            (false, false) => self.change(effect, place, SHARED_LISTING, row),
            (false, true) => Fate::Kept,
        }
    }

    fn activity(&self, effect: &Made, place: Place, work: &ListingWork) -> Fate<'_> {
        let Some((item, template)) = effect.item().and_then(|item| Some((item, work.activities.get(item)?))) else {
            return self.gone(effect, place);
        };
        let (Some(home), Some(wanted)) = (self.home, self.wanted.get(item + 1)) else { return Fate::Nothing };
        let is_there = wanted.mission_id == effect.mission_id;
        match (self.is_alone(effect), effect.row()) {
            (false, _) if is_there => Fate::Kept,
            (false, _) => Fate::Turn(wanted),
            // It is there by another's hand.
            (true, _) if wanted.joined && !is_there && place != Place::Taken => Fate::Turn(wanted),
            (true, Some(id)) => {
                let row = rows::activity(id, &home.listing, self.realtor, item, template);
                self.change(effect, place, ACTIVITY, row)
            }
            (true, None) => Fate::Nothing,
        }
    }

    /// The words that stand in a note of the unit's own from now on.
    pub(super) fn note<'a>(&'a self, effects: &[&'a Made], tables: &Tables) -> Option<Note<'a>> {
        let listed = effects.iter().find(|effect| effect.is_listing())?;
        let (listing, words) = match (&self.job.work.item, self.home) {
            (StorageItem::Listing(work), Some(home)) if home.joined => (home.listing.as_str(), work.notes.as_str()),
            (StorageItem::Reword(words), _) if listed.joined || self.must_append(listed, tables) => {
                (listed.listing_id.as_deref()?, words.text.as_str())
            }
            _ => return None,
        };
        Some(Note { unit: self.job.unit, listing, words })
    }
}
