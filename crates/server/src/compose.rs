//! The composition root: the only place where adapters meet use cases. Must not know HTTP paths or command-line words.

mod gate;
mod home;
mod pools;
mod pulse;
mod serve;

pub use gate::GatedWorker;
pub use pools::{Pools, database};
pub use serve::{listen, until_told};

use crate::config::Config;
use crate::http::Surface;
use crate::http::auth::Access;
use crate::http::docs::Document;
use crate::http::intake::slack::SlackDoor;
use actix_web::web::Data;
use anyhow::{Context, Result};
use dispatch_classification::local::LocalClassifier;
use dispatch_mission::clock::SystemClock;
use dispatch_mission::mission_store::MissionStore;
use dispatch_mission::signal_log::SignalLog;
use dispatch_outbound::{Outbound, OutboundOptions, authority};
use dispatch_pipeline::group_commit::{GroupCommit, Limits};
use dispatch_pipeline::intake::Intake;
use dispatch_pipeline::missions::Missions;
use dispatch_pipeline::observe::Observe;
use dispatch_pipeline::ports::stories::Stories;
use dispatch_pipeline::ports::vitals::Vitals;
use dispatch_pipeline::worker::{Worker, WorkerParts};
use dispatch_postgres::connect::Pool;
use dispatch_postgres::store::{
    PgDeliveryQueue, PgDoorbell, PgMissionStore, PgSignalLog, PgStories, PgUnitQueue, PgVitals, PgWorkerRegistry,
};
use dispatch_routing::courier::Courier;
use dispatch_slack::{BotTokens, DEFAULT_API_URL, RecordingCourier, SlackCourier};
use home::AtHome;
use pulse::SharedPulse;
use std::sync::Arc;
use url::Url;
use uuid::Uuid;

/// Everything that handlers ask for.
#[must_use]
pub fn surface(config: &Config, pools: &Pools, access: Access) -> Surface {
    if config.slack.signing_secrets.is_none() {
        tracing::warn!("SLACK_SIGNING_SECRET is not set: /intake/slack answers 503 to everything");
    }
    let log: Arc<dyn SignalLog> = Arc::new(PgSignalLog::new(pools.intake.clone()));
    let missions: Arc<dyn MissionStore> = Arc::new(PgMissionStore::new(pools.work.clone()));
    Surface {
        intake: Data::new(Intake::grouped(GroupCommit::new(log, Limits::default()))),
        missions: Data::new(Missions::new(AtHome::new(missions))),
        observe: Data::new(observe(&pools.work, &pools.pulse)),
        slack: Data::new(SlackDoor::new(config.slack.signing_secrets.clone(), Arc::new(SystemClock))),
        access: Data::new(access),
        document: Data::new(Document::of_this_build()),
    }
}

/// The use cases behind `/observe`, also for commands: stories over `pool`, health over `pulse`.
#[must_use]
pub fn observe(pool: &Pool, pulse: &Pool) -> Observe {
    let stories: Arc<dyn Stories> = Arc::new(PgStories::new(pool.clone()));
    let vitals: Arc<dyn Vitals> = Arc::new(PgVitals::new(pulse.clone()));
    Observe::new(AtHome::new(stories), SharedPulse::new(vitals))
}

/// How callers are told apart in `dispatch serve`.
#[must_use]
pub fn access(config: &Config) -> Access {
    match &config.identity.jwt_secret {
        Some(secret) => Access::Bearer { secret: secret.clone(), clock: Arc::new(SystemClock) },
        None => {
            tracing::warn!("JWKS_URL alone cannot be checked yet: protected paths answer 503; set SUPABASE_JWT_SECRET");
            Access::Unavailable
        }
    }
}

/// What becomes of a receipt when there is no bot token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Untokened {
    /// It counts as delivered: on a developer's machine nobody waits for it.
    Recorded,
    /// It fails with `no_token`, where people see it: somebody waits for it.
    Failed,
}

/// A worker over the database behind `pool`, which begins when that is migrated.
///
/// # Errors
/// When a courier cannot be set up.
pub fn worker(config: &Config, pool: &Pool, untokened: Untokened) -> Result<GatedWorker> {
    let parts = WorkerParts {
        name: worker_name(),
        units: Arc::new(PgUnitQueue::new(pool.clone())),
        deliveries: Arc::new(PgDeliveryQueue::new(pool.clone())),
        classifier: Arc::new(LocalClassifier::new(config.routing.zone)),
        couriers: vec![slack_courier(config, untokened)?],
        policy: config.routing.policy.clone(),
        zone: config.routing.zone,
        registry: Arc::new(PgWorkerRegistry::new(pool.clone())),
        doorbell: Arc::new(PgDoorbell::new(pool.clone())),
    };
    Ok(GatedWorker { worker: Worker::new(parts, config.worker.settings), pool: pool.clone() })
}

/// Unique among all replicas, and readable in `/observe/health` and the timeline.
fn worker_name() -> String {
    let random = Uuid::now_v7().simple().to_string();
    format!("{}-{}", std::process::id(), &random[random.len() - 8..])
}

fn slack_courier(config: &Config, untokened: Untokened) -> Result<Arc<dyn Courier>> {
    let tokens = match (config.slack.bot_tokens.clone(), untokened) {
        (Some(tokens), _) => tokens,
        (None, Untokened::Recorded) => {
            tracing::warn!("SLACK_BOT_TOKEN is not set: receipts are recorded in the database, not sent");
            return Ok(Arc::new(RecordingCourier));
        }
        (None, Untokened::Failed) => {
            tracing::warn!("SLACK_BOT_TOKEN is not set: every receipt fails with no_token");
            BotTokens::none()
        }
    };
    sending_courier(config.slack.api_url.clone(), tokens)
}

fn sending_courier(api_url: Option<Url>, tokens: BotTokens) -> Result<Arc<dyn Courier>> {
    // Slack itself is a public host; another one was named by whoever runs this and may be anywhere.
    let allow = api_url.as_ref().and_then(authority).into_iter().collect();
    let outbound = Outbound::new(&OutboundOptions { allow, ..OutboundOptions::default() })?;
    let api_url = api_url.map_or_else(|| Url::parse(DEFAULT_API_URL), Ok).context("Slack's own URL")?;
    Ok(Arc::new(SlackCourier::new(outbound, api_url, tokens)))
}
