//! Whoever hangs up in the middle: what was begun is finished, and the next one finds it.

use super::*;
use futures_util::FutureExt as _;

/// A store whose first claim is committed and told late.
#[derive(Default)]
struct Late {
    kept: MemoryIdempotency,
    claimed: Notify,
    told: Mutex<Option<Arc<Semaphore>>>,
}

#[async_trait]
impl IdempotencyStore for Late {
    async fn claim(&self, scope: &ScopeKey, asked: &Fingerprint, lease: Duration) -> Result<Claim, StoreUnavailable> {
        let claim = self.kept.claim(scope, asked, lease).await;
        let first = self.told.lock().expect("no holder panics").take();
        if let Some(told) = first {
            self.claimed.notify_one();
            told.acquire().await.expect("open").forget();
        }
        claim
    }

    async fn finish(&self, scope: &ScopeKey, id: OperationId, answer: &StoredAnswer) -> Result<bool, StoreUnavailable> {
        self.kept.finish(scope, id, answer).await
    }

    async fn release(&self, scope: &ScopeKey, id: OperationId) -> Result<(), StoreUnavailable> {
        self.kept.release(scope, id).await
    }

    async fn reopen(&self, scope: &ScopeKey, stream: &str) -> Result<(), StoreUnavailable> {
        self.kept.reopen(scope, stream).await
    }

    async fn purge(&self, limit: u32) -> Result<u32, StoreUnavailable> {
        self.kept.purge(limit).await
    }
}

#[actix_web::test]
async fn who_hangs_up_gets_the_answer_when_he_comes_again() {
    let desks = Arc::new(Desks { gate: Some(Semaphore::new(0)), ..Desks::default() });
    let app = init_service(app(wired(&desks, Arc::new(MemoryIdempotency::default())))).await;
    let request = || create("/missions", KEY, &sign_order()).to_request();
    let mut first = Box::pin(call_service(&app, request()));
    while (&mut first).now_or_never().is_none() && desks.came.notified().now_or_never().is_none() {
        tokio::task::yield_now().await;
    }
    drop(first);
    desks.gate.as_ref().expect("there is one").add_permits(1);
    let repeat = loop {
        let answer = Answer::of(call_service(&app, request()).await).await;
        match answer.status {
            StatusCode::CONFLICT => tokio::task::yield_now().await,
            _ => break answer,
        }
    };
    assert_eq!((repeat.status, repeat.header("idempotent-replayed")), (StatusCode::CREATED, "true"));
    assert_eq!(calls(&desks), 1);
}

#[actix_web::test]
async fn who_hangs_up_while_his_key_is_claimed_does_not_wait_for_its_lease() {
    let (desks, told) = (Arc::new(Desks::default()), Arc::new(Semaphore::new(0)));
    let keys = Arc::new(Late { told: Mutex::new(Some(told.clone())), ..Late::default() });
    let app = init_service(app(wired(&desks, keys.clone()))).await;
    let request = || create("/missions", KEY, &sign_order()).to_request();
    let mut first = Box::pin(call_service(&app, request()));
    while (&mut first).now_or_never().is_none() && keys.claimed.notified().now_or_never().is_none() {
        tokio::task::yield_now().await;
    }
    drop(first);
    told.add_permits(1);
    // Whether it is done with is known within a few turns, or never: the lease of this store does not end by itself.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let repeat = Answer::of(call_service(&app, request()).await).await;
    assert_eq!((repeat.status, repeat.header("idempotent-replayed")), (StatusCode::CREATED, "true"));
    assert_eq!(calls(&desks), 1);
}

#[actix_web::test]
async fn a_panic_that_nobody_waits_for_gives_its_claim_back() {
    let gate = Some(Semaphore::new(0));
    let desks = Arc::new(Desks { gate, panicking: Mutex::new(1), ..Desks::default() });
    let app = init_service(app(wired(&desks, Arc::new(MemoryIdempotency::default())))).await;
    let request = || create("/missions", KEY, &sign_order()).to_request();
    let mut first = Box::pin(call_service(&app, request()));
    while (&mut first).now_or_never().is_none() && desks.came.notified().now_or_never().is_none() {
        tokio::task::yield_now().await;
    }
    drop(first);
    desks.gate.as_ref().expect("there is one").add_permits(2);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let repeat = Answer::of(call_service(&app, request()).await).await;
    assert_eq!((repeat.status, repeat.header("idempotent-replayed")), (StatusCode::CREATED, ""));
    assert_eq!(calls(&desks), 2);
}
