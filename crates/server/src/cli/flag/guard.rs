//! What is told of a guard: while it stands, and its last word. The replicas judge; this only looks. Must not know where the
//! flag is kept.

use super::Desk;
use crate::cli::stdout::say;
use anyhow::{Context, Result, bail};
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::flag::{FlagLedger, Replica};
use dispatch_pipeline::ports::flip_watch::{FlipWatch, WatchEnd, WatchState};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// How often the watch is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long the replicas may take to judge a watch that is over: two judges, of whom the first died.
const VERDICT: Duration = Duration::from_secs(10);
/// The same where nobody lives who could: whoever starts now is soon there.
const STARTS: Duration = Duration::from_secs(3);
/// What is said where nobody can judge.
pub(super) const NOBODY: &str = "no replica is alive";

/// The last word, and how the command ends.
fn last_word(end: &WatchEnd) -> (&'static str, Option<&str>, ExitCode) {
    match end {
        WatchEnd::Passed(figures) => ("passed", Some(figures), ExitCode::SUCCESS),
        WatchEnd::FlippedBack(why) => ("flipped back", Some(why), ExitCode::from(3)),
        WatchEnd::Overtaken => ("not judged", Some("somebody has set the flag meanwhile"), ExitCode::from(4)),
        WatchEnd::Unjudged(why) => ("not judged", Some(why), ExitCode::from(4)),
    }
}

/// A watch in a line.
pub(super) fn words(state: &WatchState) -> String {
    match (&state.end, state.left) {
        (Some(end), _) => {
            let (word, why, _) = last_word(end);
            why.filter(|why| !why.is_empty()).map_or(format!("guard: {word}"), |why| format!("guard: {word}: {why}"))
        }
        (None, Some(left)) if left > Duration::ZERO => format!("guarded for another {} s", left.as_secs().max(1)),
        (None, _) => "the guard's time is over, and nobody has judged it yet".to_owned(),
    }
}

/// The same for programs.
pub(super) fn shown(state: &WatchState) -> Value {
    match &state.end {
        Some(end) => {
            let (word, why, _) = last_word(end);
            json!({ "guard": word.replace(' ', "_"), "why": why.unwrap_or_default() })
        }
        None => json!({ "guard": "armed", "seconds_left": state.left.unwrap_or_default().as_secs() }),
    }
}

impl Desk {
    /// Waits for the guard's last word, and never for ever: what nobody judges in time ends here. Whoever leaves it disarms
    /// nothing. A database that is away is waited for, as the guard does.
    pub(super) async fn stand_guard(&self, mark: &str) -> Result<ExitCode> {
        let (mut over_since, mut said) = (None::<Instant>, None);
        loop {
            tokio::time::sleep(LOOK).await;
            let (state, is_alone) = match self.look_at(mark).await {
                Ok((Some(state), is_alone)) => (state, is_alone),
                Ok((None, _)) => bail!("nobody watches this change any more"),
                Err(_) => {
                    self.note(&mut said, "the database does not answer; the guard stands, and is looked at again")?;
                    continue;
                }
            };
            if let Some(end) = &state.end {
                say(&if self.json { shown(&state).to_string() } else { words(&state) })?;
                return Ok(last_word(end).2);
            }
            if is_alone {
                self.note(&mut said, &format!("{NOBODY}: nobody judges until one is"))?;
            }
            let is_over = state.left.is_none_or(|left| left.is_zero());
            let overdue = is_over.then(|| over_since.get_or_insert_with(Instant::now).elapsed());
            if overdue.is_some_and(|overdue| overdue > if is_alone { STARTS } else { VERDICT }) {
                let who = if is_alone { NOBODY } else { "no replica has looked at it in time" };
                let end = WatchEnd::Unjudged(format!("{who}; the flag stays as it was set"));
                self.flips.end(mark, &end).await.context(super::CURE)?;
            }
        }
    }

    /// Where the watch stands, and whether nobody lives who could judge.
    async fn look_at(&self, mark: &str) -> Result<(Option<WatchState>, bool), StoreUnavailable> {
        let state = self.flips.state(mark).await?;
        let is_alone = !self.ledger.replicas().await?.iter().any(Replica::is_live);
        Ok((state, is_alone))
    }

    /// Says something to people, once until something else is said.
    fn note(&self, said: &mut Option<String>, text: &str) -> Result<()> {
        if self.json || said.as_deref() == Some(text) {
            return Ok(());
        }
        *said = Some(text.to_owned());
        say(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_said_with_its_figures() {
        let ended = |end| WatchState { left: None, end: Some(end) };
        let armed = |seconds| WatchState { left: Some(Duration::from_secs(seconds)), end: None };
        for (state, words_of, guard) in [
            (armed(12), "guarded for another 12 s", "armed"),
            (armed(0), "the guard's time is over, and nobody has judged it yet", "armed"),
            (ended(WatchEnd::Passed("0 requests".into())), "guard: passed: 0 requests", "passed"),
            (ended(WatchEnd::Passed(String::new())), "guard: passed", "passed"),
            (ended(WatchEnd::FlippedBack("5 % failed".into())), "guard: flipped back: 5 % failed", "flipped_back"),
            (ended(WatchEnd::Overtaken), "guard: not judged: somebody has set the flag meanwhile", "not_judged"),
        ] {
            assert_eq!((words(&state).as_str(), &shown(&state)["guard"]), (words_of, &json!(guard)));
        }
    }
}
