//! A database to rename, and somebody who runs stages on it.

use async_trait::async_trait;
use dispatch_cutover::{Client, Connector, Done, Event, Options, Reporter, Spec, Stage, Stop};
use dispatch_postgres::connect::{self, DatabaseUrl};
use dispatch_postgres::testing::TestDatabase;
use serde_json::Value;
use std::sync::Mutex;
use std::time::Duration;

pub const LEGACY: &str = include_str!("../../testing/legacy.sql");
pub const HOSTILE: &str = include_str!("../../testing/hostile.sql");
const ROWS: &str = include_str!("../../testing/rows.sql");
const IDENTITY: &str = include_str!("../../testing/identity.sql");

pub struct Door(pub DatabaseUrl);

#[async_trait]
impl Connector for Door {
    async fn connect(&self, name: &str) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
        Ok(connect::client(&self.0, name).await?)
    }
}

/// Keeps what was told.
#[derive(Default)]
pub struct Heard(Mutex<Vec<Event>>);

impl Reporter for Heard {
    fn tell(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Heard {
    pub fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap().iter().map(|event| serde_json::to_value(event).unwrap()).collect()
    }

    pub fn findings(&self) -> Vec<String> {
        let all = self.all().into_iter().filter(|event| event["event"] == "finding");
        all.map(|event| format!("{} {}", event["level"].as_str().unwrap(), event["code"].as_str().unwrap())).collect()
    }
}

pub struct Stand {
    pub database: TestDatabase,
    pub door: Door,
    pub heard: Heard,
    pub options: Options,
    /// The tables, however they are called.
    oids: [i64; 2],
}

impl Stand {
    /// Operations Center with everything that real databases have beyond it, and 200 rows.
    pub async fn hostile() -> Self {
        Self::with(&[LEGACY, HOSTILE, &ROWS.replace("{rows}", "200")]).await
    }

    pub async fn with(parts: &[&str]) -> Self {
        let database = TestDatabase::empty().await;
        for part in parts {
            database.execute(part).await;
        }
        let mut oids = [0; 2];
        for (oid, name) in oids.iter_mut().zip(["activities", "agent_tasks"]) {
            let rows = database.json(&format!("SELECT to_regclass('public.{name}')::oid::bigint AS oid")).await;
            *oid = rows[0]["oid"].as_i64().unwrap_or(0);
        }
        let door = Door(database.url().clone());
        Self { database, door, heard: Heard::default(), options: Options::new().unwrap(), oids }
    }

    pub fn spec(mut self, text: &str) -> Self {
        self.options.spec = Spec::parse(text).unwrap();
        self
    }

    pub async fn run(&self, stage: Stage) -> Result<Done, Stop> {
        dispatch_cutover::run(&self.door, stage, &self.options, &self.heard).await
    }

    /// Runs it and wants it done; answers whether anything changed.
    pub async fn done(&self, stage: Stage) -> bool {
        self.run(stage).await.unwrap_or_else(|stop| panic!("{}: {stop}", stage.as_str())).changed
    }

    /// Runs it and wants it refused with this exit code; answers why.
    pub async fn refused(&self, stage: Stage, code: u8) -> String {
        let stop = self.run(stage).await.expect_err("it should have been refused");
        assert_eq!(stop.exit_code(), code, "{stop}");
        stop.to_string()
    }

    pub async fn contract(&mut self) -> Result<Done, Stop> {
        (self.options.hold, self.options.confirmed) = (Duration::ZERO, true);
        let done = self.run(Stage::Contract).await;
        (self.options.hold, self.options.confirmed) = (Duration::from_secs(1800), false);
        done
    }

    /// Everything that must never change, of both tables. `named` with the names of constraints, indexes and policies.
    pub async fn identity(&self, named: bool) -> Vec<Value> {
        let mut facts = Vec::new();
        for oid in self.oids {
            let sql =
                IDENTITY.replace("{oid}", &oid.to_string()).replace("{named}", if named { "true" } else { "false" });
            facts.extend(self.database.json(&sql).await);
        }
        assert!(facts.len() > 80, "{}", facts.len());
        facts
    }

    /// What stands under a name: r, v, or nothing.
    pub async fn kind(&self, name: &str) -> String {
        let sql = format!("SELECT relkind::text AS kind FROM pg_class WHERE oid = to_regclass('public.{name}')");
        self.database.json(&sql).await.first().map_or(String::new(), |row| row["kind"].as_str().unwrap().to_owned())
    }

    pub async fn kinds(&self) -> String {
        let mut kinds = Vec::new();
        for name in ["activities", "dispatch_activities", "agent_tasks", "dispatch_agent_tasks"] {
            let kind = self.kind(name).await;
            kinds.push(if kind.is_empty() { "-".to_owned() } else { kind });
        }
        kinds.concat()
    }

    pub async fn number(&self, sql: &str) -> i64 {
        self.database.json(&format!("SELECT ({sql}) AS n")).await[0]["n"].as_i64().unwrap()
    }

    /// Up to a switch that may happen.
    pub async fn verified(&self) {
        for stage in [Stage::Expand, Stage::Backfill, Stage::Verify] {
            self.done(stage).await;
        }
    }
}

/// Waits for what must come.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} does not come");
}
