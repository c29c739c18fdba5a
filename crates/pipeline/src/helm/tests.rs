//! How a replica follows the flag, on a clock of the test's.

mod guarded;

use super::*;
use crate::ports::flag::{Change, MemoryFlag, MemoryFlagLedger};
use crate::ports::flip_watch::MemoryFlips;
use proptest::prelude::*;

struct Fleet {
    store: Arc<MemoryFlag>,
    ledger: Arc<MemoryFlagLedger>,
    flips: Arc<MemoryFlips>,
}

impl Fleet {
    fn new() -> Self {
        Self { store: Arc::default(), ledger: Arc::default(), flips: Arc::default() }
    }

    async fn helm(&self, name: &str) -> Arc<Helm> {
        let (store, ledger, flips) = (self.store.clone(), self.ledger.clone(), self.flips.clone());
        Helm::take(HelmParts { store, ledger, flips, replica: name.to_owned() }, Some(ApiVersion::Operations)).await
    }
}

fn wish(version: ApiVersion) -> Setting {
    let wait = Duration::from_secs(3);
    Setting {
        steering: Steering::all_to(version),
        by: "user:a".into(),
        reason: Some("cut-over".into()),
        wait,
        guard: None,
    }
}

#[tokio::test(start_paused = true)]
async fn setting_waits_until_every_replica_serves_by_it() {
    let fleet = Fleet::new();
    let stop = CancellationToken::new();
    let replicas = [fleet.helm("a").await, fleet.helm("b").await, fleet.helm("c").await];
    for helm in replicas.clone() {
        let stop = stop.clone();
        tokio::spawn(async move { helm.watch(&stop).await });
    }
    tokio::time::sleep(POLL).await;
    let done = set::set(fleet.store.as_ref(), fleet.ledger.as_ref(), fleet.flips.as_ref(), &wish(ApiVersion::Dispatch))
        .await
        .unwrap();
    assert!(done.is_complete() && done.replicas.len() == 3, "{done:?}");
    assert!(done.took <= POLL + Duration::from_millis(100), "{:?}", done.took);
    for helm in &replicas {
        assert_eq!(helm.contract(Some("anybody")), ApiVersion::Dispatch);
    }
    let history = fleet.ledger.history(5, None).await.unwrap();
    assert_eq!((history[0].by.as_str(), history[0].reason.as_deref()), ("user:a", Some("cut-over")));
    stop.cancel();
    tokio::time::sleep(POLL).await;
    assert!(fleet.ledger.replicas().await.unwrap().is_empty(), "who leaves is not waited for");
}

#[tokio::test(start_paused = true)]
async fn while_the_store_does_not_answer_the_last_known_value_holds_and_it_shows() {
    let fleet = Fleet::new();
    fleet.store.put(Steering::all_to(ApiVersion::Dispatch)).await.unwrap();
    let helm = fleet.helm("a").await;
    let stop = CancellationToken::new();
    let watch = tokio::spawn({
        let (helm, stop) = (helm.clone(), stop.clone());
        async move { helm.watch(&stop).await }
    });
    assert!(!helm.bearing().is_stale());
    fleet.store.set_down(true);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(helm.contract(None), ApiVersion::Dispatch);
    assert!(helm.bearing().is_stale());
    fleet.store.set_down(false);
    tokio::time::sleep(POLL * 2).await;
    assert!(!helm.bearing().is_stale());
    stop.cancel();
    watch.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answered_leaves_the_seed_in_force() {
    let fleet = Fleet::new();
    fleet.store.set_down(true);
    let helm = fleet.helm("a").await;
    assert_eq!(helm.contract(None), ApiVersion::Operations);
    assert_eq!(helm.bearing().confirmed_ago, None);
    fleet.store.set_down(false);
    fleet.store.put(Steering::all_to(ApiVersion::Dispatch)).await.unwrap();
    helm.look().await;
    assert_eq!(helm.contract(None), ApiVersion::Dispatch, "the flag there is wins over the seed");
}

/// Started while nobody can say what the flag is, nor where what is kept began: old clients are served as they know it.
#[tokio::test(start_paused = true)]
async fn what_is_not_known_is_the_old_contract_unless_said_otherwise() {
    for (seed, began, meanwhile, then) in [
        (None, false, ApiVersion::Operations, ApiVersion::Dispatch),
        (None, true, ApiVersion::Operations, ApiVersion::Operations),
        (Some(ApiVersion::Dispatch), false, ApiVersion::Dispatch, ApiVersion::Dispatch),
        (Some(ApiVersion::Dispatch), true, ApiVersion::Dispatch, ApiVersion::Operations),
        (Some(ApiVersion::Operations), false, ApiVersion::Operations, ApiVersion::Operations),
    ] {
        let fleet = Fleet::new();
        fleet.store.set_down(true);
        fleet.ledger.set_began(None);
        let (store, ledger, flips) = (fleet.store.clone(), fleet.ledger.clone(), fleet.flips.clone());
        let helm = Helm::take(HelmParts { store, ledger, flips, replica: "a".to_owned() }, seed).await;
        assert_eq!(helm.contract(None), meanwhile, "{seed:?}");
        fleet.store.set_down(false);
        assert!(!helm.look().await, "the store answers, but where it began is not known yet");
        assert_eq!((helm.contract(None), fleet.store.read().await.unwrap()), (meanwhile, None));
        fleet.ledger.set_began(Some(began));
        assert!(helm.look().await);
        assert_eq!(helm.contract(None), then, "{seed:?}, {began}");
        assert_eq!(fleet.store.read().await.unwrap().unwrap().steering, Steering::all_to(then));
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_does_not_follow_is_named() {
    let fleet = Fleet::new();
    fleet.ledger.serves("stuck", "1").await.unwrap();
    let done = set::set(fleet.store.as_ref(), fleet.ledger.as_ref(), fleet.flips.as_ref(), &wish(ApiVersion::Dispatch))
        .await
        .unwrap();
    // Its mark of before happens to be the first one, so set once more.
    let done = if done.is_complete() {
        set::set(fleet.store.as_ref(), fleet.ledger.as_ref(), fleet.flips.as_ref(), &wish(ApiVersion::Dispatch))
            .await
            .unwrap()
    } else {
        done
    };
    assert!(!done.is_complete() && done.took >= Duration::from_secs(3), "{done:?}");
}

/// Answers late what it held when it was asked, the first time.
struct Late {
    store: Arc<MemoryFlag>,
    asked: std::sync::atomic::AtomicU32,
}

#[async_trait::async_trait]
impl FlagStore for Late {
    fn name(&self) -> &'static str {
        "late"
    }

    async fn read(&self) -> Result<Option<Flag>, FlagError> {
        let held = self.store.read().await;
        if self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        held
    }

    fn mint(&self, steering: Steering) -> Flag {
        self.store.mint(steering)
    }

    async fn write(&self, change: &Change, instead_of: Option<&str>) -> Result<bool, FlagError> {
        self.store.write(change, instead_of).await
    }

    async fn seed(&self, steering: Steering) -> Result<Flag, FlagError> {
        self.store.seed(steering).await
    }

    async fn stirred(&self) {
        self.store.stirred().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_late_never_undoes_a_later_one() {
    let fleet = Fleet::new();
    let store = Arc::new(Late { store: fleet.store.clone(), asked: 0.into() });
    let (ledger, flips) = (fleet.ledger.clone(), fleet.flips.clone());
    let parts = HelmParts { store, ledger, flips, replica: "a".to_owned() };
    let helm = Helm::take(parts, Some(ApiVersion::Operations)).await;
    let late = tokio::spawn({
        let helm = helm.clone();
        async move { helm.look().await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let setting = Setting { wait: Duration::ZERO, ..wish(ApiVersion::Dispatch) };
    let set = helm.set(&setting).await.unwrap();
    late.await.unwrap();
    assert_eq!(helm.flag(), set.flag, "who was told that it is set is answered by it");
}

fn steering(version: ApiVersion, percent: u8) -> Steering {
    Steering { version, percent, shadow: false }
}

#[test]
fn a_share_is_about_as_large_as_it_says() {
    for percent in [1, 10, 25, 50, 90] {
        let steered = (0..10_000)
            .filter(|n| {
                let author = format!("U{n:06}");
                contract(steering(ApiVersion::Dispatch, percent), Some(&author)) == ApiVersion::Dispatch
            })
            .count();
        let expected = usize::from(percent) * 100;
        assert!(steered.abs_diff(expected) < 200, "{percent} %: {steered} of 10,000");
    }
}

proptest! {
    #[test]
    fn who_is_steered_by_a_smaller_share_is_by_a_larger_one(author in ".{0,20}", a in 1u8..=100, b in 1u8..=100) {
        let (small, large) = (a.min(b), a.max(b));
        if contract(steering(ApiVersion::Dispatch, small), Some(&author)) == ApiVersion::Dispatch {
            prop_assert_eq!(contract(steering(ApiVersion::Dispatch, large), Some(&author)), ApiVersion::Dispatch);
        }
        prop_assert_eq!(contract(steering(ApiVersion::Dispatch, 100), Some(&author)), ApiVersion::Dispatch);
    }
}
