//! Staff as far as it matters who asks: the `People` port, the roles and what each may see. It must not know how somebody
//! proved who they are.

use crate::ids::StaffId;
use crate::mission::Visibility;
use async_trait::async_trait;
use thiserror::Error;

/// What a member of staff does, as the brokerage's table says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // the names are the brokerage's own
pub enum StaffRole {
    Admin,
    Operations,
    Marketing,
    Support,
}

impl StaffRole {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Operations, Self::Marketing, Self::Support];

    /// The spelling of the column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operations => "operations",
            Self::Marketing => "marketing",
            Self::Support => "support",
        }
    }

    /// Reads a stored value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Which missions this role may see: operations and support work for the agents.
    #[must_use]
    pub fn sight(self) -> Sight {
        match self {
            Self::Admin => Sight::ALL,
            Self::Operations | Self::Support => Sight { agent: true, ..Sight::COMMON },
            Self::Marketing => Sight { marketing: true, ..Sight::COMMON },
        }
    }
}

/// Which missions somebody may see. BOTH is for everybody; the other groups are seen by those who may.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sight {
    agent: bool,
    marketing: bool,
}

impl Sight {
    /// Everything.
    pub const ALL: Self = Self { agent: true, marketing: true };
    /// What everybody may see.
    pub const COMMON: Self = Self { agent: false, marketing: false };

    /// Whether nothing is hidden.
    #[must_use]
    pub fn is_all(self) -> bool {
        self == Self::ALL
    }

    /// Whether missions of this group may be seen.
    #[must_use]
    pub fn sees(self, group: Visibility) -> bool {
        match group {
            Visibility::Both => true,
            Visibility::Agent => self.agent,
            Visibility::Marketing => self.marketing,
        }
    }
}

/// An active member of staff.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StaffMember {
    /// The row in `staff`.
    pub staff_id: StaffId,
    /// What they do.
    pub role: StaffRole,
}

/// How somebody signed in.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Login {
    /// The account's id; current members of staff have it as their `staff_id`.
    pub subject: String,
    /// The account's e-mail address, where it has one.
    pub email: Option<String>,
}

/// Finds members of staff.
#[async_trait]
pub trait People: Send + Sync {
    /// The active member of staff that this login belongs to: by `staff_id`, and only where nobody has that id, by the
    /// one e-mail address (in any case). `None` for a stranger, for whoever is inactive, suspended or deleted, and on a
    /// database that has no staff.
    ///
    /// # Errors
    /// [`PeopleError`] when the database does not answer.
    async fn staff_by_login(&self, login: &Login) -> Result<Option<StaffMember>, PeopleError>;
}

/// The database did not answer, or not in time. The same call may succeed later.
#[derive(Debug, Error)]
#[error("the people cannot be looked up")]
pub struct PeopleError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_sees_what_is_for_all_and_its_own_groups() {
        let groups = [Visibility::Both, Visibility::Agent, Visibility::Marketing];
        for (role, seen) in [
            (StaffRole::Admin, [true, true, true]),
            (StaffRole::Operations, [true, true, false]),
            (StaffRole::Support, [true, true, false]),
            (StaffRole::Marketing, [true, false, true]),
        ] {
            assert_eq!(groups.map(|group| role.sight().sees(group)), seen, "{role:?}");
            assert_eq!(StaffRole::parse(role.as_str()), Some(role));
        }
        assert_eq!(groups.map(|group| Sight::COMMON.sees(group)), [true, false, false]);
        assert!(Sight::ALL.is_all() && !Sight::COMMON.is_all());
        assert_eq!(StaffRole::parse("Admin"), None);
    }
}
