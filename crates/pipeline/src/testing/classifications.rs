//! What every [`ClassificationStore`] owes its callers.

use crate::ports::classifications::{ClassificationStore, KeptClassification, Preview, Question};
use dispatch_classification::classification::{Classification, Confidence, ListingHint, Meaning, TaskTitle};
use dispatch_classification::classifier::{Classified, Provenance, Usage};
use dispatch_classification::taxonomy::{GroupKey, ListingType, TaskKey};
use dispatch_mission::ids::{ClassificationId, OperationId};
use dispatch_mission::mission::RoutingDecision;
use dispatch_mission::signal::Source;
use serde_json::{Map, json};
use time::macros::datetime;

/// The contract of [`ClassificationStore`].
///
/// # Panics
/// When it is broken.
pub async fn classifications_contract(store: &dyn ClassificationStore) {
    what_is_kept_is_found_as_it_was(store).await;
    the_first_answer_of_an_operation_stands(store).await;
    of_many_answers_at_once_one_stands(store).await;
    texts_without_an_operation_are_each_kept(store).await;
}

/// A question about one text.
#[must_use]
pub fn question(text: &str) -> Question {
    Question {
        principal: "user:ann".into(),
        operation: None,
        text: text.to_owned(),
        source: None,
        said_at: datetime!(2026-11-20 14:03:07.123_456 UTC),
        metadata: Map::new(),
    }
}

/// An answer with nothing optional.
#[must_use]
pub fn classified(meaning: Meaning, confidence: f32) -> Classified {
    Classified {
        classification: Classification {
            meaning,
            listing: ListingHint::default(),
            assignee_hint: None,
            due_date: None,
            task_title: None,
            confidence: Confidence::clamped(confidence),
            explanations: Vec::new(),
        },
        provenance: Provenance {
            provider: "local".into(),
            model: "rules-1".into(),
            prompt_version: None,
            latency_us: 0,
            usage: None,
            fallback_reason: None,
        },
    }
}

/// An answer with everything that there may be.
#[must_use]
pub fn rich() -> Classified {
    let bare = classified(Meaning::Stray(TaskKey::OpsMiscTask), 0.7);
    Classified {
        classification: Classification {
            listing: ListingHint { kind: Some(ListingType::Lease), address: Some("12 Elm St \u{1f3e1}".into()) },
            assignee_hint: Some("@sam".into()),
            due_date: Some(datetime!(2026-11-27 17:00)),
            task_title: TaskTitle::from_text("Order the lockbox, \"now\""),
            explanations: vec!["says \"order\"".into(), "caf\u{e9}\n".into()],
            ..bare.classification
        },
        provenance: Provenance {
            provider: "openai".into(),
            model: "gpt".into(),
            prompt_version: Some("3".into()),
            latency_us: 1_234_567,
            usage: Some(Usage { input_tokens: 800, output_tokens: 60, cost_micros: Some(12) }),
            fallback_reason: Some("anthropic: timeout".into()),
        },
    }
}

fn preview(auto_dispatch: bool) -> Preview {
    let reason = if auto_dispatch { "Above 0.7 threshold" } else { "Below 0.7 threshold" };
    Preview { routing: RoutingDecision { auto_dispatch, reason: reason.into() }, rule: "stray".into() }
}

async fn keep(store: &dyn ClassificationStore, question: &Question, answer: &Classified) -> KeptClassification {
    let id = ClassificationId::mint();
    store.keep(id, question, answer, &preview(true)).await.expect("kept")
}

async fn what_is_kept_is_found_as_it_was(store: &dyn ClassificationStore) {
    let metadata = json!({"conversation": "c-1", "nested": {"b": [1, 2.5, "\u{0}"], "a": {}}});
    let asked = Question {
        source: Some(Source::Sms),
        metadata: metadata.as_object().cloned().unwrap_or_default(),
        ..question("What? \u{0} \u{1f3e1}")
    };
    for answer in [rich(), classified(Meaning::Group(GroupKey::BuyOrLeased), 1.0), classified(Meaning::Ignore, 0.1)] {
        let id = ClassificationId::mint();
        let kept = store.keep(id, &asked, &answer, &preview(false)).await.expect("kept");
        assert_eq!((kept.classification_id, &kept.classified), (id, &answer));
        assert_eq!((&kept.preview, kept.unit_id), (&Some(preview(false)), None));
        assert_eq!((kept.principal.as_deref(), &kept.metadata), (Some("user:ann"), &asked.metadata));
        assert_eq!(store.find(id).await.expect("answers"), Some(kept));
    }
    assert_eq!(store.find(ClassificationId::mint()).await.expect("answers"), None);
}

async fn the_first_answer_of_an_operation_stands(store: &dyn ClassificationStore) {
    let operation = OperationId::mint();
    assert!(store.answered(operation).await.expect("answers").is_empty());
    let at = |place| Question { operation: Some((operation, place)), ..question("text") };
    let first = keep(store, &at(0), &rich()).await;
    let other = keep(store, &at(7), &classified(Meaning::Ignore, 0.9)).await;
    let again = keep(store, &at(0), &classified(Meaning::InfoRequest, 0.2)).await;
    assert_eq!(again, first, "the first one stands");
    let same_id = store.keep(first.classification_id, &at(0), &rich(), &preview(false)).await.expect("kept");
    assert_eq!(same_id, first, "also under its own id");
    let answered = store.answered(operation).await.expect("answers");
    assert_eq!(answered.into_iter().collect::<Vec<_>>(), [(0, first), (7, other)]);
    assert!(store.answered(OperationId::mint()).await.expect("answers").is_empty(), "nobody else's");
}

async fn of_many_answers_at_once_one_stands(store: &dyn ClassificationStore) {
    for _ in 0..5 {
        let asked = Question { operation: Some((OperationId::mint(), 3)), ..question("text") };
        let answers: Vec<_> = (0..6_u8).map(|n| classified(Meaning::Ignore, f32::from(n) / 8.0)).collect();
        let kept = futures_util::future::join_all(answers.iter().map(|answer| keep(store, &asked, answer))).await;
        assert!(kept.iter().all(|one| *one == kept[0]), "{kept:?}");
    }
}

async fn texts_without_an_operation_are_each_kept(store: &dyn ClassificationStore) {
    let (one, two) = (keep(store, &question("same"), &rich()).await, keep(store, &question("same"), &rich()).await);
    assert_ne!(one.classification_id, two.classification_id);
    assert!(store.find(one.classification_id).await.expect("answers").is_some());
}
