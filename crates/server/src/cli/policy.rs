//! `dispatch policy`: is a policy file well, and what does it make of a message? Changes nothing.

mod check;
mod explain;
mod message;
mod shown;
#[cfg(test)]
mod tests;

use super::stdout::say;
use crate::config::{Routing, process_env};
use anyhow::Result;
use clap::{Args, Subcommand};
use dispatch_routing::policy::BUILT_IN;
use std::process::ExitCode;

#[derive(Args)]
#[command(
    arg_required_else_help = true,
    after_help = "A policy decides what is done about each message; docs/POLICY.md describes the file.\n\n\
        Examples:\n  \
        dispatch policy default > policy.toml           a file to start from\n  \
        dispatch policy check policy.toml\n  \
        DISPATCH_POLICY=policy.toml dispatch policy explain \"Please order a yard sign for 12 Elm St\""
)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Say whether a policy file is well, and show its rules
    #[command(after_help = "Without FILE it looks at the one of DISPATCH_POLICY, or at the built-in policy.\n\
            Ends with 1 when something is wrong; what is only questionable (a rule that can never match) is a warning.")]
    Check(check::Arguments),
    /// Say what each rule makes of a message, and what would be done
    #[command(
        after_help = "By the policy of DISPATCH_POLICY, AUTO_DISPATCH_THRESHOLD and DISPATCH_TIMEZONE. Nothing is done.\n\
            What a text means is what the local classifier says; --type, --key and --confidence say it instead.\n\n\
            Examples:\n  \
            dispatch policy explain \"New listing at 12 Elm, going live Friday\" --channel C0123\n  \
            dispatch policy explain --key SALE_LISTING --confidence 0.65 --source sms\n  \
            dispatch policy explain 01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e    a held unit or its classification, in DATABASE_URL"
    )]
    Explain(Box<explain::Arguments>),
    /// Print the built-in policy, as a file to start from
    Default,
}

/// Looks and shows.
pub async fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.action {
        Action::Check(arguments) => check::run(&arguments),
        Action::Explain(arguments) => explain::run(&arguments).await,
        Action::Default => say(BUILT_IN).map(|()| ExitCode::SUCCESS),
    }
}

/// The policy in force here, or that of `file`.
fn routing(file: Option<&str>) -> Result<Routing> {
    let env = |name: &str| match (name, file) {
        ("DISPATCH_POLICY", Some(file)) => Some(file.to_owned()),
        _ => process_env(name),
    };
    Ok(Routing::from_env(&env)?)
}
