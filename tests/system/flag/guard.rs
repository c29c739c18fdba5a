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

/// Thirty requests that the old contract answers well, written down by the replica: it does so once a second, and what it has
/// not written down yet is no measure for a flip.
async fn was_well(system: &System, server: &Server) {
    for _ in 0..30 {
        assert_eq!(status(system, server).await, StatusCode::OK);
    }
    let counted = "SELECT coalesce(sum(answered), 0)::bigint AS n FROM dispatch.legacy_traffic WHERE mark <> ''";
    system.eventually("they are counted", async || system.ledger().count(counted).await >= 30).await;
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
    was_well(&system, &server).await;
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
    assert!(good && said.contains("guard: passed: ") && said.contains("dispatch"), "{said}");
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

/// A guard that nobody can judge ends, and says so; without one, that nobody is there is said all the same.
#[tokio::test]
async fn where_no_replica_is_alive_it_is_said_and_nobody_waits_for_ever() {
    let system = system().await;
    let (good, said) = flag(&system, &["set", "operations"]).await;
    assert!(good && said.contains("no replica is alive: it is set"), "{said}");
    let (good, said) = flag(&system, &["set", "dispatch", "--guard", "1s"]).await;
    assert!(!good && said.contains("nobody judges until one is"), "{said}");
    assert!(said.contains("guard: not judged: no replica is alive; the flag stays as it was set"), "{said}");
    let (good, said) = flag(&system, &["get", "--json"]).await;
    let shown: Value = serde_json::from_str(said.trim()).unwrap();
    assert!(good && shown["guard"]["guard"] == "not_judged", "{said}");
    system.finish().await;
}

/// Killed before the flag is set, or right after it: there is never a flip without its guard, and none is half recorded.
#[tokio::test]
async fn a_command_that_is_killed_leaves_no_flip_unguarded() {
    let system = system().await;
    let server = system.launch().arg("--no-worker").start().await;
    set(&system, &server, "operations").await;
    for (point, flips) in [("flag.armed", 0), ("flag.set", 1)] {
        let killed = system.launch().env("DISPATCH_FAILPOINT", point);
        let (good, said) = killed.run(&["flag", "set", "dispatch", "--reason", "killed", "--guard", "10m"]).await;
        assert!(!good, "{said}");
        let guarded = "SELECT count(*) AS n FROM dispatch.flag JOIN dispatch.flag_guards USING (mark)
            JOIN dispatch.flag_changes USING (mark)
            WHERE state = 'armed' AND back_version = 'operations' AND flag_changes.reason = 'killed'";
        assert_eq!(system.ledger().count(guarded).await, flips, "{point}");
        let flag = "SELECT count(*) AS n FROM dispatch.flag WHERE version = 'dispatch'";
        assert_eq!(system.ledger().count(flag).await, flips, "{point}");
    }
    system.finish().await;
}

/// What one contract answers for most says nothing about the other one: the guard judges the share that was introduced.
#[tokio::test]
async fn a_small_share_is_judged_by_itself() {
    let system = system().await;
    let server = asked_often(&system).arg("--no-worker").start().await;
    set(&system, &server, "operations").await;
    was_well(&system, &server).await;
    let ask = async |key: usize| {
        let request = system.client.get(format!("{}/status", server.base())).header("x-api-key", format!("key-{key}"));
        request.send().await.unwrap().status()
    };
    let traffic = async {
        for key in (0..400).cycle() {
            ask(key).await;
        }
    };
    let set = ["set", "dispatch", "--percent", "10", "--guard", "10m"];
    let (good, said) = tokio::select! {
        done = flag(&system, &set) => done,
        () = traffic => unreachable!("traffic does not end"),
    };
    assert!(!good && said.contains("100 % of ") && said.contains("by dispatch failed"), "{said}");
    system.finish().await;
}
