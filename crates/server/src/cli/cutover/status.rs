//! `dispatch cutover status` for people: where each table stands, and by which names it is read and written. It must not look
//! for itself.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use dispatch_cutover::Position;
use serde_json::Value;

/// The engine's status as a table, and what holds for all of it below.
pub fn shown(status: &Value) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["table", "stands", "works by", "in the way"]);
    for one in status["tables"].as_array().into_iter().flatten() {
        let word = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let (from, to, position) = (word("from"), word("to"), word("position"));
        let works_by = works_by(&from, &to, &position);
        table.add_row([format!("{from} → {to}"), position, works_by, in_the_way(one)]);
    }
    let mut lines = vec![table.to_string()];
    lines.extend(
        all(status).into_iter().filter(|(_, said)| !said.is_empty()).map(|(what, said)| format!("{what}: {said}")),
    );
    lines.join("\n")
}

fn works_by(from: &str, to: &str, position: &str) -> String {
    match Position::parse(position) {
        Some(Position::Legacy) => format!("{from} alone"),
        Some(Position::Expanded) => format!("{from}, and {to} (a view)"),
        Some(Position::Switched) => format!("{to}, and {from} (a view)"),
        Some(Position::Contracted) => format!("{to} alone"),
        None => "–".to_owned(),
    }
}

fn in_the_way(table: &Value) -> String {
    let drift = table["drift"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let all: Vec<&str> = table["problem"].as_str().into_iter().chain(drift).collect();
    if all.is_empty() { "–".to_owned() } else { all.join("; ") }
}

fn all(status: &Value) -> [(&'static str, String); 5] {
    let run = &status["run"];
    let told = |name: &str| status[name].as_str().unwrap_or_default().to_owned();
    let hold = run["hold_left_s"].as_f64().map(|left| match left {
        left if left > 0.0 => format!("{} left until `contract`, unless --hold says otherwise", ago(left)),
        _ => "over; `contract` may follow".to_owned(),
    });
    let paused = if run["paused"] == true { "backfill and verify wait until it is lifted" } else { "" };
    [
        ("verified", verified(run)),
        ("hold", hold.unwrap_or_default()),
        ("paused", paused.to_owned()),
        ("at work", told("runner")),
        ("walks", told("walk")),
    ]
}

fn verified(run: &Value) -> String {
    let Some(age) = run["verified_age_s"].as_f64() else { return String::new() };
    let rows = run["verified_rows"].as_u64().map(|rows| format!("{rows} rows, ")).unwrap_or_default();
    let still = if run["verified"] == true { "" } else { "; something was changed since" };
    format!("{rows}{} ago{still}", ago(age))
}

fn ago(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 100.0 => format!("{seconds:.0} s"),
        seconds if seconds < 6000.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.0} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_says_where_each_table_stands_and_how_long_the_old_names_stay() {
        let tables = json!([
            { "from": "activities", "to": "dispatch_activities", "position": "switched", "drift": [] },
            { "from": "agent_tasks", "to": "dispatch_agent_tasks", "position": "blocked", "problem": "agent_tasks is a sequence" },
        ]);
        let run = json!({ "verified_age_s": 180.0, "verified": true, "verified_rows": 1234, "hold_left_s": 720.4 });
        let said = shown(
            &json!({ "stage": "switched", "tables": tables, "run": run, "walk": "pid 7 on the server, ann, run" }),
        );
        for part in [
            "switched",
            "dispatch_activities, and activities (a view)",
            "agent_tasks is a sequence",
            "verified: 1234 rows, 3 min ago",
            "hold: 12 min left",
            "walks: pid 7",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert!(!said.contains("at work") && !said.contains("null") && !said.contains('{'), "{said}");
    }
}
