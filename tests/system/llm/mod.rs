//! Language models, at a mock of their providers that we did not write: every format, and what providers do to their callers.

mod answers;
mod conversations;
mod mishaps;
mod worker;

use dispatch_classification::classifier::Listener;
use dispatch_llm::{Kind, LlmClassifier, Prices, Provider, ProviderOptions, providers};
use dispatch_mission::zone::Zone;
use dispatch_tests::harness::MockLlm;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const KEY: &str = "sk-hunter2";

/// A provider of `kind` at the mock that listens at `base`.
fn provider(kind: Kind, base: &str, timeout: Duration) -> Arc<Provider> {
    let path = if kind == Kind::OpenAi { "/v1" } else { "/" };
    let options = ProviderOptions {
        name: kind.as_str().to_owned(),
        kind,
        model: kind.default_model().to_owned(),
        base_url: Some(format!("{base}{path}").parse().unwrap()),
        api_key: Some(KEY.into()),
        prices: Some(Prices { input: 1.0, output: 4.0 }),
        timeout,
        concurrency: 4,
    };
    providers(vec![options]).unwrap().remove(0)
}

/// A classifier at the mock, with so much time that only what a test is about ends a call.
fn classifier(kind: Kind, mock: &MockLlm) -> LlmClassifier {
    LlmClassifier::new(provider(kind, mock.base(), Duration::from_secs(30)), Zone::toronto())
}

/// A sound classification as a model writes it.
fn stray() -> Value {
    json!({
        "explanations": ["asks for a lockbox"],
        "message_type": "STRAY",
        "group_key": null,
        "task_key": "SALE_ACTIVE_TASKS",
        "listing": { "type": "SALE", "address": "12 Elm St" },
        "assignee_hint": null,
        "due_date": "2026-11-27T17:00",
        "task_title": "Order a lockbox for 12 Elm St",
        "confidence": 0.93,
    })
}

fn ignore() -> Value {
    let nothing = json!({ "type": null, "address": null });
    json!({
        "explanations": ["chatter"], "message_type": "IGNORE", "group_key": null, "task_key": null, "listing": nothing,
        "assignee_hint": null, "due_date": null, "task_title": null, "confidence": 0.97,
    })
}

/// What the mock answers to whatever is asked.
fn always(response: &Value) -> Value {
    json!({ "match": {}, "response": response })
}

/// What it answers the `at`th time, from 0.
fn nth(at: u32, response: &Value) -> Value {
    json!({ "match": { "sequenceIndex": at }, "response": response })
}

fn content(content: &Value) -> Value {
    json!({ "content": content })
}

/// Writes down what it hears: attempt and text.
#[derive(Default)]
struct Ear(Mutex<Vec<(u32, String)>>);

impl Ear {
    fn heard(&self) -> Vec<(u32, String)> {
        self.0.lock().unwrap().clone()
    }

    /// What was said in the last attempt.
    fn last(&self) -> String {
        let heard = self.heard();
        let last = heard.last().map_or(0, |(attempt, _)| *attempt);
        heard.iter().filter(|(attempt, _)| *attempt == last).map(|(_, text)| text.as_str()).collect()
    }
}

impl Listener for Ear {
    fn delta(&self, _: &str, attempt: u32, text: &str) {
        self.0.lock().unwrap().push((attempt, text.to_owned()));
    }
}
