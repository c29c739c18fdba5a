//! Questions over HTTP about a real database: exact answers without a model, a conversation with one that we did not write, and
//! answers all the same when it is gone.

use crate::system;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{MockLlm, Server, SlackMessage, System};
use eventsource_stream::Eventsource as _;
use futures_util::StreamExt as _;
use reqwest::StatusCode;
use serde_json::{Value, json};

const MISSIONS: &str = "
INSERT INTO staff (staff_id, email, name, role, slack_user_id) VALUES
    ('staff-sam', 'sam@example.com', 'Sam Whitfield', 'admin', 'U01SAM'), ('staff-nina', 'nina@example.com', 'Nina Park', 'support', 'U01NINA');
INSERT INTO listings (listing_id, address_string) VALUES ('l-elm', '12 Elm Street, Toronto'), ('l-other', '112 Elm St');
INSERT INTO dispatch_activities (mission_id, listing_id, name, mission_status, assigned_staff_id, claimed_at, due_date, visibility_group)
VALUES ('m-photos', 'l-elm', 'Take listing photos', 'CLAIMED', 'staff-sam', now() - interval '1 second', now() - interval '1 hour', 'BOTH'),
    ('m-mls', 'l-elm', 'Create MLS listing', 'OPEN', NULL, NULL, NULL, 'AGENT'),
    ('m-done', 'l-elm', 'Order yard sign', 'DONE', 'staff-sam', now() - interval '9 days', NULL, 'BOTH'),
    ('m-other', 'l-other', 'Take listing photos', 'OPEN', NULL, NULL, NULL, 'BOTH');";

/// One answer, as events.
struct Told(Vec<(String, Value)>);

impl Told {
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        names
    }

    fn of(&self, name: &str) -> Vec<&Value> {
        self.0.iter().filter(|(told, _)| told == name).map(|(_, data)| data).collect()
    }

    fn end(&self) -> &Value {
        let (name, data) = self.0.last().expect("events");
        assert_eq!(name, "complete", "{data}");
        data
    }

    fn text(&self) -> &str {
        self.end()["text"].as_str().expect("text")
    }

    fn cited(&self) -> Vec<&str> {
        self.of("citations")[0]["items"]
            .as_array()
            .expect("items")
            .iter()
            .filter_map(|item| item["id"].as_str())
            .collect()
    }
}

async fn ask(system: &System, server: &Server, question: &str) -> Told {
    let request = system.client.post(format!("{}/reason/query", server.base())).bearer_auth(service_bearer());
    let answer = request.json(&json!({ "question": question })).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let events = answer.bytes_stream().eventsource().map(|event| event.expect("an event"));
    let events = events.map(|event| (event.event, serde_json::from_str(&event.data).expect("JSON")));
    Told(events.collect().await)
}

#[tokio::test]
async fn what_people_ask_is_answered_exactly() {
    let system = system().await;
    let server = system.serve().await;
    system.database.execute(MISSIONS).await;

    let open = ask(&system, &server, "what is open on 12 elm?").await;
    assert_eq!(open.names(), ["metadata", "tool_call", "tool_result", "delta", "citations", "complete"]);
    assert_eq!(open.cited(), ["m-photos", "m-mls"], "{}", open.text());
    assert!(open.text().starts_with("**2 missions are open on “12 elm”:**"), "{}", open.text());
    assert!(
        open.text().contains("**Take listing photos** — claimed by Sam Whitfield, overdue since"),
        "{}",
        open.text()
    );
    let overdue = ask(&system, &server, "whats ovedue").await;
    assert_eq!(overdue.cited(), ["m-photos"]);
    let claimed = ask(&system, &server, "which missions did sam claim since yesterday").await;
    assert!(claimed.text().starts_with("**Sam Whitfield claimed 1 mission since yesterday:**"), "{}", claimed.text());
    let nobody = ask(&system, &server, "what did Xavier claim today?").await;
    assert!(nobody.text().contains("I know nobody called “xavier”"), "{}", nobody.text());

    let event = system
        .say(&server, &SlackMessage::new("U01NINA", "maybe we should do something about 12 Elm at some point?"))
        .await;
    system.settled().await;
    let story = ask(&system, &server, &format!("what happened to {event}?")).await;
    assert!(story.text().contains("came in by slack") && story.cited().contains(&event.as_str()), "{}", story.text());
    let came = ask(&system, &server, "what did Nina write since yesterday?").await;
    assert_eq!(came.cited(), [event.as_str()], "{}", came.text());
    let agents = system.get(&server, "/observe/agents").await.1;
    assert!(agents.to_string().contains("query.local"), "{agents}");
    assert!(!server.log().contains("12 elm"), "no question in a log");
    system.finish().await;
}

#[tokio::test]
async fn a_model_converses_over_what_the_tools_find_and_the_rules_answer_when_it_is_gone() {
    let wish =
        json!({ "name": "search_missions", "arguments": { "address": "12 Elm", "statuses": ["claimed"] }, "id": "w1" });
    let said = "The photos (`m-photos`) are Sam's; ask about `m-invented`.";
    let fixtures = [
        json!({ "match": { "hasToolResult": true }, "response": { "content": said } }),
        json!({ "match": { "toolName": "search_missions" }, "response": { "toolCalls": [wish] } }),
    ];
    let (system, mut mock) = (system().await, MockLlm::start(&fixtures).await);
    let base = format!("{}/v1", mock.base());
    let server = system
        .launch()
        .env("LLM_PROVIDER", "openai")
        .env("LLM_API_KEY", "sk-hunter2")
        .env("LLM_BASE_URL", &base)
        .env("LLM_TIMEOUT_MS", "10000")
        .start()
        .await;
    system.database.execute(MISSIONS).await;
    let told = ask(&system, &server, "what is claimed on 12 Elm?").await;
    assert_eq!(told.of("metadata")[0]["mind"], "openai");
    assert_eq!(told.of("tool_result")[0]["rows"][0]["mission_id"], "m-photos");
    assert_eq!((told.text(), told.cited()), (said, vec!["m-photos"]), "an id that no tool gave is not cited");
    let provenance = &told.end()["provenance"];
    assert_eq!((&provenance["provider"], &provenance["prompt_version"]), (&json!("openai"), &json!("converse-1")));
    let sent = mock.requests().await[1]["body"].to_string();
    assert!(sent.contains("Take listing photos"), "the model heard what was found: {sent}");

    mock.kill().await;
    let told = ask(&system, &server, "what is open on 12 elm?").await;
    assert_eq!(told.cited(), ["m-photos", "m-mls"]);
    let provenance = &told.end()["provenance"];
    assert_eq!(provenance["provider"], "local");
    assert!(provenance["fallback_reason"].as_str().is_some_and(|why| why.starts_with("openai: ")), "{provenance}");
    system.finish().await;
}
