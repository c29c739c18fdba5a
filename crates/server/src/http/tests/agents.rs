//! Agents as they are shown: what is not known is left out.

use super::*;
use dispatch_classification::classifier::Usage;
use dispatch_pipeline::agents::{AgentCard, AgentKind, Agents, Condition, Probe};
use dispatch_pipeline::ports::agents::{AgentLog as _, MemoryAgentLog, Tally};
use std::collections::BTreeMap;
use time::macros::datetime;

struct Rests;

impl Probe for Rests {
    fn condition(&self) -> Condition {
        Condition::Resting("circuit_open")
    }
}

/// A provider that rests, used and not used.
pub(super) fn agents(used: &BTreeMap<String, Tally>) -> Data<Agents> {
    let log = Arc::new(MemoryAgentLog::default());
    futures_util::FutureExt::now_or_never(log.add(used)).expect("memory does not wait").expect("added");
    let card = AgentCard {
        name: "classifier.openai".into(),
        kind: AgentKind::Classifier,
        description: "Asks a model.".into(),
        capabilities: vec!["classify".into(), "stream".into()],
        provider: "openai".into(),
        model: Some("gpt".into()),
        probe: Arc::new(Rests),
    };
    Data::new(Agents::new(vec![card], log))
}

async fn shown(used: BTreeMap<String, Tally>) -> Value {
    let surface = Surface { agents: agents(&used), ..surface(Fault { this_machine: true, ..Fault::default() }) };
    let here: SocketAddr = "127.0.0.1:9".parse().expect("an address");
    let request = TestRequest::get().uri("/observe/agents").insert_header(("host", "localhost"));
    ask_surface(surface, request.peer_addr(here)).await.json()
}

#[actix_web::test]
async fn an_agent_shows_what_it_did() {
    let tally = Tally {
        calls: 8,
        failures: BTreeMap::from([("busy".into(), 1), ("timeout".into(), 2)]),
        busy: Duration::from_millis(100),
        usage: Usage { input_tokens: 1_000, output_tokens: 50, cost_micros: Some(1_500) },
        last_used_at: Some(datetime!(2026-11-20 14:03:07.12 UTC)),
    };
    let body = shown(BTreeMap::from([("classifier.openai".to_owned(), tally)])).await;
    let agent = json!({
        "name": "classifier.openai", "kind": "classifier", "description": "Asks a model.",
        "capabilities": ["classify", "stream"], "provider": "openai", "model": "gpt",
        "health": "resting", "health_reason": "circuit_open",
        "calls": 8, "failures": 3,
        "failures_by_code": [{"code": "timeout", "count": 2}, {"code": "busy", "count": 1}],
        "error_rate": 0.375, "mean_latency_ms": 12.5,
        "usage": {"input_tokens": 1_000, "output_tokens": 50, "cost_usd": 0.0015},
        "last_used_at": "2026-11-20T14:03:07.120Z",
    });
    assert_eq!(body, json!({"items": [agent], "window_seconds": 86_400}));
}

#[actix_web::test]
async fn an_agent_that_nobody_asked_claims_nothing() {
    let body = shown(BTreeMap::new()).await;
    let agent = body["items"][0].as_object().expect("an agent");
    for absent in ["error_rate", "mean_latency_ms", "usage", "last_used_at"] {
        assert!(!agent.contains_key(absent), "{absent}");
    }
    assert_eq!(agent["calls"], 0);
}
