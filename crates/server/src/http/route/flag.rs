//! `GET`, `PUT /route/flag`, `GET /route/flag/history`: which contract the unprefixed legacy paths speak. Must not know where the
//! flag is kept.

use crate::http::caller::Caller;
use crate::http::json::JsonBody;
use crate::http::missions::mirror;
use crate::http::problem::{Problem, ProblemField, kind};
use crate::http::timestamp::Timestamp;
use actix_web::web::{Data, Json};
use dispatch_pipeline::helm::{Acknowledged, Helm, SetError, Setting};
use dispatch_pipeline::ports::flag::{ApiVersion, Flag, FlagChange, FlagError, Replica, Steering};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// How long `PUT` waits for the last replica.
const WAIT: Duration = Duration::from_secs(5);
/// Changes that the history shows.
const MOST_CHANGES: u32 = 100;

mirror! {
    /// A contract that legacy paths can speak.
    #[schema(as = ApiVersion, example = "dispatch")]
    ApiVersionDto of ApiVersion, "snake_case", {
        /// The old system's, which is always there under `/operations`.
        Operations,
        /// The new one, which is always there at the root and under `/dispatch`.
        Dispatch,
    }
}

/// What the flag is set to.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FlagRequest, example = json!({ "api_version": "dispatch", "reason": "Cut-over" }))]
pub struct FlagRequestDto {
    /// Which contract answers.
    pub api_version: ApiVersionDto,
    /// The share of authors that it answers, 1 to 100; the others get the other one. 100 unless said otherwise.
    #[schema(nullable = false, minimum = 1, maximum = 100)]
    pub percent: Option<u8>,
    /// Whether the old contract answers everybody while the new one runs beside it, without effects.
    #[schema(nullable = false)]
    pub shadow: Option<bool>,
    /// Why: at most 500 characters; it stands in the history.
    #[schema(nullable = false, max_length = 500)]
    pub reason: Option<String>,
}

/// The flag, and who serves by it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Flag, example = json!({
    "api_version": "dispatch", "api_base": "/dispatch", "percent": 100, "shadow": false, "store": "postgres",
    "complete": true, "replicas": [{ "replica": "4711-8f0c1d2e", "serves": true, "since": "2026-11-28T14:03:07.120Z" }],
}))]
pub struct FlagDto {
    /// Which contract answers.
    pub api_version: ApiVersionDto,
    /// The prefix under which that contract is always spoken.
    pub api_base: &'static str,
    /// The share of authors that it answers.
    #[schema(format = Int32)]
    pub percent: u8,
    /// Whether the old one answers everybody while the new one runs beside it.
    pub shadow: bool,
    /// Where the flag is kept.
    pub store: &'static str,
    /// Whether every live replica serves by it.
    pub complete: bool,
    /// Every live replica.
    pub replicas: Vec<ReplicaDto>,
}

/// One replica.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Replica, example = json!({ "replica": "4711-8f0c1d2e", "serves": true, "since": "2026-11-28T14:03:07.120Z" }))]
pub struct ReplicaDto {
    /// Its name.
    pub replica: String,
    /// Whether it serves by this flag.
    pub serves: bool,
    /// Since when it serves by the flag that it serves by.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// What the flag was set to, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = FlagHistory, example = json!({ "items": [{
    "api_version": "dispatch", "percent": 100, "shadow": false, "by": "user:s-1", "reason": "Cut-over", "at": "2026-11-28T14:03:07.120Z" }] }))]
pub struct FlagHistoryDto {
    /// At most 100 changes.
    pub items: Vec<FlagChangeDto>,
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = FlagChange, example = json!({
    "api_version": "dispatch", "percent": 100, "shadow": false, "by": "user:s-1", "at": "2026-11-28T14:03:07.120Z" }))]
pub struct FlagChangeDto {
    /// Which contract answered from then on.
    pub api_version: ApiVersionDto,
    /// The share of authors.
    #[schema(format = Int32)]
    pub percent: u8,
    /// Whether the old one answered everybody.
    pub shadow: bool,
    /// Who set it.
    pub by: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Shows the flag.
#[utoipa::path(
    get, path = "/route/flag", operation_id = "getFlag", tag = "route", summary = "Show which contract legacy paths speak",
    description = "`api_version` steers the unprefixed legacy paths (`/classify`, `/chat`, `/status`, `/webhooks/*`, `/api/slack_webhook`) \
                   and nothing else: both contracts are always there under their own paths.",
    responses(
        (status = 200, description = "The flag, as the replica that answers serves by it", body = FlagDto),
        (status = 401, description = "`authentication_required`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn show(helm: Data<Helm>) -> Result<Json<FlagDto>, Problem> {
    let replicas = helm.replicas().await?;
    Ok(Json(FlagDto::of(&helm.flag(), helm.bearing().store, replicas)))
}

/// Sets the flag.
#[utoipa::path(
    put, path = "/route/flag", operation_id = "setFlag", tag = "route", summary = "Set which contract legacy paths speak",
    description = "Takes effect on every replica within a second; the answer comes when all that live serve by it, or after five \
                   seconds with `complete: false`. Needs scope `admin`.",
    request_body = FlagRequestDto,
    responses(
        (status = 200, description = "It is set", body = FlagDto),
        (status = 400, description = "`invalid_body`; `errors` points at what is wrong"),
        (status = 401, description = "`authentication_required`"),
        (status = 413, description = "`payload_too_large`: more than 64 KiB"),
        (status = 415, description = "`unsupported_media_type`: not JSON"),
        (status = 422, description = "`limit_exceeded`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn set(
    caller: Caller,
    helm: Data<Helm>,
    JsonBody(body): JsonBody<FlagRequestDto>,
) -> Result<Json<FlagDto>, Problem> {
    if !caller.is_admin() {
        return Err(Problem::new(&kind::SCOPE_MISSING).detail("This operation needs the scope admin."));
    }
    let wish = body.read(caller.principal())?;
    let done: Acknowledged = helm.into_inner().set_at_home(wish).await?;
    Ok(Json(FlagDto::of(&done.flag, done.store, done.replicas)))
}

/// Lists the changes of the flag.
#[utoipa::path(
    get, path = "/route/flag/history", operation_id = "listFlagChanges", tag = "route", summary = "Who set the flag, when and why",
    description = "The newest 100 changes of the flag, newest first.",
    responses(
        (status = 200, description = "The changes", body = FlagHistoryDto),
        (status = 401, description = "`authentication_required`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn history(helm: Data<Helm>) -> Result<Json<FlagHistoryDto>, Problem> {
    let items = helm.history(MOST_CHANGES).await?.into_iter().map(Into::into).collect();
    Ok(Json(FlagHistoryDto { items }))
}

impl FlagRequestDto {
    fn read(self, by: &str) -> Result<Setting, Problem> {
        let percent = self.percent.unwrap_or(100);
        if !(1..=100).contains(&percent) {
            let field = ProblemField::pointer("/percent", "must be from 1 to 100");
            return Err(Problem::new(&kind::INVALID_BODY).errors(vec![field]));
        }
        let reason = super::bodies::note(self.reason)?;
        let version = self.api_version.into();
        let steering = Steering { version, percent, shadow: self.shadow.unwrap_or(false) };
        Ok(Setting { steering, by: by.to_owned(), reason, wait: WAIT })
    }
}

impl FlagDto {
    fn of(flag: &Flag, store: &'static str, replicas: Vec<Replica>) -> Self {
        let live: Vec<Replica> = replicas.into_iter().filter(Replica::is_live).collect();
        let Steering { version, percent, shadow } = flag.steering;
        Self {
            api_version: version.into(),
            api_base: version.base(),
            percent,
            shadow,
            store,
            complete: live.iter().all(|replica| replica.mark == flag.mark),
            replicas: live
                .into_iter()
                .map(|replica| ReplicaDto {
                    serves: replica.mark == flag.mark,
                    since: Timestamp(replica.since),
                    replica: replica.name,
                })
                .collect(),
        }
    }
}

impl From<FlagChange> for FlagChangeDto {
    fn from(change: FlagChange) -> Self {
        let Steering { version, percent, shadow } = change.flag.steering;
        Self {
            api_version: version.into(),
            percent,
            shadow,
            by: change.by,
            reason: change.reason,
            at: Timestamp(change.at),
        }
    }
}

impl From<SetError> for Problem {
    fn from(error: SetError) -> Self {
        match error {
            SetError::Store(FlagError::Refused(why)) => Self::new(&kind::DATABASE_UNAVAILABLE).detail(why),
            SetError::Store(error) => Self::new(&kind::DATABASE_UNAVAILABLE).because(error).retry_later(),
            error @ (SetError::Ledger(_) | SetError::CutOff) => {
                Self::new(&kind::DATABASE_UNAVAILABLE).because(error).retry_later()
            }
        }
    }
}
