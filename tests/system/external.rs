//! Endpoints and external agents: told by signed events, once as far as they can tell, whoever is killed; and what agents
//! answer is routed on once.

use crate::system;
use dispatch_tests::harness::server::Launch;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Peers, ProgramMood, ProgramPeer, SlackMessage, System};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

const NEW: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const DEFAULT_POLICY: &str = include_str!("../../crates/domain/routing/src/policy/default.toml");

/// A system with a program that is an endpoint, `crm`, and one that is an agent, `photos`.
struct World {
    system: System,
    crm: ProgramPeer,
    photos: ProgramPeer,
    folder: TempDir,
}

impl World {
    async fn new(crm_events: &str, photos_events: &str) -> Self {
        let (system, crm, photos) = (system().await, ProgramPeer::start().await, ProgramPeer::start().await);
        let folder = tempfile::tempdir().unwrap();
        let crm_table =
            format!("[endpoints.crm]\n{}secrets = [\"CRM_NEW\", \"CRM_OLD\"]\nevents = {crm_events}\n", crm.place());
        let photos_table = format!(
            "[agents.photos]\n{}secrets = [\"PHOTOS\"]\nevents = {photos_events}\n\
             description = \"Books photographers.\"\ncapabilities = [\"photos\"]\n",
            photos.place()
        );
        std::fs::write(folder.path().join("policy.toml"), format!("{DEFAULT_POLICY}\n{crm_table}\n{photos_table}"))
            .unwrap();
        Self { system, crm, photos, folder }
    }

    fn launch(&self) -> Launch {
        let policy = self.folder.path().join("policy.toml");
        let launch = self.system.launch().env("DISPATCH_POLICY", policy.to_str().unwrap());
        launch.env("CRM_NEW", NEW).env("CRM_OLD", OLD).env("PHOTOS", NEW)
    }

    async fn count(&self, what: &str) -> i64 {
        self.system.ledger().count(&format!("SELECT count(*) AS n FROM {what}")).await
    }
}

#[tokio::test]
async fn an_endpoint_is_told_once_and_its_own_library_believes_us() {
    let world = World::new("[\"routed\"]", "[]").await;
    let server = world.launch().start().await;
    let event_id = world.system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    world.system.settled().await;
    let told = world.crm.told();
    let [told] = &told[..] else { panic!("told once: {told:?}") };
    let mut peers = Peers::start();
    let mut verdict = |secret: &str, body: &str| -> Option<String> {
        peers.ask(&json!({"ask": "webhook_verify", "secret": secret, "headers": told.headers, "body": body}))
    };
    assert_eq!(verdict(NEW, &told.body), None, "whoever has the new secret");
    assert_eq!(verdict(OLD, &told.body), None, "and whoever still has the old one");
    assert!(verdict("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &told.body).is_some());
    assert!(verdict(NEW, &told.body.replace("lockbox", "keys")).is_some(), "an altered body");
    let body = told.json();
    assert_eq!(told.header("content-type"), "application/cloudevents+json");
    assert_eq!((&body["id"], &body["specversion"]), (&json!(told.header("webhook-id")), &json!("1.0")));
    assert_eq!((&body["type"], &body["source"]), (&json!("com.archieos.dispatch.routed.v1"), &json!("/dispatch")));
    assert_eq!(body["data"]["message"]["event_ids"], json!([event_id]));
    assert_eq!(body["data"]["message"]["text"], CLEAR_TASK);
    assert_eq!(body["data"]["classification"]["message_type"], "STRAY");
    let (_, story) = world.system.get(&server, &format!("/observe/logs/{event_id}")).await;
    assert_eq!(story["state"], "done", "{story}");
    let trace = story["trace_ids"][0].as_str().unwrap();
    assert!(body["traceparent"].as_str().unwrap().contains(trace), "{body}");
    assert!(world.photos.told().is_empty(), "an agent that subscribes to nothing");
    assert!(!server.log().contains(NEW) && !server.log().contains(CLEAR_TASK));
    world.system.finish().await;
}

#[tokio::test]
async fn killed_between_sending_and_settling_an_agent_is_asked_twice_and_its_answer_counts_once() {
    let world = World::new("[]", "[\"routed\"]").await;
    world.photos.set_mood(ProgramMood::Says(json!({
        "messages": [{"text": "Booked for Friday at nine."}],
        "missions": [{"title": "Open the house", "description": "For the photographer.", "mission_type": "MARKETING"}],
    })));
    let mut doomed = world.launch().env("DISPATCH_FAILPOINT", "delivery.sent@agent").start().await;
    let event_id = world.system.say(&doomed, &SlackMessage::new("U1", CLEAR_TASK)).await;
    assert!(!doomed.ended().await.success(), "killed");
    assert_eq!((world.photos.told().len(), world.count("dispatch.dispatches").await), (1, 1), "nothing is settled");

    let server = world.launch().start().await;
    world.system.settled().await;
    let told = world.photos.told();
    let ids: Vec<_> = told.iter().map(|one| one.header("webhook-id").to_owned()).collect();
    assert_eq!((ids.len(), &ids[0]), (2, &ids[1]), "the same id: it knows the repeat");
    assert_eq!(told[0].body, told[1].body);
    assert_eq!(world.system.ledger().agent_tasks().await, 2, "the message's, and the agent's");
    assert_eq!(world.count("dispatch.dispatches WHERE answer_of IS NOT NULL").await, 1);
    let mut texts: Vec<_> =
        world.system.slack.posted().into_iter().map(|posted| (posted.thread_ts, posted.text)).collect();
    texts.sort();
    assert_eq!(texts.len(), 2, "a receipt and a reply: {texts:?}");
    assert!(texts.iter().any(|(_, text)| text == "Booked for Friday at nine."), "{texts:?}");
    assert_eq!(texts[0].0, texts[1].0, "in one thread");
    let (_, story) = world.system.get(&server, &format!("/observe/logs/{event_id}")).await;
    assert_eq!((&story["state"], story["mission_ids"].as_array().map(Vec::len)), (&json!("done"), Some(2)), "{story}");
    let answered = story["entries"].as_array().unwrap().iter().find(|entry| entry["event"] == "agent.answered");
    assert_eq!(answered.unwrap()["detail"]["missions"], 1, "{story}");

    let (_, agents) = world.system.get(&server, "/observe/agents").await;
    let agents = agents["items"].as_array().unwrap();
    let photos = agents.iter().find(|agent| agent["name"] == "external.photos").expect("listed");
    assert_eq!((&photos["kind"], &photos["health"]), (&json!("external"), &json!("ready")));
    assert_eq!((&photos["capabilities"], &photos["provider"]), (&json!(["photos"]), &json!("127.0.0.1")));
    world.system.finish().await;
}

/// A system with two agents that hand everything on to each other, for ever.
async fn two_agents(limits: &str) -> (World, ProgramPeer) {
    let (world, stager) = (World::new("[]", "[\"routed\"]").await, ProgramPeer::start().await);
    let path = world.folder.path().join("policy.toml");
    let table = format!(
        "[agents.stager]\n{}secrets = [\"PHOTOS\"]\ndescription = \"Stages.\"\ncapabilities = [\"stage\"]\n",
        stager.place()
    );
    let policy = std::fs::read_to_string(&path).unwrap().replace("agent_depth = 3", limits);
    std::fs::write(path, format!("{policy}\n{table}")).unwrap();
    for (peer, other) in [(&world.photos, "stager"), (&stager, "photos")] {
        peer.set_mood(ProgramMood::Says(json!({"messages": [{"text": format!("Ask {other}")}], "agents": [other]})));
    }
    (world, stager)
}

#[tokio::test]
async fn agents_that_hand_on_to_each_other_end_and_the_story_says_why() {
    let (world, stager) = two_agents("agent_depth = 3").await;
    let server = world.launch().start().await;
    let event_id = world.system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    world.system.settled().await;
    assert_eq!((world.photos.told().len(), stager.told().len()), (2, 1), "three answer one after another");
    let handed = stager.told()[0].json();
    assert_eq!(handed["type"], "com.archieos.dispatch.answered.v1");
    let expected = json!({"agent": "photos", "depth": 1, "messages": ["Ask stager"]});
    assert_eq!((&handed["data"]["answer"], &handed["data"]["message"]["text"]), (&expected, &json!(CLEAR_TASK)));
    let (_, story) = world.system.get(&server, &format!("/observe/logs/{event_id}")).await;
    assert_eq!(story["state"], "done", "{story}");
    let ended: Vec<_> =
        story["entries"].as_array().unwrap().iter().filter(|entry| entry["event"] == "agent.not_handed_on").collect();
    assert_eq!(ended.len(), 1, "{story}");
    assert_eq!(ended[0]["detail"], json!({"agents": ["stager"], "reason": "agent_depth", "limit": 3}));
    let said = world.system.slack.posted().into_iter().filter(|posted| posted.text.starts_with("Ask")).count();
    assert_eq!(said, 3, "each is heard all the same");
    world.system.finish().await;
}

#[tokio::test]
async fn an_answer_is_handed_on_once_whoever_is_killed_and_not_at_all_where_the_policy_says_so() {
    let (world, stager) = two_agents("agent_depth = 2").await;
    let mut doomed = world.launch().env("DISPATCH_FAILPOINT", "delivery.sent@agent").start().await;
    world.system.say(&doomed, &SlackMessage::new("U1", CLEAR_TASK)).await;
    assert!(!doomed.ended().await.success(), "killed");
    let server = world.launch().start().await;
    world.system.settled().await;
    assert_eq!((world.photos.told().len(), stager.told().len()), (2, 1), "the first was asked twice, under one id");
    assert_eq!(world.count("dispatch.deliveries WHERE kind = 'agent'").await, 2);
    server.kill().await;
    world.system.finish().await;

    let (world, stager) = two_agents("agent_depth = 1").await;
    let server = world.launch().start().await;
    world.system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    world.system.settled().await;
    assert_eq!((world.photos.told().len(), stager.told().len()), (1, 0));
    world.system.finish().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_noted_and_fails_nothing() {
    let world = World::new("[]", "[\"routed\"]").await;
    world.photos.set_mood(ProgramMood::Says(json!({"missions": [{"name": "no title"}]})));
    let server = world.launch().start().await;
    let event_id = world.system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    world.system.settled().await;
    let (_, story) = world.system.get(&server, &format!("/observe/logs/{event_id}")).await;
    assert_eq!(story["state"], "done", "{story}");
    let refused = story["entries"].as_array().unwrap().iter().find(|entry| entry["event"] == "agent.answer_refused");
    assert_eq!(refused.unwrap()["detail"]["code"], "answer_malformed", "{story}");
    assert_eq!((world.photos.told().len(), world.system.ledger().agent_tasks().await), (1, 1));
    world.system.finish().await;
}

#[tokio::test]
async fn one_that_says_410_is_left_alone_until_somebody_switches_it_on() {
    let world = World::new("[\"routed\"]", "[]").await;
    world.crm.set_mood(ProgramMood::Status(410));
    let server = world.launch().start().await;
    let held = "dispatch.deliveries WHERE state = 'held' AND reason = 'endpoint_disabled'";
    for number in 1..=2 {
        world.system.say(&server, &SlackMessage::new(&format!("U{number}"), CLEAR_TASK)).await;
        world.system.eventually("it is held", async || world.count(held).await == number).await;
    }
    assert_eq!(world.crm.told().len(), 1, "it said that nobody listens");
    assert_eq!(world.count("dispatch.timeline WHERE event = 'endpoint.disabled'").await, 1);
    let (listed, output) = world.launch().run(&["endpoint", "list"]).await;
    assert!(listed && output.contains("crm: off, it answered 410, 2 waiting"), "{output}");

    world.crm.set_mood(ProgramMood::Status(204));
    let (enabled, output) = world.launch().run(&["endpoint", "enable", "crm"]).await;
    assert!(enabled, "{output}");
    world.system.eventually("they are sent", async || world.crm.told().len() == 3).await;
    world.system.settled().await;
    assert_eq!(world.count("dispatch.deliveries WHERE kind = 'webhook' AND state = 'delivered'").await, 2);
    assert_eq!(world.count("dispatch.timeline WHERE event = 'endpoint.enabled'").await, 1);
    let (again, output) = world.launch().run(&["endpoint", "enable", "crm"]).await;
    assert!(!again && output.contains("not switched off"), "{output}");
    world.system.finish().await;
}

#[tokio::test]
async fn without_its_secret_nothing_is_sent_and_everybody_can_see_why() {
    let world = World::new("[\"routed\"]", "[]").await;
    let bare = world.launch().env("CRM_NEW", "");
    let server = bare.start().await;
    world.system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    world.system.settled().await;
    assert_eq!(world.count("dispatch.deliveries WHERE state = 'failed' AND reason = 'no_secret'").await, 1);
    assert!(world.crm.told().is_empty() && world.system.slack.posted().len() == 1);
    let (_, output) = bare.clone().run(&["doctor", "--json"]).await;
    assert!(output.contains("endpoint crm") && output.contains("CRM_NEW not set"), "{output}");
    let (fine, output) = world.launch().env("CRM_NEW", "hunter2").run(&["serve"]).await;
    assert!(!fine && output.contains("CRM_NEW") && !output.contains("hunter2"), "{output}");
    world.system.finish().await;
}

#[tokio::test]
async fn a_person_names_an_endpoint_an_agent_and_the_orchestrator() {
    let world = World::new("[]", "[]").await;
    let server = world.launch().env("AUTO_DISPATCH_THRESHOLD", "0.999").start().await;
    world.system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    world.system.settled().await;
    let (_, page) = world.system.get(&server, "/route/held").await;
    let meaning = &page["items"][0]["classification"]["classification_id"];
    let dispatch = async |destinations: Value| {
        let body = json!({"classification_id": meaning, "destinations": destinations});
        let request =
            world.system.client.post(format!("{}/route/dispatch", server.base())).bearer_auth(service_bearer());
        let answer = request.header("idempotency-key", body["destinations"].to_string().len().to_string()).json(&body);
        let answer = answer.send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let crm = json!({"type": "webhook", "target": "crm"});
    let (status, wrong) = dispatch(json!([crm, {"type": "agent", "target": "crm"}])).await;
    assert_eq!((status, &wrong["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("destination_invalid")), "{wrong}");
    assert_eq!(wrong["errors"][0]["pointer"], "/destinations/1/target");
    let photos = json!({"type": "agent", "target": "photos"});
    let (status, made) = dispatch(json!([crm, photos, {"type": "agent", "target": "task_orchestrator"}])).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{made}");
    let storage = json!({"type": "storage", "target": "supabase", "table": "dispatch_agent_tasks"});
    let shown: Vec<_> = made["deliveries"].as_array().unwrap().iter().map(|one| one["destination"].clone()).collect();
    assert_eq!(shown, [storage, crm, photos]);
    world.system.settled().await;
    let types: Vec<_> =
        [world.crm.told(), world.photos.told()].concat().iter().map(|one| one.json()["type"].clone()).collect();
    assert_eq!(types, [json!("com.archieos.dispatch.confirmed.v1"), json!("com.archieos.dispatch.confirmed.v1")]);
    assert_eq!(world.system.ledger().missions().await, 1);
    world.system.finish().await;
}
