//! The checks, what was measured for each, and whether it holds. It must not measure anything.

use comfy_table::Table;
use serde::Serialize;

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
#[derive(Default, Serialize)]
pub struct Board(Vec<Row>);

impl Board {
    #[allow(clippy::needless_pass_by_value, reason = "figures are handed over as they come")]
    pub fn put(&mut self, id: &'static str, check: &str, wanted: &str, measured: impl ToString, holds: bool) {
        let (check, wanted, measured) = (check.to_owned(), wanted.to_owned(), measured.to_string());
        eprintln!("{} {id} {check}: {measured}", if holds { "ok  " } else { "FAIL" });
        self.0.push(Row { id, check, wanted, measured, holds });
    }

    pub fn all_hold(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|row| row.holds)
    }

    pub fn json(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap_or_default()
    }

    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.set_header(["id", "check", "wanted", "measured", ""]);
        for row in &self.0 {
            table.add_row([row.id, &row.check, &row.wanted, &row.measured, if row.holds { "ok" } else { "FAIL" }]);
        }
        let failed = self.0.iter().filter(|row| !row.holds).count();
        format!("{table}\n{} checks, {failed} fail", self.0.len())
    }
}
