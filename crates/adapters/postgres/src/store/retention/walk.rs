//! One batch of a walk, inside the caller's transaction: looks, locks, looks once more, removes. It must not know any table.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_pipeline::ports::retention::{Ages, Cursor, Matter, Rows, Step};

use super::plan::{Plan, plan};
use crate::store::error::StoreError;
use crate::store::micros;
use crate::store::sql::sql;

/// What is done about what is too old.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Remove,
    /// Nothing: the walk goes past it.
    Pass,
    Count,
}

#[derive(QueryableByName)]
struct Looked {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Bool)]
    is_old: bool,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Text)]
    id: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

pub(super) async fn batch(
    connection: &mut AsyncPgConnection,
    matter: Matter,
    ages: &Ages,
    from: &Cursor,
    limit: u32,
    mode: Mode,
) -> Result<Step, StoreError> {
    let plan = plan(matter);
    // Units are looked at as soon as the shorter of their two ages is over.
    let youngest = if matter == Matter::Work { ages.work.min(ages.dead) } else { ages.of(matter) };
    let looked: Vec<Looked> = sql(plan.look)
        .bind::<Text, _>(if from.0.is_empty() { plan.first } else { from.0.as_str() })
        .bind::<BigInt, _>(micros(youngest))
        .bind::<BigInt, _>(i64::from(limit))
        .load(connection)
        .await?;
    let next = next(plan, &looked, limit);
    let old: Vec<String> = looked.into_iter().filter(|row| row.is_old).map(|row| row.id).collect();
    let rows = match mode {
        Mode::Pass => Rows::default(),
        Mode::Count => {
            let found = over(connection, plan, ages, matter, old).await?;
            count(connection, plan, &found).await?
        }
        Mode::Remove => {
            let found = over(connection, plan, ages, matter, old).await?;
            let ours = hold(connection, plan, found).await?;
            // With the locks in hand, in a statement (hence a snapshot) of its own.
            let ours = over(connection, plan, ages, matter, ours).await?;
            remove(connection, plan, &ours).await?
        }
    };
    Ok(Step { rows, next })
}

/// A batch that was not full is the last; by age also one in which all are young.
fn next(plan: &Plan, looked: &[Looked], limit: u32) -> Option<Cursor> {
    let full = looked.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let goes_on = full && (!plan.by_age || looked.iter().any(|row| row.is_old));
    looked.last().filter(|_| goes_on).map(|row| Cursor(row.id.clone()))
}

async fn over(
    connection: &mut AsyncPgConnection,
    plan: &Plan,
    ages: &Ages,
    matter: Matter,
    ids: Vec<String>,
) -> Result<Vec<String>, StoreError> {
    if ids.is_empty() {
        return Ok(ids);
    }
    let over: Vec<Id> = sql(plan.over)
        .bind::<Array<Text>, _>(ids)
        .bind::<BigInt, _>(micros(ages.of(matter)))
        .bind::<BigInt, _>(micros(ages.dead))
        .load(connection)
        .await?;
    Ok(over.into_iter().map(|row| row.id).collect())
}

/// Those that are wholly ours until the transaction ends. Nobody is waited for.
async fn hold(connection: &mut AsyncPgConnection, plan: &Plan, ids: Vec<String>) -> Result<Vec<String>, StoreError> {
    if ids.is_empty() {
        return Ok(ids);
    }
    let mut ours = ids_of(sql(plan.lock).bind::<Array<Text>, _>(ids).load(connection).await?);
    for part in plan.parts {
        let parts = ids_of(sql(part.lock).bind::<Array<Text>, _>(&ours).load(connection).await?);
        let whole = sql(part.whole).bind::<Array<Text>, _>(&ours).bind::<Array<Text>, _>(parts);
        ours = ids_of(whole.load(connection).await?);
    }
    Ok(ours)
}

fn ids_of(rows: Vec<Id>) -> Vec<String> {
    rows.into_iter().map(|row| row.id).collect()
}

async fn remove(connection: &mut AsyncPgConnection, plan: &Plan, ids: &[String]) -> Result<Rows, StoreError> {
    let mut rows = Rows::default();
    if ids.is_empty() {
        return Ok(rows);
    }
    for removal in plan.removals {
        let gone = sql(removal.statement()).bind::<Array<Text>, _>(ids).execute(connection).await?;
        note(&mut rows, removal.table, removal.counts, u64::try_from(gone).unwrap_or_default());
    }
    Ok(rows)
}

async fn count(connection: &mut AsyncPgConnection, plan: &Plan, ids: &[String]) -> Result<Rows, StoreError> {
    let mut rows = Rows::default();
    if ids.is_empty() {
        return Ok(rows);
    }
    for removal in plan.removals {
        let found: Count = sql(removal.count()).bind::<Array<Text>, _>(ids).get_result(connection).await?;
        note(&mut rows, removal.table, removal.counts, u64::try_from(found.rows).unwrap_or_default());
    }
    Ok(rows)
}

fn note(rows: &mut Rows, table: &str, counts: bool, more: u64) {
    if counts && more > 0 {
        *rows.0.entry(table.to_owned()).or_default() += more;
    }
}
