//! Questions that are asked later, or never: where rows could not be made at once, nobody knows yet whether they are somebody's
//! work. What would be asked is kept with the dispatch until they are. Inside the caller's transaction.
//!
//! It must not know what is asked.

use std::collections::HashSet;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Jsonb, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_routing::destination::Destination;
use dispatch_routing::plan::{Content, PlannedDelivery, Quota, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::carry_out::Order;
use super::questions;
use crate::store::deliveries::insert::NewDelivery;
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline;

const KEEP: &str = "UPDATE dispatch.dispatches SET question = $2 WHERE dispatch_id = $1";

const TAKE: &str = "
WITH kept AS (
    SELECT dispatch_id, unit_id, question FROM dispatch.dispatches
    WHERE dispatch_id = $1 AND question IS NOT NULL FOR NO KEY UPDATE
), taken AS (
    UPDATE dispatch.dispatches AS p SET question = NULL FROM kept WHERE p.dispatch_id = kept.dispatch_id
)
SELECT unit_id, question FROM kept";

/// A planned question, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    destination: Destination,
    content: Content,
    quota: Option<(String, u64)>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Jsonb)]
    question: Value,
}

/// Keeps the questions of those orders whose rows are still to be made.
pub(super) async fn keep(
    connection: &mut AsyncPgConnection,
    orders: &[Order<'_>],
    deliveries: &[NewDelivery<'_>],
    unresolved: &HashSet<Uuid>,
) -> Result<(), StoreError> {
    for row in orders.iter().filter(|row| matches!(row.decision.verdict, Verdict::Dispatch(_))) {
        let Some(question) = row.decision.question.as_deref().filter(|_| !unresolved.contains(&row.unit)) else {
            continue;
        };
        let is_open =
            |one: &NewDelivery<'_>| one.dispatch == row.dispatch && one.is_stored() && !one.standing.is_settled();
        if deliveries.iter().any(is_open) {
            let quota = question.quota.as_ref().map(|quota| (quota.key.clone(), quota.every.as_secs()));
            let kept = Kept { destination: question.destination.clone(), content: question.content.clone(), quota };
            let keep = sql(KEEP).bind::<SqlUuid, _>(row.dispatch).bind::<Jsonb, _>(serde_json::to_value(&kept)?);
            keep.execute(connection).await?;
        }
    }
    Ok(())
}

/// Asks what was kept with this dispatch, now that its unit waits for who knows. The same question as would have been asked at
/// once, and as seldom.
pub(in crate::store) async fn ask(connection: &mut AsyncPgConnection, dispatch: Uuid) -> Result<(), StoreError> {
    let mut rows: Vec<Row> = sql(TAKE).bind::<SqlUuid, _>(dispatch).load(connection).await?;
    let Some(row) = rows.pop() else { return Ok(()) };
    let Kept { destination, content, quota } = serde_json::from_value(row.question)?;
    let quota = quota.map(|(key, seconds)| Quota { key, every: Duration::from_secs(seconds) });
    let planned = PlannedDelivery { destination, content, after: None, quota };
    let entries = questions::ask(connection, row.unit_id, dispatch, &planned).await?;
    timeline::append(connection, &entries).await?;
    timeline::ring(connection).await
}
