//! What waits for a person: listed, confirmed, dismissed, once, whoever asks and whoever is killed.

use crate::system;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Server, SlackMessage, System};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// A server that is never sure enough.
async fn unsure(system: &System) -> Server {
    system.launch().env("AUTO_DISPATCH_THRESHOLD", "0.999").start().await
}

fn request(system: &System, server: &Server, path: &str, key: &str, body: &Value) -> RequestBuilder {
    let request = system.client.post(format!("{}{path}", server.base())).bearer_auth(service_bearer());
    request.header("idempotency-key", key).json(body)
}

async fn post(system: &System, server: &Server, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
    let answer = request(system, server, path, key, body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// The only unit that waits, and its classification.
async fn waiting(system: &System, server: &Server) -> (Value, String, String) {
    let (status, page) = system.get(server, "/route/held").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    let one = page["items"][0].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (unit, meaning) = (text(&one["unit_id"]), text(&one["classification"]["classification_id"]));
    (one, unit, meaning)
}

#[tokio::test]
async fn a_held_message_is_listed_confirmed_and_becomes_a_mission_with_a_receipt() {
    let system = system().await;
    let server = unsure(&system).await;
    let event = system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.settled().await;
    let (one, unit, meaning) = waiting(&system, &server).await;
    assert_eq!((&one["reason"], &one["rule"]), (&json!("below_threshold"), &json!("below_threshold")));
    assert_eq!((&one["excerpt"], &one["author"]["slack_user_id"]), (&json!(CLEAR_TASK), &json!("U1")));
    assert_eq!(one["suggested_plan"][0]["rows"][0]["table"], "dispatch_agent_tasks", "{one}");
    let (status, shown) = system.get(&server, &format!("/route/held/{unit}")).await;
    assert_eq!((status, &shown["unit_id"]), (StatusCode::OK, &one["unit_id"]));

    let yes = json!({"classification_id": meaning, "note": "Asked her"});
    let (status, made) = post(&system, &server, "/route/dispatch", "k-1", &yes).await;
    assert_eq!((status, &made["unit_id"]), (StatusCode::ACCEPTED, &one["unit_id"]), "{made}");
    assert_eq!(made["deliveries"][0]["state"], "delivered", "{made}");
    let (status, again) = post(&system, &server, "/dispatch/route/dispatch", "k-1", &yes).await;
    assert_eq!((status, &again), (StatusCode::ACCEPTED, &made), "the same dispatch");
    let (status, late) = post(&system, &server, "/route/dispatch", "k-2", &yes).await;
    assert_eq!((status, &late["code"]), (StatusCode::CONFLICT, &json!("already_routed")));
    let named = late["detail"].as_str().unwrap();
    assert!(named.contains(made["dispatch_id"].as_str().unwrap()), "{late}");

    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (1, 2), "a question and a receipt");
    let (_, page) = system.get(&server, "/missions").await;
    let routing = &page["items"][0]["routing_decision"];
    let expected = json!({"auto_dispatch": false, "reason": "Confirmed by role:service_role"});
    assert_eq!(routing, &expected, "{page}");
    let (_, story) = system.get(&server, &format!("/observe/logs/{event}")).await;
    assert_eq!(story["state"], "done", "{story}");
    let (status, gone) = system.get(&server, &format!("/route/held/{unit}")).await;
    assert_eq!((status, &gone["code"]), (StatusCode::NOT_FOUND, &json!("held_not_found")));
    system.finish().await;
}

#[tokio::test]
async fn a_held_message_is_dismissed_and_nothing_comes_of_it() {
    let system = system().await;
    let server = unsure(&system).await;
    let event = system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.settled().await;
    let (_, unit, meaning) = waiting(&system, &server).await;
    let no = json!({"reason": "Done by phone"});
    let (status, ended) = post(&system, &server, &format!("/route/held/{unit}/dismiss"), "k-1", &no).await;
    assert_eq!((status, &ended["state"]), (StatusCode::OK, &json!("dismissed")), "{ended}");
    let yes = json!({"classification_id": meaning});
    let (status, late) = post(&system, &server, "/route/dispatch", "k-2", &yes).await;
    assert_eq!((status, &late["code"]), (StatusCode::CONFLICT, &json!("not_held")), "{late}");
    let (_, page) = system.get(&server, "/route/held").await;
    assert_eq!(page, json!({"items": []}));
    let (_, story) = system.get(&server, &format!("/observe/logs/{event}")).await;
    assert_eq!(story["state"], "dismissed", "{story}");
    let entries = story["entries"].as_array().unwrap();
    let end = entries.iter().find(|entry| entry["event"] == "unit.dismissed").unwrap();
    assert_eq!(end["detail"]["note"], "Done by phone");
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.calls()), (0, 1), "the question alone");
    system.finish().await;
}

#[tokio::test]
async fn killed_between_a_yes_and_its_answer_it_counts_once() {
    let system = system().await;
    let setup = unsure(&system).await;
    system.say(&setup, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.settled().await;
    let (_, _, meaning) = waiting(&system, &setup).await;
    setup.kill().await;
    let yes = json!({"classification_id": meaning});
    let mut doomed = system.serve_until("operation.applied").await;
    assert!(request(&system, &doomed, "/route/dispatch", "k-1", &yes).send().await.is_err(), "nobody answered");
    assert!(!doomed.ended().await.success());
    let made = system.ledger().rows("SELECT dispatch_id FROM dispatch.dispatches WHERE rule = 'confirmed'").await;
    assert_eq!(made.len(), 1, "it was dispatched before the kill");

    let server = system.serve().await;
    let (status, resumed) = loop {
        let (status, body) = post(&system, &server, "/route/dispatch", "k-1", &yes).await;
        if body["code"] != "idempotency_in_progress" {
            break (status, body);
        }
        // The lease of the killed one has to run out.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!((status, &resumed["dispatch_id"]), (StatusCode::ACCEPTED, &made[0]["dispatch_id"]), "{resumed}");
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (1, 2), "a question and a receipt");
    system.finish().await;
}
