//! Conversations with tools, in every format.

use super::{Ear, provider};
use dispatch_llm::{Kind, LlmConverser};
use dispatch_pipeline::ports::converser::{Converser, Said, ToolSpec, Turn};
use dispatch_tests::harness::MockLlm;
use serde_json::json;
use std::time::Duration;

fn tools() -> Vec<ToolSpec> {
    vec![ToolSpec {
        name: "search_missions",
        description: "Searches missions.",
        parameters: json!({ "type": "object", "properties": { "text": { "type": "string" } }, "required": ["text"] }),
    }]
}

#[tokio::test]
async fn a_model_asks_for_a_tool_hears_it_and_answers() {
    let wish = json!({ "name": "search_missions", "arguments": { "text": "12 Elm" }, "id": "call_1" });
    let fixtures = [
        json!({ "match": { "hasToolResult": true }, "response": { "content": "One lockbox is open on 12 Elm." } }),
        json!({ "match": { "toolName": "search_missions" }, "response": { "toolCalls": [wish] } }),
    ];
    for kind in Kind::ALL {
        let mock = MockLlm::start(&fixtures).await;
        let converser = LlmConverser::new(provider(kind, mock.base(), Duration::from_secs(30)));
        let mut turns = vec![Turn::Person("what is open on 12 Elm?".to_owned())];
        let ear = Ear::default();
        let Said { text, calls, .. } = converser.say("Answer briefly.", &turns, &tools(), &ear).await.unwrap();
        let [call] = &calls[..] else { panic!("{kind:?}: {text} {calls:?}") };
        assert_eq!((call.name.as_str(), &call.arguments), ("search_missions", &json!({ "text": "12 Elm" })));
        assert!(ear.heard().is_empty(), "a wish for a tool is no word");
        let content = json!([{ "mission_id": "m1", "title": "Order a lockbox" }]).to_string();
        let (call_id, name) = (call.call_id.clone(), call.name.clone());
        turns.push(Turn::Model { text, calls });
        turns.push(Turn::Tool { call_id, name, content });
        let said = converser.say("Answer briefly.", &turns, &tools(), &ear).await.unwrap();
        assert_eq!((said.text.as_str(), said.calls.len()), ("One lockbox is open on 12 Elm.", 0), "{kind:?}");
        assert_eq!(ear.last(), said.text);
        assert!(said.usage.is_some_and(|usage| usage.cost_micros.is_some()), "{kind:?}");
        let sent = mock.requests().await[1]["body"].to_string();
        assert!(sent.contains("Order a lockbox") && sent.contains("Answer briefly."), "{kind:?}: {sent}");
    }
}
