//! Which messages are sent, by whom, by which door and in what order. Knows nothing of HTTP.

use crate::Arguments;
use anyhow::{Context as _, Result};
use dispatch_tests::harness::{SlackMessage, SmsMessage};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

/// Area codes in front of 555-0100 to 555-0199, numbers that belong to nobody.
const AREAS: [u16; 8] = [226, 289, 365, 437, 519, 613, 647, 905];

/// Where a message comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Slack,
    Sms,
}

impl Source {
    /// As stories name it, and the channel by which a receipt goes back to it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Sms => "sms",
        }
    }
}

/// A message as its source makes it.
#[derive(Clone)]
pub enum Message {
    Slack(SlackMessage),
    Sms(SmsMessage),
}

impl Message {
    /// Where it comes from.
    pub fn source(&self) -> Source {
        match self {
            Self::Slack(_) => Source::Slack,
            Self::Sms(_) => Source::Sms,
        }
    }
}

/// One message to send, and whether it repeats an earlier one.
pub struct Planned {
    pub message: Message,
    pub repeat: bool,
}

#[derive(Deserialize)]
struct Labelled {
    source: Source,
    text: String,
}

/// Reads the labelled messages and gives each an author; every so many comes twice.
pub fn plan(arguments: &Arguments) -> Result<Vec<Planned>> {
    let file = arguments.data.clone().unwrap_or_else(default_data);
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let labelled: Vec<Labelled> = lines
        .map(|line| serde_json::from_str(line).context("a line is no message with `source` and `text`"))
        .collect::<Result<_>>()?;
    // The ids of another run against the same database are others.
    let run = OffsetDateTime::now_utc().unix_timestamp_nanos();
    let mut plan = Vec::new();
    for (number, labelled) in labelled.iter().cycle().take(arguments.count).enumerate() {
        let author = number % arguments.authors.max(1);
        let (message, again) = match labelled.source {
            Source::Slack => by_slack(labelled, author, &format!("Ev{run:x}{number}")),
            Source::Sms => by_sms(labelled, author, &format!("SM{run:016x}{number:016x}")),
        };
        plan.push(Planned { message, repeat: false });
        if arguments.duplicate_every > 0 && number % arguments.duplicate_every == 0 {
            plan.push(Planned { message: again, repeat: true });
        }
    }
    Ok(plan)
}

/// The message, and how Slack sends it after a time-out.
fn by_slack(labelled: &Labelled, author: usize, event_id: &str) -> (Message, Message) {
    let message = SlackMessage::new(&format!("U01DEMO{author:03}"), &labelled.text);
    let message = message.in_channel(&format!("C01DEMO{author:03}"));
    let message = SlackMessage { event_id: event_id.to_owned(), ..message };
    let again = SlackMessage { retry: Some((1, "http_timeout".into())), ..message.clone() };
    (Message::Slack(message), Message::Slack(again))
}

/// The message, and how Twilio sends it after a time-out: unchanged, as the header says.
fn by_sms(labelled: &Labelled, author: usize, sid: &str) -> (Message, Message) {
    let message = SmsMessage::new(&phone(author), &labelled.text);
    let token = Some(format!("token-of-{sid}"));
    let message = Message::Sms(SmsMessage { sid: sid.to_owned(), idempotency_token: token, ..message });
    (message.clone(), message)
}

fn phone(author: usize) -> String {
    format!("+1{}55501{:02}", AREAS[author / 100 % AREAS.len()], author % 100)
}

fn default_data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/domain/classification/data/messages.dev.jsonl")
}
