//! `dispatch retain`: removes what has been kept for its time, or shows what would go.

use super::state::DEFAULT_FOLDER;
use super::stdout::say;
use super::{configured, key};
use crate::compose;
use crate::config::Role;
use anyhow::{Context, Result};
use clap::Args;
use clap::builder::PossibleValuesParser;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use dispatch_pipeline::ports::retention::{Matter, Rows};
use dispatch_postgres::connect;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Args)]
#[command(
    after_help = "Workers do the same by themselves, every few hours; nothing has to be set up. Batches are small, each a\n\
        commit of its own: safe beside workers, and safe to interrupt and to repeat.\n\n\
        Nothing goes that is under way, held, or needed by the story of a mission that is open or was changed lately. How\n\
        long the rest is kept is set by RETAIN_WORK_DAYS, RETAIN_DEAD_DAYS, RETAIN_BODIES_DAYS, RETAIN_IGNORED_DAYS,\n\
        RETAIN_REQUESTS_DAYS and RETAIN_REPORTS_DAYS.\n\n\
        Examples:\n  \
        dispatch retain --dry-run\n  \
        dispatch retain --only bodies --only ignored\n  \
        dispatch retain --dry-run --json | jq '.matters[] | {what, total}'"
)]
pub struct Arguments {
    /// Remove nothing: show what would go
    #[arg(long)]
    dry_run: bool,
    /// Only this; repeat it for several
    #[arg(long, value_name = "WHAT", value_parser = matters())]
    only: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Rest so many milliseconds after each batch, for the others
    #[arg(long, value_name = "MS", default_value_t = 20)]
    pause_ms: u64,
    /// Where `dispatch dev` keeps its database
    #[arg(long, value_name = "FOLDER", default_value = DEFAULT_FOLDER)]
    data_dir: PathBuf,
}

fn matters() -> PossibleValuesParser {
    PossibleValuesParser::new(Matter::ALL.map(Matter::as_str).into_iter().chain([EXPIRED]))
}

/// What other parts of Dispatch remove by themselves, within seconds.
const EXPIRED: &str = "expired";

/// What may have gone wrong with a table that a migration brings.
const CURE: &str = "the database cannot be reached; does it answer, and has `dispatch migrate` run?";

/// What went, or would.
struct Line {
    what: &'static str,
    kept_for: Option<Duration>,
    rows: Rows,
}

/// Removes, or looks, and says how much.
pub async fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = configured(Role::Inspect)?;
    let url = key::database(&arguments.data_dir).await?;
    let pool = connect::pool(&url, 2)?;
    let lines = lines(&arguments, &compose::upkeep(&config, &pool)).await;
    pool.close();
    let lines = lines?;
    say(&if arguments.json { as_json(&lines, arguments.dry_run) } else { shown(&lines, arguments.dry_run) })?;
    Ok(ExitCode::SUCCESS)
}

async fn lines(arguments: &Arguments, upkeep: &dispatch_pipeline::worker::Upkeep) -> Result<Vec<Line>> {
    let wanted = |what: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == what);
    let (retain, pause) = (&upkeep.retain, Duration::from_millis(arguments.pause_ms));
    let mut lines = Vec::new();
    for matter in Matter::ALL.into_iter().filter(|matter| wanted(matter.as_str())) {
        let rows = if arguments.dry_run { retain.preview(matter).await } else { retain.all(matter, pause).await };
        let rows = rows.context(CURE)?;
        lines.push(Line { what: matter.as_str(), kept_for: Some(retain.ages().of(matter)), rows });
    }
    if wanted(EXPIRED) {
        let rows = if arguments.dry_run { retain.expired().await } else { upkeep.purge_all().await };
        lines.push(Line { what: EXPIRED, kept_for: None, rows: rows.context(CURE)? });
    }
    Ok(lines)
}

fn days(time: Duration) -> u64 {
    time.as_secs() / (24 * 60 * 60)
}

fn shown(lines: &[Line], dry_run: bool) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["what", "kept for", if dry_run { "rows that would go" } else { "rows removed" }, "of them"]);
    for line in lines {
        let tables: Vec<String> = line.rows.0.iter().map(|(table, rows)| format!("{table}: {rows}")).collect();
        let kept_for = line.kept_for.map_or_else(|| "a fixed time".to_owned(), |time| format!("{} days", days(time)));
        table.add_row([line.what.to_owned(), kept_for, line.rows.total().to_string(), tables.join("\n")]);
    }
    let end = if dry_run { "\nNothing was removed. `bodies` are emptied, the other rows go." } else { "" };
    format!("{table}{end}")
}

fn as_json(lines: &[Line], dry_run: bool) -> String {
    let matter = |line: &Line| {
        let mut matter: Value = json!({ "what": line.what, "total": line.rows.total(), "rows": line.rows.0 });
        if let Some(time) = line.kept_for {
            matter["kept_days"] = json!(days(time));
        }
        matter
    };
    let matters: Vec<Value> = lines.iter().map(matter).collect();
    format!("{:#}", json!({ "dry_run": dry_run, "matters": matters }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_go_is_a_table_and_json() {
        let rows = Rows([("units".to_owned(), 12), ("timeline".to_owned(), 80)].into());
        let lines = [
            Line { what: "work", kept_for: Some(Duration::from_secs(180 * 24 * 60 * 60)), rows },
            Line { what: EXPIRED, kept_for: None, rows: Rows::default() },
        ];
        let table = shown(&lines, true);
        for told in ["rows that would go", "180 days", "92", "timeline: 80", "a fixed time", "Nothing was removed"] {
            assert!(table.contains(told), "{told}: {table}");
        }
        assert!(shown(&lines, false).contains("rows removed"));
        let told: Value = serde_json::from_str(&as_json(&lines, true)).expect("JSON");
        assert_eq!(told["dry_run"], true);
        assert_eq!((&told["matters"][0]["total"], &told["matters"][0]["kept_days"]), (&json!(92), &json!(180)));
        assert_eq!(told["matters"][0]["rows"], json!({ "units": 12, "timeline": 80 }));
        assert_eq!(told["matters"][1], json!({ "what": "expired", "total": 0, "rows": {} }));
    }
}
