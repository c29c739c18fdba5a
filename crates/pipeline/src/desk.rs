//! The write side: what people do to missions, each thing once.

use dispatch_mission::ids::MissionId;
use dispatch_mission::mission::Mission;
use dispatch_mission::mission_desk::{MissionAction, MissionDesk, MissionDeskError, NewMission, Request};
use dispatch_mission::rules;
use std::sync::Arc;

/// The use cases behind every change of `/missions`.
pub struct Desk {
    desk: Arc<dyn MissionDesk>,
}

impl Desk {
    /// Over this desk.
    #[must_use]
    pub fn new(desk: Arc<dyn MissionDesk>) -> Self {
        Self { desk }
    }

    /// Makes a mission, once per operation.
    ///
    /// # Errors
    /// [`MissionDeskError`].
    pub async fn create(&self, mission: &NewMission, request: &Request) -> Result<Mission, MissionDeskError> {
        rules::check(mission)?;
        self.desk.create(mission, request).await
    }

    /// Does something to a mission, once per operation.
    ///
    /// # Errors
    /// [`MissionDeskError`].
    pub async fn act(
        &self,
        id: &MissionId,
        action: &MissionAction,
        request: &Request,
    ) -> Result<Mission, MissionDeskError> {
        self.desk.act(id, action, request).await
    }
}
