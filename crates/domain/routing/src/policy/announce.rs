//! Who else is told of a decision: the endpoints and agents that subscribe to it. And what every event says about the
//! decision, whoever named its destination. It must not decide.

use super::file::Policy;
use crate::destination::{AgentDestination, Destination, WebhookDestination};
use crate::event::EventWork;
use crate::plan::{Content, Decision, PlannedDelivery, Verdict};
use crate::unit::ClaimedUnit;
use dispatch_classification::classification::Classification;
use dispatch_mission::zone::Zone;

impl Policy {
    /// The event about `unit` for one program. It waits for nothing: whoever is told is told of the decision.
    pub(super) fn event(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        zone: &Zone,
        destination: Destination,
    ) -> PlannedDelivery {
        let event = EventWork::about(unit, meaning, zone);
        PlannedDelivery { destination, content: Content::Event(Box::new(event)), after: None, quota: None }
    }

    /// The decision with all who are told of it. Where nothing is dispatched nobody is.
    pub(super) fn announced(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        zone: &Zone,
        mut decision: Decision,
    ) -> Decision {
        let Verdict::Dispatch(plan) = &mut decision.verdict else { return decision };
        let mut event = EventWork::about(unit, meaning, zone);
        event.decide(&decision.routing, &decision.rule);
        for subscriber in self.endpoints.subscribers(event.event) {
            if !plan.iter().any(|one| one.destination == subscriber) {
                plan.push(self.event(unit, meaning, zone, subscriber));
            }
        }
        for one in plan {
            if let Content::Event(work) = &mut one.content {
                work.decide(&decision.routing, &decision.rule);
            }
        }
        decision
    }
}

impl super::Endpoints {
    /// Those who want to hear of `event` without being named.
    fn subscribers(&self, event: crate::event::EventType) -> impl Iterator<Item = Destination> {
        let webhooks = self.webhooks.iter().filter(move |(_, endpoint)| endpoint.events.contains(&event));
        let agents = self.agents.iter().filter(move |(_, agent)| agent.endpoint.events.contains(&event));
        let webhooks = webhooks.map(|(target, _)| Destination::Webhook(WebhookDestination { target: target.clone() }));
        webhooks.chain(agents.map(|(target, _)| Destination::Agent(AgentDestination { target: target.clone() })))
    }
}
