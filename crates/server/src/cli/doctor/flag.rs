//! What legacy paths begin with, how long the old contract is there, and where the flag is kept. Changes nothing.

use super::check::Check;
use crate::compose;
use crate::config::Config;
use dispatch_pipeline::ports::flag::FlagStore;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// How long the flag's store is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// One finding for each.
pub async fn look(config: &Config) -> Vec<Check> {
    let mut checks = vec![seed(config), sunset(config, OffsetDateTime::now_utc())];
    match compose::elsewhere(config) {
        Ok(None) => checks.push(Check::ok("flag", "kept in the database; `dispatch flag get` shows it")),
        Ok(Some(store)) => checks.extend(elsewhere(config, store).await),
        Err(error) => checks.push(Check::fail("EDGE_CONFIG", format!("{error:#}"))),
    }
    checks
}

fn seed(config: &Config) -> Check {
    match config.flag.seed {
        Some(version) => Check::ok(
            "API_VERSION",
            format!(
                "{}, where nobody has set the flag; operations on what began as Operations Center",
                version.as_str()
            ),
        ),
        None => Check::ok("API_VERSION", "not set: dispatch, and operations on what began as Operations Center"),
    }
}

fn sunset(config: &Config, now: OffsetDateTime) -> Check {
    let (name, day) = ("LEGACY_SUNSET", config.flag.sunset.date());
    if config.flag.sunset > now {
        return Check::ok(name, format!("clients of the old contract are told {day}"));
    }
    Check::warn(name, format!("{day} is over, and the old contract still answers"))
        .cure("Set a later day while old clients call it; see docs/DEPLOY.md for its end.")
}

async fn elsewhere(config: &Config, store: Arc<dyn FlagStore>) -> Vec<Check> {
    const NAME: &str = "EDGE_CONFIG";
    let read = match tokio::time::timeout(PATIENCE, store.read()).await {
        Ok(Ok(Some(flag))) => Check::ok(NAME, format!("answers: {}", flag.steering.version.as_str())),
        Ok(Ok(None)) => Check::ok(NAME, "answers; the first replica to start sets the flag there"),
        Ok(Err(error)) => {
            Check::fail(NAME, error.to_string()).cure("Is its connection string right, and does Vercel answer?")
        }
        Err(_) => {
            Check::fail(NAME, "does not answer in 5 s").cure("Is its connection string right, and does Vercel answer?")
        }
    };
    let token = match config.flag.vercel_token {
        Some(_) => Check::ok("VERCEL_TOKEN", "set"),
        None => Check::warn("VERCEL_TOKEN", "not set: the flag can be read there and not be set from here")
            .cure("Set it to a token that may write the Edge Config."),
    };
    vec![read, token]
}
