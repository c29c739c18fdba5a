//! What Slack says about our app itself: removed, installed again, held back.

use crate::system;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::{Server, SlackMessage, System};
use serde_json::{Value, json};

/// Says something that becomes a mission, and waits until all is done that can be.
async fn say_work(system: &System, server: &Server, author: &str, channel: &str) {
    system.say(server, &SlackMessage::new(author, CLEAR_TASK).in_channel(channel)).await;
    system.settled().await;
}

/// Something that happened to our app in `T1`, long ago.
fn event(event: &Value, id: &str) -> Value {
    json!({
        "type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event": event, "event_id": id, "event_time": 1_700_000_000,
        "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": true, "is_enterprise_install": false}],
    })
}

#[tokio::test]
async fn a_workspace_that_installed_us_anew_is_written_to_by_the_next_start() {
    let system = system().await;
    let server = system.serve().await;
    system.send(&server, &event(&json!({"type": "app_uninstalled"}), "Ev1")).await;
    say_work(&system, &server, "U1", "C1").await;
    assert_eq!(system.ledger().agent_tasks().await, 1, "the mission stands all the same");
    assert_eq!(system.slack.calls(), 0);
    assert!(!server.log().contains("installed again"), "{}", server.log());
    let (status, _) = server.terminate().await;
    assert!(status.success(), "{status}");

    system.slack.installs_in("T1").await;
    let server = system.serve().await;
    let blocks = "SELECT count(*) AS n FROM dispatch.send_permissions WHERE reason IS NOT NULL";
    system.eventually("the block is lifted", async || system.ledger().count(blocks).await == 0).await;
    // Slack tells it once more, and something else that came with it: both are older than the new token.
    system.send(&server, &event(&json!({"type": "app_uninstalled"}), "Ev2")).await;
    system.send(&server, &event(&json!({"type": "tokens_revoked", "tokens": {"bot": ["UBOT"]}}), "Ev3")).await;
    assert_eq!(system.ledger().count(blocks).await, 0);
    say_work(&system, &server, "U2", "C2").await;
    assert_eq!(system.slack.calls(), 1);
    system.eventually("it is told", async || server.log().contains("installed again")).await;
    assert!(!server.log().contains("xoxb-test"), "and no token is");
    system.finish().await;
}

#[tokio::test]
async fn a_workspace_that_threw_us_out_is_not_written_to_until_it_lets_us_in_again() {
    let system = system().await;
    let server = system.serve().await;
    let receipt = system.send(&server, &event(&json!({"type": "app_uninstalled"}), "Ev1")).await;
    assert_eq!(receipt["reason"], "app_uninstalled", "{receipt}");
    say_work(&system, &server, "U1", "C1").await;
    assert_eq!(system.ledger().agent_tasks().await, 1, "the mission stands all the same");
    let refused = "SELECT count(*) AS n FROM dispatch.deliveries WHERE kind = 'slack' AND state = 'cancelled'
        AND reason = 'app_uninstalled'";
    assert_eq!((system.slack.calls(), system.ledger().count(refused).await), (0, 1));
    assert!(server.log().contains("removed the app"), "those who run it are told");

    let joined = json!({"type": "member_joined_channel", "user": "UBOT", "channel": "C1", "team": "T1"});
    system.send(&server, &event(&joined, "Ev2")).await;
    say_work(&system, &server, "U2", "C2").await;
    assert_eq!(system.slack.calls(), 1);
    system.finish().await;
}

#[tokio::test]
async fn a_rate_limit_of_slacks_is_stored_once_and_those_who_run_it_are_told() {
    let system = system().await;
    let server = system.serve().await;
    let body =
        json!({"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1_518_467_820, "api_app_id": "A1"});
    let receipt = system.send(&server, &body).await;
    assert_eq!((&receipt["status"], &receipt["reason"]), (&json!("ignored"), &json!("app_rate_limited")));
    assert_eq!(system.send(&server, &body).await["duplicate"], true);
    assert!(server.log().contains("Slack withholds events"), "{}", server.log());
    system.finish().await;
}
