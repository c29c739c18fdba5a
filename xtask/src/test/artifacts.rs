//! Building what the run needs and finding the programs in it. Built with the tests' own features, so that nothing is
//! compiled twice. Must not run anything it built.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::metadata::Metadata;
use crate::process;

/// A program of the workspace that the run starts itself.
pub struct Program {
    pub package: &'static str,
    pub name: &'static str,
}

pub const SERVER: Program = Program { package: "dispatch-server", name: "dispatch" };
pub const CLUSTER: Program = Program { package: "dispatch-postgres", name: "dispatch-test-cluster" };

#[derive(Default)]
pub struct Built {
    pub server: Option<PathBuf>,
    pub cluster: Option<PathBuf>,
}

impl Built {
    pub fn build(root: &Path, metadata: &Metadata, scope: &[String], packages: &[String]) -> Result<Self> {
        let messages = build(root, &[&["--all-features", "--bins", "--tests"], words(scope).as_slice()].concat())?;
        let mut built = Self { server: executable(&messages, &SERVER), cluster: executable(&messages, &CLUSTER) };
        // A few crates only: the cluster is built apart, when one of them wants a database.
        if built.cluster.is_none() && wants_database(metadata, packages) && exists(metadata, &CLUSTER) {
            let messages = build(root, &["-p", CLUSTER.package, "--features", "testing", "--bin", CLUSTER.name])?;
            built.cluster = executable(&messages, &CLUSTER);
        }
        Ok(built)
    }
}

fn words(scope: &[String]) -> Vec<&str> {
    scope.iter().map(String::as_str).collect()
}

fn build(root: &Path, args: &[&str]) -> Result<String> {
    let mut command = process::cargo(root);
    command.arg("build").args(args).args(["--message-format", "json-render-diagnostics"]);
    process::output(&mut command)
}

/// The path of a program among cargo's messages; its unit tests, built under the same name, are not it.
fn executable(messages: &str, program: &Program) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut ours = messages.filter(|message| {
        message.pointer("/target/name").and_then(Value::as_str) == Some(program.name)
            && message.pointer("/target/kind/0").and_then(Value::as_str) == Some("bin")
            && message.pointer("/profile/test") == Some(&Value::Bool(false))
    });
    ours.find_map(|message| message.get("executable").and_then(Value::as_str).map(PathBuf::from))
}

/// Is there a package that builds the program?
pub fn exists(metadata: &Metadata, program: &Program) -> bool {
    metadata.member(program.package).is_some_and(|package| package.has_bin(program.name))
}

/// Fail early on a crate that does not exist.
pub fn known(metadata: &Metadata, packages: &[String]) -> Result<()> {
    for name in packages {
        if metadata.member(name).is_none() {
            let all: Vec<&str> = metadata.members().map(|package| package.name.as_str()).collect();
            bail!("there is no crate `{name}`; there are {}", all.join(", "));
        }
    }
    Ok(())
}

/// Has one of these crates (all, if none is named) a library, that doc tests could be in?
pub fn has_library(metadata: &Metadata, packages: &[String]) -> bool {
    let meant = metadata.members().filter(|package| packages.is_empty() || packages.contains(&package.name));
    meant.into_iter().any(|package| package.library().is_some())
}

/// Does one of these crates reach the database adapter, tests included?
fn wants_database(metadata: &Metadata, packages: &[String]) -> bool {
    let mut due: Vec<&str> = packages.iter().map(String::as_str).collect();
    let mut seen: Vec<&str> = Vec::new();
    while let Some(name) = due.pop() {
        if name == CLUSTER.package {
            return true;
        }
        if let Some(package) = metadata.member(name).filter(|_| !seen.contains(&name)) {
            seen.push(name);
            due.extend(package.dependencies.iter().map(|dependency| dependency.name.as_str()));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_and_not_its_unit_tests() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"dispatch","kind":["bin"]},"profile":{"test":true},"executable":"/t/deps/dispatch-1"}
not json
{"reason":"compiler-artifact","target":{"name":"dispatch","kind":["lib"]},"profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","target":{"name":"dispatch","kind":["bin"]},"profile":{"test":false},"executable":"/t/debug/dispatch"}"#;
        assert_eq!(executable(messages, &SERVER), Some(PathBuf::from("/t/debug/dispatch")));
        assert_eq!(executable(messages, &CLUSTER), None);
    }

    fn metadata() -> Metadata {
        let package = |name: &str, uses: &str| {
            format!(
                r#"{{"id": "{name}", "name": "{name}", "version": "1.0.0", "license": null, "source": null, "manifest_path": "/w",
                    "dependencies": [{uses}], "targets": []}}"#
            )
        };
        let packages = [
            package("dispatch-postgres", ""),
            package(
                "dispatch-pipeline",
                r#"{"name": "dispatch-postgres", "kind": "dev"}, {"name": "dispatch-mission", "kind": null}"#,
            ),
            package("dispatch-mission", r#"{"name": "serde", "kind": null}"#),
        ];
        let members = r#"["dispatch-postgres", "dispatch-pipeline", "dispatch-mission"]"#;
        let text =
            format!(r#"{{"packages": [{}], "workspace_members": {members}, "resolve": null}}"#, packages.join(","));
        Metadata::parse(&text).unwrap()
    }

    #[test]
    fn a_database_is_wanted_by_who_reaches_the_adapter() {
        let wants = |name: &str| wants_database(&metadata(), &[name.to_owned()]);
        assert!(wants("dispatch-postgres") && wants("dispatch-pipeline") && !wants("dispatch-mission"));
    }

    #[test]
    fn an_unknown_crate_is_named() {
        let error = known(&metadata(), &["dispatch-typo".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("dispatch-typo") && error.contains("dispatch-mission"), "{error}");
    }
}
