//! A courier whose attempts are counted, each under the name of the agent that it asked. Must not change what it does.

use crate::agents::{EXTERNAL, Meter};
use async_trait::async_trait;
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery};
use dispatch_routing::destination::{Destination, DestinationKind};
use std::sync::Arc;
use std::time::Instant;

/// The name under which an external agent is metered and shown.
#[must_use]
pub fn external_name(target: &str) -> String {
    format!("{EXTERNAL}{target}")
}

/// Counts.
pub struct Metered {
    courier: Arc<dyn Courier>,
    meter: Arc<Meter>,
}

impl Metered {
    /// Over this courier.
    #[must_use]
    pub fn new(courier: Arc<dyn Courier>, meter: Arc<Meter>) -> Self {
        Self { courier, meter }
    }
}

#[async_trait]
impl Courier for Metered {
    fn serves(&self) -> DestinationKind {
        self.courier.serves()
    }

    async fn deliver(&self, delivery: &ClaimedDelivery) -> AttemptOutcome {
        let begun = Instant::now();
        let outcome = self.courier.deliver(delivery).await;
        if let Destination::Agent(agent) = &delivery.destination {
            let ended = outcome.code().map_or(Ok(None), Err);
            self.meter.note(&external_name(&agent.target), begun.elapsed(), ended);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dispatch_routing::destination::AgentDestination;
    use dispatch_routing::testing_courier::message_for;

    struct Says(AttemptOutcome);

    #[async_trait]
    impl Courier for Says {
        fn serves(&self) -> DestinationKind {
            DestinationKind::Agent
        }

        async fn deliver(&self, _: &ClaimedDelivery) -> AttemptOutcome {
            self.0.clone()
        }
    }

    #[tokio::test]
    async fn every_attempt_counts_under_its_agents_name() {
        let meter = Arc::new(Meter::default());
        let delivery = message_for(Destination::Agent(AgentDestination { target: "photos".into() }), "x");
        for outcome in [
            AttemptOutcome::Delivered { reference: None },
            AttemptOutcome::Answered { answer: Err("answer_malformed".into()) },
            AttemptOutcome::Retryable { code: "http_503".into(), retry_after: None },
        ] {
            Metered::new(Arc::new(Says(outcome)), meter.clone()).deliver(&delivery).await;
        }
        let tally = &meter.take()["external.photos"];
        assert_eq!((tally.calls, tally.failed(), tally.failures.get("http_503")), (3, 1, Some(&1)));
    }
}
