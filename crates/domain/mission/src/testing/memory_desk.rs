//! A `MissionDesk` in memory, for tests. It keeps the contract of the real one, but knows no logbook.

use super::desk::KnownRows;
use crate::ids::{MissionId, OperationId, StaffId};
use crate::mission::{Mission, MissionKind, Visibility};
use crate::mission_desk::{MissionAction, MissionDesk, MissionDeskError, NewMission, Refusal, Request};
use crate::rules::{self, Change};
use crate::status::MissionStatus;
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::Mutex;
use time::{OffsetDateTime, macros::datetime};

const NOW: OffsetDateTime = datetime!(2026-11-20 14:03:07.12 UTC);

/// Missions in memory.
pub struct MemoryDesk {
    known: KnownRows,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    missions: HashMap<MissionId, Mission>,
    operations: HashMap<OperationId, MissionId>,
}

impl MemoryDesk {
    /// Of this brokerage, with these missions.
    #[must_use]
    pub fn new(known: KnownRows, missions: Vec<Mission>) -> Self {
        let missions = missions.into_iter().map(|mission| (mission.mission_id.clone(), mission)).collect();
        Self { known, state: Mutex::new(State { missions, operations: HashMap::new() }) }
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn works_here(&self, who: &StaffId) -> bool {
        [&self.known.ann, &self.known.bob].contains(&who)
    }
}

#[async_trait]
impl MissionDesk for MemoryDesk {
    async fn create(&self, new: &NewMission, request: &Request) -> Result<Mission, MissionDeskError> {
        let unknown = |field| Refusal::wrong(field, "is not known");
        self.with(|state| {
            if let Some(before) = request.operation.and_then(|operation| state.operations.get(&operation)) {
                return Ok(state.missions[before].clone());
            }
            if new.listing_id.as_ref().is_some_and(|listing| *listing != self.known.listing) {
                return Err(unknown("listing_id").into());
            }
            if new.realtor_id.is_some() {
                return Err(unknown("realtor_id").into());
            }
            let made = made(new);
            state.operations.extend(request.operation.map(|operation| (operation, made.mission_id.clone())));
            state.missions.insert(made.mission_id.clone(), made.clone());
            Ok(made)
        })
    }

    async fn act(
        &self,
        id: &MissionId,
        action: &MissionAction,
        request: &Request,
    ) -> Result<Mission, MissionDeskError> {
        self.with(|state| {
            let State { missions, operations } = state;
            let seen = |mission: &&mut Mission| mission.visibility.is_none_or(|group| request.actor.sight.sees(group));
            let mission = missions.get_mut(id).filter(seen).ok_or(MissionDeskError::NotFound)?;
            if request.operation.is_some_and(|operation| operations.contains_key(&operation)) {
                return Ok(mission.clone());
            }
            let Some(change) = rules::decide(mission, action, request)? else { return Ok(mission.clone()) };
            if matches!(&change, Change::TakenBy(who) if !self.works_here(who)) {
                return Err(Refusal::wrong("staff_id", "is not one of the active staff").into());
            }
            apply(mission, change);
            operations.extend(request.operation.map(|operation| (operation, id.clone())));
            Ok(mission.clone())
        })
    }
}

fn made(new: &NewMission) -> Mission {
    let both = (new.kind == MissionKind::Activity).then_some(Visibility::Both);
    Mission {
        mission_id: MissionId::mint(),
        kind: new.kind,
        mission_type: new.mission_type,
        status: MissionStatus::Active,
        title: new.title.trim().to_owned(),
        description: new.description.clone(),
        realtor_id: None,
        listing_id: new.listing_id.clone(),
        priority: new.priority,
        visibility: new.visibility.or(both),
        assigned_to: None,
        due_at: new.due_at,
        claimed_at: None,
        completed_at: None,
        created_at: NOW,
        updated_at: NOW,
        deleted_at: None,
        deleted_by: None,
        version: 1,
        confidence: None,
        routing_decision: None,
        incomplete: None,
    }
}

fn apply(mission: &mut Mission, change: Change) {
    mission.version += 1;
    mission.status = change.status().unwrap_or(mission.status);
    match change {
        Change::TakenBy(who) => (mission.assigned_to, mission.claimed_at) = (Some(who), Some(NOW)),
        Change::Opened => (mission.assigned_to, mission.claimed_at, mission.completed_at) = (None, None, None),
        Change::Done => mission.completed_at = Some(NOW),
        Change::Typed(kind) => mission.mission_type = kind,
        Change::DeletedBy(who) => (mission.deleted_at, mission.deleted_by) = (Some(NOW), Some(who)),
    }
}
