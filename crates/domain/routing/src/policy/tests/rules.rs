//! What rules of a file decide, by example.

use super::*;
use crate::destination::StorageTable;
use crate::plan::Judgement;
use crate::policy::{Circumstances, Facts};
use dispatch_mission::signal::Attachment;

const STRAY: Meaning = Meaning::Stray(TaskKey::OpsMiscTask);

/// These rules, then one that holds everything.
fn policy(rules: &str) -> Policy {
    let text = format!("{rules}\n[[rules]]\nname = \"rest\"\nhold = {{}}\n");
    Policy::parse(&text).unwrap_or_else(|error| panic!("{error}"))
}

fn rule_of(policy: &Policy, unit: &ClaimedUnit, meaning: Meaning, confidence: f32) -> String {
    policy.decide(unit, &means(meaning, confidence), &Zone::toronto()).rule
}

/// Asserts that the condition takes what `change` makes of an ordinary unit, and not the unit itself.
fn takes(when: &str, change: impl Fn(&mut ClaimedUnit)) {
    let policy = policy(&format!("[[rules]]\nname = \"it\"\nwhen = {{ {when} }}\nto = []"));
    let mut unit = unit(None);
    assert_eq!(rule_of(&policy, &unit, STRAY, 0.9), "rest", "{when}");
    change(&mut unit);
    assert_eq!(rule_of(&policy, &unit, STRAY, 0.9), "it", "{when}");
}

fn at(time: time::OffsetDateTime) -> impl Fn(&mut ClaimedUnit) {
    move |unit| unit.members.iter_mut().for_each(|member| member.at = time)
}

fn file() -> Attachment {
    Attachment { name: None, media_type: None, url: None }
}

#[test]
fn a_rule_asks_for_circumstances() {
    takes("channel = \"C9\"", |unit| unit.conversation.channel = "C9".into());
    takes("channel = [\"C8\", \"C9\"], workspace = \"T1\"", |unit| unit.conversation.channel = "C9".into());
    takes("workspace = \"T2\"", |unit| unit.conversation.workspace = "T2".into());
    takes("author = [\"U2\", \"U3\"]", |unit| unit.author = "U3".into());
    takes("source = \"sms\"", |unit| unit.conversation.source = Source::Sms);
    takes("attachments = true, wordless = false", |unit| unit.members[0].attachments = vec![file()]);
    takes("wordless = true", |unit| {
        unit.members[0].attachments = vec![file()];
        unit.members.iter_mut().for_each(|member| member.text.clear());
    });
    // The ordinary unit came on a Friday at 10:00.
    takes("weekday = [\"sat-sun\", \"wed\"]", at(datetime!(2026-11-22 15:00 UTC)));
    takes("time = \"18:00-08:00\"", at(datetime!(2026-11-21 03:00 UTC)));
    // It is Saturday in UTC, and still Friday evening in Toronto.
    takes("time = \"21:00-24:00\", weekday = \"fri\"", at(datetime!(2026-11-21 03:00 UTC)));
}

#[test]
fn a_rule_asks_for_what_was_understood_and_how_surely() {
    let policy = policy(
        "[[rules]]\nname = \"keys\"\nwhen = { key = [\"BUYER_DEAL\", \"SALE_LISTING\"] }\nto = []\n\
         [[rules]]\nname = \"band\"\nwhen = { type = [\"STRAY\", \"GROUP\"], confidence = { at_least = 0.4, below = \"threshold\" } }\nto = []\n",
    );
    let unit = unit(None);
    for (meaning, confidence, rule) in [
        (Meaning::Stray(TaskKey::BuyerDeal), 0.0, "keys"),
        (Meaning::Group(GroupKey::SaleListing), 1.0, "keys"),
        (Meaning::Group(GroupKey::LeaseListing), 0.4, "band"),
        (STRAY, 0.69, "band"),
        (STRAY, 0.7, "rest"),
        (STRAY, 0.39, "rest"),
        (Meaning::Ignore, 0.5, "rest"),
    ] {
        assert_eq!(rule_of(&policy, &unit, meaning, confidence), rule, "{meaning:?} {confidence}");
    }
    let bolder = policy.with_threshold(0.6).expect("from 0 to 1");
    assert_eq!(rule_of(&bolder, &unit, STRAY, 0.69), "rest", "the threshold of the environment is meant");
}

#[test]
fn the_first_rule_that_matches_decides_and_has_a_threshold_of_its_own() {
    let policy = policy(
        "[[rules]]\nname = \"bold\"\nwhen = { channel = \"C1\" }\nto = \"task_orchestrator\"\nthreshold = 0.4\n\
         [[rules]]\nname = \"other\"\nwhen = { type = \"STRAY\" }\nto = [\"receipt\", \"task_orchestrator\"]\n",
    );
    let mut unit = unit(None);
    let decision = policy.decide(&unit, &means(STRAY, 0.5), &Zone::toronto());
    assert_eq!((decision.rule.as_str(), decision.routing.reason.as_str()), ("bold", "Above 0.4 threshold"));
    let plan = deliveries(decision.clone());
    let Content::Storage(work) = &plan[0].content else { panic!("rows") };
    assert_eq!((plan.len(), &work.routing_decision), (1, &decision.routing));

    unit.conversation.channel = "C2".into();
    let decision = policy.decide(&unit, &means(STRAY, 0.5), &Zone::toronto());
    assert_eq!((decision.rule.as_str(), decision.routing.reason.as_str()), ("other", "Below 0.7 threshold"));
    let Verdict::Hold(hold) = decision.verdict else { panic!("held") };
    assert_eq!((hold.reason.as_str(), hold.expires_after), ("below_threshold", None));
    let plan = deliveries(policy.decide(&unit, &means(STRAY, 0.7), &Zone::toronto()));
    assert!(matches!(item(&plan[0]), StorageItem::AgentTask(_)), "rows first, however they are listed");
    assert_eq!(plan[1].after, Some(0));
}

#[test]
fn others_hear_of_it_in_the_words_of_the_policy() {
    let policy = policy(
        "[[rules]]\nname = \"desk\"\nwhen = { source = [\"slack\", \"sms\"] }\nto = [\"task_orchestrator\", { slack = \"T7/C7\", \
         thread_ts = \"1.000001\", text = \"{type} {key}: {title} at {address}\" }]\n",
    );
    let mut meaning = means(STRAY, 0.9);
    meaning.task_title = TaskTitle::from_text("Order {key}");
    let mut unit = unit(None);
    unit.conversation.source = Source::Sms;
    let plan = deliveries(policy.decide(&unit, &meaning, &Zone::toronto()));
    assert_eq!(message(&plan[1]), "STRAY OPS_MISC_TASK: Order {key} at 12 Elm");
    let Destination::Notification(NotificationDestination::Slack(place)) = &plan[1].destination else {
        panic!("Slack")
    };
    assert_eq!((place.workspace.as_str(), place.channel_id.as_str(), plan[1].after), ("T7", "C7", Some(0)));
    assert_eq!(place.thread_ts.as_deref(), Some("1.000001"));
}

#[test]
fn without_a_thread_others_hear_of_it_in_the_channel_itself() {
    let policy = policy("[[rules]]\nname = \"desk\"\nwhen = { type = \"STRAY\" }\nto = { slack = \"T7/C7\" }\n");
    let plan = deliveries(policy.decide(&unit(None), &means(STRAY, 0.9), &Zone::toronto()));
    let Destination::Notification(NotificationDestination::Slack(place)) = &plan[0].destination else {
        panic!("Slack")
    };
    assert_eq!((place.channel_id.as_str(), &place.thread_ts), ("C7", &None));
    let stored = serde_json::to_value(&plan[0].destination).expect("JSON");
    assert!(stored.get("thread_ts").is_none(), "{stored}");
    assert_eq!(serde_json::from_value::<Destination>(stored).expect("read"), plan[0].destination);
    assert_eq!(plan[0].destination.line().as_deref(), Some("slack/T7/C7/-"));
}

#[test]
fn a_held_unit_goes_where_its_rule_says_once_a_person_says_yes() {
    let policy = policy(
        "[[rules]]\nname = \"approval\"\nwhen = { author = \"U1\", confidence = { below = 0.5 } }\n\
         hold = { reason = \"needs_approval\", expires_after_hours = 2 }\nto = \"receipt\"\nbecause = \"A beginner\"\n\
         [[rules]]\nname = \"quiet\"\nwhen = { type = \"IGNORE\" }\nto = []\n\
         [[rules]]\nname = \"night\"\nwhen = { confidence = { at_least = 0.9 } }\nhold = {}\n\
         [[rules]]\nname = \"work\"\nwhen = { type = \"STRAY\" }\nto = \"task_orchestrator\"\n",
    );
    let unit = unit(None);
    let held = policy.decide(&unit, &means(STRAY, 0.3), &Zone::toronto());
    assert_eq!((held.rule.as_str(), held.routing.reason.as_str()), ("approval", "A beginner"));
    let Verdict::Hold(hold) = held.verdict else { panic!("held") };
    assert_eq!((hold.reason.as_str(), hold.expires_after), ("needs_approval", Some(Duration::from_secs(7_200))));

    let yes = |meaning, confidence| {
        let choice = crate::policy::Choice::default();
        policy.confirm(&unit, &means(meaning, confidence), &Zone::toronto(), "user:ann", &choice).map(deliveries)
    };
    let places =
        |plan: Vec<PlannedDelivery>| plan.iter().map(|one| one.destination.kind().as_str()).collect::<Vec<_>>();
    assert_eq!(yes(STRAY, 0.3).map(places), Ok(vec!["slack"]), "as the rule that holds it says");
    assert_eq!(
        yes(STRAY, 0.95).map(places),
        Ok(vec!["storage"]),
        "held without saying where to: as the next rule says"
    );
    assert_eq!(yes(STRAY, 0.6).map(places), Ok(vec!["storage"]), "below the threshold of the rule that sends it");
    let listing = yes(Meaning::Group(GroupKey::SaleListing), 0.6).expect("no rule acts on it");
    let Destination::Storage(storage) = &listing[0].destination else { panic!("storage") };
    assert_eq!((storage.table, listing.len()), (StorageTable::Listings, 2), "what it means");
    assert!(yes(Meaning::Ignore, 0.9).is_err(), "a rule does nothing about it");
}

#[test]
fn of_a_text_that_somebody_asks_about_nobody_knows_where_it_was_said() {
    let policy = policy(
        "[[rules]]\nname = \"channel\"\nwhen = { channel = \"C1\" }\nto = []\n\
         [[rules]]\nname = \"slack\"\nwhen = { source = \"slack\" }\nto = []\n",
    );
    let judge = |source| {
        let circumstances = Circumstances::of_text(source, datetime!(2026-11-20 15:00 UTC), &Zone::toronto());
        let Judgement { rule, hold, .. } = policy.judge(&means(STRAY, 0.9), &circumstances);
        (rule, hold.map(|hold| hold.reason))
    };
    assert_eq!(judge(Some(Source::Slack)), ("slack".into(), None));
    assert_eq!(judge(None), ("rest".into(), Some("rest".into())), "a hold without a reason has its rule's name");
}

#[test]
fn the_built_in_rules_decide_as_they_always_have() {
    let policy = Policy::default();
    let plain = unit(None);
    for (meaning, confidence, rule, reason) in [
        (Meaning::Ignore, 0.49, "ignore_unsure", "Below 0.5 threshold"),
        (Meaning::Ignore, 0.5, "ignore", "Chatter: nothing to do"),
        (STRAY, 0.69, "below_threshold", "Below 0.7 threshold"),
        (Meaning::InfoRequest, 0.1, "below_threshold", "Below 0.7 threshold"),
        (STRAY, 0.7, "stray", "Above 0.7 threshold"),
        (Meaning::Group(GroupKey::BuyOrLeased), 0.9, "group", "Above 0.7 threshold"),
        (Meaning::InfoRequest, 0.9, "info_request", "Above 0.7 threshold"),
    ] {
        let decision = policy.decide(&plain, &means(meaning, confidence), &Zone::toronto());
        assert_eq!((decision.rule.as_str(), decision.routing.reason.as_str()), (rule, reason));
        let judged = policy.judge(&means(meaning, confidence), &Circumstances::of_unit(&plain, &Zone::toronto()));
        assert_eq!((judged.rule, judged.routing), (decision.rule, decision.routing));
    }
    assert_eq!(policy.warnings(), []);
}

proptest! {
    #[test]
    fn everything_gets_one_decision_from_one_rule_and_always_the_same(
        policy in crate::policy::tests::reach::any_policy(), meaning in any_meaning(), confidence in 0.0f32..=1.0,
        channel in proptest::sample::select(vec!["C1", "C2", "C3"]), minute in 0i64..10_080,
    ) {
        let mut unit = unit(None);
        unit.conversation.channel = channel.into();
        unit.members.iter_mut().for_each(|member| member.at += time::Duration::minutes(minute));
        let classification = means(meaning, confidence);
        let decide = |policy: &Policy| policy.decide(&unit, &classification, &Zone::toronto());
        let decision = decide(&policy);
        prop_assert_eq!(&decision, &decide(&policy.clone()));
        // The rule is the first of those that match, and it is the only one of that name.
        let facts = Facts::new(&classification, Circumstances::of_unit(&unit, &Zone::toronto()));
        let first = policy.rules.iter().find(|rule| rule.matches(&facts, policy.threshold)).expect("one always matches");
        prop_assert_eq!(&decision.rule, &first.name);
        prop_assert_eq!(policy.rules.iter().filter(|rule| rule.name == decision.rule).count(), 1);
        let judged = policy.judge(&classification, &facts.circumstances);
        prop_assert_eq!((&judged.rule, &judged.routing), (&decision.rule, &decision.routing));
        prop_assert_eq!(judged.hold.is_some(), matches!(decision.verdict, Verdict::Hold(_)));
    }
}
