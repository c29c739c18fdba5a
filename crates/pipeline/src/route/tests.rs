//! What is asked of the port, and when. The races are the store's, and tested there.

use super::*;
use async_trait::async_trait;
use dispatch_classification::classification::Meaning;
use dispatch_mission::ids::OperationId;
use dispatch_routing::held_work::{HeldPage, RoutedUnit};
use dispatch_routing::testing::{claimed_unit, stray};
use std::sync::Mutex;
use std::time::Duration;
use time::OffsetDateTime;

/// Holds one unit, and notes what is asked.
struct One {
    unit: HeldUnit,
    done: Option<Dispatched>,
    asked: Mutex<Vec<&'static str>>,
}

impl One {
    fn note(&self, what: &'static str) {
        self.asked.lock().expect("no holder panics").push(what);
    }
}

#[async_trait]
impl HeldWork for One {
    async fn list(&self, _: &HeldFilter, _: Option<&HeldCursor>, limit: u32) -> Result<HeldPage, HeldWorkError> {
        assert!((1..=MAX_PAGE).contains(&limit), "{limit}");
        Ok(HeldPage { items: vec![self.unit.clone()], next: None })
    }

    async fn find(&self, unit: UnitId) -> Result<Option<HeldUnit>, HeldWorkError> {
        Ok((unit == self.unit.unit.unit_id).then(|| self.unit.clone()))
    }

    async fn of_classification(&self, id: ClassificationId) -> Result<HeldUnit, HeldWorkError> {
        self.note("of_classification");
        if id == self.unit.classification_id { Ok(self.unit.clone()) } else { Err(HeldWorkError::Unknown) }
    }

    async fn confirmed(&self, _: OperationId) -> Result<Option<Dispatched>, HeldWorkError> {
        self.note("confirmed");
        Ok(self.done.clone())
    }

    async fn confirm(&self, confirmation: &Confirmation) -> Result<Dispatched, HeldWorkError> {
        self.note("confirm");
        let Confirmation { dispatch_id, unit_id, decision, .. } = confirmation;
        assert_eq!(decision.routing.reason, "Confirmed by user:ann");
        Ok(Dispatched { dispatch_id: *dispatch_id, unit_id: *unit_id, deliveries: Vec::new(), skipped: Vec::new() })
    }

    async fn routed(&self, _: ClassificationId) -> Result<RoutedUnit, HeldWorkError> {
        self.note("routed");
        Ok(RoutedUnit { unit: self.unit.unit.clone(), classified: self.unit.classified.clone() })
    }

    async fn add(&self, confirmation: &Confirmation) -> Result<Dispatched, HeldWorkError> {
        self.note("add");
        let (dispatch_id, unit_id) = (confirmation.dispatch_id, confirmation.unit_id);
        Ok(Dispatched { dispatch_id, unit_id, deliveries: Vec::new(), skipped: Vec::new() })
    }

    async fn dismiss(&self, dismissal: &Dismissal) -> Result<Dismissed, HeldWorkError> {
        self.note("dismiss");
        Ok(Dismissed { unit_id: dismissal.unit_id, at: OffsetDateTime::UNIX_EPOCH })
    }
}

fn holding(meaning: Option<Meaning>, done: Option<Dispatched>) -> (Arc<One>, Route) {
    let mut classified = stray();
    if let Some(meaning) = meaning {
        classified.classification.meaning = meaning;
    }
    let unit = HeldUnit {
        unit: claimed_unit("book it"),
        classification_id: ClassificationId::mint(),
        classified,
        classified_at: OffsetDateTime::UNIX_EPOCH,
        decided: None,
        reason: "below_threshold".to_owned(),
        since: OffsetDateTime::UNIX_EPOCH,
        age: Duration::ZERO,
        expires_at: None,
        author: None,
    };
    let one = Arc::new(One { unit, done, asked: Mutex::default() });
    (one.clone(), Route::new(one, Policy::default(), Zone::toronto()))
}

fn ann(operation: Option<OperationId>) -> Decider {
    Decider { principal: "user:ann".to_owned(), operation, note: None }
}

#[tokio::test]
async fn what_waits_is_shown_with_what_a_yes_would_do() {
    let (one, route) = holding(None, None);
    let page = route.held(&HeldFilter::default(), None, 0).await.expect("a page");
    assert_eq!(page.items[0].plan.len(), 2, "rows and a receipt");
    assert!(route.find(one.unit.unit.unit_id).await.expect("answered").is_some());
    let (_, chatter) = holding(Some(Meaning::Ignore), None);
    let page = chatter.held(&HeldFilter::default(), None, 1_000).await.expect("a page");
    assert_eq!(page.items[0].plan, []);
}

#[tokio::test]
async fn a_yes_is_planned_before_it_is_written() {
    let (one, route) = holding(None, None);
    route.confirm(one.unit.classification_id, &Choice::default(), &ann(None)).await.expect("confirmed");
    assert_eq!(*one.asked.lock().expect("no holder panics"), ["of_classification", "confirm"]);
    let (one, route) = holding(Some(Meaning::Ignore), None);
    let refused = route.confirm(one.unit.classification_id, &Choice::default(), &ann(None)).await;
    assert!(matches!(refused, Err(RouteError::Unplannable(Unplannable::Nothing))), "{refused:?}");
    assert_eq!(*one.asked.lock().expect("no holder panics"), ["of_classification"], "nothing was written");
}

#[tokio::test]
async fn a_resumed_yes_finds_what_it_did() {
    let before = Dispatched {
        dispatch_id: DispatchId::mint(),
        unit_id: UnitId::mint(),
        deliveries: Vec::new(),
        skipped: Vec::new(),
    };
    let (one, route) = holding(None, Some(before.clone()));
    let again = route.confirm(one.unit.classification_id, &Choice::default(), &ann(Some(OperationId::mint()))).await;
    assert_eq!(again.expect("as before"), before);
    assert_eq!(*one.asked.lock().expect("no holder panics"), ["confirmed"]);
}
