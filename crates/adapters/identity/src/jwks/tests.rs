//! Rotation, outage and crowds, on a clock that tests move.

use super::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Published keys under a test's control: which `kid`s there are (none: the URL is down), and how often it was asked.
struct Issuer {
    kids: Mutex<Option<Vec<&'static str>>>,
    asked: AtomicUsize,
    answers: Semaphore,
}

impl Issuer {
    fn new(kids: &[&'static str]) -> Arc<Self> {
        let kids = Mutex::new(Some(kids.to_vec()));
        Arc::new(Self { kids, asked: AtomicUsize::new(0), answers: Semaphore::new(1) })
    }

    fn publish(&self, kids: Option<&[&'static str]>) {
        *self.kids.lock().expect("no holder panics") = kids.map(<[_]>::to_vec);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl KeySource for Arc<Issuer> {
    async fn fetch(&self) -> Result<KeySet, FetchError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        drop(self.answers.acquire().await.expect("never closed"));
        let kids = self.kids.lock().expect("no holder panics").clone().ok_or(FetchError::Status(503))?;
        let half = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
        let keys: Vec<_> = kids
            .iter()
            .map(|kid| serde_json::json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": half, "y": half}))
            .collect();
        Ok(KeySet::parse(serde_json::json!({"keys": keys}).to_string().as_bytes()).expect("a set"))
    }
}

async fn find(jwks: &Jwks, kid: &str) -> Result<(), &'static str> {
    match jwks.find(Algorithm::Es256, Some(kid)).await {
        Ok(_) => Ok(()),
        Err(TokenError::UnknownKey) => Err("unknown"),
        Err(TokenError::Unavailable(_)) => Err("unavailable"),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_fetched_and_the_old_one_drops() {
    let issuer = Issuer::new(&["old"]);
    let jwks = Jwks::new(issuer.clone());
    assert_eq!(find(&jwks, "old").await, Ok(()));
    issuer.publish(Some(&["old", "new"]));
    tokio::time::advance(PAUSE).await;
    assert_eq!(find(&jwks, "new").await, Ok(()), "fetched at once, for nobody knew it");
    issuer.publish(Some(&["new"]));
    assert_eq!(find(&jwks, "old").await, Ok(()), "nobody has asked yet");
    sleep(FRESH).await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(find(&jwks, "old").await, Err("unknown"));
    assert_eq!(find(&jwks, "new").await, Ok(()));
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn invented_names_fetch_no_more_than_once_in_ten_seconds() {
    let issuer = Issuer::new(&["k"]);
    let jwks = Jwks::new(issuer.clone());
    for _ in 0..100 {
        assert_eq!(find(&jwks, "invented").await, Err("unknown"));
    }
    assert_eq!(issuer.asked(), 1);
    tokio::time::advance(PAUSE).await;
    for _ in 0..100 {
        assert_eq!(find(&jwks, "invented").await, Err("unknown"));
    }
    assert_eq!(issuer.asked(), 2);
    assert_eq!(find(&jwks, "k").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_crowd_shares_one_call() {
    let issuer = Issuer::new(&["k"]);
    let jwks = Arc::new(Jwks::new(issuer.clone()));
    assert_eq!(find(&jwks, "k").await, Ok(()));
    issuer.publish(Some(&["k2"]));
    tokio::time::advance(PAUSE).await;
    let held_up = issuer.answers.acquire().await.expect("never closed");
    let crowd: Vec<_> = (0..50)
        .map(|_| {
            let jwks = Arc::clone(&jwks);
            tokio::spawn(async move { find(&jwks, "k2").await })
        })
        .collect();
    while issuer.asked() < 2 {
        tokio::task::yield_now().await;
    }
    drop(held_up);
    for one in crowd {
        assert_eq!(one.await.expect("no panic"), Ok(()));
    }
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_keys_hold_a_day_while_the_url_is_down() {
    let issuer = Issuer::new(&["k"]);
    let jwks = Jwks::new(issuer.clone());
    assert_eq!(find(&jwks, "k").await, Ok(()));
    issuer.publish(None);
    sleep(HELD / 2).await;
    assert_eq!(find(&jwks, "k").await, Ok(()));
    assert_eq!(find(&jwks, "other").await, Err("unknown"));
    sleep(HELD / 2).await;
    assert_eq!(find(&jwks, "k").await, Err("unavailable"), "nobody could take a stolen key back");
    issuer.publish(Some(&["k"]));
    sleep(PAUSE * 2).await;
    assert_eq!(find(&jwks, "k").await, Ok(()), "back by itself");
}

#[tokio::test(start_paused = true)]
async fn without_any_keys_nobody_can_be_told_from_a_stranger() {
    let issuer = Issuer::new(&[]);
    issuer.publish(None);
    let jwks = Jwks::new(issuer.clone());
    assert_eq!(find(&jwks, "k").await, Err("unavailable"));
    issuer.publish(Some(&[]));
    sleep(PAUSE * 2).await;
    assert_eq!(find(&jwks, "k").await, Err("unknown"), "an empty set is an answer");
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_its_owner() {
    let issuer = Issuer::new(&["k"]);
    let jwks = Jwks::new(issuer.clone());
    assert_eq!(find(&jwks, "k").await, Ok(()));
    drop(jwks);
    while Arc::strong_count(&issuer) > 1 {
        tokio::task::yield_now().await;
    }
}
