//! `GET /route/policy`. Must not decide anything.

use super::policy_dto::PolicyDto;
use crate::config::Routing;
use actix_web::web::{Data, Json};

/// Shows the policy in force.
#[utoipa::path(
    get, path = "/route/policy", operation_id = "getPolicy", tag = "route", summary = "Show the policy in force",
    description = "What decides about classifications at this server: the rules in order, of which the first whose conditions all hold decides, \
                   thresholds, words, templates and retries; where it was read, and what is questionable about it. Never a secret, nor a whole \
                   phone number. Replicas that were started with different files show different digests.",
    responses(
        (status = 200, description = "The policy", body = PolicyDto),
        (status = 401, description = "`authentication_required`"),
    ),
)]
pub async fn show(policy: Data<Routing>) -> Json<PolicyDto> {
    Json(policy.get_ref().into())
}
