//! Token buckets: what each lane may still take, shared by all replicas. By the database's clock.
//!
//! It must not know what the rates are for.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_routing::limits::Rate;

use crate::store::error::StoreError;
use crate::store::micros;
use crate::store::sql::sql;

/// Destination and channel.
pub(super) type Key = (String, String);

const MAKE: &str = "
INSERT INTO dispatch.buckets (lane, channel)
SELECT lane, channel FROM unnest($1, $2) AS new (lane, channel) ORDER BY lane, channel
ON CONFLICT DO NOTHING";

// In one order, so that two claims never wait for each other.
const LOCK: &str = "
SELECT k.lane, k.channel, k.ready_at > now() AS rests,
    (extract(epoch FROM greatest(k.full_at - now(), interval '0')) * 1000000)::bigint AS until_full
FROM dispatch.buckets AS k JOIN unnest($1, $2) AS asked (lane, channel) USING (lane, channel)
ORDER BY k.lane, k.channel FOR UPDATE OF k";

const TAKE: &str = "
UPDATE dispatch.buckets AS k SET
    full_at = now() + taken.until_full * interval '1 microsecond',
    ready_at = now() + taken.wait * interval '1 microsecond'
FROM unnest($1, $2, $3, $4) AS taken (lane, channel, until_full, wait)
WHERE k.lane = taken.lane AND k.channel = taken.channel";

const PAUSE: &str = "
INSERT INTO dispatch.buckets AS k (lane, channel, ready_at)
SELECT lane, channel, now() + pause * interval '1 microsecond'
FROM unnest($1, $2, $3) AS told (lane, channel, pause) ORDER BY lane, channel
ON CONFLICT (lane, channel) DO UPDATE SET ready_at = greatest(k.ready_at, excluded.ready_at)";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    lane: String,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Bool)]
    rests: bool,
    #[diesel(sql_type = BigInt)]
    until_full: i64,
}

/// Takes what may be taken of what each lane wants. Answers how many each got; who has no rate is not asked for.
pub(super) async fn take(
    connection: &mut AsyncPgConnection,
    wanted: &BTreeMap<Key, (u32, Rate)>,
) -> Result<BTreeMap<Key, u32>, StoreError> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (lanes, channels): (Vec<&str>, Vec<&str>) =
        wanted.keys().map(|(lane, channel)| (lane.as_str(), channel.as_str())).unzip();
    let mut rows = lock(connection, &lanes, &channels).await?;
    if rows.len() < wanted.len() {
        // The first of a lane's; whoever else made it meanwhile is waited for.
        sql(MAKE).bind::<Array<Text>, _>(&lanes).bind::<Array<Text>, _>(&channels).execute(connection).await?;
        rows = lock(connection, &lanes, &channels).await?;
    }
    let mut granted = BTreeMap::new();
    let (mut lanes, mut channels, mut full, mut waits) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in rows.into_iter().filter(|row| !row.rests) {
        let until_full = Duration::from_micros(u64::try_from(row.until_full).unwrap_or(0));
        let key = (row.lane, row.channel);
        let Some((want, rate)) = wanted.get(&key) else { continue };
        let taken = rate.available(until_full).min(*want);
        if taken > 0 {
            let until_full = rate.after(until_full, taken);
            lanes.push(key.0.clone());
            channels.push(key.1.clone());
            full.push(micros(until_full));
            waits.push(micros(rate.wait(until_full)));
            granted.insert(key, taken);
        }
    }
    sql(TAKE)
        .bind::<Array<Text>, _>(lanes)
        .bind::<Array<Text>, _>(channels)
        .bind::<Array<BigInt>, _>(full)
        .bind::<Array<BigInt>, _>(waits)
        .execute(connection)
        .await?;
    Ok(granted)
}

async fn lock(connection: &mut AsyncPgConnection, lanes: &[&str], channels: &[&str]) -> Result<Vec<Row>, StoreError> {
    Ok(sql(LOCK).bind::<Array<Text>, _>(lanes).bind::<Array<Text>, _>(channels).load(connection).await?)
}

/// Nothing more goes along these lanes for so long: somebody asked for it.
pub(super) async fn pause(
    connection: &mut AsyncPgConnection,
    pauses: &BTreeMap<Key, Duration>,
) -> Result<(), StoreError> {
    if pauses.is_empty() {
        return Ok(());
    }
    sql(PAUSE)
        .bind::<Array<Text>, _>(pauses.keys().map(|(lane, _)| lane).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(pauses.keys().map(|(_, channel)| channel).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(pauses.values().map(|pause| micros(*pause)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}
