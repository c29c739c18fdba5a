//! Which messages are sent, by whom and in what order. Knows nothing of HTTP.

use crate::Arguments;
use anyhow::{Context as _, Result};
use dispatch_tests::harness::SlackMessage;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One message to send, and whether it repeats an earlier one.
pub struct Planned {
    pub message: SlackMessage,
    pub repeat: bool,
}

/// Reads the labelled messages and gives each an author and a channel; every so many comes twice.
pub fn plan(arguments: &Arguments) -> Result<Vec<Planned>> {
    let file = arguments.data.clone().unwrap_or_else(default_data);
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let texts: Vec<String> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let value: Value = serde_json::from_str(line).context("a line is not JSON")?;
            Ok(value["text"].as_str().unwrap_or_default().to_owned())
        })
        .collect::<Result<_>>()?;
    let mut plan = Vec::new();
    for (number, text) in texts.iter().cycle().take(arguments.count).enumerate() {
        let author = number % arguments.authors.max(1);
        let message =
            SlackMessage::new(&format!("U01DEMO{author:03}"), text).in_channel(&format!("C01DEMO{author:03}"));
        let repeated = arguments.duplicate_every > 0 && number % arguments.duplicate_every == 0;
        if repeated {
            let mut again = message.clone();
            again.retry = Some((1, "http_timeout".into()));
            plan.push(Planned { message, repeat: false });
            plan.push(Planned { message: again, repeat: true });
        } else {
            plan.push(Planned { message, repeat: false });
        }
    }
    Ok(plan)
}

fn default_data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/domain/classification/data/messages.dev.jsonl")
}
