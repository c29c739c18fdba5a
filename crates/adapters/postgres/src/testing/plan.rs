//! What a statement read, as `EXPLAIN (ANALYZE, FORMAT JSON)` tells it: a cost that is the same on every machine.

use serde_json::Value;

/// Rows of `table` that were read, those among them that a filter removed.
#[must_use]
pub fn rows_read_of(table: &str, plan: &Value) -> f64 {
    let number = |name: &str| plan[name].as_f64().unwrap_or(0.0);
    let here = if plan["Relation Name"] == table {
        (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops")
    } else {
        0.0
    };
    let within: f64 = match plan {
        Value::Array(plans) => plans.iter().map(|plan| rows_read_of(table, plan)).sum(),
        Value::Object(members) => members.values().map(|member| rows_read_of(table, member)).sum(),
        _ => 0.0,
    };
    here + within
}
