//! `dispatch replay`: something is done once more, by a running server; or only rehearsed.

use super::server::{ServerArguments, printable};
use super::stdout::say;
use anyhow::Result;
use clap::{Args, ValueEnum};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::process::ExitCode;
use uuid::Uuid;

#[derive(Args)]
#[command(
    after_help = "What succeeded, or is under way, is left alone and shown as skipped. From `classify` the messages are\n\
    understood anew, from `route` the policy of today plans anew, from `deliver` what did not succeed is due again.\n\n\
    Examples:\n  \
    dispatch replay ID --dry-run                                show what would be different\n  \
    dispatch replay ID --from deliver --reason \"Slack is back\"  try again what did not arrive\n  \
    dispatch replay ID --force --key mail-7                     once more in spite of success; once per key"
)]
pub struct Arguments {
    /// Id of an event, unit, classification, dispatch or delivery
    id: String,
    /// From where on; the natural place of the id unless said otherwise
    #[arg(long, value_enum)]
    from: Option<Beginning>,
    /// Change nothing, only show
    #[arg(long)]
    dry_run: bool,
    /// Do also what succeeded once more
    #[arg(long)]
    force: bool,
    /// What there is to say about it; it stands in the story
    #[arg(long)]
    reason: Option<String>,
    /// Idempotency-Key: the same one never does it twice; a fresh one unless given
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    server: ServerArguments,
    /// Access token; not needed for `dispatch dev`
    #[arg(long, env = "DISPATCH_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
    /// Print the server's JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Beginning {
    Classify,
    Route,
    Deliver,
}

impl Beginning {
    fn as_str(self) -> &'static str {
        match self {
            Self::Classify => "classify",
            Self::Route => "route",
            Self::Deliver => "deliver",
        }
    }
}

/// Asks and shows.
pub async fn run(arguments: Arguments) -> Result<ExitCode> {
    let server = arguments.server.connect()?;
    let key = arguments.key.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
    let (path, headers) = (["route", "replay", arguments.id.as_str()], [("Idempotency-Key", key.as_str())]);
    let answer = server.post_as(&path, arguments.token.as_ref(), &headers, body(&arguments)).await?;
    say(&if arguments.json { format!("{answer:#}") } else { shown(&answer) })?;
    Ok(ExitCode::SUCCESS)
}

fn body(arguments: &Arguments) -> Vec<u8> {
    let mut body = json!({ "dry_run": arguments.dry_run, "force": arguments.force });
    if let Some(from) = arguments.from {
        body["from"] = json!(from.as_str());
    }
    if let Some(reason) = &arguments.reason {
        body["reason"] = json!(reason);
    }
    body.to_string().into_bytes()
}

fn shown(answer: &Value) -> String {
    let mut text = String::new();
    let outcome = match (answer["outcome"].as_str(), answer["dry_run"].as_bool()) {
        (Some(outcome), Some(true)) => format!("would be {}", printable(outcome)),
        (outcome, _) => printable(outcome.unwrap_or_default()),
    };
    for (name, value) in [
        ("outcome", Some(outcome)),
        ("from", answer["from"].as_str().map(printable)),
        ("unit", answer["unit_id"].as_str().map(printable)),
        ("replay", answer["replay_id"].as_str().map(printable)),
        ("dispatch", answer["dispatch_id"].as_str().map(printable)),
        ("was", meaning(&answer["difference"]["was"])),
        ("now", meaning(&answer["difference"]["now"])),
        ("held for", answer["difference"]["held_for"].as_str().map(printable)),
    ] {
        if let Some(value) = value {
            text.push_str(&format!("{name:<10} {value}\n"));
        }
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["what", "destination", "delivery", "state"]);
    let listed =
        [("deliver", &answer["deliveries"]), ("add", &answer["difference"]["planned"]), ("skip", &answer["skipped"])];
    for (what, rows) in listed {
        for row in rows.as_array().into_iter().flatten() {
            let word = |member: &str| row[member].as_str().map(printable).unwrap_or_default();
            table.add_row([what.to_owned(), place(&row["destination"]), word("delivery_id"), word("state")]);
        }
    }
    if table.is_empty() { text.trim_end().to_owned() } else { text + &table.to_string() }
}

/// `STRAY OPS_MISC_TASK 0.91`.
fn meaning(understood: &Value) -> Option<String> {
    let kind = understood["message_type"].as_str()?;
    let key = understood["key"].as_str().map(|key| format!(" {key}")).unwrap_or_default();
    Some(printable(&format!("{kind}{key} {}", understood["confidence"])))
}

/// `slack C1`, `supabase dispatch_agent_tasks`.
fn place(destination: &Value) -> String {
    let members = ["target", "table", "channel_id"].into_iter().filter_map(|name| destination[name].as_str());
    printable(&members.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_is_told_in_lines_and_a_table() {
        let slack = json!({"type": "notification", "target": "slack", "channel_id": "C1", "thread_ts": "1.2"});
        let rows = json!({"type": "storage", "target": "supabase", "table": "dispatch_agent_tasks"});
        let told = shown(&json!({
            "replay_id": "r-1", "unit_id": "u-1", "from": "deliver", "forced": false, "dry_run": false,
            "outcome": "dispatched",
            "deliveries": [{"delivery_id": "d-1", "destination": slack, "state": "pending"}],
            "skipped": [{"delivery_id": "d-2", "destination": rows, "state": "delivered"}],
        }));
        for line in ["outcome    dispatched", "replay     r-1", "slack C1", "supabase dispatch_agent_tasks"] {
            assert!(told.contains(line), "{told}");
        }
        let nothing = shown(&json!({"unit_id": "u-1", "from": "route", "dry_run": true, "outcome": "nothing",
            "difference": {"was": {"message_type": "STRAY", "key": "OPS_MISC_TASK", "confidence": 0.91}, "planned": []}}));
        assert_eq!(
            nothing,
            "outcome    would be nothing\nfrom       route\nunit       u-1\nwas        STRAY OPS_MISC_TASK 0.91"
        );
    }
}
