//! `AUTO_DISPATCH_THRESHOLD`, `DISPATCH_POLICY`, `DISPATCH_TIMEZONE`: what is decided, and in which zone.

use super::reader::Reader;
use dispatch_mission::zone::Zone;
use dispatch_routing::policy::Policy;

/// What is decided about a classification.
#[derive(Clone, Debug)]
pub struct Routing {
    /// `DISPATCH_POLICY` (a file), with `AUTO_DISPATCH_THRESHOLD` on top.
    pub policy: Policy,
    /// Where the policy is from: a path, or `built in`.
    pub policy_source: String,
    /// `DISPATCH_TIMEZONE`.
    pub zone: Zone,
}

impl Routing {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let (policy, policy_source) = policy(reader);
        Self { policy: threshold(reader, policy), policy_source, zone: zone(reader) }
    }
}

fn policy(reader: &mut Reader<'_>) -> (Policy, String) {
    const NAME: &str = "DISPATCH_POLICY";
    let Some(path) = reader.text(NAME) else { return (Policy::default(), "built in".to_owned()) };
    let read = std::fs::read_to_string(&path)
        .map_err(|error| error.to_string())
        .and_then(|text| Policy::parse(&text).map_err(|error| error.to_string()));
    let policy = read.unwrap_or_else(|error| {
        reader.problem(
            NAME,
            format!("names {path:?}, which cannot be used: {}", error.trim_end().replace('\n', "\n    ")),
            "Mend the file, or leave the variable out for the built-in policy.",
        );
        Policy::default()
    });
    (policy, path)
}

fn threshold(reader: &mut Reader<'_>, policy: Policy) -> Policy {
    const NAME: &str = "AUTO_DISPATCH_THRESHOLD";
    if reader.text(NAME).is_none() {
        return policy;
    }
    let wanted =
        reader.parsed(NAME, f32::NAN, |value| (0.0..=1.0).contains(value), "a number from 0 to 1, such as 0.7");
    policy.clone().with_threshold(wanted).unwrap_or(policy)
}

fn zone(reader: &mut Reader<'_>) -> Zone {
    const NAME: &str = "DISPATCH_TIMEZONE";
    let Some(name) = reader.text(NAME) else { return Zone::toronto() };
    Zone::named(&name).unwrap_or_else(|error| {
        reader.problem(NAME, format!("is {name:?}"), format!("It is an {error}."));
        Zone::toronto()
    })
}
