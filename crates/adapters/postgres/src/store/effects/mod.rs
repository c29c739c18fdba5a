//! Storage effects: rows in the brokerage's tables, each exactly once.
//!
//! The key of an effect is inserted in the transaction that makes it; who finds it there skips the item. It must not
//! know deliveries' states nor who retries.

mod apply;
mod change;
mod facts;
mod fate;
mod ground;
mod homes;
mod made;
mod messages;
mod names;
mod notes;
mod people;
mod revise;
pub(super) mod rows;
mod shared;
pub(super) mod tables;
mod withdraw;
mod write;

use std::time::{Duration, Instant};

use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_mission::address::Address;
use dispatch_routing::destination::StorageTable;
use dispatch_routing::storage::{StorageItem, StorageWork};
use serde_json::json;
use uuid::Uuid;

pub(crate) use self::made::table_of;
pub(crate) use self::people::last_ten;
use self::revise::Revised;
pub(crate) use self::withdraw::{Retraction, retract};
use super::error::StoreError;
use super::sql::sql;
use super::timeline::Entry;

/// The reason of a delivery that waits for the cut-over.
pub(crate) const EXPAND_DUE: &str = "cutover_expand_due";
/// The reason of a delivery whose row needs a realtor that nobody can name.
pub(crate) const REALTOR_UNRESOLVED: &str = "realtor_unresolved";
/// Why an activity cannot be made: there is no listing at its address that is not finished.
const LISTING_UNKNOWN: &str = "listing_unknown";
/// Why messages cannot be recorded: this database keeps no record of them.
const NO_MESSAGES_TABLE: &str = "messages_table_missing";

/// The effects of one storage delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    pub(crate) delivery: Uuid,
    pub(crate) unit: Uuid,
    pub(crate) classification: Option<Uuid>,
    pub(crate) table: StorageTable,
    pub(crate) work: &'a StorageWork,
}

/// What became of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every row is there: made now, or before (`skipped`), or on a listing of others (`joined`); and what became of those
    /// of earlier revisions.
    Done { listing: Option<String>, missions: Vec<String>, skipped: usize, joined: bool, revised: Revised },
    /// Waits for a condition outside; nothing was written.
    Held(&'static str),
    /// The database refuses the rows for good.
    Failed(String),
    /// It may succeed later.
    Later(&'static str),
    /// It will succeed when somebody has set the database right: a privilege, a migration. It uses up no attempt.
    Waits(&'static str),
}

impl Outcome {
    /// Whether an attempt was made at all.
    pub(crate) fn was_tried(&self) -> bool {
        !matches!(self, Self::Held(_) | Self::Waits(_))
    }

    /// Whether a person must name a realtor first.
    pub(crate) fn needs_a_person(&self) -> bool {
        *self == Self::Held(REALTOR_UNRESOLVED)
    }

    /// What the author of this work is told instead of what was planned.
    pub(crate) fn receipt<'a>(&self, work: &'a StorageWork) -> Option<&'a str> {
        match (self, &work.item) {
            (Self::Done { joined: true, .. }, StorageItem::Listing(work)) => work.receipt_updated.as_deref(),
            _ => None,
        }
    }

    fn of_error(error: &StoreError) -> Self {
        if error.missing_column() == Some("realtor_id") {
            return Self::Held(REALTOR_UNRESOLVED);
        }
        // Failing is for good, so only a row's own fault may do it.
        match (error.constraint(), error.condition()) {
            (Some(constraint), _) => Self::Failed(format!("storage_{constraint}")),
            (None, _) if error.is_passing() => Self::Later("storage_busy"),
            (None, _) if error.is_bad_value() => Self::Failed("storage_refused".to_owned()),
            (None, Some("not_permitted")) => Self::Waits("storage_not_permitted"),
            (None, Some(_)) => Self::Waits("storage_table_differs"),
            (None, None) => Self::Later("storage_unavailable"),
        }
    }
}

/// For the rest of the transaction: a table that somebody has locked is not waited for as long as the claim lasts. And the
/// server speaks the language that its refusals are known in, where it lets us choose.
const MANNERS: &str = "
SELECT set_config('lock_timeout', $1::text || 'ms', true),
    CASE WHEN current_setting('is_superuser') = 'on' THEN set_config('lc_messages', 'C', true) END";

/// The longest that the brokerage's tables are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a delivery waits that needs somebody to set the database right.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Applies these jobs inside the caller's transaction, each one whole or not at all. Answers in order.
///
/// All go together under one savepoint; when one of them fails, each goes alone.
///
/// # Errors
///
/// Only when the connection is gone.
pub(crate) async fn apply(connection: &mut AsyncPgConnection, jobs: &[Job<'_>]) -> Result<Vec<Outcome>, StoreError> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    mind_manners(connection).await?;
    let since = Instant::now();
    let Some(tables) = tables::read(connection).await? else {
        return Ok(vec![Outcome::Held(EXPAND_DUE); jobs.len()]);
    };
    match attempt(connection, &tables, jobs).await {
        Ok(outcomes) => return Ok(outcomes),
        Err(error) if error.is_fatal() => return Err(error),
        // One by one they would only wait one by one. By the clock too, for words may not be understood.
        Err(error) if error.is_passing() || since.elapsed() >= PATIENCE || jobs.len() == 1 => {
            return Ok(jobs.iter().map(|job| refused(job, &error)).collect());
        }
        Err(_) => {}
    }
    let mut outcomes = vec![Outcome::Later("storage_busy"); jobs.len()];
    for place in street_by_street(jobs) {
        if since.elapsed() >= PATIENCE {
            break;
        }
        match attempt(connection, &tables, &jobs[place..=place]).await {
            Ok(mut alone) => outcomes[place] = alone.pop().unwrap_or(Outcome::Later("storage_busy")),
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => outcomes[place] = refused(&jobs[place], &error),
        }
    }
    Ok(outcomes)
}

/// The order in which all take what they hold until they commit.
fn street_by_street(jobs: &[Job<'_>]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..jobs.len()).collect();
    places
        .sort_by_cached_key(|place| address_of(&jobs[*place]).and_then(Address::read).map(|address| address.ground()));
    places
}

/// The address that a job's work is about, as it was typed.
fn address_of<'a>(job: &Job<'a>) -> Option<&'a str> {
    match &job.work.item {
        StorageItem::AgentTask(work) | StorageItem::Activity(work) => work.address.as_deref(),
        StorageItem::Listing(work) => work.address.as_deref(),
        StorageItem::Messages | StorageItem::Reword(_) | StorageItem::Withdraw => None,
    }
}

async fn mind_manners(connection: &mut AsyncPgConnection) -> Result<(), StoreError> {
    sql(MANNERS).bind::<Text, _>(PATIENCE.as_millis().to_string()).execute(connection).await?;
    Ok(())
}

async fn attempt(
    connection: &mut AsyncPgConnection,
    tables: &tables::Tables,
    jobs: &[Job<'_>],
) -> Result<Vec<Outcome>, StoreError> {
    connection.transaction(async |connection| apply::apply(connection, tables, jobs).await).await
}

fn refused(job: &Job<'_>, error: &StoreError) -> Outcome {
    let outcome = Outcome::of_error(error);
    tracing::warn!(delivery_id = %job.delivery, unit_id = %job.unit, %error, ?outcome, "a storage delivery did not succeed");
    outcome
}

/// The story's line about an attempt at one delivery.
pub(crate) fn entry(delivery: Uuid, unit: Uuid, attempt: i32, outcome: &Outcome) -> Entry {
    let (event, detail) = match outcome {
        Outcome::Done { listing, missions, skipped, joined, revised } => {
            let mut detail = json!({ "attempt": attempt, "outcome": "delivered", "missions": missions });
            if let Some(listing) = listing {
                detail["listing_id"] = json!(listing);
            }
            if *joined {
                detail["listing"] = json!("updated");
            }
            if *skipped > 0 {
                detail["already_there"] = json!(skipped);
            }
            for (name, count) in [("changed", revised.changed), ("withdrawn", revised.withdrawn)] {
                if count > 0 {
                    detail[name] = json!(count);
                }
            }
            if revised.left > 0 {
                detail["left"] = json!("taken");
            }
            ("delivery.attempted", detail)
        }
        Outcome::Held(reason) => ("delivery.held", json!({ "reason": reason })),
        Outcome::Failed(code) => (
            "delivery.attempted",
            json!({ "attempt": attempt, "outcome": "permanent", "code": code, "state": "failed" }),
        ),
        Outcome::Later(code) | Outcome::Waits(code) => {
            ("delivery.attempted", json!({ "attempt": attempt, "outcome": "retryable", "code": code }))
        }
    };
    Entry {
        step: "deliver",
        event,
        unit: Some(unit),
        delivery: Some(delivery),
        subject: Some(delivery.to_string()),
        detail,
        ..Entry::default()
    }
}
