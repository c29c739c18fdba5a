//! `dispatch send`: a message, signed as Slack or Twilio signs, to a running server.

mod sms;

use super::dotenv::{self, DOTENV};
use super::server::{ServerArguments, printable};
use super::state::{self, DEFAULT_FOLDER};
use super::stdout::say;
use anyhow::{Context, Result, ensure};
use clap::Args;
use dispatch_slack::verify::{SIGNATURE_HEADER, SigningSecrets, TIMESTAMP_HEADER};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    dispatch send \"Please order a yard sign for 12 Elm St by Friday\"\n  \
    echo \"New lease listing: 88 Birch Ave\" | dispatch send --user U01REAL004\n  \
    dispatch send --event-id Ev1 --ts 1763647387.000100 \"the same\"      twice: the second is a duplicate\n  \
    dispatch send --thread 1763647387.000100 \"and in black, please\"\n  \
    dispatch send --sms --from +14165550123 \"Please order a yard sign for 12 Elm St by Friday\"\n  \
    dispatch send --sms --from +14165550123 STOP      from now on that number is not written to")]
pub struct Arguments {
    /// The message; `-` or nothing reads standard input
    text: Option<String>,
    #[command(flatten)]
    server: ServerArguments,
    /// Slack signing secret [default: the one that `dispatch dev` made]
    #[arg(long, env = "SLACK_SIGNING_SECRET", hide_env_values = true, hide_default_value = true)]
    secret: Option<SecretString>,
    /// Where `dispatch dev` keeps its secret
    #[arg(long, value_name = "FOLDER", default_value = DEFAULT_FOLDER)]
    data_dir: PathBuf,
    #[command(flatten)]
    sms: sms::SmsArguments,
    /// Slack user id of the author
    #[arg(long, default_value = "U01REAL001")]
    user: String,
    /// Slack channel id
    #[arg(long, default_value = "C01SENT001")]
    channel: String,
    /// Slack team id
    #[arg(long, default_value = "T01SENT001")]
    team: String,
    /// `ts` of the message that this one replies to
    #[arg(long, value_name = "TS")]
    thread: Option<String>,
    /// Slack's id of the event [default: a new one]
    #[arg(long)]
    event_id: Option<String>,
    /// Slack's id of the message [default: now]
    #[arg(long)]
    ts: Option<String>,
}

/// Sends and says what came back.
pub async fn run(mut arguments: Arguments) -> Result<ExitCode> {
    let text = text(arguments.text.take())?;
    let answer = if arguments.sms.sms {
        sms::send(&arguments.sms, &arguments.server, &arguments.data_dir, &text).await?
    } else {
        slack(&arguments, &text).await?
    };
    say(&told(&answer, &this_command(), &arguments.server.repeated()))?;
    Ok(ExitCode::SUCCESS)
}

async fn slack(arguments: &Arguments, text: &str) -> Result<Value> {
    let secrets = secrets(arguments)?;
    let now = OffsetDateTime::now_utc();
    let body = event(arguments, text, now).to_string().into_bytes();
    let timestamp = now.unix_timestamp();
    let signature = secrets.sign(timestamp, &body);
    let headers = [(TIMESTAMP_HEADER, timestamp.to_string()), (SIGNATURE_HEADER, signature)];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    arguments.server.connect()?.post(&["intake", "slack"], &headers, body).await
}

/// How this program was called, so that what it suggests can be pasted: by cargo, or by its own name.
fn this_command() -> String {
    match std::env::var_os("CARGO") {
        Some(_) => "cargo run --release --".to_owned(),
        None => std::env::args().next().unwrap_or_else(|| "dispatch".to_owned()),
    }
}

fn told(answer: &Value, command: &str, url: &str) -> String {
    let member = |name: &str| answer[name].as_str().map(printable);
    let event_id = member("event_id").unwrap_or_default();
    let status = member("status").unwrap_or_default();
    let more = match (member("reason"), answer["duplicate"].as_bool()) {
        (Some(reason), _) => format!(" ({reason})"),
        (None, Some(true)) => " (known before)".to_owned(),
        (None, _) => String::new(),
    };
    format!("event_id  {event_id}\nstatus    {status}{more}\n\nWhat becomes of it:\n  {command} trace {url}{event_id}")
}

fn text(given: Option<String>) -> Result<String> {
    let text = match given {
        Some(text) if text != "-" => text,
        asked => {
            let mut stdin = std::io::stdin();
            ensure!(asked.is_some() || !stdin.is_terminal(), "there is no message; try: dispatch send \"…\"");
            let mut text = String::new();
            stdin.read_to_string(&mut text).context("standard input is not UTF-8 text")?;
            text
        }
    };
    ensure!(!text.trim().is_empty(), "the message is empty");
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// What was given, else what `dispatch dev` in this folder verifies with: `.env`, else the secret that it made.
fn secrets(arguments: &Arguments) -> Result<SigningSecrets> {
    let given = arguments.secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    let found = match given {
        Some(secret) => secret,
        None => match dotenv::with(Path::new(DOTENV))?("SLACK_SIGNING_SECRET").filter(|text| !text.trim().is_empty()) {
            Some(secret) => secret,
            None => state::stored_secret(&arguments.data_dir)
                .context("there is no signing secret; start `dispatch dev` here first, or give one with --secret")?
                .expose_secret()
                .to_owned(),
        },
    };
    SigningSecrets::parse(&found).context("the signing secret is empty")
}

fn event(arguments: &Arguments, text: &str, now: OffsetDateTime) -> Value {
    let ts = arguments.ts.clone().unwrap_or_else(|| format!("{}.{:06}", now.unix_timestamp(), now.microsecond()));
    let mut message = json!({
        "type": "message", "channel_type": "channel", "channel": arguments.channel, "user": arguments.user,
        "text": text, "ts": ts, "event_ts": ts,
    });
    if let Some(thread) = &arguments.thread {
        message["thread_ts"] = json!(thread);
    }
    let event_id = arguments.event_id.clone().unwrap_or_else(|| format!("Ev{}", Uuid::now_v7().simple()));
    json!({
        "type": "event_callback", "team_id": arguments.team, "api_app_id": "A01SENT001", "event_id": event_id,
        "event_time": now.unix_timestamp(), "event": message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use time::macros::datetime;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn read(line: &[&str]) -> Arguments {
        Line::try_parse_from([&["send"], line].concat()).expect("valid").arguments
    }

    #[test]
    fn it_looks_as_slack_sends_it() {
        let now = datetime!(2026-11-20 14:03:07.000_1 UTC);
        let sent = event(&read(&["--thread", "1.2", "--event-id", "Ev9", "hello"]), "hello", now);
        assert_eq!((&sent["event_id"], &sent["event"]["ts"]), (&json!("Ev9"), &json!("1795183387.000100")));
        assert_eq!((&sent["event"]["text"], &sent["event"]["thread_ts"]), (&json!("hello"), &json!("1.2")));
        let again = event(&read(&["hello"]), "hello", now);
        assert!(again["event"].get("thread_ts").is_none());
        assert!(again["event_id"].as_str().expect("text").starts_with("Ev"));
    }

    #[test]
    fn the_next_command_is_named() {
        let told = told(&json!({"event_id": "e-1", "status": "queued", "duplicate": true}), "dispatch", "");
        assert!(told.contains("queued (known before)") && told.ends_with("dispatch trace e-1"), "{told}");
    }
}
