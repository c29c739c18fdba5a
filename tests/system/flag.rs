//! One flag for all replicas: flipped under load, with the database away for a moment, and by the command line.

use crate::{BINARY, system};
use dispatch_tests::harness::event::SECRET;
use dispatch_tests::harness::event::signed_at;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Server, SlackMessage, System};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use time::OffsetDateTime;

/// A signed event for the path that Slack has always called.
async fn post_old(system: &System, server: &Server, body: &Value) -> (StatusCode, Value) {
    let at = OffsetDateTime::now_utc().unix_timestamp();
    let request = signed_at(&system.client, server.base(), body.to_string().into_bytes(), SECRET, at);
    let mut request = request.build().unwrap();
    request.url_mut().set_path("/webhooks/slack");
    let response = system.client.execute(request).await.expect("the server answers");
    (response.status(), response.json().await.expect("JSON"))
}

async fn set(system: &System, server: &Server, version: &str) -> Value {
    let request = system.client.put(format!("{}/route/flag", server.base())).bearer_auth(service_bearer());
    let response = request.json(&json!({ "api_version": version, "reason": "a test" })).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

#[tokio::test]
async fn flips_under_load_fail_no_request_and_lose_or_double_nothing() {
    let system = system().await;
    let launch = system.launch().arg("--no-worker");
    let replicas = join_all((0..3).map(|_| launch.start())).await;
    let over = AtomicBool::new(false);
    let sender = async |number: usize| {
        let (mut sent, mut old, mut new) = (Vec::new(), 0, 0);
        while !over.load(Ordering::SeqCst) {
            let message = SlackMessage::new(&format!("U{number}"), "hello");
            let server = &replicas[(number + sent.len()) % replicas.len()];
            // Every event comes twice, as Slack's repeats do; the second may meet another contract.
            for _ in 0..2 {
                let (status, body) = post_old(&system, server, &message.body()).await;
                assert_eq!(status, StatusCode::OK, "{body}");
                if body.get("ok").is_some() { old += 1 } else { new += 1 }
            }
            sent.push(message.body()["event"]["ts"].clone());
        }
        (sent, old, new)
    };
    let flips = async {
        for number in 0..10 {
            let version = if number % 2 == 0 { "operations" } else { "dispatch" };
            let told = set(&system, &replicas[number % 3], version).await;
            assert_eq!(told["complete"], json!(true), "every replica serves by it before the answer: {told}");
            assert_eq!(told["replicas"].as_array().map(Vec::len), Some(3));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        over.store(true, Ordering::SeqCst);
    };
    let (all, ()) = tokio::join!(join_all((0..6).map(sender)), flips);
    let sent: HashSet<String> = all.iter().flat_map(|(sent, ..)| sent).map(ToString::to_string).collect();
    assert!(
        all.iter().any(|(_, old, _)| *old > 0) && all.iter().any(|(_, _, new)| *new > 0),
        "both contracts answered"
    );
    let stored = system.ledger().count("SELECT count(*) AS n FROM dispatch.signals").await;
    assert_eq!(stored, i64::try_from(sent.len()).unwrap(), "each once");
    let (status, history) = system.get(&replicas[0], "/route/flag/history").await;
    assert_eq!((status, history["items"].as_array().map(Vec::len)), (StatusCode::OK, Some(10)));
    drop(replicas);
    let worker = system.serve().await;
    system.settled().await;
    drop(worker);
    system.finish().await;
}

#[tokio::test]
async fn without_a_notification_the_poll_alone_carries_a_change() {
    let system = system().await;
    let server = system.serve().await;
    // Behind everybody's back, and without a word.
    system.database.execute("UPDATE dispatch.flag SET version = 'operations', mark = 'silent'").await;
    system
        .eventually("the poll finds it", async || {
            post_old(&system, &server, &SlackMessage::new("U1", "hello").body()).await.1.get("ok").is_some()
        })
        .await;
    system.settled().await;
    system.finish().await;
}

#[tokio::test]
async fn the_command_line_sets_it_and_says_when_each_replica_did() {
    let system = system().await;
    let (one, two) = (system.serve().await, system.serve().await);
    let flag = async |arguments: &[&str]| system.launch().run(&[&["flag"], arguments].concat()).await;
    let (good, said) = flag(&["set", "operations", "--reason", "going back"]).await;
    assert!(good && said.contains("2 of 2 replicas serve by it"), "{said}");
    for server in [&one, &two] {
        let (_, body) = post_old(&system, server, &SlackMessage::new("U1", "hello").body()).await;
        assert_eq!(body, json!({ "ok": true }));
    }
    let (good, said) = flag(&["get", "--json"]).await;
    let shown: Value = serde_json::from_str(said.trim()).unwrap();
    assert!(good && shown["api_version"] == "operations" && shown["api_base"] == "/operations", "{said}");
    let (good, said) = flag(&["history"]).await;
    assert!(good && said.contains("going back") && said.contains("by cli:"), "{said}");
    let (good, said) = flag(&["set", "nonsense"]).await;
    assert!(!good && said.contains("operations") && said.contains("dispatch"), "{said}");
    system.settled().await;
    system.finish().await;
}

#[tokio::test]
async fn a_database_that_began_as_operations_center_begins_with_the_old_contract() {
    let sql = "CREATE TABLE public.listings (listing_id text PRIMARY KEY, address_string text);
               CREATE TABLE public.activities (task_id text PRIMARY KEY);
               CREATE TABLE public.agent_tasks (task_id text PRIMARY KEY)";
    let system = System::on_legacy(BINARY, sql).await;
    let migrated = system.launch().run(&["migrate"]).await;
    assert!(migrated.0, "{}", migrated.1);
    let server = system.launch().env("API_VERSION", "dispatch").start().await;
    let (_, body) = post_old(&system, &server, &SlackMessage::new("U1", "lol").body()).await;
    assert_eq!(body, json!({ "ok": true }));
    system.settled().await;
    system.finish().await;
}
