//! What waits for a person asks in its thread, once per conversation and hour; a click decides, once, whoever else decides
//! and whoever is killed.

use crate::system;
use dispatch_tests::harness::event::SECRET;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Click, Posted, Server, SlackMessage, System};
use reqwest::StatusCode;
use serde_json::json;
use time::OffsetDateTime;

const CONFIRM: &str = "dispatch_confirm";
const CHOOSE: &str = "dispatch_choose";
const IGNORE: &str = "dispatch_ignore";
const REALTOR: &str = "dispatch_realtor";

/// A server that is never sure enough.
async fn unsure(system: &System) -> Server {
    system.launch().env("AUTO_DISPATCH_THRESHOLD", "0.999").start().await
}

/// Says something unclear, and answers the question that is asked about it.
async fn asked(system: &System, server: &Server) -> (SlackMessage, String, Posted) {
    let message = SlackMessage::new("U1", CLEAR_TASK);
    let event = system.say(server, &message).await;
    system.settled().await;
    let posted = system.slack.posted();
    assert_eq!(posted.len(), 1, "one question: {posted:?}");
    (message, event, posted[0].clone())
}

/// Sends a click; answers its status and what became of it.
async fn click(system: &System, server: &Server, click: &Click) -> (StatusCode, String, String) {
    let answer = click.request(&system.client, server.base()).send().await.unwrap();
    let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let outcome = (answer.status(), header("dispatch-status"), header("dispatch-reason"));
    assert!(outcome.0 != StatusCode::OK || answer.content_length() == Some(0), "Slack would show it");
    outcome
}

fn queued() -> (StatusCode, String, String) {
    (StatusCode::OK, "queued".into(), String::new())
}

/// The question's message as it stands now.
fn standing(system: &System, question: &Posted) -> Posted {
    system.slack.posted().into_iter().find(|one| one.ts == question.ts).unwrap()
}

async fn outcomes(system: &System) -> Vec<String> {
    let rows = system.ledger().rows("SELECT outcome FROM dispatch.answers ORDER BY received_at, outcome").await;
    rows.iter().map(|row| row["outcome"].as_str().unwrap_or("none").to_owned()).collect()
}

async fn unit_state(system: &System) -> String {
    let rows = system.ledger().rows("SELECT state FROM dispatch.units").await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0]["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_held_message_asks_in_its_thread_and_a_click_makes_its_mission_once() {
    let system = system().await;
    let server = unsure(&system).await;
    let (message, event, question) = asked(&system, &server).await;
    assert_eq!(question.thread_ts.as_deref(), Some(message.ts.as_str()));
    assert!(question.text.contains("Is it a task") && question.text.contains("12 Elm St"), "{}", question.text);
    assert_eq!(question.blocks[0]["text"]["text"], question.text.as_str());
    assert_eq!((unit_state(&system).await.as_str(), system.ledger().missions().await), ("held", 0));

    let yes = Click::on(&question, "U1", CONFIRM);
    assert_eq!(click(&system, &server, &yes).await, queued());
    let again = (StatusCode::OK, "queued".to_owned(), "duplicate".to_owned());
    assert_eq!(click(&system, &server, &yes).await, again, "Slack sends it again");
    assert_eq!(click(&system, &server, &Click::on(&question, "U1", CONFIRM)).await, queued(), "a double click");
    system.settled().await;
    assert_eq!(outcomes(&system).await, ["confirmed", "decided_before"]);
    assert_eq!((system.ledger().missions().await, unit_state(&system).await.as_str()), (1, "routed"));
    assert_eq!(standing(&system, &question).text, "✅ Confirmed by <@U1>.");
    assert!(standing(&system, &question).blocks.as_array().unwrap().iter().all(|block| block["type"] != "actions"));
    assert_eq!((system.slack.posted().len(), system.slack.whispered().len()), (2, 0), "the receipt, and no more");
    let (_, story) = system.get(&server, &format!("/observe/logs/{event}")).await;
    assert_eq!(story["state"], "done", "{story}");
    let entries = story["entries"].as_array().unwrap();
    let answered = entries.iter().find(|entry| entry["event"] == "question.answered").unwrap();
    assert_eq!(answered["detail"]["by"], "slack:T1/U1");
    let (_, page) = system.get(&server, "/missions").await;
    assert_eq!(page["items"][0]["routing_decision"]["reason"], "Confirmed by slack:T1/U1", "{page}");
    system.finish().await;
}

#[tokio::test]
async fn a_conversation_is_asked_once_an_hour() {
    let system = system().await;
    let server = unsure(&system).await;
    for number in 0..3 {
        system.say(&server, &SlackMessage::new(&format!("U{number}"), CLEAR_TASK)).await;
        system.settled().await;
    }
    assert_eq!(system.slack.posted().len(), 1, "one channel, one question");
    system.say(&server, &SlackMessage::new("U1", CLEAR_TASK).in_channel("C2")).await;
    system.settled().await;
    assert_eq!(system.slack.posted().len(), 2, "another channel has its own");
    let held = system.ledger().count("SELECT count(*) AS n FROM dispatch.units WHERE state = 'held'").await;
    let left_out = "SELECT count(*) AS n FROM dispatch.timeline WHERE event = 'question.left_out'";
    assert_eq!((held, system.ledger().count(left_out).await), (4, 2));
    system.database.execute("UPDATE dispatch.quotas SET taken_at = taken_at - interval '61 minutes'").await;
    system.say(&server, &SlackMessage::new("U5", CLEAR_TASK)).await;
    system.settled().await;
    assert_eq!(system.slack.posted().len(), 3, "an hour later it may ask again");
    system.finish().await;
}

#[tokio::test]
async fn another_meaning_is_a_persons_word() {
    let system = system().await;
    let server = unsure(&system).await;
    let (_, _, question) = asked(&system, &server).await;
    let sale = Click::on(&question, "U1", CHOOSE).choosing("sale_listing");
    assert_eq!(click(&system, &server, &sale).await, queued());
    system.settled().await;
    assert_eq!(outcomes(&system).await, ["confirmed"]);
    let meaning = "SELECT c.message_type, c.group_key, c.confidence, c.provenance ->> 'provider' AS provider, c.address
        FROM dispatch.units AS u JOIN dispatch.classifications AS c USING (classification_id)";
    let rows = system.ledger().rows(meaning).await;
    let expected = json!({
        "message_type": "GROUP", "group_key": "SALE_LISTING", "confidence": 1, "provider": "person", "address": "12 Elm St",
    });
    assert_eq!(rows, [expected]);
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM listings").await, 1);
    assert!(system.ledger().missions().await > 1, "a listing with its activities");
    system.finish().await;
}

#[tokio::test]
async fn a_no_ends_it() {
    let system = system().await;
    let server = unsure(&system).await;
    let (_, event, question) = asked(&system, &server).await;
    assert_eq!(click(&system, &server, &Click::on(&question, "U1", IGNORE)).await, queued());
    system.settled().await;
    assert_eq!((unit_state(&system).await.as_str(), system.ledger().missions().await), ("dismissed", 0));
    assert_eq!(standing(&system, &question).text, "Ignored, as <@U1> said.");
    let (_, story) = system.get(&server, &format!("/observe/logs/{event}")).await;
    assert_eq!(story["state"], "dismissed", "{story}");
    system.finish().await;
}

#[tokio::test]
async fn only_the_brokerage_and_the_author_decide() {
    let system = system().await;
    let staff = "INSERT INTO staff (staff_id, email, name, role, slack_user_id, status) VALUES
        ('s-1', 'a@example.com', 'Ann', 'support', 'U2', 'active'), ('s-2', 'b@example.com', 'Bob', 'admin', 'U3', 'suspended')";
    system.database.execute(staff).await;
    let server = unsure(&system).await;
    let (_, _, question) = asked(&system, &server).await;
    for stranger in ["U9", "U3"] {
        assert_eq!(click(&system, &server, &Click::on(&question, stranger, CONFIRM)).await, queued());
    }
    // The same ids mean other people elsewhere.
    for user in ["U1", "U2"] {
        let mut elsewhere = Click::on(&question, user, CONFIRM);
        elsewhere.0["user"]["team_id"] = json!("T9");
        assert_eq!(click(&system, &server, &elsewhere).await, queued());
    }
    system.settled().await;
    assert_eq!(outcomes(&system).await, ["stranger"; 4]);
    assert_eq!((unit_state(&system).await.as_str(), system.slack.whispered().len()), ("held", 4));
    let whispered = system.slack.whispered();
    let told = whispered.iter().find(|one| one.to == "U9").unwrap();
    assert!(told.text.starts_with("Only people of the brokerage"), "{told:?}");
    assert_eq!(standing(&system, &question), question, "nobody else sees that");
    assert_eq!(click(&system, &server, &Click::on(&question, "U2", CONFIRM)).await, queued());
    system.settled().await;
    assert_eq!((unit_state(&system).await.as_str(), system.ledger().missions().await), ("routed", 1));
    system.finish().await;
}

#[tokio::test]
async fn of_a_click_and_a_no_over_http_at_once_one_counts_and_the_other_is_told() {
    let system = system().await;
    let server = unsure(&system).await;
    let (_, _, question) = asked(&system, &server).await;
    let (_, page) = system.get(&server, "/route/held").await;
    let unit = page["items"][0]["unit_id"].as_str().unwrap().to_owned();
    let no = system.client.post(format!("{}/route/held/{unit}/dismiss", server.base())).bearer_auth(service_bearer());
    let yes = Click::on(&question, "U1", CONFIRM);
    let (clicked, dismissed) = tokio::join!(click(&system, &server, &yes), async { no.send().await.unwrap().status() });
    assert_eq!(clicked, queued());
    system.settled().await;
    let text = standing(&system, &question).text;
    if dismissed == StatusCode::OK {
        assert_eq!((outcomes(&system).await, system.ledger().missions().await), (vec!["decided_before".to_owned()], 0));
        assert_eq!(text, "Ignored, as a colleague said.");
        assert_eq!(system.slack.whispered()[0].text, "a colleague has ignored this already.");
    } else {
        assert_eq!((dismissed, outcomes(&system).await), (StatusCode::CONFLICT, vec!["confirmed".to_owned()]));
        assert_eq!((text.as_str(), system.ledger().missions().await), ("✅ Confirmed by <@U1>.", 1));
    }
    system.finish().await;
}

#[tokio::test]
async fn two_people_at_once_one_decides_and_the_other_hears_who() {
    let system = system().await;
    let staff = "INSERT INTO staff (staff_id, email, name, role, slack_user_id) VALUES ('s-1', 'a@example.com', 'Ann', 'support', 'U2')";
    system.database.execute(staff).await;
    let server = unsure(&system).await;
    let replica = unsure(&system).await;
    let (_, _, question) = asked(&system, &server).await;
    let (one, other) = (Click::on(&question, "U1", CONFIRM), Click::on(&question, "U2", IGNORE));
    let both = tokio::join!(click(&system, &server, &one), click(&system, &replica, &other));
    assert_eq!(both, (queued(), queued()));
    system.settled().await;
    let yes = system.ledger().missions().await == 1;
    let (winner, loser) = if yes { ("U1", "U2") } else { ("U2", "U1") };
    let whispered = system.slack.whispered();
    assert_eq!((whispered.len(), whispered[0].to.as_str()), (1, loser));
    let said = if yes { "confirmed" } else { "ignored" };
    assert_eq!(whispered[0].text, format!("<@{winner}> has {said} this already."));
    assert!(standing(&system, &question).text.contains(winner));
    system.finish().await;
}

/// Kills a server at `failpoint`, when a click was acknowledged; another one carries it out, once.
async fn survives(failpoint: &str) {
    let system = system().await;
    let setup = unsure(&system).await;
    let (_, _, question) = asked(&system, &setup).await;
    setup.kill().await;
    let doomed = system.launch().env("DISPATCH_FAILPOINT", failpoint).env("AUTO_DISPATCH_THRESHOLD", "0.999");
    let mut doomed = doomed.start().await;
    // It may die before its acknowledgement is read; then the click is sent again, as a person would click again.
    let yes = Click::on(&question, "U1", CONFIRM);
    let acknowledged = yes.request(&system.client, doomed.base()).send().await;
    assert!(!doomed.ended().await.success(), "killed at {failpoint}");
    let kept = system.ledger().count("SELECT count(*) AS n FROM dispatch.answers").await;
    assert!(kept == 1 || acknowledged.is_err(), "what is acknowledged is kept");
    let server = unsure(&system).await;
    let (status, _, _) = click(&system, &server, &yes).await;
    assert_eq!(status, StatusCode::OK);
    system.settled().await;
    assert_eq!(outcomes(&system).await, ["confirmed"], "after {failpoint}");
    let decisions = system.ledger().count("SELECT count(*) AS n FROM dispatch.decisions").await;
    assert_eq!((system.ledger().missions().await, decisions), (1, 1));
    assert_eq!(standing(&system, &question).text, "✅ Confirmed by <@U1>.");
    assert_eq!(system.slack.posted().len(), 2, "one question and one receipt");
    system.finish().await;
}

#[tokio::test]
async fn killed_between_the_acknowledgement_and_the_decision() {
    survives("answer.claimed").await;
}

#[tokio::test]
async fn killed_between_the_decision_and_its_settlement() {
    survives("answer.decided").await;
}

#[tokio::test]
async fn a_message_that_is_edited_is_asked_about_anew_in_the_same_place() {
    let system = system().await;
    let server = unsure(&system).await;
    let (message, _, question) = asked(&system, &server).await;
    system.send(&server, &message.edited(60, "Please order the lockbox for 34 Oak Ave by Friday")).await;
    system.settled().await;
    let now = standing(&system, &question);
    assert!(now.text.contains("34 Oak Ave") && system.slack.posted().len() == 1, "{}", now.text);
    // A click on what stood there before says yes to nothing.
    assert_eq!(click(&system, &server, &Click::on(&question, "U1", CONFIRM)).await, queued());
    assert_eq!(click(&system, &server, &Click::on(&question, "U1", IGNORE)).await, queued());
    system.settled().await;
    assert_eq!((outcomes(&system).await, unit_state(&system).await.as_str()), (vec!["changed".to_owned(); 2], "held"));
    assert!(system.slack.whispered()[0].text.contains("changed since you were asked"));
    assert_eq!(click(&system, &server, &Click::on(&now, "U1", CONFIRM)).await, queued());
    system.settled().await;
    let tasks = system.ledger().rows("SELECT description FROM dispatch_agent_tasks").await;
    assert!(tasks.len() == 1 && tasks[0]["description"].as_str().unwrap().contains("34 Oak Ave"), "{tasks:?}");
    system.send(&server, &message.deleted()).await;
    system.settled().await;
    system.finish().await;
}

#[tokio::test]
async fn a_message_that_is_deleted_closes_its_question() {
    let system = system().await;
    let server = unsure(&system).await;
    let (message, _, question) = asked(&system, &server).await;
    system.send(&server, &message.deleted()).await;
    system.settled().await;
    assert!(standing(&system, &question).text.starts_with("The message was deleted"));
    assert_eq!(click(&system, &server, &Click::on(&question, "U1", CONFIRM)).await, queued());
    system.settled().await;
    assert_eq!((outcomes(&system).await, system.ledger().missions().await), (vec!["changed".to_owned()], 0));
    system.finish().await;
}

#[tokio::test]
async fn whose_work_it_is_is_asked_and_answered_with_a_person() {
    let system = system().await;
    system.database.execute("ALTER TABLE dispatch_agent_tasks ALTER COLUMN realtor_id SET NOT NULL").await;
    let realtor =
        "INSERT INTO realtors (realtor_id, email, name, slack_user_id) VALUES ('r-1', 'r@example.com', 'Rea', 'U7')";
    system.database.execute(realtor).await;
    let server = unsure(&system).await;
    let (_, _, question) = asked(&system, &server).await;
    // Understood, and still nobody knows whose it is: the question becomes another one, in its place. Its receipt waits.
    assert_eq!(click(&system, &server, &Click::on(&question, "U1", CONFIRM)).await, queued());
    let asks_whose = async || standing(&system, &question).text.contains("Who is the realtor?");
    system.eventually("it asks whose work it is", asks_whose).await;
    let whose = standing(&system, &question);
    assert_eq!(click(&system, &server, &Click::on(&whose, "U1", REALTOR).choosing("U8")).await, queued());
    system.eventually("it is told", async || !system.slack.whispered().is_empty()).await;
    assert!(system.slack.whispered()[0].text.starts_with("I know no realtor"));
    assert_eq!(click(&system, &server, &Click::on(&whose, "U1", REALTOR).choosing("U7")).await, queued());
    system.settled().await;
    let tasks = system.ledger().rows("SELECT realtor_id FROM dispatch_agent_tasks").await;
    assert_eq!(tasks, [json!({"realtor_id": "r-1"})]);
    assert_eq!(standing(&system, &question).text, "✅ Confirmed by <@U1>.");
    system.finish().await;
}

#[tokio::test]
async fn forged_stale_and_other_clicks_do_nothing() {
    let system = system().await;
    let server = unsure(&system).await;
    let (_, _, question) = asked(&system, &server).await;
    let (yes, now) = (Click::on(&question, "U1", CONFIRM), OffsetDateTime::now_utc().unix_timestamp());
    for (secret, at) in [("another-secret", now), (SECRET, now - 400), (SECRET, now + 400)] {
        let answer = yes.signed(&system.client, server.base(), secret, at).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    let ignored = |reason: &str| (StatusCode::OK, "ignored".to_owned(), reason.to_owned());
    assert_eq!(click(&system, &server, &Click(json!({"type": "view_submission"}))).await, ignored("type_unsupported"));
    let mut unknown = yes.clone();
    unknown.0["actions"][0]["block_id"] = json!("dispatch:01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60");
    assert_eq!(click(&system, &server, &unknown).await, ignored("question_unknown"));
    let mut foreign = yes.clone();
    foreign.0["actions"][0]["action_id"] = json!("approve");
    assert_eq!(click(&system, &server, &foreign).await, ignored("action_unsupported"));
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.answers").await, 0);
    assert_eq!(unit_state(&system).await, "held");
    system.finish().await;
}
