//! A guarded flip: it goes back by itself when errors grow, with its reason, and stays when all is well.

use super::{flag, set};
use crate::system;
use dispatch_tests::harness::server::Launch;
use dispatch_tests::harness::{Server, System};
use reqwest::StatusCode;
use serde_json::Value;
use std::pin::pin;
use std::time::Duration;

async fn status(system: &System, server: &Server) -> StatusCode {
    system.client.get(format!("{}/status", server.base())).send().await.unwrap().status()
}

/// Strangers may ask for the status page as often as these tests do.
fn asked_often(system: &System) -> Launch {
    system.launch().env("RATE_LIMIT_PER_ADDRESS", "0")
}

/// Asks for the old status page until the command has ended.
async fn under_traffic<T>(system: &System, server: &Server, command: impl Future<Output = T>) -> T {
    let traffic = async {
        loop {
            status(system, server).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        done = command => done,
        () = traffic => unreachable!("traffic does not end"),
    }
}

#[tokio::test]
async fn a_flip_after_which_errors_grow_goes_back_by_itself_and_says_why() {
    let system = system().await;
    // Nobody works here: the old status page says so with 200, its successor with 503.
    let server = asked_often(&system).arg("--no-worker").start().await;
    set(&system, &server, "operations").await;
    for _ in 0..30 {
        assert_eq!(status(&system, &server).await, StatusCode::OK);
    }
    let command = ["set", "dispatch", "--reason", "too early", "--guard", "10m"];
    let (good, said) = under_traffic(&system, &server, flag(&system, &command)).await;
    assert!(!good && said.contains("guard: flipped back: ") && said.contains("% before the flip"), "{said}");
    system
        .eventually("the old contract answers again", async || status(&system, &server).await == StatusCode::OK)
        .await;
    let (_, history) = system.get(&server, "/route/flag/history").await;
    let newest: &Value = &history["items"][0];
    assert_eq!((&newest["api_version"], &newest["by"]), (&"operations".into(), &"guard".into()), "{history}");
    assert!(newest["reason"].as_str().is_some_and(|why| why.contains("failed")), "{newest}");
    assert_eq!(history["items"][1]["reason"], "too early");
    system.finish().await;
}

#[tokio::test]
async fn a_flip_under_which_all_is_well_stays() {
    let system = system().await;
    let server = asked_often(&system).start().await;
    set(&system, &server, "operations").await;
    system.eventually("a worker is there", async || status(&system, &server).await == StatusCode::OK).await;
    let command = ["set", "dispatch", "--guard", "2s"];
    let (good, said) = under_traffic(&system, &server, flag(&system, &command)).await;
    assert!(good && said.contains("guard: passed"), "{said}");
    let (_, shown) = system.get(&server, "/route/flag").await;
    assert_eq!(shown["api_version"], "dispatch");
    let (_, history) = system.get(&server, "/route/flag/history").await;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(2), "{history}");
    system.settled().await;
    system.finish().await;
}

/// Whoever asked for a guard has one, also when the command is ended while it waits for a replica.
#[tokio::test]
async fn a_guard_is_there_before_anybody_is_waited_for() {
    let system = system().await;
    let server = system.launch().arg("--no-worker").start().await;
    set(&system, &server, "operations").await;
    // A replica that was heard of just now and does not follow.
    let stuck = "INSERT INTO dispatch.replicas (replica, mark) VALUES ('stuck', 'before')";
    system.database.execute(stuck).await;
    {
        let mut command = pin!(flag(&system, &["set", "dispatch", "--guard", "10m", "--wait", "2"]));
        let armed = system.eventually("it is armed", async || {
            system.ledger().count("SELECT count(*) AS n FROM dispatch.flag_guards WHERE state = 'armed'").await == 1
        });
        tokio::select! {
            biased;
            done = &mut command => panic!("it waits for the one that is stuck: {done:?}"),
            () = armed => {}
        }
        let (good, said) = command.await;
        assert!(!good && said.contains("1 of 2 replicas do not serve by it yet"), "{said}");
    }
    system.finish().await;
}
