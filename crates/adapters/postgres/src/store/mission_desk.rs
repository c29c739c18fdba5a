//! The `MissionDesk` port: one transaction per request. The row is locked, the domain's rules decide, then everything that
//! follows from the decision is written together.
//!
//! It must not decide who may do what.

use async_trait::async_trait;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use dispatch_mission::ids::MissionId;
use dispatch_mission::mission::{Mission, MissionKind};
use dispatch_mission::mission_desk::{MissionAction, MissionDesk, MissionDeskError, NewMission, Refusal, Request};
use dispatch_mission::people::Sight;
use dispatch_mission::rules::{self, Change};
use serde_json::json;

use super::desk::operation::{self, Remembered};
use super::desk::{change, create, logbook, people};
use super::effects::tables::{self, Tables};
use super::error::StoreError;
use super::missions::{query, row};
use super::timeline::{self, Entry};
use crate::connect::Pool;

/// Changes missions.
#[derive(Clone, Debug)]
pub struct PgMissionDesk {
    pool: Pool,
}

impl PgMissionDesk {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

/// Why a transaction is rolled back.
pub(super) enum Halt {
    NotFound,
    ExpandDue,
    Refused(Refusal),
    Store(StoreError),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<diesel::result::Error> for Halt {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Halt> for MissionDeskError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::NotFound => Self::NotFound,
            Halt::ExpandDue => Self::CutoverExpandDue,
            Halt::Refused(refusal) => Self::Refused(refusal),
            Halt::Store(error) => Self::Unavailable(error.boxed()),
        }
    }
}

#[async_trait]
impl MissionDesk for PgMissionDesk {
    async fn create(&self, mission: &NewMission, request: &Request) -> Result<Mission, MissionDeskError> {
        let mut connection = self.pool.get().await.map_err(|error| Halt::Store(error.into()))?;
        let made = connection.transaction(async |connection| made(connection, mission, request).await).await;
        Ok(made?)
    }

    async fn act(
        &self,
        id: &MissionId,
        action: &MissionAction,
        request: &Request,
    ) -> Result<Mission, MissionDeskError> {
        let mut connection = self.pool.get().await.map_err(|error| Halt::Store(error.into()))?;
        let acted = connection.transaction(async |connection| acted(connection, id, action, request).await).await;
        Ok(acted?)
    }
}

async fn made(connection: &mut AsyncPgConnection, new: &NewMission, request: &Request) -> Result<Mission, Halt> {
    let tables = expanded(connection).await?;
    let id = match operation::begin(connection, request, "mission", None).await? {
        Remembered::Before(id) => id,
        Remembered::New(id) => {
            create::check(connection, &tables, new).await?;
            create::insert(connection, &tables, &id, new).await?;
            if let (MissionKind::Activity, Some(listing)) = (new.kind, &new.listing_id) {
                logbook::settle(connection, &tables, listing).await?;
            }
            let told = json!({ "kind": new.kind.as_str(), "listing_id": new.listing_id, "realtor_id": new.realtor_id });
            tell(connection, &id, "mission.created", request, told).await?;
            id
        }
    };
    shown(connection, Sight::ALL, &id).await
}

async fn acted(
    connection: &mut AsyncPgConnection,
    id: &MissionId,
    action: &MissionAction,
    request: &Request,
) -> Result<Mission, Halt> {
    let tables = expanded(connection).await?;
    let id = change::lock(connection, id).await?.ok_or(Halt::NotFound)?;
    if let Remembered::Before(_) = operation::begin(connection, request, action.event(), Some(&id)).await? {
        return shown(connection, request.actor.sight, &id).await;
    }
    let mission = shown(connection, request.actor.sight, &id).await?;
    let Some(decided) = rules::decide(&mission, action, request)? else { return Ok(mission) };
    if let Change::TakenBy(who) = &decided {
        people::must_work_here(connection, who).await?;
    }
    change::write(connection, &tables, &mission, &decided).await?;
    if let (MissionKind::Activity, Some(listing)) = (mission.kind, &mission.listing_id) {
        logbook::settle(connection, &tables, listing).await?;
    }
    let after = shown(connection, Sight::ALL, &id).await?;
    let told = json!({
        "from": mission.status.as_str(), "to": after.status.as_str(), "had": mission.assigned_to,
        "has": after.assigned_to, "mission_type": after.mission_type,
    });
    tell(connection, &id, action.event(), request, told).await?;
    Ok(after)
}

/// The brokerage's columns, once the tables answer to Dispatch's names.
async fn expanded(connection: &mut AsyncPgConnection) -> Result<Tables, Halt> {
    tables::read(connection).await?.ok_or(Halt::ExpandDue)
}

async fn shown(connection: &mut AsyncPgConnection, sight: Sight, id: &MissionId) -> Result<Mission, Halt> {
    query::one(connection, sight, id).await?.as_ref().map(row::mission).ok_or(Halt::NotFound)
}

/// The story's line: who did what, by ids.
async fn tell(
    connection: &mut AsyncPgConnection,
    id: &MissionId,
    event: &'static str,
    request: &Request,
    mut detail: serde_json::Value,
) -> Result<(), Halt> {
    detail["by"] = json!(request.actor.principal);
    detail["operation_id"] = json!(request.operation);
    if let Some(members) = detail.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    let unit = operation::origin(connection, id).await?;
    let entry = Entry { step: "mission", event, unit, subject: Some(id.0.clone()), detail, ..Entry::default() };
    Ok(timeline::append(connection, &[entry]).await?)
}
