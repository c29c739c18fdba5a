//! What becomes of good answers, bad ones and none.

use super::*;
use crate::fake::{Ear, Reply, Script, TEXT};
use dispatch_classification::classification::Meaning;
use dispatch_classification::classifier::Silence;
use dispatch_classification::taxonomy::TaskKey;
use dispatch_classification::testing::unit;
use serde_json::json;
use std::time::Duration;

fn good() -> String {
    json!({
        "explanations": ["asks for a lockbox"],
        "message_type": "STRAY",
        "group_key": null,
        "task_key": "SALE_ACTIVE_TASKS",
        "listing": { "type": "SALE", "address": "12 Elm St" },
        "assignee_hint": null,
        "due_date": null,
        "task_title": "Order a lockbox",
        "confidence": 0.9,
    })
    .to_string()
}

fn two_keys() -> String {
    good().replace(r#""group_key":null"#, r#""group_key":"SALE_LISTING""#)
}

fn classifier(script: &Script) -> LlmClassifier {
    LlmClassifier::new(script.provider(), Zone::toronto())
}

#[tokio::test(start_paused = true)]
async fn an_answer_has_its_provenance() {
    let script = Script::of([Reply::says(&good())]);
    let ear = Ear::default();
    let classified = classifier(&script).classify(&unit(TEXT), &ear).await.expect("a classification");
    assert_eq!(classified.classification.meaning, Meaning::Stray(TaskKey::SaleActiveTasks));
    let provenance = Provenance {
        provider: "mock".to_owned(),
        model: "mock-1-0611".to_owned(),
        prompt_version: Some("classify.v1".to_owned()),
        latency_us: 0,
        usage: Some(Usage { input_tokens: 1000, output_tokens: 100, cost_micros: Some(700) }),
        fallback_reason: None,
    };
    assert_eq!(classified.provenance, provenance);
    assert_eq!(ear.heard(), [(1, good())]);
}

#[tokio::test(start_paused = true)]
async fn a_broken_rule_is_named_once_and_both_answers_are_paid_for() {
    let script = Script::of([Reply::says(&two_keys()), Reply::says(&good())]);
    let ear = Ear::default();
    let classified = classifier(&script).classify(&unit(TEXT), &ear).await.expect("a classification");
    assert_eq!(classified.classification.meaning, Meaning::Stray(TaskKey::SaleActiveTasks));
    let usage = Usage { input_tokens: 2000, output_tokens: 200, cost_micros: Some(1400) };
    assert_eq!(classified.provenance.usage, Some(usage));
    assert_eq!(ear.heard(), [(1, two_keys()), (2, good())], "the second answer begins anew");
    let again = &script.sent()[1]["messages"];
    assert_eq!(again.as_array().map(Vec::len), Some(4));
    let named = again[3].to_string();
    assert!(named.contains("STRAY needs task_key, and group_key must be null"), "{named}");
}

#[tokio::test(start_paused = true)]
async fn two_bad_answers_are_unusable_and_say_nothing_of_themselves() {
    for bad in [two_keys(), "hunter2 is no JSON".to_owned(), String::new(), "{\"explanations\":[".to_owned()] {
        let script = Script::of([Reply::says(&bad), Reply::says(&bad)]);
        let error = classifier(&script).classify(&unit(TEXT), &Silence).await.expect_err("unusable");
        assert!(matches!(error, ClassifierError::Unusable { code: "invalid_answer", .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        assert_eq!(script.calls(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_question_stands_under_the_first_ones_deadline() {
    let script = Script::of([Reply::status(500), Reply::says("no JSON"), Reply::Silence]);
    let begun = Instant::now();
    let error = classifier(&script).classify(&unit(TEXT), &Silence).await.expect_err("too slow");
    assert!(matches!(error, ClassifierError::Unavailable { code: "timeout", .. }), "{error:?}");
    assert_eq!(begun.elapsed(), Duration::from_secs(8));
}

#[tokio::test(start_paused = true)]
async fn failures_keep_their_words() {
    for (reply, unavailable, code) in [
        (Reply::status(401), true, "unauthorized"),
        (Reply::Silence, true, "timeout"),
        (Reply::Status(429, Some(60), String::new()), true, "rate_limited"),
        (Reply::status(404), false, "invalid_answer"),
        (Reply::Status(400, None, r#"{"error":{"code":"content_filter"}}"#.to_owned()), false, "refused"),
    ] {
        let script = Script::of([reply]);
        let error = classifier(&script).classify(&unit(TEXT), &Silence).await.expect_err(code);
        assert_eq!((error.is_retryable(), error.code()), (unavailable, code));
    }
}
