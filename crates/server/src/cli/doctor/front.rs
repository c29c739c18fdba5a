//! What the front door lets through: limits, proxies, sites, and how it closes. Must not know how it does so.

use super::check::Check;
use crate::config::{Config, Origin, Rate};

/// One finding for each rule of the front door, as `dispatch serve` keeps it.
pub fn look(config: &Config) -> Vec<Check> {
    vec![
        rate("RATE_LIMIT_PER_CALLER", config.limits.per_caller, "each caller"),
        rate("RATE_LIMIT_PER_ADDRESS", config.limits.per_address, "each address, while anonymous or refused"),
        proxies(config),
        origins(config),
        Check::ok(
            "connections",
            format!(
                "at most {}; DRAIN_DELAY_MS {}",
                config.limits.max_connections,
                config.limits.drain_delay.as_millis()
            ),
        ),
    ]
}

fn rate(name: &str, rate: Option<Rate>, whom: &str) -> Check {
    match rate {
        Some(rate) => Check::ok(
            name,
            format!(
                "{}/s and {} at once for {whom} and process (`dispatch dev` limits nobody)",
                rate.per_second, rate.burst
            ),
        ),
        None => Check::off(name, "0: nobody is limited").cure("Leave it out for the default."),
    }
}

fn proxies(config: &Config) -> Check {
    const NAME: &str = "TRUSTED_PROXIES";
    let limits = &config.limits;
    if !limits.proxies.is_empty() {
        let listed: Vec<_> = limits.proxies.iter().map(ToString::to_string).collect();
        return Check::ok(NAME, listed.join(", "));
    }
    if limits.per_address.is_some() && config.http.public_url.is_some() {
        return Check::warn(
            NAME,
            "not set, but PUBLIC_URL is: behind a proxy all strangers share one address and its limit",
        )
        .cure("Set it to the proxies' networks, or RATE_LIMIT_PER_ADDRESS=0 if they limit already.");
    }
    Check::ok(NAME, "not set: an address is the connection's own, X-Forwarded-For is not believed")
}

fn origins(config: &Config) -> Check {
    const NAME: &str = "CORS_ALLOWED_ORIGINS";
    let told = |origin: &Origin| match origin {
        Origin::Any => "*".to_owned(),
        Origin::Exact(origin) => origin.clone(),
        Origin::Below { scheme, suffix } => format!("{scheme}*{suffix}"),
    };
    let all: Vec<_> = config.limits.origins.iter().map(told).collect();
    let all = all.join(", ");
    if config.limits.origins.is_empty() {
        Check::off(NAME, "not set: no other site's pages read answers")
    } else if config.limits.origins.iter().all(|origin| matches!(origin, Origin::Exact(_))) {
        Check::ok(NAME, all)
    } else {
        Check::warn(NAME, format!("{all}: any page that matches may use a token that it has")).cure(
            "Name each origin, above all where others can get a name below the same domain (vercel.app, github.io).",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::check::Verdict;
    use crate::config::Role;

    fn look_at(settings: &[(&str, &str)]) -> Vec<(String, Verdict, String)> {
        let setting = |name: &str| settings.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        let config = Config::from_env(&setting, Role::Inspect).expect("valid");
        look(&config).into_iter().map(|check| (check.name, check.verdict, check.found)).collect()
    }

    #[test]
    fn the_front_door_is_told_and_what_is_doubtful_is_warned_of() {
        let verdicts = |settings: &[(&str, &str)]| {
            look_at(settings).into_iter().map(|(_, verdict, _)| verdict).collect::<Vec<_>>()
        };
        use Verdict::{Off, Ok, Warn};
        assert_eq!(verdicts(&[]), [Ok, Ok, Ok, Off, Ok]);
        let doubtful = [
            ("RATE_LIMIT_PER_CALLER", "0"),
            ("PUBLIC_URL", "https://d.example"),
            ("CORS_ALLOWED_ORIGINS", "https://*.d.example"),
        ];
        assert_eq!(verdicts(&doubtful), [Off, Ok, Warn, Warn, Ok]);
        let sound = [
            ("TRUSTED_PROXIES", "10.0.0.0/8"),
            ("PUBLIC_URL", "https://d.example"),
            ("CORS_ALLOWED_ORIGINS", "https://d.example"),
        ];
        assert_eq!(verdicts(&sound), [Ok, Ok, Ok, Ok, Ok]);
        assert!(look_at(&[])[1].2.contains("10/s and 100 at once"));
    }
}
