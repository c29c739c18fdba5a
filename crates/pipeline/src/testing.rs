//! Contract suites of this crate's ports.

mod agents;
mod api_keys;
mod classifications;
mod flag;
mod flip_watch;
pub mod records;
mod retention;
mod streams;

pub use agents::agent_log_contract;
pub use api_keys::api_keys_contract;
pub use classifications::{classifications_contract, classified, question, rich};
pub use flag::{flag_ledger_contract, flag_store_contract};
pub use flip_watch::flip_watch_contract;
pub use retention::{RetentionWorld, retention_contract};
pub use streams::{stream_event, streams_contract};

use crate::ports::idempotency::{Claim, Fingerprint, IdempotencyStore, KEPT_FOR, ScopeKey, StoredAnswer};
use dispatch_mission::ids::OperationId;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);

/// What every [`IdempotencyStore`] owes its callers. `pass` lets time pass for the store's clock.
///
/// # Panics
/// When the store breaks the contract.
pub async fn idempotency_contract(store: &dyn IdempotencyStore, pass: impl AsyncFn(Duration)) {
    answers_a_repeat(store).await;
    holds_off_a_second_caller(store, &pass).await;
    resumes_what_was_left_or_released(store, &pass).await;
    refuses_a_key_with_something_else(store).await;
    lets_one_of_many_in(store).await;
    opens_a_stream_that_is_of_no_use_again(store).await;
    forgets_after_its_time(store, &pass).await;
}

/// An answer with everything that an answer may have.
#[must_use]
pub fn created() -> StoredAnswer {
    StoredAnswer::Whole {
        status: 201,
        headers: vec![("location".into(), "/missions/m-1".into()), ("x-two".into(), "a".into())],
        body: b"{\"title\":\"caf\xc3\xa9 \0 \xff\"}".to_vec(),
    }
}

fn named(name: &str) -> (ScopeKey, Fingerprint) {
    (ScopeKey(format!("scope-{name}")), Fingerprint(format!("asked-{name}")))
}

async fn begin(store: &dyn IdempotencyStore, name: &str) -> OperationId {
    let (scope, asked) = named(name);
    match store.claim(&scope, &asked, LEASE).await.expect("the store answers") {
        Claim::Claimed(operation) => operation,
        other => panic!("{name} is new: {other:?}"),
    }
}

async fn repeat(store: &dyn IdempotencyStore, name: &str) -> Claim {
    let (scope, asked) = named(name);
    store.claim(&scope, &asked, LEASE).await.expect("the store answers")
}

async fn finish(store: &dyn IdempotencyStore, name: &str, operation: OperationId, answer: &StoredAnswer) -> bool {
    store.finish(&named(name).0, operation, answer).await.expect("the store answers")
}

async fn answers_a_repeat(store: &dyn IdempotencyStore) {
    for (name, answer) in [("whole", created()), ("stream", StoredAnswer::Stream("s-1".into()))] {
        let operation = begin(store, name).await;
        assert!(!finish(store, name, OperationId::mint(), &answer).await, "only its holder may finish it");
        assert!(finish(store, name, operation, &answer).await);
        for _ in 0..2 {
            assert_eq!(repeat(store, name).await, Claim::Finished(answer.clone()));
        }
        let late = StoredAnswer::Whole { status: 500, headers: Vec::new(), body: Vec::new() };
        assert!(!finish(store, name, operation, &late).await, "the first answer stands");
        assert_eq!(repeat(store, name).await, Claim::Finished(answer));
    }
    assert!(!finish(store, "nobody's", OperationId::mint(), &created()).await);
}

async fn holds_off_a_second_caller(store: &dyn IdempotencyStore, pass: &impl AsyncFn(Duration)) {
    begin(store, "held").await;
    pass(LEASE / 2).await;
    let Claim::Running(left) = repeat(store, "held").await else { panic!("it is running") };
    assert!(left > Duration::ZERO && left <= LEASE / 2, "{left:?}");
}

async fn resumes_what_was_left_or_released(store: &dyn IdempotencyStore, pass: &impl AsyncFn(Duration)) {
    let left = begin(store, "left").await;
    pass(LEASE + Duration::from_secs(1)).await;
    assert_eq!(repeat(store, "left").await, Claim::Resumed(left), "the same operation goes on");
    assert!(matches!(repeat(store, "left").await, Claim::Running(_)), "under a lease of its own");

    let released = begin(store, "released").await;
    let scope = named("released").0;
    store.release(&scope, OperationId::mint()).await.expect("the store answers");
    assert!(matches!(repeat(store, "released").await, Claim::Running(_)), "only its holder may release it");
    store.release(&scope, released).await.expect("the store answers");
    assert_eq!(repeat(store, "released").await, Claim::Resumed(released));
    assert!(finish(store, "released", released, &created()).await);
    store.release(&scope, released).await.expect("the store answers");
    assert_eq!(repeat(store, "released").await, Claim::Finished(created()), "what is finished stays so");
}

async fn refuses_a_key_with_something_else(store: &dyn IdempotencyStore) {
    let other = Fingerprint("something else".into());
    let scope = named("reused").0;
    let claim = async || store.claim(&scope, &other, LEASE).await.expect("the store answers");
    let operation = begin(store, "reused").await;
    assert_eq!(claim().await, Claim::Mismatch, "while it runs");
    store.release(&scope, operation).await.expect("the store answers");
    assert_eq!(claim().await, Claim::Mismatch, "when it was released");
    assert!(finish(store, "reused", operation, &created()).await);
    assert_eq!(claim().await, Claim::Mismatch, "when it is finished");
}

async fn lets_one_of_many_in(store: &dyn IdempotencyStore) {
    let claims = futures_util::future::join_all((0..8).map(|_| repeat(store, "crowd"))).await;
    assert_eq!(claims.iter().filter(|claim| matches!(claim, Claim::Claimed(_))).count(), 1, "{claims:?}");
    assert_eq!(claims.iter().filter(|claim| matches!(claim, Claim::Running(_))).count(), 7, "{claims:?}");
}

async fn opens_a_stream_that_is_of_no_use_again(store: &dyn IdempotencyStore) {
    let (operation, scope) = (begin(store, "spent").await, named("spent").0);
    store.reopen(&scope, "s-1").await.expect("the store answers");
    assert!(matches!(repeat(store, "spent").await, Claim::Running(_)), "it is not finished");
    let spent = StoredAnswer::Stream("s-1".into());
    assert!(finish(store, "spent", operation, &spent).await);
    store.reopen(&scope, "s-2").await.expect("the store answers");
    assert_eq!(repeat(store, "spent").await, Claim::Finished(spent), "that is another stream");
    store.reopen(&scope, "s-1").await.expect("the store answers");
    assert_eq!(repeat(store, "spent").await, Claim::Resumed(operation));
    store.reopen(&scope, "s-1").await.expect("the store answers");
    assert!(matches!(repeat(store, "spent").await, Claim::Running(_)), "somebody is at it");
    assert!(finish(store, "spent", operation, &StoredAnswer::Stream("s-2".into())).await);
}

async fn forgets_after_its_time(store: &dyn IdempotencyStore, pass: &impl AsyncFn(Duration)) {
    let first = begin(store, "old").await;
    assert!(finish(store, "old", first, &created()).await);
    assert_eq!(store.purge(100).await.expect("the store answers"), 0, "nothing is old yet");
    pass(KEPT_FOR).await;
    assert_ne!(begin(store, "old").await, first, "a key that is new again is another operation");
    assert!(!finish(store, "old", first, &created()).await, "the old one is over");
    assert_eq!(store.purge(2).await.expect("the store answers"), 2, "no more than asked for");
    assert!(store.purge(100).await.expect("the store answers") > 0);
    assert!(matches!(repeat(store, "old").await, Claim::Running(_)), "what is young stays");
    begin(store, "whole").await;
}
