//! Who is kept waiting when a mind is slow. The queue here only hands out and takes back; its own promises are tested where
//! it is built.

use super::*;
use async_trait::async_trait;
use dispatch_classification::classification::{Meaning, Utterance};
use dispatch_classification::classifier::{Classified, ClassifierError, Listener};
use dispatch_classification::testing::{FixedClassifier, bare};
use dispatch_mission::ids::UnitId;
use dispatch_routing::queue::{ClaimToken, Settled};
use dispatch_routing::testing::claimed_unit;
use dispatch_routing::unit_queue::UnitSettlement;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Units that are due, those handed back, and what was settled together.
#[derive(Default)]
struct Script {
    due: Vec<ClaimedUnit>,
    claims_that_fail: u32,
    settled: Vec<Vec<UnitId>>,
    handed_back: usize,
    most_claimed: usize,
    renewed: usize,
    settling_takes: Duration,
    handing_back_takes: Duration,
}

#[derive(Default)]
struct ScriptedQueue(Mutex<Script>);

impl ScriptedQueue {
    fn of(texts: &[&str]) -> Arc<Self> {
        let due = texts.iter().map(|text| claimed_unit(text)).collect();
        Arc::new(Self(Mutex::new(Script { due, ..Script::default() })))
    }

    fn see<T>(&self, look: impl FnOnce(&mut Script) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl UnitQueue for ScriptedQueue {
    async fn amend(&self, _: u32) -> Result<u32, QueueError> {
        Ok(0)
    }

    async fn close_bursts(&self, _: BurstRule, _: u32) -> Result<u32, QueueError> {
        Ok(0)
    }

    async fn claim(&self, rule: ClaimRule) -> Result<Vec<ClaimedUnit>, QueueError> {
        self.see(|script| {
            if script.due.is_empty() && script.claims_that_fail > 0 {
                script.claims_that_fail -= 1;
                return Err(QueueError::Unavailable("down".into()));
            }
            // As the real one: what was claimed before is claimed alone.
            let fresh = script.due.iter().take_while(|unit| unit.attempts == 1).count();
            let count = script.due.len().min(rule.limit as usize).min(fresh.max(1));
            script.most_claimed = script.most_claimed.max(count);
            Ok(script.due.drain(..count).collect())
        })
    }

    async fn renew(&self, _: UnitId, _: ClaimToken, _: Duration) -> Result<Settled, QueueError> {
        self.see(|script| script.renewed += 1);
        Ok(Settled::Stood)
    }

    async fn settle(&self, settlements: Vec<UnitSettlement>) -> Result<Vec<Settled>, QueueError> {
        tokio::time::sleep(self.see(|script| script.settling_takes)).await;
        self.see(|script| script.settled.push(settlements.iter().map(|one| one.unit_id).collect()));
        Ok(vec![Settled::Stood; settlements.len()])
    }

    async fn give_back(&self, _: UnitId, _: ClaimToken, _: Option<Duration>, _: &str) -> Result<Settled, QueueError> {
        Ok(Settled::Stood)
    }

    async fn hand_back(&self, unit: UnitId, _: ClaimToken) -> Result<Settled, QueueError> {
        tokio::time::sleep(self.see(|script| script.handing_back_takes)).await;
        self.see(|script| {
            script.handed_back += 1;
            let mut again = claimed_unit("claimed before");
            (again.unit_id, again.attempts) = (unit, 2);
            script.due.insert(0, again);
        });
        Ok(Settled::Stood)
    }

    async fn expire_held(&self, _: u32) -> Result<u32, QueueError> {
        Ok(0)
    }
}

/// "slow" takes as long as nobody lets it go, a number as many milliseconds.
struct Ponderer {
    quick: FixedClassifier,
    let_go: Semaphore,
    width: usize,
}

impl Ponderer {
    /// Two at a time.
    fn new() -> Arc<Self> {
        Self::with(2)
    }

    fn with(width: usize) -> Arc<Self> {
        Arc::new(Self { quick: FixedClassifier::default(), let_go: Semaphore::new(0), width })
    }
}

#[async_trait]
impl Classifier for Ponderer {
    fn name(&self) -> &'static str {
        "ponderer"
    }

    fn width(&self) -> usize {
        self.width
    }

    async fn classify(&self, unit: &[Utterance], listener: &dyn Listener) -> Result<Classified, ClassifierError> {
        if unit[0].text == "slow" {
            self.let_go.acquire().await.unwrap().forget();
        }
        if let Ok(millis) = unit[0].text.parse() {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        self.quick.classify(unit, listener).await
    }
}

fn reason(queue: &Arc<ScriptedQueue>, classifier: Arc<dyn Classifier>) -> Reason {
    let claim = ClaimRule { limit: 50, lease: Duration::from_secs(30), max_attempts: 5 };
    Reason::new(
        queue.clone(),
        classifier,
        Policy::default(),
        Zone::toronto(),
        BurstRule::default(),
        claim,
        Arc::default(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_slow_thought_holds_up_no_other_conversation_and_no_more_is_claimed_than_can_be_thought_about() {
    let queue = ScriptedQueue::of(&["slow", "a", "b", "c"]);
    let mind = Ponderer::new();
    let (reason, stop) = (reason(&queue, mind.clone()), CancellationToken::new());
    let watch = async {
        while queue.see(|script| script.settled.concat().len()) < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        mind.let_go.add_permits(1);
    };
    let (moved, ()) = tokio::join!(reason.think_turn(&stop), watch);
    assert_eq!(moved.unwrap(), 4);
    queue.see(|script| {
        assert_eq!(script.settled.concat().len(), 4);
        assert_eq!(script.most_claimed, 2);
    });
}

#[tokio::test(start_paused = true)]
async fn what_was_thought_together_is_settled_together() {
    let queue = ScriptedQueue::of(&["a", "b", "c"]);
    let mind = Arc::new(FixedClassifier::default().when("a", bare(Meaning::Ignore, 1.0)));
    reason(&queue, mind).think_turn(&CancellationToken::new()).await.unwrap();
    queue.see(|script| assert_eq!(script.settled.iter().map(Vec::len).collect::<Vec<_>>(), [3]));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_fails_meanwhile_does_not_cost_the_thought_that_is_under_way() {
    let queue = ScriptedQueue::of(&["slow"]);
    queue.see(|script| script.claims_that_fail = 1);
    let mind = Ponderer::new();
    let (reason, stop) = (reason(&queue, mind.clone()), CancellationToken::new());
    let later = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        mind.let_go.add_permits(1);
    };
    let (moved, ()) = tokio::join!(reason.think_turn(&stop), later);
    assert!(moved.is_err(), "the fault is told");
    queue.see(|script| assert_eq!(script.settled.concat().len(), 1));
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_finishes_what_it_thinks_about_and_claims_nothing_more() {
    let queue = ScriptedQueue::of(&["slow", "slow", "never claimed"]);
    let mind = Ponderer::new();
    let (reason, stop) = (reason(&queue, mind.clone()), CancellationToken::new());
    let later = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.cancel();
        mind.let_go.add_permits(2);
    };
    let (moved, ()) = tokio::join!(reason.think_turn(&stop), later);
    assert_eq!(moved.unwrap(), 2);
    queue.see(|script| {
        assert_eq!((script.settled.concat().len(), script.due.len(), script.handed_back), (2, 1, 0));
    });
}

#[tokio::test(start_paused = true)]
async fn while_a_settlement_waits_for_the_database_thoughts_are_heard_and_claims_renewed() {
    let queue = ScriptedQueue::of(&["quick", "slow"]);
    queue.see(|script| script.settling_takes = Duration::from_secs(15));
    let mind = Ponderer::new();
    let (reason, stop) = (reason(&queue, mind.clone()), CancellationToken::new());
    let later = async {
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert_eq!(queue.see(|script| (script.renewed, script.settled.len())), (1, 0), "renewed within the settlement");
        mind.let_go.add_permits(1);
    };
    let (moved, ()) = tokio::join!(reason.think_turn(&stop), later);
    assert_eq!(moved.unwrap(), 2);
    queue.see(|script| assert_eq!(script.settled.concat().len(), 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_claimed_before_is_alone_in_the_workers_hands() {
    let queue = ScriptedQueue::of(&["slow", "claimed before", "after it"]);
    queue.see(|script| script.due[1].attempts = 2);
    let suspect = queue.see(|script| script.due[1].unit_id);
    let mind = Ponderer::new();
    let (reason, stop) = (reason(&queue, mind.clone()), CancellationToken::new());
    let later = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        queue.see(|script| {
            assert_eq!(script.settled.concat().len(), 0);
            assert_eq!(script.handed_back, 1, "handed back once, and then the queue is left alone");
        });
        mind.let_go.add_permits(1);
    };
    let (moved, ()) = tokio::join!(reason.think_turn(&stop), later);
    assert_eq!(moved.unwrap(), 3);
    let settled = queue.see(|script| script.settled.clone());
    assert_eq!(settled.len(), 3, "each by itself");
    assert_eq!(settled[1], [suspect]);
}

/// They may hold what handing back waits for: a connection.
#[tokio::test(start_paused = true)]
async fn while_something_is_handed_back_claims_are_renewed() {
    let queue = ScriptedQueue::of(&["slow", "claimed before"]);
    queue.see(|script| {
        script.due[1].attempts = 2;
        script.handing_back_takes = Duration::from_secs(15);
    });
    let mind = Ponderer::new();
    let (reason, stop) = (reason(&queue, mind.clone()), CancellationToken::new());
    let later = async {
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert_eq!(queue.see(|script| (script.renewed, script.handed_back)), (1, 0), "renewed meanwhile");
        mind.let_go.add_permits(1);
    };
    let (moved, ()) = tokio::join!(reason.think_turn(&stop), later);
    assert_eq!(moved.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_understood_within_a_moment_is_settled_together_and_waits_no_longer() {
    let queue = ScriptedQueue::of(&["10", "15", "60000"]);
    let (reason, stop) = (reason(&queue, Ponderer::with(8)), CancellationToken::new());
    let later = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        queue.see(|script| assert_eq!(script.settled.iter().map(Vec::len).collect::<Vec<_>>(), [2]));
    };
    let (moved, ()) = tokio::join!(reason.think_turn(&stop), later);
    assert_eq!(moved.unwrap(), 3);
    queue.see(|script| assert_eq!(script.settled.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]));
}

#[tokio::test(start_paused = true)]
async fn no_more_is_claimed_than_can_be_thought_about_and_settled() {
    let queue = ScriptedQueue::of(&["1"; 40]);
    queue.see(|script| script.settling_takes = Duration::from_secs(5));
    let (reason, stop) = (reason(&queue, Ponderer::with(8)), CancellationToken::new());
    let later = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        // One settlement goes on, and as much as fits beside it waits for the next.
        assert_eq!(queue.see(|script| script.due.len()), 40 - 16);
    };
    let (moved, ()) = tokio::join!(reason.think_turn(&stop), later);
    assert_eq!(moved.unwrap(), 40);
    queue.see(|script| assert!(script.settled.iter().all(|batch| batch.len() <= 8), "{:?}", script.settled));
}
