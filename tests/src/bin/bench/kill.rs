//! kill -9 of the server and of the database under load, and clients that hang up: not one message that was answered with
//! 200 may be missing, and not one that is stored may stay without a unit.

use crate::IntakeArguments;
use crate::intake::APART;
use crate::server::Server;
use crate::sql::Database;
use anyhow::{Context as _, Result, ensure};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long what is stored may take to be routed.
const PATIENCE: Duration = Duration::from_secs(180);

pub fn run(arguments: &IntakeArguments, database: &Database) -> Result<()> {
    database.ask("TRUNCATE dispatch.signals, dispatch.units, dispatch.timeline CASCADE")?;
    let refs = arguments.folder.canonicalize()?.join("acknowledged");
    let rounds: [(&str, Victim); 3] =
        [("the server", Victim::Server), ("the database", Victim::Database), ("clients", Victim::Clients)];
    for (number, (name, victim)) in rounds.into_iter().enumerate() {
        let first = (number as u64 + 1) * APART;
        let outcome = round(arguments, database, victim, first, &refs)?;
        println!(
            "{name} killed under load: {} answered with 200, 0 of them missing; {} answered with 503, the slowest after \
             {:.0} ms; {} unanswered",
            outcome.ok, outcome.shed, outcome.slowest_shed_ms, outcome.broken
        );
    }
    let stored = routed(arguments, database)?;
    println!("{stored} stored, none left without a unit, nothing left to do");
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    Server,
    Database,
    Clients,
}

/// Half of the time passes, then the victim dies.
fn round(
    arguments: &IntakeArguments,
    database: &Database,
    victim: Victim,
    first: u64,
    refs: &Path,
) -> Result<crate::load::Outcome> {
    let half = Duration::from_secs(2);
    let server = Server::start(&arguments.server, database, &arguments.folder, false, first)?;
    let load = server.under_load(arguments.clients, 4.0, 0, first + 1, Some(refs.to_owned()))?;
    if victim == Victim::Clients {
        // A second crowd that is cut off in the middle of what it does.
        let crowd = server.under_load(arguments.clients, 4.0, 0, first + APART / 2, None)?;
        std::thread::sleep(half);
        crowd.hang_up()?;
    } else {
        std::thread::sleep(half);
    }
    let keeper = (victim == Victim::Database).then(|| {
        let server = Arc::clone(&database.server);
        database.runtime.spawn(async move { server.keep_running().await })
    });
    let server = match victim {
        Victim::Server => server.kill().map(|()| None)?,
        Victim::Database => {
            kill_group(database.server.pid())?;
            Some(server)
        }
        Victim::Clients => Some(server),
    };
    let outcome = load.outcome()?;
    server.map(Server::stop).transpose()?;
    if victim == Victim::Database {
        back(database)?;
    }
    keeper.inspect(tokio::task::JoinHandle::abort);
    missing(database, refs)?;
    Ok(outcome)
}

/// The database and all of its processes.
fn kill_group(leader: u32) -> Result<()> {
    let status = Command::new("kill").args(["-KILL", "--", &format!("-{leader}")]).status()?;
    ensure!(status.success(), "the database could not be killed");
    Ok(())
}

/// Waits until the database answers again.
fn back(database: &Database) -> Result<()> {
    let begun = Instant::now();
    while database.ask("SELECT 1").is_err() {
        ensure!(begun.elapsed() < PATIENCE, "the database does not come back");
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

fn missing(database: &Database, refs: &Path) -> Result<()> {
    let known: std::collections::HashSet<String> =
        database.ask("SELECT message_ref FROM dispatch.signals")?.lines().map(str::to_owned).collect();
    let acknowledged = std::fs::read_to_string(refs).with_context(|| format!("cannot read {}", refs.display()))?;
    let missing: Vec<&str> = acknowledged.lines().filter(|message| !known.contains(*message)).collect();
    ensure!(
        missing.is_empty(),
        "{} acknowledged messages are not stored, such as {:?}",
        missing.len(),
        missing.first()
    );
    Ok(())
}

/// Lets a worker do all that is due.
fn routed(arguments: &IntakeArguments, database: &Database) -> Result<u64> {
    let server = Server::start(&arguments.server, database, &arguments.folder, true, 9 * APART)?;
    let begun = Instant::now();
    loop {
        let due = database.count(
            "SELECT (SELECT count(*) FROM dispatch.signals WHERE state = 'queued' AND unit_id IS NULL)
                  + (SELECT count(*) FROM dispatch.units WHERE state = 'pending')",
        )?;
        if due == 0 {
            break;
        }
        eprintln!("{due} to be routed");
        ensure!(begun.elapsed() < PATIENCE, "{due} stored messages are not routed after {PATIENCE:?}");
        std::thread::sleep(Duration::from_secs(1));
    }
    server.stop()?;
    database.count("SELECT count(*) FROM dispatch.signals")
}
