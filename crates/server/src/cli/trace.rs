//! `dispatch trace`: the story of one message or mission in the terminal.

use super::server::{ServerArguments, printable};
use super::stdout::say;
use anyhow::Result;
use clap::Args;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use secrecy::SecretString;
use serde_json::Value;
use std::process::ExitCode;

#[derive(Args)]
#[command(after_help = "Any id will do: of the event, unit, classification, dispatch, delivery, mission or trace,\n\
    Slack's `ts` or event id, Twilio's MessageSid. A mission that people made has a story, too; `state` is about\n\
    Dispatch's work, not about the mission's. The story has ids, decisions and outcomes, never a message's text.\n\n\
    Examples:\n  \
    dispatch trace 01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e\n  \
    dispatch trace 1763647387.000100\n  \
    dispatch trace --json ID | jq '.entries[].event'")]
pub struct Arguments {
    /// Any id that you hold
    id: String,
    #[command(flatten)]
    server: ServerArguments,
    /// Access token; not needed for `dispatch dev`
    #[arg(long, env = "DISPATCH_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
    /// Print the server's JSON
    #[arg(long)]
    json: bool,
}

/// Asks and shows.
pub async fn run(arguments: Arguments) -> Result<ExitCode> {
    let server = arguments.server.connect()?;
    let story = server.get(&["observe", "logs", &arguments.id], arguments.token.as_ref()).await?;
    if arguments.json {
        say(&format!("{story:#}"))?;
    } else {
        say(&shown(&story).to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(story: &Value) -> String {
    let mut text = format!("state      {}\n", word(&story["state"]));
    for (name, member) in [("events", "event_ids"), ("missions", "mission_ids"), ("traces", "trace_ids")] {
        let ids: Vec<_> = story[member].as_array().into_iter().flatten().map(word).collect();
        if !ids.is_empty() {
            text.push_str(&format!("{name:<10} {}\n", ids.join(", ")));
        }
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["when (UTC)", "step", "what happened", "details"]);
    for entry in story["entries"].as_array().into_iter().flatten() {
        let details = entry["detail"].as_object().into_iter().flatten();
        let details: Vec<_> = details.map(|(key, value)| format!("{}: {}", printable(key), word(value))).collect();
        table.add_row([clock(&entry["at"]), word(&entry["step"]), word(&entry["event"]), details.join("\n")]);
    }
    text + &table.to_string()
}

/// `2026-11-20 14:03:07.120`.
fn clock(at: &Value) -> String {
    word(at).replace('T', " ").trim_end_matches('Z').to_owned()
}

/// A string without its quotes, anything else as JSON.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, printable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_story_is_a_table() {
        let story = json!({
            "state": "done", "event_ids": ["e-1"], "mission_ids": ["m-1"], "trace_ids": [],
            "entries": [
                {"at": "2026-11-20T14:03:07.120Z", "step": "intake", "event": "signal.received", "detail": {}},
                {"at": "2026-11-20T14:03:09.200Z", "step": "reason", "event": "unit.classified",
                 "detail": {"message_type": "STRAY", "confidence": 0.92}},
            ],
        });
        insta::assert_snapshot!(shown(&story));
    }
}
