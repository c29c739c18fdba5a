//! The shapes of the old contract for its document: every member that old clients see, null where there is nothing. Handlers do
//! not build these; a test holds what they answer against them. Must not know a handler.

#![allow(dead_code, missing_docs)] // shapes, never made

use utoipa::{IntoResponses, ToSchema};

/// One message to classify.
#[derive(ToSchema)]
#[schema(example = json!({ "message": "firm on 12 Elm, closing Dec 3", "source": "slack", "metadata": { "ts": "1763647387.000100" } }))]
pub struct ClassifyRequest {
    /// At most 16,000 characters.
    #[schema(max_length = 16_000)]
    message: String,
    /// `slack` or `sms`.
    #[schema(default = "slack", nullable = false)]
    source: Option<String>,
    metadata: Option<ClassifyMetadata>,
}

/// What is known of the message; other members are kept.
#[derive(ToSchema)]
#[schema(example = json!({ "ts": "1763647387.000100" }))]
pub struct ClassifyMetadata {
    /// Slack's timestamp, seconds since 1970: dates are understood relative to it.
    #[schema(nullable = false)]
    ts: Option<String>,
}

/// What a message means; the one event of the stream.
#[derive(ToSchema)]
pub struct Classification {
    schema_version: i32,
    /// `GROUP`, `STRAY`, `INFO_REQUEST` or `IGNORE`.
    message_type: String,
    #[schema(required)]
    task_key: Option<String>,
    #[schema(required)]
    group_key: Option<String>,
    listing: ClassifiedListing,
    #[schema(required)]
    assignee_hint: Option<String>,
    /// Local wall time, `YYYY-MM-DDThh:mm`.
    #[schema(required)]
    due_date: Option<String>,
    #[schema(required)]
    task_title: Option<String>,
    confidence: f64,
    #[schema(required)]
    explanations: Option<Vec<String>>,
}

/// The listing that a message is about.
#[derive(ToSchema)]
pub struct ClassifiedListing {
    /// `SALE` or `LEASE`.
    #[schema(required)]
    r#type: Option<String>,
    #[schema(required)]
    address: Option<String>,
}

/// A conversation; its last line is the question.
#[derive(ToSchema)]
#[schema(example = json!({ "messages": [{ "role": "user", "content": "what is open on 12 Elm?" }] }))]
pub struct ChatRequest {
    messages: Vec<ChatLine>,
    /// Ignored.
    context: Option<serde_json::Map<String, serde_json::Value>>,
}

/// One line of a conversation; also the one event of the answer.
#[derive(ToSchema)]
#[schema(example = json!({ "role": "user", "content": "what is open on 12 Elm?" }))]
pub struct ChatLine {
    /// `user`, `assistant` or `system`.
    role: String,
    content: String,
}

/// What Slack hears: to a challenge the challenge, to anything else whether it was taken.
#[derive(ToSchema)]
#[schema(example = json!({ "ok": true }))]
pub struct SlackAnswer {
    #[schema(nullable = false)]
    ok: Option<bool>,
    /// `missing_event`, `missing_user_or_channel`, `unknown_event_type` or `enqueue_failed`.
    #[schema(nullable = false)]
    error: Option<String>,
    #[schema(nullable = false)]
    challenge: Option<String>,
}

/// What Twilio hears.
#[derive(ToSchema)]
#[schema(example = json!({ "message": "SMS queued" }))]
pub struct SmsAnswer {
    message: String,
}

/// How it is.
#[derive(ToSchema)]
pub struct Status {
    /// `operational` or `degraded`.
    status: String,
    timestamp: String,
    agents: StatusAgents,
    workers: StatusWorkers,
    integrations: StatusIntegrations,
    version: String,
}

/// Who can be asked now.
#[derive(ToSchema)]
pub struct StatusAgents {
    total: i32,
    /// What each does, by name.
    available: std::collections::BTreeMap<String, String>,
}

/// `running` or `stopped`.
#[derive(ToSchema)]
pub struct StatusWorkers {
    slack_processor: String,
    sms_processor: String,
}

/// `connected` or `disconnected`, `configured` or `not_configured`.
#[derive(ToSchema)]
pub struct StatusIntegrations {
    supabase: String,
    openai: String,
    slack: String,
    twilio: String,
}

/// What this is, and where what is.
#[derive(ToSchema)]
pub struct Root {
    name: String,
    version: String,
    description: String,
    endpoints: std::collections::BTreeMap<String, String>,
    docs: String,
    timestamp: String,
}

/// What is wrong, in words.
#[derive(ToSchema)]
#[schema(example = json!({ "detail": "Not authenticated" }))]
pub struct ErrorDetail {
    detail: String,
}

/// What is wrong with a body, each with its place.
#[derive(ToSchema)]
#[schema(example = json!({ "detail": [{ "loc": ["body", "message"], "msg": "Field required", "type": "missing" }] }))]
pub struct ValidationErrors {
    detail: Vec<ValidationError>,
}

/// One thing that is wrong.
#[derive(ToSchema)]
#[schema(example = json!({ "loc": ["body", "message"], "msg": "Field required", "type": "missing" }))]
pub struct ValidationError {
    /// Names, and numbers in lists.
    #[schema(value_type = Vec<Object>)]
    loc: Vec<serde_json::Value>,
    msg: String,
    r#type: String,
}

/// What is answered to a caller without a credential, or to a body that cannot be read.
#[derive(IntoResponses)]
pub enum Refused {
    /// A credential is missing or bad.
    #[response(status = 401)]
    Unauthenticated(#[to_schema] ErrorDetail),
    /// The credential is for other operations.
    #[response(status = 403)]
    Forbidden(#[to_schema] ErrorDetail),
    /// Something is wrong with the body.
    #[response(status = 422)]
    Invalid(#[to_schema] ValidationErrors),
    /// An `Idempotency-Key` is none.
    #[response(status = 400)]
    Key(#[to_schema] ErrorDetail),
}
