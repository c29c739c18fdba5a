//! Walking a table in ranges of its key, each a short statement of its own. It must not know what is done to a range.

use crate::catalogue::{Column, Relation};
use crate::engine::Engine;
use crate::quote::{ident, literal, qualified};
use crate::report::{Event, Stop};
use crate::session::{DbError, Session};
use crate::state;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A row's key, as texts.
pub(super) type Key = Vec<String>;

/// How large the next range is: steered to the time that one should take.
pub(super) struct Pace {
    size: u64,
    target: Duration,
    since: Instant,
    done: u64,
    beat: Instant,
}

impl Pace {
    pub(super) fn new(target: Duration, size: u64) -> Self {
        let now = Instant::now();
        Self { size, target, since: now, done: 0, beat: now }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// A range took this long: the next one is to take what it should. Others get their turn in between.
    pub(super) async fn rest(&mut self, took: Duration) {
        let ratio = self.target.as_secs_f64() / took.as_secs_f64().max(0.000_1);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let next = (self.size as f64 * ratio.clamp(0.5, 2.0)) as u64;
        self.size = next.clamp(100, 50_000);
        tokio::time::sleep((took / 4).min(self.target)).await;
    }

    /// Tells how far it is, and that the runner lives; waits while somebody wants it to.
    pub(super) async fn tell(
        &mut self,
        engine: &Engine<'_>,
        run: Uuid,
        base: &Relation,
        rows: u64,
        total: u64,
    ) -> Result<(), Stop> {
        self.done += rows;
        if self.beat.elapsed() < Duration::from_millis(500) {
            return Ok(());
        }
        self.beat = Instant::now();
        let mut paused = state::beat(&engine.session, run).await?;
        let (done, total) = (self.done, total.max(self.done));
        #[allow(clippy::cast_precision_loss)]
        let eta_s = (done > 0).then(|| self.since.elapsed().as_secs_f64() * (total - done) as f64 / done as f64);
        engine.tell(&Event::Progress { table: base.name.clone(), done, total, eta_s });
        if paused {
            engine.note("paused: UPDATE dispatch_cutover.run SET paused = false lets it go on");
        }
        while paused {
            tokio::time::sleep(Duration::from_millis(500)).await;
            paused = state::beat(&engine.session, run).await?;
        }
        Ok(())
    }
}

/// How many rows the statistics say there are.
pub(super) async fn estimate(session: &Session, base: &Relation) -> Result<u64, DbError> {
    let sql =
        format!("SELECT to_json(greatest(reltuples, 0)::bigint) FROM pg_catalog.pg_class WHERE oid = {}", base.oid);
    session.json("estimating rows", &sql).await
}

/// The key that ends the next range, or nothing when the rest is the last one.
pub(super) async fn next_key(
    session: &Session,
    base: &Relation,
    after: Option<&Key>,
    size: u64,
) -> Result<Option<Key>, DbError> {
    let columns = base.key_columns();
    let names: Vec<String> = columns.iter().map(|column| ident(&column.name)).collect();
    let texts: Vec<String> = names.iter().map(|name| format!("{name}::text")).collect();
    let sql = format!(
        "SELECT coalesce((SELECT json_build_array({}) FROM {} WHERE {} ORDER BY {} OFFSET {} LIMIT 1), 'null')",
        texts.join(", "),
        qualified(&base.schema, &base.name),
        within(&columns, &names, after, None),
        names.join(", "),
        size.saturating_sub(1),
    );
    session.json("finding the next range", &sql).await
}

/// The condition that a row lies after one key and not after another, by these names of the key's columns.
pub(super) fn within(columns: &[&Column], names: &[String], after: Option<&Key>, upto: Option<&Key>) -> String {
    let key = |values: &Key| -> String {
        let typed = values.iter().zip(columns).map(|(value, column)| format!("{}::{}", literal(value), column.kind));
        typed.collect::<Vec<_>>().join(", ")
    };
    let row = names.join(", ");
    let mut conditions = Vec::new();
    if let Some(after) = after {
        conditions.push(format!("({row}) > ({})", key(after)));
    }
    if let Some(upto) = upto {
        conditions.push(format!("({row}) <= ({})", key(upto)));
    }
    if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") }
}
