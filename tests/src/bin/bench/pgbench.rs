//! PostgreSQL's own limit: pgbench inserts the row that intake inserts, one a statement, into a table of the same
//! definition. Must not know HTTP.

use crate::figures::Latencies;
use crate::sql::Database;
use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use std::path::Path;
use std::process::Command;

/// What pgbench says of one run.
#[derive(Serialize, Clone, Copy, Debug)]
pub struct Outcome {
    pub tps: f64,
    pub latency: Latencies,
}

// A colon before a letter would be a variable. Keys grow, as Slack's do. Every index of the table has to be kept, as for intake.
const SCRIPT: &str = r#"\set i :i + 1
\set n (:run * 1000 + :client_id) * 10000000 + :i
INSERT INTO bench.signals (signal_id, source, workspace, channel, conversation, author, text, message_ref,
    provider_event_id, event_key, content_key, state, occurred_at, payload, trace_id)
VALUES (lpad(:n::text, 32, '0')::uuid, 'slack', 'T0BENCH01', 'C0BENCH001', 'slack/T0BENCH01/C0BENCH001/-', 'U0BENCH001',
    'Please order a yard sign for 12 Elm St by Friday, and let the sellers know when it goes up on the lawn',
    '1763647387.' || :n::text, 'Ev' || :n::text, 'slack.event.T0BENCH01/Ev' || :n::text, 'slack.message.T0BENCH01/C0BENCH001/' || :n::text, 'queued',
    now(), 'PAYLOAD', '01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e')
ON CONFLICT DO NOTHING RETURNING signal_id, received_at;
"#;

/// The table that pgbench writes to.
pub fn prepare(database: &Database) -> Result<()> {
    database
        .ask(
            "DROP SCHEMA IF EXISTS bench CASCADE; CREATE SCHEMA bench; \
              CREATE TABLE bench.signals (LIKE dispatch.signals INCLUDING ALL)",
        )
        .map(drop)
}

/// One run. `number` keeps its keys apart from those of other runs.
pub fn run(database: &Database, folder: &Path, clients: usize, seconds: u64, number: usize) -> Result<Outcome> {
    let work = folder.join("pgbench");
    let _none_there = std::fs::remove_dir_all(&work);
    std::fs::create_dir_all(&work)?;
    let script = work.join("insert.sql");
    std::fs::write(&script, SCRIPT.replace("PAYLOAD", &payload()))?;
    let mut pgbench = Command::new(database.program("pgbench")?);
    pgbench.args(["-n", "-M", "prepared", "-j", "2", "-l", "-D", "i=0", "-D", &format!("run={number}")]);
    pgbench.arg("-c").arg(clients.to_string()).arg("-T").arg(seconds.to_string());
    pgbench.arg("--log-prefix").arg(work.join("log")).arg("-f").arg(&script).arg(database.url());
    let output = pgbench.output().context("cannot start pgbench")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let tps = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let Some(tps) = tps.filter(|_| output.status.success()) else {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("pgbench failed: {}", words.lines().find(|line| line.contains("error")).unwrap_or_default());
    };
    Ok(Outcome { tps, latency: latency(&work)? })
}

/// Out of pgbench's log, one transaction a line, the third word its microseconds.
fn latency(work: &Path) -> Result<Latencies> {
    let mut micros = Vec::new();
    for entry in std::fs::read_dir(work)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log")) {
            let text = std::fs::read_to_string(&path)?;
            micros.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u32>().ok()));
        }
    }
    Ok(Latencies::of(&mut micros))
}

/// What Slack would have sent: 620 bytes.
fn payload() -> String {
    let mut body = r#"{"team_id":"T0BENCH01","context_team_id":"T0BENCH01","api_app_id":"A0BENCH01","type":"event_callback","event":{"type":"message","user":"U0BENCH001","ts":"1763647387.000100","event_ts":"1763647387.000100","text":"Please order a yard sign for 12 Elm St by Friday, and let the sellers know when it goes up on the lawn","client_msg_id":"6f3b1b2e-8c1d-4a55-9d6e-000000000001","team":"T0BENCH01","channel":"C0BENCH001","channel_type":"channel"},"event_id":"Ev000000000001","event_time":1763647387,"event_context":""#.to_owned();
    body.extend(std::iter::repeat_n('x', 618_usize.saturating_sub(body.len())));
    body + "\"}"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_json_of_620_bytes_that_a_script_can_quote() {
        let payload = payload();
        assert_eq!(payload.len(), 620);
        assert!(serde_json::from_str::<serde_json::Value>(&payload).is_ok());
        // pgbench takes a colon before a letter for a variable.
        let names = payload.split(':').skip(1).filter(|rest| rest.starts_with(char::is_alphabetic)).count();
        assert!(names == 0 && !payload.contains('\''), "{payload}");
    }
}
