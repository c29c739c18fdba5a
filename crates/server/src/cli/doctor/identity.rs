//! Whether callers can be told apart: what is configured, and whether the published keys can be had. Shows no secret.

use super::check::Check;
use crate::compose;
use crate::config::{Config, Identity};
use dispatch_identity::{FetchError, KeySource};
use std::error::Error;
use url::Url;

/// Looks at the configuration, and fetches the key set where there is one.
pub async fn look(config: &Config) -> Vec<Check> {
    let identity = &config.identity;
    let mut checks = vec![secret(identity)];
    if let Some(url) = &identity.jwks_url {
        checks.push(published(url).await);
    }
    if identity.jwt_secret.is_some() || identity.jwks_url.is_some() {
        checks.push(claims(identity));
    }
    checks
}

fn secret(identity: &Identity) -> Check {
    const NAME: &str = "SUPABASE_JWT_SECRET";
    match (&identity.jwt_secret, &identity.jwks_url) {
        (Some(_), _) => Check::ok(NAME, "set: HS256 tokens are checked with it"),
        (None, Some(_)) => Check::off(NAME, "not set: HS256 tokens are refused, those of JWKS_URL count"),
        (None, None) => Check::off(NAME, "not set, nor is JWKS_URL: `dispatch serve` does not start")
            .cure("Copy it from Supabase: Project Settings, API, JWT."),
    }
}

async fn published(url: &Url) -> Check {
    const NAME: &str = "JWKS_URL";
    let keys = match compose::published_keys(url) {
        Ok(keys) => keys.fetch().await,
        Err(error) => return Check::fail(NAME, error.to_string()),
    };
    match keys {
        Ok(keys) if keys.is_empty() => Check::warn(NAME, "answers, without a key for RS256 or ES256")
            .cure("Rotate the project's signing keys to an asymmetric one, or set SUPABASE_JWT_SECRET."),
        Ok(keys) => Check::ok(NAME, format!("{} keys", keys.len())),
        Err(error) => Check::fail(NAME, told(&error)).cure("Check the URL, and that this machine may call it."),
    }
}

fn told(error: &FetchError) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

fn claims(identity: &Identity) -> Check {
    let found = format!("aud {:?}", identity.audience);
    match &identity.issuer {
        Some(issuer) => Check::ok("tokens", format!("{found}, iss {issuer:?}")),
        None => Check::warn("tokens", format!("{found}, of any issuer that has the secret or key"))
            .cure("Set JWT_ISSUER (Supabase: https://<project>.supabase.co/auth/v1)."),
    }
}
