//! `dispatch key`: keys for programs. A key is shown once, when it is made; afterwards nobody can show it.

mod lifetime;
mod shown;

use super::state::DEFAULT_FOLDER;
use super::stdout::say;
use crate::config::{Config, Role, process_env};
use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use dispatch_identity::{mint, prefix_of};
use dispatch_pipeline::helm::wish::is_plain;
use dispatch_pipeline::ports::api_keys::{ApiKey, ApiKeyId, ApiKeys, NewApiKey};
use dispatch_pipeline::ports::identity::Scope;
use dispatch_postgres::connect::{self, DatabaseUrl};
use dispatch_postgres::embedded;
use dispatch_postgres::store::PgApiKeys;
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

#[derive(Args)]
#[command(
    arg_required_else_help = true,
    after_help = "A key goes where a token would: `Authorization: Bearer dsp_…`, or into `X-API-Key`.\n\
        Keys are in the database of DATABASE_URL, or in that of a `dispatch dev` that runs here.\n\n\
        Examples:\n  \
        dispatch key create --name \"night report\" --scope observe --expires 90d\n  \
        dispatch key list\n  \
        dispatch key revoke 01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e"
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
    /// Make a key and show it, this once
    #[command(after_help = "Scopes: intake, reason, route, observe, missions; admin is all of them.\n\
            What a key is good for cannot be changed: make another and revoke this one.\n\n\
            Examples:\n  \
            dispatch key create --name \"wall display\" --scope missions --scope observe\n  \
            export DISPATCH_TOKEN=$(dispatch key create --name ci --scope observe --expires 1d --json | jq -r .key)")]
    Create {
        /// What people call it
        #[arg(long, value_parser = name)]
        name: String,
        /// What it is good for; repeat it, or separate with commas
        #[arg(long = "scope", required = true, value_delimiter = ',', value_parser = scopes())]
        scopes: Vec<String>,
        /// How long it counts: 12h, 90d, 2w; for ever unless said
        #[arg(long, value_name = "TIME", value_parser = lifetime::parse)]
        expires: Option<Duration>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show all keys: what for, since when, and when last used. Never the key itself
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a key back, for good. It counts everywhere within five seconds
    Revoke {
        /// Its id or its beginning (dsp_…), as `dispatch key list` shows them
        id: String,
    },
}

/// The words of all scopes, so that `--help` and a mistake list them.
fn scopes() -> PossibleValuesParser {
    PossibleValuesParser::new(Scope::ALL.map(Scope::as_str))
}

fn name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err("must be 1 to 100 letters on one line".to_owned());
    }
    Ok(name.to_owned())
}

/// Makes, shows or takes back.
pub async fn run(arguments: Arguments) -> Result<ExitCode> {
    let url = database(&arguments.data_dir).await?;
    let pool = connect::pool(&url, 1)?;
    let keys = PgApiKeys::new(pool.clone());
    let outcome = match arguments.action {
        Action::Create { name, scopes, expires, json } => create(&keys, name, &scopes, expires, json).await,
        Action::List { json } => list(&keys, json).await,
        Action::Revoke { id } => revoke(&keys, &id).await,
    };
    pool.close();
    outcome.map(|()| ExitCode::SUCCESS)
}

/// The database of DATABASE_URL, or the embedded one that runs below `folder`.
pub(super) async fn database(folder: &Path) -> Result<DatabaseUrl> {
    let config = Config::from_env(&process_env, Role::Inspect)?;
    if let Some(url) = config.database.url {
        return Ok(url);
    }
    match embedded::running(folder).await? {
        Some(url) => Ok(url.parse()?),
        None => bail!(
            "there is no database: set DATABASE_URL, or start `dispatch dev` (none runs with {})",
            folder.display()
        ),
    }
}

/// What may have gone wrong with a table that a migration brings.
const CURE: &str = "API keys cannot be reached; does the database answer, and has `dispatch migrate` run?";

async fn create(
    keys: &dyn ApiKeys,
    name: String,
    scopes: &[String],
    expires: Option<Duration>,
    json: bool,
) -> Result<()> {
    let minted = mint()?;
    let expires_at = expires.map(|time| OffsetDateTime::now_utc() + time);
    let scopes = scopes.iter().filter_map(|scope| Scope::parse(scope)).collect();
    let (key_id, prefix, digest) = (ApiKeyId::mint(), minted.prefix, minted.digest);
    let new = NewApiKey { key_id, prefix, digest, name, scopes, created_by: account(), expires_at };
    let made = keys.create(&new).await.context(CURE)?;
    let text = minted.text.expose_secret();
    say(&if json { shown::created_json(&made, text) } else { shown::created(&made, text) })
}

/// Who sits here, for whoever wonders later who made a key: a name, or the number that the system knows him by.
pub(super) fn account() -> String {
    let is_name = |name: &String| !name.trim().is_empty() && name.chars().all(is_plain);
    let known = ["USER", "LOGNAME"].into_iter().filter_map(process_env).find(is_name);
    known.unwrap_or_else(|| format!("uid:{}", nix::unistd::getuid()))
}

async fn list(keys: &dyn ApiKeys, json: bool) -> Result<()> {
    let all = keys.list().await.context(CURE)?;
    let now = OffsetDateTime::now_utc();
    say(&if json { shown::list_json(&all, now) } else { shown::list(&all, now) })
}

async fn revoke(keys: &dyn ApiKeys, id: &str) -> Result<()> {
    let known = key_id(keys, id).await?;
    let revoked = match known {
        Some(key_id) => keys.revoke(key_id).await.context(CURE)?,
        None => None,
    };
    let key = revoked.context("there is no such key; `dispatch key list` shows all")?;
    say(&format!("{} ({}) is revoked; it counts nowhere any more after five seconds.", key.name, key.key_id))
}

async fn key_id(keys: &dyn ApiKeys, id: &str) -> Result<Option<ApiKeyId>> {
    if let Ok(id) = Uuid::parse_str(id.trim()) {
        return Ok(Some(ApiKeyId(id)));
    }
    match prefix_of(id.trim().trim_end_matches('…')) {
        Some(prefix) => Ok(keys.find(prefix).await.context(CURE)?.map(|key: ApiKey| key.key_id)),
        // Not repeated: it may be a whole key with a slip in it.
        None => bail!("this is neither the id of a key nor its beginning; `dispatch key list` shows both"),
    }
}
