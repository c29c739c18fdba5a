//! `dispatch flag set`: the change, the wait for every replica, and the watch over what it does. Must not know where the flag is
//! kept.

use super::words::{lines, replica, steering, words};
use super::{CURE, Desk};
use crate::cli::key;
use crate::cli::stdout::say;
use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use dispatch_pipeline::helm::{Acknowledged, Setting, begin, follow};
use dispatch_pipeline::ports::flag::{ApiVersion, Steering};
use dispatch_pipeline::ports::flip_watch::{FlipWatch, WatchEnd, Watched};
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Args)]
pub(super) struct SetArguments {
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

impl Desk {
    pub(super) async fn set(&self, wish: SetArguments) -> Result<ExitCode> {
        let before = self.store.read().await.context(CURE)?;
        let version = ApiVersion::parse(&wish.version).context("operations or dispatch")?;
        let setting = Setting {
            steering: Steering { version, percent: wish.percent, shadow: wish.shadow },
            by: format!("cli:{}", key::account()),
            reason: wish.reason.clone(),
            wait: Duration::from_secs(wish.wait),
        };
        let begun = Instant::now();
        let (store, ledger) = (self.store.as_ref(), &self.ledger);
        let flag = begin(store, ledger, &setting).await.context(CURE)?;
        // Before anybody is waited for: whoever ends this command meanwhile has asked for a guard.
        if let Some(lasts) = wish.guard {
            let back = before.map_or(Steering::all_to(version.other()), |flag| flag.steering);
            self.flips.arm(&Watched { mark: flag.mark.clone(), back }, lasts).await.context(CURE)?;
        }
        let done = follow(store, ledger, flag, begun, setting.wait).await.context(CURE)?;
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
}
