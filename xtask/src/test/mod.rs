//! `cargo xtask test`: everything CI runs, in an order that fails early and cheaply, and stops at the first failure.
//!
//! Which steps there are and how to mend each stands here; how a step works is in its own module.

mod artifacts;
mod cluster;
mod peers;
mod report;
mod runner;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, anyhow, bail};

use crate::cli::TestArgs;
use crate::metadata::Metadata;
use crate::{deny, process, spec, term, tidy};
use artifacts::{Built, CLUSTER, SERVER};
use cluster::Cluster;
use report::Report;
use runner::Runner;

/// Where tests look for PostgreSQL; set by us for the run, or by a person who has a server of their own.
const POSTGRES_URL: &str = "DISPATCH_TEST_POSTGRES";

/// What a step has to say when it did not fail.
pub enum Done {
    Passed(String),
    Skipped(String),
}

pub fn run(root: &Path, args: &TestArgs) -> Result<()> {
    let mut report = Report::default();
    let outcome = steps(root, args, &mut report);
    report.print();
    match outcome {
        Ok(()) => {
            println!("{}", term::green(&format!("cargo xtask test: all green in {}", term::time(report.took()))));
            Ok(())
        }
        Err(error) => bail!("cargo xtask test stopped. {error:#}"),
    }
}

fn steps(root: &Path, args: &TestArgs, report: &mut Report) -> Result<()> {
    // A narrowed run is somebody's inner loop; the whole project is CI's business.
    let whole = args.packages.is_empty() && args.runner_args.is_empty();
    let packages: Vec<&str> = args.packages.iter().flat_map(|name| ["-p", name]).collect();
    if !args.fast {
        report.step("fmt", "run `cargo fmt --all` (no rustfmt? `rustup component add rustfmt`)", || {
            fmt(root, &packages)
        })?;
        report.step("clippy", "mend what it names; where it is wrong, `#[expect(…, reason = …)]`", || {
            clippy(root, &packages)
        })?;
    }
    if whole {
        report.step("tidy", "each cure stands above; again with `cargo xtask tidy`", || {
            tidy::run(root).map(|()| Done::Passed(String::new()))
        })?;
        report.step("deny", "each finding names its cure; again with `cargo xtask deny`", || {
            deny::run(root).map(Done::Passed)
        })?;
    }
    let metadata = Metadata::load(root)?;
    artifacts::known(&metadata, &args.packages)?;
    let scope = runner::scope(&args.packages);
    let mut others = Vec::new();
    if peers::wanted() && (whole || args.packages.iter().any(|name| name == peers::WANTED_BY)) {
        report.step(
            "peers",
            "tests ask programs of others, in Python and JavaScript; the cure stands above",
            || {
                let (found, done) = peers::ready(root)?;
                others = found;
                Ok(Done::Passed(done))
            },
        )?;
    }
    let mut built = Built::default();
    report.step("build", "mend the compiler's error; for one crate `cargo xtask test --fast -p CRATE`", || {
        built = Built::build(root, &metadata, &scope, &args.packages)?;
        Ok(Done::Passed(String::new()))
    })?;
    if whole {
        report.step("spec drift", "run `cargo xtask spec write`, look at the diff and commit it", || {
            spec_drift(root, &metadata, &built)
        })?;
        report.step("spec lint", "each cure stands above; again with `cargo xtask spec lint`", || {
            spec_lint(root, &metadata)
        })?;
    }
    let mut owned = None;
    report.step(
        "postgres",
        "`cargo run -q -p dispatch-postgres --features testing --bin dispatch-test-cluster` says more",
        || {
            let (cluster, done) = postgres(&built)?;
            owned = cluster;
            Ok(done)
        },
    )?;
    let surroundings = Surroundings { cluster: owned.as_ref(), peers: others };
    let result = tests(root, args, &scope, &metadata, &surroundings, report);
    // Last, whatever happened: nothing may still hold a database of it.
    drop(owned);
    result
}

/// What tests find around them.
struct Surroundings<'a> {
    cluster: Option<&'a Cluster>,
    peers: Vec<(&'static str, PathBuf)>,
}

impl Surroundings<'_> {
    fn around(&self, mut command: Command) -> Command {
        command.envs(self.cluster.map(|cluster| (POSTGRES_URL, cluster.url())));
        command.envs(self.peers.iter().map(|(variable, path)| (variable, path)));
        command
    }
}

fn tests(
    root: &Path,
    args: &TestArgs,
    scope: &[String],
    metadata: &Metadata,
    surroundings: &Surroundings<'_>,
    report: &mut Report,
) -> Result<()> {
    let runner = Runner::find(root);
    let again = format!("read the failure above; one test alone: `{}`", runner.again(&args.packages));
    let mut lines = Vec::new();
    let result = report.step("tests", &again, || {
        let mut command = surroundings.around(process::cargo(root));
        command.args(runner.arguments(scope, &args.runner_args));
        let (status, kept) = process::run_keeping(&mut command, runner::is_telling)?;
        lines = kept;
        if status.success() { Ok(Done::Passed(String::new())) } else { Err(anyhow!("{}", runner.total(&lines))) }
    });
    report.summary(runner.failures(&lines), &runner.total(&lines));
    result?;
    if args.runner_args.is_empty() {
        report.step("doc tests", "mend the example in the doc comment it names", || {
            if !artifacts::has_library(metadata, &args.packages) {
                return Ok(Done::Skipped("no library among these crates".to_owned()));
            }
            let mut command = surroundings.around(process::cargo(root));
            command.args(["test", "-q", "--doc", "--all-features"]).args(scope);
            process::run(&mut command).map(|()| Done::Passed(String::new()))
        })?;
    }
    Ok(())
}

fn fmt(root: &Path, packages: &[&str]) -> Result<Done> {
    let scope = if packages.is_empty() { &["--all"][..] } else { packages };
    process::run(process::cargo(root).arg("fmt").args(scope).arg("--check"))?;
    Ok(Done::Passed(String::new()))
}

fn clippy(root: &Path, packages: &[&str]) -> Result<Done> {
    let scope = if packages.is_empty() { &["--workspace"][..] } else { packages };
    let mut command = process::cargo(root);
    command.arg("clippy").args(scope).args(["--all-targets", "--all-features", "--", "-D", "warnings"]);
    process::run(&mut command)?;
    Ok(Done::Passed(String::new()))
}

fn spec_drift(root: &Path, metadata: &Metadata, built: &Built) -> Result<Done> {
    let Some(server) = &built.server else {
        if !artifacts::exists(metadata, &SERVER) && !root.join(spec::PATH).exists() {
            return Ok(Done::Skipped(format!("there is no binary `{}` yet, and no document", SERVER.name)));
        }
        bail!("there is no binary `{}` that could print the document", SERVER.name);
    };
    let printer = || {
        let mut command = Command::new(server);
        command.current_dir(root);
        command
    };
    spec::check(root, printer).map(Done::Passed)
}

fn spec_lint(root: &Path, metadata: &Metadata) -> Result<Done> {
    if !artifacts::exists(metadata, &SERVER) && !root.join(spec::PATH).exists() {
        return Ok(Done::Skipped("there is no document yet".to_owned()));
    }
    spec::lint(root, Path::new(spec::PATH), false).map(Done::Passed)
}

fn postgres(built: &Built) -> Result<(Option<Cluster>, Done)> {
    if std::env::var_os(POSTGRES_URL).is_some() {
        return Ok((None, Done::Passed(format!("{POSTGRES_URL} is set: that server is used"))));
    }
    let Some(program) = &built.cluster else {
        return Ok((None, Done::Skipped(format!("no `{}` in these crates", CLUSTER.name))));
    };
    let cluster = Cluster::start(program)?;
    Ok((Some(cluster), Done::Passed("one throwaway cluster for this run".to_owned())))
}
