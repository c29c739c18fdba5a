//! Messages as people look for them. Their ids are in the order of time, so that the newest are found without an index of their own.
//! It must not show a phone number.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{SignalId, UnitId};
use dispatch_mission::signal::Source;
use dispatch_pipeline::ports::records::{EXCERPT_CHARS, SignalHit, SignalSearch};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::text::{evened, excerpt, patterns};
use super::{Ground, MOST_LOOKED_AT, people};
use crate::store::error::StoreError;
use crate::store::sql::sql;

/// Ids are minted by the receiving process, `received_at` is the database's: so far their clocks may be apart.
const SKEW: Duration = Duration::hours(1);

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    signal_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    unit_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Timestamptz)]
    received_at: OffsetDateTime,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Text)]
    author: String,
}

/// The state as in a story. Changes of messages, deleted messages and events without words are no messages.
fn statement() -> String {
    format!(
        "SELECT s.signal_id, s.unit_id, s.source, s.received_at, left(s.text, 2000) AS text, s.author, CASE
             WHEN u.unit_id IS NULL THEN s.state
             WHEN u.state <> 'routed' THEN u.state
             WHEN s.states && ARRAY['held'] THEN 'held'
             WHEN s.states && ARRAY['pending'] THEN 'routed'
             WHEN s.states && ARRAY['exhausted', 'failed', 'unknown'] THEN 'dead'
             ELSE 'done' END AS state
         FROM (
             SELECT found.*, ARRAY(
                 SELECT DISTINCT d.state FROM dispatch.dispatches AS p JOIN dispatch.deliveries AS d USING (dispatch_id)
                 WHERE p.unit_id = found.unit_id) AS states
             FROM (
                 SELECT looked.* FROM (
                     SELECT * FROM dispatch.signals
                     WHERE ($1::uuid IS NULL OR signal_id >= $1) AND ($2::uuid IS NULL OR signal_id < $2)
                     ORDER BY signal_id DESC LIMIT $3) AS looked
                 WHERE amends IS NULL AND amended_at IS DISTINCT FROM 'infinity' AND (state <> 'ignored' OR text <> '')
                     AND ($4::timestamptz IS NULL OR received_at >= $4) AND ($5::timestamptz IS NULL OR received_at < $5)
                     AND ($6::text IS NULL OR source = $6)
                     AND (NOT $7 OR author = ANY ($8)
                         OR source = 'sms' AND right(regexp_replace(author, '[^0-9]', '', 'g'), 10) = ANY ($9))
                     AND (cardinality($10::text[]) = 0 OR {} LIKE ALL ($10))
                 ORDER BY signal_id DESC LIMIT $11) AS found
         ) AS s LEFT JOIN dispatch.units AS u ON u.unit_id = s.unit_id
         ORDER BY s.signal_id DESC",
        evened("text")
    )
}

pub(super) async fn search(
    connection: &mut AsyncPgConnection,
    ground: Ground,
    search: &SignalSearch,
    limit: i64,
) -> Result<Vec<SignalHit>, StoreError> {
    let people = people::all(connection, ground).await?;
    let author = search.author.as_ref().map(|author| people.iter().find(|known| known.is(author)));
    let (slack, phone) = author.flatten().map(people::Known::accounts).unwrap_or_default();
    let span = search.received.unwrap_or_default();
    let mut rows: Vec<Row> = sql(statement())
        .bind::<Nullable<SqlUuid>, _>(span.from.and_then(|at| id_at(at.checked_sub(SKEW)?)))
        .bind::<Nullable<SqlUuid>, _>(span.to.and_then(|at| id_at(at.checked_add(SKEW)?)))
        .bind::<BigInt, _>(MOST_LOOKED_AT)
        .bind::<Nullable<Timestamptz>, _>(span.from)
        .bind::<Nullable<Timestamptz>, _>(span.to)
        .bind::<Nullable<Text>, _>(search.source.map(Source::as_str))
        .bind::<Bool, _>(author.is_some())
        .bind::<Array<Text>, _>(slack.into_iter().collect::<Vec<_>>())
        .bind::<Array<Text>, _>(phone.into_iter().collect::<Vec<_>>())
        .bind::<Array<Text>, _>(search.words.as_deref().map(patterns).unwrap_or_default())
        .bind::<BigInt, _>(limit)
        .load(connection)
        .await?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.received_at));
    Ok(rows.into_iter().filter_map(|row| hit(row, &people)).collect())
}

fn hit(row: Row, people: &[people::Known]) -> Option<SignalHit> {
    Some(SignalHit {
        signal_id: SignalId(row.signal_id),
        unit_id: row.unit_id.map(UnitId),
        source: Source::parse(&row.source)?,
        received_at: row.received_at,
        state: row.state,
        excerpt: excerpt(&row.text, EXCERPT_CHARS),
        author: people.iter().find(|known| known.wrote(&row.author)).map(|known| known.name.clone()),
    })
}

/// The lowest id that is minted at this moment.
fn id_at(at: OffsetDateTime) -> Option<Uuid> {
    let millis = u128::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()?;
    Some(Uuid::from_u128(millis << 80))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn ids_are_in_the_order_of_time() {
        let before = OffsetDateTime::now_utc() - Duration::seconds(1);
        let id = SignalId::mint().0;
        assert!(id_at(before).unwrap() < id && id < id_at(before + Duration::hours(1)).unwrap());
        assert_eq!(id_at(datetime!(1960-01-01 0:00 UTC)), None);
    }
}
