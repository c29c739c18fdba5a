//! Whom the policy file names: each endpoint and agent, and whether what signs for it is there. Shows no secret and no path.

use super::check::Check;
use crate::config::{Config, Signing};
use dispatch_routing::policy::Endpoint;
use std::time::Duration;

/// One finding for each.
pub fn look(config: &Config) -> Vec<Check> {
    let lease = config.worker.settings.claim.lease;
    let endpoints = &config.routing.policy.endpoints;
    let webhooks = endpoints.webhooks.iter().filter_map(|(name, endpoint)| {
        Some(one(&format!("endpoint {name}"), endpoint, config.programs.webhooks.get(name)?, lease))
    });
    let agents = endpoints.agents.iter().filter_map(|(name, agent)| {
        Some(one(&format!("agent {name}"), &agent.endpoint, config.programs.agents.get(name)?, lease))
    });
    webhooks.chain(agents).collect()
}

fn one(name: &str, endpoint: &Endpoint, signing: &Signing, lease: Duration) -> Check {
    let host = endpoint.url.host_str().unwrap_or_default();
    // An attempt ends while its claim still holds.
    let too_long = endpoint.timeout > lease.mul_f32(0.8);
    let missing = signing.missing.join(", ");
    match (&signing.signer, signing.missing.is_empty()) {
        (None, _) => Check::warn(name, format!("{missing} not set: every delivery to {host} fails with no_secret"))
            .cure("Set it to the signing secret (whsec_…) that the receiver has, or take the table out of the policy file."),
        (Some(_), false) => Check::warn(name, format!("{host}, signed; {missing} not set, so only the first secret signs"))
            .cure("Set it while receivers change over, or take its name out of the policy file."),
        (Some(_), true) if too_long => {
            Check::warn(name, format!("{host}, signed; waited for no longer than {:?}", lease.mul_f32(0.8)))
                .cure("Raise DISPATCH_LEASE_MS to a quarter more than timeout_seconds.")
        }
        (Some(_), true) if endpoint.secrets.len() > 1 => Check::ok(name, format!("{host}, signed with both secrets")),
        (Some(_), true) => Check::ok(name, format!("{host}, signed")),
    }
}
