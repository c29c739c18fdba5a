//! One answer of a provider, with everything that may take: its turn at the gate, repeats of what may pass, leaving out
//! what the model does not take; all of it before one deadline. Must not know what is asked or what the answer means.

use crate::failure::{Class, Failure};
use crate::gate::Use;
use crate::provider::Provider;
use dispatch_classification::classifier::{Listener, Usage};
use futures_util::StreamExt;
use rig_core::completion::{CompletionRequest, CompletionResponse, FinishReason};
use rig_core::streaming::{Item, StreamEvent};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::dispatcher::{Dispatch, with_default};
use tracing::instrument::WithSubscriber;

/// The wait before the first repeat; before each further one twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Calls for one answer. What fails so often in a row will not be mended by more.
const CALLS: u32 = 4;

/// Who listens, and which attempt is heard.
pub struct Hearing<'a> {
    listener: &'a dyn Listener,
    attempt: u32,
}

impl<'a> Hearing<'a> {
    pub fn new(listener: &'a dyn Listener) -> Self {
        Self { listener, attempt: 0 }
    }
}

/// An answer.
pub struct Answer {
    pub response: CompletionResponse,
    pub usage: Option<Usage>,
}

impl Provider {
    /// Asks until there is an answer, until `deadline` at most.
    pub async fn ask(
        &self,
        request: &CompletionRequest,
        of: Use,
        hearing: &mut Hearing<'_>,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let mut calls = 0;
        let mut last: Option<Failure> = None;
        loop {
            // Turned away by what our own calls met, the caller hears what that was.
            let pass = match self.gate.enter(of, deadline).await {
                Ok(pass) => pass,
                Err(turned) => return Err(last.unwrap_or_else(|| Failure::turned(turned))),
            };
            calls += 1;
            let (begun, asked) = (Instant::now(), self.leave_out.of(request));
            let heard = timeout_at(deadline, self.call(asked.clone(), hearing)).await;
            // A call that our own queue left hardly any time says nothing about the provider.
            let cut_short = heard.is_err() && begun.elapsed() < self.timeout / 4;
            let failure = match heard.unwrap_or_else(|_| Err(Failure::timeout())) {
                Ok(answer) => {
                    pass.tell(crate::gate::Verdict::Fine);
                    return refused(&answer.response).map_or(Ok(answer), Err);
                }
                Err(failure) => failure,
            };
            // Not whether it is news: of several first calls each has the part, and each is repeated without it.
            if let Some(part) = failure.complaint.filter(|part| part.stands_in(&asked)) {
                tracing::info!(provider = self.name(), ?part, "the model does not take it: left out for a while");
                self.leave_out.learn(part);
                pass.tell(crate::gate::Verdict::Fine);
                continue;
            }
            if !cut_short {
                pass.tell(failure.verdict());
            }
            tracing::debug!(provider = self.name(), %failure, calls, "a call to a language model failed");
            if failure.class != Class::Transient || calls == CALLS {
                return Err(failure);
            }
            let wait = failure.retry_after.unwrap_or_default().max(backoff(calls));
            if Instant::now() + wait >= deadline {
                return Err(failure);
            }
            last = Some(failure);
            sleep(wait).await;
        }
    }

    /// One call.
    #[allow(clippy::result_large_err)] // the library's error
    async fn call(&self, request: CompletionRequest, hearing: &mut Hearing<'_>) -> Result<Answer, Failure> {
        hearing.attempt += 1;
        // The library logs every request and every reply in full, at a level that somebody may switch on.
        let mut stream = with_default(&mute(), || self.handle.stream(request)).map_err(|error| Failure::of(&error))?;
        while let Some(item) = stream.next().with_subscriber(mute()).await {
            if let Item::Event(StreamEvent::Text { text, .. }) = item.map_err(|error| Failure::of(&error))? {
                hearing.listener.delta(self.name(), hearing.attempt, &text);
            }
        }
        let response = stream.finish().with_subscriber(mute()).await.map_err(|error| Failure::of(&error))?;
        let usage = self.usage(&response);
        Ok(Answer { response, usage })
    }

    fn usage(&self, response: &CompletionResponse) -> Option<Usage> {
        let (input_tokens, output_tokens) = (response.usage.input_tokens?, response.usage.output_tokens?);
        let usage = Usage { input_tokens, output_tokens, cost_micros: None };
        Some(Usage { cost_micros: self.prices.map(|prices| prices.micros(usage)), ..usage })
    }
}

/// Hears no log. Not a dispatcher of its own, whose making has every call site in the process asked anew.
fn mute() -> Dispatch {
    Dispatch::none()
}

/// Whether the model, or a filter around it, would not say it.
fn refused(response: &CompletionResponse) -> Option<Failure> {
    let empty = response.text().trim().is_empty() && response.tool_calls().next().is_none();
    let filtered = match response.finish_reason() {
        Some(FinishReason::ContentFilter) => true,
        // A word of the provider's own. With an answer it does not matter: that is looked at anyway.
        Some(FinishReason::Other(_)) => empty,
        _ => false,
    };
    // OpenAI's models refuse in a field of its own, which the library hands on as if it were the answer.
    let refusal = response.raw.pointer("/choices/0/message/refusal").and_then(serde_json::Value::as_str);
    let refuses = filtered || response.error.is_some() || refusal.is_some_and(|refusal| !refusal.is_empty());
    refuses.then(Failure::refused)
}

/// Half of it is chance, so that those who failed together do not come back together.
fn backoff(calls: u32) -> Duration {
    let full = FIRST_WAIT.saturating_mul(1 << calls.min(10).saturating_sub(1));
    full / 2 + full.mul_f64(fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests;
