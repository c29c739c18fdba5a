//! A server and a PostgreSQL for one replay. Must not know what is asked.

use anyhow::{Context as _, Result, ensure};
use dispatch_postgres::embedded::{self, EmbeddedOptions, EmbeddedPostgres};
use dispatch_tests::harness::Server;
use dispatch_tests::harness::server::Launch;
use dispatch_tests::harness::sms_message::{ACCOUNT, PUBLIC_URL, TOKEN};
use dispatch_tests::parity::Target;
use std::path::{Path, PathBuf};

/// Both, as long as this lives.
pub struct Stand {
    database: EmbeddedPostgres,
    folder: PathBuf,
    server: Server,
    target: Target,
}

impl Stand {
    pub async fn start(dispatch: &Path) -> Result<Self> {
        let dispatch = dispatch.canonicalize().with_context(|| format!("no binary at {}", dispatch.display()))?;
        let folder = std::env::temp_dir().join(format!("dispatch-parity-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("no folder {}", folder.display()))?;
        let database = EmbeddedPostgres::start(EmbeddedOptions::new(&folder).throwaway()).await?;
        let launch = Launch::serve(&dispatch.to_string_lossy(), database.url())
            .env("TWILIO_ACCOUNT_SID", ACCOUNT)
            .env("TWILIO_AUTH_TOKEN", TOKEN)
            .env("PUBLIC_URL", PUBLIC_URL)
            .env("RATE_LIMIT_PER_ADDRESS", "0")
            .env("RATE_LIMIT_PER_CALLER", "0")
            .env("LLM_PROVIDER", "none");
        let (good, said) = launch.clone().run(&["migrate"]).await;
        ensure!(good, "the database was not migrated: {said}");
        let server = launch.start().await;
        let target = Target::of(&server);
        Ok(Self { database, folder, server, target })
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Ends both and removes what they kept.
    pub async fn finish(self) -> Result<()> {
        self.server.kill().await;
        self.database.stop().await?;
        embedded::remove(&self.folder).await?;
        std::fs::remove_dir_all(&self.folder).context("cannot remove the folder of the replay")
    }
}
