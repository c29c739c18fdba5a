//! Classification on demand, over a mind and a store that are the test's.

use super::*;
use crate::ports::classifications::MemoryClassifications;
use async_trait::async_trait;
use dispatch_classification::classification::Meaning;
use dispatch_classification::taxonomy::TaskKey;
use dispatch_classification::testing::bare;
use dispatch_mission::clock::FixedClock;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use time::macros::datetime;
use tokio::sync::Barrier;

const NOW: OffsetDateTime = datetime!(2026-11-20 15:00 UTC);

/// Says a word, then answers; three at a time, and not before three have asked.
struct Trio {
    asked: AtomicUsize,
    three: Option<Barrier>,
}

impl Trio {
    fn new(three: bool) -> Arc<Self> {
        Arc::new(Self { asked: AtomicUsize::new(0), three: three.then(|| Barrier::new(3)) })
    }
}

#[async_trait]
impl Classifier for Trio {
    fn name(&self) -> &'static str {
        "trio"
    }

    fn width(&self) -> usize {
        3
    }

    async fn classify(&self, unit: &[Utterance], listener: &dyn Listener) -> Result<Classified, ClassifierError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        listener.delta("trio", 1, "hm");
        if let Some(three) = &self.three {
            three.wait().await;
        }
        if unit[0].text == "endless" {
            std::future::pending::<()>().await;
        }
        if unit[0].text == "unknowable" {
            return Err(ClassifierError::unavailable("timeout", "too slow"));
        }
        let sure = if unit[0].text == "unsure" { 0.4 } else { 0.9 };
        let classification = bare(Meaning::Stray(TaskKey::OpsMiscTask), sure);
        let provenance = crate::testing::rich().provenance;
        Ok(Classified { classification, provenance })
    }
}

fn classify(trio: &Arc<Trio>, store: &Arc<MemoryClassifications>) -> Classify {
    let clock = Arc::new(FixedClock(NOW));
    Classify::new(trio.clone(), store.clone(), Policy::default(), Zone::toronto(), clock, vec!["trio".into()])
}

fn texts(texts: &[&str]) -> Vec<Asked> {
    let asked = |text: &&str| Asked { text: (*text).to_owned(), source: None, said_at: None, metadata: Map::new() };
    texts.iter().map(asked).collect()
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Audience for Notes {
    fn delta(&self, index: usize, provider: &str, attempt: u32, text: &str) {
        self.0.lock().expect("readable").push(format!("{index} {provider} {attempt} {text}"));
    }

    fn answered(&self, index: usize, answer: &KeptClassification) {
        let rule = answer.preview.as_ref().map_or("", |preview| &preview.rule);
        self.0.lock().expect("readable").push(format!("{index} {rule}"));
    }
}

#[tokio::test]
async fn a_text_is_understood_judged_and_kept() {
    let (trio, store) = (Trio::new(false), Arc::new(MemoryClassifications::default()));
    let classify = classify(&trio, &store);
    let questions = classify.take("ann", None, texts(&["unsure"]));
    assert_eq!(questions.each[0].1.said_at, NOW);
    let notes = Notes::default();
    let kept = classify.answer(&questions, &notes).await.expect("answered");
    assert_eq!(notes.0.into_inner().expect("readable"), ["0 trio 1 hm", "0 below_threshold"]);
    assert_eq!(kept.iter().map(|kept| kept.classification_id).collect::<Vec<_>>(), questions.ids().collect::<Vec<_>>());
    let preview = kept[0].preview.as_ref().expect("judged");
    assert!(!preview.routing.auto_dispatch, "{preview:?}");
    for (principal, observes, found) in [("ann", false, true), ("bob", true, true), ("bob", false, false)] {
        let answer = classify.find(kept[0].classification_id, principal, observes).await.expect("answers");
        assert_eq!(answer.is_some(), found, "{principal} {observes}");
    }
}

#[tokio::test]
async fn a_batch_is_thought_about_side_by_side_and_answered_in_order() {
    let (trio, store) = (Trio::new(true), Arc::new(MemoryClassifications::default()));
    let classify = classify(&trio, &store);
    let questions = classify.take("ann", None, texts(&["a", "b", "c", "d", "e", "f"]));
    let kept = classify.answer(&questions, &Nobody).await.expect("answered");
    assert_eq!(kept.iter().map(|kept| kept.classification_id).collect::<Vec<_>>(), questions.ids().collect::<Vec<_>>());
    let all = usage(&kept).expect("said");
    assert_eq!((all.input_tokens, all.output_tokens, all.cost_micros), (6 * 800, 6 * 60, Some(72)));
}

#[tokio::test]
async fn whoever_goes_on_with_an_operation_thinks_about_the_rest_only() {
    let (trio, store) = (Trio::new(false), Arc::new(MemoryClassifications::default()));
    let classify = classify(&trio, &store);
    let operation = Some(OperationId::mint());
    let questions = classify.take("ann", operation, texts(&["a", "b"]));
    let first = classify.answer(&questions, &Nobody).await.expect("answered");
    let longer = classify.take("ann", operation, texts(&["a", "b", "c"]));
    assert_eq!(longer.ids().take(2).collect::<Vec<_>>(), questions.ids().collect::<Vec<_>>(), "the same ids");
    let again = classify.answer(&longer, &Nobody).await.expect("answered");
    assert_eq!((&again[..2], trio.asked.load(Ordering::SeqCst)), (&first[..], 3));
    let ids: std::collections::HashSet<_> = longer.ids().collect();
    assert!(ids.len() == 3 && ids.iter().all(|id| id.0.get_version_num() == 7), "{ids:?}");
}

#[tokio::test(start_paused = true)]
async fn one_answer_takes_no_longer_than_it_may() {
    let (trio, last) = (Trio::new(false), Trio::new(false));
    let classify = classify(&trio, &Arc::new(MemoryClassifications::default()));
    let budget = Duration::from_secs(25);
    let classify = Arc::new(classify.within(budget, Arc::new(Quick(last.clone()))));
    let questions = classify.take("ann", None, texts(&["a", "endless", "endless", "endless", "endless", "b"]));
    let begun = Instant::now();
    let kept = classify.answer_at_home(questions).await.expect("answered");
    assert_eq!(begun.elapsed(), budget);
    let reasons: Vec<_> = kept.iter().map(|kept| kept.classified.provenance.fallback_reason.as_deref()).collect();
    let late = Some("deadline");
    assert_eq!(reasons, [rich_reason(), late, late, late, late, late]);
    assert_eq!(
        (trio.asked.load(Ordering::SeqCst), last.asked.load(Ordering::SeqCst)),
        (4, 5),
        "nobody is asked too late"
    );
}

fn rich_reason() -> Option<&'static str> {
    crate::testing::rich().provenance.fallback_reason.map(|reason| &*reason.leak())
}

/// The same, and endless for nobody.
struct Quick(Arc<Trio>);

#[async_trait]
impl Classifier for Quick {
    fn name(&self) -> &'static str {
        "quick"
    }

    fn width(&self) -> usize {
        1
    }

    async fn classify(&self, unit: &[Utterance], listener: &dyn Listener) -> Result<Classified, ClassifierError> {
        self.0.classify(&[Utterance { text: "quick".into(), ..unit[0].clone() }], listener).await
    }
}

#[tokio::test]
async fn what_is_not_understood_or_not_kept_is_said() {
    let (trio, store) = (Trio::new(false), Arc::new(MemoryClassifications::default()));
    let classify = classify(&trio, &store);
    let ask = async |text: &str| classify.answer(&classify.take("ann", None, texts(&[text])), &Nobody).await;
    assert!(matches!(ask("unknowable").await, Err(ClassifyError::NotUnderstood(_))));
    store.set_down(true);
    assert!(matches!(ask("a").await, Err(ClassifyError::NotKept(_))));
}
