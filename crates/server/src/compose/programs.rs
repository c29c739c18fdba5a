//! Who tells programs: couriers to the endpoints and agents of the policy file, and a card for each agent. Must not know what
//! they are told.

use crate::config::{Config, Signing};
use anyhow::{Context, Result};
use dispatch_pipeline::agents::{AgentCard, AgentKind, AlwaysReady, Condition, Meter, Probe};
use dispatch_pipeline::metered::{Metered, external_name};
use dispatch_routing::courier::Courier;
use dispatch_routing::policy::Endpoint;
use dispatch_webhook::{Receiver, WebhookCourier};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who we are where nothing says how we are called.
const SOURCE: &str = "/dispatch";

/// One courier for endpoints and one for agents; also where there are none, for a delivery may be left from an older policy.
pub fn couriers(config: &Config, meter: &Arc<Meter>) -> Result<[Arc<dyn Courier>; 2]> {
    let source = config.http.public_url.as_ref().map_or_else(|| SOURCE.to_owned(), ToString::to_string);
    let endpoints = &config.routing.policy.endpoints;
    let webhooks = receivers("endpoint", endpoints.webhooks.iter(), &config.programs.webhooks)?;
    let agents = endpoints.agents.iter().map(|(name, agent)| (name, &agent.endpoint));
    let agents = receivers("agent", agents, &config.programs.agents)?;
    let to_agents = Arc::new(WebhookCourier::to_agents(source.clone(), agents));
    Ok([Arc::new(WebhookCourier::to_endpoints(source, webhooks)), Arc::new(Metered::new(to_agents, Arc::clone(meter)))])
}

fn receivers<'a>(
    what: &str,
    endpoints: impl Iterator<Item = (&'a String, &'a Endpoint)>,
    signing: &BTreeMap<String, Signing>,
) -> Result<BTreeMap<String, Receiver>> {
    let receiver = |(name, endpoint): (&String, &Endpoint)| {
        let signer = signing.get(name).and_then(|signing| signing.signer.clone());
        if signer.is_none() {
            tracing::warn!(kind = what, name, "no secret is set: every delivery there fails with no_secret");
        }
        let receiver = Receiver::new(endpoint, signer).with_context(|| format!("{what} {name} cannot be called"))?;
        Ok((name.clone(), receiver))
    };
    endpoints.map(receiver).collect()
}

/// What is shown of the configured agents.
pub fn cards(config: &Config) -> Vec<AgentCard> {
    let card = |(name, agent): (&String, &dispatch_routing::policy::ExternalAgent)| {
        let signs = config.programs.agents.get(name).is_some_and(|signing| signing.signer.is_some());
        AgentCard {
            name: external_name(name),
            kind: AgentKind::External,
            description: agent.description.clone().into(),
            capabilities: agent.capabilities.iter().map(|one| one.clone().into()).collect(),
            // Where it is called, and no more of it: a path may be a secret.
            provider: agent.endpoint.url.host_str().unwrap_or_default().to_owned(),
            model: None,
            probe: if signs { Arc::new(AlwaysReady) } else { Arc::new(Secretless) },
        }
    };
    config.routing.policy.endpoints.agents.iter().map(card).collect()
}

/// It is not called until its secret is set.
struct Secretless;

impl Probe for Secretless {
    fn condition(&self) -> Condition {
        Condition::Resting("no_secret")
    }
}
