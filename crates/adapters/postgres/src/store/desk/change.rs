//! One mission's row: locked, then changed. What a real database has no column for is not written.
//!
//! It must not know why.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::MissionId;
use dispatch_mission::mission::{Mission, MissionKind};
use dispatch_mission::rules::Change;
use uuid::Uuid;

use crate::store::effects::tables::{ACTIVITIES, AGENT_TASKS, Tables};
use crate::store::error::StoreError;
use crate::store::sql::sql;

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Text)]
    mission_id: String,
}

/// Locks the row until the transaction ends; answers its id as it is stored. `None` when no row has the id.
pub(crate) async fn lock(connection: &mut AsyncPgConnection, id: &MissionId) -> Result<Option<MissionId>, StoreError> {
    let mut names = vec![id.0.clone()];
    // Some clients write UUIDs in upper case.
    names.extend(Uuid::parse_str(&id.0).ok().map(|id| id.to_string()).filter(|lower| *lower != id.0));
    for table in [AGENT_TASKS, ACTIVITIES] {
        let statement = format!(
            "SELECT mission_id::text AS mission_id FROM public.{table} WHERE mission_id = ANY ($1) FOR NO KEY UPDATE"
        );
        let mut rows: Vec<Locked> = sql(statement).bind::<Array<Text>, _>(&names).load(connection).await?;
        if let Some(row) = rows.pop() {
            return Ok(Some(MissionId(row.mission_id)));
        }
    }
    Ok(None)
}

/// Writes what was decided.
pub(crate) async fn write(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    mission: &Mission,
    change: &Change,
) -> Result<(), StoreError> {
    let table = table_of(mission.kind);
    let (columns, value) = assignments(change);
    let known = |column: &&(&'static str, &'static str)| !tables.existing(table, &[column.0]).is_empty();
    let set: Vec<String> = columns.iter().filter(known).map(|(column, is)| format!("{column} = {is}")).collect();
    // The value is bound also where no column takes it.
    let statement = format!(
        "UPDATE public.{table} SET {} WHERE mission_id = $1 AND $2::text IS NOT DISTINCT FROM $2",
        set.join(", ")
    );
    sql(statement).bind::<Text, _>(&mission.mission_id.0).bind::<Nullable<Text>, _>(value).execute(connection).await?;
    if *change == Change::Done {
        // Nobody waits for an answer any more, should it be opened again.
        let answered =
            "UPDATE dispatch.mission_facts SET needs_info = NULL WHERE mission_id = $1 AND needs_info IS NOT NULL";
        sql(answered).bind::<Text, _>(&mission.mission_id.0).execute(connection).await?;
    }
    Ok(())
}

pub(crate) fn table_of(kind: MissionKind) -> &'static str {
    match kind {
        MissionKind::Activity => ACTIVITIES,
        MissionKind::AgentTask => AGENT_TASKS,
    }
}

/// Columns with what they become, `$2` being the one value that comes from outside.
fn assignments(change: &Change) -> (&'static [(&'static str, &'static str)], Option<&str>) {
    match change {
        Change::TakenBy(who) => (
            &[
                ("mission_status", "'CLAIMED'"),
                ("assigned_staff_id", "$2"),
                ("claimed_at", "now()"),
                ("completed_at", "NULL"),
            ],
            Some(&who.0),
        ),
        Change::Opened => (
            &[
                ("mission_status", "'OPEN'"),
                ("assigned_staff_id", "NULL"),
                ("claimed_at", "NULL"),
                ("completed_at", "NULL"),
            ],
            None,
        ),
        Change::Done => (&[("mission_status", "'DONE'"), ("completed_at", "now()")], None),
        Change::Typed(kind) => (&[("mission_type", "$2")], kind.map(|kind| kind.as_str())),
        Change::DeletedBy(who) => (&[("deleted_at", "now()"), ("deleted_by", "$2")], Some(who)),
    }
}

#[test]
fn statuses_are_spelled_as_the_domain_stores_them() {
    use dispatch_mission::ids::StaffId;
    use dispatch_mission::status::MissionStatus;
    for change in [Change::TakenBy(StaffId("s".into())), Change::Opened, Change::Done] {
        let status = change.status().map(MissionStatus::stored);
        let written = assignments(&change).0.iter().find(|(column, _)| *column == "mission_status");
        assert_eq!(written.map(|(_, is)| is.trim_matches('\'')), status, "{change:?}");
    }
}
