//! The use case on the invented brokerage: what is answered, what is told on the way, and who may hear it.

use super::narration::{Narration, Voice};
use super::toolbox::Toolbox;
use super::wall::Wall;
use super::{Asker, Line, Role};
use crate::ports::StoreUnavailable;
use crate::ports::records::Viewer;
use crate::ports::stories::{Stories, Story, StoryEntry};
use crate::ports::streams::EventName;
use crate::testing::records::{MemoryRecords, NOW, world};
use async_trait::async_trait;
use dispatch_mission::ids::{MissionId, SignalId, StaffId, UnitId};
use dispatch_mission::mission::{Mission, MissionKind, Visibility};
use dispatch_mission::mission_store::{
    MissionCursor, MissionFilter, MissionOrder, MissionPage, MissionStore, MissionStoreError,
};
use dispatch_mission::people::Sight;
use dispatch_mission::zone::Zone;
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// Keeps what is told.
#[derive(Default)]
pub(super) struct Heard(pub(super) Mutex<Vec<(EventName, Map<String, Value>)>>);

impl Voice for Heard {
    fn tell(&self, name: EventName, data: Map<String, Value>) {
        self.0.lock().unwrap().push((name, data));
    }

    fn delta(&self, provider: &str, attempt: u32, text: &str) {
        let data = json!({ "provider": provider, "attempt": attempt, "text": text });
        self.tell(EventName::Delta, data.as_object().cloned().unwrap_or_default());
    }
}

/// Single missions and stories of the same brokerage.
struct Rest;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0193_5000_0000_7000_8000_0000_0000_0000 + n)
}

#[async_trait]
impl MissionStore for Rest {
    async fn list(
        &self,
        _: Sight,
        _: &MissionFilter,
        _: MissionOrder,
        _: Option<&MissionCursor>,
        _: u32,
    ) -> Result<MissionPage, MissionStoreError> {
        Ok(MissionPage { items: Vec::new(), next: None })
    }

    async fn find(&self, sight: Sight, id: &MissionId) -> Result<Option<Mission>, MissionStoreError> {
        let all = world().missions.into_iter().map(|hit| hit.mission);
        let seen = |mission: &Mission| {
            mission.kind == MissionKind::AgentTask || sight.sees(mission.visibility.unwrap_or(Visibility::Both))
        };
        Ok(all.into_iter().find(|mission| mission.mission_id == *id).filter(seen))
    }
}

#[async_trait]
impl Stories for Rest {
    async fn find(&self, asked: &str) -> Result<Option<Story>, StoreUnavailable> {
        let entry = |event: &str, subject: &str, detail: Value| StoryEntry {
            at: NOW,
            step: "route".into(),
            event: event.into(),
            subject: Some(subject.into()),
            detail: detail.as_object().cloned().unwrap_or_default(),
        };
        let story = |n: u128, state: &str, missions: &[&str], entries: Vec<StoryEntry>| Story {
            event_ids: vec![SignalId(id(n))],
            unit_id: Some(UnitId(id(100 + n))),
            classification_id: None,
            dispatch_ids: Vec::new(),
            delivery_ids: Vec::new(),
            mission_ids: missions.iter().map(|id| MissionId((*id).to_owned())).collect(),
            trace_ids: Vec::new(),
            state: state.into(),
            entries,
        };
        let first = story(
            1,
            "done",
            &["m-photos", "m-mls"],
            vec![
                entry("signal.received", &id(1).to_string(), json!({ "source": "slack" })),
                entry("unit.routed", &id(101).to_string(), json!({ "reason": "Above 0.7 threshold" })),
                entry("delivery.attempted", "d", json!({ "outcome": "delivered", "missions": ["m-photos", "m-mls"] })),
                entry("mission.claimed", "m-mls", json!({ "by": "staff-priya" })),
            ],
        );
        let second = story(
            2,
            "held",
            &[],
            vec![entry(
                "unit.held",
                &id(102).to_string(),
                json!({ "held_for": "below_threshold", "reason": "0.43 is below 0.7" }),
            )],
        );
        Ok([first, second].into_iter().find(|story| {
            story.mission_ids.iter().any(|mission| mission.0 == asked)
                || story.event_ids[0].to_string() == asked
                || story.unit_id.is_some_and(|unit| unit.to_string() == asked)
        }))
    }
}

pub(super) fn toolbox() -> Toolbox {
    Toolbox { records: Arc::new(MemoryRecords(world())), stories: Arc::new(Rest), missions: Arc::new(Rest) }
}

pub(super) fn asker(sight: Sight, observes: bool) -> Asker {
    Asker { viewer: Viewer { sight, observes, staff: None }, missions: true }
}

/// Sam.
pub(super) fn admin() -> Asker {
    let mut asker = asker(Sight::ALL, true);
    asker.viewer.staff = Some(StaffId("staff-sam".into()));
    asker
}

pub(super) fn wall() -> Wall {
    Wall { now: NOW, zone: Zone::toronto() }
}

/// With members by name: whether JSON keeps their order depends on who else is built.
pub(super) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let sorted: std::collections::BTreeMap<String, Value> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) tools: Vec<String>,
    pub(super) cited: Vec<String>,
    pub(super) results: Vec<Value>,
}

/// What the local mind answers, and what it told on the way.
pub(super) async fn answer_of(asker: &Asker, question: &str, history: &[Line]) -> Answer {
    let (tools, heard) = (toolbox(), Heard::default());
    let narration = Narration::new(&tools, asker, wall(), &heard);
    let text = super::local::answer(&narration, question, history).await.expect("memory answers");
    narration.cite(&text);
    let events = heard.0.into_inner().unwrap();
    let of = |name| events.iter().filter(move |(told, _)| *told == name).map(|(_, data)| data.clone());
    let called = of(EventName::ToolCall)
        .map(|data| format!("{}{}", data["name"].as_str().unwrap_or_default(), sorted(data["arguments"].clone())));
    let cited = of(EventName::Citations).flat_map(|data| data["items"].as_array().cloned().unwrap_or_default());
    Answer {
        tools: called.collect(),
        cited: cited.map(|item| item["id"].as_str().unwrap_or_default().to_owned()).collect(),
        results: of(EventName::ToolResult).map(Value::Object).collect(),
        text,
    }
}

fn user(content: &str) -> Line {
    Line { role: Role::User, content: content.to_owned() }
}

#[tokio::test]
async fn a_question_may_go_on_with_the_one_before() {
    let before = [user("what did Sam claim today?"), Line { role: Role::Assistant, content: "One.".into() }];
    let answer = answer_of(&admin(), "and yesterday?", &before).await;
    assert!(answer.text.starts_with("**Sam Whitfield claimed 1 mission yesterday"), "{}", answer.text);
    let answer = answer_of(&admin(), "what about Priya?", &[user("what is overdue for Sam?")]).await;
    assert_eq!(answer.text, "Priya Raman has no overdue missions.");
    let told = Line { role: Role::Assistant, content: format!("It waits (`{}`).", id(102)) };
    let answer = answer_of(&admin(), "why was it held?", &[user("what is held?"), told]).await;
    assert!(answer.text.starts_with("It is held. “maybe something with Birch?”"), "{}", answer.text);
}

#[tokio::test]
async fn every_call_has_its_result_and_only_what_was_found_is_cited() {
    let answer = answer_of(&admin(), "what is open on 12 Elm Street", &[]).await;
    assert_eq!(answer.results.len(), answer.tools.len());
    assert_eq!(answer.cited, ["m-photos", "m-mls", "m-elm-text", "m-flyer"]);
    assert_eq!((&answer.results[0]["call_id"], &answer.results[0]["more"]), (&"call_1".into(), &false.into()));
}

#[tokio::test]
async fn rights_are_kept_whatever_is_asked() {
    let guest = asker(Sight::COMMON, false);
    for question in ["what came in today", "what is held", "stuck deliveries", "did the receipt for 12 Elm go out"] {
        let answer = answer_of(&guest, question, &[]).await;
        assert!(answer.text.contains("You may not see this"), "{question}: {}", answer.text);
    }
    let marketing = asker(dispatch_mission::people::StaffRole::Marketing.sight(), true);
    let answer = answer_of(&marketing, "what is open on 12 Elm Street", &[]).await;
    assert!(!answer.text.contains("m-mls") && answer.text.contains("m-flyer"), "{}", answer.text);
    let hidden = answer_of(&marketing, "what happened to `m-mls`", &[]).await;
    assert!(hidden.text.starts_with("I find nothing with the id `m-mls`"), "{}", hidden.text);
    let of_message = answer_of(&marketing, &format!("what happened to {}", id(1)), &[]).await;
    assert!(!format!("{of_message:?}").contains("m-mls"), "{of_message:?}");
    assert!(of_message.text.contains("m-photos"));
    let deaf = Asker { missions: false, ..asker(Sight::ALL, true) };
    let answer = answer_of(&deaf, "what is overdue", &[]).await;
    assert!(answer.text.contains("You may not see this"));
    let answer = answer_of(&deaf, "what happened to `m-photos`", &[]).await;
    assert!(answer.text.starts_with("I find nothing"), "{}", answer.text);
}
