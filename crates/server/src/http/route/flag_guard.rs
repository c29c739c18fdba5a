//! The guard of a flag, as `GET` and `PUT /route/flag` show it. Must not know who judges.

use crate::http::missions::mirror;
use dispatch_pipeline::ports::flip_watch::{WatchEnd, WatchState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a guard stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It is watched.
    Armed,
    /// Its time is over, and nothing was wrong as far as `why` tells.
    Passed,
    /// It went back.
    FlippedBack,
    /// Nobody judged it: somebody set the flag meanwhile, or no replica was alive.
    NotJudged,
}

mirror! {
    /// Where a guard stands.
    #[schema(as = GuardStanding, example = "armed")]
    StandingDto of Standing, "snake_case", {
        /// It is watched.
        Armed,
        /// Its time is over, and nothing was wrong as far as `why` tells.
        Passed,
        /// It went back.
        FlippedBack,
        /// Nobody judged it: somebody set the flag meanwhile, or no replica was alive.
        NotJudged,
    }
}

/// The guard over a change of the flag.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = FlagGuard, example = json!({ "state": "armed", "seconds_left": 540 }))]
pub struct GuardDto {
    /// Where it stands.
    pub state: StandingDto,
    /// How long it is watched yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0)]
    pub seconds_left: Option<u64>,
    /// The figures that it was judged by, or why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub why: Option<String>,
}

impl GuardDto {
    pub(super) fn of(state: WatchState) -> Self {
        let (standing, why) = match state.end {
            None => (Standing::Armed, None),
            Some(WatchEnd::Passed(figures)) => (Standing::Passed, Some(figures)),
            Some(WatchEnd::FlippedBack(why)) => (Standing::FlippedBack, Some(why)),
            Some(WatchEnd::Overtaken) => (Standing::NotJudged, Some("somebody has set the flag meanwhile".to_owned())),
            Some(WatchEnd::Unjudged(why)) => (Standing::NotJudged, Some(why)),
        };
        let seconds_left = state.left.map(|left| left.as_secs());
        Self { state: standing.into(), seconds_left, why: why.filter(|why| !why.is_empty()) }
    }
}
