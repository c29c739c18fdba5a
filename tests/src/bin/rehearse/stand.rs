//! The database of a rehearsal, and how a stage is run on it. It must not know what is checked.

use anyhow::{Context as _, Result, bail};
use dispatch_cutover::Client;
use dispatch_postgres::connect::{self, DatabaseUrl};
use dispatch_postgres::embedded::{self, EmbeddedOptions, EmbeddedPostgres};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

const LEGACY: &str = include_str!("../../../../crates/cutover/testing/legacy.sql");
const HOSTILE: &str = include_str!("../../../../crates/cutover/testing/hostile.sql");
const ROWS: &str = include_str!("../../../../crates/cutover/testing/rows.sql");
/// Rows that every client counts up.
pub const SHARED: usize = 5;

/// A database with Operations Center in it.
pub struct Stand {
    server: EmbeddedPostgres,
    folder: PathBuf,
    url: DatabaseUrl,
    dispatch: PathBuf,
    pub rows: u64,
}

/// How a stage ended.
pub struct Outcome {
    pub code: i32,
    pub said: String,
    pub took: Duration,
}

impl Stand {
    pub async fn new(dispatch: &Path, rows: u64, durable: bool) -> Result<Self> {
        let dispatch = dispatch.canonicalize().with_context(|| format!("no binary at {}", dispatch.display()))?;
        let folder = std::env::temp_dir().join(format!("dispatch-rehearsal-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("no folder {}", folder.display()))?;
        let options = EmbeddedOptions::new(&folder);
        let options = if durable { options } else { options.throwaway() };
        // A server of its own, for an autovacuum is among what is rehearsed.
        let options = options.with("autovacuum", "on").with("autovacuum_naptime", "1s");
        let server = EmbeddedPostgres::start(options).await?;
        let url: DatabaseUrl = server.url().parse()?;
        let stand = Self { server, folder, url, dispatch, rows };
        let since = Instant::now();
        let client = stand.client("rehearse: loading").await?;
        let shared = format!(
            "INSERT INTO activities (task_id, listing_id, name, priority, description) SELECT 'shared-' || n, 'l1', 'shared', 1, '0'
             FROM generate_series(1, {SHARED}) AS n"
        );
        // Triggers and foreign keys of a million rows tell nothing about the cut-over.
        let (plain, again) = ("SET session_replication_role = replica", "RESET session_replication_role");
        let loaded = ROWS.replace("{rows}", &rows.to_string());
        for part in [LEGACY, HOSTILE, plain, &loaded, again, &shared, "VACUUM ANALYZE"] {
            client.batch_execute(part).await.context("the legacy database")?;
        }
        eprintln!("loaded {rows} rows in {:.1} s", since.elapsed().as_secs_f64());
        Ok(stand)
    }

    pub async fn client(&self, name: &str) -> Result<Client> {
        Ok(connect::client(&self.url, name).await?)
    }

    pub async fn json(&self, sql: &str) -> Vec<Value> {
        let wrapped = format!("SELECT coalesce(jsonb_agg(to_jsonb(answer)), '[]')::text FROM ({sql}) AS answer");
        let answer = async {
            Ok::<String, anyhow::Error>(self.client("rehearse").await?.query_one(wrapped.as_str(), &[]).await?.get(0))
        };
        match answer.await {
            Ok(text) => serde_json::from_str(&text).unwrap_or_default(),
            Err(error) => {
                eprintln!("{error:#}: {sql}");
                Vec::new()
            }
        }
    }

    /// Ends the server and removes what it kept.
    pub async fn finish(self) -> Result<()> {
        self.server.stop().await?;
        embedded::remove(&self.folder).await?;
        std::fs::remove_dir_all(&self.folder).context("cannot remove the rehearsal's folder")
    }

    pub async fn number(&self, sql: &str) -> i64 {
        self.json(&format!("SELECT ({sql})::bigint AS n")).await.first().and_then(|row| row["n"].as_i64()).unwrap_or(-1)
    }

    pub async fn execute(&self, sql: &str) -> Result<()> {
        let client = self.client("rehearse").await?;
        client.batch_execute(sql).await.with_context(|| sql.to_owned())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.dispatch);
        // Nothing but the URL: no other setting may be needed.
        command.env_clear().env("DATABASE_URL", self.url.expose()).arg("cutover").args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        command
    }

    /// Runs a stage to its end.
    pub async fn stage(&self, arguments: &[&str]) -> Result<Outcome> {
        let since = Instant::now();
        let output = self.command(arguments).output().await.context("cannot start dispatch")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        Ok(Outcome { code: output.status.code().unwrap_or(-1), said, took: since.elapsed() })
    }

    /// Runs a stage that must succeed.
    pub async fn done(&self, arguments: &[&str]) -> Result<Outcome> {
        let outcome = self.stage(arguments).await?;
        if outcome.code != 0 {
            bail!("{arguments:?} ended with {}: {}", outcome.code, outcome.said);
        }
        Ok(outcome)
    }

    /// Kills a stage after this time; then runs it again, which must succeed.
    pub async fn killed(&self, arguments: &[&str], after: Duration) -> Result<Outcome> {
        let mut child = self.command(arguments).spawn().context("cannot start dispatch")?;
        if tokio::time::timeout(after, child.wait()).await.is_err() {
            child.kill().await.context("cannot kill dispatch")?;
        }
        self.stage(arguments).await
    }

    /// What stands under the four names.
    pub async fn kinds(&self) -> String {
        let sql = "SELECT string_agg(coalesce((SELECT relkind::text FROM pg_class WHERE oid = to_regclass('public.' || n)), '-'), '' ORDER BY i) AS k
            FROM unnest(ARRAY['activities', 'dispatch_activities', 'agent_tasks', 'dispatch_agent_tasks']) WITH ORDINALITY AS x (n, i)";
        self.json(sql).await.first().and_then(|row| row["k"].as_str()).unwrap_or_default().to_owned()
    }
}
