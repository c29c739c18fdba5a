//! `AUTO_DISPATCH_THRESHOLD`, `DISPATCH_POLICY`, `DISPATCH_TIMEZONE`: what is decided, and in which zone.

use super::policy_file::{PolicyFile, PolicyOrigin};
use super::reader::{ConfigError, Reader};
use dispatch_mission::zone::Zone;
use dispatch_routing::policy::Policy;

/// What is decided about a classification.
#[derive(Clone, Debug)]
pub struct Routing {
    /// `DISPATCH_POLICY` (a file), with `AUTO_DISPATCH_THRESHOLD` on top.
    pub policy: Policy,
    /// Where the policy is from.
    pub origin: PolicyOrigin,
    /// Whether the threshold is the one of `AUTO_DISPATCH_THRESHOLD`.
    pub threshold_is_set: bool,
    /// `DISPATCH_TIMEZONE`.
    pub zone: Zone,
}

impl Routing {
    /// Reads this section alone.
    ///
    /// # Errors
    /// [`ConfigError`] with every mistake in it.
    pub fn from_env(env: &impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(env);
        let routing = Self::read(&mut reader);
        reader.finish(routing)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let PolicyFile { policy, origin } = policy(reader);
        let threshold = threshold(reader);
        let changed = threshold.and_then(|threshold| policy.clone().with_threshold(threshold).ok());
        Self { threshold_is_set: changed.is_some(), policy: changed.unwrap_or(policy), origin, zone: zone(reader) }
    }
}

fn policy(reader: &mut Reader<'_>) -> PolicyFile {
    const NAME: &str = "DISPATCH_POLICY";
    let Some(path) = reader.text(NAME) else { return PolicyFile::built_in() };
    PolicyFile::load(&path).unwrap_or_else(|error| {
        reader.problem(
            NAME,
            format!("names {path:?}, which cannot be used: {}", error.to_string().replace('\n', "\n    ")),
            "Mend the file (`dispatch policy check` tells whether it is well), or leave the variable out for the built-in \
             policy.",
        );
        PolicyFile::built_in()
    })
}

fn threshold(reader: &mut Reader<'_>) -> Option<f32> {
    const NAME: &str = "AUTO_DISPATCH_THRESHOLD";
    reader.text(NAME)?;
    let wanted =
        reader.parsed(NAME, f32::NAN, |value| (0.0..=1.0).contains(value), "a number from 0 to 1, such as 0.7");
    (!wanted.is_nan()).then_some(wanted)
}

fn zone(reader: &mut Reader<'_>) -> Zone {
    const NAME: &str = "DISPATCH_TIMEZONE";
    let Some(name) = reader.text(NAME) else { return Zone::toronto() };
    Zone::named(&name).unwrap_or_else(|error| {
        reader.problem(NAME, format!("is {name:?}"), format!("It is an {error}."));
        Zone::toronto()
    })
}
