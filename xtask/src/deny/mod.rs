//! Licences, bans and sources: with cargo-deny where it works without a network, else with a simple check of our own.
//!
//! Must not know the lists themselves: they stand in `deny.toml`, for both.

mod offline;
mod policy;
mod spdx;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::metadata::Metadata;
use crate::process;
use policy::Policy;

/// Check, and say in one line which of the two did it.
pub fn run(root: &Path) -> Result<String> {
    if !process::has_cargo_tool(root, "deny") {
        return by_ourselves(root, "cargo-deny is not installed");
    }
    if !works_offline(root) {
        return by_ourselves(root, "cargo-deny wants crates that are not downloaded: `cargo fetch`");
    }
    with_cargo_deny(root)
}

/// cargo-deny looks at all platforms; a build downloads the crates of one.
fn works_offline(root: &Path) -> bool {
    let mut probe = process::cargo(root);
    probe.args(["metadata", "--offline", "--all-features", "--format-version", "1"]);
    probe.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn with_cargo_deny(root: &Path) -> Result<String> {
    let check = |what: &[&str]| process::run(process::cargo(root).args(["deny", "--offline", "check"]).args(what));
    check(&["bans", "licenses", "sources"]).context("mend the dependency, or deny.toml if it is acceptable")?;
    // Advisories live in a database that cargo-deny clones; without a copy there is nothing to ask offline.
    if advisory_database().is_none() {
        return Ok(
            "cargo-deny: bans, licences, sources; no advisories (no local database: `cargo deny fetch`)".to_owned()
        );
    }
    check(&["advisories"])
        .context("update the crate (`cargo update -p NAME`), or list it under [advisories] ignore")?;
    Ok("cargo-deny: bans, licences, sources, advisories as of the local database".to_owned())
}

fn advisory_database() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")))?;
    let folder = home.join("advisory-dbs");
    folder.read_dir().ok()?.flatten().next().map(|entry| entry.path())
}

fn by_ourselves(root: &Path, why: &str) -> Result<String> {
    let policy = Policy::load(&root.join("deny.toml"))?;
    let metadata = Metadata::load(root)?;
    let findings = offline::check(&policy, &metadata);
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} in the dependency tree against deny.toml", counted(findings.len()));
    }
    let crates = metadata.foreign().count();
    Ok(format!("own check ({why}): licences, bans, sources of {crates} crates; no advisories"))
}

fn counted(count: usize) -> String {
    if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") }
}
