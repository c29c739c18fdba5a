//! Who asks something of a mission, as the domain knows people. Must not decide what is allowed.

use crate::http::caller::Caller;
use crate::http::idempotency::Operation;
use crate::http::problem::{Problem, kind};
use dispatch_mission::mission_desk::{Actor, Authority, Request};

/// The request that `caller` makes, under this operation, having seen this version.
pub(super) fn request(caller: &Caller, operation: &Operation, seen: Option<i64>) -> Result<Request, Problem> {
    if !caller.may_change() {
        let detail = "Only active members of staff may change missions.";
        return Err(Problem::new(&kind::FORBIDDEN).detail(detail));
    }
    let staff_id = caller.staff().map(|member| member.staff_id.clone());
    let authority = match (&staff_id, caller.is_admin()) {
        (None, true) => Authority::Service,
        (Some(_), true) => Authority::Admin,
        (_, false) => Authority::Staff,
    };
    let actor = Actor { principal: caller.principal().to_owned(), staff_id, authority, sight: caller.sight() };
    Ok(Request { actor, operation: operation.id(), seen })
}
