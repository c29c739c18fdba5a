//! The checks, what was measured for each, and whether it holds. It must not measure anything.

use comfy_table::Table;
use serde::Serialize;
use std::time::Instant;

/// One check of the acceptance table.
#[derive(Serialize)]
struct Row {
    id: &'static str,
    check: String,
    wanted: String,
    measured: String,
    holds: bool,
}

/// All checks so far.
pub struct Board {
    rows: Vec<Row>,
    since: Instant,
}

impl Default for Board {
    fn default() -> Self {
        Self { rows: Vec::new(), since: Instant::now() }
    }
}

impl Board {
    #[allow(clippy::needless_pass_by_value, reason = "figures are handed over as they come")]
    pub fn put(&mut self, id: &'static str, check: &str, wanted: &str, measured: impl ToString, holds: bool) {
        let (check, wanted, measured) = (check.to_owned(), wanted.to_owned(), measured.to_string());
        let at = self.since.elapsed().as_secs_f64();
        eprintln!("{at:6.1} s {} {id} {check}: {measured}", if holds { "ok  " } else { "FAIL" });
        self.rows.push(Row { id, check, wanted, measured, holds });
    }

    pub fn all_hold(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.holds)
    }

    pub fn json(&self) -> String {
        serde_json::to_string_pretty(&self.rows).unwrap_or_default()
    }

    /// For docs/BENCHMARKS.md.
    pub fn markdown(&self) -> String {
        let mut lines =
            vec!["| id | check | wanted | measured | |".to_owned(), "| --- | --- | --- | --- | --- |".to_owned()];
        lines.extend(self.rows.iter().map(|row| {
            let holds = if row.holds { "ok" } else { "**FAIL**" };
            let cells = [row.id, &row.check, &row.wanted, &row.measured, holds];
            format!("| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
        }));
        lines.join("\n")
    }

    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.set_header(["id", "check", "wanted", "measured", ""]);
        for row in &self.rows {
            table.add_row([row.id, &row.check, &row.wanted, &row.measured, if row.holds { "ok" } else { "FAIL" }]);
        }
        let failed = self.rows.iter().filter(|row| !row.holds).count();
        format!("{table}\n{} checks, {failed} fail", self.rows.len())
    }
}
