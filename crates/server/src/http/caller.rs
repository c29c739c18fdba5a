//! Who calls, as far as a guarded handler needs to know. Must not know how it was proved.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use dispatch_mission::people::{Sight, StaffMember, StaffRole};
use dispatch_pipeline::ports::api_keys::ApiKeyId;
use dispatch_pipeline::ports::identity::{Scope, Scopes};
use std::future::{Ready, ready};

use super::problem::{Problem, kind};

/// What kind of caller it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallerKind {
    /// Whoever is at this machine, in `dispatch dev`.
    Developer,
    /// A person who signed in, and the active member of staff that he or she is, if any.
    User(Option<StaffMember>),
    /// A trusted service, with a token of Supabase's `service_role`.
    Service,
    /// A program, with an API key.
    Key(ApiKeyId),
}

/// The caller of a guarded operation, put into the request by the guard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    principal: String,
    kind: CallerKind,
    scopes: Scopes,
}

impl Caller {
    /// Whoever is at this machine, in `dispatch dev`.
    #[must_use]
    pub fn developer() -> Self {
        Self { principal: "dev".to_owned(), kind: CallerKind::Developer, scopes: Scopes::ADMIN }
    }

    /// The person whose account is `subject`. An admin of the staff may do everything, who is not of the staff very little.
    #[must_use]
    pub fn user(subject: &str, staff: Option<StaffMember>) -> Self {
        let scopes = match staff.as_ref().map(|member| member.role) {
            Some(StaffRole::Admin) => Scopes::ADMIN,
            Some(_) => Scopes::PERSON,
            None => Scopes::GUEST,
        };
        Self { principal: format!("user:{subject}"), kind: CallerKind::User(staff), scopes }
    }

    /// A trusted service.
    #[must_use]
    pub fn service() -> Self {
        Self { principal: "role:service_role".to_owned(), kind: CallerKind::Service, scopes: Scopes::ADMIN }
    }

    /// The program that holds this key.
    #[must_use]
    pub fn key(key_id: ApiKeyId, scopes: Scopes) -> Self {
        Self { principal: format!("key:{key_id}"), kind: CallerKind::Key(key_id), scopes }
    }

    /// One text per principal, the same for ever: what idempotency keys, rate limits and audits are kept by.
    #[must_use]
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// What kind of caller it is.
    #[must_use]
    pub fn kind(&self) -> &CallerKind {
        &self.kind
    }

    /// Whether operations of `scope` are allowed.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.allow(scope)
    }

    /// Whether it may do what admins do.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.may(Scope::Admin)
    }

    /// The active member of staff who calls, if it is one.
    #[must_use]
    pub fn staff(&self) -> Option<&StaffMember> {
        match &self.kind {
            CallerKind::User(staff) => staff.as_ref(),
            _ => None,
        }
    }

    /// Whether it may change something. Somebody who signed in and is no active member of staff only reads missions.
    #[must_use]
    pub fn may_change(&self) -> bool {
        self.kind != CallerKind::User(None)
    }

    /// Which missions it may see. Only people are of a group.
    #[must_use]
    pub fn sight(&self) -> Sight {
        match &self.kind {
            CallerKind::User(staff) => staff.as_ref().map_or(Sight::COMMON, |member| member.role.sight()),
            CallerKind::Developer | CallerKind::Service | CallerKind::Key(_) => Sight::ALL,
        }
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Self>().cloned();
        ready(caller.ok_or_else(|| Problem::new(&kind::INTERNAL).because("this route has no guard")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dispatch_mission::ids::StaffId;

    #[test]
    fn who_may_what() {
        let member = |role| Some(StaffMember { staff_id: StaffId("s-1".into()), role });
        let key = |scopes: &[Scope]| Caller::key(ApiKeyId::mint(), scopes.iter().copied().collect());
        for (caller, admin, missions, change, sight) in [
            (Caller::developer(), true, true, true, Sight::ALL),
            (Caller::service(), true, true, true, Sight::ALL),
            (Caller::user("u", None), false, true, false, Sight::COMMON),
            (Caller::user("u", member(StaffRole::Support)), false, true, true, StaffRole::Support.sight()),
            (Caller::user("u", member(StaffRole::Marketing)), false, true, true, StaffRole::Marketing.sight()),
            (Caller::user("u", member(StaffRole::Admin)), true, true, true, Sight::ALL),
            (key(&[Scope::Admin]), true, true, true, Sight::ALL),
            (key(&[Scope::Observe]), false, false, true, Sight::ALL),
        ] {
            let found = (caller.is_admin(), caller.may(Scope::Missions), caller.may_change(), caller.sight());
            assert_eq!(found, (admin, missions, change, sight), "{caller:?}");
        }
    }

    #[test]
    fn no_two_callers_share_a_principal() {
        let id = ApiKeyId::mint();
        let principals = [
            Caller::developer(),
            Caller::service(),
            Caller::user("service_role", None),
            Caller::user(&id.to_string(), None),
            Caller::key(id, Scopes::ADMIN),
        ];
        let texts: std::collections::HashSet<_> = principals.iter().map(Caller::principal).collect();
        assert_eq!(texts.len(), principals.len());
    }
}
