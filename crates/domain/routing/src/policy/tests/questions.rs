//! What is asked about what waits for a person.

use super::*;
use crate::question::{Alternative, Asks, Question};
use dispatch_mission::signal::Attachment;

fn asked_by(policy: &Policy, unit: &ClaimedUnit, meaning: &Classification) -> Option<Question> {
    let planned = policy.decide(unit, meaning, &Zone::toronto()).question?;
    assert_eq!((planned.quota.map(|quota| quota.key), planned.after), (Some("question:slack/T1/C1/-".into()), None));
    match planned.content {
        Content::Question(question) => Some(*question),
        other => panic!("{other:?}"),
    }
}

fn asked(meaning: Meaning, confidence: f32) -> Option<Question> {
    asked_by(&Policy::default(), &unit(None), &means(meaning, confidence))
}

#[test]
fn what_is_not_sure_is_asked_about_in_plain_words() {
    let question = asked(Meaning::Stray(TaskKey::OpsMiscTask), 0.4).expect("asked");
    let expected = "I'm not sure what to do with this. Is it a task, “Order the status cert”, for 12 Elm, due Dec 3, 2026 at 17:00?";
    assert_eq!(question.text, expected);
    let choices = vec![Alternative::SaleListing, Alternative::LeaseListing];
    assert_eq!(question.asks, Asks::Meaning { confirm: true, choices });
    let listing = asked(Meaning::Group(GroupKey::SaleListing), 0.4).expect("asked");
    assert!(listing.text.contains("Is it a listing (Sale Listing), for 12 Elm,"), "{}", listing.text);
    let choices = vec![Alternative::Task, Alternative::LeaseListing];
    assert_eq!(listing.asks, Asks::Meaning { confirm: true, choices });
}

#[test]
fn chatter_text_messages_and_who_wants_no_questions_are_left_alone() {
    assert_eq!(asked(Meaning::Ignore, 0.1), None, "held as chatter, silently");
    assert_eq!(asked(Meaning::Ignore, 0.9), None);
    let unsure = means(Meaning::InfoRequest, 0.1);
    let mut unit = unit(None);
    unit.conversation.source = Source::Sms;
    assert_eq!(asked_by(&Policy::default(), &unit, &unsure), None);
    unit.conversation.source = Source::Slack;
    assert!(asked_by(&Policy::default(), &unit, &unsure).is_some());
    let silent = include_str!("../default.toml").replace("ask = true", "ask = false");
    let silent = Policy::parse(&silent).expect("a policy");
    assert_eq!(asked_by(&silent, &unit, &unsure), None);
}

#[test]
fn files_without_a_word_are_no_chatter_and_nothing_to_confirm() {
    let mut unit = unit(None);
    for member in &mut unit.members {
        member.text.clear();
    }
    let file = Attachment { name: Some("offer.pdf".into()), media_type: None, url: None };
    unit.members[0].attachments.push(file);
    let question = asked_by(&Policy::default(), &unit, &means(Meaning::Ignore, 0.9)).expect("asked");
    assert_eq!(question.asks, Asks::Meaning { confirm: false, choices: Alternative::ALL.into() });
}

#[test]
fn what_is_sure_asks_for_its_realtor_should_nobody_know_whose_it_is() {
    let question = asked(Meaning::Stray(TaskKey::OpsMiscTask), 0.9).expect("asked");
    assert_eq!(question.asks, Asks::Realtor);
    assert!(
        question.text.starts_with("I take this for a task, “Order the status cert”, for 12 Elm"),
        "{}",
        question.text
    );
}

#[test]
fn a_file_that_says_nothing_of_questions_asks_as_the_embedded_one_does() {
    let embedded = include_str!("../default.toml");
    let (from, to) = (embedded.find("[held]").expect("there"), embedded.find("[receipt]").expect("there"));
    let older = format!("{}{}", &embedded[..from], &embedded[to..]);
    assert_eq!(Policy::parse(&older).expect("a policy"), Policy::default());
}

#[test]
fn the_stored_question_has_this_shape() {
    let content = Content::Question(Box::new(asked(Meaning::Stray(TaskKey::OpsMiscTask), 0.4).expect("asked")));
    let text = content.text().expect("words").to_owned();
    let stored = serde_json::to_value(&content).expect("JSON");
    let asks = serde_json::json!({"about": "meaning", "confirm": true, "choices": ["sale_listing", "lease_listing"]});
    assert_eq!(stored, serde_json::json!({"content": "question", "text": text, "asks": asks}));
    assert_eq!(serde_json::from_value::<Content>(stored).expect("a content"), content);
    let remark = crate::question::Ended::Confirmed("slack:T1/U2").remark("T1");
    let closing = Content::Closing { message_ref: "1.9".into(), remark };
    let stored = serde_json::to_value(&closing).expect("JSON");
    let expected = serde_json::json!({
        "content": "closing", "message_ref": "1.9", "text": "✅ Confirmed by {person}.", "person": "U2",
    });
    assert_eq!(stored, expected);
    assert_eq!(serde_json::from_value::<Content>(stored).expect("a content"), closing);
}
