//! The backend's part of the checklist: it speaks both contracts, and it serves from this database. It must not know the other
//! items.

use super::Walk;
use super::checklist::Found;
use anyhow::Result;
use dispatch_outbound::SendError;
use dispatch_pipeline::ports::flag::Replica;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// A replica that has just begun may be so late in the ledger.
const LATE: Duration = Duration::from_secs(3);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(200);

const OLD: &str = "backend, old contract";
const NEW: &str = "backend, new contract";

const START: &str = "Start `dispatch serve` on this database, or name it with --url";

impl Walk<'_> {
    /// Both contracts, or one item where nobody answers at all.
    pub(super) async fn backend(&self) -> Vec<(&'static str, Found)> {
        let old = self.asked(&["operations", "status"]).await;
        if let Err(error) = &old
            && let Some(sent) = error.downcast_ref::<SendError>()
        {
            let reason = format!("{} does not answer ({})", self.words.server.place(), sent.code());
            return vec![("backend", Found::Block { reason, cure: START })];
        }
        let new = match self.asked(&["dispatch", "observe", "health"]).await {
            Ok(health) => self.at_home(health["replica"].as_str()).await,
            Err(error) => block("/dispatch/observe/health", &error),
        };
        let old = match old {
            Ok(_) => Found::Ok("/operations/status answers".to_owned()),
            Err(error) => block("/operations/status", &error),
        };
        vec![(OLD, old), (NEW, new)]
    }

    async fn asked(&self, path: &[&str]) -> Result<Value> {
        self.words.server.connect()?.get(path, None).await
    }

    /// Whether whoever answered is a replica of this database: the ledger in it lists all of them.
    async fn at_home(&self, name: Option<&str>) -> Found {
        let place = self.words.server.place();
        let Some(name) = name else {
            let reason = format!("the server at {place} does not say which replica it is");
            return Found::Block { reason, cure: "It is an older one: start this release there" };
        };
        // Where the ledger cannot be reached, the item of the flag says so.
        let Ok(desk) = &self.flag else { return Found::Ok("/dispatch/observe/health answers".to_owned()) };
        let begun = Instant::now();
        loop {
            match desk.replicas().await {
                Err(error) => return Found::Block { reason: format!("{error:#}"), cure: START },
                Ok(replicas) if replicas.iter().any(|one: &Replica| one.is_live() && one.name == name) => {
                    return Found::Ok(format!("/dispatch/observe/health answers, replica {name} of this database"));
                }
                Ok(_) if begun.elapsed() >= LATE => {
                    let reason = format!("the server at {place} (replica {name}) serves from another database");
                    return Found::Block { reason, cure: START };
                }
                Ok(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

fn block(path: &str, error: &anyhow::Error) -> Found {
    Found::Block { reason: format!("{path}: {error:#}"), cure: START }
}
