//! What a forced replay does about rows that there are, or are no more: one place has one listing, also then; and what the brokerage
//! removed is made anew.

use crate::replays::{ask, id};
use crate::system;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::{Server, SlackMessage, System};
use reqwest::StatusCode;
use serde_json::{Value, json};

const LISTING: &str = "New listing at 44 Birch Ave, going live Friday, asking $899k";

async fn count(system: &System, what: &str) -> i64 {
    system.ledger().count(&format!("SELECT count(*) AS n FROM {what}")).await
}

/// Replays, and waits until all of it is done.
async fn replay(system: &System, server: &Server, named: &str, body: &Value) -> Value {
    let (status, done) = ask(system, server, &format!("/route/replay/{named}"), None, body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{done}");
    system.settled().await;
    let dead = count(system, "dispatch.deliveries WHERE state IN ('failed', 'exhausted')").await;
    assert_eq!(dead, 0, "nothing came to grief: {done}");
    done
}

#[tokio::test]
async fn a_listing_is_not_doubled_by_force_and_gets_what_is_missing() {
    let system = system().await;
    let server = system.serve().await;
    let event = system.say(&server, &SlackMessage::new("U1", LISTING)).await;
    system.settled().await;
    let dispatch = id(&system, "SELECT dispatch_id AS id FROM dispatch.dispatches").await;
    let notes = system.ledger().rows("SELECT notes FROM public.listings").await;
    assert_eq!((notes.len(), count(&system, "public.dispatch_activities").await), (1, 5));

    assert_eq!(replay(&system, &server, &dispatch, &json!({})).await["outcome"], "nothing");
    for (named, from) in [(&dispatch, "deliver"), (&event, "route")] {
        replay(&system, &server, named, &json!({"from": from, "force": true})).await;
        assert_eq!(system.ledger().rows("SELECT notes FROM public.listings").await, notes, "one place, from {from}");
        assert_eq!(count(&system, "public.dispatch_activities").await, 5, "each activity once, from {from}");
        assert_eq!(count(&system, "public.listing_notes").await, 0, "it says so already, from {from}");
    }
    system.database.execute("DELETE FROM public.dispatch_activities WHERE name = 'Order yard sign'").await;
    let (_, status) = system.get(&server, &format!("/route/status/{dispatch}")).await;
    assert_eq!(status["deliveries"][0]["gone"].as_array().map(Vec::len), Some(1), "{status}");
    assert_eq!(replay(&system, &server, &dispatch, &json!({})).await["outcome"], "nothing", "nobody asked for it");
    replay(&system, &server, &dispatch, &json!({"force": true})).await;
    assert_eq!(count(&system, "public.dispatch_activities").await, 5, "what was missing, and nothing else");
    replay(&system, &server, &event, &json!({"from": "classify", "force": true})).await;
    let after = [count(&system, "public.listings").await, count(&system, "public.dispatch_activities").await];
    assert_eq!(after, [1, 5], "also where it is understood anew");
    system.finish().await;
}

#[tokio::test]
async fn a_listing_that_was_removed_is_made_anew_by_force_with_all_its_activities() {
    let system = system().await;
    let server = system.serve().await;
    system.say(&server, &SlackMessage::new("U1", LISTING)).await;
    system.settled().await;
    let dispatch = id(&system, "SELECT dispatch_id AS id FROM dispatch.dispatches").await;
    system.database.execute("DELETE FROM public.dispatch_activities; DELETE FROM public.listings").await;
    let (_, status) = system.get(&server, &format!("/route/status/{dispatch}")).await;
    assert_eq!(status["deliveries"][0]["gone"].as_array().map(Vec::len), Some(6), "{status}");
    replay(&system, &server, &dispatch, &json!({"force": true})).await;
    assert_eq!((count(&system, "public.listings").await, count(&system, "public.dispatch_activities").await), (1, 5));
    // Whoever writes about the place now finds the new one.
    system.say(&server, &SlackMessage::new("U1", LISTING).in_channel("C2")).await;
    system.settled().await;
    assert_eq!((count(&system, "public.listings").await, count(&system, "public.dispatch_activities").await), (1, 5));
    system.finish().await;
}

#[tokio::test]
async fn a_mission_that_was_removed_is_told_of_and_made_anew_by_force() {
    let system = system().await;
    let server = system.serve().await;
    let event = system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.settled().await;
    let dispatch = id(&system, "SELECT dispatch_id AS id FROM dispatch.dispatches").await;
    let mission = id(&system, "SELECT mission_id AS id FROM public.dispatch_agent_tasks").await;
    let (_, before) = system.get(&server, &format!("/route/status/{dispatch}")).await;
    assert!(before["deliveries"][0].get("gone").is_none(), "{before}");
    system.database.execute("DELETE FROM public.dispatch_agent_tasks").await;
    let (_, status) = system.get(&server, &format!("/route/status/{dispatch}")).await;
    assert_eq!(status["deliveries"][0]["gone"], json!([mission]), "{status}");
    assert_eq!(replay(&system, &server, &event, &json!({"from": "route"})).await["outcome"], "nothing");
    let forced = replay(&system, &server, &event, &json!({"from": "route", "force": true})).await;
    assert_eq!(count(&system, "public.dispatch_agent_tasks").await, 1, "made anew");
    let again = forced["dispatch_id"].as_str().unwrap();
    let (_, anew) = system.get(&server, &format!("/route/status/{again}")).await;
    assert!(anew["deliveries"][0].get("gone").is_none() && anew["replay_of"] == json!(dispatch), "{anew}");
    system.finish().await;
}
