//! `dispatch cutover run`: the whole cut-over as one command, from the checklist to the report. Each step is looked up in the
//! database before it is taken, so that whoever is killed goes on where it was. The one place that knows engine, flag and
//! backend together; it must not know how any of them does its part.

mod back;
mod backend;
mod checklist;
mod files;
mod flag;
mod interrupted;
mod markdown;
mod person;
mod recorder;
mod report;
mod standing;
mod steps;
mod verdict;
mod watching;

use super::door::Door;
use super::duration;
use super::shown::Shown;
use crate::cli::server::ServerArguments;
use crate::config::{Config, QuietHours, Role, process_env};
pub use back::rollback;
use clap::Args;
use dispatch_cutover::{Done, Event, Options, Reporter as _, Stop, Walking};
use flag::FlagDesk;
use interrupted::Interrupted;
use person::Person;
use report::{Journal, Subject};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// A name or password in an address would be in the shell's history, and in what others see of processes.
const TOLD_A_SECRET: &str = "--monitoring-url must not hold a user or a password; give an address that answers without, such \
                             as a health check's";

const INTERRUPTED: &str = "interrupted; the same command goes on from here, `dispatch cutover rollback` goes back";

/// Where the report is kept unless said.
const REPORT: &str = "cutover-report";

#[derive(Args)]
#[command(
    after_help = "On a terminal it asks before each step, or not with --yes. Killed at any moment, or stopped by an answer, the same\n\
        command goes on where it was. `dispatch cutover rollback` goes back from anywhere, with the flag.\n\n\
        Examples:\n  \
        dispatch cutover run --url https://dispatch.example\n  \
        dispatch cutover run --yes --backup-proof \"snapshot 2026-11-28 03:00\" --told \"on-call, #brokerage\" \\\n      \
        --monitoring-url https://grafana.example/d/dispatch --report reports/\n  \
        dispatch cutover run --dry-run              the checklist, and what would be done"
)]
pub struct WalkArguments {
    #[command(flatten)]
    server: ServerArguments,
    /// What proves that a backup was taken; asked for on a terminal
    #[arg(long, value_name = "TEXT")]
    backup_proof: Option<String>,
    /// Who was told; may be repeated; asked for on a terminal
    #[arg(long, value_name = "WHO")]
    told: Vec<String>,
    /// Where the monitoring answers; asked for on a terminal
    #[arg(long, value_name = "URL")]
    monitoring_url: Option<Url>,
    /// When it should be done; outside them it warns [default: CUTOVER_QUIET_HOURS, or 03:00-04:00]
    #[arg(long, value_name = "HOURS")]
    quiet_hours: Option<QuietHours>,
    /// How long tables and flag are watched after the flip
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration::parse)]
    watch: Duration,
    /// How often to look
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    watch_every: Duration,
    /// How long the old names are kept after the switch
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration::parse)]
    hold: Duration,
    /// Switch although somebody listens to an old name through Realtime
    #[arg(long)]
    accept_realtime_rename: bool,
    /// Where the report is kept, as Markdown and JSON: a folder, or a name without its ending
    #[arg(long, value_name = "PATH", default_value = REPORT)]
    report: PathBuf,
}

/// Everything that a step needs.
struct Walk<'a> {
    words: &'a WalkArguments,
    door: &'a Door,
    options: Options,
    shown: &'a Shown,
    person: Person,
    who: String,
    config: Config,
    /// Where the flag is, or why it cannot be reached.
    flag: Result<Arc<FlagDesk>, String>,
    /// The right to; none in a dry run, which changes nothing.
    walking: Option<Walking>,
    journal: Journal,
}

/// Walks from wherever everything stands to the end.
pub async fn run(words: &WalkArguments, door: &Door, mut options: Options, shown: &Shown) -> Result<Done, Stop> {
    options.watch_every = words.watch_every;
    options.hold = words.hold;
    options.accept_realtime_rename = words.accept_realtime_rename;
    if words.monitoring_url.as_ref().is_some_and(tells_a_secret) {
        return Err(Stop::Usage(TOLD_A_SECRET.to_owned()));
    }
    let person = Person::here(options.confirmed);
    if person.is_absent() && !options.dry_run {
        return Err(Stop::Usage(
            "standard input is no terminal, so nobody can be asked: say --yes, with --backup-proof, --told and \
             --monitoring-url; or look first with --dry-run"
                .to_owned(),
        ));
    }
    let config = configuration().map_err(|error| Stop::Usage(format!("{error:#}")))?;
    let flag = FlagDesk::open(&config, door).map(Arc::new).map_err(|error| format!("{error:#}"));
    let who = format!("cli:{}", crate::cli::key::account());
    let place = (!options.dry_run).then_some(&*words.report);
    // Before the report is touched: it belongs to whoever walks.
    let walking = if options.dry_run { None } else { Some(Walking::begin(door, "run").await?) };
    let database = door.url().target();
    let subject = Subject { spec: &options.spec.name, database: &database, command: "run", who: &who };
    let journal = Journal::open(place, &subject, secrets(door.url().expose()))?;
    let mut walk = Walk { words, door, options, shown, person, who, config, flag, walking, journal };
    let interrupted =
        Interrupted::listen().map_err(|error| Stop::Failed(format!("cannot listen to signals: {error}")))?;
    // Left in the middle of anything it is as if it had been killed there, but the report says so.
    let outcome = tokio::select! {
        outcome = Box::pin(walk.whole()) => outcome,
        () = interrupted.comes() => Err(Stop::Failed(INTERRUPTED.to_owned())),
    };
    walk.close(outcome)
}

impl Walk<'_> {
    /// The report ends with what the command ends with.
    fn close(&mut self, outcome: Result<Done, Stop>) -> Result<Done, Stop> {
        let (word, exit, summary) = match &outcome {
            Ok(done) => ("done".to_owned(), 0, done.summary.clone()),
            Err(stop @ Stop::RolledBack(_)) => ("rolled back".to_owned(), stop.exit_code(), stop.to_string()),
            Err(stop) => (format!("stopped: {stop}"), stop.exit_code(), stop.to_string()),
        };
        self.shown.is_in("run");
        if matches!(outcome, Err(Stop::Usage(_))) && !self.journal.is_kept() {
            return outcome; // Nothing was begun: there is nothing to report.
        }
        // What was done is done, whether or not it could be written down.
        if let Err(stop) = self.journal.close(&word, exit, &summary) {
            self.shown.tell(&Event::Note { text: stop.to_string() });
        }
        if let Some(place) = self.journal.place() {
            let line = json!({ "event": "report", "path": place.display().to_string() });
            self.shown.happened(&line, &format!("report: {}", place.display()));
        }
        outcome
    }
}

fn tells_a_secret(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// `1 replica`, `2 replicas`.
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn configuration() -> anyhow::Result<Config> {
    Ok(Config::from_env(&process_env, Role::Inspect)?)
}

/// What a report must never say.
fn secrets(url: &str) -> Vec<String> {
    let Ok(parsed) = Url::parse(url) else { return vec![url.to_owned()] };
    let in_query = parsed.query_pairs().filter(|(name, _)| name == "password").map(|(_, value)| value.into_owned());
    let mut secrets: Vec<String> = in_query.collect();
    secrets.extend(parsed.password().map(str::to_owned));
    secrets.push(url.to_owned());
    secrets
}
