//! From a signed message to all of its effects, sustained: as many messages as can be routed without the queues growing.
//! The generator sends as fast as it is answered while little is due, and rests while much is.

use super::{RouteArguments, environment, fresh};
use crate::backlog::Backlog;
use crate::server::{Launch, Memory, Server};
use crate::sink::Sink;
use crate::sql::Database;
use crate::{load, pgbench};
use anyhow::{Result, ensure};
use serde::Serialize;
use std::time::{Duration, Instant};

/// So much may be due while messages are sent.
const DUE_AT_MOST: u64 = 2_000;
/// Until queues are as full as they get.
const WARM_UP: Duration = Duration::from_secs(4);
/// Seldom enough to take nothing from what is measured: a look costs the database some milliseconds.
const LOOK: Duration = Duration::from_millis(250);
/// How long what is left over may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// People who write, each seldom enough for every message to be a unit of its own.
const PEOPLE: u64 = 100_000;

/// pgbench, and the whole way right after it.
#[derive(Serialize)]
pub struct Pair {
    pub pgbench: pgbench::Outcome,
    /// Messages a second with all of their effects, after the warm-up.
    pub routed: f64,
    /// The most that was due at any look, and at the end.
    pub due: (u64, u64),
    /// Requests that the sink answered, and messages that were routed.
    pub sent: u64,
    pub messages: u64,
    pub intake: load::Outcome,
    pub memory: Memory,
}

impl Pair {
    pub fn ratio(&self) -> f64 {
        self.routed / self.pgbench.tps
    }
}

pub fn pair(arguments: &RouteArguments, database: &Database, number: usize) -> Result<Pair> {
    fresh(database)?;
    let pgbench = pgbench::run(database, &arguments.folder, arguments.clients, arguments.seconds().min(8), number)?;
    eprintln!("  pgbench {:.0} tps; from end to end", pgbench.tps);
    fresh(database)?;
    let sink = Sink::start()?;
    let launch = Launch { worker: true, first: 0, environment: environment(&arguments.folder, Some(&sink))? };
    let server = Server::launch(&arguments.server, database, &arguments.folder, &launch)?;
    let whole = WARM_UP + Duration::from_secs(arguments.seconds());
    let (load, gate) = server.gated_load(arguments.clients, whole.as_secs_f64(), PEOPLE)?;
    let (routed, due) = watch(database, gate, whole)?;
    let (intake, memory) = (load.outcome()?, server.memory());
    ensure!(intake.refused == 0 && intake.broken == 0, "not every message was answered: {intake:?}");
    let messages = drained(database, intake.ok + 1)?;
    server.stop()?;
    let pair = Pair { pgbench, routed, due, sent: sink.taken(), messages, intake, memory };
    eprintln!(
        "  {:.0} messages/s with all effects, {:.2} of pgbench; due at most {}",
        pair.routed,
        pair.ratio(),
        pair.due.0
    );
    Ok(pair)
}

/// Opens and shuts the gate by what is due. Answers the rate after the warm-up, and what was due at most and at the end.
fn watch(database: &Database, mut gate: load::Gate, whole: Duration) -> Result<(f64, (u64, u64))> {
    let mut backlog = Backlog::of(database)?;
    let (begun, mut most, mut last) = (Instant::now(), 0, 0);
    let mut from: Option<(Instant, u64)> = None;
    while begun.elapsed() < whole {
        if from.is_none() && begun.elapsed() >= WARM_UP {
            from = Some((Instant::now(), finished(database)?));
            most = 0;
        }
        last = backlog.due()?;
        most = most.max(last);
        gate.set(last < DUE_AT_MOST)?;
        std::thread::sleep(LOOK);
    }
    let to = finished(database)?;
    let rate = from.map_or(0.0, |(since, before)| (to - before) as f64 / since.elapsed().as_secs_f64());
    Ok((rate, (most, last)))
}

/// Messages with all of their effects.
fn finished(database: &Database) -> Result<u64> {
    database.count(
        "SELECT count(*) FROM dispatch.units AS u WHERE state NOT IN ('pending', 'held') AND NOT EXISTS (
             SELECT FROM dispatch.dispatches AS p JOIN dispatch.deliveries AS d USING (dispatch_id)
             WHERE p.unit_id = u.unit_id AND d.state = 'pending')",
    )
}

/// Waits for the rest; answers how many missions were stored.
fn drained(database: &Database, messages: u64) -> Result<u64> {
    let begun = Instant::now();
    let left = "SELECT (SELECT count(*) FROM dispatch.signals WHERE unit_id IS NULL AND state = 'queued')
        + (SELECT count(*) FROM dispatch.units WHERE state = 'pending')
        + (SELECT count(*) FROM dispatch.deliveries WHERE state = 'pending')";
    while database.count(left)? > 0 {
        ensure!(begun.elapsed() < PATIENCE, "what was sent is not routed after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let units = database.count("SELECT count(*) FROM dispatch.units WHERE state = 'routed'")?;
    let missions = database.count("SELECT count(*) FROM public.dispatch_agent_tasks")?;
    ensure!(missions == units, "{units} units were routed, and {missions} missions are stored");
    ensure!(units <= messages, "{messages} messages became {units} units");
    let webhooks = "SELECT count(*) FROM dispatch.deliveries WHERE kind = 'webhook' AND state = 'delivered'";
    let told = database.count(webhooks)?;
    ensure!(told == units, "{units} units were routed, and {told} webhooks arrived");
    Ok(units)
}
