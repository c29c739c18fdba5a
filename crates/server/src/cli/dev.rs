//! `dispatch dev`: everything on this machine, nothing to prepare, nobody else can reach it.
#![allow(clippy::print_stdout, reason = "a command-line tool talks on stdout")]

use super::state::{self, DEFAULT_FOLDER};
use crate::compose;
use crate::config::{Config, Role, process_env};
use crate::http::auth::Access;
use crate::telemetry;
use anyhow::{Context, Result};
use clap::Args;
use dispatch_postgres::connect::DatabaseUrl;
use dispatch_postgres::embedded::{EmbeddedOptions, EmbeddedPostgres};
use dispatch_postgres::migrate::{self, Which};
use dispatch_postgres::store::seed;
use dispatch_slack::verify::SigningSecrets;
use secrecy::ExposeSecret;
use std::collections::HashMap;
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
    let mut config = Config::from_env(&with_dotenv(Path::new(".env"))?, Role::Dev)?;
    telemetry::start(&config.telemetry);
    if config.slack.signing_secrets.is_none() {
        let secret = state::webhook_secret(&arguments.data_dir)?;
        config.slack.signing_secrets = Some(SigningSecrets::parse(secret.expose_secret())?);
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
    let pool = compose::database(&url).await?;
    seed::brokerage(&mut *pool.get().await?).await.context("the invented brokerage could not be added")?;
    let surface = compose::surface(config, &pool, Access::ThisMachine);
    let worker = compose::worker(config, &pool)?;
    ready();
    let outcome = compose::until_told(Some((listener, surface)), Some(worker)).await;
    pool.close();
    outcome
}

/// Variables of this process, then those of the file; a file that cannot be read is an error, a missing one is none.
fn with_dotenv(file: &Path) -> Result<impl Fn(&str) -> Option<String> + use<>> {
    let mut read = HashMap::new();
    if file.exists() {
        let pairs = dotenvy::from_path_iter(file).with_context(|| format!("cannot read {}", file.display()))?;
        for pair in pairs {
            let (name, value) = pair.map_err(|error| describe(file, &error))?;
            read.insert(name, value);
        }
    }
    Ok(move |name: &str| process_env(name).or_else(|| read.get(name).cloned()))
}

/// The parser's own message quotes the line, which may hold a secret.
fn describe(file: &Path, error: &dotenvy::Error) -> anyhow::Error {
    match error {
        dotenvy::Error::LineParse(_, at) => {
            anyhow::anyhow!("{} has a line that is not NAME=value (wrong at its character {at})", file.display())
        }
        _ => anyhow::anyhow!("{} cannot be read", file.display()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dotenv_file_fills_gaps_and_its_secrets_stay_inside() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(".env");
        assert_eq!(with_dotenv(&file).expect("none is fine")("DISPATCH_TEST_GAP"), None);
        std::fs::write(&file, "DISPATCH_TEST_GAP=filled # why\nPATH=never\n").expect("written");
        let env = with_dotenv(&file).expect("read");
        assert_eq!(env("DISPATCH_TEST_GAP").as_deref(), Some("filled"));
        assert_ne!(env("PATH").as_deref(), Some("never"), "the environment wins");
        std::fs::write(&file, "SLACK_BOT_TOKEN xoxb-hunter2\n").expect("written");
        let error = with_dotenv(&file).err().expect("not a pair").to_string();
        assert!(!error.contains("hunter2") && error.contains("NAME=value"), "{error}");
    }
}
