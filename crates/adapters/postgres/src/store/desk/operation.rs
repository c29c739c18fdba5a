//! What was done under an operation, so that whoever resumes it finds it done. The memory is a key among the effects,
//! inserted in the transaction that does it: another holder of the same operation waits here, and then finds it.
//!
//! It must not know what is done.

use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::MissionId;
use dispatch_mission::mission_desk::Request;
use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::sql::sql;

const REMEMBER: &str = "
INSERT INTO dispatch.effects (effect_key, mission_id) VALUES ($1, $2)
ON CONFLICT (effect_key) DO NOTHING RETURNING mission_id";

const RECALL: &str = "SELECT mission_id FROM dispatch.effects WHERE effect_key = $1";

const ORIGIN: &str = "SELECT unit_id FROM dispatch.mission_facts WHERE mission_id = $1";

/// Whether something has been done under this operation.
pub(crate) enum Remembered {
    /// To this mission, by somebody before.
    Before(MissionId),
    /// Not yet; this mission is it done to.
    New(MissionId),
}

#[derive(QueryableByName)]
struct Effect {
    #[diesel(sql_type = Nullable<Text>)]
    mission_id: Option<String>,
}

#[derive(QueryableByName)]
struct Origin {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    unit_id: Option<Uuid>,
}

/// Notes that `what` is done to `mission` (a new one, if none is named) under the request's operation.
pub(crate) async fn begin(
    connection: &mut AsyncPgConnection,
    request: &Request,
    what: &str,
    mission: Option<&MissionId>,
) -> Result<Remembered, StoreError> {
    let mission = mission.cloned().unwrap_or_else(MissionId::mint);
    let Some(operation) = request.operation else { return Ok(Remembered::New(mission)) };
    let key = format!("operation/{operation}/{what}");
    let remember = sql(REMEMBER).bind::<Text, _>(&key).bind::<Text, _>(&mission.0);
    if !remember.load::<Effect>(connection).await?.is_empty() {
        return Ok(Remembered::New(mission));
    }
    let mut before: Vec<Effect> = sql(RECALL).bind::<Text, _>(&key).load(connection).await?;
    let known = before.pop().and_then(|effect| effect.mission_id);
    Ok(Remembered::Before(known.map_or(mission, MissionId)))
}

/// The unit that a mission was made from, if it was.
pub(crate) async fn origin(connection: &mut AsyncPgConnection, id: &MissionId) -> Result<Option<Uuid>, StoreError> {
    let mut rows: Vec<Origin> = sql(ORIGIN).bind::<Text, _>(&id.0).load(connection).await?;
    Ok(rows.pop().and_then(|row| row.unit_id))
}
