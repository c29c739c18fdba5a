//! How callers are told apart in `dispatch serve`: tokens, API keys, and the staff behind a login. Must not know routes.

use super::Pools;
use super::home::AtHome;
use crate::config::{Config, Identity};
use crate::http::auth::{Access, Credentials};
use anyhow::Result;
use dispatch_identity::{BearerOptions, BearerTokens, HttpKeys, Jwks, Keyring, RememberedPeople, Rules};
use dispatch_mission::clock::SystemClock;
use dispatch_mission::people::People;
use dispatch_outbound::{Outbound, OutboundOptions, authority};
use dispatch_pipeline::ports::api_keys::ApiKeys;
use dispatch_postgres::store::{PgApiKeys, PgPeople};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The first request of a server may wait for this.
const KEYS_TIMEOUT: Duration = Duration::from_secs(5);

/// Whoever proves who he is.
///
/// # Errors
/// When the client for `JWKS_URL` cannot be set up.
pub fn access(config: &Config, pools: &Pools) -> Result<Access> {
    let keys: Arc<dyn ApiKeys> = Arc::new(PgApiKeys::new(pools.work.clone()));
    let people: Arc<dyn People> = Arc::new(PgPeople::new(pools.work.clone()));
    Ok(Access::Proved(Credentials {
        tokens: Arc::new(BearerTokens::new(bearer_options(&config.identity)?)),
        keys: Arc::new(Keyring::new(AtHome::new(keys), Arc::new(SystemClock))),
        people: Arc::new(RememberedPeople::new(AtHome::new(people))),
    }))
}

fn bearer_options(identity: &Identity) -> Result<BearerOptions> {
    Ok(BearerOptions {
        secret: identity.jwt_secret.clone(),
        keys: identity.jwks_url.as_ref().map(published_keys).transpose()?.map(Jwks::new),
        rules: Rules { audience: identity.audience.clone(), issuer: identity.issuer.clone() },
        clock: Arc::new(SystemClock),
    })
}

/// The key set at `url`. It was named by whoever runs this, and may be anywhere.
///
/// # Errors
/// When the client cannot be set up.
pub fn published_keys(url: &Url) -> Result<HttpKeys> {
    let allow = authority(url).into_iter().collect();
    let options = OutboundOptions { allow, total_timeout: KEYS_TIMEOUT, ..OutboundOptions::default() };
    Ok(HttpKeys { outbound: Outbound::new(&options)?, url: url.clone() })
}
