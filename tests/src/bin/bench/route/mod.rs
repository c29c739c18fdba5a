//! Routing beside the database's own limit: from a signed message to all of its effects, a backlog against the same work in
//! plain SQL, and claims over short and long histories.

mod drain;
mod end_to_end;
mod history;
mod record;

use crate::sink::Sink;
use crate::sql::Database;
use crate::{pgbench, server};
use anyhow::{Context as _, Result};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What the sink's webhooks are signed with.
const SINK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// How routing is measured.
#[derive(Args)]
pub struct RouteArguments {
    /// One short round, to see that it works
    #[arg(long)]
    quick: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Write them into docs/BENCHMARKS.md
    #[arg(long, conflicts_with = "quick")]
    record: bool,
    /// Only these parts: end-to-end, drain, history
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,
    /// Pairs of runs
    #[arg(long, default_value_t = 3)]
    pairs: usize,
    /// Seconds a run from end to end
    #[arg(long, default_value_t = 16)]
    seconds: u64,
    /// Connections
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Messages of a backlog
    #[arg(long, default_value_t = 100_000)]
    backlog: u64,
    /// Finished rows of the long history
    #[arg(long, default_value_t = 5_000_000)]
    history: u64,
    /// The server to measure
    #[arg(long, default_value = "target/release/dispatch")]
    server: PathBuf,
    /// Where the database and all else that is made for it is kept
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
}

#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq)]
enum Part {
    EndToEnd,
    Drain,
    History,
}

impl RouteArguments {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn pairs(&self) -> usize {
        if self.quick { 1 } else { self.pairs.max(1) }
    }

    fn seconds(&self) -> u64 {
        if self.quick { 6 } else { self.seconds }
    }

    fn backlog(&self) -> u64 {
        if self.quick { self.backlog.min(5_000) } else { self.backlog }
    }

    fn history(&self) -> u64 {
        if self.quick { self.history.min(100_000) } else { self.history }
    }
}

/// Everything measured. Parts that were left out are empty.
#[derive(Serialize)]
pub struct Report {
    pub postgres: String,
    pub clients: usize,
    pub seconds: u64,
    pub backlog: u64,
    pub history: u64,
    pub end_to_end: Vec<end_to_end::Pair>,
    pub drain: Vec<drain::Pair>,
    pub claims: Vec<history::Claims>,
}

pub fn run(arguments: &RouteArguments) -> Result<()> {
    eprintln!("starting a durable PostgreSQL in {}", arguments.folder.display());
    let database = Database::start(&arguments.folder)?;
    database.program("pgbench")?;
    server::migrate(&arguments.server, &database)?;
    pgbench::prepare(&database)?;
    let mut report = Report {
        postgres: database.ask("SHOW server_version")?,
        clients: arguments.clients,
        seconds: arguments.seconds(),
        backlog: arguments.backlog(),
        history: arguments.history(),
        end_to_end: Vec::new(),
        drain: Vec::new(),
        claims: Vec::new(),
    };
    for number in 0..arguments.pairs() {
        if arguments.wants(Part::EndToEnd) {
            eprintln!("end to end, pair {} of {}", number + 1, arguments.pairs());
            report.end_to_end.push(end_to_end::pair(arguments, &database, number)?);
        }
        if arguments.wants(Part::Drain) {
            eprintln!("drain, pair {} of {}", number + 1, arguments.pairs());
            report.drain.push(drain::pair(arguments, &database)?);
        }
    }
    if arguments.wants(Part::History) {
        report.claims = history::measure(arguments, &database)?;
    }
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

/// What was routed before is gone, in Dispatch's tables and the brokerage's.
fn fresh(database: &Database) -> Result<()> {
    database.ask("TRUNCATE dispatch.effects, dispatch.mission_facts, dispatch.quotas")?;
    database.ask("TRUNCATE public.dispatch_agent_tasks, public.dispatch_activities CASCADE")?;
    database.fresh()
}

/// Local classifier; every message is stored as a mission, and a webhook goes to the sink where there is one. Bursts are closed
/// at once: how long a burst is waited for costs nothing and hides how much is due.
fn environment(folder: &Path, sink: Option<&Sink>) -> Result<Vec<(String, String)>> {
    let (webhook, endpoint) = sink.map_or_else(Default::default, |sink| {
        let address = &sink.address;
        let endpoint = format!(
            "[endpoints.sink]\nurl = \"http://{address}/hooks\"\nallow = [\"{address}\"]\nsecrets = [\"BENCH_SINK_SECRET\"]\n"
        );
        (", \"webhook:sink\"", endpoint)
    });
    let policy = format!(
        "threshold = 0.0\n\n[[rules]]\nname = \"everything\"\nto = [\"task_orchestrator\"{webhook}]\n\n{endpoint}"
    );
    let file = folder.canonicalize()?.join("policy.toml");
    std::fs::write(&file, policy).with_context(|| format!("cannot write {}", file.display()))?;
    let settings = [
        ("LLM_PROVIDER", "none".to_owned()),
        ("DISPATCH_POLICY", file.display().to_string()),
        ("BENCH_SINK_SECRET", SINK_SECRET.to_owned()),
        ("BURST_QUIET_MS", "100".to_owned()),
        ("RUST_LOG", "warn".to_owned()),
    ];
    Ok(settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
