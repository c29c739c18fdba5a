//! `dispatch endpoint`: who of the policy file is told what, who answered that nobody listens there, and switching those on
//! again.

use super::state::DEFAULT_FOLDER;
use super::stdout::say;
use crate::config::{Config, Role, Signing, process_env};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use dispatch_mission::signal::Recipient;
use dispatch_pipeline::ports::switches::{EndpointSwitches, SwitchedOff};
use dispatch_postgres::connect;
use dispatch_postgres::store::PgEndpointSwitches;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Endpoints and agents stand in the policy file that DISPATCH_POLICY names. One that answers 410 is switched off: \n\
        deliveries to it wait, visible as held (endpoint_disabled), until it is switched on again.\n\n\
        Examples:\n  \
        dispatch endpoint list\n  \
        dispatch endpoint enable crm\n  \
        dispatch endpoint enable --agent photos"
)]
pub struct Arguments {
    /// Where `dispatch dev` keeps its database
    #[arg(long, global = true, value_name = "FOLDER", default_value = DEFAULT_FOLDER)]
    data_dir: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show all endpoints and agents: signed or not, on or off, and how many deliveries wait
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Switch one on again that answered 410. What waits for it is sent within seconds
    Enable {
        /// Its name in the policy file
        name: String,
        /// It is an agent, not an endpoint
        #[arg(long)]
        agent: bool,
    },
}

/// One line of the list.
#[derive(Serialize)]
struct Line {
    kind: &'static str,
    name: String,
    state: &'static str,
    waiting: u32,
}

/// Shows, or switches on.
pub async fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = Config::from_env(&process_env, Role::Inspect)?;
    let url = super::key::database(&arguments.data_dir).await?;
    let pool = connect::pool(&url, 1)?;
    let switches = PgEndpointSwitches::new(pool.clone());
    let outcome = match arguments.action {
        Action::List { json } => list(&config, &switches, json).await,
        Action::Enable { name, agent } => enable(&switches, &name, agent).await,
    };
    pool.close();
    outcome.map(|()| ExitCode::SUCCESS)
}

/// What may have gone wrong with a table that a migration brings.
const CURE: &str = "endpoints cannot be reached; does the database answer, and has `dispatch migrate` run?";

async fn list(config: &Config, switches: &dyn EndpointSwitches, json: bool) -> Result<()> {
    let off = switches.off().await.context(CURE)?;
    let lines: Vec<Line> = lines("webhook", &config.programs.webhooks, &off, Recipient::webhook)
        .chain(lines("agent", &config.programs.agents, &off, Recipient::agent))
        .collect();
    if json {
        return say(&serde_json::to_string_pretty(&lines)?);
    }
    if lines.is_empty() {
        return say("The policy file names no endpoint and no agent.");
    }
    for Line { kind, name, state, waiting } in &lines {
        say(&format!("{kind} {name}: {state}, {waiting} waiting"))?;
    }
    Ok(())
}

fn lines<'a>(
    kind: &'static str,
    programs: &'a BTreeMap<String, Signing>,
    off: &'a [SwitchedOff],
    recipient: impl Fn(&str) -> Recipient + 'a,
) -> impl Iterator<Item = Line> + 'a {
    programs.iter().map(move |(name, signing)| {
        let named = recipient(name);
        let off = off.iter().find(|one| one.recipient == named);
        let state = match (off, &signing.signer) {
            (Some(_), _) => "off, it answered 410",
            (None, None) => "no secret",
            (None, Some(_)) => "on",
        };
        Line { kind, name: name.clone(), state, waiting: off.map_or(0, |one| one.waiting) }
    })
}

async fn enable(switches: &dyn EndpointSwitches, name: &str, agent: bool) -> Result<()> {
    let recipient = if agent { Recipient::agent(name) } else { Recipient::webhook(name) };
    let by = format!("cli:{}", super::key::account());
    if !switches.switch_on(&recipient, &by).await.context(CURE)? {
        bail!("{name} is not switched off; `dispatch endpoint list` shows who is");
    }
    say(&format!("{name} is on again; what waits for it is sent within seconds."))
}
