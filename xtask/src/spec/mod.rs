//! The checked-in OpenAPI documents: write them, compare them, lint the one that clients are made from. Must not know how the
//! server makes them: it prints them (`dispatch openapi`) without a database.

mod document;
mod drift;
mod lint;
mod pretty;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cli::SpecCommand;
use crate::process;

pub const PATH: &str = "openapi/dispatch.json";

/// Each document, and how the server prints it.
const DOCUMENTS: [(&str, &[&str]); 2] =
    [(PATH, &["openapi"]), ("openapi/operations.json", &["openapi", "--operations"])];

pub fn run(root: &Path, command: &SpecCommand) -> Result<()> {
    match command {
        SpecCommand::Write => write(root),
        SpecCommand::Check => check(root, || server(root)).map(|note| println!("{note}")),
        SpecCommand::Lint { file, json } => {
            let note = lint(root, file, *json)?;
            // With --json, stdout is the array and nothing else.
            if !json {
                println!("{note}");
            }
            Ok(())
        }
    }
}

/// The server as a developer runs it.
fn server(root: &Path) -> Command {
    let mut command = process::cargo(root);
    command.args(["run", "-q", "-p", "dispatch-server", "--bin", "dispatch", "--"]);
    command
}

fn write(root: &Path) -> Result<()> {
    for (name, words) in DOCUMENTS {
        let text = generated(server(root), words)?;
        let path = root.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            println!("{name} is up to date");
            continue;
        }
        std::fs::create_dir_all(path.parent().unwrap_or(root)).context("cannot make the folder openapi/")?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {name}"))?;
        println!("wrote {name}; look at it with `git diff {name}` and commit it with the change that caused it");
    }
    Ok(())
}

/// Compare the checked-in documents with what the server prints.
pub fn check(root: &Path, server: impl Fn() -> Command) -> Result<String> {
    for (name, words) in DOCUMENTS {
        let Ok(checked_in) = std::fs::read_to_string(root.join(name)) else {
            bail!("{name} is missing. Run `cargo xtask spec write` and commit it.");
        };
        if let Some(drift) = drift::between(&checked_in, &generated(server(), words)?) {
            println!("{drift}");
            bail!("{name} is not what the code says. Run `cargo xtask spec write`, look at the diff, commit it.");
        }
    }
    Ok(format!("{} documents are what the code says", DOCUMENTS.len()))
}

fn generated(mut server: Command, words: &[&str]) -> Result<String> {
    let text = process::output(server.args(words))
        .context("the server must print its document without a database; mend `dispatch openapi`")?;
    serde_json::from_str::<serde::de::IgnoredAny>(&text)
        .context("`dispatch openapi` printed something that is not JSON (logs belong on stderr)")?;
    Ok(pretty::json(&text))
}

/// Check the document against the contract's rules.
pub fn lint(root: &Path, file: &Path, json: bool) -> Result<String> {
    let path = root.join(file);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}. Run `cargo xtask spec write` first.", path.display()))?;
    let document = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    let findings = lint::findings(&document);
    if json {
        println!("{}", lint::as_json(&findings));
    } else {
        findings.iter().for_each(|finding| println!("{finding}\n"));
    }
    if !findings.is_empty() {
        bail!("spec lint found {} places to mend in {}", findings.len(), file.display());
    }
    Ok(format!("{}: {} rules, no finding", file.display(), lint::rule_count()))
}
