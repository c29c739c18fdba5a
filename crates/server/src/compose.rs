//! The composition root: the only place where adapters meet use cases. Must not know HTTP paths or command-line words.

mod access;
mod aside;
mod couriers;
mod gate;
mod helm;
mod home;
mod pools;
mod programs;
mod pulse;
mod serve;
#[cfg(feature = "testing")]
mod slow_mind;
mod thinking;
mod workspaces;

pub use access::{access, published_keys};
pub use gate::GatedWorker;
pub use helm::{Watched, elsewhere, helm};
pub use pools::{Pools, database};
pub use serve::{listen, until_told};
pub use thinking::Thinking;

use crate::config::{Config, DEPRECATED};
use crate::http::Surface;
use crate::http::auth::Access;
use crate::http::docs::Document;
use crate::http::front::Front;
use crate::http::idempotency::Keys;
use crate::http::intake::slack::SlackDoor;
use crate::http::intake::sms_door::{CalledAs, SmsDoor};
use crate::http::operations::Farewell;
use crate::http::operations::status::Integrations;
use actix_web::web::Data;
use anyhow::Result;
use dispatch_classification::classifier::Classifier;
use dispatch_mission::clock::SystemClock;
use dispatch_mission::mission_desk::MissionDesk;
use dispatch_mission::mission_store::MissionStore;
use dispatch_mission::signal_log::SignalLog;
use dispatch_pipeline::agents::Agents;
use dispatch_pipeline::answers::Answers;
use dispatch_pipeline::classify::Classify;
use dispatch_pipeline::desk::Desk;
use dispatch_pipeline::group_commit::{GroupCommit, Limits};
use dispatch_pipeline::intake::Intake;
use dispatch_pipeline::missions::Missions;
use dispatch_pipeline::observe::Observe;
use dispatch_pipeline::ports::classifications::ClassificationStore;
use dispatch_pipeline::ports::idempotency::IdempotencyStore;
use dispatch_pipeline::ports::stories::Stories;
use dispatch_pipeline::ports::streams::StreamStore;
use dispatch_pipeline::ports::switches::EndpointSwitches;
use dispatch_pipeline::ports::vitals::Vitals;
use dispatch_pipeline::query::{Query, Sources};
use dispatch_pipeline::replay::{Batches, Replay};
use dispatch_pipeline::reports::Reports;
use dispatch_pipeline::retain::Retain;
use dispatch_pipeline::route::Route;
use dispatch_pipeline::streams::{StreamLimits, Streams};
use dispatch_pipeline::track::Track;
use dispatch_pipeline::worker::{Upkeep, Worker, WorkerParts};
use dispatch_postgres::connect::Pool;
use dispatch_postgres::store::{
    PgAgentLog, PgAnswerQueue, PgClassifications, PgDeadLetters, PgDeliveryQueue, PgDeliveryReports,
    PgDispatchStatuses, PgDoorbell, PgEndpointSwitches, PgHeldWork, PgIdempotency, PgMissionDesk, PgMissionStore,
    PgRecords, PgReplayBatches, PgReplays, PgRetention, PgSignalLog, PgStatistics, PgStories, PgStreams, PgUnitQueue,
    PgVitals, PgWorkerRegistry,
};
use dispatch_routing::answer_queue::AnswerQueue;
use dispatch_routing::dead_letters::DeadLetters;
use dispatch_routing::delivery_queue::DeliveryQueue;
use dispatch_routing::delivery_reports::DeliveryReports;
use dispatch_routing::dispatch_status::DispatchStatuses;
use dispatch_routing::held_work::HeldWork;
use dispatch_routing::replay::Replays;
use dispatch_routing::replay_batches::ReplayBatches;
use home::AtHome;
use pulse::SharedPulse;
use std::sync::Arc;
use uuid::Uuid;
use workspaces::Workspaces;

/// Everything that handlers ask for.
#[must_use]
pub fn surface(config: &Config, pools: &Pools, access: Access, thinking: &Thinking, watched: &Watched) -> Surface {
    if config.slack.signing_secrets.is_none() {
        tracing::warn!("SLACK_SIGNING_SECRET is not set: /intake/slack answers 503 to everything");
    }
    let log: Arc<dyn SignalLog> = Arc::new(PgSignalLog::new(pools.intake.clone()));
    let answers: Arc<dyn AnswerQueue> = Arc::new(PgAnswerQueue::new(pools.intake.clone()));
    let missions: Arc<dyn MissionStore> = Arc::new(PgMissionStore::new(pools.work.clone()));
    let reports: Arc<dyn DeliveryReports> = Arc::new(PgDeliveryReports::new(pools.intake.clone()));
    let desk: Arc<dyn MissionDesk> = Arc::new(PgMissionDesk::new(pools.work.clone()));
    let keys: Arc<dyn IdempotencyStore> = Arc::new(PgIdempotency::new(pools.work.clone()));
    let streams: Arc<dyn StreamStore> = Arc::new(PgStreams::new(pools.talk.clone()));
    let classifications: Arc<dyn ClassificationStore> = Arc::new(PgClassifications::new(pools.talk.clone()));
    let held: Arc<dyn HeldWork> = Arc::new(PgHeldWork::new(pools.work.clone()));
    let streams = Streams::new(streams, StreamLimits::default());
    let replays: Arc<dyn Replays> = Arc::new(PgReplays::new(pools.work.clone()));
    let replay = Arc::new(replay(config, AtHome::new(replays), AtHome::new(on_demand(thinking))));
    Surface {
        intake: Data::new(Intake::new(GroupCommit::new(log, Limits::default()))),
        answers: Data::new(Answers::new(AtHome::new(answers))),
        missions: Data::new(Missions::new(AtHome::new(missions))),
        desk: Data::new(Desk::new(AtHome::new(desk))),
        keys: Data::new(Keys::new(AtHome::new(keys), config.worker.settings.claim.lease)),
        observe: Data::new(observe(&pools.work, &pools.pulse)),
        agents: Data::new(agents(pools, thinking)),
        query: Data::new(query(config, pools, &streams, thinking)),
        streams: Data::new(streams),
        classify: Data::new(
            Classify::new(
                on_demand(thinking),
                AtHome::new(classifications),
                config.routing.policy.clone(),
                config.routing.zone,
                Arc::new(SystemClock),
                thinking.classifiers(),
            )
            // A repeat may go on in a request's place when its claim runs out: the answer is there before.
            .within(config.worker.settings.claim.lease * 4 / 5, thinking.in_haste.clone()),
        ),
        route: Data::new(Route::new(AtHome::new(held), config.routing.policy.clone(), config.routing.zone)),
        track: Data::new(track(&pools.work)),
        batches: Data::from(Arc::new(Batches::new(AtHome::new(batches(&pools.work)), replay.clone()))),
        replay: Data::from(replay),
        policy: Data::new(config.routing.clone()),
        slack: Data::new(SlackDoor::new(config.slack.signing_secrets.clone(), Arc::new(SystemClock))),
        sms: Data::new(sms_door(config, &access)),
        reports: Data::new(Reports::new(AtHome::new(reports))),
        access: Data::new(access),
        document: Data::new(Document::of_this_build()),
        front: Data::new(Front::new(config)),
        helm: Data::from(Arc::clone(&watched.helm)),
        farewell: Data::new(Farewell { deprecated: DEPRECATED, sunset: config.flag.sunset }),
        integrations: Data::new(Integrations {
            openai: !config.llm.providers.is_empty(),
            slack: config.slack.signing_secrets.is_some(),
            twilio: config.twilio.credentials.is_some(),
        }),
    }
}

/// Who can be asked, and who of them is switched off.
fn agents(pools: &Pools, thinking: &Thinking) -> Agents {
    let switches: Arc<dyn EndpointSwitches> = Arc::new(PgEndpointSwitches::new(pools.work.clone()));
    let log = AtHome::new(thinking.log(&pools.work));
    Agents::new(thinking.cards.clone(), log).switched_by(AtHome::new(switches))
}

/// Where what was routed stands.
fn track(pool: &Pool) -> Track {
    let statuses: Arc<dyn DispatchStatuses> = Arc::new(PgDispatchStatuses::new(pool.clone()));
    let dead: Arc<dyn DeadLetters> = Arc::new(PgDeadLetters::new(pool.clone()));
    Track::new(AtHome::new(statuses), AtHome::new(dead))
}

/// What is done once more; rehearsals ask this mind.
fn replay(config: &Config, replays: Arc<dyn Replays>, mind: Arc<dyn Classifier>) -> Replay {
    Replay::new(replays, mind, config.routing.policy.clone(), config.routing.zone)
}

fn batches(pool: &Pool) -> Arc<dyn ReplayBatches> {
    Arc::new(PgReplayBatches::new(pool.clone()))
}

/// Who answers questions. It works at home, where streams are told.
fn query(config: &Config, pools: &Pools, streams: &Streams, thinking: &Thinking) -> Query {
    let sources = Sources {
        records: Arc::new(PgRecords::new(pools.talk.clone())),
        stories: Arc::new(PgStories::new(pools.talk.clone())),
        missions: Arc::new(PgMissionStore::new(pools.talk.clone())),
    };
    let (minds, meter) = (thinking.conversers.clone(), thinking.meter.clone());
    Query::new(sources, streams.clone(), minds, meter, Arc::new(SystemClock), config.routing.zone)
}

/// Who thinks about texts that somebody asks about: as about messages that come in.
fn on_demand(thinking: &Thinking) -> Arc<dyn Classifier> {
    #[cfg(feature = "testing")]
    return Arc::new(slow_mind::SlowMind(thinking.on_request.clone()));
    #[cfg(not(feature = "testing"))]
    thinking.on_request.clone()
}

/// Without `PUBLIC_URL` only a development server knows how it is called: as whoever sits beside it does.
fn sms_door(config: &Config, access: &Access) -> SmsDoor {
    let called_as = match (&config.http.public_url, access) {
        (None, Access::ThisMachine) => CalledAs::AsAsked,
        (public_url, _) => CalledAs::of(public_url.iter().chain(&config.http.other_urls)),
    };
    let credentials = config.twilio.credentials.clone().map(|ours| (ours.account, ours.tokens));
    if credentials.is_none() || called_as == CalledAs::Unknown {
        tracing::warn!("TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN or PUBLIC_URL is not set: /intake/sms answers 503");
    }
    SmsDoor::new(credentials, called_as, Arc::new(SystemClock))
}

/// The use cases behind `/observe`, also for commands: stories over `pool`, health over `pulse`.
#[must_use]
pub fn observe(pool: &Pool, pulse: &Pool) -> Observe {
    let stories: Arc<dyn Stories> = Arc::new(PgStories::new(pool.clone()));
    let vitals: Arc<dyn Vitals> = Arc::new(PgVitals::new(pulse.clone()));
    Observe::new(AtHome::new(stories), SharedPulse::new(vitals))
}

/// What becomes of a receipt when there is no token to send it with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Untokened {
    /// It counts as delivered: on a developer's machine nobody waits for it.
    Recorded,
    /// It fails with `no_token` or `no_credentials`, where people see it: somebody waits for it.
    Failed,
}

/// A worker over the database behind `pool`, which begins when that is migrated.
///
/// # Errors
/// When a courier cannot be set up.
pub fn worker(config: &Config, pool: &Pool, untokened: Untokened, thinking: &Thinking) -> Result<GatedWorker> {
    let deliveries: Arc<dyn DeliveryQueue> =
        Arc::new(PgDeliveryQueue::new(pool.clone()).within(config.routing.policy.limits.clone()));
    let workspaces = Workspaces {
        installations: couriers::installations(config)?,
        queue: deliveries.clone(),
        clock: Arc::new(SystemClock),
    };
    let replays: Arc<dyn Replays> = Arc::new(PgReplays::new(pool.clone()));
    let parts = WorkerParts {
        name: replica_name(),
        units: Arc::new(PgUnitQueue::new(pool.clone())),
        answers: Arc::new(PgAnswerQueue::new(pool.clone())),
        held: Arc::new(PgHeldWork::new(pool.clone())),
        deliveries,
        classifier: thinking.classifier.clone(),
        couriers: couriers::couriers(config, untokened, &thinking.meter)?,
        policy: config.routing.policy.clone(),
        zone: config.routing.zone,
        registry: Arc::new(PgWorkerRegistry::new(pool.clone())),
        doorbell: Arc::new(PgDoorbell::new(pool.clone())),
        upkeep: upkeep(config, pool),
        meter: thinking.meter.clone(),
        replays: Batches::new(batches(pool), Arc::new(replay(config, replays, thinking.classifier.clone()))),
    };
    Ok(GatedWorker { worker: Worker::new(parts, config.worker.settings), workspaces, pool: pool.clone() })
}

/// What removes everything that is kept for a time only.
#[must_use]
pub fn upkeep(config: &Config, pool: &Pool) -> Upkeep {
    Upkeep {
        keys: Arc::new(PgIdempotency::new(pool.clone())),
        agents: Arc::new(PgAgentLog::new(pool.clone())),
        streams: Arc::new(PgStreams::new(pool.clone())),
        statistics: Arc::new(PgStatistics::new(pool.clone())),
        retain: Retain::new(Arc::new(PgRetention::new(pool.clone())), config.retention),
    }
}

/// Unique among all replicas, and readable in `/observe/health`, `dispatch flag` and the timeline.
fn replica_name() -> String {
    let random = Uuid::now_v7().simple().to_string();
    format!("{}-{}", std::process::id(), &random[random.len() - 8..])
}
