//! The closed vocabularies of missions on the wire. Each mirrors one enum of the domain.

use dispatch_mission::mission::{MissionKind, MissionType, Visibility};
use dispatch_mission::status::MissionStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Mirrors a domain enum one to one; the compiler tells when one of them has grown.
macro_rules! mirror {
    ($(#[$meta:meta])* $name:ident of $domain:ident, $rename:tt, { $($(#[$doc:meta])* $variant:ident),+ $(,)? }) => {
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
        $(#[$meta])*
        #[serde(rename_all = $rename)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl From<$domain> for $name {
            fn from(value: $domain) -> Self {
                match value { $($domain::$variant => Self::$variant),+ }
            }
        }

        impl From<$name> for $domain {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant),+ }
            }
        }
    };
}

pub(in crate::http) use mirror;

mirror! {
    /// Which sort of row a mission is: `activity` belongs to a listing, `agent_task` to a realtor.
    #[schema(as = MissionKind, example = "agent_task")]
    MissionKindDto of MissionKind, "snake_case", {
        /// Belongs to a listing.
        Activity,
        /// Belongs to a realtor and may point at a listing.
        AgentTask,
    }
}

mirror! {
    /// What sort of work a mission is.
    #[schema(as = MissionType, example = "ADMIN")]
    #[allow(missing_docs)] // the names are the brokerage's own
    MissionTypeDto of MissionType, "SCREAMING_SNAKE_CASE", { Admin, Marketing, Photo, Staging, Inspection, Showing, Other }
}

mirror! {
    /// Where a mission stands.
    #[schema(as = MissionStatus, example = "active")]
    MissionStatusDto of MissionStatus, "snake_case", {
        /// Nobody has claimed it yet.
        Active,
        /// Somebody took it.
        Claimed,
        /// Somebody is working on it.
        InProgress,
        /// Finished.
        Done,
        /// Tried and not possible.
        Failed,
        /// No longer wanted.
        Cancelled,
        /// A question must be answered first.
        NeedsInfo,
    }
}

mirror! {
    /// Who may see an activity.
    #[schema(as = MissionVisibility, example = "BOTH")]
    VisibilityDto of Visibility, "SCREAMING_SNAKE_CASE", {
        /// Everybody.
        Both,
        /// Agents and admins.
        Agent,
        /// Marketing and admins.
        Marketing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn enums_spell_as_the_domain_does() {
        for status in MissionStatus::ALL {
            assert_eq!(json!(MissionStatusDto::from(status)), json!(status.as_str()));
        }
        for kind in MissionType::ALL {
            assert_eq!(json!(MissionTypeDto::from(kind)), json!(kind.as_str()));
        }
    }
}
