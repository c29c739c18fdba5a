//! `GET /operations/` and the legacy `/`: what this is, and where what is. Must not know more.

use crate::http::timestamp::Timestamp;
use actix_web::HttpResponse;
use serde_json::json;
use time::OffsetDateTime;

/// Introduces itself.
#[utoipa::path(
    get, path = "/operations/", operation_id = "legacyRoot", tag = "operations", summary = "Say what this is",
    responses((status = 200, description = "What this is, and where what is", body = super::contract::Root)),
    security(()),
)]
pub async fn root() -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "name": "Dispatch",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "We see. We think. We route.",
        "endpoints": {
            "classify": "/classify",
            "chat": "/chat",
            "status": "/status",
            "slack_webhook": "/webhooks/slack",
            "sms_webhook": "/webhooks/sms",
        },
        "docs": "/docs",
        "timestamp": Timestamp(OffsetDateTime::now_utc()),
    }))
}
