//! A new mission's row, and whether what it points at is there. It must not know who makes it.

use diesel_async::AsyncPgConnection;
use dispatch_mission::ids::MissionId;
use dispatch_mission::mission::MissionKind;
use dispatch_mission::mission_desk::{NewMission, Refusal};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::change::table_of;
use super::people;
use crate::store::effects::rows;
use crate::store::effects::tables::{LISTINGS, REALTORS, Tables};
use crate::store::error::StoreError;
use crate::store::mission_desk::Halt;

const BOTH: [&str; 9] = [
    "mission_id",
    "listing_id",
    "realtor_id",
    "name",
    "description",
    "mission_type",
    "mission_status",
    "priority",
    "due_date",
];
const ACTIVITY: [&str; 1] = ["visibility_group"];

const NO_REALTOR: &str = "is needed: this database keeps no agent task without a realtor";

/// Whether its listing and its realtor exist, and whether this database asks for a realtor.
pub(crate) async fn check(connection: &mut AsyncPgConnection, tables: &Tables, new: &NewMission) -> Result<(), Halt> {
    let unknown = |field| Halt::Refused(Refusal::wrong(field, "is not known"));
    if let Some(listing) = new.listing_id.as_ref().filter(|_| tables.has(LISTINGS)) {
        people::exists(connection, LISTINGS, &listing.0).await?.then_some(()).ok_or_else(|| unknown("listing_id"))?;
    }
    if let Some(realtor) = new.realtor_id.as_ref().filter(|_| tables.has(REALTORS)) {
        people::exists(connection, REALTORS, &realtor.0).await?.then_some(()).ok_or_else(|| unknown("realtor_id"))?;
    }
    if new.kind == MissionKind::AgentTask && new.realtor_id.is_none() && tables.realtor_required() {
        return Err(Refusal::wrong("realtor_id", NO_REALTOR).into());
    }
    Ok(())
}

/// Makes the row.
pub(crate) async fn insert(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    id: &MissionId,
    new: &NewMission,
) -> Result<(), Halt> {
    let mut columns = BOTH.to_vec();
    if new.kind == MissionKind::Activity {
        columns.extend(ACTIVITY);
    }
    let made = rows::insert(connection, tables, table_of(new.kind), &columns, vec![as_row(id, new)]).await;
    made.map_err(|error| refused(error, new))
}

/// What only a row shows: a view says nothing of its table's constraints, and an old table knows fewer types.
fn refused(error: StoreError, new: &NewMission) -> Halt {
    match error.constraint() {
        Some("not_null_violation") if error.missing_column() == Some("realtor_id") => {
            Refusal::wrong("realtor_id", NO_REALTOR).into()
        }
        Some("check_violation") if new.mission_type.is_some() => {
            Refusal::wrong("mission_type", "is not known to this database").into()
        }
        _ => error.into(),
    }
}

fn as_row(id: &MissionId, new: &NewMission) -> Value {
    json!({
        "mission_id": id,
        "listing_id": new.listing_id,
        "realtor_id": new.realtor_id,
        "name": new.title.trim(),
        "description": new.description,
        "mission_type": new.mission_type.map(|kind| kind.as_str()),
        "mission_status": "OPEN",
        "priority": new.priority,
        "due_date": new.due_at.and_then(|at| at.format(&Rfc3339).ok()),
        "visibility_group": new.visibility.map_or("BOTH", |group| group.as_str()),
    })
}
