//! `demo`: replays labelled messages from many authors against a running `dispatch dev`, each by the door of its source: as
//! Slack's webhook or as Twilio's, signed as they sign. It waits until all are settled, and shows what became of them.
//! Nothing may be lost.

mod count;
mod doors;
mod messages;
mod send;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Replays labelled messages against a running server and shows what became of them.
#[derive(Parser)]
#[command(
    name = "cargo xtask demo",
    after_help = "Start the server first:  cargo run --release -- dev\nThen, in a second terminal:  cargo xtask demo"
)]
struct Arguments {
    /// The server.
    #[arg(long, env = "PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Slack signing secret; by default the one that `dispatch dev` made.
    #[arg(long, env = "SLACK_SIGNING_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Twilio account SID; by default the one that `dispatch dev` made.
    #[arg(long, env = "TWILIO_ACCOUNT_SID")]
    account: Option<String>,
    /// Twilio auth token; by default the one that `dispatch dev` made.
    #[arg(long, env = "TWILIO_AUTH_TOKEN", hide_env_values = true)]
    auth_token: Option<String>,
    /// Where `dispatch dev` keeps what it made.
    #[arg(long, default_value = ".dispatch")]
    data_dir: PathBuf,
    /// How many messages; they start again from the first when there are not so many.
    #[arg(long, default_value_t = 240)]
    count: usize,
    /// How many authors write them.
    #[arg(long, default_value_t = 200)]
    authors: usize,
    /// One message in so many is sent a second time, as Slack and Twilio do after a time-out.
    #[arg(long, default_value_t = 10)]
    duplicate_every: usize,
    /// Requests under way at once.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// Labelled messages, one JSON object a line.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    let show_progress = !arguments.json && std::io::stderr().is_terminal();
    let plan = messages::plan(&arguments)?;
    let sent = send::all(&arguments, plan, show_progress).await?;
    let tally = count::until_settled(&arguments, &sent, show_progress).await.context("counting what became of them")?;
    if arguments.json {
        println_json(&tally)?;
    } else {
        tally.print();
    }
    if tally.all.lost > 0 {
        bail!("{} messages were accepted and never settled", tally.all.lost);
    }
    if tally.all.duplicates < sent.repeats {
        bail!("of {} repeats only {} were recognised", sent.repeats, tally.all.duplicates);
    }
    Ok(ExitCode::SUCCESS)
}

#[allow(clippy::print_stdout)] // the result is what the command is for
fn println_json(tally: &count::Tally) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(tally)?);
    Ok(())
}
