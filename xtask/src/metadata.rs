//! What `cargo metadata` says about the workspace and its dependencies. Must not know the rules that are checked on it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

#[derive(Deserialize)]
pub struct Metadata {
    pub packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Option<Resolve>,
}

#[derive(Deserialize)]
pub struct Package {
    pub id: String,
    pub name: String,
    pub version: String,
    pub license: Option<String>,
    pub source: Option<String>,
    pub manifest_path: PathBuf,
    pub dependencies: Vec<Dependency>,
    pub targets: Vec<Target>,
}

#[derive(Deserialize)]
pub struct Dependency {
    pub name: String,
    /// `None` is a normal one; else `dev` or `build`.
    pub kind: Option<String>,
}

#[derive(Deserialize)]
pub struct Target {
    pub name: String,
    pub kind: Vec<String>,
    pub src_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDep>,
}

#[derive(Deserialize)]
struct NodeDep {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

#[derive(Deserialize)]
struct DepKind {
    kind: Option<String>,
}

impl Metadata {
    /// Ask cargo. Only this machine's platform: what is built here is downloaded already, so it works offline.
    pub fn load(root: &Path) -> Result<Self> {
        let mut command = process::cargo(root);
        command.args(["metadata", "--format-version", "1", "--all-features", "--filter-platform", &host()?]);
        let text =
            process::output(&mut command).context("cargo cannot read the workspace; mend the manifest it names")?;
        Self::parse(&text)
    }

    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("cargo metadata answered in a shape this xtask does not know")
    }

    /// The workspace's own packages.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// The packages from elsewhere.
    pub fn foreign(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| !self.workspace_members.contains(&package.id))
    }

    /// The member of that name.
    pub fn member(&self, name: &str) -> Option<&Package> {
        self.members().find(|package| package.name == name)
    }

    /// Who depends on whom outside tests, by name over the whole resolved tree.
    pub fn edges(&self) -> BTreeMap<String, BTreeSet<String>> {
        let names: BTreeMap<&str, &str> = self.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in self.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            let Some(from) = names.get(node.id.as_str()) else { continue };
            let to =
                node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev")));
            let to = to.filter_map(|dep| names.get(dep.pkg.as_str())).map(|name| (*name).to_owned());
            edges.entry((*from).to_owned()).or_default().extend(to);
        }
        edges
    }
}

impl Package {
    /// Does it build a binary of that name (whatever features it asks for)?
    pub fn has_bin(&self, name: &str) -> bool {
        self.targets.iter().any(|target| target.name == name && target.kind.iter().any(|kind| kind == "bin"))
    }

    /// The library, if it has one.
    pub fn library(&self) -> Option<&Target> {
        self.targets.iter().find(|target| target.kind.iter().any(|kind| kind == "lib" || kind == "proc-macro"))
    }
}

fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let text = process::output(Command::new(rustc).arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host; is this a real rustc?")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"{
        "packages": [
            {"id": "a 1", "name": "a", "version": "1.0.0", "license": "MIT", "source": null, "manifest_path": "/w/a/Cargo.toml",
             "dependencies": [{"name": "b", "kind": null}],
             "targets": [{"name": "a", "kind": ["lib"], "src_path": "/w/a/src/lib.rs"},
                         {"name": "tool", "kind": ["bin"], "src_path": "/w/a/src/bin/tool.rs"}]},
            {"id": "b 1", "name": "b", "version": "1.0.0", "license": null, "source": "registry+x", "manifest_path": "/r/b/Cargo.toml",
             "dependencies": [], "targets": []}],
        "workspace_members": ["a 1"],
        "resolve": {"nodes": [
            {"id": "a 1", "deps": [{"pkg": "b 1", "dep_kinds": [{"kind": "dev"}, {"kind": null}]}]},
            {"id": "b 1", "deps": [{"pkg": "a 1", "dep_kinds": [{"kind": "dev"}]}]}]}}"#;

    #[test]
    fn members_foreigners_and_edges_are_told_apart() {
        let metadata = Metadata::parse(TWO).unwrap();
        assert_eq!(metadata.members().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(metadata.foreign().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["b"]);
        let edges = metadata.edges();
        assert!(edges["a"].contains("b"), "a normal arrow counts");
        assert!(edges["b"].is_empty(), "a dev-dependency does not");
    }

    #[test]
    fn targets_are_found_by_kind() {
        let metadata = Metadata::parse(TWO).unwrap();
        let a = metadata.member("a").unwrap();
        assert!(a.has_bin("tool") && !a.has_bin("a"));
        assert_eq!(a.library().unwrap().src_path, Path::new("/w/a/src/lib.rs"));
    }
}
