//! The words of the command line and the help that teaches them. No behaviour.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The project's chores.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The project's chores. Before you push: `cargo xtask test`.",
    after_help = "Everyday use:\n  \
        cargo xtask test                      everything CI runs\n  \
        cargo xtask test --fast -p dispatch-routing   one crate, no fmt and clippy\n  \
        cargo xtask test -- retry_after       only the tests whose name contains retry_after\n  \
        cargo xtask tidy                      are layers, files and words as docs/ARCHITECTURE.md says?\n  \
        cargo xtask spec write                after a change of the HTTP surface"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run everything CI runs: fmt, clippy, tidy, deny, spec, tests
    #[command(
        after_help = "The run owns one throwaway PostgreSQL cluster and hands its URL to the tests as DISPATCH_TEST_POSTGRES; \
        it ends with the run, however the run ends. Set that variable yourself to use a server of your own.\n\n\
        Some tests of dispatch-tests ask Slack's and Twilio's own SDKs, and a mock of language models' providers: the run \
        makes a Python environment and a folder of Node.js with them once, under target/peers and target/peers-node, and \
        hands them on as DISPATCH_TEST_PEERS and DISPATCH_TEST_AIMOCK.\n\n\
        With -p or with runner arguments only fmt, clippy and the tests meant run; CI runs without them."
    )]
    Test(TestArgs),
    /// Check layers, layout, file sizes and forbidden words; names each place and its cure
    Tidy,
    /// Check licences, bans and sources against deny.toml: with cargo-deny if installed, else with a simple check of our own
    Deny,
    /// The checked-in OpenAPI documents, openapi/dispatch.json and openapi/operations.json
    Spec {
        #[command(subcommand)]
        command: SpecCommand,
    },
    /// Score a classifier on labelled messages (example `eval` of dispatch-classification); its own help: `cargo xtask eval -- --help`
    Eval(ForwardArgs),
    /// Train the local classifier's model on the labelled messages (example `train`); the same input gives the same bytes
    Train(ForwardArgs),
    /// Show the whole system at work (binary `demo` of dispatch-tests); its own help: `cargo xtask demo -- --help`
    Demo(ForwardArgs),
    /// Measure a release build (binary `bench` of dispatch-tests); its own help: `cargo xtask bench -- --help`
    Bench(ForwardArgs),
    /// The cut-over of the database of DATABASE_URL (`dispatch cutover`), or `rehearse` it on one of its own (binary `rehearse`
    /// of dispatch-tests); their own help: `cargo xtask cutover -- --help`
    Cutover(ForwardArgs),
    /// Replay the old contract of `/operations/*` and print what differs and is not documented (binary `parity` of dispatch-tests);
    /// its own help: `cargo xtask parity -- --help`
    Parity(ForwardArgs),
    /// Migrate the database of DATABASE_URL (`dispatch migrate`); its own help: `cargo xtask migrate -- --help`
    Migrate(ForwardArgs),
}

#[derive(Args, Default)]
pub struct TestArgs {
    /// Skip fmt and clippy
    #[arg(long)]
    pub fast: bool,
    /// Only this crate; may be given more than once
    #[arg(short, long = "package", value_name = "CRATE")]
    pub packages: Vec<String>,
    /// Arguments for the test runner (nextest if installed, else cargo test): filters, flags
    #[arg(last = true, value_name = "RUNNER ARGS")]
    pub runner_args: Vec<String>,
}

#[derive(Subcommand)]
pub enum SpecCommand {
    /// Write both documents from the code
    Write,
    /// Fail when one of them is not what the code says
    Check,
    /// Check the document against the contract's rules
    Lint {
        /// The document to read
        #[arg(default_value = "openapi/dispatch.json")]
        file: PathBuf,
        /// Print the findings as a JSON array
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub struct ForwardArgs {
    /// Passed on as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    pub args: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn runner_arguments_follow_two_dashes() {
        let cli = Cli::try_parse_from(["xtask", "test", "--fast", "-p", "a", "-p", "b", "--", "--fail-fast", "name"])
            .unwrap();
        let Command::Test(args) = cli.command else { panic!("test") };
        assert!(args.fast);
        assert_eq!(args.packages, ["a", "b"]);
        assert_eq!(args.runner_args, ["--fail-fast", "name"]);
    }

    #[test]
    fn forwarded_flags_need_no_dashes() {
        let cli = Cli::try_parse_from(["xtask", "eval", "--data", "x.jsonl"]).unwrap();
        let Command::Eval(args) = cli.command else { panic!("eval") };
        assert_eq!(args.args, ["--data", "x.jsonl"]);
        let Command::Demo(args) = Cli::try_parse_from(["xtask", "demo", "--", "--help"]).unwrap().command else {
            panic!("demo")
        };
        assert_eq!(args.args, ["--help"]);
    }
}
