//! Taking one table one step on or back under its clients: the polite lock, the gate, one message, and another try. Each
//! line is there because its absence broke something (docs/CUTOVER.md). It must not know why the step is taken.

use crate::catalogue;
use crate::engine::Engine;
use crate::gate::{holders, old_holders};
use crate::generate::{Memory, Move, ops, remembered};
use crate::ops::Op;
use crate::position::{Place, Position, place};
use crate::quote::{ident, literal, qualified};
use crate::report::{Blocker, Event, Stop};
use crate::session::{DbError, TRANSACTION_TIMEOUT};
use crate::spec::Table;
use crate::state::stepped;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long the gate is watched under one polite lock, before that is given up and taken anew.
const GATE: Duration = Duration::from_millis(800);
/// How long the polite lock is waited for: longer than a cancelled autovacuum needs to go.
const POLITE: Duration = Duration::from_secs(3);

/// What an attempt came to.
enum Attempt {
    Done {
        took: Duration,
    },
    /// Somebody did it before.
    Already,
    GaveWay(Vec<Blocker>),
}

/// What changes, and which locks it needs.
pub(crate) struct Crossing<'a> {
    pub(crate) table: &'a Table,
    pub(crate) step: Move,
    pub(crate) memory: Memory,
    pub(crate) run: Uuid,
}

impl Engine<'_> {
    /// Takes the step; tries until `--max-wait` is over.
    pub(crate) async fn cross(&self, crossing: &Crossing<'_>) -> Result<bool, Stop> {
        let since = Instant::now();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let left = self.options.max_wait.saturating_sub(since.elapsed());
            match self.attempt(crossing, left).await? {
                Attempt::Done { took } => {
                    let (from, to) = (crossing.step.from(), crossing.step.to());
                    let took_ms = took.as_secs_f64() * 1000.0;
                    let table = crossing.table.from.clone();
                    self.tell(&Event::Moved { table, from, to, attempts: attempt, took_ms });
                    return Ok(true);
                }
                Attempt::Already => return Ok(false),
                Attempt::GaveWay(blockers) => {
                    let table = crossing.table.from.clone();
                    if since.elapsed() >= self.options.max_wait {
                        let waited_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                        let what = format!("{} of {table}", self.stage.as_str());
                        return Err(Stop::TryAgain { what, waited_ms, blockers });
                    }
                    self.tell(&Event::Waiting { table, attempt, blockers });
                }
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(100..300)).min(left)).await;
        }
    }

    async fn attempt(&self, crossing: &Crossing<'_>, left: Duration) -> Result<Attempt, Stop> {
        let session = &self.session;
        match self.within(crossing, left).await {
            Ok(Attempt::Done { took }) => Ok(Attempt::Done { took }),
            Ok(other) => {
                session.rollback().await?;
                Ok(other)
            }
            Err(Stop::Database(error)) if error.is_lock_trouble() => {
                let _nothing_more_to_lose = session.rollback().await;
                let oids = self.oids(crossing).await?;
                Ok(Attempt::GaveWay(holders(session, &oids).await?))
            }
            Err(error) => {
                let _nothing_more_to_lose = session.rollback().await;
                Err(error)
            }
        }
    }

    /// One transaction, from its begin to its commit.
    async fn within(&self, crossing: &Crossing<'_>, left: Duration) -> Result<Attempt, Stop> {
        let (session, spec, step) = (&self.session, &self.options.spec, crossing.step);
        let table = if step.from() <= Position::Expanded { &crossing.table.from } else { &crossing.table.to };
        let mut begin = "BEGIN".to_owned();
        if is_polite(step, crossing.table) {
            // Sends an autovacuum away and keeps DDL out, while nobody who reads or writes has to wait.
            let patience = POLITE.min(left.max(Duration::from_millis(100))).as_millis();
            let locked = qualified(&spec.schema, table);
            begin = format!(
                "BEGIN; SET LOCAL lock_timeout = '{patience}ms'; LOCK TABLE ONLY {locked} IN SHARE UPDATE EXCLUSIVE MODE"
            );
        }
        session.execute("the polite lock", &begin).await?;
        // Whatever was true before, this is what will be changed.
        let snapshot = catalogue::read(session, spec).await?;
        match place(&snapshot, crossing.table, true) {
            Place::At(position) if position == step.from() => {}
            Place::At(position) if position == step.to() => return Ok(Attempt::Already),
            _ => return Err(Stop::Failed(format!("{} is not where it was; run the stage again", crossing.table.from))),
        }
        let held: Vec<i64> =
            snapshot.relations.iter().filter(|each| self.is_held(crossing, &each.name)).map(|each| each.oid).collect();
        if let Some(blockers) = self.gate(&held, left.min(GATE)).await? {
            return Ok(Attempt::GaveWay(blockers));
        }
        let changes = ops(&snapshot, spec, crossing.table, step, &crossing.memory);
        let memory = remembered(&snapshot, crossing.table, step, &crossing.memory);
        let record = stepped(crossing.run, &crossing.table.from, step.to(), &memory, self.stage.as_str());
        let message = self.message(crossing, snapshot.server.version, &changes, &record);
        let since = Instant::now();
        session.execute(&format!("{} of {}", self.stage.as_str(), crossing.table.from), &message).await?;
        Ok(Attempt::Done { took: since.elapsed() })
    }

    /// Waits until nobody holds these for long, or says who does. No lock is asked for meanwhile.
    async fn gate(&self, held: &[i64], patience: Duration) -> Result<Option<Vec<Blocker>>, DbError> {
        if held.is_empty() {
            return Ok(None);
        }
        let since = Instant::now();
        loop {
            let old = old_holders(&self.session, held).await?;
            if old.is_empty() {
                return Ok(None);
            }
            if since.elapsed() >= patience {
                return Ok(Some(old));
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(10..50))).await;
        }
    }

    /// Everything that holds exclusive locks, so that nothing of ours can stand still in the middle of it. The commit does
    /// not wait for the disk while clients wait for the locks; the event that is written next does.
    fn message(&self, crossing: &Crossing<'_>, version: i32, changes: &[Op], record: &str) -> String {
        let budget = self.options.budget.as_millis();
        let mut message = limits(budget, version);
        message.extend(self.exclusive(crossing));
        message.push(format!("SET LOCAL statement_timeout = '{}ms'", budget + 30));
        message.extend(changes.iter().flat_map(Op::statements));
        message.push(record.to_owned());
        message.extend(self.notifications());
        message.push("COMMIT".to_owned());
        message.join(";\n")
    }

    /// The locks of the step. A view comes before its table: whoever reads the view holds it while waiting for the table.
    fn exclusive(&self, crossing: &Crossing<'_>) -> Option<String> {
        let (table, step) = (crossing.table, crossing.step);
        let locked = match step {
            Move::Expand if !table.add.is_empty() => &table.from,
            Move::Expand | Move::Withdraw | Move::RefreshNew | Move::RefreshOld => return None,
            Move::Switch => &table.to,
            Move::SwitchBack | Move::Contract => &table.from,
            Move::Restore => &table.to,
        };
        Some(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", qualified(&self.options.spec.schema, locked)))
    }

    /// What clients such as PostgREST must hear to look at the schema again.
    pub(crate) fn notifications(&self) -> Vec<String> {
        let notify = self.options.spec.notify.iter();
        notify.map(|each| format!("NOTIFY {}, {}", ident(&each.channel), literal(&each.payload))).collect()
    }

    /// Whether the step takes this relation exclusively.
    fn is_held(&self, crossing: &Crossing<'_>, name: &str) -> bool {
        let table = crossing.table;
        match crossing.step {
            Move::Expand => !table.add.is_empty() && *name == table.from,
            Move::Withdraw | Move::RefreshNew => *name == table.to,
            Move::RefreshOld => *name == table.from,
            _ => *name == table.from || *name == table.to,
        }
    }

    async fn oids(&self, crossing: &Crossing<'_>) -> Result<Vec<i64>, DbError> {
        let snapshot = catalogue::read(&self.session, &self.options.spec).await?;
        let both = [&crossing.table.from, &crossing.table.to];
        Ok(snapshot.relations.iter().filter(|each| both.contains(&&each.name)).map(|each| each.oid).collect())
    }
}

/// What bounds the message: nobody waits for it for longer.
fn limits(budget: u128, version: i32) -> Vec<String> {
    let mut limits = vec![
        format!("SET LOCAL lock_timeout = '{budget}ms'"),
        // The lock timeout counts for each lock; this one for all that one statement takes.
        format!("SET LOCAL statement_timeout = '{}ms'", budget + 10),
        format!("SET LOCAL idle_in_transaction_session_timeout = '{}ms'", budget + 30),
        "SET LOCAL synchronous_commit = off".to_owned(),
    ];
    // A bound for all statements together.
    if version >= TRANSACTION_TIMEOUT {
        limits.push("SET LOCAL transaction_timeout = '1s'".to_owned());
    }
    limits
}

/// Whether the step changes the table itself. Making or dropping a view beside it does not.
fn is_polite(step: Move, table: &Table) -> bool {
    match step {
        Move::Expand => !table.add.is_empty(),
        Move::Withdraw | Move::RefreshNew | Move::RefreshOld => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_transaction_is_bounded_where_the_server_knows_how() {
        let bounded = |version| limits(50, version).iter().any(|line| line == "SET LOCAL transaction_timeout = '1s'");
        assert!(!bounded(150_018) && !bounded(160_009) && bounded(170_000) && bounded(180_001));
    }
}
