//! The agents: who can be asked, how each is, and what each did lately. Must not know what an agent is made of.

use crate::ports::StoreUnavailable;
use crate::ports::agents::{AgentLog, Tally};
use crate::ports::switches::EndpointSwitches;
use dispatch_classification::classifier::Usage;
use dispatch_mission::signal::Recipient;
use dispatch_routing::delivery::ENDPOINT_DISABLED;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

/// What the names of external agents begin with; the rest is theirs in the policy file.
pub const EXTERNAL: &str = "external.";
/// How often what was metered is written down; what a killed process had not written is lost.
const WRITTEN_EVERY: Duration = Duration::from_secs(2);

/// Adds up what the agents of this process do, until it is written down.
#[derive(Debug, Default)]
pub struct Meter {
    tallies: Mutex<BTreeMap<String, Tally>>,
}

impl Meter {
    /// One call of `agent` has ended: with an answer and what it came to, or without one, for this reason.
    pub fn note(&self, agent: &str, took: Duration, outcome: Result<Option<Usage>, &str>) {
        let mut tally =
            Tally { calls: 1, busy: took, last_used_at: Some(OffsetDateTime::now_utc()), ..Tally::default() };
        match outcome {
            Ok(usage) => tally.usage = usage.unwrap_or_default(),
            Err(code) => drop(tally.failures.insert(code.to_owned(), 1)),
        }
        self.add(agent, tally);
    }

    /// Everything since the last time.
    #[must_use]
    pub fn take(&self) -> BTreeMap<String, Tally> {
        std::mem::take(&mut self.tallies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes down what is metered every two seconds, and once more when `stop` is cancelled.
    pub async fn write_to(&self, log: &dyn AgentLog, stop: &CancellationToken) {
        loop {
            let stopped = stop.run_until_cancelled(tokio::time::sleep(WRITTEN_EVERY)).await.is_none();
            self.write(log).await;
            if stopped {
                return;
            }
        }
    }

    async fn write(&self, log: &dyn AgentLog) {
        let tallies = self.take();
        if tallies.is_empty() {
            return;
        }
        if let Err(error) = log.add(&tallies).await {
            tracing::debug!(%error, "what agents did is written down later");
            for (agent, tally) in tallies {
                self.add(&agent, tally);
            }
        }
    }

    fn add(&self, agent: &str, tally: Tally) {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.entry(agent.to_owned()).or_default().add(tally);
    }
}

impl Tally {
    /// Adds `more`. The cost of what has none is not known, so a sum counts only what is.
    pub fn add(&mut self, more: Self) {
        self.calls += more.calls;
        for (code, count) in more.failures {
            *self.failures.entry(code).or_default() += count;
        }
        self.busy += more.busy;
        self.usage = Usage {
            input_tokens: self.usage.input_tokens + more.usage.input_tokens,
            output_tokens: self.usage.output_tokens + more.usage.output_tokens,
            cost_micros: match (self.usage.cost_micros, more.usage.cost_micros) {
                (None, None) => None,
                (one, two) => Some(one.unwrap_or(0) + two.unwrap_or(0)),
            },
        };
        self.last_used_at = self.last_used_at.max(more.last_used_at);
    }

    /// Calls that ended without an answer.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

/// What kind of agent it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AgentKind {
    /// Says what messages mean.
    Classifier,
    /// Answers questions.
    Query,
    /// Turns classifications into listings and missions.
    Orchestrator,
    /// Somebody else's, called over HTTP.
    External,
}

/// How an agent is, as this process knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Condition {
    /// It would be asked now.
    Ready,
    /// It is left alone for a while, for this reason.
    Resting(&'static str),
}

/// Knows how an agent is.
pub trait Probe: Send + Sync {
    /// Now. Never waits.
    fn condition(&self) -> Condition;
}

/// Always there.
#[derive(Clone, Copy, Debug)]
pub struct AlwaysReady;

impl Probe for AlwaysReady {
    fn condition(&self) -> Condition {
        Condition::Ready
    }
}

/// Who can be asked.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct AgentCard {
    /// Unique, and the same on every replica: `classifier.openai`.
    pub name: String,
    pub kind: AgentKind,
    pub description: Cow<'static, str>,
    pub capabilities: Vec<Cow<'static, str>>,
    /// `local`, or who runs the model.
    pub provider: String,
    pub model: Option<String>,
    pub probe: Arc<dyn Probe>,
}

/// An agent as it is shown.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Agent {
    pub card: AgentCard,
    pub condition: Condition,
    /// Of the last day, all replicas together.
    pub tally: Tally,
}

/// The use case behind `/observe/agents`.
pub struct Agents {
    cards: Vec<AgentCard>,
    log: Arc<dyn AgentLog>,
    switches: Option<Arc<dyn EndpointSwitches>>,
}

impl Agents {
    /// Over these agents, in the order in which they are shown.
    #[must_use]
    pub fn new(cards: Vec<AgentCard>, log: Arc<dyn AgentLog>) -> Self {
        Self { cards, log, switches: None }
    }

    /// The same; external agents rest that are switched off.
    #[must_use]
    pub fn switched_by(self, switches: Arc<dyn EndpointSwitches>) -> Self {
        Self { switches: Some(switches), ..self }
    }

    /// All of them.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    pub async fn list(&self) -> Result<Vec<Agent>, StoreUnavailable> {
        let mut tallies = self.log.read().await?;
        let off = match &self.switches {
            Some(switches) if self.cards.iter().any(|card| card.kind == AgentKind::External) => switches.off().await?,
            _ => Vec::new(),
        };
        let is_off = |card: &AgentCard| {
            let target = card.name.strip_prefix(EXTERNAL).filter(|_| card.kind == AgentKind::External);
            target.is_some_and(|target| off.iter().any(|one| one.recipient == Recipient::agent(target)))
        };
        let agent = |card: &AgentCard| Agent {
            card: card.clone(),
            condition: if is_off(card) { Condition::Resting(ENDPOINT_DISABLED) } else { card.probe.condition() },
            tally: tallies.remove(&card.name).unwrap_or_default(),
        };
        Ok(self.cards.iter().map(agent).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::switches::SwitchedOff;
    use async_trait::async_trait;

    /// Refuses the first time.
    #[derive(Default)]
    struct Stubborn(Mutex<(u32, BTreeMap<String, Tally>)>);

    #[async_trait]
    impl AgentLog for Stubborn {
        async fn add(&self, tallies: &BTreeMap<String, Tally>) -> Result<(), StoreUnavailable> {
            let mut held = self.0.lock().unwrap();
            held.0 += 1;
            if held.0 == 1 {
                return Err(StoreUnavailable("down".into()));
            }
            for (agent, tally) in tallies {
                held.1.entry(agent.clone()).or_default().add(tally.clone());
            }
            Ok(())
        }

        async fn read(&self) -> Result<BTreeMap<String, Tally>, StoreUnavailable> {
            Ok(self.0.lock().unwrap().1.clone())
        }

        async fn purge(&self) -> Result<u32, StoreUnavailable> {
            Ok(0)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_written_is_written_later_and_the_rest_at_the_end() {
        let (meter, log, stop) = (Meter::default(), Stubborn::default(), CancellationToken::new());
        let usage = Usage { input_tokens: 10, output_tokens: 2, cost_micros: Some(7) };
        meter.note("a", Duration::from_millis(3), Ok(Some(usage)));
        let script = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            meter.note("a", Duration::from_millis(4), Err("timeout"));
            stop.cancel();
        };
        tokio::join!(meter.write_to(&log, &stop), script);
        let tally = &log.read().await.unwrap()["a"];
        assert_eq!((tally.calls, tally.failed(), tally.busy), (2, 1, Duration::from_millis(7)));
        assert_eq!(tally.usage, usage);
        assert!(meter.take().is_empty());
    }

    /// Agent `photos` is switched off.
    struct PhotosOff;

    #[async_trait]
    impl EndpointSwitches for PhotosOff {
        async fn off(&self) -> Result<Vec<SwitchedOff>, StoreUnavailable> {
            let since = OffsetDateTime::UNIX_EPOCH;
            Ok(vec![SwitchedOff { recipient: Recipient::agent("photos"), since, waiting: 2 }])
        }

        async fn switch_on(&self, _: &Recipient, _: &str) -> Result<bool, StoreUnavailable> {
            Ok(false)
        }
    }

    #[tokio::test]
    async fn an_external_agent_that_is_switched_off_rests() {
        let card = |name: &str, kind| AgentCard {
            name: name.into(),
            kind,
            description: "".into(),
            capabilities: Vec::new(),
            provider: "local".into(),
            model: None,
            probe: Arc::new(AlwaysReady),
        };
        let external = AgentKind::External;
        let cards = vec![
            card("external.photos", external),
            card("external.movers", external),
            card("external.photos", AgentKind::Query),
        ];
        let log = Arc::new(Stubborn(Mutex::new((1, BTreeMap::new()))));
        let agents = Agents::new(cards, log).switched_by(Arc::new(PhotosOff));
        let conditions: Vec<_> = agents.list().await.unwrap().into_iter().map(|agent| agent.condition).collect();
        assert_eq!(conditions, [Condition::Resting("endpoint_disabled"), Condition::Ready, Condition::Ready]);
    }
}
