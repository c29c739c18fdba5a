//! A backlog: messages that came in while no worker ran, drained by one; and the same in plain SQL on two connections, fifty
//! a transaction: once a claim, a classification and a mission, and once every row that Dispatch leaves behind.

use super::{RouteArguments, environment, fresh};
use crate::backlog::Backlog;
use crate::server;
use crate::sql::Database;
use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use std::process::Command;
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(600);
/// Jobs in one transaction of plain SQL.
const TOGETHER: u64 = 50;

/// Jobs a second.
#[derive(Serialize)]
pub struct Pair {
    pub sql: f64,
    /// All of the rows that a worker writes, in plain SQL.
    pub same_rows: f64,
    pub worker: f64,
}

impl Pair {
    pub fn ratio(&self) -> f64 {
        self.worker / self.sql
    }

    pub fn of_same_rows(&self) -> f64 {
        self.worker / self.same_rows
    }
}

pub fn pair(arguments: &RouteArguments, database: &Database) -> Result<Pair> {
    fresh(database)?;
    let sql = in_sql(arguments, database)?;
    eprintln!("  {sql:.0} jobs/s in plain SQL; the same rows as Dispatch's");
    fresh(database)?;
    let same_rows = same_rows_in_sql(arguments, database)?;
    eprintln!("  {same_rows:.0} messages/s; the worker");
    fresh(database)?;
    let worker = by_worker(arguments, database)?;
    let pair = Pair { sql, same_rows, worker };
    eprintln!(
        "  {worker:.0} messages/s, {:.2} of plain SQL, {:.2} of the same rows",
        pair.ratio(),
        pair.of_same_rows()
    );
    Ok(pair)
}

/// As intake leaves them: each by a person of its own, and long enough ago for its burst to be over.
fn fill(database: &Database, count: u64) -> Result<()> {
    database.ask(&format!(
        "INSERT INTO dispatch.signals (signal_id, source, workspace, channel, conversation, author, text, message_ref,
             provider_event_id, event_key, content_key, state, occurred_at, received_at, payload, trace_id)
         SELECT (lpad(to_hex(n / 65536), 8, '0') || '-' || lpad(to_hex(n % 65536), 4, '0') || '-7000-8000-' || lpad(n::text, 12, '0'))::uuid,
             'slack', 'T0BENCH01', 'C' || n % 5000, 'slack/T0BENCH01/C' || n % 5000 || '/-', 'U' || n,
             'Please order a yard sign for ' || n || ' Elm St by Friday, and let the sellers know when it goes up',
             '1763647387.' || n, 'Ev' || n, 'slack:event:T0BENCH01/Ev' || n, 'slack:message:T0BENCH01/C0/' || n, 'queued',
             now() - interval '10 seconds', now() - interval '10 seconds' + n * interval '10 microseconds',
             jsonb_build_object('text', repeat('x', 600)), gen_random_uuid()
         FROM generate_series(1, {count}) AS n;
         ANALYZE dispatch.signals; CHECKPOINT"
    ))
    .map(drop)
}

/// How fast one worker gets through.
fn by_worker(arguments: &RouteArguments, database: &Database) -> Result<f64> {
    let count = arguments.backlog();
    fill(database, count)?;
    let mut backlog = Backlog::of(database)?;
    let waiting = database.count("SELECT count(*) FROM dispatch.signals WHERE unit_id IS NULL AND state = 'queued'")?;
    ensure!(waiting == count, "{waiting} of {count} messages are due");
    let begun = Instant::now();
    let environment = environment(&arguments.folder, None)?;
    let worker = server::worker(&arguments.server, database, &arguments.folder, &environment)?;
    // The last message's deliveries are due in the commit that settles it, so that nothing due means nothing left.
    while !backlog.is_empty()? {
        ensure!(begun.elapsed() < PATIENCE, "the backlog is not drained after {PATIENCE:?}");
        std::thread::sleep(LOOK);
    }
    let took = begun.elapsed().as_secs_f64();
    worker.stop()?;
    let missions = database.count("SELECT count(*) FROM public.dispatch_agent_tasks")?;
    ensure!(missions == count, "{count} messages became {missions} missions");
    Ok(count as f64 / took)
}

const TABLES: &str = "
DROP TABLE IF EXISTS bench.jobs, bench.classifications, bench.missions;
CREATE TABLE bench.jobs (job_id bigint PRIMARY KEY, state text NOT NULL DEFAULT 'pending', payload jsonb NOT NULL);
CREATE INDEX jobs_due ON bench.jobs (job_id) WHERE state = 'pending';
CREATE TABLE bench.classifications (LIKE dispatch.classifications INCLUDING ALL);
CREATE TABLE bench.missions (LIKE public.dispatch_agent_tasks INCLUDING ALL);";

const SCRIPT: &str = "WITH claimed AS (
    SELECT job_id FROM bench.jobs WHERE state = 'pending' ORDER BY job_id LIMIT 50 FOR UPDATE SKIP LOCKED
), finished AS (
    UPDATE bench.jobs AS j SET state = 'done' FROM claimed WHERE j.job_id = claimed.job_id RETURNING j.job_id
), understood AS (
    INSERT INTO bench.classifications (classification_id, schema_version, message_type, task_key, task_title, confidence,
        explanations, provenance)
    SELECT gen_random_uuid(), 1, 'STRAY', 'OPS_MISC_TASK', 'Order a yard sign', 0.9, '[\"asks for work\"]',
        '{\"provider\": \"local\", \"model\": \"bench\"}' FROM finished
)
INSERT INTO bench.missions (mission_id, name, description, mission_type)
SELECT gen_random_uuid()::text, 'Order a yard sign', 'Please order a yard sign for 12 Elm St by Friday', 'ADMIN' FROM finished;
";

/// Everything that a worker writes about a message, in one statement for fifty of them: what the database takes for it, with
/// nobody who reads, thinks or claims.
const SAME_ROWS: &str = include_str!("same_rows.sql");

/// Ids that grow, as Dispatch's own do.
const IDS: &str = "
CREATE SEQUENCE IF NOT EXISTS bench.ids;
CREATE OR REPLACE FUNCTION bench.id() RETURNS uuid LANGUAGE sql VOLATILE AS
    $$SELECT ('018f0000-0000-7000-8000-' || lpad(to_hex(nextval('bench.ids')), 12, '0'))::uuid$$;";

/// A claim, a classification and a mission by pgbench on two connections.
fn in_sql(arguments: &RouteArguments, database: &Database) -> Result<f64> {
    let count = arguments.backlog();
    database.ask(TABLES)?;
    database.ask(&format!(
        "INSERT INTO bench.jobs SELECT n, 'pending', jsonb_build_object('text', repeat('x', 600)) FROM generate_series(1, {count}) AS n;
         ANALYZE bench.jobs; CHECKPOINT"
    ))?;
    let rate = pgbench(arguments, database, SCRIPT)?;
    let missions = database.count("SELECT count(*) FROM bench.missions")?;
    ensure!(missions == count, "{count} jobs became {missions} missions");
    Ok(rate)
}

fn same_rows_in_sql(arguments: &RouteArguments, database: &Database) -> Result<f64> {
    let count = arguments.backlog();
    database.ask(IDS)?;
    fill(database, count)?;
    let rate = pgbench(arguments, database, SAME_ROWS)?;
    let missions = database.count("SELECT count(*) FROM public.dispatch_agent_tasks")?;
    let told = database.count("SELECT count(*) FROM dispatch.timeline")?;
    ensure!((missions, told) == (count, 5 * count), "{count} messages became {missions} missions and {told} lines");
    Ok(rate)
}

/// Gets through the backlog with this script, of which each run takes fifty. Answers how many a second.
fn pgbench(arguments: &RouteArguments, database: &Database, script: &str) -> Result<f64> {
    let count = arguments.backlog();
    let file = arguments.folder.join("drain.sql");
    std::fs::write(&file, script)?;
    let mut pgbench = Command::new(database.program("pgbench")?);
    pgbench.args(["-n", "-M", "prepared", "-c", "2", "-j", "2", "-t"]).arg(count.div_ceil(2 * TOGETHER).to_string());
    let begun = Instant::now();
    let output = pgbench.arg("-f").arg(&file).arg(database.url()).output().context("cannot start pgbench")?;
    let took = begun.elapsed().as_secs_f64();
    ensure!(output.status.success(), "pgbench failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(count as f64 / took)
}
