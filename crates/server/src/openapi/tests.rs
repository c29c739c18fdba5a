//! The document is checked in as this code makes it, and its words are those that are sent. Its rules are held by
//! `cargo xtask spec lint`.

use super::{json, operations};
use crate::http::intake::IntakeStatusDto;
use crate::http::observe::{AgentHealthDto, AgentKindDto, CheckStatusDto, HealthStatusDto, ProbeStatusDto};
use crate::http::route::{DestinationTypeDto, DispatchStatusDto};
use dispatch_classification::taxonomy::{GroupKey, ListingType, MessageType, TaskKey};
use dispatch_mission::mission::{MissionKind, MissionType, Visibility};
use dispatch_mission::signal::Source;
use dispatch_mission::status::MissionStatus;
use dispatch_pipeline::ports::flag::ApiVersion;
use dispatch_routing::delivery::DeliveryState;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn the_checked_in_document_is_the_one_of_this_code() {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    for (name, generated) in [("dispatch.json", json()), ("operations.json", operations::json())] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi").join(name);
        let checked_in = read(&std::fs::read_to_string(&file).unwrap_or_default());
        assert!(
            checked_in == read(&generated),
            "openapi/{name} is not what the code says; run `cargo xtask spec write`"
        );
    }
}

#[test]
fn every_enum_of_the_document_lists_the_words_of_the_domain_or_of_the_wire() {
    fn sent<T: Serialize>(values: &[T]) -> Value {
        json!(values)
    }
    let types = MissionType::ALL.map(MissionType::as_str);
    let expected = BTreeMap::from([
        ("AgentHealth", sent(&[AgentHealthDto::Ready, AgentHealthDto::Resting])),
        (
            "AgentKind",
            sent(&[AgentKindDto::Classifier, AgentKindDto::Query, AgentKindDto::Orchestrator, AgentKindDto::External]),
        ),
        ("CheckStatus", sent(&[CheckStatusDto::Pass, CheckStatusDto::Warn, CheckStatusDto::Fail])),
        ("DeletedFilter", json!(["exclude", "include", "only"])),
        ("DeliveryState", json!(DeliveryState::ALL.map(DeliveryState::as_str))),
        (
            "DestinationType",
            sent(&[
                DestinationTypeDto::Storage,
                DestinationTypeDto::Notification,
                DestinationTypeDto::Agent,
                DestinationTypeDto::Webhook,
            ]),
        ),
        (
            "DispatchStatus",
            sent(&[
                DispatchStatusDto::Routed,
                DispatchStatusDto::Done,
                DispatchStatusDto::Held,
                DispatchStatusDto::Dead,
            ]),
        ),
        ("GroupKey", json!(GroupKey::ALL.map(GroupKey::as_str))),
        ("HealthStatus", sent(&[HealthStatusDto::Ok, HealthStatusDto::Degraded])),
        ("IntakeStatus", sent(&[IntakeStatusDto::Queued, IntakeStatusDto::Ignored])),
        ("ListingType", json!(ListingType::ALL.map(ListingType::as_str))),
        ("MessageSource", json!([Source::Slack, Source::Sms, Source::Api].map(Source::as_str))),
        ("MessageType", json!(MessageType::ALL.map(MessageType::as_str))),
        ("MissionKind", json!([MissionKind::Activity, MissionKind::AgentTask].map(MissionKind::as_str))),
        ("MissionOrder", json!(["-created_at", "-updated_at"])),
        ("MissionStatus", json!(MissionStatus::ALL.map(MissionStatus::as_str))),
        ("MissionType", json!(types)),
        ("MissionTypeFilter", types.iter().chain(&["none"]).map(|word| json!(word)).collect()),
        (
            "MissionVisibility",
            json!([Visibility::Both, Visibility::Agent, Visibility::Marketing].map(Visibility::as_str)),
        ),
        ("PersonKind", json!(["realtor", "staff"])),
        ("ProbeStatus", sent(&[ProbeStatusDto::Alive, ProbeStatusDto::Ready])),
        ("QueryRole", json!(["user", "assistant"])),
        (
            "RecordKind",
            json!([
                "mission",
                "listing",
                "staff",
                "realtor",
                "event",
                "unit",
                "classification",
                "delivery",
                "dispatch"
            ]),
        ),
        ("TaskKey", json!(TaskKey::ALL.map(TaskKey::as_str))),
        ("ApiVersion", json!(ApiVersion::ALL.map(ApiVersion::as_str))),
        ("DeadOrder", json!(["newest", "oldest"])),
        ("FaultClass", json!(["pipeline", "target"])),
        ("GuardStanding", json!(["armed", "passed", "flipped_back", "not_judged"])),
        ("OwnerKind", json!(["realtor", "staff", "destination", "operator"])),
        ("PolicyAction", json!(["send", "hold", "nothing"])),
        ("PolicySource", json!(["file", "built_in"])),
        ("ReplayOutcome", json!(["understood_anew", "dispatched", "held", "nothing"])),
        ("ReplaysState", json!(["running", "done", "cancelled"])),
        ("Stage", json!(["classify", "route", "deliver"])),
        ("ThresholdSource", json!(["policy", "environment"])),
        ("Weekday", json!(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])),
    ]);
    let document: Value = serde_json::from_str(&json()).expect("JSON");
    let schemas = document["components"]["schemas"].as_object().expect("components");
    let enums = schemas.iter().filter_map(|(name, schema)| Some((name.as_str(), schema.get("enum")?.clone())));
    assert_eq!(enums.collect::<BTreeMap<_, _>>(), expected);
}
