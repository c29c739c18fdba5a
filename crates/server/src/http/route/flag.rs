//! `GET`, `PUT /route/flag`, `GET /route/flag/history`: which contract the unprefixed legacy paths speak. Must not know where the
//! flag is kept.

use super::flag_guard::GuardDto;
use super::flag_query::{HistoryParameters, HistoryQuery, encode};
use crate::http::caller::Caller;
use crate::http::json::JsonBody;
use crate::http::missions::mirror;
use crate::http::problem::{Problem, ProblemField, kind};
use crate::http::timestamp::Timestamp;
use actix_web::web::{Data, Json};
use dispatch_pipeline::helm::wish::{self, WrongWish};
use dispatch_pipeline::helm::{Acknowledged, Helm, SetError, Setting};
use dispatch_pipeline::ports::flag::{ApiVersion, Flag, FlagChange, FlagError, Replica, Steering};
use dispatch_pipeline::ports::flip_watch::WatchState;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// How long `PUT` waits for the last replica.
const WAIT: Duration = Duration::from_secs(5);

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
    #[schema(nullable = false, minimum = 1, maximum = 100, value_type = Option<u8>)]
    pub percent: Option<i64>,
    /// Whether the old contract answers everybody while the new one runs beside it, without effects. Not beside `percent`.
    #[schema(nullable = false)]
    pub shadow: Option<bool>,
    /// Why, in one line of at most 500 characters; it stands in the history.
    #[schema(nullable = false, min_length = 1, max_length = 500)]
    pub reason: Option<String>,
    /// How many seconds the replicas watch errors and slow answers, and go back when they grow. Not watched unless said.
    #[schema(nullable = false, minimum = 1, maximum = 86_400, value_type = Option<i32>)]
    pub guard_s: Option<i64>,
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
    /// The guard over the change that is in force, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub guard: Option<GuardDto>,
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
    /// The changes.
    pub items: Vec<FlagChangeDto>,
    /// What to pass as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
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
    let (flag, replicas) = (helm.flag(), helm.replicas().await?);
    let guard = helm.guard_of(&flag.mark).await?;
    Ok(Json(FlagDto::of(&flag, helm.bearing().store, replicas, guard)))
}

/// Sets the flag.
#[utoipa::path(
    put, path = "/route/flag", operation_id = "setFlag", tag = "route", summary = "Set which contract legacy paths speak",
    description = "Takes effect on every replica within a second; the answer comes when all that live serve by it, or after five \
                   seconds with `complete: false`. With `guard_s` the replicas judge what the contract that it introduces answers \
                   against what the other one did before, and go back by themselves; `guard` says how that stands. Needs scope \
                   `admin`.",
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
    let helm = helm.into_inner();
    let done: Acknowledged = helm.clone().set_at_home(wish).await?;
    let guard = helm.guard_of(&done.flag.mark).await?;
    Ok(Json(FlagDto::of(&done.flag, done.store, done.replicas, guard)))
}

/// Lists the changes of the flag.
#[utoipa::path(
    get, path = "/route/flag/history", operation_id = "listFlagChanges", tag = "route", summary = "Who set the flag, when and why",
    description = "One page of the changes of the flag, newest first. Take the next page by passing `next_cursor` as `cursor`.",
    params(HistoryParameters),
    responses(
        (status = 200, description = "One page", body = FlagHistoryDto),
        (status = 400, description = "`invalid_parameters`; `errors` names each"),
        (status = 401, description = "`authentication_required`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn history(query: HistoryQuery, helm: Data<Helm>) -> Result<Json<FlagHistoryDto>, Problem> {
    // One more than is shown says whether there are more.
    let found = helm.history(query.limit + 1, query.after).await?;
    Ok(Json(FlagHistoryDto::of(found, query.limit)))
}

impl FlagRequestDto {
    fn read(self, by: &str) -> Result<Setting, Problem> {
        let steering = wish::steering(self.api_version.into(), self.percent, self.shadow.unwrap_or(false))?;
        let reason = self.reason.as_deref().map(wish::reason).transpose()?;
        let guard = self.guard_s.map(wish::guarding).transpose()?;
        Ok(Setting { steering, by: by.to_owned(), reason, wait: WAIT, guard })
    }
}

impl From<WrongWish> for Problem {
    fn from(wrong: WrongWish) -> Self {
        let pointer = match wrong {
            WrongWish::LongReason => {
                return Self::new(&kind::LIMIT_EXCEEDED).detail("A reason has at most 500 characters.");
            }
            WrongWish::Percent | WrongWish::PartOfShadow => "/percent",
            WrongWish::BlankReason | WrongWish::ReasonOfLines => "/reason",
            WrongWish::Guard => "/guard_s",
        };
        Self::new(&kind::INVALID_BODY).errors(vec![ProblemField::pointer(pointer, wrong.to_string())])
    }
}

impl FlagHistoryDto {
    fn of(mut found: Vec<FlagChange>, limit: u32) -> Self {
        let is_more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next_cursor = found.last().filter(|_| is_more).map(encode);
        Self { items: found.into_iter().map(Into::into).collect(), next_cursor }
    }
}

impl FlagDto {
    fn of(flag: &Flag, store: &'static str, replicas: Vec<Replica>, guard: Option<WatchState>) -> Self {
        let live: Vec<Replica> = replicas.into_iter().filter(Replica::is_live).collect();
        let Steering { version, percent, shadow } = flag.steering;
        Self {
            api_version: version.into(),
            api_base: version.base(),
            percent,
            shadow,
            store,
            guard: guard.map(GuardDto::of),
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
            error @ (SetError::Ledger(_) | SetError::Contended | SetError::CutOff) => {
                Self::new(&kind::DATABASE_UNAVAILABLE).because(error).retry_later()
            }
        }
    }
}
