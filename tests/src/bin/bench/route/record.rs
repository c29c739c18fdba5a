//! The figures for people: tables for the terminal, a section for docs/BENCHMARKS.md. Must not measure anything.

use super::{Report, history};
use crate::figures::median;
use crate::record;
use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};

const HEADING: &str = "## Routing";

/// For the terminal.
pub fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    fill(&mut table, report);
    format!("{table}\n{}", goals(report).join("\n"))
}

pub fn write(report: &Report) -> Result<()> {
    record::put(HEADING, &section(report))
}

fn fill(table: &mut Table, report: &Report) {
    table.set_header(["", "database alone", "Dispatch", "ratio", "notes"]);
    let mut row = |name: String, alone: f64, ours: f64, ratio: f64, notes: String| {
        table.add_row([name, format!("{alone:.0}"), format!("{ours:.0}"), format!("{ratio:.2}"), notes]);
    };
    for (number, pair) in report.end_to_end.iter().enumerate() {
        let notes = format!(
            "due at most {}, {} at the end; {} messages, {} sends; RSS at most {:.0} MiB",
            pair.due.0, pair.due.1, pair.messages, pair.sent, pair.memory.most
        );
        row(format!("end to end {}, a second", number + 1), pair.pgbench.tps, pair.routed, pair.ratio(), notes);
    }
    for (number, pair) in report.drain.iter().enumerate() {
        let name = |what: &str| format!("drain {}{what}, a second", number + 1);
        row(name(""), pair.sql, pair.worker, pair.ratio(), String::new());
        row(name(", the same rows"), pair.same_rows, pair.worker, pair.of_same_rows(), String::new());
    }
    for claims in &report.claims {
        let notes = format!("{} finished rows against {}", report.history, history::SHORT);
        row(format!("a claim of 50 {}, µs", claims.what), claims.short_us, claims.long_us, claims.ratio(), notes);
    }
}

/// The figures that there are goals for.
fn goals(report: &Report) -> Vec<String> {
    let mut goals = Vec::new();
    if !report.end_to_end.is_empty() {
        let ratio = median(report.end_to_end.iter().map(super::end_to_end::Pair::ratio));
        goals.push(format!("end to end, sustained / pgbench: {ratio:.2} (goal 0.8, at least 0.4)"));
    }
    if !report.drain.is_empty() {
        let ratio = median(report.drain.iter().map(super::drain::Pair::ratio));
        goals.push(format!("drain / classification and mission in plain SQL: {ratio:.2} (goal 0.7, at least 0.4)"));
        let ratio = median(report.drain.iter().map(super::drain::Pair::of_same_rows));
        goals.push(format!("drain / all of the rows that Dispatch writes in plain SQL: {ratio:.2}"));
    }
    let most = report.claims.iter().map(history::Claims::ratio).reduce(f64::max);
    goals.extend(
        most.map(|ratio| format!("claim over the long history / over the short one: {ratio:.2} (at most 1.1)")),
    );
    goals
}

fn section(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    fill(&mut table, report);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let goals: String = goals(report).iter().map(|goal| format!("\n- {goal}")).collect();
    format!(
        "{HEADING}\n\n\
         Command: `cargo xtask bench route --record`. PostgreSQL {} (`fsync=on`, `synchronous_commit=on`); database, server, load\n\
         generator and sink share {cores} cores; runs in turn. **End to end**: signed messages over {} connections, {} s, each by a\n\
         person of its own; local classifier, policy, a mission stored and a signed webhook sent to a local HTTP sink; messages\n\
         are held back while 2,000 are due, so that what is measured is sustained. Beside it pgbench's single-row insert as for\n\
         intake. **Drain**: {} queued messages by one worker, against pgbench on 2 connections that claims 50 jobs, inserts 50\n\
         classifications and 50 missions and finishes the jobs in one commit; **the same rows**: against every row that Dispatch\n\
         leaves behind, written by one statement for 50 messages into the same tables. **Claims**: the stores' own, of 50 rows each, median.\n\n\
         {table}\n{goals}\n",
        report.postgres, report.clients, report.seconds, report.backlog,
    )
}
