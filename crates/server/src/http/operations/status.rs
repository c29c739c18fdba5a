//! `GET /operations/status`: the old page, with real values where constants stood. Must not know how they are found out.

use crate::http::timestamp::Timestamp;
use actix_web::HttpResponse;
use actix_web::web::Data;
use dispatch_pipeline::agents::{Agents, Condition};
use dispatch_pipeline::observe::{CheckStatus, Observe, WORKER_SILENCE_SECONDS};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// What is configured, as far as the old page shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // one field, one provider
pub struct Integrations {
    pub openai: bool,
    pub slack: bool,
    pub twilio: bool,
}

/// Shows how it is.
#[utoipa::path(
    get, path = "/operations/status", operation_id = "legacyStatus", tag = "operations", summary = "Show how it is",
    responses((status = 200, description = "How it is, also when it is not well", body = super::contract::Status)),
    security(()),
)]
pub async fn status(observe: Data<Observe>, agents: Data<Agents>, integrations: Data<Integrations>) -> HttpResponse {
    let health = observe.health().await;
    let database = health.checks.iter().any(|check| check.name == "database" && check.status == CheckStatus::Pass);
    let is_live = |signs: &dispatch_pipeline::ports::vitals::VitalSigns| {
        signs.workers.iter().any(|worker| worker.age_seconds <= WORKER_SILENCE_SECONDS)
    };
    let works = health.signs.as_ref().is_some_and(is_live);
    let available = if database { known(&agents).await } else { Map::new() };
    let total = available.len();
    let said = |is_so: bool, yes: &'static str, no: &'static str| if is_so { yes } else { no };
    let worker = said(works, "running", "stopped");
    let configured = |is_so| said(is_so, "configured", "not_configured");
    HttpResponse::Ok().json(json!({
        "status": said(health.is_ready(), "operational", "degraded"),
        "timestamp": Timestamp(OffsetDateTime::now_utc()),
        "agents": { "available": available, "total": total },
        "workers": { "slack_processor": worker, "sms_processor": worker },
        "integrations": {
            "supabase": said(database, "connected", "disconnected"),
            "openai": configured(integrations.openai),
            "slack": configured(integrations.slack),
            "twilio": configured(integrations.twilio),
        },
        "version": env!("CARGO_PKG_VERSION"),
    }))
}

/// Who can be asked now, by name.
async fn known(agents: &Agents) -> Map<String, Value> {
    let Ok(all) = agents.list().await else { return Map::new() };
    let ready = all.into_iter().filter(|agent| agent.condition == Condition::Ready);
    ready.map(|agent| (agent.card.name, json!(agent.card.description))).collect()
}
