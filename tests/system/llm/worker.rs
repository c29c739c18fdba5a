//! A real server with language models: who classified is kept with why, and a dead provider costs a message nothing but its
//! own time.

use super::{KEY, always, content, stray};
use crate::system;
use dispatch_tests::harness::server::Launch;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::{MockLlm, SlackMessage, System};
use serde_json::{Value, json};

/// A server that asks OpenAI, as played at `base`, first.
fn launch(system: &System, base: &str) -> Launch {
    system
        .launch()
        .env("LLM_PROVIDER", "openai")
        .env("LLM_API_KEY", KEY)
        .env("LLM_BASE_URL", &format!("{base}/v1"))
        .env("LLM_TIMEOUT_MS", "10000")
        .env("RUST_LOG", "trace")
}

/// Who classified the one unit, and how.
async fn provenance(system: &System) -> Value {
    let rows = system.ledger().rows("SELECT provenance FROM dispatch.classifications").await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0]["provenance"].clone()
}

#[tokio::test]
async fn a_message_is_classified_by_the_provider_and_nothing_of_it_is_logged() {
    let (system, mock) = (system().await, MockLlm::start(&[always(&content(&stray()))]).await);
    let server = launch(&system, mock.base()).start().await;
    system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.settled().await;
    let provenance = provenance(&system).await;
    assert_eq!((&provenance["provider"], &provenance["model"]), (&json!("openai"), &json!("gpt-4.1-mini")));
    assert_eq!(provenance["prompt_version"], "classify.v1");
    assert!(provenance["usage"]["input_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{provenance}");
    assert_eq!(provenance.get("fallback_reason"), None);
    assert_eq!(system.ledger().agent_tasks().await, 1);
    let log = server.log();
    assert!(!log.contains(KEY) && !log.contains(CLEAR_TASK) && !log.contains("Order a lockbox"), "{log}");
    system.finish().await;
}

#[tokio::test]
async fn the_next_provider_answers_when_the_first_does_not() {
    let failing = json!({ "error": { "message": "no", "type": "server_error" }, "status": 500 });
    let (system, first) = (system().await, MockLlm::start(&[always(&failing)]).await);
    let second = MockLlm::start(&[always(&content(&stray()))]).await;
    let server = launch(&system, first.base())
        .env("LLM_PROVIDER", "openai,anthropic")
        .env("ANTHROPIC_API_KEY", KEY)
        .env("ANTHROPIC_BASE_URL", second.base())
        .start()
        .await;
    system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.settled().await;
    let provenance = provenance(&system).await;
    assert_eq!(provenance["provider"], "anthropic");
    assert_eq!(provenance["fallback_reason"], "openai: server_error");
    system.finish().await;
}

#[tokio::test]
async fn a_provider_killed_in_the_middle_of_its_answer_leaves_the_message_to_the_rules() {
    let mut drip = always(&content(&stray()));
    drip["latency"] = 500.into();
    drip["chunkSize"] = 2.into();
    let (system, mut mock) = (system().await, MockLlm::start(&[drip]).await);
    let server = launch(&system, mock.base()).start().await;
    system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.eventually("the provider is asked", async || system.ledger().due().await > 0 && asked(&mock).await).await;
    mock.kill().await;
    system.settled().await;
    let provenance = provenance(&system).await;
    assert_eq!(provenance["provider"], "local");
    assert_eq!(provenance["fallback_reason"], "openai: unreachable");
    assert_eq!(system.ledger().agent_tasks().await, 1);
    // A dead provider is left alone: the next message is not slower than the rules are.
    system.say(&server, &SlackMessage::new("U2", CLEAR_TASK)).await;
    system.settled().await;
    assert_eq!(system.ledger().agent_tasks().await, 2);
    assert!(!server.log().contains(KEY), "no key in a log");
    system.finish().await;
}

async fn asked(mock: &MockLlm) -> bool {
    !mock.requests().await.is_empty()
}

#[tokio::test]
async fn without_a_key_the_rules_classify_and_say_no_word_about_it() {
    let system = system().await;
    let server = system.launch().env("LLM_PROVIDER", "gemini").start().await;
    system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.settled().await;
    let provenance = provenance(&system).await;
    assert_eq!((&provenance["provider"], provenance.get("fallback_reason")), (&json!("local"), None));
    system.finish().await;
}
