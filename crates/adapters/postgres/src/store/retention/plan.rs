//! How one matter is removed, as statements. Ids and cursors are text in all of them, whatever the key is.
//!
//! It must not run anything.

use dispatch_pipeline::ports::retention::Matter;

use super::{aged, batches, bodies, contents, ignored, lanes, requests, stories, work};

/// What a walk over one matter is made of. `$1` are ids (or the cursor), `$2` is the age of the matter and `$3` that of dead
/// work, in microseconds, except in `look`.
pub(super) struct Plan {
    /// The cursor that stands before the first row.
    pub(super) first: &'static str,
    /// `$1` cursor, `$2` age, `$3` limit: the next rows by their key, and whether each is old enough to be considered.
    pub(super) look: &'static str,
    /// Whether keys grow with age, so that a walk ends where only young rows are left. Keys that are minted are UUIDv7 or
    /// counted: their own index is the index of age, and nothing on the way of a message pays for another.
    pub(super) by_age: bool,
    /// Those of the ids that may go now.
    pub(super) over: &'static str,
    /// Those of the ids that nobody else has in hand, locked.
    pub(super) lock: &'static str,
    /// What belongs to them and has to be nobody else's as well.
    pub(super) parts: &'static [Part],
    pub(super) removals: &'static [Removal],
}

/// Rows that belong to what is removed.
pub(super) struct Part {
    /// `$1` ids: locks the parts that are free and answers their keys.
    pub(super) lock: &'static str,
    /// `$1` ids, `$2` keys that were locked: the ids that have no other part.
    pub(super) whole: &'static str,
}

/// One statement of a removal, children before their parents.
pub(super) struct Removal {
    pub(super) table: &'static str,
    /// `AS t WHERE …`, by `$1`.
    pub(super) which: &'static str,
    pub(super) how: How,
    /// Where a preview counts otherwise.
    pub(super) counted: Option<&'static str>,
    /// Whether it is told at all: a row that only forgets something stays.
    pub(super) counts: bool,
}

pub(super) enum How {
    Delete,
    Set(&'static str),
}

impl Removal {
    pub(super) const fn delete(table: &'static str, which: &'static str) -> Self {
        Self { table, which, how: How::Delete, counted: None, counts: true }
    }

    pub(super) fn statement(&self) -> String {
        match self.how {
            How::Delete => format!("DELETE FROM dispatch.{} AS t WHERE {}", self.table, self.which),
            How::Set(what) => format!("UPDATE dispatch.{} AS t SET {what} WHERE {}", self.table, self.which),
        }
    }

    pub(super) fn count(&self) -> String {
        let which = self.counted.unwrap_or(self.which);
        format!("SELECT count(*) AS rows FROM dispatch.{} AS t WHERE {which}", self.table)
    }
}

pub(super) fn plan(matter: Matter) -> &'static Plan {
    match matter {
        Matter::Work => &work::PLAN,
        Matter::Ignored => &ignored::PLAN,
        Matter::Bodies => &bodies::PLAN,
        Matter::Requests => &requests::PLAN,
        Matter::Reports => &aged::REPORTS,
        Matter::Stories => &stories::PLAN,
        Matter::Quotas => &aged::QUOTAS,
        Matter::Contents => &contents::PLAN,
        Matter::Batches => &batches::PLAN,
        Matter::Buckets => &lanes::BUCKETS,
        Matter::Breakers => &lanes::BREAKERS,
        Matter::Traffic => &aged::TRAFFIC,
    }
}
