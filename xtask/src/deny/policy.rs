//! The part of `deny.toml` that our own check understands. Must not know the dependency tree.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Policy {
    pub licenses: Licenses,
    pub bans: Bans,
    pub sources: Sources,
}

#[derive(Deserialize)]
pub struct Licenses {
    pub allow: Vec<String>,
    #[serde(default)]
    pub exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
pub struct Exception {
    #[serde(rename = "crate", alias = "name")]
    pub name: String,
    pub allow: Vec<String>,
}

#[derive(Deserialize)]
pub struct Bans {
    #[serde(default)]
    pub deny: Vec<Ban>,
}

#[derive(Deserialize)]
pub struct Ban {
    #[serde(rename = "crate", alias = "name")]
    pub name: String,
    #[serde(default)]
    pub reason: String,
}

#[derive(Deserialize)]
pub struct Sources {
    #[serde(rename = "allow-registry")]
    pub allow_registry: Vec<String>,
}

impl Policy {
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not what the licence check expects", path.display()))
    }

    pub fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// May a crate of that name be under this licence?
    pub fn allows(&self, name: &str, licence: &str) -> bool {
        let exceptions = self.licenses.exceptions.iter().filter(|exception| exception.name == name);
        let allowed = exceptions.flat_map(|exception| &exception.allow).chain(&self.licenses.allow);
        allowed.into_iter().any(|one| one == licence)
    }

    /// Is it from a registry on the list? Cargo writes `registry+URL` or `sparse+URL`.
    pub fn allows_source(&self, source: &str) -> bool {
        let url = source.strip_prefix("registry+").or_else(|| source.strip_prefix("sparse+"));
        let crates_io = |url: &str| url.trim_end_matches('/') == "https://index.crates.io";
        url.is_some_and(|url| crates_io(url) || self.sources.allow_registry.iter().any(|one| one == url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_file_is_understood() {
        let policy = Policy::parse(include_str!("../../../deny.toml")).unwrap();
        assert!(policy.allows("any", "MIT") && !policy.allows("any", "AGPL-3.0-only"));
        assert!(policy.bans.deny.iter().any(|ban| ban.name == "openssl-sys" && !ban.reason.is_empty()));
    }

    #[test]
    fn an_exception_is_for_one_crate() {
        let policy = Policy::parse(
            "[licenses]\nallow = [\"MIT\"]\nexceptions = [{ crate = \"a\", allow = [\"MPL-2.0\"] }]\n[bans]\n[sources]\nallow-registry = []",
        )
        .unwrap();
        assert!(policy.allows("a", "MPL-2.0") && !policy.allows("b", "MPL-2.0"));
    }

    #[test]
    fn only_listed_registries_are_sources() {
        let policy = Policy::parse(include_str!("../../../deny.toml")).unwrap();
        assert!(policy.allows_source("registry+https://github.com/rust-lang/crates.io-index"));
        assert!(!policy.allows_source("git+https://example.org/x#abc"));
        assert!(!policy.allows_source("registry+https://example.org/index"));
    }
}
