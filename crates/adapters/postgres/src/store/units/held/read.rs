//! Held units as people are shown them. It must not change one.

use std::collections::HashMap;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ClassificationId, UnitId};
use dispatch_pipeline::ports::classifications::KeptClassification;
use dispatch_routing::held_work::{HeldCursor, HeldFilter, HeldPage, HeldUnit, HeldWorkError, RoutedUnit};
use dispatch_routing::unit::ClaimedUnit;
use time::OffsetDateTime;
use uuid::Uuid;

use super::adopt;
use super::author::Everybody;
use super::{Halt, Standing};
use crate::store::classifications::row;
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::units::claim::{self, Taken};

macro_rules! select {
    ($which:literal) => {
        concat!(
            "
SELECT unit_id, ordinal, NULL::uuid AS claim_token, attempts, source, workspace, channel, thread, author, trace_id,
    revision, NULL::uuid AS replay_id, false AS forced, coalesce(reason, 'unknown') AS reason, closed_at, expires_at, classification_id,
    extract(epoch FROM now() - closed_at)::float8 AS age
FROM dispatch.units WHERE state = 'held' AND ",
            $which
        )
    };
}

const PAGE: &str = select!(
    "(cardinality($1) = 0 OR reason = ANY ($1)) AND (closed_at, unit_id) > (coalesce($2, '-infinity'), $3)
ORDER BY closed_at, unit_id LIMIT $4"
);

const ONE: &str = select!("unit_id = $1");

const TAKEN: &str = "
SELECT unit_id, ordinal, NULL::uuid AS claim_token, attempts, source, workspace, channel, thread, author, trace_id,
    revision, NULL::uuid AS replay_id, false AS forced
FROM dispatch.units WHERE unit_id = $1";

const OF_CLASSIFICATION: &str = "
SELECT u.unit_id, u.state, u.classification_id,
    EXISTS (SELECT FROM dispatch.signals AS s WHERE s.unit_id = u.unit_id AND s.emptied_at IS NOT NULL) AS is_emptied
FROM dispatch.classifications AS c JOIN dispatch.units AS u USING (unit_id) WHERE c.classification_id = $1";

#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    taken: Taken,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Timestamptz)]
    closed_at: OffsetDateTime,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    expires_at: Option<OffsetDateTime>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    classification_id: Option<Uuid>,
    #[diesel(sql_type = Double)]
    age: f64,
}

#[derive(QueryableByName)]
struct Understood {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(embed)]
    standing: Standing,
}

pub(crate) async fn list(
    connection: &mut AsyncPgConnection,
    filter: &HeldFilter,
    after: Option<&HeldCursor>,
    limit: u32,
) -> Result<HeldPage, StoreError> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut rows: Vec<Row> = sql(PAGE)
        .bind::<Array<Text>, _>(&filter.reasons)
        .bind::<Nullable<Timestamptz>, _>(after.map(|cursor| cursor.since))
        .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), |cursor| cursor.unit_id.0))
        .bind::<BigInt, _>(i64::from(limit) + 1)
        .load(connection)
        .await?;
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    let next = rows.last().filter(|_| more);
    let next = next.map(|row| HeldCursor { since: row.closed_at, unit_id: UnitId(row.unit_id) });
    Ok(HeldPage { items: shown(connection, rows).await?, next })
}

pub(crate) async fn find(connection: &mut AsyncPgConnection, unit: UnitId) -> Result<Option<HeldUnit>, StoreError> {
    let rows: Vec<Row> = sql(ONE).bind::<SqlUuid, _>(unit.0).load(connection).await?;
    Ok(shown(connection, rows).await?.pop())
}

pub(crate) async fn of_classification(
    connection: &mut AsyncPgConnection,
    id: ClassificationId,
) -> Result<HeldUnit, Halt> {
    let mut rows: Vec<Understood> = sql(OF_CLASSIFICATION).bind::<SqlUuid, _>(id.0).load(connection).await?;
    let Some(Understood { unit_id, standing }) = rows.pop() else {
        return adopt::find(connection, id).await?.ok_or(Halt::Told(HeldWorkError::Unknown));
    };
    standing.must_be_held(connection, unit_id, Some(id.0)).await?;
    // Decided between the two looks, or understood another way: the settlement would say so too.
    let held = find(connection, UnitId(unit_id)).await?.filter(|held| held.classification_id == id);
    held.ok_or(Halt::Told(HeldWorkError::Superseded { by: None }))
}

pub(crate) async fn routed(connection: &mut AsyncPgConnection, id: ClassificationId) -> Result<RoutedUnit, Halt> {
    let unknown = || Halt::Told(HeldWorkError::Unknown);
    let mut rows: Vec<Understood> = sql(OF_CLASSIFICATION).bind::<SqlUuid, _>(id.0).load(connection).await?;
    let Understood { unit_id, standing } = rows.pop().ok_or_else(unknown)?;
    standing.must_be_routed(id.0)?;
    let rows: Vec<Taken> = sql(TAKEN).bind::<SqlUuid, _>(unit_id).load(connection).await?;
    let unit = claim::whole(connection, rows).await?.pop().ok_or_else(unknown)?;
    let classified = row::by_ids(connection, &[id.0]).await?.pop().ok_or_else(unknown)?.classified;
    Ok(RoutedUnit { unit, classified })
}

async fn shown(connection: &mut AsyncPgConnection, rows: Vec<Row>) -> Result<Vec<HeldUnit>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.classification_id).collect();
    let kept = row::by_ids(connection, &ids).await?;
    let mut kept: HashMap<Uuid, KeptClassification> =
        kept.into_iter().map(|one| (one.classification_id.0, one)).collect();
    let everybody = Everybody::read(connection).await?;
    let (taken, held): (Vec<Taken>, Vec<Held>) = rows.into_iter().map(Row::apart).unzip();
    let units = claim::whole(connection, taken).await?;
    let mut units: HashMap<Uuid, ClaimedUnit> = units.into_iter().map(|unit| (unit.unit_id.0, unit)).collect();
    let whole = held.into_iter().filter_map(|row| {
        let unit = units.remove(&row.unit_id)?;
        let kept = kept.remove(&row.classification_id?)?;
        Some(row.shown(unit, kept, &everybody))
    });
    Ok(whole.collect())
}

/// What a held unit has beside what every unit has.
struct Held {
    unit_id: Uuid,
    reason: String,
    since: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
    classification_id: Option<Uuid>,
    age: f64,
}

impl Row {
    fn apart(self) -> (Taken, Held) {
        let Self { taken, unit_id, reason, closed_at: since, expires_at, classification_id, age } = self;
        (taken, Held { unit_id, reason, since, expires_at, classification_id, age })
    }
}

impl Held {
    fn shown(self, unit: ClaimedUnit, kept: KeptClassification, everybody: &Everybody) -> HeldUnit {
        let author = everybody.by_account(unit.conversation.source, &unit.author);
        HeldUnit {
            unit,
            classification_id: kept.classification_id,
            classified: kept.classified,
            classified_at: kept.created_at,
            decided: kept.preview.map(|preview| (preview.routing, preview.rule)),
            reason: self.reason,
            since: self.since,
            // An instant ahead of this transaction's own is not waited for yet.
            age: Duration::try_from_secs_f64(self.age).unwrap_or_default(),
            expires_at: self.expires_at,
            author,
        }
    }
}
