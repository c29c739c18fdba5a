//! What was answered lately, and what the shadow has compared: for people, added up over all replicas. It must not judge.

use super::{signed, traffic};
use crate::store::error::StoreError;
use crate::store::sql::sql;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_pipeline::ports::flag::ApiVersion;
use dispatch_pipeline::ports::flip_watch::{Compared, Lately, ShadowDifference};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use uuid::Uuid;

const RECENT: &str = "
SELECT route, contract, max(minute) AS last,
    ARRAY[coalesce(sum(answered) FILTER (WHERE is_late), 0), coalesce(sum(failed) FILTER (WHERE is_late), 0),
        coalesce(sum(slow) FILTER (WHERE is_late), 0)]::bigint[] AS hour,
    ARRAY[sum(answered), sum(failed), sum(slow)]::bigint[] AS week
FROM (SELECT *, minute > now() - interval '1 hour' AS is_late FROM dispatch.legacy_traffic) AS seen
WHERE minute > now() - interval '7 days' GROUP BY route, contract ORDER BY route, contract";

const DIFFERENCES: &str = "
SELECT route, field, count(*) AS times FROM dispatch.shadow_differences, unnest(fields) AS field
WHERE seen_at > now() - interval '1 hour' GROUP BY route, field ORDER BY times DESC, route, field";

const DIFFERS: &str = "
INSERT INTO dispatch.shadow_differences (difference_id, route, trace_id, fields)
SELECT difference_id, route, trace_id, string_to_array(fields, ',')
FROM unnest($1, $2, $3, $4) AS new (difference_id, route, trace_id, fields)";

const COMPARED: &str = "
INSERT INTO dispatch.shadow_comparisons AS kept (minute, route, compared, differed)
SELECT date_trunc('minute', now()), route, compared, differed FROM unnest($1, $2, $3) AS new (route, compared, differed)
ORDER BY route
ON CONFLICT (minute, route) DO UPDATE SET
    compared = kept.compared + excluded.compared, differed = kept.differed + excluded.differed";

const COMPARISONS: &str = "
SELECT route, sum(compared)::bigint AS compared, sum(differed)::bigint AS differed FROM dispatch.shadow_comparisons
WHERE minute > now() - interval '1 hour' GROUP BY route ORDER BY route";

#[derive(QueryableByName)]
struct RecentRow {
    #[diesel(sql_type = Text)]
    route: String,
    #[diesel(sql_type = Text)]
    contract: String,
    #[diesel(sql_type = Timestamptz)]
    last: OffsetDateTime,
    #[diesel(sql_type = Array<BigInt>)]
    hour: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    week: Vec<i64>,
}

#[derive(QueryableByName)]
struct DifferenceRow {
    #[diesel(sql_type = Text)]
    route: String,
    #[diesel(sql_type = Text)]
    field: String,
    #[diesel(sql_type = BigInt)]
    times: i64,
}

#[derive(QueryableByName)]
struct ComparedRow {
    #[diesel(sql_type = Text)]
    route: String,
    #[diesel(sql_type = BigInt)]
    compared: i64,
    #[diesel(sql_type = BigInt)]
    differed: i64,
}

pub(super) async fn recent(connection: &mut AsyncPgConnection) -> Result<Vec<Lately>, StoreError> {
    let rows: Vec<RecentRow> = sql(RECENT).load(connection).await?;
    let known = |row: RecentRow| {
        let contract = ApiVersion::parse(&row.contract)?;
        Some(Lately { route: row.route, contract, hour: traffic(&row.hour), week: traffic(&row.week), last: row.last })
    };
    Ok(rows.into_iter().filter_map(known).collect())
}

pub(super) async fn differences(connection: &mut AsyncPgConnection) -> Result<Vec<(String, String, u64)>, StoreError> {
    let rows: Vec<DifferenceRow> = sql(DIFFERENCES).load(connection).await?;
    Ok(rows.into_iter().map(|row| (row.route, row.field, count(row.times))).collect())
}

pub(super) async fn differs(
    connection: &mut AsyncPgConnection,
    differences: &[ShadowDifference],
) -> Result<(), StoreError> {
    let statement = sql(DIFFERS)
        .bind::<Array<SqlUuid>, _>(differences.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(differences.iter().map(|one| one.route).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(differences.iter().map(|one| one.trace_id.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(differences.iter().map(|one| one.fields.join(",")).collect::<Vec<_>>());
    statement.execute(connection).await?;
    Ok(())
}

pub(super) async fn compared(
    connection: &mut AsyncPgConnection,
    tallies: &BTreeMap<&'static str, Compared>,
) -> Result<(), StoreError> {
    let statement = sql(COMPARED)
        .bind::<Array<Text>, _>(tallies.keys().copied().collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(tallies.values().map(|tally| signed(tally.compared)).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(tallies.values().map(|tally| signed(tally.differed)).collect::<Vec<_>>());
    statement.execute(connection).await?;
    Ok(())
}

pub(super) async fn comparisons(connection: &mut AsyncPgConnection) -> Result<Vec<(String, Compared)>, StoreError> {
    let rows: Vec<ComparedRow> = sql(COMPARISONS).load(connection).await?;
    let known =
        |row: ComparedRow| (row.route, Compared { compared: count(row.compared), differed: count(row.differed) });
    Ok(rows.into_iter().map(known).collect())
}

fn count(figure: i64) -> u64 {
    u64::try_from(figure).unwrap_or(0)
}
