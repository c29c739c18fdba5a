//! The database that everything is measured on: durable, as PostgreSQL is by itself, and thrown away afterwards. Must not
//! know what is measured.

use anyhow::{Context as _, Result, bail};
use dispatch_postgres::embedded::{EmbeddedOptions, EmbeddedPostgres};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// A running server and the programs beside it.
pub struct Database {
    pub server: Arc<EmbeddedPostgres>,
    pub runtime: Runtime,
}

impl Database {
    /// Starts it below `folder`.
    pub fn start(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let options = EmbeddedOptions::new(folder.canonicalize()?);
        let server = runtime.block_on(EmbeddedPostgres::start(options))?;
        let database = Self { server: Arc::new(server), runtime };
        let durable = database.ask("SELECT current_setting('fsync') || current_setting('synchronous_commit')")?;
        anyhow::ensure!(
            durable == "onon",
            "this PostgreSQL is not durable: fsync and synchronous_commit are {durable}"
        );
        Ok(database)
    }

    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// One of PostgreSQL's own programs, beside the server or on the PATH.
    pub fn program(&self, name: &str) -> Result<PathBuf> {
        let beside = self.server.location().binaries.join(name);
        if beside.is_file() {
            return Ok(beside);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
        found.with_context(|| {
            format!(
                "{name} is neither in {} nor on the PATH. It comes with a whole PostgreSQL: `apt install postgresql` \
                 (Debian and Ubuntu), `brew install postgresql` (macOS); PG_BIN names the folder",
                self.server.location().binaries.display()
            )
        })
    }

    /// What `sql` answers, unaligned.
    pub fn ask(&self, sql: &str) -> Result<String> {
        self.ask_at(self.url(), sql)
    }

    /// The same of another database of this server.
    pub fn ask_at(&self, url: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new(self.program("psql")?);
        let output = psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).output()?;
        if !output.status.success() {
            bail!("psql: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The single number that `sql` answers.
    pub fn count(&self, sql: &str) -> Result<u64> {
        let answer = self.ask(sql)?;
        answer.parse().with_context(|| format!("no number: {answer}"))
    }

    /// What runs after it begins where every other began.
    pub fn fresh(&self) -> Result<()> {
        self.ask("TRUNCATE dispatch.signals, dispatch.units, dispatch.timeline CASCADE; TRUNCATE bench.signals")?;
        self.ask("CHECKPOINT").map(drop)
    }
}
