//! Guarded flips: when they are taken back, by what, and that none is there without its guard.

use super::*;
use crate::ports::flip_watch::{Answered, WatchEnd, Watched};

/// What was asked, how much of it failed, and how much was slow.
type Asked = (usize, usize, usize);

/// Counts what one contract answers under a flag.
fn count(helm: &Helm, contract: ApiVersion, mark: &str, (answered, failed, slow): Asked) {
    for number in 0..answered {
        let key = Answered { route: "/classify", contract: contract.as_str(), mark: mark.to_owned() };
        let took = if number < slow { Duration::from_secs(2) } else { Duration::ZERO };
        helm.over().count(key, number < failed, took);
    }
}

fn part(percent: u8) -> Steering {
    Steering { version: ApiVersion::Dispatch, percent, shadow: false }
}

/// Flips for 5 % of the authors, guarded; then both contracts answer. Answers what came of it, if anything yet.
async fn flipped(fleet: &Fleet, helm: &Helm, old: Asked, new: Asked) -> (String, Option<WatchEnd>) {
    let guard = Some(Guarding { lasts: Duration::from_secs(600), back: None });
    let setting = Setting { steering: part(5), wait: Duration::ZERO, guard, ..wish(ApiVersion::Dispatch) };
    let flag = helm.set(&setting).await.unwrap().flag;
    count(helm, ApiVersion::Operations, &flag.mark, old);
    count(helm, ApiVersion::Dispatch, &flag.mark, new);
    helm.over().flush().await;
    helm.over().judge(fleet.store.as_ref(), fleet.ledger.as_ref(), &flag.mark).await;
    let end = fleet.flips.state(&flag.mark).await.unwrap().unwrap().end;
    (flag.mark, end)
}

#[tokio::test(start_paused = true)]
async fn what_the_old_contract_answers_hides_nothing_of_the_new_one() {
    for (new, word) in [((50, 9, 0), "18 % of 50 requests by dispatch failed"), ((50, 0, 50), "100 % of 50 requests")] {
        let fleet = Fleet::new();
        let helm = fleet.helm("a").await;
        count(&helm, ApiVersion::Operations, &helm.flag().mark, (1000, 1, 0));
        helm.over().flush().await;
        let (_, end) = flipped(&fleet, &helm, (950, 0, 0), new).await;
        assert!(matches!(&end, Some(WatchEnd::FlippedBack(why)) if why.starts_with(word)), "{new:?}: {end:?}");
        let fleet = Fleet::new();
        let helm = fleet.helm("a").await;
        let (_, end) = flipped(&fleet, &helm, (950, 400, 0), (50, 0, 0)).await;
        assert_eq!(end, None, "what the old one fails at is no reason to go back to it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flip_that_was_taken_back_is_no_measure_for_the_next_one() {
    let fleet = Fleet::new();
    let helm = fleet.helm("a").await;
    count(&helm, ApiVersion::Operations, &helm.flag().mark, (100, 0, 0));
    helm.over().flush().await;
    for _ in 0..3 {
        let (_, end) = flipped(&fleet, &helm, (40, 20, 0), (40, 20, 0)).await;
        let Some(WatchEnd::FlippedBack(why)) = &end else { panic!("{end:?}") };
        assert_eq!(why, "50 % of 40 requests by dispatch failed, 0 % before the flip");
        helm.look().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_over_says_what_it_saw() {
    let fleet = Fleet::new();
    let helm = fleet.helm("a").await;
    let (mark, end) = flipped(&fleet, &helm, (950, 0, 0), (3, 3, 3)).await;
    assert_eq!(end, None);
    fleet.flips.pass(Duration::from_secs(601));
    helm.over().judge(fleet.store.as_ref(), fleet.ledger.as_ref(), &mark).await;
    let end = fleet.flips.state(&mark).await.unwrap().unwrap().end;
    let figures = "3 requests answered by dispatch, too few to judge (at least 20)".to_owned();
    assert_eq!(end, Some(WatchEnd::Passed(figures)));
}

/// A store that asks, at the moment when a flag comes into force, whether its guard is there.
struct Asking {
    store: MemoryFlag,
    flips: Arc<MemoryFlips>,
    overtaken_by: std::sync::Mutex<Option<Steering>>,
}

#[async_trait::async_trait]
impl FlagStore for Asking {
    fn name(&self) -> &'static str {
        "asking"
    }

    async fn read(&self) -> Result<Option<Flag>, FlagError> {
        self.store.read().await
    }

    fn mint(&self, steering: Steering) -> Flag {
        self.store.mint(steering)
    }

    async fn write(&self, change: &Change, instead_of: Option<&str>) -> Result<bool, FlagError> {
        let watched = self.flips.state(&change.flag.mark).await.unwrap();
        assert!(watched.is_some_and(|state| state.left.is_some()), "a flip comes into force without its guard");
        let faster = self.overtaken_by.lock().unwrap().take();
        if let Some(steering) = faster {
            self.store.put(steering).await?;
        }
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
async fn a_guard_is_there_before_its_flip_and_knows_the_way_back_however_fast_somebody_else_is() {
    let (flips, ledger) = (Arc::new(MemoryFlips::default()), MemoryFlagLedger::default());
    let store = Asking { store: MemoryFlag::default(), flips: flips.clone(), overtaken_by: None.into() };
    store.store.put(part(5)).await.unwrap();
    *store.overtaken_by.lock().unwrap() = Some(part(20));
    let guard = Some(Guarding { lasts: Duration::from_secs(600), back: None });
    let setting = Setting { guard, ..wish(ApiVersion::Dispatch) };
    let flag = begin(&store, &ledger, flips.as_ref(), &setting).await.unwrap();
    assert_eq!(store.read().await.unwrap(), Some(flag.clone()));
    let due = flips.claim(&flag.mark).await.unwrap().expect("it is watched");
    assert_eq!(due.watched.back, part(20), "what was in force when it was set, and not what was when it was looked up");
    assert_eq!(ledger.history(5, None).await.unwrap().len(), 1);
}

#[test]
fn what_a_change_introduces_is_whose_share_grows() {
    use ApiVersion::{Dispatch, Operations};
    let all = Steering::all_to;
    let shadow = Steering { version: Dispatch, percent: 100, shadow: true };
    for (back, to, contract, against) in [
        (all(Operations), part(5), Dispatch, Operations),
        (part(5), part(50), Dispatch, Operations),
        (part(50), part(10), Operations, Dispatch),
        (all(Dispatch), all(Operations), Operations, Dispatch),
        (all(Dispatch), shadow, Operations, Dispatch),
        (all(Operations), shadow, Operations, Operations),
        (all(Dispatch), all(Dispatch), Dispatch, Dispatch),
        (part(30), Steering { version: Operations, percent: 30, shadow: false }, Dispatch, Operations),
    ] {
        let watched = Watched::new("m", back, to);
        assert_eq!((watched.contract, watched.against), (contract, against), "{back:?} to {to:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_set_meanwhile_is_not_taken_back() {
    let fleet = Fleet::new();
    let helm = fleet.helm("a").await;
    let back = Steering::all_to(ApiVersion::Operations);
    let bad = fleet.store.put(Steering::all_to(ApiVersion::Dispatch)).await.unwrap();
    fleet.flips.arm(&Watched::new(&bad.mark, back, bad.steering), Duration::from_secs(600)).await.unwrap();
    let key = Answered { route: "/classify", contract: "dispatch", mark: bad.mark.clone() };
    (0..40).for_each(|_| helm.over().count(key.clone(), true, Duration::ZERO));
    helm.over().flush().await;
    // This replica has not heard of it, and judges by what it knows.
    let part = Steering { version: ApiVersion::Dispatch, percent: 5, shadow: false };
    let chosen = fleet.store.put(part).await.unwrap();
    helm.over().judge(fleet.store.as_ref(), fleet.ledger.as_ref(), &bad.mark).await;
    assert_eq!(fleet.store.read().await.unwrap(), Some(chosen));
    assert!(fleet.ledger.history(5, None).await.unwrap().is_empty(), "and nothing says that it was");
}

#[tokio::test(start_paused = true)]
async fn a_flip_that_makes_things_worse_is_taken_back_with_its_reason() {
    let fleet = Fleet::new();
    let helm = fleet.helm("a").await;
    let stop = CancellationToken::new();
    let watch = tokio::spawn({
        let (helm, stop) = (helm.clone(), stop.clone());
        async move { helm.watch(&stop).await }
    });
    let count = |mark: &str, failed: bool| {
        let contract = if mark == "1" { "operations" } else { "dispatch" };
        let key = Answered { route: "/classify", contract, mark: mark.to_owned() };
        helm.over().count(key, failed, Duration::ZERO);
    };
    (0..100).for_each(|_| count("1", false));
    tokio::time::sleep(POLL * 2).await;
    let flag = fleet.store.put(Steering::all_to(ApiVersion::Dispatch)).await.unwrap();
    let back = Steering::all_to(ApiVersion::Operations);
    let watched = Watched::new(&flag.mark, back, flag.steering);
    fleet.flips.arm(&watched, Duration::from_secs(600)).await.unwrap();
    (0..40).for_each(|n| count(&flag.mark, n % 2 == 0));
    tokio::time::sleep(POLL * 3).await;
    assert_eq!(helm.steering(), back);
    let end = fleet.flips.state(&flag.mark).await.unwrap().unwrap().end;
    assert!(matches!(&end, Some(WatchEnd::FlippedBack(why)) if why.starts_with("50 %")), "{end:?}");
    let newest = fleet.ledger.history(1, None).await.unwrap().remove(0);
    assert_eq!((newest.by.as_str(), newest.flag.steering), ("guard", back));
    stop.cancel();
    watch.await.unwrap();
}
