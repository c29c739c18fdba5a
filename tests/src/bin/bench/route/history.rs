//! What a claim costs over a short history and over a long one, by the stores themselves: two databases on one server, asked
//! in turn.

use super::RouteArguments;
use crate::figures::median;
use crate::server;
use crate::sql::Database;
use anyhow::{Context as _, Result, ensure};
use dispatch_postgres::connect;
use dispatch_postgres::store::{PgDeliveryQueue, PgUnitQueue};
use dispatch_routing::delivery_queue::DeliveryQueue as _;
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::queue::ClaimRule;
use dispatch_routing::unit_queue::UnitQueue as _;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Finished rows of the short history.
pub const SHORT: u64 = 10_000;
/// Rows that are due.
const DUE: u64 = 4_000;
/// Rows in one claim.
const TOGETHER: u32 = 50;
/// Rounds over both databases.
const ROUNDS: usize = 5;

/// Claims of one kind of row: medians of microseconds for fifty rows.
#[derive(Serialize)]
pub struct Claims {
    pub what: &'static str,
    pub short_us: f64,
    pub long_us: f64,
}

impl Claims {
    pub fn ratio(&self) -> f64 {
        self.long_us / self.short_us
    }
}

pub fn measure(arguments: &RouteArguments, database: &Database) -> Result<Vec<Claims>> {
    let short = History::make(arguments, database, "bench_short", SHORT)?;
    let long = History::make(arguments, database, "bench_long", arguments.history())?;
    let mut figures: [[Vec<f64>; 2]; 2] = Default::default();
    for round in 0..if arguments.quick { 2 } else { ROUNDS } {
        // Nobody is always first.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            let history = [&short, &long][which];
            history.due(database)?;
            let (units, deliveries) = database.runtime.block_on(history.claims())?;
            figures[0][which].extend(units);
            figures[1][which].extend(deliveries);
        }
    }
    let [units, deliveries] = figures;
    let claims = |what, [short, long]: [Vec<f64>; 2]| Claims { what, short_us: median(short), long_us: median(long) };
    for history in [short, long] {
        history.drop(database)?;
    }
    Ok(vec![claims("units", units), claims("deliveries", deliveries)])
}

/// Finished units and deliveries; all deliveries are of a few dispatches, which no claim looks at.
fn finished(rows: u64) -> String {
    format!(
        "CREATE FUNCTION bench_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
             SELECT (lpad(to_hex(n / 65536), 8, '0') || '-' || lpad(to_hex(n % 65536), 4, '0') || '-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
         CREATE FUNCTION bench_new_id(n bigint) RETURNS uuid LANGUAGE sql STABLE AS $$
             SELECT (regexp_replace(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0'), '(.{{8}})(.{{4}})', '\\1-\\2')
                 || '-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
         INSERT INTO dispatch.units (unit_id, source, workspace, channel, conversation, author, state, attempts,
             next_attempt_at, opened_at, closed_at, settled_at)
         SELECT bench_id(n), 'slack', 'T1', 'C' || n % 5000, 'slack/T1/C' || n % 5000 || '/-', 'U' || n % 100000, 'routed', 1,
             t, t, t, t
         FROM generate_series(1, {rows}) AS n, LATERAL (SELECT now() - interval '90 days' + n * interval '1 ms') AS at (t);
         INSERT INTO dispatch.classifications (classification_id, unit_id, schema_version, message_type, confidence, provenance)
         SELECT unit_id, unit_id, 1, 'IGNORE', 0.9, '{{}}' FROM dispatch.units ORDER BY unit_id LIMIT 1000;
         INSERT INTO dispatch.dispatches (dispatch_id, unit_id, classification_id, rule, auto_dispatch, reason)
         SELECT unit_id, unit_id, unit_id, 'bench', true, 'bench' FROM dispatch.units ORDER BY unit_id LIMIT 1000;
         INSERT INTO dispatch.deliveries (delivery_id, dispatch_id, unit_id, kind, destination, content, state, attempts,
             next_attempt_at, created_at, settled_at)
         SELECT bench_id(n), bench_id(n % 1000 + 1), bench_id(n % 1000 + 1), 'slack', {DESTINATION}, {CONTENT},
             'delivered', 1, t, t, t
         FROM generate_series(1, {rows}) AS n, LATERAL (SELECT now() - interval '90 days' + n * interval '1 ms') AS at (t);"
    )
}

/// As SQL expressions over `n`; no two channels are the same, so that no rate of a channel limits a claim.
const DESTINATION: &str = "jsonb_build_object('type', 'notification', 'target', 'slack', 'workspace', 'T1', \
     'channel_id', 'C' || n, 'thread_ts', '1.000001')";
const CONTENT: &str = "jsonb_build_object('content', 'message', 'text', 'A task was made of this: order a yard sign for 12 Elm St by Friday')";

/// Makes these due, and what was due before finished.
fn due() -> String {
    format!(
        "UPDATE dispatch.units SET state = 'routed', settled_at = now(), claim_token = NULL, lease_until = NULL WHERE state = 'pending';
         UPDATE dispatch.deliveries SET state = 'delivered', settled_at = now(), claim_token = NULL, lease_until = NULL
             WHERE state = 'pending';
         WITH made AS (
             INSERT INTO dispatch.units (unit_id, source, workspace, channel, conversation, author, opened_at)
             SELECT bench_new_id(n), 'slack', 'T1', 'C' || n, 'slack/T1/C' || n || '/-', 'U' || n, now()
             FROM generate_series(1, {DUE}) AS n RETURNING unit_id, channel
         )
         INSERT INTO dispatch.signals (signal_id, source, workspace, channel, conversation, author, text, message_ref,
             content_key, state, unit_id, occurred_at, payload)
         SELECT unit_id, 'slack', 'T1', channel, 'slack/T1/' || channel || '/-', 'U1', 'Please order a yard sign',
             '1.000001', gen_random_uuid()::text, 'queued', unit_id, now(), '{{}}' FROM made;
         INSERT INTO dispatch.deliveries (delivery_id, dispatch_id, unit_id, kind, destination, content, state, lane, channel)
         SELECT bench_new_id(n), bench_id(n % 1000 + 1), bench_id(n % 1000 + 1), 'slack', {DESTINATION}, {CONTENT}, 'pending',
             'slack/T1', 'C' || n
         FROM generate_series(1, {DUE}) AS n"
    )
}

/// A database of its own.
struct History {
    name: &'static str,
    url: String,
}

impl History {
    fn make(arguments: &RouteArguments, database: &Database, name: &'static str, rows: u64) -> Result<Self> {
        eprintln!("a history of {rows} units and as many deliveries");
        database.ask(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        database.ask(&format!("CREATE DATABASE {name}"))?;
        let url: connect::DatabaseUrl = database.url().parse().context("the database's own URL")?;
        let url = url.on_database(name).map_err(anyhow::Error::from)?.expose().to_owned();
        let history = Self { name, url };
        server::migrate_at(&arguments.server, &history.url)?;
        database.ask_at(&history.url, &finished(rows))?;
        database.ask_at(&history.url, "VACUUM ANALYZE")?;
        Ok(history)
    }

    /// Makes what is claimed, and nothing else, due.
    fn due(&self, database: &Database) -> Result<()> {
        database.ask_at(&self.url, &due())?;
        database.ask_at(&self.url, "VACUUM dispatch.units, dispatch.deliveries")?;
        database.ask_at(&self.url, "CHECKPOINT").map(drop)
    }

    /// Microseconds of each claim of units, and of deliveries.
    async fn claims(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let pool = connect::pool(&self.url.parse().context("a URL")?, 1)?;
        let (units, deliveries) = (PgUnitQueue::new(pool.clone()), PgDeliveryQueue::new(pool.clone()));
        let rule = ClaimRule { limit: TOGETHER, lease: Duration::from_secs(3600), max_attempts: 100 };
        let (mut of_units, mut of_deliveries) = (Vec::new(), Vec::new());
        for _ in 0..DUE / u64::from(TOGETHER) {
            let begun = Instant::now();
            let claimed = units.claim(rule).await?;
            of_units.push(begun.elapsed().as_secs_f64() * 1e6);
            ensure!(claimed.len() == TOGETHER as usize, "{} units were claimed", claimed.len());
            let begun = Instant::now();
            let claimed = deliveries.claim(DestinationKind::Slack, rule).await?;
            of_deliveries.push(begun.elapsed().as_secs_f64() * 1e6);
            ensure!(claimed.len() == TOGETHER as usize, "{} deliveries were claimed", claimed.len());
        }
        pool.close();
        // The first ones prepare their statements.
        Ok((of_units.split_off(6), of_deliveries.split_off(6)))
    }

    fn drop(self, database: &Database) -> Result<()> {
        database.ask(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).map(drop)
    }
}
