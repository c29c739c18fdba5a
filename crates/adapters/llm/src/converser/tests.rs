//! What a conversation looks like to a provider, and what comes back.

use super::*;
use crate::fake::{Ear, Reply, Script};
use dispatch_classification::classifier::Silence;
use serde_json::json;

fn tools() -> Vec<ToolSpec> {
    vec![ToolSpec {
        name: "search_missions",
        description: "Searches missions.",
        parameters: json!({ "type": "object", "properties": { "text": { "type": "string" } } }),
    }]
}

fn call(call_id: &str, text: &str) -> ToolCall {
    ToolCall { call_id: call_id.to_owned(), name: "search_missions".to_owned(), arguments: json!({ "text": text }) }
}

fn turns() -> Vec<Turn> {
    let answer = |call_id: &str| Turn::Tool {
        call_id: call_id.to_owned(),
        name: "search_missions".to_owned(),
        content: r#"[{"mission_id":"m1"}]"#.to_owned(),
    };
    vec![
        Turn::Person("what is open on 12 Elm?".to_owned()),
        Turn::Model { text: "Let me look.".to_owned(), calls: vec![call("c1", "12 Elm"), call("c2", "Elm")] },
        answer("c1"),
        answer("c2"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_conversation_with_tools_goes_out_as_the_provider_pairs_it() {
    let script = Script::of([Reply::says("One lockbox.")]);
    let (converser, ear) = (LlmConverser::new(script.provider()), Ear::default());
    let said = converser.say("Be brief.", &turns(), &tools(), &ear).await.expect("words");
    assert_eq!((said.text.as_str(), said.calls.len(), said.model.as_str()), ("One lockbox.", 0, "mock-1-0611"));
    assert_eq!(ear.heard(), [(1, "One lockbox.".to_owned())]);
    insta::assert_json_snapshot!(script.sent()[0]);
}

#[tokio::test(start_paused = true)]
async fn wishes_for_tools_come_back_whole() {
    let delta = |delta: serde_json::Value, finish: Option<&str>| {
        json!({ "id": "1", "object": "chat.completion.chunk", "model": "m",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
    };
    let begun = json!({ "tool_calls": [{ "index": 0, "id": "c1", "type": "function",
        "function": { "name": "search_missions", "arguments": "{\"text\":" } }] });
    let ended = json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "\"12 Elm\"}" } }] });
    let script =
        Script::of([Reply::Events(vec![delta(begun, None), delta(ended, None), delta(json!({}), Some("tool_calls"))])]);
    let said = LlmConverser::new(script.provider()).say("s", &turns()[..1], &tools(), &Silence).await.expect("a wish");
    assert_eq!((said.text.as_str(), said.calls), ("", vec![call("c1", "12 Elm")]));
    assert_eq!(said.usage, None, "nothing was said about it");
}

#[tokio::test(start_paused = true)]
async fn nothing_said_is_unusable_and_nothing_asked_is_not_sent() {
    let script = Script::of([Reply::says(" ")]);
    let converser = LlmConverser::new(script.provider());
    assert_eq!(converser.say("s", &turns()[..1], &[], &Silence).await.expect_err("nothing").code(), "invalid_answer");
    assert_eq!(converser.say("s", &[], &[], &Silence).await.expect_err("nothing").code(), "invalid_answer");
    assert_eq!(script.calls(), 1);
}
