//! Messages that change after they were said: edits, deletions, answers, and the same one announced twice.

use crate::system;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::{Server, SlackMessage, System};
use serde_json::{Value, json};

/// [`CLEAR_TASK`], for another house.
const CORRECTED: &str = "Please order the lockbox and sign for our new listing at 14 Oak St by Friday";
const CHATTER: &str = "never mind, thanks!";
const UNCLEAR: &str = "can someone fix it please";
/// Long enough for whatever a test does inside an open burst.
const OPEN: &str = "2500";

/// The only mission there is.
async fn mission(system: &System) -> Value {
    let rows = system
        .ledger()
        .rows("SELECT mission_id, description, mission_status, claimed_at FROM public.dispatch_agent_tasks")
        .await;
    assert_eq!(rows.len(), 1, "one message is one mission: {rows:?}");
    rows.into_iter().next().unwrap()
}

async fn assert_mission(system: &System, text: &str, status: &str) {
    let mission = mission(system).await;
    assert_eq!((&mission["description"], &mission["mission_status"]), (&json!(text), &json!(status)), "{mission}");
}

/// Says [`CLEAR_TASK`] and waits until it is a mission with its receipt.
async fn say_one(system: &System, server: &Server) -> SlackMessage {
    let message = SlackMessage::new("U1", CLEAR_TASK);
    system.say(server, &message).await;
    system.settled().await;
    assert_mission(system, CLEAR_TASK, "OPEN").await;
    message
}

async fn claim(system: &System) {
    let sql = "UPDATE public.dispatch_agent_tasks SET mission_status = 'CLAIMED', claimed_at = now()";
    system.database.execute(sql).await;
}

fn texts(system: &System) -> Vec<String> {
    system.slack.posted().into_iter().map(|posted| posted.text).collect()
}

#[tokio::test]
async fn an_edit_inside_an_open_burst_changes_the_burst() {
    let system = system().await;
    let server = system.launch().env("BURST_QUIET_MS", OPEN).start().await;
    let message = SlackMessage::new("U1", CLEAR_TASK);
    system.say(&server, &message).await;
    let receipt = system.send(&server, &message.edited(1, CORRECTED)).await;
    assert_eq!(receipt["status"], "queued", "{receipt}");
    system.settled().await;
    assert_mission(&system, CORRECTED, "OPEN").await;
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.units").await, 1);
    assert_eq!(texts(&system).len(), 1);
    system.finish().await;
}

#[tokio::test]
async fn of_several_edits_the_latest_counts_in_whatever_order_they_come() {
    let system = system().await;
    let server = system.serve().await;
    let message = say_one(&system, &server).await;
    for (number, text) in [(3, CORRECTED), (1, CHATTER), (2, CLEAR_TASK), (3, CORRECTED)] {
        system.send(&server, &message.edited(number, text)).await;
    }
    system.settled().await;
    assert_mission(&system, CORRECTED, "OPEN").await;
    system.finish().await;
}

#[tokio::test]
async fn an_edit_that_overtakes_its_message_waits_for_it() {
    let system = system().await;
    let server = system.serve().await;
    let message = SlackMessage::new("U1", CLEAR_TASK);
    system.send(&server, &message.edited(1, CORRECTED)).await;
    let waits = "SELECT count(*) AS n FROM dispatch.signals WHERE state = 'amending' AND look_again_at > now()";
    system.eventually("the edit was looked at", async || system.ledger().count(waits).await == 1).await;
    assert_eq!(system.ledger().missions().await, 0);
    system.say(&server, &message).await;
    system.settled().await;
    assert_mission(&system, CORRECTED, "OPEN").await;
    assert_eq!(texts(&system).len(), 1);
    system.finish().await;
}

#[tokio::test]
async fn an_edit_changes_a_mission_that_nobody_has_claimed() {
    let system = system().await;
    let server = system.serve().await;
    let message = say_one(&system, &server).await;
    let before = mission(&system).await;
    system.send(&server, &message.edited(1, CORRECTED)).await;
    system.settled().await;
    assert_mission(&system, CORRECTED, "OPEN").await;
    assert_eq!(mission(&system).await["mission_id"], before["mission_id"]);
    assert_eq!(texts(&system).len(), 1, "its author had a receipt");
    system.finish().await;
}

#[tokio::test]
async fn an_edit_to_something_else_than_work_takes_the_mission_back() {
    let system = system().await;
    let server = system.serve().await;
    let message = say_one(&system, &server).await;
    system.send(&server, &message.edited(1, CHATTER)).await;
    system.settled().await;
    assert_eq!(mission(&system).await["mission_status"], "CANCELLED");
    system.finish().await;
}

#[tokio::test]
async fn an_edit_after_somebody_claimed_it_changes_nothing_and_its_author_is_told() {
    let system = system().await;
    let server = system.serve().await;
    let message = say_one(&system, &server).await;
    claim(&system).await;
    system.send(&server, &message.edited(1, CORRECTED)).await;
    system.settled().await;
    assert_mission(&system, CLEAR_TASK, "CLAIMED").await;
    let posted = system.slack.posted();
    assert_eq!(posted.len(), 2, "{posted:?}");
    assert!(posted[1].text.contains("already working on this"), "{posted:?}");
    assert_eq!(posted[1].thread_ts.as_deref(), Some(message.ts.as_str()));
    system.finish().await;
}

#[tokio::test]
async fn an_edit_of_what_a_dying_worker_holds_is_applied_once_it_is_free() {
    let system = system().await;
    let mut first = system.serve_until("unit.claimed").await;
    let message = SlackMessage::new("U1", CLEAR_TASK);
    system.say(&first, &message).await;
    first.ended().await;
    let second = system.serve().await;
    system.send(&second, &message.edited(1, CORRECTED)).await;
    system.settled().await;
    assert_mission(&system, CORRECTED, "OPEN").await;
    assert_eq!(texts(&system).len(), 1);
    system.finish().await;
}

#[tokio::test]
async fn a_link_that_unfurls_and_a_reply_that_is_counted_change_nothing() {
    let system = system().await;
    let server = system.serve().await;
    let message = say_one(&system, &server).await;
    let receipt = system.send(&server, &message.edited(1, CLEAR_TASK)).await;
    assert_eq!((&receipt["status"], &receipt["reason"]), (&json!("ignored"), &json!("text_unchanged")));
    // The edit that it overtook has the same time, and is another signal.
    let mut edit = message.edited(1, CORRECTED);
    edit["event_id"] = json!(format!("{}late", message.event_id));
    system.send(&server, &edit).await;
    system.settled().await;
    assert_mission(&system, CORRECTED, "OPEN").await;
    system.finish().await;
}

#[tokio::test]
async fn a_message_deleted_before_its_burst_closes_never_was() {
    let system = system().await;
    let server = system.launch().env("BURST_QUIET_MS", OPEN).start().await;
    let (kept, gone) = (SlackMessage::new("U1", CLEAR_TASK), SlackMessage::new("U1", "and call 416 for the keys"));
    for message in [&kept, &gone] {
        system.say(&server, message).await;
    }
    let alone = SlackMessage::new("U2", CORRECTED).in_channel("C2");
    system.say(&server, &alone).await;
    for message in [&gone, &alone] {
        system.send(&server, &message.deleted()).await;
    }
    system.settled().await;
    assert_mission(&system, CLEAR_TASK, "OPEN").await;
    assert_eq!(texts(&system).len(), 1);
    system.finish().await;
}

#[tokio::test]
async fn a_deletion_cancels_a_mission_that_nobody_has_claimed() {
    let system = system().await;
    let server = system.serve().await;
    let message = say_one(&system, &server).await;
    let receipt = system.send(&server, &message.deleted()).await;
    assert_eq!(receipt["status"], "queued", "{receipt}");
    system.settled().await;
    assert_eq!(mission(&system).await["mission_status"], "CANCELLED");
    // An edit that was slower than the deletion brings nothing back.
    system.send(&server, &message.edited(1, CORRECTED)).await;
    system.settled().await;
    assert_eq!(mission(&system).await["mission_status"], "CANCELLED");
    system.finish().await;
}

#[tokio::test]
async fn a_deletion_leaves_what_somebody_has_claimed() {
    let system = system().await;
    let server = system.serve().await;
    let message = say_one(&system, &server).await;
    claim(&system).await;
    system.send(&server, &message.deleted()).await;
    system.settled().await;
    assert_mission(&system, CLEAR_TASK, "CLAIMED").await;
    system.finish().await;
}

#[tokio::test]
async fn an_answer_in_the_thread_completes_the_mission_that_asked() {
    let system = system().await;
    let server = system.serve().await;
    let message = SlackMessage::new("U1", UNCLEAR);
    system.say(&server, &message).await;
    system.settled().await;
    let (_, page) = system.get(&server, "/missions?status=needs_info").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    let asked = mission(&system).await;

    system.say(&server, &SlackMessage::new("U1", CLEAR_TASK).in_thread_of(&message)).await;
    system.settled().await;
    let answered = mission(&system).await;
    assert_eq!(answered["mission_id"], asked["mission_id"]);
    assert!(answered["description"].as_str().unwrap().contains(CLEAR_TASK), "{answered}");
    let (_, page) = system.get(&server, "/missions?status=needs_info").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 0, "{page}");
    let texts = texts(&system);
    assert_eq!(texts.len(), 2, "a question, and a receipt for the answer: {texts:?}");
    system.finish().await;
}

#[tokio::test]
async fn a_message_that_mentions_the_app_is_announced_twice_and_is_one() {
    let system = system().await;
    let server = system.serve().await;
    let message = SlackMessage::new("U1", CLEAR_TASK);
    let event_id = system.say(&server, &message).await;
    let receipt = system.send(&server, &message.mention()).await;
    assert_eq!((&receipt["event_id"], &receipt["duplicate"]), (&json!(event_id), &json!(true)), "{receipt}");
    let other = SlackMessage::new("U2", CORRECTED).in_channel("C2");
    let first = system.send(&server, &other.mention()).await;
    assert_eq!(first["event_id"], json!(system.say(&server, &other).await), "in either order");
    system.settled().await;
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.signals").await, 2);
    assert_eq!(system.ledger().agent_tasks().await, 2);
    system.finish().await;
}

#[tokio::test]
async fn a_file_without_a_word_is_a_message() {
    let system = system().await;
    let server = system.serve().await;
    let message = SlackMessage::new("U1", "");
    let mut body = message.body();
    body["event"]["subtype"] = json!("file_share");
    body["event"]["files"] = json!([{"id": "F1", "title": "Floor plan", "mimetype": "image/png",
        "url_private": "https://files.slack.com/files-pri/T1-F1/plan.png"}]);
    let receipt = system.send(&server, &body).await;
    assert_eq!(receipt["status"], "queued", "{receipt}");
    system.settled().await;
    let kept = system.ledger().rows("SELECT attachments FROM dispatch.signals").await;
    assert_eq!(kept[0]["attachments"][0]["name"], "Floor plan", "{kept:?}");
    system.finish().await;
}
