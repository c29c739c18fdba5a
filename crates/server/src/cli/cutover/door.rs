//! The way into the database, and a stage run through it. It must not know which stage comes when.

use anyhow::Result;
use dispatch_cutover::{Client, Connector, Done, Event, Options, Reporter, Stage, Stop};
use dispatch_postgres::connect::{self, DatabaseUrl};
use dispatch_postgres::migrate;

/// As every other command goes it: with TLS as the URL says.
pub struct Door(DatabaseUrl);

impl Door {
    pub fn new(url: DatabaseUrl) -> Self {
        Self(url)
    }

    pub fn url(&self) -> &DatabaseUrl {
        &self.0
    }

    /// Runs a stage to its end.
    pub async fn stage(&self, stage: Stage, options: &Options, told: &dyn Reporter) -> Result<Done, Stop> {
        let done = dispatch_cutover::run(self, stage, options, told).await?;
        if stage == Stage::Expand && !options.dry_run {
            // Where Dispatch is installed, it counts changes of missions by a trigger of its own; it works by either name.
            if let Err(error) = migrate::install_mission_triggers(&self.0).await {
                let text = format!("Dispatch's version trigger is not on the tables yet; run `expand` again ({error})");
                told.tell(&Event::Note { text });
            }
        }
        Ok(done)
    }
}

#[async_trait::async_trait]
impl Connector for Door {
    async fn connect(&self, application_name: &str) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
        Ok(connect::client(&self.0, application_name).await?)
    }
}
