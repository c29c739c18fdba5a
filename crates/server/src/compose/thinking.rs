//! Who thinks: the minds by what is configured, one meter for all that they do, and a card for each agent. One per process,
//! shared by HTTP and worker. Must not know what is thought about.

use crate::config::Config;
use anyhow::Result;
use dispatch_classification::classifier::Classifier;
use dispatch_classification::local::{self, LocalClassifier};
use dispatch_pipeline::agents::{AgentCard, AgentKind, AlwaysReady, Meter};
use dispatch_pipeline::minds::{Minds, agent_name};
use dispatch_pipeline::ports::agents::AgentLog;
use dispatch_pipeline::reason::ORCHESTRATOR;
use dispatch_postgres::connect::Pool;
use dispatch_postgres::store::PgAgentLog;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long the last figures may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The minds of this process.
#[derive(Clone)]
pub struct Thinking {
    /// All classifiers as one.
    pub classifier: Arc<dyn Classifier>,
    /// What the agents do.
    pub meter: Arc<Meter>,
    /// Who they are.
    pub cards: Vec<AgentCard>,
}

impl Thinking {
    /// By what is configured.
    ///
    /// # Errors
    /// When a provider cannot be set up.
    pub fn new(config: &Config) -> Result<Self> {
        let meter = Arc::new(Meter::default());
        let local = Arc::new(LocalClassifier::new(config.routing.zone));
        let cards = vec![local_card(&local), orchestrator_card()];
        let classifier = Arc::new(Minds::new(Vec::new(), local, meter.clone()));
        Ok(Self { classifier, meter, cards })
    }

    /// Where what the agents do is kept.
    #[must_use]
    pub fn log(&self, pool: &Pool) -> Arc<dyn AgentLog> {
        Arc::new(PgAgentLog::new(pool.clone()))
    }

    /// Begins to write down what the agents do.
    #[must_use]
    pub fn metering(&self, pool: &Pool) -> Metering {
        let (meter, log, stop) = (self.meter.clone(), self.log(pool), CancellationToken::new());
        let told = stop.clone();
        Metering { stop, task: tokio::spawn(async move { meter.write_to(log.as_ref(), &told).await }) }
    }
}

/// Writes down what the agents do.
pub struct Metering {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Metering {
    /// Writes down the rest; a database that is gone is not waited for.
    pub async fn end(self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, self.task).await;
    }
}

fn local_card(local: &LocalClassifier) -> AgentCard {
    AgentCard {
        name: agent_name(local),
        kind: AgentKind::Classifier,
        description: "Reads messages by rules and a small model, on this machine.",
        capabilities: vec!["classify"],
        provider: local.name().to_owned(),
        model: Some(local::MODEL.to_owned()),
        probe: Arc::new(AlwaysReady),
    }
}

fn orchestrator_card() -> AgentCard {
    AgentCard {
        name: ORCHESTRATOR.to_owned(),
        kind: AgentKind::Orchestrator,
        description: "Turns classifications into listings, activities and agent tasks.",
        capabilities: vec!["listings", "activities", "agent_tasks"],
        provider: "local".to_owned(),
        model: None,
        probe: Arc::new(AlwaysReady),
    }
}
