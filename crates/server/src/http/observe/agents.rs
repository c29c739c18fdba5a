//! `GET /observe/agents`: who can be asked, how each is, and what each did in the last day. Must not know what an agent is
//! made of.

use crate::http::problem::Problem;
use crate::http::timestamp::Timestamp;
use actix_web::web::{Data, Json};
use dispatch_pipeline::agents::{Agent, AgentKind, Agents, Condition};
use dispatch_pipeline::ports::agents::FIGURES_OF;
use serde::Serialize;
use utoipa::ToSchema;

/// Lists the agents.
#[utoipa::path(
    get, path = "/observe/agents", operation_id = "listAgents", tag = "observe", summary = "Who can be asked?",
    description = "Classifiers in the order in which they are asked, who answers questions, the task orchestrator, and the \
                   external agents of the policy file; each with what it can do, how it is and what it did in the last day, all replicas together. `health` is what the replica that \
                   answers knows: a provider that did not answer lately rests there for a while, and the next one is asked.",
    responses(
        (status = 200, description = "All of them", body = AgentListDto),
        (status = 401, description = "`authentication_required`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn agents(agents: Data<Agents>) -> Result<Json<AgentListDto>, Problem> {
    let items = agents.list().await?.into_iter().map(Into::into).collect();
    Ok(Json(AgentListDto { items, window_seconds: FIGURES_OF.as_secs() }))
}

/// All agents.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = AgentList, example = json!({ "items": [{
    "name": "classifier.local", "kind": "classifier", "description": "Reads messages by rules and a small model.",
    "capabilities": ["classify"], "provider": "local", "model": "local-2", "health": "ready",
    "calls": 120, "failures": 0, "failures_by_code": [], "error_rate": 0.0, "mean_latency_ms": 0.21,
    "last_used_at": "2026-11-20T14:03:07.120Z" }], "window_seconds": 86400 }))]
pub struct AgentListDto {
    /// In the order in which they are asked.
    pub items: Vec<AgentDto>,
    /// How far back the figures reach.
    pub window_seconds: u64,
}

/// What kind of agent it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AgentKind, example = "classifier")]
pub enum AgentKindDto {
    /// Says what messages mean.
    Classifier,
    /// Answers questions.
    Query,
    /// Turns classifications into listings and missions.
    Orchestrator,
    /// Somebody else's, called over HTTP.
    External,
}

/// How an agent is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AgentHealth, example = "ready")]
pub enum AgentHealthDto {
    /// It would be asked now.
    Ready,
    /// It is left alone for a while; `health_reason` says why.
    Resting,
}

/// One agent.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = Agent)]
pub struct AgentDto {
    /// Unique, and the same on every replica.
    #[schema(example = "classifier.openai")]
    pub name: String,
    /// What kind it is.
    pub kind: AgentKindDto,
    /// What it does, in a sentence.
    pub description: String,
    /// What it can do: `classify`, `stream`, `converse`, a tool's name, …
    pub capabilities: Vec<String>,
    /// `local`, who runs the model, or the host of an external agent.
    pub provider: String,
    /// The model or rule set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub model: Option<String>,
    /// How it is, as this replica knows.
    pub health: AgentHealthDto,
    /// Why it rests: `circuit_open`, `rate_limited`, `unauthorized`, `no_secret`, `endpoint_disabled`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub health_reason: Option<&'static str>,
    /// Calls in the window.
    pub calls: u64,
    /// Those that ended without an answer.
    pub failures: u64,
    /// The same, by code, the most frequent first.
    pub failures_by_code: Vec<FailureCountDto>,
    /// Failures by calls; absent when there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error_rate: Option<f64>,
    /// Time of all calls by their number, in milliseconds; absent when there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub mean_latency_ms: Option<f64>,
    /// Tokens and cost in the window; absent for an agent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub usage: Option<AgentUsageDto>,
    /// When it was asked last, also before the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub last_used_at: Option<Timestamp>,
}

/// How often one thing went wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = FailureCount, example = json!({ "code": "timeout", "count": 3 }))]
pub struct FailureCountDto {
    /// What.
    pub code: String,
    /// How often.
    pub count: u64,
}

/// What an agent's calls came to.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = AgentUsage, example = json!({ "input_tokens": 51_200, "output_tokens": 9_100, "cost_usd": 0.0213 }))]
pub struct AgentUsageDto {
    /// Tokens that were sent.
    pub input_tokens: u64,
    /// Tokens that were written.
    pub output_tokens: u64,
    /// US dollars, of the calls whose price is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cost_usd: Option<f64>,
}

impl From<Agent> for AgentDto {
    fn from(Agent { card, condition, tally }: Agent) -> Self {
        let per_call = |sum: f64| (tally.calls > 0).then(|| rounded(sum / tally.calls as f64));
        let (health, health_reason) = match condition {
            Condition::Ready => (AgentHealthDto::Ready, None),
            Condition::Resting(reason) => (AgentHealthDto::Resting, Some(reason)),
        };
        let failures = tally.failed();
        let mut failures_by_code: Vec<_> =
            tally.failures.iter().map(|(code, count)| FailureCountDto { code: code.clone(), count: *count }).collect();
        failures_by_code.sort_by_key(|one| std::cmp::Reverse(one.count));
        let usage = tally.usage;
        Self {
            name: card.name,
            kind: card.kind.into(),
            description: card.description.into_owned(),
            capabilities: card.capabilities.into_iter().map(Into::into).collect(),
            provider: card.provider,
            model: card.model,
            health,
            health_reason,
            calls: tally.calls,
            failures,
            failures_by_code,
            error_rate: per_call(failures as f64),
            mean_latency_ms: per_call(tally.busy.as_secs_f64() * 1_000.0),
            usage: (usage.input_tokens + usage.output_tokens > 0).then(|| AgentUsageDto {
                input_tokens: usage.input_tokens,
                output_tokens: usage.output_tokens,
                cost_usd: usage.cost_micros.map(|micros| micros as f64 / 1_000_000.0),
            }),
            last_used_at: tally.last_used_at.map(Timestamp),
        }
    }
}

impl From<AgentKind> for AgentKindDto {
    fn from(kind: AgentKind) -> Self {
        match kind {
            AgentKind::Classifier => Self::Classifier,
            AgentKind::Query => Self::Query,
            AgentKind::Orchestrator => Self::Orchestrator,
            AgentKind::External => Self::External,
        }
    }
}

/// Four digits after the point say enough.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
