//! What waits for a person: shown without a phone number, confirmed, dismissed, and every way to be refused.

use super::*;
use async_trait::async_trait;
use dispatch_classification::classification::Meaning;
use dispatch_classification::taxonomy::TaskKey;
use dispatch_mission::ids::{ClassificationId, DeliveryId, OperationId, SignalId, UnitId};
use dispatch_mission::mission::RoutingDecision;
use dispatch_mission::signal::{Conversation, Source};
use dispatch_mission::zone::Zone;
use dispatch_pipeline::testing::classified;
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::held_work::{
    Confirmation, Dismissal, Dismissed, Dispatched, DispatchedDelivery, HeldCursor, HeldFilter, HeldPage, HeldUnit,
    HeldWork, HeldWorkError, KnownPerson, PersonKind, RoutedUnit,
};
use dispatch_routing::plan::Verdict;
use dispatch_routing::policy::Policy;
use dispatch_routing::queue::ClaimToken;
use dispatch_routing::unit::{ClaimedUnit, Member};
use uuid::Uuid;

const UNIT: &str = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60";
const MEANING: &str = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e";
const PHONE: &str = "+14165550142";

fn id(text: &str) -> Uuid {
    Uuid::try_parse(text).expect("a UUID")
}

/// Holds one message that came by SMS; how it answers a decision is what a test says.
struct One(fn() -> Option<HeldWorkError>);

impl One {
    fn refused(&self) -> Result<(), HeldWorkError> {
        (self.0)().map_or(Ok(()), Err)
    }
}

fn held() -> HeldUnit {
    let member = Member {
        signal_id: SignalId(id(UNIT)),
        message_ref: "SM1".into(),
        text: "could someone order the lockbox for elm".into(),
        attachments: Vec::new(),
        at: NOW,
    };
    HeldUnit {
        unit: ClaimedUnit {
            unit_id: UnitId(id(UNIT)),
            token: ClaimToken(Uuid::nil()),
            attempts: 1,
            conversation: Conversation {
                source: Source::Sms,
                workspace: "AC1".into(),
                channel: "+14165550100".into(),
                thread: Some(PHONE.into()),
            },
            author: PHONE.into(),
            members: vec![member],
            trace_id: String::new(),
            revision: None,
            replay: None,
        },
        classification_id: ClassificationId(id(MEANING)),
        classified: classified(Meaning::Stray(TaskKey::OpsMiscTask), 0.6),
        classified_at: NOW,
        decided: Some((
            RoutingDecision { auto_dispatch: false, reason: "Below 0.7 threshold".into() },
            "below_threshold".into(),
        )),
        reason: "below_threshold".into(),
        since: NOW,
        age: Duration::from_secs(90),
        expires_at: None,
        author: Some(KnownPerson { kind: PersonKind::Realtor, id: "r-1".into(), name: Some("Maria Lopez".into()) }),
    }
}

#[async_trait]
impl HeldWork for One {
    async fn list(&self, filter: &HeldFilter, after: Option<&HeldCursor>, _: u32) -> Result<HeldPage, HeldWorkError> {
        self.refused()?;
        let wanted = filter.reasons.is_empty() || filter.reasons.contains(&held().reason);
        let items = if wanted && after.is_none() { vec![held()] } else { Vec::new() };
        let next = after.is_none().then(|| HeldCursor { since: NOW, unit_id: UnitId(id(UNIT)) });
        Ok(HeldPage { items, next })
    }

    async fn find(&self, unit: UnitId) -> Result<Option<HeldUnit>, HeldWorkError> {
        Ok((unit.0 == id(UNIT)).then(held))
    }

    async fn of_classification(&self, meaning: ClassificationId) -> Result<HeldUnit, HeldWorkError> {
        self.refused()?;
        if meaning.0 == id(MEANING) { Ok(held()) } else { Err(HeldWorkError::Unknown) }
    }

    async fn confirmed(&self, _: OperationId) -> Result<Option<Dispatched>, HeldWorkError> {
        Ok(None)
    }

    async fn confirm(&self, confirmation: &Confirmation) -> Result<Dispatched, HeldWorkError> {
        let Verdict::Dispatch(plan) = &confirmation.decision.verdict else { panic!("a plan") };
        let delivery = |one: &dispatch_routing::plan::PlannedDelivery| DispatchedDelivery {
            delivery_id: DeliveryId::mint(),
            destination: one.destination.clone(),
            state: if one.after.is_some() { DeliveryState::Pending } else { DeliveryState::Delivered },
            reason: None,
        };
        Ok(Dispatched {
            dispatch_id: confirmation.dispatch_id,
            unit_id: confirmation.unit_id,
            deliveries: plan.iter().map(delivery).collect(),
            skipped: Vec::new(),
        })
    }

    async fn routed(&self, _: ClassificationId) -> Result<RoutedUnit, HeldWorkError> {
        Ok(RoutedUnit { unit: held().unit, classified: held().classified })
    }

    async fn add(&self, confirmation: &Confirmation) -> Result<Dispatched, HeldWorkError> {
        self.confirm(confirmation).await
    }

    async fn dismiss(&self, dismissal: &Dismissal) -> Result<Dismissed, HeldWorkError> {
        self.refused()?;
        Ok(Dismissed { unit_id: dismissal.unit_id, at: NOW })
    }
}

fn over(refusal: fn() -> Option<HeldWorkError>) -> Data<Routing> {
    Data::new(Routing::new(Arc::new(One(refusal)), Policy::default(), Zone::toronto()))
}

/// The policy under these settings.
pub(super) fn policy(settings: &[(&str, &str)]) -> Data<config::Routing> {
    let setting = |name: &str| settings.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    Data::new(config::Routing::from_env(&setting).expect("valid settings"))
}

pub(super) fn route() -> Data<Routing> {
    over(|| None)
}

/// A sound request for each path of this group.
pub(super) fn sound(method: &str, path: &str) -> TestRequest {
    let path = path.replace("{unit_id}", UNIT).replace("{id}", track::DISPATCH).replace("{replay_id}", track::DISPATCH);
    match (method, path.as_str()) {
        ("get", _) => as_service(TestRequest::get().uri(&path)),
        (_, "/route/replays") => as_service(TestRequest::post().uri("/route/replays").set_json(json!({"all": true}))),
        (_, "/route/dispatch") => dispatch(json!({"classification_id": MEANING})),
        _ => as_service(TestRequest::post().uri(&path)),
    }
}

fn dispatch(body: Value) -> TestRequest {
    as_service(TestRequest::post().uri("/route/dispatch").set_json(body))
}

#[actix_web::test]
async fn what_waits_is_shown_and_never_a_phone_number() {
    let answer = ask(Fault::default(), sound("get", "/route/held?reason=below_threshold")).await;
    assert!(answer.status == StatusCode::OK && !answer.body.contains("555"), "{}", answer.body);
    let (page, one) = (answer.json(), answer.json()["items"][0].clone());
    assert_eq!(
        (&one["reason"], &one["rule"], &one["source"]),
        (&json!("below_threshold"), &json!("below_threshold"), &json!("sms"))
    );
    assert_eq!(one["author"], json!({"kind": "realtor", "id": "r-1", "name": "Maria Lopez"}));
    assert_eq!((&one["age_seconds"], &one["excerpt"]), (&json!(90), &json!("could someone order the lockbox for elm")));
    assert_eq!(one["classification"]["classification_id"], MEANING);
    assert_eq!(one["suggested_plan"][0]["rows"][0]["table"], "dispatch_agent_tasks", "{one}");
    assert_eq!(one["suggested_plan"][1]["destination"], json!({"type": "notification", "target": "sms"}));
    let next = format!("/route/held?cursor={}", page["next_cursor"].as_str().expect("more"));
    assert_eq!(ask(Fault::default(), sound("get", &next)).await.json(), json!({"items": []}));
    let other = ask(Fault::default(), sound("get", "/route/held?reason=realtor_unresolved")).await.json();
    assert_eq!(other["items"], json!([]));
    ask(Fault::default(), sound("get", "/route/held?limit=0")).await.problem(400, "invalid_parameters");
    ask(Fault::default(), sound("get", "/route/held/nothing")).await.problem(404, "held_not_found");
}

#[actix_web::test]
async fn the_policy_in_force_is_shown_whole_and_no_phone_number_is() {
    let shown = ask(Fault::default(), sound("get", "/route/policy")).await.json();
    let names: Vec<_> = shown["rules"].as_array().expect("rules").iter().map(|rule| rule["name"].clone()).collect();
    let built_in = ["attachment_only", "ignore_unsure", "ignore", "below_threshold", "group", "info_request", "stray"];
    assert_eq!(names, built_in, "{shown}");
    assert_eq!(shown["rules"][1]["when"], json!({"type": ["IGNORE"], "confidence": {"below": 0.5}}));
    assert_eq!(shown["rules"][1]["hold"], json!({"reason": "below_threshold", "expires_after_hours": 24}));
    assert_eq!((&shown["source"], &shown["threshold_source"]), (&json!("built_in"), &json!("policy")));

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("policy.toml");
    let text = "[[rules]]\nname = \"vip\"\nwhen = { author = \"+14165550142\", weekday = \"sat-sun\", time = \"22:00-06:00\" }\n\
                to = \"receipt\"\nthreshold = 0.2\n[[rules]]\nname = \"never\"\nwhen = { author = \"+14165550142\", \
                weekday = \"sat\", time = \"23:00-24:00\" }\nto = []\n[[rules]]\nname = \"rest\"\nhold = {}\n";
    std::fs::write(&file, text).expect("written");
    let settings = [("DISPATCH_POLICY", file.to_str().expect("Unicode")), ("AUTO_DISPATCH_THRESHOLD", "0.6")];
    let surface = Surface { policy: policy(&settings), ..surface(Fault::default()) };
    let answer = ask_surface(surface, sound("get", "/route/policy")).await;
    let shown = answer.json();
    assert!(!answer.body.contains("555"), "{shown}");
    assert_eq!(
        shown["rules"][0],
        json!({
            "name": "vip", "line": 1, "action": "send", "to": ["receipt"], "threshold": 0.2,
            "when": {"author": ["+…42"], "weekday": ["sat", "sun"], "time": ["22:00-06:00"]},
        })
    );
    assert_eq!((&shown["source"], &shown["threshold_source"]), (&json!("file"), &json!("environment")));
    assert_eq!((&shown["file"], &shown["warnings"][0]["rule"]), (&json!(settings[0].1), &json!("never")));
    assert_eq!(shown["sha256"].as_str().map(str::len), Some(64));
    let bare = TestRequest::get().uri("/route/policy");
    ask(Fault::default(), bare).await.problem(401, "authentication_required");
    let guest = TestRequest::get().uri("/route/policy").insert_header(("authorization", bearer_of("nobody")));
    ask(Fault::default(), guest).await.problem(403, "scope_missing");
}

#[actix_web::test]
async fn a_yes_is_accepted_with_its_deliveries() {
    let answer = ask(Fault::default(), dispatch(json!({"classification_id": MEANING, "note": "Asked her"}))).await;
    let body = answer.json();
    assert_eq!((answer.status.as_u16(), &body["status"]), (202, &json!("routed")), "{}", answer.body);
    assert_eq!((&body["unit_id"], body["deliveries"].as_array().map(Vec::len)), (&json!(UNIT), Some(2)));
    // Ids are random; a number is not.
    assert!(!answer.body.contains("+1"), "{}", answer.body);
    let task = json!({"type": "storage", "target": "supabase", "table": "dispatch_agent_tasks"});
    let chosen = dispatch(json!({"classification_id": MEANING, "destinations": [task]}));
    let body = ask(Fault::default(), chosen).await.json();
    assert_eq!((&body["status"], &body["deliveries"][0]["destination"]), (&json!("done"), &task));
}

#[actix_web::test]
async fn what_cannot_be_dispatched_says_why() {
    let elsewhere = json!({"classification_id": UNIT});
    ask(Fault::default(), dispatch(elsewhere)).await.problem(404, "classification_not_found");
    ask(Fault::default(), dispatch(json!({"classification_id": "x"}))).await.problem(404, "classification_not_found");
    let long = json!({"classification_id": MEANING, "note": "x".repeat(501)});
    ask(Fault::default(), dispatch(long)).await.problem(422, "limit_exceeded");
    let several = json!([
        {"type": "storage", "target": "supabase", "table": "dispatch_agent_tasks"},
        {"type": "webhook", "target": "crm", "table": "listings"},
        {"type": "storage", "target": "supabase", "table": "users"},
    ]);
    let wrong = dispatch(json!({"classification_id": MEANING, "destinations": several}));
    let errors = ask(Fault::default(), wrong).await.problem(422, "destination_invalid")["errors"].clone();
    let pointers: Vec<_> = errors.as_array().expect("errors").iter().map(|one| one["pointer"].clone()).collect();
    assert_eq!(pointers, ["/destinations/1/table", "/destinations/2/table"]);
    for (kind, detail) in [("webhook", "endpoint"), ("agent", "task_orchestrator")] {
        let nowhere = json!([{"type": kind, "target": "crm"}]);
        let wrong = dispatch(json!({"classification_id": MEANING, "destinations": nowhere}));
        let errors = ask(Fault::default(), wrong).await.problem(422, "destination_invalid")["errors"].clone();
        assert_eq!(errors[0]["pointer"], "/destinations/0/target");
        assert!(errors[0]["detail"].as_str().is_some_and(|told| told.contains(detail)), "{errors}");
    }
    let slack = json!([{"type": "notification", "target": "slack", "channel_id": "C1", "thread_ts": "1.0"}]);
    let wrong = dispatch(json!({"classification_id": MEANING, "destinations": slack}));
    let errors = ask(Fault::default(), wrong).await.problem(422, "destination_invalid")["errors"].clone();
    assert_eq!(errors[0]["pointer"], "/destinations/0/target", "it came by SMS");
}

#[actix_web::test]
async fn who_comes_too_late_is_told_what_happened() {
    let routed: fn() -> Option<HeldWorkError> = || {
        let dispatch_id = Some(dispatch_mission::ids::DispatchId(id(UNIT)));
        Some(HeldWorkError::NotHeld { state: "routed".into(), dispatch_id })
    };
    let dismissed: fn() -> Option<HeldWorkError> =
        || Some(HeldWorkError::NotHeld { state: "dismissed".into(), dispatch_id: None });
    let changed: fn() -> Option<HeldWorkError> = || Some(HeldWorkError::Superseded { by: None });
    let nobody: fn() -> Option<HeldWorkError> = || Some(HeldWorkError::RealtorUnknown);
    let down: fn() -> Option<HeldWorkError> = || Some(HeldWorkError::Unavailable("no route to host".into()));
    for (refusal, status, code) in [
        (routed, 409, "already_routed"),
        (dismissed, 409, "not_held"),
        (changed, 409, "classification_superseded"),
        (nobody, 400, "invalid_body"),
        (down, 503, "database_unavailable"),
    ] {
        for path in ["/route/dispatch", "/route/held/{unit_id}/dismiss"] {
            let surface = Surface { route: over(refusal), ..surface(Fault::default()) };
            let told = ask_surface(surface, sound("post", path)).await.problem(status, code);
            if code == "already_routed" {
                assert_eq!(told["detail"], format!("Dispatch {UNIT} was made of it."));
            }
        }
    }
}

#[actix_web::test]
async fn strangers_and_guests_decide_nothing() {
    let bare = TestRequest::post().uri("/route/dispatch").set_json(json!({"classification_id": MEANING}));
    ask(Fault::default(), bare).await.problem(401, "authentication_required");
    let guest = TestRequest::get().uri("/route/held").insert_header(("authorization", bearer_of("nobody")));
    ask(Fault::default(), guest).await.problem(403, "scope_missing");
}
