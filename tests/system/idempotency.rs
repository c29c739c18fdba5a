//! A request that comes again after its server was killed: the same mission, once.

use crate::system;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Server, System};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// One request under one key.
fn request(system: &System, server: &Server, method: Method, path: &str, key: &str) -> RequestBuilder {
    let request = system.client.request(method, format!("{}{path}", server.base()));
    request.bearer_auth(service_bearer()).header("idempotency-key", key)
}

fn create(system: &System, server: &Server, path: &str) -> RequestBuilder {
    request(system, server, Method::POST, path, "\"8e03978e-40d5\"").json(&json!({"title": "Order a yard sign"}))
}

/// Asks until the lease of a killed holder has ended; answers status, whether it is a replay, and the body.
async fn eventually(request: impl Fn() -> RequestBuilder) -> (StatusCode, bool, Value) {
    loop {
        let answer = request().send().await.unwrap();
        if answer.status() != StatusCode::CONFLICT {
            let replayed = answer.headers().contains_key("idempotent-replayed");
            return (answer.status(), replayed, answer.json().await.unwrap_or_default());
        }
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], "idempotency_in_progress");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn killed_between_effect_and_answer_a_mission_is_made_once() {
    let system = system().await;
    let mut doomed = system.serve_until("operation.applied").await;
    assert!(create(&system, &doomed, "/missions").send().await.is_err(), "nobody answered");
    assert!(!doomed.ended().await.success());
    let made = system.ledger().rows("SELECT mission_id FROM public.dispatch_agent_tasks").await;
    assert_eq!(made.len(), 1, "it was made before the kill");

    let server = system.serve().await;
    let (status, replayed, mission) = eventually(|| create(&system, &server, "/missions")).await;
    assert_eq!((status, replayed), (StatusCode::CREATED, false), "resumed, for no answer was kept: {mission}");
    assert_eq!(mission["mission_id"], made[0]["mission_id"], "the same mission");
    let (status, replayed, again) = eventually(|| create(&system, &server, "/dispatch/missions")).await;
    assert_eq!((status, replayed, &again), (StatusCode::CREATED, true, &mission));
    assert_eq!(system.ledger().missions().await, 1);
    let told = "SELECT count(*) AS n FROM dispatch.timeline WHERE event = 'mission.created'";
    assert_eq!(system.ledger().count(told).await, 1, "and told once");
    system.finish().await;
}

#[tokio::test]
async fn killed_after_a_change_it_is_not_changed_again() {
    let system = system().await;
    let setup = system.serve().await;
    let (_, _, mission) = eventually(|| create(&system, &setup, "/missions")).await;
    setup.kill().await;
    let path = format!("/missions/{}", mission["mission_id"].as_str().unwrap());
    let mut doomed = system.serve_until("operation.applied").await;
    let delete = |server: &Server| request(&system, server, Method::DELETE, &path, "delete-1");
    assert!(delete(&doomed).send().await.is_err());
    assert!(!doomed.ended().await.success());
    let server = system.serve().await;
    let (status, replayed, _) = eventually(|| delete(&server)).await;
    assert_eq!((status, replayed), (StatusCode::NO_CONTENT, false));
    let (status, replayed, _) = eventually(|| delete(&server)).await;
    assert_eq!((status, replayed), (StatusCode::NO_CONTENT, true));
    let told = "SELECT count(*) AS n FROM dispatch.timeline WHERE event = 'mission.deleted'";
    assert_eq!(system.ledger().count(told).await, 1);
    system.finish().await;
}

#[tokio::test]
async fn two_servers_share_a_key_and_a_third_forgets_it_in_time() {
    let system = system().await;
    let (left, right) = (system.serve().await, system.serve().await);
    let both = futures_util::future::join(
        eventually(|| create(&system, &left, "/missions")),
        eventually(|| create(&system, &right, "/missions")),
    );
    let ((one, _, first), (other, _, second)) = both.await;
    assert_eq!((one, other, &first), (StatusCode::CREATED, StatusCode::CREATED, &second));
    assert_eq!(system.ledger().missions().await, 1);
    let reused = request(&system, &left, Method::POST, "/missions", "\"8e03978e-40d5\"");
    let reused = reused.json(&json!({"title": "Something else"})).send().await.unwrap();
    assert_eq!(reused.status(), StatusCode::UNPROCESSABLE_ENTITY);

    system.database.execute("UPDATE dispatch.idempotency_keys SET expires_at = now()").await;
    let kept = "SELECT count(*) AS n FROM dispatch.idempotency_keys";
    system.eventually("the worker removes it", async || system.ledger().count(kept).await == 0).await;
    let (status, replayed, third) = eventually(|| create(&system, &left, "/missions")).await;
    assert_eq!((status, replayed), (StatusCode::CREATED, false));
    assert_ne!(third["mission_id"], first["mission_id"]);
    system.finish().await;
}

#[tokio::test]
async fn nothing_is_done_without_its_protection() {
    let system = system().await;
    let server = system.serve().await;
    system.database.refuse_connections(true).await;
    let refused = create(&system, &server, "/missions").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    system.database.refuse_connections(false).await;
    let retried = async || create(&system, &server, "/missions").send().await.unwrap().status() == StatusCode::CREATED;
    system.eventually("the same request succeeds", retried).await;
    assert_eq!(system.ledger().missions().await, 1);
    system.finish().await;
}
