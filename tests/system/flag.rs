//! One flag for all replicas: under load, guarded, set by the command line, and an event whose two tries meet both
//! contracts.

mod guard;
mod proof;

use crate::{BINARY, system};
use dispatch_tests::harness::event::{SECRET, signed_at};
use dispatch_tests::harness::server::PATIENCE;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Server, SlackMessage, System};
use futures_util::future::join_all;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A signed event for any path.
async fn post_to(client: &Client, server: &Server, path: &str, body: &Value) -> (StatusCode, Value) {
    let at = OffsetDateTime::now_utc().unix_timestamp();
    let request = signed_at(client, server.base(), body.to_string().into_bytes(), SECRET, at);
    let mut request = request.build().unwrap();
    request.url_mut().set_path(path);
    let response = client.execute(request).await.expect("the server answers");
    (response.status(), response.json().await.expect("JSON"))
}

/// A signed event for the path that Slack has always called.
async fn post_old(system: &System, server: &Server, body: &Value) -> (StatusCode, Value) {
    post_to(&system.client, server, "/webhooks/slack", body).await
}

/// Sets the flag on every replica.
pub async fn set(system: &System, server: &Server, version: &str) -> Value {
    let request = system.client.put(format!("{}/route/flag", server.base())).bearer_auth(service_bearer());
    let response = request.json(&json!({ "api_version": version, "reason": "a test" })).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let told: Value = response.json().await.unwrap();
    assert_eq!(told["complete"], true, "{told}");
    told
}

/// `dispatch flag …`.
async fn flag(system: &System, arguments: &[&str]) -> (bool, String) {
    system.launch().run(&[&["flag"], arguments].concat()).await
}

/// The first try goes the old way, and its server dies without Slack having heard; the repeat comes the new way.
#[tokio::test]
async fn an_event_whose_tries_meet_both_contracts_is_one() {
    let system = system().await;
    let (first, second) = (system.serve().await, system.serve().await);
    for (number, versions) in [["operations", "dispatch"], ["dispatch", "operations"]].into_iter().enumerate() {
        let message = SlackMessage::new(&format!("U{number}"), CLEAR_TASK).in_channel(&format!("C{number}"));
        set(&system, &first, versions[0]).await;
        let (status, old) = post_old(&system, &first, &message.body()).await;
        assert_eq!((status, old.get("ok").is_some()), (StatusCode::OK, versions[0] == "operations"), "{old}");
        set(&system, &second, versions[1]).await;
        let (status, again) = post_old(&system, &second, &message.body()).await;
        assert_eq!(status, StatusCode::OK);
        if versions[1] == "dispatch" {
            assert_eq!(again["duplicate"], true, "{again}");
            let (_, story) = system.get(&second, &format!("/observe/logs/{}", message.ts)).await;
            assert_eq!(story["event_ids"], json!([again["event_id"]]), "{story}");
        } else {
            assert_eq!(again, json!({ "ok": true }));
        }
        // Slack's own header says that it is a repeat; it changes nothing.
        let mut third = message.clone();
        third.retry = Some((2, "http_timeout".to_owned()));
        let third = third.request(&system.client, second.base()).send().await.unwrap();
        let third: Value = third.json().await.unwrap();
        assert_eq!(third["duplicate"], true, "{third}");
    }
    first.kill().await;
    system.settled().await;
    let ledger = system.ledger();
    assert_eq!(ledger.count("SELECT count(*) AS n FROM dispatch.signals").await, 2);
    assert_eq!((ledger.agent_tasks().await, system.slack.posted().len()), (2, 2), "a mission and a receipt each");
    system.finish().await;
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
    let (good, said) = flag(&system, &["set", "operations", "--reason", "going back"]).await;
    assert!(good && said.contains("2 of 2 replicas serve by it"), "{said}");
    for server in [&one, &two] {
        let (_, body) = post_old(&system, server, &SlackMessage::new("U1", "hello").body()).await;
        assert_eq!(body, json!({ "ok": true }));
    }
    let (good, said) = flag(&system, &["get", "--json"]).await;
    let shown: Value = serde_json::from_str(said.trim()).unwrap();
    assert!(good && shown["api_version"] == "operations" && shown["api_base"] == "/operations", "{said}");
    for path in ["/operations/status", "/"] {
        let answer = system.client.get(format!("{}{path}", one.base())).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    system
        .eventually("what the old contract answers is counted", async || {
            let (_, said) = flag(&system, &["get", "--json"]).await;
            let shown: Value = serde_json::from_str(said.trim()).unwrap();
            let is_there = |route: &str| {
                let all = shown["traffic"].as_array().unwrap().iter();
                all.filter(|one| {
                    one["contract"] == "operations" && one["last_seven_days"]["answered"].as_u64() > Some(0)
                })
                .any(|one| one["route"] == route)
            };
            ["/", "/operations/status", "/webhooks/slack"].into_iter().all(is_there)
        })
        .await;
    let (good, said) = flag(&system, &["history"]).await;
    assert!(good && said.contains("going back") && said.contains("by cli:"), "{said}");
    let forged = "line1\n2026-01-01T00:00:00Z  api_version: dispatch  by cli:alice: forged";
    for reason in [forged, "", &"x".repeat(501)] {
        let (good, said) = flag(&system, &["set", "dispatch", "--reason", reason]).await;
        assert!(!good && said.contains("--reason"), "{said}");
    }
    let (good, said) = flag(&system, &["set", "dispatch", "--shadow", "--percent", "10"]).await;
    assert!(!good && said.contains("--shadow"), "{said}");
    let nameless = system.launch().env("USER", "").env("LOGNAME", "");
    assert!(nameless.run(&["flag", "set", "operations"]).await.0);
    let (_, said) = flag(&system, &["history", "--limit", "1"]).await;
    assert!(said.contains("by cli:uid:"), "{said}");
    let (good, said) = flag(&system, &["history", "--limit", "0"]).await;
    assert!(!good && said.contains("--limit"), "{said}");
    let (good, said) = flag(&system, &["set", "nonsense"]).await;
    assert!(!good && said.contains("operations") && said.contains("dispatch"), "{said}");
    system.settled().await;
    system.finish().await;
}

#[tokio::test]
async fn whoever_watches_sees_each_change_until_he_ends_it() {
    let system = system().await;
    let server = system.launch().arg("--no-worker").start().await;
    set(&system, &server, "operations").await;
    let mut watcher = watching(&system);
    let mut lines = BufReader::new(watcher.stdout.take().unwrap()).lines();
    let mut seen = async || -> Value {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("in time").unwrap();
        serde_json::from_str(&line.expect("it goes on")).unwrap()
    };
    assert_eq!(seen().await["api_version"], "operations");
    // A store that does not answer for a while ends nothing.
    system.database.execute("ALTER TABLE dispatch.flag RENAME TO flag_away").await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    system.database.execute("ALTER TABLE dispatch.flag_away RENAME TO flag").await;
    let (good, said) = flag(&system, &["set", "dispatch", "--percent", "25", "--reason", "some"]).await;
    assert!(good && said.contains("dispatch for 25 % of authors"), "{said}");
    let change = seen().await;
    assert_eq!((&change["api_version"], &change["percent"]), (&json!("dispatch"), &json!(25)));
    assert!(change["reason"] == "some" && change["by"].as_str().is_some_and(|by| by.starts_with("cli:")), "{change}");
    interrupted(&mut watcher).await;
    system.finish().await;
}

fn watching(system: &System) -> Child {
    let mut command = Command::new(BINARY);
    command.args(["flag", "watch", "--json"]).env("DATABASE_URL", system.database.url().expose());
    command.stdout(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap()
}

/// Ctrl-C ends it well.
async fn interrupted(watcher: &mut Child) {
    let pid = Pid::from_raw(i32::try_from(watcher.id().unwrap()).unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    assert!(tokio::time::timeout(PATIENCE, watcher.wait()).await.expect("it ends").unwrap().success());
}

#[tokio::test]
async fn a_watch_is_ended_while_it_waits_for_the_store_too() {
    let system = system().await;
    let (good, said) = flag(&system, &["set", "operations"]).await;
    assert!(good, "{said}");
    let mut watcher = watching(&system);
    let mut lines = BufReader::new(watcher.stdout.take().unwrap()).lines();
    let first = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("in time").unwrap();
    assert!(first.is_some_and(|line| line.contains("operations")));
    // It is asked once a second, and answers nobody.
    let held = "BEGIN; LOCK TABLE dispatch.flag IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(4); COMMIT";
    let waits = "SELECT count(*) AS n FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%dispatch.flag%'";
    let ended = async {
        system.eventually("it waits for the store", async || system.ledger().count(waits).await > 0).await;
        interrupted(&mut watcher).await;
    };
    tokio::join!(system.database.execute(held), ended);
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
