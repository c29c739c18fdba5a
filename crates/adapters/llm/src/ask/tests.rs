//! Repeats, budgets and the breaker, on a clock of the test's own.

use super::*;
use crate::fake::{Ear, KEY, Reply, Script, TEXT};
use crate::gate::State;
use dispatch_classification::classifier::Silence;
use rig_core::message::Message;
use serde_json::json;
use std::sync::{Arc, Mutex};

const SECOND: Duration = Duration::from_secs(1);

fn question() -> CompletionRequest {
    CompletionRequest::new(Message::user(TEXT)).temperature(0.0).output_schema(crate::answer::schema())
}

/// Asks with eight seconds for everything.
async fn ask(provider: &Provider) -> Result<Answer, Failure> {
    provider.ask(&question(), Use::Intake, &mut Hearing::new(&Silence), Instant::now() + provider.timeout).await
}

async fn code(provider: &Provider) -> &'static str {
    ask(provider).await.err().expect("no answer").code
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_heard_in_pieces_and_counted() {
    let script = Script::of([Reply::says("good morning")]);
    let (provider, ear) = (script.provider(), Ear::default());
    let answer = provider
        .ask(&question(), Use::Intake, &mut Hearing::new(&ear), Instant::now() + SECOND)
        .await
        .expect("an answer");
    assert_eq!(answer.response.text(), "good morning");
    assert_eq!(answer.response.model(), Some("mock-1-0611"));
    assert_eq!(ear.heard(), [(1, "good morning".to_owned())]);
    let usage = Usage { input_tokens: 1000, output_tokens: 100, cost_micros: Some(700) };
    assert_eq!(answer.usage, Some(usage));
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_repeated_and_each_attempt_is_heard_anew() {
    let script = Script::of([
        Reply::status(503),
        Reply::Unreachable,
        Reply::Cut(vec!["half of ".to_owned()]),
        Reply::says("the answer"),
    ]);
    let (provider, ear) = (script.provider(), Ear::default());
    let deadline = Instant::now() + 8 * SECOND;
    let answer = provider.ask(&question(), Use::Intake, &mut Hearing::new(&ear), deadline).await.expect("an answer");
    assert_eq!((answer.response.text().as_str(), script.calls()), ("the answer", 4));
    assert_eq!(ear.heard(), [(3, "half of ".to_owned()), (4, "the answer".to_owned())]);
    assert_eq!(provider.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_given_up_after_four_calls() {
    for (reply, expected) in [
        (&(|| Reply::status(500)) as &dyn Fn() -> Reply, "server_error"),
        (&|| Reply::status(429), "rate_limited"),
        (&|| Reply::status(408), "timeout"),
        (&|| Reply::Unreachable, "unreachable"),
        (&|| Reply::Cut(Vec::new()), "unreachable"),
        (&|| Reply::Status(200, None, "<html>a proxy's page</html>".to_owned()), "unreachable"),
    ] {
        let script = Script::of((0..4).map(|_| reply()));
        assert_eq!((code(&script.provider()).await, script.calls()), (expected, 4));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_person_must_mend_is_not_repeated() {
    for (status, expected) in
        [(401, "unauthorized"), (403, "unauthorized"), (400, "invalid_answer"), (404, "invalid_answer")]
    {
        let script = Script::of([Reply::status(status)]);
        assert_eq!((code(&script.provider()).await, script.calls()), (expected, 1), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_providers_wait_is_kept_in_full_when_it_fits_and_ends_the_call_when_it_does_not() {
    let script = Script::of([Reply::Status(429, Some(7), String::new()), Reply::says("at last")]);
    let begun = Instant::now();
    ask(&script.provider()).await.expect("an answer");
    assert!(begun.elapsed() >= 7 * SECOND, "{:?}", begun.elapsed());

    let script = Script::of([Reply::Status(429, Some(8), String::new())]);
    let provider = script.provider();
    let begun = Instant::now();
    assert_eq!((code(&provider).await, begun.elapsed()), ("rate_limited", Duration::ZERO));
    // The others keep it too, without a call.
    assert_eq!((code(&provider).await, script.calls()), ("rate_limited", 1));
    tokio::time::advance(8 * SECOND).await;
    script.then([Reply::says("now")]);
    ask(&provider).await.expect("an answer");
}

#[tokio::test(start_paused = true)]
async fn silence_and_a_stalled_stream_cost_the_budget_and_no_more() {
    for reply in [Reply::Silence, Reply::Stalls] {
        let script = Script::of([reply]);
        let begun = Instant::now();
        assert_eq!((code(&script.provider()).await, script.calls()), ("timeout", 1));
        assert_eq!(begun.elapsed(), 8 * SECOND);
    }
    // Repeats and the wait before them stand under the same deadline.
    let script = Script::of([Reply::status(500), Reply::status(500), Reply::Silence]);
    let begun = Instant::now();
    assert_eq!((code(&script.provider()).await, begun.elapsed()), ("timeout", 8 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_turn_counts_and_says_nothing_about_the_provider() {
    let script = Script::of((0..8).map(|_| Reply::Silence));
    let provider = script.provider_of(1);
    let begun = Instant::now();
    let (first, second) = tokio::join!(code(&provider), code(&provider));
    assert_eq!(begun.elapsed(), 8 * SECOND);
    assert_eq!((first, second, script.calls()), ("timeout", "busy", 1));
    assert_eq!(provider.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_dead_provider_costs_nothing_after_five_failures_and_one_call_finds_it_alive() {
    let script = Script::of((0..5).map(|_| Reply::status(500)));
    let provider = script.provider();
    assert_eq!(code(&provider).await, "server_error");
    assert_eq!(code(&provider).await, "server_error", "turned away by what it met itself");
    let begun = Instant::now();
    assert_eq!((code(&provider).await, begun.elapsed()), ("circuit_open", Duration::ZERO));
    assert_eq!(script.calls(), 5);
    let State::Open { retry_in, .. } = provider.state() else { panic!("{provider:?}") };
    tokio::time::advance(retry_in).await;
    assert_eq!(provider.state(), State::HalfOpen);
    script.then([Reply::says("alive")]);
    ask(&provider).await.expect("an answer");
    assert_eq!(provider.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_or_a_wrong_model_does_not_cost_a_call_per_message() {
    let script = Script::of([Reply::status(401)]);
    let provider = script.provider();
    let codes = [code(&provider).await, code(&provider).await, code(&provider).await];
    assert_eq!((codes, script.calls()), (["unauthorized", "circuit_open", "circuit_open"], 1));

    let script = Script::of((0..5).map(|_| Reply::status(404)));
    let provider = script.provider();
    for _ in 0..5 {
        assert_eq!(code(&provider).await, "invalid_answer");
    }
    assert_eq!((code(&provider).await, script.calls()), ("circuit_open", 5));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_frees_its_slot_and_says_nothing() {
    let script = Script::of([Reply::Silence, Reply::says("next")]);
    let provider = script.provider_of(1);
    tokio::time::timeout(SECOND, ask(&provider)).await.err().expect("it left");
    ask(&provider).await.expect("an answer");
    assert_eq!(provider.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_the_model_does_not_take_is_left_out_for_a_while() {
    let script = Script::of([
        Reply::Status(400, None, r#"{"error":{"message":"response_format json_schema is not supported"}}"#.to_owned()),
        Reply::Status(400, None, r#"{"error":{"message":"temperature must be 1"}}"#.to_owned()),
        Reply::says("one"),
        Reply::says("two"),
    ]);
    let provider = script.provider();
    for _ in 0..2 {
        ask(&provider).await.expect("an answer");
    }
    let has: Vec<_> = script
        .sent()
        .iter()
        .map(|body| (body.get("response_format").is_some(), body.get("temperature").is_some()))
        .collect();
    assert_eq!(has, [(true, true), (false, true), (false, false), (false, false)]);
    tokio::time::advance(3601 * SECOND).await;
    script.then([Reply::says("three")]);
    ask(&provider).await.expect("an answer");
    assert!(script.sent()[4].get("temperature").is_some(), "perhaps another model answers now");
}

#[tokio::test(start_paused = true)]
async fn of_several_first_calls_each_is_repeated_without_what_is_not_taken() {
    let no = || Reply::Status(400, None, r#"{"error":{"message":"temperature must be 1"}}"#.to_owned());
    let slow = || Reply::Slow(Box::new(no()));
    let script = Script::of([slow(), slow(), Reply::says("one"), Reply::says("two")]);
    let provider = script.provider();
    let (one, two) = tokio::join!(ask(&provider), ask(&provider));
    assert!(one.is_ok() && two.is_ok());
    let has: Vec<_> = script.sent().iter().map(|body| body.get("temperature").is_some()).collect();
    assert_eq!(has, [true, true, false, false]);

    let script = Script::of([no(), no()]);
    let provider = script.provider();
    assert_eq!(code(&provider).await, "invalid_answer");
    assert_eq!(script.calls(), 2, "it was left out, and left out it can be no more");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_takes_too_long_counts_however_long_the_budget_is() {
    let script = Script::of((0..5).map(|_| Reply::ConnectTimeout));
    let provider = script.provider_with(4, 60 * SECOND);
    assert_eq!(code(&provider).await, "timeout");
    assert_eq!(code(&provider).await, "timeout");
    assert!(matches!(provider.state(), State::Open { .. }), "{provider:?}");
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_refused_as_such_open_nothing() {
    let script = Script::of((0..7).map(|_| Reply::status(400)));
    let provider = script.provider();
    for _ in 0..7 {
        assert_eq!(code(&provider).await, "invalid_answer");
    }
    assert_eq!(provider.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_in_many_ways_and_not_repeated() {
    let chunk = |delta: serde_json::Value, finish: &str| {
        json!({ "id": "1", "object": "chat.completion.chunk", "model": "m",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
    };
    for reply in [
        Reply::Events(vec![chunk(json!({ "content": "I" }), "content_filter")]),
        Reply::Events(vec![chunk(json!({ "refusal": "I cannot" }), "stop")]),
        Reply::Events(vec![chunk(json!({ "content": " " }), "recitation")]),
        Reply::Status(400, None, r#"{"error":{"code":"content_filter"}}"#.to_owned()),
    ] {
        let script = Script::of([reply]);
        let provider = script.provider();
        assert_eq!((code(&provider).await, script.calls()), ("refused", 1));
        assert_eq!(provider.state(), State::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn an_ending_in_a_word_of_the_providers_own_is_no_refusal_when_there_is_an_answer() {
    let choice = json!({ "index": 0, "delta": { "content": "fine" }, "finish_reason": "eos" });
    let event = json!({ "id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [choice] });
    let answer = ask(&Script::of([Reply::Events(vec![event])]).provider()).await.expect("an answer");
    assert_eq!(answer.response.text(), "fine");
}

/// Keeps all that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn neither_an_error_nor_a_log_shows_a_text_or_a_key() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let unknown = json!({ "surprise": TEXT });
    for reply in [
        Reply::status(400),
        Reply::status(401),
        Reply::Status(429, Some(60), format!("{TEXT} {KEY}")),
        Reply::Events(vec![unknown, json!({ "error": { "message": TEXT, "code": "content_filter" } })]),
        Reply::Events(vec![json!({ "error": { "message": TEXT } })]),
        Reply::Silence,
        Reply::says(TEXT),
    ] {
        let provider = Script::of([reply].into_iter().chain((0..3).map(|_| Reply::status(500)))).provider();
        if let Err(failure) = ask(&provider).await {
            let error = failure.clone().into_error();
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let shown = format!("{failure} {failure:?} {error} {error:?} {source:?} {provider:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
    let logged = String::from_utf8(log.0.lock().expect("unpoisoned").clone()).expect("UTF-8");
    assert!(logged.contains("a call to a language model failed"), "{logged}");
    assert!(!logged.contains("hunter2"), "{logged}");
}
