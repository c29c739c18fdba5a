//! The report for people, in Markdown. It must not know anything that the report does not.

use super::report::{Answer, Report, Step};
use serde_json::Value;

/// The whole page.
pub fn written(report: &Report) -> String {
    let mut page = vec![
        format!("# Cut-over {} of {}", cell(&report.spec), cell(&report.database)),
        String::new(),
        format!("Outcome: **{}**. Times are UTC.", cell(&report.outcome)),
    ];
    let answers = &report.answers;
    let answered =
        [("Backup", &answers.backup_proof), ("Told", &answers.told), ("Monitoring", &answers.monitoring_url)];
    section(
        &mut page,
        "What was answered",
        &["", "answer", "by", "at"],
        answered.iter().filter_map(|(name, answer)| {
            let Answer { text, by, at } = answer.as_ref()?;
            Some(vec![(*name).to_owned(), text.clone(), by.clone(), at.clone()])
        }),
    );
    section(
        &mut page,
        "Sittings",
        &["", "command", "who", "machine", "version", "began", "ended", "exit", "how it ended"],
        report.sittings.iter().enumerate().map(|(at, sitting)| {
            let exit = sitting.exit.map(|exit| exit.to_string()).unwrap_or_default();
            let ended = sitting.ended.clone().unwrap_or_default();
            let summary = sitting.summary.clone().unwrap_or_default();
            let known = [&sitting.command, &sitting.who, &sitting.machine, &sitting.version, &sitting.began];
            let mut row = vec![(at + 1).to_string()];
            row.extend(known.into_iter().cloned());
            row.extend([ended, exit, summary]);
            row
        }),
    );
    section(
        &mut page,
        "Checklist",
        &["sitting", "what", "", "found"],
        report
            .checklist
            .iter()
            .map(|item| vec![item.sitting.to_string(), item.name.clone(), item.state.clone(), item.detail.clone()]),
    );
    section(
        &mut page,
        "Steps",
        &["sitting", "step", "began", "ended", "outcome", "summary", "figures"],
        report.steps.iter().map(row),
    );
    page.push(String::new());
    page.join("\n")
}

fn section(page: &mut Vec<String>, title: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return;
    }
    page.extend([String::new(), format!("## {title}"), String::new()]);
    page.push(format!("| {} |", head.join(" | ")));
    page.push(format!("|{}", " --- |".repeat(head.len())));
    page.extend(rows.iter().map(|row| {
        let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
        format!("| {} |", cells.join(" | "))
    }));
}

fn row(step: &Step) -> Vec<String> {
    let known = |text: &Option<String>| text.clone().unwrap_or_default();
    let figures = step.figures.iter().map(|(name, value)| format!("{name}: {}", told(value)));
    vec![
        step.sitting.to_string(),
        step.step.clone(),
        step.began.clone(),
        known(&step.ended),
        known(&step.outcome),
        known(&step.summary),
        figures.collect::<Vec<_>>().join("; "),
    ]
}

fn told(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(told).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            members.iter().map(|(name, value)| format!("{name} {}", told(value))).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

/// What people typed stays in its cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "&lt;")
}
