//! What has been kept for its time goes, beside workers and by command; what is young or needed stays.

use crate::system;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::{Server, SlackMessage, System};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// So many messages, each a mission, all of it so many days ago.
async fn days_ago(system: &System, server: &Server, days: u32, messages: u32) -> Vec<String> {
    let mut events = Vec::new();
    for number in 0..messages {
        let message = SlackMessage::new(&format!("U{number}"), CLEAR_TASK).in_channel(&format!("COLD{days}X{number}"));
        events.push(system.say(server, &message).await);
    }
    system.settled().await;
    let past = |columns: &str| {
        let set = columns.split(' ').map(|column| format!("{column} = {column} - interval '{days} days'"));
        set.collect::<Vec<_>>().join(", ")
    };
    let moved = format!(
        "UPDATE public.dispatch_agent_tasks SET mission_status = 'DONE';
         UPDATE dispatch.units SET {}; UPDATE dispatch.signals SET {}; UPDATE dispatch.dispatches SET {};
         UPDATE dispatch.deliveries SET {}; UPDATE dispatch.mission_facts SET {}; UPDATE dispatch.timeline SET {};
         UPDATE dispatch.classifications SET {}",
        past("opened_at closed_at settled_at"),
        past("received_at"),
        past("created_at"),
        past("created_at settled_at"),
        past("changed_at"),
        past("at"),
        past("created_at"),
    );
    system.database.execute(&moved).await;
    events
}

#[tokio::test]
async fn workers_remove_what_is_old_while_they_serve_what_comes_in() {
    let system = system().await;
    let before = system.serve().await;
    let old = days_ago(&system, &before, 200, 6).await;
    before.kill().await;
    system.database.execute("UPDATE dispatch.retention SET cursor = '', due_at = now()").await;

    let servers = [system.serve().await, system.serve().await];
    let mut young = Vec::new();
    for number in 0..12 {
        let message = SlackMessage::new(&format!("U{number}"), CLEAR_TASK).in_channel(&format!("C{number}"));
        young.push(system.say(&servers[number % 2], &message).await);
    }
    system.settled().await;
    let units = "SELECT count(*) AS n FROM dispatch.units";
    system.eventually("what is old is gone", async || system.ledger().count(units).await == 12).await;
    assert_eq!(system.ledger().missions().await, 18, "missions are the brokerage's");
    for event in &old {
        let (status, gone) = system.get(&servers[0], &format!("/observe/logs/{event}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{gone}");
    }
    for event in &young {
        let (_, story) = system.get(&servers[1], &format!("/observe/logs/{event}")).await;
        assert_eq!(story["state"], "done", "{story}");
    }
    let left = "SELECT count(*) AS n FROM dispatch.timeline AS t
        WHERE unit_id IS NOT NULL AND NOT EXISTS (SELECT FROM dispatch.units AS u WHERE u.unit_id = t.unit_id)";
    assert_eq!(system.ledger().count(left).await, 0);
    system.finish().await;
}

/// What `dispatch retain` says, by matter.
async fn retain(system: &System, arguments: &[&str]) -> Value {
    let command = [&["retain", "--json"], arguments].concat();
    let (done, told) = system.launch().env("RUST_LOG", "off").run(&command).await;
    assert!(done, "{told}");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let matters = told["matters"].as_array().unwrap().iter();
    matters.map(|one| (one["what"].as_str().unwrap().to_owned(), one["rows"].clone())).collect()
}

#[tokio::test]
async fn the_command_shows_what_would_go_and_then_removes_it() {
    let system = system().await;
    let server = system.launch().arg("--no-worker").start().await;
    let worker = system.serve().await;
    let old = days_ago(&system, &worker, 100, 3).await;
    worker.kill().await;

    let none = system.launch().env("RETAIN_BODIES_DAYS", "5").run(&["retain"]).await;
    assert!(!none.0 && none.1.contains("RETAIN_BODIES_DAYS"), "{}", none.1);
    let foretold = retain(&system, &["--dry-run"]).await;
    assert_eq!((&foretold["work"], &foretold["bodies"]), (&json!({}), &json!({"signals": 3})), "{foretold}");
    let words = "SELECT count(*) AS n FROM dispatch.signals WHERE text <> ''";
    assert_eq!(system.ledger().count(words).await, 3, "nothing was removed");
    assert_eq!(retain(&system, &["--only", "bodies"]).await, json!({"bodies": {"signals": 3}}));
    assert_eq!(system.ledger().count(words).await, 0);
    let (_, story) = system.get(&server, &format!("/observe/logs/{}", old[0])).await;
    assert_eq!(story["state"], "done", "{story}");

    let (done, told) = system.launch().env("RUST_LOG", "off").env("RETAIN_WORK_DAYS", "99").run(&["retain"]).await;
    assert!(done && told.contains("units: 3") && told.contains("rows removed"), "{told}");
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.units").await, 0);
    let (status, _) = system.get(&server, &format!("/observe/logs/{}", old[0])).await;
    assert_eq!((status, system.ledger().missions().await), (StatusCode::NOT_FOUND, 3));
    system.finish().await;
}
