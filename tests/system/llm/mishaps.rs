//! What providers do to their callers: limits, faults, silence, cut lines, and their end in the middle of a word.

use super::{Ear, always, classifier, content, nth, provider, stray};
use dispatch_classification::classifier::{Classifier, ClassifierError, Listener, Silence};
use dispatch_classification::testing::unit;
use dispatch_llm::{Kind, LlmClassifier, State};
use dispatch_mission::zone::Zone;
use dispatch_tests::harness::MockLlm;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::Notify;

const TEXT: &str = "hunter2: please order a lockbox for 12 Elm St by Friday";

fn error(status: u16, code: &str) -> Value {
    json!({ "error": { "message": format!("about {TEXT}"), "type": code, "code": code }, "status": status, "retryAfter": 1 })
}

/// The port's error, with nothing in it that must not be seen.
async fn failure(classifier: &LlmClassifier) -> ClassifierError {
    let error = classifier.classify(&unit(TEXT), &Silence).await.unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string);
    let shown = format!("{error} {error:?} {source:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    error
}

#[tokio::test]
async fn what_passes_is_repeated_in_every_format() {
    for kind in Kind::ALL {
        let script =
            [nth(0, &error(429, "rate_limit_error")), nth(1, &error(500, "server_error")), nth(2, &content(&stray()))];
        let mock = MockLlm::start(&script).await;
        classifier(kind, &mock).classify(&unit(TEXT), &Silence).await.unwrap();
        assert_eq!(mock.requests().await.len(), 3, "{kind:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_has_its_word_in_every_format() {
    for kind in Kind::ALL {
        for (status, code, calls) in [(500, "server_error", 4), (401, "unauthorized", 1), (404, "invalid_answer", 1)] {
            let mock = MockLlm::start(&[always(&error(status, "some_error"))]).await;
            assert_eq!(failure(&classifier(kind, &mock)).await.code(), code, "{kind:?}");
            assert_eq!(mock.requests().await.len(), calls, "{kind:?} {status}");
        }
    }
}

#[tokio::test]
async fn a_wait_that_does_not_fit_the_budget_is_not_waited_for() {
    let mut limited = error(429, "rate_limit_error");
    limited["retryAfter"] = 60.into();
    for kind in Kind::ALL {
        let mock = MockLlm::start(&[always(&limited)]).await;
        assert_eq!(failure(&classifier(kind, &mock)).await.code(), "rate_limited");
        assert_eq!(mock.requests().await.len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_is_begun_anew_and_heard_so() {
    for kind in Kind::ALL {
        let mut cut = nth(0, &content(&stray()));
        // Slow enough for what was said to arrive before the line is cut.
        cut["latency"] = 100.into();
        cut["truncateAfterChunks"] = 4.into();
        let mock = MockLlm::start(&[cut, nth(1, &content(&stray()))]).await;
        let ear = Ear::default();
        classifier(kind, &mock).classify(&unit(TEXT), &ear).await.unwrap();
        let attempts: Vec<u32> = ear.heard().iter().map(|(attempt, _)| *attempt).collect();
        assert!(attempts.is_sorted() && attempts[0] == 1 && attempts.contains(&2), "{kind:?}: {attempts:?}");
        assert_eq!(ear.last(), stray().to_string());
    }
}

#[tokio::test]
async fn broken_json_on_the_wire_is_a_fault_of_the_provider() {
    for kind in Kind::ALL {
        let mut broken = always(&content(&stray()));
        broken["chaos"] = json!({ "malformedRate": 1.0 });
        let mock = MockLlm::start(&[broken]).await;
        let error = failure(&classifier(kind, &mock)).await;
        assert!(matches!(error, ClassifierError::Unavailable { .. }), "{kind:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_drip_slower_than_the_budget_is_too_slow() {
    for kind in Kind::ALL {
        let mut drip = always(&content(&stray()));
        // A piece a second: it would take minutes.
        drip["latency"] = 1000.into();
        drip["chunkSize"] = 2.into();
        let mock = MockLlm::start(&[drip]).await;
        let hurried = LlmClassifier::new(provider(kind, mock.base(), Duration::from_millis(2500)), Zone::toronto());
        assert_eq!(failure(&hurried).await.code(), "timeout", "{kind:?}");
    }
}

/// Says when the first piece is heard.
#[derive(Default)]
struct First(Notify);

impl Listener for First {
    fn delta(&self, _: &str, _: u32, _: &str) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_provider_killed_in_the_middle_of_a_word_is_unreachable_and_then_left_alone() {
    for kind in Kind::ALL {
        let mut drip = always(&content(&stray()));
        drip["latency"] = 200.into();
        drip["chunkSize"] = 5.into();
        let mut mock = MockLlm::start(&[drip]).await;
        let provider = provider(kind, mock.base(), Duration::from_secs(30));
        let classifier = LlmClassifier::new(provider.clone(), Zone::toronto());
        let first = First::default();
        let (messages, killing) = (unit(TEXT), async {
            first.0.notified().await;
            mock.kill().await;
        });
        let (outcome, ()) = tokio::join!(classifier.classify(&messages, &first), killing);
        assert_eq!(outcome.unwrap_err().code(), "unreachable", "{kind:?}");
        // Four of five failures; the next one opens the circuit.
        assert_eq!(provider.state(), State::Closed);
        assert_eq!(failure(&classifier).await.code(), "unreachable");
        assert!(matches!(provider.state(), State::Open { .. }), "{provider:?}");
        assert_eq!(failure(&classifier).await.code(), "circuit_open");
    }
}
