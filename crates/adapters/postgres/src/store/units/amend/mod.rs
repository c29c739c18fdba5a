//! Applies edits and deletions to the messages they are about: looks under locks, judges, writes, in one transaction.
//!
//! It must not classify, decide or send.

mod judge;
mod read;
mod write;

use std::collections::{BTreeSet, HashMap};

use diesel_async::{AsyncConnection, AsyncPgConnection};
use uuid::Uuid;

use self::judge::{Amendment, Judgement, Known, judge};
use crate::store::effects::{self, Retraction};
use crate::store::error::StoreError;

pub(crate) async fn amend(connection: &mut AsyncPgConnection, limit: u32) -> Result<u32, StoreError> {
    // Mostly there is nothing to amend, and that costs one look.
    if !read::any_due(connection).await? {
        return Ok(0);
    }
    connection.transaction(async |connection| in_transaction(connection, limit).await).await
}

async fn in_transaction(connection: &mut AsyncPgConnection, limit: u32) -> Result<u32, StoreError> {
    let amendments = read::due(connection, limit).await?;
    let mut known = read::known(connection, &amendments).await?;
    // What another replica is just amending or closing keeps its place, and is looked at in the next turn.
    let amendments: Vec<Amendment> = amendments.into_iter().filter(|one| known.locked.contains(&one.of)).collect();
    if amendments.is_empty() {
        return Ok(0);
    }
    let (judgement, taken) = settle_emptied(connection, &amendments, &mut known.facts).await?;
    write::write(connection, &amendments, &judgement, &known.facts, &taken).await
}

/// Takes back what units without a message have made. Where that cannot be done now, their amendments wait, and all is
/// judged once more. Answers also the units whose work somebody has taken up: it is left as it is.
async fn settle_emptied(
    connection: &mut AsyncPgConnection,
    amendments: &[Amendment],
    known: &mut Known,
) -> Result<(Judgement, BTreeSet<Uuid>), StoreError> {
    let judgement = judge(amendments, known);
    let emptied: Vec<(Uuid, i32)> =
        judgement.emptied.iter().filter_map(|unit| Some((*unit, known.units.get(unit)?.next()))).collect();
    let outcomes: HashMap<Uuid, Retraction> = effects::retract(connection, &emptied).await?;
    let of = |wanted: Retraction| outcomes.iter().filter(move |(_, one)| **one == wanted).map(|(unit, _)| *unit);
    let taken = of(Retraction::Taken).collect();
    let busy: Vec<Uuid> = of(Retraction::Later).collect();
    if busy.is_empty() {
        return Ok((judgement, taken));
    }
    known.refused.extend(busy);
    Ok((judge(amendments, known), taken))
}
