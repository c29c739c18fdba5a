//! Which lanes may be used now, and how many deliveries of each are due.
//!
//! It must not look at what waits in the others: a long queue before a closed door costs a claim nothing.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_routing::delivery_queue::Bounds;
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::lane::{Lane, OpenLane, share_out};
use dispatch_routing::limits::Limits;
use std::time::Duration;

use crate::store::error::StoreError;
use crate::store::sql::sql;

// From lane to lane by the index, one look each; a destination that nobody may write to is passed over whole. What has no
// column of `d` in it is asked before anything is read of a lane. The row of a lane without a channel is the pause of all its
// channels; what stands for a method of a provider's is none, and has a point in its name.
pub(super) const OPEN: &str = "
WITH RECURSIVE walk AS (
    (SELECT lane, channel FROM dispatch.deliveries
     WHERE state = 'pending' AND kind = $1 ORDER BY lane, channel LIMIT 1)
    UNION ALL
    SELECT next.lane, next.channel FROM walk CROSS JOIN LATERAL (
        SELECT d.lane, d.channel FROM dispatch.deliveries AS d
        WHERE d.state = 'pending' AND d.kind = $1 AND (d.lane, d.channel) > (walk.lane, CASE
            WHEN walk.lane = ANY ($3) OR EXISTS (
                SELECT FROM dispatch.breakers AS b
                WHERE b.lane = walk.lane AND b.state <> 'closed' AND b.asks_at > now())
            THEN U&'\\+10FFFF' ELSE walk.channel END)
        ORDER BY d.lane, d.channel LIMIT 1) AS next
)
SELECT walk.lane, walk.channel, b.lane IS NOT NULL AS probe, due.n AS due,
    (extract(epoch FROM greatest(k.full_at - now(), interval '0')) * 1000000)::bigint AS until_full
FROM walk
LEFT JOIN dispatch.breakers AS b ON b.lane = walk.lane AND b.state <> 'closed'
LEFT JOIN dispatch.buckets AS k ON k.lane = walk.lane AND k.channel = walk.channel
LEFT JOIN dispatch.buckets AS w ON w.lane = walk.lane AND w.channel = '' AND walk.channel NOT LIKE '%.%'
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
        SELECT FROM dispatch.deliveries AS d
        WHERE d.state = 'pending' AND d.kind = $1 AND d.lane = walk.lane AND d.channel = walk.channel
            AND d.next_attempt_at <= now()
            AND walk.lane <> ALL ($3) AND (b.asks_at <= now() OR b.asks_at IS NULL)
            AND (k.ready_at <= now() OR k.ready_at IS NULL) AND (w.ready_at <= now() OR w.ready_at IS NULL)
        LIMIT $2) AS first) AS due
WHERE due.n > 0";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    lane: String,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Bool)]
    probe: bool,
    #[diesel(sql_type = BigInt)]
    due: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    until_full: Option<i64>,
}

/// What one lane gives to a claim.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Share {
    pub(super) lane: String,
    pub(super) channel: String,
    /// Deliveries.
    pub(super) most: u32,
    /// Its breaker has been open for its time: one of them may pass.
    pub(super) probe: bool,
}

/// What a claim of `limit` takes from which lane.
pub(super) async fn shares(
    connection: &mut AsyncPgConnection,
    kind: DestinationKind,
    limit: u32,
    bounds: &Bounds,
    limits: &Limits,
) -> Result<Vec<Share>, StoreError> {
    let most = bounds.each.unwrap_or(limit).min(limit);
    let is_full = |under_way: &u32| bounds.each.is_some_and(|each| *under_way >= each);
    let full: Vec<&str> =
        bounds.under_way.iter().filter(|(_, under_way)| is_full(under_way)).map(|(lane, _)| lane.as_str()).collect();
    let rows: Vec<Row> = sql(OPEN)
        .bind::<Text, _>(kind.as_str())
        .bind::<BigInt, _>(i64::from(most))
        .bind::<Array<Text>, _>(full)
        .load(connection)
        .await?;
    let open = rows.into_iter().map(|row| OpenLane {
        due: due(&row, limits),
        probe: row.probe,
        lane: Lane { destination: row.lane, channel: Some(row.channel) },
    });
    let shares = share_out(open.collect(), limit, bounds);
    let share = |(open, most): (OpenLane, u32)| Share {
        lane: open.lane.destination,
        channel: open.lane.channel.unwrap_or_default(),
        most,
        probe: open.probe,
    };
    Ok(shares.into_iter().map(share).collect())
}

/// Those that are due and within the lane's rate, as far as can be seen without its lock.
fn due(row: &Row, limits: &Limits) -> u32 {
    let due = u32::try_from(row.due).unwrap_or(u32::MAX);
    let until_full = Duration::from_micros(row.until_full.and_then(|left| u64::try_from(left).ok()).unwrap_or(0));
    limits.rate(&row.lane).map_or(due, |rate| due.min(rate.available(until_full)))
}

#[cfg(all(test, feature = "testing"))]
mod cost;
