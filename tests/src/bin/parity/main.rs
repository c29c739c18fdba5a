//! `parity`: does this build still speak the old contract? Replays `tests/parity/recorded.json` against a server of its own or a
//! given one, and prints what differs and is not listed. Started by `cargo xtask parity`. Must not know any answer: they stand in
//! the file.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks")]

mod stand;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use comfy_table::Table;
use dispatch_tests::parity::{Difference, Outcome, Set, Target, replay};
use std::path::PathBuf;
use std::process::ExitCode;

/// Replays the old contract, and prints what differs and is not documented.
#[derive(Parser)]
#[command(
    name = "cargo xtask parity",
    after_help = "Exit code 1 when there is a difference that tests/parity/documented.json does not list.\n\n\
        Without --url it starts a server and a PostgreSQL of its own, and removes both.\n\
        At a given server it sends chatter to the webhooks and asks for classifications; `/operations/*` alone is compared\n\
        unless --flip allows it to set the flag there for some seconds.\n\n\
        Examples:\n  \
        cargo xtask parity\n  \
        cargo xtask parity --url http://127.0.0.1:8080 --flip     a `dispatch dev` that runs here"
)]
struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Where recorded.json and documented.json are
    #[arg(long, value_name = "FOLDER", default_value = "tests/parity")]
    recorded: PathBuf,
    /// The binary to start
    #[arg(long, value_name = "FILE", default_value = "target/debug/dispatch", conflicts_with = "url")]
    dispatch: PathBuf,
    /// A server that runs already
    #[arg(long)]
    url: Option<String>,
    /// Set the flag there, and set it back
    #[arg(long, requires = "url")]
    flip: bool,
    /// Where that server's `dispatch dev` keeps its secrets
    #[arg(long, value_name = "FOLDER", default_value = ".dispatch")]
    data_dir: PathBuf,
    /// As the server's
    #[arg(long, env = "SLACK_SIGNING_SECRET", hide_env_values = true)]
    slack_secret: Option<String>,
    /// As the server's
    #[arg(long, env = "TWILIO_ACCOUNT_SID")]
    account: Option<String>,
    /// As the server's
    #[arg(long, env = "TWILIO_AUTH_TOKEN", hide_env_values = true)]
    auth_token: Option<String>,
    /// As the server's
    #[arg(long, env = "PUBLIC_URL")]
    public_url: Option<String>,
    /// A token or key with scopes reason and admin
    #[arg(long, env = "DISPATCH_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let _there_already = rustls::crypto::ring::default_provider().install_default();
    match run(&arguments).await {
        Ok(outcome) if outcome.differences.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Outcome> {
    let set = Set::read(&arguments.recorded)?;
    let outcome = match &arguments.url {
        Some(url) => replay(&given(arguments, url)?, &set).await?,
        None => {
            let stand = stand::Stand::start(&arguments.dispatch).await?;
            let outcome = replay(stand.target(), &set).await;
            stand.finish().await?;
            outcome?
        }
    };
    ensure!(outcome.asked > 0, "nothing was recorded");
    println!("{}", if arguments.json { serde_json::to_string_pretty(&outcome)? } else { told(&outcome) });
    Ok(outcome)
}

/// The server that was named, with what was given, else with what its `dispatch dev` made.
fn given(arguments: &Arguments, url: &str) -> Result<Target> {
    let made = |given: &Option<String>, name: &str| {
        let path = arguments.data_dir.join(name);
        let read =
            || std::fs::read_to_string(&path).with_context(|| format!("nothing given and no {}", path.display()));
        let found = given.clone().map_or_else(read, Ok)?;
        Ok::<_, anyhow::Error>(first(&found).to_owned())
    };
    let base = url.trim_end_matches('/').to_owned();
    Ok(Target {
        public_url: first(arguments.public_url.as_deref().unwrap_or(&base)).trim_end_matches('/').to_owned(),
        base,
        slack_secret: made(&arguments.slack_secret, "slack_signing_secret")?,
        account: made(&arguments.account, "twilio_account_sid")?,
        auth_token: made(&arguments.auth_token, "twilio_auth_token")?,
        bearer: arguments.token.clone(),
        may_flip: arguments.flip,
        is_strict: false,
    })
}

/// Of several, while they are changed.
fn first(text: &str) -> &str {
    text.split(',').next().unwrap_or_default().trim()
}

fn told(outcome: &Outcome) -> String {
    let mut said = String::new();
    if !outcome.differences.is_empty() {
        let mut table = Table::new();
        table.set_header(["request", "asked", "at", "expected", "found"]);
        for Difference { request, asked, at, expected, found } in &outcome.differences {
            let short = |text: &str| text.chars().take(120).collect::<String>();
            table.add_row([request, asked, at, &short(expected), &short(found)]);
        }
        said = format!("{table}\n");
    }
    for (name, reason) in &outcome.documented {
        said.push_str(&format!("documented: {name}: {reason}\n"));
    }
    let (asked, differences) = (outcome.asked, outcome.differences.len());
    said + &format!("{asked} requests, {differences} differences that are not documented")
}
