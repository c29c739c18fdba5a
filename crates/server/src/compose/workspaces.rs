//! A Slack workspace that threw our app out, and has it installed anew: its block is lifted when Slack confirms the bot token
//! that this process was started with. Must not delay anything, and must not fail anything.

use dispatch_mission::clock::Clock;
use dispatch_mission::signal::Recipient;
use dispatch_routing::delivery_queue::DeliveryQueue;
use dispatch_slack::Installation;
use std::sync::Arc;
use std::time::Duration;

/// Between rounds of asking for what was not confirmed yet. After the last one nobody asks until the next start.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120), Duration::from_secs(600)];

/// The bot tokens to be confirmed, and where permission is kept.
pub struct Workspaces {
    /// One for each token.
    pub installations: Vec<Installation>,
    /// Where blocks are lifted.
    pub queue: Arc<dyn DeliveryQueue>,
    /// Says since when.
    pub clock: Arc<dyn Clock>,
}

impl Workspaces {
    /// Asks Slack about every token, and lifts the blocks of those that it confirms.
    pub async fn let_in(self) {
        let Self { installations, queue, clock } = &self;
        in_rounds(installations, |one| let_in(one, queue.as_ref(), clock.as_ref())).await;
    }
}

/// What is left to do about one token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Left {
    Nothing,
    /// To be tried again, not before this.
    Again(Duration),
}

/// Tries each of `all`, and what is left again, a few times.
async fn in_rounds<'a, T, F: Future<Output = Left>>(all: &'a [T], attempt: impl Fn(&'a T) -> F) {
    let mut due: Vec<&T> = all.iter().collect();
    for pause in PAUSES.into_iter().map(Some).chain([None]) {
        let (mut again, mut wish) = (Vec::new(), Duration::ZERO);
        for one in due {
            if let Left::Again(wait) = attempt(one).await {
                again.push(one);
                wish = wish.max(wait);
            }
        }
        match pause {
            Some(pause) if !again.is_empty() => tokio::time::sleep(pause.max(wish)).await,
            _ => return,
        }
        due = again;
    }
}

async fn let_in(installation: &Installation, queue: &dyn DeliveryQueue, clock: &dyn Clock) -> Left {
    // Before Slack is asked: what it says after its answer is newer than that.
    let since = clock.now();
    let workspaces = match installation.confirmed().await {
        Ok(workspaces) => workspaces,
        Err(why) => {
            let configured = installation.workspace().unwrap_or("any");
            let (code, will_retry) = (why.code, why.may_pass);
            tracing::warn!(configured, code, will_retry, "Slack did not confirm a bot token; blocks stay as they are");
            return if why.may_pass { Left::Again(why.retry_after.unwrap_or_default()) } else { Left::Nothing };
        }
    };
    for workspace in workspaces {
        match queue.allow(&Recipient::slack_workspace(&workspace), since).await {
            Ok(Some(was)) => tracing::info!(workspace, was, "our app is installed again: the workspace is written to"),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(workspace, error = ?error, "what Slack confirmed could not be noted");
                return Left::Again(Duration::ZERO);
            }
        }
    }
    Left::Nothing
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_tried_again_and_the_rest_is_not() {
        let (tried, begun) = (RefCell::new(Vec::new()), Instant::now());
        in_rounds(&["fine", "busy once", "never"], |one| {
            let mut tried = tried.borrow_mut();
            tried.push(*one);
            let left = match (*one, tried.len()) {
                ("never", _) => Left::Again(Duration::ZERO),
                ("busy once", 2) => Left::Again(Duration::from_secs(7)),
                _ => Left::Nothing,
            };
            std::future::ready(left)
        })
        .await;
        assert_eq!(tried.take(), ["fine", "busy once", "never", "busy once", "never", "never", "never", "never"]);
        assert_eq!(begun.elapsed(), Duration::from_secs(7 + 30 + 120 + 600), "a wish is honoured, and it ends");
    }
}
