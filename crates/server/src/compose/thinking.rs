//! Who thinks: the minds by what is configured, one meter for all that they do, and a card for each agent. One per process,
//! shared by HTTP and worker. Must not know what is thought about.

use super::aside::Aside;
use super::programs;
use crate::config::Config;
use anyhow::{Context, Result};
use dispatch_classification::classifier::Classifier;
use dispatch_classification::local::{self, LocalClassifier};
use dispatch_llm::{LlmClassifier, LlmConverser, Provider, State};
use dispatch_pipeline::agents::{AgentCard, AgentKind, AlwaysReady, Condition, Meter, Probe};
use dispatch_pipeline::minds::{Minds, agent_name};
use dispatch_pipeline::ports::agents::AgentLog;
use dispatch_pipeline::ports::converser::Converser;
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
    /// All classifiers as one, for the worker.
    pub classifier: Arc<dyn Classifier>,
    /// The same for texts that somebody asks about.
    pub on_request: Arc<dyn Classifier>,
    /// Of those the one that is always quick.
    pub in_haste: Arc<dyn Classifier>,
    /// Who talks, in the order in which they are asked.
    pub conversers: Vec<Arc<dyn Converser>>,
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
        let (meter, zone) = (Arc::new(Meter::default()), config.routing.zone);
        let providers = dispatch_llm::providers(config.llm.providers.clone()).context("no provider can be called")?;
        let local = Arc::new(LocalClassifier::new(zone));
        let mut cards: Vec<_> = providers.iter().map(classifier_card).collect();
        cards.push(local_card(&local));
        cards.extend(providers.iter().map(converser_card));
        cards.push(local_converser_card());
        cards.push(orchestrator_card());
        cards.extend(programs::cards(config));
        let classifier =
            |provider: &Arc<Provider>| -> Arc<dyn Classifier> { Arc::new(LlmClassifier::new(provider.clone(), zone)) };
        let converser =
            |provider: &Arc<Provider>| -> Arc<dyn Converser> { Arc::new(LlmConverser::new(provider.clone())) };
        let on_request = |provider: &Arc<Provider>| -> Arc<dyn Classifier> {
            Arc::new(LlmClassifier::on_request(provider.clone(), zone))
        };
        let minds = |better: Vec<Arc<dyn Classifier>>, last: Arc<dyn Classifier>| -> Arc<dyn Classifier> {
            Arc::new(Minds::new(better, last, meter.clone()))
        };
        // The worker's own: whoever asks does not queue behind a backlog.
        let beside: Arc<dyn Classifier> = Arc::new(Aside::new(local.clone()));
        let aside: Arc<dyn Classifier> = Arc::new(Aside::new(local));
        Ok(Self {
            classifier: minds(providers.iter().map(classifier).collect(), beside),
            on_request: minds(providers.iter().map(on_request).collect(), aside.clone()),
            in_haste: minds(Vec::new(), aside),
            conversers: providers.iter().map(converser).collect(),
            cards,
            meter,
        })
    }

    /// The names of those that classify, in the order in which they are asked.
    #[must_use]
    pub fn classifiers(&self) -> Vec<String> {
        let classify = self.cards.iter().filter(|card| card.kind == AgentKind::Classifier);
        classify.map(|card| card.name.clone()).collect()
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

/// A provider is asked as long as its circuit is closed and it did not ask to be left alone.
struct Circuit(Arc<Provider>);

impl Probe for Circuit {
    fn condition(&self) -> Condition {
        match self.0.state() {
            State::Open { why, .. } => Condition::Resting(why),
            State::Quiet { .. } => Condition::Resting("rate_limited"),
            State::Closed | State::HalfOpen => Condition::Ready,
        }
    }
}

fn classifier_card(provider: &Arc<Provider>) -> AgentCard {
    AgentCard {
        name: format!("classifier.{}", provider.name()),
        kind: AgentKind::Classifier,
        description: "Asks a language model what messages mean.".into(),
        capabilities: vec!["classify".into(), "stream".into()],
        ..provider_card(provider)
    }
}

fn converser_card(provider: &Arc<Provider>) -> AgentCard {
    AgentCard {
        name: format!("query.{}", provider.name()),
        kind: AgentKind::Query,
        description: "Answers questions by looking into the brokerage's own data.".into(),
        capabilities: vec!["converse".into(), "tools".into(), "stream".into()],
        ..provider_card(provider)
    }
}

fn local_converser_card() -> AgentCard {
    AgentCard {
        name: "query.local".to_owned(),
        kind: AgentKind::Query,
        description: "Answers the questions that people really ask by rules, on this machine, and says what it cannot."
            .into(),
        capabilities: vec!["tools".into(), "stream".into()],
        provider: "local".to_owned(),
        model: Some(dispatch_pipeline::query::LOCAL_MODEL.to_owned()),
        probe: Arc::new(AlwaysReady),
    }
}

fn provider_card(provider: &Arc<Provider>) -> AgentCard {
    AgentCard {
        name: String::new(),
        kind: AgentKind::External,
        description: "".into(),
        capabilities: Vec::new(),
        provider: provider.name().to_owned(),
        model: Some(provider.model().to_owned()),
        probe: Arc::new(Circuit(provider.clone())),
    }
}

fn local_card(local: &LocalClassifier) -> AgentCard {
    AgentCard {
        name: agent_name(local),
        kind: AgentKind::Classifier,
        description: "Reads messages by rules and a small model, on this machine.".into(),
        capabilities: vec!["classify".into()],
        provider: local.name().to_owned(),
        model: Some(local::MODEL.to_owned()),
        probe: Arc::new(AlwaysReady),
    }
}

fn orchestrator_card() -> AgentCard {
    AgentCard {
        name: ORCHESTRATOR.to_owned(),
        kind: AgentKind::Orchestrator,
        description: "Turns classifications into listings, activities and agent tasks.".into(),
        capabilities: vec!["listings".into(), "activities".into(), "agent_tasks".into()],
        provider: "local".to_owned(),
        model: None,
        probe: Arc::new(AlwaysReady),
    }
}
