//! The figures for people: a table for the terminal, a section for docs/BENCHMARKS.md. Must not measure anything.

use crate::figures::{Latencies, median};
use crate::intake::{RATE, Report};
use anyhow::{Context as _, Result};
use comfy_table::Table;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use std::path::Path;

/// The section's heading.
const HEADING: &str = "## Intake";

/// For the terminal.
pub fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    fill(&mut table, report);
    format!("{table}\n{}", goals(report))
}

fn fill(table: &mut Table, report: &Report) {
    table.set_header(["", "a second", "p50 ms", "p99 ms", "p99.9 ms", "RSS after MiB", "most MiB"]);
    let mut row = |name: String, rate: f64, latency: Latencies, memory: Option<(f64, f64)>| {
        let of = |value: f64| format!("{value:.1}");
        let (now, most) = memory.map_or_else(Default::default, |(now, most)| (of(now), of(most)));
        table.add_row([name, format!("{rate:.0}"), of(latency.p50), of(latency.p99), of(latency.p999), now, most]);
    };
    for (number, pair) in report.pairs.iter().enumerate() {
        let number = number + 1;
        row(format!("pgbench {number}"), pair.pgbench.tps, pair.pgbench.latency, None);
        let memory = Some((pair.memory.now, pair.memory.most));
        row(format!("intake {number}, closed loop"), pair.throughput(), pair.intake.latency, memory);
    }
    for (number, open) in report.open.iter().enumerate() {
        let memory = Some((open.memory.now, open.memory.most));
        let rate = open.intake.ok as f64 / open.intake.seconds;
        row(format!("intake {}, open loop {RATE}/s, routing", number + 1), rate, open.intake.latency, memory);
    }
    row("pgbench, median".into(), median(report.pairs.iter().map(|p| p.pgbench.tps)), report.pgbench_latency(), None);
    let throughput = median(report.pairs.iter().map(crate::intake::Pair::throughput));
    row("intake, median".into(), throughput, report.intake_latency(), None);
}

/// The figures that there are goals for.
fn goals(report: &Report) -> String {
    let shed: u64 =
        report.pairs.iter().map(|p| p.intake.shed).chain(report.open.iter().map(|open| open.intake.shed)).sum();
    format!(
        "intake / pgbench: {:.2} (goal 1.8, at least 1.25); p99 / pgbench's: {:.2} (at most 1)\n\
         open loop p99: {:.1} ms (goal 10, at most 25); RSS after a run: {:.1} MiB (goal 40, at most 60)\n\
         start to first 200: {:.0} ms (goal 250, at most 500); answered with 503: {shed}",
        report.ratio(),
        report.p99_ratio(),
        report.open_latency().p99,
        report.pairs.iter().map(|pair| pair.memory.now).fold(0.0, f64::max),
        median(report.start_up_ms.iter().copied()),
    )
}

/// Replaces the section in docs/BENCHMARKS.md, or adds it.
pub fn write(report: &Report) -> Result<()> {
    put(HEADING, &section(report))
}

/// Replaces the section with this heading, or adds it.
pub fn put(heading: &str, section: &str) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/BENCHMARKS.md");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    std::fs::write(&file, replaced(&text, heading, section))
        .with_context(|| format!("cannot write {}", file.display()))?;
    eprintln!("written to {}", file.display());
    Ok(())
}

fn section(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    fill(&mut table, report);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{HEADING}\n\n\
         Command: `cargo xtask bench intake --record`. {} connections, {} s a run, pgbench and intake in turn on one\n\
         PostgreSQL {} (`fsync=on`, `synchronous_commit=on`); database, server and load generator share {cores} cores. pgbench\n\
         (`-M prepared -c {} -j 2`) inserts the same row, one a statement, into a table of the same definition. Intake is\n\
         `dispatch serve` with default limits and every check on: `--no-worker` in the closed loop, with the worker in the\n\
         open one. Quote the ratios: absolutes vary by a quarter from hour to hour.\n\n\
         {}\n{}\n",
        report.clients,
        report.seconds,
        report.postgres,
        report.clients,
        table,
        goals(report).lines().map(|line| format!("\n- {}", line.replace("; ", "\n- "))).collect::<String>(),
    )
}

fn replaced(text: &str, heading: &str, section: &str) -> String {
    let Some(start) = text.find(&format!("{heading}\n")) else { return format!("{}\n\n{section}", text.trim_end()) };
    let rest = &text[start + heading.len()..];
    // What people wrote below a heading of its own stays.
    let end =
        rest.find("\n## ").or_else(|| rest.find("\n### ")).map_or(text.len(), |at| start + heading.len() + at + 1);
    let after = text.get(end..).unwrap_or_default();
    let gap = if after.is_empty() { "" } else { "\n" };
    format!("{}{section}{gap}{after}", &text[..start])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_section_is_replaced() {
        let text = "# B\n\n## Intake\n\nold\n\n## Other\n\nkept\n";
        assert_eq!(replaced(text, HEADING, "## Intake\n\nnew\n"), "# B\n\n## Intake\n\nnew\n\n## Other\n\nkept\n");
        assert_eq!(replaced("# B\n", HEADING, "## Intake\n"), "# B\n\n## Intake\n");
    }
}
