//! `dispatch policy check`.

use super::super::stdout::say;
use super::{routing, shown};
use crate::config::{PolicyFile, PolicyFileError, process_env};
use crate::http::route::PolicyDto;
use anyhow::{Result, bail};
use clap::Args;
use dispatch_routing::policy::PolicyError;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Args)]
pub struct Arguments {
    /// The policy file
    file: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads the file and shows what it says, or what is wrong with it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let told = || process_env("DISPATCH_POLICY").filter(|path| !path.trim().is_empty());
    let path = arguments.file.clone().or_else(told);
    match path.as_deref().map(PolicyFile::load) {
        Some(Err(PolicyFileError::Unreadable(error))) => bail!("{}: {error}", path.unwrap_or_default()),
        Some(Err(error @ PolicyFileError::Invalid { .. })) => {
            say(&if arguments.json { wrong_json(&error) } else { error.to_string() })?;
            Ok(ExitCode::FAILURE)
        }
        Some(Ok(_)) | None => {
            let routing = routing(path.as_deref())?;
            say(&if arguments.json { right_json(&PolicyDto::from(&routing))? } else { shown::policy(&routing) })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn wrong_json(error: &PolicyFileError) -> String {
    let PolicyFileError::Invalid { path, error: PolicyError(problems) } = error else { return String::new() };
    let problems: Vec<Value> = problems
        .iter()
        .map(|problem| json!({ "line": problem.line, "column": problem.column, "message": problem.what }))
        .collect();
    format!("{:#}", json!({ "valid": false, "file": path, "problems": problems }))
}

fn right_json(policy: &PolicyDto) -> Result<String> {
    Ok(format!("{:#}", json!({ "valid": true, "problems": [], "policy": serde_json::to_value(policy)? })))
}
