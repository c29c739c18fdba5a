//! Who is told of a decision, and what.

use super::*;
use crate::event::{EventType, EventWork};
use crate::policy::{Choice, PolicyError, Unplannable, Wanted};
use crate::unit::Revision;
use serde_json::json;

const TABLES: &str = r#"
[endpoints.crm]
url = "https://crm.example/hooks/dispatch"
secrets = ["CRM_WEBHOOK_SECRET", "CRM_WEBHOOK_SECRET_OLD"]
events = ["routed", "revised"]
timeout_seconds = 20

[endpoints.quiet]
url = "http://127.0.0.1:9000/"
secrets = ["QUIET"]
allow = ["127.0.0.1:9000"]

[agents.photos]
url = "https://photos.example/"
secrets = ["PHOTOS"]
events = ["confirmed"]
description = "Books photographers."
capabilities = ["photos"]
"#;

fn default_and(tables: &str) -> Result<Policy, PolicyError> {
    Policy::parse(&format!("{}\n{tables}", include_str!("../default.toml")))
}

fn policy() -> Policy {
    default_and(TABLES).expect("a sound file")
}

fn told(plan: &[PlannedDelivery]) -> Vec<(&str, &EventWork)> {
    let told = plan.iter().filter_map(|one| match (&one.destination, &one.content) {
        (Destination::Webhook(to), Content::Event(work)) => Some((to.target.as_str(), &**work)),
        (Destination::Agent(to), Content::Event(work)) => Some((to.target.as_str(), &**work)),
        _ => None,
    });
    told.collect()
}

#[test]
fn the_tables_are_read() {
    let endpoints = policy().endpoints;
    let crm = &endpoints.webhooks["crm"];
    assert_eq!((crm.url.as_str(), crm.timeout.as_secs()), ("https://crm.example/hooks/dispatch", 20));
    assert_eq!(crm.secrets, ["CRM_WEBHOOK_SECRET", "CRM_WEBHOOK_SECRET_OLD"]);
    assert_eq!((endpoints.webhooks["quiet"].timeout.as_secs(), endpoints.agents.len()), (15, 1));
    assert!(Policy::default().endpoints.webhooks.is_empty());
}

#[test]
fn mistakes_are_named_with_place_and_cure_and_no_secret_is_shown() {
    for (sound, wrong, place, cure) in [
        ("https://crm.example/hooks/dispatch", "http://crm.example/", "endpoints.crm: ", "write https"),
        ("https://crm.example/hooks/dispatch", "crm.example", "endpoints.crm: ", "https://host/path"),
        ("https://crm.example/hooks/dispatch", "https://a:b@crm.example", "endpoints.crm: ", "secrets"),
        ("https://crm.example/hooks/dispatch", "ftp://crm.example", "endpoints.crm: ", "https://host/path"),
        ("allow = [\"127.0.0.1:9000\"]", "allow = [\"10.0.0.1\"]", "endpoints.quiet: ", "127.0.0.1:9000"),
        ("timeout_seconds = 20", "timeout_seconds = 5", "endpoints.crm: ", "15 to 30"),
        ("events = [\"confirmed\"]", "events = [\"everything\"]", "agents.photos: ", "routed"),
        ("[endpoints.quiet]", "[endpoints.\"Not quiet\"]", "Not quiet", "a-z"),
        ("capabilities = [\"photos\"]", "", "agents.photos: ", "capabilities"),
        ("timeout_seconds = 20", "timeout = 20", "timeout", "timeout_seconds"),
        ("[agents.photos]", "[agents.task_orchestrator]", "agents.task_orchestrator", "another name"),
        ("secrets = [\"PHOTOS\"]", "secrets = []", "agents.photos.secrets", "environment variable"),
        ("secrets = [\"PHOTOS\"]", "secrets = [\"A\", \"A\"]", "agents.photos.secrets", "environment variable"),
        ("secrets = [\"PHOTOS\"]", "secrets = [\"whsec_hush\"]", "agents.photos.secrets", "environment variable"),
        ("secrets = [\"PHOTOS\"]", "secrets = \"whsec_hush\"", "agents.photos.secrets", "environment variable"),
    ] {
        assert!(TABLES.contains(sound), "{sound}");
        let message = default_and(&TABLES.replacen(sound, wrong, 1)).expect_err(wrong).to_string();
        assert!(
            message.starts_with("line ") && message.contains(place) && message.contains(cure),
            "{wrong}: {message}"
        );
        assert!(!message.contains("hush"), "{message}");
    }
}

#[test]
fn subscribers_are_told_what_was_decided_and_others_only_when_they_are_named() {
    let meaning = means(Meaning::Stray(TaskKey::OpsMiscTask), 0.9);
    let decided = policy().decide(&unit(None), &meaning, &Zone::toronto());
    let plan = deliveries(decided.clone());
    let [(target, event)] = told(&plan)[..] else { panic!("one is told: {plan:?}") };
    assert_eq!((target, event.event), ("crm", EventType::Routed));
    assert_eq!(event.data.routing_decision.rule, decided.rule);
    assert_eq!(event.data.routing_decision.reason, "Above 0.7 threshold");
    assert_eq!(plan.iter().find(|one| one.destination.kind().as_str() == "webhook").and_then(|one| one.after), None);
    assert_eq!(deliveries(decide(&meaning)).len(), plan.len() - 1, "nobody is told by the embedded policy");

    let held = policy().decide(&unit(None), &means(Meaning::Stray(TaskKey::OpsMiscTask), 0.1), &Zone::toronto());
    assert!(matches!(held.verdict, Verdict::Hold(_)), "nobody is told of what waits");
}

#[test]
fn a_person_who_confirms_tells_others_and_names_whom_else() {
    let confirm = |wanted: Option<Vec<Wanted>>| {
        let choice = Choice { destinations: wanted, ..Choice::default() };
        let meaning = means(Meaning::Stray(TaskKey::OpsMiscTask), 0.1);
        policy().confirm(&unit(None), &meaning, &Zone::toronto(), "user:ann", &choice)
    };
    let plan = deliveries(confirm(None).expect("planned"));
    let [(target, event)] = told(&plan)[..] else { panic!("one is told: {plan:?}") };
    assert_eq!((target, event.event), ("photos", EventType::Confirmed));
    assert_eq!(event.data.routing_decision.reason, "Confirmed by user:ann");

    let webhook = |target: &str| Wanted::Webhook { target: target.into() };
    let agent = |target: &str| Wanted::Agent { target: target.into() };
    let plan = deliveries(confirm(Some(vec![webhook("quiet"), agent("photos"), agent("task_orchestrator")])).unwrap());
    assert_eq!(told(&plan).iter().map(|(target, _)| *target).collect::<Vec<_>>(), ["quiet", "photos"], "each once");
    assert!(matches!(item(&plan[0]), StorageItem::AgentTask(_)), "rows come first");
    for (wanted, why) in [(webhook("photos"), "endpoint"), (agent("crm"), "agent"), (agent("nobody"), "agent")] {
        let refused = confirm(Some(vec![webhook("quiet"), wanted])).expect_err("unknown");
        let Unplannable::Destination { index: 1, member: Some("target"), why: told } = refused else {
            panic!("{refused:?}")
        };
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn the_orchestrator_makes_what_the_meaning_leads_to() {
    let orchestrated = |meaning| {
        let choice = Choice {
            destinations: Some(vec![Wanted::Agent { target: "task_orchestrator".into() }]),
            ..Choice::default()
        };
        Policy::default().confirm(&unit(None), &means(meaning, 0.1), &Zone::toronto(), "user:ann", &choice)
    };
    let plan = deliveries(orchestrated(Meaning::Group(GroupKey::SaleListing)).unwrap());
    assert!(plan.len() == 1 && matches!(item(&plan[0]), StorageItem::Listing(_)));
    let plan = deliveries(orchestrated(Meaning::InfoRequest).unwrap());
    let StorageItem::AgentTask(task) = item(&plan[0]) else { panic!("a task") };
    assert!(plan.len() == 1 && task.needs_info.is_some());
    assert!(matches!(
        orchestrated(Meaning::Ignore),
        Err(Unplannable::Destination { index: 0, member: Some("target"), .. })
    ));
}

#[test]
fn a_changed_message_is_told_as_such() {
    let mut changed = unit(None);
    changed.revision = Some(Revision {
        number: 2,
        made: vec![crate::destination::StorageTable::DispatchAgentTasks],
        taken: false,
        waiting: false,
    });
    for meaning in [Meaning::Stray(TaskKey::OpsMiscTask), Meaning::Ignore] {
        let plan = deliveries(policy().decide(&changed, &means(meaning, 0.9), &Zone::toronto()));
        let [(target, event)] = told(&plan)[..] else { panic!("one is told: {plan:?}") };
        assert_eq!((target, event.event, event.data.revision), ("crm", EventType::Revised, 2));
    }
}

#[test]
fn what_is_told_as_json() {
    let mut said = unit(Some("1.1"));
    said.unit_id = UnitId(Uuid::nil());
    said.members.iter_mut().for_each(|member| member.signal_id = SignalId(Uuid::nil()));
    let plan = deliveries(policy().decide(&said, &means(Meaning::Group(GroupKey::SaleListing), 0.9), &Zone::toronto()));
    let (_, event) = told(&plan)[0];
    let nil = Uuid::nil();
    assert_eq!(
        serde_json::to_value(event).unwrap(),
        json!({
            "event": "routed",
            "subject": nil,
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "data": {
                "unit_id": nil,
                "revision": 0,
                "message": {
                    "source": "slack", "workspace": "T1", "channel": "C1", "thread": "1.1", "author": "U1",
                    "event_ids": [nil, nil], "text": "firm on 12 Elm\nclosing Dec 3", "said_at": "2026-11-20T15:00:00Z",
                },
                "classification": {
                    "message_type": "GROUP", "group_key": "SALE_LISTING", "listing_type": "SALE", "address": "12 Elm",
                    "assignee_hint": "Sam", "task_title": "Order the status cert", "due_at": "2026-12-03T22:00:00Z",
                    "confidence": 0.9,
                },
                "routing_decision": { "rule": "group", "auto_dispatch": true, "reason": "Above 0.7 threshold" },
            },
        })
    );
    assert_eq!(serde_json::from_value::<EventWork>(serde_json::to_value(event).unwrap()).unwrap(), *event);
}

#[test]
fn no_event_is_longer_than_a_webhook_may_be() {
    let long = "\u{1}\"🏠".repeat(20_000);
    let mut said = unit(Some(&long));
    (said.author, said.trace_id) = (long.clone(), long.clone());
    (said.conversation.workspace, said.conversation.channel) = (long.clone(), long.clone());
    said.members = std::iter::repeat_n(said.members[0].clone(), 200).collect();
    said.members[0].text.clone_from(&long);
    let mut meaning = means(Meaning::Stray(TaskKey::OpsMiscTask), 0.1);
    (meaning.listing.address, meaning.assignee_hint) = (Some(long.clone()), Some(long.clone()));
    let decided = policy().confirm(&said, &meaning, &Zone::toronto(), &long, &Choice::default()).expect("planned");
    let plan = deliveries(decided);
    let (_, event) = told(&plan)[0];
    let size = serde_json::to_string(event).unwrap().len();
    assert!((12_000..19_000).contains(&size), "{size}");
    assert!(event.data.message.is_cut && event.data.message.event_ids.len() == 20);
}

#[test]
fn a_rule_names_programs_and_others_subscribe() {
    let rules = "[[rules]]\nname = \"desk\"\nwhen = { type = \"STRAY\" }\nto = [\"webhook:quiet\", \"agent:photos\"]\n\
                 [[rules]]\nname = \"rest\"\nhold = {}\nto = \"webhook:quiet\"\n";
    let policy = Policy::parse(&format!("{rules}{TABLES}")).expect("a sound file");
    let decision = policy.decide(&unit(None), &means(Meaning::Stray(TaskKey::OpsMiscTask), 0.9), &Zone::toronto());
    assert_eq!(decision.rule, "desk");
    let plan = deliveries(decision);
    let names: Vec<_> = told(&plan).into_iter().map(|(name, _)| name).collect();
    assert_eq!((names, plan.len()), (vec!["quiet", "photos", "crm"], 3), "no rows: no rule asks for them");
    let group = means(Meaning::Group(GroupKey::SaleListing), 0.9);
    let confirmed = policy.confirm(&unit(None), &group, &Zone::toronto(), "user:ann", &Choice::default());
    let plan = deliveries(confirmed.expect("as the rule that holds it says"));
    assert_eq!(told(&plan).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["quiet", "photos"]);
    let stranger = rules.replace("agent:photos", "agent:phones");
    let message = Policy::parse(&format!("{stranger}{TABLES}")).expect_err("nobody of that name").to_string();
    assert!(message.starts_with("line 4, column 24: expected a destination"), "{message}");
}
