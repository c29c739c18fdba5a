//! A policy file of one's own: what it decides, where that is said, and what is refused before anything begins.

use crate::system;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Server, SlackMessage, System};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const RULES: &str = r#"
[[rules]]
name = "approval"
when = { author = "U9", type = ["STRAY", "GROUP"] }
hold = { reason = "needs_approval" }
to = "task_orchestrator"
because = "A beginner's"

[[rules]]
name = "quiet_channel"
when = { channel = "C9" }
to = []

[[rules]]
name = "bold"
when = { source = "slack" }
to = ["task_orchestrator"]
threshold = 0.1

[[rules]]
name = "rest"
hold = {}
"#;

fn written(folder: &Path, text: &str) -> PathBuf {
    let file = folder.join("policy.toml");
    std::fs::write(&file, text).unwrap();
    file
}

/// What the story of this event says that decided about it.
async fn decided(system: &System, server: &Server, event: &str) -> (String, String) {
    let (_, story) = system.get(server, &format!("/observe/logs/{event}")).await;
    let entries = story["entries"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["detail"]["rule"].is_string()).unwrap_or_else(|| panic!("{story}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&entry["event"]), text(&entry["detail"]["rule"]))
}

#[tokio::test]
async fn the_first_rule_that_matches_decides_and_is_named_everywhere() {
    let (system, folder) = (system().await, tempfile::tempdir().unwrap());
    let file = written(folder.path(), RULES);
    // Never sure enough, but for a rule with a threshold of its own.
    let launch = || {
        let launch = system.launch().env("DISPATCH_POLICY", file.to_str().unwrap());
        launch.env("AUTO_DISPATCH_THRESHOLD", "0.999")
    };
    let server = launch().start().await;
    let beginner = system.say(&server, &SlackMessage::new("U9", CLEAR_TASK)).await;
    let quiet = system.say(&server, &SlackMessage::new("U1", CLEAR_TASK).in_channel("C9")).await;
    let work = system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.settled().await;
    for (event, did, rule) in [
        (&beginner, "unit.held", "approval"),
        (&quiet, "unit.ignored", "quiet_channel"),
        (&work, "unit.routed", "bold"),
    ] {
        assert_eq!(decided(&system, &server, event).await, (did.to_owned(), rule.to_owned()));
    }
    assert_eq!(
        (system.ledger().missions().await, system.slack.posted().len()),
        (1, 1),
        "a question, and no rule sends a receipt"
    );
    let (_, missions) = system.get(&server, "/missions").await;
    let routing = &missions["items"][0]["routing_decision"];
    assert_eq!(routing, &json!({"auto_dispatch": true, "reason": "Above 0.1 threshold"}), "{missions}");

    let (_, held) = system.get(&server, "/route/held?reason=needs_approval").await;
    let one = &held["items"][0];
    assert_eq!((&one["rule"], one["suggested_plan"].as_array().unwrap().len()), (&json!("approval"), 1), "{held}");
    let decision = json!({"auto_dispatch": false, "reason": "A beginner's", "rule": "approval"});
    assert_eq!(one["classification"]["routing_decision"], decision);
    let meaning = one["classification"]["classification_id"].as_str().unwrap();
    let (_, kept) = system.get(&server, &format!("/reason/classifications/{meaning}")).await;
    assert_eq!(kept["routing_decision"], decision, "{kept}");

    let unit = one["unit_id"].as_str().unwrap();
    let (explained, told) = launch().run(&["policy", "explain", unit]).await;
    assert!(explained && told.contains("held for a person (needs_approval), by rule approval"), "{told}");
    assert!(!told.contains("too late") || told.contains("bold"), "{told}");

    let yes = json!({"classification_id": meaning});
    let path = format!("{}/route/dispatch", server.base());
    let answer = system.client.post(path).bearer_auth(service_bearer()).json(&yes).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (2, 1), "as the rule says");

    let (status, policy) = system.get(&server, "/route/policy").await;
    assert_eq!(
        (status, &policy["rules"][2]["threshold"], &policy["file"]),
        (StatusCode::OK, &json!(0.1), &json!(file))
    );
    let (checked, told) = launch().run(&["policy", "check", "--json"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert!(checked && told["policy"]["sha256"] == policy["sha256"], "{told}");

    // A text that somebody asks about: nobody knows its channel.
    let asked = json!({"message": CLEAR_TASK, "source": "sms"});
    let path = format!("{}/reason/classifications", server.base());
    let answer = system.client.post(path).bearer_auth(service_bearer()).json(&asked).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let preview = &answer["items"][0]["routing_decision"];
    assert_eq!((&preview["rule"], &preview["auto_dispatch"]), (&json!("rest"), &json!(false)), "{answer}");
    system.finish().await;
}

#[tokio::test]
async fn a_file_with_mistakes_is_used_by_nobody() {
    let (system, folder) = (system().await, tempfile::tempdir().unwrap());
    let broken = RULES.replace("\"slack\"", "\"fax\"").replace("\"rest\"", "\"bold\"");
    let file = written(folder.path(), &broken);
    let path = file.to_str().unwrap();
    let launch = || system.launch().env("DISPATCH_POLICY", path);
    let places = [format!("{path}:16:19: expected a source"), format!("{path}:21:8: `bold` is already the name")];
    for command in [&["serve"][..], &["worker"], &["policy", "check"], &["policy", "explain", "lol"]] {
        let (succeeded, told) = launch().run(command).await;
        assert!(!succeeded && places.iter().all(|place| told.contains(place.as_str())), "{command:?}: {told}");
    }
    let (succeeded, told) = launch().run(&["policy", "check", "--json"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((succeeded, &told["valid"], &told["problems"][0]["line"]), (false, &json!(false), &json!(16)), "{told}");
    let (succeeded, told) = launch().run(&["policy", "check", "/no/such/file"]).await;
    assert!(!succeeded && told.contains("/no/such/file"), "{told}");

    // What is only questionable is said, and stops nobody.
    written(folder.path(), &RULES.replace("channel = \"C9\"", "author = \"U9\", key = \"OPS_MISC_TASK\""));
    let warning = "rule `quiet_channel` never matches: the earlier rule `approval` takes everything it asks for";
    let (succeeded, told) = launch().run(&["policy", "check"]).await;
    assert!(succeeded && told.contains(warning), "{told}");
    let server = launch().start().await;
    assert!(server.log().contains("never matches"), "{}", server.log());
    let (_, policy) = system.get(&server, "/route/policy").await;
    assert_eq!(policy["warnings"], json!([{"rule": "quiet_channel", "message": warning}]));
    system.finish().await;
}

#[tokio::test]
async fn the_built_in_policy_is_a_file_to_start_from() {
    let (system, folder) = (system().await, tempfile::tempdir().unwrap());
    let (printed, text) = system.launch().run(&["policy", "default"]).await;
    assert!(printed);
    let file = written(folder.path(), &text);
    let (checked, told) = system.launch().run(&["policy", "check", file.to_str().unwrap()]).await;
    assert!(checked && told.contains("attachment_only") && !told.contains("warning"), "{told}");
    system.finish().await;
}
