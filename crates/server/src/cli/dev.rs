//! `dispatch dev`: everything on this machine, nothing to prepare, nobody else can reach it.
#![allow(clippy::print_stdout, reason = "a command-line tool talks on stdout")]

use super::begin;
use super::dotenv::{self, DOTENV};
use super::state::{self, DEFAULT_FOLDER};
use crate::compose::{self, Pools, Thinking, Untokened};
use crate::config::{Config, Role, TwilioCredentials};
use crate::http::auth::Access;
use anyhow::{Context, Result};
use clap::Args;
use dispatch_postgres::connect::DatabaseUrl;
use dispatch_postgres::embedded::{EmbeddedOptions, EmbeddedPostgres};
use dispatch_postgres::migrate::{self, Which};
use dispatch_postgres::store::seed;
use dispatch_slack::verify::SigningSecrets;
use dispatch_sms::{Account, AuthTokens};
use secrecy::ExposeSecret;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args)]
#[command(
    after_help = "It starts a real PostgreSQL (an installed one, else it fetches one), migrates it, adds a small invented\n\
    brokerage, and serves HTTP with a worker. Data stays for the next start; delete the folder to begin anew.\n\
    Settings are read from the environment and from `.env`. Ctrl-C stops everything cleanly.\n\n\
    Examples:\n  \
    dispatch dev\n  \
    dispatch dev --port 8081 --data-dir /tmp/dispatch-two     a second one beside it"
)]
pub struct Arguments {
    /// Listen on this port of 127.0.0.1; 0 takes a free one [default: that of DISPATCH_ADDR, or 8080]
    #[arg(long)]
    port: Option<u16>,
    /// Keep database and webhook secret here
    #[arg(long, value_name = "FOLDER", default_value = DEFAULT_FOLDER)]
    data_dir: PathBuf,
}

/// Runs until told to stop; the database is stopped last.
pub async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut config = Config::from_env(&dotenv::with(Path::new(DOTENV))?, Role::Dev)?;
    begin(&config);
    if config.slack.signing_secrets.is_none() {
        let secret = state::webhook_secret(&arguments.data_dir)?;
        config.slack.signing_secrets = Some(SigningSecrets::parse(secret.expose_secret())?);
    }
    if config.twilio.credentials.is_none() {
        // To hear with, not to send with: no Twilio knows them.
        let (account, token) = state::twilio_credentials(&arguments.data_dir)?;
        let (account, tokens) = (Account::parse(account.expose_secret())?, AuthTokens::parse(token.expose_secret())?);
        config.twilio.credentials = Some(TwilioCredentials { account, tokens });
    }
    let port = arguments.port.unwrap_or(config.http.address.port());
    // Before the database, so that a taken port is told at once.
    let listener = compose::listen(SocketAddr::new(config.http.address.ip(), port))?;
    let address = listener.local_addr().context("the port was lost")?;

    let database = EmbeddedPostgres::start(EmbeddedOptions::new(&arguments.data_dir)).await?;
    let outcome = serve(&config, &database, listener, || banner(address, &database, &arguments.data_dir)).await;
    let stopped = database.stop().await.context("the database did not stop");
    outcome.and(stopped).map(|()| ExitCode::SUCCESS)
}

async fn serve(
    config: &Config,
    database: &EmbeddedPostgres,
    listener: std::net::TcpListener,
    ready: impl FnOnce(),
) -> Result<()> {
    let url: DatabaseUrl = database.url().parse()?;
    migrate::run(&url, Which::All).await?;
    let pools = Pools::open(&url, config.database.connections).await?;
    seed::brokerage(&mut *pools.work.get().await?).await.context("the invented brokerage could not be added")?;
    let thinking = Thinking::new(config)?;
    let watched = compose::helm(config, &pools).await?;
    let surface = compose::surface(config, &pools, Access::ThisMachine, &thinking, &watched);
    let worker = compose::worker(config, &pools.work, Untokened::Recorded, &thinking)?;
    let metering = thinking.metering(&pools.work);
    ready();
    let outcome = tokio::select! {
        outcome = compose::until_told(Some((listener, surface)), Some(worker)) => outcome,
        never = database.keep_running() => never,
    };
    watched.end().await;
    metering.end().await;
    pools.close();
    outcome
}

fn banner(address: SocketAddr, database: &EmbeddedPostgres, folder: &Path) {
    let base = format!("http://{address}");
    let elsewhere = if address.port() == 8080 { String::new() } else { format!("--url {base} ") };
    let folder =
        if folder == Path::new(DEFAULT_FOLDER) { String::new() } else { format!("--data-dir {} ", folder.display()) };
    println!(
        "\nDispatch is running on this machine only.\n\n  \
         Swagger UI   {base}/docs/\n  \
         Health       {base}/observe/health\n  \
         Missions     {base}/missions\n  \
         Database     {}\n\n\
         Try it, in a second terminal:\n  \
         cargo run --release -- send {elsewhere}{folder}\"Please order a yard sign for 12 Elm St by Friday\"\n\n\
         Ctrl-C stops everything; the data stays.\n",
        database.location(),
    );
}
