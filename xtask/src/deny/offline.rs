//! Our own check of the dependency tree: what cargo-deny would say about licences, bans and sources, from manifests
//! alone. Must not know how the tree was read.

use crate::deny::{policy::Policy, spdx};
use crate::metadata::{Metadata, Package};

/// One line per finding, each with its cure.
pub fn check(policy: &Policy, metadata: &Metadata) -> Vec<String> {
    let licences = metadata.packages.iter().filter_map(|package| licence(policy, package));
    let bans = metadata.foreign().filter_map(|package| ban(policy, package));
    let sources = metadata.foreign().filter_map(|package| source(policy, package));
    licences.chain(bans).chain(sources).collect()
}

fn licence(policy: &Policy, package: &Package) -> Option<String> {
    let Package { name, version, .. } = package;
    let cure = "Drop the crate, or allow it in deny.toml under [licenses] with a reason.";
    let Some(expression) = &package.license else {
        return Some(format!("{name} {version}: no licence in its manifest. {cure}"));
    };
    match spdx::satisfied(expression, &|licence| policy.allows(name, licence)) {
        Some(true) => None,
        Some(false) => Some(format!("{name} {version}: licence `{expression}` is not allowed. {cure}")),
        None => Some(format!("{name} {version}: cannot read the licence `{expression}`. {cure}")),
    }
}

fn ban(policy: &Policy, package: &Package) -> Option<String> {
    let Package { name, version, .. } = package;
    let ban = policy.bans.deny.iter().find(|ban| ban.name == *name)?;
    Some(format!("{name} {version}: banned, {}. `cargo tree -i {name}` shows who brings it.", ban.reason))
}

fn source(policy: &Policy, package: &Package) -> Option<String> {
    let Package { name, version, source, .. } = package;
    let source = source.as_deref().unwrap_or("a path outside the workspace");
    if policy.allows_source(source) {
        return None;
    }
    Some(format!("{name} {version}: comes from {source}. Use a release from crates.io."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(licence: &str, name: &str, source: &str) -> Vec<String> {
        let policy = Policy::parse(include_str!("../../../deny.toml")).unwrap();
        let metadata = format!(
            r#"{{"packages": [{{"id": "x", "name": "{name}", "version": "1.0.0", "license": {licence}, "source": {source},
                 "manifest_path": "/x", "dependencies": [], "targets": []}}], "workspace_members": [], "resolve": null}}"#
        );
        check(&policy, &Metadata::parse(&metadata).unwrap())
    }

    const CRATES_IO: &str = r#""registry+https://github.com/rust-lang/crates.io-index""#;

    #[test]
    fn a_good_crate_is_no_finding() {
        assert!(findings(r#""MIT OR Apache-2.0""#, "good", CRATES_IO).is_empty());
    }

    #[test]
    fn bad_crates_are_named_with_the_cure() {
        for (licence, name, source, expected) in [
            (r#""GPL-3.0-only""#, "copyleft", CRATES_IO, "licence `GPL-3.0-only` is not allowed"),
            ("null", "silent", CRATES_IO, "no licence"),
            (r#""MIT""#, "openssl-sys", CRATES_IO, "cargo tree -i openssl-sys"),
            (r#""MIT""#, "forked", r#""git+https://example.org/forked""#, "Use a release from crates.io"),
            (r#""MIT""#, "elsewhere", "null", "a path outside"),
        ] {
            let found = findings(licence, name, source);
            assert!(found.len() == 1 && found[0].contains(name) && found[0].contains(expected), "{found:?}");
        }
    }
}
