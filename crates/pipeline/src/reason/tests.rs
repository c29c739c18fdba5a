//! Who is kept waiting when a mind is slow. The queue here only hands out and takes back; its own promises are tested where
//! it is built.

mod script;

use super::*;
use async_trait::async_trait;
use dispatch_classification::classification::{Meaning, Utterance};
use dispatch_classification::classifier::{Classified, ClassifierError, Listener};
use dispatch_classification::testing::{FixedClassifier, bare};
use dispatch_routing::testing::claimed_unit;
use script::ScriptedQueue;
use std::time::Duration;
use tokio::sync::Semaphore;

/// "slow" takes as long as nobody lets it go, a number as many milliseconds.
struct Ponderer {
    quick: FixedClassifier,
    let_go: Semaphore,
    width: usize,
    waits: bool,
}

impl Ponderer {
    /// Two at a time.
    fn new() -> Arc<Self> {
        Self::with(2)
    }

    fn with(width: usize) -> Arc<Self> {
        Arc::new(Self { quick: FixedClassifier::default(), let_go: Semaphore::new(0), width, waits: true })
    }

    /// One that says of itself that it never waits, with sixty places.
    fn quick() -> Arc<Self> {
        Arc::new(Self { quick: FixedClassifier::default(), let_go: Semaphore::new(0), width: 60, waits: false })
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

    fn waits(&self) -> bool {
        self.waits
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
        // Two settlements go on, of four each, and as much as fits beside them waits for the next.
        assert_eq!(queue.see(|script| script.due.len()), 40 - 16);
    };
    let (moved, ()) = tokio::join!(reason.think_turn(&stop), later);
    assert_eq!(moved.unwrap(), 40);
    queue.see(|script| assert!(script.settled.iter().all(|batch| batch.len() <= 8), "{:?}", script.settled));
}

fn burst(text: &str, count: usize) -> Vec<ClaimedUnit> {
    (0..count).map(|_| claimed_unit(text)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_mind_that_never_waits_takes_bursts_as_they_close() {
    let queue = ScriptedQueue::of(&["due before"]);
    queue.see(|script| script.bursts = burst("a", 120));
    let reason = reason(&queue, Ponderer::quick());
    assert_eq!(reason.gather_turn().await.unwrap(), 0);
    assert_eq!(reason.think_turn(&CancellationToken::new()).await.unwrap(), 121);
    queue.see(|script| {
        assert_eq!((script.closed_apart, script.bursts.len(), script.settled.concat().len()), (0, 0, 121));
    });
}

#[tokio::test(start_paused = true)]
async fn behind_a_mind_that_waits_bursts_are_closed_apart() {
    let queue = ScriptedQueue::of(&[]);
    queue.see(|script| script.bursts = burst("a", 10));
    let reason = reason(&queue, Ponderer::with(60));
    assert_eq!(reason.think_turn(&CancellationToken::new()).await.unwrap(), 0, "none of them is its own to close");
    reason.gather_turn().await.unwrap();
    assert_eq!(reason.think_turn(&CancellationToken::new()).await.unwrap(), 10);
    queue.see(|script| assert_eq!(script.closed_apart, 10));
}

#[tokio::test(start_paused = true)]
async fn no_burst_is_closed_beside_what_was_claimed_before() {
    let queue = ScriptedQueue::of(&["slow"]);
    queue.see(|script| {
        script.due[0].attempts = 2;
        script.bursts = burst("a", 3);
    });
    let mind = Ponderer::quick();
    let (reason, stop) = (reason(&queue, mind.clone()), CancellationToken::new());
    let later = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(queue.see(|script| script.bursts.len()), 3, "it is alone in this worker's hands");
        mind.let_go.add_permits(1);
    };
    let (moved, ()) = tokio::join!(reason.think_turn(&stop), later);
    assert_eq!(moved.unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn bursts_that_cannot_be_closed_do_not_cost_what_is_claimed() {
    let queue = ScriptedQueue::of(&["a", "b"]);
    queue.see(|script| {
        script.bursts_fail = true;
        script.bursts = burst("c", 1);
    });
    let reason = reason(&queue, Ponderer::quick());
    assert!(reason.think_turn(&CancellationToken::new()).await.is_err(), "the fault is told");
    queue.see(|script| assert_eq!(script.settled.concat().len(), 2));
}
