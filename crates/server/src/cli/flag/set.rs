//! `dispatch flag set`: the change, the wait for every replica, and the watch over what it does. Must not know where the flag is
//! kept.

use super::guard::NOBODY;
use super::words::{lines, replica, steering, words};
use super::{CURE, Desk, cure};
use crate::cli::key;
use crate::cli::stdout::say;
use anyhow::{Context, Result, anyhow};
use clap::Args;
use clap::builder::PossibleValuesParser;
use dispatch_pipeline::helm::{Acknowledged, Guarding, SetError, Setting, begin, follow, wish};
use dispatch_pipeline::ports::flag::ApiVersion;
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Args)]
pub(super) struct SetArguments {
    /// operations or dispatch
    #[arg(value_parser = PossibleValuesParser::new(ApiVersion::ALL.map(ApiVersion::as_str)))]
    version: String,
    /// Why, in one line of at most 500 characters; it stands in the history
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    /// The share of authors that it answers; the others get the other one
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=100))]
    percent: u8,
    /// The old contract answers everybody, the new one runs beside it without effects
    #[arg(long, conflicts_with = "percent")]
    shadow: bool,
    /// Watch errors and slow answers of the new value for this long (10m, at most 24h), and go back when they grow. Ends with 3
    /// when it went back, with 4 when nobody judged it
    #[arg(long, value_name = "TIME", value_parser = lasting)]
    guard: Option<Guarding>,
    /// How long to wait for the last replica, in seconds
    #[arg(long, default_value_t = 10)]
    wait: u64,
}

fn reason(text: &str) -> Result<String, String> {
    wish::reason(text).map_err(|wrong| format!("it {wrong}"))
}

/// 30s, 10m, 2h.
fn lasting(text: &str) -> Result<Guarding, String> {
    let wrong = || format!("{text:?} is no time; write 30s, 10m or 2h");
    let (number, unit) = text.trim().split_at_checked(text.trim().len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        _ => None,
    };
    wish::guarding(seconds.ok_or_else(wrong)?).map_err(|why| format!("{text:?}: it {why}"))
}

impl Desk {
    pub(super) async fn set(&self, asked: SetArguments) -> Result<ExitCode> {
        let version = ApiVersion::parse(&asked.version).context("operations or dispatch")?;
        let steering = wish::steering(version, Some(i64::from(asked.percent)), asked.shadow);
        let setting = Setting {
            steering: steering.map_err(|wrong| anyhow!("--percent {wrong}"))?,
            by: format!("cli:{}", key::account()),
            reason: asked.reason,
            wait: Duration::from_secs(asked.wait),
            guard: asked.guard,
        };
        let begun = Instant::now();
        let (store, ledger) = (self.store.as_ref(), &self.ledger);
        let flag = begin(store, ledger, &self.flips, &setting).await;
        let flag = flag.map_err(|error| self.unset(error))?;
        let done = follow(store, ledger, flag, begun, setting.wait).await.context(CURE)?;
        self.show(&done)?;
        if !done.is_complete() {
            // It is set all the same; whoever is late takes it up by itself.
            return Ok(ExitCode::from(75));
        }
        match setting.guard {
            Some(_) => self.stand_guard(&done.flag.mark).await,
            None => Ok(ExitCode::SUCCESS),
        }
    }

    /// Which of the two did not answer.
    fn unset(&self, error: SetError) -> anyhow::Error {
        match error {
            SetError::Store(_) => anyhow::Error::new(error).context(cure(self.store.name())),
            SetError::Ledger(_) => anyhow::Error::new(error).context(CURE),
            SetError::Contended | SetError::CutOff => error.into(),
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
        say(&if done.replicas.is_empty() {
            format!("{NOBODY}: it is set, and whoever starts serves by it")
        } else if done.is_complete() {
            format!("{of} of {of} replicas serve by it, the last after {} ms", done.took.as_millis())
        } else {
            let late = done.replicas.iter().filter(|one| one.mark != done.flag.mark).count();
            format!("{late} of {of} replicas do not serve by it yet; they take it up by themselves")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit() {
        let of = |seconds| Ok(Guarding { lasts: Duration::from_secs(seconds), back: None });
        assert_eq!((lasting("10m"), lasting("24h")), (of(600), of(86_400)));
        for wrong in ["", "m", "0s", "10", "10d", "-1m", "1.5h", "é", "25h"] {
            assert!(lasting(wrong).is_err(), "{wrong}");
        }
    }
}
