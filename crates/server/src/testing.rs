//! Ready-made values and in-memory ports for this crate's own tests.

pub(crate) mod identity;

use async_trait::async_trait;
use dispatch_mission::ids::{ListingId, MissionId, SignalId, StaffId};
use dispatch_mission::mission::{Mission, MissionKind, MissionType, Visibility};
use dispatch_mission::mission_desk::{MissionAction, MissionDesk, MissionDeskError, NewMission, Request};
use dispatch_mission::mission_store::{
    MissionCursor, MissionFilter, MissionOrder, MissionPage, MissionStore, MissionStoreError,
};
use dispatch_mission::people::Sight;
use dispatch_mission::signal::{Disposition, NewSignal};
use dispatch_mission::signal_log::{Outcome, Receipt, SignalLog, SignalLogError};
use dispatch_mission::status::MissionStatus;
use dispatch_mission::testing::{KnownRows, MemoryDesk};
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::stories::{Stories, Story, StoryEntry};
use dispatch_pipeline::ports::vitals::{Brokerage, QueueDepth, VitalSigns, Vitals, WorkerSign};
use serde_json::{Map, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::uuid;

/// When all tests take place.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-20 14:03:07.12 UTC);

/// An open agent task with nothing optional.
pub(crate) fn mission(id: &str) -> Mission {
    Mission {
        mission_id: MissionId(id.to_owned()),
        kind: MissionKind::AgentTask,
        mission_type: None,
        status: MissionStatus::Active,
        title: "Order a yard sign".into(),
        description: None,
        realtor_id: None,
        listing_id: None,
        priority: 0,
        visibility: None,
        assigned_to: None,
        due_at: None,
        claimed_at: None,
        completed_at: None,
        created_at: datetime!(2026-11-20 14:03 UTC),
        updated_at: datetime!(2026-11-20 14:03:07.12 UTC),
        deleted_at: None,
        deleted_by: None,
        version: 1,
        confidence: None,
        routing_decision: None,
        incomplete: None,
    }
}

/// A short story with a happy end.
pub(crate) fn story() -> Story {
    let mut detail = Map::new();
    detail.insert("reason".into(), json!("two words"));
    let entry = |at, step: &str, event: &str, detail| StoryEntry {
        at,
        step: step.into(),
        event: event.into(),
        subject: None,
        detail,
    };
    Story {
        event_ids: vec![SignalId(uuid!("01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e"))],
        unit_id: None,
        classification_id: None,
        dispatch_ids: Vec::new(),
        delivery_ids: Vec::new(),
        mission_ids: vec![MissionId("m-1".into())],
        trace_ids: Vec::new(),
        state: "done".into(),
        entries: vec![
            entry(datetime!(2026-11-20 14:03:07.12 UTC), "intake", "signal.received", Map::new()),
            entry(datetime!(2026-11-20 14:03:09.2 UTC), "reason", "unit.classified", detail),
        ],
    }
}

/// A log in memory; `down` makes it unavailable.
#[derive(Default)]
pub(crate) struct FakeLog {
    known: Mutex<HashMap<String, Receipt>>,
    down: bool,
}

impl FakeLog {
    pub(crate) fn new(down: bool) -> Self {
        Self { known: Mutex::default(), down }
    }
}

#[async_trait]
impl SignalLog for FakeLog {
    async fn append_all(&self, batch: Vec<NewSignal>) -> Result<Vec<Receipt>, SignalLogError> {
        if self.down {
            return Err(SignalLogError::Unavailable("connection refused".into()));
        }
        let mut known = self.known.lock().expect("no holder panics");
        Ok(batch.into_iter().map(|signal| append(&mut known, signal)).collect())
    }
}

fn append(known: &mut HashMap<String, Receipt>, signal: NewSignal) -> Receipt {
    let keys: Vec<String> = signal.keys.event.into_iter().chain([signal.keys.content]).collect();
    let first = keys.iter().find_map(|key| known.get(key).cloned());
    let ignored = match signal.disposition {
        Disposition::Queue | Disposition::Amend(_) => None,
        Disposition::Ignore(reason) => Some(reason.to_owned()),
    };
    let receipt = first.map_or(
        Receipt { signal_id: signal.signal_id, received_at: NOW, outcome: Outcome::Appended, ignored },
        |first| Receipt { outcome: Outcome::Duplicate, ..first },
    );
    for key in keys {
        known.entry(key).or_insert_with(|| receipt.clone());
    }
    receipt
}

/// Two missions, `m-1` and `m-2`, and room for a third on the next page.
#[derive(Default)]
pub(crate) struct FakeMissions {
    pub(crate) due: bool,
}

#[async_trait]
impl MissionStore for FakeMissions {
    async fn list(
        &self,
        sight: Sight,
        _: &MissionFilter,
        _: MissionOrder,
        after: Option<&MissionCursor>,
        limit: u32,
    ) -> Result<MissionPage, MissionStoreError> {
        if self.due {
            return Err(MissionStoreError::CutoverExpandDue);
        }
        let mut all = ["m-1", "m-2", "m-3"].map(mission);
        // One with every closed word, so that the document is held against them.
        all[1].kind = MissionKind::Activity;
        all[1].status = MissionStatus::InProgress;
        (all[1].mission_type, all[1].visibility) = (Some(MissionType::Photo), Some(Visibility::Both));
        let from =
            after.map_or(0, |after| all.iter().position(|m| m.mission_id == after.mission_id).map_or(3, |n| n + 1));
        let seen = |mission: &&Mission| mission.visibility.is_none_or(|group| sight.sees(group));
        let items: Vec<_> = all.iter().filter(seen).skip(from).take(limit as usize).cloned().collect();
        let next = items.last().filter(|last| last.mission_id.0 != "m-3");
        let next = next.map(|last| MissionCursor { at: last.created_at, mission_id: last.mission_id.clone() });
        Ok(MissionPage { next, items })
    }

    async fn find(&self, sight: Sight, id: &MissionId) -> Result<Option<Mission>, MissionStoreError> {
        // `m-agent` is for the agents' group.
        Ok((id.0.starts_with("m-") && (id.0 != "m-agent" || sight.sees(Visibility::Agent))).then(|| mission(&id.0)))
    }
}

/// The rows that tests of changes know.
pub(crate) fn brokerage() -> KnownRows {
    let staff = |id: &str| StaffId(id.to_owned());
    KnownRows { listing: ListingId("l-1".into()), ann: staff("staff-ann"), bob: staff("staff-bob") }
}

/// A desk with `m-1`, which staff-bob has, and `m-done`, which he has finished; or one whose tables have their old names.
pub(crate) fn desk(due: bool) -> Arc<dyn MissionDesk> {
    let of_bob = |id, status| Mission { status, assigned_to: Some(brokerage().bob), ..mission(id) };
    let missions = vec![of_bob("m-1", MissionStatus::Claimed), of_bob("m-done", MissionStatus::Done)];
    if due { Arc::new(OldNames) } else { Arc::new(MemoryDesk::new(brokerage(), missions)) }
}

struct OldNames;

#[async_trait]
impl MissionDesk for OldNames {
    async fn create(&self, _: &NewMission, _: &Request) -> Result<Mission, MissionDeskError> {
        Err(MissionDeskError::CutoverExpandDue)
    }

    async fn act(&self, _: &MissionId, _: &MissionAction, _: &Request) -> Result<Mission, MissionDeskError> {
        Err(MissionDeskError::CutoverExpandDue)
    }
}

/// One story, told for `m-1` and for its event.
pub(crate) struct FakeStories;

#[async_trait]
impl Stories for FakeStories {
    async fn find(&self, id: &str) -> Result<Option<Story>, StoreUnavailable> {
        let told = story();
        Ok((id == "m-1" || told.event_ids[0].to_string().eq_ignore_ascii_case(id)).then_some(told))
    }
}

/// A pulse; `live` decides whether a worker is at work.
pub(crate) struct FakeVitals {
    pub(crate) live: bool,
}

#[async_trait]
impl Vitals for FakeVitals {
    async fn take(&self) -> Result<VitalSigns, StoreUnavailable> {
        Ok(VitalSigns {
            pending_migrations: Vec::new(),
            brokerage: Brokerage::Ready,
            queues: vec![QueueDepth { stage: "units", depth: 10_000, oldest_age_seconds: 0.5 }],
            workers: self.live.then(|| WorkerSign { worker: "w".into(), age_seconds: 1.0 }).into_iter().collect(),
            database_time: NOW,
        })
    }
}

#[tokio::test]
async fn the_fake_log_keeps_the_contract() {
    dispatch_mission::testing::signal_log_contract(&FakeLog::default()).await;
}

#[tokio::test]
async fn the_desk_in_memory_keeps_the_contract() {
    let desk = MemoryDesk::new(brokerage(), Vec::new());
    dispatch_mission::testing::mission_desk_contract(&desk, &brokerage()).await;
}
