//! `dispatch flag`: which contract the unprefixed legacy paths speak, set for all replicas at once, with a way back.

use super::state::DEFAULT_FOLDER;
use super::stdout::say;
use crate::compose;
use crate::config::{Config, Role, process_env};
use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use dispatch_pipeline::helm::{Acknowledged, Setting, Traffic, set};
use dispatch_pipeline::ports::flag::{ApiVersion, FlagChange, FlagLedger, FlagStore, Replica, Steering};
use dispatch_pipeline::ports::flip_watch::{FlipWatch, WatchEnd, Watched};
use dispatch_postgres::connect::{self, Pool};
use dispatch_postgres::store::{PgFlag, PgFlagLedger, PgFlipWatch};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use time::format_description::well_known::Rfc3339;

#[derive(Args)]
#[command(
    arg_required_else_help = true,
    after_help = "The flag steers /classify, /chat, /status, /webhooks/* and /api/slack_webhook, and nothing else: both contracts are\n\
        always there under /operations and under the new paths. A change is served by every replica within a second.\n\n\
        Examples:\n  \
        dispatch flag get\n  \
        dispatch flag set dispatch --reason \"cut-over\" --guard 10m\n  \
        dispatch flag set dispatch --percent 10\n  \
        dispatch flag set operations --reason \"going back\"\n  \
        dispatch flag watch"
)]
pub struct Arguments {
    /// Where `dispatch dev` keeps its database
    #[arg(long, global = true, value_name = "FOLDER", default_value = DEFAULT_FOLDER)]
    data_dir: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show the flag, and which replica serves by it
    Get,
    /// Set the flag, wait until every live replica serves by it, and show when each did
    Set(SetArguments),
    /// Show every change as it happens, until Ctrl-C
    Watch,
    /// Show who set it, when and why
    History {
        /// How many changes
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
}

#[derive(Args)]
struct SetArguments {
    /// operations or dispatch
    #[arg(value_parser = PossibleValuesParser::new(ApiVersion::ALL.map(ApiVersion::as_str)))]
    version: String,
    /// Why; it stands in the history
    #[arg(long)]
    reason: Option<String>,
    /// The share of authors that it answers; the others get the other one
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=100))]
    percent: u8,
    /// The old contract answers everybody, the new one runs beside it without effects
    #[arg(long)]
    shadow: bool,
    /// Watch errors and slow answers for this long (10m, 1h), and go back by itself when they grow
    #[arg(long, value_name = "TIME", value_parser = lasting)]
    guard: Option<Duration>,
    /// How long to wait for the last replica, in seconds
    #[arg(long, default_value_t = 10)]
    wait: u64,
}

/// 30s, 10m, 2h.
fn lasting(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time; write 30s, 10m or 2h");
    let (number, unit) = text.trim().split_at_checked(text.trim().len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        _ => None,
    };
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(wrong)
}

/// What may have gone wrong with tables that a migration brings.
const CURE: &str = "the flag cannot be reached; does the database answer, and has `dispatch migrate` run?";

struct Desk {
    store: Arc<dyn FlagStore>,
    ledger: PgFlagLedger,
    flips: PgFlipWatch,
    json: bool,
}

/// Shows or sets.
pub async fn run(arguments: Arguments) -> Result<ExitCode> {
    let url = super::key::database(&arguments.data_dir).await?;
    let pool: Pool = connect::pool(&url, 2)?;
    let desk = Desk {
        store: match compose::elsewhere(&Config::from_env(&process_env, Role::Inspect)?)? {
            Some(store) => store,
            None => Arc::new(PgFlag::listening(pool.clone())),
        },
        ledger: PgFlagLedger::new(pool.clone()),
        flips: PgFlipWatch::new(pool.clone()),
        json: arguments.json,
    };
    let outcome = match arguments.action {
        Action::Get => desk.get().await,
        Action::Set(wish) => desk.set(wish).await,
        Action::Watch => desk.watch().await,
        Action::History { limit } => desk.history(limit).await,
    };
    pool.close();
    outcome
}

impl Desk {
    async fn get(&self) -> Result<ExitCode> {
        let flag = self.store.read().await.context(CURE)?;
        let replicas: Vec<Replica> =
            self.ledger.replicas().await.context(CURE)?.into_iter().filter(Replica::is_live).collect();
        let Some(flag) = flag else {
            say(if self.json { "{}" } else { "Nobody has set the flag; the first replica to start seeds it." })?;
            return Ok(ExitCode::SUCCESS);
        };
        let watched = self.flips.state(&flag.mark).await.context(CURE)?.and_then(|state| state.left);
        if self.json {
            let mut shown = steering(flag.steering);
            shown["replicas"] = replicas.iter().map(|one| replica(one, &flag.mark)).collect();
            if let Some(left) = watched {
                shown["guard_seconds_left"] = json!(left.as_secs());
            }
            say(&shown.to_string())?;
        } else {
            say(&words(flag.steering))?;
            if let Some(left) = watched {
                say(&format!("guarded for another {} s", left.as_secs()))?;
            }
            lines(&replicas, &flag.mark)?;
            self.lately().await?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What legacy paths answered in the last hour, and where the new contract would have answered otherwise.
    async fn lately(&self) -> Result<()> {
        for (route, contract, traffic) in self.flips.recent().await.context(CURE)? {
            let Traffic { answered, failed, slow } = traffic;
            say(&format!(
                "  {route} by {}: {answered} in the last hour, {failed} failed, {slow} slow",
                contract.as_str()
            ))?;
        }
        for (route, field, times) in self.flips.differences().await.context(CURE)? {
            say(&format!("  {route}: {field} would have differed {times} times"))?;
        }
        Ok(())
    }

    async fn set(&self, wish: SetArguments) -> Result<ExitCode> {
        let before = self.store.read().await.context(CURE)?;
        let version = ApiVersion::parse(&wish.version).context("operations or dispatch")?;
        let setting = Setting {
            steering: Steering { version, percent: wish.percent, shadow: wish.shadow },
            by: format!("cli:{}", super::key::account()),
            reason: wish.reason.clone(),
            wait: Duration::from_secs(wish.wait),
        };
        let done = set(self.store.as_ref(), &self.ledger, &setting).await.context(CURE)?;
        if let Some(lasts) = wish.guard {
            let back = before.map_or(Steering::all_to(version.other()), |flag| flag.steering);
            let watched = Watched { mark: done.flag.mark.clone(), back };
            self.flips.arm(&watched, lasts).await.context(CURE)?;
        }
        self.show(&done)?;
        if !done.is_complete() {
            // It is set all the same; whoever is late takes it up by itself.
            return Ok(ExitCode::from(75));
        }
        match wish.guard {
            Some(_) => self.stand_guard(&done).await,
            None => Ok(ExitCode::SUCCESS),
        }
    }

    fn show(&self, done: &Acknowledged) -> Result<()> {
        if self.json {
            let mut shown = steering(done.flag.steering);
            shown["complete"] = json!(done.is_complete());
            shown["took_ms"] = json!(u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX));
            shown["replicas"] = done.replicas.iter().map(|one| replica(one, &done.flag.mark)).collect();
            return say(&shown.to_string());
        }
        say(&words(done.flag.steering))?;
        lines(&done.replicas, &done.flag.mark)?;
        let of = done.replicas.len();
        say(&if done.is_complete() {
            format!("{of} of {of} replicas serve by it, the last after {} ms", done.took.as_millis())
        } else {
            let late = done.replicas.iter().filter(|one| one.mark != done.flag.mark).count();
            format!("{late} of {of} replicas do not serve by it yet; they take it up by themselves")
        })
    }

    /// The replicas watch; this only tells. Whoever leaves it disarms nothing.
    async fn stand_guard(&self, done: &Acknowledged) -> Result<ExitCode> {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let Some(state) = self.flips.state(&done.flag.mark).await.context(CURE)? else {
                bail!("nobody watches this change any more");
            };
            let (said, code) = match state.end {
                None => continue,
                Some(WatchEnd::Passed) => ("passed".to_owned(), ExitCode::SUCCESS),
                Some(WatchEnd::FlippedBack(why)) => (format!("flipped back: {why}"), ExitCode::from(3)),
                Some(WatchEnd::Overtaken) => ("overtaken by another change".to_owned(), ExitCode::SUCCESS),
            };
            say(&if self.json { json!({ "guard": said }).to_string() } else { format!("guard: {said}") })?;
            return Ok(code);
        }
    }

    async fn watch(&self) -> Result<ExitCode> {
        let mut last = None;
        loop {
            let now = self.store.read().await.context(CURE)?;
            if now != last {
                if let Some(flag) = &now {
                    say(&if self.json { steering(flag.steering).to_string() } else { words(flag.steering) })?;
                }
                last = now;
            }
            let word = async {
                tokio::select! {
                    () = self.store.stirred() => {}
                    () = tokio::time::sleep(Duration::from_secs(1)) => {}
                }
            };
            tokio::select! {
                () = word => {}
                _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
            }
        }
    }

    async fn history(&self, limit: u32) -> Result<ExitCode> {
        let changes = self.ledger.history(limit.clamp(1, 1000)).await.context(CURE)?;
        for change in &changes {
            say(&if self.json { changed(change).to_string() } else { told(change) })?;
        }
        if changes.is_empty() && !self.json {
            say("Nobody has set the flag yet.")?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn steering(steering: Steering) -> Value {
    let Steering { version, percent, shadow } = steering;
    json!({ "api_version": version.as_str(), "api_base": version.base(), "percent": percent, "shadow": shadow })
}

fn words(steering: Steering) -> String {
    let Steering { version, percent, shadow } = steering;
    let share = if percent < 100 { format!(" for {percent} % of authors") } else { String::new() };
    let shadow = if shadow { "; operations answers, dispatch runs beside it without effects" } else { "" };
    format!("api_version: {}{share}{shadow}", version.as_str())
}

fn stamp(at: time::OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

fn replica(one: &Replica, mark: &str) -> Value {
    json!({ "replica": one.name, "serves": one.mark == mark, "since": stamp(one.since) })
}

fn lines(replicas: &[Replica], mark: &str) -> Result<()> {
    for one in replicas {
        let serves = if one.mark == mark { "serves by it since" } else { "does not yet; as before since" };
        say(&format!("  {} {serves} {}", one.name, stamp(one.since)))?;
    }
    Ok(())
}

fn changed(change: &FlagChange) -> Value {
    let mut shown = steering(change.flag.steering);
    shown["by"] = json!(change.by);
    shown["at"] = json!(stamp(change.at));
    if let Some(reason) = &change.reason {
        shown["reason"] = json!(reason);
    }
    shown
}

fn told(change: &FlagChange) -> String {
    let why = change.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{}  {}  by {}{why}", stamp(change.at), words(change.flag.steering), change.by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit() {
        assert_eq!(lasting("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(lasting("2h"), Ok(Duration::from_secs(7200)));
        for wrong in ["", "m", "0s", "10", "10d", "-1m", "1.5h", "é"] {
            assert!(lasting(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_and_a_shadow_are_said() {
        let part = Steering { version: ApiVersion::Dispatch, percent: 25, shadow: true };
        let said =
            "api_version: dispatch for 25 % of authors; operations answers, dispatch runs beside it without effects";
        assert_eq!(words(part), said);
        assert_eq!(words(Steering::all_to(ApiVersion::Operations)), "api_version: operations");
    }
}
