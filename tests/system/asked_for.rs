//! Texts that somebody asked about, and then had dispatched: like messages that came in, though by no door.

use crate::system;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Server, System};
use reqwest::StatusCode;
use serde_json::{Value, json};

const POLICY: &str = include_str!("../../crates/domain/routing/src/policy/default.toml");

async fn post(system: &System, server: &Server, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
    let request = system.client.post(format!("{}{path}", server.base())).bearer_auth(service_bearer());
    let answer = request.header("idempotency-key", key).json(body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// The id of what this text was understood to mean.
async fn asked(system: &System, server: &Server, text: &str) -> String {
    let (key, body) = (text.replace(' ', "-"), json!({ "message": text, "source": "slack" }));
    let (status, answer) = post(system, server, "/reason/classifications", &key, &body).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    answer["items"][0]["classification_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_text_that_was_asked_about_is_dispatched_once_and_has_a_story_like_any_other() {
    let system = system().await;
    let server = system.serve().await;
    let meaning = asked(&system, &server, CLEAR_TASK).await;
    let (status, refused) = post(&system, &server, &format!("/route/replay/{meaning}"), "r-1", &json!({})).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("nothing_to_replay")), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("POST /route/dispatch"), "{refused}");
    let sms = json!({"classification_id": meaning, "destinations": [{"type": "notification", "target": "sms", "to": "+14165550101"}]});
    let (status, refused) = post(&system, &server, "/route/dispatch", "k-0", &sms).await;
    assert_eq!((status, &refused["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("destination_invalid")));
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.units").await, 0, "nothing was written");

    let yes = json!({"classification_id": meaning, "note": "Said so on the phone"});
    let (status, made) = post(&system, &server, "/route/dispatch", "k-1", &yes).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{made}");
    assert_eq!(made["deliveries"].as_array().unwrap().len(), 1, "nobody can be told: it came from nowhere: {made}");
    assert_eq!(made["deliveries"][0]["state"], "delivered", "{made}");
    let (_, again) = post(&system, &server, "/route/dispatch", "k-1", &yes).await;
    assert_eq!(again, made);
    let (status, late) = post(&system, &server, "/route/dispatch", "k-2", &yes).await;
    assert_eq!((status, &late["code"]), (StatusCode::CONFLICT, &json!("already_routed")), "{late}");
    assert_eq!(system.ledger().missions().await, 1);

    // Further, and elsewhere: what is there is left alone.
    let further = json!({"classification_id": meaning, "destinations": [
        {"type": "storage", "target": "supabase", "table": "dispatch_agent_tasks"},
        {"type": "notification", "target": "slack", "workspace": "T1", "channel_id": "C7", "thread_ts": "1.000001"},
    ]});
    let (status, told) = post(&system, &server, "/route/dispatch", "k-3", &further).await;
    assert_eq!((status, told["skipped"].as_array().unwrap().len()), (StatusCode::ACCEPTED, 1), "{told}");
    system.settled().await;
    let posted = system.slack.posted();
    assert_eq!((posted.len(), posted[0].channel.as_str(), posted[0].thread_ts.as_deref()), (1, "C7", Some("1.000001")));
    for id in [&meaning, made["unit_id"].as_str().unwrap(), made["dispatch_id"].as_str().unwrap()] {
        let (status, story) = system.get(&server, &format!("/observe/logs/{id}")).await;
        assert_eq!((status, &story["state"]), (StatusCode::OK, &json!("done")), "{id}: {story}");
        assert!(!story.to_string().contains(CLEAR_TASK), "a story never quotes");
    }
    let (status, replayed) = post(&system, &server, &format!("/route/replay/{meaning}"), "r-2", &json!({})).await;
    assert_eq!((status, &replayed["outcome"]), (StatusCode::ACCEPTED, &json!("nothing")), "{replayed}");
    assert_eq!(system.ledger().missions().await, 1);
    system.finish().await;
}

#[tokio::test]
async fn of_many_who_dispatch_one_text_at_once_one_does_and_a_killed_server_doubles_nothing() {
    let system = system().await;
    let mut one = system.serve_until("operation.applied").await;
    let two = system.serve().await;
    let meaning = asked(&system, &two, CLEAR_TASK).await;
    let yes = json!({ "classification_id": meaning });
    let request = system.client.post(format!("{}/route/dispatch", one.base())).bearer_auth(service_bearer());
    let lost = request.header("idempotency-key", "first").json(&yes).send().await;
    assert!(lost.is_err(), "it died before it answered");
    assert!(!one.ended().await.success());
    let others = (0..6).map(|n| {
        let (system, two, yes) = (&system, &two, &yes);
        async move { post(system, two, "/route/dispatch", &format!("other-{n}"), yes).await }
    });
    for (status, answer) in futures_util::future::join_all(others).await {
        assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("already_routed")), "{answer}");
    }
    let second = asked(&system, &two, "Please order the yard sign for 9 Oak Ave by Monday").await;
    let yes = json!({ "classification_id": second });
    let all = (0..6).map(|n| {
        let (system, two, yes) = (&system, &two, &yes);
        async move { post(system, two, "/route/dispatch", &format!("all-{n}"), yes).await.0 }
    });
    let all = futures_util::future::join_all(all).await;
    assert_eq!(all.iter().filter(|status| **status == StatusCode::ACCEPTED).count(), 1, "{all:?}");
    assert_eq!(system.ledger().missions().await, 2);
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.units").await, 2);
    system.finish().await;
}

#[tokio::test]
async fn an_announcement_of_the_policy_reaches_people_though_the_text_came_from_nowhere() {
    let policy = POLICY.replace(
        r#"to = ["task_orchestrator", "receipt"]"#,
        r#"to = ["task_orchestrator", "receipt", { slack = "T9/C9", text = "{title}" }]"#,
    );
    assert_ne!(policy, POLICY);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), policy).unwrap();
    let system = system().await;
    let server = system.launch().env("DISPATCH_POLICY", &file.path().to_string_lossy()).start().await;
    let meaning = asked(&system, &server, CLEAR_TASK).await;
    let (status, made) = post(&system, &server, "/route/dispatch", "k", &json!({ "classification_id": meaning })).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{made}");
    system.settled().await;
    let posted = system.slack.posted();
    let places: Vec<_> = posted.iter().map(|posted| (posted.channel.as_str(), posted.thread_ts.as_deref())).collect();
    assert_eq!(places, [("C9", None)], "in the channel itself");
    system.finish().await;
}
