//! Durable intake beside pgbench, in turn: closed loop without a worker, open loop while one routes. Counts afterwards:
//! what was answered with 200 is what is stored.

use crate::figures::{Latencies, median};
use crate::server::{self, Memory, Server};
use crate::sql::Database;
use crate::{IntakeArguments, kill, load, pgbench, record};
use anyhow::{Result, ensure};
use serde::Serialize;

/// The open loop's requests a second.
pub const RATE: u64 = 1000;
/// Messages of different runs have different numbers.
pub const APART: u64 = 10_000_000;

/// Everything measured.
#[derive(Serialize)]
pub struct Report {
    pub clients: usize,
    pub seconds: u64,
    pub pairs: Vec<Pair>,
    pub open: Vec<Open>,
    pub start_up_ms: Vec<f64>,
    pub postgres: String,
}

/// pgbench, and intake right after it.
#[derive(Serialize)]
pub struct Pair {
    pub pgbench: pgbench::Outcome,
    pub intake: load::Outcome,
    pub memory: Memory,
}

#[derive(Serialize)]
pub struct Open {
    pub intake: load::Outcome,
    pub memory: Memory,
}

impl Pair {
    pub fn throughput(&self) -> f64 {
        self.intake.ok as f64 / self.intake.seconds
    }
}

impl Report {
    /// The median of intake's requests a second over its neighbour's transactions a second.
    pub fn ratio(&self) -> f64 {
        median(self.pairs.iter().map(|pair| pair.throughput() / pair.pgbench.tps))
    }

    pub fn p99_ratio(&self) -> f64 {
        median(self.pairs.iter().map(|pair| pair.intake.latency.p99 / pair.pgbench.latency.p99))
    }

    pub fn intake_latency(&self) -> Latencies {
        Latencies::median(&self.pairs.iter().map(|pair| pair.intake.latency).collect::<Vec<_>>())
    }

    pub fn pgbench_latency(&self) -> Latencies {
        Latencies::median(&self.pairs.iter().map(|pair| pair.pgbench.latency).collect::<Vec<_>>())
    }

    pub fn open_latency(&self) -> Latencies {
        Latencies::median(&self.open.iter().map(|open| open.intake.latency).collect::<Vec<_>>())
    }
}

pub fn run(arguments: &IntakeArguments) -> Result<()> {
    eprintln!("starting a durable PostgreSQL in {}", arguments.folder.display());
    let database = Database::start(&arguments.folder)?;
    database.program("pgbench")?;
    server::migrate(&arguments.server, &database)?;
    if arguments.kill {
        return kill::run(arguments, &database);
    }
    let report = measure(arguments, &database)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", record::table(&report));
    }
    if arguments.record {
        record::write(&report)?;
    }
    Ok(())
}

fn measure(arguments: &IntakeArguments, database: &Database) -> Result<Report> {
    let (pairs, seconds) = if arguments.quick { (1, 2) } else { (arguments.pairs.max(1), arguments.seconds) };
    pgbench::prepare(database)?;
    let postgres = database.ask("SHOW server_version")?;
    let mut report = Report {
        clients: arguments.clients,
        seconds,
        pairs: Vec::new(),
        open: Vec::new(),
        start_up_ms: Vec::new(),
        postgres,
    };
    for number in 0..pairs {
        eprintln!("pair {} of {pairs}: pgbench, {} clients, {seconds} s", number + 1, arguments.clients);
        database.fresh()?;
        let pgbench = pgbench::run(database, &arguments.folder, arguments.clients, seconds, number)?;
        eprintln!("  {:.0} tps; intake, closed loop", pgbench.tps);
        let (intake, memory) = once(arguments, database, &mut report, &Loop { worker: false, rate: 0, seconds })?;
        report.pairs.push(Pair { pgbench, intake, memory });
        eprintln!("  {:.0} req/s; open loop, {RATE}/s, while a worker routes", report.pairs[number].throughput());
        let (intake, memory) = once(arguments, database, &mut report, &Loop { worker: true, rate: RATE, seconds })?;
        report.open.push(Open { intake, memory });
    }
    Ok(report)
}

struct Loop {
    worker: bool,
    rate: u64,
    seconds: u64,
}

/// A fresh server on emptied tables, one run, and the count.
fn once(
    arguments: &IntakeArguments,
    database: &Database,
    report: &mut Report,
    how: &Loop,
) -> Result<(load::Outcome, Memory)> {
    database.fresh()?;
    let server = Server::start(&arguments.server, database, &arguments.folder, how.worker, 0)?;
    report.start_up_ms.push(server.start_up.as_secs_f64() * 1e3);
    let load = server.under_load(arguments.clients, how.seconds as f64, how.rate, 1, None)?;
    let outcome = load.outcome()?;
    let memory = server.memory();
    server.stop()?;
    // One more: the message that was sent until it was answered.
    let stored = database.count("SELECT count(*) FROM dispatch.signals")?;
    ensure!(outcome.refused == 0, "{} requests were answered neither with 200 nor with 503", outcome.refused);
    ensure!(stored > outcome.ok, "{} messages were acknowledged, {} are stored", outcome.ok + 1, stored);
    ensure!(
        stored == outcome.ok + 1 || outcome.shed > 0,
        "{stored} messages are stored, {} were acknowledged and none shed",
        outcome.ok + 1
    );
    Ok((outcome, memory))
}
