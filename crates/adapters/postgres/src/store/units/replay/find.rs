//! What an id stands for, with everything that a replay needs to know. It must not change anything.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ClassificationId, DeliveryId, DispatchId};
use dispatch_routing::replay::{Footing, ReplayError, Replayable, Subject};
use uuid::Uuid;

use super::{Stop, existing};
use crate::store::classifications::row;
use crate::store::sql::sql;
use crate::store::units::claim::{self, Taken};
use crate::store::units::history;

// A change has the unit of its message. A text that was classified on its own has none until somebody has it dispatched.
const NAMED: &str = "
SELECT coalesce(s.unit_id, message.unit_id) AS unit_id, 'event' AS what, NULL::uuid AS speaks_of, s.state
FROM dispatch.signals AS s LEFT JOIN dispatch.signals AS message ON message.content_key = s.amends
WHERE s.signal_id = $1
UNION ALL
SELECT unit_id, 'unit', NULL, state FROM dispatch.units WHERE unit_id = $1
UNION ALL
SELECT unit_id, 'classification', classification_id, 'undispatched' FROM dispatch.classifications
WHERE classification_id = $1
UNION ALL
SELECT unit_id, 'dispatch', classification_id, '' FROM dispatch.dispatches WHERE dispatch_id = $1
UNION ALL
SELECT p.unit_id, 'delivery', p.classification_id, ''
FROM dispatch.deliveries AS d JOIN dispatch.dispatches AS p USING (dispatch_id) WHERE d.delivery_id = $1
LIMIT 1";

const UNIT: &str = "
SELECT unit_id, ordinal, NULL::uuid AS claim_token, attempts, source, workspace, channel, thread, author, trace_id,
    revision, NULL::uuid AS replay_id, false AS forced, state, classification_id,
    state = 'pending' AND claim_token IS NOT NULL AND lease_until > now() AS in_hand,
    EXISTS (SELECT FROM dispatch.signals AS s WHERE s.unit_id = u.unit_id AND s.emptied_at IS NOT NULL) AS emptied
FROM dispatch.units AS u WHERE unit_id = $1";

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    unit_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    speaks_of: Option<Uuid>,
    #[diesel(sql_type = Text)]
    state: String,
}

#[derive(QueryableByName)]
struct UnitRow {
    #[diesel(embed)]
    taken: Taken,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    classification_id: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    in_hand: bool,
    #[diesel(sql_type = Bool)]
    emptied: bool,
}

pub(crate) async fn find(connection: &mut AsyncPgConnection, id: Uuid) -> Result<Option<Replayable>, Stop> {
    let mut named: Vec<Named> = sql(NAMED).bind::<SqlUuid, _>(id).load(connection).await?;
    let Some(named) = named.pop() else { return Ok(None) };
    let Some(unit_id) = named.unit_id else {
        return Err(Stop::Told(ReplayError::NothingYet { state: named.state }));
    };
    let mut rows: Vec<UnitRow> = sql(UNIT).bind::<SqlUuid, _>(unit_id).load(connection).await?;
    let Some(row) = rows.pop() else { return Ok(None) };
    // Its words have been kept for their time: whatever is made of it now would be made of nothing.
    if row.emptied {
        return Err(Stop::Told(ReplayError::NothingYet { state: "emptied".to_owned() }));
    }
    let footing =
        Footing { state: row.state, in_hand: row.in_hand, in_force: row.classification_id.map(ClassificationId) };
    // One whose messages were all deleted has nothing left to say.
    let Some(mut unit) = claim::whole(connection, vec![row.taken]).await?.pop() else {
        return Err(Stop::Told(ReplayError::NothingYet { state: "deleted".to_owned() }));
    };
    if unit.revision.is_none() {
        // A replay is a revision, also the first one.
        unit.revision = history::revisions(connection, HashMap::from([(unit_id, 0)])).await?.remove(&unit_id);
    }
    let understood: Vec<Uuid> = row.classification_id.into_iter().collect();
    let classified = row::by_ids(connection, &understood).await?.pop().map(|kept| kept.classified);
    let deliveries = existing::of_units(connection, &[unit_id]).await?.remove(&unit_id).unwrap_or_default();
    let subject = match named.what.as_str() {
        "classification" => Subject::Classification(ClassificationId(id)),
        "dispatch" => Subject::Dispatch(DispatchId(id)),
        "delivery" => Subject::Delivery(DeliveryId(id)),
        _ => Subject::Unit,
    };
    let speaks_of = named.speaks_of.map(ClassificationId);
    Ok(Some(Replayable { subject, speaks_of, unit, footing, classified, deliveries }))
}
