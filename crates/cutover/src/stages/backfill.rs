//! `backfill`: columns that the spec adds get their values, in short transactions that others get ahead of. Without such
//! columns it has nothing to do, and says so.

use super::ranges::{Key, Pace, estimate, next_key, within};
use super::{dry, switch};
use crate::catalogue::Relation;
use crate::engine::Engine;
use crate::gate::holders;
use crate::generate::with_added;
use crate::position::{Position, old_names};
use crate::quote::{ident, literal, qualified};
use crate::report::{Done, Stop};
use crate::spec::Table;
use crate::state::SCHEMA;
use serde_json::json;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What one batch may take.
const BATCH: Duration = Duration::from_millis(50);
/// How far a standby may lag before it is waited for.
const LAG: &str = "10 seconds";

pub(super) async fn run(engine: &Engine<'_>) -> Result<Done, Stop> {
    engine.lock().await?;
    let survey = engine.survey().await?;
    let standing = survey.standing(engine.tables())?;
    if let Some((table, _)) = standing.iter().find(|(_, position)| *position == Position::Legacy) {
        return Err(switch::not_expanded(table));
    }
    let filled: Vec<_> = standing.iter().filter(|(table, _)| !table.add.is_empty()).collect();
    if filled.is_empty() {
        let unmarked = survey.run.as_ref().filter(|run| !run.steps.values().all(|step| step.complete));
        if let Some(run) = unmarked.filter(|_| !engine.options.dry_run) {
            mark_all(engine, run.id).await?;
        }
        return Ok(Done::new("the spec adds no column: there is nothing to fill", false));
    }
    let run = survey.same_plan(engine.options)?;
    if engine.options.dry_run {
        return Ok(dry(engine));
    }
    let mut rows = 0;
    for (table, position) in filled {
        let step = run.steps.get(&table.from);
        if step.is_some_and(|step| step.complete) {
            continue;
        }
        let name = if *position <= Position::Expanded { &table.from } else { &table.to };
        let Some(base) = survey.snapshot.relation(name) else { continue };
        let from = step.and_then(|step| step.filled_key.clone()).and_then(|key| serde_json::from_value(key).ok());
        rows += Filling { engine, run: run.id, table, base: &with_added(base, table) }.whole(from).await?;
    }
    engine.event(run.id, "filled", &json!({ "rows": rows })).await?;
    Ok(Done::new(format!("filled {rows} rows"), rows > 0).with(json!({ "rows": rows })))
}

/// Nothing to fill is on record too.
async fn mark_all(engine: &Engine<'_>, run: Uuid) -> Result<(), Stop> {
    let sql = format!("UPDATE {SCHEMA}.step SET filled_at = now() WHERE run_id = '{run}' AND filled_at IS NULL");
    engine.session.execute("recording", &sql).await?;
    engine.event(run, "nothing_to_fill", &json!({})).await
}

struct Filling<'a> {
    engine: &'a Engine<'a>,
    run: Uuid,
    table: &'a Table,
    base: &'a Relation,
}

impl Filling<'_> {
    async fn whole(&self, from: Option<Key>) -> Result<u64, Stop> {
        let (engine, session) = (self.engine, &self.engine.session);
        if self.base.key.is_empty() {
            return Err(Stop::blocked("no_key", &self.base.name, "it has no key to walk by", "Add a primary key"));
        }
        let total = estimate(session, self.base).await?;
        let (mut pace, mut after, mut rows) = (Pace::new(BATCH, 500), from, 0);
        loop {
            self.throttle().await?;
            let since = Instant::now();
            let upto = next_key(session, self.base, after.as_ref(), pace.size()).await?;
            let filled = match self.batch(after.as_ref(), upto.as_ref()).await {
                Err(Stop::Database(error)) if error.is_lock_trouble() => {
                    session.rollback().await?;
                    pace.rest(BATCH * 4).await;
                    continue;
                }
                Err(error) => {
                    let _nothing_more_to_lose = session.rollback().await;
                    return Err(error);
                }
                Ok(filled) => filled,
            };
            rows += filled;
            pace.tell(engine, self.run, self.base, filled, total).await?;
            if upto.is_none() {
                return Ok(rows);
            }
            after = upto;
            pace.rest(since.elapsed()).await;
        }
    }

    /// One range, and how far that is, in one transaction.
    async fn batch(&self, after: Option<&Key>, upto: Option<&Key>) -> Result<u64, Stop> {
        let session = &self.engine.session;
        let begin = "BEGIN; SET LOCAL lock_timeout = '200ms'; SET LOCAL statement_timeout = '2s'";
        session.execute("beginning a batch", begin).await?;
        let filled: i64 = session.json("filling", &self.statement(after, upto)).await?;
        let (run, table) = (self.run, literal(&self.table.from));
        let (key, at) = match upto {
            Some(key) => (literal(&json!(key).to_string()), "NULL"),
            None => ("NULL".to_owned(), "now()"),
        };
        let record = format!(
            "UPDATE {SCHEMA}.step SET filled_key = {key}, filled = filled + {filled}, filled_at = {at}
             WHERE run_id = '{run}' AND relation = {table}; COMMIT"
        );
        session.execute("recording a batch", &record).await?;
        Ok(u64::try_from(filled).unwrap_or(0))
    }

    /// Rows are locked before they are changed, less strongly than a key's change would: foreign keys go on.
    fn statement(&self, after: Option<&Key>, upto: Option<&Key>) -> String {
        let base = qualified(&self.base.schema, &self.base.name);
        let names: Vec<String> = self.base.key_columns().iter().map(|column| ident(&column.name)).collect();
        let range = within(&self.base.key_columns(), &names, after, upto);
        let empty: Vec<String> = self.table.add.iter().map(|added| format!("{} IS NULL", ident(&added.name))).collect();
        // The fill speaks of old column names, whatever they are at this moment.
        let aliases: Vec<String> = self
            .base
            .columns
            .iter()
            .zip(old_names(self.base, self.table))
            .map(|(column, old)| format!("{} AS {}", ident(&column.name), ident(&old)))
            .collect();
        let key_old: Vec<String> = self
            .base
            .columns
            .iter()
            .zip(old_names(self.base, self.table))
            .filter(|(column, _)| self.base.key.contains(&column.number))
            .map(|(_, old)| old)
            .collect();
        let fill = |added: &crate::spec::Added| format!("({}) AS {}", added.fill, ident(&added.name));
        let fills: Vec<String> = self.table.add.iter().map(fill).collect();
        let set: Vec<String> =
            self.table.add.iter().map(|added| format!("{0} = coalesce(t.{0}, f.{0})", ident(&added.name))).collect();
        let keys: Vec<String> = self
            .base
            .key_columns()
            .iter()
            .map(|column| {
                let old = self
                    .base
                    .columns
                    .iter()
                    .zip(old_names(self.base, self.table))
                    .find(|(each, _)| each.number == column.number)
                    .map_or(column.name.clone(), |(_, old)| old);
                format!("t.{} = f.{}", ident(&column.name), ident(&old))
            })
            .collect();
        let key_old = key_old.iter().map(|name| ident(name)).collect::<Vec<_>>().join(", ");
        format!(
            "WITH locked AS MATERIALIZED (SELECT * FROM {base} WHERE {range} AND ({}) ORDER BY {} FOR NO KEY UPDATE),
            old AS (SELECT {} FROM locked), f AS (SELECT {key_old}, {} FROM old),
            done AS (UPDATE {base} AS t SET {} FROM f WHERE {} RETURNING 1)
            SELECT to_json(count(*)) FROM done",
            empty.join(" OR "),
            names.join(", "),
            aliases.join(", "),
            fills.join(", "),
            set.join(", "),
            keys.join(" AND "),
        )
    }

    /// Waits while standbys lag behind or clients wait for us.
    async fn throttle(&self) -> Result<(), Stop> {
        let session = &self.engine.session;
        let lagging = format!(
            "SELECT to_json(EXISTS (SELECT FROM pg_catalog.pg_stat_replication WHERE replay_lag > interval '{LAG}')
                OR EXISTS (SELECT FROM pg_catalog.pg_locks WHERE NOT granted
                    AND waitstart < clock_timestamp() - interval '100 milliseconds'))"
        );
        for _ in 0..600 {
            if !session.json::<bool>("looking at the load", &lagging).await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let blockers = holders(session, &[self.base.oid]).await?;
        Err(Stop::TryAgain { what: "backfill".to_owned(), waited_ms: 300_000, blockers })
    }
}
